// SPDX-License-Identifier: MIT
//! Which system calls fail, and how.

/// Kinds of failures, each a bit.
pub mod kind {
    /// Streams: a call moves fewer bytes than it could.
    pub const SHORT: u32 = 1;
    /// EINTR.
    pub const INTERRUPT: u32 = 2;
    /// EAGAIN although something is there, at times many in a row.
    pub const AGAIN: u32 = 4;
    /// A connection breaks: ECONNRESET, EPIPE, ECONNREFUSED.
    pub const RESET: u32 = 8;
    /// ENOMEM, ENOBUFS.
    pub const MEMORY: u32 = 16;
    /// EMFILE, ENFILE; ENOSPC of epoll.
    pub const DESCRIPTORS: u32 = 32;
    /// mmap(2), madvise(2) and mprotect(2) fail.
    pub const MAPS: u32 = 64;
    /// No OS thread can be started.
    pub const THREADS: u32 = 128;

    /// How many there are.
    pub const COUNT: usize = 8;
    /// All of them.
    pub const ALL: u32 = (1 << COUNT) - 1;
    /// Those that a program never sees.
    pub const BENIGN: u32 = SHORT | INTERRUPT | AGAIN;
    /// Those that it is told of.
    pub const ERRORS: u32 = ALL & !BENIGN;

    /// What they are called.
    pub const NAMES: [(&str, u32); COUNT + 3] = [
        ("short", SHORT),
        ("eintr", INTERRUPT),
        ("eagain", AGAIN),
        ("reset", RESET),
        ("memory", MEMORY),
        ("descriptors", DESCRIPTORS),
        ("maps", MAPS),
        ("threads", THREADS),
        ("benign", BENIGN),
        ("errors", ERRORS),
        ("all", ALL),
    ];
}

/// A system call that may fail.
#[derive(Clone, Copy)]
pub enum Call {
    /// recv(2), read(2).
    Read,
    /// send(2), sendmsg(2), write(2).
    Write,
    /// recvfrom(2).
    ReceiveFrom,
    /// sendto(2).
    SendTo,
    /// accept4(2).
    Accept,
    /// socket(2).
    Socket,
    /// connect(2) of a TCP socket.
    Connect,
    /// connect(2) of a Unix socket.
    ConnectUnix,
    /// The outcome of a connect(2) that has begun.
    Connected,
    /// bind(2), listen(2), setsockopt(2).
    Setting,
    /// epoll_create1(2), eventfd(2), timerfd_create(2).
    Descriptor,
    /// epoll_ctl(2).
    Watch,
    /// epoll_wait(2) that may wait, poll(2).
    Wait,
    /// open(2), unlink(2).
    File,
    /// getaddrinfo(3).
    Lookup,
    /// mmap(2), madvise(2), mprotect(2).
    Map,
    /// pthread_create(3).
    Start,
}

/// The ways in which a call may fail: the kind, and the errno.
type Ways = &'static [(u32, i32)];

impl Call {
    /// How it may fail.
    pub(super) fn ways(self) -> Ways {
        match self {
            Call::Read => READ,
            Call::Write => WRITE,
            Call::ReceiveFrom => RECEIVE_FROM,
            Call::SendTo => SEND_TO,
            Call::Accept => ACCEPT,
            Call::Socket => SOCKET,
            Call::Connect => CONNECT,
            Call::ConnectUnix => CONNECT_UNIX,
            Call::Connected => &[(kind::RESET, libc::ECONNREFUSED)],
            Call::Setting => &[(kind::MEMORY, libc::ENOBUFS)],
            Call::Descriptor => DESCRIPTOR,
            Call::Watch => WATCH,
            Call::Wait => &[(kind::INTERRUPT, libc::EINTR)],
            Call::File => FILE,
            Call::Lookup => &[(kind::MEMORY, libc::ENOMEM)],
            Call::Map => &[(kind::MAPS, libc::ENOMEM)],
            Call::Start => &[(kind::THREADS, libc::EAGAIN)],
        }
    }
}

const READ: Ways = &[
    (kind::INTERRUPT, libc::EINTR),
    (kind::AGAIN, libc::EAGAIN),
    (kind::RESET, libc::ECONNRESET),
    (kind::MEMORY, libc::ENOMEM),
];
const WRITE: Ways = &[
    (kind::INTERRUPT, libc::EINTR),
    (kind::AGAIN, libc::EAGAIN),
    (kind::RESET, libc::ECONNRESET),
    (kind::RESET, libc::EPIPE),
    (kind::MEMORY, libc::ENOBUFS),
];
const RECEIVE_FROM: Ways = &[
    (kind::INTERRUPT, libc::EINTR),
    (kind::AGAIN, libc::EAGAIN),
    (kind::RESET, libc::ECONNREFUSED),
    (kind::MEMORY, libc::ENOMEM),
];
const SEND_TO: Ways = &[
    (kind::INTERRUPT, libc::EINTR),
    (kind::AGAIN, libc::EAGAIN),
    (kind::RESET, libc::ECONNREFUSED),
    (kind::MEMORY, libc::ENOBUFS),
];
const ACCEPT: Ways = &[
    (kind::INTERRUPT, libc::EINTR),
    (kind::AGAIN, libc::EAGAIN),
    (kind::RESET, libc::ECONNABORTED),
    (kind::MEMORY, libc::ENOMEM),
    (kind::DESCRIPTORS, libc::EMFILE),
    (kind::DESCRIPTORS, libc::ENFILE),
];
const SOCKET: Ways = &[
    (kind::DESCRIPTORS, libc::EMFILE),
    (kind::DESCRIPTORS, libc::ENFILE),
    (kind::MEMORY, libc::ENOBUFS),
];
const CONNECT: Ways = &[
    (kind::RESET, libc::ECONNREFUSED),
    (kind::MEMORY, libc::ENOBUFS),
];
const CONNECT_UNIX: Ways = &[
    (kind::AGAIN, libc::EAGAIN),
    (kind::RESET, libc::ECONNREFUSED),
    (kind::MEMORY, libc::ENOMEM),
];
const DESCRIPTOR: Ways = &[
    (kind::DESCRIPTORS, libc::EMFILE),
    (kind::DESCRIPTORS, libc::ENFILE),
    (kind::MEMORY, libc::ENOMEM),
];
const WATCH: Ways = &[
    (kind::MEMORY, libc::ENOMEM),
    (kind::DESCRIPTORS, libc::ENOSPC),
];
const FILE: Ways = &[
    (kind::DESCRIPTORS, libc::EMFILE),
    (kind::MEMORY, libc::ENOMEM),
];
