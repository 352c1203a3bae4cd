//! A set of UIDs as sorted ranges, small even for a million of them, and its text as a sequence set (RFC 9051 §9 `sequence-set`).

use std::fmt;
use std::ops::RangeInclusive;

/// A set of UIDs. Never holds 0.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UidSet {
    /// Sorted, disjoint, not adjacent.
    ranges: Vec<(u32, u32)>,
}

impl UidSet {
    /// The empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self { ranges: Vec::new() }
    }

    /// Nothing in it?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.ranges.iter().map(|&(a, b)| u64::from(b - a) + 1).sum()
    }

    /// Is it in?
    #[must_use]
    pub fn contains(&self, uid: u32) -> bool {
        let after = self.ranges.partition_point(|&(_, b)| b < uid);
        self.ranges.get(after).is_some_and(|&(a, _)| a <= uid)
    }

    /// The lowest.
    #[must_use]
    pub fn first(&self) -> Option<u32> {
        self.ranges.first().map(|&(a, _)| a)
    }

    /// The highest.
    #[must_use]
    pub fn last(&self) -> Option<u32> {
        self.ranges.last().map(|&(_, b)| b)
    }

    /// Puts one in; returns whether it is new. Fast at either end, which is how UIDs come.
    pub fn insert(&mut self, uid: u32) -> bool {
        if uid == 0 || self.contains(uid) {
            return false;
        }
        let at = self.ranges.partition_point(|&(_, b)| b < uid);
        let joins_before =
            at.checked_sub(1).and_then(|i| self.ranges.get(i)).is_some_and(|&(_, b)| b.checked_add(1) == Some(uid));
        let joins_after = self.ranges.get(at).is_some_and(|&(a, _)| uid.checked_add(1) == Some(a));
        match (joins_before, joins_after) {
            (true, true) => {
                let (_, end) = self.ranges.remove(at);
                if let Some(before) = at.checked_sub(1).and_then(|i| self.ranges.get_mut(i)) {
                    before.1 = end;
                }
            }
            (true, false) => {
                if let Some(before) = at.checked_sub(1).and_then(|i| self.ranges.get_mut(i)) {
                    before.1 = uid;
                }
            }
            (false, true) => {
                if let Some(after) = self.ranges.get_mut(at) {
                    after.0 = uid;
                }
            }
            (false, false) => self.ranges.insert(at, (uid, uid)),
        }
        true
    }

    /// Puts a range in, in either order of its ends; 0 is left out.
    pub fn insert_range(&mut self, range: &RangeInclusive<u32>) {
        let (a, b) = (*range.start().min(range.end()), *range.start().max(range.end()));
        let (mut a, mut b) = (a.max(1), b);
        if b == 0 {
            return;
        }
        let from = self.ranges.partition_point(|&(_, end)| end < a.saturating_sub(1));
        let to = self.ranges.partition_point(|&(start, _)| start <= b.saturating_add(1));
        if let (Some(&(first, _)), Some(&(_, last))) =
            (self.ranges.get(from), to.checked_sub(1).and_then(|i| self.ranges.get(i)))
            && from < to
        {
            a = a.min(first);
            b = b.max(last);
        }
        self.ranges.splice(from..to.max(from), [(a, b)]);
    }

    /// Those of `self` that are not in `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        let mut others = other.ranges.iter().copied().peekable();
        for &(start, end) in &self.ranges {
            let mut a = start;
            let mut whole = false;
            while let Some(&(x, y)) = others.peek() {
                if y < a {
                    others.next();
                    continue;
                }
                if x > end {
                    break;
                }
                if x > a {
                    left.push((a, x - 1));
                }
                if y >= end {
                    whole = true;
                    break;
                }
                a = y + 1;
                others.next();
            }
            if !whole {
                left.push((a, end));
            }
        }
        Self { ranges: left }
    }

    /// Those in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        self.without(&self.without(other))
    }

    /// Those up to and including `last`.
    #[must_use]
    pub fn up_to(&self, last: u32) -> Self {
        let mut all = Self::new();
        all.insert_range(&(1..=last));
        if last == 0 { Self::new() } else { self.and(&all) }
    }

    /// All, lowest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
        self.ranges.iter().flat_map(|&(a, b)| a..=b)
    }

    /// The ranges, lowest first.
    pub fn ranges(&self) -> impl DoubleEndedIterator<Item = RangeInclusive<u32>> + '_ {
        self.ranges.iter().map(|&(a, b)| a..=b)
    }

    /// Cuts the set, highest UIDs first, into sets of at most `count` UIDs whose texts are at most about 4,000 characters, so
    /// that a command line stays well below the 8,192 octets that servers must accept (RFC 7162 §4).
    #[must_use]
    pub fn chunks_newest_first(&self, count: u64) -> Vec<Self> {
        let (mut chunks, mut current, mut room) = (Vec::new(), Vec::new(), count.max(1));
        for &(a, end) in self.ranges.iter().rev() {
            let mut b = end;
            loop {
                let take = (u64::from(b - a) + 1).min(room);
                let low = b - u32::try_from(take - 1).unwrap_or(u32::MAX);
                current.push((low, b));
                room -= take;
                if room == 0 || current.len() >= 180 {
                    current.reverse();
                    chunks.push(Self { ranges: std::mem::take(&mut current) });
                    room = count.max(1);
                }
                if low == a {
                    break;
                }
                b = low - 1;
            }
        }
        if !current.is_empty() {
            current.reverse();
            chunks.push(Self { ranges: current });
        }
        chunks
    }
}

impl FromIterator<u32> for UidSet {
    fn from_iter<I: IntoIterator<Item = u32>>(uids: I) -> Self {
        let mut set = Self::new();
        set.extend(uids);
        set
    }
}

impl Extend<u32> for UidSet {
    fn extend<I: IntoIterator<Item = u32>>(&mut self, uids: I) {
        for uid in uids {
            self.insert(uid);
        }
    }
}

impl From<RangeInclusive<u32>> for UidSet {
    fn from(range: RangeInclusive<u32>) -> Self {
        let mut set = Self::new();
        set.insert_range(&range);
        set
    }
}

/// As a sequence set: `1:4,7`. The empty set has no such text; it is shown as nothing.
impl fmt::Display for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, &(a, b)) in self.ranges.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            if a == b { write!(f, "{comma}{a}")? } else { write!(f, "{comma}{a}:{b}")? }
        }
        Ok(())
    }
}

impl fmt::Debug for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UidSet({self})")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::UidSet;

    fn model() -> impl Strategy<Value = BTreeSet<u32>> {
        proptest::collection::btree_set(1_u32..60, 0..40)
    }

    proptest! {
        #[test]
        fn is_the_set_it_says(a in model(), b in model()) {
            let (x, y): (UidSet, UidSet) = (a.iter().copied().collect(), b.iter().rev().copied().collect());
            prop_assert_eq!(x.iter().collect::<BTreeSet<_>>(), a.clone());
            prop_assert_eq!(x.len(), a.len() as u64);
            prop_assert_eq!(x.without(&y).iter().collect::<Vec<_>>(), a.difference(&b).copied().collect::<Vec<_>>());
            prop_assert_eq!(x.and(&y).iter().collect::<Vec<_>>(), a.intersection(&b).copied().collect::<Vec<_>>());
            for uid in 0..62 {
                prop_assert_eq!(x.contains(uid), a.contains(&uid));
            }
        }

        #[test]
        fn ranges_join(ranges in proptest::collection::vec((0_u32..50, 0_u32..50), 0..12)) {
            let mut set = UidSet::new();
            let mut model = BTreeSet::new();
            for (a, b) in ranges {
                set.insert_range(&(a..=b));
                model.extend((a.min(b)..=a.max(b)).filter(|&uid| uid > 0));
            }
            prop_assert_eq!(set.iter().collect::<BTreeSet<_>>(), model);
            let ranges: Vec<_> = set.ranges().collect();
            for pair in ranges.windows(2) {
                prop_assert!(*pair[0].end() + 1 < *pair[1].start());
            }
        }

        #[test]
        fn chunks_hold_all_newest_first(a in model(), count in 1_u64..20) {
            let set: UidSet = a.iter().copied().collect();
            let chunks = set.chunks_newest_first(count);
            let mut all = UidSet::new();
            let mut low = u32::MAX;
            for chunk in &chunks {
                prop_assert!(chunk.len() <= count && !chunk.is_empty());
                prop_assert!(chunk.last().unwrap() < low);
                low = chunk.first().unwrap();
                all.extend(chunk.iter());
            }
            prop_assert_eq!(all, set);
        }
    }

    #[test]
    fn text_is_a_sequence_set() {
        let set: UidSet = [7, 1, 2, 4, 3, 9, 10].into_iter().collect();
        assert_eq!(set.to_string(), "1:4,7,9:10");
        assert_eq!(UidSet::from(5..=u32::MAX).to_string(), "5:4294967295");
        assert_eq!(UidSet::new().to_string(), "");
    }

    #[test]
    fn extremes() {
        let mut set = UidSet::from(1..=u32::MAX);
        assert_eq!(set.len(), u64::from(u32::MAX));
        assert!(!set.insert(0) && !set.insert(u32::MAX));
        set = set.without(&UidSet::from(2..=u32::MAX - 1));
        assert_eq!(set.to_string(), "1,4294967295");
        assert!(UidSet::from(1..=9).up_to(0).is_empty());
        set.insert_range(&(0..=0));
        assert_eq!(set.len(), 2);
    }
}
