// SPDX-License-Identifier: MIT
//! Opens connections from chosen addresses of the loopback net.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::time::Duration;

/// Good clients come from 127.0.0.1, hostile ones from these.
const FIRST_HOSTILE: u8 = 2;
/// How many addresses a crowd comes from, at most: each has some 28,000 ports.
const MOST_SOURCES: u64 = 200;

/// Bytes of a small buffer of the kernel.
const SMALL: usize = 4096;

/// The address that a hostile connection with this number comes from.
pub fn hostile_source(number: u64, sources: u64) -> Ipv4Addr {
    Ipv4Addr::new(
        127,
        0,
        0,
        FIRST_HOSTILE + (number % sources.min(MOST_SOURCES)) as u8,
    )
}

/// Ports are chosen at connect(), where the whole pair of addresses counts, not at bind().
fn choose_port_late(socket: &Socket) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open, and `on` is an int that outlives the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            (&raw const on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    if result == 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error())
}

/// Begins to connect. A server that is not on the loopback net is reached from wherever the system
/// chooses.
pub fn begin(target: SocketAddr, source: Ipv4Addr, small_buffers: bool) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(target),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if small_buffers {
        socket.set_recv_buffer_size(SMALL)?;
        socket.set_send_buffer_size(SMALL)?;
    }
    if matches!(target.ip(), IpAddr::V4(ip) if ip.is_loopback()) {
        choose_port_late(&socket)?;
        socket.bind(&SocketAddr::from((source, 0)).into())?;
    }
    match socket.connect(&target.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(socket),
    }
}

/// Closing resets the connection instead of ending it.
pub fn reset_at_close(socket: &Socket) {
    // Of a socket that the peer has reset already this may fail, which is what was wanted.
    let _ = socket.set_linger(Some(Duration::ZERO));
}
