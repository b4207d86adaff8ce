// SPDX-License-Identifier: MIT
//! What the layers above keep with a dispatcher under a handle: locks, queues, timers and the like.

use super::Dispatcher;
use super::deadline::Deadline;
use super::driver::Readiness;
use super::handle::{Handle, Kind};
use super::thread::Name;
use crate::status::{Fault, Outcome, Status};
use std::any::Any;
use std::rc::Rc;

/// An object with a handle of its own.
pub trait Object: Any {
    /// Its time limit, if it is of a kind that has one.
    fn deadline(&self) -> Option<&Deadline> {
        None
    }

    /// Its time limit has passed.
    fn due(self: Rc<Self>, _: &Dispatcher) {}

    /// Whether it is a timer that is armed.
    fn is_armed(&self) -> bool {
        false
    }

    /// What it is called at first, if it is of a kind that has a name.
    fn first_name(&self, _number: u64) -> Option<Name> {
        None
    }

    /// The kernel reports on its descriptor.
    fn ready(&self, _: Readiness) {}

    /// A coroutine was abandoned: what it held of the object is free.
    fn abandoned(&self, _: Handle) {}

    /// A shutdown begins, or (`last`) everything is canceled now: nothing new is started.
    fn wind_down(&self, _: &Dispatcher, _last: bool) {}

    /// It is destroyed: those that wait on it are woken, and learn it.
    fn destroy(&self, d: &Dispatcher);
}

impl Dispatcher {
    /// Keeps the object that `make` gives for its handle, until it is removed.
    pub fn add_object<T: Object>(&self, make: impl FnOnce(Handle) -> T) -> Outcome<Handle> {
        // What `make` holds of the program's must not be dropped under the borrow.
        if !self.objects.borrow().has_room() {
            return Err(Status::LIMIT.into());
        }
        let number = self.handle.dispatcher();
        let mut handle = None;
        self.objects.borrow_mut().insert_with(|slot, generation| {
            let own = Handle::new(Kind::Object, number, slot, generation);
            handle = Some(own);
            let object: Rc<dyn Object> = Rc::new(make(own));
            object
        });
        handle.ok_or_else(|| Status::LIMIT.into())
    }

    /// The object of a handle, if it is a `T`.
    #[inline]
    pub fn object<T: Object>(&self, handle: Handle) -> Outcome<Rc<T>> {
        let object: Rc<dyn Any> = self.any_object(handle).ok_or(Status::STALE)?;
        object
            .downcast()
            .map_err(|_| Fault::invalid("the handle is of another kind of object"))
    }

    /// The object of a handle.
    pub(super) fn any_object(&self, handle: Handle) -> Option<Rc<dyn Object>> {
        let objects = self.objects.borrow();
        objects.get(handle.slot(), handle.generation()).cloned()
    }

    /// Acts on the name of an object. Only those that somebody asked for are kept, so that an object
    /// costs nothing for it.
    pub fn with_object_name<R>(
        &self,
        handle: Handle,
        act: impl FnOnce(&mut Name) -> R,
    ) -> Outcome<R> {
        let object = self.any_object(handle).ok_or(Status::STALE)?;
        let mut names = self.object_names.borrow_mut();
        if let Some(name) = names.get_mut(&handle) {
            return Ok(act(name));
        }
        let first = object.first_name(u64::from(handle.slot()) + 1);
        let first = first.ok_or_else(|| Fault::invalid("this kind of object has no name"))?;
        Ok(act(names.entry(handle).or_insert(first)))
    }

    /// Destroys an object: its handle is stale. Whether it was there.
    pub fn destroy_object(&self, handle: Handle) -> bool {
        let (slot, generation) = (handle.slot(), handle.generation());
        let removed = self.objects.borrow_mut().remove(slot, generation);
        let Some(object) = removed else {
            return false;
        };
        if !self.object_names.borrow().is_empty() {
            self.object_names.borrow_mut().remove(&handle);
        }
        object.destroy(self);
        true
    }

    /// Tells all objects of a shutdown.
    pub(super) fn wind_down(&self, last: bool) {
        for object in self.all_objects() {
            object.wind_down(self, last);
        }
    }

    fn all_objects(&self) -> Vec<Rc<dyn Object>> {
        self.objects.borrow().iter().cloned().collect()
    }

    /// Tells all objects of an abandoned coroutine.
    pub(super) fn tell_abandoned(&self, thread: Handle) {
        for object in self.all_objects() {
            object.abandoned(thread);
        }
    }

    /// Destroys every object.
    pub(super) fn destroy_objects(&self) {
        let all = self.objects.borrow_mut().take_all();
        for object in all {
            object.destroy(self);
        }
    }
}
