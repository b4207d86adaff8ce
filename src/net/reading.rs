// SPDX-License-Identifier: MIT
//! Reading from the kernel: whose turn it is, and what a read tells.

use super::armour::Cause;
use super::input::Input;
use super::marks::Mark;
use super::socket::Socket;
use crate::dispatcher::{Handle, Readiness, woken_by};
use crate::status::{Fault, Outcome, Status};
use std::io;
use std::rc::Rc;
use std::task::Context;

/// How far a receive has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It has not begun.
    Outside,
    /// It has the place.
    There,
    /// It waits for the kernel's word, and keeps the loop alive.
    Waiting,
}

/// The place of the one that receives on a socket; given up when dropped.
pub struct Reading {
    /// The socket.
    pub socket: Rc<Socket>,
    stage: Stage,
}

impl Reading {
    /// Takes the place.
    pub fn begin(socket: &Rc<Socket>) -> Outcome<Self> {
        let mut reading = Self::later(Rc::clone(socket));
        reading.take()?;
        Ok(reading)
    }

    /// Takes the place of the one that accepts.
    pub fn take_place(socket: &Rc<Socket>) -> Outcome<Self> {
        socket.check_place()?;
        socket.reading.set(true);
        Ok(Reading {
            socket: Rc::clone(socket),
            stage: Stage::There,
        })
    }

    /// Of one that takes its place later.
    #[inline]
    pub fn later(socket: Rc<Socket>) -> Self {
        let stage = Stage::Outside;
        Reading { socket, stage }
    }

    /// Whether it has the place.
    #[inline]
    pub fn has_begun(&self) -> bool {
        self.stage != Stage::Outside
    }

    /// Takes the place now.
    pub fn take(&mut self) -> Outcome<()> {
        self.socket.check_receive()?;
        self.socket.release_echo();
        self.socket.reading.set(true);
        self.stage = Stage::There;
        Ok(())
    }

    /// Takes the place and waits for the kernel's word, which is for `who`, on a socket that is idle.
    #[inline]
    pub fn wait_idle(&mut self, who: Handle) {
        self.socket.reading.set(true);
        self.wait_for_word(Some(who));
    }

    #[inline]
    fn wait_for_word(&mut self, who: Option<Handle>) {
        self.stage = Stage::Waiting;
        self.socket.net.alive.add();
        self.socket.reader.set(who);
    }

    /// Waits for the kernel's word.
    pub fn wait(&mut self, context: &mut Context<'_>) -> Outcome<()> {
        self.socket.register()?;
        self.socket.input.borrow_mut().rest(&self.socket.net.pool);
        if self.stage == Stage::There {
            self.wait_for_word(woken_by(context.waker()));
        }
        let socket = &self.socket;
        if socket.paced.get() {
            socket.watch_pace();
        }
        if socket.refused.take() {
            return Err(Cause::Growth.fault());
        }
        Ok(())
    }

    /// Waits no longer.
    #[inline]
    pub fn rest(&mut self) {
        if self.stage == Stage::Waiting {
            self.stage = Stage::There;
            self.socket.reader.set(None);
            self.socket.net.alive.take_away();
        }
    }
}

impl Drop for Reading {
    #[inline]
    fn drop(&mut self) {
        if self.has_begun() {
            self.rest();
            self.socket.reading.set(false);
        }
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
    /// Whether a receive has nothing to look at but the input.
    #[inline]
    pub(super) fn is_at_work(&self) -> bool {
        self.marks.are_none() && !self.reading.get() && self.net.holds_nothing()
    }

    /// Whether only the kernel's word can bring input.
    #[inline]
    pub(super) fn is_dry(&self) -> bool {
        !self.readable.get() && self.is_registered()
    }

    /// The kernel's word that there is input, for somebody who waits for that: who, and what will be looked
    /// at then. None where there is more to it.
    #[inline]
    pub(super) fn take_word(&self, word: Readiness) -> Option<(Handle, *const ())> {
        let is_plain = self.tls.get().is_none() && !word.hangup && word.readable;
        if !is_plain || (word.writable && !self.writable.get()) {
            return None;
        }
        let reader = self.reader.get()?;
        self.readable.set(true);
        Some((reader, std::ptr::from_ref(self).cast()))
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
        let lent_to = self.input.borrow().lent_to();
        match lent_to {
            None => {}
            Some(to) if to == borrower => self.input.borrow_mut().end_loan(),
            Some(_) => self.part_from_loan(),
        }
    }

    /// What is lent goes on elsewhere: the input's memory may be used again.
    pub(super) fn part_from_loan(&self) {
        self.copy_echo();
        let mut input = self.input.borrow_mut();
        if let Some(borrower) = input.lent_to()
            && let Some(buffer) = input.detach()
        {
            drop(input);
            self.keep_for(borrower, buffer);
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
        self.fill_input(&mut self.input.borrow_mut(), wanted)
    }

    /// Reads once into its input, which has room for `wanted` bytes in all.
    #[inline(always)]
    pub(super) fn fill_input(&self, input: &mut Input, wanted: usize) -> Read {
        let space = input.space(&self.net.pool, wanted);
        let size = space.len();
        if size == 0 {
            return self.refuse_growth();
        }
        let read = self.read_bytes(space);
        if let Ok(n) = read {
            input.filled(n);
        }
        self.note_read(read, size)
    }

    /// Draws the conclusions of a read of at most `size` bytes.
    #[inline]
    pub(super) fn note_read(&self, read: io::Result<usize>, size: usize) -> Read {
        match read {
            Ok(n) if n != 0 => {
                self.received.set(self.received.get() + n as u64);
                self.note_active();
                if n < size && self.short_read_is_all() && !self.hangup.get() {
                    self.readable.set(false);
                }
                Read::Progress
            }
            _ => self.note_no_bytes(read),
        }
    }

    /// Draws the conclusions of a read that gave no bytes.
    #[cold]
    #[inline(never)]
    fn note_no_bytes(&self, read: io::Result<usize>) -> Read {
        match read {
            Ok(_) => self.marks.put(Mark::AtEnd),
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
