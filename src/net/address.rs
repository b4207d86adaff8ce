// SPDX-License-Identifier: MIT
//! Addresses: reading them from text, telling them, and new sockets for them.

use super::socket::Socket;
use crate::dispatcher::Dispatcher;
use crate::status::{Fault, Outcome, Status};
use crate::sys::descriptor::Nature;
use crate::sys::{interface, socket};
use socket2::{Domain, SockAddr, SockRef, Type};
use std::fmt;
use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

/// An address that a person can read.
pub struct Address {
    /// AF_INET, AF_INET6 or AF_UNIX.
    pub family: i32,
    /// 0 for a Unix socket.
    pub port: u16,
    /// The numeric address, or a path.
    pub host: Vec<u8>,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = String::from_utf8_lossy(&self.host);
        match self.family {
            libc::AF_INET6 => write!(f, "[{host}]:{}", self.port),
            libc::AF_INET => write!(f, "{host}:{}", self.port),
            _ => write!(f, "{host}"),
        }
    }
}

/// A port of at least `least`.
pub fn port_of(port: i32, least: i32) -> Outcome<u16> {
    u16::try_from(port)
        .ok()
        .filter(|&port| i32::from(port) >= least)
        .ok_or_else(|| Fault::invalid(format!("port {port} is not within {least} to 65535")))
}

/// The address that a host says by numbers, an IPv6 one perhaps with its zone ("fe80::1%lo",
/// "fe80::1%2"). None: the host is a name.
pub fn numeric(host: &str, port: u16) -> Outcome<Option<SocketAddr>> {
    if let Ok(ip) = host.parse() {
        return Ok(Some(SocketAddr::new(ip, port)));
    }
    let zoned = host
        .split_once('%')
        .and_then(|(ip, zone)| Some((ip.parse::<Ipv6Addr>().ok()?, zone)));
    let Some((ip, zone)) = zoned else {
        return Ok(None);
    };
    let index = zone.parse().ok().or_else(|| interface::index(zone));
    let index = index.ok_or_else(|| Fault::invalid(format!("there is no interface {zone}")))?;
    Ok(Some(SocketAddrV6::new(ip, port, 0, index).into()))
}

/// The addresses of a host, best first; a name is resolved, however long that takes.
pub fn addresses_of(d: &Dispatcher, host: &str, port: u16) -> Outcome<Vec<SocketAddr>> {
    if let Some(address) = numeric(host, port)? {
        return Ok(vec![address]);
    }
    let found = super::resolve(d, host, -1.0)?;
    Ok(found
        .into_iter()
        .map(|ip| SocketAddr::new(ip, port))
        .collect())
}

/// A new TCP socket for an address, non-blocking, without delays for small segments: the library
/// gathers small sends itself. Accepted sockets inherit that.
pub fn tcp_socket(address: &SocketAddr) -> Outcome<socket2::Socket> {
    let socket = new_socket(address, Type::STREAM)?;
    let quick = socket::set(socket.as_fd(), |socket| socket.set_tcp_nodelay(true));
    quick.map_err(|e| Fault::system(&e, "set TCP_NODELAY"))?;
    Ok(socket)
}

/// A new UDP socket for an address, non-blocking.
pub fn udp_socket(address: &SocketAddr) -> Outcome<socket2::Socket> {
    new_socket(address, Type::DGRAM)
}

fn new_socket(address: &SocketAddr, kind: Type) -> Outcome<socket2::Socket> {
    socket::open(Domain::for_address(*address), kind)
        .map_err(|e| Fault::system(&e, "open a socket"))
}

/// This side's address.
pub fn local_address(socket: &Socket) -> Outcome<Address> {
    told(socket, socket.with_fd(|fd| SockRef::from(&fd).local_addr()))
}

/// The other side's address.
pub fn peer_address(socket: &Socket) -> Outcome<Address> {
    told(socket, socket.with_fd(|fd| SockRef::from(&fd).peer_addr()))
}

fn told(socket: &Socket, address: io::Result<SockAddr>) -> Outcome<Address> {
    if matches!(socket.nature, Nature::PipeReader | Nature::PipeWriter) {
        return Err(Fault::new(Status::UNSUPPORTED, "a pipe has no address"));
    }
    let address = address.map_err(|e| Fault::system(&e, "ask for the address"))?;
    Ok(told_address(&address))
}

/// An address in words. The kernel tells nothing, not even the family, of a Unix socket without a name
/// that has sent a datagram.
pub fn told_address(address: &SockAddr) -> Address {
    match address.as_socket() {
        Some(ip) => Address {
            family: i32::from(address.family()),
            port: ip.port(),
            host: host_of(ip).into_bytes(),
        },
        None => Address {
            family: libc::AF_UNIX,
            port: 0,
            host: path_of(address),
        },
    }
}

/// A numeric address with its zone, if it has one.
fn host_of(address: SocketAddr) -> String {
    match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
        _ => address.ip().to_string(),
    }
}

/// The path or the abstract name of a Unix socket; nothing when it has none.
fn path_of(address: &SockAddr) -> Vec<u8> {
    if let Some(name) = address.as_abstract_namespace() {
        return [b"@", name].concat();
    }
    let path = address.as_pathname();
    path.map_or(Vec::new(), |path| path.as_os_str().as_bytes().to_vec())
}

impl Socket {
    /// Whether it speaks TCP.
    pub fn is_tcp(&self) -> bool {
        let domain = self.with_fd(|fd| SockRef::from(&fd).domain());
        matches!(domain, Ok(Domain::IPV4 | Domain::IPV6))
    }
}
