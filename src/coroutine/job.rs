// SPDX-License-Identifier: MIT
//! A body on its way to the stack that it runs on: in a few words there, so that starting a coroutine
//! allocates nothing. One that is larger goes into a box.

use std::cell::{Cell, UnsafeCell};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

/// Words of a body that needs no box.
const WORDS: usize = 6;

/// What can be done to a body whose type is not known.
struct Table {
    run: unsafe fn(NonNull<()>),
    drop: unsafe fn(NonNull<()>),
}

/// The place of one body.
pub(super) struct Job {
    /// That of the body which is here, if there is one.
    table: Cell<Option<&'static Table>>,
    words: UnsafeCell<MaybeUninit<[usize; WORDS]>>,
}

/// Whether a body needs no box.
const fn fits<F>() -> bool {
    size_of::<F>() <= size_of::<[usize; WORDS]>() && align_of::<F>() <= align_of::<usize>()
}

impl Job {
    /// Without a body.
    pub const fn new() -> Self {
        Job {
            table: Cell::new(None),
            words: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// Takes a body, in the place of the one that is here.
    #[inline]
    pub fn put<F: FnOnce() + 'static>(&self, body: F) {
        self.clear();
        if const { fits::<F>() } {
            // SAFETY: the words are empty now, and it fits.
            unsafe { self.place(body) };
        } else {
            // SAFETY: the words are empty now, and a box fits.
            unsafe { self.place(Box::new(body)) };
        }
    }

    /// Takes a body.
    ///
    /// # Safety
    /// It fits, and the words hold no other.
    #[inline]
    unsafe fn place<F: FnOnce() + 'static>(&self, body: F) {
        /// # Safety
        /// `words` hold an F, which nobody uses afterwards.
        unsafe fn run<F: FnOnce()>(words: NonNull<()>) {
            // SAFETY: handed on to the caller.
            let body = unsafe { words.cast::<F>().read() };
            body();
        }
        /// # Safety
        /// As `run`.
        unsafe fn drop<F>(words: NonNull<()>) {
            // SAFETY: handed on to the caller.
            unsafe { words.cast::<F>().drop_in_place() }
        }
        // SAFETY: the caller says that there is room.
        unsafe { self.words().cast::<F>().write(body) };
        self.table.set(Some(
            const {
                &Table {
                    run: run::<F>,
                    drop: drop::<F>,
                }
            },
        ));
    }

    /// Runs the body, if there is one.
    #[inline]
    pub fn run(&self) {
        if let Some(table) = self.table.take() {
            // SAFETY: the table is that of the body that `place` has put here; it was taken away, so that
            // nobody comes to the body again.
            unsafe { (table.run)(self.words()) };
        }
    }

    /// Drops the body, if there is one.
    #[inline]
    pub fn clear(&self) {
        if let Some(table) = self.table.take() {
            // SAFETY: as in `run`.
            unsafe { (table.drop)(self.words()) };
        }
    }

    fn words(&self) -> NonNull<()> {
        NonNull::from(&self.words).cast()
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    #[test]
    fn small_and_large_bodies_run_once() {
        let (job, count) = (Job::new(), Rc::new(Cell::new(0)));
        let counted = Rc::clone(&count);
        job.put(move || counted.set(counted.get() + 1));
        job.run();
        job.run();
        assert_eq!(count.get(), 1);
        let (counted, large) = (Rc::clone(&count), [7; 100]);
        job.put(move || counted.set(counted.get() + large.iter().sum::<i32>()));
        job.run();
        assert_eq!(count.get(), 701);
        assert_eq!(Rc::strong_count(&count), 1);
    }

    #[test]
    fn what_a_body_that_never_ran_holds_is_dropped() {
        let token = Rc::new(());
        let (small, large) = (Rc::clone(&token), (Rc::clone(&token), [0; 100]));
        let job = Job::new();
        job.put(move || drop(small));
        job.put(move || drop(large));
        assert_eq!(Rc::strong_count(&token), 2);
        drop(job);
        assert_eq!(Rc::strong_count(&token), 1);
    }
}
