//! Files that go out: the prompt for a path, what is dropped on the terminal, the list in the composer, documents of the case.

use std::sync::Arc;

use super::{Play, sentence};
use crate::app::effect::{ComposerId, Effect};
use crate::app::event::Event;
use crate::app::view::{Enclosed, Limit, PathRow, Tone};
use crate::mail::draft::{Attachment, Draft, Source};
use crate::mail::safe::SafeText;

fn enclosed(name: &str, media_type: &str, bytes: u64) -> Event {
    let file = Attachment { name: name.into(), media_type: media_type.into(), content: Vec::new() };
    let source = Some(Source { place: 0, path: format!("/home/isla/papers/{name}"), sha256: String::new(), bytes });
    Event::Attached(ComposerId(1), vec![Ok(Enclosed { file, source, said: Vec::new() })])
}

fn reviewed(play: &Play) -> Option<&Draft> {
    play.effects.iter().rev().find_map(|effect| match effect {
        Effect::Review(draft) => Some(&**draft),
        _ => None,
    })
}

fn writing(size: (u16, u16)) -> Play {
    let mut play = Play::at(size);
    play.model.settings.home = "/home/isla".into();
    let mut play = play.keys("cham@copfs.gov.example<Tab><Tab><Tab>99ZX0012326 papers<Tab>Good morning.");
    play.event(enclosed("IDPC 99ZX0012326 FERRET.pdf", "application/pdf", 4_200_000));
    play.event(enclosed("MG11 P BADGER.pdf", "application/pdf", 310_000));
    play.event(enclosed("interview.mp4", "video/mp4", 6_100_000));
    let whose = SafeText::from("the gateway of the class gov");
    play.event(Event::Limit(Some(Limit { bytes: 10_000_000, whose })));
    play
}

#[test]
fn the_list_says_name_kind_size_and_what_it_comes_to() {
    for (name, size) in [("composer_files", (80, 24)), ("composer_files_wide", (200, 50))] {
        insta::assert_snapshot!(name, writing(size).keys("<S-Tab>").screen());
    }
    let play = writing((80, 24)).keys("<A-s>");
    assert!(play.screen().contains("in 2 messages of 10.0 MB at most"), "{}", play.screen());
}

#[test]
fn files_are_gone_through_moved_named_and_taken_off() {
    // From the text up to the last file, and that one up.
    let mut play = writing((80, 24)).keys("<S-Tab><A-Up><CR><C-u>../interview of B.mp4<CR>");
    assert!(play.screen().contains("Recipients see it as “interview of B.mp4”"), "{}", play.screen());
    play.press("<C-s>");
    let names = |play: &Play| {
        let draft = reviewed(play).unwrap();
        let files = draft.attachments.iter().enumerate();
        files.map(|(at, file)| format!("{} {}", file.name, draft.source(at).unwrap().bytes)).collect::<Vec<_>>()
    };
    let all = ["IDPC 99ZX0012326 FERRET.pdf 4200000", "interview of B.mp4 6100000", "MG11 P BADGER.pdf 310000"];
    assert_eq!(names(&play), all);
    // The marked one goes; then, from the text, the last.
    let mut play = writing((80, 24)).keys("<S-Tab><Up><Up><Del><Down><Down><A-t><C-s>");
    assert_eq!(names(&play), ["MG11 P BADGER.pdf 310000"]);
    play.press("e<A-t><A-t>");
    assert!(play.screen().contains("Nothing is attached."), "{}", play.screen());
    // Letters are typed into no list.
    let play = writing((80, 24)).keys("<S-Tab>xyz<C-s>");
    assert_eq!(reviewed(&play).unwrap().body, "Good morning.\n");
}

#[test]
fn the_limit_is_asked_for_when_people_or_files_change() {
    let asked = |play: &Play| play.effects.iter().filter(|effect| matches!(effect, Effect::AskLimit(..))).count();
    let play = writing((80, 24));
    assert_eq!(asked(&play), 3);
    let play = play.keys("<S-Tab><S-Tab><S-Tab>b@mailbox.example<Tab>");
    let last = play.effects.iter().rev().find_map(|effect| match effect {
        Effect::AskLimit(_, addresses) => Some(addresses.clone()),
        _ => None,
    });
    assert_eq!(last.unwrap(), ["ham@copfs.gov.example", "b@mailbox.example"]);
}

fn path(name: &str, bytes: u64) -> PathRow {
    let path = format!("/home/isla/papers/{name}");
    PathRow { path, name: SafeText::line(name), is_directory: name.ends_with('/'), bytes }
}

/// The prompt, as it is when `MG` was typed in a directory with a space in its name.
fn prompt(size: (u16, u16)) -> Play {
    let mut play = Play::at(size);
    play.model.settings.home = "/home/isla".into();
    let mut play = play.keys("c<C-t>papers/MG");
    let rows = [path("MG notes/", 0), path("MG11 P BADGER.pdf", 310_000), path("MG5 Ferret.pdf", 98_000)];
    play.event(Event::Paths("/home/isla/papers/MG".into(), rows.into()));
    play
}

#[test]
fn a_path_is_completed_and_attached() {
    for (name, size) in [("attach_prompt", (80, 24)), ("attach_prompt_wide", (200, 50))] {
        insta::assert_snapshot!(name, prompt(size).keys("<Down><Down>").screen());
    }
    let attached = |play: &Play| {
        play.effects.iter().rev().find_map(|effect| match effect {
            Effect::AttachFiles(_, readings) => readings.first().cloned(),
            _ => None,
        })
    };
    // The marked file; a marked directory is gone into.
    assert_eq!(attached(&prompt((80, 24)).keys("<Down><Down><CR>")).unwrap(), ["/home/isla/papers/MG11 P BADGER.pdf"]);
    let play = prompt((80, 24)).keys("<Down><CR>");
    assert!(attached(&play).is_none() && play.screen().contains("~/papers/MG notes/"), "{}", play.screen());
    // What is typed, with `~`, spaces and quotes.
    let play = prompt((80, 24)).keys("<C-u>'~/My papers/a.pdf'<CR>");
    assert_eq!(attached(&play).unwrap(), ["/home/isla/My papers/a.pdf"]);
    // A directory alone is no file.
    assert!(attached(&prompt((80, 24)).keys("<C-u>~/papers/<CR>")).is_none());
    assert!(prompt((80, 24)).keys("<Esc>").model.popups.is_empty());
    let mut play = prompt((80, 24));
    play.model.settings.ascii = true;
    assert!(play.screen().is_ascii(), "{}", play.screen());
}

#[test]
fn what_is_dropped_is_attached_and_any_other_paste_is_text() {
    let mut play = writing((80, 24));
    play.event(Event::Paste("'/home/isla/My papers/a.pdf' /tmp/b.pdf ".into()));
    let asked = play.effects.iter().rev().find_map(|effect| match effect {
        Effect::AttachDropped(ComposerId(1), text, readings) => Some((text.clone(), readings[0].clone())),
        _ => None,
    });
    let (text, reading) = asked.unwrap();
    assert_eq!(reading, ["/home/isla/My papers/a.pdf", "/tmp/b.pdf"]);
    assert!(!play.screen().contains("/tmp/b.pdf"), "not before it is known what it is: {}", play.screen());
    play.event(Event::PastedText(ComposerId(1), text));
    assert!(play.screen().contains("/tmp/b.pdf"), "{}", play.screen());
    play.event(Event::Paste(" See you on Monday.".into()));
    assert!(play.screen().contains("See you on Monday."), "{}", play.screen());
    // What is to be known of a file is said when it comes.
    let file = Attachment { name: "x.docm".into(), media_type: "application/msword".into(), content: Vec::new() };
    let said = vec![sentence(Tone::Warning, "“x.docm” has macros.")];
    play.event(Event::Attached(ComposerId(1), vec![Ok(Enclosed { file, source: None, said })]));
    assert!(play.screen().contains("“x.docm” has macros."), "{}", play.screen());
}

#[test]
fn documents_are_attached_from_their_list_and_none_that_is_out_of_reach() {
    let taken = |play: &Play| {
        play.effects.iter().rev().find_map(|effect| match effect {
            Effect::AttachDocuments(_, chosen) => Some(chosen.iter().map(|one| one.name.clone()).collect::<Vec<_>>()),
            _ => None,
        })
    };
    // Two that may be seen, and one that may not.
    let play = super::documents::documents((80, 24)).keys("xxxa");
    assert!(play.model.is_composing());
    assert_eq!(taken(&play).unwrap().len(), 2, "{:?}", taken(&play));
    let play = super::documents::documents((80, 24)).keys("jja");
    assert!(!play.model.is_composing() && taken(&play).is_none(), "{}", play.screen());
    // From the message being written, and back to it.
    let play = super::documents::documents((80, 24)).keys("q<CR>c<A-a>a");
    assert!(taken(&play).is_some() && play.screen().contains("OpenPGP"), "{}", play.screen());
    let mut play = Play::new().keys("c<A-a>");
    assert!(play.screen().contains("belongs to no case"), "{}", play.screen());
    play.event(Event::Paths("/stale".into(), Arc::from([])));
}

#[test]
fn a_file_that_comes_late_goes_into_no_other_message() {
    let mut play =
        Play::new().keys("cham@copfs.gov.example<Tab><Tab><Tab>to the prosecutor<C-t><C-u>/home/isla/a.pdf<CR>");
    let asked = |play: &Play| {
        play.effects.iter().rev().find_map(|effect| match effect {
            Effect::AttachFiles(to, _) => Some(*to),
            _ => None,
        })
    };
    let first = asked(&play).unwrap();
    let file = |name: &str| {
        let file = Attachment { name: name.into(), media_type: "application/pdf".into(), content: vec![0; 9] };
        Ok(Enclosed::from(file))
    };
    // Not sent without it: the review waits.
    play.press("<C-s>");
    assert!(reviewed(&play).is_none() && play.screen().contains("still on its way"), "{}", play.screen());
    // Put by, and another begun: the file is not for that one, and it is said.
    play.press("<C-c>cr.vellum@foxglove.example<Tab><Tab><Tab>to the other side");
    let second = play.model.composer_mut().map(|(composer, _)| composer.id).unwrap();
    assert_ne!(first, second);
    play.event(Event::Attached(first, vec![file("a.pdf"), file("b.pdf")]));
    let screen = play.screen();
    assert!(screen.contains("“a.pdf” and 1 more came when the message was left"), "{screen}");
    assert!(!screen.contains("@ a.pdf"), "{screen}");
    play.event(Event::PastedText(first, "/no/such/file".into()));
    assert!(!play.screen().contains("/no/such/file"), "{}", play.screen());
    play.press("<C-s>");
    assert!(reviewed(&play).unwrap().attachments.is_empty());
}

#[test]
fn nothing_is_reviewed_before_every_file_is_here() {
    let mut play = super::documents::documents((80, 24)).keys("xxxa");
    let (to, count) = play
        .effects
        .iter()
        .rev()
        .find_map(|effect| match effect {
            Effect::AttachDocuments(to, chosen) => Some((*to, chosen.len())),
            _ => None,
        })
        .unwrap();
    assert_eq!(count, 2);
    play.press("ham@copfs.gov.example<C-s>");
    assert!(reviewed(&play).is_none(), "{}", play.screen());
    let file = Attachment { name: "a.pdf".into(), media_type: "application/pdf".into(), content: vec![0; 9] };
    play.event(Event::Attached(to, vec![Ok(file.into())]));
    play.press("<C-s>");
    assert!(reviewed(&play).is_none(), "one is still to come: {}", play.screen());
    // One that cannot be had is told of, and is waited for no more.
    play.event(Event::Attached(to, vec![Err(sentence(Tone::Alarm, "It is gone."))]));
    assert!(play.screen().contains("It is gone."), "{}", play.screen());
    play.press("<C-s>");
    assert_eq!(reviewed(&play).unwrap().attachments.len(), 1);
    // What is asked for while the review is being made is not left out of it: that one is made anew.
    let mut play = Play::new().keys("cham@copfs.gov.example<Tab><Tab><Tab>papers");
    play.silent = true;
    play.press("<C-s>");
    assert!(play.model.composer_mut().unwrap().0.reviewing);
    play.press("<C-t><C-u>/home/isla/a.pdf<CR>");
    assert!(!play.model.composer_mut().unwrap().0.reviewing);
}
