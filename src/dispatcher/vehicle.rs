// SPDX-License-Identifier: MIT
//! What coroutines run on: getting it, giving it back, and waiting until there is some.

use super::handle::Handle;
use super::{Dispatcher, current, registry};
use crate::coroutine::{OsThreads, StackPool, Vehicle};
use crate::status::{Fault, Outcome, Status};
use std::cell::RefCell;
use std::io;

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

/// The vehicles of one dispatcher.
pub struct Vehicles {
    stacks: StackPool,
    stack_size: usize,
    os_threads: OsThreads,
    /// Those that wait until an OS thread is free.
    waiting: RefCell<Vec<Handle>>,
}

impl Vehicles {
    /// Stacks of `stack_size` bytes where no other size is asked for, and at most `os_threads`.
    pub fn new(stack_size: usize, os_threads: usize) -> Self {
        Vehicles {
            stacks: StackPool::new(),
            stack_size,
            os_threads: OsThreads::new(os_threads),
            waiting: RefCell::default(),
        }
    }

    fn stack(&self, size: usize) -> Outcome<Vehicle> {
        let size = if size == 0 { self.stack_size } else { size };
        let stack = self.stacks.take(size);
        stack
            .map(Vehicle::Stack)
            .map_err(|e| Fault::system(&e, "take a stack"))
    }

    fn os_thread(&self, size: usize) -> Outcome<Vehicle> {
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
        carrier.map(Vehicle::OsThread).map_err(not_started)
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
    pub fn vehicle(&self, ground: Ground) -> Outcome<Vehicle> {
        self.check_bound()?;
        match ground {
            Ground::Stack(size) => self.vehicles.stack(size),
            Ground::OsThread(size) => self.vehicles.os_thread(size),
        }
    }

    /// Takes back what nothing runs on any more.
    pub fn give_back(&self, vehicle: Vehicle) {
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
