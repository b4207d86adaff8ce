// SPDX-License-Identifier: MIT
//! What runs on this OS thread: which dispatcher is in a step, and whether a callback is being
//! called outside of one. A handler asks by it for its dispatcher; nothing else depends on it.

use super::handle::Handle;
use crate::sys::segv;
use crate::sys::sync::thread_local;
use std::cell::Cell;

thread_local! {
    static STEPPING: Cell<Option<Handle>> = const { Cell::new(None) };
    static CALLBACKS: Cell<u32> = const { Cell::new(0) };
}

/// The dispatcher that is in a step on this OS thread.
pub fn get() -> Option<Handle> {
    STEPPING.with(Cell::get)
}

/// Marks a step, until dropped.
pub struct Stepping(());

impl Stepping {
    /// A step of `dispatcher` begins, or its handler on an OS thread of its own. None when one is
    /// under way on this OS thread already, or the program is being called back: in the middle of
    /// something perhaps.
    pub fn begin(dispatcher: Handle) -> Option<Self> {
        if is_inside() {
            return None;
        }
        STEPPING.with(|stepping| stepping.set(Some(dispatcher)));
        segv::prepare();
        Some(Stepping(()))
    }
}

impl Drop for Stepping {
    fn drop(&mut self) {
        STEPPING.with(|stepping| stepping.set(None));
    }
}

/// Calls the program back, so that no dispatcher is freed under the library's feet meanwhile.
pub fn calling_back<R>(callback: impl FnOnce() -> R) -> R {
    let counts = STEPPING.with(Cell::get).is_none();
    CALLBACKS.with(|calls| calls.set(calls.get() + u32::from(counts)));
    let result = callback();
    CALLBACKS.with(|calls| calls.set(calls.get() - u32::from(counts)));
    result
}

/// Whether the program is being called back on this OS thread, or a step is under way.
pub fn is_inside() -> bool {
    STEPPING.with(Cell::get).is_some() || CALLBACKS.with(Cell::get) != 0
}
