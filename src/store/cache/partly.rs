//! Large messages that are here in part: see [`super::super::partial`].

use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use jiff::Timestamp;

use super::{Cache, CacheError, recovery};
use crate::mail::id::{MailboxId, MessageKey};
use crate::store::partial::{self, Of, Partial};
use crate::store::space;

impl Cache {
    fn partial_dir(&self) -> PathBuf {
        self.dir.join("partial")
    }

    /// What is here of a message of which the server said that it has `bytes`; an empty beginning where nothing is.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn partial(&self, message: MessageKey, bytes: u32) -> Result<Partial, CacheError> {
        let mailbox = self.mailbox(message.mailbox)?.ok_or(CacheError::NoMailbox(message.mailbox))?;
        space::check(&self.dir, self.space.batch_bytes)?;
        let of = Of { mailbox: message.mailbox.0, uid_validity: mailbox.uid_validity, uid: message.uid, bytes };
        Ok(Partial::open(&self.partial_dir(), self.blob_sealer()?, of)?)
    }

    /// Appends what follows.
    ///
    /// # Errors
    /// [`CacheError`]; what was here before is here still.
    pub fn append_partial(&self, partial: &mut Partial, bytes: &[u8]) -> Result<(), CacheError> {
        space::check(&self.dir, self.space.batch_bytes.saturating_add(bytes.len() as u64))?;
        Ok(partial.append(bytes)?)
    }

    /// Begins a message anew, of which what is here proved to be another's.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn restart_partial(&self, partial: Partial) -> Result<Partial, CacheError> {
        Ok(partial.restart(&self.partial_dir())?)
    }

    /// The message is whole: it moves to where whole messages lie. Gives its bytes.
    ///
    /// # Errors
    /// [`CacheError`]. Where there is no room for its row, what is here stays; a file that has moved and that no row came to name goes with the next
    /// opening, and the message is fetched again. (It is not put back: it might be of a message that has been destroyed since.)
    pub fn put_partial(&self, message: MessageKey, partial: Partial) -> Result<u64, CacheError> {
        space::check(&self.dir, self.space.batch_bytes)?;
        let (name, bytes) = partial.finish(&recovery::blob_dir(&self.dir))?;
        self.put_blob(message, name)?;
        Ok(bytes)
    }

    /// Removes what no longer has a use.
    pub(super) fn sweep_partials(&self, now: Timestamp) -> Result<(), CacheError> {
        let mailbox = |of: &Of| self.mailbox(MailboxId(of.mailbox)).ok().flatten();
        let wanted = |of: &Of| mailbox(of).is_some_and(|mailbox| mailbox.uid_validity == of.uid_validity);
        Ok(partial::sweep(&self.partial_dir(), self.blob_sealer()?, now.into(), &wanted)?)
    }

    /// Messages left: what is here of them in part goes along. It holds a piece of each, so failing to is an error.
    pub(super) fn forget_partials(&self, mailbox: MailboxId, uids: Option<&[u32]>) -> Result<(), CacheError> {
        let gone = |of: &Of| of.mailbox == mailbox.0 && uids.is_none_or(|uids| uids.contains(&of.uid));
        Ok(partial::sweep(&self.partial_dir(), self.blob_sealer()?, UNIX_EPOCH, &|of| !gone(of))?)
    }
}
