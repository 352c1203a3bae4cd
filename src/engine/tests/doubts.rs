//! Rows of which nobody knows whether they were sent, and what follows when it becomes known.

use jiff::{SignedDuration, Timestamp};

use super::{PATIENCE, Running, World, config, core_now, fetched, listed, pass};
use crate::case::{Awaiting, Jurisdiction};
use crate::engine::core::{Core, Open};
use crate::engine::guard::Records;
use crate::engine::outbox::start;
use crate::engine::query::{OutboxListed, Resolution};
use crate::imap::Sink as _;
use crate::mail::id::{CaseId, OutboxId};
use crate::register::{CaseChange, Event as Entry};
use crate::store::outbox::{Delivery, Doubt, OutboxEntry, OutboxState, SmtpEnvelope, Step};

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
    let others = running.engine.core.ask_open(|_, open| {
        let row = || {
            let envelope =
                SmtpEnvelope { reverse_path: "b.quill@quillpounce.example".into(), forward_paths: vec![CROWN.into()] };
            OutboxEntry::new("work", "2@quillpounce.example", envelope, core_now())
        };
        let mut sent = row();
        sent.set_all(Delivery::Waiting, Delivery::Sent);
        let at = core_now() - SignedDuration::from_hours(8 * 24);
        (sent.state, sent.sent_at) = (OutboxState::SentNotFiled, Some(at));
        [sent, row()].map(|row| open.stores.state.queue(row, &copy()).unwrap())
    });
    let [sent, queued] = others.unwrap();
    let row = |running: &Running, id| running.engine.outbox().unwrap().into_iter().find(|row| row.id == id);
    let says = |running: &Running, id, words: &str| row(running, id).is_some_and(|row| row.reply.contains(words));
    running.engine.core.ask_open(|core, open| start(core, open)).unwrap();
    running.until(|| says(&running, sent, "No copy is filed") && row(&running, queued).unwrap().state == "failed");
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
    // It was said: from the next start on it may go.
    running.engine.close();
    let running = world.open_with(gone);
    running.engine.core.ask_open(|core, open| start(core, open)).unwrap();
    running.until(|| row(&running, sent).is_none());
    assert_eq!(running.engine.outbox().unwrap().len(), 2);
}
