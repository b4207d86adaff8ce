// SPDX-License-Identifier: MIT
//! Where an accepted connection stands: who let it in, what is known of its pace, why it was cut off.

use super::cause::Cause;
use super::guard::Guard;
use super::network::Network;
use super::watch::Sample;
use crate::net::socket::Socket;
use std::cell::Cell;
use std::rc::Rc;

/// An accepted connection's standing.
pub struct Standing {
    pub(super) guard: Rc<Guard>,
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
    pub(super) fn new(guard: Rc<Guard>, network: Option<Network>) -> Box<Self> {
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
    /// Why it was cut off, if it was.
    pub(in crate::net) fn cut_by(&self) -> Option<Cause> {
        self.standing.get()?.cut.get()
    }

    /// Its descriptor goes: it is no connection of its server's any more.
    pub(in crate::net) fn leave_guard(&self) {
        if let Some(standing) = self.standing.get()
            && !standing.left.replace(true)
        {
            standing.guard.let_out(standing.network);
        }
    }
}
