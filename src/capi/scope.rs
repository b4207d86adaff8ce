// SPDX-License-Identifier: MIT
//! The exports about deadlines of whole scopes.

use super::copas_status;
use super::guard::{on_dispatcher, seconds as check_seconds};
use super::types::copas;
use crate::status::Fault;

/// Begins a scope of the calling coroutine (or of the root stack) that ends in `seconds`: every
/// waiting call inside answers COPAS_TIMEOUT then at the latest, whatever its own limit says. Scopes
/// nest, and the nearest end counts; coroutines that the caller starts inside inherit it, those of
/// timers and connections do not. What copas_offload() and copas_group_close() wait for they wait for
/// all the same. COPAS_FOREVER sets no limit of its own. End it with copas_enddeadline(); one that a
/// callback begins ends with its step.
/// Errors: COPAS_INVALID (also for NAN), COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_begindeadline(c: *mut copas, seconds: f64) -> copas_status {
    on_dispatcher(c, |d| {
        d.begin_scope(check_seconds(seconds)?);
        Ok(())
    })
}

/// Ends the innermost scope that the caller has begun. 1: its time had passed. 0: it had not.
/// Errors: COPAS_INVALID (also when there is none; an inherited end stays), COPAS_STALE,
/// COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_enddeadline(c: *mut copas) -> core::ffi::c_int {
    on_dispatcher(c, |d| {
        let passed = d.is_past_scope();
        if d.end_scope() {
            Ok(passed)
        } else {
            Err(Fault::invalid(
                "no scope has been begun: copas_begindeadline() first",
            ))
        }
    })
}
