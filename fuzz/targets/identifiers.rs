//! Any text searched for identifiers of cases: what is found reads back as itself.
#![no_main]

use casemail::case::identifiers::Patterns;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let patterns = Patterns::new(&[]).unwrap();
    for identifier in patterns.find(text) {
        assert_eq!(patterns.read(&identifier.value).value, identifier.value);
    }
});
