//! Files that go out with a message: read from the disk in pieces, looked into, and looked for again when the message is built.
//!
//! A draft holds the path of a file, its digest and its size, not its content: what is another file by the time the message is built, or is gone,
//! stops it. What a draft got from elsewhere (a case, a forwarded message) it holds.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{CWD, Mode, OFlags};
use sha2::{Digest, Sha256};

use super::announce::{self, Announcer, sentence};
use super::core::{Core, Open};
use super::files;
use super::outbox::{Lane, Limits};
use super::target;
use crate::app::effect::ComposerId;
use crate::app::event::Event;
use crate::app::view::{Enclosed, Limit, PathRow, Sentence, Tone};
use crate::case::Classes;
use crate::case::document::Document;
use crate::case::guard;
use crate::config::Config;
use crate::enclose::{self, Grade, Policy, Told, mention};
use crate::export::complete::Fitting;
use crate::mail::draft::{Attachment, Draft, Source};
use crate::mail::safe::{self, SafeText};
use crate::mail::size::size;

/// Largest file that is sent along: more than servers take.
const FILE_BYTES_MAX: u64 = 256 << 20;
/// Bytes read at a time.
const PIECE: usize = 256 << 10;
/// Entries of a directory that are offered.
const ROWS_MAX: usize = 500;

/// Opens an ordinary file of a size that can be sent.
fn open(path: &Path) -> Result<(File, u64), String> {
    let fail = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    // Not blocking: a FIFO must not hold the program.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::openat(CWD, path, flags, Mode::empty()).map_err(|why| fail(&why))?);
    let metadata = file.metadata().map_err(|why| fail(&why))?;
    if !metadata.is_file() {
        return Err(fail(&"this is no ordinary file"));
    }
    let (bytes, most) = (metadata.len(), FILE_BYTES_MAX);
    if bytes > most {
        let (bytes, most) = (size(bytes), size(most));
        return Err(fail(&format!("it has {bytes}; more than {most} are not sent by mail")));
    }
    Ok((file, bytes))
}

/// Reads a file through: its digest, its size, and its first bytes.
fn digest(file: &mut File) -> std::io::Result<(String, u64, Vec<u8>)> {
    file.seek(SeekFrom::Start(0))?;
    let mut digest = Sha256::new();
    let mut piece = vec![0_u8; PIECE];
    let (mut bytes, mut head) = (0_u64, Vec::new());
    loop {
        let read = file.read(&mut piece)?;
        let Some(part) = piece.get(..read).filter(|part| !part.is_empty()) else { break };
        digest.update(part);
        if head.is_empty() {
            head.extend_from_slice(part.get(..part.len().min(4096)).unwrap_or_default());
        }
        bytes = bytes.saturating_add(read as u64);
        if bytes > FILE_BYTES_MAX {
            return Err(std::io::Error::other("it grows while it is read"));
        }
    }
    Ok((hex::encode(digest.finalize()), bytes, head))
}

/// A file as an attachment that is read when the message is built, with what is to be known of it now.
///
/// # Errors
/// In words.
pub(crate) fn enclosed(path: &Path, policy: &Policy) -> Result<Enclosed, String> {
    let (mut file, _) = open(path)?;
    let (sha256, bytes, head) = digest(&mut file).map_err(|why| format!("{}: {why}", path.display()))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = safe::file_name(&name);
    // Whatever broke the reader of a strange file costs no more than the warning.
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| enclose::inspect(&name, &mut file, policy)));
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let Some(path) = absolute.to_str().map(str::to_owned) else {
        return Err(format!("{}: its path is not written in UTF-8; copy it elsewhere first", path.display()));
    };
    let media_type = files::media_type(&name, &head).to_owned();
    let said = said(&name, &told.unwrap_or_default());
    let source = Some(Source { place: 0, path, sha256, bytes });
    Ok(Enclosed { file: Attachment { name, media_type, content: Vec::new() }, source, said })
}

/// What was found in a file, for whoever attaches it.
fn said(name: &str, told: &[Told]) -> Vec<Sentence> {
    let worth = told.iter().filter(|one| one.grade > Grade::Tell);
    worth.map(|one| sentence(Tone::Warning, &format!("\u{201c}{name}\u{201d} {}. {}", one.found, one.cure))).collect()
}

/// Reads the content of everything that a draft has the path of. What was changed since, or is gone, is told by sentences; its content stays out.
pub(crate) fn load(draft: &mut Draft) -> Vec<String> {
    let mut against = Vec::new();
    let Some(sources) = draft.sources.take() else { return against };
    for source in sources {
        let Some(file) = draft.attachments.get_mut(source.place as usize) else { continue };
        let name = file.name.clone();
        match content(&source) {
            Ok(content) => file.content = content,
            Err(Unread::Gone(why)) => against.push(format!("\u{201c}{name}\u{201d} cannot be read any more ({why}).")),
            Err(Unread::Changed) => against.push(format!(
                "\u{201c}{name}\u{201d} was changed on the disk after it was attached: look at it, take it off and attach it again."
            )),
        }
    }
    against
}

enum Unread {
    Gone(String),
    Changed,
}

fn content(source: &Source) -> Result<Vec<u8>, Unread> {
    let (file, bytes) = open(Path::new(&source.path)).map_err(Unread::Gone)?;
    if bytes != source.bytes {
        return Err(Unread::Changed);
    }
    let mut content = Vec::with_capacity(usize::try_from(bytes).unwrap_or_default());
    let read = file.take(bytes.saturating_add(1)).read_to_end(&mut content);
    read.map_err(|why| Unread::Gone(format!("{}: {why}", source.path)))?;
    let same = content.len() as u64 == bytes && hex::encode(Sha256::digest(&content)) == source.sha256;
    if same { Ok(content) } else { Err(Unread::Changed) }
}

/// What the guard is to know of the files of a draft whose contents are here.
pub(crate) fn findings(draft: &Draft, policy: &Policy) -> Vec<guard::Finding> {
    let finding = |code, severity, because: String, cure: &str| guard::Finding {
        recipient: None,
        code,
        severity,
        because,
        cure: cure.to_owned(),
        may_override: true,
    };
    let mut found = Vec::new();
    for file in &draft.attachments {
        let mut content = Cursor::new(file.content.as_slice());
        let looked = || enclose::inspect(&file.name, &mut content, policy);
        let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(looked)).unwrap_or_default();
        found.extend(told.into_iter().map(|one| {
            let severity = match one.grade {
                Grade::Tell => guard::Severity::Tell,
                Grade::Ask => guard::Severity::Confirm,
                Grade::Reason => guard::Severity::Block,
            };
            finding(one.code, severity, format!("\u{201c}{}\u{201d} {}.", file.name, one.found), one.cure)
        }));
    }
    if draft.attachments.is_empty()
        && let Some(word) = mention::mention(&draft.body, &policy.words)
    {
        found.push(finding(
            "attachment-missing",
            guard::Severity::Confirm,
            format!("The text speaks of an attachment (\u{201c}{word}\u{201d}), and there is none."),
            "Attach it, or say that it is meant so.",
        ));
    }
    found
}

/// The limits that a whole message to these addresses is under, as far as they are known.
pub(crate) fn limits<'a>(
    config: &Config,
    classes: &Classes,
    known: &Limits,
    account: &str,
    addresses: impl Iterator<Item = &'a str>,
) -> Vec<Limit> {
    let mut limits: Vec<Limit> = Vec::new();
    let mut add = |bytes: Option<u64>, whose: String| {
        let whose = SafeText::line(&whose);
        if let Some(bytes) = bytes.filter(|_| !limits.iter().any(|one| one.whose == whose)) {
            limits.push(Limit { bytes, whose });
        }
    };
    for address in addresses {
        let class = classes.class(address).name();
        let gateway = config.attachments.gateways.get(class).copied();
        add(gateway, format!("the gateway of the class {class}"));
        let route = config.route(account, address).map(|route| route.name.as_str());
        let host = || config.account(Some(account)).map(|account| account.smtp.host.clone()).unwrap_or_default();
        add(known.of(account, route), format!("the server {}", route.map_or_else(host, str::to_owned)));
    }
    limits.sort_by_key(|limit| limit.bytes);
    limits
}

/// What could complete a path that is being typed: names in its directory, directories first.
fn completions(typed: &str) -> Vec<PathRow> {
    let row = |one: Fitting| PathRow {
        path: one.typed,
        name: SafeText::line(&one.name),
        is_directory: !one.is_file,
        bytes: one.bytes,
    };
    target::completions(typed, ROWS_MAX).into_iter().map(row).collect()
}

/// The first reading of a text all of whose paths are ordinary files.
fn all_there(readings: Vec<Vec<String>>) -> Option<Vec<String>> {
    let is_file = |path: &String| std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    readings.into_iter().find(|reading| !reading.is_empty() && reading.iter().all(is_file))
}

fn read_all(paths: Vec<String>, policy: &Policy) -> Vec<Result<Enclosed, Sentence>> {
    let read = |path: String| enclosed(Path::new(&path), policy).map_err(|words| sentence(Tone::Alarm, &words));
    paths.into_iter().map(read).collect()
}

/// An answer that a message being written waits for: it is given whatever becomes of the task, since nothing is sent before.
pub(super) struct Owed {
    announcer: Announcer,
    to: ComposerId,
    is_given: bool,
}

impl Owed {
    /// To this message.
    pub(super) fn new(announcer: &Announcer, to: ComposerId) -> Self {
        Self { announcer: announcer.clone(), to, is_given: false }
    }

    /// Gives files, or why there are none.
    pub(super) fn give(self, answers: Vec<Result<Enclosed, Sentence>>) {
        let to = self.to;
        self.answer(Event::Attached(to, answers));
    }

    fn answer(mut self, event: Event) {
        self.is_given = true;
        self.announcer.send(event);
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        if !self.is_given {
            let words = "A file that was to be attached could not be read: attach it again.";
            self.announcer.send(Event::Attached(self.to, vec![Err(sentence(Tone::Alarm, words))]));
        }
    }
}

impl Core {
    /// Reads files to be sent along: the reading of what was typed all of whose files are there, else the likeliest, with the reason why it fails.
    pub(super) fn attach_files(&self, to: ComposerId, readings: Vec<Vec<String>>) {
        let (owed, settings) = (Owed::new(&self.announcer, to), Arc::clone(&self.settings));
        self.runtime.spawn_blocking(move || {
            let likeliest = readings.first().cloned().unwrap_or_default();
            owed.give(read_all(all_there(readings).unwrap_or(likeliest), &settings.config.attachments));
        });
    }

    /// Attaches what was dropped on the terminal, if that is what a pasted text is; else says that it is a text.
    pub(super) fn attach_dropped(&self, to: ComposerId, text: String, readings: Vec<Vec<String>>) {
        let (owed, settings) = (Owed::new(&self.announcer, to), Arc::clone(&self.settings));
        self.runtime.spawn_blocking(move || match all_there(readings) {
            None => owed.answer(Event::PastedText(to, text)),
            Some(dropped) => owed.give(read_all(dropped, &settings.config.attachments)),
        });
    }

    /// Sends what could complete a path.
    pub(super) fn list_paths(&self, typed: String) {
        let announcer = self.announcer.clone();
        self.runtime.spawn_blocking(move || {
            let rows = completions(&typed);
            announcer.send(Event::Paths(typed, rows.into()));
        });
    }

    /// Takes documents along: the very bytes that came, by their digest.
    pub(super) fn attach_documents(&mut self, open: &mut Open, to: ComposerId, chosen: Vec<Document>) {
        for document in chosen {
            let (owed, settings, asked) =
                (Owed::new(&self.announcer, to), Arc::clone(&self.settings), document.clone());
            let runtime = self.runtime.clone();
            self.with_document(open, &document, move |found| {
                let bytes = found.and_then(|found| found.read(files::HELD_MAX.saturating_add(1)));
                let bytes = bytes.and_then(|bytes| match files::too_large(bytes.len() as u64) {
                    Some(words) => Err(sentence(Tone::Warning, &words)),
                    None => Ok(bytes),
                });
                // A stranger's file may take seconds: not on a thread that the network waits for.
                runtime.spawn_blocking(move || {
                    owed.give(vec![bytes.and_then(|bytes| held(&asked, bytes, &settings.config.attachments))]);
                });
            });
        }
    }

    /// Sends the smallest limit that a message to these addresses is under; a server of which nothing is known is asked, and it is sent again.
    pub(super) fn send_limit(&self, open: &Open, account: &str, addresses: Vec<String>) {
        let config = &self.settings.config;
        let Some(account) = config.account(Some(account).filter(|name| !name.is_empty())) else { return };
        let account = account.name.clone();
        let route = |address: &String| config.route(&account, address).map(|route| route.name.clone());
        let lanes: std::collections::BTreeSet<Lane> =
            addresses.iter().map(|one| Lane { account: account.clone(), route: route(one) }).collect();
        self.tell_limit(open, &account, &addresses);
        let lanes = lanes.into_iter().collect();
        self.ask_limits(open, lanes, move |core, open| core.tell_limit(open, &account, &addresses));
    }

    fn tell_limit(&self, open: &Open, account: &str, addresses: &[String]) {
        let (config, classes) = (&self.settings.config, &self.settings.classes);
        let limits = limits(config, classes, &open.outbox.limits(), account, addresses.iter().map(String::as_str));
        self.announcer.send(Event::Limit(limits.into_iter().next()));
    }
}

/// A document of a case as an attachment that the draft holds.
fn held(document: &Document, bytes: Vec<u8>, policy: &Policy) -> Result<Enclosed, Sentence> {
    let name = safe::file_name(&document.name);
    if hex::encode(Sha256::digest(&bytes)) != document.sha256 {
        let words = format!("\u{201c}{name}\u{201d} is not what the register says of it, and was not attached.");
        return Err(announce::sentence(Tone::Alarm, &words));
    }
    let looked = || enclose::inspect(&name, &mut Cursor::new(bytes.as_slice()), policy);
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(looked)).unwrap_or_default();
    // A message within a message may have no transfer encoding (RFC 2046 §5.2.1): it goes as plain bytes.
    let nested = document.media_type.starts_with("message/") || document.media_type.starts_with("multipart/");
    let media_type = if nested || !document.media_type.contains('/') {
        files::media_type(&name, &bytes).to_owned()
    } else {
        document.media_type.clone()
    };
    let said = said(&name, &told);
    Ok(Enclosed { file: Attachment { name, media_type, content: bytes }, source: None, said })
}

#[cfg(test)]
mod tests {
    use super::{all_there, completions, enclosed, findings, load};
    use crate::case::guard::Severity;
    use crate::enclose::Policy;
    use crate::mail::draft::Draft;

    fn draft(path: &std::path::Path) -> Draft {
        let one = enclosed(path, &Policy::default()).unwrap();
        let mut draft = Draft::default();
        draft.attach(one.file, one.source);
        draft
    }

    #[test]
    fn a_file_is_read_when_the_message_is_built_and_only_if_it_is_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("draft.pdf");
        std::fs::write(&file, "%PDF one").unwrap();
        let attached = draft(&file);
        assert!(attached.attachments[0].content.is_empty(), "it lies on the disk");
        assert_eq!((attached.attachments[0].media_type.as_str(), attached.attachment_bytes(0)), ("application/pdf", 8));
        let mut whole = attached.clone();
        assert_eq!(load(&mut whole), [""; 0]);
        assert_eq!((whole.attachments[0].content.as_slice(), whole.sources), (&b"%PDF one"[..], None));
        // As long as before, but another: its digest tells.
        for other in ["%PDF two", "%PDF longer than it was"] {
            std::fs::write(&file, other).unwrap();
            let told = load(&mut attached.clone());
            assert!(told[0].contains("was changed on the disk"), "{told:?}");
        }
        std::fs::remove_file(&file).unwrap();
        let told = load(&mut attached.clone());
        assert!(told[0].contains("cannot be read any more"), "{told:?}");
    }

    #[test]
    fn only_ordinary_files_are_attached() {
        let dir = tempfile::tempdir().unwrap();
        let policy = Policy::default();
        assert!(enclosed(dir.path(), &policy).unwrap_err().contains("ordinary"));
        assert!(enclosed(&dir.path().join("none"), &policy).is_err());
        let large = dir.path().join("large.mp4");
        std::fs::File::create(&large).unwrap().set_len(super::FILE_BYTES_MAX + 1).unwrap();
        assert!(enclosed(&large, &policy).unwrap_err().contains("are not sent by mail"));
    }

    #[test]
    fn names_complete_a_path_and_hidden_ones_only_when_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["MG5 Ferret.pdf", "MG11.pdf", ".secret", "other.txt"] {
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        std::fs::create_dir(dir.path().join("MG papers")).unwrap();
        let at = |begin: &str| {
            let typed = format!("{}/{begin}", dir.path().display());
            completions(&typed).iter().map(|row| row.name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(at("MG"), ["MG papers/", "MG11.pdf", "MG5 Ferret.pdf"]);
        assert_eq!(at(".s"), [".secret"]);
        assert!(!at("").contains(&".secret".to_owned()));
        assert_eq!(at("none"), [""; 0]);
        assert!(completions("/no such directory/").is_empty());
        let path = |name: &str| dir.path().join(name).display().to_string();
        let (there, both) = (path("MG5 Ferret.pdf"), vec![path("MG11.pdf"), path("other.txt")]);
        assert_eq!(all_there(vec![vec![path("MG5"), "Ferret.pdf".into()], vec![there.clone()]]), Some(vec![there]));
        assert_eq!(all_there(vec![both.clone()]), Some(both));
        assert_eq!(all_there(vec![vec![path("MG papers")], Vec::new()]), None);
    }

    #[test]
    fn the_guard_is_told_of_files_and_of_their_absence() {
        let policy = Policy::default();
        let mut draft = Draft { body: "Please find attached.\n".into(), ..Draft::default() };
        let told =
            |draft: &Draft| findings(draft, &policy).iter().map(|one| (one.code, one.severity)).collect::<Vec<_>>();
        assert_eq!(told(&draft), [("attachment-missing", Severity::Confirm)]);
        let file = |name: &str, content: &[u8]| crate::mail::draft::Attachment {
            name: name.into(),
            media_type: String::new(),
            content: content.to_vec(),
        };
        draft.attach(file("run.js", b"x"), None);
        assert_eq!(told(&draft), [("program-file", Severity::Block)]);
    }
}
