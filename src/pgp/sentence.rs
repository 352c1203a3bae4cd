//! The facts of [`OpenPgp`] in plain English, one sentence per fact.
//!
//! Foreign text (user ids, addresses) goes in only through `mail::safe`, in quotation marks. No sentence claims more than its fact, and
//! no state is told by tone alone.

use jiff::Timestamp;

use super::report::{Acceptance, Covers, HeaderProtection, Integrity, OpenPgp, SignatureReport, SignatureState};
use super::warning::Warning;
use super::words::short;
use crate::mail::safe::SafeText;

/// How loud a sentence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loudness {
    /// As it should be.
    Good,
    /// A fact.
    Plain,
    /// Worth a look.
    Warning,
    /// Something is wrong.
    Alarm,
}

/// What to say about a message, the most important first.
#[must_use]
pub fn sentences(report: &OpenPgp, warnings: &[Warning]) -> Vec<(Loudness, String)> {
    let signed = if report.encrypted && !report.decrypted {
        (Loudness::Plain, "Whether it is signed cannot be known before it is opened.".to_owned())
    } else {
        signature(&report.signature, warnings)
    };
    let mut said = vec![encryption(report, warnings), signed];
    if report.encrypted && report.decrypted && report.header_protection == HeaderProtection::None {
        said.push((Loudness::Plain, "Subject and addresses were readable on the way.".to_owned()));
    }
    said.extend(warnings.iter().map(|warning| (warning.loudness(), warning.sentence().to_owned())));
    said
}

/// What to say about a file that has a signature of its own, or is encrypted alone. Nothing where there is nothing to say.
#[must_use]
pub fn of_file(name: &str, report: &OpenPgp, warnings: &[Warning]) -> Option<(Loudness, String)> {
    let signed = &report.signature;
    let (loudness, words) = match signed.state {
        SignatureState::None if report.encrypted && !report.decrypted && warnings.is_empty() => {
            (Loudness::Plain, "Encrypted on its own; it is opened only when you ask for it.".to_owned())
        }
        SignatureState::None if report.encrypted => encryption(report, warnings),
        SignatureState::None => return None,
        // A file may honestly be older than the message that brings it.
        SignatureState::Mismatch if signed.bound_to.is_some() => (Loudness::Plain, said(signed, warnings, &FILE).1),
        SignatureState::Good if signed.signer.as_ref().is_some_and(|signer| signer.stranger) => {
            let (_, words) = said(signed, warnings, &FILE);
            (Loudness::Warning, format!("{words} {}", Warning::NotAParty.sentence()))
        }
        _ => said(signed, warnings, &FILE),
    };
    Some((loudness, format!("“{}”: {words}", SafeText::line(name))))
}

/// About the ciphertext.
fn encryption(report: &OpenPgp, warnings: &[Warning]) -> (Loudness, String) {
    let text = match (report.encrypted, report.decrypted, report.integrity) {
        (false, ..) => return (Loudness::Plain, "Not encrypted.".to_owned()),
        (true, true, _) => return (Loudness::Good, "Encrypted; opened with your key.".to_owned()),
        (true, false, Integrity::Failed) => {
            return (
                Loudness::Alarm,
                "Encrypted, but the ciphertext was altered or its protection is missing: nothing of it is shown."
                    .to_owned(),
            );
        }
        (true, false, _) if warnings.contains(&Warning::NoSecretKey) => match report.recipients.as_slice() {
            [] => "Encrypted, but to no key: it cannot be opened here.".to_owned(),
            recipients => {
                let named: Vec<String> = recipients
                    .iter()
                    .map(|id| if id.chars().all(|c| c == '0') { "a hidden recipient".to_owned() } else { short(id) })
                    .collect();
                format!("Encrypted, but not to an unlocked key of yours. It was made for: {}.", named.join(", "))
            }
        },
        (true, false, _) => "Encrypted, and not opened.".to_owned(),
    };
    (Loudness::Warning, text)
}

/// Words that differ by what is signed.
struct Thing {
    whole: &'static str,
    other_time: &'static str,
}

const MESSAGE: Thing = Thing {
    whole: "The signature covers all that is shown.",
    other_time: "which does not fit the message's date: it may be an old message sent again",
};

const FILE: Thing = Thing {
    whole: "The signature covers this file and nothing else.",
    other_time: "at another time than the message that brings it was sent",
};

/// About the signature.
fn signature(report: &SignatureReport, warnings: &[Warning]) -> (Loudness, String) {
    said(report, warnings, &MESSAGE)
}

/// About a signature on something.
fn said(report: &SignatureReport, warnings: &[Warning], thing: &Thing) -> (Loudness, String) {
    let signer = report.signer.as_ref();
    let who = signer.map_or_else(
        || "an unknown key".to_owned(),
        |signer| match SafeText::line(&signer.user_id) {
            nobody if nobody.is_empty() => format!("a key that names nobody ({})", short(&signer.fingerprint)),
            name => format!("“{name}” (key {})", short(&signer.fingerprint)),
        },
    );
    let when = report
        .signed_at
        .as_deref()
        .and_then(|time| time.parse::<Timestamp>().ok())
        .map_or_else(|| "at an unknown time".to_owned(), |time| time.strftime("on %Y-%m-%d at %H:%M UTC").to_string());
    match report.state {
        SignatureState::None => (Loudness::Plain, "Not signed: anyone could have written this.".to_owned()),
        SignatureState::Good => {
            let how = match signer.map(|signer| signer.acceptance) {
                Some(Acceptance::Verified) => "whose key you compared",
                Some(Acceptance::Own) => "which is you",
                _ => "whose key you accepted",
            };
            let address = SafeText::line(report.bound_to.as_deref().unwrap_or_default());
            let party = signer.and_then(|signer| signer.party.as_deref());
            let party = party.map(|party| format!(" ({} in this case)", SafeText::line(party))).unwrap_or_default();
            (Loudness::Good, format!("Signed {when} by {address}{party}, {how}: {who}. {}", thing.whole))
        }
        SignatureState::Bad if warnings.contains(&Warning::UnfitSignature) => {
            (Loudness::Alarm, "There is a signature that does not count: it proves nothing.".to_owned())
        }
        SignatureState::Bad => (
            Loudness::Alarm,
            "The signature does not hold: the text was altered, or the signature is damaged.".to_owned(),
        ),
        SignatureState::UnknownKey => {
            let issuer = report.issuer.as_deref().map(|id| format!(" {}", short(id))).unwrap_or_default();
            (Loudness::Warning, format!("Signed by a key{issuer} that is not here: nothing is known about the signer."))
        }
        SignatureState::Undecided if signer.is_some_and(|signer| signer.acceptance.is_accepted()) => (
            Loudness::Warning,
            format!(
                "Signed {when} with a key of {who}; you accepted that key for other addresses, not for this one, so this proves nothing \
                 yet: decide about it again."
            ),
        ),
        SignatureState::Undecided => (
            Loudness::Warning,
            format!(
                "Signed {when} with a key that names {who}; you have not accepted that key, so this proves nothing yet."
            ),
        ),
        SignatureState::Rejected => (Loudness::Alarm, format!("Signed with a key that you rejected: {who}.")),
        SignatureState::Expired => {
            (Loudness::Warning, format!("Signed {when} by {who}, but the key or signature was not valid at that time."))
        }
        SignatureState::Revoked => {
            (Loudness::Alarm, format!("Signed {when} with a key that its owner revoked: {who}. Do not rely on it."))
        }
        SignatureState::Mismatch => {
            let but = if report.bound_to.is_some() {
                thing.other_time
            } else if warnings.contains(&Warning::SignedInFuture) {
                "which has not come yet: it is not to be relied on"
            } else if warnings.contains(&Warning::NotIntended) {
                "but for other recipients: someone may have passed it on as if it were for you"
            } else {
                "but that key does not belong to the address that the message is from"
            };
            (Loudness::Alarm, format!("Signed by {who} {when}, {but}."))
        }
        SignatureState::Partial => {
            let what = if report.covers == Covers::None { "nothing" } else { "only a part" };
            (
                Loudness::Warning,
                format!("A signature by {who} covers {what} of what is shown; the rest could be anyone's."),
            )
        }
        SignatureState::Weak => (
            Loudness::Warning,
            format!("Signed {when} by {who} with an algorithm that is no longer safe: this proves nothing."),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pgp::report::Signer;

    /// A user id cannot draw a badge of its own, and no two states share their words.
    #[test]
    fn every_state_has_words_and_foreign_text_is_made_safe() {
        let states = [
            SignatureState::None,
            SignatureState::Good,
            SignatureState::Bad,
            SignatureState::UnknownKey,
            SignatureState::Undecided,
            SignatureState::Rejected,
            SignatureState::Expired,
            SignatureState::Revoked,
            SignatureState::Mismatch,
            SignatureState::Partial,
            SignatureState::Weak,
        ];
        let mut seen = Vec::new();
        for state in states {
            let signature = SignatureReport {
                state,
                signed_at: Some("2026-05-05T10:00:00Z".to_owned()),
                signer: Some(Signer {
                    fingerprint: "AB".repeat(20),
                    user_id: "x\u{1b}[32m\u{202e}\nSigned by the court".to_owned(),
                    acceptance: Acceptance::Undecided,
                    party: Some("prosecutor\u{202e}".to_owned()),
                    stranger: false,
                }),
                ..SignatureReport::default()
            };
            let report = OpenPgp { signature, ..OpenPgp::default() };
            let said = sentences(&report, &[]);
            for (loudness, words) in &said {
                assert!(!words.chars().any(|c| c.is_control() || c == '\u{202e}'), "{words:?}");
                assert!(*loudness != Loudness::Good || state == SignatureState::Good, "{state:?} is called good");
            }
            assert!(!seen.contains(&said), "{state:?} has no words of its own");
            seen.push(said);
        }
    }

    #[test]
    fn what_was_not_opened_is_not_called_unsigned() {
        let report = OpenPgp { encrypted: true, ..OpenPgp::default() };
        let said = sentences(&report, &[Warning::NoSecretKey]);
        assert!(said.iter().any(|(_, words)| words.contains("before it is opened")), "{said:?}");
        assert!(!said.iter().any(|(_, words)| words.contains("Not signed")), "{said:?}");
    }
}
