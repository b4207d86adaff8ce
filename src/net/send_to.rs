// SPDX-License-Identifier: MIT
//! Sending datagrams, each one whole.

use super::marks::Mark;
use super::socket::Socket;
use crate::dispatcher::{Alive, Dispatcher, Elapse, Place};
use crate::status::{Fault, Outcome, Status};
use crate::sys::stream;
use socket2::SockAddr;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

/// Seconds between two attempts while a receiver's queue is full that the kernel does not tell of.
const AGAIN: f64 = 0.005;

/// Sending one datagram.
pub struct SendTo<D> {
    socket: Rc<Socket>,
    data: D,
    to: Option<SockAddr>,
    place: Option<Place>,
    alive: Option<Alive>,
    /// The time until the next attempt, where the kernel does not tell when there is room, and the place
    /// among those that a close wakes.
    again: Option<Elapse>,
    flushers: Option<Place>,
}

impl<D: AsRef<[u8]>> SendTo<D> {
    /// Sends `data`, to `to` or where the socket is connected.
    pub fn new(socket: &Rc<Socket>, data: D, to: Option<SockAddr>) -> Outcome<Self> {
        socket.check_datagram()?;
        Ok(SendTo {
            socket: Rc::clone(socket),
            data,
            to,
            place: None,
            alive: None,
            again: None,
            flushers: None,
        })
    }

    fn step(&mut self, context: &mut Context<'_>) -> Outcome<bool> {
        self.leave_flushers();
        if self.socket.marks.has(Mark::Closed) {
            return Err(Status::CLOSED.into());
        }
        if let Some(again) = &mut self.again {
            if Pin::new(again).poll(context).is_pending() {
                self.flushers = Some(self.socket.flushers.join(context.waker()));
                return Ok(false);
            }
            self.again = None;
        }
        let sent = self.attempt()?;
        if !sent {
            self.wait(context)?;
        }
        Ok(sent)
    }

    /// Hands it to the kernel, unless that has no room now.
    pub fn attempt(&self) -> Outcome<bool> {
        let (data, to) = (self.data.as_ref(), self.to.as_ref());
        match self.socket.with_fd(|fd| stream::send_to(fd, data, to)) {
            Ok(n) => {
                self.socket.sent.set(self.socket.sent.get() + n as u64);
                Ok(true)
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(e) => Err(Fault::system(&e, "send the datagram")),
        }
    }

    /// The same send of a copy, for whoever cannot keep the caller's memory.
    pub fn copied(&mut self) -> SendTo<Vec<u8>> {
        SendTo {
            socket: Rc::clone(&self.socket),
            data: self.data.as_ref().to_vec(),
            to: self.to.take(),
            place: None,
            alive: None,
            again: None,
            flushers: None,
        }
    }

    /// Waits for the kernel's word. A Unix socket's readiness tells of the receiver that it is connected
    /// to, and of no other: each failed attempt would raise it anew.
    fn wait(&mut self, context: &mut Context<'_>) -> Outcome<()> {
        let socket = &self.socket;
        let d = socket.net.dispatcher().ok_or(Status::STALE)?;
        socket.writable.set(false);
        if self.to.as_ref().is_some_and(SockAddr::is_unix) {
            let again = self.again.insert(Elapse::new(&d, AGAIN));
            let _ = Pin::new(again).poll(context);
            self.flushers = Some(socket.flushers.join(context.waker()));
            return Ok(());
        }
        socket.register()?;
        self.place
            .get_or_insert_with(|| socket.senders.join(context.waker()));
        self.alive.get_or_insert_with(|| d.alive().hold());
        Ok(())
    }
}

impl<D> SendTo<D> {
    fn leave_flushers(&mut self) {
        if let Some(place) = self.flushers.take() {
            self.socket.flushers.leave(place);
        }
    }
}

impl<D: AsRef<[u8]> + Unpin> Future for SendTo<D> {
    type Output = Outcome<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<()>> {
        super::as_poll(self.step(context))
    }
}

impl<D> Drop for SendTo<D> {
    fn drop(&mut self) {
        self.leave_flushers();
        if let Some(place) = self.place {
            self.socket.senders.leave(place);
            self.socket.senders.wake_first();
        }
    }
}

/// Sends one datagram, to `to` or where the socket is connected, waiting while the kernel's buffer is
/// full.
pub fn send_to(
    d: &Dispatcher,
    socket: &Rc<Socket>,
    data: &[u8],
    to: Option<SockAddr>,
) -> Outcome<()> {
    let send = SendTo::new(socket, data, to)?;
    d.wait(pin!(send), socket.timeouts.get().send)?
}
