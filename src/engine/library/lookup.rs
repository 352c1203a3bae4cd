//! Finding numbers by a digest, in four octets a place: open addressing with linear probing. What a number stands for is kept elsewhere.

use std::hash::{BuildHasher, RandomState};

const FREE: u32 = u32::MAX;

/// Numbers by digest.
#[derive(Debug)]
pub(super) struct Lookup {
    /// A quarter of the places are free, or there are none at all. Not a power of two: that would leave more than half of them free at times.
    places: Vec<u32>,
    used: usize,
    /// Whoever chooses Message-IDs must not be able to choose places.
    salt: u64,
}

impl Default for Lookup {
    fn default() -> Self {
        Self { places: Vec::new(), used: 0, salt: RandomState::new().hash_one(0_u8) }
    }
}

impl Lookup {
    /// Room for so many numbers.
    pub(super) fn with_capacity(numbers: usize) -> Self {
        let mut lookup = Self::default();
        if numbers > 0 {
            lookup.places = vec![FREE; room(numbers)];
        }
        lookup
    }

    fn first(&self, digest: u64) -> usize {
        let mixed = (digest ^ self.salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(self.salt | 1);
        // The upper half, scaled to the places: below their number, which is below 2³².
        usize::try_from((mixed >> 32).wrapping_mul(self.places.len() as u64) >> 32).unwrap_or_default()
    }

    fn next(&self, place: usize) -> usize {
        if place.wrapping_add(1) < self.places.len() { place.wrapping_add(1) } else { 0 }
    }

    /// Steps from one place to another.
    fn steps(&self, from: usize, to: usize) -> usize {
        if to >= from { to - from } else { (to + self.places.len()).saturating_sub(from) }
    }

    /// The number of this digest that `is_it` likes.
    pub(super) fn find(&self, digest: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let mut place = self.first(digest);
        loop {
            match self.places.get(place) {
                None | Some(&FREE) => return None,
                Some(&number) if is_it(number) => return Some(number),
                Some(_) => place = self.next(place),
            }
        }
    }

    /// Adds a number that is not there; `digest_of` gives the digest of any number that is.
    pub(super) fn insert(&mut self, digest: u64, number: u32, digest_of: impl Fn(u32) -> u64) {
        if (self.used + 1).saturating_mul(4) > self.places.len().saturating_mul(3) {
            let before = std::mem::replace(&mut self.places, vec![FREE; room(self.used + self.used / 2 + 1)]);
            for known in before.into_iter().filter(|known| *known != FREE) {
                self.put(digest_of(known), known);
            }
        }
        self.put(digest, number);
        self.used += 1;
    }

    fn put(&mut self, digest: u64, number: u32) {
        let mut place = self.first(digest);
        while self.places.get(place).is_some_and(|known| *known != FREE) {
            place = self.next(place);
        }
        if let Some(slot) = self.places.get_mut(place) {
            *slot = number;
        }
    }

    /// Takes a number out; what was pushed on by it moves back.
    pub(super) fn remove(&mut self, digest: u64, number: u32, digest_of: impl Fn(u32) -> u64) {
        let mut hole = self.first(digest);
        loop {
            match self.places.get(hole) {
                None | Some(&FREE) => return,
                Some(&known) if known == number => break,
                Some(_) => hole = self.next(hole),
            }
        }
        self.used = self.used.saturating_sub(1);
        let mut place = hole;
        loop {
            place = self.next(place);
            let Some(&known) = self.places.get(place) else { return };
            if known == FREE {
                break;
            }
            // It may move into the hole if its own first place is not behind the hole.
            let first = self.first(digest_of(known));
            if self.steps(first, place) >= self.steps(hole, place) {
                if let Some(slot) = self.places.get_mut(hole) {
                    *slot = known;
                }
                hole = place;
            }
        }
        if let Some(slot) = self.places.get_mut(hole) {
            *slot = FREE;
        }
    }
}

fn room(numbers: usize) -> usize {
    numbers.saturating_add(numbers.saturating_mul(2) / 5).max(8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::Lookup;

    proptest! {
        #[test]
        fn it_finds_what_a_map_finds(steps in proptest::collection::vec((0_u64..40, any::<bool>()), 0..400)) {
            let mut lookup = Lookup::default();
            let mut map = std::collections::HashMap::new();
            // Digests that meet in few places.
            let digest_of = |number: u32| u64::from(number) % 3;
            for (value, come) in steps {
                let number = u32::try_from(value).unwrap();
                match (come, map.contains_key(&number)) {
                    (true, false) => {
                        lookup.insert(digest_of(number), number, digest_of);
                        map.insert(number, ());
                    }
                    (false, true) => {
                        lookup.remove(digest_of(number), number, digest_of);
                        map.remove(&number);
                    }
                    _ => {}
                }
                for number in 0..40 {
                    let found = lookup.find(digest_of(number), |known| known == number);
                    prop_assert_eq!(found.is_some(), map.contains_key(&number));
                }
            }
        }
    }
}
