// SPDX-License-Identifier: MIT
//! Addresses: reading them from text, telling them, and listening on one.

use super::Net;
use super::settings::Inherited;
use super::socket::Socket;
use crate::dispatcher::Dispatcher;
use crate::status::{Fault, Outcome, Status};
use crate::sys::descriptor::Nature;
use socket2::{Domain, Protocol, SockAddr, SockRef, Type};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::rc::Rc;

/// Connections that may wait to be accepted; the kernel caps it at net.core.somaxconn.
const BACKLOG: i32 = 4096;

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

/// The addresses to listen on; a name is resolved.
pub fn any_host(d: &Dispatcher, host: Option<&str>) -> Outcome<Vec<IpAddr>> {
    match host {
        None | Some("*") => Ok(vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED)]),
        Some(host) => super::resolve(d, host, -1.0),
    }
}

/// A new TCP socket for an address, non-blocking, without delays for small segments.
pub fn tcp_socket(address: &SocketAddr) -> Outcome<socket2::Socket> {
    let kind = Type::STREAM.nonblocking().cloexec();
    let domain = Domain::for_address(*address);
    let socket = socket2::Socket::new_raw(domain, kind, Some(Protocol::TCP));
    socket.map_err(|e| Fault::system(&e, "open a socket"))
}

/// Opens a listening TCP socket on the first address of a host that can be had.
pub fn bind(d: &Dispatcher, host: Option<&str>, port: i32) -> Outcome<Rc<Socket>> {
    let port = port_of(port, 0)?;
    let mut last = Fault::from(Status::UNRESOLVED);
    for ip in any_host(d, host)? {
        match listen(d, SocketAddr::new(ip, port)) {
            Ok(socket) => return Ok(socket),
            Err(fault) => last = fault,
        }
    }
    Err(last)
}

fn listen(d: &Dispatcher, address: SocketAddr) -> Outcome<Rc<Socket>> {
    let socket = tcp_socket(&address)?;
    let listen = || -> io::Result<()> {
        socket.set_reuse_address(true)?;
        if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
            // Every IPv4 address too, whatever the system's default is.
            socket.set_only_v6(false)?;
        }
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)
    };
    listen().map_err(|e| Fault::system(&e, &format!("listen on {address}")))?;
    Socket::open(
        d,
        Net::of(d),
        socket.into(),
        Nature::Listener,
        Inherited::default(),
    )
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

/// An address in words.
pub fn told_address(address: &SockAddr) -> Address {
    match address.as_socket() {
        Some(ip) => Address {
            family: i32::from(address.family()),
            port: ip.port(),
            host: ip.ip().to_string().into_bytes(),
        },
        None => Address {
            family: i32::from(address.family()),
            port: 0,
            host: path_of(address),
        },
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
