// SPDX-License-Identifier: MIT
//! Coroutines: stacks and switching between them, OS threads and the baton between those. Knows
//! nothing of what runs on them.

mod arena;
mod baton;
mod carried;
mod carrier;
pub mod exceptions;
mod job;
mod os_threads;
mod pool;
mod stack;
mod switch;
mod vehicle;

pub use arena::{WIDE_GUARD as GUARD, whole_pages};
pub use os_threads::OsThreads;
pub use pool::StackPool;
pub use switch::State;
pub use vehicle::{Coroutine, Vehicle};
