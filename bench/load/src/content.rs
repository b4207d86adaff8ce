// SPDX-License-Identifier: MIT
//! What is sent: a ring of messages, each another than the one before. Connections begin at different
//! places, so that a reply to another connection or another request is seen as wrong.

/// How many messages apart neighbouring connections begin; shares no divisor with a ring's length.
const STRIDE: u64 = 977;
const LINES: usize = 4093;
const KIBS: usize = 251;
const BLOCKS: usize = 17;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Lines,
    Kib,
    Blocks,
}

impl Shape {
    pub fn named(name: &str) -> Option<Shape> {
        match name {
            "lines" => Some(Shape::Lines),
            "kib" => Some(Shape::Kib),
            "blocks" => Some(Shape::Blocks),
            _ => None,
        }
    }
}

/// SplitMix64: small, fast, and the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A printable byte: no LF, no CR, which servers may drop.
    fn printable(&mut self) -> u8 {
        b' ' + (self.next() % 95) as u8
    }
}

pub struct Content {
    bytes: Vec<u8>,
    /// Where each message begins, and the end of the last.
    starts: Vec<usize>,
}

/// A place in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Messages since the connection's first.
    pub message: u64,
    first: u64,
    at: usize,
}

impl Content {
    pub fn of(shape: Shape) -> Content {
        let mut random = Random(20_252);
        let mut content = Content {
            bytes: Vec::new(),
            starts: vec![0],
        };
        let count = match shape {
            Shape::Lines => LINES,
            Shape::Kib => KIBS,
            Shape::Blocks => BLOCKS,
        };
        for _ in 0..count {
            match shape {
                Shape::Lines => {
                    let length = 16 + random.next() as usize % 32;
                    content.add_line(&mut random, length);
                }
                Shape::Kib => content.add_line(&mut random, 1023),
                Shape::Blocks => content.add_block(&mut random),
            }
        }
        content
    }

    fn add_line(&mut self, random: &mut Random, length: usize) {
        self.bytes.extend((0..length).map(|_| random.printable()));
        self.bytes.push(b'\n');
        self.starts.push(self.bytes.len());
    }

    fn add_block(&mut self, random: &mut Random) {
        for _ in 0..65_536 / 8 {
            self.bytes.extend(random.next().to_le_bytes());
        }
        self.starts.push(self.bytes.len());
    }

    fn count(&self) -> u64 {
        self.starts.len() as u64 - 1
    }

    /// Where the connection with this number begins.
    pub fn cursor(&self, connection: u64) -> Cursor {
        let first = connection.wrapping_mul(STRIDE) % self.count();
        Cursor {
            message: 0,
            first,
            at: self.starts[first as usize],
        }
    }

    /// What comes next without a break, up to the end of message `last` (not included).
    pub fn next(&self, cursor: &Cursor, last: u64) -> &[u8] {
        if cursor.message >= last {
            return &[];
        }
        let place = (cursor.first + cursor.message) % self.count();
        let end = (place + last - cursor.message).min(self.count());
        &self.bytes[cursor.at..self.starts[end as usize]]
    }

    /// Goes on by `n` bytes of what `next` gave; tells how many messages ended.
    pub fn advance(&self, cursor: &mut Cursor, n: usize) -> u64 {
        let before = cursor.message;
        cursor.at += n;
        loop {
            let place = (cursor.first + cursor.message) % self.count();
            if cursor.at < self.starts[place as usize + 1] {
                break;
            }
            cursor.message += 1;
            if place + 1 == self.count() {
                cursor.at -= self.bytes.len();
            }
        }
        cursor.message - before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The messages of a connection, read in pieces of `piece` bytes.
    fn read(content: &Content, connection: u64, messages: u64, piece: usize) -> Vec<u8> {
        let mut cursor = content.cursor(connection);
        let mut read = Vec::new();
        loop {
            let next = content.next(&cursor, messages);
            if next.is_empty() {
                return read;
            }
            let next = &next[..piece.min(next.len())];
            read.extend_from_slice(next);
            content.advance(&mut cursor, next.len());
        }
    }

    #[test]
    fn pieces_of_any_size_are_the_same_bytes() {
        let content = Content::of(Shape::Lines);
        let messages = LINES as u64 + 100;
        let whole = read(&content, 3, messages, usize::MAX);
        assert_eq!(
            whole.iter().filter(|&&b| b == b'\n').count() as u64,
            messages
        );
        for piece in [1, 7, 4096] {
            assert_eq!(read(&content, 3, messages, piece), whole);
        }
    }

    #[test]
    fn each_message_is_another_than_its_neighbours() {
        let content = Content::of(Shape::Lines);
        let text = read(&content, 0, LINES as u64, usize::MAX);
        let mut lines: Vec<_> = text.split(|&b| b == b'\n').collect();
        lines.sort();
        lines.dedup();
        // Each line is unique, and there is the empty rest behind the last LF.
        assert_eq!(lines.len(), LINES + 1);
    }

    #[test]
    fn connections_begin_at_different_places() {
        let content = Content::of(Shape::Kib);
        let first: Vec<_> = (0..KIBS as u64)
            .map(|c| read(&content, c, 1, usize::MAX))
            .collect();
        for (number, message) in first.iter().enumerate() {
            assert_eq!(message.len(), 1024);
            assert!(!first[..number].contains(message));
        }
    }

    #[test]
    fn advance_counts_the_messages_that_ended() {
        let content = Content::of(Shape::Blocks);
        let mut cursor = content.cursor(0);
        assert_eq!(content.advance(&mut cursor, 65_535), 0);
        assert_eq!(content.advance(&mut cursor, 1), 1);
        assert_eq!(content.advance(&mut cursor, 2 * 65_536), 2);
        assert_eq!(cursor.message, 3);
    }
}
