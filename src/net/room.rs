// SPDX-License-Identifier: MIT
//! Room in a socket's output, for those who send without a coroutine.

use super::Net;
use super::marks::Mark;
use super::output::{HIGH_WATER, LOW_WATER};
use super::socket::Socket;
use crate::dispatcher::Place;
use crate::status::{Fault, Outcome, Status};
use std::rc::Rc;
use std::task::Context;

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
        if socket.senders.is_empty() && !socket.marks.has(Mark::Upgrading) {
            taken = if more { 0 } else { socket.write(data)? };
            let fits = HIGH_WATER
                .saturating_sub(socket.unsent())
                .min(data.len() - taken);
            socket.append(&data[taken..taken + fits]);
            taken += fits;
        }
        Ok((room, taken))
    }

    /// The sockets that its own is one of.
    pub fn net(&self) -> Rc<Net> {
        Rc::clone(&self.socket.net)
    }

    /// Waits no longer: others have their turn.
    pub fn rest(&mut self) {
        if let Some(place) = self.place.take() {
            self.socket.senders.leave(place);
            self.socket.senders.wake_first();
        }
    }

    /// Looks whether there is room.
    pub fn step(&mut self, context: &mut Context<'_>) -> Outcome<bool> {
        let socket = &self.socket;
        socket.check_send()?;
        let senders = &socket.senders;
        let has_room = !socket.marks.has(Mark::Upgrading) && socket.unsent() <= LOW_WATER;
        if self.place.is_none() && senders.is_empty() && has_room {
            return Ok(true);
        }
        let place = *self
            .place
            .get_or_insert_with(|| senders.join(context.waker()));
        Ok(senders.is_first(place) && has_room)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.socket.submitted.set(false);
        self.rest();
    }
}
