// SPDX-License-Identifier: MIT
//! Waiting for each other: sleeping, waking, joining, the exit flag.

mod sleep;
mod until;

pub use sleep::{pause, pause_forever, wake_up};
pub use until::Until;

use crate::dispatcher::{Caller, Dispatcher, Handle};
use crate::status::{Fault, Outcome, Status};
use std::pin::pin;
use std::rc::Rc;

/// Waits until a coroutine has ended; a stale handle's has.
pub fn join(d: &Dispatcher, thread: Handle, seconds: f64) -> Outcome<()> {
    let Some(joined) = d.thread(thread) else {
        return Ok(());
    };
    if let Ok(Caller::Thread(caller)) = d.caller()
        && caller.handle == thread
    {
        return Err(Fault::invalid(
            "a coroutine cannot join itself: it would wait for ever",
        ));
    }
    let ended = Until::new(Rc::clone(&joined.joiners), || d.thread(thread).is_none());
    Ok(d.wait(pin!(ended), seconds)?)
}

/// Waits until the exit flag is raised.
pub fn wait_for_exit(d: &Dispatcher) -> Result<(), Status> {
    let raised = Until::new(Rc::clone(d.exit_waiters()), || d.is_exiting());
    d.wait(pin!(raised), -1.0)
}
