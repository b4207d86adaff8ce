// SPDX-License-Identifier: MIT
//! Datagram sockets.

use super::Net;
use super::address::{addresses_of, port_of, udp_socket};
use super::failures::first_of;
use super::marks::Mark;
use super::settings::Inherited;
use super::socket::Socket;
use crate::dispatcher::Dispatcher;
use crate::status::{Fault, Outcome, Status};
use crate::sys::descriptor::Nature;
use crate::sys::socket;
use std::rc::Rc;

/// Makes a datagram socket of an owned one.
pub fn open(d: &Dispatcher, socket: socket2::Socket) -> Outcome<Rc<Socket>> {
    let (net, fd) = (Net::of(d), socket.into());
    Socket::open(d, net, fd, Nature::Datagram, Inherited::default())
}

/// Opens a UDP socket that sends to, and receives from, the first address of a host only.
pub fn connect_udp(d: &Dispatcher, host: Option<&str>, port: i32) -> Outcome<Rc<Socket>> {
    let host = host.ok_or_else(|| Fault::invalid("the host to connect to is NULL"))?;
    let port = port_of(port, 1)?;
    let socket = first_of(host, &addresses_of(d, host, port)?, |address| {
        let socket = udp_socket(&address)?;
        let connected = socket::connect(&socket, &address.into());
        connected.map_err(|e| Fault::system(&e, &format!("connect to {address}")))?;
        Ok(socket)
    })?;
    open(d, socket)
}

impl Socket {
    /// Whether it carries datagrams.
    pub fn is_datagram(&self) -> bool {
        self.nature == Nature::Datagram
    }

    /// An error unless it carries datagrams.
    pub(super) fn check_datagram(&self) -> Outcome<()> {
        if self.is_datagram() {
            return Ok(());
        }
        Err(Fault::new(
            Status::UNSUPPORTED,
            "only datagram sockets send to and receive from addresses",
        ))
    }

    /// Whether somebody waits to send.
    pub(super) fn has_senders(&self) -> bool {
        !self.senders.is_empty() || (self.is_datagram() && !self.flushers.is_empty())
    }

    /// An error if it carries datagrams, which have no lines nor blocks.
    pub(super) fn check_stream(&self) -> Outcome<()> {
        if self.marks.has(Mark::NoStream) {
            return Err(Fault::new(
                Status::UNSUPPORTED,
                "datagrams have no patterns: see copas_receivefrom()",
            ));
        }
        Ok(())
    }
}
