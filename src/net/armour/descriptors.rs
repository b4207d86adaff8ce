// SPDX-License-Identifier: MIT
//! The last descriptors of the process, which no connection gets: they are for files and connections that
//! the program opens by itself. The kernel gives out the lowest free number, so a new descriptor's number
//! tells that at least as many are in use.

use crate::sys::descriptor;
use std::cell::Cell;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// How many are left at most, and at most one in how many: small limits leave less.
const MOST_LEFT: u64 = 32;
/// As above.
const SHARE: u64 = 32;

/// The first number that no connection gets.
#[derive(Default)]
pub struct Reserve {
    from: Cell<RawFd>,
}

impl Reserve {
    /// Whether a new connection has come at a descriptor of the reserve.
    #[inline]
    pub fn has(&self, fd: &OwnedFd) -> bool {
        fd.as_raw_fd() >= self.from.get() && self.has_now(fd)
    }

    /// The limit may have changed: it is asked for again.
    #[cold]
    fn has_now(&self, fd: &OwnedFd) -> bool {
        self.from.set(first_of(descriptor::limit()));
        fd.as_raw_fd() >= self.from.get()
    }
}

/// The first number of the reserve under a limit.
fn first_of(limit: u64) -> RawFd {
    let left = MOST_LEFT.min(limit / SHARE);
    RawFd::try_from(limit - left).unwrap_or(RawFd::MAX)
}

/// The lowest number that is free now for a connection which was kept.
pub fn lowered(fd: OwnedFd) -> OwnedFd {
    match fd.try_clone() {
        Ok(low) if low.as_raw_fd() < fd.as_raw_fd() => low,
        _ => fd,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_limit_leaves_few_and_a_large_one_no_more_than_enough() {
        assert_eq!(first_of(20), 20);
        assert_eq!(first_of(64), 62);
        assert_eq!(first_of(1024), 992);
        assert_eq!(first_of(1 << 20), (1 << 20) - 32);
        assert_eq!(first_of(u64::MAX), RawFd::MAX);
    }
}
