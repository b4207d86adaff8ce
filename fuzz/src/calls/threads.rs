// SPDX-License-Identifier: MIT
//! Calls on dispatchers and coroutines.

use super::{Lent, MOMENT, World, release};
use ::copas::capi::alarm::copas_timeout;
use ::copas::capi::dispatcher::*;
use ::copas::capi::group::{
    copas_group_addthread, copas_group_cancel, copas_group_close, copas_group_new, copas_group_wait,
};
use ::copas::capi::offload::{copas_offload, copas_resolve, copas_setresolver};
use ::copas::capi::scope::{copas_begindeadline, copas_enddeadline};
use ::copas::capi::stats::{copas_cancelall, copas_setstatistics, copas_stats};
use ::copas::capi::thread::*;
use ::copas::capi::types::*;
use std::ffi::{c_char, c_void};
use std::ptr;

const OS_THREAD: u64 = 256;

/// # Safety
/// `user` is a world that outlives the dispatchers.
pub unsafe extern "C" fn body(user: *mut c_void) {
    // SAFETY: as the caller says.
    unsafe { &*user.cast::<World<'_>>() }.act_within();
}

unsafe extern "C" fn lent_body(user: *mut c_void) {
    // SAFETY: `World::lend` has made it; it is released after the body.
    let lent = unsafe { &*user.cast::<Lent>() };
    // SAFETY: the world outlives the dispatchers.
    unsafe { &*lent.0 }.act_within();
}

unsafe extern "C" fn posted(_: *mut copas, user: *mut c_void) {
    // SAFETY: the world, which outlives the dispatchers.
    unsafe { body(user) };
}

unsafe extern "C" fn posted_lent(_: *mut copas, user: *mut c_void) {
    // SAFETY: `World::lend` has made it; it is released after the call.
    unsafe { lent_body(user) };
}

unsafe extern "C" fn alarm(_: *mut copas_thread, user: *mut c_void) {
    // SAFETY: the world, which outlives the dispatchers.
    unsafe { body(user) };
}

unsafe extern "C" fn failure(
    _: *mut copas_thread,
    _: *mut copas_socket,
    _: i32,
    _: *const c_char,
    user: *mut c_void,
) {
    // SAFETY: the world, which outlives the dispatchers.
    unsafe { body(user) };
}

/// # Safety
/// Any pointer.
pub unsafe extern "C" fn nothing(_: *mut c_void) {}

impl World<'_> {
    pub(super) fn dispatchers(&self) {
        let c = self.c();
        // SAFETY: places are NULL or writable; users and functions outlive the dispatchers.
        let answer = unsafe {
            match self.below(20) {
                0..4 => copas_step(c, self.seconds()),
                4 => copas_exit(c),
                5 => copas_exiting(c),
                6 => copas_finished(c),
                7 => copas_waitforexit(c),
                8 => copas_hold(c),
                9 => copas_release(c),
                10 => copas_post(c, Some(posted), self.user()),
                11 => copas_post_with(c, Some(posted_lent), self.lend(), Some(release)),
                12 => copas_notify(c),
                13 => self.look(c),
                14 => copas_begindeadline(c, self.seconds()),
                15 => copas_enddeadline(c),
                16 => copas_timeout(
                    c,
                    self.one_of(&[0.0, MOMENT, f64::NAN]),
                    Some(alarm),
                    self.user(),
                ),
                17 => copas_seterrorhandler(c, Some(failure), self.user(), self.below(2) as i32),
                18 => copas_setresolver(c, self.below(3), self.seconds()),
                _ => self.free_within(c),
            }
        };
        self.check(answer);
    }

    /// From inside, a dispatcher cannot be freed; on the root stack the world does it.
    fn free_within(&self, c: *mut copas) -> i32 {
        if copas_current().is_null() {
            copas_cancelall(c)
        } else {
            copas_free(c)
        }
    }

    /// What only looks.
    fn look(&self, c: *mut copas) -> i32 {
        let mut info = copas_error_info {
            size: size_of::<copas_error_info>(),
            status: 0,
            sys_errno: 0,
            text: ptr::null(),
        };
        // SAFETY: numbers, of which zero is one.
        let mut stats: copas_dispatcher_stats = unsafe { std::mem::zeroed() };
        stats.size = self.one_of(&[size_of::<copas_dispatcher_stats>(), 8, 0]);
        self.keep(copas_of(self.handle()));
        self.keep(copas_current());
        let _ = copas_now(c);
        self.check(copas_setstatistics(c, self.below(3) as i32));
        // SAFETY: both are structs with room for what their size says, or more.
        unsafe {
            self.check(copas_error(c, &mut info));
            copas_stats(c, &mut stats)
        }
    }

    pub(super) fn threads(&self) {
        let (c, thread) = (self.c(), self.handle::<copas_thread>());
        let (mut out, mut slept) = (ptr::null_mut(), 0.0);
        // SAFETY: places are writable; users and functions outlive the dispatchers.
        let answer = unsafe {
            match self.below(20) {
                0..4 => copas_addthread(c, Some(body), self.user(), &mut out),
                4..6 => self.add_with_options(c, &mut out),
                6 => copas_removethread(thread),
                7 => copas_join(thread, self.seconds()),
                8 | 9 => copas_pause(c, self.seconds(), &mut slept),
                10 => copas_pauseforever(c),
                11 => copas_wakeup(thread),
                12 => copas_fail(self.one_of(&[0, -1, -17, -99, 5]), self.text()),
                13 => copas_setname(self.handle(), self.text()),
                14 => i32::from(copas_getname(self.handle()).is_null()),
                15 => self.keep_running(),
                16 => copas_offload(c, Some(nothing), ptr::null_mut()),
                17 => self.resolve(c),
                _ => self.groups(c),
            }
        };
        self.keep(out);
        self.check(answer);
    }

    fn keep_running(&self) -> i32 {
        self.keep(copas_running());
        0
    }

    fn add_with_options(&self, c: *mut copas, out: &mut *mut copas_thread) -> i32 {
        let options = copas_thread_options {
            size: self.one_of(&[
                size_of::<copas_thread_options>(),
                size_of::<copas_thread_options>(),
                0,
            ]),
            flags: self.one_of(&[0, 0, OS_THREAD, 2]),
            name: self.text(),
            user: self.lend(),
            user_free: Some(release),
            stack_size: self.one_of(&[0, 0, 65_536, 1, 300_000]),
        };
        if options.size != size_of::<copas_thread_options>() {
            // The library does not see the user of a struct without a size.
            // SAFETY: `lend` has just made it.
            unsafe { release(options.user) };
        }
        // SAFETY: a struct of at least its size.
        unsafe { copas_addthread_with(c, Some(lent_body), &options, out) }
    }

    fn resolve(&self, c: *mut copas) -> i32 {
        // SAFETY: numbers, of which zero is one.
        let mut addresses: [copas_address; 2] = unsafe { std::mem::zeroed() };
        let hosts = [
            ptr::null(),
            c"".as_ptr(),
            c"127.0.0.1".as_ptr(),
            c"::1".as_ptr(),
        ];
        let (host, mut count) = (self.one_of(&hosts), 0);
        // SAFETY: two addresses can be written.
        unsafe {
            copas_resolve(
                c,
                host,
                self.seconds(),
                addresses.as_mut_ptr(),
                2,
                &mut count,
            )
        }
    }

    fn groups(&self, c: *mut copas) -> i32 {
        let group = self.handle();
        let (mut out, mut thread) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: places are writable; users and functions outlive the dispatchers.
        let answer = unsafe {
            match self.below(6) {
                0 => copas_group_new(c, self.one_of(&[0, 1, 2]), &mut out),
                1 | 2 => copas_group_addthread(group, Some(body), self.user(), &mut thread),
                3 => copas_group_wait(group, self.seconds()),
                4 => copas_group_cancel(group),
                _ => copas_group_close(group),
            }
        };
        self.keep(out);
        self.keep(thread);
        answer
    }
}
