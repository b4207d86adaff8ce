// SPDX-License-Identifier: MIT
//! Time limits and fairness, exactly: on a clock that stands still until the dispatcher has nothing
//! else to do, or until a test moves it.

use copas::capi::bind::copas_bind;
use copas::capi::dispatcher::{copas_current, copas_free, copas_loop, copas_new, copas_step};
use copas::capi::server::copas_addserver;
use copas::capi::socket::{copas_close, copas_connect, copas_settimeout, copas_wrap};
use copas::capi::stats::{copas_setstatistics, copas_stats};
use copas::capi::stream::{copas_flush, copas_receive, copas_send};
use copas::capi::thread::{copas_addthread, copas_pause};
use copas::capi::types::{copas as Copas, copas_bytes, copas_dispatcher_stats, copas_socket};
use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::io::{Read, Write};
use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixStream;
use std::ptr::{null, null_mut};
use std::rc::Rc;

const OK: c_int = 0;
const TIMEOUT: c_int = -1;
const LINE: i64 = -1;
const MILLISECOND: u64 = 1_000_000;
/// The wheel's tick, in nanoseconds: a time limit passes at the first tick that is not before it.
const TICK: u64 = 100_000;

/// A dispatcher on a clock of its own.
struct Bench {
    c: *mut Copas,
    clock: Rc<Cell<u64>>,
}

impl Bench {
    fn new() -> Self {
        // SAFETY: NULL stands for the default settings.
        let c = unsafe { copas_new(null()) };
        let clock = copas::testing::use_manual_clock(c);
        Bench { c, clock }
    }

    /// A wrapped socket and its other side.
    fn pair(&self) -> (*mut copas_socket, UnixStream) {
        let (own, peer) = UnixStream::pair().unwrap();
        let mut socket = null_mut();
        // SAFETY: `socket` is writable.
        let status = unsafe { copas_wrap(self.c, own.into_raw_fd(), &mut socket) };
        assert_eq!(status, OK);
        (socket, peer)
    }

    /// Adds a coroutine.
    fn add(&self, body: impl FnOnce() + 'static) {
        let body: Box<Box<dyn FnOnce()>> = Box::new(Box::new(body));
        let user = Box::into_raw(body).cast();
        // SAFETY: the function takes the box back, once.
        let status = unsafe { copas_addthread(self.c, Some(call), user, null_mut()) };
        assert_eq!(status, OK);
    }

    fn run(&self) {
        assert_eq!(copas_loop(self.c, -1.0), OK);
    }

    /// The ticks of the clock that `body` takes, run as a coroutine.
    fn ticks_of(&self, body: impl FnOnce() + 'static) -> u64 {
        let took = Rc::new(Cell::new(u64::MAX));
        let (inside, clock) = (Rc::clone(&took), Rc::clone(&self.clock));
        self.add(move || {
            let start = clock.get();
            body();
            inside.set(clock.get() - start);
        });
        while took.get() == u64::MAX {
            assert_eq!(copas_step(self.c, -1.0), OK);
        }
        took.get().div_ceil(TICK)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        assert_eq!(copas_free(self.c), OK);
    }
}

unsafe extern "C" fn call(user: *mut c_void) {
    // SAFETY: `Bench::add` made it of such a box, for this call alone.
    let body = unsafe { Box::from_raw(user.cast::<Box<dyn FnOnce()>>()) };
    body();
}

fn receive(socket: *mut copas_socket, pattern: i64) -> (c_int, usize) {
    let mut bytes = copas_bytes {
        data: null(),
        len: 0,
    };
    // SAFETY: `bytes` is writable.
    let status = unsafe { copas_receive(socket, pattern, &mut bytes) };
    (status, bytes.len)
}

fn pause(seconds: f64) -> c_int {
    // SAFETY: the time slept is not asked for.
    unsafe { copas_pause(copas_current(), seconds, null_mut()) }
}

#[test]
fn a_pause_lasts_exactly_its_ticks() {
    let bench = Bench::new();
    for (seconds, ticks) in [(0.0001, 1), (0.001, 10), (0.25, 2500), (3600.0, 36_000_000)] {
        assert_eq!(
            bench.ticks_of(move || assert_eq!(pause(seconds), OK)),
            ticks
        );
    }
}

#[test]
fn a_pause_between_two_ticks_ends_at_the_later_one() {
    let bench = Bench::new();
    assert_eq!(bench.ticks_of(|| assert_eq!(pause(0.000_05), OK)), 1);
    bench.clock.set(bench.clock.get() + 1);
    let clock = Rc::clone(&bench.clock);
    bench.add(move || {
        let start = clock.get();
        assert_eq!(pause(0.001), OK);
        assert!(clock.get() - start >= MILLISECOND);
        assert!(clock.get() - start < MILLISECOND + TICK);
    });
    bench.run();
}

#[test]
fn a_receive_times_out_once_at_its_limit_and_loses_nothing() {
    let bench = Bench::new();
    let (socket, mut peer) = bench.pair();
    assert_eq!(copas_settimeout(socket, 0.05), OK);
    peer.write_all(b"half").unwrap();
    let ticks = bench.ticks_of(move || assert_eq!(receive(socket, LINE), (TIMEOUT, 4)));
    assert_eq!(ticks, 500);
    peer.write_all(b" a line\n").unwrap();
    let ticks = bench.ticks_of(move || assert_eq!(receive(socket, LINE), (OK, 11)));
    assert_eq!(ticks, 0);
}

#[test]
fn a_receive_limit_counts_from_the_call_and_covers_all_of_it() {
    let bench = Bench::new();
    let (socket, peer) = bench.pair();
    assert_eq!(copas_settimeout(socket, 0.05), OK);
    bench.add(move || {
        for _ in 0..20 {
            assert_eq!(pause(0.011), OK);
            (&peer).write_all(b"x").unwrap();
        }
    });
    let ticks = bench.ticks_of(move || assert_eq!(receive(socket, LINE), (TIMEOUT, 4)));
    assert_eq!(ticks, 500);
    bench.run();
}

#[test]
fn a_flush_times_out_at_its_limit_and_keeps_the_rest() {
    let bench = Bench::new();
    let (socket, mut peer) = bench.pair();
    let data = vec![b'x'; 1 << 20];
    assert_eq!(copas_settimeout(socket, 0.02), OK);
    let ticks = bench.ticks_of(move || {
        let send = |len| {
            // SAFETY: `data` has `len` bytes.
            unsafe { copas_send(socket, data.as_ptr().cast(), len) }
        };
        while send(1024) == OK {}
        assert_eq!(copas_flush(socket), TIMEOUT);
    });
    assert_eq!(ticks, 400);
    let reader = std::thread::spawn(move || {
        let mut got = Vec::new();
        peer.read_to_end(&mut got).unwrap();
        got.len() % 1024
    });
    assert_eq!(copas_settimeout(socket, -1.0), OK);
    assert_eq!(copas_flush(socket), OK);
    assert_eq!(copas_close(socket), OK);
    bench.run();
    assert_eq!(reader.join().unwrap(), 0, "messages were cut");
}

#[test]
fn a_limit_of_zero_looks_once() {
    let bench = Bench::new();
    let (socket, mut peer) = bench.pair();
    assert_eq!(copas_settimeout(socket, 0.0), OK);
    let ticks = bench.ticks_of(move || {
        assert_eq!(receive(socket, LINE), (TIMEOUT, 0));
        peer.write_all(b"now\n").unwrap();
        assert_eq!(receive(socket, LINE), (OK, 3));
    });
    assert_eq!(ticks, 0);
}

#[test]
fn a_connect_times_out_at_its_limit() {
    let bench = Bench::new();
    let c = bench.c as usize;
    let ticks = bench.ticks_of(move || {
        let mut socket = null_mut();
        // A full backlog answers no further connection.
        let full = FullListener::new();
        let host = c"127.0.0.1".as_ptr();
        // SAFETY: the host is terminated, `socket` writable.
        let status = unsafe { copas_connect(c as *mut Copas, host, full.port, 0.25, &mut socket) };
        assert_eq!(status, TIMEOUT);
    });
    assert_eq!(ticks, 2500);
}

/// A listener that takes no further connection: the kernel drops what comes.
struct FullListener {
    port: c_int,
    _kept: Vec<socket2::Socket>,
}

impl FullListener {
    fn new() -> Self {
        let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
        let stream = || socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let listener = stream().unwrap();
        listener.bind(&any.into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let port = address.as_socket().unwrap().port().into();
        let mut kept = vec![listener];
        for _ in 0..4 {
            let client = stream().unwrap();
            client.set_nonblocking(true).unwrap();
            let _ = client.connect(&address);
            kept.push(client);
        }
        FullListener { port, _kept: kept }
    }
}

#[test]
fn sleepers_wake_in_the_order_of_their_times() {
    let bench = Bench::new();
    let order = Rc::new(RefCell::new(Vec::new()));
    for n in 0..1000u64 {
        let milliseconds = n * 7919 % 1000;
        let order = Rc::clone(&order);
        bench.add(move || {
            assert_eq!(pause(milliseconds as f64 / 1000.0), OK);
            order.borrow_mut().push(milliseconds);
        });
    }
    bench.run();
    assert_eq!(order.borrow().len(), 1000);
    assert!(order.borrow().is_sorted());
}

/// Operations that a slice may do, as the design says.
const BUDGET: u64 = 128;

#[test]
fn a_reader_of_an_endless_stream_yields_to_a_sleeper_within_its_budget() {
    let bench = Bench::new();
    let (socket, mut peer) = bench.pair();
    let awake = Rc::new(Cell::new(false));
    let (seen, clock) = (Rc::clone(&awake), Rc::clone(&bench.clock));
    bench.add(move || {
        let start = clock.get();
        assert_eq!(pause(0.01), OK);
        seen.set(true);
        // Each operation of the reader below takes 1 ms of this clock: the slice in which the time
        // came, and the one that was in line before the sleeper.
        assert!(clock.get() - start <= (2 * BUDGET + 1) * MILLISECOND);
    });
    // Its limit counts from the end of its round.
    for _ in 0..2 {
        copas_step(bench.c, 0.0);
    }
    let clock = Rc::clone(&bench.clock);
    bench.add(move || {
        // All of it is there at once, so that no receive ever has to wait.
        peer.write_all(&[b'x'; 10 * BUDGET as usize]).unwrap();
        let mut operations = 0;
        while !awake.get() {
            assert_eq!(receive(socket, 1), (OK, 1));
            clock.set(clock.get() + MILLISECOND);
            operations += 1;
            assert!(operations < 10 * BUDGET, "the sleeper starves");
        }
    });
    bench.run();
}

#[test]
fn a_reader_of_an_endless_stream_yields_to_another_connection() {
    let bench = Bench::new();
    let (endless, mut source) = bench.pair();
    let (other, mut client) = bench.pair();
    let served = Rc::new(Cell::new(false));
    let seen = Rc::clone(&served);
    bench.add(move || {
        assert_eq!(receive(other, LINE), (OK, 7));
        seen.set(true);
    });
    assert_eq!(copas_step(bench.c, 0.0), OK);
    bench.add(move || {
        client.write_all(b"request\n").unwrap();
        source.write_all(&[b'x'; 10 * BUDGET as usize]).unwrap();
        let mut operations = 0;
        while !served.get() {
            assert_eq!(receive(endless, 1), (OK, 1));
            operations += 1;
            assert!(operations <= 2 * BUDGET + 1, "the other connection starves");
        }
    });
    bench.run();
}

unsafe extern "C" fn never(_: *mut copas_socket, _: *mut c_void) {
    panic!("nobody connects");
}

#[test]
fn a_server_alone_waits_without_a_time() {
    let bench = Bench::new();
    let mut server = null_mut();
    // SAFETY: the host is NULL, `server` writable.
    assert_eq!(unsafe { copas_bind(bench.c, null(), 0, &mut server) }, OK);
    assert_eq!(
        copas_addserver(bench.c, server, Some(never), null_mut(), 0.5),
        OK
    );
    let start = bench.clock.get();
    while copas_step(bench.c, 0.0) == OK {}
    assert_eq!(copas_step(bench.c, 0.0), TIMEOUT);
    assert_eq!(bench.clock.get(), start);
}

/// Steps measured, and the milliseconds of the shortest, the average and the longest.
fn steps(c: *mut Copas) -> (u64, [f64; 3]) {
    // SAFETY: all of its fields may be zero.
    let mut stats: copas_dispatcher_stats = unsafe { std::mem::zeroed() };
    stats.size = size_of::<copas_dispatcher_stats>();
    // SAFETY: `stats` is writable and says its size.
    assert_eq!(unsafe { copas_stats(c, &mut stats) }, OK);
    let all = [stats.step_min, stats.step_avg, stats.step_max];
    (
        stats.steps,
        all.map(|seconds| (seconds * 1e6).round() / 1e3),
    )
}

#[test]
fn the_cost_of_steps_is_their_work_without_their_waits() {
    let bench = Bench::new();
    let clock = Rc::clone(&bench.clock);
    bench.add(move || {
        for milliseconds in [5, 1, 3] {
            clock.set(clock.get() + milliseconds * MILLISECOND);
            assert_eq!(pause(0.5), OK);
        }
    });
    assert_eq!(copas_setstatistics(bench.c, 1), OK);
    assert_eq!(steps(bench.c), (0, [0.0; 3]));
    assert_eq!(copas_step(bench.c, -1.0), OK);
    assert_eq!(steps(bench.c), (1, [5.0; 3]));
    assert_eq!(copas_step(bench.c, -1.0), OK);
    assert_eq!(steps(bench.c), (2, [1.0, 3.0, 5.0]));
    assert_eq!(copas_step(bench.c, -1.0), OK);
    assert_eq!(steps(bench.c), (3, [1.0, 3.0, 5.0]));
    // Off they stay as they are; on again they begin anew.
    assert_eq!(copas_setstatistics(bench.c, 0), OK);
    assert_eq!(copas_step(bench.c, -1.0), OK);
    assert_eq!(steps(bench.c), (3, [1.0, 3.0, 5.0]));
    assert_eq!(copas_setstatistics(bench.c, 1), OK);
    assert_eq!(steps(bench.c), (0, [0.0; 3]));
}
