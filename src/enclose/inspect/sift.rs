//! A file read through in pieces that overlap, so that little of it is held.

use std::io::{Read, Seek, SeekFrom};

/// Bytes of a piece.
const PIECE: usize = 256 << 10;

/// Reads all of it, in pieces, each with the last `overlap` bytes of the one before; `each` gets a piece and the place of its first byte. What stands
/// whole in the overlap is seen twice.
pub(super) fn sift<R: Read + Seek>(content: &mut R, overlap: usize, each: impl FnMut(&[u8], u64)) {
    if content.seek(SeekFrom::Start(0)).is_ok() {
        through(content, overlap, each);
    }
}

/// The same for what is read from its beginning, and can be read once.
pub(super) fn through(content: &mut impl Read, overlap: usize, mut each: impl FnMut(&[u8], u64)) {
    let mut window: Vec<u8> = Vec::with_capacity(PIECE + overlap);
    let mut at = 0_u64;
    loop {
        let before = window.len();
        let read = content.by_ref().take(PIECE as u64).read_to_end(&mut window).unwrap_or(0);
        if window.len() > before {
            each(&window, at);
        }
        if read < PIECE {
            return;
        }
        let kept = window.len().min(overlap);
        let gone = window.len() - kept;
        window.drain(..gone);
        at = at.saturating_add(gone as u64);
    }
}

/// How often each of the expressions stands in all that can be read.
pub(super) fn counted(mut content: impl Read, expressions: &[&regex::bytes::Regex]) -> Vec<usize> {
    let mut window: Vec<u8> = Vec::new();
    let mut counts = vec![0_usize; expressions.len()];
    loop {
        let read = content.by_ref().take(PIECE as u64).read_to_end(&mut window).unwrap_or(0);
        let last = read < PIECE;
        // Up to the last `<`: an element that is cut is looked at with the next piece.
        // One that does not end within a piece is none.
        let cut = memchr::memrchr(b'<', &window).filter(|at| *at > 0);
        let end = if last { window.len() } else { cut.unwrap_or(window.len()) };
        let whole = window.get(..end).unwrap_or_default();
        for (count, expression) in counts.iter_mut().zip(expressions) {
            *count += expression.find_iter(whole).count();
        }
        if last {
            return counts;
        }
        window.drain(..end);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::{PIECE, counted, sift};

    #[test]
    fn what_stands_on_the_edge_of_two_pieces_is_seen() {
        let expression = regex::bytes::Regex::new("<w:x>").unwrap();
        for place in [0, PIECE - 3, PIECE - 1, PIECE, 2 * PIECE - 2, 3 * PIECE] {
            let mut content = vec![b'.'; 3 * PIECE + 10];
            content[place..place + 5].copy_from_slice(b"<w:x>");
            let mut seen = None;
            sift(&mut Cursor::new(&content), 16, |window, at| {
                seen = seen.or(memchr::memmem::find(window, b"<w:x>").map(|found| at + found as u64));
            });
            assert_eq!(seen, Some(place as u64));
            assert_eq!(counted(content.as_slice(), &[&expression]), [1], "{place}");
        }
    }
}
