//! Files within a file: Outlook's package (`winmail.dat`) is a document, and so is each file in it. They are out of reach together: whoever hands
//! out the package hands out what is in it. What was in an encrypted file is a document, too, and can be told only when it has been decrypted.

use std::collections::HashMap;
use std::io::{self, Read as _};

use sha2::{Digest as _, Sha256};

use crate::case::document::{Direction, Document, Kinds, Reach};
use crate::engine::documents::reach;
use crate::look::tnef::{self, Inner, Packed};
use crate::look::{self};
use crate::mail::display::AttachmentInfo;
use crate::mail::message::Message;
use crate::mail::safe::file_name;
use crate::pgp::large::Plain;
use crate::register::Book;
use crate::register::event::MessageFacts;
use crate::register::record::Digest;

/// Whether an attachment says that it is a package, and is not too large to be looked into.
pub(crate) fn may_hold_files(one: &AttachmentInfo) -> bool {
    may_be_package(&one.name, &one.media_type) && one.bytes <= look::BYTES_MAX as u64
}

/// Whether something of this name and media type says that it is a package.
pub(crate) fn may_be_package(name: &str, media_type: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let said = matches!(media_type, "application/ms-tnef" | "application/vnd.ms-tnef");
    said || name.ends_with(".dat") || name.ends_with(".tnef")
}

/// What an attachment of this content holds; nothing where it is no package.
pub(crate) fn files_in(content: &[u8]) -> Option<Packed<'_>> {
    tnef::read(content)
}

/// The content of a document that is in a package of this content; `None` where it is not.
pub(crate) fn file_in(content: &[u8], document: &Document) -> Option<Vec<u8>> {
    let is_it = |file: &&Inner<'_>| {
        document.path.split_once('/').is_some_and(|(_, path)| path == file.path)
            && Digest::of(file.content).to_string() == document.sha256
    };
    files_in(content)?.files.iter().find(is_it).map(|file| file.content.to_vec())
}

/// The place of a file in a message: `2/1` is the first file in the attachment `2`.
pub(crate) fn path(one: &AttachmentInfo, file: &Inner<'_>) -> String {
    format!("{}/{}", one.path, file.path)
}

/// Whether a file that may be looked at by its own name is out of reach by what is in it; and which file that is, as it is called. Who takes a package
/// (of this digest) back within reach takes back what is in it.
pub(crate) fn reach_within(
    book: &Book,
    kinds: &Kinds,
    package: &str,
    content: &[u8],
    direction: Direction,
) -> (Reach, String) {
    let of = |file: &Inner<'_>| {
        let (name, sha256) = (file_name(&file.name), Digest::of(file.content).to_string());
        let withheld = kinds.of(&name, &file.media_type).withheld && !book.was_released(package);
        (reach(book, None, &sha256, withheld, direction), name)
    };
    let files = files_in(content).map(|packed| packed.files.iter().map(of).collect::<Vec<_>>()).unwrap_or_default();
    files.into_iter().max_by_key(|(reach, _)| *reach).unwrap_or_default()
}

/// The name of a file within an attached message that is never meant for the defence; `None` where there is none, or the attachment is no message.
pub(crate) fn withheld_in_message(message: &Message, place: usize, kinds: &Kinds) -> Option<String> {
    let part = message.parts().get(place).filter(|part| part.is_message())?;
    let mut left = part.children.clone();
    while let Some(part) = left.pop().and_then(|place| message.parts().get(place)) {
        if let Some(name) = part.name.as_deref().map(file_name)
            && kinds.of(&name, &part.media_type).withheld
        {
            return Some(name);
        }
        left.extend(&part.children);
    }
    None
}

/// Whether each of the documents of a message may be looked at: what is in a package goes as the package does, and the package as what is in it. Who
/// takes a package back within reach takes back what is in it.
pub(crate) fn reach_together(book: &Book, facts: Option<&MessageFacts>, documents: &[Document]) -> Vec<Reach> {
    let alone = |one: &Document| {
        let is_back = one.inside.as_ref().is_some_and(|package| book.was_released(&package.sha256));
        reach(book, facts, &one.sha256, one.kind.withheld && !is_back, one.direction)
    };
    let alone: Vec<Reach> = documents.iter().map(alone).collect();
    let mut together: HashMap<&str, Reach> = HashMap::new();
    for (one, reach) in documents.iter().zip(&alone) {
        if let Some(package) = &one.inside {
            let least = together.entry(package.path.as_str()).or_default();
            *least = (*least).max(*reach);
        }
    }
    // The package itself counts where there is something in it.
    for (one, reach) in documents.iter().zip(&alone) {
        if let Some(least) = together.get_mut(one.path.as_str()) {
            *least = (*least).max(*reach);
        }
    }
    let of = |(one, alone): (&Document, &Reach)| {
        let outer = one.inside.as_ref().map_or(one.path.as_str(), |package| package.path.as_str());
        together.get(outer).copied().unwrap_or(*alone)
    };
    documents.iter().zip(&alone).map(of).collect()
}

/// The digest of what was in an encrypted file.
///
/// # Errors
/// It cannot be read.
pub(crate) fn digest_of(plain: &Plain) -> io::Result<String> {
    let mut digest = Sha256::new();
    plain.write(&mut digest)?;
    Ok(hex::encode(digest.finalize()))
}

/// Whether what was in an encrypted file may be handed out: by its digest and its name, and as a package by the files in it.
///
/// # Errors
/// It cannot be read.
pub(crate) fn reach_of_plain(
    book: &Book,
    kinds: &Kinds,
    (name, sha256): (&str, &str),
    plain: &Plain,
    direction: Direction,
) -> io::Result<Reach> {
    let withheld = kinds.of_name(name).is_some_and(|kind| kind.withheld);
    let itself = reach(book, None, sha256, withheld, direction);
    let mut content = Vec::new();
    plain.open()?.take(tnef::MAGIC.len() as u64).read_to_end(&mut content)?;
    if itself != Reach::Open || !tnef::is_package(&content) || plain.bytes() > look::BYTES_MAX as u64 {
        return Ok(itself);
    }
    content.clear();
    plain.write(&mut content)?;
    Ok(reach_within(book, kinds, sha256, &content, direction).0)
}
