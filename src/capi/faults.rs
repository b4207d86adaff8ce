// SPDX-License-Identifier: MIT
//! The exports of builds with the feature `faults`. They are not in the header: nobody but tests links such a
//! library.

use crate::sys::faults;

/// Begins a schedule of made-up failures of system calls: which of them fail is decided by `seed`, how by
/// `kinds` (bits: 1 short reads and writes, 2 EINTR, 4 EAGAIN, 8 broken connections, 16 ENOMEM, 32 EMFILE, 64
/// failed mappings, 128 OS threads that do not start), and how many by `per_million`. Without kinds nothing
/// fails any more. May be called from any OS thread. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_faults(seed: u64, kinds: u32, per_million: u32) {
    faults::begin(seed, kinds, per_million);
}

/// How many failures of these kinds were made since the process began. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_faults_made(kinds: u32) -> u64 {
    faults::made(kinds)
}
