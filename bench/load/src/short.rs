// SPDX-License-Identifier: MIT
//! Short connections: each is opened (over TLS with a full handshake), sends a line,
//! has its reply, and is ended by both sides.

use crate::connection::{Connection, Received};
use crate::content::Content;
use crate::failure::Failure;
use crate::load::MEMORY;
use crate::meter::{Meter, Report};
use crate::options::Options;
use crate::poller::Poller;
use crate::transport::Target;
use std::time::{Duration, Instant};

/// How long one connection may take.
const PATIENCE: Duration = Duration::from_secs(10);

struct Short {
    connection: Connection,
    since: Instant,
    ending: bool,
}

struct Shorts {
    content: Content,
    target: Target,
    poller: Poller,
    opened: u64,
    memory: Vec<u8>,
}

impl Shorts {
    fn open(&mut self, token: usize) -> Result<Short, Failure> {
        let since = Instant::now();
        let mut connection = Connection::open(self.opened, &self.target, &self.content)
            .map_err(|error| Failure::Broken(format!("cannot connect: {error}")))?;
        self.opened += 1;
        self.poller.add(connection.descriptor(), token)?;
        connection.ask(1, since);
        connection.flush(&self.content)?;
        Ok(Short {
            connection,
            since,
            ending: false,
        })
    }

    /// True when the connection has come to its end.
    fn go_on(&mut self, short: &mut Short) -> Result<bool, Failure> {
        let connection = &mut short.connection;
        let received = connection.receive(&self.content, &mut self.memory, |_, _| ())?;
        // Also what waited for the handshake that has just ended.
        connection.flush(&self.content)?;
        if connection.under_way() == 0 && !short.ending {
            connection.end()?;
            short.ending = true;
            return Ok(false);
        }
        match received {
            Received::End if !short.ending => Err(connection.ended()),
            Received::End => Ok(true),
            Received::All => Ok(false),
        }
    }
}

pub fn run(options: &Options, mut meter: Meter) -> Result<Report, Failure> {
    let mut shorts = Shorts {
        content: Content::of(options.shape),
        target: Target::of(options),
        poller: Poller::new()?,
        opened: 0,
        memory: vec![0; MEMORY],
    };
    let mut open = (0..options.connections)
        .map(|token| shorts.open(token))
        .collect::<Result<Vec<_>, _>>()?;
    let mut tokens = Vec::new();
    meter.begin();
    let mut now = Instant::now();
    while meter.goes_on(now)? {
        shorts.poller.wait(100, &mut tokens)?;
        for &token in &tokens {
            if shorts.go_on(&mut open[token])? {
                meter.reply(open[token].since, Instant::now());
                open[token] = shorts.open(token)?;
            }
        }
        now = Instant::now();
        if open
            .iter()
            .any(|short| now.saturating_duration_since(short.since) > PATIENCE)
        {
            return Err(Failure::Broken(format!(
                "a connection took more than {PATIENCE:?}"
            )));
        }
    }
    meter.report()
}
