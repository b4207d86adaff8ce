// SPDX-License-Identifier: MIT
//! A bounded queue of items that any OS thread may use: between coroutines of several dispatchers, and
//! those who belong to none.
//!
//! What comes free is promised to the first that waits (`Line`): it takes an item, or room for one,
//! when its turn comes on its own OS thread, and nobody else does meanwhile. What is there and
//! promised to nobody is taken at once. One that leaves without what it was promised (its time passed,
//! it was canceled, another choice won) gives the promise back. So a wait takes nothing before it is
//! over, and no wake-up is lost.

use super::line::{Line, Place};
use crate::dispatcher::{Alive, AliveCount, Dispatcher};
use crate::status::{Fault, Outcome, Status};
use crate::sys::annotations;
use crate::sys::sync::Mutex;
use crate::sys::sync::atomic::AtomicU32;
use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

/// A mailbox of `T`. Items that are left when it is destroyed are dropped.
pub struct Mailbox<T> {
    state: Mutex<State<T>>,
    /// Names the order of the lock's holders to tools, which do not see it.
    order: AtomicU32,
}

/// What is under the lock.
struct State<T> {
    items: VecDeque<T>,
    /// Most items.
    most: usize,
    takers: Line<()>,
    putters: Line<()>,
    stopped: bool,
    destroyed: bool,
}

/// How a look at the mailbox ended: with nothing while it has to wait.
type Look<T> = Option<Result<T, Status>>;

impl<T> State<T> {
    /// How many items are promised to nobody.
    fn free_items(&self) -> usize {
        self.items.len().saturating_sub(self.takers.untaken())
    }

    /// For how many items there is room that is promised to nobody.
    fn free_room(&self) -> usize {
        let taken = self.items.len() + self.putters.untaken();
        self.most.saturating_sub(taken)
    }

    /// Promises what is free to those that wait; who is to be woken.
    fn settle(&self) -> Vec<Waker> {
        let mut woken = Vec::new();
        while self.free_items() != 0
            && let Some(waker) = self.takers.promise_first()
        {
            woken.push(waker);
        }
        while self.free_room() != 0
            && let Some(waker) = self.putters.promise_first()
        {
            woken.push(waker);
        }
        if self.stopped && self.items.is_empty() {
            self.takers.wake_all();
        }
        woken
    }

    fn take(&mut self, place: Option<Place>) -> Look<T> {
        if self.destroyed {
            return Some(Err(Status::DESTROYED));
        }
        let may = match place {
            Some(place) => self.takers.take_grant(place),
            None => self.free_items() != 0,
        };
        match may.then(|| self.items.pop_front()).flatten() {
            Some(item) => Some(Ok(item)),
            None if self.stopped && self.items.is_empty() => Some(Err(Status::STOPPED)),
            None => None,
        }
    }

    fn put(&mut self, place: Option<Place>, item: &mut Option<T>) -> Look<()> {
        if self.destroyed {
            return Some(Err(Status::DESTROYED));
        }
        if self.stopped {
            return Some(Err(Status::STOPPED));
        }
        let may = match place {
            Some(place) => self.putters.take_grant(place),
            None => self.free_room() != 0,
        };
        if !may {
            return None;
        }
        self.items.extend(item.take());
        Some(Ok(()))
    }
}

impl<T> Mailbox<T> {
    /// An empty mailbox of at most `most` items.
    pub fn new(most: usize) -> Self {
        Mailbox {
            state: Mutex::new(State {
                items: VecDeque::new(),
                most,
                takers: Line::new(),
                putters: Line::new(),
                stopped: false,
                destroyed: false,
            }),
            order: AtomicU32::new(0),
        }
    }

    /// Acts under the lock, then wakes those that may go on. Nothing of the program runs meanwhile.
    fn act<R>(&self, act: impl FnOnce(&mut State<T>) -> R) -> R {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        annotations::acquired(&self.order);
        let result = act(&mut state);
        let woken = state.settle();
        annotations::released(&self.order);
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        result
    }

    /// How many items are in it.
    pub fn len(&self) -> usize {
        self.act(|state| state.items.len())
    }

    /// Takes no further items; those that are in it can still be taken.
    pub fn stop(&self) {
        self.act(|state| {
            state.stopped = true;
            state.putters.wake_all();
        });
    }

    /// Those that wait, and all who come later, learn that it is gone.
    pub fn destroy(&self) {
        let left = self.act(|state| {
            state.destroyed = true;
            state.putters.wake_all();
            state.takers.wake_all();
            std::mem::take(&mut state.items)
        });
        drop(left);
    }

    /// Puts an item where there is room, without waiting; gives it back where it failed.
    pub fn put_now(&self, item: T) -> Result<(), (Status, Option<T>)> {
        let mut item = Some(item);
        match self.act(|state| state.put(None, &mut item)) {
            Some(Ok(())) => Ok(()),
            Some(Err(status)) => Err((status, item)),
            None => Err((Status::TIMEOUT, item)),
        }
    }

    /// Takes an item that is there, without waiting.
    pub fn take_now(&self) -> Result<T, Status> {
        let look = self.act(|state| state.take(None));
        look.unwrap_or(Err(Status::TIMEOUT))
    }
}

/// What an operation waits for.
#[derive(Clone, Copy)]
enum Wants {
    Item,
    Room,
}

/// A place among those that wait, given up when dropped.
struct Turn<T> {
    mailbox: Arc<Mailbox<T>>,
    wants: Wants,
    place: Option<Place>,
    /// Another OS thread may end the wait: it keeps its loop alive.
    count: AliveCount,
    alive: Option<Alive>,
}

impl<T> Turn<T> {
    fn new(d: &Dispatcher, mailbox: &Arc<Mailbox<T>>, wants: Wants) -> Self {
        Turn {
            mailbox: Arc::clone(mailbox),
            wants,
            place: None,
            count: d.alive().clone(),
            alive: None,
        }
    }

    /// Looks; joins those that wait, under the same lock, when nothing is there.
    fn poll<R>(
        &mut self,
        context: &Context<'_>,
        look: impl FnOnce(&mut State<T>, Option<Place>) -> Look<R>,
    ) -> Poll<Outcome<R>> {
        let (wants, place) = (self.wants, &mut self.place);
        let looked = self.mailbox.act(|state| {
            let looked = look(state, *place);
            if looked.is_none() && place.is_none() {
                *place = Some(state.line(wants).join(context.waker(), ()));
            }
            looked
        });
        match looked {
            None => {
                self.alive.get_or_insert_with(|| self.count.hold());
                Poll::Pending
            }
            Some(outcome) => {
                self.leave();
                Poll::Ready(outcome.map_err(Fault::from))
            }
        }
    }

    fn leave(&mut self) {
        self.alive = None;
        if let Some(place) = self.place.take() {
            let wants = self.wants;
            self.mailbox.act(|state| state.line(wants).leave(place));
        }
    }
}

impl<T> State<T> {
    fn line(&self, wants: Wants) -> &Line<()> {
        match wants {
            Wants::Item => &self.takers,
            Wants::Room => &self.putters,
        }
    }
}

impl<T> Drop for Turn<T> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Putting an item; it stays the caller's until that has succeeded.
pub struct Put<T> {
    turn: Turn<T>,
    item: Option<T>,
}

impl<T> Put<T> {
    /// Puts `item`, for a caller of `d`.
    pub fn new(d: &Dispatcher, mailbox: &Arc<Mailbox<T>>, item: T) -> Self {
        Put {
            turn: Turn::new(d, mailbox, Wants::Room),
            item: Some(item),
        }
    }

    /// The item, if it has not been put.
    pub fn take_back(&mut self) -> Option<T> {
        self.item.take()
    }
}

impl<T: Unpin> Future for Put<T> {
    type Output = Outcome<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<()>> {
        let Put { turn, item } = &mut *self;
        turn.poll(context, |state, place| state.put(place, item))
    }
}

/// Taking an item.
pub struct Take<T>(Turn<T>);

impl<T> Take<T> {
    /// Takes the oldest item, for a caller of `d`.
    pub fn new(d: &Dispatcher, mailbox: &Arc<Mailbox<T>>) -> Self {
        Take(Turn::new(d, mailbox, Wants::Item))
    }
}

impl<T> Future for Take<T> {
    type Output = Outcome<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<T>> {
        self.0.poll(context, State::take)
    }
}

/// Puts an item, waiting for at most `seconds`; gives it back where it failed.
pub fn put<T: Unpin>(
    d: &Dispatcher,
    mailbox: &Arc<Mailbox<T>>,
    item: T,
    seconds: f64,
) -> Result<(), (Fault, Option<T>)> {
    let mut put = pin!(Put::new(d, mailbox, item));
    let result = super::wait_or_look(d, put.as_mut(), seconds);
    let result = result.map_err(Fault::from).and_then(|outcome| outcome);
    result.map_err(|fault| (fault, put.take_back()))
}

/// Takes an item, waiting for at most `seconds`.
pub fn take<T>(d: &Dispatcher, mailbox: &Arc<Mailbox<T>>, seconds: f64) -> Outcome<T> {
    super::wait_or_look(d, pin!(Take::new(d, mailbox)), seconds)?
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;
    use std::sync::atomic::Ordering::Relaxed;

    #[test]
    fn what_does_not_fit_comes_back() {
        let mailbox = Mailbox::new(1);
        assert!(mailbox.put_now("first").is_ok());
        let (status, item) = mailbox.put_now("second").unwrap_err();
        assert_eq!((status, item), (Status::TIMEOUT, Some("second")));
        assert_eq!(mailbox.take_now(), Ok("first"));
        assert_eq!(mailbox.take_now(), Err(Status::TIMEOUT));
    }

    #[test]
    fn a_stopped_mailbox_gives_what_is_left() {
        let mailbox = Mailbox::new(2);
        assert!(mailbox.put_now(1).is_ok());
        mailbox.stop();
        assert_eq!(mailbox.put_now(2), Err((Status::STOPPED, Some(2))));
        assert_eq!(mailbox.take_now(), Ok(1));
        assert_eq!(mailbox.take_now(), Err(Status::STOPPED));
    }

    #[test]
    fn what_is_left_is_dropped_when_it_is_destroyed() {
        let item = Arc::new(());
        let mailbox = Mailbox::new(2);
        assert!(mailbox.put_now(Arc::clone(&item)).is_ok());
        mailbox.destroy();
        assert_eq!(Arc::strong_count(&item), 1);
        assert_eq!(mailbox.take_now(), Err(Status::DESTROYED));
        assert!(mailbox.put_now(item).is_err());
    }

    #[test]
    fn os_threads_take_each_item_once() {
        const EACH: u64 = if cfg!(miri) { 50 } else { 20_000 };
        let (mailbox, sum) = (Mailbox::new(3), AtomicU64::new(0));
        std::thread::scope(|scope| {
            let putters = [0, 1].map(|first| {
                let mailbox = &mailbox;
                scope.spawn(move || {
                    for item in 0..EACH {
                        while mailbox.put_now(first + 2 * item).is_err() {
                            std::thread::yield_now();
                        }
                    }
                })
            });
            for _ in 0..2 {
                scope.spawn(|| {
                    loop {
                        match mailbox.take_now() {
                            Ok(item) => drop(sum.fetch_add(item, Relaxed)),
                            Err(Status::STOPPED) => break,
                            Err(_) => std::thread::yield_now(),
                        }
                    }
                });
            }
            for putter in putters {
                putter.join().unwrap();
            }
            mailbox.stop();
        });
        assert_eq!(sum.into_inner(), (0..2 * EACH).sum());
    }
}
