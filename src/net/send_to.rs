// SPDX-License-Identifier: MIT
//! Sending datagrams, each one whole.

use super::socket::Socket;
use crate::dispatcher::{Alive, Dispatcher, Place};
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
struct SendTo<'a> {
    socket: Rc<Socket>,
    data: &'a [u8],
    to: Option<&'a SockAddr>,
    /// The kernel tells when there is room.
    is_told: bool,
    place: Option<Place>,
    alive: Option<Alive>,
}

impl SendTo<'_> {
    fn step(&mut self, context: &mut Context<'_>) -> Outcome<bool> {
        let socket = &self.socket;
        if socket.closed.get() {
            return Err(Status::CLOSED.into());
        }
        match socket.with_fd(|fd| stream::send_to(fd, self.data, self.to)) {
            Ok(n) => {
                socket.sent.set(socket.sent.get() + n as u64);
                Ok(true)
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock && !self.is_told => Ok(false),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                socket.register()?;
                self.place
                    .get_or_insert_with(|| socket.senders.join(context.waker()));
                let d = socket.net.dispatcher();
                if self.alive.is_none() {
                    self.alive = d.map(|d| d.alive().hold());
                }
                Ok(false)
            }
            Err(e) => Err(Fault::system(&e, "send the datagram")),
        }
    }
}

impl Future for SendTo<'_> {
    type Output = Outcome<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<()>> {
        super::as_poll(self.step(context))
    }
}

impl Drop for SendTo<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.socket.senders.leave(place);
            self.socket.senders.wake_first();
        }
    }
}

/// Ready when a socket is closed: who waits for room by the clock must not look at the readiness that
/// each failed attempt raises.
struct Closed {
    socket: Rc<Socket>,
    place: Option<Place>,
    _alive: Option<Alive>,
}

impl Closed {
    fn new(socket: &Rc<Socket>) -> Self {
        Closed {
            socket: Rc::clone(socket),
            place: None,
            _alive: socket.net.dispatcher().map(|d| d.alive().hold()),
        }
    }

    fn leave(&mut self) {
        if let Some(place) = self.place.take() {
            self.socket.flushers.leave(place);
        }
    }
}

impl Future for Closed {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.leave();
        if self.socket.closed.get() {
            return Poll::Ready(());
        }
        self.place = Some(self.socket.flushers.join(context.waker()));
        Poll::Pending
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Sends one datagram, to `to` or where the socket is connected, waiting while the kernel's buffer is
/// full.
pub fn send_to(
    d: &Dispatcher,
    socket: &Rc<Socket>,
    data: &[u8],
    to: Option<&SockAddr>,
) -> Outcome<()> {
    socket.check_datagram()?;
    // A Unix socket's readiness tells of the receiver that it is connected to, and of no other.
    let is_told = !to.is_some_and(SockAddr::is_unix);
    let send = || SendTo {
        socket: Rc::clone(socket),
        data,
        to,
        is_told,
        place: None,
        alive: None,
    };
    let seconds = socket.timeouts.get().send;
    if is_told {
        return d.wait(pin!(send()), seconds)?;
    }
    let begun = d.now();
    loop {
        match d.wait(pin!(send()), 0.0) {
            Err(Status::TIMEOUT) => {}
            sent => return sent?,
        }
        let passed = (d.now() - begun) as f64 / 1e9;
        if seconds >= 0.0 && passed >= seconds {
            return Err(Status::TIMEOUT.into());
        }
        let pause = if seconds < 0.0 {
            AGAIN
        } else {
            AGAIN.min(seconds - passed)
        };
        match d.wait(pin!(Closed::new(socket)), pause) {
            Err(Status::TIMEOUT) if !d.is_past_scope() => {}
            Ok(()) => return Err(Status::CLOSED.into()),
            Err(status) => return Err(status.into()),
        }
    }
}
