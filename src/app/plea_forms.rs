//! The forms of a negotiation: which fields each act has, and what it becomes. What a form gives away is an offer that may be made, or
//! nothing.

use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::form::{Field, Form};
use super::forms::{Refusal, Subject, date};
use super::plea_files::{self, FILE};
use super::plea_terms::{self, DETAILS, WHEN};
use super::plea_view::{Local, MarkWish, Meant, NegotiationView, Wish};
use crate::case::hearing::zone;
use crate::case::{ChargeState, HearingId, HearingTime};
use crate::mail::draft::Attachment;
use crate::mail::id::MessageRef;
use crate::plea::act::{Cleared, Subject as Under};
use crate::plea::compose::{Claim, Proposal, target};
use crate::plea::mark::Meaning;
use crate::plea::offer::{Ground, OfferError, gaps, text_document};
use crate::plea::record::Paper;
use crate::plea::{
    ActNo, Authority, Basis, Condition, Document, Evidence, Kind, Offer, Outcome, Plea, Side, State, Terms,
};

/// What a form of a negotiation is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PleaForm {
    /// The negotiation as it was when the form was opened.
    pub view: Arc<NegotiationView>,
    /// What is done.
    pub what: What,
    /// Files that were read for it, by what was typed.
    pub files: Vec<(String, Attachment)>,
}

/// What is done by a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// An own act.
    Act(Kind),
    /// Free text is taken for an act.
    Mark(MessageRef, Kind),
    /// What became of it in court.
    Record,
    /// A note.
    Note,
    /// A paper is written to a file.
    Write,
    /// Which offer stands here.
    Choose,
    /// An act counts all the same.
    Admit(Meant),
    /// A mark is taken back.
    Unmark(Meant),
}

impl What {
    /// Whether terms are offered by it.
    #[must_use]
    pub fn has_terms(&self) -> bool {
        kind_of(self).is_some_and(Kind::has_terms)
    }
}

/// What a form becomes.
#[derive(Clone, Debug)]
pub enum Taken {
    /// An act to be sent.
    Act(Box<Wish>),
    /// A mark.
    Mark(Box<MarkWish>),
    /// A local entry.
    Local(Local),
}

/// Why a form is not taken; and, where an act could not be made, what it would have been with every sentence.
pub type Stopped = (Refusal, Option<(Kind, Vec<String>)>);

fn live(view: &NegotiationView) -> impl Iterator<Item = &crate::case::Charge> {
    view.view.setting.charges.iter().filter(|charge| charge.state == ChargeState::Live)
}

/// Who speaks by the form.
fn speaker(form: &PleaForm) -> Side {
    match form.what {
        What::Mark(..) => form.view.us().other(),
        _ => form.view.us(),
    }
}

fn kind_of(what: &What) -> Option<Kind> {
    match what {
        What::Act(kind) | What::Mark(_, kind) => Some(*kind),
        _ => None,
    }
}

/// The form of something; every field filled with what is known.
#[must_use]
pub fn form(view: Arc<NegotiationView>, what: What, now: Timestamp) -> Form<Subject> {
    let subject = plea_files::form_of(view, what);
    let mut fields: Vec<Field> = Vec::new();
    let side = speaker(&subject);
    let known = &subject.view.view;
    if let Some(kind) = kind_of(&subject.what) {
        let standing = target(known, kind, side, None);
        if known.state == State::Crossed && kind != Kind::Offer {
            let offers: Vec<String> =
                known.rivals.iter().filter_map(|at| known.offers.get(*at)).map(|offer| offer.no.to_string()).collect();
            let proposed = standing.map(|offer| offer.no.to_string()).unwrap_or_default();
            fields.push(Field::text("About", &proposed, format!("which offer is meant: {}", offers.join(" or "))));
        }
        act_fields(&subject, kind, side, now, &mut fields);
    } else {
        local_fields(&subject, now, &mut fields);
    }
    let title = title(&subject);
    let mut form = Form::new(Subject::Plea(Box::new(subject)), &title, fields);
    // What has to be typed is where the cursor begins.
    let first = form.fields.iter().position(|field| matches!(field.label.as_ref(), "Shown by" | "Text" | "Because"));
    if let (Some(first), Subject::Plea(plea)) = (first, &form.subject)
        && !kind_of(&plea.what).is_some_and(Kind::has_terms)
    {
        form.at = first;
    }
    form
}

fn title(subject: &PleaForm) -> String {
    let about = format!("{}, {}", subject.view.view.setting.surname, subject.view.view.setting.id.name());
    match &subject.what {
        What::Act(kind) => format!("{}: {} ({about})", kind.words(), kind.what()),
        What::Mark(_, kind) => {
            format!("Take the message for {} of {} ({about})", kind.words(), speaker(subject).words())
        }
        What::Record => format!("RECORD: what became of it in court ({about})"),
        What::Note => format!("NOTE: never sent ({about})"),
        What::Write => format!("Write a paper to a file ({about})"),
        What::Choose => format!("Which of the crossed offers stands here ({about})"),
        What::Admit(act) => format!("Let {} count ({about})", act.no),
        What::Unmark(act) => format!("{} does not count on your word ({about})", act.no),
    }
}

fn act_fields(subject: &PleaForm, kind: Kind, side: Side, now: Timestamp, fields: &mut Vec<Field>) {
    let known = &subject.view.view;
    let marks = matches!(subject.what, What::Mark(..));
    match kind {
        Kind::Offer | Kind::Counter => {
            let before = target(known, kind, side, None).or_else(|| known.standing());
            let law = known.setting.jurisdiction;
            for charge in live(&subject.view) {
                let term = before.and_then(|offer| offer.terms.term(charge.number));
                let plea = term.map_or("", |term| term.plea.name());
                let names = Plea::of(law).iter().map(|plea| plea.name());
                fields.push(Field::choice(format!("Charge {}", charge.number), plea, names));
                let details =
                    term.map(|term| plea_terms::details(term, before.map(|offer| offer.no))).unwrap_or_default();
                let hint = format!("{}. {DETAILS}", charge.text);
                fields.push(Field { ends_in_file: true, ..Field::text("  details", &details, hint) });
            }
            let basis = match before.and_then(|offer| offer.terms.basis()) {
                Some(Document::Text { text }) => text.clone(),
                _ => String::new(),
            };
            let called = if law == crate::case::Jurisdiction::Scotland { "Narrative" } else { "Basis of plea" };
            fields.push(Field::text(called, &basis, "of all charges; may be empty"));
            fields.push(plea_files::basis_field(before));
            let conditions = before.map(|offer| offer.terms.conditions().to_owned()).unwrap_or_default();
            fields.push(Field::text("Conditions", &conditions, "on what else all of it depends; may be empty"));
            fields.push(Field::text("Reply by", "", WHEN));
        }
        Kind::Accept if known.state == State::Conditional => {
            for one in &known.conditions {
                fields.push(Field::text("Cleared by", "", format!("who cleared: {}", one.condition.words())));
            }
        }
        Kind::AcceptSubject => {
            fields.push(Field::choice("Subject to", "", Condition::ALL.into_iter().map(Condition::name)));
            fields.push(Field::text("  details", "", "more about the condition; may be empty"));
        }
        Kind::Accept => {}
        Kind::Reject => fields.push(Field::text("Because", "", "may be empty")),
        Kind::Withdraw => {
            fields.push(Field::text("Because", "", "to depart from an agreement, a reason is needed"));
        }
        Kind::Query => fields.push(Field::text("Text", "", "what is asked; the clock keeps running")),
        Kind::Reply => {
            let asked =
                known.open_questions(side.other()).next().map(|one| format!("answers {}: {}", one.no, one.text));
            fields.push(Field::text("Text", "", asked.unwrap_or_default()));
        }
        Kind::Chase => fields.push(Field::text("Text", "", "may be empty")),
        Kind::Extend => {
            let until = known.reply_by.map(plea_terms::typed).unwrap_or_default();
            fields.push(Field::text("Reply by", &until, WHEN));
        }
        Kind::TenderNotice => {
            let next = subject.view.case.next_hearing(now);
            let date = next.map(|one| one.at.date.strftime("%d/%m/%Y").to_string()).unwrap_or_default();
            let time = next.and_then(|one| one.at.time).map(|time| time.strftime("%H:%M").to_string());
            fields.push(Field::text("Date", &date, "day/month/year of the hearing"));
            fields.push(Field::text("Time", &time.unwrap_or_default(), "for instance 10:00; may be empty"));
            fields.push(Field::text("Court", next.map_or("", |one| &one.court), "may be empty"));
        }
        Kind::Expire | Kind::Record | Kind::Note | Kind::Choose => {}
    }
    if kind.commits() && !marks {
        let bases = Basis::of(side);
        let first = bases.first().map_or("", |basis| basis.name());
        fields.push(Field::choice("Authority", first, bases.iter().map(|basis| basis.name())));
        let today = zone().map(|zone| now.to_zoned(zone).strftime("%d/%m/%Y").to_string()).unwrap_or_default();
        fields.push(Field::text("Since", &today, "the day it was given"));
        fields.push(Field::text(
            "Shown by",
            "",
            "what shows it: an attendance note, a letter; it stays here, privileged",
        ));
    }
    if !marks {
        fields.push(Field::text("Below", "", "words below the block; may be empty"));
    }
}

fn local_fields(subject: &PleaForm, now: Timestamp, fields: &mut Vec<Field>) {
    let known = &subject.view.view;
    match &subject.what {
        What::Record => {
            let proposed = if matches!(known.state, State::Agreed | State::Listed) { "as-agreed" } else { "no-plea" };
            let outcomes = ["as-agreed", "different", "not-tendered", "basis-declined", "facts-hearing", "no-plea"];
            fields.push(Field::choice("Outcome", proposed, outcomes));
            fields.push(Field::text("Because", "", "why; where it differed: 1: what; 2: what"));
            let hearings = &subject.view.case.hearings;
            let past = hearings.iter().filter(|one| one.at.start().is_ok_and(|start| start.timestamp() <= now));
            let last = past.max_by_key(|one| one.at).or_else(|| hearings.iter().min_by_key(|one| one.at));
            let names: Vec<String> = hearings.iter().map(|one| one.id.0.clone()).collect();
            let hint = if names.is_empty() { "the case has none; leave it empty".to_owned() } else { names.join(", ") };
            fields.push(Field::text("Hearing", last.map_or("", |one| &one.id.0), hint));
            fields.push(Field::text("Known from", "", "who was there, or what says so"));
        }
        What::Note => fields.push(Field::text("Text", "", "kept here with your name; never sent")),
        What::Write => fields.extend(plea_files::paper_fields(&subject.view)),
        What::Choose => {
            let offers: Vec<String> =
                known.rivals.iter().filter_map(|at| known.offers.get(*at)).map(|one| one.no.to_string()).collect();
            fields.push(Field::text(
                "Stands",
                "",
                format!("{}; the other side may see it otherwise", offers.join(" or ")),
            ));
        }
        What::Admit(_) | What::Unmark(_) => fields.push(Field::text("Because", "", "a reason; it is kept")),
        What::Act(_) | What::Mark(..) => {}
    }
}

/// Fields by their labels, where each is asked for once.
struct Fields<'a>(&'a Form<Subject>);

impl Fields<'_> {
    fn at(&self, label: &str) -> Option<usize> {
        self.0.fields.iter().position(|field| field.label == label)
    }

    fn text(&self, label: &str) -> String {
        self.at(label).map(|at| self.0.value(at).to_owned()).unwrap_or_default()
    }

    fn chosen<T>(&self, label: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, Refusal> {
        let at = self.at(label).unwrap_or_default();
        let field = self.0.fields.get(at);
        let found = field.and_then(Field::chosen).and_then(parse);
        found.ok_or_else(|| {
            let choices = field.map(|field| field.choices.join(", ")).unwrap_or_default();
            (at, format!("{label}: choose one of {choices}"))
        })
    }

    fn moment(&self, label: &str) -> Result<Timestamp, Refusal> {
        let at = self.at(label).unwrap_or_default();
        plea_terms::moment(self.0.value(at)).map_err(|words| (at, words))
    }

    fn about(&self) -> Result<Option<ActNo>, Refusal> {
        match self.at("About") {
            None => Ok(None),
            Some(at) => self
                .0
                .value(at)
                .parse()
                .map(Some)
                .map_err(|error: crate::plea::number::ActNoError| (at, error.to_string())),
        }
    }
}

/// What the form becomes.
///
/// # Errors
/// The field with what is wrong in it; with it every sentence, where an act was to be made.
pub fn taken(form: &Form<Subject>, now: Timestamp) -> Result<Taken, Stopped> {
    let Subject::Plea(plea) = &form.subject else { return Err(((0, "this form is of no negotiation".into()), None)) };
    let fields = Fields(form);
    match &plea.what {
        What::Act(kind) => {
            let wish = wish(plea, *kind, &fields, now)?;
            Ok(Taken::Act(Box::new(wish)))
        }
        What::Mark(message, kind) => {
            let wish = MarkWish {
                case: plea.view.case.id.clone(),
                id: plea.view.view.setting.id.clone(),
                message: message.clone(),
                meaning: meaning(plea, *kind, &fields, now).map_err(|refusal| (refusal, None))?,
                about: fields.about().map_err(|refusal| (refusal, None))?,
            };
            Ok(Taken::Mark(Box::new(wish)))
        }
        _ => local(plea, &fields).map(Taken::Local).map_err(|refusal| (refusal, None)),
    }
}

fn local(plea: &PleaForm, fields: &Fields<'_>) -> Result<Local, Refusal> {
    Ok(match &plea.what {
        What::Record => {
            let because = fields.text("Because");
            let name = fields.chosen("Outcome", |name| Some(name.to_owned()))?;
            let at = fields.at("Because").unwrap_or_default();
            let outcome = outcome(&name, &because).map_err(|words| (at, words))?;
            let hearing = fields.text("Hearing");
            let known = plea.view.case.hearings.iter().any(|one| one.id.0 == hearing);
            if !hearing.is_empty() && !known {
                return Err((fields.at("Hearing").unwrap_or_default(), format!("the case has no hearing {hearing:?}")));
            }
            let source = fields.text("Known from");
            if source.is_empty() {
                let at = fields.at("Known from").unwrap_or_default();
                return Err((at, "say from whom it is known what happened in court".to_owned()));
            }
            let hearing = (!hearing.is_empty()).then_some(HearingId(hearing));
            Local::Record { outcome, hearing, source }
        }
        What::Note => match fields.text("Text") {
            text if text.is_empty() => return Err((0, "the note is empty".to_owned())),
            text => Local::Note(text),
        },
        What::Write => {
            let paper = fields.chosen("What", Paper::parse)?;
            match fields.text(FILE) {
                text if text.is_empty() => {
                    return Err((fields.at(FILE).unwrap_or_default(), "name the file".to_owned()));
                }
                text => Local::Write(paper, text),
            }
        }
        What::Choose => Local::Choose(
            fields.text("Stands").parse().map_err(|_| (0, "name one of the offers, for instance P1".to_owned()))?,
        ),
        What::Admit(act) | What::Unmark(act) => {
            let because = fields.text("Because");
            if because.is_empty() {
                return Err((0, "a reason is needed".to_owned()));
            }
            let act = act.clone();
            if matches!(plea.what, What::Admit(_)) { Local::Admit(act, because) } else { Local::Unmark(act, because) }
        }
        What::Act(_) | What::Mark(..) => return Err((0, "this form enters nothing here".to_owned())),
    })
}

/// What became of it in court, by its name and what was written about it.
///
/// # Errors
/// It is not understood, in words.
pub fn outcome(name: &str, because: &str) -> Result<Outcome, String> {
    let because = because.trim().to_owned();
    Ok(match name {
        "as-agreed" => Outcome::AsAgreed,
        "different" => {
            let one = |part: &str| -> Result<(u16, String), String> {
                let wrong =
                    || format!("{part:?}: write the charge and what differed, for instance 1: pleaded not guilty");
                let (charge, what) = part.split_once(':').ok_or_else(wrong)?;
                Ok((charge.trim().parse().map_err(|_| wrong())?, what.trim().to_owned()))
            };
            let parts = because.split(';').map(str::trim).filter(|part| !part.is_empty());
            let charges = parts.map(one).collect::<Result<Vec<_>, _>>()?;
            if charges.is_empty() {
                return Err("say what differed, charge by charge: 1: what; 2: what".to_owned());
            }
            Outcome::Different { charges }
        }
        "not-tendered" => Outcome::NotTendered { because },
        "basis-declined" => Outcome::BasisDeclined { because },
        "facts-hearing" => Outcome::FactsHearing { because },
        "no-plea" => Outcome::NoPlea { because },
        _ => {
            return Err("the outcome is as-agreed, different, not-tendered, basis-declined, facts-hearing or no-plea"
                .to_owned());
        }
    })
}

/// The terms that the fields of charges say.
fn terms(plea: &PleaForm, fields: &Fields<'_>) -> Result<Terms, Refusal> {
    let (form, read) = (fields.0, plea.files.as_slice());
    let mut terms = Vec::new();
    for charge in live(&plea.view) {
        let Some(at) = fields.at(&format!("Charge {}", charge.number)) else { continue };
        let Some(field) = form.fields.get(at) else { continue };
        if field.value().is_empty() {
            // It is missing: the offer says so.
            continue;
        }
        let chosen = field.chosen().and_then(Plea::parse);
        let plea = chosen.ok_or_else(|| (at, format!("choose one of {}", field.choices.join(", "))))?;
        let details = form.value(at.saturating_add(1));
        let term =
            plea_terms::term(charge.number, plea, details, read).map_err(|words| (at.saturating_add(1), words))?;
        terms.push(term);
    }
    let basis = fields.at("Narrative").or_else(|| fields.at("Basis of plea")).map(|at| form.value(at));
    let basis = basis.and_then(text_document);
    let file = plea_files::chosen(form, plea);
    let basis = match (basis, file) {
        (Some(_), Some(_)) => {
            let at = fields.at(FILE).unwrap_or_default();
            return Err((
                at,
                "the basis or narrative is words or a file, not both: empty one of the fields".to_owned(),
            ));
        }
        (None, Some(file)) => Some(plea_terms::attached(file)),
        (basis, None) => basis,
    };
    Terms::new(terms, basis, &fields.text("Conditions")).map_err(|error| {
        let words = error.to_string();
        let about = live(&plea.view).find(|charge| words.starts_with(&format!("charge {}:", charge.number)));
        let at = about.and_then(|charge| fields.at(&format!("Charge {}", charge.number))).unwrap_or(0);
        (at, words)
    })
}

/// The field that something against an offer is about.
fn place(error: &OfferError, fields: &Fields<'_>) -> usize {
    let charge = |number: u16| fields.at(&format!("Charge {number}")).unwrap_or_default();
    match error {
        OfferError::Unaddressed(number) | OfferError::NoSuchCharge(number) => charge(*number),
        OfferError::OtherLaw { charge: number, .. } => charge(*number),
        OfferError::NoSuchWords(number, _) => charge(*number).saturating_add(1),
        OfferError::Past | OfferError::TooFar => fields.at("Reply by").unwrap_or_default(),
        OfferError::NoAuthority(_) | OfferError::WrongAuthority(..) => fields.at("Authority").unwrap_or_default(),
        OfferError::NotAttached(_) | OfferError::OtherFile(_) => fields.at(FILE).unwrap_or_default(),
        OfferError::Nothing => 0,
    }
}

fn claim(fields: &Fields<'_>) -> Result<Option<Claim>, Refusal> {
    let Some(at) = fields.at("Since") else { return Ok(None) };
    let basis = fields.chosen("Authority", Basis::parse)?;
    let day = date(fields.0.value(at)).map_err(|words| (at, words))?;
    let evidence = Evidence { words: fields.text("Shown by"), message: None };
    Ok(Some(Claim { basis, day, evidence }))
}

fn wish(plea: &PleaForm, kind: Kind, fields: &Fields<'_>, now: Timestamp) -> Result<Wish, Stopped> {
    let alone = |refusal: Refusal| (refusal, None);
    let claim = claim(fields).map_err(alone)?;
    if let (Some(claim), Some(at)) = (&claim, fields.at("Shown by"))
        && claim.basis != Basis::OwnDecision
        && claim.evidence.is_empty()
    {
        let words = "say what shows the authority: an attendance note, a letter, a message";
        return Err(((at, words.to_owned()), Some((kind, vec![crate::plea::table::Refusal::NoEvidence.to_string()]))));
    }
    let proposal = match kind {
        Kind::Offer | Kind::Counter => {
            let terms = terms(plea, fields).map_err(alone)?;
            let reply_by = fields.moment("Reply by").map_err(alone)?;
            let setting = &plea.view.view.setting;
            let mut ground = Ground::of(&plea.view.case, setting.id.accused, setting.us, now);
            let files = plea_files::all(fields.0, plea);
            ground.files = files.iter().map(|file| (file.name.clone(), Sha256::digest(&file.content).into())).collect();
            let actor = plea.view.actor.as_ref().map_err(|words| alone((0, words.to_string())))?;
            let authority = claim.as_ref().map(|claim| Authority {
                name: actor.name.clone(),
                role: actor.role,
                on_behalf_of: actor.on_behalf_of.clone(),
                basis: claim.basis,
                day: claim.day,
            });
            let offer = Offer::new(terms, reply_by, authority, &ground).map_err(|errors| {
                let sentences: Vec<String> = errors.iter().map(ToString::to_string).collect();
                let at = errors.first().map(|error| place(error, fields)).unwrap_or_default();
                ((at, sentences.join("; ")), Some((kind, sentences)))
            })?;
            if kind == Kind::Offer { Proposal::Offer(offer) } else { Proposal::Counter(offer) }
        }
        Kind::Accept => Proposal::Accept { cleared: cleared(plea, fields) },
        Kind::AcceptSubject => Proposal::AcceptSubject { subject_to: vec![under(fields).map_err(alone)?] },
        Kind::Reject => Proposal::Reject { because: fields.text("Because") },
        Kind::Withdraw => Proposal::Withdraw { because: fields.text("Because") },
        Kind::Query => Proposal::Query { text: fields.text("Text") },
        Kind::Reply => Proposal::Reply { to: None, text: fields.text("Text") },
        Kind::Chase => Proposal::Chase { text: fields.text("Text") },
        Kind::Extend => Proposal::Extend { reply_by: fields.moment("Reply by").map_err(alone)? },
        Kind::TenderNotice => {
            let (at, court) = tender(fields).map_err(alone)?;
            Proposal::TenderNotice { at, court }
        }
        Kind::Expire | Kind::Record | Kind::Note | Kind::Choose => {
            return Err(alone((0, "that is never sent".to_owned())));
        }
    };
    Ok(Wish {
        case: plea.view.case.id.clone(),
        id: plea.view.view.setting.id.clone(),
        proposal,
        claim,
        about: fields.about().map_err(alone)?,
        text: fields.text("Below"),
        files: if kind.has_terms() { plea_files::all(fields.0, plea) } else { Vec::new() },
    })
}

fn cleared(plea: &PleaForm, fields: &Fields<'_>) -> Vec<Cleared> {
    let said = fields.0.fields.iter().filter(|field| field.label == "Cleared by");
    let pairs = plea.view.view.conditions.iter().zip(said);
    pairs.map(|(one, field)| Cleared { condition: one.condition, by: field.value().to_owned() }).collect()
}

fn under(fields: &Fields<'_>) -> Result<Under, Refusal> {
    Ok(Under { condition: fields.chosen("Subject to", Condition::parse)?, words: fields.text("  details") })
}

fn tender(fields: &Fields<'_>) -> Result<(HearingTime, String), Refusal> {
    let at = fields.at("Date").unwrap_or_default();
    let day = date(fields.0.value(at)).map_err(|words| (at, words))?;
    let time = match fields.text("Time") {
        text if text.is_empty() => None,
        text => {
            let at = fields.at("Time").unwrap_or_default();
            let time = jiff::civil::Time::strptime("%H:%M", &text);
            Some(time.map_err(|_| (at, format!("{text:?} is no time, for instance 10:00")))?)
        }
    };
    Ok((HearingTime { date: day, time }, fields.text("Court")))
}

fn meaning(plea: &PleaForm, kind: Kind, fields: &Fields<'_>, now: Timestamp) -> Result<Meaning, Refusal> {
    Ok(match kind {
        Kind::Offer | Kind::Counter => {
            let terms = terms(plea, fields)?;
            let setting = &plea.view.view.setting;
            let ground = Ground::of(&plea.view.case, setting.id.accused, setting.us.other(), now);
            if let Some(error) = gaps(&terms, &ground).first() {
                return Err((place(error, fields), error.to_string()));
            }
            let reply_by = fields.moment("Reply by")?;
            if kind == Kind::Offer { Meaning::Offer(terms, reply_by) } else { Meaning::Counter(terms, reply_by) }
        }
        Kind::Accept => Meaning::Accept(cleared(plea, fields)),
        Kind::AcceptSubject => Meaning::AcceptSubject(vec![under(fields)?]),
        Kind::Reject => Meaning::Reject(fields.text("Because")),
        Kind::Withdraw => Meaning::Withdraw(fields.text("Because")),
        Kind::Query => Meaning::Query(fields.text("Text")),
        Kind::Reply => Meaning::Reply(fields.text("Text")),
        Kind::Chase => Meaning::Chase(fields.text("Text")),
        Kind::Extend => Meaning::Extend(fields.moment("Reply by")?),
        Kind::TenderNotice => {
            let (at, court) = tender(fields)?;
            Meaning::TenderNotice(at, court)
        }
        Kind::Expire | Kind::Record | Kind::Note | Kind::Choose => {
            return Err((0, "that is nothing they say".to_owned()));
        }
    })
}
