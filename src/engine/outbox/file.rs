//! The copy of a sent message in the mailbox for sent mail: looked for first, so that it is filed once, also where the server files by itself.
//!
//! SEARCH HEADER is not to be relied upon everywhere. Exchange Online searches an index that may be minutes behind, Dovecot with a stale full-text
//! index may miss a message, and some servers take the criterion for any text or ignore it and name every message. So what is found is
//! looked at: only a message whose own header holds the Message-ID counts; and what is not found is never taken for "not sent". What was
//! synced of the mailbox is looked at before: it needs no search. Who files at all is said by [`super::copies`].

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::copies::{Next, filer};
use super::due::SENT_KEPT;
use super::worker::Worker;
use super::{locked, retry};
use crate::app::view::Tone;
use crate::imap;
use crate::mail::id::MailboxId;
use crate::store::flags::Flags;
use crate::store::mailbox::{Mailbox, SpecialUse};
use crate::store::outbox::{Delivery, OutboxEntry, OutboxState, Step};

/// Where the server alone is to file, and has not.
const OVERDUE: &str = "The server has filed no copy yet, and `sent_copy = \"server\"` leaves that to it; with \"auto\" casemail files one.";
/// What is said first of a row that was sent and whose account is gone.
pub(super) fn not_filed(account: &str) -> String {
    format!("No copy is filed, because its account, {account}, is no longer in the configuration")
}

/// All that is said of such a row, and until when it is kept: a week from when that was first said. One that not everybody has is kept until a person
/// has decided about the others.
fn unfileable(row: &OutboxEntry, now: Timestamp, zone: &TimeZone) -> (String, Option<Timestamp>) {
    let words = not_filed(&row.account);
    if row.state != OutboxState::SentNotFiled || row.count(Delivery::Refused) > 0 {
        return (format!("{words}. Put the account back for its copy, or take back what has not left."), None);
    }
    let said = row.next_attempt.filter(|_| row.reply.contains(&words));
    let until = said.or_else(|| now.checked_add(SENT_KEPT).ok());
    let day = until.map_or_else(String::new, |until| format!(" after {}", until.to_zoned(zone.clone()).date()));
    (format!("{words}: it is forgotten{day}. Put the account back for its copy."), until)
}

/// Rows that wait for a server that is out of reach are looked at again after this time, or as soon as it is back.
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
        match handle.is_named(found.at.clone(), *uid, message_id).await {
            Ok(true) => return Ok(Some(found.at)),
            Ok(false) => {}
            Err(error) if error.session_lives() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

impl Worker {
    /// Puts the copy of a sent message into `\Sent`, unless it is there, or the server is likely to put it there.
    pub(super) async fn file(&self, row: &OutboxEntry) -> Result<(), String> {
        let since = self.since();
        let (held, seen) = self.copies_held(row).await;
        if held {
            return self.is_filed(row.id).await;
        }
        if self.settings.config.account(Some(&row.account)).is_none() {
            self.later(row.id, retry::CEILING, since);
            let (words, until) = unfileable(row, self.settings.clock.now(), &self.settings.zone);
            return self.tell_once(row, &words, until).await;
        }
        let Some(handle) = self.handle(&row.account).await else {
            self.later(row.id, PAUSE, since);
            return Ok(());
        };
        let mut place = row.file_in.clone();
        let mut found = find(&handle, place.clone(), &row.message_id).await;
        // Not every server has a code for a mailbox that is not there (Dovecot has none at SELECT). One that is there is not made a second time.
        if let (Err(imap::Error::No { code: None, .. }), Some(name)) = (&found, &row.file_in)
            && let Ok(made) = handle.create_mailbox(name.clone(), Some(SpecialUse::Sent)).await
        {
            place = Some(made);
            found = find(&handle, place.clone(), &row.message_id).await;
        }
        let filed = match found {
            Ok(Some(_)) => Ok(()),
            Ok(None) => {
                let next = self.where_none_is(row, seen).await?;
                if let Next::Look(wait) | Next::Overdue(wait) = next {
                    // What came is synced: at the next look our own copy of the mailbox is asked, which needs no search.
                    handle.sync_now();
                    self.later(row.id, wait, since);
                    if matches!(next, Next::Overdue(_)) {
                        self.tell_once(row, OVERDUE, None).await?;
                    }
                    return Ok(());
                }
                self.append(row, &handle, place).await?
            }
            Err(error) => Err(error),
        };
        match filed {
            Ok(()) => {
                self.is_filed(row.id).await?;
                handle.sync_now();
            }
            // What the server says over a living session it will most likely say again soon: a full mailbox, one that may not be written to.
            Err(error) if error.session_lives() => {
                let (moment, chance) = (self.moment(), u32::from_le_bytes(crate::store::vault::random()));
                let wait = locked(&self.shared.copies).refused(row.id, moment, chance);
                self.later(row.id, wait, since);
                let next = SignedDuration::try_from(wait).ok().and_then(|wait| moment.now.checked_add(wait).ok());
                let words =
                    format!("The copy could not be filed: {error}. It is tried again by itself, less and less often.");
                self.tell_once(row, &words, next).await?;
            }
            Err(_) => self.later(row.id, PAUSE, since),
        }
        Ok(())
    }

    async fn append(
        &self,
        row: &OutboxEntry,
        handle: &imap::Handle,
        place: Option<String>,
    ) -> Result<Result<(), imap::Error>, String> {
        let id = row.id;
        let raw = self.blocking(move |stores| stores.state.outbox_raw(id)).await?;
        let flags = Flags::new(Flags::SEEN, Vec::new());
        locked(&self.shared.copies).told(id, self.moment().elapsed);
        let date = row.sent_at.map(Timestamp::as_second);
        Ok(handle.file_sent(place, raw.into(), flags, date).await.map(|_| ()))
    }

    /// What follows where the copy is not there. `seen`: this server was seen to file by itself.
    async fn where_none_is(&self, row: &OutboxEntry, seen: bool) -> Result<Next, String> {
        let by_own = row.route.is_none()
            || self.rows().await?.iter().any(|one| one.message_id == row.message_id && one.route.is_none());
        let filer = filer(self.settings.config.account(Some(&row.account)), by_own, seen);
        let moment = self.moment();
        Ok(locked(&self.shared.copies).not_found(row.id, row.sent_at, filer, moment))
    }

    /// By our own copy of the mailbox for sent mail: whether it holds the message; whether it holds one that we filed twice, so that the other
    /// one is the server's.
    async fn copies_held(&self, row: &OutboxEntry) -> (bool, bool) {
        let rows = self.rows().await.unwrap_or_default();
        let of_account = |one: &&OutboxEntry| one.account == row.account && one.filed && one.route.is_none();
        let filed: Vec<String> = rows.iter().filter(of_account).map(|one| one.message_id.clone()).collect();
        let (answer, answered) = tokio::sync::oneshot::channel();
        let (account, file_in, id) = (row.account.clone(), row.file_in.clone(), row.message_id.clone());
        self.core.front_of(self.number, move |_, open| {
            let is_sent = |mailbox: &&Mailbox| {
                let is_it = match &file_in {
                    Some(name) => mailbox.name == *name,
                    None => mailbox.state.special_use == Some(SpecialUse::Sent),
                };
                mailbox.account == account && is_it
            };
            let sent: Vec<MailboxId> = open.library.mailboxes().filter(is_sent).map(|mailbox| mailbox.id).collect();
            let count = |id: &str| {
                let keys = open.library.with_message_id(id);
                keys.iter().filter(|key| sent.contains(&key.mailbox)).count()
            };
            let _ = answer.send((count(&id) > 0, filed.iter().any(|id| count(id) > 1)));
        });
        answered.await.unwrap_or_default()
    }

    /// Says of a row why its copy is not filed yet: once, not at every try. `next`: when it is tried again, or forgotten.
    async fn tell_once(&self, row: &OutboxEntry, words: &str, next: Option<Timestamp>) -> Result<(), String> {
        let words = format!("{} {words}", super::settle::in_parts_or_sent(row));
        if row.reply != words {
            self.tell(Tone::Warning, words.clone());
        }
        let change = move |entry: &mut OutboxEntry| {
            entry.reply = words;
            // Where others still wait to be sent to, it is theirs.
            if entry.state == OutboxState::SentNotFiled {
                entry.next_attempt = next;
            }
        };
        self.update(row.id, change).await.map(drop)
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
                            // Why it was not filed before is over.
                            let sent = super::settle::in_parts_or_sent(entry);
                            if entry.reply.starts_with(&sent) {
                                entry.reply = sent;
                            }
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::{Delivery, OutboxEntry, OutboxState, unfileable};
    use crate::store::outbox::SmtpEnvelope;

    #[test]
    fn what_cannot_be_filed_is_kept_for_a_week_from_when_that_was_said() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let envelope = SmtpEnvelope { forward_paths: vec!["a".into(), "b".into()], ..SmtpEnvelope::default() };
        let mut row = OutboxEntry::new("work", "1@x.example", envelope, Timestamp::UNIX_EPOCH);
        row.set_all(Delivery::Waiting, Delivery::Sent);
        // Its copy was tried once more, while there was an account.
        (row.state, row.next_attempt) = (OutboxState::SentNotFiled, Some(at("2026-05-11T09:30:00Z")));
        let (words, until) = unfileable(&row, at("2026-05-11T09:00:00Z"), &TimeZone::UTC);
        assert_eq!(until, Some(at("2026-05-18T09:00:00Z")));
        assert!(words.ends_with("it is forgotten after 2026-05-18. Put the account back for its copy."), "{words}");
        (row.reply, row.next_attempt) = (format!("Sent. {words}"), until);
        assert_eq!(unfileable(&row, at("2026-05-13T09:00:00Z"), &TimeZone::UTC), (words, until), "said once");
        row.recipients[0].delivery = Delivery::Refused;
        let (words, until) = unfileable(&row, at("2026-05-13T09:00:00Z"), &TimeZone::UTC);
        assert!(until.is_none() && words.contains("take back what has not left"), "{words}");
    }
}
