// SPDX-License-Identifier: MIT
//! The pools of OS threads: names that are looked up, and functions that block.

use crate::world::{check, dispatcher, free, told, wait_for};
use ::copas::capi::dispatcher::copas_step;
use ::copas::capi::submit::copas_submit_cancel;
use ::copas::capi::submit_open::copas_submit_resolve;
use ::copas::capi::submit_wait::copas_submit_offload;
use ::copas::capi::types::copas;
use std::ffi::{CStr, c_void};
use std::net::{IpAddr, Ipv4Addr};
use std::ptr;

const CANCELED: i32 = -3;

fn resolve(c: *mut copas, name: &CStr, token: u64) {
    let (now, out) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: a text; NULL is allowed.
    let begun = unsafe { copas_submit_resolve(c, name.as_ptr(), -1.0, token, now, out) };
    assert_eq!(begun, 0);
}

#[test]
fn every_name_that_is_asked_for_is_answered() {
    check(|| {
        let c = dispatcher();
        ::copas::testing::use_lookup(c, |_| Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]));
        for (token, name) in [(1, c"one"), (2, c"two"), (3, c"three"), (4, c"one")] {
            resolve(c, name, token);
        }
        let mut tokens = wait_for(c, 4);
        tokens.sort_unstable();
        assert_eq!(tokens, [1, 2, 3, 4]);
        free(c);
    });
}

#[test]
fn a_name_that_nobody_wants_any_more_is_answered_when_it_is_wanted_again() {
    check(|| {
        let c = dispatcher();
        ::copas::testing::use_lookup(c, |_| Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]));
        for name in [c"one", c"two"] {
            resolve(c, name, 1);
        }
        let (now, mut out) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: a text; the place is writable.
        let begun = unsafe { copas_submit_resolve(c, c"late".as_ptr(), -1.0, 9, now, &mut out) };
        assert_eq!(begun, 0);
        assert_eq!(copas_submit_cancel(out), 0);
        // Now nobody waits for it, and its turn may come.
        assert_eq!(copas_step(c, 0.0), 0);
        resolve(c, c"late", 2);
        let mut told = told(c, 4);
        told.sort_unstable();
        assert_eq!(told, [(1, 0), (1, 0), (2, 0), (9, CANCELED)]);
        free(c);
    });
}

unsafe extern "C" fn add_one(number: *mut c_void) {
    // SAFETY: the number waits for this.
    unsafe { *number.cast::<u32>() += 1 };
}

#[test]
fn every_blocking_function_is_run_and_its_end_is_seen() {
    check(|| {
        let (c, mut numbers) = (dispatcher(), [0_u32; 3]);
        for (token, number) in numbers.iter_mut().enumerate() {
            let (number, out) = (ptr::from_mut(number).cast(), ptr::null_mut());
            // SAFETY: the number outlives the dispatcher; NULL is allowed.
            let begun =
                unsafe { copas_submit_offload(c, Some(add_one), number, token as u64, out) };
            assert_eq!(begun, 0);
        }
        wait_for(c, 3);
        assert_eq!(numbers, [1, 1, 1]);
        free(c);
    });
}
