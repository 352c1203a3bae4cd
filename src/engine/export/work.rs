//! An export at work: one message after the other, its documents and itself put under their names.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::sync::mpsc::sync_channel;

use super::fetch::Fetch;
use super::gather::{Exporter, Letter};
use super::gauge::{Gauge, Told};
use super::provenance::{QUARANTINE, Shut, because, because_of, direction, entry};
use super::seal::{drop_zip, read_earlier};
use super::within::Wants;
use super::{Exported, Form, refuse};
use crate::case::document::{Document, Reach};
use crate::engine::STACK_BYTES;
use crate::engine::company::Company;
use crate::engine::core::EngineError;
use crate::engine::documents::imported;
use crate::engine::inside::{digest_of, reach_of_plain};
use crate::engine::reading::Look;
use crate::engine::streamed::{Kept, Streamed};
use crate::export::{Entry, ExportError, Folder, LeftOut, Manifest, Provenance, Put, Role, layout, mailbox};
use crate::mail::id::{MessageKey, ThreadId};
use crate::pgp::large::Plain;
use crate::pgp::open::Decrypt;
use crate::pgp::sentence;
use crate::register::Book;

/// The topic of what was taken in by hand: its directory has the number 0, which no thread has.
const BY_HAND: &str = "By-hand";

/// What is done with each message that was read, or that could not be.
type ReadWork<'w> = &'w mut dyn FnMut(&Letter, Result<Streamed, String>) -> Result<(), ExportError>;

impl Exporter {
    /// A message, read.
    pub(super) fn read(&self, letter: &Letter, fetch: Fetch<'_>, gauge: &Gauge<'_>) -> Result<Streamed, String> {
        let kept = Kept::of(&self.stores, letter.key).map_err(|error| error.to_string())?;
        let kept = kept.map_or_else(|| fetch(letter), Ok)?;
        let company = Company::of(&self.settings, &self.book, &letter.cases);
        let terms = company.terms(self.settings.clock.now(), Decrypt::Any);
        let look = Look { keyring: &self.keyring, terms: &terms, beside: true };
        Streamed::read(kept, &look, &|bytes| gauge.count(bytes)).map_err(|error| error.to_string())
    }

    /// Reads all messages in their order, each while the one before it is worked on: one core reads, the other writes.
    pub(super) fn read_ahead(
        &self,
        fetch: Fetch<'_>,
        gauge: &Gauge<'_>,
        work: ReadWork<'_>,
    ) -> Result<(), ExportError> {
        std::thread::scope(|scope| {
            // Handed from hand to hand: no more than one is held beside the one that is worked on.
            let (give, take) = sync_channel(0);
            let read = move || {
                for letter in &self.letters {
                    if give.send(self.read(letter, fetch, gauge)).is_err() {
                        return;
                    }
                }
            };
            let builder = std::thread::Builder::new().stack_size(STACK_BYTES);
            builder.spawn_scoped(scope, read).map_err(|why| ExportError::at("a thread", why))?;
            for letter in &self.letters {
                let failed = |_| Err("casemail failed while reading it".to_owned());
                work(letter, take.recv().unwrap_or_else(failed))?;
            }
            Ok(())
        })
    }

    /// Does it. Reads foreign bytes: needs a deep stack.
    ///
    /// # Errors
    /// A place cannot be written, or it is not wanted any more. What was written stays.
    pub(super) fn run(&self, fetch: Fetch<'_>, told: Told<'_>) -> Result<Exported, EngineError> {
        self.may_write_to(&self.order.to)?;
        let mut folder = Folder::open(&self.order.to, &self.directory).map_err(refuse)?;
        let earlier = read_earlier(&folder, &self.case).map_err(refuse)?;
        let by_hand = if matches!(self.order.form, Form::Files | Form::Zip) { self.by_hand()? } else { Vec::new() };
        let gauge = Gauge::new(self.letters.len() + by_hand.len(), told);
        // A Maildir is no directory of a thread.
        let threads = earlier.files.iter().filter(|entry| !entry.path.starts_with("Maildir/"));
        let mut work = Work {
            exporter: self,
            gauge: &gauge,
            threads: HashMap::new(),
            seen: HashMap::new(),
            accepted: HashMap::new(),
            known: threads.map(|entry| (entry.message.clone(), entry.path.clone())).collect(),
            manifest: Manifest::default(),
            done: Exported { directory: folder.path().to_owned(), ..Exported::default() },
        };
        let mut all = || {
            self.read_ahead(fetch, &gauge, &mut |letter, message| {
                match message {
                    Ok(message) => work.letter(&mut folder, letter, &message)?,
                    // Not wanted any more is told below.
                    Err(because) => work.leave_out(letter, "", because),
                }
                gauge.done(work.documents())
            })?;
            for document in &by_hand {
                work.by_hand(&mut folder, document)?;
                gauge.done(work.documents())?;
            }
            if self.order.form == Form::Mbox {
                work.mbox(&mut folder, fetch)?;
            }
            Ok(())
        };
        let ended = all();
        // What was written whole stays, however it ended.
        let settled = folder.settle();
        ended.and(settled).map_err(|error| refuse(gauge.or_stopped(error)))?;
        let Work { manifest, mut done, .. } = work;
        self.seal(&mut folder, manifest, earlier, &mut done, &gauge).map_err(refuse)?;
        if self.order.form == Form::Zip {
            drop_zip(self, &folder, &mut done, &gauge).map_err(refuse)?;
        }
        Ok(done)
    }
}

/// An export at work.
pub(super) struct Work<'a> {
    pub(super) exporter: &'a Exporter,
    gauge: &'a Gauge<'a>,
    /// The directories of threads, once known.
    threads: HashMap<ThreadId, String>,
    /// Messages by digest: their place among the manifest's.
    seen: HashMap<String, usize>,
    /// Where an earlier export has put a message, by its digest.
    known: HashMap<String, String>,
    /// Messages that were looked at and may go into a mailbox, each with its digest.
    accepted: HashMap<MessageKey, String>,
    manifest: Manifest,
    done: Exported,
}

impl Work<'_> {
    /// Documents that are done.
    fn documents(&self) -> usize {
        let [(written, there), _] = self.done.counts();
        written + there
    }

    pub(super) fn leave_out(&mut self, letter: &Letter, part: &str, because: String) {
        let what = if part.is_empty() { letter.name.to_string() } else { format!("{} part {part}", letter.name) };
        self.manifest.left_out.push(LeftOut { what, because });
    }

    pub(super) fn keep(&mut self, put: Put, mut entry: Entry) {
        (entry.path, entry.bytes, entry.sha256) = (put.path, put.bytes, put.sha256);
        self.manifest.files.push(entry.clone());
        self.done.files.push((entry, put.already));
    }

    /// The directory of a thread: the one that it has had, else its number and topic.
    pub(super) fn directory(&mut self, folder: &Folder, letter: &Letter, sha256: &str) -> String {
        let thread = letter.thread;
        if let Some(known) = self.threads.get(&thread) {
            return known.clone();
        }
        let before =
            self.known.get(sha256).and_then(|path| path.split_once('/')).map(|(directory, _)| directory.to_owned());
        let made = before.unwrap_or_else(|| {
            let (number, topic) =
                self.exporter.topics.get(&thread).cloned().unwrap_or_else(|| (1, "Correspondence".to_owned()));
            let wanted = layout::topic_directory(number, &topic);
            let number_of = |name: &str| name.split_once('_').and_then(|(number, _)| number.parse::<usize>().ok());
            let mut taken: Vec<String> = folder.directories();
            taken.extend(self.threads.values().cloned());
            if taken.iter().any(|name| *name != wanted && number_of(name) == Some(number)) {
                let last = taken.iter().filter_map(|name| number_of(name)).max().unwrap_or_default();
                layout::topic_directory(last + 1, &topic)
            } else {
                wanted
            }
        });
        self.threads.insert(thread, made.clone());
        made
    }

    /// Writes a file, counting.
    pub(super) fn put(
        &self,
        folder: &mut Folder,
        directory: &str,
        name: &str,
        known: Option<(u64, &str)>,
        content: &dyn Fn(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Put, ExportError> {
        let gauge = self.gauge;
        folder.put(directory, name, known, &|to: &mut dyn Write| content(&mut gauge.over(to)))
    }

    fn letter(&mut self, folder: &mut Folder, letter: &Letter, message: &Streamed) -> Result<(), ExportError> {
        let sha256 = message.digest.to_string();
        if let Some(place) = self.seen.get(&sha256) {
            // A copy in another mailbox.
            if let Some(known) = self.manifest.messages.get_mut(*place) {
                known.places.push(letter.name.to_string());
            }
            return Ok(());
        }
        self.seen.insert(sha256.clone(), self.manifest.messages.len());
        let book = self.exporter.book()?;
        let shut = self.exporter.shut(&book, letter, message)?;
        if shut == Shut::Whole {
            self.leave_out(letter, "", QUARANTINE.to_owned());
            return Ok(());
        }
        let Some(reading) = &message.reading else {
            self.manifest.messages.push(Provenance {
                sha256: sha256.clone(),
                places: vec![letter.name.to_string()],
                received: letter.received,
                ..Provenance::default()
            });
            self.leave_out(letter, "", "it cannot be read; its bytes are exported as they are".to_owned());
            if self.fill_mailbox(folder, letter, message, "undisplayable")? {
                return Ok(());
            }
            return self.message(folder, letter, message, "undisplayable");
        };
        if let Shut::Part(because) = shut
            && matches!(self.exporter.order.form, Form::Mbox | Form::Maildir)
        {
            self.leave_out(letter, "", because.to_owned());
            return Ok(());
        }
        if message.is_large() {
            let files: u64 = reading.body.attachments.iter().map(|one| one.bytes).sum();
            let to_write = files.saturating_add(message.bytes);
            self.gauge.begin(to_write).map_err(|_| ExportError::Stopped)?;
        }
        let provenance = self.exporter.provenance(reading, letter, sha256.clone());
        let subject = provenance.subject.clone();
        self.manifest.messages.push(provenance);
        if self.fill_mailbox(folder, letter, message, &subject)? {
            return Ok(());
        }
        self.documents_of(folder, letter, message, &book)?;
        if let Shut::Part(because) = shut {
            // Its bytes hold what is out of reach.
            self.leave_out(letter, "", because.to_owned());
            return Ok(());
        }
        self.message(folder, letter, message, &subject)
    }

    /// Puts a message into the mailbox that was ordered, or keeps it for that; whether one was.
    fn fill_mailbox(
        &mut self,
        folder: &mut Folder,
        letter: &Letter,
        message: &Streamed,
        subject: &str,
    ) -> Result<bool, ExportError> {
        let sha256 = message.digest.to_string();
        match self.exporter.order.form {
            Form::Files | Form::Zip => return Ok(false),
            Form::Mbox => drop(self.accepted.insert(letter.key, sha256)),
            Form::Maildir => {
                let name = mailbox::maildir_name(letter.received, &sha256);
                let known = Some((message.bytes, sha256.as_str()));
                let put = self.put(folder, "Maildir/cur", &name, known, &|to| message.write_raw(to))?;
                folder.directory("Maildir/new")?;
                folder.directory("Maildir/tmp")?;
                self.keep(put, entry(Role::Message, subject, "", "message/rfc822", &sha256));
            }
        }
        Ok(true)
    }

    /// The documents of a message.
    fn documents_of(
        &mut self,
        folder: &mut Folder,
        letter: &Letter,
        message: &Streamed,
        book: &Book,
    ) -> Result<(), ExportError> {
        let Some(reading) = &message.reading else { return Ok(()) };
        let sha256 = &message.digest.to_string();
        let (settings, keyring) = (&self.exporter.settings, &self.exporter.keyring);
        let company = Company::of(settings, &self.exporter.book, &letter.cases);
        let terms = company.terms(settings.clock.now(), Decrypt::Any);
        let directory = self.directory(folder, letter, sha256);
        let message_verdict = self.verdict();
        let (at, way) = self.moment(letter, sha256);
        let wants = Wants::of(letter, reading)?;
        let tape = message.tape();
        for one in &reading.body.attachments {
            if !wants.any_of(&one.path) {
                continue;
            }
            if let Some(because) = because_of(&self.exporter.judge(book, letter, reading, one)) {
                self.leave_out(letter, &one.path, because.to_owned());
                continue;
            }
            if !wants.all_of(&one.path) {
                self.within(folder, (letter, one), (message, &tape), &wants)?;
                continue;
            }
            let (mut name, mut content, mut verdict) = (one.name.clone(), None, String::new());
            if let Some(report) = reading.beside.files.iter().find(|report| report.part == one.part) {
                verdict = sentence::of_file(&name, &report.openpgp, &[]).map(|(_, words)| words).unwrap_or_default();
            }
            let opened = match self.exporter.order.decrypt {
                true => message.open_file(one.part, keyring, &terms, &|bytes| self.gauge.count(bytes)),
                false => Ok(None),
            };
            let opened = match opened {
                Ok(opened) => opened,
                Err(error) => {
                    self.leave_out(letter, &one.path, format!("it could not be decrypted: {error}"));
                    continue;
                }
            };
            if let Some(opened) = opened {
                verdict = sentence::of_file(&opened.name, &opened.openpgp, &opened.warnings)
                    .map(|(_, words)| words)
                    .unwrap_or_default();
                match opened.content {
                    Some(plain) => {
                        let (sha256, reach) = self.decrypted(letter, (&opened.name, &one.sha256), &plain)?;
                        if let Some(because) = because(reach) {
                            self.leave_out(letter, &one.path, because.to_owned());
                            continue;
                        }
                        (name, content) = (opened.name, Some((plain, sha256)));
                    }
                    None => {
                        self.leave_out(letter, &one.path, verdict);
                        continue;
                    }
                }
            }
            let kind = settings.config.documents.of_name(&name).map(|kind| kind.code.clone()).unwrap_or_default();
            let zone = crate::case::hearing::zone().unwrap_or(jiff::tz::TimeZone::UTC);
            let file = layout::file(&layout::Naming { at, zone: &zone, way, kind: &kind, name: &name });
            let put = match &content {
                Some((plain, sha256)) => {
                    let known = Some((plain.bytes(), sha256.as_str()));
                    self.put(folder, &directory, &file, known, &|to| plain.write(to))?
                }
                None => {
                    let known = Some((one.bytes, one.sha256.as_str()));
                    let write = |to: &mut dyn Write| message.write_content(&tape, one.part, to);
                    self.put(folder, &directory, &file, known, &write)?
                }
            };
            let mut made = entry(Role::Document, &name, &one.path, &one.media_type, sha256);
            made.kind = kind;
            made.flags = layout::flags(&name);
            made.verdict = if verdict.is_empty() { message_verdict.clone() } else { verdict };
            self.keep(put, made);
            self.within(folder, (letter, one), (message, &tape), &wants)?;
        }
        Ok(())
    }

    /// The digest of what was in an encrypted file, and whether it may be handed out, which nobody could tell before. `came_as`: the digest of the ciphertext.
    fn decrypted(
        &self,
        letter: &Letter,
        (name, came_as): (&str, &str),
        plain: &Plain,
    ) -> Result<(String, Reach), ExportError> {
        let (book, kinds) = (self.exporter.book()?, &self.exporter.settings.config.documents);
        let told = digest_of(plain).and_then(|sha256| {
            let reach = reach_of_plain(&book, kinds, (name, &sha256, came_as), plain, direction(letter))?;
            Ok((sha256, reach))
        });
        told.map_err(|why| ExportError::at(&letter.name, why))
    }

    /// What OpenPGP says of the message that is being written.
    pub(super) fn verdict(&self) -> String {
        self.manifest.messages.last().map(|one| one.verdict.join(" ")).unwrap_or_default()
    }

    /// When a message came or went, and which way.
    pub(super) fn moment(&self, letter: &Letter, sha256: &str) -> (jiff::Timestamp, &'static str) {
        let known = self.manifest.messages.iter().rev().find(|one| one.sha256 == sha256);
        match known.filter(|one| one.direction == "out") {
            Some(out) => (out.sent.unwrap_or(letter.received), "out"),
            None => (letter.received, "in"),
        }
    }

    /// Writes a message beside its documents, and beside that what it is without its encryption.
    fn message(
        &mut self,
        folder: &mut Folder,
        letter: &Letter,
        message: &Streamed,
        subject: &str,
    ) -> Result<(), ExportError> {
        let sha256 = message.digest.to_string();
        let directory = self.directory(folder, letter, &sha256);
        let zone = crate::case::hearing::zone().unwrap_or(jiff::tz::TimeZone::UTC);
        let (at, way) = self.moment(letter, &sha256);
        let subject = subject.replace(['/', '\\'], "-");
        let name = format!("{}.eml", if subject.trim().is_empty() { "no subject" } else { subject.trim() });
        let file = |kind: &str| layout::file(&layout::Naming { at, zone: &zone, way, kind, name: &name });
        let known = Some((message.bytes, sha256.as_str()));
        let put = self.put(folder, &directory, &file("message"), known, &|to| message.write_raw(to))?;
        self.keep(put, entry(Role::Message, &name, "", "message/rfc822", &sha256));
        let opened = message.reading.as_ref().map(|reading| &reading.opened);
        if opened.is_some_and(|opened| opened.report.decrypted && !opened.shown.raw().is_empty()) {
            let put = self.put(folder, &directory, &file("decrypted"), None, &|to| message.write_shown(to))?;
            self.keep(put, entry(Role::Decrypted, &name, "", "message/rfc822", &sha256));
        }
        Ok(())
    }

    /// Writes a file that was taken in by hand.
    fn by_hand(&mut self, folder: &mut Folder, document: &Document) -> Result<(), ExportError> {
        let exporter = self.exporter;
        let leave_out = |because: String| LeftOut { what: format!("taken in by hand: {}", document.name), because };
        let is_shut = exporter.book()?.is_document_quarantined(&document.sha256);
        if let Some(because) = because(if is_shut { Reach::Quarantined } else { document.reach }) {
            let what = "taken in by hand".to_owned();
            self.manifest.left_out.push(LeftOut { what, because: because.to_owned() });
            return Ok(());
        }
        let content = match imported(&exporter.register, &exporter.stores, &document.sha256) {
            Ok(content) => content,
            Err(error) => {
                self.manifest.left_out.push(leave_out(error.to_string()));
                return Ok(());
            }
        };
        let zone = crate::case::hearing::zone().unwrap_or(jiff::tz::TimeZone::UTC);
        let kind = if document.kind.code == crate::case::document::Kind::OTHER { "" } else { &document.kind.code };
        let at = document.received.unwrap_or_default();
        let file = layout::file(&layout::Naming { at, zone: &zone, way: "hand", kind, name: &document.name });
        let directory = layout::topic_directory(0, BY_HAND);
        let known = Some((document.bytes, document.sha256.as_str()));
        let put = self.put(folder, &directory, &file, known, &|to| to.write_all(&content))?;
        self.manifest.messages.push(exporter.provenance_by_hand(document));
        let mut made = entry(Role::Document, &document.name, "", &document.media_type, &document.sha256);
        made.kind = kind.to_owned();
        made.flags = layout::flags(&document.name);
        self.keep(put, made);
        Ok(())
    }

    /// All messages in one file: those that were looked at, each the same still, and all of them.
    fn mbox(&mut self, folder: &mut Folder, fetch: Fetch<'_>) -> Result<(), ExportError> {
        if self.accepted.is_empty() {
            return Ok(());
        }
        let (exporter, accepted, gauge) = (self.exporter, &self.accepted, self.gauge);
        let write = |to: &mut dyn Write| {
            let mut written = HashSet::new();
            for letter in &exporter.letters {
                let Some(digest) = accepted.get(&letter.key).filter(|_| written.insert(letter.key)) else { continue };
                let fail = |why: &str| io::Error::other(format!("{}: {why}; export again", letter.name));
                let message = exporter.read(letter, fetch, gauge).map_err(|why| fail(&why))?;
                if message.digest.to_string() != *digest {
                    return Err(fail("another message lies there now"));
                }
                let reading = message.reading.as_ref();
                let book = exporter.book().map_err(io::Error::other)?;
                if exporter.shut(&book, letter, &message).map_err(io::Error::other)? != Shut::Nothing {
                    return Err(fail("it was put into quarantine meanwhile"));
                }
                let headers = reading.map(|reading| reading.message.headers());
                let from = headers.and_then(|headers| headers.from().first().map(|one| one.addr.clone()));
                let mut raw = std::io::BufReader::with_capacity(64 << 10, message.open()?);
                mailbox::mbox(&mut raw, &from.unwrap_or_default(), letter.received, to)?;
            }
            Ok(())
        };
        let put = self.put(folder, "", "messages.mbox", None, &write)?;
        self.keep(put, entry(Role::Mailbox, "messages.mbox", "", "application/mbox", ""));
        Ok(())
    }
}
