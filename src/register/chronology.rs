//! What happened in a case, in order: for people, as JSON lines, as CSV. Never a word of a message's body.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::Serialize;

use super::event::{AttachmentFacts, CaseChange, Correspondent, Delivered, Event, Finding, MessageFacts, Tls};
use super::record::{Actor, Digest, Record};
use crate::mail::id::CaseId;
use crate::mail::safe::SafeText;
use crate::plea::Entry;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// When, in UTC.
    pub at: Timestamp,
    /// When, by the clock on the wall where it happened.
    pub local: String,
    /// The word for it; see [`Event::kind`].
    pub kind: String,
    /// It in words, without foreign control characters.
    pub words: String,
    /// Who.
    pub actor: Actor,
    /// The cases that it is about.
    pub cases: Vec<CaseId>,
    /// Message-ID; may be empty.
    pub message_id: String,
    /// Message-ID of what it answers; may be empty.
    pub in_reply_to: String,
    /// From.
    pub from: Vec<Correspondent>,
    /// To.
    pub to: Vec<Correspondent>,
    /// Cc.
    pub cc: Vec<Correspondent>,
    /// Subject.
    pub subject: String,
    /// SHA-256 of the message, or of the manifest of an export.
    pub sha256: Option<Digest>,
    /// Bytes of the message.
    pub bytes: Option<u64>,
    /// Its attachments.
    pub attachments: Vec<AttachmentFacts>,
    /// Where it lay: account, mailbox, UIDVALIDITY, UID.
    pub place: String,
    /// INTERNALDATE.
    pub internal_date: Option<Timestamp>,
    /// The replies of the server, recipient by recipient.
    pub recipients: Vec<Delivered>,
    /// How the connection was protected.
    pub tls: Option<Tls>,
    /// When it counts as served, with the reason.
    pub deemed_service: String,
    /// What the guard found.
    pub findings: Vec<Finding>,
    /// The reason that was given.
    pub reason: String,
    /// The place of an export.
    pub path: String,
    /// Whose stream.
    pub device: String,
    /// The number of the record in it.
    pub seq: u64,
    /// The digest of the record.
    pub hash: Digest,
    /// The digest of the record before it.
    pub prev: Digest,
}

impl Line {
    /// Of a record. `None`: what happened was destroyed with its case.
    #[must_use]
    pub fn new(record: &Record, hash: Digest, event: Option<&Event>) -> Self {
        let offset = Offset::from_seconds(record.offset).unwrap_or(Offset::UTC);
        let mut line = Self {
            at: record.at,
            local: record.at.display_with_offset(offset).to_string(),
            kind: record.kind.clone(),
            words: "what happened was destroyed with its case".to_owned(),
            actor: record.actor.clone(),
            cases: event.map(|event| event.cases().to_vec()).unwrap_or_default(),
            message_id: String::new(),
            in_reply_to: String::new(),
            from: Vec::new(),
            to: Vec::new(),
            cc: Vec::new(),
            subject: String::new(),
            sha256: None,
            bytes: None,
            attachments: Vec::new(),
            place: String::new(),
            internal_date: None,
            recipients: Vec::new(),
            tls: None,
            deemed_service: String::new(),
            findings: Vec::new(),
            reason: String::new(),
            path: String::new(),
            device: record.device.0.clone(),
            seq: record.seq,
            hash,
            prev: record.prev,
        };
        if let Some(event) = event {
            line.fill(event);
        }
        line.words = SafeText::line(&line.words).to_string();
        line
    }

    fn facts(&mut self, facts: &MessageFacts) {
        self.message_id.clone_from(&facts.message.message_id);
        self.in_reply_to.clone_from(&facts.in_reply_to);
        (self.from, self.to, self.cc) = (facts.from.clone(), facts.to.clone(), facts.cc.clone());
        self.subject.clone_from(&facts.subject);
        self.sha256 = Some(Digest(facts.message.digest));
        self.bytes = Some(facts.bytes);
        self.attachments.clone_from(&facts.attachments);
    }

    fn fill(&mut self, event: &Event) {
        self.words = words(event);
        match event {
            Event::Received { because, facts, lay, tls, deemed_service, .. } => {
                self.facts(facts);
                self.reason.clone_from(because);
                self.place = format!("{}/{}/{}/{}", lay.account, lay.mailbox, lay.uid_validity, lay.uid);
                self.internal_date = Some(lay.internal_date);
                self.tls.clone_from(tls);
                self.deemed_service.clone_from(deemed_service);
            }
            Event::Sent { facts, recipients, tls, deemed_service, .. } => {
                self.facts(facts);
                self.recipients.clone_from(recipients);
                self.tls.clone_from(tls);
                self.deemed_service.clone_from(deemed_service);
            }
            Event::Filed { message, because, .. }
            | Event::NotACase { message, because, .. }
            | Event::Undecided { message, because, .. }
            | Event::Quarantined { message, because, .. } => {
                self.message_id.clone_from(&message.message_id);
                self.sha256 = Some(Digest(message.digest));
                self.reason.clone_from(because);
            }
            Event::Exported { path, manifest, .. } => {
                self.path.clone_from(path);
                self.sha256 = Some(*manifest);
            }
            Event::Refused { message_id, findings, .. } => {
                self.message_id.clone_from(message_id);
                self.findings.clone_from(findings);
            }
            Event::Overridden { message_id, findings, reason, .. } => {
                self.message_id.clone_from(message_id);
                self.findings.clone_from(findings);
                self.reason.clone_from(reason);
            }
            Event::Case {
                change: CaseChange::Chased { message_id, .. } | CaseChange::Answered { message_id, .. },
                ..
            } => {
                self.message_id.clone_from(message_id);
            }
            Event::Imported { file, .. } => {
                self.sha256 = Some(file.sha256);
                self.bytes = Some(file.bytes);
                self.reason.clone_from(&file.source);
            }
            Event::Plea { act, .. } => {
                if let Ok(Entry::Sent { message, .. } | Entry::Came { message, .. } | Entry::Mark { message, .. }) =
                    Entry::from_json(act)
                {
                    self.message_id = message.message_id;
                    self.sha256 = Some(Digest(message.digest));
                }
            }
            Event::Case { .. } | Event::DeviceAdded(_) | Event::DeviceVouched(_) => {}
        }
    }

    /// One line for people: when by the wall clock, who, what.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}  {}", self.local.get(..16).unwrap_or(&self.local).replace('T', " "), self.words);
        if let Some(sha256) = self.sha256 {
            let _ = write!(text, "; sha256 {sha256}");
        }
        if let Some(tls) = &self.tls {
            let _ = write!(text, "; over {} {} with {}", tls.version, tls.cipher, tls.server);
        }
        if !self.deemed_service.is_empty() {
            let _ = write!(text, "; {}", self.deemed_service);
        }
        let _ = write!(text, "  [{}, {}/{}]", self.actor, self.device.get(..8).unwrap_or(&self.device), self.seq);
        SafeText::line(&text).to_string()
    }

    /// The cells of a row; see [`COLUMNS`].
    #[must_use]
    pub fn cells(&self) -> Vec<String> {
        let people = |list: &[Correspondent]| {
            list.iter().map(|one| format!("{} ({})", one.address, one.class)).collect::<Vec<_>>().join("; ")
        };
        let attachments: Vec<String> = self
            .attachments
            .iter()
            .map(|one| format!("{} ({}, {} bytes, sha256 {})", one.name, one.media_type, one.bytes, one.sha256))
            .collect();
        let replies: Vec<String> =
            self.recipients.iter().map(|one| format!("{}: {} {}", one.address, one.outcome, one.reply)).collect();
        let tls =
            self.tls.as_ref().map(|tls| format!("{} {} {} {}", tls.server, tls.version, tls.cipher, tls.certificate));
        let findings: Vec<String> = self.findings.iter().map(|one| format!("{} {}", one.code, one.recipient)).collect();
        vec![
            self.at.to_string(),
            self.local.clone(),
            self.kind.clone(),
            self.words.clone(),
            self.actor.to_string(),
            self.cases.iter().map(|case| case.0.as_str()).collect::<Vec<_>>().join("; "),
            self.message_id.clone(),
            self.in_reply_to.clone(),
            people(&self.from),
            people(&self.to),
            people(&self.cc),
            self.subject.clone(),
            self.sha256.map(|digest| digest.to_string()).unwrap_or_default(),
            self.bytes.map(|bytes| bytes.to_string()).unwrap_or_default(),
            attachments.join("; "),
            self.place.clone(),
            self.internal_date.map(|at| at.to_string()).unwrap_or_default(),
            replies.join("; "),
            tls.unwrap_or_default().trim_end().to_owned(),
            self.deemed_service.clone(),
            findings.join("; "),
            self.reason.clone(),
            self.path.clone(),
            self.device.clone(),
            self.seq.to_string(),
            self.hash.to_string(),
            self.prev.to_string(),
        ]
    }
}

/// The columns of [`Line::cells`].
pub const COLUMNS: [&str; 27] = [
    "at",
    "local",
    "kind",
    "words",
    "actor",
    "cases",
    "message_id",
    "in_reply_to",
    "from",
    "to",
    "cc",
    "subject",
    "sha256",
    "bytes",
    "attachments",
    "place",
    "internal_date",
    "replies",
    "tls",
    "deemed_service",
    "findings",
    "reason",
    "path",
    "device",
    "seq",
    "hash",
    "prev",
];

/// A row of CSV (RFC 4180), with its line end. What a spreadsheet would take for a formula, also one in letters of double width or behind blanks,
/// begins with an apostrophe; control characters become spaces.
#[must_use]
pub fn csv_row<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let mut row = String::new();
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            row.push(',');
        }
        let safe = SafeText::line(cell).to_string();
        let is_formula =
            safe.trim_start().starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
        let safe = if is_formula { format!("'{safe}") } else { safe };
        if safe.contains([',', '"', '\'']) {
            let _ = write!(row, "\"{}\"", safe.replace('"', "\"\""));
        } else {
            row.push_str(&safe);
        }
    }
    row.push_str("\r\n");
    row
}

/// A message in words.
fn of_message(facts: &MessageFacts) -> String {
    let people = |list: &[Correspondent]| list.iter().map(|one| one.address.as_str()).collect::<Vec<_>>().join(", ");
    let attached = match facts.attachments.len() {
        0 => String::new(),
        1 => ", 1 attachment".to_owned(),
        more => format!(", {more} attachments"),
    };
    format!("{:?} from {} to {}{attached}", facts.subject, people(&facts.from), people(&facts.to))
}

/// What happened, in words.
fn words(event: &Event) -> String {
    let codes = |findings: &[Finding]| findings.iter().map(|one| one.code.as_str()).collect::<Vec<_>>().join(", ");
    let because = |text: &str| if text.is_empty() { String::new() } else { format!(" ({text})") };
    let cases = |list: &[CaseId]| list.iter().map(|case| case.0.as_str()).collect::<Vec<_>>().join(", ");
    match event {
        Event::DeviceAdded(added) => format!("device {:?} taken into use", added.name),
        Event::DeviceVouched(vouched) => format!("{} answers for the device {}", vouched.by, vouched.device.short()),
        Event::Case { change, .. } => of_change(change),
        Event::Filed { message, cases: list, because: why, by_hand, .. } => {
            let by = if *by_hand { "filed by hand" } else { "filed by rule" };
            let to = if list.is_empty() { "no case".to_owned() } else { cases(list) };
            format!("{message} {by} to {to}{}", because(why))
        }
        Event::NotACase { message, because: why, .. } => format!("{message} is no mail of a case{}", because(why)),
        Event::Undecided { message, because: why, .. } => {
            format!("{message}: the decision where it belongs was taken back{}", because(why))
        }
        Event::Received { because: why, facts, .. } => {
            let shared: Vec<String> =
                facts.shared.iter().map(|one| format!("; shared by link ({}): {}", one.portal, one.link)).collect();
            format!("received {}{}{}", of_message(facts), because(why), shared.concat())
        }
        Event::Sent { facts, recipients, .. } => {
            let replies: Vec<String> =
                recipients.iter().map(|one| format!("{} {}: {}", one.address, one.outcome, one.reply)).collect();
            format!("sent {}; {}", of_message(facts), replies.join("; "))
        }
        Event::Exported { path, files, .. } => format!("{files} files exported to {path}"),
        Event::Refused { findings, .. } => format!("sending refused: {}", codes(findings)),
        Event::Overridden { findings, reason, .. } => format!("sent in spite of {}: {reason}", codes(findings)),
        Event::Quarantined { message, because: why, released, documents, .. } => {
            let what = match documents.len() {
                0 => message.to_string(),
                1 => format!("a document of {message}"),
                count => format!("{count} documents of {message}"),
            };
            format!("{what} {}{}", if *released { "back in reach" } else { "put out of reach" }, because(why))
        }
        Event::Imported { file, .. } => {
            let from = if file.source.is_empty() { String::new() } else { format!(", from {}", file.source) };
            format!("taken in by hand: {} ({} bytes{from})", file.name, file.bytes)
        }
        Event::Plea { act, .. } => {
            let kind = act.get("kind").and_then(serde_json::Value::as_str).unwrap_or("act");
            match Entry::from_json(act) {
                Ok(entry) => format!("plea: {}", entry.words()),
                Err(_) => format!("plea: {kind}, in a form that this version does not read"),
            }
        }
    }
}

fn of_change(change: &CaseChange) -> String {
    let because = |text: &str| if text.is_empty() { String::new() } else { format!(" ({text})") };
    match change {
        CaseChange::Opened { title, jurisdiction } => format!("case opened: {title} ({})", jurisdiction.words()),
        CaseChange::Renamed { title } => format!("title: {title}"),
        CaseChange::Moved { jurisdiction } => format!("jurisdiction: {}", jurisdiction.words()),
        CaseChange::IdentifierAdded(one) => format!("{} {} added", one.kind.name(), one.value),
        CaseChange::IdentifierRemoved(one) => format!("{} {} taken away", one.kind.name(), one.value),
        CaseChange::Accused(one) => format!("accused {}: {}", one.number, one.name),
        CaseChange::AccusedRemoved { number } => format!("accused {number} taken away"),
        CaseChange::Charge(one) => {
            format!("charge {} of accused {}: {} ({})", one.number, one.accused, one.text, one.state.name())
        }
        CaseChange::ChargeRemoved { accused, number } => format!("charge {number} of accused {accused} taken away"),
        CaseChange::Party(one) => {
            let who = [one.name.as_str(), one.role.words(), one.organisation.as_str()];
            let who: Vec<&str> = who.into_iter().filter(|word| !word.is_empty()).collect();
            format!("party {}: {}", who.join(", "), one.addresses.join(", "))
        }
        CaseChange::PartyRemoved { id } => format!("party {id} taken away"),
        CaseChange::Hearing(one) => format!("{}, {}, {}{}", one.kind.words(), one.court, one.at, because(&one.outcome)),
        CaseChange::HearingRemoved { id } => format!("hearing {id} taken away"),
        CaseChange::Noted { text } => format!("note: {text}"),
        CaseChange::Closed { review: Some(day) } => format!("case closed, to be reviewed on {day}"),
        CaseChange::Closed { review: None } => "case closed".to_owned(),
        CaseChange::Reopened { because: why } => format!("case opened again{}", because(why)),
        CaseChange::Held { because: why } => format!("case put on hold{}", because(why)),
        CaseChange::Released { because: why } => format!("hold lifted{}", because(why)),
        CaseChange::Shredded { certificate } => format!(
            "case destroyed, certificate {}: {} messages, {} texts{}",
            certificate.number,
            certificate.messages,
            certificate.texts.len(),
            because(&certificate.because)
        ),
        CaseChange::KeysChanged { certificate } => {
            format!("keys of the store changed: copies of its former files stay shut (certificate {certificate})")
        }
        CaseChange::BodiesPurged { messages, bytes, idle_since } => {
            let since = idle_since.strftime("%Y-%m-%d");
            format!("{messages} bodies let go of here ({bytes} bytes): nothing had come or changed since {since}")
        }
        CaseChange::Awaiting(one) => format!("{} asked of {}, due {}", one.what, one.to.join(", "), one.due),
        CaseChange::Chased { id, .. } => format!("answer {id} chased"),
        CaseChange::Answered { id, message_id, .. } if message_id.is_empty() => {
            format!("no answer {id} waited for any more")
        }
        CaseChange::Answered { id, .. } => format!("answer {id} came"),
    }
}
