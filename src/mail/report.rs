//! Delivery reports as values: `multipart/report` with a `message/delivery-status` part (RFC 6522, RFC 3464, RFC 6533 names read leniently). Pure.
//!
//! A report is a claim: anybody who has seen a message may write one about it. Nothing here decides; nothing here is made safe for a
//! terminal.

use super::headers::Headers;
use super::message::Message;

/// Blocks of fields that are read of one report.
const BLOCKS_MAX: usize = 1_000;
/// Bytes of the last of them.
const BLOCK_BYTES_MAX: usize = 64 << 10;
/// Characters kept of a server's words.
const TEXT_MAX: usize = 300;

/// What a report says of one recipient (RFC 3464 §2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedRecipient {
    /// The addresses it is about: as first given by the sender, and as last known; lower-case.
    pub addresses: Vec<String>,
    /// `failed`, `delayed`, `delivered`, `relayed` or `expanded`; lower-case.
    pub action: String,
    /// RFC 3463, for instance `5.1.1`.
    pub status: String,
    /// The remote server's words, without the kind of diagnosis.
    pub text: String,
}

/// A delivery report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The name that the sender gave the envelope (RFC 3461 §4.4), decoded.
    pub envelope_id: Option<String>,
    /// The Message-ID of the message that is reported on, where its header came back.
    pub message_id: Option<String>,
    /// Recipient by recipient.
    pub recipients: Vec<ReportedRecipient>,
}

/// Reads a message as a delivery report; `None` where it is none.
#[must_use]
pub fn read(message: &Message) -> Option<Report> {
    let root = message.root();
    if !root.media_type.eq_ignore_ascii_case("multipart/report") {
        return None;
    }
    let status = message.parts().iter().find(|part| {
        ["message/delivery-status", "message/global-delivery-status"]
            .iter()
            .any(|kind| part.media_type.eq_ignore_ascii_case(kind))
    })?;
    let content = message.content(status);
    let mut blocks = blocks(&content).into_iter();
    let of_message = Headers::parse(blocks.next()?);
    let returned = message.parts().iter().find(|part| {
        let kind = part.media_type.to_ascii_lowercase();
        kind == "text/rfc822-headers" || kind == "message/rfc822" || kind.starts_with("message/global")
    });
    let returned = returned.filter(|part| part.path != status.path);
    Some(Report {
        envelope_id: of_message.get("Original-Envelope-Id").map(|id| from_xtext(id.trim())),
        message_id: returned.and_then(|part| Headers::parse(message.content(part)).message_id()),
        recipients: blocks.filter_map(recipient).collect(),
    })
}

/// Groups of fields, an empty line between them.
fn blocks(content: &[u8]) -> Vec<Vec<u8>> {
    let mut blocks = vec![Vec::new()];
    for line in content.split_inclusive(|b| *b == b'\n') {
        let is_full = blocks.len() >= BLOCKS_MAX;
        if line.trim_ascii().is_empty() {
            if !is_full && blocks.last().is_some_and(|last| !last.is_empty()) {
                blocks.push(Vec::new());
            }
        } else if let Some(last) = blocks.last_mut().filter(|last| !is_full || last.len() < BLOCK_BYTES_MAX) {
            last.extend_from_slice(line);
        }
    }
    blocks.retain(|block| !block.is_empty());
    blocks
}

fn recipient(block: Vec<u8>) -> Option<ReportedRecipient> {
    let fields = Headers::parse(block);
    // `rfc822; name@domain`: the kind of address stands in front.
    let address = |name: &str| {
        let value = fields.get(name)?;
        let address = value.split_once(';').map_or(value.as_str(), |(_, address)| address);
        let address = from_xtext(address.trim().trim_start_matches('<').trim_end_matches('>')).to_lowercase();
        (!address.is_empty()).then_some(address)
    };
    let addresses: Vec<String> = ["Original-Recipient", "Final-Recipient"].into_iter().filter_map(address).collect();
    let action = fields.get("Action")?.trim().to_ascii_lowercase();
    let known = ["failed", "delayed", "delivered", "relayed", "expanded"];
    if addresses.is_empty() || !known.contains(&action.as_str()) {
        return None;
    }
    let status = fields.get("Status").unwrap_or_default();
    let status = status.split_whitespace().next().unwrap_or_default();
    let is_code = status.split('.').count() == 3 && status.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let said = fields.get("Diagnostic-Code").unwrap_or_default();
    let said = said.split_once(';').map_or(said.as_str(), |(_, words)| words);
    Some(ReportedRecipient {
        addresses,
        action,
        status: if is_code { status.to_owned() } else { String::new() },
        text: said.trim().chars().take(TEXT_MAX).collect(),
    })
}

/// Decodes xtext (RFC 3461 §4): `+2B` stands for `+`. What is no xtext stays as it is.
fn from_xtext(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let decoded = (first == b'+')
            .then(|| after.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()))
            .flatten();
        match decoded {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Report, from_xtext, read};
    use crate::mail::message::Message;

    fn report(status: &str, returned: &str) -> Option<Report> {
        let text = format!(
            "From: MAILER-DAEMON@quillpounce.example\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n\
             --b\r\nContent-Type: text/plain\r\n\r\nIt did not arrive.\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\n{status}\
             --b\r\nContent-Type: {returned}\r\n--b--\r\n"
        );
        read(&Message::parse(text.into_bytes()))
    }

    const HEADERS: &str = "text/rfc822-headers\r\n\r\nMessage-ID: <1@quillpounce.example>\r\nSubject: x\r\n\r\n";

    #[test]
    fn a_report_names_envelope_message_and_each_recipient() {
        let status = "Reporting-MTA: dns; mail.quillpounce.example\r\nOriginal-Envelope-Id: 1+2B2@quillpounce.example\r\n\r\n\
                      Original-Recipient: rfc822;h.lint+2Bwhite@copfs.gov.example\r\nFinal-Recipient: rfc822; H.Lintwhite@copfs.gov.example\r\n\
                      Action: failed\r\nStatus: 5.1.1 (no such mailbox)\r\nDiagnostic-Code: smtp; 550 5.1.1 no\r\n such user\r\n\r\n\
                      Final-Recipient: rfc822; clerk@crown.example\r\nAction: Delayed\r\nStatus: 4.4.1\r\n\r\n";
        let report = report(status, HEADERS).unwrap();
        assert_eq!(report.envelope_id.as_deref(), Some("1+2@quillpounce.example"));
        assert_eq!(report.message_id.as_deref(), Some("1@quillpounce.example"));
        let [first, second] = report.recipients.as_slice() else { panic!("{report:?}") };
        assert_eq!(first.addresses, ["h.lint+white@copfs.gov.example", "h.lintwhite@copfs.gov.example"]);
        assert_eq!((first.action.as_str(), first.status.as_str()), ("failed", "5.1.1"));
        assert_eq!(first.text, "550 5.1.1 no such user");
        assert_eq!((second.action.as_str(), second.status.as_str(), second.text.as_str()), ("delayed", "4.4.1", ""));
    }

    #[test]
    fn what_is_no_report_is_none_and_half_of_one_gives_what_it_has() {
        assert_eq!(read(&Message::parse(b"Subject: x\r\n\r\nFinal-Recipient: rfc822; a@b.example\r\n".to_vec())), None);
        let empty = report("Reporting-MTA: dns; x\r\n\r\n", HEADERS).unwrap();
        assert!(empty.recipients.is_empty() && empty.envelope_id.is_none());
        for bad in
            ["Action: failed", "Final-Recipient: rfc822; a@b.example", "Final-Recipient: rfc822; a@b\r\nAction: eaten"]
        {
            assert!(report(&format!("X: y\r\n\r\n{bad}\r\n\r\n"), HEADERS).unwrap().recipients.is_empty(), "{bad}");
        }
        // A flood of blocks is cut.
        let flood = "Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\n\r\n".repeat(5_000);
        assert!(report(&format!("X: y\r\n\r\n{flood}"), HEADERS).unwrap().recipients.len() <= super::BLOCKS_MAX);
    }

    #[test]
    fn xtext_is_decoded_and_everything_else_left_alone() {
        for (text, expected) in
            [("a+2Bb", "a+b"), ("a+2", "a+2"), ("a+zz", "a+zz"), ("+", "+"), ("", ""), ("a+FFb", "a+FFb")]
        {
            assert_eq!(from_xtext(text), expected);
        }
    }
}
