// SPDX-License-Identifier: MIT
//! A lock: one owner at a time, handed over first in, first out.

use super::line::{Line, Place};
use crate::dispatcher::{Dispatcher, Handle, Name, Object};
use crate::status::{Fault, Outcome, Status};
use std::cell::Cell;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

/// A lock.
pub struct Lock {
    reentrant: bool,
    owner: Cell<Option<Handle>>,
    /// How often its owner has got it, counted from the grant on: one that its waiter has not
    /// taken yet is among them.
    depth: Cell<u32>,
    /// How many of those its owner has not been told of yet.
    untold: Cell<u32>,
    line: Line<Handle>,
    destroyed: Cell<bool>,
    /// The time limit of a get that names none, in seconds.
    pub seconds: f64,
}

impl Lock {
    /// A lock that nobody has; with `reentrant` its owner may get it again.
    pub fn new(reentrant: bool, seconds: f64) -> Self {
        Lock {
            reentrant,
            owner: Cell::new(None),
            depth: Cell::new(0),
            untold: Cell::new(0),
            line: Line::new(),
            destroyed: Cell::new(false),
            seconds,
        }
    }

    /// Gives it back, once; with the last time it is the next one's.
    fn release(&self, owner: Handle) -> Outcome<()> {
        if self.owner.get() != Some(owner) || self.depth.get() == self.untaken() {
            return Err(Status::NOT_OWNER.into());
        }
        self.set_depth(self.depth.get() - 1);
        Ok(())
    }

    /// What its owner cannot release: the grant that its waiter has not taken yet, if there is one, and
    /// what nobody has been told of.
    fn untaken(&self) -> u32 {
        u32::from(self.line.untaken() != 0) + self.untold.get()
    }

    /// Its owner has it `depth` times; at 0 it is the next one's.
    fn set_depth(&self, depth: u32) {
        self.depth.set(depth);
        if depth == 0 {
            self.hand_over();
        }
    }

    /// Nobody has it any more, or the first that waits; one that is destroyed is nobody's.
    fn hand_over(&self) {
        if self.destroyed.get() {
            return;
        }
        let next = self.line.first();
        self.owner.set(next);
        self.depth.set(u32::from(next.is_some()));
        self.line.grant_first();
    }

    /// Gets it without waiting, if that is possible.
    fn try_get(&self, who: Handle) -> Outcome<bool> {
        match self.owner.get() {
            None => {
                self.owner.set(Some(who));
                self.depth.set(1);
                Ok(true)
            }
            Some(owner) if owner == who && self.reentrant => {
                let deeper = self.depth.get().checked_add(1);
                self.depth.set(deeper.ok_or(Status::LIMIT)?);
                Ok(true)
            }
            Some(owner) if owner == who => Err(Fault::new(
                Status::BUSY,
                "the caller has this lock already, and it is not re-entrant",
            )),
            Some(_) => Ok(false),
        }
    }
}

impl Object for Lock {
    fn first_name(&self, number: u64) -> Option<Name> {
        Some(Name::Numbered(&"lock", number))
    }

    fn abandoned(&self, thread: Handle) {
        if self.owner.get() == Some(thread) {
            self.set_depth(self.untaken());
        }
    }

    fn destroy(&self, _: &Dispatcher) {
        self.destroyed.set(true);
        self.line.wake_all();
    }
}

/// Getting a lock.
pub struct Get {
    lock: Rc<Lock>,
    who: Handle,
    place: Option<Place>,
}

impl Get {
    /// Gets it for `who`.
    pub fn new(lock: &Rc<Lock>, who: Handle) -> Self {
        Get {
            lock: Rc::clone(lock),
            who,
            place: None,
        }
    }
}

impl Future for Get {
    type Output = Outcome<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<()>> {
        let lock = Rc::clone(&self.lock);
        if let Some(place) = self.place {
            if lock.line.take_grant(place) {
                self.place = None;
                return Poll::Ready(Ok(()));
            }
        } else {
            match lock.try_get(self.who) {
                Ok(true) => return Poll::Ready(Ok(())),
                Ok(false) => self.place = Some(lock.line.join(context.waker(), self.who)),
                Err(fault) => return Poll::Ready(Err(fault)),
            }
        }
        if lock.destroyed.get() {
            return Poll::Ready(Err(Status::DESTROYED.into()));
        }
        Poll::Pending
    }
}

impl Drop for Get {
    fn drop(&mut self) {
        if let Some(place) = self.place
            && self.lock.line.leave(place)
        {
            self.lock.set_depth(self.lock.depth.get() - 1);
        }
    }
}

/// A get that its owner has not been told of: nobody can release it so far. Handed on when dropped.
pub struct Untold(Option<Rc<Lock>>);

impl Untold {
    /// Of a get that is just over.
    pub fn new(lock: Rc<Lock>) -> Self {
        lock.untold.set(lock.untold.get() + 1);
        Untold(Some(lock))
    }

    /// Its owner is told.
    pub fn tell(mut self) {
        if let Some(lock) = self.0.take() {
            lock.untold.set(lock.untold.get() - 1);
        }
    }
}

impl Drop for Untold {
    fn drop(&mut self) {
        if let Some(lock) = self.0.take() {
            lock.untold.set(lock.untold.get() - 1);
            lock.set_depth(lock.depth.get() - 1);
        }
    }
}

/// Gives it back for the caller, once.
pub fn release(d: &Dispatcher, lock: &Lock) -> Outcome<()> {
    // Whoever runs elsewhere has got nothing here.
    super::check_at_home(d).map_err(|_| Status::NOT_OWNER)?;
    lock.release(d.borrower())
}

/// Gets the lock, waiting for at most `seconds`; gives the seconds waited.
pub fn get(d: &Dispatcher, lock: &Rc<Lock>, seconds: f64) -> Outcome<f64> {
    super::check_at_home(d)?;
    let who = d.borrower();
    if lock.try_get(who)? {
        return Ok(0.0);
    }
    let start = d.now();
    super::wait_or_look(d, pin!(Get::new(lock, who)), seconds)??;
    Ok((d.now() - start) as f64 / 1e9)
}
