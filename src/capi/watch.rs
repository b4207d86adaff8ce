// SPDX-License-Identifier: MIT
//! The export about descriptors that stay somebody else's.

use super::guard::{on_dispatcher, seconds as check_seconds};
use super::types::copas;
use crate::status::Fault;
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
        if !(1..=READABLE | WRITABLE).contains(&events) {
            return Err(Fault::invalid(
                "events is COPAS_READABLE, COPAS_WRITABLE or both",
            ));
        }
        let timeout = check_seconds(timeout)?;
        d.bind();
        let wants = (events & READABLE != 0, events & WRITABLE != 0);
        let (readable, writable) = d.wait_fd(fd, wants, timeout)?;
        Ok(c_int::from(readable) * READABLE + c_int::from(writable) * WRITABLE)
    })
}
