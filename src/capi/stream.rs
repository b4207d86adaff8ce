// SPDX-License-Identifier: MIT
//! The exports that receive and send.

use super::copas_status;
use super::guard::{at_socket, caught, on_socket, with_socket};
use super::memory::{bytes as bytes_of, bytes_mut, lent, place, put};
use super::types::*;
use crate::dispatcher::registry::Entered;
use crate::net::{self, Pattern, Socket};
use crate::status::{Fault, Outcome, Status};
use core::ffi::c_void;
use std::rc::Rc;

/// Bytes of the longest delimiter.
const LONGEST_DELIMITER: usize = 255;

/// Receives by a pattern: COPAS_LINE (up to LF; the LF and every CR are dropped), COPAS_LINE_RAW
/// (the line with its ending), COPAS_ALL (until the peer closes), or a number n >= 0 (exactly n
/// bytes; 0 waits until there is something to read). The socket's receive time limit holds for the
/// whole call.
///
/// COPAS_OK: `*bytes` borrows the bytes from the socket's buffer, until the caller's next receive
/// on that socket, its own close of it, or its end. They may be sent as they are.
///
/// On COPAS_TIMEOUT, COPAS_CLOSED, COPAS_CANCELED, COPAS_TOO_LONG, COPAS_LIMIT, COPAS_TRUNCATED and
/// COPAS_TLS_FAILED nothing is consumed: `*bytes` shows what has arrived so far (CRs included), and
/// the next call sees it again. COPAS_ALL answers COPAS_OK when at least one byte came before the
/// end of the stream, else COPAS_CLOSED; a reset is COPAS_CLOSED, of an encrypted stream
/// COPAS_TRUNCATED. Data that has arrived wins over a time limit that has passed.
///
/// Errors: COPAS_TIMEOUT; COPAS_CLOSED (the end came before the pattern was complete; also for a
/// failed write, once all input is taken); COPAS_TOO_LONG (see copas_setlimits()); COPAS_LIMIT
/// (see copas_config.memory_budget); COPAS_CANCELED;
/// COPAS_BUSY (another coroutine waits to receive); COPAS_UNSUPPORTED (the socket listens, or is
/// the writing end of a pipe);
/// of an encrypted stream COPAS_TRUNCATED (it ended without the peer's word for it),
/// COPAS_TLS_FAILED (a bad record, an alert, a failed handshake), COPAS_UNTRUSTED (the latter);
/// COPAS_INVALID (also for another negative pattern, or when `bytes` is NULL); COPAS_SYSTEM;
/// COPAS_NO_MEMORY; COPAS_CANNOT_WAIT, COPAS_STALE, COPAS_WRONG_THREAD. Switch point.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_receive(
    skt: *mut copas_socket,
    pattern: i64,
    bytes: *mut copas_bytes,
) -> copas_status {
    with_socket(skt, |d, socket| {
        // SAFETY: NULL or writable, as the comment asks.
        unsafe { receive(d, socket, pattern_of(pattern)?, bytes) }
    })
}

/// Receives up to a delimiter of `len` bytes (1 to 255), which is consumed but not part of
/// `*bytes`. The line limit holds. Otherwise as copas_receive(). Errors: also COPAS_INVALID when
/// `delimiter` is NULL or `len` is out of range. Switch point.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_receive_until(
    skt: *mut copas_socket,
    delimiter: *const c_void,
    len: usize,
    bytes: *mut copas_bytes,
) -> copas_status {
    with_socket(skt, |d, socket| {
        // SAFETY: NULL or `len` bytes; NULL or writable, as the comment asks.
        unsafe {
            let delimiter = delimiter_of(delimiter, len)?;
            receive_other(d, socket, Pattern::Until(delimiter), bytes)
        }
    })
}

/// Receives whatever is there, at least one byte: what earlier calls left, else what arrives
/// first. Otherwise as copas_receive(). Switch point.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_receive_some(
    skt: *mut copas_socket,
    bytes: *mut copas_bytes,
) -> copas_status {
    with_socket(skt, |d, socket| {
        // SAFETY: NULL or writable, as the comment asks.
        unsafe { receive_other(d, socket, Pattern::Some, bytes) }
    })
}

/// Receives exactly `len` bytes into the caller's memory, without a copy between for big ones.
/// `received` may be NULL; else it gets how many bytes were put there, on every status: unlike with
/// copas_receive() these are consumed. 0 bytes: COPAS_OK at once. No limit of the socket holds.
/// Errors: as copas_receive(), COPAS_INVALID also when `memory` is NULL and `len` is not 0.
/// Switch point.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_receive_into(
    skt: *mut copas_socket,
    memory: *mut c_void,
    len: usize,
    received: *mut usize,
) -> copas_status {
    on_socket(skt, |d, socket| {
        // SAFETY: NULL or `len` bytes, as the comment asks.
        let memory = unsafe { bytes_mut(memory, len) }?;
        d.bind();
        let (result, done) = net::receive_into(d, socket, memory);
        // SAFETY: NULL or writable, as the comment asks.
        unsafe { put(received, done) };
        result
    })
}

/// Sends `len` bytes: appends them to the socket's output, which the dispatcher hands to the
/// kernel, many sends in one system call, whenever the coroutine waits or ends. Sends outside of
/// coroutines are written before the call returns. `data` may be borrowed bytes, of this socket too, which
/// may be sent from where they lie: they must not be changed while they are borrowed.
///
/// When more than the high-water mark (64 KiB) would be pending, only the caller waits until the
/// peer has taken enough, within the send time limit; big data go to the kernel without a copy.
/// Up to 64 KiB are sent whole or not at all; of more, a part may have been accepted when the
/// status is not COPAS_OK: copas_send_part() tells how much.
///
/// A write that fails later is reported by the next send, flush, or receive that has to wait.
///
/// Errors: COPAS_TIMEOUT, COPAS_CLOSED (the peer has closed, or COPAS_SHUT_SEND), COPAS_CANCELED,
/// COPAS_CANNOT_WAIT, COPAS_UNSUPPORTED (the socket listens, or is the reading end of a pipe),
/// COPAS_INVALID (also when `data` is NULL and `len` is not 0), COPAS_SYSTEM, COPAS_NO_MEMORY,
/// COPAS_TRUNCATED, COPAS_TLS_FAILED, COPAS_UNTRUSTED (an encrypted stream that has ended so),
/// COPAS_STALE, COPAS_WRONG_THREAD. Never SIGPIPE. Switch point only above the high-water mark or
/// when other senders wait.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_send(
    skt: *mut copas_socket,
    data: *const c_void,
    len: usize,
) -> copas_status {
    // SAFETY: NULL or `len` bytes, as the comment asks.
    let small = |socket: &Rc<Socket>| socket.append_if_small(unsafe { bytes_of(data, len) }.ok()?);
    let done = || at_socket(skt, small).map(|()| Status::OK as copas_status);
    match caught(Some(Status::PANIC as copas_status), done) {
        Some(status) => status,
        // SAFETY: as above.
        None => unsafe { send(skt, data, len) },
    }
}

/// copas_send() that tells how many bytes, from the first on, were accepted: `taken` may be NULL;
/// else it gets the number on every status. After COPAS_TIMEOUT or COPAS_CANCELED, go on with the
/// rest. Errors: as copas_send(). Switch point where copas_send() is one.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_send_part(
    skt: *mut copas_socket,
    data: *const c_void,
    len: usize,
    taken: *mut usize,
) -> copas_status {
    on_socket(skt, |d, socket| {
        // SAFETY: NULL or `len` bytes, as the comment asks.
        let data = unsafe { bytes_of(data, len) }?;
        let (result, accepted) = net::send_part(d, socket, data);
        // SAFETY: NULL or writable, as the comment asks.
        unsafe { put(taken, accepted) };
        result
    })
}

/// Waits until the kernel has every byte sent before, within the send time limit. COPAS_OK says
/// that the kernel has them, not that the peer has.
/// Errors: as copas_send(); COPAS_TIMEOUT keeps what is left. Switch point.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn copas_flush(skt: *mut copas_socket) -> copas_status {
    on_socket(skt, |d, socket| {
        d.bind();
        net::flush(d, socket)
    })
}

/// The delimiter of a caller.
///
/// # Safety
/// `delimiter` is NULL or points to `len` bytes.
pub(super) unsafe fn delimiter_of<'a>(delimiter: *const c_void, len: usize) -> Outcome<&'a [u8]> {
    if !(1..=LONGEST_DELIMITER).contains(&len) {
        return Err(Fault::invalid("a delimiter has 1 to 255 bytes"));
    }
    // SAFETY: the caller says so.
    unsafe { bytes_of(delimiter, len) }
}

/// The pattern of a number.
#[inline]
pub(super) fn pattern_of(number: i64) -> Outcome<Pattern<'static>> {
    match number {
        -1 => Ok(Pattern::Line),
        -2 => Ok(Pattern::All),
        -3 => Ok(Pattern::LineRaw),
        n => usize::try_from(n)
            .map(Pattern::Count)
            .map_err(|_| no_pattern(n)),
    }
}

#[cold]
#[inline(never)]
fn no_pattern(number: i64) -> Fault {
    Fault::invalid(format!(
        "{number} is no pattern: use COPAS_LINE, COPAS_LINE_RAW, COPAS_ALL or a number of bytes"
    ))
}

/// Sends what is more than a copy to the output, or what cannot be sent.
///
/// # Safety
/// `data` is NULL or points to `len` bytes, which nobody writes while the call lasts.
#[inline(never)]
unsafe fn send(skt: *mut copas_socket, data: *const c_void, len: usize) -> copas_status {
    on_socket(skt, |d, socket| {
        // SAFETY: the caller says so.
        let data = unsafe { bytes_of(data, len) }?;
        net::send(d, socket, data)
    })
}

/// Receives and lends, also what there is with a status other than COPAS_OK.
///
/// # Safety
/// `bytes` is NULL or writable.
#[inline(always)]
unsafe fn receive(
    d: &mut Entered,
    socket: Rc<Socket>,
    pattern: Pattern<'_>,
    bytes: *mut copas_bytes,
) -> Outcome<()> {
    // SAFETY: the caller says so.
    let place = unsafe { place(bytes, "bytes") }?;
    d.bind();
    let (result, received) = net::receive(d, socket, pattern);
    place.write(lent(received));
    result
}

/// `receive` of what is no line, which has one copy.
///
/// # Safety
/// As `receive`.
#[inline(never)]
unsafe fn receive_other(
    d: &mut Entered,
    socket: Rc<Socket>,
    pattern: Pattern<'_>,
    bytes: *mut copas_bytes,
) -> Outcome<()> {
    // SAFETY: handed on to the caller.
    unsafe { receive(d, socket, pattern, bytes) }
}
