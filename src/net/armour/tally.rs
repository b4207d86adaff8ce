// SPDX-License-Identifier: MIT
//! How many connections were kept out or cut off, by cause, and when a person is told of it.

use super::cause::{CAUSES, Cause};
use std::cell::Cell;

/// Nanoseconds without another one after which an episode is over.
const CALM: u64 = 60_000_000_000;

/// Times at which something happens that is told once for many.
#[derive(Default)]
pub struct Episode {
    /// When it happened last, in nanoseconds, and at least 1; 0: never.
    last: Cell<u64>,
}

impl Episode {
    /// It happens again; whether an episode begins with it.
    pub fn begins(&self, now: u64) -> bool {
        let last = self.last.replace(now.max(1));
        last == 0 || now.saturating_sub(last) >= CALM
    }
}

/// The counts of a dispatcher.
#[derive(Default)]
pub struct Tally {
    counts: [Cell<u64>; CAUSES],
    /// How often accepting has paused at max_connections.
    pauses: Cell<u64>,
}

impl Tally {
    /// One more.
    pub fn count(&self, cause: Cause) {
        let count = &self.counts[cause as usize];
        count.set(count.get() + 1);
    }

    /// How many.
    pub fn of(&self, cause: Cause) -> u64 {
        self.counts[cause as usize].get()
    }

    /// One more pause of accepting.
    pub(super) fn count_pause(&self) {
        self.pauses.set(self.pauses.get() + 1);
    }

    /// How many pauses.
    pub fn pauses(&self) -> u64 {
        self.pauses.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_episode_lasts_until_a_minute_was_calm() {
        let episode = Episode::default();
        assert!(episode.begins(0));
        assert!(!episode.begins(CALM - 1));
        assert!(!episode.begins(2 * CALM - 2));
        assert!(episode.begins(3 * CALM - 2));
    }
}
