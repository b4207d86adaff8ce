// SPDX-License-Identifier: MIT
//! The exports about queues.

use super::guard::{answer, destroy, handle_of, on, on_object, pointer, seconds_or};
use super::lock::PATIENCE;
use super::memory::{place, put};
use super::thread::{ThreadOptions, ThreadSettings};
use super::types::*;
use super::user::User;
use super::{c_int, copas_status};
use crate::dispatcher::{Dispatcher, Ground, Handle, Name, Object, conclude, current, registry};
use crate::status::{Fault, Outcome};
use crate::sync::{self, Worker};
use core::ffi::c_void;
use std::rc::Rc;

/// A queue of the program's pointers, with the finalizer that each of them has while it is inside.
pub(super) struct Queue {
    free: copas_free_fn,
    pub(super) items: Rc<sync::Queue<User>>,
}

impl Queue {
    /// An item of the program, owned by nobody else from now on.
    pub(super) fn own(&self, item: *mut c_void) -> User {
        User::new(item, self.free)
    }
}

impl Object for Queue {
    fn first_name(&self, number: u64) -> Option<Name> {
        Some(Name::Numbered(&"queue", number))
    }

    fn destroy(&self, d: &Dispatcher) {
        self.items.destroy(d);
    }
}

/// Makes an empty queue of at most `most` items (0: no limit). `timeout` is the time limit in seconds
/// of pops and pushes that name none; NAN: 10. `item_free` may be NULL; else it is called for each
/// item that is left in the queue when it is destroyed.
/// Errors: COPAS_INVALID (also when `out` is NULL), COPAS_LIMIT, COPAS_STALE, COPAS_WRONG_THREAD.
/// Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_queue_new(
    c: *mut copas,
    most: usize,
    timeout: f64,
    item_free: copas_free_fn,
    out: *mut *mut copas_queue,
) -> copas_status {
    answer(|| {
        on(handle_of(c)?, |d| {
            // SAFETY: NULL or writable, as the comment asks.
            let out = unsafe { place(out, "out") }?;
            let most = if most == 0 { usize::MAX } else { most };
            let items = Rc::new(sync::Queue::new(most, seconds_or(timeout, PATIENCE)));
            let queue = Queue {
                free: item_free,
                items,
            };
            let handle = d.add_object(|_| queue)?;
            out.write(pointer(handle));
            Ok(())
        })
    })
}

/// Appends an item, which may be NULL, waiting for at most `timeout` seconds (NAN: the queue's own
/// limit; 0: not at all) while the queue is full. Those that wait come in their order. On an error
/// the item stays the caller's; afterwards it belongs to the queue, then to whoever pops it. With a
/// `timeout` of 0 it may be called in callbacks.
///
/// Errors: COPAS_TIMEOUT (full); COPAS_CANCELED; COPAS_STOPPED; COPAS_DESTROYED (meanwhile);
/// COPAS_CANNOT_WAIT; COPAS_INVALID; COPAS_STALE; COPAS_WRONG_THREAD. Switch point, also where there is
/// room; in a queue without a limit it never switches, and may be called in callbacks.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn copas_queue_push(
    queue: *mut copas_queue,
    item: *mut c_void,
    timeout: f64,
) -> copas_status {
    on_object(queue, |d, queue: Rc<Queue>| {
        d.bind();
        let items = &queue.items;
        let owned = queue.own(item);
        let pushed = sync::push(d, items, owned, seconds_or(timeout, items.seconds));
        pushed.map_err(|(fault, item)| {
            item.map(User::into_pointer);
            fault
        })
    })
}

/// Takes the oldest item, waiting for at most `timeout` seconds (NAN: the queue's own limit; 0: not
/// at all) until there is one. Those that wait come in their order. The item belongs to the caller.
/// With a `timeout` of 0 it may be called in callbacks.
///
/// Errors: COPAS_TIMEOUT (empty); COPAS_CANCELED; COPAS_STOPPED (and empty); COPAS_DESTROYED
/// (meanwhile); COPAS_CANNOT_WAIT; COPAS_INVALID (also when `item` is NULL); COPAS_STALE;
/// COPAS_WRONG_THREAD. Switch point, also where there is an item.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn copas_queue_pop(
    queue: *mut copas_queue,
    timeout: f64,
    item: *mut *mut c_void,
) -> copas_status {
    on_object(queue, |d, queue: Rc<Queue>| {
        // SAFETY: NULL or writable, as the comment asks.
        let item = unsafe { place(item, "item") }?;
        d.bind();
        let items = &queue.items;
        let popped = sync::pop(d, items, seconds_or(timeout, items.seconds))?;
        item.write(popped.into_pointer());
        Ok(())
    })
}

/// How many items are in the queue (at most 2,147,483,647 are told). Errors: COPAS_INVALID,
/// COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_queue_size(queue: *mut copas_queue) -> c_int {
    on_object(queue, |_, queue: Rc<Queue>| {
        Ok(c_int::try_from(queue.items.len()).unwrap_or(c_int::MAX))
    })
}

/// Starts a coroutine that calls `fn(item, user)` for one item after the other, until the queue is
/// stopped and empty, or destroyed, or the coroutine is canceled. `out` may be NULL; else it gets the
/// coroutine's handle. An idle worker does not keep the loop alive. A worker goes on after the end of a
/// deadline (see copas_begindeadline()) in which it was added, and is not limited by it.
/// Errors: as copas_addthread(). Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_queue_addworker(
    queue: *mut copas_queue,
    r#fn: copas_worker_fn,
    user: *mut c_void,
    out: *mut *mut copas_thread,
) -> copas_status {
    let user = User::new(user, None);
    on_object(queue, |d, queue: Rc<Queue>| {
        let settings = ThreadSettings {
            user,
            name: d.next_name(),
            ground: Ground::Stack(0),
        };
        let handle = add_worker(d, &queue, r#fn, settings)?;
        // SAFETY: NULL or writable, as the comment asks.
        unsafe { put(out, pointer(handle)) };
        Ok(())
    })
}

/// copas_queue_addworker() with options; `options` may be NULL and is copied. `options->user_free` is
/// called exactly once, when the worker has ended, also when this call fails. Errors: as
/// copas_queue_addworker(); COPAS_INVALID also for a bad size or stack size, or any flag. Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_queue_addworker_with(
    queue: *mut copas_queue,
    r#fn: copas_worker_fn,
    options: *const copas_thread_options,
    out: *mut *mut copas_thread,
) -> copas_status {
    // SAFETY: NULL or a struct with its size and a name, as the comment asks.
    let options = unsafe { ThreadOptions::read(options) };
    on_object(queue, |d, queue: Rc<Queue>| {
        let handle = add_worker(d, &queue, r#fn, options.check(d, 0)?)?;
        // SAFETY: NULL or writable, as the comment asks.
        unsafe { put(out, pointer(handle)) };
        Ok(())
    })
}

/// Starts a worker that runs the program's function.
fn add_worker(
    d: &Dispatcher,
    queue: &Queue,
    function: copas_worker_fn,
    settings: ThreadSettings,
) -> Outcome<Handle> {
    let call = function.ok_or_else(|| Fault::invalid("the worker's function is NULL"))?;
    let ThreadSettings { user, name, ground } = settings;
    let mut worker = Worker::begin(&queue.items);
    d.spawn(ground, name, move || {
        start(&mut worker);
        while let Some(item) = next_item(&worker) {
            // SAFETY: the program's function with the program's pointers.
            unsafe { call(item, user.pointer()) };
        }
        drop(worker);
        conclude();
    })
}

/// The beginning of a worker, in its coroutine.
fn start(worker: &mut Worker<User>) {
    let Some(d) = current::get().and_then(|d| registry::enter(d).ok()) else {
        return;
    };
    // It serves whoever pushes, not only who added it: out of the scope that it was born into.
    d.leave_inherited_scope();
    worker.run(d.borrower());
}

/// The next item of a worker; None: it has to end.
fn next_item(worker: &Worker<User>) -> Option<*mut c_void> {
    let d = current::get().and_then(|d| registry::enter(d).ok())?;
    let popped: Outcome<User> = sync::pop(&d, worker.queue(), -1.0);
    popped.ok().map(User::into_pointer)
}

/// Takes no further items: pushes answer COPAS_STOPPED, pops too once the queue is empty. May be
/// called twice. Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_queue_stop(queue: *mut copas_queue) -> copas_status {
    on_object(queue, |_, queue: Rc<Queue>| {
        queue.items.stop();
        Ok(())
    })
}

/// Stops the queue and waits, for at most `timeout` seconds (NAN: the queue's own limit), until it is
/// empty and its workers have ended. After COPAS_TIMEOUT it may be called again, or the queue
/// destroyed.
///
/// Errors: COPAS_TIMEOUT; COPAS_CANCELED; COPAS_DESTROYED (meanwhile); COPAS_CANNOT_WAIT;
/// COPAS_INVALID (also in one of its workers); COPAS_STALE; COPAS_WRONG_THREAD. Switch point.
#[unsafe(no_mangle)]
pub extern "C" fn copas_queue_finish(queue: *mut copas_queue, timeout: f64) -> copas_status {
    on_object(queue, |d, queue: Rc<Queue>| {
        d.bind();
        let items = &queue.items;
        sync::finish(d, items, seconds_or(timeout, items.seconds))
    })
}

/// Destroys the queue: its handle is stale, those that wait get COPAS_DESTROYED, its workers end, and
/// the items that are left go to the finalizer.
/// Errors: COPAS_INVALID, COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_queue_destroy(queue: *mut copas_queue) -> copas_status {
    destroy::<_, Queue>(queue)
}
