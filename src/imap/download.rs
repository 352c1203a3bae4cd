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
//! A server may answer the second of two commands before it calls the first one done (RFC 9051 §5.5): Dovecot does so when it is busy, to look
//! at the mailbox once for both. So an answer is told by where its piece begins, never by the command that is being waited for.

use std::collections::{HashMap, VecDeque};

use imap_proto::Response;

use super::command::{Command, Items};
use super::error::Error;
use super::item::{Item, item};
use super::request::Download;
use super::serve::{Open, open_at};
use super::session::{Pending, Session, Use, Wire};
use super::sync::take;
use super::uid_set::UidSet;

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

/// Fetches pieces until the message ends or `urgent` says that something else waits; at least one piece each time.
pub(super) async fn download<S: Wire>(
    session: &mut Session<S>,
    open: &mut Open,
    urgent: impl Fn() -> bool,
    download: &mut Download,
) -> Result<Ended, Error> {
    if download.to.is_closed() {
        // Whoever asked went away while it waited.
        return Ok(Ended::Whole);
    }
    open_at(session, open, &download.at, Some(download.uid)).await?;
    let doing = format!("to fetch a message of {}", download.at.name);
    let mut flying: VecDeque<Pending> = VecDeque::new();
    let mut pieces = Pieces { uid: download.uid, wanted: VecDeque::new() };
    let mut next = download.have;
    let (mut any, mut short_at, mut fly) = (false, None, FLYING);
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
        let Some(Piece { size, came, .. }) = pieces.wanted.pop_front() else { continue };
        let piece = came.unwrap_or_default();
        let bytes = piece.len() as u64;
        if bytes > size || download.have.saturating_add(bytes) > MESSAGE_MAX {
            return Err(Error::Nonsense { doing, words: "the message does not end".to_owned() });
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
            None => Use::Unasked,
        }
    }
}

/// The RFC822.SIZE of a message of the mailbox that is open, 0 where the server does not say; `None` where it has no such message.
async fn said_size<S: Wire>(session: &mut Session<S>, doing: &str, uid: u32) -> Result<Option<u32>, Error> {
    let mut items = HashMap::new();
    let command = Command::uid_fetch(&UidSet::from(uid..=uid), Items::Sizes);
    session.run(doing, &command, |response| take(&mut items, 100, response)).await?;
    Ok(items.remove(&uid).map(|item| item.bytes.unwrap_or_default()))
}

/// Reads what is still on its way.
async fn drain<S: Wire>(session: &mut Session<S>, flying: VecDeque<Pending>) -> Result<(), Error> {
    for pending in flying {
        let mut nobody = HashMap::new();
        session.finish(pending, |response| take(&mut nobody, 100, response)).await?;
    }
    Ok(())
}
