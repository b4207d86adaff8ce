// SPDX-License-Identifier: MIT
//! Waiting on a descriptor that belongs to somebody else: it is registered for one wait only.

use super::driver::Readiness;
use super::{Alive, Dispatcher, Handle, Object, registry};
use crate::status::{Fault, Outcome, Status};
use crate::sys::descriptor;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::os::fd::RawFd;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// What the kernel has said of the descriptor.
struct Watched {
    readable: Cell<bool>,
    writable: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Object for Watched {
    fn ready(&self, readiness: Readiness) {
        self.readable.set(self.readable.get() | readiness.readable);
        self.writable.set(self.writable.get() | readiness.writable);
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    fn destroy(&self, _: &Dispatcher) {}
}

/// Ready with which of reading and writing is there. Its registration is taken back when dropped.
pub struct Watch {
    fd: RawFd,
    handle: Handle,
    watched: Rc<Watched>,
    wants: (bool, bool),
    _alive: Alive,
}

impl Watch {
    /// Which of what is wanted is there: reading, writing.
    fn there(&self) -> (bool, bool) {
        (
            self.wants.0 && self.watched.readable.get(),
            self.wants.1 && self.watched.writable.get(),
        )
    }
}

impl Future for Watch {
    type Output = (bool, bool);

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<(bool, bool)> {
        let there = self.there();
        if there.0 || there.1 {
            return Poll::Ready(there);
        }
        *self.watched.waker.borrow_mut() = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Ok(d) = registry::enter(self.handle) {
            let _ = d.deregister(self.fd);
            d.destroy_object(self.handle);
        }
    }
}

impl Dispatcher {
    /// Waits until a descriptor can be read or written, as `wants` says; which of them it is.
    pub fn wait_fd(&self, fd: RawFd, wants: (bool, bool), seconds: f64) -> Outcome<(bool, bool)> {
        self.caller()?;
        if seconds == 0.0 {
            let there = look(fd, wants)?;
            let look = pin!(poll_fn(|_| there.map_or(Poll::Pending, Poll::Ready)));
            return Ok(self.wait(look, 0.0)?);
        }
        Ok(self.wait(pin!(self.watch(fd, wants)?), seconds)?)
    }

    /// Watches a descriptor.
    pub fn watch(&self, fd: RawFd, wants: (bool, bool)) -> Outcome<Watch> {
        let there = look(fd, wants)?.unwrap_or_default();
        let handle = self.add_object(|_| Watched {
            readable: Cell::new(there.0),
            writable: Cell::new(there.1),
            waker: RefCell::new(None),
        })?;
        if let Err(e) = self.register(fd, handle) {
            self.destroy_object(handle);
            return Err(refused(fd, &e));
        }
        Ok(Watch {
            fd,
            handle,
            watched: self.object(handle)?,
            wants,
            _alive: self.alive().hold(),
        })
    }
}

/// Which of what is wanted is there now.
fn look(fd: RawFd, wants: (bool, bool)) -> Outcome<Option<(bool, bool)>> {
    let there = descriptor::is_ready(fd).map_err(|e| refused(fd, &e))?;
    let there = (there.0 && wants.0, there.1 && wants.1);
    Ok((there.0 || there.1).then_some(there))
}

/// Why a descriptor cannot be waited on.
fn refused(fd: RawFd, error: &std::io::Error) -> Fault {
    match error.raw_os_error() {
        Some(libc::EEXIST) => Fault::new(
            Status::BUSY,
            format!(
                "somebody waits on descriptor {fd} already, or it is a socket of this dispatcher"
            ),
        ),
        Some(libc::EPERM) => Fault::invalid(format!(
            "descriptor {fd} is a file or folder, which is always ready: read it directly"
        )),
        Some(libc::EBADF) => Fault::invalid(format!("descriptor {fd} is not open")),
        _ => Fault::system(error, "watch the descriptor"),
    }
}
