//! An RFC 5322 mailbox (§3.4), called *address* here because "mailbox" is IMAP's word.

use serde::{Deserialize, Serialize};

/// A name and an address. Both are foreign text: show them through [`super::safe`] only.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    /// The display name, decoded; may be empty.
    pub name: String,
    /// The addr-spec (RFC 5322 §3.4.1) as written.
    pub addr: String,
}
