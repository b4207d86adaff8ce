// SPDX-License-Identifier: MIT
//! The queue of those that are ready: whose turn it is. With thousands of coroutines none of them is in
//! the processor's caches when its turn comes, so what the next ones need is asked for in time, while
//! the system calls of the present one go on.

use super::handle::Handle;
use super::thread::Thread;
use crate::sys::prefetch;
use std::collections::VecDeque;
use std::rc::Rc;

/// Cache lines of a coroutine's record.
const RECORD: usize = 3;
/// Cache lines of what it waited on that a turn begins with.
const NEAR: usize = 4;

/// Somebody's turn.
pub(super) enum Turn {
    /// A coroutine's, and the address of what it waited on: for a look ahead, never to be followed.
    Thread(Rc<Thread>, *const ()),
    /// An operation's or a socket's.
    Other(Handle),
}

/// Those that are ready, in order.
#[derive(Default)]
pub(super) struct Turns(VecDeque<Turn>);

impl Turns {
    /// At the end of the queue.
    #[inline]
    pub fn push(&mut self, turn: Turn) {
        self.0.push_back(turn);
    }

    /// The next one, while those behind it are brought near.
    #[inline]
    pub fn pop(&mut self) -> Option<Turn> {
        let turn = self.0.pop_front()?;
        if let Some(Turn::Thread(next, _)) = self.0.front() {
            next.prefetch_stack();
        }
        if let Some(Turn::Thread(second, near)) = self.0.get(1) {
            prefetch::lines(Rc::as_ptr(second).cast(), RECORD);
            // Looking for the page of an address that is none costs time.
            if !near.is_null() {
                prefetch::lines(*near, NEAR);
            }
        }
        Some(turn)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
