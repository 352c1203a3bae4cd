//! The files of a message as the register keeps them: its attachments, and what is in those that hold files (`winmail.dat`, messages), each with a
//! digest of its own.

use crate::case::document::Unseen;
use crate::engine::reading::Reading;
use crate::register::event::AttachmentFacts;

/// Bytes that the files of one message take in a record, about: a record has 1 MB, and says more than that.
const BYTES_MAX: usize = 600_000;
/// Bytes of names in a zip that are kept.
const NAMES_BYTES_MAX: usize = 60_000;

/// All files of a message, what is in an attachment behind it.
pub(crate) fn files_of(reading: &Reading) -> Vec<AttachmentFacts> {
    reading.files().concat()
}

/// As many of them as a record takes, and whether there are more.
pub(crate) fn that_fit(mut files: Vec<AttachmentFacts>) -> (Vec<AttachmentFacts>, bool) {
    let (mut bytes, mut more) = (0_usize, false);
    // A zip of many names does not push the files behind it out: that not all of it is known keeps it shut where the message is not here.
    for one in &mut files {
        if one.holds.names.iter().map(|name| written(name) + 3).sum::<usize>() > NAMES_BYTES_MAX {
            one.holds.names.clear();
            one.holds.unseen = Some(Unseen::Many);
            more = true;
        }
    }
    // The names of its fields, and a digest. What JSON writes in two characters, a name has none of, and a type few.
    let size = |one: &AttachmentFacts| {
        let names: usize = one.holds.names.iter().map(|name| written(name) + 3).sum();
        one.name.len() + 2 * one.media_type.len() + one.path.len() + names + written(&one.holds.message_id) + 240
    };
    let fit = files.iter().take_while(|one| {
        bytes = bytes.saturating_add(size(one));
        bytes <= BYTES_MAX
    });
    let fit = fit.count();
    more |= fit < files.len();
    files.truncate(fit);
    (files, more)
}

/// Bytes that JSON takes for a foreign text.
fn written(text: &str) -> usize {
    let byte = |byte: u8| match byte {
        b'"' | b'\\' => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(byte).sum()
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MAX, that_fit};
    use crate::case::document::{Holds, Unseen};
    use crate::register::event::AttachmentFacts;
    use crate::register::record::{Digest, PAYLOAD_BYTES_MAX};

    #[test]
    fn more_files_than_a_record_takes_are_told_of() {
        let file = |number: usize| AttachmentFacts {
            name: format!("{number}{}", "ö".repeat(57)),
            media_type: "\"".repeat(100),
            bytes: u64::MAX,
            sha256: Digest::default(),
            path: format!("{number}/1.1.1"),
            holds: Holds {
                names: vec!["\u{1}".repeat(number.min(3)), "MG5".to_owned()],
                message_id: "\\".repeat(30),
                unseen: Some(Unseen::Encrypted),
            },
        };
        let (few, more) = that_fit((0..10).map(file).collect());
        assert_eq!((few.len(), more), (10, false));
        let (some, more) = that_fit((0..10_000).map(file).collect());
        assert!(more && some.len() > 700, "{}", some.len());
        let written = serde_json::to_vec(&some).unwrap().len();
        assert!(written <= BYTES_MAX && BYTES_MAX < PAYLOAD_BYTES_MAX, "{written}");
        let mut zip = file(1);
        zip.holds = Holds { names: vec!["MG5 Ferret.pdf".to_owned(); 10_000], ..Holds::default() };
        let (kept, more) = that_fit(vec![zip, file(2)]);
        assert_eq!((kept.len(), more, kept[0].holds.unseen), (2, true, Some(Unseen::Many)));
        assert!(kept[0].holds.names.is_empty());
    }
}
