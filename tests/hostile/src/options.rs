// SPDX-License-Identifier: MIT
//! What the command line says.

use crate::server::Origin;
use std::str::FromStr;
use std::time::Duration;

pub const HELP: &str = "\
usage: hostile [OPTION]... -- COMMAND [ARGUMENT]...
       hostile [OPTION]... --address IP:PORT [--pid PID]
Attacks a server that sends each line back, in several ways, while 20 good clients and 4 that connect
anew for each request work beside it. Good clients must see no error and no wrong byte, and a p99 of at
most 10 times what it was before the attack, or 250 ms; the server's resident memory must stay within the
case's budget, what the server promises must come true, and its descriptors must be free again afterwards.
What is only late is tried three times, and is skipped in words where the server had to wait for a CPU.
COMMAND is started anew for each case, with {port} in its arguments replaced by a free port of 127.0.0.1.
Good clients come from 127.0.0.1, hostile ones from 127.0.0.2 and on.
  --only CASE,...        these cases only
  --list                 tells the cases and their budgets
  --full                 connections by the thousand, for longer; else some hundred, for seconds
  --expect-failures      passes the cases that fail: shows that they can
  --pid PID              of a server at an address, for its memory and descriptors
What the server promises; a case whose promise is not given only looks at the good clients and at memory:
  --closes-silent S      connections that say nothing are ended within S seconds
  --closes-slow S        those that send a byte now and then, of a line that never ends
  --closes-stuck S       those that ask and never read, from when the kernel takes nothing more of them
  --line-limit BYTES     a longer line ends its connection
  --per-address N        of one address at most N connections are served at once, others are ended
  --connections N        at most N are served at once, others wait for their turn
  --memory-budget MIB    what all connections' buffers may take together
The last line is 'N passed, N failed, N skipped'. Exits 0 when nothing failed.";

/// What a server does against hostile clients, as far as clients can see it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Promises {
    pub closes_silent: Option<Duration>,
    pub closes_slow: Option<Duration>,
    pub closes_stuck: Option<Duration>,
    pub line_limit: Option<u64>,
    pub per_address: Option<usize>,
    pub connections: Option<usize>,
    pub memory_budget_mib: Option<u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    pub only: Vec<String>,
    pub full: bool,
    pub expect_failures: bool,
    pub promises: Promises,
    pub origin: Origin,
    /// The case that this process runs in a network namespace of its own: see namespace.rs.
    pub in_new_namespace: Option<String>,
}

#[derive(Debug, PartialEq)]
pub enum Stop {
    Help,
    List,
    Mistake(String),
}

fn number<T: FromStr + PartialOrd + From<u8>>(name: &str, text: &str) -> Result<T, Stop> {
    let number = text.parse().ok().filter(|number| *number > T::from(0));
    number.ok_or_else(|| Stop::Mistake(format!("{name} needs a number above 0, not '{text}'")))
}

fn seconds(name: &str, text: &str) -> Result<Duration, Stop> {
    let seconds: f64 = number(name, text)?;
    Duration::try_from_secs_f64(seconds).map_err(|error| Stop::Mistake(format!("{name}: {error}")))
}

impl Options {
    fn set(&mut self, name: &str, text: &str, pid: &mut Option<u32>) -> Result<(), Stop> {
        let promises = &mut self.promises;
        match name {
            "--only" => self.only = text.split(',').map(String::from).collect(),
            "--closes-silent" => promises.closes_silent = Some(seconds(name, text)?),
            "--closes-slow" => promises.closes_slow = Some(seconds(name, text)?),
            "--closes-stuck" => promises.closes_stuck = Some(seconds(name, text)?),
            "--line-limit" => promises.line_limit = Some(number(name, text)?),
            "--per-address" => promises.per_address = Some(number::<u32>(name, text)? as usize),
            "--connections" => promises.connections = Some(number::<u32>(name, text)? as usize),
            "--memory-budget" => promises.memory_budget_mib = Some(number(name, text)?),
            "--in-new-namespace" => self.in_new_namespace = Some(text.into()),
            "--pid" => *pid = Some(number(name, text)?),
            "--address" => {
                let address = text
                    .parse()
                    .map_err(|_| Stop::Mistake(format!("'{text}' is no address IP:PORT")))?;
                self.origin = Origin::Address(address, None);
            }
            _ => return Err(Stop::Mistake(format!("{name} is no option"))),
        }
        Ok(())
    }

    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options, Stop> {
        let mut options = Options {
            only: Vec::new(),
            full: false,
            expect_failures: false,
            promises: Promises::default(),
            origin: Origin::Command(Vec::new()),
            in_new_namespace: None,
        };
        let mut pid = None;
        while let Some(name) = arguments.next() {
            match name.as_str() {
                "--help" => return Err(Stop::Help),
                "--list" => return Err(Stop::List),
                "--full" => options.full = true,
                "--expect-failures" => options.expect_failures = true,
                "--" => {
                    options.origin = Origin::Command(arguments.by_ref().collect());
                }
                _ => match arguments.next() {
                    Some(text) => options.set(&name, &text, &mut pid)?,
                    None => return Err(Stop::Mistake(format!("{name} needs a value"))),
                },
            }
        }
        match &mut options.origin {
            Origin::Address(_, of) => *of = pid,
            Origin::Command(words) if words.is_empty() => {
                return Err(Stop::Mistake(
                    "no server: give -- COMMAND, or --address".into(),
                ));
            }
            Origin::Command(_) => (),
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Stop> {
        Options::parse(line.split_whitespace().map(String::from))
    }

    #[test]
    fn a_command_follows_two_dashes() {
        let options = parse("--only rst,bytes --per-address 9 -- server --port {port}").unwrap();
        assert_eq!(options.only, ["rst", "bytes"]);
        assert_eq!(options.promises.per_address, Some(9));
        let words = ["server", "--port", "{port}"].map(String::from).to_vec();
        assert_eq!(options.origin, Origin::Command(words));
    }

    #[test]
    fn an_address_may_have_a_process() {
        let options = parse("--pid 7 --address 127.0.0.1:80").unwrap();
        let address = "127.0.0.1:80".parse().unwrap();
        assert_eq!(options.origin, Origin::Address(address, Some(7)));
    }

    #[test]
    fn mistakes_are_named() {
        for line in [
            "",
            "--only",
            "--closes-slow 0 -- s",
            "--what 1 -- s",
            "--address here",
        ] {
            assert!(matches!(parse(line), Err(Stop::Mistake(_))), "{line}");
        }
        assert_eq!(parse("--help").err(), Some(Stop::Help));
    }
}
