// SPDX-License-Identifier: MIT
//! For loops of others: one descriptor that is readable whenever this dispatcher has something to do.
//! It is the poller's own; a timerfd inside tells of time limits, the waker of what is ready already.

use super::inbox::signal;
use super::registry::inbox_of;
use super::{Dispatcher, current};
use crate::status::{Fault, Outcome};
use crate::sys::timer::Timer;
use std::cell::Cell;
use std::os::fd::RawFd;

/// No time.
const NEVER: u64 = u64::MAX;

/// What tells a foreign loop of time limits.
pub struct Backend {
    timer: Timer,
    /// When it fires, in nanoseconds on the dispatcher's clock.
    armed: Cell<u64>,
}

impl Dispatcher {
    /// The descriptor; the first call makes what is in it.
    pub fn backend_fd(&self) -> Outcome<RawFd> {
        if self.backend.get().is_none() {
            let timer = Timer::new().map_err(|e| Fault::system(&e, "open a timerfd"))?;
            let watched = self.poller.watch_timer(timer.descriptor());
            watched.map_err(|e| Fault::system(&e, "watch the timerfd"))?;
            let armed = Cell::new(NEVER);
            let _ = self.backend.set(Backend { timer, armed });
        }
        Ok(self.poller.descriptor())
    }

    /// Has a foreign loop, if there is one, told of what is to do. At the end of every call that may
    /// have made something ready, or armed a time limit.
    #[inline]
    pub fn tell_backend(&self) {
        if let Some(backend) = self.backend.get() {
            self.tell(backend);
        }
    }

    fn tell(&self, backend: &Backend) {
        if current::get().is_some() {
            return;
        }
        if self.is_ready() {
            inbox_of(self).raise(signal::READY);
            return;
        }
        if !self.needs_clock() {
            return;
        }
        let now = self.now();
        self.note_deadlines(now);
        backend.hasten(self.next_time(), now);
    }

    /// Seconds until the next poll must be; negative: nothing depends on the time.
    pub fn backend_timeout(&self) -> f64 {
        if self.is_ready() {
            return 0.0;
        }
        if !self.needs_clock() {
            return -1.0;
        }
        let now = self.now();
        self.note_deadlines(now);
        match self.next_time() {
            NEVER => -1.0,
            time => time.saturating_sub(now) as f64 / 1e9,
        }
    }

    /// Whether a step would do something at once.
    fn is_ready(&self) -> bool {
        let has_come = !inbox_of(self).is_empty() || self.driver().is_unsettled();
        self.has_events() || self.has_ready() || has_come
    }

    /// When the earliest time limit passes.
    fn next_time(&self) -> u64 {
        let deadline = self.next_deadline().unwrap_or(NEVER);
        deadline.min(self.next_shutdown().unwrap_or(NEVER))
    }
}

impl Backend {
    /// Has it fire at `time`, unless it fires before that anyway.
    fn hasten(&self, time: u64, now: u64) {
        let armed = self.armed.get();
        if time < armed || armed <= now {
            self.armed.set(time);
            if time != NEVER {
                self.timer.arm(time.saturating_sub(now));
            }
        }
    }
}
