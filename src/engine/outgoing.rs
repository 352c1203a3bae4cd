//! A draft on its way out: built, checked, signed and sealed before anybody is asked to confirm it. What was reviewed is what is sent.
//!
//! Pure: keys, time and randomness are arguments. [`prepare`] makes the very bytes that will be sent, one copy for the visible recipients and,
//! where the message is sealed, one more for each blind one: a list of key ids in one ciphertext would show them to the others
//! (CVE-2024-49395). A finding of severity alarm forbids sending; there is no way to confirm past it.

use jiff::Zoned;

use std::sync::Arc;

use super::outbox::Limits;
use super::query::{Finding, RouteListed, Severity};
use super::reader::address_view;
use crate::app::view::{AttachmentRow, RecipientReview, Review, Sentence, Tone};
use crate::case::{Class, Classes};
use crate::config::{Account, Config};
use crate::mail::address::Address;
use crate::mail::build::{self, Built, Stamp};
use crate::mail::display;
use crate::mail::draft::{Draft, Protection};
use crate::mail::id::{CaseId, MessageRef};
use crate::mail::message::Message;
use crate::mail::safe::{self, SafeText};
use crate::pgp::keyring::Keyring;
use crate::pgp::recipients::{RecipientKey, recipients};
use crate::pgp::seal;
use crate::smtp::envelope::megabytes;

/// Visible recipients beyond which a person should look twice.
const VISIBLE_MAX: usize = 8;
/// Size on the wire beyond which many servers refuse.
const LARGE_BYTES: usize = 10 << 20;

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
}

/// A message ready to be confirmed.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) token: u64,
    pub(crate) account: String,
    pub(crate) from: String,
    /// To and Cc, for lists.
    pub(crate) to: Vec<Address>,
    pub(crate) subject: String,
    pub(crate) case: Option<CaseId>,
    pub(crate) answers: Option<MessageRef>,
    pub(crate) copies: Vec<Copy>,
    /// By which servers it goes.
    pub(crate) routes: Vec<RouteListed>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) review: Review,
    /// What it was made of.
    pub(crate) draft: Draft,
}

impl Prepared {
    /// Whether some finding forbids sending.
    pub(crate) fn is_refused(&self) -> bool {
        self.copies.is_empty() || self.findings.iter().any(|finding| finding.severity == Severity::Alarm)
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
    pub(crate) now: Zoned,
    /// A fresh random number for each copy.
    pub(crate) random: &'a dyn Fn() -> [u8; 16],
}

/// What will be done to the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    Seal,
    Sign,
    Clear,
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, recipient: Option<&str>, code: &'static str, severity: Severity, because: impl Into<String>) {
        self.0.push(Finding { recipient: recipient.map(str::to_owned), code, severity, because: because.into() });
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
    let timestamp = means.now.timestamp();
    let everyone: Vec<String> =
        draft.to.iter().chain(&draft.cc).chain(&draft.bcc).map(|address| address.addr.clone()).collect();
    let keys = recipients(means.keyring, &everyone, timestamp);
    let signer = means.keyring.signer_for(&draft.from.addr, timestamp);
    let (plan, protection) = decide(&draft, &keys, signer.is_some(), &mut findings);
    if plan == Plan::Clear || plan == Plan::Sign {
        check_carriage(&draft, means, &mut findings);
    } else {
        for address in draft.to.iter().chain(&draft.cc).chain(&draft.bcc) {
            if means.classes.class(&address.addr) == Class::Cjsm {
                findings.add(
                    Some(&address.addr),
                    "sealed-to-gateway",
                    Severity::Warning,
                    format!("{} is reached by the CJSM gateway, which may refuse what it cannot scan.", address.addr),
                );
            }
        }
    }
    let mut copies = Vec::new();
    let mut shown = None;
    if !findings.0.iter().any(|finding| finding.severity == Severity::Alarm) {
        match make_copies(&draft, plan, &keys, signer.as_deref(), means) {
            Ok((made, clear)) => {
                copies = by_route(made, means);
                shown = Some(clear);
            }
            Err(words) => findings.add(None, "cannot-be-built", Severity::Alarm, words),
        }
    }
    let bytes = copies.first().map_or(0, |copy| copy.raw.len());
    let too_large = check_size(&copies, means, &mut findings);
    if bytes > LARGE_BYTES && !too_large {
        let megabytes = bytes >> 20;
        findings.add(
            None,
            "large",
            Severity::Warning,
            format!("It has {megabytes} MB on the wire; many servers refuse more than 10 MB."),
        );
    }
    let review = review(&draft, token, means, &keys, protection, &findings.0, shown.as_ref(), bytes as u64);
    Prepared {
        token,
        account: draft.account.clone(),
        from: draft.from.addr.clone(),
        to: draft.to.iter().chain(&draft.cc).cloned().collect(),
        subject: draft.subject.clone(),
        case: draft.case.clone(),
        answers: draft.answers.clone(),
        routes: routes_listed(&draft, means),
        copies,
        findings: findings.0,
        review,
        draft,
    }
}

/// Everybody whom a draft goes to.
fn everybody(draft: &Draft) -> impl Iterator<Item = &Address> {
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

/// A server that said what it takes at most is believed until it says otherwise: told now, and asked again when the message is handed over.
fn check_size(copies: &[Copy], means: &Means<'_>, findings: &mut Findings) -> bool {
    let mut found = false;
    let mut told: Vec<Option<&str>> = Vec::new();
    for copy in copies {
        let route = copy.route.as_deref();
        let bytes = copy.raw.len() as u64;
        let limit = means.limits.of(&means.account.name, route);
        if let Some(limit) = limit.filter(|limit| bytes > *limit && !told.contains(&route)) {
            told.push(route);
            found = true;
            let by = route.map_or_else(|| means.account.smtp.host.clone(), str::to_owned);
            findings.add(
                None,
                "too-large",
                Severity::Warning,
                format!(
                    "It is too large for the server {by}: {} > {}. Send fewer or smaller attachments.",
                    megabytes(bytes),
                    megabytes(limit)
                ),
            );
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
    let visible = draft.to.len().saturating_add(draft.cc.len());
    if visible > VISIBLE_MAX {
        findings.add(
            None,
            "many-recipients",
            Severity::Warning,
            format!("{visible} people will see each other's addresses."),
        );
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
    if draft.attachments.is_empty() {
        let lower = own.join("\n").to_lowercase();
        if ["attached", "attachment", "attach ", "enclosed", "enclosure"].iter().any(|word| lower.contains(word)) {
            findings.add(
                None,
                "attachment-missing",
                Severity::Warning,
                "The text speaks of an attachment, and there is none.",
            );
        }
    }
}

/// A clear message to secure and open recipients at once leaves by the least secure way.
fn check_carriage(draft: &Draft, means: &Means<'_>, findings: &mut Findings) {
    let class = |address: &Address| means.classes.class(&address.addr);
    let all = || draft.to.iter().chain(&draft.cc).chain(&draft.bcc);
    if all().any(|address| class(address) == Class::Open) && all().any(|address| class(address).is_secure()) {
        for address in all().filter(|address| class(address) == Class::Open) {
            findings.add(
                Some(&address.addr),
                "open-among-secure",
                Severity::Warning,
                format!("{} is reached over the open internet, the others by a secure route.", address.addr),
            );
        }
    }
}

/// What will be done, in words.
fn decide(draft: &Draft, keys: &[RecipientKey], can_sign: bool, findings: &mut Findings) -> (Plan, Sentence) {
    let missing: Vec<&RecipientKey> = keys.iter().filter(|key| key.key.is_err()).collect();
    let say = |tone: Tone, words: &str| Sentence { tone, text: SafeText::line(words) };
    let no_own = "you have no key of your own for this address; make one with `casemail key generate`";
    match draft.protection {
        Protection::Required => {
            for key in &missing {
                let code = key.key.as_ref().err().map_or("no-key", |why| why.code());
                findings.add(Some(&key.address), code, Severity::Alarm, key.sentence());
            }
            if !can_sign {
                findings.add(None, "no-own-key", Severity::Alarm, format!("It has to be sealed, and {no_own}."));
            }
            if missing.is_empty() && can_sign {
                (Plan::Seal, say(Tone::Good, "Signed and encrypted."))
            } else {
                (Plan::Seal, say(Tone::Alarm, "It has to be signed and encrypted, and cannot be: it will not be sent."))
            }
        }
        Protection::WhenPossible if missing.is_empty() && can_sign && !keys.is_empty() => {
            (Plan::Seal, say(Tone::Good, "Signed and encrypted."))
        }
        Protection::WhenPossible => {
            let why = match missing.first() {
                Some(key) if missing.len() == 1 => format!("no key can be used for {}", key.address),
                Some(key) => {
                    format!("no key can be used for {} and {} more", key.address, missing.len().saturating_sub(1))
                }
                None => no_own.to_owned(),
            };
            (Plan::Clear, say(Tone::Warning, &format!("Sent in clear: {why}.")))
        }
        Protection::SignOnly if can_sign => (Plan::Sign, say(Tone::Plain, "Signed, readable on the way.")),
        Protection::SignOnly => {
            findings.add(None, "no-own-key", Severity::Alarm, format!("It has to be signed, and {no_own}."));
            (Plan::Sign, say(Tone::Alarm, "It has to be signed, and cannot be: it will not be sent."))
        }
        Protection::None => (Plan::Clear, say(Tone::Warning, "Sent in clear, as you asked.")),
    }
}

/// The copies to be sent, and the message in clear as it was built.
fn make_copies(
    draft: &Draft,
    plan: Plan,
    keys: &[RecipientKey],
    signer: Option<&str>,
    means: &Means<'_>,
) -> Result<(Vec<Copy>, Message), String> {
    let stamped = |draft: &Draft| -> Result<(String, Built), String> {
        let message_id = build::message_id((means.random)(), &draft.from);
        let stamp = Stamp { message_id: message_id.clone(), date: means.now.clone() };
        build::build(draft, &stamp).map(|built| (message_id, built)).map_err(|error| error.to_string())
    };
    let finish = |built: &Built, to: &[String]| -> Result<Vec<u8>, String> {
        let now = means.now.timestamp();
        let sealed = match (plan, signer) {
            (Plan::Clear, _) => return Ok(built.assemble()),
            (Plan::Seal, Some(signer)) => seal::seal(&built.entity, &built.fields, to, means.keyring, signer, now),
            (Plan::Sign, Some(signer)) => seal::sign(&built.entity, &built.fields, means.keyring, signer, now),
            (_, None) => return Err("there is no key to sign with".to_owned()),
        };
        sealed.map(|sealed| sealed.assemble()).map_err(|error| error.to_string())
    };
    let addresses = |list: &mut dyn Iterator<Item = &Address>| -> Vec<String> {
        let mut known: Vec<String> = Vec::new();
        for address in list {
            if !known.iter().any(|addr| addr.eq_ignore_ascii_case(&address.addr)) {
                known.push(address.addr.clone());
            }
        }
        known
    };
    let fingerprints = |wanted: &[String]| -> Vec<String> {
        keys.iter()
            .filter(|key| wanted.contains(&key.address))
            .filter_map(|key| key.key.as_ref().ok().map(|info| info.fingerprint.clone()))
            .collect()
    };
    let (message_id, built) = stamped(draft)?;
    let clear = Message::parse(built.assemble());
    let visible = addresses(&mut draft.to.iter().chain(&draft.cc));
    if plan != Plan::Seal {
        let all = addresses(&mut draft.to.iter().chain(&draft.cc).chain(&draft.bcc));
        let raw = finish(&built, &[])?;
        return Ok((vec![Copy { message_id, route: None, recipients: all, raw: raw.into() }], clear));
    }
    let mut copies = Vec::new();
    if !visible.is_empty() {
        let raw = finish(&built, &fingerprints(&visible))?;
        copies.push(Copy { message_id, route: None, recipients: visible.clone(), raw: raw.into() });
    }
    for blind in addresses(&mut draft.bcc.iter()) {
        if visible.iter().any(|addr| addr.eq_ignore_ascii_case(&blind)) {
            continue;
        }
        // A Message-ID of its own: whether this copy was sent must not be concluded from the other one.
        let (message_id, built) = stamped(draft)?;
        let raw = finish(&built, &fingerprints(std::slice::from_ref(&blind)))?;
        copies.push(Copy { message_id, route: None, recipients: vec![blind], raw: raw.into() });
    }
    Ok((copies, clear))
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

#[expect(clippy::too_many_arguments, reason = "a review is about all of it")]
fn review(
    draft: &Draft,
    token: u64,
    means: &Means<'_>,
    keys: &[RecipientKey],
    protection: Sentence,
    findings: &[Finding],
    clear: Option<&Message>,
    bytes: u64,
) -> Review {
    let fields = [("To", &draft.to), ("Cc", &draft.cc), ("Bcc", &draft.bcc)];
    let people = fields.into_iter().flat_map(|(field, list)| list.iter().map(move |address| (field, address)));
    let recipients = people
        .map(|(field, address)| {
            let key = keys.iter().find(|key| key.address == address.addr);
            let tone = if key.is_some_and(|key| key.key.is_ok()) { Tone::Good } else { Tone::Plain };
            let words = key.map(RecipientKey::sentence).unwrap_or_default();
            RecipientReview {
                field,
                address: address_view(address, means.classes),
                key: Sentence { tone, text: SafeText::line(&words) },
                route: route_in_words(address, means),
            }
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
        protection,
        findings: findings
            .iter()
            .map(|finding| Sentence {
                tone: match finding.severity {
                    Severity::Note => Tone::Plain,
                    Severity::Warning => Tone::Warning,
                    Severity::Alarm => Tone::Alarm,
                },
                text: SafeText::line(&finding.because),
            })
            .collect(),
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
            })
            .collect(),
        bytes,
    }
}
