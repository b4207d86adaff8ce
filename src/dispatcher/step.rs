// SPDX-License-Identifier: MIT
//! One step of the dispatcher, the loop of steps, and its end.

use super::current::Stepping;
use super::inbox::{Letter, signal};
use super::registry::inbox_of;
use super::waitlist::WaitList;
use super::{Dispatcher, shutdown};
use crate::status::Status;
use std::cell::Cell;
use std::rc::Rc;

/// The exit flag.
#[derive(Default)]
pub struct Exit {
    raised: Cell<bool>,
    /// A loop has ended with the flag raised: the next one lowers it.
    spent: Cell<bool>,
    /// Those in copas_waitforexit().
    pub waiters: Rc<WaitList>,
}

impl Dispatcher {
    /// One iteration, waiting at most `seconds` (negative: no limit); whether anything was done.
    pub fn step(&self, seconds: f64) -> Result<bool, Status> {
        super::registry::check_own(self.handle)?;
        let _stepping = Stepping::begin(self.handle).ok_or(Status::CANNOT_WAIT)?;
        let _scopes = self.put_scopes_away();
        self.driver().settle(self);
        let waits = inbox_of(self).is_empty() && !self.has_ready() && !self.root.woken.take();
        let mut did = self.poll(if waits { seconds } else { 0.0 })?;
        let begun = self.begin_work();
        did |= self.read_inbox();
        did |= self.run_ready();
        self.end_work(begun);
        Ok(did)
    }

    /// Runs until nothing is left to do; `seconds` is the longest wait of one step.
    pub fn run(&self, seconds: f64) -> Result<(), Status> {
        self.check_bound()?;
        if super::current::is_inside() {
            return Err(Status::CANNOT_WAIT);
        }
        if self.exit.spent.replace(false) {
            self.exit.raised.set(false);
        }
        loop {
            while !self.is_finished() && !self.is_shut_down() {
                self.step(seconds)?;
            }
            if self.is_shut_down() || !self.has_last_words() {
                break;
            }
        }
        self.exit.spent.set(true);
        self.shutdown.set(shutdown::Phase::None);
        Ok(())
    }

    /// All work is done: raises the exit flag, and under a shutdown cancels the sleepers; whether
    /// anybody was woken by that.
    fn has_last_words(&self) -> bool {
        self.raise_exit();
        self.cancel_sleepers();
        self.has_ready()
    }

    /// Does what other OS threads and signal handlers have asked for; whether there was anything.
    fn read_inbox(&self) -> bool {
        let inbox = inbox_of(self);
        let signals = inbox.take_signals();
        if signals & signal::NOTIFY != 0 {
            self.notified.set(true);
        }
        if signals & signal::EXIT != 0 {
            self.raise_exit();
        }
        if signals & signal::SHUTDOWN != 0 {
            self.begin_shutdown(inbox.take_grace().unwrap_or(0.0));
        }
        if signals & signal::CAUGHT != 0 {
            self.deliver_signals(inbox.take_caught());
        }
        if signals & signal::LETTERS != 0 {
            for letter in inbox.take_letters() {
                self.read(letter);
            }
        }
        signals != 0
    }

    fn read(&self, letter: Letter) {
        match letter {
            Letter::Wake(who) => self.wake(who),
            Letter::Call(call) => {
                call(self);
                self.driver().settle(self);
            }
        }
    }

    /// Raises the exit flag and releases those that wait for it.
    pub fn raise_exit(&self) {
        self.exit.raised.set(true);
        self.exit.waiters.wake_all();
    }

    /// Whether the exit flag is raised, or about to be.
    pub fn is_exiting(&self) -> bool {
        self.exit.raised.get() || inbox_of(self).has(signal::EXIT | signal::SHUTDOWN)
    }

    /// Those in copas_waitforexit().
    pub fn exit_waiters(&self) -> &Rc<WaitList> {
        &self.exit.waiters
    }

    /// Whether nothing is left that keeps the loop alive.
    pub fn is_finished(&self) -> bool {
        !self.has_ready()
            && !inbox_of(self).has(!signal::READY)
            && !self.has_deadlines()
            && self.alive.is_zero()
            && self.holds.get() == 0
            && self.unfinished.get() == 0
    }
}
