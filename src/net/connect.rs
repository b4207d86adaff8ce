// SPDX-License-Identifier: MIT
//! Connecting.

use super::Net;
use super::address::{port_of, tcp_socket};
use super::as_poll;
use super::close::close;
use super::failures::{all_failed, is_final};
use super::resolve;
use super::settings::Inherited;
use super::socket::Socket;
use crate::dispatcher::{Alive, Dispatcher, Place};
use crate::status::{Fault, Outcome};
use crate::sys::descriptor::Nature;
use socket2::SockRef;
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
            let error = socket.with_fd(|fd| SockRef::from(&fd).take_error())?;
            return error.map_or(Ok(true), Err);
        }
        self.place = Some(socket.flushers.join(context.waker()));
        if self.alive.is_none() {
            self.alive = socket.net.dispatcher().map(|d| d.alive().hold());
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

/// Connects to a host over TCP within `seconds`: to each of its addresses in turn, until one answers.
pub fn connect(d: &Dispatcher, host: Option<&str>, port: i32, seconds: f64) -> Outcome<Rc<Socket>> {
    let host = host.ok_or_else(|| Fault::invalid("the host to connect to is NULL"))?;
    let port = port_of(port, 1)?;
    d.caller()?;
    let begun = d.now();
    let left = |d: &Dispatcher| match seconds {
        limit if limit < 0.0 => limit,
        limit => (limit - (d.now() - begun) as f64 / 1e9).max(0.0),
    };
    let addresses = resolve(d, host, seconds)?;
    let mut failures = Vec::new();
    for (tried, &ip) in addresses.iter().enumerate() {
        let others = addresses.len() - tried;
        // Each attempt has its share of the time, so that a silent address does not take all of it.
        let share = if others == 1 {
            left(d)
        } else {
            left(d) / others as f64
        };
        match attempt(d, SocketAddr::new(ip, port), share) {
            Ok(socket) => return Ok(socket),
            Err(fault) if is_final(&fault) => return Err(fault),
            Err(fault) => failures.push((SocketAddr::new(ip, port), fault)),
        }
    }
    Err(all_failed(host, failures))
}

/// Connects to one address.
fn attempt(d: &Dispatcher, address: SocketAddr, seconds: f64) -> Outcome<Rc<Socket>> {
    let raw = tcp_socket(&address)?;
    let begun = raw.connect(&address.into());
    let socket = Socket::open(d, Net::of(d), raw.into(), Nature::Tcp, Inherited::default())?;
    finish(d, &socket, address, begun, seconds).inspect_err(|_| close(d, &socket))?;
    Ok(socket)
}

/// Waits for the outcome of an attempt that has begun.
fn finish(
    d: &Dispatcher,
    socket: &Rc<Socket>,
    address: SocketAddr,
    begun: io::Result<()>,
    seconds: f64,
) -> Outcome<()> {
    match begun {
        Ok(()) => return Ok(()),
        Err(e) if e.raw_os_error() == Some(libc::EINPROGRESS) => {}
        Err(e) => return Err(Fault::system(&e, &format!("connect to {address}"))),
    }
    socket.writable.set(false);
    socket.register()?;
    let connect = Connect {
        socket: Rc::clone(socket),
        address,
        place: None,
        alive: None,
    };
    d.wait(pin!(connect), seconds)?
}
