// SPDX-License-Identifier: MIT
//! Ending on purpose: give the coroutines time, then cancel them, then abandon those that ignore
//! it. The same for copas_shutdown() and copas_free().

use super::handle::Handle;
use super::{Dispatcher, LEVEL_WARNING, current, nanoseconds, registry};
use crate::status::{Outcome, Status};

/// Nanoseconds that canceled coroutines have to end.
const LAST_CHANCE: u64 = 1_000_000_000;

/// How far a shutdown has come; each phase ends at its time in nanoseconds.
#[derive(Clone, Copy)]
pub enum Phase {
    /// There is none.
    None,
    /// Coroutines may end by themselves; without a time, as late as they want.
    Grace(Option<u64>),
    /// They have been canceled.
    Canceled(u64),
    /// Those that were left have been abandoned: the loop returns.
    Over,
}

/// Frees a dispatcher and everything that belongs to it.
pub fn free(handle: Handle) -> Outcome<()> {
    if current::is_inside() {
        return Err(Status::CANNOT_WAIT.into());
    }
    if let Some(inherited) = registry::inherited(handle) {
        inherited.let_go();
        drop(registry::retire(inherited));
        return Ok(());
    }
    let entered = registry::enter(handle)?;
    let ended = entered.end_all();
    entered.close();
    drop(registry::retire(entered));
    Ok(ended?)
}

impl Dispatcher {
    /// Starts a shutdown, or shortens the grace of the one that runs.
    pub(super) fn begin_shutdown(&self, grace: f64) {
        let end = nanoseconds(grace).map(|grace| self.now().saturating_add(grace));
        if self.note_grace(end)
            && let Some(fleet) = self.fleet.get()
        {
            fleet.shut_down(Some(self.handle), grace);
        }
        self.driver().stop_servers(self, true);
        self.wind_down(false);
        self.raise_exit();
    }

    /// The grace ends at `end` at the latest; whether that is news.
    fn note_grace(&self, end: Option<u64>) -> bool {
        let is_earlier = match (self.shutdown.get(), end) {
            (Phase::None, _) | (Phase::Grace(None), Some(_)) => true,
            (Phase::Grace(Some(before)), Some(end)) => end < before,
            _ => false,
        };
        if is_earlier {
            self.shutdown.set(Phase::Grace(end));
        }
        is_earlier
    }

    /// When the present phase ends.
    pub(super) fn next_shutdown(&self) -> Option<u64> {
        match self.shutdown.get() {
            Phase::Grace(end) => end,
            Phase::Canceled(end) => Some(end),
            Phase::None | Phase::Over => None,
        }
    }

    /// Ends the present phase when its time has come; whether it did.
    pub(super) fn pass_shutdown(&self, now: u64) -> bool {
        if self.next_shutdown().is_none_or(|end| end > now) {
            return false;
        }
        match self.shutdown.get() {
            Phase::Grace(_) => self.cancel_everything(now),
            _ => {
                self.abandon_all();
                self.shutdown.set(Phase::Over);
            }
        }
        true
    }

    fn cancel_everything(&self, now: u64) {
        self.shutdown
            .set(Phase::Canceled(now.saturating_add(LAST_CHANCE)));
        self.wind_down(true);
        self.cancel_all();
        self.cancel_operations();
    }

    /// All work is done: under a shutdown nobody waits for the end of the grace.
    pub(super) fn cancel_sleepers(&self) {
        if matches!(self.shutdown.get(), Phase::Grace(_)) {
            self.cancel_everything(self.now());
        }
    }

    /// Whether it has given up on those that were left.
    pub(super) fn is_shut_down(&self) -> bool {
        matches!(self.shutdown.get(), Phase::Over)
    }

    /// Abandons every coroutine that is left, and says so.
    fn abandon_all(&self) {
        let left = self.all_threads();
        for thread in &left {
            self.abandon(thread);
        }
        if let Some(first) = left.first() {
            let name = first.name.borrow_mut().told();
            let text = format!(
                "{} coroutines ignored their cancellation and were abandoned, their stacks \
                 leaked; the first is {name}",
                left.len()
            );
            self.report(LEVEL_WARNING, &text);
        }
    }

    /// Ends every coroutine before the dispatcher is freed; OK or ABANDONED.
    pub fn end_all(&self) -> Result<(), Status> {
        let before = self.abandoned.get();
        self.driver().stop_servers(self, false);
        self.raise_exit();
        self.cancel_everything(self.now());
        while self.threads.borrow().len() != 0 && !self.is_shut_down() {
            if self.step(-1.0).is_err() {
                self.abandon_all();
            }
        }
        if self.abandoned.get() == before {
            Ok(())
        } else {
            Err(Status::ABANDONED)
        }
    }

    /// Lets everything go that was inherited by fork: descriptors are closed, nothing is written, nobody
    /// runs.
    pub fn let_go(&self) {
        self.driver().let_go();
        self.leave_signals();
        self.forget_all();
    }

    /// Closes everything and drops what refers back to the dispatcher.
    pub fn close(&self) {
        self.driver().close(self);
        self.leave_signals();
        self.destroy_objects();
        self.forget_all();
        self.vehicles.close();
    }

    /// Drops what refers back to the dispatcher.
    fn forget_all(&self) {
        // Taken first: a finalizer may call back.
        drop(self.events.take());
        let operations = self.operations.borrow_mut().take_all();
        drop(operations);
        self.error_handler.replace(None);
    }
}
