//! Any text as addresses: what is accepted for sending has no control character and parses back to itself.
#![no_main]

use casemail::mail::address::Address;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = Address::read_field(text);
    let Ok(addresses) = Address::parse_list(text) else { return };
    for address in addresses {
        assert!(!address.addr.chars().any(char::is_control) && !address.name.chars().any(char::is_control));
        assert_eq!(Address::parse(&address.to_string()).unwrap(), address);
    }
});
