// SPDX-License-Identifier: MIT
//! Waiting for the first of several operations. The others are dropped without having taken anything.

use crate::dispatcher::Dispatcher;
use crate::status::Outcome;
use std::pin::{Pin, pin};
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
