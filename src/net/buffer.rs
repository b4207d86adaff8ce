// SPDX-License-Identifier: MIT
//! Memory for bytes on their way, and the pool it comes from: a socket has a buffer only while
//! bytes are in it.

use crate::sys::wiping;
use std::cell::RefCell;

/// Bytes of a pooled buffer: as much as one read takes from a full kernel buffer.
pub const SIZE: usize = 64 * 1024;

/// Free buffers kept, 16 MiB at most; what comes back beyond goes to the allocator. Coroutines share two
/// of them, but a program that polls has one for each event of a poll, and a new one must be cleared.
const KEPT: usize = 256;

/// Pending bytes in the middle of some memory. Sockets have it boxed: one word where there is none.
pub struct Buffer {
    memory: Vec<u8>,
    start: usize,
    end: usize,
    /// No byte from here on was ever used, unless it lies before `end`.
    used: usize,
}

impl Buffer {
    /// An empty buffer of at least `size` bytes.
    fn new(size: usize) -> Box<Self> {
        Box::new(Buffer {
            memory: vec![0; size],
            start: 0,
            end: 0,
            used: 0,
        })
    }

    /// A buffer that holds just these bytes.
    pub fn holding(bytes: &[u8]) -> Box<Self> {
        Box::new(Buffer {
            memory: bytes.to_vec(),
            start: 0,
            end: bytes.len(),
            used: 0,
        })
    }

    /// The bytes in it.
    #[inline]
    pub fn pending(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    /// The bytes in it, to be changed in place.
    #[inline]
    pub fn pending_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.end]
    }

    /// How many bytes are in it.
    #[inline]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether it holds nothing.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// How much memory it has.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.memory.len()
    }

    /// Takes `n` bytes from the front.
    #[inline]
    pub fn consume(&mut self, n: usize) {
        self.start += n;
    }

    /// Starts at the front again when nothing is left in it and nothing is lent.
    #[inline]
    pub fn rewind(&mut self) {
        if self.is_empty() {
            self.move_to_front(0);
        }
    }

    /// The free memory behind the pending bytes.
    #[inline]
    pub fn space(&mut self) -> &mut [u8] {
        &mut self.memory[self.end..]
    }

    /// The first `n` bytes of the space hold data now.
    #[inline]
    pub fn filled(&mut self, n: usize) {
        self.end += n;
    }

    /// Makes room for `total` pending bytes, and for some more than there are in any case. Moves the
    /// pending bytes to the front only when little space is left behind them, so that taking many
    /// small pieces out of a stream does not copy the rest each time.
    #[inline]
    pub fn reserve(&mut self, total: usize) {
        let total = total.max(self.len() + 1);
        let enough = self.start + total <= self.memory.len();
        let ample = self.memory.len() - self.end >= self.memory.len() / 4;
        if !enough || !(ample || self.start == 0) {
            self.make_room(total);
        }
    }

    #[cold]
    fn make_room(&mut self, total: usize) {
        if total <= self.memory.len() {
            self.memory.copy_within(self.start..self.end, 0);
        } else {
            let mut memory = vec![0; total.max(self.memory.len() * 2)];
            memory[..self.len()].copy_from_slice(self.pending());
            self.forget();
            self.memory = memory;
        }
        self.move_to_front(self.len());
    }

    /// The first `len` bytes are what is pending now.
    #[inline]
    fn move_to_front(&mut self, len: usize) {
        self.used = self.used.max(self.end);
        (self.start, self.end) = (0, len);
    }

    /// Nobody needs the bytes any more: where the process has secrets, they are wiped.
    #[inline]
    fn forget(&mut self) {
        if wiping::is_on() {
            self.wipe();
        }
    }

    #[cold]
    fn wipe(&mut self) {
        let used = self.used.max(self.end);
        wiping::wipe(&mut self.memory[..used]);
        self.used = 0;
    }

    /// Appends bytes.
    #[inline]
    pub fn append(&mut self, bytes: &[u8]) {
        self.reserve(self.len() + bytes.len());
        self.memory[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.forget();
    }
}

/// Free buffers.
#[derive(Default)]
pub struct Pool {
    #[expect(
        clippy::vec_box,
        reason = "they go to sockets as boxes, and come back as such"
    )]
    free: RefCell<Vec<Box<Buffer>>>,
}

impl Pool {
    /// An empty buffer of at least `size` bytes.
    #[inline]
    pub fn take(&self, size: usize) -> Box<Buffer> {
        if size > SIZE {
            return Buffer::new(size);
        }
        self.free
            .borrow_mut()
            .pop()
            .unwrap_or_else(|| Buffer::new(SIZE))
    }

    /// Takes a buffer back that nobody uses any more.
    #[inline]
    pub fn give(&self, mut buffer: Box<Buffer>) {
        buffer.forget();
        let mut free = self.free.borrow_mut();
        if buffer.capacity() == SIZE && free.len() < KEPT {
            (buffer.start, buffer.end) = (0, 0);
            free.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_as_they_went_in_while_the_buffer_moves_and_grows() {
        let mut buffer = Buffer::new(8);
        let (mut next_in, mut next_out) = (0u8, 0u8);
        for round in 0..2000usize {
            let bytes: Vec<u8> = (0..round % 13)
                .map(|i| next_in.wrapping_add(i as u8))
                .collect();
            next_in = next_in.wrapping_add(bytes.len() as u8);
            buffer.append(&bytes);
            let n = buffer.len().min(round * 7 % 13);
            for &byte in &buffer.pending()[..n] {
                assert_eq!(byte, next_out);
                next_out = next_out.wrapping_add(1);
            }
            buffer.consume(n);
        }
    }

    #[test]
    fn there_is_always_room_after_a_reservation() {
        for total in [0, 1, 7, 8, 9, 100] {
            for consumed in 0..8 {
                let mut buffer = Buffer::new(8);
                buffer.append(&[1; 8]);
                buffer.consume(consumed);
                buffer.reserve(total);
                assert!(!buffer.space().is_empty());
                assert!(buffer.len() + buffer.space().len() >= total);
                assert_eq!(buffer.pending(), &vec![1; 8 - consumed][..]);
            }
        }
    }
}
