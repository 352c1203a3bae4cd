//! How deep the content of a page leaves the stack of graphics states. Honest pages leave it as it was; others would take the number that is written
//! below them along, out of sight.

use lopdf::{Document, Object, ObjectId};

use super::bounded;

/// Bytes of a page's content that are looked at.
const CONTENT_MAX: u64 = 32 << 20;

/// States that must be kept before a page's content, and taken back after it, so that everything is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Balance {
    pub(super) before: usize,
    pub(super) after: usize,
}

impl Default for Balance {
    fn default() -> Self {
        Self { before: 1, after: 1 }
    }
}

/// Of the streams of a page, one behind the other; of what cannot be looked at, that it is honest.
pub(super) fn of_page(document: &Document, streams: &[ObjectId]) -> Balance {
    let mut content = Vec::new();
    for id in streams {
        let left = CONTENT_MAX.saturating_sub(content.len() as u64);
        let found =
            document.get_object(*id).and_then(Object::as_stream).ok().map(|stream| bounded::content(stream, left));
        let Some(Some(found)) = found else { return Balance::default() };
        content.extend_from_slice(&found);
        content.push(b'\n');
    }
    of_content(&content)
}

fn of_content(content: &[u8]) -> Balance {
    let (mut depth, mut lowest) = (0_i64, 0_i64);
    let mut rest = content;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b'%' => after
                .iter()
                .position(|one| matches!(one, b'\r' | b'\n'))
                .and_then(|at| after.get(at..))
                .unwrap_or_default(),
            b'(' => string(after),
            // A dictionary, in which strings may stand, and no string itself.
            b'<' if after.first() == Some(&b'<') => after.get(1..).unwrap_or_default(),
            b'<' => after.iter().position(|one| *one == b'>').and_then(|at| after.get(at + 1..)).unwrap_or_default(),
            byte if is_regular(byte) => {
                let end = rest.iter().position(|one| !is_regular(*one)).unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                match word {
                    b"q" => depth += 1,
                    b"Q" => depth -= 1,
                    _ => {}
                }
                lowest = lowest.min(depth);
                // The bytes of a picture within the content are no operators.
                if word == b"ID" { picture(after) } else { after }
            }
            b'/' => {
                let end = after.iter().position(|one| !is_regular(*one)).unwrap_or(after.len());
                after.get(end..).unwrap_or_default()
            }
            _ => after,
        };
    }
    let before = 1 - lowest;
    let count = |count: i64| usize::try_from(count).unwrap_or(1);
    Balance { before: count(before), after: count(before + depth) }
}

/// Whether a byte goes on with a word or a name (ISO 32000-1 §7.2.2).
fn is_regular(byte: u8) -> bool {
    !matches!(
        byte,
        b'\0'
            | b'\t'
            | b'\n'
            | 0x0c
            | b'\r'
            | b' '
            | b'('
            | b')'
            | b'<'
            | b'>'
            | b'['
            | b']'
            | b'{'
            | b'}'
            | b'/'
            | b'%'
    )
}

/// What stands behind a string whose bracket was opened.
fn string(mut rest: &[u8]) -> &[u8] {
    let mut depth = 1_usize;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'\\' => rest = after.get(1..).unwrap_or_default(),
            b'(' => depth += 1,
            b')' if depth == 1 => break,
            b')' => depth -= 1,
            _ => {}
        }
    }
    rest
}

/// What stands behind a picture whose bytes begin: `EI` between white space.
fn picture(rest: &[u8]) -> &[u8] {
    let is_end = |at: &usize| {
        let is_space = |at: Option<usize>| at.and_then(|at| rest.get(at)).is_none_or(|byte| byte.is_ascii_whitespace());
        is_space(at.checked_sub(1)) && is_space(Some(at + 2))
    };
    memchr::memmem::find_iter(rest, b"EI").find(is_end).and_then(|at| rest.get(at + 2..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Balance, of_content};

    #[test]
    fn what_is_left_open_or_taken_too_often_is_counted() {
        let check = |content: &[u8], before, after| assert_eq!(of_content(content), Balance { before, after });
        check(b"", 1, 1);
        check(b"q 1 0 0 1 0 0 cm Q", 1, 1);
        check(b"q q 0.1 0 0 0.1 0 0 cm", 1, 3);
        check(b"q Q Q Q", 3, 1);
        check(b"Q q q", 2, 3);
        check(b"(q \\) q (q) q) Tj <71> Tj /q gs % q\nq", 1, 2);
        check(b"BI /W 1 ID \x00 q q\xffEIq EI q", 1, 2);
        check(b"<< /q (q) >> BDC [(q)] TJ Q", 2, 1);
        check(b"<</A (> q)>> BDC Q", 2, 1);
        check(b"<</A<</B(> q >)>>/C<71>>> BDC q", 1, 2);
    }
}
