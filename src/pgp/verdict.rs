//! The verdict on a message's signatures: one pure function from facts to a [`SignatureReport`].
//!
//! `good` is given only where one accepted certificate, valid when it signed, signed *all* that is shown, carries the one From address in
//! a self-signed user id, and signed at the time that the Date header says. Everything else has its own state, and the first reason
//! that stands against a signature is the one that is told. Never looks at a display name, and never takes one certificate's
//! validity together with another's address.

use jiff::{SignedDuration, Timestamp};

use super::report::{Acceptance, Covers, SignatureReport, SignatureState, Signer};

/// How far the signature's time may be from the Date header (CVE-2022-2226: a replayed message under a new date), and how far ahead of
/// our clock it may be.
pub const TOLERANCE: SignedDuration = SignedDuration::from_hours(1);

/// What the mathematics and the certificate say of one signature. The order is that of severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The bytes are what was signed, by a key that was valid at that time.
    Valid,
    /// The bytes were altered, or the signature is malformed.
    Bad,
    /// The certificate is not here, or the key is not bound to it.
    UnknownKey,
    /// The certificate, key or signature had expired.
    Expired,
    /// The certificate or key was revoked.
    Revoked,
    /// An algorithm that is no longer safe.
    Weak,
    /// Made for other recipients (RFC 9580 §5.2.3.36): someone passed it on as if it were for us.
    NotForUs,
    /// Made after our clock's time.
    Future,
    /// By a key that may not sign messages, or on a condition that is not known here.
    Unfit,
}

/// The certificate behind a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Upper-case hexadecimal.
    pub fingerprint: String,
    /// User ids that it vouched for when it signed, the primary one first.
    pub user_ids: Vec<String>,
    /// The addresses in those, lower-case.
    pub addresses: Vec<String>,
    /// What the user decided.
    pub acceptance: Acceptance,
    /// The addresses that the decision was about, lower-case; nothing: all that it carries.
    pub accepted_for: Option<Vec<String>>,
}

impl Certificate {
    /// Whether it is accepted for an address (lower-case): a decision is about the addresses that the certificate carried then.
    fn is_accepted_for(&self, address: &str) -> bool {
        self.acceptance.is_accepted()
            && self.accepted_for.as_ref().is_none_or(|addresses| addresses.iter().any(|one| one == address))
    }
}

/// One signature, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// What came out.
    pub outcome: Outcome,
    /// When it says it was made.
    pub signed_at: Option<Timestamp>,
    /// Who made it, where known.
    pub certificate: Option<Certificate>,
    /// Key id or fingerprint that it names.
    pub issuer: Option<String>,
    /// How much of what is shown it covers.
    pub covers: Covers,
}

/// All that the verdict depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Every signature found.
    pub signatures: Vec<Checked>,
    /// The addr-specs of every From field that is shown or was outside, as they were written. Good needs exactly one.
    pub from: Vec<String>,
    /// The Date header that is shown.
    pub date: Option<Timestamp>,
}

/// What the owner of an address is to the case of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// The message is in no case, or nobody is recorded in it yet: nothing can be said.
    #[default]
    NoCase,
    /// No party of the case.
    Stranger,
    /// A party, with what it is there in words: for instance `counsel for FERRET`.
    Party(String),
}

/// Tells what the owner of an address is to the case of a message.
pub type Parties<'a> = &'a (dyn Fn(&str) -> Standing + Sync);

/// Nothing is known of a case.
#[must_use]
pub fn no_case(_address: &str) -> Standing {
    Standing::NoCase
}

/// Judges. The party is looked up by the one address that the signature stands for, never by a name.
#[must_use]
pub fn verdict(evidence: &Evidence, tolerance: SignedDuration, parties: Parties<'_>) -> SignatureReport {
    let mut report = evidence
        .signatures
        .iter()
        .map(|checked| judge(checked, evidence, tolerance))
        // One good signature counts, whatever else was put beside it; else the one that says most about the signer.
        .min_by_key(|report| rank(report.state))
        .unwrap_or_default();
    if let (Some(signer), Some(address)) = (&mut report.signer, &report.bound_to) {
        match parties(address) {
            Standing::NoCase => {}
            Standing::Stranger => signer.stranger = true,
            Standing::Party(words) => signer.party = Some(words),
        }
    }
    report
}

/// The report on a single signature.
fn judge(checked: &Checked, evidence: &Evidence, tolerance: SignedDuration) -> SignatureReport {
    let author = match evidence.from.as_slice() {
        [author] if author.contains('@') => Some(author.to_ascii_lowercase()),
        _ => None,
    };
    let certificate = checked.certificate.as_ref();
    let carried = author.filter(|author| certificate.is_some_and(|cert| cert.addresses.contains(author)));
    let in_time = match (checked.signed_at, evidence.date) {
        (Some(signed), Some(date)) => signed.duration_since(date).abs() <= tolerance,
        _ => false,
    };
    let acceptance = certificate.map_or(Acceptance::Undecided, |cert| cert.acceptance);
    let state = match checked.outcome {
        Outcome::Bad | Outcome::Unfit => SignatureState::Bad,
        Outcome::UnknownKey => SignatureState::UnknownKey,
        Outcome::Weak => SignatureState::Weak,
        Outcome::Revoked => SignatureState::Revoked,
        Outcome::Expired => SignatureState::Expired,
        _ if certificate.is_none() => SignatureState::UnknownKey,
        _ if acceptance == Acceptance::Rejected => SignatureState::Rejected,
        _ if !acceptance.is_accepted() => SignatureState::Undecided,
        // It names the author, but the decision was about other addresses.
        _ if carried.as_ref().is_some_and(|address| certificate.is_some_and(|cert| !cert.is_accepted_for(address))) => {
            SignatureState::Undecided
        }
        _ if checked.covers == Covers::None => SignatureState::Partial,
        _ if checked.covers == Covers::Part => SignatureState::Partial,
        Outcome::NotForUs | Outcome::Future => SignatureState::Mismatch,
        Outcome::Valid if carried.is_none() || !in_time => SignatureState::Mismatch,
        Outcome::Valid => SignatureState::Good,
    };
    let user_id = certificate.and_then(|cert| {
        let fits = |user_id: &&String| {
            carried.as_ref().is_some_and(|address| user_id.to_ascii_lowercase().contains(address.as_str()))
        };
        cert.user_ids.iter().find(fits).or_else(|| cert.user_ids.first()).cloned()
    });
    SignatureReport {
        state,
        covers: if state == SignatureState::Bad { Covers::None } else { checked.covers },
        // An address is vouched for only by an accepted certificate's valid signature over the whole of it; the times are another matter.
        bound_to: match state {
            SignatureState::Good | SignatureState::Mismatch if checked.outcome == Outcome::Valid => carried,
            _ => None,
        },
        signed_at: checked.signed_at.map(|time| time.to_string()),
        signer: certificate.map(|cert| Signer {
            fingerprint: cert.fingerprint.clone(),
            user_id: user_id.unwrap_or_default(),
            acceptance: cert.acceptance,
            party: None,
            stranger: false,
        }),
        issuer: checked.issuer.clone(),
    }
}

/// Which report stands for a message with several signatures: the smallest.
fn rank(state: SignatureState) -> u8 {
    match state {
        SignatureState::Good => 0,
        SignatureState::Mismatch => 1,
        SignatureState::Partial => 2,
        SignatureState::Bad => 3,
        SignatureState::Revoked => 4,
        SignatureState::Expired => 5,
        SignatureState::Weak => 6,
        SignatureState::Rejected => 7,
        SignatureState::Undecided => 8,
        SignatureState::UnknownKey => 9,
        SignatureState::None => 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: i64 = 1_767_225_600;

    fn at(offset: i64) -> Timestamp {
        Timestamp::from_second(DATE + offset).unwrap()
    }

    /// A signature that is good, to be spoiled by each case.
    fn valid() -> Checked {
        Checked {
            outcome: Outcome::Valid,
            signed_at: Some(at(30)),
            certificate: Some(Certificate {
                fingerprint: "AB".repeat(20),
                user_ids: vec!["Hamish Lintwhite <h.lintwhite@copfs.gov.example>".to_owned()],
                addresses: vec!["h.lintwhite@copfs.gov.example".to_owned()],
                acceptance: Acceptance::Accepted,
                accepted_for: None,
            }),
            issuer: None,
            covers: Covers::Whole,
        }
    }

    fn evidence(signatures: Vec<Checked>) -> Evidence {
        Evidence { signatures, from: vec!["H.Lintwhite@copfs.gov.example".to_owned()], date: Some(at(0)) }
    }

    #[track_caller]
    fn check(evidence: &Evidence, state: SignatureState, bound_to: Option<&str>) {
        let report = verdict(evidence, TOLERANCE, &no_case);
        assert_eq!((report.state, report.bound_to.as_deref()), (state, bound_to), "{evidence:#?}");
    }

    #[test]
    fn good_needs_everything() {
        check(&evidence(vec![valid()]), SignatureState::Good, Some("h.lintwhite@copfs.gov.example"));
        check(&evidence(vec![]), SignatureState::None, None);
    }

    /// A party is an address that a signature stands for, and nothing else.
    #[test]
    fn the_party_is_looked_up_by_the_bound_address() {
        let parties = |address: &str| match address {
            "h.lintwhite@copfs.gov.example" => Standing::Party("procurator fiscal".to_owned()),
            _ => Standing::Stranger,
        };
        let told = |evidence: &Evidence| {
            let signer = verdict(evidence, TOLERANCE, &parties).signer.unwrap();
            (signer.party, signer.stranger)
        };
        assert_eq!(told(&evidence(vec![valid()])), (Some("procurator fiscal".to_owned()), false));
        let mut undecided = valid();
        undecided.certificate.as_mut().unwrap().acceptance = Acceptance::Undecided;
        assert_eq!(told(&evidence(vec![undecided])), (None, false));
        let other = Evidence { from: vec!["x@attacker.example".to_owned()], ..evidence(vec![valid()]) };
        assert_eq!(told(&other), (None, false), "nobody is vouched for");
        let mut stranger = valid();
        stranger.certificate.as_mut().unwrap().addresses = vec!["x@attacker.example".to_owned()];
        let other = Evidence { signatures: vec![stranger], ..other };
        assert_eq!(told(&other), (None, true), "good, and no party");
        let report = verdict(&evidence(vec![valid()]), TOLERANCE, &no_case);
        assert!(!report.signer.unwrap().stranger, "without a case nobody is a stranger");
    }

    /// An address that came into the certificate after the decision is not what was decided about.
    #[test]
    fn a_decision_is_about_its_addresses() {
        for (accepted_for, state) in [
            (vec!["h.lintwhite@copfs.gov.example"], SignatureState::Good),
            (vec!["hamish@mailbox.example", "h.lintwhite@copfs.gov.example"], SignatureState::Good),
            (vec!["hamish@mailbox.example"], SignatureState::Undecided),
            (vec![], SignatureState::Undecided),
        ] {
            let mut checked = valid();
            let certificate = checked.certificate.as_mut().unwrap();
            certificate.accepted_for = Some(accepted_for.into_iter().map(str::to_owned).collect());
            let bound = (state == SignatureState::Good).then_some("h.lintwhite@copfs.gov.example");
            check(&evidence(vec![checked]), state, bound);
        }
    }

    #[test]
    fn each_single_lack_has_its_own_state() {
        let spoil = |outcome| evidence(vec![Checked { outcome, ..valid() }]);
        check(&spoil(Outcome::Bad), SignatureState::Bad, None);
        check(&spoil(Outcome::UnknownKey), SignatureState::UnknownKey, None);
        check(&spoil(Outcome::Expired), SignatureState::Expired, None);
        check(&spoil(Outcome::Revoked), SignatureState::Revoked, None);
        check(&spoil(Outcome::Weak), SignatureState::Weak, None);
        check(&spoil(Outcome::NotForUs), SignatureState::Mismatch, None);
        check(&spoil(Outcome::Future), SignatureState::Mismatch, None);
        check(&evidence(vec![Checked { certificate: None, ..valid() }]), SignatureState::UnknownKey, None);
        check(&evidence(vec![Checked { covers: Covers::Part, ..valid() }]), SignatureState::Partial, None);
        check(&evidence(vec![Checked { covers: Covers::None, ..valid() }]), SignatureState::Partial, None);
    }

    #[test]
    fn acceptance_decides() {
        for (acceptance, state) in [
            (Acceptance::Rejected, SignatureState::Rejected),
            (Acceptance::Undecided, SignatureState::Undecided),
            (Acceptance::Accepted, SignatureState::Good),
            (Acceptance::Verified, SignatureState::Good),
            (Acceptance::Own, SignatureState::Good),
        ] {
            let mut checked = valid();
            checked.certificate.as_mut().unwrap().acceptance = acceptance;
            let bound = (state == SignatureState::Good).then_some("h.lintwhite@copfs.gov.example");
            check(&evidence(vec![checked]), state, bound);
        }
    }

    #[test]
    fn the_from_address_must_be_the_one() {
        for from in [
            vec![],
            vec![""],
            vec!["h.lintwhite"],
            vec!["h.lintwhite@copfs.example"],
            vec!["h.lintwhite@copfs.gov.example", "h.lintwhite@copfs.gov.example"],
            vec!["x@attacker.example", "h.lintwhite@copfs.gov.example"],
            vec!["h.lintwhite@copfs.gov.example.attacker.example"],
            vec!["\"h.lintwhite@copfs.gov.example\" x@attacker.example"],
        ] {
            let mut evidence = evidence(vec![valid()]);
            evidence.from = from.into_iter().map(str::to_owned).collect();
            check(&evidence, SignatureState::Mismatch, None);
        }
    }

    #[test]
    fn the_times_must_fit() {
        for (offset, state) in [
            (3600, SignatureState::Good),
            (-3600, SignatureState::Good),
            (3601, SignatureState::Mismatch),
            (-3601, SignatureState::Mismatch),
            (400 * 86_400, SignatureState::Mismatch),
        ] {
            let checked = Checked { signed_at: Some(at(offset)), ..valid() };
            check(&evidence(vec![checked]), state, Some("h.lintwhite@copfs.gov.example"));
        }
        let undated = Evidence { date: None, ..evidence(vec![valid()]) };
        check(&undated, SignatureState::Mismatch, Some("h.lintwhite@copfs.gov.example"));
        check(
            &evidence(vec![Checked { signed_at: None, ..valid() }]),
            SignatureState::Mismatch,
            Some("h.lintwhite@copfs.gov.example"),
        );
    }

    #[test]
    fn one_good_signature_counts_whatever_stands_beside_it() {
        let bad = Checked { outcome: Outcome::Bad, ..valid() };
        let unknown = Checked { outcome: Outcome::UnknownKey, certificate: None, ..valid() };
        check(
            &evidence(vec![bad.clone(), valid(), unknown.clone()]),
            SignatureState::Good,
            Some("h.lintwhite@copfs.gov.example"),
        );
        check(&evidence(vec![unknown, bad]), SignatureState::Bad, None);
    }

    /// The address of one certificate and the acceptance of another never add up.
    #[test]
    fn two_halves_make_no_good_signature() {
        let mut accepted = valid();
        accepted.certificate.as_mut().unwrap().addresses = vec!["x@attacker.example".to_owned()];
        let mut undecided = valid();
        undecided.certificate.as_mut().unwrap().acceptance = Acceptance::Undecided;
        check(&evidence(vec![accepted, undecided]), SignatureState::Mismatch, None);
    }
}
