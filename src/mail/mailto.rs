//! `mailto:` links (RFC 6068), by an allow-list: to, cc, subject and body are taken, everything else is left out.
//!
//! A link is written by a stranger. It attaches nothing, copies blindly to nobody, sets no other field, decrypts nothing and sends nothing: it
//! fills in a draft that a person sees.

use super::address::{Address, forges};

/// Bytes of a link.
const LINK_MAX: usize = 64 * 1024;

/// What a link asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mailto {
    /// Recipients.
    pub to: Vec<Address>,
    /// Recipients of copies.
    pub cc: Vec<Address>,
    /// Subject.
    pub subject: String,
    /// Text, lines ended by `\n`.
    pub body: String,
    /// Fields that were left out, lower-case: to be told to the person.
    pub ignored: Vec<String>,
}

/// Why a link is refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailtoError {
    /// Not a `mailto:` link.
    #[error("this is no mailto: link")]
    Scheme,
    /// Too long to be honest.
    #[error("the mailto: link is longer than 64 KiB")]
    TooLong,
    /// A control character where none belongs.
    #[error("the mailto: link has a control character in {0}: it tries to forge a field")]
    Control(&'static str),
    /// Broken escapes.
    #[error("the mailto: link is not well encoded")]
    Encoding,
    /// A recipient that is no address.
    #[error(transparent)]
    Address(#[from] super::address::AddressError),
}

impl Mailto {
    /// Reads a link.
    pub fn parse(link: &str) -> Result<Self, MailtoError> {
        if link.len() > LINK_MAX {
            return Err(MailtoError::TooLong);
        }
        let (scheme, rest) = link.split_once(':').ok_or(MailtoError::Scheme)?;
        if !scheme.eq_ignore_ascii_case("mailto") {
            return Err(MailtoError::Scheme);
        }
        let rest = rest.split('#').next().unwrap_or(rest);
        let (to, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut found = Self { to: addresses("to", to)?, ..Self::default() };
        for field in query.split('&').filter(|field| !field.is_empty()) {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            match unescape(name)?.to_ascii_lowercase().as_str() {
                "to" => found.to.extend(addresses("to", value)?),
                "cc" => found.cc.extend(addresses("cc", value)?),
                "subject" => found.subject = line("subject", value)?,
                "body" => {
                    let body = unescape(value)?.replace("\r\n", "\n");
                    if body.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
                        return Err(MailtoError::Control("body"));
                    }
                    found.body = body;
                }
                other => found.ignored.push(other.chars().take(40).collect()),
            }
        }
        Ok(found)
    }
}

fn addresses(field: &'static str, value: &str) -> Result<Vec<Address>, MailtoError> {
    Ok(Address::parse_list(&line(field, value)?)?)
}

fn line(field: &'static str, value: &str) -> Result<String, MailtoError> {
    let text = unescape(value)?;
    if text.chars().any(forges) { Err(MailtoError::Control(field)) } else { Ok(text) }
}

/// RFC 3986 §2.1. A `+` is a plus (RFC 6068 §5).
fn unescape(text: &str) -> Result<String, MailtoError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return String::from_utf8(bytes).map_err(|_| MailtoError::Encoding),
            [b'%', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(super::transfer::hex_value(*high) << 4 | super::transfer::hex_value(*low));
                after
            }
            [b'%', ..] => return Err(MailtoError::Encoding),
            [byte, after @ ..] => {
                bytes.push(*byte);
                after
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{Mailto, MailtoError};

    #[test]
    fn to_cc_subject_and_body_are_taken() {
        let found = Mailto::parse("MAILTO:a@x.example,b@x.example?cc=c@x.example&Subject=R%20v%20F%C3%8BRRET+&body=one%0D%0Atwo&to=d@x.example#x").unwrap();
        assert_eq!(
            found.to.iter().map(|to| to.addr.as_str()).collect::<Vec<_>>(),
            ["a@x.example", "b@x.example", "d@x.example"]
        );
        assert_eq!((found.cc.len(), found.subject.as_str(), found.body.as_str()), (1, "R v FËRRET+", "one\ntwo"));
        assert_eq!(found.ignored, Vec::<String>::new());
    }

    #[test]
    fn everything_else_is_left_out_and_told() {
        let link = "mailto:a@x.example?attach=/etc/passwd&attachment=~/.gnupg/secring.gpg&bcc=spy@x.example&from=me&In-Reply-To=%3Ca@b%3E";
        let found = Mailto::parse(link).unwrap();
        assert_eq!(found.ignored, ["attach", "attachment", "bcc", "from", "in-reply-to"]);
        assert_eq!((found.to.len(), found.cc.len(), found.body.as_str()), (1, 0, ""));
    }

    #[test]
    fn forged_links_are_refused() {
        let check = |link: &str, expected: MailtoError| assert_eq!(Mailto::parse(link), Err(expected), "{link}");
        check("mailto:a@x.example?subject=x%0D%0ABcc:%20spy@x.example", MailtoError::Control("subject"));
        check("mailto:a@x.example%0ABcc:b@x.example", MailtoError::Control("to"));
        check("mailto:a@x.example?body=%00", MailtoError::Control("body"));
        check("mailto:a@x.example?subject=%", MailtoError::Encoding);
        check("mailto:a@x.example?subject=%ff", MailtoError::Encoding);
        check("https://x.example", MailtoError::Scheme);
        check(&format!("mailto:?body={}", "x".repeat(100_000)), MailtoError::TooLong);
        assert!(matches!(Mailto::parse("mailto:nobody"), Err(MailtoError::Address(_))));
    }
}
