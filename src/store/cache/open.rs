//! Opening the cache: whose it is, of which schema, what is left over from a crash.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, RwLock};

use chacha20poly1305::aead::OsRng;
use chacha20poly1305::aead::rand_core::RngCore;
use jiff::Timestamp;

use super::recovery::{self, Outcome};
use super::{Cache, CacheError, CacheOptions, Damage, Segment, Tree, keys_of};
use crate::mail::id::MailboxId;
use crate::store::mailbox::Mailbox;
use crate::store::pack::{self, Packs};
use crate::store::space;
use crate::store::vault::{Sealer, Vault};

/// What this casemail writes. Schema 1, which kept raw messages in sled, is read and brought up in the background; a cache of any other
/// is made anew: it can be.
const SCHEMA: u32 = 2;
const FORMER_SCHEMA: u32 = 1;
/// The row that says which keys the rows are sealed under; none means the first.
const EPOCH: &str = "epoch";
/// Trees whose values are sealed.
const SEALED: [&[u8]; 5] = [b"mailbox", b"page", b"flags", b"place", b"raw"];

fn rows_epoch(db: &sled::Db) -> sled::Result<u32> {
    Ok(db.get(EPOCH)?.as_deref().and_then(super::number_of).unwrap_or_default())
}

impl Cache {
    /// Opens the cache below `dir`, or makes it. What cannot be opened is moved aside and made anew; sentences say so.
    ///
    /// # Errors
    /// [`CacheError`], where another try may go well: no room, no permission, another process.
    pub fn open(
        dir: &Path,
        vault: &Vault,
        now: Timestamp,
        options: &CacheOptions,
    ) -> Result<(Self, Vec<String>), CacheError> {
        Self::open_when(dir, vault, now, options, &mut || true)
    }

    /// As [`Self::open`]; before anything is moved aside `may_begin_anew` is asked. The header of a profile may be an older one that does not open
    /// what is whole: whoever knows says no, and the cache stays as it is.
    ///
    /// # Errors
    /// As [`Self::open`], and where it may not be made anew.
    pub fn open_when(
        dir: &Path,
        vault: &Vault,
        now: Timestamp,
        options: &CacheOptions,
        may_begin_anew: &mut dyn FnMut() -> bool,
    ) -> Result<(Self, Vec<String>), CacheError> {
        let options = &CacheOptions { space: options.space.floored(), ..*options };
        let mut sentences = Vec::new();
        for _ in 0..3 {
            let because = match recovery::open(dir, options)? {
                Outcome::Open(db) if Self::seal_anew(dir, &db, vault, options)? => {
                    drop(db);
                    recovery::exchange(dir)?;
                    continue;
                }
                Outcome::Open(db) => match Self::start(dir, db, vault, options) {
                    Ok(Ok(cache)) => {
                        cache.sweep_partials(now)?;
                        return Ok((cache, sentences));
                    }
                    Ok(Err(because)) => because,
                    Err(CacheError::Sled(error @ (sled::Error::Corruption { .. } | sled::Error::ReportableBug(_)))) => {
                        error.to_string()
                    }
                    Err(error) => return Err(error),
                },
                Outcome::Corrupt(because) => because,
            };
            if !may_begin_anew() {
                return Err(CacheError::Io(std::io::Error::other(format!(
                    "it could not be used ({because}), and stays"
                ))));
            }
            let aside = recovery::move_aside(dir, now)?;
            sentences.push(format!(
                "the cache could not be used ({because}); it was moved to {} and is made anew: the next sync brings everything back",
                aside.display()
            ));
        }
        Err(CacheError::Io(std::io::Error::other("a new cache could not be opened either")))
    }

    /// Moves the cache below `dir`, which must not be open, out of the way; gives where it is.
    ///
    /// # Errors
    /// As the system says.
    pub fn set_aside(dir: &Path, now: Timestamp) -> std::io::Result<std::path::PathBuf> {
        recovery::move_aside(dir, now)
    }

    /// Deletes the cache below `dir`, which must not be open.
    ///
    /// # Errors
    /// As the system says.
    pub fn delete(dir: &Path) -> std::io::Result<()> {
        recovery::remove(dir)
    }

    /// The inner error says why this cache is to be made anew.
    fn start(
        dir: &Path,
        db: sled::Db,
        vault: &Vault,
        options: &CacheOptions,
    ) -> Result<Result<Self, String>, CacheError> {
        let id = match (db.get("schema")?, db.get("id")?) {
            (None, None) => {
                let mut id = [0; 16];
                OsRng.fill_bytes(&mut id);
                let check = vault.sealer("cache/check", &id).seal(b"check", b"casemail");
                let mut batch = sled::Batch::default();
                batch.insert(EPOCH, &vault.epoch().to_be_bytes());
                batch.insert("schema", &SCHEMA.to_be_bytes());
                batch.insert("id", &id);
                batch.insert("check", check);
                db.apply_batch(batch)?;
                db.flush()?;
                id.to_vec()
            }
            (Some(schema), Some(id)) if *schema == SCHEMA.to_be_bytes() => id.to_vec(),
            (Some(schema), Some(id)) if *schema == FORMER_SCHEMA.to_be_bytes() => {
                db.insert("schema", &SCHEMA.to_be_bytes())?;
                id.to_vec()
            }
            _ => return Ok(Err("it was written by another version of casemail".to_owned())),
        };
        // The number of this cache is in every key, so that a record of an earlier cache of the same profile does not open in this one.
        let sealed = db.get("check")?.unwrap_or_default();
        let rows_epoch = rows_epoch(&db)?;
        let foreign = || Ok(Err("it belongs to another profile".to_owned()));
        let Some(sealer) = vault.sealer_at(rows_epoch, "cache/check", &id) else { return foreign() };
        if sealer.open(b"check", &sealed).is_err() {
            return foreign();
        }
        let tree = |name: &'static str| -> Result<Tree, CacheError> {
            let sealer = vault.sealer_at(rows_epoch, &format!("cache/{name}"), &id);
            let sealer = sealer.ok_or_else(|| std::io::Error::other("no key"))?;
            Ok(Tree { tree: db.open_tree(name)?, name, sealer })
        };
        let sealers = |purpose: &str| -> BTreeMap<u32, Sealer> {
            vault.epochs().filter_map(|epoch| Some((epoch, vault.sealer_at(epoch, purpose, &id)?))).collect()
        };
        let raw = tree("raw")?;
        let cache = Self {
            dir: dir.to_owned(),
            space: options.space,
            mailbox: tree("mailbox")?,
            page: tree("page")?,
            flags: tree("flags")?,
            generation: db.open_tree("generation")?,
            place: tree("place")?,
            former: AtomicBool::new(!raw.tree.is_empty()),
            raw,
            pack: db.open_tree("pack")?,
            blob: db.open_tree("blob")?,
            packs: Packs::new(pack::dir(dir)),
            epoch: vault.epoch(),
            rows_epoch,
            pack_sealers: sealers("cache/packs"),
            blob_sealers: sealers("cache/blobs"),
            segments: Mutex::default(),
            closing: Mutex::default(),
            list_sealer: vault.sealer("cache/list", &id),
            heads: Mutex::new(()),
            mailboxes: RwLock::new(BTreeMap::new()),
            damage: Mutex::new(Vec::new()),
            losses: Mutex::default(),
            broken: AtomicBool::new(false),
            writer: Mutex::new(()),
            recent: super::recent::Recent::default(),
            db,
        };
        cache.load_mailboxes()?;
        cache.load_segments()?;
        cache.sweep()?;
        Ok(Ok(cache))
    }

    /// Where the vault has begun a new epoch: copies all rows, sealed anew, beside the sled that is open. Whether it did.
    fn seal_anew(dir: &Path, db: &sled::Db, vault: &Vault, options: &CacheOptions) -> Result<bool, CacheError> {
        let (Some(id), from) = (db.get("id")?, rows_epoch(db)?) else { return Ok(false) };
        if from == vault.epoch() || vault.sealer_at(from, "cache/check", &id).is_none() {
            return Ok(false);
        }
        // Without room, it is sealed in the epoch that it was in, and another opening tries again.
        if space::check(dir, options.space.batch_bytes).is_err() {
            return Ok(false);
        }
        let mut sealers: BTreeMap<Vec<u8>, Option<(Sealer, Sealer)>> = BTreeMap::new();
        recovery::copy(
            dir,
            db,
            options,
            &mut |tree, key, value| {
                let is_default = !SEALED.contains(&tree);
                if is_default && key == EPOCH.as_bytes() {
                    return None;
                }
                if is_default && key == b"check" && value.len() > 40 {
                    return Some(vault.sealer("cache/check", &id).seal(b"check", b"casemail").into());
                }
                let pair = sealers.entry(tree.to_vec()).or_insert_with(|| {
                    let purpose = format!("cache/{}", String::from_utf8_lossy(tree));
                    let old = vault.sealer_at(from, &purpose, &id)?;
                    (!is_default).then(|| (old, vault.sealer(&purpose, &id)))
                });
                let Some((old, new)) = pair else { return Some(value.clone()) };
                let place = [b"cache/1/".as_slice(), tree, b"/", key].concat();
                // What does not open stays what it is, and costs itself when it is read.
                let plain = old.open(&place, value).ok();
                Some(plain.map_or_else(|| value.clone(), |plain| new.seal(&place, &plain).into()))
            },
            &[(EPOCH.as_bytes(), &vault.epoch().to_be_bytes())],
        )?;
        Ok(true)
    }

    fn load_mailboxes(&self) -> Result<(), CacheError> {
        let mut mailboxes = BTreeMap::new();
        let mut damaged = Vec::new();
        for row in &self.mailbox.tree {
            let (key, value) = row?;
            let id = MailboxId(super::number_of(&key).unwrap_or_default());
            let plain = self.mailbox.sealer.open(&self.mailbox.place(&key), &value).ok();
            match plain.and_then(|plain| Mailbox::from_record(&plain)) {
                Some(mailbox) => drop(mailboxes.insert(id, Mailbox { id, ..mailbox })),
                None => damaged.push((id, key)),
            }
        }
        for (id, key) in damaged {
            self.mailbox.tree.remove(key)?;
            let lost = Damage { mailbox: id, uids: 1..=u32::MAX, what: "mailbox" };
            self.damage.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(lost);
        }
        *self.mailboxes.write().unwrap_or_else(std::sync::PoisonError::into_inner) = mailboxes;
        Ok(())
    }

    /// Reads how far the segments are written, cuts off what a crash left behind that, and removes those that nothing names.
    fn load_segments(&self) -> Result<(), CacheError> {
        let mut segments = BTreeMap::new();
        for row in &self.pack {
            let (key, value) = row?;
            if let (Some(number), Some(segment)) = (super::number_of(&key), Segment::from_bytes(&value)) {
                segments.insert(number, segment);
            }
        }
        let (files, foreign) = self.packs.list()?;
        for place in foreign {
            // A directory is none of ours and does no harm.
            if std::fs::symlink_metadata(&place).is_ok_and(|found| !found.is_dir()) {
                std::fs::remove_file(place)?;
            }
        }
        for (number, bytes) in files {
            match segments.get(&number) {
                None => self.packs.remove(number)?,
                Some(segment) if bytes > segment.length => self.packs.cut(number, segment.length)?,
                Some(_) => {}
            }
        }
        *self.segments() = segments;
        Ok(())
    }

    /// Removes what a crash left: rows of mailboxes that are gone, files that no record names.
    fn sweep(&self) -> Result<(), CacheError> {
        for tree in [&self.page, &self.flags, &self.place, &self.raw] {
            let mut from = [0; 8];
            while let Some((key, _)) = tree.tree.range(from..).next().transpose()? {
                let Some(id) = key.first_chunk::<4>().map(|bytes| MailboxId(u32::from_be_bytes(*bytes))) else { break };
                if self.mailbox(id)?.is_none() {
                    self.clear(id)?;
                }
                from = *keys_of(id).end();
                // The next mailbox's first key; beyond the last one there is nothing.
                let Some(next) = u64::from_be_bytes(from).checked_add(1) else { break };
                from = next.to_be_bytes();
            }
        }
        for entry in std::fs::read_dir(recovery::blob_dir(&self.dir))?.flatten() {
            let name = hex::decode(entry.file_name().to_string_lossy().as_bytes()).unwrap_or_default();
            if !self.blob.contains_key(&name)? {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}
