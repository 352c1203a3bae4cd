//! What the guard is asked with: the facts of a draft, gathered from the index and the case book. The rules are [`crate::case::guard`]'s.
//!
//! Gathered on the core's thread, where the index is; asked wherever the draft is prepared. Every piece of evidence counts for a case,
//! also the weakest: it costs a question at most, where a missed one costs a client.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::core::{Core, EngineError, Open};
use super::library::Library;
use super::library::filing::Book;
use super::register::Hand;
use crate::case::document::Kinds;
use crate::case::guard::{self, Enclosed, Finding, History, Matter, Policy, Recipient, Sending};
use crate::case::{Case, Classes, Filed, Role};
use crate::mail::address::Address;
use crate::mail::draft::Draft;
use crate::mail::id::CaseId;
use crate::mail::subject;
use crate::register::event::Event;
use crate::store::state::{StateError, Write};

/// A case of a draft, by whatever evidence there is.
#[derive(Clone, Debug)]
struct Evidence {
    id: CaseId,
    name: String,
    record: Option<Arc<Case>>,
    because: String,
}

/// Everything that the guard needs beside the draft.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    own: Vec<String>,
    cases: Vec<Evidence>,
    privileged: Option<String>,
    unreadable: Option<String>,
    history: History,
    policy: Policy,
    kinds: Kinds,
    /// What stands against it as a message of a plea negotiation.
    pleas: Vec<Finding>,
    /// It is one, and the user does not hold the case: no reason of theirs leads past a block on a co-accused's side.
    held_by_another: bool,
}

/// What is known of cases: the case book of the register, where there is one.
pub(crate) trait Records {
    /// The record of a case, by its id or by one of its identifiers.
    fn record(&self, id: &CaseId) -> Option<Arc<Case>>;
    /// Why the book cannot be read.
    fn trouble(&self) -> Option<String>;
}

impl Facts {
    /// Gathers the facts about a draft.
    pub(crate) fn gather(
        draft: &Draft,
        own: Vec<String>,
        library: &Library,
        book: &Book,
        records: &dyn Records,
        classes: &Classes,
        policy: Policy,
    ) -> Self {
        let mut found: Vec<(CaseId, String)> = Vec::new();
        let mut add = |id: CaseId, because: String| {
            if !found.iter().any(|(known, _)| *known == id) {
                found.push((id, because));
            }
        };
        if let Some(case) = &draft.case {
            add(case.clone(), "begun from it".to_owned());
        }
        let answered: Vec<_> = draft
            .answers
            .iter()
            .filter_map(|name| library.key(name))
            .chain(
                draft
                    .in_reply_to
                    .iter()
                    .chain(draft.references.iter().rev())
                    .flat_map(|id| library.with_message_id(id)),
            )
            .collect();
        for key in &answered {
            for (case, _) in library.cases_of(*key) {
                add(case, "it answers a message of it".to_owned());
            }
        }
        for Filed { case, because } in book.named(
            &subject::clean(&draft.subject),
            &draft.body,
            &draft.attachments.iter().map(|file| file.name.clone()).collect::<Vec<_>>(),
        ) {
            add(case, because.to_string());
        }
        let mut cases: Vec<Evidence> = Vec::new();
        for (id, because) in found {
            let record = records.record(&id);
            let id = record.as_ref().map_or(id, |record| record.id.clone());
            if cases.iter().any(|known| known.id == id) {
                continue;
            }
            let configured = book.configured(&id).map(|case| case.title.clone()).filter(|title| !title.is_empty());
            let title = record.as_ref().map(|record| record.title.clone()).filter(|title| !title.is_empty());
            let name = title.or(configured).unwrap_or_else(|| id.0.clone());
            cases.push(Evidence { id, name, record, because });
        }
        only_one_of_several_numbers(&mut cases, book);
        let privileged = privilege(&cases, &answered, library, classes);
        let wanted: BTreeSet<CaseId> = cases.iter().flat_map(ids).collect();
        let mut history = library.history(&wanted, classes);
        same_case(&mut history, &cases);
        let unreadable = records.trouble();
        let kinds = Kinds::default();
        Self { own, cases, privileged, unreadable, history, policy, kinds, pleas: Vec::new(), held_by_another: false }
    }

    /// With the rules of the configuration for what a file is.
    pub(crate) fn with_kinds(mut self, kinds: Kinds) -> Self {
        self.kinds = kinds;
        self
    }

    /// Asks the guard. `sealed`: those who have it encrypted to a key of their own.
    pub(crate) fn check(&self, draft: &Draft, sealed: &[String], classes: &Classes) -> Vec<Finding> {
        let visible = draft.to.iter().chain(&draft.cc).map(|one| (one, true));
        let recipients = visible
            .chain(draft.bcc.iter().map(|one| (one, false)))
            .map(|(one, visible)| Recipient { address: &one.addr, visible, sealed: sealed.contains(&one.addr) })
            .collect();
        let matters = self
            .cases
            .iter()
            .map(|case| Matter {
                id: case.id.clone(),
                name: case.name.clone(),
                record: case.record.as_deref(),
                because: case.because.clone(),
            })
            .collect();
        let enclosed = draft
            .attachments
            .iter()
            .filter_map(|file| {
                let material = self.kinds.material(&file.name)?;
                Some(Enclosed { name: file.name.clone(), material })
            })
            .collect();
        let sending = Sending {
            own: self.own.clone(),
            recipients,
            subject: &draft.subject,
            matters,
            enclosed,
            privileged: self.privileged.clone(),
            unreadable: self.unreadable.clone(),
        };
        let mut findings = guard::check(&sending, &self.history, classes, &self.policy);
        let same = |one: &Finding, other: &Finding| one.code == other.code && one.recipient == other.recipient;
        let fresh: Vec<Finding> =
            self.pleas.iter().filter(|new| !findings.iter().any(|known| same(known, new))).cloned().collect();
        findings.extend(fresh);
        if self.held_by_another {
            for finding in findings.iter_mut().filter(|finding| finding.code == "co-accused") {
                finding.may_override = false;
                "Only the holder of the case may send it all the same.".clone_into(&mut finding.cure);
            }
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        findings
    }

    /// The cases that it belongs to.
    pub(crate) fn cases(&self) -> Vec<CaseId> {
        self.cases.iter().map(|case| case.id.clone()).collect()
    }

    /// The case that the message is kept under: the first of them.
    pub(crate) fn case(&self) -> Option<CaseId> {
        self.cases.first().map(|case| case.id.clone())
    }
}

/// The names under which messages of a case are filed: its own, and its numbers.
fn ids(case: &Evidence) -> Vec<CaseId> {
    let numbers = case.record.iter().flat_map(|record| &record.identifiers).map(|one| CaseId(one.value.clone()));
    std::iter::once(case.id.clone()).chain(numbers).collect()
}

/// Whoever was written to under a number of a case was written to in the case.
fn same_case(history: &mut History, cases: &[Evidence]) {
    for case in cases {
        let names = ids(case);
        for known in history.0.values_mut().filter(|known| names.iter().any(|name| known.cases.contains(name))) {
            known.cases.insert(case.id.clone());
        }
    }
}

/// One case has several numbers: a URN and a Crown Court number beside each other, of which nobody has recorded that they are two cases,
/// are taken for one. Two URNs are two cases.
fn only_one_of_several_numbers(cases: &mut Vec<Evidence>, book: &Book) {
    let kind = |case: &Evidence| book.patterns().read(&case.id.0).kind;
    let mut kept: Vec<Evidence> = Vec::new();
    for case in cases.drain(..) {
        let is_recorded = |case: &Evidence| case.record.is_some() || book.configured(&case.id).is_some();
        let covered = !is_recorded(&case)
            && kept.iter().any(|other| match &other.record {
                Some(record) => record.identifier(&kind(&case)).is_none(),
                None => !is_recorded(other) && kind(other) != kind(&case),
            });
        if !covered {
            kept.push(case);
        }
    }
    *cases = kept;
}

/// Whether what is answered or passed on is between a client and their lawyer.
fn privilege(
    cases: &[Evidence],
    answered: &[crate::mail::id::MessageKey],
    library: &Library,
    classes: &Classes,
) -> Option<String> {
    for key in answered {
        let people = library.people_of(*key);
        for case in cases.iter().filter_map(|case| case.record.as_deref()) {
            let client = people
                .iter()
                .find(|address| case.party(address, classes).is_some_and(|party| party.role == Role::Accused));
            let others = people.iter().any(|address| {
                case.party(address, classes).is_some_and(|party| party.role.side() != crate::case::Side::Defence)
            });
            if let Some(client) = client.filter(|_| !others) {
                return Some(format!("it answers or passes on a message with {client}"));
            }
        }
    }
    None
}

/// Addresses that complete what was typed: the parties of the case first, then those who were written to in it, then everybody else. A
/// person is offered once, by the address that the case knows.
fn rank(known: Vec<Address>, record: Option<&Case>, in_case: &History, typed: &str, classes: &Classes) -> Vec<Address> {
    let typed = typed.trim().to_lowercase();
    let fits = |text: &str| {
        let text = text.to_lowercase();
        text.starts_with(&typed) || text.split_whitespace().any(|word| word.starts_with(&typed))
    };
    let parties = record.into_iter().flat_map(|case| &case.parties).filter_map(|party| {
        let addr = party.addresses.iter().find(|address| fits(address));
        let addr =
            addr.or_else(|| party.addresses.first().filter(|_| fits(&party.name) || fits(&party.organisation)))?;
        Some(Address { name: party.name.clone(), addr: addr.clone() })
    });
    let is_in_case = |address: &Address| {
        in_case.0.get(&classes.canonical(&address.addr)).is_some_and(|known| !known.cases.is_empty())
    };
    let (of_case, others): (Vec<Address>, Vec<Address>) = known.into_iter().partition(is_in_case);
    let mut seen = BTreeSet::new();
    parties.chain(of_case).chain(others).filter(|address| seen.insert(classes.canonical(&address.addr))).collect()
}

/// The case book of the register, or why it cannot be read.
pub(crate) struct CaseBook(Result<Arc<crate::register::book::Book>, String>);

impl Records for CaseBook {
    fn record(&self, id: &CaseId) -> Option<Arc<Case>> {
        let book = self.0.as_ref().ok()?;
        let by_number = || book.cases().find(|case| case.identifiers.iter().any(|one| one.value == id.0));
        book.case(id).or_else(by_number).cloned().map(Arc::new)
    }

    fn trouble(&self) -> Option<String> {
        self.0.as_ref().err().cloned()
    }
}

impl Core {
    /// What is recorded of cases.
    #[expect(clippy::unused_self, reason = "whoever asks holds the core")]
    pub(crate) fn records(&self, open: &Open) -> CaseBook {
        CaseBook(open.register.with(|loaded| loaded.book()).map_err(|error| error.to_string()))
    }

    /// Writes events into the register.
    pub(crate) fn note(&self, open: &Open, events: &[Event]) -> Result<(), EngineError> {
        let keyring = open.keyring.now();
        let hand = Hand { stores: &open.stores, settings: &self.settings, keyring: &keyring };
        open.register.append(&hand, events)
    }

    /// The same, together with something else that is written: both are on the disk, or neither.
    pub(crate) fn note_with(
        &self,
        open: &Open,
        events: &[Event],
        also: impl FnOnce(&Write<'_>) -> Result<(), StateError>,
    ) -> Result<(), EngineError> {
        let keyring = open.keyring.now();
        let hand = Hand { stores: &open.stores, settings: &self.settings, keyring: &keyring };
        open.register.append_with(&hand, events, also)
    }

    /// Addresses that complete what was typed, best first.
    pub(crate) fn complete(&self, open: &Open, typed: &str, case: Option<&CaseId>, most: usize) -> Vec<Address> {
        let known = open.library.complete(typed, most.saturating_mul(4));
        let Some(case) = case else { return known.into_iter().take(most).collect() };
        if typed.trim().is_empty() {
            return Vec::new();
        }
        let record = self.records(open).record(case);
        let numbers = record.iter().flat_map(|record| &record.identifiers).map(|one| CaseId(one.value.clone()));
        let wanted: BTreeSet<CaseId> = std::iter::once(case.clone()).chain(numbers).collect();
        let history = open.library.history(&wanted, &self.settings.classes);
        let mut ranked = rank(known, record.as_deref(), &history, typed, &self.settings.classes);
        ranked.truncate(most);
        ranked
    }

    /// The facts about a draft, as things stand.
    pub(crate) fn facts(&self, open: &mut Open, draft: &Draft) -> Facts {
        // What came in just now may be what is answered.
        open.library.rebuild();
        let config = &self.settings.config;
        let name = Some(draft.account.as_str()).filter(|name| !name.is_empty());
        let account = config.account(name);
        let own = account.iter().flat_map(|account| std::iter::once(&account.address).chain(&account.also));
        let own =
            own.map(|address| address.addr.clone()).chain([draft.from.addr.clone()]).filter(|one| !one.is_empty());
        let facts = Facts::gather(
            draft,
            own.collect(),
            &open.library,
            &self.settings.book,
            &self.records(open),
            &self.settings.classes,
            config.policy,
        )
        .with_kinds(config.documents.clone());
        let held_by_another = self.is_of_a_plea(open, draft) && !self.holds_the_case(open, draft);
        Facts { pleas: self.plea_findings(open, draft), held_by_another, ..facts }
    }
}

#[cfg(test)]
mod tests {
    use super::{History, rank};
    use crate::case::guard::Known;
    use crate::case::{Case, Classes, Jurisdiction, Party, Role};
    use crate::mail::address::Address;
    use crate::mail::id::CaseId;

    #[test]
    fn the_people_of_the_case_come_first_and_once() {
        let address = |addr: &str| Address { name: String::new(), addr: addr.into() };
        let known =
            ["p.plover@mailbox.example", "p.windlestraw@cps.gov.example", "p.vellum@foxglove.example"].map(address);
        let mut case = Case::new(CaseId("FERRET".into()), "R v FERRET", Jurisdiction::EnglandWales);
        case.parties.push(Party {
            name: "Pip Vellum".into(),
            role: Role::Counsel,
            addresses: vec!["p.vellum@foxglove.example.cjsm.net".into()],
            ..Party::default()
        });
        let of_case = Known { written: 1, cases: [case.id.clone()].into(), by_cjsm: false };
        let history = History([("p.windlestraw@cps.gov.example".to_owned(), of_case)].into());
        let ranked = rank(known.to_vec(), Some(&case), &history, "p.", &Classes::default());
        let addrs: Vec<&str> = ranked.iter().map(|one| one.addr.as_str()).collect();
        assert_eq!(
            addrs,
            ["p.vellum@foxglove.example.cjsm.net", "p.windlestraw@cps.gov.example", "p.plover@mailbox.example"]
        );
        // By name, too.
        assert_eq!(rank(Vec::new(), Some(&case), &history, "vell", &Classes::default()).len(), 1);
    }
}
