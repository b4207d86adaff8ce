// SPDX-License-Identifier: MIT
//! A counting semaphore, strictly first in, first out: a big request is not overtaken by small ones.

use super::line::{Line, Place};
use crate::dispatcher::{Dispatcher, Name, Object};
use crate::status::{Fault, Outcome, Status};
use std::cell::Cell;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

/// A semaphore.
pub struct Semaphore {
    max: u32,
    count: Cell<u32>,
    /// How many were granted to waiters that have not gone on since.
    granted: Cell<u32>,
    line: Line<u32>,
    destroyed: Cell<bool>,
    /// The time limit of a take that names none, in seconds.
    pub seconds: f64,
}

impl Semaphore {
    /// A semaphore of at most `max`, of which `count` are there.
    pub fn new(max: u32, count: u32, seconds: f64) -> Self {
        Semaphore {
            max,
            count: Cell::new(count),
            granted: Cell::new(0),
            line: Line::new(),
            destroyed: Cell::new(false),
            seconds,
        }
    }

    /// How many are there.
    pub fn count(&self) -> u32 {
        self.count.get()
    }

    /// How many coroutines and operations wait.
    pub fn waiting(&self) -> usize {
        self.line.len()
    }

    /// Gives `n` back. What was granted counts until it is taken, as it may come back.
    pub fn give(&self, n: u32) -> Outcome<()> {
        let (count, granted) = (self.count.get(), self.granted.get());
        if n > self.max - count - granted {
            return Err(Fault::new(
                Status::TOO_MANY,
                format!(
                    "{count} are there and {granted} granted, {n} more would be above the maximum \
                     of {}",
                    self.max
                ),
            ));
        }
        self.hand_out(n);
        Ok(())
    }

    /// Adds `n` and serves those that wait, as far as it reaches, unless they are to learn that it is
    /// destroyed.
    fn hand_out(&self, n: u32) {
        self.count.set(self.count.get() + n);
        while !self.destroyed.get()
            && let Some(wants) = self.line.first()
            && wants <= self.count.get()
        {
            self.count.set(self.count.get() - wants);
            self.granted.set(self.granted.get() + wants);
            self.line.grant_first();
        }
    }

    /// Ends the grant of `n`: it was taken, or comes back.
    fn end_grant(&self, n: u32) {
        self.granted.set(self.granted.get() - n);
    }
}

impl Object for Semaphore {
    fn first_name(&self, number: u64) -> Option<Name> {
        Some(Name::Numbered(&"semaphore", number))
    }

    fn destroy(&self, _: &Dispatcher) {
        self.destroyed.set(true);
        self.line.wake_all();
    }
}

/// Taking some of a semaphore.
pub struct Take {
    semaphore: Rc<Semaphore>,
    n: u32,
    place: Option<Place>,
}

impl Take {
    /// Takes `n`, which must not be more than there can be.
    pub fn new(semaphore: &Rc<Semaphore>, n: u32) -> Outcome<Self> {
        if n > semaphore.max {
            let text = format!("{n} are more than the maximum of {}", semaphore.max);
            return Err(Fault::new(Status::TOO_MANY, text));
        }
        Ok(Take {
            semaphore: Rc::clone(semaphore),
            n,
            place: None,
        })
    }
}

impl Future for Take {
    type Output = Outcome<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<()>> {
        let semaphore = Rc::clone(&self.semaphore);
        if let Some(place) = self.place
            && semaphore.line.take_grant(place)
        {
            self.place = None;
            semaphore.end_grant(self.n);
            return Poll::Ready(Ok(()));
        }
        if semaphore.destroyed.get() {
            return Poll::Ready(Err(Status::DESTROYED.into()));
        }
        if self.place.is_none() {
            if semaphore.line.first().is_none() && semaphore.count.get() >= self.n {
                semaphore.count.set(semaphore.count.get() - self.n);
                return Poll::Ready(Ok(()));
            }
            self.place = Some(semaphore.line.join(context.waker(), self.n));
        }
        Poll::Pending
    }
}

impl Drop for Take {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let granted = self.semaphore.line.leave(place);
            let back = if granted { self.n } else { 0 };
            self.semaphore.end_grant(back);
            // Who stood behind may fit now, also when nothing had been granted.
            self.semaphore.hand_out(back);
        }
    }
}

/// Takes `n`, waiting for at most `seconds`.
pub fn take(d: &Dispatcher, semaphore: &Rc<Semaphore>, n: u32, seconds: f64) -> Outcome<()> {
    super::wait_or_look(d, pin!(Take::new(semaphore, n)?), seconds)?
}
