//! What became of a message whose connection was lost behind its last dot: looked for where it would be if it had been sent.
//!
//! In the mailbox for sent mail (servers that file by themselves), in INBOX (where one of the recipients is ourselves), in the mailbox of all
//! mail and in the others: first in our own copy of them, which no server's search can get wrong, then by SEARCH. To be found is proof only
//! where this try alone can have put it there. Not to be found proves nothing: then a person decides.

use std::collections::BTreeSet;
use std::time::Duration;

use super::file::{PAUSE, find};
use super::later::Since;
use super::worker::Worker;
use crate::app::view::Tone;
use crate::mail::safe::SafeText;
use crate::store::mailbox::SpecialUse;
use crate::store::outbox::{Delivery, OutboxEntry, OutboxState, Step};

/// A message that was not found is looked for again after this time: it may come late.
const AGAIN: Duration = Duration::from_secs(10 * 60);
/// Mailboxes that are searched, the likely ones first.
const MAILBOXES_MAX: usize = 40;

/// Whether a message found in a mailbox shows that this row's try got through. `rows`: all rows of the outbox; `own`: our own addresses.
pub(super) fn proves(row: &OutboxEntry, rows: &[OutboxEntry], in_inbox: bool, own: &[String]) -> bool {
    let same = || rows.iter().filter(|other| other.message_id == row.message_id);
    // Another try that may have got through (a message with several routes is several rows) may have put it there as well.
    let others_in_doubt = || same().filter(|other| other.id != row.id && other.count(Delivery::InDoubt) > 0);
    if same().all(|other| other.count(Delivery::Sent) == 0 && !other.filed) && others_in_doubt().next().is_none() {
        return true;
    }
    // Accepted for others before, so the copy in the sent mailbox is theirs. What reached ourselves can only have come by the try that went to us.
    let is_own = |address: &str| own.iter().any(|one| one.eq_ignore_ascii_case(address));
    in_inbox
        && row.addresses(Delivery::InDoubt).any(is_own)
        && !same().any(|other| other.addresses(Delivery::Sent).any(is_own))
        && !others_in_doubt().any(|other| other.addresses(Delivery::InDoubt).any(is_own))
}

/// A mailbox that may hold it.
struct Place {
    name: Option<String>,
    inbox: bool,
    /// Our own copy of it holds the message.
    held: bool,
}

impl Worker {
    /// The mailboxes of the account: sent mail, INBOX, all mail, then the others.
    async fn places(&self, row: &OutboxEntry) -> Vec<Place> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let (account, id) = (row.account.clone(), row.message_id.clone());
        self.core.front_of(self.number, move |_, open| {
            let holding: BTreeSet<_> = open.library.with_message_id(&id).into_iter().map(|key| key.mailbox).collect();
            let mut places: Vec<(u8, String, bool)> = open
                .library
                .mailboxes()
                .filter(|mailbox| mailbox.account == account)
                .map(|mailbox| {
                    let rank = match mailbox.state.special_use {
                        Some(SpecialUse::Sent) => 0,
                        Some(SpecialUse::Inbox) => 1,
                        Some(SpecialUse::All) => 2,
                        Some(SpecialUse::Junk | SpecialUse::Trash | SpecialUse::Drafts) => 4,
                        _ => 3,
                    };
                    (rank, mailbox.name.clone(), holding.contains(&mailbox.id))
                })
                .collect();
            places.sort();
            let _ = answer.send(places);
        });
        let known = answered.await.unwrap_or_default();
        let mut places = vec![Place { name: row.file_in.clone(), inbox: false, held: false }];
        let inbox = known.iter().any(|(_, name, _)| name == "INBOX");
        if !inbox {
            places.push(Place { name: Some("INBOX".to_owned()), inbox: true, held: false });
        }
        let others = known.into_iter().filter(|(_, name, _)| Some(name) != row.file_in.as_ref());
        places.extend(others.map(|(_, name, held)| Place { inbox: name == "INBOX", name: Some(name), held }));
        places.truncate(MAILBOXES_MAX);
        places
    }

    /// Looks for an uncertain message where it would be if it had been sent.
    pub(super) async fn look_for(&self, row: &OutboxEntry) -> Result<(), String> {
        let since = self.since();
        let rows = self.rows().await?;
        let own: Vec<String> = self
            .settings
            .config
            .account(Some(&row.account))
            .map(|a| std::iter::once(&a.address).chain(&a.also).map(|one| one.addr.clone()).collect())
            .unwrap_or_default();
        let places = self.places(row).await;
        // Our own copy first: it needs no connection.
        if let Some(place) = places.iter().find(|place| place.held && proves(row, &rows, place.inbox, &own)) {
            return self.found(row, place.name.as_deref().unwrap_or_default()).await;
        }
        let Some(handle) = self.handle(&row.account).await else {
            self.later(row.id, PAUSE, since);
            return Ok(());
        };
        let mut looked = Vec::new();
        for place in places.iter().filter(|place| proves(row, &rows, place.inbox, &own)) {
            match find(&handle, place.name.clone(), &row.message_id).await {
                Ok(Some(at)) => {
                    // Another row of it may have been sent while we looked.
                    if proves(row, &self.rows().await?, place.inbox, &own) {
                        return self.found(row, &at.name).await;
                    }
                }
                Ok(None) => looked.push(place.name.clone().unwrap_or_else(|| "the sent mailbox".to_owned())),
                // A mailbox that cannot be searched costs itself.
                Err(error) if error.session_lives() => {}
                Err(_) => {
                    self.later(row.id, PAUSE, since);
                    return Ok(());
                }
            }
        }
        self.not_found(row, looked, since).await
    }

    async fn found(&self, row: &OutboxEntry, place: &str) -> Result<(), String> {
        let now = self.settings.clock.now();
        let words = format!("It was sent: the server has it in {}.", SafeText::line(place));
        self.tell(Tone::Good, words.clone());
        self.cleared(row, words, now).await?;
        self.wake.notify_one();
        Ok(())
    }

    /// Those in doubt have it.
    async fn cleared(&self, row: &OutboxEntry, words: String, now: jiff::Timestamp) -> Result<(), String> {
        let id = row.id;
        let done = self
            .blocking(move |stores| {
                stores.state.write(|write| {
                    let Some(found) = write.outbox_entry(id)? else { return Ok(()) };
                    if found.state != OutboxState::Uncertain {
                        return Ok(());
                    }
                    let change = |entry: &mut OutboxEntry| {
                        has_it(entry, now);
                        entry.reply = words;
                    };
                    write.step_outbox(id, clearing_step(&found), change).map(|_| ())
                })
            })
            .await;
        self.announce();
        done
    }

    async fn not_found(&self, row: &OutboxEntry, looked: Vec<String>, since: Since) -> Result<(), String> {
        // Somebody who asked while it was looked for may know of a copy that came behind the look.
        self.later(row.id, AGAIN, since);
        let (id, now) = (row.id, self.settings.clock.now());
        let done = self
            .blocking(move |stores| {
                stores.state.write(|write| {
                    let still = write.outbox_entry(id)?.is_some_and(|row| row.state == OutboxState::Uncertain);
                    if still {
                        write.update_outbox(id, |entry| {
                            if let Some(doubt) = &mut entry.doubt {
                                (doubt.looked_at, doubt.looked_in) = (Some(now), looked);
                            }
                        })?;
                    }
                    Ok(())
                })
            })
            .await;
        self.announce();
        done
    }
}

/// Everybody in doubt has it.
pub(super) fn has_it(entry: &mut OutboxEntry, now: jiff::Timestamp) {
    entry.set_all(Delivery::InDoubt, Delivery::Sent);
    entry.sent_at.get_or_insert(now);
    entry.next_attempt = None;
}

/// The step of a row whose doubt ends well.
pub(super) fn clearing_step(row: &OutboxEntry) -> Step {
    match (row.count(Delivery::Waiting), row.filed) {
        (0, false) => Step::Accept,
        (0, true) => Step::AcceptFiled,
        _ => Step::Clear,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::proves;
    use crate::mail::id::OutboxId;
    use crate::store::outbox::Delivery::{self, InDoubt, Sent, Waiting};
    use crate::store::outbox::{OutboxEntry, OutboxRecipient, SmtpEnvelope};

    const OWN: &str = "b.quill@quillpounce.example";

    fn row(message_id: &str, recipients: &[(&str, Delivery)]) -> OutboxEntry {
        let mut row = OutboxEntry::new("work", message_id, SmtpEnvelope::default(), Timestamp::UNIX_EPOCH);
        row.recipients = recipients
            .iter()
            .map(|(address, delivery)| OutboxRecipient { delivery: *delivery, ..OutboxRecipient::new(*address) })
            .collect();
        row
    }

    #[test]
    fn what_is_found_proves_a_try_only_where_no_other_can_have_put_it_there() {
        let own = [OWN.to_owned()];
        let check = |row: &OutboxEntry, others: &[OutboxEntry], in_inbox, expected| {
            let mut all: Vec<OutboxEntry> = std::iter::once(row).chain(others).cloned().collect();
            (1..).zip(&mut all).for_each(|(id, row)| row.id = OutboxId(id));
            assert_eq!(proves(&all[0], &all, in_inbox, &own), expected, "{row:?}\n{others:?}");
        };
        let alone = row("1@a.example", &[("h.lintwhite@copfs.gov.example", InDoubt)]);
        check(&alone, &[], false, true);
        check(&alone, &[], true, true);
        // By another route the same message was accepted: its copy is filed under the same Message-ID.
        let by_gateway = row("1@a.example", &[("x@cjsm.net", Sent)]);
        check(&alone, std::slice::from_ref(&by_gateway), false, false);
        check(&alone, &[row("1@a.example", &[("x@cjsm.net", Waiting)])], false, true);
        check(&alone, &[row("2@a.example", &[("x@cjsm.net", Sent)])], false, true);
        // By another route nobody knows either: the copy may be of that try.
        let lost_too = row("1@a.example", &[("x@cjsm.net", InDoubt)]);
        check(&alone, std::slice::from_ref(&lost_too), false, false);
        check(&alone, std::slice::from_ref(&lost_too), true, false);
        // Earlier tries of the same row were accepted for others.
        let second = row("1@a.example", &[("a@copfs.gov.example", Sent), ("b@copfs.gov.example", InDoubt)]);
        check(&second, &[], false, false);
        check(&second, &[], true, false);
        // It went to ourselves, and nothing but this try did.
        let to_us =
            row("1@a.example", &[("h.lintwhite@copfs.gov.example", InDoubt), ("B.Quill@quillpounce.example", InDoubt)]);
        check(&to_us, std::slice::from_ref(&by_gateway), true, true);
        check(&to_us, std::slice::from_ref(&by_gateway), false, false);
        check(&to_us, &[row("1@a.example", &[(OWN, Sent)])], true, false);
        check(&to_us, std::slice::from_ref(&lost_too), true, true);
        check(&to_us, &[row("1@a.example", &[(OWN, InDoubt)])], true, false);
    }
}
