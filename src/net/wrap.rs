// SPDX-License-Identifier: MIT
//! Taking an open descriptor over.

use super::Net;
use super::options::linger_of;
use super::settings::Inherited;
use super::socket::Socket;
use crate::dispatcher::Dispatcher;
use crate::status::{Fault, Outcome, Status};
use crate::sys::descriptor::{self, Nature};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::rc::Rc;

/// Makes a socket of a descriptor, which it owns from then on; `own` turns the number into the
/// owned descriptor once all checks have passed.
pub fn wrap(
    d: &Dispatcher,
    fd: RawFd,
    own: impl FnOnce(RawFd) -> std::os::fd::OwnedFd,
) -> Outcome<Rc<Socket>> {
    let borrowed = descriptor::borrow(fd)
        .map_err(|_| Fault::invalid(format!("{fd} is not an open descriptor")))?;
    let nature = descriptor::nature(borrowed).map_err(|e| Fault::system(&e, "ask what it is"))?;
    check(fd, nature)?;
    if Net::of(d).owns(fd) {
        return Err(Fault::new(
            Status::BUSY,
            format!("descriptor {fd} is a socket already"),
        ));
    }
    set_nonblocking(borrowed)?;
    let inherited = Inherited {
        linger: linger_of(borrowed),
        ..Inherited::default()
    };
    Socket::open(d, Net::of(d), own(fd), nature, inherited)
}

fn check(fd: RawFd, nature: Nature) -> Outcome<()> {
    match nature {
        Nature::File => Err(Fault::invalid(format!(
            "descriptor {fd} is a file or folder, which is always ready: read it directly"
        ))),
        Nature::Other => Err(Fault::new(
            Status::UNSUPPORTED,
            format!("descriptor {fd} is neither a socket nor a pipe"),
        )),
        _ => Ok(()),
    }
}

fn set_nonblocking(fd: BorrowedFd<'_>) -> Outcome<()> {
    descriptor::set_nonblocking(fd).map_err(|e| Fault::system(&e, "set O_NONBLOCK"))
}

impl Net {
    /// Whether a descriptor belongs to one of its sockets.
    fn owns(&self, fd: RawFd) -> bool {
        let is_it = |socket: &Rc<Socket>| matches!(socket.with_fd(|own| io::Result::Ok(own.as_raw_fd())), Ok(own) if own == fd);
        self.sockets.borrow().iter().any(is_it)
    }
}
