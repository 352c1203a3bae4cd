//! What each target does with its bytes. The tests of the program (`tests/it/fuzzed.rs`) run the same for some seconds, so that no target falls
//! behind what it is about.

use casemail::case::identifiers::Patterns;
use casemail::case::portal::Portals;
use casemail::config::Config;
use casemail::look::{Asked, TEXT_MAX, calendar, rtf, tnef};
use casemail::mail::address::Address;
use casemail::mail::message::Message;
use casemail::mail::safe::SafeText;
use casemail::mail::{display, subject};
use casemail::net::guard::{Limits, Scanner};
use casemail::pgp::keyring::Keyring;
use casemail::pgp::open::{Decrypt, open};
use casemail::pgp::report::SignatureState;
use jiff::Timestamp;

/// Any text as addresses: what is accepted for sending has no control character and parses back to itself.
pub fn address(text: &str) {
    let _ = Address::read_field(text);
    let Ok(addresses) = Address::parse_list(text) else { return };
    for address in addresses {
        assert!(!address.addr.chars().any(char::is_control) && !address.name.chars().any(char::is_control));
        assert_eq!(Address::parse(&address.to_string()).unwrap(), address);
    }
}

/// Any text as a configuration: refused with findings or accepted, and what is accepted can be written and read again.
pub fn config(text: &str) {
    if let Ok((config, _)) = Config::parse(text, "config.toml") {
        assert!(Config::parse(&config.render(), "config.toml").is_ok());
    }
}

/// Any bytes from a server, cut anywhere: the guard answers the same, however they are cut.
pub fn guard((at, bytes): (usize, &[u8])) {
    let (first, second) = bytes.split_at(at.min(bytes.len()));
    let whole = Scanner::new(Limits::after_login(1 << 20)).feed(bytes);
    let mut scanner = Scanner::new(Limits::after_login(1 << 20));
    let cut = scanner.feed(first).and_then(|()| scanner.feed(second));
    assert_eq!(whole.is_ok(), cut.is_ok());
}

/// Any text searched for identifiers of cases: what is found reads back as itself.
pub fn identifiers(text: &str) {
    let patterns = Patterns::new(&[]).unwrap();
    for identifier in patterns.find(text) {
        assert_eq!(patterns.read(&identifier.value).value, identifier.value);
    }
}

/// Any bytes as RTF, as Outlook's package, as an invitation and as whatever they look like: readers of our own, which end, and give no more than they
/// were given leave for.
pub fn look(bytes: &[u8]) {
    assert!(rtf::read(bytes).text.len() <= TEXT_MAX);
    let begun = [&tnef::MAGIC[..], &[1, 0], bytes].concat();
    for package in [bytes, &begun] {
        let Some(packed) = tnef::read(package) else {
            assert!(!package.starts_with(&tnef::MAGIC) || package.len() < 6);
            continue;
        };
        assert!(packed.files.len() <= tnef::FILES_MAX);
        assert!(packed.files.iter().all(|file| file.content.len() <= package.len() && !file.name.is_empty()));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = calendar::read(text);
    }
    let _ = casemail::look::look(&Asked { name: "a.eml".into(), media_type: String::new() }, bytes);
}

/// Any bytes as a message: parsed, shown as text, made safe, threaded by its own references. No panic, no control character.
pub fn message(bytes: &[u8]) {
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
}

/// Any bytes as an OpenPGP message without a key at hand: never decrypted, never good.
pub fn openpgp(bytes: &[u8]) {
    let now = Timestamp::from_second(1_772_409_120).unwrap();
    let _ = casemail::pgp::certificate::read_certs(bytes, now);
    let opened = open(&Message::parse(bytes.to_vec()), &Keyring::new(), now, Decrypt::Any);
    assert!(!opened.report.decrypted);
    assert_ne!(opened.report.signature.state, SignatureState::Good);
}

/// Any text as mail of a portal: a link that is found leads to a host of a rule, however it is written.
pub fn portal(text: &str) {
    for shared in Portals::default().shared("x@x.example", "", text) {
        assert!(
            shared.link.starts_with("https://") && !shared.link.chars().any(|c| c.is_control() || c.is_whitespace()),
            "{text:?}: {:?}",
            shared.link
        );
    }
}
