// SPDX-License-Identifier: MIT
//! The exports about futures.

use super::copas_status;
use super::guard::{answer, destroy, handle_of, on, on_object, pointer, seconds};
use super::memory::place;
use super::thread::{ThreadOptions, ThreadSettings};
use super::types::*;
use super::user::User;
use crate::dispatcher::{Dispatcher, Ground, Handle, conclude, current, registry};
use crate::status::{Fault, Outcome, Status};
use crate::sync::{self, Promise};
use core::ffi::c_void;
use std::rc::Rc;

/// A result: the program's pointer, released with the last that refers to it.
type Shared = Rc<User>;

/// Settles its future when the coroutine ends, also when it never ran.
struct Work {
    promise: Rc<Promise<Shared>>,
    free: copas_free_fn,
}

impl Work {
    fn done(&self, result: *mut c_void) {
        let result = Rc::new(User::new(result, self.free));
        let d = current::get().and_then(|d| registry::enter(d).ok());
        let thread = d.and_then(|d| d.running());
        let failed = thread.is_some_and(|thread| thread.has_failed());
        self.promise.settle(if failed {
            Err(Status::FAILED.into())
        } else {
            Ok(result)
        });
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.promise.settle(Err(Status::FAILED.into()));
    }
}

/// Starts a coroutine that runs `fn(user)`, whose result many may get. `result_free` may be NULL; else
/// it is called once with the result, when the future is destroyed (or right away if it was before).
/// Errors: as copas_addthread(), COPAS_INVALID also when `out` is NULL. Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_future_addthread(
    c: *mut copas,
    r#fn: copas_future_fn,
    user: *mut c_void,
    result_free: copas_free_fn,
    out: *mut *mut copas_future,
) -> copas_status {
    let user = User::new(user, None);
    answer(|| {
        on(handle_of(c)?, |d| {
            // SAFETY: NULL or writable, as the comment asks.
            let out = unsafe { place(out, "out") }?;
            let settings = ThreadSettings {
                user,
                name: d.next_name(),
                ground: Ground::Stack(0),
            };
            out.write(pointer(start(d, r#fn, settings, result_free)?));
            Ok(())
        })
    })
}

/// copas_future_addthread() with options; `options` may be NULL and is copied. `options->user_free` is
/// called exactly once, when the function has returned or will not run, also when this call fails.
/// Errors: as copas_future_addthread(); COPAS_INVALID also for a bad size or stack size, or any flag.
/// Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_future_addthread_with(
    c: *mut copas,
    r#fn: copas_future_fn,
    options: *const copas_thread_options,
    result_free: copas_free_fn,
    out: *mut *mut copas_future,
) -> copas_status {
    answer(|| {
        // SAFETY: NULL or a struct with its size and a name, as the comment asks.
        let options = unsafe { ThreadOptions::read(options) };
        on(handle_of(c)?, |d| {
            // SAFETY: NULL or writable, as the comment asks.
            let out = unsafe { place(out, "out") }?;
            let settings = options.check(d, 0)?;
            out.write(pointer(start(d, r#fn, settings, result_free)?));
            Ok(())
        })
    })
}

/// Makes a future and starts the coroutine that works on it.
fn start(
    d: &Dispatcher,
    function: copas_future_fn,
    settings: ThreadSettings,
    free: copas_free_fn,
) -> Outcome<Handle> {
    let call = function.ok_or_else(|| Fault::invalid("the future's function is NULL"))?;
    let ThreadSettings { user, name, ground } = settings;
    let handle = d.add_object(|_| Promise::<Shared>::new())?;
    let promise: Rc<Promise<Shared>> = d.object(handle)?;
    let work = Work {
        promise: Rc::clone(&promise),
        free,
    };
    let thread = d.spawn(ground, name, move || {
        // SAFETY: the program's function with the program's pointer.
        work.done(unsafe { call(user.pointer()) });
        conclude();
    });
    match thread {
        Ok(thread) => promise.set_thread(thread),
        Err(fault) => {
            d.destroy_object(handle);
            return Err(fault);
        }
    }
    Ok(handle)
}

/// Waits for the result, for at most `timeout` seconds (COPAS_FOREVER: no limit). `*result` belongs
/// to the future; it is valid until that is destroyed.
///
/// Errors: COPAS_TIMEOUT; COPAS_FAILED (its coroutine called copas_fail(), or was canceled before it
/// ran); COPAS_CANCELED (the caller was canceled); COPAS_DESTROYED (meanwhile); COPAS_CANNOT_WAIT;
/// COPAS_INVALID (also in its own coroutine, when `result` is NULL, or for NAN); COPAS_STALE;
/// COPAS_WRONG_THREAD. Switch point.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_future_get(
    future: *mut copas_future,
    timeout: f64,
    result: *mut *mut c_void,
) -> copas_status {
    on_object(future, |d, promise: Rc<Promise<Shared>>| {
        // SAFETY: NULL or writable, as the comment asks.
        let place = unsafe { place(result, "result") }?;
        let timeout = seconds(timeout)?;
        d.bind();
        place.write(sync::wait_for(d, &promise, timeout)?.pointer());
        Ok(())
    })
}

/// The result, if it is there: copas_future_get() that does not wait, and may be called in callbacks.
/// Errors: COPAS_TIMEOUT (not yet), COPAS_FAILED, COPAS_INVALID (also when `result` is NULL),
/// COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_future_try(
    future: *mut copas_future,
    result: *mut *mut c_void,
) -> copas_status {
    on_object(future, |_, promise: Rc<Promise<Shared>>| {
        // SAFETY: NULL or writable, as the comment asks.
        let place = unsafe { place(result, "result") }?;
        let there: Outcome<Shared> = promise.result().unwrap_or(Err(Status::TIMEOUT.into()));
        place.write(there?.pointer());
        Ok(())
    })
}

/// Cancels the coroutine that works on the result; what it returns is the result all the same.
/// Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_future_cancel(future: *mut copas_future) -> copas_status {
    on_object(future, |d, promise: Rc<Promise<Shared>>| {
        promise.cancel(d);
        Ok(())
    })
}

/// Destroys the future: its handle is stale, its coroutine is canceled if it still works, those that
/// wait get COPAS_DESTROYED, and the result goes to its finalizer.
/// Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_future_destroy(future: *mut copas_future) -> copas_status {
    destroy::<_, Promise<Shared>>(future)
}
