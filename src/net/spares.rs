// SPDX-License-Identifier: MIT
//! Boxes that were used, for those who need the next one: so an operation costs no allocation.

use std::cell::RefCell;

/// Most boxes that are kept.
const MOST: usize = 1024;

/// Boxes of one type.
pub struct Spares<T>(RefCell<Vec<Box<T>>>);

impl<T> Default for Spares<T> {
    fn default() -> Self {
        Spares(RefCell::default())
    }
}

impl<T> Spares<T> {
    /// A box with this value.
    pub fn fill(&self, value: T) -> Box<T> {
        let spare = self.0.borrow_mut().pop();
        match spare {
            Some(mut spare) => {
                *spare = value;
                spare
            }
            None => Box::new(value),
        }
    }

    /// Takes back a box whose value holds nothing any more.
    pub fn give(&self, spare: Box<T>) {
        let mut spares = self.0.borrow_mut();
        if spares.len() < MOST {
            spares.push(spare);
        }
    }
}
