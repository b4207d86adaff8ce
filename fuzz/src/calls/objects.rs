// SPDX-License-Identifier: MIT
//! Calls on locks, semaphores, queues, mailboxes, timers and futures.

use super::threads::{body, nothing};
use super::{MOMENT, World, release, release_nothing};
use ::copas::capi::future::*;
use ::copas::capi::lock::*;
use ::copas::capi::mailbox::*;
use ::copas::capi::queue::*;
use ::copas::capi::semaphore::*;
use ::copas::capi::timer::*;
use ::copas::capi::types::*;
use std::ffi::c_void;
use std::ptr;

unsafe extern "C" fn fire(_: *mut copas_timer, user: *mut c_void) {
    // SAFETY: `World::lend` has made it; it is released after the last call.
    let lent = unsafe { &*user.cast::<super::Lent>() };
    // SAFETY: the world outlives the dispatchers.
    unsafe { &*lent.0 }.act_within();
}

unsafe extern "C" fn work(_: *mut c_void, user: *mut c_void) {
    // SAFETY: the world, which outlives the dispatchers.
    unsafe { body(user) };
}

unsafe extern "C" fn result(user: *mut c_void) -> *mut c_void {
    // SAFETY: the world, which outlives the dispatchers.
    unsafe { body(user) };
    user
}

impl World<'_> {
    /// An item, which is nobody's memory.
    fn item(&self) -> *mut c_void {
        ptr::without_provenance_mut(self.below(256))
    }

    pub(super) fn make_objects(&self) {
        let (c, mut out) = (self.c(), ptr::null_mut::<c_void>());
        let place = &raw mut out;
        let small = self.below(256) as i32 - 4;
        // SAFETY: the place is writable, and any handle fits; users outlive the dispatchers.
        let answer = unsafe {
            match self.below(8) {
                0 => copas_lock_new(c, self.seconds(), self.below(3) as u64, place.cast()),
                1 => {
                    let start = self.below(4) as i32;
                    copas_semaphore_new(c, small, start, self.seconds(), place.cast())
                }
                2 => {
                    let most = self.below(4);
                    let free = Some(release_nothing as unsafe extern "C" fn(*mut c_void));
                    copas_queue_new(c, most, self.seconds(), free, place.cast())
                }
                3 => self.make_mailbox(place.cast()),
                4 | 5 => self.make_timer(c, place.cast()),
                _ => {
                    let user = self.user();
                    copas_future_addthread(c, Some(result), user, Some(nothing), place.cast())
                }
            }
        };
        self.keep(out);
        self.check(answer);
    }

    fn make_mailbox(&self, out: *mut *mut copas_mailbox) -> i32 {
        let mut mailbox = ptr::null_mut();
        // SAFETY: the places are writable.
        let status =
            unsafe { copas_mailbox_new(self.below(4), Some(release_nothing), &mut mailbox) };
        if status == 0 {
            self.mailboxes.borrow_mut().push(mailbox);
            // SAFETY: the caller's place is writable.
            unsafe { out.write(mailbox) };
        }
        status
    }

    fn make_timer(&self, c: *mut copas, out: *mut *mut copas_timer) -> i32 {
        // SAFETY: numbers and pointers, of which zero is one.
        let mut options: copas_timer_options = unsafe { std::mem::zeroed() };
        options.size = size_of::<copas_timer_options>();
        options.flags = self.one_of(&[0, 1, 1, 2]);
        options.name = self.text();
        options.callback = Some(fire);
        options.user = self.lend();
        options.user_free = Some(release);
        options.delay = self.one_of(&[0.0, MOMENT, 10.0, -1.0, f64::NAN]);
        options.initial_delay = self.one_of(&[0.0, MOMENT, -1.0]);
        // SAFETY: a whole struct; the place is writable.
        unsafe { copas_timer_new(c, &options, out) }
    }

    pub(super) fn use_objects(&self) {
        let answer = match self.below(6) {
            0 => self.use_lock(self.handle()),
            1 => self.use_semaphore(self.handle()),
            2 => self.use_queue(self.handle()),
            3 => self.use_mailbox(self.handle()),
            4 => self.use_timer(self.handle()),
            _ => self.use_future(self.handle()),
        };
        self.check(answer);
    }

    fn use_lock(&self, lock: *mut copas_lock) -> i32 {
        match self.below(8) {
            // SAFETY: the place is writable.
            0..4 => unsafe { copas_lock_get(lock, self.seconds(), &mut 0.0) },
            4..7 => copas_lock_release(lock),
            _ => copas_lock_destroy(lock),
        }
    }

    fn use_semaphore(&self, semaphore: *mut copas_semaphore) -> i32 {
        let n = self.below(256) as i32 - 2;
        match self.below(8) {
            0..3 => copas_semaphore_take(semaphore, n % 5, self.seconds()),
            3 | 4 => copas_semaphore_give(semaphore, n),
            5 => copas_semaphore_count(semaphore),
            6 => copas_semaphore_waiting(semaphore),
            _ => copas_semaphore_destroy(semaphore),
        }
    }

    fn use_queue(&self, queue: *mut copas_queue) -> i32 {
        let (mut item, mut thread) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: places are writable; users outlive the dispatchers.
        let answer = unsafe {
            match self.below(12) {
                0..3 => copas_queue_push(queue, self.item(), self.seconds()),
                3..6 => copas_queue_pop(queue, self.seconds(), &mut item),
                6 => copas_queue_size(queue),
                7 | 8 => copas_queue_addworker(queue, Some(work), self.user(), &mut thread),
                9 => copas_queue_stop(queue),
                10 => copas_queue_finish(queue, self.seconds()),
                _ => copas_queue_destroy(queue),
            }
        };
        self.keep(thread);
        answer
    }

    fn use_mailbox(&self, mailbox: *mut copas_mailbox) -> i32 {
        let mut item = ptr::null_mut();
        match self.below(8) {
            0..3 => copas_mailbox_put(mailbox, self.item(), self.seconds()),
            // SAFETY: the place is writable.
            3..5 => unsafe { copas_mailbox_take(mailbox, self.seconds(), &mut item) },
            5 => copas_mailbox_size(mailbox),
            6 => copas_mailbox_stop(mailbox),
            _ => copas_mailbox_destroy(mailbox),
        }
    }

    fn use_timer(&self, timer: *mut copas_timer) -> i32 {
        match self.below(8) {
            0..3 => copas_timer_arm(timer, self.one_of(&[0.0, MOMENT, -1.0, f64::NAN, 5.0])),
            3..6 => copas_timer_cancel(timer),
            _ => copas_timer_destroy(timer),
        }
    }

    fn use_future(&self, future: *mut copas_future) -> i32 {
        let mut result = ptr::null_mut();
        match self.below(8) {
            // SAFETY: the place is writable.
            0..3 => unsafe { copas_future_get(future, self.seconds(), &mut result) },
            // SAFETY: the place is writable.
            3 | 4 => unsafe { copas_future_try(future, &mut result) },
            5 => copas_future_cancel(future),
            _ => copas_future_destroy(future),
        }
    }
}
