// SPDX-License-Identifier: MIT
//! Waiting until the kernel has what was sent.

use super::as_poll;
use super::marks::Mark;
use super::socket::Socket;
use crate::dispatcher::{Alive, Dispatcher, Place};
use crate::status::{Fault, Outcome, Status};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

/// Waits until the kernel has everything.
pub struct Flush {
    socket: Rc<Socket>,
    place: Option<Place>,
    alive: Option<Alive>,
}

impl Flush {
    /// Of this socket; one that `looks` will not wait.
    pub fn new(socket: &Rc<Socket>, looks: bool) -> Outcome<Self> {
        if !socket.can_send() {
            return Err(Fault::new(Status::UNSUPPORTED, "this socket cannot send"));
        }
        if looks {
            socket.look_for_room();
        }
        Ok(Flush {
            socket: Rc::clone(socket),
            place: None,
            alive: None,
        })
    }

    fn step(&mut self, context: &mut Context<'_>) -> Outcome<bool> {
        let socket = &self.socket;
        if let Some(place) = self.place.take() {
            socket.flushers.leave(place);
        }
        socket.drain();
        match socket.write_error.get() {
            0 if socket.unsent() == 0 => return Ok(true),
            0 if socket.marks.has(Mark::Closed) => socket.end_of_output()?,
            0 => {}
            errno => return Err(socket.broken(errno)),
        }
        self.place = Some(socket.flushers.join(context.waker()));
        if self.alive.is_none() {
            self.alive = Some(socket.net.alive.hold());
        }
        Ok(false)
    }
}

impl Future for Flush {
    type Output = Outcome<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<()>> {
        as_poll(self.step(context))
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
    let seconds = socket.timeouts.get().send;
    let flush = Flush::new(socket, seconds == 0.0)?;
    d.wait(pin!(flush), seconds)?
}
