// SPDX-License-Identifier: MIT
//! Free stacks, by size. The last that came back goes out first, with its pages still warm; beyond
//! a number of those, pages are given back to the system.

use super::arena::{Arena, whole_pages};
use super::stack::Stack;
use super::switch::Switched;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;

/// Free stacks of a size that keep their pages: enough for a server whose connections come and go,
/// little (half a MiB with the usual one page in use) for one that was busy once.
const WARM: usize = 128;

/// The stacks of one size.
struct Shelf {
    size: usize,
    arenas: Vec<Rc<Arena>>,
    warm: Vec<Switched>,
    most_warm: usize,
    cold: Vec<Stack>,
}

impl Shelf {
    #[inline]
    fn take(&mut self) -> io::Result<Switched> {
        match self.warm.pop() {
            Some(warm) => Ok(warm),
            None => self.take_cold().map(Switched::on),
        }
    }

    /// One whose pages were given back, or a new one.
    fn take_cold(&mut self) -> io::Result<Stack> {
        if let Some(stack) = self.cold.pop() {
            return Ok(stack);
        }
        if let Some(arena) = self.arenas.last()
            && let Some(stack) = Stack::cut(arena)?
        {
            return Ok(stack);
        }
        let arena = Rc::new(Arena::reserve(self.size, self.arenas.len())?);
        let stack = Stack::cut(&arena)?;
        self.arenas.push(arena);
        stack.ok_or_else(|| io::ErrorKind::OutOfMemory.into())
    }

    #[inline]
    fn give(&mut self, idle: Switched) {
        if self.warm.len() < self.most_warm {
            self.warm.push(idle);
        } else {
            let stack = idle.into_stack();
            stack.discard();
            self.cold.push(stack);
        }
    }
}

/// Stacks for the coroutines of one dispatcher.
pub struct StackPool {
    shelves: RefCell<Vec<Shelf>>,
    /// Free stacks of a size that keep their pages.
    most_warm: usize,
}

impl StackPool {
    /// An empty pool.
    pub fn new() -> Self {
        Self::keeping(WARM)
    }

    /// An empty pool, whose free stacks keep no pages.
    pub fn cold() -> Self {
        Self::keeping(0)
    }

    fn keeping(most_warm: usize) -> Self {
        StackPool {
            shelves: RefCell::default(),
            most_warm,
        }
    }

    /// A stack with at least `size` usable bytes.
    #[inline]
    pub fn take(&self, size: usize) -> io::Result<Switched> {
        // Rounding asks the system for the size of a page; shelves are of whole pages already.
        if let Some(stack) = self.take_kept(size) {
            return stack;
        }
        self.take_rounded(size)
    }

    fn take_rounded(&self, size: usize) -> io::Result<Switched> {
        let size = whole_pages(size);
        if let Some(stack) = self.take_kept(size) {
            return stack;
        }
        let mut shelf = Shelf {
            size,
            arenas: Vec::new(),
            warm: Vec::new(),
            most_warm: self.most_warm,
            cold: Vec::new(),
        };
        let stack = shelf.take();
        self.shelves.borrow_mut().push(shelf);
        stack
    }

    /// A stack from the shelf of this very size, if there is one.
    #[inline]
    fn take_kept(&self, size: usize) -> Option<io::Result<Switched>> {
        let mut shelves = self.shelves.borrow_mut();
        let shelf = shelves.iter_mut().find(|shelf| shelf.size == size)?;
        Some(shelf.take())
    }

    /// Takes back a stack that nothing runs on.
    #[inline]
    pub fn give(&self, idle: Switched) {
        let mut shelves = self.shelves.borrow_mut();
        if let Some(shelf) = shelves.iter_mut().find(|shelf| shelf.size == idle.size()) {
            shelf.give(idle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 64 * 1024;

    #[test]
    fn the_last_stack_given_back_goes_out_first() {
        let pool = StackPool::new();
        let (first, second) = (pool.take(SIZE).unwrap(), pool.take(SIZE).unwrap());
        let (a, b) = (first.bounds(), second.bounds());
        pool.give(first);
        pool.give(second);
        assert_eq!(pool.take(SIZE).unwrap().bounds(), b);
        assert_eq!(pool.take(SIZE).unwrap().bounds(), a);
    }

    #[test]
    fn stacks_do_not_overlap_and_their_tops_are_staggered() {
        let pool = StackPool::new();
        let stacks: Vec<_> = (0..100).map(|_| pool.take(SIZE).unwrap()).collect();
        let mut bounds: Vec<_> = stacks.iter().map(Switched::bounds).collect();
        bounds.sort_unstable();
        assert!(bounds.windows(2).all(|pair| pair[0].1 < pair[1].0));
        let tops: std::collections::HashSet<_> = bounds.iter().map(|b| b.1 % 4096).collect();
        assert_eq!(tops.len(), 16);
        assert!(
            bounds
                .iter()
                .all(|b| b.1 % 16 == 0 && b.1 - b.0 > SIZE - 4096)
        );
    }

    #[test]
    fn beyond_a_number_of_them_free_stacks_give_their_pages_back_and_still_serve() {
        let pool = StackPool::new();
        let run = |idle: &Switched| {
            idle.begin(|| {});
            idle.resume();
        };
        let stacks: Vec<_> = (0..WARM + 8).map(|_| pool.take(SIZE).unwrap()).collect();
        stacks.iter().for_each(run);
        let bounds: Vec<_> = stacks.iter().map(Switched::bounds).collect();
        stacks.into_iter().for_each(|stack| pool.give(stack));
        assert_eq!(pool.shelves.borrow()[0].cold.len(), 8);
        let again: Vec<_> = (0..WARM + 8).map(|_| pool.take(SIZE).unwrap()).collect();
        again.iter().for_each(run);
        assert!(again.iter().all(|stack| bounds.contains(&stack.bounds())));
    }

    #[test]
    fn sizes_are_kept_apart() {
        let pool = StackPool::new();
        let small = pool.take(SIZE).unwrap();
        let address = small.bounds();
        pool.give(small);
        let big = pool.take(2 * SIZE).unwrap();
        assert_ne!(big.bounds(), address);
        assert_eq!(pool.take(SIZE).unwrap().bounds(), address);
    }
}
