// SPDX-License-Identifier: MIT
//! The exports that submit what a request needs: receives, sends, flushes; and that cancel.

use super::copas_status;
use super::guard::{answer, handle_of, on, on_socket};
use super::memory::{bytes, place};
use super::poll::{Reply, reply_places};
use super::stream::{delimiter_of, pattern_of};
use super::types::*;
use crate::dispatcher::Submission;
use crate::net::{self, Pattern, Socket, Wanted};
use crate::status::{Fault, Status};
use core::ffi::{c_int, c_void};

/// copas_submit_send(): more will follow before the next step.
const MORE: u64 = 1;

/// copas_event.kind.
const RECEIVE: u32 = 1;
/// copas_event.kind.
const SEND: u32 = 2;
/// copas_event.kind.
const FLUSH: u32 = 4;

/// Submits a receive by a pattern of copas_receive(), within the socket's receive time limit. Its event
/// has the bytes as copas_receive() shows them, also with COPAS_TIMEOUT, COPAS_CLOSED, COPAS_CANCELED
/// and COPAS_TOO_LONG.
///
/// For every copas_submit function: with `now` not NULL, an operation that is over at once fills `*now`
/// and answers 1: no event follows. Otherwise the answer is COPAS_OK, and copas_poll() delivers the
/// outcome in exactly one event with `token`, also after a cancel, close or shutdown. `out` may be NULL;
/// else it gets the operation's handle (NULL with the answer 1).
///
/// Errors (no event follows): COPAS_BUSY (a receive is outstanding), COPAS_UNSUPPORTED, COPAS_INVALID,
/// COPAS_LIMIT, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_submit_receive(
    skt: *mut copas_socket,
    pattern: i64,
    token: u64,
    now: *mut copas_event,
    out: *mut *mut copas_operation,
) -> c_int {
    on_socket(skt, |d, socket| {
        // SAFETY: NULL or writable, as the comment asks.
        let reply = unsafe { reply_places(now, out) };
        let said = receiving(socket, RECEIVE, token, &reply);
        let wanted = Wanted::By(pattern_of(pattern)?);
        Ok(reply.give(net::submit_receive(d, socket, wanted, said)?))
    })
}

/// Submits a receive up to a delimiter of `len` bytes (1 to 255), which is copied; see
/// copas_receive_until(). Answers and errors as copas_submit_receive(). Never switches.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_submit_receive_until(
    skt: *mut copas_socket,
    delimiter: *const c_void,
    len: usize,
    token: u64,
    now: *mut copas_event,
    out: *mut *mut copas_operation,
) -> c_int {
    on_socket(skt, |d, socket| {
        // SAFETY: NULL or `len` bytes; NULL or writable, as the comment asks.
        let (delimiter, reply) = unsafe { (delimiter_of(delimiter, len)?, reply_places(now, out)) };
        let said = receiving(socket, RECEIVE, token, &reply);
        let wanted = Wanted::Until(delimiter.into());
        Ok(reply.give(net::submit_receive(d, socket, wanted, said)?))
    })
}

/// Submits a receive of whatever is there, at least one byte; see copas_receive_some(). Answers and
/// errors as copas_submit_receive(). Never switches.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_submit_receive_some(
    skt: *mut copas_socket,
    token: u64,
    now: *mut copas_event,
    out: *mut *mut copas_operation,
) -> c_int {
    on_socket(skt, |d, socket| {
        // SAFETY: NULL or writable, as the comment asks.
        let reply = unsafe { reply_places(now, out) };
        let said = receiving(socket, RECEIVE, token, &reply);
        let wanted = Wanted::By(Pattern::Some);
        Ok(reply.give(net::submit_receive(d, socket, wanted, said)?))
    })
}

/// Submits a send: writes what the kernel takes at once from the caller's memory, copies at most
/// the high-water mark (64 KiB) of the rest, and tells in `*taken` how many bytes, from the first
/// on, were accepted. It is over when there is room again: go on with the rest then. The send time
/// limit of the socket holds. `flags` is 0, or COPAS_MORE: more will follow before the next step, so
/// copy instead of writing at once.
///
/// Answers as copas_submit_receive(). Errors (nothing was taken): COPAS_BUSY (a send is outstanding),
/// COPAS_CLOSED, COPAS_TRUNCATED, COPAS_TLS_FAILED, COPAS_UNTRUSTED (as copas_send()),
/// COPAS_UNSUPPORTED, COPAS_INVALID (also when `taken` is NULL), COPAS_SYSTEM,
/// COPAS_LIMIT, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_submit_send(
    skt: *mut copas_socket,
    data: *const c_void,
    len: usize,
    flags: u64,
    token: u64,
    taken: *mut usize,
    now: *mut copas_event,
    out: *mut *mut copas_operation,
) -> c_int {
    on_socket(skt, |d, socket| {
        // SAFETY: NULL or `len` bytes; NULL or writable, as the comment asks.
        let (data, taken, reply) = unsafe {
            (
                bytes(data, len)?,
                place(taken, "taken")?,
                reply_places(now, out),
            )
        };
        if flags & !MORE != 0 {
            return Err(Fault::invalid("flags is 0 or COPAS_MORE"));
        }
        let said = sending(socket, SEND, token, &reply);
        let (accepted, begun) = net::submit_send(d, socket, data, flags & MORE != 0, said)?;
        taken.write(accepted);
        Ok(reply.give(begun))
    })
}

/// Submits a flush: over when the kernel has every byte sent before, within the send time limit.
/// Answers as copas_submit_receive(). Errors: COPAS_UNSUPPORTED, COPAS_LIMIT, COPAS_INVALID,
/// COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_submit_flush(
    skt: *mut copas_socket,
    token: u64,
    now: *mut copas_event,
    out: *mut *mut copas_operation,
) -> c_int {
    on_socket(skt, |d, socket| {
        // SAFETY: NULL or writable, as the comment asks.
        let reply = unsafe { reply_places(now, out) };
        let said = sending(socket, FLUSH, token, &reply);
        Ok(reply.give(net::submit_flush(d, socket, said)?))
    })
}

/// Cancels a submitted operation: its event follows with COPAS_CANCELED, unless it has completed
/// already, or is a copas_submit_offload(), which ends by itself. Errors: COPAS_STALE (its event has
/// been delivered), COPAS_INVALID, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_submit_cancel(operation: *mut copas_operation) -> copas_status {
    answer(|| {
        let handle = handle_of(operation)?;
        on(handle, |d| {
            let operation = d.operation(handle).ok_or(Status::STALE)?;
            d.cancel_operation(&operation);
            Ok(())
        })
    })
}

/// A submission that keeps to the socket's receive time limit.
pub(super) fn receiving(socket: &Socket, kind: u32, token: u64, reply: &Reply) -> Submission {
    let seconds = socket.timeouts.get().receive;
    reply.submission(kind, token, socket.handle, seconds)
}

/// A submission that keeps to the socket's send time limit.
pub(super) fn sending(socket: &Socket, kind: u32, token: u64, reply: &Reply) -> Submission {
    let seconds = socket.timeouts.get().send;
    reply.submission(kind, token, socket.handle, seconds)
}

#[cfg(test)]
mod tests {
    use super::super::dispatcher::{copas_free, copas_new};
    use super::super::queue::{copas_queue_new, copas_queue_size};
    use super::super::socket::copas_wrap;
    use super::super::submit_wait::copas_submit_pause;
    use super::super::timer::copas_timer_new;
    use super::*;
    use std::io::Read;
    use std::os::fd::IntoRawFd;
    use std::os::unix::net::UnixStream;
    use std::ptr::null_mut;

    #[test]
    fn a_send_above_the_limit_of_operations_takes_nothing() {
        let (own, mut peer) = UnixStream::pair().unwrap();
        let (mut skt, mut taken) = (null_mut(), 77);
        // SAFETY: what is not NULL lives until the call has returned.
        let sent = unsafe {
            let c = copas_new(std::ptr::null());
            assert_eq!(copas_wrap(c, own.into_raw_fd(), &mut skt), 0);
            while copas_submit_pause(c, -1.0, 0, null_mut()) == 0 {}
            let data = c"lost".as_ptr().cast();
            let sent = copas_submit_send(skt, data, 4, 0, 1, &mut taken, null_mut(), null_mut());
            assert_eq!(copas_free(c), 0);
            sent
        };
        assert_eq!((sent, taken), (Status::LIMIT as c_int, 77));
        let mut got = Vec::new();
        assert_eq!(peer.read_to_end(&mut got).unwrap(), 0);
    }

    /// A finalizer that uses the dispatcher.
    unsafe extern "C" fn look_at_the_queue(user: *mut c_void) {
        assert_eq!(copas_queue_size(user.cast()), 0);
    }

    unsafe extern "C" fn tick(_: *mut copas_timer, _: *mut c_void) {}

    #[test]
    fn a_finalizer_may_use_the_dispatcher_above_the_limit_of_objects() {
        let (mut queue, mut timer) = (null_mut(), null_mut());
        // SAFETY: what is not NULL lives until the call has returned.
        unsafe {
            let c = copas_new(std::ptr::null());
            while copas_queue_new(c, 0, 0.0, None, &mut queue) == 0 {}
            let mut options: copas_timer_options = std::mem::zeroed();
            options.size = size_of::<copas_timer_options>();
            options.callback = Some(tick);
            options.user = queue.cast();
            options.user_free = Some(look_at_the_queue);
            let made = copas_timer_new(c, &options, &mut timer);
            assert_eq!(made, Status::LIMIT as c_int);
            assert_eq!(copas_free(c), 0);
        }
    }
}
