// SPDX-License-Identifier: MIT
//! Running what blocks on another OS thread, while only the caller waits.

use crate::dispatcher::{Alive, Dispatcher};
use crate::status::{Fault, Outcome};
use crate::sys::sync::atomic::AtomicU32;
use crate::sys::sync::atomic::Ordering::{Acquire, Release};
use crate::sys::{annotations, pool};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

/// A blocking function with its argument.
pub type Blocking = Box<dyn FnOnce() + Send>;

/// A job that was handed over, or is about to be.
pub struct Offload {
    job: Option<Blocking>,
    /// 1 when it has been done.
    done: Arc<AtomicU32>,
    _alive: Alive,
}

impl Offload {
    /// Has `job` done, from the first poll on.
    pub fn new(d: &Dispatcher, job: Blocking) -> Self {
        Offload {
            job: Some(job),
            done: Arc::default(),
            _alive: d.alive().hold(),
        }
    }

    /// Hands the job over; whoever waits is woken through the inbox when it is done.
    fn start(&mut self, job: Blocking, context: &Context<'_>) -> Outcome<()> {
        let (done, waker) = (Arc::clone(&self.done), context.waker().clone());
        let run = Box::new(move |_| {
            job();
            annotations::released(&*done);
            done.store(1, Release);
            waker.wake();
        });
        pool::OFFLOADS
            .run(run)
            .map_err(|e| Fault::system(&e, "start an OS thread"))
    }
}

impl Future for Offload {
    type Output = Outcome<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<()>> {
        if let Some(job) = self.job.take()
            && let Err(fault) = self.start(job, context)
        {
            return Poll::Ready(Err(fault));
        }
        if self.done.load(Acquire) != 0 {
            annotations::acquired(&*self.done);
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }
}

/// Runs `job` on an OS thread of the pool and waits until it is done, also when the caller is canceled
/// meanwhile: what it works on may lie on the caller's stack.
pub fn offload(d: &Dispatcher, job: Blocking) -> Outcome<()> {
    d.start_shielded()?;
    d.wait_shielded(pin!(Offload::new(d, job)))?
}
