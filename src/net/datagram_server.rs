// SPDX-License-Identifier: MIT
//! Serving a datagram socket: one handler for all that comes, which gets the socket itself.

use super::close::close;
use super::server::Server;
use super::socket::Socket;
use crate::dispatcher::{Dispatcher, Name, conclude};
use crate::status::Outcome;
use std::rc::{Rc, Weak};

/// Starts the handler.
pub fn serve_datagrams(d: &Dispatcher, socket: &Rc<Socket>, server: &Rc<Server>) -> Outcome<()> {
    let serving = Serving {
        socket: Rc::clone(socket),
        server: Rc::downgrade(server),
    };
    let (handler, handle) = (Rc::clone(&server.settings.handler), socket.handle);
    let body = move || {
        let _serving = serving;
        handler(handle);
        conclude();
    };
    let name = Name::Served(Rc::clone(&server.handlers), 1);
    let handler = d.spawn(server.settings.ground, name, body)?;
    if let Some(thread) = d.thread(handler) {
        thread.subject.set(Some(handle));
    }
    Ok(())
}

/// Ends the server when its handler is over, on every path, unless it has been removed before.
struct Serving {
    socket: Rc<Socket>,
    server: Weak<Server>,
}

impl Serving {
    /// The server, while the socket has it.
    fn server(&self) -> Option<Rc<Server>> {
        let current = self.socket.server()?;
        (Rc::as_ptr(&current) == self.server.as_ptr()).then_some(current)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let Some(server) = self.server() else { return };
        self.socket.take_server();
        if server.settings.autoclose
            && let Some(d) = self.socket.net.dispatcher()
        {
            close(&d, &self.socket);
        }
    }
}
