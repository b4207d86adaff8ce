// SPDX-License-Identifier: MIT
//! Submitted operations: the same futures as everywhere, polled by the dispatcher, their outcome
//! delivered as an event. Nothing here knows of coroutines.

use super::Dispatcher;
use super::deadline::Deadline;
use super::handle::{Handle, Kind};
use super::waker::waker;
use crate::status::{Outcome, Status};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll};

/// How an operation ended.
#[derive(Clone, Copy)]
pub struct Completion {
    /// OK or why not.
    pub status: Status,
    /// The errno behind it, or 0.
    pub errno: i32,
    /// Bytes that are lent, with their number; NULL without any.
    pub data: (*const u8, usize),
}

/// A submitted future, and what to show when it is cut short. Once it has given its completion it
/// keeps the loop no longer alive.
pub trait Submitted {
    /// Looks whether it is ready.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Completion>;
    /// It ends now, with this status.
    fn stop(&mut self, status: Status) -> Completion;
}

/// A submitted operation's record, until its event is delivered.
pub struct Operation {
    handle: Handle,
    /// Kept until the delivery: so long nobody else may do the same on the subject.
    work: RefCell<Box<dyn Submitted>>,
    done: Cell<bool>,
    canceled: Cell<bool>,
    queued: Cell<bool>,
    /// Its time limit.
    pub deadline: Deadline,
    kind: u32,
    token: u64,
    subject: Handle,
}

/// A delivered outcome.
#[derive(Clone, Copy)]
pub struct Event {
    operation: Handle,
    /// Which kind of operation.
    pub kind: u32,
    /// What the submitter gave.
    pub token: u64,
    /// What it was submitted on.
    pub subject: Handle,
    /// The outcome.
    pub completion: Completion,
}

impl Dispatcher {
    /// Submits `work` on `subject`: it is polled at once, and again when it is woken.
    pub fn submit(
        &self,
        work: Box<dyn Submitted>,
        seconds: f64,
        kind: u32,
        token: u64,
        subject: Handle,
    ) -> Outcome<Handle> {
        let mut operations = self.operations.borrow_mut();
        let operation = operations.insert_with(|slot, generation| {
            let handle = Handle::new(Kind::Operation, self.handle.dispatcher(), slot, generation);
            Rc::new(Operation {
                handle,
                work: RefCell::new(work),
                done: Cell::new(false),
                canceled: Cell::new(false),
                queued: Cell::new(false),
                deadline: Deadline::new(),
                kind,
                token,
                subject,
            })
        });
        let operation = Rc::clone(operation.ok_or(Status::LIMIT)?);
        drop(operations);
        self.unfinished.set(self.unfinished.get() + 1);
        self.run_operation(&operation, seconds == 0.0);
        if !operation.done.get() {
            self.arm(&operation.deadline, operation.handle, seconds);
        }
        Ok(operation.handle)
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
            self.ready.borrow_mut().push_back(operation.handle);
        }
    }

    /// Polls an operation; a time limit of 0 allows no more than this.
    pub(super) fn run_operation(&self, operation: &Operation, only_once: bool) {
        operation.queued.set(false);
        if operation.done.get() {
            return;
        }
        let waker = waker(operation.handle);
        let mut context = Context::from_waker(&waker);
        let mut work = operation.work.borrow_mut();
        let completion = if operation.canceled.get() {
            work.stop(Status::CANCELED)
        } else if let Poll::Ready(completion) = work.poll(&mut context) {
            completion
        } else if only_once || operation.deadline.has_passed() {
            work.stop(Status::TIMEOUT)
        } else {
            return;
        };
        operation.done.set(true);
        self.disarm(&operation.deadline);
        self.unfinished.set(self.unfinished.get() - 1);
        self.events.borrow_mut().push_back(Event {
            operation: operation.handle,
            kind: operation.kind,
            token: operation.token,
            subject: operation.subject,
            completion,
        });
    }

    /// Whether an event waits to be delivered.
    pub fn has_events(&self) -> bool {
        !self.events.borrow().is_empty()
    }

    /// Delivers the oldest event: its operation is over.
    pub fn next_event(&self) -> Option<Event> {
        let event = self.events.borrow_mut().pop_front()?;
        let (slot, generation) = (event.operation.slot(), event.operation.generation());
        let operation = self.operations.borrow_mut().remove(slot, generation);
        drop(operation);
        Some(event)
    }
}
