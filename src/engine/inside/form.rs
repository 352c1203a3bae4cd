//! What a file may be that holds others: told by its name and media type, then by its first bytes.

use crate::look::{directory, tnef};
use crate::mail::headers::Headers;

/// Bytes of a file by which it is told what it is.
pub(crate) const HEAD_MAX: usize = 16 << 10;

/// What a file holds others as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Outlook's package (`winmail.dat`).
    Tnef,
    /// A message, as one (`message/rfc822`) or as a file (`.eml`).
    Message,
    /// A zip: the names in it are told, its files are not.
    Zip,
}

impl Form {
    /// What something of this name and media type, and these first bytes, is.
    pub(crate) fn of(name: &str, media_type: &str, head: &[u8]) -> Option<Self> {
        if may_be_tnef(name, media_type) && tnef::is_package(head) {
            return Some(Self::Tnef);
        }
        if is_message(media_type) || (is_eml(name) && has_header(head)) {
            return Some(Self::Message);
        }
        // Where it begins says nothing: a program that unpacks itself may stand before it.
        directory::may_be(name, media_type).then_some(Self::Zip)
    }

    /// What package or message something is by its bytes alone: for what nobody gave a name. An Office document is a zip, too.
    pub(crate) fn of_bytes(head: &[u8]) -> Option<Self> {
        match () {
            () if tnef::is_package(head) => Some(Self::Tnef),
            () if has_header(head) => Some(Self::Message),
            () => None,
        }
    }
}

/// Whether something of this name and media type has to be asked what it holds.
pub(crate) fn may_hold(name: &str, media_type: &str) -> bool {
    may_be_package(name, media_type) || directory::may_be(name, media_type)
}

/// Whether something of this name and media type says that it is a package of files.
pub(crate) fn may_be_package(name: &str, media_type: &str) -> bool {
    may_be_tnef(name, media_type) || is_message(media_type) || is_eml(name)
}

fn may_be_tnef(name: &str, media_type: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let said = matches!(media_type, "application/ms-tnef" | "application/vnd.ms-tnef");
    said || name.ends_with(".dat") || name.ends_with(".tnef")
}

fn is_message(media_type: &str) -> bool {
    matches!(media_type, "message/rfc822" | "message/global")
}

fn is_eml(name: &str) -> bool {
    name.trim_end().to_ascii_lowercase().ends_with(".eml")
}

/// Whether bytes begin with the header of a message: with two fields at least of those that one has.
fn has_header(head: &[u8]) -> bool {
    let is_text = head.get(..head.len().min(512)).is_some_and(|begin| !begin.contains(&0));
    let headers = || Headers::parse(head);
    let known =
        ["From", "To", "Date", "Subject", "Message-ID", "MIME-Version", "Content-Type", "Received", "Return-Path"];
    is_text && {
        let headers = headers();
        known.iter().filter(|name| headers.count(name) > 0).count() >= 2
    }
}

#[cfg(test)]
mod tests {
    use super::Form;

    #[test]
    fn a_form_is_told_by_name_and_bytes() {
        let mail = b"From: a@x\r\nSubject: y\r\n\r\nz";
        assert_eq!(Form::of("x.EML", "application/octet-stream", mail), Some(Form::Message));
        assert_eq!(Form::of("x.eml", "application/octet-stream", b"just a note: no more"), None);
        assert_eq!(Form::of("x.txt", "text/plain", mail), None);
        assert_eq!(Form::of("x", "message/rfc822", b""), Some(Form::Message));
        assert_eq!(Form::of("a.zip", "", b"PK\x03\x04"), Some(Form::Zip));
        assert_eq!(Form::of("a.zip", "", b"MZ"), Some(Form::Zip));
        assert_eq!(Form::of("a.docx", "", b"PK\x03\x04"), None);
        assert_eq!(Form::of("winmail.dat", "", &crate::look::tnef::MAGIC), Some(Form::Tnef));
        assert_eq!(Form::of("film.dat", "", b"RIFF"), None);
        assert_eq!(Form::of_bytes(mail), Some(Form::Message));
        assert_eq!(Form::of_bytes(b"a note: no more"), None);
    }
}
