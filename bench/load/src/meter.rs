// SPDX-License-Identifier: MIT
//! What is counted: replies that arrive within the measured time, latencies of requests that were due
//! within it, and the server's CPU time between its ends.

use crate::failure::Failure;
use crate::options::Options;
use crate::server::{Memory, Server};
use hdrhistogram::Histogram;
use std::fmt;
use std::time::{Duration, Instant};

/// Latencies are told in nanoseconds up to a minute, with three digits.
const LONGEST: u64 = 60_000_000_000;

enum Phase {
    Waiting,
    WarmingUp {
        until: Instant,
    },
    Measuring {
        start: Instant,
        cpu: Duration,
    },
    Done {
        start: Instant,
        end: Instant,
        cpu: Duration,
    },
}

/// What ends the measured time.
#[derive(Clone, Copy)]
pub enum End {
    After(Duration),
    Replies(u64),
}

impl End {
    pub fn of(options: &Options) -> End {
        match options.requests {
            0 => End::After(options.seconds),
            count => End::Replies(count),
        }
    }
}

pub struct Meter {
    warm_up: Duration,
    end: End,
    pub server: Server,
    phase: Phase,
    replies: u64,
    /// Replies since the load began, also those outside of the measured time.
    answered: u64,
    latencies: Histogram<u64>,
    memory: Memory,
    idle: Option<Idle>,
}

/// What idle connections cost.
#[derive(Clone, Copy, Debug)]
pub struct Idle {
    pub connections: u64,
    pub kib: u64,
    /// Of their page tables, which are not in `kib`.
    pub tables_kib: u64,
}

impl Meter {
    pub fn new(warm_up: Duration, end: End, server: Server) -> Meter {
        Meter {
            warm_up,
            end,
            server,
            phase: Phase::Waiting,
            replies: 0,
            answered: 0,
            latencies: Histogram::new_with_bounds(1, LONGEST, 3).expect("bounds in order"),
            memory: Memory::default(),
            idle: None,
        }
    }

    pub fn idle(&mut self, idle: Idle) {
        self.idle = Some(idle);
    }

    /// The load begins: the warm-up does.
    pub fn begin(&mut self) {
        let until = Instant::now() + self.warm_up;
        self.phase = Phase::WarmingUp { until };
    }

    /// Goes on to the next phase when its time has come. False: the measured time is over.
    pub fn goes_on(&mut self, now: Instant) -> Result<bool, Failure> {
        match self.phase {
            Phase::WarmingUp { until } if now >= until => {
                let cpu = self.server.cpu()?;
                self.phase = Phase::Measuring {
                    start: Instant::now(),
                    cpu,
                };
            }
            Phase::Measuring { start, cpu } if self.is_over(start, now) => {
                let cpu = self.server.cpu()? - cpu;
                let end = Instant::now();
                self.phase = Phase::Done { start, end, cpu };
                self.memory = self.server.memory()?;
            }
            _ => (),
        }
        Ok(!matches!(self.phase, Phase::Done { .. }))
    }

    fn is_over(&self, start: Instant, now: Instant) -> bool {
        match self.end {
            End::After(span) => now >= start + span,
            End::Replies(count) => self.replies >= count,
        }
    }

    pub fn reply(&mut self, due: Instant, now: Instant) {
        self.answered += 1;
        match self.phase {
            Phase::Measuring { start, .. } => {
                self.replies += 1;
                if due >= start {
                    self.latency(due, now);
                }
            }
            // What was due in time and came late is what a latency is about.
            Phase::Done { start, end, .. } if due >= start && due < end => self.latency(due, now),
            _ => (),
        }
    }

    fn latency(&mut self, due: Instant, now: Instant) {
        let nanoseconds = now.saturating_duration_since(due).as_nanos() as u64;
        self.latencies.saturating_record(nanoseconds.max(1));
    }

    pub fn report(self) -> Result<Report, Failure> {
        let Phase::Done { start, end, cpu } = self.phase else {
            return Err(Failure::Broken("the measured time did not end".into()));
        };
        if self.replies == 0 {
            return Err(Failure::Broken("no reply came in the measured time".into()));
        }
        Ok(Report {
            requests: self.replies,
            answered: self.answered,
            seconds: (end - start).as_secs_f64(),
            cpu_seconds: cpu.as_secs_f64(),
            p50_us: self.latencies.value_at_quantile(0.50) as f64 / 1e3,
            p99_us: self.latencies.value_at_quantile(0.99) as f64 / 1e3,
            memory: self.memory,
            idle: self.idle,
        })
    }
}

/// One line of JSON.
#[derive(Debug)]
pub struct Report {
    pub requests: u64,
    pub answered: u64,
    pub seconds: f64,
    pub cpu_seconds: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub memory: Memory,
    pub idle: Option<Idle>,
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{{\"requests\": {}, \"answered\": {}, \"seconds\": {:.6}, \"cpu_seconds\": {:.6}, \"p50_us\": {:.2}, \
             \"p99_us\": {:.2}, \"memory_kib\": {}",
            self.requests,
            self.answered,
            self.seconds,
            self.cpu_seconds,
            self.p50_us,
            self.p99_us,
            self.memory.resident_kib + self.memory.tables_kib
        )?;
        if let Some(idle) = self.idle {
            let each = |kib: u64| kib as f64 / idle.connections as f64;
            write!(
                out,
                ", \"idle\": {}, \"idle_kib\": {:.3}, \"idle_tables_kib\": {:.3}",
                idle.connections,
                each(idle.kib),
                each(idle.tables_kib)
            )?;
        }
        out.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter() -> Meter {
        let server = Server::of(std::process::id() as i32).unwrap();
        Meter::new(
            Duration::from_millis(10),
            End::After(Duration::from_millis(100)),
            server,
        )
    }

    fn until_measuring(meter: &mut Meter) {
        while !matches!(meter.phase, Phase::Measuring { .. }) {
            meter.goes_on(Instant::now()).unwrap();
        }
    }

    fn until_done(meter: &mut Meter) {
        while meter.goes_on(Instant::now()).unwrap() {}
    }

    #[test]
    fn replies_count_only_within_the_measured_time() {
        let mut meter = meter();
        meter.begin();
        meter.reply(Instant::now(), Instant::now());
        until_measuring(&mut meter);
        let due = Instant::now();
        meter.reply(due, due);
        until_done(&mut meter);
        meter.reply(Instant::now(), Instant::now());
        let report = meter.report().unwrap();
        assert_eq!(report.requests, 1);
        assert!(report.seconds >= 0.1 && report.cpu_seconds > 0.0);
    }

    #[test]
    fn a_late_reply_to_a_request_that_was_due_in_time_is_a_latency() {
        let mut meter = meter();
        meter.begin();
        until_measuring(&mut meter);
        let due = Instant::now();
        meter.reply(due, due);
        until_done(&mut meter);
        meter.reply(due, due + Duration::from_secs(2));
        let report = meter.report().unwrap();
        assert!(report.p99_us >= 1.9e6, "{}", report.p99_us);
    }

    #[test]
    fn a_number_of_replies_ends_it_too() {
        let server = Server::of(std::process::id() as i32).unwrap();
        let mut meter = Meter::new(Duration::ZERO, End::Replies(2), server);
        meter.begin();
        let now = Instant::now();
        assert!(meter.goes_on(now).unwrap());
        meter.reply(now, now);
        assert!(meter.goes_on(now).unwrap());
        meter.reply(now, now);
        assert!(!meter.goes_on(now).unwrap());
        meter.reply(now, now);
        let report = meter.report().unwrap();
        assert_eq!((report.requests, report.answered), (2, 3));
    }

    #[test]
    fn a_server_that_answers_nothing_has_no_figures() {
        let mut meter = meter();
        meter.begin();
        until_done(&mut meter);
        assert!(meter.report().is_err());
    }
}
