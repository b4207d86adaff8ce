// SPDX-License-Identifier: MIT
//! Opening sockets, giving them addresses, and connecting them. All are non-blocking and closed on exec.

#[cfg(feature = "faults")]
use super::faults::{self, Call};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};
use std::io;
use std::os::fd::BorrowedFd;

/// Opens one (socket(2)).
pub fn open(domain: Domain, kind: Type) -> io::Result<Socket> {
    #[cfg(feature = "faults")]
    faults::check(Call::Socket)?;
    Socket::new_raw(domain, kind.nonblocking().cloexec(), None)
}

/// Gives it an address of this side (bind(2)).
pub fn bind(socket: &Socket, address: &SockAddr) -> io::Result<()> {
    #[cfg(feature = "faults")]
    faults::check(Call::Setting)?;
    socket.bind(address)
}

/// Has it take connections, of which so many may wait (listen(2)).
pub fn listen(socket: &Socket, backlog: i32) -> io::Result<()> {
    #[cfg(feature = "faults")]
    faults::check(Call::Setting)?;
    socket.listen(backlog)
}

/// Sets an option (setsockopt(2)).
pub fn set<R>(fd: BorrowedFd<'_>, set: impl FnOnce(SockRef<'_>) -> io::Result<R>) -> io::Result<R> {
    #[cfg(feature = "faults")]
    faults::check(Call::Setting)?;
    set(SockRef::from(&fd))
}

/// Connects it (connect(2)), or begins to: EINPROGRESS.
pub fn connect(socket: &Socket, address: &SockAddr) -> io::Result<()> {
    #[cfg(feature = "faults")]
    faults::check(match address.is_unix() {
        true => Call::ConnectUnix,
        false => Call::Connect,
    })?;
    socket.connect(address)
}

/// How an attempt that had begun has ended (SO_ERROR).
pub fn connected(fd: BorrowedFd<'_>) -> io::Result<()> {
    #[cfg(feature = "faults")]
    faults::check(Call::Connected)?;
    SockRef::from(&fd).take_error()?.map_or(Ok(()), Err)
}
