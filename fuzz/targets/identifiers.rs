//! See [`casemail_fuzz::identifiers`].
#![no_main]

use casemail_fuzz::identifiers;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| identifiers(text));
