// SPDX-License-Identifier: MIT
//! Waiting for an operation: the one place that knows who waits. An operation is a future, polled
//! where it lies, on the stack of whoever waits for it.
//!
//! - A coroutine polls it; while it is pending the coroutine is suspended and the loop goes on.
//! - The root stack, outside of any step, polls it and steps the dispatcher in between.
//!
//! The third way, completions, is in `operation`.

use super::handle::Handle;
use super::pending::Pending;
use super::thread::Thread;
use super::waker::waker;
use super::{Dispatcher, current};
use crate::status::Status;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Who calls.
pub enum Caller {
    /// The root stack, outside of any step.
    Root,
    /// A coroutine.
    Thread(Rc<Thread>),
}

impl Dispatcher {
    /// Who calls this dispatcher now; an error for a stack that may not wait.
    pub fn caller(&self) -> Result<Caller, Status> {
        self.check_bound()?;
        match current::get() {
            None if current::is_inside() => Err(Status::CANNOT_WAIT),
            None => Ok(Caller::Root),
            Some(dispatcher) if dispatcher == self.handle => self
                .running()
                .map(Caller::Thread)
                .ok_or(Status::CANNOT_WAIT),
            Some(_) => Err(Status::CANNOT_WAIT),
        }
    }

    /// Waits until `operation` is ready, for at most `seconds` (negative: no limit, 0: one look).
    pub fn wait<F: Future>(
        &self,
        operation: Pin<&mut F>,
        seconds: f64,
    ) -> Result<F::Output, Status> {
        match self.caller()? {
            Caller::Thread(thread) => self.wait_on_thread(&thread, operation, seconds),
            Caller::Root => self.wait_on_root(operation, Some(seconds)),
        }
    }

    fn wait_on_thread<F: Future>(
        &self,
        thread: &Thread,
        mut operation: Pin<&mut F>,
        seconds: f64,
    ) -> Result<F::Output, Status> {
        self.start_operation(thread)?;
        let waker = waker(thread.handle);
        let mut context = Context::from_waker(&waker);
        if let Poll::Ready(output) = operation.as_mut().poll(&mut context) {
            return Ok(output);
        }
        if seconds == 0.0 {
            return Err(Status::TIMEOUT);
        }
        let limit = self.within_scope(seconds);
        self.arm(&thread.deadline, thread.handle, limit);
        thread.pending.set(Some(Pending::new(operation.as_mut())));
        let result = loop {
            thread.suspend();
            if thread.is_canceled() {
                self.count_canceled(thread);
                break Err(Status::CANCELED);
            }
            if let Poll::Ready(output) = operation.as_mut().poll(&mut context) {
                break Ok(output);
            }
            if thread.deadline.has_passed() {
                break Err(Status::TIMEOUT);
            }
        };
        thread.pending.set(None);
        self.disarm(&thread.deadline);
        result
    }

    /// Whether a shielded wait may begin: the caller may wait and is not canceled already.
    pub fn start_shielded(&self) -> Result<(), Status> {
        match self.caller()? {
            Caller::Thread(thread) => self.start_operation(&thread),
            Caller::Root => Ok(()),
        }
    }

    /// Waits until `operation` is ready, however long that takes, also when the caller's scope ends
    /// or it is canceled meanwhile, of which it is told afterwards. Only an abandoned coroutine leaves
    /// it.
    pub fn wait_shielded<F: Future>(
        &self,
        mut operation: Pin<&mut F>,
    ) -> Result<F::Output, Status> {
        let thread = match self.caller()? {
            Caller::Thread(thread) => thread,
            Caller::Root => return self.wait_on_root(operation, None),
        };
        let waker = waker(thread.handle);
        let mut context = Context::from_waker(&waker);
        let output = loop {
            if let Poll::Ready(output) = operation.as_mut().poll(&mut context) {
                break output;
            }
            thread.pending.set(Some(Pending::new(operation.as_mut())));
            thread.suspend();
            thread.pending.set(None);
        };
        if thread.is_canceled() {
            self.count_canceled(&thread);
            return Err(Status::CANCELED);
        }
        Ok(output)
    }

    /// The beginning of every switch point: a canceled coroutine is told so, and one that has used
    /// its budget lets the others run first.
    fn start_operation(&self, thread: &Thread) -> Result<(), Status> {
        if thread.budget.get() == 0 && !thread.is_canceled() {
            self.yield_now(thread);
        }
        if thread.is_canceled() {
            self.count_canceled(thread);
            return Err(Status::CANCELED);
        }
        thread.budget.set(thread.budget.get() - 1);
        Ok(())
    }

    /// Goes to the end of the ready queue.
    pub(super) fn yield_now(&self, thread: &Thread) {
        self.wake_thread(thread);
        thread.suspend();
    }

    /// Lets the others run until the caller's next turn.
    pub fn yield_turn(&self) -> Result<(), Status> {
        match self.caller()? {
            Caller::Thread(thread) => {
                self.start_operation(&thread)?;
                self.yield_now(&thread);
                if thread.is_canceled() {
                    self.count_canceled(&thread);
                    return Err(Status::CANCELED);
                }
                Ok(())
            }
            Caller::Root => self.step(0.0).map(|_| ()),
        }
    }

    /// Without `seconds` the wait is shielded: nothing ends it early.
    fn wait_on_root<F: Future>(
        &self,
        mut operation: Pin<&mut F>,
        seconds: Option<f64>,
    ) -> Result<F::Output, Status> {
        let waker = waker(self.handle);
        let mut context = Context::from_waker(&waker);
        if let Poll::Ready(output) = operation.as_mut().poll(&mut context) {
            return Ok(output);
        }
        let limit = match seconds {
            Some(0.0) => return Err(Status::TIMEOUT),
            Some(seconds) => self.within_scope(seconds),
            None => -1.0,
        };
        self.arm(&self.root.deadline, self.handle, limit);
        let result = loop {
            if let Err(status) = self.step(-1.0) {
                break Err(status);
            }
            if let Poll::Ready(output) = operation.as_mut().poll(&mut context) {
                break Ok(output);
            }
            if self.root.deadline.has_passed() {
                break Err(Status::TIMEOUT);
            }
        };
        self.disarm(&self.root.deadline);
        result
    }

    /// Who borrows what a receive lends: the coroutine that calls, or the root stack.
    pub fn borrower(&self) -> Handle {
        self.running().map_or(self.handle, |thread| thread.handle)
    }
}
