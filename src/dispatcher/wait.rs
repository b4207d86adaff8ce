// SPDX-License-Identifier: MIT
//! Waiting for an operation: the one place that knows who waits. An operation is a future, polled
//! where it lies, on the stack of whoever waits for it.
//!
//! - A coroutine polls it; while it is pending the coroutine is suspended and the loop goes on, which
//!   polls it when it is woken (`pending`) and resumes the coroutine when the wait has ended.
//! - The root stack, outside of any step, polls it and steps the dispatcher in between.
//!
//! The third way, completions, is in `operation`.

use super::handle::Handle;
use super::pending::{Pending, Waiting};
use super::thread::Thread;
use super::waker::waker;
use super::{Dispatcher, current};
use crate::status::Status;
use std::panic::{AssertUnwindSafe, catch_unwind};
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

impl Thread {
    /// Suspends the coroutine until `operation`, which was polled and is pending, gives its output, or why
    /// there is none: it was canceled or its time limit has passed, neither of which ends a shielded wait,
    /// or the operation panicked.
    #[inline]
    fn suspend_on<F: Future, const SHIELDED: bool>(
        &self,
        operation: Pin<&mut F>,
    ) -> Result<F::Output, Status> {
        let mut waiting = Waiting::on(operation);
        self.pending
            .set(Some(Pending::new::<F, SHIELDED>(&mut waiting)));
        self.suspend();
        self.pending.set(None);
        match waiting.output() {
            Some(output) => Ok(output),
            None if self.panicked.take() => Err(Status::PANIC),
            None if self.is_canceled() => Err(Status::CANCELED),
            None => Err(Status::TIMEOUT),
        }
    }
}

impl Dispatcher {
    /// Who calls this dispatcher now; an error for a stack that may not wait.
    pub fn caller(&self) -> Result<Caller, Status> {
        // Whoever calls holds the dispatcher: what runs while one of its coroutines does is that one.
        if let Some(thread) = self.running() {
            return Ok(Caller::Thread(thread));
        }
        self.check_bound()?;
        match current::is_inside() {
            true => Err(Status::CANNOT_WAIT),
            false => Ok(Caller::Root),
        }
    }

    /// Waits until `operation` is ready, for at most `seconds` (negative: no limit, 0: one look).
    pub fn wait<F: Future>(
        &self,
        operation: Pin<&mut F>,
        seconds: f64,
    ) -> Result<F::Output, Status> {
        self.wait_from(operation, seconds, Future::poll)
    }

    /// As `wait`, with a first poll of the operation's own: one that knows what it usually finds.
    #[inline]
    pub fn wait_from<F: Future>(
        &self,
        operation: Pin<&mut F>,
        seconds: f64,
        first: impl FnOnce(Pin<&mut F>, &mut Context<'_>) -> Poll<F::Output>,
    ) -> Result<F::Output, Status> {
        match self.caller()? {
            Caller::Thread(thread) => self.wait_on_thread(&thread, operation, seconds, first),
            Caller::Root => self.wait_on_root(operation, Some(seconds)),
        }
    }

    #[inline]
    fn wait_on_thread<F: Future>(
        &self,
        thread: &Thread,
        mut operation: Pin<&mut F>,
        seconds: f64,
        first: impl FnOnce(Pin<&mut F>, &mut Context<'_>) -> Poll<F::Output>,
    ) -> Result<F::Output, Status> {
        self.start_operation(thread)?;
        let waker = waker(thread.handle);
        let mut context = Context::from_waker(&waker);
        #[cfg(feature = "faults")]
        let look = crate::sys::faults::sparing(seconds == 0.0);
        if let Poll::Ready(output) = first(operation.as_mut(), &mut context) {
            return Ok(output);
        }
        #[cfg(feature = "faults")]
        drop(look);
        if seconds == 0.0 {
            return Err(Status::TIMEOUT);
        }
        let limit = self.within_scope(seconds);
        self.arm(&thread.deadline, thread.handle, limit);
        let result = thread.suspend_on::<F, false>(operation);
        self.disarm(&thread.deadline);
        if let Err(Status::CANCELED) = result {
            self.count_canceled(thread);
        }
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
        let output = match operation.as_mut().poll(&mut context) {
            Poll::Ready(output) => output,
            Poll::Pending => thread.suspend_on::<F, true>(operation)?,
        };
        if thread.is_canceled() {
            self.count_canceled(&thread);
            return Err(Status::CANCELED);
        }
        Ok(output)
    }

    /// Whether a coroutine that was woken has something to go on for: it does not wait, or its wait has
    /// ended. Polls what it waits on.
    pub(super) fn goes_on(&self, thread: &Thread) -> bool {
        let Some(pending) = thread.pending.get() else {
            return true;
        };
        if thread.is_canceled() && !pending.is_shielded() {
            return true;
        }
        let waker = waker(thread.handle);
        let mut context = Context::from_waker(&waker);
        // A panic ends the wait that it is of, and nothing else.
        let polled = catch_unwind(AssertUnwindSafe(|| pending.poll(&mut context)));
        thread.panicked.set(polled.is_err());
        let over = polled.unwrap_or(true);
        over || (thread.deadline.has_passed() && !pending.is_shielded())
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
        self.wake(thread.handle);
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
        #[cfg(feature = "faults")]
        let look = crate::sys::faults::sparing(seconds == Some(0.0));
        if let Poll::Ready(output) = operation.as_mut().poll(&mut context) {
            return Ok(output);
        }
        #[cfg(feature = "faults")]
        drop(look);
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
    #[inline]
    pub fn borrower(&self) -> Handle {
        self.borrower.get()
    }
}
