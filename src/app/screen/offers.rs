//! Templates to choose from, and what is still asked before one is filled.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::app::line::Line;
use crate::app::view::Offer;
use crate::mail::draft::Draft;
use crate::mail::id::CaseId;

/// Templates to choose from.
#[derive(Clone, Debug)]
pub struct Offers {
    /// The case that they are filled from.
    pub case: CaseId,
    /// What was typed.
    pub line: Line,
    /// All of them; nothing before they have come.
    pub rows: Arc<[Offer]>,
    /// Places of those that hold what was typed.
    pub found: Vec<usize>,
    /// The marked one.
    pub at: usize,
    /// They have come.
    pub loaded: bool,
}

impl Offers {
    /// A choice whose templates have been asked for.
    #[must_use]
    pub fn new(case: CaseId) -> Self {
        Self { case, line: Line::default(), rows: Arc::from([]), found: Vec::new(), at: 0, loaded: false }
    }

    /// Takes the templates.
    pub fn set(&mut self, rows: Arc<[Offer]>) {
        self.rows = rows;
        self.loaded = true;
        self.look();
    }

    /// Finds again, after something was typed.
    pub fn look(&mut self) {
        let typed = self.line.text().trim().to_lowercase();
        let holds = |offer: &Offer| {
            offer.title.as_str().to_lowercase().contains(&typed) || offer.template.name.to_lowercase().contains(&typed)
        };
        self.found = self.rows.iter().enumerate().filter(|(_, offer)| holds(offer)).map(|(at, _)| at).collect();
        self.at = 0;
    }

    /// Marks another.
    pub fn step(&mut self, by: isize) {
        self.at = self.at.saturating_add_signed(by).min(self.found.len().saturating_sub(1));
    }

    /// The marked one.
    #[must_use]
    pub fn chosen(&self) -> Option<&Offer> {
        self.rows.get(*self.found.get(self.at)?)
    }
}

/// A template on its way to being a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filling {
    /// The case.
    pub case: CaseId,
    /// The template with what is known so far.
    pub offer: Offer,
    /// What is still to be asked: field and words.
    pub missing: VecDeque<(&'static str, &'static str)>,
}

impl Filling {
    /// Begins to fill a template.
    #[must_use]
    pub fn new(case: CaseId, offer: Offer) -> Self {
        let missing = offer.template.missing(&offer.facts).into();
        Self { case, offer, missing }
    }

    /// What is asked next, in words.
    #[must_use]
    pub fn question(&self) -> Option<&'static str> {
        self.missing.front().map(|(_, words)| *words)
    }

    /// Takes the answer to what was asked; an empty one leaves the place open in the text.
    pub fn answer(&mut self, text: &str) {
        if let Some((field, _)) = self.missing.pop_front() {
            self.offer.facts = std::mem::take(&mut self.offer.facts).with(field, text);
        }
    }

    /// The draft that comes of it.
    #[must_use]
    pub fn draft(&self) -> Draft {
        let (subject, body) = self.offer.template.fill(&self.offer.facts);
        Draft { to: self.offer.to.clone(), subject, body, case: Some(self.case.clone()), ..Draft::default() }
    }
}
