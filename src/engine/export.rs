//! Mail written out: which messages of which cases, each opened, its files named and put below a directory by [`crate::export`], the register told.
//!
//! What is exported is gathered from the index at once; the work is done beside the core, one message at a time, so that a case of any size
//! takes the memory of its largest message.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use sha2::Digest as _;

use super::company::Company;
use super::core::{Core, EngineError, Open, Settings, Stores};
use super::guard::Records;
use super::reading::{Reading, open_guarded};
use super::register::{Hand, Register};
use super::{Engine, STACK_BYTES};
use crate::app::effect::{Target, Wanted};
use crate::app::view::{Scope, Tone};
use crate::case::{Class, Identifier, Jurisdiction, MessageName, service};
use crate::export::manifest::{DIGESTS, INDEX, MESSAGES, PROVENANCE, SCHEMA, SIGNATURE, digests, read_digests};
use crate::export::{
    Entry, ExportError, Folder, LeftOut, Manifest, Provenance, Put, Role, archive, bundle, layout, mailbox,
};
use crate::mail::address::Address;
use crate::mail::id::{CaseId, MessageKey, MessageRef, ThreadId};
use crate::pgp::keyring::Keyring;
use crate::pgp::open::Decrypt;
use crate::pgp::{detached, file, sentence};
use crate::register::Book;
use crate::register::event::Event;
use crate::register::record::Digest;

/// Where mail of no case goes.
const NO_CASE: &str = "NO-CASE";

/// Which mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// All of a case.
    Case(CaseId),
    /// Threads.
    Threads(Vec<ThreadId>),
    /// These messages.
    Messages(Vec<MessageRef>),
    /// Attachments, by message and part path.
    Parts(MessageRef, Vec<String>),
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

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Messages done.
    pub done: usize,
    /// Of so many.
    pub of: usize,
    /// Documents written.
    pub written: usize,
}

/// Called after each message; `false` ends the export.
pub type Told<'a> = &'a (dyn Fn(Progress) -> bool + Sync);

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
        if !self.files.is_empty() && self.signed_by.is_none() {
            words.push_str("; not signed, for there is no own OpenPGP key that can sign");
        }
        words
    }
}

/// A message to be exported.
struct Letter {
    key: MessageKey,
    name: MessageRef,
    received: Timestamp,
    thread: ThreadId,
    cases: Vec<CaseId>,
}

/// Why something stays where it is.
const QUARANTINE: &str = "it is in quarantine, and was left out";

/// What of a message is in quarantine.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shut {
    Nothing,
    Part,
    Whole,
}

/// The name under which the register knows a message.
fn name_of(reading: &Reading) -> MessageName {
    let id = reading.headers().message_id().or_else(|| reading.message.headers().message_id());
    let message_id = id.unwrap_or_default();
    MessageName { message_id, digest: sha2::Sha256::digest(reading.message.raw()).into() }
}

/// A gathered export.
pub(crate) struct Exporter {
    order: Order,
    case: Option<CaseId>,
    title: String,
    directory: String,
    law: Option<Jurisdiction>,
    letters: Vec<Letter>,
    /// Directories of threads: number and topic.
    topics: HashMap<ThreadId, (usize, String)>,
    register: Register,
    stores: Arc<Stores>,
    settings: Arc<Settings>,
    keyring: Arc<Keyring>,
    /// Says what is in quarantine.
    book: Arc<Book>,
}

fn refuse(error: ExportError) -> EngineError {
    match error {
        ExportError::Stopped => EngineError::Refused(error.to_string()),
        ExportError::Place { .. } => EngineError::Start(std::io::Error::other(error.to_string())),
    }
}

impl Exporter {
    /// Gathers what an order is of.
    pub(crate) fn of(core: &Core, open: &Open, order: Order) -> Result<Self, EngineError> {
        let library = &open.library;
        let wanted = |names: &[MessageRef]| -> Result<Vec<MessageKey>, EngineError> {
            let find = |name: &MessageRef| {
                let now = open.changes.name_now(name).unwrap_or(name);
                library.key(name).or_else(|| library.key(now)).ok_or_else(|| EngineError::NoMessage(name.to_string()))
            };
            names.iter().map(find).collect()
        };
        let of_case = |case: &CaseId| -> Vec<MessageKey> {
            let scope = Scope::Case(case.clone());
            library.keys_by_date().into_iter().filter(|key| library.is_in_scope(*key, &scope)).collect()
        };
        let (keys, case) = match &order.subject {
            Subject::Case(case) => (of_case(case), Some(case.clone())),
            Subject::Threads(threads) => {
                (threads.iter().flat_map(|thread| library.thread_keys(*thread)).collect(), None)
            }
            Subject::Messages(names) => (wanted(names)?, None),
            Subject::Parts(name, _) => (wanted(std::slice::from_ref(name))?, None),
        };
        let filed = || keys.iter().find_map(|key| library.cases_of(*key).into_iter().next()).map(|(case, _)| case);
        let case = case.or_else(filed);
        let letter = |key: MessageKey| {
            Some(Letter {
                key,
                name: library.name(key)?,
                received: library.received(key).and_then(|at| Timestamp::from_second(at).ok()).unwrap_or_default(),
                thread: library.thread_of(key).unwrap_or(ThreadId(0)),
                cases: library.cases_of(key).into_iter().map(|(case, _)| case).collect(),
            })
        };
        let mut letters: Vec<Letter> = keys.iter().filter_map(|key| letter(*key)).collect();
        letters.sort_by(|one, other| (one.received, &one.name).cmp(&(other.received, &other.name)));
        let record = case.as_ref().and_then(|case| core.records(open).record(case));
        let (mut title, mut identifiers) = (String::new(), Vec::<Identifier>::new());
        if let Some(case) = &case {
            let (words, numbers) = library.case_words(case);
            (title, identifiers) = (words.to_string(), numbers);
        }
        let directory = match (&case, &record) {
            (None, _) => NO_CASE.to_owned(),
            (Some(case), record) => {
                let known = record.as_ref().and_then(|record| record.main_identifier()).map(|one| one.value.clone());
                let first = identifiers.iter().find(|one| one.kind.names_a_case()).map(|one| one.value.clone());
                let number = known.or(first).unwrap_or_else(|| case.0.clone());
                let client = record.as_ref().and_then(|record| record.accused.first()).map(|one| one.surname());
                layout::case_directory(&title, client.as_deref(), &number)
            }
        };
        if let Some(record) = &record {
            identifiers.extend(record.identifiers.iter().cloned());
        }
        // The number of a thread is its place in the whole case, whatever is exported of it.
        let whole = case.as_ref().map_or_else(|| keys.clone(), of_case);
        let mut firsts: BTreeMap<ThreadId, (i64, MessageKey)> = BTreeMap::new();
        for key in whole.into_iter().chain(keys) {
            let (Some(thread), Some(at)) = (library.thread_of(key), library.received(key)) else { continue };
            let first = firsts.entry(thread).or_insert((at, key));
            *first = (*first).min((at, key));
        }
        let mut order_of: Vec<(i64, ThreadId, MessageKey)> =
            firsts.into_iter().map(|(thread, (at, key))| (at, thread, key)).collect();
        order_of.sort_unstable_by_key(|(at, thread, _)| (*at, thread.0));
        let topics = order_of.into_iter().enumerate().map(|(place, (_, thread, key))| {
            let subject = library.served(key).map(|(_, subject, _)| subject.to_owned()).unwrap_or_default();
            (thread, (place + 1, layout::topic(&subject, &title, &identifiers)))
        });
        Ok(Self {
            topics: topics.collect(),
            law: case.as_ref().and_then(|case| {
                record.as_ref().map_or_else(|| core.law_of(open, case), |record| Some(record.jurisdiction))
            }),
            order,
            case,
            title,
            directory,
            letters,
            register: open.register.clone(),
            stores: Arc::clone(&open.stores),
            settings: Arc::clone(&core.settings),
            keyring: open.keyring.now(),
            book: open.register.with(|loaded| loaded.book())?,
        })
    }

    /// A message's bytes.
    fn raw(&self, letter: &Letter, fetch: Fetch<'_>) -> Result<Arc<[u8]>, String> {
        match self.stores.raw(letter.key) {
            Ok(Some(raw)) => Ok(raw.into()),
            Ok(None) => fetch(&letter.name),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Does it. Reads foreign bytes: needs a deep stack.
    ///
    /// # Errors
    /// A place cannot be written. What was written stays.
    pub(crate) fn run(&self, fetch: Fetch<'_>, told: Told<'_>) -> Result<Exported, EngineError> {
        let mut folder = Folder::open(&self.order.to, &self.directory).map_err(refuse)?;
        let earlier = read_earlier(&folder, &self.case).map_err(refuse)?;
        let mut work = Work {
            exporter: self,
            threads: HashMap::new(),
            seen: HashMap::new(),
            held: BTreeSet::new(),
            known: earlier.files.iter().map(|entry| (entry.message.clone(), entry.path.clone())).collect(),
            manifest: Manifest::default(),
            done: Exported { directory: folder.path().to_owned(), ..Exported::default() },
        };
        for (place, letter) in self.letters.iter().enumerate() {
            match self.raw(letter, fetch) {
                Ok(raw) => work.letter(&mut folder, letter, &raw).map_err(refuse)?,
                Err(because) => work.leave_out(letter, "", because),
            }
            let written = work.done.counts()[0].0;
            if !told(Progress { done: place + 1, of: self.letters.len(), written }) {
                return Err(refuse(ExportError::Stopped));
            }
        }
        if self.order.form == Form::Mbox {
            work.mbox(&mut folder, fetch).map_err(refuse)?;
        }
        let Work { manifest, mut done, .. } = work;
        self.seal(&mut folder, manifest, earlier, &mut done).map_err(refuse)?;
        if self.order.form == Form::Zip {
            drop_zip(self, &folder, &mut done).map_err(refuse)?;
        }
        Ok(done)
    }

    /// Writes what stands beside the files, reads it again, and tells the register.
    fn seal(
        &self,
        folder: &mut Folder,
        mut manifest: Manifest,
        earlier: Manifest,
        done: &mut Exported,
    ) -> Result<(), ExportError> {
        let now = self.settings.clock.now();
        manifest.schema = SCHEMA.to_owned();
        manifest.program = format!("casemail {}", env!("CARGO_PKG_VERSION"));
        manifest.case = self.case.as_ref().map(|case| case.0.clone()).unwrap_or_default();
        manifest.title.clone_from(&self.title);
        manifest.written = now;
        done.left_out.clone_from(&manifest.left_out);
        let mut merged = manifest;
        merged.take_in(earlier.clone());
        let same = Manifest { written: earlier.written, program: earlier.program.clone(), ..merged.clone() } == earlier;
        if same && let Some(list) = folder.read(DIGESTS)? {
            done.manifest = Digest::of(&list).to_string();
            done.signed_by = self.signer(now).filter(|_| folder.read(SIGNATURE).is_ok_and(|found| found.is_some()));
            return Ok(());
        }
        if merged.files.is_empty() {
            return Ok(());
        }
        let json = merged.json().map_err(|why| ExportError::at(PROVENANCE, why))?;
        let mut list: BTreeMap<String, String> =
            merged.files.iter().map(|entry| (entry.path.clone(), entry.sha256.clone())).collect();
        for (name, content) in
            [(PROVENANCE, json), (INDEX, merged.index().into_bytes()), (MESSAGES, merged.messages().into_bytes())]
        {
            folder.replace(name, &content)?;
            list.insert(name.to_owned(), Digest::of(&content).to_string());
        }
        let list = digests(&list).into_bytes();
        // A signature over the former list would be one that does not hold.
        folder.remove(SIGNATURE);
        folder.replace(DIGESTS, &list)?;
        if let Some(signer) = self.signer(now)
            && let Ok(signature) = detached::sign_as(&self.keyring, &signer, &list, now)
        {
            folder.replace(SIGNATURE, &signature)?;
            done.signed_by = Some(signer);
        }
        folder.sync()?;
        let documents = done.files.iter().filter(|(entry, _)| entry.role == Role::Document);
        let documents = documents.filter_map(|(entry, _)| entry.sha256.parse().ok()).collect();
        let manifest = Digest::of(&list);
        done.manifest = manifest.to_string();
        let event = Event::Exported {
            cases: self.case.clone().into_iter().collect(),
            path: done.directory.display().to_string(),
            files: done.files.len() as u64,
            manifest,
            documents,
        };
        let hand = Hand { stores: &self.stores, settings: &self.settings, keyring: &self.keyring };
        self.register.append(&hand, &[event]).map_err(|why| ExportError::at("the register", why))
    }

    /// The own key that signs.
    fn signer(&self, now: Timestamp) -> Option<String> {
        let accounts = self.settings.config.accounts.iter();
        accounts.filter_map(|account| self.keyring.signer_for(&account.address.addr, now)).next()
    }
}

/// Fetches a message whose bytes are not here.
pub(crate) type Fetch<'a> = &'a (dyn Fn(&MessageRef) -> Result<Arc<[u8]>, String> + Sync);

/// What an earlier export of the same case has left here.
fn read_earlier(folder: &Folder, case: &Option<CaseId>) -> Result<Manifest, ExportError> {
    let Some(text) = folder.read(PROVENANCE)? else {
        if folder.read(DIGESTS)?.is_some() {
            return Err(ExportError::at(
                folder.path().display(),
                format!("holds a {DIGESTS} that casemail did not write"),
            ));
        }
        return Ok(Manifest::default());
    };
    let foreign = |why: &dyn std::fmt::Display| {
        ExportError::at(
            folder.path().join(PROVENANCE).display(),
            format!("is none of casemail's ({why}); name another directory"),
        )
    };
    let earlier: Manifest = serde_json::from_slice(&text).map_err(|why| foreign(&why))?;
    let this = case.as_ref().map(|case| case.0.as_str()).unwrap_or_default();
    if earlier.schema != SCHEMA {
        return Err(foreign(&earlier.schema));
    }
    if earlier.case != this {
        return Err(foreign(&format!("it is of the case {}", earlier.case)));
    }
    Ok(earlier)
}

/// A zip of what was exported, beside its directory.
fn drop_zip(exporter: &Exporter, folder: &Folder, done: &mut Exported) -> Result<(), ExportError> {
    let Some(list) = folder.read(DIGESTS)? else { return Ok(()) };
    let lines = read_digests(&String::from_utf8_lossy(&list))
        .map_err(|line| ExportError::at(DIGESTS, format!("line {line}")))?;
    let mut files: Vec<String> = lines.into_iter().map(|(_, path)| path).collect();
    files.push(DIGESTS.to_owned());
    if folder.read(SIGNATURE)?.is_some() {
        files.push(SIGNATURE.to_owned());
    }
    let mut root = Folder::here(&exporter.order.to)?;
    let write = |to: &mut dyn Write| {
        archive::write(folder, &files, &exporter.directory, to).map_err(|why| std::io::Error::other(why.to_string()))
    };
    let put = root.put("", &format!("{}.zip", exporter.directory), &write)?;
    let path = exporter.order.to.join(put.path);
    archive::check(&path)?;
    done.archive = Some(path);
    Ok(())
}

/// An export at work.
struct Work<'a> {
    exporter: &'a Exporter,
    /// The directories of threads, once known.
    threads: HashMap<ThreadId, String>,
    /// Messages by digest: their place among the manifest's.
    seen: HashMap<String, usize>,
    /// Where an earlier export has put a message, by its digest.
    known: HashMap<String, String>,
    /// Messages that stay because of a quarantine, by digest.
    held: BTreeSet<String>,
    manifest: Manifest,
    done: Exported,
}

impl Work<'_> {
    fn leave_out(&mut self, letter: &Letter, part: &str, because: String) {
        let what = if part.is_empty() { letter.name.to_string() } else { format!("{} part {part}", letter.name) };
        self.manifest.left_out.push(LeftOut { what, because });
    }

    fn keep(&mut self, put: Put, mut entry: Entry) {
        (entry.path, entry.bytes, entry.sha256) = (put.path, put.bytes, put.sha256);
        self.manifest.files.push(entry.clone());
        self.done.files.push((entry, put.already));
    }

    /// The directory of a thread: the one that it has had, else its number and topic.
    fn directory(&mut self, folder: &Folder, letter: &Letter, sha256: &str) -> String {
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

    fn letter(&mut self, folder: &mut Folder, letter: &Letter, raw: &Arc<[u8]>) -> Result<(), ExportError> {
        let sha256 = Digest::of(raw).to_string();
        if let Some(place) = self.seen.get(&sha256) {
            // A copy in another mailbox.
            if let Some(known) = self.manifest.messages.get_mut(*place) {
                known.places.push(letter.name.to_string());
            }
            return Ok(());
        }
        self.seen.insert(sha256.clone(), self.manifest.messages.len());
        let (settings, keyring) = (&self.exporter.settings, &self.exporter.keyring);
        let company = Company::of(settings, &self.exporter.book, &letter.cases);
        let terms = company.terms(settings.clock.now(), Decrypt::Any);
        let Some(reading) = open_guarded(raw, keyring, &terms) else {
            self.manifest.messages.push(Provenance {
                sha256: sha256.clone(),
                places: vec![letter.name.to_string()],
                received: letter.received,
                ..Provenance::default()
            });
            self.leave_out(letter, "", "it cannot be read; its bytes are exported as they are".to_owned());
            return self.message(folder, letter, &sha256, "undisplayable", raw, Role::Message);
        };
        let shut = self.shut(&reading);
        if shut == Shut::Whole || (shut == Shut::Part && matches!(self.exporter.order.form, Form::Mbox | Form::Maildir))
        {
            self.held.insert(sha256);
            self.leave_out(letter, "", QUARANTINE.to_owned());
            return Ok(());
        }
        let provenance = self.provenance(&reading, letter, sha256.clone());
        let outgoing = provenance.direction == "out";
        let at = if outgoing { provenance.sent.unwrap_or(letter.received) } else { letter.received };
        let subject = provenance.subject.clone();
        let message_verdict = provenance.verdict.join(" ");
        self.manifest.messages.push(provenance);
        let zone = crate::case::hearing::zone().unwrap_or(jiff::tz::TimeZone::UTC);
        match self.exporter.order.form {
            Form::Mbox => return Ok(()),
            Form::Maildir => {
                let name = mailbox::maildir_name(letter.received, &sha256);
                let put = folder.put("Maildir/cur", &name, &|to: &mut dyn Write| to.write_all(raw))?;
                folder.directory("Maildir/new")?;
                folder.directory("Maildir/tmp")?;
                self.keep(put, entry(Role::Message, &subject, "", "message/rfc822", &sha256));
                return Ok(());
            }
            Form::Files | Form::Zip => {}
        }
        let directory = self.directory(folder, letter, &sha256);
        let only = match &self.exporter.order.subject {
            Subject::Parts(_, paths) if !paths.is_empty() => Some(paths),
            _ => None,
        };
        if let Some(absent) = only
            .and_then(|paths| paths.iter().find(|path| !reading.body.attachments.iter().any(|one| one.path == **path)))
        {
            return Err(ExportError::at(&letter.name, format!("the message has no attachment {absent:?}")));
        }
        for one in &reading.body.attachments {
            if only.is_some_and(|paths| !paths.contains(&one.path)) {
                continue;
            }
            let Some(part) = reading.opened.shown.parts().get(one.part) else { continue };
            if self.exporter.book.is_document_quarantined(&one.sha256) {
                self.leave_out(letter, &one.path, QUARANTINE.to_owned());
                continue;
            }
            let (mut name, mut content, mut verdict) = (one.name.clone(), None, String::new());
            if let Some(report) = reading.beside.files.iter().find(|report| report.part == one.part) {
                verdict = sentence::of_file(&name, &report.openpgp, &[]).map(|(_, words)| words).unwrap_or_default();
            }
            if self.exporter.order.decrypt
                && let Some(opened) = file::open_file(&reading.opened, one.part, keyring, &terms)
            {
                verdict = sentence::of_file(&opened.name, &opened.openpgp, &opened.warnings)
                    .map(|(_, words)| words)
                    .unwrap_or_default();
                match opened.content {
                    Some(plain) => (name, content) = (opened.name, Some(plain)),
                    None => {
                        self.leave_out(letter, &one.path, verdict);
                        continue;
                    }
                }
            }
            let kind = settings.config.documents.of_name(&name).map(|kind| kind.code.clone()).unwrap_or_default();
            let file = layout::file(&layout::Naming { at, zone: &zone, outgoing, kind: &kind, name: &name });
            let put = folder.put(&directory, &file, &|to: &mut dyn Write| match &content {
                Some(plain) => to.write_all(plain),
                None => reading.opened.shown.write_content(part, to).map(drop),
            })?;
            let mut made = entry(Role::Document, &name, &one.path, &one.media_type, &sha256);
            made.kind = kind;
            made.flags = layout::flags(&name);
            made.verdict = if verdict.is_empty() { message_verdict.clone() } else { verdict };
            self.keep(put, made);
        }
        if shut == Shut::Part {
            // Its bytes hold what is in quarantine.
            self.leave_out(letter, "", QUARANTINE.to_owned());
            return Ok(());
        }
        self.message(folder, letter, &sha256, &subject, raw, Role::Message)?;
        let opened = &reading.opened;
        if opened.report.decrypted && !opened.shown.raw().is_empty() {
            self.message(folder, letter, &sha256, &subject, opened.shown.raw(), Role::Decrypted)?;
        }
        Ok(())
    }

    /// Writes a message beside its documents.
    fn message(
        &mut self,
        folder: &mut Folder,
        letter: &Letter,
        sha256: &str,
        subject: &str,
        raw: &[u8],
        role: Role,
    ) -> Result<(), ExportError> {
        let directory = match self.exporter.order.form {
            Form::Files | Form::Zip => self.directory(folder, letter, sha256),
            Form::Mbox | Form::Maildir => return Ok(()),
        };
        let zone = crate::case::hearing::zone().unwrap_or(jiff::tz::TimeZone::UTC);
        let known = self.manifest.messages.iter().rev().find(|one| one.sha256 == sha256);
        let outgoing = known.is_some_and(|one| one.direction == "out");
        let at = known.filter(|_| outgoing).and_then(|one| one.sent).unwrap_or(letter.received);
        let kind = if role == Role::Decrypted { "decrypted" } else { "message" };
        let subject = subject.replace(['/', '\\'], "-");
        let name = format!("{}.eml", if subject.trim().is_empty() { "no subject" } else { subject.trim() });
        let file = layout::file(&layout::Naming { at, zone: &zone, outgoing, kind, name: &name });
        let put = folder.put(&directory, &file, &|to: &mut dyn Write| to.write_all(raw))?;
        self.keep(put, entry(role, &name, "", "message/rfc822", sha256));
        Ok(())
    }

    /// All messages in one file.
    fn mbox(&mut self, folder: &mut Folder, fetch: Fetch<'_>) -> Result<(), ExportError> {
        if self.manifest.messages.is_empty() {
            return Ok(());
        }
        let (exporter, held) = (self.exporter, &self.held);
        let write = |to: &mut dyn Write| {
            let mut seen = std::collections::HashSet::new();
            for letter in &exporter.letters {
                let Ok(raw) = exporter.raw(letter, fetch) else { continue };
                let digest = Digest::of(&raw);
                if !held.contains(&digest.to_string()) && seen.insert(digest) {
                    let message = crate::mail::message::Message::parse(Arc::clone(&raw));
                    let from = message.headers().from().first().map(|one| one.addr.clone()).unwrap_or_default();
                    mailbox::mbox(&raw, &from, letter.received, to)?;
                }
            }
            Ok(())
        };
        let put = folder.put("", "messages.mbox", &write)?;
        self.keep(put, entry(Role::Mailbox, "messages.mbox", "", "application/mbox", ""));
        Ok(())
    }

    /// What of a message is in quarantine.
    fn shut(&self, reading: &Reading) -> Shut {
        let book = &self.exporter.book;
        if !book.has_quarantine() {
            return Shut::Nothing;
        }
        if book.is_message_quarantined(&name_of(reading)) {
            return Shut::Whole;
        }
        let part = reading.body.attachments.iter().any(|one| book.is_document_quarantined(&one.sha256));
        if part { Shut::Part } else { Shut::Nothing }
    }

    fn provenance(&self, reading: &Reading, letter: &Letter, sha256: String) -> Provenance {
        let (headers, outer) = (reading.headers(), reading.message.headers());
        let settings = &self.exporter.settings;
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
        let deemed = self.exporter.law.zip(sent).and_then(|(law, sent)| {
            service::deemed(sent, law, &settings.config.calendar).ok().flatten().map(|deemed| deemed.words())
        });
        let class: Class = reading.carried(&settings.classes);
        Provenance {
            message_id: headers.message_id().or_else(|| outer.message_id()).unwrap_or_default(),
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
            signer: (report.signature.state == crate::pgp::report::SignatureState::Good)
                .then(|| report.signature.signer.as_ref().map(|signer| signer.fingerprint.clone()))
                .flatten(),
            deemed_service: deemed.unwrap_or_default(),
        }
    }
}

fn entry(role: Role, name: &str, part: &str, media_type: &str, message: &str) -> Entry {
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
    pub documents: Vec<bundle::Listed>,
}

impl Exporter {
    /// The documents of a bundle, and the bundle.
    fn bundle(&self, to: &std::path::Path, chosen: &[String], fetch: Fetch<'_>) -> Result<Bundled, EngineError> {
        let zone = crate::case::hearing::zone().unwrap_or(jiff::tz::TimeZone::UTC);
        let mut items = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for letter in &self.letters {
            let unreadable = |because: String| bundle::Item {
                name: letter.name.to_string(),
                about: String::new(),
                matter: bundle::Matter::Other(because),
            };
            let raw = match self.raw(letter, fetch) {
                Ok(raw) => raw,
                Err(because) => {
                    items.push(unreadable(because));
                    continue;
                }
            };
            let company = Company::of(&self.settings, &self.book, &letter.cases);
            let terms = company.terms(self.settings.clock.now(), Decrypt::Any);
            let Some(reading) = open_guarded(&raw, &self.keyring, &terms) else {
                items.push(unreadable("the message cannot be read".to_owned()));
                continue;
            };
            let from = reading.headers().from().first().map(|one| one.addr.clone()).unwrap_or_default();
            let at = letter.received.to_zoned(zone.clone()).strftime("%-d %b %Y %H:%M").to_string();
            for one in &reading.body.attachments {
                let is_chosen =
                    |text: &String| one.name == *text || (text.len() >= 8 && one.sha256.starts_with(text.as_str()));
                let wanted = chosen.is_empty() || chosen.iter().any(is_chosen);
                let Some(part) = reading.opened.shown.parts().get(one.part).filter(|_| wanted) else { continue };
                if !seen.insert(one.sha256.clone()) {
                    continue;
                }
                if self.book.is_message_quarantined(&name_of(&reading))
                    || self.book.is_document_quarantined(&one.sha256)
                {
                    items.push(unreadable(QUARANTINE.to_owned()));
                    continue;
                }
                let content = reading.opened.shown.content(part);
                let matter = if content
                    .get(..1024.min(content.len()))
                    .is_some_and(|head| memchr::memmem::find(head, b"%PDF-").is_some())
                {
                    bundle::Matter::Pdf(content)
                } else if one.media_type.starts_with("text/") && !content.contains(&0) {
                    bundle::Matter::Text(reading.opened.shown.text(part))
                } else {
                    bundle::Matter::Other(format!("it is neither a PDF nor a text ({})", one.media_type))
                };
                let digest = one.sha256.get(..16).unwrap_or_default();
                items.push(bundle::Item {
                    name: one.name.clone(),
                    about: format!("{at}, {from}, SHA-256 {digest}…"),
                    matter,
                });
            }
        }
        if items.is_empty() {
            return Err(EngineError::Refused("there is no such document to be bundled".to_owned()));
        }
        let (bytes, pages, documents) = bundle::make(&self.title, items).map_err(refuse)?;
        let no_name = || EngineError::Refused(format!("{}: is no name of a file", to.display()));
        let name = to.file_name().ok_or_else(no_name)?.to_string_lossy().into_owned();
        let dir = to.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
        let put =
            Folder::here(dir).and_then(|mut folder| folder.put("", &name, &|to: &mut dyn Write| to.write_all(&bytes)));
        let put = put.map_err(refuse)?;
        let path = dir.join(put.path);
        if !put.already {
            let event = Event::Exported {
                cases: self.case.clone().into_iter().collect(),
                path: path.display().to_string(),
                files: 1,
                manifest: Digest::of(&bytes),
                documents: Vec::new(),
            };
            let hand = Hand { stores: &self.stores, settings: &self.settings, keyring: &self.keyring };
            self.register.append(&hand, &[event])?;
        }
        Ok(Bundled { schema: "casemail.bundle/1", path, sha256: put.sha256, pages, documents })
    }
}

/// Progress is told this often at most.
const TELL: std::time::Duration = std::time::Duration::from_millis(500);

impl Core {
    /// Exports what the screen asks for, beside everything else, and tells how far it is and what came of it.
    pub(super) fn export(&self, open: &mut Open, wanted: Wanted, to: PathBuf) {
        if open.exporting.as_ref().is_some_and(|stop| Arc::strong_count(stop) > 1) {
            self.announcer.notice(Tone::Warning, "An export is at work already; stop it, or wait for its end.");
            return;
        }
        let subject = match wanted {
            Wanted::Case(case) => Subject::Case(case),
            Wanted::Mail(Target::Messages(names)) => Subject::Messages(names),
            Wanted::Mail(Target::Threads(threads)) => Subject::Threads(threads),
        };
        let order = Order { subject, form: Form::Files, decrypt: false, to };
        let exporter = match Exporter::of(self, open, order) {
            Ok(exporter) => exporter,
            Err(error) => return self.complain(&error),
        };
        let stop = Arc::new(AtomicBool::new(false));
        open.exporting = Some(Arc::clone(&stop));
        let (announcer, core, keyring, number) =
            (self.announcer.clone(), self.handle.clone(), open.keyring.clone(), open.number);
        self.announcer.notice(Tone::Plain, "Exporting …");
        self.runtime.spawn_blocking(move || {
            let last = Mutex::new(Instant::now());
            let told = |progress: Progress| {
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                if last.elapsed() > TELL {
                    *last = Instant::now();
                    let words = format!(
                        "Exporting: {} of {} messages, {} files written. ctrl-x stops it.",
                        progress.done, progress.of, progress.written
                    );
                    announcer.notice(Tone::Plain, &words);
                }
                // With the lock of the profile goes the work on what it holds.
                !stop.load(Ordering::Relaxed) && keyring.is(&exporter.keyring)
            };
            let fetch =
                |_: &MessageRef| Err("its text is not here; read it while online, then export again".to_owned());
            match exporter.run(&fetch, &told) {
                Ok(done) => {
                    let tone = if done.left_out.is_empty() { Tone::Good } else { Tone::Warning };
                    let words = done.words();
                    announcer.notice(tone, &format!("{words}. In {}.", done.directory.display()));
                    core.front_of(number, Core::register_changed);
                }
                Err(error) => announcer.notice(Tone::Alarm, &format!("The export ended early: {error}")),
            }
        });
    }

    /// Stops the export that is at work.
    pub(super) fn stop_export(&self, open: &Open) {
        match open.exporting.as_ref().filter(|stop| Arc::strong_count(stop) > 1) {
            Some(stop) => stop.store(true, Ordering::Relaxed),
            None => self.announcer.notice(Tone::Plain, "No export is at work."),
        }
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
    /// Makes one PDF of the documents of some mail; all, or those whose name is, or whose digest begins with, one of these texts.
    ///
    /// # Errors
    /// [`EngineError::Locked`], there are none, or it cannot be written.
    pub fn bundle(&self, subject: Subject, to: &std::path::Path, chosen: &[String]) -> Result<Bundled, EngineError> {
        self.register_parts()?.0.with(|_| ())?;
        let order = Order { subject, form: Form::Files, decrypt: false, to: PathBuf::new() };
        let exporter = self.core.ask_open(move |core, open| Exporter::of(core, open, order))??;
        let fetch =
            |name: &MessageRef| self.raw(name, true).map(|fetched| fetched.raw).map_err(|error| error.to_string());
        let done = deep(|| exporter.bundle(to, chosen, &fetch))?;
        self.core.ask_stores(Core::register_changed)?;
        Ok(done)
    }

    /// Writes mail out. What is not here is fetched.
    ///
    /// # Errors
    /// [`EngineError::Locked`], no such message, or a place cannot be written.
    pub fn export(&self, order: Order, told: Told<'_>) -> Result<Exported, EngineError> {
        // Waited for out here: the core waits for nobody.
        self.register_parts()?.0.with(|_| ())?;
        let exporter = self.core.ask_open(move |core, open| Exporter::of(core, open, order))??;
        let fetch =
            |name: &MessageRef| self.raw(name, true).map(|fetched| fetched.raw).map_err(|error| error.to_string());
        let done = deep(|| exporter.run(&fetch, told))?;
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
