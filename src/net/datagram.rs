// SPDX-License-Identifier: MIT
//! Datagrams: each one is sent and received whole.

use super::Net;
use super::address::{any_host, port_of};
use super::input::{Lent, NOTHING};
use super::pattern::{Limits, Pattern};
use super::reading::Reading;
use super::settings::Inherited;
use super::socket::Socket;
use crate::dispatcher::{Alive, Dispatcher, Handle, Place};
use crate::status::{Fault, Outcome, Status};
use crate::sys::descriptor::Nature;
use crate::sys::stream;
use socket2::{Domain, SockAddr, Type};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

/// No datagram of UDP is longer, and few of Unix sockets.
const LONGEST: usize = 65_536;

/// A new UDP socket, non-blocking.
fn udp_socket(address: &SocketAddr) -> Outcome<socket2::Socket> {
    let kind = Type::DGRAM.nonblocking().cloexec();
    let socket = socket2::Socket::new_raw(Domain::for_address(*address), kind, None);
    socket.map_err(|e| Fault::system(&e, "open a socket"))
}

/// Makes a datagram socket of an owned one.
pub fn open(d: &Dispatcher, socket: socket2::Socket) -> Outcome<Rc<Socket>> {
    let (net, fd) = (Net::of(d), socket.into());
    Socket::open(d, net, fd, Nature::Datagram, Inherited::default())
}

/// Opens a UDP socket on the first address of a host that can be had.
pub fn bind_udp(d: &Dispatcher, host: Option<&str>, port: i32) -> Outcome<Rc<Socket>> {
    let port = port_of(port, 0)?;
    let mut last = Fault::from(Status::UNRESOLVED);
    for ip in any_host(d, host)? {
        let address = SocketAddr::new(ip, port);
        let socket = udp_socket(&address)?;
        match socket.bind(&address.into()) {
            Ok(()) => return open(d, socket),
            Err(e) => last = Fault::system(&e, &format!("bind to {address}")),
        }
    }
    Err(last)
}

/// Opens a UDP socket that sends to, and receives from, the first address of a host only.
pub fn connect_udp(d: &Dispatcher, host: Option<&str>, port: i32) -> Outcome<Rc<Socket>> {
    let host = host.ok_or_else(|| Fault::invalid("the host to connect to is NULL"))?;
    let port = port_of(port, 1)?;
    let mut last = Fault::from(Status::UNRESOLVED);
    for ip in super::resolve(d, host, -1.0)? {
        let address = SocketAddr::new(ip, port);
        let socket = udp_socket(&address)?;
        match socket.connect(&address.into()) {
            Ok(()) => return open(d, socket),
            Err(e) => last = Fault::system(&e, &format!("connect to {address}")),
        }
    }
    Err(last)
}

impl Socket {
    /// Whether it carries datagrams.
    pub fn is_datagram(&self) -> bool {
        self.nature == Nature::Datagram
    }

    /// An error unless it carries datagrams.
    fn check_datagram(&self) -> Outcome<()> {
        if self.is_datagram() {
            return Ok(());
        }
        Err(Fault::new(
            Status::UNSUPPORTED,
            "only datagram sockets send to and receive from addresses",
        ))
    }

    /// An error if it carries datagrams, which have no lines nor blocks.
    pub(super) fn check_stream(&self) -> Outcome<()> {
        if self.is_datagram() {
            return Err(Fault::new(
                Status::UNSUPPORTED,
                "datagrams have no patterns: see copas_receivefrom()",
            ));
        }
        Ok(())
    }
}

/// Sending one datagram.
pub struct SendTo<D> {
    socket: Rc<Socket>,
    data: D,
    to: Option<SockAddr>,
    place: Option<Place>,
    alive: Option<Alive>,
}

impl<D: AsRef<[u8]>> SendTo<D> {
    /// Sends `data`, to `to` or where the socket is connected.
    pub fn new(socket: &Rc<Socket>, data: D, to: Option<SockAddr>) -> Outcome<Self> {
        socket.check_datagram()?;
        Ok(SendTo {
            socket: Rc::clone(socket),
            data,
            to,
            place: None,
            alive: None,
        })
    }

    fn step(&mut self, context: &mut Context<'_>) -> Outcome<bool> {
        let socket = &self.socket;
        if socket.closed.get() {
            return Err(Status::CLOSED.into());
        }
        match socket.with_fd(|fd| stream::send_to(fd, self.data.as_ref(), self.to.as_ref())) {
            Ok(n) => {
                socket.sent.set(socket.sent.get() + n as u64);
                Ok(true)
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                socket.register()?;
                self.place
                    .get_or_insert_with(|| socket.senders.join(context.waker()));
                let d = socket.net.dispatcher();
                if self.alive.is_none() {
                    self.alive = d.map(|d| d.alive().hold());
                }
                Ok(false)
            }
            Err(e) => Err(Fault::system(&e, "send the datagram")),
        }
    }
}

impl<D: AsRef<[u8]> + Unpin> Future for SendTo<D> {
    type Output = Outcome<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<()>> {
        super::as_poll(self.step(context))
    }
}

impl<D> Drop for SendTo<D> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.socket.senders.leave(place);
            self.socket.senders.wake_first();
        }
    }
}

/// Sends one datagram, to `to` or where the socket is connected, waiting while the kernel's buffer is
/// full.
pub fn send_to(
    d: &Dispatcher,
    socket: &Rc<Socket>,
    data: &[u8],
    to: Option<SockAddr>,
) -> Outcome<()> {
    let send = SendTo::new(socket, data, to)?;
    d.wait(pin!(send), socket.timeouts.get().send)?
}

/// Receiving one datagram.
pub struct ReceiveFrom {
    socket: Rc<Socket>,
    borrower: Handle,
    reading: Option<Reading>,
    /// Asks the kernel although it has not reported anything.
    insists: bool,
}

impl ReceiveFrom {
    /// Receives for `borrower`; one that insists asks the kernel in any case.
    pub fn new(socket: &Rc<Socket>, borrower: Handle, insists: bool) -> Outcome<Self> {
        socket.check_datagram()?;
        Ok(ReceiveFrom {
            socket: Rc::clone(socket),
            borrower,
            reading: None,
            insists,
        })
    }

    /// Waits no longer, but keeps its place until it is dropped.
    pub fn rest(&mut self) {
        if let Some(reading) = &mut self.reading {
            reading.rest();
        }
    }

    fn step(&mut self, context: &mut Context<'_>) -> Outcome<Option<(Lent, SockAddr)>> {
        if self.reading.is_none() {
            self.reading = Some(Reading::begin(&self.socket)?);
            self.socket.begin_receive(self.borrower);
        }
        let socket = &self.socket;
        if socket.closed.get() {
            return Err(Status::CLOSED.into());
        }
        if socket.readable.get() || std::mem::take(&mut self.insists) {
            match self.read() {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => socket.readable.set(false),
                Err(e) => return Err(Fault::system(&e, "receive the datagram")),
                Ok((n, from)) => return self.lend(n).map(|lent| Some((lent, from))),
            }
        }
        if let Some(reading) = &mut self.reading {
            reading.wait(context)?;
        }
        Ok(None)
    }

    /// Reads one datagram; how long it is, which may be more than was kept.
    fn read(&self) -> io::Result<(usize, SockAddr)> {
        let socket = &self.socket;
        let most = socket.limits.get().all.min(LONGEST);
        let mut input = socket.input.borrow_mut();
        let space = &mut input.space(&socket.net.pool, LONGEST)[..most];
        let (n, from) = socket.with_fd(|fd| stream::receive_from(fd, space))?;
        input.filled(n.min(most));
        Ok((n, from))
    }

    /// Lends what was read, which is consumed by that.
    fn lend(&self, n: usize) -> Outcome<Lent> {
        let socket = &self.socket;
        socket.received.set(socket.received.get() + n as u64);
        let kept = n.min(socket.limits.get().all.min(LONGEST));
        let lent = if kept == 0 {
            NOTHING
        } else {
            let mut input = socket.input.borrow_mut();
            let taken = input.take(Pattern::Count(kept), Limits::NONE, false, self.borrower);
            taken.and_then(Result::ok).unwrap_or(NOTHING)
        };
        if n > kept {
            return Err(Fault::new(
                Status::TOO_LONG,
                format!("the datagram has {n} bytes; its first {kept} were kept"),
            ));
        }
        Ok(lent)
    }
}

impl Future for ReceiveFrom {
    type Output = Outcome<(Lent, SockAddr)>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.step(context) {
            Ok(None) => Poll::Pending,
            Ok(Some(received)) => Poll::Ready(Ok(received)),
            Err(fault) => Poll::Ready(Err(fault)),
        }
    }
}

/// Receives one datagram and who sent it, within the socket's receive time limit.
pub fn receive_from(d: &Dispatcher, socket: &Rc<Socket>) -> Outcome<(Lent, SockAddr)> {
    let seconds = socket.timeouts.get().receive;
    let receive = ReceiveFrom::new(socket, d.borrower(), seconds == 0.0)?;
    d.wait(pin!(receive), seconds)?
}
