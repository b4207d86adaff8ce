// SPDX-License-Identifier: MIT
//! Sockets: everything between the dispatcher and the C ABI that moves bytes.

mod accept;
mod acceptance;
mod address;
mod armour;
mod bind;
mod buffer;
mod close;
mod connect;
mod datagram;
mod datagram_server;
mod dirty;
mod echo;
mod failures;
mod flush;
mod input;
mod marks;
mod options;
mod output;
mod pattern;
mod reading;
mod ready;
mod receive;
mod receive_from;
mod receive_into;
mod resolver;
mod room;
mod send;
mod send_to;
mod server;
mod settings;
mod socket;
mod spares;
mod submit;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
pub mod tls;
mod transport;
mod unix;
mod wrap;

pub use accept::{add_server, remove_server};
pub use acceptance::accept;
pub use address::{Address, local_address, numeric, peer_address, port_of, told_address};
use armour::Cause;
pub use armour::{Armour, set_armour};
pub use bind::{Binding, bind, bind_udp};
pub use close::{Shut, abort, close, shut, unwrap};
pub use connect::{connect, connect_with, connecting, connecting_with};
pub use datagram::connect_udp;
pub use flush::flush;
pub use input::Lent;
pub use options::{Membership, Switch, set_membership, set_option};
pub use pattern::{Limits, Pattern};
pub use ready::{Readable, Writable};
pub use receive::{Wanted, receive};
pub use receive_from::receive_from;
pub use receive_into::receive_into;
pub use resolver::{Lookup, Resolver, lookup, resolve};
pub use send::{send, send_part};
pub use send_to::send_to;
pub use server::{Handler, ServerSettings};
pub use settings::{Inherited, Timeouts};
pub use socket::Socket;
pub use submit::{
    submit_accept, submit_flush, submit_opening, submit_receive, submit_receive_from, submit_send,
    submit_send_to,
};
pub use unix::{address as unix_address, bind_unix, connect_unix, connecting_unix};
pub use wrap::wrap;

use crate::dispatcher::{
    AliveCount, Counts, Deadline, Dispatcher, Driver, Handle, Kind, Readiness, Slots,
};
use crate::status::Outcome;
use buffer::{Buffer, Pool};
use dirty::Dirty;
use marks::Mark;
use spares::Spares;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::task::Poll;

/// What a step of an operation gave, as a future says it: whether it is done.
fn as_poll(done: Outcome<bool>) -> Poll<Outcome<()>> {
    match done {
        Ok(true) => Poll::Ready(Ok(())),
        Ok(false) => Poll::Pending,
        Err(fault) => Poll::Ready(Err(fault)),
    }
}

/// A buffer that its borrower still reads, although its socket went on without it.
struct Held {
    borrower: Handle,
    socket: Handle,
    buffer: Box<Buffer>,
}

/// The sockets of one dispatcher.
pub struct Net {
    dispatcher: Weak<Dispatcher>,
    number: u16,
    sockets: RefCell<Slots<Rc<Socket>>>,
    pool: Pool,
    /// Where encrypted sockets read to.
    #[cfg(feature = "tls")]
    ciphertext: tls::Scratch,
    dirty: Dirty,
    held: RefCell<Vec<Held>>,
    /// Records of submissions that are over, for the next ones.
    spare_receives: Spares<submit::SubmittedReceive>,
    spare_sends: Spares<submit::SubmittedSend>,
    pub(crate) resolver: Resolver,
    opened: Cell<u64>,
    /// The dispatcher's count of what keeps the loop alive.
    alive: AliveCount,
    /// What was kept out or cut off.
    tally: armour::Tally,
    reserve: armour::Reserve,
    memory: armour::Memory,
    /// How often bytes have gone through a socket.
    events: Cell<u64>,
}

impl Net {
    /// Makes the driver of a new dispatcher and gives it to it.
    pub fn attach(d: &Rc<Dispatcher>, slots_from: u32, memory_budget: usize) {
        let memory = armour::Memory::new(memory_budget);
        let net = Rc::new(Net {
            dispatcher: Rc::downgrade(d),
            number: d.handle.dispatcher(),
            sockets: RefCell::new(Slots::new(slots_from)),
            pool: Pool::new(&memory.account),
            #[cfg(feature = "tls")]
            ciphertext: tls::Scratch::default(),
            dirty: Dirty::default(),
            held: RefCell::default(),
            spare_receives: Spares::default(),
            spare_sends: Spares::default(),
            resolver: Resolver::default(),
            opened: Cell::new(0),
            alive: d.alive().clone(),
            tally: armour::Tally::default(),
            reserve: armour::Reserve::default(),
            memory,
            events: Cell::new(0),
        });
        d.set_driver(Box::new(Sockets(Rc::clone(&net))), Rc::new(net));
    }

    /// The sockets of a dispatcher.
    #[inline]
    pub fn of(d: &Dispatcher) -> &Rc<Net> {
        d.driven()
    }

    /// A socket that is not closed.
    #[inline]
    pub fn socket(&self, handle: Handle) -> Option<Rc<Socket>> {
        let sockets = self.sockets.borrow();
        let socket = sockets.get(handle.slot(), handle.generation())?;
        (!socket.marks.has(Mark::Closed)).then(|| Rc::clone(socket))
    }

    /// Acts on a socket where it is, without taking hold of it: nothing may end it meanwhile.
    #[inline]
    pub fn at<R>(&self, handle: Handle, act: impl FnOnce(&Rc<Socket>) -> Option<R>) -> Option<R> {
        let sockets = self.sockets.borrow();
        act(sockets.get(handle.slot(), handle.generation())?)
    }

    /// A socket, also one that is closed and still has output to write.
    fn any_socket(&self, handle: Handle) -> Option<Rc<Socket>> {
        self.sockets
            .borrow()
            .get(handle.slot(), handle.generation())
            .cloned()
    }

    /// Their dispatcher, while it lives.
    pub fn dispatcher(&self) -> Option<Rc<Dispatcher>> {
        self.dispatcher.upgrade()
    }

    fn handle_of(&self, slot: u32, generation: u32) -> Handle {
        Handle::new(Kind::Socket, self.number, slot, generation)
    }

    /// Bytes go through a socket: which time that is.
    #[inline]
    fn next_event(&self) -> u64 {
        self.events.set(self.events.get() + 1);
        self.events.get()
    }

    fn next_number(&self) -> u64 {
        self.opened.set(self.opened.get() + 1);
        self.opened.get()
    }

    /// Writes what has been sent since the last time, as far as the kernel takes it.
    #[inline(always)]
    pub fn settle(&self) {
        while let Some(socket) = self.dirty.pop() {
            socket.dirty.set(false);
            // A write that takes all leaves no readiness to wait for.
            socket.settle();
            if self.dirty.is_empty() {
                return;
            }
        }
    }

    /// Keeps a buffer for its borrower.
    fn hold(&self, borrower: Handle, socket: Handle, buffer: Box<Buffer>) {
        self.held.borrow_mut().push(Held {
            borrower,
            socket,
            buffer,
        });
    }

    /// Whether no buffer is held.
    #[inline]
    fn holds_nothing(&self) -> bool {
        self.held.borrow().is_empty()
    }

    /// Takes back what is held and matches.
    #[inline]
    fn end_loans(&self, over: impl Fn(Handle, Handle) -> bool) {
        if !self.holds_nothing() {
            self.end_loans_held(over);
        }
    }

    #[cold]
    fn end_loans_held(&self, over: impl Fn(Handle, Handle) -> bool) {
        let ended = self
            .held
            .borrow_mut()
            .extract_if(.., |h| over(h.borrower, h.socket))
            .collect();
        let ended: Vec<Held> = ended;
        for held in ended {
            self.pool.give(held.buffer);
        }
    }
}

/// The dispatcher's driver.
struct Sockets(Rc<Net>);

impl Sockets {
    /// The kernel reports what is more than input for somebody who waits.
    #[inline(never)]
    fn ready_for_more(&self, d: &Dispatcher, source: Handle, readiness: Readiness) {
        let Some(socket) = self.0.any_socket(source) else {
            return;
        };
        if socket.accepts() {
            accept::accept_batch(d, &socket);
            return;
        }
        if readiness.hangup {
            socket.hangup.set(true);
        }
        if readiness.readable {
            socket.readable.set(true);
            if let Some(reader) = socket.reader.get() {
                d.wake_near(reader, Rc::as_ptr(&socket).cast());
            }
        }
        // Every event says so; it is news only to a socket whose last write was not taken.
        if readiness.writable && !socket.writable.replace(true) {
            socket.write_on(d);
        }
        if socket.tls.get().is_some() {
            socket.note_ready(d, readiness);
        }
    }
}

impl Driver for Sockets {
    fn ready(&self, d: &Dispatcher, source: Handle, readiness: Readiness) {
        let reader = self.0.at(source, |socket| socket.take_word(readiness));
        match reader {
            Some((reader, near)) => d.wake_near(reader, near),
            None => self.ready_for_more(d, source, readiness),
        }
    }

    fn turn(&self, d: &Dispatcher, source: Handle) -> u32 {
        match self.0.socket(source) {
            Some(socket) if socket.is_arriving() => {
                tls::arrival::advance(d, &socket);
                return tls::HANDSHAKE_OPERATIONS;
            }
            Some(socket) => accept::accept_batch(d, &socket),
            None => {}
        }
        1
    }

    fn due(&self, d: &Dispatcher, source: Handle) {
        let Some(socket) = self.0.any_socket(source) else {
            return;
        };
        if socket.marks.has(Mark::Closed) {
            close::finish(d, &socket);
        } else if socket.is_arriving() {
            tls::arrival::time_out(d, &socket);
        } else if socket.accepts() {
            accept::accept_batch(d, &socket);
        } else {
            armour::due(d, &socket);
        }
    }

    fn with_deadline(&self, source: Handle, act: &mut dyn FnMut(&Deadline)) {
        if let Some(socket) = self.0.any_socket(source) {
            act(&socket.deadline);
        }
    }

    fn settle(&self, d: &Dispatcher) {
        self.0.settle();
        if self.0.memory.account.is_alarmed() {
            armour::relieve(d, &self.0);
        }
    }

    fn is_unsettled(&self) -> bool {
        !self.0.dirty.is_empty()
    }

    fn ended(&self, thread: Handle) {
        self.0.end_loans(|borrower, _| borrower == thread);
    }

    fn delivered(&self, d: &Dispatcher) {
        let net = &self.0;
        net.end_loans(|to, socket| to == d.handle && net.socket(socket).is_none());
    }

    fn stop_servers(&self, d: &Dispatcher, serves_rest: bool) {
        for socket in self.0.all_sockets() {
            if !socket.is_served() {
                continue;
            }
            if serves_rest {
                accept::accept_rest(d, &socket);
            }
            close(d, &socket);
        }
    }

    fn close(&self, d: &Dispatcher) {
        #[cfg(feature = "faults")]
        let _look = crate::sys::faults::sparing(true);
        for socket in self.0.all_sockets() {
            if !socket.marks.has(Mark::Closed) {
                close(d, &socket);
            }
            close::finish(d, &socket);
        }
        self.0.held.take();
        self.0.dirty.clear();
    }

    fn let_go(&self) {
        for socket in self.0.all_sockets() {
            drop(socket.take_fd());
        }
        self.0.dirty.clear();
    }

    fn name(&self, source: Handle) -> Option<String> {
        let socket = self.0.any_socket(source)?;
        Some(socket.name.borrow_mut().told())
    }

    fn counts(&self) -> Counts {
        let tally = &self.0.tally;
        let mut counts = Counts {
            accept_pauses: tally.pauses(),
            over_address: tally.of(Cause::Address),
            late_first_byte: tally.of(Cause::FirstByte),
            slow_senders: tally.of(Cause::SlowSender),
            slow_readers: tally.of(Cause::SlowReader),
            evicted: tally.of(Cause::Memory),
            refused_growth: tally.of(Cause::Growth),
            memory: self.0.memory.account.used() as u64,
            memory_budget: self.0.memory.account.budget() as u64,
            ..Counts::default()
        };
        for socket in self.0.all_sockets() {
            counts.sockets += u64::from(!socket.marks.has(Mark::Closed));
            counts.servers += u64::from(socket.is_served());
            counts.readers += u64::from(socket.reader.get().is_some());
            counts.writers += u64::from(socket.is_blocked());
        }
        counts
    }

    fn next_generation(&self) -> u32 {
        self.0.sockets.borrow().next_generation()
    }
}

impl Net {
    fn all_sockets(&self) -> Vec<Rc<Socket>> {
        self.sockets.borrow().iter().cloned().collect()
    }
}
