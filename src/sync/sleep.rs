// SPDX-License-Identifier: MIT
//! Sleeping for a time or for ever, and being woken.

use crate::dispatcher::{Caller, Dispatcher, Thread};
use crate::status::Status;
use std::future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

/// Ready when its coroutine is no longer asleep. The wake-up itself comes through the handle.
struct Asleep<'a>(&'a Thread);

impl<'a> Asleep<'a> {
    fn fall(thread: &'a Thread) -> Self {
        thread.asleep.set(true);
        Asleep(thread)
    }
}

impl Future for Asleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0.asleep.get() {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }
}

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        self.0.asleep.set(false);
    }
}

/// Lets the others run for a time (negative: for ever), or until woken; gives the seconds slept,
/// also with COPAS_CANCELED.
pub fn pause(d: &Dispatcher, seconds: f64) -> Result<f64, (Status, f64)> {
    let start = d.now();
    let slept = sleep(d, seconds);
    let seconds = (d.now() - start) as f64 / 1e9;
    slept.map(|()| seconds).map_err(|status| (status, seconds))
}

/// Sleeps until woken.
pub fn pause_forever(d: &Dispatcher) -> Result<(), Status> {
    sleep(d, -1.0)
}

fn sleep(d: &Dispatcher, seconds: f64) -> Result<(), Status> {
    if seconds == 0.0 {
        d.yield_turn()?;
        return match d.is_past_scope() {
            true => Err(Status::TIMEOUT),
            false => Ok(()),
        };
    }
    let woken = match d.caller()? {
        Caller::Thread(thread) => d.wait(pin!(Asleep::fall(&thread)), seconds),
        Caller::Root if seconds < 0.0 => return Err(Status::CANNOT_WAIT),
        Caller::Root => d.wait(pin!(future::pending()), seconds),
    };
    match woken {
        Err(Status::TIMEOUT) if !d.is_past_scope() => Ok(()),
        other => other,
    }
}

/// Wakes a coroutine that sleeps; whether it did.
pub fn wake_up(d: &Dispatcher, thread: &Thread) -> bool {
    let was_asleep = thread.asleep.replace(false);
    if was_asleep {
        d.wake(thread.handle);
    }
    was_asleep
}
