// SPDX-License-Identifier: MIT
//! A socket: its descriptor, its state, its settings.

use super::Net;
use super::buffer::Buffer;
use super::input::Input;
use super::pattern::Limits;
use super::server::Server;
use super::settings::{Inherited, Timeouts};
use super::tls;
use super::transport::Transport;
use crate::dispatcher::{Alive, Deadline, Dispatcher, Handle, Name, WaitList};
use crate::status::{Fault, Outcome, Status};
use crate::sys::descriptor::Nature;
use socket2::SockAddr;
use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::task::Waker;

/// A socket. Its parts: receiving (`receive`), sending (`send`), closing (`close`).
pub struct Socket {
    /// Its handle.
    pub handle: Handle,
    /// The sockets of its dispatcher.
    pub net: Rc<Net>,
    /// What its descriptor is.
    pub nature: Nature,
    pub(super) transport: Transport,
    /// Its encryption, from the beginning of the handshake on.
    pub(super) tls: tls::Slot,
    fd: RefCell<Option<OwnedFd>>,
    registered: Cell<bool>,
    pub(super) closed: Cell<bool>,

    pub(super) input: RefCell<Input>,
    /// A read may give something.
    pub(super) readable: Cell<bool>,
    /// The peer has ended its direction, or the connection broke: read to the end.
    pub(super) hangup: Cell<bool>,
    /// No more bytes will come: the end of the stream, an error, or copas_shut().
    pub(super) at_end: Cell<bool>,
    pub(super) read_error: Cell<i32>,
    /// Somebody receives.
    pub(super) reading: Cell<bool>,
    pub(super) reader: RefCell<Option<Waker>>,

    /// Who sent the datagram that a submission received last.
    sender: RefCell<Option<Box<SockAddr>>>,

    pub(super) output: RefCell<Option<Buffer>>,
    /// A write may be taken.
    pub(super) writable: Cell<bool>,
    pub(super) write_error: Cell<i32>,
    /// Stands in the list of those that have something to write.
    pub(super) dirty: Cell<bool>,
    /// The kernel does not take what is pending now.
    pub(super) blocked: RefCell<Option<Alive>>,
    pub(super) shut_send: Cell<bool>,
    /// A submitted send's event is outstanding.
    pub(super) submitted: Cell<bool>,
    pub(super) senders: WaitList,
    pub(super) flushers: WaitList,

    /// Time limits.
    pub timeouts: Cell<Timeouts>,
    /// Most bytes of a receive.
    pub limits: Cell<Limits>,
    /// SO_LINGER in seconds; negative is off.
    pub(super) linger: Cell<i32>,
    /// Bytes read from the kernel.
    pub received: Cell<u64>,
    /// Bytes handed to the kernel.
    pub sent: Cell<u64>,
    /// When it was made, in nanoseconds.
    pub born: u64,
    /// Its name.
    pub name: RefCell<Name>,
    /// A served socket's server.
    pub(super) server: RefCell<Option<Rc<Server>>>,
    /// For draining after a close, and for pauses of accepting.
    pub(super) deadline: Deadline,
}

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
                nature,
                transport: Transport::of(nature),
                tls: tls::Slot::new(),
                fd: RefCell::new(Some(fd)),
                registered: Cell::new(false),
                closed: Cell::new(false),
                input: RefCell::new(Input::new()),
                readable: Cell::new(true),
                hangup: Cell::new(false),
                at_end: Cell::new(false),
                read_error: Cell::new(0),
                reading: Cell::new(false),
                reader: RefCell::new(None),
                sender: RefCell::new(None),
                output: RefCell::new(None),
                writable: Cell::new(true),
                write_error: Cell::new(0),
                dirty: Cell::new(false),
                blocked: RefCell::new(None),
                shut_send: Cell::new(false),
                submitted: Cell::new(false),
                senders: WaitList::default(),
                flushers: WaitList::default(),
                timeouts: Cell::new(inherited.timeouts),
                limits: Cell::new(inherited.limits),
                linger: Cell::new(inherited.linger),
                received: Cell::new(0),
                sent: Cell::new(0),
                born,
                name: RefCell::new(Name::Numbered("socket", net.next_number())),
                server: RefCell::new(None),
                deadline: Deadline::new(),
            })
        });
        Ok(Rc::clone(socket.ok_or(Status::LIMIT)?))
    }

    /// Whether it may receive at all.
    pub fn can_receive(&self) -> bool {
        !matches!(self.nature, Nature::Listener | Nature::PipeWriter)
    }

    /// Whether it may send at all.
    pub fn can_send(&self) -> bool {
        !matches!(self.nature, Nature::Listener | Nature::PipeReader)
    }

    /// Acts on its descriptor; EBADF once it is closed.
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
        match &mut *self.sender.borrow_mut() {
            Some(place) => **place = sender,
            empty => *empty = Some(Box::new(sender)),
        }
    }

    /// Who sent the datagram that a submission received last.
    pub fn last_sender(&self) -> Option<SockAddr> {
        self.sender.borrow().as_deref().cloned()
    }

    /// Wakes whoever receives.
    pub(super) fn wake_reader(&self) {
        if let Some(reader) = &*self.reader.borrow() {
            reader.wake_by_ref();
        }
    }
}
