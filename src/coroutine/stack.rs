// SPDX-License-Identifier: MIT
//! One stack, cut from an arena.

use super::arena::Arena;
use super::switch::Link;
use crate::sys::annotations;
use corosensei::stack::valgrind::ValgrindStackRegistration;
use corosensei::stack::{Stack as CorosenseiStack, StackPointer};
use parking_lot::Mutex;
use std::rc::Rc;

/// Stack tops differ by this many bytes, so that the busiest words of many stacks do not compete
/// for the same lines of the processor's cache. All stay within the first page.
const STAGGER: usize = 64;
/// How many different tops there are.
const TOPS: usize = 16;

/// Where leaked stacks are, so that leak checkers can tell what is meant from what is lost.
static LEAKED: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// A stack. Its arena lives at least as long.
pub struct Stack {
    arena: Rc<Arena>,
    slot: usize,
    /// For the switches of whoever runs on it.
    pub(super) link: Rc<Link>,
    _registration: ValgrindStackRegistration,
}

impl Stack {
    /// Cuts the arena's next stack. None when the arena is used up.
    pub fn cut(arena: &Rc<Arena>) -> std::io::Result<Option<Self>> {
        let Some(slot) = arena.cut()? else {
            return Ok(None);
        };
        let (bottom, highest) = arena.bounds(slot);
        let top = highest - (slot % TOPS) * STAGGER;
        let registration = ValgrindStackRegistration::new(bottom as *mut u8, highest - bottom);
        let arena = Rc::clone(arena);
        Ok(Some(Stack {
            arena,
            slot,
            link: Rc::new(Link::new((bottom, top))),
            _registration: registration,
        }))
    }

    /// The usable bytes that its pool knows it by.
    pub fn size(&self) -> usize {
        let (bottom, highest) = self.arena.bounds(self.slot);
        highest - bottom
    }

    /// The lowest and the highest usable address.
    pub fn bounds(&self) -> (usize, usize) {
        self.link.bounds()
    }

    /// Gives its pages back.
    pub fn discard(&self) {
        self.arena.discard(self.slot);
    }

    /// Forgets what tools have noted of its former use.
    pub fn unpoison(&self) {
        let (bottom, top) = self.bounds();
        annotations::unpoison(bottom, top - bottom);
    }

    /// Leaks it, with its arena: its memory is never used again.
    pub fn leak(self) {
        let (bottom, top) = self.bounds();
        annotations::leaked(bottom, top - bottom);
        let leaked = Box::into_raw(Box::new(self));
        LEAKED.lock().push(leaked.expose_provenance());
    }
}

// SAFETY: `base` is above `limit`, both lie within the arena's mapping, which `arena` keeps alive;
// the memory between is this value's alone (`Arena::cut` hands each slot out once, the pool gives
// a Stack to one owner at a time); below `limit` is the guard that `Arena::cut` has installed. The
// top is a multiple of 16 since pages and STAGGER are, and the size is at least 64 KiB.
unsafe impl CorosenseiStack for Stack {
    fn base(&self) -> StackPointer {
        pointer(self.bounds().1)
    }

    fn limit(&self) -> StackPointer {
        pointer(self.bounds().0)
    }
}

fn pointer(address: usize) -> StackPointer {
    StackPointer::new(address).expect("no mapping has the address 0")
}
