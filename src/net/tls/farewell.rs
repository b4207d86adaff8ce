// SPDX-License-Identifier: MIT
//! The end of a client that has only sent. The server's tickets (TLS 1.3) are then still to come, and the
//! kernel would answer them with a reset, which takes away what the server has not read yet. So its
//! descriptor waits for them after copas_close(), as for output that is to be written.

use super::session::{Session, scratch};
use crate::net::socket::Socket;
use crate::sys::stream;
use rustls::{Connection, ProtocolVersion};
use std::io;

/// Reads of what nobody wants any more, at most.
const MOST_READS: usize = 4;

impl Session {
    /// Whether a closed socket's peer is still to say something that must not be answered by a reset.
    pub fn awaits_word(&self, socket: &Socket) -> bool {
        self.skip(socket);
        let may_send_tickets = match &*self.connection.borrow() {
            Connection::Client(client) => {
                client.protocol_version() == Some(ProtocolVersion::TLSv1_3)
            }
            Connection::Server(_) => false,
        };
        may_send_tickets && self.is_ended() && !self.heard.get()
    }

    /// Takes from the kernel what nobody wants any more.
    pub(super) fn skip(&self, socket: &Socket) {
        let mut scratch = scratch(socket);
        for _ in 0..MOST_READS {
            match socket.with_fd(|fd| stream::receive(fd, &mut scratch)) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Ok(n) if n != 0 => self.heard.set(true),
                _ => return self.heard.set(true),
            }
        }
    }
}
