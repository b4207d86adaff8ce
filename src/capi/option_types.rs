// SPDX-License-Identifier: MIT
//! The settings structs of the C ABI, which grow: their size comes first, and zero is the default.

use super::types::{
    copas_error_fn, copas_free_fn, copas_report_fn, copas_timer_fn, copas_tls_context,
};
use core::ffi::{c_char, c_int, c_void};

/// Settings of a dispatcher, for copas_new(). Zero everything, then set `size`, then what you need:
/// `copas_config config = { .size = sizeof config };`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct copas_config {
    /// sizeof(copas_config). A smaller (older) or larger (newer, its tail all zero) struct is accepted.
    pub size: usize,
    /// 0 or more of COPAS_QUIET, COPAS_UNBOUND and COPAS_STACK_MARKS.
    pub flags: u64,
    /// Where reports go; NULL: one line each on stderr, or nowhere with COPAS_QUIET.
    pub report: copas_report_fn,
    /// Handed to `report`. Must live until copas_free() has returned.
    pub report_user: *mut c_void,
    /// Virtual size in bytes of a coroutine's stack where no other is asked for.
    /// 0: 256 KiB. From 64 KiB to 1 GiB; rounded up to whole pages.
    pub stack_size: usize,
    /// Most OS threads for what was added with COPAS_OS_THREAD, those that are idle included. 0: 512.
    pub os_threads: usize,
    /// Bytes of memory that all buffers of the dispatcher may have: what was received and not taken, what
    /// was sent and not written, what TLS needs for a connection. 0: a quarter of the machine's memory; at
    /// least 1 MiB.
    ///
    /// Above three quarters of it accepting pauses. Where that has not helped within 1 s, or the budget is
    /// exceeded, those of the connections that servers have accepted which have buffers and were idle
    /// longest are cut off: their handlers get COPAS_CLOSED with the errno ENOBUFS. Other connections only
    /// when there are no such ones. A receive that needs a buffer of more than 64 KiB which the budget has
    /// no room for answers COPAS_LIMIT; nothing is consumed.
    pub memory_budget: usize,
}

/// Settings of a server, for copas_addserver_with(). Zero everything, then set `size`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct copas_server_options {
    /// sizeof(copas_server_options).
    pub size: usize,
    /// 0 or more of COPAS_KEEP_OPEN (do not close a handler's socket when it returns) and
    /// COPAS_OS_THREAD (run each handler on an OS thread of the library's).
    pub flags: u64,
    /// The server's name, copied, which its socket gets too. NULL: its address and port. Accepted
    /// sockets are named "name:client_N", coroutines "name:handler_N", N counting from 1.
    pub name: *const c_char,
    /// Handed to the handler.
    pub user: *mut c_void,
    /// Releases `user` when the server has been removed and its last handler has returned. May be NULL.
    pub user_free: copas_free_fn,
    /// Seconds that each waiting call on a handler's socket may take. 0: no limit.
    pub timeout: f64,
    /// Virtual size in bytes of a handler's stack. 0: as in copas_config; with COPAS_OS_THREAD 2 MiB.
    /// From 64 KiB to 1 GiB.
    pub stack_size: usize,
    /// Longest line in bytes that an accepted socket receives. 0: as the listening socket (1 MiB).
    pub line_limit: usize,
    /// Most bytes that COPAS_ALL, a block of n bytes or a datagram may have. 0: as the listening
    /// socket (64 MiB).
    pub all_limit: usize,
    /// Encrypts the connections, with a context of COPAS_TLS_SERVER; NULL: they are plain. The handler
    /// runs once the handshake has succeeded; where it fails, the connection is closed without it.
    /// COPAS_UNSUPPORTED in a library without TLS.
    pub tls: *mut copas_tls_context,
    /// Seconds that a handshake may take. 0: `timeout`, or 30 without one; negative: no limit.
    pub handshake_timeout: f64,
    /// Most connections of the server that are open at once, until each is closed. Above it accepting
    /// pauses: further ones wait in the kernel's queue. 0: as the listening socket (at first no limit but
    /// the descriptors: see docs/overload.md).
    pub max_connections: usize,
    /// Most of them from one IPv4 address, or one /64 of IPv6. Further ones are accepted and reset at once.
    /// Unix sockets have no address to count. 0: as the listening socket (at first no limit).
    pub max_per_address: usize,
    /// Seconds until a client's first byte, from its accept, with `tls` from the end of its handshake. Then
    /// the connection is cut off: its handler gets COPAS_CLOSED. 0: as the listening socket (at first no
    /// limit).
    pub first_byte: f64,
    /// Bytes a second, averaged over `rate_window`, that a peer must send while a receive waits in the
    /// middle of its pattern, and must take while output waits for it; else the connection is cut off. What
    /// is awaited between patterns has no rate. 0: as the listening socket (at first no limit).
    pub min_rate: usize,
    /// Seconds over which `min_rate` is averaged. 0: as the listening socket (at first 10).
    pub rate_window: f64,
}

/// What a listening socket bears of its peers, for copas_setarmour(): the fields of the same names in
/// copas_server_options, which tell what they do. Zero everything, then set `size`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct copas_armour {
    /// sizeof(copas_armour).
    pub size: usize,
    /// 0.
    pub flags: u64,
    /// Most open connections. 0: no limit but the descriptors.
    pub max_connections: usize,
    /// Most open connections of one address, or one /64 of IPv6. 0: no limit.
    pub max_per_address: usize,
    /// Seconds until a client's first byte. 0: no limit.
    pub first_byte: f64,
    /// Bytes a second that a peer must send or take while it owes any. 0: no limit.
    pub min_rate: usize,
    /// Seconds over which `min_rate` is averaged. 0: 10.
    pub rate_window: f64,
}

/// Settings of a connection, for copas_connect_with(). Zero everything, then set `size`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct copas_connect_options {
    /// sizeof(copas_connect_options).
    pub size: usize,
    /// 0.
    pub flags: u64,
    /// Seconds for everything: resolving, connecting, the handshake. 0: no limit.
    pub timeout: f64,
    /// Encrypts the connection, with a context of COPAS_TLS_CLIENT; NULL: it is plain.
    /// COPAS_UNSUPPORTED in a library without TLS.
    pub tls: *mut copas_tls_context,
    /// The name, or numeric address, that the server's certificate must be for. NULL: the host.
    pub server_name: *const c_char,
}

/// What has to be settled before a socket has its address, for copas_bind_with() and
/// copas_bind_udp_with(). Zero everything, then set `size`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct copas_bind_options {
    /// sizeof(copas_bind_options).
    pub size: usize,
    /// 0, or COPAS_BIND_V6ONLY, COPAS_BIND_REUSEADDR, COPAS_BIND_REUSEPORT together.
    pub flags: u64,
    /// Connections that may wait to be accepted; the kernel may cap it. 0: 4096. 0 for UDP.
    pub backlog: c_int,
}

/// Settings of a coroutine, for copas_addthread_with() and the like. Zero everything, then set `size`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct copas_thread_options {
    /// sizeof(copas_thread_options).
    pub size: usize,
    /// 0; of copas_addthread_with() also COPAS_OS_THREAD: run it on an OS thread of the library's.
    pub flags: u64,
    /// The coroutine's name, copied. NULL: "thread_N", N counting from 1.
    pub name: *const c_char,
    /// Handed to the function.
    pub user: *mut c_void,
    /// Releases `user` when the function has returned, or when it never ran. May be NULL.
    pub user_free: copas_free_fn,
    /// Virtual size in bytes of the stack. 0: as in copas_config; with COPAS_OS_THREAD 2 MiB.
    /// From 64 KiB to 1 GiB.
    pub stack_size: usize,
}

/// Settings of a timer, for copas_timer_new(). Zero everything, then set `size` and what you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct copas_timer_options {
    /// sizeof(copas_timer_options).
    pub size: usize,
    /// 0, or COPAS_RECURRING: it fires again `delay` seconds after the end of each callback.
    pub flags: u64,
    /// The timer's name, copied; its coroutines are "name:timer_N". NULL: "timer".
    pub name: *const c_char,
    /// What it runs. Must not be NULL.
    pub callback: copas_timer_fn,
    /// Handed to the callback.
    pub user: *mut c_void,
    /// Releases `user` when the timer is destroyed and no callback runs. May be NULL.
    pub user_free: copas_free_fn,
    /// Seconds until it fires; not negative.
    pub delay: f64,
    /// Seconds until it fires first. 0: `delay`; negative: at once.
    pub initial_delay: f64,
    /// Told when a callback fails; NULL: the default error handler. `error_user` is handed to it.
    pub error_handler: copas_error_fn,
    /// Handed to `error_handler`. Must live as long as the timer.
    pub error_user: *mut c_void,
}
