//! The copy of a sent message in the mailbox for sent mail: looked for first, so that it is filed once, also where the server files by itself.
//!
//! SEARCH HEADER is not to be relied upon everywhere. Exchange Online searches an index that may be minutes behind, Dovecot with a stale full-text
//! index may miss a message, and some servers take the criterion for any text or ignore it and name every message. So what is found is
//! looked at: only a message whose own header holds the Message-ID counts; and what is not found is never taken for "not sent".

use std::time::Duration;

use jiff::Timestamp;

use super::worker::Worker;
use crate::app::view::Tone;
use crate::imap;
use crate::mail::headers::Headers;
use crate::store::flags::Flags;
use crate::store::outbox::{OutboxEntry, OutboxState, Step};

/// Rows that wait for the IMAP server are looked at again after this time.
pub(super) const PAUSE: Duration = Duration::from_secs(20);
/// Hits that are looked at: a server that finds more has not searched.
const HITS_MAX: usize = 3;

/// The mailbox of these that holds the message, if it does: by SEARCH, and by the header of what that finds.
pub(super) async fn find(
    handle: &imap::Handle,
    mailbox: Option<String>,
    message_id: &str,
) -> Result<Option<imap::MailboxAt>, imap::Error> {
    let found = match handle.find(mailbox, message_id.to_owned()).await {
        Ok(found) => found,
        Err(imap::Error::NoMailbox { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    for uid in found.uids.iter().rev().take(HITS_MAX) {
        let bytes = match handle.fetch(found.at.clone(), *uid).await {
            Ok(fetched) => match fetched.body {
                imap::Body::Whole(bytes) | imap::Body::Header(bytes) => bytes,
                imap::Body::Unfetchable(_) => continue,
            },
            Err(error) if error.session_lives() => continue,
            Err(error) => return Err(error),
        };
        if Headers::parse(bytes).message_id().as_deref() == Some(message_id) {
            return Ok(Some(found.at));
        }
    }
    Ok(None)
}

impl Worker {
    /// Puts the copy of a sent message into `\Sent`, unless it is there.
    pub(super) async fn file(&self, row: &OutboxEntry) -> Result<(), String> {
        let since = self.since();
        let Some(handle) = self.handle(&row.account).await else {
            self.later(row.id, PAUSE, since);
            return Ok(());
        };
        let id = row.id;
        let filed = match find(&handle, row.file_in.clone(), &row.message_id).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => {
                let raw = self.blocking(move |stores| stores.state.outbox_raw(id)).await?;
                let flags = Flags::new(Flags::SEEN, Vec::new());
                let date = row.sent_at.map(Timestamp::as_second);
                handle.append(row.file_in.clone(), raw.into(), flags, date).await.map(|_| ())
            }
            Err(error) => Err(error),
        };
        match filed {
            Ok(()) => {
                self.is_filed(id).await?;
                handle.sync_now();
            }
            Err(error) => {
                let words = format!("{} The copy could not be filed: {error}", super::settle::in_parts_or_sent(row));
                // Told once, not at every try.
                if error.session_lives() && row.reply != words {
                    self.tell(Tone::Warning, words.clone());
                    self.update(id, move |entry| entry.reply = words).await?;
                }
                self.later(id, PAUSE, since);
            }
        }
        Ok(())
    }

    /// Writes down that the copy is there. The row may have moved on meanwhile: others of it may be on the wire.
    async fn is_filed(&self, id: crate::mail::id::OutboxId) -> Result<(), String> {
        let done = self
            .blocking(move |stores| {
                stores.state.write(|write| {
                    let Some(row) = write.outbox_entry(id)? else { return Ok(()) };
                    if row.state == OutboxState::SentNotFiled {
                        write.step_outbox(id, Step::File, |entry| {
                            entry.filed = true;
                            entry.next_attempt = None;
                        })?;
                    } else {
                        write.update_outbox(id, |entry| entry.filed = true)?;
                    }
                    Ok(())
                })
            })
            .await;
        self.announce();
        done
    }
}
