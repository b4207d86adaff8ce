// SPDX-License-Identifier: MIT
//! Waiting for each other: sleeping, waking, joining, the exit flag.

mod alarm;
mod future;
mod line;
mod lock;
mod queue;
mod select;
mod semaphore;
mod sleep;
mod timer;
mod until;

pub use alarm::{clear_alarm, set_alarm};
pub use future::{Promise, wait_for};
pub use lock::{Lock, get};
pub use queue::{Pop, Queue, Worker, finish, pop, push};
pub use select::{Choice, select};
pub use semaphore::{Semaphore, take};
pub use sleep::{pause, pause_forever, wake_up};
pub use timer::{Callback, Timer};
pub use until::Until;

use crate::dispatcher::{Caller, Dispatcher, Handle};
use crate::status::{Fault, Outcome, Status};
use std::pin::pin;
use std::rc::Rc;

/// Ready when a coroutine has ended; a stale handle's has.
pub async fn ended(d: &Dispatcher, thread: Handle) -> Outcome<()> {
    if let Some(joined) = d.thread(thread) {
        Until::new(Rc::clone(&joined.joiners), || d.thread(thread).is_none()).await;
    }
    Ok(())
}

/// Waits until a coroutine has ended; a stale handle's has.
pub fn join(d: &Dispatcher, thread: Handle, seconds: f64) -> Outcome<()> {
    if let Ok(Caller::Thread(caller)) = d.caller()
        && caller.handle == thread
    {
        return Err(Fault::invalid(
            "a coroutine cannot join itself: it would wait for ever",
        ));
    }
    // Also a wait that is over at once gives the others their turn, and ends when canceled.
    d.wait(pin!(ended(d, thread)), seconds)?
}

/// Waits until the exit flag is raised.
pub fn wait_for_exit(d: &Dispatcher) -> Result<(), Status> {
    let raised = Until::new(Rc::clone(d.exit_waiters()), || d.is_exiting());
    d.wait(pin!(raised), -1.0)
}
