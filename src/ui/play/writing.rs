//! From an answer to the outbox.

use super::Play;
use super::cast::time;
use crate::app::effect::{Effect, Said};
use crate::app::event::Event;
use crate::app::view::{Assent, Tone};
use crate::mail::draft::{Draft, Protection};

fn reviewed(play: &Play) -> Option<&Draft> {
    play.effects.iter().rev().find_map(|effect| match effect {
        Effect::Review(draft) => Some(&**draft),
        _ => None,
    })
}

fn tick(play: &mut Play, text: &str) {
    play.event(Event::Tick(time(text)));
}

#[test]
fn screens_at_80_by_24() {
    insta::assert_snapshot!("reply", Play::new().keys("j<CR><CR>r").screen());
    insta::assert_snapshot!("compose", Play::new().keys("cli").screen());
    insta::assert_snapshot!("wrong_address", Play::new().keys("cnobody<tab>").screen());
    insta::assert_snapshot!("review", Play::new().keys("j<CR><CR>rThank you.<C-s>").screen());
    let mut play = Play::new();
    play.world.finding = Some((Tone::Alarm, "r.vellum@foxglove.example.cjsm.net is no party of this case."));
    play.press("j<CR><CR>rThank you.<C-s>");
    insta::assert_snapshot!("review_forbidden", play.screen());
    insta::assert_snapshot!("review_wide", {
        let mut play = Play::at((200, 50));
        play.press("j<CR><CR>RThank you.<C-s>");
        play.screen()
    });
}

#[test]
fn answer_to_encrypted_mail_stays_encrypted() {
    let mut play = Play::new().keys("j<CR><CR>r<C-p>");
    assert!(play.screen().contains("encrypted or not at all"), "{}", play.screen());
    play.press("<C-s>");
    let draft = reviewed(&play).unwrap();
    assert_eq!(draft.protection, Protection::Required);
    assert_eq!(draft.answers, Some(super::cast::message(12)));
}

#[test]
fn what_came_encrypted_to_others_goes_to_nobody_whose_address_was_not_typed() {
    let mut play = Play::new();
    play.world.to_name = vec![("r.vellum@foxglove.example".to_owned(), false)];
    play.world.finding = Some((Tone::Alarm, "Nothing proves that r.vellum@foxglove.example could read it."));
    play.press("j<CR><CR>f");
    let carried = play.model.composer_mut().and_then(|(composer, _)| composer.carrying().cloned()).unwrap();
    play.event(Event::Carried(carried, Ok(Vec::new())));
    play.press("r.vellum@foxglove.example<C-s>y");
    assert!(!play.effects.iter().any(|effect| matches!(effect, Effect::Confirm(..))));
    assert!(play.screen().contains("Not sent."), "{}", play.screen());
    play.press("a");
    assert!(play.screen().contains("Type r.vellum@foxglove.example"), "{}", play.screen());
    // Another address, and none, change nothing.
    play.press("h.lintwhite@copfs.gov.example<CR>");
    assert!(play.screen().contains("That is not r.vellum@foxglove.example"), "{}", play.screen());
    play.press("a<CR>");
    assert!(reviewed(&play).unwrap().origin.as_ref().unwrap().disclosed.is_empty());
    play.world.to_name.clear();
    play.world.finding = None;
    play.press("aR.Vellum@foxglove.example<CR>");
    let origin = reviewed(&play).unwrap().origin.clone().unwrap();
    assert!(origin.forwarded && origin.hidden_subject && origin.allows("r.vellum@foxglove.example", false));
    assert!(!origin.allows("r.vellum@foxglove.example", true));
    play.press("y");
    assert!(play.effects.iter().any(|effect| matches!(effect, Effect::Confirm(..))));
}

#[test]
fn ones_own_key_is_attached_by_a_key_of_its_own() {
    let play = Play::new().keys("c<A-o>");
    assert!(play.told().iter().any(|one| one.starts_with("AttachOwnKey")), "{:?}", play.told());
}

#[test]
fn an_address_that_a_good_signature_does_not_cover_is_not_answered_to() {
    use crate::pgp::report::{Covers, SignatureState};
    let mut play = Play::new();
    play.world.unprotected = Some((SignatureState::Good, Covers::Whole));
    play.press("j<CR><CR>RYes.<C-s>");
    let draft = reviewed(&play).unwrap();
    assert!(draft.cc.is_empty(), "{:?}", draft.cc);
    let to: Vec<&str> = draft.to.iter().map(|one| one.addr.as_str()).collect();
    assert_eq!(to, ["h.lintwhite@copfs.gov.example"], "To is no better covered than Cc");
    let mut play = Play::new().keys("j<CR><CR>RYes.<C-s>");
    assert!(!reviewed(&play).unwrap().cc.is_empty());
    play.press("e");
}

#[test]
fn review_sends_by_its_own_key_only_and_the_reviewed_token() {
    let mut play = Play::new().keys("j<CR><CR>rYes.<C-s><CR> ");
    assert!(!play.effects.iter().any(|effect| matches!(effect, Effect::Confirm(..))));
    play.press("y");
    assert!(play.told().contains(&"Confirm(41, Nothing)".to_owned()), "{:?}", play.told());
    assert!(play.screen().contains("In the outbox"), "{}", play.screen());
    assert!(!play.model.is_composing() && play.model.kept.is_none());
}

#[test]
fn alarm_blocks_sending() {
    let mut play = Play::new();
    play.world.finding = Some((Tone::Alarm, "Not a party of this case."));
    play.press("j<CR><CR>rYes.<C-s>yyy");
    assert!(!play.effects.iter().any(|effect| matches!(effect, Effect::Confirm(..))));
    assert!(play.screen().contains("Not sent. Not a party of this case."), "{}", play.screen());
}

fn said(play: &Play) -> Option<Said> {
    play.effects.iter().rev().find_map(|effect| match effect {
        Effect::Confirm(_, said) => Some(said.clone()),
        _ => None,
    })
}

#[test]
fn what_wants_a_yes_is_sent_by_yes_only() {
    let mut play = Play::new();
    play.world.finding = Some((Tone::Warning, "It belongs to 2 cases."));
    play.world.assent = Assent::Yes;
    play.press("j<CR><CR>rYes.<C-s>yn");
    assert_eq!(said(&play), None);
    assert!(play.screen().contains("Not sent."), "{}", play.screen());
    play.press("yy");
    assert_eq!(said(&play), Some(Said::Yes));
}

#[test]
fn what_the_guard_stops_goes_back_unless_a_reason_is_typed() {
    let mut play = Play::new();
    let why = "barnaby.ferret@mailbox.example is reached over the open internet: mail of R v FERRET would be readable on the way.";
    play.world.finding = Some((Tone::Alarm, why));
    play.world.assent = Assent::Reason;
    play.press("j<CR><CR>rYes.<C-s>y");
    insta::assert_snapshot!("stopped", play.screen());
    // Enter alone is the way back, and so is escape.
    play.press("<CR>");
    assert!(said(&play).is_none() && play.screen().contains("Not sent."), "{}", play.screen());
    play.press("y<Esc>");
    assert_eq!(said(&play), None);
    play.press("yno reason<CR>");
    assert!(said(&play).is_none() && play.screen().contains("at least 10 characters"), "{}", play.screen());
    insta::assert_snapshot!("stopped_short", play.screen());
    play.press(" to wait<CR>");
    assert_eq!(said(&play), Some(Said::Because("no reason to wait".into())));
    assert!(play.screen().contains("In the outbox"), "{}", play.screen());
}

#[test]
fn a_template_asks_only_for_what_the_case_does_not_know() {
    let mut play = Play::new().keys("jT");
    insta::assert_snapshot!("templates", play.screen());
    play.press("<CR>");
    assert!(play.screen().contains("date of birth of the accused:"), "{}", play.screen());
    play.press("1 April 1990<CR>");
    assert!(play.screen().contains("charges:"), "{}", play.screen());
    play.press("<CR>");
    play.press("<C-s>");
    let draft = reviewed(&play).unwrap();
    assert_eq!(draft.subject, "R v WEASEL - 99ZX0012327 - IDPC request");
    assert!(draft.body.contains("born 1 April 1990") && draft.body.contains("[charges]"), "{}", draft.body);
    assert_eq!(draft.to[0].addr, "ambleford.mags@cps.gov.example");
    assert!(draft.case.is_some());
}

#[test]
fn review_of_an_older_text_is_dropped() {
    let mut play = Play::new().keys("j<CR><CR>rYes.");
    play.silent = true;
    play.press("<C-s>");
    let effect = play.effects.last().cloned().unwrap();
    play.press(" And more.");
    play.silent = false;
    for answer in play.world.answer(&effect) {
        play.event(answer);
    }
    assert!(play.model.is_composing() && !play.screen().contains("SEND"), "{}", play.screen());
}

#[test]
fn malformed_recipient_is_refused_in_words_at_its_field() {
    let play = Play::new().keys("cnot an address<tab><tab><tab>Hello<C-s>");
    assert!(reviewed(&play).is_none());
    assert!(play.screen().contains("not an address"), "{}", play.screen());
    let play = Play::new().keys("c<C-s>");
    assert!(play.screen().contains("there is no recipient yet"), "{}", play.screen());
}

#[test]
fn completion_replaces_what_was_typed() {
    let mut play = Play::new().keys("clint<C-space>");
    play.press("<tab><tab><tab>Hello<tab>Text<C-s>");
    let draft = reviewed(&play).unwrap();
    assert_eq!(draft.to, [super::cast::hamish()]);
    assert_eq!((draft.subject.as_str(), draft.body.as_str()), ("Hello", "Text\n"));
}

#[test]
fn draft_is_kept_a_while_after_typing_and_when_the_composer_is_left() {
    let kept = |play: &Play| play.effects.iter().filter(|effect| matches!(effect, Effect::KeepDraft(_))).count();
    let mut play = Play::new().keys("j<CR><CR>rYes");
    tick(&mut play, "2026-05-21T13:30:01Z");
    assert_eq!(kept(&play), 0);
    tick(&mut play, "2026-05-21T13:30:03Z");
    assert_eq!(kept(&play), 1);
    tick(&mut play, "2026-05-21T13:30:09Z");
    assert_eq!(kept(&play), 1, "nothing new");
    play.press("!<esc>");
    assert_eq!(kept(&play), 2);
    assert!(!play.model.is_composing());
    play.press("C");
    assert!(play.screen().contains("Yes!"), "{}", play.screen());
}

#[test]
fn lock_keeps_the_draft_first() {
    let play = Play::new().keys("j<CR><CR>rYes<F12>");
    let told = play.told();
    let (kept, locked) = (told.iter().position(|e| e.starts_with("KeepDraft")), told.iter().position(|e| e == "Lock"));
    assert!(kept.is_some() && kept < locked, "{told:?}");
}

#[test]
fn discarding_asks() {
    let mut play = Play::new().keys("j<CR><CR>rYes<A-d>");
    assert!(play.screen().contains("Throw this draft away?"), "{}", play.screen());
    play.press("n");
    assert!(play.model.is_composing());
    play.press("<A-d>y");
    assert!(!play.model.is_composing());
    assert!(play.told().iter().any(|one| one.starts_with("DropDraft")));
}

#[test]
fn found_draft_is_offered_and_a_new_one_does_not_replace_it() {
    let mut play = Play::new();
    let draft = Draft { subject: "Plea".to_owned(), body: "Half a thought".to_owned(), ..Draft::default() };
    play.event(Event::DraftFound(Box::new(draft)));
    assert!(play.screen().contains("A draft “Plea” was kept. Go on with it now?"), "{}", play.screen());
    play.press("nc");
    assert!(play.model.is_composing() && play.told().contains(&"SetDraftAside".to_owned()), "{:?}", play.told());
    assert!(play.screen().contains("“Plea” is set aside"), "{}", play.screen());
    play.press("<esc>");
    play.event(Event::DraftFound(Box::new(Draft {
        subject: "Again".to_owned(),
        body: "Half a thought".to_owned(),
        ..Draft::default()
    })));
    play.press("nC");
    assert!(play.screen().contains("Half a thought"), "{}", play.screen());
}

#[test]
fn a_message_taken_back_is_opened_or_waits_among_the_drafts() {
    use crate::app::view::DraftRow;
    use crate::mail::id::DraftId;
    let row = |id: u64, subject: &str| DraftRow {
        id: DraftId(id),
        to: crate::mail::safe::SafeText::from("h.lintwhite@copfs.gov.example"),
        subject: crate::mail::safe::SafeText::line(subject),
        at: time("2026-05-21T13:00:00Z"),
    };
    let words = || super::sentence(Tone::Plain, "Taken back; nothing was sent. It is kept as a draft.");
    let back = |play: &mut Play, id: u64| {
        play.world.drafts.push(row(id, &format!("Plea {id}")));
        let draft = Draft { subject: format!("Plea {id}"), ..Draft::default() };
        play.event(Event::TakenBack(DraftId(id), Box::new(draft), words()));
    };
    let mut play = Play::new().keys("go");
    back(&mut play, 4);
    assert!(play.model.is_composing() && play.screen().contains("The text of draft 4."), "{}", play.screen());
    // While one is written, another one waits: nothing is written over.
    back(&mut play, 5);
    assert!(play.screen().contains("“Plea 5” waits among the drafts."), "{}", play.screen());
    assert!(play.screen().contains("The text of draft 4."), "{}", play.screen());
    play.press("<C-c>gd");
    insta::assert_snapshot!("drafts", play.screen());
    play.press("j<CR>");
    assert!(play.screen().contains("The text of draft 5."), "{}", play.screen());
}

#[test]
fn what_may_double_a_message_is_asked_about() {
    let told = |keys: &str| Play::new().keys(keys).told();
    // The second row is uncertain, the third one sent to some.
    assert!(!told("gojs").iter().any(|one| one.starts_with("OutboxSendAgain")));
    assert!(told("gojsy").contains(&"OutboxSendAgain(OutboxId(6))".to_owned()));
    assert!(!told("gojsn").iter().any(|one| one.starts_with("OutboxSendAgain")));
    assert!(told("gojay").contains(&"OutboxArrived(OutboxId(6))".to_owned()));
    assert!(told("gojdy").contains(&"CancelOutbox(OutboxId(6))".to_owned()));
    assert!(told("gojr").contains(&"RetryOutbox(OutboxId(6))".to_owned()));
    assert!(!told("gojjr").iter().any(|one| one.starts_with("RetryOutbox")), "it was sent");
    assert!(told("gojjd").contains(&"CancelOutbox(OutboxId(5))".to_owned()), "the refused one comes back");
    assert!(!told("goa").iter().any(|one| one.starts_with("OutboxArrived")), "not uncertain");
    let screen = Play::new().keys("gojs").screen();
    assert!(screen.contains("It may arrive twice."), "{screen}");
    let hints = Play::new().keys("gojj").screen();
    assert!(!hints.contains("try again now"), "{hints}");
    insta::assert_snapshot!("outbox_uncertain", Play::new().keys("goj").screen());
    insta::assert_snapshot!("outbox_in_parts", Play::new().keys("gojj").screen());
}

#[test]
fn paste_is_text_and_never_a_command() {
    let mut play = Play::new();
    play.event(Event::Paste("qqd".to_owned()));
    assert_eq!(play.told(), [""; 0]);
    play.press("j<CR><CR>r");
    play.event(Event::Paste("line one\r\nline \u{1b}[2Jtwo\u{202e}\n".to_owned()));
    // Terminals send a carriage return for a line break.
    play.event(Event::Paste("three\rfour\r\rfive\r".to_owned()));
    play.press("<C-s>");
    let body = &reviewed(&play).unwrap().body;
    assert!(body.starts_with("line one\nline  [2Jtwo\nthree\nfour\n\nfive\n"), "{body:?}");
}

#[test]
fn attachments_are_read_by_the_engine() {
    let mut play = Play::new().keys("c<C-t><C-u>/home/isla/charges.pdf<CR>");
    assert!(play.told().contains(&"AttachFiles(ComposerId(1), [[\"/home/isla/charges.pdf\"]])".to_owned()));
    let file = crate::mail::draft::Attachment {
        name: "charges.pdf".to_owned(),
        media_type: "application/pdf".to_owned(),
        content: vec![0; 1_500],
    };
    play.event(Event::Attached(crate::app::effect::ComposerId(1), vec![Ok(file.into())]));
    assert!(play.screen().contains("@ charges.pdf  PDF, 2 kB"), "{}", play.screen());
}

#[test]
fn reply_from_the_list_opens_the_newest_message_first() {
    let play = Play::new().keys("j<CR>r");
    assert!(play.model.is_composing(), "{}", play.screen());
    assert!(play.screen().contains("r.vellum@foxglove"), "{}", play.screen());
}

#[test]
fn forwarding_waits_for_the_attachments_and_takes_no_others() {
    let file = |name: &str| crate::mail::draft::Attachment {
        name: name.to_owned(),
        media_type: "application/pdf".to_owned(),
        content: vec![0; 1_500],
    };
    let mut play = Play::new().keys("j<CR><CR>f");
    let told = play.told();
    let asked = told.iter().find(|one| one.starts_with("CarryAttachments"));
    assert!(asked.is_some(), "{told:?}\n{}", play.screen());
    let (right, wrong) = match play.model.composer_mut() {
        Some((composer, _)) => {
            let right = composer.carrying().cloned().unwrap();
            let wrong = crate::mail::id::MessageRef { uid: right.uid + 1, ..right.clone() };
            (right, wrong)
        }
        None => panic!("{}", play.screen()),
    };
    play.press("hamish@copfs.gov.example<C-s>");
    assert!(play.screen().contains("still being read"), "{}", play.screen());
    play.event(Event::Carried(wrong, Ok(vec![file("other.pdf")])));
    play.event(Event::Carried(right.clone(), Ok(vec![file("charges.pdf")])));
    play.event(Event::Carried(right, Ok(vec![file("again.pdf")])));
    let screen = play.screen();
    assert!(screen.contains("@ charges.pdf  PDF, 2 kB"), "{screen}");
    assert!(!screen.contains("other.pdf") && !screen.contains("again.pdf"), "{screen}");
    play.press("<C-s>");
    assert_eq!(reviewed(&play).unwrap().attachments.len(), 1);
}

#[test]
fn author_is_one_of_the_own_accounts() {
    let mut play = Play::new().keys("c<C-f>");
    assert!(play.screen().contains("There is one account only."), "{}", play.screen());
    let mut settings = super::cast::settings();
    settings.identities.push(crate::app::Identity {
        account: "chambers".to_owned(),
        address: super::cast::hamish(),
        also: Vec::new(),
    });
    play.model.settings = settings;
    play.press("<C-f>");
    assert!(play.screen().contains("From      Hamish Lintwhite <h.lintwhite@copfs.gov.example>"), "{}", play.screen());
    play.press("<C-f>");
    assert!(play.screen().contains("From      Isla Thistledown"), "{}", play.screen());
}

#[test]
fn enter_takes_the_first_completion_of_what_is_no_address_yet() {
    let mut play = Play::new().keys("cham");
    let found = vec!["Hamish Lintwhite <h.lintwhite@copfs.gov.example>".to_owned()];
    play.event(Event::Completions("ham".to_owned(), found.clone()));
    play.press("<CR>");
    assert!(play.screen().contains("To      ▌ Hamish Lintwhite <h.lintwhite@copfs.gov.example>,"), "{}", play.screen());
    // An address that is whole is not replaced by a longer one.
    let mut play = Play::new().keys("ch@c.example");
    play.event(Event::Completions("h@c.example".to_owned(), vec!["h@c.example.net".to_owned()]));
    play.press("<CR>");
    assert!(!play.screen().contains("c.example.net"), "{}", play.screen());
}

#[test]
fn text_has_the_rows_of_a_low_screen() {
    let play = Play::at((40, 10)).keys("j<CR><CR>rMuch obliged");
    assert!(play.screen().contains("Much obliged"), "{}", play.screen());
}
