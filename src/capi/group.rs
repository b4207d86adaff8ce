// SPDX-License-Identifier: MIT
//! The exports about groups of coroutines.

use super::copas_status;
use super::guard::{answer, handle_of, on, on_object, pointer, seconds as check_seconds};
use super::memory::{place, put};
use super::thread::{ThreadOptions, ThreadSettings};
use super::types::*;
use super::user::User;
use crate::dispatcher::{Dispatcher, Ground, Handle};
use crate::status::{Fault, Outcome, Status};
use crate::sync::{self, Group};
use core::ffi::{c_int, c_void};
use std::rc::Rc;

/// copas_group_new(): the first failure cancels the others.
const CANCEL_ON_FAILURE: u64 = 1;

/// Makes an empty group. `flags` is 0, or COPAS_CANCEL_ON_FAILURE: the first coroutine in it that
/// fails (see copas_fail()) cancels the others. Errors: COPAS_INVALID (also for an unknown flag, or
/// when `out` is NULL), COPAS_LIMIT, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_group_new(
    c: *mut copas,
    flags: u64,
    out: *mut *mut copas_group,
) -> copas_status {
    answer(|| {
        on(handle_of(c)?, |d| {
            // SAFETY: NULL or writable, as the comment asks.
            let out = unsafe { place(out, "out") }?;
            if flags & !CANCEL_ON_FAILURE != 0 {
                return Err(Fault::invalid("flags is 0 or COPAS_CANCEL_ON_FAILURE"));
            }
            let handle = d.add_object(|_| Group::new(flags & CANCEL_ON_FAILURE != 0))?;
            out.write(pointer(handle));
            Ok(())
        })
    })
}

/// Starts a coroutine in the group, as copas_addthread() does. `out` may be NULL.
/// Errors: as copas_addthread(); COPAS_STOPPED (the group is being closed, or has failed and was made
/// with COPAS_CANCEL_ON_FAILURE). Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_group_addthread(
    group: *mut copas_group,
    r#fn: copas_thread_fn,
    user: *mut c_void,
    out: *mut *mut copas_thread,
) -> copas_status {
    let user = User::new(user, None);
    on_object(group, |d, group: Rc<Group>| {
        let settings = ThreadSettings {
            user,
            name: d.next_name(),
            ground: Ground::Stack(0),
        };
        let handle = start(d, &group, r#fn, settings)?;
        // SAFETY: NULL or writable, as the comment asks.
        unsafe { put(out, pointer(handle)) };
        Ok(())
    })
}

/// copas_group_addthread() with options; `options` may be NULL and is copied. `options->user_free` is
/// called exactly once, also when this call fails. Errors: as copas_group_addthread(); COPAS_INVALID also
/// for a bad size or stack size, or any flag. Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_group_addthread_with(
    group: *mut copas_group,
    r#fn: copas_thread_fn,
    options: *const copas_thread_options,
    out: *mut *mut copas_thread,
) -> copas_status {
    // SAFETY: NULL or a struct with its size and a name, as the comment asks.
    let options = unsafe { ThreadOptions::read(options) };
    on_object(group, |d, group: Rc<Group>| {
        let handle = start(d, &group, r#fn, options.check(d, 0)?)?;
        // SAFETY: NULL or writable, as the comment asks.
        unsafe { put(out, pointer(handle)) };
        Ok(())
    })
}

/// Starts a member that runs the program's function.
fn start(
    d: &Dispatcher,
    group: &Rc<Group>,
    function: copas_thread_fn,
    settings: ThreadSettings,
) -> Outcome<Handle> {
    let call = function.ok_or_else(|| Fault::invalid("the coroutine's function is NULL"))?;
    let ThreadSettings { user, name, ground } = settings;
    sync::add_member(d, group, name, ground, move || {
        // SAFETY: the program's function with the program's pointer.
        unsafe { call(user.pointer()) };
    })
}

/// Waits, for at most `timeout` seconds, until all coroutines of the group have ended. Then COPAS_OK,
/// or the status of the first that failed; copas_error() has its text then, and the status COPAS_FAILED,
/// which tells it from the errors of the wait itself.
///
/// Errors: COPAS_TIMEOUT; COPAS_CANCELED; COPAS_CANNOT_WAIT; COPAS_INVALID (also for NAN, in a coroutine
/// of the group, or in one of another group that one of these has started and has not outlived);
/// COPAS_STALE; COPAS_WRONG_THREAD. Switch point.
#[unsafe(no_mangle)]
pub extern "C" fn copas_group_wait(group: *mut copas_group, timeout: f64) -> c_int {
    on_object(group, |d, group: Rc<Group>| {
        let timeout = check_seconds(timeout)?;
        d.bind();
        sync::wait_group(d, &group, timeout)?;
        Ok(outcome(d, &group))
    })
}

/// Cancels all coroutines of the group. Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD.
/// Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_group_cancel(group: *mut copas_group) -> copas_status {
    on_object(group, |d, group: Rc<Group>| {
        group.cancel(d);
        Ok(())
    })
}

/// Cancels all coroutines of the group, waits until they have ended, and destroys it: its handle is
/// stale. It really waits, also when the caller is canceled. Then COPAS_OK, or the status of the first
/// that failed; copas_error() tells as after copas_group_wait().
///
/// Errors: COPAS_CANCELED (the caller was canceled; the group is closed all the same);
/// COPAS_CANNOT_WAIT; COPAS_INVALID (also inside the group, as for copas_group_wait()); COPAS_STALE;
/// COPAS_WRONG_THREAD. Switch point.
#[unsafe(no_mangle)]
pub extern "C" fn copas_group_close(group: *mut copas_group) -> c_int {
    let handle = handle_of(group);
    on_object(group, |d, group: Rc<Group>| {
        d.bind();
        match sync::close_group(d, &group) {
            Err(fault) if fault.status != Status::CANCELED => return Err(fault),
            closed => {
                d.destroy_object(handle?);
                closed?;
            }
        }
        Ok(outcome(d, &group))
    })
}

/// What a group that has ended gives: 0, or its first failure's status, whose text is kept.
fn outcome(d: &Dispatcher, group: &Group) -> c_int {
    let Some((status, text)) = group.failure() else {
        return Status::OK as c_int;
    };
    d.set_detail(Fault::new(Status::FAILED, text));
    status
}
