// SPDX-License-Identifier: MIT
//! A fleet: several dispatchers, each on an OS thread of its own, that are set up one after the other,
//! begin together, are shut down together and end before the call that started them.

use super::{Handle, free, registry};
use crate::status::{Fault, Outcome, Status};
use crate::sys::sync::atomic::AtomicU32;
use crate::sys::sync::{Condvar, Mutex, MutexGuard};
use crate::sys::{annotations, os_thread};
use std::sync::{Arc, PoisonError};

/// Bytes of the stack of a member's OS thread, as the first one of a process usually has: loops, callbacks
/// and set-ups run on it as they do there.
const STACK: usize = 8 << 20;

/// Why a fleet ended early: a status of the library or of the program's own, in words.
pub struct Mishap {
    /// Not 0.
    pub status: i32,
    /// What went wrong.
    pub text: String,
}

impl From<Fault> for Mishap {
    fn from(fault: Fault) -> Self {
        Mishap {
            status: fault.status as i32,
            text: fault.describe().into(),
        }
    }
}

/// Makes a dispatcher, on the OS thread that will run it.
pub type Make = Box<dyn Fn() -> Outcome<Handle> + Send + Sync>;
/// Gives a dispatcher its work, on its OS thread; with its number, from 0.
pub type SetUp = Box<dyn Fn(Handle, usize) -> Result<(), Mishap> + Send + Sync>;

/// What the members of a fleet share.
pub struct Fleet {
    make: Make,
    set_up: SetUp,
    progress: Mutex<Progress>,
    changed: Condvar,
    /// Names the order of the lock's holders to tools, which do not see it.
    order: AtomicU32,
}

#[derive(Default)]
struct Progress {
    /// Those that are set up.
    members: Vec<Handle>,
    /// The grace of the shutdown that has begun.
    grace: Option<f64>,
    /// Whether the loops begin, once that is decided.
    begins: Option<bool>,
    /// The first thing that went wrong.
    mishap: Option<Mishap>,
}

impl Fleet {
    /// Runs `count` dispatchers until all loops have ended; the first mishap, if there was one.
    pub fn run(count: usize, make: Make, set_up: SetUp) -> Result<(), Mishap> {
        let fleet = Arc::new(Fleet {
            make,
            set_up,
            progress: Mutex::default(),
            changed: Condvar::new(),
            order: AtomicU32::new(0),
        });
        let mut os_threads = Vec::new();
        for number in 0..count {
            let member = Arc::clone(&fleet);
            match os_thread::start("copas-loop", Some(STACK), move || member.live(number)) {
                Ok(os_thread) => os_threads.push(os_thread),
                Err(e) => fleet.fail(Fault::system(&e, "start an OS thread").into()),
            }
            if !fleet.is_set_up(number) {
                break;
            }
        }
        fleet.decide();
        for os_thread in os_threads {
            if os_thread.join().is_err() {
                fleet.fail(Fault::from(Status::PANIC).into());
            }
        }
        let mishap = fleet.act(|progress| progress.mishap.take());
        mishap.map_or(Ok(()), Err)
    }

    /// Acts under the lock. Nothing of the program runs meanwhile.
    fn act<R>(&self, act: impl FnOnce(&mut Progress) -> R) -> R {
        let mut progress = self.lock();
        let result = act(&mut progress);
        annotations::released(&self.order);
        drop(progress);
        self.changed.notify_all();
        result
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        annotations::acquired(&self.order);
        progress
    }

    /// Waits until `known` gives something.
    fn wait_for<R>(&self, known: impl Fn(&Progress) -> Option<R>) -> R {
        let mut progress = self.lock();
        loop {
            if let Some(result) = known(&progress) {
                return result;
            }
            let woken = self.changed.wait(progress);
            progress = woken.unwrap_or_else(PoisonError::into_inner);
            annotations::acquired(&self.order);
        }
    }

    /// Waits until dispatcher `number` is set up; false: something went wrong.
    fn is_set_up(&self, number: usize) -> bool {
        self.wait_for(|progress| match progress.mishap {
            Some(_) => Some(false),
            None => (progress.members.len() > number).then_some(true),
        })
    }

    /// Has the loops begin, or the members end.
    fn decide(&self) {
        self.act(|progress| progress.begins = Some(progress.mishap.is_none()));
    }

    /// The life of one member, on its OS thread.
    fn live(self: Arc<Self>, number: usize) {
        let c = match (self.make)() {
            Ok(c) => c,
            Err(fault) => return self.fail(fault.into()),
        };
        if let Err(mishap) = self.set_up_and_loop(c, number) {
            self.fail(mishap);
        }
        if let Err(fault) = free(c) {
            self.note(fault.into());
        }
    }

    fn set_up_and_loop(self: &Arc<Self>, c: Handle, number: usize) -> Result<(), Mishap> {
        let mut d = registry::enter(c)?;
        // This OS thread's from the start, although it may not step before the others are set up.
        d.bind();
        d.join_fleet(Arc::clone(self));
        drop(d);
        (self.set_up)(c, number)?;
        self.add(c);
        if self.wait_for(|progress| progress.begins) {
            registry::enter(c)?.run(-1.0).map_err(Fault::from)?;
        }
        Ok(())
    }

    /// A member is set up. A shutdown that began before is its own too.
    fn add(&self, member: Handle) {
        self.act(|progress| {
            progress.members.push(member);
            if let Some(grace) = progress.grace {
                let _ = registry::visit(member, |inbox| inbox.shutdown(grace));
            }
        });
    }

    /// Notes what went wrong; the first counts.
    fn note(&self, mishap: Mishap) {
        self.act(|progress| {
            progress.mishap.get_or_insert(mishap);
        });
    }

    /// Something went wrong: all end.
    fn fail(&self, mishap: Mishap) {
        self.note(mishap);
        self.shut_down(None, 0.0);
    }

    /// Starts a shutdown of all members but the one that has begun it by itself.
    pub fn shut_down(&self, but: Option<Handle>, grace: f64) {
        self.act(|progress| {
            progress.grace = Some(grace);
            for &member in &progress.members {
                if Some(member) != but {
                    let _ = registry::visit(member, |inbox| inbox.shutdown(grace));
                }
            }
        });
    }
}
