// SPDX-License-Identifier: MIT
//! Receiving into the caller's memory.

use super::as_poll;
use super::reading::{Read, Reading};
use super::socket::Socket;
use crate::dispatcher::{Dispatcher, Handle};
use crate::status::{Fault, Outcome};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

/// Reads of the caller's memory of at least this size skip the socket's buffer.
const DIRECT: usize = 4096;

/// A receive into the caller's memory.
struct ReceiveInto<'a> {
    socket: Rc<Socket>,
    memory: &'a mut [u8],
    borrower: Handle,
    reading: Option<Reading>,
    /// It will not wait: the kernel is asked until it has nothing.
    looks: bool,
    /// Bytes that are in the memory.
    done: usize,
}

impl ReceiveInto<'_> {
    fn step(&mut self, context: &mut Context<'_>) -> Outcome<bool> {
        if self.reading.is_none() {
            self.socket.check_stream()?;
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
            socket.check_input()?;
            if socket.readable.get() && matches!(self.read(), Read::Progress) {
                if self.looks {
                    socket.readable.set(true);
                }
                continue;
            }
            socket.check_written()?;
            if let Some(reading) = &mut self.reading {
                socket.note_filled(self.done);
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
        let read = self.socket.read_bytes(rest);
        if let Ok(n) = read {
            self.done += n;
        }
        self.socket.note_read(read, size)
    }
}

impl Future for ReceiveInto<'_> {
    type Output = Outcome<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<()>> {
        as_poll(self.step(context))
    }
}

/// Fills `memory`, waiting for at most the socket's receive time limit; also how many bytes came.
pub fn receive_into(
    d: &Dispatcher,
    socket: &Rc<Socket>,
    memory: &mut [u8],
) -> (Outcome<()>, usize) {
    let seconds = socket.timeouts.get().receive;
    if seconds == 0.0 {
        socket.look_for_input();
    }
    let mut receive = pin!(ReceiveInto {
        socket: Rc::clone(socket),
        memory,
        borrower: d.borrower(),
        reading: None,
        looks: seconds == 0.0,
        done: 0,
    });
    let result = d.wait(receive.as_mut(), seconds);
    socket.note_filled(0);
    (
        result.map_err(Fault::from).and_then(|outcome| outcome),
        receive.done,
    )
}
