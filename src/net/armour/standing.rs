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

/// A connection's standing: only where its peer is limited, or it was cut off.
#[derive(Default)]
pub struct Standing {
    /// As whose connection it is counted, if it is.
    pub(super) network: Option<Network>,
    /// Bytes that the receive which waits has put into its caller's memory.
    pub(super) filled: Cell<usize>,
    /// What its peer had done when it was looked at last.
    pub(super) sample: Cell<Sample>,
    /// Why it was cut off, if it was.
    pub(super) cut: Cell<Option<Cause>>,
}

impl Socket {
    /// Its standing, from now on if it had none.
    pub(super) fn stand(&self) -> &Standing {
        self.extras().standing.get_or_init(Standing::default)
    }

    /// Who let it in, as long as it is a connection of a server's.
    pub(super) fn host(&self) -> Option<Rc<Guard>> {
        let host = self.host.take();
        self.host.set(host.clone());
        host
    }

    /// What the one who let it in bears.
    pub(super) fn borne(&self) -> Armour {
        self.host().map_or(Armour::default(), |host| host.armour())
    }

    /// It was let in, as a connection of this network if they are counted.
    pub(super) fn enter(&self, host: Rc<Guard>, network: Option<Network>) {
        self.host.set(Some(host));
        if network.is_some() {
            let _ = self.extras().standing.set(Standing {
                network,
                ..Standing::default()
            });
        }
    }

    /// Whether a listening socket has let it in.
    pub(in crate::net) fn is_accepted(&self) -> bool {
        self.host().is_some()
    }

    /// Why it was cut off, if it was.
    pub(in crate::net) fn cut_by(&self) -> Option<Cause> {
        self.standing()?.cut.get()
    }

    /// Its descriptor goes: it is no connection of its server's any more.
    pub(in crate::net) fn leave_guard(&self) {
        if let Some(host) = self.host.take() {
            host.let_out(self.standing().and_then(|standing| standing.network));
        }
    }
}
