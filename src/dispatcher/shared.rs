// SPDX-License-Identifier: MIT
//! Objects that belong to no dispatcher, and that any OS thread may use: their handles have the number
//! 0, under which no dispatcher is.

use super::handle::{Handle, Kind};
use super::slots::Slots;
use crate::status::{Fault, Outcome, Status};
use crate::sys::sync::RwLock;
use crate::sys::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use crate::sys::sync::atomic::{AtomicPtr, AtomicU32};
use crate::sys::{annotations, process};
use std::any::Any;
use std::ptr;
use std::sync::{Arc, PoisonError};

/// An object, with its type erased.
type Object = Arc<dyn Any + Send + Sync>;

/// The objects of one process. A child of fork(2) makes a table of its own: the lock of the one that it
/// has inherited may be held by an OS thread that it does not have.
struct Table {
    process: u32,
    /// The generations of its slots start here; lower ones are those of inherited tables.
    first: u32,
    slots: RwLock<Slots<Object>>,
    /// The one before, which nobody uses: kept in sight of tools that look for lost memory.
    _inherited: Option<&'static Table>,
}

/// The table that was made last; NULL before the first object.
static TABLE: AtomicPtr<Table> = AtomicPtr::new(ptr::null_mut());
/// A generation above all that were given out.
static NEXT_GENERATION: AtomicU32 = AtomicU32::new(1);

/// The table that was made last.
fn last() -> Option<&'static Table> {
    // SAFETY: NULL, or a table that `own` has leaked for good.
    unsafe { TABLE.load(Acquire).as_ref() }
}

/// This process' table, made if there is none.
fn own() -> &'static Table {
    let before = last();
    if let Some(table) = before
        && table.process == process::number()
    {
        return table;
    }
    process::mark();
    annotations::prepare();
    let first = NEXT_GENERATION.load(Relaxed);
    let new = Box::into_raw(Box::new(Table {
        process: process::number(),
        first,
        slots: RwLock::new(Slots::new(first)),
        _inherited: before,
    }));
    let before = before.map_or(ptr::null_mut(), |table| ptr::from_ref(table).cast_mut());
    match TABLE.compare_exchange(before, new, AcqRel, Acquire) {
        // SAFETY: leaked on purpose, so that it can be used without counting.
        Ok(_) => unsafe { &*new },
        Err(_) => {
            // SAFETY: this very call has made it, and nobody else knows of it.
            drop(unsafe { Box::from_raw(new) });
            own()
        }
    }
}

/// The table that a handle is of.
fn table_of(handle: Handle) -> Outcome<&'static Table> {
    if handle.dispatcher() != 0 {
        return Err(Fault::invalid("the handle is of another kind of object"));
    }
    let table = last().ok_or(Status::STALE)?;
    let inherited = table.process != process::number() || handle.generation() < table.first;
    if inherited {
        return Err(Status::FORKED.into());
    }
    Ok(table)
}

/// Keeps an object until it is removed, under a handle of this kind.
pub fn share<T: Any + Send + Sync>(kind: Kind, object: T) -> Outcome<Handle> {
    let table = own();
    let mut handle = None;
    let mut slots = table.slots.write().unwrap_or_else(PoisonError::into_inner);
    annotations::acquired(&NEXT_GENERATION);
    slots.insert_with(|slot, generation| {
        handle = Some(Handle::new(kind, 0, slot, generation));
        let object: Object = Arc::new(object);
        object
    });
    NEXT_GENERATION.fetch_max(slots.next_generation(), Relaxed);
    annotations::released(&NEXT_GENERATION);
    handle.ok_or_else(|| Status::LIMIT.into())
}

/// The object of a handle, if it is a `T`.
pub fn shared<T: Any + Send + Sync>(handle: Handle) -> Outcome<Arc<T>> {
    let slots = table_of(handle)?.slots.read();
    let slots = slots.unwrap_or_else(PoisonError::into_inner);
    let object = slots.get(handle.slot(), handle.generation()).cloned();
    drop(slots);
    object
        .ok_or(Status::STALE)?
        .downcast()
        .map_err(|_| Fault::invalid("the handle is of another kind of object"))
}

/// Takes an object out, if it is a `T`: its handle is stale.
pub fn unshare<T: Any + Send + Sync>(handle: Handle) -> Outcome<Arc<T>> {
    let object = shared(handle)?;
    let mut slots = table_of(handle)?
        .slots
        .write()
        .unwrap_or_else(PoisonError::into_inner);
    annotations::acquired(&NEXT_GENERATION);
    let removed = slots.remove(handle.slot(), handle.generation());
    NEXT_GENERATION.fetch_max(slots.next_generation(), Relaxed);
    annotations::released(&NEXT_GENERATION);
    drop(slots);
    // Two that remove it at the same time: the second one is late.
    removed.map(|_| object).ok_or_else(|| Status::STALE.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_found_by_its_handle_until_it_is_removed() {
        let handle = share(Kind::Object, 7_u32).unwrap();
        assert_eq!(*shared::<u32>(handle).unwrap(), 7);
        let status = |outcome: Outcome<Arc<u32>>| outcome.unwrap_err().status;
        assert_eq!(*unshare::<u32>(handle).unwrap(), 7);
        assert_eq!(status(shared(handle)), Status::STALE);
        assert_eq!(status(unshare(handle)), Status::STALE);
    }

    #[test]
    fn an_object_of_another_kind_is_not_given() {
        let handle = share(Kind::Object, 7_u32).unwrap();
        assert_eq!(shared::<u64>(handle).unwrap_err().status, Status::INVALID);
        let of_a_dispatcher = Handle::new(Kind::Object, 1, 0, 1);
        assert_eq!(
            shared::<u32>(of_a_dispatcher).unwrap_err().status,
            Status::INVALID
        );
        assert!(unshare::<u32>(handle).is_ok());
    }

    #[test]
    fn of_two_who_remove_it_one_gets_it() {
        for _ in 0..if cfg!(miri) { 10 } else { 200 } {
            let handle = share(Kind::Object, 1_u32).unwrap();
            let got: usize = std::thread::scope(|scope| {
                let removers = [(); 2].map(|()| scope.spawn(|| unshare::<u32>(handle).is_ok()));
                let got = removers.map(|remover| usize::from(remover.join().unwrap()));
                got.iter().sum()
            });
            assert_eq!(got, 1);
        }
    }
}
