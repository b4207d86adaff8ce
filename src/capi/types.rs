// SPDX-License-Identifier: MIT
//! The types of the C ABI: handles, structs and callback pointers.

pub use super::option_types::*;
pub use super::tls_types::*;
use core::ffi::{c_char, c_int, c_void};

/// A dispatcher: it runs servers, coroutines and their waits on one OS thread.
///
/// Lifetime: from copas_new() until copas_free(). The pointer is a 64-bit handle in a pointer's
/// clothes: it is never dereferenced, and a stale one is answered with COPAS_STALE.
///
/// OS threads: a dispatcher belongs to the OS thread that first steps it (copas_step(),
/// copas_loop(), or a waiting call outside any coroutine). From then on every call from another OS
/// thread answers COPAS_WRONG_THREAD, except copas_post(), copas_notify(), copas_exit() and
/// copas_shutdown(), which may be called from any OS thread; the last three also from a signal
/// handler. While a coroutine with COPAS_OS_THREAD runs, the dispatcher belongs to its OS thread.
///
/// One that was made with COPAS_UNBOUND may be called from any OS thread, one call at a time: a second
/// one at the same moment answers COPAS_BUSY; coroutines, loops and waits answer COPAS_INVALID there. A
/// child of fork() gets COPAS_FORKED, but may copas_free() what it has inherited.
///
/// Functions: all those that take a `copas *`. It makes sockets (copas_bind, copas_connect, copas_wrap
/// …), coroutines (copas_addthread …) and objects (copas_lock_new, copas_timer_new …), which belong to
/// it and end with it.
pub struct copas {
    _opaque: (),
}

/// A socket: a TCP or Unix stream, a datagram socket, a listening socket, or one end of a pipe.
///
/// Lifetime: from copas_bind(), copas_connect(), copas_wrap() or the accept of a server, until
/// copas_close(), copas_abort(), copas_unwrap() or copas_free() of its dispatcher; a socket that a
/// server accepted is closed when its handler returns. After that the handle answers COPAS_STALE.
///
/// OS threads: that of its dispatcher. One coroutine may wait to receive at a time (a second
/// gets COPAS_BUSY); senders queue, first in, first out, and their data never interleave.
///
/// Functions: all those that take a `copas_socket *`, copas_setname, copas_getname and copas_of.
pub struct copas_socket {
    _opaque: (),
}

/// A coroutine ("thread" is Copas' word for it; an OS thread is always called OS thread here).
///
/// Lifetime: from copas_addthread(), or the accept that started a handler, until its function has
/// returned. After that the handle answers COPAS_STALE, but copas_join() answers COPAS_OK.
///
/// OS threads: that of its dispatcher, or with COPAS_OS_THREAD a pooled one, the same from its start to
/// its end. Either way one coroutine of a dispatcher runs at a time.
///
/// Functions: copas_join, copas_removethread, copas_wakeup, copas_running, copas_thread_stack_used, copas_setname,
/// copas_getname, copas_of.
pub struct copas_thread {
    _opaque: (),
}

/// A submitted operation that has not been delivered by copas_poll() yet.
///
/// Lifetime: from copas_submit_receive() and the like until copas_poll() has delivered its event. After that the handle answers COPAS_STALE.
///
/// Functions: copas_submit_cancel, copas_of.
pub struct copas_operation {
    _opaque: (),
}

/// A lock: one owner at a time, a coroutine or the root stack; handed over first in, first out.
///
/// Lifetime: from copas_lock_new() until copas_lock_destroy() or copas_free(). A coroutine that ends
/// keeps what it has locked; one that is abandoned does not.
///
/// Functions: copas_lock_get, copas_lock_release, copas_lock_destroy, copas_setname,
/// copas_getname, copas_of.
pub struct copas_lock {
    _opaque: (),
}

/// A counting semaphore, strictly first in, first out.
///
/// Lifetime: from copas_semaphore_new() until copas_semaphore_destroy() or copas_free().
///
/// Functions: copas_semaphore_take, copas_semaphore_give, copas_semaphore_count,
/// copas_semaphore_waiting, copas_semaphore_destroy, copas_setname, copas_getname, copas_of.
pub struct copas_semaphore {
    _opaque: (),
}

/// A queue of pointers between coroutines, bounded or not.
///
/// Lifetime: from copas_queue_new() until copas_queue_destroy() or copas_free(); the items that are
/// left then go to its finalizer.
///
/// Functions: copas_queue_push, copas_queue_pop, copas_queue_size, copas_queue_addworker,
/// copas_queue_addworker_with, copas_queue_stop, copas_queue_finish, copas_queue_destroy, copas_setname,
/// copas_getname, copas_of.
pub struct copas_queue {
    _opaque: (),
}

/// A bounded queue of pointers between coroutines of several dispatchers, and OS threads without one.
///
/// Lifetime: from copas_mailbox_new() until copas_mailbox_destroy(); the items that are left then go to
/// its finalizer. It belongs to no dispatcher.
///
/// OS threads: any. A child of fork() gets COPAS_FORKED.
///
/// Functions: copas_mailbox_put, copas_mailbox_take, copas_mailbox_size, copas_mailbox_stop,
/// copas_mailbox_destroy; COPAS_CHOICE_MAILBOX_TAKE and COPAS_CHOICE_MAILBOX_PUT of copas_select().
pub struct copas_mailbox {
    _opaque: (),
}

/// A timer, which runs its callback in a coroutine of its own.
///
/// Lifetime: from copas_timer_new() until copas_timer_destroy() or copas_free(). A callback that
/// runs goes on to its end.
///
/// Functions: copas_timer_arm, copas_timer_cancel, copas_timer_destroy, copas_setname,
/// copas_getname, copas_of.
pub struct copas_timer {
    _opaque: (),
}

/// Coroutines that belong together.
///
/// Lifetime: from copas_group_new() until copas_group_close() or copas_free().
///
/// Functions: copas_group_addthread, copas_group_addthread_with, copas_group_wait,
/// copas_group_cancel, copas_group_close, copas_setname, copas_getname, copas_of.
pub struct copas_group {
    _opaque: (),
}

/// The result of a coroutine, for as many as want it.
///
/// Lifetime: from copas_future_addthread() until copas_future_destroy() or copas_free(); the result
/// goes to its finalizer then.
///
/// Functions: copas_future_get, copas_future_try, copas_future_cancel, copas_future_destroy,
/// copas_setname, copas_getname, copas_of.
pub struct copas_future {
    _opaque: (),
}

/// Bytes that the library lends to the caller. Never NULL in `data` after COPAS_OK.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct copas_bytes {
    /// The first byte. Not terminated by a NUL.
    pub data: *const c_char,
    /// How many bytes.
    pub len: usize,
}

/// The severity of a report.
pub type copas_level = c_int;

/// Receives what the library has to tell a person: errors of coroutines that nobody handled, the
/// lack of descriptors or OS threads, abandoned stacks. `text` is one line without its ending, valid during the
/// call. Called on the root stack or on a coroutine's stack, and must not wait or throw.
pub type copas_report_fn =
    Option<unsafe extern "C" fn(level: copas_level, text: *const c_char, user: *mut c_void)>;

/// Serves one accepted connection, in its own coroutine; or a datagram socket, which is its `client`.
/// `client` is closed when it returns, unless the server was added with COPAS_KEEP_OPEN. `user` is the
/// server's.
pub type copas_handler_fn =
    Option<unsafe extern "C" fn(client: *mut copas_socket, user: *mut c_void)>;

/// The body of a coroutine.
pub type copas_thread_fn = Option<unsafe extern "C" fn(user: *mut c_void)>;

/// A callback that copas_post() runs, on the root stack of the dispatcher's OS thread. It may call
/// everything that never switches; a waiting call in it answers COPAS_CANNOT_WAIT.
pub type copas_post_fn = Option<unsafe extern "C" fn(c: *mut copas, user: *mut c_void)>;

/// Gives one of several dispatchers its work, on its OS thread; `number` counts from 0. Anything but
/// COPAS_OK ends them all. See copas_loop_many().
pub type copas_setup_fn =
    Option<unsafe extern "C" fn(c: *mut copas, number: c_int, user: *mut c_void) -> c_int>;

/// Told when a coroutine has failed (see copas_fail()). `socket` is the connection of a handler,
/// else NULL. `text` is valid during the call. Runs on the stack of the failed coroutine, before its
/// socket is closed; it may send, but not wait for long: the coroutine ends after it. An error
/// inside it is reported and ignored.
pub type copas_error_fn = Option<
    unsafe extern "C" fn(
        thread: *mut copas_thread,
        socket: *mut copas_socket,
        status: c_int,
        text: *const c_char,
        user: *mut c_void,
    ),
>;

/// Releases a user pointer. Called exactly once for each call that was given one, on every path,
/// also when that call fails.
pub type copas_free_fn = Option<unsafe extern "C" fn(user: *mut c_void)>;

/// What a timer runs, in a coroutine of its own.
pub type copas_timer_fn = Option<unsafe extern "C" fn(timer: *mut copas_timer, user: *mut c_void)>;

/// An alarm's callback, on the root stack: it may not wait.
pub type copas_timeout_fn =
    Option<unsafe extern "C" fn(thread: *mut copas_thread, user: *mut c_void)>;

/// Told of a signal, on the root stack: it may not wait.
pub type copas_signal_fn =
    Option<unsafe extern "C" fn(c: *mut copas, number: c_int, user: *mut c_void)>;

/// What a queue's worker does with an item, which belongs to it from now on.
pub type copas_worker_fn = Option<unsafe extern "C" fn(item: *mut c_void, user: *mut c_void)>;

/// What a future's coroutine runs; it gives the result.
pub type copas_future_fn = Option<unsafe extern "C" fn(user: *mut c_void) -> *mut c_void>;

/// Gives the address of the C++ runtime's exception state of the calling OS thread.
pub type copas_cxa_globals_fn = Option<unsafe extern "C" fn() -> *mut c_void>;

/// An address, as copas_getpeername() and copas_getsockname() give it.
#[repr(C)]
pub struct copas_address {
    /// AF_INET, AF_INET6 or AF_UNIX of <sys/socket.h>.
    pub family: c_int,
    /// 1 to 65535; 0 for a Unix socket.
    pub port: c_int,
    /// The numeric address (a link-local IPv6 one with its interface: "fe80::1%2"), or the path of a Unix
    /// socket (empty when it has none), with its NUL.
    pub host: [c_char; 112],
}

/// What copas_stack_marks() tells of the coroutines of one name. 32 bytes for ever.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct copas_stack_mark {
    /// The name, without a number at its end: "thread" of thread_1 and thread_2. Valid until
    /// copas_free().
    pub name: *const c_char,
    /// Bytes that the deepest one has used, in whole pages.
    pub used: usize,
    /// Bytes of that one's stack.
    pub size: usize,
    /// How many have ended.
    pub ended: u64,
}

/// What copas_getstats() tells of a socket.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct copas_socket_stats {
    /// sizeof(copas_socket_stats), set by the caller.
    pub size: usize,
    /// Bytes read from the kernel since the socket was made.
    pub received: u64,
    /// Bytes handed to the kernel since the socket was made.
    pub sent: u64,
    /// Seconds since the socket was made.
    pub age: f64,
}

/// One of the things that copas_select() waits for.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct copas_choice {
    /// COPAS_CHOICE_RECEIVE (a socket), _SEND (a stream socket), _POP, _PUSH, _FINISH (a queue), _JOIN (a coroutine),
    /// _TIMER, _TAKE (a semaphore), _LOCK, _FUTURE, _GROUP, _EXIT (the dispatcher), _MAILBOX_TAKE or
    /// _MAILBOX_PUT.
    pub kind: u32,
    /// Set by copas_select() in the choice that came first: a copas_status.
    pub status: c_int,
    /// The object that it is about.
    pub handle: *mut c_void,
    /// COPAS_CHOICE_PUSH, _MAILBOX_PUT: the item. Set by copas_select(): the item that a queue or a
    /// mailbox gave, the result of a future, else NULL.
    pub item: *mut c_void,
    /// COPAS_CHOICE_TAKE: how many.
    pub amount: i64,
}

/// What copas_stats() tells of a dispatcher.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct copas_dispatcher_stats {
    /// sizeof(copas_dispatcher_stats), set by the caller.
    pub size: usize,
    /// Coroutines that have not ended.
    pub running: u64,
    /// Coroutines and servers whose turn it is.
    pub ready: u64,
    /// Coroutines in copas_pause() or copas_pauseforever().
    pub asleep: u64,
    /// Open sockets.
    pub sockets: u64,
    /// Served sockets.
    pub servers: u64,
    /// Sockets that somebody waits to receive on.
    pub readers: u64,
    /// Sockets that connect, or with output that the kernel has not taken yet.
    pub writers: u64,
    /// Armed timers.
    pub timers: u64,
    /// Time limits that run, of waits and timers.
    pub timeouts: u64,
    /// Steps measured; 0 unless copas_setstatistics() is on.
    pub steps: u64,
    /// Seconds of work of the shortest step, without the wait for something to do.
    pub step_min: f64,
    /// The same of the average step.
    pub step_avg: f64,
    /// The same of the longest step.
    pub step_max: f64,
    /// How often accepting has paused at max_connections since copas_new().
    pub accept_pauses: u64,
    /// Connections that were reset at once for max_per_address since copas_new().
    pub over_address: u64,
    /// Connections cut off whose first byte did not come within first_byte, since copas_new().
    pub late_first_byte: u64,
    /// Connections cut off whose peer sent more slowly than min_rate, since copas_new().
    pub slow_senders: u64,
    /// Connections cut off whose peer read more slowly than min_rate, since copas_new().
    pub slow_readers: u64,
    /// Connections cut off for copas_config.memory_budget, since copas_new().
    pub evicted: u64,
    /// Receives that were answered COPAS_LIMIT for copas_config.memory_budget, since copas_new().
    pub refused_growth: u64,
    /// Bytes of memory that the buffers have now, those that are kept for use again included.
    pub memory: u64,
    /// Bytes that they may have: copas_config.memory_budget.
    pub memory_budget: u64,
}

/// The detail of an error, as copas_error() gives it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct copas_error_info {
    /// sizeof(copas_error_info), set by the caller.
    pub size: usize,
    /// The status of the last call that failed.
    pub status: c_int,
    /// The errno of the system call behind it, or 0.
    pub sys_errno: c_int,
    /// What went wrong and what to do about it, in words. Valid until the next call that fails in
    /// the same coroutine (or on the root), or until that coroutine ends. Never NULL.
    pub text: *const c_char,
}

/// A completed operation, as copas_poll() delivers it. 64 bytes, for ever.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct copas_event {
    /// 64: sizeof(copas_event), set by the library.
    pub size: u32,
    /// COPAS_EVENT_RECEIVE or another COPAS_EVENT.
    pub kind: u32,
    /// How the operation ended: a copas_status.
    pub status: c_int,
    /// The errno behind the status, or 0.
    pub sys_errno: c_int,
    /// The token given at submission.
    pub token: u64,
    /// What the operation was submitted on: a socket (stale by now if it was closed), a choice's handle,
    /// else the dispatcher.
    pub handle: *mut c_void,
    /// COPAS_EVENT_RECEIVE and _RECEIVEFROM: the bytes, as copas_receive() shows them. The library's
    /// memory, valid until the next call that receives on, or closes, that socket. COPAS_EVENT_RESOLVE:
    /// the addresses. Of other operations that failed: what went wrong, in words without a NUL at the
    /// end. Both valid until the next copas_poll(); where `now` has told them at once, until the next
    /// copas_submit function or copas_poll() of the dispatcher. NULL without any.
    pub data: *const c_char,
    /// How many bytes, or how many addresses. COPAS_EVENT_WAIT_FD: COPAS_READABLE, COPAS_WRITABLE or both.
    pub len: usize,
    /// COPAS_EVENT_ACCEPT and _CONNECT: the new socket. COPAS_EVENT_CHOICE: the item of a queue, the
    /// result of a future. Else NULL.
    pub result: *mut c_void,
    /// Zero.
    pub reserved: u64,
}
