// SPDX-License-Identifier: MIT
//! The time limit of a wait. Arming one reads no clock: it is noted with its length, and all that
//! were noted in a round become absolute by one clock read, before the kernel is asked. So none is
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
    /// Noted, to become absolute in this round.
    Noted,
    /// In the wheel.
    Armed(Key),
    /// Handed out by the wheel: it passes in this step, unless somebody whose turn is earlier takes
    /// it back.
    Due,
}

/// The one time limit that a waiter may have.
pub struct Deadline {
    state: Cell<State>,
    /// Tells the present note from older ones of the same waiter.
    note: Cell<u32>,
    passed: Cell<bool>,
}

impl Deadline {
    /// No time limit.
    pub fn new() -> Self {
        Deadline {
            state: Cell::new(State::Idle),
            note: Cell::new(0),
            passed: Cell::new(false),
        }
    }

    /// Whether the last one armed has passed.
    pub fn has_passed(&self) -> bool {
        self.passed.get()
    }

    /// Whether one runs.
    pub fn is_set(&self) -> bool {
        !matches!(self.state.get(), State::Idle)
    }

    /// For another waiter from now on; none runs.
    pub fn renew(&self) {
        self.passed.set(false);
    }

    /// Lets it pass, if it is still due; whether it was.
    fn pass(&self) -> bool {
        let is_due = matches!(self.state.get(), State::Due);
        if is_due {
            self.state.set(State::Idle);
            self.passed.set(true);
        }
        is_due
    }
}

/// A time limit that waits for this round's clock read.
pub struct Note {
    who: Handle,
    note: u32,
    nanoseconds: u64,
}

/// Seconds as nanoseconds, never rounded down; None is no limit.
pub fn nanoseconds(seconds: f64) -> Option<u64> {
    (0.0..ENDLESS)
        .contains(&seconds)
        .then(|| (seconds * 1e9).ceil() as u64)
}

impl Dispatcher {
    /// Gives `who`, whose deadline is `of`, a time limit from about now on. Negative is none.
    pub fn arm(&self, of: &Deadline, who: Handle, seconds: f64) {
        of.passed.set(false);
        let Some(nanoseconds) = nanoseconds(seconds) else {
            return;
        };
        of.note.set(of.note.get().wrapping_add(1));
        of.state.set(State::Noted);
        self.notes.borrow_mut().push(Note {
            who,
            note: of.note.get(),
            nanoseconds,
        });
        self.noted.set(self.noted.get() + 1);
    }

    /// Takes the time limit back. O(1).
    pub fn disarm(&self, of: &Deadline) {
        match of.state.replace(State::Idle) {
            State::Idle | State::Due => {}
            State::Noted => self.noted.set(self.noted.get() - 1),
            State::Armed(key) => {
                self.wheel.borrow_mut().cancel(key);
            }
        }
    }

    /// Whether any time limit runs.
    pub fn has_deadlines(&self) -> bool {
        self.noted.get() != 0 || !self.wheel.borrow().is_empty()
    }

    /// Clears the notes of waits that ended before their round did.
    pub(super) fn drop_old_notes(&self) {
        if self.noted.get() == 0 {
            self.notes.borrow_mut().clear();
        }
    }

    /// Makes this round's notes absolute.
    pub(super) fn note_deadlines(&self, now: u64) {
        if self.notes.borrow().is_empty() {
            return;
        }
        let mut notes = self.notes.take();
        for note in notes.drain(..) {
            self.with_deadline(note.who, |deadline| {
                let is_current = matches!(deadline.state.get(), State::Noted);
                if is_current && deadline.note.get() == note.note {
                    let at = now.saturating_add(note.nanoseconds).div_ceil(TICK);
                    deadline
                        .state
                        .set(State::Armed(self.wheel.borrow_mut().arm(at, note.who)));
                }
            });
        }
        self.noted.set(0);
        self.notes.replace(notes);
    }

    /// Wakes those whose time has come; whether there were any. The wheel has forgotten them all
    /// before the first is told, who may arm, cancel and destroy what it likes.
    pub(super) fn pass_deadlines(&self, now: u64) -> bool {
        let mut due = self.due.take();
        self.wheel
            .borrow_mut()
            .expire(now / TICK, |_, who| due.push(who));
        for &who in &due {
            self.with_deadline(who, |deadline| deadline.state.set(State::Due));
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
