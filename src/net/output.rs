// SPDX-License-Identifier: MIT
//! A socket's output on its way to the kernel.
//!
//! What a slice of a coroutine has sent is written when it parks, yields or ends (`Net::settle`),
//! in one system call. What the kernel does not take is written on the next writable edge. Until then it
//! is in memory of its own, or still in the input's (`echo`).

use super::buffer::Buffer;
use super::marks::Mark;
use super::socket::Socket;
use crate::dispatcher::Dispatcher;
use crate::status::{Fault, Outcome, Status};
use std::cell::RefMut;
use std::io;
use std::rc::Rc;

/// Bytes that may be pending: a pooled buffer's worth, and as much as one write usually moves.
pub const HIGH_WATER: usize = super::buffer::SIZE;

/// Waiting senders go on when no more than this is pending.
pub const LOW_WATER: usize = HIGH_WATER / 2;

/// Sends of at least this size go straight from the caller's memory: the copy would cost more than
/// the system call that it may save.
pub const DIRECT: usize = 16 * 1024;

impl Socket {
    /// Why nothing can be sent any more.
    pub(super) fn end_of_output(&self) -> Outcome<()> {
        match self.write_error.get() {
            _ if self.marks.has(Mark::Closed) => Err(Fault::new(
                Status::CLOSED,
                "this side has closed the socket",
            )),
            0 if self.marks.has(Mark::ShutSend) => Err(Fault::new(
                Status::CLOSED,
                "this side has ended sending with copas_shut()",
            )),
            0 => Ok(()),
            errno => Err(self.broken(errno)),
        }
    }

    /// Whether it may send at all, and still.
    pub(super) fn check_send(&self) -> Outcome<()> {
        if !self.can_send() {
            return Err(Fault::new(Status::UNSUPPORTED, "this socket cannot send"));
        }
        self.end_of_output()
    }

    /// Whether output, a sender or a connection attempt waits for the kernel.
    pub(super) fn is_blocked(&self) -> bool {
        self.is_stuck() || self.has_senders() || !self.flushers.is_empty()
    }

    /// Whether the kernel does not take what is pending now.
    fn is_stuck(&self) -> bool {
        let stuck = self.stuck.take();
        let is_stuck = stuck.is_some();
        self.stuck.set(stuck);
        is_stuck
    }

    /// How many bytes are pending.
    #[inline]
    pub(super) fn unsent(&self) -> usize {
        let output = self.output.borrow();
        let plain = match &*output {
            Some(buffer) => buffer.len(),
            None => self.echoed(),
        };
        plain + self.sealed()
    }

    /// Appends to the output.
    pub(super) fn append(self: &Rc<Self>, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        match &mut *self.output.borrow_mut() {
            Some(output) => output.append(data),
            none => self.begin_output(none).append(data),
        }
    }

    /// Gets a buffer, and a place in that list; an echo comes first.
    #[inline]
    fn begin_output<'a>(self: &Rc<Self>, none: &'a mut Option<Box<Buffer>>) -> &'a mut Buffer {
        self.mark_dirty();
        let buffer = none.insert(self.net.pool.take(0));
        if self.echoed() != 0 {
            self.move_echo_to(buffer);
        }
        buffer
    }

    /// Takes its place in the list of those whose output is to be written.
    #[inline]
    pub(super) fn mark_dirty(self: &Rc<Self>) {
        if !self.dirty.replace(true) {
            self.net.dirty.push(self);
        }
    }

    /// Sends what costs nothing but a copy, or not even that, the usual case; None where it is another.
    #[inline(always)]
    pub fn append_if_small(self: &Rc<Self>, data: &[u8]) -> Option<()> {
        let usual = self.marks.are_none() && data.len() < DIRECT && self.senders.is_empty();
        if !usual || data.is_empty() {
            return None;
        }
        let mut output = self.output.borrow_mut();
        let output = match &mut *output {
            Some(output) => output,
            None if self.echo(data) => return Some(()),
            none => self.begin_output(none),
        };
        output.append_within(data, HIGH_WATER)
    }

    /// Sends what needs no waiting: whether `data` was taken, whole.
    pub(super) fn send_at_once(self: &Rc<Self>, data: &[u8]) -> Outcome<bool> {
        if self.append_if_small(data).is_some() {
            return Ok(true);
        }
        self.check_send()?;
        let waits = !self.senders.is_empty() || self.marks.has(Mark::Upgrading);
        if waits || self.unsent() + data.len() > HIGH_WATER {
            return Ok(false);
        }
        let mut rest = data;
        if data.len() >= DIRECT {
            rest = &data[self.write(data)?..];
        }
        self.append(rest);
        Ok(true)
    }

    /// Writes the output and then `data` as far as the kernel takes them; how much of `data`.
    pub(super) fn write(self: &Rc<Self>, data: &[u8]) -> Outcome<usize> {
        let mut taken = 0;
        self.copy_echo();
        while self.writable.get() && (self.unsent() != 0 || taken < data.len()) {
            taken += self.write_once(&data[taken..])?;
        }
        self.note_unsent(taken < data.len());
        Ok(taken)
    }

    /// One system call; how much of `data` it took.
    fn write_once(&self, data: &[u8]) -> Outcome<usize> {
        let output = self.output.borrow_mut();
        let first = output.as_ref().map_or(&[][..], |buffer| buffer.pending());
        let written = self.write_bytes(first, data);
        self.note_written(written, output)
    }

    /// Draws the conclusions of a write that began with the output; how much it took of what was not in that.
    pub(super) fn note_written(
        &self,
        written: io::Result<usize>,
        mut output: RefMut<'_, Option<Box<Buffer>>>,
    ) -> Outcome<usize> {
        let first = output.as_ref().map_or(0, |buffer| buffer.len());
        match written {
            Ok(n) => {
                self.sent.set(self.sent.get() + n as u64);
                self.note_active();
                let from_output = n.min(first);
                if let Some(buffer) = output.as_mut() {
                    buffer.consume(from_output);
                }
                if let Some(empty) = output.take_if(|buffer| buffer.is_empty()) {
                    self.net.pool.give(empty);
                }
                Ok(n - from_output)
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(0),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                self.writable.set(false);
                Ok(0)
            }
            Err(e) => {
                drop(output);
                let errno = e.raw_os_error().unwrap_or(libc::EIO);
                self.fail_writing(errno);
                Err(self.broken(errno))
            }
        }
    }

    /// A write has failed: nothing can be sent any more, and everybody who waits learns it.
    pub(super) fn fail_writing(&self, errno: i32) {
        self.write_error.set(errno);
        self.marks.put(Mark::WriteFailed);
        self.drop_output();
        self.wake_reader();
    }

    /// Throws the output away and wakes those who wait for it.
    pub(super) fn drop_output(&self) {
        if let Some(buffer) = self.output.take() {
            self.net.pool.give(buffer);
        } else if self.echoed() != 0 {
            self.input.borrow_mut().end_echo();
        }
        if let Some(session) = self.tls.get() {
            session.give_up();
        }
        self.stuck.take();
        self.senders.wake_first();
        self.flushers.wake_all();
    }

    /// Has the kernel tell when it takes more, and keeps the loop alive until then, if something
    /// is left: of the output or (`more`) of a sender's own memory.
    fn note_unsent(&self, more: bool) {
        if self.unsent() == 0 {
            self.stuck.take();
        } else if !self.is_stuck() {
            self.stuck.set(Some(self.net.alive.hold()));
        }
        if self.paced.get() && (more || self.unsent() != 0) {
            self.watch_pace();
        }
        if (more || self.unsent() != 0)
            && let Err(fault) = self.register()
        {
            self.fail_writing(if fault.errno == 0 {
                libc::EIO
            } else {
                fault.errno
            });
        }
    }

    /// Writes the output, as far as the kernel takes it. A failure is kept for later calls.
    pub(super) fn drain(self: &Rc<Self>) {
        if self.unsent() != 0 {
            let _ = self.write(&[]);
        }
    }

    /// Writes what a slice has sent, and lets those go on who waited for that.
    #[inline(always)]
    pub(super) fn settle(self: &Rc<Self>) {
        if !self.write_at_once() {
            self.drain();
        }
        self.wake_writers();
    }

    /// Writes the output in the usual case, in which one system call takes it all: whether that was so.
    #[inline(always)]
    pub(super) fn write_at_once(self: &Rc<Self>) -> bool {
        let usual = self.tls.get().is_none() && self.writable.get() && !self.is_stuck();
        if !usual {
            return false;
        }
        let mut output = self.output.borrow_mut();
        let Some(buffer) = &*output else {
            drop(output);
            return self.write_echo();
        };
        let len = buffer.len();
        let written = self.with_fd(|fd| self.transport.write_one(fd, buffer.pending()));
        if !matches!(written, Ok(n) if n == len) {
            let _ = self.note_written(written, output);
            return false;
        }
        self.sent.set(self.sent.get() + len as u64);
        self.note_active();
        if let Some(empty) = output.take() {
            self.net.pool.give(empty);
        }
        true
    }

    /// The kernel takes more: writes on, then lets those who wait for it go on.
    pub(super) fn write_on(self: &Rc<Self>, d: &Dispatcher) {
        self.drain();
        self.wake_writers();
        if self.unsent() == 0 {
            self.finish_output(d);
        }
    }

    /// Lets those go on who wait for room, or for the last byte.
    #[inline(always)]
    pub(super) fn wake_writers(&self) {
        if !self.senders.is_empty() && self.unsent() <= LOW_WATER {
            self.senders.wake_first();
        }
        if !self.flushers.is_empty() && self.unsent() == 0 {
            self.flushers.wake_all();
        }
    }
}
