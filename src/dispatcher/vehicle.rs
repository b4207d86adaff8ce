// SPDX-License-Identifier: MIT
//! What coroutines run on: getting it, giving it back, and waiting until there is some.

use super::handle::Handle;
use super::thread::Thread;
use super::{Dispatcher, current, registry};
use crate::coroutine::{OsThreads, StackPool, Vehicle, whole_pages};
use crate::status::{Fault, Outcome, Status};
use std::cell::RefCell;
use std::io;
use std::rc::Rc;

/// Most records of coroutines that have ended which are kept with their stacks, whose pages stay. Beyond
/// them the stacks' pool keeps some more.
const KEPT: usize = 128;

/// Bytes of a handler's OS thread's stack where no other is asked for: language runtimes expect more
/// than C libraries do. Committed page by page.
const OS_THREAD_STACK: usize = 2 * 1024 * 1024;

/// What a coroutine is to run on, with the size of its stack in bytes; 0: the default.
#[derive(Clone, Copy)]
pub enum Ground {
    /// A stack of its own.
    Stack(usize),
    /// A pooled OS thread.
    OsThread(usize),
}

/// What a coroutine will run on, until it is started or this is given back.
pub enum Seat {
    /// The stack of one that has ended, with its record.
    Used(Rc<Thread>),
    /// One without a record.
    New(Vehicle),
}

/// The vehicles of one dispatcher.
pub struct Vehicles {
    /// Records whose coroutines have ended, each with a stack of the usual size; nobody else knows them.
    kept: RefCell<Vec<Rc<Thread>>>,
    most_kept: usize,
    stacks: StackPool,
    stack_size: usize,
    os_threads: OsThreads,
    /// Those that wait until an OS thread is free.
    waiting: RefCell<Vec<Handle>>,
}

impl Vehicles {
    /// Stacks of `stack_size` bytes where no other size is asked for, and at most `os_threads`. Stacks that
    /// are not `warm` give their pages back at each coroutine's end.
    pub fn new(stack_size: usize, os_threads: usize, warm: bool) -> Self {
        Vehicles {
            kept: RefCell::default(),
            most_kept: if warm { KEPT } else { 0 },
            stacks: if warm {
                StackPool::new()
            } else {
                StackPool::cold()
            },
            stack_size: whole_pages(stack_size),
            os_threads: OsThreads::new(os_threads),
            waiting: RefCell::default(),
        }
    }

    fn stack(&self, size: usize) -> Outcome<Seat> {
        let size = if size == 0 { self.stack_size } else { size };
        let stack = self.stacks.take(size);
        stack
            .map(|stack| Seat::New(Vehicle::Stack(stack)))
            .map_err(|e| Fault::system(&e, "take a stack"))
    }

    /// Keeps the record of a coroutine that has ended, with its stack; gives it back when it is not to be.
    #[inline(always)]
    pub(super) fn keep(&self, mut thread: Rc<Thread>) -> Option<Rc<Thread>> {
        // Not under the borrow: a body that never ran may call the program when it is dropped.
        if self.kept.borrow().len() < self.most_kept
            && let Some(record) = Rc::get_mut(&mut thread)
            && record.rest(self.stack_size)
        {
            self.kept.borrow_mut().push(thread);
            return None;
        }
        Some(thread)
    }

    fn os_thread(&self, size: usize) -> Outcome<Seat> {
        if self.os_threads.is_full() {
            return Err(Fault::new(
                Status::LIMIT,
                format!(
                    "all {} OS threads for handlers are taken: raise copas_config.os_threads, or \
                     let some handlers end",
                    self.os_threads.most()
                ),
            ));
        }
        let size = if size == 0 { OS_THREAD_STACK } else { size };
        let carrier = self.os_threads.take(size);
        carrier
            .map(|carrier| Seat::New(Vehicle::OsThread(carrier)))
            .map_err(not_started)
    }

    /// Ends the OS threads that carry nothing, and waits for that.
    pub fn close(&self) {
        self.os_threads.close();
    }
}

/// An OS thread could not be started: EAGAIN is a limit of the system.
fn not_started(error: io::Error) -> Fault {
    let fault = Fault::system(&error, "start an OS thread");
    match fault.errno {
        libc::EAGAIN => Fault {
            status: Status::LIMIT,
            ..fault
        },
        _ => fault,
    }
}

impl Dispatcher {
    /// What a coroutine is to run on.
    pub fn seat(&self, ground: Ground) -> Outcome<Seat> {
        self.check_bound()?;
        if let Some(record) = self.used_seat(ground) {
            return Ok(Seat::Used(record));
        }
        match ground {
            Ground::Stack(size) => self.vehicles.stack(size),
            Ground::OsThread(size) => self.vehicles.os_thread(size),
        }
    }

    /// The record of a coroutine that has ended on what `ground` asks for, if one is kept.
    #[inline]
    pub(super) fn used_seat(&self, ground: Ground) -> Option<Rc<Thread>> {
        match ground {
            Ground::Stack(0) => self.vehicles.kept.borrow_mut().pop(),
            _ => None,
        }
    }

    /// Takes back what no coroutine was started on.
    pub fn give_back(&self, seat: Seat) {
        match seat {
            Seat::Used(record) => self.retire_record(record),
            Seat::New(vehicle) => self.take_back(vehicle),
        }
    }

    /// Takes back what a record has that nothing runs on any more, if possible with the record.
    #[inline(always)]
    pub(super) fn retire_record(&self, record: Rc<Thread>) {
        if let Some(record) = self.vehicles.keep(record)
            && let Some(vehicle) = record.take_vehicle()
        {
            self.take_back(vehicle);
        }
    }

    /// Takes back what nothing runs on any more.
    fn take_back(&self, vehicle: Vehicle) {
        match vehicle {
            Vehicle::Stack(stack) => self.vehicles.stacks.give(stack),
            Vehicle::OsThread(carrier) => {
                self.vehicles.os_threads.give(carrier);
                for who in self.vehicles.waiting.take() {
                    self.wake(who);
                }
            }
        }
    }

    /// Whether all OS threads that there may be are taken and `ground` is one; `who` is woken then
    /// when one is free.
    pub fn awaits_room(&self, ground: Ground, who: Handle) -> bool {
        let full = matches!(ground, Ground::OsThread(_)) && self.vehicles.os_threads.is_full();
        let mut waiting = self.vehicles.waiting.borrow_mut();
        if full && !waiting.contains(&who) {
            waiting.push(who);
        }
        full
    }
}

/// What a carried coroutine runs: `body`, with the dispatcher in the hands of its OS thread.
pub(super) fn on_its_os_thread(
    dispatcher: Handle,
    body: impl FnOnce() + 'static,
) -> impl FnOnce() + 'static {
    move || {
        registry::take_over(dispatcher);
        let _stepping = current::Stepping::begin(dispatcher);
        body();
    }
}
