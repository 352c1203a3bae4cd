//! The screens of plea negotiations: what they show, what their keys ask for, and how many it takes to answer.

use std::sync::Arc;

use super::Play;
use super::cast::{now, safe, time};
use crate::app::effect::Effect;
use crate::app::event::Event;
use crate::app::plea_view::{Carrier, FileCheck, FileFound, Local, Loose, Meant, NegotiationView, Transit};
use crate::app::screen::Screen;
use crate::app::view::Tone;
use crate::case::{
    Accused, Case, Charge, ChargeState, Classes, Hearing, HearingId, HearingKind, HearingTime, Jurisdiction,
    MessageName, Party, PartyId, Patterns, Role,
};
use crate::mail::draft::Attachment;
use crate::mail::id::{CaseId, ThreadId};
use crate::plea::act::{Act, Authority, Basis, Deed};
use crate::plea::compose::{Actor, Proposal};
use crate::plea::mark::{Meaning, of};
use crate::plea::record::Paper;
use crate::plea::trust::Finding;
use crate::plea::{
    ActNo, Amendment, Entry, Evidence, Kind, Negotiation, NegotiationId, Plea, Side, Term, Terms, Trust, board, gather,
    table,
};

fn puddock() -> Case {
    let mut case = Case::new(CaseId("ZZ26000417".into()), "PF v Morag PUDDOCK", Jurisdiction::Scotland);
    case.identifiers = vec![Patterns::new(&[]).unwrap().read("ZZ26000417")];
    case.accused = vec![Accused { number: 1, name: "Morag PUDDOCK".into(), born: None }];
    let words = [
        "did behave in a threatening or abusive manner and did threaten him with violence",
        "did assault Hector Badger",
        "being on bail, did fail to comply with a condition of it",
    ];
    for (number, text) in (1..).zip(words) {
        let (text, statute) = (text.to_owned(), String::new());
        case.charges.push(Charge { number, accused: 1, text, statute, state: ChargeState::Live });
    }
    let party = |id: &str, name: &str, role, address: &str| Party {
        id: PartyId(id.into()),
        name: name.into(),
        role,
        addresses: vec![address.into()],
        ..Party::default()
    };
    case.parties = vec![
        party("1", "Isla Thistledown", Role::DefenceSolicitor, "i.thistledown@tg-law.example.cjsm.net"),
        party("2", "Hamish Lintwhite", Role::FiscalDepute, "h.lintwhite@copfs.gov.example"),
    ];
    let hearing = |kind: HearingKind, month, day, hour| Hearing {
        id: HearingId(kind.name().into()),
        kind,
        court: "Kirkmirkle Sheriff Court".into(),
        at: HearingTime { date: jiff::civil::date(2026, month, day), time: Some(jiff::civil::time(hour, 0, 0, 0)) },
        outcome: String::new(),
    };
    case.hearings = vec![hearing(HearingKind::Trial, 6, 24, 10), hearing(HearingKind::IntermediateDiet, 5, 27, 10)];
    case
}

fn terms(second: Plea) -> Terms {
    let delete = Amendment::Delete { words: "and did threaten him with violence".into() };
    let one = Term { charge: 1, plea: Plea::GuiltyAsAmended, amendments: vec![delete], ..Term::default() };
    let term = |charge, plea| Term { charge, plea, ..Term::default() };
    Terms::new(vec![one, term(2, second), term(3, Plea::Guilty)], None, "").unwrap()
}

fn name(id: &str) -> MessageName {
    MessageName { message_id: format!("{id}@copfs.gov.example"), ..MessageName::default() }
}

/// An offer of Isla's, refused once before it went, and a counter of Lintwhite's that she marked.
fn view() -> NegotiationView {
    let case = puddock();
    let id = NegotiationId::of(&case, 1).unwrap();
    let authority = Authority {
        name: "Isla Thistledown".into(),
        role: Role::DefenceSolicitor,
        on_behalf_of: None,
        basis: Basis::ClientInstructions,
        day: jiff::civil::date(2026, 5, 18),
    };
    let offer = Act {
        id: id.clone(),
        surname: "PUDDOCK".into(),
        no: ActNo::new(Side::Defence, 1),
        seen: 0,
        round: 1,
        at: time("2026-05-19T08:40:00Z"),
        deed: Deed::Offer { terms: terms(Plea::NotGuiltyAccepted), reply_by: time("2026-05-25T11:00:00Z") },
        authority: Some(authority),
    };
    let by = "Isla Thistledown".to_owned();
    let mut entries = vec![
        Entry::Refused {
            id: id.clone(),
            kind: Kind::Offer,
            because: vec!["charge 3 not addressed: say what becomes of it".into()],
            by: by.clone(),
            at: time("2026-05-19T08:35:00Z"),
        },
        Entry::Sent {
            act: offer,
            message: name("1"),
            at: time("2026-05-19T08:40:10Z"),
            by: by.clone(),
            evidence: Evidence::default(),
        },
    ];
    let classes = Classes::default();
    let known = |entries: &[Entry]| gather::of_case(&case, &classes, Side::Defence, entries).remove(0);
    let before = known(&entries).view(time("2026-05-20T09:00:00Z"));
    let meaning = Meaning::Counter(terms(Plea::Guilty), time("2026-05-23T15:00:00Z"));
    let written = time("2026-05-20T08:59:00Z");
    let counter = of(&before, Side::Prosecution, meaning, written, None, None).unwrap();
    entries.push(Entry::Mark {
        act: counter,
        message: name("2"),
        came: time("2026-05-20T09:00:00Z"),
        from: "h.lintwhite@copfs.gov.example".into(),
        by,
        at: time("2026-05-20T09:10:00Z"),
    });
    let negotiation = known(&entries);
    let view = negotiation.view(now());
    let possible = table::possible(&view, Side::Defence, Some(Role::DefenceSolicitor))
        .into_iter()
        .map(|(kind, answer)| (kind, answer.map_err(|refusal| safe(&refusal.to_string()))))
        .collect();
    let loose = Loose {
        message: super::cast::message(77),
        thread: None,
        from: safe("Hamish Lintwhite"),
        subject: safe("Re: PF v PUDDOCK"),
        words: safe("There is no CCTV, I am told. Let me have your answer."),
        at: time("2026-05-21T10:00:00Z"),
        damage: None,
    };
    NegotiationView {
        view,
        local: negotiation.entries,
        actor: Ok(Actor { name: "Isla Thistledown".into(), role: Role::DefenceSolicitor, on_behalf_of: None }),
        possible,
        loose: vec![loose],
        threads: Vec::new(),
        transits: Vec::new(),
        files: Vec::new(),
        to: Some(safe("Hamish Lintwhite <h.lintwhite@copfs.gov.example>")),
        credit: Vec::new(),
        case,
    }
}

/// The same before anything was offered; the first sending reached nobody.
fn nothing() -> NegotiationView {
    let offered = view();
    let id = offered.view.setting.id.clone();
    let setting = gather::setting(&offered.case, id.clone(), Side::Defence);
    let mut negotiation = Negotiation::new(setting);
    negotiation.entries.push(Entry::Undelivered {
        id,
        act: ActNo::new(Side::Defence, 1),
        message: name("1"),
        because: "550 5.1.1 no such user".into(),
        at: time("2026-05-19T08:41:00Z"),
    });
    let view = negotiation.view(now());
    let possible = table::possible(&view, Side::Defence, Some(Role::DefenceSolicitor));
    let possible = possible
        .into_iter()
        .map(|(kind, answer)| (kind, answer.map_err(|refusal| safe(&refusal.to_string()))))
        .collect();
    NegotiationView { view, possible, loose: Vec::new(), local: negotiation.entries, ..offered }
}

/// The same with everything that can be said of the messages that carried the acts.
fn in_doubt() -> NegotiationView {
    let transit = Transit {
        act: ActNo::new(Side::Defence, 1),
        state: "uncertain",
        words: safe(
            "Nobody knows whether it arrived. The whole text went out, but no answer came. Say what became of it in the outbox.",
        ),
        tone: Tone::Alarm,
    };
    let file = |act, name, found| FileCheck { act, name: safe(name), sha256: "00".repeat(32), found };
    let files = vec![
        file(ActNo::new(Side::Defence, 1), "narrative.pdf", FileFound::Fits),
        file(ActNo::new(Side::Prosecution, 1), "narrative-v2.pdf", FileFound::Differs),
    ];
    NegotiationView {
        transits: vec![transit],
        files,
        threads: vec![(name("1"), ThreadId(7), super::cast::message(11))],
        ..view()
    }
}

/// The same, where the counter came with a block in it, signed by nobody.
fn claimed() -> NegotiationView {
    let mut shown = view();
    let id = shown.view.setting.id.clone();
    let mut negotiation = Negotiation::new(gather::setting(&shown.case, id, Side::Defence));
    negotiation.heard = shown.view.steps.iter().map(|step| step.heard.clone()).collect();
    let counter = negotiation.heard.last_mut().unwrap();
    (counter.trust, counter.findings) = (Trust::Claimed, vec![Finding::Unsigned]);
    // A block names who commits his side.
    counter.act.authority = Some(Authority {
        name: "Hamish Lintwhite".into(),
        role: Role::FiscalDepute,
        on_behalf_of: None,
        basis: Basis::OwnDecision,
        day: jiff::civil::date(2026, 5, 20),
    });
    shown.view = negotiation.view(now());
    let possible = table::possible(&shown.view, Side::Defence, Some(Role::DefenceSolicitor));
    let words = |(kind, answer): (Kind, Result<(), _>)| {
        (kind, answer.map_err(|refusal: table::Refusal| safe(&refusal.to_string())))
    };
    shown.possible = possible.into_iter().map(words).collect();
    NegotiationView { loose: Vec::new(), ..shown }
}

fn play(size: (u16, u16)) -> Play {
    play_of(size, view())
}

fn play_of(size: (u16, u16), view: NegotiationView) -> Play {
    let mut play = Play::at(size);
    play.world.pleas = vec![board::row(&view.case, &view.view)];
    play.world.plea = Some(Arc::new(view));
    play.keys("gp")
}

#[test]
fn screens() {
    insta::assert_snapshot!("board", play((80, 24)).screen());
    insta::assert_snapshot!("board_wide", play((200, 50)).screen());
    insta::assert_snapshot!("negotiation", play((80, 24)).keys("<CR>").screen());
    insta::assert_snapshot!("negotiation_end", play((80, 24)).keys("<CR><end>").screen());
    insta::assert_snapshot!("negotiation_wide", play((200, 50)).keys("<CR>").screen());
    insta::assert_snapshot!("counter_form", play((80, 24)).keys("<CR>c").screen());
    insta::assert_snapshot!("nothing_offered", play_of((80, 24), nothing()).keys("<CR><end>").screen());
    insta::assert_snapshot!("nothing_offered_wide", play_of((200, 50), nothing()).keys("<CR>").screen());
    insta::assert_snapshot!("in_doubt", play_of((80, 24), in_doubt()).keys("<CR>jjjjjjj").screen());
    insta::assert_snapshot!("in_doubt_wide", play_of((200, 50), in_doubt()).keys("<CR>").screen());
    insta::assert_snapshot!("paper_form", play((80, 24)).keys("<CR>x").screen());
    insta::assert_snapshot!("accept_form", play((80, 24)).keys("<CR>a").screen());
}

/// What nothing proves is one key from counting, and the key names the message, not the number.
#[test]
fn what_nobody_signed_waits_for_a_yes() {
    let entered = |play: Play| {
        play.effects.iter().rev().find_map(|effect| match effect {
            Effect::PleaEnter(_, _, local) => Some(local.clone()),
            _ => None,
        })
    };
    insta::assert_snapshot!("claimed_board", play_of((80, 24), claimed()).screen());
    insta::assert_snapshot!("claimed", play_of((80, 24), claimed()).keys("<CR>").screen());
    insta::assert_snapshot!("claimed_wide", play_of((200, 50), claimed()).keys("<CR>").screen());
    let meant = Meant { no: ActNo::new(Side::Prosecution, 1), message: Some(Carrier::Exactly(name("2"))) };
    let admit = Some(Local::Admit(meant.clone(), String::new()));
    assert_eq!(entered(play_of((80, 24), claimed()).keys("<CR>!")), admit);
    assert_eq!(entered(at(play_of((80, 24), claimed()).keys("<CR>"), "P1 COUNTER").keys("!")), admit);
    // Its own act counts without; nothing is entered, a reason is asked for.
    assert_eq!(entered(at(play_of((80, 24), claimed()).keys("<CR>"), "D1 OFFER").keys("!")), None);
    let aside =
        at(play_of((80, 24), claimed()).keys("<CR>"), "P1 COUNTER").keys("-").keys("she knows nothing of it<C-s>");
    assert_eq!(entered(aside), Some(Local::Unmark(meant, "she knows nothing of it".into())));
}

#[test]
fn nothing_but_ascii_on_an_ascii_terminal() {
    for mut play in [play((80, 24)), play((80, 24)).keys("<CR>"), play((80, 24)).keys("<CR>c")] {
        play.model.settings.ascii = true;
        let screen = play.screen();
        assert!(screen.is_ascii(), "{screen}");
    }
}

#[test]
fn what_may_not_be_done_is_refused_and_noted() {
    let play = play((80, 24)).keys("<CR>o");
    assert!(play.screen().contains("an offer stands"), "{}", play.screen());
    let noted = play.effects.iter().any(
        |effect| matches!(effect, Effect::PleaEnter(_, _, Local::Refused(Kind::Offer, because)) if because.len() == 1),
    );
    assert!(noted, "{:?}", play.effects);
}

#[test]
fn from_the_board_to_an_acceptance_in_three_keys_and_the_text() {
    let play = play((80, 24)).keys("<CR>a").keys("telephone note<C-s>");
    let sent = play.effects.iter().find_map(|effect| match effect {
        Effect::PleaAct(wish) => Some(wish),
        _ => None,
    });
    let wish = sent.expect("an acceptance was asked for");
    assert_eq!(wish.proposal.kind(), Kind::Accept);
    assert_eq!(wish.claim.as_ref().unwrap().evidence.words, "telephone note");
    // Without the text, nothing goes.
    let play = self::play((80, 24)).keys("<CR>a<C-s>");
    assert!(!play.effects.iter().any(|effect| matches!(effect, Effect::PleaAct(_))), "{:?}", play.effects);
    assert!(play.screen().contains("say what shows the authority"), "{}", play.screen());
}

/// Goes to the row that holds a text.
fn at(mut play: Play, text: &str) -> Play {
    for _ in 0..60 {
        if play.screen().lines().any(|line| line.starts_with('▌') && line.contains(text)) {
            return play;
        }
        play = play.keys("j");
    }
    panic!("no row holds {text:?}: {}", play.screen());
}

#[test]
fn what_was_not_delivered_or_is_in_doubt_leads_to_the_outbox() {
    for (view, text) in [(nothing(), "was not delivered"), (in_doubt(), "Nobody knows whether")] {
        let play = at(play_of((80, 24), view).keys("<CR>"), text).keys("<CR>");
        assert!(play.effects.iter().any(|effect| matches!(effect, Effect::ListOutbox)), "{:?}", play.effects);
    }
    let play = at(play_of((80, 24), in_doubt()).keys("<CR>"), "D1 OFFER").keys("<CR>");
    assert!(
        play.effects.iter().any(|effect| matches!(effect, Effect::OpenThread(ThreadId(7), _))),
        "{:?}",
        play.effects
    );
    // At the message that carried it, not at the newest one.
    let Some(Screen::Thread(thread)) = play.model.screens.last() else { panic!("{}", play.screen()) };
    assert_eq!(thread.tree.selected().map(|row| row.id.uid), Some(11));
    assert!(thread.tree.len() > 1);
}

#[test]
fn a_paper_is_asked_for_by_its_name() {
    let play = play((80, 24)).keys("<CR>x<C-s>");
    let wanted = play.effects.iter().any(|effect| {
        matches!(effect, Effect::PleaEnter(_, _, Local::Write(Paper::Page, file)) if file == "PUDDOCK_ZZ26000417_PN-1.pdf")
    });
    assert!(wanted, "{:?}", play.effects);
}

/// The file that a narrative is: completed as it is typed, read beside the screen, then named by its digest in what is offered.
#[test]
fn a_narrative_can_be_a_file() {
    let mut play = play_of((80, 24), nothing()).keys("<CR>o");
    for text in ["guilty", "", "guilty", "", "guilty", "", ""] {
        play = play.keys(text).keys("<down>");
    }
    let mut play = play.keys("nar<tab>");
    assert!(
        play.effects.iter().any(|effect| matches!(effect, Effect::CompleteFile(_, typed) if typed == "nar")),
        "{:?}",
        play.effects
    );
    play.event(Event::PleaFiles("nar".into(), vec!["narrative.pdf".into(), "narrative-2.pdf".into()]));
    assert!(play.screen().contains("narrative.pdf  narrative-2.pdf"), "{}", play.screen());
    let mut play = play.keys(".pdf<down><down>25/05/2026 12:00<down><down><down>a letter<C-s>");
    assert!(
        play.effects.iter().any(|effect| matches!(effect, Effect::PleaFile(_, typed) if typed == "narrative.pdf")),
        "{:?}",
        play.effects
    );
    let sent = |play: &Play| {
        play.effects.iter().find_map(|effect| match effect {
            Effect::PleaAct(wish) => Some(wish.clone()),
            _ => None,
        })
    };
    assert!(sent(&play).is_none());
    play.event(Event::PleaFile("narrative.pdf".into(), Err(safe("narrative.pdf: no such file"))));
    assert!(play.screen().contains("no such file"), "{}", play.screen());
    let mut play = play.keys("<C-s>");
    let file = Attachment {
        name: "../narrative.pdf".into(),
        media_type: "application/pdf".into(),
        content: b"It rained.".to_vec(),
    };
    play.event(Event::PleaFile("narrative.pdf".into(), Ok(Box::new(file))));
    let wish = sent(&play).unwrap_or_else(|| panic!("{}\n{:?}", play.screen(), play.effects));
    let Proposal::Offer(offer) = &wish.proposal else { panic!("{wish:?}") };
    let (name, _) = offer.terms().files()[0];
    assert_eq!((name, wish.files.len(), wish.files[0].name.as_str()), ("narrative.pdf", 1, "narrative.pdf"));
}

fn a_file(name: &str, content: &[u8]) -> Box<Attachment> {
    let media_type = "application/pdf".to_owned();
    Box::new(Attachment { name: name.into(), media_type, content: content.to_vec() })
}

/// The basis of one charge, too, and beside a narrative of all: each is read, and all of them go along.
#[test]
fn the_basis_of_one_charge_can_be_a_file() {
    let mut play = play_of((80, 24), nothing()).keys("<CR>o");
    for text in ["guilty", "basis-file: ba<tab>"] {
        play = play.keys(text);
        if !text.ends_with("<tab>") {
            play = play.keys("<down>");
        }
    }
    assert!(
        play.effects.iter().any(|effect| matches!(effect, Effect::CompleteFile(_, typed) if typed == "ba")),
        "{:?}",
        play.effects
    );
    play.event(Event::PleaFiles("ba".into(), vec!["basis.pdf".into()]));
    play = play.keys("<down>");
    for text in ["guilty", "", "guilty", "", "", "narrative.pdf", "", "25/05/2026 12:00"] {
        play = play.keys(text).keys("<down>");
    }
    let mut play = play.keys("<down><down>a letter<C-s>");
    play.event(Event::PleaFile("narrative.pdf".into(), Ok(a_file("narrative.pdf", b"It rained."))));
    play.event(Event::PleaFile("basis.pdf".into(), Ok(a_file("basis.pdf", b"One blow only."))));
    let wish = play.effects.iter().find_map(|effect| match effect {
        Effect::PleaAct(wish) => Some(wish.clone()),
        _ => None,
    });
    let wish = wish.unwrap_or_else(|| panic!("{}\n{:?}", play.screen(), play.effects));
    let Proposal::Offer(offer) = &wish.proposal else { panic!("{wish:?}") };
    let names: Vec<&str> = offer.terms().files().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["basis.pdf", "narrative.pdf"]);
    let mut sent: Vec<&str> = wish.files.iter().map(|file| file.name.as_str()).collect();
    sent.sort_unstable();
    assert_eq!(sent, names);
    assert!(matches!(offer.terms().term(1).unwrap().basis, Some(crate::plea::Document::Attached { .. })));
}

/// A letter that is taken for a counter may rest on a file, as one with a block may.
#[test]
fn a_letter_that_is_marked_may_rest_on_a_file() {
    let mut play = at(play((80, 24)).keys("<CR>"), "There is no CCTV").keys("c");
    for _ in 0..7 {
        play = play.keys("<down>");
    }
    let mut play = play.keys("case:theirs.pdf<down><down>25/05/2026 12:00<C-s>");
    assert!(
        play.effects.iter().any(|effect| matches!(effect, Effect::PleaFile(_, typed) if typed == "case:theirs.pdf")),
        "{}\n{:?}",
        play.screen(),
        play.effects
    );
    play.event(Event::PleaFile("case:theirs.pdf".into(), Ok(a_file("theirs.pdf", b"It rained."))));
    let marked = play.effects.iter().find_map(|effect| match effect {
        Effect::PleaMark(wish) => Some(wish.meaning.clone()),
        _ => None,
    });
    let Some(Meaning::Counter(terms, _)) = marked else { panic!("{}\n{:?}", play.screen(), play.effects) };
    assert_eq!(terms.files().first().map(|(name, _)| *name), Some("theirs.pdf"));
}

#[test]
fn on_a_message_the_same_key_says_what_it_is() {
    let mut play = play((80, 24)).keys("<CR>");
    for _ in 0..40 {
        if play.screen().lines().any(|line| line.starts_with('▌') && line.contains("There is no CCTV")) {
            break;
        }
        play = play.keys("j");
    }
    let play = play.keys("r").keys("too little<C-s>");
    let marked = play.effects.iter().any(|effect| {
        matches!(effect, Effect::PleaMark(wish) if matches!(&wish.meaning, Meaning::Reject(because) if because == "too little"))
    });
    assert!(marked, "{}\n{:?}", play.screen(), play.effects);
}
