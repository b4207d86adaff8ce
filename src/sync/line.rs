// SPDX-License-Identifier: MIT
//! Those that wait for something that is handed over, first come, first served. What was granted
//! belongs to its waiter from that moment; a waiter that leaves without it (its time passed, it was
//! canceled) finds out by leaving, and hands it on. So nothing is lost, and nobody is forgotten.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;

/// A place in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u64);

/// Waiters with what each wants. All operations are O(log n).
pub struct Line<W> {
    waiting: RefCell<BTreeMap<u64, (Waker, W)>>,
    granted: RefCell<BTreeSet<u64>>,
    next: Cell<u64>,
}

impl<W: Copy> Line<W> {
    /// Nobody waits.
    pub fn new() -> Self {
        Line {
            waiting: RefCell::default(),
            granted: RefCell::default(),
            next: Cell::new(0),
        }
    }

    /// Joins at the end.
    pub fn join(&self, waker: &Waker, wants: W) -> Place {
        let place = self.next.get();
        self.next.set(place + 1);
        let mut waiting = self.waiting.borrow_mut();
        waiting.insert(place, (waker.clone(), wants));
        Place(place)
    }

    /// What the first that waits wants.
    pub fn first(&self) -> Option<W> {
        let waiting = self.waiting.borrow();
        waiting.values().next().map(|&(_, wants)| wants)
    }

    /// Gives the first that waits what it wants, and wakes it.
    pub fn grant_first(&self) {
        if let Some(waker) = self.promise_first() {
            waker.wake();
        }
    }

    /// Gives the first that waits what it wants; the caller wakes it.
    pub fn promise_first(&self) -> Option<Waker> {
        let (place, (waker, _)) = self.waiting.borrow_mut().pop_first()?;
        self.granted.borrow_mut().insert(place);
        Some(waker)
    }

    /// Whether this place has been granted; its waiter goes on then and must not ask again.
    pub fn take_grant(&self, place: Place) -> bool {
        self.granted.borrow_mut().remove(&place.0)
    }

    /// How many have been granted and have not gone on yet.
    pub fn untaken(&self) -> usize {
        self.granted.borrow().len()
    }

    /// Leaves the line; whether something had been granted, which must be handed on then.
    pub fn leave(&self, place: Place) -> bool {
        self.waiting.borrow_mut().remove(&place.0);
        self.take_grant(place)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.borrow().len()
    }

    /// Wakes all that wait; each looks what has happened.
    pub fn wake_all(&self) {
        for (waker, _) in self.waiting.borrow().values() {
            waker.wake_by_ref();
        }
    }
}
