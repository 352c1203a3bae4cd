//! Messages in lists, as values for scripts (`casemail.messages/1`) and as lines for people.

use jiff::Timestamp;
use serde::Serialize;

use super::call::Call;
use super::exit::Failure;
use super::output::Output;
use crate::app::view;
use crate::engine::query::Listed;
use crate::mail::address::Address;
use crate::mail::id::{CaseId, ThreadId};
use crate::pgp::report::{Badge, SignatureState};

use super::args;

/// A person.
#[derive(Serialize)]
pub(super) struct Person<'a> {
    name: &'a str,
    address: &'a str,
}

impl<'a> Person<'a> {
    pub(super) fn of(list: &'a [Address]) -> Vec<Self> {
        list.iter().map(|one| Self { name: &one.name, address: &one.addr }).collect()
    }
}

/// A message in a list.
#[derive(Serialize)]
pub(super) struct Row<'a> {
    id: String,
    message_id: &'a str,
    account: &'a str,
    mailbox: &'a str,
    uid: u32,
    uid_validity: u32,
    from: Vec<Person<'a>>,
    to: Vec<Person<'a>>,
    subject: &'a str,
    sent_date: Option<Timestamp>,
    received_date: Timestamp,
    flags: &'a [String],
    /// The first case it is filed to.
    case: Option<&'a str>,
    /// All of them, each with the reason.
    cases: Vec<Filed<'a>>,
    thread: String,
    openpgp: Badge,
    carried: &'static str,
    attachments: usize,
    bytes: u64,
    here: bool,
    /// A change of it has not reached the server yet; its id is still the one that the server knows it by.
    pending: bool,
}

#[derive(Serialize)]
struct Filed<'a> {
    id: &'a str,
    because: String,
    /// How strong that is, out of 100.
    score: u8,
}

impl<'a> Row<'a> {
    pub(super) fn of(listed: &'a Listed) -> Self {
        Self {
            id: listed.id.to_string(),
            message_id: &listed.message_id,
            account: &listed.id.account,
            mailbox: &listed.mailbox,
            uid: listed.id.uid,
            uid_validity: listed.id.uid_validity,
            from: Person::of(&listed.from),
            to: Person::of(&listed.to),
            subject: &listed.subject,
            sent_date: listed.sent,
            received_date: listed.received,
            flags: &listed.flags,
            case: listed.cases.first().map(|filed| filed.case.0.as_str()),
            cases: listed
                .cases
                .iter()
                .map(|filed| Filed {
                    id: &filed.case.0,
                    because: filed.because.to_string(),
                    score: filed.because.score(),
                })
                .collect(),
            thread: listed.thread.to_string(),
            openpgp: listed.openpgp,
            carried: listed.carried,
            attachments: listed.attachments,
            bytes: listed.bytes,
            here: listed.here,
            pending: listed.pending,
        }
    }
}

/// "1 message", "2 messages".
pub(super) fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// A time in a list: minutes are enough.
pub(super) fn short_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%MZ").to_string()
}

/// What OpenPGP says, in two letters that never stand for more than is known.
fn marks(listed: &Listed) -> String {
    let sealed = match (listed.openpgp.encrypted, listed.openpgp.decrypted) {
        (true, true) => 'E',
        (true, false) => 'e',
        _ => '-',
    };
    let signed = match listed.openpgp.signature {
        SignatureState::None => '-',
        SignatureState::Good => 'S',
        SignatureState::Bad => '!',
        _ => '?',
    };
    let unread = if listed.flags.iter().any(|flag| flag == "\\Seen") { ' ' } else { 'N' };
    format!("{unread}{sealed}{signed}")
}

fn author(listed: &Listed) -> String {
    match listed.from.first() {
        Some(one) if one.name.is_empty() => one.addr.clone(),
        Some(one) => format!("{} <{}>", one.name, one.addr),
        None => "(nobody)".to_owned(),
    }
}

/// An entry for people; `depth` indents the subject.
pub(super) fn entry(listed: &Listed, depth: usize) -> (Vec<String>, Vec<String>) {
    let head = vec![short_time(listed.received), marks(listed), listed.id.to_string(), author(listed)];
    let subject = if listed.subject.trim().is_empty() { "(no subject)" } else { &listed.subject };
    let attached = match listed.attachments {
        0 => String::new(),
        number => format!(" [{}]", count(number, "attachment")),
    };
    (head, vec![format!("{}{subject}{attached}", "  ".repeat(depth.min(20)))])
}

/// Cuts a list, and tells people so.
pub(super) fn cut<'a, T>(list: &'a [T], limit: Option<usize>, output: &mut Output<'_>) -> &'a [T] {
    let limit = limit.unwrap_or(list.len()).min(list.len());
    let (shown, hidden) = list.split_at(limit);
    if !hidden.is_empty() && !output.json() {
        output.say(&format!("{} more are not shown (--limit {limit})", hidden.len()));
    }
    shown
}

/// The scope that options name. A case is named by its id or by one of its identifiers, as everywhere.
///
/// # Errors
/// The profile does not open, or is locked.
pub(super) fn scope(call: &Call<'_>, options: &args::Scope) -> Result<Option<view::Scope>, Failure> {
    Ok(match (&options.case, options.unfiled) {
        (Some(case), _) => {
            let known = call.engine()?.find_case(case)?;
            Some(view::Scope::Case(known.map_or_else(|| CaseId(case.clone()), |known| known.id)))
        }
        (None, true) => Some(view::Scope::Unfiled),
        (None, false) => None,
    })
}

/// Reads a thread's name.
pub(super) fn thread_id(text: &str) -> Result<ThreadId, Failure> {
    let usage = || Failure::new(super::exit::Exit::Usage, format!("{text:?} is no thread: 16 hexadecimal digits"));
    text.parse().map_err(|_| usage())
}
