//! Any bytes as a message: parsed, shown as text, made safe, threaded by its own references. No panic, no control character.
#![no_main]

use casemail::mail::message::Message;
use casemail::mail::safe::SafeText;
use casemail::mail::{display, subject};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let message = Message::parse(bytes.to_vec());
    let headers = message.headers();
    let _ = (headers.date(), headers.message_id(), headers.references(), headers.to(), headers.cc());
    let subject = headers.subject();
    let _ = (subject::base_subject(&subject), subject::clean(&subject));
    for line in SafeText::block(&display::body(&message).text()).iter().chain([&SafeText::line(&subject)]) {
        assert!(!line.as_str().chars().any(char::is_control), "{line:?}");
    }
    for part in message.parts() {
        assert!(message.raw_part(part).len() <= bytes.len());
        let _ = message.content(part);
    }
});
