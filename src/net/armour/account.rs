// SPDX-License-Identifier: MIT
//! How much memory the buffers of a dispatcher have, against its budget.
//!
//! ```text
//!   0 ......... resume at ... pause at ............... budget
//!               5/8           3/4: accepting pauses    more: the idlest connections are cut off
//! ```

use std::cell::Cell;
use std::rc::Rc;

/// The account of a dispatcher, which each of its buffers knows.
#[derive(Clone)]
pub struct Account(Rc<Ledger>);

struct Ledger {
    budget: usize,
    used: Cell<usize>,
    /// Accepting has paused.
    is_tight: Cell<bool>,
    /// Somebody has to look at the account.
    alarm: Cell<bool>,
}

impl Account {
    /// A budget of so many bytes, of which nothing is used.
    pub fn new(budget: usize) -> Self {
        Account(Rc::new(Ledger {
            budget,
            used: Cell::new(0),
            is_tight: Cell::new(false),
            alarm: Cell::new(false),
        }))
    }

    /// So many bytes more are used.
    pub fn add(&self, bytes: usize) {
        let used = self.0.used.get() + bytes;
        self.0.used.set(used);
        if used > self.pause_at() {
            self.0.alarm.set(true);
        }
    }

    /// So many bytes less are used.
    pub fn take_away(&self, bytes: usize) {
        let used = self.0.used.get() - bytes;
        self.0.used.set(used);
        if self.0.is_tight.get() && used <= self.resume_at() {
            self.0.alarm.set(true);
        }
    }

    /// Whether so many bytes more stay within the budget.
    pub fn allows(&self, bytes: usize) -> bool {
        bytes <= self.0.budget.saturating_sub(self.0.used.get())
    }

    /// Whether somebody has to look at it.
    #[inline]
    pub fn is_alarmed(&self) -> bool {
        self.0.alarm.get()
    }

    /// Has somebody look at it.
    pub(super) fn call_for_a_look(&self) {
        self.0.alarm.set(true);
    }

    /// Somebody looks at it.
    pub(super) fn take_alarm(&self) {
        self.0.alarm.set(false);
    }

    /// Accepting pauses, or goes on.
    pub(super) fn set_tight(&self, is_tight: bool) {
        self.0.is_tight.set(is_tight);
    }

    /// Whether accepting pauses.
    #[inline]
    pub fn is_tight(&self) -> bool {
        self.0.is_tight.get()
    }

    /// Bytes that may be used.
    pub fn budget(&self) -> usize {
        self.0.budget
    }

    /// Bytes that are used.
    pub fn used(&self) -> usize {
        self.0.used.get()
    }

    /// Above this accepting pauses.
    pub(super) fn pause_at(&self) -> usize {
        self.0.budget / 4 * 3
    }

    /// At this accepting goes on, and no further connection is cut off.
    pub(super) fn resume_at(&self) -> usize {
        self.0.budget / 8 * 5
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_given_above_the_mark_and_where_tightness_ends() {
        let account = Account::new(8000);
        account.add(6000);
        assert!(!account.is_alarmed() && account.allows(2000) && !account.allows(2001));
        account.add(1);
        assert!(account.is_alarmed());
        account.take_alarm();
        account.take_away(2001);
        assert!(!account.is_alarmed());
        account.add(2001);
        account.take_alarm();
        account.set_tight(true);
        account.take_away(1000);
        assert!(!account.is_alarmed());
        account.take_away(1);
        assert!(account.is_alarmed() && account.used() == 5000);
    }
}
