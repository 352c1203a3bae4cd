//! Copying, moving and removing messages, and making mailboxes: COPY, MOVE (RFC 6851), UID EXPUNGE (RFC 4315), CREATE (RFC 9051 §6.3.4).
//!
//! Where MOVE is missing it is COPY, `\Deleted`, UID EXPUNGE, in this order, each only after the one before succeeded. A bare EXPUNGE is never
//! sent: it would remove what other people and programs have marked `\Deleted` in the same mailbox. Where UIDPLUS is missing too, the
//! messages stay where they were, marked `\Deleted`, and the answer says so.
//!
//! A server may refuse to copy any message where one of them is gone (RFC 2180 §4.4; GNU Mailutils does): then the others are told again by themselves.

use imap_proto::rfc4315::UidSetMember;
use imap_proto::{Response, ResponseCode, Status};

use super::begin;
use super::command::{Command, Items};
use super::error::Error;
use super::item::item;
use super::refusal::is_of_the_session;
use super::request::{Copied, Expunged, Moved};
use super::serve::{Open, open_at, open_to_change};
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
    /// How it ended.
    done: Result<(), Error>,
}

/// What a command that copies was answered in the end.
struct Told {
    stale: UidSet,
    is_silent: bool,
    /// Those that were there.
    present: UidSet,
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
    Ok(Answer { stale, is_silent, done: done.map(drop) })
}

/// Why a command for one chunk was not done to its end.
struct Refused {
    why: Error,
    /// Messages left before it was refused, and the session lives: some of it may be done.
    is_partly: bool,
}

impl From<Error> for Refused {
    fn from(why: Error) -> Self {
        Self { why, is_partly: false }
    }
}

/// Sends a command for one chunk, and once more for those that are there where it is refused for the sake of others. `to`: the target (decoded name).
async fn copy_present<S: Wire>(
    session: &mut Session<S>,
    doing: &str,
    to: &str,
    command: impl Fn(&UidSet) -> Result<Command, Error>,
    chunk: &UidSet,
    copied: &mut Copied,
) -> Result<Told, Refused> {
    let mut present = chunk.clone();
    loop {
        let Answer { stale, is_silent, done } =
            run_copying(session, doing, &command(&present)?, &present, copied).await?;
        let e = match done.map_err(|e| missing(e, to)) {
            Ok(()) => return Ok(Told { stale, is_silent, present }),
            Err(e) => e,
        };
        // Of what was moved before the refusal nobody could say that it is gone.
        let may_be_gone = is_silent && matches!(e, Error::No { .. }) && !is_of_the_session(&e);
        let Some(there) = (if may_be_gone { there(session, doing, &present).await? } else { None }) else {
            return Err(Refused { is_partly: !is_silent && e.session_lives(), why: e });
        };
        if there.len() == present.len() {
            return Err(e.into());
        }
        if there.is_empty() {
            return Ok(Told { stale, is_silent, present: there });
        }
        present = there;
    }
}

/// Which of these messages of the mailbox that is open are there now; `None`: the server does not say. NOOP first: until then a session has those that
/// others removed (RFC 9051 §7.5.1).
async fn there<S: Wire>(session: &mut Session<S>, doing: &str, uids: &UidSet) -> Result<Option<UidSet>, Error> {
    let mut there = UidSet::new();
    for command in [Command::plain("NOOP"), Command::uid_fetch(uids, Items::Flags)] {
        let asked = session.run(doing, &command, |response| match item(response) {
            Some(item) if uids.contains(item.uid) => {
                there.insert(item.uid);
                Use::Taken
            }
            _ => Use::Unasked,
        });
        match asked.await {
            Ok(_) => {}
            Err(e) if e.session_lives() => return Ok(None),
            Err(e) => return Err(e),
        }
    }
    Ok(Some(there))
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
        let command = |uids: &UidSet| Command::uid_copy(uids, &wire);
        copy_present(session, &doing, to, command, &chunk, &mut copied).await.map_err(|refused| refused.why)?;
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
    open_to_change(session, open, at, uids.last()).await?;
    let doing = format!("to move messages from {} to {to}", at.name);
    let wire = session.wire(to);
    let moves = session.capabilities.has("MOVE");
    let mut moved = Moved { silent: moves, ..Moved::default() };
    let chunks = uids.chunks_newest_first(CHUNK);
    for (n, chunk) in chunks.iter().enumerate() {
        let told = async {
            if moves {
                let command = |uids: &UidSet| Command::uid_move(uids, &wire);
                let told = copy_present(session, &doing, to, command, chunk, &mut moved.copied).await?;
                moved.silent &= told.is_silent;
                moved.missing.extend(chunk.without(&told.present).iter());
                return Ok(told.stale);
            }
            // Chunk by chunk, so that little is in doubt after a failure.
            let command = |uids: &UidSet| Command::uid_copy(uids, &wire);
            let before = moved.copied.uids.len();
            let told = copy_present(session, &doing, to, command, chunk, &mut moved.copied).await?;
            moved.gone.extend(chunk.without(&told.present).iter());
            // What the server does not name among the copies is not removed, whatever its reason.
            let named = moved.copied.uids.get(before..).unwrap_or(&moved.copied.uids).iter().map(|(from, _)| *from);
            let copied = if moved.copied.uid_validity.is_some() { named.collect() } else { told.present };
            moved.left.extend(expunge(session, open, at, &copied).await?.left.iter());
            Ok::<_, Refused>(told.stale)
        };
        match told.await {
            Ok(stale) => moved.doubtful.extend(stale.iter()),
            Err(Refused { why, is_partly }) if n == 0 && !(moves && is_partly) => return Err(why),
            // What was answered before is not forgotten, nor that some of these left before the rest was refused.
            Err(Refused { why: e, .. }) => {
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
    open_to_change(session, open, at, uids.last()).await?;
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

    use super::{Error, MailboxAt, Moved, ResponseCode, Session, UidSet, copy_uid, move_messages};
    use crate::net::guard::Limits;

    /// Says these lines one after the other; gives what became of messages 1 to 3 that were to be moved, and what was heard.
    async fn moved(capabilities: &str, says: &[&'static str]) -> (Result<Moved, Error>, Vec<String>) {
        let says = says.to_vec();
        let (client, server) = tokio::io::duplex(1 << 16);
        let greeting = format!("* OK [CAPABILITY IMAP4rev1 {capabilities}] hello\r\n");
        let served = tokio::spawn(async move {
            let mut server = BufReader::new(server);
            server.write_all(greeting.as_bytes()).await.unwrap();
            let mut heard = Vec::new();
            let open =
                "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] fine\r\n* OK [UIDNEXT 4] next\r\nc1 OK [READ-WRITE] open\r\n";
            for says in std::iter::once(open).chain(says) {
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
        let result = move_messages(&mut session, &mut None, &at, &UidSet::from(1..=3), "B").await;
        drop(session);
        (result, served.await.unwrap())
    }

    #[tokio::test]
    async fn what_was_not_copied_is_not_removed() {
        let copied = "c2 OK [COPYUID 9 1,3 11:12] copied\r\n";
        let (result, heard) = moved("UIDPLUS", &[copied, "c3 OK marked\r\n", "c4 OK removed\r\n"]).await;
        let result = result.unwrap();
        assert_eq!((result.copied.uids, result.left), (vec![(1, 11), (3, 12)], UidSet::new()));
        assert_eq!(
            heard,
            [
                "c1 SELECT \"INBOX\"",
                "c2 UID COPY 1:3 \"B\"",
                "c3 UID STORE 1,3 +FLAGS (\\Deleted)",
                "c4 UID EXPUNGE 1,3"
            ]
        );
    }

    /// One of three is gone, and the server refuses all of them for it.
    #[tokio::test]
    async fn what_is_gone_does_not_keep_the_others_back() {
        let refused = "c2 NO no such message\r\n";
        let left = "* 1 FETCH (UID 1 FLAGS ())\r\n* 2 FETCH (UID 3 FLAGS ())\r\nc4 OK\r\n";
        let (result, heard) = moved(
            "MOVE",
            &[
                refused,
                "* 2 EXPUNGE\r\nc3 OK\r\n",
                left,
                "* OK [COPYUID 9 1,3 11:12] moved\r\n* 1 EXPUNGE\r\n* 1 EXPUNGE\r\nc5 OK\r\n",
            ],
        )
        .await;
        let result = result.unwrap();
        // It may have been moved before the refusal.
        assert_eq!((result.copied.uids, result.missing), (vec![(1, 11), (3, 12)], UidSet::from(2..=2)));
        assert!(result.gone.is_empty());
        assert_eq!(
            heard[1..],
            ["c2 UID MOVE 1:3 \"B\"", "c3 NOOP", "c4 UID FETCH 1:3 (UID FLAGS)", "c5 UID MOVE 1,3 \"B\""]
        );
        // Without MOVE, and without UIDPLUS, as GNU Mailutils is: only what was copied is marked.
        let (result, heard) =
            moved("IDLE", &[refused, "* 2 EXPUNGE\r\nc3 OK\r\n", left, "c5 OK copied\r\n", "c6 OK marked\r\n"]).await;
        let result = result.unwrap();
        assert_eq!((result.gone, result.left), (UidSet::from(2..=2), [1, 3].into_iter().collect()));
        assert_eq!(heard[4..], ["c5 UID COPY 1,3 \"B\"", "c6 UID STORE 1,3 +FLAGS (\\Deleted)"]);
        // All of them are gone: nothing is left to be told.
        let (result, heard) = moved("IDLE", &[refused, "c3 OK\r\n", "c4 OK\r\n"]).await;
        assert_eq!((result.unwrap().gone, heard.len()), (UidSet::from(1..=3), 4));
        // All of them are there: it is refused for another reason.
        let all = "* 1 FETCH (UID 1 FLAGS ())\r\n* 2 FETCH (UID 2 FLAGS ())\r\n* 3 FETCH (UID 3 FLAGS ())\r\nc4 OK\r\n";
        let (result, heard) = moved("MOVE", &[refused, "c3 OK\r\n", all]).await;
        assert!(matches!(result, Err(Error::No { .. })) && heard.len() == 4, "{result:?}");
        // Where some of it was done before the refusal, none of it is called refused.
        let half = "* OK [COPYUID 9 1 11] moved\r\n* 1 EXPUNGE\r\nc2 NO [NOPERM] half of it\r\n";
        let (result, heard) = moved("MOVE", &[half]).await;
        let result = result.unwrap();
        assert_eq!((result.doubtful, result.copied.uids, heard.len()), (UidSet::from(1..=3), vec![], 2));
        assert!(matches!(result.ended, Some(Error::No { .. })), "{:?}", result.ended);
        // And where the refusal passes, nobody looks.
        for refused in ["c2 NO [OVERQUOTA] no room\r\n", "c2 NO [TRYCREATE] none\r\n"] {
            let (result, heard) = moved("MOVE", &[refused]).await;
            assert!(result.is_err() && heard.len() == 2, "{refused}: {heard:?}");
        }
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
