// SPDX-License-Identifier: MIT
//! A descriptor that becomes readable when time has passed (timerfd_create(2)).

use super::descriptor::check;
#[cfg(feature = "faults")]
use super::faults::{self, Call};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// A timerfd.
pub struct Timer(OwnedFd);

impl Timer {
    /// Opens one that is not armed.
    pub fn new() -> io::Result<Self> {
        #[cfg(feature = "faults")]
        faults::check(Call::Descriptor)?;
        let flags = libc::TFD_NONBLOCK | libc::TFD_CLOEXEC;
        // SAFETY: no memory is passed.
        let fd = check(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) })?;
        // SAFETY: timerfd_create has just made this descriptor, and nobody else has it.
        Ok(Timer(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Its descriptor.
    pub fn descriptor(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Has it fire once, in `nanoseconds` from now, instead of when it would have.
    pub fn arm(&self, nanoseconds: u64) {
        let time = libc::timespec {
            tv_sec: (nanoseconds / SECOND) as libc::time_t,
            // 0 would disarm it.
            tv_nsec: (nanoseconds % SECOND).max(1) as libc::c_long,
        };
        let once = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let when = libc::itimerspec {
            it_interval: once,
            it_value: time,
        };
        // SAFETY: `when` is live; NULL: what is replaced is not asked for. It cannot fail: the
        // descriptor is a timerfd and the nanoseconds are in range.
        unsafe { libc::timerfd_settime(self.descriptor(), 0, &when, std::ptr::null_mut()) };
    }
}
