//! What of a message a person is shown: which parts as text, which as attachments.
//!
//! Parts are rendered one by one and never joined into one HTML document (the direct exfiltration of EFAIL). Nothing is fetched.

use super::message::{Disposition, Message};

/// The text of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Place in [`Message::parts`].
    pub part: usize,
    /// Foreign text, lines ended by `\n`: not yet safe for a terminal.
    pub text: String,
}

/// An attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentInfo {
    /// Place in [`Message::parts`].
    pub part: usize,
    /// IMAP section number.
    pub path: String,
    /// As the sender gave it, or made up from the media type. Hostile: see [`super::safe::file_name`].
    pub name: String,
    /// Lower-case.
    pub media_type: String,
    /// Decoded size.
    pub bytes: u64,
    /// Of the decoded content, lower-case hexadecimal.
    pub sha256: String,
    /// RFC 2183.
    pub disposition: Disposition,
}

/// What a person is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// The texts, in order.
    pub sections: Vec<Section>,
    /// What is not shown as text.
    pub attachments: Vec<AttachmentInfo>,
    /// Codes of what a person should know.
    pub warnings: Vec<&'static str>,
}

impl Body {
    /// All sections one below the other.
    #[must_use]
    pub fn text(&self) -> String {
        self.sections.iter().map(|section| section.text.as_str()).collect::<Vec<_>>().join("\n")
    }
}

/// What a person is shown of a message.
#[must_use]
pub fn body(message: &Message) -> Body {
    body_of(message, 0)
}

/// What a person is shown of one part and those in it.
#[must_use]
pub fn body_of(message: &Message, part: usize) -> Body {
    let sections =
        message.parts().get(part).map(|found| Section { part, text: message.text(found) }).into_iter().collect();
    Body { sections, ..Body::default() }
}
