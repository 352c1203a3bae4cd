//! See [`casemail_fuzz::address`].
#![no_main]

use casemail_fuzz::address;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| address(text));
