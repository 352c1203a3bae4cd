//! An act in a message that came.

use jiff::Timestamp;

use crate::case::MessageName;
use crate::engine::core::{Core, Open};
use crate::engine::reading::Reading;
use crate::mail::id::{CaseId, MessageKey};
use crate::pgp::report::{Covers, SignatureState};
use crate::plea::trust::Signature;
use crate::plea::{Act, Entry, block};
use crate::register::event::Event;
use crate::register::record::Digest;
use crate::store::mailbox::SpecialUse;

/// An act that was found in a message, with what is known of who says it.
pub(crate) struct Took {
    act: Act,
    from: String,
    date: Option<Timestamp>,
    signature: Signature,
}

/// The act of a message; `None` where it brings none. A block that is quoted is somebody else's, and a damaged one is text: it can be marked by hand.
pub(crate) fn took(reading: &Reading) -> Option<Took> {
    let block::Reading::Act(act) = block::read(&reading.body.text()) else { return None };
    let headers = reading.headers();
    // Several authors, or none: nobody says it.
    let from = match headers.from().as_slice() {
        [only] => only.addr.clone(),
        _ => String::new(),
    };
    Some(Took { act: *act, from, date: headers.date(), signature: signature(reading) })
}

impl Took {
    /// The events that enter it into the register, one for each case that its message is filed to.
    pub(crate) fn events(self, message: &MessageName, cases: &[CaseId], received: Timestamp) -> Vec<Event> {
        let Self { act, from, date, signature } = self;
        let entry = Entry::Came { act, message: message.clone(), at: received, from, date, signature };
        let Ok(act) = entry.to_json() else { return Vec::new() };
        cases.iter().map(|case| Event::Plea { case: case.clone(), act: act.clone() }).collect()
    }
}

/// What a message that somebody's keys opened says in a negotiation, with its name.
pub(crate) fn opened(reading: &Reading, digest: Digest) -> Option<(MessageName, Took)> {
    if !reading.opened.report.decrypted {
        return None;
    }
    let took = took(reading)?;
    let headers = (reading.headers().message_id(), reading.message.headers().message_id());
    let message_id = headers.0.or(headers.1).unwrap_or_default();
    Some((MessageName { message_id, digest: digest.0 }, took))
}

impl Core {
    /// A message was opened by a key that is not used unless a person asks. An act in it that could not be read when the message was written down is
    /// entered now.
    pub(crate) fn plea_opened(&mut self, open: &mut Open, key: MessageKey, message: &MessageName, took: Took) {
        let library = &open.library;
        let is_copy = library.mailbox(key.mailbox).is_some_and(|one| one.state.special_use == Some(SpecialUse::Sent));
        let cases: Vec<CaseId> = library.cases_of(key).into_iter().map(|(case, _)| case).collect();
        let received = library.received(key).and_then(|at| Timestamp::from_second(at).ok());
        let (Some(received), Ok(pleas)) = (received, open.register.pleas()) else { return };
        let is_known = |entry: &Entry| matches!(entry, Entry::Came { message: known, .. } if known == message);
        if is_copy || pleas.all().any(|(_, entries)| entries.iter().any(is_known)) {
            return;
        }
        let events = took.events(message, &cases, received);
        if !events.is_empty() {
            let entered = self.record(open, &events);
            if let Err(error) = entered {
                self.complain(&error);
            }
        }
    }
}

/// What the signature is worth: only one that covers all that is shown, and is bound to the one author, is a good one.
fn signature(reading: &Reading) -> Signature {
    let report = &reading.opened.report.signature;
    match (report.state, &report.signer) {
        (SignatureState::Good, Some(signer)) if report.covers == Covers::Whole => {
            Signature::Good { certificate: signer.fingerprint.clone() }
        }
        (SignatureState::Bad, _) => Signature::Bad,
        _ => Signature::None,
    }
}
