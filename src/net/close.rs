// SPDX-License-Identifier: MIT
//! Ending a socket, or one direction of it.

use super::marks::Mark;
use super::socket::Socket;
use super::tls;
use crate::dispatcher::Dispatcher;
use crate::status::{Fault, Outcome, Status};
use crate::sys::descriptor::Nature;
use std::net::Shutdown;
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

/// Seconds that a closed socket's output may take to be written, unless COPAS_LINGER says otherwise.
const DRAINING: f64 = 10.0;

/// A direction of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shut {
    /// Ours: the peer sees the end of the stream.
    Send,
    /// Theirs.
    Receive,
    /// Both.
    Both,
}

/// Closes a socket: its handle is stale, its waiters are woken, its output is written in the
/// background.
pub fn close(d: &Dispatcher, socket: &Rc<Socket>) {
    socket.drain();
    socket.end_output();
    socket.marks.put(Mark::Closed);
    release_waiters(d, socket);
    let most = match socket.linger.get() {
        linger if linger > 0 => f64::from(linger),
        _ => DRAINING,
    };
    let seconds = match socket.timeouts.get().send {
        limit if limit < 0.0 => most,
        limit => limit.min(most),
    };
    if seconds == 0.0 || (socket.unsent() == 0 && !socket.awaits_word()) {
        finish(d, socket);
    } else {
        d.arm(&socket.deadline, socket.handle, seconds);
    }
}

/// Closes a socket at once; a TCP peer gets a reset.
pub fn abort(d: &Dispatcher, socket: &Rc<Socket>) {
    let reset = Some(Duration::ZERO);
    let _ = socket.with_fd(|fd| socket2::SockRef::from(&fd).set_linger(reset));
    socket.linger.set(0);
    socket.marks.put(Mark::Closed);
    release_waiters(d, socket);
    finish(d, socket);
}

/// Wakes everybody who waits on a socket that was just closed, and gives its input up.
fn release_waiters(d: &Dispatcher, socket: &Rc<Socket>) {
    d.disarm(&socket.deadline);
    end_server(d, socket);
    socket.take_kept();
    // What a receive has taken whose event is still to come is lent to nobody who could give it back.
    let undelivered = socket.reading.get() && d.borrower() == d.handle;
    let closer = if undelivered {
        socket.handle
    } else {
        d.borrower()
    };
    let lent = socket.input.borrow_mut().clear(&socket.net.pool, closer);
    if let Some((borrower, buffer)) = lent {
        socket.keep_for(borrower, buffer);
    }
    socket
        .net
        .end_loans(|to, of| to == closer && of == socket.handle);
    socket.wake_reader();
    socket.senders.wake_first();
    socket.flushers.wake_all();
}

/// Ends the server of a socket, if it is one's: connections in their handshake are closed.
pub(super) fn end_server(d: &Dispatcher, socket: &Rc<Socket>) {
    let Some(server) = socket.take_server() else {
        return;
    };
    if server.settings.tls.is_some() {
        tls::arrival::stop(d, &socket.net.all_sockets(), &server);
        for client in server.secured.take() {
            close(d, &client);
        }
    }
}

/// Lets the descriptor of a closed socket go. What is unsent is lost.
pub fn finish(d: &Dispatcher, socket: &Rc<Socket>) {
    d.disarm(&socket.deadline);
    socket.drop_output();
    if socket.linger.get() > 0 {
        // close(2) would block until the peer has everything, also on a non-blocking socket.
        let _ = socket.with_fd(|fd| socket2::SockRef::from(&fd).set_linger(None));
    }
    if socket.nature == Nature::Listener && socket.is_registered() {
        // Other processes or OS threads may share what listens: the kernel would report on it until
        // they all have closed it.
        let _ = socket.with_fd(|fd| d.deregister(fd.as_raw_fd()));
    }
    drop(socket.take_fd());
    forget(socket);
}

/// Takes a socket out of the table.
fn forget(socket: &Rc<Socket>) {
    socket.leave_guard();
    let (slot, generation) = (socket.handle.slot(), socket.handle.generation());
    let forgotten = socket.net.sockets.borrow_mut().remove(slot, generation);
    drop(forgotten);
}

impl Socket {
    /// All output has been written: what waited for that, an end or a close, happens now.
    pub(super) fn finish_output(self: &Rc<Self>, d: &Dispatcher) {
        self.note_taken();
        let ends = self.marks.has(Mark::Closed) || self.marks.has(Mark::ShutSend);
        if ends && self.end_output() {
            return;
        }
        if self.marks.has(Mark::Closed) {
            if !self.awaits_word() {
                finish(d, self);
            }
        } else if self.marks.has(Mark::ShutSend) && !self.is_handshaking() {
            let _ = self.shut_down(Shutdown::Write);
        }
    }

    /// Whether a handshake is under way, which an end of sending waits for.
    fn is_handshaking(&self) -> bool {
        let session = self.tls.get();
        session.is_some_and(|session| session.is_handshaking())
    }

    /// Whether an encrypted connection that is closed waits for its peer before its descriptor goes.
    fn awaits_word(&self) -> bool {
        let awaits = self
            .tls
            .get()
            .is_some_and(|session| session.awaits_word(self));
        awaits && self.register().is_ok() && self.shut_down(Shutdown::Write).is_ok()
    }

    /// Tells an encrypted connection's peer that no more will come, once all is written; whether that
    /// has to be written still.
    fn end_output(self: &Rc<Self>) -> bool {
        let ends = self.unsent() == 0 && self.tls.get().is_some_and(|session| session.end());
        if ends {
            self.drain();
        }
        ends && self.unsent() != 0
    }

    /// shutdown(2). A connection that is gone already has ended in both directions.
    fn shut_down(&self, how: Shutdown) -> Outcome<()> {
        match self.with_fd(|fd| socket2::SockRef::from(&fd).shutdown(how)) {
            Err(e) if e.raw_os_error() != Some(libc::ENOTCONN) => Err(Fault::system(&e, "shut")),
            _ => Ok(()),
        }
    }
}

/// Ends a direction of a connection; sending ends after what was sent before.
pub fn shut(socket: &Rc<Socket>, how: Shut) -> Outcome<()> {
    if !matches!(socket.nature, Nature::Tcp | Nature::Unix) {
        return Err(Fault::new(
            Status::UNSUPPORTED,
            "only connections have two directions",
        ));
    }
    if how != Shut::Receive {
        socket.marks.put(Mark::ShutSend);
        socket.drain();
        // Each that leaves wakes the next.
        socket.senders.wake_first();
        if !socket.end_output() && socket.unsent() == 0 && !socket.is_handshaking() {
            socket.shut_down(Shutdown::Write)?;
        }
    }
    if how != Shut::Send {
        socket.marks.put(Mark::AtEnd);
        socket.wake_reader();
        socket.shut_down(Shutdown::Read)?;
    }
    Ok(())
}

/// Gives the descriptor back: nobody may use the socket, and nothing may be unsent.
pub fn unwrap(d: &Dispatcher, socket: &Rc<Socket>) -> Outcome<OwnedFd> {
    if socket.tls.get().is_some() {
        let text =
            "an encrypted socket keeps its descriptor: its bytes mean nothing without its keys";
        return Err(Fault::new(Status::UNSUPPORTED, text));
    }
    socket.drain();
    let busy = if socket.reading.get() || socket.has_senders() || socket.submitted.get() {
        Some("somebody waits on this socket")
    } else if socket.is_served() {
        Some("this socket is served: copas_removeserver() first")
    } else if socket.has_kept() {
        Some("this socket has accepted a connection already: copas_accept() it first")
    } else if socket.unsent() != 0 || !socket.flushers.is_empty() {
        Some("this socket has unsent output: copas_flush() first")
    } else {
        None
    };
    if let Some(text) = busy {
        return Err(Fault::new(Status::BUSY, text));
    }
    if socket.is_registered() {
        socket
            .with_fd(|fd| d.deregister(fd.as_raw_fd()))
            .map_err(|e| Fault::system(&e, "stop watching the descriptor"))?;
    }
    socket.marks.put(Mark::Closed);
    release_waiters(d, socket);
    forget(socket);
    socket.take_fd().ok_or_else(|| Status::STALE.into())
}
