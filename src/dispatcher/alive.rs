// SPDX-License-Identifier: MIT
//! What keeps the loop alive, counted.

use std::cell::Cell;
use std::rc::Rc;

/// How many things keep a loop alive.
#[derive(Clone, Default)]
pub struct AliveCount(Rc<Cell<usize>>);

impl AliveCount {
    /// One more, until it is dropped.
    pub fn hold(&self) -> Alive {
        self.add();
        Alive(self.clone())
    }

    /// One more, until it is taken away: for those who need no hold of the count itself.
    #[inline]
    pub fn add(&self) {
        self.0.set(self.0.get() + 1);
    }

    /// One less.
    #[inline]
    pub fn take_away(&self) {
        self.0.set(self.0.get() - 1);
    }

    /// Whether there is none.
    pub fn is_zero(&self) -> bool {
        self.0.get() == 0
    }
}

/// One thing that keeps the loop alive.
pub struct Alive(AliveCount);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.take_away();
    }
}
