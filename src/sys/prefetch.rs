// SPDX-License-Identifier: MIT
//! Having memory brought near that is needed soon. A hint: it reads nothing, faults never, and changes no
//! result.

/// Bytes of a cache line of the processors that there are.
const LINE: usize = 64;

/// Asks for `lines` cache lines from `address` on.
#[inline]
pub fn lines(address: *const (), lines: usize) {
    for line in 0..lines {
        line_at(address.wrapping_byte_add(line * LINE));
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn line_at(address: *const ()) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: PREFETCHT0 accesses nothing that a program could see, whatever the address; SSE is part of
    // the x86-64 baseline.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
}

#[cfg(target_arch = "aarch64")]
#[inline]
fn line_at(address: *const ()) {
    // SAFETY: PRFM is a hint that accesses nothing that a program could see, whatever the address.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
}
