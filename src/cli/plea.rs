//! `plea …`: negotiations by command. The rules are the same as on screen; what stands against an act is told, sentence by sentence.

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::call::Call;
use super::case;
use super::exit::{Exit, Failure, Outcome};
use super::plea_args::{About, Authority, Going, Plea, TermsOf};
use super::plea_paper::paper;
use super::plea_show::{list, show};
use super::transfer;
use crate::app::effect::Said;
use crate::app::forms::date;
use crate::app::plea_forms::outcome;
use crate::app::plea_terms;
use crate::app::plea_view::{Carrier, Local, MarkWish, Meant, NegotiationView, Wish};
use crate::case::{HearingId, HearingTime};
use crate::mail::address::Address;
use crate::mail::draft::Attachment;
use crate::mail::safe::file_name;
use crate::plea::act::{Cleared, Subject};
use crate::plea::compose::{Claim, Proposal, target};
use crate::plea::mark::Meaning;
use crate::plea::negotiation::OfferView;
use crate::plea::offer::{Ground, gaps, text_document};
use crate::plea::record::Paper;
use crate::plea::{
    ActNo, Authority as Authorised, Basis, Condition, Document as Writing, Evidence, Kind, NegotiationId, Offer, Side,
    Term, Terms, text,
};

#[derive(Serialize)]
struct Done<'a> {
    schema: &'static str,
    ok: bool,
    id: String,
    queued: Option<u64>,
    because: &'a [String],
    text: &'a str,
}

pub(super) fn usage(words: impl Into<String>) -> Failure {
    Failure::new(Exit::Usage, words.into())
}

pub(super) fn find(call: &Call<'_>, about: &About) -> Result<NegotiationView, Failure> {
    let listed = case::find(call, &about.case)?;
    let engine = call.engine()?;
    let view = engine.negotiation(&listed.id, None, about.accused)?;
    let Some(name) = &about.negotiation else { return Ok(view) };
    let named = NegotiationId::parse_name(name).ok_or_else(|| usage(format!("{name:?}: write for instance PN-1")))?;
    let id = NegotiationId { accused: named.0, series: named.1, ..view.view.setting.id };
    Ok(engine.negotiation(&listed.id, Some(&id), None)?)
}

/// What stands against something is told, and the answer is no.
fn refused(call: &mut Call<'_>, id: &NegotiationId, because: &[String]) -> Outcome {
    if call.output.json() {
        let id = id.to_string();
        call.output.document(&Done {
            schema: "casemail.plea-act/1",
            ok: false,
            id,
            queued: None,
            because,
            text: "",
        })?;
    }
    for words in because {
        call.output.say(words);
    }
    Ok(Exit::No)
}

fn claim(wanted: &Authority, side: Side, now: Timestamp) -> Result<Claim, Failure> {
    let basis = match &wanted.authority {
        Some(name) => Basis::parse(name).ok_or_else(|| {
            let names: Vec<&str> = Basis::of(side).iter().map(|basis| basis.name()).collect();
            usage(format!("--authority is one of {}", names.join(", ")))
        })?,
        None => Basis::of(side).first().copied().unwrap_or(Basis::OwnDecision),
    };
    let zone = crate::case::hearing::zone().map_err(|error| Failure::new(Exit::Config, error))?;
    let day = match &wanted.since {
        Some(text) => date(text).map_err(|words| usage(format!("--since: {words}")))?,
        None => now.to_zoned(zone).date(),
    };
    let evidence = Evidence { words: wanted.shown_by.clone().unwrap_or_default(), message: None };
    Ok(Claim { basis, day, evidence })
}

/// The files that a command names: for all charges, and by what was typed for one of them.
#[derive(Default)]
struct Files {
    all: Option<Attachment>,
    charges: Vec<(String, Attachment)>,
    /// Files of charges that stay as they were offered.
    kept: Vec<Attachment>,
}

impl Files {
    /// Those that go with the message, each once.
    fn into_attachments(self) -> Vec<Attachment> {
        let mut files: Vec<Attachment> = Vec::new();
        for file in self.all.into_iter().chain(self.charges.into_iter().map(|(_, file)| file)).chain(self.kept) {
            if !files.contains(&file) {
                files.push(file);
            }
        }
        files
    }
}

/// The terms of a command; a counter keeps what it does not name.
fn terms(wanted: &TermsOf, before: Option<&Terms>, files: &Files) -> Result<Terms, Failure> {
    let file = files.all.as_ref();
    let mut charges: Vec<Term> = Vec::new();
    for text in &wanted.charges {
        charges.push(plea_terms::read(text, &files.charges).map_err(|words| usage(format!("--charge {words}")))?);
    }
    for term in before.map(Terms::charges).unwrap_or_default() {
        if !charges.iter().any(|one| one.charge == term.charge) {
            charges.push(term.clone());
        }
    }
    let kept = || before.and_then(Terms::basis).cloned();
    let basis = match (file, wanted.basis.as_deref()) {
        (Some(file), _) => Some(plea_terms::attached(file)),
        (None, Some(text)) => text_document(text),
        (None, None) => kept(),
    };
    let conditions = wanted.conditions.clone().or_else(|| before.map(|terms| terms.conditions().to_owned()));
    Terms::new(charges, basis, &conditions.unwrap_or_default())
        .map_err(|error| usage(format!("{error}: give --charge")))
}

fn files(call: &Call<'_>, going: &Going) -> Result<Vec<Attachment>, Failure> {
    let read = |path: &std::path::PathBuf| {
        let content = std::fs::read(call.cwd.join(path))
            .map_err(|error| Failure::new(Exit::BadData, format!("{}: {error}", path.display())))?;
        let name = file_name(&path.file_name().unwrap_or_default().to_string_lossy());
        let media_type = match path.extension().and_then(|ext| ext.to_str()) {
            Some(ext) if ext.eq_ignore_ascii_case("pdf") => "application/pdf",
            Some(ext) if ext.eq_ignore_ascii_case("txt") => "text/plain",
            _ => "application/octet-stream",
        };
        Ok(Attachment { name, media_type: media_type.to_owned(), content })
    };
    going.files.iter().map(read).collect()
}

fn act_no(text: &str) -> Result<ActNo, Failure> {
    text.parse().map_err(|error: crate::plea::number::ActNoError| usage(error.to_string()))
}

fn subjects(texts: &[String]) -> Result<Vec<Subject>, Failure> {
    let one = |text: &String| {
        let (name, words) = text.split_once('=').unwrap_or((text, ""));
        let names: Vec<&str> = Condition::ALL.into_iter().map(Condition::name).collect();
        let condition =
            Condition::parse(name).ok_or_else(|| usage(format!("--subject-to is one of {}", names.join(", "))))?;
        Ok(Subject { condition, words: words.trim().to_owned() })
    };
    texts.iter().map(one).collect()
}

fn met(texts: &[String]) -> Result<Vec<Cleared>, Failure> {
    let one = |text: &String| {
        let wrong =
            || usage(format!("--cleared {text:?}: write CONDITION=WHO, for instance crown-counsel=A. Advocate"));
        let (name, by) = text.split_once('=').ok_or_else(wrong)?;
        Ok(Cleared { condition: Condition::parse(name).ok_or_else(wrong)?, by: by.trim().to_owned() })
    };
    texts.iter().map(one).collect()
}

/// What goes out: the proposal, with its authority where it needs one.
struct Proposed<'a> {
    shown: &'a NegotiationView,
    proposal: Proposal,
    claim: Option<Claim>,
    files: Vec<Attachment>,
}

fn send(call: &mut Call<'_>, proposed: Proposed<'_>, going: &Going) -> Outcome {
    let id = proposed.shown.view.setting.id.clone();
    let said = match &going.because {
        Some(words) => Said::Because(words.clone()),
        None if going.confirm => Said::Yes,
        None => Said::Nothing,
    };
    let cc = going.cc.iter().map(|one| Address::parse(one)).collect::<Result<Vec<_>, _>>();
    let cc = cc.map_err(|error| usage(format!("--cc: {error}")))?;
    let wish = Wish {
        case: proposed.shown.case.id.clone(),
        id: id.clone(),
        proposal: proposed.proposal,
        claim: proposed.claim,
        about: going.about.as_deref().map(act_no).transpose()?,
        text: going.below.clone().unwrap_or_default(),
        files: proposed.files,
    };
    let engine = call.engine()?;
    let (text, report) = match engine.plea(wish, cc, said, going.dry_run)? {
        Ok(made) => made,
        Err(because) => return refused(call, &id, &because),
    };
    if call.output.json() {
        let because: Vec<String> = report.findings.iter().map(|finding| finding.because.clone()).collect();
        call.output.document(&Done {
            schema: "casemail.plea-act/1",
            ok: !report.refused,
            id: id.to_string(),
            queued: report.queued.first().copied(),
            because: &because,
            text: &text,
        })?;
    } else if going.dry_run {
        call.output.line(text.trim_end())?;
    }
    transfer::told(call, &report, going.dry_run)?;
    if report.refused {
        return Ok(Exit::No);
    }
    transfer::fate(call, engine, &report.queued).map(|fate| fate.exit)
}

/// An offer or a counter: every gap is told at once, and written down as a sending that was refused.
fn offer(
    call: &mut Call<'_>,
    about: &About,
    kind: Kind,
    wanted: &TermsOf,
    authority: &Authority,
    going: &Going,
) -> Outcome {
    let mut shown = find(call, about)?;
    if kind == Kind::Offer && shown.view.state.is_closed() && about.negotiation.is_none() {
        // Another one begins where the last was closed.
        let next = shown.view.setting.id.next();
        shown = call.engine()?.negotiation(&shown.case.id, Some(&next), None)?;
    }
    let now = call.now();
    let setting = &shown.view.setting;
    let about_offer = going.about.as_deref().map(act_no).transpose()?;
    let before = if kind == Kind::Counter { target(&shown.view, kind, setting.us, about_offer) } else { None };
    let named = named_files(call, &shown, wanted, before)?;
    let terms = terms(wanted, before.map(|offer| &offer.terms), &named)?;
    let reply_by = wanted.reply_by.as_deref().ok_or_else(|| usage("say until when an answer is wanted: --reply-by"))?;
    let reply_by = plea_terms::moment(reply_by).map_err(|words| usage(format!("--reply-by: {words}")))?;
    let claim = claim(authority, setting.us, now)?;
    let actor = shown.actor.as_ref().map_err(|words| Failure::no(words.to_string()))?;
    let authorised = Authorised {
        name: actor.name.clone(),
        role: actor.role,
        on_behalf_of: actor.on_behalf_of.clone(),
        basis: claim.basis,
        day: claim.day,
    };
    let mut ground = Ground::of(&shown.case, setting.id.accused, setting.us, now);
    let attached: Vec<Attachment> = files(call, going)?.into_iter().chain(named.into_attachments()).collect();
    ground.files = attached.iter().map(|one| (text::fold(&one.name), Sha256::digest(&one.content).into())).collect();
    let offer = match Offer::new(terms, reply_by, Some(authorised), &ground) {
        Ok(offer) => offer,
        Err(errors) => {
            let because: Vec<String> = errors.iter().map(ToString::to_string).collect();
            let local = Local::Refused(kind, because.clone());
            call.engine()?.plea_local(&shown.case.id, &setting.id, local)?;
            return refused(call, &setting.id, &because);
        }
    };
    let proposal = if kind == Kind::Offer { Proposal::Offer(offer) } else { Proposal::Counter(offer) };
    send(call, Proposed { shown: &shown, proposal, claim: Some(claim), files: attached }, going)
}

/// The files that are bases or narratives: those that are named, else those of the offer that is answered, which go along again.
fn named_files(
    call: &Call<'_>,
    shown: &NegotiationView,
    wanted: &TermsOf,
    before: Option<&OfferView>,
) -> Result<Files, Failure> {
    let mut named = Files { all: basis_file(call, shown, wanted, before)?, ..Files::default() };
    for text in &wanted.charges {
        for typed in plea_terms::files(text) {
            if named.charges.iter().all(|(known, _)| known != typed) {
                named.charges.push((typed.to_owned(), file_for(call, shown, typed)?));
            }
        }
    }
    let is_named = |charge: u16| {
        let number = |text: &String| text.split([':', '=']).next().and_then(|number| number.trim().parse::<u16>().ok());
        wanted.charges.iter().any(|text| number(text) == Some(charge))
    };
    let Some(before) = before else { return Ok(named) };
    for term in before.terms.charges().iter().filter(|term| !is_named(term.charge)) {
        if let Some(Writing::Attached { name, .. }) = &term.basis {
            named.kept.push(file_for(call, shown, &format!("{}:{name}", before.no))?);
        }
    }
    Ok(named)
}

/// A file, read: of the disk, `case:NAME`, or `D1:NAME` of an act.
fn file_for(call: &Call<'_>, shown: &NegotiationView, typed: &str) -> Result<Attachment, Failure> {
    let of_act = typed.split_once(':').is_some_and(|(no, _)| no.parse::<ActNo>().is_ok());
    let name = match typed {
        name if name.starts_with("case:") || of_act => name.to_owned(),
        path => call.cwd.join(path).display().to_string(),
    };
    let mut file = call.engine()?.plea_file(&shown.case.id, &name).map_err(|error| match error {
        crate::engine::EngineError::Refused(words) => Failure::new(Exit::BadData, words),
        error => error.into(),
    })?;
    file.name = text::fold(&file_name(&file.name));
    Ok(file)
}

/// The file that an offer's basis or narrative is.
fn basis_file(
    call: &Call<'_>,
    shown: &NegotiationView,
    wanted: &TermsOf,
    before: Option<&OfferView>,
) -> Result<Option<Attachment>, Failure> {
    let name = match (&wanted.basis_file, &wanted.basis, before.and_then(|offer| offer.terms.basis())) {
        (Some(file), ..) => file.clone(),
        (None, None, Some(Writing::Attached { name, .. })) => {
            format!("{}:{name}", before.map(|offer| offer.no.to_string()).unwrap_or_default())
        }
        _ => return Ok(None),
    };
    file_for(call, shown, &name).map(Some)
}

fn accept(
    call: &mut Call<'_>,
    about: &About,
    under: &[String],
    cleared: &[String],
    authority: &Authority,
    going: &Going,
) -> Outcome {
    let shown = find(call, about)?;
    // An authority that nobody gave is not made up: without one, the guard says what is missing.
    let is_given = authority.shown_by.is_some() || authority.authority.is_some();
    let claim = if is_given { Some(claim(authority, shown.us(), call.now())?) } else { None };
    let proposal = if under.is_empty() {
        Proposal::Accept { cleared: met(cleared)? }
    } else {
        Proposal::AcceptSubject { subject_to: subjects(under)? }
    };
    let files = files(call, going)?;
    send(call, Proposed { shown: &shown, proposal, claim, files }, going)
}

fn simple(call: &mut Call<'_>, about: &About, proposal: Proposal, going: &Going) -> Outcome {
    let shown = find(call, about)?;
    let files = files(call, going)?;
    send(call, Proposed { shown: &shown, proposal, claim: None, files }, going)
}

fn mark(
    call: &mut Call<'_>,
    about: &About,
    message: &str,
    (kind, text): (&str, &str),
    wanted: &TermsOf,
    under: &[String],
    offer: Option<&str>,
) -> Outcome {
    let shown = find(call, about)?;
    let setting = &shown.view.setting;
    let side = setting.us.other();
    let kind = Kind::parse(kind).filter(|kind| kind.is_sent()).ok_or_else(|| {
        let names: Vec<&str> = Kind::SENT.into_iter().map(Kind::name).collect();
        usage(format!("--as is one of {}", names.join(", ")))
    })?;
    let about_offer = offer.map(act_no).transpose()?;
    let reply_by = || {
        let text = wanted.reply_by.as_deref().ok_or_else(|| usage("say until when they want an answer: --reply-by"))?;
        plea_terms::moment(text).map_err(|words| usage(format!("--reply-by: {words}")))
    };
    let said = text.to_owned();
    let meaning = match kind {
        Kind::Offer | Kind::Counter => {
            let before = if kind == Kind::Counter { target(&shown.view, kind, side, about_offer) } else { None };
            let named = named_files(call, &shown, wanted, before)?;
            let terms = terms(wanted, before.map(|offer| &offer.terms), &named)?;
            let ground = Ground::of(&shown.case, setting.id.accused, side, call.now());
            let gaps: Vec<String> = gaps(&terms, &ground).iter().map(ToString::to_string).collect();
            if !gaps.is_empty() {
                return refused(call, &setting.id, &gaps);
            }
            if kind == Kind::Offer { Meaning::Offer(terms, reply_by()?) } else { Meaning::Counter(terms, reply_by()?) }
        }
        Kind::Accept => Meaning::Accept(Vec::new()),
        Kind::AcceptSubject => Meaning::AcceptSubject(subjects(under)?),
        Kind::Reject => Meaning::Reject(said),
        Kind::Withdraw => Meaning::Withdraw(said),
        Kind::Query => Meaning::Query(said),
        Kind::Reply => Meaning::Reply(said),
        Kind::Chase => Meaning::Chase(said),
        Kind::Extend => Meaning::Extend(reply_by()?),
        _ => return Err(usage("a notice of a tender is entered as a hearing of the case")),
    };
    let message = message.parse().map_err(|error: crate::mail::id::MessageRefError| usage(error.to_string()))?;
    let wish = MarkWish { case: shown.case.id.clone(), id: setting.id.clone(), message, meaning, about: about_offer };
    match call.engine()?.plea_mark(wish)? {
        Ok(words) => told(call, &setting.id, &words),
        Err(because) => refused(call, &setting.id, &because),
    }
}

pub(super) fn told(call: &mut Call<'_>, id: &NegotiationId, words: &str) -> Outcome {
    if call.output.json() {
        let id = id.to_string();
        call.output.document(&Done {
            schema: "casemail.plea-act/1",
            ok: true,
            id,
            queued: None,
            because: &[],
            text: words,
        })?;
    } else {
        call.output.line(words)?;
    }
    Ok(Exit::Done)
}

fn local(call: &mut Call<'_>, about: &About, local: Local) -> Outcome {
    let shown = find(call, about)?;
    let id = shown.view.setting.id.clone();
    let words = call.engine()?.plea_local(&shown.case.id, &id, local).map_err(|error| match error {
        crate::engine::EngineError::Refused(words) => Failure::no(words),
        error => error.into(),
    })?;
    told(call, &id, &words)
}

fn record(
    call: &mut Call<'_>,
    about: &About,
    (name, reason): (&str, &str),
    hearing: Option<&str>,
    source: &str,
) -> Outcome {
    let shown = find(call, about)?;
    let outcome = outcome(name, reason).map_err(usage)?;
    let hearing = match hearing {
        None => None,
        Some(text) => {
            let day = date(text).ok();
            let known = shown.case.hearings.iter().find(|one| one.id.0 == text || Some(one.at.date) == day);
            let names: Vec<&str> = shown.case.hearings.iter().map(|one| one.id.0.as_str()).collect();
            let known = known.ok_or_else(|| {
                Failure::no(format!("the case has no hearing {text:?}; it has: {}", names.join(", ")))
            })?;
            Some(HearingId(known.id.0.clone()))
        }
    };
    local(call, about, Local::Record { outcome, hearing, source: source.to_owned() })
}

/// The act that is meant.
fn meant(act: &str, message: Option<&str>) -> Result<Meant, Failure> {
    let message = message.map(|name| Carrier::Named(name.to_owned()));
    Ok(Meant { no: act_no(act)?, message })
}

/// Performs it.
pub(super) fn run(call: &mut Call<'_>, command: &Plea) -> Outcome {
    match command {
        Plea::List { all, sort, limit } => list(call, *all, sort, *limit),
        Plea::Show { about } => show(call, about),
        Plea::Offer { about, terms, authority, going } => offer(call, about, Kind::Offer, terms, authority, going),
        Plea::Counter { about, terms, authority, going } => offer(call, about, Kind::Counter, terms, authority, going),
        Plea::Accept { about, subject_to, cleared, authority, going } => {
            accept(call, about, subject_to, cleared, authority, going)
        }
        Plea::Reject { about, reason, going } => {
            simple(call, about, Proposal::Reject { because: reason.clone() }, going)
        }
        Plea::Withdraw { about, reason, going } => {
            simple(call, about, Proposal::Withdraw { because: reason.clone() }, going)
        }
        Plea::Query { about, text, going } => simple(call, about, Proposal::Query { text: text.clone() }, going),
        Plea::Reply { about, text, to, going } => {
            let to = to.as_deref().map(act_no).transpose()?;
            simple(call, about, Proposal::Reply { to, text: text.clone() }, going)
        }
        Plea::Chase { about, text, going } => simple(call, about, Proposal::Chase { text: text.clone() }, going),
        Plea::Extend { about, reply_by, going } => {
            let reply_by = plea_terms::moment(reply_by).map_err(|words| usage(format!("--reply-by: {words}")))?;
            simple(call, about, Proposal::Extend { reply_by }, going)
        }
        Plea::Tender { about, date: day, time, court, going } => {
            let day = date(day).map_err(|words| usage(format!("--date: {words}")))?;
            let wrong = || usage("--time: write for instance 10:00");
            let time = time.as_deref().map(|text| jiff::civil::Time::strptime("%H:%M", text).map_err(|_| wrong()));
            let at = HearingTime { date: day, time: time.transpose()? };
            simple(call, about, Proposal::TenderNotice { at, court: court.clone() }, going)
        }
        Plea::Mark { about, message, kind, terms, text, subject_to, offer } => {
            mark(call, about, message, (kind, text), terms, subject_to, offer.as_deref())
        }
        Plea::Unmark { about, act, message, reason } => {
            local(call, about, Local::Unmark(meant(act, message.as_deref())?, reason.clone()))
        }
        Plea::Admit { about, act, message, reason } => {
            local(call, about, Local::Admit(meant(act, message.as_deref())?, reason.clone()))
        }
        Plea::Choose { about, act } => local(call, about, Local::Choose(act_no(act)?)),
        Plea::Record { about, outcome, reason, hearing, known_from } => {
            record(call, about, (outcome, reason), hearing.as_deref(), known_from)
        }
        Plea::Sheet { about, to } => paper(call, about, Paper::Page, to.as_deref()),
        Plea::Chronology { about, to } => paper(call, about, Paper::Chronology, to.as_deref()),
        Plea::Note { about, text } => local(call, about, Local::Note(text.clone())),
    }
}
