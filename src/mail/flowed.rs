//! `format=flowed` (RFC 3676): paragraphs that the reader's screen may wrap anew, in mail that every other reader can still read.

/// Columns of a flowed line with its quote marks and trailing space (RFC 3676 §4.2 asks for at most 78).
const COLUMNS: usize = 74;
/// A line up to this long is left as it is.
const COLUMNS_MAX: usize = 78;
/// The line before a signature (§4.3): its space is no soft line break.
const SIGNATURE: &str = "-- ";

/// Undoes the flow: each paragraph becomes one line, quote marks are kept. Text with lines ended by `\n`.
#[must_use]
pub(crate) fn decode(text: &str, delete_space: bool) -> String {
    let mut decoded = String::with_capacity(text.len());
    // Depth of the paragraph being joined.
    let mut flowing: Option<usize> = None;
    let (text, ended) = text.strip_suffix('\n').map_or((text, false), |text| (text, true));
    for (at, line) in text.split('\n').enumerate() {
        let (depth, stuffed, content) = dissect(line);
        let signature = content == SIGNATURE;
        if flowing == Some(depth) && !signature {
            // The rest of the paragraph.
        } else {
            if at > 0 {
                decoded.push('\n');
            }
            decoded.extend(std::iter::repeat_n('>', depth));
            if depth > 0 && stuffed {
                decoded.push(' ');
            }
        }
        let flows = content.ends_with(' ') && !signature;
        decoded.push_str(if flows && delete_space { content.strip_suffix(' ').unwrap_or(content) } else { content });
        flowing = flows.then_some(depth);
    }
    if ended {
        decoded.push('\n');
    }
    decoded
}

/// Makes long lines flow. White space at the end of lines is taken off, so that no line flows by mistake.
#[must_use]
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + text.len() / 32);
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            encoded.push('\n');
        }
        let (depth, stuffed, content) = if line.starts_with('>') { dissect(line) } else { (0, false, line) };
        if content == SIGNATURE {
            push_line(&mut encoded, depth, stuffed, content);
            continue;
        }
        let mut rest = content.trim_end_matches([' ', '\t']);
        // With the space that may be stuffed.
        let marks = depth + 1;
        let mut stuffed = stuffed;
        while rest.chars().count() + marks > COLUMNS_MAX {
            let Some((piece, after)) = cut(rest, COLUMNS.saturating_sub(marks)) else { break };
            push_line(&mut encoded, depth, stuffed, piece);
            encoded.push('\n');
            rest = after;
            // A continued quote is stuffed, lest its first character pass for another quote mark.
            stuffed |= depth > 0;
        }
        push_line(&mut encoded, depth, stuffed, rest);
    }
    encoded
}

/// Quote depth, whether a space follows the marks, and what stands behind (§4.4, §4.5).
fn dissect(line: &str) -> (usize, bool, &str) {
    let content = line.trim_start_matches('>');
    let depth = line.len() - content.len();
    content.strip_prefix(' ').map_or((depth, false, content), |content| (depth, true, content))
}

/// Space-stuffing (§4.4) of what would be read as something else.
fn push_line(encoded: &mut String, depth: usize, stuffed: bool, content: &str) {
    encoded.extend(std::iter::repeat_n('>', depth));
    let needs = depth == 0 && (content.starts_with([' ', '>']) || content.starts_with("From "));
    if stuffed || needs {
        encoded.push(' ');
    }
    encoded.push_str(content);
}

/// Cuts behind the last space within so many columns, or else behind the first space there is. Both pieces hold something.
fn cut(line: &str, columns: usize) -> Option<(&str, &str)> {
    let mut at = None;
    let mut before = None;
    for (column, (place, c)) in line.char_indices().enumerate() {
        // A word begins: the spaces before it stay on the upper line, which must itself not be blank.
        if c != ' ' && before == Some(' ') && !line.get(..place).is_none_or(|piece| piece.trim().is_empty()) {
            if column > columns && at.is_some() {
                break;
            }
            at = Some(place);
            if column > columns {
                break;
            }
        }
        before = Some(c);
    }
    at.and_then(|at| line.split_at_checked(at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::{decode, encode};

    #[test]
    fn paragraphs_are_joined_at_equal_depth_only() {
        let check = |text: &str, expected: &str| assert_eq!(decode(text, false), expected, "{text:?}");
        check("one \ntwo\n", "one two\n");
        check("one\ntwo", "one\ntwo");
        check("> one \n> two\nthree", "> one two\nthree");
        check("> one \n>> two \nthree", "> one \n>> two \nthree");
        check(">> one \n>> two", ">> one two");
        check(">one", ">one");
        check(" stuffed", "stuffed");
        check(" From here", "From here");
        check("text \n-- \nB. Quill", "text \n-- \nB. Quill");
        check("", "");
        check("\n\n", "\n\n");
        assert_eq!(decode("one \ntwo \nthree", true), "onetwothree");
    }

    #[test]
    fn long_lines_flow_and_short_ones_stay() {
        let long = "We would accept a plea to the lesser charge on the agreed basis, ".repeat(3);
        let encoded = encode(long.trim_end());
        assert!(encoded.lines().all(|line| line.len() <= 78), "{encoded}");
        assert_eq!(encoded.lines().count(), 3);
        assert_eq!(decode(&encoded, false), long.trim_end());
        assert_eq!(encode("short \n\n-- \nB. Quill"), "short\n\n-- \nB. Quill");
        assert_eq!(encode(" indented\nFrom here\n> quoted"), "  indented\n From here\n> quoted");
        assert_eq!(encode(&"x".repeat(200)), "x".repeat(200));
    }

    proptest! {
        #[test]
        fn what_flows_comes_back(lines in proptest::collection::vec("(> ?){0,2}([a-z>é]{1,30} {1,2}){0,12}", 0..6)) {
            let text = lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n");
            let encoded = encode(&text);
            prop_assert!(encoded.split('\n').all(|line| line.chars().count() <= 78));
            prop_assert_eq!(decode(&encoded, false), text);
        }
    }
}
