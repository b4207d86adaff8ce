// SPDX-License-Identifier: MIT
//! Signals of the process as events of a dispatcher, for programs that ask for it. The handler only
//! notes the number in the dispatcher's inbox; the program's function is called in the next step.

use super::handle::Handle;
use super::{Dispatcher, registry};
use crate::status::{Fault, Outcome, Status};
use crate::sys::{os_thread, signals};
use std::rc::Rc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

/// What a program wants to be called.
pub type OnSignal = Rc<dyn Fn(i32)>;

/// A signal that a dispatcher has taken over.
pub struct Caught {
    call: OnSignal,
    before: signals::Before,
}

/// Which dispatcher has a signal: the bits of its handle, or 0.
static TARGETS: [AtomicU64; signals::LAST as usize + 1] =
    [const { AtomicU64::new(0) }; signals::LAST as usize + 1];

/// The handler. Safe in any place that a signal may interrupt: it loads and stores atomics, and
/// raises the inbox, which may be done here (see `Inbox::raise`).
extern "C" fn note(number: i32) {
    os_thread::keeping_errno(|| {
        if let Some(target) = TARGETS.get(number as usize)
            && let Some(handle) = Handle::from_bits(target.load(SeqCst))
        {
            let _ = registry::visit(handle, |inbox| inbox.catch(number));
        }
    });
}

impl Dispatcher {
    /// Has `call` called for each delivery of a signal; several may become one.
    pub fn on_signal(&self, number: i32, call: OnSignal) -> Outcome<()> {
        let target = target(number)?;
        let own = self.handle.bits();
        match target.compare_exchange(0, own, SeqCst, SeqCst) {
            Ok(_) => {}
            Err(other) if other == own => {
                if let Some(caught) = self.caught.borrow_mut().get_mut(&number) {
                    caught.call = call;
                }
                return Ok(());
            }
            Err(_) => {
                let text = format!("another dispatcher has signal {number}");
                return Err(Fault::new(Status::BUSY, text));
            }
        }
        match signals::install(number, note) {
            Ok(before) => {
                let caught = Caught { call, before };
                self.caught.borrow_mut().insert(number, caught);
                Ok(())
            }
            Err(e) => {
                target.store(0, SeqCst);
                Err(Fault::invalid(format!("signal {number}: {e}")))
            }
        }
    }

    /// Has a signal handled as before; whether it was this dispatcher's.
    pub fn leave_signal(&self, number: i32) -> bool {
        let Some(caught) = self.caught.borrow_mut().remove(&number) else {
            return false;
        };
        signals::restore(number, &caught.before);
        TARGETS[number as usize].store(0, SeqCst);
        true
    }

    /// Leaves all signals.
    pub(super) fn leave_signals(&self) {
        let all: Vec<i32> = self.caught.borrow().keys().copied().collect();
        for number in all {
            self.leave_signal(number);
        }
    }

    /// Calls the functions of the signals that were noted, a bit each.
    pub(super) fn deliver_signals(&self, noted: u64) {
        for number in 1..=signals::LAST {
            if noted & 1 << (number - 1) == 0 {
                continue;
            }
            let call = self
                .caught
                .borrow()
                .get(&number)
                .map(|c| Rc::clone(&c.call));
            if let Some(call) = call {
                call(number);
                self.driver().settle(self);
            }
        }
    }
}

/// Where a signal's dispatcher stands.
fn target(number: i32) -> Outcome<&'static AtomicU64> {
    let index = usize::try_from(number).ok().filter(|&index| index != 0);
    index
        .and_then(|index| TARGETS.get(index))
        .ok_or_else(|| Fault::invalid(format!("{number} is not the number of a signal")))
}
