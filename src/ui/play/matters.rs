//! Cases: the triage list, the case and its forms, awaited answers, the chronology.

use std::sync::Arc;

use jiff::civil::{date, time as clock};

use super::Play;
use super::cast::{message, safe, time};
use super::sentence;
use crate::app::case_view::{AwaitingRow, CaseView, ChronologyRow, FiledBy, Source, Suggestion, TriageRow};
use crate::app::effect::Effect;
use crate::app::event::Event;
use crate::app::view::Tone;
use crate::case::{
    Accused, Awaiting, AwaitingId, Case, Charge, ChargeState, Hearing, HearingId, HearingKind, HearingTime,
    Jurisdiction, Note, Party, PartyId, Patterns, Role,
};
use crate::mail::id::{CaseId, ThreadId};
use crate::mail::safe::SafeText;
use crate::register::CaseChange;

/// R v FERRET as the register tells it.
fn ferret() -> Case {
    let patterns = Patterns::new(&[]).unwrap();
    let mut case = Case::new(CaseId("99ZX0012326".into()), "R v FERRET", Jurisdiction::EnglandWales);
    case.identifiers = ["99ZX0012326", "26/99ZX/01/48151N", "MAAT 9000001"].map(|text| patterns.read(text)).to_vec();
    case.accused = vec![Accused { number: 1, name: "Barnaby FERRET".into(), born: Some(date(1991, 4, 1)) }];
    case.charges = vec![Charge {
        number: 1,
        accused: 1,
        text: "theft of a garden gnome".into(),
        statute: "Theft Act 1968 s.1".into(),
        state: ChargeState::Live,
    }];
    case.parties = vec![Party {
        id: PartyId("p.windlestraw@cps.gov.example".into()),
        name: "Petra Windlestraw".into(),
        role: Role::CpsLawyer,
        organisation: "CPS Mudshire".into(),
        addresses: vec!["p.windlestraw@cps.gov.example".into()],
        ..Party::default()
    }];
    case.hearings = vec![Hearing {
        id: HearingId("ptph".into()),
        kind: HearingKind::Ptph,
        court: "Ambleford CC".into(),
        at: HearingTime { date: date(2026, 5, 22), time: Some(clock(10, 0, 0, 0)) },
        outcome: String::new(),
    }];
    case.awaiting = vec![awaited()];
    case.notes =
        vec![Note { at: time("2026-05-20T09:00:00Z"), by: "quill".into(), text: "Client will attend at 9:30".into() }];
    case
}

fn awaited() -> Awaiting {
    Awaiting {
        id: AwaitingId("1".into()),
        what: "IDPC".into(),
        to: vec!["ambleford.mags@cps.gov.example".into()],
        message_id: "1@quillpounce.example".into(),
        sent: time("2026-05-13T15:10:00Z"),
        due: time("2026-05-20T15:10:00Z"),
        chased: Vec::new(),
        answered: None,
    }
}

fn suggestion(case: &str, title: &str, because: &str, is_sure: bool) -> Suggestion {
    let score = if is_sure { 60 } else { 20 };
    Suggestion { case: CaseId(case.to_owned()), title: safe(title), because: safe(because), score, is_sure }
}

fn row(uid: u32, from: &str, subject: &str, suggestions: Vec<Suggestion>, doubt: &str) -> TriageRow {
    TriageRow {
        thread: ThreadId(u64::from(uid)),
        messages: vec![message(uid)],
        from: safe(from),
        address: safe(&format!("{}@example.example", from.to_lowercase())),
        subject: safe(subject),
        received: time("2026-05-21T08:00:00Z"),
        suggestions,
        doubt: safe(doubt),
        no_case: SafeText::default(),
    }
}

fn rows() -> Vec<TriageRow> {
    let ferret = || suggestion("99ZX0012326", "R v FERRET", "by URN in the text", true);
    let weasel = || suggestion("99ZX0012327", "R v WEASEL", "by URN in the text", true);
    let puddock = suggestion("ZZ26000417", "PF v PUDDOCK", "name and sender fit", true);
    let name = suggestion("99ZX0012327", "R v WEASEL", "the name in the subject, nothing else", false);
    vec![
        row(31, "CPS", "Two files", vec![ferret(), weasel()], "it names several cases"),
        row(32, "Morag", "my letter, Puddock", vec![puddock], ""),
        row(33, "Heron", "Weasel and the shed", vec![name], ""),
        row(34, "Gazette", "This week in crime", Vec::new(), ""),
        row(35, "Gazette", "Last week in crime", Vec::new(), ""),
    ]
}

fn triage(mut play: Play) -> Play {
    play.world.triage = rows();
    play.keys("gt")
}

/// What was asked of the engine, but for what only shows something.
fn filed(play: &Play) -> Vec<String> {
    let told = play.effects.iter().filter_map(|effect| match effect {
        Effect::File(messages, cases) => {
            let uids: Vec<u32> = messages.iter().map(|one| one.uid).collect();
            Some(format!("{uids:?} to {:?}", cases.iter().map(|case| case.0.as_str()).collect::<Vec<_>>()))
        }
        Effect::OpenCase(opening) => Some(format!("open {:?} {:?}", opening.title, opening.numbers)),
        Effect::ChangeCase(id, changes) => {
            Some(format!("{id}: {:?}", changes.iter().map(CaseChange::kind).collect::<Vec<_>>()))
        }
        Effect::AddNumber(id, number) => Some(format!("{id}: {number}")),
        _ => None,
    });
    told.collect()
}

fn case(size: (u16, u16)) -> Play {
    let mut play = Play::at(size);
    play.world.case = Some(Arc::new(CaseView {
        case: ferret(),
        source: Source::Register,
        clocks: vec![sentence(Tone::Warning, "next: PTPH in 19 hours, Fri 22 May 2026 10:00, Ambleford CC")],
        messages: 9,
        unread: 2,
        filed: [("by decision", 100, 1), ("by URN in the subject", 90, 5), ("with its thread", 70, 3)]
            .map(|(because, score, messages)| FiledBy { because: safe(because), score, messages })
            .to_vec(),
    }));
    play.keys("ji")
}

#[test]
fn screens() {
    insta::assert_snapshot!("triage", triage(Play::new()).screen());
    insta::assert_snapshot!("triage_wide", triage(Play::at((200, 50))).screen());
    insta::assert_snapshot!("triage_plain", triage(Play::new()).keys("jjj").screen());
    insta::assert_snapshot!("case", case((80, 24)).screen());
    insta::assert_snapshot!("case_wide", case((200, 50)).screen());
    insta::assert_snapshot!("form", case((80, 24)).keys("ge").keys("q").keys("<end>kkka").screen());
    let mut play = Play::new();
    play.world.awaiting = vec![AwaitingRow {
        case: CaseId("99ZX0012326".into()),
        title: safe("R v FERRET"),
        awaiting: awaited(),
        age: safe("6 business days ago"),
    }];
    insta::assert_snapshot!("awaiting", play.keys("ge").screen());
    let mut play = Play::new();
    play.world.chronology = ["RECEIVED IDPC from ambleford.mags@cps.gov.example", "FILED to R v FERRET"]
        .iter()
        .enumerate()
        .map(|(at, words)| ChronologyRow {
            place: safe(&format!("d/{at}")),
            at: time("2026-03-02T14:53:07Z"),
            words: safe(words),
            facts: vec![safe("SHA-256: 51aa"), safe("by: quill")],
        })
        .collect();
    insta::assert_snapshot!("chronology", play.keys("jy").screen());
}

#[test]
fn nothing_but_ascii_on_an_ascii_terminal() {
    for mut play in [triage(Play::new()), case((80, 24)), case((80, 24)).keys("e"), triage(Play::new()).keys("p")] {
        play.model.settings.ascii = true;
        let screen = play.screen();
        assert!(screen.is_ascii(), "{screen}");
    }
}

#[test]
fn one_key_a_row_empties_the_list() {
    // Shared, accepted, accepted though not sure (a person looked), then two that are no case: five keys.
    let play = triage(Play::new()).keys("b<CR><CR>--");
    assert_eq!(
        filed(&play),
        [
            r#"[31] to ["99ZX0012326", "99ZX0012327"]"#,
            r#"[32] to ["ZZ26000417"]"#,
            r#"[33] to ["99ZX0012327"]"#,
            "[34] to []",
            "[35] to []",
        ]
    );
    assert!(play.screen().contains("Everything has its place."), "{}", play.screen());
}

#[test]
fn all_sure_ones_are_accepted_together_and_never_a_name_alone_or_a_doubt() {
    let play = triage(Play::new()).keys("A");
    assert!(play.screen().contains("File 1 row to 1 case? Doubts stay."), "{}", play.screen());
    assert!(play.screen().contains("+  Morag"), "those it is about are marked:\n{}", play.screen());
    assert_eq!(filed(&play), [""; 0]);
    let play = play.keys("y");
    assert_eq!(filed(&play), [r#"[32] to ["ZZ26000417"]"#]);
    let play = triage(Play::new()).keys("An");
    assert_eq!(filed(&play), [""; 0]);
    assert!(!play.screen().contains("+  Morag"), "{}", play.screen());
}

/// Rows of lists and machines, two names alone, two doubts of one sender.
fn many(mut play: Play) -> Play {
    let name = || suggestion("99ZX0012327", "R v WEASEL", "the name in the subject, nothing else", false);
    let both = || {
        let ferret = suggestion("99ZX0012326", "R v FERRET", "by URN in the text", true);
        vec![ferret, suggestion("99ZX0012327", "R v WEASEL", "by URN in the text", true)]
    };
    let list = |uid| TriageRow {
        no_case: safe("sent to a list or by a machine, by nobody of a case"),
        ..row(uid, "Gazette", &format!("issue {uid}"), Vec::new(), "")
    };
    play.world.triage = vec![
        row(41, "CPS", "Two files", both(), "it names several cases"),
        row(42, "CPS", "Two more", both(), "it names several cases"),
        row(43, "Mum", "Weasel and the shed", vec![name()], ""),
        row(44, "Sister", "Weasel again", vec![name()], ""),
        list(45),
        list(46),
        row(47, "Silas", "R v TURBOT - arrested", Vec::new(), ""),
    ];
    play.keys("gt")
}

#[test]
fn one_key_files_all_rows_alike_and_one_takes_them_back() {
    insta::assert_snapshot!("triage_alike", many(Play::new()).keys("jj").screen());
    insta::assert_snapshot!("triage_alike_wide", many(Play::at((200, 50))).keys("jjjj").screen());
    insta::assert_snapshot!("triage_all", many(Play::new()).keys("A").screen());
    let play = many(Play::new()).keys("jja");
    assert_eq!(filed(&play), [r#"[43, 44] to ["99ZX0012327"]"#]);
    assert!(play.screen().contains("2 messages filed to R v WEASEL. z takes it back."), "{}", play.screen());
    assert!(!play.screen().contains("Weasel again"));
    let play = play.keys("z");
    let back: Vec<usize> = play
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Unfile(messages) => Some(messages.len()),
            _ => None,
        })
        .collect();
    assert_eq!(back, [2]);
    assert!(play.screen().contains("Weasel again"), "{}", play.screen());
    assert!(play.keys("z").screen().contains("Nothing was filed in this list"), "once is enough");
    // Lists go with what is sure; a doubt, a name alone and what says nothing stay.
    let play = many(Play::new()).keys("Ay");
    assert_eq!(filed(&play), ["[45, 46] to []"]);
    // Doubts of one sender: marked with one key, each shared between its own cases with the next.
    let play = many(Play::new()).keys("Xb");
    assert_eq!(
        filed(&play),
        [r#"[41] to ["99ZX0012326", "99ZX0012327"]"#, r#"[42] to ["99ZX0012326", "99ZX0012327"]"#]
    );
    // All alike of what has no single suggestion: the case is asked for once.
    let play = many(Play::new()).keys("aotter<CR>");
    assert_eq!(filed(&play), [r#"[41, 42] to ["99QY0045626"]"#]);
    // A new case is proposed from the subject, where no number says one.
    let play = many(Play::new()).keys("<end>+<C-s>");
    assert_eq!(filed(&play), [r#"open "R v TURBOT" []"#]);
}

#[test]
fn a_sender_is_marked_with_one_key() {
    let play = triage(Play::new()).keys("jjjX-");
    assert_eq!(filed(&play), ["[34, 35] to []"]);
}

#[test]
fn accepting_what_has_no_single_suggestion_asks_for_the_case() {
    let play = triage(Play::new()).keys("<CR>");
    assert!(play.screen().contains("File the message to"), "{}", play.screen());
    let play = play.keys("otter<CR>");
    assert_eq!(filed(&play), [r#"[31] to ["99QY0045626"]"#]);
}

#[test]
fn a_new_case_is_proposed_from_the_suggestion() {
    let play = triage(Play::new()).keys("j+");
    assert!(play.screen().contains("PF v PUDDOCK"), "{}", play.screen());
    let play = play.keys("<C-s>");
    assert_eq!(filed(&play), [r#"open "PF v PUDDOCK" ["ZZ26000417"]"#]);
}

#[test]
fn what_the_register_refused_comes_back() {
    let mut play = triage(Play::new()).keys("-");
    assert!(!play.screen().contains("Two files"));
    play.event(Event::Recorded(Err(sentence(Tone::Alarm, "Nothing was written: the disk is full"))));
    assert!(play.screen().contains("Two files") && play.screen().contains("the disk is full"), "{}", play.screen());
}

#[test]
fn a_row_is_changed_by_a_form_and_a_wrong_field_is_said_at_once() {
    let mut play = case((80, 24));
    // To the hearing.
    let rows = |play: &Play| play.screen();
    while !rows(&play).lines().any(|line| line.starts_with('▌') && line.contains("10:00, PTPH")) {
        play.press("j");
    }
    play.press("e<down><down><C-u>soon<C-s>");
    assert!(play.screen().contains("is no date"), "{}", play.screen());
    assert_eq!(filed(&play), [""; 0]);
    play.press("<C-u>29/05/2026<C-s>");
    assert_eq!(filed(&play), [r#"99ZX0012326: ["hearing"]"#]);
}

#[test]
fn taking_out_asks_first() {
    let mut play = case((80, 24));
    while !play.screen().lines().any(|line| line.starts_with('▌') && line.contains("MAAT")) {
        play.press("j");
    }
    play.press("dn");
    assert_eq!(filed(&play), [""; 0]);
    play.press("dy");
    assert_eq!(filed(&play), [r#"ZZ26000417: ["identifier-removed"]"#]);
}

#[test]
fn hostile_texts_of_the_register_are_made_safe() {
    let mut case = ferret();
    case.title = "R v \u{1b}[2J\u{202e}FERRET".into();
    case.parties[0].name = "\u{7}Petra\r\nWindlestraw".into();
    let view =
        CaseView { case, source: Source::Register, clocks: Vec::new(), messages: 0, unread: 0, filed: Vec::new() };
    let rows = crate::app::screen::case::lines(&view, time("2026-05-21T13:30:00Z"));
    let shown: String = rows.iter().flat_map(|row| [&row.text, &row.note]).map(SafeText::as_str).collect();
    assert!(!shown.chars().any(|c| c.is_control() || c == '\u{202e}'), "{shown:?}");
}
