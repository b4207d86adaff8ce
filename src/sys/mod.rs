// SPDX-License-Identifier: MIT
//! Everything that talks to the operating system, and the only place that knows which one it is.
//!
//! A platform supplies: `annotations` (telling sanitizers what they do not see), `clock` (monotonic time),
//! `os_thread` (who calls, and starting others), `parking` (sleeping until a word changes), `prefetch`
//! (memory that is needed soon), `process` (whether it was forked), `memory` (reserving, guarding and giving
//! back address space), `symbols` (looking a name up in the process), `descriptor` (what an open descriptor
//! is), `segv` (faulting accesses of memory), `pages` (which are touched), `file` (the few that are read or removed), `interface` (network interfaces), `names` (looking hosts
//! up), `timer` (a descriptor that tells of time), `typed` (values that know their type), `pool` (OS threads), `search` (for a byte), `signals`
//! (their handlers), `socket` (opening and connecting), `stream` (reading, writing, accepting) and `wiping`
//! (memory that keeps no secrets). Today that is Linux; another platform puts files with the same function
//! names beside these. `faults`, a feature for tests, has them fail.

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("copas runs on 64-bit Linux only: src/sys has no other platform yet");

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!(
    "copas runs on x86-64 and AArch64 only: src/sys/os_thread.rs and prefetch.rs have no other yet"
);

pub mod annotations;
pub mod clock;
pub mod descriptor;
#[cfg(feature = "faults")]
pub mod faults;
pub mod file;
pub mod interface;
pub mod kernel;
pub mod memory;
#[cfg(shuttle)]
pub mod model;
pub mod names;
pub mod os_thread;
pub mod pages;
pub mod parking;
pub mod pool;
pub mod prefetch;
pub mod process;
pub mod search;
pub mod segv;
pub mod signals;
pub mod socket;
pub mod stream;
pub mod symbols;
pub mod sync;
pub mod timer;
pub mod typed;
pub mod wiping;
