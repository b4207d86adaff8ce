// SPDX-License-Identifier: MIT
//! What is out of the ordinary about a socket. A connection at work has none of these marks, so that one
//! comparison tells that nothing else need be looked at.

use crate::sys::descriptor::Nature;
use std::cell::Cell;

/// One of the marks.
#[derive(Clone, Copy)]
#[repr(u8)]
pub enum Mark {
    /// This side has closed the socket.
    Closed = 1,
    /// No more bytes will come: the end of the stream, an error, or copas_shut().
    AtEnd = 2,
    /// This side has ended sending.
    ShutSend = 4,
    /// A write has failed.
    WriteFailed = 8,
    /// It is not a stream.
    NoStream = 16,
    /// It cannot receive at all.
    NoReceive = 32,
    /// It cannot send at all.
    NoSend = 64,
    /// It is about to be encrypted: what is sent from now on waits until it cannot go out in clear.
    Upgrading = 128,
}

/// A socket's marks.
pub struct Marks(Cell<u8>);

impl Marks {
    /// Those that come with what a descriptor is.
    pub fn of(nature: Nature) -> Self {
        let marks = Marks(Cell::new(0));
        match nature {
            Nature::Datagram => marks.put(Mark::NoStream),
            Nature::Listener => {
                marks.put(Mark::NoReceive);
                marks.put(Mark::NoSend);
            }
            Nature::PipeReader => marks.put(Mark::NoSend),
            Nature::PipeWriter => marks.put(Mark::NoReceive),
            _ => {}
        }
        marks
    }

    /// Puts one, for good; but for `Upgrading`.
    pub fn put(&self, mark: Mark) {
        self.0.set(self.0.get() | mark as u8);
    }

    /// Takes the one away that is not for good.
    #[cfg(feature = "tls")]
    pub fn end_upgrading(&self) {
        self.0.set(self.0.get() & !(Mark::Upgrading as u8));
    }

    /// Whether it is there.
    #[inline]
    pub fn has(&self, mark: Mark) -> bool {
        self.0.get() & mark as u8 != 0
    }

    /// Whether there is none.
    #[inline]
    pub fn are_none(&self) -> bool {
        self.0.get() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_has_no_mark_until_one_is_put() {
        let marks = Marks::of(Nature::Tcp);
        assert!(marks.are_none());
        marks.put(Mark::AtEnd);
        assert!(marks.has(Mark::AtEnd) && !marks.has(Mark::Closed) && !marks.are_none());
    }

    #[test]
    fn what_cannot_send_or_receive_is_marked_from_the_start() {
        assert!(Marks::of(Nature::Listener).has(Mark::NoReceive));
        assert!(Marks::of(Nature::PipeReader).has(Mark::NoSend));
        assert!(!Marks::of(Nature::PipeReader).has(Mark::NoReceive));
        assert!(Marks::of(Nature::Datagram).has(Mark::NoStream));
    }
}
