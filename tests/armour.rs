// SPDX-License-Identifier: MIT
//! How long a server bears peers that are slow: on a clock that moves only when nothing else happens.

use copas::capi::armour::copas_setarmour;
use copas::capi::bind::copas_bind;
use copas::capi::dispatcher::{copas_current, copas_error, copas_free, copas_new, copas_step};
use copas::capi::server::copas_addserver_with;
use copas::capi::socket::copas_getsockname;
use copas::capi::stats::copas_stats;
use copas::capi::stream::{copas_receive, copas_receive_into, copas_send};
use copas::capi::thread::copas_pause;
use copas::capi::types::{
    copas as Copas, copas_address, copas_armour, copas_bytes, copas_config, copas_dispatcher_stats,
    copas_error_info, copas_server_options, copas_socket,
};
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_int, c_void};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::ptr::{null, null_mut};
use std::rc::Rc;

const OK: c_int = 0;
const CLOSED: c_int = -2;
const LINE: i64 = -1;
const SECOND: u64 = 1_000_000_000;

type Handler = dyn Fn(*mut copas_socket);

/// A server on a clock of its own.
struct Bench {
    c: *mut Copas,
    clock: Rc<Cell<u64>>,
    listener: *mut copas_socket,
    port: u16,
    start: u64,
}

impl Bench {
    fn new(
        fill: impl FnOnce(&mut copas_server_options),
        handler: impl Fn(*mut copas_socket) + 'static,
    ) -> Self {
        Self::with_memory(0, fill, handler)
    }

    fn with_memory(
        memory_budget: usize,
        fill: impl FnOnce(&mut copas_server_options),
        handler: impl Fn(*mut copas_socket) + 'static,
    ) -> Self {
        let quiet = copas_config {
            size: size_of::<copas_config>(),
            flags: 1,
            memory_budget,
            // SAFETY: zeros are a value of every other field.
            ..unsafe { std::mem::zeroed() }
        };
        // SAFETY: a config with its size.
        let c = unsafe { copas_new(&quiet) };
        let clock = copas::testing::use_manual_clock(c);
        let mut listener = null_mut();
        // SAFETY: the address is terminated; `listener` is writable.
        let bound = unsafe { copas_bind(c, c"127.0.0.1".as_ptr(), 0, &mut listener) };
        assert_eq!(bound, OK);
        // SAFETY: zeros are a value of both.
        let mut address: copas_address = unsafe { std::mem::zeroed() };
        // SAFETY: writable.
        assert_eq!(unsafe { copas_getsockname(listener, &mut address) }, OK);
        let handler: Box<Box<Handler>> = Box::new(Box::new(handler));
        // SAFETY: as above.
        let mut options: copas_server_options = unsafe { std::mem::zeroed() };
        options.size = size_of::<copas_server_options>();
        options.user = Box::into_raw(handler).cast();
        options.user_free = Some(release);
        fill(&mut options);
        // SAFETY: options with their size.
        let added = unsafe { copas_addserver_with(c, listener, Some(call), &options) };
        assert_eq!(added, OK);
        let start = clock.get();
        Bench {
            c,
            clock,
            listener,
            port: address.port as u16,
            start,
        }
    }

    /// A client that connects, and that the server has accepted.
    fn client(&self) -> TcpStream {
        let client = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        client.set_nonblocking(true).unwrap();
        self.settle();
        client
    }

    /// Does what can be done without the clock.
    fn settle(&self) {
        while copas_step(self.c, 0.0) == OK {}
    }

    /// Lets `seconds` pass, tick by tick of a tenth.
    fn pass(&self, seconds: f64) {
        for _ in 0..(seconds * 10.0).round() as u64 {
            self.clock.set(self.clock.get() + SECOND / 10);
            self.settle();
        }
    }

    fn stats(&self) -> copas_dispatcher_stats {
        // SAFETY: zeros are a value of it.
        let mut stats: copas_dispatcher_stats = unsafe { std::mem::zeroed() };
        stats.size = size_of::<copas_dispatcher_stats>();
        // SAFETY: a struct with its size.
        assert_eq!(unsafe { copas_stats(self.c, &mut stats) }, OK);
        stats
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        assert_eq!(copas_free(self.c), OK);
    }
}

unsafe extern "C" fn call(client: *mut copas_socket, user: *mut c_void) {
    // SAFETY: `Bench::new` made it of such a box, which lives as long as the server.
    (unsafe { &*user.cast::<Box<Handler>>() })(client);
}

unsafe extern "C" fn release(user: *mut c_void) {
    // SAFETY: the last use of what `Bench::new` made.
    drop(unsafe { Box::from_raw(user.cast::<Box<Handler>>()) });
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

/// What the last call that failed has to say.
fn words(c: *mut Copas) -> (c_int, String) {
    // SAFETY: zeros are a value of it.
    let mut info: copas_error_info = unsafe { std::mem::zeroed() };
    info.size = size_of::<copas_error_info>();
    // SAFETY: a struct with its size; the text is terminated.
    unsafe {
        assert_eq!(copas_error(c, &mut info), OK);
        (
            info.sys_errno,
            CStr::from_ptr(info.text).to_string_lossy().into_owned(),
        )
    }
}

/// Receives nothing for some time.
fn pause(seconds: f64) {
    let c = copas_current();
    // SAFETY: the time slept is not asked for.
    let _ = unsafe { copas_pause(c, seconds, null_mut()) };
}

/// Whether the other side is there still; what it has sent is read.
fn is_open(client: &mut TcpStream) -> bool {
    let mut bytes = [0; 4096];
    loop {
        match client.read(&mut bytes) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(e) => return e.kind() == ErrorKind::WouldBlock,
        }
    }
}

/// What a handler was answered in the end: the status, how many bytes were shown, errno and words.
type End = (c_int, usize, c_int, String);

/// What each handler was answered in the end.
#[derive(Clone, Default)]
struct Ends(Rc<RefCell<Vec<End>>>);

impl Ends {
    /// A handler that takes lines until there is an end.
    fn of_lines(&self) -> impl Fn(*mut copas_socket) + 'static {
        let ends = self.clone();
        move |client| {
            loop {
                let (status, len) = receive(client, LINE);
                if status != OK {
                    // SAFETY: never switches.
                    let (errno, text) = words(copas_current());
                    ends.0.borrow_mut().push((status, len, errno, text));
                    return;
                }
            }
        }
    }

    fn only(&self) -> End {
        let ends = self.0.borrow();
        assert_eq!(ends.len(), 1);
        ends[0].clone()
    }

    fn is_none(&self) -> bool {
        self.0.borrow().is_empty()
    }
}

#[test]
fn a_client_that_says_nothing_is_cut_off_at_its_first_byte_s_limit() {
    let ends = Ends::default();
    let bench = Bench::new(|options| options.first_byte = 5.0, ends.of_lines());
    let mut client = bench.client();
    bench.pass(4.9);
    assert!(is_open(&mut client) && ends.is_none());
    bench.pass(0.2);
    let (status, len, errno, text) = ends.only();
    assert!(status == CLOSED && len == 0 && errno == libc::ETIMEDOUT);
    assert!(text.contains("first_byte"), "{text}");
    assert!(!is_open(&mut client));
    assert!(bench.stats().late_first_byte == 1 && bench.stats().sockets == 1);
}

#[test]
fn a_client_that_has_said_one_byte_may_be_silent_for_ever() {
    let ends = Ends::default();
    let bench = Bench::new(|options| options.first_byte = 5.0, ends.of_lines());
    let mut client = bench.client();
    bench.pass(4.8);
    client.write_all(b"x").unwrap();
    bench.pass(60.0);
    assert!(is_open(&mut client) && ends.is_none());
    assert!(bench.stats().late_first_byte == 0 && bench.stats().timeouts == 0);
}

#[test]
fn a_first_byte_that_nobody_has_received_yet_counts() {
    let bench = Bench::new(|options| options.first_byte = 1.0, |_| pause(5.0));
    let mut client = bench.client();
    client.write_all(b"x").unwrap();
    bench.pass(2.0);
    assert!(is_open(&mut client) && bench.stats().late_first_byte == 0);
}

#[test]
fn a_listening_socket_s_own_limit_holds_where_the_server_says_nothing() {
    let ends = Ends::default();
    let bench = Bench::new(|_| {}, ends.of_lines());
    let armour = copas_armour {
        size: size_of::<copas_armour>(),
        first_byte: 2.0,
        // SAFETY: zeros are a value of every other field.
        ..unsafe { std::mem::zeroed() }
    };
    // SAFETY: a struct with its size.
    assert_eq!(unsafe { copas_setarmour(bench.listener, &armour) }, OK);
    let mut client = bench.client();
    bench.pass(2.1);
    assert!(!is_open(&mut client) && bench.stats().late_first_byte == 1);
}

#[test]
fn a_default_server_bears_silence() {
    let ends = Ends::default();
    let bench = Bench::new(|_| {}, ends.of_lines());
    let mut client = bench.client();
    bench.pass(0.1);
    bench.clock.set(bench.start + 86_400 * SECOND);
    bench.settle();
    assert!(is_open(&mut client) && ends.is_none() && bench.stats().timeouts == 0);
}

/// A server with 10 bytes a second over 10 s.
fn paced(handler: impl Fn(*mut copas_socket) + 'static) -> Bench {
    let fill = |options: &mut copas_server_options| {
        options.min_rate = 10;
        options.rate_window = 10.0;
    };
    Bench::new(fill, handler)
}

/// Sends a byte every `tenths` tenths of a second for `seconds`; whether the server bore it.
fn drip(bench: &Bench, client: &mut TcpStream, tenths: u64, seconds: u64) -> bool {
    for tenth in 0..seconds * 10 {
        if tenth.is_multiple_of(tenths) && client.write_all(b"x").is_err() {
            return false;
        }
        bench.pass(0.1);
    }
    is_open(client)
}

#[test]
fn a_sender_below_the_rate_is_cut_off_in_the_middle_of_its_line() {
    let ends = Ends::default();
    let bench = paced(ends.of_lines());
    let mut client = bench.client();
    assert!(drip(&bench, &mut client, 2, 9));
    assert!(!drip(&bench, &mut client, 2, 2));
    let (status, len, errno, text) = ends.only();
    assert!(
        status == CLOSED && len > 40 && errno == libc::ETIMEDOUT,
        "{len}"
    );
    assert!(text.contains("min_rate"), "{text}");
    assert!(bench.stats().slow_senders == 1 && bench.stats().sockets == 1);
}

#[test]
fn a_sender_at_the_rate_may_take_as_long_as_it_wants() {
    let ends = Ends::default();
    let bench = paced(ends.of_lines());
    let mut client = bench.client();
    assert!(drip(&bench, &mut client, 1, 60) && ends.is_none());
}

#[test]
fn between_lines_a_client_may_be_silent() {
    let ends = Ends::default();
    let bench = paced(ends.of_lines());
    let mut client = bench.client();
    for _ in 0..3 {
        client.write_all(b"one li").unwrap();
        bench.pass(3.0);
        client.write_all(b"ne\n").unwrap();
        bench.pass(33.0);
        assert!(is_open(&mut client) && bench.stats().timeouts == 0);
    }
    // One that has just begun when it is looked at owes nothing yet.
    for _ in 0..10 {
        client.write_all(b"line\nli").unwrap();
        bench.pass(7.0);
        client.write_all(b"ne\n").unwrap();
        bench.pass(2.0);
        client.write_all(b"an").unwrap();
        bench.pass(1.0);
        client.write_all(b"d\n").unwrap();
        bench.settle();
    }
    assert!(is_open(&mut client) && ends.is_none());
}

#[test]
fn what_has_arrived_counts_although_nobody_came_to_receive_it() {
    let ends = Ends::default();
    let bench = paced(ends.of_lines());
    let mut client = bench.client();
    client.write_all(b"begin").unwrap();
    bench.settle();
    // The dispatcher does not step while all of it arrives.
    client.write_all(&[b'x'; 200]).unwrap();
    bench.clock.set(bench.clock.get() + 11 * SECOND);
    bench.settle();
    assert!(is_open(&mut client) && ends.is_none());
    bench.pass(20.0);
    assert!(!is_open(&mut client) && bench.stats().slow_senders == 1);
}

#[test]
fn a_block_in_the_caller_s_memory_has_the_rate_too() {
    let ends: Rc<Cell<Option<(c_int, usize)>>> = Rc::default();
    let told = Rc::clone(&ends);
    let bench = paced(move |client| {
        let (mut memory, mut got) = (vec![0u8; 100_000], 0usize);
        // SAFETY: the memory is there and writable.
        let status = unsafe {
            copas_receive_into(client, memory.as_mut_ptr().cast(), memory.len(), &mut got)
        };
        told.set(Some((status, got)));
        // Once more, which the peer is silent on.
        assert_eq!(receive(client, LINE).0, CLOSED);
    });
    let mut client = bench.client();
    client.write_all(&[b'x'; 50_000]).unwrap();
    bench.pass(9.0);
    assert!(is_open(&mut client));
    bench.pass(11.0);
    assert!(!is_open(&mut client) && bench.stats().slow_senders == 1);
    assert_eq!(ends.get(), Some((CLOSED, 50_000)));
}

/// A server with the rate whose handler sends `megabytes` in blocks, then waits for a line.
fn pouring(megabytes: usize) -> (Bench, Ends) {
    let ends = Ends::default();
    let told = ends.clone();
    let bench = paced(move |client| {
        let block = vec![b'x'; 1 << 20];
        for _ in 0..megabytes {
            // SAFETY: the block is there.
            let status = unsafe { copas_send(client, block.as_ptr().cast(), block.len()) };
            if status != OK {
                let (errno, text) = words(copas_current());
                told.0.borrow_mut().push((status, 0, errno, text));
                return;
            }
        }
        assert_ne!(receive(client, LINE).0, OK);
    });
    (bench, ends)
}

#[test]
fn a_reader_that_takes_nothing_is_cut_off() {
    let (bench, ends) = pouring(64);
    let mut client = bench.client();
    bench.pass(9.5);
    assert!(ends.is_none());
    bench.pass(11.0);
    let (status, _, errno, text) = ends.only();
    assert!(status == CLOSED && errno == libc::ETIMEDOUT && text.contains("min_rate"));
    assert!(bench.stats().slow_readers == 1);
    assert!(!is_open(&mut client));
}

#[test]
fn a_reader_that_takes_a_little_all_the_time_is_borne() {
    let (bench, ends) = pouring(64);
    let mut client = bench.client();
    let mut bytes = vec![0; 100_000];
    for _ in 0..60 {
        // Far more than the rate, and less than makes the kernel ask for more.
        client.read_exact(&mut bytes).unwrap();
        bench.pass(1.0);
    }
    assert!(ends.is_none() && bench.stats().slow_readers == 0);
}

#[test]
fn one_who_has_taken_all_owes_nothing() {
    let (bench, ends) = pouring(1);
    let mut client = bench.client();
    let mut left = 1 << 20;
    let mut bytes = vec![0; 1 << 20];
    while left != 0 {
        match client.read(&mut bytes) {
            Ok(n) => left -= n,
            Err(e) => assert_eq!(e.kind(), ErrorKind::WouldBlock),
        }
        bench.settle();
    }
    bench.pass(60.0);
    assert!(ends.is_none() && is_open(&mut client) && bench.stats().timeouts == 0);
}

#[test]
fn where_a_pause_of_accepting_has_not_helped_for_a_second_the_idlest_are_cut_off() {
    const BUFFER: u64 = 65_536;
    let ends = Ends::default();
    // Lines that do not end keep a buffer each.
    let bench = Bench::with_memory(1 << 20, |_| {}, ends.of_lines());
    let mut clients: Vec<_> = (0..13).map(|_| bench.client()).collect();
    for client in &mut clients {
        client.write_all(&[b'x'; 4096]).unwrap();
        bench.settle();
    }
    assert_eq!(bench.stats().memory, 13 * BUFFER);
    let mut late = TcpStream::connect(("127.0.0.1", bench.port)).unwrap();
    late.set_nonblocking(true).unwrap();
    bench.pass(0.9);
    assert!(bench.stats().evicted == 0 && bench.stats().sockets == 14);
    bench.pass(0.2);
    // The late one has come in, and looked with a buffer, which is kept for the next.
    assert!(bench.stats().evicted == 3 && bench.stats().memory == 11 * BUFFER);
    assert!(bench.stats().sockets == 12 && is_open(&mut late));
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(is_open(client), number >= 3);
    }
    let ends = ends.0.borrow();
    assert!(
        ends.len() == 3
            && ends
                .iter()
                .all(|end| end.0 == CLOSED && end.2 == libc::ENOBUFS)
    );
    assert!(ends[0].3.contains("memory_budget"), "{}", ends[0].3);
    assert_eq!(bench.stats().timeouts, 0);
}

#[test]
fn silent_clients_have_no_memory_and_are_left_alone() {
    let ends = Ends::default();
    let bench = Bench::with_memory(1 << 20, |_| {}, ends.of_lines());
    let mut clients: Vec<_> = (0..100).map(|_| bench.client()).collect();
    for client in &mut clients {
        client.write_all(b"a line, and the beginning of").unwrap();
        bench.settle();
    }
    assert!(bench.stats().memory < 1 << 20 && bench.stats().evicted == 0);
    bench.pass(5.0);
    assert!(clients.iter_mut().all(is_open) && ends.is_none());
}
