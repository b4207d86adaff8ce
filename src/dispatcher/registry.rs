// SPDX-License-Identifier: MIT
//! The process-wide table of dispatchers. Every handle is checked here before anything is
//! dereferenced: which dispatcher, whether it still lives, and who may call it.
//!
//! Two ways in:
//! - `enter`, for everything that touches the dispatcher itself. It takes hold of the dispatcher
//!   for the calling OS thread. A dispatcher that has stepped stays held by that OS thread; before
//!   that the hold lasts for the call, so that one OS thread may set up and another may run. A
//!   handler's OS thread takes the hold over with the baton, and the dispatcher's takes it back.
//! - `visit`, for what any OS thread and signal handlers may do: it reaches the inbox only, counts
//!   itself in, and `retire` waits until the count is 0.

use super::Dispatcher;
use super::handle::{DISPATCHERS, GENERATIONS, Handle, Kind};
use super::inbox::{Inbox, Letter};
use crate::status::{Fault, Outcome, Status};
use crate::sys::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use crate::sys::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize};
use crate::sys::{annotations, os_thread, process};
use std::ops::Deref;
use std::ptr;
use std::rc::Rc;

/// What the process knows of one dispatcher number. Two never share a cache line, nor a pair of them,
/// which CPUs fetch together: what comes to one dispatcher must not slow its neighbours down.
#[repr(align(128))]
struct Entry {
    /// The generation of the dispatcher that lives here; 0 when none does.
    generation: AtomicU32,
    /// The generation of the last one that lived here.
    last: AtomicU32,
    /// Where the generations of the next one's objects start.
    slots_from: AtomicU32,
    /// The OS thread that may touch it; 0 when none holds it.
    holder: AtomicUsize,
    /// Which process it is of.
    process: AtomicU32,
    /// Whether every OS thread may use it, one call at a time.
    unbound: AtomicBool,
    /// Somebody makes a dispatcher here, or it lives. A flag, not a lock: where a fork comes between, the
    /// child does without this number.
    claimed: AtomicBool,
    /// An Rc's pointer, from `publish` to `retire`.
    dispatcher: AtomicPtr<Dispatcher>,
    /// How many OS threads and signal handlers are in `visit`.
    visitors: AtomicU32,
    inbox: Inbox,
}

static TABLE: [Entry; DISPATCHERS] = [const { Entry::new() }; DISPATCHERS];

impl Entry {
    const fn new() -> Self {
        Entry {
            generation: AtomicU32::new(0),
            last: AtomicU32::new(0),
            slots_from: AtomicU32::new(1),
            holder: AtomicUsize::new(0),
            process: AtomicU32::new(0),
            unbound: AtomicBool::new(false),
            claimed: AtomicBool::new(false),
            dispatcher: AtomicPtr::new(ptr::null_mut()),
            visitors: AtomicU32::new(0),
            inbox: Inbox::new(),
        }
    }

    /// Whether a dispatcher may still live here: half of the generations are left for its objects.
    fn is_fresh(&self) -> bool {
        self.last.load(Relaxed) < GENERATIONS && self.slots_from.load(Relaxed) < GENERATIONS / 2
    }

    /// Takes it for a new dispatcher; false when it is somebody else's, or used up.
    fn claim(&self) -> bool {
        let claimed = self.claimed.compare_exchange(false, true, AcqRel, Relaxed);
        if claimed.is_ok() && !self.is_fresh() {
            self.claimed.store(false, Release);
            return false;
        }
        claimed.is_ok()
    }
}

/// A number for a new dispatcher, and where its objects' generations start.
pub struct Claim {
    /// The new dispatcher's handle.
    pub handle: Handle,
    /// The first generation of its slots.
    pub slots_from: u32,
}

/// Makes a dispatcher under a free number and publishes it; `make` gets the number.
pub fn publish(make: impl FnOnce(Claim) -> Outcome<Rc<Dispatcher>>) -> Outcome<Handle> {
    let index = (1..DISPATCHERS)
        .find(|&index| TABLE[index].claim())
        .ok_or_else(|| Fault::new(Status::LIMIT, "the process has 1,023 dispatchers already"))?;
    let published = publish_as(index, make);
    if published.is_err() {
        TABLE[index].claimed.store(false, Release);
    }
    published
}

/// Makes a dispatcher under a number that was claimed.
fn publish_as(
    index: usize,
    make: impl FnOnce(Claim) -> Outcome<Rc<Dispatcher>>,
) -> Outcome<Handle> {
    let entry = &TABLE[index];
    let generation = entry.last.load(Relaxed) + 1;
    let handle = Handle::new(Kind::Dispatcher, index as u16, 0, generation);
    let dispatcher = make(Claim {
        handle,
        slots_from: entry.slots_from.load(Relaxed),
    })?;
    entry.inbox.open(dispatcher.kernel_waker()?);
    process::mark();
    annotations::prepare();
    entry.process.store(process::number(), Relaxed);
    entry.unbound.store(dispatcher.is_unbound(), Relaxed);
    entry.last.store(generation, Relaxed);
    entry
        .dispatcher
        .store(Rc::into_raw(dispatcher).cast_mut(), Release);
    entry.generation.store(generation, SeqCst);
    Ok(handle)
}

/// Takes a dispatcher out of the table: its handles are stale from now on, also for those that
/// race with this call. The caller has entered it.
pub fn retire(entered: Entered) -> Rc<Dispatcher> {
    let entry = &TABLE[entered.handle.dispatcher() as usize];
    entry.generation.store(0, SeqCst);
    while entry.visitors.load(SeqCst) != 0 {
        os_thread::yield_now();
    }
    annotations::acquired(&entry.visitors);
    entry.inbox.close();
    entry.slots_from.store(entered.next_generation(), Relaxed);
    let dispatcher = entry.dispatcher.load(Acquire);
    // SAFETY: the pointer came from Rc::into_raw in `publish`, and only this function, which the
    // holder alone reaches and only once a generation, takes it back.
    let dispatcher = unsafe { Rc::from_raw(dispatcher) };
    drop(entered);
    entry.holder.store(0, Release);
    entry.dispatcher.store(ptr::null_mut(), Release);
    entry.claimed.store(false, Release);
    dispatcher
}

/// The entry of a handle's dispatcher.
fn entry_of(handle: Handle) -> Outcome<&'static Entry> {
    match handle.dispatcher() {
        0 => Err(Status::INVALID.into()),
        index => Ok(&TABLE[index as usize]),
    }
}

/// Whether `handle` may go on at `entry`: it is that of the dispatcher that lives there, or of an
/// object that this dispatcher may have made.
fn is_current(handle: Handle, entry: &Entry) -> bool {
    let generation = entry.generation.load(SeqCst);
    let of_this_one = match handle.kind() {
        Kind::Dispatcher => handle.generation() == generation && handle.slot() == 0,
        _ => handle.generation() >= entry.slots_from.load(Relaxed),
    };
    generation != 0 && of_this_one
}

/// An error for a dispatcher that this process has inherited.
fn check_process(entry: &Entry) -> Outcome<()> {
    let process = entry.process.load(Relaxed);
    // 0: there was no way to tell when it was made.
    if process == process::number() || process == 0 {
        Ok(())
    } else {
        Err(Status::FORKED.into())
    }
}

/// A dispatcher, held by the calling OS thread.
pub struct Entered {
    dispatcher: *const Dispatcher,
    releases: bool,
}

impl Deref for Entered {
    type Target = Dispatcher;

    fn deref(&self) -> &Dispatcher {
        // SAFETY: `held`, `hold` or `inherited` has found it alive and held by this OS thread. Only
        // `retire` ends it, on this OS thread, and copas_free lets it do so only when no other call is on
        // this OS thread's stacks that could still use an Entered (see `current::is_inside`).
        unsafe { &*self.dispatcher }
    }
}

impl Entered {
    /// Makes this OS thread the dispatcher's owner for good, unless it is everybody's.
    pub fn bind(&mut self) {
        self.releases &= self.is_unbound();
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if self.releases {
            let entry = &TABLE[self.handle.dispatcher() as usize];
            match annotations::are_told() {
                true => let_go_and_tell(entry),
                false => entry.holder.store(0, Release),
            }
        }
    }
}

/// An error for a dispatcher that this process has inherited, and still runs in.
pub fn check_own(handle: Handle) -> Result<(), Status> {
    let checked = entry_of(handle).and_then(check_process);
    checked.map_err(|fault| fault.status)
}

/// The dispatcher of a handle of any kind, for the OS thread that holds it or may take hold.
#[inline]
pub fn enter(handle: Handle) -> Outcome<Entered> {
    match held(handle) {
        Some(entered) => Ok(entered),
        None => enter_anew(handle),
    }
}

/// The dispatcher of a handle, if the calling OS thread holds it already: the usual case. Whose handle
/// it is tells the table of its kind, but for that of the dispatcher itself.
#[inline]
pub fn held(handle: Handle) -> Option<Entered> {
    // Number 0 is nobody's, and held by nobody.
    let entry = &TABLE[handle.dispatcher() as usize];
    if entry.holder.load(Relaxed) != os_thread::id() {
        return None;
    }
    let is_own = entry.process.load(Relaxed) == process::number();
    if !is_own || !is_current(handle, entry) {
        return None;
    }
    Some(Entered {
        dispatcher: entry.dispatcher.load(Acquire),
        releases: false,
    })
}

/// `enter` in all other cases, and all that can be wrong.
#[cold]
#[inline(never)]
fn enter_anew(handle: Handle) -> Outcome<Entered> {
    let entry = entry_of(handle)?;
    if !is_current(handle, entry) {
        return Err(Status::STALE.into());
    }
    check_process(entry)?;
    hold(handle, entry)
}

/// A dispatcher that this process has inherited, to be freed: nobody uses it here.
pub fn inherited(handle: Handle) -> Option<Entered> {
    let entry = entry_of(handle).ok()?;
    if !is_current(handle, entry) || check_process(entry).is_ok() {
        return None;
    }
    entry.holder.store(os_thread::id(), Release);
    entry.visitors.store(0, SeqCst);
    // SAFETY: `visit` lets nobody in who is of another process than the dispatcher.
    unsafe { entry.inbox.unlock_inherited() };
    hold(handle, entry).ok()
}

/// Takes hold of a dispatcher for the calling OS thread.
fn hold(handle: Handle, entry: &'static Entry) -> Outcome<Entered> {
    let me = os_thread::id();
    let releases = entry.holder.load(Relaxed) != me;
    if releases {
        match annotations::are_told() {
            true => take_hold_and_tell(handle, entry, me)?,
            false => take_hold(handle, entry, me)?,
        }
    }
    Ok(Entered {
        dispatcher: entry.dispatcher.load(Acquire),
        releases,
    })
}

/// Takes hold of a dispatcher that no OS thread holds.
#[cold]
fn take_hold(handle: Handle, entry: &Entry, me: usize) -> Outcome<()> {
    entry
        .holder
        .compare_exchange(0, me, AcqRel, Relaxed)
        .map_err(|_| match entry.unbound.load(Relaxed) {
            true => Fault::from(Status::BUSY),
            false => Status::WRONG_THREAD.into(),
        })?;
    if !is_current(handle, entry) {
        entry.holder.store(0, Release);
        return Err(Status::STALE.into());
    }
    Ok(())
}

/// `take_hold` under a tool that does not see it.
#[cold]
fn take_hold_and_tell(handle: Handle, entry: &Entry, me: usize) -> Outcome<()> {
    take_hold(handle, entry, me)?;
    annotations::acquired(&entry.holder);
    Ok(())
}

/// The end of a hold under such a tool.
#[cold]
fn let_go_and_tell(entry: &Entry) {
    annotations::released(&entry.holder);
    entry.holder.store(0, Release);
}

/// The baton has come to the calling OS thread: from now on it is the one that may call the
/// dispatcher of `handle`. For whoever has the baton.
pub fn take_over(handle: Handle) {
    TABLE[handle.dispatcher() as usize]
        .holder
        .store(os_thread::id(), Release);
}

/// The handle of the dispatcher that `handle` belongs to, if it lives.
pub fn dispatcher_of(handle: Handle) -> Outcome<Handle> {
    let entry = entry_of(handle)?;
    if !is_current(handle, entry) {
        return Err(Status::STALE.into());
    }
    let generation = entry.generation.load(SeqCst);
    Ok(Handle::new(
        Kind::Dispatcher,
        handle.dispatcher(),
        0,
        generation,
    ))
}

/// Lets any OS thread or signal handler use a living dispatcher's inbox.
pub fn visit<R>(handle: Handle, act: impl FnOnce(&Inbox) -> R) -> Outcome<R> {
    let entry = entry_of(handle)?;
    entry.visitors.fetch_add(1, SeqCst);
    let result = if is_current(handle, entry) {
        check_process(entry).map(|()| act(&entry.inbox))
    } else {
        Err(Status::STALE.into())
    };
    annotations::released(&entry.visitors);
    entry.visitors.fetch_sub(1, SeqCst);
    result
}

/// Does something with each dispatcher that the calling OS thread holds. May be called in the handler of a
/// fault: a dispatcher that this OS thread makes or ends at that moment is left out.
pub fn each_held(mut act: impl FnMut(&Dispatcher)) {
    let me = os_thread::id();
    for entry in &TABLE {
        if entry.holder.load(Acquire) != me || entry.generation.load(SeqCst) == 0 {
            continue;
        }
        // SAFETY: held by this OS thread, which is the only one that could end it; NULL is none.
        if let Some(dispatcher) = unsafe { entry.dispatcher.load(Acquire).as_ref() } {
            act(dispatcher);
        }
    }
}

/// The inbox of a dispatcher that the calling OS thread holds.
pub fn inbox_of(dispatcher: &Dispatcher) -> &'static Inbox {
    &TABLE[dispatcher.handle.dispatcher() as usize].inbox
}

/// Wakes who waits: at once on the OS thread that holds the dispatcher, else through the inbox.
pub fn wake(who: Handle) {
    let Ok(entry) = entry_of(who) else { return };
    if entry.holder.load(Relaxed) == os_thread::id() {
        let dispatcher = entry.dispatcher.load(Relaxed);
        // SAFETY: held by this OS thread, which is the only one that could end it; NULL is none.
        if let Some(dispatcher) = unsafe { dispatcher.as_ref() } {
            dispatcher.wake(who);
        }
    } else {
        let _ = visit(who, |inbox| inbox.post(Letter::Wake(who)));
    }
}
