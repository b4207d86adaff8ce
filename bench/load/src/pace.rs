// SPDX-License-Identifier: MIT
//! When the next requests are sent.

use crate::connection::Connection;
use crate::options::{Kind, Options};
use std::time::{Duration, Instant};

pub enum Pace {
    /// A batch when all replies to the one before are there.
    Batch(u64),
    /// So many under way on each connection.
    Window(u64),
    /// At fixed times, in turn on each connection, whatever the server does meanwhile.
    Rate(Schedule),
}

/// Request number n is due n times the interval after the start.
pub struct Schedule {
    start: Instant,
    rate: u64,
    next: u64,
}

impl Schedule {
    pub fn new(start: Instant, rate: u64) -> Schedule {
        Schedule {
            start,
            rate,
            next: 0,
        }
    }

    /// The next request whose time has come: its number and that time.
    fn due(&mut self, now: Instant) -> Option<(u64, Instant)> {
        let number = self.next;
        let due = self.start + Duration::from_nanos(number * 1_000_000_000 / self.rate);
        if due > now {
            return None;
        }
        self.next += 1;
        Some((number, due))
    }
}

impl Pace {
    pub fn new(options: &Options) -> Pace {
        match options.kind {
            Kind::Stream => Pace::Window(options.window),
            Kind::Rate => Pace::Rate(Schedule::new(Instant::now(), options.rate)),
            _ => Pace::Batch(options.batch),
        }
    }

    /// How long to wait for events at most. A schedule is watched without a pause: a wait is not
    /// exact to a microsecond, and the load has a CPU to itself.
    pub fn patience_ms(&self) -> i32 {
        match self {
            Pace::Rate(_) => 0,
            _ => 100,
        }
    }

    /// What a connection may send after its replies have come.
    pub fn after_replies(&self, connection: &mut Connection, now: Instant) {
        match *self {
            Pace::Batch(count) if connection.under_way() == 0 => connection.ask(count, now),
            Pace::Window(count) => connection.ask(count - connection.under_way(), now),
            _ => (),
        }
    }

    /// Calls `ask` with the connection's place and the time for each request that is due.
    pub fn each_due<E>(
        &mut self,
        connections: usize,
        now: Instant,
        mut ask: impl FnMut(usize, Instant) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Pace::Rate(schedule) = self {
            while let Some((number, due)) = schedule.due(now) {
                ask(number as usize % connections, due)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due_until(schedule: &mut Schedule, now: Instant) -> Vec<(u64, Instant)> {
        std::iter::from_fn(|| schedule.due(now)).collect()
    }

    #[test]
    fn a_request_is_due_at_its_own_time_also_when_it_is_noticed_late() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, 1000);
        let late = start + Duration::from_millis(3);
        let due = due_until(&mut schedule, late);
        assert_eq!(due.len(), 4);
        assert_eq!(due[1], (1, start + Duration::from_millis(1)));
        assert!(due_until(&mut schedule, late).is_empty());
    }

    #[test]
    fn a_rate_does_not_drift() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, 3);
        let due = due_until(&mut schedule, start + Duration::from_secs(100));
        assert_eq!(due.len(), 301);
    }
}
