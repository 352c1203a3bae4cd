//! Mail written out: which messages of which cases, each opened, its files named and put below a directory by [`crate::export`], the register told.
//!
//! What is exported is gathered from the index at once ([`gather`]); the work ([`work`]) is done beside the core, one message at a time, and what is large
//! is read as a stream, so that a case of any size takes the memory of its index. What stands beside the files is made in [`seal`], one PDF of many
//! documents in [`bundle`], what is in a package in [`within`]; [`screen`] does it for a person who watches.

mod bundle;
mod fetch;
mod gather;
mod gauge;
mod provenance;
mod screen;
mod seal;
mod within;
mod work;

use std::path::PathBuf;

use jiff::Timestamp;

pub use self::bundle::{Bundled, Choice};
pub(crate) use self::gather::Exporter;
pub use self::gauge::{Progress, Told};
use super::core::{Core, EngineError};
use super::{Engine, STACK_BYTES};
use crate::case::document::{Direction, Document, Reach};
use crate::export::{Entry, ExportError, LeftOut, Role};
use crate::mail::id::{CaseId, MessageRef, ThreadId};
use crate::pgp::detached;
use crate::pgp::keyring::Keyring;

/// Documents that were chosen one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// The case that they were chosen in.
    pub case: Option<CaseId>,
    /// Attachments: the message and the path of the part.
    pub parts: Vec<(MessageRef, String)>,
    /// What was taken in by hand: its digest.
    pub by_hand: Vec<String>,
}

impl Chosen {
    /// What of documents can be written out: files that are in reach and lie somewhere still.
    #[must_use]
    pub fn of(case: Option<CaseId>, documents: Vec<Document>) -> Self {
        let mut chosen = Self { case, ..Self::default() };
        for document in documents.into_iter().filter(|one| one.is_file() && one.reach == Reach::Open) {
            match document.message {
                Some(message) => chosen.parts.push((message, document.path)),
                None if document.direction == Direction::ByHand => chosen.by_hand.push(document.sha256),
                None => {}
            }
        }
        chosen
    }

    /// Whether there is nothing to write out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.by_hand.is_empty()
    }
}

/// Which mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// All of a case, and what was taken into it by hand.
    Case(CaseId),
    /// Threads.
    Threads(Vec<ThreadId>),
    /// These messages.
    Messages(Vec<MessageRef>),
    /// These documents, each with its message.
    Documents(Chosen),
}

/// In which form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Documents and messages as files.
    #[default]
    Files,
    /// All messages in one mbox file.
    Mbox,
    /// A Maildir.
    Maildir,
    /// As files, and a zip of them beside the directory.
    Zip,
}

/// What is to be written where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Which mail.
    pub subject: Subject,
    /// In which form.
    pub form: Form,
    /// What is in files that are encrypted on their own is written, too.
    pub decrypt: bool,
    /// Below this directory.
    pub to: PathBuf,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// The directory of the case.
    pub directory: PathBuf,
    /// A zip of it.
    pub archive: Option<PathBuf>,
    /// The files that were asked for, each with whether it was there already.
    pub files: Vec<(Entry, bool)>,
    /// What was not written, and why.
    pub left_out: Vec<LeftOut>,
    /// Names of ours under which somebody else's file lay, each with the name that it has now.
    pub aside: Vec<(String, String)>,
    /// SHA-256 of the list of digests.
    pub manifest: String,
    /// The fingerprint of the key that signed it.
    pub signed_by: Option<String>,
}

impl Exported {
    /// Documents and other files, each: written, there already.
    #[must_use]
    pub fn counts(&self) -> [(usize, usize); 2] {
        let count = |document: bool, already: bool| {
            let of = |(entry, there): &&(Entry, bool)| (entry.role == Role::Document) == document && *there == already;
            self.files.iter().filter(of).count()
        };
        [(count(true, false), count(true, true)), (count(false, false), count(false, true))]
    }

    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        let [(documents, documents_there), (messages, messages_there)] = self.counts();
        let mut words = if self.files.is_empty() {
            "nothing to export".to_owned()
        } else if documents + messages == 0 {
            format!("0 written; {documents_there} already exported, identical")
        } else {
            format!("{documents} written, verified; {documents_there} there already")
        };
        if messages + messages_there > 0 {
            words.push_str(&format!(" (and {} of the messages)", messages + messages_there));
        }
        if !self.left_out.is_empty() {
            words.push_str(&format!("; {} left out", self.left_out.len()));
        }
        for (name, now) in &self.aside {
            words.push_str(&format!("; {name} was not as it was written, and is {now} now"));
        }
        if !self.files.is_empty() && self.signed_by.is_none() {
            words.push_str("; not signed, for there is no own OpenPGP key that can sign");
        }
        words
    }
}

fn refuse(error: ExportError) -> EngineError {
    match error {
        ExportError::Stopped => EngineError::Refused(error.to_string()),
        ExportError::Place { .. } => EngineError::Place(error.to_string()),
    }
}

/// Runs what parses foreign bytes where the stack is deep enough.
fn deep<T: Send>(run: impl FnOnce() -> Result<T, EngineError> + Send) -> Result<T, EngineError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, run)?;
        thread.join().map_err(|_| EngineError::Ended)?
    })
}

impl Engine {
    /// Makes one PDF of documents; all of the subject, or those whose name is, or whose digest begins with, one of these texts.
    ///
    /// # Errors
    /// [`EngineError::Locked`], there are none, it was stopped, or it cannot be written.
    pub fn bundle(
        &self,
        subject: Subject,
        to: &std::path::Path,
        choice: &Choice,
        told: Told<'_>,
    ) -> Result<Bundled, EngineError> {
        self.register_parts()?.0.with(|_| ())?;
        let order = Order { subject, form: Form::Files, decrypt: false, to: PathBuf::new() };
        let exporter = self.core.ask_open(move |core, open| Exporter::of(core, open, order))??;
        let fetch = self.fetcher()?;
        let done = deep(|| exporter.bundle(to, choice, &|letter| fetch.fetch(letter), told))?;
        self.core.ask_stores(Core::register_changed)?;
        Ok(done)
    }

    /// Writes mail out. What is not here is fetched.
    ///
    /// # Errors
    /// [`EngineError::Locked`], no such message, it was stopped, or a place cannot be written.
    pub fn export(&self, order: Order, told: Told<'_>) -> Result<Exported, EngineError> {
        // Waited for out here: the core waits for nobody.
        self.register_parts()?.0.with(|_| ())?;
        let exporter = self.core.ask_open(move |core, open| Exporter::of(core, open, order))??;
        let fetch = self.fetcher()?;
        let cases = exporter.cases();
        let record = || cases.iter().try_for_each(|case| self.record_what_came(Some(case)).map(drop));
        // When a message was first seen stands in the manifest: it is written down first.
        record()?;
        let done = deep(|| exporter.run(&|letter| fetch.fetch(letter), told))?;
        // What was not here before.
        record()?;
        self.core.ask_stores(Core::register_changed)?;
        Ok(done)
    }
}

/// What a signature over a list of digests is worth.
///
/// # Errors
/// Why it is worth nothing, in words.
pub fn judge(keyring: &Keyring, text: &[u8], signature: &[u8], now: Timestamp) -> Result<String, String> {
    for info in keyring.certs(now) {
        let holds =
            keyring.cert_bytes(&info.fingerprint).is_ok_and(|cert| detached::verify(&cert, text, signature, now));
        if holds && (info.has_secret || info.acceptance.is_accepted()) {
            return Ok(format!("signed by {} {}", info.holder(), info.fingerprint));
        }
        if holds {
            return Err(format!("is by the key {}, which was not accepted", info.fingerprint));
        }
    }
    Err("does not hold over the list by any key that is known here".to_owned())
}

#[cfg(test)]
mod tests;
