// SPDX-License-Identifier: MIT
//! A stack: memory cut from an arena, with what tools know of it.
//!
//! ```text
//!  | guard | ...  frames of the coroutine ... | head |
//!          bottom                             base   top
//! ```
//!
//! The head is the place of whoever has coroutines run on it (`switch`): in the page that is in use anyway.

use super::arena::Arena;
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

/// Bytes of the head. What a switch touches lies at its beginning; the first two words below the base are
/// touched with it, and share its cache line.
pub(super) const HEAD: usize = 4 * 64 - 16;

/// Where leaked stacks are, so that leak checkers can tell what is meant from what is lost.
static LEAKED: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// A stack. Its arena lives at least as long.
pub struct Stack {
    arena: Rc<Arena>,
    slot: usize,
    top: usize,
    _registration: ValgrindStackRegistration,
}

impl Stack {
    /// Cuts the arena's next stack. None when the arena is used up.
    pub fn cut(arena: &Rc<Arena>) -> std::io::Result<Option<Self>> {
        let Some(slot) = arena.cut()? else {
            return Ok(None);
        };
        let (bottom, highest) = arena.bounds(slot);
        Ok(Some(Stack {
            arena: Rc::clone(arena),
            slot,
            top: highest - (slot % TOPS) * STAGGER,
            _registration: ValgrindStackRegistration::new(bottom as *mut u8, highest - bottom),
        }))
    }

    /// The usable bytes that its pool knows it by.
    pub fn size(&self) -> usize {
        self.arena.stack_size()
    }

    /// The lowest and the highest address of what coroutines use.
    pub fn bounds(&self) -> (usize, usize) {
        (self.arena.bounds(self.slot).0, self.top - HEAD)
    }

    /// The memory of its head.
    pub(super) fn head<T>(&self) -> *mut T {
        const {
            assert!(size_of::<T>() <= HEAD && align_of::<T>() <= 16);
        }
        std::ptr::with_exposed_provenance_mut(self.top - HEAD)
    }

    /// Gives its pages back.
    pub fn discard(&self) {
        self.arena.discard(self.slot);
    }

    /// Leaks it, with its arena: its memory is never used again.
    pub fn leak(self) {
        let bottom = self.bounds().0;
        annotations::leaked(bottom, self.top - bottom);
        let leaked = Box::into_raw(Box::new(self));
        LEAKED.lock().push(leaked.expose_provenance());
    }
}

// SAFETY: `base` is above `limit`, both lie within the arena's mapping, which `arena` keeps alive;
// the memory between is this value's alone (`Arena::cut` hands each slot out once, the pool gives
// a Stack to one owner at a time, the head lies above); below `limit` is the guard that `Arena::cut`
// has installed. The base is a multiple of 16 since pages, STAGGER and HEAD are, and the size is at
// least 64 KiB.
unsafe impl CorosenseiStack for Stack {
    #[inline]
    fn base(&self) -> StackPointer {
        pointer(self.top - HEAD)
    }

    fn limit(&self) -> StackPointer {
        pointer(self.bounds().0)
    }
}

#[inline]
fn pointer(address: usize) -> StackPointer {
    StackPointer::new(address).expect("no mapping has the address 0")
}
