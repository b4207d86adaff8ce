// SPDX-License-Identifier: MIT
//! Deadlines of whole scopes: every wait inside ends at the nearest of them.

use super::Dispatcher;
use super::deadline::nanoseconds;
use std::cell::RefCell;

impl Dispatcher {
    /// Begins a scope of the caller that ends in `seconds` (negative: no limit of its own).
    pub fn begin_scope(&self, seconds: f64) {
        let own = nanoseconds(seconds).map_or(u64::MAX, |time| self.now().saturating_add(time));
        self.with_scopes(|scopes| {
            let outer = scopes.last().copied().unwrap_or(u64::MAX);
            scopes.push(own.min(outer));
        });
    }

    /// Ends the innermost scope; whether there was one.
    pub fn end_scope(&self) -> bool {
        self.with_scopes(|scopes| scopes.pop().is_some())
    }

    /// When the caller's innermost scope ends, in nanoseconds.
    pub fn scope_end(&self) -> Option<u64> {
        self.with_scopes(|scopes| scopes.last().copied())
            .filter(|&end| end != u64::MAX)
    }

    /// The seconds of a wait, cut at the end of the innermost of `scopes`.
    pub(super) fn within(&self, scopes: &RefCell<Vec<u64>>, seconds: f64) -> f64 {
        let end = scopes.borrow().last().copied();
        let Some(end) = end.filter(|&end| end != u64::MAX) else {
            return seconds;
        };
        let left = end.saturating_sub(self.now()) as f64 / 1e9;
        if seconds < 0.0 {
            left
        } else {
            seconds.min(left)
        }
    }

    /// The seconds of the root's wait, cut at the end of its innermost scope.
    pub fn within_scope(&self, seconds: f64) -> f64 {
        self.within(&self.root.scopes, seconds)
    }

    /// Whether the caller's scope has ended.
    pub fn is_past_scope(&self) -> bool {
        self.scope_end().is_some_and(|end| end <= self.now())
    }

    fn with_scopes<R>(&self, act: impl FnOnce(&mut Vec<u64>) -> R) -> R {
        match self.running() {
            Some(thread) => act(&mut thread.scopes.borrow_mut()),
            None => act(&mut self.root.scopes.borrow_mut()),
        }
    }
}
