//! A message read once: parsed, opened, its text chosen. Ingest, reader and document all start here, so that what is filed, what is shown
//! and what scripts see is one and the same thing.
//!
//! Pure, and safe on hostile bytes: parsing is bounded by [`crate::mail::message`], opening by [`crate::pgp::open`]; a panic in either is
//! caught in [`read_guarded`] and costs the one message.

use std::collections::HashMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use jiff::{SignedDuration, Timestamp};

use super::inside::{self, Held};
use super::quarantine::Shut;
use crate::case::proof::{Proof, proof};
use crate::case::{Class, Classes, lookalike};
use crate::mail::address::Address;
use crate::mail::display::{self, Body};
use crate::mail::headers::Headers;
use crate::mail::message::Message;
use crate::pgp::file::{self, FileReport};
use crate::pgp::keyring::Keyring;
use crate::pgp::large::{Laid, Lies, Spool, open_large};
use crate::pgp::offer::{self, Offer};
use crate::pgp::open::{Opened, Terms, open_with};
use crate::pgp::sentence::{self, Loudness};
use crate::register::event::AttachmentFacts;
use crate::register::record::Digest;

/// A Date header that differs from the time of receipt by more is worth a word.
const SKEW_MAX: SignedDuration = SignedDuration::from_hours(24);

/// A message, read.
pub(crate) struct Reading {
    /// As it came.
    pub(crate) message: Message,
    /// What OpenPGP made of it.
    pub(crate) opened: Opened,
    /// What a person is shown of it.
    pub(crate) body: Body,
    /// Empty unless a person opened it: [`open_guarded`].
    pub(crate) beside: Beside,
    /// What of it nobody is handed: nothing, until [`Self::shut`] looked.
    pub(crate) shut: Shut,
    /// Size and digest of parts that are not held: only the beginning of each is in [`Opened::shown`].
    pub(crate) weights: HashMap<usize, (u64, String)>,
    /// What is held of parts that hold other files, where they are not in [`Opened::shown`].
    pub(crate) packages: HashMap<usize, Held>,
    /// What there is to be known of its attachments: see [`Self::files`].
    pub(crate) files: OnceLock<Vec<Vec<AttachmentFacts>>>,
    /// Of the message as the server has it, where [`Self::message`] is not all of it.
    pub(crate) digest: Option<Digest>,
}

impl Reading {
    /// Of the message as the server has it.
    pub(crate) fn digest(&self) -> Digest {
        self.digest.unwrap_or_else(|| Digest::of(self.message.raw()))
    }

    /// Its attachments, each with what is in it behind it, as the register keeps them. In the order of [`Body::attachments`].
    pub(crate) fn files(&self) -> &[Vec<AttachmentFacts>] {
        self.files.get_or_init(|| inside::facts_of(self))
    }

    /// The same of one attachment.
    pub(crate) fn files_of(&self, part: usize) -> &[AttachmentFacts] {
        let place = self.body.attachments.iter().position(|info| info.part == part);
        place.and_then(|place| self.files().get(place)).map(Vec::as_slice).unwrap_or_default()
    }

    /// Size and digest of what a part holds.
    pub(crate) fn weight(&self, place: usize) -> (u64, String) {
        let weigh = || {
            let part = self.opened.shown.parts().get(place)?;
            let weight = display::weigh(&self.opened.shown, part);
            Some((weight.bytes, weight.sha256))
        };
        self.weights.get(&place).cloned().or_else(weigh).unwrap_or_default()
    }

    /// The header fields that are shown.
    pub(crate) fn headers(&self) -> &Headers {
        self.opened.shown.headers()
    }

    /// Whether there is ciphertext in it that stays closed here: what lies in it is not known then.
    pub(crate) fn is_closed(&self) -> bool {
        self.opened.report.encrypted && !self.opened.report.decrypted
    }

    /// How it came, going by its author's address; an author who cannot be told is open.
    pub(crate) fn carried(&self, classes: &Classes) -> Class {
        carried(&self.headers().from(), classes)
    }

    /// Whether the author's domain is proven by the firm's own server. Only the outer header counts: what is inside a signature is the
    /// sender's word.
    pub(crate) fn proof(&self, classes: &Classes) -> Proof {
        let from = self.headers().from();
        let [only] = from.as_slice() else { return Proof::Claimed };
        let fields: Vec<(&str, std::borrow::Cow<'_, str>)> =
            self.message.headers().fields().map(|(name, value)| (name, String::from_utf8_lossy(value))).collect();
        proof(fields.iter().map(|(name, value)| (*name, value.as_ref())), &only.addr, classes.servers(), classes)
    }

    /// What speaks against how it claims to have been carried, as codes with sentences.
    pub(crate) fn carriage_doubts(&self, classes: &Classes) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        if let Proof::Failed(words) = self.proof(classes) {
            found.push(("authentication-failed", format!("It may be forged: {words}.")));
        }
        for address in self.headers().from() {
            if classes.is_obsolete(&address.addr) {
                let words = format!(
                    "{} belongs to a family of domains that was given up: an answer may go nowhere.",
                    address.addr
                );
                found.push(("obsolete-domain", words));
            }
            if let Some(found_in) = lookalike::mimics(&address.addr, classes) {
                let words =
                    format!("The domain of {} looks like {}, and is another one.", address.addr, found_in.known);
                found.push(("look-alike", words));
            }
        }
        found
    }

    /// What else is worth a look, as codes with sentences: see [`crate::pgp::warning`] for those of OpenPGP.
    pub(crate) fn suspicions(&self, received: Option<Timestamp>) -> Vec<(&'static str, String)> {
        let headers = self.headers();
        let mut found = Vec::new();
        let from = headers.from();
        if from.len() != 1 {
            found.push(("from-not-one", "It does not name exactly one sender with an address.".to_owned()));
        }
        for address in from.iter().chain(&headers.reply_to()) {
            if let Some(shown) = address_in_name(address) {
                found.push((
                    "display-name-address",
                    format!(
                        "The name \u{201c}{}\u{201d} holds another address than the real one, {}.",
                        shown, address.addr
                    ),
                ));
            }
        }
        if let (Some(sent), Some(received)) = (headers.date(), received) {
            let skew = sent.duration_since(received).abs();
            if skew > SKEW_MAX {
                let days = skew.as_hours() / 24;
                found.push((
                    "date-skew",
                    format!(
                        "Its Date is {days} day{} away from when the server received it.",
                        if days == 1 { "" } else { "s" }
                    ),
                ));
            }
        }
        found
    }
}

/// How what these wrote came: see [`Reading::carried`].
pub(crate) fn carried(from: &[Address], classes: &Classes) -> Class {
    match from {
        [only] => classes.class(&only.addr),
        _ => Class::Open,
    }
}

/// An address in a display name that is not the real one.
fn address_in_name(address: &Address) -> Option<String> {
    let name = &address.name;
    let at = name.find('@')?;
    let (before, after) = name.split_at_checked(at)?;
    let edge = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '(' | ')' | '"' | '\'' | ',' | ';');
    let local = before.rsplit(edge).next().unwrap_or_default();
    let domain = after.get(1..)?.split(edge).next().unwrap_or_default();
    let shown = format!("{local}@{domain}");
    (!local.is_empty() && domain.contains('.') && !shown.eq_ignore_ascii_case(address.addr.trim())).then_some(shown)
}

/// What OpenPGP says of single files of a message, and the keys that it brings: looked at where a person opens it.
#[derive(Default)]
pub(crate) struct Beside {
    /// Files with a verdict of their own.
    pub(crate) files: Vec<FileReport>,
    /// Keys that are offered.
    pub(crate) offers: Vec<Offer>,
    /// The same in words, each with the part that it is of, where it is of one.
    pub(crate) sentences: Vec<(Option<usize>, Loudness, String)>,
}

/// Looks beside a message that was read.
fn beside(reading: &Reading, laid: Option<&Laid>, keyring: &Keyring, terms: &Terms<'_>) -> Beside {
    let opened = &reading.opened;
    let files = file::files_of(opened, laid, keyring, terms);
    let offers = offer::offers(&reading.message, opened, terms.now);
    let name = |place: usize| opened.shown.parts().get(place).and_then(|part| part.name.clone()).unwrap_or_default();
    let of_file = |report: &FileReport| {
        let (loudness, words) = sentence::of_file(&name(report.part), &report.openpgp, &[])?;
        Some((Some(report.part), loudness, words))
    };
    let mut sentences: Vec<(Option<usize>, Loudness, String)> = files.iter().filter_map(of_file).collect();
    let mut seen: Vec<&str> = Vec::new();
    for offer in &offers {
        let fingerprint = offer.info.fingerprint.as_str();
        if !seen.contains(&fingerprint) && keyring.cert(fingerprint, terms.now).is_none() {
            sentences.push((None, Loudness::Plain, offer.sentence()));
        }
        seen.push(fingerprint);
    }
    Beside { files, offers, sentences }
}

/// Reads a message.
pub(crate) fn read(raw: Arc<[u8]>, keyring: &Keyring, terms: &Terms<'_>) -> Reading {
    let message = Message::parse(raw);
    let opened = open_with(&message, keyring, terms);
    of(message, opened)
}

fn of(message: Message, opened: Opened) -> Reading {
    let body = display::body(&opened.shown);
    Reading {
        message,
        opened,
        body,
        beside: Beside::default(),
        shut: Shut::default(),
        weights: HashMap::new(),
        packages: HashMap::new(),
        files: OnceLock::new(),
        digest: None,
    }
}

/// How a message is read.
#[derive(Clone, Copy)]
pub(crate) struct Look<'a> {
    /// Keys.
    pub(crate) keyring: &'a Keyring,
    /// On which terms.
    pub(crate) terms: &'a Terms<'a>,
    /// A person opened it: what is beside it is looked at, too.
    pub(crate) beside: bool,
}

impl Look<'_> {
    /// Reads bytes; `None` where that panics.
    pub(crate) fn at(&self, raw: &Arc<[u8]>) -> Option<Reading> {
        if self.beside {
            open_guarded(raw, self.keyring, self.terms)
        } else {
            read_guarded(raw, self.keyring, self.terms)
        }
    }

    /// Reads a message that is not held; `None` where it has to be.
    pub(crate) fn at_large(&self, lies: &Lies, spool: Spool<'_, '_>) -> io::Result<Option<(Reading, Laid)>> {
        let look = || -> io::Result<Option<(Reading, Laid)>> {
            let Some((opened, laid)) = open_large(lies, spool, self.keyring, self.terms)? else { return Ok(None) };
            let mut reading = of(lies.outline().message().clone(), opened);
            if self.beside {
                reading.beside = beside(&reading, Some(&laid), self.keyring, self.terms);
            }
            Ok(Some((reading, laid)))
        };
        catch_unwind(AssertUnwindSafe(look)).unwrap_or(Ok(None))
    }
}

/// Reads a message; `None` where that panics.
pub(crate) fn read_guarded(raw: &Arc<[u8]>, keyring: &Keyring, terms: &Terms<'_>) -> Option<Reading> {
    // The keyring is only read, and nothing half-made leaves.
    catch_unwind(AssertUnwindSafe(|| read(Arc::clone(raw), keyring, terms))).ok()
}

/// Reads a message that a person opened, and looks beside it too.
pub(crate) fn open_guarded(raw: &Arc<[u8]>, keyring: &Keyring, terms: &Terms<'_>) -> Option<Reading> {
    let look = || {
        let mut reading = read(Arc::clone(raw), keyring, terms);
        reading.beside = beside(&reading, None, keyring, terms);
        reading
    };
    catch_unwind(AssertUnwindSafe(look)).ok()
}

#[cfg(test)]
mod tests {
    use super::address_in_name;
    use crate::mail::address::Address;

    #[test]
    fn a_name_that_poses_as_an_address_is_seen() {
        let check = |name: &str, expected: Option<&str>| {
            let address = Address { name: name.into(), addr: "x@attacker.example".into() };
            assert_eq!(address_in_name(&address).as_deref(), expected, "{name}");
        };
        check("h.lintwhite@copfs.gov.example", Some("h.lintwhite@copfs.gov.example"));
        check("Harriet <h.lintwhite@copfs.gov.example>", Some("h.lintwhite@copfs.gov.example"));
        check("x@attacker.example", None);
        check("X@Attacker.example", None);
        check("Harriet Lintwhite", None);
        check("Harriet @ COPFS", None);
        check("@", None);
    }
}
