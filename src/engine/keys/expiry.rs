//! Keys that end soon: told 30 days ahead, and where a key ends before a hearing of a case in which it is used.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::KeyListed;
use crate::case::{Case, State};
use crate::mail::id::CaseId;
use crate::pgp::report::Acceptance;
use crate::register::Book;

/// How many days ahead an end is told of.
pub const SOON_DAYS: i64 = 30;

/// A hearing in a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hearing {
    /// The case.
    pub case: CaseId,
    /// What the case is called.
    pub title: String,
    /// The day, by the court's clock.
    pub day: Date,
    /// When it begins; where only the day is known, the end of that.
    pub at: Timestamp,
}

/// The hearings to come of the cases that are worked on.
#[must_use]
pub fn hearings(book: &Book, now: Timestamp) -> Vec<Hearing> {
    let of = |case: &Case| -> Vec<Hearing> {
        let hearing = |hearing: &crate::case::Hearing| {
            let begins = match hearing.at.time {
                Some(_) => hearing.at.start(),
                None => hearing.at.day().and_then(|day| day.tomorrow()),
            };
            let at = begins.ok()?.timestamp();
            Some(Hearing { case: case.id.clone(), title: case.title.clone(), day: hearing.at.date, at })
        };
        case.hearings.iter().filter_map(hearing).filter(|hearing| hearing.at > now).collect()
    };
    let open = book.cases().filter(|case| matches!(case.state, State::Open | State::OnHold { .. }));
    open.flat_map(of).collect()
}

/// A key that has ended or ends soon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Soon {
    /// The key.
    pub fingerprint: String,
    /// It is one's own.
    pub own: bool,
    /// When it ends, or ended.
    pub ends: Timestamp,
    /// What, in words.
    pub what: String,
    /// What, in few words.
    pub short: String,
    /// What to do, in words.
    pub cure: String,
}

/// The keys in use that have ended, end within 30 days, or end before a coming hearing of a case in which they are used; one's own first. One's
/// own is used in every case.
#[must_use]
pub fn soon(keys: &[KeyListed], hearings: &[Hearing], now: Timestamp) -> Vec<Soon> {
    let limit = now.checked_add(SignedDuration::from_hours(SOON_DAYS * 24)).unwrap_or(Timestamp::MAX);
    let mut found: Vec<Soon> = keys
        .iter()
        .filter(|key| key.info.acceptance.is_accepted() && !key.info.revoked && !is_succeeded(key, keys, now))
        .filter_map(|key| {
            let ends = key.info.expires?;
            let own = key.info.acceptance == Acceptance::Own;
            let over = ends <= now;
            let is_used = |hearing: &&Hearing| own || key.cases.contains(&hearing.case);
            let hearing = hearings
                .iter()
                .filter(|hearing| !over && hearing.at > now && hearing.at >= ends)
                .filter(is_used)
                .min_by_key(|hearing| hearing.at);
            if ends > limit && hearing.is_none() {
                return None;
            }
            let owner = match (own, key.info.addresses.first()) {
                (true, address) => format!("your key for {}", address.map_or("no address", String::as_str)),
                (false, Some(address)) => format!("the key of {address}"),
                (false, None) => format!("the key {}", crate::pgp::words::short(&key.info.fingerprint)),
            };
            let day = ends.strftime("%Y-%m-%d");
            let short = match (own, over) {
                (true, true) => "your key has ended".to_owned(),
                (true, false) => format!("your key ends {day}"),
                (false, true) => format!("{owner} has ended"),
                (false, false) => format!("{owner} ends {day}"),
            };
            let mut what = if over { format!("{owner} expired on {day}") } else { format!("{owner} expires on {day}") };
            if let Some(hearing) = hearing {
                what.push_str(&format!(
                    ", before the hearing of {} on {}",
                    hearing.title,
                    hearing.day.strftime("%Y-%m-%d")
                ));
            }
            let cure = if own {
                format!(
                    "`casemail key extend {}` lets it last longer; then give the certificate to those who write to you",
                    key.info.fingerprint
                )
            } else {
                "ask for the renewed key, and import it".to_owned()
            };
            Some(Soon { fingerprint: key.info.fingerprint.clone(), own, ends, what, short, cure })
        })
        .collect();
    found.sort_by_key(|soon| (!soon.own, soon.ends));
    found
}

/// Another accepted key for every one of its addresses lasts longer: the end of this one troubles nobody.
fn is_succeeded(key: &KeyListed, keys: &[KeyListed], now: Timestamp) -> bool {
    let own = key.info.acceptance == Acceptance::Own;
    let lasts = |other: &&KeyListed| {
        other.info.fingerprint != key.info.fingerprint
            && other.info.acceptance.is_accepted()
            && (other.info.acceptance == Acceptance::Own) == own
            && !other.info.revoked
            && other.info.created > key.info.created
            && other.info.expires.is_none_or(|at| at > now && Some(at) > key.info.expires)
    };
    !key.info.addresses.is_empty()
        && key
            .info
            .addresses
            .iter()
            .all(|address| keys.iter().filter(lasts).any(|other| other.info.addresses.contains(address)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pgp::generate::generate;

    fn now() -> Timestamp {
        "2026-05-05T10:00:00Z".parse().unwrap()
    }

    fn key(address: &str, acceptance: Acceptance, made: &str, cases: &[&str]) -> KeyListed {
        let mut info = generate("", address, made.parse().unwrap()).unwrap().info;
        info.acceptance = acceptance;
        KeyListed {
            info,
            groups: String::new(),
            words: Vec::new(),
            decisions: Vec::new(),
            source: String::new(),
            added_at: now(),
            secret: None,
            cases: cases.iter().map(|case| CaseId((*case).to_owned())).collect(),
        }
    }

    #[test]
    fn ends_are_told_ahead_and_before_hearings() {
        use Acceptance::{Own, Undecided, Verified};
        // Three years each: these end in 20 days, in 120 days, and 10 days ago.
        let (twenty, later, past) = ("2023-05-26T10:00:00Z", "2023-09-03T10:00:00Z", "2023-04-26T10:00:00Z");
        let keys = [
            key("p.sage@crown.example", Verified, later, &["99ZX0012326"]),
            key("r.vellum@foxglove.example", Verified, twenty, &[]),
            key("b.quill@quillpounce.example", Own, past, &[]),
            key("x@y.example", Undecided, twenty, &[]),
        ];
        let words = |hearings: &[Hearing]| -> Vec<String> {
            soon(&keys, hearings, now()).into_iter().map(|soon| soon.what).collect()
        };
        let usual = [
            "your key for b.quill@quillpounce.example expired on 2026-04-25",
            "the key of r.vellum@foxglove.example expires on 2026-05-25",
        ];
        assert_eq!(words(&[]), usual);
        let hearing = |case: &str, at: &str| Hearing {
            case: CaseId(case.to_owned()),
            title: "R v FERRET".to_owned(),
            day: at.split('T').next().unwrap().parse().unwrap(),
            at: at.parse().unwrap(),
        };
        let after = hearing("99ZX0012326", "2026-10-01T09:30:00Z");
        assert_eq!(
            words(&[after])[2],
            "the key of p.sage@crown.example expires on 2026-09-02, before the hearing of R v FERRET on 2026-10-01"
        );
        // Before the end, in another case, or over: nothing.
        for other in [
            hearing("99ZX0012326", "2026-08-01T09:30:00Z"),
            hearing("01TS0000126", "2026-10-01T09:30:00Z"),
            hearing("99ZX0012326", "2026-05-01T09:30:00Z"),
        ] {
            assert_eq!(words(&[other]), usual);
        }
        // One's own is used in every case; it ends in 120 days.
        let own = [key("b.quill@quillpounce.example", Own, later, &[])];
        assert_eq!(soon(&own, &[], now()), []);
        let told = soon(&own, &[hearing("01TS0000126", "2026-10-01T09:30:00Z")], now());
        assert_eq!(told[0].short, "your key ends 2026-09-02");
        assert!(told[0].what.ends_with("before the hearing of R v FERRET on 2026-10-01"), "{told:?}");
        // A newer key for the same address: the old one may end.
        let newer = key("b.quill@quillpounce.example", Own, "2026-04-20T10:00:00Z", &[]);
        assert_eq!(soon(&[keys[2].clone(), newer], &[], now()), []);
    }
}
