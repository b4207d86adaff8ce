// SPDX-License-Identifier: MIT
//! A server: a listening socket with the handler of its connections, or a datagram socket with its one
//! handler.

use super::armour::Armour;
use super::settings::Inherited;
use super::socket::Socket;
use super::tls::Context;
use crate::dispatcher::{Alive, Ground, Handle};
use crate::sys::descriptor::Nature;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

/// Serves one accepted connection, or a datagram socket, on its own coroutine.
pub type Handler = Rc<dyn Fn(Handle)>;

/// What a server is made of.
pub struct ServerSettings {
    /// Serves a connection.
    pub handler: Handler,
    /// Its name; None: its address.
    pub name: Option<Rc<str>>,
    /// What accepted sockets start with.
    pub inherited: Inherited,
    /// What a handler runs on.
    pub ground: Ground,
    /// What encrypts its connections, and how many seconds a handshake may take; negative: no limit.
    pub tls: Option<(Arc<Context>, f64)>,
    /// What it bears; where it says nothing, what the listening socket bears.
    pub armour: Armour,
    /// An accepted socket, or a served datagram socket, is closed when its handler returns.
    pub autoclose: bool,
}

/// A served socket.
pub struct Server {
    pub(super) settings: ServerSettings,
    pub(super) name: Rc<str>,
    /// What its clients' names begin with, and its handlers'.
    pub(super) clients: Rc<String>,
    pub(super) handlers: Rc<String>,
    /// How many connections have come to a handler.
    pub(super) accepted: Cell<u64>,
    /// Seconds of the present pause of accepting; 0: there is none.
    pub(super) pause: Cell<f64>,
    /// The lack of descriptors, memory or OS threads has been reported.
    pub(super) reported: Cell<bool>,
    /// That the dispatcher's OS threads are all taken has been reported.
    pub(super) full: Cell<bool>,
    /// Connections whose handshake has succeeded: their handlers come next.
    pub(super) secured: RefCell<VecDeque<Rc<Socket>>>,
    pub(super) _alive: Alive,
}

impl Socket {
    /// Whether it is served and accepts connections.
    pub(super) fn accepts(&self) -> bool {
        self.nature == Nature::Listener && self.is_served()
    }
}
