// SPDX-License-Identifier: MIT
//! A hierarchical timer wheel: arming and cancelling are O(1), however many are armed.
//!
//! Level 0 has a slot for each of 64 ticks, level 1 one for each of 64 times 64 ticks, and so on.
//! An entry stands on the level of the highest bits in which its tick differs from the present one,
//! so that every slot lies ahead, and lower levels come before higher ones. When the present
//! reaches a slot of a higher level, its entries move down. (Varghese and Lauck, "Hashed and
//! Hierarchical Timing Wheels", 1987.)
//!
//! Who arms one tells how long it is, not when it ends: it stands in a list of its own until the clock
//! is read for all of them (`settle`).

/// Bits of a tick that one level tells apart.
const BITS: u32 = 6;
/// Slots of a level.
const SLOTS: usize = 1 << BITS;
/// Levels for all ticks of 64 bits.
const LEVELS: usize = 64_usize.div_ceil(BITS as usize);
/// The list of those whose tick is not known yet, behind those of all slots.
const NOTED: usize = LEVELS * SLOTS;
/// The number of the first entry: those before are the ends of the lists.
const FIRST: u32 = NOTED as u32 + 1;
/// No entry.
const NONE: u32 = u32::MAX;

/// An armed entry, for as long as it is armed: its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(u32);

/// The neighbours in a list, which is a ring: its end is before its first and behind its last entry.
#[derive(Clone, Copy)]
struct Link {
    previous: u32,
    /// Of a free entry the next free one.
    next: u32,
}

struct Entry<T> {
    /// Its tick; its length while it is noted.
    at: u64,
    what: T,
}

/// Things that become due at ticks.
pub struct Wheel<T> {
    now: u64,
    /// By number; without those of the ends.
    entries: Vec<Entry<T>>,
    /// By number.
    links: Vec<Link>,
    free: u32,
    len: usize,
    /// One bit for each list that has entries; behind the levels' that of the noted ones.
    occupied: [u64; LEVELS + 1],
}

impl<T: Copy> Wheel<T> {
    /// An empty wheel at this tick.
    pub fn new(now: u64) -> Self {
        let empty = |end| Link {
            previous: end,
            next: end,
        };
        Wheel {
            now,
            entries: Vec::new(),
            links: (0..FIRST).map(empty).collect(),
            free: NONE,
            len: 0,
            occupied: [0; LEVELS + 1],
        }
    }

    /// Arms `what`, which has this length. It is due at no tick before `settle` has told which. O(1).
    #[inline]
    pub fn note(&mut self, length: u64, what: T) -> Key {
        let at = length;
        let index = match self.free {
            NONE => self.grow(Entry { at, what }),
            free => {
                self.free = self.links[free as usize].next;
                self.entries[(free - FIRST) as usize] = Entry { at, what };
                free
            }
        };
        self.len += 1;
        self.append(index, NOTED);
        Key(index)
    }

    /// A new entry, in no list.
    #[cold]
    fn grow(&mut self, entry: Entry<T>) -> u32 {
        self.entries.push(entry);
        self.links.push(Link {
            previous: NONE,
            next: NONE,
        });
        self.links.len() as u32 - 1
    }

    /// Gives those that were noted their ticks, of their lengths; one that is past is due at once.
    pub fn settle(&mut self, tick: impl Fn(u64) -> u64) {
        let mut index = self.take_list(NOTED);
        while index != NOTED as u32 {
            let next = self.links[index as usize].next;
            let entry = &mut self.entries[(index - FIRST) as usize];
            entry.at = tick(entry.at).max(self.now);
            let at = entry.at;
            self.link(index, at);
            index = next;
        }
    }

    /// Takes back what is armed under `key`.
    #[inline]
    pub fn cancel(&mut self, key: Key) {
        let Link { previous, next } = self.links[key.0 as usize];
        self.links[previous as usize].next = next;
        self.links[next as usize].previous = previous;
        if previous == next {
            // The end of its list, which is empty now.
            self.occupied[previous as usize / SLOTS] &= !(1 << (previous as usize % SLOTS));
        }
        self.release(key.0);
    }

    /// The tick at which `expire` has something to do: nothing is due before. On level 0 it is that
    /// of the earliest entry. Above, it is where the first slot begins, whose entries move down then,
    /// so that whoever waits for the earliest entry looks at most once for each level. O(1).
    pub fn next(&self) -> Option<u64> {
        self.first_slot().map(|(_, _, start)| start)
    }

    /// Moves the present to `now` and hands out what is due by then: by tick, and within a tick by
    /// the order of arming.
    pub fn expire(&mut self, now: u64, mut due: impl FnMut(Key, T)) {
        while let Some((level, slot, start)) = self.first_slot() {
            if start > now {
                break;
            }
            self.now = self.now.max(start);
            let list = level * SLOTS + slot;
            let mut index = self.take_list(list);
            while index != list as u32 {
                let next = self.links[index as usize].next;
                let &Entry { at, what } = &self.entries[(index - FIRST) as usize];
                if level == 0 {
                    self.release(index);
                    due(Key(index), what);
                } else {
                    self.link(index, at);
                }
                index = next;
            }
        }
        self.now = self.now.max(now);
    }

    /// How many are armed.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is armed.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The slot that comes first: its level, its number, its first tick.
    fn first_slot(&self) -> Option<(usize, usize, u64)> {
        let levels = &self.occupied[..LEVELS];
        let level = levels.iter().position(|&slots| slots != 0)?;
        let slot = self.occupied[level].trailing_zeros();
        let shift = BITS * level as u32;
        let above = self.now.checked_shr(shift + BITS).unwrap_or(0);
        let start = above.checked_shl(shift + BITS).unwrap_or(0) | u64::from(slot) << shift;
        Some((level, slot as usize, start))
    }

    /// Appends an entry to the slot of its tick.
    fn link(&mut self, index: u32, at: u64) {
        let level = (63 - ((at ^ self.now) | 1).leading_zeros()) / BITS;
        let slot = (at >> (BITS * level)) as usize % SLOTS;
        self.append(index, level as usize * SLOTS + slot);
    }

    /// Appends an entry that is in no list to one.
    #[inline]
    fn append(&mut self, index: u32, list: usize) {
        let last = std::mem::replace(&mut self.links[list].previous, index);
        self.links[last as usize].next = index;
        self.links[index as usize] = Link {
            previous: last,
            next: list as u32,
        };
        self.occupied[list / SLOTS] |= 1 << (list % SLOTS);
    }

    /// Empties a list; its first entry, from which the others are linked, up to the list's end.
    fn take_list(&mut self, list: usize) -> u32 {
        self.occupied[list / SLOTS] &= !(1 << (list % SLOTS));
        let end = list as u32;
        let empty = Link {
            previous: end,
            next: end,
        };
        std::mem::replace(&mut self.links[list], empty).next
    }

    /// Puts an entry that is in no list among the free ones.
    #[inline]
    fn release(&mut self, index: u32) {
        self.len -= 1;
        self.links[index as usize].next = std::mem::replace(&mut self.free, index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator, so that a failure comes back with its seed (xorshift64, Marsaglia 2003).
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % bound
        }
    }

    impl<T: Copy> Wheel<T> {
        /// Arms `what` for a tick.
        fn arm(&mut self, at: u64, what: T) -> Key {
            let key = self.note(at, what);
            self.settle(|at| at);
            key
        }
    }

    /// The same as the wheel, naively: entries by tick and order of arming.
    #[derive(Default)]
    struct Model(Vec<(u64, u64, Key)>);

    impl Model {
        fn next(&self) -> Option<u64> {
            self.0.iter().map(|entry| entry.0).min()
        }

        fn expire(&mut self, now: u64) -> Vec<u64> {
            let mut due: Vec<_> = self.0.extract_if(.., |entry| entry.0 <= now).collect();
            due.sort_unstable_by_key(|entry| (entry.0, entry.1));
            due.into_iter().map(|entry| entry.1).collect()
        }
    }

    fn compare_with_model(seed: u64, farthest: u64, jump: u64) {
        let mut random = Random(seed);
        let mut now = 1_000_003;
        let (mut wheel, mut model) = (Wheel::new(now), Model::default());
        for number in 0..20_000 {
            match random.below(4) {
                0 | 1 => {
                    let at = now + random.below(farthest);
                    model.0.push((at, number, wheel.arm(at, number)));
                }
                2 if !model.0.is_empty() => {
                    let victim = random.below(model.0.len() as u64) as usize;
                    let (_, _, key) = model.0.swap_remove(victim);
                    wheel.cancel(key);
                }
                _ => {
                    now += random.below(jump);
                    let mut due = Vec::new();
                    wheel.expire(now, |_, what| due.push(what));
                    assert_eq!(due, model.expire(now), "seed {seed} at {now}");
                }
            }
            check_next(&wheel, &model, now);
            assert_eq!(wheel.is_empty(), model.0.is_empty());
        }
    }

    /// Nothing is due before the next tick, and the earliest entry is reached by few of them.
    fn check_next(wheel: &Wheel<u64>, model: &Model, now: u64) {
        let (next, earliest) = (wheel.next(), model.next());
        assert_eq!(next.is_some(), earliest.is_some());
        if let (Some(next), Some(earliest)) = (next, earliest) {
            assert!(
                (now..=earliest).contains(&next),
                "{next} at {now} for {earliest}"
            );
        }
    }

    #[test]
    fn the_earliest_entry_is_reached_by_at_most_one_look_for_each_level() {
        let mut random = Random(7);
        for _ in 0..2000 {
            let now = random.below(1 << 40);
            let mut wheel = Wheel::new(now);
            let farthest = 1 << random.below(50);
            let distance = random.below(farthest);
            wheel.arm(now + distance, ());
            wheel.arm(now + 2 * distance + 1, ());
            let (mut looks, mut due) = (0, 0);
            while due == 0 {
                let next = wheel.next().unwrap();
                wheel.expire(next, |_, ()| due += 1);
                looks += 1;
                assert!(due == 0 || next == now + distance);
            }
            assert!(
                looks <= LEVELS,
                "{looks} looks for {distance} ticks at {now}"
            );
        }
    }

    #[test]
    fn entries_are_due_as_in_a_naive_model() {
        for (seed, (farthest, jump)) in (1..).zip([
            (10, 5),
            (70, 10),
            (5000, 100),
            (300_000, 5000),
            (1 << 40, 1 << 30),
        ]) {
            compare_with_model(seed, farthest, jump);
        }
    }

    #[test]
    fn entries_of_one_tick_are_due_in_the_order_of_arming_also_from_different_levels() {
        let mut wheel = Wheel::new(0);
        wheel.arm(100, 'a');
        wheel.expire(70, |_, _| panic!("nothing is due yet"));
        wheel.arm(100, 'b');
        let mut due = String::new();
        wheel.expire(100, |_, what| due.push(what));
        assert_eq!(due, "ab");
    }

    #[test]
    fn what_was_noted_is_due_from_when_it_is_settled_and_can_be_taken_back_before() {
        let mut wheel = Wheel::new(0);
        let (_, gone, _) = (wheel.note(10, 'a'), wheel.note(5, 'b'), wheel.note(10, 'c'));
        assert_eq!((wheel.next(), wheel.len()), (None, 3));
        wheel.expire(50, |_, _| panic!("nothing has its tick yet"));
        wheel.cancel(gone);
        wheel.settle(|length| 100 + length);
        assert_eq!(wheel.next(), Some(64));
        let mut due = String::new();
        wheel.expire(109, |_, _| panic!("early"));
        wheel.expire(110, |_, what| due.push(what));
        assert_eq!(due, "ac");
        assert!(wheel.is_empty());
    }

    #[test]
    fn all_that_was_noted_can_be_taken_back() {
        let mut wheel = Wheel::new(0);
        for length in [3, 2, 1] {
            let (first, second) = (wheel.note(length, ()), wheel.note(length, ()));
            wheel.cancel(first);
            wheel.cancel(second);
        }
        wheel.settle(|length| length);
        assert_eq!((wheel.next(), wheel.len()), (None, 0));
    }

    #[test]
    fn the_farthest_tick_is_not_due_early() {
        let mut wheel = Wheel::new(5);
        let key = wheel.arm(u64::MAX, ());
        wheel.expire(u64::MAX - 1, |_, ()| panic!("early"));
        assert_eq!(wheel.next(), Some(u64::MAX));
        wheel.cancel(key);
        assert_eq!(wheel.next(), None);
    }

    #[test]
    fn the_past_is_due_at_once() {
        let mut wheel = Wheel::new(1000);
        wheel.arm(3, ());
        let mut due = 0;
        wheel.expire(1000, |_, ()| due += 1);
        assert_eq!(due, 1);
    }
}
