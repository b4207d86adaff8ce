// SPDX-License-Identifier: MIT
//! The exports about semaphores.

use super::guard::{answer, destroy, handle_of, on, on_object, pointer, seconds_or};
use super::lock::PATIENCE;
use super::memory::place;
use super::types::{copas, copas_semaphore};
use super::{c_int, copas_status};
use crate::status::{Fault, Outcome};
use crate::sync::{self, Semaphore};
use std::rc::Rc;

/// Makes a semaphore of at most `max` (1 to 2,147,483,647), of which `start` (0 to `max`) are there.
/// `timeout` is the time limit in seconds of takes that name none; NAN: 10.
/// Errors: COPAS_INVALID (also for a number out of range, or when `out` is NULL), COPAS_LIMIT,
/// COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_semaphore_new(
    c: *mut copas,
    max: c_int,
    start: c_int,
    timeout: f64,
    out: *mut *mut copas_semaphore,
) -> copas_status {
    answer(|| {
        on(handle_of(c)?, |d| {
            // SAFETY: NULL or writable, as the comment asks.
            let out = unsafe { place(out, "out") }?;
            let max = amount(max)?;
            let start = u32::try_from(start).ok().filter(|&start| start <= max);
            let start = start.ok_or_else(|| Fault::invalid("start is not within 0 and max"))?;
            let seconds = seconds_or(timeout, PATIENCE);
            let handle = d.add_object(|_| Semaphore::new(max, start, seconds))?;
            out.write(pointer(handle));
            Ok(())
        })
    })
}

/// Takes `n` (1 to the maximum), waiting for at most `timeout` seconds (NAN: the semaphore's own
/// limit; 0: not at all) until they are there and everybody who came earlier has been served. With a
/// `timeout` of 0 it may be called in callbacks.
///
/// Errors: COPAS_TIMEOUT; COPAS_CANCELED; COPAS_DESTROYED (meanwhile); COPAS_TOO_MANY (more than the
/// maximum); COPAS_INVALID (also when `n` is below 1); COPAS_CANNOT_WAIT; COPAS_STALE;
/// COPAS_WRONG_THREAD. Switch point.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn copas_semaphore_take(
    semaphore: *mut copas_semaphore,
    n: c_int,
    timeout: f64,
) -> copas_status {
    on_object(semaphore, |d, semaphore: Rc<Semaphore>| {
        let n = amount(n)?;
        d.bind();
        sync::take(d, &semaphore, n, seconds_or(timeout, semaphore.seconds))
    })
}

/// Gives `n` (at least 1) back. Errors: COPAS_TOO_MANY (there would be more than the maximum; nothing
/// was given; what was granted to waiters that have not gone on yet counts, as it may come back),
/// COPAS_INVALID (also when `n` is below 1), COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_semaphore_give(semaphore: *mut copas_semaphore, n: c_int) -> copas_status {
    on_object(semaphore, |_, semaphore: Rc<Semaphore>| {
        semaphore.give(amount(n)?)
    })
}

/// How many are there to take. Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD.
/// Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_semaphore_count(semaphore: *mut copas_semaphore) -> c_int {
    on_object(semaphore, |_, semaphore: Rc<Semaphore>| {
        Ok(semaphore.count() as c_int)
    })
}

/// How many wait to take some. Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD.
/// Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_semaphore_waiting(semaphore: *mut copas_semaphore) -> c_int {
    on_object(semaphore, |_, semaphore: Rc<Semaphore>| {
        Ok(c_int::try_from(semaphore.waiting()).unwrap_or(c_int::MAX))
    })
}

/// Destroys the semaphore: its handle is stale, and those that wait get COPAS_DESTROYED. Who was
/// granted its own before has it.
/// Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_semaphore_destroy(semaphore: *mut copas_semaphore) -> copas_status {
    destroy::<_, Semaphore>(semaphore)
}

/// A number of at least 1.
pub(super) fn amount(n: impl TryInto<u32> + Copy + std::fmt::Display) -> Outcome<u32> {
    let amount = n
        .try_into()
        .ok()
        .filter(|&n| n != 0 && n <= c_int::MAX as u32);
    amount.ok_or_else(|| Fault::invalid(format!("{n} is not a number of at least 1")))
}
