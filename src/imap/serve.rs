//! Serving requests on a session: whole messages, flags, APPEND, looking for a Message-ID.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::command::{Command, Items, Opening};
use super::download::{self, Ended, PIECE, take_of};
use super::error::Error;
use super::item::{Item, item};
use super::request::{Answer, Appended, Arrived, Download, Found, Request, StoreFlags, Stored};
use super::select::{Selected, select};
use super::session::{Session, Use, Wire, split_code};
use super::sink::{Body, Fetched, MailboxAt};
use super::sync::take;
use super::transfer;
use super::uid_set::UidSet;
use super::untagged::Untagged;
use super::worker::Shared;
use crate::store::flags::Flags;
use crate::store::mailbox::SpecialUse;

/// A literal of up to this many bytes goes along with its command where the server has LITERAL+.
const AT_ONCE_MAX: usize = 256 << 10;

/// RFC 7888 §5.
const LITERAL_MINUS_MAX: usize = 4_096;

/// A Message-ID is found once or a few times.
const FOUND_MAX: usize = 10_000;

/// A session's end, and the request that can be repeated.
pub(super) type End = Box<(Error, Option<Request>)>;

/// What a session has open, which saves a SELECT when the next request is about the same mailbox.
pub(super) type Open = Option<Selected>;

/// Serves a request and answers it. An error is returned when the session is not to be used again; a request that can be repeated
/// without harm comes back with it.
pub(super) async fn serve<S: Wire>(
    session: &mut Session<S>,
    open: &mut Open,
    shared: &Shared,
    request: Request,
    last_try: bool,
) -> Result<(), End> {
    session.know_names(&shared.wire_names());
    let sent = shared.sent();
    let sent = sent.as_deref();
    match request {
        Request::Fetch(at, uid, answer) => {
            let wholly = session.wholly || shared.is_part_unreadable(&at, uid);
            let result = fetch(session, open, &at, uid, wholly).await;
            if let Err(e) = &result {
                shared.ended_at_part(&at, uid, wholly, e);
            }
            match result {
                Err(e) if !e.session_lives() && !last_try => Err(Box::new((e, Some(Request::Fetch(at, uid, answer))))),
                result => reply(result, answer),
            }
        }
        Request::Store(change, answer) => match store(session, open, &change).await {
            Err(e) if !e.session_lives() && !last_try => Err(Box::new((e, Some(Request::Store(change, answer))))),
            result => reply(result, answer),
        },
        Request::Flags(at, uids, answer) => match flags(session, open, &at, &uids).await {
            Err(e) if !e.session_lives() && !last_try => Err(Box::new((e, Some(Request::Flags(at, uids, answer))))),
            result => reply(result, answer),
        },
        Request::Find { mailbox, message_id, answer } => {
            match find(session, open, mailbox.as_deref().or(sent), &message_id).await {
                Err(e) if !e.session_lives() && !last_try => {
                    Err(Box::new((e, Some(Request::Find { mailbox, message_id, answer }))))
                }
                result => reply(result, answer),
            }
        }
        Request::Arrived(mailbox, above, answer) => match arrived(session, open, &mailbox, above).await {
            Err(e) if !e.session_lives() && !last_try => {
                Err(Box::new((e, Some(Request::Arrived(mailbox, above, answer)))))
            }
            result => reply(result, answer),
        },
        // Never repeated by itself: the message may be there already.
        Request::Append { mailbox, makes, raw, flags, date, answer } => {
            let result = match mailbox.as_deref() {
                Some(mailbox) if !makes => append(session, mailbox, &raw, &flags, date).await,
                named => file_sent(session, named.or(sent).unwrap_or(SENT), &raw, &flags, date).await,
            };
            if let Ok(appended) = &result {
                shared.changed(&appended.mailbox);
            }
            reply(result, answer)
        }
        // Never repeated by itself: a second copy is one too many.
        Request::Copy(at, uids, to, answer) => {
            let result = transfer::copy(session, open, &at, &uids, &to).await;
            told(shared, &result, &[&to]);
            reply(result, answer)
        }
        // Never repeated by itself: a second answer says nothing of what was moved at the first.
        Request::Move(at, uids, to, answer) => {
            let result = transfer::move_messages(session, open, &at, &uids, &to).await;
            told(shared, &result, &[&at.name, &to]);
            let ended = result.as_ref().ok().and_then(|moved| moved.ended.clone());
            reply(result, answer)?;
            ended.filter(|e| !e.session_lives()).map_or(Ok(()), |e| Err(Box::new((e, None))))
        }
        Request::Expunge(at, uids, answer) => match transfer::expunge(session, open, &at, &uids).await {
            Err(e) if !e.session_lives() && !last_try => Err(Box::new((e, Some(Request::Expunge(at, uids, answer))))),
            result => {
                told(shared, &result, &[&at.name]);
                reply(result, answer)
            }
        },
        Request::Create(name, special_use, answer) => match transfer::create(session, &name, special_use).await {
            Err(e) if !e.session_lives() && !last_try => {
                Err(Box::new((e, Some(Request::Create(name, special_use, answer)))))
            }
            result => reply(result, answer),
        },
        Request::Download(download, answer) => pieces(session, open, shared, download, answer).await,
    }
}

/// Serves a download; what is not finished because something else waits goes to the end of the queue.
async fn pieces<S: Wire>(
    session: &mut Session<S>,
    open: &mut Open,
    shared: &Shared,
    mut wanted: Download,
    answer: Answer<u64>,
) -> Result<(), End> {
    let wholly = session.wholly || shared.is_part_unreadable(&wanted.at, wanted.uid);
    let ended = download::download(session, open, || shared.is_asked(), &mut wanted, wholly).await;
    if let Err(e) = &ended {
        shared.ended_at_part(&wanted.at, wanted.uid, wholly, e);
    }
    match ended {
        Ok(Ended::Whole) => reply(Ok(wanted.have), answer),
        Ok(Ended::Interrupted) => {
            shared.put_last(Request::Download(wanted, answer));
            Ok(())
        }
        // Asked once more, it would be as large.
        Err(e @ Error::TooLarge { .. }) => reply(Err(e), answer),
        Err(e) if !e.session_lives() && wanted.died_at.is_none_or(|died_at| died_at < wanted.have) => {
            wanted.died_at = Some(wanted.have);
            Err(Box::new((e, Some(Request::Download(wanted, answer)))))
        }
        Err(e) => reply(Err(e), answer),
    }
}

/// What was done here is seen by the syncing connection at once, not at its next look around.
fn told<T>(shared: &Shared, result: &Result<T, Error>, mailboxes: &[&str]) {
    if result.is_ok() {
        mailboxes.iter().for_each(|mailbox| shared.changed(mailbox));
    }
}

fn reply<T>(result: Result<T, Error>, answer: Answer<T>) -> Result<(), End> {
    let end = match &result {
        Err(e) if !e.session_lives() => Err(Box::new((e.clone(), None))),
        _ => Ok(()),
    };
    // Whoever asked may have gone.
    let _ = answer.send(result);
    end
}

/// Answers a request with an error.
pub(super) fn refuse(request: Request, e: Error) {
    match request {
        Request::Fetch(_, _, answer) => drop(answer.send(Err(e))),
        Request::Store(_, answer) => drop(answer.send(Err(e))),
        Request::Flags(.., answer) => drop(answer.send(Err(e))),
        Request::Append { answer, .. } => drop(answer.send(Err(e))),
        Request::Find { answer, .. } => drop(answer.send(Err(e))),
        Request::Arrived(.., answer) => drop(answer.send(Err(e))),
        Request::Copy(.., answer) => drop(answer.send(Err(e))),
        Request::Move(.., answer) => drop(answer.send(Err(e))),
        Request::Expunge(.., answer) => drop(answer.send(Err(e))),
        Request::Create(.., answer) => drop(answer.send(Err(e))),
        Request::Download(_, answer) => drop(answer.send(Err(e))),
    }
}

/// Opens a mailbox unless it is open.
async fn open_mailbox<S: Wire>(session: &mut Session<S>, open: &mut Open, mailbox: &str) -> Result<Selected, Error> {
    if let Some(selected) = open
        && &*selected.at.name == mailbox
        && session.selected.as_deref() == Some(mailbox)
    {
        return Ok(selected.clone());
    }
    *open = None;
    let selected = select(session, mailbox, Opening::Plain).await?;
    *open = Some(selected.clone());
    Ok(selected)
}

/// Opens a mailbox and makes sure that it is the one the UIDs are of, and that the session knows of them up to the last.
///
/// A command about messages is carried out on what the session was told of: one that came since, and that the other connection has seen, would
/// be missing, and a change of its flags done to nobody and answered OK (RFC 9051 §5.2, §6.4.9). NOOP tells the session of it (§6.1.2).
pub(super) async fn open_at<S: Wire>(
    session: &mut Session<S>,
    open: &mut Open,
    at: &MailboxAt,
    last: Option<u32>,
) -> Result<Selected, Error> {
    let mut selected = open_mailbox(session, open, &at.name).await?;
    if selected.at.uid_validity != at.uid_validity {
        return Err(Error::Rebuilt { mailbox: at.name.to_string() });
    }
    if let Some(last) = last.filter(|last| *last > selected.known_to) {
        let doing = format!("to look for what came to {}", at.name);
        session.run(&doing, &Command::plain("NOOP"), |_| Use::Unasked).await?;
        selected.known_to = last;
        *open = Some(selected.clone());
    }
    Ok(selected)
}

/// As [`open_at`], to change something: a mailbox that may only be read is opened once more before that is believed, because another connection may have had
/// it until then. (UW imapd and its kin lock an mbox for one session; whoever opens it next takes it over.)
pub(super) async fn open_to_change<S: Wire>(
    session: &mut Session<S>,
    open: &mut Open,
    at: &MailboxAt,
    last: Option<u32>,
) -> Result<Selected, Error> {
    for is_again in [false, true] {
        let selected = open_at(session, open, at, last).await?;
        if !(selected.read_only || session.surrendered) {
            return Ok(selected);
        }
        if !is_again {
            reopen(session, open, at).await?;
        }
    }
    Err(Error::ReadOnly { mailbox: at.name.to_string() })
}

/// Opens a mailbox that is open once more. What came to it meanwhile is news still, which opening it anew would take for known.
async fn reopen<S: Wire>(session: &mut Session<S>, open: &mut Open, at: &MailboxAt) -> Result<(), Error> {
    let was_selected = session.selected.as_deref() == Some(&*at.name);
    let (news, before) = (session.news, open.take());
    let now = open_mailbox(session, open, &at.name).await?.server;
    let is_same = |before: &Selected| (before.server.uid_next, before.server.exists) == (now.uid_next, now.exists);
    session.news |= was_selected && (news || !before.as_ref().is_some_and(is_same));
    Ok(())
}

async fn fetch<S: Wire>(
    session: &mut Session<S>,
    open: &mut Open,
    at: &MailboxAt,
    uid: u32,
    wholly: bool,
) -> Result<Fetched, Error> {
    open_at(session, open, at, Some(uid)).await?;
    let doing = format!("to fetch a message of {}", at.name);
    let gone = || Error::Gone { mailbox: at.name.to_string() };
    if wholly {
        let mut found = download::whole(session, &doing, at, uid, Items::Whole).await?;
        let raw = found.body.take().ok_or_else(gone)?;
        download::check_whole(raw.len() as u64, found.bytes)?;
        return Ok(whole(found, raw));
    }
    let one = UidSet::from(uid..=uid);
    // Both commands go out at once: a message of ordinary size is here after one round trip. Servers may answer the second
    // before they call the first one done.
    let dated = session.start(&doing, &Command::uid_fetch(&one, Items::Dated)).await?;
    let first = session.start(&doing, &Command::uid_fetch_part(uid, 0, PIECE)).await?;
    let mut items = HashMap::new();
    session.finish(dated, |response| take_of(&mut items, uid, response)).await?;
    session.finish(first, |response| take_of(&mut items, uid, response)).await?;
    let mut found = items.remove(&uid).ok_or_else(gone)?;
    let mut raw = found.body.take().ok_or_else(gone)?;
    if raw.len() as u64 > PIECE {
        // It does not know parts: this is all, or it is asked for all.
        session.wholly = true;
        if found.bytes.is_none_or(|bytes| u64::from(bytes) != raw.len() as u64) {
            let again = download::whole(session, &doing, at, uid, Items::WholeDateless).await?;
            raw = again.body.ok_or_else(gone)?;
            download::check_whole(raw.len() as u64, found.bytes)?;
        }
    } else if raw.len() as u64 == PIECE || found.bytes.is_some_and(|bytes| u64::from(bytes) > raw.len() as u64) {
        // Some servers give less at once than they are asked for, some only estimate the size: what is behind it shows which.
        match rest(session, open, at, uid, raw.to_vec()).await {
            Ok(all) => raw = all.into(),
            // It will not be asked for what is not there: then this was all.
            Err(Error::No { .. } | Error::Bad { .. }) if (raw.len() as u64) < PIECE => {
                download::check_whole(raw.len() as u64, found.bytes)?;
            }
            Err(e) => return Err(e),
        }
    }
    Ok(whole(found, raw))
}

/// A message that is here.
fn whole(found: Item, raw: Arc<[u8]>) -> Fetched {
    Fetched {
        uid: found.uid,
        flags: found.flags.unwrap_or_default(),
        internal_date: found.internal_date,
        bytes: found.bytes.unwrap_or_else(|| u32::try_from(raw.len()).unwrap_or(u32::MAX)),
        body: Body::Whole(raw),
    }
}

/// What is behind the first piece of a message.
async fn rest<S: Wire>(
    session: &mut Session<S>,
    open: &mut Open,
    at: &MailboxAt,
    uid: u32,
    mut raw: Vec<u8>,
) -> Result<Vec<u8>, Error> {
    let (to, mut pieces) = tokio::sync::mpsc::channel(1);
    let have = raw.len() as u64;
    let head = raw.get(..download::HEAD).unwrap_or(&raw).to_vec();
    let mut wanted = Download { at: at.clone(), uid, have, most: None, to, died_at: None, head };
    let fetch = async {
        let ended = download::download(session, open, || false, &mut wanted, false).await;
        // The channel ends with it.
        drop(wanted);
        ended
    };
    let keep = async {
        while let Some(piece) = pieces.recv().await {
            raw.extend_from_slice(&piece);
        }
    };
    let (ended, ()) = tokio::join!(fetch, keep);
    ended.map(|_| raw)
}

async fn store<S: Wire>(session: &mut Session<S>, open: &mut Open, change: &StoreFlags) -> Result<Stored, Error> {
    let selected = open_to_change(session, open, &change.at, change.uids.last()).await?;
    let mut remove = change.remove.clone();
    if let Some(keeps) = &selected.keeps {
        // The server would say OK and forget them.
        let lacking = keeps.lacking_of(&change.add, &remove);
        if !lacking.is_empty() {
            let flags = lacking.names().collect::<Vec<_>>().join(" ");
            return Err(Error::NotKept { mailbox: change.at.name.to_string(), flags });
        }
        remove = remove.without(&keeps.lacking(&remove));
    }
    let doing = format!("to change flags in {}", change.at.name);
    let since = change.unchanged_since.filter(|_| selected.server.highest_modseq.is_some());
    let mut stored = Stored::default();
    let (mut said, mut modseqs) = (BTreeMap::new(), BTreeMap::new());
    let mut uids = change.uids.clone();
    for (add, flags) in [(true, &change.add), (false, &remove)] {
        if flags.names().next().is_none() {
            continue;
        }
        for chunk in uids.clone().chunks_newest_first(20_000) {
            // After our own first change the modification sequence is a new one.
            let since = since.filter(|_| add || change.add.names().next().is_none());
            let command = Command::uid_store(&chunk, add, flags, since)?;
            let done = session
                .run(&doing, &command, |response| match item(response) {
                    Some(item) if chunk.contains(item.uid) => {
                        if let Some(flags) = item.flags {
                            said.insert(item.uid, flags);
                            // One without is of flags that nobody can date.
                            match item.modseq {
                                Some(modseq) => drop(modseqs.insert(item.uid, modseq)),
                                None => drop(modseqs.remove(&item.uid)),
                            }
                        }
                        Use::Taken
                    }
                    _ => Use::Unasked,
                })
                .await;
            let text = match done {
                Ok(done) => done.text,
                Err(Error::No { code: Some(code), text, .. }) if code.starts_with("MODIFIED") => {
                    format!("[{code}] {text}")
                }
                Err(e) => return Err(e),
            };
            let conflicts = modified(&text);
            uids = uids.without(&conflicts);
            stored.conflicts.extend(conflicts.and(&chunk).iter());
        }
    }
    stored.flags = said.into_iter().collect();
    let mut by_modseq: BTreeMap<u64, UidSet> = BTreeMap::new();
    for (uid, modseq) in modseqs {
        by_modseq.entry(modseq).or_default().insert(uid);
    }
    stored.modseqs = by_modseq.into_iter().collect();
    Ok(stored)
}

async fn flags<S: Wire>(
    session: &mut Session<S>,
    open: &mut Open,
    at: &MailboxAt,
    uids: &UidSet,
) -> Result<Vec<(u32, Flags)>, Error> {
    open_at(session, open, at, uids.last()).await?;
    let doing = format!("to look at flags in {}", at.name);
    let mut found = BTreeMap::new();
    for chunk in uids.chunks_newest_first(20_000) {
        session
            .run(&doing, &Command::uid_fetch(&chunk, Items::Flags), |response| match item(response) {
                Some(item) if chunk.contains(item.uid) => {
                    found.extend(item.flags.map(|flags| (item.uid, flags)));
                    Use::Taken
                }
                _ => Use::Unasked,
            })
            .await?;
    }
    Ok(found.into_iter().collect())
}

/// The UIDs of a MODIFIED response code (RFC 7162 §3.1.3).
fn modified(text: &str) -> UidSet {
    let (Some(code), _) = split_code(text) else { return UidSet::new() };
    let Some(list) = code.strip_prefix("MODIFIED ") else { return UidSet::new() };
    let mut uids = UidSet::new();
    for part in list.split(',') {
        let (a, b) = part.split_once(':').unwrap_or((part, part));
        if let (Ok(a), Ok(b)) = (a.trim().parse::<u32>(), b.trim().parse::<u32>()) {
            uids.insert_range(&(a..=b));
        }
    }
    uids
}

async fn find<S: Wire>(
    session: &mut Session<S>,
    open: &mut Open,
    mailbox: Option<&str>,
    message_id: &str,
) -> Result<Found, Error> {
    let mailbox = mailbox.ok_or_else(|| Error::NoMailbox { mailbox: "\\Sent".to_owned() })?;
    // SELECT again even if it is open: a server need not tell of a message that just came before it is asked to.
    *open = None;
    let selected = open_mailbox(session, open, mailbox).await?;
    let mut uids = Vec::new();
    session
        .run_own(&format!("to search {mailbox}"), &Command::find(message_id)?, |own| match own {
            Untagged::Search(found) if uids.len() < FOUND_MAX => {
                uids.extend(found.iter().copied().filter(|uid| *uid > 0).take(FOUND_MAX));
                Use::Taken
            }
            // So a server answers that knows the second revision only (RFC 9051 §6.4.4). Taken for nothing, what was sent would be sent once more.
            Untagged::Esearch(found) if found.uid && uids.len() < FOUND_MAX => {
                uids.extend(found.all.iter().take(FOUND_MAX));
                Use::Taken
            }
            _ => Use::Unasked,
        })
        .await?;
    uids.sort_unstable();
    uids.dedup();
    Ok(Found { at: selected.at, uids })
}

/// What came after a UID.
async fn arrived<S: Wire>(
    session: &mut Session<S>,
    open: &mut Open,
    mailbox: &str,
    above: u32,
) -> Result<Arrived, Error> {
    // SELECT again even if it is open: see [`find`].
    *open = None;
    let selected = open_mailbox(session, open, mailbox).await?;
    let mut items = HashMap::new();
    if let Some(first) = above.checked_add(1).filter(|_| selected.server.exists > 0) {
        let doing = format!("to look what came to {mailbox}");
        let command = Command::uid_fetch_from(first, Items::Sizes);
        let most = usize::try_from(selected.server.exists).unwrap_or(usize::MAX).saturating_add(1_000);
        session.run(&doing, &command, |response| take(&mut items, most, response)).await?;
    }
    let new = items.into_values().filter(|item| item.uid > above);
    let mut messages: Vec<(u32, u32)> = new.map(|item| (item.uid, item.bytes.unwrap_or_default())).collect();
    messages.sort_unstable();
    Ok(Arrived { at: selected.at, messages })
}

/// The mailbox for sent mail that is made where a server has none.
const SENT: &str = "Sent";

/// Appends to the mailbox for sent mail, which is made where it is missing: a server may come without one, or a person may name one
/// that nobody has made yet. A refused APPEND has stored nothing (RFC 9051 §6.3.12), so asking again cannot store twice.
async fn file_sent<S: Wire>(
    session: &mut Session<S>,
    mailbox: &str,
    raw: &[u8],
    flags: &crate::store::flags::Flags,
    date: Option<i64>,
) -> Result<Appended, Error> {
    match append(session, mailbox, raw, flags, date).await {
        Err(Error::NoMailbox { .. }) => {
            // A name that a person gave is the server's own, or is to be.
            let mailbox = transfer::create(session, mailbox, Some(SpecialUse::Sent)).await?;
            append(session, &mailbox, raw, flags, date).await
        }
        result => result,
    }
}

/// APPEND (RFC 9051 §6.3.12) by hand: untagged data before the `+` is legal, and the answer says where the message lies.
async fn append<S: Wire>(
    session: &mut Session<S>,
    mailbox: &str,
    raw: &[u8],
    flags: &crate::store::flags::Flags,
    date: Option<i64>,
) -> Result<Appended, Error> {
    let doing = format!("to file a message in {mailbox}");
    if raw.contains(&0) {
        return Err(Error::Unsendable { what: "a message".to_owned(), why: "it holds a NUL byte".to_owned() });
    }
    // RFC 7888: a small literal goes along with its command. A large one still asks first, because a refusal (no room, no such mailbox) would
    // come only after all of it was sent.
    let at_once = raw.len() <= AT_ONCE_MAX && session.capabilities.has("LITERAL+")
        || raw.len() <= LITERAL_MINUS_MAX
            && (session.capabilities.has("LITERAL-") || session.capabilities.has("IMAP4REV2"));
    let command = Command::append(&session.wire(mailbox), flags, date, raw.len(), at_once)?;
    let no_mailbox = |e: Error| match &e {
        Error::No { code: Some(code), .. } if code == "TRYCREATE" || code == "NONEXISTENT" => {
            Error::NoMailbox { mailbox: mailbox.to_owned() }
        }
        _ => e,
    };
    let pending = session.start(&doing, &command).await?;
    if !at_once {
        session.continuation(&pending).await.map_err(no_mailbox)?;
        session.round_trips = session.round_trips.saturating_add(1);
    }
    session.write(&doing, raw).await?;
    session.write(&doing, b"\r\n").await?;
    let done = session.finish(pending, |_| Use::Unasked).await.map_err(no_mailbox)?;
    Ok(Appended { mailbox: mailbox.to_owned(), uid: done.append_uid })
}

#[cfg(test)]
mod tests {
    use super::modified;

    #[test]
    fn conflicts_are_read_from_the_code() {
        assert_eq!(modified("[MODIFIED 7,9:10] conditional STORE failed").to_string(), "7,9:10");
        assert!(modified("[HIGHESTMODSEQ 7] done").is_empty());
        assert!(modified("done").is_empty());
    }
}
