//! An RFC 5322 message from a file or standard input, read as a draft: for `casemail send`.
//!
//! An answer to a message that came encrypted goes out encrypted to those who could read that, or not at all: see [`Read::disclosed`].
//!
//! What is taken: From, To, Cc, Bcc, Subject, In-Reply-To, References, the text and the attachments. Everything else (Date, Message-ID,
//! Received, X- fields) is left out, because the message is built anew, checked and sealed like any other.

use crate::mail::address::Address;
use crate::mail::display;
use crate::mail::draft::{Attachment, Disclosure, Draft, Protection};
use crate::mail::message::Message;

/// A field that asks for protection, for scripts: `required`, `encrypt`, `sign`, `none`; without it, what the configuration says.
const PROTECTION_FIELD: &str = "X-Casemail-Protection";

/// A field that asks for one's own certificate to be attached: `yes`.
const KEY_FIELD: &str = "X-Casemail-Attach-Key";

/// A field that names an address which may get, encrypted, what came encrypted to others. One field for each.
const DISCLOSE_FIELD: &str = "X-Casemail-Disclose-To";

/// A draft, read, with what it asks for besides.
pub(crate) struct Read {
    pub(crate) draft: Draft,
    /// One's own certificate is to be attached.
    pub(crate) attach_key: bool,
    /// Who may get what came encrypted to others.
    pub(crate) disclosed: Vec<Disclosure>,
}

/// Reads a draft. `account` is the one it goes out by.
pub(crate) fn read(bytes: &[u8], account: &str) -> Result<Read, String> {
    let message = Message::parse(bytes.to_vec());
    let headers = message.headers();
    let body = display::body(&message);
    let protection = match headers.get(PROTECTION_FIELD).unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "" | "when-possible" => Protection::WhenPossible,
        "required" => Protection::Required,
        "encrypt" => Protection::EncryptOnly,
        "sign" => Protection::SignOnly,
        "none" => Protection::None,
        other => {
            return Err(format!(
                "{PROTECTION_FIELD}: {other:?} is none of required, encrypt, sign, none and when-possible"
            ));
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
    let attach_key = match headers.get(KEY_FIELD).unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "" | "no" => false,
        "yes" => true,
        other => return Err(format!("{KEY_FIELD}: {other:?} is neither yes nor no")),
    };
    let disclosed = headers.get_all(DISCLOSE_FIELD).into_iter().map(|address| {
        let address = Address::parse(&address).map_err(|error| format!("{DISCLOSE_FIELD}: {error}"))?;
        Ok(Disclosure { address: address.addr.to_lowercase(), in_clear: false })
    });
    let disclosed = disclosed.collect::<Result<Vec<_>, String>>()?;
    let draft = Draft {
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
        origin: None,
        plea: None,
        sources: None,
        split: None,
        key: None,
        carrying: None,
    };
    Ok(Read { draft, attach_key, disclosed })
}
