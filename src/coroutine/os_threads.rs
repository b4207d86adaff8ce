// SPDX-License-Identifier: MIT
//! The OS threads of one dispatcher that carry handlers: started on demand, the last that came back
//! goes out first, and one that has been idle for long ends by itself.

use super::carrier::Carrier;
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
        let state = self.state.lock();
        state.living - state.idle.len() >= self.most
    }

    /// One with a stack of this size. The pool must not be full.
    pub fn take(&self, stack_size: usize) -> io::Result<Arc<Carrier>> {
        let mut state = self.state.lock();
        let fits = |carrier: &Arc<Carrier>| carrier.stack_size() == stack_size;
        if let Some(at) = state.idle.iter().rposition(fits) {
            return Ok(state.idle.remove(at));
        }
        if state.living >= self.most && !state.idle.is_empty() {
            // It has a stack of another size.
            let oldest = state.idle.remove(0);
            state.living -= 1;
            drop(state);
            oldest.dismiss();
            join(oldest.take_os_thread());
        } else {
            drop(state);
        }
        let shared = Arc::clone(&self.state);
        let carrier = Carrier::start(stack_size, move |carrier| leave(&shared, carrier))?;
        self.state.lock().living += 1;
        Ok(carrier)
    }

    /// Takes one back that carries nothing any more.
    pub fn give(&self, carrier: Arc<Carrier>) {
        self.state.lock().idle.push(carrier);
    }

    /// Ends those that are idle, and waits until they have ended.
    pub fn close(&self) {
        let mut state = self.state.lock();
        let idle = std::mem::take(&mut state.idle);
        state.living -= idle.len();
        let ended = state.ended.take();
        drop(state);
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
    let mut state = state.lock();
    let Some(at) = state.idle.iter().position(|c| Arc::ptr_eq(c, carrier)) else {
        return false;
    };
    state.idle.remove(at);
    state.living -= 1;
    let own = carrier.take_os_thread();
    let before = std::mem::replace(&mut state.ended, own);
    drop(state);
    join(before);
    true
}

fn join(os_thread: Option<JoinHandle<()>>) {
    if let Some(os_thread) = os_thread {
        // It catches what its bodies throw.
        let _ = os_thread.join();
    }
}
