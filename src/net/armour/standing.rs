// SPDX-License-Identifier: MIT
//! Where a connection stands: who let it in, what is known of its pace, why it was cut off.

use super::cause::Cause;
use super::guard::Guard;
use super::network::Network;
use super::settings::Armour;
use super::watch::Sample;
use crate::net::socket::Socket;
use std::cell::Cell;
use std::rc::Rc;

/// A connection's standing.
pub struct Standing {
    /// Of an accepted one.
    pub(super) guard: Option<Rc<Guard>>,
    /// As whose connection it is counted, if it is.
    pub(super) network: Option<Network>,
    /// It is counted no longer.
    pub(super) left: Cell<bool>,
    /// Bytes that the receive which waits has put into its caller's memory.
    pub(super) filled: Cell<usize>,
    /// What its peer had done when it was looked at last.
    pub(super) sample: Cell<Sample>,
    /// Why it was cut off, if it was.
    pub(super) cut: Cell<Option<Cause>>,
}

impl Standing {
    /// What the one who let it in bears.
    pub(super) fn armour(&self) -> Armour {
        self.guard
            .as_ref()
            .map_or(Armour::default(), |guard| guard.armour())
    }

    pub(super) fn new(guard: Option<Rc<Guard>>, network: Option<Network>) -> Box<Self> {
        Box::new(Standing {
            guard,
            network,
            left: Cell::new(false),
            filled: Cell::new(0),
            sample: Cell::default(),
            cut: Cell::new(None),
        })
    }
}

impl Socket {
    /// Its standing, from now on if it had none.
    pub(super) fn stand(&self) -> &Standing {
        self.standing.get_or_init(|| Standing::new(None, None))
    }

    /// Whether a listening socket has let it in.
    pub(in crate::net) fn is_accepted(&self) -> bool {
        self.standing
            .get()
            .is_some_and(|standing| standing.guard.is_some())
    }

    /// Why it was cut off, if it was.
    pub(in crate::net) fn cut_by(&self) -> Option<Cause> {
        self.standing.get()?.cut.get()
    }

    /// Its descriptor goes: it is no connection of its server's any more.
    pub(in crate::net) fn leave_guard(&self) {
        if let Some(standing) = self.standing.get()
            && let Some(guard) = &standing.guard
            && !standing.left.replace(true)
        {
            guard.let_out(standing.network);
        }
    }
}
