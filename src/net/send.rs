// SPDX-License-Identifier: MIT
//! Sending. What fits below the high-water mark is appended to the output and costs no system call;
//! who does not fit waits, first in, first out.

use super::as_poll;
use super::marks::Mark;
use super::output::{HIGH_WATER, LOW_WATER};
use super::socket::Socket;
use crate::dispatcher::{Alive, Dispatcher, Place};
use crate::status::{Fault, Outcome};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

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
        if self.is_its_turn(context) && !self.socket.marks.has(Mark::Upgrading) {
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
            self.alive = Some(self.socket.net.alive.hold());
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
        as_poll(self.step(context))
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
    if socket.is_datagram() {
        let sent = super::send_to(d, socket, data, None);
        let taken = if sent.is_ok() { data.len() } else { 0 };
        return (sent, taken);
    }
    match socket.send_at_once(data) {
        Err(fault) => return (Err(fault), 0),
        Ok(true) => {
            settle_for_root(d, socket);
            return (Ok(()), data.len());
        }
        Ok(false) => {}
    }
    let seconds = socket.timeouts.get().send;
    if seconds == 0.0 {
        socket.look_for_room();
    }
    let mut send = pin!(Send::new(socket, data));
    let result = d.wait(send.as_mut(), seconds);
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
    if !d.is_running() {
        socket.net.settle();
    }
}
