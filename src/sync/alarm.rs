// SPDX-License-Identifier: MIT
//! A coroutine's alarm: a callback for when it has taken too long.

use crate::dispatcher::{Deadline, Dispatcher, Handle, Object, Thread};
use crate::status::Outcome;
use std::rc::Rc;

/// An alarm that is set, with what it calls.
struct Alarm<F> {
    handle: Handle,
    deadline: Deadline,
    call: F,
}

impl<F: Fn() + 'static> Object for Alarm<F> {
    fn deadline(&self) -> Option<&Deadline> {
        Some(&self.deadline)
    }

    fn due(self: Rc<Self>, d: &Dispatcher) {
        d.destroy_object(self.handle);
        (self.call)();
    }

    fn destroy(&self, d: &Dispatcher) {
        d.disarm(&self.deadline);
    }
}

/// Sets a coroutine's alarm, instead of the one that it has: `call` is called on the root stack in
/// `seconds`, unless it ends before or the alarm is set anew.
pub fn set_alarm(
    d: &Dispatcher,
    thread: &Thread,
    seconds: f64,
    call: impl Fn() + 'static,
) -> Outcome<()> {
    clear_alarm(d, thread);
    let handle = d.add_object(|handle| {
        let deadline = Deadline::new();
        d.arm(&deadline, handle, seconds);
        Alarm {
            handle,
            deadline,
            call,
        }
    })?;
    thread.extras().alarm.set(Some(handle));
    Ok(())
}

/// Takes a coroutine's alarm away; whether it was still to come.
pub fn clear_alarm(d: &Dispatcher, thread: &Thread) -> bool {
    let alarm = thread
        .extras_if_any()
        .and_then(|extras| extras.alarm.take());
    alarm.is_some_and(|handle| d.destroy_object(handle))
}
