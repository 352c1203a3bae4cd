//! Where the OpenPGP is in a message: RFC 3156 §4 and §5, and the inline forms that came before it.
//!
//! Only what stands at the root counts as the message's protection. What is found deeper is told and not opened.

use crate::mail::message::{Message, Part};

use super::inline::{self, Kind};

/// What a message is at its root. Numbers are places in [`Message::parts`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// No OpenPGP at the root.
    Clear,
    /// `multipart/encrypted`: the part with the ciphertext.
    Encrypted(usize),
    /// `multipart/signed`: content and signature.
    Signed(usize, usize),
    /// A text that holds an OpenPGP block.
    Inline(inline::Block),
    /// It announces OpenPGP and is not built as RFC 3156 says.
    Malformed,
}

/// Looks at the root.
pub(super) fn shape(message: &Message) -> Shape {
    let root = message.root();
    match root.media_type.as_str() {
        "multipart/encrypted" if is_openpgp(root, "application/pgp-encrypted") => match root.children.as_slice() {
            [control, content] if is_control(message, *control) && !is_nested(message, *content) => {
                Shape::Encrypted(*content)
            }
            _ => Shape::Malformed,
        },
        "multipart/signed" if is_openpgp(root, "application/pgp-signature") => match root.children.as_slice() {
            [content, signature] if is_type(message, *signature, "application/pgp-signature") => {
                Shape::Signed(*content, *signature)
            }
            _ => Shape::Malformed,
        },
        // Exchange rewrites multipart/encrypted to this; nothing foreign is in it, so it is the same message.
        "multipart/mixed" => match root.children.as_slice() {
            [empty, control, content]
                if is_control(message, *control)
                    && is_type(message, *content, "application/octet-stream")
                    && is_type(message, *empty, "text/plain")
                    && part(message, *empty).is_some_and(|part| message.content(part).trim_ascii().is_empty()) =>
            {
                Shape::Encrypted(*content)
            }
            [control, content]
                if is_control(message, *control) && is_type(message, *content, "application/octet-stream") =>
            {
                Shape::Encrypted(*content)
            }
            _ => Shape::Clear,
        },
        "text/plain" => inline::find(&message.content(root)).map_or(Shape::Clear, Shape::Inline),
        _ => Shape::Clear,
    }
}

/// Well-formed `multipart/signed` parts below the root: part, content and signature. A few only: each costs a verification.
pub(super) fn signed_below(message: &Message) -> Vec<(usize, usize, usize)> {
    let mut found = Vec::new();
    for (place, part) in message.parts().iter().enumerate() {
        if part.media_type == "multipart/signed"
            && is_openpgp(part, "application/pgp-signature")
            && let Some(content) = part.children.first()
            && let Some(signature) =
                part.children.iter().skip(1).find(|child| is_type(message, **child, "application/pgp-signature"))
        {
            found.push((place, *content, *signature));
        }
        if found.len() >= 8 {
            break;
        }
    }
    found
}

/// Whether ciphertext stands anywhere below the root.
pub(super) fn ciphertext_below(message: &Message) -> bool {
    message.parts().iter().skip(1).any(|part| {
        matches!(part.media_type.as_str(), "multipart/encrypted" | "application/pgp-encrypted")
            || (part.media_type.starts_with("text/")
                && inline::find(&message.content(part)).is_some_and(|block| block.kind == Kind::Encrypted))
    })
}

/// All parts in the tree below and with a part.
pub(super) fn subtree(message: &Message, top: usize) -> Vec<usize> {
    let mut found = vec![top];
    let mut next = 0;
    while let Some(place) = found.get(next).copied() {
        next += 1;
        if found.len() > message.parts().len() {
            break;
        }
        found.extend(part(message, place).into_iter().flat_map(|part| part.children.iter().copied()));
    }
    found
}

/// A part by its place.
pub(super) fn part(message: &Message, place: usize) -> Option<&Part> {
    message.parts().get(place)
}

/// Whether the `protocol` parameter says OpenPGP; some programs leave it out.
fn is_openpgp(part: &Part, protocol: &str) -> bool {
    part.param("protocol").is_none_or(|given| given.eq_ignore_ascii_case(protocol))
}

/// Whether a part has the media type.
fn is_type(message: &Message, place: usize, media_type: &str) -> bool {
    part(message, place).is_some_and(|part| part.media_type == media_type)
}

/// Whether a part holds parts.
fn is_nested(message: &Message, place: usize) -> bool {
    part(message, place).is_none_or(|part| !part.children.is_empty() || part.is_multipart())
}

/// Whether a part is the control part: `Version: 1` and nothing else.
fn is_control(message: &Message, place: usize) -> bool {
    part(message, place).is_some_and(|part| {
        part.media_type == "application/pgp-encrypted"
            && message.content(part).trim_ascii().eq_ignore_ascii_case(b"version: 1")
    })
}
