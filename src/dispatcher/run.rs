// SPDX-License-Identifier: MIT
//! The ready queue: whose turn it is.

use super::Dispatcher;
use super::handle::{Handle, Kind};
use super::thread::{BUDGET, Thread};
use super::turns::Turn;
use std::rc::Rc;

/// Operations after which the kernel is asked again, although not all that were ready have run:
/// some hundred microseconds of system calls.
const ROUND: u32 = 256;

impl Dispatcher {
    /// Wakes a waiter. A stale handle does nothing.
    #[inline(never)]
    pub fn wake(&self, who: Handle) {
        self.wake_near(who, std::ptr::null());
    }

    /// Wakes a waiter that will need what lies at `near`, which is for the processor's cache only.
    #[inline(always)]
    pub fn wake_near(&self, who: Handle, near: *const ()) {
        if who.kind() != Kind::Thread {
            self.wake_other(who);
        } else if let Some(thread) = self.threads.borrow().get(who.slot(), who.generation()) {
            self.queue_thread(thread, near);
        }
    }

    /// Wakes a waiter that is no coroutine.
    #[inline(never)]
    fn wake_other(&self, who: Handle) {
        match who.kind() {
            Kind::Operation => {
                if let Some(operation) = self.operation(who) {
                    self.wake_operation(&operation);
                }
            }
            Kind::Dispatcher => self.root.woken.set(true),
            Kind::Socket => self.ready.borrow_mut().push(Turn::Other(who)),
            Kind::Thread | Kind::Object | Kind::Tls => {}
        }
    }

    /// Puts a coroutine into the ready queue, once.
    #[inline]
    pub(super) fn queue_thread(&self, thread: &Rc<Thread>, near: *const ()) {
        if !thread.queued.replace(true) {
            let turn = Turn::Thread(Rc::clone(thread), near);
            self.ready.borrow_mut().push(turn);
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
            let Some(turn) = self.ready.borrow_mut().pop() else {
                break;
            };
            operations += match turn {
                Turn::Thread(thread, _) => self.run_thread(thread),
                Turn::Other(who) => self.give_turn(who),
            };
        }
        any
    }

    /// Gives an operation or a socket its turn; how many operations it did.
    fn give_turn(&self, who: Handle) -> u32 {
        match who.kind() {
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
        if thread.has_ended() {
            return 0;
        }
        if !self.goes_on(&thread) {
            self.driver().settle(self);
            return 1;
        }
        thread.budget.set(BUDGET);
        self.borrower.set(thread.handle);
        self.current.replace(Some(Rc::clone(&thread)));
        let ended = thread.resume();
        self.current.replace(None);
        self.borrower.set(self.handle);
        self.driver().settle(self);
        let operations = u32::from(BUDGET - thread.budget.get()) + 1;
        if ended {
            self.end(thread);
        }
        operations
    }

    /// Whether somebody is ready.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.borrow().is_empty()
    }
}
