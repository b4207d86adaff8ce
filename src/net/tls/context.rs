// SPDX-License-Identifier: MIT
//! Contexts: what many connections share. They belong to no dispatcher, and any OS thread uses them.

use super::settings::Settings;
use crate::dispatcher::{Handle, Kind, shared};
use crate::status::{Fault, Outcome, Status};
use crate::sys::wiping;
use parking_lot::Mutex;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicU64, AtomicUsize};

/// Which side of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The one that is connected to.
    Server,
    /// The one that connects.
    Client,
}

/// What new connections are made of.
#[derive(Clone)]
pub enum Config {
    /// Of a server.
    Server(Arc<ServerConfig>),
    /// Of a client.
    Client(Arc<ClientConfig>),
}

/// How many handshakes ended how.
#[derive(Default)]
pub struct Tally {
    /// Successful ones.
    pub done: AtomicU64,
    /// Those of them that resumed a session.
    pub resumed: AtomicU64,
    /// Those that failed, other than by time.
    pub failed: AtomicU64,
    /// Those that took too long.
    pub timed_out: AtomicU64,
}

/// A context.
pub struct Context {
    role: Role,
    config: Mutex<Config>,
    /// Its handshakes.
    pub tally: Tally,
}

/// A context in the program's hands, and how many references it has.
struct Counted {
    context: Arc<Context>,
    references: AtomicUsize,
}

impl Context {
    /// Makes a context, with one reference.
    pub fn create(role: Role, settings: &Settings<'_>) -> Outcome<Handle> {
        wiping::begin();
        let context = Arc::new(Context {
            role,
            config: Mutex::new(settings.config(role)?),
            tally: Tally::default(),
        });
        let references = AtomicUsize::new(1);
        shared::share(
            Kind::Tls,
            Counted {
                context,
                references,
            },
        )
    }

    /// The context of a handle.
    pub fn find(handle: Handle) -> Outcome<Arc<Self>> {
        let counted = shared::shared::<Counted>(handle)?;
        Ok(Arc::clone(&counted.context))
    }

    /// One more reference.
    pub fn retain(handle: Handle) -> Outcome<()> {
        let counted = shared::shared::<Counted>(handle)?;
        let more = |count: usize| (count != 0).then_some(count + 1);
        let counted = counted.references.fetch_update(AcqRel, Acquire, more);
        counted.map(|_| ()).map_err(|_| Status::STALE.into())
    }

    /// One reference less; without any the handle is stale.
    pub fn release(handle: Handle) -> Outcome<()> {
        let counted = shared::shared::<Counted>(handle)?;
        let less = |count: usize| count.checked_sub(1);
        match counted.references.fetch_update(AcqRel, Acquire, less) {
            Ok(1) => shared::unshare::<Counted>(handle).map(drop),
            Ok(_) => Ok(()),
            Err(_) => Err(Status::STALE.into()),
        }
    }

    /// Has connections that begin from now on use new settings.
    pub fn reload(&self, settings: &Settings<'_>) -> Outcome<()> {
        let config = settings.config(self.role)?;
        let before = std::mem::replace(&mut *self.config.lock(), config);
        drop(before);
        Ok(())
    }

    /// An error unless it is of this role.
    pub fn check(&self, role: Role) -> Outcome<()> {
        match role {
            _ if role == self.role => Ok(()),
            Role::Server => Err(Fault::invalid(
                "a server needs a context of COPAS_TLS_SERVER",
            )),
            Role::Client => Err(Fault::invalid(
                "a client needs a context of COPAS_TLS_CLIENT",
            )),
        }
    }

    /// Which side its connections are.
    pub fn role(&self) -> Role {
        self.role
    }

    /// A new connection; `name` is the server's, for a client.
    pub fn connection(&self, name: Option<&ServerName<'static>>) -> Outcome<Connection> {
        let config = self.config.lock().clone();
        let made = match (config, name) {
            (Config::Server(config), _) => ServerConnection::new(config).map(Connection::from),
            (Config::Client(config), Some(name)) => {
                ClientConnection::new(config, name.clone()).map(Connection::from)
            }
            (Config::Client(_), None) => {
                return Err(Fault::invalid("a TLS client needs the server's name"));
            }
        };
        made.map_err(|e| super::failure::fault_of(&e))
    }

    /// Counts the end of a handshake: whether it resumed a session, or why it failed.
    pub fn count(&self, ended: Result<bool, Status>) {
        let which = match ended {
            Ok(resumed) => {
                if resumed {
                    self.tally.resumed.fetch_add(1, Relaxed);
                }
                &self.tally.done
            }
            Err(Status::TIMEOUT) => &self.tally.timed_out,
            Err(_) => &self.tally.failed,
        };
        which.fetch_add(1, Relaxed);
    }
}

/// The name of a server as its certificate has it.
pub fn server_name(name: &str) -> Outcome<ServerName<'static>> {
    ServerName::try_from(name.to_owned()).map_err(|_| {
        Fault::invalid(format!(
            "\"{name}\" is neither a host name nor an address: set server_name"
        ))
    })
}
