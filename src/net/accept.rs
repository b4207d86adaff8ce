// SPDX-License-Identifier: MIT
//! Serving: accepting connections in batches and starting a handler for each.

use super::address::local_address;
use super::armour::{self, Arrived};
use super::close::{close, end_server};
use super::datagram_server::serve_datagrams;
use super::marks::Mark;
use super::server::{Server, ServerSettings};
use super::settings::Inherited;
use super::socket::Socket;
use super::tls::{self, Context};
use crate::dispatcher::{Dispatcher, LEVEL_ERROR, LEVEL_WARNING, Name, Seat, conclude};
use crate::status::{Fault, Outcome, Status};
use crate::sys::descriptor::Nature;
use crate::sys::stream;
use std::cell::{Cell, RefCell};
use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

/// Connections accepted in one turn, so that those that are served are not kept waiting.
const BATCH: usize = 64;
/// Connections accepted before a listening socket is closed: more than kernels let wait.
const LAST_BATCH: usize = 65_536;

/// Seconds of the first pause when descriptors are used up; each one is twice as long.
const FIRST_PAUSE: f64 = 0.010;
/// Seconds of the longest pause.
const LONGEST_PAUSE: f64 = 1.0;

/// What helps when descriptors are used up.
const DESCRIPTORS_ADVICE: &str = "raise the limit (ulimit -n) or close connections";
/// What helps when there is nothing to run a handler on.
const VEHICLES_ADVICE: &str = "raise the limits of memory and OS threads (ulimit -v, -u)";

/// Serves a listening socket, or a datagram socket.
pub fn add_server(d: &Dispatcher, socket: &Rc<Socket>, settings: ServerSettings) -> Outcome<()> {
    d.check_bound()?;
    let serves_datagrams = socket.is_datagram();
    if !serves_datagrams && socket.nature != Nature::Listener {
        return Err(Fault::invalid(
            "a server needs a listening or a datagram socket: see copas_bind()",
        ));
    }
    if serves_datagrams && settings.tls.is_some() {
        let text = "datagrams cannot be encrypted: TLS needs a stream";
        return Err(Fault::new(Status::UNSUPPORTED, text));
    }
    if serves_datagrams && settings.armour.is_any() {
        return Err(Fault::new(Status::UNSUPPORTED, armour::NO_CONNECTIONS));
    }
    if socket.is_served() || socket.reading.get() {
        let text = "this socket is served already, or somebody accepts from it";
        return Err(Fault::new(Status::BUSY, text));
    }
    let name = match &settings.name {
        Some(name) => Rc::clone(name),
        None => local_address(socket)
            .map(|address| address.to_string())?
            .into(),
    };
    let server = Rc::new(Server {
        settings,
        clients: Rc::new(format!("{name}:client")),
        handlers: Rc::new(format!("{name}:handler")),
        name,
        accepted: Cell::new(0),
        pause: Cell::new(0.0),
        reported: Cell::new(false),
        full: Cell::new(false),
        secured: RefCell::default(),
        _alive: d.alive().hold(),
    });
    if serves_datagrams {
        serve_datagrams(d, socket, &server)?;
    } else {
        socket.register()?;
        d.wake(socket.handle);
    }
    let inherited = server.settings.inherited;
    socket.timeouts.set(inherited.timeouts);
    socket.limits.set(inherited.limits);
    if server.settings.armour.is_any() {
        let guard = socket.guard();
        guard.set(server.settings.armour.over(guard.armour()));
    }
    if let Some(name) = &server.settings.name {
        let name = CString::new(&**name).unwrap_or_default();
        socket.name.replace(Name::Given(name));
    }
    socket.serve_by(server);
    Ok(())
}

/// Stops serving; closes the socket unless it is kept.
pub fn remove_server(d: &Dispatcher, socket: &Rc<Socket>, keep_open: bool) -> Outcome<()> {
    if !socket.is_served() {
        return Err(Fault::invalid("this socket is not served"));
    }
    if keep_open {
        d.disarm(&socket.deadline);
        end_server(d, socket);
        // What the server did not come to may still wait.
        socket.readable.set(true);
    } else {
        close(d, socket);
    }
    Ok(())
}

/// Accepts what waits, up to a batch; the rest has its turn after the others.
pub fn accept_batch(d: &Dispatcher, socket: &Rc<Socket>) {
    if accept_some(d, socket, BATCH) {
        d.wake(socket.handle);
    }
}

/// Accepts all that waits, before the listening socket is closed, which would reset it.
pub fn accept_rest(d: &Dispatcher, socket: &Rc<Socket>) {
    if socket.accepts() {
        #[cfg(feature = "faults")]
        let _look = crate::sys::faults::sparing(true);
        accept_some(d, socket, LAST_BATCH);
    }
}

/// Accepts what waits, up to `most`; whether more may wait that can be accepted now.
fn accept_some(d: &Dispatcher, socket: &Rc<Socket>, most: usize) -> bool {
    let Some(server) = socket.server() else {
        return false;
    };
    let pauses = server.pause.get() != 0.0 && !socket.deadline.has_passed();
    // Connections whose handshake has ended are accepted already: a pause is none of theirs.
    match start_secured(d, socket, &server) {
        Ok(true) if !pauses => {}
        Err(fault) if !pauses => {
            pause(d, socket, &server, fault.describe(), VEHICLES_ADVICE);
            return false;
        }
        // Each handshake that ends in a pause would make it longer.
        _ => return false,
    }
    for _ in 0..most {
        // A report may have closed it.
        if !socket.accepts() {
            return false;
        }
        // Handshakes need no vehicle.
        if server.settings.tls.is_none() && d.awaits_room(server.settings.ground, socket.handle) {
            report_full(d, &server);
            return false;
        }
        if !socket.may_accept(d) {
            return false;
        }
        match next_connection(socket) {
            Ok(fd) if socket.net.reserve.has(&fd) => {
                socket.keep(fd);
                let why = "the last descriptors are left to the program";
                pause(d, socket, &server, why, DESCRIPTORS_ADVICE);
                return false;
            }
            Ok(fd) => {
                let Some(arrived) = socket.guard().look_at(d, fd) else {
                    continue;
                };
                if let Err(fault) = serve(d, socket, &server, arrived) {
                    pause(d, socket, &server, fault.describe(), VEHICLES_ADVICE);
                    return false;
                }
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return false,
            Err(e) if is_lack(&e) => {
                pause(d, socket, &server, &e.to_string(), DESCRIPTORS_ADVICE);
                return false;
            }
            Err(_) => {}
        }
    }
    true
}

impl Socket {
    /// Whether a connection was kept.
    pub(super) fn has_kept(&self) -> bool {
        let Some(kept) = self.take_kept() else {
            return false;
        };
        self.keep(kept);
        true
    }
}

/// The connection that was kept, or the next one of the kernel's queue.
pub(super) fn next_connection(socket: &Socket) -> io::Result<OwnedFd> {
    match socket.take_kept() {
        Some(fd) => Ok(armour::lowered(fd)),
        None => socket.with_fd(stream::accept),
    }
}

/// Starts the handler of a connection. When there is nothing to run it on, the connection is kept, and
/// the answer says why.
fn serve(
    d: &Dispatcher,
    socket: &Rc<Socket>,
    server: &Rc<Server>,
    arrived: Arrived,
) -> Outcome<()> {
    if let Some((context, seconds)) = &server.settings.tls {
        server.pause.set(0.0);
        server.reported.set(false);
        if let Err(fault) = begin_handshake(d, socket, server, arrived, (context, *seconds)) {
            report_lost(d, server, &fault);
        }
        return Ok(());
    }
    let seat = match d.seat(server.settings.ground) {
        Ok(seat) => seat,
        Err(fault) => {
            socket.keep(arrived.fd);
            return Err(fault);
        }
    };
    server.pause.set(0.0);
    server.reported.set(false);
    let started = match open_client(d, socket, arrived) {
        Ok(client) => {
            armour::begin(d, &client);
            start_handler(d, server, &client, seat)
        }
        Err(fault) => {
            d.give_back(seat);
            Err(fault)
        }
    };
    if let Err(fault) = started {
        report_lost(d, server, &fault);
    }
    Ok(())
}

/// Makes a socket of a new connection and begins its handshake.
fn begin_handshake(
    d: &Dispatcher,
    socket: &Rc<Socket>,
    server: &Rc<Server>,
    arrived: Arrived,
    (context, seconds): (&Arc<Context>, f64),
) -> Outcome<()> {
    let client = open_client(d, socket, arrived)?;
    let begun = tls::arrival::begin(d, &client, context, seconds, (server, socket));
    if begun.is_err() {
        close(d, &client);
    }
    begun
}

/// Starts the handlers of connections whose handshake has succeeded; whether there was room for all. An
/// error is the lack of what they run on.
fn start_secured(d: &Dispatcher, socket: &Rc<Socket>, server: &Rc<Server>) -> Outcome<bool> {
    while !server.secured.borrow().is_empty() {
        let ground = server.settings.ground;
        if d.awaits_room(ground, socket.handle) {
            report_full(d, server);
            return Ok(false);
        }
        let seat = d.seat(ground)?;
        let next = server.secured.borrow_mut().pop_front();
        let Some(client) = next else {
            d.give_back(seat);
            break;
        };
        if let Err(fault) = start_handler(d, server, &client, seat) {
            report_lost(d, server, &fault);
        }
    }
    Ok(true)
}

/// Whether accepting again at once would fail again. Other errors are those of one connection
/// that broke while it waited (accept(2), "Error handling").
pub(super) fn is_lack(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM | libc::EBADF | libc::EINVAL
        )
    )
}

/// Stops accepting for a while; the connections wait in the kernel's queue.
fn pause(d: &Dispatcher, socket: &Rc<Socket>, server: &Server, why: &str, advice: &str) {
    let seconds = match server.pause.get() {
        0.0 => FIRST_PAUSE,
        before => (before * 2.0).min(LONGEST_PAUSE),
    };
    server.pause.set(seconds);
    d.arm(&socket.deadline, socket.handle, seconds);
    if !server.reported.replace(true) {
        let text = format!(
            "server {} cannot accept ({why}): it goes on by itself when there is room; {advice}",
            server.name
        );
        d.report(LEVEL_WARNING, &text);
    }
}

/// Says, once for a server, that connections wait until a handler ends.
fn report_full(d: &Dispatcher, server: &Server) {
    if !server.full.replace(true) {
        let text = format!(
            "server {} waits for OS threads, which are all taken: each handler that ends makes room; \
             raise copas_config.os_threads for more at once",
            server.name
        );
        d.report(LEVEL_WARNING, &text);
    }
}

/// Makes a socket of a new connection.
pub(super) fn open_client(
    d: &Dispatcher,
    listener: &Rc<Socket>,
    arrived: Arrived,
) -> Outcome<Rc<Socket>> {
    let nature = if listener.is_tcp() {
        Nature::Tcp
    } else {
        Nature::Unix
    };
    let inherited = Inherited {
        timeouts: listener.timeouts.get(),
        limits: listener.limits.get(),
        linger: listener.linger.get(),
    };
    let client = Socket::open(d, &listener.net, arrived.fd, nature, inherited)?;
    listener.guard().let_in(&client, arrived.network);
    Ok(client)
}

/// Starts the handler of a connection.
fn start_handler(
    d: &Dispatcher,
    server: &Rc<Server>,
    client: &Rc<Socket>,
    seat: Seat,
) -> Outcome<()> {
    let number = server.accepted.get() + 1;
    server.accepted.set(number);
    client
        .name
        .replace(Name::Served(Rc::clone(&server.clients), number));
    let name = Name::Served(Rc::clone(&server.handlers), number);
    let closing = server
        .settings
        .autoclose
        .then(|| Closing(Rc::clone(client)));
    let (handler, handle) = (Rc::clone(&server.settings.handler), client.handle);
    let body = move || {
        let _closing = closing;
        handler(handle);
        conclude();
    };
    let handler = d.spawn_on(seat, name, body)?;
    if let Some(thread) = d.thread(handler) {
        thread.subject.set(Some(client.handle));
    }
    Ok(())
}

/// Closes an accepted socket when its handler is over, on every path.
struct Closing(Rc<Socket>);

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(d) = self.0.net.dispatcher()
            && !self.0.marks.has(Mark::Closed)
        {
            close(&d, &self.0);
        }
    }
}

/// Reports a connection that could not be served.
fn report_lost(d: &Dispatcher, server: &Server, fault: &Fault) {
    let why = fault.text.as_deref().unwrap_or(fault.status.message());
    d.report(
        LEVEL_ERROR,
        &format!("server {} lost a connection: {why}", server.name),
    );
}
