// SPDX-License-Identifier: MIT
//! Coroutines that belong together: waited for, canceled and ended as one.

use super::Until;
use super::kin::{self, Kin};
use crate::dispatcher::{Dispatcher, Ground, Handle, Name, Object, WaitList, conclude};
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
        let Some(extras) = thread.extras_if_any() else {
            return;
        };
        let failed = extras
            .failure
            .borrow()
            .as_ref()
            .map(|failure| (failure.status, failure.text.to_string_lossy().into_owned()));
        if let Some(failed) = failed {
            let first = self.failure.borrow().is_none();
            self.failure.borrow_mut().get_or_insert(failed);
            if first && self.strict {
                self.cancel(d);
            }
        }
    }

    /// Whether nobody can be added: it is closed, or strict and has failed.
    fn is_over(&self) -> bool {
        self.closed.get() || self.strict && self.failure.borrow().is_some()
    }

    fn leave(&self, member: Handle) {
        self.members.borrow_mut().remove(&member.bits());
        if self.len() == 0 {
            self.waiters.wake_each();
        }
    }
}

/// Nobody may wait for a group from inside, however deep: it would wait for itself. An error if `who`, a
/// coroutine or the root stack, is.
pub fn check_outside(who: Handle, group: &Rc<Group>) -> Outcome<()> {
    if kin::is_inside(who, group) {
        return Err(Fault::invalid(
            "neither a member of a group nor who descends from one can wait for the group: it would \
             wait for itself",
        ));
    }
    Ok(())
}

impl Object for Group {
    fn first_name(&self, number: u64) -> Option<Name> {
        Some(Name::Numbered(&"group", number))
    }

    fn abandoned(&self, thread: Handle) {
        kin::forget(thread);
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
    ground: Ground,
    body: impl FnOnce() + 'static,
) -> Outcome<Handle> {
    if group.is_over() {
        return Err(Status::STOPPED.into());
    }
    let own = Rc::new(Cell::new(None));
    let member = Member {
        group: Rc::clone(group),
        handle: Rc::clone(&own),
    };
    let number = d.handle;
    let kin = Kin::new(group, d.running().map(|starter| starter.handle));
    let handle = d.spawn(ground, name, move || {
        let _kin = member.handle.get().map(|own| kin.begin(own));
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

/// Ready when all members have ended.
pub async fn joined(group: Rc<Group>) -> Outcome<()> {
    Until::new(Rc::clone(&group.waiters), || group.len() == 0).await;
    Ok(())
}

/// Waits until all members have ended, for at most `seconds`.
pub fn wait_group(d: &Dispatcher, group: &Rc<Group>, seconds: f64) -> Outcome<()> {
    check_outside(d.borrower(), group)?;
    d.wait(pin!(joined(Rc::clone(group))), seconds)?
}

/// Cancels all members and waits until they have ended, also when the caller is canceled. Nobody can
/// be added any more.
pub fn close_group(d: &Dispatcher, group: &Rc<Group>) -> Outcome<()> {
    check_outside(d.borrower(), group)?;
    d.caller()?;
    group.closed.set(true);
    group.cancel(d);
    let over = Until::new(Rc::clone(&group.waiters), || group.len() == 0);
    Ok(d.wait_shielded(pin!(over))?)
}
