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

    /// Gives `n` back.
    pub fn give(&self, n: u32) -> Outcome<()> {
        if n > self.max - self.count.get() {
            return Err(Fault::new(
                Status::TOO_MANY,
                format!(
                    "{} are there, {n} more would be above the maximum of {}",
                    self.count.get(),
                    self.max
                ),
            ));
        }
        self.hand_out(n);
        Ok(())
    }

    /// Adds `n` and serves those that wait, as far as it reaches.
    fn hand_out(&self, n: u32) {
        let mut count = self.count.get() + n;
        while let Some(wants) = self.line.first()
            && wants <= count
        {
            count -= wants;
            self.line.grant_first();
        }
        self.count.set(count);
    }
}

impl Object for Semaphore {
    fn first_name(&self, number: u64) -> Option<Name> {
        Some(Name::Numbered("semaphore", number))
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
        if let Some(place) = self.place {
            if semaphore.line.take_grant(place) {
                self.place = None;
                return Poll::Ready(Ok(()));
            }
        } else if semaphore.line.first().is_none() && semaphore.count.get() >= self.n {
            semaphore.count.set(semaphore.count.get() - self.n);
            return Poll::Ready(Ok(()));
        } else {
            self.place = Some(semaphore.line.join(context.waker(), self.n));
        }
        if semaphore.destroyed.get() {
            return Poll::Ready(Err(Status::DESTROYED.into()));
        }
        Poll::Pending
    }
}

impl Drop for Take {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let granted = self.semaphore.line.leave(place);
            // Who stood behind may fit now, also when nothing had been granted.
            self.semaphore.hand_out(if granted { self.n } else { 0 });
        }
    }
}

/// Takes `n`, waiting for at most `seconds`.
pub fn take(d: &Dispatcher, semaphore: &Rc<Semaphore>, n: u32, seconds: f64) -> Outcome<()> {
    d.wait(pin!(Take::new(semaphore, n)?), seconds)?
}
