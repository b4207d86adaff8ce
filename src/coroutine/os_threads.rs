// SPDX-License-Identifier: MIT
//! The OS threads of one dispatcher that carry handlers: started on demand, the last that came back
//! goes out first, and one that has been idle for long ends by itself.

use super::carrier::Carrier;
use crate::sys::annotations;
use crate::sys::sync::{JoinHandle, Lock};
use std::io;
use std::sync::Arc;

/// What the pool's user and its OS threads share.
#[derive(Default)]
struct State {
    /// Those that carry nothing, the last that came back last.
    idle: Vec<Arc<Carrier>>,
    /// How many have not ended, idle or not.
    living: usize,
    /// The one that ended last by itself. Each joins the one before, so that at most one of those
    /// that ended keeps its stack.
    ended: Option<JoinHandle<()>>,
}

impl State {
    /// The one to take that has a stack of this size; else, when there are as many as there may be, one to
    /// dismiss.
    fn pick(&mut self, stack_size: usize, most: usize) -> Picked {
        let fits = |carrier: &Arc<Carrier>| carrier.stack_size() == stack_size;
        if let Some(at) = self.idle.iter().rposition(fits) {
            return Picked::ToTake(self.idle.remove(at));
        }
        if self.living < most || self.idle.is_empty() {
            return Picked::None;
        }
        self.living -= 1;
        Picked::ToDismiss(self.idle.remove(0))
    }

    /// Forgets one that is idle; whether it was.
    fn forget(&mut self, carrier: &Arc<Carrier>) -> bool {
        let at = self.idle.iter().position(|c| Arc::ptr_eq(c, carrier));
        if let Some(at) = at {
            self.idle.remove(at);
            self.living -= 1;
        }
        at.is_some()
    }
}

/// An idle OS thread.
enum Picked {
    ToTake(Arc<Carrier>),
    ToDismiss(Arc<Carrier>),
    None,
}

/// OS threads for the handlers of one dispatcher.
pub struct OsThreads {
    state: Arc<Lock<State>>,
    most: usize,
}

impl OsThreads {
    /// A pool of at most `most`, none of which is started yet.
    pub fn new(most: usize) -> Self {
        OsThreads {
            state: Arc::default(),
            most,
        }
    }

    /// The most that there may be.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Whether all that there may be carry something.
    pub fn is_full(&self) -> bool {
        with(&self.state, |state| {
            state.living - state.idle.len() >= self.most
        })
    }

    /// One with a stack of this size. The pool must not be full.
    pub fn take(&self, stack_size: usize) -> io::Result<Arc<Carrier>> {
        match with(&self.state, |state| state.pick(stack_size, self.most)) {
            Picked::ToTake(carrier) => return Ok(carrier),
            Picked::ToDismiss(oldest) => {
                // It has a stack of another size.
                oldest.dismiss();
                join(oldest.take_os_thread());
            }
            Picked::None => {}
        }
        let shared = Arc::clone(&self.state);
        let carrier = Carrier::start(stack_size, move |carrier| leave(&shared, carrier))?;
        with(&self.state, |state| state.living += 1);
        Ok(carrier)
    }

    /// Takes one back that carries nothing any more.
    pub fn give(&self, carrier: Arc<Carrier>) {
        with(&self.state, |state| state.idle.push(carrier));
    }

    /// Ends those that are idle, and waits until they have ended.
    pub fn close(&self) {
        let (idle, ended) = with(&self.state, |state| {
            let idle = std::mem::take(&mut state.idle);
            state.living -= idle.len();
            (idle, state.ended.take())
        });
        for carrier in &idle {
            carrier.dismiss();
        }
        for carrier in &idle {
            join(carrier.take_os_thread());
        }
        join(ended);
    }
}

/// A carrier has been idle for long; whether it ends. One that was taken meanwhile does not.
fn leave(state: &Lock<State>, carrier: &Arc<Carrier>) -> bool {
    let left = with(state, |state| {
        let was_idle = state.forget(carrier);
        was_idle.then(|| std::mem::replace(&mut state.ended, carrier.take_os_thread()))
    });
    if let Some(before) = left {
        join(before);
        return true;
    }
    false
}

/// Acts under the lock, which tools do not see.
fn with<R>(state: &Lock<State>, act: impl FnOnce(&mut State) -> R) -> R {
    let mut locked = state.lock();
    annotations::acquired(state);
    let result = act(&mut locked);
    annotations::released(state);
    result
}

fn join(os_thread: Option<JoinHandle<()>>) {
    if let Some(os_thread) = os_thread {
        // It catches what its bodies throw.
        let _ = os_thread.join();
    }
}
