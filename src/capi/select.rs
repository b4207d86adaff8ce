// SPDX-License-Identifier: MIT
//! The export that waits for the first of several things.

use super::guard::{any_handle, handle_of, on_dispatcher, seconds as check_seconds, socket_of};
use super::memory::choices_of;
use super::queue::Queue;
use super::types::{copas, copas_choice, copas_queue, copas_socket};
use crate::dispatcher::{Dispatcher, Kind};
use crate::net::{Readable, Writable};
use crate::status::{Fault, Outcome, Status};
use crate::sync::{self, Choice, Pop, Timer};
use core::ffi::{c_int, c_void};
use std::rc::Rc;

/// copas_choice.kind.
const RECEIVE: u32 = 1;
/// copas_choice.kind.
const SEND: u32 = 2;
/// copas_choice.kind.
const POP: u32 = 3;
/// copas_choice.kind.
const JOIN: u32 = 4;
/// copas_choice.kind.
const TIMER: u32 = 5;

/// Most choices of one call.
const MOST: c_int = 65_536;

/// Waits, for at most `timeout` seconds, until the first of `count` (1 to 65,536) choices is there, and
/// gives its place (from 0). Of several that are there each call prefers another one. Its `status`
/// tells how it ended and `item` what a queue gave; the other choices have taken nothing. A choice
/// that is wrong (COPAS_STALE, COPAS_INVALID, COPAS_BUSY …) is there at once with that status.
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
        let waits = choices.iter().map(|choice| wait_of(d, choice)).collect();
        let (place, outcome) = sync::select(d, waits, timeout)?;
        let won = &mut choices[place];
        won.item = std::ptr::null_mut();
        won.status = match outcome {
            Ok(item) => {
                won.item = item;
                Status::OK as c_int
            }
            Err(fault) => fault.status as c_int,
        };
        Ok(place as c_int)
    })
}

/// The operation that a choice waits for; one that cannot be is over at once.
fn wait_of<'a>(d: &'a Dispatcher, choice: &copas_choice) -> Choice<'a, *mut c_void> {
    match made(d, choice) {
        Ok(choice) => choice,
        Err(fault) => Box::pin(std::future::ready(Err(fault))),
    }
}

fn made<'a>(d: &'a Dispatcher, choice: &copas_choice) -> Outcome<Choice<'a, *mut c_void>> {
    let nothing = |()| std::ptr::null_mut();
    Ok(match choice.kind {
        RECEIVE => {
            let socket = socket_of(d, choice.handle.cast::<copas_socket>())?;
            let readable = Readable::new(&socket);
            Box::pin(async move { readable.await.map(nothing) })
        }
        SEND => {
            let socket = socket_of(d, choice.handle.cast::<copas_socket>())?;
            let writable = Writable::new(&socket);
            Box::pin(async move { writable.await.map(nothing) })
        }
        POP => {
            let queue: Rc<Queue> = d.object(handle_of(choice.handle.cast::<copas_queue>())?)?;
            let pop = Pop::new(&queue.items);
            Box::pin(async move { pop.await.map(super::user::User::into_pointer) })
        }
        JOIN => {
            let thread = any_handle(choice.handle)?;
            if thread.kind() != Kind::Thread {
                return Err(Fault::invalid("COPAS_CHOICE_JOIN is for coroutines"));
            }
            let ended = sync::ended(d, thread);
            Box::pin(async move { ended.await.map(nothing) })
        }
        TIMER => {
            let handle = any_handle(choice.handle)?;
            if handle.kind() != Kind::Object {
                return Err(Fault::invalid("COPAS_CHOICE_TIMER is for timers"));
            }
            let timer: Rc<Timer> = d.object(handle)?;
            let fires = timer.next_firing();
            Box::pin(async move { fires.await.map(nothing) })
        }
        kind => return Err(Fault::invalid(format!("{kind} is not a kind of choice"))),
    })
}
