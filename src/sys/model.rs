// SPDX-License-Identifier: MIT
//! OS threads, their waits and the kernel's as the model checker sees them (`cfg(shuttle)`): whoever would
//! sleep for ever is seen by it. Time does not pass: a wait with a limit ends by what it waits for, or at
//! once.

use mio::{Events, Poll, Registry, Token};
use shuttle::rand::Rng;
use shuttle::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use shuttle::sync::{Arc, LockResult, Mutex, MutexGuard};
use shuttle::{future, thread};
use std::io;
use std::time::Duration;

/// A lock that knows no poison.
#[derive(Default)]
pub struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    /// A lock around `value`.
    pub const fn new(value: T) -> Self {
        Lock(Mutex::new(value))
    }

    /// Waits for it.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().expect("no holder panics")
    }
}

/// A condition.
pub struct Condvar(shuttle::sync::Condvar);

/// Whether a time limit has passed.
pub struct Waited(bool);

impl Waited {
    /// Whether it has.
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    /// A condition that nobody waits for.
    pub const fn new() -> Self {
        Condvar(shuttle::sync::Condvar::new())
    }

    /// Waits until somebody notifies.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.0.wait(guard)
    }

    /// The same, or the limit passes, which is so at any time or never.
    pub fn wait_timeout<'a, T>(
        &'static self,
        guard: MutexGuard<'a, T>,
        _limit: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, Waited)> {
        let passed = Arc::new(AtomicBool::new(false));
        if shuttle::rand::thread_rng().gen_range(0..4) == 0 {
            let told = Arc::clone(&passed);
            drop(future::spawn(async move {
                told.store(true, SeqCst);
                self.0.notify_all();
            }));
        }
        let guard = self.0.wait(guard).expect("no holder panics");
        Ok((guard, Waited(passed.load(SeqCst))))
    }

    /// Wakes one.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Wakes all.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// Whether a time limit passes now.
fn passes() -> bool {
    thread::yield_now();
    shuttle::rand::thread_rng().gen_range(0..4) == 0
}

/// An OS thread of the model's, which need not end before the program does.
pub struct JoinHandle<T>(future::JoinHandle<T>);

impl<T> JoinHandle<T> {
    /// Waits for its end.
    pub fn join(self) -> Result<T, future::JoinError> {
        future::block_on(self.0)
    }
}

/// Starts an OS thread; all have names and stacks alike.
pub fn spawn(
    _name: &str,
    _stack_size: Option<usize>,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    Ok(JoinHandle(future::spawn(async { body() })))
}

/// The number of the calling OS thread; never 0.
pub fn id() -> usize {
    usize::from(shuttle::current::me()) + 1
}

/// Those that sleep on words: where, and a number of their own, in the order of their coming.
#[derive(Default)]
struct Sleepers {
    all: Vec<(usize, u64)>,
    next: u64,
}

shuttle::lazy_static! {
    static ref SLEEPERS: Mutex<Sleepers> = Mutex::default();
    static ref SLEEPERS_CHANGED: shuttle::sync::Condvar = shuttle::sync::Condvar::new();
    /// How often a waker has been used.
    static ref RINGS: Mutex<u64> = Mutex::new(0);
    static ref RUNG: shuttle::sync::Condvar = shuttle::sync::Condvar::new();
}

/// How long a limit is: it passes at once, or never.
pub fn passing(_limit: Duration) -> Duration {
    if passes() {
        return Duration::ZERO;
    }
    Duration::from_secs(1 << 30)
}

/// Sleeps while the word has this value, until a `wake`: what futex(2) does.
pub fn sleep_while(word: &AtomicU32, value: u32, limit: Option<Duration>) {
    let mut sleepers = SLEEPERS.lock().expect("no holder panics");
    if word.load(SeqCst) != value || limit.is_some() && passes() {
        return;
    }
    let own = (std::ptr::from_ref(word).addr(), sleepers.next);
    sleepers.next += 1;
    sleepers.all.push(own);
    while sleepers.all.contains(&own) {
        sleepers = SLEEPERS_CHANGED.wait(sleepers).expect("no holder panics");
    }
}

/// Wakes one that sleeps on the word.
pub fn wake(word: &AtomicU32) {
    let mut sleepers = SLEEPERS.lock().expect("no holder panics");
    let address = std::ptr::from_ref(word).addr();
    if let Some(at) = sleepers.all.iter().position(|&(on, _)| on == address) {
        sleepers.all.remove(at);
        SLEEPERS_CHANGED.notify_all();
    }
}

/// mio's waker, which the model hears of too.
pub struct Waker(mio::Waker);

impl Waker {
    /// A waker of a poller.
    pub fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        mio::Waker::new(registry, token).map(Waker)
    }

    /// Ends the present wait, or the next one.
    pub fn wake(&self) -> io::Result<()> {
        self.0.wake()?;
        *RINGS.lock().expect("no holder panics") += 1;
        RUNG.notify_all();
        Ok(())
    }
}

/// Waits for events. Only wakers end a wait that has no limit: nothing comes from outside of the model.
pub fn wait(poll: &mut Poll, events: &mut Events, limit: Option<Duration>) -> io::Result<()> {
    loop {
        let rings = *RINGS.lock().expect("no holder panics");
        poll.poll(events, Some(Duration::ZERO))?;
        if !events.is_empty() || limit.is_some() {
            thread::yield_now();
            return Ok(());
        }
        let mut now = RINGS.lock().expect("no holder panics");
        while *now == rings {
            now = RUNG.wait(now).expect("no holder panics");
        }
    }
}
