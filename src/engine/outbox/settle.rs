//! What a try came to, written into the row: recipient by recipient, and the step that follows. Pure.

use jiff::{SignedDuration, Timestamp};

use super::retry;
use crate::net::Culprit;
use crate::smtp::{Outcome, Phase, Refusal, Reply, ReplyClass, Submission, status};
use crate::store::outbox::{Delivery, Doubt, OutboxEntry, OutboxRecipient, Step};

/// What one try came to.
#[derive(Clone, Debug)]
pub(super) enum Attempt {
    /// The server was spoken to, or was not to be found.
    Made(Submission),
    /// It could not even be begun, and waiting may help: in words.
    Not(String),
    /// It cannot be begun as things are: a person has to change something.
    Never(String),
    /// It broke off inside casemail; whether the dot had left is known from the row alone.
    Broken(String),
}

impl Attempt {
    /// Whether a server may have taken it for some of those in doubt and not for others.
    pub(super) fn is_divided(&self) -> bool {
        matches!(self, Self::Made(Submission { outcome: Outcome::Divided { .. }, .. }))
    }

    /// Whether the next message of the same account and route would fare no better: nothing was said of this one.
    pub(super) fn is_of_the_lane(&self) -> bool {
        match self {
            Self::Made(submission) => matches!(
                &submission.outcome,
                Outcome::Unreachable(_)
                    | Outcome::LoginRefused { .. }
                    | Outcome::NotConnected { phase: Phase::Connect | Phase::Login, .. }
                    | Outcome::Transient { phase: Phase::Connect | Phase::Login, .. }
                    | Outcome::Permanent { phase: Phase::Connect | Phase::Login, .. }
            ),
            Self::Not(_) => true,
            Self::Never(_) | Self::Broken(_) => false,
        }
    }
}

/// Puts a reply down to a recipient.
fn note_reply(one: &mut OutboxRecipient, reply: &Reply) {
    one.code = reply.code;
    one.status = reply.enhanced.clone().unwrap_or_default();
    one.text = reply.words();
}

/// Whether a refusal may mean that there were too many at once. Servers are to say 452 then, and some say 552 (RFC 5321 §4.5.3.1.10); one that says
/// more than that means something else, a full mailbox most often.
fn may_be_too_many(reply: &Reply) -> bool {
    reply.code == 552 && reply.enhanced.as_deref().is_none_or(|status| status.ends_with(".5.3"))
}

/// Those refused by name: for good, or to be tried again.
pub(super) fn note_refusals(entry: &mut OutboxEntry, refused: &[Refusal]) {
    let is_open = |one: &OutboxRecipient| matches!(one.delivery, Delivery::Waiting | Delivery::InDoubt);
    let is_refused = |one: &OutboxRecipient| refused.iter().any(|no| one.address.eq_ignore_ascii_case(&no.address));
    let some_taken = entry.recipients.iter().any(|one| is_open(one) && !is_refused(one));
    for refusal in refused {
        let named = |one: &&mut OutboxRecipient| one.address.eq_ignore_ascii_case(&refusal.address);
        for one in entry.recipients.iter_mut().filter(named) {
            if is_open(one) {
                note_reply(one, &refusal.reply);
                one.delivery = match refusal.reply.class() {
                    ReplyClass::Permanent if !(some_taken && may_be_too_many(&refusal.reply)) => Delivery::Refused,
                    _ => Delivery::Waiting,
                };
            }
        }
    }
}

/// The last moment before the final dot: whoever was not refused may have it from now on.
pub(super) fn note_doubt(entry: &mut OutboxEntry, refused: &[Refusal]) {
    entry.set_all(Delivery::Waiting, Delivery::InDoubt);
    note_refusals(entry, refused);
}

/// Writes down what became of a try; the step that the row takes.
pub(super) fn settle(entry: &mut OutboxEntry, attempt: &Attempt, now: Timestamp, chance: u32) -> Step {
    entry.unreachable = false;
    match attempt {
        Attempt::Not(words) => {
            entry.reply = format!("Not sent yet. {words}");
            put_off(entry, now, chance)
        }
        Attempt::Never(words) => {
            entry.reply = format!("Not sent. {words}");
            fail(entry, None)
        }
        Attempt::Broken(words) => {
            if entry.count(Delivery::InDoubt) > 0 {
                return lose(entry, now, words);
            }
            entry.reply = format!("Not sent yet. {words}");
            put_off(entry, now, chance)
        }
        Attempt::Made(Submission { outcome, refused }) => {
            // A definite answer: nobody is in doubt any more.
            if !matches!(outcome, Outcome::Uncertain { .. } | Outcome::Divided { .. } | Outcome::Accepted { .. }) {
                entry.set_all(Delivery::InDoubt, Delivery::Waiting);
            }
            note_refusals(entry, refused);
            made(entry, outcome, now, chance)
        }
    }
}

fn made(entry: &mut OutboxEntry, outcome: &Outcome, now: Timestamp, chance: u32) -> Step {
    entry.reply = outcome.to_string();
    match outcome {
        Outcome::Accepted { reply } => {
            for one in entry.recipients.iter_mut().filter(|one| one.delivery == Delivery::InDoubt) {
                note_reply(one, reply);
                one.delivery = Delivery::Sent;
            }
            entry.sent_at.get_or_insert(now);
            // RFC 5321 §4.5.3.1.10: too many at once; the rest may follow without a wait.
            let rest_may_follow = entry
                .recipients
                .iter()
                .filter(|one| one.delivery == Delivery::Waiting)
                .all(|one| matches!(one.code, 452 | 552) || one.status.ends_with(".5.3"));
            let step = if entry.count(Delivery::Waiting) > 0 && !rest_may_follow {
                refused_for_now(entry, now, chance)
            } else {
                entry.next_attempt = None;
                entry.settled()
            };
            if entry.recipients.len() > entry.count(Delivery::Sent) {
                entry.reply = in_parts(entry);
            }
            step
        }
        Outcome::RecipientsRefused { .. } => {
            entry.reply = in_parts(entry);
            match entry.count(Delivery::Waiting) {
                0 => entry.settled(),
                _ => refused_for_now(entry, now, chance),
            }
        }
        Outcome::Transient { phase, .. } => {
            entry.unreachable = *phase == Phase::Connect;
            refused_for_now(entry, now, chance)
        }
        Outcome::Permanent { phase: Phase::Connect, .. } => put_off(entry, now, chance),
        Outcome::Permanent { reply, .. } => fail(entry, Some(reply)),
        Outcome::LoginRefused { reply } if reply.class() == ReplyClass::Transient => put_off(entry, now, chance),
        Outcome::LoginRefused { .. } | Outcome::Unsendable(_) => fail(entry, None),
        Outcome::Unreachable(error) if error.culprit() == Culprit::Configuration => fail(entry, None),
        Outcome::NotConnected { .. } | Outcome::Unreachable(_) => {
            entry.unreachable = true;
            put_off(entry, now, chance)
        }
        Outcome::Uncertain { because } => lose(entry, now, because),
        Outcome::Divided { answers } => {
            let step = lose(entry, now, answers);
            entry.reply = divided(entry, answers);
            step
        }
    }
}

/// It will not pass by itself. Where others have it already, those left are refused, and the row is sent as far as it goes.
fn fail(entry: &mut OutboxEntry, reply: Option<&Reply>) -> Step {
    let some_have_it = entry.count(Delivery::Sent) > 0;
    let words = entry.reply.clone();
    for one in entry.recipients.iter_mut().filter(|one| one.delivery == Delivery::Waiting) {
        match reply {
            Some(reply) => {
                note_reply(one, reply);
                one.delivery = Delivery::Refused;
            }
            None if some_have_it => {
                one.text.clone_from(&words);
                one.delivery = Delivery::Refused;
            }
            None => {}
        }
    }
    entry.next_attempt = None;
    if some_have_it { entry.settled() } else { Step::Refuse }
}

/// A server said "not now": tried again, but not for ever.
fn refused_for_now(entry: &mut OutboxEntry, now: Timestamp, chance: u32) -> Step {
    entry.put_offs = entry.put_offs.saturating_add(1);
    if entry.put_offs < retry::PUT_OFFS_MAX {
        return put_off(entry, now, chance);
    }
    entry.reply = format!("Given up after {} tries. {}", entry.attempts, entry.reply);
    entry.set_all(Delivery::Waiting, Delivery::Refused);
    entry.next_attempt = None;
    entry.settled()
}

fn put_off(entry: &mut OutboxEntry, now: Timestamp, chance: u32) -> Step {
    let wait = SignedDuration::try_from(retry::wait(entry.attempts, chance)).unwrap_or_default();
    entry.next_attempt = now.checked_add(wait).ok();
    Step::PutOff
}

fn lose(entry: &mut OutboxEntry, now: Timestamp, because: &str) -> Step {
    // The note before the dot was not written: no recipient is in doubt, and nothing can have left.
    if entry.count(Delivery::InDoubt) == 0 {
        entry.set_all(Delivery::Waiting, Delivery::InDoubt);
    }
    entry.reply = format!("The whole text went out, but no answer came: {because}");
    // The note before the dot says when it left; that no answer would come may have been found out much later.
    entry.doubt.get_or_insert(Doubt { since: now, looked_at: None, looked_in: Vec::new() });
    Step::Lose
}

/// What a row says whose answers contradict each other.
fn divided(entry: &OutboxEntry, answers: &str) -> String {
    let words = format!("The whole text went out, and the server's answers contradict each other: {answers}.");
    match entry.count(Delivery::InDoubt) {
        1 => words,
        _ => format!("{words} It may have it for some and not for others."),
    }
}

/// `Sent to 2 of 3`, with everybody who has not got it and why.
pub(super) fn in_parts(entry: &OutboxEntry) -> String {
    let all = entry.recipients.len();
    let mut words = match entry.count(Delivery::Sent) {
        0 => "Not sent to anybody.".to_owned(),
        sent => format!("Sent to {sent} of {all}."),
    };
    for one in &entry.recipients {
        let said = said(one);
        let why = if said.is_empty() { String::new() } else { format!(": {said}") };
        match one.delivery {
            Delivery::Refused => words.push_str(&format!(" {} was refused{why}.", one.address)),
            Delivery::Waiting => words.push_str(&format!(" {} waits{why}.", one.address)),
            Delivery::TakenBack => words.push_str(&format!(" {} was taken back.", one.address)),
            Delivery::InDoubt | Delivery::Sent => {}
        }
    }
    words
}

/// How far it was sent, in a sentence.
pub(super) fn in_parts_or_sent(entry: &OutboxEntry) -> String {
    if entry.count(Delivery::Sent) == entry.recipients.len() { "Sent.".to_owned() } else { in_parts(entry) }
}

/// What the server said of a recipient, with what its code means.
pub(super) fn said(one: &OutboxRecipient) -> String {
    let mut words = match (one.code, one.text.is_empty()) {
        (0, _) => one.text.clone(),
        (code, true) => code.to_string(),
        (code, false) => format!("{code} {}", one.text),
    };
    if let Some(meaning) = status::in_words(&one.status).filter(|_| one.delivery != Delivery::Sent) {
        words.push_str(&format!(" ({meaning})"));
    }
    words
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{Attempt, Doubt, note_doubt, settle};
    use crate::smtp::{Outcome, Phase, Refusal, Reply, Submission};
    use crate::store::outbox::Delivery::{self, InDoubt, Refused, Sent, Waiting};
    use crate::store::outbox::{Next, OutboxEntry, OutboxState, SmtpEnvelope, Step};

    fn now() -> Timestamp {
        "2026-05-21T13:30:00Z".parse().unwrap()
    }

    fn reply(code: u16, enhanced: &str) -> Reply {
        Reply { code, enhanced: Some(enhanced.to_owned()), lines: vec!["words".to_owned()] }
    }

    fn refusal(who: &str, code: u16) -> Refusal {
        Refusal { address: format!("{who}@copfs.gov.example"), reply: reply(code, "5.1.1") }
    }

    /// A row being sent to a, b and c.
    fn sending(deliveries: [Delivery; 3]) -> OutboxEntry {
        let forward_paths = ["a", "b", "c"].map(|who| format!("{who}@copfs.gov.example")).to_vec();
        let envelope = SmtpEnvelope { reverse_path: "b.quill@quillpounce.example".into(), forward_paths };
        let mut entry = OutboxEntry::new("work", "1@example.com", envelope, now());
        (entry.state, entry.attempts) = (OutboxState::Sending, 1);
        for (one, delivery) in entry.recipients.iter_mut().zip(deliveries) {
            one.delivery = delivery;
        }
        entry
    }

    /// Plays an outcome, with the note before the dot where there was one; what the recipients are then, and the step.
    #[track_caller]
    fn check(
        before: [Delivery; 3],
        dot: bool,
        outcome: Outcome,
        refused: &[Refusal],
        expected: [Delivery; 3],
        step: Step,
    ) -> OutboxEntry {
        let mut entry = sending(before);
        if dot {
            note_doubt(&mut entry, refused);
        }
        let attempt = Attempt::Made(Submission { outcome, refused: refused.to_vec() });
        let taken = settle(&mut entry, &attempt, now(), 999);
        let after: Vec<Delivery> = entry.recipients.iter().map(|one| one.delivery).collect();
        assert_eq!((after.as_slice(), taken), (&expected[..], step), "{}", entry.reply);
        let Some(Next::State(state)) = entry.state.after(taken) else { panic!("{taken:?} may not be taken") };
        entry.state = state;
        assert!(entry.agrees(), "{entry:?}");
        entry
    }

    #[test]
    fn one_refused_of_three_costs_the_others_nothing() {
        let ok = || Outcome::Accepted { reply: reply(250, "2.0.0") };
        let all = [Waiting; 3];
        check(all, true, ok(), &[], [Sent; 3], Step::Accept);
        let row = check(all, true, ok(), &[refusal("b", 550)], [Sent, Refused, Sent], Step::Accept);
        assert_eq!(row.reply, "Sent to 2 of 3. b@copfs.gov.example was refused: 550 words (there is no such address).");
        let row = check(all, true, ok(), &[refusal("b", 451)], [Sent, Waiting, Sent], Step::PutOff);
        assert_eq!(row.next_attempt, Some(now() + SignedDuration::from_secs(30)));
        assert!(row.reply.contains("Sent to 2 of 3. b@copfs.gov.example waits: 451"), "{}", row.reply);
        // The second try is for b alone.
        check([Sent, Waiting, Sent], true, ok(), &[], [Sent; 3], Step::Accept);
        check(
            [Sent, Waiting, Sent],
            false,
            Outcome::RecipientsRefused { refused: vec![refusal("b", 550)] },
            &[refusal("b", 550)],
            [Sent, Refused, Sent],
            Step::Accept,
        );
        // Too many at once: the rest follows without a wait.
        let row = check(all, true, ok(), &[refusal("c", 452)], [Sent, Sent, Waiting], Step::PutOff);
        assert_eq!((row.next_attempt, row.put_offs), (None, 0));
    }

    #[test]
    fn too_many_at_once_is_said_with_552_by_some() {
        let ok = || Outcome::Accepted { reply: reply(250, "2.0.0") };
        let no = |enhanced: Option<&str>| {
            let reply = Reply { code: 552, enhanced: enhanced.map(str::to_owned), lines: vec!["too many".to_owned()] };
            [Refusal { address: "c@copfs.gov.example".to_owned(), reply }]
        };
        for enhanced in [None, Some("5.5.3")] {
            let row = check([Waiting; 3], true, ok(), &no(enhanced), [Sent, Sent, Waiting], Step::PutOff);
            assert_eq!((row.next_attempt, row.put_offs), (None, 0), "the rest follows without a wait");
            let later = Outcome::Transient { phase: Phase::Confirmation, reply: reply(451, "4.3.0") };
            check([Waiting; 3], true, later, &no(enhanced), [Waiting; 3], Step::PutOff);
            // Alone, it is meant of that one.
            let outcome = Outcome::RecipientsRefused { refused: no(enhanced).to_vec() };
            check([Sent, Sent, Waiting], false, outcome, &no(enhanced), [Sent, Sent, Refused], Step::Accept);
        }
        check([Waiting; 3], true, ok(), &no(Some("5.2.2")), [Sent, Sent, Refused], Step::Accept);
    }

    #[test]
    fn nobody_taken_is_failed_or_put_off() {
        let refused = [refusal("a", 550), refusal("b", 550), refusal("c", 451)];
        let outcome = Outcome::RecipientsRefused { refused: refused.to_vec() };
        check([Waiting; 3], false, outcome, &refused, [Refused, Refused, Waiting], Step::PutOff);
        let refused = ["a", "b", "c"].map(|who| refusal(who, 550));
        let outcome = Outcome::RecipientsRefused { refused: refused.to_vec() };
        check([Waiting; 3], false, outcome, &refused, [Refused; 3], Step::Refuse);
    }

    #[test]
    fn a_definite_answer_leaves_nobody_in_doubt() {
        let at = |phase, code| match code {
            400..500 => Outcome::Transient { phase, reply: reply(code, "4.3.0") },
            _ => Outcome::Permanent { phase, reply: reply(code, "5.7.1") },
        };
        let b = [refusal("b", 550)];
        check([Waiting; 3], true, at(Phase::Confirmation, 451), &b, [Waiting, Refused, Waiting], Step::PutOff);
        check([Waiting; 3], true, at(Phase::Confirmation, 554), &b, [Refused; 3], Step::Refuse);
        check([Waiting; 3], false, at(Phase::Sender, 550), &[], [Refused; 3], Step::Refuse);
        check([Sent, Waiting, Sent], true, at(Phase::Confirmation, 554), &[], [Sent, Refused, Sent], Step::Accept);
        check([Waiting; 3], false, at(Phase::Connect, 554), &[], [Waiting; 3], Step::PutOff);
    }

    #[test]
    fn no_answer_to_the_dot_is_doubt_for_those_who_were_taken() {
        let lost = || Outcome::Uncertain { because: "gone".into() };
        let row = check([Waiting; 3], true, lost(), &[refusal("b", 550)], [InDoubt, Refused, InDoubt], Step::Lose);
        assert_eq!(row.doubt.unwrap().since, now());
        check([Sent, Waiting, Sent], true, lost(), &[], [Sent, InDoubt, Sent], Step::Lose);
        let gone = Outcome::NotConnected { phase: Phase::Data, because: "gone".into() };
        let row = check([Waiting; 3], false, gone, &[], [Waiting; 3], Step::PutOff);
        assert!(row.unreachable);
    }

    #[test]
    fn answers_that_contradict_each_other_leave_all_in_doubt_who_were_taken() {
        let both = || Outcome::Divided { answers: "250 ok; 550 no".into() };
        let row = check([Waiting; 3], true, both(), &[refusal("b", 550)], [InDoubt, Refused, InDoubt], Step::Lose);
        assert!(row.reply.contains("for some and not for others") && !row.reply.contains("no answer"), "{}", row.reply);
        let row = check([Sent, Waiting, Sent], true, both(), &[], [Sent, InDoubt, Sent], Step::Lose);
        assert!(row.reply.ends_with("contradict each other: 250 ok; 550 no."), "{}", row.reply);
    }

    #[test]
    fn a_doubt_begins_when_the_dot_leaves() {
        let dot = now() - SignedDuration::from_mins(10);
        for attempt in
            [Attempt::Made(Submission::of(Outcome::Uncertain { because: "gone".into() })), Attempt::Broken("x".into())]
        {
            let mut entry = sending([InDoubt; 3]);
            entry.doubt = Some(Doubt { since: dot, looked_at: None, looked_in: Vec::new() });
            assert_eq!(settle(&mut entry, &attempt, now(), 0), Step::Lose);
            assert_eq!(entry.doubt.unwrap().since, dot, "{attempt:?}");
        }
    }

    #[test]
    fn a_server_that_never_takes_it_is_given_up() {
        let mut entry = sending([Sent, Waiting, Waiting]);
        entry.put_offs = super::retry::PUT_OFFS_MAX - 1;
        let outcome = Outcome::Transient { phase: Phase::Sender, reply: reply(451, "4.3.0") };
        let step = settle(&mut entry, &Attempt::Made(Submission::of(outcome)), now(), 0);
        assert_eq!((step, entry.count(Refused), entry.count(Sent)), (Step::Accept, 2, 1));
        assert!(entry.reply.starts_with("Given up after"), "{}", entry.reply);
    }

    #[test]
    fn what_broke_inside_is_judged_by_the_row() {
        let mut entry = sending([Waiting; 3]);
        assert_eq!(settle(&mut entry, &Attempt::Broken("x".into()), now(), 0), Step::PutOff);
        let mut entry = sending([InDoubt, Waiting, Waiting]);
        assert_eq!(settle(&mut entry, &Attempt::Broken("x".into()), now(), 0), Step::Lose);
        let mut entry = sending([Sent, Waiting, Waiting]);
        assert_eq!(settle(&mut entry, &Attempt::Never("x".into()), now(), 0), Step::Accept);
        assert_eq!(entry.count(Refused), 2);
        let mut entry = sending([Waiting; 3]);
        assert_eq!(settle(&mut entry, &Attempt::Never("x".into()), now(), 0), Step::Refuse);
    }
}
