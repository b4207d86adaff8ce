// SPDX-License-Identifier: MIT
//! Accepted connections on their way to a handler: it starts once the handshake has succeeded, and
//! never if it fails. Until then they have no coroutine and no OS thread; the dispatcher goes on with
//! each handshake in its turn.

use super::context::Context;
use super::session::Session;
use crate::dispatcher::Dispatcher;
use crate::net::armour;
use crate::net::close::close;
use crate::net::server::Server;
use crate::net::socket::Socket;
use crate::status::{Fault, Outcome, Status};
use std::rc::Rc;
use std::sync::Arc;

/// Whose handler waits for a handshake.
pub struct Arrival {
    server: Rc<Server>,
    listener: Rc<Socket>,
}

/// Begins the handshake of an accepted connection, which has `seconds` for it.
pub fn begin(
    d: &Dispatcher,
    client: &Rc<Socket>,
    context: &Arc<Context>,
    seconds: f64,
    (server, listener): (&Rc<Server>, &Rc<Socket>),
) -> Outcome<()> {
    let account = &client.net.memory.account;
    let session = Session::new(account, Arc::clone(context), None, Vec::new())?;
    session.arrival.replace(Some(Arrival {
        server: Rc::clone(server),
        listener: Rc::clone(listener),
    }));
    let _ = client.tls.set(session);
    // The kernel reports what is there already, too.
    client.readable.set(false);
    client.register()?;
    d.arm(&client.deadline, client.handle, seconds);
    Ok(())
}

/// Goes on with the handshake of an arriving connection.
pub fn advance(d: &Dispatcher, client: &Rc<Socket>) {
    let Some(session) = client.tls.get() else {
        return;
    };
    match session.advance(client) {
        Ok(false) => {}
        Ok(true) => arrive(d, client, session),
        Err(fault) => turn_away(d, client, session, Err(fault)),
    }
}

/// The handshake has taken too long.
pub fn time_out(d: &Dispatcher, client: &Rc<Socket>) {
    if let Some(session) = client.tls.get() {
        let late = Fault::new(Status::TIMEOUT, "the TLS handshake took too long");
        turn_away(d, client, session, Err(session.break_off(client, late)));
    }
}

fn arrive(d: &Dispatcher, client: &Rc<Socket>, session: &Session) {
    session.count(&Ok(()));
    d.disarm(&client.deadline);
    let Some(arrival) = session.arrival.take() else {
        return;
    };
    armour::begin(d, client);
    arrival
        .server
        .secured
        .borrow_mut()
        .push_back(Rc::clone(client));
    d.wake(arrival.listener.handle);
}

fn turn_away(d: &Dispatcher, client: &Rc<Socket>, session: &Session, why: Outcome<()>) {
    session.count(&why);
    session.arrival.take();
    // What is unread would turn the close into a reset, which may overtake the alert.
    session.skip(client);
    close(d, client);
}

/// A server is over: who has not come to a handler never will.
pub fn stop(d: &Dispatcher, sockets: &[Rc<Socket>], server: &Rc<Server>) {
    for client in sockets {
        let is_its = |session: &Session| {
            let arrival = session.arrival.borrow();
            matches!(&*arrival, Some(arrival) if Rc::ptr_eq(&arrival.server, server))
        };
        if let Some(session) = client.tls.get()
            && is_its(session)
        {
            session.arrival.take();
            close(d, client);
        }
    }
}
