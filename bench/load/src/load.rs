// SPDX-License-Identifier: MIT
//! The loads with lasting connections: closed, stream and rate.

use crate::connection::{Connection, Received};
use crate::content::Content;
use crate::failure::Failure;
use crate::meter::{Idle, Meter, Report};
use crate::opener::Opener;
use crate::options::Options;
use crate::pace::Pace;
use crate::poller::Poller;
use crate::transport::Target;
use std::time::{Duration, Instant};

/// Bytes that one receive may give.
pub const MEMORY: usize = 256 * 1024;
/// How long replies may take once nothing more is sent.
const PATIENCE: Duration = Duration::from_secs(10);
/// After the measured time each so-manieth idle connection has to answer once more.
const SAMPLE: usize = 100;

struct Load {
    content: Content,
    target: Target,
    poller: Poller,
    connections: Vec<Connection>,
    /// Those before this place are idle.
    first_active: usize,
    memory: Vec<u8>,
    tokens: Vec<usize>,
    meter: Meter,
}

impl Load {
    fn new(options: &Options, meter: Meter) -> Result<Load, Failure> {
        Ok(Load {
            content: Content::of(options.shape),
            target: Target::of(options),
            poller: Poller::new()?,
            connections: Vec::new(),
            first_active: options.idle,
            memory: vec![0; MEMORY],
            tokens: Vec::new(),
            meter,
        })
    }

    fn open(&mut self, count: usize) -> Result<(), Failure> {
        let mut opener = Opener {
            content: &self.content,
            target: &self.target,
            memory: &mut self.memory,
        };
        opener.open(count, &mut self.poller, &mut self.connections)
    }

    fn open_idle(&mut self, options: &Options) -> Result<(), Failure> {
        if options.idle == 0 {
            return Ok(());
        }
        let before = self.meter.server.memory()?;
        self.open(options.idle)?;
        let after = self.meter.server.memory()?;
        self.meter.idle(Idle {
            connections: options.idle as u64,
            kib: after.resident_kib.saturating_sub(before.resident_kib),
            tables_kib: after.tables_kib.saturating_sub(before.tables_kib),
        });
        Ok(())
    }

    fn start(&mut self, pace: &Pace) -> Result<(), Failure> {
        self.meter.begin();
        for connection in &mut self.connections[self.first_active..] {
            pace.after_replies(connection, Instant::now());
            connection.flush(&self.content)?;
        }
        Ok(())
    }

    /// Waits for events once; connections with replies go on as `pace` says, if there is one.
    fn turn(&mut self, pace: Option<&Pace>) -> Result<(), Failure> {
        self.poller
            .wait(pace.map_or(100, Pace::patience_ms), &mut self.tokens)?;
        for &token in &self.tokens {
            let connection = &mut self.connections[token];
            let meter = &mut self.meter;
            let received = connection.receive(&self.content, &mut self.memory, |due, now| {
                meter.reply(due, now);
            })?;
            if received == Received::End {
                return Err(connection.ended());
            }
            if let Some(pace) = pace.filter(|_| token >= self.first_active) {
                pace.after_replies(connection, Instant::now());
            }
            connection.flush(&self.content)?;
        }
        Ok(())
    }

    fn measure(&mut self, pace: &mut Pace) -> Result<(), Failure> {
        let mut now = Instant::now();
        while self.meter.goes_on(now)? {
            let active = &mut self.connections[self.first_active..];
            pace.each_due(active.len(), now, |place, due| {
                active[place].ask(1, due);
                active[place].flush(&self.content)
            })?;
            self.turn(Some(pace))?;
            now = Instant::now();
        }
        Ok(())
    }

    /// Sends nothing more, and waits for the replies that are owed.
    fn drain(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let owed: u64 = self.connections.iter().map(Connection::under_way).sum();
            if owed == 0 {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(Failure::Broken(format!("{owed} replies did not come")));
            }
            self.turn(None)?;
        }
    }

    fn ask_idle(&mut self) -> Result<(), Failure> {
        for connection in self.connections[..self.first_active]
            .iter_mut()
            .step_by(SAMPLE)
        {
            connection.ask(1, Instant::now());
            connection.flush(&self.content)?;
        }
        self.drain()
    }
}

pub fn run(options: &Options, meter: Meter) -> Result<Report, Failure> {
    let mut load = Load::new(options, meter)?;
    load.open_idle(options)?;
    load.open(options.connections)?;
    let mut pace = Pace::new(options);
    load.start(&pace)?;
    load.measure(&mut pace)?;
    load.drain()?;
    load.ask_idle()?;
    load.meter.report()
}
