// SPDX-License-Identifier: MIT
//! Made-up failures: in builds with the feature `faults`, which are for tests alone, system calls fail or
//! do less than they could, on a schedule that a seed decides.
//!
//! - What the kernel would not do in the place of the made-up failure is not done: the call is not made.
//! - A made-up EAGAIN, or a read that is made short, hides what is there from an edge-triggered poller. So the
//!   kernel is asked to report the descriptor again (`edges`): no wake-up is lost that a program could miss.
//! - A call that does not wait sees what is there, or nothing; such a look is spared (`sparing`) of what would
//!   have it see less than there is.

mod call;
mod edges;
mod settings;

pub use call::{Call, kind};
pub use edges::{ignored, watched};

use std::cell::Cell;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::LazyLock;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};

/// Of how many calls a rate says how many fail.
const RATE_OF: u64 = 1_000_000;
/// The highest rate: a call that is made again and again must come to its end.
const HIGHEST_RATE: u32 = 900_000;
/// Bytes that a shortened call moves at most, three times of four.
const FEW: u64 = 16;
/// Calls in a row that a storm of EAGAIN lasts for at most.
const STORM: u64 = 12;

/// When which calls fail.
#[derive(Default)]
struct Schedule {
    seed: AtomicU64,
    kinds: AtomicU32,
    rate: AtomicU32,
    /// Calls that could have failed so far.
    calls: AtomicU64,
    /// Calls that are left of a storm of EAGAIN.
    storm: AtomicU64,
    /// How many failures of each kind were made.
    made: [AtomicU64; kind::COUNT],
}

static SCHEDULE: LazyLock<Schedule> = LazyLock::new(|| {
    let schedule = Schedule::default();
    if let Some(settings) = settings::of_environment() {
        schedule.begin(settings.seed, settings.kinds, settings.rate);
    }
    schedule
});

thread_local! {
    /// How many looks are spared now.
    static SPARED: Cell<u32> = const { Cell::new(0) };
}

impl Schedule {
    fn begin(&self, seed: u64, kinds: u32, rate: u32) {
        self.kinds.store(0, Relaxed);
        self.seed.store(seed, Relaxed);
        self.rate.store(rate.min(HIGHEST_RATE), Relaxed);
        self.calls.store(0, Relaxed);
        self.storm.store(0, Relaxed);
        self.kinds.store(kinds & kind::ALL, Relaxed);
    }

    /// The next number of the schedule, if a failure of one of `kinds` is due.
    fn due(&self, kinds: u32) -> Option<u64> {
        if self.kinds.load(Relaxed) & kinds == 0 {
            return None;
        }
        let number = mixed(self.seed.load(Relaxed), self.calls.fetch_add(1, Relaxed));
        (number % RATE_OF < u64::from(self.rate.load(Relaxed))).then_some(number / RATE_OF)
    }

    fn count(&self, kind: u32) {
        self.made[kind.trailing_zeros() as usize].fetch_add(1, Relaxed);
    }

    /// Whether a storm of EAGAIN goes on.
    fn storms(&self) -> bool {
        let next = |left: u64| left.checked_sub(1);
        self.storm.fetch_update(Relaxed, Relaxed, next).is_ok()
    }

    /// How a call fails that may fail so, if it is to.
    fn failure(&self, ways: &[(u32, i32)]) -> Option<(u32, i32)> {
        let kinds = self.kinds.load(Relaxed) & !spared();
        let possible = || ways.iter().filter(|way| way.0 & kinds != 0);
        let again = possible().find(|way| way.0 == kind::AGAIN);
        if let Some(again) = again
            && self.storms()
        {
            return Some(*again);
        }
        let number = self.due(ways.iter().fold(0, |all, way| all | way.0))?;
        let way = *possible().nth(number as usize % possible().count().max(1))?;
        if way.0 == kind::AGAIN && number & 0x300 == 0 {
            self.storm.store((number >> 10) % STORM, Relaxed);
        }
        Some(way)
    }
}

/// A number that looks like no other of the same seed (splitmix64).
fn mixed(seed: u64, at: u64) -> u64 {
    let mut number = seed
        .wrapping_add(1)
        .wrapping_mul(0xD6E8_FEB8_6659_FD93)
        .wrapping_add(at.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

/// The kinds that the calling OS thread is spared of now.
fn spared() -> u32 {
    match SPARED.get() {
        0 => 0,
        _ => kind::SHORT | kind::AGAIN,
    }
}

/// Begins a schedule anew: calls of these kinds fail, `per_million` of a million. No kinds end it.
pub fn begin(seed: u64, kinds: u32, per_million: u32) {
    SCHEDULE.begin(seed, kinds, per_million);
}

/// How many failures of these kinds were made so far.
pub fn made(kinds: u32) -> u64 {
    let of_kind = |at: &usize| kinds & (1 << at) != 0;
    let all = (0..kind::COUNT).filter(of_kind);
    all.map(|at| SCHEDULE.made[at].load(Relaxed)).sum()
}

/// Fails, where the schedule says so, as this call may fail.
pub fn check(call: Call) -> io::Result<()> {
    match SCHEDULE.failure(call.ways()) {
        None => Ok(()),
        Some((kind, errno)) => {
            SCHEDULE.count(kind);
            Err(io::Error::from_raw_os_error(errno))
        }
    }
}

/// The same of a call on a descriptor; the kernel will report it again where the failure is EAGAIN.
pub fn check_at(call: Call, fd: BorrowedFd<'_>) -> io::Result<()> {
    let checked = check(call);
    if let Err(e) = &checked
        && e.kind() == io::ErrorKind::WouldBlock
    {
        edges::renew(fd.as_raw_fd());
    }
    checked
}

/// Whether the schedule has something of this kind happen now, without an error.
pub fn happens(kind: u32) -> bool {
    let happens = SCHEDULE.due(kind).is_some();
    if happens {
        SCHEDULE.count(kind);
    }
    happens
}

/// The memory that a read from a stream is given, or how it fails. A short read looks as if there were no
/// more, so the kernel will report the descriptor again.
pub fn to_read<'a>(fd: BorrowedFd<'_>, memory: &'a mut [u8]) -> io::Result<&'a mut [u8]> {
    check_at(Call::Read, fd)?;
    let len = shortened(memory.len());
    if len < memory.len() {
        edges::renew(fd.as_raw_fd());
    }
    Ok(&mut memory[..len])
}

/// The bytes that a write to a stream is given, or how it fails.
pub fn to_write<'a>(fd: BorrowedFd<'_>, data: &'a [u8]) -> io::Result<&'a [u8]> {
    check_at(Call::Write, fd)?;
    Ok(&data[..shortened(data.len())])
}

/// How many bytes of `len` a call on a stream is to move at most.
fn shortened(len: usize) -> usize {
    if len < 2 || spared() != 0 {
        return len;
    }
    let Some(number) = SCHEDULE.due(kind::SHORT) else {
        return len;
    };
    SCHEDULE.count(kind::SHORT);
    let most = match number & 3 {
        0 => len as u64 - 1,
        _ => FEW.min(len as u64 - 1),
    };
    1 + ((number >> 2) % most) as usize
}

/// A look that must see what is there; while it lives, the calling OS thread is spared.
pub struct Sparing(());

/// Spares the calling OS thread, if `looks`, of what hides that something is there.
pub fn sparing(looks: bool) -> Option<Sparing> {
    looks.then(|| {
        SPARED.set(SPARED.get() + 1);
        Sparing(())
    })
}

impl Drop for Sparing {
    fn drop(&mut self) {
        SPARED.set(SPARED.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a schedule makes of so many reads: errnos, 0 for success.
    fn reads(seed: u64, kinds: u32, count: usize) -> Vec<i32> {
        let schedule = Schedule::default();
        schedule.begin(seed, kinds, 300_000);
        let one = |_| schedule.failure(Call::Read.ways()).map_or(0, |way| way.1);
        (0..count).map(one).collect()
    }

    #[test]
    fn a_seed_always_means_the_same_failures_and_another_one_others() {
        assert_eq!(reads(1, kind::ALL, 200), reads(1, kind::ALL, 200));
        assert_ne!(reads(1, kind::ALL, 200), reads(2, kind::ALL, 200));
    }

    #[test]
    fn only_the_kinds_that_were_asked_for_happen_about_as_often_as_was_said() {
        let reset = reads(3, kind::RESET | kind::THREADS, 1000);
        assert!(
            reset
                .iter()
                .all(|errno| [0, libc::ECONNRESET].contains(errno))
        );
        let failed = reset.iter().filter(|errno| **errno != 0).count();
        assert!((200..400).contains(&failed), "{failed} of 1000");
        assert!(reads(3, 0, 100).iter().all(|errno| *errno == 0));
    }

    #[test]
    fn a_look_is_spared_of_what_hides_that_something_is_there() {
        let _look = sparing(true);
        assert_eq!(shortened(1000), 1000);
        assert!(
            reads(4, kind::SHORT | kind::AGAIN, 200)
                .iter()
                .all(|errno| *errno == 0)
        );
        assert!(reads(4, kind::ALL, 200).contains(&libc::EINTR));
        assert!(sparing(false).is_none());
    }

    #[test]
    fn eagain_comes_in_storms() {
        let errnos = reads(5, kind::AGAIN, 2000);
        assert!(
            errnos
                .windows(8)
                .any(|some| some.iter().all(|errno| *errno == libc::EAGAIN))
        );
    }
}
