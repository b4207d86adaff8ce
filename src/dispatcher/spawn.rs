// SPDX-License-Identifier: MIT
//! The start of a coroutine: its handle, its record, its place in the ready queue.

use super::Dispatcher;
use super::handle::{Handle, Kind};
use super::thread::{Name, Thread};
use super::turns::Turn;
use super::vehicle::{Ground, Seat, on_its_os_thread};
use crate::coroutine::{Coroutine, Vehicle};
use crate::status::{Outcome, Status};
use std::rc::Rc;

// Always inlined: split into functions of their own these few lines would cost twice as much.
impl Dispatcher {
    /// Makes a coroutine of `body`, to run in the next step.
    #[inline(always)]
    pub fn spawn(
        &self,
        ground: Ground,
        name: Name,
        body: impl FnOnce() + 'static,
    ) -> Outcome<Handle> {
        match self.used_seat(ground) {
            Some(record) => self.spawn_again(record, name, body),
            None => self.spawn_on(self.seat(ground)?, name, body),
        }
    }

    /// The same on what was got for it before.
    pub fn spawn_on(
        &self,
        seat: Seat,
        name: Name,
        body: impl FnOnce() + 'static,
    ) -> Outcome<Handle> {
        let vehicle = match seat {
            Seat::Used(record) => return self.spawn_again(record, name, body),
            Seat::New(vehicle) => vehicle,
        };
        let Some((slot, handle)) = self.new_handle() else {
            self.give_back(Seat::New(vehicle));
            return Err(Status::LIMIT.into());
        };
        let coroutine = match vehicle {
            Vehicle::Stack(_) => Coroutine::new(vehicle, body),
            Vehicle::OsThread(_) => Coroutine::new(vehicle, on_its_os_thread(self.handle, body)),
        };
        let thread = Thread::new(handle, coroutine, name, self.scope_end());
        self.line_up_first(slot, Rc::new(thread));
        Ok(handle)
    }

    /// The same on the record of one that has ended.
    #[inline(always)]
    fn spawn_again(
        &self,
        mut record: Rc<Thread>,
        name: Name,
        body: impl FnOnce() + 'static,
    ) -> Outcome<Handle> {
        let Some((slot, handle)) = self.new_handle() else {
            self.give_back(Seat::Used(record));
            return Err(Status::LIMIT.into());
        };
        let end = self.scope_end();
        let thread = Rc::get_mut(&mut record).expect("nobody else knows it");
        thread.renew(handle, name, end, body);
        self.line_up_first(slot, record);
        Ok(handle)
    }

    /// A slot for a coroutine's record, with the handle that comes with it. None when all are taken.
    #[inline(always)]
    fn new_handle(&self) -> Option<(u32, Handle)> {
        let (slot, generation) = self.threads.borrow_mut().reserve()?;
        let number = self.handle.dispatcher();
        Some((slot, Handle::new(Kind::Thread, number, slot, generation)))
    }

    /// Puts a new coroutine into its slot and into the ready queue.
    #[inline(always)]
    fn line_up_first(&self, slot: u32, thread: Rc<Thread>) {
        let turn = Turn::Thread(Rc::clone(&thread), std::ptr::null());
        self.threads.borrow_mut().fill(slot, thread);
        self.ready.borrow_mut().push(turn);
    }
}
