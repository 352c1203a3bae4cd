//! Any bytes as an OpenPGP message without a key at hand: never decrypted, never good.
#![no_main]

use casemail::mail::message::Message;
use casemail::pgp::keyring::Keyring;
use casemail::pgp::open::{Decrypt, open};
use casemail::pgp::report::SignatureState;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let now = Timestamp::from_second(1_772_409_120).unwrap();
    let _ = casemail::pgp::certificate::read_certs(bytes, now);
    let opened = open(&Message::parse(bytes.to_vec()), &Keyring::new(), now, Decrypt::Any);
    assert!(!opened.report.decrypted);
    assert_ne!(opened.report.signature.state, SignatureState::Good);
});
