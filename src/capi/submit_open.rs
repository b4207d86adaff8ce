// SPDX-License-Identifier: MIT
//! The exports that submit what gives sockets, and names and datagrams.

use super::c_int;
use super::datagram::{numeric, unix_peer};
use super::guard::{on_dispatcher, on_socket, seconds as check_seconds};
use super::memory::{bytes, text};
use super::offload::{host_of, numeric_address};
use super::poll::reply_places;
use super::socket::connection_of;
use super::submit::{receiving, sending};
use super::types::*;
use crate::dispatcher::registry::Entered;
use crate::dispatcher::{Boxed, Dispatcher, Ends, Given};
use crate::net::{self, Net};
use crate::status::{Outcome, Status};
use core::ffi::{c_char, c_void};
use std::rc::Rc;

/// copas_event.kind.
const ACCEPT: u32 = 5;
/// copas_event.kind.
const CONNECT: u32 = 6;
/// copas_event.kind.
const RECEIVEFROM: u32 = 7;
/// copas_event.kind.
const SENDTO: u32 = 8;
/// copas_event.kind.
const RESOLVE: u32 = 9;

/// Submits a copas_accept(): the event's `result` is the new socket. Answers as copas_submit_receive().
/// Errors: as copas_accept(); COPAS_LIMIT. Never switches.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_submit_accept(
    server: *mut copas_socket,
    timeout: f64,
    token: u64,
    now: *mut copas_event,
    out: *mut *mut copas_operation,
) -> c_int {
    on_socket(server, |d, socket| {
        // SAFETY: NULL or writable, as the comment asks.
        let reply = unsafe { reply_places(now, out) };
        let said = reply.submission(ACCEPT, token, socket.handle, check_seconds(timeout)?);
        Ok(reply.give(net::submit_accept(d, socket, said)?))
    })
}

/// Submits a copas_connect(): the event's `result` is the new socket; of a failure `data` and `len` are
/// the words, valid as copas_event says. `host` is copied. Answers as copas_submit_receive().
/// Errors: COPAS_INVALID (also when `host` is NULL, or NAN), COPAS_LIMIT, COPAS_STALE,
/// COPAS_WRONG_THREAD; all others are in the event. Never switches.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_submit_connect(
    c: *mut copas,
    host: *const c_char,
    port: c_int,
    timeout: f64,
    token: u64,
    now: *mut copas_event,
    out: *mut *mut copas_operation,
) -> c_int {
    on_dispatcher(c, |d| {
        // SAFETY: NULL or writable; NULL or terminated, as the comment asks.
        let (reply, host) = unsafe { (reply_places(now, out), host_of(host)?.to_string()) };
        let port = net::port_of(port, 1)?;
        let timeout = check_seconds(timeout)?;
        let said = reply.submission(CONNECT, token, d.handle, -1.0);
        let connecting = net::connecting(own(d)?, host, port, timeout);
        Ok(reply.give(net::submit_opening(d, connecting, said)?))
    })
}

/// Submits a copas_connect_with(); otherwise as copas_submit_connect(). Errors: also COPAS_INVALID for
/// the options, COPAS_STALE for the context, COPAS_UNSUPPORTED (no TLS in this library). Never switches.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_submit_connect_with(
    c: *mut copas,
    host: *const c_char,
    port: c_int,
    options: *const copas_connect_options,
    token: u64,
    now: *mut copas_event,
    out: *mut *mut copas_operation,
) -> c_int {
    on_dispatcher(c, |d| {
        // SAFETY: NULL or writable; NULL or terminated, as the comment asks.
        let (reply, host) = unsafe { (reply_places(now, out), host_of(host)?) };
        // SAFETY: NULL or a struct with its size, as the comment asks.
        let (timeout, peer) = unsafe { connection_of(options, host) }?;
        let port = net::port_of(port, 1)?;
        let said = reply.submission(CONNECT, token, d.handle, -1.0);
        let connecting = net::connecting_with(own(d)?, host, port, timeout, peer);
        Ok(reply.give(net::submit_opening(d, connecting, said)?))
    })
}

/// Submits a copas_connect_unix(); otherwise as copas_submit_connect(). Never switches.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_submit_connect_unix(
    c: *mut copas,
    path: *const c_char,
    flags: u64,
    timeout: f64,
    token: u64,
    now: *mut copas_event,
    out: *mut *mut copas_operation,
) -> c_int {
    on_dispatcher(c, |d| {
        // SAFETY: NULL or writable; NULL or terminated, as the comment asks.
        let (reply, path) = unsafe { (reply_places(now, out), text(path)?) };
        let (path, is_datagram) = unix_peer(path, flags)?;
        let address = net::unix_address(path)?;
        let said = reply.submission(CONNECT, token, d.handle, check_seconds(timeout)?);
        let connecting = net::connecting_unix(own(d)?, address, is_datagram);
        Ok(reply.give(net::submit_opening(d, connecting, said)?))
    })
}

/// Submits a copas_resolve(): the event's `data` are `len` structs copas_address (a count, not bytes),
/// best first, with the port 0, valid as copas_event says; of a failure they are its words.
/// `host` is copied. Answers and errors as copas_submit_connect(). Never switches.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_submit_resolve(
    c: *mut copas,
    host: *const c_char,
    timeout: f64,
    token: u64,
    now: *mut copas_event,
    out: *mut *mut copas_operation,
) -> c_int {
    on_dispatcher(c, |d| {
        // SAFETY: NULL or writable; NULL or terminated, as the comment asks.
        let (reply, host) = unsafe { (reply_places(now, out), host_of(host)?.to_string()) };
        let said = reply.submission(RESOLVE, token, d.handle, check_seconds(timeout)?);
        let own = own(d)?;
        let resolving = async move {
            let found = net::lookup(&own, &host).await?;
            let addresses: Box<[_]> = found.into_iter().map(numeric_address).collect();
            Ok(Given::values(addresses))
        };
        let begun = d.submit(said, Boxed::of(resolving, Ends::AsTold))?;
        Ok(reply.give(begun))
    })
}

/// Submits a copas_receivefrom(): the event's `data` and `len` are the datagram, and
/// copas_event_peer() tells who sent it. Answers and errors as copas_submit_receive(). Never switches.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_submit_receivefrom(
    skt: *mut copas_socket,
    token: u64,
    now: *mut copas_event,
    out: *mut *mut copas_operation,
) -> c_int {
    on_socket(skt, |d, socket| {
        // SAFETY: NULL or writable, as the comment asks.
        let reply = unsafe { reply_places(now, out) };
        let said = receiving(socket, RECEIVEFROM, token, &reply);
        Ok(reply.give(net::submit_receive_from(d, socket, said)?))
    })
}

/// Submits a copas_sendto(); the datagram is copied. Answers as copas_submit_receive(); a failure's
/// words are in the event's `data`. Errors: COPAS_UNSUPPORTED (not a datagram socket), COPAS_INVALID,
/// COPAS_LIMIT, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_submit_sendto(
    skt: *mut copas_socket,
    data: *const c_void,
    len: usize,
    to: *const copas_address,
    token: u64,
    now: *mut copas_event,
    out: *mut *mut copas_operation,
) -> c_int {
    on_socket(skt, |d, socket| {
        // SAFETY: NULL or `len` bytes; NULL or an address; NULL or writable, as the comment asks.
        let (data, to, reply) = unsafe { (bytes(data, len)?, to.as_ref(), reply_places(now, out)) };
        let to = to.map(numeric).transpose()?;
        let said = sending(socket, SENDTO, token, &reply);
        Ok(reply.give(net::submit_send_to(d, socket, data, to, said)?))
    })
}

/// The dispatcher, for an operation to keep.
fn own(d: &Entered) -> Outcome<Rc<Dispatcher>> {
    Net::of(d).dispatcher().ok_or_else(|| Status::STALE.into())
}
