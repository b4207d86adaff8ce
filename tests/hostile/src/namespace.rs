// SPDX-License-Identifier: MIT
//! A network namespace of this process' own, where a flood meets nobody else.

use crate::flood;
use socket2::{Domain, Socket, Type};
use std::fs;
use std::io;
use std::mem::zeroed;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

fn done(result: libc::c_int) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// As root of the system, or of a user namespace of its own. The process has one OS thread yet.
fn unshare() -> io::Result<()> {
    // SAFETY: no pointer is passed.
    let alone = done(unsafe { libc::unshare(libc::CLONE_NEWNET) });
    // SAFETY: as above.
    alone.or_else(|_| done(unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET) }))
}

fn ipv4(address: Ipv4Addr) -> libc::sockaddr {
    // SAFETY: all zero is a valid sockaddr_in.
    let mut ip: libc::sockaddr_in = unsafe { zeroed() };
    ip.sin_family = libc::AF_INET as libc::sa_family_t;
    ip.sin_addr.s_addr = u32::from(address).to_be();
    // SAFETY: both are plain memory of the same size: the kernel reads the one as the other.
    unsafe { std::mem::transmute::<libc::sockaddr_in, libc::sockaddr>(ip) }
}

fn raise_loopback(socket: &Socket) -> io::Result<()> {
    // SAFETY: all zero is a valid ifreq.
    let mut request: libc::ifreq = unsafe { zeroed() };
    request.ifr_name[..2].copy_from_slice(&[b'l' as libc::c_char, b'o' as libc::c_char]);
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: `request` outlives the call, and its name has an end.
    done(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) })
}

/// What is sent to strangers goes to the loopback interface, where nobody has their addresses.
fn route_strangers(socket: &Socket) -> io::Result<()> {
    let mut device = *b"lo\0";
    // SAFETY: all zero is a valid rtentry.
    let mut route: libc::rtentry = unsafe { zeroed() };
    route.rt_dst = ipv4(flood::STRANGERS);
    route.rt_genmask = ipv4(flood::STRANGERS_MASK);
    route.rt_flags = libc::RTF_UP;
    route.rt_dev = device.as_mut_ptr().cast();
    // SAFETY: `route` and the name that it points to outlive the call.
    done(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCADDRT, &raw const route) })
}

/// Enters a new namespace; `without_cookies` leaves its kernel no defence.
pub fn enter(without_cookies: bool) -> io::Result<()> {
    unshare()?;
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    raise_loopback(&socket)?;
    route_strangers(&socket)?;
    if without_cookies {
        fs::write("/proc/sys/net/ipv4/tcp_syncookies", "0")?;
        // Otherwise it keeps a quarter of the queue for those who were there before.
        fs::write("/proc/sys/net/ipv4/tcp_no_metrics_save", "1")?;
    }
    Ok(())
}
