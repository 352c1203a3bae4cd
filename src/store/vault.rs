//! The header that a passphrase opens, and the keys that follow from it.
//!
//! passphrase → Argon2id (RFC 9106) → key-encryption key → wraps a random master key → HKDF-SHA-256 (RFC 5869) → one key per
//! purpose, each for XChaCha20-Poly1305 with random 24-byte nonces. A changed passphrase rewrites the header alone. Cases can have
//! random keys of their own ([`DataKey`]), wrapped here and kept elsewhere, so that destroying one destroys a case.
//!
//! The passphrase is taken byte by byte as given: no normalisation, no trimming. The parameters in the header are bound to the wrapped
//! key, and refused below a floor, so that an exchanged header cannot make guessing cheap. An older header of the same profile, put
//! back to make an old passphrase valid again, is found out by the state store, which remembers the [`Vault::generation`].

use std::io;
use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::rand_core::RngCore;
use chacha20poly1305::aead::{Aead, OsRng, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::file;

const MAGIC: &[u8; 8] = b"CASEMAIL";
const VERSION: u16 = 1;
const SALT: usize = 32;
const NONCE: usize = 24;
const TAG: usize = 16;
const KEY: usize = 32;
/// Magic, version, three parameters, generation, salt: what the wrapped key is bound to.
const BOUND: usize = 8 + 2 + 12 + 8 + SALT;
const HEADER: usize = BOUND + NONCE + KEY + TAG;
/// What sealing adds to a value.
pub const OVERHEAD: usize = NONCE + TAG;

/// What a guess at the passphrase costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Cost {
    /// What new headers are made with: about half a second of one core, and twice the memory of the floor, so that the whole program stays
    /// below a quarter of a gigabyte.
    pub const DEFAULT: Self = Self { memory_kib: 128 << 10, passes: 4, lanes: 1 };
    /// What a header must have at least.
    pub const FLOOR: Self = Self { memory_kib: 64 << 10, passes: 3, lanes: 1 };
    /// Far below the floor, for tests that open hundreds of vaults.
    pub const TEST: Self = Self { memory_kib: 8, passes: 1, lanes: 1 };
    /// A header that asks for more would make the program run out of memory before the passphrase is looked at.
    const CEILING: Self = Self { memory_kib: 4 << 20, passes: 64, lanes: 16 };

    const fn is_within(self, floor: Self) -> bool {
        self.memory_kib >= floor.memory_kib
            && self.passes >= floor.passes
            && self.lanes >= floor.lanes
            && self.memory_kib <= Self::CEILING.memory_kib
            && self.passes <= Self::CEILING.passes
            && self.lanes <= Self::CEILING.lanes
    }
}

/// Why the vault does not open.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// Wrong, or the header was altered: the two look alike.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// No passphrase at all protects nothing.
    #[error("the passphrase is empty; choose one of several words")]
    EmptyPassphrase,
    /// There is no header.
    #[error("there is no profile at {}; make one with `casemail setup`", .0.display())]
    Missing(PathBuf),
    /// There is one already, and with it mail that a new one would lock away for ever.
    #[error("there is a profile already: {}", .0.display())]
    Exists(PathBuf),
    /// Not a header.
    #[error("{} is not a casemail header or is damaged; put back a copy of that file", .0.display())]
    Damaged(PathBuf),
    /// Of a later casemail.
    #[error("{} was written by a later casemail (format {version}); use that one", place.display())]
    Later {
        /// Where.
        place: PathBuf,
        /// Its format.
        version: u16,
    },
    /// Somebody has made guessing cheap.
    #[error(
        "{} asks for less work per passphrase than casemail allows (or for more than it can do): it was exchanged; put back your own copy",
        .0.display()
    )]
    Downgraded(PathBuf),
    /// The system refused.
    #[error("{}: {source}", place.display())]
    Io {
        /// Where.
        place: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Argon2 could not run.
    #[error("the passphrase could not be worked on: {0}")]
    Argon2(String),
}

/// A value that does not open: damaged, moved from another place, or sealed under another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open: it is damaged or not in its place")]
pub struct SealError;

/// An open profile: holds the master key, wiped when dropped.
pub struct Vault {
    place: PathBuf,
    cost: Cost,
    generation: u64,
    master: Zeroizing<[u8; KEY]>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault")
            .field("place", &self.place)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

/// Bytes from the system's generator.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRng.fill_bytes(&mut bytes);
    bytes
}

impl Vault {
    /// Makes a new profile's header; refuses where there is one.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn create(place: &Path, passphrase: &[u8]) -> Result<Self, VaultError> {
        Self::create_with(place, passphrase, Cost::DEFAULT)
    }

    /// As [`Vault::create`], at another cost. Below the floor it opens by [`Vault::open_with`] alone.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn create_with(place: &Path, passphrase: &[u8], cost: Cost) -> Result<Self, VaultError> {
        if place.symlink_metadata().is_ok() {
            return Err(VaultError::Exists(place.to_owned()));
        }
        let vault = Self { place: place.to_owned(), cost, generation: 1, master: Zeroizing::new(random()) };
        vault.write(passphrase)?;
        Ok(vault)
    }

    /// Opens a profile.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn open(place: &Path, passphrase: &[u8]) -> Result<Self, VaultError> {
        Self::open_with(place, passphrase, Cost::FLOOR)
    }

    /// As [`Vault::open`], with another floor: for tests.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn open_with(place: &Path, passphrase: &[u8], floor: Cost) -> Result<Self, VaultError> {
        let damaged = || VaultError::Damaged(place.to_owned());
        let header = read_header(place)?;
        let (bound, wrapped) = header.split_at_checked(BOUND).ok_or_else(damaged)?;
        let mut rest = bound;
        let magic: [u8; 8] = take(&mut rest).ok_or_else(damaged)?;
        if &magic != MAGIC {
            return Err(damaged());
        }
        let version = u16::from_le_bytes(take(&mut rest).ok_or_else(damaged)?);
        if version > VERSION {
            return Err(VaultError::Later { place: place.to_owned(), version });
        }
        if version != VERSION || header.len() != HEADER {
            return Err(damaged());
        }
        let mut number = || take(&mut rest).map(u32::from_le_bytes).ok_or_else(damaged);
        let cost = Cost { memory_kib: number()?, passes: number()?, lanes: number()? };
        if !cost.is_within(floor) {
            return Err(VaultError::Downgraded(place.to_owned()));
        }
        let generation = u64::from_le_bytes(take(&mut rest).ok_or_else(damaged)?);
        let salt: [u8; SALT] = take(&mut rest).ok_or_else(damaged)?;
        let kek = stretch(passphrase, &salt, cost)?;
        let master = Sealer::new(&kek).open(bound, wrapped).map_err(|_| VaultError::WrongPassphrase)?;
        let master: [u8; KEY] = master.as_slice().try_into().map_err(|_| damaged())?;
        Ok(Self { place: place.to_owned(), cost, generation, master: Zeroizing::new(master) })
    }

    /// Closes the vault to the old passphrase and opens it to a new one. The caller has opened it with the old one just before.
    ///
    /// # Errors
    /// [`VaultError`]; the old passphrase then still holds.
    pub fn change_passphrase(&mut self, passphrase: &[u8]) -> Result<(), VaultError> {
        self.generation += 1;
        self.write(passphrase).inspect_err(|_| self.generation -= 1)
    }

    /// Counts the changes of the passphrase. The state store refuses a header that is older than one it has seen.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The key for a purpose: a domain of its own per store, tree or name. `context` tells apart several of one purpose.
    #[must_use]
    pub fn sealer(&self, purpose: &str, context: &[u8]) -> Sealer {
        Sealer::new(&derive(&self.master, purpose, context))
    }

    /// A keyed digest for a purpose, to find records by a name without the name being in the store.
    #[must_use]
    pub fn blinder(&self, purpose: &str) -> Blinder {
        Blinder(derive(&self.master, purpose, b"blind"))
    }

    fn write(&self, passphrase: &[u8]) -> Result<(), VaultError> {
        if passphrase.is_empty() {
            return Err(VaultError::EmptyPassphrase);
        }
        let salt: [u8; SALT] = random();
        let mut header = Vec::with_capacity(HEADER);
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&VERSION.to_le_bytes());
        for number in [self.cost.memory_kib, self.cost.passes, self.cost.lanes] {
            header.extend_from_slice(&number.to_le_bytes());
        }
        header.extend_from_slice(&self.generation.to_le_bytes());
        header.extend_from_slice(&salt);
        let kek = stretch(passphrase, &salt, self.cost)?;
        let wrapped = Sealer::new(&kek).seal(&header, self.master.as_slice());
        header.extend_from_slice(&wrapped);
        file::write_atomic(&self.place, &header).map_err(|source| VaultError::Io { place: self.place.clone(), source })
    }
}

fn read_header(place: &Path) -> Result<Vec<u8>, VaultError> {
    use std::io::Read;
    let fail = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => VaultError::Missing(place.to_owned()),
        _ => VaultError::Io { place: place.to_owned(), source },
    };
    let file = file::open_private(place).map_err(fail)?;
    let mut header = Vec::new();
    file.take(2 * HEADER as u64).read_to_end(&mut header).map_err(fail)?;
    Ok(header)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

fn stretch(passphrase: &[u8], salt: &[u8], cost: Cost) -> Result<Zeroizing<[u8; KEY]>, VaultError> {
    let fail = |error: argon2::Error| VaultError::Argon2(error.to_string());
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(KEY)).map_err(fail)?;
    let mut kek = Zeroizing::new([0; KEY]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase, salt, kek.as_mut_slice())
        .map_err(fail)?;
    Ok(kek)
}

fn derive(master: &[u8; KEY], purpose: &str, context: &[u8]) -> Zeroizing<[u8; KEY]> {
    let mut key = Zeroizing::new([0; KEY]);
    let info = [b"casemail/1/", purpose.as_bytes(), b"/", context];
    // HKDF fails only for outputs longer than 8,160 bytes.
    let _ = Hkdf::<Sha256>::new(None, master).expand_multi_info(&info, key.as_mut_slice());
    key
}

/// Seals and opens values under one key; the key is wiped when dropped.
#[derive(Clone)]
pub struct Sealer(XChaCha20Poly1305);

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(…)")
    }
}

impl Sealer {
    fn new(key: &[u8; KEY]) -> Self {
        Self(XChaCha20Poly1305::new(key.into()))
    }

    /// Seals a value for a place: the nonce, then the ciphertext.
    #[must_use]
    pub fn seal(&self, place: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE] = random();
        let payload = Payload { msg: plaintext, aad: place };
        // The cipher fails only beyond 256 GiB.
        let sealed = self.0.encrypt(XNonce::from_slice(&nonce), payload).unwrap_or_default();
        let mut value = Vec::with_capacity(NONCE + sealed.len());
        value.extend_from_slice(&nonce);
        value.extend_from_slice(&sealed);
        value
    }

    /// Opens a value that was sealed for this place; wiped when dropped.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open(&self, place: &[u8], value: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (nonce, sealed) = value.split_at_checked(NONCE).ok_or(SealError)?;
        let payload = Payload { msg: sealed, aad: place };
        self.0.decrypt(XNonce::from_slice(nonce), payload).map(Zeroizing::new).map_err(|_| SealError)
    }
}

/// A keyed digest: equal names give equal digests, and nothing else is learnt from them without the key.
#[derive(Clone)]
pub struct Blinder(Zeroizing<[u8; KEY]>);

impl std::fmt::Debug for Blinder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Blinder(…)")
    }
}

impl Blinder {
    /// The digest of a name.
    #[must_use]
    pub fn blind(&self, name: &[u8]) -> [u8; 16] {
        let mut digest = [0; 16];
        // HMAC takes keys of any length.
        if let Ok(mut mac) = <Hmac<Sha256> as Mac>::new_from_slice(self.0.as_slice()) {
            mac.update(name);
            if let Some((head, _)) = mac.finalize().into_bytes().split_first_chunk::<16>() {
                digest = *head;
            }
        }
        digest
    }
}

/// A random key of its own, for instance of a case: what is sealed under it is gone when the key is destroyed.
pub struct DataKey(Zeroizing<[u8; KEY]>);

impl DataKey {
    /// A fresh one.
    #[must_use]
    pub fn random() -> Self {
        Self(Zeroizing::new(random()))
    }

    /// To be kept, sealed under another key for a place that names its owner.
    #[must_use]
    pub fn wrap(&self, under: &Sealer, place: &[u8]) -> Vec<u8> {
        under.seal(place, self.0.as_slice())
    }

    /// The key that was kept.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn unwrap_with(under: &Sealer, place: &[u8], wrapped: &[u8]) -> Result<Self, SealError> {
        let key: [u8; KEY] = under.open(place, wrapped)?.as_slice().try_into().map_err(|_| SealError)?;
        Ok(Self(Zeroizing::new(key)))
    }

    /// Its sealer for a purpose.
    #[must_use]
    pub fn sealer(&self, purpose: &str) -> Sealer {
        Sealer::new(&derive(&self.0, purpose, b""))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::{BOUND, Cost, DataKey, HEADER, Vault, VaultError};

    fn vault() -> (tempfile::TempDir, PathBuf, Vault) {
        let tmp = tempfile::tempdir().unwrap();
        let place = tmp.path().join("vault");
        let vault = Vault::create_with(&place, b"otter weir lantern", Cost::TEST).unwrap();
        (tmp, place, vault)
    }

    #[test]
    fn opens_with_its_passphrase_alone() {
        let (_tmp, place, vault) = vault();
        let sealed = vault.sealer("mail", b"").seal(b"place", b"hello");
        let again = Vault::open_with(&place, b"otter weir lantern", Cost::TEST).unwrap();
        assert_eq!(again.sealer("mail", b"").open(b"place", &sealed).unwrap().as_slice(), b"hello");
        for wrong in ["", "otter weir lantern ", "Otter weir lantern"] {
            let error = Vault::open_with(&place, wrong.as_bytes(), Cost::TEST).unwrap_err();
            assert!(matches!(error, VaultError::WrongPassphrase), "{error}");
            assert_eq!(error.to_string(), "the passphrase is wrong");
        }
    }

    #[test]
    fn a_new_passphrase_replaces_the_old_one_and_keeps_the_keys() {
        let (_tmp, place, mut vault) = vault();
        let sealed = vault.sealer("mail", b"").seal(b"place", b"hello");
        vault.change_passphrase(b"second").unwrap();
        assert!(matches!(
            Vault::open_with(&place, b"otter weir lantern", Cost::TEST),
            Err(VaultError::WrongPassphrase)
        ));
        let again = Vault::open_with(&place, b"second", Cost::TEST).unwrap();
        assert_eq!(again.generation(), 2);
        assert_eq!(again.sealer("mail", b"").open(b"place", &sealed).unwrap().as_slice(), b"hello");
        assert!(matches!(vault.change_passphrase(b""), Err(VaultError::EmptyPassphrase)));
        assert_eq!(vault.generation(), 2);
    }

    #[test]
    fn cheap_headers_are_refused() {
        let (_tmp, place, _vault) = vault();
        let error = Vault::open(&place, b"otter weir lantern").unwrap_err();
        assert!(matches!(error, VaultError::Downgraded(_)), "{error}");
    }

    #[test]
    fn every_byte_of_the_header_counts() {
        let (_tmp, place, _vault) = vault();
        let header = fs::read(&place).unwrap();
        assert_eq!(header.len(), HEADER);
        for at in 0..HEADER {
            // A huge memory parameter is refused by the ceiling, before it is tried.
            let mut altered = header.clone();
            altered[at] ^= 0x01;
            fs::write(&place, &altered).unwrap();
            Vault::open_with(&place, b"otter weir lantern", Cost::TEST).unwrap_err();
        }
        for length in [0, 1, BOUND, HEADER - 1] {
            fs::write(&place, &header[..length]).unwrap();
            Vault::open_with(&place, b"otter weir lantern", Cost::TEST).unwrap_err();
        }
        fs::remove_file(&place).unwrap();
        let error = Vault::open_with(&place, b"x", Cost::TEST).unwrap_err();
        assert!(matches!(error, VaultError::Missing(_)), "{error}");
    }

    #[test]
    fn an_existing_header_is_never_replaced() {
        let (_tmp, place, _vault) = vault();
        assert!(matches!(Vault::create_with(&place, b"x", Cost::TEST), Err(VaultError::Exists(_))));
    }

    #[test]
    fn values_open_in_their_place_and_purpose_alone() {
        let (_tmp, _place, vault) = vault();
        let sealer = vault.sealer("mail", b"a");
        let value = sealer.seal(b"one", b"hello");
        sealer.open(b"two", &value).unwrap_err();
        vault.sealer("mail", b"b").open(b"one", &value).unwrap_err();
        vault.sealer("outbox", b"a").open(b"one", &value).unwrap_err();
        sealer.open(b"one", &value[..10]).unwrap_err();
        assert_ne!(value, sealer.seal(b"one", b"hello"));
        let blinder = vault.blinder("cert");
        assert_eq!(blinder.blind(b"A"), blinder.blind(b"A"));
        assert_ne!(blinder.blind(b"A"), vault.blinder("kv").blind(b"A"));
    }

    #[test]
    fn case_keys_wrap() {
        let (_tmp, _place, vault) = vault();
        let under = vault.sealer("case-key", b"");
        let key = DataKey::random();
        let value = key.sealer("text").seal(b"p", b"hello");
        let wrapped = key.wrap(&under, b"99ZX0012326");
        assert!(DataKey::unwrap_with(&under, b"other", &wrapped).is_err());
        let again = DataKey::unwrap_with(&under, b"99ZX0012326", &wrapped).unwrap();
        assert_eq!(again.sealer("text").open(b"p", &value).unwrap().as_slice(), b"hello");
    }
}
