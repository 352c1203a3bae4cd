//! A document that is looked into: our lines about it, then its text or picture.

use std::sync::Arc;

use crate::app::document_view::{Look, Offered};
use crate::app::view::Tone;
use crate::app::wrap::Wrapped;
use crate::case::document::Document;
use crate::mail::id::CaseId;
use crate::mail::safe::SafeText;

/// The screen.
#[derive(Debug)]
pub struct LookScreen {
    /// Which document.
    pub document: Document,
    /// The case that it is looked at in.
    pub case: Option<CaseId>,
    /// What was found; `None` until it has come.
    pub look: Option<Arc<Look>>,
    /// Its text.
    pub body: Wrapped,
    size: (usize, usize),
}

impl LookScreen {
    /// A document that has been asked for.
    #[must_use]
    pub fn new(document: Document, case: Option<CaseId>) -> Self {
        let body = Wrapped::new(Arc::from([]), 1, 1);
        Self { document, case, look: None, body, size: (1, 1) }
    }

    /// Rows that our lines take.
    #[must_use]
    pub fn head(&self) -> usize {
        self.look.as_ref().map_or(0, |look| look.said.len().min(6)) + 1
    }

    /// Takes a size.
    pub fn arrange(&mut self, width: usize, height: usize) {
        self.size = (width, height);
        let rows = height.saturating_sub(self.head()).max(1);
        self.body.resize(width, rows);
    }

    /// Takes what was found.
    pub fn take(&mut self, look: Arc<Look>) {
        self.body = Wrapped::new(look.lines.clone(), self.size.0, self.size.1);
        self.look = Some(look);
        self.arrange(self.size.0, self.size.1);
    }

    /// A hearing that it offers for the case.
    #[must_use]
    pub fn offered(&self) -> Option<&Offered> {
        self.look.as_ref()?.offered.as_ref()
    }

    /// The loudest of our lines.
    #[must_use]
    pub fn tone(&self) -> Tone {
        let said = self.look.iter().flat_map(|look| &look.said);
        said.map(|one| one.tone).find(|tone| *tone == Tone::Alarm).unwrap_or(Tone::Plain)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> SafeText {
        SafeText::line(&self.document.name)
    }
}
