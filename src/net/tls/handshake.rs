// SPDX-License-Identifier: MIT
//! Handshakes: what they do when the kernel has something, and waiting for them.

use super::context::{Context, Role, server_name};
use super::session::Session;
use crate::dispatcher::{Dispatcher, Place, within};
use crate::net::Net;
use crate::net::armour;
use crate::net::flush::Flush;
use crate::net::marks::Mark;
use crate::net::reading::Reading;
use crate::net::socket::Socket;
use crate::status::{Fault, Outcome, Status};
use crate::sys::descriptor::Nature;
use rustls::HandshakeKind;
use rustls::pki_types::ServerName;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

impl Session {
    /// Goes on with the handshake as far as the kernel lets it; whether it has succeeded.
    pub(super) fn advance(&self, socket: &Rc<Socket>) -> Outcome<bool> {
        loop {
            let pushed = self.push(socket);
            if !self.connection.borrow().is_handshaking() {
                self.note_secured();
                // What came behind the handshake may be here already.
                self.note_readable();
                socket.readable.set(true);
                return Ok(true);
            }
            if !socket.readable.get() && !self.has_unread() {
                // A failed write ends it where nothing is left to read, such as the reason.
                let pushed = pushed.map_err(|e| self.refusal(socket, &e));
                return pushed.map(|()| false);
            }
            let step = self.take_in(socket, &mut self.connection.borrow_mut(), &mut []);
            match step {
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => socket.readable.set(false),
                Err(e) => return Err(self.refusal(socket, &e)),
            }
        }
    }

    fn refusal(&self, socket: &Socket, error: &io::Error) -> Fault {
        let fault = self
            .failure()
            .unwrap_or_else(|| Fault::system(error, "TLS handshake"));
        self.break_off(socket, fault)
    }

    /// Nothing goes through from now on: not in clear, and not encrypted.
    pub(super) fn break_off(&self, socket: &Socket, fault: Fault) -> Fault {
        self.fail(Fault::new(fault.status, fault.describe()));
        refuse(socket);
        fault
    }

    /// Counts how its handshake ended.
    pub(super) fn count(&self, ended: &Outcome<()>) {
        self.context.count(match ended {
            Ok(()) => Ok(self.is_resumed()),
            Err(fault) => Err(fault.status),
        });
    }

    fn is_resumed(&self) -> bool {
        let kind = self.connection.borrow().handshake_kind();
        kind == Some(HandshakeKind::Resumed)
    }
}

/// Has every later receive and send of a socket fail that was never encrypted. What came in clear counts
/// as the beginning of the handshake, and is shown to nobody.
fn refuse(socket: &Socket) {
    drop(socket.input.borrow_mut().take_pending());
    socket.read_error.set(libc::EPROTO);
    socket.marks.put(Mark::AtEnd);
    socket.fail_writing(libc::EPROTO);
}

/// An upgrade, from its call on. Breaks the socket off where it does not come to its end, be it that it
/// never had a turn: who asked for encryption must not go on in clear.
struct Upgrade {
    socket: Rc<Socket>,
    context: Arc<Context>,
    /// The place of the one that receives, until the handshake has it.
    reading: Option<Reading>,
    /// The connection's first byte is waited for, once it is encrypted.
    awaits_first: bool,
    /// How it has ended: whether it has resumed a session, or why it has failed.
    ended: Result<bool, Status>,
}

impl Upgrade {
    /// Of a connection that can be upgraded; else nothing has happened.
    fn begin(socket: &Rc<Socket>, context: Arc<Context>) -> Outcome<Self> {
        check(socket)?;
        let reading = Some(Reading::begin(socket)?);
        socket.marks.put(Mark::Upgrading);
        let d = socket.net.dispatcher();
        Ok(Upgrade {
            awaits_first: d.is_some_and(|d| armour::pause_for_handshake(&d, socket)),
            socket: Rc::clone(socket),
            context,
            reading,
            ended: Err(Status::CANCELED),
        })
    }

    /// What is sent from now on is encrypted.
    fn encrypt(&self, name: Option<&ServerName<'static>>) -> Outcome<()> {
        let socket = &self.socket;
        let unread = socket.input.borrow_mut().take_pending();
        let session = Session::new(
            &socket.net.memory.account,
            Arc::clone(&self.context),
            name,
            unread,
        )?;
        if socket.tls.set(session).is_err() {
            return Err(Status::BUSY.into());
        }
        socket.marks.end_upgrading();
        socket.senders.wake_first();
        Ok(())
    }
}

impl Drop for Upgrade {
    fn drop(&mut self) {
        self.context.count(self.ended);
        self.socket.marks.end_upgrading();
        if self.ended.is_ok() {
            return;
        }
        let is_closed = self.socket.marks.has(Mark::Closed);
        match self.socket.tls.get() {
            Some(session) if session.is_handshaking() => {
                let text = "its TLS handshake did not come to its end";
                session.break_off(&self.socket, Fault::new(Status::CLOSED, text));
            }
            // What was sent in clear is written as after every close.
            None if is_closed => return,
            _ => refuse(&self.socket),
        }
        if is_closed && let Some(d) = self.socket.net.dispatcher() {
            self.socket.finish_output(&d);
        }
    }
}

/// Waits for a handshake.
struct Handshake {
    socket: Rc<Socket>,
    reading: Reading,
    place: Option<Place>,
}

impl Handshake {
    fn step(&mut self, context: &mut TaskContext<'_>) -> Outcome<bool> {
        let socket = &self.socket;
        if let Some(place) = self.place.take() {
            socket.flushers.leave(place);
        }
        if socket.marks.has(Mark::Closed) {
            return Err(Fault::new(
                Status::CLOSED,
                "this side has closed the socket",
            ));
        }
        if let Some(cause) = socket.cut_by() {
            return Err(cause.fault());
        }
        let session = socket.tls.get().ok_or(Status::STALE)?;
        if session.advance(socket)? {
            return Ok(true);
        }
        self.reading.wait(context)?;
        if socket.unsent() != 0 {
            self.place = Some(socket.flushers.join(context.waker()));
        }
        Ok(false)
    }
}

impl Future for Handshake {
    type Output = Outcome<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Outcome<()>> {
        crate::net::as_poll(self.step(context))
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.socket.flushers.leave(place);
        }
    }
}

/// Why a socket cannot be upgraded.
fn check(socket: &Socket) -> Outcome<()> {
    if !matches!(socket.nature, Nature::Tcp | Nature::Unix) {
        return Err(Fault::new(
            Status::UNSUPPORTED,
            "only connections can be encrypted: TCP and Unix streams",
        ));
    }
    if socket.tls.get().is_some() {
        return Err(Fault::new(
            Status::UNSUPPORTED,
            "this socket is encrypted already",
        ));
    }
    // The first part of what they send would be plain, the rest encrypted.
    if socket.has_senders() {
        let text = "somebody sends on this socket: encrypt it when that is done";
        return Err(Fault::new(Status::BUSY, text));
    }
    socket.check_send()
}

/// Upgrades a connection: what was sent goes out in clear, then the handshake begins; what was received
/// and not taken is its beginning.
async fn perform(upgrade: &mut Upgrade, name: Option<ServerName<'static>>) -> Outcome<()> {
    let socket = &upgrade.socket;
    Flush::new(socket, false)?.await?;
    upgrade.encrypt(name.as_ref())?;
    let handshake = Handshake {
        socket: Rc::clone(socket),
        reading: upgrade.reading.take().ok_or(Status::BUSY)?,
        place: None,
    };
    handshake.await?;
    upgrade.ended = Ok(socket.tls.get().is_some_and(|session| session.is_resumed()));
    socket.writable.set(true);
    // Senders go on, and so does an end that waited.
    if let Some(d) = socket.net.dispatcher() {
        if upgrade.awaits_first {
            armour::begin(&d, socket);
        }
        socket.write_on(&d);
    }
    Ok(())
}

/// Goes on with an upgrade that has begun, for at most `seconds`.
async fn finish(
    d: Rc<Dispatcher>,
    mut upgrade: Upgrade,
    name: Option<ServerName<'static>>,
    seconds: f64,
) -> Outcome<()> {
    let ended = within(&d, seconds, perform(&mut upgrade, name)).await;
    let ended = ended.and_then(|outcome| outcome);
    if let Err(fault) = &ended {
        upgrade.ended = Err(fault.status);
    }
    ended
}

/// Upgrades a connection within `seconds`; `name` is the server's, for a client. From this call on the
/// socket is encrypted, or of no use.
pub fn securing(
    d: Rc<Dispatcher>,
    socket: Rc<Socket>,
    context: Arc<Context>,
    name: Option<ServerName<'static>>,
    seconds: f64,
) -> impl Future<Output = Outcome<()>> {
    let begun = Upgrade::begin(&socket, context);
    async move { finish(d, begun?, name, seconds).await }
}

/// The name that a client verifies; none for a server.
pub fn name_for(context: &Context, name: Option<&str>) -> Outcome<Option<ServerName<'static>>> {
    match (context.role(), name) {
        (Role::Client, Some(name)) => server_name(name).map(Some),
        (Role::Client, None) => Err(Fault::invalid(
            "a client needs the server's name, which it verifies: set server_name",
        )),
        (Role::Server, None) => Ok(None),
        (Role::Server, Some(_)) => Err(Fault::invalid(
            "a server context takes no server_name: it is for clients",
        )),
    }
}

/// Upgrades a connection, waiting for at most the socket's connect time limit.
pub fn secure(
    d: &Dispatcher,
    socket: &Rc<Socket>,
    context: Arc<Context>,
    name: Option<&str>,
) -> Outcome<()> {
    let name = name_for(&context, name)?;
    let own = Net::of(d).dispatcher().ok_or(Status::STALE)?;
    let seconds = socket.timeouts.get().connect;
    let upgrade = Upgrade::begin(socket, context)?;
    d.wait(pin!(finish(own, upgrade, name, seconds)), -1.0)?
}
