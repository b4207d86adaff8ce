// SPDX-License-Identifier: MIT
//! The cases: who attacks how, and what the server may use meanwhile.

use crate::crowd::Plan;
use crate::habits::{
    ByteByByte, Endless, NeverReading, Piling, Resetting, Silent, SlowLoris, Staying, Vanishing,
};
use crate::member::Habit;
use crate::options::Promises;
use std::time::Duration;

/// Memory that a server may take beside what each hostile connection costs, in KiB: buffers, tables and
/// stacks that are kept.
const FIXED_KIB: u64 = 8 << 10;
/// What a connection may cost without its buffers.
const BARE_KIB: u64 = 16;

pub enum Attack {
    Crowd(Plan, fn() -> Box<dyn Habit>),
    /// So many SYNs without an ACK.
    HalfOpen(u64),
}

pub struct Case {
    pub name: &'static str,
    pub about: &'static str,
    pub attack: Attack,
    /// How long it is attacked at least: longer where a promise takes longer.
    pub time: Duration,
    /// Resident memory that the attack may add, in KiB, where the server promises no other.
    pub budget_kib: u64,
    /// Whether those who come anew must be served meanwhile.
    pub newcomers: bool,
}

impl Case {
    /// Resident memory that the attack may add, in KiB.
    pub fn budget_kib(&self, promises: &Promises) -> u64 {
        match (&self.attack, promises.memory_budget_mib) {
            (Attack::Crowd(plan, _), Some(mib)) if self.name == "piling-up" => {
                FIXED_KIB + plan.connections as u64 * BARE_KIB + (mib << 10)
            }
            _ => self.budget_kib,
        }
    }
}

fn plan(connections: usize, sources: u64, opened_per_second: u64) -> Plan {
    Plan {
        connections,
        sources,
        opened_per_second,
        most_opened: u64::MAX,
        small_buffers: false,
    }
}

/// A case whose connections may cost so many KiB each.
fn crowd(
    name: &'static str,
    about: &'static str,
    plan: Plan,
    kib_each: u64,
    seconds: f64,
    habit: fn() -> Box<dyn Habit>,
) -> Case {
    Case {
        name,
        about,
        attack: Attack::Crowd(plan, habit),
        time: Duration::from_secs_f64(seconds),
        budget_kib: FIXED_KIB + plan.connections as u64 * kib_each,
        newcomers: true,
    }
}

fn stay_short() -> Box<dyn Habit> {
    Box::new(Staying {
        for_: Some(Duration::from_millis(500)),
    })
}

fn stay_long() -> Box<dyn Habit> {
    Box::new(Staying {
        for_: Some(Duration::from_millis(2500)),
    })
}

/// All of them, in the order in which they run.
pub fn all(full: bool) -> Vec<Case> {
    let size = |short: usize, long: usize| if full { long } else { short };
    let rate = |short: u64, long: u64| if full { long } else { short };
    let time = if full { 8.0 } else { 1.5 };
    vec![
        crowd(
            "slow-loris",
            "connections that send a byte now and then, never a whole line",
            plan(size(500, 8000), 32, rate(1000, 4000)),
            24,
            time,
            || Box::new(SlowLoris),
        ),
        crowd(
            "silent",
            "connections that never say a thing",
            plan(size(500, 8000), 32, rate(1000, 4000)),
            16,
            time,
            || Box::new(Silent),
        ),
        crowd(
            "one-address",
            "one address that takes all the connections that it gets",
            plan(size(300, 4000), 1, rate(1000, 4000)),
            16,
            time,
            || Box::new(Staying { for_: None }),
        ),
        Case {
            newcomers: false,
            ..crowd(
                "crowded",
                "more connections, of many addresses, than are served at once",
                plan(size(1000, 12_000), 200, rate(2000, 6000)),
                16,
                time,
                if full { stay_long } else { stay_short },
            )
        },
        crowd(
            "never-reading",
            "connections that ask for big replies and never read",
            Plan {
                small_buffers: true,
                ..plan(size(100, 1000), 32, 1000)
            },
            160,
            time,
            || Box::new(NeverReading::new()),
        ),
        // A server whose memory is full may keep those who come anew waiting, too.
        Case {
            newcomers: false,
            ..crowd(
                "piling-up",
                "connections that send much of a line, and keep the rest",
                plan(size(600, 8000), 200, rate(1500, 4000)),
                128,
                time,
                || Box::new(Piling::new()),
            )
        },
        crowd(
            "endless-line",
            "lines without an end, a gigabyte and more, as quickly as they are taken",
            plan(4, 4, 50),
            2048,
            time,
            || Box::new(Endless::new()),
        ),
        crowd(
            "byte-by-byte",
            "connections that send whole lines a byte at a time",
            plan(size(200, 500), 32, 500),
            24,
            time,
            || Box::new(ByteByByte),
        ),
        crowd(
            "rst-storm",
            "connections that send, and are reset at once",
            Plan {
                most_opened: rate(20_000, 400_000),
                ..plan(256, 32, rate(10_000, 50_000))
            },
            24,
            time,
            || Box::new(Resetting),
        ),
        crowd(
            "vanishing",
            "connections that are gone before they are accepted, as many as the queue holds",
            Plan {
                most_opened: rate(10_000, 60_000),
                ..plan(8192, 200, 1_000_000)
            },
            8,
            time,
            || Box::new(Vanishing),
        ),
        Case {
            name: "half-open",
            about: "SYNs of strangers who never answer, in a network namespace of its own",
            attack: Attack::HalfOpen(rate(20_000, 400_000)),
            time: Duration::from_secs_f64(time),
            budget_kib: FIXED_KIB,
            newcomers: true,
        },
    ]
}
