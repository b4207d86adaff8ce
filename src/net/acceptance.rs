// SPDX-License-Identifier: MIT
//! Accepting one connection, for those who serve a listening socket by themselves.

use super::accept::{is_lack, next_connection, open_client};
use super::armour;
use super::marks::Mark;
use super::reading::Reading;
use super::socket::Socket;
use crate::dispatcher::Dispatcher;
use crate::status::{Fault, Outcome, Status};
use crate::sys::descriptor::Nature;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

/// The place of the one that accepts from a listening socket, which nobody may serve.
pub fn begin(listener: &Rc<Socket>) -> Outcome<Reading> {
    if listener.nature != Nature::Listener {
        return Err(Fault::new(
            Status::UNSUPPORTED,
            "only a listening socket accepts: see copas_bind()",
        ));
    }
    if listener.is_served() {
        return Err(Fault::new(Status::BUSY, "this socket is served already"));
    }
    Reading::take_place(listener)
}

/// Accepting one connection.
pub struct Accept {
    listener: Rc<Socket>,
    reading: Reading,
}

impl Accept {
    /// From this listening socket, which nobody serves; one that `looks` will not wait.
    pub fn new(listener: &Rc<Socket>, looks: bool) -> Outcome<Self> {
        let reading = begin(listener)?;
        if looks {
            listener.look_for_input();
        }
        Ok(Accept {
            listener: Rc::clone(listener),
            reading,
        })
    }

    fn step(&mut self, context: &mut Context<'_>) -> Outcome<Option<Rc<Socket>>> {
        let listener = &self.listener;
        while !listener.marks.has(Mark::Closed) {
            if !listener.readable.get() {
                self.reading.wait(context)?;
                return Ok(None);
            }
            let d = listener.net.dispatcher().ok_or(Status::STALE)?;
            if !listener.may_accept(&d) {
                self.reading.wait(context)?;
                return Ok(None);
            }
            match next_connection(listener) {
                Ok(fd) => {
                    let Some(arrived) = listener.guard().look_at(&d, fd) else {
                        continue;
                    };
                    let client = open_client(&d, listener, arrived)?;
                    armour::begin(&d, &client);
                    return Ok(Some(client));
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => listener.readable.set(false),
                Err(e) if is_lack(&e) => {
                    return Err(Fault::system(&e, "accept a connection"));
                }
                // One connection broke while it waited (accept(2), "Error handling").
                Err(_) => {}
            }
        }
        Err(Fault::new(
            Status::CLOSED,
            "this side has closed the socket",
        ))
    }
}

impl Future for Accept {
    type Output = Outcome<Rc<Socket>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.step(context) {
            Ok(None) => Poll::Pending,
            Ok(Some(socket)) => Poll::Ready(Ok(socket)),
            Err(fault) => Poll::Ready(Err(fault)),
        }
    }
}

/// Accepts one connection, waiting for at most `seconds`.
pub fn accept(d: &Dispatcher, listener: &Rc<Socket>, seconds: f64) -> Outcome<Rc<Socket>> {
    d.wait(pin!(Accept::new(listener, seconds == 0.0)?), seconds)?
}
