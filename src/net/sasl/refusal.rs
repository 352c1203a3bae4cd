//! The JSON by which a server says why it refuses a token (RFC 7628 §3.2.2; XOAUTH2 the same with HTTP's numbers), in words.
//!
//! All of it is foreign text: it is shortened here and made safe where it is shown.

use serde::Deserialize;

/// More than any status or scope needs.
const SHOWN_MAX: usize = 200;

#[derive(Deserialize)]
struct Told {
    status: Option<serde_json::Value>,
    scope: Option<String>,
}

pub(super) fn words(challenge: &[u8]) -> String {
    let Ok(Told { status, scope }) = serde_json::from_slice(challenge) else {
        return "it gives no reason that can be read".to_owned();
    };
    let status = status.map(|status| match status {
        serde_json::Value::String(text) => short(&text),
        other => short(&other.to_string()),
    });
    let reason = match status.as_deref() {
        Some("invalid_token" | "401") => "the token has expired, was revoked or is not for this server",
        Some("insufficient_scope" | "403") => "the token does not allow this",
        Some("invalid_request" | "400") => "the token or the user name is not what it expects",
        _ => "it gives no reason that we know",
    };
    let status = status.map(|status| format!(" ({status})")).unwrap_or_default();
    let scope = scope.filter(|scope| !scope.is_empty());
    let scope = scope.map(|scope| format!("; it wants one with the scope {}", short(&scope))).unwrap_or_default();
    format!("{reason}{status}{scope}")
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(SHOWN_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn reasons() {
        let check = |json: &str, expected: &str| assert_eq!(words(json.as_bytes()), expected, "{json}");
        check(
            r#"{"status":"401","schemes":"bearer","scope":"https://mail.google.com/"}"#,
            "the token has expired, was revoked or is not for this server (401); it wants one with the scope https://mail.google.com/",
        );
        check(r#"{"status":400}"#, "the token or the user name is not what it expects (400)");
        check(r#"{"status":"insufficient_scope","scope":""}"#, "the token does not allow this (insufficient_scope)");
        check(r#"{"status":"te\u001b[31mapot"}"#, "it gives no reason that we know (te[31mapot)");
        check("{}", "it gives no reason that we know");
        check("nonsense", "it gives no reason that can be read");
        check("", "it gives no reason that can be read");
        assert!(words(format!(r#"{{"status":"{}"}}"#, "x".repeat(9_000)).as_bytes()).len() < 300);
    }
}
