// SPDX-License-Identifier: MIT
//! A socket's received bytes, and what of them is lent to whom.
//!
//! ```text
//!  buffer  |  lent to the borrower  |  pending  |  space  |
//! ```
//!
//! The lent part lies before the pending bytes and is not touched while the loan lasts: until the
//! borrower's next receive, its own close, or its end. When somebody else receives or closes
//! meanwhile, the whole buffer goes to the borrower (`Held`), and a copy of the pending bytes stays.

use super::buffer::{Buffer, Pool, SIZE};
use super::pattern::{Found, Limits, Pattern, drop_carriage_returns};
use crate::dispatcher::Handle;
use crate::sys::search;

/// Pending bytes up to this many do not keep a whole pooled buffer while their socket waits.
const SMALL: usize = 2048;

/// Bytes that are lent: where, and how many.
pub type Lent = (*const u8, usize);

/// No bytes; not NULL.
pub const NOTHING: Lent = (b"".as_ptr(), 0);

/// A socket's received bytes.
pub struct Input {
    buffer: Option<Box<Buffer>>,
    lent_to: Option<Handle>,
    /// How many pending bytes hold no start of what the last search looked for.
    upto: usize,
    /// What that was; None: the end of a line.
    searched: Option<Box<[u8]>>,
}

impl Input {
    /// Nothing received yet.
    pub fn new() -> Self {
        Input {
            buffer: None,
            lent_to: None,
            upto: 0,
            searched: None,
        }
    }

    /// The pending bytes.
    pub fn pending(&self) -> &[u8] {
        self.buffer.as_deref().map_or(&[], Buffer::pending)
    }

    /// Whether no byte is pending.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.buffer.as_ref().is_none_or(|buffer| buffer.is_empty())
    }

    /// To whom something is lent.
    pub fn lent_to(&self) -> Option<Handle> {
        self.lent_to
    }

    /// Whether a loan of `borrower` is the only one.
    #[inline]
    pub fn is_lent_to_nobody_but(&self, borrower: Handle) -> bool {
        self.lent_to.is_none_or(|to| to == borrower)
    }

    /// Takes the buffer out, in which nothing is pending: all loans are over.
    #[inline]
    pub fn take_idle(&mut self) -> Option<Box<Buffer>> {
        self.lent_to = None;
        self.buffer.take()
    }

    /// Makes bytes output where they are, `most` at most; None where they cannot be.
    #[inline]
    pub fn extend_echo(&mut self, data: &[u8], most: usize) -> Option<()> {
        self.buffer.as_deref_mut()?.extend_echo(data, most)
    }

    /// The bytes that are output where they are.
    #[inline]
    pub fn echo(&self) -> &[u8] {
        self.buffer.as_deref().map_or(&[], Buffer::echo)
    }

    /// No byte is output any more.
    #[inline]
    pub fn end_echo(&mut self) {
        if let Some(buffer) = &mut self.buffer {
            buffer.end_echo();
        }
    }

    /// The borrower's loan ends.
    pub fn end_loan(&mut self) {
        self.lent_to = None;
        if let Some(buffer) = &mut self.buffer {
            buffer.rewind();
        }
    }

    /// Takes the buffer out for its borrower; the pending bytes stay as a copy.
    pub fn detach(&mut self) -> Option<Box<Buffer>> {
        self.lent_to = None;
        let lent = self.buffer.take()?;
        if !lent.is_empty() {
            self.buffer = Some(lent.copied());
        }
        Some(lent)
    }

    /// Takes what `pattern` finds, and lends it to `borrower`. None: more is needed.
    #[inline]
    pub fn take(
        &mut self,
        pattern: Pattern<'_>,
        limits: Limits,
        at_end: bool,
        borrower: Handle,
    ) -> Option<Result<Lent, ()>> {
        let empty = self.pending().is_empty();
        if empty && !matches!(pattern, Pattern::Count(_)) {
            return None;
        }
        self.find(pattern, limits, at_end, borrower)
    }

    /// Takes a line (`raw`: with its ending), if a whole one is there that is no loan of anybody else's, and
    /// nothing of it was searched before, and then `may`. None: to be looked at as always.
    #[inline(always)]
    pub fn take_line(
        &mut self,
        raw: bool,
        limits: Limits,
        borrower: Handle,
        may: impl FnOnce() -> bool,
    ) -> Option<Lent> {
        let is_usual = self.upto == 0 && self.is_lent_to_nobody_but(borrower);
        let buffer = self.buffer.as_deref_mut().filter(|_| is_usual)?;
        let pending = buffer.pending_mut();
        let at = search::byte(b'\n', pending)?;
        if at > limits.line || !may() {
            return None;
        }
        let len = match raw {
            true => at + 1,
            false => drop_carriage_returns(&mut pending[..at]),
        };
        let lent = (pending.as_ptr(), len);
        buffer.consume(at + 1);
        self.lent_to = Some(borrower);
        Some(lent)
    }

    fn find(
        &mut self,
        pattern: Pattern<'_>,
        limits: Limits,
        at_end: bool,
        borrower: Handle,
    ) -> Option<Result<Lent, ()>> {
        let searched = self.searched_for(pattern);
        match pattern.find(self.pending(), searched, limits, at_end) {
            Found::Bytes { len, consumed } => Some(Ok(self.lend(pattern, len, consumed, borrower))),
            Found::NotYet => {
                self.remember(pattern);
                None
            }
            Found::TooLong => Some(Err(())),
        }
    }

    #[inline]
    fn lend(
        &mut self,
        pattern: Pattern<'_>,
        len: usize,
        consumed: usize,
        borrower: Handle,
    ) -> Lent {
        self.forget_search();
        let Some(buffer) = &mut self.buffer else {
            return NOTHING;
        };
        let bytes = &mut buffer.pending_mut()[..len];
        let len = match pattern {
            Pattern::Line => drop_carriage_returns(bytes),
            _ => len,
        };
        let lent = (bytes.as_ptr(), len);
        buffer.consume(consumed);
        self.lent_to = Some(borrower);
        lent
    }

    /// What was searched is over: the next search begins with the first pending byte.
    fn forget_search(&mut self) {
        if self.upto != 0 {
            self.upto = 0;
            self.searched = None;
        }
    }

    /// Shows the pending bytes without consuming them; lent like taken ones.
    pub fn show(&mut self, borrower: Handle) -> Lent {
        if self.pending().is_empty() {
            return NOTHING;
        }
        self.lent_to = Some(borrower);
        (self.pending().as_ptr(), self.pending().len())
    }

    /// Copies pending bytes to `memory` and consumes them; how many.
    pub fn copy_to(&mut self, memory: &mut [u8]) -> usize {
        let n = self.pending().len().min(memory.len());
        memory[..n].copy_from_slice(&self.pending()[..n]);
        if let Some(buffer) = &mut self.buffer {
            buffer.consume(n);
            buffer.rewind();
        }
        self.forget_search();
        n
    }

    /// Takes the pending bytes out, for what is put before this side's patterns.
    #[cfg(feature = "tls")]
    pub fn take_pending(&mut self) -> Vec<u8> {
        let pending = self.pending().to_vec();
        if let Some(buffer) = &mut self.buffer {
            buffer.consume(pending.len());
        }
        self.forget_search();
        pending
    }

    /// How many pending bytes need not be searched again.
    fn searched_for(&self, pattern: Pattern<'_>) -> usize {
        if self.upto == 0 {
            return 0;
        }
        let same = match (&self.searched, pattern) {
            (None, Pattern::Line | Pattern::LineRaw) => true,
            (Some(before), Pattern::Until(now)) => **before == *now,
            _ => false,
        };
        if same { self.upto } else { 0 }
    }

    /// Remembers that the pending bytes do not hold what was searched.
    fn remember(&mut self, pattern: Pattern<'_>) {
        let Some(delimiter) = pattern.delimiter() else {
            return;
        };
        self.upto = self.pending().len().saturating_sub(delimiter.len() - 1);
        match (&self.searched, pattern) {
            (Some(before), Pattern::Until(now)) if **before == *now => {}
            (_, Pattern::Until(now)) => self.searched = Some(now.into()),
            _ => self.searched = None,
        }
    }

    /// Free memory for a read, with room for `wanted` pending bytes in all.
    #[inline]
    pub fn space(&mut self, pool: &Pool, wanted: usize) -> &mut [u8] {
        if self.buffer.is_none() {
            return self.buffer.insert(pool.take(wanted)).space();
        }
        self.more_space(pool, wanted)
    }

    fn more_space(&mut self, pool: &Pool, wanted: usize) -> &mut [u8] {
        if let Some(small) = self.buffer.take_if(|buffer| buffer.capacity() < SIZE) {
            let mut buffer = pool.take(wanted);
            buffer.append(small.pending());
            self.buffer = Some(buffer);
        }
        let buffer = self.buffer.get_or_insert_with(|| pool.take(wanted));
        buffer.reserve(wanted);
        buffer.space()
    }

    /// The first `n` bytes of the space were read.
    pub fn filled(&mut self, n: usize) {
        if let Some(buffer) = &mut self.buffer {
            buffer.filled(n);
        }
    }

    /// The socket waits: gives memory back that it does not need meanwhile.
    pub fn rest(&mut self, pool: &Pool) {
        if self.lent_to.is_some() {
            return;
        }
        let big = |buffer: &mut Box<Buffer>| {
            buffer.is_empty() || (buffer.len() <= SMALL && buffer.capacity() > SMALL)
        };
        if let Some(buffer) = self.buffer.take_if(big) {
            if !buffer.is_empty() {
                self.buffer = Some(buffer.copied());
            }
            pool.give(buffer);
        }
    }

    /// Bytes of memory that `give_up` frees.
    pub fn freeable(&self) -> usize {
        match (&self.buffer, self.lent_to) {
            (Some(buffer), None) => buffer.capacity(),
            _ => 0,
        }
    }

    /// Bytes of memory that a loan keeps.
    pub fn lent(&self) -> usize {
        match (&self.buffer, self.lent_to) {
            (Some(buffer), Some(_)) => buffer.capacity(),
            _ => 0,
        }
    }

    /// Gives up all bytes, unless some are lent.
    pub fn give_up(&mut self, pool: &Pool) {
        if self.lent_to.is_none() {
            self.forget_search();
            if let Some(buffer) = self.buffer.take() {
                pool.give(buffer);
            }
        }
    }

    /// Gives up all bytes. Those that are lent to somebody else than `closer` are handed out.
    pub fn clear(&mut self, pool: &Pool, closer: Handle) -> Option<(Handle, Box<Buffer>)> {
        self.forget_search();
        let buffer = self.buffer.take()?;
        match self.lent_to.take() {
            Some(borrower) if borrower != closer => Some((borrower, buffer)),
            _ => {
                pool.give(buffer);
                None
            }
        }
    }
}
