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

#[cfg(test)]
mod tests {
    use super::super::OsThreads;
    use super::*;
    use std::cell::RefCell;
    use std::rc::{Rc, Weak};

    const SIZE: usize = 256 * 1024;

    /// A coroutine whose body gets itself, to suspend.
    fn carried(pool: &OsThreads, body: impl FnOnce(&Carried) + 'static) -> Rc<Carried> {
        let carrier = pool.take(SIZE).unwrap();
        Rc::new_cyclic(|own: &Weak<Carried>| {
            let own = own.as_ptr();
            // SAFETY: the body runs only inside `resume`, whose caller keeps the coroutine alive.
            Carried::new(carrier, Box::new(move || body(unsafe { &*own })))
        })
    }

    #[test]
    fn each_side_goes_on_where_it_left() {
        let pool = OsThreads::new(1);
        let trace = Rc::new(RefCell::new(String::new()));
        let inside = Rc::clone(&trace);
        let coroutine = carried(&pool, move |own| {
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
        pool.give(coroutine.take_carrier().unwrap());
        pool.close();
    }

    #[test]
    fn a_panic_ends_its_coroutine_only() {
        let pool = OsThreads::new(1);
        for _ in 0..2 {
            let coroutine = carried(&pool, |_| std::panic::resume_unwind(Box::new("planted")));
            assert_eq!(coroutine.resume(), State::Finished);
            pool.give(coroutine.take_carrier().unwrap());
        }
        pool.close();
    }

    #[test]
    fn the_body_of_one_that_never_ran_is_dropped_and_its_os_thread_is_free() {
        let pool = OsThreads::new(1);
        let token = Rc::new(());
        let inside = Rc::clone(&token);
        let coroutine = carried(&pool, move |_| drop(inside));
        assert!(pool.is_full());
        pool.give(coroutine.take_carrier().unwrap());
        assert!(!pool.is_full());
        assert_eq!(Rc::strong_count(&token), 1);
        pool.close();
    }

    #[test]
    fn one_that_is_suspended_is_abandoned_with_its_os_thread() {
        let pool = OsThreads::new(1);
        let coroutine = carried(&pool, Carried::suspend);
        assert_eq!(coroutine.resume(), State::Suspended);
        assert!(coroutine.take_carrier().is_none());
        assert!(pool.is_full());
        pool.close();
    }

    #[test]
    #[should_panic(expected = "suspends itself on its own OS thread")]
    fn suspending_from_another_os_thread_is_refused() {
        let pool = OsThreads::new(1);
        carried(&pool, |_| {}).suspend();
    }
}
