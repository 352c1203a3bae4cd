//! Taking back: the draft that a message was made of is kept, with those recipients who have not got it and the files that they have not got, in the
//! same transaction that takes the rows out. No word is lost, and nothing is said to be unsent that somebody may have.

use std::collections::BTreeSet;

use super::look::UNREAD;
use crate::engine::core::EngineError;
use crate::engine::draft_file;
use crate::mail::draft::{Attachment, Draft};
use crate::mail::id::{DraftId, OutboxId};
use crate::mail::message::Message;
use crate::store::outbox::{Delivery, OutboxEntry, OutboxState, Owed, Step, Trace, Unsent};
use crate::store::state::{State, StateError, Write};

/// Whoever stands so in a row that is taken back is in the draft.
const COMES_BACK: [Delivery; 3] = [Delivery::Waiting, Delivery::InDoubt, Delivery::Refused];

/// Rows that no connection is at and that nobody can have got all of: they go with the one that is taken back, since one message is one decision.
const GOES_ALONG: [OutboxState; 4] =
    [OutboxState::Queued, OutboxState::Held, OutboxState::Deferred, OutboxState::Failed];

/// What was taken back.
#[derive(Clone, Debug)]
pub(crate) struct TakenBack {
    /// The draft's number.
    pub(crate) id: DraftId,
    /// The draft, to those who have not got it.
    pub(crate) draft: Draft,
    /// Those whom it went to, or may have gone to, and who are not in the draft.
    gone_to: Vec<String>,
    /// Those in the draft who have, or may have, something of what is in it.
    again: Vec<String>,
    /// Of several messages, so many went to everybody who is in the draft; their files are not in it.
    gone_parts: usize,
    /// Rows of it are left, which went or may have gone.
    some_stay: bool,
    /// What was taken back of it before, or given up, cannot be read.
    unread: bool,
    /// What the register is to be told of it, where it does something in a negotiation.
    pub(crate) unsent: Option<Unsent>,
}

impl TakenBack {
    /// Everybody who has something of it, or may have.
    pub(crate) fn may_have(&self) -> impl Iterator<Item = &str> {
        self.gone_to.iter().chain(&self.again).map(String::as_str)
    }

    /// Whether nobody can have anything of it.
    pub(crate) fn reached_nobody(&self) -> bool {
        self.gone_to.is_empty() && self.again.is_empty() && self.gone_parts == 0 && !self.some_stay
    }

    /// In words.
    pub(crate) fn words(&self) -> String {
        if self.reached_nobody() {
            return "Taken back; nothing was sent. It is kept as a draft.".to_owned();
        }
        let mut words = match (self.gone_parts, self.gone_to.is_empty()) {
            (0, true) => "Kept as a draft.".to_owned(),
            (0, false) => format!("Kept as a draft to the others; {} may have it already.", named(&self.gone_to)),
            (parts, nobody_else) => {
                let went = format!("Kept as a draft with the files that have not left; {parts} of the messages went.");
                let others = format!(" It is not to {}, who may have it already.", named(&self.gone_to));
                if nobody_else { went } else { went + &others }
            }
        };
        if !self.again.is_empty() {
            let what = if self.draft.split.is_some() { "some of it" } else { "it" };
            let who = named(&self.again);
            words.push_str(&format!(
                " {who} may have {what} already, and would get it twice: look at the outbox first."
            ));
        }
        if self.unread {
            words = format!("{words} {UNREAD}");
        }
        words
    }
}

fn named(people: &[String]) -> String {
    match people {
        [] => String::new(),
        [one] => one.clone(),
        [one, more @ ..] => format!("{one} and {} more", more.len()),
    }
}

/// Takes back what can be taken back of a message, in one transaction; or the state of a row that cannot.
pub(super) fn take_back(
    state: &State,
    id: OutboxId,
    now: jiff::Timestamp,
) -> Result<Result<TakenBack, OutboxState>, EngineError> {
    let found = state.outbox_entry(id)?.ok_or(StateError::NoEntry(id))?;
    // Read outside: the row's bytes are needed only where what it was made of is not known.
    let draft = match state.outbox_draft(found.batch)? {
        Some(draft) => draft,
        None => remade(&found, state.outbox_raw(id)?),
    };
    let taken = state.write(|write| {
        let row = write.outbox_entry(id)?.ok_or(StateError::NoEntry(id))?;
        if !super::listed::may_take_back(&row) {
            return Ok(Err(row.state));
        }
        let (rows, traces) = (write.batch(found.batch)?, write.outbox_traces(found.batch)?);
        let unread = traces.is_none();
        // A try before may have reached everybody.
        let traces = traces.unwrap_or_else(|| rows.iter().map(|row| Trace::of(row).in_doubt()).collect());
        let batch = Batch { rows, traces, chosen: id };
        let mut taken = TakenBack { unread, ..batch.part(&draft) };
        for row in &batch.rows {
            if batch.is_taken(row) {
                take_out(write, row)?;
            } else {
                leave(write, row, &batch.back())?;
            }
        }
        taken.id = write.add_draft(&taken.draft, now)?;
        if let (Some(case), Some(plea)) = (&taken.draft.case, &taken.draft.plea) {
            let may_have = taken.may_have().map(str::to_owned).collect();
            let (message_id, queued_at) = (row.message_id.clone(), row.queued_at);
            let unsent = Unsent { row: id, message_id, queued_at, case: case.clone(), plea: plea.clone(), may_have };
            write.owe(Owed::TakenBack(Box::new(unsent.clone())))?;
            taken.unsent = Some(unsent);
        }
        Ok(Ok(taken))
    })?;
    Ok(taken)
}

/// What somebody has of one of the messages that a message goes as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Has {
    It,
    /// It is going, or nobody knows.
    Perhaps,
    Nothing,
}

/// The rows of one message, as they are when one of them is taken back.
struct Batch {
    rows: Vec<OutboxEntry>,
    /// What was taken back of it before, or given up.
    traces: Vec<Trace>,
    chosen: OutboxId,
}

impl Batch {
    fn is_taken(&self, row: &OutboxEntry) -> bool {
        row.id == self.chosen || GOES_ALONG.contains(&row.state)
    }

    /// Who is in the draft.
    fn back(&self) -> Vec<String> {
        let taken = self.rows.iter().filter(|row| self.is_taken(row)).flat_map(|row| &row.recipients);
        taken.filter(|one| COMES_BACK.contains(&one.delivery)).map(|one| one.address.clone()).collect()
    }

    /// Which of the messages a row is, from 0. `of`: how many there are.
    fn number(&self, row: &OutboxEntry, of: usize) -> usize {
        if let Some(part) = row.part {
            return usize::try_from(part).unwrap_or(usize::MAX);
        }
        // Written before that was noted: by their order. Those of long ago may have been forgotten, but not before those behind them.
        let rows = self.rows.iter().filter(|one| one.is_to_the_same(row)).map(|one| one.id);
        let traces = self.traces.iter().filter(|one| one.is_to_the_same(row)).map(|one| one.id);
        let same: BTreeSet<OutboxId> = rows.chain(traces).collect();
        of.saturating_sub(same.len()).saturating_add(same.range(..row.id).count())
    }

    /// What somebody has of one of `of` messages.
    fn has(&self, address: &str, part: usize, of: usize) -> Has {
        let mut first = None;
        let mut has = Has::Nothing;
        for row in &self.rows {
            let Some(one) = row.recipients.iter().find(|one| one.address.eq_ignore_ascii_case(address)) else {
                continue;
            };
            let number = self.number(row, of);
            first = Some(first.map_or(number, |first: usize| first.min(number)));
            if number != part {
                continue;
            }
            match one.delivery {
                Delivery::Sent => return Has::It,
                Delivery::InDoubt => has = Has::Perhaps,
                // It goes on its way without us.
                Delivery::Waiting if !self.is_taken(row) => has = Has::Perhaps,
                Delivery::Waiting | Delivery::Refused | Delivery::TakenBack => {}
            }
        }
        for trace in &self.traces {
            let Some((_, stood)) = trace.people.iter().find(|(one, _)| one.eq_ignore_ascii_case(address)) else {
                continue;
            };
            // One that was written before the number was noted may have been any of them.
            let number = trace.part.map(|part| usize::try_from(part).unwrap_or(usize::MAX));
            first = Some(first.map_or(number.unwrap_or(0), |first: usize| first.min(number.unwrap_or(0))));
            if *stood == Delivery::InDoubt && number.is_none_or(|number| number == part) {
                has = Has::Perhaps;
            }
        }
        // They leave in their order: what is not here any more and stood before what is here went long ago.
        if first.is_none_or(|first| part < first) { Has::It } else { has }
    }

    /// The draft to those who are to get it still, with what they have not got; and who has what of it.
    fn part(&self, draft: &Draft) -> TakenBack {
        let counts = draft.split.as_deref().filter(|counts| counts.len() > 1).unwrap_or_default();
        let of = counts.len().max(1);
        let back = self.back();
        let is_back = |address: &str| back.iter().any(|one| one.eq_ignore_ascii_case(address));
        // Everybody or nobody: the draft has one list of files.
        let all_have = |part: usize| back.iter().all(|one| self.has(one, part, of) == Has::It);
        let gone: Vec<bool> = (0..of).map(|part| !counts.is_empty() && all_have(part)).collect();
        // Each message that is taken back is a draft of its own.
        let mut kept = Draft { key: None, ..draft.clone() };
        let parts = counts.iter().enumerate().flat_map(|(part, count)| (0..*count).map(move |_| part));
        let has_gone = |part: usize| gone.get(part) == Some(&true);
        let places: Vec<usize> =
            parts.enumerate().filter(|(_, part)| has_gone(*part)).map(|(place, _)| place).collect();
        for place in places.into_iter().rev() {
            kept.detach(place);
        }
        if !counts.is_empty() {
            kept.split = Some(Vec::new());
        }
        for list in [&mut kept.to, &mut kept.cc, &mut kept.bcc] {
            list.retain(|address| is_back(&address.addr));
        }
        let may_have = |address: &str, part: usize| self.has(address, part, of) != Has::Nothing;
        let mut taken = TakenBack {
            id: DraftId(0),
            draft: kept,
            gone_to: Vec::new(),
            again: Vec::new(),
            gone_parts: gone.iter().filter(|gone| **gone).count(),
            unread: false,
            unsent: None,
            some_stay: self.rows.iter().any(|row| !self.is_taken(row) || row.count(Delivery::Sent) > 0),
        };
        for one in draft.to.iter().chain(&draft.cc).chain(&draft.bcc).map(|one| &one.addr) {
            if is_back(one) {
                if (0..of).any(|part| !has_gone(part) && may_have(one, part)) {
                    taken.again.push(one.clone());
                }
            } else if (0..of).any(|part| may_have(one, part)) {
                taken.gone_to.push(one.clone());
            }
        }
        taken
    }
}

/// A row that went, or may have gone, stays. Whom it was refused for and who is in the draft gets it by that: not twice.
fn leave(write: &Write<'_>, row: &OutboxEntry, back: &[String]) -> Result<(), StateError> {
    let is_moved = |one: &crate::store::outbox::OutboxRecipient| {
        one.delivery == Delivery::Refused && back.iter().any(|back| back.eq_ignore_ascii_case(&one.address))
    };
    // One that a connection is at is that connection's.
    if row.state == OutboxState::Sending || !row.recipients.iter().any(is_moved) {
        return Ok(());
    }
    let change = |entry: &mut OutboxEntry| {
        for one in entry.recipients.iter_mut().filter(|one| is_moved(one)) {
            one.delivery = Delivery::TakenBack;
        }
        if entry.state != OutboxState::Uncertain {
            entry.reply = super::settle::in_parts(entry);
        }
    };
    write.update_outbox(row.id, change).map(|_| ())
}

/// Takes a row out, or what of it has not left.
fn take_out(write: &Write<'_>, row: &OutboxEntry) -> Result<(), StateError> {
    write.leave_trace(row)?;
    if row.count(Delivery::Sent) == 0 {
        return write.forget_outbox(row.id);
    }
    let change = |entry: &mut OutboxEntry| {
        COMES_BACK.into_iter().for_each(|from| entry.set_all(from, Delivery::TakenBack));
        entry.next_attempt = None;
        entry.reply = super::settle::in_parts(entry);
    };
    if matches!(row.state, OutboxState::Sent | OutboxState::SentNotFiled) {
        return write.update_outbox(row.id, change).map(|_| ());
    }
    let step = if row.filed { Step::AcceptFiled } else { Step::Accept };
    write.step_outbox(row.id, step, change).map(|_| ())
}

/// A draft for rows of which none was kept: the message itself where it can be read, else the whole of it as a file.
fn remade(row: &OutboxEntry, raw: Vec<u8>) -> Draft {
    let listed = |addresses: &mut dyn Iterator<Item = &str>| -> Vec<crate::mail::address::Address> {
        let named = |addr: &str| row.to.iter().find(|one| one.addr.eq_ignore_ascii_case(addr)).cloned();
        addresses
            .map(|addr| {
                named(addr).unwrap_or(crate::mail::address::Address { name: String::new(), addr: addr.to_owned() })
            })
            .collect()
    };
    let sealed = Message::parse(raw.as_slice()).root().media_type == "multipart/encrypted";
    let read = draft_file::read(&raw, &row.account).ok().map(|read| read.draft);
    let mut draft = read.filter(|_| !sealed).unwrap_or_else(|| Draft {
        account: row.account.clone(),
        subject: row.subject.clone(),
        attachments: vec![Attachment {
            name: "message.eml".to_owned(),
            media_type: "application/octet-stream".to_owned(),
            content: raw,
        }],
        ..Draft::default()
    });
    let is_visible = |addr: &str| row.to.iter().any(|one| one.addr.eq_ignore_ascii_case(addr));
    let all = || row.recipients.iter().map(|one| one.address.as_str());
    draft.to = listed(&mut all().filter(|addr| is_visible(addr)));
    draft.cc = Vec::new();
    draft.bcc = listed(&mut all().filter(|addr| !is_visible(addr)));
    (draft.case, draft.answers) = (row.case.clone(), row.answers.clone());
    draft
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{TakenBack, take_back};
    use crate::mail::address::Address;
    use crate::mail::draft::{Attachment, Draft};
    use crate::mail::id::OutboxId;
    use crate::store::outbox::Delivery::{self, InDoubt, Refused, Sent, Waiting};
    use crate::store::outbox::OutboxState::{self, Deferred, Failed, Queued, Sending, SentNotFiled, Uncertain};
    use crate::store::outbox::{OutboxEntry, SmtpEnvelope, Step};
    use crate::store::state::State;
    use crate::store::vault::{Cost, Vault};

    /// Some people, each with how they stand.
    type People = &'static [(&'static str, Delivery)];

    /// A row of a message in parts: which part, the route, where it stands, who stands how.
    type Row = (u32, Option<&'static str>, OutboxState, People);

    struct World {
        _dir: tempfile::TempDir,
        state: State,
    }

    fn addressed(name: &str) -> String {
        format!("{name}@copfs.gov.example")
    }

    impl World {
        /// A message to a and b as parts of one file each, `1.dat` and so on; without a number in the row where it was written long ago.
        fn of(rows: &[Row], parts: u32, is_old: bool) -> (Self, Vec<OutboxId>) {
            let dir = tempfile::tempdir().unwrap();
            let vault = Vault::create_with(&dir.path().join("vault"), b"otter", Cost::TEST).unwrap();
            let state = State::open(&dir.path().join("state"), &vault).unwrap();
            let person = |name: &str| Address { name: String::new(), addr: addressed(name) };
            let mut draft = Draft {
                to: vec![person("a"), person("b")],
                split: (parts > 1).then(|| vec![1; parts as usize]),
                ..Draft::default()
            };
            for number in 1..=parts {
                let name = format!("{number}.dat");
                draft.attach(Attachment { name, media_type: String::new(), content: vec![7; 9] }, None);
            }
            let mut ids: Vec<OutboxId> = Vec::new();
            for (part, route, now, people) in rows {
                let envelope = SmtpEnvelope {
                    forward_paths: people.iter().map(|(name, _)| addressed(name)).collect(),
                    ..SmtpEnvelope::default()
                };
                let mut entry = OutboxEntry::new("work", format!("{part}@x.example"), envelope, Timestamp::UNIX_EPOCH);
                entry.batch = ids.first().copied().unwrap_or(OutboxId(0));
                entry.route = route.map(str::to_owned);
                entry.part = Some(*part).filter(|_| !is_old);
                entry.state = *now;
                for (one, (_, delivery)) in entry.recipients.iter_mut().zip(*people) {
                    one.delivery = *delivery;
                }
                ids.push(state.queue(entry, b"raw").unwrap());
            }
            state.write(|write| write.put_outbox_draft(ids[0], &draft)).unwrap();
            (Self { _dir: dir, state }, ids)
        }

        /// What is left of the rows, each with how its people stand.
        fn left(&self) -> Vec<String> {
            let rows = self.state.outbox().unwrap().0;
            let said = |row: &OutboxEntry| {
                let people: Vec<&str> = row.recipients.iter().map(|one| one.delivery.name()).collect();
                format!("{} {}: {}", row.message_id, row.state.name(), people.join(" "))
            };
            rows.iter().map(said).collect()
        }
    }

    /// Takes a row back: what the draft has, to whom, and the words.
    #[track_caller]
    fn check(
        rows: &[Row],
        parts: u32,
        chosen: usize,
        files: &[&str],
        to: &[&str],
        words: &str,
        left: &[&str],
    ) -> TakenBack {
        let mut last = None;
        for is_old in [false, true] {
            let (world, ids) = World::of(rows, parts, is_old);
            let taken = take_back(&world.state, ids[chosen], Timestamp::UNIX_EPOCH).unwrap().unwrap();
            let names: Vec<&str> = taken.draft.attachments.iter().map(|file| file.name.as_str()).collect();
            let people: Vec<String> = taken.draft.to.iter().map(|one| one.addr.clone()).collect();
            let expected: Vec<String> = to.iter().map(|name| addressed(name)).collect();
            assert_eq!((names.as_slice(), people), (files, expected), "{rows:?}");
            assert_eq!(taken.words(), words, "{rows:?}");
            assert_eq!(world.left(), left, "{rows:?}");
            assert_eq!(taken.reached_nobody(), words.contains("nothing was sent"), "{rows:?}");
            assert_eq!(world.state.drafts().unwrap().0[0].draft, taken.draft);
            last = Some(taken);
        }
        last.unwrap()
    }

    const NOTHING: &str = "Taken back; nothing was sent. It is kept as a draft.";

    #[test]
    fn before_anything_left_it_all_comes_back() {
        let both: People = &[("a", Waiting), ("b", Waiting)];
        let rows: &[Row] = &[(0, None, Queued, both), (1, None, Queued, both)];
        check(rows, 2, 1, &["1.dat", "2.dat"], &["a", "b"], NOTHING, &[]);
        // One that failed goes along: nobody has it.
        let refused: People = &[("a", Refused), ("b", Refused)];
        let rows: &[Row] = &[(0, None, Failed, refused), (1, None, Queued, both)];
        check(rows, 2, 1, &["1.dat", "2.dat"], &["a", "b"], NOTHING, &[]);
        let rows: &[Row] = &[(0, None, Failed, &[("a", Refused)]), (0, Some("gateway"), Queued, &[("b", Waiting)])];
        check(rows, 1, 1, &["1.dat"], &["a", "b"], NOTHING, &[]);
    }

    #[test]
    fn what_is_going_is_not_said_to_be_unsent() {
        let both: People = &[("a", Waiting), ("b", Waiting)];
        let all = &["1.dat", "2.dat"];
        let twice = "Kept as a draft. a@copfs.gov.example and 1 more may have some of it already, and would get it twice: look at the outbox first.";
        let rows: &[Row] = &[(0, None, Sending, both), (1, None, Queued, both)];
        check(rows, 2, 1, all, &["a", "b"], twice, &["0@x.example sending: waiting waiting"]);
        let rows: &[Row] = &[(0, None, Uncertain, &[("a", InDoubt), ("b", InDoubt)]), (1, None, Queued, both)];
        check(rows, 2, 1, all, &["a", "b"], twice, &["0@x.example uncertain: in-doubt in-doubt"]);
        // One has the first part, the other waits for it: both parts, and the one is named.
        let twice = "Kept as a draft. a@copfs.gov.example may have some of it already, and would get it twice: look at the outbox first.";
        let rows: &[Row] = &[(0, None, Deferred, &[("a", Sent), ("b", Waiting)]), (1, None, Queued, both)];
        check(rows, 2, 1, all, &["a", "b"], twice, &["0@x.example sent-not-filed: sent taken-back"]);
        // A whole message, given up while nobody knows.
        let words = "Kept as a draft. a@copfs.gov.example may have it already, and would get it twice: look at the outbox first.";
        let rows: &[Row] = &[(0, None, Uncertain, &[("a", InDoubt), ("b", Refused)])];
        check(rows, 1, 0, &["1.dat"], &["a", "b"], words, &[]);
        // By another route it is going.
        let words = "Kept as a draft to the others; a@copfs.gov.example may have it already.";
        let rows: &[Row] = &[(0, None, Sending, &[("a", Waiting)]), (0, Some("gateway"), Queued, &[("b", Waiting)])];
        check(rows, 1, 1, &["1.dat"], &["b"], words, &["0@x.example sending: waiting"]);
    }

    /// Takes a row back, then the first one, of which something happened meanwhile; the words of each.
    fn twice(rows: &[Row], chosen: usize, meanwhile: impl Fn(&State, OutboxId)) -> [TakenBack; 2] {
        let (world, ids) = World::of(rows, 1, false);
        let take = |id| take_back(&world.state, id, Timestamp::UNIX_EPOCH).unwrap().unwrap();
        let first = take(ids[chosen]);
        meanwhile(&world.state, ids[0]);
        let second = take(ids[0]);
        assert_eq!(world.left(), [""; 0]);
        assert!(world.state.outbox_traces(ids[0]).unwrap().is_empty(), "they go with the last row");
        [first, second]
    }

    #[test]
    fn what_was_taken_back_before_is_neither_sent_nor_forgotten() {
        let fails = |state: &State, id| drop(state.step_outbox(id, Step::PutOff, |_| {}).unwrap());
        // By another route it was going, and did not go.
        let rows: &[Row] = &[(0, None, Sending, &[("a", Waiting)]), (0, Some("gateway"), Queued, &[("b", Waiting)])];
        let [first, second] = twice(rows, 1, fails);
        assert_eq!(first.words(), "Kept as a draft to the others; a@copfs.gov.example may have it already.");
        assert_eq!((second.words().as_str(), second.reached_nobody()), (NOTHING, true));
        let to = |taken: &TakenBack| taken.draft.to.iter().map(|one| one.addr.clone()).collect::<Vec<_>>();
        assert_eq!((to(&first), to(&second)), (vec![addressed("b")], vec![addressed("a")]));
        // One that was given up while nobody knew stays in doubt.
        let rows: &[Row] = &[(0, None, Sending, &[("a", Waiting)]), (0, Some("gateway"), Uncertain, &[("b", InDoubt)])];
        let [_, second] = twice(rows, 1, fails);
        assert_eq!(second.words(), "Kept as a draft to the others; b@copfs.gov.example may have it already.");
        assert_eq!(second.may_have().collect::<Vec<_>>(), [addressed("b")]);
    }

    #[test]
    fn a_trace_that_cannot_be_read_keeps_nothing_from_being_taken_back() {
        let rows: &[Row] = &[(0, None, Uncertain, &[("a", InDoubt)]), (0, Some("gateway"), Queued, &[("b", Waiting)])];
        let (world, ids) = World::of(rows, 1, false);
        world.state.put(&format!("store/outbox-traces/{}", ids[0]), &[0xff_u8; 3]).unwrap();
        world.state.outbox_traces(ids[0]).unwrap_err();
        let taken = take_back(&world.state, ids[1], Timestamp::UNIX_EPOCH).unwrap().unwrap();
        assert_eq!(
            taken.words(),
            "Kept as a draft to the others; a@copfs.gov.example may have it already. b@copfs.gov.example may have it already, and would get it \
             twice: look at the outbox first. What earlier tries of it left behind is damaged and cannot be read."
        );
        assert!(!taken.reached_nobody());
        // It stands as long as something of its message is there.
        world.state.outbox_traces(ids[0]).unwrap_err();
        take_back(&world.state, ids[0], Timestamp::UNIX_EPOCH).unwrap().unwrap();
        assert_eq!(world.left(), [""; 0]);
        assert!(world.state.outbox_traces(ids[0]).unwrap().is_empty(), "it goes with the last row");
    }

    #[test]
    fn a_file_leaves_the_draft_only_where_everybody_in_it_has_it() {
        let (a, b): (People, People) = (&[("a", Waiting)], &[("b", Waiting)]);
        let (a_sent, b_sent): (People, People) = (&[("a", Sent)], &[("b", Sent)]);
        // By two routes: one has the first part, the other has nothing yet.
        let rows: &[Row] = &[
            (0, None, SentNotFiled, a_sent),
            (0, Some("gateway"), Queued, b),
            (1, None, Queued, a),
            (1, Some("gateway"), Queued, b),
        ];
        let twice = "Kept as a draft. a@copfs.gov.example may have some of it already, and would get it twice: look at the outbox first.";
        for chosen in [1, 2] {
            check(rows, 2, chosen, &["1.dat", "2.dat"], &["a", "b"], twice, &["0@x.example sent-not-filed: sent"]);
        }
        // Both have it.
        let rows: &[Row] = &[
            (0, None, SentNotFiled, a_sent),
            (0, Some("gateway"), SentNotFiled, b_sent),
            (1, None, Queued, a),
            (1, Some("gateway"), Queued, b),
        ];
        let went = "Kept as a draft with the files that have not left; 1 of the messages went.";
        let left = ["0@x.example sent-not-filed: sent", "0@x.example sent-not-filed: sent"];
        check(rows, 2, 2, &["2.dat"], &["a", "b"], went, &left);
        // One has all of it: the other gets what he lacks, and it is said who is left out.
        let rows: &[Row] = &[
            (0, None, SentNotFiled, a_sent),
            (0, Some("gateway"), SentNotFiled, b_sent),
            (1, None, SentNotFiled, a_sent),
            (1, Some("gateway"), Queued, b),
        ];
        let went = format!("{went} It is not to a@copfs.gov.example, who may have it already.");
        let left = [left[0], left[1], "1@x.example sent-not-filed: sent"];
        check(rows, 2, 3, &["2.dat"], &["b"], &went, &left);
    }

    #[test]
    fn whom_everything_was_refused_for_gets_every_file() {
        let part: People = &[("a", Sent), ("b", Refused)];
        let rows: &[Row] = &[(0, None, SentNotFiled, part), (1, None, SentNotFiled, part)];
        let words = "Kept as a draft to the others; a@copfs.gov.example may have it already.";
        let left = ["0@x.example sent-not-filed: sent taken-back", "1@x.example sent-not-filed: sent taken-back"];
        check(rows, 2, 1, &["1.dat", "2.dat"], &["b"], words, &left);
        // Who got the first gets the second alone.
        let rows: &[Row] = &[(0, None, SentNotFiled, &[("a", Sent), ("b", Sent)]), (1, None, SentNotFiled, part)];
        let words = "Kept as a draft with the files that have not left; 1 of the messages went. It is not to a@copfs.gov.example, who may have it already.";
        let left = ["0@x.example sent-not-filed: sent sent", "1@x.example sent-not-filed: sent taken-back"];
        check(rows, 2, 1, &["2.dat"], &["b"], words, &left);
    }

    #[test]
    fn what_was_forgotten_long_ago_was_sent() {
        let both: People = &[("a", Waiting), ("b", Waiting)];
        let rows: &[Row] = &[(1, None, Queued, both)];
        let went = "Kept as a draft with the files that have not left; 1 of the messages went.";
        check(rows, 2, 0, &["2.dat"], &["a", "b"], went, &[]);
    }
}
