// SPDX-License-Identifier: MIT
//! The exports about locks.

use super::copas_status;
use super::guard::{answer, destroy, handle_of, on, on_object, pointer, seconds_or};
use super::memory::{place, put};
use super::types::{copas, copas_lock};
use crate::status::Fault;
use crate::sync::{self, Lock};

/// copas_lock_new(): its owner cannot get it again.
const NOT_REENTRANT: u64 = 1;
/// Seconds that a get waits where neither it nor the lock says otherwise, as in Copas.
pub(super) const PATIENCE: f64 = 10.0;

/// Makes a lock that nobody has. `timeout` is the time limit in seconds of copas_lock_get() calls
/// that name none; NAN: 10. `flags` is 0, or COPAS_NOT_REENTRANT: its owner gets COPAS_BUSY instead
/// of the lock again. Errors: COPAS_INVALID (also for an unknown flag, or when `out` is NULL),
/// COPAS_LIMIT, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_lock_new(
    c: *mut copas,
    timeout: f64,
    flags: u64,
    out: *mut *mut copas_lock,
) -> copas_status {
    answer(|| {
        on(handle_of(c)?, |d| {
            // SAFETY: NULL or writable, as the comment asks.
            let out = unsafe { place(out, "out") }?;
            if flags & !NOT_REENTRANT != 0 {
                return Err(Fault::invalid("flags is 0 or COPAS_NOT_REENTRANT"));
            }
            let seconds = seconds_or(timeout, PATIENCE);
            let handle = d.add_object(|_| Lock::new(flags & NOT_REENTRANT == 0, seconds))?;
            out.write(pointer(handle));
            Ok(())
        })
    })
}

/// Gets the lock for the calling coroutine (or the root stack), waiting for at most `timeout` seconds
/// (NAN: the lock's own limit; 0: not at all). Those that wait get it in the order of their coming.
/// Its owner gets it again at once and releases it as often. `waited` may be NULL; else it gets the
/// seconds that this took. With a `timeout` of 0 it may be called in callbacks, which are the root
/// stack here.
///
/// Errors: COPAS_TIMEOUT; COPAS_CANCELED; COPAS_DESTROYED (meanwhile); COPAS_BUSY (the caller has it,
/// and it is not re-entrant); COPAS_LIMIT (got 4,294,967,295 times); COPAS_CANNOT_WAIT (also in another
/// dispatcher's coroutine, for a lock that is free too); COPAS_INVALID; COPAS_STALE;
/// COPAS_WRONG_THREAD. Switch point, unless the lock is free or the caller's.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_lock_get(
    lock: *mut copas_lock,
    timeout: f64,
    waited: *mut f64,
) -> copas_status {
    on_object(lock, |d, lock: std::rc::Rc<Lock>| {
        d.bind();
        let passed = sync::get(d, &lock, seconds_or(timeout, lock.seconds))?;
        // SAFETY: NULL or writable, as the comment asks.
        unsafe { put(waited, passed) };
        Ok(())
    })
}

/// Gives the lock back; after as many releases as gets it belongs to the first that waits. A submitted
/// get counts from the delivery of its event on.
/// Errors: COPAS_NOT_OWNER, COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_lock_release(lock: *mut copas_lock) -> copas_status {
    on_object(lock, |d, lock: std::rc::Rc<Lock>| sync::release(d, &lock))
}

/// Destroys the lock: its handle is stale, and those that wait get COPAS_DESTROYED.
/// Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_lock_destroy(lock: *mut copas_lock) -> copas_status {
    destroy::<_, Lock>(lock)
}
