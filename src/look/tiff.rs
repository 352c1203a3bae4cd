//! What is written as TIFF is (revision 6.0 §2), the notes of a camera among it (Exif 2.3 §4.5): directories of entries. Pure.

/// Entries of a directory that are read.
const ENTRIES_MAX: usize = 500;

/// Bytes that are written so.
pub(crate) struct Tiff<'b> {
    bytes: &'b [u8],
    is_little: bool,
}

impl<'b> Tiff<'b> {
    /// Of bytes that begin with which octet of a number comes first.
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, is_little: bytes.starts_with(b"II") }
    }

    /// A number of so many octets at a place.
    fn number(&self, at: usize, octets: usize) -> Option<usize> {
        let piece = self.bytes.get(at..at.checked_add(octets)?)?;
        let add = |sum: usize, byte: &u8| (sum << 8) | usize::from(*byte);
        Some(if self.is_little { piece.iter().rev().fold(0, add) } else { piece.iter().fold(0, add) })
    }

    /// Where the directories are, in their order; one that points back would never end, and is the caller's to end.
    pub(crate) fn directories(&self) -> impl Iterator<Item = usize> {
        let next = |at: &usize| {
            let skip = self.number(*at, 2)?.checked_mul(12)?;
            self.number(at.checked_add(2)?.checked_add(skip)?, 4)
        };
        let is_one = |at: &usize| *at != 0 && self.number(*at, 2).is_some();
        std::iter::successors(self.number(4, 4), next).take_while(is_one)
    }

    /// The number of two octets that a directory has under a tag.
    pub(crate) fn short(&self, directory: usize, tag: usize) -> Option<usize> {
        let count = self.number(directory, 2)?.min(ENTRIES_MAX);
        let entry = (0..count).map(|place| directory + 2 + place * 12).find(|at| self.number(*at, 2) == Some(tag))?;
        self.number(entry + 8, 2)
    }
}

#[cfg(test)]
mod tests {
    use super::Tiff;

    #[test]
    fn directories_and_their_numbers_are_read_in_either_order() {
        let little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\x08\0\0\0";
        let big = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\x08";
        for bytes in [&little[..], &big[..]] {
            let tiff = Tiff::new(bytes);
            assert_eq!(tiff.directories().take(3).collect::<Vec<_>>(), [8, 8, 8], "one that points back");
            assert_eq!((tiff.short(8, 0x0112), tiff.short(8, 0x0113)), (Some(6), None));
        }
        for bytes in [&b""[..], b"II*\0\xff\xff\xff\xff", b"II*\0\0\0\0\0"] {
            assert_eq!(Tiff::new(bytes).directories().count(), 0);
            assert_eq!(Tiff::new(bytes).short(usize::MAX, 1), None);
        }
    }
}
