// SPDX-License-Identifier: MIT
//! What a coroutine runs on, and the coroutine that runs there: a stack that is switched to, or an OS
//! thread that the baton is passed to. Those who resume it need not know which.

use super::carried::Carried;
use super::carrier::Carrier;
use super::stack::Stack;
use super::switch::{State, Switched};
use std::sync::Arc;

/// What a coroutine runs on.
pub enum Vehicle {
    /// A stack.
    Stack(Stack),
    /// An OS thread.
    OsThread(Arc<Carrier>),
}

/// A coroutine.
pub enum Coroutine {
    /// On a stack of its own.
    Switched(Switched),
    /// On an OS thread of its own.
    Carried(Carried),
}

impl Coroutine {
    /// Makes a coroutine that runs `body` when it is first resumed. A panic of `body` ends it.
    pub fn new(vehicle: Vehicle, body: impl FnOnce() + 'static) -> Self {
        match vehicle {
            Vehicle::Stack(stack) => Coroutine::Switched(Switched::new(stack, body)),
            Vehicle::OsThread(carrier) => Coroutine::Carried(Carried::new(carrier, Box::new(body))),
        }
    }

    /// Whether it runs on an OS thread of its own.
    pub fn is_carried(&self) -> bool {
        matches!(self, Coroutine::Carried(_))
    }

    /// The lowest and the highest address of its stack, if it has one of its own.
    pub fn stack(&self) -> Option<(usize, usize)> {
        match self {
            Coroutine::Switched(switched) => Some(switched.stack()),
            Coroutine::Carried(_) => None,
        }
    }

    /// Runs it until it suspends itself or ends. For whoever it is not running on.
    pub fn resume(&self) -> State {
        match self {
            Coroutine::Switched(switched) => switched.resume(),
            Coroutine::Carried(carried) => carried.resume(),
        }
    }

    /// Goes back to whoever resumed it. For itself only, which is checked.
    pub fn suspend(&self) {
        match self {
            Coroutine::Switched(switched) => switched.suspend(),
            Coroutine::Carried(carried) => carried.suspend(),
        }
    }

    /// Whether it has been resumed at all.
    pub fn is_started(&self) -> bool {
        match self {
            Coroutine::Switched(switched) => switched.is_started(),
            Coroutine::Carried(carried) => carried.is_started(),
        }
    }

    /// Takes it apart: what it ran on, if its body has returned or never ran (it is dropped then).
    /// None for one that is suspended, which is abandoned by this.
    pub fn take_vehicle(&self) -> Option<Vehicle> {
        match self {
            Coroutine::Switched(switched) => switched.take_stack().map(Vehicle::Stack),
            Coroutine::Carried(carried) => carried.take_carrier().map(Vehicle::OsThread),
        }
    }
}
