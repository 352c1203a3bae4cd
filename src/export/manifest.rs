//! What stands beside exported files: `manifest.json` with the provenance of each, `INDEX.csv` and `MESSAGES.csv` for people, `MANIFEST.sha256`
//! for `sha256sum -c`. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The schema's name.
pub const SCHEMA: &str = "casemail.export/1";
/// Digests of all files but itself and its signature.
pub const DIGESTS: &str = "MANIFEST.sha256";
/// A detached OpenPGP signature over [`DIGESTS`].
pub const SIGNATURE: &str = "MANIFEST.sha256.sig";
/// The provenance.
pub const PROVENANCE: &str = "manifest.json";
/// The documents, for people.
pub const INDEX: &str = "INDEX.csv";
/// The messages, for people.
pub const MESSAGES: &str = "MESSAGES.csv";

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// An attachment.
    Document,
    /// A message, byte for byte as the server has it.
    Message,
    /// A message as it is without its encryption.
    Decrypted,
    /// Many messages in one file (mbox).
    Mailbox,
}

/// Where a message came from and what is known of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Without angle brackets; may be empty.
    pub message_id: String,
    /// Of the message as the server has it.
    pub sha256: String,
    /// `account/mailbox/uidvalidity/uid`, wherever it lies.
    pub places: Vec<String>,
    /// Foreign text.
    pub subject: String,
    /// Addresses.
    pub from: Vec<String>,
    /// Addresses.
    pub to: Vec<String>,
    /// Addresses.
    pub cc: Vec<String>,
    /// By its Date field.
    pub sent: Option<Timestamp>,
    /// INTERNALDATE; for what was taken in by hand, when that was.
    pub received: Timestamp,
    /// When a device first wrote it into the register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<Timestamp>,
    /// `in` or `out`; `by-hand` for a file that was taken in by hand, which stands here under its own digest.
    pub direction: String,
    /// `cjsm`, `gov`, `firm` or `open`.
    pub carried: String,
    /// What OpenPGP says, in words.
    pub verdict: Vec<String>,
    /// The fingerprint of the key of a signature that holds.
    pub signer: Option<String>,
    /// When it counts as served, with the reason; empty where no rule says.
    pub deemed_service: String,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Below the directory of the export.
    pub path: String,
    /// What it is.
    pub role: Role,
    /// What its sender called it. Foreign text.
    pub name: String,
    /// Its place in the message; empty for the message itself.
    pub part: String,
    /// For instance `MG5`; empty where its name says nothing.
    pub kind: String,
    /// As its sender declared it.
    pub media_type: String,
    /// Its size.
    pub bytes: u64,
    /// Its digest.
    pub sha256: String,
    /// Codes: see [`super::layout::flags`].
    pub flags: Vec<String>,
    /// What OpenPGP says of this file alone, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub verdict: String,
    /// The digest of its message: [`Provenance::sha256`].
    pub message: String,
    /// The attachment that it came in, where that is a package of files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<Inside>,
}

/// An attachment that is a package of files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inside {
    /// What its sender called it. Foreign text.
    pub name: String,
    /// Its place in the message.
    pub part: String,
    /// Its digest.
    pub sha256: String,
}

impl Inside {
    /// In words, for a row.
    fn words(&self) -> String {
        format!("{} (part {}, SHA-256 {})", self.name, self.part, self.sha256)
    }
}

/// What was not written, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LeftOut {
    /// The message, as `account/mailbox/uidvalidity/uid`, and the part.
    pub what: String,
    /// In words.
    pub because: String,
}

/// The whole of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema: String,
    /// The case; empty for mail of none.
    pub case: String,
    /// For instance `R v FERRET`.
    pub title: String,
    /// The program that wrote it.
    pub program: String,
    /// When something was last added.
    pub written: Timestamp,
    /// The fingerprint of the key that signs the list of digests, so that a signature that was taken away is missed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<String>,
    /// By digest.
    pub messages: Vec<Provenance>,
    /// By path.
    pub files: Vec<Entry>,
    /// What is missing.
    pub left_out: Vec<LeftOut>,
}

impl Manifest {
    /// Takes in what an earlier export of the same case has written: a file of the same path is the new one's.
    pub fn take_in(&mut self, earlier: Self) {
        let mut messages: BTreeMap<String, Provenance> =
            earlier.messages.into_iter().map(|one| (one.sha256.clone(), one)).collect();
        messages.extend(self.messages.drain(..).map(|one| (one.sha256.clone(), one)));
        self.messages = messages.into_values().collect();
        let mut files: BTreeMap<(String, String, String), Entry> = BTreeMap::new();
        let key = |one: &Entry| (one.path.clone(), one.message.clone(), one.part.clone());
        files.extend(earlier.files.into_iter().map(|one| (key(&one), one)));
        files.extend(self.files.drain(..).map(|one| (key(&one), one)));
        self.files = files.into_values().collect();
        self.left_out.sort();
        self.left_out.dedup();
    }

    fn of(&self, entry: &Entry) -> Option<&Provenance> {
        let at = self.messages.binary_search_by(|one| one.sha256.as_str().cmp(&entry.message)).ok()?;
        self.messages.get(at)
    }

    /// [`PROVENANCE`].
    ///
    /// # Errors
    /// None that a manifest can cause.
    pub fn json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }

    /// [`INDEX`]: a row for each document.
    #[must_use]
    pub fn index(&self) -> String {
        let mut text = row(&[
            "file",
            "kind",
            "name",
            "media type",
            "bytes",
            "sha256",
            "direction",
            "from",
            "sent",
            "received",
            "first seen",
            "deemed service",
            "signed by",
            "openpgp",
            "flags",
            "message-id",
            "part",
            "subject",
            "inside",
        ]);
        for entry in self.files.iter().filter(|entry| entry.role == Role::Document) {
            let unknown = Provenance::default();
            let message = self.of(entry).unwrap_or(&unknown);
            let verdict = if entry.verdict.is_empty() { message.verdict.join(" ") } else { entry.verdict.clone() };
            text.push_str(&row(&[
                &entry.path,
                &entry.kind,
                &entry.name,
                &entry.media_type,
                &entry.bytes.to_string(),
                &entry.sha256,
                &message.direction,
                &message.from.join("; "),
                &message.sent.map(|at| at.to_string()).unwrap_or_default(),
                &message.received.to_string(),
                &message.first_seen.map(|at| at.to_string()).unwrap_or_default(),
                &message.deemed_service,
                message.signer.as_deref().unwrap_or_default(),
                &verdict,
                &entry.flags.join(" "),
                &message.message_id,
                &entry.part,
                &message.subject,
                &entry.inside.as_ref().map(Inside::words).unwrap_or_default(),
            ]));
        }
        text
    }

    /// [`MESSAGES`]: a row for each message.
    #[must_use]
    pub fn messages(&self) -> String {
        let mut text = row(&[
            "file",
            "direction",
            "from",
            "to",
            "cc",
            "sent",
            "received",
            "subject",
            "carried",
            "deemed service",
            "signed by",
            "openpgp",
            "message-id",
            "places",
            "sha256",
        ]);
        for entry in self.files.iter().filter(|entry| entry.role == Role::Message) {
            let Some(message) = self.of(entry) else { continue };
            text.push_str(&row(&[
                &entry.path,
                &message.direction,
                &message.from.join("; "),
                &message.to.join("; "),
                &message.cc.join("; "),
                &message.sent.map(|at| at.to_string()).unwrap_or_default(),
                &message.received.to_string(),
                &message.subject,
                &message.carried,
                &message.deemed_service,
                message.signer.as_deref().unwrap_or_default(),
                &message.verdict.join(" "),
                &message.message_id,
                &message.places.join("; "),
                &message.sha256,
            ]));
        }
        text
    }
}

/// A row of RFC 4180. A cell that a spreadsheet would take for a formula is marked as text.
fn row(cells: &[&str]) -> String {
    let mut line = String::new();
    for (at, cell) in cells.iter().enumerate() {
        let safe = crate::mail::safe::SafeText::line(cell).to_string();
        let mark = if safe.starts_with(['=', '+', '-', '@', '\t']) { "'" } else { "" };
        let _ = write!(line, "{}\"{mark}{}\"", if at == 0 { "" } else { "," }, safe.replace('"', "\"\""));
    }
    line.push_str("\r\n");
    line
}

/// Whether a path leads to something below its directory, without a way out of it.
#[must_use]
pub fn is_inside(path: &str) -> bool {
    path.split('/').all(|piece| !matches!(piece, "" | "." | ".."))
}

/// [`DIGESTS`] of paths and their digests, in order.
#[must_use]
pub fn digests(files: &BTreeMap<String, String>) -> String {
    files.iter().fold(String::new(), |mut text, (path, sha256)| {
        let _ = writeln!(text, "{sha256}  {path}");
        text
    })
}

/// Reads [`DIGESTS`]: digest and path of each line, or the number of the first line that is none.
///
/// # Errors
/// That number.
pub fn read_digests(text: &str) -> Result<Vec<(String, String)>, usize> {
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let read = line.split_once(' ').and_then(|(digest, path)| {
            let path = path.strip_prefix([' ', '*'])?;
            let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
            (is_digest && is_inside(path)).then(|| (digest.to_ascii_lowercase(), path.to_owned()))
        });
        found.push(read.ok_or(at + 1)?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{Entry, Inside, Manifest, Provenance, Role, read_digests, row};

    fn entry(path: &str, message: &str) -> Entry {
        Entry {
            path: path.into(),
            role: Role::Document,
            name: "=cmd|' /C calc'!A0".into(),
            part: "2".into(),
            kind: "MG5".into(),
            media_type: "application/pdf".into(),
            bytes: 4,
            sha256: "00".repeat(32),
            flags: Vec::new(),
            verdict: String::new(),
            message: message.into(),
            inside: None,
        }
    }

    #[test]
    fn cells_are_cells_and_never_formulas() {
        assert_eq!(row(&["a\"b", "=1+1", "x\r\ny"]).matches("\r\n").count(), 1);
        assert!(row(&["a\"b", "=1+1"]).starts_with("\"a\"\"b\",\"'=1+1\""));
    }

    #[test]
    fn what_was_there_stays_and_what_is_new_is_added() {
        let message = |digest: &str| Provenance { sha256: digest.into(), ..Provenance::default() };
        let earlier = Manifest { files: vec![entry("b", "2")], messages: vec![message("2")], ..Manifest::default() };
        let mut now = Manifest {
            files: vec![entry("a", "1"), entry("b", "2")],
            messages: vec![message("1"), message("2")],
            ..Manifest::default()
        };
        now.take_in(earlier);
        assert_eq!(now.files.iter().map(|one| one.path.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(now.messages.len(), 2);
        assert_eq!(now.index().lines().count(), 3);
        now.files[1].inside = Some(Inside { name: "winmail.dat".into(), part: "2".into(), sha256: "0f".repeat(32) });
        let index = now.index();
        assert_eq!(index.matches("winmail.dat (part 2, SHA-256 0f0f").count(), 1, "{index}");
        let read: Manifest = serde_json::from_slice(&now.json().unwrap()).unwrap();
        assert_eq!(read, now);
    }

    #[test]
    fn lines_that_lead_outside_are_none() {
        let digest = "0f".repeat(32);
        assert_eq!(read_digests(&format!("{digest}  01_IDPC/MG5.pdf\n")).unwrap().len(), 1);
        for path in ["../x", "/etc/passwd", "a/../b", ""] {
            assert_eq!(read_digests(&format!("{digest}  ok\n{digest}  {path}\n")), Err(2), "{path}");
        }
        assert_eq!(read_digests("nonsense\n"), Err(1));
    }
}
