// SPDX-License-Identifier: MIT
//! A coroutine's record ("thread" is Copas' word for a coroutine).

use super::deadline::Deadline;
use super::failure::{ErrorHandler, Failure};
use super::handle::Handle;
use super::pending::Pending;
use super::waitlist::WaitList;
use super::{Dispatcher, registry};
use crate::coroutine::{Coroutine, State, Vehicle};
use std::cell::{Cell, OnceCell, RefCell};
use std::ffi::{CStr, CString};
use std::fmt;
use std::rc::Rc;

/// Operations that a coroutine may do in one slice before it yields.
pub const BUDGET: u16 = 128;

/// COPAS_CANCELED answers after which each further one yields to the loop, so that a coroutine
/// that ignores its cancellation cannot hang the dispatcher.
const PATIENCE: u16 = 1000;

/// What a coroutine or socket is called. Three words: every coroutine and every socket has one.
pub enum Name {
    /// "thread_N" or "socket_N".
    Numbered(&'static &'static str, u64),
    /// "server:client_N" or "server:handler_N", of "server:client" or "server:handler".
    Served(Rc<String>, u64),
    /// As its owner named it.
    Given(CString),
}

impl Name {
    /// The name as text, kept from now on so that C may borrow it.
    pub fn text(&mut self) -> &CStr {
        let made = match self {
            Name::Given(_) => None,
            Name::Numbered(what, n) => Some(format!("{what}_{n}")),
            Name::Served(what, n) => Some(format!("{what}_{n}")),
        };
        if let Some(text) = made {
            *self = Name::Given(CString::new(text).unwrap_or_default());
        }
        match self {
            Name::Given(text) => text,
            Name::Numbered(..) | Name::Served(..) => c"",
        }
    }

    /// Writes the name without keeping anything of it.
    pub fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        match self {
            Name::Given(text) => out.write_str(text.to_str().unwrap_or_default()),
            Name::Numbered(what, n) => write!(out, "{what}_{n}"),
            Name::Served(what, n) => write!(out, "{what}_{n}"),
        }
    }

    /// What it has in common with others that are numbered alike: the name without "_N" at its end.
    pub fn without_number(&self) -> CString {
        let text = match self {
            Name::Given(text) => text.to_str().unwrap_or_default(),
            Name::Numbered(what, _) => what,
            Name::Served(what, _) => what,
        };
        let (common, number) = text.rsplit_once('_').unwrap_or((text, ""));
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        CString::new(if is_number { common } else { text }).unwrap_or_default()
    }

    /// The name for a report.
    pub fn told(&mut self) -> String {
        self.text().to_string_lossy().into_owned()
    }
}

/// What few coroutines need: made when the first of it is.
#[derive(Default)]
pub struct Extras {
    /// What copas_fail() marked.
    pub failure: RefCell<Option<Failure>>,
    /// Who is told of it.
    pub error_handler: RefCell<Option<ErrorHandler>>,
    /// The detail of its last failed call.
    pub detail: RefCell<super::Detail>,
    /// When the scopes end that it has begun, in nanoseconds, the innermost last.
    pub(super) scopes: RefCell<Vec<u64>>,
    /// Those that wait for its end.
    pub joiners: Rc<WaitList>,
    /// Its alarm, if one is set.
    pub alarm: Cell<Option<Handle>>,
}

/// A coroutine's record. In the order of the fields what every wait touches comes first, so that it
/// shares few cache lines.
#[repr(C)]
pub struct Thread {
    /// Its handle.
    pub handle: Handle,
    /// The operation that it waits on: to be polled, or released from outside.
    pub(super) pending: Cell<Option<Pending>>,
    pub(super) budget: Cell<u16>,
    /// COPAS_CANCELED answers that it got.
    cancel_answers: Cell<u16>,
    /// Whether it stands in the ready queue.
    pub(super) queued: Cell<bool>,
    canceled: Cell<bool>,
    ended: Cell<bool>,
    /// Whether the operation that it waits on has panicked.
    pub(super) panicked: Cell<bool>,
    /// Whether it is in copas_pause(), so that copas_wakeup() may wake it.
    pub asleep: Cell<bool>,
    /// When the scope ends in which it was started.
    pub(super) inherited_end: Cell<u64>,
    extras: OnceCell<Box<Extras>>,
    /// The time limit of its present wait.
    pub deadline: Deadline,
    coroutine: Coroutine,
    /// Its name.
    pub name: RefCell<Name>,
    /// The connection that it serves, if it is a handler.
    pub subject: Cell<Option<Handle>>,
}

// Every coroutine has one: with what counts the references to it, 144 bytes of the allocator's.
const _: () = assert!(size_of::<Thread>() <= 120);

impl Thread {
    /// One that is in the ready queue.
    pub(super) fn new(
        handle: Handle,
        coroutine: Coroutine,
        name: Name,
        inherited_end: u64,
    ) -> Self {
        Thread {
            handle,
            pending: Cell::new(None),
            budget: Cell::new(BUDGET),
            cancel_answers: Cell::new(0),
            queued: Cell::new(true),
            canceled: Cell::new(false),
            ended: Cell::new(false),
            panicked: Cell::new(false),
            asleep: Cell::new(false),
            inherited_end: Cell::new(inherited_end),
            extras: OnceCell::new(),
            deadline: Deadline::new(),
            coroutine,
            name: RefCell::new(name),
            subject: Cell::new(None),
        }
    }

    /// Is that of another coroutine from now on, which is in the ready queue and will run `body` on the
    /// same stack.
    #[inline(always)]
    pub(super) fn renew(
        &mut self,
        handle: Handle,
        name: Name,
        inherited_end: u64,
        body: impl FnOnce() + 'static,
    ) {
        self.coroutine.begin(body);
        self.handle = handle;
        *self.name.get_mut() = name;
        self.inherited_end.set(inherited_end);
        self.cancel_answers.set(0);
        self.queued.set(true);
        self.canceled.set(false);
        self.ended.set(false);
        self.asleep.set(false);
        self.deadline.renew();
        self.subject.set(None);
    }

    /// Has ended: whether it can be renewed, which a stack of this size can.
    #[inline]
    pub(super) fn rest(&mut self, stack_size: usize) -> bool {
        let rests = self.coroutine.rest(stack_size);
        if rests {
            drop(self.extras.take());
        }
        rests
    }

    /// What it ran on, once that is not in use any more.
    pub(super) fn take_vehicle(&self) -> Option<Vehicle> {
        self.coroutine.take_vehicle()
    }

    /// What few coroutines need.
    pub fn extras(&self) -> &Extras {
        self.extras.get_or_init(Box::default)
    }

    /// What few coroutines need, if it did.
    pub fn extras_if_any(&self) -> Option<&Extras> {
        self.extras.get().map(|extras| &**extras)
    }

    /// Whether it was canceled.
    pub fn is_canceled(&self) -> bool {
        self.canceled.get()
    }

    /// Whether it has ended, or been abandoned.
    pub fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// Whether copas_fail() has marked it.
    pub fn has_failed(&self) -> bool {
        let extras = self.extras_if_any();
        extras.is_some_and(|extras| extras.failure.borrow().is_some())
    }

    /// Whether it has run at all.
    pub fn is_started(&self) -> bool {
        self.coroutine.is_started()
    }

    /// The lowest and the highest address of its stack, if it is one of the library's.
    pub fn stack(&self) -> Option<(usize, usize)> {
        self.coroutine.stack()
    }

    /// Has what its next turn begins with on its stack brought near.
    #[inline]
    pub(super) fn prefetch_stack(&self) {
        self.coroutine.prefetch();
        if let Some(pending) = self.pending.get() {
            pending.prefetch();
        }
    }

    /// Runs it until it parks, yields or ends; whether it has ended.
    pub(super) fn resume(&self) -> bool {
        let state = self.coroutine.resume();
        self.take_over();
        state == State::Finished
    }

    /// Goes back to the loop. On its own stack only.
    pub(super) fn suspend(&self) {
        self.coroutine.suspend();
        self.take_over();
    }

    /// Where the baton was passed, the calling OS thread is the one that may call the dispatcher now.
    fn take_over(&self) {
        if self.coroutine.is_carried() {
            registry::take_over(self.handle);
        }
    }
}

impl Dispatcher {
    /// The record of a coroutine that has not ended.
    pub fn thread(&self, handle: Handle) -> Option<Rc<Thread>> {
        self.threads
            .borrow()
            .get(handle.slot(), handle.generation())
            .cloned()
    }

    /// The coroutine that runs.
    pub fn running(&self) -> Option<Rc<Thread>> {
        self.current.borrow().clone()
    }

    /// Whether a coroutine runs.
    #[inline]
    pub fn is_running(&self) -> bool {
        self.borrower.get() != self.handle
    }

    /// A name for the next coroutine that gets none.
    pub fn next_name(&self) -> Name {
        self.spawned.set(self.spawned.get() + 1);
        Name::Numbered(&"thread", self.spawned.get())
    }

    /// Cancels a coroutine: from now on its waits answer COPAS_CANCELED.
    pub fn cancel(&self, thread: &Rc<Thread>) {
        if thread.canceled.replace(true) {
            return;
        }
        if thread.is_started() {
            self.wake(thread.handle);
        } else {
            self.end(Rc::clone(thread));
        }
    }

    /// Cancels every coroutine but the one that runs.
    pub fn cancel_others(&self) {
        let running = self.running().map(|thread| thread.handle);
        for thread in self.all_threads() {
            if Some(thread.handle) != running {
                self.cancel(&thread);
            }
        }
    }

    /// Cancels every coroutine.
    pub fn cancel_all(&self) {
        for thread in self.all_threads() {
            self.cancel(&thread);
        }
    }

    /// All coroutines that have not ended.
    pub fn all_threads(&self) -> Vec<Rc<Thread>> {
        self.threads.borrow().iter().cloned().collect()
    }

    /// Counts a COPAS_CANCELED answer, and yields when there were too many.
    pub(super) fn count_canceled(&self, thread: &Thread) {
        let answers = thread.cancel_answers.get().saturating_add(1);
        thread.cancel_answers.set(answers);
        if answers > PATIENCE {
            self.yield_now(thread);
        }
    }

    /// Forgets a coroutine that has run to its end, or never ran: what it ran on is used again.
    pub(super) fn end(&self, thread: Rc<Thread>) {
        self.forget(&thread);
        self.keep_mark(&thread);
        self.retire_record(thread);
    }

    /// Gives up on a coroutine that ignores its cancellation: what it waits for is released, its
    /// stack is leaked, or its OS thread waits for ever, and it never runs again.
    pub(super) fn abandon(&self, thread: &Rc<Thread>) {
        if let Some(pending) = thread.pending.take() {
            pending.release();
        }
        self.end(Rc::clone(thread));
        self.tell_abandoned(thread.handle);
        self.abandoned.set(self.abandoned.get() + 1);
    }

    /// Makes its handle stale and tells those that care.
    fn forget(&self, thread: &Rc<Thread>) {
        self.disarm(&thread.deadline);
        self.threads
            .borrow_mut()
            .remove(thread.handle.slot(), thread.handle.generation());
        self.driver().ended(thread.handle);
        let extras = thread.extras_if_any();
        if let Some(alarm) = extras.and_then(|extras| extras.alarm.take()) {
            self.destroy_object(alarm);
        }
        thread.ended.set(true);
        if let Some(extras) = extras {
            // Of one that was abandoned nobody is told.
            drop(extras.failure.take());
            extras.joiners.wake_all();
        }
    }
}
