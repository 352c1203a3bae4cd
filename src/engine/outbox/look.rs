//! What became of a message whose connection was lost behind its last dot: looked for where it would be if it had been sent.
//!
//! In the mailbox for sent mail (servers that file by themselves), in INBOX (where one of the recipients is ourselves), in the mailbox of all
//! mail and in the others: first in our own copy of them, which no server's search can get wrong, then by SEARCH. To be found is proof only
//! where this try alone can have put it there. Not to be found proves nothing: then a person decides.

use std::collections::BTreeSet;
use std::time::Duration;

use super::file::{PAUSE, find};
use super::later::Since;
use super::retry;
use super::sent::{Proof, end_well};
use super::worker::Worker;
use crate::app::view::Tone;
use crate::engine::core::Stores;
use crate::mail::safe::SafeText;
use crate::store::mailbox::SpecialUse;
use crate::store::outbox::{Delivery, OutboxEntry, OutboxState, Trace};
use crate::store::state::{StateError, Write};

/// What is said of a row where that is so.
pub(super) const UNREAD: &str = "What earlier tries of it left behind is damaged and cannot be read.";
/// A message that was not found is looked for again after this time: it may come late.
const AGAIN: Duration = Duration::from_secs(10 * 60);
/// Mailboxes that are searched, the likely ones first.
const MAILBOXES_MAX: usize = 40;

/// What else may have put a copy of a message somewhere.
#[derive(Clone, Debug)]
struct Others {
    /// All rows of the outbox.
    rows: Vec<OutboxEntry>,
    /// What rows of the same batch left behind that were taken out, or whose doubt was given up. `None`: it cannot be read.
    traces: Option<Vec<Trace>>,
}

/// Whether a trace is of an earlier try of this row that went to everybody who is in doubt now: by the one or by the other, whoever is in doubt has
/// what is found.
fn has_all_of(trace: &Trace, row: &OutboxEntry) -> bool {
    let before: Vec<&str> = trace.addresses(Delivery::InDoubt).collect();
    trace.id == row.id && row.addresses(Delivery::InDoubt).all(|address| before.contains(&address))
}

/// Whether a message found in a mailbox shows that this row's try got through. `own`: our own addresses.
fn proves(row: &OutboxEntry, others: &Others, in_inbox: bool, own: &[String]) -> bool {
    let same = || others.rows.iter().filter(|other| other.message_id == row.message_id);
    // What was given up cannot be read: anything may have put it there.
    let Some(traces) = &others.traces else { return false };
    let traces: Vec<&Trace> = traces.iter().filter(|trace| trace.message_id == row.message_id).collect();
    // Another try that may have got through (a message with several routes is several rows) may have put it there as well.
    let rows_in_doubt = same().filter(|other| other.id != row.id).flat_map(|other| other.addresses(Delivery::InDoubt));
    let unlike = traces.iter().filter(|trace| !has_all_of(trace, row));
    let traces_in_doubt = unlike.flat_map(|trace| trace.addresses(Delivery::InDoubt));
    let others_in_doubt: Vec<&str> = rows_in_doubt.chain(traces_in_doubt).collect();
    let had: Vec<&str> = same()
        .flat_map(|other| other.addresses(Delivery::Sent))
        .chain(traces.iter().flat_map(|trace| trace.addresses(Delivery::Sent)))
        .collect();
    if had.is_empty() && same().all(|other| !other.filed) && others_in_doubt.is_empty() {
        return true;
    }
    // Accepted for others before, so the copy in the sent mailbox is theirs. What reached ourselves can only have come by the try that went to us.
    let is_own = |address: &str| own.iter().any(|one| one.eq_ignore_ascii_case(address));
    in_inbox
        && row.addresses(Delivery::InDoubt).any(is_own)
        && !had.into_iter().any(is_own)
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

/// The row as it is now, where nothing was done about its doubt while it was looked for. One that was sent again meanwhile and lost once more is in another
/// doubt, perhaps for others: what was found shows nothing of that.
fn in_the_same_doubt(write: &Write<'_>, looked_for: &OutboxEntry) -> Result<Option<OutboxEntry>, StateError> {
    let now = write.outbox_entry(looked_for.id)?;
    Ok(now.filter(|row| row.state == OutboxState::Uncertain && row.attempts == looked_for.attempts))
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
            let traces = match stores.state.outbox_traces(batch) {
                Ok(traces) => Some(traces),
                // What does not open costs its own message only.
                Err(error) if !error.may_pass() => None,
                Err(error) => return Err(error),
            };
            Ok(Others { rows: stores.state.outbox()?.0, traces })
        };
        self.blocking(read).await
    }

    /// Looks for an uncertain message where it would be if it had been sent.
    pub(super) async fn look_for(&self, row: &OutboxEntry) -> Result<(), String> {
        let since = self.since();
        let account = self.settings.config.account(Some(&row.account));
        let own: Vec<String> = account
            .map(|a| std::iter::once(&a.address).chain(&a.also).map(|one| one.addr.clone()).collect())
            .unwrap_or_default();
        let places = self.places(row).await;
        // Behind the look at our own copy: whatever made what is in it is known by now.
        let others = self.others(row).await?;
        // Our own copy first: it needs no connection.
        if let Some(place) = places.iter().find(|place| place.held && proves(row, &others, place.inbox, &own)) {
            return self.found(row, place.name.as_deref().unwrap_or_default()).await;
        }
        if !places.iter().any(|place| proves(row, &others, place.inbox, &own)) {
            return self.not_found(row, Vec::new(), others.traces.is_none(), since).await;
        }
        let Some(handle) = self.handle(&row.account).await else {
            self.later(row.id, if account.is_some() { PAUSE } else { retry::CEILING }, since);
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
        if looked.is_empty() {
            // Nothing could be searched: that is no word about any copy.
            self.later(row.id, AGAIN, since);
            return Ok(());
        }
        self.not_found(row, looked, false, since).await
    }

    async fn found(&self, row: &OutboxEntry, place: &str) -> Result<(), String> {
        let (looked_for, now) = (row.clone(), self.settings.clock.now());
        let proof = Proof::Found(SafeText::line(place).to_string());
        let words = proof.words();
        let done = self
            .blocking(move |stores| {
                stores.state.write(|write| match in_the_same_doubt(write, &looked_for)? {
                    Some(before) => end_well(write, &before, &proof, now).map(Some),
                    None => Ok(None),
                })
            })
            .await;
        self.announce();
        if let Some(change) = done? {
            self.tell(Tone::Good, words);
            self.note_sent(&change);
            // Others of it may still be to be sent to.
            self.wake.notify_one();
        }
        Ok(())
    }

    /// `unread`: what else may have put a copy somewhere cannot be read.
    async fn not_found(
        &self,
        row: &OutboxEntry,
        looked: Vec<String>,
        unread: bool,
        since: Since,
    ) -> Result<(), String> {
        // Somebody who asked while it was looked for may know of a copy that came behind the look.
        self.later(row.id, AGAIN, since);
        let (looked_for, now) = (row.clone(), self.settings.clock.now());
        let done = self
            .blocking(move |stores| {
                stores.state.write(|write| {
                    if in_the_same_doubt(write, &looked_for)?.is_some() {
                        write.update_outbox(looked_for.id, |entry| {
                            if let Some(doubt) = &mut entry.doubt {
                                (doubt.looked_at, doubt.looked_in) = (Some(now), looked);
                            }
                            if unread && !entry.reply.contains(UNREAD) {
                                entry.reply = format!("{} {UNREAD}", entry.reply).trim_start().to_owned();
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

    use super::{Known, Others, Place, in_the_same_doubt, places, proves};
    use crate::mail::id::OutboxId;
    use crate::store::mailbox::SpecialUse;
    use crate::store::outbox::Delivery::{self, InDoubt, Refused, Sent, Waiting};
    use crate::store::outbox::{OutboxEntry, OutboxRecipient, SmtpEnvelope, Step, Trace};
    use crate::store::state::State;
    use crate::store::vault::{Cost, Vault};

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
            let others = Others { rows: vec![row.clone()], traces: Some(vec![Trace::of(gone)]) };
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
        // Others had it before, whose row is gone.
        check(&alone, &gateway(Sent), false, false);
        let to_us = of(2, "1@a.example", &[(OWN, InDoubt)]);
        check(&to_us, &gateway(InDoubt), true, true);
        check(&to_us, &of(1, "1@a.example", &[(OWN, InDoubt)]), true, false);
    }

    #[test]
    fn the_copy_of_a_try_to_fewer_people_proves_nothing_of_one_to_more() {
        const A: &str = "a@copfs.gov.example";
        const B: &str = "b@copfs.gov.example";
        let own = [OWN.to_owned()];
        let of = |recipients: &[(&str, Delivery)]| OutboxEntry { id: OutboxId(1), ..row("1@a.example", recipients) };
        let check = |now: &[(&str, Delivery)], before: &[&[(&str, Delivery)]], in_inbox, expected| {
            let row = of(now);
            let traces = before.iter().map(|before| Trace::of(&of(before))).collect();
            let others = Others { rows: vec![row.clone()], traces: Some(traces) };
            assert_eq!(proves(&row, &others, in_inbox, &own), expected, "{now:?}\n{before:?}");
        };
        let both: &[(&str, Delivery)] = &[(A, InDoubt), (B, InDoubt)];
        let first: &[(&str, Delivery)] = &[(A, InDoubt), (B, Waiting)];
        // At the first try the server put b off; sent again by the user's word, it took both.
        check(both, &[first], false, false);
        check(both, &[first], true, false);
        check(both, &[both, first], false, false);
        check(both, &[both, both], false, true);
        check(first, &[both, first], false, true);
        // What came in to ourselves came by this try, where the one before did not go to us.
        check(&[(A, InDoubt), (OWN, InDoubt)], &[&[(A, InDoubt), (OWN, Waiting)]], true, true);
        check(&[(B, InDoubt), (OWN, InDoubt)], &[&[(B, Waiting), (OWN, InDoubt)]], true, false);
        // Nothing of the one before had left.
        check(both, &[&[(A, Waiting), (B, Waiting)]], false, true);
    }

    #[test]
    fn a_copy_is_no_proof_of_anybody_where_the_server_may_have_taken_it_for_another() {
        const A: &str = "a@copfs.gov.example";
        const B: &str = "b@copfs.gov.example";
        let own = [OWN.to_owned()];
        let of = |recipients: &[(&str, Delivery)]| OutboxEntry { id: OutboxId(1), ..row("1@a.example", recipients) };
        let check = |now: &[(&str, Delivery)], before: &[(&str, Delivery)], in_inbox, expected| {
            let row = of(now);
            let others = Others { rows: vec![row.clone()], traces: Some(Trace::one_by_one(&of(before))) };
            assert_eq!(proves(&row, &others, in_inbox, &own), expected, "{now:?}\n{before:?}");
        };
        let both: &[(&str, Delivery)] = &[(A, InDoubt), (B, InDoubt)];
        // Its own try.
        check(both, both, false, false);
        check(both, both, true, false);
        // Sent again by the user's word, and lost for one.
        check(&[(A, InDoubt), (B, Refused)], both, false, false);
        // One alone was in doubt: there is nobody else who may have it instead.
        check(&[(A, InDoubt), (B, Refused)], &[(A, InDoubt), (B, Refused)], false, true);
        // What came to ourselves says nothing of the other.
        let to_us: &[(&str, Delivery)] = &[(A, InDoubt), (OWN, InDoubt)];
        check(to_us, to_us, true, false);
        // It came by a later try, which went to both or to neither.
        check(to_us, both, true, true);
    }

    #[test]
    fn what_was_found_for_one_try_does_not_end_the_doubt_of_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::create_with(&dir.path().join("vault"), b"otter", Cost::TEST).unwrap();
        let state = State::open(&dir.path().join("state"), &vault).unwrap();
        let envelope = SmtpEnvelope { forward_paths: vec![OWN.into()], ..SmtpEnvelope::default() };
        let queued = OutboxEntry::new("work", "1@a.example", envelope, Timestamp::UNIX_EPOCH);
        let id = state.queue(queued, b"raw").unwrap();
        let lose = || {
            state.claim(id).unwrap().unwrap();
            state.update_outbox(id, |row| row.set_all(Waiting, InDoubt)).unwrap();
            state.step_outbox(id, Step::Lose, |_| {}).unwrap()
        };
        let is_the_same = |row: &OutboxEntry| state.write(|write| in_the_same_doubt(write, row)).unwrap().is_some();
        let looked_for = lose();
        assert!(is_the_same(&looked_for));
        state.step_outbox(id, Step::SendAgain, |row| row.set_all(InDoubt, Waiting)).unwrap();
        assert!(!is_the_same(&looked_for));
        let next = lose();
        assert!(!is_the_same(&looked_for) && is_the_same(&next));
    }

    #[test]
    fn what_was_given_up_and_cannot_be_read_may_have_been_anything() {
        let row = row("1@a.example", &[(OWN, InDoubt)]);
        let others = Others { rows: vec![row.clone()], traces: None };
        assert!(!proves(&row, &others, true, &[OWN.to_owned()]));
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
            let rows = Others { rows: all.clone(), traces: Some(Vec::new()) };
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
