// SPDX-License-Identifier: MIT
//! The habits of hostile connections.

use crate::member::{Habit, Member, Next};
use std::io;
use std::time::{Duration, Instant};

/// Sends a byte now and then, of a line that never ends.
pub struct SlowLoris;

const BETWEEN_BYTES: Duration = Duration::from_millis(700);

impl Habit for SlowLoris {
    fn act(&mut self, member: &mut Member, now: Instant) -> io::Result<Next> {
        member.send(b"x")?;
        Ok(Next::At(now + BETWEEN_BYTES))
    }
}

/// Says nothing at all.
pub struct Silent;

impl Habit for Silent {
    fn act(&mut self, _: &mut Member, _: Instant) -> io::Result<Next> {
        Ok(Next::Ready)
    }
}

/// Asks for big replies as quickly as the server takes the requests, and never reads.
pub struct NeverReading {
    line: Vec<u8>,
}

const BIG_LINE: usize = 16 << 10;

impl NeverReading {
    pub fn new() -> NeverReading {
        let mut line = vec![b'x'; BIG_LINE];
        line[BIG_LINE - 1] = b'\n';
        NeverReading { line }
    }
}

impl Habit for NeverReading {
    fn act(&mut self, member: &mut Member, _: Instant) -> io::Result<Next> {
        loop {
            let at = member.sent as usize % BIG_LINE;
            if member.send(&self.line[at..])? == 0 {
                return Ok(Next::Ready);
            }
        }
    }
}

/// Sends a line without an end, as quickly as it is taken, up to a gigabyte.
pub struct Endless {
    chunk: Vec<u8>,
}

const GIGABYTE: u64 = 1 << 30;

impl Endless {
    pub fn new() -> Endless {
        Endless {
            chunk: vec![b'x'; 64 << 10],
        }
    }
}

impl Habit for Endless {
    fn act(&mut self, member: &mut Member, now: Instant) -> io::Result<Next> {
        // Not for ever: the others have their turn.
        for _ in 0..64 {
            if member.sent >= GIGABYTE || member.send(&self.chunk)? == 0 {
                return Ok(Next::Ready);
            }
        }
        Ok(Next::At(now))
    }
}

/// Sends whole lines, a byte at a time, and compares the replies.
pub struct ByteByByte;

const BETWEEN_SENDS: Duration = Duration::from_millis(25);

/// The endless text of a connection: one line, its own, over and over.
fn text(number: u64) -> Vec<u8> {
    format!("byte by byte {number}\n").into_bytes()
}

impl ByteByByte {
    fn compare(member: &mut Member, text: &[u8]) -> io::Result<()> {
        let mut memory = [0; 256];
        let at = member.received as usize;
        let n = member.receive(&mut memory)?;
        let wanted = text.iter().cycle().skip(at % text.len());
        member.wrong |= memory[..n]
            .iter()
            .zip(wanted)
            .any(|(got, wanted)| got != wanted);
        Ok(())
    }
}

impl Habit for ByteByByte {
    fn act(&mut self, member: &mut Member, now: Instant) -> io::Result<Next> {
        let text = text(member.number);
        ByteByByte::compare(member, &text)?;
        let at = member.sent as usize % text.len();
        member.send(&text[at..=at])?;
        Ok(Next::At(now + BETWEEN_SENDS))
    }
}

/// Sends a line and a piece of another, and resets the connection.
pub struct Resetting;

impl Habit for Resetting {
    fn act(&mut self, member: &mut Member, _: Instant) -> io::Result<Next> {
        member.send(b"a line and\na piece")?;
        Ok(Next::Reset)
    }
}

/// Is gone as soon as it has come.
pub struct Vanishing;

impl Habit for Vanishing {
    fn needs_connection(&self) -> bool {
        false
    }

    fn act(&mut self, _: &mut Member, _: Instant) -> io::Result<Next> {
        Ok(Next::Leave)
    }
}

/// Is served once, and stays: for a while, or for ever.
pub struct Staying {
    pub for_: Option<Duration>,
}

const REQUEST: &[u8] = b"one line\n";

impl Habit for Staying {
    fn act(&mut self, member: &mut Member, now: Instant) -> io::Result<Next> {
        if member.sent == 0 {
            member.send(REQUEST)?;
        }
        let mut memory = [0; 64];
        member.receive(&mut memory)?;
        match (member.replied, self.for_) {
            (Some(replied), Some(time)) if now >= replied + time => Ok(Next::Leave),
            (Some(replied), Some(time)) => Ok(Next::At(replied + time)),
            _ => Ok(Next::Ready),
        }
    }
}

/// Sends much of a line, and keeps the rest.
pub struct Piling {
    piece: Vec<u8>,
}

impl Piling {
    pub fn new() -> Piling {
        Piling {
            piece: vec![b'x'; 48 << 10],
        }
    }
}

impl Habit for Piling {
    fn act(&mut self, member: &mut Member, _: Instant) -> io::Result<Next> {
        while (member.sent as usize) < self.piece.len() {
            let at = member.sent as usize;
            if member.send(&self.piece[at..])? == 0 {
                break;
            }
        }
        Ok(Next::Ready)
    }
}
