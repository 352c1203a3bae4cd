//! What a server's refusal of a change means: whether it will pass, and how long the server asks us to wait. Pure.
//!
//! A change is given up only on a word that is final. RFC 5530 names such words; a NO without one, or a BAD, may be either: it is asked a few
//! times more before it is believed. What passes is put off for as long as it takes, and a person can see it waiting and take it back.

use std::time::Duration;

use super::queue::Outcome;
use crate::imap::{Error, Verdict, verdict};

/// A refusal that says neither is asked about so many times.
const UNCLEAR_TRIES: u32 = 3;

/// "Suggested Backoff Time: 299541 milliseconds".
fn suggested(text: &str) -> Option<Duration> {
    let text = text.to_ascii_lowercase();
    let (_, after) = text.split_once("backoff time")?;
    let after = after.trim_start_matches([':', ' ']);
    let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    let (number, unit) = (after.get(..end)?.parse().ok()?, after.get(end..)?.trim_start());
    Some(if unit.starts_with("sec") { Duration::from_secs(number) } else { Duration::from_millis(number) })
}

/// What an error means for what was asked. `tries`: how often it was put off before. `may_be_full`: where there is no room, somebody else
/// makes some, and what is asked costs next to nothing to ask again.
pub(super) fn outcome(error: &Error, tries: u32, may_be_full: bool) -> Outcome {
    let why = error.to_string();
    let refused = |code: Option<&str>, text: &str| match verdict(code, text) {
        _ if code.is_some_and(|code| code.starts_with("OVERQUOTA")) && !may_be_full => {
            Outcome::Refused { why: why.clone() }
        }
        Verdict::Final => Outcome::Refused { why: why.clone() },
        Verdict::Unclear if tries >= UNCLEAR_TRIES => Outcome::Refused { why: why.clone() },
        Verdict::Passing | Verdict::Unclear => Outcome::Later { why: why.clone(), wait: suggested(text) },
    };
    match error {
        Error::No { code, text, .. } => refused(code.as_deref(), text),
        Error::Bad { text, .. } => refused(None, text),
        // The session is logged in and nothing behind it is served: nothing was done.
        Error::NotServed { .. } => Outcome::Later { why, wait: None },
        Error::Rebuilt { .. }
        | Error::Gone { .. }
        | Error::NoMailbox { .. }
        | Error::ReadOnly { .. }
        | Error::NotKept { .. }
        | Error::Unsendable { .. } => Outcome::Refused { why },
        Error::Offline | Error::NotConnected { .. } => Outcome::Unsent { why },
        _ => Outcome::Unknown { why },
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Error, Outcome, UNCLEAR_TRIES, outcome};

    fn no(code: Option<&str>, text: &str) -> Error {
        Error::No { doing: "to move".into(), code: code.map(str::to_owned), text: text.into() }
    }

    fn bad(text: &str) -> Error {
        Error::Bad { doing: "to move".into(), text: text.into() }
    }

    #[test]
    fn what_passes_is_never_believed_to_be_final() {
        for error in [
            bad("Request is throttled. Suggested Backoff Time: 299541 milliseconds"),
            no(None, "Server Unavailable. 15"),
            no(Some("LIMIT"), "too much"),
            no(Some("OVERQUOTA"), "full"),
            no(Some("UNAVAILABLE"), "down"),
            no(Some("INUSE"), "locked"),
            no(Some("SERVERBUG"), "oh"),
            no(Some("THROTTLED"), "slow"),
            no(None, "Mailbox is busy"),
            Error::NotServed { text: "x".into() },
        ] {
            for tries in [0, 12, 10_000] {
                assert!(matches!(outcome(&error, tries, true), Outcome::Later { .. }), "{error} {tries}");
            }
        }
    }

    #[test]
    fn what_is_final_is_believed_and_what_is_neither_after_a_few_tries() {
        for error in [
            no(Some("NOPERM"), "no"),
            no(Some("CANNOT"), "no"),
            no(Some("TRYCREATE"), "no"),
            no(Some("TOOBIG"), "try again later"),
            Error::ReadOnly { mailbox: "x".into() },
        ] {
            assert!(matches!(outcome(&error, 0, true), Outcome::Refused { .. }), "{error}");
        }
        for error in [bad("Syntax error"), no(None, "I do not want to"), no(Some("XWHATEVER"), "no")] {
            assert!(matches!(outcome(&error, UNCLEAR_TRIES - 1, true), Outcome::Later { .. }), "{error}");
            assert!(matches!(outcome(&error, UNCLEAR_TRIES, true), Outcome::Refused { .. }), "{error}");
        }
        // A message that would be sent whole each time waits for a person instead.
        assert!(matches!(outcome(&no(Some("OVERQUOTA"), "full"), 0, false), Outcome::Refused { .. }));
        assert!(matches!(outcome(&Error::Offline, 0, true), Outcome::Unsent { .. }));
        assert!(matches!(outcome(&Error::Ended, 0, true), Outcome::Unknown { .. }));
    }

    #[test]
    fn the_server_says_how_long() {
        let wait = |text: &str| match outcome(&bad(text), 0, true) {
            Outcome::Later { wait, .. } => wait,
            other => panic!("{other:?}"),
        };
        let said = "Request is throttled. Suggested Backoff Time: 299541 milliseconds";
        assert_eq!(wait(said), Some(Duration::from_millis(299_541)));
        assert_eq!(wait("throttled; backoff time 30 seconds"), Some(Duration::from_secs(30)));
        for text in ["throttled", "Backoff Time", "Backoff Time: soon", "Backoff Time: 99999999999999999999999"] {
            assert_eq!(wait(text), None, "{text}");
        }
    }
}
