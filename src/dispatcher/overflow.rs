// SPDX-License-Identifier: MIT
//! Coroutines that overflow their stacks, told in words before the process ends. Looked for only in
//! programs that call copas_install_overflow_handler().

use super::{Dispatcher, Thread, registry};
use crate::coroutine::GUARD;
use crate::sys::segv;
use std::fmt::Write;
use std::io;

/// Bytes of the longest line: a name of 255 bytes and the words around it.
const LONGEST: usize = 512;

/// Has overflows told from now on.
pub fn install() -> io::Result<()> {
    segv::catch(look)
}

/// A memory access has faulted: if it was in the guard of the stack that this OS thread runs on, that
/// is told. In a signal handler: allocates nothing, waits for nothing, and reads only what this OS thread
/// holds; what it was about to change when it faulted is left out.
fn look(address: usize) {
    registry::each_held(|dispatcher| tell_overflow(dispatcher, address));
}

fn tell_overflow(dispatcher: &Dispatcher, address: usize) {
    let Ok(running) = dispatcher.current.try_borrow() else {
        return;
    };
    let Some(thread) = &*running else { return };
    let Some((bottom, top)) = thread.stack() else {
        return;
    };
    if (bottom - GUARD..bottom).contains(&address) {
        let mut line = Line::new();
        line.describe(thread, top - bottom);
        segv::tell(&line.bytes[..line.len]);
    }
}

/// A line that is put together without an allocation; what does not fit is cut.
struct Line {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Line {
    fn new() -> Self {
        Line {
            bytes: [0; LONGEST],
            len: 0,
        }
    }

    fn describe(&mut self, thread: &Thread, size: usize) {
        let _ = self.write_str("copas: coroutine ");
        let _ = match thread.name.try_borrow() {
            Ok(name) => name.write(self),
            Err(_) => self.write_str("without a name"),
        };
        let _ = writeln!(
            self,
            " has overflowed its stack of {size} bytes: raise its stack_size, or use less of it"
        );
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let room = LONGEST - self.len;
        let part = &text.as_bytes()[..text.len().min(room)];
        self.bytes[self.len..self.len + part.len()].copy_from_slice(part);
        self.len += part.len();
        Ok(())
    }
}
