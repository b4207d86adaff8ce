// SPDX-License-Identifier: MIT
//! The baton of a handler on an OS thread: the dispatcher's OS thread and the handler's pass it to
//! each other, and only the one that has it runs.
//!
//! ```text
//!   the dispatcher's OS thread               the handler's OS thread
//!   give(Handler), wait_for(Dispatcher)      wait_for(Handler)
//!         asleep                       ───►  runs
//!         runs                         ◄───  give(Dispatcher), wait_for(Handler)
//! ```
//!
//! Everything that one side did before `give` is seen by the other after `wait_for`. All that the
//! two share, which is the dispatcher with its cells and counts, relies on this and on nothing else.
//!
//! No wake-up is lost: the word changes before `wake`, and who goes to sleep has the kernel compare
//! the word again. At most one side sleeps for long, since the other has the baton; a `wake` that
//! comes late finds the side that gave it asleep at most, which looks at the word and sleeps on.

use crate::sys::sync::atomic::AtomicU32;
use crate::sys::sync::atomic::Ordering::{Acquire, Release};
use crate::sys::{annotations, parking};
use std::time::{Duration, Instant};

/// Who may have the baton.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Side {
    /// The OS thread that runs the dispatcher.
    Dispatcher,
    /// The OS thread of the handler.
    Handler,
}

/// A baton between two OS threads.
pub struct Baton {
    /// The side that has it.
    side: AtomicU32,
}

impl Baton {
    /// A baton that the dispatcher has.
    pub const fn new() -> Self {
        Baton {
            side: AtomicU32::new(Side::Dispatcher as u32),
        }
    }

    /// Passes it to the other side. For the one that has it.
    pub fn give(&self, to: Side) {
        annotations::released(&self.side);
        self.side.store(to as u32, Release);
        parking::wake(&self.side);
    }

    /// Waits until `side`, the caller, has it.
    pub fn wait_for(&self, side: Side) {
        self.wait_until(side, None);
    }

    /// The same for at most `limit`; whether the caller has it.
    pub fn wait_for_at_most(&self, side: Side, limit: Duration) -> bool {
        self.wait_until(side, Some(Instant::now() + parking::passing(limit)))
    }

    fn wait_until(&self, side: Side, end: Option<Instant>) -> bool {
        loop {
            let now = self.side.load(Acquire);
            if now == side as u32 {
                annotations::acquired(&self.side);
                return true;
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return false;
            }
            parking::sleep_while(&self.side, now, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::UnsafeCell;
    use std::sync::Arc;

    /// A number that only the baton's side touches.
    struct Shared(Baton, UnsafeCell<u64>);
    // SAFETY: the test touches the number on the side that has the baton only.
    unsafe impl Sync for Shared {}

    #[test]
    fn the_sides_alternate_strictly() {
        const ROUNDS: u64 = if cfg!(miri) { 100 } else { 20_000 };
        let shared = Arc::new(Shared(Baton::new(), UnsafeCell::new(0)));
        let other = Arc::clone(&shared);
        let handler = std::thread::spawn(move || {
            for round in 0..ROUNDS {
                other.0.wait_for(Side::Handler);
                // SAFETY: this side has the baton.
                unsafe {
                    assert_eq!(*other.1.get(), 2 * round + 1);
                    *other.1.get() += 1;
                }
                other.0.give(Side::Dispatcher);
            }
        });
        for round in 0..ROUNDS {
            // SAFETY: this side has the baton.
            unsafe {
                assert_eq!(*shared.1.get(), 2 * round);
                *shared.1.get() += 1;
            }
            shared.0.give(Side::Handler);
            shared.0.wait_for(Side::Dispatcher);
        }
        handler.join().unwrap();
    }

    #[test]
    fn a_wait_with_a_limit_ends_without_the_baton() {
        let baton = Baton::new();
        assert!(!baton.wait_for_at_most(Side::Handler, Duration::from_millis(1)));
        baton.give(Side::Handler);
        assert!(baton.wait_for_at_most(Side::Handler, Duration::ZERO));
    }
}
