// SPDX-License-Identifier: MIT
//! The exports that use OS threads: blocking functions and names.

use super::copas_status;
use super::guard::{on_dispatcher, seconds as check_seconds};
use super::memory::{place, text};
use super::socket::address_of;
use super::types::{copas, copas_address, copas_thread_fn};
use crate::net::{self, Address, Net};
use crate::status::{Fault, Outcome};
use crate::sync;
use core::ffi::{c_char, c_void};
use std::net::IpAddr;

/// The program's function with its pointer, on its way to another OS thread.
pub(super) struct Blocking {
    pub call: unsafe extern "C" fn(*mut c_void),
    pub user: *mut c_void,
}

// SAFETY: the program asks for its function to be called with its pointer on another OS thread, as
// copas_offload() says; the caller waits meanwhile.
unsafe impl Send for Blocking {}

impl Blocking {
    pub fn run(self) {
        // SAFETY: the program's function with the program's pointer.
        unsafe { (self.call)(self.user) };
    }
}

/// Runs `fn(user)`, which may block, on an OS thread of a small pool (at most 4 for the process beside
/// those of names, started when needed, with all signals blocked) while only the caller waits. It may not call this
/// library but for copas_post() and its like. There is no time limit: the call really waits until `fn`
/// has returned, also when the caller is canceled meanwhile. It keeps the loop alive.
///
/// Errors: COPAS_CANCELED (before: `fn` did not run; meanwhile: it did); COPAS_CANNOT_WAIT;
/// COPAS_INVALID (also when `fn` is NULL); COPAS_SYSTEM (no OS thread to be had); COPAS_STALE;
/// COPAS_WRONG_THREAD. Switch point.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_offload(
    c: *mut copas,
    r#fn: copas_thread_fn,
    user: *mut c_void,
) -> copas_status {
    on_dispatcher(c, |d| {
        let call = r#fn.ok_or_else(|| Fault::invalid("the function is NULL"))?;
        d.bind();
        let blocking = Blocking { call, user };
        sync::offload(d, Box::new(move || blocking.run()))
    })
}

/// Resolves a name to its addresses, best first, within `timeout` seconds, without blocking anybody
/// else: by getaddrinfo(3) on one of at most 4 OS threads that the process has for names. `*count` gets
/// how many there are; at most `max` of them are written to `addresses`, with the port 0. A numeric
/// address is its own. Answers are kept; see copas_setresolver(). A lookup whose callers have all left
/// (their time passed, they were canceled) goes on if it has begun, and its answer is kept; one that
/// still waits for its turn is skipped.
///
/// Errors: COPAS_UNRESOLVED (copas_error() has the resolver's words); COPAS_TIMEOUT; COPAS_CANCELED;
/// COPAS_CANNOT_WAIT; COPAS_INVALID (also when `host` or `count` is NULL, or `addresses` is and `max` is
/// not 0; or NAN); COPAS_SYSTEM; COPAS_STALE; COPAS_WRONG_THREAD. Switch point.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_resolve(
    c: *mut copas,
    host: *const c_char,
    timeout: f64,
    addresses: *mut copas_address,
    max: usize,
    count: *mut usize,
) -> copas_status {
    on_dispatcher(c, |d| {
        // SAFETY: NULL or writable; NULL or terminated, as the comment asks.
        let (count, host) = unsafe { (place(count, "count")?, host_of(host)?) };
        if addresses.is_null() && max != 0 {
            return Err(Fault::invalid("addresses is NULL but max is not 0"));
        }
        let timeout = check_seconds(timeout)?;
        d.bind();
        let found = net::resolve(d, host, timeout)?;
        for (i, ip) in found.iter().take(max).enumerate() {
            // SAFETY: `i` is below `max`, and so many addresses can be written.
            unsafe { addresses.add(i).write(numeric_address(*ip)) };
        }
        count.write(found.len());
        Ok(())
    })
}

/// A caller's host.
///
/// # Safety
/// `host` is NULL or terminated.
pub(super) unsafe fn host_of<'a>(host: *const c_char) -> Outcome<&'a str> {
    // SAFETY: the caller says so.
    unsafe { text(host) }?.ok_or_else(|| Fault::invalid("the host is NULL"))
}

/// An address without a port.
pub(super) fn numeric_address(ip: IpAddr) -> copas_address {
    address_of(&Address {
        family: if ip.is_ipv4() {
            libc::AF_INET
        } else {
            libc::AF_INET6
        },
        port: 0,
        host: ip.to_string().into_bytes(),
    })
}

/// Sets how many names' answers are kept (at first 256; 0: none), and for how many seconds (at first
/// 30; failures are kept for at most 1). What is kept is forgotten.
/// Errors: COPAS_INVALID (also when `seconds` is negative or NAN), COPAS_STALE, COPAS_WRONG_THREAD.
/// Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_setresolver(c: *mut copas, names: usize, seconds: f64) -> copas_status {
    on_dispatcher(c, |d| {
        let kept = crate::dispatcher::nanoseconds(seconds);
        let kept = kept.ok_or_else(|| Fault::invalid("seconds is negative, NAN or too many"))?;
        Net::of(d).resolver.limit(names, kept);
        Ok(())
    })
}
