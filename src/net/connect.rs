// SPDX-License-Identifier: MIT
//! Connecting.

use super::Net;
use super::address::{port_of, tcp_socket};
use super::as_poll;
use super::close::close;
use super::failures::{all_failed, is_final};
use super::lookup;
use super::settings::Inherited;
use super::socket::Socket;
use super::tls::{self, Peer};
use crate::dispatcher::{Alive, Dispatcher, Place, within};
use crate::status::{Fault, Outcome, Status};
use crate::sys::descriptor::Nature;
use crate::sys::socket;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

/// Waits until the kernel tells how a connection attempt ended.
struct Connect {
    socket: Rc<Socket>,
    address: SocketAddr,
    place: Option<Place>,
    alive: Option<Alive>,
}

impl Connect {
    fn step(&mut self, context: &mut Context<'_>) -> io::Result<bool> {
        let socket = &self.socket;
        if let Some(place) = self.place.take() {
            socket.flushers.leave(place);
        }
        if socket.writable.get() {
            socket.with_fd(socket::connected)?;
            return Ok(true);
        }
        self.place = Some(socket.flushers.join(context.waker()));
        if self.alive.is_none() {
            self.alive = Some(socket.net.alive.hold());
        }
        Ok(false)
    }
}

impl Future for Connect {
    type Output = Outcome<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<()>> {
        let step = self.step(context);
        let what = || format!("connect to {}", self.address);
        as_poll(step.map_err(|e| Fault::system(&e, &what())))
    }
}

impl Drop for Connect {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.socket.flushers.leave(place);
        }
    }
}

/// Connects to a host over TCP within `seconds`.
pub fn connect(d: &Dispatcher, host: Option<&str>, port: i32, seconds: f64) -> Outcome<Rc<Socket>> {
    let host = host.ok_or_else(|| Fault::invalid("the host to connect to is NULL"))?;
    let port = port_of(port, 1)?;
    let own = Net::of(d).dispatcher().ok_or(Status::STALE)?;
    d.wait(pin!(connecting(own, host, port, seconds)), -1.0)?
}

/// Connects to a host over TCP within `seconds`, and secures the connection for a peer, if one is said.
pub async fn connecting_with(
    d: Rc<Dispatcher>,
    host: impl AsRef<str>,
    port: u16,
    seconds: f64,
    peer: Option<Peer>,
) -> Outcome<Rc<Socket>> {
    let begun = d.now();
    let socket = connecting(Rc::clone(&d), host, port, seconds).await?;
    let Some((context, name)) = peer else {
        return Ok(socket);
    };
    let left = match seconds {
        limit if limit < 0.0 => limit,
        limit => (limit - (d.now() - begun) as f64 / 1e9).max(0.0),
    };
    let mut opening = Opening(Some(Rc::clone(&socket)));
    tls::securing(d, Rc::clone(&socket), context, name, left).await?;
    opening.0 = None;
    Ok(socket)
}

/// Connects to a host over TCP within `seconds`, perhaps encrypted.
pub fn connect_with(
    d: &Dispatcher,
    host: &str,
    port: i32,
    seconds: f64,
    peer: Option<Peer>,
) -> Outcome<Rc<Socket>> {
    let port = port_of(port, 1)?;
    let own = Net::of(d).dispatcher().ok_or(Status::STALE)?;
    d.wait(pin!(connecting_with(own, host, port, seconds, peer)), -1.0)?
}

/// Connects to a host over TCP within `seconds`: to each of its addresses in turn, until one answers.
pub async fn connecting(
    d: Rc<Dispatcher>,
    host: impl AsRef<str>,
    port: u16,
    seconds: f64,
) -> Outcome<Rc<Socket>> {
    let begun = d.now();
    let left = || match seconds {
        limit if limit < 0.0 => limit,
        limit => (limit - (d.now() - begun) as f64 / 1e9).max(0.0),
    };
    let addresses = within(&d, seconds, lookup(&d, host.as_ref())).await??;
    let mut failures = Vec::new();
    for (tried, &ip) in addresses.iter().enumerate() {
        // Each attempt has its share of the time, so that a silent address does not take all of it.
        let others = addresses.len() - tried;
        match attempt(&d, SocketAddr::new(ip, port), left() / others as f64).await {
            Ok(socket) => return Ok(socket),
            Err(fault) if is_final(&fault) => return Err(fault),
            Err(fault) => failures.push((SocketAddr::new(ip, port), fault)),
        }
    }
    Err(all_failed(host.as_ref(), failures))
}

/// A socket that is closed unless its attempt succeeds.
struct Opening(Option<Rc<Socket>>);

impl Drop for Opening {
    fn drop(&mut self) {
        if let Some(socket) = self.0.take()
            && let Some(d) = socket.net.dispatcher()
        {
            close(&d, &socket);
        }
    }
}

/// Connects to one address.
async fn attempt(d: &Dispatcher, address: SocketAddr, seconds: f64) -> Outcome<Rc<Socket>> {
    let raw = tcp_socket(&address)?;
    let begun = socket::connect(&raw, &address.into());
    let socket = Socket::open(d, Net::of(d), raw.into(), Nature::Tcp, Inherited::default())?;
    let mut opening = Opening(Some(Rc::clone(&socket)));
    match begun {
        Err(e) if e.raw_os_error() == Some(libc::EINPROGRESS) => {
            within(d, seconds, answer(&socket, address)?).await??;
        }
        begun => begun.map_err(|e| Fault::system(&e, &format!("connect to {address}")))?,
    }
    opening.0 = None;
    Ok(socket)
}

/// Waits for the outcome of an attempt that has begun.
fn answer(socket: &Rc<Socket>, address: SocketAddr) -> Outcome<Connect> {
    socket.writable.set(false);
    socket.register()?;
    Ok(Connect {
        socket: Rc::clone(socket),
        address,
        place: None,
        alive: None,
    })
}
