// SPDX-License-Identifier: MIT
//! What OS threads share and wait by: locks, conditions, atomics, and the OS threads themselves. The standard
//! library's; under `cfg(shuttle)` the model checker's, which runs the same code in orders of its choice
//! (tests/model). Code whose OS threads meet takes these from here.

#[cfg(not(shuttle))]
pub use parking_lot::Mutex as Lock;
#[cfg(not(shuttle))]
pub use std::sync::{Condvar, Mutex, MutexGuard, RwLock, atomic};
#[cfg(not(shuttle))]
pub use std::thread::{JoinHandle, yield_now};
#[cfg(not(shuttle))]
pub use std::thread_local;

#[cfg(shuttle)]
pub use super::model::{Condvar, JoinHandle, Lock};
#[cfg(shuttle)]
pub use shuttle::sync::{Mutex, MutexGuard, RwLock, atomic};
#[cfg(shuttle)]
pub use shuttle::thread::yield_now;
#[cfg(shuttle)]
pub use shuttle::thread_local;
