// SPDX-License-Identifier: MIT
//! The command line.

use crate::content::Shape;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

pub const USAGE: &str = "\
usage: load KIND --port PORT --pid PID [OPTION VALUE]...
Loads the server PID on 127.0.0.1:PORT, checks every byte that it sends back, and prints one line of
JSON: requests, seconds, the server's CPU seconds, latencies in microseconds, memory in KiB.
KIND is one of
  closed  each connection sends a batch of lines and waits for the replies
  stream  each connection keeps a window of messages under way
  short   each request is a connection: a line, its reply, the end
  rate    lines at a fixed rate, whose latency counts from the time each was due
Options:
  --connections N  active ones (1)
  --shape SHAPE    messages: lines (16 to 47 bytes and LF), kib (1 KiB lines), blocks (64 KiB of any
                   bytes) (lines)
  --batch N        closed: lines in a batch (1)
  --window N       stream: messages under way on each connection (4)
  --rate N         rate: requests per second, of all connections together (20000)
  --idle N         idle connections, opened before and answered once (0)
  --seconds S      of the measured time (1)
  --requests N     ends with so many replies instead, however long they take
  --warm-up S      before it (0.2)
  --transport T    tcp, or tls: TLS 1.3, TLS_AES_128_GCM_SHA256, X25519, no session resumed (tcp)
Exit codes: 0 done, 1 the run broke off, 2 wrong usage, 3 the server sent a wrong byte.";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Closed,
    Stream,
    Short,
    Rate,
}

#[derive(Debug)]
pub struct Options {
    pub kind: Kind,
    pub port: u16,
    pub pid: i32,
    pub connections: usize,
    pub shape: Shape,
    pub batch: u64,
    pub window: u64,
    pub rate: u64,
    pub idle: usize,
    pub seconds: Duration,
    /// Where it is not 0, these many replies end the measured time.
    pub requests: u64,
    pub warm_up: Duration,
    pub is_encrypted: bool,
}

/// Why there are no options.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    Help,
    Mistake(String),
}

impl Stop {
    pub fn print(&self) -> ExitCode {
        match self {
            Stop::Help => {
                println!("{USAGE}");
                ExitCode::SUCCESS
            }
            Stop::Mistake(text) => {
                eprintln!("load: {text}\n{USAGE}");
                ExitCode::from(2)
            }
        }
    }
}

fn number<T: FromStr + PartialOrd>(name: &str, text: &str, least: T) -> Result<T, Stop> {
    match text.parse::<T>() {
        Ok(value) if value >= least => Ok(value),
        _ => Err(Stop::Mistake(format!("{name} cannot be {text}"))),
    }
}

fn seconds(name: &str, text: &str) -> Result<Duration, Stop> {
    let value = number(name, text, 0.0)?;
    Duration::try_from_secs_f64(value)
        .map_err(|_| Stop::Mistake(format!("{name} cannot be {text}")))
}

impl Options {
    fn of(kind: Kind) -> Options {
        Options {
            kind,
            port: 0,
            pid: 0,
            connections: 1,
            shape: Shape::Lines,
            batch: 1,
            window: 4,
            rate: 20_000,
            idle: 0,
            seconds: Duration::from_secs(1),
            requests: 0,
            warm_up: Duration::from_millis(200),
            is_encrypted: false,
        }
    }

    fn set(&mut self, name: &str, text: &str) -> Result<(), Stop> {
        match name {
            "--port" => self.port = number(name, text, 1)?,
            "--pid" => self.pid = number(name, text, 1)?,
            "--connections" => self.connections = number(name, text, 1)?,
            "--shape" => {
                self.shape = Shape::named(text)
                    .ok_or_else(|| Stop::Mistake(format!("no shape is called {text}")))?;
            }
            "--batch" => self.batch = number(name, text, 1)?,
            "--window" => self.window = number(name, text, 1)?,
            "--rate" => self.rate = number(name, text, 1)?,
            "--idle" => self.idle = number(name, text, 0)?,
            "--requests" => self.requests = number(name, text, 1)?,
            "--seconds" => self.seconds = seconds(name, text)?,
            "--warm-up" => self.warm_up = seconds(name, text)?,
            "--transport" => {
                self.is_encrypted = match text {
                    "tcp" => false,
                    "tls" => true,
                    _ => return Err(Stop::Mistake(format!("no transport is called {text}"))),
                };
            }
            _ => return Err(Stop::Mistake(format!("{name} is no option"))),
        }
        Ok(())
    }

    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options, Stop> {
        let first = arguments.next().unwrap_or_default();
        let mut options = Options::of(match first.as_str() {
            "closed" => Kind::Closed,
            "stream" => Kind::Stream,
            "short" => Kind::Short,
            "rate" => Kind::Rate,
            "--help" => return Err(Stop::Help),
            _ => {
                return Err(Stop::Mistake(format!(
                    "no kind of load is called '{first}'"
                )));
            }
        });
        while let Some(name) = arguments.next() {
            if name == "--help" {
                return Err(Stop::Help);
            }
            match arguments.next() {
                Some(value) => options.set(&name, &value)?,
                None => return Err(Stop::Mistake(format!("{name} needs a value"))),
            }
        }
        if options.port == 0 || options.pid == 0 {
            return Err(Stop::Mistake("--port and --pid are needed".into()));
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
    fn values_replace_the_defaults() {
        let options = parse("rate --port 7 --pid 9 --rate 50 --seconds 0.5").unwrap();
        assert_eq!(
            (options.kind, options.port, options.pid),
            (Kind::Rate, 7, 9)
        );
        assert_eq!((options.rate, options.batch), (50, 1));
        assert_eq!(options.seconds, Duration::from_millis(500));
        assert!(!options.is_encrypted);
        let options = parse("short --port 7 --pid 9 --transport tls").unwrap();
        assert!(options.is_encrypted);
    }

    #[test]
    fn mistakes_are_named() {
        for line in [
            "",
            "fast",
            "closed",
            "closed --port",
            "closed --port 0",
            "closed --por 1",
            "closed --port 1 --pid 1 --transport quic",
        ] {
            assert!(matches!(parse(line), Err(Stop::Mistake(_))), "{line}");
        }
        assert!(matches!(
            parse("closed --port 1 --pid 1 --seconds -1"),
            Err(Stop::Mistake(_))
        ));
        assert_eq!(parse("closed --help").err(), Some(Stop::Help));
    }
}
