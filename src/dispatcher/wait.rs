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
    /// Whether it may begin an operation at once: neither is it canceled nor its budget used.
    #[inline]
    fn may_start(&self) -> bool {
        self.budget.get() != 0 && !self.is_canceled()
    }

    /// Suspends the coroutine until `operation`, which was polled and is pending, gives its output, or why
    /// there is none: it was canceled or its time limit has passed, neither of which ends a shielded wait,
    /// or the operation panicked.
    #[inline(always)]
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

/// Polls an operation of `who`.
#[inline(never)]
fn poll_for<F: Future>(who: Handle, operation: Pin<&mut F>) -> Poll<F::Output> {
    let waker = waker(who);
    operation.poll(&mut Context::from_waker(&waker))
}

impl Dispatcher {
    /// Who calls this dispatcher now; an error for a stack that may not wait.
    pub fn caller(&self) -> Result<Caller, Status> {
        // Whoever calls holds the dispatcher: what runs while one of its coroutines does is that one.
        if let Some(thread) = self.running() {
            return Ok(Caller::Thread(thread));
        }
        self.check_outside()?;
        Ok(Caller::Root)
    }

    /// An error where what runs outside of coroutines may not wait.
    fn check_outside(&self) -> Result<(), Status> {
        self.check_bound()?;
        match current::is_inside() {
            true => Err(Status::CANNOT_WAIT),
            false => Ok(()),
        }
    }

    /// Waits until `operation` is ready, for at most `seconds` (negative: no limit, 0: one look).
    pub fn wait<F: Future>(
        &self,
        operation: Pin<&mut F>,
        seconds: f64,
    ) -> Result<F::Output, Status> {
        self.wait_from(operation, seconds, |_| None)
    }

    /// As `wait`, for an operation of which it is known that the first poll would find nothing: `pend` does
    /// what that poll would do, for the present borrower, unless others have run before. None where it is
    /// not known; always with a wait of 0 seconds.
    #[inline(always)]
    pub fn wait_from<F: Future>(
        &self,
        mut operation: Pin<&mut F>,
        seconds: f64,
        pend: impl FnOnce(Pin<&mut F>) -> Option<()>,
    ) -> Result<F::Output, Status> {
        let Some(thread) = self.running() else {
            return self.wait_outside(operation, seconds);
        };
        let is_pending = self.start_operation(&thread)? && pend(operation.as_mut()).is_some();
        if !is_pending {
            #[cfg(feature = "faults")]
            let look = crate::sys::faults::sparing(seconds == 0.0);
            if let Poll::Ready(output) = poll_for(thread.handle, operation.as_mut()) {
                return Ok(output);
            }
            #[cfg(feature = "faults")]
            drop(look);
            if seconds == 0.0 {
                return Err(Status::TIMEOUT);
            }
        }
        self.wait_on_thread(&thread, operation, seconds)
    }

    /// Waits outside of coroutines.
    #[cold]
    #[inline(never)]
    fn wait_outside<F: Future>(
        &self,
        operation: Pin<&mut F>,
        seconds: f64,
    ) -> Result<F::Output, Status> {
        self.check_outside()?;
        self.wait_on_root(operation, Some(seconds))
    }

    #[inline(always)]
    fn wait_on_thread<F: Future>(
        &self,
        thread: &Thread,
        operation: Pin<&mut F>,
        seconds: f64,
    ) -> Result<F::Output, Status> {
        self.limit(thread, seconds);
        let result = thread.suspend_on::<F, false>(operation);
        if thread.deadline.is_set() {
            self.disarm(&thread.deadline);
        }
        if let Err(Status::CANCELED) = result {
            self.count_canceled(thread);
        }
        result
    }

    /// Whether a shielded wait may begin: the caller may wait and is not canceled already.
    pub fn start_shielded(&self) -> Result<(), Status> {
        match self.caller()? {
            Caller::Thread(thread) => self.start_operation(&thread).map(|_| ()),
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

    /// Begins an operation of the running coroutine that does not wait, where it may begin at once.
    #[inline]
    pub fn starts_at_once(&self) -> bool {
        match &*self.current.borrow() {
            Some(thread) if thread.may_start() => {
                thread.budget.set(thread.budget.get() - 1);
                true
            }
            _ => false,
        }
    }

    /// The beginning of every switch point: a canceled coroutine is told so, and one that has used
    /// its budget lets the others run first. Whether nobody did.
    #[inline]
    fn start_operation(&self, thread: &Thread) -> Result<bool, Status> {
        let at_once = thread.may_start();
        if !at_once {
            self.start_late(thread)?;
        }
        thread.budget.set(thread.budget.get() - 1);
        Ok(at_once)
    }

    /// The beginning of an operation that must wait for its turn, or will not be.
    #[cold]
    #[inline(never)]
    fn start_late(&self, thread: &Thread) -> Result<(), Status> {
        if thread.budget.get() == 0 && !thread.is_canceled() {
            self.yield_now(thread);
        }
        if thread.is_canceled() {
            self.count_canceled(thread);
            return Err(Status::CANCELED);
        }
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
