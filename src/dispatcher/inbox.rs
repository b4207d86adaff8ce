// SPDX-License-Identifier: MIT
//! What reaches a dispatcher from other OS threads and from signal handlers.

use super::Dispatcher;
use super::handle::Handle;
use super::letters::Letters;
use crate::sys::kernel::Waker;
use crate::sys::sync::atomic::Ordering::{Acquire, SeqCst};
use crate::sys::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64};
use std::ptr;

/// Something to do on the dispatcher's OS thread.
pub enum Letter {
    /// Wake who waits.
    Wake(Handle),
    /// Run a callback on the root stack.
    Call(Box<dyn FnOnce(&Dispatcher) + Send>),
}

/// Signals that carry no letter: each a bit, so that a signal handler can raise them.
pub mod signal {
    /// The next step does not wait.
    pub const NOTIFY: u32 = 1;
    /// Letters have come.
    pub const LETTERS: u32 = 2;
    /// Raise the exit flag.
    pub const EXIT: u32 = 4;
    /// Start a shutdown.
    pub const SHUTDOWN: u32 = 8;
    /// Signals of the process were caught.
    pub const CAUGHT: u32 = 16;
    /// Something is ready: a foreign loop is to poll.
    pub const READY: u32 = 32;
}

/// The way into one dispatcher.
pub struct Inbox {
    letters: Letters,
    signals: AtomicU32,
    /// The bits of the earliest shutdown's grace in seconds; see `shutdown`.
    grace: AtomicU64,
    /// The process' signals that were caught, a bit each.
    caught: AtomicU64,
    /// A Box's pointer, from `open` to `close`.
    waker: AtomicPtr<Waker>,
}

/// No shutdown was asked for: the bits of a NAN.
const NO_GRACE: u64 = u64::MAX;

impl Inbox {
    /// A closed inbox.
    pub const fn new() -> Self {
        Inbox {
            letters: Letters::new(),
            signals: AtomicU32::new(0),
            grace: AtomicU64::new(NO_GRACE),
            caught: AtomicU64::new(0),
            waker: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Opens it for a new dispatcher.
    pub fn open(&self, waker: Waker) {
        self.signals.store(0, SeqCst);
        self.grace.store(NO_GRACE, SeqCst);
        self.caught.store(0, SeqCst);
        self.waker.store(Box::into_raw(Box::new(waker)), SeqCst);
    }

    /// Closes it; letters that nobody read are dropped. No visitor is inside.
    pub fn close(&self) {
        let waker = self.waker.swap(ptr::null_mut(), SeqCst);
        if !waker.is_null() {
            // SAFETY: the pointer came from Box::into_raw in `open`; the swap hands it to this call
            // alone, and the registry has waited until no visitor could still use it.
            drop(unsafe { Box::from_raw(waker) });
        }
        drop(self.letters.take());
    }

    /// Makes it usable in a child of fork(2).
    ///
    /// # Safety
    /// It was inherited by fork, and nobody uses it in this process.
    pub unsafe fn unlock_inherited(&self) {
        // SAFETY: the caller says so.
        unsafe { self.letters.unlock_inherited() };
    }

    /// Leaves a letter. Not for signal handlers: it locks.
    pub fn post(&self, letter: Letter) {
        self.letters.push(letter);
        self.raise(signal::LETTERS);
    }

    /// Raises signals; only the first since the dispatcher looked costs a system call. May be
    /// called from a signal handler.
    pub fn raise(&self, signals: u32) {
        if self.signals.fetch_or(signals, SeqCst) != 0 {
            return;
        }
        // SAFETY: `open` stored it, and `close` runs only when no visitor is inside, as this is.
        if let Some(waker) = unsafe { self.waker.load(Acquire).as_ref() } {
            let _ = waker.wake();
        }
    }

    /// Asks for a shutdown in `grace` seconds (negative: no limit); an earlier one stands. May be
    /// called from a signal handler.
    pub fn shutdown(&self, grace: f64) {
        let grace = if grace < 0.0 { f64::INFINITY } else { grace };
        let _ = self.grace.fetch_update(SeqCst, SeqCst, |bits| {
            let earlier = bits != NO_GRACE && f64::from_bits(bits) <= grace;
            (!earlier).then_some(grace.to_bits())
        });
        self.raise(signal::SHUTDOWN);
    }

    /// Notes a signal of the process. For its handler.
    pub fn catch(&self, number: i32) {
        self.caught.fetch_or(1 << (number - 1), SeqCst);
        self.raise(signal::CAUGHT);
    }

    /// The process' signals noted since the last call.
    pub fn take_caught(&self) -> u64 {
        self.caught.swap(0, SeqCst)
    }

    /// The signals raised since the last call.
    pub fn take_signals(&self) -> u32 {
        if self.signals.load(SeqCst) == 0 {
            0
        } else {
            self.signals.swap(0, SeqCst)
        }
    }

    /// The grace of the shutdown that was asked for.
    pub fn take_grace(&self) -> Option<f64> {
        let bits = self.grace.swap(NO_GRACE, SeqCst);
        (bits != NO_GRACE).then(|| f64::from_bits(bits))
    }

    /// The letters that have come.
    pub fn take_letters(&self) -> Vec<Letter> {
        self.letters.take()
    }

    /// Whether any of these signals is raised.
    pub fn has(&self, signals: u32) -> bool {
        self.signals.load(SeqCst) & signals != 0
    }

    /// Whether anything waits to be read.
    pub fn is_empty(&self) -> bool {
        self.signals.load(SeqCst) == 0
    }
}
