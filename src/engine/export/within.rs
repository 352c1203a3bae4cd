//! Files within an attachment (`winmail.dat`, a message): each written beside it, with the digests of both.

use std::io::Write;

use super::gather::Letter;
use super::provenance::entry;
use super::work::Work;
use crate::case::document::Unseen;
use crate::engine::inside::{self, Inner, Place, is_within};
use crate::engine::reading::Reading;
use crate::engine::streamed::{Streamed, Tape};
use crate::export::manifest::Inside;
use crate::export::{ExportError, Folder, Role, layout};
use crate::mail::display::AttachmentInfo;

/// Which attachments of a message are wanted, by their places.
pub(super) struct Wants<'a>(Option<&'a [String]>);

impl<'a> Wants<'a> {
    /// Of a letter.
    ///
    /// # Errors
    /// The message has none of a place that was asked for.
    pub(super) fn of(letter: &'a Letter, reading: &Reading) -> Result<Self, ExportError> {
        let Some(only) = &letter.only else { return Ok(Self(None)) };
        let has = |path: &String| reading.files().iter().flatten().any(|file| file.path == *path);
        match only.iter().find(|path| !has(path)) {
            Some(path) => Err(ExportError::at(&letter.name, format!("the message has no attachment {path:?}"))),
            None => Ok(Self(Some(only))),
        }
    }

    /// All of an attachment.
    pub(super) fn all_of(&self, path: &str) -> bool {
        self.0.is_none_or(|only| only.iter().any(|one| one == path))
    }

    /// A file in an attachment: it, or a package that it is in.
    fn has(&self, path: &str) -> bool {
        self.0.is_none_or(|only| only.iter().any(|one| is_within(path, one)))
    }

    /// An attachment, or something in it.
    pub(super) fn any_of(&self, path: &str) -> bool {
        self.0.is_none_or(|only| only.iter().any(|one| is_within(one, path)))
    }
}

impl Work<'_> {
    /// Writes the files in an attachment, where it holds any. It is within reach, and so are they.
    pub(super) fn within(
        &mut self,
        folder: &mut Folder,
        (letter, one): (&Letter, &AttachmentInfo),
        (message, tape): (&Streamed, &Tape<'_>),
        wants: &Wants<'_>,
    ) -> Result<(), ExportError> {
        let Some(reading) = &message.reading else { return Ok(()) };
        let digest = message.digest.to_string();
        let directory = self.directory(folder, letter, &digest);
        let (at, way) = self.moment(letter, &digest);
        let zone = crate::case::hearing::zone().unwrap_or(jiff::tz::TimeZone::UTC);
        let verdict = self.verdict();
        let walked = inside::walk(reading, one, &mut |file: &Inner<'_>| {
            if !wants.has(file.path) {
                return Ok(());
            }
            if let Some(unseen) = file.holds.unseen {
                self.leave_out(letter, file.path, unseen_words(unseen));
            }
            let kinds = &self.exporter.settings.config.documents;
            let kind = kinds.of_name(file.name).map(|kind| kind.code.clone()).unwrap_or_default();
            let name = layout::file(&layout::Naming { at, zone: &zone, way, kind: &kind, name: file.name });
            let write = |to: &mut dyn Write| match file.place() {
                Place::Part(place) => message.write_content(tape, place, to),
                Place::Held => file.write(to),
            };
            let put = self.put(folder, &directory, &name, Some((file.bytes(), file.sha256())), &write)?;
            let mut made = entry(Role::Document, file.name, file.path, file.media_type, &digest);
            made.kind = kind;
            made.flags = layout::flags(file.name);
            made.verdict.clone_from(&verdict);
            made.inside = Some(Inside { name: one.name.clone(), part: one.path.clone(), sha256: one.sha256.clone() });
            self.keep(put, made);
            Ok::<(), ExportError>(())
        })?;
        if walked.damaged {
            let words =
                "it is damaged or cut off: what could be read in it was written beside it, the rest is in it only";
            self.leave_out(letter, &one.path, words.to_owned());
        }
        if let Some(unseen) = walked.holds.unseen {
            self.leave_out(letter, &one.path, unseen_words(unseen));
        }
        Ok(())
    }
}

/// What is told of a package of which not all was written beside it.
fn unseen_words(unseen: Unseen) -> String {
    format!("{}: it was written as it came, and what could not be looked at is in it only", unseen.words())
}
