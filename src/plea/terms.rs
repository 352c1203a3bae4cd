//! The terms of an offer, charge by charge, in the words of either law; their one canonical form and its digest.
//!
//! Every text in terms is [folded](super::text::fold), so that the digest survives what mail programs do. The digest covers the case's
//! number and the accused too: terms of one case are never those of another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::number::NegotiationId;
use super::text::fold;
use crate::case::Jurisdiction;

/// What is to become of a charge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Plea {
    /// Guilty.
    Guilty,
    /// Not guilty, to be tried.
    NotGuilty,
    /// Not guilty, and the Crown accepts that plea (Scotland).
    NotGuiltyAccepted,
    /// Guilty to another offence instead.
    GuiltyAlternative,
    /// The prosecution offers no evidence (England and Wales).
    NoEvidence,
    /// To lie on the file (England and Wales).
    LieOnFile,
    /// Words or an aggravation are deleted from the libel, whatever the plea is (Scotland).
    Delete,
    /// Withdrawn by the Crown.
    WithdrawnByCrown,
    /// Guilty as amended.
    GuiltyAsAmended,
    /// Nothing is offered about it: it stays as it is.
    #[default]
    Unchanged,
}

impl Plea {
    /// All.
    pub const ALL: [Self; 10] = [
        Self::Guilty,
        Self::NotGuilty,
        Self::NotGuiltyAccepted,
        Self::GuiltyAlternative,
        Self::NoEvidence,
        Self::LieOnFile,
        Self::Delete,
        Self::WithdrawnByCrown,
        Self::GuiltyAsAmended,
        Self::Unchanged,
    ];

    /// Those that a law knows, in the order in which a form offers them.
    #[must_use]
    pub const fn of(jurisdiction: Jurisdiction) -> &'static [Self] {
        match jurisdiction {
            Jurisdiction::EnglandWales => &[
                Self::Guilty,
                Self::NotGuilty,
                Self::GuiltyAlternative,
                Self::NoEvidence,
                Self::LieOnFile,
                Self::WithdrawnByCrown,
                Self::Unchanged,
            ],
            Jurisdiction::Scotland => &[
                Self::Guilty,
                Self::GuiltyAsAmended,
                Self::NotGuiltyAccepted,
                Self::Delete,
                Self::GuiltyAlternative,
                Self::NotGuilty,
                Self::Unchanged,
            ],
        }
    }

    /// The name that scripts read and the digest covers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Guilty => "guilty",
            Self::NotGuilty => "not-guilty",
            Self::NotGuiltyAccepted => "not-guilty-accepted",
            Self::GuiltyAlternative => "guilty-alternative",
            Self::NoEvidence => "no-evidence",
            Self::LieOnFile => "lie-on-file",
            Self::Delete => "delete",
            Self::WithdrawnByCrown => "withdrawn-by-crown",
            Self::GuiltyAsAmended => "guilty-as-amended",
            Self::Unchanged => "unchanged",
        }
    }

    /// The words for people, which also stand in the block: no two are alike.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Guilty => "GUILTY",
            Self::NotGuilty => "NOT GUILTY",
            Self::NotGuiltyAccepted => "plea of NOT GUILTY to be accepted",
            Self::GuiltyAlternative => "GUILTY to an alternative",
            Self::NoEvidence => "Crown to offer NO EVIDENCE",
            Self::LieOnFile => "to LIE ON THE FILE",
            Self::Delete => "libel restricted",
            Self::WithdrawnByCrown => "WITHDRAWN by the Crown",
            Self::GuiltyAsAmended => "GUILTY as amended",
            Self::Unchanged => "unchanged",
        }
    }

    /// Reads a [`Self::name`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name.trim().to_lowercase())
    }

    /// Whether a law knows it.
    #[must_use]
    pub fn is_of(self, jurisdiction: Jurisdiction) -> bool {
        Self::of(jurisdiction).contains(&self)
    }

    /// Whether the accused admits something by it.
    #[must_use]
    pub const fn is_guilty(self) -> bool {
        matches!(self, Self::Guilty | Self::GuiltyAlternative | Self::GuiltyAsAmended)
    }
}

/// Another offence than the one charged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offence {
    /// In words.
    pub text: String,
    /// For instance `Public Order Act 1986 s.4`; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub statute: String,
}

/// A change of the words of a charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Amendment {
    /// These words go.
    Delete {
        /// Which.
        words: String,
    },
    /// Words are put in.
    Insert {
        /// Which.
        words: String,
        /// Behind these; empty: at the end.
        after: String,
    },
    /// Words take the place of others.
    Substitute {
        /// These go.
        words: String,
        /// These come.
        with: String,
    },
}

/// What is ordered beside the sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AncillaryKind {
    /// Compensation.
    Compensation,
    /// A restraining order (England and Wales).
    Restraining,
    /// A non-harassment order (Scotland).
    NonHarassment,
    /// Forfeiture, confiscation of a thing.
    Forfeiture,
    /// Offences to be taken into consideration (England and Wales).
    Tics,
    /// Anything else.
    Other,
}

impl AncillaryKind {
    /// All.
    pub const ALL: [Self; 6] =
        [Self::Compensation, Self::Restraining, Self::NonHarassment, Self::Forfeiture, Self::Tics, Self::Other];

    /// The name that scripts read.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compensation => "compensation",
            Self::Restraining => "restraining",
            Self::NonHarassment => "non-harassment",
            Self::Forfeiture => "forfeiture",
            Self::Tics => "tics",
            Self::Other => "other",
        }
    }

    /// The words for people, which also stand in the block.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Compensation => "compensation",
            Self::Restraining => "restraining order",
            Self::NonHarassment => "non-harassment order",
            Self::Forfeiture => "forfeiture",
            Self::Tics => "offences taken into consideration",
            Self::Other => "other order",
        }
    }

    /// Reads a [`Self::name`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name.trim().to_lowercase())
    }
}

/// An order beside the sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ancillary {
    /// Which.
    pub kind: AncillaryKind,
    /// How much, what, for whom; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub words: String,
}

/// A basis of plea (England and Wales) or an agreed narrative (Scotland).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Document {
    /// As text.
    Text {
        /// One paragraph.
        text: String,
    },
    /// As a file that goes with the message.
    Attached {
        /// Its name.
        name: String,
        /// SHA-256 of its bytes.
        #[serde(with = "hex::serde")]
        sha256: [u8; 32],
    },
}

/// What is offered about one charge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// [`crate::case::Charge::number`].
    pub charge: u16,
    /// What becomes of it.
    pub plea: Plea,
    /// The other offence: with [`Plea::GuiltyAlternative`], and only with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternative: Option<Offence>,
    /// Changes of its words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amendments: Vec<Amendment>,
    /// On what basis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Document>,
    /// Orders beside the sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ancillary: Vec<Ancillary>,
    /// On what else it depends; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub conditions: String,
}

/// What is offered, all charges together. Sorted by charge, each charge once, every text folded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TermsText", into = "TermsText")]
pub struct Terms {
    charges: Vec<Term>,
    basis: Option<Document>,
    conditions: String,
}

/// Terms as they are written: read back through [`Terms::new`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TermsText {
    charges: Vec<Term>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    basis: Option<Document>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    conditions: String,
}

impl TryFrom<TermsText> for Terms {
    type Error = TermsError;

    fn try_from(text: TermsText) -> Result<Self, TermsError> {
        Self::new(text.charges, text.basis, &text.conditions)
    }
}

impl From<Terms> for TermsText {
    fn from(terms: Terms) -> Self {
        Self { charges: terms.charges, basis: terms.basis, conditions: terms.conditions }
    }
}

/// Why these are no terms.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// No charge at all.
    #[error("the terms speak of no charge")]
    Empty,
    /// A charge twice.
    #[error("charge {0} has two terms")]
    Twice(u16),
    /// An alternative is missing.
    #[error("charge {0}: guilty to an alternative, but to which offence is not said")]
    NoAlternative(u16),
    /// An alternative where there is none.
    #[error("charge {0}: another offence is named, but the plea is {1}")]
    StrayAlternative(u16, &'static str),
    /// Nothing is amended.
    #[error("charge {0}: the libel is to be amended, but how is not said")]
    NoAmendment(u16),
    /// Amended where nothing is.
    #[error("charge {0}: the libel is amended, but the plea is {1}")]
    StrayAmendment(u16, &'static str),
    /// An amendment without words.
    #[error("charge {0}: an amendment has no words")]
    EmptyAmendment(u16),
    /// A text that is longer than a block carries.
    #[error("{0}: the text has more than {max} characters; attach it as a file", max = super::text::CHARS_MAX)]
    Long(String),
    /// A file without a name.
    #[error("{0}: the file has no name")]
    NoName(String),
}

/// SHA-256 of canonical terms, written as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TermsHash(#[serde(with = "hex::serde")] pub [u8; 32]);

impl TermsHash {
    /// The first six digits: for a glance, never for a comparison.
    #[must_use]
    pub fn short(&self) -> String {
        hex::encode(self.0.get(..3).unwrap_or_default())
    }
}

impl fmt::Display for TermsHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// A text that is no [`TermsHash`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest of terms is 64 hexadecimal digits")]
pub struct TermsHashError;

impl FromStr for TermsHash {
    type Err = TermsHashError;

    fn from_str(text: &str) -> Result<Self, TermsHashError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| TermsHashError)?;
        Ok(Self(bytes))
    }
}

impl Terms {
    /// Terms of these charges, with a basis or narrative and conditions for all of them.
    ///
    /// # Errors
    /// [`TermsError`]. Whether every live charge has a term and the law knows the pleas is asked by [`super::offer::Offer::new`].
    pub fn new(charges: Vec<Term>, basis: Option<Document>, conditions: &str) -> Result<Self, TermsError> {
        let mut folded = charges.into_iter().map(Term::folded).collect::<Result<Vec<_>, _>>()?;
        folded.sort_by_key(|term| term.charge);
        if folded.is_empty() {
            return Err(TermsError::Empty);
        }
        for pair in folded.windows(2) {
            if let [one, two] = pair
                && one.charge == two.charge
            {
                return Err(TermsError::Twice(one.charge));
            }
        }
        let basis = basis.map(|one| one.folded("all charges")).transpose()?;
        let basis = basis.filter(|one| !matches!(one, Document::Text { text } if text.is_empty()));
        Ok(Self { charges: folded, basis, conditions: short(conditions, "the conditions")? })
    }

    /// Each charge's, by number.
    #[must_use]
    pub fn charges(&self) -> &[Term] {
        &self.charges
    }

    /// The basis or narrative of all of them.
    #[must_use]
    pub const fn basis(&self) -> Option<&Document> {
        self.basis.as_ref()
    }

    /// On what else all of it depends; may be empty.
    #[must_use]
    pub fn conditions(&self) -> &str {
        &self.conditions
    }

    /// The term of a charge.
    #[must_use]
    pub fn term(&self, charge: u16) -> Option<&Term> {
        self.charges.iter().find(|term| term.charge == charge)
    }

    /// The files that go with them: name, SHA-256.
    #[must_use]
    pub fn files(&self) -> Vec<(&str, [u8; 32])> {
        let documents = self.charges.iter().filter_map(|term| term.basis.as_ref()).chain(&self.basis);
        let mut files: Vec<(&str, [u8; 32])> = documents
            .filter_map(|one| match one {
                Document::Attached { name, sha256 } => Some((name.as_str(), *sha256)),
                Document::Text { .. } => None,
            })
            .collect();
        files.dedup();
        files
    }

    /// The canonical form: one item a line, each text with its length in bytes before it, so that no text can pass for another item.
    #[must_use]
    pub fn canonical(&self, id: &NegotiationId) -> String {
        let mut form = Form::default();
        form.item("plea-terms", "1");
        form.item("case", &id.number);
        form.item("accused", &id.accused.to_string());
        for term in &self.charges {
            term.write(&mut form);
        }
        form.document("basis", self.basis.as_ref());
        form.item("conditions", &self.conditions);
        form.0
    }

    /// SHA-256 of [`Self::canonical`].
    #[must_use]
    pub fn hash(&self, id: &NegotiationId) -> TermsHash {
        TermsHash(Sha256::digest(self.canonical(id)).into())
    }
}

/// Folded, and not too long.
fn short(text: &str, what: &str) -> Result<String, TermsError> {
    let folded = fold(text);
    if folded.chars().count() > super::text::CHARS_MAX { Err(TermsError::Long(what.to_owned())) } else { Ok(folded) }
}

#[derive(Default)]
struct Form(String);

impl Form {
    fn item(&mut self, name: &str, text: &str) {
        self.0.push_str(&format!("{name} {}:{text}\n", text.len()));
    }

    fn document(&mut self, name: &str, document: Option<&Document>) {
        match document {
            None => self.item(name, ""),
            Some(Document::Text { text }) => self.item(&format!("{name}-text"), text),
            Some(Document::Attached { name: file, sha256 }) => {
                self.item(&format!("{name}-file"), file);
                self.item(&format!("{name}-sha256"), &hex::encode(sha256));
            }
        }
    }
}

impl Document {
    fn folded(self, what: &str) -> Result<Self, TermsError> {
        match self {
            Self::Text { text } => Ok(Self::Text { text: short(&text, what)? }),
            Self::Attached { name, sha256 } => {
                let name = short(&name, what)?;
                if name.is_empty() {
                    return Err(TermsError::NoName(what.to_owned()));
                }
                Ok(Self::Attached { name, sha256 })
            }
        }
    }
}

impl Amendment {
    fn folded(self, charge: u16) -> Result<Self, TermsError> {
        let what = format!("charge {charge}");
        let full = |text: &str| match short(text, &what) {
            Ok(text) if text.is_empty() => Err(TermsError::EmptyAmendment(charge)),
            folded => folded,
        };
        Ok(match self {
            Self::Delete { words } => Self::Delete { words: full(&words)? },
            Self::Insert { words, after } => Self::Insert { words: full(&words)?, after: short(&after, &what)? },
            Self::Substitute { words, with } => Self::Substitute { words: full(&words)?, with: full(&with)? },
        })
    }
}

impl Term {
    fn folded(self) -> Result<Self, TermsError> {
        let charge = self.charge;
        let what = format!("charge {charge}");
        let alternative = self
            .alternative
            .map(|one| Ok(Offence { text: short(&one.text, &what)?, statute: short(&one.statute, &what)? }))
            .transpose()?
            .filter(|one| !one.text.is_empty() || !one.statute.is_empty());
        match (self.plea, &alternative) {
            (Plea::GuiltyAlternative, None) => return Err(TermsError::NoAlternative(charge)),
            (Plea::GuiltyAlternative, Some(_)) | (_, None) => {}
            (plea, Some(_)) => return Err(TermsError::StrayAlternative(charge, plea.words())),
        }
        let amendments =
            self.amendments.into_iter().map(|one| one.folded(charge)).collect::<Result<Vec<_>, TermsError>>()?;
        match (self.plea, amendments.is_empty()) {
            (Plea::GuiltyAsAmended | Plea::Delete, true) => return Err(TermsError::NoAmendment(charge)),
            (Plea::GuiltyAsAmended | Plea::Delete, false) | (_, true) => {}
            (plea, false) => return Err(TermsError::StrayAmendment(charge, plea.words())),
        }
        let ancillary = self
            .ancillary
            .into_iter()
            .map(|one| Ok(Ancillary { kind: one.kind, words: short(&one.words, &what)? }))
            .collect::<Result<Vec<_>, TermsError>>()?;
        let basis = self.basis.map(|one| one.folded(&what)).transpose()?;
        let basis = basis.filter(|one| !matches!(one, Document::Text { text } if text.is_empty()));
        let conditions = short(&self.conditions, &what)?;
        Ok(Self { charge, plea: self.plea, alternative, amendments, basis, ancillary, conditions })
    }

    fn write(&self, form: &mut Form) {
        form.item("charge", &self.charge.to_string());
        form.item("plea", self.plea.name());
        if let Some(offence) = &self.alternative {
            form.item("alternative", &offence.text);
            form.item("statute", &offence.statute);
        }
        for amendment in &self.amendments {
            match amendment {
                Amendment::Delete { words } => form.item("delete", words),
                Amendment::Insert { words, after } => {
                    form.item("insert", words);
                    form.item("after", after);
                }
                Amendment::Substitute { words, with } => {
                    form.item("substitute", words);
                    form.item("with", with);
                }
            }
        }
        form.document("basis", self.basis.as_ref());
        for one in &self.ancillary {
            form.item(one.kind.name(), &one.words);
        }
        form.item("conditions", &self.conditions);
    }
}
