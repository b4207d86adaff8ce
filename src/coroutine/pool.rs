// SPDX-License-Identifier: MIT
//! Free stacks, by size. The last that came back goes out first, with its pages still warm; beyond
//! a number of those, pages are given back to the system.

use super::arena::{Arena, whole_pages};
use super::stack::Stack;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;

/// Free stacks of a size that keep their pages: enough for a server whose connections come and go,
/// little (1 MiB with the usual one page in use) for one that was busy once.
const WARM: usize = 256;

/// The stacks of one size.
struct Shelf {
    size: usize,
    arenas: Vec<Rc<Arena>>,
    warm: Vec<Stack>,
    cold: Vec<Stack>,
}

impl Shelf {
    fn take(&mut self) -> io::Result<Stack> {
        if let Some(stack) = self.warm.pop().or_else(|| self.cold.pop()) {
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

    fn give(&mut self, stack: Stack) {
        stack.unpoison();
        if self.warm.len() < WARM {
            self.warm.push(stack);
        } else {
            stack.discard();
            self.cold.push(stack);
        }
    }
}

/// Stacks for the coroutines of one dispatcher.
#[derive(Default)]
pub struct StackPool {
    shelves: RefCell<Vec<Shelf>>,
}

impl StackPool {
    /// An empty pool.
    pub fn new() -> Self {
        Self::default()
    }

    /// A stack with at least `size` usable bytes.
    pub fn take(&self, size: usize) -> io::Result<Stack> {
        // Rounding asks the system for the size of a page; shelves are of whole pages already.
        if let Some(stack) = self.take_kept(size) {
            return stack;
        }
        let size = whole_pages(size);
        if let Some(stack) = self.take_kept(size) {
            return stack;
        }
        let mut shelf = Shelf {
            size,
            arenas: Vec::new(),
            warm: Vec::new(),
            cold: Vec::new(),
        };
        let stack = shelf.take();
        self.shelves.borrow_mut().push(shelf);
        stack
    }

    /// A stack from the shelf of this very size, if there is one.
    fn take_kept(&self, size: usize) -> Option<io::Result<Stack>> {
        let mut shelves = self.shelves.borrow_mut();
        let shelf = shelves.iter_mut().find(|shelf| shelf.size == size)?;
        Some(shelf.take())
    }

    /// Takes back a stack that nothing runs on.
    pub fn give(&self, stack: Stack) {
        let mut shelves = self.shelves.borrow_mut();
        if let Some(shelf) = shelves.iter_mut().find(|shelf| shelf.size == stack.size()) {
            shelf.give(stack);
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
        let mut bounds: Vec<_> = stacks.iter().map(Stack::bounds).collect();
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
