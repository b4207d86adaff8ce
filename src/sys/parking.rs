// SPDX-License-Identifier: MIT
//! Sleeping until another OS thread changes a word.

#[cfg(shuttle)]
pub use super::model::{passing, sleep_while, wake};
#[cfg(not(shuttle))]
use super::sync::atomic::AtomicU32;
#[cfg(not(shuttle))]
use std::time::Duration;

/// How long a limit is: as it says.
#[cfg(not(shuttle))]
pub fn passing(limit: Duration) -> Duration {
    limit
}

/// Sleeps while the word has this value, until a `wake` or for at most `limit`; may return early.
/// The kernel looks at the word itself, so that a `wake` between the caller's look and its sleep is
/// not lost.
#[cfg(not(shuttle))]
pub fn sleep_while(word: &AtomicU32, value: u32, limit: Option<Duration>) {
    #[cfg(feature = "faults")]
    if super::faults::happens(super::faults::kind::INTERRUPT) {
        return;
    }
    let limit = limit.map(|limit| libc::timespec {
        tv_sec: limit.as_secs() as libc::time_t,
        tv_nsec: limit.subsec_nanos() as libc::c_long,
    });
    let time = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the word and the time, NULL or not, live as long as the call; futex(2) only reads them.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, value, time) };
}

/// Wakes one that sleeps on the word.
#[cfg(not(shuttle))]
pub fn wake(word: &AtomicU32) {
    let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the address only names those that sleep there.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, 1) };
}
