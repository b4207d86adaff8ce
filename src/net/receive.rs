// SPDX-License-Identifier: MIT
//! Receiving: by a pattern into lent memory, or into the caller's.

use super::input::{Lent, NOTHING};
use super::pattern::Pattern;
use super::socket::Socket;
use crate::dispatcher::{Alive, Dispatcher, Handle};
use crate::status::{Fault, Outcome, Status};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

/// Reads of the caller's memory of at least this size skip the socket's buffer.
const DIRECT: usize = 4096;

/// The place of the one that receives on a socket; given up when dropped.
struct Reading {
    socket: Rc<Socket>,
    alive: Option<Alive>,
}

impl Reading {
    /// Takes the place.
    fn begin(socket: &Rc<Socket>) -> Outcome<Self> {
        socket.check_receive()?;
        socket.reading.set(true);
        Ok(Reading {
            socket: Rc::clone(socket),
            alive: None,
        })
    }

    /// Waits for the kernel's word.
    fn wait(&mut self, context: &mut Context<'_>) -> Outcome<()> {
        let socket = &self.socket;
        socket.register()?;
        socket.input.borrow_mut().rest(&socket.net.pool);
        if self.alive.is_none() {
            self.alive = socket.net.dispatcher().map(|d| d.alive().hold());
            *socket.reader.borrow_mut() = Some(context.waker().clone());
        }
        Ok(())
    }
}

impl Reading {
    /// Waits no longer.
    fn rest(&mut self) {
        if self.alive.take().is_some() {
            self.socket.reader.take();
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.socket.reading.set(false);
        self.rest();
    }
}

/// What a read from the kernel gave.
enum Read {
    /// Bytes, or the end: look again.
    Progress,
    /// Nothing now.
    Nothing,
}

impl Socket {
    /// Whether somebody may begin to receive.
    pub(super) fn check_receive(&self) -> Outcome<()> {
        if !self.can_receive() {
            return Err(Fault::new(
                Status::UNSUPPORTED,
                "this socket cannot receive",
            ));
        }
        if self.reading.get() {
            return Err(Fault::new(
                Status::BUSY,
                "somebody else receives on this socket",
            ));
        }
        Ok(())
    }

    /// Whether a wait would be for nothing: the fault that it ends with.
    fn end_of_input(&self) -> Option<Fault> {
        if self.closed.get() {
            return Some(Fault::new(
                Status::CLOSED,
                "this side has closed the socket",
            ));
        }
        if !self.at_end.get() {
            return None;
        }
        Some(match self.read_error.get() {
            0 => Status::CLOSED.into(),
            errno => Fault::errno(errno),
        })
    }

    /// The failed write that a receive reports where it would have to wait.
    fn failed_write(&self) -> Option<Fault> {
        let errno = self.write_error.get();
        (errno != 0).then(|| Fault::errno(errno))
    }

    /// Begins a receive of `borrower`: its former loan ends, somebody else's goes on elsewhere.
    fn begin_receive(&self, borrower: Handle) {
        self.net
            .end_loans(|to, socket| to == borrower && socket == self.handle);
        let mut input = self.input.borrow_mut();
        match input.lent_to() {
            None => {}
            Some(to) if to == borrower => input.end_loan(),
            Some(to) => {
                if let Some(buffer) = input.detach() {
                    drop(input);
                    self.keep_for(to, buffer);
                }
            }
        }
    }

    /// Keeps a lent buffer for its borrower, if that still runs.
    pub(super) fn keep_for(&self, borrower: Handle, buffer: super::buffer::Buffer) {
        let d = self.net.dispatcher();
        if d.is_some_and(|d| d.handle == borrower || d.thread(borrower).is_some()) {
            self.net.hold(borrower, self.handle, buffer);
        } else {
            self.net.pool.give(buffer);
        }
    }

    /// Reads once into the buffer, which has room for `wanted` bytes in all.
    fn fill(&self, wanted: usize) -> Read {
        let mut input = self.input.borrow_mut();
        let space = input.space(&self.net.pool, wanted);
        let size = space.len();
        let read = self.with_fd(|fd| self.transport.read(fd, space));
        if let Ok(n) = read {
            input.filled(n);
        }
        self.note_read(read, size)
    }

    /// Draws the conclusions of a read of at most `size` bytes.
    fn note_read(&self, read: io::Result<usize>, size: usize) -> Read {
        match read {
            Ok(0) => self.at_end.set(true),
            Ok(n) => {
                self.received.set(self.received.get() + n as u64);
                if n < size && self.transport.short_read_is_all() && !self.hangup.get() {
                    self.readable.set(false);
                }
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                self.readable.set(false);
                return Read::Nothing;
            }
            Err(e) => {
                self.at_end.set(true);
                self.read_error.set(e.raw_os_error().unwrap_or(libc::EIO));
            }
        }
        Read::Progress
    }
}

/// A receive by a pattern.
pub struct Receive<'a> {
    socket: Rc<Socket>,
    pattern: Pattern<'a>,
    borrower: Handle,
    reading: Option<Reading>,
    /// Asks the kernel although it has not reported anything: for calls that do not wait.
    insists: bool,
}

impl<'a> Receive<'a> {
    /// Receives `pattern` for `borrower`.
    pub fn new(socket: &Rc<Socket>, pattern: Pattern<'a>, borrower: Handle, insists: bool) -> Self {
        Receive {
            socket: Rc::clone(socket),
            pattern,
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
        self.reading = Some(Reading::begin(&self.socket)?);
        self.socket.begin_receive(self.borrower);
        Ok(())
    }

    fn step(&mut self, context: &mut Context<'_>) -> Outcome<Option<Lent>> {
        if self.reading.is_none() {
            self.begin()?;
        }
        let socket = &self.socket;
        loop {
            let at_end = socket.at_end.get();
            let taken = socket.input.borrow_mut().take(
                self.pattern,
                socket.limits.get(),
                at_end && socket.read_error.get() == 0,
                self.borrower,
            );
            match taken {
                Some(Ok(lent)) => return Ok(Some(lent)),
                Some(Err(())) => return Err(Status::TOO_LONG.into()),
                None => {}
            }
            if let Some(fault) = socket.end_of_input() {
                return Err(fault);
            }
            let asks = socket.readable.get() || std::mem::take(&mut self.insists);
            if asks && matches!(socket.fill(self.pattern.wanted()), Read::Progress) {
                continue;
            }
            if let Some(fault) = socket.failed_write() {
                return Err(fault);
            }
            if let Some(reading) = &mut self.reading {
                reading.wait(context)?;
            }
            return Ok(None);
        }
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
        Status::TIMEOUT | Status::CLOSED | Status::CANCELED | Status::TOO_LONG => {
            socket.input.borrow_mut().show(borrower)
        }
        _ => NOTHING,
    }
}

/// Receives by a pattern, waiting for at most the socket's receive time limit. The bytes are the
/// result, or what is there so far.
pub fn receive(d: &Dispatcher, socket: &Rc<Socket>, pattern: Pattern<'_>) -> (Outcome<()>, Lent) {
    let borrower = d.borrower();
    let seconds = socket.timeouts.get().receive;
    let result = {
        let receive = Receive::new(socket, pattern, borrower, seconds == 0.0);
        d.wait(pin!(receive), seconds)
    };
    match result.map_err(Fault::from).and_then(|outcome| outcome) {
        Ok(lent) => (Ok(()), lent),
        Err(fault) => {
            let shown = shown(socket, fault.status, borrower);
            (Err(fault), shown)
        }
    }
}

/// A receive into the caller's memory.
struct ReceiveInto<'a> {
    socket: Rc<Socket>,
    memory: &'a mut [u8],
    borrower: Handle,
    reading: Option<Reading>,
    insists: bool,
    /// Bytes that are in the memory.
    done: usize,
}

impl ReceiveInto<'_> {
    fn step(&mut self, context: &mut Context<'_>) -> Outcome<bool> {
        if self.reading.is_none() {
            self.reading = Some(Reading::begin(&self.socket)?);
            self.socket.begin_receive(self.borrower);
        }
        let socket = Rc::clone(&self.socket);
        loop {
            let rest = &mut self.memory[self.done..];
            self.done += socket.input.borrow_mut().copy_to(rest);
            if self.done == self.memory.len() {
                return Ok(true);
            }
            if let Some(fault) = socket.end_of_input() {
                return Err(fault);
            }
            let asks = socket.readable.get() || std::mem::take(&mut self.insists);
            if asks && matches!(self.read(), Read::Progress) {
                continue;
            }
            if let Some(fault) = socket.failed_write() {
                return Err(fault);
            }
            if let Some(reading) = &mut self.reading {
                reading.wait(context)?;
            }
            return Ok(false);
        }
    }

    /// Reads once: straight into the caller's memory when much is wanted.
    fn read(&mut self) -> Read {
        let rest = &mut self.memory[self.done..];
        if rest.len() < DIRECT {
            return self.socket.fill(1);
        }
        let size = rest.len();
        let read = self
            .socket
            .with_fd(|fd| self.socket.transport.read(fd, rest));
        if let Ok(n) = read {
            self.done += n;
        }
        self.socket.note_read(read, size)
    }
}

impl Future for ReceiveInto<'_> {
    type Output = Outcome<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<()>> {
        match self.step(context) {
            Ok(true) => Poll::Ready(Ok(())),
            Ok(false) => Poll::Pending,
            Err(fault) => Poll::Ready(Err(fault)),
        }
    }
}

/// Fills `memory`, waiting for at most the socket's receive time limit; also how many bytes came.
pub fn receive_into(
    d: &Dispatcher,
    socket: &Rc<Socket>,
    memory: &mut [u8],
) -> (Outcome<()>, usize) {
    let seconds = socket.timeouts.get().receive;
    let mut receive = pin!(ReceiveInto {
        socket: Rc::clone(socket),
        memory,
        borrower: d.borrower(),
        reading: None,
        insists: seconds == 0.0,
        done: 0,
    });
    let result = d.wait(receive.as_mut(), seconds);
    (
        result.map_err(Fault::from).and_then(|outcome| outcome),
        receive.done,
    )
}
