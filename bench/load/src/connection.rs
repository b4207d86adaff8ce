// SPDX-License-Identifier: MIT
//! One connection: what it has sent, what it has got back, what is under way.

use crate::content::{Content, Cursor};
use crate::failure::Failure;
use crate::transport::{Target, Transport};
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Instant;

/// How many addresses of the loopback net connections come from: one address has some 28,000 ports.
const SOURCES: u64 = 32;

pub struct Connection {
    number: u64,
    transport: Transport,
    /// What the kernel has taken.
    sent: Cursor,
    /// What has come back.
    received: Cursor,
    /// Requests that may be sent.
    asked: u64,
    /// When each request under way was due.
    due: VecDeque<Instant>,
}

/// How far a receive got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// All that is there by now.
    All,
    /// All, and the server has ended the connection.
    End,
}

/// Ports are chosen at connect(), where the whole pair of addresses counts, not at bind().
fn choose_port_late(socket: &Socket) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open, and `on` is an int that outlives the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            (&raw const on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    if result == 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error())
}

/// Where two slices of one length differ first.
fn first_difference(one: &[u8], other: &[u8]) -> Option<usize> {
    if one == other {
        return None;
    }
    one.iter().zip(other).position(|(a, b)| a != b)
}

impl Connection {
    /// Begins to connect; what is sent before it stands follows as soon as it does.
    pub fn open(number: u64, target: &Target, content: &Content) -> io::Result<Connection> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        let source = Ipv4Addr::new(127, 0, 0, 1 + (number % SOURCES) as u8);
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        choose_port_late(&socket)?;
        socket.bind(&SocketAddrV4::new(source, 0).into())?;
        match socket.connect(&SocketAddrV4::new(Ipv4Addr::LOCALHOST, target.port).into()) {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => return Err(error),
            _ => (),
        }
        Ok(Connection {
            number,
            transport: target.transport(socket)?,
            sent: content.cursor(number),
            received: content.cursor(number),
            asked: 0,
            due: VecDeque::new(),
        })
    }

    pub fn descriptor(&self) -> RawFd {
        self.transport.descriptor()
    }

    /// Adds `count` requests that are due at `due`.
    pub fn ask(&mut self, count: u64, due: Instant) {
        self.asked += count;
        self.due.extend((0..count).map(|_| due));
    }

    /// Requests that were asked for and have no reply yet.
    pub fn under_way(&self) -> u64 {
        self.due.len() as u64
    }

    /// Sends what the kernel takes.
    pub fn flush(&mut self, content: &Content) -> Result<(), Failure> {
        loop {
            let next = content.next(&self.sent, self.asked);
            if next.is_empty() && !self.transport.owes() {
                return Ok(());
            }
            match self.transport.write(next) {
                Ok(n) => content.advance(&mut self.sent, n),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // Not connected yet: the event that says so is still to come.
                Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(()),
                Err(error) => return Err(self.broken("cannot send", &error)),
            };
        }
    }

    /// Receives and checks what is there; calls `reply` for each that is complete, with the time its
    /// request was due and the present one.
    pub fn receive(
        &mut self,
        content: &Content,
        memory: &mut [u8],
        mut reply: impl FnMut(Instant, Instant),
    ) -> Result<Received, Failure> {
        loop {
            match self.transport.read(memory) {
                Ok(0) => return Ok(Received::End),
                Ok(n) => {
                    let now = Instant::now();
                    for _ in 0..self.check(content, &memory[..n])? {
                        let due = self.due.pop_front().expect("a request for each reply");
                        reply(due, now);
                    }
                    if self.transport.is_empty_after(n, memory.len()) {
                        return Ok(Received::All);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Received::All),
                Err(error) => return Err(self.broken("cannot receive", &error)),
            }
        }
    }

    /// Compares with what has to come; tells how many replies are complete with it.
    fn check(&mut self, content: &Content, mut bytes: &[u8]) -> Result<u64, Failure> {
        let mut replies = 0;
        while !bytes.is_empty() {
            let wanted = content.next(&self.received, self.asked);
            let n = wanted.len().min(bytes.len());
            if n == 0 {
                return Err(self.wrong("more bytes than were sent"));
            }
            if let Some(at) = first_difference(&wanted[..n], &bytes[..n]) {
                let text = format!("{:#04x} for {:#04x}", bytes[at], wanted[at]);
                content.advance(&mut self.received, at);
                return Err(self.wrong(&text));
            }
            replies += content.advance(&mut self.received, n);
            bytes = &bytes[n..];
        }
        Ok(replies)
    }

    /// Says that nothing more will be sent.
    pub fn end(&mut self) -> Result<(), Failure> {
        self.transport
            .end()
            .map_err(|error| self.broken("cannot end", &error))
    }

    fn wrong(&self, what: &str) -> Failure {
        Failure::Wrong(format!(
            "connection {}, request {}: {what}",
            self.number, self.received.message
        ))
    }

    fn broken(&self, what: &str, error: &io::Error) -> Failure {
        Failure::Broken(format!("connection {}: {what}: {error}", self.number))
    }

    /// The server has ended a connection that the load goes on with.
    pub fn ended(&self) -> Failure {
        Failure::Broken(format!(
            "connection {}: the server closed it after {} replies",
            self.number, self.received.message
        ))
    }
}
