// SPDX-License-Identifier: MIT
//! Waiting for each other: sleeping, waking, joining, the exit flag.

mod alarm;
mod future;
mod group;
mod kin;
mod line;
mod lock;
mod mailbox;
mod offload;
mod queue;
mod select;
mod semaphore;
mod sleep;
mod timer;
mod until;

pub use alarm::{clear_alarm, set_alarm};
pub use future::{Promise, check_get, settled, wait_for};
pub use group::{Group, add_member, check_outside, close_group, joined, wait_group};
pub use lock::{Get as GetLock, Lock, Untold, get, release};
pub use mailbox::{Mailbox, Put as PutItem, Take as TakeItem, put as put_item, take as take_item};
pub use offload::{Offload, offload};
pub use queue::{Pop, Push, Queue, Worker, check_finish, finish, finished, pop, push};
pub use select::{Choice, select};
pub use semaphore::{Semaphore, Take, take};
pub use sleep::{pause, pause_forever, wake_up};
pub use timer::{Callback, Timer};
pub use until::Until;

use crate::dispatcher::{Dispatcher, Handle, Thread, current, registry};
use crate::status::{Fault, Outcome, Status};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Ready when a coroutine has ended; one that is not there has.
pub async fn ended(thread: Option<Rc<Thread>>) -> Outcome<()> {
    if let Some(thread) = thread {
        Until::new(Rc::clone(&thread.extras().joiners), || thread.has_ended()).await;
    }
    Ok(())
}

/// Waits as `Dispatcher::wait` does, but also for a stack that may not wait where no wait is asked for.
fn wait_or_look<F: Future>(
    d: &Dispatcher,
    operation: Pin<&mut F>,
    seconds: f64,
) -> Result<F::Output, Status> {
    if seconds != 0.0 || d.caller().is_ok() {
        return d.wait(operation, seconds);
    }
    match operation.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => Err(Status::TIMEOUT),
    }
}

/// An error for a coroutine or callback of another dispatcher.
fn check_at_home(d: &Dispatcher) -> Outcome<()> {
    if current::get().is_some_and(|stepping| stepping != d.handle) {
        return Err(Fault::new(
            Status::CANNOT_WAIT,
            "this is another dispatcher's: only its own coroutines can use it",
        ));
    }
    Ok(())
}

/// An error where `who`, a coroutine or the root stack, would wait for its own end.
pub fn check_join(who: Handle, thread: Handle) -> Outcome<()> {
    if who == thread {
        return Err(Fault::invalid(
            "a coroutine cannot join itself: it would wait for ever",
        ));
    }
    Ok(())
}

/// Waits until a coroutine has ended; a stale handle's has.
pub fn join(d: &Dispatcher, thread: Handle, seconds: f64) -> Outcome<()> {
    check_join(d.borrower(), thread)?;
    // Also a wait that is over at once gives the others their turn, and ends when canceled.
    d.wait(pin!(ended(d.thread(thread))), seconds)?
}

/// Ready when the exit flag is raised.
pub async fn exit_raised(d: Handle) -> Outcome<()> {
    let waiters = Rc::clone(registry::enter(d)?.exit_waiters());
    let raised = || registry::enter(d).is_ok_and(|d| d.is_exiting());
    Until::new(waiters, raised).await;
    Ok(())
}

/// Waits until the exit flag is raised.
pub fn wait_for_exit(d: &Dispatcher) -> Outcome<()> {
    d.wait(pin!(exit_raised(d.handle)), -1.0)?
}
