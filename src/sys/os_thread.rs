// SPDX-License-Identifier: MIT
//! Which OS thread calls.

thread_local! {
    /// Its address tells the living OS threads apart.
    static MARK: u8 = const { 0 };
}

/// A number that no other living OS thread has; never 0.
pub fn id() -> usize {
    MARK.with(|mark| std::ptr::from_ref(mark) as usize)
}

/// Lets other OS threads run.
pub fn yield_now() {
    std::thread::yield_now();
}

/// Runs `body` and restores errno afterwards, for functions that a signal handler may call.
pub fn keeping_errno<R>(body: impl FnOnce() -> R) -> R {
    // SAFETY: __errno_location gives this OS thread's own errno, valid for as long as it runs.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let before = unsafe { *errno };
    let result = body();
    // SAFETY: as above.
    unsafe { *errno = before };
    result
}

/// Sets errno, for functions whose result cannot carry a status.
pub fn set_errno(errno: i32) {
    // SAFETY: __errno_location gives this OS thread's own errno.
    unsafe { *libc::__errno_location() = errno };
}
