// SPDX-License-Identifier: MIT
//! Opens connections, each of which has one reply before it counts as open.

use crate::connection::{Connection, Received};
use crate::content::Content;
use crate::failure::Failure;
use crate::poller::Poller;
use crate::transport::Target;
use std::time::{Duration, Instant};

/// Connections that are being opened at a time: fewer than any server's backlog.
const AT_A_TIME: usize = 64;
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Opener<'a> {
    pub content: &'a Content,
    pub target: &'a Target,
    pub memory: &'a mut [u8],
}

impl Opener<'_> {
    /// Appends `count` connections to `connections`; the poller knows each by its place there.
    pub fn open(
        &mut self,
        count: usize,
        poller: &mut Poller,
        connections: &mut Vec<Connection>,
    ) -> Result<(), Failure> {
        let (mut answered, wanted) = (connections.len(), connections.len() + count);
        let deadline = Instant::now() + PATIENCE;
        let mut tokens = Vec::new();
        while answered < wanted {
            while connections.len() < wanted && connections.len() < answered + AT_A_TIME {
                connections.push(self.begin(connections.len(), poller)?);
            }
            poller.wait(100, &mut tokens)?;
            for &token in &tokens {
                answered += self.go_on(&mut connections[token])?;
            }
            if Instant::now() > deadline {
                return Err(Failure::Broken(format!(
                    "{answered} of {wanted} connections were answered within {PATIENCE:?}"
                )));
            }
        }
        Ok(())
    }

    fn begin(&self, token: usize, poller: &Poller) -> Result<Connection, Failure> {
        let mut connection = Connection::open(token as u64, self.target, self.content)
            .map_err(|error| Failure::Broken(format!("cannot connect: {error}")))?;
        poller.add(connection.descriptor(), token)?;
        connection.ask(1, Instant::now());
        connection.flush(self.content)?;
        Ok(connection)
    }

    /// How many connections have become open with this event: 1 or 0.
    fn go_on(&mut self, connection: &mut Connection) -> Result<usize, Failure> {
        let before = connection.under_way();
        let received = connection.receive(self.content, self.memory, |_, _| ())?;
        // Also what waited for the handshake that has just ended.
        connection.flush(self.content)?;
        match received {
            Received::End => Err(connection.ended()),
            Received::All => Ok((before - connection.under_way()) as usize),
        }
    }
}
