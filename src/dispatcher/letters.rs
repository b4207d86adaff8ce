// SPDX-License-Identifier: MIT
//! Letters on their way to a dispatcher, under a lock that a child of fork(2) can do without: the OS thread
//! that held it amid the fork is not there to open it.

use super::inbox::Letter;
use crate::sys::annotations;
use crate::sys::sync::Mutex;
use std::cell::UnsafeCell;
use std::sync::{PoisonError, TryLockError};

/// Letters that nobody has taken yet. The lock is one word of the kernel's (futex), without a queue in the
/// process that a fork could copy.
pub struct Letters(UnsafeCell<Mutex<Vec<Letter>>>);

// SAFETY: all go through the lock, but `unlock_inherited`, whose caller is alone.
unsafe impl Sync for Letters {}

impl Letters {
    /// None.
    pub const fn new() -> Self {
        Letters(UnsafeCell::new(Mutex::new(Vec::new())))
    }

    fn with<R>(&self, act: impl FnOnce(&mut Vec<Letter>) -> R) -> R {
        // SAFETY: only `unlock_inherited` changes it otherwise than through the lock, and its caller is alone.
        let letters = unsafe { &*self.0.get() };
        let mut letters = letters.lock().unwrap_or_else(PoisonError::into_inner);
        // Tools do not see the lock.
        annotations::acquired(self);
        let result = act(&mut letters);
        annotations::released(self);
        result
    }

    /// Adds one.
    pub fn push(&self, letter: Letter) {
        self.with(|letters| letters.push(letter));
    }

    /// Takes all, in the order in which they were added.
    pub fn take(&self) -> Vec<Letter> {
        self.with(std::mem::take)
    }

    /// Makes them usable in a child of fork(2). What was half done stays so, and is forgotten.
    ///
    /// # Safety
    /// They were inherited by fork, and nobody uses them in this process.
    pub unsafe fn unlock_inherited(&self) {
        // SAFETY: the caller says that nobody uses them.
        let letters = unsafe { &mut *self.0.get() };
        if matches!(letters.try_lock(), Err(TryLockError::WouldBlock)) {
            std::mem::forget(std::mem::take(letters));
        }
    }
}
