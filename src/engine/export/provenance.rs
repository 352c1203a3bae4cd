//! Where a message came from and what is known of it, and what of it is shut.

use std::sync::Arc;

use super::gather::{Exporter, Letter};
use crate::case::document::{Direction, Document, Reach};
use crate::case::{Class, MessageName, service};
use crate::engine::inside::{Judged, judge};
use crate::engine::quarantine::names_any;
use crate::engine::reading::Reading;
use crate::engine::streamed::Streamed;
use crate::export::{Entry, ExportError, Provenance, Role};
use crate::mail::address::Address;
use crate::mail::display::{AttachmentInfo, Body};
use crate::pgp::report::SignatureState;
use crate::pgp::sentence;
use crate::register::Book;
use crate::register::record::Digest;

/// Why something stays where it is.
pub(super) const QUARANTINE: &str = "it is in quarantine, and was left out";

/// The same of what nobody has decided about yet.
pub(super) const WATCHED: &str =
    "its name says that it may not be meant for you: quarantine it, or take it back within reach; it was left out";

/// The same of what could not be looked through.
const UNSEEN: &str = "not all that is in it could be looked at, and that may not be meant for you: quarantine it, or take it back within reach; it was left out";

/// What of a message is out of reach.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shut {
    Nothing,
    /// Some of its documents, and why.
    Part(&'static str),
    Whole,
}

/// Why a document is left out; nothing where it is in reach.
pub(super) fn because(reach: Reach) -> Option<&'static str> {
    because_of(&Judged { reach, ..Judged::default() })
}

/// The same of an attachment with what is in it.
pub(super) fn because_of(judged: &Judged) -> Option<&'static str> {
    match judged.reach {
        Reach::Open => None,
        Reach::Watched if judged.unseen.is_some() => Some(UNSEEN),
        Reach::Watched => Some(WATCHED),
        Reach::Quarantined => Some(QUARANTINE),
    }
}

/// The name under which the register knows a message.
pub(super) fn name_of(reading: &Reading, digest: Digest) -> MessageName {
    let id = reading.headers().message_id().or_else(|| reading.message.headers().message_id());
    MessageName { message_id: id.unwrap_or_default(), digest: digest.0 }
}

impl Exporter {
    /// What the register says now: somebody may put something out of reach while an export is at work.
    ///
    /// # Errors
    /// It cannot be read: nothing is known to be in reach then.
    pub(super) fn book(&self) -> Result<Arc<Book>, ExportError> {
        self.register.with(|loaded| loaded.book()).map_err(|why| ExportError::at("the register", why))
    }

    /// What of a message is out of reach. Of one that cannot be read, or that stays closed, nobody can tell what is in it: all of it is, where anything
    /// under its name is.
    ///
    /// # Errors
    /// The stores cannot be read.
    pub(super) fn shut(&self, book: &Book, letter: &Letter, message: &Streamed) -> Result<Shut, ExportError> {
        let told = message.reading.as_ref().filter(|reading| !reading.is_closed());
        if book.has_quarantine() {
            let is_out = match &message.reading {
                Some(reading) if told.is_some() => book.is_message_quarantined(&name_of(reading, message.digest)),
                Some(reading) => names_any(book, &name_of(reading, message.digest)) || self.is_kept_out(letter)?,
                None => names_any(book, &self.unread_name(letter, message)?) || self.is_kept_out(letter)?,
            };
            if is_out {
                return Ok(Shut::Whole);
            }
        }
        let Some(reading) = &message.reading else { return Ok(Shut::Nothing) };
        // The worst of them, in the order of their reach.
        let judged = reading.body.attachments.iter().map(|one| self.judge(book, letter, reading, one));
        let worst = judged.max_by_key(|one| one.reach).unwrap_or_default();
        Ok(because_of(&worst).map_or(Shut::Nothing, Shut::Part))
    }

    /// Whether a message lies under a key of its own here.
    fn is_kept_out(&self, letter: &Letter) -> Result<bool, ExportError> {
        self.stores.is_sealed(letter.key).map_err(|why| ExportError::at(&letter.name, why))
    }

    /// The name of a message that cannot be read: by what the list has of it.
    fn unread_name(&self, letter: &Letter, message: &Streamed) -> Result<MessageName, ExportError> {
        let summary = self.stores.cache.summary(letter.key).map_err(|why| ExportError::at(&letter.name, why))?;
        let message_id = summary.map(|summary| summary.message_id).unwrap_or_default();
        Ok(MessageName { message_id, digest: message.digest.0 })
    }

    /// The text of a message without what is out of reach: a text that has a name is shown with its message and is a document, too.
    pub(super) fn text(&self, book: &Book, letter: &Letter, reading: &Reading) -> String {
        let mut body = Body { sections: reading.body.sections.clone(), ..Body::default() };
        let is_shut = |one: &&AttachmentInfo| self.judge(book, letter, reading, one).reach != Reach::Open;
        for one in reading.body.attachments.iter().filter(is_shut) {
            body.sections.retain(|section| section.part != one.part);
        }
        body.text()
    }

    /// Whether a document may be written out, by itself and by what is in it.
    pub(super) fn judge(&self, book: &Book, letter: &Letter, reading: &Reading, one: &AttachmentInfo) -> Judged {
        judge(book, None, &self.settings.config.documents, reading.files_of(one.part), direction(letter))
    }

    /// Whether a message is from one of the accounts.
    fn is_own(&self, reading: &Reading) -> bool {
        let settings = &self.settings;
        let own = |address: &Address| {
            let canonical = settings.classes.canonical(&address.addr);
            let mut accounts = settings.config.accounts.iter();
            accounts.any(|account| settings.classes.canonical(&account.address.addr) == canonical)
        };
        reading.headers().from().first().is_some_and(own)
    }

    pub(super) fn provenance(&self, reading: &Reading, letter: &Letter, sha256: String) -> Provenance {
        let (headers, outer) = (reading.headers(), reading.message.headers());
        let settings = &self.settings;
        let from = headers.from();
        let addresses = |list: Vec<Address>| list.into_iter().map(|one| one.addr).collect::<Vec<_>>();
        let (sent, report) = (headers.date(), &reading.opened.report);
        let deemed = self.law.zip(sent).and_then(|(law, sent)| {
            service::deemed(sent, law, &settings.config.calendar).ok().flatten().map(|deemed| deemed.words())
        });
        let class: Class = reading.carried(&settings.classes);
        let message_id = headers.message_id().or_else(|| outer.message_id()).unwrap_or_default();
        let digest = sha256.parse().unwrap_or_default();
        Provenance {
            first_seen: self.first_seen(&name_of(reading, digest)),
            message_id,
            sha256,
            places: vec![letter.name.to_string()],
            subject: headers.subject(),
            direction: if self.is_own(reading) { "out" } else { "in" }.to_owned(),
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

pub(super) fn direction(letter: &Letter) -> Direction {
    if letter.is_own { Direction::Out } else { Direction::In }
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
        inside: None,
    }
}
