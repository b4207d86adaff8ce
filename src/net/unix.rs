// SPDX-License-Identifier: MIT
//! Unix sockets: listening and connecting by a path, or by an abstract name that begins with '@'.

use super::bind::BACKLOG;
use super::settings::Inherited;
use super::socket::Socket;
use super::{Net, datagram};
use crate::dispatcher::{Dispatcher, Elapse};
use crate::status::{Fault, Outcome, Status};
use crate::sys::descriptor::Nature;
use crate::sys::{self, file};
use socket2::{Domain, SockAddr, Type};
use std::io;
use std::pin::pin;
use std::rc::Rc;

/// Seconds between two attempts while the listener's queue is full.
const AGAIN: f64 = 0.005;

/// The address of a path, or of an abstract name.
pub fn address(path: &str) -> Outcome<SockAddr> {
    let name = path.strip_prefix('@');
    if name.unwrap_or(path).is_empty() {
        return Err(Fault::invalid("the path or the abstract name is empty"));
    }
    let address = match name {
        Some(name) => SockAddr::unix(format!("\0{name}")),
        None => SockAddr::unix(path),
    };
    address.map_err(|_| {
        Fault::invalid(
            "a Unix socket's path, or its abstract name after the '@', has at most 107 bytes",
        )
    })
}

fn socket(is_datagram: bool) -> Outcome<socket2::Socket> {
    let kind = if is_datagram {
        Type::DGRAM
    } else {
        Type::STREAM
    };
    sys::socket::open(Domain::UNIX, kind).map_err(|e| Fault::system(&e, "open a socket"))
}

/// Opens a listening or a datagram socket at a path. With `replaces`, a socket file that nobody listens
/// on is removed before.
pub fn bind_unix(
    d: &Dispatcher,
    path: &str,
    is_datagram: bool,
    replaces: bool,
) -> Outcome<Rc<Socket>> {
    let address = address(path)?;
    let raw = socket(is_datagram)?;
    let mut bound = sys::socket::bind(&raw, &address);
    if is_in_use(&bound) && replaces && is_left_over(&address, path, is_datagram)? {
        file::remove(path).map_err(|e| Fault::system(&e, &format!("remove {path}")))?;
        bound = sys::socket::bind(&raw, &address);
    }
    if is_in_use(&bound) {
        let text = format!(
            "{path} is there already: somebody listens on it, or it is left over (then remove it, or \
             pass COPAS_UNLINK)"
        );
        return Err(Fault {
            text: Some(text.into()),
            ..Fault::errno(libc::EADDRINUSE)
        });
    }
    bound.map_err(|e| Fault::system(&e, &format!("bind to {path}")))?;
    if is_datagram {
        return datagram::open(d, raw);
    }
    sys::socket::listen(&raw, BACKLOG)
        .map_err(|e| Fault::system(&e, &format!("listen on {path}")))?;
    let net = Net::of(d);
    Socket::open(d, net, raw.into(), Nature::Listener, Inherited::default())
}

fn is_in_use(bound: &io::Result<()>) -> bool {
    matches!(bound, Err(e) if e.raw_os_error() == Some(libc::EADDRINUSE))
}

/// Whether a path is a socket file that nobody listens on.
fn is_left_over(address: &SockAddr, path: &str, is_datagram: bool) -> Outcome<bool> {
    let refused = |e: io::Error| e.raw_os_error() == Some(libc::ECONNREFUSED);
    let connect = |raw| sys::socket::connect(&raw, address);
    Ok(file::is_socket(path) && connect(socket(is_datagram)?).is_err_and(refused))
}

/// Connects to a path within `seconds`.
pub fn connect_unix(
    d: &Dispatcher,
    path: &str,
    is_datagram: bool,
    seconds: f64,
) -> Outcome<Rc<Socket>> {
    let address = address(path)?;
    let own = Net::of(d).dispatcher().ok_or(Status::STALE)?;
    d.wait(pin!(connecting_unix(own, address, is_datagram)), seconds)?
}

/// Connects to an address, as a future.
pub async fn connecting_unix(
    d: Rc<Dispatcher>,
    address: SockAddr,
    is_datagram: bool,
) -> Outcome<Rc<Socket>> {
    let raw = socket(is_datagram)?;
    loop {
        match sys::socket::connect(&raw, &address) {
            Ok(()) if is_datagram => return datagram::open(&d, raw),
            Ok(()) => {
                let net = Net::of(&d);
                return Socket::open(&d, net, raw.into(), Nature::Unix, Inherited::default());
            }
            // The listener's queue is full, and the kernel does not tell when it has room.
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Elapse::new(&d, AGAIN).await?,
            Err(e) => {
                let path = super::address::told_address(&address);
                return Err(Fault::system(&e, &format!("connect to {path}")));
            }
        }
    }
}
