//! Sizes on the wire, and a message that is too large told apart into several, each under the limit.

/// Octets of the header fields of one part and its boundary, at most about so many.
const PART_HEAD: u64 = 512;
/// Octets of the header fields of a whole message.
const HEAD: u64 = 4096;
/// More messages than this are no message any more.
pub const PARTS_MAX: usize = 99;

/// What content of so many bytes takes on the wire: base64 in lines (RFC 2045 §6.8), with its header fields.
#[must_use]
pub fn on_the_wire(bytes: u64) -> u64 {
    bytes.div_ceil(57).saturating_mul(78).saturating_add(PART_HEAD)
}

/// What a message with a text and files takes on the wire, about: not signed, not encrypted.
#[must_use]
pub fn message_size(text: u64, files: impl IntoIterator<Item = u64>) -> u64 {
    files.into_iter().map(on_the_wire).fold(HEAD.saturating_add(text), u64::saturating_add)
}

/// Why a message cannot be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// The file at this place is too large by itself.
    File(usize),
    /// The text alone is too large.
    Text,
    /// It would take more than [`PARTS_MAX`] messages.
    Many,
}

/// Puts files into messages, in their order, so that none is larger than `limit` on the wire: how many files each has.
///
/// # Errors
/// Where there is no way to.
pub fn plan(text: u64, files: &[u64], limit: u64) -> Result<Vec<usize>, Whole> {
    if message_size(text, []) > limit {
        return Err(Whole::Text);
    }
    let mut counts: Vec<usize> = vec![0];
    let mut size = message_size(text, []);
    for (place, bytes) in files.iter().enumerate() {
        let wire = on_the_wire(*bytes);
        if size.saturating_add(wire) > limit {
            // The text stands in the first; the others have a line or two.
            size = message_size(1024, []);
            if size.saturating_add(wire) > limit {
                return Err(Whole::File(place));
            }
            // Not before an empty message: the first may have the text alone.
            counts.push(0);
        }
        size = size.saturating_add(wire);
        if let Some(last) = counts.last_mut() {
            *last += 1;
        }
    }
    if counts.len() > PARTS_MAX { Err(Whole::Many) } else { Ok(counts) }
}

/// The subject of one of several messages.
#[must_use]
pub fn subject(subject: &str, number: usize, of: usize) -> String {
    format!("{} ({number} of {of})", subject.trim()).trim_start().to_owned()
}

/// The text of the messages behind the first.
#[must_use]
pub fn text(first: &str, number: usize, of: usize) -> String {
    format!("This is message {number} of {of}. The text is in the first of them, \u{201c}{first}\u{201d}.\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Whole, message_size, on_the_wire, plan, subject};

    const MB: u64 = 1 << 20;

    #[test]
    fn files_stay_in_order_and_every_message_is_under_the_limit() {
        let check = |files: &[u64], expected: Result<Vec<usize>, Whole>| {
            assert_eq!(plan(500, files, 10 * MB), expected, "{files:?}");
        };
        check(&[], Ok(vec![0]));
        check(&[MB, MB], Ok(vec![2]));
        check(&[4 * MB, 4 * MB, 4 * MB], Ok(vec![1, 1, 1]));
        check(&[3 * MB, 3 * MB, 3 * MB, 100], Ok(vec![2, 2]));
        check(&[MB, 8 * MB, MB], Err(Whole::File(1)));
        check(&[0; 3], Ok(vec![3]));
        assert_eq!(plan(11 * MB, &[1], 10 * MB), Err(Whole::Text));
        assert_eq!(plan(0, &[7 * MB; 100], 10 * MB), Err(Whole::Many));
        // A text that leaves no room for the first file goes alone.
        assert_eq!(plan(9 * MB, &[4 * MB], 10 * MB), Ok(vec![0, 1]));
    }

    #[test]
    fn a_size_on_the_wire_is_not_less_than_base64_makes_it() {
        use base64::Engine as _;
        for bytes in [0_usize, 1, 56, 57, 58, 1000, 100_000] {
            let encoded = base64::engine::general_purpose::STANDARD.encode(vec![0; bytes]);
            let lines = encoded.len().div_ceil(76);
            assert!(on_the_wire(bytes as u64) >= (encoded.len() + 2 * lines) as u64, "{bytes}");
        }
    }

    #[test]
    fn subjects_are_numbered() {
        assert_eq!(subject("R v FERRET 99ZX0012326 ", 1, 3), "R v FERRET 99ZX0012326 (1 of 3)");
        assert_eq!(subject("", 2, 3), "(2 of 3)");
    }

    proptest! {
        #[test]
        fn no_file_is_lost_and_no_message_too_large(files in prop::collection::vec(0_u64..20_000_000, 0..60), text in 0_u64..100_000) {
            let limit = 12_000_000;
            if let Ok(counts) = plan(text, &files, limit) {
                prop_assert_eq!(counts.iter().sum::<usize>(), files.len());
                let mut rest = files.as_slice();
                for (number, count) in counts.iter().enumerate() {
                    let (these, others) = rest.split_at(*count);
                    rest = others;
                    let text = if number == 0 { text } else { 1024 };
                    prop_assert!(message_size(text, these.iter().copied()) <= limit);
                    prop_assert!(number == 0 || *count > 0);
                }
            }
        }
    }
}
