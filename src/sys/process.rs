// SPDX-License-Identifier: MIT
//! Which process runs: a child of fork(2) has all the memory of its parent, but one page that the
//! kernel empties for it (MADV_WIPEONFORK, Linux 4.14).

use std::ptr;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicPtr, AtomicU32};

/// What stands for the page until `mark` is called: 0 for ever.
static UNTRIED: AtomicU32 = AtomicU32::new(0);
/// What stands for it where it was not to be had: 0 for ever. That is not tried again, or what the process has
/// begun without a number would look inherited.
static NO_PAGE: AtomicU32 = AtomicU32::new(0);
/// The page's first word.
static PAGE: AtomicPtr<AtomicU32> = AtomicPtr::new((&raw const UNTRIED).cast_mut());
/// The last number that a process has got.
static LAST: AtomicU32 = AtomicU32::new(0);

/// This process' number: never that of a process that it was forked from; 0 when it has none yet, or gets none.
#[inline]
pub fn number() -> u32 {
    word().load(SeqCst)
}

#[inline]
fn word() -> &'static AtomicU32 {
    // SAFETY: one of two statics, or the page that `mark` has mapped for good.
    unsafe { &*PAGE.load(SeqCst) }
}

/// Gives this process a number, unless it has one.
pub fn mark() {
    if ptr::eq(word(), &UNTRIED) {
        let page = map();
        let kept = page.map_or((&raw const NO_PAGE).cast_mut(), ptr::NonNull::as_ptr);
        let before = (&raw const UNTRIED).cast_mut();
        let first = PAGE.compare_exchange(before, kept, SeqCst, SeqCst).is_ok();
        if let Some(page) = page
            && !first
        {
            unmap(page.as_ptr());
        }
    }
    if !ptr::eq(word(), &NO_PAGE) && number() == 0 {
        let next = LAST.fetch_add(1, SeqCst) + 1;
        // Whoever came first has given it.
        let _ = word().compare_exchange(0, next, SeqCst, SeqCst);
    }
}

/// A page that is empty after a fork, if there is one to be had.
fn map() -> Option<ptr::NonNull<AtomicU32>> {
    // The interpreter knows no such advice.
    if cfg!(miri) {
        return None;
    }
    #[cfg(feature = "faults")]
    super::faults::check(super::faults::Call::Map).ok()?;
    let size = super::memory::page_size();
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping where the kernel wants it touches no memory of ours.
    let page = unsafe { libc::mmap(ptr::null_mut(), size, protection, flags, -1, 0) };
    if page == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the page was just mapped; the advice changes its content in children only.
    if unsafe { libc::madvise(page, size, libc::MADV_WIPEONFORK) } != 0 {
        unmap(page.cast());
        return None;
    }
    ptr::NonNull::new(page.cast())
}

/// Gives back a page that `map` has made and nobody knows of.
fn unmap(page: *mut AtomicU32) {
    // SAFETY: the page was mapped by `map`, and nobody uses it.
    unsafe { libc::munmap(page.cast(), super::memory::page_size()) };
}
