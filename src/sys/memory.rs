// SPDX-License-Identifier: MIT
//! Address space for stacks: reserving it, guarding it, giving its pages back.

use super::descriptor::check;
#[cfg(feature = "faults")]
use super::faults::{self, Call};
use std::io;
use std::ptr::{self, NonNull};

/// madvise(2) advice of Linux 6.13: a guard without a mapping of its own.
const MADV_GUARD_INSTALL: libc::c_int = 102;

/// A mapping of zeroed, lazily committed memory; unmapped when dropped.
pub struct Region {
    start: NonNull<u8>,
    len: usize,
}

impl Region {
    /// Reserves `len` bytes: readable, writable, without huge pages, committed page by page.
    pub fn reserve(len: usize) -> io::Result<Self> {
        #[cfg(feature = "faults")]
        faults::check(Call::Map)?;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches nothing.
        let start = unsafe { libc::mmap(ptr::null_mut(), len, protection, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the range was just mapped; the advice changes no content, and may be refused.
        unsafe { libc::madvise(start, len, libc::MADV_NOHUGEPAGE) };
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Region { start, len })
    }

    /// The address of its first byte.
    pub fn start(&self) -> usize {
        self.start.as_ptr() as usize
    }

    /// Makes every access to a part of it fault, without a mapping of its own. Fails on a kernel
    /// older than 6.13 and on locked memory.
    pub fn install_guard(&self, offset: usize, len: usize) -> io::Result<()> {
        self.advise(offset, len, MADV_GUARD_INSTALL)
    }

    /// Makes every access to a part of it fault, by a mapping of its own.
    pub fn protect(&self, offset: usize, len: usize) -> io::Result<()> {
        let part = self.part(offset, len);
        #[cfg(feature = "faults")]
        faults::check(Call::Map)?;
        // SAFETY: `part` has checked that the range lies within this mapping.
        check(unsafe { libc::mprotect(part, len, libc::PROT_NONE) }).map(|_| ())
    }

    /// Gives the pages of a part back; it reads as zeros afterwards.
    pub fn discard(&self, offset: usize, len: usize) -> io::Result<()> {
        self.advise(offset, len, libc::MADV_DONTNEED)
    }

    fn advise(&self, offset: usize, len: usize, advice: libc::c_int) -> io::Result<()> {
        let part = self.part(offset, len);
        #[cfg(feature = "faults")]
        faults::check(Call::Map)?;
        // SAFETY: `part` has checked that the range lies within this mapping, whose owner says
        // that nothing in the range is in use.
        check(unsafe { libc::madvise(part, len, advice) }).map(|_| ())
    }

    /// The address of a part, which must lie within.
    fn part(&self, offset: usize, len: usize) -> *mut libc::c_void {
        assert!(
            offset <= self.len && len <= self.len - offset,
            "a part of the region"
        );
        self.start.as_ptr().wrapping_add(offset).cast()
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: this value owns the mapping, and its owner has given up every use of it.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

/// Bytes of memory that the machine has.
pub fn installed() -> usize {
    // SAFETY: sysconf reads no memory of ours.
    let pages = unsafe { libc::sysconf(libc::_SC_PHYS_PAGES) };
    usize::try_from(pages).map_or(usize::MAX, |pages| pages.saturating_mul(page_size()))
}

/// Bytes of a page.
pub fn page_size() -> usize {
    // SAFETY: sysconf reads no memory of ours.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}
