// SPDX-License-Identifier: MIT
//! The export that runs several dispatchers.

use super::dispatcher::{UNBOUND, make, report_of};
use super::guard::{answer, pointer};
use super::memory::read_sized;
use super::types::{copas, copas_config, copas_setup_fn};
use super::{c_int, copas_status};
use crate::dispatcher::{Fleet, Handle, LEVEL_ERROR, Mishap, current, registry};
use crate::status::{Fault, Outcome, Status};
use crate::sys::os_thread;
use core::ffi::c_void;

/// Most dispatchers of a process.
const MOST: c_int = 1023;

/// Runs `count` dispatchers (0: as many as there are CPUs for this process; at most 1,023), each on an OS
/// thread of its own, until all their loops have ended, and frees them.
///
/// `setup(c, number, user)` gives each its work, on its own OS thread (whose stack has 8 MiB) and outside
/// of any step: sockets, servers, coroutines. It is called for number 0 first, then 1 and so on, each when the one before
/// has returned; what one does is seen by the next. When all have answered COPAS_OK the loops begin.
/// Servers share a port by COPAS_BIND_REUSEPORT: each binds a listening socket of its own, and the
/// kernel deals the connections out among them. `config` may be NULL; its settings are those of each
/// dispatcher, and its `report` may be called by several OS threads at the same time.
///
/// copas_shutdown() of one of them, from any OS thread or a signal handler, shuts them all down.
/// Otherwise one whose loop ends leaves the others alone. The caller's OS thread sleeps meanwhile; it is
/// the one that takes the process' signals, since the others have them blocked.
///
/// When a set-up answers anything else (or an OS thread or dispatcher cannot be had, or a loop fails), all
/// are ended at once, the reason is reported in words, and that status is the answer, of several the
/// first. COPAS_ABANDONED: as copas_free().
///
/// Errors: COPAS_INVALID (also when `setup` is NULL, `count` out of range, or `config` has
/// COPAS_UNBOUND); COPAS_CANNOT_WAIT inside a loop, a coroutine or a callback; COPAS_LIMIT (OS threads,
/// descriptors or dispatchers); COPAS_NO_MEMORY; COPAS_SYSTEM; those of `setup`. Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_loop_many(
    count: c_int,
    setup: copas_setup_fn,
    user: *mut c_void,
    config: *const copas_config,
) -> copas_status {
    answer(|| {
        // SAFETY: NULL or a struct with its size, as the comment asks.
        let config = unsafe { read_sized(config) }.check()?;
        let call = setup.ok_or_else(|| Fault::invalid("the set-up function is NULL"))?;
        let count = count_of(count)?;
        if config.flags & UNBOUND != 0 {
            return Err(Fault::invalid("COPAS_UNBOUND dispatchers have no loop"));
        }
        if current::is_inside() {
            return Err(Status::CANNOT_WAIT.into());
        }
        let shared = Shared {
            call,
            user,
            config,
            count,
        };
        let report = report_of(&config);
        let mishap = run(shared).err();
        if let Some(mishap) = &mishap
            && mishap.status != Status::ABANDONED as c_int
        {
            report(LEVEL_ERROR, &mishap.text);
        }
        Ok(mishap.map_or(Status::OK as c_int, |mishap| mishap.status))
    })
}

/// How many dispatchers a caller wants.
fn count_of(count: c_int) -> Outcome<usize> {
    match count {
        0 => Ok(os_thread::cpus()),
        1..=MOST => Ok(count as usize),
        _ => Err(Fault::invalid(format!(
            "{count} dispatchers are not within 0 to {MOST}"
        ))),
    }
}

/// What the OS threads of a fleet have from the program.
#[derive(Clone, Copy)]
struct Shared {
    call: unsafe extern "C" fn(*mut copas, c_int, *mut c_void) -> c_int,
    user: *mut c_void,
    config: copas_config,
    count: usize,
}

// SAFETY: the library only carries the pointers; that they may be used on the OS threads of the
// dispatchers is what the program says by this call.
unsafe impl Send for Shared {}
// SAFETY: as above; nothing of it changes.
unsafe impl Sync for Shared {}

fn run(shared: Shared) -> Result<(), Mishap> {
    let make = move || {
        let shared = &shared;
        registry::publish(|claim| make(claim, shared.config))
    };
    let set_up = move |c, number| shared.set_up(c, number);
    Fleet::run(shared.count, Box::new(make), Box::new(set_up))
}

impl Shared {
    fn set_up(&self, c: Handle, number: usize) -> Result<(), Mishap> {
        // SAFETY: the program's function with the program's pointer.
        match unsafe { (self.call)(pointer(c), number as c_int, self.user) } {
            0 => Ok(()),
            status => Err(Mishap {
                status,
                text: format!(
                    "dispatcher {number} of {} was not set up: {}",
                    self.count,
                    words(c, status)
                ),
            }),
        }
    }
}

/// What went wrong on the root stack of a dispatcher whose set-up answered `status`.
fn words(c: Handle, status: c_int) -> String {
    let message = || {
        crate::status::message(status)
            .to_string_lossy()
            .into_owned()
    };
    let detail = registry::enter(c).ok().and_then(|d| {
        d.with_detail(|detail| (detail.status as c_int == status).then(|| detail.text.to_string()))
    });
    let name = crate::status::name(status).to_string_lossy();
    format!("{} ({name})", detail.unwrap_or_else(message))
}
