//! See [`casemail_fuzz::message`].
#![no_main]

use casemail_fuzz::message;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| message(bytes));
