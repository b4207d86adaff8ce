// SPDX-License-Identifier: MIT
//! Operations on sockets, submitted. Those of a request, receives and sends, use their records again.

use super::acceptance::Accept;
use super::flush::Flush;
use super::input::{Lent, NOTHING};
use super::receive::{Receive, Wanted, shown};
use super::receive_from::{Datagram, ReceiveFrom};
use super::room::Room;
use super::send_to::SendTo;
use super::socket::Socket;
use crate::dispatcher::{
    Begun, Boxed, Completion, Dispatcher, Ends, Given, Handle, Submission, Submitted,
};
use crate::status::{Outcome, Status};
use socket2::SockAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// What a submitted receive waits for.
pub enum Receiving {
    /// Bytes of a stream.
    Stream(Receive<'static>),
    /// A datagram.
    Datagram(ReceiveFrom),
    /// Nothing any more.
    Over,
}

/// A submitted receive.
pub struct SubmittedReceive {
    receiving: Receiving,
    socket: Option<Rc<Socket>>,
    borrower: Handle,
}

impl SubmittedReceive {
    /// It has the bytes, or what there is to show with its fault.
    fn end(&mut self, ended: Outcome<Lent>) -> Completion {
        match &mut self.receiving {
            Receiving::Stream(receive) => receive.rest(),
            Receiving::Datagram(receive) => receive.rest(),
            Receiving::Over => {}
        }
        match (ended, &self.socket) {
            (Ok(data), _) => Completion {
                data,
                ..Completion::of(Status::OK)
            },
            (Err(fault), Some(socket)) => Completion {
                errno: fault.errno,
                data: shown(socket, fault.status, self.borrower),
                ..Completion::of(fault.status)
            },
            (Err(fault), None) => Completion::of(fault.status),
        }
    }

    /// It has a datagram, perhaps not all of it.
    fn end_datagram(&mut self, datagram: Datagram) -> Completion {
        let whole = datagram.check_whole();
        let completion = self.end(Ok(datagram.bytes));
        if let Some(socket) = &self.socket {
            socket.remember_sender(datagram.from);
        }
        Completion {
            status: whole.map_or_else(|fault| fault.status, |()| Status::OK),
            ..completion
        }
    }
}

impl Submitted for SubmittedReceive {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Completion> {
        match &mut self.receiving {
            Receiving::Stream(receive) => {
                Pin::new(receive).poll(context).map(|ended| self.end(ended))
            }
            Receiving::Datagram(receive) => match Pin::new(receive).poll(context) {
                Poll::Ready(Ok(datagram)) => Poll::Ready(self.end_datagram(datagram)),
                Poll::Ready(Err(fault)) => Poll::Ready(self.end(Err(fault))),
                Poll::Pending => Poll::Pending,
            },
            Receiving::Over => Poll::Pending,
        }
    }

    fn stop(&mut self, status: Status) -> Completion {
        self.end(Err(status.into()))
    }

    fn finish(mut self: Box<Self>) {
        self.receiving = Receiving::Over;
        if let Some(socket) = self.socket.take() {
            socket.net.spare_receives.give(self);
        }
    }
}

fn submit_receiving(
    d: &Dispatcher,
    socket: &Rc<Socket>,
    said: Submission,
    receiving: Receiving,
) -> Outcome<Begun> {
    socket.check_receive()?;
    let work = socket.net.spare_receives.fill(SubmittedReceive {
        receiving,
        socket: Some(Rc::clone(socket)),
        borrower: d.handle,
    });
    d.submit(said, work)
}

/// Submits a receive from a stream.
pub fn submit_receive(
    d: &Dispatcher,
    socket: &Rc<Socket>,
    wanted: Wanted<'static>,
    said: Submission,
) -> Outcome<Begun> {
    socket.check_stream()?;
    let receive = Receive::new(Rc::clone(socket), wanted, d.handle, said.seconds == 0.0);
    submit_receiving(d, socket, said, Receiving::Stream(receive))
}

/// Submits the receive of a datagram.
pub fn submit_receive_from(
    d: &Dispatcher,
    socket: &Rc<Socket>,
    said: Submission,
) -> Outcome<Begun> {
    let receive = ReceiveFrom::new(socket, d.handle, said.seconds == 0.0)?;
    submit_receiving(d, socket, said, Receiving::Datagram(receive))
}

/// A submitted send: it is over when there is room for more.
pub struct SubmittedSend {
    room: Option<Room>,
}

impl Submitted for SubmittedSend {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Completion> {
        let step = self
            .room
            .as_mut()
            .map_or(Ok(true), |room| room.step(context));
        if let (Ok(true) | Err(_), Some(room)) = (&step, &mut self.room) {
            room.rest();
        }
        match step {
            Ok(false) => Poll::Pending,
            Ok(true) => Poll::Ready(Completion {
                data: NOTHING,
                ..Completion::of(Status::OK)
            }),
            Err(fault) => Poll::Ready(Completion {
                errno: fault.errno,
                data: NOTHING,
                ..Completion::of(fault.status)
            }),
        }
    }

    fn stop(&mut self, status: Status) -> Completion {
        if let Some(room) = &mut self.room {
            room.rest();
        }
        Completion {
            data: NOTHING,
            ..Completion::of(status)
        }
    }

    fn finish(mut self: Box<Self>) {
        if let Some(room) = self.room.take() {
            let net = room.net();
            drop(room);
            net.spare_sends.give(self);
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
    said: Submission,
) -> Outcome<(usize, Begun)> {
    socket.check_stream()?;
    d.check_room()?;
    if said.seconds == 0.0 {
        socket.look_for_room();
    }
    let (room, taken) = Room::send(socket, data, more)?;
    if !more {
        socket.net.settle();
    }
    let work = socket
        .net
        .spare_sends
        .fill(SubmittedSend { room: Some(room) });
    Ok((taken, d.submit(said, work)?))
}

/// Submits the send of one datagram; it is copied where it has to wait.
pub fn submit_send_to(
    d: &Dispatcher,
    socket: &Rc<Socket>,
    data: &[u8],
    to: Option<SockAddr>,
    said: Submission,
) -> Outcome<Begun> {
    let mut send = SendTo::new(socket, data, to)?;
    d.check_room()?;
    let sent = send.attempt();
    let copy = matches!(sent, Ok(false)).then(|| send.copied());
    let sending = async move {
        if let Some(send) = copy {
            send.await?;
        }
        sent.map(|_| Given::result(0))
    };
    d.submit(said, Boxed::of(sending, Ends::AsTold))
}

/// Submits a flush.
pub fn submit_flush(d: &Dispatcher, socket: &Rc<Socket>, said: Submission) -> Outcome<Begun> {
    let flush = Flush::new(socket, said.seconds == 0.0)?;
    let flushing = async move { flush.await.map(|()| Given::result(0)) };
    d.submit(said, Boxed::of(flushing, Ends::AsTold))
}

/// Submits an accept; the event gives the new socket.
pub fn submit_accept(d: &Dispatcher, socket: &Rc<Socket>, said: Submission) -> Outcome<Begun> {
    let accept = Accept::new(socket, said.seconds == 0.0)?;
    let accepting = async move { accept.await.map(given) };
    d.submit(said, Boxed::of(accepting, Ends::AsTold))
}

/// Submits `opening`, whose event gives a new socket.
pub fn submit_opening(
    d: &Dispatcher,
    opening: impl Future<Output = Outcome<Rc<Socket>>> + 'static,
    said: Submission,
) -> Outcome<Begun> {
    let opening = async move { opening.await.map(given) };
    d.submit(said, Boxed::of(opening, Ends::AsTold))
}

fn given(socket: Rc<Socket>) -> Given {
    Given::result(socket.handle.bits())
}
