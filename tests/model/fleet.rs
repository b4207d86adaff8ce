// SPDX-License-Identifier: MIT
//! Several dispatchers that begin together and are shut down together.

use crate::world::check;
use ::copas::capi::dispatcher::{copas_hold, copas_post, copas_shutdown};
use ::copas::capi::fleet::copas_loop_many;
use ::copas::capi::types::copas;
use std::ffi::c_void;
use std::ptr;

unsafe extern "C" fn stop(c: *mut copas, _: *mut c_void) {
    assert_eq!(copas_shutdown(c, 0.0), 0);
}

unsafe extern "C" fn set_up(c: *mut copas, number: i32, _: *mut c_void) -> i32 {
    // The shutdown's time limits pass when nothing else is to do.
    ::copas::testing::use_manual_clock(c);
    assert_eq!(copas_hold(c), 0);
    if number == 1 {
        assert_eq!(copas_post(c, Some(stop), ptr::null_mut()), 0);
    }
    0
}

#[test]
fn the_shutdown_of_one_reaches_all() {
    check(|| {
        let (user, config) = (ptr::null_mut(), ptr::null());
        // SAFETY: NULL is allowed.
        assert_eq!(unsafe { copas_loop_many(2, Some(set_up), user, config) }, 0);
    });
}
