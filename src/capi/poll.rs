// SPDX-License-Identifier: MIT
//! How outcomes of submitted operations are told: at once, by copas_poll(), and to other loops.

use super::c_int;
use super::copas_status;
use super::guard::{answer, handle_of, on, on_dispatcher, pointer, seconds};
use super::memory::{lent, place, put};
use super::socket::address_of;
use super::types::*;
use crate::dispatcher::{Begun, Dispatcher, Event, Handle, Submission, current};
use crate::net::{self, Net};
use crate::status::{Fault, Outcome, Status};

/// Events that one copas_poll() may fill.
const MOST_EVENTS: c_int = 65_536;

/// Where the outcome of a submission goes.
pub struct Reply {
    now: *mut copas_event,
    out: *mut *mut copas_operation,
}

/// The places that a caller gives for an outcome.
///
/// # Safety
/// Both are NULL or writable while the call lasts.
pub unsafe fn reply_places(now: *mut copas_event, out: *mut *mut copas_operation) -> Reply {
    Reply { now, out }
}

impl Reply {
    /// What is submitted; it is tried first when its outcome can be told at once.
    pub fn submission(&self, kind: u32, token: u64, subject: Handle, seconds: f64) -> Submission {
        Submission {
            kind,
            token,
            subject,
            seconds,
            tries: !self.now.is_null(),
        }
    }

    /// Tells how it has begun: 1 when it is over.
    pub fn give(self, begun: Begun) -> c_int {
        match begun {
            Begun::Done(event) => {
                // SAFETY: `reply_places` was promised that both are NULL or writable.
                unsafe {
                    put(self.now, event_of(&event));
                    put(self.out, std::ptr::null_mut());
                }
                1
            }
            Begun::Outstanding(operation) => {
                // SAFETY: as above.
                unsafe { put(self.out, pointer(operation)) };
                Status::OK as c_int
            }
        }
    }
}

/// Steps the dispatcher until an operation has completed, `timeout` seconds have passed, or
/// copas_notify() was called, and fills `events` with up to `count` (1 to 65,536) completions, oldest
/// first. Gives their number: 0 when the time has passed (also at once when nothing is left that could
/// complete). What the events of the poll before have lent, but for received bytes, ends.
///
/// Errors: COPAS_INVALID (also when `events` is NULL, `count` out of range, or NAN), COPAS_CANNOT_WAIT,
/// COPAS_SYSTEM, COPAS_STALE, COPAS_WRONG_THREAD, COPAS_BUSY (COPAS_UNBOUND: another OS thread uses the
/// dispatcher now). Coroutines and servers of the dispatcher run meanwhile.
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
        if current::is_inside() {
            return Err(Status::CANNOT_WAIT.into());
        }
        d.end_told();
        wait_for_events(d, d.within_scope(timeout))?;
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

/// Steps until an operation has completed, the time has passed, somebody has notified, or nothing can
/// complete any more.
fn wait_for_events(d: &Dispatcher, timeout: f64) -> Outcome<()> {
    let end = if timeout > 0.0 {
        d.now() as f64 / 1e9 + timeout
    } else {
        0.0
    };
    let mut left = timeout;
    d.take_notified();
    loop {
        let waits = !d.has_events() && !d.is_finished();
        d.step(if waits { left } else { 0.0 })?;
        if d.take_notified() || d.has_events() || !waits || timeout == 0.0 {
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

/// A descriptor that is readable whenever copas_poll() with the timeout 0 would do or give something:
/// something is ready, a time limit has passed, or events wait. For loops of others (asyncio, GLib, Go's
/// netpoller): watch it for reading, and call copas_poll(c, events, n, 0) until it gives 0. It may be
/// readable without need. It stays the library's: do not close or read it; duplicate it for those who
/// close it. The first call opens a timerfd; fork does not pass it on.
///
/// Gives the descriptor, or an error: COPAS_LIMIT (no descriptor left), COPAS_SYSTEM, COPAS_INVALID,
/// COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_backend_fd(c: *mut copas) -> c_int {
    on_dispatcher(c, |d| d.backend_fd())
}

/// Seconds until copas_poll() must be called at the latest, for loops that ask instead of watching for
/// time limits: 0 when something waits already, COPAS_FOREVER when nothing depends on the time. NAN when
/// `c` is NULL, stale, or another OS thread's. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_backend_timeout(c: *mut copas) -> f64 {
    super::guard::caught(f64::NAN, || {
        let told = handle_of(c).and_then(|handle| on(handle, |d| Ok(d.backend_timeout())));
        told.unwrap_or(f64::NAN)
    })
}

/// Who sent the datagram of a COPAS_EVENT_RECEIVEFROM, as long as nothing further is received on its
/// socket. Errors: COPAS_INVALID (also when `event` or `out` is NULL, or it is no such event),
/// COPAS_STALE (the socket is closed), COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_event_peer(
    event: *const copas_event,
    out: *mut copas_address,
) -> copas_status {
    answer(|| {
        // SAFETY: NULL or an event; NULL or writable, as the comment asks.
        let (event, out) = unsafe { (event.as_ref(), place(out, "out")?) };
        let event = event.ok_or_else(|| Fault::invalid("the event is NULL"))?;
        let handle = handle_of(event.handle.cast::<copas_socket>())?;
        on(handle, |d| {
            let socket = Net::of(d).socket(handle).ok_or(Status::STALE)?;
            let sender = socket
                .last_sender()
                .ok_or_else(|| Fault::invalid("no datagram was received by a submission"))?;
            out.write(address_of(&net::told_address(&sender)));
            Ok(())
        })
    })
}

/// An event as C sees it.
fn event_of(event: &Event) -> copas_event {
    let bytes = lent(event.completion.data);
    copas_event {
        size: core::mem::size_of::<copas_event>() as u32,
        kind: event.said.kind,
        status: event.completion.status as c_int,
        sys_errno: event.completion.errno,
        token: event.said.token,
        handle: pointer(event.said.subject),
        data: bytes.data,
        len: bytes.len,
        result: std::ptr::without_provenance_mut(event.completion.result as usize),
        reserved: 0,
    }
}

const _: () = assert!(
    core::mem::size_of::<copas_event>() == 64,
    "copas_event keeps its size"
);
