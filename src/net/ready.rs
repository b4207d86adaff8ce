// SPDX-License-Identifier: MIT
//! Waiting until a socket could be used without waiting, for those who wait for other things too.

use super::marks::Mark;
use super::output::LOW_WATER;
use super::reading::{Read, Reading};
use super::socket::Socket;
use crate::dispatcher::{Alive, Place};
use crate::status::Outcome;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Ready when something has been received that nobody has taken, or nothing more will come.
pub struct Readable {
    socket: Rc<Socket>,
    reading: Option<Reading>,
}

impl Readable {
    /// Of this socket.
    pub fn new(socket: &Rc<Socket>) -> Self {
        Readable {
            socket: Rc::clone(socket),
            reading: None,
        }
    }

    fn step(&mut self, context: &mut Context<'_>) -> Outcome<bool> {
        if self.reading.is_none() {
            self.socket.check_stream()?;
            self.reading = Some(Reading::begin(&self.socket)?);
        }
        let socket = &self.socket;
        loop {
            let there = !socket.input.borrow().pending().is_empty();
            if there || socket.marks.has(Mark::AtEnd) || socket.marks.has(Mark::Closed) {
                return Ok(true);
            }
            if socket.readable.get() && matches!(socket.fill(1), Read::Progress) {
                continue;
            }
            if let Some(reading) = &mut self.reading {
                reading.wait(context)?;
            }
            return Ok(false);
        }
    }
}

impl Future for Readable {
    type Output = Outcome<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<()>> {
        super::as_poll(self.step(context))
    }
}

/// Ready when a send would find room.
pub struct Writable {
    socket: Rc<Socket>,
    place: Option<Place>,
    alive: Option<Alive>,
}

impl Writable {
    /// Of this socket.
    pub fn new(socket: &Rc<Socket>) -> Self {
        Writable {
            socket: Rc::clone(socket),
            place: None,
            alive: None,
        }
    }

    fn step(&mut self, context: &mut Context<'_>) -> Outcome<bool> {
        let socket = &self.socket;
        socket.check_send()?;
        socket.drain();
        let senders = &socket.senders;
        let place = *self
            .place
            .get_or_insert_with(|| senders.join(context.waker()));
        if senders.is_first(place) && socket.unsent() <= LOW_WATER {
            return Ok(true);
        }
        if self.alive.is_none() {
            self.alive = Some(socket.net.alive.hold());
        }
        Ok(false)
    }
}

impl Future for Writable {
    type Output = Outcome<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<()>> {
        super::as_poll(self.step(context))
    }
}

impl Drop for Writable {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.socket.senders.leave(place);
            self.socket.senders.wake_first();
        }
    }
}
