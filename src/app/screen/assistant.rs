//! “Why can't I encrypt to …?”: each recipient of a message, why no key can be used, and what can be done about it by one key press.

use super::Freshness;
use crate::app::list::{List, Row};
use crate::app::view::AssistRow;
use crate::mail::safe::SafeText;

impl Row for AssistRow {
    type Id = String;

    fn id(&self) -> String {
        self.raw.clone()
    }

    fn texts(&self) -> impl Iterator<Item = &SafeText> {
        [&self.address, &self.why.text].into_iter()
    }
}

/// The assistant.
#[derive(Debug)]
pub struct Assistant {
    /// Whom it is about.
    pub addresses: Vec<String>,
    /// Each of them, those without a key first.
    pub list: List<AssistRow>,
    /// Whether it is up to date.
    pub fresh: Freshness,
}

impl Assistant {
    /// About these addresses.
    #[must_use]
    pub fn new(addresses: Vec<String>) -> Self {
        Self { addresses, list: List::default(), fresh: Freshness::default() }
    }
}
