//! What is written is never lost, and what has not left is told of: locks, full disks, the editor, the end.

use super::Play;
use super::cast::time;
use crate::app::effect::Effect;
use crate::app::event::Event;
use crate::app::view::{Sentence, Tone};
use crate::mail::draft::{Attachment, Draft};
use crate::mail::id::DraftKey;

fn tick(play: &mut Play, text: &str) {
    play.event(Event::Tick(time(text)));
}

fn text(play: &mut Play) -> Option<String> {
    play.model.composer_mut().map(|(composer, _)| composer.text())
}

fn quits(play: &Play) -> bool {
    play.effects.iter().any(|effect| matches!(effect, Effect::Quit))
}

fn locks(play: &Play) -> bool {
    play.effects.iter().any(|effect| matches!(effect, Effect::Lock))
}

fn refusal(words: &str) -> Sentence {
    super::sentence(Tone::Alarm, words)
}

/// With the rows of the outbox in these states.
fn outbox(play: &mut Play, states: &[&'static str]) {
    let row = play.world.outbox[0].clone();
    let rows = states.iter().map(|state| crate::app::view::OutboxRow { state, ..row.clone() });
    let rows: Vec<_> = rows.collect();
    play.event(Event::Outbox(rows.into()));
}

#[test]
fn a_draft_that_is_offered_behind_the_lock_is_gone_on_with() {
    let mut play = Play::new().keys("<F12>");
    let draft = Draft { key: Some(DraftKey(7)), body: "Half a thought".to_owned(), ..Draft::default() };
    play.event(Event::Unlocked(Ok(())));
    play.event(Event::DraftFound(Box::new(draft)));
    assert!(play.screen().contains("was kept. Go on with it now?"), "{}", play.screen());
    play.press("y");
    assert_eq!(text(&mut play).as_deref(), Some("Half a thought\n"));
    play.press("!<esc>");
    let kept = play.effects.iter().rev().find_map(|effect| match effect {
        Effect::KeepDraft(draft) => draft.key,
        _ => None,
    });
    assert_eq!(kept, Some(DraftKey(7)), "it is the same draft");
}

#[test]
fn what_was_written_in_the_editor_is_there_however_long_that_took() {
    let mut play = Play::new().keys("j<CR><CR>r<C-o>");
    assert!(play.effects.iter().any(|effect| matches!(effect, Effect::Edit(_))), "{:?}", play.told());
    let back = time("2026-05-21T15:30:00Z");
    play.event(Event::Edited(back, Ok("A long answer.".to_owned())));
    play.event(Event::Tick(back));
    assert_eq!(text(&mut play).as_deref(), Some("A long answer.\n"));
    assert!(!locks(&play));
    tick(&mut play, "2026-05-21T15:35:01Z");
    assert!(locks(&play) && play.model.is_locked());
}

#[test]
fn a_draft_that_cannot_be_kept_stays_and_is_tried_again() {
    let mut play = Play::new();
    play.world.full = true;
    play.press("j<CR><CR>rYes");
    tick(&mut play, "2026-05-21T13:30:03Z");
    assert!(play.screen().contains("could not be kept"), "{}", play.screen());
    let kept = |play: &Play| play.effects.iter().filter(|effect| matches!(effect, Effect::KeepDraft(_))).count();
    tick(&mut play, "2026-05-21T13:30:10Z");
    assert_eq!(kept(&play), 1, "not with every tick");
    tick(&mut play, "2026-05-21T13:30:35Z");
    assert_eq!(kept(&play), 2);
    // Put by, and another one begun: it is nowhere but in memory, and tried again.
    play.press("<esc>");
    assert_eq!(kept(&play), 3);
    play.press("cx");
    tick(&mut play, "2026-05-21T13:31:06Z");
    assert!(kept(&play) >= 4);
    let first = |play: &Play| {
        let told = play.effects.iter().rev();
        let drafts = told.filter_map(|effect| match effect {
            Effect::KeepDraft(draft) => Some(draft.body.lines().next().unwrap_or_default().to_owned()),
            _ => None,
        });
        drafts.collect::<Vec<_>>()
    };
    assert!(first(&play)[..2].contains(&"Yes".to_owned()), "{:?}", first(&play));
    // Locked: nothing of it is on screen, and it is there behind the lock.
    play.press("<F12>");
    assert!(!play.model.is_composing() && !play.screen().contains("Yes"), "{}", play.screen());
    play.event(Event::Locked);
    play.event(Event::Unlocked(Ok(())));
    assert!(play.model.is_composing() && play.screen().contains("could not be kept"), "{}", play.screen());
    // What is kept is not brought back: the store has it.
    play.world.full = false;
    tick(&mut play, "2026-05-21T13:32:00Z");
    play.press("!");
    tick(&mut play, "2026-05-21T13:32:40Z");
    play.press("<F12>");
    play.event(Event::Unlocked(Ok(())));
    assert!(!play.model.is_composing());
}

#[test]
fn a_draft_that_is_not_known_to_be_kept_outlives_the_lock_and_one_that_was_queued_does_not() {
    // The lid was closed: one tick keeps it and locks, and the store says no behind the lock.
    let mut play = Play::new().keys("j<CR><CR>rYes");
    play.silent = true;
    tick(&mut play, "2026-05-21T13:50:00Z");
    assert!(locks(&play));
    let key = play.effects.iter().rev().find_map(|effect| match effect {
        Effect::KeepDraft(draft) => Some(draft.key),
        _ => None,
    });
    play.event(Event::DraftKept(key.unwrap(), Err(refusal("The draft could not be kept: the disk is full."))));
    play.event(Event::Unlocked(Ok(())));
    assert_eq!(text(&mut play).as_deref().and_then(|text| text.lines().next()), Some("Yes"));
    // Confirmed at once, and locked before the answer: it is on its way.
    let mut play = Play::new().keys("j<CR><CR>rYes<C-s>");
    play.silent = true;
    play.press("y<F12>");
    let key = play.world.reviewed;
    play.event(Event::Queued(key, Ok(super::sentence(Tone::Good, "In the outbox."))));
    play.event(Event::Unlocked(Ok(())));
    assert!(!play.model.is_composing());
}

#[test]
fn the_end_waits_for_the_draft_and_asks_where_it_cannot_be_kept() {
    let mut play = Play::new();
    play.world.full = true;
    play.press("j<CR><CR>rYes<C-q>");
    assert!(!quits(&play) && play.screen().contains("End casemail without the draft?"), "{}", play.screen());
    play.press("n");
    assert!(play.model.is_composing() && !quits(&play));
    // Also where it was asked about something else first.
    outbox(&mut play, &["held"]);
    play.press("!<C-q>");
    assert!(play.screen().contains("1 message has not left; it goes next time."), "{}", play.screen());
    play.press("y");
    assert!(!quits(&play) && play.screen().contains("End casemail without the draft?"), "{}", play.screen());
    play.press("n");
    play.world.full = false;
    play.press("!<C-q>y");
    assert!(quits(&play));
}

#[test]
fn what_has_not_left_is_told_of_at_the_end_and_on_the_lock() {
    let mut play = Play::new();
    outbox(&mut play, &["sent", "held", "deferred", "failed"]);
    play.press("<C-q>");
    let whole = "End casemail now? 2 messages have not left; they go next time. y yes, n no";
    assert!(!quits(&play) && play.screen().contains(whole), "{}", play.screen());
    play.press("n");
    for (count, whole) in [
        (1, "End casemail now? 1 message has not left; it goes next time. y yes, n no"),
        (99, "End casemail now? 99 messages have not left; they go next time. y yes, n no"),
    ] {
        outbox(&mut play, &vec!["held"; count]);
        play.press("<C-q>");
        assert!(play.screen().contains(whole), "{}", play.screen());
        play.press("n");
    }
    outbox(&mut play, &["sent", "held", "deferred", "failed"]);
    play.press("<F12>");
    insta::assert_snapshot!("locked_with_mail_waiting", play.screen());
    play.event(Event::Unlocked(Ok(())));
    play.press("<C-q><C-q>");
    assert!(quits(&play), "who says so twice means it");
    let mut play = Play::new();
    outbox(&mut play, &["sent", "sent-not-filed"]);
    play.press("<C-q>");
    assert!(quits(&play));
}

#[test]
fn nobody_there_locks_the_profile_behind_what_is_being_sent() {
    let away = |play: &mut Play| {
        outbox(play, &["sending"]);
        tick(play, "2026-05-21T13:36:00Z");
        assert!(play.model.is_locked() && !locks(play));
    };
    let mut play = Play::new();
    away(&mut play);
    outbox(&mut play, &["sent"]);
    assert!(locks(&play));
    // Not for ever.
    let mut play = Play::new();
    away(&mut play);
    tick(&mut play, "2026-05-21T13:45:59Z");
    assert!(!locks(&play));
    tick(&mut play, "2026-05-21T13:46:01Z");
    assert!(locks(&play));
    // Who comes back in between has it open again, and it stays so.
    let mut play = Play::new();
    away(&mut play);
    play.event(Event::Unlocked(Ok(())));
    outbox(&mut play, &["sent"]);
    assert!(!locks(&play) && !play.model.is_locked());
    // At a key's word it is locked at once.
    let mut play = Play::new();
    outbox(&mut play, &["sending"]);
    play.press("<F12>");
    assert!(locks(&play));
}

#[test]
fn a_message_that_is_queued_is_no_draft_any_more_whatever_is_on_screen() {
    for keys in ["q", "<esc>", "go", "?", "gc", "e"] {
        let mut play = Play::new().keys("j<CR><CR>rYes.<C-s>");
        play.silent = true;
        play.press("y");
        play.press(keys);
        play.silent = false;
        let key = play.world.reviewed;
        play.event(Event::Queued(key, Ok(super::sentence(Tone::Good, "In the outbox."))));
        assert!(!play.model.is_composing() && play.model.kept.is_none(), "{keys}: {}", play.screen());
        let kept = play.effects.iter().filter(|effect| matches!(effect, Effect::KeepDraft(_))).count();
        assert_eq!(kept, 0, "{keys}");
    }
    // Refused: it is all there.
    let mut play = Play::new().keys("j<CR><CR>rYes.<C-s>");
    play.silent = true;
    play.press("ygc");
    let key = play.world.reviewed;
    play.event(Event::Queued(key, Err(refusal("The disk is full."))));
    play.press("e");
    assert_eq!(text(&mut play).as_deref().and_then(|text| text.lines().next()), Some("Yes."));
    // Another one that was queued elsewhere leaves the one on screen.
    play.event(Event::Queued(Some(DraftKey(1)), Ok(super::sentence(Tone::Good, "In the outbox."))));
    play.event(Event::Queued(None, Ok(super::sentence(Tone::Good, "In the outbox."))));
    assert!(play.model.is_composing());
}

#[test]
fn a_forward_waits_for_its_attachments_however_often_it_is_put_by() {
    let asked = |play: &Play| play.told().iter().filter(|one| one.starts_with("CarryAttachments")).count();
    let file =
        Attachment { name: "charges.pdf".to_owned(), media_type: "application/pdf".to_owned(), content: vec![0; 9] };
    let mut play = Play::new().keys("j<CR><CR>fhamish@copfs.gov.example<tab><tab>");
    assert_eq!(asked(&play), 1);
    let carried = play.model.composer_mut().and_then(|(composer, _)| composer.carrying().cloned()).unwrap();
    play.press("<esc>");
    assert!(!play.model.is_composing());
    // An answer that nobody waits for changes nothing.
    play.event(Event::Carried(carried.clone(), Ok(vec![file.clone()])));
    play.press("C");
    assert_eq!(asked(&play), 2, "{:?}", play.told());
    play.press("<C-s>");
    assert!(play.screen().contains("still being read"), "{}", play.screen());
    play.event(Event::Carried(carried.clone(), Err(refusal("The server cannot be reached."))));
    assert!(
        play.screen().contains("Go on without the attachments? The server cannot be reached."),
        "{}",
        play.screen()
    );
    play.press("n<C-s>");
    assert_eq!(asked(&play), 3, "asked for again");
    play.event(Event::Carried(carried.clone(), Ok(vec![file])));
    play.press("<C-s>");
    assert!(play.effects.iter().any(|effect| matches!(effect, Effect::Review(draft) if draft.attachments.len() == 1)));
    // Without them at a person's word.
    let mut play = Play::new().keys("j<CR><CR>fhamish@copfs.gov.example");
    play.event(Event::Carried(carried, Err(refusal("It is too large."))));
    play.press("y<C-s>");
    assert!(play.effects.iter().any(|effect| matches!(effect, Effect::Review(draft) if draft.carrying.is_none())));
}
