// SPDX-License-Identifier: MIT
//! Socket options, by LuaSocket's names.

use super::socket::Socket;
use crate::status::{Fault, Outcome, Status};
use crate::sys;
use crate::sys::descriptor::Nature;
use socket2::{Domain, SockRef};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// Which option.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// SO_KEEPALIVE.
    KeepAlive,
    /// SO_LINGER, in seconds.
    Linger,
    /// SO_REUSEADDR.
    ReuseAddress,
    /// SO_REUSEPORT.
    ReusePort,
    /// TCP_NODELAY.
    NoDelay,
    /// IPV6_V6ONLY.
    OnlyIpv6,
    /// SO_SNDBUF.
    SendBuffer,
    /// SO_RCVBUF.
    ReceiveBuffer,
    /// SO_BROADCAST.
    Broadcast,
    /// IP_MULTICAST_TTL.
    MulticastTtl,
    /// IP_MULTICAST_LOOP.
    MulticastLoop,
}

/// Sets an option.
pub fn set_option(socket: &Socket, switch: Switch, value: i32) -> Outcome<()> {
    if matches!(socket.nature, Nature::PipeReader | Nature::PipeWriter) {
        return Err(Fault::new(
            Status::UNSUPPORTED,
            "a pipe has no socket options",
        ));
    }
    check(switch, value)?;
    let on = value != 0;
    let set = |socket: SockRef<'_>| match switch {
        Switch::KeepAlive => socket.set_keepalive(on),
        Switch::Linger => socket.set_linger(linger(value)),
        Switch::ReuseAddress => socket.set_reuse_address(on),
        Switch::ReusePort => socket.set_reuse_port(on),
        Switch::NoDelay => socket.set_tcp_nodelay(on),
        Switch::OnlyIpv6 => socket.set_only_v6(on),
        Switch::SendBuffer => socket.set_send_buffer_size(value as usize),
        Switch::ReceiveBuffer => socket.set_recv_buffer_size(value as usize),
        Switch::Broadcast => socket.set_broadcast(on),
        Switch::MulticastTtl => set_multicast_ttl(&socket, value as u32),
        Switch::MulticastLoop => set_multicast_loop(&socket, on),
    };
    let set = socket.with_fd(|fd| sys::socket::set(fd, set));
    set.map_err(|e| Fault::system(&e, "set the option"))?;
    if switch == Switch::Linger {
        socket.linger.set(value);
    }
    Ok(())
}

/// Of an IPv6 socket for both families: it may send to IPv4 groups too.
fn set_multicast_ttl(socket: &SockRef<'_>, hops: u32) -> io::Result<()> {
    if socket.domain()? == Domain::IPV6 {
        socket.set_multicast_hops_v6(hops)?;
    }
    socket.set_multicast_ttl_v4(hops)
}

/// As `set_multicast_ttl`.
fn set_multicast_loop(socket: &SockRef<'_>, on: bool) -> io::Result<()> {
    if socket.domain()? == Domain::IPV6 {
        socket.set_multicast_loop_v6(on)?;
    }
    socket.set_multicast_loop_v4(on)
}

/// The seconds of SO_LINGER; negative is off.
pub fn linger_of(fd: BorrowedFd<'_>) -> i32 {
    let linger = SockRef::from(&fd).linger().ok().flatten();
    linger.map_or(-1, |time| time.as_secs().try_into().unwrap_or(i32::MAX))
}

/// Checks the value's range.
fn check(switch: Switch, value: i32) -> Outcome<()> {
    let range = match switch {
        Switch::Linger => i32::MIN..=65_535,
        Switch::SendBuffer | Switch::ReceiveBuffer => 1..=i32::MAX,
        Switch::MulticastTtl => 0..=255,
        _ => 0..=1,
    };
    if range.contains(&value) {
        return Ok(());
    }
    let (least, most) = (range.start(), range.end());
    Err(Fault::invalid(format!(
        "the option's value {value} is not within {least} to {most}"
    )))
}

fn linger(seconds: i32) -> Option<Duration> {
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

/// What to do with a multicast group.
#[derive(Clone, Copy)]
pub enum Membership {
    /// Receive what is sent to it.
    Join,
    /// No more.
    Leave,
}

/// Joins or leaves a multicast group.
pub fn set_membership(
    socket: &Socket,
    group: &str,
    interface: Option<&str>,
    what: Membership,
) -> Outcome<()> {
    if !socket.is_datagram() {
        return Err(Fault::new(
            Status::UNSUPPORTED,
            "only datagram sockets have multicast groups",
        ));
    }
    let group: IpAddr = group
        .parse()
        .map_err(|_| Fault::invalid(format!("\"{group}\" is not a numeric address")))?;
    let wrong = |_| Fault::invalid("the interface is an IPv4 address, or an index for IPv6");
    let set = match group {
        IpAddr::V4(group) => {
            let interface = interface.map_or(Ok(Ipv4Addr::UNSPECIFIED), |text| {
                text.parse().map_err(|_| wrong(()))
            })?;
            let set = |socket: SockRef<'_>| match what {
                Membership::Join => socket.join_multicast_v4(&group, &interface),
                Membership::Leave => socket.leave_multicast_v4(&group, &interface),
            };
            socket.with_fd(|fd| sys::socket::set(fd, set))
        }
        IpAddr::V6(group) => {
            let index = interface.map_or(Ok(0), |text| text.parse().map_err(|_| wrong(())))?;
            let set = |socket: SockRef<'_>| match what {
                Membership::Join => socket.join_multicast_v6(&group, index),
                Membership::Leave => socket.leave_multicast_v6(&group, index),
            };
            socket.with_fd(|fd| sys::socket::set(fd, set))
        }
    };
    set.map_err(|e| Fault::system(&e, "change the multicast group"))
}
