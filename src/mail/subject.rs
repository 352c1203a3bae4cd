//! Subjects compared and shown: the base subject of RFC 5256 §2.1, and the clean one of a case list.

use std::sync::LazyLock;

use regex::Regex;

/// Bytes of a subject that are looked at: its marks stand at its ends, and taking them off one by one costs the square of their number.
const SUBJECT_MAX: usize = 2000;

/// A base subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BaseSubject {
    /// In lower-case, so that it can be compared.
    pub text: String,
    /// A mark of a reply or forward was taken off.
    pub is_reply: bool,
}

/// RFC 5256 §2.1: the subject without what mailers put around it. Takes a decoded subject.
#[must_use]
pub fn base_subject(subject: &str) -> BaseSubject {
    // Step (1): white space is one space. (Encoded words are decoded by now.)
    let squeezed = squeeze(subject).to_lowercase();
    let mut text = squeezed.as_str();
    let mut is_reply = false;
    loop {
        // Step (2): subj-trailer.
        while let Some(rest) = text.strip_suffix("(fwd)") {
            (text, is_reply) = (rest.trim_end(), true);
        }
        // Steps (3) to (5).
        loop {
            text = text.trim();
            if let Some(rest) = strip_leader(text) {
                (text, is_reply) = (rest, true);
            } else if let Some(rest) = strip_blob(text).filter(|rest| !rest.is_empty()) {
                text = rest;
            } else {
                break;
            }
        }
        // Step (6): subj-fwd-hdr and subj-fwd-trl.
        match text.strip_prefix("[fwd:").and_then(|rest| rest.strip_suffix(']')) {
            Some(rest) => (text, is_reply) = (rest.trim(), true),
            None if text.ends_with("(fwd)") => {}
            None => break,
        }
    }
    BaseSubject { text: text.to_owned(), is_reply }
}

fn squeeze(subject: &str) -> String {
    let mut end = subject.len().min(SUBJECT_MAX);
    while !subject.is_char_boundary(end) {
        end -= 1;
    }
    subject.get(..end).unwrap_or(subject).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `subj-leader`: any blobs, then `re`, `fw` or `fwd`, a blob perhaps, and a colon.
fn strip_leader(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(after) = strip_blob(rest) {
        rest = after;
    }
    let after = ["re", "fwd", "fw"].iter().find_map(|mark| rest.strip_prefix(mark))?.trim_start();
    strip_blob(after).unwrap_or(after).strip_prefix(':').map(str::trim_start)
}

/// `subj-blob`: text in square brackets that holds none.
fn strip_blob(text: &str) -> Option<&str> {
    let (inside, rest) = text.strip_prefix('[')?.split_once(']')?;
    // `[fwd: …]` is step (6)'s.
    (!inside.contains('[') && !inside.starts_with("fwd:")).then(|| rest.trim_start())
}

/// Marks of reply and forward of the languages that UK practitioners get mail in, and the tags of carriage and marking.
static MARKS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let refwd = r"(?:re|fw|fwd|aw|wg|sv|vs|vb|antw|tr|rv|odp|ynt)\s*(?:\[[0-9]+\]|\([0-9]+\))?\s*:";
    let tag = r"\[\s*(?:cjsm|external|ext|secure|egress|restricted|official(?:[ -]sensitive)?)\s*\]|cjsm\s*[:\-]";
    let marking = r"(?:official[ -]sensitive|official|restricted)(?:\s*[-:]\s*(?:personal|legal|recipients only|cj))*\s*[-:|]{1,2}";
    Regex::new(&format!(r"(?i)^\s*(?:{refwd}|{tag}|{marking})\s*")).ok()
});

/// The subject without marks of reply and forward and without tags of carriage and marking, case kept. A subject of nothing else stays
/// as it is.
#[must_use]
pub fn clean(subject: &str) -> String {
    let squeezed = squeeze(subject);
    let mut text = squeezed.as_str();
    if let Some(marks) = &*MARKS {
        while let Some(found) = marks.find(text) {
            let rest = text.get(found.end()..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            text = rest;
        }
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::{base_subject, clean};

    #[test]
    fn base_subjects_follow_rfc_5256() {
        let check = |subject: &str, expected: &str, is_reply: bool| {
            let found = base_subject(subject);
            assert_eq!((found.text.as_str(), found.is_reply), (expected, is_reply), "{subject:?}");
        };
        check("R v FERRET", "r v ferret", false);
        check("Re: R v FERRET", "r v ferret", true);
        check("RE: re:  Fwd: R  v\tFERRET", "r v ferret", true);
        check("Re[2]: x", "x", true);
        check("re [2] : x", "x", true);
        check("[list] Re: x", "x", true);
        check("[list] x", "x", false);
        check("[a][b] x", "x", false);
        check("[only]", "[only]", false);
        check("Re: [only]", "[only]", true);
        check("x (fwd)", "x", true);
        check("x (fwd) (fwd)", "x", true);
        check("[Fwd: x]", "x", true);
        check("[Fwd: Re: [list] x (fwd)]", "x", true);
        check("[fwd: x", "[fwd: x", false);
        check("Reply: x", "reply: x", false);
        check("Re:", "", true);
        check("", "", false);
        check("(fwd)", "", true);
        check("re : (fwd) : x", "(fwd) : x", true);
    }

    #[test]
    fn clean_subjects_keep_what_people_wrote() {
        let check = |subject: &str, expected: &str| assert_eq!(clean(subject), expected, "{subject:?}");
        check("[CJSM] RE: URN 99 ZX 00123 26 - Ferret", "URN 99 ZX 00123 26 - Ferret");
        check("RE: [EXTERNAL] FW: [ cjsm ] R v OTTER", "R v OTTER");
        check("OFFICIAL-SENSITIVE - LEGAL - R v OTTER", "R v OTTER");
        check("Official Sensitive: Personal: Legal: custody", "custody");
        check("CJSM: AW: SV: Antw: x", "x");
        check("Re[3]: Fwd (2): x", "x");
        check("Reference: x", "Reference: x");
        check("R v RESTRICTED LTD", "R v RESTRICTED LTD");
        check("Restricted reporting", "Restricted reporting");
        check("Re:", "Re:");
        check("  two  spaces ", "two spaces");
    }

    #[test]
    fn hostile_subjects_are_bounded() {
        for piece in ["[a]", "re:", "(fwd)", "[fwd:", "[", "re [", "é", "[cjsm]"] {
            let subject = piece.repeat(1_000_000 / piece.len());
            let _ = (base_subject(&subject), clean(&subject));
        }
    }

    proptest! {
        #[test]
        fn a_base_subject_is_its_own(subject in "(re: ?|fwd? ?: ?|\\[fwd: ?|\\]|\\(fwd\\)|\\[[a-z]\\] ?|[a-z ]{1,4}){0,12}") {
            let base = base_subject(&subject);
            prop_assert_eq!(&base_subject(&base.text).text, &base.text);
            // An answer to a message is in the thread of the message.
            prop_assert_eq!(base_subject(&format!("Re: {subject}")).text, base.text);
            prop_assert_eq!(clean(&clean(&subject)), clean(&subject));
            let answer = base_subject(&format!("Re: {subject}"));
            prop_assert!(answer.is_reply);
        }
    }
}
