// SPDX-License-Identifier: MIT
//! One hostile connection.

use crate::opener;
use socket2::Socket;
use std::io::{self, ErrorKind, Read, Write};
use std::time::Instant;

/// What a connection does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Something at this time.
    At(Instant),
    /// Something when the kernel takes bytes, or gives some.
    Ready,
    /// It leaves: with an end of the stream, or with a reset.
    Leave,
    Reset,
}

pub struct Member {
    pub number: u64,
    pub socket: Socket,
    /// When the connection stood.
    pub connected: Option<Instant>,
    /// When its next act is due.
    pub due: Option<Instant>,
    pub sent: u64,
    pub received: u64,
    /// When the first byte of a reply came.
    pub replied: Option<Instant>,
    /// The server has sent what it should not have sent.
    pub wrong: bool,
    /// Since when the kernel has taken nothing more.
    pub stuck: Option<Instant>,
}

impl Member {
    pub fn new(number: u64, socket: Socket) -> Member {
        Member {
            number,
            socket,
            connected: None,
            due: None,
            sent: 0,
            received: 0,
            replied: None,
            wrong: false,
            stuck: None,
        }
    }

    /// Sends what the kernel takes of `bytes`; tells how many.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match (&self.socket).write(bytes) {
            Ok(n) => {
                self.sent += n as u64;
                self.stuck = None;
                Ok(n)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.stuck.get_or_insert_with(Instant::now);
                Ok(0)
            }
            Err(error) => Err(error),
        }
    }

    /// Takes what is there into `memory`; tells how many bytes. The end of the stream is an error.
    pub fn receive(&mut self, memory: &mut [u8]) -> io::Result<usize> {
        match (&self.socket).read(memory) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                self.received += n as u64;
                self.replied.get_or_insert_with(Instant::now);
                Ok(n)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error),
        }
    }

    pub fn reset(&self) {
        opener::reset_at_close(&self.socket);
    }
}

/// How hostile connections behave.
pub trait Habit: Send {
    /// False for those who do not wait until their connection stands.
    fn needs_connection(&self) -> bool {
        true
    }

    /// What a connection does when it stands, when its time has come, and when it is ready. An error is
    /// the server's end of it.
    fn act(&mut self, member: &mut Member, now: Instant) -> io::Result<Next>;
}
