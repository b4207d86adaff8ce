// SPDX-License-Identifier: MIT
//! Resolving names without blocking: getaddrinfo(3) runs on an OS thread of the pool. Lookups of the
//! same name are shared, answers are kept for a while, and a lookup that nobody waits for any more is
//! skipped when its turn comes.

use super::Net;
use crate::dispatcher::{Dispatcher, Letter, WaitList, registry};
use crate::status::{Fault, Outcome, Status};
use crate::sync::Until;
use crate::sys::sync::atomic::{AtomicBool, Ordering::SeqCst};
use crate::sys::{names, pool};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;

/// How long the failure of a lookup is kept, in nanoseconds.
const FAILURE_KEPT: u64 = 1_000_000_000;

/// What a lookup gives: addresses, best first, or why there are none.
pub type Answer = Result<Vec<IpAddr>, String>;
/// What looks a name up, on any OS thread.
pub type Lookup = Arc<dyn Fn(&str) -> Answer + Send + Sync>;

/// A lookup that is under way, for as long as somebody waits for it.
struct Asked {
    answer: OnceCell<Answer>,
    waiters: Rc<WaitList>,
    wanted: Arc<AtomicBool>,
}

impl Asked {
    fn new(wanted: Arc<AtomicBool>) -> Rc<Self> {
        wanted.store(true, SeqCst);
        Rc::new(Asked {
            answer: OnceCell::new(),
            waiters: Rc::default(),
            wanted,
        })
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.wanted.store(false, SeqCst);
    }
}

/// What is known of a name.
enum Known {
    /// Somebody looks it up; whether anybody waits for it, as the OS thread sees it.
    Pending(Weak<Asked>, Arc<AtomicBool>),
    /// An answer, until when it holds, and when it was used last.
    Answer(Answer, u64, u64),
}

/// The names of one dispatcher.
pub struct Resolver {
    names: RefCell<HashMap<String, Known>>,
    lookup: RefCell<Lookup>,
    /// Most names kept.
    most: Cell<usize>,
    /// How long an answer is kept, in nanoseconds.
    kept: Cell<u64>,
    uses: Cell<u64>,
}

impl Default for Resolver {
    fn default() -> Self {
        Resolver {
            names: RefCell::default(),
            lookup: RefCell::new(Arc::new(system_lookup)),
            most: Cell::new(256),
            kept: Cell::new(30_000_000_000),
            uses: Cell::new(0),
        }
    }
}

/// getaddrinfo(3).
fn system_lookup(name: &str) -> Answer {
    let found = names::lookup(name).map_err(|e| e.to_string())?;
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in found.map(|address| address.ip()) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

impl Resolver {
    /// Keeps at most `most` names, each for `nanoseconds`. What is kept is forgotten.
    pub fn limit(&self, most: usize, nanoseconds: u64) {
        self.most.set(most);
        self.kept.set(nanoseconds);
        let mut names = self.names.borrow_mut();
        names.retain(|_, known| matches!(known, Known::Pending(..)));
    }

    /// Replaces what looks names up.
    pub fn set_lookup(&self, lookup: Lookup) {
        self.lookup.replace(lookup);
    }

    /// The answer that is known and still holds.
    fn answer(&self, name: &str, now: u64) -> Option<Answer> {
        self.uses.set(self.uses.get() + 1);
        match self.names.borrow_mut().get_mut(name) {
            Some(Known::Answer(answer, until, used)) if *until > now => {
                *used = self.uses.get();
                Some(answer.clone())
            }
            _ => None,
        }
    }

    /// Has a name looked up, unless somebody does already.
    fn ask(&self, d: &Dispatcher, name: &str) -> Outcome<Rc<Asked>> {
        let pending = match self.names.borrow().get(name) {
            Some(Known::Pending(asked, wanted)) => Some((asked.upgrade(), Arc::clone(wanted))),
            _ => None,
        };
        let asked = match pending {
            Some((Some(asked), _)) => return Ok(asked),
            Some((None, wanted)) => Asked::new(wanted),
            None => {
                let asked = Asked::new(Arc::default());
                self.look_up(d, name, Arc::clone(&asked.wanted))?;
                asked
            }
        };
        let known = Known::Pending(Rc::downgrade(&asked), Arc::clone(&asked.wanted));
        self.names.borrow_mut().insert(name.to_string(), known);
        Ok(asked)
    }

    /// Hands a lookup to the pool. One that has an OS thread at once is never skipped, so that asking
    /// again and again without waiting comes to an end.
    fn look_up(&self, d: &Dispatcher, name: &str, wanted: Arc<AtomicBool>) -> Outcome<()> {
        let (lookup, number, own) = (self.lookup.borrow().clone(), d.handle, name.to_string());
        let job = Box::new(move |waited: bool| {
            let answer = (!waited || wanted.load(SeqCst)).then(|| lookup(&own));
            let tell = move |d: &Dispatcher| {
                let resolver = &Net::of(d).resolver;
                match answer {
                    Some(answer) => resolver.settle(d.now(), own, answer),
                    None => resolver.skipped(d, own),
                }
            };
            let letter = Letter::Call(Box::new(tell));
            let _ = registry::visit(number, |inbox| inbox.post(letter));
        });
        pool::LOOKUPS
            .run(job)
            .map_err(|e| Fault::system(&e, "start an OS thread"))
    }

    /// A lookup was skipped: nobody waited for it, unless somebody came since.
    fn skipped(&self, d: &Dispatcher, name: String) {
        let pending = match self.names.borrow_mut().remove(&name) {
            Some(Known::Pending(asked, wanted)) if asked.strong_count() != 0 => (asked, wanted),
            _ => return,
        };
        let wanted = Arc::clone(&pending.1);
        let known = Known::Pending(pending.0, pending.1);
        self.names.borrow_mut().insert(name.clone(), known);
        if let Err(fault) = self.look_up(d, &name, wanted) {
            self.settle(d.now(), name, Err(fault.describe().to_string()));
        }
    }

    /// An answer has come.
    fn settle(&self, now: u64, name: String, answer: Answer) {
        let kept = self.kept.get();
        let kept = if answer.is_ok() {
            kept
        } else {
            kept.min(FAILURE_KEPT)
        };
        let known = Known::Answer(answer.clone(), now.saturating_add(kept), self.uses.get());
        let before = self.names.borrow_mut().insert(name, known);
        self.forget();
        if let Some(Known::Pending(asked, _)) = before
            && let Some(asked) = asked.upgrade()
        {
            let _ = asked.answer.set(answer);
            asked.waiters.wake_each();
        }
    }

    /// Forgets what was not used for longest, above the limit.
    fn forget(&self) {
        let mut names = self.names.borrow_mut();
        while names.len() > self.most.get() {
            let oldest = names
                .iter()
                .filter_map(|(name, known)| match known {
                    Known::Answer(_, _, used) => Some((*used, name.clone())),
                    Known::Pending(..) => None,
                })
                .min();
            match oldest {
                Some((_, name)) => names.remove(&name),
                None => return,
            };
        }
    }
}

/// The addresses of a name, best first, within `seconds`.
pub fn resolve(d: &Dispatcher, name: &str, seconds: f64) -> Outcome<Vec<IpAddr>> {
    match known(d, name)? {
        Some(addresses) => Ok(addresses),
        None => d.wait(pin!(lookup(d, name)), seconds)?,
    }
}

/// The addresses of a name, best first, as a future.
pub async fn lookup(d: &Dispatcher, name: &str) -> Outcome<Vec<IpAddr>> {
    if let Some(addresses) = known(d, name)? {
        return Ok(addresses);
    }
    let asked = Net::of(d).resolver.ask(d, name)?;
    let alive = d.alive().hold();
    Until::new(Rc::clone(&asked.waiters), || asked.answer.get().is_some()).await;
    drop(alive);
    let answer = asked.answer.get().cloned().ok_or(Status::STALE)?;
    addresses_of(name, answer)
}

/// The addresses that need no waiting.
fn known(d: &Dispatcher, name: &str) -> Outcome<Option<Vec<IpAddr>>> {
    if let Ok(address) = name.parse() {
        return Ok(Some(vec![address]));
    }
    if name.is_empty() || name.len() > 255 || name.contains('\0') {
        return Err(Fault::invalid(
            "a host is a name of 1 to 255 bytes or a numeric address",
        ));
    }
    let answer = Net::of(d).resolver.answer(name, d.now());
    answer.map(|answer| addresses_of(name, answer)).transpose()
}

/// The addresses of an answer, or why there are none.
fn addresses_of(name: &str, answer: Answer) -> Outcome<Vec<IpAddr>> {
    let unresolved = |text: &str| Fault::new(Status::UNRESOLVED, format!("{name}: {text}"));
    match answer {
        Ok(addresses) if !addresses.is_empty() => Ok(addresses),
        Ok(_) => Err(unresolved("it has no address")),
        Err(text) => Err(unresolved(&text)),
    }
}
