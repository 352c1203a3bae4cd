//! A message opened: decrypted, verified, its protected header fields taken out (RFC 3156, RFC 9580 §7, RFC 9788 §4).
//!
//! Only the root of a message is decrypted by itself: ciphertext in another part stays closed (EFAIL, "Re: What's Up Johnny"). Plaintext is
//! handed over only once all of it has been checked, and what is handed over is exactly what the report speaks of. Never fails: whatever
//! is wrong with foreign mail is in the report or among the warnings.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use super::decrypt::{self, Decrypted, decrypt};
use super::inline::{self, Block, Kind};
use super::keyring::Keyring;
use super::large::{Large, Lies, Piece};
use super::payload::{self, Scheme};
use super::protect::crlf;
use super::report::{Covers, HeaderProtection, Integrity, OpenPgp, SignatureState};
use super::shape::{self, Shape, ciphertext_below, part, shape, signed_below};
use super::verdict::{Checked, Evidence, Outcome, Parties, TOLERANCE, no_case, verdict};
use super::verify;
use super::warning::Warning;
use crate::mail::headers::Headers;
use crate::mail::message::{Encoding, Message, Part};

pub use super::payload::user_facing;

/// Which keys may be used to decrypt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decrypt {
    /// Any: the user asked for this message.
    Any,
    /// No RSA key: nobody asked, and the time that it takes must not tell a sender anything.
    NotRsa,
}

/// Where a part of what is shown came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    /// Out of the ciphertext.
    Sealed,
    /// Clear, and covered by a signature that holds.
    Signed,
    /// Clear.
    Clear,
}

/// Header fields before and after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderView {
    /// Name and value (unfolded, not decoded) of the protected fields that a person may be shown; empty where nothing was protected.
    /// [`user_facing`] gives those outside.
    pub protected: Vec<(String, String)>,
    /// Names of protected fields that differ outside, other than by the sender's wish.
    pub mismatch: Vec<String>,
    /// Names of fields that are shown though the signature that holds over the text does not cover them: anyone on the way could have
    /// written them (CVE-2024-49393, CVE-2024-49394). Empty where there is no such signature.
    pub unsigned: Vec<String>,
}

/// A message opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The facts.
    pub report: OpenPgp,
    /// What to show, header fields included: the protected message where there is one, else the message as it came. Paths of its parts
    /// count from it. Legacy copies of protected fields (RFC 9788 §4.5.3) have been taken out.
    pub shown: Message,
    /// Where each of [`Message::parts`] of `shown` came from.
    pub inside: Vec<Inside>,
    /// Header fields.
    pub headers: HeaderView,
    /// What else is worth a look, each once.
    pub warnings: Vec<Warning>,
    /// Parts of `shown` of which only the beginning is in it, because the message is not held ([`super::large`]).
    pub cut: Vec<usize>,
}

impl Opened {
    /// Where a part (its place in `shown`) came from.
    #[must_use]
    pub fn inside(&self, part: usize) -> Inside {
        self.inside.get(part).copied().unwrap_or(Inside::Clear)
    }

    /// Whether all of a part is in `shown`.
    #[must_use]
    pub fn is_whole(&self, part: usize) -> bool {
        !self.cut.contains(&part)
    }

    /// Whether a part of `shown` came out of ciphertext.
    #[must_use]
    pub fn is_sealed(&self, part: usize) -> bool {
        self.inside(part) == Inside::Sealed
    }
}

/// What a message is opened with, beside the keys.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// The time.
    pub now: Timestamp,
    /// Which keys may be used to decrypt.
    pub may_decrypt: Decrypt,
    /// How far the signature's time may be from the Date header.
    pub tolerance: SignedDuration,
    /// What the owner of an address is in the case of the message.
    pub parties: Parties<'a>,
}

impl Terms<'_> {
    /// With the usual [`TOLERANCE`] and no case.
    #[must_use]
    pub fn at(now: Timestamp, may_decrypt: Decrypt) -> Self {
        Self { now, may_decrypt, tolerance: TOLERANCE, parties: &no_case }
    }
}

impl std::fmt::Debug for Terms<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terms").field("now", &self.now).field("may_decrypt", &self.may_decrypt).finish_non_exhaustive()
    }
}

/// Opens a message with the keys of a profile, at the given time; times must fit within [`TOLERANCE`].
#[must_use]
pub fn open(message: &Message, keyring: &Keyring, now: Timestamp, may_decrypt: Decrypt) -> Opened {
    open_with(message, keyring, &Terms::at(now, may_decrypt))
}

/// As [`open`], on the given terms.
#[must_use]
pub fn open_with(message: &Message, keyring: &Keyring, terms: &Terms<'_>) -> Opened {
    Work::new(message, keyring, terms, None).open().0
}

/// Where what is shown lies, where it is not held: an entity, and what is taken of it.
type Laying = Option<(Lies, Vec<Piece>)>;

/// The protected payload of a message.
struct Payload {
    /// A MIME entity: all that is shown.
    entity: Message,
    /// Where it lies, if only its outline is held.
    lies: Option<Lies>,
    /// It was encrypted.
    encrypted: bool,
    /// It can carry protected fields (a MIME entity that was decrypted or signed as such, not a text).
    mime: bool,
    /// Signatures over it.
    signatures: Vec<Checked>,
}

/// Layers of protection that are taken off one after the other; honest mail has two or three.
const LAYERS_MAX: usize = 6;

/// A message being opened.
pub(super) struct Work<'a, 's> {
    message: &'a Message,
    keyring: &'a Keyring,
    terms: &'a Terms<'a>,
    /// The message is an outline.
    large: Option<&'a Large<'a, 's>>,
    report: OpenPgp,
    warnings: Vec<Warning>,
}

impl<'a, 's> Work<'a, 's> {
    pub(super) fn new(
        message: &'a Message,
        keyring: &'a Keyring,
        terms: &'a Terms<'a>,
        large: Option<&'a Large<'a, 's>>,
    ) -> Self {
        Self { message, keyring, terms, large, report: OpenPgp::default(), warnings: Vec::new() }
    }

    /// Does it.
    pub(super) fn open(mut self) -> (Opened, Laying) {
        match self.envelope() {
            Some(payload) => self.present(payload),
            None => (self.unwrapped(), None),
        }
    }

    fn warn(&mut self, warning: Warning) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Takes off every layer of protection around the payload (the *cryptographic envelope* of RFC 9787 §4.1): encrypted (RFC 3156 §4)
    /// with a combined signature (§6.2) or a signed entity inside (§6.1), signed (§5), several of them nested. Each layer is the root of
    /// the one outside of it, so that nothing foreign ever stands beside what comes out. Nothing where there is no layer, or the first
    /// one stays closed.
    fn envelope(&mut self) -> Option<Payload> {
        let mut around: Option<Payload> = None;
        let payload = self.layers(&mut around)?;
        match around {
            // Anybody can put a signature around somebody else's ciphertext and have it opened under another name.
            Some(closed) if payload.encrypted && !self.belongs(&payload) => {
                (self.report.decrypted, self.report.integrity) = (false, Integrity::None);
                self.warn(Warning::MixedContext);
                Some(closed)
            }
            _ => Some(payload),
        }
    }

    /// Whether what came out of a signed ciphertext is by the author that stands outside: signed by a certificate with that address, or
    /// with that author among the protected fields.
    fn belongs(&self, payload: &Payload) -> bool {
        let outside = addresses(self.message.headers());
        let [author] = outside.as_slice() else { return false };
        let signed = payload.signatures.iter().any(|checked| {
            checked.covers == Covers::Whole
                && holds(checked.outcome)
                && checked.certificate.as_ref().is_some_and(|certificate| certificate.addresses.contains(author))
        });
        signed || (payload::scheme(&payload.entity).is_some() && addresses(payload.entity.headers()) == outside)
    }

    /// The layers; what a signature stood around, if that was ciphertext, is put aside as it was before it was opened.
    fn layers(&mut self, around: &mut Option<Payload>) -> Option<Payload> {
        let mut payload: Option<Payload> = None;
        for _ in 0..LAYERS_MAX {
            let root = self.large.map(|large| large.root());
            let (entity, lies) =
                payload.as_ref().map_or((self.message, root), |payload| (&payload.entity, payload.lies.as_ref()));
            let next = match shape(entity) {
                Shape::Encrypted(place) => {
                    let outer = payload.as_ref().map(|payload| payload.signatures.clone()).unwrap_or_default();
                    // Whoever signed a ciphertext need not know what it says.
                    let mut signatures: Vec<Checked> =
                        outer.into_iter().map(|checked| Checked { covers: Covers::None, ..checked }).collect();
                    if !signatures.is_empty() {
                        self.warn(Warning::SignedCiphertext);
                    }
                    match self.inside(entity, lies, place) {
                        Some((plain, deeper, inner)) => {
                            if let Some(payload) = payload.as_ref().filter(|_| !signatures.is_empty()) {
                                let (entity, lies) = (payload.entity.clone(), payload.lies.clone());
                                let signatures = signatures.clone();
                                around.get_or_insert(Payload { entity, lies, signatures, ..*payload });
                            }
                            signatures.extend(inner);
                            if !is_entity(&plain) {
                                return Some(self.letter(&plain, deeper.is_some(), true, signatures));
                            }
                            Payload { entity: plain, lies: deeper, encrypted: true, mime: true, signatures }
                        }
                        None => return payload.map(|payload| Payload { signatures, ..payload }),
                    }
                }
                Shape::Signed(content, signature) => {
                    let checked = self.verified(entity, lies, content, signature);
                    let (entity, lies) = self.covered(entity, lies, content);
                    if !is_entity(&entity) {
                        let encrypted = payload.as_ref().is_some_and(|payload| payload.encrypted);
                        let outer = payload.into_iter().flat_map(|payload| payload.signatures);
                        let signatures = outer.chain(checked).collect();
                        return Some(self.letter(&entity, lies.is_some(), encrypted, signatures));
                    }
                    let (mut signatures, encrypted) =
                        payload.map(|payload| (payload.signatures, payload.encrypted)).unwrap_or_default();
                    signatures.extend(checked);
                    Payload { entity, lies, encrypted, mime: true, signatures }
                }
                Shape::Inline(_) if lies.is_some() => {
                    self.give_up();
                    return payload;
                }
                Shape::Inline(block) if payload.is_none() => return self.inline(&block),
                Shape::Malformed if payload.is_none() => {
                    self.warn(Warning::MalformedStructure);
                    return None;
                }
                Shape::Inline(_) | Shape::Malformed | Shape::Clear => return payload,
            };
            payload = Some(next);
        }
        payload
    }

    /// A payload that is no MIME entity: all of it is a text. Read as an entity, its first lines would be header fields that nobody is shown, and
    /// what somebody signed as a letter would say less than it did.
    fn letter(&mut self, entity: &Message, is_outline: bool, encrypted: bool, signatures: Vec<Checked>) -> Payload {
        if is_outline {
            self.give_up();
        }
        self.text(entity.raw(), encrypted, signatures)
    }

    /// The outline does not say enough.
    fn give_up(&self) {
        if let Some(large) = self.large {
            large.give_up();
        }
    }

    /// Decrypts a part, and records what came of it: the entity inside, where that lies if it is not held, and the signatures beside it.
    fn inside(
        &mut self,
        entity: &Message,
        lies: Option<&Lies>,
        place: usize,
    ) -> Option<(Message, Option<Lies>, Vec<Checked>)> {
        if let (Some(large), Some(lies)) = (self.large, lies) {
            let (outcome, inside) = large.decrypt(lies, place, self.keyring, self.terms)?;
            let (_, signatures) = self.record(outcome)?;
            let inside = inside?;
            return Some((inside.outline().message().clone(), Some(inside), signatures));
        }
        let ciphertext = part(entity, place).map(|part| content(entity, part)).unwrap_or_default();
        let outcome = decrypt(&ciphertext, self.keyring, self.terms.now, self.terms.may_decrypt);
        drop(ciphertext);
        let (plain, signatures) = self.record(outcome)?;
        Some((Message::parse(plain.as_slice()), None, signatures))
    }

    /// What a signature covers, as an entity of its own.
    fn covered(&self, entity: &Message, lies: Option<&Lies>, content: usize) -> (Message, Option<Lies>) {
        let below = self.large.zip(lies).and_then(|(large, lies)| large.below(lies, content));
        match below {
            Some(below) => (below.outline().message().clone(), Some(below)),
            None => {
                let raw = part(entity, content).map(|part| entity.raw_part(part)).unwrap_or_default();
                (Message::parse(raw), None)
            }
        }
    }

    /// Records what came of a decryption.
    fn record(&mut self, outcome: decrypt::Outcome) -> Option<(Zeroizing<Vec<u8>>, Vec<Checked>)> {
        self.report.recipients.extend(outcome.recipients);
        self.report.encrypted |= !matches!(outcome.decrypted, Decrypted::NotEncrypted(_) | Decrypted::Malformed);
        // With several layers, it is the innermost that decides.
        (self.report.decrypted, self.report.integrity) = (false, Integrity::None);
        match outcome.decrypted {
            Decrypted::Plain(plain) => {
                self.report.decrypted = true;
                self.report.integrity = Integrity::Ok;
                return Some((plain, outcome.signatures));
            }
            Decrypted::Failed => self.report.integrity = Integrity::Failed,
            other => other.warning().into_iter().for_each(|warning| self.warn(warning)),
        }
        None
    }

    /// PGP/MIME signed (RFC 3156 §5): the content is verified as transmitted, its line ends made canonical.
    fn verified(&self, message: &Message, lies: Option<&Lies>, content: usize, signature: usize) -> Vec<Checked> {
        if let (Some(large), Some(lies)) = (self.large, lies) {
            return large.verify(lies, content, signature, self.keyring, self.terms).unwrap_or_default();
        }
        let entity = part(message, content).map(|part| message.raw_part(part)).unwrap_or_default();
        let signature = part(message, signature).map(|part| message.content(part)).unwrap_or_default();
        verify::detached(&signature, &crlf(entity), self.keyring, self.terms.now)
    }

    /// A block in a text. Nothing is opened where foreign text stands beside it.
    fn inline(&mut self, block: &Block) -> Option<Payload> {
        let text = self.message.content(self.message.root());
        let bytes = text.get(block.range.clone()).unwrap_or_default();
        match (block.kind, block.alone) {
            (Kind::Encrypted, false) => {
                self.warn(Warning::MixedContext);
                None
            }
            (Kind::Encrypted, true) => {
                let outcome = decrypt(bytes, self.keyring, self.terms.now, self.terms.may_decrypt);
                // An armored message that is only signed is no lie here: nothing claimed that it was encrypted.
                if let Decrypted::NotEncrypted(content) = outcome.decrypted {
                    let signatures = outcome.signatures;
                    return (!signatures.is_empty()).then(|| self.text(&content, false, signatures));
                }
                let (plain, signatures) = self.record(outcome)?;
                Some(self.text(&plain, true, signatures))
            }
            (Kind::Signed, true) => {
                let (content, signatures) = verify::cleartext(bytes, self.keyring, self.terms.now);
                Some(self.text(content.as_deref().unwrap_or(&text), false, signatures))
            }
            (Kind::Signed, false) => None,
        }
    }

    /// A text as the payload. Bytes that are not UTF-8 are read in the charset that the message's own header names, which nobody signed.
    fn text(&mut self, content: &[u8], encrypted: bool, mut signatures: Vec<Checked>) -> Payload {
        let charset = match (std::str::from_utf8(content), self.message.root().param("charset")) {
            (Err(_), Some(charset)) if charset.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b)) => {
                charset
            }
            _ => "utf-8",
        };
        if charset != "utf-8" && !signatures.is_empty() {
            self.warn(Warning::UnsignedCharset);
            let whole = signatures.iter_mut().filter(|checked| checked.covers == Covers::Whole);
            whole.for_each(|checked| checked.covers = Covers::Part);
        }
        let mut entity =
            format!("Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
                .into_bytes();
        entity.extend_from_slice(content);
        Payload { entity: Message::parse(entity), lies: None, encrypted, mime: false, signatures }
    }

    /// The payload is what is shown.
    fn present(mut self, mut payload: Payload) -> (Opened, Laying) {
        let outer = self.message.headers();
        if payload.lies.is_some() && payload.entity.root().media_type == "message/rfc822" {
            self.give_up();
        }
        let holds = payload.signatures.iter().any(|checked| checked.covers == Covers::Whole && holds(checked.outcome));
        let protects = payload.mime && (payload.encrypted || holds);
        let scheme = match payload::wrapped(outer, &payload.entity).filter(|_| protects) {
            Some(inner) => {
                payload.entity = inner;
                Some(Scheme::Wrapped)
            }
            None => payload::scheme(&payload.entity).filter(|_| protects),
        };
        let inner = payload.entity.headers();
        let mut headers =
            scheme.map(|scheme| payload::view(outer, inner, scheme, payload.encrypted)).unwrap_or_default();
        self.report.header_protection = match scheme {
            None => HeaderProtection::None,
            Some(Scheme::Cipher | Scheme::Old | Scheme::Wrapped) if payload.encrypted => HeaderProtection::Encrypted,
            Some(_) if holds => HeaderProtection::Signed,
            Some(_) => HeaderProtection::None,
        };
        let from_inside = scheme.is_some_and(|scheme| scheme != Scheme::Old || inner.count("From") > 0);
        let from_differs = from_inside && addresses(outer) != addresses(inner);
        let (from_inner, named) = (addresses(inner), payload::names(inner));
        let below = if payload.signatures.is_empty() {
            self.below(&payload.entity, payload.lies.as_ref(), |_| {})
        } else {
            Vec::new()
        };
        let pieces = payload::compose(outer, &payload.entity, scheme, from_differs);
        let composed = payload::joined_pieces(&payload.entity, &pieces);
        if let Some(lies) = &payload.lies
            && !payload::replaced(&payload.entity, scheme).into_iter().all(|place| lies.is_whole(place))
        {
            self.give_up();
        }
        // A large message is not held once more than it must be.
        let Payload { encrypted, mut signatures, entity, lies, .. } = payload;
        drop(entity);
        let shown = Message::parse(composed);
        let mut from = addresses(shown.headers());
        if from_differs {
            self.warn(Warning::FromMismatch);
            // Two claims are not one sender, even where one of them is empty.
            from.extend(from_inner);
            from.push(String::new());
        }
        if !headers.mismatch.is_empty() {
            self.warn(Warning::HeaderMismatch);
        }
        if holds {
            let covered = |name: &str| scheme.is_some() && named.contains(&name) && !(from_differs && name == "From");
            headers.unsigned = payload::unsigned(shown.headers(), covered);
            if !headers.unsigned.is_empty() {
                self.warn(Warning::UnsignedHeaders);
            }
        }
        if !below.is_empty() {
            signatures = below;
            self.warn(Warning::TextOutsideSignature);
        }
        let evidence = Evidence { signatures, from, date: shown.headers().date() };
        self.judge(&evidence);
        if shown.root().media_type != "multipart/encrypted" && ciphertext_below(&shown) {
            self.warn(Warning::MixedContext);
        }
        let inside = match (encrypted, holds) {
            (true, _) => Inside::Sealed,
            (false, true) => Inside::Signed,
            (false, false) => Inside::Clear,
        };
        let inside = vec![inside; shown.parts().len()];
        let opened = Opened { report: self.report, shown, inside, headers, warnings: self.warnings, cut: Vec::new() };
        (opened, lies.map(|lies| (lies, pieces)))
    }

    /// Signatures on parts below the root, which cover those parts only. Tells which parts are covered by one that holds.
    fn below(&self, message: &Message, lies: Option<&Lies>, mut covered: impl FnMut(usize)) -> Vec<Checked> {
        let mut signatures = Vec::new();
        for (_, content, signature) in signed_below(message) {
            let checked = self.verified(message, lies, content, signature);
            if checked.iter().any(|checked| holds(checked.outcome)) {
                shape::subtree(message, content).into_iter().for_each(&mut covered);
            }
            signatures.extend(checked.into_iter().map(|checked| Checked { covers: Covers::Part, ..checked }));
        }
        signatures
    }

    /// The message is shown as it came; signatures on parts of it cover those parts only.
    fn unwrapped(mut self) -> Opened {
        let message = self.message;
        let mut inside = vec![Inside::Clear; message.parts().len()];
        let mut signatures = self.below(message, self.large.map(|large| large.root()), |place| {
            if let Some(inside) = inside.get_mut(place) {
                *inside = Inside::Signed;
            }
        });
        for part in message.parts().iter().filter(|part| part.media_type == "text/plain") {
            let text = message.content(part);
            let Some(block) = inline::find(&text).filter(|block| block.kind == Kind::Signed) else { continue };
            if signatures.len() < 8 {
                signatures.extend(
                    verify::cleartext(text.get(block.range).unwrap_or_default(), self.keyring, self.terms.now).1,
                );
            }
        }
        if !signatures.is_empty() {
            self.warn(Warning::TextOutsideSignature);
        }
        for checked in &mut signatures {
            checked.covers = Covers::Part;
        }
        if !matches!(shape(message), Shape::Encrypted(_)) && ciphertext_below(message) {
            self.warn(Warning::MixedContext);
        }
        let outer = message.headers();
        let evidence = Evidence { signatures, from: addresses(outer), date: outer.date() };
        self.judge(&evidence);
        let headers = HeaderView::default();
        Opened {
            report: self.report,
            shown: message.clone(),
            inside,
            headers,
            warnings: self.warnings,
            cut: Vec::new(),
        }
    }

    /// Lets the verdict speak, and adds the reasons that a person can check.
    fn judge(&mut self, evidence: &Evidence) {
        self.report.signature = verdict(evidence, self.terms.tolerance, self.terms.parties);
        let one = matches!(evidence.from.as_slice(), [from] if from.contains('@'));
        if !one && !self.warnings.contains(&Warning::FromMismatch) {
            self.warn(Warning::FromNotOne);
        }
        let state = self.report.signature.state;
        let outcomes = || evidence.signatures.iter().map(|checked| checked.outcome);
        if state == SignatureState::Bad && !outcomes().any(|outcome| outcome == Outcome::Bad) {
            self.warn(Warning::UnfitSignature);
        }
        if state == SignatureState::Mismatch {
            if outcomes().any(|outcome| outcome == Outcome::Future) {
                self.warn(Warning::SignedInFuture);
            } else if outcomes().any(|outcome| outcome == Outcome::NotForUs) {
                self.warn(Warning::NotIntended);
            } else if self.report.signature.bound_to.is_some() {
                self.warn(Warning::TimeMismatch);
            }
        }
        if self.report.signature.signer.as_ref().is_some_and(|signer| signer.stranger) {
            self.warn(Warning::NotAParty);
        }
        if state == SignatureState::Good && outcomes().any(|outcome| outcome != Outcome::Valid) {
            self.warn(Warning::OtherSignatures);
        }
    }
}

/// The content of a part; not copied where it was not encoded.
fn content<'m>(message: &'m Message, part: &Part) -> Cow<'m, [u8]> {
    match part.encoding {
        Encoding::Identity | Encoding::Unknown => Cow::Borrowed(message.raw_body(part)),
        _ => Cow::Owned(message.content(part)),
    }
}

/// Whether a payload is a MIME entity: it names what it holds, or has no header.
fn is_entity(payload: &Message) -> bool {
    let header = payload.root().header.clone();
    let is_empty = payload.raw().get(header).is_none_or(|header| header.trim_ascii().is_empty());
    let is_mime = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.starts_with("content-") || name == "mime-version"
    };
    is_empty || payload.headers().fields().any(|(name, _)| is_mime(name))
}

/// Whether the bytes are what some known key signed, whatever else stands against it.
fn holds(outcome: Outcome) -> bool {
    outcome == Outcome::Valid
}

/// The addr-specs of every From field; a field without any counts as an empty one.
pub(super) fn addresses(headers: &Headers) -> Vec<String> {
    let mut found: Vec<String> = headers.from().into_iter().map(|address| address.addr.to_ascii_lowercase()).collect();
    // Two fields are two claims, even where one of them cannot be read.
    while found.len() < headers.count("From") {
        found.push(String::new());
    }
    found
}
