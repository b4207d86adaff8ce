// SPDX-License-Identifier: MIT
//! A timer: runs a callback in a coroutine of its own when its time has come, once or again and
//! again. The delay of a recurring timer counts from the end of the callback.

use super::Until;
use crate::dispatcher::{
    Deadline, Dispatcher, ErrorHandler, Ground, Handle, Name, Object, WaitList, conclude, registry,
};
use crate::status::{Fault, Outcome, Status};
use std::cell::{Cell, OnceCell, RefCell};
use std::ffi::CString;
use std::rc::Rc;

/// What a timer runs.
pub type Callback = Rc<dyn Fn()>;

/// A timer.
pub struct Timer {
    handle: Handle,
    callback: Callback,
    /// Seconds between the end of a callback and the next one; None: it runs once.
    again: Option<f64>,
    name: Rc<str>,
    /// What the names of its callback's coroutines begin with.
    runs_name: OnceCell<Rc<String>>,
    /// Who is told of its callbacks' failures.
    pub error_handler: RefCell<Option<ErrorHandler>>,
    deadline: Deadline,
    armed: Cell<bool>,
    /// Its time came while its callback ran: it runs again in the step after that.
    late: Cell<bool>,
    /// Its callback's coroutine runs or waits.
    runs: Cell<bool>,
    fired: Cell<u64>,
    /// Those that wait for its next firing: made for the first of them.
    waiters: OnceCell<Rc<WaitList>>,
    destroyed: Cell<bool>,
}

impl Timer {
    /// A timer that is not armed.
    pub fn new(handle: Handle, name: Rc<str>, again: Option<f64>, callback: Callback) -> Self {
        Timer {
            handle,
            callback,
            again,
            runs_name: OnceCell::new(),
            name,
            error_handler: RefCell::new(None),
            deadline: Deadline::new(),
            armed: Cell::new(false),
            late: Cell::new(false),
            runs: Cell::new(false),
            fired: Cell::new(0),
            waiters: OnceCell::new(),
            destroyed: Cell::new(false),
        }
    }

    /// Has it fire in `seconds`.
    #[inline]
    pub fn arm(&self, d: &Dispatcher, seconds: f64) -> Outcome<()> {
        if self.armed.get() {
            return Err(Fault::new(
                Status::BUSY,
                "the timer is armed already: copas_timer_cancel() first",
            ));
        }
        self.armed.set(true);
        d.arm(&self.deadline, self.handle, seconds);
        Ok(())
    }

    /// Has it fire no more; a callback that runs goes on to its end.
    #[inline]
    pub fn cancel(&self, d: &Dispatcher) -> Outcome<()> {
        if !self.armed.replace(false) {
            return Err(Fault::invalid("the timer is not armed"));
        }
        self.late.set(false);
        d.disarm(&self.deadline);
        Ok(())
    }

    /// Ready when it fires next.
    pub async fn next_firing(self: Rc<Self>) -> Outcome<()> {
        let before = self.fired.get();
        let over = || self.fired.get() != before || self.destroyed.get();
        let waiters = self.waiters.get_or_init(Rc::default);
        Until::new(Rc::clone(waiters), over).await;
        if self.destroyed.get() {
            return Err(Status::DESTROYED.into());
        }
        Ok(())
    }

    fn wake_waiters(&self) {
        if let Some(waiters) = self.waiters.get() {
            waiters.wake_each();
        }
    }

    /// Runs the callback in a coroutine.
    fn fire(self: &Rc<Self>, d: &Dispatcher) {
        let number = self.fired.get() + 1;
        self.fired.set(number);
        self.wake_waiters();
        if self.again.is_none() {
            self.armed.set(false);
        }
        self.runs.set(true);
        let run = Run(Rc::clone(self));
        let runs = self
            .runs_name
            .get_or_init(|| format!("{}:timer", self.name).into());
        let name = Name::Served(Rc::clone(runs), number);
        let spawned = d.spawn(Ground::Stack(0), name, move || {
            (run.0.callback)();
            conclude();
            drop(run);
        });
        match spawned {
            Ok(thread) => {
                if let Some(thread) = d.thread(thread) {
                    let handler = self.error_handler.borrow().clone();
                    if handler.is_some() {
                        thread.extras().error_handler.replace(handler);
                    }
                }
            }
            Err(fault) => {
                let text = format!("timer {} lost a turn: {}", self.name, fault.describe());
                d.report(crate::dispatcher::LEVEL_ERROR, &text);
            }
        }
    }

    /// The callback has ended: the next time counts from now.
    fn go_on(self: &Rc<Self>, d: &Dispatcher) {
        self.runs.set(false);
        let next = match self.late.take() {
            // Not from here: this is still the callback's coroutine, whose scope it would inherit.
            true => Some(0.0),
            false => self.again.filter(|_| self.armed.get()),
        };
        if let Some(seconds) = next
            && !self.deadline.is_set()
        {
            d.arm(&self.deadline, self.handle, seconds);
        }
    }
}

/// One run of the callback, over when dropped: also when its coroutine never ran.
struct Run(Rc<Timer>);

impl Drop for Run {
    fn drop(&mut self) {
        if self.0.destroyed.get() {
            return;
        }
        if let Ok(d) = registry::enter(self.0.handle) {
            self.0.go_on(&d);
        }
    }
}

impl Object for Timer {
    fn deadline(&self) -> Option<&Deadline> {
        Some(&self.deadline)
    }

    fn due(self: Rc<Self>, d: &Dispatcher) {
        if self.runs.get() {
            self.late.set(true);
        } else {
            self.fire(d);
        }
    }

    fn is_armed(&self) -> bool {
        self.armed.get()
    }

    fn first_name(&self, _: u64) -> Option<Name> {
        Some(Name::Given(CString::new(&*self.name).unwrap_or_default()))
    }

    fn wind_down(&self, d: &Dispatcher, last: bool) {
        if last || self.again.is_some() {
            let _ = self.cancel(d);
        }
    }

    fn destroy(&self, d: &Dispatcher) {
        self.destroyed.set(true);
        let _ = self.cancel(d);
        self.wake_waiters();
    }
}
