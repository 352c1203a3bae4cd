//! When a message counts as served, and whether initial details came in time: gathered here, computed by [`crate::case::service`].

use jiff::Timestamp;

use super::announce::sentence;
use super::core::{Core, Open};
use super::guard::Records;
use crate::app::view::{Sentence, Tone};
use crate::case::{Calendar, Case, HearingKind, Jurisdiction, Kind, Style, service};
use crate::mail::id::{CaseId, MessageKey};

/// Words by which initial details are called.
const INITIAL_DETAILS: &[&str] = &["idpc", "initial details"];

impl Core {
    /// The clocks of a message, in words. Only for what may be a document, and only where the law of its case has such a clock.
    pub(crate) fn clocks(&self, open: &Open, key: MessageKey) -> Vec<Sentence> {
        let Some((sent, subject, has_files)) = open.library.served(key) else { return Vec::new() };
        let Some((case, _)) = open.library.cases_of(key).into_iter().next() else { return Vec::new() };
        let is_details = is_details(subject);
        if !has_files && !is_details {
            return Vec::new();
        }
        let record = self.records(open).record(&case);
        let Some(law) = self.law_of_case(open, &case) else { return Vec::new() };
        let calendar = &self.settings.config.calendar;
        let hearing = record.as_deref().and_then(|record| first_hearing(record, sent)).filter(|_| is_details);
        if let Some(hearing) = hearing
            && let Ok(Some(panel)) = service::initial_details(sent, hearing, law, calendar)
        {
            let tone = |good| if good { Tone::Plain } else { Tone::Warning };
            return panel
                .lines()
                .into_iter()
                .map(|(good, words)| sentence(tone(good), &format!("Service: {words}.")))
                .collect();
        }
        let deemed = service::deemed(sent, law, calendar).ok().flatten();
        deemed.map(|deemed| sentence(Tone::Plain, &format!("Service: {}.", deemed.words()))).into_iter().collect()
    }

    /// Whose law a case is under: as it is recorded, else by what is known of it.
    pub(super) fn law_of_case(&self, open: &Open, case: &CaseId) -> Option<Jurisdiction> {
        let record = self.records(open).record(case);
        record.map_or_else(|| self.law_of(open, case), |record| Some(record.jurisdiction))
    }

    /// Whose law a case is under, by its number or by the style of its title.
    pub(super) fn law_of(&self, open: &Open, case: &CaseId) -> Option<Jurisdiction> {
        let (title, identifiers) = open.library.case_words(case);
        let by_number = identifiers.iter().find_map(|identifier| match identifier.kind {
            Kind::Urn | Kind::CrownCourt | Kind::Asn => Some(Jurisdiction::EnglandWales),
            Kind::PfReference | Kind::HighCourtAppeal | Kind::Scro => Some(Jurisdiction::Scotland),
            _ => None,
        });
        by_number.or_else(|| Style::of(title.as_str()).map(Style::jurisdiction))
    }
}

/// Whether a subject says that initial details are in it, and not that they are asked for.
fn is_details(subject: &str) -> bool {
    let subject = subject.to_lowercase();
    INITIAL_DETAILS.iter().any(|words| subject.contains(words)) && !subject.contains("request")
}

/// When a message counts as served, for the register: empty where it carries no document, or no rule says.
pub(super) fn deemed_words(
    sent: Timestamp,
    subject: &str,
    has_files: bool,
    law: Option<Jurisdiction>,
    calendar: &Calendar,
) -> String {
    let Some(law) = law.filter(|_| has_files || is_details(subject)) else { return String::new() };
    service::deemed(sent, law, calendar).ok().flatten().map(|deemed| deemed.words()).unwrap_or_default()
}

/// The first hearing of a case, or the next one after something was sent.
fn first_hearing(case: &Case, sent: Timestamp) -> Option<crate::case::HearingTime> {
    let first =
        case.hearings.iter().filter(|hearing| hearing.kind == HearingKind::First).map(|hearing| hearing.at).min();
    first.or_else(|| case.next_hearing(sent).map(|hearing| hearing.at))
}
