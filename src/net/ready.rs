// SPDX-License-Identifier: MIT
//! Waiting until a socket could be used without waiting, for those who wait for other things too.

use super::acceptance;
use super::marks::Mark;
use super::output::LOW_WATER;
use super::reading::{Read, Reading};
use super::socket::Socket;
use crate::dispatcher::{Alive, Place};
use crate::status::Outcome;
use crate::sys::descriptor::{self, Nature};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

impl Socket {
    /// For a call that does not wait: what the kernel has not reported yet may be there all the same, so
    /// the kernel is asked.
    pub(super) fn look_for_input(&self) {
        self.readable.set(true);
        if let Some(session) = self.tls.get() {
            session.note_readable();
        }
    }

    /// The same for room in the kernel: as if it had reported some, so that whoever waits for it goes on.
    /// To set the mark alone would hide the report that is still to come from them.
    pub(super) fn look_for_room(self: &Rc<Self>) {
        #[cfg(feature = "faults")]
        let _look = crate::sys::faults::sparing(true);
        if !self.writable.replace(true)
            && let Some(d) = self.net.dispatcher()
        {
            self.write_on(&d);
        }
    }
}

/// Ready when something has been received that nobody has taken, or nothing more will come; of a
/// listening socket, when a connection waits.
pub struct Readable {
    socket: Rc<Socket>,
    reading: Option<Reading>,
}

impl Readable {
    /// Of this socket; one that `looks` will not wait.
    pub fn new(socket: &Rc<Socket>, looks: bool) -> Self {
        if looks {
            socket.look_for_input();
        }
        Readable {
            socket: Rc::clone(socket),
            reading: None,
        }
    }

    fn step(&mut self, context: &mut Context<'_>) -> Outcome<bool> {
        let socket = &self.socket;
        if self.reading.is_none() {
            self.reading = Some(if socket.nature == Nature::Listener {
                acceptance::begin(socket)?
            } else {
                Reading::begin(socket)?
            });
        }
        if socket.marks.has(Mark::Closed) || socket.has_input() {
            return Ok(true);
        }
        if let Some(reading) = &mut self.reading {
            reading.wait(context)?;
        }
        Ok(false)
    }
}

impl Socket {
    /// Whether a receive, or an accept, would find something or the end.
    fn has_input(&self) -> bool {
        if self.nature == Nature::Listener
            && !self.net.dispatcher().is_some_and(|d| self.may_accept(&d))
        {
            return false;
        }
        if self.is_datagram() || self.nature == Nature::Listener {
            if self.has_kept() {
                return true;
            }
            if self.readable.get() {
                let ready = self.with_fd(|fd| descriptor::is_ready(fd.as_raw_fd()));
                // An error is for whoever tries.
                self.readable
                    .set(ready.map_or(true, |(readable, _)| readable));
            }
            return self.readable.get();
        }
        loop {
            let there = !self.input.borrow().pending().is_empty();
            if there || self.marks.has(Mark::AtEnd) {
                return true;
            }
            if !self.readable.get() {
                return false;
            }
            // It takes nothing, so no loan ends by it.
            self.part_from_loan();
            if !matches!(self.fill(1), Read::Progress) {
                return false;
            }
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
    /// Of this socket; one that `looks` will not wait.
    pub fn new(socket: &Rc<Socket>, looks: bool) -> Self {
        if looks {
            socket.look_for_room();
        }
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
