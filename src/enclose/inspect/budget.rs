//! How much of a file is unpacked, all in all: a small file may unpack to any size, part after part, document within document.

use std::io::{self, Read};

/// Unpacked bytes of a file, with all that lies in it, that are looked at: a few seconds of work.
pub(super) const BYTES_MAX: u64 = 256 << 20;
/// Unpacked bytes that are passed over on the way to others.
const SKIPPED_MAX: u64 = 1 << 30;

/// What is left of it.
pub(super) struct Budget {
    left: u64,
    skips: u64,
    is_cut: bool,
}

impl Budget {
    pub(super) const fn new(bytes: u64) -> Self {
        Self { left: bytes, skips: SKIPPED_MAX, is_cut: false }
    }

    /// Whether something was not looked at, because there was too much of it.
    pub(super) const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Something is not looked at, because there is too much of it.
    pub(super) const fn cut(&mut self) {
        self.is_cut = true;
    }

    /// Passes over what is unpacked; whether that was within what may be passed over.
    pub(super) fn skip(&mut self, from: &mut impl Read, bytes: u64) -> bool {
        if bytes > self.skips {
            self.cut();
            return false;
        }
        self.skips -= bytes;
        io::copy(&mut from.take(bytes), &mut io::sink()).is_ok_and(|skipped| skipped == bytes)
    }

    /// What is unpacked, up to `most` bytes and to what is left.
    pub(super) fn over<R: Read>(&mut self, from: R, most: u64) -> Metered<'_, R> {
        Metered { from, most, budget: self }
    }
}

/// A part that is unpacked, at the cost of a budget.
pub(super) struct Metered<'b, R> {
    from: R,
    most: u64,
    budget: &'b mut Budget,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.most.min(self.budget.left)).unwrap_or(usize::MAX).min(bytes.len());
        let Some(room) = bytes.get_mut(..most).filter(|room| !room.is_empty()) else {
            // The end of it, or of what is looked at.
            if !bytes.is_empty() && self.from.read(&mut [0])? > 0 {
                self.budget.cut();
            }
            return Ok(0);
        };
        let count = self.from.read(room)?;
        self.most -= count as u64;
        self.budget.left -= count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::Budget;

    #[test]
    fn all_parts_share_what_may_be_unpacked() {
        let mut budget = Budget::new(10);
        let read = |budget: &mut Budget, bytes: &[u8], most: u64| {
            let mut content = Vec::new();
            budget.over(bytes, most).read_to_end(&mut content).unwrap();
            content.len()
        };
        assert_eq!((read(&mut budget, &[1; 4], 4), budget.is_cut()), (4, false), "exactly as much");
        assert_eq!((read(&mut budget, &[1; 6], 100), budget.is_cut()), (6, false));
        assert_eq!((read(&mut budget, &[], 100), budget.is_cut()), (0, false));
        assert_eq!((read(&mut budget, &[1; 9], 100), budget.is_cut()), (0, true));
        let mut budget = Budget::new(10);
        assert_eq!((read(&mut budget, &[1; 9], 3), budget.is_cut()), (3, true), "a part that is too large");
        assert_eq!(read(&mut budget, &[1; 9], 100), 7);
    }
}
