// SPDX-License-Identifier: MIT
//! The exports about events that come to a callback on the root stack: a coroutine's alarm, and the
//! process' signals.

use super::copas_status;
use super::guard::{on_dispatcher, pointer};
use super::types::{copas, copas_signal_fn, copas_timeout_fn};
use crate::status::Fault;
use crate::sync;
use core::ffi::{c_int, c_void};
use std::rc::Rc;

/// Sets the calling coroutine's alarm: unless it ends before, `fn(thread, user)` is called in
/// `seconds` on the root stack, where it may cancel it (copas_removethread()) or close what it waits
/// on, but not wait itself. A second call sets it anew; a negative number of seconds (COPAS_FOREVER)
/// takes it away, and `fn` may be NULL then. `user` must live until the alarm has rung, is set anew or
/// taken away, or the coroutine has ended: then it is used no more.
/// Errors: COPAS_INVALID (also outside of a coroutine, for NAN, or when `fn` is NULL), COPAS_LIMIT,
/// COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_timeout(
    c: *mut copas,
    seconds: f64,
    r#fn: copas_timeout_fn,
    user: *mut c_void,
) -> copas_status {
    on_dispatcher(c, |d| {
        let seconds = super::guard::seconds(seconds)?;
        let outside = || Fault::invalid("only coroutines have an alarm");
        let thread = d.running().ok_or_else(outside)?;
        if seconds < 0.0 {
            sync::clear_alarm(d, &thread);
            return Ok(());
        }
        let call = r#fn.ok_or_else(|| Fault::invalid("the alarm's function is NULL"))?;
        let handle = thread.handle;
        sync::set_alarm(d, &thread, seconds, move || {
            // SAFETY: the program's function with the program's pointer.
            unsafe { call(pointer(handle), user) };
        })
    })
}

/// Has `fn(c, number, user)` called on the root stack, in the step after the process got signal
/// `number` (of <signal.h>); several deliveries may become one call. This installs a handler for the
/// whole process until copas_free(), or until `fn` is NULL; then the signal is handled as before. A
/// signal belongs to one dispatcher. It does not keep the loop alive. `user` must live until then, or until
/// another function is set for the signal.
///
/// Errors: COPAS_BUSY (another dispatcher has the signal), COPAS_INVALID (also for a number that is no
/// signal, or one that cannot be caught; or when `fn` is NULL and the signal is not this
/// dispatcher's), COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_on_signal(
    c: *mut copas,
    number: c_int,
    r#fn: copas_signal_fn,
    user: *mut c_void,
) -> copas_status {
    on_dispatcher(c, |d| {
        let Some(call) = r#fn else {
            let text = "the signal is not this dispatcher's";
            return d
                .leave_signal(number)
                .then_some(())
                .ok_or_else(|| Fault::invalid(text));
        };
        let own = d.handle;
        d.on_signal(
            number,
            Rc::new(move |number| {
                // SAFETY: the program's function with the program's pointer.
                unsafe { call(pointer(own), number, user) };
            }),
        )
    })
}
