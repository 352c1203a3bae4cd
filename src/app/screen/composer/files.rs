//! What is attached to a message being written: a list that one goes through, with what it makes of the message's size.

use jiff::Timestamp;

use super::{Composer, Field};
use crate::action::Action;
use crate::app::effect::ComposerId;
use crate::enclose::parts;
use crate::mail::draft::{Attachment, Source};
use crate::mail::safe::SafeText;

/// An attachment as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRow {
    /// The name that recipients see.
    pub name: SafeText,
    /// What it is, in words.
    pub kind: String,
    /// Its size, not encoded.
    pub bytes: u64,
}

impl Composer {
    /// What is attached.
    pub fn files(&self) -> impl Iterator<Item = FileRow> {
        self.base.attachments.iter().enumerate().map(|(place, file)| FileRow {
            name: SafeText::line(&file.name),
            kind: kind_in_words(&file.media_type).to_owned(),
            bytes: self.base.attachment_bytes(place),
        })
    }

    /// How many.
    #[must_use]
    pub fn file_count(&self) -> usize {
        self.base.attachments.len()
    }

    /// What the message takes on the wire, about.
    #[must_use]
    pub fn wire_bytes(&self) -> u64 {
        let text: usize = self.body.lines().iter().map(|line| line.len() + 2).sum();
        parts::message_size(text as u64, (0..self.file_count()).map(|place| self.base.attachment_bytes(place)))
    }

    /// Into how many messages it would be told apart; `None` where it is one, or cannot be.
    #[must_use]
    pub fn part_count(&self) -> Option<usize> {
        let limit = self.limit.as_ref()?;
        let text: usize = self.body.lines().iter().map(|line| line.len() + 2).sum();
        let sizes: Vec<u64> = (0..self.file_count()).map(|place| self.base.attachment_bytes(place)).collect();
        parts::plan(text as u64, &sizes, limit.bytes).ok().map(|counts| counts.len()).filter(|count| *count > 1)
    }

    /// Whether it goes as several messages where it is too large for one.
    #[must_use]
    pub fn is_split(&self) -> bool {
        self.base.split.is_some()
    }

    /// Turns that round.
    pub fn turn_split(&mut self, now: Timestamp) -> bool {
        self.base.split = if self.is_split() { None } else { Some(Vec::new()) };
        self.touch(now);
        self.is_split()
    }

    /// Files were asked for, which come with so many answers; gives for whom. A review that is being made would be without them.
    pub fn awaits(&mut self, answers: usize) -> ComposerId {
        self.awaited = self.awaited.saturating_add(answers);
        self.reviewing = false;
        self.id
    }

    /// Attaches a file.
    pub fn attach(&mut self, file: Attachment, source: Option<Source>, now: Timestamp) {
        self.base.attach(file, source);
        self.touch(now);
    }

    /// The name of the marked attachment; of the last, where none is marked.
    #[must_use]
    pub fn marked_file(&self) -> Option<(usize, &str)> {
        let last = self.file_count().checked_sub(1)?;
        let at = if self.focus == Field::Files { self.file.min(last) } else { last };
        self.base.attachments.get(at).map(|file| (at, file.name.as_str()))
    }

    /// Takes the marked attachment off, or the last; its name.
    pub fn detach(&mut self, now: Timestamp) -> Option<SafeText> {
        let (at, _) = self.marked_file()?;
        let gone = self.base.detach(at)?;
        self.file = at.min(self.file_count().saturating_sub(1));
        if self.file_count() == 0 && self.focus == Field::Files {
            self.focus = Field::Body;
        }
        self.touch(now);
        Some(SafeText::line(&gone.name))
    }

    /// Moves the marked attachment by one place.
    pub fn move_file(&mut self, down: bool, now: Timestamp) {
        let Some((at, _)) = self.marked_file() else { return };
        let Some(to) = (if down { at.checked_add(1) } else { at.checked_sub(1) }) else { return };
        if to < self.file_count() {
            self.base.swap_attachments(at, to);
            (self.file, self.focus) = (to, Field::Files);
            self.touch(now);
        }
    }

    /// Gives an attachment another name.
    pub fn rename_file(&mut self, at: usize, name: &str, now: Timestamp) {
        if let Some(file) = self.base.attachments.get_mut(at) {
            name.clone_into(&mut file.name);
            self.touch(now);
        }
    }

    /// Takes an intent of the list; tells whether it was one.
    pub(super) fn act_on_files(&mut self, action: Action, now: Timestamp) -> bool {
        let last = self.file_count().saturating_sub(1);
        match action {
            Action::TextUp if self.file == 0 => self.go(-1),
            Action::TextUp => self.file -= 1,
            Action::TextDown if self.file >= last => self.go(1),
            Action::TextDown => self.file += 1,
            Action::TextStart | Action::TextLineStart | Action::TextPageUp => self.file = 0,
            Action::TextEnd | Action::TextLineEnd | Action::TextPageDown => self.file = last,
            Action::TextDeleteRight | Action::TextDeleteLeft => drop(self.detach(now)),
            _ => return false,
        }
        true
    }
}

/// A media type in words.
fn kind_in_words(media_type: &str) -> &str {
    let (class, subtype) = media_type.split_once('/').unwrap_or((media_type, ""));
    match (class, subtype) {
        (_, "pdf") => "PDF",
        (_, "msword") => "Word",
        (_, "rtf") => "RTF",
        (_, "zip") => "zip archive",
        (_, "pgp-keys") => "OpenPGP key",
        (_, "csv") => "table (CSV)",
        (_, "vnd.ms-excel") => "Excel",
        (_, subtype) if subtype.contains("wordprocessingml") => "Word",
        (_, subtype) if subtype.contains("spreadsheetml") => "Excel",
        (_, subtype) if subtype.contains("presentationml") => "PowerPoint",
        (_, subtype) if subtype.contains("opendocument") => "OpenDocument",
        ("image", _) => "picture",
        ("audio", _) => "sound",
        ("video", _) => "video",
        ("text", _) => "text",
        ("message", _) => "message",
        _ => "file",
    }
}
