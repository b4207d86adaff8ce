// SPDX-License-Identifier: MIT
//! The things that a program can wait for among others, as the operations that they are.

use super::guard::{Named, any_handle, handle_of};
use super::mailbox::{Parcel, mailbox_of};
use super::queue::Queue;
use super::semaphore::amount;
use super::types::*;
use super::user::User;
use crate::dispatcher::{Dispatcher, Handle, Kind, Object, Owner};
use crate::net::{Net, Readable, Writable};
use crate::status::{Fault, Outcome, Status};
use crate::sync::{
    self, Choice, GetLock, Lock, Pop, Promise, Push, PutItem, Semaphore, Take, TakeItem, Timer,
    Untold,
};
use core::ffi::c_void;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// copas_choice.kind.
const RECEIVE: u32 = 1;
/// copas_choice.kind.
const SEND: u32 = 2;
/// copas_choice.kind.
const POP: u32 = 3;
/// copas_choice.kind.
const JOIN: u32 = 4;
/// copas_choice.kind.
const TIMER: u32 = 5;
/// copas_choice.kind.
const TAKE: u32 = 6;
/// copas_choice.kind.
const FUTURE: u32 = 7;
/// copas_choice.kind.
const PUSH: u32 = 8;
/// copas_choice.kind.
const LOCK: u32 = 9;
/// copas_choice.kind.
const GROUP: u32 = 10;
/// copas_choice.kind.
const FINISH: u32 = 11;
/// copas_choice.kind.
const EXIT: u32 = 12;
/// copas_choice.kind.
const MAILBOX_TAKE: u32 = 13;
/// copas_choice.kind.
const MAILBOX_PUT: u32 = 14;

/// A push that may be dropped before it succeeded: the item stays the program's then.
struct Pushing(Push<User>);

impl Future for Pushing {
    type Output = Outcome<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<()>> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl Drop for Pushing {
    fn drop(&mut self) {
        self.0.take_back().map(User::into_pointer);
    }
}

/// The same for a mailbox.
struct Putting(PutItem<Parcel>);

impl Drop for Putting {
    fn drop(&mut self) {
        self.0.take_back().map(|item| item.0.into_pointer());
    }
}

/// What a choice has given: an item with its finalizer, a result, or nothing; and a lock that its owner
/// has not been told of.
pub(super) struct Given {
    item: User,
    lock: Option<Untold>,
}

impl Given {
    fn item(item: User) -> Self {
        Given { item, lock: None }
    }

    fn result(pointer: *mut c_void) -> Self {
        Given::item(User::new(pointer, None))
    }

    /// Nothing but that it came.
    fn nothing(_: ()) -> Self {
        Given::result(std::ptr::null_mut())
    }

    fn lock(lock: Rc<Lock>) -> Self {
        Given {
            lock: Some(Untold::new(lock)),
            ..Given::nothing(())
        }
    }

    /// The item or result, which stays here.
    pub fn pointer(&self) -> *mut c_void {
        self.item.pointer()
    }

    /// All of it is the program's from now on.
    pub fn into_pointer(self) -> *mut c_void {
        if let Some(lock) = self.lock {
            lock.tell();
        }
        self.item.into_pointer()
    }
}

impl Owner for Given {
    fn hand_over(self: Box<Self>) {
        self.into_pointer();
    }
}

/// Who waits for a choice, and whether it only looks.
#[derive(Clone, Copy)]
pub(super) struct Waiter {
    /// A coroutine, or the root stack: a lock would be its own.
    pub who: Handle,
    /// It does not wait.
    pub looks: bool,
}

/// The operation of a choice for `waiter`, which must not wait for itself.
pub(super) fn operation(
    d: &Dispatcher,
    choice: &copas_choice,
    waiter: Waiter,
) -> Outcome<Choice<'static, Given>> {
    let Waiter { who, looks } = waiter;
    let pointer = choice.handle;
    Ok(match choice.kind {
        RECEIVE => told(Readable::new(&socket(d, pointer)?, looks)),
        SEND => told(Writable::new(&socket(d, pointer)?, looks)),
        POP => {
            let pop = Pop::new(&queue(d, pointer)?.items);
            Box::pin(async move { pop.await.map(Given::item) })
        }
        PUSH => {
            let queue = queue(d, pointer)?;
            let item = queue.own(choice.item);
            told(Pushing(Push::new(&queue.items, item)))
        }
        JOIN => {
            let thread = handle_in(d, pointer)?;
            if thread.kind() != Kind::Thread {
                return Err(Fault::invalid("COPAS_CHOICE_JOIN is for coroutines"));
            }
            sync::check_join(who, thread)?;
            told(sync::ended(d.thread(thread)))
        }
        TIMER => told(object::<copas_timer, Timer>(d, pointer)?.next_firing()),
        TAKE => {
            let semaphore: Rc<Semaphore> = object::<copas_semaphore, _>(d, pointer)?;
            told(Take::new(&semaphore, amount(choice.amount)?)?)
        }
        LOCK => {
            let lock: Rc<Lock> = object::<copas_lock, _>(d, pointer)?;
            let get = GetLock::new(&lock, who);
            Box::pin(async move { get.await.map(|()| Given::lock(lock)) })
        }
        FUTURE => {
            let promise: Rc<Promise<Rc<User>>> = object::<copas_future, _>(d, pointer)?;
            sync::check_get(who, &promise)?;
            let result = sync::settled(promise);
            Box::pin(async move { result.await.map(|result| Given::result(result.pointer())) })
        }
        GROUP => {
            let group = object::<copas_group, _>(d, pointer)?;
            sync::check_outside(who, &group)?;
            told(sync::joined(group))
        }
        FINISH => {
            let items = Rc::clone(&queue(d, pointer)?.items);
            sync::check_finish(who, &items)?;
            told(sync::finished(items))
        }
        EXIT => {
            if handle_in(d, pointer)? != d.handle {
                return Err(Fault::invalid("COPAS_CHOICE_EXIT is for the dispatcher"));
            }
            told(sync::exit_raised(d.handle))
        }
        MAILBOX_TAKE => {
            let mailbox = mailbox_of(pointer.cast::<copas_mailbox>())?;
            let take = TakeItem::new(d, &mailbox.items);
            Box::pin(async move { take.await.map(|item| Given::item(item.0)) })
        }
        MAILBOX_PUT => {
            let mailbox = mailbox_of(pointer.cast::<copas_mailbox>())?;
            let item = mailbox.own(choice.item);
            let mut putting = Putting(PutItem::new(d, &mailbox.items, item));
            Box::pin(async move { (&mut putting.0).await.map(Given::nothing) })
        }
        kind => return Err(Fault::invalid(format!("{kind} is not a kind of choice"))),
    })
}

/// An operation that gives nothing.
fn told(wait: impl Future<Output = Outcome<()>> + 'static) -> Choice<'static, Given> {
    Box::pin(async move { wait.await.map(Given::nothing) })
}

fn queue(d: &Dispatcher, pointer: *mut c_void) -> Outcome<Rc<Queue>> {
    object::<copas_queue, _>(d, pointer)
}

/// A handle of this dispatcher.
fn handle_in(d: &Dispatcher, pointer: *mut c_void) -> Outcome<Handle> {
    let handle = any_handle(pointer)?;
    if handle.dispatcher() == d.handle.dispatcher() {
        Ok(handle)
    } else {
        Err(Fault::invalid("the choice belongs to another dispatcher"))
    }
}

fn object<P: Named, T: Object>(d: &Dispatcher, pointer: *mut c_void) -> Outcome<Rc<T>> {
    handle_in(d, pointer)?;
    d.object(handle_of(pointer.cast::<P>())?)
}

fn socket(d: &Dispatcher, pointer: *mut c_void) -> Outcome<Rc<crate::net::Socket>> {
    handle_in(d, pointer)?;
    let handle = handle_of(pointer.cast::<copas_socket>())?;
    let socket = Net::of(d).socket(handle);
    socket.ok_or_else(|| Status::STALE.into())
}
