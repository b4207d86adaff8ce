// SPDX-License-Identifier: MIT
//! A socket: its descriptor, its state, its settings.

use super::Net;
use super::armour::{Cause, Guard, Standing};
use super::buffer::Buffer;
use super::input::Input;
use super::marks::{Mark, Marks};
use super::pattern::Limits;
use super::reading::Read;
use super::server::Server;
use super::settings::{Inherited, Timeouts};
use super::tls;
use super::transport::Transport;
use crate::dispatcher::{Alive, Deadline, Dispatcher, Handle, Name, WaitList, registry};
use crate::status::{Fault, Outcome, Status};
use crate::sys::descriptor::Nature;
use socket2::SockAddr;
use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

/// What few sockets need: made when the first of it is.
#[derive(Default)]
pub(super) struct Extras {
    /// Who sent the datagram that a submission received last.
    sender: RefCell<Option<SockAddr>>,
    /// A served socket's server.
    server: RefCell<Option<Rc<Server>>>,
    /// A connection that was accepted when there was nothing to run its handler on: the next one.
    kept: Cell<Option<OwnedFd>>,
    /// Who lets connections in at a listening socket.
    pub(super) guard: OnceCell<Rc<Guard>>,
    /// What is known of a connection's peer, where that is limited.
    pub(super) standing: OnceCell<Standing>,
}

/// A socket. Its parts: receiving (`receive`), sending (`send`), closing (`close`). In the order of
/// the fields what every request touches comes first, so that it shares few cache lines.
#[repr(C)]
pub struct Socket {
    /// Its handle.
    pub handle: Handle,
    /// The sockets of its dispatcher.
    pub net: Rc<Net>,
    fd: RefCell<Option<OwnedFd>>,
    pub(super) input: RefCell<Input>,
    pub(super) output: RefCell<Option<Box<Buffer>>>,
    pub(super) reader: Cell<Option<Handle>>,
    /// Its encryption, from the beginning of the handshake on.
    pub(super) tls: tls::Slot,
    /// Bytes read from the kernel.
    pub received: Cell<u64>,
    /// Bytes handed to the kernel.
    pub sent: Cell<u64>,
    /// When bytes went through it last, counted in such events of all sockets.
    pub(super) active: Cell<u64>,
    pub(super) marks: Marks,
    /// What its descriptor is.
    pub nature: Nature,
    pub(super) transport: Transport,
    registered: Cell<bool>,
    /// A read may give something.
    pub(super) readable: Cell<bool>,
    /// A write may be taken.
    pub(super) writable: Cell<bool>,
    /// The peer has ended its direction, or the connection broke: read to the end.
    pub(super) hangup: Cell<bool>,
    /// Somebody receives.
    pub(super) reading: Cell<bool>,
    /// Stands in the list of those that have something to write.
    pub(super) dirty: Cell<bool>,
    /// Its peer must send and take at a least rate.
    pub(super) paced: Cell<bool>,
    /// A receive was refused memory, which it has not answered yet.
    pub(super) refused: Cell<bool>,
    /// A submitted send's event is outstanding.
    pub(super) submitted: Cell<bool>,
    pub(super) senders: WaitList,
    pub(super) flushers: WaitList,
    /// What keeps the loop alive while the kernel does not take what is pending.
    pub(super) stuck: Cell<Option<Alive>>,
    /// Time limits.
    pub timeouts: Cell<Timeouts>,
    /// Most bytes of a receive.
    pub limits: Cell<Limits>,

    pub(super) read_error: Cell<i32>,
    pub(super) write_error: Cell<i32>,
    /// SO_LINGER in seconds; negative is off.
    pub(super) linger: Cell<i32>,
    /// When it was made, in nanoseconds.
    pub born: u64,
    /// Its name.
    pub name: RefCell<Name>,
    extras: OnceCell<Box<Extras>>,
    /// Who let it in, as long as it is a connection of a server's.
    pub(super) host: Cell<Option<Rc<Guard>>>,
    /// For draining after a close, for pauses of accepting, and for what a connection's peer owes.
    pub(super) deadline: Deadline,
}

// Every connection has one: with what counts the references to it, 320 bytes of the allocator's.
const _: () = assert!(size_of::<Socket>() <= 296);

impl Socket {
    /// Makes a socket of a descriptor that is non-blocking already.
    pub fn open(
        d: &Dispatcher,
        net: &Rc<Net>,
        fd: OwnedFd,
        nature: Nature,
        inherited: Inherited,
    ) -> Outcome<Rc<Self>> {
        let born = d.now();
        let mut sockets = net.sockets.borrow_mut();
        let socket = sockets.insert_with(|slot, generation| {
            let handle = net.handle_of(slot, generation);
            Rc::new(Socket {
                handle,
                net: Rc::clone(net),
                fd: RefCell::new(Some(fd)),
                input: RefCell::new(Input::new()),
                output: RefCell::new(None),
                reader: Cell::new(None),
                tls: tls::Slot::new(),
                received: Cell::new(0),
                sent: Cell::new(0),
                active: Cell::new(net.next_event()),
                marks: Marks::of(nature),
                nature,
                transport: Transport::of(nature),
                registered: Cell::new(false),
                readable: Cell::new(true),
                writable: Cell::new(true),
                hangup: Cell::new(false),
                reading: Cell::new(false),
                dirty: Cell::new(false),
                paced: Cell::new(false),
                refused: Cell::new(false),
                submitted: Cell::new(false),
                senders: WaitList::default(),
                flushers: WaitList::default(),
                stuck: Cell::new(None),
                timeouts: Cell::new(inherited.timeouts),
                limits: Cell::new(inherited.limits),
                read_error: Cell::new(0),
                write_error: Cell::new(0),
                linger: Cell::new(inherited.linger),
                born,
                name: RefCell::new(Name::Numbered(&"socket", net.next_number())),
                extras: OnceCell::new(),
                host: Cell::new(None),
                deadline: Deadline::new(),
            })
        });
        Ok(Rc::clone(socket.ok_or(Status::LIMIT)?))
    }

    /// Whether it may send at all.
    pub fn can_send(&self) -> bool {
        !self.marks.has(Mark::NoSend)
    }

    /// Acts on its descriptor; EBADF once it is closed.
    #[inline(always)]
    pub fn with_fd<R>(&self, act: impl FnOnce(BorrowedFd<'_>) -> io::Result<R>) -> io::Result<R> {
        match &*self.fd.borrow() {
            Some(fd) => act(fd.as_fd()),
            None => Err(io::Error::from_raw_os_error(libc::EBADF)),
        }
    }

    /// Takes its descriptor away from it.
    pub(super) fn take_fd(&self) -> Option<OwnedFd> {
        self.fd.take()
    }

    /// Has the kernel report on it from now on: when it has to wait for the first time.
    pub(super) fn register(&self) -> Outcome<()> {
        if self.registered.get() {
            return Ok(());
        }
        let d = self.net.dispatcher().ok_or(Status::STALE)?;
        self.with_fd(|fd| d.register(fd.as_raw_fd(), self.handle))
            .map_err(|e| Fault::system(&e, "watch the descriptor"))?;
        self.registered.set(true);
        Ok(())
    }

    /// Whether the kernel reports on it.
    pub(super) fn is_registered(&self) -> bool {
        self.registered.get()
    }

    /// Whether it is accepted and waits for its handshake.
    pub(super) fn is_arriving(&self) -> bool {
        self.tls.get().is_some_and(|session| session.is_arriving())
    }

    /// Remembers who sent a datagram.
    pub(super) fn remember_sender(&self, sender: SockAddr) {
        self.extras().sender.replace(Some(sender));
    }

    /// Who sent the datagram that a submission received last.
    pub fn last_sender(&self) -> Option<SockAddr> {
        self.extras.get()?.sender.borrow().clone()
    }

    pub(super) fn extras(&self) -> &Extras {
        self.extras.get_or_init(Box::default)
    }

    /// What is known of a connection's peer, if anything was asked.
    pub(super) fn standing(&self) -> Option<&Standing> {
        self.extras.get()?.standing.get()
    }

    /// Its server, if it is served.
    pub(super) fn server(&self) -> Option<Rc<Server>> {
        self.extras.get()?.server.borrow().clone()
    }

    /// Whether it is served.
    pub(super) fn is_served(&self) -> bool {
        let extras = self.extras.get();
        extras.is_some_and(|extras| extras.server.borrow().is_some())
    }

    /// Is served by `server` from now on.
    pub(super) fn serve_by(&self, server: Rc<Server>) {
        self.extras().server.replace(Some(server));
    }

    /// Is served no longer; by whom it was.
    pub(super) fn take_server(&self) -> Option<Rc<Server>> {
        self.extras.get()?.server.take()
    }

    /// Keeps a connection that was accepted when there was nothing to run its handler on.
    pub(super) fn keep(&self, connection: OwnedFd) {
        self.extras().kept.set(Some(connection));
    }

    /// The connection that was kept: the next one.
    pub(super) fn take_kept(&self) -> Option<OwnedFd> {
        self.extras.get()?.kept.take()
    }

    /// Bytes have gone through it.
    #[inline]
    pub(super) fn note_active(&self) {
        self.active.set(self.net.next_event());
    }

    /// The memory budget has no room for what a receive waits for.
    #[cold]
    pub(super) fn refuse_growth(&self) -> Read {
        self.refused.set(true);
        self.net.tally.count(Cause::Growth);
        Read::Nothing
    }

    /// Wakes whoever receives.
    pub(super) fn wake_reader(&self) {
        if let Some(reader) = self.reader.get() {
            registry::wake(reader);
        }
    }
}
