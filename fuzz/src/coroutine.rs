// SPDX-License-Identifier: MIT
//! Running a closure as a coroutine.

use ::copas::capi::dispatcher::copas_step;
use ::copas::capi::thread::copas_addthread_with;
use ::copas::capi::types::{copas, copas_thread_options};
use std::cell::Cell;
use std::ffi::c_void;

/// A body on its way to its coroutine.
type Body = Cell<Option<Box<dyn FnOnce()>>>;

unsafe extern "C" fn run(body: *mut c_void) {
    // SAFETY: `spawn` has made it, and the library keeps it until the body has ended.
    if let Some(body) = unsafe { &*body.cast::<Body>() }.take() {
        body();
    }
}

unsafe extern "C" fn release(body: *mut c_void) {
    // SAFETY: `spawn` has made it, and the library releases it once.
    drop(unsafe { Box::from_raw(body.cast::<Body>()) });
}

/// Starts a coroutine. What `body` borrows must outlive the dispatcher.
pub fn spawn<'a>(c: *mut copas, body: impl FnOnce() + 'a) {
    let body: Box<dyn FnOnce() + 'a> = Box::new(body);
    // SAFETY: the caller keeps what is borrowed until the dispatcher is freed.
    let body: Box<dyn FnOnce()> = unsafe { std::mem::transmute(body) };
    let options = copas_thread_options {
        size: size_of::<copas_thread_options>(),
        flags: 0,
        name: std::ptr::null(),
        user: Box::into_raw(Box::new(Cell::new(Some(body)))).cast(),
        user_free: Some(release),
        stack_size: 0,
    };
    // SAFETY: a whole struct; NULL is allowed.
    let status = unsafe { copas_addthread_with(c, Some(run), &options, std::ptr::null_mut()) };
    assert_eq!(status, 0);
}

/// Runs a closure as a coroutine to its end, without waiting for anything from outside.
pub fn run_one(c: *mut copas, body: impl FnOnce()) {
    let ended = Cell::new(false);
    spawn(c, || {
        body();
        ended.set(true);
    });
    for _ in 0..100_000 {
        if ended.get() {
            return;
        }
        assert!(copas_step(c, 0.0) >= -1);
    }
    panic!("the coroutine has not ended");
}
