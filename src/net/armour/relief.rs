// SPDX-License-Identifier: MIT
//! What a dispatcher does when its buffers near their budget: accepting pauses; where that does not help
//! within a second, or the budget is exceeded, the connections that were idle longest are cut off. Only
//! those that have buffers: to close others would free nothing.

use super::account::Account;
use super::cause::Cause;
use super::cut::cut_for_memory;
use super::tally::Episode;
use crate::dispatcher::{Deadline, Dispatcher, Handle, LEVEL_WARNING, Object};
use crate::net::Net;
use crate::net::marks::Mark;
use crate::net::socket::Socket;
use crate::sys::descriptor::Nature;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Seconds after which pausing has not helped.
const PATIENCE: f64 = 1.0;

/// What a dispatcher knows of its memory.
pub struct Memory {
    /// What its buffers have.
    pub account: Account,
    /// Above this the idlest are cut off next: the budget, or more where that has freed too little.
    limit: Cell<usize>,
    /// Listening sockets whose connections wait.
    waiting: RefCell<Vec<Handle>>,
    alarm: Cell<Option<Handle>>,
    pauses: Episode,
    evictions: Episode,
}

impl Memory {
    /// With a budget of so many bytes.
    pub fn new(budget: usize) -> Self {
        Memory {
            account: Account::new(budget),
            limit: Cell::new(budget),
            waiting: RefCell::default(),
            alarm: Cell::new(None),
            pauses: Episode::default(),
            evictions: Episode::default(),
        }
    }

    /// Whether a listening socket must not accept now. It is woken when it may.
    pub fn is_short_for(&self, listener: &Socket) -> bool {
        if !self.account.is_tight() {
            return false;
        }
        let mut waiting = self.waiting.borrow_mut();
        if !waiting.contains(&listener.handle) {
            waiting.push(listener.handle);
            // Somebody waits, for whom room must be made.
            self.account.call_for_a_look();
        }
        true
    }
}

impl Memory {
    /// Who does not accept any more does not wait either.
    fn forget_who_gave_up(&self, net: &Net) {
        let waits = |listener: &Handle| {
            let listener = net.any_socket(*listener);
            listener.is_some_and(|listener| listener.accepts() || listener.reading.get())
        };
        self.waiting.borrow_mut().retain(waits);
    }
}

/// The time that pausing has to help.
struct Alarm {
    deadline: Deadline,
}

impl Object for Alarm {
    fn deadline(&self) -> Option<&Deadline> {
        Some(&self.deadline)
    }

    fn due(self: Rc<Self>, d: &Dispatcher) {
        let net = Net::of(d);
        // Who was to free something, and has not: that is not waited for any more.
        let freed = evict(d, net, 0);
        net.memory.forget_who_gave_up(net);
        if net.memory.account.is_tight() && (freed || !net.memory.waiting.borrow().is_empty()) {
            arm(d, net);
        }
    }

    fn destroy(&self, d: &Dispatcher) {
        d.disarm(&self.deadline);
    }
}

/// Looks at the account, between two turns.
#[cold]
pub fn relieve(d: &Dispatcher, net: &Net) {
    let account = &net.memory.account;
    account.take_alarm();
    if account.used() > account.pause_at() {
        net.pool.keep_none(true);
    }
    if account.used() > net.memory.limit.get() {
        evict(d, net, promised(net));
        net.memory.limit.set(next_limit(account));
    } else {
        let lower = net.memory.limit.get().min(next_limit(account));
        net.memory.limit.set(lower);
    }
    if account.used() > account.pause_at() {
        begin_tight(d, net);
    } else if account.used() <= account.resume_at() {
        end_tight(d, net);
    } else if !account.is_tight() {
        net.pool.keep_none(false);
    }
    if account.is_tight() && !is_armed(d, net) {
        arm(d, net);
    }
}

/// Above this somebody is cut off next: a little more than there is, and no less than the budget.
fn next_limit(account: &Account) -> usize {
    let more = account.used() + account.budget() / 16;
    more.max(account.budget())
}

fn begin_tight(d: &Dispatcher, net: &Net) {
    if net.memory.account.is_tight() {
        return;
    }
    net.memory.account.set_tight(true);
    if net.memory.pauses.begins(d.now()) {
        let text = format!(
            "accepting pauses: the buffers have {} of memory_budget, {} bytes",
            net.memory.account.used(),
            net.memory.account.budget()
        );
        d.report(LEVEL_WARNING, &text);
    }
}

fn end_tight(d: &Dispatcher, net: &Net) {
    let memory = &net.memory;
    memory.limit.set(memory.account.budget());
    net.pool.keep_none(false);
    if !memory.account.is_tight() {
        return;
    }
    memory.account.set_tight(false);
    if let Some(alarm) = memory.alarm.get()
        && let Ok(alarm) = d.object::<Alarm>(alarm)
    {
        d.disarm(&alarm.deadline);
    }
    for listener in memory.waiting.take() {
        if let Some(listener) = net.any_socket(listener) {
            listener.accept_on();
        }
    }
}

/// Whether the time that pausing has is running.
fn is_armed(d: &Dispatcher, net: &Net) -> bool {
    let alarm = net.memory.alarm.get().map(|alarm| d.object::<Alarm>(alarm));
    matches!(alarm, Some(Ok(alarm)) if alarm.deadline.is_set())
}

/// Begins, or begins again, the time that pausing has.
fn arm(d: &Dispatcher, net: &Net) {
    let slot = &net.memory.alarm;
    if slot.get().is_none() {
        let deadline = Deadline::new();
        slot.set(d.add_object(|_| Alarm { deadline }).ok());
    }
    if let Some(handle) = slot.get()
        && let Ok(alarm) = d.object::<Alarm>(handle)
    {
        d.disarm(&alarm.deadline);
        d.arm(&alarm.deadline, handle, PATIENCE);
    }
}

/// Bytes that come free when the handlers of those that were cut off return.
fn promised(net: &Net) -> usize {
    let sockets = net.all_sockets();
    let cut = sockets.iter().filter(|socket| socket.cut_by().is_some());
    cut.map(|socket| socket.freed_later()).sum()
}

/// Cuts off those that were idle longest until enough is free, or `promised`; whether there was anybody.
fn evict(d: &Dispatcher, net: &Net, mut promised: usize) -> bool {
    let account = &net.memory.account;
    let mut victims: Vec<_> = net
        .all_sockets()
        .into_iter()
        .filter(|socket| can_be_cut(socket))
        .map(|socket| (rank(&socket), socket.active.get(), socket))
        .collect();
    victims.sort_unstable_by_key(|&(rank, active, _)| (rank, active));
    let mut cut = 0;
    for (_, _, socket) in &victims {
        if account.used() <= account.resume_at() + promised {
            break;
        }
        promised += socket.freed_later();
        cut_for_memory(d, socket);
        net.tally.count(Cause::Memory);
        cut += 1;
    }
    if cut != 0 && net.memory.evictions.begins(d.now()) {
        let text = format!(
            "the buffers have reached memory_budget, {} bytes: {cut} connections that were idle longest \
             are closed; copas_stats() counts further ones",
            account.budget()
        );
        d.report(LEVEL_WARNING, &text);
    }
    cut != 0
}

fn can_be_cut(socket: &Socket) -> bool {
    matches!(socket.nature, Nature::Tcp | Nature::Unix)
        && socket.cut_by().is_none()
        && socket.freed_at_once() + socket.freed_later() != 0
}

/// In which order they go: those that are closed already, those that a server has accepted, others.
fn rank(socket: &Socket) -> u8 {
    match (socket.marks.has(Mark::Closed), socket.is_accepted()) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => 2,
    }
}

impl Socket {
    /// Bytes of memory that come free when it is cut off.
    fn freed_at_once(&self) -> usize {
        let input = self.input.borrow().freeable();
        let output = self.output.borrow();
        input + output.as_ref().map_or(0, |buffer| buffer.capacity()) + self.sealed()
    }

    /// Bytes of memory that come free when it is closed then: those lent, and what encryption needs.
    fn freed_later(&self) -> usize {
        let session = self.tls.get().map_or(0, |session| session.memory());
        self.input.borrow().lent() + session
    }
}
