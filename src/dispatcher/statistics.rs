// SPDX-License-Identifier: MIT
//! What a dispatcher has to do now, and what its steps have cost.

use super::Dispatcher;
use std::cell::Cell;

/// What the driver counts.
#[derive(Default)]
pub struct Counts {
    /// Open sockets.
    pub sockets: u64,
    /// Served sockets.
    pub servers: u64,
    /// Sockets that somebody waits to receive on.
    pub readers: u64,
    /// Sockets that connect, or whose output waits for the kernel.
    pub writers: u64,
    /// Pauses of accepting at a server's most connections.
    pub accept_pauses: u64,
    /// Connections that were kept out since their address had enough.
    pub over_address: u64,
    /// Connections that were cut off for their first byte.
    pub late_first_byte: u64,
    /// Connections that were cut off since they sent too slowly.
    pub slow_senders: u64,
    /// Connections that were cut off since they read too slowly.
    pub slow_readers: u64,
    /// Connections that were cut off for the memory of their buffers.
    pub evicted: u64,
    /// Receives that were refused memory.
    pub refused_growth: u64,
    /// Bytes that buffers have.
    pub memory: u64,
    /// Bytes that they may have.
    pub memory_budget: u64,
}

/// A moment's count.
pub struct Snapshot {
    /// Of the driver.
    pub driver: Counts,
    /// Coroutines.
    pub threads: u64,
    /// Coroutines and other things whose turn it is.
    pub ready: u64,
    /// Coroutines that sleep.
    pub asleep: u64,
    /// Armed timers.
    pub timers: u64,
    /// Time limits that run, timers among them.
    pub timeouts: u64,
    /// Steps, and the seconds of work of the shortest, all, and the longest since they are measured.
    pub steps: Steps,
}

/// What was measured of the steps.
#[derive(Clone, Copy, Default)]
pub struct Steps {
    /// How many.
    pub count: u64,
    /// Nanoseconds of the shortest.
    pub shortest: u64,
    /// Nanoseconds of all.
    pub all: u64,
    /// Nanoseconds of the longest.
    pub longest: u64,
}

/// The measuring of steps, which costs two clock reads a step while it is on.
#[derive(Default)]
pub struct Statistics {
    on: Cell<bool>,
    steps: Cell<Steps>,
}

impl Dispatcher {
    /// Switches the measuring of steps on (from zero) or off.
    pub fn measure(&self, on: bool) {
        if on {
            self.statistics.steps.set(Steps::default());
        }
        self.statistics.on.set(on);
    }

    /// The time at which a step's work begins, if it is measured.
    pub(super) fn begin_work(&self) -> Option<u64> {
        self.statistics.on.get().then(|| self.now())
    }

    /// A step's work has ended.
    pub(super) fn end_work(&self, begun: Option<u64>) {
        let Some(begun) = begun else { return };
        let took = self.now().saturating_sub(begun);
        let before = self.statistics.steps.get();
        let shortest = before.shortest.min(took);
        self.statistics.steps.set(Steps {
            count: before.count + 1,
            shortest: if before.count == 0 { took } else { shortest },
            all: before.all + took,
            longest: before.longest.max(took),
        });
    }

    /// Counts everything.
    pub fn snapshot(&self) -> Snapshot {
        let threads = self.threads.borrow();
        let asleep = threads.iter().filter(|thread| thread.asleep.get()).count();
        let objects = self.objects.borrow();
        Snapshot {
            driver: self.driver().counts(),
            threads: threads.len() as u64,
            ready: self.ready.borrow().len() as u64,
            asleep: asleep as u64,
            timers: objects.iter().filter(|object| object.is_armed()).count() as u64,
            timeouts: self.wheel.borrow().len() as u64,
            steps: self.statistics.steps.get(),
        }
    }
}
