//! Header protection written (RFC 9788 §5): the payload with the message's own header fields inside.
//!
//! The confidentiality policy is the RFC's baseline (§3.2.1) unless the caller says otherwise of the subject: outside, it is `[...]`, and Comments
//! and Keywords are left out. Never changes a field's value: what is inside is what would have gone on the wire. That there is no Cc, In-Reply-To
//! or References is told as well, by empty fields: programs that know only the older `protected-headers` form take a field that is not inside
//! from outside, where anybody can add one (CVE-2024-49393, CVE-2024-49394).

use sha2::{Digest as _, Sha256};

use super::error::PgpError;

/// What stands in the outer Subject of an encrypted message.
pub const OBSCURED_SUBJECT: &str = "[...]";

/// Fields that may not be given: MIME ones belong to the entity, Bcc to nobody.
const REFUSED: [&str; 3] = ["bcc", "resent-bcc", "mime-version"];

/// Fields whose absence is told.
const TOLD_ABSENT: [&str; 3] = ["Cc", "In-Reply-To", "References"];

/// The header fields as they stand outside of the encryption, under this subject.
pub(super) fn outer_fields(fields: &[(String, String)], subject: &str) -> Vec<(String, String)> {
    fields
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("comments") && !name.eq_ignore_ascii_case("keywords"))
        .map(|(name, value)| {
            let value = if name.eq_ignore_ascii_case("subject") { subject } else { value };
            (name.clone(), value.to_owned())
        })
        .collect()
}

/// The payload of an encrypted message: all fields, what stands outside as `HP-Outer` (§2.2), and `hp="cipher"`.
pub(super) fn encrypted_payload(
    entity: &[u8],
    fields: &[(String, String)],
    outer: &[(String, String)],
) -> Result<Vec<u8>, PgpError> {
    let mut head = checked(fields)?;
    checked(outer)?;
    head.push_str(&absent(fields));
    for (name, value) in outer {
        head.push_str(&format!("HP-Outer: {name}: {value}\r\n"));
    }
    payload(head, entity, "cipher")
}

/// The payload of a message that is signed only: all fields, and `hp="clear"`; without fields it claims to protect none.
pub(super) fn signed_payload(entity: &[u8], fields: &[(String, String)]) -> Result<Vec<u8>, PgpError> {
    if fields.is_empty() {
        return Ok(crlf(entity));
    }
    payload(checked(fields)? + &absent(fields), entity, "clear")
}

/// An empty field for each one that is not there and whose absence is told. Without white space at the end, which relays take away.
fn absent(fields: &[(String, String)]) -> String {
    let is_there = |wanted: &str| fields.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
    TOLD_ABSENT.iter().filter(|name| !is_there(name)).map(|name| format!("{name}:\r\n")).collect()
}

/// The fields as text, refused where one could become two (header injection).
fn checked(fields: &[(String, String)]) -> Result<String, PgpError> {
    let mut head = String::new();
    for (name, value) in fields {
        let lower = name.to_ascii_lowercase();
        let name_ok = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
        if !name_ok || REFUSED.contains(&lower.as_str()) || lower.starts_with("content-") || lower == "hp-outer" {
            return Err(PgpError::BadEntity(format!("a field {name:?} cannot be given")));
        }
        let unfolded = value.replace("\r\n ", " ").replace("\r\n\t", " ");
        if unfolded.chars().any(|c| c.is_control() && c != '\t') || !value.is_ascii() {
            return Err(PgpError::BadEntity(format!("the field {name} holds control characters or is not encoded")));
        }
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    Ok(head)
}

/// Puts fields before an entity's own, and the `hp` parameter into its Content-Type, with that of the older form for programs that know no other.
fn payload(mut head: String, entity: &[u8], hp: &str) -> Result<Vec<u8>, PgpError> {
    let entity = crlf(entity);
    let broken = || PgpError::BadEntity("the MIME entity has no header of its own".to_owned());
    let end = entity.windows(4).position(|window| window == b"\r\n\r\n").ok_or_else(broken)?;
    let (own, body) = entity.split_at_checked(end).ok_or_else(broken)?;
    let own = std::str::from_utf8(own).map_err(|_| broken())?;
    let mut typed = false;
    // Unfolded fields: a line that begins with white space belongs to the one before.
    let mut lines: Vec<String> = Vec::new();
    for line in own.split("\r\n") {
        match lines.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) => {
                last.push_str("\r\n");
                last.push_str(line);
            }
            _ => lines.push(line.to_owned()),
        }
    }
    for line in &mut lines {
        if line.to_ascii_lowercase().starts_with("content-type:") {
            let trimmed = line.trim_end_matches(|c: char| c == ';' || c.is_whitespace()).to_owned();
            *line = format!("{trimmed};\r\n hp=\"{hp}\"; protected-headers=\"v1\"");
            typed = true;
        }
    }
    if !typed {
        lines.push(format!("Content-Type: text/plain; charset=us-ascii;\r\n hp=\"{hp}\"; protected-headers=\"v1\""));
    }
    head.push_str(&lines.join("\r\n"));
    let mut payload = head.into_bytes();
    payload.extend_from_slice(body);
    Ok(payload)
}

/// Every line ended by CRLF (RFC 3156 §5: the canonical form that is signed).
pub(super) fn crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().saturating_add(bytes.len() / 32));
    let mut last = 0;
    for byte in bytes {
        if *byte == b'\n' && last != b'\r' {
            out.push(b'\r');
        }
        out.push(*byte);
        last = *byte;
    }
    out
}

/// A boundary that does not occur in the content: a digest of it, so that the same content makes the same message.
pub(super) fn boundary(content: &[u8]) -> String {
    let digest = hex::encode(Sha256::digest(content));
    format!("=_{}", digest.chars().take(32).collect::<String>())
}
