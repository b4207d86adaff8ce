// SPDX-License-Identifier: MIT
//! The exports about mailboxes.

use super::guard::{Named, answer, handle_of, on, pointer, seconds as check_seconds};
use super::memory::place;
use super::types::{copas_free_fn, copas_mailbox};
use super::user::User;
use super::{c_int, copas_status};
use crate::dispatcher::{Dispatcher, Kind, current, shared};
use crate::status::{Fault, Outcome, Status};
use crate::sync;
use core::ffi::c_void;
use std::sync::Arc;

/// A program's pointer on its way from one OS thread to another.
pub(super) struct Parcel(pub(super) User);

// SAFETY: the library only carries the pointer; that it may be used, and released, on another OS thread
// is what the program says by putting it into a mailbox.
unsafe impl Send for Parcel {}

/// A mailbox of the program's pointers, with the finalizer that each of them has while it is inside.
pub(super) struct Mailbox {
    free: copas_free_fn,
    pub(super) items: Arc<sync::Mailbox<Parcel>>,
}

impl Mailbox {
    /// An item of the program, owned by nobody else from now on.
    pub(super) fn own(&self, item: *mut c_void) -> Parcel {
        Parcel(User::new(item, self.free))
    }
}

/// The mailbox of a pointer.
pub(super) fn mailbox_of<P: Named>(mailbox: *const P) -> Outcome<Arc<Mailbox>> {
    shared::shared(handle_of(mailbox)?)
}

/// Makes an empty mailbox of at most `most` items (at least 1). `item_free` may be NULL; else it is
/// called, on the OS thread that destroys the mailbox, for each item that is left in it then.
/// May be called from any OS thread. Errors: COPAS_INVALID (also when `most` is 0 or `out` NULL),
/// COPAS_LIMIT. Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_mailbox_new(
    most: usize,
    item_free: copas_free_fn,
    out: *mut *mut copas_mailbox,
) -> copas_status {
    answer(|| {
        // SAFETY: NULL or writable, as the comment asks.
        let out = unsafe { place(out, "out") }?;
        if most == 0 {
            return Err(Fault::invalid("a mailbox has room for at least one item"));
        }
        let mailbox = Mailbox {
            free: item_free,
            items: Arc::new(sync::Mailbox::new(most)),
        };
        out.write(pointer(shared::share(Kind::Object, mailbox)?));
        Ok(())
    })
}

/// Puts an item, which may be NULL, into the mailbox, waiting for at most `timeout` seconds (0: not at
/// all) while it is full. Those that wait come in their order, whichever their dispatchers. On an
/// error the item stays the caller's; afterwards it belongs to the mailbox, then to whoever takes it.
/// What the caller did before is seen by whoever takes it.
///
/// A coroutine of any dispatcher may wait, and its wait keeps its loop alive. With a `timeout` of 0 it
/// may be called from any OS thread, also one without a dispatcher, and in callbacks; not in a signal
/// handler. The root stack waits with copas_select().
///
/// Errors: COPAS_TIMEOUT (full); COPAS_CANCELED; COPAS_STOPPED; COPAS_DESTROYED (meanwhile);
/// COPAS_CANNOT_WAIT; COPAS_INVALID (also when `timeout` is NAN); COPAS_STALE; COPAS_FORKED.
/// Switch point in a coroutine, also where there is room.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn copas_mailbox_put(
    mailbox: *mut copas_mailbox,
    item: *mut c_void,
    timeout: f64,
) -> copas_status {
    answer(|| {
        let mailbox = mailbox_of(mailbox)?;
        let timeout = check_seconds(timeout)?;
        // Owned by the program until it is put: no finalizer runs for it on an error.
        let keep = |(fault, item): (Fault, Option<Parcel>)| {
            item.map(|item| item.0.into_pointer());
            fault
        };
        by_caller(
            timeout,
            |d| sync::put_item(d, &mailbox.items, mailbox.own(item), timeout).map_err(keep),
            || {
                let put = mailbox.items.put_now(mailbox.own(item));
                put.map_err(|(status, item)| keep((status.into(), item)))
            },
        )
    })
}

/// Takes the oldest item, waiting for at most `timeout` seconds (0: not at all) until there is one.
/// Those that wait come in their order, whichever their dispatchers. The item belongs to the caller.
/// Who may wait: as copas_mailbox_put().
///
/// Errors: COPAS_TIMEOUT (empty); COPAS_CANCELED; COPAS_STOPPED (and empty); COPAS_DESTROYED
/// (meanwhile); COPAS_CANNOT_WAIT; COPAS_INVALID (also when `item` is NULL or `timeout` NAN);
/// COPAS_STALE; COPAS_FORKED. Switch point in a coroutine, also where there is an item.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_mailbox_take(
    mailbox: *mut copas_mailbox,
    timeout: f64,
    item: *mut *mut c_void,
) -> copas_status {
    answer(|| {
        let mailbox = mailbox_of(mailbox)?;
        let timeout = check_seconds(timeout)?;
        // SAFETY: NULL or writable, as the comment asks.
        let item = unsafe { place(item, "item") }?;
        let taken = by_caller(
            timeout,
            |d| sync::take_item(d, &mailbox.items, timeout),
            || mailbox.items.take_now().map_err(Fault::from),
        )?;
        item.write(taken.0.into_pointer());
        Ok(())
    })
}

/// How many items are in the mailbox (at most 2,147,483,647 are told); others may change it at any
/// time. May be called from any OS thread. Errors: COPAS_INVALID, COPAS_STALE, COPAS_FORKED.
/// Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_mailbox_size(mailbox: *mut copas_mailbox) -> c_int {
    answer(|| {
        let len = mailbox_of(mailbox)?.items.len();
        Ok(c_int::try_from(len).unwrap_or(c_int::MAX))
    })
}

/// Takes no further items: puts answer COPAS_STOPPED, takes too once the mailbox is empty. May be
/// called twice, and from any OS thread. Errors: COPAS_INVALID, COPAS_STALE, COPAS_FORKED.
/// Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_mailbox_stop(mailbox: *mut copas_mailbox) -> copas_status {
    answer(|| {
        mailbox_of(mailbox)?.items.stop();
        Ok(())
    })
}

/// Destroys the mailbox: its handle is stale, those that wait get COPAS_DESTROYED, and the items that
/// are left go to the finalizer. May be called from any OS thread, also while others use it: of two
/// calls one answers COPAS_STALE. No dispatcher destroys a mailbox by itself.
/// Errors: COPAS_INVALID, COPAS_STALE, COPAS_FORKED. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_mailbox_destroy(mailbox: *mut copas_mailbox) -> copas_status {
    answer(|| {
        let removed: Arc<Mailbox> = shared::unshare(handle_of(mailbox)?)?;
        removed.items.destroy();
        Ok(())
    })
}

/// Acts for the caller: on the dispatcher that is in a step on this OS thread, or, where there is none,
/// at once, which allows no wait.
fn by_caller<R>(
    timeout: f64,
    inside: impl FnOnce(&Dispatcher) -> Outcome<R>,
    outside: impl FnOnce() -> Outcome<R>,
) -> Outcome<R> {
    match current::get() {
        Some(c) => on(c, |d| inside(d)),
        None if timeout == 0.0 => outside(),
        None => Err(Status::CANNOT_WAIT.into()),
    }
}
