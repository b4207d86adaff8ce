// SPDX-License-Identifier: MIT
//! Encrypted sockets. A session stands between a socket's buffers and the kernel; everything above it
//! is the same as on plain sockets.

pub mod arrival;
mod context;
mod failure;
mod farewell;
mod handshake;
mod identity;
mod info;
mod session;
mod settings;
mod trust;

pub use context::{Context, Role};
pub use handshake::{name_for, secure, securing};
pub use identity::{IdentitySource, Source};
pub use info::{Info, info};
pub use session::{Scratch, Session};
pub use settings::Settings;

use rustls::pki_types::ServerName;
use std::cell::OnceCell;
use std::sync::Arc;

/// As how many operations a turn of a handshake counts, which computes for some hundred microseconds:
/// a few of them are a round.
pub const HANDSHAKE_OPERATIONS: u32 = 64;

/// How a client's connection is encrypted: the context, and the name that it verifies.
pub type Peer = (Arc<Context>, Option<ServerName<'static>>);

/// The place of a session in its socket: empty while that is plain, and never emptied.
pub type Slot = OnceCell<Box<Session>>;
