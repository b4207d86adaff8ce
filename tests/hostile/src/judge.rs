// SPDX-License-Identifier: MIT
//! Whether what a server promises came true, by how the hostile connections fared.

use crate::crowd::{Fared, Life};
use crate::faults::Faults;
use crate::good;
use crate::options::Promises;
use std::time::{Duration, Instant};

/// How late a server may be where it promises a time, beside the suite's own lag.
pub const LATE: Duration = Duration::from_millis(1000);
/// Bytes of a line that is too long which may be under way, in buffers of both sides' kernels.
const UNDER_WAY: u64 = 16 << 20;

/// What one case promises, if anything: the shortest attack that shows it.
pub fn shortest(case: &str, promises: &Promises) -> Option<Duration> {
    let limit = match case {
        "slow-loris" => promises.closes_slow,
        "silent" => promises.closes_silent,
        "never-reading" => promises.closes_stuck,
        _ => None,
    };
    limit.map(|limit| limit + LATE + Duration::from_millis(1500))
}

/// Connections from `begin` on end within `limit`.
fn ends_within(
    fared: &Fared,
    stop: Instant,
    limit: Duration,
    begin: impl Fn(&Life) -> Option<Instant>,
) -> Faults {
    let (mut ended, mut late) = (0, 0);
    for life in fared.lives.iter().filter(|life| !life.left) {
        let Some(begin) = begin(life) else { continue };
        let age = life.end.unwrap_or(stop).saturating_duration_since(begin);
        ended += u64::from(life.end.is_some());
        late += u64::from(age > limit + LATE + fared.lag);
    }
    let mut faults = Faults::default();
    if late > 0 {
        let text = format!("{late} connections were not ended within {limit:?}");
        faults.late.push(text);
    }
    if ended == 0 {
        faults.grave.push("the server ended no connection".into());
    }
    faults
}

/// The most that were served at the same time.
fn most_at_once(lives: &[Life], stop: Instant) -> usize {
    let mut changes: Vec<_> = lives
        .iter()
        .filter_map(|life| Some((life.replied?, life.end.unwrap_or(stop))))
        .flat_map(|(begin, end)| [(begin, 1), (end, -1)])
        .collect();
    changes.sort();
    let (mut now, mut most) = (0isize, 0isize);
    for (_, change) in changes {
        now += change;
        most = most.max(now);
    }
    most as usize
}

fn served(lives: &[Life]) -> usize {
    lives.iter().filter(|life| life.replied.is_some()).count()
}

fn one_address(fared: &Fared, stop: Instant, limit: usize) -> Faults {
    let lives = &fared.lives;
    let mut faults = Faults::default();
    let most = most_at_once(lives, stop);
    if most > limit {
        let text = format!("{most} connections of one address were served at once");
        faults.grave.push(text);
    }
    let waiting = |life: &&Life| {
        let age = |since| life.end.unwrap_or(stop).saturating_duration_since(since);
        life.replied.is_none()
            && life
                .connected
                .is_some_and(|since| age(since) > LATE + fared.lag)
    };
    let waiting = lives.iter().filter(waiting).count();
    if waiting > 0 {
        let text = format!("{waiting} connections above {limit} were not ended at once");
        faults.late.push(text);
    }
    faults
}

fn crowded(lives: &[Life], stop: Instant, limit: usize) -> Faults {
    let mut faults = Faults::default();
    let most = most_at_once(lives, stop) + good::STEADY;
    if most > limit {
        faults
            .grave
            .push(format!("{most} connections were served at once"));
    }
    let served = served(lives);
    if served <= limit {
        faults.grave.push(format!(
            "only {served} were served in all: nobody got the place of another"
        ));
    }
    faults
}

fn endless(lives: &[Life], limit: u64) -> Faults {
    let mut faults = Faults::default();
    let longest = lives.iter().map(|life| life.sent).max().unwrap_or(0);
    if longest > limit + UNDER_WAY {
        faults
            .grave
            .push(format!("{longest} bytes of one line were taken"));
    }
    if !lives.iter().any(|life| life.end.is_some()) {
        faults.grave.push("no line was too long".into());
    }
    faults
}

fn piling_up(lives: &[Life]) -> Faults {
    let mut faults = Faults::default();
    if !lives.iter().any(|life| life.end.is_some()) {
        let text = "no connection was ended for its memory";
        faults.grave.push(text.into());
    }
    faults
}

fn byte_by_byte(lives: &[Life]) -> Faults {
    let mut faults = Faults::default();
    let wrong = lives.iter().filter(|life| life.wrong).count();
    if wrong > 0 {
        faults.grave.push(format!(
            "{wrong} connections that send byte by byte got wrong bytes"
        ));
    }
    let ended = lives.iter().filter(|life| life.end.is_some()).count();
    if ended > 0 {
        faults.grave.push(format!(
            "{ended} connections that send byte by byte were ended"
        ));
    }
    if served(lives) == 0 {
        faults
            .grave
            .push("no connection that sends byte by byte was served".into());
    }
    faults
}

/// What is wrong, in words.
pub fn faults(case: &str, promises: &Promises, fared: &Fared, stop: Instant) -> Faults {
    let lives = &fared.lives;
    let promised = match case {
        "slow-loris" => promises
            .closes_slow
            .map(|limit| ends_within(fared, stop, limit, |life| life.connected)),
        "silent" => promises
            .closes_silent
            .map(|limit| ends_within(fared, stop, limit, |life| life.connected)),
        "never-reading" => promises
            .closes_stuck
            .map(|limit| ends_within(fared, stop, limit, |life| life.stuck)),
        "endless-line" => promises.line_limit.map(|limit| endless(lives, limit)),
        "one-address" => promises
            .per_address
            .map(|limit| one_address(fared, stop, limit)),
        "crowded" => promises
            .connections
            .map(|limit| crowded(lives, stop, limit)),
        "piling-up" => promises.memory_budget_mib.map(|_| piling_up(lives)),
        "byte-by-byte" => Some(byte_by_byte(lives)),
        _ => None,
    };
    promised.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn life(start: Instant, begin: u32, end: Option<u32>) -> Life {
        Life {
            connected: Some(start + SECOND * begin),
            end: end.map(|end| start + SECOND * end),
            left: false,
            sent: 0,
            replied: Some(start + SECOND * begin),
            wrong: false,
            stuck: None,
        }
    }

    fn fared(lives: &[Life]) -> Fared {
        Fared {
            lives: lives.to_vec(),
            lag: Duration::ZERO,
        }
    }

    #[test]
    fn a_connection_that_lives_too_long_is_a_fault_whether_or_not_it_ends() {
        let start = Instant::now();
        let stop = start + SECOND * 9;
        let promises = Promises {
            closes_slow: Some(SECOND * 2),
            ..Promises::default()
        };
        let told = |lives: &[Life]| faults("slow-loris", &promises, &fared(lives), stop);
        assert!(told(&[life(start, 0, Some(2)), life(start, 8, None)]).are_none());
        assert_eq!(
            told(&[life(start, 0, Some(2)), life(start, 1, None)])
                .all()
                .count(),
            1
        );
        assert_eq!(told(&[life(start, 0, Some(4))]).all().count(), 1);
        let never = told(&[life(start, 8, None)]);
        assert_eq!(never.grave, ["the server ended no connection"]);
    }

    #[test]
    fn those_who_are_served_at_the_same_time_are_counted() {
        let start = Instant::now();
        let stop = start + SECOND * 9;
        let lives = [
            life(start, 0, Some(2)),
            life(start, 1, Some(3)),
            life(start, 2, None),
        ];
        assert_eq!(most_at_once(&lives, stop), 2);
        let promises = Promises {
            per_address: Some(1),
            ..Promises::default()
        };
        assert_eq!(
            faults("one-address", &promises, &fared(&lives), stop)
                .all()
                .count(),
            1
        );
    }
}
