// SPDX-License-Identifier: MIT
//! One case, from the start of its server to the verdict.

use crate::cases::{Attack, Case};
use crate::crowd::{Crowd, Fared, Life};
use crate::faults::Faults;
use crate::flood;
use crate::good::{Good, Seen};
use crate::judge;
use crate::latency::{self, Reply};
use crate::options::Options;
use crate::server::{Server, Turns};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

/// How long the good clients are alone, and what before it does not count.
const ALONE: Duration = Duration::from_millis(800);
const WARM_UP: Duration = Duration::from_millis(200);
const LOOK: Duration = Duration::from_millis(10);
/// Descriptors of an attack that is over are closed within this.
const FORGETTING: Duration = Duration::from_secs(15);
/// Descriptors that a server may hold more than before.
const SPARE_DESCRIPTORS: usize = 8;
/// A server that waits for a CPU for more than the so-manieth part of the time cannot be judged by times.
const STARVED: u32 = 5;
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

fn attack(case: &Case, server: &Server) -> io::Result<Worker<Fared>> {
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
            flood::run(target, count, ending).map(|()| Fared::default())
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

/// When the good clients began to count, and when the attack began.
#[derive(Clone, Copy)]
struct Times {
    alone: Instant,
    attack: Instant,
}

/// The p99 of those who were served while alone, and under attack; tells when the latter is too long.
fn compare(what: &str, replies: &[Reply], times: Times, late: &mut Vec<String>) -> String {
    let was_alone = |r: &&Reply| r.due >= times.alone && r.due + r.took < times.attack;
    let alone = latency::p99(replies.iter().filter(was_alone).copied());
    let attacked = latency::p99(replies.iter().filter(|r| r.due >= times.attack).copied());
    let (Some(alone), Some(attacked)) = (alone, attacked) else {
        late.push(format!("no {what} was served"));
        return format!("no {what}");
    };
    let words = format!("p99 of {what} {attacked:.1?}, alone {alone:.1?}");
    if attacked > latency::limit(alone) {
        late.push(words.clone());
    }
    words
}

fn tell_errors(seen: &Seen) -> Option<String> {
    let told: Vec<_> = seen.errors.iter().take(TOLD).cloned().collect();
    let count = seen.errors.len();
    (count > 0).then(|| format!("{count} errors of good clients: {}", told.join("; ")))
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

/// What happened.
struct Record {
    times: Times,
    stop: Instant,
    /// Of the server: resident memory before the attack, and the most of it; descriptors before.
    base_kib: u64,
    largest_kib: u64,
    descriptors: Option<usize>,
    /// Its turns on the CPUs during the attack.
    turns: Option<Turns>,
    seen: Seen,
    fared: Fared,
    half_open: Option<usize>,
}

fn conduct(case: &Case, options: &Options, server: &mut Server) -> io::Result<Record> {
    let promises = &options.promises;
    let good = Good::new(server.address, case.newcomers)?;
    let good = Worker::start(|ending| good.run(ending));
    sleep(WARM_UP);
    let alone = Instant::now();
    sleep(ALONE);
    let (base_kib, descriptors) = (server.resident_kib().unwrap_or(0), server.descriptors());
    let times = Times {
        alone,
        attack: Instant::now(),
    };
    let before = server.turns();
    let attackers = attack(case, server)?;
    let time = judge::shortest(case.name, promises).map_or(case.time, |time| time.max(case.time));
    let largest_kib = watch(server, time, base_kib + case.budget_kib(promises))?;
    let stop = Instant::now();
    let turns = server.turns().zip(before).map(|(after, before)| Turns {
        ran: after.ran - before.ran,
        waited: after.waited - before.waited,
    });
    let half_open = match case.attack {
        Attack::HalfOpen(_) => Some(flood::half_open()?),
        Attack::Crowd(..) => None,
    };
    Ok(Record {
        times,
        stop,
        base_kib,
        largest_kib,
        descriptors,
        turns,
        fared: attackers.stop()?,
        seen: good.stop()?,
        half_open,
    })
}

/// What a case shows.
pub struct Verdict {
    pub words: Vec<String>,
    pub faults: Faults,
    /// The server could not have been quicker: it waited too long for a CPU.
    pub was_starved: bool,
}

fn tell_attack(record: &Record) -> String {
    let lives = &record.fared.lives;
    let ended = |life: &&Life| life.end.is_some() && !life.left;
    match record.half_open {
        Some(count) => format!("{count} half-open connections"),
        None => format!(
            "{} hostile connections, {} ended by the server",
            lives.len(),
            lives.iter().filter(ended).count()
        ),
    }
}

fn tell_turns(turns: Turns) -> String {
    let Turns { ran, waited } = turns;
    format!("the server ran {ran:.1?} and waited {waited:.1?} for a CPU")
}

fn was_starved(record: &Record) -> bool {
    let waited = record.turns.map_or(Duration::ZERO, |turns| turns.waited);
    waited * STARVED > record.stop - record.times.attack
}

/// An error says that the suite itself could not do its work, or that the server is gone.
pub fn run(case: &Case, options: &Options) -> io::Result<Verdict> {
    let promises = &options.promises;
    let mut server = Server::of(&options.origin)?;
    let record = conduct(case, options, &mut server)?;
    let (seen, times) = (&record.seen, record.times);
    let mut faults = judge::faults(case.name, promises, &record.fared, record.stop);
    let mut words = vec![compare("clients", &seen.steady, times, &mut faults.late)];
    if case.newcomers {
        words.push(compare(
            "newcomers",
            &seen.newcomers,
            times,
            &mut faults.late,
        ));
    }
    faults.grave.extend(tell_errors(seen));
    let grown = record.largest_kib.saturating_sub(record.base_kib);
    let budget = case.budget_kib(promises);
    words.push(format!("memory +{grown} of {budget} KiB"));
    if grown > budget {
        let text = format!("memory grew by {grown} KiB, more than {budget}");
        faults.grave.push(text);
    }
    if record.half_open == Some(0) {
        faults.grave.push("no connection was half-open".into());
    }
    judge_descriptors(&server, record.descriptors, &mut faults.grave);
    words.push(tell_attack(&record));
    words.extend(record.turns.map(tell_turns));
    Ok(Verdict {
        words,
        faults,
        was_starved: was_starved(&record),
    })
}
