// SPDX-License-Identifier: MIT
//! Receives and sends as submitted operations.

use super::input::NOTHING;
use super::pattern::Pattern;
use super::receive::{Receive, shown};
use super::room::Room;
use super::socket::Socket;
use crate::dispatcher::{Completion, Dispatcher, Handle, Submitted};
use crate::status::{Fault, Outcome, Status};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// The event of a receive.
const EVENT_RECEIVE: u32 = 1;
/// The event of a send.
const EVENT_SEND: u32 = 2;

/// A submitted receive.
struct SubmittedReceive {
    receive: Receive<'static>,
    socket: Rc<Socket>,
    borrower: Handle,
}

impl SubmittedReceive {
    fn end(&mut self, fault: &Fault) -> Completion {
        self.receive.rest();
        let data = shown(&self.socket, fault.status, self.borrower);
        Completion {
            status: fault.status,
            errno: fault.errno,
            data,
        }
    }
}

impl Submitted for SubmittedReceive {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Completion> {
        let Poll::Ready(outcome) = Pin::new(&mut self.receive).poll(context) else {
            return Poll::Pending;
        };
        Poll::Ready(match outcome {
            Ok(data) => {
                self.receive.rest();
                Completion {
                    status: Status::OK,
                    errno: 0,
                    data,
                }
            }
            Err(fault) => self.end(&fault),
        })
    }

    fn stop(&mut self, status: Status) -> Completion {
        self.end(&status.into())
    }
}

/// Submits a receive; its event comes later.
pub fn submit_receive(
    d: &Dispatcher,
    socket: &Rc<Socket>,
    pattern: Pattern<'static>,
    token: u64,
) -> Outcome<Handle> {
    socket.check_stream()?;
    socket.check_receive()?;
    let seconds = socket.timeouts.get().receive;
    let borrower = d.handle;
    let receive = Receive::new(socket, pattern, borrower, seconds == 0.0);
    let work = SubmittedReceive {
        receive,
        socket: Rc::clone(socket),
        borrower,
    };
    d.submit(Box::new(work), seconds, EVENT_RECEIVE, token, socket.handle)
}

/// A submitted send: it is over when there is room for more.
struct SubmittedSend(Room);

impl Submitted for SubmittedSend {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Completion> {
        match self.0.step(context) {
            Ok(false) => Poll::Pending,
            Ok(true) => Poll::Ready(Completion {
                status: Status::OK,
                errno: 0,
                data: NOTHING,
            }),
            Err(fault) => Poll::Ready(Completion {
                status: fault.status,
                errno: fault.errno,
                data: NOTHING,
            }),
        }
    }

    fn stop(&mut self, status: Status) -> Completion {
        Completion {
            status,
            errno: 0,
            data: NOTHING,
        }
    }
}

/// Submits a send: how many bytes were taken, and the operation whose event tells that there is
/// room for the rest.
pub fn submit_send(
    d: &Dispatcher,
    socket: &Rc<Socket>,
    data: &[u8],
    more: bool,
    token: u64,
) -> Outcome<(usize, Handle)> {
    socket.check_stream()?;
    let (room, taken) = Room::send(socket, data, more)?;
    if !more {
        socket.net.settle();
    }
    let seconds = socket.timeouts.get().send;
    let work = Box::new(SubmittedSend(room));
    Ok((
        taken,
        d.submit(work, seconds, EVENT_SEND, token, socket.handle)?,
    ))
}
