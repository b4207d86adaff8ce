// SPDX-License-Identifier: MIT
//! The exports that make, end and describe sockets.

use super::guard::{on_dispatcher, on_socket, pointer, seconds as check_seconds};
use super::memory::{Growing, place, read_sized, text, write_sized};
use super::tls::peer_of;
use super::types::*;
use super::{c_int, copas_status};
use crate::dispatcher::Dispatcher;
use crate::net::tls::Peer;
use crate::net::{self, Address, Limits, Shut, Switch, Timeouts};
use crate::status::{Fault, Outcome};
use crate::sys::descriptor;
use core::ffi::c_char;
use std::os::fd::IntoRawFd;

// SAFETY: repr(C), the size first, and every field may be zero.
unsafe impl Growing for copas_socket_stats {}
// SAFETY: as above.
unsafe impl Growing for copas_connect_options {}

/// Connects to `host` (a numeric IPv4 or IPv6 address, or a name) and `port` (1 to 65535) over TCP,
/// within `timeout` seconds (COPAS_FOREVER: as long as the kernel tries), resolving included. The
/// addresses of a name are tried in turn, each for its share of the time. The socket's own time limits
/// are none; see copas_settimeout(). Close it with copas_close().
///
/// Errors: COPAS_TIMEOUT, COPAS_REFUSED, COPAS_UNRESOLVED (the name has no address), COPAS_CANCELED,
/// COPAS_CANNOT_WAIT, COPAS_INVALID, COPAS_SYSTEM (unreachable and the like), COPAS_LIMIT (no descriptor
/// left), COPAS_STALE, COPAS_WRONG_THREAD; of several addresses the last one's, and copas_error() lists
/// all. Switch point.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_connect(
    c: *mut copas,
    host: *const c_char,
    port: c_int,
    timeout: f64,
    out: *mut *mut copas_socket,
) -> copas_status {
    on_dispatcher(c, |d| {
        // SAFETY: NULL or writable; NULL or terminated, as the comment asks.
        let (out, host) = unsafe { (place(out, "out")?, text(host)?) };
        let timeout = check_seconds(timeout)?;
        d.bind();
        out.write(pointer(net::connect(d, host, port, timeout)?.handle));
        Ok(())
    })
}

/// copas_connect() with options; `options` may be NULL. With a TLS context the connection is encrypted
/// and the server verified, all within `timeout`; the socket's own time limits are none at first.
///
/// Errors: as copas_connect(); COPAS_UNTRUSTED (the server's certificate is not trusted, has expired, or is
/// not for the name: copas_error() tells which), COPAS_TLS_FAILED, COPAS_CLOSED (the server hung up),
/// COPAS_UNSUPPORTED (no TLS in this library). COPAS_INVALID also for a bad size, flag or time limit.
/// Switch point.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_connect_with(
    c: *mut copas,
    host: *const c_char,
    port: c_int,
    options: *const copas_connect_options,
    out: *mut *mut copas_socket,
) -> copas_status {
    on_dispatcher(c, |d| {
        // SAFETY: NULL or writable; NULL or terminated, as the comment asks.
        let (out, host) = unsafe { (place(out, "out")?, text(host)?) };
        let host = host.ok_or_else(|| Fault::invalid("the host to connect to is NULL"))?;
        // SAFETY: NULL or a struct with its size, as the comment asks.
        let (timeout, peer) = unsafe { connection_of(options, host) }?;
        d.bind();
        let socket = net::connect_with(d, host, port, timeout, peer)?;
        out.write(pointer(socket.handle));
        Ok(())
    })
}

/// Accepts one connection from a listening socket that no server serves, waiting for at most `timeout`
/// seconds. The new socket has the listener's time limits and limits; close it with copas_close().
///
/// Errors: COPAS_TIMEOUT; COPAS_CLOSED (the listener was closed meanwhile); COPAS_BUSY (it is served, or
/// somebody else accepts); COPAS_LIMIT (no descriptor left: wait before you try again); COPAS_CANCELED;
/// COPAS_UNSUPPORTED (it does not listen); COPAS_CANNOT_WAIT; COPAS_INVALID (also when `out` is NULL, or
/// NAN); COPAS_SYSTEM; COPAS_STALE; COPAS_WRONG_THREAD. Switch point.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_accept(
    server: *mut copas_socket,
    timeout: f64,
    out: *mut *mut copas_socket,
) -> copas_status {
    on_socket(server, |d, socket| {
        // SAFETY: NULL or writable, as the comment asks.
        let out = unsafe { place(out, "out")? };
        let timeout = check_seconds(timeout)?;
        d.bind();
        out.write(pointer(net::accept(d, socket, timeout)?.handle));
        Ok(())
    })
}

/// Makes a socket of an open descriptor that came from elsewhere: a TCP or Unix stream (a
/// socketpair too), a datagram socket, a listening socket, or one end of a pipe. The descriptor is set non-blocking
/// and belongs to the socket from then on, with its other options as they are; on an error it stays the caller's, unchanged.
///
/// Errors: COPAS_UNSUPPORTED (another kind of descriptor),
/// COPAS_INVALID (not open, or a regular file or folder), COPAS_BUSY (wrapped by this dispatcher already),
/// COPAS_STALE, COPAS_WRONG_THREAD, COPAS_NO_MEMORY, COPAS_LIMIT. Never switches.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_wrap(
    c: *mut copas,
    fd: c_int,
    out: *mut *mut copas_socket,
) -> copas_status {
    on_dispatcher(c, |d| {
        // SAFETY: NULL or writable, as the comment asks.
        let out = unsafe { place(out, "out")? };
        out.write(pointer(net::wrap(d, fd, descriptor::own)?.handle));
        Ok(())
    })
}

/// Gives the descriptor back in `*fd`, non-blocking and open; the socket's handle is stale
/// afterwards. Bytes that were received but not yet taken are lost: take them with
/// copas_receive_some() before.
///
/// Errors: COPAS_BUSY (somebody waits on it, it is served, it has unsent output: copas_flush() first,
/// or a connection that its server had accepted without a handler: copas_accept() it first),
/// COPAS_UNSUPPORTED (it is encrypted), COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_unwrap(skt: *mut copas_socket, fd: *mut c_int) -> copas_status {
    on_socket(skt, |d, socket| {
        // SAFETY: NULL or writable, as the comment asks.
        let place = unsafe { place(fd, "fd")? };
        place.write(net::unwrap(d, socket)?.into_raw_fd());
        Ok(())
    })
}

/// Closes a socket and returns at once. Its handle is stale afterwards; those that wait on it get
/// COPAS_CLOSED. Output not yet taken by the kernel is written in the background, for at most 10
/// seconds or the send time limit, whichever is shorter; copas_flush() first to learn whether the
/// kernel took it. COPAS_LINGER: see copas_setoption(). A served socket is removed from its server too.
/// Errors: COPAS_STALE (closed already), COPAS_INVALID, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_close(skt: *mut copas_socket) -> copas_status {
    on_socket(skt, |d, socket| {
        net::close(d, socket);
        Ok(())
    })
}

/// Closes a socket and throws its unsent output away; a TCP peer gets a reset (RST).
/// Otherwise as copas_close(). Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_abort(skt: *mut copas_socket) -> copas_status {
    on_socket(skt, |d, socket| {
        net::abort(d, socket);
        Ok(())
    })
}

/// Ends one direction of a connection: COPAS_SHUT_SEND (after what has been sent so far, the peer
/// sees the end of the stream), COPAS_SHUT_RECEIVE, or COPAS_SHUT_BOTH. Later sends, or receives, answer
/// COPAS_CLOSED, and so do those that wait.
///
/// Errors: COPAS_INVALID (also for another `how`), COPAS_UNSUPPORTED (a listening socket or a
/// pipe), COPAS_STALE, COPAS_WRONG_THREAD, COPAS_SYSTEM. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_shut(skt: *mut copas_socket, how: c_int) -> copas_status {
    on_socket(skt, |_, socket| {
        let how = match how {
            1 => Shut::Send,
            2 => Shut::Receive,
            3 => Shut::Both,
            _ => return Err(Fault::invalid("what to shut is one of COPAS_SHUT_...")),
        };
        net::shut(socket, how)
    })
}

/// Sets the time limit of every waiting call on a socket, in seconds: negative (COPAS_FOREVER) for
/// none, 0 for "do not wait". It holds for calls that start afterwards.
/// On a listening socket: what accepted sockets inherit.
/// Errors: COPAS_INVALID (also for NAN), COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_settimeout(skt: *mut copas_socket, seconds: f64) -> copas_status {
    on_socket(skt, |_, socket| {
        socket.timeouts.set(Timeouts::all(check_seconds(seconds)?));
        Ok(())
    })
}

/// Sets the three time limits of a socket one by one; NAN leaves one unchanged. `connect` is used
/// when a connection is made or secured, `send` by sends and flushes, `receive` by receives.
/// Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_settimeouts(
    skt: *mut copas_socket,
    connect: f64,
    send: f64,
    receive: f64,
) -> copas_status {
    on_socket(skt, |_, socket| {
        let before = socket.timeouts.get();
        let or = |new: f64, before: f64| if new.is_nan() { before } else { new };
        socket.timeouts.set(Timeouts {
            connect: or(connect, before.connect),
            send: or(send, before.send),
            receive: or(receive, before.receive),
        });
        Ok(())
    })
}

/// Sets how much a socket receives before it answers COPAS_TOO_LONG, in bytes: `line` for lines
/// and other delimiters (at first 1 MiB), `all` for COPAS_ALL and blocks of n bytes (at first
/// 64 MiB). 0 leaves one unchanged. On a listening socket: what accepted sockets inherit.
/// Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_setlimits(skt: *mut copas_socket, line: usize, all: usize) -> copas_status {
    on_socket(skt, |_, socket| {
        let before = socket.limits.get();
        let or = |new: usize, before: usize| if new == 0 { before } else { new };
        socket.limits.set(Limits {
            line: or(line, before.line),
            all: or(all, before.all),
        });
        Ok(())
    })
}

/// Sets a socket option: COPAS_KEEPALIVE, COPAS_REUSEADDR, COPAS_REUSEPORT, COPAS_TCP_NODELAY,
/// COPAS_IPV6_V6ONLY (0 or 1 each), COPAS_LINGER (seconds, negative for off),
/// COPAS_SEND_BUFFER, COPAS_RECEIVE_BUFFER (bytes, of the kernel's buffer), COPAS_BROADCAST,
/// COPAS_MULTICAST_LOOP (0 or 1) and COPAS_MULTICAST_TTL (0 to 255), of an IPv6 socket for both families.
/// What counts before a socket has its address (COPAS_IPV6_V6ONLY, sharing a port) is for
/// copas_bind_with().
///
/// COPAS_TCP_NODELAY is on at first in the sockets that the library makes, since it gathers small sends
/// itself. A wrapped descriptor keeps its options. Accepted sockets have those of the listening socket.
///
/// COPAS_LINGER 0: copas_close() resets the connection (RST) once the kernel has the output. More: the
/// output of a closed socket is written in the background for at most so many seconds, instead of 10.
/// copas_close() never blocks.
///
/// Errors: COPAS_INVALID (also for an unknown option or a value out of range), COPAS_UNSUPPORTED
/// (the socket is not of the option's kind), COPAS_SYSTEM, COPAS_STALE, COPAS_WRONG_THREAD.
/// Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_setoption(
    skt: *mut copas_socket,
    option: c_int,
    value: c_int,
) -> copas_status {
    on_socket(skt, |_, socket| {
        let option = match option {
            1 => Switch::KeepAlive,
            2 => Switch::Linger,
            3 => Switch::ReuseAddress,
            4 => Switch::ReusePort,
            5 => Switch::NoDelay,
            6 => Switch::OnlyIpv6,
            7 => Switch::SendBuffer,
            8 => Switch::ReceiveBuffer,
            9 => Switch::Broadcast,
            10 => Switch::MulticastTtl,
            11 => Switch::MulticastLoop,
            _ => return Err(Fault::invalid(format!("there is no option {option}"))),
        };
        net::set_option(socket, option, value)
    })
}

/// Fills `address` with the other side's address. Errors: COPAS_CLOSED (not connected),
/// COPAS_UNSUPPORTED (a pipe), COPAS_INVALID (also when `address` is NULL), COPAS_STALE,
/// COPAS_WRONG_THREAD, COPAS_SYSTEM. Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_getpeername(
    skt: *mut copas_socket,
    address: *mut copas_address,
) -> copas_status {
    on_socket(skt, |_, socket| {
        // SAFETY: NULL or writable, as the comment asks.
        let place = unsafe { place(address, "address")? };
        place.write(address_of(&net::peer_address(socket)?));
        Ok(())
    })
}

/// Fills `address` with this side's address. Errors: as copas_getpeername(). Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_getsockname(
    skt: *mut copas_socket,
    address: *mut copas_address,
) -> copas_status {
    on_socket(skt, |_, socket| {
        // SAFETY: NULL or writable, as the comment asks.
        let place = unsafe { place(address, "address")? };
        place.write(address_of(&net::local_address(socket)?));
        Ok(())
    })
}

/// Fills `stats` with the bytes received and sent and the socket's age. Set `stats->size` first.
/// Errors: COPAS_INVALID (also when `stats` is NULL or its size is too small), COPAS_STALE,
/// COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_getstats(
    skt: *mut copas_socket,
    stats: *mut copas_socket_stats,
) -> copas_status {
    on_socket(skt, |d, socket| {
        let told = stats_of(d, socket);
        // SAFETY: NULL or a struct with its size, as the comment asks.
        unsafe { write_sized(stats, &told) }
    })
}

/// The time limit of a connection, and how it is encrypted.
///
/// # Safety
/// `options` is NULL or a struct with its size, whose name is NULL or terminated.
pub(super) unsafe fn connection_of(
    options: *const copas_connect_options,
    host: &str,
) -> Outcome<(f64, Option<Peer>)> {
    // SAFETY: the caller says so.
    let options = unsafe { read_sized(options) }.check()?;
    // SAFETY: the caller says so.
    let name = unsafe { text(options.server_name) }?;
    if options.flags != 0 {
        return Err(Fault::invalid(
            "copas_connect_options.flags has an unknown flag",
        ));
    }
    if name.is_some() && options.tls.is_null() {
        return Err(Fault::invalid("server_name is for encrypted connections"));
    }
    let peer = match options.tls.is_null() {
        true => None,
        false => Some(peer_of(options.tls, name.unwrap_or(host))?),
    };
    let timeout = match check_seconds(options.timeout)? {
        0.0 => -1.0,
        limit => limit,
    };
    Ok((timeout, peer))
}

/// An address as C sees it; a longer path is cut.
pub(super) fn address_of(address: &Address) -> copas_address {
    let mut host = [0; 112];
    for (place, byte) in host[..111].iter_mut().zip(&address.host) {
        *place = *byte as c_char;
    }
    copas_address {
        family: address.family,
        port: c_int::from(address.port),
        host,
    }
}

/// A socket's numbers as C sees them.
fn stats_of(d: &Dispatcher, socket: &net::Socket) -> copas_socket_stats {
    copas_socket_stats {
        size: 0,
        received: socket.received.get(),
        sent: socket.sent.get(),
        age: (d.now() - socket.born) as f64 / 1e9,
    }
}
