// SPDX-License-Identifier: MIT
//! The export that waits for the first of several things.

use super::choice::{Given, Waiter, operation};
use super::guard::{on_dispatcher, seconds as check_seconds};
use super::memory::choices_of;
use super::types::{copas, copas_choice};
use crate::dispatcher::Dispatcher;
use crate::status::{Fault, Status};
use crate::sync::{self, Choice};
use core::ffi::c_int;

/// Most choices of one call.
const MOST: c_int = 65_536;

/// Waits, for at most `timeout` seconds, until the first of `count` (1 to 65,536) choices is there, and
/// gives its place (from 0). Of several that are there each call prefers another one. Its `status`
/// tells how it ended and `item` what a queue gave; the other choices have taken nothing. A choice
/// that is wrong (COPAS_STALE, COPAS_INVALID, COPAS_BUSY …) is there at once with that status; so is one
/// by which the caller would wait for itself (its own end, result or group: COPAS_INVALID). With a
/// `timeout` of 0 the kernel is asked once.
///
/// Errors: COPAS_TIMEOUT; COPAS_CANCELED; COPAS_CANNOT_WAIT; COPAS_INVALID (also when `choices` is
/// NULL, `count` out of range, or NAN); COPAS_STALE; COPAS_WRONG_THREAD. Switch point.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_select(
    c: *mut copas,
    choices: *mut copas_choice,
    count: c_int,
    timeout: f64,
) -> c_int {
    on_dispatcher(c, |d| {
        if !(1..=MOST).contains(&count) {
            return Err(Fault::invalid(format!(
                "count {count} is not within 1 to {MOST}"
            )));
        }
        // SAFETY: NULL or `count` choices, as the comment asks.
        let choices = unsafe { choices_of(choices, count as usize) }?;
        let timeout = check_seconds(timeout)?;
        d.bind();
        let d: &Dispatcher = d;
        let waiter = Waiter {
            who: d.borrower(),
            looks: timeout == 0.0,
        };
        let waits = choices.iter().map(|choice| wait_of(d, choice, waiter));
        let (place, outcome) = sync::select(d, waits.collect(), timeout)?;
        let won = &mut choices[place];
        won.item = std::ptr::null_mut();
        won.status = match outcome {
            Ok(given) => {
                won.item = given.into_pointer();
                Status::OK as c_int
            }
            Err(fault) => fault.status as c_int,
        };
        Ok(place as c_int)
    })
}

/// The operation that a choice waits for; one that cannot be is over at once.
fn wait_of(d: &Dispatcher, choice: &copas_choice, waiter: Waiter) -> Choice<'static, Given> {
    match operation(d, choice, waiter) {
        Ok(choice) => choice,
        Err(fault) => Box::pin(std::future::ready(Err(fault))),
    }
}
