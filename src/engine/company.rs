//! Who is who in the cases of a message, and how far a signature's time may be from its Date: what its signatures are judged by, beside the
//! keys.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Engine;
use super::core::{Core, EngineError, Open, Settings};
use crate::case::{Case, Classes};
use crate::mail::id::{CaseId, MessageKey, MessageRef};
use crate::pgp::open::{Decrypt, Terms};
use crate::pgp::verdict::{Standing, TOLERANCE, no_case};
use crate::register::Book;

/// The people of the cases that a message is filed in.
pub struct Company {
    standing: Box<dyn Fn(&str) -> Standing + Send + Sync>,
    tolerance: SignedDuration,
}

impl Default for Company {
    /// Of a message that is in no case.
    fn default() -> Self {
        Self { standing: Box::new(no_case), tolerance: TOLERANCE }
    }
}

impl std::fmt::Debug for Company {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Company").field("tolerance", &self.tolerance).finish_non_exhaustive()
    }
}

impl Company {
    /// Of the cases as the register tells them.
    pub(crate) fn of<'c>(settings: &Arc<Settings>, book: &Book, cases: impl IntoIterator<Item = &'c CaseId>) -> Self {
        let cases: Vec<Case> = cases.into_iter().filter_map(|id| book.case(id)).cloned().collect();
        let tolerance = settings.config.openpgp.tolerance;
        let settings = Arc::clone(settings);
        let stands =
            move |address: &str| standing(&cases, &settings.classes, address, |address| settings.book.owns(address));
        Self { standing: Box::new(stands), tolerance }
    }

    /// What a message is opened with.
    #[must_use]
    pub fn terms(&self, now: Timestamp, may_decrypt: Decrypt) -> Terms<'_> {
        Terms { tolerance: self.tolerance, parties: &*self.standing, ..Terms::at(now, may_decrypt) }
    }
}

/// What the owner of an address is to some cases. One's own address is no stranger anywhere; nor is anybody where no parties are recorded.
fn standing(cases: &[Case], classes: &Classes, address: &str, owns: impl Fn(&str) -> bool) -> Standing {
    let party = cases.iter().find_map(|case| Some((case, case.party(address, classes)?)));
    match party {
        Some((case, party)) => Standing::Party(case.role_words(party)),
        None if owns(address) || cases.iter().all(|case| case.parties.is_empty()) => Standing::NoCase,
        None => Standing::Stranger,
    }
}

impl Settings {
    /// What a message is opened with where nobody is shown who its author is.
    pub(crate) fn terms(&self, may_decrypt: Decrypt) -> Terms<'static> {
        Terms { tolerance: self.config.openpgp.tolerance, ..Terms::at(self.clock.now(), may_decrypt) }
    }
}

impl Core {
    /// Who is who in the cases of a message.
    pub(crate) fn company(&self, open: &Open, key: Option<MessageKey>) -> Company {
        let cases = key.map(|key| open.library.cases_of(key)).unwrap_or_default();
        // Without a register nobody is known.
        let book = open.register.with(|loaded| loaded.book()).unwrap_or_default();
        Company::of(&self.settings, &book, cases.iter().map(|(case, _)| case))
    }
}

impl Engine {
    /// Who is who in the cases of a message; without one, the configured tolerance alone.
    ///
    /// # Errors
    /// [`EngineError::Locked`].
    pub fn company(&self, name: Option<&MessageRef>) -> Result<Company, EngineError> {
        let name = name.cloned();
        self.core.ask_open(move |core, open| {
            let key = name.and_then(|name| open.library.key(&name));
            core.company(open, key)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Accused, Jurisdiction, Party, Role};

    #[test]
    fn a_stranger_is_told_only_where_parties_are_recorded() {
        let classes = Classes::default();
        let owns = |address: &str| address == "b.quill@quillpounce.example";
        let mut case = Case::new(CaseId("ferret".into()), "R v FERRET", Jurisdiction::EnglandWales);
        let stands = |cases: &[Case], address: &str| standing(cases, &classes, address, owns);
        assert_eq!(stands(&[], "p.sage@crown.example"), Standing::NoCase);
        assert_eq!(stands(&[case.clone()], "p.sage@crown.example"), Standing::NoCase, "nobody is recorded yet");
        case.accused.push(Accused { number: 1, name: "Barnaby FERRET".into(), born: None });
        case.parties.push(Party {
            role: Role::Counsel,
            acts_for: vec![1],
            addresses: vec!["P.Sage@crown.example".into()],
            ..Party::default()
        });
        let counsel = Standing::Party("counsel for FERRET".into());
        assert_eq!(stands(&[case.clone()], "p.sage@crown.example"), counsel);
        assert_eq!(stands(&[case.clone()], "p.sage@crown.example.cjsm.net"), counsel, "one person, two addresses");
        assert_eq!(stands(&[case.clone()], "x@attacker.example"), Standing::Stranger);
        assert_eq!(stands(&[case.clone()], "b.quill@quillpounce.example"), Standing::NoCase, "ourselves");
        let other = Case::new(CaseId("weasel".into()), "R v WEASEL", Jurisdiction::EnglandWales);
        assert_eq!(stands(&[other, case], "p.sage@crown.example"), counsel, "a party of one of them");
    }
}
