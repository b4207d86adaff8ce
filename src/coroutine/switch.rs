// SPDX-License-Identifier: MIT
//! Switching to a coroutine and back.
//!
//! ```text
//!   the loop's stack                      the coroutine's stack
//!   resume() ── exchange C++ words ────►  body, or where suspend() left it
//!            ◄── exchange C++ words ───   suspend(), or the end of body
//! ```
//!
//! A stack runs one body after the other: at the end of one it goes back like in a suspension, and with the
//! next body it goes on from there. So a coroutine on a pooled stack is not set up anew, and makes nothing
//! on the heap: what belongs to it lies in the stack's head (`head`).
//!
//! What a switch saves: the callee-saved registers (corosensei does), the two words of the C++
//! runtime's exception state (`exceptions`), and under a sanitizer its notion of the present stack
//! (`sys::annotations`). Not saved: the floating-point control word and the signal mask, which belong to
//! the OS thread; a handler that changes them restores them before it waits.
//!
//! A suspended coroutine has frames of C and C++ code on its stack. They cannot be unwound: there
//! may be no unwinding tables, and foreign code does not expect it. So a coroutine ends by
//! returning from its body, or it is abandoned: its stack is leaked and it never runs again.

use super::exceptions;
use super::head::{Head, Phase, abandon, clear};
use super::stack::Stack;
use crate::sys::annotations::{self, Fiber};
use crate::sys::prefetch;
use std::cell::Cell;
use std::ptr::NonNull;

/// What a resumed coroutine did last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits to be resumed.
    Suspended,
    /// Its body has returned.
    Finished,
}

/// A coroutine on a stack of its own, in the OS thread of whoever resumes it.
pub struct Switched {
    /// None once it has been taken apart.
    head: Cell<Option<NonNull<Head>>>,
}

impl Switched {
    /// For the bodies that are to run on `stack`.
    pub fn on(stack: Stack) -> Self {
        Switched {
            head: Cell::new(Some(Head::on(stack))),
        }
    }

    /// The lowest and the highest address of its stack, in whole pages. None once it was taken apart.
    pub fn stack(&self) -> Option<(usize, usize)> {
        // SAFETY: as in `head`.
        let head = unsafe { self.head.get()?.as_ref() };
        Some((head.bottom, head.bottom + head.size))
    }

    /// Has it run `body` when it is resumed next. A panic of `body` ends it. For one that is idle.
    #[inline]
    pub fn begin(&self, body: impl FnOnce() + 'static) {
        let head = self.head();
        assert!(
            head.phase.get() == Phase::Idle,
            "a stack has one body at a time"
        );
        head.words.set([0; 2]);
        head.job.put(body);
        head.phase.set(Phase::Ready);
    }

    /// Runs it until it suspends itself or ends. For the stack that it is not running on.
    #[inline]
    pub fn resume(&self) -> State {
        let head = self.head();
        assert!(
            matches!(head.phase.get(), Phase::Ready | Phase::Suspended),
            "a coroutine is resumed from outside, until it ends"
        );
        head.annotate(|fiber| fiber.entering(head.bottom, head.base() - head.bottom));
        head.phase.set(Phase::Running);
        let words = exceptions::words();
        head.exchange(words);
        // SAFETY: nobody else touches `inner` while its coroutine runs: the phase keeps out `resume`,
        // `begin`, `take_idle` and the drop.
        unsafe { &mut *head.inner.get() }.resume(());
        head.exchange(words);
        head.annotate(Fiber::left);
        match head.phase.get() {
            Phase::Idle => State::Finished,
            _ => State::Suspended,
        }
    }

    /// Goes back to whoever resumed it. For its own stack only, which is checked.
    #[inline]
    pub fn suspend(&self) {
        let head = self.head();
        let here = 0u8;
        let address = std::ptr::from_ref(&here) as usize;
        let own = head.bottom <= address && address < head.base();
        assert!(
            head.phase.get() == Phase::Running && own,
            "a coroutine suspends itself on its own stack"
        );
        let yielder = head.yielder.get();
        let yielder = yielder.expect("a running body has its way back");
        head.phase.set(Phase::Suspended);
        head.annotate(|fiber| fiber.leaving(false));
        // SAFETY: the yielder lies at the base of this stack, below the frame of `work`, which never
        // returns.
        unsafe { yielder.as_ref() }.suspend(());
        head.annotate(Fiber::entered);
    }

    /// Whether its body has been resumed at all.
    pub fn is_started(&self) -> bool {
        let head = self.head.get();
        // SAFETY: as in `head`.
        head.is_none_or(|head| unsafe { head.as_ref() }.phase.get() != Phase::Ready)
    }

    /// Has what a switch to it touches brought near.
    #[inline]
    pub fn prefetch(&self) {
        if let Some(head) = self.head.get() {
            let lowest = head.as_ptr().cast_const().wrapping_byte_sub(16);
            prefetch::lines(lowest.cast(), 2);
        }
    }

    /// Ends what it has begun, if its body has returned or never ran (it is dropped then); whether that is
    /// so.
    #[inline]
    pub fn rest(&self) -> bool {
        let head = self.head();
        match head.phase.get() {
            Phase::Idle => {}
            Phase::Ready => {
                head.phase.set(Phase::Idle);
                head.job.clear();
            }
            Phase::Running | Phase::Suspended => return false,
        }
        self.unpoison();
        true
    }

    /// Takes it apart: its stack for the next body, if it can rest. None for one that is suspended, which is
    /// abandoned by this.
    pub fn take_idle(&self) -> Option<Switched> {
        self.head.get()?;
        let rests = self.rest();
        assert!(
            self.head().phase.get() != Phase::Running,
            "a coroutine is not taken apart while it runs"
        );
        let head = self.head.take()?;
        if !rests {
            abandon(head);
            return None;
        }
        Some(Switched {
            head: Cell::new(Some(head)),
        })
    }

    /// Its stack, without anything on it. For one that is idle.
    pub fn into_stack(self) -> Stack {
        let head = self.head.take();
        clear(head.expect("what is idle was not taken apart"))
    }

    /// Forgets what tools have noted of its former use.
    #[inline]
    fn unpoison(&self) {
        let (bottom, base) = self.bounds();
        annotations::unpoison(bottom, base - bottom);
    }

    /// The lowest and the highest address of what its coroutine uses.
    #[inline]
    pub(super) fn bounds(&self) -> (usize, usize) {
        let head = self.head();
        (head.bottom, head.base())
    }

    /// The usable bytes of its stack, which its pool knows it by.
    #[inline]
    pub fn size(&self) -> usize {
        self.head().size
    }

    #[inline]
    fn head(&self) -> &Head {
        let head = self.head.get();
        let head = head.expect("a coroutine is not used once it was taken apart");
        // SAFETY: `on` has written it, and `clear` or `abandon`, which take it from here, alone end it.
        unsafe { head.as_ref() }
    }
}

impl Drop for Switched {
    fn drop(&mut self) {
        drop(self.take_idle().map(Switched::into_stack));
    }
}

#[cfg(test)]
mod tests {
    use super::super::StackPool;
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    const SIZE: usize = 64 * 1024;

    /// Has a coroutine run a body that gets itself, to suspend.
    fn begin(coroutine: &Rc<Switched>, body: impl FnOnce(&Switched) + 'static) {
        let own = Rc::as_ptr(coroutine);
        // SAFETY: the body runs only inside `resume`, whose caller keeps the coroutine alive.
        // A strong count on the coroutine's own stack would never let it be dropped.
        coroutine.begin(move || body(unsafe { &*own }));
    }

    /// A coroutine whose body gets itself, to suspend.
    fn coroutine(body: impl FnOnce(&Switched) + 'static) -> Rc<Switched> {
        let coroutine = Rc::new(StackPool::new().take(SIZE).unwrap());
        begin(&coroutine, body);
        coroutine
    }

    #[test]
    fn each_side_goes_on_where_it_left() {
        let trace = Rc::new(RefCell::new(String::new()));
        let inside = Rc::clone(&trace);
        let coroutine = coroutine(move |own| {
            inside.borrow_mut().push('b');
            own.suspend();
            inside.borrow_mut().push('d');
        });
        assert!(!coroutine.is_started());
        trace.borrow_mut().push('a');
        assert_eq!(coroutine.resume(), State::Suspended);
        trace.borrow_mut().push('c');
        assert_eq!(coroutine.resume(), State::Finished);
        assert_eq!(*trace.borrow(), "abcd");
    }

    #[test]
    fn a_panic_ends_its_coroutine_only() {
        let coroutine = coroutine(|_| std::panic::resume_unwind(Box::new("planted")));
        assert_eq!(coroutine.resume(), State::Finished);
    }

    #[test]
    fn a_suspended_coroutine_is_dropped_without_running_or_unwinding() {
        struct Loud;
        impl Drop for Loud {
            fn drop(&mut self) {
                panic!("the stack was unwound");
            }
        }
        let coroutine = coroutine(|own| {
            let _loud = Loud;
            own.suspend();
        });
        assert_eq!(coroutine.resume(), State::Suspended);
        assert_eq!(Rc::strong_count(&coroutine), 1);
        drop(coroutine);
    }

    #[test]
    fn the_body_of_one_that_never_ran_is_dropped() {
        let token = Rc::new(());
        let inside = Rc::clone(&token);
        let coroutine = coroutine(move |_| drop(inside));
        assert_eq!(Rc::strong_count(&token), 2);
        drop(coroutine);
        assert_eq!(Rc::strong_count(&token), 1);
    }

    #[test]
    fn a_stack_runs_one_body_after_the_other() {
        let trace = Rc::new(RefCell::new(String::new()));
        let coroutine = coroutine(|_| {});
        for letter in ['a', 'b', 'c'] {
            assert_eq!(coroutine.resume(), State::Finished);
            assert!(coroutine.is_started());
            let inside = Rc::clone(&trace);
            begin(&coroutine, move |own| {
                inside.borrow_mut().push(letter);
                own.suspend();
                std::panic::resume_unwind(Box::new("planted"));
            });
            assert!(!coroutine.is_started());
            assert_eq!(coroutine.resume(), State::Suspended);
        }
        assert_eq!(coroutine.resume(), State::Finished);
        assert_eq!(*trace.borrow(), "abc");
    }

    #[test]
    fn a_suspended_coroutine_that_is_taken_apart_leaves_no_stack() {
        let coroutine = coroutine(Switched::suspend);
        coroutine.resume();
        assert!(coroutine.take_idle().is_none());
        assert!(coroutine.take_idle().is_none());
    }

    #[test]
    fn one_that_never_ran_rests_without_its_body() {
        let token = Rc::new(());
        let inside = Rc::clone(&token);
        let coroutine = coroutine(move |_| drop(inside));
        assert!(coroutine.rest());
        assert_eq!(Rc::strong_count(&token), 1);
        begin(&coroutine, Switched::suspend);
        assert_eq!(coroutine.resume(), State::Suspended);
        assert!(!coroutine.rest());
    }

    #[test]
    #[should_panic(expected = "one body at a time")]
    fn a_second_body_is_refused_before_the_first_has_returned() {
        coroutine(|_| {}).begin(|| {});
    }

    #[test]
    #[should_panic(expected = "resumed from outside, until it ends")]
    fn without_a_body_there_is_nothing_to_resume() {
        let coroutine = coroutine(|_| {});
        coroutine.resume();
        coroutine.resume();
    }

    #[test]
    #[should_panic(expected = "suspends itself on its own stack")]
    fn suspending_from_another_stack_is_refused() {
        coroutine(|_| {}).suspend();
    }
}
