//! An offer that cannot be invalid: whoever holds one knows that every live charge has a term, that it is open for a while, and by whose
//! authority it is made.

use jiff::{SignedDuration, Timestamp};

use super::act::{Authority, Basis};
use super::number::Side;
use super::terms::{Document, Term, Terms};
use crate::case::{Case, Charge, ChargeState, Jurisdiction};

/// How far ahead an offer may be open at most: further is a slip of the pen.
const OPEN_MAX: SignedDuration = SignedDuration::from_hours(24 * 366);

/// An offer that may be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    terms: Terms,
    reply_by: Timestamp,
    authority: Authority,
}

/// Why an offer may not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// A live charge has no term.
    #[error("charge {0} not addressed: say what becomes of it")]
    Unaddressed(u16),
    /// A term for a charge that is none, or no longer.
    #[error("charge {0} is not a live charge against this accused")]
    NoSuchCharge(u16),
    /// The law of the case has no such plea.
    #[error("charge {charge}: “{plea}” is not a way to dispose of a charge in {law}")]
    OtherLaw {
        /// Which charge.
        charge: u16,
        /// The plea.
        plea: &'static str,
        /// Whose law.
        law: &'static str,
    },
    /// The words that are to go do not stand in the libel.
    #[error("charge {0}: the words “{1}” do not stand in it")]
    NoSuchWords(u16, String),
    /// Nothing is offered at all.
    #[error("the offer leaves every charge as it is: offer something about one of them")]
    Nothing,
    /// It would have lapsed already.
    #[error("the time for an answer has passed: choose a later one")]
    Past,
    /// Too far ahead.
    #[error("the time for an answer is more than a year ahead: choose an earlier one")]
    TooFar,
    /// No authority.
    #[error("no authority is recorded: {0}")]
    NoAuthority(&'static str),
    /// An authority of the other side.
    #[error("“{0}” is no authority that {1} can have")]
    WrongAuthority(&'static str, &'static str),
    /// A file that does not go with the message.
    #[error("the file “{0}” is named in the terms, but is not attached")]
    NotAttached(String),
    /// A file that is another one than the terms say.
    #[error("the attached file “{0}” is not the one whose digest the terms name")]
    OtherFile(String),
}

/// What an offer is held against.
#[derive(Clone, Debug)]
pub struct Ground<'a> {
    /// Whose law.
    pub jurisdiction: Jurisdiction,
    /// Every charge against this accused.
    pub charges: Vec<&'a Charge>,
    /// Who makes it.
    pub side: Side,
    /// The files that go with the message: name, SHA-256.
    pub files: Vec<(String, [u8; 32])>,
    /// The time.
    pub now: Timestamp,
}

impl<'a> Ground<'a> {
    /// For an accused of a case.
    #[must_use]
    pub fn of(case: &'a Case, accused: u16, side: Side, now: Timestamp) -> Self {
        let charges = case.charges.iter().filter(|charge| charge.accused == accused).collect();
        Self { jurisdiction: case.jurisdiction, charges, side, files: Vec::new(), now }
    }

    /// Charges that are prosecuted.
    pub fn live(&self) -> impl Iterator<Item = &'a Charge> + '_ {
        self.charges.iter().copied().filter(|charge| charge.state == ChargeState::Live)
    }
}

/// What stands against these terms: the charges without one, those that are none, the pleas of another law.
#[must_use]
pub fn gaps(terms: &Terms, ground: &Ground<'_>) -> Vec<OfferError> {
    let mut errors: Vec<OfferError> = ground
        .live()
        .filter(|charge| terms.term(charge.number).is_none())
        .map(|charge| OfferError::Unaddressed(charge.number))
        .collect();
    for term in terms.charges() {
        if !ground.live().any(|charge| charge.number == term.charge) {
            errors.push(OfferError::NoSuchCharge(term.charge));
        }
        if !term.plea.is_of(ground.jurisdiction) {
            errors.push(OfferError::OtherLaw {
                charge: term.charge,
                plea: term.plea.words(),
                law: ground.jurisdiction.words(),
            });
        }
    }
    errors
}

impl Offer {
    /// An offer of these terms.
    ///
    /// # Errors
    /// Everything that stands against it, so that a form can show all of it at once.
    pub fn new(
        terms: Terms,
        reply_by: Timestamp,
        authority: Option<Authority>,
        ground: &Ground<'_>,
    ) -> Result<Self, Vec<OfferError>> {
        let mut errors = gaps(&terms, ground);
        let idle = |term: &Term| term.plea == super::terms::Plea::Unchanged && term.basis.is_none();
        if terms.charges().iter().all(idle) && terms.basis().is_none() {
            errors.push(OfferError::Nothing);
        }
        if reply_by <= ground.now {
            errors.push(OfferError::Past);
        } else if reply_by.duration_since(ground.now) > OPEN_MAX {
            errors.push(OfferError::TooFar);
        }
        for (name, sha256) in terms.files() {
            match ground.files.iter().find(|(attached, _)| attached == name) {
                None => errors.push(OfferError::NotAttached(name.to_owned())),
                Some((_, found)) if *found != sha256 => errors.push(OfferError::OtherFile(name.to_owned())),
                Some(_) => {}
            }
        }
        match &authority {
            None => errors.push(OfferError::NoAuthority(match ground.side {
                Side::Defence => "say when the client gave instructions, and what shows it",
                Side::Prosecution => "say whose decision it is",
            })),
            Some(one) if !Basis::of(ground.side).contains(&one.basis) => {
                errors.push(OfferError::WrongAuthority(one.basis.words(), ground.side.words()));
            }
            Some(_) => {}
        }
        match authority {
            Some(authority) if errors.is_empty() => Ok(Self { terms, reply_by, authority }),
            _ => Err(errors),
        }
    }

    /// What is offered.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Until when.
    #[must_use]
    pub const fn reply_by(&self) -> Timestamp {
        self.reply_by
    }

    /// By what authority.
    #[must_use]
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// All of it.
    #[must_use]
    pub fn into_parts(self) -> (Terms, Timestamp, Authority) {
        (self.terms, self.reply_by, self.authority)
    }
}

/// A document of text; for forms.
#[must_use]
pub fn text_document(text: &str) -> Option<Document> {
    let text = super::text::fold(text);
    (!text.is_empty()).then_some(Document::Text { text })
}
