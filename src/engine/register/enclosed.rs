//! The files of a message as the register keeps them: its attachments, and what is in those that are packages of files (`winmail.dat`), each with a
//! digest of its own.

use crate::engine::inside::{self, files_in, may_hold_files};
use crate::engine::reading::Reading;
use crate::mail::safe::file_name;
use crate::register::event::AttachmentFacts;
use crate::register::record::Digest;

/// Bytes that the files of one message take in a record, about: a record has 1 MB, and says more than that.
const BYTES_MAX: usize = 600_000;
/// Characters of a media type that are kept.
const TYPE_MAX: usize = 100;

/// All files of a message, what is in a package behind it.
pub(crate) fn files_of(reading: &Reading) -> Vec<AttachmentFacts> {
    let mut files = Vec::new();
    let media_type = |text: &str| text.chars().take(TYPE_MAX).collect();
    for one in &reading.body.attachments {
        files.push(AttachmentFacts {
            name: file_name(&one.name),
            media_type: media_type(&one.media_type),
            bytes: one.bytes,
            sha256: one.sha256.parse().unwrap_or_default(),
            path: one.path.clone(),
        });
        if !may_hold_files(one) {
            continue;
        }
        let content = reading.package(one.part);
        for file in files_in(&content).map(|packed| packed.files).unwrap_or_default() {
            files.push(AttachmentFacts {
                name: file_name(&file.name),
                media_type: media_type(&file.media_type),
                bytes: file.content.len() as u64,
                sha256: Digest::of(file.content),
                path: inside::path(one, &file),
            });
        }
    }
    files
}

/// As many of them as a record takes, and whether there are more.
pub(crate) fn that_fit(mut files: Vec<AttachmentFacts>) -> (Vec<AttachmentFacts>, bool) {
    let mut bytes = 0_usize;
    // The names of its fields, and a digest. What JSON writes in two characters, a name has none of, and a type few.
    let size = |one: &AttachmentFacts| one.name.len() + 2 * one.media_type.len() + one.path.len() + 160;
    let fit = files.iter().take_while(|one| {
        bytes = bytes.saturating_add(size(one));
        bytes <= BYTES_MAX
    });
    let fit = fit.count();
    let more = fit < files.len();
    files.truncate(fit);
    (files, more)
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MAX, that_fit};
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
        };
        let (few, more) = that_fit((0..10).map(file).collect());
        assert_eq!((few.len(), more), (10, false));
        let (some, more) = that_fit((0..10_000).map(file).collect());
        assert!(more && some.len() > 1_000, "{}", some.len());
        let written = serde_json::to_vec(&some).unwrap().len();
        assert!(written <= BYTES_MAX && BYTES_MAX < PAYLOAD_BYTES_MAX, "{written}");
    }
}
