//! A message that is too large for one, told apart into several: the same people, the same thread, numbered subjects, the files in their order.
//!
//! How large a message becomes is known when it is sealed; so it is built, looked at, and put together anew with less in each where one came
//! out too large.

use super::outgoing::{Copy, Means, make_copies};
use super::protection::Fates;
use crate::app::view::Limit;
use crate::enclose::parts::{self, Whole};
use crate::mail::draft::Draft;
use crate::mail::message::Message;
use crate::mail::safe::SafeText;
use crate::mail::size::size;

/// What a message may have on the wire where no limit is known: what many servers take.
pub(super) const USUAL_BYTES: u64 = 10_000_000;
/// How often it is put together anew.
const TRIES: usize = 8;

/// A message as it goes out, in one or in several.
pub(super) struct Made {
    /// In the order in which they leave.
    pub(super) copies: Vec<Copy>,
    /// The first of them as it was built, in clear.
    pub(super) clear: Message,
    /// How many files each has.
    pub(super) counts: Vec<usize>,
    /// Bytes on the wire of what one recipient gets.
    pub(super) bytes: u64,
    /// What is in each, in words; nothing where it is one message.
    pub(super) told: Vec<SafeText>,
}

/// Why it cannot be made: a name for scripts, and words.
pub(super) type Unmade = (&'static str, String);

/// Builds a message for everybody, told apart where that was asked for and is needed.
pub(super) fn make(draft: &Draft, fates: &Fates, means: &Means<'_>, limits: &[Limit]) -> Result<Made, Unmade> {
    if draft.split.is_none() || draft.attachments.is_empty() {
        return together(draft, &[draft.attachments.len()], fates, means);
    }
    let usual = Limit { bytes: USUAL_BYTES, whose: SafeText::from("many servers") };
    let limit = limits.first().unwrap_or(&usual);
    let sizes: Vec<u64> = (0..draft.attachments.len()).map(|place| draft.attachment_bytes(place)).collect();
    let mut room = limit.bytes;
    for _ in 0..TRIES {
        let counts = parts::plan(draft.body.len() as u64, &sizes, room).map_err(|whole| unmade(whole, draft, limit))?;
        if counts.len() > 1 && draft.plea.is_some() {
            let words = "An act of a plea negotiation goes as one message: send the files by themselves.";
            return Err(("plea-in-parts", words.to_owned()));
        }
        let made = together(draft, &counts, fates, means)?;
        let largest = made.copies.iter().map(|copy| copy.raw.len() as u64).max().unwrap_or(0);
        if largest <= limit.bytes {
            return Ok(made);
        }
        // Sealing made it larger than was reckoned with: by about as much it will the next time.
        let smaller = u128::from(room) * u128::from(limit.bytes) / u128::from(largest.max(1));
        room = u64::try_from(smaller).unwrap_or(room).saturating_sub(room / 100);
    }
    let words = format!("It cannot be told apart so that each message is under the limit of {}.", limit.whose);
    Err(("cannot-be-split", words))
}

fn unmade(whole: Whole, draft: &Draft, limit: &Limit) -> Unmade {
    let (limit, whose) = (size(limit.bytes), &limit.whose);
    let words = match whole {
        Whole::File(place) => {
            let name = draft.attachments.get(place).map(|file| file.name.as_str()).unwrap_or_default();
            let bytes = size(parts::on_the_wire(draft.attachment_bytes(place)));
            format!(
                "\u{201c}{name}\u{201d} alone takes {bytes} as it is sent, and {whose} lets {limit} through at most: make it smaller, or share it by a portal."
            )
        }
        Whole::Text => format!("The text alone is larger than the {limit} that {whose} lets through."),
        Whole::Many => format!("It would take more than {} messages of {limit} each.", parts::PARTS_MAX),
    };
    ("cannot-be-split", words)
}

/// The drafts of the messages that it goes as.
fn apart(draft: &Draft, counts: &[usize]) -> Vec<Draft> {
    let of = counts.len();
    let first = parts::subject(&draft.subject, 1, of);
    let mut files = draft.attachments.iter();
    let part = |(at, count): (usize, &usize)| Draft {
        subject: parts::subject(&draft.subject, at + 1, of),
        body: if at == 0 { draft.body.clone() } else { parts::text(&first, at + 1, of) },
        attachments: files.by_ref().take(*count).cloned().collect(),
        ..without_files(draft)
    };
    counts.iter().enumerate().map(part).collect()
}

fn without_files(draft: &Draft) -> Draft {
    Draft {
        account: draft.account.clone(),
        from: draft.from.clone(),
        to: draft.to.clone(),
        cc: draft.cc.clone(),
        bcc: draft.bcc.clone(),
        in_reply_to: draft.in_reply_to.clone(),
        references: draft.references.clone(),
        answers: draft.answers.clone(),
        case: draft.case.clone(),
        protection: draft.protection,
        origin: draft.origin.clone(),
        plea: draft.plea.clone(),
        ..Draft::default()
    }
}

fn together(draft: &Draft, counts: &[usize], fates: &Fates, means: &Means<'_>) -> Result<Made, Unmade> {
    let broken = |words| ("cannot-be-built", words);
    if counts.len() < 2 {
        let (copies, clear) = make_copies(draft, fates, means, &[]).map_err(broken)?;
        let bytes = copies.first().map_or(0, |copy| copy.raw.len() as u64);
        return Ok(Made { copies, clear, counts: counts.to_vec(), bytes, told: Vec::new() });
    }
    let mut copies: Vec<Copy> = Vec::new();
    let mut first: Vec<String> = Vec::new();
    let mut shown = None;
    let (mut bytes, mut told) = (0_u64, Vec::new());
    for (at, part) in apart(draft, counts).iter().enumerate() {
        let (made, clear) = make_copies(part, fates, means, &first).map_err(broken)?;
        let wire = made.first().map_or(0, |copy| copy.raw.len() as u64);
        let names: Vec<&str> = part.attachments.iter().map(|file| file.name.as_str()).collect();
        let what = if names.is_empty() { "the text".to_owned() } else { names.join(", ") };
        told.push(SafeText::line(&format!("{} of {}, {}: {what}", at + 1, counts.len(), size(wire))));
        bytes = bytes.saturating_add(wire);
        if first.is_empty() {
            first = made.iter().map(|copy| copy.message_id.clone()).collect();
        }
        copies.extend(made.into_iter().map(|copy| Copy { part: at, ..copy }));
        shown = shown.or(Some(clear));
    }
    let clear = shown.ok_or_else(|| ("cannot-be-built", "there is nothing to send".to_owned()))?;
    Ok(Made { copies, clear, counts: counts.to_vec(), bytes, told })
}
