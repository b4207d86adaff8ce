// SPDX-License-Identifier: MIT
//! The time limit of a wait. Arming one reads no clock: the wheel notes it with its length, and all
//! that were noted in a round become absolute by one clock read, before the kernel is asked. So none is
//! ever early, also after a handler that computed for long, and those that end sooner cost little.

use super::Dispatcher;
use super::handle::{Handle, Kind};
use super::wheel::Key;
use std::cell::Cell;

/// Nanoseconds of one tick of the wheel.
pub const TICK: u64 = 100_000;

/// The time limits of this length and longer are none: some 146 years.
const ENDLESS: f64 = 4.6e9;

/// Where a waiter's time limit is.
#[derive(Clone, Copy)]
enum State {
    /// There is none.
    Idle,
    /// In the wheel.
    Armed(Key),
    /// Handed out by the wheel: it passes in this step, unless somebody whose turn is earlier takes
    /// it back.
    Due,
    /// There is none; the last one has passed.
    Passed,
}

/// The one time limit that a waiter may have.
pub struct Deadline(Cell<State>);

// Every coroutine and every socket has one.
const _: () = assert!(size_of::<Deadline>() == 8);

impl Deadline {
    /// No time limit.
    pub fn new() -> Self {
        Deadline(Cell::new(State::Idle))
    }

    /// Whether the last one armed has passed.
    pub fn has_passed(&self) -> bool {
        matches!(self.0.get(), State::Passed)
    }

    /// Whether one runs.
    #[inline]
    pub fn is_set(&self) -> bool {
        matches!(self.0.get(), State::Armed(_) | State::Due)
    }

    /// For another waiter from now on; none runs.
    pub fn renew(&self) {
        self.0.set(State::Idle);
    }

    /// Lets it pass, if it is still due; whether it was.
    fn pass(&self) -> bool {
        let is_due = matches!(self.0.get(), State::Due);
        if is_due {
            self.0.set(State::Passed);
        }
        is_due
    }
}

/// Seconds as nanoseconds, never rounded down; None is no limit.
pub fn nanoseconds(seconds: f64) -> Option<u64> {
    (0.0..ENDLESS).contains(&seconds).then(|| {
        // Not ceil(), which is a function of the C library's. Below ENDLESS it fits.
        let exact = seconds * 1e9;
        let whole = exact as i64;
        (whole + i64::from((whole as f64) < exact)) as u64
    })
}

impl Dispatcher {
    /// Gives `who`, whose deadline is `of`, a time limit from about now on, in the place of the one that
    /// it has. Negative is none.
    #[inline]
    pub fn arm(&self, of: &Deadline, who: Handle, seconds: f64) {
        if of.is_set() {
            self.disarm(of);
        }
        let state = match nanoseconds(seconds) {
            Some(length) => State::Armed(self.wheel.borrow_mut().note(length, who)),
            None => State::Idle,
        };
        of.0.set(state);
    }

    /// Takes the time limit back. O(1).
    #[inline]
    pub fn disarm(&self, of: &Deadline) {
        if let State::Armed(key) = of.0.get() {
            of.0.set(State::Idle);
            self.wheel.borrow_mut().cancel(key);
        } else if !of.has_passed() {
            of.0.set(State::Idle);
        }
    }

    /// Whether any time limit runs.
    pub fn has_deadlines(&self) -> bool {
        !self.wheel.borrow().is_empty()
    }

    /// Makes what was noted in this round absolute.
    pub(super) fn note_deadlines(&self, now: u64) {
        let tick = |length| now.saturating_add(length).div_ceil(TICK);
        self.wheel.borrow_mut().settle(tick);
    }

    /// Wakes those whose time has come; whether there were any. The wheel has forgotten them all
    /// before the first is told, who may arm, cancel and destroy what it likes.
    pub(super) fn pass_deadlines(&self, now: u64) -> bool {
        let mut due = self.due.take();
        self.wheel
            .borrow_mut()
            .expire(now / TICK, |_, who| due.push(who));
        for &who in &due {
            self.with_deadline(who, |deadline| deadline.0.set(State::Due));
        }
        let any = !due.is_empty();
        for who in due.drain(..) {
            let mut passes = false;
            self.with_deadline(who, |deadline| passes = deadline.pass());
            if passes {
                self.tell_due(who);
            }
        }
        self.due.replace(due);
        any
    }

    /// Tells a waiter that its time limit has passed.
    fn tell_due(&self, who: Handle) {
        match who.kind() {
            Kind::Socket => self.driver().due(self, who),
            Kind::Object => {
                if let Some(object) = self.any_object(who) {
                    object.due(self);
                }
            }
            _ => self.wake(who),
        }
    }

    /// When to look at the wheel next, in nanoseconds: no time limit passes before.
    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.wheel
            .borrow()
            .next()
            .map(|tick| tick.saturating_mul(TICK))
    }

    /// Acts on the deadline of a waiter that still exists.
    fn with_deadline(&self, who: Handle, mut act: impl FnMut(&Deadline)) {
        match who.kind() {
            Kind::Dispatcher => act(&self.root.deadline),
            Kind::Thread => {
                if let Some(thread) = self.thread(who) {
                    act(&thread.deadline);
                }
            }
            Kind::Operation => {
                if let Some(operation) = self.operation(who) {
                    act(&operation.deadline);
                }
            }
            Kind::Socket => self.driver().with_deadline(who, &mut act),
            Kind::Object => {
                if let Some(object) = self.any_object(who)
                    && let Some(deadline) = object.deadline()
                {
                    act(deadline);
                }
            }
            Kind::Tls => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::nanoseconds;

    #[test]
    fn seconds_are_never_rounded_down() {
        assert_eq!(nanoseconds(0.0), Some(0));
        assert_eq!(nanoseconds(1e-12), Some(1));
        assert_eq!(nanoseconds(1.5e-9), Some(2));
        assert_eq!(nanoseconds(2.0), Some(2_000_000_000));
        assert_eq!(nanoseconds(4.5e9), Some(4_500_000_000_000_000_000));
    }

    #[test]
    fn negative_endless_and_no_numbers_are_no_limit() {
        for seconds in [-1.0, 4.6e9, f64::INFINITY, f64::NAN] {
            assert_eq!(nanoseconds(seconds), None);
        }
    }
}
