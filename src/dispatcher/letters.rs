// SPDX-License-Identifier: MIT
//! Letters on their way to a dispatcher: a list that any OS thread prepends to without a lock, so that
//! a fork(2) amid a post leaves the child nothing that stays locked.

use super::inbox::Letter;
use crate::sys::annotations;
use std::ptr;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicU32};

struct Node {
    letter: Letter,
    before: *mut Node,
}

/// Letters that nobody has taken yet.
pub struct Letters {
    last: AtomicPtr<Node>,
    /// Names the order of those who post before the one who takes, for tools.
    order: AtomicU32,
}

impl Letters {
    /// None.
    pub const fn new() -> Self {
        Letters {
            last: AtomicPtr::new(ptr::null_mut()),
            order: AtomicU32::new(0),
        }
    }

    /// Adds one.
    pub fn push(&self, letter: Letter) {
        let mut before = self.last.load(Relaxed);
        let node = Box::into_raw(Box::new(Node { letter, before }));
        annotations::released(&self.order);
        while let Err(now) = self
            .last
            .compare_exchange_weak(before, node, Release, Relaxed)
        {
            before = now;
            // SAFETY: the node came from Box::into_raw above, and nobody else knows it yet.
            unsafe { (*node).before = before };
        }
    }

    /// Takes all, in the order in which they were added.
    pub fn take(&self) -> Vec<Letter> {
        let mut last = self.last.swap(ptr::null_mut(), Acquire);
        let mut letters = Vec::new();
        if last.is_null() {
            return letters;
        }
        annotations::acquired(&self.order);
        while !last.is_null() {
            // SAFETY: `push` made it by Box::into_raw, and the swap has handed the list to this call
            // alone.
            let node = unsafe { Box::from_raw(last) };
            last = node.before;
            letters.push(node.letter);
        }
        letters.reverse();
        letters
    }
}
