//! Documents: the list, looking into one, what was not meant for us.

use std::sync::Arc;

use jiff::civil::date;

use super::cast::{safe, time};
use super::{Play, sentence};
use crate::app::document_view::{DocumentRow, Far, Look, Offered, Picture};
use crate::app::effect::Effect;
use crate::app::event::Event;
use crate::app::export_view::ExportNews;
use crate::app::screen::Screen;
use crate::app::view::Tone;
use crate::case::HearingTime;
use crate::case::document::{Direction, Document, Kinds, Reach};
use crate::mail::safe::SafeText;

fn document(number: u64, name: &str, bytes: u64) -> Document {
    Document {
        message_id: "31@cps.gov.example".into(),
        path: "1.2".into(),
        from: "p.windlestraw@cps.gov.example".into(),
        sent: Some(time("2026-03-02T14:50:00Z")),
        received: Some(time("2026-03-02T14:53:07Z")),
        ..Document::named(name, "application/pdf", bytes, format!("{number:064x}"))
    }
}

fn row(all: Vec<Document>) -> DocumentRow {
    DocumentRow::new(all).unwrap()
}

/// The list of the first case.
pub(super) fn documents(size: (u16, u16)) -> Play {
    let mut play = Play::at(size);
    let bundle = document(1, "IDPC 99ZX0012326 FERRET.pdf", 4_200_000);
    let exported = Document { exported: Some(time("2026-03-03T09:00:00Z")), ..bundle.clone() };
    let served = "served Tue 3 Mar 2026: sent Mon 2 Mar 2026 at 14:50, after 14:30 (CrimPR 4.11)";
    let statement = Document {
        signed_by: "Petra Windlestraw".into(),
        seen: false,
        deemed_served: served.into(),
        ..document(2, "MG11 P BADGER 20260221.pdf", 310_000)
    };
    let withheld = Document { reach: Reach::Watched, ..document(3, "MG6D Otterbourne.pdf", 98_000) };
    let shut = Document { reach: Reach::Quarantined, ..document(4, "MG3 FERRET.pdf", 51_000) }.told(&Kinds::default());
    let link = Document {
        kind: Kinds::default().link(),
        link: "https://portal.das.example/shared/77".into(),
        sha256: String::new(),
        bytes: 0,
        ..document(5, "Defence Agent Service", 0)
    };
    let by_hand = Document {
        direction: Direction::ByHand,
        from: "Defence Agent Service".into(),
        ..document(6, "police summary.pdf", 77_000)
    };
    play.world.documents = vec![
        row(vec![exported, bundle]),
        row(vec![statement]),
        row(vec![withheld]),
        row(vec![shut]),
        row(vec![link]),
        row(vec![by_hand]),
    ];
    play.keys("jb")
}

/// The rows that are marked.
fn marked(play: &Play) -> Vec<SafeText> {
    match play.model.screens.last() {
        Some(Screen::Documents(documents)) => documents.marked.iter().cloned().collect(),
        _ => Vec::new(),
    }
}

#[test]
fn the_list_looks_so() {
    for (name, size) in [("documents", (80, 24)), ("documents_wide", (200, 50))] {
        insta::assert_snapshot!(name, documents(size).screen());
    }
    insta::assert_snapshot!("documents_watched", documents((80, 24)).keys("jj").screen());
}

#[test]
fn what_came_both_ways_says_so_in_its_one_row() {
    let by_mail = document(1, "MG5.pdf", 900);
    let from = "Common Platform".to_owned();
    let by_hand = Document { direction: Direction::ByHand, from, ..by_mail.clone() };
    let told = |all: Vec<Document>| {
        let mut play = Play::at((80, 24));
        play.world.documents = vec![row(all)];
        play.keys("jb").screen()
    };
    let screen = told(vec![by_mail.clone(), by_hand.clone()]);
    assert!(screen.contains("; taken in by hand, too"), "{screen}");
    let screen = told(vec![by_hand, by_mail]);
    assert!(screen.contains("; received by mail, too"), "{screen}");
}

#[test]
fn on_a_shared_host_the_warning_is_seen_on_a_narrow_screen() {
    let screen = |is_remote: bool| {
        let mut play = documents((80, 24));
        play.model.settings.is_remote = is_remote;
        play.keys("e").screen()
    };
    assert!(screen(true).contains("Shared host: others may read it. Open it outside the sandbox?"), "{}", screen(true));
    assert!(
        !screen(false).contains("Shared host") && screen(false).contains("outside the sandbox?"),
        "{}",
        screen(false)
    );
}

#[test]
fn a_list_that_is_not_whole_says_so_and_its_reading_can_be_ended() {
    let far = |play: &Play, far: Far| {
        let Some(Screen::Documents(shown)) = play.model.screens.last() else { panic!("no list") };
        Event::DocumentsFar(shown.scope.clone(), play.world.documents.clone().into(), None, far)
    };
    let mut play = documents((80, 24));
    let news = far(&play, Far { done: 12, of: 900, ..Far::default() });
    play.event(news);
    assert!(play.screen().contains("12 of 900 messages"), "{}", play.screen());
    let stopped = |play: &Play| play.effects.iter().any(|effect| matches!(effect, Effect::StopDocuments));
    let play = play.keys("<C-x>");
    assert!(stopped(&play) && matches!(play.model.screens.last(), Some(Screen::Documents(_))));
    // Who leaves does not want it any more.
    let mut play = documents((80, 24));
    let news = far(&play, Far { done: 12, of: 900, ..Far::default() });
    play.event(news);
    let play = play.keys("<Esc>");
    assert!(stopped(&play) && !matches!(play.model.screens.last(), Some(Screen::Documents(_))));
    let mut play = documents((80, 24));
    let news = far(&play, Far { done: 12, of: 900, ..Far::default() });
    play.event(news);
    let play = play.keys("gc");
    assert!(stopped(&play) && play.model.screens.len() == 1);
    let mut play = documents((80, 24));
    let news = far(&play, Far { done: 12, of: 900, ended: true, absent: 0 });
    play.event(news);
    assert!(play.screen().contains("888 messages are not read"), "{}", play.screen());
    let news = far(&play, Far { done: 900, of: 900, ended: true, absent: 3 });
    play.event(news);
    assert!(play.screen().contains("3 messages of this case are not fetched"), "{}", play.screen());
    let play = play.keys("<C-x>");
    assert!(!stopped(&play), "nothing is read any more");
}

#[test]
fn nothing_but_ascii_on_an_ascii_terminal() {
    let mut play = documents((80, 24));
    play.model.settings.ascii = true;
    assert!(play.screen().is_ascii(), "{}", play.screen());
}

#[test]
fn what_is_watched_or_in_quarantine_is_not_looked_into_or_saved() {
    for keys in ["jj<CR>", "jjj<CR>", "jjw", "jjjw", "jje", "jjje"] {
        let play = documents((80, 24)).keys(keys);
        let asked = play
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::Look(_) | Effect::SaveDocuments(..) | Effect::Outside(_)));
        assert!(!asked && !play.screen().contains("to directory"), "{keys}: {}", play.screen());
    }
    let play = documents((80, 24)).keys("jjjj<CR>");
    assert!(play.screen().contains("never follows it"), "{}", play.screen());
}

#[test]
fn quarantine_asks_why_and_release_gives_no_reason_of_its_own() {
    let quarantined = |play: &Play| -> Vec<(usize, String, bool)> {
        let found = play.effects.iter().filter_map(|effect| match effect {
            Effect::Quarantine { documents, because, release, .. } => {
                Some((documents.len(), because.clone(), *release))
            }
            _ => None,
        });
        found.collect()
    };
    let play = documents((80, 24)).keys("jjq");
    assert!(play.screen().contains("Why?"), "{}", play.screen());
    assert!(quarantined(&play).is_empty());
    let play = play.keys("<CR>");
    assert_eq!(quarantined(&play), [(1, "possible mis-service".to_owned(), false)]);
    // An empty reason releases nothing.
    let play = documents((80, 24)).keys("jjQ<CR>");
    assert!(quarantined(&play).is_empty());
    let play = documents((80, 24)).keys("jjQthe CPS agreed<CR>");
    assert_eq!(quarantined(&play), [(1, "the CPS agreed".to_owned(), true)]);
    // An honest document is not lost to the key that goes back everywhere else, unless it was marked.
    let play = documents((80, 24)).keys("q");
    assert!(quarantined(&play).is_empty() && !play.screen().contains("Why?"), "{}", play.screen());
    assert!(!play.screen().contains("MG6D"), "{}", play.screen());
    assert_eq!(quarantined(&documents((80, 24)).keys("xq<CR>")).len(), 1);
    // What the marks were for is done: they go with it, and stay where it went wrong.
    // So do those that were set while it was at work, and all of them where something was only read again.
    for (tone, later, is_of_these, left) in
        [(Tone::Good, "", true, 0), (Tone::Alarm, "", true, 1), (Tone::Good, "x", true, 1), (Tone::Good, "", false, 1)]
    {
        let mut play = documents((80, 24)).keys("x");
        let written = if is_of_these { marked(&play) } else { Vec::new() };
        play = play.keys(later);
        play.event(Event::Exporting(ExportNews::Ended(sentence(tone, "3 documents"), written.into())));
        assert_eq!(marked(&play).len(), left, "{later} {}", play.screen());
        let play = play.keys("q");
        assert_eq!(play.screen().contains("Why?"), left > 0, "{}", play.screen());
    }
    // What is asked is read also where the name is long.
    let mut play = documents((80, 24));
    let long = format!("MG6D {}.pdf", "Otterbourne schedule of sensitive material ".repeat(4));
    play.world.documents = vec![row(vec![Document { reach: Reach::Watched, ..document(3, &long, 1) }])];
    let play = play.keys("qjbq");
    assert!(play.screen().contains("Why? Quarantine “MG6D Otter"), "{}", play.screen());
    // Escape does nothing.
    assert!(quarantined(&documents((80, 24)).keys("jjq<Esc>")).is_empty());
}

#[test]
fn marks_sorting_and_saving_of_several() {
    let play = documents((80, 24)).keys("xxxw");
    assert!(play.screen().contains("Save 2 documents (1 out of reach"), "{}", play.screen());
    let play = play.keys("<C-u>/tmp/x<CR>");
    let saved = play.effects.iter().find_map(|effect| match effect {
        Effect::SaveDocuments(documents, dir) => Some((documents.len(), dir.clone())),
        _ => None,
    });
    assert_eq!(saved, Some((2, "/tmp/x".to_owned())));
    let play = documents((80, 24)).keys("ooo");
    assert!(play.screen().contains("Sorted by name"), "{}", play.screen());
}

#[test]
fn a_filter_finds_nothing_in_quarantine() {
    let play = documents((80, 24)).keys("/MG3<CR>");
    assert!(play.screen().contains("What is in quarantine is not searched"), "{}", play.screen());
}

#[test]
fn ten_thousand_are_there_at_once() {
    let mut play = Play::at((80, 24));
    play.world.documents = (0..10_000).map(|n| row(vec![document(n, &format!("MG11 {n}.pdf"), n)])).collect();
    let play = play.keys("jb<End>");
    assert!(play.screen().contains("10000"), "{}", play.screen());
    let play = play.keys("/MG11 77.pdf<CR>");
    assert!(play.screen().contains("MG11 77.pdf"), "{}", play.screen());
}

fn look(lines: &[&str]) -> Look {
    Look {
        title: safe("police summary.pdf"),
        said: vec![sentence(Tone::Plain, "police summary: PDF."), sentence(Tone::Plain, "Only its text is shown.")],
        lines: lines.iter().map(|line| SafeText::line(line)).collect::<Vec<_>>().into(),
        picture: None,
        offered: None,
    }
}

#[test]
fn a_document_is_read_below_our_own_lines() {
    let mut play = documents((80, 24));
    play.world.look = Some(Arc::new(look(&["The gnome was found.", "Only its text is shown."])));
    insta::assert_snapshot!("look", play.keys("<CR>").screen());
}

#[test]
fn a_picture_is_drawn_in_half_blocks() {
    let mut play = documents((80, 24));
    let points = (0..20 * 10_u16).flat_map(|n| [u8::try_from(n % 256).unwrap(), 0, 0]).collect();
    let picture = Some(Picture { width: 20, height: 10, points });
    play.world.look = Some(Arc::new(Look { picture, ..look(&[]) }));
    let play = play.keys("<CR>");
    assert!(play.screen().contains(&"\u{2580}".repeat(20)), "{}", play.screen());
}

#[test]
fn a_terminal_that_shows_pictures_gets_one_while_nothing_lies_over_it() {
    let mut play = documents((80, 24));
    play.model.settings.own_pictures = true;
    let points = vec![7; 400 * 300 * 3];
    let picture = Some(Picture { width: 400, height: 300, points });
    play.world.look = Some(Arc::new(Look { picture, ..look(&[]) }));
    let mut play = play.keys("<CR>");
    assert!(!play.screen().contains('\u{2580}'), "{}", play.screen());
    let placed = crate::ui::picture(&play.model).unwrap();
    let body = play.model.parts().body;
    assert!(placed.area.y > body.y && placed.area.y + placed.area.height <= body.y + body.height, "{placed:?}");
    let (columns, rows) = (u32::from(placed.area.width), u32::from(placed.area.height));
    assert!((columns * 300).abs_diff(rows * 2 * 400) <= 2 * 400, "its sides are as they were: {placed:?}");
    assert!(crate::ui::picture(&play.model) == Some(placed), "the same is not sent twice");
    play.press("w");
    assert!(crate::ui::picture(&play.model).is_none(), "a question lies over it");
    play.press("<Esc>");
    assert!(crate::ui::picture(&play.model).is_some());
    play.press("L");
    assert!(crate::ui::picture(&play.model).is_none(), "locked");
}

#[test]
fn an_invitation_is_taken_into_the_case_after_a_yes() {
    let mut play = documents((80, 24));
    let at = HearingTime { date: date(2026, 6, 5), time: None };
    let offered = Some(Offered { at, court: "Ambleford CC".into(), summary: "PTPH".into() });
    play.world.look = Some(Arc::new(Look { offered, ..look(&["What: PTPH"]) }));
    let play = play.keys("<CR>a");
    assert!(play.screen().contains("Write this hearing into"), "{}", play.screen());
    let play = play.keys("y");
    assert!(play.effects.iter().any(|effect| matches!(effect, Effect::ChangeCase(..))));
}

#[test]
fn all_that_the_filter_lets_through_is_marked_and_unmarked() {
    let mut play = documents((80, 24)).keys("/pdf<CR>A");
    assert!(play.screen().contains("4 marked."), "{}", play.screen());
    // What is out of reach, or may not be meant for us, is marked and not written out.
    play.press("X");
    assert!(play.screen().contains("Export \u{201c}police summary.pdf\u{201d} to directory"), "{}", play.screen());
    play.press("<Esc>A");
    assert!(play.screen().contains("0 marked."), "{}", play.screen());
}
