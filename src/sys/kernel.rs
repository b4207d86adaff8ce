// SPDX-License-Identifier: MIT
//! Waiting for the kernel's word, and ending such a wait from elsewhere: mio's.

#[cfg(shuttle)]
pub use super::model::{Waker, wait};
#[cfg(not(shuttle))]
pub use mio::Waker;

/// Waits for events, at most `limit`.
#[cfg(not(shuttle))]
#[inline]
pub fn wait(
    poll: &mut mio::Poll,
    events: &mut mio::Events,
    limit: Option<std::time::Duration>,
) -> std::io::Result<()> {
    poll.poll(events, limit)
}
