//! The documents of a case: a fold over the register, where every attachment of every message of a case is written down with its digest, and
//! over the index, which knows where the message lies now. Nothing is parsed for a list, so ten thousand documents are there at once.
//!
//! What was put out of reach stays out of it here: its bytes are not handed to anybody, whoever asks.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::core::{Core, EngineError, Open, Settings, Stores};
use super::inside::{Judged, groups, judge, judge_bytes, taken_in};
use super::library::filing::name_digest;
use super::quarantine::is_own;
use super::reader::Around;
use super::reading::{Look, Reading};
use super::register::{Loaded, Register, files_of, that_fit};
use super::streamed::Streamed;
use super::{Engine, files};
use crate::case::MessageName;
use crate::case::document::{Direction, Document, Holds, Kinds, Package, Reach, Unseen};
use crate::mail::display::AttachmentInfo;
use crate::mail::id::{CaseId, MessageKey, MessageRef};
use crate::mail::safe::file_name;
use crate::pgp::keyring::Keyring;
use crate::pgp::open::Decrypt;
use crate::register::Event as Happened;
use crate::register::book::Book;
use crate::register::event::{AttachmentFacts, ImportedFile, Lay, MessageFacts, Payload};
use crate::register::record::{Digest, Record};

/// Largest file that is taken in.
pub(crate) const IMPORT_BYTES_MAX: u64 = 256 << 20;

/// What the index knows of a message now.
#[derive(Clone, Debug)]
struct Here {
    key: MessageKey,
    name: MessageRef,
    seen: bool,
    served: String,
    /// It lies where sent mail does.
    is_own: bool,
}

/// Everything that reading the documents of a case takes; read beside the core.
pub(crate) struct Documents {
    case: CaseId,
    places: Vec<(u32, u64)>,
    /// By [`name_digest`]: several, where another message came under the Message-ID of one.
    here: HashMap<u64, Vec<Here>>,
    /// Messages that lie in other cases now.
    elsewhere: HashSet<u64>,
    kinds: Kinds,
    register: Register,
    stores: Arc<Stores>,
    settings: Arc<Settings>,
    keyring: Arc<Keyring>,
}

/// The name under which the bytes of a file that was taken in are kept.
pub(crate) fn kept(sha256: &str) -> String {
    format!("document/{sha256}")
}

/// Whether a document may be looked at.
pub(crate) fn reach(
    book: &Book,
    facts: Option<&MessageFacts>,
    sha256: &str,
    withheld: bool,
    direction: Direction,
) -> Reach {
    let quarantined =
        book.is_document_quarantined(sha256) || facts.is_some_and(|facts| book.is_message_quarantined(&facts.message));
    match () {
        () if quarantined => Reach::Quarantined,
        () if withheld && direction != Direction::Out && !book.was_released(sha256) => Reach::Watched,
        () => Reach::Open,
    }
}

/// Where the register tells of the documents of a case.
fn places(loaded: &mut Loaded, case: &CaseId, here: &HashMap<u64, Vec<Here>>) -> Vec<(u32, u64)> {
    let history = loaded.history();
    let mut places = history.of_case(case);
    places.extend(here.keys().filter_map(|id| history.received_at(*id)));
    places.sort_unstable();
    places.dedup();
    places
}

impl Documents {
    /// Of a case, as far as the index knows; `None` while the register is still being read and nobody may wait.
    pub(crate) fn of(core: &Core, open: &Open, case: &CaseId, may_wait: bool) -> Option<Self> {
        let library = &open.library;
        let mut here: HashMap<u64, Vec<Here>> = HashMap::new();
        let mut elsewhere = HashSet::new();
        for key in library.keys_by_date() {
            let cases = library.cases_of(key);
            let Some(id) = library.message_id_hash(key) else { continue };
            if !cases.iter().any(|(one, _)| one == case) {
                if !cases.is_empty() {
                    elsewhere.insert(id);
                }
                continue;
            }
            let Some(name) = library.name(key) else { continue };
            let has_files = library.served(key).is_some_and(|(_, _, has_files)| has_files);
            let served = if has_files { core.deemed(open, key, case) } else { String::new() };
            let seen = library.flags(key).is_some_and(|flags| flags & crate::store::flags::Flags::SEEN != 0);
            here.entry(id).or_default().push(Here { key, name, seen, served, is_own: is_own(open, key) });
        }
        let find = |loaded: &mut Loaded| places(loaded, case, &here);
        let places = if may_wait { open.register.with(find).ok()? } else { open.register.now(find)? };
        Some(Self {
            case: case.clone(),
            places,
            here,
            elsewhere,
            kinds: core.settings.config.documents.clone(),
            register: open.register.clone(),
            stores: Arc::clone(&open.stores),
            settings: Arc::clone(&core.settings),
            keyring: open.keyring.now(),
        })
    }

    /// Reads them, in the order in which they were written down.
    ///
    /// # Errors
    /// The state store cannot be read.
    pub(crate) fn read(&self) -> Result<Vec<Document>, EngineError> {
        self.read_at(&self.places)
    }

    /// Where the register tells of them now. Waits for the register.
    pub(super) fn places(&self) -> Result<Vec<(u32, u64)>, EngineError> {
        self.register.with(|loaded| places(loaded, &self.case, &self.here))
    }

    /// Reads them from these places.
    pub(super) fn read_at(&self, places: &[(u32, u64)]) -> Result<Vec<Document>, EngineError> {
        let book = self.register.with(|loaded| loaded.book())?;
        let mut documents = Vec::new();
        let mut exported: HashMap<Digest, Timestamp> = HashMap::new();
        // A message that went by two routes is told of once for each.
        let mut sent: HashSet<MessageName> = HashSet::new();
        for (stream, seq) in places {
            let Some(row) = self.stores.state.register_row(*stream, *seq)? else { continue };
            let Ok(record) = Record::read(&row.record) else { continue };
            let Some(payload) = row.payload.as_deref().and_then(|bytes| Payload::read(bytes).ok()) else { continue };
            match payload.event {
                Happened::Received { facts, lay, .. } => {
                    let id = name_digest(&facts.message);
                    if self.elsewhere.contains(&id) && !self.here.contains_key(&id) {
                        continue;
                    }
                    let times = (Some(lay.internal_date), Some(record.at));
                    let here = self.here(&facts, Some(&lay));
                    self.of_message(&book, (&facts, here), Direction::In, times, &mut documents);
                }
                Happened::Sent { facts, .. } if sent.insert(facts.message.clone()) => {
                    let here = self.here(&facts, None);
                    self.of_message(&book, (&facts, here), Direction::Out, (None, Some(record.at)), &mut documents);
                }
                Happened::Imported { case, file } if case == self.case => {
                    documents.push(self.of_import(&book, file, record.at));
                }
                Happened::Exported { documents: written, .. } => {
                    for digest in written {
                        let last = exported.entry(digest).or_insert(record.at);
                        *last = (*last).max(record.at);
                    }
                }
                _ => {}
            }
        }
        for document in &mut documents {
            document.exported = document.sha256.parse().ok().and_then(|digest: Digest| exported.get(&digest).copied());
        }
        Ok(documents)
    }

    /// Where a message lies now: of several under its Message-ID the one that lies where it came to, or, of what was sent, where such mail lies; where it
    /// was moved since, one of its size.
    fn here(&self, facts: &MessageFacts, lay: Option<&Lay>) -> Option<&Here> {
        let all = self.here.get(&name_digest(&facts.message))?;
        let is_there = |here: &&Here| match lay {
            Some(lay) => {
                (&here.name.account, &here.name.mailbox) == (&lay.account, &lay.mailbox)
                    && (here.name.uid_validity, here.name.uid) == (lay.uid_validity, lay.uid)
            }
            None => here.is_own,
        };
        let is_as_large = |here: &&Here| {
            let summary = self.stores.cache.summary(here.key).ok().flatten();
            summary.is_some_and(|summary| u64::from(summary.bytes) == facts.bytes)
        };
        let moved = || if all.len() > 1 { all.iter().find(is_as_large) } else { None };
        all.iter().find(is_there).or_else(moved).or(all.first())
    }

    /// All files of a message of which the register has the first only; `None` where the message is not here, or it is another one.
    fn all_files(&self, here: &Here, facts: &MessageFacts) -> Option<Vec<AttachmentFacts>> {
        let terms = self.settings.terms(Decrypt::NotRsa);
        let look = Look { keyring: &self.keyring, terms: &terms, beside: false };
        let streamed = Streamed::in_cache(&self.stores, here.key, &look)?;
        streamed.reading.as_ref().filter(|_| streamed.digest.0 == facts.message.digest).map(files_of)
    }

    fn of_message(
        &self,
        book: &Book,
        (facts, here): (&MessageFacts, Option<&Here>),
        direction: Direction,
        (received, first_seen): (Option<Timestamp>, Option<Timestamp>),
        out: &mut Vec<Document>,
    ) {
        let of_all = Document {
            message: here.map(|here| here.name.clone()),
            message_id: facts.message.message_id.clone(),
            from: facts.from.first().map(|one| one.address.clone()).unwrap_or_default(),
            direction,
            sent: facts.date,
            received,
            deemed_served: here.map(|here| here.served.clone()).unwrap_or_default(),
            signed_by: facts.signed_by.clone(),
            seen: direction == Direction::Out || here.is_some_and(|here| here.seen),
            first_seen,
            reach: reach(book, Some(facts), "", false, direction),
            ..Document::blank(self.kinds.link())
        };
        let all = facts.more.then(|| here.and_then(|here| self.all_files(here, facts))).flatten();
        let files = all.as_deref().unwrap_or(&facts.attachments);
        for group in groups(files) {
            let judged = judge(book, Some(facts), &self.kinds, group, direction);
            out.extend(of_group(group, &judged, &of_all, &self.kinds).map(|one| one.told(&self.kinds)));
        }
        for shared in &facts.shared {
            let link = Document { name: shared.portal.clone(), link: shared.link.clone(), ..of_all.clone() };
            out.push(link.told(&self.kinds));
        }
    }

    fn of_import(&self, book: &Book, file: ImportedFile, at: Timestamp) -> Document {
        let own = AttachmentFacts {
            name: file.name,
            media_type: file.media_type,
            bytes: file.bytes,
            sha256: file.sha256,
            path: String::new(),
            holds: Holds::default(),
        };
        let group = if file.within.is_empty() { vec![own] } else { file.within };
        let judged = judge(book, None, &self.kinds, &group, Direction::ByHand);
        let of_all = Document {
            from: file.source,
            direction: Direction::ByHand,
            sent: file.fetched,
            received: Some(at),
            seen: true,
            first_seen: Some(at),
            ..Document::blank(self.kinds.link())
        };
        // What is in it has no row of its own.
        let document = of_group(&group, &judged, &of_all, &self.kinds).next().unwrap_or_else(|| of_all.clone());
        document.told(&self.kinds)
    }
}

/// An attachment and what is in it as documents that are like `of_all` in everything else.
fn of_group<'a>(
    group: &'a [AttachmentFacts],
    judged: &'a Judged,
    of_all: &'a Document,
    kinds: &'a Kinds,
) -> impl Iterator<Item = Document> + 'a {
    let outer = group.first();
    // What is shut for a name is not shut for what was not looked at.
    let is_named = judged.reach == Reach::Watched && judged.unseen.is_none();
    group.iter().enumerate().map(move |(place, file)| Document {
        path: file.path.clone(),
        name: file.name.clone(),
        media_type: file.media_type.clone(),
        bytes: file.bytes,
        kind: kinds.of(&file.name, &file.media_type),
        sha256: file.sha256.to_string(),
        reach: judged.reach,
        inside: outer.filter(|_| place > 0).map(|outer| Package {
            path: outer.path.clone(),
            name: outer.name.clone(),
            sha256: outer.sha256.to_string(),
        }),
        because: judged.because.clone(),
        unseen: judged.unseen.or(file.holds.unseen.filter(|unseen| !is_named || !unseen.shuts())),
        ..of_all.clone()
    })
}

/// The documents of one message that is open, in the order of its attachments. What is shut was found out by [`Reading::shut`].
pub(crate) fn of_reading(reading: &Reading, around: &Around) -> Vec<Document> {
    let (kinds, of_all) = (reading.shut.kinds(), of_all(reading, around));
    let document = |info: &AttachmentInfo| {
        let name = file_name(&info.name);
        let judged = reading.shut.judged(info.part);
        let document = Document {
            path: info.path.clone(),
            media_type: info.media_type.clone(),
            bytes: info.bytes,
            kind: kinds.of(&name, &info.media_type),
            name,
            sha256: info.sha256.clone(),
            reach: judged.reach,
            because: judged.because,
            unseen: judged.unseen,
            ..of_all.clone()
        };
        document.told(&kinds)
    };
    reading.body.attachments.iter().map(document).collect()
}

/// The same, with what is in them, each behind its attachment. They are out of reach together.
pub(crate) fn with_inner(reading: &Reading, around: &Around) -> Vec<Document> {
    let (kinds, of_all) = (reading.shut.kinds(), of_all(reading, around));
    let mut documents = Vec::new();
    for (info, group) in reading.body.attachments.iter().zip(reading.files()) {
        let judged = reading.shut.judged(info.part);
        documents.extend(of_group(group, &judged, &of_all, &kinds).map(|one| one.told(&kinds)));
    }
    documents
}

/// What holds of all documents of a message that is open.
fn of_all(reading: &Reading, around: &Around) -> Document {
    let headers = reading.headers();
    let outer = reading.message.headers();
    Document {
        message: Some(around.id.clone()),
        message_id: headers.message_id().or_else(|| outer.message_id()).unwrap_or_default(),
        from: headers.from().first().map(|one| one.addr.clone()).unwrap_or_default(),
        direction: if reading.shut.is_own { Direction::Out } else { Direction::In },
        sent: headers.date(),
        received: Some(around.received),
        deemed_served: around.clocks.iter().map(|one| one.text.to_string()).collect::<Vec<_>>().join(" "),
        signed_by: super::register::signed_by(&reading.opened.report),
        seen: true,
        ..Document::blank(reading.shut.kinds().link())
    }
}

/// The attachment of a message that a document is, or that it is in.
///
/// # Errors
/// In words, why it is not handed out; the reading has been shut.
pub(crate) fn attachment_of<'r>(reading: &'r Reading, document: &Document) -> Result<&'r AttachmentInfo, String> {
    // What is in an attachment is found by that.
    let (path, sha256) = match &document.inside {
        Some(package) => (&package.path, &package.sha256),
        None => (&document.path, &document.sha256),
    };
    let same = || reading.body.attachments.iter().filter(|info| info.sha256 == *sha256);
    let found = same().find(|info| path.is_empty() || info.path == *path).or_else(|| same().next());
    let info = found.ok_or("The message does not hold this document any more.")?;
    reading.shut.refusal(info.part).map_or(Ok(info), Err)
}

impl Core {
    /// Whose law a case is under: by its record, else by its numbers.
    pub(super) fn law(&self, open: &Open, case: &CaseId) -> Option<crate::case::Jurisdiction> {
        use super::guard::Records as _;
        let record = self.records(open).record(case);
        record.map_or_else(|| self.law_of(open, case), |record| Some(record.jurisdiction))
    }

    /// When a message of a case counts as served, in words; empty where no rule says.
    fn deemed(&self, open: &Open, key: crate::mail::id::MessageKey, case: &CaseId) -> String {
        let Some((sent, _, _)) = open.library.served(key) else { return String::new() };
        let deemed = self
            .law(open, case)
            .and_then(|law| crate::case::service::deemed(sent, law, &self.settings.config.calendar).ok().flatten());
        deemed.map(|deemed| deemed.words()).unwrap_or_default()
    }
}

impl Engine {
    /// The documents of a case. What was received since somebody last looked is written down first.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the stores cannot be read.
    pub fn documents(&self, case: &CaseId) -> Result<Vec<Document>, EngineError> {
        self.documents_and_absent(case).map(|(documents, _)| documents)
    }

    /// The same, and how many messages of the case are not here: what came with them nobody knows.
    ///
    /// # Errors
    /// As [`Self::documents`].
    pub fn documents_and_absent(&self, case: &CaseId) -> Result<(Vec<Document>, usize), EngineError> {
        let absent = self.record_what_came(Some(case))?.absent;
        let id = case.clone();
        let documents = self.core.ask_open(move |core, open| Documents::of(core, open, &id, true))?;
        Ok((documents.map_or(Ok(Vec::new()), |documents| documents.read())?, absent))
    }

    /// Takes a file into a case: its bytes are kept sealed, its digest, time and source written into the register.
    ///
    /// # Errors
    /// The file cannot be read or is too large, it is in the case already, or the state store cannot be written.
    pub fn import(&self, case: &CaseId, path: &std::path::Path, source: &str) -> Result<ImportedFile, EngineError> {
        let content = files::read_whole(path, IMPORT_BYTES_MAX).map_err(EngineError::Refused)?;
        let name = path.file_name().map(|name| file_name(&name.to_string_lossy())).unwrap_or_default();
        let sha256 = Digest(Sha256::digest(&content).into());
        let known = self.documents(case)?;
        if known.iter().any(|one| one.direction == Direction::ByHand && one.sha256 == sha256.to_string()) {
            return Err(EngineError::Refused(format!("{name}: a file of this content was taken into {case} already")));
        }
        let changed = std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
        let media_type = files::media_type(&name, &content).to_owned();
        let (mut within, more) = that_fit(taken_in(&content, &name, &media_type, &sha256.to_string()));
        if let Some(own) = within.first_mut().filter(|_| more) {
            own.holds.unseen = Some(Unseen::Many);
        }
        if within.len() == 1 && within.iter().all(|own| own.holds.is_empty()) {
            within.clear();
        }
        let file = ImportedFile {
            media_type,
            name,
            within,
            bytes: content.len() as u64,
            sha256,
            source: source.chars().take(500).collect(),
            fetched: changed.and_then(|at| Timestamp::try_from(at).ok()),
        };
        let (_, stores, _) = self.register_parts()?;
        // First the bytes, then the word that they are there: a file that nobody knows of harms nobody.
        stores.state.put(&kept(&sha256.to_string()), &content)?;
        let (id, event) = (case.clone(), Happened::Imported { case: case.clone(), file: file.clone() });
        self.core.ask_open(move |core, open| core.record_in_case(open, &id, event))??;
        Ok(file)
    }

    /// Digests and sizes of what was taken in by hand into this case and into no other.
    pub(crate) fn imported_alone(&self, case: &CaseId) -> Result<Vec<(String, u64)>, EngineError> {
        let by_hand = |case: &CaseId| -> Result<Vec<(String, u64)>, EngineError> {
            let documents = self.documents(case)?.into_iter();
            let taken = documents.filter(|one| one.direction == Direction::ByHand);
            Ok(taken.map(|one| (one.sha256, one.bytes)).collect())
        };
        let mut own = by_hand(case)?;
        if !own.is_empty() {
            for other in self.book()?.cases().filter(|other| other.id != *case) {
                let theirs = by_hand(&other.id)?;
                own.retain(|one| !theirs.contains(one));
            }
        }
        Ok(own)
    }

    /// The bytes of a file that was taken in by hand.
    ///
    /// # Errors
    /// [`EngineError::Locked`], it is out of reach, or it is not there.
    pub fn imported(&self, sha256: &str) -> Result<Vec<u8>, EngineError> {
        let (register, stores, _) = self.register_parts()?;
        imported(&register, &stores, sha256)
    }
}

/// The bytes of a file that was taken in by hand.
///
/// # Errors
/// It is out of reach, or it is not there.
pub(crate) fn imported(register: &Register, stores: &Stores, sha256: &str) -> Result<Vec<u8>, EngineError> {
    let book = register.with(|loaded| loaded.book())?;
    if book.is_document_quarantined(sha256) {
        return Err(EngineError::Refused("this document is in quarantine".to_owned()));
    }
    let missing = || EngineError::Refused("the bytes of this file are not on this device".to_owned());
    let content = stores.state.value(&kept(sha256))?.ok_or_else(missing)?;
    if book.has_quarantine() {
        let judged = judge_bytes(&book, &content, sha256);
        let why = match judged.unseen {
            Some(unseen) => format!(
                "something is in quarantine, and not all that is in this document could be looked at: {}. Quarantine it, and take it back within reach with a reason",
                unseen.words()
            ),
            None => "something in this document is in quarantine".to_owned(),
        };
        if judged.reach != Reach::Open {
            return Err(EngineError::Refused(why));
        }
    }
    if hex::encode(Sha256::digest(&content)) == sha256 {
        Ok(content)
    } else {
        Err(EngineError::BadData("a file that was taken in does not have its digest any more".to_owned()))
    }
}
