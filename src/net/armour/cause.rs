// SPDX-License-Identifier: MIT
//! Why a connection was kept out or cut off.

use crate::status::{Fault, Status};

/// Why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Cause {
    /// Its address has as many connections as it may have.
    Address,
    /// Its first byte did not come in time.
    FirstByte,
    /// It sends too slowly what it owes.
    SlowSender,
    /// It takes too slowly what is for it.
    SlowReader,
    /// The memory of its buffers was needed.
    Memory,
    /// A receive would have grown beyond the memory that is left; it is not cut off for that.
    Growth,
}

/// How many causes there are.
pub const CAUSES: usize = Cause::Growth as usize + 1;

impl Cause {
    /// What the server has done, for a report: "NAME closed a connection …".
    pub(super) fn deed(self) -> &'static str {
        match self {
            Cause::Address => "reset a new connection: its address has max_per_address already",
            Cause::FirstByte => "closed a connection that sent nothing within first_byte",
            Cause::SlowSender => "closed a connection that sent more slowly than min_rate",
            Cause::SlowReader => "closed a connection that read more slowly than min_rate",
            Cause::Memory => "closed a connection for memory_budget",
            Cause::Growth => "has no room in memory_budget for what a receive waits for",
        }
    }

    /// The errno that stands for it on its socket.
    pub(super) fn errno(self) -> i32 {
        match self {
            Cause::Memory | Cause::Growth => libc::ENOBUFS,
            _ => libc::ETIMEDOUT,
        }
    }

    /// What its handler is answered.
    #[cold]
    pub fn fault(self) -> Fault {
        let text = match self {
            Cause::Address => "the connection was not let in",
            Cause::FirstByte => {
                "the client sent nothing within the server's first_byte: its connection was cut off"
            }
            Cause::SlowSender => {
                "the peer sent more slowly than the server's min_rate: its connection was cut off"
            }
            Cause::SlowReader => {
                "the peer read more slowly than the server's min_rate: its connection was cut off"
            }
            Cause::Memory => {
                "the dispatcher's buffers had reached memory_budget: the idlest connections were cut off"
            }
            Cause::Growth => {
                return Fault::new(
                    Status::LIMIT,
                    "the dispatcher's memory_budget leaves no room for so long a receive: raise it, or \
                     take what is there with copas_receive_some()",
                );
            }
        };
        Fault {
            errno: self.errno(),
            ..Fault::new(Status::CLOSED, text)
        }
    }
}
