// SPDX-License-Identifier: MIT
//! Coroutines that belong together: waited for, canceled and ended as one.

use super::Until;
use crate::dispatcher::{Caller, Dispatcher, Handle, Name, Object, WaitList, conclude};
use crate::status::{Fault, Outcome, Status};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::pin::pin;
use std::rc::Rc;

/// A group of coroutines.
pub struct Group {
    members: RefCell<BTreeSet<u64>>,
    waiters: Rc<WaitList>,
    /// The first member's failure.
    failure: RefCell<Option<(i32, String)>>,
    /// A failure cancels the other members.
    strict: bool,
    closed: Cell<bool>,
}

impl Group {
    /// An empty group; with `strict` the first failure cancels the others.
    pub fn new(strict: bool) -> Self {
        Group {
            members: RefCell::default(),
            waiters: Rc::default(),
            failure: RefCell::new(None),
            strict,
            closed: Cell::new(false),
        }
    }

    /// How many members have not ended.
    pub fn len(&self) -> usize {
        self.members.borrow().len()
    }

    /// The first failure: its status, a number of the program's own perhaps, and its text.
    pub fn failure(&self) -> Option<(i32, String)> {
        self.failure.borrow().clone()
    }

    /// Cancels all members.
    pub fn cancel(&self, d: &Dispatcher) {
        let members: Vec<u64> = self.members.borrow().iter().copied().collect();
        for member in members {
            if let Some(thread) = Handle::from_bits(member).and_then(|handle| d.thread(handle)) {
                d.cancel(&thread);
            }
        }
    }

    /// A member's function has returned: its failure, if it marked one, is the group's.
    fn note(&self, d: &Dispatcher) {
        let Some(thread) = d.running() else { return };
        let failed = thread
            .failure
            .borrow()
            .as_ref()
            .map(|failure| (failure.status, failure.text.to_string_lossy().into_owned()));
        if let Some(failed) = failed {
            self.failure.borrow_mut().get_or_insert(failed);
            if self.strict {
                self.cancel(d);
            }
        }
    }

    fn leave(&self, member: Handle) {
        self.members.borrow_mut().remove(&member.bits());
        if self.len() == 0 {
            self.waiters.wake_each();
        }
    }

    /// Nobody may wait for a group from inside: it would wait for itself.
    fn check_outside(&self, d: &Dispatcher) -> Outcome<()> {
        match d.caller() {
            Ok(Caller::Thread(caller)) if self.members.borrow().contains(&caller.handle.bits()) => {
                Err(Fault::invalid(
                    "a member of a group cannot wait for the group: it would wait for itself",
                ))
            }
            _ => Ok(()),
        }
    }
}

impl Object for Group {
    fn first_name(&self, number: u64) -> Option<Name> {
        Some(Name::Numbered("group", number))
    }

    fn abandoned(&self, thread: Handle) {
        self.leave(thread);
    }

    fn destroy(&self, d: &Dispatcher) {
        self.closed.set(true);
        self.cancel(d);
    }
}

/// A member's presence, until it is dropped.
struct Member {
    group: Rc<Group>,
    handle: Rc<Cell<Option<Handle>>>,
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.get() {
            self.group.leave(handle);
        }
    }
}

/// Starts a coroutine in the group.
pub fn add_member(
    d: &Dispatcher,
    group: &Rc<Group>,
    name: Name,
    body: impl FnOnce() + 'static,
) -> Outcome<Handle> {
    if group.closed.get() {
        return Err(Status::STOPPED.into());
    }
    let own = Rc::new(Cell::new(None));
    let member = Member {
        group: Rc::clone(group),
        handle: Rc::clone(&own),
    };
    let number = d.handle;
    let handle = d.spawn(name, 0, move || {
        body();
        if let Ok(d) = crate::dispatcher::registry::enter(number) {
            member.group.note(&d);
        }
        conclude();
        drop(member);
    })?;
    own.set(Some(handle));
    group.members.borrow_mut().insert(handle.bits());
    Ok(handle)
}

/// Waits until all members have ended, for at most `seconds`.
pub fn wait_group(d: &Dispatcher, group: &Rc<Group>, seconds: f64) -> Outcome<()> {
    group.check_outside(d)?;
    let over = Until::new(Rc::clone(&group.waiters), || group.len() == 0);
    Ok(d.wait(pin!(over), seconds)?)
}

/// Cancels all members and waits until they have ended, also when the caller is canceled. Nobody can
/// be added any more.
pub fn close_group(d: &Dispatcher, group: &Rc<Group>) -> Outcome<()> {
    group.check_outside(d)?;
    d.caller()?;
    group.closed.set(true);
    group.cancel(d);
    let over = Until::new(Rc::clone(&group.waiters), || group.len() == 0);
    Ok(d.wait_shielded(pin!(over))?)
}
