//! What stands beside exported files: made from what was written and what an earlier export of the same case left, read again, signed; then the register
//! is told.

use std::collections::{BTreeMap, HashSet};
use std::io::Write;

use jiff::Timestamp;

use super::gather::{Exporter, Letter};
use super::gauge::Gauge;
use super::{Exported, Subject};
use crate::engine::register::Hand;
use crate::export::manifest::{
    DIGESTS, INDEX, MESSAGES, PROVENANCE, SCHEMA, SIGNATURE, digests, is_inside, read_digests,
};
use crate::export::{Entry, ExportError, Folder, LeftOut, Manifest, Role, archive};
use crate::mail::id::CaseId;
use crate::pgp::detached;
use crate::register::event::{Event, Payload};
use crate::register::record::Digest;

impl Exporter {
    /// Writes what stands beside the files, reads it again, and tells the register.
    pub(super) fn seal(
        &self,
        folder: &mut Folder,
        mut manifest: Manifest,
        earlier: Manifest,
        done: &mut Exported,
        gauge: &Gauge<'_>,
    ) -> Result<(), ExportError> {
        // No list names what could be lost with the current.
        folder.sync()?;
        let now = self.settings.clock.now();
        manifest.schema = SCHEMA.to_owned();
        manifest.program = format!("casemail {}", env!("CARGO_PKG_VERSION"));
        manifest.case = self.case.as_ref().map(|case| case.0.clone()).unwrap_or_default();
        manifest.title.clone_from(&self.title);
        manifest.written = now;
        manifest.signed_by = self.signer(now);
        let before = earlier.clone();
        let earlier = self.vouched(folder, earlier, &mut manifest, gauge)?;
        done.left_out.clone_from(&manifest.left_out);
        let mut merged = manifest;
        let left_out = earlier.left_out.iter().filter(|one| !self.decided(one)).cloned();
        merged.left_out.extend(left_out);
        merged.take_in(earlier);
        let same = Manifest { written: before.written, program: before.program.clone(), ..merged.clone() };
        if same == before && folder.read(DIGESTS)?.is_some() {
            let (beside, list) = beside(&same)?;
            let is_there = |(name, content): &(&str, Vec<u8>)| {
                folder.read(name).is_ok_and(|found| found.as_ref() == Some(content))
            };
            if folder.read(DIGESTS)?.as_ref() == Some(&list) && beside.iter().all(is_there) {
                done.manifest = Digest::of(&list).to_string();
                done.signed_by = self.sign(folder, &list, now)?;
                // It was broken off before the register was told.
                if self.is_told(Digest::of(&list))? {
                    return Ok(());
                }
                return self.tell(done, Digest::of(&list));
            }
        }
        if merged.files.is_empty() {
            return Ok(());
        }
        let former = former(folder, &before)?;
        let (beside, list) = beside(&merged)?;
        for (name, content) in beside {
            // What is no manifest of ours was refused before anything was written.
            let is_ours = match folder.read(name) {
                Ok(None) => true,
                Ok(Some(found)) => {
                    name == PROVENANCE || found == content || former.contains(&(name, Digest::of(&found).to_string()))
                }
                Err(_) => false,
            };
            if !is_ours {
                let now = folder.set_aside(name)?;
                done.aside.push((name.to_owned(), now));
            }
            folder.replace(name, &content)?;
        }
        // A signature over the former list would be one that does not hold.
        folder.remove(SIGNATURE);
        folder.replace(DIGESTS, &list)?;
        done.signed_by = self.sign(folder, &list, now)?;
        folder.sync()?;
        done.manifest = Digest::of(&list).to_string();
        self.tell(done, Digest::of(&list))
    }

    /// Whether what an earlier export has left out is decided anew by this one.
    fn decided(&self, left: &LeftOut) -> bool {
        if matches!(self.order.subject, Subject::Case(_)) {
            return true;
        }
        let by_this = |letter: &Letter| {
            let rest = left.what.strip_prefix(&letter.name.to_string());
            rest.is_some_and(|rest| match (rest.strip_prefix(" part "), &letter.only) {
                (None, _) => rest.is_empty(),
                (Some(_), None) => true,
                (Some(part), Some(only)) => only.iter().any(|one| one == part),
            })
        };
        self.letters.iter().any(by_this)
    }

    /// Whether the register has this export already.
    fn is_told(&self, manifest: Digest) -> Result<bool, ExportError> {
        let fail = |why: &dyn std::fmt::Display| ExportError::at("the register", why);
        let Some(case) = self.cases().into_iter().next() else { return Ok(true) };
        let places = self.register.with(|loaded| loaded.history().of_case(&case)).map_err(|why| fail(&why))?;
        for (stream, seq) in places.into_iter().rev() {
            let row = self.stores.state.register_row(stream, seq).map_err(|why| fail(&why))?;
            let payload = row.and_then(|row| Payload::read(row.payload.as_deref()?).ok());
            if matches!(payload.map(|one| one.event), Some(Event::Exported { manifest: told, .. }) if told == manifest)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Tells the register what was written out.
    fn tell(&self, done: &Exported, manifest: Digest) -> Result<(), ExportError> {
        let documents = done.files.iter().filter(|(entry, _)| entry.role == Role::Document);
        let documents = documents.filter_map(|(entry, _)| entry.sha256.parse().ok()).collect();
        let event = Event::Exported {
            cases: self.cases(),
            path: done.directory.display().to_string(),
            files: done.files.len() as u64,
            manifest,
            documents,
        };
        let hand = Hand { stores: &self.stores, settings: &self.settings, keyring: &self.keyring };
        self.register.append(&hand, &[event]).map_err(|why| ExportError::at("the register", why))
    }

    /// What of an earlier manifest still counts. Whoever can write to the directory can write one, and what stands in ours is signed: it counts where an
    /// own key signed it as it is, else where the file on the disk is what it says. What does not is told among what is left out.
    fn vouched(
        &self,
        folder: &Folder,
        mut earlier: Manifest,
        manifest: &mut Manifest,
        gauge: &Gauge<'_>,
    ) -> Result<Manifest, ExportError> {
        if earlier.files.is_empty() || self.is_signed(folder, &earlier)? {
            return Ok(earlier);
        }
        let now: HashSet<(&str, &str)> =
            manifest.files.iter().map(|entry| (entry.path.as_str(), entry.sha256.as_str())).collect();
        let (mut kept, mut lost) = (Vec::new(), Vec::new());
        for entry in earlier.files {
            // Somebody may not want it any more.
            gauge.count(0).map_err(|_| ExportError::Stopped)?;
            let is_new = now.contains(&(entry.path.as_str(), entry.sha256.as_str()));
            if is_new || folder.holds(&entry.path, entry.bytes, &entry.sha256) {
                kept.push(entry);
            } else {
                lost.push(entry);
            }
        }
        let gone = |message: &str| {
            let of_it = |entry: &Entry| entry.message == message;
            lost.iter().any(of_it) && !kept.iter().any(of_it)
        };
        earlier.messages.retain(|message| !gone(&message.sha256));
        earlier.files = kept;
        manifest.left_out.extend(lost.into_iter().map(|entry| LeftOut {
            what: entry.path,
            because: "an earlier list names it, and no such file is here: it is not listed any more".to_owned(),
        }));
        Ok(earlier)
    }

    /// Whether an own key signed the list of digests that lies here, and this manifest is in it.
    fn is_signed(&self, folder: &Folder, manifest: &Manifest) -> Result<bool, ExportError> {
        let now = self.settings.clock.now();
        let (list, signature, text) = (folder.read(DIGESTS)?, folder.read(SIGNATURE)?, folder.read(PROVENANCE)?);
        let (Some(list), Some(signature), Some(text)) = (list, signature, text) else { return Ok(false) };
        let digest = Digest::of(&text).to_string();
        let is_listed = read_digests(&String::from_utf8_lossy(&list))
            .is_ok_and(|lines| lines.iter().any(|(found, path)| path == PROVENANCE && *found == digest));
        let is_it = serde_json::from_slice::<Manifest>(&text).is_ok_and(|read| read == *manifest);
        let own = self.keyring.certs(now).into_iter().filter(|info| info.has_secret);
        let mut own = own.map(|info| info.fingerprint);
        Ok(is_listed && is_it && own.any(|signer| self.holds(&signer, &list, &signature, now)))
    }

    /// Whether a signature over a list is by this key.
    fn holds(&self, signer: &str, list: &[u8], signature: &[u8], now: Timestamp) -> bool {
        self.keyring.cert_bytes(signer).is_ok_and(|cert| detached::verify(&cert, list, signature, now))
    }

    /// Signs the list, unless that is done: by whom.
    fn sign(&self, folder: &mut Folder, list: &[u8], now: Timestamp) -> Result<Option<String>, ExportError> {
        let Some(signer) = self.signer(now) else { return Ok(None) };
        let there = folder.read(SIGNATURE)?;
        if there.is_some_and(|signature| self.holds(&signer, list, &signature, now)) {
            return Ok(Some(signer));
        }
        let Ok(signature) = detached::sign_as(&self.keyring, &signer, list, now) else { return Ok(None) };
        folder.replace(SIGNATURE, &signature)?;
        folder.sync()?;
        Ok(Some(signer))
    }

    /// The own key that signs.
    fn signer(&self, now: Timestamp) -> Option<String> {
        let accounts = self.settings.config.accounts.iter();
        let signer = accounts.filter_map(|account| self.keyring.signer_for(&account.address.addr, now)).next();
        signer.filter(|signer| detached::sign_as(&self.keyring, signer, b"", now).is_ok())
    }
}

/// What stands beside the files, by name, and the list of the digests of all.
type Beside = (Vec<(&'static str, Vec<u8>)>, Vec<u8>);

fn beside(manifest: &Manifest) -> Result<Beside, ExportError> {
    let json = manifest.json().map_err(|why| ExportError::at(PROVENANCE, why))?;
    let files =
        vec![(PROVENANCE, json), (INDEX, manifest.index().into_bytes()), (MESSAGES, manifest.messages().into_bytes())];
    let mut list: BTreeMap<String, String> =
        manifest.files.iter().map(|entry| (entry.path.clone(), entry.sha256.clone())).collect();
    list.extend(files.iter().map(|(name, content)| ((*name).to_owned(), Digest::of(content).to_string())));
    Ok((files, digests(&list).into_bytes()))
}

/// What stood beside the files before: by the list that lies here, or by the manifest, where it came to no list.
fn former(folder: &Folder, before: &Manifest) -> Result<HashSet<(&'static str, String)>, ExportError> {
    let mut former: HashSet<(&'static str, String)> = HashSet::new();
    if !before.files.is_empty() {
        former.extend(beside(before)?.0.into_iter().map(|(name, content)| (name, Digest::of(&content).to_string())));
    }
    let list = folder.read(DIGESTS)?.unwrap_or_default();
    for (digest, path) in read_digests(&String::from_utf8_lossy(&list)).unwrap_or_default() {
        former.extend([INDEX, MESSAGES].into_iter().find(|name| *name == path).map(|name| (name, digest)));
    }
    Ok(former)
}

/// What an earlier export of the same case has left here.
pub(super) fn read_earlier(folder: &Folder, case: &Option<CaseId>) -> Result<Manifest, ExportError> {
    let Some(text) = folder.read(PROVENANCE)? else {
        if folder.read(DIGESTS)?.is_some() {
            return Err(ExportError::at(
                folder.path().display(),
                format!("holds a {DIGESTS} that casemail did not write"),
            ));
        }
        return Ok(Manifest::default());
    };
    let foreign = |why: &dyn std::fmt::Display| {
        ExportError::at(
            folder.path().join(PROVENANCE).display(),
            format!("is none of casemail's ({why}); name another directory"),
        )
    };
    let earlier: Manifest = serde_json::from_slice(&text).map_err(|why| foreign(&why))?;
    let this = case.as_ref().map(|case| case.0.as_str()).unwrap_or_default();
    if earlier.schema != SCHEMA {
        return Err(foreign(&earlier.schema));
    }
    if earlier.case != this {
        return Err(foreign(&format!("it is of the case {}", earlier.case)));
    }
    if let Some(entry) = earlier.files.iter().find(|entry| !is_inside(&entry.path)) {
        return Err(foreign(&format!("{:?} is no file of this directory", entry.path)));
    }
    Ok(earlier)
}

/// A zip of what was exported, beside its directory.
pub(super) fn drop_zip(
    exporter: &Exporter,
    folder: &Folder,
    done: &mut Exported,
    gauge: &Gauge<'_>,
) -> Result<(), ExportError> {
    let Some(list) = folder.read(DIGESTS)? else { return Ok(()) };
    let lines = read_digests(&String::from_utf8_lossy(&list))
        .map_err(|line| ExportError::at(DIGESTS, format!("line {line}")))?;
    let mut files: Vec<String> = lines.into_iter().map(|(_, path)| path).collect();
    files.push(DIGESTS.to_owned());
    if folder.read(SIGNATURE)?.is_some() {
        files.push(SIGNATURE.to_owned());
    }
    let mut root = Folder::here(&exporter.order.to)?;
    let write = |to: &mut dyn Write| {
        let mut to = gauge.over(to);
        archive::write(folder, &files, &exporter.directory, &mut to)
            .map_err(|why| std::io::Error::other(why.to_string()))
    };
    let name = format!("{}.zip", exporter.directory);
    let put = root.put("", &name, None, &write).and_then(|put| root.sync().map(|()| put));
    let put = put.map_err(|error| gauge.or_stopped(error))?;
    let path = exporter.order.to.join(put.path);
    archive::check(&path)?;
    done.archive = Some(path);
    Ok(())
}
