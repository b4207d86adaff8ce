// SPDX-License-Identifier: MIT
//! The ready queue: whose turn it is.

use super::Dispatcher;
use super::handle::{Handle, Kind};
use super::thread::{BUDGET, Thread};
use std::rc::Rc;

/// Operations after which the kernel is asked again, although not all that were ready have run:
/// some hundred microseconds of system calls.
const ROUND: u32 = 256;

impl Dispatcher {
    /// Wakes a waiter. A stale handle does nothing.
    pub fn wake(&self, who: Handle) {
        match who.kind() {
            Kind::Thread => {
                if let Some(thread) = self.threads.borrow().get(who.slot(), who.generation()) {
                    self.wake_thread(thread);
                }
            }
            Kind::Operation => {
                if let Some(operation) = self.operation(who) {
                    self.wake_operation(&operation);
                }
            }
            Kind::Dispatcher => self.root.woken.set(true),
            Kind::Socket => self.ready.borrow_mut().push_back(who),
            Kind::Object | Kind::Tls => {}
        }
    }

    /// Puts a coroutine into the ready queue, once.
    pub(super) fn wake_thread(&self, thread: &Thread) {
        if !thread.queued.replace(true) {
            self.ready.borrow_mut().push_back(thread.handle);
        }
    }

    /// Gives those that are ready now their turn; whether there were any. Who becomes ready
    /// meanwhile has its turn in the next round.
    pub(super) fn run_ready(&self) -> bool {
        let mut turns = self.ready.borrow().len();
        let any = turns != 0;
        let mut operations = 0;
        while turns != 0 && operations < ROUND {
            turns -= 1;
            let Some(who) = self.ready.borrow_mut().pop_front() else {
                break;
            };
            operations += self.give_turn(who);
        }
        any
    }

    /// Gives one its turn; how many operations it did.
    fn give_turn(&self, who: Handle) -> u32 {
        match who.kind() {
            Kind::Thread => self.thread(who).map_or(0, |thread| self.run_thread(thread)),
            Kind::Operation => {
                if let Some(operation) = self.operation(who) {
                    self.run_operation(&operation);
                    self.driver().settle(self);
                }
                1
            }
            _ => self.driver().turn(self, who),
        }
    }

    /// Runs a coroutine until it parks, yields or ends.
    fn run_thread(&self, thread: Rc<Thread>) -> u32 {
        thread.queued.set(false);
        thread.budget.set(BUDGET);
        self.current.replace(Some(Rc::clone(&thread)));
        let ended = thread.resume();
        self.current.replace(None);
        self.driver().settle(self);
        if ended {
            self.end(&thread);
        }
        BUDGET - thread.budget.get() + 1
    }

    /// Whether somebody is ready.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.borrow().is_empty()
    }
}
