//! Own keys whose secret part is with gpg-agent, or on a card behind it: what is asked and answered, as canonical S-expressions of libgcrypt.
//! Pure: whoever speaks to the agent is an argument.

use std::fmt;
use std::sync::Arc;

use openpgp::crypto::mem::Protected;
use openpgp::crypto::mpi::{Ciphertext, MPI, PublicKey, Signature};
use openpgp::crypto::{Decryptor, SessionKey, Signer, ecdh};
use openpgp::packet::Key;
use openpgp::packet::key::{PublicParts, UnspecifiedRole};
use openpgp::types::HashAlgorithm;
use sequoia_openpgp as openpgp;
use zeroize::Zeroizing;

use super::error::PgpError;

/// Lists within lists that are read.
const DEPTH_MAX: usize = 8;

/// Whoever holds secret keys and uses them for us. Keys are named by their keygrip (40 hexadecimal digits). May block: a person may have to touch a
/// card.
pub trait Agent: Send + Sync + fmt::Debug {
    /// Signs a digest made by a hash algorithm (its number in RFC 9580 §9.5): a `sig-val`.
    ///
    /// # Errors
    /// In words.
    fn sign(&self, keygrip: &str, hash: u8, digest: &[u8]) -> Result<Vec<u8>, String>;

    /// Opens an `enc-val`: a `value`.
    ///
    /// # Errors
    /// In words.
    fn decrypt(&self, keygrip: &str, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, String>;
}

/// A key that an agent holds.
#[derive(Clone)]
pub(super) struct AgentKey {
    pub(super) public: Key<PublicParts, UnspecifiedRole>,
    pub(super) keygrip: String,
    pub(super) agent: Arc<dyn Agent>,
}

/// Whether the public key of an agent (a `public-key`) is this one.
#[must_use]
pub(super) fn is_same(public: &Key<PublicParts, UnspecifiedRole>, expression: &[u8]) -> bool {
    let Some(read) = Expression::read(expression) else { return false };
    match public.mpis() {
        PublicKey::RSA { n, .. } => read.value(b"n").is_some_and(|theirs| trimmed(theirs) == n.value()),
        PublicKey::EdDSA { q, .. } | PublicKey::ECDH { q, .. } | PublicKey::ECDSA { q, .. } => {
            read.value(b"q").is_some_and(|theirs| theirs == q.value())
        }
        _ => false,
    }
}

impl Signer for AgentKey {
    fn public(&self) -> &Key<PublicParts, UnspecifiedRole> {
        &self.public
    }

    fn sign(&mut self, hash: HashAlgorithm, digest: &[u8]) -> openpgp::Result<Signature> {
        let answer = self.agent.sign(&self.keygrip, hash.into(), digest).map_err(refused)?;
        let read = Expression::read(&answer).ok_or_else(strange)?;
        let mpi = |name: &[u8]| read.value(name).map(MPI::new).ok_or_else(strange);
        Ok(match self.public.mpis() {
            PublicKey::RSA { .. } => Signature::RSA { s: mpi(b"s")? },
            PublicKey::EdDSA { .. } => Signature::EdDSA { r: mpi(b"r")?, s: mpi(b"s")? },
            PublicKey::ECDSA { .. } => Signature::ECDSA { r: mpi(b"r")?, s: mpi(b"s")? },
            _ => return Err(refused("gpg-agent cannot sign with a key of this kind".to_owned())),
        })
    }
}

impl Decryptor for AgentKey {
    fn public(&self) -> &Key<PublicParts, UnspecifiedRole> {
        &self.public
    }

    fn decrypt(&mut self, ciphertext: &Ciphertext, length: Option<usize>) -> openpgp::Result<SessionKey> {
        let asked = match ciphertext {
            Ciphertext::RSA { c } => list(&[b"enc-val"], &list(&[b"rsa"], &list(&[b"a", c.value()], b""))),
            Ciphertext::ECDH { e, key } => {
                let inner = [list(&[b"s", key.as_ref()], b""), list(&[b"e", e.value()], b"")].concat();
                list(&[b"enc-val"], &list(&[b"ecdh"], &inner))
            }
            _ => return Err(refused("gpg-agent cannot open what was made by this algorithm".to_owned())),
        };
        let answer = self.agent.decrypt(&self.keygrip, &asked).map_err(refused)?;
        let read = Expression::read(&answer).ok_or_else(strange)?;
        let value = read.value(b"value").ok_or_else(strange)?;
        match (ciphertext, self.public.mpis()) {
            (Ciphertext::RSA { .. }, _) => Ok(SessionKey::from(unpadded(value).ok_or_else(strange)?)),
            (Ciphertext::ECDH { .. }, PublicKey::ECDH { .. }) => {
                // A point: 40 and x of Curve25519, or 04, x and y; the secret is x.
                let x = match value.split_first() {
                    Some((0x40, x)) => x,
                    Some((0x04, both)) => both.get(..both.len() / 2).unwrap_or_default(),
                    _ => value,
                };
                ecdh::decrypt_unwrap(&self.public, &Protected::from(x), ciphertext, length)
            }
            _ => Err(strange()),
        }
    }
}

/// What stands between an RSA block's head and its content (PKCS #1 v1.5); an agent may have taken it off.
fn unpadded(value: &[u8]) -> Option<&[u8]> {
    let value = trimmed(value);
    match value.split_first() {
        Some((2, rest)) if value.len() > 64 => {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest.get(end.checked_add(1)?..)
        }
        _ => Some(value),
    }
}

/// Without leading zeros.
fn trimmed(mut value: &[u8]) -> &[u8] {
    while let Some((0, rest)) = value.split_first() {
        value = rest;
    }
    value
}

fn refused(words: String) -> openpgp::anyhow::Error {
    openpgp::anyhow::Error::from(PgpError::Agent(words))
}

fn strange() -> openpgp::anyhow::Error {
    refused("it answered something that cannot be understood".to_owned())
}

/// A list of atoms, then of what is a list already.
fn list(atoms: &[&[u8]], rest: &[u8]) -> Vec<u8> {
    let mut out = b"(".to_vec();
    for atom in atoms {
        out.extend_from_slice(atom.len().to_string().as_bytes());
        out.push(b':');
        out.extend_from_slice(atom);
    }
    out.extend_from_slice(rest);
    out.push(b')');
    out
}

/// A canonical S-expression; wiped when dropped.
enum Expression {
    Atom(Zeroizing<Vec<u8>>),
    List(Vec<Expression>),
}

impl Expression {
    fn read(bytes: &[u8]) -> Option<Self> {
        Self::read_one(bytes, 0).map(|(read, _)| read)
    }

    fn read_one(bytes: &[u8], depth: usize) -> Option<(Self, &[u8])> {
        if depth > DEPTH_MAX {
            return None;
        }
        if let Some(mut rest) = bytes.strip_prefix(b"(") {
            let mut list = Vec::new();
            loop {
                if let Some(rest) = rest.strip_prefix(b")") {
                    return Some((Self::List(list), rest));
                }
                let (one, after) = Self::read_one(rest, depth + 1)?;
                list.push(one);
                rest = after;
            }
        }
        let colon = bytes.iter().take(8).position(|byte| *byte == b':')?;
        let length: usize = std::str::from_utf8(bytes.get(..colon)?).ok()?.parse().ok()?;
        let start = colon.checked_add(1)?;
        let end = start.checked_add(length)?;
        Some((Self::Atom(Zeroizing::new(bytes.get(start..end)?.to_vec())), bytes.get(end..)?))
    }

    /// The value of a name, wherever it stands: the atom behind it in its list.
    fn value(&self, name: &[u8]) -> Option<&[u8]> {
        let Self::List(list) = self else { return None };
        if let [Self::Atom(first), Self::Atom(second), ..] = list.as_slice()
            && first.as_slice() == name
        {
            return Some(second);
        }
        list.iter().find_map(|one| one.value(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read_or_refused() {
        let written = list(&[b"sig-val"], &list(&[b"eddsa"], &list(&[b"r", b"\x01:)"], b"")));
        assert_eq!(written, b"(7:sig-val(5:eddsa(1:r3:\x01:))))");
        assert_eq!(Expression::read(&written).unwrap().value(b"r").unwrap(), b"\x01:)");
        let deep = [b"(".repeat(2_000), b")".repeat(2_000)].concat();
        for bad in [b"".as_slice(), b"(", b"(3:ab)", b"(99999999999:a)", b"3abc", b"(-1:a)", &deep] {
            assert!(Expression::read(bad).is_none(), "{:?}", bad.get(..9));
        }
    }

    #[test]
    fn padding_is_taken_off_once() {
        let block = [&[0, 2][..], &[7; 80], &[0, 9, 1, 2]].concat();
        assert_eq!(unpadded(&block), Some([9, 1, 2].as_slice()));
        assert_eq!(unpadded(&[9, 1, 2]), Some([9, 1, 2].as_slice()));
        assert_eq!(unpadded(&[&[2][..], &[7; 80]].concat()), None);
    }
}
