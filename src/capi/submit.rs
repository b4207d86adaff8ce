// SPDX-License-Identifier: MIT
//! The exports that need neither coroutines nor callbacks: submit, poll, cancel.

use super::guard::{answer, handle_of, on, on_dispatcher, on_socket, pointer, seconds};
use super::memory::{bytes, lent, place, put};
use super::stream::pattern_of;
use super::types::*;
use super::{c_int, copas_status};
use crate::dispatcher::{Dispatcher, Event};
use crate::net;
use crate::status::{Fault, Outcome, Status};
use core::ffi::c_void;

/// copas_submit_send(): more will follow before the next step.
const MORE: u64 = 1;
/// Events that one copas_poll() may fill.
const MOST_EVENTS: c_int = 65_536;

/// Submits a receive by a pattern of copas_receive(); copas_poll() delivers its outcome in exactly
/// one event with `token`, also after a cancel or close. The receive time limit of the socket holds.
/// `out` may be NULL; else it gets the operation's handle.
///
/// Errors (no event follows): COPAS_BUSY (a receive is outstanding), COPAS_UNSUPPORTED,
/// COPAS_INVALID, COPAS_LIMIT, COPAS_NO_MEMORY, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_submit_receive(
    skt: *mut copas_socket,
    pattern: i64,
    token: u64,
    out: *mut *mut copas_operation,
) -> copas_status {
    on_socket(skt, |d, socket| {
        let operation = net::submit_receive(d, socket, pattern_of(pattern)?, token)?;
        // SAFETY: NULL or writable, as the comment asks.
        unsafe { put(out, pointer(operation)) };
        Ok(())
    })
}

/// Submits a send: writes what the kernel takes at once from the caller's memory, copies at most
/// the high-water mark (64 KiB) of the rest, and tells in `*taken` how many bytes, from the first
/// on, were accepted. Its one event says that there is room again: go on with the rest then. The
/// send time limit of the socket holds. `flags` is 0, or COPAS_MORE: more will follow before the
/// next step, so copy instead of writing at once. `out` may be NULL.
///
/// Errors (no event follows, nothing was taken): COPAS_BUSY (a send is outstanding), COPAS_CLOSED,
/// COPAS_UNSUPPORTED, COPAS_INVALID (also when `taken` is NULL), COPAS_SYSTEM, COPAS_LIMIT,
/// COPAS_NO_MEMORY, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_submit_send(
    skt: *mut copas_socket,
    data: *const c_void,
    len: usize,
    flags: u64,
    token: u64,
    taken: *mut usize,
    out: *mut *mut copas_operation,
) -> copas_status {
    on_socket(skt, |d, socket| {
        // SAFETY: NULL or `len` bytes; NULL or writable, as the comment asks.
        let (data, taken) = unsafe { (bytes(data, len)?, place(taken, "taken")?) };
        if flags & !MORE != 0 {
            return Err(Fault::invalid("flags is 0 or COPAS_MORE"));
        }
        let (accepted, operation) = net::submit_send(d, socket, data, flags & MORE != 0, token)?;
        taken.write(accepted);
        // SAFETY: NULL or writable, as the comment asks.
        unsafe { put(out, pointer(operation)) };
        Ok(())
    })
}

/// Cancels a submitted operation: its event follows with COPAS_CANCELED, unless it has completed
/// already. Errors: COPAS_STALE (its event has been delivered), COPAS_INVALID, COPAS_WRONG_THREAD.
/// Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_submit_cancel(operation: *mut copas_operation) -> copas_status {
    answer(|| {
        let handle = handle_of(operation)?;
        on(handle, |d| {
            let operation = d.operation(handle).ok_or(Status::STALE)?;
            d.cancel_operation(&operation);
            Ok(())
        })
    })
}

/// Steps the dispatcher until an operation has completed or `timeout` seconds have passed, and
/// fills `events` with up to `count` (1 to 65,536) completions, oldest first. Gives their number:
/// 0 when the time has passed (also at once when nothing is left that could complete).
///
/// Errors: COPAS_INVALID (also when `events` is NULL, `count` out of range, or NAN), COPAS_CANNOT_WAIT,
/// COPAS_SYSTEM, COPAS_STALE, COPAS_WRONG_THREAD. Coroutines and servers of the dispatcher run
/// meanwhile.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_poll(
    c: *mut copas,
    events: *mut copas_event,
    count: c_int,
    timeout: f64,
) -> c_int {
    on_dispatcher(c, |d| {
        if !(1..=MOST_EVENTS).contains(&count) {
            return Err(Fault::invalid(format!(
                "count {count} is not within 1 to {MOST_EVENTS}"
            )));
        }
        // SAFETY: NULL or writable, as the comment asks.
        unsafe { place(events, "events") }?;
        let timeout = seconds(timeout)?;
        d.bind();
        wait_for_events(d, timeout)?;
        let mut filled = 0;
        while filled < count
            && let Some(event) = d.next_event()
        {
            // SAFETY: `filled` is below `count`, and so many events can be written.
            unsafe { events.add(filled as usize).write(event_of(&event)) };
            filled += 1;
        }
        Ok(filled)
    })
}

/// Steps until an operation has completed, the time has passed, or nothing can complete any more.
fn wait_for_events(d: &Dispatcher, timeout: f64) -> Outcome<()> {
    let end = d.now() as f64 / 1e9 + timeout;
    let mut left = timeout;
    loop {
        let waits = !d.has_events() && !d.is_finished();
        d.step(if waits { left } else { 0.0 })?;
        if d.has_events() || !waits || timeout == 0.0 {
            return Ok(());
        }
        if timeout > 0.0 {
            left = end - d.now() as f64 / 1e9;
            if left <= 0.0 {
                return Ok(());
            }
        }
    }
}

/// An event as C sees it.
fn event_of(event: &Event) -> copas_event {
    let bytes = lent(event.completion.data);
    copas_event {
        kind: event.kind,
        status: event.completion.status as c_int,
        sys_errno: event.completion.errno,
        reserved1: 0,
        token: event.token,
        handle: pointer(event.subject),
        data: bytes.data,
        len: bytes.len,
        reserved2: [0; 2],
    }
}

const _: () = assert!(
    core::mem::size_of::<copas_event>() == 64,
    "copas_event keeps its size"
);
