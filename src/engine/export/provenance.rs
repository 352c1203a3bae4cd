//! Where a message came from and what is known of it, and what of it is shut.

use super::gather::{Exporter, Letter};
use crate::case::document::Document;
use crate::case::{Class, MessageName, service};
use crate::engine::reading::Reading;
use crate::export::{Entry, Provenance, Role};
use crate::mail::address::Address;
use crate::pgp::report::SignatureState;
use crate::pgp::sentence;
use crate::register::record::Digest;

/// Why something stays where it is.
pub(super) const QUARANTINE: &str = "it is in quarantine, and was left out";

/// What of a message is in quarantine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shut {
    Nothing,
    Part,
    Whole,
}

/// The name under which the register knows a message.
fn name_of(reading: &Reading, digest: Digest) -> MessageName {
    let id = reading.headers().message_id().or_else(|| reading.message.headers().message_id());
    MessageName { message_id: id.unwrap_or_default(), digest: digest.0 }
}

impl Exporter {
    /// What of a message is in quarantine.
    pub(super) fn shut(&self, reading: &Reading, digest: Digest) -> Shut {
        if !self.book.has_quarantine() {
            return Shut::Nothing;
        }
        if self.book.is_message_quarantined(&name_of(reading, digest)) {
            return Shut::Whole;
        }
        let part = reading.body.attachments.iter().any(|one| self.book.is_document_quarantined(&one.sha256));
        if part { Shut::Part } else { Shut::Nothing }
    }

    pub(super) fn provenance(&self, reading: &Reading, letter: &Letter, sha256: String) -> Provenance {
        let (headers, outer) = (reading.headers(), reading.message.headers());
        let settings = &self.settings;
        let from = headers.from();
        let own = |address: &Address| {
            let canonical = settings.classes.canonical(&address.addr);
            settings
                .config
                .accounts
                .iter()
                .any(|account| settings.classes.canonical(&account.address.addr) == canonical)
        };
        let addresses = |list: Vec<Address>| list.into_iter().map(|one| one.addr).collect::<Vec<_>>();
        let (sent, report) = (headers.date(), &reading.opened.report);
        let deemed = self.law.zip(sent).and_then(|(law, sent)| {
            service::deemed(sent, law, &settings.config.calendar).ok().flatten().map(|deemed| deemed.words())
        });
        let class: Class = reading.carried(&settings.classes);
        let message_id = headers.message_id().or_else(|| outer.message_id()).unwrap_or_default();
        Provenance {
            first_seen: self.first_seen(&message_id),
            message_id,
            sha256,
            places: vec![letter.name.to_string()],
            subject: headers.subject(),
            direction: if from.first().is_some_and(own) { "out" } else { "in" }.to_owned(),
            from: addresses(from),
            to: addresses(headers.to()),
            cc: addresses(headers.cc()),
            sent,
            received: letter.received,
            carried: class.name().to_owned(),
            verdict: sentence::sentences(report, &reading.opened.warnings)
                .into_iter()
                .map(|(_, words)| words)
                .collect(),
            signer: (report.signature.state == SignatureState::Good)
                .then(|| report.signature.signer.as_ref().map(|signer| signer.fingerprint.clone()))
                .flatten(),
            deemed_service: deemed.unwrap_or_default(),
        }
    }

    /// Of a file that was taken in by hand: the source that the person gave stands for the sender.
    pub(super) fn provenance_by_hand(&self, document: &Document) -> Provenance {
        Provenance {
            sha256: document.sha256.clone(),
            from: Some(document.from.clone()).filter(|from| !from.is_empty()).into_iter().collect(),
            sent: document.sent,
            received: document.received.unwrap_or_default(),
            first_seen: document.received,
            direction: "by-hand".to_owned(),
            ..Provenance::default()
        }
    }
}

/// A file that is still to be written.
pub(super) fn entry(role: Role, name: &str, part: &str, media_type: &str, message: &str) -> Entry {
    Entry {
        path: String::new(),
        role,
        name: name.to_owned(),
        part: part.to_owned(),
        kind: String::new(),
        media_type: media_type.to_owned(),
        bytes: 0,
        sha256: String::new(),
        flags: Vec::new(),
        verdict: String::new(),
        message: message.to_owned(),
    }
}
