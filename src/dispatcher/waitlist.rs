// SPDX-License-Identifier: MIT
//! Those that wait for one thing, first in, first out.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::task::Waker;

/// A place in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u64);

/// Waiters by the order of their coming. Joining, leaving and waking the first are O(log n).
#[derive(Default)]
pub struct WaitList {
    waiters: RefCell<BTreeMap<u64, Waker>>,
    next: Cell<u64>,
}

impl WaitList {
    /// Joins at the end.
    pub fn join(&self, waker: &Waker) -> Place {
        let place = self.next.get();
        self.next.set(place + 1);
        self.waiters.borrow_mut().insert(place, waker.clone());
        Place(place)
    }

    /// Leaves the list; fine when it has been left or woken before.
    pub fn leave(&self, place: Place) {
        self.waiters.borrow_mut().remove(&place.0);
    }

    /// Whether this place is the first.
    pub fn is_first(&self, place: Place) -> bool {
        self.waiters.borrow().keys().next() == Some(&place.0)
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiters.borrow().is_empty()
    }

    /// Wakes the first, which stays in the list.
    pub fn wake_first(&self) {
        if let Some(waker) = self.waiters.borrow().values().next() {
            waker.wake_by_ref();
        }
    }

    /// Wakes all, who stay in the list until they leave.
    pub fn wake_each(&self) {
        for waker in self.waiters.borrow().values() {
            waker.wake_by_ref();
        }
    }

    /// Wakes all and empties the list.
    pub fn wake_all(&self) {
        for waker in self.waiters.take().into_values() {
            waker.wake();
        }
    }
}
