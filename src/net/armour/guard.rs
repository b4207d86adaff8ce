// SPDX-License-Identifier: MIT
//! Who lets connections in at a listening socket, and knows how many are inside.

use super::cause::{CAUSES, Cause};
use super::network::Network;
use super::settings::Armour;
use super::tally::Episode;
use crate::dispatcher::{Dispatcher, LEVEL_WARNING};
use crate::net::Net;
use crate::net::address::local_address;
use crate::net::socket::Socket;
use crate::status::{Fault, Outcome, Status};
use crate::sys::descriptor::Nature;
use socket2::SockRef;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::rc::{Rc, Weak};
use std::time::Duration;

/// A new connection that may come in.
pub struct Arrived {
    /// Its descriptor.
    pub fd: OwnedFd,
    /// As whose connection it is to be counted, if it is.
    pub network: Option<Network>,
}

/// The guard of a listening socket.
pub struct Guard {
    listener: Weak<Socket>,
    armour: Cell<Armour>,
    inside: Cell<usize>,
    /// How many of each network are inside, while that is limited.
    networks: RefCell<HashMap<Network, usize>>,
    /// Somebody accepts who waits until one leaves.
    waits: Cell<bool>,
    full: Episode,
    episodes: [Episode; CAUSES],
}

impl Guard {
    /// The guard of a listening socket, where nobody is inside.
    pub fn of(listener: &Rc<Socket>) -> Rc<Self> {
        Rc::new(Guard {
            listener: Rc::downgrade(listener),
            armour: Cell::default(),
            inside: Cell::new(0),
            networks: RefCell::default(),
            waits: Cell::new(false),
            full: Episode::default(),
            episodes: Default::default(),
        })
    }

    /// What the socket bears.
    pub fn armour(&self) -> Armour {
        self.armour.get()
    }

    /// Whether nobody else may come in now.
    fn is_full(&self, d: &Dispatcher) -> bool {
        let most = self.armour.get().max_connections;
        if most == 0 || self.inside.get() < most {
            return false;
        }
        if !self.waits.replace(true)
            && let Some(listener) = self.listener.upgrade()
        {
            listener.net.tally.count_pause();
            if self.full.begins(d.now()) {
                let text = format!(
                    "has max_connections ({most}) open: further ones wait in the kernel's queue until \
                     one ends"
                );
                report(d, &listener, &text);
            }
        }
        true
    }

    /// Looks at a new connection; None: it was reset.
    pub fn look_at(&self, d: &Dispatcher, fd: OwnedFd) -> Option<Arrived> {
        let most = self.armour.get().max_per_address;
        if most == 0 {
            return Some(Arrived { fd, network: None });
        }
        // One whose peer is gone already cannot tell whose it was.
        let peer = SockRef::from(&fd).peer_addr().ok()?;
        let network = Network::of(&peer);
        let inside = network.and_then(|network| self.networks.borrow().get(&network).copied());
        if inside.unwrap_or(0) < most {
            return Some(Arrived { fd, network });
        }
        // A reset leaves nothing behind: no state of ended connections, no unread bytes.
        let _ = SockRef::from(&fd).set_linger(Some(Duration::ZERO));
        self.tell(d, Cause::Address);
        None
    }

    /// Bears this from now on.
    pub fn set(&self, armour: Armour) {
        self.armour.set(armour);
        self.wake_who_waits();
    }

    /// Lets a connection in.
    pub fn let_in(self: &Rc<Self>, client: &Socket, network: Option<Network>) {
        self.inside.set(self.inside.get() + 1);
        if let Some(network) = network {
            *self.networks.borrow_mut().entry(network).or_default() += 1;
        }
        client.enter(Rc::clone(self), network);
    }

    /// A connection leaves.
    pub(super) fn let_out(&self, network: Option<Network>) {
        self.inside.set(self.inside.get() - 1);
        if let Some(network) = network {
            self.let_out_of(network);
        }
        self.wake_who_waits();
    }

    fn wake_who_waits(&self) {
        if self.waits.take()
            && let Some(listener) = self.listener.upgrade()
        {
            listener.accept_on();
        }
    }

    fn let_out_of(&self, network: Network) {
        let mut networks = self.networks.borrow_mut();
        if let Some(inside) = networks.get_mut(&network) {
            *inside -= 1;
            if *inside == 0 {
                networks.remove(&network);
            }
        }
    }

    /// Counts what was done to a connection, and reports it where an episode begins with it.
    pub(super) fn tell(&self, d: &Dispatcher, cause: Cause) {
        Net::of(d).tally.count(cause);
        let Some(listener) = self.listener.upgrade() else {
            return;
        };
        if self.episodes[cause as usize].begins(d.now()) {
            let text = format!("{}; copas_stats() counts further ones", cause.deed());
            report(d, &listener, &text);
        }
    }
}

/// Sets what a listening socket bears.
pub fn set_armour(socket: &Rc<Socket>, armour: Armour) -> Outcome<()> {
    if socket.nature != Nature::Listener {
        let text = "only a listening socket has connections to limit";
        return Err(Fault::new(Status::UNSUPPORTED, text));
    }
    socket.guard().set(armour);
    Ok(())
}

/// Tells a person what the server of a listening socket has met.
fn report(d: &Dispatcher, listener: &Socket, text: &str) {
    let name = match listener.server() {
        Some(server) => server.name.to_string(),
        None => local_address(listener).map_or_else(
            |_| listener.name.borrow_mut().told(),
            |address| address.to_string(),
        ),
    };
    d.report(LEVEL_WARNING, &format!("server {name} {text}"));
}

impl Socket {
    /// The guard of a listening socket.
    pub fn guard(self: &Rc<Self>) -> &Rc<Guard> {
        self.extras().guard.get_or_init(|| Guard::of(self))
    }

    /// Whether a listening socket may accept now. Who accepts is woken when it may.
    pub fn may_accept(&self, d: &Dispatcher) -> bool {
        let guard = self.extras().guard.get();
        !guard.is_some_and(|guard| guard.is_full(d)) && !self.net.memory.is_short_for(self)
    }

    /// Whoever accepts from it may go on.
    pub(super) fn accept_on(&self) {
        if self.accepts() {
            crate::dispatcher::registry::wake(self.handle);
        } else {
            self.wake_reader();
        }
    }
}
