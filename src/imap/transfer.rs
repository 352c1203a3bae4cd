//! Copying, moving and removing messages, and making mailboxes: COPY, MOVE (RFC 6851), UID EXPUNGE (RFC 4315), CREATE (RFC 9051 §6.3.4).
//!
//! Where MOVE is missing it is COPY, `\Deleted`, UID EXPUNGE, in this order, each only after the one before succeeded. A bare EXPUNGE is never
//! sent: it would remove what other people and programs have marked `\Deleted` in the same mailbox. Where UIDPLUS is missing too, the
//! messages stay where they were, marked `\Deleted`, and the answer says so.

use imap_proto::rfc4315::UidSetMember;
use imap_proto::{Response, ResponseCode, Status};

use super::begin;
use super::command::Command;
use super::error::Error;
use super::item::item;
use super::request::{Copied, Expunged, Moved};
use super::serve::{Open, open_at};
use super::session::{Heard, Session, Use, Wire};
use super::sink::MailboxAt;
use super::uid_set::UidSet;
use super::untagged::Untagged;
use crate::store::flags::Flags;
use crate::store::mailbox::SpecialUse;

/// Messages in one command.
const CHUNK: u64 = 20_000;

/// What COPYUID says (RFC 4315 §3): UIDVALIDITY of the other mailbox, and the UIDs before and after. More than were asked for are not
/// believed, and lists of unequal length say nothing.
fn copy_uid(code: Option<&ResponseCode<'_>>, asked: &UidSet) -> Option<(u32, Vec<(u32, u32)>)> {
    let Some(ResponseCode::CopyUid(uid_validity, from, to)) = code else { return None };
    let (mut before, mut after) = (each(from), each(to));
    let most = usize::try_from(asked.len()).unwrap_or(usize::MAX);
    let mut pairs = Vec::new();
    loop {
        match (before.next(), after.next()) {
            (Some(a), Some(b)) if pairs.len() < most => pairs.push((a, b)),
            (None, None) => break,
            _ => return None,
        }
    }
    pairs.retain(|(before, after)| asked.contains(*before) && *after > 0);
    Some((*uid_validity, pairs))
}

fn each(members: &[UidSetMember]) -> impl Iterator<Item = u32> + '_ {
    members.iter().flat_map(|member| match member {
        UidSetMember::Uid(uid) => *uid..=*uid,
        // The two ends may be in either order (RFC 4315 §4).
        UidSetMember::UidRange(range) => (*range.start()).min(*range.end())..=(*range.start()).max(*range.end()),
    })
}

impl Copied {
    /// Gives those of which it is not known any more where they are.
    fn add(&mut self, (uid_validity, pairs): (u32, Vec<(u32, u32)>)) -> UidSet {
        // Another UIDVALIDITY halfway: what was said before is worth nothing.
        let stale = if self.uid_validity.is_some_and(|known| known != uid_validity) {
            std::mem::take(&mut self.uids)
        } else {
            Vec::new()
        };
        self.uid_validity = Some(uid_validity);
        self.uids.extend(pairs);
        stale.into_iter().map(|(from, _)| from).collect()
    }
}

/// What a command that copies was answered.
struct Answer {
    /// What [`Copied::add`] gives.
    stale: UidSet,
    /// Nothing was named, and nothing left the mailbox.
    is_silent: bool,
}

/// Sends a command for one chunk and takes COPYUID from wherever it stands: COPY has it in its tagged answer, MOVE in an untagged OK
/// before the EXPUNGEs (RFC 6851 §4.3).
async fn run_copying<S: Wire>(
    session: &mut Session<S>,
    doing: &str,
    command: &Command,
    chunk: &UidSet,
    copied: &mut Copied,
) -> Result<Answer, Error> {
    let (mut found, mut is_silent) = (None, true);
    let pending = session.start(doing, command).await?;
    let done = session
        .finish_all(pending, |heard| {
            let code = match heard {
                Heard::Codec(Response::Data { status: Status::Ok, outcome } | Response::Done { outcome, .. }) => {
                    outcome.code.as_ref()
                }
                Heard::Codec(response) => {
                    is_silent &= !matches!(response, Response::Expunge(_));
                    None
                }
                Heard::Own(own) => {
                    is_silent &= !matches!(own, Untagged::Vanished { .. });
                    None
                }
            };
            // Also where it is not to be believed.
            is_silent &= !matches!(code, Some(ResponseCode::CopyUid(..)));
            match copy_uid(code, chunk) {
                Some(pairs) => {
                    found = Some(pairs);
                    Use::Taken
                }
                None => Use::Unasked,
            }
        })
        .await;
    let stale = found.map(|found| copied.add(found)).unwrap_or_default();
    done.map(|_| Answer { stale, is_silent })
}

fn missing(e: Error, mailbox: &str) -> Error {
    match &e {
        Error::No { code: Some(code), .. } if code == "TRYCREATE" || code == "NONEXISTENT" => {
            Error::NoMailbox { mailbox: mailbox.to_owned() }
        }
        _ => e,
    }
}

/// Copies messages to another mailbox (decoded name).
pub(super) async fn copy<S: Wire>(
    session: &mut Session<S>,
    open: &mut Open,
    at: &MailboxAt,
    uids: &UidSet,
    to: &str,
) -> Result<Copied, Error> {
    open_at(session, open, at, uids.last()).await?;
    let doing = format!("to copy messages from {} to {to}", at.name);
    let wire = session.wire(to);
    let mut copied = Copied::default();
    for chunk in uids.chunks_newest_first(CHUNK) {
        let command = Command::uid_copy(&chunk, &wire)?;
        run_copying(session, &doing, &command, &chunk, &mut copied).await.map_err(|e| missing(e, to))?;
    }
    Ok(copied)
}

/// Moves messages to another mailbox (decoded name).
pub(super) async fn move_messages<S: Wire>(
    session: &mut Session<S>,
    open: &mut Open,
    at: &MailboxAt,
    uids: &UidSet,
    to: &str,
) -> Result<Moved, Error> {
    let selected = open_at(session, open, at, uids.last()).await?;
    if selected.read_only {
        return Err(Error::ReadOnly { mailbox: at.name.to_string() });
    }
    let doing = format!("to move messages from {} to {to}", at.name);
    let wire = session.wire(to);
    let moves = session.capabilities.has("MOVE");
    let mut moved = Moved { silent: moves, ..Moved::default() };
    let chunks = uids.chunks_newest_first(CHUNK);
    for (n, chunk) in chunks.iter().enumerate() {
        let told = async {
            if moves {
                let command = Command::uid_move(chunk, &wire)?;
                let told = run_copying(session, &doing, &command, chunk, &mut moved.copied).await;
                let Answer { stale, is_silent } = told.map_err(|e| missing(e, to))?;
                moved.silent &= is_silent;
                return Ok(stale);
            }
            // Chunk by chunk, so that little is in doubt after a failure.
            let command = Command::uid_copy(chunk, &wire)?;
            let before = moved.copied.uids.len();
            let told = run_copying(session, &doing, &command, chunk, &mut moved.copied).await;
            let Answer { stale, .. } = told.map_err(|e| missing(e, to))?;
            // What the server does not name among the copies is not removed, whatever its reason.
            let named = moved.copied.uids.get(before..).unwrap_or(&moved.copied.uids).iter().map(|(from, _)| *from);
            let copied = if moved.copied.uid_validity.is_some() { named.collect() } else { chunk.clone() };
            moved.left.extend(expunge(session, open, at, &copied).await?.left.iter());
            Ok(stale)
        };
        match told.await {
            Ok(stale) => moved.doubtful.extend(stale.iter()),
            Err(e) if n == 0 => return Err(e),
            // What was answered before is not forgotten.
            Err(e) => {
                moved.copied.uids.retain(|(from, _)| !chunk.contains(*from));
                moved.doubtful.extend(chunk.iter());
                moved.untold.extend(chunks.iter().skip(n + 1).flat_map(UidSet::iter));
                moved.ended = Some(e);
                break;
            }
        }
    }
    Ok(moved)
}

/// Removes messages for good.
pub(super) async fn expunge<S: Wire>(
    session: &mut Session<S>,
    open: &mut Open,
    at: &MailboxAt,
    uids: &UidSet,
) -> Result<Expunged, Error> {
    let selected = open_at(session, open, at, uids.last()).await?;
    if selected.read_only {
        return Err(Error::ReadOnly { mailbox: at.name.to_string() });
    }
    let doing = format!("to remove messages from {}", at.name);
    let deleted = Flags::new(Flags::DELETED, Vec::new());
    let uidplus = session.capabilities.has("UIDPLUS");
    let mut expunged = Expunged::default();
    for chunk in uids.chunks_newest_first(CHUNK) {
        let mark = session.start(&doing, &Command::uid_store(&chunk, true, &deleted, None)?).await?;
        // Told apart from flags that changed elsewhere: those come without a UID, or of other messages.
        let on = |response: &Response<'_>| match item(response) {
            Some(item) if chunk.contains(item.uid) => Use::Taken,
            _ => Use::Unasked,
        };
        if uidplus {
            // Both at once: UID EXPUNGE takes away only what is marked, so that it does nothing where the marking was refused.
            let remove = session.start(&doing, &Command::uid_expunge(&chunk)).await?;
            let marked = session.finish(mark, on).await;
            if let Err(e) = &marked
                && !e.session_lives()
            {
                return Err(e.clone());
            }
            session.finish(remove, |_| Use::Unasked).await?;
            marked?;
        } else {
            session.finish(mark, on).await?;
            expunged.left.extend(chunk.iter());
        }
    }
    Ok(expunged)
}

/// Makes a mailbox of one's own and subscribes to it. One that is there already is as good. Gives the decoded name that it has.
pub(super) async fn create<S: Wire>(
    session: &mut Session<S>,
    mailbox: &str,
    special_use: Option<SpecialUse>,
) -> Result<String, Error> {
    let begun = begin::start(session).await?;
    begin::finish(session, begun).await?;
    let mailbox = session.personal(mailbox);
    let name = session.wire(&mailbox);
    let doing = format!("to make the mailbox {mailbox}");
    // RFC 6154 §3: an attribute may be refused where the mailbox would not be (USEATTR).
    let special_use = special_use.filter(|_| session.capabilities.has("CREATE-SPECIAL-USE"));
    let mut made = session.run(&doing, &Command::create(&name, special_use)?, |_| Use::Unasked).await;
    if special_use.is_some() && made.as_ref().is_err_and(|e| e.session_lives() && !exists_already(e)) {
        made = session.run(&doing, &Command::create(&name, None)?, |_| Use::Unasked).await;
    }
    match made {
        Ok(_) => {}
        Err(e) if exists_already(&e) => {}
        Err(e) => return Err(e),
    }
    session.run(&format!("to subscribe to {mailbox}"), &Command::subscribe(&name)?, |_| Use::Unasked).await?;
    Ok(mailbox)
}

/// ALREADYEXISTS (RFC 5530); older servers say it in words only, so that the words are looked at too.
fn exists_already(e: &Error) -> bool {
    match e {
        Error::No { code: Some(code), .. } if code == "ALREADYEXISTS" => true,
        Error::No { text, .. } => text.to_ascii_lowercase().contains("exists"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use imap_proto::rfc4315::UidSetMember::{Uid, UidRange};

    use std::sync::Arc;
    use std::time::Duration;

    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

    use super::{MailboxAt, ResponseCode, Session, UidSet, copy_uid, move_messages};
    use crate::net::guard::Limits;

    #[tokio::test]
    async fn what_was_not_copied_is_not_removed() {
        let (client, server) = tokio::io::duplex(1 << 16);
        let served = tokio::spawn(async move {
            let mut server = BufReader::new(server);
            server.write_all(b"* OK [CAPABILITY IMAP4rev1 UIDPLUS] hello\r\n").await.unwrap();
            let mut heard = Vec::new();
            for says in [
                "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] fine\r\n* OK [UIDNEXT 4] next\r\nc1 OK [READ-WRITE] open\r\n",
                "c2 OK [COPYUID 9 1,3 11:12] copied\r\n",
                "c3 OK marked\r\n",
                "c4 OK removed\r\n",
            ] {
                let mut line = String::new();
                server.read_line(&mut line).await.unwrap();
                heard.push(line.trim_end().to_owned());
                server.write_all(says.as_bytes()).await.unwrap();
            }
            heard
        });
        let mut session = Session::new(client, Duration::from_secs(5));
        session.greeting().await.unwrap();
        session.set_guard(Limits::after_login(1_000));
        let at = MailboxAt { name: Arc::from("INBOX"), uid_validity: 7 };
        let moved = move_messages(&mut session, &mut None, &at, &UidSet::from(1..=3), "B").await.unwrap();
        assert_eq!((moved.copied.uids, moved.left), (vec![(1, 11), (3, 12)], UidSet::new()));
        assert_eq!(
            served.await.unwrap(),
            [
                "c1 SELECT \"INBOX\"",
                "c2 UID COPY 1:3 \"B\"",
                "c3 UID STORE 1,3 +FLAGS (\\Deleted)",
                "c4 UID EXPUNGE 1,3"
            ]
        );
    }

    #[test]
    fn pairs_of_uids() {
        let asked: UidSet = UidSet::from(3..=6);
        let say = |from, to| copy_uid(Some(&ResponseCode::CopyUid(9, from, to)), &asked);
        assert_eq!(
            say(vec![UidRange(3..=5)], vec![Uid(20), Uid(22), Uid(21)]),
            Some((9, vec![(3, 20), (4, 22), (5, 21)]))
        );
        // A message that nobody asked for is left out; lists of unequal length, and more than were asked for, are not believed.
        assert_eq!(say(vec![Uid(2), Uid(3)], vec![Uid(20), Uid(21)]), Some((9, vec![(3, 21)])));
        assert_eq!(say(vec![UidRange(3..=5)], vec![Uid(20)]), None);
        assert_eq!(say(vec![UidRange(1..=u32::MAX)], vec![UidRange(1..=u32::MAX)]), None);
        assert_eq!(copy_uid(Some(&ResponseCode::Alert), &asked), None);
    }
}
