// SPDX-License-Identifier: MIT
//! Deadlines of whole scopes: every wait inside ends at the nearest of them.

use super::deadline::nanoseconds;
use super::{Dispatcher, Thread};

/// The end of what has none.
const NEVER: u64 = u64::MAX;

/// The root stack's scopes, put away for the time of a step.
pub(super) struct PutAway<'a> {
    dispatcher: &'a Dispatcher,
    scopes: Vec<u64>,
}

impl Drop for PutAway<'_> {
    fn drop(&mut self) {
        let scopes = std::mem::take(&mut self.scopes);
        self.dispatcher.root.scopes.replace(scopes);
    }
}

impl Thread {
    /// When its innermost scope ends, in nanoseconds.
    #[inline]
    fn scope_end(&self) -> u64 {
        let own = self.extras_if_any();
        let own = own.and_then(|extras| extras.scopes.borrow().last().copied());
        own.unwrap_or(self.inherited_end.get())
    }
}

impl Dispatcher {
    /// Begins a scope of the caller that ends in `seconds` (negative: no limit of its own).
    pub fn begin_scope(&self, seconds: f64) {
        let own = nanoseconds(seconds).map_or(NEVER, |time| self.now().saturating_add(time));
        let end = own.min(self.scope_end());
        self.with_scopes(|scopes| scopes.push(end));
    }

    /// Ends the caller's innermost scope; whether it had begun one. What it has inherited stays.
    pub fn end_scope(&self) -> bool {
        self.with_scopes(|scopes| scopes.pop().is_some())
    }

    /// When the caller's innermost scope ends, in nanoseconds. What it starts inherits this.
    #[inline]
    pub(super) fn scope_end(&self) -> u64 {
        match &*self.current.borrow() {
            Some(thread) => thread.scope_end(),
            None => self.root.scopes.borrow().last().copied().unwrap_or(NEVER),
        }
    }

    /// The seconds of a wait of the caller (negative: no limit), cut at the end of its scope.
    #[inline]
    pub fn within_scope(&self, seconds: f64) -> f64 {
        match self.scope_end() {
            NEVER => seconds,
            end => self.cut(seconds, end),
        }
    }

    /// Gives the wait of a coroutine its time limit: `seconds` (negative: none), or the end of its scope.
    #[inline]
    pub(super) fn limit(&self, thread: &Thread, seconds: f64) {
        let end = thread.scope_end();
        if seconds < 0.0 && end == NEVER {
            thread.deadline.renew();
        } else {
            self.limit_to(thread, seconds, end);
        }
    }

    fn limit_to(&self, thread: &Thread, seconds: f64, end: u64) {
        let seconds = match end {
            NEVER => seconds,
            end => self.cut(seconds, end),
        };
        self.arm(&thread.deadline, thread.handle, seconds);
    }

    fn cut(&self, seconds: f64, end: u64) -> f64 {
        let left = end.saturating_sub(self.now()) as f64 / 1e9;
        if seconds < 0.0 {
            left
        } else {
            seconds.min(left)
        }
    }

    /// Takes the running coroutine out of the scope in which it was started.
    pub fn leave_inherited_scope(&self) {
        if let Some(thread) = self.running() {
            thread.inherited_end.set(NEVER);
        }
    }

    /// Whether the caller's scope has ended.
    pub fn is_past_scope(&self) -> bool {
        let end = self.scope_end();
        end != NEVER && end <= self.now()
    }

    /// Puts the root stack's scopes away until the end of a step: callbacks, and what is started for
    /// timers and connections, are not inside of what the root stack waits in.
    pub(super) fn put_scopes_away(&self) -> PutAway<'_> {
        PutAway {
            dispatcher: self,
            scopes: self.root.scopes.take(),
        }
    }

    fn with_scopes<R>(&self, act: impl FnOnce(&mut Vec<u64>) -> R) -> R {
        match self.running() {
            Some(thread) => act(&mut thread.extras().scopes.borrow_mut()),
            None => act(&mut self.root.scopes.borrow_mut()),
        }
    }
}
