// SPDX-License-Identifier: MIT
//! For the tests of this crate: a clock that stands still. Not part of the interface.

use crate::capi::types::copas;
use crate::dispatcher::registry;
use crate::net::{Lookup, Net};
use crate::sys::clock::Clock;
use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

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

/// Replaces what looks names up, on any OS thread.
///
/// # Panics
/// When `c` is not a dispatcher that the calling OS thread may use.
pub fn use_lookup(
    c: *mut copas,
    lookup: impl Fn(&str) -> Result<Vec<IpAddr>, String> + Send + Sync + 'static,
) {
    let handle = crate::capi::handle(c).expect("a dispatcher");
    let d = registry::enter(handle).expect("a dispatcher of this OS thread");
    let lookup: Lookup = Arc::new(lookup);
    Net::of(&d).resolver.set_lookup(lookup);
}
