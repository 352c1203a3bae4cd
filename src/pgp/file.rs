//! Files in a message that OpenPGP has its own word on: signed by a detached signature beside them (`report.pdf` and `report.pdf.asc`), or
//! encrypted alone (`report.pdf.gpg`). Each has a verdict of its own, which says nothing of the message around it.
//!
//! An encrypted file is opened only where a person asks for that file, and becomes a file: what comes out of it never stands beside
//! foreign text (EFAIL) and is never quoted.

use std::io;

use super::decrypt::{self, Decrypted, decrypt};
use super::keyring::Keyring;
use super::large::{self, Laid, Plain, Spool};
use super::open::{Opened, Terms, addresses};
use super::report::{Integrity, OpenPgp};
use super::verdict::{Checked, Evidence, verdict};
use super::verify;
use super::warning::Warning;
use crate::mail::message::{Message, Part};

/// Signatures on files that are looked at in one message: each costs a verification.
const SIGNATURES_MAX: usize = 16;

/// The ends of names of a detached signature.
const SIGNATURE_ENDS: [&str; 3] = [".sig", ".asc", ".sign"];

/// The ends of names of an encrypted file.
const SEALED_ENDS: [&str; 3] = [".gpg", ".pgp", ".asc"];

/// What OpenPGP says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReport {
    /// The file's place in the parts of what is shown.
    pub part: usize,
    /// The place of its detached signature.
    pub signature: Option<usize>,
    /// The facts: `covers` is about the file, `good` needs what it needs for a message.
    pub openpgp: OpenPgp,
}

/// An encrypted file that was opened, or was not.
#[derive(Clone, Debug)]
pub struct OpenedFile {
    /// The facts.
    pub openpgp: OpenPgp,
    /// Its content; nothing unless all of it was checked.
    pub content: Option<Plain>,
    /// Its name without the end that says that it is encrypted. Hostile, as any file name.
    pub name: String,
    /// Why it stayed closed.
    pub warnings: Vec<Warning>,
}

/// The files of what is shown that OpenPGP has a word on, in their order. Nothing is decrypted for it.
#[must_use]
pub fn files(opened: &Opened, keyring: &Keyring, terms: &Terms<'_>) -> Vec<FileReport> {
    files_of(opened, None, keyring, terms)
}

/// As [`files`], of a message that is not held. What cannot be read has no report.
#[must_use]
pub fn files_of(opened: &Opened, laid: Option<&Laid>, keyring: &Keyring, terms: &Terms<'_>) -> Vec<FileReport> {
    let shown = &opened.shown;
    let mut found = Vec::new();
    for (place, part) in shown.parts().iter().enumerate().filter(|(_, part)| part.children.is_empty()) {
        if is_sealed(shown, part) {
            let openpgp = OpenPgp { encrypted: true, ..OpenPgp::default() };
            found.push(FileReport { part: place, signature: None, openpgp });
        } else if found.len() < SIGNATURES_MAX {
            for target in signed_by(shown, place, part) {
                let Some(file) = shown.parts().get(target) else { continue };
                let signature = shown.content(part);
                let cut = laid.map(Laid::lies).filter(|lies| !lies.is_whole(target));
                let checked = match cut.map(|lies| lies.content(target)) {
                    None => verify::detached(&signature, &shown.content(file), keyring, terms.now),
                    Some(data) => {
                        let checked =
                            data.and_then(|data| verify::detached_stream(&signature, data, keyring, terms.now));
                        let Ok(checked) = checked else { continue };
                        checked
                    }
                };
                let openpgp = OpenPgp { signature: judge(checked, opened, terms), ..OpenPgp::default() };
                found.push(FileReport { part: target, signature: Some(place), openpgp });
            }
        }
    }
    found.sort_by_key(|report| report.part);
    found
}

/// Opens an encrypted file; nothing if the part is none.
#[must_use]
pub fn open_file(opened: &Opened, place: usize, keyring: &Keyring, terms: &Terms<'_>) -> Option<OpenedFile> {
    let shown = &opened.shown;
    let part = shown.parts().get(place).filter(|part| is_sealed(shown, part))?;
    let outcome = decrypt(&shown.content(part), keyring, terms.now, terms.may_decrypt);
    Some(told(opened, part, outcome, None, terms))
}

/// As [`open_file`], of a message that is not held: what is in the file goes into a sink, unless all of the file is held.
///
/// # Errors
/// It cannot be read, or what is in it not be kept.
pub fn open_file_of(
    opened: &Opened,
    laid: &Laid,
    spool: Spool<'_, '_>,
    place: usize,
    keyring: &Keyring,
    terms: &Terms<'_>,
) -> io::Result<Option<OpenedFile>> {
    if laid.lies().is_whole(place) {
        return Ok(open_file(opened, place, keyring, terms));
    }
    let shown = &opened.shown;
    let Some(part) = shown.parts().get(place).filter(|part| is_sealed(shown, part)) else { return Ok(None) };
    let (outcome, plain) = large::decrypt_file(laid.lies(), place, spool, keyring, terms)?;
    Ok(Some(told(opened, part, outcome, plain, terms)))
}

/// What came of opening a file. `lying`: what was in it, if that is not held.
fn told(
    opened: &Opened,
    part: &Part,
    outcome: decrypt::Outcome,
    lying: Option<Plain>,
    terms: &Terms<'_>,
) -> OpenedFile {
    let mut file = OpenedFile {
        openpgp: OpenPgp { encrypted: true, recipients: outcome.recipients, ..OpenPgp::default() },
        content: None,
        name: plain_name(part),
        warnings: Vec::new(),
    };
    match outcome.decrypted {
        Decrypted::Plain(content) => {
            file.openpgp.decrypted = true;
            file.openpgp.integrity = Integrity::Ok;
            file.openpgp.signature = judge(outcome.signatures, opened, terms);
            file.content = Some(lying.unwrap_or(Plain::Held(content)));
        }
        Decrypted::Failed => file.openpgp.integrity = Integrity::Failed,
        Decrypted::NotEncrypted(_) => {
            file.openpgp.encrypted = false;
            file.warnings.push(Warning::NotEncrypted);
        }
        other => file.warnings.extend(other.warning()),
    }
    file
}

/// Whether a part is an encrypted file: named or typed as one, and really ciphertext.
#[must_use]
pub fn is_sealed(shown: &Message, part: &Part) -> bool {
    // The ciphertext of a multipart/encrypted is a message's, at the root or not.
    let parent = part.parent.and_then(|parent| shown.parts().get(parent));
    if parent.is_some_and(|parent| parent.media_type == "multipart/encrypted") {
        return false;
    }
    let typed = matches!(part.media_type.as_str(), "application/pgp-encrypted" | "application/pgp");
    let named = part.name.as_deref().is_some_and(|name| cut(name, &SEALED_ENDS).is_some());
    (typed || named) && part.children.is_empty() && decrypt::is_ciphertext(&shown.content(part))
}

fn judge(signatures: Vec<Checked>, opened: &Opened, terms: &Terms<'_>) -> super::report::SignatureReport {
    let headers = opened.shown.headers();
    let mut from = addresses(headers);
    if opened.warnings.contains(&Warning::FromMismatch) {
        // Two claims are not one sender.
        from.push(String::new());
    }
    verdict(&Evidence { signatures, from, date: headers.date() }, terms.tolerance, terms.parties)
}

/// The files beside a part that it is, by its name, a detached signature of.
fn signed_by(shown: &Message, place: usize, part: &Part) -> Vec<usize> {
    // The signature of a multipart/signed is the message's.
    let parent = part.parent.and_then(|parent| shown.parts().get(parent));
    let Some(base) = part.name.as_deref().and_then(|name| cut(name, &SIGNATURE_ENDS)) else { return Vec::new() };
    if parent.is_some_and(|parent| parent.media_type == "multipart/signed") {
        return Vec::new();
    }
    if part.media_type != "application/pgp-signature" && !verify::is_signature(&shown.content(part)) {
        return Vec::new();
    }
    let same = |(other, file): (usize, &Part)| {
        let fits = other != place && file.parent == part.parent && file.name.as_deref() == Some(base);
        (fits && file.children.is_empty()).then_some(other)
    };
    shown.parts().iter().enumerate().filter_map(same).take(4).collect()
}

/// A file name without one of the ends; nothing if it has none, or nothing before it.
fn cut<'n>(name: &'n str, ends: &[&str]) -> Option<&'n str> {
    ends.iter().find_map(|end| {
        let at = name.len().checked_sub(end.len()).filter(|at| *at > 0)?;
        let (base, tail) = name.split_at_checked(at)?;
        tail.eq_ignore_ascii_case(end).then_some(base)
    })
}

fn plain_name(part: &Part) -> String {
    let name = part.name.as_deref().unwrap_or("decrypted");
    cut(name, &SEALED_ENDS).unwrap_or(name).to_owned()
}
