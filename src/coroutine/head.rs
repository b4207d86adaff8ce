// SPDX-License-Identifier: MIT
//! The head of a stack: what both sides of a switch share, and the code at the other end of the stack that
//! runs one body after the other.

use super::exceptions::{self, Words};
use super::job::Job;
use super::stack::Stack;
use crate::sys::annotations::Fiber;
use corosensei::Yielder;
use std::cell::{Cell, RefCell, UnsafeCell};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};

type Inner = corosensei::Coroutine<(), (), (), Stack>;

/// How far a body has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// There is none, or it has returned.
    Idle,
    /// It has not run yet.
    Ready,
    /// It runs.
    Running,
    /// It waits to be resumed.
    Suspended,
}

/// What both sides of a switch share, in the head of the stack. In the order of the fields what every
/// switch touches comes first.
#[repr(C)]
pub(super) struct Head {
    /// The way back, once anything has run on the stack.
    pub yielder: Cell<Option<NonNull<Yielder<(), ()>>>>,
    /// The C++ words of whichever side does not run.
    pub words: Cell<Words>,
    /// How far its body has come.
    pub phase: Cell<Phase>,
    /// The lowest address of the stack.
    pub bottom: usize,
    /// The usable bytes that its pool knows it by.
    pub size: usize,
    /// What runs on the stack. It owns the stack, and with that the memory of this head.
    pub inner: UnsafeCell<Inner>,
    /// Its body, until that runs.
    pub job: Job,
    /// For a tool that wants to know of switches.
    fiber: Option<RefCell<Fiber>>,
}

/// The life of a stack: one body after the other.
fn work(head: NonNull<Head>, yielder: &Yielder<(), ()>) -> ! {
    // SAFETY: the head lies above this stack's frames, and is moved away only when they never run again.
    let head = unsafe { head.as_ref() };
    head.yielder.set(Some(NonNull::from(yielder)));
    loop {
        head.annotate(Fiber::entered);
        // The panic hook has told of it; there is nobody to hand it on to.
        let _ = catch_unwind(AssertUnwindSafe(|| head.job.run()));
        head.phase.set(Phase::Idle);
        head.annotate(|fiber| fiber.leaving(true));
        yielder.suspend(());
    }
}

/// Takes the stack out of its head. Nothing may be on it but the frame of `work`.
pub(super) fn clear(head: NonNull<Head>) -> Stack {
    // SAFETY: the caller has taken the head away, so nobody else uses it; it is moved out before the
    // stack, in whose memory it lies, can go.
    let head = unsafe { head.read() };
    let mut inner = head.inner.into_inner();
    // SAFETY: the frame of `work` has nothing to be dropped.
    unsafe { inner.force_reset() };
    inner.into_stack()
}

/// Leaks a suspended coroutine with its stack.
pub(super) fn abandon(head: NonNull<Head>) {
    // SAFETY: the head is moved out once, by this, and nothing on the stack ever runs again.
    let head = ManuallyDrop::new(unsafe { head.read() });
    // SAFETY: as above; the others of its fields need no drop or, as the tool's fiber, stay for good.
    let mut inner = unsafe { ptr::read(head.inner.get()) };
    // SAFETY: nothing on the stack is ever run or dropped again: the stack is leaked right below,
    // and the owner of what lay on it has released that before (`Dispatcher::abandon`).
    unsafe { inner.force_reset() };
    inner.into_stack().leak();
}

impl Head {
    /// Makes the head of a stack, in its place.
    pub fn on(stack: Stack) -> NonNull<Self> {
        let (place, bottom, size) = (stack.head::<Head>(), stack.bounds().0, stack.size());
        let head = NonNull::new(place).expect("no mapping has the address 0");
        let inner = Inner::with_stack(stack, move |yielder, ()| work(head, yielder));
        let made = Head {
            yielder: Cell::new(None),
            words: Cell::new([0; 2]),
            phase: Cell::new(Phase::Idle),
            bottom,
            size,
            inner: UnsafeCell::new(inner),
            job: Job::new(),
            fiber: Fiber::new().map(RefCell::new),
        };
        // SAFETY: `Stack::head` has room for it, and nobody else uses that.
        unsafe { head.write(made) };
        head
    }

    /// The highest address of what its coroutine uses: right below.
    #[inline]
    pub fn base(&self) -> usize {
        ptr::from_ref(self) as usize
    }

    /// Exchanges the OS thread's C++ words with those of the side that runs next.
    #[inline]
    pub fn exchange(&self, place: Option<NonNull<Words>>) {
        if let Some(place) = place {
            self.words
                .set(exceptions::exchange(place, self.words.get()));
        }
    }

    /// Tells a tool, if there is one.
    #[inline]
    pub fn annotate(&self, tell: impl FnOnce(&mut Fiber)) {
        if let Some(fiber) = &self.fiber {
            tell(&mut fiber.borrow_mut());
        }
    }
}
