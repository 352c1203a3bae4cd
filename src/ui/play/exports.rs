//! Exports: where to, how far, and stopped.

use std::sync::Arc;

use super::{Play, sentence};
use crate::app::effect::Effect;
use crate::app::event::Event;
use crate::app::export_view::{ExportNews, Exporting, Making};
use crate::app::target::Place;
use crate::app::view::Tone;
use crate::mail::safe::SafeText;

fn place(typed: &str, refused: bool) -> Arc<Place> {
    let said = if refused {
        vec![sentence(Tone::Alarm, "this is a link to /srv/share, which is not followed: name the directory itself")]
    } else {
        vec![
            sentence(Tone::Plain, &format!("{typed} will be made, yours alone, 12.3 GB free")),
            sentence(Tone::Warning, "OneDrive copies this folder to another company's machines"),
        ]
    };
    let completions = ["~/matters/", "~/matters-old/", "~/matter of fact/"].map(str::to_owned).to_vec();
    Arc::new(Place { typed: typed.to_owned(), said, refused, completions })
}

/// The case's question where to.
fn asked(size: (u16, u16), keys: &str) -> Play {
    let mut play = Play::at(size).keys(keys);
    play.event(Event::Target(place("~/matters", false)));
    play
}

fn news(done: usize, share: u16) -> Event {
    Event::Exporting(ExportNews::At(Exporting {
        making: Making::Files,
        place: SafeText::from("/home/quill/matters"),
        done,
        of: 40,
        documents: 37,
        bytes: 81_200_000,
        rate: 55_000_000,
        share,
    }))
}

#[test]
fn where_to_is_asked_with_what_is_known_of_the_place() {
    let play = asked((80, 24), "jx");
    insta::assert_snapshot!("target", play.screen());
    insta::assert_snapshot!("target_wide", asked((200, 50), "jx").screen());
    assert!(play.effects.iter().any(|effect| matches!(effect, Effect::LookAtTarget(text) if text == "~/matters")));

    // What all have in common is completed; a marked one is taken whole.
    let mut play = asked((80, 24), "jx<C-u>~/m");
    play.event(Event::Target(place("~/m", false)));
    play.press("<Tab>");
    assert!(play.screen().contains("~/matter"), "{}", play.screen());
    play.event(Event::Target(place("~/matter", false)));
    play.press("<Down><Down><Tab>");
    assert!(play.screen().contains("~/matters-old/"));

    // What speaks against it is not passed over; what is not known yet is left to the export.
    play.event(Event::Target(place("~/matters-old/", true)));
    play.press("<CR>");
    assert!(play.told().iter().all(|effect| !effect.starts_with("Export(")), "{:?}", play.told());
    play.press("x<CR>");
    assert!(play.told().last().unwrap().starts_with("Export(Case("), "{:?}", play.told());
    assert!(play.told().last().unwrap().contains("\"~/matters-old/x\", Files"));
}

#[test]
fn an_export_tells_how_far_it_is_and_is_stopped_or_left_alone() {
    let mut play = Play::new();
    play.event(news(12, 312));
    insta::assert_snapshot!("exporting", play.screen());
    let mut wide = Play::at((200, 50));
    wide.event(news(12, 312));
    insta::assert_snapshot!("exporting_wide", wide.screen());
    // Left alone, it goes on behind: the title row says so.
    play.press("<CR>");
    play.event(news(20, 500));
    assert!(play.screen().contains("exporting 50 %, ctrl-x stops it"), "{}", play.screen());
    play.press("<C-x>");
    wide.press("<Esc>");
    for play in [&play, &wide] {
        assert_eq!(play.told(), ["StopExport"]);
    }
    let words = sentence(Tone::Warning, "stopped; what was written stays");
    wide.event(Event::Exporting(ExportNews::Ended(words, Arc::default())));
    assert!(wide.screen().contains("stopped; what was written stays") && !wide.screen().contains("at 55 MB/s"));
}

#[test]
fn an_export_is_read_again_by_a_key() {
    let mut play = asked((80, 24), "gx");
    assert!(play.screen().contains("Read the export in directory again"), "{}", play.screen());
    // What is refused for writing may be read.
    play.event(Event::Target(place("~/matters", true)));
    play.press("<CR>");
    assert_eq!(play.told(), ["VerifyExport(\"~/matters\")"]);
}

#[test]
fn a_bundle_is_asked_for_by_its_own_key() {
    let mut play = asked((80, 24), "jB");
    assert!(play.screen().contains("One PDF of the case, to directory"), "{}", play.screen());
    play.press("<CR>");
    assert!(play.told().last().unwrap().ends_with("\"~/matters\", Bundle)"), "{:?}", play.told());
}
