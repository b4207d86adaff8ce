// SPDX-License-Identifier: MIT
//! Peers that owe something, and how fast they pay. A connection's deadline looks after it: nothing is
//! done for each byte, and one whose peer owes nothing has no deadline.
//!
//! A sender owes while somebody waits to receive in the middle of a pattern, a reader while the kernel
//! does not take what was sent. Each look compares with the one before, a window ago, and counts what the
//! kernels have as well: what has arrived wins over a limit that has passed.

use super::cause::Cause;
use super::cut::cut;
use super::standing::Standing;
use crate::dispatcher::Dispatcher;
use crate::net::marks::Mark;
use crate::net::socket::Socket;
use crate::sys::descriptor;

/// What a peer had done when it was looked at.
#[derive(Clone, Copy, Default)]
pub struct Sample {
    /// Its first byte is waited for.
    awaits_first: bool,
    /// Somebody waited in the middle of a pattern, which began at this byte of the stream.
    pattern: Option<u64>,
    /// Bytes that had come, to the kernel too.
    came: u64,
    /// The kernel did not take what was sent.
    is_blocked: bool,
    /// Bytes that the peer had taken. Unix sockets count more than they hold, so it may be negative.
    taken: i64,
}

impl Sample {
    /// Looks at a connection.
    fn of(socket: &Socket, standing: &Standing) -> Self {
        let unread = socket.with_fd(descriptor::unread).unwrap_or(0);
        let untaken = socket.with_fd(descriptor::untaken).unwrap_or(0);
        Sample {
            awaits_first: false,
            pattern: pattern_of(socket, standing),
            came: came_to(socket) + unread as u64,
            is_blocked: !socket.writable.get() && (socket.unsent() != 0 || socket.has_senders()),
            taken: socket.sent.get() as i64 - (socket.sealed() + untaken as usize) as i64,
        }
    }

    /// Whether the peer owes anything.
    fn owes(&self) -> bool {
        self.pattern.is_some() || self.is_blocked
    }

    /// What is wrong with a peer that should have paid `least` bytes since `before`.
    fn complaint(&self, before: &Sample, least: u64) -> Option<Cause> {
        let same_pattern = self.pattern.is_some() && self.pattern == before.pattern;
        if same_pattern && self.came.saturating_sub(before.came) < least {
            return Some(Cause::SlowSender);
        }
        let blocked = self.is_blocked && before.is_blocked;
        let taken = u64::try_from(self.taken - before.taken).unwrap_or(0);
        (blocked && taken < least).then_some(Cause::SlowReader)
    }
}

/// Bytes that have come to the socket, as the peer sent them.
fn came_to(socket: &Socket) -> u64 {
    let session = socket.tls.get();
    session.map_or(socket.received.get(), |session| session.came())
}

/// Where in the stream the pattern began in whose middle somebody waits.
fn pattern_of(socket: &Socket, standing: &Standing) -> Option<u64> {
    let part = socket.input.borrow().pending().len() + standing.filled.get();
    let waits = socket.reader.get().is_some() && part != 0;
    waits.then(|| socket.received.get().saturating_sub(part as u64))
}

/// A new connection begins, after its handshake: its first byte is waited for, if that has a limit.
pub fn begin(d: &Dispatcher, socket: &Socket) {
    let armour = socket.borne();
    let is_paced = armour.min_rate != 0;
    socket.paced.set(is_paced);
    if armour.first_byte > 0.0 {
        d.arm(&socket.deadline, socket.handle, armour.first_byte);
    }
    // A limit beyond what clocks reach is none.
    let awaits_first = socket.deadline.is_set();
    if awaits_first || is_paced {
        socket.stand().sample.set(Sample {
            awaits_first,
            ..Sample::default()
        });
    }
}

/// An accepted connection is upgraded: the handshake has its own limit, and what was to come first comes
/// after it.
#[cfg(feature = "tls")]
pub fn pause_for_handshake(d: &Dispatcher, socket: &Socket) -> bool {
    let awaits = socket.received.get() == 0
        && socket
            .standing()
            .is_some_and(|standing| standing.sample.get().awaits_first);
    if awaits {
        d.disarm(&socket.deadline);
    }
    awaits
}

/// A connection's deadline has passed.
pub fn due(d: &Dispatcher, socket: &Socket) {
    let Some(standing) = socket.standing() else {
        return;
    };
    let (before, now) = (standing.sample.get(), Sample::of(socket, standing));
    let armour = socket.borne();
    // One that has ended its direction will say nothing, and may wait for an answer.
    let has_ended = socket.marks.has(Mark::AtEnd) || socket.hangup.get();
    // What came in clear before an upgrade counts too.
    let is_heard = now.came != 0 || socket.received.get() != 0;
    let silent = before.awaits_first && !is_heard && !has_ended;
    let complaint = match silent {
        true => Some(Cause::FirstByte),
        false => now.complaint(&before, armour.least_bytes()),
    };
    standing.sample.set(now);
    match complaint {
        Some(cause) => cut(d, socket, cause),
        None if socket.paced.get() && now.owes() => {
            d.arm(&socket.deadline, socket.handle, armour.window());
        }
        None => {}
    }
}

impl Socket {
    /// Somebody waits for the peer of a connection with a least rate.
    #[cold]
    pub(in crate::net) fn watch_pace(&self) {
        let (Some(standing), Some(d)) = (self.standing(), self.net.dispatcher()) else {
            return;
        };
        let waits_for_first = standing.sample.get().awaits_first && self.received.get() == 0;
        let is_watched = self.deadline.is_set() && !standing.sample.get().awaits_first;
        if waits_for_first || is_watched || self.marks.has(Mark::Closed) {
            return;
        }
        let now = Sample::of(self, standing);
        if now.owes() {
            standing.sample.set(now);
            d.disarm(&self.deadline);
            let window = self.borne().window();
            d.arm(&self.deadline, self.handle, window);
        }
    }

    /// All that was sent is taken: what follows begins a new account.
    pub(in crate::net) fn note_taken(&self) {
        if self.paced.get()
            && !self.has_senders()
            && let Some(standing) = self.standing()
        {
            let sample = standing.sample.get();
            standing.sample.set(Sample {
                is_blocked: false,
                ..sample
            });
        }
    }

    /// A receive waits that has put so many bytes into its caller's memory.
    pub(in crate::net) fn note_filled(&self, bytes: usize) {
        if let Some(standing) = self.standing() {
            standing.filled.set(bytes);
        }
    }
}
