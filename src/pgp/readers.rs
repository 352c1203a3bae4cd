//! Who can read a message anyway: what an answer to it may be sent to without asking.
//!
//! The packets before a ciphertext name the keys that it is for. Nothing authenticates them: whoever sends a ciphertext on can add the
//! name of a key. So they count only where a good signature covers all of it, and an author counts only by that. Everybody else is asked about.

use jiff::Timestamp;

use super::keyring::Keyring;
use super::report::{OpenPgp, SignatureState};

/// Addresses, lower-case, each once: those of the certificates that the ciphertext names, and the one that the signature stands for. Nobody
/// where no good signature covers it.
#[must_use]
pub fn readers(keyring: &Keyring, report: &OpenPgp, now: Timestamp) -> Vec<String> {
    let mut readers: Vec<String> = Vec::new();
    if report.signature.state != SignatureState::Good {
        return readers;
    }
    let named =
        report.recipients.iter().flat_map(|id| keyring.accepted_by_key_id(id, now)).flat_map(|info| info.addresses);
    for address in report.signature.bound_to.iter().cloned().chain(named) {
        let address = address.to_lowercase();
        if !readers.contains(&address) {
            readers.push(address);
        }
    }
    readers
}
