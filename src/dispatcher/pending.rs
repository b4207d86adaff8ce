// SPDX-License-Identifier: MIT
//! The one thing on a suspended coroutine's stack that others may touch: what it waits on.

use std::pin::Pin;
use std::ptr::NonNull;

/// The operation that a suspended coroutine waits on, with its type erased.
#[derive(Clone, Copy)]
pub struct Pending {
    operation: NonNull<()>,
    drop: unsafe fn(NonNull<()>),
}

impl Pending {
    /// Notes an operation that stays where it is until its wait has ended.
    pub(super) fn new<F>(operation: Pin<&mut F>) -> Self {
        unsafe fn drop<F>(operation: NonNull<()>) {
            // SAFETY: handed on to the caller, `release`.
            unsafe { operation.cast::<F>().drop_in_place() };
        }
        // SAFETY: the pointer is used for dropping in place only, which keeps the pinning promise.
        let operation = NonNull::from(unsafe { operation.get_unchecked_mut() });
        Pending {
            operation: operation.cast(),
            drop: drop::<F>,
        }
    }

    /// Drops the operation of a coroutine that will never run again.
    pub(super) fn release(self) {
        // SAFETY: `Dispatcher::abandon` alone calls this, once, after taking the note away; the
        // operation lies on the suspended coroutine's stack, which is leaked and never resumed, so
        // nobody else drops or uses it.
        unsafe { (self.drop)(self.operation) };
    }
}
