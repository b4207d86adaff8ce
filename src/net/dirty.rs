// SPDX-License-Identifier: MIT
//! The sockets that have something to write. Usually there is one: that of the coroutine that runs.

use super::socket::Socket;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// Sockets with output, in the order of their first sends.
#[derive(Default)]
pub struct Dirty {
    first: Cell<Option<Rc<Socket>>>,
    others: RefCell<VecDeque<Rc<Socket>>>,
}

impl Dirty {
    /// One more, at the end.
    #[inline]
    pub fn push(&self, socket: &Rc<Socket>) {
        let first = self.first.replace(Some(Rc::clone(socket)));
        if first.is_some() {
            self.push_behind(first);
        }
    }

    /// Puts the first back in its place, and the one that stands there at the end.
    #[cold]
    fn push_behind(&self, first: Option<Rc<Socket>>) {
        let last = self.first.replace(first);
        self.others.borrow_mut().extend(last);
    }

    /// Takes the first out.
    #[inline]
    pub fn pop(&self) -> Option<Rc<Socket>> {
        let first = self.first.take()?;
        if !self.others.borrow().is_empty() {
            self.move_up();
        }
        Some(first)
    }

    #[cold]
    fn move_up(&self) {
        self.first.set(self.others.borrow_mut().pop_front());
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        let first = self.first.take();
        let is_empty = first.is_none();
        self.first.set(first);
        is_empty
    }

    /// Forgets them all.
    pub fn clear(&self) {
        self.first.take();
        self.others.take();
    }
}
