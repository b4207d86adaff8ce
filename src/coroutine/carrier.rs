// SPDX-License-Identifier: MIT
//! A carrier: an OS thread of the pool that runs one body after the other, each as a coroutine whose
//! resumer is the dispatcher's OS thread.

use super::baton::{Baton, Side};
use crate::sys::os_thread;
use crate::sys::sync::atomic::Ordering::Relaxed;
use crate::sys::sync::atomic::{AtomicBool, AtomicUsize};
use crate::sys::sync::{JoinHandle, Lock};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// How long a carrier that has nothing to run stays.
const IDLE: Duration = Duration::from_secs(10);

/// What a carrier runs.
pub type Body = Box<dyn FnOnce()>;

/// A body on its way to its carrier.
struct Handed(Body);

// SAFETY: a body refers to the dispatcher's cells and counts, which only the OS thread with the baton
// touches. It goes to the carrier with the baton, is run and dropped there while the carrier has it,
// and each pass of the baton orders what one OS thread did before what the other does (see `baton`).
unsafe impl Send for Handed {}

/// The record of one OS thread.
pub struct Carrier {
    baton: Baton,
    /// What to run next. The baton without anything to run tells the OS thread to end.
    next: Lock<Option<Handed>>,
    /// The body has returned; read by the side that has the baton.
    finished: AtomicBool,
    /// The OS thread's id, once it runs.
    id: AtomicUsize,
    stack_size: usize,
    os_thread: Lock<Option<JoinHandle<()>>>,
}

impl Carrier {
    /// Starts one; `leave` is asked, after idle time, whether it may end.
    pub fn start(
        stack_size: usize,
        leave: impl Fn(&Arc<Carrier>) -> bool + Send + 'static,
    ) -> io::Result<Arc<Self>> {
        let carrier = Arc::new(Carrier {
            baton: Baton::new(),
            next: Lock::new(None),
            finished: AtomicBool::new(false),
            id: AtomicUsize::new(0),
            stack_size,
            os_thread: Lock::new(None),
        });
        let own = Arc::clone(&carrier);
        let mut place = carrier.os_thread.lock();
        let body = move || own.work(leave);
        *place = Some(os_thread::start("copas-handler", Some(stack_size), body)?);
        drop(place);
        Ok(carrier)
    }

    /// The life of the OS thread.
    fn work(self: Arc<Self>, leave: impl Fn(&Arc<Carrier>) -> bool) {
        self.id.store(os_thread::id(), Relaxed);
        loop {
            if !self.baton.wait_for_at_most(Side::Handler, IDLE) {
                if leave(&self) {
                    return;
                }
                continue;
            }
            let Some(Handed(body)) = self.next.lock().take() else {
                return;
            };
            // The panic hook has told of it; there is nobody to hand it on to.
            let _ = catch_unwind(AssertUnwindSafe(body));
            self.finished.store(true, Relaxed);
            self.baton.give(Side::Dispatcher);
        }
    }

    /// The size of its stack.
    pub fn stack_size(&self) -> usize {
        self.stack_size
    }

    /// Whether it is the calling OS thread.
    pub fn is_calling(&self) -> bool {
        self.id.load(Relaxed) == os_thread::id()
    }

    /// Lets it run, `body` if that is given, else what it was running; whether the body has ended.
    pub fn run(&self, body: Option<Body>) -> bool {
        if let Some(body) = body {
            self.next.lock().replace(Handed(body));
        }
        self.baton.give(Side::Handler);
        self.baton.wait_for(Side::Dispatcher);
        self.finished.swap(false, Relaxed)
    }

    /// Lets the dispatcher go on until it runs this again. For the carrier's own OS thread.
    pub fn pass(&self) {
        self.baton.give(Side::Dispatcher);
        self.baton.wait_for(Side::Handler);
    }

    /// Tells it to end. For one that is idle.
    pub fn dismiss(&self) {
        self.baton.give(Side::Handler);
    }

    /// What waits for the end of its OS thread.
    pub fn take_os_thread(&self) -> Option<JoinHandle<()>> {
        self.os_thread.lock().take()
    }
}
