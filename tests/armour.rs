// SPDX-License-Identifier: MIT
//! How long a server bears peers that are slow: on a clock that moves only when nothing else happens.

use copas::capi::armour::copas_setarmour;
use copas::capi::bind::copas_bind;
use copas::capi::dispatcher::{copas_current, copas_error, copas_free, copas_new, copas_step};
use copas::capi::server::copas_addserver_with;
use copas::capi::socket::copas_getsockname;
use copas::capi::stats::copas_stats;
use copas::capi::stream::copas_receive;
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
        let quiet = copas_config {
            size: size_of::<copas_config>(),
            flags: 1,
            // SAFETY: zeros are a value of every other field.
            ..unsafe { std::mem::zeroed() }
        };
        // SAFETY: a config with its size.
        let c = unsafe { copas_new(&quiet) };
        let clock = copas::testing::use_manual_clock(c);
        let mut listener = null_mut();
        // SAFETY: the address is terminated; `listener` is writable.
        assert_eq!(
            unsafe { copas_bind(c, c"127.0.0.1".as_ptr(), 0, &mut listener) },
            OK
        );
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

/// What each handler was answered in the end.
#[derive(Clone, Default)]
struct Ends(Rc<RefCell<Vec<(c_int, usize, c_int, String)>>>);

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

    fn only(&self) -> (c_int, usize, c_int, String) {
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
