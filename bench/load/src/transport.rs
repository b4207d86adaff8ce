// SPDX-License-Identifier: MIT
//! What a connection's bytes go through: a TCP socket as it is, or TLS over it.

use crate::options::Options;
use crate::tls::{Encrypted, Encryption};
use socket2::Socket;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;

/// What connections are opened to.
pub struct Target {
    pub port: u16,
    /// None: in clear.
    encryption: Option<Rc<Encryption>>,
}

impl Target {
    pub fn of(options: &Options) -> Target {
        Target {
            port: options.port,
            encryption: options.is_encrypted.then(|| Rc::new(Encryption::new())),
        }
    }

    pub fn transport(&self, socket: Socket) -> io::Result<Transport> {
        Ok(match &self.encryption {
            None => Transport::Tcp(socket),
            Some(encryption) => Transport::Tls(Box::new(Encrypted::new(socket, encryption)?)),
        })
    }
}

pub enum Transport {
    Tcp(Socket),
    Tls(Box<Encrypted>),
}

impl Transport {
    pub fn descriptor(&self) -> RawFd {
        match self {
            Transport::Tcp(socket) => socket.as_raw_fd(),
            Transport::Tls(encrypted) => encrypted.socket.as_raw_fd(),
        }
    }

    /// Whether something waits for the kernel that is not the connection's own.
    pub fn owes(&self) -> bool {
        match self {
            Transport::Tcp(_) => false,
            Transport::Tls(encrypted) => encrypted.owes(),
        }
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Transport::Tcp(socket) => socket.write(bytes),
            Transport::Tls(encrypted) => encrypted.write(bytes),
        }
    }

    /// 0 is the end.
    pub fn read(&mut self, memory: &mut [u8]) -> io::Result<usize> {
        match self {
            Transport::Tcp(socket) => socket.read(memory),
            Transport::Tls(encrypted) => encrypted.read(memory),
        }
    }

    /// Whether a read of `n` bytes into so much memory has emptied the socket; then more bytes are
    /// another event.
    pub fn is_empty_after(&self, n: usize, memory: usize) -> bool {
        matches!(self, Transport::Tcp(_)) && n < memory
    }

    /// Says that nothing more will be sent.
    pub fn end(&mut self) -> io::Result<()> {
        match self {
            Transport::Tcp(socket) => socket.shutdown(Shutdown::Write),
            Transport::Tls(encrypted) => match encrypted.end() {
                // The kernel holds a little more than an alert.
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
                ended => ended,
            },
        }
    }
}
