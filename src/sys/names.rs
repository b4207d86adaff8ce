// SPDX-License-Identifier: MIT
//! Looking hosts up (getaddrinfo(3)).

#[cfg(feature = "faults")]
use super::faults::{self, Call};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

/// The addresses of a name, in the system's order. Blocks for as long as the system's resolver does.
pub fn lookup(name: &str) -> io::Result<impl Iterator<Item = SocketAddr>> {
    #[cfg(feature = "faults")]
    faults::check(Call::Lookup)?;
    (name, 0).to_socket_addrs()
}
