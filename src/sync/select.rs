// SPDX-License-Identifier: MIT
//! Waiting for the first of several operations. The others are dropped without having taken anything.

use crate::dispatcher::{Completion, Dispatcher, Submitted};
use crate::status::{Outcome, Status};
use std::ffi::c_void;
use std::pin::{Pin, pin};
use std::ptr;
use std::task::{Context, Poll};

/// One of the operations that are waited for.
pub type Choice<'a, T> = Pin<Box<dyn Future<Output = Outcome<T>> + 'a>>;

/// Ready with the first that is: its place and its outcome.
struct Select<'a, T> {
    choices: Vec<Choice<'a, T>>,
    /// Where the looking starts, so that one that is always ready does not hide the others.
    start: usize,
}

impl<T> Future for Select<'_, T> {
    type Output = (usize, Outcome<T>);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let count = self.choices.len();
        for turn in 0..count {
            let place = (self.start + turn) % count;
            if let Poll::Ready(outcome) = self.choices[place].as_mut().poll(context) {
                return Poll::Ready((place, outcome));
            }
        }
        Poll::Pending
    }
}

/// Waits until one of `choices` is ready, for at most `seconds`.
pub fn select<T>(
    d: &Dispatcher,
    choices: Vec<Choice<'_, T>>,
    seconds: f64,
) -> Outcome<(usize, Outcome<T>)> {
    let start = d.next_start();
    Ok(d.wait(pin!(Select { choices, start }), seconds)?)
}

/// A choice that was submitted.
pub struct SubmittedChoice {
    /// None once it is over: what it held of others is free then.
    choice: Option<Choice<'static, *mut c_void>>,
    /// The passing of its time is what it waits for.
    pauses: bool,
}

impl SubmittedChoice {
    /// Waits for `choice`; with `pauses`, for its time limit.
    pub fn new(choice: Choice<'static, *mut c_void>, pauses: bool) -> Self {
        SubmittedChoice {
            choice: Some(choice),
            pauses,
        }
    }
}

impl Submitted for SubmittedChoice {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Completion> {
        let Some(choice) = self.choice.as_mut() else {
            return Poll::Pending;
        };
        let Poll::Ready(outcome) = choice.as_mut().poll(context) else {
            return Poll::Pending;
        };
        self.choice = None;
        let (status, errno, item) = match outcome {
            Ok(item) => (Status::OK, 0, item),
            Err(fault) => (fault.status, fault.errno, ptr::null_mut()),
        };
        Poll::Ready(Completion {
            status,
            errno,
            data: (item.cast(), 0),
        })
    }

    fn stop(&mut self, status: Status) -> Completion {
        self.choice = None;
        let over = self.pauses && status == Status::TIMEOUT;
        Completion {
            status: if over { Status::OK } else { status },
            errno: 0,
            data: (ptr::null(), 0),
        }
    }
}
