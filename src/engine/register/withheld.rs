//! What happened, without what is in quarantine: that something is there is told, with its place, size and digest, and neither its name nor what it is.

use crate::case::document::{Direction, Holds, Kinds, OUT_OF_REACH, OUT_OF_REACH_TYPE, Reach};
use crate::engine::inside::{groups, judge};
use crate::register::Book;
use crate::register::event::{AttachmentFacts, Event, MessageFacts};

/// What is in quarantine is so whichever way it went; of what we sent the watch list, which says nothing here, is not asked.
const ANY_WAY: Direction = Direction::Out;

/// Takes out of what happened what says of a document in quarantine what it is.
pub(super) fn withhold(book: &Book, event: &mut Event) {
    if !book.has_quarantine() {
        return;
    }
    // Not asked for names: see [`ANY_WAY`].
    let kinds = &Kinds::none();
    match event {
        Event::Received { facts, .. } | Event::Sent { facts, .. } => withhold_files(book, kinds, facts),
        Event::Imported { file, .. } => {
            let shut_by_itself = book.is_document_quarantined(&file.sha256.to_string());
            let judged = judge(book, None, kinds, &file.within, ANY_WAY);
            if shut_by_itself || judged.reach == Reach::Quarantined {
                OUT_OF_REACH.clone_into(&mut file.name);
                OUT_OF_REACH_TYPE.clone_into(&mut file.media_type);
                file.within.iter_mut().for_each(hide);
            }
        }
        _ => {}
    }
}

fn withhold_files(book: &Book, kinds: &Kinds, facts: &mut MessageFacts) {
    let is_shut =
        |group: &[AttachmentFacts]| judge(book, Some(facts), kinds, group, ANY_WAY).reach == Reach::Quarantined;
    let shut: Vec<bool> =
        groups(&facts.attachments).flat_map(|group| std::iter::repeat_n(is_shut(group), group.len())).collect();
    facts.attachments.iter_mut().zip(shut).filter(|(_, shut)| *shut).for_each(|(one, _)| hide(one));
}

fn hide(one: &mut AttachmentFacts) {
    OUT_OF_REACH.clone_into(&mut one.name);
    OUT_OF_REACH_TYPE.clone_into(&mut one.media_type);
    one.holds = Holds::default();
}
