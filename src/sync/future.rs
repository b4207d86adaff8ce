// SPDX-License-Identifier: MIT
//! The result of a coroutine, for as many as want it.

use super::Until;
use crate::dispatcher::{Dispatcher, Handle, Name, Object, WaitList};
use crate::status::{Fault, Outcome, Status};
use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;

/// A result that is there, or will be. Dropped with the future when it is destroyed.
pub struct Promise<T> {
    result: RefCell<Option<Outcome<T>>>,
    waiters: Rc<WaitList>,
    thread: Cell<Option<Handle>>,
    destroyed: Cell<bool>,
}

impl<T: Clone + 'static> Promise<T> {
    /// No result yet.
    pub fn new() -> Self {
        Promise {
            result: RefCell::new(None),
            waiters: Rc::default(),
            thread: Cell::new(None),
            destroyed: Cell::new(false),
        }
    }

    /// Notes the coroutine that works on it.
    pub fn set_thread(&self, thread: Handle) {
        self.thread.set(Some(thread));
    }

    /// The result has come, or will not; the first call counts.
    pub fn settle(&self, result: Outcome<T>) {
        let mut place = self.result.borrow_mut();
        if place.is_none() {
            *place = Some(result);
            drop(place);
            self.waiters.wake_all();
        }
    }

    /// The result, if it is there.
    pub fn result(&self) -> Option<Outcome<T>> {
        if self.destroyed.get() {
            return Some(Err(Status::DESTROYED.into()));
        }
        match &*self.result.borrow() {
            None => None,
            Some(Ok(value)) => Some(Ok(value.clone())),
            Some(Err(fault)) => Some(Err(fault.status.into())),
        }
    }

    /// Cancels the coroutine that works on it.
    pub fn cancel(&self, d: &Dispatcher) {
        if let Some(thread) = self.thread.get().and_then(|thread| d.thread(thread)) {
            d.cancel(&thread);
        }
    }
}

impl<T: Clone + 'static> Object for Promise<T> {
    fn first_name(&self, number: u64) -> Option<Name> {
        Some(Name::Numbered(&"future", number))
    }

    fn destroy(&self, d: &Dispatcher) {
        self.destroyed.set(true);
        self.cancel(d);
        self.waiters.wake_all();
    }
}

/// Ready with the result.
pub async fn settled<T: Clone + 'static>(promise: Rc<Promise<T>>) -> Outcome<T> {
    let list = Rc::clone(&promise.waiters);
    Until::new(list, || promise.result().is_some()).await;
    promise.result().unwrap_or(Err(Status::DESTROYED.into()))
}

/// An error where `who`, a coroutine or the root stack, would wait for what it is to give itself.
pub fn check_get<T>(who: Handle, promise: &Promise<T>) -> Outcome<()> {
    if promise.thread.get() == Some(who) {
        return Err(Fault::invalid(
            "a coroutine cannot wait for its own result: it would wait for ever",
        ));
    }
    Ok(())
}

/// Waits for the result, for at most `seconds`.
pub fn wait_for<T: Clone + 'static>(
    d: &Dispatcher,
    promise: &Rc<Promise<T>>,
    seconds: f64,
) -> Outcome<T> {
    check_get(d.borrower(), promise)?;
    d.wait(pin!(settled(Rc::clone(promise))), seconds)?
}
