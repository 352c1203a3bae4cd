//! A message being written.
//!
//! The fields are text until the review is asked for: only then must every address be one. An answer to encrypted mail can only go
//! out encrypted, whatever key is pressed: a quote in clear would hand the secret to whoever sent us the ciphertext (EFAIL's
//! reply oracle, "Re: What's Up Johnny?").

mod files;

use jiff::{SignedDuration, Timestamp};
use ratatui_textarea::{CursorMove, TextArea, WrapMode};

use crate::action::Action;
use crate::app::effect::ComposerId;
use crate::app::line::{Line, typed};
use crate::app::view::Limit;
use crate::mail::address::Address;
use crate::mail::draft::{Draft, Protection};
use crate::mail::id::{CaseId, DraftKey, MessageRef};
use crate::mail::safe::SafeText;

/// The fields, in the order they are gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// RFC 5322 §3.6.3.
    To,
    /// RFC 5322 §3.6.3.
    Cc,
    /// RFC 5322 §3.6.3; the others never learn of them.
    Bcc,
    /// RFC 5322 §3.6.5.
    Subject,
    /// What is attached; there only where something is.
    Files,
    /// The text.
    Body,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::To, Self::Cc, Self::Bcc, Self::Subject, Self::Files, Self::Body];

    /// Its name on screen.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::To => "To",
            Self::Cc => "Cc",
            Self::Bcc => "Bcc",
            Self::Subject => "Subject",
            Self::Files => "Files",
            Self::Body => "Text",
        }
    }

    fn takes_addresses(self) -> bool {
        matches!(self, Self::To | Self::Cc | Self::Bcc)
    }
}

/// A message being written.
#[derive(Debug)]
pub struct Composer {
    /// Which one it is.
    pub id: ComposerId,
    base: Draft,
    lines: [Line; 4],
    /// What is wrong with a field, in words.
    pub wrong: [Option<SafeText>; 4],
    /// The text.
    pub body: TextArea<'static>,
    /// Where one types.
    pub focus: Field,
    /// Addresses that could complete what is typed.
    pub completions: Vec<SafeText>,
    /// The one of them that Return takes.
    pub completion: Option<usize>,
    /// What is asked of OpenPGP.
    pub protection: Protection,
    /// The protection may not be lowered.
    pub sealed_answer: bool,
    /// A review has been asked for.
    pub reviewing: bool,
    /// The attachments of the message that it passes on are on their way; it is not sent before they are here.
    pub fetching: bool,
    /// Answers that it waits for with files that were asked for; it is not sent before they are here.
    pub awaited: usize,
    /// The text is in the outside editor.
    pub editing: bool,
    /// The marked attachment.
    pub file: usize,
    /// The smallest limit that it is under, as far as is known.
    pub limit: Option<Limit>,
    /// There is something that the kept draft does not have.
    pub changed: bool,
    /// Anything was ever changed.
    pub touched: bool,
    changed_at: Timestamp,
    kept_at: Timestamp,
}

impl Composer {
    /// Goes on with a draft.
    #[must_use]
    pub fn new(id: ComposerId, draft: Draft, now: Timestamp) -> Self {
        let list =
            |addresses: &[Address]| Line::new(&addresses.iter().map(Address::to_string).collect::<Vec<_>>().join(", "));
        let lines = [list(&draft.to), list(&draft.cc), list(&draft.bcc), Line::new(&draft.subject)];
        let focus = match () {
            () if draft.to.is_empty() => Field::To,
            () if draft.subject.is_empty() => Field::Subject,
            () => Field::Body,
        };
        let forwarded = draft.origin.as_ref().is_some_and(|origin| origin.forwarded);
        let sealed_answer = draft.answers.is_some() && draft.protection == Protection::Required && !forwarded;
        Self {
            id,
            lines,
            wrong: [const { None }; 4],
            body: text_area(&draft.body),
            focus,
            completions: Vec::new(),
            completion: None,
            protection: draft.protection,
            sealed_answer,
            reviewing: false,
            fetching: false,
            awaited: 0,
            editing: false,
            file: 0,
            limit: None,
            changed: false,
            touched: false,
            changed_at: now,
            kept_at: now,
            base: draft,
        }
    }

    /// A field of one line.
    #[must_use]
    pub fn line(&self, field: Field) -> Option<&Line> {
        self.lines.get(field as usize)
    }

    /// What is wrong with a field.
    #[must_use]
    pub fn wrong(&self, field: Field) -> Option<&SafeText> {
        self.wrong.get(field as usize).and_then(Option::as_ref)
    }

    /// The account it goes out by.
    #[must_use]
    pub fn author(&self) -> SafeText {
        SafeText::line(&self.base.from.to_string())
    }

    /// Writes from another account.
    pub fn write_as(&mut self, account: &str, from: &Address, now: Timestamp) {
        account.clone_into(&mut self.base.account);
        self.base.from = from.clone();
        self.touch(now);
    }

    /// The draft, but for what is in the fields.
    #[must_use]
    pub fn draft_mut(&mut self) -> &mut Draft {
        &mut self.base
    }

    /// Which draft it is.
    #[must_use]
    pub fn key(&self) -> Option<DraftKey> {
        self.base.key
    }

    /// The message whose attachments belong to it and are not here yet.
    #[must_use]
    pub fn carrying(&self) -> Option<&MessageRef> {
        self.base.carrying.as_ref()
    }

    /// The subject as typed.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.line(Field::Subject).map_or("", Line::text)
    }

    /// The draft as it stands. A field that is no list of addresses is kept as it was typed, piece by piece; with `strict` it is
    /// marked as wrong, gets the focus, and there is no draft.
    pub fn draft(&mut self, strict: bool) -> Option<Draft> {
        let mut draft = self.base.clone();
        let mut first_wrong = None;
        for field in [Field::To, Field::Cc, Field::Bcc] {
            let text = self.line(field).map_or("", Line::text).to_owned();
            let parsed = Address::parse_list(&text);
            // What is still being typed is not found fault with.
            if strict {
                self.set_wrong(field, parsed.as_ref().err().map(|error| SafeText::line(&error.to_string())));
            }
            let list = parsed.unwrap_or_else(|_| {
                first_wrong = first_wrong.or(Some(field));
                let as_typed = |one: &str| Address { name: String::new(), addr: one.trim().to_owned() };
                let pieces = text.split(',').filter(|one| !one.trim().is_empty());
                pieces.map(|one| Address::parse(one).unwrap_or_else(|_| as_typed(one))).collect()
            });
            match field {
                Field::To => draft.to = list,
                Field::Cc => draft.cc = list,
                _ => draft.bcc = list,
            }
        }
        if strict && first_wrong.is_none() && draft.to.is_empty() && draft.cc.is_empty() && draft.bcc.is_empty() {
            self.set_wrong(Field::To, Some(SafeText::from("there is no recipient yet: type an address")));
            first_wrong = Some(Field::To);
        }
        if let (true, Some(field)) = (strict, first_wrong) {
            self.focus = field;
            return None;
        }
        draft.subject = self.subject().to_owned();
        draft.body = self.text();
        draft.protection = self.protection;
        Some(draft)
    }

    /// The text as typed.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.body.lines().join("\n");
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }

    /// Puts another text in place, as the outside editor left it.
    pub fn set_text(&mut self, text: &str, now: Timestamp) {
        self.body = text_area(text);
        self.touch(now);
    }

    /// Types a character or pastes a text where the focus is.
    pub fn insert(&mut self, text: &str, now: Timestamp) {
        if self.focus == Field::Files {
            return;
        }
        if self.focus == Field::Body {
            self.body.insert_str(text.lines().map(typed).collect::<Vec<_>>().join("\n"));
            if text.ends_with('\n') {
                self.body.insert_newline();
            }
        } else if let Some(line) = self.lines.get_mut(self.focus as usize) {
            line.insert(text);
        }
        self.touch(now);
    }

    /// Takes an intent of typing; tells whether it was one.
    pub fn act(&mut self, action: Action, now: Timestamp) -> bool {
        match self.focus {
            Field::Body => return self.act_on_body(action, now),
            Field::Files => return self.act_on_files(action, now),
            _ => {}
        }
        match action {
            Action::TextUp | Action::TextDown if !self.completions.is_empty() => {
                self.choose(if action == Action::TextDown { 1 } else { -1 });
            }
            Action::TextDown => self.go(1),
            Action::TextUp => self.go(-1),
            Action::TextNewLine if self.takes_completion() => drop(self.complete(now)),
            Action::TextNewLine => self.go(1),
            _ => {
                let Some(line) = self.lines.get_mut(self.focus as usize) else { return false };
                let before = line.text().len();
                if !line.act(action) {
                    return false;
                }
                if line.text().len() != before {
                    self.touch(now);
                }
            }
        }
        true
    }

    fn act_on_body(&mut self, action: Action, now: Timestamp) -> bool {
        let body = &mut self.body;
        let moves = match action {
            Action::TextLeft => Some(CursorMove::Back),
            Action::TextRight => Some(CursorMove::Forward),
            Action::TextUp if body.screen_cursor().row == 0 => {
                self.go(-1);
                return true;
            }
            Action::TextUp => Some(CursorMove::Up),
            Action::TextDown => Some(CursorMove::Down),
            Action::TextWordLeft => Some(CursorMove::WordBack),
            Action::TextWordRight => Some(CursorMove::WordForward),
            Action::TextLineStart => Some(CursorMove::Head),
            Action::TextLineEnd => Some(CursorMove::End),
            Action::TextStart => Some(CursorMove::Top),
            Action::TextEnd => Some(CursorMove::Bottom),
            _ => None,
        };
        if let Some(moves) = moves {
            body.move_cursor(moves);
            return true;
        }
        match action {
            Action::TextPageDown => body.scroll(ratatui_textarea::Scrolling::PageDown),
            Action::TextPageUp => body.scroll(ratatui_textarea::Scrolling::PageUp),
            _ => {
                let edited = match action {
                    Action::TextNewLine => {
                        body.insert_newline();
                        true
                    }
                    Action::TextDeleteLeft => body.delete_char(),
                    Action::TextDeleteRight => body.delete_next_char(),
                    Action::TextDeleteWord => body.delete_word(),
                    Action::TextDeleteToStart => body.delete_line_by_head(),
                    Action::TextDeleteToEnd => body.delete_line_by_end(),
                    Action::TextUndo => body.undo(),
                    Action::TextRedo => body.redo(),
                    _ => return false,
                };
                if edited {
                    self.touch(now);
                }
            }
        }
        true
    }

    /// Goes to another field; the one that is left is looked at.
    pub fn go(&mut self, by: isize) {
        self.check(self.focus);
        let next = |from: Field| {
            let at = (from as usize).saturating_add_signed(by).min(Field::ALL.len() - 1);
            Field::ALL.get(at).copied().unwrap_or(Field::Body)
        };
        self.focus = next(self.focus);
        if self.focus == Field::Files {
            if self.base.attachments.is_empty() {
                self.focus = next(Field::Files);
            } else {
                self.file = if by < 0 { self.base.attachments.len() - 1 } else { 0 };
            }
        }
        self.drop_completions();
    }

    /// The case that it was begun from.
    #[must_use]
    pub fn case(&self) -> Option<CaseId> {
        self.base.case.clone()
    }

    /// What is being typed and could be completed: what stands behind the last comma.
    #[must_use]
    pub fn completing(&self) -> Option<&str> {
        if !self.focus.takes_addresses() {
            return None;
        }
        let before = self.line(self.focus)?.before();
        let typed = before.rsplit(',').next().unwrap_or(before).trim_start();
        (typed.chars().count() >= 2).then_some(typed)
    }

    /// Whether Return takes a completion: the marked one, or the first where what is typed is no address by itself.
    fn takes_completion(&self) -> bool {
        let unfinished = || self.completing().is_some_and(|typed| Address::parse(typed).is_err());
        self.completion.is_some() || (!self.completions.is_empty() && unfinished())
    }

    /// Takes completions, if they are still those of what is typed.
    pub fn offer(&mut self, typed: &str, found: Vec<String>) {
        if self.completing() == Some(typed) {
            let same = |address: &String| address.eq_ignore_ascii_case(typed);
            self.completions = found.iter().filter(|one| !same(one)).map(|one| SafeText::line(one)).collect();
            self.completion = None;
        }
    }

    /// Marks another completion.
    pub fn choose(&mut self, by: isize) {
        let Some(last) = self.completions.len().checked_sub(1) else { return };
        self.completion = Some(match self.completion {
            None if by < 0 => last,
            None => 0,
            Some(at) => at.saturating_add_signed(by).min(last),
        });
    }

    /// Takes the marked completion, or the first; tells whether there was one.
    pub fn complete(&mut self, now: Timestamp) -> bool {
        let Some(with) = self.completions.get(self.completion.unwrap_or(0)).cloned() else { return false };
        let Some(typed) = self.completing().map(str::len) else { return false };
        let Some(line) = self.lines.get_mut(self.focus as usize) else { return false };
        let from = line.before().len() - typed;
        line.replace_from(from, &format!("{with}, "));
        self.touch(now);
        true
    }

    /// Changes what is asked of OpenPGP; `false` where it may not be lowered.
    pub fn turn_protection(&mut self, now: Timestamp) -> bool {
        if self.sealed_answer {
            return false;
        }
        self.protection = match self.protection {
            Protection::WhenPossible => Protection::Required,
            Protection::Required => Protection::EncryptOnly,
            Protection::EncryptOnly => Protection::SignOnly,
            Protection::SignOnly => Protection::None,
            Protection::None => Protection::WhenPossible,
        };
        self.touch(now);
        true
    }

    /// Something changed: what was asked for by then is out of date.
    pub fn touch(&mut self, now: Timestamp) {
        self.changed = true;
        self.touched = true;
        self.changed_at = now;
        self.reviewing = false;
        self.drop_completions();
    }

    /// Whether it is time to keep the draft: three seconds after the last change, and every thirty in between.
    #[must_use]
    pub fn to_be_kept(&self, now: Timestamp) -> bool {
        let passed = |since: Timestamp| now.duration_since(since).as_secs();
        self.changed && (passed(self.changed_at) >= 3 || passed(self.kept_at) >= 30)
    }

    /// The draft was kept.
    pub fn kept(&mut self, now: Timestamp) {
        self.changed = false;
        self.kept_at = now;
    }

    /// The draft could not be kept: again in half a minute, or when something else is typed.
    pub fn not_kept(&mut self, now: Timestamp) {
        self.changed = true;
        self.kept_at = now;
        self.changed_at = now.saturating_add(SignedDuration::from_secs(27)).unwrap_or(now);
    }

    fn drop_completions(&mut self) {
        self.completions.clear();
        self.completion = None;
    }

    fn check(&mut self, field: Field) {
        if field.takes_addresses() {
            let typed = self.line(field).map_or("", Line::text);
            let wrong = Address::parse_list(typed).err().map(|error| SafeText::line(&error.to_string()));
            self.set_wrong(field, wrong);
        }
    }

    fn set_wrong(&mut self, field: Field, wrong: Option<SafeText>) {
        if let Some(slot) = self.wrong.get_mut(field as usize) {
            *slot = wrong;
        }
    }
}

/// What is asked of OpenPGP, in words.
#[must_use]
pub fn protection_in_words(protection: Protection) -> &'static str {
    match protection {
        Protection::WhenPossible => "as your settings say of each recipient",
        Protection::Required => "sign and encrypt, or do not send",
        Protection::EncryptOnly => "encrypt without signing, or do not send",
        Protection::SignOnly => "sign only: anyone on the way can read it",
        Protection::None => "neither sign nor encrypt: anyone on the way can read it",
    }
}

fn text_area(text: &str) -> TextArea<'static> {
    let lines = text.lines().map(typed).collect();
    let mut area = TextArea::new(lines);
    area.set_wrap_mode(WrapMode::WordOrGlyph);
    // The terminal's own cursor is put where the text cursor is, so that screen readers and magnifiers find it.
    area.set_cursor_style(Default::default());
    area.set_cursor_line_style(Default::default());
    area
}
