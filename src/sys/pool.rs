// SPDX-License-Identifier: MIT
//! A few OS threads of the process for what cannot but block: one pool for names, one for blocking
//! functions, so that neither holds up the other. They are started when something is to do, take no
//! signals from outside, and end when nothing has been to do for a while.

use super::sync::atomic::AtomicU32;
use super::sync::{Condvar, Mutex, MutexGuard};
use super::{annotations, os_thread, process};
use std::collections::VecDeque;
use std::io;
use std::sync::PoisonError;
use std::time::Duration;

/// Looks names up. They wait for the network, not for a CPU; more at once would only ask the same few
/// name servers at the same time.
#[cfg(not(shuttle))]
pub static LOOKUPS: Pool = Pool::new(4);
/// Runs the program's blocking functions: few, because each may use a CPU or a disk by itself.
#[cfg(not(shuttle))]
pub static OFFLOADS: Pool = Pool::new(4);

#[cfg(shuttle)]
shuttle::lazy_static! {
    /// As above; new in each run of the model.
    pub static ref LOOKUPS: Pool = Pool::new(2);
    /// As above; new in each run of the model.
    pub static ref OFFLOADS: Pool = Pool::new(2);
}

/// How long an OS thread that has nothing to do stays.
const IDLE: Duration = Duration::from_secs(10);

/// What is to do; it is told whether it had to wait for its turn.
pub type Job = Box<dyn FnOnce(bool) + Send>;

struct State {
    jobs: VecDeque<(Job, bool)>,
    threads: usize,
    idle: usize,
    /// Whose these OS threads are: a child of fork(2) has none of its parent's.
    process: u32,
}

impl State {
    /// Forgets what the parent's OS threads do, in a child of fork(2).
    fn begin_process(&mut self) {
        let process = process::number();
        if self.process != process {
            (self.threads, self.idle, self.process) = (0, 0, process);
            std::mem::take(&mut self.jobs)
                .into_iter()
                .for_each(std::mem::forget);
        }
    }
}

/// OS threads that do jobs. Its lock and its condition are the kernel's alone (futex), without a queue in
/// the process: a child of fork(2) finds nobody of its parent's waiting there.
pub struct Pool {
    /// Most OS threads.
    most: usize,
    state: Mutex<State>,
    there_is_work: Condvar,
    /// Names the order of those who hand over before those who take, for tools: they do not see the lock.
    order: AtomicU32,
}

impl Pool {
    const fn new(most: usize) -> Self {
        Pool {
            most,
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                threads: 0,
                idle: 0,
                process: 0,
            }),
            there_is_work: Condvar::new(),
            order: AtomicU32::new(0),
        }
    }

    /// Has a job done by one of the OS threads, in the order of the calls.
    pub fn run(&'static self, job: Job) -> io::Result<()> {
        let mut state = self.lock();
        state.begin_process();
        let mut waits = state.idle <= state.jobs.len();
        if waits && state.threads < self.most {
            match os_thread::start("copas-pool", None, || self.work()) {
                Ok(_) => {
                    state.threads += 1;
                    waits = false;
                }
                Err(e) if state.threads == 0 => return Err(e),
                // Those that there are will come to it.
                Err(_) => {}
            }
        }
        annotations::released(&self.order);
        state.jobs.push_back((job, waits));
        self.there_is_work.notify_one();
        Ok(())
    }

    /// No job runs under the lock, so that a panic leaves the state whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&'static self) {
        let mut state = self.lock();
        loop {
            if let Some((job, waited)) = state.jobs.pop_front() {
                drop(state);
                annotations::acquired(&self.order);
                // A panic of a job is its own; the thread goes on.
                let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || job(waited)));
                state = self.lock();
                continue;
            }
            state.idle += 1;
            let waited = self.there_is_work.wait_timeout(state, IDLE);
            let (woken, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if waited.timed_out() && state.jobs.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }
}
