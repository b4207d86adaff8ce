// SPDX-License-Identifier: MIT
//! The good clients: each sends a line at its fixed times, waits for the reply and compares it. Steady
//! ones keep their connection, newcomers open one for each request.

use crate::content;
use crate::latency::Reply;
use crate::opener;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use socket2::Socket;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

pub const STEADY: usize = 20;
pub const NEWCOMERS: usize = 4;
const INTERVAL: Duration = Duration::from_millis(10);
const INTERVAL_OF_NEWCOMERS: Duration = Duration::from_millis(40);
/// Later replies count as errors.
const PATIENCE: Duration = Duration::from_secs(10);

struct Client {
    number: usize,
    socket: Option<Socket>,
    requests: u64,
    due: Instant,
    /// The request under way, and how much of it was sent and came back.
    line: Vec<u8>,
    sent: usize,
    got: usize,
}

/// What the clients saw.
#[derive(Default)]
pub struct Seen {
    pub steady: Vec<Reply>,
    pub newcomers: Vec<Reply>,
    pub errors: Vec<String>,
}

impl Client {
    fn is_newcomer(&self) -> bool {
        self.number >= STEADY
    }

    fn interval(&self) -> Duration {
        if self.is_newcomer() {
            INTERVAL_OF_NEWCOMERS
        } else {
            INTERVAL
        }
    }

    fn under_way(&self) -> bool {
        !self.line.is_empty()
    }

    fn begin(&mut self, target: SocketAddr, poll: &Poll) -> io::Result<()> {
        if self.socket.is_none() {
            let socket = opener::begin(target, Ipv4Addr::LOCALHOST, false)?;
            poll.registry().register(
                &mut SourceFd(&socket.as_raw_fd()),
                Token(self.number),
                Interest::READABLE | Interest::WRITABLE,
            )?;
            self.socket = Some(socket);
        }
        self.line = content::line(self.number, self.requests);
        self.requests += 1;
        (self.sent, self.got) = (0, 0);
        self.send()
    }

    fn send(&mut self) -> io::Result<()> {
        while let (Some(mut socket), true) = (self.socket.as_ref(), self.sent < self.line.len()) {
            match socket.write(&self.line[self.sent..]) {
                Ok(n) => self.sent += n,
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::NotConnected
                    ) =>
                {
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// True when the reply is complete.
    fn receive(&mut self) -> io::Result<bool> {
        let mut memory = [0; 4096];
        while let Some(mut socket) = self.socket.as_ref() {
            match socket.read(&mut memory) {
                Ok(0) => return Err(io::Error::other("the server ended the connection")),
                Ok(n) if self.line.get(self.got..self.got + n) != Some(&memory[..n]) => {
                    return Err(io::Error::other("a wrong byte"));
                }
                Ok(n) => self.got += n,
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::NotConnected
                    ) =>
                {
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(self.under_way() && self.got == self.line.len())
    }

    /// Looks what has come; gives the reply's time when it is complete.
    fn go_on(&mut self) -> io::Result<Option<Reply>> {
        self.send()?;
        if !self.receive()? {
            return Ok(None);
        }
        let due = self.due;
        self.finish();
        Ok(Some(Reply {
            due,
            took: due.elapsed(),
        }))
    }

    fn finish(&mut self) {
        self.line.clear();
        self.due += self.interval();
        if self.is_newcomer() {
            self.socket = None;
        }
    }
}

pub struct Good {
    target: SocketAddr,
    poll: Poll,
    clients: Vec<Client>,
    seen: Seen,
}

impl Good {
    /// `newcomers` is false where a server that is full may keep them out.
    pub fn new(target: SocketAddr, newcomers: bool) -> io::Result<Good> {
        let now = Instant::now();
        let count = if newcomers {
            STEADY + NEWCOMERS
        } else {
            STEADY
        };
        let client = |number: usize| Client {
            number,
            socket: None,
            requests: 0,
            // Not all at the same moment.
            due: now + INTERVAL * number as u32 / count as u32,
            line: Vec::new(),
            sent: 0,
            got: 0,
        };
        Ok(Good {
            target,
            poll: Poll::new()?,
            clients: (0..count).map(client).collect(),
            seen: Seen::default(),
        })
    }

    fn failed(seen: &mut Seen, client: &mut Client, error: &io::Error) {
        let what = if client.is_newcomer() {
            "newcomer"
        } else {
            "client"
        };
        seen.errors.push(format!(
            "{what} {}, request {}: {error}",
            client.number, client.requests
        ));
        client.socket = None;
        client.finish();
    }

    fn take(seen: &mut Seen, client: &mut Client) {
        match client.go_on() {
            Ok(None) => (),
            Ok(Some(reply)) if client.is_newcomer() => seen.newcomers.push(reply),
            Ok(Some(reply)) => seen.steady.push(reply),
            Err(error) => Good::failed(seen, client, &error),
        }
    }

    /// Begins what is due, unless the end has come; counts what takes too long.
    fn look_at_the_clock(&mut self, ending: bool) {
        let now = Instant::now();
        for client in &mut self.clients {
            if client.under_way() {
                if now > client.due + PATIENCE {
                    let error = io::Error::other(format!("no reply within {PATIENCE:?}"));
                    Good::failed(&mut self.seen, client, &error);
                    // What would have been due meanwhile has been counted by this one error.
                    client.due = now;
                }
            } else if !ending && client.due <= now {
                match client.begin(self.target, &self.poll) {
                    Ok(()) => Good::take(&mut self.seen, client),
                    Err(error) => Good::failed(&mut self.seen, client, &error),
                }
            }
        }
    }

    /// Works until `ending` says so and the last replies are there.
    pub fn run(mut self, ending: impl Fn() -> bool) -> io::Result<Seen> {
        let mut events = Events::with_capacity(256);
        loop {
            let end = ending();
            self.look_at_the_clock(end);
            if end && !self.clients.iter().any(Client::under_way) {
                return Ok(self.seen);
            }
            match self.poll.poll(&mut events, Some(Duration::from_millis(1))) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => (),
            }
            for event in &events {
                Good::take(&mut self.seen, &mut self.clients[event.token().0]);
            }
        }
    }
}
