//! See [`casemail_fuzz::portal`].
#![no_main]

use casemail_fuzz::portal;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| portal(text));
