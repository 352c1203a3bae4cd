//! What a device knew of the others when it wrote a record.

use std::collections::BTreeMap;

use super::record::{DeviceId, Record, Stamp};

/// What each record of each device had seen of the others, as far as it is known here.
#[derive(Clone, Debug, Default)]
pub struct Causes {
    /// By the device that writes: from which record on, up to which record of the other.
    seen: BTreeMap<DeviceId, BTreeMap<DeviceId, BTreeMap<u64, u64>>>,
}

impl Causes {
    /// Takes note of a record.
    pub fn note(&mut self, record: &Record) {
        for seen in &record.seen {
            let of_device = self.seen.entry(record.device.clone()).or_default();
            of_device.entry(seen.device.clone()).or_default().insert(record.seq, seen.seq);
        }
    }

    /// Whether whoever wrote `later` knew of `earlier`.
    #[must_use]
    pub fn knew(&self, later: &Stamp, earlier: &Stamp) -> bool {
        if later.device == earlier.device {
            return earlier.seq <= later.seq;
        }
        let seen = self.seen.get(&later.device).and_then(|of_device| of_device.get(&earlier.device));
        seen.and_then(|steps| steps.range(..=later.seq).next_back()).is_some_and(|(_, seq)| *seq >= earlier.seq)
    }
}

/// The values of a field that nobody who wrote another one knew of: one, unless two devices wrote at the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontier<T> {
    values: Vec<(Stamp, T)>,
}

impl<T> Default for Frontier<T> {
    fn default() -> Self {
        Self { values: Vec::new() }
    }
}

impl<T> Frontier<T> {
    /// Writes a value. Called in the order of the stamps; what it was written in the knowledge of falls.
    pub fn write(&mut self, stamp: Stamp, value: T, causes: &Causes) {
        self.values.retain(|(earlier, _)| !causes.knew(&stamp, earlier));
        self.values.push((stamp, value));
    }

    /// The value that stands: the latest.
    #[must_use]
    pub fn latest(&self) -> Option<&T> {
        self.values.last().map(|(_, value)| value)
    }

    /// The values, the one that stands last, where they do not all agree.
    #[must_use]
    pub fn rivals(&self, agree: impl Fn(&T, &T) -> bool) -> Option<impl Iterator<Item = &T>> {
        let (first, rest) = self.values.split_first()?;
        rest.iter().any(|(_, value)| !agree(value, &first.1)).then(|| self.values.iter().map(|(_, value)| value))
    }
}
