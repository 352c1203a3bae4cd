//! Any text as mail of a portal: a link that is found leads to a host of a rule, however it is written.
#![no_main]

use casemail::case::portal::Portals;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for shared in Portals::default().shared("x@x.example", "", text) {
        assert!(shared.link.starts_with("https://") && !shared.link.chars().any(|c| c.is_control() || c.is_whitespace()));
    }
});
