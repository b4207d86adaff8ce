// SPDX-License-Identifier: MIT
//! What a socket is told to keep to: time limits and sizes.

use super::pattern::Limits;

/// Longest line at first: room for any header or command, far below what hurts.
pub const LINE_LIMIT: usize = 1 << 20;
/// Most bytes to the end or of a block at first.
pub const ALL_LIMIT: usize = 64 << 20;

/// The three time limits of a socket, in seconds; negative is none.
#[derive(Clone, Copy)]
pub struct Timeouts {
    /// For making and securing a connection.
    pub connect: f64,
    /// For sends and flushes.
    pub send: f64,
    /// For receives.
    pub receive: f64,
}

impl Timeouts {
    /// The same for all.
    pub fn all(seconds: f64) -> Self {
        Timeouts {
            connect: seconds,
            send: seconds,
            receive: seconds,
        }
    }
}

/// What accepted sockets inherit, and what a socket starts with.
#[derive(Clone, Copy)]
pub struct Inherited {
    /// Time limits.
    pub timeouts: Timeouts,
    /// Most bytes of a receive.
    pub limits: Limits,
    /// SO_LINGER in seconds; negative is off.
    pub linger: i32,
}

impl Default for Inherited {
    fn default() -> Self {
        Inherited {
            timeouts: Timeouts::all(-1.0),
            limits: Limits {
                line: LINE_LIMIT,
                all: ALL_LIMIT,
            },
            linger: -1,
        }
    }
}
