// SPDX-License-Identifier: MIT
//! The exports that submit waits on other things than sockets.

use super::c_int;
use super::choice::{Waiter, operation};
use super::guard::{any_handle, on_dispatcher, seconds as check_seconds};
use super::offload::Blocking;
use super::poll::reply_places;
use super::types::*;
use super::watch::wants_of;
use crate::dispatcher::{Boxed, Ends, Given};
use crate::status::Fault;
use crate::sync;
use core::ffi::c_void;

/// copas_event.kind.
const CHOICE: u32 = 3;
/// copas_event.kind.
const PAUSE: u32 = 10;
/// copas_event.kind.
const WAIT_FD: u32 = 11;
/// copas_event.kind.
const OFFLOAD: u32 = 12;

/// Submits a wait for one choice of copas_select()'s kinds, for at most `timeout` seconds. Its event's
/// `handle` is the choice's, `result` the item of a queue or the result of a future.
///
/// Answers as copas_submit_receive(). Errors (no event follows): those of a choice that is wrong;
/// COPAS_INVALID (also when `choice` is NULL, or NAN); COPAS_LIMIT; COPAS_STALE; COPAS_WRONG_THREAD.
/// Never switches.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_submit_choice(
    c: *mut copas,
    choice: *const copas_choice,
    timeout: f64,
    token: u64,
    now: *mut copas_event,
    out: *mut *mut copas_operation,
) -> c_int {
    on_dispatcher(c, |d| {
        // SAFETY: NULL or a choice; NULL or writable, as the comment asks.
        let (choice, reply) = unsafe { (choice.as_ref(), reply_places(now, out)) };
        let choice = choice.ok_or_else(|| Fault::invalid("choice is NULL"))?;
        let timeout = check_seconds(timeout)?;
        let waiter = Waiter {
            who: d.handle,
            looks: timeout == 0.0,
        };
        let wait = operation(d, choice, waiter)?;
        let said = reply.submission(CHOICE, token, any_handle(choice.handle)?, timeout);
        let waiting = async move {
            let given = wait.await?;
            let result = given.pointer().addr() as u64;
            Ok(Given {
                owner: Some(Box::new(given)),
                ..Given::result(result)
            })
        };
        let begun = d.submit(said, Boxed::of(waiting, Ends::AsTold))?;
        Ok(reply.give(begun))
    })
}

/// Submits a pause: its event is COPAS_OK when `seconds` have passed (COPAS_FOREVER: it ends when it is
/// canceled).
///
/// `out` may be NULL. Answers COPAS_OK. Errors: COPAS_INVALID (also for NAN), COPAS_LIMIT, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_submit_pause(
    c: *mut copas,
    seconds: f64,
    token: u64,
    out: *mut *mut copas_operation,
) -> c_int {
    on_dispatcher(c, |d| {
        let seconds = check_seconds(seconds)?;
        // SAFETY: NULL, and NULL or writable, as the comment asks.
        let reply = unsafe { reply_places(std::ptr::null_mut(), out) };
        let said = reply.submission(PAUSE, token, d.handle, seconds);
        let begun = d.submit(said, Boxed::of(std::future::pending(), Ends::WithItsTime))?;
        Ok(reply.give(begun))
    })
}

/// Submits a copas_wait_fd(): the event's `len` is COPAS_READABLE, COPAS_WRITABLE or both. The
/// descriptor must stay open until the event. Answers as copas_submit_receive(). Errors: as
/// copas_wait_fd(); COPAS_LIMIT. Never switches.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_submit_wait_fd(
    c: *mut copas,
    fd: c_int,
    events: c_int,
    timeout: f64,
    token: u64,
    now: *mut copas_event,
    out: *mut *mut copas_operation,
) -> c_int {
    on_dispatcher(c, |d| {
        let wants = wants_of(events)?;
        let timeout = check_seconds(timeout)?;
        // SAFETY: NULL or writable, as the comment asks.
        let reply = unsafe { reply_places(now, out) };
        let said = reply.submission(WAIT_FD, token, d.handle, timeout);
        let watch = d.watch(fd, wants)?;
        let watching = async move {
            let there = super::watch::told(watch.await);
            Ok(Given {
                data: (std::ptr::null(), there as usize),
                ..Given::result(0)
            })
        };
        let begun = d.submit(said, Boxed::of(watching, Ends::AsTold))?;
        Ok(reply.give(begun))
    })
}

/// Submits a copas_offload(): its event comes when `fn` has returned. It cannot be canceled, and
/// copas_free() does not wait for it. Answers COPAS_OK. Errors: COPAS_INVALID (also when `fn` is NULL),
/// COPAS_LIMIT, COPAS_STALE, COPAS_WRONG_THREAD; that there is no OS thread is in the event.
/// Never switches.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_submit_offload(
    c: *mut copas,
    r#fn: copas_thread_fn,
    user: *mut c_void,
    token: u64,
    out: *mut *mut copas_operation,
) -> c_int {
    on_dispatcher(c, |d| {
        let call = r#fn.ok_or_else(|| Fault::invalid("the function is NULL"))?;
        // SAFETY: NULL, and NULL or writable, as the comment asks.
        let reply = unsafe { reply_places(std::ptr::null_mut(), out) };
        let said = reply.submission(OFFLOAD, token, d.handle, -1.0);
        let blocking = Blocking { call, user };
        let offload = sync::Offload::new(d, Box::new(move || blocking.run()));
        let waiting = async move { offload.await.map(|()| Given::result(0)) };
        let begun = d.submit(said, Boxed::of(waiting, Ends::ByItself))?;
        Ok(reply.give(begun))
    })
}
