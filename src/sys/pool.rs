// SPDX-License-Identifier: MIT
//! A few OS threads of the process for what cannot but block. They are started when something is to do,
//! take no signals, and end when nothing has been to do for a while.

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
        match start() {
            Ok(()) => state.threads += 1,
            Err(e) if state.threads == 0 => return Err(e),
            // Those that there are will come to it.
            Err(_) => {}
        }
    }
    state.jobs.push_back(job);
    THERE_IS_WORK.notify_one();
    Ok(())
}

/// Starts one OS thread that takes no signal.
fn start() -> io::Result<()> {
    let before = block_signals();
    let started = std::thread::Builder::new()
        .name("copas-pool".into())
        .spawn(work);
    restore_signals(&before);
    started.map(drop)
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

/// Blocks all signals of this OS thread, whose new OS threads inherit that; the mask before.
fn block_signals() -> libc::sigset_t {
    // SAFETY: an all-zero sigset_t is a valid value of that plain struct.
    let (mut all, mut before): (libc::sigset_t, libc::sigset_t) =
        unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    // SAFETY: both are live sets, which is all that the two functions write to.
    unsafe {
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &all, &mut before);
    }
    before
}

fn restore_signals(before: &libc::sigset_t) {
    // SAFETY: a live set that pthread_sigmask gave; NULL: what is replaced is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, std::ptr::null_mut()) };
}
