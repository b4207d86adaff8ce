// SPDX-License-Identifier: MIT
//! Handlers of the process' signals.

use super::descriptor::check;
use std::io;

/// The highest number that a signal has.
pub const LAST: i32 = 64;

/// How a signal was handled before.
pub struct Before(libc::sigaction);

/// Has `handler` called for a signal; interrupted system calls are restarted where they can be.
pub fn install(number: i32, handler: extern "C" fn(i32)) -> io::Result<Before> {
    // SAFETY: an all-zero sigaction is a valid value of that plain struct.
    let (mut action, mut before): (libc::sigaction, libc::sigaction) =
        unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    action.sa_sigaction = handler as *const () as usize;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: both structs live; the handler does only what a signal handler may (see its comment).
    check(unsafe { libc::sigaction(number, &action, &mut before) })?;
    Ok(Before(before))
}

/// Has a signal handled as before.
pub fn restore(number: i32, before: &Before) {
    // SAFETY: the struct came from sigaction itself; NULL: what is replaced is not asked for.
    unsafe { libc::sigaction(number, &before.0, std::ptr::null_mut()) };
}
