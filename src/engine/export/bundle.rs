//! One PDF of the documents of a case, or of those that were chosen: gathered here, made by [`crate::export::bundle`].

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::fetch::Fetch;
use super::gather::{Exporter, Letter};
use super::gauge::{Gauge, Told};
use super::provenance::{QUARANTINE, Shut, because, because_of, name_of};
use super::refuse;
use crate::case::MessageName;
use crate::case::document::Reach;
use crate::engine::core::EngineError;
use crate::engine::documents::imported;
use crate::engine::inside::{self, Inner, Place, is_within};
use crate::engine::reading::Reading;
use crate::engine::register::Hand;
use crate::engine::sandbox::{self, NotLooked};
use crate::engine::streamed::{Streamed, Tape};
use crate::export::bundle::{Item, Listed, Matter, make_watched};
use crate::export::{ExportError, Folder};
use crate::mail::address::Address;
use crate::mail::display::AttachmentInfo;
use crate::mail::html;
use crate::pgp::sentence;
use crate::register::Book;
use crate::register::event::Event;
use crate::register::record::Digest;

/// Bytes of a document that is taken in.
const DOCUMENT_MAX: u64 = 64 << 20;
/// Bytes of all of them.
const ALL_MAX: u64 = 512 << 20;
/// Bytes of memory that the objects of all PDFs take.
const WEIGHT_MAX: u64 = 1 << 30;
/// Columns that HTML is set in.
const WIDTH: usize = 84;

/// What of the mail goes in.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Only documents whose name is, or whose digest begins with, one of these texts; empty: all.
    pub documents: Vec<String>,
    /// The messages, too, each before its documents.
    pub mail: bool,
}

impl Choice {
    /// Whether a document of this name and digest is one of them.
    #[must_use]
    pub fn has(&self, name: &str, sha256: &str) -> bool {
        let is = |text: &String| name == *text || (text.len() >= 8 && sha256.starts_with(text.as_str()));
        self.documents.is_empty() || self.documents.iter().any(is)
    }
}

/// A bundle that was written.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Bundled {
    /// The schema's name.
    pub schema: &'static str,
    /// The PDF.
    pub path: PathBuf,
    /// Its digest.
    pub sha256: String,
    /// All pages.
    pub pages: usize,
    /// What the cover lists.
    pub documents: Vec<Listed>,
}

impl Bundled {
    /// How many are listed and not in it.
    #[must_use]
    pub fn left(&self) -> usize {
        self.documents.iter().filter(|one| one.because.is_some()).count()
    }

    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        let left = if self.left() == 0 { String::new() } else { format!(", {} listed only", self.left()) };
        let documents = count(self.documents.len() - self.left(), "document");
        format!("{documents}{left}, on {}: {}.", count(self.pages, "page"), self.path.display())
    }
}

/// Items being gathered.
struct Gathering<'a> {
    exporter: &'a Exporter,
    choice: &'a Choice,
    items: Vec<Item>,
    /// Digests of what is in it, or is listed because it cannot be.
    seen: HashSet<String>,
    /// Digests of what is listed because it is shut: the same may have come openly elsewhere.
    shut: HashSet<String>,
    /// Bytes that are held.
    held: u64,
    /// Bytes of memory that the PDFs will take.
    weight: u64,
    /// Digests of the documents that are in it, by their place among the items.
    digests: Vec<(usize, Digest)>,
    /// The messages that are in it, or of which a document is.
    messages: Vec<MessageName>,
    /// Digests of the texts that stand on the pages of messages and are documents, too.
    texts: Vec<String>,
    gauge: &'a Gauge<'a>,
    /// Why no PDF can be looked into here: a bundle without any is not what was asked for.
    no_sandbox: Option<String>,
}

impl Gathering<'_> {
    fn zone() -> jiff::tz::TimeZone {
        crate::case::hearing::zone().unwrap_or(jiff::tz::TimeZone::UTC)
    }

    fn at(at: jiff::Timestamp) -> String {
        at.to_zoned(Self::zone()).strftime("%-d %b %Y %H:%M").to_string()
    }

    /// Something that is listed only.
    fn list(&mut self, name: &str, about: &str, because: impl Into<String>) {
        let matter = Matter::Other(because.into());
        self.items.push(Item { name: name.to_owned(), about: about.to_owned(), matter });
    }

    fn letter(&mut self, letter: &Letter, message: Result<Streamed, String>) -> Result<(), ExportError> {
        let message = match message {
            Ok(message) => message,
            Err(because) => {
                self.list(&letter.name.to_string(), "", because);
                return Ok(());
            }
        };
        let Some(reading) = &message.reading else {
            self.list(&letter.name.to_string(), "", "the message cannot be read");
            return Ok(());
        };
        let book = self.exporter.book()?;
        let from = reading.headers().from().first().map(|one| one.addr.clone()).unwrap_or_default();
        let about = format!("{}, {from}", Self::at(letter.received));
        let shut = self.exporter.shut(&book, letter, &message)?;
        if shut != Shut::Whole {
            self.messages.push(name_of(reading, message.digest));
        }
        if self.choice.mail && self.choice.documents.is_empty() && letter.only.is_none() {
            if shut == Shut::Whole {
                self.list(&letter.name.to_string(), &about, QUARANTINE);
            } else {
                self.mail(letter, reading, &about, &book);
            }
        }
        let tape = message.tape();
        for one in &reading.body.attachments {
            self.within(letter, (&message, &tape, one), (&about, shut == Shut::Whole), &book)?;
            let wanted = letter.only.as_ref().is_none_or(|only| only.contains(&one.path));
            if !wanted || !self.choice.has(&one.name, &one.sha256) || self.seen.contains(&one.sha256) {
                continue;
            }
            let about = format!("{about}, SHA-256 {}\u{2026}", one.sha256.get(..16).unwrap_or_default());
            let judged = self.exporter.judge(&book, letter, reading, one);
            let because = if shut == Shut::Whole { Some(QUARANTINE) } else { because_of(&judged) };
            if let Some(because) = because {
                if self.shut.insert(one.sha256.clone()) {
                    self.list(&letter.name.to_string(), "", because);
                }
                continue;
            }
            self.seen.insert(one.sha256.clone());
            if let Some(because) = self.too_large(one.bytes) {
                self.list(&one.name, &about, because);
            } else {
                let mut content = Vec::new();
                match message.write_content(&tape, one.part, &mut content) {
                    Ok(()) => {
                        let text = |content: &[u8]| Self::text_of(reading, one, content);
                        self.document(&one.name, &about, &one.media_type, &one.sha256, content, &text);
                    }
                    Err(error) => self.list(&one.name, &about, error.to_string()),
                }
            }
        }
        Ok(())
    }

    /// The files in an attachment that holds any, where it is in reach; `whole`: the message is not.
    fn within(
        &mut self,
        letter: &Letter,
        (message, tape, one): (&Streamed, &Tape<'_>, &AttachmentInfo),
        (about, whole): (&str, bool),
        book: &Book,
    ) -> Result<(), ExportError> {
        let Some(reading) = message.reading.as_ref().filter(|_| !whole) else { return Ok(()) };
        if self.exporter.judge(book, letter, reading, one).reach != Reach::Open {
            return Ok(());
        }
        let walked = inside::walk(reading, one, &mut |file: &Inner<'_>| {
            let is_chosen = |only: &Vec<String>| only.iter().any(|one| is_within(file.path, one));
            let wanted = letter.only.as_ref().is_none_or(is_chosen) && self.choice.has(file.name, file.sha256());
            if !wanted || !self.seen.insert(file.sha256().to_owned()) {
                return Ok(());
            }
            let about =
                format!("{about}, in {}, SHA-256 {}\u{2026}", one.name, file.sha256().get(..16).unwrap_or_default());
            if let Some(because) = self.too_large(file.bytes()) {
                self.list(file.name, &about, because);
                return Ok(());
            }
            let mut content = Vec::new();
            let written = match file.place() {
                Place::Part(place) => message.write_content(tape, place, &mut content),
                Place::Held => file.write(&mut content),
            };
            match written {
                Ok(()) => {
                    let is_text = file.media_type.starts_with("text/");
                    let text = |content: &[u8]| is_text.then(|| String::from_utf8_lossy(content).into_owned());
                    self.document(file.name, &about, file.media_type, file.sha256(), content, &text);
                }
                Err(error) => self.list(file.name, &about, error.to_string()),
            }
            Ok::<(), ExportError>(())
        })?;
        if let Some(unseen) = walked.holds.unseen {
            self.list(&one.name, about, unseen.words());
        }
        Ok(())
    }

    /// Whether anything that is in it was put into quarantine since it was taken in.
    fn is_shut(&self, book: &Book) -> bool {
        self.digests.iter().any(|(_, digest)| book.is_document_quarantined(&digest.to_string()))
            || self.messages.iter().any(|message| book.is_message_quarantined(message))
            || self.texts.iter().any(|sha256| book.is_document_quarantined(sha256))
    }

    fn too_large(&mut self, bytes: u64) -> Option<String> {
        if bytes > DOCUMENT_MAX {
            return Some(format!("it has {} MB; more than {} MB are not taken in", bytes >> 20, DOCUMENT_MAX >> 20));
        }
        if self.held.saturating_add(bytes) > ALL_MAX {
            return Some(format!("the bundle is full: no more than {} MB are taken in", ALL_MAX >> 20));
        }
        self.held = self.held.saturating_add(bytes);
        None
    }

    fn text_of(reading: &Reading, one: &AttachmentInfo, content: &[u8]) -> Option<String> {
        let part = reading.opened.shown.parts().get(one.part).filter(|_| one.media_type.starts_with("text/"))?;
        let text = part.text_of(content).0;
        Some(if one.media_type == "text/html" { html::to_text(&text, WIDTH) } else { text })
    }

    fn document(
        &mut self,
        name: &str,
        about: &str,
        media_type: &str,
        sha256: &str,
        content: Vec<u8>,
        text: &dyn Fn(&[u8]) -> Option<String>,
    ) {
        let head = content.get(..1024.min(content.len())).unwrap_or_default();
        let is_pdf = memchr::memmem::find(head, b"%PDF-").is_some();
        let is_text = !content.contains(&0);
        let matter = if is_pdf {
            self.pdf(content)
        } else if let Some(text) = text(&content).filter(|_| is_text) {
            Matter::Text(text)
        } else {
            Matter::of_bytes(content, media_type)
        };
        if let Ok(digest) = sha256.parse() {
            self.digests.push((self.items.len(), digest));
        }
        self.items.push(Item { name: name.to_owned(), about: about.to_owned(), matter });
    }

    /// A PDF that the sandbox has survived, and that there is room for; any other is listed only.
    fn pdf(&mut self, content: Vec<u8>) -> Matter {
        if self.no_sandbox.is_some() || self.gauge.count(0).is_err() {
            // Nothing comes of the bundle any more.
            return Matter::Other(String::new());
        }
        match sandbox::rehearse_now(&content) {
            Ok(weight) if self.weight.saturating_add(weight) > WEIGHT_MAX => {
                Matter::Other(format!("the bundle is full: no more than {} MB of memory are taken", WEIGHT_MAX >> 20))
            }
            Ok(weight) => {
                self.weight = self.weight.saturating_add(weight);
                Matter::Pdf(content)
            }
            Err(NotLooked::Document(because)) => Matter::Other(because),
            Err(NotLooked::NoSandbox(because)) => {
                self.no_sandbox = Some(because.clone());
                Matter::Other(because)
            }
        }
    }

    /// A message as pages: its head, what OpenPGP says of it, its text, and what came with it.
    fn mail(&mut self, letter: &Letter, reading: &Reading, about: &str, book: &Book) {
        let headers = reading.headers();
        let people = |list: Vec<Address>| list.iter().map(|one| one.addr.clone()).collect::<Vec<_>>().join(", ");
        let mut head =
            vec![("From", people(headers.from())), ("To", people(headers.to())), ("Cc", people(headers.cc()))];
        head.push(("Sent", headers.date().map(Self::at).unwrap_or_default()));
        head.push(("Received", Self::at(letter.received)));
        head.push(("Subject", headers.subject()));
        head.push(("Message-ID", headers.message_id().unwrap_or_default()));
        let said = sentence::sentences(&reading.opened.report, &reading.opened.warnings);
        head.push(("OpenPGP", said.into_iter().map(|(_, words)| words).collect::<Vec<_>>().join(" ")));
        let is_open = |one: &&AttachmentInfo| self.exporter.judge(book, letter, reading, one).reach == Reach::Open;
        let files: Vec<String> = reading
            .body
            .attachments
            .iter()
            .filter(is_open)
            .map(|one| format!("{} ({} bytes)", one.name, one.bytes))
            .collect();
        head.push(("With it", files.join("; ")));
        let head =
            head.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.to_owned(), value));
        let matter = Matter::Mail { head: head.collect(), text: self.exporter.text(book, letter, reading) };
        let is_shown = |one: &&AttachmentInfo| reading.body.sections.iter().any(|section| section.part == one.part);
        let shown = reading.body.attachments.iter().filter(|one| is_shown(one) && is_open(one));
        self.texts.extend(shown.map(|one| one.sha256.clone()));
        self.items.push(Item { name: headers.subject(), about: about.to_owned(), matter });
    }
}

impl Exporter {
    /// Gathers the documents, makes the PDF and writes it: to a file, or under a name of its own into a directory that is there. Reads foreign
    /// bytes: needs a deep stack.
    ///
    /// # Errors
    /// There are none, it is not wanted any more, or it cannot be written.
    pub(super) fn bundle(
        &self,
        to: &Path,
        choice: &Choice,
        fetch: Fetch<'_>,
        told: Told<'_>,
    ) -> Result<Bundled, EngineError> {
        let is_dir = to.is_dir();
        let dir = if is_dir { to } else { to.parent().unwrap_or(to) };
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        self.may_write_to(dir)?;
        let gauge = Gauge::new(self.letters.len(), told);
        let mut gathering = Gathering {
            exporter: self,
            choice,
            items: Vec::new(),
            seen: HashSet::new(),
            shut: HashSet::new(),
            held: 0,
            weight: 0,
            digests: Vec::new(),
            messages: Vec::new(),
            texts: Vec::new(),
            gauge: &gauge,
            no_sandbox: None,
        };
        let gathered = self.read_ahead(fetch, &gauge, &mut |letter, message| {
            gathering.letter(letter, message)?;
            gauge.done(gathering.items.len())
        });
        gathered.map_err(|error| refuse(gauge.or_stopped(error)))?;
        for document in self.by_hand()? {
            let wanted = choice.has(&document.name, &document.sha256) && gathering.seen.insert(document.sha256.clone());
            if !wanted {
                continue;
            }
            let at = document.received.map(Gathering::at).unwrap_or_default();
            let about = format!("taken in by hand {at}, from {}", document.from);
            if let Some(because) = because(document.reach) {
                if gathering.shut.insert(document.sha256.clone()) {
                    gathering.list("taken in by hand", "", because);
                }
                continue;
            }
            match imported(&self.register, &self.stores, &document.sha256) {
                Err(error) => gathering.list("taken in by hand", &about, error.to_string()),
                Ok(content) => match gathering.too_large(document.bytes) {
                    Some(because) => gathering.list(&document.name, &about, because),
                    None => {
                        let is_text = document.media_type.starts_with("text/");
                        let text = is_text.then(|| String::from_utf8_lossy(&content).into_owned());
                        let (name, kind) = (&document.name, &document.media_type);
                        gathering.document(name, &about, kind, &document.sha256, content, &|_| text.clone());
                    }
                },
            }
        }
        if let Some(because) = gathering.no_sandbox {
            return Err(EngineError::Refused(format!("no PDF can be bundled here: {because}")));
        }
        let items = std::mem::take(&mut gathering.items);
        if items.is_empty() {
            return Err(EngineError::Refused("there is no such document to be bundled".to_owned()));
        }
        let made = make_watched(&self.title, items, &|| gauge.count(0).is_ok());
        let (bytes, pages, documents) = made.map_err(refuse)?;
        let book = self.book().map_err(refuse)?;
        if gathering.is_shut(&book) {
            let words = "something in it was put into quarantine meanwhile; make it again, and it is left out";
            return Err(EngineError::Refused(words.to_owned()));
        }
        let digests = gathering.digests;
        let name = if is_dir {
            format!("{}_bundle.pdf", self.directory)
        } else {
            let no_name = || EngineError::Refused(format!("{}: is no name of a file", to.display()));
            to.file_name().ok_or_else(no_name)?.to_string_lossy().into_owned()
        };
        let sha256 = Digest::of(&bytes).to_string();
        let known = Some((bytes.len() as u64, sha256.as_str()));
        let put = Folder::here(dir).and_then(|mut folder| {
            let put = folder.put("", &name, known, &|to: &mut dyn Write| gauge.over(to).write_all(&bytes))?;
            folder.sync().map(|()| put)
        });
        let put = put.map_err(|error: ExportError| refuse(gauge.or_stopped(error)))?;
        let path = dir.join(put.path);
        if !put.already {
            let is_in = |place: &usize| documents.get(*place).is_some_and(|one| one.because.is_none());
            let event = Event::Exported {
                cases: self.cases(),
                path: path.display().to_string(),
                files: 1,
                manifest: Digest::of(&bytes),
                documents: digests.iter().filter(|(place, _)| is_in(place)).map(|(_, digest)| *digest).collect(),
            };
            let hand = Hand { stores: &self.stores, settings: &self.settings, keyring: &self.keyring };
            self.register.append(&hand, &[event])?;
        }
        Ok(Bundled { schema: "casemail.bundle/1", path, sha256, pages, documents })
    }
}
