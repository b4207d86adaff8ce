// SPDX-License-Identifier: MIT
//! The exports that open sockets on addresses of this machine.

use super::guard::{on_dispatcher, pointer};
use super::memory::{Growing, place, read_sized, text};
use super::types::{copas, copas_bind_options, copas_socket};
use super::{c_int, copas_status};
use crate::net::{self, Binding};
use crate::status::{Fault, Outcome};
use core::ffi::c_char;

/// copas_bind_options.flags: IPV6_V6ONLY.
const V6ONLY: u64 = 1;
/// copas_bind_options.flags: SO_REUSEADDR.
const REUSEADDR: u64 = 2;
/// copas_bind_options.flags: SO_REUSEPORT.
const REUSEPORT: u64 = 4;

// SAFETY: repr(C), the size first, and every field may be zero.
unsafe impl Growing for copas_bind_options {}

/// Opens a listening TCP socket on `host` (a numeric IPv4 or IPv6 address, a link-local one with its
/// interface: "fe80::1%eth0"; or a name, of which the first address that can be had is taken; "*" or
/// NULL: every IPv4 address; "::": every IPv6 and IPv4 address) and `port` (0 to 65535; 0: a free one,
/// which copas_getsockname() tells). It has SO_REUSEADDR, TCP_NODELAY, and a backlog of 4096 (the kernel
/// may cap it). Add it with copas_addserver().
///
/// Errors: COPAS_INVALID, COPAS_SYSTEM (the address is in use or not this machine's: see
/// copas_error()), COPAS_UNRESOLVED (the name has no address), COPAS_LIMIT (no descriptor left),
/// COPAS_CANCELED, COPAS_CANNOT_WAIT (for a name), COPAS_STALE, COPAS_WRONG_THREAD; of several addresses
/// the last one's, and copas_error() lists all. Never switches with a numeric address; with a name a
/// Switch point.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_bind(
    c: *mut copas,
    host: *const c_char,
    port: c_int,
    out: *mut *mut copas_socket,
) -> copas_status {
    // SAFETY: NULL or writable; NULL or terminated, as the comment asks.
    unsafe { copas_bind_with(c, host, port, std::ptr::null(), out) }
}

/// copas_bind() with options; `options` may be NULL and is copied. Errors: as copas_bind();
/// COPAS_INVALID also for a bad size, flag or backlog. Never switches with a numeric address; with a
/// name a Switch point.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_bind_with(
    c: *mut copas,
    host: *const c_char,
    port: c_int,
    options: *const copas_bind_options,
    out: *mut *mut copas_socket,
) -> copas_status {
    on_dispatcher(c, |d| {
        // SAFETY: NULL or a struct with its size, as the comment asks.
        let binding = binding_of(unsafe { read_sized(options) }.check()?)?;
        // SAFETY: NULL or writable; NULL or terminated, as the comment asks.
        let (out, host) = unsafe { (place(out, "out")?, text(host)?) };
        out.write(pointer(net::bind(d, host, port, binding)?.handle));
        Ok(())
    })
}

/// Opens a UDP socket on `host` and `port`, as copas_bind() does; it has no option set. Several may be
/// sent to and received from: copas_sendto(), copas_receivefrom(). copas_addserver() starts one handler
/// with the socket. Errors: as copas_bind(). Never switches with a numeric address; with a name a
/// Switch point.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_bind_udp(
    c: *mut copas,
    host: *const c_char,
    port: c_int,
    out: *mut *mut copas_socket,
) -> copas_status {
    // SAFETY: NULL or writable; NULL or terminated, as the comment asks.
    unsafe { copas_bind_udp_with(c, host, port, std::ptr::null(), out) }
}

/// copas_bind_udp() with options; `options` may be NULL and is copied. Errors: as copas_bind();
/// COPAS_INVALID also for a bad size or flag, or a backlog. Never switches with a numeric address; with
/// a name a Switch point.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_bind_udp_with(
    c: *mut copas,
    host: *const c_char,
    port: c_int,
    options: *const copas_bind_options,
    out: *mut *mut copas_socket,
) -> copas_status {
    on_dispatcher(c, |d| {
        // SAFETY: NULL or a struct with its size, as the comment asks.
        let options = unsafe { read_sized(options) }.check()?;
        if options.backlog != 0 {
            return Err(Fault::invalid("a UDP socket has no backlog"));
        }
        // SAFETY: NULL or writable; NULL or terminated, as the comment asks.
        let (out, host) = unsafe { (place(out, "out")?, text(host)?) };
        let binding = binding_of(options)?;
        out.write(pointer(net::bind_udp(d, host, port, binding)?.handle));
        Ok(())
    })
}

/// The options of a caller, checked.
fn binding_of(options: copas_bind_options) -> Outcome<Binding> {
    if options.flags & !(V6ONLY | REUSEADDR | REUSEPORT) != 0 {
        return Err(Fault::invalid(
            "copas_bind_options.flags has an unknown flag",
        ));
    }
    if options.backlog < 0 {
        return Err(Fault::invalid("copas_bind_options.backlog is negative"));
    }
    let mut binding = Binding {
        only_v6: options.flags & V6ONLY != 0,
        reuse_address: options.flags & REUSEADDR != 0,
        reuse_port: options.flags & REUSEPORT != 0,
        ..Binding::default()
    };
    if options.backlog != 0 {
        binding.backlog = options.backlog;
    }
    Ok(binding)
}
