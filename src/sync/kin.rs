// SPDX-License-Identifier: MIT
//! Which running coroutine is in which group, and who started it there. So a coroutine deep inside a
//! group is told when it would wait for itself.

use super::Group;
use crate::dispatcher::Handle;
use crate::sys::sync::thread_local;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};

thread_local! {
    /// Of the members that run on this OS thread, by their handles, which are never used twice.
    static RUNNING: RefCell<HashMap<u64, Kin>> = RefCell::default();
}

/// A member's group and its starter, if that is a coroutine.
#[derive(Clone)]
pub struct Kin {
    group: Weak<Group>,
    starter: Option<Handle>,
}

impl Kin {
    /// Of a member that `starter` adds.
    pub fn new(group: &Rc<Group>, starter: Option<Handle>) -> Self {
        Kin {
            group: Rc::downgrade(group),
            starter,
        }
    }

    /// The member begins to run; forgotten when the result is dropped.
    pub fn begin(self, member: Handle) -> Running {
        RUNNING.with(|running| running.borrow_mut().insert(member.bits(), self));
        Running(member)
    }
}

/// A member that runs.
pub struct Running(Handle);

impl Drop for Running {
    fn drop(&mut self) {
        forget(self.0);
    }
}

/// Forgets a member that will run no more.
pub fn forget(member: Handle) {
    RUNNING.with(|running| running.borrow_mut().remove(&member.bits()));
}

/// Whether `thread` is in `group`, or was started by a coroutine that is inside and still runs.
pub fn is_inside(thread: Handle, group: &Rc<Group>) -> bool {
    RUNNING.with(|running| {
        let running = running.borrow();
        let mut next = Some(thread);
        while let Some(kin) = next.and_then(|thread| running.get(&thread.bits())) {
            if kin.group.as_ptr() == Rc::as_ptr(group) {
                return true;
            }
            next = kin.starter;
        }
        false
    })
}
