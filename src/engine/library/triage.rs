//! What a person is to decide about: messages in no case, and those that casemail does not dare to file; with what may be right.
//!
//! A suggestion is sure where a number stands behind it, or where the name of an accused in the subject and the sender say the same, or where
//! the sender has a part in one case only. A name alone is a suggestion and never sure: two clients may have it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use super::Library;
use super::entry::{Entry, mark};
use crate::app::case_view::{Suggestion, TriageRow};
use crate::case::Filed;
use crate::mail::id::{CaseId, MessageRef, ThreadId};
use crate::mail::safe::SafeText;
use crate::store::mailbox::SpecialUse;

/// Suggestions of one row.
const SUGGESTIONS_MAX: usize = 4;
/// The shortest name that is looked for in subjects; one of fewer than [`NAME_SURE`] letters only where it stands there in capitals.
const NAME_MIN: usize = 3;
/// A name of so many letters is hardly another word; a shorter one never makes a suggestion sure.
const NAME_SURE: usize = 4;

/// What stands in titles behind the "v" and names nobody: words between names, other people who are not named, bodies, what a case is about.
const NO_NAMES: &[&str] = &[
    "ADVOCATE", "AKA", "ALIAS", "AND", "ANOR", "ANORS", "ANOTHER", "ANR", "APPEAL", "BAIL", "CASE", "COURT", "CPS",
    "CROWN", "DPP", "FCA", "FOR", "HMA", "HMCTS", "HMRC", "HSE", "IDPC", "LIMITED", "LLP", "LTD", "NCA", "NUMBER",
    "ONE", "ORS", "OTHER", "OTHERS", "PLC", "PTPH", "REF", "REGINA", "REX", "SFO", "THE", "THREE", "TRIAL", "TWO",
    "URGENT", "URN",
];

/// Guesses, each with its score beside those of [`crate::case::Reason`]: they only suggest.
const NAME_AND_SENDER: (&str, u8) = ("name and sender fit", 60);
const SENDER: (&str, u8) = ("the sender has a part in no other case", 50);
const NAME: (&str, u8) = ("the name in the subject, nothing else", 20);

/// What people and names lead to.
struct Hints {
    /// Cases in which an address has a part, by its canonical form.
    people: HashMap<String, BTreeSet<CaseId>>,
    /// Cases by names of their titles, upper-cased.
    names: HashMap<String, BTreeSet<CaseId>>,
}

impl Library {
    /// The rows of the triage list: those in doubt first, then those with a suggestion, each the newest first.
    pub(crate) fn triage_rows(&mut self) -> Vec<TriageRow> {
        self.freshen();
        self.make_titles();
        let hints = self.hints();
        let mut rows: Vec<TriageRow> = Vec::new();
        for &thread in &self.threads.order {
            let Some(brief) = self.threads.table.get(thread).filter(|brief| brief.messages > 0) else { continue };
            let is_filed = self.case_lists.get(brief.cases as usize).is_some_and(|cases| !cases.is_empty());
            if is_filed && !self.is_mixed(thread) {
                continue;
            }
            self.triage_of(thread, brief.id, &hints, &mut rows);
        }
        // Rows alike stand together. Within each kind, and among those alike, the newest is first: so they come here.
        let mut first: HashMap<(SafeText, Vec<CaseId>, SafeText, bool), usize> = HashMap::new();
        let mut groups: Vec<usize> = Vec::with_capacity(rows.len());
        for (at, row) in rows.iter().enumerate() {
            let cases: Vec<CaseId> = row.suggestions.iter().map(|one| one.case.clone()).collect();
            let of_sender = cases.is_empty() && !row.is_none() || !row.doubt.is_empty();
            let sender = if of_sender { row.address.clone() } else { SafeText::default() };
            groups.push(*first.entry((row.doubt.clone(), cases, sender, row.is_none())).or_insert(at));
        }
        let mut order: Vec<(usize, TriageRow)> = groups.into_iter().zip(rows).collect();
        order.sort_by_key(|(group, row)| (row.doubt.is_empty(), row.suggestions.is_empty(), !row.is_none(), *group));
        order.into_iter().map(|(_, row)| row).collect()
    }

    /// The rows of one thread: what was never filed is one row, every message in doubt is one of its own.
    fn triage_of(&self, thread: u32, id: ThreadId, hints: &Hints, rows: &mut Vec<TriageRow>) {
        let mut plain: Vec<&Entry> = Vec::new();
        for entry in self.places(thread).filter_map(|(_, entry)| entry).filter(|entry| self.is_shown(entry)) {
            if self.role_shown(entry.key) == Some(SpecialUse::Drafts) {
                continue;
            }
            let Some(filing) = self.filings.get(entry.filing).filter(|filing| filing.cases.is_empty()) else {
                continue;
            };
            match filing.flag {
                _ if filing.settled => {}
                Some(flag) => {
                    let suggestions = filing.suggestions.iter().map(|filed| self.suggestion(filed, true)).collect();
                    rows.extend(self.triage_row(id, &[entry], suggestions, flag.words(), ""));
                }
                None => plain.push(entry),
            }
        }
        plain.sort_by_key(|entry| std::cmp::Reverse(entry.received));
        let suggestions = self.guesses(&plain, hints);
        // A list that writes in a case, or that somebody of a case writes to, is looked at.
        let is_bulk =
            suggestions.is_empty() && plain.iter().all(|entry| entry.is(mark::BULK) && !self.is_known(entry, hints));
        let no_case = if is_bulk { "sent to a list or by a machine, by nobody of a case" } else { "" };
        rows.extend(self.triage_row(id, &plain, suggestions, "", no_case));
    }

    fn triage_row(
        &self,
        thread: ThreadId,
        entries: &[&Entry],
        suggestions: Vec<Suggestion>,
        doubt: &str,
        no_case: &str,
    ) -> Option<TriageRow> {
        let newest = *entries.first()?;
        let messages: Vec<MessageRef> = entries.iter().filter_map(|entry| self.name(entry.key)).collect();
        let address = self.lists.at(newest.lists).people.first().map(|number| self.texts.value(*number));
        (!messages.is_empty()).then(|| TriageRow {
            thread,
            messages,
            from: self.author(newest),
            address: SafeText::line(address.unwrap_or_default()),
            subject: self.text_at(newest),
            received: Timestamp::from_second(newest.received).unwrap_or_default(),
            suggestions,
            doubt: SafeText::line(doubt),
            no_case: SafeText::line(no_case),
        })
    }

    fn suggestion(&self, filed: &Filed, is_sure: bool) -> Suggestion {
        let (because, score) = (SafeText::line(&filed.because.to_string()), filed.because.score());
        Suggestion { title: self.case_words(&filed.case).0, case: filed.case.clone(), because, score, is_sure }
    }

    /// Whether its author has a part in some case.
    fn is_known(&self, entry: &Entry, hints: &Hints) -> bool {
        let author = self.lists.at(entry.lists).people.first();
        author.is_some_and(|number| hints.people.contains_key(&self.book.canonical(self.texts.value(*number))))
    }

    /// Who has a part in which case: the parties that are written down, and whoever wrote or received what is filed to one case.
    fn hints(&self) -> Hints {
        let mut people: HashMap<String, BTreeSet<CaseId>> = HashMap::new();
        let mut names: HashMap<String, BTreeSet<CaseId>> = HashMap::new();
        let mut by_number: HashMap<u32, BTreeSet<u32>> = HashMap::new();
        for entry in self.all() {
            let list = self.filings.cases(entry.filing);
            if list != 0 {
                for number in self.lists.at(entry.lists).people {
                    by_number.entry(*number).or_default().insert(list);
                }
            }
        }
        for (number, lists) in by_number {
            let known = self.book.canonical(self.texts.value(number));
            if self.book.owns(&known) {
                continue;
            }
            let cases =
                lists.iter().filter_map(|list| self.case_lists.get(*list as usize)).flat_map(|list| list.iter());
            people.entry(known).or_default().extend(cases.cloned());
        }
        for (address, case) in self.book.people() {
            people.entry(address.clone()).or_default().insert(case.clone());
        }
        let cases: BTreeSet<&CaseId> = self
            .case_lists
            .iter()
            .flat_map(|list| list.iter())
            .chain(self.book.cases().iter().map(|case| &case.id))
            .collect();
        for case in cases {
            for name in surnames(self.case_words(case).0.as_str()) {
                names.entry(name).or_default().insert(case.clone());
            }
            let record = self.book.configured(case).and_then(|case| case.record.as_deref());
            for accused in record.iter().flat_map(|record| &record.accused) {
                let surname = accused.surname();
                let name = surname.split_whitespace().last().unwrap_or_default().to_owned();
                if name.chars().count() >= NAME_MIN {
                    names.entry(name).or_default().insert(case.clone());
                }
            }
        }
        Hints { people, names }
    }

    /// What senders, recipients and subjects of messages without a number speak for.
    fn guesses(&self, entries: &[&Entry], hints: &Hints) -> Vec<Suggestion> {
        // Whether a name that is long enough to be one stood there.
        let mut by_name: BTreeMap<&CaseId, bool> = BTreeMap::new();
        let mut by_person: BTreeSet<&CaseId> = BTreeSet::new();
        for entry in entries {
            let subject = self.texts.value(entry.subject);
            for word in name_words(subject) {
                let short = word.chars().count() < NAME_SURE;
                if short && word.chars().any(char::is_lowercase) {
                    continue;
                }
                for case in hints.names.get(&word.to_uppercase()).into_iter().flatten() {
                    *by_name.entry(case).or_default() |= !short;
                }
            }
            for number in self.lists.at(entry.lists).people {
                by_person
                    .extend(hints.people.get(&self.book.canonical(self.texts.value(*number))).into_iter().flatten());
            }
        }
        let both: Vec<(&CaseId, bool)> =
            by_name.iter().filter(|(case, _)| by_person.contains(*case)).map(|(case, long)| (*case, *long)).collect();
        let suggest = |case: &CaseId, (because, score): (&'static str, u8), is_sure: bool| Suggestion {
            case: case.clone(),
            title: self.case_words(case).0,
            because: SafeText::from(because),
            score,
            is_sure,
        };
        let mut found: Vec<Suggestion> = match (both.as_slice(), by_person.len()) {
            ([_, ..], _) => {
                let alone = both.len() == 1;
                both.iter().map(|(case, long)| suggest(case, NAME_AND_SENDER, alone && *long)).collect()
            }
            ([], 1) if by_name.is_empty() => by_person.iter().map(|case| suggest(case, SENDER, true)).collect(),
            _ => by_name.keys().map(|case| suggest(case, NAME, false)).collect(),
        };
        found.truncate(SUGGESTIONS_MAX);
        found
    }
}

/// Words of which a name may be one.
fn name_words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '\u{2019}' && c != '-')
}

/// The names of a title: what stands in capitals behind the "v"; where nothing does, the last word of each that is named there.
fn surnames(title: &str) -> Vec<String> {
    let Some((_, accused)) = title.split_once(" v ").or_else(|| title.split_once(" v. ")) else { return Vec::new() };
    let is_name = |word: &&str| {
        word.chars().count() >= NAME_MIN
            && word.chars().any(char::is_alphabetic)
            && !NO_NAMES.contains(&word.to_uppercase().as_str())
    };
    let capitals: Vec<String> = name_words(accused)
        .filter(is_name)
        .filter(|word| !word.chars().any(char::is_lowercase))
        .map(str::to_uppercase)
        .collect();
    if !capitals.is_empty() {
        return capitals;
    }
    let plain = accused.split_once('(').map_or(accused, |(plain, _)| plain).replace(" and ", ",").replace(" AND ", ",");
    let last = |person: &str| name_words(person).filter(is_name).last().map(str::to_uppercase);
    plain.split([',', '&', ';']).filter_map(last).collect()
}

#[cfg(test)]
mod tests {
    use super::surnames;

    #[test]
    fn the_names_of_a_title() {
        let check = |title: &str, expected: &[&str]| assert_eq!(surnames(title), expected, "{title}");
        check("R v FERRET", &["FERRET"]);
        check("HMA v Gideon GANNET and Fenella STOAT", &["GANNET", "STOAT"]);
        check("R v Fox", &["FOX"]);
        check("R v. Barnaby Ferret", &["FERRET"]);
        check("R v Barnaby Ferret & Silas Weasel and others", &["FERRET", "WEASEL"]);
        check("R v Ferret (appeal)", &["FERRET"]);
        check("R v O\u{2019}MALLARD-TEAL", &["O\u{2019}MALLARD-TEAL"]);
        check("Greenhouse matter", &[]);
        check("R v FERRET AND STOAT", &["FERRET", "STOAT"]);
        check("R v FOX AND ANOTHER", &["FOX"]);
        check("R v FERRET & ORS", &["FERRET"]);
        check("R v THE OTHERS", &[]);
        check("FERRET v CPS", &[]);
        check("FERRET v DPP (URGENT)", &[]);
        check("R v Barnaby Ferret AND Silas Weasel", &["FERRET", "WEASEL"]);
        check("R v ", &[]);
    }
}
