//! What became of a message whose connection was lost behind its last dot: looked for where it would be if it had been sent.
//!
//! In the mailbox for sent mail (servers that file by themselves), in INBOX (where one of the recipients is ourselves), in the mailbox of all
//! mail and in the others: first in our own copy of them, which no server's search can get wrong, then by SEARCH. To be found is proof only
//! where this try alone can have put it there. Not to be found proves nothing: then a person decides.

use std::collections::BTreeSet;
use std::time::Duration;

use super::file::{PAUSE, find};
use super::later::Since;
use super::sent::{Proof, end_well};
use super::worker::Worker;
use crate::app::view::Tone;
use crate::engine::core::Stores;
use crate::mail::safe::SafeText;
use crate::store::mailbox::SpecialUse;
use crate::store::outbox::{Delivery, OutboxEntry, OutboxState, Trace};

/// A message that was not found is looked for again after this time: it may come late.
const AGAIN: Duration = Duration::from_secs(10 * 60);
/// Mailboxes that are searched, the likely ones first.
const MAILBOXES_MAX: usize = 40;

/// What else may have put a copy of a message somewhere.
#[derive(Clone, Debug, Default)]
struct Others {
    /// All rows of the outbox.
    rows: Vec<OutboxEntry>,
    /// What rows of the same batch left behind that were taken out, or whose doubt was given up.
    traces: Vec<Trace>,
}

/// Whether a message found in a mailbox shows that this row's try got through. `own`: our own addresses.
fn proves(row: &OutboxEntry, others: &Others, in_inbox: bool, own: &[String]) -> bool {
    let same = || others.rows.iter().filter(|other| other.message_id == row.message_id);
    // Another try that may have got through (a message with several routes is several rows) may have put it there as well.
    let rows_in_doubt = same().filter(|other| other.id != row.id).flat_map(|other| other.addresses(Delivery::InDoubt));
    let traces = others.traces.iter().filter(|trace| trace.message_id == row.message_id && trace.id != row.id);
    let traces_in_doubt = traces.flat_map(|trace| trace.addresses(Delivery::InDoubt));
    let others_in_doubt: Vec<&str> = rows_in_doubt.chain(traces_in_doubt).collect();
    if same().all(|other| other.count(Delivery::Sent) == 0 && !other.filed) && others_in_doubt.is_empty() {
        return true;
    }
    // Accepted for others before, so the copy in the sent mailbox is theirs. What reached ourselves can only have come by the try that went to us.
    let is_own = |address: &str| own.iter().any(|one| one.eq_ignore_ascii_case(address));
    in_inbox
        && row.addresses(Delivery::InDoubt).any(is_own)
        && !same().any(|other| other.addresses(Delivery::Sent).any(is_own))
        && !others_in_doubt.into_iter().any(is_own)
}

/// A mailbox that may hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    name: Option<String>,
    inbox: bool,
    /// Our own copy of it holds the message.
    held: bool,
}

/// A mailbox of the account, as far as it is known here.
struct Known {
    name: String,
    special_use: Option<SpecialUse>,
    /// As [`Place::held`].
    held: bool,
}

/// Where it may be: the mailbox for sent mail, INBOX, all mail, then the others. `file_in`: the one that copies are filed in, where the user names one.
/// Not among drafts: what lies there was not sent by that.
fn places(file_in: Option<&str>, mut known: Vec<Known>) -> Vec<Place> {
    let is_inbox = |name: &str| name.eq_ignore_ascii_case("INBOX");
    let is_filed_in = |name: &str| file_in.is_some_and(|own| own == name || is_inbox(own) && is_inbox(name));
    known.sort_by_key(|mailbox| {
        let rank = match mailbox.special_use {
            Some(SpecialUse::Sent) => 0,
            Some(SpecialUse::Inbox) => 1,
            Some(SpecialUse::All) => 2,
            Some(SpecialUse::Junk | SpecialUse::Trash) => 4,
            _ => 3,
        };
        (rank, mailbox.name.clone())
    });
    let held = known.iter().any(|mailbox| mailbox.held && is_filed_in(&mailbox.name));
    // What is filed in INBOX did not come in by that.
    let mut places = vec![Place { name: file_in.map(str::to_owned), inbox: false, held }];
    if !known.iter().any(|mailbox| is_inbox(&mailbox.name)) && !is_filed_in("INBOX") {
        places.push(Place { name: Some("INBOX".to_owned()), inbox: true, held: false });
    }
    let others = known.into_iter().filter(|mailbox| !is_filed_in(&mailbox.name));
    let others = others.filter(|mailbox| mailbox.special_use != Some(SpecialUse::Drafts));
    places.extend(others.map(|mailbox| Place {
        inbox: is_inbox(&mailbox.name),
        name: Some(mailbox.name),
        held: mailbox.held,
    }));
    places.truncate(MAILBOXES_MAX);
    places
}

impl Worker {
    /// Where a row may be, by the mailboxes of its account.
    async fn places(&self, row: &OutboxEntry) -> Vec<Place> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let (account, id) = (row.account.clone(), row.message_id.clone());
        self.core.front_of(self.number, move |_, open| {
            let holding: BTreeSet<_> = open.library.with_message_id(&id).into_iter().map(|key| key.mailbox).collect();
            let of_account = open.library.mailboxes().filter(|mailbox| mailbox.account == account);
            let known = of_account.map(|mailbox| Known {
                name: mailbox.name.clone(),
                special_use: mailbox.state.special_use,
                held: holding.contains(&mailbox.id),
            });
            let _ = answer.send(known.collect());
        });
        places(row.file_in.as_deref(), answered.await.unwrap_or_default())
    }

    async fn others(&self, row: &OutboxEntry) -> Result<Others, String> {
        let batch = row.batch;
        let read = move |stores: &Stores| {
            Ok(Others { rows: stores.state.outbox()?.0, traces: stores.state.outbox_traces(batch)? })
        };
        self.blocking(read).await
    }

    /// Looks for an uncertain message where it would be if it had been sent.
    pub(super) async fn look_for(&self, row: &OutboxEntry) -> Result<(), String> {
        let since = self.since();
        let others = self.others(row).await?;
        let own: Vec<String> = self
            .settings
            .config
            .account(Some(&row.account))
            .map(|a| std::iter::once(&a.address).chain(&a.also).map(|one| one.addr.clone()).collect())
            .unwrap_or_default();
        let places = self.places(row).await;
        // Our own copy first: it needs no connection.
        if let Some(place) = places.iter().find(|place| place.held && proves(row, &others, place.inbox, &own)) {
            return self.found(row, place.name.as_deref().unwrap_or_default()).await;
        }
        let Some(handle) = self.handle(&row.account).await else {
            self.later(row.id, PAUSE, since);
            return Ok(());
        };
        let mut looked = Vec::new();
        for place in places.iter().filter(|place| proves(row, &others, place.inbox, &own)) {
            match find(&handle, place.name.clone(), &row.message_id).await {
                Ok(Some(at)) => {
                    // Another row of it may have been sent while we looked.
                    if proves(row, &self.others(row).await?, place.inbox, &own) {
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
        let (id, now) = (row.id, self.settings.clock.now());
        let proof = Proof::Found(SafeText::line(place).to_string());
        let words = proof.words();
        let done = self
            .blocking(move |stores| {
                stores.state.write(|write| {
                    let found = write.outbox_entry(id)?.filter(|found| found.state == OutboxState::Uncertain);
                    let Some(before) = found else { return Ok(None) };
                    let after = end_well(write, &before, &proof, now)?;
                    Ok(Some((before, after)))
                })
            })
            .await;
        self.announce();
        if let Some((before, after)) = done? {
            self.tell(Tone::Good, words);
            self.note_sent(&before, &after);
            // Others of it may still be to be sent to.
            self.wake.notify_one();
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Known, Others, Place, places, proves};
    use crate::mail::id::OutboxId;
    use crate::store::mailbox::SpecialUse;
    use crate::store::outbox::Delivery::{self, InDoubt, Sent, Waiting};
    use crate::store::outbox::{OutboxEntry, OutboxRecipient, SmtpEnvelope, Trace};

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
    fn what_a_try_that_was_given_up_may_have_put_there_proves_nothing() {
        let own = [OWN.to_owned()];
        let check = |row: &OutboxEntry, gone: &OutboxEntry, in_inbox, expected| {
            let others = Others { rows: vec![row.clone()], traces: vec![Trace::of(gone)] };
            assert_eq!(proves(row, &others, in_inbox, &own), expected, "{row:?}\n{gone:?}");
        };
        let of = |id: u64, message_id: &str, recipients: &[(&str, Delivery)]| {
            let mut row = row(message_id, recipients);
            row.id = OutboxId(id);
            row
        };
        let gateway = |delivery| of(1, "1@a.example", &[("x@cjsm.net", delivery)]);
        let alone = of(2, "1@a.example", &[("h.lintwhite@copfs.gov.example", InDoubt)]);
        check(&alone, &gateway(InDoubt), false, false);
        check(&alone, &gateway(InDoubt), true, false);
        // Nothing of that one had left.
        check(&alone, &gateway(Waiting), false, true);
        check(&alone, &of(1, "2@a.example", &[("x@cjsm.net", InDoubt)]), false, true);
        // Its own try of before: whoever is in doubt has it by the one or by the other.
        check(&alone, &alone, false, true);
        let to_us = of(2, "1@a.example", &[(OWN, InDoubt)]);
        check(&to_us, &gateway(InDoubt), true, true);
        check(&to_us, &of(1, "1@a.example", &[(OWN, InDoubt)]), true, false);
    }

    #[test]
    fn it_is_looked_for_where_it_would_be_and_our_own_copy_of_every_mailbox_counts() {
        let check = |file_in: Option<&str>, known: &[(&str, Option<SpecialUse>, bool)], expected: &[&str]| {
            let known = known.iter().map(|(name, special_use, held)| Known {
                name: (*name).to_owned(),
                special_use: *special_use,
                held: *held,
            });
            let said = |place: &Place| {
                let name = place.name.as_deref().unwrap_or("\\Sent");
                let (inbox, held) = (if place.inbox { " in" } else { "" }, if place.held { " held" } else { "" });
                format!("{name}{inbox}{held}")
            };
            let found: Vec<String> = places(file_in, known.collect()).iter().map(said).collect();
            assert_eq!(found, expected, "{file_in:?}");
        };
        let all = [
            ("Drafts", Some(SpecialUse::Drafts), true),
            ("Weir", None, false),
            ("Trash", Some(SpecialUse::Trash), false),
            ("Archive", Some(SpecialUse::All), false),
            ("INBOX", Some(SpecialUse::Inbox), true),
            ("Sent", Some(SpecialUse::Sent), true),
        ];
        check(None, &all, &["\\Sent", "Sent held", "INBOX in held", "Archive", "Weir", "Trash"]);
        check(Some("Sent"), &all, &["Sent held", "INBOX in held", "Archive", "Weir", "Trash"]);
        check(Some("Weir"), &all, &["Weir", "Sent held", "INBOX in held", "Archive", "Trash"]);
        // What is filed in INBOX by ourselves did not come in there.
        check(Some("inbox"), &all, &["inbox held", "Sent held", "Archive", "Weir", "Trash"]);
        check(Some("Weir"), &[], &["Weir", "INBOX in"]);
    }

    #[test]
    fn what_is_found_proves_a_try_only_where_no_other_can_have_put_it_there() {
        let own = [OWN.to_owned()];
        let check = |row: &OutboxEntry, others: &[OutboxEntry], in_inbox, expected| {
            let mut all: Vec<OutboxEntry> = std::iter::once(row).chain(others).cloned().collect();
            (1..).zip(&mut all).for_each(|(id, row)| row.id = OutboxId(id));
            let rows = Others { rows: all.clone(), ..Others::default() };
            assert_eq!(proves(&all[0], &rows, in_inbox, &own), expected, "{row:?}\n{others:?}");
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
