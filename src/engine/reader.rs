//! An open message as the screen shows it: text, verdicts in words, attachments, and what a reply may quote.
//!
//! Pure. The sentences are ours; foreign text in them has been made safe. A reply may quote only what was shown from the root layer of
//! protection: what came out of a ciphertext somewhere inside foreign parts is not opened, so it can never be quoted out (SECURITY: "Re: What's
//! Up Johnny").

use std::sync::Arc;

use jiff::Timestamp;

use super::reading::Reading;
use crate::app::view::{AddressView, AttachmentRow, MessageView, Sentence, Tone};
use crate::case::document::{OUT_OF_REACH, OUT_OF_REACH_TYPE, Reach};
use crate::case::{Class, Classes, Proof};
use crate::mail::address::Address;
use crate::mail::id::{CaseId, MessageRef};
use crate::mail::message::Disposition;
use crate::mail::safe::{self, SafeText};
use crate::pgp::report::HeaderProtection;
use crate::pgp::sentence::{Loudness, sentences};

/// What is told of a message of which another one has the Message-ID (anybody can send one).
pub(crate) const SAME_ID: &str = "Another message under the same Message-ID says something else: both are kept.";

/// References that a reply carries on.
const REFERENCES_MAX: usize = 20;
/// Lines of a text that are shown.
const LINES_MAX: usize = 200_000;

/// What the index knows of the message beside its bytes.
pub(crate) struct Around {
    pub(crate) id: MessageRef,
    pub(crate) received: Timestamp,
    pub(crate) cases: Vec<CaseId>,
    /// Where it is filed and what that rests on, in words.
    pub(crate) filed: Option<String>,
    /// Why a person should look at where it belongs.
    pub(crate) filing_doubt: Option<String>,
    /// Another message says something else under the same Message-ID.
    pub(crate) conflicting: bool,
    /// When it counts as served, where the law of its case says so.
    pub(crate) clocks: Vec<Sentence>,
}

/// How loud a sentence of OpenPGP is, as the screen knows it.
pub(crate) fn tone(loudness: Loudness) -> Tone {
    match loudness {
        Loudness::Good => Tone::Good,
        Loudness::Plain => Tone::Plain,
        Loudness::Warning => Tone::Warning,
        Loudness::Alarm => Tone::Alarm,
    }
}

/// An address for display, always with the address itself.
pub(crate) fn address_view(address: &Address, classes: &Classes) -> AddressView {
    let name = address.name.trim();
    let text = match () {
        () if address.name_deceives() => address.shown(),
        () if name.is_empty() => SafeText::line(&format!("<{}>", address.addr)),
        () => SafeText::line(&format!("{name} <{}>", address.addr)),
    };
    AddressView { text, class: classes.class(&address.addr).name(), address: address.clone() }
}

/// How it came, in words. Nothing of it is proven by a header field that anybody can write.
fn carriage(class: Class, from: &[Address], proof: &Proof) -> Sentence {
    let claimed = match (class, from, proof) {
        (_, [], _) => "It names no sender; how it was carried is not known.".to_owned(),
        (Class::Open, _, Proof::Proven(how)) => {
            format!("Carried over the open internet; the sender's domain is proven ({how}, by your own server).")
        }
        (Class::Open, ..) => "Carried over the open internet, going by the sender's address.".to_owned(),
        (class, _, Proof::Proven(how)) => format!("{}; proven ({how}, by your own server).", capital(class.words())),
        (class, ..) => format!("The sender's address claims: {}; not proven.", class.words()),
    };
    let tone = match (class, proof) {
        (Class::Open, _) => Tone::Warning,
        (_, Proof::Proven(_)) => Tone::Good,
        _ => Tone::Plain,
    };
    Sentence { tone, text: SafeText::line(&claimed) }
}

fn capital(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The verdicts in words: OpenPGP, carriage, warnings.
fn verdicts(reading: &Reading, around: &Around, classes: &Classes) -> Vec<Sentence> {
    let headers = reading.headers();
    let shut = reading.shut.banners().into_iter();
    let shut = shut.map(|words| Sentence { tone: Tone::Alarm, text: SafeText::line(&words) });
    let mut said: Vec<Sentence> = shut.collect();
    said.extend(
        sentences(&reading.opened.report, &reading.opened.warnings)
            .into_iter()
            .map(|(loudness, words)| Sentence { tone: tone(loudness), text: SafeText::line(&words) }),
    );
    let beside = reading.beside.sentences.iter();
    said.extend(beside.map(|(_, loudness, words)| Sentence { tone: tone(*loudness), text: SafeText::line(words) }));
    said.push(carriage(reading.carried(classes), &headers.from(), &reading.proof(classes)));
    if let Some(filed) = &around.filed {
        said.push(Sentence { tone: Tone::Plain, text: SafeText::line(filed) });
    }
    said.extend(around.clocks.iter().cloned());
    let mut warn = |words: &str| said.push(Sentence { tone: Tone::Warning, text: SafeText::line(words) });
    let known: Vec<&str> = reading.opened.warnings.iter().map(|warning| warning.code()).collect();
    for (code, words) in reading.suspicions(Some(around.received)).into_iter().chain(reading.carriage_doubts(classes)) {
        if !known.contains(&code) {
            warn(&words);
        }
    }
    if let Some(doubt) = &around.filing_doubt {
        warn(doubt);
    }
    if around.conflicting {
        warn(SAME_ID);
    }
    let defects = reading.message.defects().len().saturating_add(reading.opened.shown.defects().len());
    if defects > 0 {
        warn("The message is not well-formed; it is shown as far as it can be read.");
    }
    said
}

/// The message as the screen shows it.
pub(crate) fn view(reading: &Reading, around: Around, readers: Vec<String>, classes: &Classes) -> MessageView {
    let headers = reading.headers();
    let list = |addresses: Vec<Address>| addresses.iter().map(|a| address_view(a, classes)).collect::<Vec<_>>();
    let mut lines: Vec<SafeText> = Vec::new();
    for section in &reading.body.sections {
        if !lines.is_empty() {
            lines.push(SafeText::default());
        }
        lines.extend(SafeText::block(&section.text).into_iter().take(LINES_MAX.saturating_sub(lines.len())));
    }
    if reading.opened.report.encrypted && !reading.opened.report.decrypted && reading.body.sections.is_empty() {
        lines.push(SafeText::from("(Nothing of this message is shown: see above.)"));
    }
    let documents = super::documents::of_reading(reading, &around);
    let attachments = reading
        .body
        .attachments
        .iter()
        .zip(documents)
        .map(|(info, document)| AttachmentRow {
            path: info.path.clone(),
            name: match document.reach {
                Reach::Quarantined => SafeText::from(OUT_OF_REACH),
                Reach::Open | Reach::Watched => SafeText::line(&safe::file_name(&info.name)),
            },
            media_type: SafeText::line(&document.media_type),
            bytes: info.bytes,
            sealed: reading.opened.is_sealed(info.part),
            ciphertext: reading.beside.files.iter().any(|file| file.part == info.part && file.openpgp.encrypted),
            document: Some(Box::new(document)),
        })
        .collect();
    let message_id = headers.message_id().or_else(|| reading.message.headers().message_id()).unwrap_or_default();
    let mut references = headers.references();
    if references.is_empty() {
        references.extend(headers.in_reply_to().into_iter().next());
    }
    if !message_id.is_empty() {
        references.push(message_id.clone());
    }
    if references.len() > REFERENCES_MAX {
        references.drain(1..references.len().saturating_sub(REFERENCES_MAX.saturating_sub(1)));
    }
    let text: Arc<[SafeText]> = lines.into();
    let report = &reading.opened.report;
    let sentences = verdicts(reading, &around, classes);
    MessageView {
        id: around.id,
        message_id,
        from: list(headers.from()),
        reply_to: list(headers.reply_to()),
        to: list(headers.to()),
        cc: list(headers.cc()),
        subject: SafeText::line(&headers.subject()),
        unsigned: reading.opened.headers.unsigned.clone(),
        sent: headers.date(),
        received: around.received,
        sentences,
        openpgp: reading.opened.report.clone(),
        // Opening decrypts the root layer only, and shows nothing else beside it: what is shown is what may be quoted.
        quotable: if report.encrypted && !report.decrypted { Arc::default() } else { Arc::clone(&text) },
        readers: readers.into(),
        hidden_subject: report.header_protection == HeaderProtection::Encrypted
            && reading.message.headers().subject() != headers.subject(),
        text,
        attachments,
        references,
        cases: around.cases,
    }
}

/// As [`view`], of a message of which only the beginning is here: with that said, and without attachments, which may be cut off.
pub(crate) fn beginning(reading: &Reading, around: Around, classes: &Classes) -> MessageView {
    let mut view = view(reading, around, Vec::new(), classes);
    view.attachments.clear();
    let words = "Only the beginning is here; the rest, with what is attached, is being fetched.";
    view.sentences.push(Sentence { tone: Tone::Plain, text: SafeText::from(words) });
    view
}

/// The header fields as they came, made safe, then the structure of the message. What is in quarantine has no name in it: nor do the fields that may
/// say one, where the message is nothing but such a file.
pub(crate) fn source(reading: &Reading) -> Vec<SafeText> {
    let is_shut = |place: usize| reading.shut.reach(place) == Reach::Quarantined;
    let names_file = |field: &str| {
        field.get(.."Content-".len()).is_some_and(|begin| begin.eq_ignore_ascii_case("Content-")) && is_shut(0)
    };
    let mut lines = vec![SafeText::from("Header fields as they came:")];
    for (name, value) in reading.message.headers().fields() {
        if names_file(name) {
            lines.push(SafeText::line(&format!("{name}: {OUT_OF_REACH}")));
            continue;
        }
        let value = String::from_utf8_lossy(value);
        lines.extend(SafeText::block(&format!("{name}:{value}")));
    }
    if !reading.opened.headers.protected.is_empty() {
        lines.push(SafeText::default());
        lines.push(SafeText::from("Header fields inside the protection:"));
        for (name, value) in reading.opened.headers.protected.iter().filter(|(name, _)| !names_file(name)) {
            lines.extend(SafeText::block(&format!("{name}: {value}")));
        }
    }
    lines.push(SafeText::default());
    lines.push(SafeText::from("Parts:"));
    for (place, part) in reading.opened.shown.parts().iter().enumerate() {
        let sealed = if reading.opened.is_sealed(place) { ", sealed" } else { "" };
        let attached = if part.disposition == Disposition::Attachment { ", attachment" } else { "" };
        let (media_type, name) = match part.name.as_deref() {
            _ if is_shut(place) && !part.is_multipart() => (OUT_OF_REACH_TYPE, format!(", {OUT_OF_REACH}")),
            Some(_) if is_shut(place) => (part.media_type.as_str(), format!(", {OUT_OF_REACH}")),
            Some(name) => (part.media_type.as_str(), format!(", \u{201c}{}\u{201d}", safe::file_name(name))),
            None => (part.media_type.as_str(), String::new()),
        };
        lines.push(SafeText::line(&format!("{} {media_type}{attached}{sealed}{name}", part.path)));
    }
    for defect in reading.message.defects() {
        lines.push(SafeText::line(&format!("defect: {}", defect.code())));
    }
    lines
}
