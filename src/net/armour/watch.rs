// SPDX-License-Identifier: MIT
//! Peers that owe something, and how fast they pay. A connection's deadline looks after it: nothing is
//! done for each byte, and an idle connection has no deadline.
//!
//! A sender owes while somebody waits to receive in the middle of a pattern, a reader while the kernel
//! does not take what was sent. Each look compares with the one before, a window ago.

use super::cause::Cause;
use super::cut::cut;
use crate::dispatcher::Dispatcher;
use crate::net::marks::Mark;
use crate::net::socket::Socket;
use crate::sys::descriptor;

/// What a peer had done when it was looked at.
#[derive(Clone, Copy, Default)]
pub struct Sample {
    /// Its first byte has come, or is no longer waited for.
    began: bool,
}

/// The first byte of a new connection is waited for from now on, if it has a limit.
pub fn begin(d: &Dispatcher, socket: &Socket) {
    let Some(standing) = socket.standing.get() else {
        return;
    };
    let limit = standing.guard.armour().first_byte;
    if limit > 0.0 {
        standing.sample.set(Sample { began: false });
        d.arm(&socket.deadline, socket.handle, limit);
    }
}

/// A connection's deadline has passed.
pub fn due(d: &Dispatcher, socket: &Socket) {
    let Some(standing) = socket.standing.get() else {
        return;
    };
    let sample = standing.sample.get();
    if !sample.began {
        standing.sample.set(Sample { began: true });
        if has_sent_nothing(socket) {
            cut(d, socket, Cause::FirstByte);
        }
    }
}

/// Whether nothing has come from a peer, not even to the kernel, that could still send.
fn has_sent_nothing(socket: &Socket) -> bool {
    socket.received.get() == 0
        && !socket.marks.has(Mark::AtEnd)
        && socket.with_fd(descriptor::unread).unwrap_or(0) == 0
}
