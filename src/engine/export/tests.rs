//! Exports of a profile that has mail and no server. Real ones, judged by other people's programs: `tests/it/export.rs`.

use std::path::Path;

use super::fetch::Fetch;
use super::{Choice, Exporter, Form, Order, Subject};
use crate::engine::query::Filter;
use crate::engine::tests::{Running, World, fetched};
use crate::mail::id::MessageRef;

const SECRET: &str = "the names of those who told";

/// Of a message that is not here.
const AWAY: Fetch<'static> = &|_| Err("the server does not answer".to_owned());

/// A message with a text that has a name, shown with it and listed.
fn mail(id: u32, name: &str, text: &str) -> Vec<u8> {
    format!(
        "From: p.windlestraw@cps.gov.example\r\nTo: b.quill@quillpounce.example\r\nMessage-ID: <{id}@cps.gov.example>\r\n\
         Date: Mon, 11 May 2026 08:{id:02}:00 +0000\r\nSubject: schedules {id}\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nPlease find attached.\r\n\
         --b\r\nContent-Type: text/plain\r\nContent-Disposition: inline; filename=\"{name}\"\r\n\r\n{text}\r\n--b--\r\n"
    )
    .into_bytes()
}

fn exporter(running: &Running, form: Form, to: &Path) -> Exporter {
    running.engine.book().unwrap();
    let names = running.engine.messages(&Filter::default()).unwrap().messages.into_iter().map(|one| one.id).collect();
    let order = Order { subject: Subject::Messages(names), form, decrypt: false, to: to.to_owned() };
    running.engine.core.ask_open(move |core, open| Exporter::of(core, open, order)).unwrap().unwrap()
}

/// Where a message lies.
fn name(running: &Running, id: u32) -> MessageRef {
    let filter = Filter { message_id: Some(format!("{id}@cps.gov.example")), ..Filter::default() };
    running.engine.messages(&filter).unwrap().messages[0].id.clone()
}

/// All that a PDF says.
fn text_of(pdf: &Path) -> String {
    let read = lopdf::Document::load(pdf).unwrap();
    read.extract_text(&read.get_pages().into_keys().collect::<Vec<_>>()).unwrap()
}

#[test]
fn a_text_out_of_reach_is_not_on_the_page_of_its_message() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    let running = world.open();
    running
        .feed(7, vec![fetched(1, mail(1, "MG6D Otter.txt", SECRET)), fetched(2, mail(2, "note.txt", "It is open."))]);
    let choice = Choice { mail: true, ..Choice::default() };
    for put in ["watched", "in quarantine"] {
        if put == "in quarantine" {
            running.engine.quarantine_parts(&name(&running, 1), &[], "possible mis-service", false).unwrap();
        }
        let done = exporter(&running, Form::Files, dir.path()).bundle(&dir.path().join(put), &choice, AWAY, &|_| true);
        let text = text_of(&done.unwrap().path);
        assert_eq!(text.matches("Please find attached.").count(), 2, "{put}: {text}");
        assert!(text.contains("It is open.") && !text.contains(SECRET), "{put}: {text}");
    }
}
