// SPDX-License-Identifier: MIT
//! The OS threads of the process: slow names and blocking functions hold up neither each other nor
//! what comes after those that nobody waits for. The pools are the process', so the cases take turns.

mod names;

use copas::capi::dispatcher::{copas_current, copas_loop, copas_step};
use copas::capi::offload::copas_offload;
use copas::capi::thread::copas_addthread;
use copas::capi::types::copas as Copas;
use names::{Gate, Names, OK, TIMEOUT, resolve, two};
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// OS threads of each pool, as the design says.
const MOST: usize = 4;

fn take_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A dispatcher whose names wait for the gate, but for those that begin with "quick".
fn gated(gate: &Gate) -> Names {
    let slow = gate.lookup();
    Names::new(move |name| {
        if name.starts_with("quick") {
            two(name)
        } else {
            slow(name)
        }
    })
}

/// Keeps every OS thread for names busy until the gate opens, and waits for none of them.
fn occupy(names: &Names) {
    for n in 0..MOST {
        // Until it has begun: those of the case before may be busy still.
        wait_for(names.c, || {
            assert_eq!(resolve(names.c, &format!("slow{n}"), 0.001).0, TIMEOUT);
            names.lookups.load(SeqCst) > n
        });
    }
}

/// Looks a name up and leaves before its turn comes.
fn give_up(names: &Names, name: &str) {
    assert_eq!(resolve(names.c, name, 0.001).0, TIMEOUT);
}

fn wait_for(c: *mut Copas, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "it never came");
        copas_step(c, 0.01);
    }
}

#[test]
fn lookups_that_nobody_waits_for_are_skipped() {
    let _turn = take_turn();
    let gate = Gate::default();
    let names = gated(&gate);
    occupy(&names);
    for n in 0..2 * MOST {
        give_up(&names, &format!("left{n}"));
    }
    gate.open();
    assert_eq!(resolve(names.c, "quick", -1.0).0, OK);
    // Those that had begun, and the quick one.
    assert_eq!(names.lookups.load(SeqCst), MOST + 1);
    // What was skipped is looked up anew.
    assert_eq!(resolve(names.c, "left0", -1.0).0, OK);
    assert_eq!(names.lookups.load(SeqCst), MOST + 2);
}

unsafe extern "C" fn resolve_the_last(user: *mut c_void) {
    let status = resolve(copas_current(), "slow_last", -1.0).0;
    assert_eq!(status, OK);
    // SAFETY: the test's counter, which outlives the loop.
    unsafe { &*user.cast::<AtomicUsize>() }.fetch_add(1, SeqCst);
}

/// Starts a coroutine with a counter.
fn start(c: *mut Copas, body: unsafe extern "C" fn(*mut c_void), counter: &AtomicUsize) {
    let user = std::ptr::from_ref(counter).cast_mut().cast();
    // SAFETY: the function takes that counter.
    let status = unsafe { copas_addthread(c, Some(body), user, null_mut()) };
    assert_eq!(status, OK);
}

#[test]
fn who_comes_to_a_lookup_that_others_have_left_gets_its_answer() {
    let _turn = take_turn();
    let gate = Gate::default();
    let names = gated(&gate);
    let done = AtomicUsize::new(0);
    occupy(&names);
    give_up(&names, "slow_last");
    start(names.c, resolve_the_last, &done);
    assert_eq!(copas_step(names.c, 0.0), OK);
    gate.open();
    wait_for(names.c, || done.load(SeqCst) == 1);
    assert_eq!(names.lookups.load(SeqCst), MOST + 1);
}

unsafe extern "C" fn resolve_quickly(user: *mut c_void) {
    assert_eq!(resolve(copas_current(), "quick", -1.0).0, OK);
    // SAFETY: the test's counter, which outlives the loop.
    unsafe { &*user.cast::<AtomicUsize>() }.fetch_add(1, SeqCst);
}

#[test]
fn who_comes_when_a_lookup_has_just_been_skipped_gets_its_answer() {
    let _turn = take_turn();
    let gate = Gate::default();
    let names = gated(&gate);
    let done = AtomicUsize::new(0);
    occupy(&names);
    give_up(&names, "slow_last");
    start(names.c, resolve_quickly, &done);
    assert_eq!(copas_step(names.c, 0.0), OK);
    gate.open();
    // The quick one stood behind the last, which has been skipped by now; nobody knows yet.
    let end = Instant::now() + Duration::from_secs(60);
    while names.lookups.load(SeqCst) <= MOST {
        assert!(Instant::now() < end, "the quick one never began");
        std::thread::yield_now();
    }
    assert_eq!(resolve(names.c, "slow_last", 60.0).0, OK);
    wait_for(names.c, || done.load(SeqCst) == 1);
    assert_eq!(names.lookups.load(SeqCst), MOST + 2);
}

unsafe extern "C" fn block(user: *mut c_void) {
    // SAFETY: the test's gate, which outlives the loop.
    unsafe { &*user.cast::<Gate>() }.pass();
}

unsafe extern "C" fn offload_a_block(user: *mut c_void) {
    // SAFETY: the function takes that gate.
    let status = unsafe { copas_offload(copas_current(), Some(block), user) };
    assert_eq!(status, OK);
}

#[test]
fn blocking_functions_hold_up_no_name() {
    let _turn = take_turn();
    let gate = Gate::default();
    let names = Names::new(two);
    for _ in 0..2 * MOST {
        let user = std::ptr::from_ref(&gate).cast_mut().cast();
        // SAFETY: the function takes that gate.
        let status = unsafe { copas_addthread(names.c, Some(offload_a_block), user, null_mut()) };
        assert_eq!(status, OK);
    }
    assert_eq!(copas_step(names.c, 0.0), OK);
    assert_eq!(resolve(names.c, "quick", 60.0).0, OK);
    gate.open();
    assert_eq!(copas_loop(names.c, -1.0), OK);
}

unsafe extern "C" fn count(user: *mut c_void) {
    // SAFETY: the test's counter, which outlives the call.
    unsafe { &*user.cast::<AtomicUsize>() }.fetch_add(1, SeqCst);
}

#[test]
fn slow_names_hold_up_no_blocking_function() {
    let _turn = take_turn();
    let gate = Gate::default();
    let names = gated(&gate);
    let done = AtomicUsize::new(0);
    occupy(&names);
    let user = (&raw const done).cast_mut().cast();
    // SAFETY: the function takes that counter.
    let status = unsafe { copas_offload(names.c, Some(count), user) };
    assert_eq!((status, done.load(SeqCst)), (OK, 1));
    gate.open();
    gate.wait_until_done(MOST);
}
