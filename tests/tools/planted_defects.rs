// SPDX-License-Identifier: MIT
//! Defects in Rust code, which scripts/check-asan must see its tool report before it trusts the silence
//! of the library that is built in the same way.

use std::hint::black_box;

/// Reads a block that was freed.
#[unsafe(no_mangle)]
pub extern "C" fn planted_use_after_free() {
    let block = Box::into_raw(Box::new(7u64));
    // SAFETY: the first line gives back what Box made; the second one is the defect.
    unsafe {
        drop(Box::from_raw(block));
        black_box(black_box(block).read_volatile());
    }
}

/// Reads beyond the end of a block.
#[unsafe(no_mangle)]
pub extern "C" fn planted_overflow() {
    let block = black_box(vec![0u8; 16]);
    // SAFETY: none, this is the defect.
    black_box(unsafe { block.as_ptr().add(16).read_volatile() });
}
