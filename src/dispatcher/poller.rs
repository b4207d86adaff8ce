// SPDX-License-Identifier: MIT
//! Asking the kernel what is ready, through mio. A descriptor is registered once, edge-triggered,
//! in both directions.

use super::Dispatcher;
use super::driver::Readiness;
use super::handle::{Handle, Kind};
use crate::status::Status;
use crate::sys::clock::Clock;
#[cfg(feature = "faults")]
use crate::sys::faults::{self, Call};
use crate::sys::kernel::{self, Waker};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Token};
use std::cell::RefCell;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

/// The token of the waker; no handle has these bits.
const WAKER: Token = Token(0);
/// The token of the timer of a foreign loop; no handle has these bits either.
const TIMER: Token = Token(1);

/// The kernel's poller.
pub struct Poller {
    poll: RefCell<Poll>,
    events: RefCell<Events>,
    registry: Registry,
}

impl Poller {
    /// Opens one.
    pub fn new() -> io::Result<Self> {
        #[cfg(feature = "faults")]
        faults::check(Call::Descriptor)?;
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let events = RefCell::new(Events::with_capacity(super::EVENTS));
        Ok(Poller {
            poll: RefCell::new(poll),
            events,
            registry,
        })
    }

    /// Its own descriptor, which is readable when it has something to tell.
    pub fn descriptor(&self) -> RawFd {
        self.poll.borrow().as_raw_fd()
    }

    /// Has it tell of a timer, to nobody but those who watch its descriptor.
    pub fn watch_timer(&self, fd: RawFd) -> io::Result<()> {
        #[cfg(feature = "faults")]
        faults::check(Call::Watch)?;
        let mut source = SourceFd(&fd);
        self.registry
            .register(&mut source, TIMER, Interest::READABLE)
    }

    /// A waker for other OS threads.
    pub fn waker(&self) -> io::Result<Waker> {
        #[cfg(feature = "faults")]
        faults::check(Call::Descriptor)?;
        Waker::new(&self.registry, WAKER)
    }
}

/// When a wait for the kernel ends at the latest.
#[derive(Clone, Copy)]
enum Until {
    /// At once.
    Now,
    /// At this time in nanoseconds.
    Time(u64),
    /// When something happens.
    Event,
}

impl Until {
    fn min(self, time: Option<u64>) -> Self {
        match (self, time) {
            (Until::Time(a), Some(b)) => Until::Time(a.min(b)),
            (Until::Event, Some(b)) => Until::Time(b),
            _ => self,
        }
    }
}

impl Dispatcher {
    /// Registers a descriptor for `who`, once.
    pub fn register(&self, fd: RawFd, who: Handle) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        #[cfg(feature = "faults")]
        {
            faults::check(Call::Watch)?;
            faults::watched(self.poller.descriptor(), fd, who.bits());
        }
        self.poller
            .registry
            .register(&mut SourceFd(&fd), Token(who.bits() as usize), interest)
    }

    /// Takes a descriptor out of the poller that stays open.
    pub fn deregister(&self, fd: RawFd) -> io::Result<()> {
        #[cfg(feature = "faults")]
        faults::ignored(self.poller.descriptor(), fd);
        self.poller.registry.deregister(&mut SourceFd(&fd))
    }

    /// Waits at most `seconds` (negative: no limit) until the kernel, another OS thread or a
    /// deadline has something, and hands it out; whether there was anything.
    pub(super) fn poll(&self, seconds: f64) -> Result<bool, Status> {
        let limit = super::nanoseconds(seconds);
        let mut end = None;
        loop {
            let mut until = match limit {
                Some(0) => Until::Now,
                _ => Until::Event,
            };
            let mut passed = false;
            if limit.is_some_and(|limit| limit > 0) || self.needs_clock() {
                let now = self.now();
                end = end.or_else(|| limit.map(|limit| now.saturating_add(limit)));
                self.note_deadlines(now);
                passed = self.pass_deadlines(now) | self.pass_shutdown(now);
                let over = passed || end.is_some_and(|end| end <= now);
                until = if over { Until::Now } else { until.min(end) };
                until = until.min(self.next_deadline()).min(self.next_shutdown());
            }
            let any = self.ask_kernel(until)?;
            if any || passed || matches!(until, Until::Now) {
                return Ok(any || passed);
            }
        }
    }

    /// Whether anything depends on the time.
    pub(super) fn needs_clock(&self) -> bool {
        self.has_deadlines() || self.next_shutdown().is_some()
    }

    /// Asks the kernel; whether it had anything.
    fn ask_kernel(&self, until: Until) -> Result<bool, Status> {
        let timeout = match (until, &*self.clock.borrow()) {
            (Until::Now, _) => Some(Duration::ZERO),
            (Until::Event, _) => None,
            (Until::Time(_), Clock::Manual(_)) => Some(Duration::ZERO),
            (Until::Time(time), clock) => {
                Some(Duration::from_nanos(time.saturating_sub(clock.now())))
            }
        };
        let mut events = self.poller.events.borrow_mut();
        #[cfg(feature = "faults")]
        if timeout != Some(Duration::ZERO) && faults::check(Call::Wait).is_err() {
            return Ok(false);
        }
        let polled = kernel::wait(&mut self.poller.poll.borrow_mut(), &mut events, timeout);
        let any = !events.is_empty();
        for event in &*events {
            self.hand_out(event);
        }
        match polled {
            Err(e) if e.kind() != io::ErrorKind::Interrupted => {
                self.set_detail(crate::status::Fault::system(&e, "ask the kernel's poller"));
                return Err(Status::SYSTEM);
            }
            _ => {}
        }
        self.move_manual_clock(until, any);
        Ok(any)
    }

    /// On a clock that tests drive, the wait that found nothing takes no time but the clock's.
    fn move_manual_clock(&self, until: Until, any: bool) {
        if let (Clock::Manual(time), Until::Time(until), false) =
            (&*self.clock.borrow(), until, any)
        {
            time.set(time.get().max(until));
        }
    }

    /// Tells the driver of one event.
    fn hand_out(&self, event: &mio::event::Event) {
        let Some(source) = Handle::from_bits(event.token().0 as u64) else {
            return;
        };
        let hangup = event.is_read_closed() || event.is_write_closed() || event.is_error();
        let readable = event.is_readable() || hangup;
        let writable = event.is_writable() || hangup;
        let readiness = Readiness {
            readable,
            writable,
            hangup,
        };
        match source.kind() {
            Kind::Object => {
                if let Some(object) = self.any_object(source) {
                    object.ready(readiness);
                }
            }
            _ => self.driver().ready(self, source, readiness),
        }
    }
}
