// SPDX-License-Identifier: MIT
//! Who watches which descriptor, so that the kernel can be asked to report one again.

use std::collections::HashMap;
use std::os::fd::RawFd;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// What is asked of the kernel for a watched descriptor, as its watcher has asked: edges of both directions.
const EDGES: u32 = (libc::EPOLLET | libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLOUT) as u32;

/// The descriptors with the pollers that watch them, and what these are told.
type Watches = HashMap<(RawFd, RawFd), u64>;

static WATCHES: LazyLock<Mutex<Watches>> = LazyLock::new(Mutex::default);

fn watches() -> MutexGuard<'static, Watches> {
    WATCHES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A poller watches a descriptor from now on, edge-triggered in both directions.
pub fn watched(poller: RawFd, fd: RawFd, token: u64) {
    watches().insert((fd, poller), token);
}

/// It does so no longer.
pub fn ignored(poller: RawFd, fd: RawFd) {
    watches().remove(&(fd, poller));
}

/// Has the kernel report a descriptor to all its pollers as if what it has to tell were new. One that nobody
/// watches yet is reported when its watcher begins.
pub fn renew(fd: RawFd) {
    watches().retain(|&(watched, poller), token| watched != fd || renew_at(poller, fd, *token));
}

/// Whether the poller watches the descriptor still; a closed one has left its pollers.
fn renew_at(poller: RawFd, fd: RawFd, token: u64) -> bool {
    let mut event = libc::epoll_event {
        events: EDGES,
        u64: token,
    };
    // SAFETY: the event is live and epoll_ctl only reads it; numbers that are no descriptors any more, or
    // others than they were, give an error.
    unsafe { libc::epoll_ctl(poller, libc::EPOLL_CTL_MOD, fd, &mut event) == 0 }
}
