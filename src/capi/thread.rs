// SPDX-License-Identifier: MIT
//! The exports about coroutines.

use super::dispatcher::{check_stack_size, text_or_message};
use super::guard::{answer, any_handle, caught, handle_of, on, on_dispatcher, on_thread};
use super::guard::{pointer, seconds as check_seconds, socket};
use super::memory::{Given, Growing, put, read_sized, text as text_of};
use super::types::*;
use super::user::User;
use super::{c_int, copas_status};
use crate::dispatcher::{Dispatcher, ErrorHandler, Failure, Ground, Handle, Kind, Name};
use crate::dispatcher::{conclude, current, registry};
use crate::status::{Fault, Outcome, Status};
use crate::sync;
use core::ffi::{c_char, c_void};
use std::ffi::CString;
use std::rc::Rc;

/// copas_server_options.flags and copas_thread_options.flags: on OS threads of the library's.
pub(super) const OS_THREAD: u64 = 256;

/// Bytes of the longest name.
const LONGEST_NAME: usize = 255;

// SAFETY: repr(C), the size first, and every field may be zero (NULL functions are None).
unsafe impl Growing for copas_thread_options {}

/// Starts a coroutine that runs `fn(user)`. It runs first in the next step, not inside this call.
///
/// `out` may be NULL; else it gets the handle. Errors: COPAS_INVALID (also when `fn` is NULL),
/// COPAS_NO_MEMORY (no stack to be had), COPAS_LIMIT (16,777,215 coroutines), COPAS_STALE,
/// COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_addthread(
    c: *mut copas,
    r#fn: copas_thread_fn,
    user: *mut c_void,
    out: *mut *mut copas_thread,
) -> copas_status {
    let user = User::new(user, None);
    answer(|| {
        on(handle_of(c)?, |d| {
            let handle = start(d, r#fn, user, d.next_name(), Ground::Stack(0))?;
            // SAFETY: NULL or writable, as the comment asks.
            unsafe { put(out, pointer(handle)) };
            Ok(())
        })
    })
}

/// copas_addthread() with options; `options` may be NULL and is copied. `out` may be NULL.
/// `options->user_free` is called exactly once, also when this call fails.
/// Errors: as copas_addthread(); COPAS_INVALID also for a bad size, flag or stack size; COPAS_LIMIT
/// also when COPAS_OS_THREAD finds all of copas_config.os_threads taken, or the system starts no OS
/// thread. Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_addthread_with(
    c: *mut copas,
    r#fn: copas_thread_fn,
    options: *const copas_thread_options,
    out: *mut *mut copas_thread,
) -> copas_status {
    answer(|| {
        // SAFETY: NULL or a struct with its size and a name, as the comment asks.
        let options = unsafe { ThreadOptions::read(options) };
        on(handle_of(c)?, |d| {
            let ThreadSettings { user, name, ground } = options.check(d, OS_THREAD)?;
            let handle = start(d, r#fn, user, name, ground)?;
            // SAFETY: NULL or writable, as the comment asks.
            unsafe { put(out, pointer(handle)) };
            Ok(())
        })
    })
}

/// Cancels a coroutine (also a server's handler): it is woken, and from now on each of its waiting
/// calls answers COPAS_CANCELED at once, until its function returns. copas_send() still takes what
/// fits below the high-water mark, and copas_close() works, so it can say goodbye. A coroutine that
/// has not run yet never runs. Canceling twice is COPAS_OK.
///
/// Errors: COPAS_STALE (it has ended), COPAS_INVALID, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_removethread(thread: *mut copas_thread) -> copas_status {
    on_thread(thread, |d, thread| {
        d.cancel(thread);
        Ok(())
    })
}

/// Waits until a coroutine has ended, for at most `timeout` seconds (COPAS_FOREVER: no limit).
///
/// COPAS_OK: it has ended; also for the stale handle of one that ended long ago.
/// Errors: COPAS_TIMEOUT; COPAS_CANCELED (the caller was canceled); COPAS_INVALID (also for the
/// caller itself, or NAN); COPAS_CANNOT_WAIT; COPAS_STALE (its dispatcher is freed);
/// COPAS_WRONG_THREAD. Without a time limit it does not keep the loop alive. Switch point.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn copas_join(thread: *mut copas_thread, timeout: f64) -> copas_status {
    answer(|| {
        let handle = handle_of(thread)?;
        on(handle, |d| {
            let timeout = check_seconds(timeout)?;
            d.bind();
            sync::join(d, handle, timeout)
        })
    })
}

/// Lets the others run for `seconds` (0: until its next turn; COPAS_FOREVER: as
/// copas_pauseforever()), or until copas_wakeup(). `slept` may be NULL; else it gets the time that
/// really passed, in seconds, on COPAS_OK and on COPAS_CANCELED. Never wakes early by itself.
///
/// Errors: COPAS_CANCELED, COPAS_TIMEOUT (the caller's scope has ended: see copas_begindeadline()),
/// COPAS_CANNOT_WAIT, COPAS_INVALID (also for NAN), COPAS_STALE, COPAS_WRONG_THREAD. Switch point.
/// Outside of coroutines it steps the dispatcher meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_pause(c: *mut copas, seconds: f64, slept: *mut f64) -> copas_status {
    on_dispatcher(c, |d| {
        let time = check_seconds(seconds)?;
        d.bind();
        let (result, passed) = match sync::pause(d, time) {
            Ok(passed) => (Ok(()), Some(passed)),
            Err((status, passed)) => {
                let told = (status == Status::CANCELED).then_some(passed);
                (Err(status.into()), told)
            }
        };
        if let Some(passed) = passed {
            // SAFETY: NULL or writable, as the comment asks.
            unsafe { put(slept, passed) };
        }
        result
    })
}

/// Sleeps until copas_wakeup() or a cancellation. Does not keep the loop alive.
/// Errors: COPAS_CANCELED, COPAS_CANNOT_WAIT (also outside of coroutines, where nobody could wake
/// the caller), COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Switch point.
#[unsafe(no_mangle)]
pub extern "C" fn copas_pauseforever(c: *mut copas) -> copas_status {
    on_dispatcher(c, |d| {
        d.bind();
        Ok(sync::pause_forever(d)?)
    })
}

/// Wakes a coroutine that is in copas_pause() or copas_pauseforever(). 1: it was asleep and is
/// awake now. 0: it was not asleep; nothing is remembered. Errors: COPAS_STALE (it has ended),
/// COPAS_INVALID, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_wakeup(thread: *mut copas_thread) -> c_int {
    on_thread(thread, |d, thread| Ok(sync::wake_up(d, thread)))
}

/// The coroutine that calls; NULL outside of coroutines. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_running() -> *mut copas_thread {
    caught(std::ptr::null_mut(), || {
        let running = current::get()
            .and_then(|d| registry::enter(d).ok())
            .and_then(|d| d.running());
        running.map_or(std::ptr::null_mut(), |thread| pointer(thread.handle))
    })
}

/// Marks the calling coroutine as failed. When its function returns, `status` (a negative number,
/// of copas_status or the program's own below -1000) and `text` (copied; NULL: the status' message)
/// go to its error handler, else to the default one, else to the report callback. A second call
/// replaces the first. Its own waits that answered an error do not count as a failure by themselves.
///
/// Errors: COPAS_INVALID (`status` is not negative, or called outside of a coroutine).
/// Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_fail(status: c_int, text: *const c_char) -> copas_status {
    answer(|| {
        if status >= 0 {
            return Err(Fault::invalid("a failure's status is negative"));
        }
        let outside = || Fault::invalid("copas_fail() is for coroutines");
        let thread = current::get()
            .and_then(|d| registry::enter(d).ok())
            .and_then(|d| d.running())
            .ok_or_else(outside)?;
        // SAFETY: NULL or terminated, as the comment asks.
        let text = text_or_message(unsafe { text_of(text) }?, status);
        thread.fail(status, text);
        Ok(())
    })
}

/// Sets who is told when a coroutine fails: for the calling coroutine, or with `is_default` not 0
/// for all that have none of their own. `fn` NULL takes the handler away. The default without any
/// handler is the report callback. `user` must live until another handler is set, or the coroutine, with
/// `is_default` the dispatcher, has ended.
///
/// Errors: COPAS_INVALID (also when `is_default` is 0 outside of a coroutine), COPAS_STALE,
/// COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_seterrorhandler(
    c: *mut copas,
    r#fn: copas_error_fn,
    user: *mut c_void,
    is_default: c_int,
) -> copas_status {
    on_dispatcher(c, |d| {
        let handler = r#fn.map(|call| error_handler(call, user));
        if is_default != 0 {
            d.set_error_handler(handler);
            return Ok(());
        }
        let thread = d.running().ok_or_else(|| {
            Fault::invalid("outside of a coroutine only the default error handler can be set")
        })?;
        thread.extras().error_handler.replace(handler);
        Ok(())
    })
}

/// Names a socket, a coroutine, or a timer, lock, semaphore, queue, future or group; the name is
/// copied, at most 255 bytes of it. The coroutines of a timer keep the name that it was made with.
/// Errors: COPAS_INVALID (also when `name` is NULL or not UTF-8, or `handle` is of another kind), COPAS_STALE,
/// COPAS_WRONG_THREAD, COPAS_NO_MEMORY. Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_setname(handle: *mut c_void, name: *const c_char) -> copas_status {
    answer(|| {
        let handle = any_handle(handle)?;
        // SAFETY: NULL or terminated, as the comment asks.
        let name = unsafe { text_of(name) }?.ok_or_else(|| Fault::invalid("the name is NULL"))?;
        on(handle, |d| {
            with_name(d, handle, |place| *place = given_name(name))
        })
    })
}

/// The name of what copas_setname() names, valid until it is named anew or ends. At first that is
/// "thread_N", "socket_N", "lock_N", "semaphore_N", "queue_N", "future_N" or "group_N", or what its maker
/// said. NULL when `handle` is of another kind, is stale, or belongs to another OS thread.
/// Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_getname(handle: *mut c_void) -> *const c_char {
    caught(std::ptr::null(), || {
        let told = any_handle(handle).and_then(|handle| {
            on(handle, |d| {
                with_name(d, handle, |name| name.text().as_ptr())
            })
        });
        told.unwrap_or(std::ptr::null())
    })
}

/// The options of a coroutine, as they were given. Their user pointer is released with them.
pub(super) struct ThreadOptions {
    user: User,
    given: Given<copas_thread_options>,
}

/// The same, checked.
pub(super) struct ThreadSettings {
    pub user: User,
    pub name: Name,
    pub ground: Ground,
}

impl ThreadOptions {
    /// Reads them.
    ///
    /// # Safety
    /// `options` is NULL or a struct with its size, and its name NULL or terminated until `check`.
    pub unsafe fn read(options: *const copas_thread_options) -> Self {
        // SAFETY: the caller says so.
        let given = unsafe { read_sized(options) };
        ThreadOptions {
            user: User::new(given.known.user, given.known.user_free),
            given,
        }
    }

    /// Checks them, of whose flags those in `flags` may be set.
    pub fn check(self, d: &Dispatcher, flags: u64) -> Outcome<ThreadSettings> {
        let options = self.given.check()?;
        if options.flags & !flags != 0 {
            let text =
                "copas_thread_options.flags has a flag that is unknown, or not for this call";
            return Err(Fault::invalid(text));
        }
        // SAFETY: `read` was told so.
        let name = unsafe { text_of(options.name) }?;
        Ok(ThreadSettings {
            user: self.user,
            name: name.map_or_else(|| d.next_name(), given_name),
            ground: ground_of(options.flags, options.stack_size)?,
        })
    }
}

/// Starts a coroutine that runs the program's function.
#[inline(always)]
fn start(
    d: &Dispatcher,
    function: copas_thread_fn,
    user: User,
    name: Name,
    ground: Ground,
) -> Outcome<Handle> {
    let call = function.ok_or_else(|| Fault::invalid("the coroutine's function is NULL"))?;
    d.spawn(ground, name, move || {
        // SAFETY: the program's function with the program's pointer.
        unsafe { call(user.pointer()) };
        conclude();
    })
}

/// What the options of a server or a coroutine ask to run on.
pub(super) fn ground_of(flags: u64, stack_size: usize) -> Outcome<Ground> {
    let stack_size = check_stack_size(stack_size)?;
    Ok(if flags & OS_THREAD == 0 {
        Ground::Stack(stack_size)
    } else {
        Ground::OsThread(stack_size)
    })
}

/// The program's error handler as the layers below call it.
pub(super) fn error_handler(
    call: unsafe extern "C" fn(
        *mut copas_thread,
        *mut copas_socket,
        c_int,
        *const c_char,
        *mut c_void,
    ),
    user: *mut c_void,
) -> ErrorHandler {
    Rc::new(move |failure: &Failure| {
        let socket = failure.subject.map_or(std::ptr::null_mut(), pointer);
        let (thread, text) = (pointer(failure.thread), failure.text.as_ptr());
        // SAFETY: the program's function with the program's pointer.
        unsafe { call(thread, socket, failure.status, text, user) };
    })
}

/// A name as the program gave it, cut at the longest.
fn given_name(name: &str) -> Name {
    let end = (0..=LONGEST_NAME)
        .rev()
        .find(|&end| name.is_char_boundary(end))
        .unwrap_or(0);
    let name = if name.len() > LONGEST_NAME {
        &name[..end]
    } else {
        name
    };
    Name::Given(CString::new(name).unwrap_or_default())
}

/// Acts on the name of a coroutine, socket or object.
fn with_name<R>(d: &Dispatcher, handle: Handle, act: impl FnOnce(&mut Name) -> R) -> Outcome<R> {
    match handle.kind() {
        Kind::Thread => {
            let thread = d.thread(handle).ok_or(Status::STALE)?;
            Ok(act(&mut thread.name.borrow_mut()))
        }
        Kind::Socket => {
            let socket = socket(d, handle)?;
            Ok(act(&mut socket.name.borrow_mut()))
        }
        Kind::Object => d.with_object_name(handle, act),
        Kind::Dispatcher | Kind::Operation | Kind::Tls => Err(Fault::invalid(
            "dispatchers, submitted operations and TLS contexts have no names",
        )),
    }
}
