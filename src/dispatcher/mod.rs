// SPDX-License-Identifier: MIT
//! The dispatcher: who waits for what, and whose turn it is. It knows nothing of sockets (they are
//! its `Driver`'s) nor of C.

mod alive;
mod backend;
mod boxed;
pub mod current;
mod deadline;
mod driver;
mod elapse;
mod failure;
mod fleet;
mod handle;
mod inbox;
mod letters;
mod object;
mod operation;
mod overflow;
mod pending;
mod poller;
pub mod registry;
mod run;
mod scope;
pub mod shared;
mod shutdown;
mod signals;
mod slots;
mod spawn;
mod stack_use;
mod statistics;
mod step;
mod thread;
mod turns;
mod vehicle;
mod wait;
mod waitlist;
mod waker;
mod watch;
mod wheel;

pub use alive::{Alive, AliveCount};
pub use boxed::{Boxed, Ends, Given};
pub use deadline::{Deadline, nanoseconds};
pub use driver::{Driver, Readiness};
pub use elapse::{Elapse, within};
pub use failure::{ErrorHandler, Failure, conclude};
pub use fleet::{Fleet, Mishap};
pub use handle::{Handle, Kind};
pub use inbox::{Inbox, Letter, signal};
pub use object::Object;
pub use operation::{Begun, Completion, Event, Owner, Submission, Submitted};
pub use overflow::install as install_overflow_handler;
pub use shutdown::free;
pub use slots::Slots;
pub use statistics::Counts;
pub use thread::{Name, Thread};
pub use vehicle::{Ground, Seat};
pub use wait::Caller;
pub use waitlist::{Place, WaitList};
pub use waker::woken_by;

use crate::status::{Fault, Outcome, Status};
use crate::sys::clock::Clock;
use crate::sys::typed::Typed;
use operation::{Operation, Undelivered};
use registry::Claim;
use std::any::Any;
use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use wheel::Wheel;

/// A report of this level tells of something that went wrong.
pub const LEVEL_ERROR: i32 = 1;
/// A report of this level tells of something that may go wrong.
pub const LEVEL_WARNING: i32 = 2;

/// How many events the kernel may tell at once.
const EVENTS: usize = 1024;

/// The state from which a dispatcher's random starts come: always the same, so that runs repeat.
const FIRST_START: u64 = 0x9e37_79b9_7f4a_7c15;

/// Where reports go: their level and one line of text.
pub type Report = Box<dyn Fn(i32, &str)>;

/// The detail of the last call that failed.
pub struct Detail {
    /// What was answered.
    pub status: Status,
    /// The errno behind it, or 0.
    pub errno: i32,
    /// What went wrong.
    pub text: Cow<'static, str>,
    /// The text as C has borrowed it.
    pub borrowed: std::ffi::CString,
}

impl Default for Detail {
    fn default() -> Self {
        let text = Cow::Borrowed("no call has failed");
        Detail {
            status: Status::OK,
            errno: 0,
            text,
            borrowed: Default::default(),
        }
    }
}

/// The root stack as a waiter.
struct Root {
    deadline: Deadline,
    woken: Cell<bool>,
    detail: RefCell<Detail>,
    scopes: RefCell<Vec<u64>>,
}

/// Settings of a dispatcher.
pub struct Settings {
    /// Where reports go.
    pub report: Report,
    /// The size of a coroutine's stack where no other is asked for.
    pub stack_size: usize,
    /// The most OS threads that run handlers.
    pub os_threads: usize,
    /// Where the time is read.
    pub clock: Clock,
    /// Every OS thread may use it, one call at a time; it runs no coroutines.
    pub unbound: bool,
    /// Marks of the stacks' use are kept.
    pub stack_marks: bool,
}

/// A dispatcher. All methods are for the OS thread that holds it. A handler on an OS thread of its own
/// holds it while it has the baton: each pass of that orders what one OS thread did before what the
/// next does (`coroutine::baton`), so that cells and plain counts do on all of them.
pub struct Dispatcher {
    /// Its handle.
    pub handle: Handle,
    /// Where the time is read.
    pub clock: RefCell<Clock>,
    driver: OnceCell<Box<dyn Driver>>,
    /// What the driver's own layer keeps with it.
    driven: OnceCell<Typed>,
    report: Report,
    poller: poller::Poller,
    vehicles: vehicle::Vehicles,
    unbound: bool,
    threads: RefCell<Slots<Rc<Thread>>>,
    operations: RefCell<Slots<Rc<Operation>>>,
    /// Records of operations that are over, for the next ones.
    spare_operations: RefCell<Vec<Rc<Operation>>>,
    objects: RefCell<Slots<Rc<dyn Object>>>,
    /// The names of those objects whose name was set or asked for.
    object_names: RefCell<HashMap<Handle, Name>>,
    ready: RefCell<turns::Turns>,
    /// The coroutine that runs.
    current: RefCell<Option<Rc<Thread>>>,
    /// Who borrows what a receive lends: that coroutine, else the root stack.
    borrower: Cell<Handle>,
    root: Root,
    wheel: RefCell<Wheel<Handle>>,
    due: RefCell<Vec<Handle>>,
    events: RefCell<VecDeque<Undelivered>>,
    /// What the events told last point into.
    told: RefCell<Vec<Box<dyn Any>>>,
    /// What the outcome that a submission told at once points into.
    told_at_once: RefCell<Option<Box<dyn Any>>>,
    unfinished: Cell<usize>,
    /// Waits on sockets, servers, draining closes.
    alive: AliveCount,
    holds: Cell<usize>,
    spawned: Cell<u64>,
    abandoned: Cell<usize>,
    exit: step::Exit,
    shutdown: Cell<shutdown::Phase>,
    /// Those that are shut down together with it.
    fleet: OnceCell<Arc<Fleet>>,
    error_handler: RefCell<Option<ErrorHandler>>,
    statistics: statistics::Statistics,
    /// Of the stacks' use, if they are wanted.
    marks: Option<stack_use::Marks>,
    caught: RefCell<BTreeMap<i32, signals::Caught>>,
    starts: Cell<u64>,
    /// For the loop of somebody else, once it was asked for.
    backend: OnceCell<backend::Backend>,
    /// copas_notify() was called.
    notified: Cell<bool>,
}

impl Dispatcher {
    /// Makes a dispatcher under the number that was claimed for it.
    pub fn new(claim: Claim, settings: Settings) -> Outcome<Rc<Self>> {
        let poller = poller::Poller::new().map_err(|e| Fault::system(&e, "open the poller"))?;
        let marks = settings.stack_marks.then(stack_use::Marks::begin);
        let now = settings.clock.now();
        Ok(Rc::new(Dispatcher {
            handle: claim.handle,
            driver: OnceCell::new(),
            driven: OnceCell::new(),
            report: settings.report,
            poller,
            vehicles: vehicle::Vehicles::new(
                settings.stack_size,
                settings.os_threads,
                !settings.stack_marks,
            ),
            unbound: settings.unbound,
            threads: RefCell::new(Slots::new(claim.slots_from)),
            operations: RefCell::new(Slots::new(claim.slots_from)),
            spare_operations: RefCell::default(),
            objects: RefCell::new(Slots::new(claim.slots_from)),
            object_names: RefCell::default(),
            ready: RefCell::default(),
            current: RefCell::default(),
            borrower: Cell::new(claim.handle),
            root: Root {
                deadline: Deadline::new(),
                woken: Cell::new(false),
                detail: RefCell::default(),
                scopes: RefCell::default(),
            },
            wheel: RefCell::new(Wheel::new(now / deadline::TICK)),
            clock: RefCell::new(settings.clock),
            due: RefCell::default(),
            events: RefCell::default(),
            told: RefCell::default(),
            told_at_once: RefCell::default(),
            unfinished: Cell::new(0),
            alive: AliveCount::default(),
            holds: Cell::new(0),
            spawned: Cell::new(0),
            abandoned: Cell::new(0),
            exit: step::Exit::default(),
            shutdown: Cell::new(shutdown::Phase::None),
            fleet: OnceCell::new(),
            error_handler: RefCell::new(None),
            statistics: statistics::Statistics::default(),
            marks: marks.transpose()?,
            caught: RefCell::default(),
            starts: Cell::new(FIRST_START),
            backend: OnceCell::new(),
            notified: Cell::new(false),
        }))
    }

    /// Gives it its driver, and what that drives, once.
    pub fn set_driver<T: Any>(&self, driver: Box<dyn Driver>, driven: Rc<T>) {
        let _ = self.driver.set(driver);
        let _ = self.driven.set(Typed::new(driven));
    }

    /// Makes it a member of a fleet, once.
    fn join_fleet(&self, fleet: Arc<Fleet>) {
        let _ = self.fleet.set(fleet);
    }

    fn driver(&self) -> &dyn Driver {
        self.driver
            .get()
            .expect("a dispatcher has its driver from the start")
            .as_ref()
    }

    /// What the driver drives, as the type that it is.
    #[inline]
    pub fn driven<T: Any>(&self) -> &T {
        self.driven
            .get()
            .and_then(Typed::get)
            .expect("the driver's layer is the one that there is")
    }

    /// Whether every OS thread may use it, one call at a time.
    pub fn is_unbound(&self) -> bool {
        self.unbound
    }

    /// An error where no coroutine may run or wait.
    pub fn check_bound(&self) -> Result<(), Status> {
        if self.unbound {
            Err(Status::INVALID)
        } else {
            Ok(())
        }
    }

    /// A waker of the poller, for other OS threads.
    pub(self) fn kernel_waker(&self) -> Outcome<crate::sys::kernel::Waker> {
        self.poller
            .waker()
            .map_err(|e| Fault::system(&e, "open the poller's waker"))
    }

    /// A generation that no handle under this number has had.
    pub(self) fn next_generation(&self) -> u32 {
        let threads = self.threads.borrow().next_generation();
        let operations = self.operations.borrow().next_generation();
        let objects = self.objects.borrow().next_generation();
        let own = threads.max(operations).max(objects);
        own.max(self.driver().next_generation())
    }

    /// Nanoseconds on its clock.
    pub fn now(&self) -> u64 {
        self.clock.borrow().now()
    }

    /// Tells a person.
    pub fn report(&self, level: i32, text: &str) {
        current::calling_back(|| (self.report)(level, text));
    }

    /// Sets who is told of failures that no coroutine's own handler takes.
    pub fn set_error_handler(&self, handler: Option<ErrorHandler>) {
        self.error_handler.replace(handler);
    }

    /// The count of what keeps the loop alive.
    pub fn alive(&self) -> &AliveCount {
        &self.alive
    }

    /// Whether copas_notify() was called since this was asked last.
    pub fn take_notified(&self) -> bool {
        self.notified.take()
    }

    /// Where the next look at several things starts: at random (xorshift64), so that callers who
    /// take turns do not each meet the same start again and again.
    pub fn next_start(&self) -> usize {
        let mut start = self.starts.get();
        start ^= start << 13;
        start ^= start >> 7;
        start ^= start << 17;
        self.starts.set(start);
        // The high bits are the better ones.
        (start >> 32) as usize
    }

    /// copas_hold().
    pub fn hold(&self) {
        self.holds.set(self.holds.get() + 1);
    }

    /// copas_release(); whether there was a hold.
    pub fn release(&self) -> bool {
        let holds = self.holds.get();
        self.holds.set(holds.saturating_sub(1));
        holds != 0
    }

    /// Remembers why a call failed, for copas_error().
    pub fn set_detail(&self, fault: Fault) {
        let text = match fault.text {
            Some(text) => Cow::Owned(text.into()),
            None => Cow::Borrowed(fault.status.message()),
        };
        self.with_detail(|detail| {
            detail.status = fault.status;
            detail.errno = fault.errno;
            detail.text = text;
        });
    }

    /// The detail of the caller: a coroutine's own, or the root's.
    pub fn with_detail<R>(&self, act: impl FnOnce(&mut Detail) -> R) -> R {
        match self.running() {
            Some(thread) => act(&mut thread.extras().detail.borrow_mut()),
            None => act(&mut self.root.detail.borrow_mut()),
        }
    }
}
