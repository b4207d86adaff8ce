// SPDX-License-Identifier: MIT
//! A few OS threads of the process for what cannot but block. They are started when something is to do,
//! take no signals from outside, and end when nothing has been to do for a while.

use super::os_thread;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::io;
use std::time::Duration;

/// Most OS threads.
const MOST: usize = 4;
/// How long one that has nothing to do stays.
const IDLE: Duration = Duration::from_secs(10);

/// What is to do.
pub type Job = Box<dyn FnOnce() + Send>;

struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

static STATE: Mutex<State> = Mutex::new(State {
    jobs: VecDeque::new(),
    threads: 0,
    idle: 0,
});
static THERE_IS_WORK: Condvar = Condvar::new();

/// Has a job done by one of the OS threads, in the order of the calls.
pub fn run(job: Job) -> io::Result<()> {
    let mut state = STATE.lock();
    if state.idle <= state.jobs.len() && state.threads < MOST {
        match os_thread::start("copas-pool", None, work) {
            Ok(_) => state.threads += 1,
            Err(e) if state.threads == 0 => return Err(e),
            // Those that there are will come to it.
            Err(_) => {}
        }
    }
    state.jobs.push_back(job);
    THERE_IS_WORK.notify_one();
    Ok(())
}

fn work() {
    let mut state = STATE.lock();
    loop {
        if let Some(job) = state.jobs.pop_front() {
            drop(state);
            // A panic of a job is its own; the thread goes on.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
            state = STATE.lock();
            continue;
        }
        state.idle += 1;
        let waited = THERE_IS_WORK.wait_for(&mut state, IDLE);
        state.idle -= 1;
        if waited.timed_out() && state.jobs.is_empty() {
            state.threads -= 1;
            return;
        }
    }
}
