//! See [`casemail_fuzz::openpgp`].
#![no_main]

use casemail_fuzz::openpgp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| openpgp(bytes));
