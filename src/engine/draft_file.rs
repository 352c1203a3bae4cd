//! An RFC 5322 message from a file or standard input, read as a draft: for `casemail send`.
//!
//! What is taken: From, To, Cc, Bcc, Subject, In-Reply-To, References, the text and the attachments. Everything else (Date, Message-ID,
//! Received, X- fields) is left out, because the message is built anew, checked and sealed like any other.

use crate::mail::address::Address;
use crate::mail::display;
use crate::mail::draft::{Attachment, Draft, Protection};
use crate::mail::message::Message;

/// A field that asks for protection, for scripts: `required`, `sign`, `none`; without it, protected where every recipient has a key.
const PROTECTION_FIELD: &str = "X-Casemail-Protection";

/// Reads a draft. `account` is the one it goes out by.
pub(crate) fn read(bytes: &[u8], account: &str) -> Result<Draft, String> {
    let message = Message::parse(bytes.to_vec());
    let headers = message.headers();
    let body = display::body(&message);
    let protection = match headers.get(PROTECTION_FIELD).unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "" | "when-possible" => Protection::WhenPossible,
        "required" => Protection::Required,
        "sign" => Protection::SignOnly,
        "none" => Protection::None,
        other => {
            return Err(format!("{PROTECTION_FIELD}: {other:?} is none of required, sign, none and when-possible"));
        }
    };
    let list = |name: &str| -> Result<Vec<Address>, String> {
        let mut all = Vec::new();
        for value in headers.get_all(name) {
            if !value.trim().is_empty() {
                // A recipient that is only half understood must not be quietly left out.
                let read = match Address::parse_list(&value) {
                    Ok(strict) => strict,
                    Err(error) => {
                        let lenient = Address::read_field(&value);
                        if lenient.len() != value.matches('@').count() || lenient.is_empty() {
                            return Err(format!("{name}: {error}"));
                        }
                        lenient
                    }
                };
                all.extend(read);
            }
        }
        Ok(all)
    };
    let attachments = body
        .attachments
        .iter()
        .filter_map(|info| {
            let part = message.parts().get(info.part)?;
            Some(Attachment {
                name: info.name.clone(),
                media_type: info.media_type.clone(),
                content: message.content(part),
            })
        })
        .collect();
    Ok(Draft {
        account: account.to_owned(),
        from: headers.from().into_iter().next().unwrap_or_default(),
        to: list("To")?,
        cc: list("Cc")?,
        bcc: list("Bcc")?,
        subject: headers.subject(),
        body: body.text(),
        attachments,
        in_reply_to: headers.in_reply_to(),
        references: headers.references(),
        answers: None,
        case: None,
        protection,
    })
}
