//! An open thread: its tree, and the message at the cursor with its verdicts.
//!
//! Verdicts, fields and attachments are laid out here as rows of their own above the text. The text of a message is only ever in
//! [`Shown::body`], which is drawn below them and indented, so that no text can reach or imitate a verdict (SECURITY: redressing).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::Freshness;
use crate::action::Action;
use crate::app::effect::Effect;
use crate::app::list::{List, Row};
use crate::app::size::{Area, ThreadParts, measure};
use crate::app::view::{AddressView, MessageRow, MessageView, Scope, Sentence, ThreadView, Tone};
use crate::app::wrap::{Wrapped, quote_marks};
use crate::mail::id::{CaseId, MessageRef, ThreadId};
use crate::mail::safe::SafeText;

impl Row for MessageRow {
    type Id = MessageRef;

    fn id(&self) -> MessageRef {
        self.id.clone()
    }

    fn texts(&self) -> impl Iterator<Item = &SafeText> {
        [&self.from, &self.subject].into_iter()
    }
}

/// Columns left of the text that are ours alone.
pub const GUTTER: u16 = 2;

/// A row of the head of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadRow {
    /// A field; the date stands at the right of one of them.
    Field(&'static str, SafeText, Option<Timestamp>),
    /// A row of a sentence of ours; `true` on its first row.
    Sentence(Tone, bool, SafeText),
    /// An attachment, by its place.
    Attachment(usize),
    /// The attachment that a key would save, of all.
    Chosen,
    /// So many rows had no room.
    More(usize),
    /// The line between head and text.
    Rule,
}

/// What of a message is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Face {
    /// Its text.
    #[default]
    Text,
    /// All header fields as they came.
    Headers,
    /// Everything as it came.
    Raw,
}

/// The message on screen.
#[derive(Debug)]
pub struct Shown {
    /// The message.
    pub view: Arc<MessageView>,
    /// The rows above the text.
    pub head: Vec<HeadRow>,
    /// The text, or the source.
    pub body: Wrapped,
    /// Which of them.
    pub face: Face,
    /// Quoted text is folded away.
    pub quotes_hidden: bool,
    /// Everything about the message is in the head, and no field is shortened.
    pub details: bool,
    /// The attachment that a key would save.
    pub attachment: usize,
    /// What to show once the source has come.
    pub wanted_face: Face,
    source: Option<Arc<[SafeText]>>,
}

/// Which message to open first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum First {
    /// The first unread one, else the newest.
    Unread,
    /// The newest.
    Newest,
    /// This one, else the newest.
    Message(MessageRef),
}

/// An open thread.
#[derive(Debug)]
pub struct Thread {
    /// The thread.
    pub id: ThreadId,
    /// What the list is of that it was opened from: in a mailbox's, Trash and Junk are shown too.
    pub scope: Scope,
    /// Rows that are marked for what is done next.
    pub marked: HashSet<MessageRef>,
    /// Its subject.
    pub subject: SafeText,
    /// Its cases, with the reasons.
    pub cases: Vec<(CaseId, SafeText)>,
    /// Its messages.
    pub tree: List<MessageRow>,
    /// Whether they are up to date.
    pub fresh: Freshness,
    /// The message has the whole screen.
    pub whole: bool,
    /// The message on screen.
    pub shown: Option<Shown>,
    /// Why the message at the cursor cannot be shown.
    pub trouble: Option<(MessageRef, Sentence)>,
    /// What to do as soon as a message is shown.
    pub after: Option<Action>,
    asked: Option<MessageRef>,
    /// The message that was asked for last: of any other, what had not come yet does not come any more.
    opened: Option<MessageRef>,
    first: Option<First>,
    body: Area,
    local: HashMap<MessageRef, (Option<bool>, Option<bool>)>,
}

impl Thread {
    /// A thread that has been asked for.
    #[must_use]
    pub fn new(id: ThreadId, subject: SafeText, first: First, body: Area) -> Self {
        Self {
            id,
            scope: Scope::All,
            marked: HashSet::new(),
            subject,
            cases: Vec::new(),
            tree: List::default(),
            fresh: Freshness::default(),
            whole: false,
            shown: None,
            trouble: None,
            after: None,
            asked: None,
            opened: None,
            first: Some(first),
            body,
            local: HashMap::new(),
        }
    }

    /// Whether the keys are the message's: it fills the screen.
    #[must_use]
    pub fn reading(&self) -> bool {
        self.whole || self.tree.total() == 1
    }

    /// How the body is divided now.
    #[must_use]
    pub fn parts(&self) -> ThreadParts {
        ThreadParts::of(self.body, if self.reading() { 1 } else { self.tree.len() })
    }

    /// Whether the message at the cursor is on its way.
    #[must_use]
    pub fn waiting(&self) -> bool {
        self.asked.is_some()
    }

    /// Takes a snapshot of the thread.
    pub fn set(&mut self, view: &ThreadView) {
        self.subject = view.subject.clone();
        self.cases.clone_from(&view.cases);
        let mut rows = view.messages.clone();
        for row in &mut rows {
            let Some((seen, flagged)) = self.local.get(&row.id).copied() else { continue };
            if seen.is_none_or(|seen| seen == row.seen) && flagged.is_none_or(|flagged| flagged == row.flagged) {
                // The stores have caught up: what they say counts again.
                self.local.remove(&row.id);
            }
            row.seen = seen.unwrap_or(row.seen);
            row.flagged = flagged.unwrap_or(row.flagged);
        }
        self.marked.retain(|id| rows.iter().any(|row| row.id == *id));
        self.tree.set_rows(rows.into());
        if let Some(first) = self.first.take() {
            let wanted = match &first {
                First::Unread => self.tree.iter().position(|row| !row.seen),
                First::Newest => None,
                First::Message(id) => self.tree.iter().position(|row| row.id == *id),
            };
            let newest = || self.tree.iter().enumerate().max_by_key(|(_, row)| row.received).map(|(place, _)| place);
            self.tree.to(wanted.or_else(newest).unwrap_or(0));
        }
        self.arrange(self.body);
    }

    /// Takes the size of the body.
    pub fn arrange(&mut self, body: Area) {
        self.body = body;
        let parts = self.parts();
        self.tree.set_height(usize::from(parts.tree.height));
        if let Some(shown) = &mut self.shown {
            shown.arrange(parts.pane);
        }
    }

    /// Asks for the message at the cursor, one at a time: what the cursor has left behind is not waited for by a queue.
    pub fn want(&mut self, out: &mut Vec<Effect>) {
        let Some(row) = self.tree.selected() else { return };
        let here = |id: &MessageRef| self.tree.iter().any(|row| row.id == *id && row.here);
        let is_open = self.opened.as_ref() == Some(&row.id);
        let known = is_open && self.shown.as_ref().is_some_and(|shown| shown.view.id == row.id)
            || self.trouble.as_ref().is_some_and(|(id, _)| *id == row.id);
        if known || self.asked.as_ref().is_some_and(|asked| *asked == row.id || here(asked)) {
            return;
        }
        self.asked = Some(row.id.clone());
        self.opened = Some(row.id.clone());
        out.push(Effect::OpenMessage(row.id.clone()));
    }

    /// Asks again where an answer did not come for what is wanted now.
    pub fn tick(&mut self, out: &mut Vec<Effect>) {
        if self.asked.is_some() && self.asked.as_ref() != self.tree.selected().map(|row| &row.id) {
            self.asked = None;
            self.want(out);
        }
    }

    /// Another thread was open in between, and its message in place of this one's.
    pub fn look_again(&mut self, out: &mut Vec<Effect>) {
        (self.asked, self.opened) = (None, None);
        self.want(out);
    }

    /// Something changed: what could not be shown before perhaps can be now (its text has come, a key was imported).
    pub fn try_again(&mut self, out: &mut Vec<Effect>) {
        if self.trouble.take().is_some() {
            self.want(out);
        }
    }

    /// Takes a message that was asked for; tells whether it is what is wanted now.
    pub fn answer(
        &mut self,
        id: &MessageRef,
        answer: Result<Arc<MessageView>, Sentence>,
        out: &mut Vec<Effect>,
    ) -> bool {
        if self.asked.as_ref() == Some(id) {
            self.asked = None;
        }
        if self.tree.selected().is_none_or(|row| row.id != *id) {
            self.want(out);
            return false;
        }
        match answer {
            Err(why) => {
                self.shown = None;
                self.trouble = Some((id.clone(), why));
                self.after = None;
                return false;
            }
            Ok(view) if self.shown.as_ref().is_some_and(|shown| shown.view == view) => {}
            Ok(view) => {
                self.trouble = None;
                self.shown = Some(Shown::new(view, self.parts().pane));
            }
        }
        true
    }

    /// Moves the cursor of the tree; tells whether it moved.
    pub fn step(&mut self, by: isize, out: &mut Vec<Effect>) -> bool {
        let before = self.tree.at();
        self.tree.step(by);
        self.want(out);
        self.tree.at() != before
    }

    /// Moves to the next unread message below the cursor; tells whether there is one.
    pub fn step_unread(&mut self, out: &mut Vec<Effect>) -> bool {
        let from = self.tree.at();
        let found = (from + 1..self.tree.len()).find(|place| self.tree.get(*place).is_some_and(|row| !row.seen));
        let Some(place) = found else { return false };
        self.tree.to(place);
        self.want(out);
        true
    }

    /// What the stores say counts again.
    pub fn as_stored(&mut self) {
        self.tree.unhide_all();
        self.local.clear();
    }

    /// Messages that are unread.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.tree.iter().filter(|row| !row.seen).count()
    }

    /// Changes rows at once, before the stores have.
    pub fn change(&mut self, which: impl Fn(&MessageRow) -> bool, seen: Option<bool>, flagged: Option<bool>) {
        let mut rows: Vec<MessageRow> = self.tree.all().to_vec();
        for row in rows.iter_mut().filter(|row| which(row)) {
            row.seen = seen.unwrap_or(row.seen);
            row.flagged = flagged.unwrap_or(row.flagged);
            row.pending = true;
            let local = self.local.entry(row.id.clone()).or_default();
            *local = (seen.or(local.0), flagged.or(local.1));
        }
        self.tree.set_rows(rows.into());
    }
}

impl Shown {
    fn new(view: Arc<MessageView>, pane: Area) -> Self {
        let mut shown = Self {
            body: Wrapped::new(Arc::clone(&view.text), 1, 1),
            view,
            head: Vec::new(),
            face: Face::Text,
            quotes_hidden: false,
            details: false,
            attachment: 0,
            wanted_face: Face::Text,
            source: None,
        };
        shown.arrange(pane);
        shown
    }

    /// Takes the size of the pane.
    pub fn arrange(&mut self, pane: Area) {
        self.head = head(&self.view, pane, self.details);
        let rows = usize::from(pane.height).saturating_sub(self.head.len());
        self.body.resize(measure(pane).saturating_sub(usize::from(GUTTER)), rows);
    }

    /// Shows the text or the source; `false` where the source must be asked for first.
    pub fn turn(&mut self, face: Face, pane: Area) -> bool {
        let Some(text) = self.lines(face) else { return false };
        self.face = face;
        self.body = Wrapped::new(text, 1, 1);
        self.arrange(pane);
        true
    }

    /// Takes the source.
    pub fn set_source(&mut self, source: Arc<[SafeText]>) {
        self.source = Some(source);
    }

    fn lines(&self, face: Face) -> Option<Arc<[SafeText]>> {
        Some(match face {
            Face::Text if self.quotes_hidden => fold_quotes(&self.view.text),
            Face::Text => Arc::clone(&self.view.text),
            Face::Headers => self.source.as_ref()?.iter().take_while(|line| !line.is_empty()).cloned().collect(),
            Face::Raw => Arc::clone(self.source.as_ref()?),
        })
    }
}

/// Leaves out quoted lines, saying how many.
fn fold_quotes(text: &[SafeText]) -> Arc<[SafeText]> {
    let mut lines = Vec::new();
    let mut folded = 0_usize;
    let close = |folded: &mut usize, lines: &mut Vec<SafeText>| {
        if *folded > 0 {
            lines.push(SafeText::line(&format!("[{folded} quoted lines hidden]")));
        }
        *folded = 0;
    };
    for line in text {
        if quote_marks(line.as_str()).1 > 0 {
            folded += 1;
        } else {
            close(&mut folded, &mut lines);
            lines.push(line.clone());
        }
    }
    close(&mut folded, &mut lines);
    lines.into()
}

/// Width of the names of fields in the head.
pub const NAMES: usize = 10;

/// Width of a date with everything, and the air before it.
const DATE: usize = 22;

/// Lays out the head. Where there is little room, what matters least goes first; a warning never goes before a fact does.
fn head(view: &MessageView, pane: Area, details: bool) -> Vec<HeadRow> {
    let width = measure(pane).max(1);
    let height = usize::from(pane.height);
    let budget = if details { height.saturating_sub(2) } else { height.saturating_sub((height * 2 / 5).max(2)) };
    let date = view.sent.unwrap_or(view.received);
    let mut rows = Vec::new();
    let marked = |name: &str, text: SafeText| {
        let unsigned = view.unsigned.iter().any(|unsigned| unsigned == name);
        if unsigned { SafeText::line(&format!("(unsigned) {text}")) } else { text }
    };
    rows.push(HeadRow::Field("Subject", marked("Subject", subject(view)), None));
    for (at, from) in view.from.iter().enumerate() {
        // Whose address it is must be read to its end: that is where the domain is.
        let text = Wrapped::new(Arc::from(vec![from.text.clone()]), width.saturating_sub(NAMES).max(8), 4);
        let name = |row| if at == 0 && row == 0 { "From" } else { "" };
        rows.extend(
            text.visible()
                .enumerate()
                .map(|(row, (_, _, piece))| HeadRow::Field(name(row), SafeText::line(piece.trim_end()), None)),
        );
    }
    if view.from.is_empty() {
        rows.push(HeadRow::Field("From", SafeText::from("(the message names no author)"), None));
    }
    let differs = !view.reply_to.is_empty()
        && view
            .reply_to
            .iter()
            .map(|to| to.address.canonical())
            .ne(view.from.iter().map(|from| from.address.canonical()));
    for (name, field, list, wanted) in [
        ("Reply to", "Reply-To", &view.reply_to, differs),
        ("To", "To", &view.to, true),
        ("Cc", "Cc", &view.cc, !view.cc.is_empty()),
    ] {
        if wanted && details && !list.is_empty() {
            let first = std::iter::once(name).chain(std::iter::repeat(""));
            rows.extend(
                list.iter().zip(first).map(|(to, name)| HeadRow::Field(name, marked(field, to.text.clone()), None)),
            );
        } else if wanted {
            rows.push(HeadRow::Field(name, marked(field, names(list)), None));
        }
    }
    // The date stands at the right of the first row that has room for it, else in a row of its own.
    let roomy = rows.iter_mut().find_map(|row| match row {
        HeadRow::Field(_, text, at) if text.width() + NAMES + DATE <= width => Some(at),
        _ => None,
    });
    match roomy {
        Some(at) => *at = Some(date),
        None => rows.push(HeadRow::Field("Date", SafeText::default(), Some(date))),
    }
    if details {
        rows.push(HeadRow::Field("Received", SafeText::default(), Some(view.received)));
        rows.push(HeadRow::Field("Id", SafeText::line(&view.message_id), None));
    }
    for sentence in &view.sentences {
        rows.extend(sentence_rows(sentence, width));
    }
    match view.attachments.len() {
        0 => {}
        many if details => rows.extend((0..many).map(HeadRow::Attachment)),
        _ => rows.push(HeadRow::Chosen),
    }
    fit(rows, budget.saturating_sub(1))
}

fn subject(view: &MessageView) -> SafeText {
    if view.subject.is_empty() { SafeText::from("(no subject)") } else { view.subject.clone() }
}

/// The rows of a sentence of ours in a width.
#[must_use]
pub fn sentence_rows(sentence: &Sentence, width: usize) -> Vec<HeadRow> {
    let lead = match sentence.tone {
        Tone::Good | Tone::Plain => "",
        Tone::Warning => "Warning: ",
        Tone::Alarm => "Alarm: ",
    };
    let text = SafeText::line(&format!("{lead}{}", sentence.text));
    let wrapped = Wrapped::new(Arc::from(vec![text]), width.saturating_sub(4).max(8), 12);
    wrapped
        .visible()
        .enumerate()
        .map(|(at, (_, _, piece))| HeadRow::Sentence(sentence.tone, at == 0, SafeText::line(piece.trim_end())))
        .collect()
}

fn fit(mut rows: Vec<HeadRow>, budget: usize) -> Vec<HeadRow> {
    let rank = |row: &HeadRow| match row {
        HeadRow::Sentence(Tone::Alarm, ..) => 0,
        HeadRow::Field("From", ..) => 1,
        HeadRow::Sentence(Tone::Warning, ..) => 2,
        HeadRow::Sentence(..) => 3,
        HeadRow::Chosen => 4,
        HeadRow::Field(_, _, Some(_)) => 5,
        HeadRow::Field("To" | "Reply to", ..) => 6,
        _ => 7,
    };
    let total = rows.len();
    if total > budget {
        while rows.len() + 1 > budget {
            let Some(worst) = (0..rows.len()).rev().max_by_key(|at| (rows.get(*at).map_or(0, rank), *at)) else {
                break;
            };
            rows.remove(worst);
        }
        if budget > 0 {
            rows.push(HeadRow::More(total - rows.len()));
        }
    }
    rows.push(HeadRow::Rule);
    rows
}

fn names(list: &[AddressView]) -> SafeText {
    if list.is_empty() {
        return SafeText::from("(nobody)");
    }
    SafeText::join(list.iter().map(|to| &to.text), ", ")
}

#[cfg(test)]
mod tests {
    use super::{HeadRow, fit};
    use crate::app::view::Tone;
    use crate::mail::safe::SafeText;

    #[test]
    fn alarms_stay_when_there_is_room_for_little() {
        let text = || SafeText::from("x");
        let rows = vec![
            HeadRow::Field("Subject", text(), None),
            HeadRow::Field("From", text(), None),
            HeadRow::Field("To", text(), None),
            HeadRow::Sentence(Tone::Good, true, text()),
            HeadRow::Sentence(Tone::Alarm, true, text()),
            HeadRow::Attachment(0),
        ];
        let kept = fit(rows.clone(), 3);
        assert_eq!(kept, [rows[1].clone(), rows[4].clone(), HeadRow::More(4), HeadRow::Rule]);
        assert_eq!(fit(rows.clone(), 6).len(), 7);
        assert_eq!(fit(rows, 0), [HeadRow::Rule]);
    }
}
