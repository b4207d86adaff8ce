// SPDX-License-Identifier: MIT
//! Output that is still where it was received. What a coroutine sends of the bytes that it has borrowed
//! from the same socket is not copied: a range of the input's buffer, before the pending bytes, is the
//! output. What it sends next makes the range longer if it lies right behind; and so does the end of a
//! line that equals the one that was received.
//!
//! ```text
//!  input's buffer  |  taken  |  echo: output  |  taken  |  pending  |  space  |
//! ```
//!
//! There is an echo only while the output has no memory of its own, and while nobody receives: before the
//! buffer is used again the echo is written, or copied, or takes the whole buffer with it.

use super::buffer::Buffer;
use super::input::Input;
use super::output::{DIRECT, HIGH_WATER};
use super::socket::Socket;
use std::rc::Rc;

impl Socket {
    /// How many bytes are output where they were received. Whoever receives may be using the input.
    #[inline]
    pub(super) fn echoed(&self) -> usize {
        match self.reading.get() {
            true => 0,
            false => self.input.borrow().echo().len(),
        }
    }

    /// Sends bytes that need not be copied, when the output has no memory of its own; whether they are such.
    #[inline(always)]
    pub(super) fn echo(self: &Rc<Self>, data: &[u8]) -> bool {
        if self.reading.get() || self.tls.get().is_some() {
            return false;
        }
        let echoed = self.input.borrow_mut().extend_echo(data, HIGH_WATER);
        if echoed.is_some() {
            self.mark_dirty();
        }
        echoed.is_some()
    }

    /// Writes the echo, if there is one: whether one system call took it all.
    #[inline(never)]
    pub(super) fn write_echo(self: &Rc<Self>) -> bool {
        let len = self.echoed();
        if len == 0 {
            return true;
        }
        let mut input = self.input.borrow_mut();
        let written = self.with_fd(|fd| self.transport.write_one(fd, input.echo()));
        if matches!(written, Ok(n) if n == len) {
            input.end_echo();
            self.sent.set(self.sent.get() + len as u64);
            self.note_active();
            return true;
        }
        drop(input);
        self.copy_echo();
        let _ = self.note_written(written, self.output.borrow_mut());
        false
    }

    /// Gives the output its own memory, with a copy of the echo, if there is one.
    pub(super) fn copy_echo(&self) {
        if self.echoed() != 0 {
            let mut copy = self.net.pool.take(0);
            self.move_echo_to(&mut copy);
            self.output.replace(Some(copy));
        }
    }

    /// Has the echo, if there is one, copied to the output's new memory.
    #[cold]
    pub(super) fn move_echo_to(&self, memory: &mut Buffer) {
        let mut input = self.input.borrow_mut();
        memory.append(input.echo());
        input.end_echo();
    }

    /// Before the input's buffer is used again: a long echo is written, what is left of it is copied.
    pub(super) fn release_echo(self: &Rc<Self>) {
        if self.echoed() >= DIRECT && self.writable.get() {
            self.write_echo();
        }
        self.copy_echo();
    }

    /// The input's buffer, in which nothing is pending, is not needed any more: it is the output's if that is
    /// there.
    #[inline]
    pub(super) fn end_idle_loan(&self, input: &mut Input) {
        let Some(mut buffer) = input.take_idle() else {
            return;
        };
        buffer.keep_echo();
        if buffer.is_empty() {
            self.net.pool.give(buffer);
        } else {
            self.output.replace(Some(self.net.pool.slim(buffer)));
        }
    }
}
