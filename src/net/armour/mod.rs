// SPDX-License-Identifier: MIT
//! What a listening socket bears of its peers: how many connections, and how slow they may be. What is
//! beyond is kept out (`guard`) or cut off (`cut`), counted (`tally`), and reported once an episode.

mod account;
mod cause;
#[cfg(feature = "tls")]
mod charge;
mod cut;
mod descriptors;
mod guard;
mod network;
mod relief;
mod settings;
mod standing;
mod tally;
mod watch;

/// Why a datagram socket has no armour.
pub const NO_CONNECTIONS: &str = "a datagram socket has no connections to limit";

pub use account::Account;
pub use cause::Cause;
#[cfg(feature = "tls")]
pub use charge::Charge;
pub use descriptors::{Reserve, lowered};
pub use guard::{Arrived, Guard, set_armour};
pub use relief::{Memory, relieve};
pub use settings::Armour;
pub use standing::Standing;
pub use tally::Tally;
#[cfg(feature = "tls")]
pub use watch::pause_for_handshake;
pub use watch::{begin, due};
