//! Rows of which nobody knows whether they were sent, and what follows when it becomes known.

use jiff::{SignedDuration, Timestamp};

use super::{PATIENCE, Running, World, config, core_now, fetched, listed, pass};
use crate::case::{Awaiting, Jurisdiction};
use crate::engine::core::{Core, Open};
use crate::engine::guard::Records;
use crate::engine::outbox::{broken_off, start};
use crate::engine::query::{OutboxListed, Resolution};
use crate::imap::Sink as _;
use crate::mail::draft::Draft;
use crate::mail::id::{CaseId, OutboxId};
use crate::plea::{self, Deed, sample};
use crate::register::{CaseChange, Event as Entry};
use crate::store::outbox::{Delivery, Doubt, OutboxEntry, OutboxRecipient, OutboxState, Owed, SmtpEnvelope, Step};

const CROWN: &str = "ambleford.mags@cps.gov.example";
const ID: &str = "1@quillpounce.example";

fn case() -> CaseId {
    CaseId("WEASEL".into())
}

/// The message as it lies in a mailbox.
fn copy() -> Vec<u8> {
    format!(
        "From: b.quill@quillpounce.example\r\nTo: {CROWN}\r\nMessage-ID: <{ID}>\r\n\
         Subject: R v WEASEL - 99ZX0012327 - IDPC request\r\n\r\nPlease.\r\n"
    )
    .into_bytes()
}

/// When the connection was lost: two hours before the time of these tests.
fn lost_at() -> Timestamp {
    core_now() - SignedDuration::from_hours(2)
}

impl Running {
    fn open_weasel(&self) {
        let change = CaseChange::Opened { title: "R v WEASEL".into(), jurisdiction: Jurisdiction::EnglandWales };
        let opened = move |core: &mut Core, open: &mut Open| {
            core.note(open, &[Entry::Case { case: case(), change }]).unwrap();
        };
        self.engine.core.ask_open(opened).unwrap();
    }

    /// A request in that case whose connection was lost behind the dot.
    fn lost(&self, file_in: Option<&str>) -> OutboxId {
        let file_in = file_in.map(str::to_owned);
        self.lost_as(move |row| row.file_in = file_in)
    }

    /// The same, changed before it is queued; lost when it was queued.
    fn lost_as(&self, change: impl FnOnce(&mut OutboxEntry) + Send + 'static) -> OutboxId {
        let queued = self.engine.core.ask_open(move |_, open| {
            let envelope =
                SmtpEnvelope { reverse_path: "b.quill@quillpounce.example".into(), forward_paths: vec![CROWN.into()] };
            let mut row = OutboxEntry::new("work", ID, envelope, lost_at());
            row.case = Some(case());
            row.subject = "R v WEASEL - 99ZX0012327 - Ambleford MC 06/03/2026 - IDPC request".into();
            change(&mut row);
            let lost = row.queued_at;
            let state = &open.stores.state;
            let id = state.queue(row, &copy()).unwrap();
            state.claim(id).unwrap().unwrap();
            state.update_outbox(id, |row| row.set_all(Delivery::Waiting, Delivery::InDoubt)).unwrap();
            let doubt = Doubt { since: lost, looked_at: None, looked_in: Vec::new() };
            state.step_outbox(id, Step::Lose, |row| row.doubt = Some(doubt)).unwrap();
            id
        });
        queued.unwrap()
    }

    fn awaited(&self) -> Vec<Awaiting> {
        let awaited = |core: &mut Core, open: &mut Open| {
            Records::record(&core.records(open), &case()).map(|case| case.awaiting.clone()).unwrap_or_default()
        };
        self.engine.core.ask_open(awaited).unwrap()
    }

    fn until(&self, wanted: impl Fn() -> bool) {
        let until = std::time::Instant::now() + PATIENCE;
        while !wanted() {
            let left = until.saturating_duration_since(std::time::Instant::now());
            self.events.recv_timeout(left).expect("it did not come about");
        }
    }
}

impl Running {
    fn row(&self) -> OutboxListed {
        self.engine.outbox().unwrap().remove(0)
    }

    /// Begins to work on the outbox; until something is known of the row.
    fn work(&self) -> OutboxListed {
        self.engine.core.ask_open(|core, open| start(core, open)).unwrap();
        self.until(|| self.row().state != "uncertain");
        self.row()
    }
}

#[test]
fn an_answer_is_awaited_to_what_was_found_and_to_what_a_person_says_was_sent() {
    let awaits = |running: &Running| {
        let awaited = running.awaited();
        let all: Vec<_> = awaited.iter().map(|one| (one.what.as_str(), one.message_id.as_str(), one.sent)).collect();
        assert_eq!(all, [("IDPC request", ID, lost_at())]);
        // What the register tells: no server has said that it took it.
        running.engine.record_mail(None).unwrap();
        let told = running.engine.register_lines().unwrap();
        let told: Vec<_> = told.iter().filter(|line| line.kind == "sent").flat_map(|line| &line.recipients).collect();
        assert_eq!((told.len(), told[0].outcome.as_str()), (1, "counted as sent"));
        told[0].reply.clone()
    };
    let found = World::new();
    let running = found.open();
    running.open_weasel();
    running.lost(None);
    assert!(running.awaited().is_empty());
    running.feed(7, vec![fetched(1, copy())]);
    let row = running.work();
    // The server had it when the connection was lost.
    assert_eq!((row.state, row.sent), ("sent-not-filed", Some(lost_at())), "{row:?}");
    running.until(|| !running.awaited().is_empty());
    assert_eq!(awaits(&running), "no answer came; it was found in INBOX");

    let by_word = World::new();
    let running = by_word.open();
    running.open_weasel();
    let id = running.lost(None);
    running.engine.resolve(id, Resolution::Arrived).unwrap();
    assert_eq!((running.row().state, running.row().sent), ("sent-not-filed", Some(lost_at())));
    assert_eq!(awaits(&running), "no answer came; by the user's word");
}

#[test]
fn a_program_that_ends_behind_a_proof_awaits_the_answer_at_the_next_start() {
    let world = World::new();
    let running = world.open();
    running.open_weasel();
    let id = running.lost(None);
    // A row that cannot be read keeps nothing else from being told.
    let spoiled = Owed::Asked(running.lost_as(|row| row.message_id = "2@quillpounce.example".into()));
    let before = spoiled.clone();
    let broken_off = move |_: &mut Core, open: &mut Open| {
        let state = &open.stores.state;
        let Owed::Asked(row) = before else { unreachable!() };
        state.write(|write| write.owe(before).and_then(|()| write.spoil_outbox(row))).unwrap();
        broken_off::behind_a_proof(state, id, core_now());
    };
    running.engine.core.ask_open(broken_off).unwrap();
    let state = running.engine.outbox().unwrap().into_iter().find(|row| row.id == id).unwrap().state;
    assert_eq!((state, running.awaited().len()), ("sent-not-filed", 0));
    running.engine.close();
    for _ in 0..2 {
        let running = world.open();
        let awaited = running.awaited();
        let all: Vec<_> = awaited.iter().map(|one| (one.what.as_str(), one.message_id.as_str(), one.sent)).collect();
        assert_eq!(all, [("IDPC request", ID, lost_at())]);
        let owed = running.engine.core.ask_open(|_, open| open.stores.state.owed().unwrap()).unwrap();
        assert_eq!(owed, std::slice::from_ref(&spoiled));
        running.engine.close();
    }
}

#[test]
fn a_program_that_ends_behind_a_return_takes_the_act_back_at_the_next_start() {
    fn puddock() -> CaseId {
        CaseId("puddock".into())
    }
    let world = World::new();
    let running = world.open();
    let enter = |events: Vec<Entry>| {
        running.engine.core.ask_open(move |core, open| core.note(open, &events).unwrap()).unwrap();
    };
    let known = sample::puddock();
    let opened = CaseChange::Opened { title: known.title.clone(), jurisdiction: known.jurisdiction };
    let parties = known.parties.iter().cloned().map(CaseChange::Party);
    let changes = std::iter::once(opened).chain(parties);
    enter(changes.map(|change| Entry::Case { case: puddock(), change }).collect());
    let act = sample::act(
        "D1",
        0,
        "2026-05-11 07:00",
        Deed::Offer { terms: sample::islas(), reply_by: sample::at("2026-05-12 09:00") },
    );
    let message = sample::message("D1");
    let sent = plea::Entry::Sent {
        message: message.clone(),
        at: act.at,
        by: "Isla Thistledown".into(),
        evidence: plea::Evidence::default(),
        act: act.clone(),
    };
    enter(vec![Entry::Plea { case: puddock(), act: sent.to_json().unwrap() }]);
    let queued = running.engine.core.ask_open(move |_, open| {
        let envelope = SmtpEnvelope {
            reverse_path: "b.quill@quillpounce.example".into(),
            forward_paths: vec!["h.lintwhite@copfs.gov.example".into()],
        };
        let mut row = OutboxEntry::new("work", &message.message_id, envelope, core_now());
        row.case = Some(puddock());
        let plea = serde_json::json!({ "act": act }).to_string();
        let to = crate::mail::address::Address { name: String::new(), addr: "h.lintwhite@copfs.gov.example".into() };
        let draft = Draft { case: Some(puddock()), plea: Some(plea), to: vec![to], ..Draft::default() };
        let state = &open.stores.state;
        let id = state.queue(row, &copy()).unwrap();
        state.write(|write| write.put_outbox_draft(id, &draft)).unwrap();
        broken_off::behind_a_return(state, id, core_now());
    });
    queued.unwrap();
    let is_taken_back = |running: &Running| {
        let entries = |_: &mut Core, open: &mut Open| open.register.pleas().unwrap().of(&puddock()).to_vec();
        let entries = running.engine.core.ask_open(entries).unwrap();
        entries.iter().filter(|entry| matches!(entry, plea::Entry::Unmark { .. })).count()
    };
    assert_eq!(is_taken_back(&running), 0);
    running.engine.close();
    for _ in 0..2 {
        let running = world.open();
        assert_eq!(is_taken_back(&running), 1);
        running.engine.close();
    }
}

#[test]
fn a_chase_by_two_routes_is_one_chase() {
    let world = World::new();
    let running = world.open();
    running.open_weasel();
    let arrived = |id| {
        running.engine.resolve(id, Resolution::Arrived).unwrap();
    };
    arrived(running.lost(None));
    let chase = |batch: Option<OutboxId>, minute: i64| {
        running.lost_as(move |row| {
            row.queued_at += SignedDuration::from_mins(minute);
            row.batch = batch.unwrap_or(OutboxId(0));
            row.route = batch.map(|_| "gateway".to_owned());
            row.message_id = "2@quillpounce.example".into();
            row.subject.push_str(" - chase");
        })
    };
    let first = chase(None, 1);
    let second = chase(Some(first), 2);
    arrived(first);
    arrived(second);
    let awaited = running.awaited();
    assert_eq!((awaited.len(), awaited[0].chased.as_slice()), (1, &[lost_at() + SignedDuration::from_mins(1)][..]));
    // Another chase is one more.
    arrived(chase(None, 3));
    assert_eq!(running.awaited()[0].chased.len(), 2);
    // So is one of which it becomes known first that the later try arrived.
    let first = chase(None, 4);
    arrived(chase(Some(first), 5));
    arrived(first);
    assert_eq!(running.awaited()[0].chased.len(), 3);
}

#[test]
fn what_was_answered_is_not_awaited_anew_when_a_doubt_ends() {
    let world = World::new();
    let running = world.open();
    running.open_weasel();
    let first = running.lost(None);
    let second = running.lost_as(move |row| {
        (row.batch, row.route) = (first, Some("gateway".to_owned()));
        row.queued_at += SignedDuration::from_mins(1);
    });
    running.engine.resolve(second, Resolution::Arrived).unwrap();
    let id = running.awaited()[0].id.clone();
    let came = move |core: &mut Core, open: &mut Open| {
        let change = CaseChange::Answered { id, at: core_now(), message_id: "3@cps.gov.example".into() };
        core.note(open, &[Entry::Case { case: case(), change }]).unwrap();
    };
    running.engine.core.ask_open(came).unwrap();
    running.engine.resolve(first, Resolution::Arrived).unwrap();
    let awaited = running.awaited();
    assert_eq!((awaited.len(), awaited[0].answered), (1, Some(core_now())));
}

#[test]
fn an_act_that_may_have_arrived_is_not_sent_again_when_time_has_gone_past_it() {
    let puddock = || CaseId("puddock".into());
    let world = World::new();
    let running = world.open();
    let enter = |events: Vec<Entry>| {
        running.engine.core.ask_open(move |core, open| core.note(open, &events).unwrap()).unwrap();
    };
    let known = sample::puddock();
    let opened = CaseChange::Opened { title: known.title.clone(), jurisdiction: known.jurisdiction };
    let mut changes = vec![opened];
    changes.extend(known.identifiers.iter().cloned().map(CaseChange::IdentifierAdded));
    changes.extend(known.accused.iter().cloned().map(CaseChange::Accused));
    changes.extend(known.charges.iter().cloned().map(CaseChange::Charge));
    changes.extend(known.parties.iter().cloned().map(CaseChange::Party));
    enter(changes.into_iter().map(|change| Entry::Case { case: puddock(), change }).collect());
    let entered = |no: &str, when: &str, deed: Deed| {
        let act = sample::act(no, 0, when, deed);
        let entry = plea::Entry::Sent {
            message: sample::message(no),
            at: act.at,
            by: "Isla Thistledown".into(),
            evidence: plea::Evidence::default(),
            act,
        };
        enter(vec![Entry::Plea { case: puddock(), act: entry.to_json().unwrap() }]);
    };
    let lost = |no: &str| {
        let id = sample::message(no).message_id;
        running.lost_as(move |row| {
            (row.case, row.message_id) = (Some(puddock()), id);
            row.recipients[0].address = "h.lintwhite@copfs.gov.example".into();
        })
    };
    let offer = |until: &str| Deed::Offer { terms: sample::islas(), reply_by: sample::at(until) };
    let state = |id| running.engine.outbox().unwrap().into_iter().find(|row| row.id == id).unwrap().state;
    let again = |id| running.engine.resolve(id, Resolution::SendAgain).map(|_| ()).map_err(|error| error.to_string());
    let retry = |id| running.engine.retry(id).map_err(|error| error.to_string());
    // The server refuses what was sent again.
    let refuse = |id| {
        let refuse = move |_: &mut Core, open: &mut Open| {
            open.stores.state.claim(id).unwrap().unwrap();
            open.stores.state.step_outbox(id, Step::Refuse, |row| row.set_all(Delivery::Waiting, Delivery::Refused))
        };
        running.engine.core.ask_open(refuse).unwrap().unwrap();
    };

    entered("D1", "2026-05-11 07:00", offer("2026-05-12 09:00"));
    let standing = lost("D1");
    again(standing).unwrap();
    refuse(standing);
    retry(standing).unwrap();
    refuse(standing);
    // A reminder overtakes nothing.
    entered("D2", "2026-05-11 07:15", Deed::Chase { text: String::new() });
    retry(standing).unwrap();
    refuse(standing);
    entered("D3", "2026-05-11 07:30", offer("2026-05-11 09:30"));
    assert!(retry(standing).unwrap_err().contains("Something else has come or was sent meanwhile"));
    assert_eq!(state(standing), "failed");
    // Ten o'clock by London's clock.
    let late = lost("D3");
    assert!(again(late).unwrap_err().contains("The time for an answer has passed meanwhile"));
    assert_eq!(state(late), "uncertain");
    // Whoever does not send it again may say that it is to be dropped.
    running.engine.resolve(late, Resolution::Drop).unwrap();
}

#[test]
fn a_trace_that_cannot_be_read_costs_its_own_message_only() {
    let world = World::new();
    let running = world.open();
    let damaged = running.lost(None);
    let whole = running.lost_as(|row| row.message_id = "2@quillpounce.example".into());
    let damage = move |_: &mut Core, open: &mut Open| {
        open.stores.state.put(&format!("store/outbox-traces/{damaged}"), &[0xff; 3]).unwrap();
        open.stores.state.outbox_traces(damaged).unwrap_err();
    };
    running.engine.core.ask_open(damage).unwrap();
    let second = String::from_utf8(copy()).unwrap().replace(ID, "2@quillpounce.example");
    running.feed(7, vec![fetched(1, copy()), fetched(2, second.into_bytes())]);
    running.engine.core.ask_open(|core, open| start(core, open)).unwrap();
    let state = |id| running.engine.outbox().unwrap().into_iter().find(|row| row.id == id).unwrap().state;
    running.until(|| state(whole) == "sent-not-filed");
    assert_eq!(state(damaged), "uncertain");
    let says = || running.engine.outbox().unwrap().into_iter().find(|row| row.id == damaged).unwrap().reply;
    running.until(|| says().contains("is damaged and cannot be read"));
    // A person decides, as of any other.
    running.engine.resolve(damaged, Resolution::SendAgain).unwrap();
    running.until(|| ["deferred", "failed"].contains(&state(damaged)));
    let taken = running.engine.cancel(damaged).unwrap();
    assert!(taken.words.contains("may have it already") && taken.words.contains("is damaged"), "{}", taken.words);
}

#[test]
fn of_what_is_taken_out_the_connection_is_forgotten() {
    let world = World::new();
    let running = world.open();
    let id = running.lost(None);
    let name = format!("channel-of/{id}");
    let put = name.clone();
    running.engine.core.ask_open(move |_, open| open.stores.state.put(&put, b"0123456789abcdef").unwrap()).unwrap();
    running.engine.resolve(id, Resolution::Drop).unwrap();
    let left = running.engine.core.ask_open(move |_, open| open.stores.state.value(&name).unwrap()).unwrap();
    assert_eq!(left, None);
}

#[test]
fn what_was_sent_again_and_is_taken_back_then_may_have_arrived_before() {
    let world = World::new();
    let running = world.open();
    let id = running.lost(None);
    running.engine.resolve(id, Resolution::SendAgain).unwrap();
    assert_eq!(running.row().state, "queued");
    let taken = running.engine.cancel(id).unwrap();
    assert!(taken.words.contains(&format!("{CROWN} may have it already")), "{}", taken.words);
    assert!(running.engine.outbox().unwrap().is_empty());
}

#[test]
fn our_own_copy_of_the_mailbox_that_the_user_files_in_counts() {
    const OWN: &str = "Weir/Copies of sent mail";
    let world = World::new();
    let mut config = config();
    config.accounts[0].sent_mailbox = Some(OWN.into());
    let running = world.open_with(config);
    running.lost(Some(OWN));
    let sink = running.sink();
    running.engine.block_on(async { sink.mailboxes(vec![listed(OWN, None)]).await }).unwrap().unwrap();
    pass(&running, OWN, vec![fetched(1, copy())]);
    running.engine.core.flush_back();
    let row = running.work();
    assert!(["sent-not-filed", "sent"].contains(&row.state) && row.reply.contains(OWN), "{row:?}");
    running.until(|| running.row().state == "sent");
}

#[test]
fn rows_of_an_account_that_is_gone_say_what_to_do_and_what_was_sent_is_forgotten_in_its_time() {
    let world = World::new();
    let mut gone = config();
    gone.accounts[0].name = "chambers".into();
    let running = world.open_with(gone.clone());
    running.lost(None);
    let unfiled = running.engine.core.ask_open(|_, open| {
        let row = || {
            let envelope =
                SmtpEnvelope { reverse_path: "b.quill@quillpounce.example".into(), forward_paths: vec![CROWN.into()] };
            OutboxEntry::new("work", "2@quillpounce.example", envelope, core_now())
        };
        let mut sent = row();
        sent.set_all(Delivery::Waiting, Delivery::Sent);
        let at = core_now() - SignedDuration::from_hours(8 * 24);
        (sent.state, sent.sent_at) = (OutboxState::SentNotFiled, Some(at));
        let mut partly = sent.clone();
        partly.recipients.push(OutboxRecipient { delivery: Delivery::Refused, ..OutboxRecipient::new("a@x.example") });
        [partly, sent, row()].map(|row| open.stores.state.queue(row, &copy()).unwrap())
    });
    let [partly, sent, queued] = unfiled.unwrap();
    let row = |running: &Running, id| running.engine.outbox().unwrap().into_iter().find(|row| row.id == id);
    let says = |running: &Running, id, words: &str| row(running, id).is_some_and(|row| row.reply.contains(words));
    running.engine.core.ask_open(|core, open| start(core, open)).unwrap();
    running.until(|| says(&running, sent, "No copy is filed") && row(&running, queued).unwrap().state == "failed");
    running.until(|| says(&running, partly, "or take back what has not left"));
    let sent_row = row(&running, sent).unwrap();
    assert!(sent_row.reply.contains("it is forgotten after 2026-05-18."), "{sent_row:?}");
    assert_eq!(sent_row.next_attempt, None, "it is not tried again then");
    let failed = row(&running, queued).unwrap();
    assert_eq!(
        failed.reply,
        "Not sent. There is no account to send it with. Its account, work, is no longer in the configuration: it does not leave. \
         Take it back and write as another account, or put the account back and try again."
    );
    assert!(failed.cancellable && failed.retryable);
    let rows = running.engine.outbox().unwrap();
    let uncertain = rows.iter().find(|row| row.state == "uncertain").unwrap();
    assert!(uncertain.reply.contains("it is not looked for. Ask a recipient"), "{uncertain:?}");
    // A week after it was said it may go; not what somebody was refused, whose text is nowhere else.
    running.engine.close();
    let running = world.open_at(gone, core_now() + SignedDuration::from_hours(7 * 24));
    running.engine.core.ask_open(|core, open| start(core, open)).unwrap();
    running.until(|| row(&running, sent).is_none());
    assert!(row(&running, partly).unwrap().cancellable);
    assert_eq!(running.engine.outbox().unwrap().len(), 3);
}
