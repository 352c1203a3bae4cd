//! Telling a server of a message that is to be filed, and looking for one whose answer was lost.

use super::{Teller, digest_of, later};
use crate::engine::changes::queue::{Batch, Outcome};
use crate::imap::{Error, MailboxAt};
use crate::store::flags::Flags;
use crate::store::state::StateError;

/// Hits of a search that are looked at.
const HITS_MAX: usize = 20;

impl Teller<'_> {
    /// What became of an APPEND without an answer; `None`: the message is not there. By Message-ID, or to the byte.
    async fn appended_before(
        &self,
        batch: &Batch,
        mailbox: &str,
        message_id: &str,
        raw: &[u8],
        above: u32,
    ) -> Result<Option<Outcome>, Error> {
        let is_rebuilt = |found: &MailboxAt| batch.begun_in.is_some_and(|of| of != found.uid_validity);
        let mut is_new = false;
        if !message_id.is_empty() {
            let found = self.handle.find(Some(mailbox.to_owned()), message_id.to_owned()).await?;
            is_new = is_rebuilt(&found.at);
            if !is_new {
                // Some servers take what is looked for for any text, or name every message.
                let mut hits = found.uids.iter().copied().filter(|uid| *uid > above).rev();
                for uid in hits.by_ref().take(HITS_MAX) {
                    match self.handle.is_named(found.at.clone(), uid, message_id).await {
                        Ok(true) => {
                            return Ok(Some(Outcome::Appended { uid: Some((found.at.uid_validity, uid)) }));
                        }
                        Ok(false) | Err(Error::Gone { .. }) => {}
                        // Nobody has looked at it yet.
                        Err(error) if error.session_lives() => return Ok(Some(later(&error.to_string()))),
                        Err(error) => return Err(error),
                    }
                }
                if hits.next().is_none() {
                    return Ok(None);
                }
                // So many hits are no search: what came since is compared by itself.
            }
            if is_new && found.uids.is_empty() {
                return Ok(None);
            }
            // Rebuilt meanwhile: its UIDs do not say any more which of them came since.
        }
        let mut arrived = self.handle.arrived(mailbox.to_owned(), if is_new { 0 } else { above }).await?;
        if !is_new && is_rebuilt(&arrived.at) {
            is_new = true;
            arrived = self.handle.arrived(mailbox.to_owned(), 0).await?;
        }
        let bytes = u32::try_from(raw.len()).unwrap_or(u32::MAX);
        if let Some(uid) = self.same_among(&arrived, bytes, digest_of(raw), &[]).await? {
            return Ok(Some(Outcome::Appended { uid: Some((arrived.at.uid_validity, uid)) }));
        }
        if arrived.messages.is_empty() {
            return Ok(None);
        }
        // A server may keep a message otherwise than it was sent (Exchange does), so that one of these may be it.
        let (since, what) = match (is_new, message_id.is_empty()) {
            (false, true) => ("came there since", "has no Message-ID to look for"),
            (false, false) => ("came there since", "is not told apart by the server's search"),
            (true, true) => ("are there since the server rebuilt it", "has no Message-ID to look for"),
            (true, false) => ("are there since the server rebuilt it", "may have been there before"),
        };
        let why = format!(
            "no answer came when {mailbox} was told, and the message {what}: one of the {} that {since} may be it",
            arrived.messages.len()
        );
        Ok(Some(Outcome::Doubtful { why }))
    }

    pub(super) async fn append(
        &self,
        batch: &Batch,
        mailbox: &str,
        flags: &Flags,
        date: Option<i64>,
        message_id: &str,
    ) -> Result<Outcome, Error> {
        let Some(&seq) = batch.seqs.first() else { return Ok(Outcome::Refused { why: "there is no row".into() }) };
        let raw = match self.blocking(move |stores| stores.state.change_raw(seq)).await {
            Some(Ok(raw)) => raw,
            Some(Err(error @ StateError::Damaged { .. })) => return Ok(Outcome::Refused { why: error.to_string() }),
            Some(Err(error)) => return Ok(later(&error.to_string())),
            None => return Ok(later("the message could not be read")),
        };
        if let Some(above) = batch.begun
            && let Some(found) = self.appended_before(batch, mailbox, message_id, &raw, above).await?
        {
            return Ok(found);
        }
        let (of, above) = match batch.begun {
            Some(above) => (batch.begun_in, above),
            None => self.known_up_to(&batch.account, mailbox).await,
        };
        if !self.begin(batch, above, of).await {
            return Ok(later("it could not be noted before it was told"));
        }
        let appended = self.handle.append(mailbox.to_owned(), raw.into(), flags.clone(), date).await?;
        Ok(Outcome::Appended { uid: appended.uid })
    }
}
