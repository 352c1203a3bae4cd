//! The certificates of a profile with what the user decided about each, and the user's own unlocked secret keys.
//!
//! A keyring lives in memory only: the store keeps the bytes, sealed. Certificates are parsed and their self-signatures checked once, when
//! they are added, never per message. Secret keys are held encrypted in memory by sequoia and wiped when dropped.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use openpgp::cert::prelude::Cert;
use openpgp::crypto::{Decryptor, KeyPair, Password, SessionKey, Signer, mpi};
use openpgp::packet::Key;
use openpgp::packet::key::{PublicParts, UnspecifiedRole};
use openpgp::types::{HashAlgorithm, PublicKeyAlgorithm};
use openpgp::{Fingerprint, KeyHandle, KeyID};
use sequoia_openpgp as openpgp;

use super::agent::{Agent, AgentKey, is_same};
use super::certificate::{CertInfo, address_of, describe, parse, policy_at, public_bytes, system_time};
use super::error::PgpError;
use super::report::Acceptance;

/// A certificate that is held.
struct Held {
    /// Without secrets, its self-signatures checked.
    cert: Cert,
    /// What the user decided.
    acceptance: Acceptance,
    /// The addresses that the decision was about, lower-case; nothing: all that it carries.
    accepted_for: Option<Vec<String>>,
}

impl Held {
    /// What holds of the certificate for an address (lower-case): what was decided about others says nothing of this one.
    fn acceptance_for(&self, address: &str) -> Acceptance {
        match &self.accepted_for {
            Some(addresses) if self.acceptance.is_accepted() && !addresses.iter().any(|one| one == address) => {
                Acceptance::Undecided
            }
            _ => self.acceptance,
        }
    }
}

/// The keygrip of each (sub)key that an agent holds, by its fingerprint.
pub type AgentGrips = Vec<(String, String)>;

/// A secret key that can be used.
#[derive(Clone)]
pub(super) enum OwnKey {
    /// Here, in memory, encrypted there by sequoia.
    Here(KeyPair),
    /// With an agent.
    Agent(AgentKey),
}

impl OwnKey {
    /// It may be used only where a person asked: it may be waiting for a touch, a PIN, a passphrase.
    pub(super) fn is_with_agent(&self) -> bool {
        matches!(self, Self::Agent(_))
    }

    /// The public part.
    pub(super) fn public(&self) -> &Key<PublicParts, UnspecifiedRole> {
        match self {
            Self::Here(pair) => pair.public(),
            Self::Agent(key) => &key.public,
        }
    }
}

impl Signer for OwnKey {
    fn public(&self) -> &Key<PublicParts, UnspecifiedRole> {
        Self::public(self)
    }

    fn sign(&mut self, hash: HashAlgorithm, digest: &[u8]) -> openpgp::Result<mpi::Signature> {
        match self {
            Self::Here(pair) => pair.sign(hash, digest),
            Self::Agent(key) => key.sign(hash, digest),
        }
    }
}

impl Decryptor for OwnKey {
    fn public(&self) -> &Key<PublicParts, UnspecifiedRole> {
        Self::public(self)
    }

    fn decrypt(&mut self, ciphertext: &mpi::Ciphertext, length: Option<usize>) -> openpgp::Result<SessionKey> {
        match self {
            Self::Here(pair) => pair.decrypt(ciphertext, length),
            Self::Agent(key) => key.decrypt(ciphertext, length),
        }
    }
}

/// Certificates with acceptance, and unlocked secret keys.
#[derive(Default)]
pub struct Keyring {
    /// In the order of adding.
    held: Vec<Held>,
    /// Every primary key and subkey, by key id, to positions in `held`.
    by_key: HashMap<KeyID, Vec<usize>>,
    /// Addresses in user ids, lower-case, to positions in `held`. Candidates only: validity is judged at the time of use.
    by_address: HashMap<String, Vec<usize>>,
    /// Unlocked secret keys by the fingerprint of the (sub)key.
    secrets: HashMap<Fingerprint, OwnKey>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyring({} certificates, {} unlocked keys)", self.held.len(), self.secrets.len())
    }
}

impl Keyring {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds every certificate in the bytes (binary or armored) and gives their fingerprints. One that is held already is merged, and
    /// its acceptance becomes the given one.
    ///
    /// # Errors
    /// If there is no certificate in the bytes.
    pub fn add_cert(&mut self, bytes: &[u8], acceptance: Acceptance) -> Result<Vec<String>, PgpError> {
        parse(bytes)?
            .into_iter()
            .map(|cert| {
                let fingerprint = cert.fingerprint().to_hex();
                self.hold(cert.strip_secret_key_material(), acceptance)?;
                Ok(fingerprint)
            })
            .collect()
    }

    /// Adds and unlocks an own secret key; its certificate becomes one's [`Acceptance::Own`]. Gives its fingerprint.
    ///
    /// # Errors
    /// If there is no secret key, or the passphrase does not open it.
    pub fn add_secret(&mut self, bytes: &[u8], passphrase: Option<&str>) -> Result<String, PgpError> {
        let cert = parse(bytes)?.into_iter().find(Cert::is_tsk).ok_or(PgpError::NoSecretKey)?;
        let fingerprint = cert.fingerprint().to_hex();
        let mut pairs = Vec::new();
        for key in cert.keys().secret() {
            let mut key = key.key().clone();
            if !key.has_unencrypted_secret() {
                let passphrase = passphrase.ok_or_else(|| PgpError::PassphraseNeeded(fingerprint.clone()))?;
                key = key
                    .decrypt_secret(&Password::from(passphrase))
                    .map_err(|_| PgpError::WrongPassphrase(fingerprint.clone()))?;
            }
            pairs.push((key.fingerprint(), OwnKey::Here(key.into_keypair()?)));
        }
        self.hold(cert.strip_secret_key_material(), Acceptance::Own)?;
        self.secrets.extend(pairs);
        Ok(fingerprint)
    }

    /// The keys of a certificate whose public parts are among those of an agent (keygrip, `public-key` expression).
    #[must_use]
    pub fn grips(&self, fingerprint: &str, theirs: &[(String, Vec<u8>)]) -> AgentGrips {
        let Some(held) = self.held(fingerprint) else { return Vec::new() };
        held.cert
            .keys()
            .filter_map(|key| {
                let public = key.key().clone().role_into_unspecified();
                let (grip, _) = theirs.iter().find(|(_, expression)| is_same(&public, expression))?;
                Some((public.fingerprint().to_hex(), grip.clone()))
            })
            .collect()
    }

    /// Lets an agent use the keys of a certificate that is held, which becomes one's [`Acceptance::Own`]; `false` if it is not held.
    pub fn add_agent(&mut self, fingerprint: &str, grips: &AgentGrips, agent: &Arc<dyn Agent>) -> bool {
        let Some(held) = self.held(fingerprint) else { return false };
        let mut keys = Vec::new();
        for key in held.cert.keys() {
            let public = key.key().clone().role_into_unspecified();
            let hex = public.fingerprint().to_hex();
            if let Some((_, grip)) = grips.iter().find(|(known, _)| *known == hex) {
                let key = AgentKey { keygrip: grip.clone(), agent: Arc::clone(agent), public };
                keys.push((key.public.fingerprint(), OwnKey::Agent(key)));
            }
        }
        self.secrets.extend(keys);
        self.set_acceptance(fingerprint, Acceptance::Own)
    }

    /// Forgets the secret keys: they are wiped.
    pub fn lock(&mut self) {
        self.secrets.clear();
    }

    /// Whether any secret key is unlocked.
    #[must_use]
    pub fn is_unlocked(&self) -> bool {
        !self.secrets.is_empty()
    }

    /// Records what the user decided about a certificate; `false` if it is not held.
    pub fn set_acceptance(&mut self, fingerprint: &str, acceptance: Acceptance) -> bool {
        match self.position(fingerprint) {
            Some(position) => self.held.get_mut(position).is_some_and(|held| {
                held.acceptance = acceptance;
                true
            }),
            None => false,
        }
    }

    /// Records which addresses a decision was about: for others that the certificate carries, nothing is decided. `false` if it is not
    /// held.
    pub fn set_accepted_for(&mut self, fingerprint: &str, addresses: &[String]) -> bool {
        let addresses = addresses.iter().map(|address| address.to_lowercase()).collect();
        match self.position(fingerprint).and_then(|position| self.held.get_mut(position)) {
            Some(held) => {
                held.accepted_for = Some(addresses);
                true
            }
            None => false,
        }
    }

    /// All certificates at the given time, in the order of adding.
    #[must_use]
    pub fn certs(&self, now: Timestamp) -> Vec<CertInfo> {
        self.held.iter().map(|held| self.info(held, now)).collect()
    }

    /// One certificate, by its fingerprint (case and spaces do not matter).
    #[must_use]
    pub fn cert(&self, fingerprint: &str, now: Timestamp) -> Option<CertInfo> {
        self.held(fingerprint).map(|held| self.info(held, now))
    }

    /// A certificate's bytes, binary, without secrets.
    ///
    /// # Errors
    /// If it is not held.
    pub fn cert_bytes(&self, fingerprint: &str) -> Result<Vec<u8>, PgpError> {
        public_bytes(&self.held(fingerprint).ok_or_else(|| PgpError::UnknownCertificate(fingerprint.to_owned()))?.cert)
    }

    /// The certificates that carry the address in a valid self-signed user id at the given time, best first: accepted ones before
    /// others, usable before unusable, newer before older.
    #[must_use]
    pub fn certs_for(&self, address: &str, now: Timestamp) -> Vec<CertInfo> {
        let address = address.to_ascii_lowercase();
        let mut found: Vec<CertInfo> = self
            .by_address
            .get(&address)
            .into_iter()
            .flatten()
            .filter_map(|position| self.held.get(*position))
            .map(|held| CertInfo { acceptance: held.acceptance_for(&address), ..self.info(held, now) })
            // A revoked or expired certificate may have no valid user id left; it is still the reason to give.
            .filter(|info| info.invalid.is_some() || info.addresses.contains(&address))
            .collect();
        found.sort_by_key(|info| {
            (
                std::cmp::Reverse(info.acceptance.is_accepted()),
                std::cmp::Reverse(info.can_encrypt),
                std::cmp::Reverse(info.acceptance),
                std::cmp::Reverse(info.created),
            )
        });
        found
    }

    /// The fingerprint of the own certificate that signs for the address at the given time, if its secret key is unlocked.
    #[must_use]
    pub fn signer_for(&self, address: &str, now: Timestamp) -> Option<String> {
        self.certs_for(address, now)
            .into_iter()
            .find(|info| info.has_secret && info.can_sign)
            .map(|info| info.fingerprint)
    }

    /// Takes a certificate in, merging it with what is held.
    fn hold(&mut self, cert: Cert, acceptance: Acceptance) -> Result<(), PgpError> {
        let fingerprint = cert.fingerprint();
        let position = match self.held.iter().position(|held| held.cert.fingerprint() == fingerprint) {
            Some(position) => {
                if let Some(held) = self.held.get_mut(position) {
                    held.cert = held.cert.clone().merge_public(cert)?;
                    held.acceptance = acceptance;
                }
                position
            }
            None => {
                self.held.push(Held { cert, acceptance, accepted_for: None });
                self.held.len().saturating_sub(1)
            }
        };
        self.index(position);
        Ok(())
    }

    /// Enters a certificate's keys and addresses, and checks its self-signatures now: sequoia remembers the outcome in the certificate
    /// and in every clone of it.
    fn index(&mut self, position: usize) {
        let Some(held) = self.held.get(position) else { return };
        for key in held.cert.keys() {
            let positions = self.by_key.entry(key.key().keyid()).or_default();
            if !positions.contains(&position) {
                positions.push(position);
            }
            let _checked = key.self_signatures().count() + key.self_revocations().count();
        }
        for user_id in held.cert.userids() {
            let _checked = user_id.self_signatures().count() + user_id.self_revocations().count();
            if let Some(address) = address_of(user_id.userid()) {
                let positions = self.by_address.entry(address).or_default();
                if !positions.contains(&position) {
                    positions.push(position);
                }
            }
        }
    }

    /// Facts of a held certificate.
    fn info(&self, held: &Held, now: Timestamp) -> CertInfo {
        let has_secret = held.cert.keys().any(|key| self.secrets.contains_key(&key.key().fingerprint()));
        describe(&held.cert, held.acceptance, has_secret, now)
    }

    /// Where a certificate is held.
    fn position(&self, fingerprint: &str) -> Option<usize> {
        let fingerprint: Fingerprint = fingerprint.parse().ok()?;
        self.held.iter().position(|held| held.cert.fingerprint() == fingerprint)
    }

    /// A held certificate.
    fn held(&self, fingerprint: &str) -> Option<&Held> {
        self.held.get(self.position(fingerprint)?)
    }

    /// A certificate in sequoia's form.
    pub(super) fn openpgp_cert(&self, fingerprint: &str) -> Result<&Cert, PgpError> {
        Ok(&self.held(fingerprint).ok_or_else(|| PgpError::UnknownCertificate(fingerprint.to_owned()))?.cert)
    }

    /// Whether any certificate is the user's own.
    pub(super) fn has_own(&self) -> bool {
        self.held.iter().any(|held| held.acceptance == Acceptance::Own)
    }

    /// What was decided about a certificate, and for which addresses.
    pub(super) fn decision(&self, fingerprint: &Fingerprint) -> (Acceptance, Option<Vec<String>>) {
        self.lookup(&KeyHandle::from(fingerprint.clone()))
            .find(|held| held.cert.fingerprint() == *fingerprint)
            .map_or((Acceptance::Undecided, None), |held| (held.acceptance, held.accepted_for.clone()))
    }

    /// The certificates that hold any of the keys.
    pub(super) fn candidates(&self, handles: &[KeyHandle]) -> Vec<Cert> {
        let mut found: Vec<&Held> = Vec::new();
        for held in handles.iter().flat_map(|handle| self.lookup(handle)) {
            if !found.iter().any(|known| known.cert.fingerprint() == held.cert.fingerprint()) {
                found.push(held);
            }
        }
        found.into_iter().map(|held| held.cert.clone()).collect()
    }

    /// Certificates by (sub)key.
    fn lookup(&self, handle: &KeyHandle) -> impl Iterator<Item = &Held> {
        self.by_key.get(&KeyID::from(handle)).into_iter().flatten().filter_map(|position| self.held.get(*position))
    }

    /// The accepted certificates that hold the key of a key id (16 digits).
    pub(super) fn accepted_by_key_id(&self, key_id: &str, now: Timestamp) -> Vec<CertInfo> {
        let Ok(key_id) = key_id.parse::<KeyID>() else { return Vec::new() };
        let handle = KeyHandle::from(key_id);
        let held = self.lookup(&handle).filter(|held| held.acceptance.is_accepted());
        held.map(|held| self.info(held, now)).collect()
    }

    /// Whether the secret key of a key id (16 digits) is unlocked.
    pub(super) fn unlocks(&self, key_id: &str) -> bool {
        self.secrets.keys().any(|fingerprint| KeyID::from(fingerprint).to_hex() == key_id)
    }

    /// The unlocked secret keys that a session key may have been encrypted to, each with its certificate's fingerprint. No handle: a
    /// hidden recipient, so any of ours.
    pub(super) fn decryptors(&self, recipient: Option<&KeyHandle>) -> Vec<(&OwnKey, Fingerprint)> {
        let fits = |fingerprint: &Fingerprint| {
            recipient.is_none_or(|recipient| recipient.aliases(KeyHandle::from(fingerprint.clone())))
        };
        self.secrets
            .iter()
            .filter(|(fingerprint, pair)| fits(fingerprint) && pair.public().pk_algo().for_encryption())
            .filter_map(|(fingerprint, pair)| {
                let held = self.lookup(&KeyHandle::from(fingerprint.clone())).next()?;
                Some((pair, held.cert.fingerprint()))
            })
            .collect()
    }

    /// The key pair that signs for a certificate at the given time.
    pub(super) fn signing_pair(&self, fingerprint: &str, now: Timestamp) -> Result<OwnKey, PgpError> {
        let cert = self.openpgp_cert(fingerprint)?;
        let policy = policy_at(now);
        let valid = cert
            .with_policy(&policy, system_time(now))
            .map_err(|error| PgpError::Unfit { fingerprint: fingerprint.to_owned(), why: error.to_string() })?;
        valid
            .keys()
            .supported()
            .alive()
            .revoked(false)
            .for_signing()
            .find_map(|key| self.secrets.get(&key.key().fingerprint()))
            .cloned()
            .ok_or_else(|| PgpError::NoSigner(fingerprint.to_owned()))
    }
}

/// Whether a decryption with this algorithm takes a time that depends on the secret (the open advisory on RSA in Rust): such a message is
/// not opened where nobody asked for it, so that no sender can measure.
pub(super) fn is_rsa(algorithm: PublicKeyAlgorithm) -> bool {
    use PublicKeyAlgorithm as Algorithm;
    #[expect(deprecated, reason = "old keys are recognised too")]
    let old = Algorithm::RSAEncrypt;
    algorithm == Algorithm::RSAEncryptSign || algorithm == old
}
