// SPDX-License-Identifier: MIT
//! The monotonic clock, in nanoseconds, and one that tests drive.

use std::cell::Cell;
use std::rc::Rc;

/// Where a dispatcher reads the time.
#[derive(Clone)]
pub enum Clock {
    /// CLOCK_MONOTONIC.
    Monotonic,
    /// Stands still unless a test, or a dispatcher that has nothing to do, moves it.
    Manual(Rc<Cell<u64>>),
}

impl Clock {
    /// Nanoseconds since some fixed moment.
    pub fn now(&self) -> u64 {
        match self {
            Clock::Monotonic => monotonic(),
            Clock::Manual(time) => time.get(),
        }
    }
}

/// CLOCK_MONOTONIC (clock_gettime(2)).
fn monotonic() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a live timespec, which is all that clock_gettime writes to.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
