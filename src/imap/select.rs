//! Opening a mailbox: SELECT with what CONDSTORE and QRESYNC add to its answer (RFC 9051 §6.3.2, RFC 7162 §3.1.2, §3.2.5).

use std::sync::Arc;

use imap_proto::{Response, ResponseCode, Status};

use super::command::{Command, Opening};
use super::error::Error;
use super::item::item;
use super::plan::Server;
use super::session::{Heard, Session, Use, Wire, closes};
use super::sink::MailboxAt;
use super::uid_set::UidSet;
use super::untagged::Untagged;
use crate::store::flags::{Flags, Keeps};

/// A mailbox that is open.
#[derive(Clone, Debug)]
pub(super) struct Selected {
    pub at: MailboxAt,
    pub server: Server,
    pub read_only: bool,
    /// The flags that it keeps, where the server says.
    pub keeps: Option<Keeps>,
    /// UIDs up to this one were there when we last asked: of later ones this session need not know yet.
    pub known_to: u32,
    /// Flags that changed, by QRESYNC.
    pub changed: Vec<(u32, Flags)>,
    /// Messages that vanished, by QRESYNC; may name some that we never held.
    pub vanished: UidSet,
}

/// More than this of either is left to a comparison: a hostile server could go on for ever.
const CHANGED_MAX: usize = 1_000_000;
const VANISHED_MAX: usize = 50_000;

/// Selects a mailbox (decoded name). A server that does not understand the extension which it offers is asked without it, from then on.
pub(super) async fn select<S: Wire>(
    session: &mut Session<S>,
    mailbox: &str,
    opening: Opening,
) -> Result<Selected, Error> {
    let selected = select_so(session, mailbox, opening).await;
    if opening == Opening::Plain || !matches!(selected, Err(Error::Bad { .. })) {
        return selected;
    }
    let plainly = select_so(session, mailbox, Opening::Plain).await?;
    session.capabilities.forget(&["CONDSTORE", "QRESYNC"]);
    session.qresync = false;
    Ok(plainly)
}

async fn select_so<S: Wire>(session: &mut Session<S>, mailbox: &str, opening: Opening) -> Result<Selected, Error> {
    let doing = format!("to open {mailbox}");
    let command = Command::select(&session.wire(mailbox), opening)?;
    let mut server = Server { resynced: matches!(opening, Opening::Qresync(..)), ..Server::default() };
    let (mut changed, mut vanished, mut ranges) = (Vec::new(), UidSet::new(), 0_usize);
    let mut keeps = None;
    // If it fails, none is selected (RFC 9051 §6.3.2).
    session.selected = None;
    session.exists = 0;
    let pending = session.start(&doing, &command).await?;
    let done = session
        .finish_all(pending, |heard| {
            match heard {
                Heard::Codec(Response::Done { .. }) => {}
                // RFC 7162 §3.2.11: what came up to here was about the mailbox that was open before.
                Heard::Codec(Response::Data { status: Status::Ok, outcome }) if closes(outcome) => {
                    server = Server { resynced: matches!(opening, Opening::Qresync(..)), ..Server::default() };
                    (changed, vanished, ranges, keeps) = (Vec::new(), UidSet::new(), 0, None);
                }
                Heard::Codec(Response::Data { status: Status::Ok, outcome }) => match &outcome.code {
                    Some(ResponseCode::UidValidity(n)) => server.uid_validity = *n,
                    Some(ResponseCode::UidNext(n)) => server.uid_next = Some(*n),
                    Some(ResponseCode::PermanentFlags(names)) => {
                        keeps = Some(Keeps::from_names(names.iter().map(AsRef::as_ref)));
                    }
                    Some(ResponseCode::HighestModSeq(n)) => server.highest_modseq = Some(*n),
                    _ => {}
                },
                Heard::Own(Untagged::Vanished { earlier: true, uids, .. }) => {
                    let before = ranges;
                    ranges = ranges.saturating_add(uids.ranges().count());
                    if before > VANISHED_MAX {
                        return Use::Unasked;
                    }
                    for range in uids.ranges() {
                        vanished.insert_range(&range);
                    }
                }
                Heard::Own(_) => return Use::Unasked,
                Heard::Codec(other) => match item(other) {
                    Some(item) if server.resynced && changed.len() < CHANGED_MAX => {
                        changed.extend(item.flags.map(|flags| (item.uid, flags)));
                    }
                    // Not everything was taken: the position must not go beyond it.
                    Some(item) if matches!(opening, Opening::Qresync(..)) && item.flags.is_some() => {
                        server.resynced = false;
                        return Use::Unasked;
                    }
                    _ => return Use::Unasked,
                },
            }
            Use::Taken
        })
        .await
        .map_err(|e| missing(e, mailbox))?;
    session.selected = Some(mailbox.to_owned());
    session.news = false;
    session.surrendered = false;
    server.exists = session.exists;
    if server.uid_validity == 0 {
        return Err(Error::No {
            doing,
            code: None,
            text: "it gives the mailbox no UIDVALIDITY, so that messages cannot be told apart".to_owned(),
        });
    }
    if server.highest_modseq == Some(0) {
        server.highest_modseq = None;
    }
    server.read_only = done.read_only;
    Ok(Selected {
        at: MailboxAt { name: Arc::from(mailbox), uid_validity: server.uid_validity },
        server,
        read_only: done.read_only,
        keeps,
        known_to: server.uid_next.unwrap_or_default().saturating_sub(1),
        changed,
        vanished,
    })
}

/// A refusal that says the mailbox is not there (RFC 5530), in our words.
fn missing(e: Error, mailbox: &str) -> Error {
    match &e {
        Error::No { code: Some(code), .. } if code == "NONEXISTENT" || code == "TRYCREATE" => {
            Error::NoMailbox { mailbox: mailbox.to_owned() }
        }
        _ => e,
    }
}
