// SPDX-License-Identifier: MIT
//! The HTTP example's way of receiving requests: bytes in arbitrary slices are the same requests as in
//! one piece.

use crate::coroutine::{run_one, spawn};
use crate::dispatcher::Dispatcher;
use crate::pair::{feed, pair};
use crate::script::Script;
use ::copas::capi::socket::{copas_close, copas_setlimits};
use ::copas::capi::types::copas_socket;
use http_parser as _;
use std::ffi::c_char;

/// The server's line limit: HTTP_LONGEST_HEAD of the example.
const LONGEST_HEAD: usize = 16384;

// The socket is a handle: C looks at its bits only.
#[allow(improper_ctypes)]
unsafe extern "C" {
    fn fuzz_next_request(
        client: *mut copas_socket,
        memory: *mut c_char,
        size: usize,
        used: *mut usize,
    ) -> i32;
}

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut slices: Vec<Vec<u8>> = Vec::new();
    while !script.is_over() && slices.len() < 100 {
        slices.push(match script.below(16) {
            0 => vec![script.byte(); script.below(256) * 80],
            1 => b"\r\n\r\n".to_vec(),
            2 => b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
            3 => b"Content-Length: 12\r\n".to_vec(),
            most => script.bytes(most * 8).to_vec(),
        });
    }
    let whole = vec![slices.concat()];
    #[cfg(feature = "planted")]
    slices.pop();
    assert_eq!(requests(&slices), requests(&whole), "{slices:?}");
}

/// What the example makes of these slices, each written when the one before has been looked at.
fn requests(slices: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let d = Dispatcher::new();
    let (socket, peer) = pair(d.0);
    assert_eq!(copas_setlimits(socket, LONGEST_HEAD, 0), 0);
    spawn(d.0, || feed(d.0, peer, slices));
    let mut told = Vec::new();
    run_one(d.0, || {
        let mut goes_on = true;
        while goes_on {
            let words;
            (goes_on, words) = next(socket);
            told.push(words);
        }
    });
    assert_eq!(copas_close(socket), 0);
    told
}

/// The next request in words, and whether there may be one after it.
fn next(socket: *mut copas_socket) -> (bool, Vec<u8>) {
    let mut memory = vec![0_u8; 64 * 1024];
    let mut used = 0;
    // SAFETY: so much memory is there; one coroutine calls.
    let goes_on =
        unsafe { fuzz_next_request(socket, memory.as_mut_ptr().cast(), memory.len(), &mut used) };
    memory.truncate(used);
    (goes_on != 0, memory)
}
