//! The marks of a row: one cell each, so that columns stay in line; explained in the help.

use ratatui::style::Style;

use super::canvas::Canvas;
use crate::pgp::report::{Badge, SignatureState};
use crate::theme::Scope;

/// What OpenPGP says, in two cells.
pub(super) fn badge(canvas: &Canvas<'_>, badge: Badge) -> [(&'static str, Style); 2] {
    let sealed = match (badge.encrypted, badge.decrypted) {
        (true, true) => ("E", canvas.style(Scope::EncryptionSealed)),
        (true, false) => ("e", canvas.style(Scope::EncryptionClosed)),
        (false, _) => (" ", canvas.style(Scope::ListRow)),
    };
    let signed = match badge.signature {
        SignatureState::None => (" ", canvas.style(Scope::ListRow)),
        SignatureState::Good => ("S", canvas.style(Scope::SignatureGood)),
        SignatureState::UnknownKey | SignatureState::Undecided | SignatureState::Partial => {
            ("s", canvas.style(Scope::SignatureUnknown))
        }
        SignatureState::Bad
        | SignatureState::Rejected
        | SignatureState::Expired
        | SignatureState::Revoked
        | SignatureState::Mismatch
        | SignatureState::Weak => ("X", canvas.style(Scope::SignatureBad)),
    };
    [sealed, signed]
}
