// SPDX-License-Identifier: MIT
//! How long replies took, counted from the moment when the request was due.

use std::time::{Duration, Instant};

#[derive(Clone, Copy)]
pub struct Reply {
    pub due: Instant,
    pub took: Duration,
}

/// What good clients may notice at the most, even if they are used to better.
pub const ALWAYS_GOOD: Duration = Duration::from_millis(250);
/// And how many times their normal time.
const TIMES: u32 = 10;

/// The time that 99 of 100 replies were within; None without any.
pub fn p99(replies: impl Iterator<Item = Reply>) -> Option<Duration> {
    let mut times: Vec<_> = replies.map(|reply| reply.took).collect();
    times.sort_unstable();
    let place = (times.len() * 99).div_ceil(100);
    place.checked_sub(1).map(|place| times[place])
}

pub fn limit(normal: Duration) -> Duration {
    ALWAYS_GOOD.max(normal * TIMES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times: impl IntoIterator<Item = u64>) -> Option<Duration> {
        let due = Instant::now();
        p99(times.into_iter().map(|ms| Reply {
            due,
            took: Duration::from_millis(ms),
        }))
    }

    #[test]
    fn one_of_a_hundred_may_be_late() {
        assert_eq!(of(1..=100), Some(Duration::from_millis(99)));
        assert_eq!(
            of((1..=198).chain([900, 901, 902])),
            Some(Duration::from_millis(900))
        );
        assert_eq!(of([7]), Some(Duration::from_millis(7)));
        assert_eq!(of([]), None);
    }

    #[test]
    fn the_limit_follows_the_normal_time_from_25_ms_on() {
        assert_eq!(limit(Duration::from_millis(3)), ALWAYS_GOOD);
        assert_eq!(limit(Duration::from_millis(30)), Duration::from_millis(300));
    }
}
