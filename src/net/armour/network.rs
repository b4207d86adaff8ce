// SPDX-License-Identifier: MIT
//! Whom an address belongs to, as far as can be told from it.

use socket2::SockAddr;
use std::net::SocketAddr;

/// An IPv4 address, or the first 64 bits of an IPv6 one: networks are given out in such pieces, whose
/// holder may use all of the 2^64 addresses inside.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Network {
    /// One IPv4 address, also one that an IPv6 socket tells as ::ffff:a.b.c.d.
    V4([u8; 4]),
    /// A /64 of IPv6.
    V6([u8; 8]),
}

impl Network {
    /// That of a peer; None for Unix sockets.
    pub fn of(address: &SockAddr) -> Option<Self> {
        match address.as_socket()? {
            SocketAddr::V4(v4) => Some(Network::V4(v4.ip().octets())),
            SocketAddr::V6(v6) => Some(match v6.ip().to_ipv4_mapped() {
                Some(v4) => Network::V4(v4.octets()),
                None => {
                    let [a, b, c, d, e, f, g, h, ..] = v6.ip().octets();
                    Network::V6([a, b, c, d, e, f, g, h])
                }
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Network> {
        let address: SocketAddr = text.parse().unwrap();
        Network::of(&address.into())
    }

    #[test]
    fn an_ipv4_address_is_one_whatever_its_port_and_socket() {
        assert_eq!(of("192.0.2.1:1"), of("192.0.2.1:65535"));
        assert_eq!(of("192.0.2.1:1"), of("[::ffff:192.0.2.1]:2"));
        assert_ne!(of("192.0.2.1:1"), of("192.0.2.2:1"));
    }

    #[test]
    fn ipv6_addresses_of_one_64_are_one() {
        assert_eq!(of("[2001:db8:1:2::1]:1"), of("[2001:db8:1:2:ffff::9]:2"));
        assert_ne!(of("[2001:db8:1:2::1]:1"), of("[2001:db8:1:3::1]:1"));
    }

    #[test]
    fn unix_sockets_have_none() {
        assert_eq!(Network::of(&SockAddr::unix("/tmp/x").unwrap()), None);
    }
}
