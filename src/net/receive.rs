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
    /// Whether it is a line, and then whether with its ending.
    #[inline]
    fn is_line(&self) -> Option<bool> {
        match self {
            Wanted::By(pattern) => pattern.is_line(),
            Wanted::Until(_) => None,
        }
    }

    fn pattern(&self) -> Pattern<'_> {
        match self {
            Wanted::By(pattern) => *pattern,
            Wanted::Until(delimiter) => Pattern::Until(delimiter),
        }
    }
}

/// A receive by a pattern.
pub struct Receive<'a> {
    reading: Reading,
    wanted: Wanted<'a>,
    borrower: Handle,
    /// It will not wait: the kernel is asked until it has nothing.
    looks: bool,
}

impl<'a> Receive<'a> {
    /// Receives what is wanted, for `borrower`; one that `looks` will not wait.
    #[inline]
    pub fn new(socket: Rc<Socket>, wanted: Wanted<'a>, borrower: Handle, looks: bool) -> Self {
        if looks {
            socket.look_for_input();
        }
        Receive {
            reading: Reading::later(socket),
            wanted,
            borrower,
            looks,
        }
    }

    /// Waits no longer, but keeps its place until it is dropped.
    pub fn rest(&mut self) {
        self.reading.rest();
    }

    fn begin(&mut self) -> Outcome<()> {
        let socket = &self.reading.socket;
        socket.check_stream()?;
        self.reading.take()?;
        self.reading.socket.begin_receive(self.borrower);
        Ok(())
    }

    #[inline(never)]
    fn step(&mut self, context: &mut Context<'_>) -> Outcome<Option<Lent>> {
        if !self.reading.has_begun() {
            self.begin()?;
        }
        let socket = &self.reading.socket;
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
            if socket.readable.get() && matches!(socket.fill(pattern.wanted()), Read::Progress) {
                if self.looks {
                    socket.readable.set(true);
                }
                continue;
            }
            socket.check_written()?;
            self.reading.wait(context)?;
            return Ok(None);
        }
    }
}

impl Receive<'_> {
    /// The first poll of one for which a glance has found nothing to be had, as between requests: it waits.
    #[inline(always)]
    fn wait_idle(mut self: Pin<&mut Self>) {
        let socket = &self.reading.socket;
        socket.end_idle_loan(&mut socket.input.borrow_mut());
        let who = self.borrower;
        self.reading.wait_idle(who);
    }

    /// The usual look after a wait: a line has come.
    #[inline(always)]
    fn look_again(&self) -> Option<Lent> {
        let raw = self.wanted.is_line()?;
        let socket = &self.reading.socket;
        if !socket.marks.are_none() || !self.reading.has_begun() || !socket.readable.get() {
            return None;
        }
        let mut input = socket.input.borrow_mut();
        if !input.is_empty() {
            return None;
        }
        match socket.fill_input(&mut input, 1) {
            Read::Nothing => None,
            Read::Progress => input.take_line(raw, socket.limits.get(), self.borrower, || true),
        }
    }
}

impl Future for Receive<'_> {
    type Output = Outcome<Lent>;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<Lent>> {
        if let Some(lent) = self.look_again() {
            return Poll::Ready(Ok(lent));
        }
        match self.step(context) {
            Ok(None) => Poll::Pending,
            Ok(Some(lent)) => Poll::Ready(Ok(lent)),
            Err(fault) => Poll::Ready(Err(fault)),
        }
    }
}

/// What a glance at a socket tells a receive.
enum Glance {
    /// A line was there, and is taken.
    Line(Lent),
    /// There is nothing to be had until the kernel says so.
    Idle,
    /// One must look closer.
    More,
}

impl Socket {
    /// Sees whether a receive of the coroutine that runs is one of the usual cases.
    #[inline(always)]
    fn glance(&self, d: &Dispatcher, pattern: Pattern<'_>) -> Glance {
        if !self.is_at_work() {
            return Glance::More;
        }
        let mut input = self.input.borrow_mut();
        let borrower = d.borrower();
        if input.is_empty() {
            let fits = pattern.wanted() <= self.limits.get().all;
            let is_idle = fits && self.is_dry() && input.is_lent_to_nobody_but(borrower);
            return if is_idle { Glance::Idle } else { Glance::More };
        }
        let limits = self.limits.get();
        let taken = pattern
            .is_line()
            .and_then(|raw| input.take_line(raw, limits, borrower, || d.starts_at_once()));
        taken.map_or(Glance::More, Glance::Line)
    }
}

/// What is shown with a status that consumed nothing.
pub fn shown(socket: &Socket, status: Status, borrower: Handle) -> Lent {
    match status {
        Status::TIMEOUT
        | Status::CLOSED
        | Status::CANCELED
        | Status::TOO_LONG
        | Status::LIMIT
        | Status::TRUNCATED
        | Status::TLS_FAILED => show(socket, borrower),
        _ => NOTHING,
    }
}

fn show(socket: &Socket, borrower: Handle) -> Lent {
    if !socket.input.borrow().is_lent_to_nobody_but(borrower) {
        socket.part_from_loan();
    }
    socket.input.borrow_mut().show(borrower)
}

/// Receives by a pattern, waiting for at most the socket's receive time limit. The bytes are the
/// result, or what is there so far.
#[inline(always)]
pub fn receive(d: &Dispatcher, socket: Rc<Socket>, pattern: Pattern<'_>) -> (Outcome<()>, Lent) {
    let seconds = socket.timeouts.get().receive;
    let is_idle = match socket.glance(d, pattern) {
        Glance::Line(lent) => return (Ok(()), lent),
        // What does not wait asks the kernel.
        Glance::Idle => seconds != 0.0,
        Glance::More => false,
    };
    let borrower = d.borrower();
    let mut receive = pin!(Receive::new(
        socket,
        Wanted::By(pattern),
        borrower,
        seconds == 0.0
    ));
    let waiting = d.wait_from(receive.as_mut(), seconds, |receive| {
        is_idle.then(|| receive.wait_idle())
    });
    match waiting {
        Ok(Ok(lent)) => (Ok(()), lent),
        Ok(Err(fault)) => not_received(receive, fault),
        Err(status) => not_received(receive, status.into()),
    }
}

/// What has come until a fault.
#[cold]
#[inline(never)]
fn not_received(receive: Pin<&mut Receive<'_>>, fault: Fault) -> (Outcome<()>, Lent) {
    let socket = &receive.reading.socket;
    // Of one that never began, while somebody else receives, the bytes are not.
    let is_others = !receive.reading.has_begun() && socket.reading.get();
    let shown = match is_others {
        true => NOTHING,
        false => shown(socket, fault.status, receive.borrower),
    };
    (Err(fault), shown)
}
