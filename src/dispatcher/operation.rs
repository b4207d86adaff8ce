// SPDX-License-Identifier: MIT
//! Submitted operations: the same futures as everywhere, polled by the dispatcher, their outcome
//! delivered as an event. Nothing here knows of coroutines.

use super::Dispatcher;
use super::deadline::Deadline;
use super::handle::{Handle, Kind};
use super::turns::Turn;
use super::waker::waker;
use crate::status::{Fault, Outcome, Status};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll};

/// Most records of operations that are kept for use again.
const SPARE: usize = 1024;

/// How an operation ended.
pub struct Completion {
    /// OK or why not.
    pub status: Status,
    /// The errno behind it, or 0.
    pub errno: i32,
    /// Bytes that are lent, with their number; NULL without any.
    pub data: (*const u8, usize),
    /// A handle that it gives, or an item of the program's; 0 without any.
    pub result: u64,
    /// What `data` points into, unless somebody else keeps that.
    pub kept: Option<Box<dyn Any>>,
    /// The owner of `result` until its event is delivered.
    pub owner: Option<Box<dyn Owner>>,
}

/// Owns what an event gives away. Dropped where the event is never delivered.
pub trait Owner {
    /// It is the program's from now on.
    fn hand_over(self: Box<Self>);
}

impl Completion {
    /// It ended so, without more to tell.
    pub fn of(status: Status) -> Self {
        Completion {
            status,
            errno: 0,
            data: (std::ptr::null(), 0),
            result: 0,
            kept: None,
            owner: None,
        }
    }

    /// It failed; the words of the failure are its data.
    pub fn failed(fault: Fault) -> Self {
        let kept: Option<Box<str>> = fault.text;
        Completion {
            errno: fault.errno,
            data: kept
                .as_ref()
                .map_or((std::ptr::null(), 0), |text| (text.as_ptr(), text.len())),
            kept: kept.map(|text| Box::new(text) as Box<dyn Any>),
            ..Completion::of(fault.status)
        }
    }
}

/// A submitted future, and what to show when it is cut short. Once it has given its completion it
/// keeps the loop no longer alive.
pub trait Submitted {
    /// Looks whether it is ready.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Completion>;
    /// It ends now, with this status.
    fn stop(&mut self, status: Status) -> Completion;
    /// Whether it cannot be stopped.
    fn is_shielded(&self) -> bool {
        false
    }
    /// Its completion is delivered: nobody needs it any more.
    fn finish(self: Box<Self>) {}
}

/// What is said when an operation is submitted.
#[derive(Clone, Copy)]
pub struct Submission {
    /// Which kind of operation.
    pub kind: u32,
    /// What the submitter calls it.
    pub token: u64,
    /// What it is submitted on.
    pub subject: Handle,
    /// Its time limit in seconds; negative is none, 0 allows one look.
    pub seconds: f64,
    /// An outcome that is there at once is given back instead of an event.
    pub tries: bool,
}

/// What a submission gave.
pub enum Begun {
    /// It has ended.
    Done(Event),
    /// Its event will come.
    Outstanding(Handle),
}

/// A submitted operation's record, until its event is delivered.
pub struct Operation {
    handle: Cell<Handle>,
    said: Cell<Submission>,
    /// Kept until the delivery: so long nobody else may do the same on the subject.
    work: RefCell<Option<Box<dyn Submitted>>>,
    done: Cell<bool>,
    canceled: Cell<bool>,
    queued: Cell<bool>,
    /// Its time limit.
    pub deadline: Deadline,
}

/// An outcome, told.
pub struct Event {
    /// What was submitted.
    pub said: Submission,
    /// How it ended. What its data point into stays with the dispatcher.
    pub completion: Completion,
}

/// An outcome that waits for its delivery.
pub struct Undelivered {
    operation: Handle,
    completion: Completion,
}

impl Dispatcher {
    /// Submits `work`: it is polled at once, and again when it is woken.
    pub fn submit(&self, said: Submission, work: Box<dyn Submitted>) -> Outcome<Begun> {
        let operation = self.record(said, work)?;
        let handle = operation.handle.get();
        #[cfg(feature = "faults")]
        let _look = crate::sys::faults::sparing(said.tries || said.seconds == 0.0);
        match self.advance(&operation, said.seconds == 0.0) {
            None => self.arm(&operation.deadline, handle, said.seconds),
            Some(completion) if said.tries => {
                self.retire(&operation);
                let (event, kept) = Event::told(said, completion);
                self.told_at_once.replace(kept);
                return Ok(Begun::Done(event));
            }
            Some(completion) => self.line_up(&operation, completion),
        }
        Ok(Begun::Outstanding(handle))
    }

    /// An error where no further operation can be submitted. To be asked before anything is done for one.
    pub fn check_room(&self) -> Outcome<()> {
        match self.operations.borrow().has_room() {
            true => Ok(()),
            false => Err(Status::LIMIT.into()),
        }
    }

    /// A record for `work`: one that was used before, if there is one.
    fn record(&self, said: Submission, work: Box<dyn Submitted>) -> Outcome<Rc<Operation>> {
        self.check_room()?;
        let mut operations = self.operations.borrow_mut();
        let operation = operations.insert_with(|slot, generation| {
            let handle = Handle::new(Kind::Operation, self.handle.dispatcher(), slot, generation);
            let spare = self.spare_operations.borrow_mut().pop();
            let operation = spare.unwrap_or_else(|| Operation::new(handle, said));
            operation.begin(handle, said, work);
            operation
        });
        let operation = Rc::clone(operation.ok_or(Status::LIMIT)?);
        self.unfinished.set(self.unfinished.get() + 1);
        Ok(operation)
    }

    /// The record of an operation whose event has not been delivered.
    pub fn operation(&self, handle: Handle) -> Option<Rc<Operation>> {
        self.operations
            .borrow()
            .get(handle.slot(), handle.generation())
            .cloned()
    }

    /// Has an operation end with COPAS_CANCELED, unless it has ended.
    pub fn cancel_operation(&self, operation: &Operation) {
        operation.canceled.set(true);
        self.wake_operation(operation);
    }

    /// Cancels every unfinished operation.
    pub fn cancel_operations(&self) {
        let all: Vec<_> = self.operations.borrow().iter().cloned().collect();
        for operation in all {
            self.cancel_operation(&operation);
        }
    }

    /// Puts it into the ready queue.
    pub(super) fn wake_operation(&self, operation: &Operation) {
        if !operation.done.get() && !operation.queued.replace(true) {
            self.ready
                .borrow_mut()
                .push(Turn::Other(operation.handle.get()));
        }
    }

    /// Polls an operation that was woken.
    pub(super) fn run_operation(&self, operation: &Operation) {
        operation.queued.set(false);
        if !operation.done.get()
            && let Some(completion) = self.advance(operation, false)
        {
            self.line_up(operation, completion);
        }
    }

    /// Polls an operation; how it ended, if it has. A time limit of 0 allows no more than this.
    fn advance(&self, operation: &Operation, only_once: bool) -> Option<Completion> {
        let waker = waker(operation.handle.get());
        let mut context = Context::from_waker(&waker);
        let mut work = operation.work.borrow_mut();
        let work = work.as_mut()?;
        let completion = if operation.canceled.get() && !work.is_shielded() {
            work.stop(Status::CANCELED)
        } else if let Poll::Ready(completion) = work.poll(&mut context) {
            completion
        } else if only_once || operation.deadline.has_passed() {
            work.stop(Status::TIMEOUT)
        } else {
            return None;
        };
        operation.done.set(true);
        self.disarm(&operation.deadline);
        self.unfinished.set(self.unfinished.get() - 1);
        Some(completion)
    }

    fn line_up(&self, operation: &Operation, completion: Completion) {
        self.events.borrow_mut().push_back(Undelivered {
            operation: operation.handle.get(),
            completion,
        });
    }

    /// Whether an event waits to be delivered.
    pub fn has_events(&self) -> bool {
        !self.events.borrow().is_empty()
    }

    /// Delivers the oldest event: its operation is over.
    pub fn next_event(&self) -> Option<Event> {
        let Undelivered {
            operation,
            completion,
        } = self.events.borrow_mut().pop_front()?;
        let operation = self.operation(operation)?;
        let said = operation.said.get();
        self.retire(&operation);
        let (event, kept) = Event::told(said, completion);
        self.told.borrow_mut().extend(kept);
        Some(event)
    }

    /// Ends what was lent by outcomes told so far, but for the bytes that open sockets lend.
    pub fn end_told(&self) {
        self.told.borrow_mut().clear();
        self.told_at_once.take();
        if !self.has_events() {
            self.driver().delivered(self);
        }
    }

    /// An operation is over: its handle is stale, its record serves again.
    fn retire(&self, operation: &Operation) {
        let handle = operation.handle.get();
        if let Some(work) = operation.work.take() {
            work.finish();
        }
        let removed = self
            .operations
            .borrow_mut()
            .remove(handle.slot(), handle.generation());
        let mut spare = self.spare_operations.borrow_mut();
        if let Some(removed) = removed
            && spare.len() < SPARE
        {
            spare.push(removed);
        }
    }
}

impl Event {
    /// The outcome is told: what it gives is the program's, and what its data point into is to be kept.
    fn told(said: Submission, mut completion: Completion) -> (Self, Option<Box<dyn Any>>) {
        let kept = completion.kept.take();
        if let Some(owner) = completion.owner.take() {
            owner.hand_over();
        }
        (Event { said, completion }, kept)
    }
}

impl Operation {
    fn new(handle: Handle, said: Submission) -> Rc<Self> {
        Rc::new(Operation {
            handle: Cell::new(handle),
            said: Cell::new(said),
            work: RefCell::new(None),
            done: Cell::new(false),
            canceled: Cell::new(false),
            queued: Cell::new(false),
            deadline: Deadline::new(),
        })
    }

    /// Makes a new record, or one that was used before, that of `work`.
    fn begin(&self, handle: Handle, said: Submission, work: Box<dyn Submitted>) {
        self.handle.set(handle);
        self.said.set(said);
        self.done.set(false);
        self.canceled.set(false);
        self.queued.set(false);
        self.deadline.renew();
        self.work.replace(Some(work));
    }
}
