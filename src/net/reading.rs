// SPDX-License-Identifier: MIT
//! Reading from the kernel: whose turn it is, and what a read tells.

use super::armour::Cause;
use super::marks::Mark;
use super::socket::Socket;
use crate::dispatcher::{Alive, Handle, woken_by};
use crate::status::{Fault, Outcome, Status};
use std::io;
use std::rc::Rc;
use std::task::Context;

/// The place of the one that receives on a socket; given up when dropped.
pub struct Reading {
    socket: Rc<Socket>,
    alive: Option<Alive>,
}

impl Reading {
    /// Takes the place.
    pub fn begin(socket: &Rc<Socket>) -> Outcome<Self> {
        socket.check_receive()?;
        Self::take_place(socket)
    }

    /// Takes the place of the one that accepts.
    pub fn take_place(socket: &Rc<Socket>) -> Outcome<Self> {
        socket.check_place()?;
        socket.reading.set(true);
        Ok(Reading {
            socket: Rc::clone(socket),
            alive: None,
        })
    }

    /// Takes the place and waits for the kernel's word, on a socket that is idle.
    #[inline]
    pub fn of_idle(socket: &Rc<Socket>, context: &Context<'_>) -> Self {
        socket.reading.set(true);
        socket.input.borrow_mut().end_idle_loan(&socket.net.pool);
        socket.reader.set(woken_by(context.waker()));
        Reading {
            socket: Rc::clone(socket),
            alive: Some(socket.net.alive.hold()),
        }
    }

    /// Waits for the kernel's word.
    pub fn wait(&mut self, context: &mut Context<'_>) -> Outcome<()> {
        let socket = &self.socket;
        socket.register()?;
        socket.input.borrow_mut().rest(&socket.net.pool);
        if self.alive.is_none() {
            self.alive = Some(socket.net.alive.hold());
            socket.reader.set(woken_by(context.waker()));
        }
        if socket.paced.get() {
            socket.watch_pace();
        }
        if socket.refused.take() {
            return Err(Cause::Growth.fault());
        }
        Ok(())
    }

    /// Waits no longer.
    pub fn rest(&mut self) {
        if self.alive.take().is_some() {
            self.socket.reader.take();
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.socket.reading.set(false);
        self.rest();
    }
}

/// What a read from the kernel gave.
pub enum Read {
    /// Bytes, or the end: look again.
    Progress,
    /// Nothing now.
    Nothing,
}

impl Socket {
    /// Whether it is at work and there is nothing to be had: neither bytes nor anything else that a receive
    /// of `borrower` would have to look at.
    #[inline]
    pub(super) fn is_idle(&self, borrower: Handle) -> bool {
        self.marks.are_none()
            && !self.readable.get()
            && !self.reading.get()
            && self.is_registered()
            && self.input.borrow().is_idle(borrower)
            && self.net.holds_nothing()
    }

    /// Whether somebody may begin to receive.
    #[inline]
    pub(super) fn check_receive(&self) -> Outcome<()> {
        if self.marks.has(Mark::NoReceive) {
            return Err(Fault::new(
                Status::UNSUPPORTED,
                "this socket cannot receive",
            ));
        }
        self.check_place()
    }

    /// Whether nobody has the place of the one that receives.
    fn check_place(&self) -> Outcome<()> {
        if self.reading.get() {
            return Err(Fault::new(
                Status::BUSY,
                "somebody else receives on this socket",
            ));
        }
        Ok(())
    }

    /// Whether the end of the stream has come, and not by an error.
    #[inline]
    pub(super) fn has_ended_well(&self) -> bool {
        self.marks.has(Mark::AtEnd) && self.read_error.get() == 0
    }

    /// The fault that a wait for more input ends with at once, where that would be for nothing.
    #[inline]
    pub(super) fn check_input(&self) -> Outcome<()> {
        if self.marks.are_none() {
            return Ok(());
        }
        self.end_of_input().map_or(Ok(()), Err)
    }

    fn end_of_input(&self) -> Option<Fault> {
        if self.marks.has(Mark::Closed) {
            return Some(Fault::new(
                Status::CLOSED,
                "this side has closed the socket",
            ));
        }
        if !self.marks.has(Mark::AtEnd) {
            return None;
        }
        Some(match self.read_error.get() {
            0 => Status::CLOSED.into(),
            errno => self.broken(errno),
        })
    }

    /// The failed write that a receive reports where it would have to wait.
    #[inline]
    pub(super) fn check_written(&self) -> Outcome<()> {
        if self.marks.has(Mark::WriteFailed) {
            return Err(self.cut_off(self.write_error.get()));
        }
        Ok(())
    }

    /// Begins a receive of `borrower`: its former loan ends, somebody else's goes on elsewhere.
    pub(super) fn begin_receive(&self, borrower: Handle) {
        self.net
            .end_loans(|to, socket| to == borrower && socket == self.handle);
        let mut input = self.input.borrow_mut();
        match input.lent_to() {
            None => {}
            Some(to) if to == borrower => input.end_loan(),
            Some(to) => {
                if let Some(buffer) = input.detach() {
                    drop(input);
                    self.keep_for(to, buffer);
                }
            }
        }
    }

    /// Keeps a lent buffer for its borrower, if that still runs.
    pub(super) fn keep_for(&self, borrower: Handle, buffer: Box<super::buffer::Buffer>) {
        let d = self.net.dispatcher();
        if d.is_some_and(|d| d.handle == borrower || d.thread(borrower).is_some()) {
            self.net.hold(borrower, self.handle, buffer);
        } else {
            self.net.pool.give(buffer);
        }
    }

    /// Reads once into the buffer, which has room for `wanted` bytes in all.
    pub(super) fn fill(&self, wanted: usize) -> Read {
        let mut input = self.input.borrow_mut();
        let space = input.space(&self.net.pool, wanted);
        let size = space.len();
        if size == 0 {
            drop(input);
            return self.refuse_growth();
        }
        let read = self.read_bytes(space);
        if let Ok(n) = read {
            input.filled(n);
        }
        self.note_read(read, size)
    }

    /// Draws the conclusions of a read of at most `size` bytes.
    pub(super) fn note_read(&self, read: io::Result<usize>, size: usize) -> Read {
        match read {
            Ok(0) => self.marks.put(Mark::AtEnd),
            Ok(n) => {
                self.received.set(self.received.get() + n as u64);
                self.note_active();
                if n < size && self.short_read_is_all() && !self.hangup.get() {
                    self.readable.set(false);
                }
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                self.readable.set(false);
                return Read::Nothing;
            }
            Err(e) => {
                let errno = e.raw_os_error().unwrap_or(libc::EIO);
                self.marks.put(Mark::AtEnd);
                self.read_error.set(errno);
                // A reset ends both directions: later sends say so at once.
                if !self.may_send_on() {
                    self.fail_writing(errno);
                }
            }
        }
        Read::Progress
    }
}
