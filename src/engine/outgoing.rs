//! A draft on its way out: built, checked, signed and sealed before anybody is asked to confirm it. What was reviewed is what is sent.
//!
//! Pure: keys, time and randomness are arguments. [`prepare`] makes the very bytes that will be sent, one copy for the visible recipients and,
//! where the message is sealed, one more for each blind one: a list of key ids in one ciphertext would show them to the others
//! (CVE-2024-49395). Where some get it sealed and some in clear, the visible recipients get two copies. Which copy is what is
//! [`super::protection`]'s. A finding of severity alarm forbids sending; there is no way to confirm past it. What the guard
//! finds wants a yes or a reason, which are kept with the message and compared again when it is sent.

use jiff::Zoned;

use std::sync::Arc;

use super::enclosing;
use super::guard::Facts;
use super::library::filing::Book;
use super::outbox::Limits;
use super::parting::{self, USUAL_BYTES};
use super::protection::{self, Fates};
use super::query::{Finding, RouteListed, SealingListed, Severity};
use super::reader::address_view;
use crate::app::view::{Assent, AttachmentRow, Limit, RecipientReview, Review, Sentence, Tone};
use crate::case::Classes;
use crate::case::guard::{self, Accepted};
use crate::config::openpgp::OuterSubject;
use crate::config::{Account, Config};
use crate::mail::address::Address;
use crate::mail::build::{self, Extras, Stamp};
use crate::mail::display;
use crate::mail::draft::Draft;
use crate::mail::id::{CaseId, MessageRef};
use crate::mail::message::Message;
use crate::mail::safe::{self, SafeText};
use crate::mail::size::size;
use crate::pgp::keyring::Keyring;
use crate::pgp::protect::OBSCURED_SUBJECT;
use crate::pgp::seal::{self, Sealing};
use crate::pgp::{announce, error::PgpError};

/// A copy as it will be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Copy {
    /// Without angle brackets.
    pub(crate) message_id: String,
    /// The route of the configuration; `None`: the account's own server.
    pub(crate) route: Option<String>,
    /// RFC 5321 forward paths.
    pub(crate) recipients: Vec<String>,
    /// The bytes; copies that differ by the route only share them.
    pub(crate) raw: Arc<[u8]>,
    /// What the Subject says outside of the encryption, where that is something else.
    pub(crate) outside: Option<String>,
    /// The subject as written.
    pub(crate) subject: String,
    /// Which of several messages it is; 0: the first, or the only one.
    pub(crate) part: usize,
}

/// A message ready to be confirmed.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) token: u64,
    pub(crate) account: String,
    pub(crate) from: String,
    /// To and Cc, for lists.
    pub(crate) to: Vec<Address>,
    pub(crate) case: Option<CaseId>,
    /// All cases that it belongs to.
    pub(crate) cases: Vec<CaseId>,
    pub(crate) answers: Option<MessageRef>,
    pub(crate) copies: Vec<Copy>,
    /// By which servers it goes.
    pub(crate) routes: Vec<RouteListed>,
    pub(crate) findings: Vec<Finding>,
    /// What OpenPGP does for each recipient.
    pub(crate) sealings: Vec<SealingListed>,
    /// What the guard found, which a yes or a reason may lead past.
    pub(crate) guarded: Vec<guard::Finding>,
    /// Those who have it encrypted to a key of their own.
    pub(crate) sealed: Vec<String>,
    pub(crate) review: Review,
    /// What it was made of.
    pub(crate) draft: Draft,
}

impl Prepared {
    /// What forbids sending in spite of what a person has taken upon themselves, in words.
    pub(crate) fn refusal(&self, accepted: &Accepted) -> Option<String> {
        let alarm = self.findings.iter().find(|finding| finding.severity == Severity::Alarm);
        if let Some(alarm) = alarm {
            return Some(alarm.because.clone());
        }
        if self.copies.is_empty() {
            return Some("it could not be built".to_owned());
        }
        guard::standing(&self.guarded, accepted).first().map(|finding| finding.because.clone())
    }
}

/// With what a draft is prepared.
pub(crate) struct Means<'a> {
    pub(crate) account: &'a Account,
    pub(crate) config: &'a Config,
    /// What the servers took at most when last asked.
    pub(crate) limits: &'a Limits,
    pub(crate) keyring: &'a Keyring,
    pub(crate) classes: &'a Classes,
    /// Knows the numbers of cases in a subject.
    pub(crate) book: &'a Book,
    /// What the guard goes by.
    pub(crate) facts: &'a Facts,
    /// Sentences about files that could not be read as they were attached.
    pub(crate) unread: &'a [String],
    pub(crate) now: Zoned,
    /// A fresh random number for each copy.
    pub(crate) random: &'a dyn Fn() -> [u8; 16],
}

/// What the checks find.
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    pub(crate) fn add(
        &mut self,
        recipient: Option<&str>,
        code: &'static str,
        severity: Severity,
        because: impl Into<String>,
    ) {
        let (recipient, because) = (recipient.map(str::to_owned), because.into());
        self.0.push(Finding { recipient, code, severity, because, cure: String::new() });
    }
}

impl Findings {
    /// Those of the guard, as they are told.
    fn guarded(&mut self, guarded: &[guard::Finding]) {
        self.0.extend(guarded.iter().map(|finding| Finding {
            recipient: finding.recipient.clone(),
            code: finding.code,
            severity: match finding.severity {
                guard::Severity::Tell if finding.code == "open-among-secure" || finding.code == "many-recipients" => {
                    Severity::Warning
                }
                guard::Severity::Tell => Severity::Note,
                guard::Severity::Confirm => Severity::Confirm,
                guard::Severity::Block if finding.may_override => Severity::Block,
                guard::Severity::Block => Severity::Alarm,
            },
            because: finding.because.clone(),
            cure: finding.cure.clone(),
        }));
    }
}

/// What a person has to do before it may go.
fn assent(guarded: &[guard::Finding]) -> Assent {
    match guarded.iter().map(|finding| finding.severity).max() {
        Some(guard::Severity::Block) => Assent::Reason,
        Some(guard::Severity::Confirm) => Assent::Yes,
        _ => Assent::Nothing,
    }
}

/// Builds, checks, signs and seals a draft.
pub(crate) fn prepare(mut draft: Draft, token: u64, means: &Means<'_>) -> Prepared {
    if draft.from.addr.is_empty() {
        draft.from = means.account.address.clone();
    }
    if draft.from.name.is_empty() {
        draft.from.name.clone_from(&means.account.full_name);
    }
    draft.account.clone_from(&means.account.name);
    let mut findings = Findings(Vec::new());
    check_people(&draft, means, &mut findings);
    check_routes(&draft, means, &mut findings);
    check_text(&draft, &mut findings);
    let fates = protection::decide(&draft, means, &mut findings);
    // Ciphertext that only they can open: for them the open internet is no matter.
    let is_sealed = |address: &Address| fates.of(&address.addr).is_some_and(|fate| fate.key.is_some());
    let sealed: Vec<String> = everybody(&draft).filter(|one| is_sealed(one)).map(|one| one.addr.clone()).collect();
    let mut guarded = means.facts.check(&draft, &sealed, means.classes);
    guarded.extend(enclosing::findings(&draft, &means.config.attachments));
    findings.guarded(&guarded);
    for because in means.unread {
        findings.add(None, "file-changed", Severity::Alarm, because);
    }
    let mut copies = Vec::new();
    let mut shown = None;
    let (mut bytes, mut parts) = (0, Vec::new());
    if !findings.0.iter().any(|finding| finding.severity == Severity::Alarm) {
        let limits = limits(everybody(&draft).map(|one| one.addr.as_str()), means);
        match parting::make(&draft, &fates, means, &limits) {
            Ok(made) => {
                copies = by_route(made.copies, means);
                shown = Some(made.clear);
                (bytes, parts) = (made.bytes, made.told);
                if draft.split.is_some() {
                    let number = |count: &usize| u32::try_from(*count).unwrap_or(u32::MAX);
                    draft.split = Some(made.counts.iter().map(number).collect());
                }
            }
            Err((code, words)) => findings.add(None, code, Severity::Alarm, words),
        }
    }
    let too_large = check_size(&copies, means);
    findings.guarded(&too_large);
    let largest = copies.iter().map(|copy| copy.raw.len() as u64).max().unwrap_or(0);
    if largest > USUAL_BYTES && too_large.is_empty() {
        let words = format!("It has {} on the wire; many servers refuse more than 10 MB.", size(largest));
        findings.add(None, "large", Severity::Warning, words);
    }
    guarded.extend(too_large);
    guarded.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let outside = copies.iter().find_map(|copy| copy.outside.as_deref());
    let found = (findings.0.as_slice(), guarded.as_slice());
    let review = review(&draft, token, means, &fates, found, shown.as_ref(), (bytes, outside, parts));
    Prepared {
        token,
        account: draft.account.clone(),
        from: draft.from.addr.clone(),
        to: draft.to.iter().chain(&draft.cc).cloned().collect(),
        case: means.facts.case(),
        cases: means.facts.cases(),
        answers: draft.answers.clone(),
        routes: routes_listed(&draft, means),
        copies,
        findings: findings.0,
        sealings: fates.listed(),
        guarded,
        sealed,
        review,
        draft,
    }
}

/// Everybody whom a draft goes to.
pub(crate) fn everybody(draft: &Draft) -> impl Iterator<Item = &Address> {
    draft.to.iter().chain(&draft.cc).chain(&draft.bcc)
}

/// A route that takes mail from certain addresses only takes none from the others: it is not sent another way instead.
fn check_routes(draft: &Draft, means: &Means<'_>, findings: &mut Findings) {
    for address in everybody(draft) {
        let route = means.config.route(&means.account.name, &address.addr);
        if let Some(route) = route.filter(|route| !route.takes_from(&draft.from.addr)) {
            findings.add(
                Some(&address.addr),
                "route-refuses-sender",
                Severity::Alarm,
                format!(
                    "Mail to {} goes by {}, which takes mail from {} only. Write from one of these addresses.",
                    address.addr,
                    route.name,
                    route.from.join(", ")
                ),
            );
        }
    }
}

/// The limits that a message to these is under, the smallest first.
fn limits<'a>(addresses: impl Iterator<Item = &'a str>, means: &Means<'_>) -> Vec<Limit> {
    enclosing::limits(means.config, means.classes, means.limits, &means.account.name, addresses)
}

/// A server that said what it takes at most is believed until it says otherwise, and so is what the configuration says of gateways. A server may take
/// more by now, so a reason leads past it: it is asked again when the message is handed over.
fn check_size(copies: &[Copy], means: &Means<'_>) -> Vec<guard::Finding> {
    let mut found: Vec<guard::Finding> = Vec::new();
    let mut told: Vec<SafeText> = Vec::new();
    for copy in copies {
        let bytes = copy.raw.len() as u64;
        for limit in limits(copy.recipients.iter().map(String::as_str), means) {
            if bytes <= limit.bytes || told.contains(&limit.whose) {
                continue;
            }
            found.push(guard::Finding {
                recipient: None,
                code: "too-large",
                severity: guard::Severity::Block,
                because: format!("It is too large for {}: {} > {}.", limit.whose, size(bytes), size(limit.bytes)),
                cure: "Split it into several messages, or send fewer or smaller files.".to_owned(),
                may_override: true,
            });
            told.push(limit.whose);
        }
    }
    found
}

/// By which servers it goes, each with whom it takes the message to.
fn routes_listed(draft: &Draft, means: &Means<'_>) -> Vec<RouteListed> {
    let mut listed: Vec<RouteListed> = Vec::new();
    for address in everybody(draft) {
        let route = means.config.route(&means.account.name, &address.addr);
        let name = route.map(|route| route.name.clone());
        let known = listed.iter_mut().find(|one| one.route == name);
        match known {
            Some(one) => one.recipients.push(address.addr.clone()),
            None => listed.push(RouteListed {
                host: route.map_or(&means.account.smtp, |route| &route.smtp).host.clone(),
                route: name,
                recipients: vec![address.addr.clone()],
            }),
        }
    }
    listed
}

/// Takes copies apart by the routes of their recipients; the bytes stay the same.
fn by_route(copies: Vec<Copy>, means: &Means<'_>) -> Vec<Copy> {
    let mut apart: Vec<Copy> = Vec::new();
    for copy in copies {
        let first = apart.len();
        for recipient in &copy.recipients {
            let route = means.config.route(&means.account.name, recipient).map(|route| route.name.clone());
            let known = apart.iter_mut().skip(first).find(|one| one.route == route);
            match known {
                Some(one) => one.recipients.push(recipient.clone()),
                None => apart.push(Copy { route, recipients: vec![recipient.clone()], ..copy.clone() }),
            }
        }
    }
    apart
}

fn check_people(draft: &Draft, means: &Means<'_>, findings: &mut Findings) {
    if !means.account.owns(&draft.from.addr) {
        findings.add(
            Some(&draft.from.addr),
            "not-your-address",
            Severity::Alarm,
            format!(
                "{} is no address of the account {}; add it under `also` or choose another author.",
                draft.from.addr, means.account.name
            ),
        );
    }
    if draft.to.is_empty() && draft.cc.is_empty() && draft.bcc.is_empty() {
        findings.add(None, "no-recipient", Severity::Alarm, "It goes to nobody: fill in To.");
    }
    for number in means.book.numbers_of_people(&draft.subject) {
        let words = format!(
            "The subject holds {} {number}, which names a person: subjects are read by many; put it into the text.",
            number.kind.words()
        );
        findings.add(None, "person-in-subject", Severity::Warning, words);
    }
    let fields = [("To", &draft.to), ("Cc", &draft.cc), ("Bcc", &draft.bcc)];
    for (field, list) in fields {
        for address in list {
            if let Err(error) = address.check() {
                findings.add(Some(&address.addr), "malformed-address", Severity::Alarm, format!("{field}: {error}"));
            } else if address.name_deceives() {
                findings.add(
                    Some(&address.addr),
                    "name-deceives",
                    Severity::Warning,
                    format!("{field}: the name {:?} looks like another address than {}.", address.name, address.addr),
                );
            }
            if means.classes.is_obsolete(&address.addr) {
                findings.add(
                    Some(&address.addr),
                    "obsolete-domain",
                    Severity::Warning,
                    format!(
                        "{} belongs to a family of domains that was given up; mail to it may go nowhere.",
                        address.addr
                    ),
                );
            }
        }
    }
}

fn check_text(draft: &Draft, findings: &mut Findings) {
    if draft.subject.trim().is_empty() {
        findings.add(None, "no-subject", Severity::Warning, "It has no subject.");
    }
    let own: Vec<&str> = draft.body.lines().filter(|line| !line.starts_with('>')).collect();
    if own.iter().all(|line| line.trim().is_empty()) {
        findings.add(None, "empty-body", Severity::Warning, "It has no text of yours.");
    }
}

/// Makes copies of a message: each stamped, built, and signed or sealed for whom it is.
struct Maker<'a> {
    draft: &'a Draft,
    fates: &'a Fates,
    means: &'a Means<'a>,
}

impl Maker<'_> {
    /// A copy for these recipients, who are all sealed to or all in clear, in the thread of `also` beside the draft's own; `behind` the first of
    /// several messages.
    fn copy(&self, recipients: Vec<String>, also: Option<&str>, behind: Option<&String>) -> Result<Copy, String> {
        let words = |error: PgpError| error.to_string();
        let (fates, means) = (self.fates, self.means);
        let now = means.now.timestamp();
        let mut draft = std::borrow::Cow::Borrowed(self.draft);
        if let Some(also) = also {
            draft.to_mut().references.push(also.to_owned());
        }
        if let Some(first) = behind {
            let draft = draft.to_mut();
            draft.references.push(first.clone());
            draft.in_reply_to = vec![first.clone()];
        }
        let sealed: Vec<String> =
            recipients.iter().filter_map(|one| fates.of(one)).filter_map(|fate| fate.key.clone()).collect();
        let is_sealed = !sealed.is_empty();
        let own = fates.own.as_deref();
        let need_own = || own.ok_or_else(|| "there is no key of your own to sign with".to_owned());
        let mut extras = Extras::default();
        if fates.announces_key(&recipients) {
            let field = announce::autocrypt(means.keyring, need_own()?, &draft.from.addr, now);
            // Never a reason not to send.
            extras.fields.extend(field.ok().map(|value| ("Autocrypt".to_owned(), value)));
        }
        let outer = is_sealed.then(|| self.outer_subject(&draft, &recipients)).flatten();
        extras.legacy_subject =
            outer.is_some() && means.config.openpgp.legacy_display && !draft.subject.trim().is_empty();
        let message_id = build::message_id((means.random)(), &draft.from);
        let stamp = Stamp { message_id: message_id.clone(), date: means.now.clone() };
        let built = build::build_with(&draft, &stamp, &extras).map_err(|error| error.to_string())?;
        let raw = if is_sealed {
            let own = need_own()?;
            let sealing = Sealing { to: &sealed, own, sign: fates.sign_sealed, outer_subject: outer.as_deref() };
            seal::seal_as(&built.entity, &built.fields, means.keyring, &sealing, now).map_err(words)?.assemble()
        } else if fates.sign_clear {
            seal::sign(&built.entity, &built.fields, means.keyring, need_own()?, now).map_err(words)?.assemble()
        } else {
            built.assemble()
        };
        let subject = draft.subject.clone();
        Ok(Copy { message_id, route: None, recipients, raw: raw.into(), outside: outer, subject, part: 0 })
    }

    /// What the Subject says outside; `None`: the same as inside.
    fn outer_subject(&self, draft: &Draft, to: &[String]) -> Option<String> {
        let hidden = || OBSCURED_SUBJECT.to_owned();
        match self.fates.outer_subject(draft, to) {
            OuterSubject::Keep => None,
            OuterSubject::Hidden => Some(hidden()),
            OuterSubject::CaseNumbers => {
                let mut words = self.means.book.case_numbers(&draft.subject);
                words.retain(|number| number.bytes().all(|byte| byte.is_ascii_graphic()));
                words.truncate(4);
                words.push(hidden());
                Some(words.join(" "))
            }
        }
    }
}

/// The copies to be sent, and the message in clear as it was built. `first`: the Message-IDs of the copies of the first of several messages.
pub(super) fn make_copies(
    draft: &Draft,
    fates: &Fates,
    means: &Means<'_>,
    first: &[String],
) -> Result<(Vec<Copy>, Message), String> {
    let maker = Maker { draft, fates, means };
    let stamp = Stamp { message_id: build::message_id([0; 16], &draft.from), date: means.now.clone() };
    let clear = build::build(draft, &stamp).map_err(|error| error.to_string())?;
    let is_sealed = |address: &str| fates.of(address).is_some_and(|fate| fate.key.is_some());
    let (mut sealed, mut open, mut blind): (Vec<String>, Vec<String>, Vec<String>) = Default::default();
    for (address, hidden) in
        draft.to.iter().chain(&draft.cc).map(|one| (one, false)).chain(draft.bcc.iter().map(|one| (one, true)))
    {
        let known = |list: &[String]| list.iter().any(|addr| addr.eq_ignore_ascii_case(&address.addr));
        if known(&sealed) || known(&open) || known(&blind) {
            continue;
        }
        let to = match (is_sealed(&address.addr), hidden) {
            (true, false) => &mut sealed,
            (true, true) => &mut blind,
            // The bytes are the same for all who get it in clear: the envelope alone names the blind ones.
            (false, _) => &mut open,
        };
        to.push(address.addr.clone());
    }
    let mut copies: Vec<Copy> = Vec::new();
    if !sealed.is_empty() {
        copies.push(maker.copy(sealed, None, first.first())?);
    }
    if !open.is_empty() {
        // The same message told twice is one thread, where somebody sees answers to both. Who gets it blind alone does not learn of the other.
        let visible = draft.to.iter().chain(&draft.cc).any(|one| open.contains(&one.addr));
        let other = copies.first().filter(|_| visible).map(|copy| copy.message_id.clone());
        let behind = first.get(copies.len());
        copies.push(maker.copy(open, other.as_deref(), behind)?);
    }
    for address in blind {
        // A Message-ID of its own: whether this copy was sent must not be concluded from the other one.
        let behind = first.get(copies.len());
        copies.push(maker.copy(vec![address], None, behind)?);
    }
    Ok((copies, Message::parse(clear.assemble())))
}

/// By which server a recipient is reached, where there is more than one way.
fn route_in_words(address: &Address, means: &Means<'_>) -> Option<SafeText> {
    if means.config.routes.is_empty() {
        return None;
    }
    Some(match means.config.route(&means.account.name, &address.addr) {
        Some(route) if route.name == route.smtp.host => SafeText::line(&format!("By {}.", route.name)),
        Some(route) => SafeText::line(&format!("By {} ({}).", route.name, route.smtp.host)),
        None => SafeText::line(&format!("By {}.", means.account.smtp.host)),
    })
}

fn review(
    draft: &Draft,
    token: u64,
    means: &Means<'_>,
    fates: &Fates,
    (findings, guarded): (&[Finding], &[guard::Finding]),
    clear: Option<&Message>,
    (bytes, outside, parts): (u64, Option<&str>, Vec<SafeText>),
) -> Review {
    let fields = [("To", &draft.to), ("Cc", &draft.cc), ("Bcc", &draft.bcc)];
    let people = fields.into_iter().flat_map(|(field, list)| list.iter().map(move |address| (field, address)));
    let recipients = people
        .map(|(field, address)| RecipientReview {
            field,
            address: address_view(address, means.classes),
            key: fates.sentence_of(&address.addr),
            route: route_in_words(address, means),
        })
        .collect();
    // The text is read back out of what was built: what is shown is what goes out.
    let text = match clear {
        Some(message) => display::body(message).sections.iter().flat_map(|s| SafeText::block(&s.text)).collect(),
        None => SafeText::block(&draft.body),
    };
    Review {
        token,
        from: address_view(&draft.from, means.classes).text,
        recipients,
        subject: SafeText::line(&draft.subject),
        protection: fates.sentence.clone(),
        outside: outside.map(SafeText::line),
        to_name: fates.to_name.clone(),
        findings: findings
            .iter()
            .map(|finding| Sentence {
                tone: match finding.severity {
                    Severity::Note => Tone::Plain,
                    Severity::Warning | Severity::Confirm => Tone::Warning,
                    Severity::Block | Severity::Alarm => Tone::Alarm,
                },
                text: SafeText::line(format!("{} {}", finding.because, finding.cure).trim()),
            })
            .collect(),
        forbidden: findings
            .iter()
            .find(|finding| finding.severity == Severity::Alarm)
            .map(|finding| SafeText::line(&finding.because)),
        assent: assent(guarded),
        text: text.into(),
        attachments: draft
            .attachments
            .iter()
            .enumerate()
            .map(|(place, attachment)| AttachmentRow {
                path: (place + 2).to_string(),
                name: SafeText::line(&safe::file_name(&attachment.name)),
                media_type: SafeText::line(&attachment.media_type),
                bytes: attachment.content.len() as u64,
                sealed: false,
                ciphertext: false,
                document: None,
            })
            .collect(),
        bytes,
        is_large: !parts.is_empty() || findings.iter().any(|finding| finding.code == "too-large"),
        parts,
    }
}
