//! A negotiation: where it stands, each act with what it changed, mail that is no act yet, and what may be done now.

use std::sync::Arc;

use jiff::Timestamp;

use super::Freshness;
use crate::app::list::{List, Row};
use crate::app::plea_view::NegotiationView;
use crate::app::view::Tone;
use crate::mail::id::{CaseId, MessageRef};
use crate::mail::safe::SafeText;
use crate::plea::act::Deed;
use crate::plea::board::span_words;
use crate::plea::table::moment;
use crate::plea::{ActNo, Entry, Heard, Kind, NegotiationId, Side, State, Terms, Trust, diff};

/// A section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Where it stands.
    Stands,
    /// What a person should know.
    Look,
    /// Acts, and what was entered here, in order.
    Acts,
    /// Mail of the other side without an act.
    Mail,
    /// What may be done now.
    May,
    /// What may not.
    Not,
    /// What is known about credit.
    Credit,
    /// What the mark at its head means.
    Mark,
}

impl Section {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stands => "Stands",
            Self::Look => "Look",
            Self::Acts => "Acts",
            Self::Mail => "Mail",
            Self::May => "Now",
            Self::Not => "Not now",
            Self::Credit => "Credit",
            Self::Mark => "Mark",
        }
    }
}

/// What a row is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A fact about where it stands; by its order.
    Stands(usize),
    /// Something to look at; by its order.
    Look(usize),
    /// An act, by its number and its place.
    Act(ActNo, usize),
    /// A line below an act; by the act's number, its place and its own.
    Below(ActNo, usize, usize),
    /// How the message of an act stands in the outbox: its number, its place.
    Transit(ActNo, usize),
    /// An entry of this place; by its order.
    Here(usize),
    /// A message without an act.
    Mail(MessageRef),
    /// Something that may be done, or not.
    Kind(Kind),
    /// A line about credit; by its order.
    Credit(usize),
    /// What the mark means.
    Mark,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PleaLine {
    /// What it is about.
    pub place: Place,
    /// Its section.
    pub section: Section,
    /// The fact.
    pub text: SafeText,
    /// What stands at the right of it.
    pub note: SafeText,
    /// How loud.
    pub tone: Tone,
}

impl Row for PleaLine {
    type Id = Place;

    fn id(&self) -> Place {
        self.place.clone()
    }

    fn texts(&self) -> impl Iterator<Item = &SafeText> {
        [&self.text, &self.note].into_iter()
    }
}

/// An open negotiation.
#[derive(Debug)]
pub struct Negotiation {
    /// In which case.
    pub case: CaseId,
    /// Which; `None` until it is known.
    pub id: Option<NegotiationId>,
    /// What is known of it.
    pub view: Option<Arc<NegotiationView>>,
    /// Why there is none.
    pub wrong: Option<SafeText>,
    /// The same as rows.
    pub list: List<PleaLine>,
    /// Whether they are up to date.
    pub fresh: Freshness,
}

impl Negotiation {
    /// One that has been asked for.
    #[must_use]
    pub fn new(case: CaseId, id: Option<NegotiationId>) -> Self {
        Self { case, id, view: None, wrong: None, list: List::default(), fresh: Freshness::default() }
    }

    /// Takes what is known of it.
    pub fn set(&mut self, view: Arc<NegotiationView>, now: Timestamp) {
        self.id = Some(view.view.setting.id.clone());
        self.list.set_rows(lines(&view, now).into());
        (self.view, self.wrong) = (Some(view), None);
    }

    /// The message at the cursor, where it is one without an act.
    #[must_use]
    pub fn loose(&self) -> Option<&MessageRef> {
        match &self.list.selected()?.place {
            Place::Mail(message) => Some(message),
            _ => None,
        }
    }

    /// The act at the cursor, or the one that the line there tells of.
    #[must_use]
    pub fn act(&self) -> Option<&Heard> {
        let shown = self.view.as_ref()?;
        let view = &shown.view;
        match self.list.selected()?.place {
            Place::Act(_, at) | Place::Below(_, at, _) | Place::Transit(_, at) => {
                view.steps.get(at).map(|step| &step.heard)
            }
            // What was said of a message is about the act in it.
            Place::Here(at) => match shown.local.get(at)? {
                Entry::Admit { message, .. } | Entry::Unmark { message, .. } => {
                    view.steps.iter().map(|step| &step.heard).find(|heard| heard.message == *message)
                }
                _ => None,
            },
            // What waits for a yes is told first of all that is to be looked at, behind what crossed.
            Place::Look(at) => view.unconfirmed().nth(at.checked_sub(view.crossing.iter().count())?),
            _ => None,
        }
    }

    /// The act that waits for a yes: the one at the cursor, or the only one there is where the cursor is at no act.
    #[must_use]
    pub fn unconfirmed(&self) -> Option<&Heard> {
        let view = &self.view.as_ref()?.view;
        if let Some(act) = self.act() {
            return Some(act).filter(|heard| view.unconfirmed().any(|one| one.message == heard.message));
        }
        let mut waiting = view.unconfirmed();
        waiting.next().filter(|_| waiting.next().is_none())
    }
}

struct Lines(Vec<PleaLine>);

impl Lines {
    fn add(&mut self, section: Section, place: Place, text: &str, note: &str, tone: Tone) {
        let (text, note) = (SafeText::line(text), SafeText::line(note));
        self.0.push(PleaLine { place, section, text, note, tone });
    }
}

/// What is left until a moment, in words.
#[must_use]
pub fn left(until: Timestamp, now: Timestamp) -> String {
    let left = until.duration_since(now);
    let words = span_words(left);
    if left.is_negative() || left.is_zero() { format!("overdue by {words}") } else { format!("{words} left") }
}

fn whose(side: Side, us: Side) -> &'static str {
    if side == us { "you" } else { side.words() }
}

/// A negotiation as rows.
#[must_use]
pub fn lines(shown: &NegotiationView, now: Timestamp) -> Vec<PleaLine> {
    let mut lines = Lines(Vec::new());
    stands(&mut lines, shown, now);
    acts(&mut lines, shown);
    for loose in &shown.loose {
        let words = match &loose.damage {
            Some(damage) => format!("{}: a damaged block: {damage} {}", loose.from, loose.words),
            None => format!("{}: {}", loose.from, if loose.words.is_empty() { &loose.subject } else { &loose.words }),
        };
        let tone = if loose.damage.is_some() { Tone::Warning } else { Tone::Plain };
        lines.add(Section::Mail, Place::Mail(loose.message.clone()), &words, &moment(loose.at), tone);
    }
    for (kind, answer) in &shown.possible {
        if answer.is_ok() {
            lines.add(Section::May, Place::Kind(*kind), kind.what(), kind.words(), Tone::Good);
        }
    }
    for (kinds, words) in not_now(&shown.possible) {
        let note = if let [kind] = kinds.as_slice() { kind.words() } else { "" };
        if let Some(first) = kinds.first() {
            lines.add(Section::Not, Place::Kind(*first), &words, note, Tone::Plain);
        }
    }
    for (at, (line, from)) in shown.credit.iter().enumerate() {
        lines.add(Section::Credit, Place::Credit(at), line.as_str(), from.as_str(), Tone::Plain);
    }
    let mark = "The mark at the head shows what was meant. It is a convention, and no guarantee of the law.";
    lines.add(Section::Mark, Place::Mark, mark, "", Tone::Plain);
    lines.0
}

/// What may not be done now, with why: what has one reason in one line.
fn not_now(possible: &[(Kind, Result<(), SafeText>)]) -> Vec<(Vec<Kind>, String)> {
    let mut groups: Vec<(Vec<Kind>, String)> = Vec::new();
    for (kind, answer) in possible {
        let Err(because) = answer else { continue };
        let because = because.as_str();
        let reason = because.strip_prefix(kind.words()).map_or(because, str::trim_start);
        match groups.iter_mut().find(|(_, known)| known == reason) {
            Some((kinds, _)) => kinds.push(*kind),
            None => groups.push((vec![*kind], reason.to_owned())),
        }
    }
    for (kinds, words) in &mut groups {
        let names: Vec<&str> = kinds.iter().map(|kind| kind.words()).collect();
        let names = names.join(", ");
        *words = match words.strip_prefix("refused: ") {
            // The reason first: a narrow screen cuts the names.
            Some(reason) if kinds.len() > 1 => {
                let mut letters = reason.trim_end_matches('.').chars();
                let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
                format!("{first}{}: no {names}.", letters.as_str())
            }
            _ if kinds.len() > 1 && words.starts_with("is ") => {
                format!("{names} are {}", words.get(3..).unwrap_or_default())
            }
            _ if kinds.len() > 1 => format!("{names}: {words}"),
            _ if words.starts_with(|letter: char| letter.is_lowercase()) => format!("{names} {words}"),
            _ => words.clone(),
        };
    }
    groups
}

fn stands(lines: &mut Lines, shown: &NegotiationView, now: Timestamp) {
    let view = &shown.view;
    let us = shown.us();
    let mut at = 0;
    let mut fact = |lines: &mut Lines, text: &str, note: &str, tone| {
        lines.add(Section::Stands, Place::Stands(at), text, note, tone);
        at += 1;
    };
    let name = format!("{}, {} ({})", shown.case.title, view.setting.surname, view.setting.id);
    let round = if view.round > 0 { format!("round {}", view.round) } else { String::new() };
    fact(lines, &name, &round, Tone::Plain);
    let unconfirmed = view.unconfirmed().count();
    let (tone, words) = match (view.state, view.turn) {
        _ if unconfirmed == 1 => (Tone::Warning, "an act waits for your yes".to_owned()),
        _ if unconfirmed > 1 => (Tone::Warning, format!("{unconfirmed} acts wait for your yes")),
        (State::Crossed, _) => (Tone::Warning, "both sides have to look".to_owned()),
        (State::Agreed | State::Listed, _) => (Tone::Good, String::new()),
        (_, Some(side)) => {
            let tone = if side == us { Tone::Warning } else { Tone::Plain };
            let turn = if side == us { "your turn".to_owned() } else { format!("{} has to answer", side.words()) };
            (tone, turn)
        }
        (_, None) => (Tone::Plain, String::new()),
    };
    fact(lines, view.state.words(), &words, tone);
    if let Some(reply_by) = view.reply_by {
        let tone = if reply_by <= now { Tone::Alarm } else { Tone::Plain };
        fact(lines, &format!("reply by {}", moment(reply_by)), &left(reply_by, now), tone);
    }
    if let Some(tender) = &view.tender {
        fact(lines, &format!("to be tendered {}, {}", tender.at, tender.court), "", Tone::Plain);
    }
    for (n, hearing) in shown.case.coming_hearings(now).into_iter().enumerate() {
        let which = if n == 0 { "next" } else { "then" };
        let words = format!("{which}: {}, {}, {}", hearing.kind.words(), hearing.at, hearing.court);
        let until = hearing.at.start().map(|start| left(start.timestamp(), now)).unwrap_or_default();
        fact(lines, words.trim_end_matches(", "), &until, Tone::Plain);
    }
    for subject in &view.conditions {
        fact(lines, &format!("subject to the {} {}", subject.condition.words(), subject.words), "", Tone::Warning);
    }
    for question in view.questions.iter().filter(|one| one.answered.is_none()) {
        let words = format!("{} asked by {}: {}", question.no, whose(question.no.side, us), question.text);
        let tone = if question.no.side == us { Tone::Plain } else { Tone::Warning };
        fact(lines, &words, "information awaited", tone);
    }
    if let Err(words) = &shown.actor {
        fact(lines, words.as_str(), "", Tone::Alarm);
    }
    let mut look: Vec<String> = view.crossing.iter().map(ToString::to_string).collect();
    look.extend(view.notices.iter().map(ToString::to_string));
    for (at, words) in look.iter().enumerate() {
        lines.add(Section::Look, Place::Look(at), words, "", Tone::Warning);
    }
}

/// Something in the timeline.
enum Item<'a> {
    Step(&'a crate::plea::negotiation::Step, usize),
    Here(&'a Entry, usize),
}

fn acts(lines: &mut Lines, shown: &NegotiationView) {
    let view = &shown.view;
    let steps = view.steps.iter().enumerate().map(|(at, step)| (step.heard.came, Item::Step(step, at)));
    let here = shown.local.iter().enumerate().map(|(at, entry)| (entry.at(), Item::Here(entry, at)));
    let mut items: Vec<(Timestamp, Item<'_>)> = steps.chain(here).collect();
    items.sort_by_key(|(at, _)| *at);
    for (when, item) in items {
        match item {
            Item::Here(entry, at) => {
                let tone = match entry {
                    Entry::Undelivered { .. } => Tone::Alarm,
                    Entry::Refused { .. } => Tone::Warning,
                    _ => Tone::Plain,
                };
                lines.add(Section::Acts, Place::Here(at), &view.words_of(entry), &moment(when), tone);
            }
            Item::Step(step, at) => {
                let act = &step.heard.act;
                let counts = step.verdict.counts();
                let speaker = if act.no.side == shown.us() {
                    "you".to_owned()
                } else if step.heard.speaker.name.is_empty() {
                    step.heard.speaker.address.clone()
                } else {
                    step.heard.speaker.name.clone()
                };
                let fate = view.offer(act.no).map(|offer| format!(", {}", offer.fate.words())).unwrap_or_default();
                let not = if counts { "" } else { " (does not count)" };
                let words =
                    format!("{} {} by {speaker}, {}{fate}{not}", act.no, act.kind().words(), step.heard.trust_words());
                let tone = if counts { Tone::Plain } else { Tone::Warning };
                lines.add(Section::Acts, Place::Act(act.no, at), &words, &moment(when), tone);
                if let Some(transit) =
                    shown.transits.iter().find(|one| one.act == act.no && step.heard.trust == Trust::Own)
                {
                    let note = transit.state;
                    lines.add(Section::Acts, Place::Transit(act.no, at), transit.words.as_str(), note, transit.tone);
                }
                for (n, (words, tone)) in below(shown, step).iter().enumerate() {
                    lines.add(Section::Acts, Place::Below(act.no, at, n), &format!("  {words}"), "", *tone);
                }
            }
        }
    }
    if lines.0.iter().all(|line| line.section != Section::Acts) {
        lines.add(Section::Acts, Place::Here(0), "nothing has been offered", "", Tone::Plain);
    }
}

/// The terms in words, charge by charge.
#[must_use]
pub fn term_lines(terms: &Terms) -> Vec<String> {
    diff::terms(&Terms::default(), terms)
        .iter()
        .map(|change| {
            let about = change.charge.map_or_else(|| "All charges".to_owned(), |charge| format!("Charge {charge}"));
            format!("{about}: {}", change.is.as_deref().unwrap_or_default())
        })
        .collect()
}

/// What stands below an act: its terms, what they change, what it says, and why it does not count.
fn below(shown: &NegotiationView, step: &crate::plea::negotiation::Step) -> Vec<(String, Tone)> {
    let view = &shown.view;
    let act = &step.heard.act;
    let mut below: Vec<(String, Tone)> = Vec::new();
    let mut plain = |words: String| below.push((words, Tone::Plain));
    if let Some(terms) = act.deed.terms() {
        match view.offer_before(act.no) {
            Some(before) => {
                let changes = diff::terms(&before.terms, terms);
                let changed: Vec<Option<u16>> = changes.iter().map(|change| change.charge).collect();
                for change in &changes {
                    plain(format!("* {}", change.words()));
                }
                for line in term_lines(terms) {
                    let same = |charge: &Option<u16>| match charge {
                        Some(number) => line.starts_with(&format!("Charge {number}:")),
                        None => line.starts_with("All charges"),
                    };
                    if !changed.iter().any(same) {
                        plain(format!("= {line}"));
                    }
                }
            }
            None => term_lines(terms).into_iter().for_each(&mut plain),
        }
        // How the libel would read, where that is new.
        let before = view.offer_before(act.no);
        let is_new = |term: &&crate::plea::Term| {
            let known = before.and_then(|offer| offer.terms.term(term.charge));
            !term.amendments.is_empty() && known.is_none_or(|known| known.amendments != term.amendments)
        };
        for term in terms.charges().iter().filter(is_new) {
            let charge = view.setting.charges.iter().find(|one| one.number == term.charge);
            if let Some(Ok(pieces)) = charge.map(|charge| diff::libel(&charge.text, &term.amendments)) {
                plain(format!("  charge {} would read: {}", term.charge, diff::libel_words(&pieces)));
            }
        }
        if let Some(hash) = act.terms_hash() {
            let until = act.deed.reply_by().map(|at| format!("; reply by {}", moment(at))).unwrap_or_default();
            plain(format!("terms {}{until}", hash.short()));
        }
    }
    match &act.deed {
        Deed::Query { text } | Deed::Chase { text } if !text.is_empty() => plain(text.clone()),
        Deed::Reply { to, text } => plain(format!("to {to}: {text}")),
        Deed::Accept { answers, .. } => plain(format!("accepts {} ({})", answers.no, answers.hash.short())),
        Deed::AcceptSubject { answers, subject_to } => {
            let under: Vec<String> =
                subject_to.iter().map(|one| format!("{} {}", one.condition.words(), one.words)).collect();
            plain(format!("accepts {} subject to the {}", answers.no, under.join(", ").trim_end()));
        }
        Deed::Reject { answers, because } | Deed::Withdraw { answers, because } => {
            plain(format!("{}: {because}", answers.no).trim_end_matches(": ").to_owned());
        }
        Deed::Extend { answers, reply_by } => plain(format!("{} is open until {}", answers.no, moment(*reply_by))),
        Deed::TenderNotice { at, court, .. } => plain(format!("to be tendered {at} {court}")),
        _ => {}
    }
    if let Some(authority) = &act.authority
        && act.kind().commits()
    {
        let behalf = authority.on_behalf_of.as_ref().map(|name| format!(" on behalf of {name}")).unwrap_or_default();
        let words = format!(
            "{}, {}{behalf}: {}, {}",
            authority.name,
            authority.role.words(),
            authority.basis.words(),
            authority.day.strftime("%-d %b %Y")
        );
        plain(words);
    }
    let files = shown.files.iter().filter(|one| one.act == act.no && act.kind().has_terms());
    below.extend(files.map(|file| (file.words(), file.tone())));
    let because = step.because();
    let remarks = step.heard.told().map(ToString::to_string).filter(|words| !because.contains(words));
    let remarks: Vec<String> = remarks.collect();
    below.extend(because.into_iter().map(|words| (words, Tone::Alarm)));
    below.extend(remarks.into_iter().map(|words| (words, Tone::Warning)));
    below
}
