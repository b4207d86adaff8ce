// SPDX-License-Identifier: MIT
//! Memory for bytes on their way, and the pool it comes from: a socket has a buffer only while
//! bytes are in it.

use super::armour::Account;
use crate::sys::wiping;
use std::cell::{Cell, RefCell};

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
    /// From where to where the bytes before the pending ones are a socket's output (`echo`).
    echo: (usize, usize),
    /// Where its memory is counted.
    account: Account,
}

/// Bytes at the end of a line, which need not be where they were received to be found there.
const ENDING: usize = 2;

impl Buffer {
    /// An empty buffer of at least `size` bytes.
    fn new(size: usize, account: &Account) -> Box<Self> {
        Self::of(vec![0; size], 0, account)
    }

    /// A buffer that holds just the bytes in this one.
    pub fn copied(&self) -> Box<Self> {
        Self::of(self.pending().to_vec(), self.len(), &self.account)
    }

    fn of(memory: Vec<u8>, end: usize, account: &Account) -> Box<Self> {
        account.add(memory.len());
        Box::new(Buffer {
            memory,
            start: 0,
            end,
            used: 0,
            echo: (0, 0),
            account: account.clone(),
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

    /// The bytes before the pending ones that are output.
    #[inline]
    pub fn echo(&self) -> &[u8] {
        &self.memory[self.echo.0..self.echo.1]
    }

    /// Makes bytes output where they are, `most` at most: those of a slice of the memory before the pending
    /// ones, or an ending that stands behind the output so far. None: nothing is done.
    #[inline]
    pub fn extend_echo(&mut self, data: &[u8], most: usize) -> Option<()> {
        let at = data
            .as_ptr()
            .addr()
            .wrapping_sub(self.memory.as_ptr().addr());
        let is_inside = at < self.start && data.len() <= self.start - at;
        let (start, end) = self.echo;
        if start == end {
            self.echo = is_inside.then_some((at, at + data.len()))?;
            return Some(());
        }
        let follows = (is_inside && at == end) || self.has_ending(end, data);
        let longer = end + data.len();
        self.echo.1 = (follows && longer - start <= most).then_some(longer)?;
        Some(())
    }

    /// Whether an ending stands at `at`, before the pending bytes.
    #[inline]
    fn has_ending(&self, at: usize, ending: &[u8]) -> bool {
        let is_before = ending.len() <= ENDING && at + ending.len() <= self.start;
        is_before && self.memory[at..].iter().zip(ending).all(|(a, b)| a == b)
    }

    /// No byte is output any more.
    #[inline]
    pub fn end_echo(&mut self) {
        self.echo = (0, 0);
    }

    /// What is output is all that is pending from now on.
    #[inline]
    pub fn keep_echo(&mut self) {
        self.used = self.used.max(self.end);
        (self.start, self.end) = self.echo;
        self.end_echo();
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
    /// small pieces out of a stream does not copy the rest each time. Where the memory budget has no room
    /// for more memory, there may be less space than asked for, or none.
    #[inline]
    pub fn reserve(&mut self, total: usize) {
        self.ensure(total, false);
    }

    /// As `reserve`; what is needed `always` is given whatever the budget says.
    #[inline]
    fn ensure(&mut self, total: usize, always: bool) {
        let total = total.max(self.len() + 1);
        let enough = self.start + total <= self.memory.len();
        let ample = self.memory.len() - self.end >= self.memory.len() / 4;
        if !enough || !(ample || self.start == 0) {
            self.make_room(total, always);
        }
    }

    #[cold]
    fn make_room(&mut self, total: usize, always: bool) {
        assert!(
            self.echo().is_empty(),
            "output is written or copied before its memory is used"
        );
        let size = total.max(self.memory.len() * 2);
        let more = size - self.memory.len();
        if total <= self.memory.len() || !(always || self.account.allows(more)) {
            if self.start != 0 {
                self.memory.copy_within(self.start..self.end, 0);
            }
        } else {
            let mut memory = vec![0; size];
            memory[..self.len()].copy_from_slice(self.pending());
            self.forget();
            self.memory = memory;
            self.account.add(more);
        }
        self.move_to_front(self.len());
    }

    /// The first `len` bytes are what is pending now.
    #[inline]
    fn move_to_front(&mut self, len: usize) {
        debug_assert!(
            self.echo().is_empty(),
            "output is written or copied before its memory is used"
        );
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

    /// Appends bytes, if no more than `most` are in it then and they fit behind those; None: nothing is done.
    #[inline]
    pub fn append_within(&mut self, bytes: &[u8], most: usize) -> Option<()> {
        let end = self.end + bytes.len();
        if end - self.start > most {
            return None;
        }
        self.memory.get_mut(self.end..end)?.copy_from_slice(bytes);
        self.end = end;
        Some(())
    }

    /// Appends bytes.
    #[inline]
    pub fn append(&mut self, bytes: &[u8]) {
        self.ensure(self.len() + bytes.len(), true);
        self.memory[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.account.take_away(self.memory.len());
        self.forget();
    }
}

/// How many free buffers are at hand.
const HOT: usize = 2;

/// Free buffers.
pub struct Pool {
    /// Those that were given back last: a coroutine that answers takes and gives them in turn.
    hot: [Cell<Option<Box<Buffer>>>; HOT],
    account: Account,
    /// How many may be kept.
    most: Cell<usize>,
    #[expect(
        clippy::vec_box,
        reason = "they go to sockets as boxes, and come back as such"
    )]
    free: RefCell<Vec<Box<Buffer>>>,
}

impl Pool {
    /// No buffers yet.
    pub fn new(account: &Account) -> Self {
        Pool {
            account: account.clone(),
            most: Cell::new(most_kept(account)),
            hot: Default::default(),
            free: RefCell::default(),
        }
    }

    /// Keeps no free buffers any more, or keeps them again.
    pub fn keep_none(&self, none: bool) {
        self.most
            .set(if none { 0 } else { most_kept(&self.account) });
        if none {
            self.hot.iter().for_each(|place| drop(place.take()));
            self.free.take();
        }
    }

    /// An empty buffer of at least `size` bytes, or less where the memory budget has no room for more than a
    /// pooled one.
    #[inline]
    pub fn take(&self, size: usize) -> Box<Buffer> {
        if size <= SIZE {
            for place in &self.hot {
                if let Some(buffer) = place.take() {
                    return buffer;
                }
            }
        }
        self.take_other(size)
    }

    #[cold]
    fn take_other(&self, size: usize) -> Box<Buffer> {
        if size > SIZE && self.account.allows(size) {
            return Buffer::new(size, &self.account);
        }
        let kept = self.free.borrow_mut().pop();
        kept.unwrap_or_else(|| Buffer::new(SIZE, &self.account))
    }

    /// Takes a buffer back that nobody uses any more.
    #[inline]
    pub fn give(&self, mut buffer: Box<Buffer>) {
        buffer.forget();
        if buffer.capacity() != SIZE || self.most.get() < HOT {
            return discard(buffer);
        }
        (buffer.start, buffer.end) = (0, 0);
        buffer.end_echo();
        let mut rest = Some(buffer);
        for place in &self.hot {
            rest = place.replace(rest);
            if rest.is_none() {
                return;
            }
        }
        self.keep(rest);
    }

    /// A buffer that is no larger than a pooled one, with the same bytes where those fit.
    #[inline]
    pub fn slim(&self, buffer: Box<Buffer>) -> Box<Buffer> {
        if buffer.capacity() <= SIZE || buffer.len() > SIZE {
            return buffer;
        }
        self.moved(buffer)
    }

    #[cold]
    fn moved(&self, buffer: Box<Buffer>) -> Box<Buffer> {
        let mut small = self.take(0);
        small.append(buffer.pending());
        self.give(buffer);
        small
    }

    /// Takes back one more than the hot ones.
    #[cold]
    fn keep(&self, buffer: Option<Box<Buffer>>) {
        let mut free = self.free.borrow_mut();
        if free.len() + HOT < self.most.get() {
            free.extend(buffer);
        }
    }
}

/// Gives a buffer that the pool does not keep to the allocator.
#[cold]
fn discard(buffer: Box<Buffer>) {
    drop(buffer);
}

/// How many free buffers may be kept: no more than an eighth of the budget.
fn most_kept(account: &Account) -> usize {
    KEPT.min(account.budget() / 8 / SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(size: usize) -> Box<Buffer> {
        Buffer::new(size, &Account::new(usize::MAX))
    }

    #[test]
    fn a_buffer_grows_no_further_than_the_budget_and_keeps_what_it_has() {
        let account = Account::new(3 * SIZE);
        let pool = Pool::new(&account);
        let mut buffer = pool.take(2 * SIZE);
        assert!(account.used() == 2 * SIZE && buffer.capacity() == 2 * SIZE);
        let n = buffer.space().len();
        buffer.filled(n);
        buffer.consume(SIZE);
        buffer.reserve(3 * SIZE);
        assert!(buffer.space().len() == SIZE && buffer.len() == SIZE);
        buffer.filled(SIZE);
        buffer.reserve(3 * SIZE);
        assert!(buffer.space().is_empty() && buffer.len() == 2 * SIZE);
        assert_eq!(pool.take(2 * SIZE).capacity(), SIZE);
        drop(buffer);
        assert_eq!(account.used(), 0);
    }

    #[test]
    fn bytes_come_out_as_they_went_in_while_the_buffer_moves_and_grows() {
        let mut buffer = buffer(8);
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
                let mut buffer = buffer(8);
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
