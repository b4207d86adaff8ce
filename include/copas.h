/* SPDX-License-Identifier: MIT */
/* libcopas: coroutine networking for C. Generated from src/capi: do not edit. */

#ifndef COPAS_H
#define COPAS_H

#include <stddef.h>
#include <stdint.h>

/** The version of this header; copas_version() tells that of the library. */
#define COPAS_VERSION "0.1.0"
#define COPAS_VERSION_MAJOR 0
#define COPAS_VERSION_MINOR 1
#define COPAS_VERSION_PATCH 0

/** The header has the functions of encrypted sockets; copas_has_feature("tls") tells of the library. Define
 * COPAS_NO_TLS for a library that was built without them. */
#ifndef COPAS_NO_TLS
#define COPAS_HAS_TLS 1
#endif

/** Copas' receive pattern "*l": up to LF, which is dropped with every CR. */
#define COPAS_LINE (INT64_C(-1))
/** Copas' receive pattern "*a": until the peer closes. */
#define COPAS_ALL (INT64_C(-2))
/** A line with its ending, byte for byte. */
#define COPAS_LINE_RAW (INT64_C(-3))

/** No time limit, for every argument that is a number of seconds. */
#define COPAS_FOREVER (-1.0)

/** copas_config.flags: no reports on stderr. */
#define COPAS_QUIET (UINT64_C(1))
/** copas_config.flags: completions only, from any OS thread, one call at a time; no coroutines. */
#define COPAS_UNBOUND (UINT64_C(2))
/** copas_config.flags: how much of their stacks coroutines use is kept by name, for copas_stack_marks(). At
 * each coroutine's end that costs two system calls, and its stack's pages. */
#define COPAS_STACK_MARKS (UINT64_C(32))
/** copas_server_options.flags: the handler's socket stays open when it returns. */
#define COPAS_KEEP_OPEN (UINT64_C(1))
/** copas_server_options.flags, copas_thread_options.flags: on a pooled OS thread, not on a stack that
 * is switched to. The same calls and rules, one at a time as all coroutines of the dispatcher; slower,
 * but fit for functions of CPython, Go, JVMs and .NET, which must not run on switched stacks. Timers,
 * queue workers, futures and groups do not take it. */
#define COPAS_OS_THREAD (UINT64_C(256))
/** copas_tls_context_new(): for those who are connected to. */
#define COPAS_TLS_SERVER 1
/** copas_tls_context_new(): for those who connect. */
#define COPAS_TLS_CLIENT 2
/** copas_tls_options.flags: a client takes any certificate of anybody. Whoever is between the two sides can
 * then read and change everything: for experiments only. */
#define COPAS_TLS_INSECURE_NO_VERIFICATION (UINT64_C(1))
/** copas_tls_options.flags: a server with CAs goes on with a client that shows no certificate. */
#define COPAS_TLS_CLIENT_CERTIFICATE_OPTIONAL (UINT64_C(2))
/** copas_tls_options.flags: no session tickets; every handshake is a whole one. */
#define COPAS_TLS_NO_RESUMPTION (UINT64_C(4))
/** copas_tls_options.min_version. */
#define COPAS_TLS_1_2 12
#define COPAS_TLS_1_3 13
/** copas_choice.kind: something was received, or the stream has ended; of a listening socket, a connection
 *  waits for copas_accept(). */
#define COPAS_CHOICE_RECEIVE 1
/** copas_choice.kind: a send finds room. */
#define COPAS_CHOICE_SEND 2
/** copas_choice.kind: a queue gives an item. */
#define COPAS_CHOICE_POP 3
/** copas_choice.kind: a coroutine has ended. */
#define COPAS_CHOICE_JOIN 4
/** copas_choice.kind: a timer fires. */
#define COPAS_CHOICE_TIMER 5
/** copas_choice.kind: a semaphore gives. */
#define COPAS_CHOICE_TAKE 6
/** copas_choice.kind: a future has its result. */
#define COPAS_CHOICE_FUTURE 7
/** copas_choice.kind: a queue takes an item. */
#define COPAS_CHOICE_PUSH 8
/** copas_choice.kind: a lock is the caller's; the root stack's when it is submitted. */
#define COPAS_CHOICE_LOCK 9
/** copas_choice.kind: all coroutines of a group have ended. */
#define COPAS_CHOICE_GROUP 10
/** copas_choice.kind: a stopped queue is empty, and its workers have ended. */
#define COPAS_CHOICE_FINISH 11
/** copas_choice.kind: the exit flag is raised. */
#define COPAS_CHOICE_EXIT 12
/** copas_choice.kind: a mailbox gives an item. */
#define COPAS_CHOICE_MAILBOX_TAKE 13
/** copas_choice.kind: a mailbox takes an item. */
#define COPAS_CHOICE_MAILBOX_PUT 14
/** copas_bind_options.flags: an IPv6 address does not take IPv4 peers (IPV6_V6ONLY). */
#define COPAS_BIND_V6ONLY (UINT64_C(1))
/** copas_bind_options.flags: SO_REUSEADDR; several UDP sockets that all set it share a port, and each
 *  gets the multicast datagrams. Listening sockets have it anyway. */
#define COPAS_BIND_REUSEADDR (UINT64_C(2))
/** copas_bind_options.flags: SO_REUSEPORT; sockets that all set it share a port, and the kernel deals
 *  connections and datagrams out among them. */
#define COPAS_BIND_REUSEPORT (UINT64_C(4))
/** copas_bind_unix(), copas_connect_unix(): a datagram socket. */
#define COPAS_DATAGRAM (UINT64_C(1))
/** copas_bind_unix(): a socket file that nobody listens on is removed before. */
#define COPAS_UNLINK (UINT64_C(2))
/** copas_group_new(): the first failure cancels the others. */
#define COPAS_CANCEL_ON_FAILURE (UINT64_C(1))
/** copas_wait_fd(): what to wait for. */
#define COPAS_READABLE 1
#define COPAS_WRITABLE 2
/** copas_lock_new(): its owner cannot get it again. */
#define COPAS_NOT_REENTRANT (UINT64_C(1))
/** copas_timer_options.flags: it fires again and again. */
#define COPAS_RECURRING (UINT64_C(1))
/** copas_submit_send(): more will follow before the next step. */
#define COPAS_MORE (UINT64_C(1))

/** copas_shut(): what to end. */
#define COPAS_SHUT_SEND 1
#define COPAS_SHUT_RECEIVE 2
#define COPAS_SHUT_BOTH 3

/** copas_setoption(): which option. */
#define COPAS_KEEPALIVE 1
#define COPAS_LINGER 2
#define COPAS_REUSEADDR 3
#define COPAS_REUSEPORT 4
#define COPAS_TCP_NODELAY 5
#define COPAS_IPV6_V6ONLY 6
#define COPAS_SEND_BUFFER 7
#define COPAS_RECEIVE_BUFFER 8
#define COPAS_BROADCAST 9
#define COPAS_MULTICAST_TTL 10
#define COPAS_MULTICAST_LOOP 11

/** copas_report_fn: how grave a report is. */
#define COPAS_LEVEL_ERROR 1
#define COPAS_LEVEL_WARNING 2

/** copas_event.kind: which operation completed. */
#define COPAS_EVENT_RECEIVE 1
#define COPAS_EVENT_SEND 2
#define COPAS_EVENT_CHOICE 3
#define COPAS_EVENT_FLUSH 4
#define COPAS_EVENT_ACCEPT 5
#define COPAS_EVENT_CONNECT 6
#define COPAS_EVENT_RECEIVEFROM 7
#define COPAS_EVENT_SENDTO 8
#define COPAS_EVENT_RESOLVE 9
#define COPAS_EVENT_PAUSE 10
#define COPAS_EVENT_WAIT_FD 11
#define COPAS_EVENT_OFFLOAD 12
#define COPAS_EVENT_STARTTLS 20

/** How a call ended: 0 is success, negative is an error. The numbers are stable. */
typedef enum copas_status {
  /** success */
  COPAS_OK = 0,
  /** the time limit passed first; nothing was consumed, so the call can be repeated */
  COPAS_TIMEOUT = -1,
  /** the connection is closed: the peer ended it, it broke, or this side closed it */
  COPAS_CLOSED = -2,
  /** the coroutine or operation was canceled: clean up and return */
  COPAS_CANCELED = -3,
  /** an argument is not valid: see copas_error() for which */
  COPAS_INVALID = -4,
  /** the handle belongs to an object that is closed, ended or freed */
  COPAS_STALE = -5,
  /** another coroutine, operation or OS thread is using this already */
  COPAS_BUSY = -6,
  /** the dispatcher belongs to another OS thread: use copas_post() to reach it */
  COPAS_WRONG_THREAD = -7,
  /** this stack may not wait: call it from a coroutine, or outside of the loop */
  COPAS_CANNOT_WAIT = -8,
  /** the data exceed the socket's limit: raise it with copas_setlimits(), or take them with copas_receive_some() */
  COPAS_TOO_LONG = -9,
  /** this kind of object, or this system, does not support the operation */
  COPAS_UNSUPPORTED = -10,
  /** out of memory or address space */
  COPAS_NO_MEMORY = -11,
  /** a limit of the process or the dispatcher is reached: too many descriptors or objects */
  COPAS_LIMIT = -12,
  /** a system call failed: see copas_error() for its errno */
  COPAS_SYSTEM = -13,
  /** the peer refused the connection: nothing listens on that address */
  COPAS_REFUSED = -14,
  /** a defect in the library was caught: please report it */
  COPAS_PANIC = -15,
  /** coroutines that ignored their cancellation were abandoned: their stacks are leaked */
  COPAS_ABANDONED = -16,
  /** the coroutine failed */
  COPAS_FAILED = -17,
  /** the object was destroyed while the caller waited on it */
  COPAS_DESTROYED = -18,
  /** the lock belongs to somebody else, or to nobody: only its owner releases it */
  COPAS_NOT_OWNER = -19,
  /** more than the semaphore's maximum */
  COPAS_TOO_MANY = -20,
  /** the queue or mailbox has been stopped: it takes no further items, and none is left */
  COPAS_STOPPED = -21,
  /** the dispatcher was inherited by fork(): only its parent may use it; copas_free() it and make a new one */
  COPAS_FORKED = -23,
  /** the stream ended without the close that TLS asks for: what came may have been cut off */
  COPAS_TRUNCATED = -25,
  /** the TLS handshake or an encrypted record failed: see copas_error() for why */
  COPAS_TLS_FAILED = -26,
  /** the peer's certificate is not trusted, or not for its name: see copas_error() for why */
  COPAS_UNTRUSTED = -27,
  /** the name does not resolve to an address: see copas_error() for what the resolver says */
  COPAS_UNRESOLVED = -22
} copas_status;

#if defined(__cplusplus) && __cplusplus >= 201703L
#define COPAS_MUST_USE [[nodiscard]]
#elif defined(__GNUC__)
#define COPAS_MUST_USE __attribute__((warn_unused_result))
#else
#define COPAS_MUST_USE
#endif


/**
 * A dispatcher: it runs servers, coroutines and their waits on one OS thread.
 *
 * Lifetime: from copas_new() until copas_free(). The pointer is a 64-bit handle in a pointer's
 * clothes: it is never dereferenced, and a stale one is answered with COPAS_STALE.
 *
 * OS threads: a dispatcher belongs to the OS thread that first steps it (copas_step(),
 * copas_loop(), or a waiting call outside any coroutine). From then on every call from another OS
 * thread answers COPAS_WRONG_THREAD, except copas_post(), copas_notify(), copas_exit() and
 * copas_shutdown(), which may be called from any OS thread; the last three also from a signal
 * handler. While a coroutine with COPAS_OS_THREAD runs, the dispatcher belongs to its OS thread.
 *
 * One that was made with COPAS_UNBOUND may be called from any OS thread, one call at a time: a second
 * one at the same moment answers COPAS_BUSY; coroutines, loops and waits answer COPAS_INVALID there. A
 * child of fork() gets COPAS_FORKED, but may copas_free() what it has inherited.
 *
 * Functions: all those that take a `copas *`. It makes sockets (copas_bind, copas_connect, copas_wrap
 * …), coroutines (copas_addthread …) and objects (copas_lock_new, copas_timer_new …), which belong to
 * it and end with it.
 */
typedef struct copas copas;

/**
 * The result of a coroutine, for as many as want it.
 *
 * Lifetime: from copas_future_addthread() until copas_future_destroy() or copas_free(); the result
 * goes to its finalizer then.
 *
 * Functions: copas_future_get, copas_future_try, copas_future_cancel, copas_future_destroy,
 * copas_setname, copas_getname, copas_of.
 */
typedef struct copas_future copas_future;

/**
 * Coroutines that belong together.
 *
 * Lifetime: from copas_group_new() until copas_group_close() or copas_free().
 *
 * Functions: copas_group_addthread, copas_group_addthread_with, copas_group_wait,
 * copas_group_cancel, copas_group_close, copas_setname, copas_getname, copas_of.
 */
typedef struct copas_group copas_group;

/**
 * A lock: one owner at a time, a coroutine or the root stack; handed over first in, first out.
 *
 * Lifetime: from copas_lock_new() until copas_lock_destroy() or copas_free(). A coroutine that ends
 * keeps what it has locked; one that is abandoned does not.
 *
 * Functions: copas_lock_get, copas_lock_release, copas_lock_destroy, copas_setname,
 * copas_getname, copas_of.
 */
typedef struct copas_lock copas_lock;

/**
 * A bounded queue of pointers between coroutines of several dispatchers, and OS threads without one.
 *
 * Lifetime: from copas_mailbox_new() until copas_mailbox_destroy(); the items that are left then go to
 * its finalizer. It belongs to no dispatcher.
 *
 * OS threads: any. A child of fork() gets COPAS_FORKED.
 *
 * Functions: copas_mailbox_put, copas_mailbox_take, copas_mailbox_size, copas_mailbox_stop,
 * copas_mailbox_destroy; COPAS_CHOICE_MAILBOX_TAKE and COPAS_CHOICE_MAILBOX_PUT of copas_select().
 */
typedef struct copas_mailbox copas_mailbox;

/**
 * A submitted operation that has not been delivered by copas_poll() yet.
 *
 * Lifetime: from copas_submit_receive() and the like until copas_poll() has delivered its event. After that the handle answers COPAS_STALE.
 *
 * Functions: copas_submit_cancel, copas_of.
 */
typedef struct copas_operation copas_operation;

/**
 * A queue of pointers between coroutines, bounded or not.
 *
 * Lifetime: from copas_queue_new() until copas_queue_destroy() or copas_free(); the items that are
 * left then go to its finalizer.
 *
 * Functions: copas_queue_push, copas_queue_pop, copas_queue_size, copas_queue_addworker,
 * copas_queue_addworker_with, copas_queue_stop, copas_queue_finish, copas_queue_destroy, copas_setname,
 * copas_getname, copas_of.
 */
typedef struct copas_queue copas_queue;

/**
 * A counting semaphore, strictly first in, first out.
 *
 * Lifetime: from copas_semaphore_new() until copas_semaphore_destroy() or copas_free().
 *
 * Functions: copas_semaphore_take, copas_semaphore_give, copas_semaphore_count,
 * copas_semaphore_waiting, copas_semaphore_destroy, copas_setname, copas_getname, copas_of.
 */
typedef struct copas_semaphore copas_semaphore;

/**
 * A socket: a TCP or Unix stream, a datagram socket, a listening socket, or one end of a pipe.
 *
 * Lifetime: from copas_bind(), copas_connect(), copas_wrap() or the accept of a server, until
 * copas_close(), copas_abort(), copas_unwrap() or copas_free() of its dispatcher; a socket that a
 * server accepted is closed when its handler returns. After that the handle answers COPAS_STALE.
 *
 * OS threads: that of its dispatcher. One coroutine may wait to receive at a time (a second
 * gets COPAS_BUSY); senders queue, first in, first out, and their data never interleave.
 *
 * Functions: all those that take a `copas_socket *`, copas_setname, copas_getname and copas_of.
 */
typedef struct copas_socket copas_socket;

/**
 * A coroutine ("thread" is Copas' word for it; an OS thread is always called OS thread here).
 *
 * Lifetime: from copas_addthread(), or the accept that started a handler, until its function has
 * returned. After that the handle answers COPAS_STALE, but copas_join() answers COPAS_OK.
 *
 * OS threads: that of its dispatcher, or with COPAS_OS_THREAD a pooled one, the same from its start to
 * its end. Either way one coroutine of a dispatcher runs at a time.
 *
 * Functions: copas_join, copas_removethread, copas_wakeup, copas_running, copas_thread_stack_used, copas_setname,
 * copas_getname, copas_of.
 */
typedef struct copas_thread copas_thread;

/**
 * A timer, which runs its callback in a coroutine of its own.
 *
 * Lifetime: from copas_timer_new() until copas_timer_destroy() or copas_free(). A callback that
 * runs goes on to its end.
 *
 * Functions: copas_timer_arm, copas_timer_cancel, copas_timer_destroy, copas_setname,
 * copas_getname, copas_of.
 */
typedef struct copas_timer copas_timer;

/**
 * What encrypted connections share: whom to trust, who this side is, and the sessions to resume.
 *
 * Lifetime: from copas_tls_context_new() until as many copas_tls_context_release() as references were
 * taken; servers and connections that use it go on with it. It belongs to no dispatcher and survives
 * copas_free(): one may serve the sockets of several.
 *
 * OS threads: any, at the same time. A child of fork() makes contexts of its own: those of its parent are
 * COPAS_FORKED.
 *
 * Functions: copas_tls_context_reload, copas_tls_context_retain, copas_tls_context_release,
 * copas_tls_context_stats; it is given to copas_addserver_with(), copas_connect_with() and
 * copas_starttls().
 */
typedef struct copas_tls_context copas_tls_context;

/**
 * The severity of a report.
 */
typedef int copas_level;

/**
 * Receives what the library has to tell a person: errors of coroutines that nobody handled, the
 * lack of descriptors or OS threads, abandoned stacks. `text` is one line without its ending, valid during the
 * call. Called on the root stack or on a coroutine's stack, and must not wait or throw.
 */
typedef void (*copas_report_fn)(copas_level level, const char *text, void *user);

/**
 * Settings of a dispatcher, for copas_new(). Zero everything, then set `size`, then what you need:
 * `copas_config config = { .size = sizeof config };`
 */
typedef struct copas_config {
  /**
   * sizeof(copas_config). A smaller (older) or larger (newer, its tail all zero) struct is accepted.
   */
  size_t size;
  /**
   * 0 or more of COPAS_QUIET, COPAS_UNBOUND and COPAS_STACK_MARKS.
   */
  uint64_t flags;
  /**
   * Where reports go; NULL: one line each on stderr, or nowhere with COPAS_QUIET.
   */
  copas_report_fn report;
  /**
   * Handed to `report`. Must live until copas_free() has returned.
   */
  void *report_user;
  /**
   * Virtual size in bytes of a coroutine's stack where no other is asked for.
   * 0: 256 KiB. From 64 KiB to 1 GiB; rounded up to whole pages.
   */
  size_t stack_size;
  /**
   * Most OS threads for what was added with COPAS_OS_THREAD, those that are idle included. 0: 512.
   */
  size_t os_threads;
  /**
   * Bytes of memory that all buffers of the dispatcher may have: what was received and not taken, what
   * was sent and not written, what TLS needs for a connection. 0: a quarter of the machine's memory; at
   * least 1 MiB.
   *
   * Above three quarters of it accepting pauses. Where that has not helped within 1 s, or the budget is
   * exceeded, those of the connections that servers have accepted which have buffers and were idle
   * longest are cut off: their handlers get COPAS_CLOSED with the errno ENOBUFS. Other connections only
   * when there are no such ones. A receive that needs a buffer of more than 64 KiB which the budget has
   * no room for answers COPAS_LIMIT; nothing is consumed.
   */
  size_t memory_budget;
} copas_config;

/**
 * A callback that copas_post() runs, on the root stack of the dispatcher's OS thread. It may call
 * everything that never switches; a waiting call in it answers COPAS_CANNOT_WAIT.
 */
typedef void (*copas_post_fn)(struct copas *c, void *user);

/**
 * Releases a user pointer. Called exactly once for each call that was given one, on every path,
 * also when that call fails.
 */
typedef void (*copas_free_fn)(void *user);

/**
 * The detail of an error, as copas_error() gives it.
 */
typedef struct copas_error_info {
  /**
   * sizeof(copas_error_info), set by the caller.
   */
  size_t size;
  /**
   * The status of the last call that failed.
   */
  int status;
  /**
   * The errno of the system call behind it, or 0.
   */
  int sys_errno;
  /**
   * What went wrong and what to do about it, in words. Valid until the next call that fails in
   * the same coroutine (or on the root), or until that coroutine ends. Never NULL.
   */
  const char *text;
} copas_error_info;

/**
 * Gives the address of the C++ runtime's exception state of the calling OS thread.
 */
typedef void *(*copas_cxa_globals_fn)(void);

/**
 * Gives one of several dispatchers its work, on its OS thread; `number` counts from 0. Anything but
 * COPAS_OK ends them all. See copas_loop_many().
 */
typedef int (*copas_setup_fn)(struct copas *c, int number, void *user);

/**
 * Serves one accepted connection, in its own coroutine; or a datagram socket, which is its `client`.
 * `client` is closed when it returns, unless the server was added with COPAS_KEEP_OPEN. `user` is the
 * server's.
 */
typedef void (*copas_handler_fn)(struct copas_socket *client, void *user);

/**
 * Settings of a server, for copas_addserver_with(). Zero everything, then set `size`.
 */
typedef struct copas_server_options {
  /**
   * sizeof(copas_server_options).
   */
  size_t size;
  /**
   * 0 or more of COPAS_KEEP_OPEN (do not close a handler's socket when it returns) and
   * COPAS_OS_THREAD (run each handler on an OS thread of the library's).
   */
  uint64_t flags;
  /**
   * The server's name, copied, which its socket gets too. NULL: its address and port. Accepted
   * sockets are named "name:client_N", coroutines "name:handler_N", N counting from 1.
   */
  const char *name;
  /**
   * Handed to the handler.
   */
  void *user;
  /**
   * Releases `user` when the server has been removed and its last handler has returned. May be NULL.
   */
  copas_free_fn user_free;
  /**
   * Seconds that each waiting call on a handler's socket may take. 0: no limit.
   */
  double timeout;
  /**
   * Virtual size in bytes of a handler's stack. 0: as in copas_config; with COPAS_OS_THREAD 2 MiB.
   * From 64 KiB to 1 GiB.
   */
  size_t stack_size;
  /**
   * Longest line in bytes that an accepted socket receives. 0: as the listening socket (1 MiB).
   */
  size_t line_limit;
  /**
   * Most bytes that COPAS_ALL, a block of n bytes or a datagram may have. 0: as the listening
   * socket (64 MiB).
   */
  size_t all_limit;
  /**
   * Encrypts the connections, with a context of COPAS_TLS_SERVER; NULL: they are plain. The handler
   * runs once the handshake has succeeded; where it fails, the connection is closed without it.
   * COPAS_UNSUPPORTED in a library without TLS.
   */
  struct copas_tls_context *tls;
  /**
   * Seconds that a handshake may take. 0: `timeout`, or 30 without one; negative: no limit.
   */
  double handshake_timeout;
  /**
   * Most connections of the server that are open at once, until each is closed. Above it accepting
   * pauses: further ones wait in the kernel's queue. 0: as the listening socket (at first no limit but
   * the descriptors: see docs/overload.md).
   */
  size_t max_connections;
  /**
   * Most of them from one IPv4 address, or one /64 of IPv6. Further ones are accepted and reset at once.
   * Unix sockets have no address to count. 0: as the listening socket (at first no limit).
   */
  size_t max_per_address;
  /**
   * Seconds until a client's first byte, from its accept, with `tls` from the end of its handshake. Then
   * the connection is cut off: its handler gets COPAS_CLOSED. 0: as the listening socket (at first no
   * limit).
   */
  double first_byte;
  /**
   * Bytes a second, averaged over `rate_window`, that a peer must send while a receive waits in the
   * middle of its pattern, and must take while output waits for it; else the connection is cut off. What
   * is awaited between patterns has no rate. 0: as the listening socket (at first no limit).
   */
  size_t min_rate;
  /**
   * Seconds over which `min_rate` is averaged. 0: as the listening socket (at first 10).
   */
  double rate_window;
} copas_server_options;

/**
 * What a listening socket bears of its peers, for copas_setarmour(): the fields of the same names in
 * copas_server_options, which tell what they do. Zero everything, then set `size`.
 */
typedef struct copas_armour {
  /**
   * sizeof(copas_armour).
   */
  size_t size;
  /**
   * 0.
   */
  uint64_t flags;
  /**
   * Most open connections. 0: no limit but the descriptors.
   */
  size_t max_connections;
  /**
   * Most open connections of one address, or one /64 of IPv6. 0: no limit.
   */
  size_t max_per_address;
  /**
   * Seconds until a client's first byte. 0: no limit.
   */
  double first_byte;
  /**
   * Bytes a second that a peer must send or take while it owes any. 0: no limit.
   */
  size_t min_rate;
  /**
   * Seconds over which `min_rate` is averaged. 0: 10.
   */
  double rate_window;
} copas_armour;

/**
 * The body of a coroutine.
 */
typedef void (*copas_thread_fn)(void *user);

/**
 * Settings of a coroutine, for copas_addthread_with() and the like. Zero everything, then set `size`.
 */
typedef struct copas_thread_options {
  /**
   * sizeof(copas_thread_options).
   */
  size_t size;
  /**
   * 0; of copas_addthread_with() also COPAS_OS_THREAD: run it on an OS thread of the library's.
   */
  uint64_t flags;
  /**
   * The coroutine's name, copied. NULL: "thread_N", N counting from 1.
   */
  const char *name;
  /**
   * Handed to the function.
   */
  void *user;
  /**
   * Releases `user` when the function has returned, or when it never ran. May be NULL.
   */
  copas_free_fn user_free;
  /**
   * Virtual size in bytes of the stack. 0: as in copas_config; with COPAS_OS_THREAD 2 MiB.
   * From 64 KiB to 1 GiB.
   */
  size_t stack_size;
} copas_thread_options;

/**
 * Told when a coroutine has failed (see copas_fail()). `socket` is the connection of a handler,
 * else NULL. `text` is valid during the call. Runs on the stack of the failed coroutine, before its
 * socket is closed; it may send, but not wait for long: the coroutine ends after it. An error
 * inside it is reported and ignored.
 */
typedef void (*copas_error_fn)(struct copas_thread *thread,
                               struct copas_socket *socket,
                               int status,
                               const char *text,
                               void *user);

/**
 * What has to be settled before a socket has its address, for copas_bind_with() and
 * copas_bind_udp_with(). Zero everything, then set `size`.
 */
typedef struct copas_bind_options {
  /**
   * sizeof(copas_bind_options).
   */
  size_t size;
  /**
   * 0, or COPAS_BIND_V6ONLY, COPAS_BIND_REUSEADDR, COPAS_BIND_REUSEPORT together.
   */
  uint64_t flags;
  /**
   * Connections that may wait to be accepted; the kernel may cap it. 0: 4096. 0 for UDP.
   */
  int backlog;
} copas_bind_options;

/**
 * Settings of a connection, for copas_connect_with(). Zero everything, then set `size`.
 */
typedef struct copas_connect_options {
  /**
   * sizeof(copas_connect_options).
   */
  size_t size;
  /**
   * 0.
   */
  uint64_t flags;
  /**
   * Seconds for everything: resolving, connecting, the handshake. 0: no limit.
   */
  double timeout;
  /**
   * Encrypts the connection, with a context of COPAS_TLS_CLIENT; NULL: it is plain.
   * COPAS_UNSUPPORTED in a library without TLS.
   */
  struct copas_tls_context *tls;
  /**
   * The name, or numeric address, that the server's certificate must be for. NULL: the host.
   */
  const char *server_name;
} copas_connect_options;

/**
 * An address, as copas_getpeername() and copas_getsockname() give it.
 */
typedef struct copas_address {
  /**
   * AF_INET, AF_INET6 or AF_UNIX of <sys/socket.h>.
   */
  int family;
  /**
   * 1 to 65535; 0 for a Unix socket.
   */
  int port;
  /**
   * The numeric address (a link-local IPv6 one with its interface: "fe80::1%2"), or the path of a Unix
   * socket (empty when it has none), with its NUL.
   */
  char host[112];
} copas_address;

/**
 * What copas_getstats() tells of a socket.
 */
typedef struct copas_socket_stats {
  /**
   * sizeof(copas_socket_stats), set by the caller.
   */
  size_t size;
  /**
   * Bytes read from the kernel since the socket was made.
   */
  uint64_t received;
  /**
   * Bytes handed to the kernel since the socket was made.
   */
  uint64_t sent;
  /**
   * Seconds since the socket was made.
   */
  double age;
} copas_socket_stats;

/**
 * Bytes that the library lends to the caller. Never NULL in `data` after COPAS_OK.
 */
typedef struct copas_bytes {
  /**
   * The first byte. Not terminated by a NUL.
   */
  const char *data;
  /**
   * How many bytes.
   */
  size_t len;
} copas_bytes;

/**
 * A certificate with its key, each in a file or in memory, as PEM text. All of it is read or copied
 * during the call.
 */
typedef struct copas_tls_identity {
  /**
   * Path of a file with the certificate, followed by those between it and the root. NULL: in memory.
   */
  const char *certificate_file;
  /**
   * Path of a file with the private key: PKCS#8, PKCS#1 or SEC1, not encrypted. NULL: in memory.
   */
  const char *key_file;
  /**
   * The certificates as text.
   */
  const void *certificate;
  /**
   * How many bytes.
   */
  size_t certificate_len;
  /**
   * The key as text.
   */
  const void *key;
  /**
   * How many bytes.
   */
  size_t key_len;
} copas_tls_identity;

/**
 * Settings of a TLS context. Zero everything, then set `size` and what you need. Without anything else
 * a client trusts whom the platform trusts, verifies the server's certificate and its name, and speaks
 * TLS 1.2 and 1.3.
 */
typedef struct copas_tls_options {
  /**
   * sizeof(copas_tls_options).
   */
  size_t size;
  /**
   * 0, or COPAS_TLS_INSECURE_NO_VERIFICATION, COPAS_TLS_CLIENT_CERTIFICATE_OPTIONAL,
   * COPAS_TLS_NO_RESUMPTION together.
   */
  uint64_t flags;
  /**
   * Who this side is. A server has at least one: clients are shown the first that is for the name
   * that they ask for (SNI), else the first of all. A client has none, or one that it shows to
   * servers that ask for it.
   */
  const struct copas_tls_identity *identities;
  /**
   * How many.
   */
  size_t identity_count;
  /**
   * Path of a file with the certificates of trusted CAs. For a client NULL (and no `ca`) is the
   * platform's; a server asks clients for certificates when it has some.
   */
  const char *ca_file;
  /**
   * Those CAs as PEM text in memory, instead; NULL: none. Empty text is COPAS_INVALID.
   */
  const void *ca;
  /**
   * How many bytes.
   */
  size_t ca_len;
  /**
   * Application protocols (ALPN), best first, separated by commas without blanks: "h2,http/1.1".
   * NULL: none.
   */
  const char *alpn;
  /**
   * COPAS_TLS_1_2 or COPAS_TLS_1_3, the oldest version that is spoken. 0: COPAS_TLS_1_2.
   */
  int min_version;
} copas_tls_options;

/**
 * What copas_tls_context_stats() tells: how many handshakes ended how.
 */
typedef struct copas_tls_stats {
  /**
   * sizeof(copas_tls_stats), set by the caller.
   */
  size_t size;
  /**
   * Successful ones.
   */
  uint64_t handshakes;
  /**
   * Those of them that resumed an earlier session.
   */
  uint64_t resumed;
  /**
   * Those that failed: another certificate, no common version, no TLS at all.
   */
  uint64_t failed;
  /**
   * Those that took too long.
   */
  uint64_t timed_out;
} copas_tls_stats;

/**
 * A completed operation, as copas_poll() delivers it. 64 bytes, for ever.
 */
typedef struct copas_event {
  /**
   * 64: sizeof(copas_event), set by the library.
   */
  uint32_t size;
  /**
   * COPAS_EVENT_RECEIVE or another COPAS_EVENT.
   */
  uint32_t kind;
  /**
   * How the operation ended: a copas_status.
   */
  int status;
  /**
   * The errno behind the status, or 0.
   */
  int sys_errno;
  /**
   * The token given at submission.
   */
  uint64_t token;
  /**
   * What the operation was submitted on: a socket (stale by now if it was closed), a choice's handle,
   * else the dispatcher.
   */
  void *handle;
  /**
   * COPAS_EVENT_RECEIVE and _RECEIVEFROM: the bytes, as copas_receive() shows them. The library's
   * memory, valid until the next call that receives on, or closes, that socket. COPAS_EVENT_RESOLVE:
   * the addresses. Of other operations that failed: what went wrong, in words without a NUL at the
   * end. Both valid until the next copas_poll(); where `now` has told them at once, until the next
   * copas_submit function or copas_poll() of the dispatcher. NULL without any.
   */
  const char *data;
  /**
   * How many bytes, or how many addresses. COPAS_EVENT_WAIT_FD: COPAS_READABLE, COPAS_WRITABLE or both.
   */
  size_t len;
  /**
   * COPAS_EVENT_ACCEPT and _CONNECT: the new socket. COPAS_EVENT_CHOICE: the item of a queue, the
   * result of a future. Else NULL.
   */
  void *result;
  /**
   * Zero.
   */
  uint64_t reserved;
} copas_event;

/**
 * What copas_tls_info() tells of an encrypted connection. Its texts and bytes are the library's, valid
 * until the socket is closed.
 */
typedef struct copas_tls_details {
  /**
   * sizeof(copas_tls_details), set by the caller.
   */
  size_t size;
  /**
   * "TLSv1.3" or "TLSv1.2".
   */
  const char *version;
  /**
   * The cipher suite, such as "TLS13_AES_256_GCM_SHA384".
   */
  const char *cipher;
  /**
   * The application protocol that was agreed on (ALPN); NULL without one.
   */
  const char *alpn;
  /**
   * The name that the client asked for (SNI), or that it verified; NULL without one.
   */
  const char *server_name;
  /**
   * The peer's certificate in DER; NULL without one.
   */
  const void *certificate;
  /**
   * How many bytes.
   */
  size_t certificate_len;
  /**
   * 1: an earlier session was resumed, without a new look at certificates.
   */
  int resumed;
} copas_tls_details;

/**
 * One of the things that copas_select() waits for.
 */
typedef struct copas_choice {
  /**
   * COPAS_CHOICE_RECEIVE (a socket), _SEND (a stream socket), _POP, _PUSH, _FINISH (a queue), _JOIN (a coroutine),
   * _TIMER, _TAKE (a semaphore), _LOCK, _FUTURE, _GROUP, _EXIT (the dispatcher), _MAILBOX_TAKE or
   * _MAILBOX_PUT.
   */
  uint32_t kind;
  /**
   * Set by copas_select() in the choice that came first: a copas_status.
   */
  int status;
  /**
   * The object that it is about.
   */
  void *handle;
  /**
   * COPAS_CHOICE_PUSH, _MAILBOX_PUT: the item. Set by copas_select(): the item that a queue or a
   * mailbox gave, the result of a future, else NULL.
   */
  void *item;
  /**
   * COPAS_CHOICE_TAKE: how many.
   */
  int64_t amount;
} copas_choice;

/**
 * What a timer runs, in a coroutine of its own.
 */
typedef void (*copas_timer_fn)(struct copas_timer *timer, void *user);

/**
 * Settings of a timer, for copas_timer_new(). Zero everything, then set `size` and what you need.
 */
typedef struct copas_timer_options {
  /**
   * sizeof(copas_timer_options).
   */
  size_t size;
  /**
   * 0, or COPAS_RECURRING: it fires again `delay` seconds after the end of each callback.
   */
  uint64_t flags;
  /**
   * The timer's name, copied; its coroutines are "name:timer_N". NULL: "timer".
   */
  const char *name;
  /**
   * What it runs. Must not be NULL.
   */
  copas_timer_fn callback;
  /**
   * Handed to the callback.
   */
  void *user;
  /**
   * Releases `user` when the timer is destroyed and no callback runs. May be NULL.
   */
  copas_free_fn user_free;
  /**
   * Seconds until it fires; not negative.
   */
  double delay;
  /**
   * Seconds until it fires first. 0: `delay`; negative: at once.
   */
  double initial_delay;
  /**
   * Told when a callback fails; NULL: the default error handler. `error_user` is handed to it.
   */
  copas_error_fn error_handler;
  /**
   * Handed to `error_handler`. Must live as long as the timer.
   */
  void *error_user;
} copas_timer_options;

/**
 * What a queue's worker does with an item, which belongs to it from now on.
 */
typedef void (*copas_worker_fn)(void *item, void *user);

/**
 * What a future's coroutine runs; it gives the result.
 */
typedef void *(*copas_future_fn)(void *user);

/**
 * An alarm's callback, on the root stack: it may not wait.
 */
typedef void (*copas_timeout_fn)(struct copas_thread *thread, void *user);

/**
 * Told of a signal, on the root stack: it may not wait.
 */
typedef void (*copas_signal_fn)(struct copas *c, int number, void *user);

/**
 * What copas_stats() tells of a dispatcher.
 */
typedef struct copas_dispatcher_stats {
  /**
   * sizeof(copas_dispatcher_stats), set by the caller.
   */
  size_t size;
  /**
   * Coroutines that have not ended.
   */
  uint64_t running;
  /**
   * Coroutines and servers whose turn it is.
   */
  uint64_t ready;
  /**
   * Coroutines in copas_pause() or copas_pauseforever().
   */
  uint64_t asleep;
  /**
   * Open sockets.
   */
  uint64_t sockets;
  /**
   * Served sockets.
   */
  uint64_t servers;
  /**
   * Sockets that somebody waits to receive on.
   */
  uint64_t readers;
  /**
   * Sockets that connect, or with output that the kernel has not taken yet.
   */
  uint64_t writers;
  /**
   * Armed timers.
   */
  uint64_t timers;
  /**
   * Time limits that run, of waits and timers.
   */
  uint64_t timeouts;
  /**
   * Steps measured; 0 unless copas_setstatistics() is on.
   */
  uint64_t steps;
  /**
   * Seconds of work of the shortest step, without the wait for something to do.
   */
  double step_min;
  /**
   * The same of the average step.
   */
  double step_avg;
  /**
   * The same of the longest step.
   */
  double step_max;
  /**
   * How often accepting has paused at max_connections since copas_new().
   */
  uint64_t accept_pauses;
  /**
   * Connections that were reset at once for max_per_address since copas_new().
   */
  uint64_t over_address;
  /**
   * Connections cut off whose first byte did not come within first_byte, since copas_new().
   */
  uint64_t late_first_byte;
  /**
   * Connections cut off whose peer sent more slowly than min_rate, since copas_new().
   */
  uint64_t slow_senders;
  /**
   * Connections cut off whose peer read more slowly than min_rate, since copas_new().
   */
  uint64_t slow_readers;
  /**
   * Connections cut off for copas_config.memory_budget, since copas_new().
   */
  uint64_t evicted;
  /**
   * Receives that were answered COPAS_LIMIT for copas_config.memory_budget, since copas_new().
   */
  uint64_t refused_growth;
  /**
   * Bytes of memory that the buffers have now, those that are kept for use again included.
   */
  uint64_t memory;
  /**
   * Bytes that they may have: copas_config.memory_budget.
   */
  uint64_t memory_budget;
} copas_dispatcher_stats;

/**
 * What copas_stack_marks() tells of the coroutines of one name. 32 bytes for ever.
 */
typedef struct copas_stack_mark {
  /**
   * The name, without a number at its end: "thread" of thread_1 and thread_2. Valid until
   * copas_free().
   */
  const char *name;
  /**
   * Bytes that the deepest one has used, in whole pages.
   */
  size_t used;
  /**
   * Bytes of that one's stack.
   */
  size_t size;
  /**
   * How many have ended.
   */
  uint64_t ended;
} copas_stack_mark;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The name of a status, such as "COPAS_TIMEOUT"; "COPAS_UNKNOWN" for a number that is none.
 * A static string. May be called from any OS thread and before copas_new(). Never switches.
 */
const char *copas_status_name(int status);

/**
 * What a status means and what to do about it, in one line. A static string. May be called from
 * any OS thread and before copas_new(). Never switches.
 */
const char *copas_status_message(int status);

/**
 * 1 when the library that is loaded has a feature, else 0 (also for NULL): "tls", encrypted sockets,
 * as COPAS_HAS_TLS tells of the header. May be called from any OS thread. Never switches.
 */
int copas_has_feature(const char *name);

/**
 * The version of the library that is loaded, such as "0.1.0"; COPAS_VERSION is that of the header.
 * A static string. May be called from any OS thread. Never switches.
 */
const char *copas_version(void);

/**
 * Makes a dispatcher with the settings of `config`, which is copied; NULL takes the defaults.
 *
 * Gives NULL when `config` is not valid (EINVAL: its size is 0, a flag is unknown, the stack size
 * or the number of OS threads is out of range), when descriptors (EMFILE, ENFILE) or memory (ENOMEM) are used up, or when the
 * process has 1,023 dispatchers already (EAGAIN); errno tells which. Free it with copas_free().
 * May be called from any OS thread. Never switches.
 */
COPAS_MUST_USE
struct copas *copas_new(const struct copas_config *config);

/**
 * Frees a dispatcher and everything that belongs to it. NULL is fine: COPAS_OK.
 *
 * Its coroutines are canceled and run to their end, for at most 1 second. Those that ignore the
 * cancellation are abandoned: their stacks are leaked, never unwound, or their OS threads wait for
 * ever, what they waited for is released, a report names how many, and the answer is COPAS_ABANDONED. All sockets are closed;
 * output that the kernel does not take at once is lost. The OS threads of handlers have ended when it
 * returns. The handle is stale afterwards.
 *
 * In a child of fork() nobody runs: what was inherited is closed here, what the child has copies of goes to
 * their finalizers, and the parent's goes on.
 *
 * Errors: COPAS_CANNOT_WAIT inside its own loop, a coroutine or a callback (nothing is freed);
 * COPAS_WRONG_THREAD, COPAS_STALE, COPAS_INVALID. Steps the dispatcher for at
 * most 1 second.
 */
copas_status copas_free(struct copas *c);

/**
 * Runs the dispatcher until nothing is left to do; then COPAS_OK.
 *
 * `timeout` is the longest wait of one step in seconds (COPAS_FOREVER: as long as nothing
 * happens; it does not end the loop). What keeps the loop alive: a server, a wait on a socket, a
 * ready coroutine, any wait with a time limit, a pending post, a closed socket whose output is
 * still being written, an unfinished submission, a wait on a mailbox, and copas_hold(). What does not:
 * coroutines asleep for ever, and waits without a time limit on other coroutines.
 *
 * When all work is done the exit flag is raised, so that those in copas_waitforexit() run; when
 * they add no work, the loop ends. Can be called again.
 *
 * Errors: COPAS_CANNOT_WAIT inside a coroutine, a callback or another dispatcher's loop;
 * COPAS_SYSTEM when the kernel's poller fails; COPAS_INVALID (also when `timeout` is NAN),
 * COPAS_STALE, COPAS_WRONG_THREAD. Binds the dispatcher to the calling OS thread.
 */
copas_status copas_loop(struct copas *c,
                        double timeout);

/**
 * Runs one iteration of the dispatcher, waiting at most `timeout` seconds for something to do
 * (0: not at all, COPAS_FOREVER: without limit), and not past the end of the root stack's scope.
 *
 * COPAS_OK: something was done. COPAS_TIMEOUT: nothing was, within the time (also at once when
 * nothing is left that could happen). Steps the dispatcher; errors: as copas_loop().
 */
copas_status copas_step(struct copas *c, double timeout);

/**
 * 1 when nothing is left that keeps copas_loop() alive, 0 when something is; else an error:
 * COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
int copas_finished(struct copas *c);

/**
 * Raises the exit flag and releases those in copas_waitforexit(). Nobody is interrupted: servers
 * and coroutines go on until they end by themselves. To end them use copas_shutdown().
 *
 * May be called before the loop, from any OS thread, and from a signal handler.
 * Errors: COPAS_INVALID, COPAS_STALE. Never switches.
 */
copas_status copas_exit(struct copas *c);

/**
 * 1 when the exit flag is raised, else 0; or COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD.
 * The flag is lowered when copas_loop() starts again after it has ended. Never switches.
 */
int copas_exiting(struct copas *c);

/**
 * Waits until the exit flag is raised; COPAS_OK at once when it is. Does not keep the loop alive.
 * Switch point. Errors: COPAS_CANCELED, COPAS_CANNOT_WAIT, COPAS_INVALID, COPAS_STALE,
 * COPAS_WRONG_THREAD.
 */
copas_status copas_waitforexit(struct copas *c);

/**
 * Starts a shutdown and returns at once: the dispatcher accepts the connections that the kernel has taken
 * for its servers, removes these (closing their listening sockets), raises the exit flag, gives the
 * coroutines `grace` seconds to end (COPAS_FOREVER: all the time they want), then cancels those that are
 * left. Who ignores that for another second is abandoned and reported. copas_loop() then returns. Of
 * dispatchers that copas_loop_many() runs it shuts all down.
 *
 * A second call with an earlier end shortens the grace. May be called from any OS thread and from
 * a signal handler. Errors: COPAS_INVALID (also when `grace` is NAN), COPAS_STALE. Never switches.
 */
copas_status copas_shutdown(struct copas *c,
                            double grace);

/**
 * Keeps copas_loop() alive until the matching copas_release(); calls add up. For work that the
 * dispatcher cannot see, such as another OS thread that will call copas_post().
 * Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_hold(struct copas *c);

/**
 * Takes one copas_hold() back. Errors: COPAS_INVALID (also when there is none to take back),
 * COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_release(struct copas *c);

/**
 * Has `fn` run once with `user`, on the dispatcher's OS thread, in its next step. Posts run in the
 * order of their calls. A pending post keeps the loop alive; one that never ran because the
 * dispatcher was freed is dropped: see copas_post_with() for what its `user` owns.
 *
 * May be called from any OS thread, but not from a signal handler (use copas_notify()).
 * Errors: COPAS_INVALID (also when `fn` is NULL), COPAS_STALE (`fn` will not run). Never switches.
 */
copas_status copas_post(struct copas *c, copas_post_fn fn, void *user);

/**
 * copas_post() whose `user` is released by exactly one call of `user_free` (which may be NULL): when `fn`
 * has returned, when it will not run because the dispatcher was freed, or when this call fails. That
 * happens on the OS thread that runs or frees the dispatcher, or on the caller's.
 * Errors: as copas_post(). Never switches.
 */
copas_status copas_post_with(struct copas *c,
                             copas_post_fn fn,
                             void *user,
                             copas_free_fn user_free);

/**
 * Wakes the dispatcher: the step that waits, or else the next one, returns without waiting.
 * May be called from any OS thread and from a signal handler.
 * Errors: COPAS_INVALID, COPAS_STALE. Never switches.
 */
copas_status copas_notify(struct copas *c);

/**
 * Seconds on the monotonic clock, read afresh. NAN when `c` is NULL, stale, or bound to another
 * OS thread. Never switches.
 */
double copas_now(struct copas *c);

/**
 * The dispatcher whose coroutine or callback is running on this OS thread; NULL outside of its
 * loop. Never switches.
 */
struct copas *copas_current(void);

/**
 * The dispatcher of a socket, coroutine or operation; NULL when `handle` is none or its
 * dispatcher is freed. `handle` may be stale otherwise. May be called from any OS thread.
 * Never switches.
 */
struct copas *copas_of(const void *handle);

/**
 * Fills `info` with the detail of the last call that failed in this coroutine, or on the root
 * stack when called there. Set `info->size` first.
 *
 * Errors: COPAS_INVALID (also when `info` is NULL or its size is too small), COPAS_STALE,
 * COPAS_WRONG_THREAD; these do not change the detail. Never switches.
 */
copas_status copas_error(struct copas *c, struct copas_error_info *info);

/**
 * Gives the C++ runtime's exception state to the library, for a program that links libstdc++
 * statically: `copas_set_cxa_globals((copas_cxa_globals_fn)abi::__cxa_get_globals)`. Elsewhere the
 * library finds it by itself. Call it before the first coroutine runs; NULL goes back to finding.
 * Holds for the whole process; may be called from any OS thread. Never switches.
 */
void copas_set_cxa_globals(copas_cxa_globals_fn get);

/**
 * Runs `count` dispatchers (0: as many as there are CPUs for this process; at most 1,023), each on an OS
 * thread of its own, until all their loops have ended, and frees them.
 *
 * `setup(c, number, user)` gives each its work, on its own OS thread (whose stack has 8 MiB) and outside
 * of any step: sockets, servers, coroutines. It is called for number 0 first, then 1 and so on, each when the one before
 * has returned; what one does is seen by the next. When all have answered COPAS_OK the loops begin.
 * Servers share a port by COPAS_BIND_REUSEPORT: each binds a listening socket of its own, and the
 * kernel deals the connections out among them. `config` may be NULL; its settings are those of each
 * dispatcher, and its `report` may be called by several OS threads at the same time.
 *
 * copas_shutdown() of one of them, from any OS thread or a signal handler, shuts them all down.
 * Otherwise one whose loop ends leaves the others alone. The caller's OS thread sleeps meanwhile; it is
 * the one that takes the process' signals, since the others have them blocked.
 *
 * When a set-up answers anything else (or an OS thread or dispatcher cannot be had, or a loop fails), all
 * are ended at once, the reason is reported in words, and that status is the answer, of several the
 * first. COPAS_ABANDONED: as copas_free().
 *
 * Errors: COPAS_INVALID (also when `setup` is NULL, `count` out of range, or `config` has
 * COPAS_UNBOUND); COPAS_CANNOT_WAIT inside a loop, a coroutine or a callback; COPAS_LIMIT (OS threads,
 * descriptors or dispatchers); COPAS_NO_MEMORY; COPAS_SYSTEM; those of `setup`. Never switches.
 */
copas_status copas_loop_many(int count,
                             copas_setup_fn setup,
                             void *user,
                             const struct copas_config *config);

/**
 * Serves a listening socket: each accepted connection runs `handler(client, user)` in a coroutine
 * of its own, and `client` is flushed and closed when it returns. `timeout` is the time limit in
 * seconds of each waiting call on accepted sockets (COPAS_FOREVER: none); it does not limit accept.
 *
 * A datagram socket gets one handler, which starts in the next step with the socket itself as its
 * `client` and receives with copas_receivefrom(). When it returns the socket is closed, and the server
 * is over.
 *
 * When descriptors are used up, accepting pauses (10 ms, doubling to 1 s) and goes on by itself;
 * that is reported once. Connections meanwhile wait in the kernel's queue.
 *
 * Errors: COPAS_INVALID (also when `server` neither listens nor takes datagrams, `handler` is NULL, or
 * `timeout` is NAN), COPAS_BUSY (it is served already), COPAS_STALE, COPAS_WRONG_THREAD, COPAS_SYSTEM.
 * Never switches.
 */
copas_status copas_addserver(struct copas *c,
                             struct copas_socket *server,
                             copas_handler_fn handler,
                             void *user,
                             double timeout);

/**
 * copas_addserver() with options; `options` may be NULL and is copied. `options->user_free` is
 * called exactly once, also when this call fails.
 *
 * With COPAS_OS_THREAD, accepting pauses while copas_config.os_threads are all taken, which is reported
 * once, and goes on when a handler ends; when the system starts none, it pauses as without
 * descriptors.
 *
 * With `tls` the handler runs once the handshake has succeeded, never on a plain socket. Handshakes have
 * no coroutine and no OS thread; copas_tls_context_stats() counts those that failed.
 *
 * Errors: as copas_addserver(); COPAS_INVALID also for a bad size, flag, name, time limit or stack
 * size, or a context for clients; COPAS_UNSUPPORTED (`tls`, or a limit of connections, on a datagram
 * socket; `tls` in a library without TLS). Never switches.
 */
copas_status copas_addserver_with(struct copas *c,
                                  struct copas_socket *server,
                                  copas_handler_fn handler,
                                  const struct copas_server_options *options);

/**
 * Stops serving a socket. Without `keep_open` (0) it is closed; with it (not 0) it stays open and can be
 * added again. Handlers that run go on; the one of a datagram socket gets COPAS_CLOSED when the socket
 * is closed, and else still has the socket, which stays open when it returns.
 * Errors: COPAS_INVALID (also when it is not served), COPAS_STALE, COPAS_WRONG_THREAD.
 * Never switches.
 */
copas_status copas_removeserver(struct copas_socket *server,
                                int keep_open);

/**
 * Sets what a listening socket bears of its peers, whether it is served or somebody calls
 * copas_accept() on it: all of `armour`, which is copied; NULL: no limits. What was set before, also by
 * copas_addserver_with(), is gone. Connections that are open stay, and only `max_connections` counts
 * them; a server's own options, where they are not 0, take the place of these when it is added.
 *
 * With `max_connections` open a copas_accept() waits until one is closed. What was kept out or cut off is
 * counted by copas_stats() and reported, once until a minute was calm.
 *
 * Errors: COPAS_INVALID (also for a bad size or flag, a time that is negative or NAN, a window of more
 * than a day), COPAS_UNSUPPORTED (it does not listen), COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_setarmour(struct copas_socket *server,
                             const struct copas_armour *armour);

/**
 * Starts a coroutine that runs `fn(user)`. It runs first in the next step, not inside this call.
 *
 * `out` may be NULL; else it gets the handle. Errors: COPAS_INVALID (also when `fn` is NULL),
 * COPAS_NO_MEMORY (no stack to be had), COPAS_LIMIT (16,777,215 coroutines), COPAS_STALE,
 * COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_addthread(struct copas *c,
                             copas_thread_fn fn,
                             void *user,
                             struct copas_thread **out);

/**
 * copas_addthread() with options; `options` may be NULL and is copied. `out` may be NULL.
 * `options->user_free` is called exactly once, also when this call fails.
 * Errors: as copas_addthread(); COPAS_INVALID also for a bad size, flag or stack size; COPAS_LIMIT
 * also when COPAS_OS_THREAD finds all of copas_config.os_threads taken, or the system starts no OS
 * thread. Never switches.
 */
copas_status copas_addthread_with(struct copas *c,
                                  copas_thread_fn fn,
                                  const struct copas_thread_options *options,
                                  struct copas_thread **out);

/**
 * Cancels a coroutine (also a server's handler): it is woken, and from now on each of its waiting
 * calls answers COPAS_CANCELED at once, until its function returns. copas_send() still takes what
 * fits below the high-water mark, and copas_close() works, so it can say goodbye. A coroutine that
 * has not run yet never runs. Canceling twice is COPAS_OK.
 *
 * Errors: COPAS_STALE (it has ended), COPAS_INVALID, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_removethread(struct copas_thread *thread);

/**
 * Waits until a coroutine has ended, for at most `timeout` seconds (COPAS_FOREVER: no limit).
 *
 * COPAS_OK: it has ended; also for the stale handle of one that ended long ago.
 * Errors: COPAS_TIMEOUT; COPAS_CANCELED (the caller was canceled); COPAS_INVALID (also for the
 * caller itself, or NAN); COPAS_CANNOT_WAIT; COPAS_STALE (its dispatcher is freed);
 * COPAS_WRONG_THREAD. Without a time limit it does not keep the loop alive. Switch point.
 */
COPAS_MUST_USE copas_status copas_join(struct copas_thread *thread, double timeout);

/**
 * Lets the others run for `seconds` (0: until its next turn; COPAS_FOREVER: as
 * copas_pauseforever()), or until copas_wakeup(). `slept` may be NULL; else it gets the time that
 * really passed, in seconds, on COPAS_OK and on COPAS_CANCELED. Never wakes early by itself.
 *
 * Errors: COPAS_CANCELED, COPAS_TIMEOUT (the caller's scope has ended: see copas_begindeadline()),
 * COPAS_CANNOT_WAIT, COPAS_INVALID (also for NAN), COPAS_STALE, COPAS_WRONG_THREAD. Switch point.
 * Outside of coroutines it steps the dispatcher meanwhile.
 */
copas_status copas_pause(struct copas *c, double seconds, double *slept);

/**
 * Sleeps until copas_wakeup() or a cancellation. Does not keep the loop alive.
 * Errors: COPAS_CANCELED, COPAS_CANNOT_WAIT (also outside of coroutines, where nobody could wake
 * the caller), COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Switch point.
 */
copas_status copas_pauseforever(struct copas *c);

/**
 * Wakes a coroutine that is in copas_pause() or copas_pauseforever(). 1: it was asleep and is
 * awake now. 0: it was not asleep; nothing is remembered. Errors: COPAS_STALE (it has ended),
 * COPAS_INVALID, COPAS_WRONG_THREAD. Never switches.
 */
int copas_wakeup(struct copas_thread *thread);

/**
 * The coroutine that calls; NULL outside of coroutines. Never switches.
 */
struct copas_thread *copas_running(void);

/**
 * Marks the calling coroutine as failed. When its function returns, `status` (a negative number,
 * of copas_status or the program's own below -1000) and `text` (copied; NULL: the status' message)
 * go to its error handler, else to the default one, else to the report callback. A second call
 * replaces the first. Its own waits that answered an error do not count as a failure by themselves.
 *
 * Errors: COPAS_INVALID (`status` is not negative, or called outside of a coroutine).
 * Never switches.
 */
copas_status copas_fail(int status, const char *text);

/**
 * Sets who is told when a coroutine fails: for the calling coroutine, or with `is_default` not 0
 * for all that have none of their own. `fn` NULL takes the handler away. The default without any
 * handler is the report callback. `user` must live until another handler is set, or the coroutine, with
 * `is_default` the dispatcher, has ended.
 *
 * Errors: COPAS_INVALID (also when `is_default` is 0 outside of a coroutine), COPAS_STALE,
 * COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_seterrorhandler(struct copas *c,
                                   copas_error_fn fn,
                                   void *user,
                                   int is_default);

/**
 * Names a socket, a coroutine, or a timer, lock, semaphore, queue, future or group; the name is
 * copied, at most 255 bytes of it. The coroutines of a timer keep the name that it was made with.
 * Errors: COPAS_INVALID (also when `name` is NULL or not UTF-8, or `handle` is of another kind), COPAS_STALE,
 * COPAS_WRONG_THREAD, COPAS_NO_MEMORY. Never switches.
 */
copas_status copas_setname(void *handle,
                           const char *name);

/**
 * The name of what copas_setname() names, valid until it is named anew or ends. At first that is
 * "thread_N", "socket_N", "lock_N", "semaphore_N", "queue_N", "future_N" or "group_N", or what its maker
 * said. NULL when `handle` is of another kind, is stale, or belongs to another OS thread.
 * Never switches.
 */
const char *copas_getname(void *handle);

/**
 * Opens a listening TCP socket on `host` (a numeric IPv4 or IPv6 address, a link-local one with its
 * interface: "fe80::1%eth0"; or a name, of which the first address that can be had is taken; "*" or
 * NULL: every IPv4 address; "::": every IPv6 and IPv4 address) and `port` (0 to 65535; 0: a free one,
 * which copas_getsockname() tells). It has SO_REUSEADDR, TCP_NODELAY, and a backlog of 4096 (the kernel
 * may cap it). Add it with copas_addserver().
 *
 * Errors: COPAS_INVALID, COPAS_SYSTEM (the address is in use or not this machine's: see
 * copas_error()), COPAS_UNRESOLVED (the name has no address), COPAS_LIMIT (no descriptor left),
 * COPAS_CANCELED, COPAS_CANNOT_WAIT (for a name), COPAS_STALE, COPAS_WRONG_THREAD; of several addresses
 * the last one's, and copas_error() lists all. Never switches with a numeric address; with a name a
 * Switch point.
 */
COPAS_MUST_USE
copas_status copas_bind(struct copas *c,
                        const char *host,
                        int port,
                        struct copas_socket **out);

/**
 * copas_bind() with options; `options` may be NULL and is copied. Errors: as copas_bind();
 * COPAS_INVALID also for a bad size, flag or backlog. Never switches with a numeric address; with a
 * name a Switch point.
 */
COPAS_MUST_USE
copas_status copas_bind_with(struct copas *c,
                             const char *host,
                             int port,
                             const struct copas_bind_options *options,
                             struct copas_socket **out);

/**
 * Opens a UDP socket on `host` and `port`, as copas_bind() does; it has no option set. Several may be
 * sent to and received from: copas_sendto(), copas_receivefrom(). copas_addserver() starts one handler
 * with the socket. Errors: as copas_bind(). Never switches with a numeric address; with a name a
 * Switch point.
 */
COPAS_MUST_USE
copas_status copas_bind_udp(struct copas *c,
                            const char *host,
                            int port,
                            struct copas_socket **out);

/**
 * copas_bind_udp() with options; `options` may be NULL and is copied. Errors: as copas_bind();
 * COPAS_INVALID also for a bad size or flag, or a backlog. Never switches with a numeric address; with
 * a name a Switch point.
 */
COPAS_MUST_USE
copas_status copas_bind_udp_with(struct copas *c,
                                 const char *host,
                                 int port,
                                 const struct copas_bind_options *options,
                                 struct copas_socket **out);

/**
 * Connects to `host` (a numeric IPv4 or IPv6 address, or a name) and `port` (1 to 65535) over TCP,
 * within `timeout` seconds (COPAS_FOREVER: as long as the kernel tries), resolving included. The
 * addresses of a name are tried in turn, each for its share of the time. The socket's own time limits
 * are none; see copas_settimeout(). Close it with copas_close().
 *
 * Errors: COPAS_TIMEOUT, COPAS_REFUSED, COPAS_UNRESOLVED (the name has no address), COPAS_CANCELED,
 * COPAS_CANNOT_WAIT, COPAS_INVALID, COPAS_SYSTEM (unreachable and the like), COPAS_LIMIT (no descriptor
 * left), COPAS_STALE, COPAS_WRONG_THREAD; of several addresses the last one's, and copas_error() lists
 * all. Switch point.
 */
COPAS_MUST_USE
copas_status copas_connect(struct copas *c,
                           const char *host,
                           int port,
                           double timeout,
                           struct copas_socket **out);

/**
 * copas_connect() with options; `options` may be NULL. With a TLS context the connection is encrypted
 * and the server verified, all within `timeout`; the socket's own time limits are none at first.
 *
 * Errors: as copas_connect(); COPAS_UNTRUSTED (the server's certificate is not trusted, has expired, or is
 * not for the name: copas_error() tells which), COPAS_TLS_FAILED, COPAS_CLOSED (the server hung up),
 * COPAS_UNSUPPORTED (no TLS in this library). COPAS_INVALID also for a bad size, flag or time limit.
 * Switch point.
 */
COPAS_MUST_USE
copas_status copas_connect_with(struct copas *c,
                                const char *host,
                                int port,
                                const struct copas_connect_options *options,
                                struct copas_socket **out);

/**
 * Accepts one connection from a listening socket that no server serves, waiting for at most `timeout`
 * seconds. The new socket has the listener's time limits and limits; close it with copas_close().
 *
 * Errors: COPAS_TIMEOUT; COPAS_CLOSED (the listener was closed meanwhile); COPAS_BUSY (it is served, or
 * somebody else accepts); COPAS_LIMIT (no descriptor left: wait before you try again); COPAS_CANCELED;
 * COPAS_UNSUPPORTED (it does not listen); COPAS_CANNOT_WAIT; COPAS_INVALID (also when `out` is NULL, or
 * NAN); COPAS_SYSTEM; COPAS_STALE; COPAS_WRONG_THREAD. Switch point.
 */
COPAS_MUST_USE
copas_status copas_accept(struct copas_socket *server,
                          double timeout,
                          struct copas_socket **out);

/**
 * Makes a socket of an open descriptor that came from elsewhere: a TCP or Unix stream (a
 * socketpair too), a datagram socket, a listening socket, or one end of a pipe. The descriptor is set non-blocking
 * and belongs to the socket from then on, with its other options as they are; on an error it stays the caller's, unchanged.
 *
 * Errors: COPAS_UNSUPPORTED (another kind of descriptor),
 * COPAS_INVALID (not open, or a regular file or folder), COPAS_BUSY (wrapped by this dispatcher already),
 * COPAS_STALE, COPAS_WRONG_THREAD, COPAS_NO_MEMORY, COPAS_LIMIT. Never switches.
 */
COPAS_MUST_USE
copas_status copas_wrap(struct copas *c,
                        int fd,
                        struct copas_socket **out);

/**
 * Gives the descriptor back in `*fd`, non-blocking and open; the socket's handle is stale
 * afterwards. Bytes that were received but not yet taken are lost: take them with
 * copas_receive_some() before.
 *
 * Errors: COPAS_BUSY (somebody waits on it, it is served, it has unsent output: copas_flush() first,
 * or a connection that its server had accepted without a handler: copas_accept() it first),
 * COPAS_UNSUPPORTED (it is encrypted), COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
COPAS_MUST_USE
copas_status copas_unwrap(struct copas_socket *skt,
                          int *fd);

/**
 * Closes a socket and returns at once. Its handle is stale afterwards; those that wait on it get
 * COPAS_CLOSED. Output not yet taken by the kernel is written in the background, for at most 10
 * seconds or the send time limit, whichever is shorter; copas_flush() first to learn whether the
 * kernel took it. COPAS_LINGER: see copas_setoption(). A served socket is removed from its server too.
 * Errors: COPAS_STALE (closed already), COPAS_INVALID, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_close(struct copas_socket *skt);

/**
 * Closes a socket and throws its unsent output away; a TCP peer gets a reset (RST).
 * Otherwise as copas_close(). Never switches.
 */
copas_status copas_abort(struct copas_socket *skt);

/**
 * Ends one direction of a connection: COPAS_SHUT_SEND (after what has been sent so far, the peer
 * sees the end of the stream), COPAS_SHUT_RECEIVE, or COPAS_SHUT_BOTH. Later sends, or receives, answer
 * COPAS_CLOSED, and so do those that wait.
 *
 * Errors: COPAS_INVALID (also for another `how`), COPAS_UNSUPPORTED (a listening socket or a
 * pipe), COPAS_STALE, COPAS_WRONG_THREAD, COPAS_SYSTEM. Never switches.
 */
copas_status copas_shut(struct copas_socket *skt,
                        int how);

/**
 * Sets the time limit of every waiting call on a socket, in seconds: negative (COPAS_FOREVER) for
 * none, 0 for "do not wait". It holds for calls that start afterwards.
 * On a listening socket: what accepted sockets inherit.
 * Errors: COPAS_INVALID (also for NAN), COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_settimeout(struct copas_socket *skt, double seconds);

/**
 * Sets the three time limits of a socket one by one; NAN leaves one unchanged. `connect` is used
 * when a connection is made or secured, `send` by sends and flushes, `receive` by receives.
 * Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_settimeouts(struct copas_socket *skt,
                               double connect,
                               double send,
                               double receive);

/**
 * Sets how much a socket receives before it answers COPAS_TOO_LONG, in bytes: `line` for lines
 * and other delimiters (at first 1 MiB), `all` for COPAS_ALL and blocks of n bytes (at first
 * 64 MiB). 0 leaves one unchanged. On a listening socket: what accepted sockets inherit.
 * Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_setlimits(struct copas_socket *skt, size_t line, size_t all);

/**
 * Sets a socket option: COPAS_KEEPALIVE, COPAS_REUSEADDR, COPAS_REUSEPORT, COPAS_TCP_NODELAY,
 * COPAS_IPV6_V6ONLY (0 or 1 each), COPAS_LINGER (seconds, negative for off),
 * COPAS_SEND_BUFFER, COPAS_RECEIVE_BUFFER (bytes, of the kernel's buffer), COPAS_BROADCAST,
 * COPAS_MULTICAST_LOOP (0 or 1) and COPAS_MULTICAST_TTL (0 to 255), of an IPv6 socket for both families.
 * What counts before a socket has its address (COPAS_IPV6_V6ONLY, sharing a port) is for
 * copas_bind_with().
 *
 * COPAS_TCP_NODELAY is on at first in the sockets that the library makes, since it gathers small sends
 * itself. A wrapped descriptor keeps its options. Accepted sockets have those of the listening socket.
 *
 * COPAS_LINGER 0: copas_close() resets the connection (RST) once the kernel has the output. More: the
 * output of a closed socket is written in the background for at most so many seconds, instead of 10.
 * copas_close() never blocks.
 *
 * Errors: COPAS_INVALID (also for an unknown option or a value out of range), COPAS_UNSUPPORTED
 * (the socket is not of the option's kind), COPAS_SYSTEM, COPAS_STALE, COPAS_WRONG_THREAD.
 * Never switches.
 */
copas_status copas_setoption(struct copas_socket *skt,
                             int option,
                             int value);

/**
 * Fills `address` with the other side's address. Errors: COPAS_CLOSED (not connected),
 * COPAS_UNSUPPORTED (a pipe), COPAS_INVALID (also when `address` is NULL), COPAS_STALE,
 * COPAS_WRONG_THREAD, COPAS_SYSTEM. Never switches.
 */
copas_status copas_getpeername(struct copas_socket *skt, struct copas_address *address);

/**
 * Fills `address` with this side's address. Errors: as copas_getpeername(). Never switches.
 */
copas_status copas_getsockname(struct copas_socket *skt, struct copas_address *address);

/**
 * Fills `stats` with the bytes received and sent and the socket's age. Set `stats->size` first.
 * Errors: COPAS_INVALID (also when `stats` is NULL or its size is too small), COPAS_STALE,
 * COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_getstats(struct copas_socket *skt, struct copas_socket_stats *stats);

/**
 * Receives by a pattern: COPAS_LINE (up to LF; the LF and every CR are dropped), COPAS_LINE_RAW
 * (the line with its ending), COPAS_ALL (until the peer closes), or a number n >= 0 (exactly n
 * bytes; 0 waits until there is something to read). The socket's receive time limit holds for the
 * whole call.
 *
 * COPAS_OK: `*bytes` borrows the bytes from the socket's buffer, until the caller's next receive
 * on that socket, its own close of it, or its end. They may be sent as they are.
 *
 * On COPAS_TIMEOUT, COPAS_CLOSED, COPAS_CANCELED, COPAS_TOO_LONG, COPAS_LIMIT, COPAS_TRUNCATED and
 * COPAS_TLS_FAILED nothing is consumed: `*bytes` shows what has arrived so far (CRs included), and
 * the next call sees it again. COPAS_ALL answers COPAS_OK when at least one byte came before the
 * end of the stream, else COPAS_CLOSED; a reset is COPAS_CLOSED, of an encrypted stream
 * COPAS_TRUNCATED. Data that has arrived wins over a time limit that has passed.
 *
 * Errors: COPAS_TIMEOUT; COPAS_CLOSED (the end came before the pattern was complete; also for a
 * failed write, once all input is taken); COPAS_TOO_LONG (see copas_setlimits()); COPAS_LIMIT
 * (see copas_config.memory_budget); COPAS_CANCELED;
 * COPAS_BUSY (another coroutine waits to receive); COPAS_UNSUPPORTED (the socket listens, or is
 * the writing end of a pipe);
 * of an encrypted stream COPAS_TRUNCATED (it ended without the peer's word for it),
 * COPAS_TLS_FAILED (a bad record, an alert, a failed handshake), COPAS_UNTRUSTED (the latter);
 * COPAS_INVALID (also for another negative pattern, or when `bytes` is NULL); COPAS_SYSTEM;
 * COPAS_NO_MEMORY; COPAS_CANNOT_WAIT, COPAS_STALE, COPAS_WRONG_THREAD. Switch point.
 */
COPAS_MUST_USE
copas_status copas_receive(struct copas_socket *skt,
                           int64_t pattern,
                           struct copas_bytes *bytes);

/**
 * Receives up to a delimiter of `len` bytes (1 to 255), which is consumed but not part of
 * `*bytes`. The line limit holds. Otherwise as copas_receive(). Errors: also COPAS_INVALID when
 * `delimiter` is NULL or `len` is out of range. Switch point.
 */
COPAS_MUST_USE
copas_status copas_receive_until(struct copas_socket *skt,
                                 const void *delimiter,
                                 size_t len,
                                 struct copas_bytes *bytes);

/**
 * Receives whatever is there, at least one byte: what earlier calls left, else what arrives
 * first. Otherwise as copas_receive(). Switch point.
 */
COPAS_MUST_USE copas_status copas_receive_some(struct copas_socket *skt, struct copas_bytes *bytes);

/**
 * Receives exactly `len` bytes into the caller's memory, without a copy between for big ones.
 * `received` may be NULL; else it gets how many bytes were put there, on every status: unlike with
 * copas_receive() these are consumed. 0 bytes: COPAS_OK at once. No limit of the socket holds.
 * Errors: as copas_receive(), COPAS_INVALID also when `memory` is NULL and `len` is not 0.
 * Switch point.
 */
COPAS_MUST_USE
copas_status copas_receive_into(struct copas_socket *skt,
                                void *memory,
                                size_t len,
                                size_t *received);

/**
 * Sends `len` bytes: appends them to the socket's output, which the dispatcher hands to the
 * kernel, many sends in one system call, whenever the coroutine waits or ends. Sends outside of
 * coroutines are written before the call returns. `data` may be borrowed bytes, of this socket too, which
 * may be sent from where they lie: they must not be changed while they are borrowed.
 *
 * When more than the high-water mark (64 KiB) would be pending, only the caller waits until the
 * peer has taken enough, within the send time limit; big data go to the kernel without a copy.
 * Up to 64 KiB are sent whole or not at all; of more, a part may have been accepted when the
 * status is not COPAS_OK: copas_send_part() tells how much.
 *
 * A write that fails later is reported by the next send, flush, or receive that has to wait.
 *
 * Errors: COPAS_TIMEOUT, COPAS_CLOSED (the peer has closed, or COPAS_SHUT_SEND), COPAS_CANCELED,
 * COPAS_CANNOT_WAIT, COPAS_UNSUPPORTED (the socket listens, or is the reading end of a pipe),
 * COPAS_INVALID (also when `data` is NULL and `len` is not 0), COPAS_SYSTEM, COPAS_NO_MEMORY,
 * COPAS_TRUNCATED, COPAS_TLS_FAILED, COPAS_UNTRUSTED (an encrypted stream that has ended so),
 * COPAS_STALE, COPAS_WRONG_THREAD. Never SIGPIPE. Switch point only above the high-water mark or
 * when other senders wait.
 */
copas_status copas_send(struct copas_socket *skt,
                        const void *data,
                        size_t len);

/**
 * copas_send() that tells how many bytes, from the first on, were accepted: `taken` may be NULL;
 * else it gets the number on every status. After COPAS_TIMEOUT or COPAS_CANCELED, go on with the
 * rest. Errors: as copas_send(). Switch point where copas_send() is one.
 */
COPAS_MUST_USE
copas_status copas_send_part(struct copas_socket *skt,
                             const void *data,
                             size_t len,
                             size_t *taken);

/**
 * Waits until the kernel has every byte sent before, within the send time limit. COPAS_OK says
 * that the kernel has them, not that the peer has.
 * Errors: as copas_send(); COPAS_TIMEOUT keeps what is left. Switch point.
 */
COPAS_MUST_USE copas_status copas_flush(struct copas_socket *skt);

#if defined(COPAS_HAS_TLS)
/**
 * Makes a context for servers (`role` COPAS_TLS_SERVER) or clients (COPAS_TLS_CLIENT), with one
 * reference. `options` may be NULL for a client; files are read now, and blocks while they are. `c` is
 * told what is wrong (copas_error()); the context does not belong to it.
 *
 * Errors: COPAS_INVALID (also when a file has no certificate or key, a key does not belong to its
 * certificate, or a server has no identity), COPAS_SYSTEM and others of reading a file,
 * COPAS_UNSUPPORTED (the platform trusts nobody), COPAS_LIMIT, COPAS_STALE, COPAS_WRONG_THREAD.
 * Never switches.
 */
COPAS_MUST_USE
copas_status copas_tls_context_new(struct copas *c,
                                   int role,
                                   const struct copas_tls_options *options,
                                   struct copas_tls_context **out);
#endif

#if defined(COPAS_HAS_TLS)
/**
 * Gives a context new settings, such as a renewed certificate: handshakes that begin afterwards use
 * them, and resume no session from before. Connections that are there go on. On an error nothing has
 * changed. Errors: as copas_tls_context_new(). Never switches.
 */
COPAS_MUST_USE
copas_status copas_tls_context_reload(struct copas *c,
                                      struct copas_tls_context *context,
                                      const struct copas_tls_options *options);
#endif

#if defined(COPAS_HAS_TLS)
/**
 * Takes one more reference to a context. Errors: COPAS_INVALID, COPAS_STALE, COPAS_FORKED. From any
 * OS thread.
 * Never switches.
 */
copas_status copas_tls_context_retain(struct copas_tls_context *context);
#endif

#if defined(COPAS_HAS_TLS)
/**
 * Gives a reference back; after the last one the handle is stale. Servers and connections that use the
 * context go on. Errors: COPAS_INVALID, COPAS_STALE, COPAS_FORKED. From any OS thread. Never switches.
 */
copas_status copas_tls_context_release(struct copas_tls_context *context);
#endif

#if defined(COPAS_HAS_TLS)
/**
 * Fills `stats` with how many handshakes of a context ended how. Set `stats->size` first. Errors:
 * COPAS_INVALID, COPAS_STALE, COPAS_FORKED. From any OS thread. Never switches.
 */
copas_status copas_tls_context_stats(struct copas_tls_context *context,
                                     struct copas_tls_stats *stats);
#endif

#if defined(COPAS_HAS_TLS)
/**
 * Encrypts a connection that is there, as a server or a client by the role of `context`, within its
 * connect time limit (none: no limit). A client names in `server_name` whom the certificate must be
 * for; for a server it is NULL. What was sent before goes out in clear; what was received and not taken
 * counts as the beginning of the handshake, so nobody slips plain bytes in.
 *
 * Where it fails, also by its time limit or a cancellation, even one from before the call, the socket is
 * good for copas_close() alone: it is never plain again, and what was received is shown to nobody. Only
 * where it cannot begin at all (COPAS_INVALID, COPAS_UNSUPPORTED, COPAS_BUSY at the call) the socket stays
 * as it was. What others send meanwhile waits for the handshake.
 *
 * Errors: COPAS_TIMEOUT; COPAS_UNTRUSTED (the peer's certificate, or its name); COPAS_TLS_FAILED;
 * COPAS_CLOSED; COPAS_CANCELED; COPAS_BUSY (somebody receives on it, or a send waits); COPAS_UNSUPPORTED
 * (not a stream, or encrypted already); COPAS_INVALID (also without a name where one is needed);
 * COPAS_CANNOT_WAIT; COPAS_SYSTEM; COPAS_STALE and COPAS_FORKED (also the context); COPAS_WRONG_THREAD.
 * Switch point.
 */
COPAS_MUST_USE
copas_status copas_starttls(struct copas_socket *skt,
                            struct copas_tls_context *context,
                            const char *server_name);
#endif

#if defined(COPAS_HAS_TLS)
/**
 * Submits a copas_starttls(); a failure's words are in the event's `data`. Answers as
 * copas_submit_receive(). Errors: COPAS_INVALID, COPAS_LIMIT, COPAS_STALE, COPAS_WRONG_THREAD; all
 * others are in the event. Never switches.
 */
COPAS_MUST_USE
int copas_submit_starttls(struct copas_socket *skt,
                          struct copas_tls_context *context,
                          const char *server_name,
                          uint64_t token,
                          struct copas_event *now,
                          struct copas_operation **out);
#endif

#if defined(COPAS_HAS_TLS)
/**
 * Fills `details` with what is known of an encrypted connection, also when it has been cut off or
 * has failed since its handshake. Set `details->size` first. Errors: COPAS_UNSUPPORTED (it is not
 * encrypted), COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_tls_info(struct copas_socket *skt, struct copas_tls_details *details);
#endif

/**
 * Opens a UDP socket that sends to and receives from one address only: copas_send() sends one
 * datagram there. It takes no answer from the other side, and nothing is sent yet; of a name the first address
 * that can be had counts, and of several failures copas_error() lists all. Errors: COPAS_INVALID, COPAS_UNRESOLVED,
 * COPAS_SYSTEM, COPAS_LIMIT, COPAS_CANCELED, COPAS_CANNOT_WAIT (for a name), COPAS_STALE,
 * COPAS_WRONG_THREAD. Never switches with a numeric address; with a name a Switch point.
 */
COPAS_MUST_USE
copas_status copas_connect_udp(struct copas *c,
                               const char *host,
                               int port,
                               struct copas_socket **out);

/**
 * Sends one datagram of `len` bytes (at most 65,507 over UDP) to a numeric address, or with `to` NULL
 * to where the socket is connected. Waits, within the send time limit, while the kernel's buffer or the
 * queue of a Unix receiver is full; with `to` over Unix sockets that is asked again every 5 ms, since the
 * kernel does not tell. Whole or not at all.
 *
 * Errors: COPAS_TIMEOUT; COPAS_CANCELED; COPAS_CLOSED (from elsewhere meanwhile); COPAS_REFUSED (an
 * earlier datagram was); COPAS_SYSTEM (too long, unreachable and the like); COPAS_UNSUPPORTED (not a
 * datagram socket); COPAS_CANNOT_WAIT; COPAS_INVALID (also for an address that is not numeric, or of
 * another family than it says);
 * COPAS_STALE; COPAS_WRONG_THREAD. Switch point.
 */
copas_status copas_sendto(struct copas_socket *skt,
                          const void *data,
                          size_t len,
                          const struct copas_address *to);

/**
 * Receives one datagram, within the receive time limit. `*datagram` borrows it as copas_receive() lends
 * its bytes; an empty one is COPAS_OK with the length 0. `from` may be NULL; else it gets who sent it.
 *
 * A datagram of more than the socket's limit (copas_setlimits(), `all`; at most 65,536 bytes) answers
 * COPAS_TOO_LONG: `*datagram` has its first bytes, as many as the limit, `from` its sender, and
 * copas_error() tells how long it was. It is consumed, its other bytes are lost.
 *
 * Errors: COPAS_TIMEOUT; COPAS_CANCELED; COPAS_CLOSED (from elsewhere meanwhile); COPAS_REFUSED (a
 * datagram that was sent before found nobody); COPAS_TOO_LONG; COPAS_BUSY (another coroutine waits to
 * receive); COPAS_UNSUPPORTED (not a datagram socket); COPAS_INVALID (also when `datagram` is NULL);
 * COPAS_SYSTEM; COPAS_CANNOT_WAIT; COPAS_STALE; COPAS_WRONG_THREAD. Switch point.
 */
COPAS_MUST_USE
copas_status copas_receivefrom(struct copas_socket *skt,
                               struct copas_bytes *datagram,
                               struct copas_address *from);

/**
 * Opens a Unix socket at `path`, of 1 to 107 bytes; '@' and 1 to 107 bytes are an abstract name
 * (unix(7)). `flags`: 0 for a listening socket, COPAS_DATAGRAM for a datagram socket, and COPAS_UNLINK
 * to remove a socket file before that nobody listens on. The file stays when the socket is closed.
 *
 * Errors: COPAS_SYSTEM (the path is there already, or cannot be made: see copas_error()),
 * COPAS_INVALID, COPAS_LIMIT, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
COPAS_MUST_USE
copas_status copas_bind_unix(struct copas *c,
                             const char *path,
                             uint64_t flags,
                             struct copas_socket **out);

/**
 * Connects to the Unix socket at `path` (see copas_bind_unix()) within `timeout` seconds, waiting while
 * the listener's queue is full. `flags` is 0, or COPAS_DATAGRAM.
 *
 * Errors: COPAS_TIMEOUT; COPAS_REFUSED (nobody listens); COPAS_CANCELED; COPAS_CANNOT_WAIT;
 * COPAS_SYSTEM (no such path and the like); COPAS_INVALID; COPAS_LIMIT; COPAS_STALE;
 * COPAS_WRONG_THREAD. Switch point.
 */
COPAS_MUST_USE
copas_status copas_connect_unix(struct copas *c,
                                const char *path,
                                uint64_t flags,
                                double timeout,
                                struct copas_socket **out);

/**
 * Joins a multicast group of a datagram socket: `group` is a numeric address of it, `interface` the
 * numeric IPv4 address or the IPv6 index of a network interface, or NULL: the system's choice.
 * Errors: COPAS_INVALID, COPAS_UNSUPPORTED (not a datagram socket), COPAS_SYSTEM, COPAS_STALE,
 * COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_joingroup(struct copas_socket *skt, const char *group, const char *interface);

/**
 * Leaves a multicast group that copas_joingroup() has joined, with the same arguments. Errors: as
 * copas_joingroup(). Never switches.
 */
copas_status copas_leavegroup(struct copas_socket *skt, const char *group, const char *interface);

/**
 * Steps the dispatcher until an operation has completed, `timeout` seconds have passed, or
 * copas_notify() was called, and fills `events` with up to `count` (1 to 65,536) completions, oldest
 * first. Gives their number: 0 when the time has passed (also at once when nothing is left that could
 * complete). What the events of the poll before have lent, but for received bytes, ends.
 *
 * Errors: COPAS_INVALID (also when `events` is NULL, `count` out of range, or NAN), COPAS_CANNOT_WAIT,
 * COPAS_SYSTEM, COPAS_STALE, COPAS_WRONG_THREAD, COPAS_BUSY (COPAS_UNBOUND: another OS thread uses the
 * dispatcher now). Coroutines and servers of the dispatcher run meanwhile.
 */
COPAS_MUST_USE
int copas_poll(struct copas *c,
               struct copas_event *events,
               int count,
               double timeout);

/**
 * A descriptor that is readable whenever copas_poll() with the timeout 0 would do or give something:
 * something is ready, a time limit has passed, or events wait. For loops of others (asyncio, GLib, Go's
 * netpoller): watch it for reading, and call copas_poll(c, events, n, 0) until it gives 0. It may be
 * readable without need. It stays the library's: do not close or read it; duplicate it for those who
 * close it. The first call opens a timerfd; fork does not pass it on.
 *
 * Gives the descriptor, or an error: COPAS_LIMIT (no descriptor left), COPAS_SYSTEM, COPAS_INVALID,
 * COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
int copas_backend_fd(struct copas *c);

/**
 * Seconds until copas_poll() must be called at the latest, for loops that ask instead of watching for
 * time limits: 0 when something waits already, COPAS_FOREVER when nothing depends on the time. NAN when
 * `c` is NULL, stale, or another OS thread's. Never switches.
 */
double copas_backend_timeout(struct copas *c);

/**
 * Who sent the datagram of a COPAS_EVENT_RECEIVEFROM, as long as nothing further is received on its
 * socket. Errors: COPAS_INVALID (also when `event` or `out` is NULL, or it is no such event),
 * COPAS_STALE (the socket is closed), COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_event_peer(const struct copas_event *event, struct copas_address *out);

/**
 * Submits a receive by a pattern of copas_receive(), within the socket's receive time limit. Its event
 * has the bytes as copas_receive() shows them, also with COPAS_TIMEOUT, COPAS_CLOSED, COPAS_CANCELED
 * and COPAS_TOO_LONG.
 *
 * For every copas_submit function: with `now` not NULL, an operation that is over at once fills `*now`
 * and answers 1: no event follows. Otherwise the answer is COPAS_OK, and copas_poll() delivers the
 * outcome in exactly one event with `token`, also after a cancel, close or shutdown. `out` may be NULL;
 * else it gets the operation's handle (NULL with the answer 1).
 *
 * Errors (no event follows): COPAS_BUSY (a receive is outstanding), COPAS_UNSUPPORTED, COPAS_INVALID,
 * COPAS_LIMIT, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
COPAS_MUST_USE
int copas_submit_receive(struct copas_socket *skt,
                         int64_t pattern,
                         uint64_t token,
                         struct copas_event *now,
                         struct copas_operation **out);

/**
 * Submits a receive up to a delimiter of `len` bytes (1 to 255), which is copied; see
 * copas_receive_until(). Answers and errors as copas_submit_receive(). Never switches.
 */
COPAS_MUST_USE
int copas_submit_receive_until(struct copas_socket *skt,
                               const void *delimiter,
                               size_t len,
                               uint64_t token,
                               struct copas_event *now,
                               struct copas_operation **out);

/**
 * Submits a receive of whatever is there, at least one byte; see copas_receive_some(). Answers and
 * errors as copas_submit_receive(). Never switches.
 */
COPAS_MUST_USE
int copas_submit_receive_some(struct copas_socket *skt,
                              uint64_t token,
                              struct copas_event *now,
                              struct copas_operation **out);

/**
 * Submits a send: writes what the kernel takes at once from the caller's memory, copies at most
 * the high-water mark (64 KiB) of the rest, and tells in `*taken` how many bytes, from the first
 * on, were accepted. It is over when there is room again: go on with the rest then. The send time
 * limit of the socket holds. `flags` is 0, or COPAS_MORE: more will follow before the next step, so
 * copy instead of writing at once.
 *
 * Answers as copas_submit_receive(). Errors (nothing was taken): COPAS_BUSY (a send is outstanding),
 * COPAS_CLOSED, COPAS_TRUNCATED, COPAS_TLS_FAILED, COPAS_UNTRUSTED (as copas_send()),
 * COPAS_UNSUPPORTED, COPAS_INVALID (also when `taken` is NULL), COPAS_SYSTEM,
 * COPAS_LIMIT, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
COPAS_MUST_USE
int copas_submit_send(struct copas_socket *skt,
                      const void *data,
                      size_t len,
                      uint64_t flags,
                      uint64_t token,
                      size_t *taken,
                      struct copas_event *now,
                      struct copas_operation **out);

/**
 * Submits a flush: over when the kernel has every byte sent before, within the send time limit.
 * Answers as copas_submit_receive(). Errors: COPAS_UNSUPPORTED, COPAS_LIMIT, COPAS_INVALID,
 * COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
COPAS_MUST_USE
int copas_submit_flush(struct copas_socket *skt,
                       uint64_t token,
                       struct copas_event *now,
                       struct copas_operation **out);

/**
 * Cancels a submitted operation: its event follows with COPAS_CANCELED, unless it has completed
 * already, or is a copas_submit_offload(), which ends by itself. Errors: COPAS_STALE (its event has
 * been delivered), COPAS_INVALID, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_submit_cancel(struct copas_operation *operation);

/**
 * Submits a copas_accept(): the event's `result` is the new socket. Answers as copas_submit_receive().
 * Errors: as copas_accept(); COPAS_LIMIT. Never switches.
 */
COPAS_MUST_USE
int copas_submit_accept(struct copas_socket *server,
                        double timeout,
                        uint64_t token,
                        struct copas_event *now,
                        struct copas_operation **out);

/**
 * Submits a copas_connect(): the event's `result` is the new socket; of a failure `data` and `len` are
 * the words, valid as copas_event says. `host` is copied. Answers as copas_submit_receive().
 * Errors: COPAS_INVALID (also when `host` is NULL, or NAN), COPAS_LIMIT, COPAS_STALE,
 * COPAS_WRONG_THREAD; all others are in the event. Never switches.
 */
COPAS_MUST_USE
int copas_submit_connect(struct copas *c,
                         const char *host,
                         int port,
                         double timeout,
                         uint64_t token,
                         struct copas_event *now,
                         struct copas_operation **out);

/**
 * Submits a copas_connect_with(); otherwise as copas_submit_connect(). Errors: also COPAS_INVALID for
 * the options, COPAS_STALE for the context, COPAS_UNSUPPORTED (no TLS in this library). Never switches.
 */
COPAS_MUST_USE
int copas_submit_connect_with(struct copas *c,
                              const char *host,
                              int port,
                              const struct copas_connect_options *options,
                              uint64_t token,
                              struct copas_event *now,
                              struct copas_operation **out);

/**
 * Submits a copas_connect_unix(); otherwise as copas_submit_connect(). Never switches.
 */
COPAS_MUST_USE
int copas_submit_connect_unix(struct copas *c,
                              const char *path,
                              uint64_t flags,
                              double timeout,
                              uint64_t token,
                              struct copas_event *now,
                              struct copas_operation **out);

/**
 * Submits a copas_resolve(): the event's `data` are `len` structs copas_address (a count, not bytes),
 * best first, with the port 0, valid as copas_event says; of a failure they are its words.
 * `host` is copied. Answers and errors as copas_submit_connect(). Never switches.
 */
COPAS_MUST_USE
int copas_submit_resolve(struct copas *c,
                         const char *host,
                         double timeout,
                         uint64_t token,
                         struct copas_event *now,
                         struct copas_operation **out);

/**
 * Submits a copas_receivefrom(): the event's `data` and `len` are the datagram, and
 * copas_event_peer() tells who sent it. Answers and errors as copas_submit_receive(). Never switches.
 */
COPAS_MUST_USE
int copas_submit_receivefrom(struct copas_socket *skt,
                             uint64_t token,
                             struct copas_event *now,
                             struct copas_operation **out);

/**
 * Submits a copas_sendto(); the datagram is copied. Answers as copas_submit_receive(); a failure's
 * words are in the event's `data`. Errors: COPAS_UNSUPPORTED (not a datagram socket), COPAS_INVALID,
 * COPAS_LIMIT, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
COPAS_MUST_USE
int copas_submit_sendto(struct copas_socket *skt,
                        const void *data,
                        size_t len,
                        const struct copas_address *to,
                        uint64_t token,
                        struct copas_event *now,
                        struct copas_operation **out);

/**
 * Submits a wait for one choice of copas_select()'s kinds, for at most `timeout` seconds. Its event's
 * `handle` is the choice's, `result` the item of a queue or the result of a future.
 *
 * Answers as copas_submit_receive(). Errors (no event follows): those of a choice that is wrong;
 * COPAS_INVALID (also when `choice` is NULL, or NAN); COPAS_LIMIT; COPAS_STALE; COPAS_WRONG_THREAD.
 * Never switches.
 */
COPAS_MUST_USE
int copas_submit_choice(struct copas *c,
                        const struct copas_choice *choice,
                        double timeout,
                        uint64_t token,
                        struct copas_event *now,
                        struct copas_operation **out);

/**
 * Submits a pause: its event is COPAS_OK when `seconds` have passed (COPAS_FOREVER: it ends when it is
 * canceled).
 *
 * `out` may be NULL. Answers COPAS_OK. Errors: COPAS_INVALID (also for NAN), COPAS_LIMIT, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
COPAS_MUST_USE
int copas_submit_pause(struct copas *c,
                       double seconds,
                       uint64_t token,
                       struct copas_operation **out);

/**
 * Submits a copas_wait_fd(): the event's `len` is COPAS_READABLE, COPAS_WRITABLE or both. The
 * descriptor must stay open until the event. Answers as copas_submit_receive(). Errors: as
 * copas_wait_fd(); COPAS_LIMIT. Never switches.
 */
COPAS_MUST_USE
int copas_submit_wait_fd(struct copas *c,
                         int fd,
                         int events,
                         double timeout,
                         uint64_t token,
                         struct copas_event *now,
                         struct copas_operation **out);

/**
 * Submits a copas_offload(): its event comes when `fn` has returned. It cannot be canceled, and
 * copas_free() does not wait for it. Answers COPAS_OK. Errors: COPAS_INVALID (also when `fn` is NULL),
 * COPAS_LIMIT, COPAS_STALE, COPAS_WRONG_THREAD; that there is no OS thread is in the event.
 * Never switches.
 */
COPAS_MUST_USE
int copas_submit_offload(struct copas *c,
                         copas_thread_fn fn,
                         void *user,
                         uint64_t token,
                         struct copas_operation **out);

/**
 * Makes a timer and arms it. `options` must not be NULL and is copied; `options->user_free` is
 * called exactly once, also when this call fails.
 * Errors: COPAS_INVALID (also for a negative delay or NAN, no callback, or when `out` is NULL),
 * COPAS_LIMIT, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_timer_new(struct copas *c,
                             const struct copas_timer_options *options,
                             struct copas_timer **out);

/**
 * Arms a timer that is not: it fires in `seconds` (0: in the next step). In its own callback too.
 * Errors: COPAS_BUSY (armed already), COPAS_INVALID (also when `seconds` is negative or NAN),
 * COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_timer_arm(struct copas_timer *timer, double seconds);

/**
 * Disarms a timer: it fires no more. A callback that runs, also one that calls this, goes on to its
 * end. Errors: COPAS_INVALID (also when it is not armed), COPAS_STALE, COPAS_WRONG_THREAD.
 * Never switches.
 */
copas_status copas_timer_cancel(struct copas_timer *timer);

/**
 * Destroys the timer: its handle is stale. A callback that runs goes on to its end.
 * Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_timer_destroy(struct copas_timer *timer);

/**
 * Makes a lock that nobody has. `timeout` is the time limit in seconds of copas_lock_get() calls
 * that name none; NAN: 10. `flags` is 0, or COPAS_NOT_REENTRANT: its owner gets COPAS_BUSY instead
 * of the lock again. Errors: COPAS_INVALID (also for an unknown flag, or when `out` is NULL),
 * COPAS_LIMIT, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_lock_new(struct copas *c,
                            double timeout,
                            uint64_t flags,
                            struct copas_lock **out);

/**
 * Gets the lock for the calling coroutine (or the root stack), waiting for at most `timeout` seconds
 * (NAN: the lock's own limit; 0: not at all). Those that wait get it in the order of their coming.
 * Its owner gets it again at once and releases it as often. `waited` may be NULL; else it gets the
 * seconds that this took. With a `timeout` of 0 it may be called in callbacks, which are the root
 * stack here.
 *
 * Errors: COPAS_TIMEOUT; COPAS_CANCELED; COPAS_DESTROYED (meanwhile); COPAS_BUSY (the caller has it,
 * and it is not re-entrant); COPAS_LIMIT (got 4,294,967,295 times); COPAS_CANNOT_WAIT (also in another
 * dispatcher's coroutine, for a lock that is free too); COPAS_INVALID; COPAS_STALE;
 * COPAS_WRONG_THREAD. Switch point, unless the lock is free or the caller's.
 */
COPAS_MUST_USE
copas_status copas_lock_get(struct copas_lock *lock,
                            double timeout,
                            double *waited);

/**
 * Gives the lock back; after as many releases as gets it belongs to the first that waits. A submitted
 * get counts from the delivery of its event on.
 * Errors: COPAS_NOT_OWNER, COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_lock_release(struct copas_lock *lock);

/**
 * Destroys the lock: its handle is stale, and those that wait get COPAS_DESTROYED.
 * Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_lock_destroy(struct copas_lock *lock);

/**
 * Makes a semaphore of at most `max` (1 to 2,147,483,647), of which `start` (0 to `max`) are there.
 * `timeout` is the time limit in seconds of takes that name none; NAN: 10.
 * Errors: COPAS_INVALID (also for a number out of range, or when `out` is NULL), COPAS_LIMIT,
 * COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_semaphore_new(struct copas *c,
                                 int max,
                                 int start,
                                 double timeout,
                                 struct copas_semaphore **out);

/**
 * Takes `n` (1 to the maximum), waiting for at most `timeout` seconds (NAN: the semaphore's own
 * limit; 0: not at all) until they are there and everybody who came earlier has been served. With a
 * `timeout` of 0 it may be called in callbacks.
 *
 * Errors: COPAS_TIMEOUT; COPAS_CANCELED; COPAS_DESTROYED (meanwhile); COPAS_TOO_MANY (more than the
 * maximum); COPAS_INVALID (also when `n` is below 1); COPAS_CANNOT_WAIT; COPAS_STALE;
 * COPAS_WRONG_THREAD. Switch point.
 */
COPAS_MUST_USE
copas_status copas_semaphore_take(struct copas_semaphore *semaphore,
                                  int n,
                                  double timeout);

/**
 * Gives `n` (at least 1) back. Errors: COPAS_TOO_MANY (there would be more than the maximum; nothing
 * was given; what was granted to waiters that have not gone on yet counts, as it may come back),
 * COPAS_INVALID (also when `n` is below 1), COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_semaphore_give(struct copas_semaphore *semaphore,
                                  int n);

/**
 * How many are there to take. Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD.
 * Never switches.
 */
int copas_semaphore_count(struct copas_semaphore *semaphore);

/**
 * How many wait to take some. Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD.
 * Never switches.
 */
int copas_semaphore_waiting(struct copas_semaphore *semaphore);

/**
 * Destroys the semaphore: its handle is stale, and those that wait get COPAS_DESTROYED. Who was
 * granted its own before has it.
 * Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_semaphore_destroy(struct copas_semaphore *semaphore);

/**
 * Makes an empty queue of at most `most` items (0: no limit). `timeout` is the time limit in seconds
 * of pops and pushes that name none; NAN: 10. `item_free` may be NULL; else it is called for each
 * item that is left in the queue when it is destroyed.
 * Errors: COPAS_INVALID (also when `out` is NULL), COPAS_LIMIT, COPAS_STALE, COPAS_WRONG_THREAD.
 * Never switches.
 */
copas_status copas_queue_new(struct copas *c,
                             size_t most,
                             double timeout,
                             copas_free_fn item_free,
                             struct copas_queue **out);

/**
 * Appends an item, which may be NULL, waiting for at most `timeout` seconds (NAN: the queue's own
 * limit; 0: not at all) while the queue is full. Those that wait come in their order. On an error
 * the item stays the caller's; afterwards it belongs to the queue, then to whoever pops it. With a
 * `timeout` of 0 it may be called in callbacks.
 *
 * Errors: COPAS_TIMEOUT (full); COPAS_CANCELED; COPAS_STOPPED; COPAS_DESTROYED (meanwhile);
 * COPAS_CANNOT_WAIT; COPAS_INVALID; COPAS_STALE; COPAS_WRONG_THREAD. Switch point, also where there is
 * room; in a queue without a limit it never switches, and may be called in callbacks.
 */
COPAS_MUST_USE
copas_status copas_queue_push(struct copas_queue *queue,
                              void *item,
                              double timeout);

/**
 * Takes the oldest item, waiting for at most `timeout` seconds (NAN: the queue's own limit; 0: not
 * at all) until there is one. Those that wait come in their order. The item belongs to the caller.
 * With a `timeout` of 0 it may be called in callbacks.
 *
 * Errors: COPAS_TIMEOUT (empty); COPAS_CANCELED; COPAS_STOPPED (and empty); COPAS_DESTROYED
 * (meanwhile); COPAS_CANNOT_WAIT; COPAS_INVALID (also when `item` is NULL); COPAS_STALE;
 * COPAS_WRONG_THREAD. Switch point, also where there is an item.
 */
COPAS_MUST_USE copas_status copas_queue_pop(struct copas_queue *queue, double timeout, void **item);

/**
 * How many items are in the queue (at most 2,147,483,647 are told). Errors: COPAS_INVALID,
 * COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
int copas_queue_size(struct copas_queue *queue);

/**
 * Starts a coroutine that calls `fn(item, user)` for one item after the other, until the queue is
 * stopped and empty, or destroyed, or the coroutine is canceled. `out` may be NULL; else it gets the
 * coroutine's handle. An idle worker does not keep the loop alive. A worker goes on after the end of a
 * deadline (see copas_begindeadline()) in which it was added, and is not limited by it.
 * Errors: as copas_addthread(). Never switches.
 */
copas_status copas_queue_addworker(struct copas_queue *queue,
                                   copas_worker_fn fn,
                                   void *user,
                                   struct copas_thread **out);

/**
 * copas_queue_addworker() with options; `options` may be NULL and is copied. `options->user_free` is
 * called exactly once, when the worker has ended, also when this call fails. Errors: as
 * copas_queue_addworker(); COPAS_INVALID also for a bad size or stack size, or any flag. Never switches.
 */
copas_status copas_queue_addworker_with(struct copas_queue *queue,
                                        copas_worker_fn fn,
                                        const struct copas_thread_options *options,
                                        struct copas_thread **out);

/**
 * Takes no further items: pushes answer COPAS_STOPPED, pops too once the queue is empty. May be
 * called twice. Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_queue_stop(struct copas_queue *queue);

/**
 * Stops the queue and waits, for at most `timeout` seconds (NAN: the queue's own limit), until it is
 * empty and its workers have ended. After COPAS_TIMEOUT it may be called again, or the queue
 * destroyed.
 *
 * Errors: COPAS_TIMEOUT; COPAS_CANCELED; COPAS_DESTROYED (meanwhile); COPAS_CANNOT_WAIT;
 * COPAS_INVALID (also in one of its workers); COPAS_STALE; COPAS_WRONG_THREAD. Switch point.
 */
copas_status copas_queue_finish(struct copas_queue *queue,
                                double timeout);

/**
 * Destroys the queue: its handle is stale, those that wait get COPAS_DESTROYED, its workers end, and
 * the items that are left go to the finalizer.
 * Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_queue_destroy(struct copas_queue *queue);

/**
 * Makes an empty mailbox of at most `most` items (at least 1). `item_free` may be NULL; else it is
 * called, on the OS thread that destroys the mailbox, for each item that is left in it then.
 * May be called from any OS thread. Errors: COPAS_INVALID (also when `most` is 0 or `out` NULL),
 * COPAS_LIMIT. Never switches.
 */
copas_status copas_mailbox_new(size_t most, copas_free_fn item_free, struct copas_mailbox **out);

/**
 * Puts an item, which may be NULL, into the mailbox, waiting for at most `timeout` seconds (0: not at
 * all) while it is full. Those that wait come in their order, whichever their dispatchers. On an
 * error the item stays the caller's; afterwards it belongs to the mailbox, then to whoever takes it.
 * What the caller did before is seen by whoever takes it.
 *
 * A coroutine of any dispatcher may wait, and its wait keeps its loop alive. With a `timeout` of 0 it
 * may be called from any OS thread, also one without a dispatcher, and in callbacks; not in a signal
 * handler. The root stack waits with copas_select().
 *
 * Errors: COPAS_TIMEOUT (full); COPAS_CANCELED; COPAS_STOPPED; COPAS_DESTROYED (meanwhile);
 * COPAS_CANNOT_WAIT; COPAS_INVALID (also when `timeout` is NAN); COPAS_STALE; COPAS_FORKED.
 * Switch point in a coroutine, also where there is room.
 */
COPAS_MUST_USE
copas_status copas_mailbox_put(struct copas_mailbox *mailbox,
                               void *item,
                               double timeout);

/**
 * Takes the oldest item, waiting for at most `timeout` seconds (0: not at all) until there is one.
 * Those that wait come in their order, whichever their dispatchers. The item belongs to the caller.
 * Who may wait: as copas_mailbox_put().
 *
 * Errors: COPAS_TIMEOUT (empty); COPAS_CANCELED; COPAS_STOPPED (and empty); COPAS_DESTROYED
 * (meanwhile); COPAS_CANNOT_WAIT; COPAS_INVALID (also when `item` is NULL or `timeout` NAN);
 * COPAS_STALE; COPAS_FORKED. Switch point in a coroutine, also where there is an item.
 */
COPAS_MUST_USE
copas_status copas_mailbox_take(struct copas_mailbox *mailbox,
                                double timeout,
                                void **item);

/**
 * How many items are in the mailbox (at most 2,147,483,647 are told); others may change it at any
 * time. May be called from any OS thread. Errors: COPAS_INVALID, COPAS_STALE, COPAS_FORKED.
 * Never switches.
 */
int copas_mailbox_size(struct copas_mailbox *mailbox);

/**
 * Takes no further items: puts answer COPAS_STOPPED, takes too once the mailbox is empty. May be
 * called twice, and from any OS thread. Errors: COPAS_INVALID, COPAS_STALE, COPAS_FORKED.
 * Never switches.
 */
copas_status copas_mailbox_stop(struct copas_mailbox *mailbox);

/**
 * Destroys the mailbox: its handle is stale, those that wait get COPAS_DESTROYED, and the items that
 * are left go to the finalizer. May be called from any OS thread, also while others use it: of two
 * calls one answers COPAS_STALE. No dispatcher destroys a mailbox by itself.
 * Errors: COPAS_INVALID, COPAS_STALE, COPAS_FORKED. Never switches.
 */
copas_status copas_mailbox_destroy(struct copas_mailbox *mailbox);

/**
 * Starts a coroutine that runs `fn(user)`, whose result many may get. `result_free` may be NULL; else
 * it is called once with the result, when the future is destroyed (or right away if it was before).
 * Errors: as copas_addthread(), COPAS_INVALID also when `out` is NULL. Never switches.
 */
copas_status copas_future_addthread(struct copas *c,
                                    copas_future_fn fn,
                                    void *user,
                                    copas_free_fn result_free,
                                    struct copas_future **out);

/**
 * copas_future_addthread() with options; `options` may be NULL and is copied. `options->user_free` is
 * called exactly once, when the function has returned or will not run, also when this call fails.
 * Errors: as copas_future_addthread(); COPAS_INVALID also for a bad size or stack size, or any flag.
 * Never switches.
 */
copas_status copas_future_addthread_with(struct copas *c,
                                         copas_future_fn fn,
                                         const struct copas_thread_options *options,
                                         copas_free_fn result_free,
                                         struct copas_future **out);

/**
 * Waits for the result, for at most `timeout` seconds (COPAS_FOREVER: no limit). `*result` belongs
 * to the future; it is valid until that is destroyed.
 *
 * Errors: COPAS_TIMEOUT; COPAS_FAILED (its coroutine called copas_fail(), or was canceled before it
 * ran); COPAS_CANCELED (the caller was canceled); COPAS_DESTROYED (meanwhile); COPAS_CANNOT_WAIT;
 * COPAS_INVALID (also in its own coroutine, when `result` is NULL, or for NAN); COPAS_STALE;
 * COPAS_WRONG_THREAD. Switch point.
 */
COPAS_MUST_USE
copas_status copas_future_get(struct copas_future *future,
                              double timeout,
                              void **result);

/**
 * The result, if it is there: copas_future_get() that does not wait, and may be called in callbacks.
 * Errors: COPAS_TIMEOUT (not yet), COPAS_FAILED, COPAS_INVALID (also when `result` is NULL),
 * COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
COPAS_MUST_USE
copas_status copas_future_try(struct copas_future *future,
                              void **result);

/**
 * Cancels the coroutine that works on the result; what it returns is the result all the same.
 * Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_future_cancel(struct copas_future *future);

/**
 * Destroys the future: its handle is stale, its coroutine is canceled if it still works, those that
 * wait get COPAS_DESTROYED, and the result goes to its finalizer.
 * Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_future_destroy(struct copas_future *future);

/**
 * Begins a scope of the calling coroutine (or of the root stack) that ends in `seconds`: every
 * waiting call inside answers COPAS_TIMEOUT then at the latest, whatever its own limit says. Scopes
 * nest, and the nearest end counts; coroutines that the caller starts inside inherit it, those of
 * timers and connections do not. What copas_offload() and copas_group_close() wait for they wait for
 * all the same. COPAS_FOREVER sets no limit of its own. End it with copas_enddeadline(); one that a
 * callback begins ends with its step.
 * Errors: COPAS_INVALID (also for NAN), COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_begindeadline(struct copas *c,
                                 double seconds);

/**
 * Ends the innermost scope that the caller has begun. 1: its time had passed. 0: it had not.
 * Errors: COPAS_INVALID (also when there is none; an inherited end stays), COPAS_STALE,
 * COPAS_WRONG_THREAD. Never switches.
 */
int copas_enddeadline(struct copas *c);

/**
 * Sets the calling coroutine's alarm: unless it ends before, `fn(thread, user)` is called in
 * `seconds` on the root stack, where it may cancel it (copas_removethread()) or close what it waits
 * on, but not wait itself. A second call sets it anew; a negative number of seconds (COPAS_FOREVER)
 * takes it away, and `fn` may be NULL then. `user` must live until the alarm has rung, is set anew or
 * taken away, or the coroutine has ended: then it is used no more.
 * Errors: COPAS_INVALID (also outside of a coroutine, for NAN, or when `fn` is NULL), COPAS_LIMIT,
 * COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_timeout(struct copas *c,
                           double seconds,
                           copas_timeout_fn fn,
                           void *user);

/**
 * Has `fn(c, number, user)` called on the root stack, in the step after the process got signal
 * `number` (of <signal.h>); several deliveries may become one call. This installs a handler for the
 * whole process until copas_free(), or until `fn` is NULL; then the signal is handled as before. A
 * signal belongs to one dispatcher. It does not keep the loop alive. `user` must live until then, or until
 * another function is set for the signal.
 *
 * Errors: COPAS_BUSY (another dispatcher has the signal), COPAS_INVALID (also for a number that is no
 * signal, or one that cannot be caught; or when `fn` is NULL and the signal is not this
 * dispatcher's), COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_on_signal(struct copas *c,
                             int number,
                             copas_signal_fn fn,
                             void *user);

/**
 * Waits, for at most `timeout` seconds, until the first of `count` (1 to 65,536) choices is there, and
 * gives its place (from 0). Of several that are there each call prefers another one. Its `status`
 * tells how it ended and `item` what a queue gave; the other choices have taken nothing. A choice
 * that is wrong (COPAS_STALE, COPAS_INVALID, COPAS_BUSY …) is there at once with that status; so is one
 * by which the caller would wait for itself (its own end, result or group: COPAS_INVALID). With a
 * `timeout` of 0 the kernel is asked once.
 *
 * Errors: COPAS_TIMEOUT; COPAS_CANCELED; COPAS_CANNOT_WAIT; COPAS_INVALID (also when `choices` is
 * NULL, `count` out of range, or NAN); COPAS_STALE; COPAS_WRONG_THREAD. Switch point.
 */
COPAS_MUST_USE
int copas_select(struct copas *c,
                 struct copas_choice *choices,
                 int count,
                 double timeout);

/**
 * Makes an empty group. `flags` is 0, or COPAS_CANCEL_ON_FAILURE: the first coroutine in it that
 * fails (see copas_fail()) cancels the others. Errors: COPAS_INVALID (also for an unknown flag, or
 * when `out` is NULL), COPAS_LIMIT, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_group_new(struct copas *c, uint64_t flags, struct copas_group **out);

/**
 * Starts a coroutine in the group, as copas_addthread() does. `out` may be NULL.
 * Errors: as copas_addthread(); COPAS_STOPPED (the group is being closed, or has failed and was made
 * with COPAS_CANCEL_ON_FAILURE). Never switches.
 */
copas_status copas_group_addthread(struct copas_group *group,
                                   copas_thread_fn fn,
                                   void *user,
                                   struct copas_thread **out);

/**
 * copas_group_addthread() with options; `options` may be NULL and is copied. `options->user_free` is
 * called exactly once, also when this call fails. Errors: as copas_group_addthread(); COPAS_INVALID also
 * for a bad size or stack size, or any flag. Never switches.
 */
copas_status copas_group_addthread_with(struct copas_group *group,
                                        copas_thread_fn fn,
                                        const struct copas_thread_options *options,
                                        struct copas_thread **out);

/**
 * Waits, for at most `timeout` seconds, until all coroutines of the group have ended. Then COPAS_OK,
 * or the status of the first that failed; copas_error() has its text then, and the status COPAS_FAILED,
 * which tells it from the errors of the wait itself.
 *
 * Errors: COPAS_TIMEOUT; COPAS_CANCELED; COPAS_CANNOT_WAIT; COPAS_INVALID (also for NAN, in a coroutine
 * of the group, or in one of another group that one of these has started and has not outlived);
 * COPAS_STALE; COPAS_WRONG_THREAD. Switch point.
 */
int copas_group_wait(struct copas_group *group,
                     double timeout);

/**
 * Cancels all coroutines of the group. Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD.
 * Never switches.
 */
copas_status copas_group_cancel(struct copas_group *group);

/**
 * Cancels all coroutines of the group, waits until they have ended, and destroys it: its handle is
 * stale. It really waits, also when the caller is canceled. Then COPAS_OK, or the status of the first
 * that failed; copas_error() tells as after copas_group_wait().
 *
 * Errors: COPAS_CANCELED (the caller was canceled; the group is closed all the same);
 * COPAS_CANNOT_WAIT; COPAS_INVALID (also inside the group, as for copas_group_wait()); COPAS_STALE;
 * COPAS_WRONG_THREAD. Switch point.
 */
int copas_group_close(struct copas_group *group);

/**
 * Runs `fn(user)`, which may block, on an OS thread of a small pool (at most 4 for the process beside
 * those of names, started when needed, with all signals blocked) while only the caller waits. It may not call this
 * library but for copas_post() and its like. There is no time limit: the call really waits until `fn`
 * has returned, also when the caller is canceled meanwhile. It keeps the loop alive.
 *
 * Errors: COPAS_CANCELED (before: `fn` did not run; meanwhile: it did); COPAS_CANNOT_WAIT;
 * COPAS_INVALID (also when `fn` is NULL); COPAS_SYSTEM (no OS thread to be had); COPAS_STALE;
 * COPAS_WRONG_THREAD. Switch point.
 */
copas_status copas_offload(struct copas *c,
                           copas_thread_fn fn,
                           void *user);

/**
 * Resolves a name to its addresses, best first, within `timeout` seconds, without blocking anybody
 * else: by getaddrinfo(3) on one of at most 4 OS threads that the process has for names. `*count` gets
 * how many there are; at most `max` of them are written to `addresses`, with the port 0. A numeric
 * address is its own. Answers are kept; see copas_setresolver(). A lookup whose callers have all left
 * (their time passed, they were canceled) goes on if it has begun, and its answer is kept; one that
 * still waits for its turn is skipped.
 *
 * Errors: COPAS_UNRESOLVED (copas_error() has the resolver's words); COPAS_TIMEOUT; COPAS_CANCELED;
 * COPAS_CANNOT_WAIT; COPAS_INVALID (also when `host` or `count` is NULL, or `addresses` is and `max` is
 * not 0; or NAN); COPAS_SYSTEM; COPAS_STALE; COPAS_WRONG_THREAD. Switch point.
 */
COPAS_MUST_USE
copas_status copas_resolve(struct copas *c,
                           const char *host,
                           double timeout,
                           struct copas_address *addresses,
                           size_t max,
                           size_t *count);

/**
 * Sets how many names' answers are kept (at first 256; 0: none), and for how many seconds (at first
 * 30; failures are kept for at most 1). What is kept is forgotten.
 * Errors: COPAS_INVALID (also when `seconds` is negative or NAN), COPAS_STALE, COPAS_WRONG_THREAD.
 * Never switches.
 */
copas_status copas_setresolver(struct copas *c, size_t names, double seconds);

/**
 * Waits, for at most `timeout` seconds, until a descriptor that stays the caller's (of libpq, libcurl
 * and the like) can be read or written: `events` is COPAS_READABLE, COPAS_WRITABLE or both. Gives
 * which of them it is; an end or an error counts as both. Level-triggered: what is there already
 * ends the wait at once. The descriptor's flags are not changed; it must stay open meanwhile.
 *
 * Errors: COPAS_TIMEOUT; COPAS_CANCELED; COPAS_BUSY (somebody waits on it already, or it is a socket
 * of this dispatcher); COPAS_CANNOT_WAIT; COPAS_INVALID (also for other `events`, NAN, a descriptor
 * that is not open, a file or folder); COPAS_SYSTEM; COPAS_STALE; COPAS_WRONG_THREAD. Switch point.
 */
COPAS_MUST_USE
int copas_wait_fd(struct copas *c,
                  int fd,
                  int events,
                  double timeout);

/**
 * Fills `stats` with what the dispatcher has to do at this moment, and with what its steps have cost
 * since copas_setstatistics(). Set `stats->size` first. Looks at every coroutine and socket.
 * Errors: COPAS_INVALID (also when `stats` is NULL or its size is too small), COPAS_STALE,
 * COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_stats(struct copas *c,
                         struct copas_dispatcher_stats *stats);

/**
 * Switches the measuring of steps on, from zero (not 0), or off (0, as at first). While it is on a
 * step reads the clock twice. Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_setstatistics(struct copas *c,
                                 int on);

/**
 * Cancels every coroutine but the caller, as copas_removethread() does, and every submitted
 * operation: for tests that want to begin anew. Servers and timers stay.
 * Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_cancelall(struct copas *c);

/**
 * Tells how many bytes of its stack a coroutine has used at most, in whole pages (`used`), of how many
 * (`size`); each may be NULL. The kernel's page map tells which pages were touched.
 *
 * Stacks are used again, with the pages of those that ran there before. So it is exact with
 * COPAS_STACK_MARKS, which gives them back; else it is the most that any coroutine has used on this stack
 * since its pages were given back last. copas_thread_options.stack_size has room for a mark and what comes
 * deeper in rare cases; see docs/stacks.md.
 *
 * Errors: COPAS_STALE (it has ended), COPAS_UNSUPPORTED (it runs on an OS thread), COPAS_SYSTEM (there is
 * no /proc), COPAS_INVALID, COPAS_WRONG_THREAD. Never switches.
 */
copas_status copas_thread_stack_used(struct copas_thread *thread,
                                     size_t *used,
                                     size_t *size);

/**
 * Fills `marks` with at most `n` names and how much of their stacks the coroutines of each have used at
 * most, those that run included, the deepest first; the answer is how many names there are. For a
 * dispatcher that was made with COPAS_STACK_MARKS. After 1,024 names new ones count as "(others)".
 * Looks at every coroutine, by a system call each.
 *
 * Errors: COPAS_INVALID (also without COPAS_STACK_MARKS, when `n` is negative, or `marks` is NULL and `n`
 * is not 0), COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
 */
int copas_stack_marks(struct copas *c,
                      struct copas_stack_mark *marks,
                      int n);

/**
 * From now on a coroutine that overflows its stack is told in a line on stderr, with its name and the size
 * of its stack. Then the process ends by SIGSEGV, where the overflow happened, or what handled that signal
 * before is called, as for every other fault. Not told are frames larger than the guard of 256 KiB (compile
 * with -fstack-clash-protection) and the stacks of OS threads.
 *
 * It handles SIGSEGV for the whole process: for programs without a runtime that does so, and before
 * anything else takes that signal. The handler has a stack of its own on the calling OS thread and on each
 * one that runs a dispatcher afterwards. Calling it again is COPAS_OK.
 * Errors: COPAS_SYSTEM, COPAS_NO_MEMORY. May be called from any OS thread. Never switches.
 */
copas_status copas_install_overflow_handler(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* COPAS_H */
