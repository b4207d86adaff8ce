// SPDX-License-Identifier: MIT
//! For the tests of this crate: a clock that stands still. Not part of the interface.

use crate::capi::types::copas;
use crate::dispatcher::registry;
use crate::sys::clock::Clock;
use std::cell::Cell;
use std::rc::Rc;

/// Puts a dispatcher on a clock of its own. It moves only when the test moves it, or when the
/// dispatcher waits for a time and nothing else is there: then it jumps to that time.
///
/// # Panics
/// When `c` is not a dispatcher that the calling OS thread may use.
pub fn use_manual_clock(c: *mut copas) -> Rc<Cell<u64>> {
    let handle = crate::capi::handle(c).expect("a dispatcher");
    let d = registry::enter(handle).expect("a dispatcher of this OS thread");
    let time = Rc::new(Cell::new(d.now().next_multiple_of(1_000_000)));
    d.clock.replace(Clock::Manual(Rc::clone(&time)));
    time
}
