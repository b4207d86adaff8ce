// SPDX-License-Identifier: MIT
//! What is counted: replies that arrive within the measured time, latencies of requests that were due
//! within it, and the server's CPU time between its ends.

use crate::failure::Failure;
use crate::server::Server;
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

pub struct Meter {
    warm_up: Duration,
    seconds: Duration,
    pub server: Server,
    phase: Phase,
    replies: u64,
    latencies: Histogram<u64>,
    memory_kib: u64,
    idle: Option<Idle>,
}

/// What idle connections cost.
#[derive(Clone, Copy, Debug)]
pub struct Idle {
    pub connections: u64,
    pub kib: u64,
}

impl Meter {
    pub fn new(warm_up: Duration, seconds: Duration, server: Server) -> Meter {
        Meter {
            warm_up,
            seconds,
            server,
            phase: Phase::Waiting,
            replies: 0,
            latencies: Histogram::new_with_bounds(1, LONGEST, 3).expect("bounds in order"),
            memory_kib: 0,
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
            Phase::Measuring { start, cpu } if now >= start + self.seconds => {
                let cpu = self.server.cpu()? - cpu;
                let end = Instant::now();
                self.phase = Phase::Done { start, end, cpu };
                self.memory_kib = self.server.memory_kib()?;
            }
            _ => (),
        }
        Ok(!matches!(self.phase, Phase::Done { .. }))
    }

    pub fn reply(&mut self, due: Instant, now: Instant) {
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
            seconds: (end - start).as_secs_f64(),
            cpu_seconds: cpu.as_secs_f64(),
            p50_us: self.latencies.value_at_quantile(0.50) as f64 / 1e3,
            p99_us: self.latencies.value_at_quantile(0.99) as f64 / 1e3,
            memory_kib: self.memory_kib,
            idle: self.idle,
        })
    }
}

/// One line of JSON.
#[derive(Debug)]
pub struct Report {
    pub requests: u64,
    pub seconds: f64,
    pub cpu_seconds: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub memory_kib: u64,
    pub idle: Option<Idle>,
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{{\"requests\": {}, \"seconds\": {:.6}, \"cpu_seconds\": {:.6}, \"p50_us\": {:.2}, \
             \"p99_us\": {:.2}, \"memory_kib\": {}",
            self.requests,
            self.seconds,
            self.cpu_seconds,
            self.p50_us,
            self.p99_us,
            self.memory_kib
        )?;
        if let Some(idle) = self.idle {
            let each = idle.kib as f64 / idle.connections as f64;
            write!(
                out,
                ", \"idle\": {}, \"idle_kib\": {each:.3}",
                idle.connections
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
            Duration::from_millis(100),
            server,
        )
    }

    fn reach(meter: &mut Meter, time: Duration) {
        let start = Instant::now();
        while start.elapsed() < time {
            meter.goes_on(Instant::now()).unwrap();
        }
    }

    #[test]
    fn replies_count_only_within_the_measured_time() {
        let mut meter = meter();
        meter.begin();
        meter.reply(Instant::now(), Instant::now());
        reach(&mut meter, Duration::from_millis(20));
        let due = Instant::now();
        meter.reply(due, due);
        reach(&mut meter, Duration::from_millis(150));
        meter.reply(Instant::now(), Instant::now());
        let report = meter.report().unwrap();
        assert_eq!(report.requests, 1);
        assert!(report.seconds >= 0.1 && report.cpu_seconds > 0.0);
    }

    #[test]
    fn a_late_reply_to_a_request_that_was_due_in_time_is_a_latency() {
        let mut meter = meter();
        meter.begin();
        reach(&mut meter, Duration::from_millis(20));
        let due = Instant::now();
        meter.reply(due, due);
        reach(&mut meter, Duration::from_millis(150));
        meter.reply(due, due + Duration::from_secs(2));
        let report = meter.report().unwrap();
        assert!(report.p99_us >= 1.9e6, "{}", report.p99_us);
    }

    #[test]
    fn a_server_that_answers_nothing_has_no_figures() {
        let mut meter = meter();
        meter.begin();
        reach(&mut meter, Duration::from_millis(150));
        assert!(meter.report().is_err());
    }
}
