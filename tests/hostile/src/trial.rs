// SPDX-License-Identifier: MIT
//! One case, from the start of its server to the verdict.

use crate::cases::{Attack, Case};
use crate::crowd::{Crowd, Life};
use crate::flood;
use crate::good::{Good, Seen};
use crate::judge;
use crate::latency::{self, Reply};
use crate::options::Options;
use crate::server::Server;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

/// How long the good clients are alone, and what of it does not count.
const ALONE: Duration = Duration::from_millis(800);
const WARM_UP: Duration = Duration::from_millis(200);
const LOOK: Duration = Duration::from_millis(10);
/// Descriptors of an attack that is over are closed within this.
const FORGETTING: Duration = Duration::from_secs(15);
/// Descriptors that a server may hold more than before.
const SPARE_DESCRIPTORS: usize = 8;
/// Errors that are told in words.
const TOLD: usize = 3;

/// A thread that works until its flag is raised.
struct Worker<T> {
    ending: Arc<AtomicBool>,
    handle: JoinHandle<io::Result<T>>,
}

impl<T: Send + 'static> Worker<T> {
    fn start(work: impl FnOnce(&dyn Fn() -> bool) -> io::Result<T> + Send + 'static) -> Worker<T> {
        let ending = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&ending);
        let handle = thread::spawn(move || work(&|| flag.load(Ordering::Relaxed)));
        Worker { ending, handle }
    }

    fn stop(self) -> io::Result<T> {
        self.ending.store(true, Ordering::Relaxed);
        self.handle
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("a thread of the suite panicked")))
    }
}

/// Real attackers do not take the server's CPUs: those here come last.
fn take_less_cpu() {
    // SAFETY: no pointer is passed; 0 is the calling thread.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 10) };
}

fn attack(case: &Case, server: &Server) -> io::Result<Worker<Vec<Life>>> {
    let target = server.address;
    Ok(match case.attack {
        Attack::Crowd(plan, habit) => {
            let crowd = Crowd::new(target, plan, habit())?;
            Worker::start(move |ending| {
                take_less_cpu();
                crowd.run(ending)
            })
        }
        Attack::HalfOpen(count) => Worker::start(move |ending| {
            take_less_cpu();
            flood::run(target, count, ending).map(|()| Vec::new())
        }),
    })
}

/// Looks at the server until the time has passed; gives its largest memory. Ends early when that is
/// above the budget by far, so that a server without a limit does not take the machine with it.
fn watch(server: &mut Server, time: Duration, most_kib: u64) -> io::Result<u64> {
    let start = Instant::now();
    let mut largest = 0;
    while start.elapsed() < time && largest <= most_kib * 2 {
        if let Some(status) = server.ended() {
            return Err(io::Error::other(format!("the server ended: {status}")));
        }
        largest = largest.max(server.resident_kib().unwrap_or(0));
        sleep(LOOK);
    }
    Ok(largest)
}

/// The p99 of those who were served while alone, and under attack; what is wrong with the latter.
fn compare(what: &str, replies: &[Reply], begin: Instant, faults: &mut Vec<String>) -> String {
    let alone = latency::p99(replies.iter().filter(|r| r.due + WARM_UP < begin).copied());
    let attacked = latency::p99(replies.iter().filter(|r| r.due >= begin).copied());
    let (Some(alone), Some(attacked)) = (alone, attacked) else {
        faults.push(format!("no {what} was served"));
        return String::new();
    };
    if attacked > latency::limit(alone) {
        faults.push(format!(
            "p99 of {what} is {attacked:.1?}, alone {alone:.1?}"
        ));
    }
    format!("{what}: p99 {attacked:.1?}, alone {alone:.1?}")
}

fn judge_good(
    case: &Case,
    seen: &Seen,
    begin: Instant,
    faults: &mut Vec<String>,
    slow: &mut Vec<String>,
) -> Vec<String> {
    let mut words = vec![compare("clients", &seen.steady, begin, slow)];
    if case.newcomers {
        words.push(compare("newcomers", &seen.newcomers, begin, slow));
    }
    if !seen.errors.is_empty() {
        let told = seen
            .errors
            .iter()
            .take(TOLD)
            .cloned()
            .collect::<Vec<_>>()
            .join("; ");
        faults.push(format!(
            "{} errors of good clients: {told}",
            seen.errors.len()
        ));
    }
    words
}

/// Waits until the server has closed what the attack has left.
fn judge_descriptors(server: &Server, before: Option<usize>, faults: &mut Vec<String>) {
    let start = Instant::now();
    let now = || server.descriptors();
    while let (Some(before), Some(after)) = (before, now()) {
        if after <= before + SPARE_DESCRIPTORS {
            return;
        }
        if start.elapsed() > FORGETTING {
            faults.push(format!(
                "{after} descriptors after the attack, {before} before"
            ));
            return;
        }
        sleep(LOOK);
    }
}

/// What a case shows.
pub struct Verdict {
    pub words: Vec<String>,
    pub faults: Vec<String>,
    /// Good clients waited too long.
    pub slow: Vec<String>,
}

/// An error says that the suite itself could not do its work, or that the server is gone.
pub fn run(case: &Case, options: &Options) -> io::Result<Verdict> {
    let promises = &options.promises;
    let mut server = Server::of(&options.origin)?;
    let good = Good::new(server.address, case.newcomers)?;
    let good = Worker::start(|ending| good.run(ending));
    sleep(WARM_UP + ALONE);
    let (base, descriptors) = (server.resident_kib(), server.descriptors());
    let begin = Instant::now();
    let attackers = attack(case, &server)?;
    let time = judge::shortest(case.name, promises).map_or(case.time, |time| time.max(case.time));
    let budget = case.budget_kib(promises);
    let largest = watch(&mut server, time, base.unwrap_or(0) + budget)?;
    let stop = Instant::now();
    let half_open = match case.attack {
        Attack::HalfOpen(_) => Some(flood::half_open()?),
        Attack::Crowd(..) => None,
    };
    let lives = attackers.stop()?;
    let seen = good.stop()?;
    let mut faults = judge::faults(case.name, promises, &lives, stop);
    let mut slow = Vec::new();
    let mut words = judge_good(case, &seen, begin, &mut faults, &mut slow);
    let grown = largest.saturating_sub(base.unwrap_or(largest));
    if grown > budget {
        faults.push(format!("memory grew by {grown} KiB, more than {budget}"));
    }
    if half_open == Some(0) {
        faults.push("no connection was half-open".into());
    }
    judge_descriptors(&server, descriptors, &mut faults);
    let ended = lives
        .iter()
        .filter(|life| life.end.is_some() && !life.left)
        .count();
    words.push(format!("memory +{grown} of {budget} KiB"));
    words.push(match half_open {
        Some(count) => format!("{count} half-open connections"),
        None => format!(
            "{} hostile connections, {ended} ended by the server",
            lives.len()
        ),
    });
    Ok(Verdict {
        words,
        faults,
        slow,
    })
}
