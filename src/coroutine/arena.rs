// SPDX-License-Identifier: MIT
//! Large mappings that stacks are cut from.
//!
//! ```text
//!  arena  | guard | stack 0 | guard | stack 1 | guard | stack 2 | ...
//!          <----- a slot --->
//! ```
//!
//! Stacks grow downwards, towards their guard. The guard is wide because compilers that do not
//! probe (no -fstack-clash-protection) jump over a narrow one with a single large frame.

use crate::sys::memory::{Region, page_size};
use std::cell::Cell;
use std::io;

/// Bytes of a guard that costs no mapping of its own.
pub const WIDE_GUARD: usize = 256 * 1024;
/// Bytes of a guard made by mprotect(2), where the kernel cannot do the other.
const NARROW_GUARD: usize = 64 * 1024;

/// Slots of the first arena of a size; each further one has twice as many.
const FIRST_SLOTS: usize = 16;
/// Slots of the largest arenas: 2 GiB of address space with stacks of 256 KiB.
const MOST_SLOTS: usize = 4096;

/// A mapping with room for many stacks of one size.
pub struct Arena {
    region: Region,
    stack_size: usize,
    slot_size: usize,
    slots: usize,
    /// Slots that have been cut already.
    cut: Cell<usize>,
}

impl Arena {
    /// Reserves the arena that comes after `before` others of its size.
    pub fn reserve(stack_size: usize, before: usize) -> io::Result<Self> {
        let slots = (FIRST_SLOTS << before.min(16)).min(MOST_SLOTS);
        let slot_size = slot_size(stack_size);
        let region = Region::reserve(slots * slot_size)?;
        Ok(Arena {
            region,
            stack_size,
            slot_size,
            slots,
            cut: Cell::new(0),
        })
    }

    /// Cuts the next slot: its number, with its guard in place. None when all are cut.
    pub fn cut(&self) -> io::Result<Option<usize>> {
        let slot = self.cut.get();
        if slot == self.slots {
            return Ok(None);
        }
        let offset = (slot + 1) * self.slot_size - self.stack_size - WIDE_GUARD;
        if self.region.install_guard(offset, WIDE_GUARD).is_err() {
            let narrow = offset + WIDE_GUARD - NARROW_GUARD;
            self.region.protect(narrow, NARROW_GUARD)?;
        }
        self.cut.set(slot + 1);
        Ok(Some(slot))
    }

    /// The lowest and the highest address of a slot's stack.
    pub fn bounds(&self, slot: usize) -> (usize, usize) {
        let top = self.region.start() + (slot + 1) * self.slot_size;
        (top - self.stack_size, top)
    }

    /// Gives the pages of a slot's stack back.
    pub fn discard(&self, slot: usize) {
        let offset = (slot + 1) * self.slot_size - self.stack_size;
        let _ = self.region.discard(offset, self.stack_size);
    }

    /// The usable bytes of each of its stacks.
    pub fn stack_size(&self) -> usize {
        self.stack_size
    }
}

/// Bytes from one stack to the next: an odd number of pages. The lowest bits of a page's number choose its
/// place in the processor's table of translations; with a power of two between them the first pages
/// of all stacks, which are in use, would share a few places.
fn slot_size(stack_size: usize) -> usize {
    let page = page_size();
    (((WIDE_GUARD + stack_size) / page) | 1) * page
}

/// A stack size in whole pages.
pub fn whole_pages(size: usize) -> usize {
    size.next_multiple_of(page_size())
}
