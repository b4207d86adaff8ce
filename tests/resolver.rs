// SPDX-License-Identifier: MIT
//! Resolving names, with lookups that the tests make up.

mod names;

use copas::capi::bind::{copas_bind, copas_bind_udp};
use copas::capi::datagram::copas_connect_udp;
use copas::capi::dispatcher::{copas_current, copas_error, copas_loop, copas_shutdown, copas_step};
use copas::capi::offload::copas_setresolver;
use copas::capi::socket::copas_connect;
use copas::capi::thread::{copas_addthread, copas_removethread};
use copas::capi::types::{copas as Copas, copas_error_info};
use names::{Gate, Names, OK, TIMEOUT, resolve, two};
use std::ffi::{CStr, c_int, c_void};
use std::net::{IpAddr, TcpListener};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

const INVALID: c_int = -4;
const SYSTEM: c_int = -13;
const UNRESOLVED: c_int = -22;
const REFUSED: c_int = -14;

/// The words of the last failure.
fn text(names: &Names) -> String {
    let mut info = copas_error_info {
        size: size_of::<copas_error_info>(),
        status: 0,
        sys_errno: 0,
        text: null(),
    };
    // SAFETY: `info` is writable and says its size; its text is terminated.
    unsafe {
        assert_eq!(copas_error(names.c, &mut info), OK);
        CStr::from_ptr(info.text).to_string_lossy().into_owned()
    }
}

#[test]
fn the_addresses_of_a_name_are_told_in_their_order() {
    let names = Names::new(two);
    let (status, addresses) = resolve(names.c, "two.example", -1.0);
    assert_eq!(
        (status, addresses),
        (OK, vec!["127.0.0.2".into(), "::1".into()])
    );
}

#[test]
fn numeric_addresses_are_not_looked_up() {
    let names = Names::new(two);
    assert_eq!(
        resolve(names.c, "10.1.2.3", 0.0),
        (OK, vec!["10.1.2.3".into()])
    );
    assert_eq!(resolve(names.c, "::1", 0.0), (OK, vec!["::1".into()]));
    assert_eq!(names.lookups.load(SeqCst), 0);
}

#[test]
fn answers_are_kept_and_forgotten_above_the_limit() {
    let names = Names::new(two);
    assert_eq!(copas_setresolver(names.c, 2, 60.0), OK);
    for name in ["a", "a", "b", "a", "c", "a", "b"] {
        assert_eq!(resolve(names.c, name, -1.0).0, OK);
    }
    // a, b, c, and b again, which was used longest ago when c came.
    assert_eq!(names.lookups.load(SeqCst), 4);
    assert_eq!(copas_setresolver(names.c, 0, 60.0), OK);
    for _ in 0..3 {
        assert_eq!(resolve(names.c, "a", -1.0).0, OK);
    }
    assert_eq!(names.lookups.load(SeqCst), 7);
}

#[test]
fn a_failure_has_the_resolvers_words() {
    let names = Names::new(|_| Err("no such name here".into()));
    assert_eq!(resolve(names.c, "nowhere.example", -1.0).0, UNRESOLVED);
    assert!(text(&names).contains("nowhere.example: no such name here"));
}

#[test]
fn a_slow_lookup_ends_at_the_limit_and_blocks_nobody() {
    let names = Names::new(|name| {
        std::thread::sleep(Duration::from_millis(if name == "slow" { 300 } else { 0 }));
        two(name)
    });
    let start = Instant::now();
    assert_eq!(resolve(names.c, "slow", 0.02).0, TIMEOUT);
    assert!(start.elapsed() >= Duration::from_millis(20));
    assert_eq!(resolve(names.c, "quick", -1.0).0, OK);
    assert!(start.elapsed() < Duration::from_millis(300));
    // The lookup goes on, and its answer serves the next.
    assert_eq!(resolve(names.c, "slow", -1.0).0, OK);
    assert_eq!(names.lookups.load(SeqCst), 2);
}

unsafe extern "C" fn resolve_shared(user: *mut c_void) {
    assert_eq!(resolve(copas_current(), "shared", -1.0).0, OK);
    // SAFETY: the test's counter, which outlives the loop.
    unsafe { &*user.cast::<AtomicUsize>() }.fetch_add(1, SeqCst);
}

#[test]
fn lookups_of_the_same_name_are_shared() {
    let names = Names::new(|name| {
        std::thread::sleep(Duration::from_millis(20));
        two(name)
    });
    let done = AtomicUsize::new(0);
    for _ in 0..50 {
        let user = (&raw const done).cast_mut().cast();
        // SAFETY: the function takes that counter.
        let status = unsafe { copas_addthread(names.c, Some(resolve_shared), user, null_mut()) };
        assert_eq!(status, OK);
    }
    assert_eq!(copas_loop(names.c, -1.0), OK);
    assert_eq!(done.load(SeqCst), 50);
    assert_eq!(names.lookups.load(SeqCst), 1);
}

fn connect(c: *mut Copas, name: &CStr, port: u16) -> c_int {
    let mut socket = null_mut();
    // SAFETY: the name is terminated, `socket` writable.
    unsafe { copas_connect(c, name.as_ptr(), port.into(), 10.0, &mut socket) }
}

#[test]
fn a_connection_tries_every_address_in_turn() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let names = Names::new(|_| {
        let list = ["127.0.0.3", "127.0.0.2", "127.0.0.1"];
        Ok(list.iter().map(|ip| ip.parse().unwrap()).collect())
    });
    assert_eq!(connect(names.c, c"many.example", port), OK);
    drop(listener);
    assert_eq!(connect(names.c, c"many.example", port), REFUSED);
    for address in ["127.0.0.1", "127.0.0.2", "127.0.0.3"] {
        let told = format!("{address}:{port}: ");
        assert!(
            text(&names).contains(&told),
            "{} lacks {told}",
            text(&names)
        );
    }
}

const CANCELED: c_int = -3;

unsafe extern "C" fn resolve_slowly(user: *mut c_void) {
    let status = resolve(copas_current(), "slow", -1.0).0;
    // SAFETY: the test's place, which outlives the loop.
    unsafe { &*user.cast::<AtomicUsize>() }.store((-status) as usize, SeqCst);
}

#[test]
fn a_lookup_is_left_at_once_when_its_caller_is_canceled() {
    let names = Names::new(|name| {
        std::thread::sleep(Duration::from_millis(500));
        two(name)
    });
    let told = AtomicUsize::new(0);
    let mut thread = null_mut();
    // SAFETY: the function takes that place; `thread` is writable.
    let status = unsafe {
        let user = (&raw const told).cast_mut().cast();
        copas_addthread(names.c, Some(resolve_slowly), user, &mut thread)
    };
    assert_eq!(status, OK);
    let start = Instant::now();
    assert_eq!(copas_step(names.c, 0.0), OK);
    assert_eq!(copas_removethread(thread), OK);
    assert_eq!(copas_loop(names.c, -1.0), OK);
    assert_eq!(told.load(SeqCst), (-CANCELED) as usize);
    assert!(start.elapsed() < Duration::from_millis(500));
}

const SECOND: u64 = 1_000_000_000;

#[test]
fn an_answer_holds_for_its_seconds() {
    let names = Names::new(two);
    let clock = copas::testing::use_manual_clock(names.c);
    assert_eq!(copas_setresolver(names.c, 10, 5.0), OK);
    // The seconds that pass before each question, and the lookups that there were after it.
    for (seconds, lookups) in [(0, 1), (4, 1), (1, 2), (4, 2), (100, 3)] {
        clock.set(clock.get() + seconds * SECOND);
        assert_eq!(resolve(names.c, "a", -1.0).0, OK);
        assert_eq!(names.lookups.load(SeqCst), lookups);
    }
}

#[test]
fn a_failure_holds_for_one_second_at_most() {
    let names = Names::new(|_| Err("not now".into()));
    let clock = copas::testing::use_manual_clock(names.c);
    for (seconds, after, lookups) in [
        (60.0, SECOND - 1, 1),
        (60.0, SECOND, 2),
        (0.5, SECOND / 2, 2),
    ] {
        names.lookups.store(0, SeqCst);
        assert_eq!(copas_setresolver(names.c, 10, seconds), OK);
        assert_eq!(resolve(names.c, "a", -1.0).0, UNRESOLVED);
        clock.set(clock.get() + after);
        assert_eq!(resolve(names.c, "a", -1.0).0, UNRESOLVED);
        assert_eq!(names.lookups.load(SeqCst), lookups);
    }
}

#[test]
fn asking_without_waiting_starts_a_lookup_that_a_later_call_finds() {
    let names = Names::new(two);
    assert_eq!(resolve(names.c, "a", 0.0).0, TIMEOUT);
    let end = Instant::now() + Duration::from_secs(60);
    while resolve(names.c, "a", 0.0).0 != OK {
        assert!(Instant::now() < end, "the answer never came");
        copas_step(names.c, 0.01);
    }
    let lookups = names.lookups.load(SeqCst);
    assert_eq!(resolve(names.c, "a", 0.0).0, OK);
    assert_eq!(names.lookups.load(SeqCst), lookups);
}

#[test]
fn a_name_without_addresses_is_unresolved() {
    let names = Names::new(|_| Ok(Vec::new()));
    assert_eq!(resolve(names.c, "empty.example", -1.0).0, UNRESOLVED);
    assert!(text(&names).contains("empty.example: it has no address"));
}

#[test]
fn a_name_of_more_than_255_bytes_is_refused_and_not_looked_up() {
    let names = Names::new(two);
    assert_eq!(resolve(names.c, &"n".repeat(255), -1.0).0, OK);
    assert_eq!(resolve(names.c, &"n".repeat(256), -1.0).0, INVALID);
    assert_eq!(resolve(names.c, "", -1.0).0, INVALID);
    assert_eq!(names.lookups.load(SeqCst), 1);
}

/// A coroutine that waits for a lookup which is under way until `end`, and what it was told.
fn wait_during(names: &Names, told: &AtomicUsize) {
    let user = std::ptr::from_ref(told).cast_mut().cast();
    // SAFETY: the function takes that place.
    let status = unsafe { copas_addthread(names.c, Some(resolve_slowly), user, null_mut()) };
    assert_eq!(status, OK);
    let end = Instant::now() + Duration::from_secs(60);
    while names.lookups.load(SeqCst) == 0 {
        assert!(Instant::now() < end, "the lookup never began");
        copas_step(names.c, 0.01);
    }
}

#[test]
fn a_shutdown_does_not_wait_for_a_lookup() {
    let gate = Gate::default();
    let names = Names::new(gate.lookup());
    let told = AtomicUsize::new(0);
    wait_during(&names, &told);
    assert_eq!(copas_shutdown(names.c, 0.0), OK);
    assert_eq!(copas_loop(names.c, -1.0), OK);
    assert_eq!(told.load(SeqCst), (-CANCELED) as usize);
    gate.open();
}

#[test]
fn a_free_does_not_wait_for_a_lookup_whose_answer_then_reaches_nobody() {
    let gate = Gate::default();
    let names = Names::new(gate.lookup());
    let told = AtomicUsize::new(0);
    wait_during(&names, &told);
    drop(names);
    assert_eq!(told.load(SeqCst), (-CANCELED) as usize);
    gate.open();
    gate.wait_until_done(1);
}

/// Two addresses that cannot be had (of a link that is not named, or of a family that is not there),
/// and perhaps one that can.
fn elsewhere(name: &str) -> Result<Vec<IpAddr>, String> {
    let mut list = vec!["fe80::1", "fe80::2"];
    if name == "here.example" {
        list.push("127.0.0.1");
    }
    Ok(list.iter().map(|ip| ip.parse().unwrap()).collect())
}

#[test]
fn a_bind_tries_every_address_and_lists_their_failures() {
    let names = Names::new(elsewhere);
    for bind in [copas_bind, copas_bind_udp] {
        let mut socket = null_mut();
        // SAFETY: the names are terminated, `socket` writable.
        unsafe {
            assert_eq!(bind(names.c, c"here.example".as_ptr(), 0, &mut socket), OK);
            let status = bind(names.c, c"away.example".as_ptr(), 0, &mut socket);
            assert_eq!(status, SYSTEM);
        }
        for told in ["away.example", "[fe80::1]:0: ", "; [fe80::2]:0: "] {
            let text = text(&names);
            assert!(text.contains(told), "{text} lacks {told}");
        }
    }
}

#[test]
fn a_udp_connection_tries_every_address_and_lists_their_failures() {
    // Broadcasts have to be allowed before.
    let names = Names::new(|name| {
        let mut list = vec!["127.255.255.255", "255.255.255.255"];
        if name == "here.example" {
            list.push("127.0.0.1");
        }
        Ok(list.iter().map(|ip| ip.parse().unwrap()).collect())
    });
    let mut socket = null_mut();
    // SAFETY: the names are terminated, `socket` writable.
    unsafe {
        let here = c"here.example".as_ptr();
        assert_eq!(copas_connect_udp(names.c, here, 9, &mut socket), OK);
        let away = c"away.example".as_ptr();
        assert_eq!(copas_connect_udp(names.c, away, 9, &mut socket), SYSTEM);
    }
    for told in ["127.255.255.255:9: ", "; 255.255.255.255:9: "] {
        let text = text(&names);
        assert!(text.contains(told), "{text} lacks {told}");
    }
}
