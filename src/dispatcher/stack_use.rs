// SPDX-License-Identifier: MIT
//! How much of their stacks coroutines have used at most: what the kernel's page map shows as touched, so
//! that nothing has to be painted or counted while they run.
//!
//! A stack that is used again still has the pages of those that ran on it before. So a dispatcher that
//! keeps marks reads the map when a coroutine ends, and keeps no stack warm: its pages are given back.

use super::handle::Handle;
use super::{Dispatcher, Thread};
use crate::status::{Fault, Outcome, Status};
use crate::sys::pages::PageMap;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{CStr, CString};

/// Names that have marks of their own; programs that name each coroutine anew must not fill the memory.
const MOST_NAMES: usize = 1024;
/// What those are counted under that have none.
const OTHERS: &CStr = c"(others)";

/// The mark of one stack, in bytes.
#[derive(Clone, Copy, Default)]
pub struct Mark {
    /// From its top to the lowest page that was touched.
    pub used: usize,
    /// The stack's size.
    pub size: usize,
}

/// The mark of all coroutines of one name.
#[derive(Default)]
struct NameMark {
    deepest: Mark,
    ended: u64,
}

impl NameMark {
    fn note(&mut self, mark: Mark) {
        if mark.used > self.deepest.used || self.deepest.size == 0 {
            self.deepest = mark;
        }
    }
}

/// The marks that a dispatcher keeps.
pub struct Marks {
    map: PageMap,
    names: RefCell<HashMap<CString, NameMark>>,
}

/// A mark, the name that it is of, and how many have ended.
pub struct Told {
    /// Lives as long as the dispatcher.
    pub name: *const std::ffi::c_char,
    /// The deepest one's.
    pub mark: Mark,
    /// Coroutines that have ended.
    pub ended: u64,
}

impl Marks {
    /// Begins to keep some.
    pub fn begin() -> Outcome<Self> {
        Ok(Marks {
            map: open()?,
            names: RefCell::default(),
        })
    }

    /// Notes a coroutine on a stack with these bounds, `ended` or not.
    fn note(&self, thread: &Thread, bounds: (usize, usize), ended: bool) {
        let Ok(mark) = measure(&self.map, bounds) else {
            return;
        };
        let name = thread.name.borrow().without_number();
        let mut names = self.names.borrow_mut();
        let name = match names.len() < MOST_NAMES || names.contains_key(&name) {
            true => name,
            false => OTHERS.to_owned(),
        };
        let of_name = names.entry(name).or_default();
        of_name.note(mark);
        of_name.ended += u64::from(ended);
    }

    /// All, the deepest first.
    fn told(&self) -> Vec<Told> {
        let names = self.names.borrow();
        let mut all: Vec<_> = names
            .iter()
            .map(|(name, marks)| Told {
                name: name.as_ptr(),
                mark: marks.deepest,
                ended: marks.ended,
            })
            .collect();
        all.sort_by_key(|told| std::cmp::Reverse(told.mark.used));
        all
    }
}

fn open() -> Outcome<PageMap> {
    PageMap::open().map_err(|e| Fault::system(&e, "open /proc/self/pagemap"))
}

fn measure(map: &PageMap, (bottom, top): (usize, usize)) -> Outcome<Mark> {
    let lowest = map.lowest_touched(bottom, top);
    let lowest = lowest.map_err(|e| Fault::system(&e, "read /proc/self/pagemap"))?;
    Ok(Mark {
        used: top - lowest,
        size: top - bottom,
    })
}

impl Dispatcher {
    /// The mark of a coroutine that has not ended.
    pub fn stack_use(&self, thread: Handle) -> Outcome<Mark> {
        let thread = self.thread(thread).ok_or(Status::STALE)?;
        let bounds = thread.stack().ok_or_else(|| {
            Fault::new(
                Status::UNSUPPORTED,
                "the stack of an OS thread has no marks: only those of the library's own have",
            )
        })?;
        match &self.marks {
            Some(marks) => measure(&marks.map, bounds),
            None => measure(&open()?, bounds),
        }
    }

    /// The marks of all names, with those of the coroutines that run, the deepest first.
    pub fn stack_uses(&self) -> Outcome<Vec<Told>> {
        let marks = self.marks.as_ref().ok_or_else(|| {
            Fault::invalid("the dispatcher was made without COPAS_STACK_MARKS: it keeps none")
        })?;
        for thread in self.all_threads() {
            if let Some(bounds) = thread.stack() {
                marks.note(&thread, bounds, false);
            }
        }
        Ok(marks.told())
    }

    /// A coroutine has ended: keeps its mark, if that is wanted.
    #[inline]
    pub(super) fn keep_mark(&self, thread: &Thread) {
        if let Some(marks) = &self.marks
            && let Some(bounds) = thread.stack()
        {
            marks.note(thread, bounds, true);
        }
    }
}
