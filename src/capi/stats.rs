// SPDX-License-Identifier: MIT
//! The exports that tell what a dispatcher has to do, and end all of it.

use super::copas_status;
use super::guard::on_dispatcher;
use super::memory::{Growing, write_sized};
use super::types::{copas, copas_dispatcher_stats};
use core::ffi::c_int;

// SAFETY: repr(C), the size first, and every field may be zero.
unsafe impl Growing for copas_dispatcher_stats {}

/// Fills `stats` with what the dispatcher has to do at this moment, and with what its steps have cost
/// since copas_setstatistics(). Set `stats->size` first. Looks at every coroutine and socket.
/// Errors: COPAS_INVALID (also when `stats` is NULL or its size is too small), COPAS_STALE,
/// COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_stats(
    c: *mut copas,
    stats: *mut copas_dispatcher_stats,
) -> copas_status {
    on_dispatcher(c, |d| {
        let now = d.snapshot();
        let seconds = |nanoseconds: u64| nanoseconds as f64 / 1e9;
        let told = copas_dispatcher_stats {
            size: 0,
            running: now.threads,
            ready: now.ready,
            asleep: now.asleep,
            sockets: now.driver.sockets,
            servers: now.driver.servers,
            readers: now.driver.readers,
            writers: now.driver.writers,
            timers: now.timers,
            timeouts: now.timeouts,
            steps: now.steps.count,
            step_min: seconds(now.steps.shortest),
            step_avg: seconds(now.steps.all) / now.steps.count.max(1) as f64,
            step_max: seconds(now.steps.longest),
            accept_pauses: now.driver.accept_pauses,
            over_address: now.driver.over_address,
            late_first_byte: now.driver.late_first_byte,
            slow_senders: now.driver.slow_senders,
            slow_readers: now.driver.slow_readers,
            evicted: now.driver.evicted,
            refused_growth: now.driver.refused_growth,
            memory: now.driver.memory,
            memory_budget: now.driver.memory_budget,
        };
        // SAFETY: NULL or as many bytes as it says, as the comment asks.
        unsafe { write_sized(stats, &told) }
    })
}

/// Switches the measuring of steps on, from zero (not 0), or off (0, as at first). While it is on a
/// step reads the clock twice. Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_setstatistics(c: *mut copas, on: c_int) -> copas_status {
    on_dispatcher(c, |d| {
        d.measure(on != 0);
        Ok(())
    })
}

/// Cancels every coroutine but the caller, as copas_removethread() does, and every submitted
/// operation: for tests that want to begin anew. Servers and timers stay.
/// Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_cancelall(c: *mut copas) -> copas_status {
    on_dispatcher(c, |d| {
        d.cancel_others();
        d.cancel_operations();
        Ok(())
    })
}
