// SPDX-License-Identifier: MIT
//! Which pages of the process' memory have been touched, as the kernel's page map tells.

#[cfg(feature = "faults")]
use super::faults::{self, Call};
use super::memory::page_size;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// An entry of /proc/self/pagemap: the page is in memory, or was moved out to swap.
const TOUCHED: u64 = 1 << 63 | 1 << 62;

/// Entries that are read at once: a stack of 2 MiB takes one system call.
const ENTRIES: usize = 512;

/// The kernel's page map of this process.
pub struct PageMap(File);

impl PageMap {
    /// Opens it. Fails where /proc is not mounted, or is closed to this process.
    pub fn open() -> io::Result<Self> {
        #[cfg(feature = "faults")]
        faults::check(Call::File)?;
        File::open("/proc/self/pagemap").map(PageMap)
    }

    /// The address of the lowest page from `bottom` to `top` that has been touched since it was mapped or
    /// given back; `top` where none has.
    pub fn lowest_touched(&self, bottom: usize, top: usize) -> io::Result<usize> {
        let page = page_size();
        let mut buffer = [0u8; ENTRIES * size_of::<u64>()];
        let mut number = bottom / page;
        let end = top.div_ceil(page);
        while number < end {
            let count = ENTRIES.min(end - number);
            #[cfg(feature = "faults")]
            faults::check(Call::File)?;
            let bytes = &mut buffer[..count * size_of::<u64>()];
            self.0
                .read_exact_at(bytes, (number * size_of::<u64>()) as u64)?;
            let entries = bytes.as_chunks().0.iter().copied().map(u64::from_ne_bytes);
            if let Some(first) = { entries }.position(|entry| entry & TOUCHED != 0) {
                return Ok((number + first) * page);
            }
            number += count;
        }
        Ok(end * page)
    }
}
