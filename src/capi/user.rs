// SPDX-License-Identifier: MIT
//! A program's pointer that outlives a call, with its finalizer.

use super::types::copas_free_fn;
use crate::dispatcher::current;
use core::ffi::c_void;

/// Calls the finalizer exactly once: when it is dropped.
pub struct User {
    pointer: *mut c_void,
    free: copas_free_fn,
}

impl User {
    /// Takes the pointer into the library's care.
    pub fn new(pointer: *mut c_void, free: copas_free_fn) -> Self {
        User { pointer, free }
    }

    /// Gives the pointer out of the library's care: the finalizer is not called.
    pub fn into_pointer(mut self) -> *mut c_void {
        self.free = None;
        self.pointer
    }

    /// The pointer.
    pub fn pointer(&self) -> *mut c_void {
        self.pointer
    }
}

impl Drop for User {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            // SAFETY: the program gave the function for this very pointer; it is called once.
            current::calling_back(|| unsafe { free(self.pointer) });
        }
    }
}
