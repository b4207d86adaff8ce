// SPDX-License-Identifier: MIT
//! Those that wait for one thing, first in, first out.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::task::Waker;

/// A place in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u64);

/// Waiters by the order of their coming.
#[derive(Default)]
struct Waiters {
    by_place: BTreeMap<u64, Waker>,
    next: u64,
}

/// Those that wait. Joining, leaving and waking the first are O(log n). Most lists never have anybody:
/// they are one word until somebody joins.
#[derive(Default)]
pub struct WaitList(OnceCell<Box<RefCell<Waiters>>>);

impl WaitList {
    /// Joins at the end.
    pub fn join(&self, waker: &Waker) -> Place {
        let mut waiters = self.0.get_or_init(Box::default).borrow_mut();
        let place = waiters.next;
        waiters.next += 1;
        waiters.by_place.insert(place, waker.clone());
        Place(place)
    }

    /// Leaves the list; fine when it has been left or woken before.
    pub fn leave(&self, place: Place) {
        if let Some(waiters) = self.0.get() {
            waiters.borrow_mut().by_place.remove(&place.0);
        }
    }

    /// Acts on the first, if there is one.
    fn first<R>(&self, act: impl FnOnce(u64, &Waker) -> R) -> Option<R> {
        let waiters = self.0.get()?.borrow();
        let (&place, waker) = waiters.by_place.first_key_value()?;
        Some(act(place, waker))
    }

    /// Whether this place is the first.
    pub fn is_first(&self, place: Place) -> bool {
        self.first(|first, _| first == place.0) == Some(true)
    }

    /// Whether nobody waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        let waiters = self.0.get();
        waiters.is_none_or(|waiters| waiters.borrow().by_place.is_empty())
    }

    /// Wakes the first, which stays in the list.
    #[inline]
    pub fn wake_first(&self) {
        if !self.is_empty() {
            self.first(|_, waker| waker.wake_by_ref());
        }
    }

    /// Wakes all, who stay in the list until they leave.
    pub fn wake_each(&self) {
        if let Some(waiters) = self.0.get() {
            let waiters = waiters.borrow();
            waiters.by_place.values().for_each(Waker::wake_by_ref);
        }
    }

    /// Wakes all and empties the list.
    #[inline]
    pub fn wake_all(&self) {
        if !self.is_empty() {
            self.take_all().into_values().for_each(Waker::wake);
        }
    }

    fn take_all(&self) -> BTreeMap<u64, Waker> {
        let waiters = self.0.get();
        waiters.map_or_else(BTreeMap::new, |waiters| {
            std::mem::take(&mut waiters.borrow_mut().by_place)
        })
    }
}
