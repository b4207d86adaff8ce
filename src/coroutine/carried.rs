// SPDX-License-Identifier: MIT
//! A coroutine that runs on an OS thread of its own: the same as one that is switched to, for those
//! who resume it and for its body, but a resume passes the baton (`baton`) in place of a switch.
//!
//! Its OS thread has its own C++ exception state, and tools know it as what it is: nothing has to be
//! saved or annotated. One that is abandoned leaves its OS thread waiting for the baton for ever.

use super::carrier::{Body, Carrier};
use super::switch::State;
use std::cell::Cell;
use std::sync::Arc;

/// A coroutine on an OS thread.
pub struct Carried {
    carrier: Arc<Carrier>,
    /// It has been taken apart: the carrier is somebody else's, or waits for ever.
    apart: Cell<bool>,
    /// What it will run, until it is first resumed.
    body: Cell<Option<Body>>,
    started: Cell<bool>,
    running: Cell<bool>,
    finished: Cell<bool>,
}

impl Carried {
    /// Makes a coroutine that runs `body` when it is first resumed. A panic of `body` ends it.
    pub fn new(carrier: Arc<Carrier>, body: Body) -> Self {
        Carried {
            carrier,
            apart: Cell::new(false),
            body: Cell::new(Some(body)),
            started: Cell::new(false),
            running: Cell::new(false),
            finished: Cell::new(false),
        }
    }

    /// Runs it until it suspends itself or ends. For the OS thread that it is not running on.
    pub fn resume(&self) -> State {
        assert!(
            !self.apart.get() && !self.finished.get() && !self.running.get(),
            "a coroutine is resumed from outside, until it ends or was taken apart"
        );
        self.started.set(true);
        self.running.set(true);
        let ended = self.carrier.run(self.body.take());
        self.running.set(false);
        self.finished.set(ended);
        if ended {
            State::Finished
        } else {
            State::Suspended
        }
    }

    /// Goes back to whoever resumed it. For its own OS thread only, which is checked.
    pub fn suspend(&self) {
        assert!(
            self.running.get() && self.carrier.is_calling(),
            "a coroutine suspends itself on its own OS thread"
        );
        self.carrier.pass();
    }

    /// Whether it has been resumed at all.
    pub fn is_started(&self) -> bool {
        self.started.get()
    }

    /// Takes it apart: its OS thread, if its body has returned or never ran (it is dropped then).
    /// None for one that is suspended, which is abandoned by this.
    pub fn take_carrier(&self) -> Option<Arc<Carrier>> {
        if self.apart.replace(true) {
            return None;
        }
        drop(self.body.take());
        let idle = !self.started.get() || self.finished.get();
        idle.then(|| Arc::clone(&self.carrier))
    }
}
