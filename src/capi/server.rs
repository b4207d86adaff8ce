// SPDX-License-Identifier: MIT
//! The exports about servers.

use super::armour::armour_of;
use super::copas_status;
use super::guard::{answer, handle_of, on, on_dispatcher, on_socket, pointer, seconds, socket_of};
use super::memory::{Growing, read_sized, text};
use super::thread::{OS_THREAD, ground_of};
use super::tls::server_context_of;
use super::types::*;
use super::user::User;
use crate::dispatcher::{Ground, Handle};
use crate::net::tls::Context;
use crate::net::{self, Armour, Inherited, Limits, ServerSettings, Socket, Timeouts};
use crate::status::{Fault, Outcome};
use core::ffi::c_void;
use std::rc::Rc;
use std::sync::Arc;

/// Seconds that a handshake may take where nothing else is said: those who say nothing must not stay.
const HANDSHAKE_TIMEOUT: f64 = 30.0;

/// copas_server_options.flags: the handler's socket stays open when it returns.
const KEEP_OPEN: u64 = 1;

// SAFETY: repr(C), the size first, and every field may be zero (NULL functions are None).
unsafe impl Growing for copas_server_options {}

/// Serves a listening socket: each accepted connection runs `handler(client, user)` in a coroutine
/// of its own, and `client` is flushed and closed when it returns. `timeout` is the time limit in
/// seconds of each waiting call on accepted sockets (COPAS_FOREVER: none); it does not limit accept.
///
/// A datagram socket gets one handler, which starts in the next step with the socket itself as its
/// `client` and receives with copas_receivefrom(). When it returns the socket is closed, and the server
/// is over.
///
/// When descriptors are used up, accepting pauses (10 ms, doubling to 1 s) and goes on by itself;
/// that is reported once. Connections meanwhile wait in the kernel's queue.
///
/// Errors: COPAS_INVALID (also when `server` neither listens nor takes datagrams, `handler` is NULL, or
/// `timeout` is NAN), COPAS_BUSY (it is served already), COPAS_STALE, COPAS_WRONG_THREAD, COPAS_SYSTEM.
/// Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_addserver(
    c: *mut copas,
    server: *mut copas_socket,
    handler: copas_handler_fn,
    user: *mut c_void,
    timeout: f64,
) -> copas_status {
    on_dispatcher(c, |d| {
        let socket = socket_of(d, server)?;
        let inherited = Inherited {
            timeouts: Timeouts::all(seconds(timeout)?),
            limits: socket.limits.get(),
            ..Inherited::default()
        };
        let handler = handler_of(handler, User::new(user, None))?;
        let settings = ServerSettings {
            handler,
            name: None,
            inherited,
            ground: Ground::Stack(0),
            tls: None,
            armour: Armour::default(),
            autoclose: true,
        };
        net::add_server(d, &socket, settings)
    })
}

/// copas_addserver() with options; `options` may be NULL and is copied. `options->user_free` is
/// called exactly once, also when this call fails.
///
/// With COPAS_OS_THREAD, accepting pauses while copas_config.os_threads are all taken, which is reported
/// once, and goes on when a handler ends; when the system starts none, it pauses as without
/// descriptors.
///
/// With `tls` the handler runs once the handshake has succeeded, never on a plain socket. Handshakes have
/// no coroutine and no OS thread; copas_tls_context_stats() counts those that failed.
///
/// Errors: as copas_addserver(); COPAS_INVALID also for a bad size, flag, name, time limit or stack
/// size, or a context for clients; COPAS_UNSUPPORTED (`tls`, or a limit of connections, on a datagram
/// socket; `tls` in a library without TLS). Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_addserver_with(
    c: *mut copas,
    server: *mut copas_socket,
    handler: copas_handler_fn,
    options: *const copas_server_options,
) -> copas_status {
    answer(|| {
        // SAFETY: NULL or a struct with its size, as the comment asks.
        let options = unsafe { read_sized(options) };
        let user = User::new(options.known.user, options.known.user_free);
        let options = options.check()?;
        on(handle_of(c)?, |d| {
            let socket = socket_of(d, server)?;
            let handler = handler_of(handler, user)?;
            // SAFETY: the name is NULL or terminated, as the comment asks.
            let settings = unsafe { settings_of(&socket, handler, options) }?;
            net::add_server(d, &socket, settings)
        })
    })
}

/// Stops serving a socket. Without `keep_open` (0) it is closed; with it (not 0) it stays open and can be
/// added again. Handlers that run go on; the one of a datagram socket gets COPAS_CLOSED when the socket
/// is closed, and else still has the socket, which stays open when it returns.
/// Errors: COPAS_INVALID (also when it is not served), COPAS_STALE, COPAS_WRONG_THREAD.
/// Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_removeserver(
    server: *mut copas_socket,
    keep_open: core::ffi::c_int,
) -> copas_status {
    on_socket(server, |d, socket| {
        net::remove_server(d, socket, keep_open != 0)
    })
}

/// The program's handler, with its pointer, as the layers below call it.
fn handler_of(handler: copas_handler_fn, user: User) -> Outcome<net::Handler> {
    let call = handler.ok_or_else(|| Fault::invalid("the handler is NULL"))?;
    Ok(Rc::new(move |client: Handle| {
        // SAFETY: the program's function with the program's pointer.
        unsafe { call(pointer(client), user.pointer()) };
    }))
}

/// The settings of a caller, checked.
///
/// # Safety
/// The name in `options` is NULL or terminated.
unsafe fn settings_of(
    socket: &Socket,
    handler: net::Handler,
    options: copas_server_options,
) -> Outcome<ServerSettings> {
    let mut inherited = Inherited {
        timeouts: Timeouts::all(-1.0),
        limits: socket.limits.get(),
        ..Inherited::default()
    };
    if options.flags & !(KEEP_OPEN | OS_THREAD) != 0 {
        return Err(Fault::invalid(
            "copas_server_options.flags has an unknown flag",
        ));
    }
    if seconds(options.timeout)? != 0.0 {
        inherited.timeouts = Timeouts::all(options.timeout);
    }
    let or = |limit: usize, before: usize| if limit == 0 { before } else { limit };
    inherited.limits = Limits {
        line: or(options.line_limit, inherited.limits.line),
        all: or(options.all_limit, inherited.limits.all),
    };
    // SAFETY: the caller says so.
    let name = unsafe { text(options.name) }?.map(Rc::from);
    let ground = ground_of(options.flags, options.stack_size)?;
    let tls = secrecy_of(&options)?;
    let armour = armour_of(&copas_armour {
        size: 0,
        flags: 0,
        max_connections: options.max_connections,
        max_per_address: options.max_per_address,
        first_byte: options.first_byte,
        min_rate: options.min_rate,
        rate_window: options.rate_window,
    })?;
    let autoclose = options.flags & KEEP_OPEN == 0;
    Ok(ServerSettings {
        handler,
        name,
        inherited,
        ground,
        tls,
        armour,
        autoclose,
    })
}

/// What encrypts a server's connections, and how long their handshakes may take.
fn secrecy_of(options: &copas_server_options) -> Outcome<Option<(Arc<Context>, f64)>> {
    let limit = seconds(options.handshake_timeout)?;
    if options.tls.is_null() {
        return match limit {
            0.0 => Ok(None),
            _ => Err(Fault::invalid("handshake_timeout is for servers with tls")),
        };
    }
    let limit = match limit {
        0.0 if options.timeout > 0.0 => options.timeout,
        0.0 => HANDSHAKE_TIMEOUT,
        limit => limit,
    };
    Ok(Some((server_context_of(options.tls)?, limit)))
}
