// SPDX-License-Identifier: MIT
//! Switching to a coroutine and back.
//!
//! ```text
//!   the loop's stack                      the coroutine's stack
//!   resume() ── exchange C++ words ────►  body, or where suspend() left it
//!            ◄── exchange C++ words ───   suspend(), or the end of body
//! ```
//!
//! What a switch saves: the callee-saved registers (corosensei does), the two words of the C++
//! runtime's exception state (`exceptions`), and under a sanitizer its notion of the present stack
//! (`sys::annotations`). Not saved: the floating-point control word and the signal mask, which belong to
//! the OS thread; a handler that changes them restores them before it waits.
//!
//! A suspended coroutine has frames of C and C++ code on its stack. They cannot be unwound: there
//! may be no unwinding tables, and foreign code does not expect it. So a coroutine ends by
//! returning from its body, or it is abandoned: its stack is leaked and it never runs again.

use super::arena::whole_pages;
use super::exceptions::{self, Words};
use super::stack::Stack;
use crate::sys::annotations::Fiber;
use corosensei::{CoroutineResult, Yielder};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::rc::Rc;

type Inner = corosensei::Coroutine<(), (), (), Stack>;

/// What a resumed coroutine did last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits to be resumed.
    Suspended,
    /// Its body has returned.
    Finished,
}

/// What both sides of a switch share. It stays with its stack, so that a coroutine on a pooled one makes
/// none.
pub(super) struct Link {
    /// The way back, valid while the body runs or is suspended.
    yielder: Cell<Option<NonNull<Yielder<(), ()>>>>,
    running: Cell<bool>,
    /// The C++ words of whichever side does not run.
    words: Cell<Words>,
    /// For a tool that wants to know of switches.
    fiber: Option<RefCell<Box<Fiber>>>,
    /// The lowest and the highest address of the stack.
    bounds: (usize, usize),
}

/// A coroutine on a stack of its own, in the OS thread of whoever resumes it.
pub struct Switched {
    /// None once it has been taken apart.
    inner: RefCell<Option<Inner>>,
    link: Rc<Link>,
}

impl Switched {
    /// Makes a coroutine that runs `body` when it is first resumed. A panic of `body` ends it.
    pub fn new(stack: Stack, body: impl FnOnce() + 'static) -> Self {
        let link = Rc::clone(&stack.link);
        link.words.set([0; 2]);
        link.running.set(false);
        link.yielder.set(None);
        let shared = Rc::clone(&link);
        let inner = Inner::with_stack(stack, move |yielder, ()| {
            shared.yielder.set(Some(NonNull::from(yielder)));
            shared.annotate(Fiber::entered);
            // The panic hook has told of it; there is nobody to hand it on to.
            let _ = catch_unwind(AssertUnwindSafe(body));
            shared.annotate(|fiber| fiber.leaving(true));
            shared.yielder.set(None);
        });
        Switched {
            inner: RefCell::new(Some(inner)),
            link,
        }
    }

    /// The lowest and the highest address of its stack, in whole pages.
    pub fn stack(&self) -> (usize, usize) {
        let (bottom, top) = self.link.bounds();
        (bottom, whole_pages(top))
    }

    /// Runs it until it suspends itself or ends. For the stack that it is not running on.
    pub fn resume(&self) -> State {
        let mut inner = self.inner.borrow_mut();
        let inner = inner
            .as_mut()
            .expect("a coroutine is not resumed once it was taken apart");
        let (bottom, top) = self.link.bounds;
        self.link
            .annotate(|fiber| fiber.entering(bottom, top - bottom));
        self.link.running.set(true);
        let words = exceptions::words();
        self.link.exchange(words);
        let result = inner.resume(());
        self.link.exchange(words);
        self.link.running.set(false);
        self.link.annotate(Fiber::left);
        match result {
            CoroutineResult::Yield(()) => State::Suspended,
            CoroutineResult::Return(()) => State::Finished,
        }
    }

    /// Goes back to whoever resumed it. For its own stack only, which is checked.
    pub fn suspend(&self) {
        let here = 0u8;
        let address = std::ptr::from_ref(&here) as usize;
        let own = self.link.bounds.0 <= address && address < self.link.bounds.1;
        assert!(
            self.link.running.get() && own,
            "a coroutine suspends itself on its own stack"
        );
        let yielder = self
            .link
            .yielder
            .get()
            .expect("a running body has its way back");
        self.link.annotate(|fiber| fiber.leaving(false));
        // SAFETY: the yielder lies on this stack, in the frame of the body, which has not returned
        // since this code runs on the same stack, above it.
        unsafe { yielder.as_ref() }.suspend(());
        self.link.annotate(Fiber::entered);
    }

    /// Whether it has been resumed at all.
    pub fn is_started(&self) -> bool {
        // A running coroutine has its record borrowed by `resume`.
        self.inner
            .try_borrow()
            .map_or(true, |inner| inner.as_ref().is_none_or(Inner::started))
    }

    /// Takes it apart: its stack, if its body has returned or never ran (it is dropped then). None
    /// for one that is suspended, which is abandoned by this.
    pub fn take_stack(&self) -> Option<Stack> {
        let mut inner = self.inner.take()?;
        if inner.started() && !inner.done() {
            abandon(inner);
            return None;
        }
        inner.force_unwind();
        Some(inner.into_stack())
    }
}

/// Leaks a suspended coroutine with its stack.
fn abandon(mut inner: Inner) {
    // SAFETY: nothing on the stack is ever run or dropped again: the stack is leaked right below,
    // and the owner of what lay on it has released that before (`Dispatcher::abandon`).
    unsafe { inner.force_reset() };
    inner.into_stack().leak();
}

impl Link {
    /// For a new stack with these lowest and highest addresses.
    pub(super) fn new(bounds: (usize, usize)) -> Self {
        Link {
            yielder: Cell::new(None),
            running: Cell::new(false),
            words: Cell::new([0; 2]),
            fiber: Fiber::new().map(RefCell::new),
            bounds,
        }
    }

    /// The lowest and the highest usable address of its stack.
    pub(super) fn bounds(&self) -> (usize, usize) {
        self.bounds
    }

    /// Exchanges the OS thread's C++ words with those of the side that runs next.
    fn exchange(&self, place: Option<NonNull<Words>>) {
        if let Some(place) = place {
            self.words
                .set(exceptions::exchange(place, self.words.get()));
        }
    }

    /// Tells a tool, if there is one.
    fn annotate(&self, tell: impl FnOnce(&mut Fiber)) {
        if let Some(fiber) = &self.fiber {
            tell(&mut fiber.borrow_mut());
        }
    }
}

impl Drop for Switched {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take()
            && inner.started()
            && !inner.done()
        {
            abandon(inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::StackPool;
    use super::*;

    const SIZE: usize = 64 * 1024;

    /// A coroutine whose body gets itself, to suspend.
    fn coroutine(body: impl FnOnce(&Switched) + 'static) -> Rc<Switched> {
        let stack = StackPool::new().take(SIZE).unwrap();
        Rc::new_cyclic(|own: &std::rc::Weak<Switched>| {
            let own = own.as_ptr();
            // SAFETY: the body runs only inside `resume`, whose caller keeps the coroutine alive.
            // A strong count on the coroutine's own stack would never let it be dropped.
            Switched::new(stack, move || body(unsafe { &*own }))
        })
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
    #[should_panic(expected = "suspends itself on its own stack")]
    fn suspending_from_another_stack_is_refused() {
        coroutine(|_| {}).suspend();
    }
}
