//! Messages of `tests/data/eml`, ordinary and hostile: each is read without a panic, and shown as its snapshot says.

use std::fmt::Write as _;

use casemail::mail::message::Message;
use casemail::mail::safe::{SafeText, file_name};
use casemail::mail::{display, subject};

#[test]
fn every_message_is_shown_as_before() {
    let mut files: Vec<_> = std::fs::read_dir("tests/data/eml").unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
    files.sort();
    let mut shown = String::new();
    for path in files {
        writeln!(shown, "=== {}", path.file_stem().unwrap().to_string_lossy()).unwrap();
        show(&Message::parse(std::fs::read(&path).unwrap()), &mut shown);
    }
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'));
    insta::assert_snapshot!(shown);
}

fn show(message: &Message, shown: &mut String) {
    let headers = message.headers();
    for from in headers.from() {
        writeln!(shown, "from: {}", from.shown()).unwrap();
    }
    writeln!(shown, "subject: {}", SafeText::line(&subject::clean(&headers.subject()))).unwrap();
    writeln!(shown, "date: {}", headers.date().map_or("-".to_owned(), |date| date.to_string())).unwrap();
    let defects: Vec<_> = message.defects().iter().map(|defect| defect.code()).collect();
    let body = display::body(message);
    writeln!(shown, "defects: {}; warnings: {}", defects.join(" "), body.warnings.join(" ")).unwrap();
    for line in SafeText::block(&body.text()) {
        writeln!(shown, "| {line}").unwrap();
    }
    for file in body.attachments {
        writeln!(shown, "file: {} {} {} {}", file.path, file_name(&file.name), file.media_type, file.bytes).unwrap();
    }
}
