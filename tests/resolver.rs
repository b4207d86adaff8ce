// SPDX-License-Identifier: MIT
//! Resolving names, with lookups that the tests make up.

use copas::capi::bind::{copas_bind, copas_bind_udp};
use copas::capi::datagram::copas_connect_udp;
use copas::capi::dispatcher::{
    copas_current, copas_error, copas_free, copas_loop, copas_new, copas_step,
};
use copas::capi::offload::{copas_resolve, copas_setresolver};
use copas::capi::socket::copas_connect;
use copas::capi::thread::{copas_addthread, copas_removethread};
use copas::capi::types::{copas as Copas, copas_address, copas_error_info};
use std::ffi::{CStr, CString, c_int, c_void};
use std::net::{IpAddr, TcpListener};
use std::ptr::{null, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

const OK: c_int = 0;
const TIMEOUT: c_int = -1;
const SYSTEM: c_int = -13;
const UNRESOLVED: c_int = -22;
const REFUSED: c_int = -14;

/// A dispatcher whose names are made up.
struct Names {
    c: *mut Copas,
    lookups: Arc<AtomicUsize>,
}

impl Names {
    fn new(lookup: impl Fn(&str) -> Result<Vec<IpAddr>, String> + Send + Sync + 'static) -> Self {
        // SAFETY: NULL stands for the default settings.
        let c = unsafe { copas_new(null()) };
        let lookups = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&lookups);
        copas::testing::use_lookup(c, move |name| {
            count.fetch_add(1, SeqCst);
            lookup(name)
        });
        Names { c, lookups }
    }

    fn text(&self) -> String {
        let mut info = copas_error_info {
            size: size_of::<copas_error_info>(),
            status: 0,
            sys_errno: 0,
            text: null(),
        };
        // SAFETY: `info` is writable and says its size; its text is terminated.
        unsafe {
            assert_eq!(copas_error(self.c, &mut info), OK);
            CStr::from_ptr(info.text).to_string_lossy().into_owned()
        }
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        assert_eq!(copas_free(self.c), OK);
    }
}

fn resolve(c: *mut Copas, name: &str, seconds: f64) -> (c_int, Vec<String>) {
    let name = CString::new(name).unwrap();
    let mut count = 0;
    let empty = || copas_address {
        family: 0,
        port: 0,
        host: [0; 112],
    };
    let mut addresses: [copas_address; 4] = [empty(), empty(), empty(), empty()];
    // SAFETY: the name is terminated, the rest writable.
    let status = unsafe {
        copas_resolve(
            c,
            name.as_ptr(),
            seconds,
            addresses.as_mut_ptr(),
            4,
            &mut count,
        )
    };
    let told = addresses[..count.min(4)].iter().map(|address| {
        // SAFETY: the host is terminated.
        unsafe { CStr::from_ptr(address.host.as_ptr()) }
            .to_string_lossy()
            .into_owned()
    });
    (status, told.collect())
}

fn two(_: &str) -> Result<Vec<IpAddr>, String> {
    Ok(vec!["127.0.0.2".parse().unwrap(), "::1".parse().unwrap()])
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
    assert!(names.text().contains("nowhere.example: no such name here"));
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
            names.text().contains(&told),
            "{} lacks {told}",
            names.text()
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
            let text = names.text();
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
        let text = names.text();
        assert!(text.contains(told), "{text} lacks {told}");
    }
}
