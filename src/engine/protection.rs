//! What is done to a message for each of its recipients: encrypted to which key, or in clear, and why; or that it may not go.
//!
//! Pure. What a draft demands wins over the configuration, but not over a recipient whom the configuration demands encryption for. Nothing that
//! was to be encrypted goes in clear because a key is missing; what came encrypted goes to nobody new unless a person named him.

use std::collections::BTreeMap;

use super::outgoing::{Findings, Means, everybody};
use super::query::{SealingListed, Severity};
use crate::app::view::{Sentence, Tone};
use crate::case::Class;
use crate::config::openpgp::{Encrypt, Mixed, OuterSubject, Treatment};
use crate::mail::draft::{Draft, Protection};
use crate::mail::safe::SafeText;
use crate::pgp::recipients::{RecipientKey, recipients};

/// What is missing where there is no own key.
const NO_OWN: &str = "you have no key of your own for this address; make one with `casemail key generate`";

/// What is done for one recipient.
#[derive(Clone, Debug)]
pub(crate) struct Fate {
    /// As it is written in the draft.
    pub(crate) address: String,
    /// The certificate that it is encrypted to; `None`: in clear.
    pub(crate) key: Option<String>,
    /// What the configuration says of the address.
    pub(crate) treatment: Treatment,
    /// What is done and why, in words.
    pub(crate) words: String,
    class: Class,
    tone: Tone,
}

/// What is done to a message.
#[derive(Debug)]
pub(crate) struct Fates {
    /// Each recipient once, in the order of the draft.
    pub(crate) each: Vec<Fate>,
    /// The own certificate, if it is needed.
    pub(crate) own: Option<String>,
    /// What is encrypted is signed.
    pub(crate) sign_sealed: bool,
    /// What is in clear is signed.
    pub(crate) sign_clear: bool,
    /// All of it in a sentence.
    pub(crate) sentence: Sentence,
    /// Who may get it only after somebody has named them, and whether in clear.
    pub(crate) to_name: Vec<(String, bool)>,
}

impl Fates {
    /// What is done for an address.
    pub(crate) fn of(&self, address: &str) -> Option<&Fate> {
        self.each.iter().find(|fate| fate.address.eq_ignore_ascii_case(address))
    }

    /// What is done for an address, as a sentence for the screen.
    pub(crate) fn sentence_of(&self, address: &str) -> Sentence {
        let fate = self.of(address);
        let text = SafeText::line(fate.map(|fate| fate.words.as_str()).unwrap_or_default());
        Sentence { tone: fate.map_or(Tone::Plain, |fate| fate.tone), text }
    }

    /// The same for scripts.
    pub(crate) fn listed(&self) -> Vec<SealingListed> {
        self.each
            .iter()
            .map(|fate| SealingListed {
                address: fate.address.clone(),
                class: fate.class.name(),
                encrypted: fate.key.is_some(),
                key: fate.key.clone(),
                because: fate.words.clone(),
            })
            .collect()
    }

    /// What the Subject says outside for these recipients of one copy: as little as any of them is to be told in the open.
    pub(crate) fn outer_subject(&self, draft: &Draft, to: &[String]) -> OuterSubject {
        if draft.origin.as_ref().is_some_and(|origin| origin.hidden_subject) {
            return OuterSubject::Hidden;
        }
        let wanted = to.iter().filter_map(|address| self.of(address)).map(|fate| fate.treatment.subject);
        wanted.min().unwrap_or(OuterSubject::Hidden)
    }

    /// Whether one's own key goes along to all of these.
    pub(crate) fn announces_key(&self, to: &[String]) -> bool {
        self.own.is_some() && to.iter().filter_map(|address| self.of(address)).all(|fate| fate.treatment.autocrypt)
    }
}

/// What one recipient comes to.
enum Verdict {
    Sealed(String),
    Clear(String),
    Refused,
}

/// Decides for everybody. A finding of severity alarm forbids sending.
pub(crate) fn decide(draft: &Draft, means: &Means<'_>, findings: &mut Findings) -> Fates {
    let now = means.now.timestamp();
    let mut addresses: Vec<String> = Vec::new();
    for address in everybody(draft) {
        if !addresses.iter().any(|known| known.eq_ignore_ascii_case(&address.addr)) {
            addresses.push(address.addr.clone());
        }
    }
    let keys = recipients(means.keyring, &addresses, now);
    let own = means.keyring.signer_for(&draft.from.addr, now);
    let mut each = Vec::with_capacity(keys.len());
    let mut refused = false;
    for key in &keys {
        let class = means.classes.class(&key.address);
        let (treatment, rule) = means.config.openpgp.treatment(&key.address, class);
        let gateway = matches!(class, Class::Cjsm | Class::Gov);
        let verdict = one(draft.protection, key, treatment.encrypt, &rule, own.is_some(), gateway, findings);
        let (sealed_to, words, tone) = match verdict {
            Verdict::Sealed(why) => {
                let fingerprint = key.key.as_ref().ok().map(|info| info.fingerprint.clone());
                (fingerprint, format!("Encrypted to the {}{why}.", key.about()), Tone::Good)
            }
            Verdict::Clear(why) => {
                let tone = if class.is_secure() { Tone::Plain } else { Tone::Warning };
                (None, format!("In clear: {why}."), tone)
            }
            Verdict::Refused => {
                refused = true;
                (None, format!("Not sent: {}", key.about()), Tone::Alarm)
            }
        };
        each.push(Fate { address: key.address.clone(), key: sealed_to, treatment, words, class, tone });
    }
    let wants_own = draft.protection.demands_encryption() || draft.protection == Protection::SignOnly;
    if wants_own && own.is_none() {
        refused = true;
        let what = if draft.protection == Protection::SignOnly { "signed" } else { "encrypted" };
        findings.add(None, "no-own-key", Severity::Alarm, format!("It has to be {what}, and {NO_OWN}."));
    }
    if !refused {
        check_mixed(&each, means, findings);
        tell_gateways(&each, findings);
    }
    let to_name = check_origin(draft, &each, means, findings);
    // Asked for, or everybody whom it goes to in clear is to get it signed.
    let mut clear = each.iter().filter(|fate| fate.key.is_none()).peekable();
    let by_rule = clear.peek().is_some() && clear.all(|fate| fate.treatment.sign) && own.is_some();
    let sign_clear = match draft.protection {
        Protection::SignOnly => true,
        Protection::WhenPossible => by_rule,
        _ => false,
    };
    let sign_sealed = draft.protection != Protection::EncryptOnly;
    let sentence = if refused { refusal(draft.protection) } else { sentence(draft, &each, sign_clear, sign_sealed) };
    Fates { each, own, sign_sealed, sign_clear, sentence, to_name }
}

/// What becomes of one recipient.
fn one(
    asked: Protection,
    key: &RecipientKey,
    encrypt: Encrypt,
    rule: &str,
    has_own: bool,
    gateway: bool,
    findings: &mut Findings,
) -> Verdict {
    let mut refuse = || {
        let code = key.key.as_ref().err().map_or("no-key", |why| why.code());
        findings.add(Some(&key.address), code, Severity::Alarm, key.sentence());
        Verdict::Refused
    };
    match (asked, encrypt) {
        (Protection::Required | Protection::EncryptOnly, _) => match &key.key {
            Ok(_) => Verdict::Sealed(", as you asked".to_owned()),
            Err(_) => refuse(),
        },
        (Protection::SignOnly | Protection::None, Encrypt::Required) => {
            let words = format!(
                "{}: {rule} demands that mail to it is encrypted; leave OpenPGP as your settings say, or change that line",
                key.address
            );
            findings.add(Some(&key.address), "encryption-demanded", Severity::Alarm, words);
            Verdict::Refused
        }
        (Protection::SignOnly | Protection::None, _) => Verdict::Clear("as you asked".to_owned()),
        (Protection::WhenPossible, Encrypt::Never) => {
            let why = if gateway { ": its gateway cannot scan what is encrypted" } else { "" };
            Verdict::Clear(format!("{rule} says never to encrypt{why}"))
        }
        (Protection::WhenPossible, Encrypt::Required) => match &key.key {
            Ok(_) if has_own => Verdict::Sealed(format!(", as {rule} demands")),
            Ok(_) => {
                let words = format!("{}: {rule} demands that mail to it is encrypted, and {NO_OWN}", key.address);
                findings.add(Some(&key.address), "no-own-key", Severity::Alarm, words);
                Verdict::Refused
            }
            Err(_) => refuse(),
        },
        (Protection::WhenPossible, Encrypt::WhenPossible) => match &key.key {
            Ok(_) if has_own => Verdict::Sealed(format!(", as {rule} says")),
            Ok(_) => Verdict::Clear(NO_OWN.to_owned()),
            Err(_) => Verdict::Clear(key.about()),
        },
    }
}

/// Some encrypted, some in clear: told, and refused where the configuration says so. The text that goes in clear is the text that others get
/// encrypted.
fn check_mixed(each: &[Fate], means: &Means<'_>, findings: &mut Findings) {
    let clear: Vec<&Fate> = each.iter().filter(|fate| fate.key.is_none()).collect();
    let sealed = each.len().saturating_sub(clear.len());
    if clear.is_empty() || sealed == 0 {
        return;
    }
    let open: Vec<&Fate> = clear.iter().copied().filter(|fate| !fate.class.is_secure()).collect();
    let (refused, because) = match means.config.openpgp.mixed {
        Mixed::Refuse => (clear.as_slice(), "[openpgp] mixed refuses that"),
        Mixed::SplitSecure => (open.as_slice(), "over the open internet, which [openpgp] mixed refuses"),
        Mixed::Split => (&[][..], ""),
    };
    for fate in refused {
        findings.add(
            Some(&fate.address),
            "mixed-protection",
            Severity::Alarm,
            format!(
                "{} would get in clear what {sealed} other{} would get encrypted: {because}. Take one or the other out, get the missing key, \
                 or ask for neither by the key for OpenPGP.",
                fate.address,
                if sealed == 1 { "" } else { "s" },
            ),
        );
    }
    if refused.is_empty() {
        let names: Vec<&str> = clear.iter().map(|fate| fate.address.as_str()).collect();
        findings.add(
            None,
            "split",
            Severity::Warning,
            format!(
                "Two messages: in clear to {}, encrypted to the other{}.",
                names.join(", "),
                if sealed == 1 { "" } else { "s" }
            ),
        );
    }
}

fn tell_gateways(each: &[Fate], findings: &mut Findings) {
    for fate in each.iter().filter(|fate| fate.key.is_some() && fate.treatment.encrypt == Encrypt::Never) {
        let gateway = match fate.class {
            Class::Cjsm => "the CJSM gateway, which may refuse what it cannot scan",
            Class::Gov => "a government gateway, which may refuse what it cannot scan",
            Class::Firm | Class::Open => "a server to which your settings never encrypt",
        };
        let words = format!("{} is reached by {gateway}.", fate.address);
        findings.add(Some(&fate.address), "sealed-to-gateway", Severity::Warning, words);
    }
}

/// What came encrypted: an answer goes out encrypted or not at all, and nobody gets it who could not read it before, unless a person named him
/// ("Re: What's Up Johnny?", ACNS 2019).
fn check_origin(draft: &Draft, each: &[Fate], means: &Means<'_>, findings: &mut Findings) -> Vec<(String, bool)> {
    let mut to_name = Vec::new();
    let Some(origin) = &draft.origin else { return to_name };
    for fate in each {
        let in_clear = fate.key.is_none();
        let address = fate.address.as_str();
        if in_clear && !origin.forwarded {
            findings.add(
                Some(address),
                "answer-in-clear",
                Severity::Alarm,
                format!("{address}: this answers encrypted mail, so it goes out encrypted or not at all."),
            );
            continue;
        }
        if origin.allows(address, in_clear) || (means.account.owns(address) && !in_clear) {
            continue;
        }
        let words = if in_clear {
            format!("{address} would get in clear what came encrypted. Type the address to let that happen.")
        } else {
            format!(
                "{address}: nothing proves that it could read what this was taken from. Type the address to let it have that."
            )
        };
        findings.add(Some(address), "not-a-reader", Severity::Alarm, words);
        to_name.push((address.to_owned(), in_clear));
    }
    to_name
}

fn say(tone: Tone, words: &str) -> Sentence {
    Sentence { tone, text: SafeText::line(words) }
}

fn refusal(asked: Protection) -> Sentence {
    let what = match asked {
        Protection::Required => "signed and encrypted",
        Protection::SignOnly => "signed",
        _ => "encrypted",
    };
    say(Tone::Alarm, &format!("It has to be {what}, and cannot be: it will not be sent."))
}

/// What is done, in a sentence.
fn sentence(draft: &Draft, each: &[Fate], sign_clear: bool, sign_sealed: bool) -> Sentence {
    let clear: Vec<&Fate> = each.iter().filter(|fate| fate.key.is_none()).collect();
    let sealed = each.len().saturating_sub(clear.len());
    if clear.is_empty() && sealed > 0 {
        return match sign_sealed {
            true => say(Tone::Good, "Signed and encrypted."),
            false => say(Tone::Warning, "Encrypted, not signed: nothing in it proves that it is from you."),
        };
    }
    if sealed > 0 {
        let words = format!("Signed and encrypted to {sealed}, in clear to {}: see each of them.", clear.len());
        return say(Tone::Warning, &words);
    }
    if sign_clear {
        return say(Tone::Plain, "Signed, readable on the way.");
    }
    if draft.protection == Protection::None {
        return say(Tone::Warning, "Sent in clear, as you asked.");
    }
    // The commonest reasons together, the others by number.
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for fate in &clear {
        let words = fate.words.strip_prefix("In clear: ").unwrap_or(&fate.words);
        reasons.entry(words).or_default().push(&fate.address);
    }
    let tone = if clear.iter().all(|fate| fate.class.is_secure() && fate.treatment.encrypt == Encrypt::Never) {
        Tone::Plain
    } else {
        Tone::Warning
    };
    let why: Vec<String> = reasons
        .iter()
        .map(|(why, who)| match who.as_slice() {
            [only] => format!("{only}: {}", why.trim_end_matches('.')),
            [first, rest @ ..] => format!("{first} and {} more: {}", rest.len(), why.trim_end_matches('.')),
            [] => String::new(),
        })
        .collect();
    match why.is_empty() {
        true => say(Tone::Warning, "Sent in clear."),
        false => say(tone, &format!("Sent in clear. {}.", why.join("; "))),
    }
}
