// SPDX-License-Identifier: MIT
//! What reaches a dispatcher from other OS threads: posted functions, notifications, the exit flag.

use crate::world::{Shared, check, dispatcher, free, wait_for};
use ::copas::capi::dispatcher::{
    copas_exit, copas_hold, copas_notify, copas_post, copas_post_with, copas_release,
    copas_shutdown, copas_step,
};
use ::copas::capi::poll::copas_poll;
use ::copas::capi::submit_wait::{copas_submit_choice, copas_submit_pause};
use ::copas::capi::types::{copas, copas_choice, copas_event};
use shuttle::thread;
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

const STALE: i32 = -5;
const CHOICE_EXIT: u32 = 12;

unsafe extern "C" fn count(_: *mut copas, counter: *mut c_void) {
    // SAFETY: the counter, which outlives the dispatcher.
    unsafe { &*counter.cast::<AtomicU32>() }.fetch_add(1, SeqCst);
}

unsafe extern "C" fn release(counter: *mut c_void) {
    // SAFETY: a count of the Arc that was given with the function.
    drop(unsafe { Arc::from_raw(counter.cast::<AtomicU32>()) });
}

#[test]
fn a_dispatcher_that_sleeps_sees_every_posted_function() {
    check(|| {
        let (c, counter) = (dispatcher(), Arc::new(AtomicU32::new(0)));
        assert_eq!(copas_hold(c), 0);
        let posters = [1, 2].map(|posts| {
            let (c, counter) = (Shared::new(c), Arc::clone(&counter));
            thread::spawn(move || {
                for _ in 0..posts {
                    let user = Arc::as_ptr(&counter).cast_mut().cast();
                    assert_eq!(copas_post(c.get(), Some(count), user), 0);
                }
            })
        });
        while counter.load(SeqCst) < 3 {
            assert_eq!(copas_step(c, -1.0), 0);
        }
        for poster in posters {
            poster.join().unwrap();
        }
        assert_eq!(copas_release(c), 0);
        free(c);
    });
}

#[test]
fn a_notification_ends_the_present_poll_or_the_next() {
    check(|| {
        let c = dispatcher();
        // SAFETY: NULL is allowed.
        assert_eq!(
            unsafe { copas_submit_pause(c, -1.0, 1, ptr::null_mut()) },
            0
        );
        // One step first: the loop must not end a poll by what it finds at its begin.
        assert!(copas_step(c, 0.0) <= 0);
        let shared = Shared::new(c);
        let other = thread::spawn(move || {
            for _ in 0..2 {
                assert_eq!(copas_notify(shared.get()), 0);
            }
            assert_eq!(copas_post(shared.get(), Some(ignore), ptr::null_mut()), 0);
        });
        // SAFETY: numbers and pointers, of which zero is one.
        let mut event: copas_event = unsafe { std::mem::zeroed() };
        // SAFETY: one event can be written.
        assert_eq!(unsafe { copas_poll(c, &mut event, 1, -1.0) }, 0);
        other.join().unwrap();
        free(c);
    });
}

unsafe extern "C" fn ignore(_: *mut copas, _: *mut c_void) {}

#[test]
fn the_exit_flag_reaches_a_dispatcher_that_sleeps() {
    check(|| {
        let c = dispatcher();
        let choice = copas_choice {
            kind: CHOICE_EXIT,
            status: 0,
            handle: c.cast(),
            item: ptr::null_mut(),
            amount: 0,
        };
        let (now, out) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: a whole choice; NULL is allowed.
        assert_eq!(
            unsafe { copas_submit_choice(c, &choice, -1.0, 5, now, out) },
            0
        );
        let shared = Shared::new(c);
        // Another signal, which must not take the first one with it.
        let notifier = thread::spawn(move || assert_eq!(copas_notify(shared.get()), 0));
        let other = thread::spawn(move || assert_eq!(copas_exit(shared.get()), 0));
        assert_eq!(wait_for(c, 1), [5]);
        notifier.join().unwrap();
        other.join().unwrap();
        free(c);
    });
}

#[test]
fn a_shutdown_reaches_a_loop_that_sleeps() {
    check(|| {
        let c = dispatcher();
        // The shutdown's time limits pass when nothing else is to do.
        ::copas::testing::use_manual_clock(c);
        assert_eq!(copas_hold(c), 0);
        let shared = Shared::new(c);
        let other = thread::spawn(move || assert_eq!(copas_shutdown(shared.get(), 0.0), 0));
        assert_eq!(::copas::capi::dispatcher::copas_loop(c, -1.0), 0);
        other.join().unwrap();
        free(c);
    });
}

#[test]
fn a_function_that_is_posted_while_the_dispatcher_is_freed_is_released_once() {
    check(|| {
        let (c, counter) = (dispatcher(), Arc::new(AtomicU32::new(0)));
        let (shared, own) = (Shared::new(c), Arc::clone(&counter));
        let other = thread::spawn(move || {
            let user = Arc::into_raw(own).cast_mut().cast();
            let status = copas_post_with(shared.get(), Some(count), user, Some(release));
            assert!(status == 0 || status == STALE, "{status}");
        });
        free(c);
        other.join().unwrap();
        assert_eq!(Arc::strong_count(&counter), 1);
    });
}
