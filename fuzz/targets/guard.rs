//! Any bytes from a server, cut anywhere: the guard answers the same, however they are cut.
#![no_main]

use casemail::net::guard::{Limits, Scanner};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (usize, &[u8])| {
    let (at, bytes) = input;
    let (first, second) = bytes.split_at(at.min(bytes.len()));
    let whole = Scanner::new(Limits::after_login(1 << 20)).feed(bytes);
    let mut scanner = Scanner::new(Limits::after_login(1 << 20));
    let cut = scanner.feed(first).and_then(|()| scanner.feed(second));
    assert_eq!(whole.is_ok(), cut.is_ok());
});
