// SPDX-License-Identifier: MIT
//! The export about descriptors that stay somebody else's.

use super::guard::{on_dispatcher, seconds as check_seconds};
use super::types::copas;
use crate::status::{Fault, Outcome};
use core::ffi::c_int;

/// copas_wait_fd(): it can be read, or has ended.
const READABLE: c_int = 1;
/// copas_wait_fd(): it can be written, or is broken.
const WRITABLE: c_int = 2;

/// Waits, for at most `timeout` seconds, until a descriptor that stays the caller's (of libpq, libcurl
/// and the like) can be read or written: `events` is COPAS_READABLE, COPAS_WRITABLE or both. Gives
/// which of them it is; an end or an error counts as both. Level-triggered: what is there already
/// ends the wait at once. The descriptor's flags are not changed; it must stay open meanwhile.
///
/// Errors: COPAS_TIMEOUT; COPAS_CANCELED; COPAS_BUSY (somebody waits on it already, or it is a socket
/// of this dispatcher); COPAS_CANNOT_WAIT; COPAS_INVALID (also for other `events`, NAN, a descriptor
/// that is not open, a file or folder); COPAS_SYSTEM; COPAS_STALE; COPAS_WRONG_THREAD. Switch point.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn copas_wait_fd(c: *mut copas, fd: c_int, events: c_int, timeout: f64) -> c_int {
    on_dispatcher(c, |d| {
        let wants = wants_of(events)?;
        let timeout = check_seconds(timeout)?;
        d.bind();
        Ok(told(d.wait_fd(fd, wants, timeout)?))
    })
}

/// Which of reading and writing a caller waits for.
pub(super) fn wants_of(events: c_int) -> Outcome<(bool, bool)> {
    if (1..=READABLE | WRITABLE).contains(&events) {
        Ok((events & READABLE != 0, events & WRITABLE != 0))
    } else {
        Err(Fault::invalid(
            "events is COPAS_READABLE, COPAS_WRITABLE or both",
        ))
    }
}

/// Which of reading and writing is there.
pub(super) fn told((readable, writable): (bool, bool)) -> c_int {
    c_int::from(readable) * READABLE + c_int::from(writable) * WRITABLE
}
