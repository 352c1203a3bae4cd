//! What stands beside exported files: made from what was written and what an earlier export of the same case left, read again, signed; then the register
//! is told.

use std::collections::BTreeMap;
use std::io::Write;

use jiff::Timestamp;

use super::Exported;
use super::gather::Exporter;
use super::gauge::Gauge;
use crate::engine::register::Hand;
use crate::export::manifest::{DIGESTS, INDEX, MESSAGES, PROVENANCE, SCHEMA, SIGNATURE, digests, read_digests};
use crate::export::{ExportError, Folder, Manifest, Role, archive};
use crate::mail::id::CaseId;
use crate::pgp::detached;
use crate::register::event::Event;
use crate::register::record::Digest;

impl Exporter {
    /// Writes what stands beside the files, reads it again, and tells the register.
    pub(super) fn seal(
        &self,
        folder: &mut Folder,
        mut manifest: Manifest,
        earlier: Manifest,
        done: &mut Exported,
    ) -> Result<(), ExportError> {
        // No list names what could be lost with the current.
        folder.sync()?;
        let now = self.settings.clock.now();
        manifest.schema = SCHEMA.to_owned();
        manifest.program = format!("casemail {}", env!("CARGO_PKG_VERSION"));
        manifest.case = self.case.as_ref().map(|case| case.0.clone()).unwrap_or_default();
        manifest.title.clone_from(&self.title);
        manifest.written = now;
        done.left_out.clone_from(&manifest.left_out);
        let mut merged = manifest;
        merged.take_in(earlier.clone());
        let same = Manifest { written: earlier.written, program: earlier.program.clone(), ..merged.clone() } == earlier;
        if same && let Some(list) = folder.read(DIGESTS)? {
            done.manifest = Digest::of(&list).to_string();
            done.signed_by = self.signer(now).filter(|_| folder.read(SIGNATURE).is_ok_and(|found| found.is_some()));
            return Ok(());
        }
        if merged.files.is_empty() {
            return Ok(());
        }
        let json = merged.json().map_err(|why| ExportError::at(PROVENANCE, why))?;
        let mut list: BTreeMap<String, String> =
            merged.files.iter().map(|entry| (entry.path.clone(), entry.sha256.clone())).collect();
        for (name, content) in
            [(PROVENANCE, json), (INDEX, merged.index().into_bytes()), (MESSAGES, merged.messages().into_bytes())]
        {
            folder.replace(name, &content)?;
            list.insert(name.to_owned(), Digest::of(&content).to_string());
        }
        let list = digests(&list).into_bytes();
        // A signature over the former list would be one that does not hold.
        folder.remove(SIGNATURE);
        folder.replace(DIGESTS, &list)?;
        if let Some(signer) = self.signer(now)
            && let Ok(signature) = detached::sign_as(&self.keyring, &signer, &list, now)
        {
            folder.replace(SIGNATURE, &signature)?;
            done.signed_by = Some(signer);
        }
        folder.sync()?;
        let documents = done.files.iter().filter(|(entry, _)| entry.role == Role::Document);
        let documents = documents.filter_map(|(entry, _)| entry.sha256.parse().ok()).collect();
        let manifest = Digest::of(&list);
        done.manifest = manifest.to_string();
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

    /// The own key that signs.
    fn signer(&self, now: Timestamp) -> Option<String> {
        let accounts = self.settings.config.accounts.iter();
        accounts.filter_map(|account| self.keyring.signer_for(&account.address.addr, now)).next()
    }
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
