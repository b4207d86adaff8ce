// SPDX-License-Identifier: MIT
//! The things that a program can wait for among others, as the operations that they are.

use super::guard::{Named, any_handle, handle_of};
use super::mailbox::{Parcel, mailbox_of};
use super::queue::Queue;
use super::types::*;
use super::user::User;
use crate::dispatcher::{Dispatcher, Handle, Kind, Object};
use crate::net::{Net, Readable, Writable};
use crate::status::{Fault, Outcome, Status};
use crate::sync::{
    self, Choice, GetLock, Pop, Promise, Push, PutItem, Semaphore, Take, TakeItem, Timer,
};
use core::ffi::c_void;
use std::rc::Rc;

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

/// The operation of a choice, and what it gives: an item with its finalizer, a result, or nothing. A
/// lock would be that of `who`.
pub(super) fn operation(
    d: &Dispatcher,
    choice: &copas_choice,
    who: Handle,
) -> Outcome<Choice<'static, User>> {
    let nothing = |()| User::new(std::ptr::null_mut(), None);
    Ok(match choice.kind {
        RECEIVE => {
            let readable = Readable::new(&socket(d, choice.handle)?);
            Box::pin(async move { readable.await.map(nothing) })
        }
        SEND => {
            let writable = Writable::new(&socket(d, choice.handle)?);
            Box::pin(async move { writable.await.map(nothing) })
        }
        POP => {
            let queue: Rc<Queue> = object::<copas_queue, _>(d, choice.handle)?;
            let pop = Pop::new(&queue.items);
            Box::pin(pop)
        }
        PUSH => {
            let queue: Rc<Queue> = object::<copas_queue, _>(d, choice.handle)?;
            let item = queue.own(choice.item);
            let mut pushing = Pushing(Push::new(&queue.items, item));
            Box::pin(async move { (&mut pushing.0).await.map(nothing) })
        }
        JOIN => {
            let thread = handle_in(d, choice.handle)?;
            if thread.kind() != Kind::Thread {
                return Err(Fault::invalid("COPAS_CHOICE_JOIN is for coroutines"));
            }
            let ended = sync::ended(d.thread(thread));
            Box::pin(async move { ended.await.map(nothing) })
        }
        TIMER => {
            let fires = object::<copas_timer, Timer>(d, choice.handle)?.next_firing();
            Box::pin(async move { fires.await.map(nothing) })
        }
        TAKE => {
            let semaphore: Rc<Semaphore> = object::<copas_semaphore, _>(d, choice.handle)?;
            let n = super::semaphore::amount(choice.amount)?;
            let take = Take::new(&semaphore, n)?;
            Box::pin(async move { take.await.map(nothing) })
        }
        LOCK => {
            let get = GetLock::new(&object::<copas_lock, _>(d, choice.handle)?, who);
            Box::pin(async move { get.await.map(nothing) })
        }
        FUTURE => {
            let promise: Rc<Promise<Rc<User>>> = object::<copas_future, _>(d, choice.handle)?;
            let result = sync::settled(promise);
            Box::pin(async move { result.await.map(|result| User::new(result.pointer(), None)) })
        }
        GROUP => {
            let joined = sync::joined(object::<copas_group, _>(d, choice.handle)?);
            Box::pin(async move { joined.await.map(nothing) })
        }
        FINISH => {
            let queue: Rc<Queue> = object::<copas_queue, _>(d, choice.handle)?;
            let finished = sync::finished(Rc::clone(&queue.items));
            Box::pin(async move { finished.await.map(nothing) })
        }
        EXIT => {
            if handle_in(d, choice.handle)? != d.handle {
                return Err(Fault::invalid("COPAS_CHOICE_EXIT is for the dispatcher"));
            }
            let raised = sync::exit_raised(d.handle);
            Box::pin(async move { raised.await.map(nothing) })
        }
        MAILBOX_TAKE => {
            let mailbox = mailbox_of(choice.handle.cast::<copas_mailbox>())?;
            let take = TakeItem::new(d, &mailbox.items);
            Box::pin(async move { take.await.map(|item| item.0) })
        }
        MAILBOX_PUT => {
            let mailbox = mailbox_of(choice.handle.cast::<copas_mailbox>())?;
            let item = mailbox.own(choice.item);
            let mut putting = Putting(PutItem::new(d, &mailbox.items, item));
            Box::pin(async move { (&mut putting.0).await.map(nothing) })
        }
        kind => return Err(Fault::invalid(format!("{kind} is not a kind of choice"))),
    })
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
