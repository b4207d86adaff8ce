// SPDX-License-Identifier: MIT
//! A table of objects whose keys go stale: each slot counts its occupants, and a slot whose count
//! is spent is retired, so that an old key never names a new object.

use super::handle::{GENERATIONS, SLOTS};

/// One place of the table.
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

/// Objects by slot and generation.
pub struct Slots<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    first: u32,
    highest: u32,
    len: usize,
}

impl<T> Slots<T> {
    /// An empty table whose generations start at `first`: higher than any that was used under the
    /// same dispatcher number before.
    pub const fn new(first: u32) -> Self {
        Slots {
            slots: Vec::new(),
            free: Vec::new(),
            first,
            highest: first,
            len: 0,
        }
    }

    /// Puts in what `make` gives for its slot and generation. None when every slot is taken.
    pub fn insert_with(&mut self, make: impl FnOnce(u32, u32) -> T) -> Option<&T> {
        let (slot, generation) = self.reserve()?;
        self.fill(slot, make(slot, generation));
        self.get(slot, generation)
    }

    /// Takes a slot, which is to be filled: its number and generation. None when every one is taken.
    #[inline]
    pub fn reserve(&mut self) -> Option<(u32, u32)> {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => self.grow()?,
        };
        Some((slot, self.slots[slot as usize].generation))
    }

    /// Puts a value into a slot that was reserved.
    #[inline]
    pub fn fill(&mut self, slot: u32, value: T) {
        self.len += 1;
        self.slots[slot as usize].value = Some(value);
    }

    /// Whether a slot is left.
    pub fn has_room(&self) -> bool {
        !self.free.is_empty() || self.slots.len() <= SLOTS as usize
    }

    /// A new slot at the end.
    #[cold]
    fn grow(&mut self) -> Option<u32> {
        let slot = u32::try_from(self.slots.len())
            .ok()
            .filter(|&slot| slot <= SLOTS)?;
        self.slots.push(Slot {
            generation: self.first,
            value: None,
        });
        Some(slot)
    }

    /// The object of a key, unless it is stale.
    #[inline]
    pub fn get(&self, slot: u32, generation: u32) -> Option<&T> {
        let place = self.slots.get(slot as usize)?;
        if place.generation == generation {
            place.value.as_ref()
        } else {
            None
        }
    }

    /// Takes an object out; its key is stale from now on.
    #[inline]
    pub fn remove(&mut self, slot: u32, generation: u32) -> Option<T> {
        let place = self.slots.get_mut(slot as usize)?;
        if place.generation != generation {
            return None;
        }
        let value = place.value.take()?;
        self.len -= 1;
        if place.generation < GENERATIONS {
            place.generation += 1;
            self.highest = self.highest.max(place.generation);
            self.free.push(slot);
        }
        Some(value)
    }

    /// Takes everything out; all keys are stale from now on.
    pub fn take_all(&mut self) -> Vec<T> {
        let keys: Vec<_> = (0..)
            .zip(&self.slots)
            .filter(|(_, place)| place.value.is_some())
            .map(|(slot, place)| (slot, place.generation))
            .collect();
        keys.into_iter()
            .filter_map(|(slot, generation)| self.remove(slot, generation))
            .collect()
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// A generation that no key of this table has had.
    pub fn next_generation(&self) -> u32 {
        self.highest.saturating_add(1).min(GENERATIONS)
    }

    /// All objects, by slot.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().filter_map(|slot| slot.value.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_objects_key_is_stale_although_its_slot_is_used_again() {
        let mut slots = Slots::new(1);
        let old = *slots
            .insert_with(|slot, generation| (slot, generation))
            .unwrap();
        assert_eq!(slots.remove(old.0, old.1), Some(old));
        let new = *slots
            .insert_with(|slot, generation| (slot, generation))
            .unwrap();
        assert_eq!(new.0, old.0);
        assert_eq!(slots.get(old.0, old.1), None);
        assert_eq!(slots.remove(old.0, old.1), None);
        assert_eq!(slots.get(new.0, new.1), Some(&new));
        assert_eq!(slots.len(), 1);
    }

    #[test]
    fn a_slot_with_spent_generations_is_retired() {
        let mut slots = Slots::new(GENERATIONS);
        let last = *slots
            .insert_with(|slot, generation| (slot, generation))
            .unwrap();
        slots.remove(last.0, last.1);
        let next = *slots
            .insert_with(|slot, generation| (slot, generation))
            .unwrap();
        assert_ne!(next.0, last.0);
        assert_eq!(slots.get(last.0, last.1), None);
    }
}
