//! What is out of reach before it was written down or sealed, and files that go together in one package.

use super::{Running, World, eventually, fetched};
use crate::app::effect::Effect;
use crate::app::event::Event;
use crate::case::MessageName;
use crate::case::document::{Document, Reach};
use crate::mail::id::{CaseId, MessageRef};
use crate::register::Event as Happened;
use crate::register::record::Digest;

#[path = "../../../tests/it/support/winmail.rs"]
#[allow(dead_code, clippy::duplicate_mod, reason = "made for other tests, too")]
mod winmail;

const ID: &str = "packed@cps.gov.example";

/// A message with a package: two files of which one is on the watch list.
fn mail() -> Vec<u8> {
    let files =
        [winmail::file("A", "MG6D Otter.txt", b"schedule"), winmail::file("B", "MG11 Badger.txt", b"statement")];
    attached("winmail.dat", "application/ms-tnef", &winmail::package("", "", &files))
}

fn attached(name: &str, media_type: &str, content: &[u8]) -> Vec<u8> {
    let hex: String = content.iter().map(|byte| format!("={byte:02X}=\r\n")).collect();
    format!(
        "From: p.windlestraw@cps.gov.example\r\nTo: b.quill@quillpounce.example\r\nMessage-ID: <{ID}>\r\n\
         Date: Thu, 1 Jan 2026 00:00:00 +0000\r\nSubject: 99ZX0012326 papers\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n\
         --b\r\nContent-Type: {media_type}; name=\"{name}\"\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\n{hex}\r\n--b--\r\n"
    )
    .into_bytes()
}

impl Running {
    fn first(&self) -> MessageRef {
        self.engine.messages(&super::Filter::default()).unwrap().messages[0].id.clone()
    }

    /// As the screen does it; gives what it says.
    fn decide(&self, documents: Vec<Document>, release: bool) -> String {
        let because = if release { "the CPS agreed" } else { "possible mis-service" }.to_owned();
        self.engine.submit(Effect::Quarantine { case: None, documents, because, release });
        self.event(|event| match event {
            Event::Recorded(done) => Some(done.unwrap().text.to_string()),
            _ => None,
        })
    }

    /// Whether the bytes lie in the cache.
    fn is_cached(&self) -> bool {
        let asked = self.engine.core.ask_open(|_, open| open.stores.cache.raw(open.library.keys_by_date()[0]));
        asked.unwrap().unwrap().is_some()
    }

    fn listed(&self) -> Vec<(String, Reach)> {
        let all = self.engine.documents(&CaseId("ferret".into())).unwrap();
        all.into_iter().map(|one| (one.name, one.reach)).collect()
    }

    /// The package as the reader has it: nothing of what is in it.
    fn package(&self) -> Document {
        let all = self.engine.documents(&CaseId("ferret".into())).unwrap();
        all.into_iter().find(|one| one.path == "2").unwrap()
    }
}

fn digests() -> [String; 2] {
    [Digest::of(b"schedule").to_string(), Digest::of(b"statement").to_string()]
}

#[test]
fn a_package_and_its_files_go_together_whichever_is_named() {
    let world = World::new();
    let running = world.open();
    running.feed(7, vec![fetched(1, mail())]);
    let said = running.decide(vec![running.package()], false);
    assert!(said.contains("is in quarantine; the register has the time. With it 2 more,"), "{said}");
    let book = running.engine.book().unwrap();
    assert!(digests().iter().all(|one| book.is_document_quarantined(one)), "re-sent loose, it is open");
    // Sealed, it is read from where it lies; and by its package everything is back.
    let said = running.decide(vec![running.package()], true);
    assert!(said.contains("is back in reach; the register has the reason. With it 2 more,"), "{said}");
    let book = running.engine.book().unwrap();
    assert!(digests().iter().all(|one| !book.is_document_quarantined(one)), "left shut");
    assert!(running.is_cached());
    // A file in it takes its package and the other file along, and the words say so.
    let all = running.engine.documents(&CaseId("ferret".into())).unwrap();
    let inner = all.into_iter().find(|one| one.path == "2/2").unwrap();
    let said = running.decide(vec![inner], false);
    assert!(said.contains("With it 2 more"), "{said}");
    let book = running.engine.book().unwrap();
    assert!(digests().iter().all(|one| book.is_document_quarantined(one)));
}

#[test]
fn what_is_put_out_of_reach_before_it_was_written_down_is_written_down_afterwards() {
    let world = World::new();
    let running = world.open();
    running.feed(7, vec![fetched(1, attached("MG6D Otter.txt", "text/plain", b"schedule"))]);
    let document = Document {
        message: Some(running.first()),
        message_id: ID.to_owned(),
        path: "2".to_owned(),
        reach: Reach::Watched,
        ..Document::named("MG6D Otter.txt", "text/plain", 8, digests()[0].clone())
    };
    running.decide(vec![document], false);
    // Nothing was waited for: it is shut and sealed when that is said.
    assert!(running.engine.book().unwrap().is_document_quarantined(&digests()[0]));
    assert!(!running.is_cached());
    let listed = running.listed();
    assert_eq!(listed, [("(in quarantine)".to_owned(), Reach::Quarantined)]);
}

#[test]
fn what_the_register_says_and_nobody_sealed_is_sealed_at_the_next_opening() {
    let world = World::new();
    let running = world.open();
    running.feed(7, vec![fetched(1, mail())]);
    // As if casemail had ended between the word and the deed.
    let message = MessageName { message_id: ID.into(), digest: Digest::default().0 };
    let documents = vec![Digest::of(b"schedule")];
    let (cases, because) = (vec![CaseId("ferret".into())], "possible mis-service".to_owned());
    let event = Happened::Quarantined { cases, message, because, released: false, documents };
    running.engine.record(vec![event]).unwrap();
    assert!(running.is_cached());
    running.engine.close();
    let running = world.open();
    eventually(|| !running.is_cached());
}
