// SPDX-License-Identifier: MIT
//! A socket of a dispatcher, and the other end of it, which the fuzzer holds.

use ::copas::capi::socket::copas_wrap;
use ::copas::capi::thread::copas_pause;
use ::copas::capi::types::{copas, copas_socket};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixStream;
use std::ptr;

/// The other end.
pub struct Peer(UnixStream);

impl Peer {
    /// Writes what the kernel takes; how much that was.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        self.0.write(bytes).unwrap_or(0)
    }

    /// Reads what is there.
    pub fn read(&mut self) -> Vec<u8> {
        let (mut all, mut place) = (Vec::new(), [0; 4096]);
        while let Ok(n @ 1..) = self.0.read(&mut place) {
            all.extend_from_slice(&place[..n]);
        }
        all
    }

    /// Writes no more.
    pub fn end(&mut self) {
        let _ = self.0.shutdown(Shutdown::Write);
    }
}

/// A connected pair of which the dispatcher has one end.
pub fn pair(c: *mut copas) -> (*mut copas_socket, Peer) {
    let (own, peer) = UnixStream::pair().expect("a socket pair");
    peer.set_nonblocking(true).expect("a socket");
    let mut socket = ptr::null_mut();
    // SAFETY: the descriptor is this function's to give away; the place is writable.
    assert_eq!(unsafe { copas_wrap(c, own.into_raw_fd(), &mut socket) }, 0);
    (socket, Peer(peer))
}

/// Writes slices, each when everybody else has had a turn, then ends the stream. For a coroutine.
pub fn feed(c: *mut copas, mut peer: Peer, slices: &[Vec<u8>]) {
    for slice in slices {
        let mut rest = &slice[..];
        while !rest.is_empty() {
            rest = &rest[peer.write(rest)..];
            // SAFETY: NULL is allowed.
            if unsafe { copas_pause(c, 0.0, ptr::null_mut()) } != 0 {
                return;
            }
        }
    }
}
