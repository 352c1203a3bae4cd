//! See [`casemail_fuzz::config`].
#![no_main]

use casemail_fuzz::config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| config(text));
