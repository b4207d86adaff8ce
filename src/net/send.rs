// SPDX-License-Identifier: MIT
//! Sending: into the socket's output, and from there to the kernel.
//!
//! A send that fits below the high-water mark is appended and costs no system call; what a slice of
//! a coroutine has sent is written when it parks, yields or ends (`Net::settle`). What the kernel
//! does not take is written on the next writable edge. Who does not fit waits, first in, first out.

use super::buffer::Buffer;
use super::socket::Socket;
use crate::dispatcher::{Alive, Dispatcher, Place};
use crate::status::{Fault, Outcome, Status};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

/// Bytes that may be pending: a pooled buffer's worth, and as much as one write usually moves.
pub const HIGH_WATER: usize = super::buffer::SIZE;

/// Waiting senders go on when no more than this is pending.
const LOW_WATER: usize = HIGH_WATER / 2;

/// Sends of at least this size go straight from the caller's memory: the copy would cost more than
/// the system call that it may save.
const DIRECT: usize = 16 * 1024;

impl Socket {
    /// Why nothing can be sent any more.
    fn end_of_output(&self) -> Outcome<()> {
        match self.write_error.get() {
            _ if self.closed.get() => Err(Fault::new(
                Status::CLOSED,
                "this side has closed the socket",
            )),
            0 if self.shut_send.get() => Err(Fault::new(
                Status::CLOSED,
                "this side has ended sending with copas_shut()",
            )),
            0 => Ok(()),
            errno => Err(Fault::errno(errno)),
        }
    }

    /// Whether it may send at all, and still.
    pub(super) fn check_send(&self) -> Outcome<()> {
        if !self.can_send() {
            return Err(Fault::new(Status::UNSUPPORTED, "this socket cannot send"));
        }
        self.end_of_output()
    }

    /// How many bytes are pending.
    pub(super) fn unsent(&self) -> usize {
        self.output.borrow().as_ref().map_or(0, Buffer::len)
    }

    /// Appends to the output.
    fn append(self: &Rc<Self>, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        let mut output = self.output.borrow_mut();
        output
            .get_or_insert_with(|| self.net.pool.take(0))
            .append(data);
        if !self.dirty.replace(true) {
            self.net.dirty.borrow_mut().push(Rc::clone(self));
        }
    }

    /// Sends what needs no waiting: whether `data` was taken, whole.
    fn send_at_once(self: &Rc<Self>, data: &[u8]) -> Outcome<bool> {
        self.check_send()?;
        if !self.senders.is_empty() || self.unsent() + data.len() > HIGH_WATER {
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
    fn write(self: &Rc<Self>, data: &[u8]) -> Outcome<usize> {
        let mut taken = 0;
        while self.writable.get() && (self.unsent() != 0 || taken < data.len()) {
            taken += self.write_once(&data[taken..])?;
        }
        self.note_unsent(taken < data.len());
        Ok(taken)
    }

    /// One system call; how much of `data` it took.
    fn write_once(&self, data: &[u8]) -> Outcome<usize> {
        let mut output = self.output.borrow_mut();
        let first = output.as_ref().map_or(&[][..], Buffer::pending);
        match self.with_fd(|fd| self.transport.write(fd, first, data)) {
            Ok(n) => {
                self.sent.set(self.sent.get() + n as u64);
                let from_output = n.min(first.len());
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
                Err(Fault::errno(errno))
            }
        }
    }

    /// A write has failed: nothing can be sent any more, and everybody who waits learns it.
    pub(super) fn fail_writing(&self, errno: i32) {
        self.write_error.set(errno);
        self.drop_output();
        self.wake_reader();
    }

    /// Throws the output away and wakes those who wait for it.
    pub(super) fn drop_output(&self) {
        if let Some(buffer) = self.output.take() {
            self.net.pool.give(buffer);
        }
        self.blocked.take();
        self.senders.wake_first();
        self.flushers.wake_all();
    }

    /// Has the kernel tell when it takes more, and keeps the loop alive until then, if something
    /// is left: of the output or (`more`) of a sender's own memory.
    fn note_unsent(&self, more: bool) {
        if self.unsent() == 0 {
            self.blocked.take();
        } else if self.blocked.borrow().is_none() {
            *self.blocked.borrow_mut() = self.net.dispatcher().map(|d| d.alive().hold());
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

    /// The kernel takes more: writes on, then lets those who wait for it go on.
    pub(super) fn write_on(self: &Rc<Self>, d: &Dispatcher) {
        self.drain();
        if self.unsent() <= LOW_WATER {
            self.senders.wake_first();
        }
        if self.unsent() == 0 {
            self.flushers.wake_all();
            self.finish_output(d);
        }
    }
}

/// A send that may have to wait.
struct Send<'a> {
    socket: Rc<Socket>,
    data: &'a [u8],
    taken: usize,
    place: Option<Place>,
    alive: Option<Alive>,
}

impl<'a> Send<'a> {
    fn new(socket: &Rc<Socket>, data: &'a [u8]) -> Self {
        Send {
            socket: Rc::clone(socket),
            data,
            taken: 0,
            place: None,
            alive: None,
        }
    }

    /// Takes its place in the queue of senders; whether it is its turn.
    fn is_its_turn(&mut self, context: &mut Context<'_>) -> bool {
        let senders = &self.socket.senders;
        let place = *self
            .place
            .get_or_insert_with(|| senders.join(context.waker()));
        senders.is_first(place)
    }

    /// Sends as much as can be; whether that was all.
    fn step(&mut self, context: &mut Context<'_>) -> Outcome<bool> {
        self.socket.check_send()?;
        if self.is_its_turn(context) {
            let whole = self.data.len() <= HIGH_WATER;
            let done = if whole {
                self.step_whole()?
            } else {
                self.step_part()?
            };
            if done {
                return Ok(true);
            }
        }
        self.socket.register()?;
        if self.alive.is_none() {
            self.alive = self.socket.net.dispatcher().map(|d| d.alive().hold());
        }
        Ok(false)
    }

    /// All or nothing.
    fn step_whole(&mut self) -> Outcome<bool> {
        self.socket.write(&[])?;
        let unsent = self.socket.unsent();
        if unsent + self.data.len() > HIGH_WATER || (unsent > LOW_WATER && self.alive.is_some()) {
            return Ok(false);
        }
        self.socket.append(self.data);
        self.taken = self.data.len();
        Ok(true)
    }

    /// As much as the kernel takes; the last part is left to the output.
    fn step_part(&mut self) -> Outcome<bool> {
        self.taken += self.socket.write(&self.data[self.taken..])?;
        let rest = &self.data[self.taken..];
        if self.socket.unsent() + rest.len() > LOW_WATER {
            return Ok(false);
        }
        self.socket.append(rest);
        self.taken = self.data.len();
        Ok(true)
    }
}

impl Future for Send<'_> {
    type Output = Outcome<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<()>> {
        match self.step(context) {
            Ok(true) => Poll::Ready(Ok(())),
            Ok(false) => Poll::Pending,
            Err(fault) => Poll::Ready(Err(fault)),
        }
    }
}

impl Drop for Send<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.socket.senders.leave(place);
            self.socket.senders.wake_first();
        }
    }
}

/// Sends `data`, waiting for at most the socket's send time limit when it does not fit below the
/// high-water mark; also how many bytes were taken.
pub fn send_part(d: &Dispatcher, socket: &Rc<Socket>, data: &[u8]) -> (Outcome<()>, usize) {
    match socket.send_at_once(data) {
        Err(fault) => return (Err(fault), 0),
        Ok(true) => {
            settle_for_root(d, socket);
            return (Ok(()), data.len());
        }
        Ok(false) => {}
    }
    let mut send = pin!(Send::new(socket, data));
    let result = d.wait(send.as_mut(), socket.timeouts.get().send);
    let taken = send.taken;
    settle_for_root(d, socket);
    (
        result.map_err(Fault::from).and_then(|outcome| outcome),
        taken,
    )
}

/// send_part for those who do not ask how many.
pub fn send(d: &Dispatcher, socket: &Rc<Socket>, data: &[u8]) -> Outcome<()> {
    send_part(d, socket, data).0
}

/// Outside of coroutines nobody would write later: what was sent is written at once.
fn settle_for_root(d: &Dispatcher, socket: &Rc<Socket>) {
    if d.running().is_none() {
        socket.net.settle();
    }
}

/// Waits until the kernel has everything.
struct Flush {
    socket: Rc<Socket>,
    place: Option<Place>,
    alive: Option<Alive>,
}

impl Flush {
    fn step(&mut self, context: &mut Context<'_>) -> Outcome<bool> {
        let socket = &self.socket;
        if let Some(place) = self.place.take() {
            socket.flushers.leave(place);
        }
        socket.drain();
        match socket.write_error.get() {
            0 if socket.unsent() == 0 => return Ok(true),
            0 if socket.closed.get() => socket.end_of_output()?,
            0 => {}
            errno => return Err(Fault::errno(errno)),
        }
        self.place = Some(socket.flushers.join(context.waker()));
        if self.alive.is_none() {
            self.alive = socket.net.dispatcher().map(|d| d.alive().hold());
        }
        Ok(false)
    }
}

impl Future for Flush {
    type Output = Outcome<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<()>> {
        match self.step(context) {
            Ok(true) => Poll::Ready(Ok(())),
            Ok(false) => Poll::Pending,
            Err(fault) => Poll::Ready(Err(fault)),
        }
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.socket.flushers.leave(place);
        }
    }
}

/// Waits until the kernel has every byte sent before, for at most the send time limit.
pub fn flush(d: &Dispatcher, socket: &Rc<Socket>) -> Outcome<()> {
    if !socket.can_send() {
        return Err(Fault::new(Status::UNSUPPORTED, "this socket cannot send"));
    }
    let flush = Flush {
        socket: Rc::clone(socket),
        place: None,
        alive: None,
    };
    d.wait(pin!(flush), socket.timeouts.get().send)?
}

/// Ready when a submission may send more.
pub struct Room {
    socket: Rc<Socket>,
    place: Option<Place>,
}

impl Room {
    /// Writes and copies what can be of `data`, and gives how much; the room is for the rest. With
    /// `more` nothing is written before the next step.
    pub fn send(socket: &Rc<Socket>, data: &[u8], more: bool) -> Outcome<(Self, usize)> {
        socket.check_send()?;
        if socket.submitted.replace(true) {
            return Err(Fault::new(Status::BUSY, "a submitted send is outstanding"));
        }
        let room = Room {
            socket: Rc::clone(socket),
            place: None,
        };
        let mut taken = 0;
        if socket.senders.is_empty() {
            taken = if more { 0 } else { socket.write(data)? };
            let fits = HIGH_WATER
                .saturating_sub(socket.unsent())
                .min(data.len() - taken);
            socket.append(&data[taken..taken + fits]);
            taken += fits;
        }
        Ok((room, taken))
    }

    /// Looks whether there is room.
    pub fn step(&mut self, context: &mut Context<'_>) -> Outcome<bool> {
        let socket = &self.socket;
        socket.check_send()?;
        let senders = &socket.senders;
        let place = *self
            .place
            .get_or_insert_with(|| senders.join(context.waker()));
        Ok(senders.is_first(place) && socket.unsent() <= LOW_WATER)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.socket.submitted.set(false);
        if let Some(place) = self.place {
            self.socket.senders.leave(place);
            self.socket.senders.wake_first();
        }
    }
}
