//! What the words of a refusal say: whether it is final, will pass, or may be either. Pure.
//!
//! RFC 5530 names both kinds; a NO without a code, or a BAD, is looked through for the words of servers that give none.

use super::error::Error;

/// What a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Asking again changes nothing.
    Final,
    /// It passes, or somebody can mend it without us: no room, too much at once, not now.
    Passing,
    /// The server says neither.
    Unclear,
}

/// Codes of RFC 5530 §3, RFC 9051 §7.1 and RFC 7889 §4 after which asking again changes nothing.
const FINAL: [&str; 10] = [
    "ALREADYEXISTS",
    "BADCHARSET",
    "CANNOT",
    "CLIENTBUG",
    "NONEXISTENT",
    "NOPERM",
    "READ-ONLY",
    "TOOBIG",
    "TRYCREATE",
    "UNKNOWN-CTE",
];

/// Codes that name something that passes.
const PASSING: [&str; 9] = [
    "CONTACTADMIN",
    "CORRUPTION",
    "EXPUNGEISSUED",
    "INUSE",
    "LIMIT",
    "OVERQUOTA",
    "SERVERBUG",
    "THROTTLED",
    "UNAVAILABLE",
];

/// Words of servers that give no code. Exchange Online: "Request is throttled. Suggested Backoff Time: …", "Server Unavailable. 15"
/// (learn.microsoft.com, "Exchange Online: IMAP connection limits and throttling"); Courier, Gmail and others the rest.
const PASSING_WORDS: [&str; 11] = [
    "backoff",
    "busy",
    "in use",
    "not connected",
    "overloaded",
    "temporar",
    "throttl",
    "timed out",
    "too many",
    "try again",
    "unavailable",
];

/// Codes by which a login is refused for good (RFC 5530 §3), until a person has done something.
const LOGIN_FINAL: [&str; 6] =
    ["AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "CONTACTADMIN", "EXPIRED", "NOPERM", "PRIVACYREQUIRED"];

/// Words that say at a login that the proof is wrong, or that too many wrong ones were tried: whatever stands beside them ("please try
/// again"), sending it again by itself locks accounts.
const LOGIN_FINAL_WORDS: [&str; 13] = [
    "attempt",
    "authentication failed",
    "bad password",
    "credentials",
    "disabled",
    "failures",
    "incorrect",
    "invalid",
    "locked",
    "password is wrong",
    "suspended",
    "too many failed",
    "wrong password",
];

/// The same, unless what stands beside them says that the server itself is not up to it.
const LOGIN_DENIALS: [&str; 4] = ["blocked", "denied", "password", "user name"];

/// What a server says of itself.
const OF_THE_SERVER: [&str; 4] = ["database", "too many connections", "too many simultaneous", "unavailable"];

/// Cyrus, for a login that its SASL library could not look into (SASL_FAIL; of a wrong password it says "authentication failure"); Gmail, where a day's
/// allowance is used up ("Account exceeded command or bandwidth limits"), and others that count.
const LOGIN_PASSING_WORDS: [&str; 4] =
    ["generic failure", "bandwidth limit", "maximum number of connections", "rate limit"];

/// A code as such, or, where the codec knows none such, in the words.
fn named(codes: &[&str], code: Option<&str>, text: &str) -> bool {
    let code = code.and_then(|code| code.split(' ').next()).unwrap_or_default();
    codes
        .iter()
        .any(|known| code.eq_ignore_ascii_case(known) || text.contains(&format!("[{}", known.to_ascii_lowercase())))
}

/// What a refused command is told by its code and words.
#[must_use]
pub fn verdict(code: Option<&str>, text: &str) -> Verdict {
    let text = text.to_ascii_lowercase();
    if named(&FINAL, code, "") {
        return Verdict::Final;
    }
    if named(&PASSING, code, &text) || PASSING_WORDS.iter().any(|words| text.contains(words)) {
        Verdict::Passing
    } else {
        Verdict::Unclear
    }
}

/// Whether a command was refused because the server has had enough of us, or cannot now: what was asked for is not to blame (RFC 5530 §3; Exchange Online
/// says "Request is throttled. Suggested Backoff Time: …" with BAD).
pub(super) fn is_of_the_session(e: &Error) -> bool {
    const CODES: [&str; 5] = ["INUSE", "LIMIT", "OVERQUOTA", "THROTTLED", "UNAVAILABLE"];
    let (code, text) = match e {
        Error::No { code, text, .. } => (code.as_deref(), text),
        Error::Bad { text, .. } => (None, text),
        _ => return false,
    };
    let lower = text.to_ascii_lowercase();
    named(&CODES, code, &lower) || lower.contains("throttl") || lower.contains("backoff")
}

/// Whether a login was refused for now only. Without a word that says so it is a verdict on the proof.
pub(super) fn login_passes(code: Option<&str>, text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    if named(&LOGIN_FINAL, code, &lower) {
        return false;
    }
    if named(&PASSING, code, &lower) {
        return true;
    }
    let says = |words: &[&str]| words.iter().any(|words| lower.contains(words));
    // What every server adds to a wrong password is no word of its own.
    let passes = || verdict(code, &lower.replace("try again", "")) == Verdict::Passing;
    let is_final = says(&LOGIN_FINAL_WORDS) || says(&LOGIN_DENIALS) && !says(&OF_THE_SERVER);
    !is_final && (says(&LOGIN_PASSING_WORDS) || passes())
}

#[cfg(test)]
mod tests {
    use super::super::error::Error;
    use super::{is_of_the_session, login_passes};

    #[test]
    fn a_server_that_has_had_enough_blames_nothing_that_was_asked_for() {
        let doing = || "to fetch".to_owned();
        let no = |code: Option<&str>, text: &str| Error::No {
            doing: doing(),
            code: code.map(str::to_owned),
            text: text.to_owned(),
        };
        assert!(is_of_the_session(&no(Some("LIMIT"), "enough")));
        assert!(is_of_the_session(&no(None, "[THROTTLED] slow down")));
        let throttled = "Request is throttled. Suggested Backoff Time: 1000 milliseconds".to_owned();
        assert!(is_of_the_session(&Error::Bad { doing: doing(), text: throttled }));
        assert!(!is_of_the_session(&no(Some("SERVERBUG"), "Internal error")));
        assert!(!is_of_the_session(&no(None, "cannot read this message")));
    }

    #[test]
    fn a_login_that_is_refused_for_now_is_no_verdict_on_the_password() {
        for (code, text) in [
            (Some("ALERT"), "Too many simultaneous connections. (Failure)"),
            (None, "[THROTTLED] slow down"),
            (Some("THROTTLED"), ""),
            (Some("UNAVAILABLE"), "Temporary authentication failure."),
            (Some("INUSE"), "invalid state of the mailbox"),
            (Some("SERVERBUG"), "Internal error"),
            (Some("OVERQUOTA"), "no room"),
            (Some("LIMIT"), "userip connections exceeded"),
            (None, "Server Unavailable. 15"),
            (None, "Login failed: generic failure"),
            (None, "System busy, try again later"),
            (None, "Password database temporarily unavailable"),
            (None, "Connection denied: too many simultaneous connections"),
            (Some("ALERT"), "Account exceeded command or bandwidth limits. (Failure)"),
            (None, "Maximum number of connections exceeded"),
        ] {
            assert!(login_passes(code, text), "{code:?} {text}");
        }
        for (code, text) in [
            (None, "Login failed"),
            (None, "LOGIN failed."),
            (Some("AUTHENTICATIONFAILED"), "Temporarily no"),
            (None, "[AUTHENTICATIONFAILED] Invalid credentials (Failure)"),
            (Some("EXPIRED"), "busy"),
            (Some("CONTACTADMIN"), "unavailable"),
            (None, "Invalid user name or password, please try again"),
            (None, "Too many login failures"),
            (None, "Too many bad attempts, try again later"),
            (None, "The account is temporarily locked"),
            (Some("ALERT"), "Application-specific password required"),
            (None, "authentication failure"),
            (None, "Login failed, please try again"),
            (None, "Authentication failed, please try again"),
            (None, "Bad user name or password, try again"),
            (None, "Your account is temporarily blocked"),
            (None, "Temporarily not allowed: access denied"),
            (None, "Bad user name or password; try again later"),
        ] {
            assert!(!login_passes(code, text), "{code:?} {text}");
        }
    }
}
