//! Whether an attachment, with all that is in it, may be handed out.

use crate::case::MessageName;
use crate::case::document::{Direction, Kinds, Reach, Unseen};
use crate::engine::documents::reach;
use crate::register::Book;
use crate::register::event::{AttachmentFacts, MessageFacts};

/// What is decided of an attachment and of everything in it: they go together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judged {
    /// Of all of them.
    pub(crate) reach: Reach,
    /// The name of what it is for; empty where that is the attachment's own, or nothing is said of names.
    pub(crate) because: String,
    /// That it is shut because not all that is in it could be looked at.
    pub(crate) unseen: Option<Unseen>,
}

/// Judges an attachment with everything in it (`group`: it is the first), in a message of these facts. Who takes it back within reach takes back what is in it.
pub(crate) fn judge(
    book: &Book,
    facts: Option<&MessageFacts>,
    kinds: &Kinds,
    group: &[AttachmentFacts],
    direction: Direction,
) -> Judged {
    let Some(outer) = group.first() else { return Judged::default() };
    let outer_digest = outer.sha256.to_string();
    let is_back = direction == Direction::Out || book.was_released(&outer_digest);
    let because_of = |place: usize, name: &str| if place == 0 { String::new() } else { name.to_owned() };
    let has_quarantine = book.has_quarantine();
    let mut judged = Judged::default();
    for (place, one) in group.iter().enumerate() {
        let is_outer = place == 0;
        let sha256 = if is_outer { outer_digest.clone() } else { one.sha256.to_string() };
        if (has_quarantine && is_quarantined(book, one))
            || reach(book, facts, &sha256, false, direction) == Reach::Quarantined
        {
            return Judged { reach: Reach::Quarantined, because: because_of(place, &one.name), unseen: None };
        }
        if is_back || judged.reach != Reach::Open || book.was_released(&sha256) {
            continue;
        }
        let of_zip = || {
            let name = one.holds.withheld(kinds)?;
            Some(if is_outer { name } else { format!("{name} in {}", one.name) })
        };
        if kinds.of(&one.name, &one.media_type).withheld {
            judged = Judged { reach: Reach::Watched, because: because_of(place, &one.name), unseen: None };
        } else if let Some(because) = of_zip() {
            judged = Judged { reach: Reach::Watched, because, unseen: None };
        }
    }
    // What we sent is ours, unless it may be what was put out of reach.
    let may_be_any = direction != Direction::Out || has_quarantine;
    if judged.reach == Reach::Open
        && may_be_any
        && let Some((place, unseen)) = is_unseen(book, group)
    {
        let name = group.get(place).map(|one| one.name.as_str()).unwrap_or_default();
        judged = Judged { reach: Reach::Watched, because: because_of(place, name), unseen: Some(unseen) };
    }
    judged
}

/// The place of the first file of an attachment (`group`: that is the first) of which it is not known what all is in it, and why: it may be anything. Nothing
/// where a person took that upon themselves.
pub(crate) fn is_unseen(book: &Book, group: &[AttachmentFacts]) -> Option<(usize, Unseen)> {
    let is_back = |one: &AttachmentFacts| book.was_released(&one.sha256.to_string());
    let unseen = |(place, one): (usize, &AttachmentFacts)| {
        let unseen = one.holds.unseen.filter(|unseen| unseen.shuts())?;
        (!is_back(one)).then_some((place, unseen))
    };
    let mut found = group.iter().enumerate().filter_map(unseen).peekable();
    found.peek()?;
    if group.first().is_some_and(is_back) { None } else { found.next() }
}

/// Whether a message that is attached is out of reach as such: it, or, where it is encrypted and nobody can tell what is in it, anything under its name.
fn is_quarantined(book: &Book, one: &AttachmentFacts) -> bool {
    if one.holds.message_id.is_empty() {
        return false;
    }
    let message = MessageName { message_id: one.holds.message_id.clone(), digest: one.sha256.0 };
    book.is_message_quarantined(&message)
        || (one.holds.unseen == Some(Unseen::Encrypted) && book.names_quarantined(&message))
}
