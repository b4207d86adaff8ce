// SPDX-License-Identifier: MIT
//! Waiting for each other: sleeping, waking, joining, the exit flag.

mod alarm;
mod future;
mod group;
mod kin;
mod line;
mod lock;
mod offload;
mod queue;
mod select;
mod semaphore;
mod sleep;
mod timer;
mod until;

pub use alarm::{clear_alarm, set_alarm};
pub use future::{Promise, settled, wait_for};
pub use group::{Group, add_member, close_group, wait_group};
pub use lock::{Get as GetLock, Lock, get};
pub use offload::offload;
pub use queue::{Pop, Push, Queue, Worker, finish, pop, push};
pub use select::{Choice, SubmittedChoice, select};
pub use semaphore::{Semaphore, Take, take};
pub use sleep::{pause, pause_forever, wake_up};
pub use timer::{Callback, Timer};
pub use until::Until;

use crate::dispatcher::{Caller, Dispatcher, Handle, Thread};
use crate::status::{Fault, Outcome, Status};
use std::pin::pin;
use std::rc::Rc;

/// Ready when a coroutine has ended; one that is not there has.
pub async fn ended(thread: Option<Rc<Thread>>) -> Outcome<()> {
    if let Some(thread) = thread {
        Until::new(Rc::clone(&thread.joiners), || thread.has_ended()).await;
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
    d.wait(pin!(ended(d.thread(thread))), seconds)?
}

/// Waits until the exit flag is raised.
pub fn wait_for_exit(d: &Dispatcher) -> Result<(), Status> {
    let raised = Until::new(Rc::clone(d.exit_waiters()), || d.is_exiting());
    d.wait(pin!(raised), -1.0)
}
