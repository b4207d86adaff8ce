// SPDX-License-Identifier: MIT
//! The one thing on a suspended coroutine's stack that others may touch: what it waits on. The loop
//! polls it there, on its own stack, and resumes the coroutine only when its wait has ended: a wake-up
//! for nothing (a part of a line has come) costs no switch, and the stacks of many coroutines, which
//! are in no processor's cache, are touched as little as can be.

use crate::sys::prefetch;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};

/// Bytes of the stack between a wait and the lowest word of its coroutine's switch.
const BELOW: usize = 192;
/// Cache lines that a coroutine which goes on touches at once.
const STACK_LINES: usize = 10;

/// A wait of a coroutine: its operation, and what that gave.
pub(super) struct Waiting<'a, F: Future> {
    operation: Pin<&'a mut F>,
    output: Option<F::Output>,
}

impl<'a, F: Future> Waiting<'a, F> {
    /// Waits on an operation that is pending.
    pub fn on(operation: Pin<&'a mut F>) -> Self {
        let output = None;
        Waiting { operation, output }
    }

    /// What the operation gave, if it is over.
    pub fn output(&mut self) -> Option<F::Output> {
        self.output.take()
    }

    /// Polls the operation; whether it is over.
    fn poll(&mut self, context: &mut Context<'_>) -> bool {
        match self.operation.as_mut().poll(context) {
            Poll::Ready(output) => {
                self.output = Some(output);
                true
            }
            Poll::Pending => false,
        }
    }

    /// Drops the operation in its place.
    fn release(&mut self) {
        // SAFETY: pinned memory may be dropped in its place; `Pending::release` says that nobody uses
        // or drops it afterwards.
        unsafe { std::ptr::drop_in_place(self.operation.as_mut().get_unchecked_mut()) };
    }
}

/// What can be done to a wait whose type is not known.
struct Table {
    poll: unsafe fn(NonNull<()>, &mut Context<'_>) -> bool,
    release: unsafe fn(NonNull<()>),
    /// Neither a cancellation nor a time limit ends it.
    shielded: bool,
}

/// A wait of a suspended coroutine, with its type erased.
#[derive(Clone, Copy)]
pub struct Pending {
    waiting: NonNull<()>,
    table: &'static Table,
}

impl Pending {
    /// Notes a wait that stays where it is, and that its coroutine does not touch while it is suspended.
    /// Whether only its operation ends it is told by `SHIELDED`.
    pub(super) fn new<F: Future, const SHIELDED: bool>(waiting: &mut Waiting<'_, F>) -> Self {
        /// # Safety
        /// `waiting` is a `Waiting<F>` that nobody else uses now.
        unsafe fn poll<F: Future>(waiting: NonNull<()>, context: &mut Context<'_>) -> bool {
            // SAFETY: handed on to the caller.
            unsafe { waiting.cast::<Waiting<'_, F>>().as_mut() }.poll(context)
        }
        /// # Safety
        /// As `poll`, and nobody uses it afterwards.
        unsafe fn release<F: Future>(waiting: NonNull<()>) {
            // SAFETY: handed on to the caller.
            unsafe { waiting.cast::<Waiting<'_, F>>().as_mut() }.release();
        }
        Pending {
            waiting: NonNull::from(waiting).cast(),
            table: const {
                &Table {
                    poll: poll::<F>,
                    release: release::<F>,
                    shielded: SHIELDED,
                }
            },
        }
    }

    /// Whether only its operation ends it.
    pub(super) fn is_shielded(&self) -> bool {
        self.table.shielded
    }

    /// Has the stack about the wait brought near: the switch below it, the caller's frames above.
    #[inline]
    pub(super) fn prefetch(&self) {
        let lowest = self.waiting.as_ptr().cast_const().wrapping_byte_sub(BELOW);
        prefetch::lines(lowest, STACK_LINES);
    }

    /// Polls the operation; whether it is over. Not again once it is.
    pub(super) fn poll(&self, context: &mut Context<'_>) -> bool {
        // SAFETY: `Dispatcher::goes_on` alone calls this, with the note of a coroutine that is
        // suspended in its wait: the wait lies in a frame that lives until the coroutine is resumed,
        // and nobody else touches it. The baton of one on another OS thread orders both (`baton`).
        unsafe { (self.table.poll)(self.waiting, context) }
    }

    /// Drops the operation of a coroutine that will never run again.
    pub(super) fn release(self) {
        // SAFETY: `Dispatcher::abandon` alone calls this, once, after taking the note away; the
        // operation lies on the suspended coroutine's stack, which is leaked and never resumed, so
        // nobody else drops or uses it.
        unsafe { (self.table.release)(self.waiting) };
    }
}
