//! A message in pieces (RFC 9051 §6.4.5, partial fetch), for messages that are too large to be fetched unasked.
//!
//! The next piece is on its way while one is handed on, so that the line stays full; never more than that, so that another request waits
//! for a piece or two at most. A message of a (mailbox, UIDVALIDITY, UID) never changes (RFC 9051 §2.3.1.1), which is why pieces of different
//! sessions fit together.
//!
//! A piece that is short is the last, if RFC822.SIZE is reached with it. If not, what is behind it is asked for once more: some servers give less at
//! once than they are asked for, some nothing where they stumble over their own store. Where then nothing comes, it is the end all the same, for
//! servers estimate RFC822.SIZE ([`is_cut_short`]).
//!
//! Not every server knows parts: Twisted sends all of a message whatever is asked for, and says that it begins where the part would. So what comes is
//! not put together where it is longer than what was asked for, begins elsewhere, or begins as the message does: then all of it is asked for at once, and
//! of every other message in that session as well. A message at whose part the answer could not be read is asked for so, too, it alone. It is handed on as it
//! comes and never held. Nothing else is served meanwhile; and where the line falls, it comes again from its beginning, of which is passed over what is here.
//!
//! A server may answer the second of two commands before it calls the first one done (RFC 9051 §5.5): Dovecot does so when it is busy, to look
//! at the mailbox once for both. So an answer is told by where its piece begins, never by the command that is being waited for.

use std::collections::{HashMap, VecDeque};

use imap_proto::Response;

use super::command::{Command, Items};
use super::error::Error;
use super::item::{Item, is_of, item};
use super::request::Download;
use super::serve::{Open, open_at};
use super::session::{Pending, Session, Taker, Use, Wire};
use super::sink::MailboxAt;
use super::sync::take;
use super::uid_set::UidSet;
use crate::net::guard::Violation;
use crate::net::guarded::APART_MAX;

/// Bytes of a piece: a fifth of a second on a line of 40 Mbit/s.
pub(super) const PIECE: u64 = 1 << 20;

/// The first piece of a message: its text, nearly always, and soon.
const FIRST: u64 = 256 << 10;

/// Pieces on their way.
const FLYING: usize = 2;

/// The largest message that is fetched at all.
pub(super) const MESSAGE_MAX: u64 = 512 << 20;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Everything that was wanted was handed on.
    Whole,
    /// Something else waits.
    Interrupted,
}

/// The beginning of a message, by which it is known again.
pub(super) const HEAD: usize = 256;

/// Bytes in which a piece has to be like the beginning of its message before it is taken for that: fewer may be so by chance.
const HEAD_MIN: usize = 16;

/// Fetches pieces until the message ends or `urgent` says that something else waits; at least one piece each time. `wholly`: all of it at once.
pub(super) async fn download<S: Wire>(
    session: &mut Session<S>,
    open: &mut Open,
    urgent: impl Fn() -> bool,
    download: &mut Download,
    wholly: bool,
) -> Result<Ended, Error> {
    if download.to.is_closed() {
        // Whoever asked went away while it waited.
        return Ok(Ended::Whole);
    }
    open_at(session, open, &download.at, Some(download.uid)).await?;
    let doing = format!("to fetch a message of {}", download.at.name);
    if wholly {
        return all_of_it(session, &doing, download).await;
    }
    let mut flying: VecDeque<Pending> = VecDeque::new();
    let mut pieces = Pieces { uid: download.uid, wanted: VecDeque::new(), strays: false };
    let mut next = download.have;
    let (mut any, mut short_at, mut fly) = (false, None, FLYING);
    if next > 0 && download.head.is_empty() {
        let head = Command::uid_fetch_part(download.uid, 0, HEAD as u64);
        flying.push_back(session.start(&doing, &head).await?);
        pieces.wanted.push_back(Piece { from: 0, size: HEAD as u64, came: None });
    }
    loop {
        while flying.len() < fly && !(any && urgent()) {
            let piece = if next == 0 { FIRST } else { PIECE };
            let size = download.most.map_or(piece, |most| most.saturating_sub(next).min(piece));
            if size == 0 {
                break;
            }
            let command = Command::uid_fetch_part(download.uid, next, size);
            flying.push_back(session.start(&doing, &command).await?);
            pieces.wanted.push_back(Piece { from: next, size, came: None });
            next = next.saturating_add(size);
            any = true;
        }
        let Some(pending) = flying.pop_front() else {
            let whole = download.most.is_some_and(|most| download.have >= most);
            return Ok(if whole { Ended::Whole } else { Ended::Interrupted });
        };
        session.finish(pending, |response| pieces.take(response)).await?;
        let Some(Piece { from, size, came }) = pieces.wanted.pop_front() else { continue };
        let is_astray = came.is_none() && pieces.strays;
        let piece = came.unwrap_or_default();
        let bytes = piece.len() as u64;
        if is_astray || bytes > size || from > 0 && begins_again(&download.head, &piece) {
            drain(session, flying).await?;
            // It does not know parts.
            session.wholly = true;
            return all_of_it(session, &doing, download).await;
        }
        if from == 0 {
            download.head = piece.get(..HEAD).unwrap_or(&piece).to_vec();
            if download.have > 0 {
                continue;
            }
        }
        if download.have.saturating_add(bytes) > MESSAGE_MAX {
            return Err(Error::TooLarge { bytes: download.have.saturating_add(bytes), most: MESSAGE_MAX });
        }
        if bytes > 0 {
            if download.to.send(piece).await.is_err() {
                // Nobody wants it any more.
                drain(session, flying).await?;
                return Ok(Ended::Whole);
            }
            download.have = download.have.saturating_add(bytes);
        }
        if bytes == size {
            continue;
        }
        // What is on its way may leave a gap behind what came.
        drain(session, std::mem::take(&mut flying)).await?;
        pieces.wanted.clear();
        // Behind the end some servers say NIL, some nothing; and nothing is also what they say of a message that was removed, which must
        // not pass for its end.
        let said = match said_size(session, &doing, download.uid).await {
            Ok(Some(said)) => said,
            // What came has come, whatever the server makes of the question.
            Ok(None) if bytes > 0 => 0,
            Err(e) if bytes > 0 && e.session_lives() => 0,
            Ok(None) => return Err(Error::Gone { mailbox: download.at.name.to_string() }),
            Err(e) => return Err(e),
        };
        let lacks = download.have < download.most.unwrap_or(u64::MAX).min(u64::from(said));
        if !lacks {
            return Ok(Ended::Whole);
        }
        if short_at == Some(download.have) {
            return if is_cut_short(download.have, said) {
                Err(Error::CutShort { here: download.have, of: said })
            } else {
                Ok(Ended::Whole)
            };
        }
        // Where nothing came, at once, whatever else waits: it would be forgotten that it was asked for. And alone: the next is where this one ends.
        (short_at, next, any, fly) = (Some(download.have), download.have, bytes > 0, 1);
    }
}

/// Of a message that nobody wants any more, so much is read to its end. What is longer ends the session.
const UNWANTED_MAX: u64 = 4 << 20;

/// Fetches all of a message by one command, and hands on what is lacking.
async fn all_of_it<S: Wire>(session: &mut Session<S>, doing: &str, download: &mut Download) -> Result<Ended, Error> {
    let (at, uid) = (download.at.clone(), download.uid);
    let command = Command::uid_fetch(&UidSet::from(uid..=uid), Items::WholeDateless);
    let pending = session.start(doing, &command).await?;
    let mut found = HashMap::new();
    let mut rest = Rest::new(doing, download);
    let on = |response: &Response<'_>| take_of(&mut found, uid, response);
    let done = session.finish_apart(pending, uid, MESSAGE_MAX, on, &mut rest).await;
    match (done, session.violation) {
        // Another literal may be too large as well, or this one where the server names the message behind it.
        (Err(Error::Unreadable { .. }), Some(Violation::Literal(bytes))) if bytes > MESSAGE_MAX => {
            return Err(Error::TooLarge { bytes, most: MESSAGE_MAX });
        }
        (done, _) => drop(done?),
    }
    let found = found.remove(&uid).ok_or_else(|| Error::Gone { mailbox: at.name.to_string() })?;
    if rest.came == 0 {
        // It was no literal, or the server names the message behind it.
        for piece in found.body.as_deref().unwrap_or_default().chunks(APART_MAX) {
            rest.take(piece.to_vec(), 0).await?;
        }
    }
    rest.end().await?;
    let (here, is_wanted) = (rest.came, !rest.is_unwanted);
    if here < download.have {
        // More of it came before.
        let had = u32::try_from(download.have).unwrap_or(u32::MAX);
        return Err(Error::CutShort { here, of: found.bytes.unwrap_or_default().max(had) });
    }
    if is_wanted && download.have < download.most.unwrap_or(u64::MAX) {
        check_whole(here, found.bytes)?;
    }
    Ok(Ended::Whole)
}

/// What is lacking of a message that comes from its beginning.
struct Rest<'a> {
    doing: &'a str,
    download: &'a mut Download,
    /// What of it was here before.
    had: u64,
    /// Bytes of it that came.
    came: u64,
    /// The first of them, until it is seen whether they are the beginning of what was here.
    beginning: Vec<u8>,
    is_it: bool,
    is_unwanted: bool,
}

impl<'a> Rest<'a> {
    fn new(doing: &'a str, download: &'a mut Download) -> Self {
        let had = download.have;
        Self { doing, download, had, came: 0, beginning: Vec::new(), is_it: false, is_unwanted: false }
    }

    /// Sees whether it begins as what came of it before; hands on of the beginning what is lacking.
    async fn begin(&mut self) -> Result<(), Error> {
        self.is_it = true;
        let beginning = std::mem::take(&mut self.beginning);
        if self.had > 0 && !beginning.starts_with(&self.download.head) {
            let words = "it begins in another way than what came of it before".to_owned();
            return Err(Error::Nonsense { doing: self.doing.to_owned(), words });
        }
        self.download.head = beginning.get(..HEAD).unwrap_or(&beginning).to_vec();
        self.hand_on(beginning, 0).await
    }

    /// All of it came.
    async fn end(&mut self) -> Result<(), Error> {
        if self.is_it { Ok(()) } else { self.begin().await }
    }

    /// Hands on what is lacking of bytes that begin at `from`.
    async fn hand_on(&mut self, bytes: Vec<u8>, from: u64) -> Result<(), Error> {
        let wanted = self.download.most.unwrap_or(u64::MAX).saturating_sub(from);
        let most = usize::try_from(wanted).unwrap_or(usize::MAX).min(bytes.len());
        let skip = usize::try_from(self.had.saturating_sub(from)).unwrap_or(usize::MAX);
        let lacking =
            if skip == 0 && most == bytes.len() { bytes } else { bytes.get(skip..most).unwrap_or_default().to_vec() };
        let (had, more) = (self.download.have, lacking.len() as u64);
        if more > 0 && !self.is_unwanted {
            self.is_unwanted = self.download.to.send(lacking).await.is_err();
            self.download.have = had.saturating_add(if self.is_unwanted { 0 } else { more });
        }
        Ok(())
    }
}

impl Taker for Rest<'_> {
    async fn take(&mut self, bytes: Vec<u8>, left: u64) -> Result<(), Error> {
        let from = self.came;
        self.came = from.saturating_add(bytes.len() as u64);
        if self.is_it {
            self.hand_on(bytes, from).await?;
        } else {
            self.beginning.extend_from_slice(&bytes);
            if self.beginning.len() >= HEAD {
                self.begin().await?;
            }
        }
        if (self.is_unwanted || self.download.to.is_closed()) && left > UNWANTED_MAX {
            let words = "nobody waits for the rest of the message".to_owned();
            return Err(Error::Lost { doing: self.doing.to_owned(), words });
        }
        Ok(())
    }
}

/// As [`take`], of one message: whatever else comes is not held.
pub(super) fn take_of(items: &mut HashMap<u32, Item>, uid: u32, response: &Response<'_>) -> Use {
    if is_of(response, uid) { take(items, 1, response) } else { Use::Unasked }
}

/// Fails where what came of a message cannot be all of it.
pub(super) fn check_whole(here: u64, said: Option<u32>) -> Result<(), Error> {
    match said {
        Some(of) if is_cut_short(here, of) => Err(Error::CutShort { here, of }),
        _ => Ok(()),
    }
}

/// A message of the mailbox that is open, asked for as a whole.
pub(super) async fn whole<S: Wire>(
    session: &mut Session<S>,
    doing: &str,
    at: &MailboxAt,
    uid: u32,
    items: Items,
) -> Result<Item, Error> {
    let mut found = HashMap::new();
    let command = Command::uid_fetch(&UidSet::from(uid..=uid), items);
    session.run(doing, &command, |response| take_of(&mut found, uid, response)).await?;
    found.remove(&uid).ok_or_else(|| Error::Gone { mailbox: at.name.to_string() })
}

/// Whether a piece from the midst of a message begins as the message does: the server gave it from there. That a message repeats its own first lines, trace
/// fields and all, just where a piece begins, is not to be expected; then all of it is fetched at once, and no harm done.
fn begins_again(head: &[u8], piece: &[u8]) -> bool {
    let bytes = head.len().min(piece.len());
    bytes >= HEAD_MIN && head.get(..bytes) == piece.get(..bytes)
}

/// Whether what a server gave of a message cannot be all of it, by the RFC822.SIZE that it tells.
///
/// That is an estimate with some. Who keeps messages with bare line feeds may count two octets for each line end and hand out one: a fiftieth of a
/// message in base64, and never more than half, for each octet counted in excess stands for one that is there. Exchange tells the size of what it
/// stores where it does not know the other (MS-STANOIMAP §2.2.25), which is no MIME message: attachments are not encoded there, so that it tells too
/// little by up to a quarter; texts are there in several forms, so that it tells too much, by tens of hundredths where there is much text, but what
/// comes in pieces is large by its attachments. So what is here to the half is taken as all there is, and what is less is a failure: the message is
/// judged by its digest, and a beginning must not pass for it.
fn is_cut_short(here: u64, said: u32) -> bool {
    here < u64::from(said / 2)
}

/// A piece that was asked for.
struct Piece {
    from: u64,
    size: u64,
    came: Option<Vec<u8>>,
}

/// The pieces that are on their way, in the order in which they were asked for.
struct Pieces {
    uid: u32,
    wanted: VecDeque<Piece>,
    /// Something of the message came that begins where nothing was asked for.
    strays: bool,
}

impl Pieces {
    /// Puts what an answer brings to where it belongs: the piece that begins there, or, where the server does not say where it
    /// begins, the first that has not come.
    fn take(&mut self, response: &Response<'_>) -> Use {
        let Some(Item { body: Some(body), origin, .. }) = item(response).filter(|item| item.uid == self.uid) else {
            return Use::Unasked;
        };
        let is_it =
            |piece: &&mut Piece| piece.came.is_none() && origin.is_none_or(|origin| piece.from == u64::from(origin));
        match self.wanted.iter_mut().find(is_it) {
            Some(piece) => {
                piece.came = Some(body.to_vec());
                Use::Taken
            }
            None => {
                self.strays |= !self.wanted.iter().any(|piece| origin == u32::try_from(piece.from).ok());
                Use::Unasked
            }
        }
    }
}

/// The RFC822.SIZE of a message of the mailbox that is open, 0 where the server does not say; `None` where it has no such message.
async fn said_size<S: Wire>(session: &mut Session<S>, doing: &str, uid: u32) -> Result<Option<u32>, Error> {
    let mut items = HashMap::new();
    let command = Command::uid_fetch(&UidSet::from(uid..=uid), Items::Sizes);
    session.run(doing, &command, |response| take_of(&mut items, uid, response)).await?;
    Ok(items.remove(&uid).map(|item| item.bytes.unwrap_or_default()))
}

/// Reads what is still on its way.
async fn drain<S: Wire>(session: &mut Session<S>, flying: VecDeque<Pending>) -> Result<(), Error> {
    for pending in flying {
        session.finish(pending, |_| Use::Unasked).await?;
    }
    Ok(())
}
