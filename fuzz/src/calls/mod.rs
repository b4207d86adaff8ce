// SPDX-License-Identifier: MIT
//! Random sequences of calls with handles that are valid, stale, another dispatcher's or garbage, from the
//! root stack, coroutines, OS threads and callbacks: each answer is a known status, every `user` is
//! released once, and what is left can be freed.

mod objects;
mod sockets;
mod submissions;
mod threads;

use crate::script::Script;
use ::copas::capi::dispatcher::{copas_free, copas_loop, copas_new, copas_shutdown};
use ::copas::capi::mailbox::copas_mailbox_destroy;
use ::copas::capi::scope::{copas_begindeadline, copas_enddeadline};
use ::copas::capi::status::copas_status_name;
use ::copas::capi::thread::copas_running;
use ::copas::capi::types::{copas, copas_config, copas_mailbox};
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_char, c_void};
use std::os::fd::OwnedFd;
use std::ptr;

const PANIC: i32 = -15;
const STALE: i32 = -5;
const FOREVER: f64 = -1.0;
/// The longest wait of the root stack, in seconds.
const MOMENT: f64 = 0.000_2;
/// Calls of one coroutine or callback.
const MOST_CALLS: usize = 12;

/// All that one input works on.
pub struct World<'a> {
    script: RefCell<Script<'a>>,
    dispatchers: [Cell<*mut copas>; 2],
    /// Every handle that was ever given out.
    handles: RefCell<Vec<*mut c_void>>,
    mailboxes: RefCell<Vec<*mut copas_mailbox>>,
    /// Descriptors of the fuzzer's own, for those who watch them.
    others: RefCell<Vec<OwnedFd>>,
    /// How many `user`s the library has to release.
    lent: Cell<i64>,
    /// Callbacks within callbacks.
    depth: Cell<usize>,
}

/// A `user` that is released by the library.
struct Lent(*const World<'static>);

unsafe extern "C" fn release(user: *mut c_void) {
    // SAFETY: `World::lend` has made it, and it is released once: the world counts.
    let lent = unsafe { Box::from_raw(user.cast::<Lent>()) };
    // SAFETY: the world outlives the dispatchers.
    let world = unsafe { &*lent.0 };
    world.lent.set(world.lent.get() - 1);
}

unsafe extern "C" fn release_nothing(_: *mut c_void) {}

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let world = World {
        script: RefCell::new(Script::new(bytes)),
        dispatchers: [Cell::new(make()), Cell::new(make())],
        handles: RefCell::default(),
        mailboxes: RefCell::default(),
        others: RefCell::default(),
        lent: Cell::new(0),
        depth: Cell::new(0),
    };
    while !world.script.borrow().is_over() {
        world.act_at_root();
    }
    for c in &world.dispatchers {
        assert_eq!(copas_free(c.get()), 0);
        assert_eq!(copas_free(c.get()), STALE);
    }
    for &mailbox in &*world.mailboxes.borrow() {
        world.check(copas_mailbox_destroy(mailbox));
    }
    assert_eq!(world.lent.get(), 0, "so many users were not released");
}

fn make() -> *mut copas {
    // SAFETY: numbers and pointers, of which zero is one.
    let mut config: copas_config = unsafe { std::mem::zeroed() };
    config.size = size_of::<copas_config>();
    config.flags = 1;
    config.os_threads = 2;
    // SAFETY: a whole struct with its size.
    let c = unsafe { copas_new(&config) };
    assert!(!c.is_null());
    c
}

impl World<'_> {
    fn below(&self, end: usize) -> usize {
        self.script.borrow_mut().below(end)
    }

    fn flag(&self) -> bool {
        self.script.borrow_mut().flag()
    }

    fn one_of<T: Copy>(&self, choices: &[T]) -> T {
        self.script.borrow_mut().one_of(choices)
    }

    /// The world as a `user`. It outlives the dispatchers.
    fn user(&self) -> *mut c_void {
        ptr::from_ref(self).cast_mut().cast()
    }

    /// The world as a `user` that is to be released.
    fn lend(&self) -> *mut c_void {
        self.lent.set(self.lent.get() + 1);
        let world = ptr::from_ref(self).cast::<World<'static>>();
        Box::into_raw(Box::new(Lent(world))).cast()
    }

    /// One of the dispatchers.
    fn c(&self) -> *mut copas {
        match self.below(8) {
            0 => self.handle(),
            1 | 2 => self.dispatchers[1].get(),
            _ => self.dispatchers[0].get(),
        }
    }

    /// Any handle, whichever the function wants.
    fn handle<T>(&self) -> *mut T {
        let handles = self.handles.borrow();
        let any = match (self.below(12), handles.len()) {
            (0, _) => ptr::null_mut(),
            (1, _) => self.garbage(),
            (2, _) => self.dispatchers[self.below(2)].get().cast(),
            (_, 0) => ptr::null_mut(),
            (3, all) => self.spoiled(handles[self.below(256) % all]),
            (4..6, all) => handles[self.below(256) % all],
            // The last ones live most likely.
            (_, all) => handles[all - 1 - self.below(8).min(all - 1)],
        };
        any.cast()
    }

    fn garbage(&self) -> *mut c_void {
        let bits = (0..8).fold(0, |bits, _| bits << 8 | self.below(256));
        ptr::without_provenance_mut(bits)
    }

    /// A handle with one bit changed.
    fn spoiled(&self, handle: *mut c_void) -> *mut c_void {
        ptr::without_provenance_mut(handle.addr() ^ 1 << self.below(64))
    }

    /// Keeps a handle that was given out.
    fn keep<T>(&self, handle: *mut T) {
        if !handle.is_null() {
            self.handles.borrow_mut().push(handle.cast());
        }
    }

    /// A status or a count: no panic of the library's, and no unknown number.
    fn check(&self, answer: i32) -> i32 {
        assert_ne!(answer, PANIC);
        if answer < 0 {
            // SAFETY: a static string.
            let name = unsafe { CStr::from_ptr(copas_status_name(answer)) };
            assert_ne!(name, c"COPAS_UNKNOWN", "{answer}");
        }
        #[cfg(feature = "planted")]
        assert!(answer != -10, "a planted lie: {answer}");
        answer
    }

    /// A time limit. Only coroutines wait for ever.
    fn seconds(&self) -> f64 {
        match self.below(10) {
            0 if !copas_running().is_null() => FOREVER,
            1 => f64::NAN,
            2..6 => MOMENT / 4.0,
            _ => 0.0,
        }
    }

    fn text(&self) -> *const c_char {
        let texts = [
            ptr::null(),
            c"".as_ptr(),
            c"a".as_ptr(),
            c"a name with \xff and more".as_ptr(),
        ];
        self.one_of(&texts)
    }

    /// Bytes that live as long as the process.
    fn data(&self) -> (*const c_void, usize) {
        static BYTES: [u8; 100_000] = [b'x'; 100_000];
        let len = self.one_of(&[0, 1, 7, 5_000, 70_000, 100_000]);
        match self.below(12) {
            0 => (ptr::null(), len),
            _ => (BYTES.as_ptr().cast(), len),
        }
    }

    /// A call on the root stack, where no wait is long.
    fn act_at_root(&self) {
        let [first, second] = [self.dispatchers[0].get(), self.dispatchers[1].get()];
        self.check(copas_begindeadline(first, MOMENT));
        self.check(copas_begindeadline(second, MOMENT));
        match self.below(64) {
            0 => self.begin_anew(),
            1 => self.wind_down(),
            _ => self.act(),
        }
        self.check(copas_enddeadline(second));
        self.check(copas_enddeadline(first));
    }

    /// Frees a dispatcher with all that is in it.
    fn begin_anew(&self) {
        let place = &self.dispatchers[self.below(2)];
        assert_eq!(copas_free(place.get()), 0);
        self.keep(place.replace(make()));
    }

    fn wind_down(&self) {
        let c = self.dispatchers[self.below(2)].get();
        self.check(copas_shutdown(c, 0.0));
        self.check(copas_loop(c, MOMENT));
    }

    /// Some calls, in a coroutine or a callback.
    fn act_within(&self) {
        if self.depth.get() > 4 {
            return;
        }
        self.depth.set(self.depth.get() + 1);
        for _ in 0..self.below(MOST_CALLS) {
            self.act();
        }
        self.depth.set(self.depth.get() - 1);
    }

    /// A call.
    fn act(&self) {
        match self.below(8) {
            0 => self.dispatchers(),
            1 => self.threads(),
            2 => self.open_sockets(),
            3 => self.use_sockets(),
            4 => self.make_objects(),
            5 => self.use_objects(),
            6 => self.submit(),
            _ => self.choose(),
        }
    }
}
