// SPDX-License-Identifier: MIT
//! What a coroutine runs on, and the coroutine that runs there: a stack that is switched to, or an OS
//! thread that the baton is passed to. Those who resume it need not know which.

use super::carried::Carried;
use super::carrier::Carrier;
use super::switch::{State, Switched};
use std::sync::Arc;

/// What a coroutine runs on.
pub enum Vehicle {
    /// A stack, on which nothing runs.
    Stack(Switched),
    /// An OS thread.
    OsThread(Arc<Carrier>),
}

/// A coroutine.
pub enum Coroutine {
    /// On a stack of its own.
    Switched(Switched),
    /// On an OS thread of its own.
    Carried(Box<Carried>),
}

impl Coroutine {
    /// Makes a coroutine that runs `body` when it is first resumed. A panic of `body` ends it.
    #[inline]
    pub fn new(vehicle: Vehicle, body: impl FnOnce() + 'static) -> Self {
        match vehicle {
            Vehicle::Stack(switched) => {
                switched.begin(body);
                Coroutine::Switched(switched)
            }
            Vehicle::OsThread(carrier) => {
                Coroutine::Carried(Box::new(Carried::new(carrier, Box::new(body))))
            }
        }
    }

    /// Has it run `body` when it is resumed next. For one that rests.
    #[inline]
    pub fn begin(&self, body: impl FnOnce() + 'static) {
        match self {
            Coroutine::Switched(switched) => switched.begin(body),
            Coroutine::Carried(_) => unreachable!("one on an OS thread does not rest"),
        }
    }

    /// Has it rest, if its body has returned or never ran (it is dropped then) and its stack has this size;
    /// whether it does. It can begin another body then.
    #[inline]
    pub fn rest(&self, stack_size: usize) -> bool {
        match self {
            Coroutine::Switched(switched) => switched.size() == stack_size && switched.rest(),
            Coroutine::Carried(_) => false,
        }
    }

    /// Has what resuming it touches brought near.
    #[inline]
    pub fn prefetch(&self) {
        if let Coroutine::Switched(switched) = self {
            switched.prefetch();
        }
    }

    /// Whether it runs on an OS thread of its own.
    #[inline]
    pub fn is_carried(&self) -> bool {
        matches!(self, Coroutine::Carried(_))
    }

    /// The lowest and the highest address of its stack, if it has one of its own.
    pub fn stack(&self) -> Option<(usize, usize)> {
        match self {
            Coroutine::Switched(switched) => switched.stack(),
            Coroutine::Carried(_) => None,
        }
    }

    /// Runs it until it suspends itself or ends. For whoever it is not running on.
    #[inline]
    pub fn resume(&self) -> State {
        match self {
            Coroutine::Switched(switched) => switched.resume(),
            Coroutine::Carried(carried) => carried.resume(),
        }
    }

    /// Goes back to whoever resumed it. For itself only, which is checked.
    #[inline]
    pub fn suspend(&self) {
        match self {
            Coroutine::Switched(switched) => switched.suspend(),
            Coroutine::Carried(carried) => carried.suspend(),
        }
    }

    /// Whether it has been resumed at all.
    #[inline]
    pub fn is_started(&self) -> bool {
        match self {
            Coroutine::Switched(switched) => switched.is_started(),
            Coroutine::Carried(carried) => carried.is_started(),
        }
    }

    /// Takes it apart: what it ran on, if its body has returned or never ran (it is dropped then).
    /// None for one that is suspended, which is abandoned by this.
    #[inline]
    pub fn take_vehicle(&self) -> Option<Vehicle> {
        match self {
            Coroutine::Switched(switched) => switched.take_idle().map(Vehicle::Stack),
            Coroutine::Carried(carried) => carried.take_carrier().map(Vehicle::OsThread),
        }
    }
}
