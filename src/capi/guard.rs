// SPDX-License-Identifier: MIT
//! The one way through every export: find the handle's object, run the body, answer with a number.

use super::c_int;
use super::types::{
    copas, copas_future, copas_group, copas_lock, copas_mailbox, copas_operation, copas_queue,
    copas_semaphore, copas_socket, copas_thread, copas_timer, copas_tls_context,
};
use crate::dispatcher::registry::{self, Entered};
use crate::dispatcher::{Dispatcher, Handle, Kind, Object, Thread};
use crate::net::{Net, Socket};
use crate::status::{Fault, Outcome, Status};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// A type of the header whose pointers are handles.
pub trait Named {
    /// What they name.
    const KIND: Kind;
}

macro_rules! named {
    ($($kind:ident: $($name:ty),*;)*) => {
        $($(impl Named for $name {
            const KIND: Kind = Kind::$kind;
        })*)*
    };
}

named! {
    Dispatcher: copas;
    Socket: copas_socket;
    Thread: copas_thread;
    Operation: copas_operation;
    Tls: copas_tls_context;
    Object: copas_lock, copas_semaphore, copas_queue, copas_timer, copas_group, copas_future, copas_mailbox;
}

/// The handle that a pointer is.
pub fn handle_of<T: Named>(pointer: *const T) -> Outcome<Handle> {
    let handle = any_handle(pointer.cast())?;
    // No text: it would allocate, and signal handlers come this way.
    if handle.kind() == T::KIND {
        Ok(handle)
    } else {
        Err(Status::INVALID.into())
    }
}

/// The handle that a pointer of any of the header's types is.
pub fn any_handle(pointer: *const core::ffi::c_void) -> Outcome<Handle> {
    Handle::from_bits(pointer.addr() as u64).ok_or_else(|| Status::INVALID.into())
}

/// The pointer that C gets for a handle.
pub fn pointer<T>(handle: Handle) -> *mut T {
    std::ptr::without_provenance_mut(handle.bits() as usize)
}

/// What an export that answers with a number may give.
pub trait Answer {
    /// The number.
    fn number(self) -> c_int;
}

impl Answer for () {
    fn number(self) -> c_int {
        Status::OK as c_int
    }
}

impl Answer for bool {
    fn number(self) -> c_int {
        c_int::from(self)
    }
}

impl Answer for c_int {
    fn number(self) -> c_int {
        self
    }
}

/// Runs `body`; a panic, which is a defect of the library, becomes `otherwise`.
pub fn caught<R>(otherwise: R, body: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}

/// Runs an export's body and answers with its number or its status.
pub fn answer<A: Answer>(body: impl FnOnce() -> Outcome<A>) -> c_int {
    caught(Status::PANIC as c_int, || match body() {
        Ok(answer) => answer.number(),
        Err(fault) => number_of(fault),
    })
}

/// The number of a fault.
#[cold]
fn number_of(fault: Fault) -> c_int {
    fault.status as c_int
}

/// Runs a body on the dispatcher of `handle`, and keeps the detail of its fault.
#[inline]
pub fn on<R>(handle: Handle, body: impl FnOnce(&mut Entered) -> Outcome<R>) -> Outcome<R> {
    let mut d = registry::enter(handle)?;
    let outcome = body(&mut d);
    d.tell_backend();
    match outcome {
        Ok(result) => Ok(result),
        Err(fault) => Err(keep_detail(&d, fault)),
    }
}

/// Keeps the detail of a fault; what is left of it is its status.
#[cold]
fn keep_detail(d: &Dispatcher, fault: Fault) -> Fault {
    let answered = Fault::from(fault.status);
    d.set_detail(fault);
    answered
}

/// An export on a dispatcher.
pub fn on_dispatcher<A: Answer>(
    c: *const copas,
    body: impl FnOnce(&mut Entered) -> Outcome<A>,
) -> c_int {
    answer(|| on(handle_of(c)?, body))
}

/// An export on a socket.
#[inline]
pub fn on_socket<A: Answer>(
    skt: *const copas_socket,
    body: impl FnOnce(&mut Entered, &Rc<Socket>) -> Outcome<A>,
) -> c_int {
    with_socket(skt, |d, socket| body(d, &socket))
}

/// An export on a socket that is handed on.
#[inline]
pub fn with_socket<A: Answer>(
    skt: *const copas_socket,
    body: impl FnOnce(&mut Entered, Rc<Socket>) -> Outcome<A>,
) -> c_int {
    answer(|| {
        let handle = handle_of(skt)?;
        on(handle, |d| {
            let socket = socket(d, handle)?;
            body(d, socket)
        })
    })
}

/// The beginning of an export on a socket that usually neither waits nor ends anything: what `act` gives,
/// if a coroutine calls, with a socket of its own dispatcher.
#[inline]
pub fn at_socket<R>(
    skt: *const copas_socket,
    act: impl FnOnce(&Rc<Socket>) -> Option<R>,
) -> Option<R> {
    let handle = handle_of(skt).ok()?;
    let d = registry::held(handle)?;
    if d.is_running() {
        Net::of(&d).at(handle, act)
    } else {
        None
    }
}

/// An export on a coroutine that has not ended.
pub fn on_thread<A: Answer>(
    thread: *const copas_thread,
    body: impl FnOnce(&mut Entered, &Rc<Thread>) -> Outcome<A>,
) -> c_int {
    answer(|| {
        let handle = handle_of(thread)?;
        on(handle, |d| {
            let thread = d.thread(handle).ok_or(Status::STALE)?;
            body(d, &thread)
        })
    })
}

/// An export on an object of the type that `P` names.
pub fn on_object<P: Named, T: Object, A: Answer>(
    object: *const P,
    body: impl FnOnce(&mut Entered, Rc<T>) -> Outcome<A>,
) -> c_int {
    answer(|| {
        let handle = handle_of(object)?;
        on(handle, |d| {
            let object = d.object(handle)?;
            body(d, object)
        })
    })
}

/// An export that destroys an object of the type that `P` names.
pub fn destroy<P: Named, T: Object>(object: *const P) -> c_int {
    answer(|| {
        let handle = handle_of(object)?;
        on(handle, |d| {
            d.object::<T>(handle)?;
            d.destroy_object(handle);
            Ok(())
        })
    })
}

/// The open socket of a handle.
#[inline]
pub fn socket(d: &Dispatcher, handle: Handle) -> Outcome<Rc<Socket>> {
    Net::of(d)
        .socket(handle)
        .ok_or_else(|| Status::STALE.into())
}

/// The open socket of a pointer, which must belong to `d`.
pub fn socket_of(d: &Dispatcher, skt: *const copas_socket) -> Outcome<Rc<Socket>> {
    let handle = handle_of(skt)?;
    if handle.dispatcher() == d.handle.dispatcher() {
        socket(d, handle)
    } else {
        Err(Fault::invalid("the socket belongs to another dispatcher"))
    }
}

/// A number of seconds; NAN stands for `otherwise`.
pub fn seconds_or(value: f64, otherwise: f64) -> f64 {
    if value.is_nan() { otherwise } else { value }
}

/// A number of seconds, or why it is none.
pub fn seconds(value: f64) -> Outcome<f64> {
    if value.is_nan() {
        Err(Fault::invalid("a number of seconds is NAN"))
    } else {
        Ok(value)
    }
}
