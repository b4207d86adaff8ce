// SPDX-License-Identifier: MIT
//! libcopas: Copas, Lua's coroutine oriented portable asynchronous services, for C. The public
//! interface is include/copas.h; see docs/design.md for how the layers below it work.
//!
//! Layers, each a module that calls only those after it: `capi`, `net`, `sync`, `dispatcher`,
//! `coroutine`, `sys`.

pub mod capi;
mod coroutine;
mod dispatcher;
mod net;
mod status;
mod sync;
mod sys;
#[doc(hidden)]
pub mod testing;

/// A library with secrets leaves none in freed memory.
#[cfg(feature = "tls")]
#[global_allocator]
static ALLOCATOR: sys::wiping::Wiping = sys::wiping::Wiping;
