// SPDX-License-Identifier: MIT
//! Calls on sockets and servers.

use super::{MOMENT, World, release};
use ::copas::capi::bind::{copas_bind, copas_bind_udp, copas_bind_with};
use ::copas::capi::datagram::{
    copas_bind_unix, copas_connect_udp, copas_connect_unix, copas_receivefrom, copas_sendto,
};
use ::copas::capi::server::{copas_addserver, copas_addserver_with, copas_removeserver};
use ::copas::capi::socket::*;
use ::copas::capi::stream::*;
use ::copas::capi::types::*;
use std::ffi::{c_char, c_void};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::ptr;

/// The longest wait of a socket, so that none on the root stack is longer.
const PATIENCE: f64 = MOMENT / 4.0;

unsafe extern "C" fn handler(client: *mut copas_socket, user: *mut c_void) {
    // SAFETY: the world, which outlives the dispatchers.
    let world = unsafe { &*user.cast::<World<'_>>() };
    world.keep(client);
    world.act_within();
}

unsafe extern "C" fn plain_handler(client: *mut copas_socket, _: *mut c_void) {
    let _ = copas_settimeout(client, PATIENCE);
    let mut bytes = no_bytes();
    // SAFETY: the place is writable.
    while unsafe { copas_receive_some(client, &mut bytes) } == 0 {
        // SAFETY: the bytes are lent until the next receive.
        let _ = unsafe { copas_send(client, bytes.data.cast(), bytes.len) };
    }
}

fn no_bytes() -> copas_bytes {
    copas_bytes {
        data: ptr::null(),
        len: 0,
    }
}

impl World<'_> {
    fn host(&self) -> *const c_char {
        let hosts = [
            c"127.0.0.1".as_ptr(),
            c"127.0.0.1".as_ptr(),
            c"::1".as_ptr(),
            c"".as_ptr(),
            ptr::null(),
        ];
        self.one_of(&hosts)
    }

    /// The port of a socket, or another.
    fn port(&self) -> i32 {
        // SAFETY: numbers, of which zero is one.
        let mut address: copas_address = unsafe { std::mem::zeroed() };
        // SAFETY: the place is writable.
        let status = unsafe { copas_getsockname(self.handle(), &mut address) };
        match self.check(status) {
            0 if address.port > 0 => address.port,
            _ => self.one_of(&[1, 0, -1, 65_536]),
        }
    }

    pub(super) fn open_sockets(&self) {
        let (c, mut out) = (self.c(), ptr::null_mut());
        // SAFETY: texts end in NUL; places are writable; users outlive the dispatchers.
        let answer = unsafe {
            match self.below(16) {
                0 | 1 => copas_bind(c, self.host(), 0, &mut out),
                2 => copas_bind_udp(c, self.host(), 0, &mut out),
                3 => self.bind_with_options(c, &mut out),
                4 | 5 => copas_connect(c, self.host(), self.port(), self.seconds(), &mut out),
                6 => copas_connect_udp(c, self.host(), self.port(), &mut out),
                7 => copas_accept(self.handle(), self.seconds(), &mut out),
                8..11 => self.wrap(c, &mut out),
                11 => copas_connect_unix(
                    c,
                    self.text(),
                    self.below(3) as u64,
                    self.seconds(),
                    &mut out,
                ),
                12 => copas_bind_unix(
                    c,
                    c"/nowhere/socket".as_ptr(),
                    self.below(4) as u64,
                    &mut out,
                ),
                13 => copas_addserver(c, self.handle(), Some(handler), self.user(), PATIENCE),
                14 => self.serve_with_options(c),
                _ => copas_removeserver(self.handle(), self.below(2) as i32),
            }
        };
        if !out.is_null() {
            self.check(copas_settimeout(out, PATIENCE));
        }
        self.keep(out);
        self.check(answer);
    }

    fn bind_with_options(&self, c: *mut copas, out: &mut *mut copas_socket) -> i32 {
        let options = copas_bind_options {
            size: self.one_of(&[size_of::<copas_bind_options>(), 0]),
            flags: self.below(16) as u64,
            backlog: self.one_of(&[0, 1, -1, 1000]),
        };
        // SAFETY: a struct of at least its size.
        unsafe { copas_bind_with(c, self.host(), 0, &options, out) }
    }

    /// Wraps an end of a new pair.
    fn wrap(&self, c: *mut copas, out: &mut *mut copas_socket) -> i32 {
        let (own, other) = UnixStream::pair().expect("a socket pair");
        other.set_nonblocking(true).expect("a socket");
        self.others.borrow_mut().push(other.into());
        let fd = own.into_raw_fd();
        // SAFETY: the descriptor is this function's to give away.
        let status = unsafe { copas_wrap(c, fd, out) };
        if status != 0 {
            // SAFETY: on an error it stays the caller's.
            drop(unsafe { OwnedFd::from_raw_fd(fd) });
        }
        status
    }

    fn serve_with_options(&self, c: *mut copas) -> i32 {
        // SAFETY: numbers and pointers, of which zero is one.
        let mut options: copas_server_options = unsafe { std::mem::zeroed() };
        options.size = size_of::<copas_server_options>();
        options.flags = self.one_of(&[0, 1, 256, 257, 1 << 40]);
        options.name = self.text();
        options.timeout = PATIENCE;
        options.user = self.lend();
        options.user_free = Some(release);
        options.line_limit = self.below(100);
        // SAFETY: a whole struct.
        unsafe { copas_addserver_with(c, self.handle(), Some(plain_handler), &options) }
    }

    pub(super) fn use_sockets(&self) {
        let socket = self.handle();
        let (data, len) = self.data();
        // SAFETY: places are writable, data has its length.
        let answer = unsafe {
            match self.below(24) {
                0..5 => self.receive(socket),
                5..8 => copas_send(socket, data, len),
                8 => copas_send_part(socket, data, len, &mut 0),
                9 => copas_flush(socket),
                10 => self.peer_acts(),
                11 => self.unwrap(socket),
                12 | 13 => copas_close(socket),
                14 => copas_abort(socket),
                15 => copas_shut(socket, self.below(5) as i32),
                16 => copas_settimeouts(socket, PATIENCE, f64::NAN, PATIENCE),
                17 => copas_setlimits(socket, self.below(20), self.below(200)),
                18 => copas_setoption(socket, self.below(14) as i32, self.below(256) as i32 - 2),
                19 => self.look_at(socket),
                20 | 21 => self.receive_datagram(socket),
                _ => copas_sendto(socket, data, len, ptr::null()),
            }
        };
        self.check(answer);
    }

    fn receive(&self, socket: *mut copas_socket) -> i32 {
        let (mut bytes, mut memory, mut got) = (no_bytes(), [0_u8; 64], 0);
        let n = i64::from(self.below(256) as i32) - 6;
        // SAFETY: places are writable; delimiter and memory have their lengths.
        unsafe {
            match self.below(4) {
                0 => copas_receive_some(socket, &mut bytes),
                1 => copas_receive_until(socket, c"xy".as_ptr().cast(), self.below(3), &mut bytes),
                2 => copas_receive_into(socket, memory.as_mut_ptr().cast(), 64, &mut got),
                _ => copas_receive(socket, n, &mut bytes),
            }
        }
    }

    fn receive_datagram(&self, socket: *mut copas_socket) -> i32 {
        let mut bytes = no_bytes();
        // SAFETY: numbers, of which zero is one.
        let mut from: copas_address = unsafe { std::mem::zeroed() };
        // SAFETY: places are writable.
        unsafe { copas_receivefrom(socket, &mut bytes, &mut from) }
    }

    /// The other end of a pair writes, reads or goes away.
    fn peer_acts(&self) -> i32 {
        let mut others = self.others.borrow_mut();
        if others.is_empty() {
            return 0;
        }
        let at = self.below(256) % others.len();
        let (fd, mut memory) = (others[at].as_raw_fd(), [b'y'; 4096]);
        match self.below(3) {
            // SAFETY: so many bytes are there.
            0 => drop(unsafe { libc::send(fd, memory.as_ptr().cast(), 100, libc::MSG_NOSIGNAL) }),
            // SAFETY: as above.
            1 => drop(unsafe { libc::read(fd, memory.as_mut_ptr().cast(), 4096) }),
            _ => drop(others.remove(at)),
        }
        0
    }

    fn unwrap(&self, socket: *mut copas_socket) -> i32 {
        let mut fd = -1;
        // SAFETY: the place is writable.
        let status = unsafe { copas_unwrap(socket, &mut fd) };
        if status == 0 {
            // SAFETY: it is the caller's now.
            self.others
                .borrow_mut()
                .push(unsafe { OwnedFd::from_raw_fd(fd) });
        }
        status
    }

    fn look_at(&self, socket: *mut copas_socket) -> i32 {
        // SAFETY: numbers, of which zero is one.
        let (mut address, mut stats): (copas_address, copas_socket_stats) =
            unsafe { std::mem::zeroed() };
        stats.size = self.one_of(&[size_of::<copas_socket_stats>(), 0]);
        // SAFETY: places are writable.
        unsafe {
            self.check(copas_getpeername(socket, &mut address));
            copas_getstats(socket, &mut stats)
        }
    }
}
