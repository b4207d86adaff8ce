// SPDX-License-Identifier: MIT
//! Memory that is given back without what was in it: keys, and what was received and sent in secret.

#[cfg(feature = "tls")]
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Blocks from this size on are not wiped by the allocator, which does not know how much of them was
/// used: they are the sockets' buffers and key files, which are wiped by who has them, and certificates.
#[cfg(feature = "tls")]
const LARGE: usize = 64 * 1024;

/// Whether the process has secrets.
static ON: AtomicBool = AtomicBool::new(false);

/// From now on freed memory is wiped.
#[cfg(feature = "tls")]
pub fn begin() {
    ON.store(true, Relaxed);
}

/// Whether freed memory is wiped.
#[inline]
pub fn is_on() -> bool {
    ON.load(Relaxed)
}

/// Overwrites memory that nobody needs any more.
pub fn wipe(memory: &mut [u8]) {
    memory.fill(0);
    keep(memory.as_ptr());
}

/// Has the compiler believe that the memory is looked at.
fn keep(memory: *const u8) {
    // SAFETY: no instruction; the operand is not dereferenced.
    unsafe { std::arch::asm!("/* {0} */", in(reg) memory, options(nostack, preserves_flags)) };
}

/// The system's allocator, which wipes what it takes back.
#[cfg(feature = "tls")]
pub struct Wiping;

// SAFETY: every call goes to the system's allocator with the arguments that it came with; before a
// block goes back, only that block is written to, which nobody uses any more.
#[cfg(feature = "tls")]
unsafe impl GlobalAlloc for Wiping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps to the contract of GlobalAlloc.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if is_on() && layout.size() < LARGE {
            // SAFETY: the caller gives the whole block back: it may be written to. It is no slice, for not
            // all of it need have been written to before.
            unsafe { block.write_bytes(0, layout.size()) };
            keep(block);
        }
        // SAFETY: as in `alloc`.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !is_on() || layout.size() >= LARGE {
            // SAFETY: as in `alloc`.
            return unsafe { System.realloc(block, layout, size) };
        }
        // SAFETY: the caller says that `size` is not 0 and fits the alignment.
        let moved =
            unsafe { System.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !moved.is_null() {
            // SAFETY: both blocks are live, apart, and as long as that.
            unsafe { moved.copy_from_nonoverlapping(block, layout.size().min(size)) };
            // SAFETY: the caller gives the old block back.
            unsafe { self.dealloc(block, layout) };
        }
        moved
    }
}
