// SPDX-License-Identifier: MIT
//! Writes the C header of the exports to OUT_DIR (include/copas.h is its committed copy, and a test
//! compares the two) and names the shared library's ABI.

use std::{env, fmt::Write, fs, path::PathBuf};

/// The major ABI number of the shared library's SONAME: raised when a released function or struct
/// changes incompatibly.
const ABI: u32 = 0;

/// Everything of the header that is a constant: cbindgen would leave negative macros without
/// parentheses, and the statuses come from their one list.
const CONSTANTS: &str = r#"
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
"#;

/// Marks results that must be looked at, in each language that can say so.
const MUST_USE: &str = r#"
#if defined(__cplusplus) && __cplusplus >= 201703L
#define COPAS_MUST_USE [[nodiscard]]
#elif defined(__GNUC__)
#define COPAS_MUST_USE __attribute__((warn_unused_result))
#else
#define COPAS_MUST_USE
#endif
"#;

macro_rules! statuses {
    ($($name:ident = $code:literal, $text:literal;)*) => {
        const STATUSES: &[(&str, i32, &str)] = &[$((stringify!($name), $code, $text)),*];
    };
}
include!("src/status.list.rs");

fn main() {
    for file in [
        "build.rs",
        "cbindgen.toml",
        "src/capi",
        "src/status.list.rs",
    ] {
        println!("cargo::rerun-if-changed={file}");
    }
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libcopas.so.{ABI}");
    // OS threads of the pool may still run its code when a program closes the library (dlclose).
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("copas.h"), header()).expect("OUT_DIR is writable");
}

/// The text of copas.h.
fn header() -> String {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let mut config = cbindgen::Config::from_file("cbindgen.toml").expect("cbindgen.toml is valid");
    config.after_includes = Some(version() + CONSTANTS + &statuses() + MUST_USE);
    let mut text = Vec::new();
    cbindgen::Builder::new()
        .with_config(config)
        .with_src(format!("{root}/src/capi/types.rs"))
        .with_src(format!("{root}/src/capi/option_types.rs"))
        .with_src(format!("{root}/src/capi/tls_types.rs"))
        .with_src(format!("{root}/src/capi/status.rs"))
        .with_src(format!("{root}/src/capi/dispatcher.rs"))
        .with_src(format!("{root}/src/capi/fleet.rs"))
        .with_src(format!("{root}/src/capi/server.rs"))
        .with_src(format!("{root}/src/capi/armour.rs"))
        .with_src(format!("{root}/src/capi/thread.rs"))
        .with_src(format!("{root}/src/capi/bind.rs"))
        .with_src(format!("{root}/src/capi/socket.rs"))
        .with_src(format!("{root}/src/capi/stream.rs"))
        .with_src(format!("{root}/src/capi/tls.rs"))
        .with_src(format!("{root}/src/capi/datagram.rs"))
        .with_src(format!("{root}/src/capi/poll.rs"))
        .with_src(format!("{root}/src/capi/submit.rs"))
        .with_src(format!("{root}/src/capi/submit_open.rs"))
        .with_src(format!("{root}/src/capi/submit_wait.rs"))
        .with_src(format!("{root}/src/capi/timer.rs"))
        .with_src(format!("{root}/src/capi/lock.rs"))
        .with_src(format!("{root}/src/capi/semaphore.rs"))
        .with_src(format!("{root}/src/capi/queue.rs"))
        .with_src(format!("{root}/src/capi/mailbox.rs"))
        .with_src(format!("{root}/src/capi/future.rs"))
        .with_src(format!("{root}/src/capi/scope.rs"))
        .with_src(format!("{root}/src/capi/alarm.rs"))
        .with_src(format!("{root}/src/capi/select.rs"))
        .with_src(format!("{root}/src/capi/group.rs"))
        .with_src(format!("{root}/src/capi/offload.rs"))
        .with_src(format!("{root}/src/capi/watch.rs"))
        .with_src(format!("{root}/src/capi/stats.rs"))
        .with_src(format!("{root}/src/capi/stack.rs"))
        .generate()
        .expect("the exports can be written as C")
        .write(&mut text);
    String::from_utf8(text).expect("a header is text")
}

/// The version macros, from Cargo.toml.
fn version() -> String {
    let part = |name: &str| env::var(format!("CARGO_PKG_VERSION{name}")).expect("cargo sets it");
    format!(
        "\n/** The version of this header; copas_version() tells that of the library. */\n\
         #define COPAS_VERSION \"{}\"\n#define COPAS_VERSION_MAJOR {}\n\
         #define COPAS_VERSION_MINOR {}\n#define COPAS_VERSION_PATCH {}\n",
        part(""),
        part("_MAJOR"),
        part("_MINOR"),
        part("_PATCH")
    )
}

/// The C enum of the status codes, from the one list.
fn statuses() -> String {
    let mut text = String::from(
        "\n/** How a call ended: 0 is success, negative is an error. The numbers are stable. */\n\
         typedef enum copas_status {\n",
    );
    for (name, code, message) in STATUSES {
        let _ = writeln!(text, "  /** {message} */\n  COPAS_{name} = {code},");
    }
    text.truncate(text.len() - 2);
    text + "\n} copas_status;\n"
}
