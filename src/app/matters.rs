//! What the user does with cases: finding one.

use std::sync::Arc;

use super::effect::Effect;
use super::model::Model;
use super::popup::Popup;
use super::screen::Screen;
use super::screen::finder::Finder;
use super::view::{CaseRow, Tone};

impl Model {
    /// The cases as the lowest screen has them.
    fn case_rows(&self) -> Arc<[CaseRow]> {
        match self.screens.first() {
            Some(Screen::Cases(cases)) => Arc::clone(cases.list.all()),
            _ => Arc::from([]),
        }
    }

    /// Asks for a case to look into.
    pub(super) fn find_case(&mut self, out: &mut Vec<Effect>) {
        if matches!(self.popups.last(), Some(Popup::Finder(_))) {
            return;
        }
        self.popups.push(Popup::Finder(Finder::new(self.case_rows())));
        // The list may be behind while another screen is looked at.
        out.push(Effect::ListCases);
    }

    /// The marked case was chosen.
    pub(super) fn found_case(&mut self, out: &mut Vec<Effect>) {
        let Some(Popup::Finder(finder)) = self.popups.last() else { return };
        let Some(row) = finder.chosen().cloned() else {
            self.say(Tone::Warning, "No case has such a name, number or party.");
            return;
        };
        self.popups.pop();
        self.go_home(out);
        self.open_threads(row.scope, row.title, out);
    }
}
