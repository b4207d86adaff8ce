// SPDX-License-Identifier: MIT
//! What a listening socket bears of its peers: how many connections, and how slow they may be. What is
//! beyond is kept out (`guard`) or cut off (`cut`), counted (`tally`), and reported once an episode.

mod cause;
mod cut;
mod descriptors;
mod guard;
mod network;
mod settings;
mod standing;
mod tally;
mod watch;

/// Why a datagram socket has no armour.
pub const NO_CONNECTIONS: &str = "a datagram socket has no connections to limit";

pub use cause::Cause;
pub use descriptors::{Reserve, lowered};
pub use guard::{Arrived, Guard, set_armour};
pub use settings::Armour;
pub use standing::Standing;
pub use tally::Tally;
pub use watch::{begin, due};
