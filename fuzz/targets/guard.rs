//! See [`casemail_fuzz::guard`].
#![no_main]

use casemail_fuzz::guard;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (usize, &[u8])| guard(input));
