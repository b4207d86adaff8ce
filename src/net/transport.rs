// SPDX-License-Identifier: MIT
//! What a socket's bytes go through: the seam between the socket and the kernel.

use crate::sys::descriptor::Nature;
use crate::sys::stream;
use std::io;
use std::os::fd::BorrowedFd;

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
            (Transport::Socket, one, []) | (Transport::Socket, [], one) => stream::send(fd, one),
            (Transport::Socket, ..) => stream::send_two(fd, first, second),
            (Transport::Pipe, [], one) | (Transport::Pipe, one, _) => stream::write(fd, one),
        }
    }

    /// Whether a read that gives less than it could means that there is no more now.
    pub fn short_read_is_all(self) -> bool {
        self == Transport::Socket
    }
}
