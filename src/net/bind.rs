// SPDX-License-Identifier: MIT
//! Opening a socket on an address of this machine.

use super::Net;
use super::address::{addresses_of, port_of, tcp_socket, udp_socket};
use super::datagram;
use super::failures::first_of;
use super::settings::Inherited;
use super::socket::Socket;
use crate::dispatcher::Dispatcher;
use crate::status::{Fault, Outcome};
use crate::sys::descriptor::Nature;
use crate::sys::socket;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::rc::Rc;

/// Connections that may wait to be accepted; the kernel caps it at net.core.somaxconn.
pub const BACKLOG: i32 = 4096;

/// What has to be settled before a socket has its address.
#[derive(Clone, Copy)]
pub struct Binding {
    /// IPV6_V6ONLY, of IPv6 addresses.
    pub only_v6: bool,
    /// SO_REUSEADDR.
    pub reuse_address: bool,
    /// SO_REUSEPORT.
    pub reuse_port: bool,
    /// Connections that may wait to be accepted.
    pub backlog: i32,
}

impl Default for Binding {
    fn default() -> Self {
        Binding {
            only_v6: false,
            reuse_address: false,
            reuse_port: false,
            backlog: BACKLOG,
        }
    }
}

impl Binding {
    /// Gives a new socket its address.
    fn apply(&self, socket: &socket2::Socket, address: SocketAddr) -> io::Result<()> {
        if self.reuse_address {
            socket.set_reuse_address(true)?;
        }
        if self.reuse_port {
            socket.set_reuse_port(true)?;
        }
        // "::" is every IPv4 address too, whatever the system's default is.
        if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) || (self.only_v6 && address.is_ipv6())
        {
            socket.set_only_v6(self.only_v6)?;
        }
        socket::bind(socket, &address.into())
    }
}

/// Opens a listening TCP socket on the first address of a host that can be had.
pub fn bind(
    d: &Dispatcher,
    host: Option<&str>,
    port: i32,
    binding: Binding,
) -> Outcome<Rc<Socket>> {
    let (host, addresses) = own_addresses(d, host, port)?;
    let binding = Binding {
        reuse_address: true,
        ..binding
    };
    let listener = first_of(host, &addresses, |address| listen(address, binding))?;
    let (net, fd) = (Net::of(d), listener.into());
    Socket::open(d, net, fd, Nature::Listener, Inherited::default())
}

fn listen(address: SocketAddr, binding: Binding) -> Outcome<socket2::Socket> {
    let socket = tcp_socket(&address)?;
    let bound = binding.apply(&socket, address);
    bound
        .and_then(|()| socket::listen(&socket, binding.backlog))
        .map_err(|e| Fault::system(&e, &format!("listen on {address}")))?;
    Ok(socket)
}

/// Opens a UDP socket on the first address of a host that can be had.
pub fn bind_udp(
    d: &Dispatcher,
    host: Option<&str>,
    port: i32,
    binding: Binding,
) -> Outcome<Rc<Socket>> {
    let (host, addresses) = own_addresses(d, host, port)?;
    let socket = first_of(host, &addresses, |address| {
        let socket = udp_socket(&address)?;
        let bound = binding.apply(&socket, address);
        bound.map_err(|e| Fault::system(&e, &format!("bind to {address}")))?;
        Ok(socket)
    })?;
    datagram::open(d, socket)
}

/// The host to bind to, and its addresses.
fn own_addresses<'a>(
    d: &Dispatcher,
    host: Option<&'a str>,
    port: i32,
) -> Outcome<(&'a str, Vec<SocketAddr>)> {
    let port = port_of(port, 0)?;
    let host = host.filter(|&host| host != "*").unwrap_or("0.0.0.0");
    Ok((host, addresses_of(d, host, port)?))
}
