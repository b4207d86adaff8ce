// SPDX-License-Identifier: MIT
//! Handlers on OS threads: the baton between them and the dispatcher's.

use crate::world::{check, dispatcher, free};
use ::copas::capi::dispatcher::copas_loop;
use ::copas::capi::thread::{copas_addthread_with, copas_pause};
use ::copas::capi::types::{copas, copas_thread_options};
use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;

const OS_THREAD: u64 = 256;

/// What the handlers work on, without a lock: one runs at a time.
struct Work {
    c: *mut copas,
    inside: Cell<u32>,
    done: Cell<u32>,
}

unsafe extern "C" fn handle(work: *mut c_void) {
    // SAFETY: the work outlives the dispatcher.
    let work = unsafe { &*work.cast::<Work>() };
    for _ in 0..2 {
        assert_eq!(work.inside.replace(1), 0, "two run at a time");
        work.done.set(work.done.get() + 1);
        work.inside.set(0);
        // SAFETY: NULL is allowed.
        assert_eq!(unsafe { copas_pause(work.c, 0.0, ptr::null_mut()) }, 0);
    }
}

fn add(work: &Work) {
    // SAFETY: numbers and pointers, of which zero is one.
    let mut options: copas_thread_options = unsafe { std::mem::zeroed() };
    options.size = size_of::<copas_thread_options>();
    options.flags = OS_THREAD;
    options.user = ptr::from_ref(work).cast_mut().cast();
    // SAFETY: a whole struct; NULL is allowed.
    let status = unsafe { copas_addthread_with(work.c, Some(handle), &options, ptr::null_mut()) };
    assert_eq!(status, 0);
}

#[test]
fn one_handler_runs_at_a_time_and_all_come_to_their_end() {
    check(|| {
        let c = dispatcher();
        let work = Work {
            c,
            inside: Cell::new(0),
            done: Cell::new(0),
        };
        // As many as there may be OS threads; the next two come when those are idle or have left.
        for handlers in [2, 1, 1] {
            for _ in 0..handlers {
                add(&work);
            }
            assert_eq!(copas_loop(c, -1.0), 0);
        }
        assert_eq!(work.done.get(), 8);
        free(c);
    });
}
