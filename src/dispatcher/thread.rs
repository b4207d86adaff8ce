// SPDX-License-Identifier: MIT
//! A coroutine's record ("thread" is Copas' word for a coroutine).

use super::deadline::Deadline;
use super::handle::{Handle, Kind};
use super::pending::Pending;
use super::turns::Turn;
use super::vehicle::{Ground, on_its_os_thread};
use super::waitlist::WaitList;
use super::{Dispatcher, current, registry};
use crate::coroutine::{Coroutine, State, Vehicle};
use crate::status::{Outcome, Status};
use std::cell::{Cell, OnceCell, RefCell};
use std::ffi::{CStr, CString};
use std::fmt;
use std::rc::Rc;

/// Operations that a coroutine may do in one slice before it yields.
pub const BUDGET: u16 = 128;

/// COPAS_CANCELED answers after which each further one yields to the loop, so that a coroutine
/// that ignores its cancellation cannot hang the dispatcher.
const PATIENCE: u16 = 1000;

/// A failure that copas_fail() has marked.
pub struct Failure {
    /// The coroutine.
    pub thread: Handle,
    /// The connection that it serves, if it is a handler.
    pub subject: Option<Handle>,
    /// A negative number.
    pub status: i32,
    /// What went wrong.
    pub text: CString,
}

/// Who is told of a failure.
pub type ErrorHandler = Rc<dyn Fn(&Failure)>;

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

/// The end of a coroutine's function, on its stack: its failure, if it marked one, is told.
pub fn conclude() {
    if let Some(d) = current::get().and_then(|handle| registry::enter(handle).ok()) {
        d.deliver_failure();
    }
}

impl Thread {
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
    /// Makes a coroutine of `body` on a stack, to run in the next step.
    pub fn spawn(
        &self,
        name: Name,
        stack_size: usize,
        body: impl FnOnce() + 'static,
    ) -> Outcome<Handle> {
        self.spawn_on(self.vehicle(Ground::Stack(stack_size))?, name, body)
    }

    /// Makes a coroutine of `body` on what it is to run on, to run in the next step.
    pub fn spawn_on(
        &self,
        vehicle: Vehicle,
        name: Name,
        body: impl FnOnce() + 'static,
    ) -> Outcome<Handle> {
        if !self.threads.borrow().has_room() {
            self.give_back(vehicle);
            return Err(Status::LIMIT.into());
        }
        let coroutine = match vehicle {
            Vehicle::Stack(_) => Coroutine::new(vehicle, body),
            Vehicle::OsThread(_) => Coroutine::new(vehicle, on_its_os_thread(self.handle, body)),
        };
        let inherited_end = self.scope_end();
        let mut threads = self.threads.borrow_mut();
        let thread = threads.insert_with(|slot, generation| {
            let handle = Handle::new(Kind::Thread, self.handle.dispatcher(), slot, generation);
            Rc::new(Thread {
                handle,
                pending: Cell::new(None),
                budget: Cell::new(BUDGET),
                queued: Cell::new(true),
                canceled: Cell::new(false),
                ended: Cell::new(false),
                panicked: Cell::new(false),
                asleep: Cell::new(false),
                inherited_end: Cell::new(inherited_end),
                extras: OnceCell::new(),
                deadline: Deadline::new(),
                coroutine,
                cancel_answers: Cell::new(0),
                name: RefCell::new(name),
                subject: Cell::new(None),
            })
        });
        let thread = thread.ok_or(Status::LIMIT)?;
        let turn = Turn::Thread(Rc::clone(thread), std::ptr::null());
        self.ready.borrow_mut().push(turn);
        Ok(thread.handle)
    }

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
            self.end(thread);
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
    pub(super) fn end(&self, thread: &Rc<Thread>) {
        self.forget(thread);
        if let Some(vehicle) = thread.coroutine.take_vehicle() {
            self.keep_mark(thread, &vehicle);
            self.give_back(vehicle);
        }
    }

    /// Gives up on a coroutine that ignores its cancellation: what it waits for is released, its
    /// stack is leaked, or its OS thread waits for ever, and it never runs again.
    pub(super) fn abandon(&self, thread: &Rc<Thread>) {
        if let Some(pending) = thread.pending.take() {
            pending.release();
        }
        self.end(thread);
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
            extras.joiners.wake_all();
        }
    }

    /// Tells the running coroutine's failure, if it marked one, to whom it concerns. Runs on its
    /// stack, at the end of its function.
    pub fn deliver_failure(&self) {
        let Some(thread) = self.running() else { return };
        let Some(extras) = thread.extras_if_any() else {
            return;
        };
        let Some(failure) = extras.failure.take() else {
            return;
        };
        let own = extras.error_handler.borrow().clone();
        let handler = own.or_else(|| self.error_handler.borrow().clone());
        match handler {
            Some(handler) => handler(&failure),
            None => self.report_failure(&thread, &failure, ""),
        }
        if let Some(second) = extras.failure.take() {
            self.report_failure(&thread, &second, " in its error handler");
        }
    }

    /// Reports a failure that nobody handled.
    fn report_failure(&self, thread: &Thread, failure: &Failure, place: &str) {
        let name = thread.name.borrow_mut().told();
        let socket = failure
            .subject
            .and_then(|socket| self.driver().name(socket));
        let socket = socket.map_or(String::new(), |socket| format!(" ({socket})"));
        let text = failure.text.to_string_lossy();
        let status = crate::status::name(failure.status).to_string_lossy();
        let status = if status == "COPAS_UNKNOWN" {
            failure.status.to_string()
        } else {
            status.into_owned()
        };
        self.report(
            super::LEVEL_ERROR,
            &format!("{name}{socket} failed{place}: {text} ({status})"),
        );
    }
}
