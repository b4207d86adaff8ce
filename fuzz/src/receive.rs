// SPDX-License-Identifier: MIT
//! Receive patterns against the model: bytes come in arbitrary slices, before the receive or while it
//! waits, which is the root stack, a coroutine or a submitted operation.

use crate::coroutine::{run_one, spawn};
use crate::dispatcher::Dispatcher;
use crate::model::{self, Answer, Limits, Pattern};
use crate::pair::{feed, pair};
use crate::script::Script;
use ::copas::capi::poll::copas_poll;
use ::copas::capi::socket::{copas_close, copas_setlimits, copas_settimeout};
use ::copas::capi::stream::{
    copas_receive, copas_receive_into, copas_receive_some, copas_receive_until,
};
use ::copas::capi::submit::{
    copas_submit_receive, copas_submit_receive_some, copas_submit_receive_until,
};
use ::copas::capi::types::{copas, copas_bytes, copas_event, copas_socket};
use std::ptr;

/// Who waits.
#[derive(Clone, Copy, Debug)]
enum Way {
    Root,
    Coroutine,
    Operation,
}

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let way = script.one_of(&[Way::Root, Way::Coroutine, Way::Operation]);
    if script.flag() {
        with_a_feeder(&mut script, way);
    } else {
        without_waiting(&mut script, way);
    }
}

/// The limits that the script chooses, set.
fn choose_limits(script: &mut Script<'_>, socket: *mut copas_socket) -> Limits {
    let limits = Limits {
        line: script.one_of(&[1, 2, 5, 16, 100, 8192, 65536]),
        all: script.one_of(&[1, 7, 64, 5000, 1 << 20]),
    };
    assert_eq!(copas_setlimits(socket, limits.line, limits.all), 0);
    limits
}

/// Bytes that the script chooses: its own, or many alike.
fn choose_bytes(script: &mut Script<'_>) -> Vec<u8> {
    match script.below(8) {
        0 => vec![script.byte(); script.below(256) * 40],
        most => script.bytes(3 << most).to_vec(),
    }
}

/// Bytes come between the receives, which do not wait.
fn without_waiting(script: &mut Script<'_>, way: Way) {
    let d = Dispatcher::new();
    let (socket, mut peer) = pair(d.0);
    assert_eq!(copas_settimeout(socket, 0.0), 0);
    let mut limits = choose_limits(script, socket);
    let (mut come, mut ended) = (Vec::new(), false);
    while !script.is_over() {
        match script.below(8) {
            0..3 if !ended => {
                let bytes = choose_bytes(script);
                let written = peer.write(&bytes);
                come.extend_from_slice(&bytes[..written]);
            }
            3 if script.below(4) == 0 => {
                peer.end();
                ended = true;
            }
            4 => limits = choose_limits(script, socket),
            _ => {
                let pattern = Pattern::choose(script);
                let pattern = fitting(pattern, way);
                let answer = model::receive(&pattern, &come, limits, ended);
                let gone = receive(d.0, socket, way, &pattern, &answer, &come);
                come.drain(..gone);
            }
        }
    }
    assert_eq!(copas_close(socket), 0);
}

/// A coroutine writes slices, then ends the stream, while receives wait.
fn with_a_feeder(script: &mut Script<'_>, way: Way) {
    let slices: Vec<Vec<u8>> = (0..script.below(12))
        .map(|_| choose_bytes(script))
        .collect();
    let mut come = slices.concat();
    let d = Dispatcher::new();
    let (socket, peer) = pair(d.0);
    let limits = choose_limits(script, socket);
    let c = d.0;
    spawn(c, move || feed(c, peer, &slices));
    while !script.is_over() {
        let pattern = fitting(Pattern::choose(script), way);
        let answer = model::receive(&pattern, &come, limits, true);
        let gone = receive(c, socket, way, &pattern, &answer, &come);
        come.drain(..gone);
    }
    assert_eq!(copas_close(socket), 0);
}

/// Operations have no memory of the caller's to receive into.
fn fitting(pattern: Pattern, way: Way) -> Pattern {
    match (pattern, way) {
        (Pattern::Into(n), Way::Operation) => Pattern::Count(n),
        (pattern, _) => pattern,
    }
}

/// Receives once and compares; how many bytes are gone.
fn receive(
    c: *mut copas,
    socket: *mut copas_socket,
    way: Way,
    pattern: &Pattern,
    answer: &Answer,
    come: &[u8],
) -> usize {
    let mut gone = 0;
    let mut check = |status, shown: &[u8]| gone = answer.check(status, shown, come, pattern);
    match way {
        Way::Root => receive_here(socket, pattern, &mut check),
        Way::Coroutine => run_one(c, || receive_here(socket, pattern, &mut check)),
        Way::Operation => submit(c, socket, pattern, &mut check),
    }
    gone
}

/// Receives on the stack that calls.
fn receive_here(socket: *mut copas_socket, what: &Pattern, check: &mut dyn FnMut(i32, &[u8])) {
    let mut bytes = copas_bytes {
        data: ptr::null(),
        len: 0,
    };
    // SAFETY: the delimiter, the memory and the place are there while the calls last.
    let status = unsafe {
        match what {
            Pattern::Line => copas_receive(socket, model::LINE, &mut bytes),
            Pattern::LineRaw => copas_receive(socket, model::LINE_RAW, &mut bytes),
            Pattern::All => copas_receive(socket, model::ALL, &mut bytes),
            Pattern::Count(n) => copas_receive(socket, *n as i64, &mut bytes),
            Pattern::Until(d) => {
                copas_receive_until(socket, d.as_ptr().cast(), d.len(), &mut bytes)
            }
            Pattern::Some => copas_receive_some(socket, &mut bytes),
            Pattern::Into(n) => return receive_into(socket, *n, check),
        }
    };
    check(status, seen(bytes.data.cast(), bytes.len));
}

fn receive_into(socket: *mut copas_socket, n: usize, check: &mut dyn FnMut(i32, &[u8])) {
    let mut memory = vec![0_u8; n];
    let mut received = usize::MAX;
    // SAFETY: so many bytes are there.
    let status =
        unsafe { copas_receive_into(socket, memory.as_mut_ptr().cast(), n, &mut received) };
    check(status, &memory[..received]);
}

/// Has an operation receive.
fn submit(
    c: *mut copas,
    socket: *mut copas_socket,
    what: &Pattern,
    check: &mut dyn FnMut(i32, &[u8]),
) {
    const TOKEN: u64 = 7;
    let mut now = no_event();
    let (event, out) = (&raw mut now, ptr::null_mut());
    // SAFETY: the delimiter and the place are there while the calls last.
    let begun = unsafe {
        match what {
            Pattern::Line => copas_submit_receive(socket, model::LINE, TOKEN, event, out),
            Pattern::LineRaw => copas_submit_receive(socket, model::LINE_RAW, TOKEN, event, out),
            Pattern::All => copas_submit_receive(socket, model::ALL, TOKEN, event, out),
            Pattern::Count(n) | Pattern::Into(n) => {
                copas_submit_receive(socket, *n as i64, TOKEN, event, out)
            }
            Pattern::Until(d) => {
                copas_submit_receive_until(socket, d.as_ptr().cast(), d.len(), TOKEN, event, out)
            }
            Pattern::Some => copas_submit_receive_some(socket, TOKEN, event, out),
        }
    };
    match begun {
        1 => {}
        0 => {
            let filled = (0..100_000)
                // SAFETY: one event can be written.
                .map(|_| unsafe { copas_poll(c, event, 1, 0.0) })
                .find(|&filled| filled != 0);
            assert_eq!(filled, Some(1), "{what:?} has no event");
        }
        error => panic!("{what:?} was refused: {error}"),
    }
    assert_eq!(now.token, TOKEN);
    check(now.status, seen(now.data.cast(), now.len));
}

/// A place for an event.
pub fn no_event() -> copas_event {
    // SAFETY: numbers and pointers, of which zero is one.
    unsafe { std::mem::zeroed() }
}

/// What the library shows. The bytes are lent until the next call.
pub fn seen<'a>(data: *const u8, len: usize) -> &'a [u8] {
    if data.is_null() {
        assert_eq!(len, 0);
        return &[];
    }
    // SAFETY: the library says that they are there; the caller looks at them before its next call.
    unsafe { std::slice::from_raw_parts(data, len) }
}
