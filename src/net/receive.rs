// SPDX-License-Identifier: MIT
//! Receiving by a pattern, into lent memory.

use super::input::{Lent, NOTHING};
use super::pattern::Pattern;
use super::reading::{Read, Reading};
use super::socket::Socket;
use crate::dispatcher::{Dispatcher, Handle};
use crate::status::{Fault, Outcome, Status};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

/// What to receive, with a delimiter that is the caller's or its own.
pub enum Wanted<'a> {
    /// By a pattern.
    By(Pattern<'a>),
    /// Up to a delimiter.
    Until(Box<[u8]>),
}

impl Wanted<'_> {
    fn pattern(&self) -> Pattern<'_> {
        match self {
            Wanted::By(pattern) => *pattern,
            Wanted::Until(delimiter) => Pattern::Until(delimiter),
        }
    }
}

/// A receive by a pattern.
pub struct Receive<'a> {
    socket: Rc<Socket>,
    wanted: Wanted<'a>,
    borrower: Handle,
    reading: Option<Reading>,
    /// Asks the kernel until it has nothing, although it has not reported anything: for calls that do not
    /// wait.
    insists: bool,
}

impl<'a> Receive<'a> {
    /// Receives what is wanted, for `borrower`.
    pub fn new(socket: &Rc<Socket>, wanted: Wanted<'a>, borrower: Handle, insists: bool) -> Self {
        Receive {
            socket: Rc::clone(socket),
            wanted,
            borrower,
            reading: None,
            insists,
        }
    }

    /// Waits no longer, but keeps its place until it is dropped.
    pub fn rest(&mut self) {
        if let Some(reading) = &mut self.reading {
            reading.rest();
        }
    }

    fn begin(&mut self) -> Outcome<()> {
        self.socket.check_stream()?;
        self.reading = Some(Reading::begin(&self.socket)?);
        self.socket.begin_receive(self.borrower);
        Ok(())
    }

    fn step(&mut self, context: &mut Context<'_>) -> Outcome<Option<Lent>> {
        if self.reading.is_none() {
            self.begin()?;
        }
        let socket = &self.socket;
        let pattern = self.wanted.pattern();
        loop {
            let taken = socket.input.borrow_mut().take(
                pattern,
                socket.limits.get(),
                socket.has_ended_well(),
                self.borrower,
            );
            match taken {
                Some(Ok(lent)) => return Ok(Some(lent)),
                Some(Err(())) => return Err(Status::TOO_LONG.into()),
                None => socket.check_input()?,
            }
            let asks = socket.readable.get() || self.insists;
            if asks && matches!(socket.fill(pattern.wanted()), Read::Progress) {
                continue;
            }
            self.insists = false;
            socket.check_written()?;
            if let Some(reading) = &mut self.reading {
                reading.wait(context)?;
            }
            return Ok(None);
        }
    }
}

impl Receive<'_> {
    /// The first poll. Between requests there is nothing to be had, which is seen at one look.
    #[inline]
    fn poll_first(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<<Self as Future>::Output> {
        let fits = self.wanted.pattern().wanted() <= self.socket.limits.get().all;
        if fits && !self.insists && self.socket.is_idle(self.borrower) {
            self.reading = Some(Reading::of_idle(&self.socket, context));
            return Poll::Pending;
        }
        self.poll(context)
    }
}

impl Future for Receive<'_> {
    type Output = Outcome<Lent>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<Lent>> {
        match self.step(context) {
            Ok(None) => Poll::Pending,
            Ok(Some(lent)) => Poll::Ready(Ok(lent)),
            Err(fault) => Poll::Ready(Err(fault)),
        }
    }
}

/// What is shown with a status that consumed nothing.
pub fn shown(socket: &Socket, status: Status, borrower: Handle) -> Lent {
    match status {
        Status::TIMEOUT
        | Status::CLOSED
        | Status::CANCELED
        | Status::TOO_LONG
        | Status::TRUNCATED
        | Status::TLS_FAILED => socket.input.borrow_mut().show(borrower),
        _ => NOTHING,
    }
}

/// Receives by a pattern, waiting for at most the socket's receive time limit. The bytes are the
/// result, or what is there so far.
pub fn receive(d: &Dispatcher, socket: &Rc<Socket>, pattern: Pattern<'_>) -> (Outcome<()>, Lent) {
    let borrower = d.borrower();
    let seconds = socket.timeouts.get().receive;
    let result = {
        let receive = Receive::new(socket, Wanted::By(pattern), borrower, seconds == 0.0);
        d.wait_from(pin!(receive), seconds, Receive::poll_first)
    };
    match result.map_err(Fault::from).and_then(|outcome| outcome) {
        Ok(lent) => (Ok(()), lent),
        Err(fault) => {
            let shown = shown(socket, fault.status, borrower);
            (Err(fault), shown)
        }
    }
}
