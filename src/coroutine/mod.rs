// SPDX-License-Identifier: MIT
//! Coroutines: stacks and switching between them. Knows nothing of what runs on them.

mod annotations;
mod arena;
pub mod exceptions;
mod pool;
mod stack;
mod switch;

pub use pool::StackPool;
pub use switch::{Coroutine, State};
