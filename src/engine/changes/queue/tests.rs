//! The queue against a server of a few lines: whatever the order of news, changes, lost answers and crashes, both end up the same.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::super::overlay::{Resolution, resolve};
use super::{Batch, Dated, HISTORY, Outcome, Place, Queue};
use crate::engine::clock::Moment;
use crate::imap::UidSet;
use crate::store::change::{Act, Change, Group, Held};
use crate::store::flags::Flags;

fn now() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

#[test]
fn what_we_told_is_known_as_of_then_until_a_pass_was_there() {
    let set = |range: std::ops::RangeInclusive<u32>| UidSet::from(range);
    let mut dated = Dated::default();
    dated.renew(Dated { pass: 10, at: vec![(15, set(1..=5))] }, &set(1..=6));
    assert_eq!(dated.apart(&set(4..=8), 10), [(15, set(4..=5)), (10, set(6..=8))]);
    assert_eq!(dated.apart(&set(4..=8), 11), [(11, set(4..=8))], "another pass knows more, or the server counts anew");
    // Of one that was told again without a date nothing is known but what the pass knew.
    dated.renew(Dated { pass: 10, at: vec![(17, set(2..=2))] }, &set(1..=2));
    assert_eq!(dated.apart(&set(1..=5), 10), [(15, set(3..=5)), (17, set(2..=2)), (10, set(1..=1))]);
    for modseq in 20..24 {
        let one = set(modseq..=modseq);
        dated.renew(Dated { pass: 10, at: vec![(modseq.into(), one.clone())] }, &one);
    }
    assert_eq!(dated.apart(&set(1..=5), 10), [(10, set(1..=5))], "the newest are kept apart");
    assert_eq!(dated.apart(&set(20..=20), 10), [(20, set(20..=20))]);
}

/// The running time at which tests begin.
const START: Duration = Duration::from_secs(100);

fn moment(elapsed: Duration) -> Moment {
    Moment { now: now(), elapsed }
}

fn flags(text: &str) -> Flags {
    Flags::from_names(text.split_whitespace())
}

fn set(text: &str) -> Act {
    Act::Flags { set: flags(text), clear: Flags::default() }
}

fn clear(text: &str) -> Act {
    Act::Flags { set: Flags::default(), clear: flags(text) }
}

fn to(mailbox: &str) -> Act {
    Act::Move { to: mailbox.into() }
}

fn change(step: u64, act: Act, mailbox: &str, uids: &[u32]) -> Change {
    let open = matches!(act, Act::Create { .. } | Act::Append { .. });
    Change {
        seq: 0,
        step,
        undoes: None,
        words: format!("step {step}"),
        at: now(),
        account: "work".into(),
        act,
        waiting: if open { Vec::new() } else { vec![Group::new(mailbox, 1, uids.to_vec())] },
        open,
        begun: None,
        done: Vec::new(),
        taken_back: false,
        tries: 0,
        why: String::new(),
        held: None,
    }
}

fn place(mailbox: &str) -> Place {
    Place { account: "work".into(), mailbox: mailbox.into(), uid_validity: 1 }
}

fn queue(changes: &[Change]) -> Queue {
    let mut queue = Queue::default();
    for change in changes {
        let change = queue.push(change.clone());
        queue.durable(&[change.seq]);
    }
    queue
}

fn uids(batch: &Batch) -> Vec<u32> {
    batch.group.as_ref().map(|group| group.uids.clone()).unwrap_or_default()
}

fn stored() -> Outcome {
    Outcome::Stored {
        said: Vec::new(),
        kept: UidSet::new(),
        unheeded: UidSet::new(),
        before: UidSet::new(),
        dated: Dated::default(),
        refused: None,
    }
}

fn moved(pairs: Vec<(u32, u32)>) -> Outcome {
    let (unplaced, absent, doubtful) = Default::default();
    Outcome::Moved { uid_validity: Some(1), pairs, unplaced, absent, doubtful }
}

#[test]
fn equal_changes_are_joined_and_order_holds_for_each_message() {
    let mut queue = queue(&[
        change(1, set("\\Seen"), "INBOX", &[1]),
        change(2, set("\\Flagged"), "INBOX", &[2]),
        change(3, set("\\Seen"), "INBOX", &[2, 3]),
        change(4, clear("\\Seen"), "INBOX", &[1]),
        change(5, set("\\Seen"), "INBOX", &[1]),
        change(6, set("\\Seen"), "Other", &[9]),
    ]);
    let mut told = Vec::new();
    while let Some(batch) = queue.next_batch("work", START) {
        told.push((batch.act.clone(), batch.group.clone().unwrap().mailbox, uids(&batch)));
        queue.settle(&batch, &stored(), moment(START));
    }
    let inbox = |act, uids: &[u32]| (act, "INBOX".to_owned(), uids.to_vec());
    assert_eq!(
        told,
        [
            // 2 has to be flagged first, as the user did.
            inbox(set("\\Seen"), &[1, 3]),
            inbox(set("\\Flagged"), &[2]),
            inbox(set("\\Seen"), &[2]),
            inbox(clear("\\Seen"), &[1]),
            inbox(set("\\Seen"), &[1]),
            (set("\\Seen"), "Other".to_owned(), vec![9]),
        ]
    );
    assert!(queue.next_batch("work", START).is_none());
}

#[test]
fn hundreds_of_changes_are_few_commands() {
    let rows: Vec<Change> = (1..=600).map(|n| change(u64::from(n), set("\\Seen"), "INBOX", &[n])).collect();
    let mut queue = queue(&rows);
    let batch = queue.next_batch("work", START).unwrap();
    assert_eq!(uids(&batch).len(), 600);
    queue.settle(&batch, &stored(), moment(START));
    assert!(queue.next_batch("work", START).is_none());
}

#[test]
fn what_waits_for_a_moved_message_follows_it() {
    let mut queue = queue(&[
        change(1, to("A"), "INBOX", &[1, 2]),
        change(2, set("\\Flagged"), "INBOX", &[1]),
        change(3, to("B"), "INBOX", &[1]),
    ]);
    assert_eq!(queue.over("work", "INBOX", 1, 1).unwrap().to.as_deref(), Some("B"));
    let batch = queue.next_batch("work", START).unwrap();
    assert_eq!((batch.act.clone(), uids(&batch)), (to("A"), vec![1, 2]));
    let moved = moved(vec![(1, 71), (2, 72)]);
    queue.settle(&batch, &moved, moment(START));
    assert!(queue.over("work", "INBOX", 1, 1).is_none());
    let over = queue.over("work", "A", 1, 71).unwrap();
    assert_eq!((over.to.as_deref(), over.set.flagged()), (Some("B"), true));
    let batch = queue.next_batch("work", START).unwrap();
    assert_eq!((batch.group.clone().unwrap().mailbox, uids(&batch)), ("A".to_owned(), vec![71]));
    queue.settle(&batch, &stored(), moment(START));
    let batch = queue.next_batch("work", START).unwrap();
    assert_eq!((batch.act.clone(), uids(&batch)), (to("B"), vec![71]));
}

#[test]
fn what_waits_behind_a_move_outlives_the_news_that_the_message_left() {
    let gone: UidSet = [1, 2].into_iter().collect();
    for answered in [true, false] {
        let mut queue = queue(&[change(1, to("A"), "INBOX", &[1]), change(2, set("\\Flagged"), "INBOX", &[1, 2])]);
        let batch = queue.next_batch("work", START).unwrap();
        queue.begin(&batch, 7, None);
        if !answered {
            queue.settle(&batch, &Outcome::Unknown { why: "the line was cut".into() }, moment(START));
        }
        // The other connection may hear of it first. Message 2 left by somebody else's hand.
        queue.vanished(&place("INBOX"), &gone);
        let batch = if answered { batch } else { queue.next_batch("work", START).unwrap() };
        assert_eq!((uids(&batch), batch.begun.is_some()), (vec![1], !answered));
        queue.settle(&batch, &moved(vec![(1, 8)]), moment(START));
        let next = queue.next_batch("work", START).unwrap();
        assert_eq!((next.group.as_ref().map(|group| group.mailbox.as_str()), uids(&next)), (Some("A"), vec![8]));
        assert_eq!(queue.undo(1, now()).map(|undone| undone.told), Some(true));
    }
}

#[test]
fn a_renamed_mailbox_takes_along_what_waits_for_it() {
    let mut queue = queue(&[
        change(1, set("\\Seen"), "Old", &[1]),
        change(2, to("Old"), "INBOX", &[5]),
        change(3, set("\\Seen"), "Other", &[1]),
    ]);
    let edits = queue.renamed("work", "Old", "New");
    assert_eq!(edits.put.iter().map(|row| row.seq).collect::<Vec<_>>(), [1, 2]);
    assert!(queue.renamed("home", "New", "Old").is_empty() && queue.renamed("work", "Old", "New").is_empty());
    assert!(queue.over("work", "New", 1, 1).is_some() && queue.over("work", "Old", 1, 1).is_none());
    let batch = queue.next_batch("work", START).unwrap();
    assert_eq!(batch.group.as_ref().map(|group| group.mailbox.as_str()), Some("New"));
    queue.settle(&batch, &stored(), moment(START));
    assert_eq!(queue.next_batch("work", START).map(|batch| batch.act), Some(to("New")));
}

#[test]
fn a_message_without_a_known_name_waits_until_it_is_found() {
    let mut queue = queue(&[change(1, to("A"), "INBOX", &[1]), change(2, set("\\Flagged"), "INBOX", &[1])]);
    let batch = queue.next_batch("work", START).unwrap();
    let moved = Outcome::Moved {
        uid_validity: None,
        pairs: Vec::new(),
        unplaced: UidSet::from(1..=1),
        absent: UidSet::new(),
        doubtful: UidSet::new(),
    };
    queue.settle(&batch, &moved, moment(START));
    assert!(queue.next_batch("work", START).is_none());
    assert_eq!(
        queue.over("work", "INBOX", 1, 1).unwrap().to.as_deref(),
        Some("A"),
        "still shown where it was moved to"
    );
    // The old name vanishes from the server, which says nothing of the message.
    assert!(queue.vanished(&place("INBOX"), &UidSet::from(1..=1)).0.is_empty());
    assert_eq!(queue.lost_in("work", "A"), [(place("INBOX"), 1)]);
    queue.found(&place("INBOX"), &place("A"), &[(1, 30)]);
    let batch = queue.next_batch("work", START).unwrap();
    assert_eq!((batch.group.clone().unwrap().mailbox, uids(&batch)), ("A".to_owned(), vec![30]));
}

#[test]
fn taking_back_what_waits_tells_nothing_and_what_was_told_tells_the_contrary() {
    let mut queue = queue(&[change(1, to("A"), "INBOX", &[1]), change(2, set("\\Seen"), "INBOX", &[2])]);
    let undone = queue.undo(2, now()).unwrap();
    assert!(!undone.told && undone.edits.put.is_empty() && undone.edits.drop == [2]);
    assert!(queue.over("work", "INBOX", 1, 2).is_none());
    let batch = queue.next_batch("work", START).unwrap();
    // While it is told: the contrary is told as soon as it is known what was done.
    let undone = queue.undo(1, now()).unwrap();
    assert!(undone.told && queue.newest_step().is_none());
    assert!(queue.over("work", "INBOX", 1, 1).is_none(), "it is shown where it was");
    let settled = queue.settle(&batch, &moved(vec![(1, 71)]), moment(START));
    assert!(settled.added && settled.edits.drop == [1], "{settled:?}");
    let seqs: Vec<u64> = settled.edits.put.iter().map(|row| row.seq).collect();
    queue.durable(&seqs);
    let batch = queue.next_batch("work", START).unwrap();
    assert_eq!(
        (batch.act.clone(), batch.group.clone().unwrap().mailbox, uids(&batch)),
        (to("INBOX"), "A".into(), vec![71])
    );
}

#[test]
fn what_was_told_is_kept_for_the_last_steps_only() {
    let steps = u64::try_from(HISTORY).unwrap() + 5;
    let mut queue = Queue::default();
    let mut dropped = Vec::new();
    for step in 1..=steps {
        let row = queue.push(change(step, set("\\Seen"), "INBOX", &[u32::try_from(step).unwrap()]));
        queue.durable(&[row.seq]);
        let batch = queue.next_batch("work", START).unwrap();
        dropped.extend(queue.settle(&batch, &stored(), moment(START)).edits.drop);
    }
    assert_eq!(dropped, [1, 2, 3, 4, 5]);
    for step in (6..=steps).rev() {
        assert_eq!(queue.newest_step().unwrap().0, step);
        let undone = queue.undo(step, now()).unwrap();
        assert!(undone.told && undone.edits.put.len() == 1);
    }
    assert!(queue.newest_step().is_none());
}

#[test]
fn of_a_batch_only_the_step_that_was_not_done_is_called_so() {
    let mut queue = Queue::load(Vec::new(), 1);
    for (step, uid) in [(3, 7), (4, 8)] {
        queue.push(change(step, to("Otter"), "INBOX", &[uid]));
    }
    let batch = |queue: &mut Queue| {
        let seqs: Vec<u64> = queue.rows.keys().copied().collect();
        queue.durable(&seqs);
        queue.next_batch("work", START).unwrap()
    };
    let both = batch(&mut queue);
    assert_eq!(both.seqs.len(), 2);
    queue.not_done(&both, &UidSet::from(7..=7));
    assert_eq!(queue.refused(), [3]);
    // To take a step back is a matter of that step; what follows by itself is nobody's.
    let mut queue = Queue::load(Vec::new(), 1);
    queue.push(Change { undoes: Some(5), ..change(0, to("INBOX"), "Otter", &[1]) });
    queue.push(change(0, to("INBOX"), "Otter", &[2]));
    let both = batch(&mut queue);
    queue.not_done(&both, &UidSet::from(1..=2));
    assert_eq!(queue.refused(), [5]);
}

#[test]
fn a_refusal_gives_the_message_back_and_a_passing_one_is_tried_again() {
    let mut queue = queue(&[change(1, to("A"), "INBOX", &[1]), change(2, set("\\Seen"), "INBOX", &[2])]);
    let batch = queue.next_batch("work", START).unwrap();
    queue.settle(&batch, &Outcome::Later { why: "in use".into(), wait: None }, moment(START));
    // Others go on meanwhile.
    let other = queue.next_batch("work", START).unwrap();
    assert_eq!(uids(&other), [2]);
    queue.settle(&other, &stored(), moment(START));
    assert!(queue.next_batch("work", START).is_none());
    let at = queue.next_try("work").unwrap();
    let batch = queue.next_batch("work", at).unwrap();
    let settled = queue.settle(&batch, &Outcome::Refused { why: "over quota".into() }, moment(at));
    assert_eq!(settled.edits.drop, [1]);
    assert!(queue.over("work", "INBOX", 1, 1).is_none());
}

/// Of a move part is answered, part is in doubt, and the rest was not told any more.
#[test]
fn a_move_that_broke_off_is_looked_into_as_far_as_it_is_in_doubt() {
    let all: Vec<u32> = (1..=6).collect();
    let mut queue = queue(&[change(1, to("A"), "INBOX", &all), change(2, set("\\Flagged"), "INBOX", &all)]);
    let batch = queue.next_batch("work", START).unwrap();
    queue.begin(&batch, 7, None);
    let (unplaced, absent) = Default::default();
    let (uid_validity, pairs, doubtful) = (Some(1), vec![(5, 75), (6, 76)], UidSet::from(3..=4));
    let broken = Outcome::Moved { uid_validity, pairs, unplaced, absent, doubtful };
    queue.settle(&batch, &broken, moment(START));
    // News that they left takes nothing from those that we moved, or may have moved.
    queue.vanished(&place("INBOX"), &UidSet::from(3..=6));
    let batch = queue.next_batch("work", START).unwrap();
    assert_eq!((uids(&batch), batch.begun), (vec![3, 4], Some(7)));
    queue.settle(&batch, &moved(vec![(3, 73), (4, 74)]), moment(START));
    let batch = queue.next_batch("work", START).unwrap();
    assert_eq!((batch.act.clone(), uids(&batch), batch.begun), (to("A"), vec![1, 2], None));
    queue.settle(&batch, &moved(vec![(1, 71), (2, 72)]), moment(START));
    let batch = queue.next_batch("work", START).unwrap();
    assert_eq!((batch.act.clone(), uids(&batch)), (set("\\Flagged"), vec![71, 72, 73, 74, 75, 76]));
    queue.settle(&batch, &stored(), moment(START));
    queue.undo(2, now()).unwrap();
    let undone = queue.undo(1, now()).unwrap();
    let back: usize = undone.edits.put.iter().flat_map(|row| &row.waiting).map(|group| group.uids.len()).sum();
    assert_eq!(back, 6);
}

/// What was put off and then told in part waits for nothing that is over: who asks when to try again is not told "at once" for ever.
#[test]
fn a_row_that_is_told_in_part_is_not_tried_without_end() {
    let mut queue = queue(&[
        change(1, to("A"), "INBOX", &[1]),
        change(2, set("\\Flagged"), "INBOX", &[1, 2]),
        change(3, set("\\Seen"), "INBOX", &[3]),
    ]);
    // 1 is moved, and nobody knows its name.
    let batch = queue.next_batch("work", START).unwrap();
    let (pairs, absent, doubtful) = Default::default();
    let lost = Outcome::Moved { uid_validity: None, pairs, unplaced: UidSet::from(1..=1), absent, doubtful };
    queue.settle(&batch, &lost, moment(START));
    let batch = queue.next_batch("work", START).unwrap();
    assert_eq!(uids(&batch), [2]);
    queue.settle(&batch, &Outcome::Later { why: "in use".into(), wait: None }, moment(START));
    let seen = queue.next_batch("work", START).unwrap();
    queue.settle(&seen, &stored(), moment(START));
    let at = queue.next_try("work").unwrap();
    let batch = queue.next_batch("work", at).unwrap();
    assert_eq!((uids(&batch), batch.tries), (vec![2], 1));
    queue.settle(&batch, &stored(), moment(at));
    // 1 waits to be found, not for a time.
    assert!(queue.next_batch("work", at).is_none());
    assert_eq!(queue.next_try("work"), None);
    queue.found(&place("INBOX"), &place("A"), &[(1, 30)]);
    let batch = queue.next_batch("work", at).unwrap();
    assert_eq!((uids(&batch), batch.tries), (vec![30], 0));
}

/// What the server did not do, or was so before, is not taken back.
#[test]
fn only_what_a_change_of_flags_did_is_taken_back() {
    let mut queue = queue(&[change(1, set("$Weir"), "INBOX", &[1, 2, 3])]);
    let batch = queue.next_batch("work", START).unwrap();
    let (unheeded, before) = (UidSet::from(1..=1), UidSet::from(3..=3));
    let done = Outcome::Stored {
        said: Vec::new(),
        kept: UidSet::new(),
        unheeded,
        before,
        dated: Dated::default(),
        refused: None,
    };
    queue.settle(&batch, &done, moment(START));
    assert!(queue.next_batch("work", START).is_none());
    let undone = queue.undo(1, now()).unwrap();
    assert_eq!(undone.edits.put[0].waiting, [Group::new("INBOX", 1, vec![2])]);
}

fn append(step: u64) -> Change {
    let act = Act::Append { mailbox: "A".into(), flags: Flags::default(), date: None, message_id: String::new() };
    change(step, act, "", &[])
}

#[test]
fn a_message_that_the_server_will_not_have_waits_for_a_person_and_is_kept() {
    for (outcome, held) in [
        (Outcome::Refused { why: "over quota".into() }, Held::Refused),
        (Outcome::Doubtful { why: "it may be there".into() }, Held::Doubtful),
    ] {
        let mut queue = queue(&[append(1), change(2, set("\\Seen"), "INBOX", &[2])]);
        let batch = queue.next_batch("work", START).unwrap();
        queue.begin(&batch, 7, None);
        let settled = queue.settle(&batch, &outcome, moment(START));
        assert!(settled.edits.drop.is_empty(), "{settled:?}");
        assert_eq!(settled.edits.put.iter().map(|row| row.held).collect::<Vec<_>>(), [Some(held)]);
        // It survives a start, and holds up nothing else.
        let rows: Vec<Change> = queue.waiting().map(|(row, _)| row.clone()).collect();
        let mut queue = Queue::load(rows, 9);
        let other = queue.next_batch("work", START).unwrap();
        assert_eq!(uids(&other), [2]);
        queue.settle(&other, &stored(), moment(START));
        assert!(queue.next_batch("work", START).is_none() && !queue.waits_for("work"));
        assert_eq!(queue.waiting().map(|(row, _)| row.why.is_empty()).collect::<Vec<_>>(), [false]);
        // Taking back what was done last does not throw it away by the way.
        assert_eq!(queue.newest_step().map(|(step, _)| step), Some(2));
        let (edits, accounts) = queue.retry(1);
        assert!(edits.put.len() == 1 && accounts.contains("work") && queue.waits_for("work"));
        let batch = queue.next_batch("work", START).unwrap();
        assert_eq!((batch.seqs.as_slice(), batch.begun), ([1].as_slice(), None));
        queue.settle(&batch, &outcome, moment(START));
        let undone = queue.undo(1, now()).unwrap();
        assert!(undone.given_up && undone.edits.drop == [1], "{undone:?}");
    }
}

#[test]
fn a_message_that_is_taken_back_while_it_is_told_is_not_asked_about() {
    let mut queue = queue(&[append(1)]);
    let batch = queue.next_batch("work", START).unwrap();
    queue.begin(&batch, 7, None);
    queue.undo(1, now()).unwrap();
    let settled = queue.settle(&batch, &Outcome::Refused { why: "over quota".into() }, moment(START));
    assert_eq!(settled.edits.drop, [1]);
}

#[test]
fn a_wait_is_as_long_as_the_server_asks_and_runs_by_the_second() {
    let put_off = |wait: Option<Duration>| {
        let mut queue = queue(&[change(1, to("A"), "INBOX", &[1])]);
        let batch = queue.next_batch("work", START).unwrap();
        queue.settle(&batch, &Outcome::Later { why: "throttled".into(), wait }, moment(START));
        queue.next_try("work").unwrap() - START
    };
    let seconds = Duration::from_secs;
    assert_eq!(put_off(None), seconds(10));
    assert_eq!(put_off(Some(seconds(2))), seconds(10), "never sooner than by ourselves");
    assert_eq!(put_off(Some(seconds(300))), seconds(300));
    assert_eq!(put_off(Some(Duration::MAX)), seconds(3_600), "not for ever");
}

#[test]
fn a_mailbox_is_made_before_anything_goes_there_under_the_name_it_got() {
    let mut queue = queue(&[
        change(1, Act::Create { mailbox: "Archive".into(), special_use: None }, "", &[]),
        change(1, to("Archive"), "INBOX", &[1]),
    ]);
    let create = queue.next_batch("work", START).unwrap();
    assert!(create.group.is_none());
    assert!(queue.next_batch("work", START).is_none(), "not before it is made");
    queue.settle(&create, &Outcome::Created { name: "INBOX.Archive".into() }, moment(START));
    assert_eq!(queue.next_batch("work", START).unwrap().act, to("INBOX.Archive"));
}

#[test]
fn others_word_counts_where_the_user_wants_nothing_changed() {
    let mut queue =
        queue(&[change(1, set("\\Flagged"), "INBOX", &[1, 2]), change(2, clear("\\Flagged"), "INBOX", &[1])]);
    let batch = queue.next_batch("work", START).unwrap();
    let kept = UidSet::from(1..=1);
    let theirs = Outcome::Stored {
        said: Vec::new(),
        kept,
        unheeded: UidSet::new(),
        before: UidSet::new(),
        dated: Dated::default(),
        refused: None,
    };
    queue.settle(&batch, &theirs, moment(START));
    assert!(queue.next_batch("work", START).is_none(), "the second change of the flag is dropped too");
}

#[test]
fn others_word_counts_also_where_a_sync_brings_it() {
    let mut queue =
        queue(&[change(1, set("\\Flagged"), "INBOX", &[1, 2]), change(2, clear("\\Flagged"), "INBOX", &[1])]);
    let (none, flagged) = (Flags::default(), flags("\\Flagged"));
    let (_, given_up) = queue.news(&place("INBOX"), &[(1, none.clone(), flagged.clone()), (2, none, flagged.clone())]);
    assert_eq!(given_up, [(1, flagged)]);
    let batch = queue.next_batch("work", START).unwrap();
    assert_eq!(uids(&batch), [2]);
    queue.settle(&batch, &stored(), moment(START));
    assert!(queue.next_batch("work", START).is_none());
}

// A server and a user, both at work.

const BOXES: [&str; 3] = ["INBOX", "A", "B"];

#[derive(Clone, Debug)]
enum Event {
    /// The user changes a flag of, or moves, what is shown as this message.
    Flag(usize, bool),
    Move(usize, usize),
    /// Somebody else flags or removes it.
    Other(usize, bool),
    OtherRemoves(usize),
    /// The server is told; the answer comes, or is lost.
    Tell,
    Lost,
    /// The program ends and starts again.
    Crash,
    Undo,
}

#[derive(Clone, Debug, Default)]
struct Server {
    boxes: BTreeMap<(String, u32), (u32, Flags)>,
    next: u32,
}

/// The user's side: the queue, what the server last said, and which message is which.
struct World {
    server: Server,
    queue: Queue,
    disk: BTreeMap<u64, Change>,
    said: BTreeMap<(String, u32), (u32, Flags)>,
    step: u64,
}

impl World {
    fn new() -> Self {
        let boxes: BTreeMap<_, _> = (1..=4).map(|n| (("INBOX".to_owned(), n), (n, Flags::default()))).collect();
        Self {
            server: Server { boxes: boxes.clone(), next: 100 },
            queue: Queue::default(),
            disk: BTreeMap::new(),
            said: boxes,
            step: 0,
        }
    }

    fn write(&mut self, edits: super::Edits) {
        for row in edits.put {
            self.queue.durable(&[row.seq]);
            self.disk.insert(row.seq, row);
        }
        for seq in edits.drop {
            self.disk.remove(&seq);
        }
    }

    fn name(&self, message: usize) -> Option<(String, u32)> {
        let wanted = u32::try_from(message).unwrap() + 1;
        self.said.iter().find(|(_, (id, _))| *id == wanted).map(|(name, _)| name.clone())
    }

    fn push(&mut self, act: Act, name: &(String, u32)) {
        self.step += 1;
        let row = self.queue.push(change(self.step, act, &name.0, &[name.1]));
        self.queue.durable(&[row.seq]);
        self.disk.insert(row.seq, row);
    }

    /// What the user sees of a message: its mailbox and flags.
    fn shown(&self, name: &(String, u32)) -> (String, Flags) {
        let over = self.queue.over("work", &name.0, 1, name.1).unwrap_or_default();
        (over.to.clone().unwrap_or_else(|| name.0.clone()), over.shown(&self.said[name].1))
    }

    fn act(&mut self, batch: &Batch) -> Outcome {
        let group = batch.group.clone().unwrap();
        let here = |uid: u32| (group.mailbox.clone(), uid);
        match &batch.act {
            Act::Flags { set, clear } => {
                let mut kept = UidSet::new();
                let mut said = Vec::new();
                for &uid in &group.uids {
                    let Some((_, now)) = self.server.boxes.get_mut(&here(uid)) else { continue };
                    let believed = self.said.get(&here(uid)).map_or(now.clone(), |(_, flags)| flags.clone());
                    let wanted = self.queue.over("work", &group.mailbox, 1, uid).unwrap_or_default();
                    if believed != *now && resolve(&believed, now, &wanted, &batch.act) == Resolution::Theirs {
                        kept.insert(uid);
                    } else {
                        *now = now.without(clear).with(set);
                    }
                    said.push((uid, now.clone()));
                }
                Outcome::Stored {
                    said,
                    kept,
                    unheeded: UidSet::new(),
                    before: UidSet::new(),
                    dated: Dated::default(),
                    refused: None,
                }
            }
            Act::Move { to } => {
                let (mut pairs, mut absent) = (Vec::new(), UidSet::new());
                for &uid in &group.uids {
                    match self.server.boxes.remove(&here(uid)) {
                        Some(message) => {
                            self.server.next += 1;
                            self.server.boxes.insert((to.clone(), self.server.next), message);
                            pairs.push((uid, self.server.next));
                        }
                        // An answer was lost: it is looked for where it was to go.
                        None if batch.begun.is_some() => {
                            let wanted = self.said.get(&here(uid)).map(|(id, _)| *id);
                            let found = self
                                .server
                                .boxes
                                .iter()
                                .find(|((mailbox, _), (id, _))| mailbox == to && Some(*id) == wanted);
                            match found {
                                Some(((_, new), _)) => pairs.push((uid, *new)),
                                None => drop(absent.insert(uid)),
                            }
                        }
                        None => drop(absent.insert(uid)),
                    }
                }
                Outcome::Moved {
                    uid_validity: Some(1),
                    pairs,
                    unplaced: UidSet::new(),
                    absent,
                    doubtful: UidSet::new(),
                }
            }
            other => panic!("{other:?}"),
        }
    }

    fn tell(&mut self, lose_answer: bool) -> bool {
        let Some(batch) = self.queue.next_batch("work", START) else { return false };
        if matches!(batch.act, Act::Move { .. }) {
            let edits = self.queue.begin(&batch, 0, None);
            self.write(edits);
        }
        let mut outcome = self.act(&batch);
        if lose_answer {
            outcome = Outcome::Unknown { why: "lost".into() };
        }
        let settled = self.queue.settle(&batch, &outcome, moment(START));
        self.write(settled.edits);
        let group = batch.group.unwrap();
        match outcome {
            Outcome::Stored { said, .. } => {
                for (uid, flags) in said {
                    self.said.get_mut(&(group.mailbox.clone(), uid)).unwrap().1 = flags;
                }
            }
            Outcome::Moved { pairs, absent, .. } => {
                let Act::Move { to } = &batch.act else { unreachable!() };
                for (old, new) in pairs {
                    let known = self.said.remove(&(group.mailbox.clone(), old)).unwrap();
                    self.said.insert((to.clone(), new), known);
                }
                absent.iter().for_each(|uid| drop(self.said.remove(&(group.mailbox.clone(), uid))));
            }
            _ => {}
        }
        true
    }

    /// A pass: what the server says counts, of messages whose names are still the same.
    fn sync(&mut self) {
        let gone: Vec<_> = self.said.keys().filter(|name| !self.server.boxes.contains_key(*name)).cloned().collect();
        for (mailbox, uid) in gone {
            let (edits, _) = self.queue.vanished(&place(&mailbox), &UidSet::from(uid..=uid));
            self.write(edits);
            self.said.remove(&(mailbox, uid));
        }
        self.said = self.server.boxes.clone();
    }

    fn crash(&mut self) {
        let next = self.disk.keys().last().map_or(1, |seq| seq + 1);
        self.queue = Queue::load(self.disk.values().cloned().collect(), next);
    }
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..4_usize, any::<bool>()).prop_map(|(m, on)| Event::Flag(m, on)),
        3 => (0..4_usize, 0..3_usize).prop_map(|(m, to)| Event::Move(m, to)),
        2 => (0..4_usize, any::<bool>()).prop_map(|(m, on)| Event::Other(m, on)),
        1 => (0..4_usize).prop_map(Event::OtherRemoves),
        3 => Just(Event::Tell),
        2 => Just(Event::Lost),
        1 => Just(Event::Crash),
        2 => Just(Event::Undo),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_both_sides_end_up_the_same(events in proptest::collection::vec(event(), 1..40)) {
        let mut world = World::new();
        for event in events {
            match event {
                Event::Flag(message, on) => {
                    let Some(name) = world.name(message) else { continue };
                    // As the program does: nothing is queued that is so already.
                    if world.shown(&name).1.flagged() != on {
                        world.push(if on { set("\\Flagged") } else { clear("\\Flagged") }, &name);
                    }
                }
                Event::Move(message, to_box) => {
                    let Some(name) = world.name(message) else { continue };
                    if world.shown(&name).0 != BOXES[to_box] {
                        world.push(to(BOXES[to_box]), &name);
                    }
                }
                Event::Other(message, on) => {
                    let id = u32::try_from(message).unwrap() + 1;
                    if let Some((_, flags)) = world.server.boxes.values_mut().find(|(known, _)| *known == id) {
                        flags.set(if on { Flags::FLAGGED } else { Flags::SEEN }, true);
                    }
                }
                Event::OtherRemoves(message) => {
                    let id = u32::try_from(message).unwrap() + 1;
                    world.server.boxes.retain(|_, (known, _)| *known != id);
                }
                Event::Tell => drop(world.tell(false)),
                Event::Lost => drop(world.tell(true)),
                Event::Crash => world.crash(),
                Event::Undo => {
                    if let Some((step, _)) = world.queue.newest_step() {
                        let undone = world.queue.undo(step, now()).unwrap();
                        world.write(undone.edits);
                    }
                }
            }
        }
        // What is shown before the rest is told is what the server has afterwards, unless others had a hand in it.
        let mut rounds = 0;
        while world.tell(false) {
            rounds += 1;
            prop_assert!(rounds < 500, "it does not end");
        }
        world.sync();
        prop_assert!(world.queue.is_idle(), "{:?}", world.queue);
        for (name, (_, flags)) in &world.server.boxes {
            prop_assert_eq!(world.shown(name), (name.0.clone(), flags.clone()));
        }
        // No message is there twice.
        let mut ids: Vec<u32> = world.server.boxes.values().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        prop_assert_eq!(ids.len(), all);
        // What is on the disk is what is in memory.
        let before: Vec<Change> = world.disk.values().cloned().collect();
        prop_assert!(before.iter().all(|row| !row.is_waiting()));
    }

    #[test]
    fn alone_the_user_gets_what_is_shown(acts in proptest::collection::vec((0..4_usize, 0..5_usize), 1..30)) {
        let mut world = World::new();
        for (message, what) in acts {
            let Some(name) = world.name(message) else { continue };
            let act = match what {
                0 => set("\\Flagged"),
                1 => clear("\\Flagged"),
                other => to(BOXES[other - 2]),
            };
            world.push(act, &name);
        }
        let shown: BTreeMap<u32, (String, Flags)> =
            world.said.iter().map(|(name, (id, _))| (*id, world.shown(name))).collect();
        while world.tell(false) {}
        let there: BTreeMap<u32, (String, Flags)> = world
            .server
            .boxes
            .iter()
            .map(|((mailbox, _), (id, flags))| (*id, (mailbox.clone(), flags.clone())))
            .collect();
        prop_assert_eq!(shown, there);
    }
}
