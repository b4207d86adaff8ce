// SPDX-License-Identifier: MIT
//! What a socket's bytes go through: the seam between the socket and the kernel.

use super::marks::Mark;
use super::socket::Socket as Owner;
use crate::dispatcher::{Dispatcher, Readiness};
use crate::status::Fault;
use crate::sys::descriptor::Nature;
use crate::sys::stream;
use std::io;
use std::os::fd::BorrowedFd;
use std::rc::Rc;

/// How bytes reach the kernel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A stream socket.
    Socket,
    /// One end of a pipe.
    Pipe,
}

impl Transport {
    /// The transport of a kind of descriptor.
    pub fn of(nature: Nature) -> Self {
        match nature {
            Nature::PipeReader | Nature::PipeWriter => Transport::Pipe,
            _ => Transport::Socket,
        }
    }

    /// Reads into `memory`; 0 is the end of the stream.
    pub fn read(self, fd: BorrowedFd<'_>, memory: &mut [u8]) -> io::Result<usize> {
        match self {
            Transport::Socket => stream::receive(fd, memory),
            Transport::Pipe => stream::read(fd, memory),
        }
    }

    /// Writes `first`, then `second`, as far as the kernel takes them.
    pub fn write(self, fd: BorrowedFd<'_>, first: &[u8], second: &[u8]) -> io::Result<usize> {
        match (self, first, second) {
            (_, one, []) | (_, [], one) => self.write_one(fd, one),
            (Transport::Socket, ..) => stream::send_two(fd, first, second),
            (Transport::Pipe, ..) => self.write_one(fd, first),
        }
    }

    /// Writes `data` as far as the kernel takes it.
    #[inline]
    pub fn write_one(self, fd: BorrowedFd<'_>, data: &[u8]) -> io::Result<usize> {
        match self {
            Transport::Socket => stream::send(fd, data),
            Transport::Pipe => stream::write(fd, data),
        }
    }

    /// Whether a read that gives less than it could means that there is no more now.
    pub fn short_read_is_all(self) -> bool {
        self == Transport::Socket
    }
}

impl Owner {
    /// The kernel reports on an encrypted connection.
    #[cold]
    pub(super) fn note_ready(self: &Rc<Self>, d: &Dispatcher, readiness: Readiness) {
        let Some(session) = self.tls.get() else {
            return;
        };
        if readiness.readable {
            session.note_readable();
        }
        if session.is_arriving() {
            // In its turn: a handshake computes for long.
            d.wake(self.handle);
        }
        if self.marks.has(Mark::Closed) && self.unsent() == 0 {
            self.finish_output(d);
        }
    }

    /// Reads into `memory`, which has room; 0 is the end of the stream.
    #[inline]
    pub(super) fn read_bytes(&self, memory: &mut [u8]) -> io::Result<usize> {
        match self.tls.get() {
            None => self.with_fd(|fd| self.transport.read(fd, memory)),
            Some(session) => session.read(self, memory),
        }
    }

    /// Writes `first`, then `second`, as far as they are taken.
    #[inline]
    pub(super) fn write_bytes(&self, first: &[u8], second: &[u8]) -> io::Result<usize> {
        match self.tls.get() {
            None => self.with_fd(|fd| self.transport.write(fd, first, second)),
            Some(session) => session.write(self, first, second),
        }
    }

    /// Whether a read that gave less than it could has taken all that there is now.
    #[inline]
    pub(super) fn short_read_is_all(&self) -> bool {
        match self.tls.get() {
            None => self.transport.short_read_is_all(),
            Some(session) => session.is_dry(),
        }
    }

    /// How many bytes wait between the output and the kernel.
    #[inline]
    pub(super) fn sealed(&self) -> usize {
        self.tls.get().map_or(0, |session| session.unsent())
    }

    /// Whether sending goes on after a read that failed.
    #[cold]
    pub(super) fn may_send_on(&self) -> bool {
        self.tls.get().is_some_and(|session| session.may_send_on())
    }

    /// The fault of a connection that broke with an errno.
    #[cold]
    pub(super) fn broken(&self, errno: i32) -> Fault {
        if let Some(cause) = self.cut_by() {
            return cause.fault();
        }
        let failure = self.tls.get().and_then(|session| session.failure());
        failure.unwrap_or_else(|| Fault::errno(errno))
    }

    /// The fault of a receive for which nothing more will come, since a write has failed with an errno.
    #[cold]
    pub(super) fn cut_off(&self, errno: i32) -> Fault {
        if let Some(session) = self.tls.get() {
            session.note_broken(errno);
        }
        self.broken(errno)
    }
}
