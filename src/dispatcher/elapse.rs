// SPDX-License-Identifier: MIT
//! Time that passes inside of an operation: the parts of one that have limits of their own.

use super::deadline::Deadline;
use super::{Dispatcher, Handle, Object, registry};
use crate::status::{Outcome, Status};
use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// A deadline that wakes whoever waits for it.
struct Bell {
    deadline: Deadline,
    waker: RefCell<Option<Waker>>,
}

impl Object for Bell {
    fn deadline(&self) -> Option<&Deadline> {
        Some(&self.deadline)
    }

    fn due(self: Rc<Self>, _: &Dispatcher) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    fn destroy(&self, d: &Dispatcher) {
        d.disarm(&self.deadline);
    }
}

/// Ready when its seconds have passed, from its first poll on; negative: never.
pub struct Elapse {
    dispatcher: Handle,
    seconds: f64,
    bell: Option<(Handle, Rc<Bell>)>,
}

impl Elapse {
    /// On the clock of `d`.
    pub fn new(d: &Dispatcher, seconds: f64) -> Self {
        Elapse {
            dispatcher: d.handle,
            seconds,
            bell: None,
        }
    }

    /// Whether the time has passed.
    fn step(&mut self, context: &Context<'_>) -> Outcome<bool> {
        if let Some((_, bell)) = &self.bell {
            return Ok(bell.deadline.has_passed());
        }
        if self.seconds <= 0.0 {
            return Ok(self.seconds == 0.0);
        }
        let d = registry::enter(self.dispatcher)?;
        let handle = d.add_object(|_| Bell {
            deadline: Deadline::new(),
            waker: RefCell::new(Some(context.waker().clone())),
        })?;
        let bell: Rc<Bell> = d.object(handle)?;
        d.arm(&bell.deadline, handle, self.seconds);
        self.bell = Some((handle, bell));
        Ok(false)
    }
}

impl Future for Elapse {
    type Output = Outcome<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<()>> {
        match self.step(context) {
            Ok(false) => Poll::Pending,
            Ok(true) => Poll::Ready(Ok(())),
            Err(fault) => Poll::Ready(Err(fault)),
        }
    }
}

impl Drop for Elapse {
    fn drop(&mut self) {
        if let Some((handle, _)) = self.bell.take()
            && let Ok(d) = registry::enter(self.dispatcher)
        {
            d.destroy_object(handle);
        }
    }
}

/// `future`, or COPAS_TIMEOUT when `seconds` have passed first (negative: no limit).
pub async fn within<F: Future>(d: &Dispatcher, seconds: f64, future: F) -> Outcome<F::Output> {
    let mut elapse = pin!(Elapse::new(d, seconds));
    let mut future = pin!(future);
    poll_fn(move |context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Ok(output));
        }
        match elapse.as_mut().poll(context) {
            Poll::Ready(over) => Poll::Ready(over.and(Err(Status::TIMEOUT.into()))),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
