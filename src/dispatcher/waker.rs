// SPDX-License-Identifier: MIT
//! Wakers that are nothing but a handle: cloning one is free, a stale one does nothing, and one
//! that is used on another OS thread goes through the dispatcher's inbox.

use super::handle::Handle;
use super::registry;
use std::mem::ManuallyDrop;
use std::task::{RawWaker, RawWakerVTable, Waker};

static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, forget);

/// A waker of the coroutine, operation or root stack that `who` names. Dropping it would do nothing, at
/// the cost of a call.
#[inline]
pub fn waker(who: Handle) -> ManuallyDrop<Waker> {
    // SAFETY: the data pointer is never dereferenced: it carries a handle's bits, which every
    // function of the table turns back and checks against the registry. All of them may be called
    // from any OS thread, any number of times, as RawWaker asks.
    ManuallyDrop::new(unsafe { Waker::from_raw(raw(who)) })
}

fn raw(who: Handle) -> RawWaker {
    RawWaker::new(std::ptr::without_provenance(who.bits() as usize), &TABLE)
}

unsafe fn clone(data: *const ()) -> RawWaker {
    RawWaker::new(data, &TABLE)
}

unsafe fn wake(data: *const ()) {
    if let Some(who) = Handle::from_bits(data.addr() as u64) {
        registry::wake(who);
    }
}

unsafe fn forget(_: *const ()) {}

/// Whom a waker of this module wakes. None for another's waker.
pub fn woken_by(waker: &Waker) -> Option<Handle> {
    let own = std::ptr::eq(waker.vtable(), &TABLE);
    own.then(|| Handle::from_bits(waker.data().addr() as u64))?
}
