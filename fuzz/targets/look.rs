//! See [`casemail_fuzz::look`].
#![no_main]

use casemail_fuzz::look;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| look(bytes));
