// SPDX-License-Identifier: MIT
//! The 64 bits by which C names an object. They are never dereferenced:
//!
//! ```text
//!  63..60 kind    59..50 dispatcher    49..26 slot    25..0 generation
//! ```
//!
//! Every kind has its top bit set, so that a handle is never a user-space address.

use std::num::NonZeroU64;

/// What a handle names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A dispatcher; among waiters, its root stack.
    Dispatcher = 0b1000,
    /// A socket.
    Socket = 0b1001,
    /// A coroutine.
    Thread = 0b1010,
    /// A submitted operation.
    Operation = 0b1011,
    /// A lock, timer, queue or the like.
    Object = 0b1100,
    /// A TLS context, which belongs to no dispatcher: its number is 0.
    Tls = 0b1101,
}

/// How many dispatchers a process may have, the unused number 0 among them.
pub const DISPATCHERS: usize = 1 << 10;
/// How many objects of one kind a dispatcher may have at once; few in the tests of this crate, which
/// reach the limit.
pub const SLOTS: u32 = if cfg!(test) { 1023 } else { (1 << 24) - 1 };
/// The last generation of a slot: it is retired after it.
pub const GENERATIONS: u32 = (1 << 26) - 1;

/// Names one object for as long as the process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handle(NonZeroU64);

impl Handle {
    /// The handle of a slot's present occupant.
    pub fn new(kind: Kind, dispatcher: u16, slot: u32, generation: u32) -> Self {
        debug_assert!(slot <= SLOTS && generation <= GENERATIONS);
        let kind = NonZeroU64::new((kind as u64) << 60).expect("no kind is 0");
        Handle(kind | u64::from(dispatcher) << 50 | u64::from(slot) << 26 | u64::from(generation))
    }

    /// The handle of these bits, if they have a kind.
    pub fn from_bits(bits: u64) -> Option<Self> {
        let handle = Handle(NonZeroU64::new(bits)?);
        handle.kind_if_any().map(|_| handle)
    }

    /// The bits as C sees them.
    pub fn bits(self) -> u64 {
        self.0.get()
    }

    /// What it names.
    pub fn kind(self) -> Kind {
        self.kind_if_any().unwrap_or(Kind::Dispatcher)
    }

    /// The kind in the top four bits, if it is one.
    fn kind_if_any(self) -> Option<Kind> {
        match self.bits() >> 60 {
            0b1000 => Some(Kind::Dispatcher),
            0b1001 => Some(Kind::Socket),
            0b1010 => Some(Kind::Thread),
            0b1011 => Some(Kind::Operation),
            0b1100 => Some(Kind::Object),
            0b1101 => Some(Kind::Tls),
            _ => None,
        }
    }

    /// The number of its dispatcher.
    pub fn dispatcher(self) -> u16 {
        (self.bits() >> 50) as u16 & (DISPATCHERS as u16 - 1)
    }

    /// Its slot in the dispatcher's table of that kind.
    pub fn slot(self) -> u32 {
        (self.bits() >> 26) as u32 & SLOTS
    }

    /// Which occupant of the slot.
    pub fn generation(self) -> u32 {
        self.bits() as u32 & GENERATIONS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_gives_back_what_it_was_made_of() {
        let handle = Handle::new(Kind::Thread, 1023, SLOTS, GENERATIONS);
        assert_eq!(handle.kind(), Kind::Thread);
        assert_eq!(handle.dispatcher(), 1023);
        assert_eq!(handle.slot(), SLOTS);
        assert_eq!(handle.generation(), GENERATIONS);
        assert_eq!(Handle::from_bits(handle.bits()), Some(handle));
    }

    #[test]
    fn user_space_addresses_are_no_handles() {
        assert_eq!(Handle::from_bits(0), None);
        assert_eq!(Handle::from_bits(0x7fff_ffff_f000), None);
    }
}
