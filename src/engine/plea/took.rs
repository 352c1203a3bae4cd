//! An act in a message that came.

use jiff::Timestamp;

use crate::case::MessageName;
use crate::engine::reading::Reading;
use crate::mail::id::CaseId;
use crate::pgp::report::{Covers, SignatureState};
use crate::plea::Entry;
use crate::plea::block;
use crate::plea::trust::Signature;
use crate::register::event::Event;

/// The events that enter the act of a message into the register, one for each case that it was filed to; none where it brings none. A block
/// that is quoted is somebody else's, and a damaged one is text: it can be marked by hand.
pub(crate) fn came(reading: &Reading, message: &MessageName, cases: &[CaseId], received: Timestamp) -> Vec<Event> {
    let block::Reading::Act(act) = block::read(&reading.body.text()) else { return Vec::new() };
    let headers = reading.headers();
    // Several authors, or none: nobody says it.
    let from = match headers.from().as_slice() {
        [only] => only.addr.clone(),
        _ => String::new(),
    };
    let entry = Entry::Came {
        act: *act,
        message: message.clone(),
        at: received,
        from,
        date: headers.date(),
        signature: signature(reading),
    };
    let Ok(act) = entry.to_json() else { return Vec::new() };
    cases.iter().map(|case| Event::Plea { case: case.clone(), act: act.clone() }).collect()
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
