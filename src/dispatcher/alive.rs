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
        self.0.set(self.0.get() + 1);
        Alive(Rc::clone(&self.0))
    }

    /// Whether there is none.
    pub fn is_zero(&self) -> bool {
        self.0.get() == 0
    }
}

/// One thing that keeps the loop alive.
pub struct Alive(Rc<Cell<usize>>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
