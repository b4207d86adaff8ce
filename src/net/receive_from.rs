// SPDX-License-Identifier: MIT
//! Receiving datagrams, one at a time.

use super::input::{Lent, NOTHING};
use super::marks::Mark;
use super::pattern::{Limits, Pattern};
use super::reading::Reading;
use super::socket::Socket;
use crate::dispatcher::{Dispatcher, Handle};
use crate::status::{Fault, Outcome, Status};
use crate::sys::stream;
use socket2::SockAddr;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

/// No datagram of UDP is longer, and few of Unix sockets.
const LONGEST: usize = 65_536;

/// A datagram that was received.
pub struct Datagram {
    /// Its bytes, as many as the socket's limit lets in.
    pub bytes: Lent,
    /// How many it had.
    length: usize,
    /// Who sent it.
    pub from: SockAddr,
}

impl Datagram {
    /// An error unless all of it is there.
    pub fn check_whole(&self) -> Outcome<()> {
        let (length, kept) = (self.length, self.bytes.1);
        if length <= kept {
            return Ok(());
        }
        Err(Fault::new(
            Status::TOO_LONG,
            format!("the datagram has {length} bytes; its first {kept} were kept"),
        ))
    }
}

/// Receiving one datagram.
pub struct ReceiveFrom {
    socket: Rc<Socket>,
    borrower: Handle,
    reading: Option<Reading>,
}

impl ReceiveFrom {
    /// Receives for `borrower`; one that `looks` will not wait.
    pub fn new(socket: &Rc<Socket>, borrower: Handle, looks: bool) -> Outcome<Self> {
        socket.check_datagram()?;
        if looks {
            socket.look_for_input();
        }
        Ok(ReceiveFrom {
            socket: Rc::clone(socket),
            borrower,
            reading: None,
        })
    }

    /// Waits no longer, but keeps its place until it is dropped.
    pub fn rest(&mut self) {
        if let Some(reading) = &mut self.reading {
            reading.rest();
        }
    }

    fn step(&mut self, context: &mut Context<'_>) -> Outcome<Option<Datagram>> {
        if self.reading.is_none() {
            self.reading = Some(Reading::begin(&self.socket)?);
            self.socket.begin_receive(self.borrower);
        }
        let socket = &self.socket;
        if socket.marks.has(Mark::Closed) {
            return Err(Status::CLOSED.into());
        }
        if socket.readable.get() {
            match self.read() {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => socket.readable.set(false),
                Err(e) => return Err(Fault::system(&e, "receive the datagram")),
                Ok((length, from)) => {
                    let bytes = self.lend(length);
                    return Ok(Some(Datagram {
                        bytes,
                        length,
                        from,
                    }));
                }
            }
        }
        if let Some(reading) = &mut self.reading {
            reading.wait(context)?;
        }
        Ok(None)
    }

    /// Reads one datagram; how long it is, which may be more than was kept.
    fn read(&self) -> io::Result<(usize, SockAddr)> {
        let socket = &self.socket;
        let most = socket.limits.get().all.min(LONGEST);
        let mut input = socket.input.borrow_mut();
        let space = &mut input.space(&socket.net.pool, LONGEST)[..most];
        let (n, from) = socket.with_fd(|fd| stream::receive_from(fd, space))?;
        input.filled(n.min(most));
        Ok((n, from))
    }

    /// Lends what was read, which is consumed by that.
    fn lend(&self, n: usize) -> Lent {
        let socket = &self.socket;
        socket.received.set(socket.received.get() + n as u64);
        let kept = n.min(socket.limits.get().all.min(LONGEST));
        if kept == 0 {
            return NOTHING;
        }
        let mut input = socket.input.borrow_mut();
        let taken = input.take(Pattern::Count(kept), Limits::NONE, false, self.borrower);
        taken.and_then(Result::ok).unwrap_or(NOTHING)
    }
}

impl Future for ReceiveFrom {
    type Output = Outcome<Datagram>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.step(context) {
            Ok(None) => Poll::Pending,
            Ok(Some(received)) => Poll::Ready(Ok(received)),
            Err(fault) => Poll::Ready(Err(fault)),
        }
    }
}

/// Receives one datagram, within the socket's receive time limit.
pub fn receive_from(d: &Dispatcher, socket: &Rc<Socket>) -> Outcome<Datagram> {
    let seconds = socket.timeouts.get().receive;
    let receive = ReceiveFrom::new(socket, d.borrower(), seconds == 0.0)?;
    d.wait(pin!(receive), seconds)?
}
