// SPDX-License-Identifier: MIT
//! The exports about timers.

use super::copas_status;
use super::guard::{answer, destroy, handle_of, on, on_object, pointer};
use super::memory::{Growing, place, read_sized, text};
use super::thread::error_handler;
use super::types::{copas, copas_timer, copas_timer_options};
use super::user::User;
use crate::status::{Fault, Outcome};
use crate::sync::{Callback, Timer};
use std::rc::Rc;

/// copas_timer_options.flags: it fires again and again.
const RECURRING: u64 = 1;

// SAFETY: repr(C), the size first, and every field may be zero (NULL functions are None).
unsafe impl Growing for copas_timer_options {}

/// Makes a timer and arms it. `options` must not be NULL and is copied; `options->user_free` is
/// called exactly once, also when this call fails.
/// Errors: COPAS_INVALID (also for a negative delay or NAN, no callback, or when `out` is NULL),
/// COPAS_LIMIT, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_timer_new(
    c: *mut copas,
    options: *const copas_timer_options,
    out: *mut *mut copas_timer,
) -> copas_status {
    answer(|| {
        // SAFETY: NULL or a struct with its size, as the comment asks.
        let options = unsafe { read_sized(options) };
        let user = User::new(options.known.user, options.known.user_free);
        let options = options.check()?;
        on(handle_of(c)?, |d| {
            // SAFETY: NULL or writable; the name is NULL or terminated, as the comments ask.
            let (out, name) = unsafe { (place(out, "out")?, text(options.name)?) };
            let again = check(&options)?.then_some(options.delay);
            let call = options
                .callback
                .ok_or_else(|| Fault::invalid("the timer's callback is NULL"))?;
            let handle = d.add_object(|handle| {
                let callback: Callback = Rc::new(move || {
                    // SAFETY: the program's function with the program's pointer.
                    unsafe { call(pointer(handle), user.pointer()) };
                });
                Timer::new(handle, name.unwrap_or("timer").into(), again, callback)
            })?;
            let timer: Rc<Timer> = d.object(handle)?;
            let handler = options.error_handler;
            let handler = handler.map(|handler| error_handler(handler, options.error_user));
            timer.error_handler.replace(handler);
            timer.arm(d, first_delay(&options))?;
            out.write(pointer(handle));
            Ok(())
        })
    })
}

/// Whether the settings say that it is recurring, if they are right.
fn check(options: &copas_timer_options) -> Outcome<bool> {
    if options.flags & !RECURRING != 0 {
        return Err(Fault::invalid("flags is 0 or COPAS_RECURRING"));
    }
    let delays_are_right = options.delay >= 0.0 && !options.initial_delay.is_nan();
    if !delays_are_right {
        return Err(Fault::invalid("a timer's delay is negative or NAN"));
    }
    Ok(options.flags & RECURRING != 0)
}

/// The seconds until it fires first.
fn first_delay(options: &copas_timer_options) -> f64 {
    if options.initial_delay == 0.0 {
        options.delay
    } else {
        options.initial_delay.max(0.0)
    }
}

/// Arms a timer that is not: it fires in `seconds` (0: in the next step). In its own callback too.
/// Errors: COPAS_BUSY (armed already), COPAS_INVALID (also when `seconds` is negative or NAN),
/// COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_timer_arm(timer: *mut copas_timer, seconds: f64) -> copas_status {
    on_object(timer, |d, timer: Rc<Timer>| {
        if seconds >= 0.0 {
            timer.arm(d, seconds)
        } else {
            Err(Fault::invalid("a timer's delay is negative or NAN"))
        }
    })
}

/// Disarms a timer: it fires no more. A callback that runs, also one that calls this, goes on to its
/// end. Errors: COPAS_INVALID (also when it is not armed), COPAS_STALE, COPAS_WRONG_THREAD.
/// Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_timer_cancel(timer: *mut copas_timer) -> copas_status {
    on_object(timer, |d, timer: Rc<Timer>| timer.cancel(d))
}

/// Destroys the timer: its handle is stale. A callback that runs goes on to its end.
/// Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_timer_destroy(timer: *mut copas_timer) -> copas_status {
    destroy::<_, Timer>(timer)
}
