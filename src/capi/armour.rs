// SPDX-License-Identifier: MIT
//! The export about what listening sockets bear.

use super::copas_status;
use super::guard::{on_socket, seconds};
use super::memory::{Growing, read_sized};
use super::types::*;
use crate::net::{self, Armour};
use crate::status::{Fault, Outcome};

/// Seconds of the longest window over which a rate may be averaged.
const LONGEST_WINDOW: f64 = 86_400.0;

// SAFETY: repr(C), the size first, and every field may be zero.
unsafe impl Growing for copas_armour {}

/// Sets what a listening socket bears of its peers, whether it is served or somebody calls
/// copas_accept() on it: all of `armour`, which is copied; NULL: no limits. What was set before, also by
/// copas_addserver_with(), is gone. Connections that are open stay, and only `max_connections` counts
/// them; a server's own options, where they are not 0, take the place of these when it is added.
///
/// With `max_connections` open a copas_accept() waits until one is closed. What was kept out or cut off is
/// counted by copas_stats() and reported, once until a minute was calm.
///
/// Errors: COPAS_INVALID (also for a bad size or flag, a time that is negative or NAN, a window of more
/// than a day), COPAS_UNSUPPORTED (it does not listen), COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_setarmour(
    server: *mut copas_socket,
    armour: *const copas_armour,
) -> copas_status {
    on_socket(server, |_, socket| {
        // SAFETY: NULL or a struct with its size, as the comment asks.
        let armour = unsafe { read_sized(armour) }.check()?;
        if armour.flags != 0 {
            return Err(Fault::invalid("copas_armour.flags has an unknown flag"));
        }
        net::set_armour(socket, armour_of(&armour)?)
    })
}

/// The settings of a caller, checked.
pub(super) fn armour_of(armour: &copas_armour) -> Outcome<Armour> {
    let (first_byte, rate_window) = (seconds(armour.first_byte)?, seconds(armour.rate_window)?);
    if first_byte < 0.0 || !(0.0..=LONGEST_WINDOW).contains(&rate_window) {
        return Err(Fault::invalid(
            "first_byte and rate_window are not negative, and a window is a day at most",
        ));
    }
    Ok(Armour {
        max_connections: armour.max_connections,
        max_per_address: armour.max_per_address,
        first_byte,
        min_rate: armour.min_rate,
        rate_window,
    })
}
