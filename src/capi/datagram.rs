// SPDX-License-Identifier: MIT
//! The exports about datagrams and Unix sockets.

use super::guard::{on_dispatcher, on_socket, pointer, seconds as check_seconds};
use super::memory::{bytes, lent, place, put, text};
use super::socket::address_of;
use super::types::{copas, copas_address, copas_bytes, copas_socket};
use super::{c_int, copas_status};
use crate::net::{self, Membership};
use crate::status::{Fault, Outcome};
use core::ffi::{CStr, c_char, c_void};
use socket2::SockAddr;

/// copas_bind_unix(), copas_connect_unix(): a datagram socket.
const DATAGRAM: u64 = 1;
/// copas_bind_unix(): a socket file that nobody listens on is removed before.
const UNLINK: u64 = 2;

/// Opens a UDP socket that sends to and receives from one address only: copas_send() sends one
/// datagram there. It takes no answer from the other side, and nothing is sent yet; of a name the first address
/// that can be had counts, and of several failures copas_error() lists all. Errors: COPAS_INVALID, COPAS_UNRESOLVED,
/// COPAS_SYSTEM, COPAS_LIMIT, COPAS_CANCELED, COPAS_CANNOT_WAIT (for a name), COPAS_STALE,
/// COPAS_WRONG_THREAD. Never switches with a numeric address; with a name a Switch point.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_connect_udp(
    c: *mut copas,
    host: *const c_char,
    port: c_int,
    out: *mut *mut copas_socket,
) -> copas_status {
    on_dispatcher(c, |d| {
        // SAFETY: NULL or writable; NULL or terminated, as the comment asks.
        let (out, host) = unsafe { (place(out, "out")?, text(host)?) };
        out.write(pointer(net::connect_udp(d, host, port)?.handle));
        Ok(())
    })
}

/// Sends one datagram of `len` bytes (at most 65,507 over UDP) to a numeric address, or with `to` NULL
/// to where the socket is connected. Waits, within the send time limit, while the kernel's buffer or the
/// queue of a Unix receiver is full; with `to` over Unix sockets that is asked again every 5 ms, since the
/// kernel does not tell. Whole or not at all.
///
/// Errors: COPAS_TIMEOUT; COPAS_CANCELED; COPAS_CLOSED (from elsewhere meanwhile); COPAS_REFUSED (an
/// earlier datagram was); COPAS_SYSTEM (too long, unreachable and the like); COPAS_UNSUPPORTED (not a
/// datagram socket); COPAS_CANNOT_WAIT; COPAS_INVALID (also for an address that is not numeric, or of
/// another family than it says);
/// COPAS_STALE; COPAS_WRONG_THREAD. Switch point.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_sendto(
    skt: *mut copas_socket,
    data: *const c_void,
    len: usize,
    to: *const copas_address,
) -> copas_status {
    on_socket(skt, |d, socket| {
        // SAFETY: NULL or `len` bytes; NULL or an address, as the comment asks.
        let (data, to) = unsafe { (bytes(data, len)?, to.as_ref()) };
        let to = to.map(numeric).transpose()?;
        d.bind();
        net::send_to(d, socket, data, to)
    })
}

/// Receives one datagram, within the receive time limit. `*datagram` borrows it as copas_receive() lends
/// its bytes; an empty one is COPAS_OK with the length 0. `from` may be NULL; else it gets who sent it.
///
/// A datagram of more than the socket's limit (copas_setlimits(), `all`; at most 65,536 bytes) answers
/// COPAS_TOO_LONG: `*datagram` has its first bytes, as many as the limit, `from` its sender, and
/// copas_error() tells how long it was. It is consumed, its other bytes are lost.
///
/// Errors: COPAS_TIMEOUT; COPAS_CANCELED; COPAS_CLOSED (from elsewhere meanwhile); COPAS_REFUSED (a
/// datagram that was sent before found nobody); COPAS_TOO_LONG; COPAS_BUSY (another coroutine waits to
/// receive); COPAS_UNSUPPORTED (not a datagram socket); COPAS_INVALID (also when `datagram` is NULL);
/// COPAS_SYSTEM; COPAS_CANNOT_WAIT; COPAS_STALE; COPAS_WRONG_THREAD. Switch point.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_receivefrom(
    skt: *mut copas_socket,
    datagram: *mut copas_bytes,
    from: *mut copas_address,
) -> copas_status {
    on_socket(skt, |d, socket| {
        // SAFETY: NULL or writable, as the comment asks.
        let datagram = unsafe { place(datagram, "datagram") }?;
        d.bind();
        let received = net::receive_from(d, socket)?;
        datagram.write(lent(received.bytes));
        // SAFETY: NULL or writable, as the comment asks.
        unsafe { put(from, address_of(&net::told_address(&received.from))) };
        received.check_whole()
    })
}

/// Opens a Unix socket at `path`, of 1 to 107 bytes; '@' and 1 to 107 bytes are an abstract name
/// (unix(7)). `flags`: 0 for a listening socket, COPAS_DATAGRAM for a datagram socket, and COPAS_UNLINK
/// to remove a socket file before that nobody listens on. The file stays when the socket is closed.
///
/// Errors: COPAS_SYSTEM (the path is there already, or cannot be made: see copas_error()),
/// COPAS_INVALID, COPAS_LIMIT, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_bind_unix(
    c: *mut copas,
    path: *const c_char,
    flags: u64,
    out: *mut *mut copas_socket,
) -> copas_status {
    on_dispatcher(c, |d| {
        // SAFETY: NULL or writable; NULL or terminated, as the comment asks.
        let (out, path) = unsafe { (place(out, "out")?, text(path)?) };
        let path = path.ok_or_else(|| Fault::invalid("the path is NULL"))?;
        if flags & !(DATAGRAM | UNLINK) != 0 {
            return Err(Fault::invalid(
                "flags is 0, COPAS_DATAGRAM, COPAS_UNLINK or both",
            ));
        }
        let (is_datagram, replaces) = (flags & DATAGRAM != 0, flags & UNLINK != 0);
        let socket = net::bind_unix(d, path, is_datagram, replaces)?;
        out.write(pointer(socket.handle));
        Ok(())
    })
}

/// Connects to the Unix socket at `path` (see copas_bind_unix()) within `timeout` seconds, waiting while
/// the listener's queue is full. `flags` is 0, or COPAS_DATAGRAM.
///
/// Errors: COPAS_TIMEOUT; COPAS_REFUSED (nobody listens); COPAS_CANCELED; COPAS_CANNOT_WAIT;
/// COPAS_SYSTEM (no such path and the like); COPAS_INVALID; COPAS_LIMIT; COPAS_STALE;
/// COPAS_WRONG_THREAD. Switch point.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_connect_unix(
    c: *mut copas,
    path: *const c_char,
    flags: u64,
    timeout: f64,
    out: *mut *mut copas_socket,
) -> copas_status {
    on_dispatcher(c, |d| {
        // SAFETY: NULL or writable; NULL or terminated, as the comment asks.
        let (out, path) = unsafe { (place(out, "out")?, text(path)?) };
        let (path, is_datagram) = unix_peer(path, flags)?;
        let timeout = check_seconds(timeout)?;
        d.bind();
        let socket = net::connect_unix(d, path, is_datagram, timeout)?;
        out.write(pointer(socket.handle));
        Ok(())
    })
}

/// Joins a multicast group of a datagram socket: `group` is a numeric address of it, `interface` the
/// numeric IPv4 address or the IPv6 index of a network interface, or NULL: the system's choice.
/// Errors: COPAS_INVALID, COPAS_UNSUPPORTED (not a datagram socket), COPAS_SYSTEM, COPAS_STALE,
/// COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_joingroup(
    skt: *mut copas_socket,
    group: *const c_char,
    interface: *const c_char,
) -> copas_status {
    // SAFETY: NULL or terminated, as the comment asks.
    unsafe { membership(skt, group, interface, Membership::Join) }
}

/// Leaves a multicast group that copas_joingroup() has joined, with the same arguments. Errors: as
/// copas_joingroup(). Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_leavegroup(
    skt: *mut copas_socket,
    group: *const c_char,
    interface: *const c_char,
) -> copas_status {
    // SAFETY: NULL or terminated, as the comment asks.
    unsafe { membership(skt, group, interface, Membership::Leave) }
}

/// # Safety
/// Both texts are NULL or terminated.
unsafe fn membership(
    skt: *mut copas_socket,
    group: *const c_char,
    interface: *const c_char,
    what: Membership,
) -> copas_status {
    on_socket(skt, |_, socket| {
        // SAFETY: the caller says so.
        let (group, interface) = unsafe { (text(group)?, text(interface)?) };
        let group = group.ok_or_else(|| Fault::invalid("the group is NULL"))?;
        net::set_membership(socket, group, interface, what)
    })
}

/// Where a Unix socket is to connect to, and whether it carries datagrams.
pub(super) fn unix_peer(path: Option<&str>, flags: u64) -> Outcome<(&str, bool)> {
    let path = path.ok_or_else(|| Fault::invalid("the path is NULL"))?;
    if flags & !DATAGRAM != 0 {
        return Err(Fault::invalid("flags is 0 or COPAS_DATAGRAM"));
    }
    Ok((path, flags & DATAGRAM != 0))
}

/// The address that a caller names by numbers or by a path.
pub(super) fn numeric(address: &copas_address) -> Outcome<SockAddr> {
    let host: &[u8] = &address.host.map(|byte| byte as u8);
    let host = CStr::from_bytes_until_nul(host)
        .ok()
        .and_then(|host| host.to_str().ok());
    let host = host.ok_or_else(|| Fault::invalid("the address' host is not a text"))?;
    if address.family == libc::AF_UNIX {
        return net::unix_address(host);
    }
    let ip = net::numeric(host, net::port_of(address.port, 1)?)?
        .ok_or_else(|| Fault::invalid(format!("\"{host}\" is not a numeric address")))?;
    let (family, name) = if ip.is_ipv4() {
        (libc::AF_INET, "AF_INET")
    } else {
        (libc::AF_INET6, "AF_INET6")
    };
    if address.family != family {
        let text = format!("the address' family is not {name}, as its host {host} asks");
        return Err(Fault::invalid(text));
    }
    Ok(ip.into())
}
