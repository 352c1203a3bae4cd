//! The header that a passphrase opens, and the keys that follow from it.
//!
//! passphrase → Argon2id (RFC 9106) → key-encryption key → wraps a random master key → HKDF-SHA-256 (RFC 5869) → one key per
//! purpose, each for XChaCha20-Poly1305 with random 24-byte nonces. A changed passphrase rewrites the header alone. Cases can have
//! random keys of their own ([`DataKey`]), wrapped here and kept elsewhere, so that destroying one destroys a case.
//!
//! Master keys are numbered by *epochs*. New keys for everything begin a new one; the master keys of older epochs stay in the header,
//! sealed under the newest, until everything that was sealed under them has been sealed anew, and are dropped then. At every moment one
//! header opens all that there is.
//!
//! The passphrase is taken byte by byte as given: no normalisation, no trimming. The parameters in the header are bound to the wrapped
//! key, and refused below a floor, so that an exchanged header cannot make guessing cheap. An older header of the same profile, put
//! back to make an old passphrase valid again, is found out by the state store, which remembers the [`Vault::generation`].

use std::io;
use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::rand_core::RngCore;
use chacha20poly1305::aead::{Aead, AeadInPlace, OsRng, Payload};
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::file;

const MAGIC: &[u8; 8] = b"CASEMAIL";
/// What is written. Version 1 ends behind the wrapped key: it has one epoch, 0.
const VERSION: u16 = 2;
const SALT: usize = 32;
const NONCE: usize = 24;
const TAG: usize = 16;
const KEY: usize = 32;
/// Magic, version, three parameters, generation, salt: what the wrapped key is bound to.
const BOUND: usize = 8 + 2 + 12 + 8 + SALT;
const HEADER: usize = BOUND + NONCE + KEY + TAG;
/// Epochs in a header: one is being left, and a second that was begun before that was done.
const EPOCHS_MAX: usize = 8;
/// A header with all of them.
const HEADER_MAX: usize = HEADER + NONCE + TAG + 4 + EPOCHS_MAX * (4 + KEY);
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
    /// What new headers are made with: the memory of RFC 9106 §4's second recommendation, which lets the whole program stay below 120 MB,
    /// and more passes than it asks for, about half a second of one core.
    pub const DEFAULT: Self = Self { memory_kib: 64 << 10, passes: 8, lanes: 1 };
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
    /// Somebody else could exchange or copy it.
    #[error(transparent)]
    Place(#[from] file::PlaceError),
    /// A change of keys was begun too often without being brought to its end.
    #[error(
        "the keys were changed too often without the change being finished; run `casemail store rekey` to finish it"
    )]
    Epochs,
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
    epoch: u32,
    master: Zeroizing<[u8; KEY]>,
    /// Master keys of older epochs that something may still be sealed under.
    older: Vec<(u32, Zeroizing<[u8; KEY]>)>,
    /// The header as far as the wrapped key: what follows can be written anew without the passphrase.
    head: Vec<u8>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault")
            .field("place", &self.place)
            .field("generation", &self.generation)
            .field("epoch", &self.epoch)
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
        let mut vault = Self {
            place: place.to_owned(),
            cost,
            generation: 1,
            epoch: 0,
            master: Zeroizing::new(random()),
            older: Vec::new(),
            head: Vec::new(),
        };
        vault.head = vault.wrap(passphrase, cost, vault.generation, &vault.master)?;
        vault.write()?;
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
        let (head, ring) = header.split_at_checked(HEADER).ok_or_else(damaged)?;
        let (bound, wrapped) = head.split_at_checked(BOUND).ok_or_else(damaged)?;
        let mut rest = bound;
        let magic: [u8; 8] = take(&mut rest).ok_or_else(damaged)?;
        if &magic != MAGIC {
            return Err(damaged());
        }
        let version = u16::from_le_bytes(take(&mut rest).ok_or_else(damaged)?);
        if version > VERSION {
            return Err(VaultError::Later { place: place.to_owned(), version });
        }
        if version == 0 || (version == 1) != ring.is_empty() {
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
        let master: Zeroizing<[u8; KEY]> = Zeroizing::new(master.as_slice().try_into().map_err(|_| damaged())?);
        let (epoch, older) = match version {
            1 => (0, Vec::new()),
            _ => read_ring(&master, bound, ring).ok_or_else(damaged)?,
        };
        Ok(Self { place: place.to_owned(), cost, generation, epoch, master, older, head: head.to_vec() })
    }

    /// Closes the vault to the old passphrase and opens it to a new one, at the cost of today where that is higher. The caller has opened it
    /// with the old one just before.
    ///
    /// # Errors
    /// [`VaultError`]; the old passphrase then still holds.
    pub fn change_passphrase(&mut self, passphrase: &[u8], cost: Cost) -> Result<(), VaultError> {
        let generation = self.generation.saturating_add(1);
        let head = self.wrap(passphrase, cost, generation, &self.master)?;
        self.replace(head)?;
        (self.generation, self.cost) = (generation, cost);
        Ok(())
    }

    /// Begins a new epoch: a new master key, and the older ones kept until [`Vault::retire`]. The passphrase may be the one of before.
    ///
    /// # Errors
    /// [`VaultError`]; everything is then as it was.
    pub fn begin_epoch(&mut self, passphrase: &[u8], cost: Cost) -> Result<(), VaultError> {
        if self.older.len().saturating_add(1) >= EPOCHS_MAX {
            return Err(VaultError::Epochs);
        }
        let master = Zeroizing::new(random());
        let generation = self.generation.saturating_add(1);
        let head = self.wrap(passphrase, cost, generation, &master)?;
        let before = (self.epoch, std::mem::replace(&mut self.master, master));
        let head = std::mem::replace(&mut self.head, head);
        self.older.push(before);
        self.epoch = self.epoch.saturating_add(1);
        if let Err(error) = self.write() {
            self.head = head;
            if let Some((epoch, master)) = self.older.pop() {
                (self.epoch, self.master) = (epoch, master);
            }
            return Err(error);
        }
        (self.generation, self.cost) = (generation, cost);
        Ok(())
    }

    /// Forgets the keys of older epochs: nothing is sealed under them any more. What was copied elsewhere before stays closed for ever.
    ///
    /// # Errors
    /// [`VaultError`]; they are then still there.
    pub fn retire(&mut self) -> Result<(), VaultError> {
        let older = std::mem::take(&mut self.older);
        if older.is_empty() {
            return Ok(());
        }
        self.write().inspect_err(|_| self.older = older)
    }

    /// The epoch that everything new is sealed in.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// All epochs that can be opened.
    pub fn epochs(&self) -> impl Iterator<Item = u32> + '_ {
        self.older.iter().map(|(epoch, _)| *epoch).chain([self.epoch])
    }

    /// What a guess at the passphrase costs.
    #[must_use]
    pub fn cost(&self) -> Cost {
        self.cost
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

    /// As [`Vault::sealer`], of an epoch. `None`: its key was dropped, or never was.
    #[must_use]
    pub fn sealer_at(&self, epoch: u32, purpose: &str, context: &[u8]) -> Option<Sealer> {
        if epoch == self.epoch {
            return Some(self.sealer(purpose, context));
        }
        let (_, master) = self.older.iter().find(|(older, _)| *older == epoch)?;
        Some(Sealer::new(&derive(master, purpose, context)))
    }

    /// As [`Vault::blinder`], of an epoch.
    #[must_use]
    pub fn blinder_at(&self, epoch: u32, purpose: &str) -> Option<Blinder> {
        if epoch == self.epoch {
            return Some(self.blinder(purpose));
        }
        let (_, master) = self.older.iter().find(|(older, _)| *older == epoch)?;
        Some(Blinder(derive(master, purpose, b"blind")))
    }

    /// A keyed digest for a purpose, to find records by a name without the name being in the store.
    #[must_use]
    pub fn blinder(&self, purpose: &str) -> Blinder {
        Blinder(derive(&self.master, purpose, b"blind"))
    }

    /// The header as far as the wrapped key.
    fn wrap(&self, passphrase: &[u8], cost: Cost, generation: u64, master: &[u8; KEY]) -> Result<Vec<u8>, VaultError> {
        if passphrase.is_empty() {
            return Err(VaultError::EmptyPassphrase);
        }
        let salt: [u8; SALT] = random();
        let mut header = Vec::with_capacity(HEADER_MAX);
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&VERSION.to_le_bytes());
        for number in [cost.memory_kib, cost.passes, cost.lanes] {
            header.extend_from_slice(&number.to_le_bytes());
        }
        header.extend_from_slice(&generation.to_le_bytes());
        header.extend_from_slice(&salt);
        let kek = stretch(passphrase, &salt, cost)?;
        let wrapped = Sealer::new(&kek).seal(&header, master.as_slice());
        header.extend_from_slice(&wrapped);
        Ok(header)
    }

    /// Writes another head; on an error, the one of before stays.
    fn replace(&mut self, head: Vec<u8>) -> Result<(), VaultError> {
        let before = std::mem::replace(&mut self.head, head);
        self.write().inspect_err(|_| self.head = before)
    }

    fn write(&self) -> Result<(), VaultError> {
        let fail = |source| VaultError::Io { place: self.place.clone(), source };
        let (bound, _) = self.head.split_at_checked(BOUND).ok_or_else(|| fail(io::ErrorKind::InvalidData.into()))?;
        let mut header = Vec::with_capacity(HEADER_MAX);
        header.extend_from_slice(&self.head);
        header.extend_from_slice(&write_ring(&self.master, bound, self.epoch, &self.older));
        file::write_atomic(&self.place, &header).map_err(fail)
    }
}

/// The epochs, sealed under the newest of them, for this header alone.
fn write_ring(master: &[u8; KEY], bound: &[u8], epoch: u32, older: &[(u32, Zeroizing<[u8; KEY]>)]) -> Vec<u8> {
    let mut ring = Zeroizing::new(Vec::with_capacity(4 + EPOCHS_MAX * (4 + KEY)));
    ring.extend_from_slice(&epoch.to_le_bytes());
    for (epoch, key) in older {
        ring.extend_from_slice(&epoch.to_le_bytes());
        ring.extend_from_slice(key.as_slice());
    }
    Sealer::new(&derive(master, "vault/epochs", b"")).seal(bound, &ring)
}

type Ring = (u32, Vec<(u32, Zeroizing<[u8; KEY]>)>);

fn read_ring(master: &[u8; KEY], bound: &[u8], sealed: &[u8]) -> Option<Ring> {
    let ring = Sealer::new(&derive(master, "vault/epochs", b"")).open(bound, sealed).ok()?;
    let mut rest = ring.as_slice();
    let newest = u32::from_le_bytes(take(&mut rest)?);
    let mut older = Vec::new();
    while !rest.is_empty() {
        let epoch = u32::from_le_bytes(take(&mut rest)?);
        older.push((epoch, Zeroizing::new(take(&mut rest)?)));
    }
    Some((newest, older))
}

fn read_header(place: &Path) -> Result<Vec<u8>, VaultError> {
    use std::io::Read;
    let fail = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => VaultError::Missing(place.to_owned()),
        _ => VaultError::Io { place: place.to_owned(), source },
    };
    let file = file::open_private(place).map_err(fail)?;
    file::check_file(place, &file)?;
    let mut header = Vec::new();
    file.take(HEADER_MAX as u64 + 1).read_to_end(&mut header).map_err(fail)?;
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
        let mut value = Vec::with_capacity(plaintext.len().saturating_add(OVERHEAD));
        value.extend_from_slice(&[0; NONCE]);
        value.extend_from_slice(plaintext);
        self.seal_behind(place, &mut value, 0);
        value
    }

    /// Seals what a buffer holds behind `at` and room for the nonce ([`Sealer::begin`]), without copying it.
    pub fn seal_behind(&self, place: &[u8], buffer: &mut Vec<u8>, at: usize) {
        let nonce: [u8; NONCE] = random();
        let Some((room, plain)) = buffer.get_mut(at..).and_then(|rest| rest.split_first_chunk_mut::<NONCE>()) else {
            return;
        };
        *room = nonce;
        // The cipher fails only beyond 256 GiB; nothing may stay readable then.
        let tag = self.0.encrypt_in_place_detached(XNonce::from_slice(&nonce), place, plain).unwrap_or_else(|_| {
            plain.fill(0);
            Tag::default()
        });
        buffer.extend_from_slice(&tag);
    }

    /// Makes room for the nonce at the end of a buffer; gives where the value begins.
    pub fn begin(buffer: &mut Vec<u8>) -> usize {
        let at = buffer.len();
        buffer.extend_from_slice(&[0; NONCE]);
        at
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

    /// As [`Sealer::open`], in the buffer that the value is in: the plaintext is a part of it. Not wiped.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open_within<'a>(&self, place: &[u8], value: &'a mut [u8]) -> Result<&'a [u8], SealError> {
        let (nonce, sealed) = value.split_first_chunk_mut::<NONCE>().ok_or(SealError)?;
        let length = sealed.len().checked_sub(TAG).ok_or(SealError)?;
        let (plain, tag) = sealed.split_at_mut_checked(length).ok_or(SealError)?;
        let outcome = self.0.decrypt_in_place_detached(XNonce::from_slice(nonce), place, plain, Tag::from_slice(tag));
        outcome.map(|()| &*plain).map_err(|_| SealError)
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
    /// The key itself, to be kept sealed where what was blinded with it outlives its epoch.
    pub(super) fn key(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// A key that was kept.
    pub(super) fn from_key(key: &[u8]) -> Option<Self> {
        key.try_into().ok().map(|key| Self(Zeroizing::new(key)))
    }

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

    /// One whose octets were kept elsewhere, sealed.
    #[must_use]
    pub fn from_kept(key: [u8; KEY]) -> Self {
        Self(Zeroizing::new(key))
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

    use super::{BOUND, Cost, DataKey, HEADER, OVERHEAD, Sealer, Vault, VaultError};

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
        vault.change_passphrase(b"second", Cost::TEST).unwrap();
        assert!(matches!(
            Vault::open_with(&place, b"otter weir lantern", Cost::TEST),
            Err(VaultError::WrongPassphrase)
        ));
        let again = Vault::open_with(&place, b"second", Cost::TEST).unwrap();
        assert_eq!(again.generation(), 2);
        assert_eq!(again.sealer("mail", b"").open(b"place", &sealed).unwrap().as_slice(), b"hello");
        assert!(matches!(vault.change_passphrase(b"", Cost::TEST), Err(VaultError::EmptyPassphrase)));
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
        for at in 0..header.len() {
            // A huge memory parameter is refused by the ceiling, before it is tried.
            let mut altered = header.clone();
            altered[at] ^= 0x01;
            fs::write(&place, &altered).unwrap();
            Vault::open_with(&place, b"otter weir lantern", Cost::TEST).unwrap_err();
        }
        for length in [0, 1, BOUND, HEADER - 1, HEADER, header.len() - 1] {
            fs::write(&place, &header[..length]).unwrap();
            Vault::open_with(&place, b"otter weir lantern", Cost::TEST).unwrap_err();
        }
        fs::remove_file(&place).unwrap();
        let error = Vault::open_with(&place, b"x", Cost::TEST).unwrap_err();
        assert!(matches!(error, VaultError::Missing(_)), "{error}");
    }

    #[test]
    fn a_header_that_others_may_read_is_refused() {
        let (_tmp, place, _vault) = vault();
        for mode in [0o644, 0o640, 0o602] {
            fs::set_permissions(&place, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
            let error = Vault::open_with(&place, b"otter weir lantern", Cost::TEST).unwrap_err();
            assert!(error.to_string().contains("chmod go= "), "{mode:o}: {error}");
        }
    }

    #[test]
    fn epochs_keep_the_older_keys_until_they_are_retired() {
        let (_tmp, place, mut vault) = vault();
        let first = vault.sealer("mail", b"").seal(b"place", b"first");
        vault.begin_epoch(b"otter weir lantern", Cost::TEST).unwrap();
        let second = vault.sealer("mail", b"").seal(b"place", b"second");
        vault.begin_epoch(b"third", Cost::TEST).unwrap();
        let check = |vault: &Vault, epoch, value: &[u8], expected: &[u8]| {
            let sealer = vault.sealer_at(epoch, "mail", b"").unwrap();
            assert_eq!(sealer.open(b"place", value).unwrap().as_slice(), expected);
        };
        Vault::open_with(&place, b"otter weir lantern", Cost::TEST).unwrap_err();
        let mut again = Vault::open_with(&place, b"third", Cost::TEST).unwrap();
        assert_eq!((again.generation(), again.epoch(), again.epochs().collect::<Vec<_>>()), (3, 2, vec![0, 1, 2]));
        check(&again, 0, &first, b"first");
        check(&again, 1, &second, b"second");
        again.sealer("mail", b"").open(b"place", &second).unwrap_err();
        assert!(again.sealer_at(3, "mail", b"").is_none());
        let third = again.sealer("mail", b"").seal(b"place", b"third");
        again.retire().unwrap();
        let last = Vault::open_with(&place, b"third", Cost::TEST).unwrap();
        assert_eq!((last.epoch(), last.epochs().collect::<Vec<_>>()), (2, vec![2]));
        check(&last, 2, &third, b"third");
        assert!(last.sealer_at(0, "mail", b"").is_none());
    }

    #[test]
    fn a_change_that_cannot_be_written_leaves_everything_as_it_was() {
        let (tmp, place, mut vault) = vault();
        let sealed = vault.sealer("mail", b"").seal(b"place", b"hello");
        fs::rename(tmp.path(), tmp.path().with_extension("away")).unwrap();
        vault.begin_epoch(b"other", Cost::TEST).unwrap_err();
        vault.change_passphrase(b"other", Cost::TEST).unwrap_err();
        fs::rename(tmp.path().with_extension("away"), tmp.path()).unwrap();
        assert_eq!((vault.epoch(), vault.generation()), (0, 1));
        vault.sealer("mail", b"").open(b"place", &sealed).unwrap();
        Vault::open_with(&place, b"otter weir lantern", Cost::TEST).unwrap();
        vault.change_passphrase(b"other", Cost::TEST).unwrap();
        Vault::open_with(&place, b"other", Cost::TEST).unwrap();
    }

    #[test]
    fn too_many_unfinished_epochs_are_refused() {
        let (_tmp, place, mut vault) = vault();
        let refused = (0..20).find_map(|_| vault.begin_epoch(b"x", Cost::TEST).err()).unwrap();
        assert!(matches!(refused, VaultError::Epochs), "{refused}");
        assert_eq!(Vault::open_with(&place, b"x", Cost::TEST).unwrap().epoch(), 7);
    }

    #[test]
    fn values_are_sealed_in_place() {
        let (_tmp, _place, vault) = vault();
        let sealer = vault.sealer("mail", b"");
        let mut buffer = b"before".to_vec();
        let at = Sealer::begin(&mut buffer);
        buffer.extend_from_slice(b"hello");
        sealer.seal_behind(b"place", &mut buffer, at);
        assert_eq!(sealer.open(b"place", &buffer[6..]).unwrap().as_slice(), b"hello");
        assert_eq!(buffer.len(), 6 + 5 + OVERHEAD);
        assert_eq!(sealer.open_within(b"place", &mut buffer[6..].to_vec()).unwrap(), b"hello");
        assert!(sealer.open_within(b"other", &mut buffer[6..].to_vec()).is_err());
        for length in [0, 10, 24, 30, 40, 44] {
            assert!(sealer.open_within(b"place", &mut buffer[6..6 + length].to_vec()).is_err());
        }
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
