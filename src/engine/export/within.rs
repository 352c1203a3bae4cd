//! Files within an attachment that is a package (`winmail.dat`): each written beside it, with the digests of both.

use std::io::Write;

use super::gather::Letter;
use super::provenance::{entry, package};
use super::work::Work;
use crate::engine::inside::{self, files_in};
use crate::engine::reading::Reading;
use crate::engine::streamed::Streamed;
use crate::export::manifest::Inside;
use crate::export::{ExportError, Folder, Role, layout};
use crate::mail::display::AttachmentInfo;
use crate::register::record::Digest;

/// Which attachments of a message are wanted, by their places.
pub(super) struct Wants<'a>(Option<&'a [String]>);

impl<'a> Wants<'a> {
    /// Of a letter.
    ///
    /// # Errors
    /// The message has none of a place that was asked for.
    pub(super) fn of(letter: &'a Letter, message: &Streamed, reading: &Reading) -> Result<Self, ExportError> {
        let Some(only) = &letter.only else { return Ok(Self(None)) };
        for path in only {
            let outer = path.split('/').next().unwrap_or_default();
            let one = reading.body.attachments.iter().find(|one| one.path == outer);
            let is_there = match one {
                Some(_) if outer == path => true,
                Some(one) => package(message, one).is_some_and(|content| {
                    let packed = files_in(&content);
                    packed.is_some_and(|packed| packed.files.iter().any(|file| inside::path(one, file) == *path))
                }),
                None => false,
            };
            if !is_there {
                return Err(ExportError::at(&letter.name, format!("the message has no attachment {path:?}")));
            }
        }
        Ok(Self(Some(only)))
    }

    /// All of an attachment.
    pub(super) fn all_of(&self, path: &str) -> bool {
        self.0.is_none_or(|only| only.iter().any(|one| one == path))
    }

    /// An attachment, or something in it.
    pub(super) fn any_of(&self, path: &str) -> bool {
        let within = |one: &String| one.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.0.is_none_or(|only| only.iter().any(within))
    }
}

impl Work<'_> {
    /// Writes the files in an attachment, where it is a package. It is within reach, and so are they.
    pub(super) fn within(
        &mut self,
        folder: &mut Folder,
        (letter, one): (&Letter, &AttachmentInfo),
        content: Option<&[u8]>,
        wants: &Wants<'_>,
        message: &str,
    ) -> Result<(), ExportError> {
        let Some(packed) = content.and_then(files_in) else { return Ok(()) };
        if packed.damaged || packed.more {
            let because = if packed.damaged { "it is damaged or cut off" } else { "there is too much in it" };
            let words = format!("{because}: what could be read in it was written beside it, the rest is in it only");
            self.leave_out(letter, &one.path, words);
        }
        let directory = self.directory(folder, letter, message);
        let (at, way) = self.moment(letter, message);
        let zone = crate::case::hearing::zone().unwrap_or(jiff::tz::TimeZone::UTC);
        let verdict = self.verdict();
        for file in &packed.files {
            let path = inside::path(one, file);
            if !wants.all_of(&one.path) && !wants.all_of(&path) {
                continue;
            }
            let kinds = &self.exporter.settings.config.documents;
            let kind = kinds.of_name(&file.name).map(|kind| kind.code.clone()).unwrap_or_default();
            let name = layout::file(&layout::Naming { at, zone: &zone, way, kind: &kind, name: &file.name });
            let (bytes, sha256) = (file.content.len() as u64, Digest::of(file.content).to_string());
            let write = |to: &mut dyn Write| to.write_all(file.content);
            let put = self.put(folder, &directory, &name, Some((bytes, sha256.as_str())), &write)?;
            let mut made = entry(Role::Document, &file.name, &path, &file.media_type, message);
            made.kind = kind;
            made.flags = layout::flags(&file.name);
            made.verdict.clone_from(&verdict);
            made.inside = Some(Inside { name: one.name.clone(), part: one.path.clone(), sha256: one.sha256.clone() });
            self.keep(put, made);
        }
        Ok(())
    }
}
