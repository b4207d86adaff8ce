// SPDX-License-Identifier: MIT
//! A queue of items between coroutines, bounded or not, with workers.

use crate::dispatcher::{Dispatcher, Handle, Object, Place, WaitList};
use crate::status::{Fault, Outcome, Status};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

/// A queue of `T`. Items that are left when it is destroyed are dropped.
pub struct Queue<T> {
    items: RefCell<VecDeque<T>>,
    /// Most items; pushes wait above it.
    most: usize,
    stopped: Cell<bool>,
    destroyed: Cell<bool>,
    /// How many workers have not ended.
    workers: Cell<usize>,
    /// The handles of those that have run.
    crew: RefCell<BTreeSet<u64>>,
    pushers: WaitList,
    poppers: WaitList,
    finishers: Rc<WaitList>,
    /// The time limit of a pop that names none, in seconds.
    pub seconds: f64,
}

impl<T> Queue<T> {
    /// An empty queue of at most `most` items.
    pub fn new(most: usize, seconds: f64) -> Self {
        Queue {
            items: RefCell::default(),
            most,
            stopped: Cell::new(false),
            destroyed: Cell::new(false),
            workers: Cell::new(0),
            crew: RefCell::default(),
            pushers: WaitList::default(),
            poppers: WaitList::default(),
            finishers: Rc::default(),
            seconds,
        }
    }

    /// How many items are in it.
    pub fn len(&self) -> usize {
        self.items.borrow().len()
    }

    /// Takes no further items; those that are in it can still be popped.
    pub fn stop(&self) {
        self.stopped.set(true);
        self.wake_everybody();
    }

    /// Stopped, empty, and no worker is at work any more.
    fn is_finished(&self) -> bool {
        self.stopped.get() && self.len() == 0 && self.workers.get() == 0
    }

    /// Why nobody can push.
    fn check_push(&self) -> Outcome<()> {
        match (self.destroyed.get(), self.stopped.get()) {
            (true, _) => Err(Status::DESTROYED.into()),
            (_, true) => Err(Status::STOPPED.into()),
            _ => Ok(()),
        }
    }

    fn add(&self, item: T) {
        self.items.borrow_mut().push_back(item);
        self.poppers.wake_first();
        if self.len() < self.most {
            self.pushers.wake_first();
        }
    }

    fn take(&self) -> Option<T> {
        let item = self.items.borrow_mut().pop_front()?;
        self.pushers.wake_first();
        if self.len() != 0 {
            self.poppers.wake_first();
        } else if self.stopped.get() {
            self.wake_everybody();
        }
        Some(item)
    }

    /// Everybody looks what has changed: their lists are left as they leave.
    fn wake_everybody(&self) {
        self.pushers.wake_each();
        self.poppers.wake_each();
        self.finishers.wake_each();
    }
}

impl<T: 'static> Object for Queue<T> {
    fn destroy(&self, _: &Dispatcher) {
        self.stopped.set(true);
        self.destroyed.set(true);
        let left = self.items.take();
        self.wake_everybody();
        drop(left);
    }
}

/// A place among those that push or pop, given up when dropped.
struct Turn<T> {
    queue: Rc<Queue<T>>,
    pops: bool,
    place: Option<Place>,
}

impl<T> Turn<T> {
    fn new(queue: &Rc<Queue<T>>, pops: bool) -> Self {
        Turn {
            queue: Rc::clone(queue),
            pops,
            place: None,
        }
    }

    fn list(&self) -> &WaitList {
        if self.pops {
            &self.queue.poppers
        } else {
            &self.queue.pushers
        }
    }

    /// Whether nobody who came earlier waits.
    fn has_come(&self) -> bool {
        match self.place {
            Some(place) => self.list().is_first(place),
            None => self.list().is_empty(),
        }
    }

    fn wait(&mut self, context: &Context<'_>) {
        if self.place.is_none() {
            self.place = Some(self.list().join(context.waker()));
        }
    }

    fn is_ready(&self) -> bool {
        if self.pops {
            self.queue.len() != 0
        } else {
            self.queue.len() < self.queue.most
        }
    }
}

impl<T> Drop for Turn<T> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.list().leave(place);
            // A wake-up that came for this one is the next one's.
            if self.is_ready() {
                self.list().wake_first();
            }
        }
    }
}

/// Pushing an item; it stays the caller's until that has succeeded.
pub struct Push<T> {
    turn: Turn<T>,
    item: Option<T>,
}

impl<T> Push<T> {
    /// Pushes `item`.
    pub fn new(queue: &Rc<Queue<T>>, item: T) -> Self {
        Push {
            turn: Turn::new(queue, false),
            item: Some(item),
        }
    }

    /// The item, if it has not been pushed.
    pub fn take_back(&mut self) -> Option<T> {
        self.item.take()
    }
}

impl<T: Unpin> Future for Push<T> {
    type Output = Outcome<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<()>> {
        if let Err(fault) = self.turn.queue.check_push() {
            return Poll::Ready(Err(fault));
        }
        if !self.turn.has_come() || !self.turn.is_ready() {
            self.turn.wait(context);
            return Poll::Pending;
        }
        if let Some(item) = self.item.take() {
            self.turn.queue.add(item);
        }
        Poll::Ready(Ok(()))
    }
}

/// Popping an item.
pub struct Pop<T>(Turn<T>);

impl<T> Pop<T> {
    /// Pops the oldest item.
    pub fn new(queue: &Rc<Queue<T>>) -> Self {
        Pop(Turn::new(queue, true))
    }
}

impl<T> Future for Pop<T> {
    type Output = Outcome<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<T>> {
        if self.0.has_come()
            && let Some(item) = self.0.queue.take()
        {
            return Poll::Ready(Ok(item));
        }
        let queue = &self.0.queue;
        if queue.len() == 0
            && let Err(fault) = queue.check_push()
        {
            return Poll::Ready(Err(fault));
        }
        self.0.wait(context);
        Poll::Pending
    }
}

/// Pushes an item, waiting for at most `seconds`; gives it back where it failed.
pub fn push<T: Unpin>(
    d: &Dispatcher,
    queue: &Rc<Queue<T>>,
    item: T,
    seconds: f64,
) -> Result<(), (Fault, Option<T>)> {
    if queue.most == usize::MAX {
        // There is always room: no reason to wait, nor to let others run.
        return match queue.check_push() {
            Ok(()) => {
                queue.add(item);
                Ok(())
            }
            Err(fault) => Err((fault, Some(item))),
        };
    }
    let mut push = pin!(Push::new(queue, item));
    let result = super::wait_or_look(d, push.as_mut(), seconds);
    let result = result.map_err(Fault::from).and_then(|outcome| outcome);
    result.map_err(|fault| (fault, push.take_back()))
}

/// Pops an item, waiting for at most `seconds`.
pub fn pop<T>(d: &Dispatcher, queue: &Rc<Queue<T>>, seconds: f64) -> Outcome<T> {
    super::wait_or_look(d, pin!(Pop::new(queue)), seconds)?
}

/// Ready when a queue has been stopped, is empty, and its workers have ended.
pub async fn finished<T>(queue: Rc<Queue<T>>) -> Outcome<()> {
    let over = || queue.is_finished() || queue.destroyed.get();
    super::Until::new(Rc::clone(&queue.finishers), over).await;
    if queue.destroyed.get() {
        return Err(Status::DESTROYED.into());
    }
    Ok(())
}

/// An error where `who`, a coroutine or the root stack, is one of the workers that would be waited for.
pub fn check_finish<T>(who: Handle, queue: &Queue<T>) -> Outcome<()> {
    if queue.crew.borrow().contains(&who.bits()) {
        return Err(Fault::invalid(
            "a worker cannot finish its own queue: it would wait for itself; use copas_queue_stop()",
        ));
    }
    Ok(())
}

/// Stops the queue and waits until it is empty and its workers have ended.
pub fn finish<T>(d: &Dispatcher, queue: &Rc<Queue<T>>, seconds: f64) -> Outcome<()> {
    d.caller()?;
    check_finish(d.borrower(), queue)?;
    queue.stop();
    d.wait(pin!(finished(Rc::clone(queue))), seconds)?
}

/// A worker's presence, until it is dropped.
pub struct Worker<T> {
    queue: Rc<Queue<T>>,
    /// Its coroutine, once it runs.
    thread: Option<Handle>,
}

impl<T> Worker<T> {
    /// One more.
    pub fn begin(queue: &Rc<Queue<T>>) -> Self {
        queue.workers.set(queue.workers.get() + 1);
        Worker {
            queue: Rc::clone(queue),
            thread: None,
        }
    }

    /// Its coroutine is `thread`, which runs now.
    pub fn run(&mut self, thread: Handle) {
        self.queue.crew.borrow_mut().insert(thread.bits());
        self.thread = Some(thread);
    }

    /// Its queue.
    pub fn queue(&self) -> &Rc<Queue<T>> {
        &self.queue
    }
}

impl<T> Drop for Worker<T> {
    fn drop(&mut self) {
        if let Some(thread) = self.thread {
            self.queue.crew.borrow_mut().remove(&thread.bits());
        }
        self.queue.workers.set(self.queue.workers.get() - 1);
        if self.queue.is_finished() {
            self.queue.finishers.wake_each();
        }
    }
}
