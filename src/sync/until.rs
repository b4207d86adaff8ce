// SPDX-License-Identifier: MIT
//! Waiting until something holds.

use crate::dispatcher::{Place, WaitList};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Ready when `holds` says so; looks again whenever its list is woken.
pub struct Until<F> {
    list: Rc<WaitList>,
    place: Option<Place>,
    holds: F,
}

impl<F: Fn() -> bool> Until<F> {
    /// Waits on `list` for `holds`.
    pub fn new(list: Rc<WaitList>, holds: F) -> Self {
        Until {
            list,
            place: None,
            holds,
        }
    }
}

impl<F> Until<F> {
    fn leave(&mut self) {
        if let Some(place) = self.place.take() {
            self.list.leave(place);
        }
    }
}

impl<F: Fn() -> bool + Unpin> Future for Until<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.leave();
        if (self.holds)() {
            return Poll::Ready(());
        }
        self.place = Some(self.list.join(context.waker()));
        Poll::Pending
    }
}

impl<F> Drop for Until<F> {
    fn drop(&mut self) {
        self.leave();
    }
}
