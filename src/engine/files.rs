//! Files in and out at the user's word: an attachment saved, a file read whole.
//!
//! A saved file has the name that was shown and nothing of the path that a sender put into it; it is made anew (`O_EXCL`, not followed, 0600),
//! never over another one. Nothing here opens, runs or looks into a file for a person.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use sha2::{Digest, Sha256};

use super::reading::Look;
use super::streamed::{Streamed, Tick};
use crate::app::view::{Sentence, Tone};
use crate::mail::display::AttachmentInfo;
use crate::mail::draft::Attachment;
use crate::mail::safe::{self, SafeText};
use crate::pgp::large::Plain;
use crate::pgp::sentence;

/// Names tried beside one that is taken.
const NAMES_MAX: u32 = 1000;

/// Bytes of what came that are passed on with a message: they are held then.
pub(crate) const HELD_MAX: usize = 128 << 20;

/// Why so much is not passed on, in words; `None`: it may be.
pub(crate) fn too_large(bytes: u64) -> Option<String> {
    (bytes > HELD_MAX as u64).then(|| {
        let most = crate::mail::size::size(HELD_MAX as u64);
        format!("That is more than {most}, and is not passed on with a message: save it, and send it another way.")
    })
}

/// Where a file was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The file.
    pub path: PathBuf,
    /// It was there already, with the same content.
    pub already: bool,
}

/// Why what was in an encrypted file of a name is not handed out; `None`: it is.
pub(crate) type Refusal<'a> = &'a dyn Fn(&str, &Plain) -> io::Result<Option<String>>;

/// Decrypts a part that is an encrypted file, saves what is in it, and tells what came of it. Nothing is written unless all of it was checked.
pub(crate) fn decrypt(
    message: &Streamed,
    place: usize,
    dir: &Path,
    look: &Look<'_>,
    tick: Tick<'_>,
    refusal: Refusal<'_>,
) -> Sentence {
    let say = |tone, words: &str| Sentence { tone, text: SafeText::line(words) };
    let file = match message.open_file(place, look.keyring, look.terms, tick) {
        Err(error) => return say(Tone::Alarm, &format!("The attachment could not be decrypted: {error}")),
        Ok(None) => {
            return say(Tone::Warning, "This attachment is no encrypted file of its own; save it as it is.");
        }
        Ok(Some(file)) => file,
    };
    let verdict = sentence::of_file(&file.name, &file.openpgp, &file.warnings);
    let Some(content) = &file.content else {
        let words = verdict.map_or_else(|| format!("“{}” holds no ciphertext.", file.name), |(_, words)| words);
        return say(Tone::Alarm, &words);
    };
    match refusal(&file.name, content) {
        Ok(None) => {}
        Ok(Some(words)) => return say(Tone::Warning, &words),
        Err(error) => return say(Tone::Alarm, &format!("The attachment could not be saved: {error}")),
    }
    let signed = verdict.map_or_else(|| "It is not signed.".to_owned(), |(_, words)| words);
    match save_plain(dir, &file.name, content) {
        Ok(saved) if saved.already => say(Tone::Plain, &format!("It was saved already: {}", saved.path.display())),
        Ok(saved) => say(Tone::Good, &format!("Decrypted and saved: {}. {signed}", saved.path.display())),
        Err(words) => say(Tone::Alarm, &words),
    }
}

/// Saves content under a sender's name in a directory; a taken name gets `-2`, `-3` and so on, unless the content is the same.
///
/// # Errors
/// In words.
pub fn save(dir: &Path, foreign_name: &str, content: &[u8]) -> Result<Saved, String> {
    save_from(dir, foreign_name, &hex::encode(Sha256::digest(content)), &|to| to.write_all(content))
}

/// As [`save`], of what came out of a ciphertext.
///
/// # Errors
/// In words.
pub(crate) fn save_plain(dir: &Path, foreign_name: &str, content: &Plain) -> Result<Saved, String> {
    let mut digest = Sha256::new();
    content.write(&mut digest).map_err(|why| format!("what was decrypted cannot be read: {why}"))?;
    save_from(dir, foreign_name, &hex::encode(digest.finalize()), &|to| content.write(to))
}

/// As [`save`], of content of this digest that is not held.
pub(crate) fn save_from(
    dir: &Path,
    foreign_name: &str,
    sha256: &str,
    content: &dyn Fn(&mut dyn Write) -> io::Result<()>,
) -> Result<Saved, String> {
    let fail = |why: &dyn std::fmt::Display| format!("{}: {why}", dir.display());
    let open_dir = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
    let place = rustix::fs::openat(CWD, dir, open_dir, Mode::empty()).map_err(|why| fail(&why))?;
    let name = safe::file_name(foreign_name);
    for number in 1..=NAMES_MAX {
        let candidate = if number == 1 { name.clone() } else { numbered(&name, number) };
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
        match rustix::fs::openat(&place, candidate.as_str(), flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => {
                let mut file = File::from(file);
                let mut checked = Checked { file: &mut file, digest: Sha256::new() };
                let written = content(&mut checked);
                let is_same = hex::encode(checked.digest.finalize()) == sha256;
                let written = written.and_then(|()| {
                    // Read anew while it is written: should it have become another since, nothing is saved.
                    if is_same { file.sync_all() } else { Err(io::Error::other("it changed while it was written")) }
                });
                if let Err(why) = written {
                    let _ = rustix::fs::unlinkat(&place, candidate.as_str(), rustix::fs::AtFlags::empty());
                    return Err(fail(&why));
                }
                return Ok(Saved { path: dir.join(candidate), already: false });
            }
            Err(rustix::io::Errno::EXIST) => {
                let flags = OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
                if let Ok(there) = rustix::fs::openat(&place, candidate.as_str(), flags, Mode::empty())
                    && is_same(File::from(there), sha256)
                {
                    return Ok(Saved { path: dir.join(candidate), already: true });
                }
            }
            Err(why) => return Err(fail(&why)),
        }
    }
    Err(fail(&format!("there are {NAMES_MAX} files like {name} already")))
}

/// Writes a file that was not there, for its owner alone.
///
/// # Errors
/// In words: another one is there already, or it cannot be written.
pub(crate) fn write_new(path: &Path, content: &[u8]) -> Result<(), String> {
    let fail = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(CWD, path, flags, Mode::RUSR | Mode::WUSR).map_err(|why| match why {
        rustix::io::Errno::EXIST => fail(&"there is a file of that name; nothing was overwritten, choose another name"),
        why => fail(&why),
    })?;
    let mut file = File::from(file);
    file.write_all(content).and_then(|()| file.sync_all()).map_err(|why| {
        // Half a paper is none.
        let _ = std::fs::remove_file(path);
        fail(&why)
    })
}

fn numbered(name: &str, number: u32) -> String {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => format!("{stem}-{number}.{extension}"),
        _ => format!("{name}-{number}"),
    }
}

/// A file that is written, and its digest.
struct Checked<'a> {
    file: &'a mut File,
    digest: Sha256,
}

impl Write for Checked<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.digest.update(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn is_same(mut file: File, sha256: &str) -> bool {
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return false;
    }
    let mut digest = Sha256::new();
    io::copy(&mut file, &mut digest).is_ok() && hex::encode(digest.finalize()) == sha256
}

/// The whole of an ordinary file of at most so many bytes.
///
/// # Errors
/// In words.
pub(crate) fn read_whole(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let fail = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    // Not blocking: a FIFO must not hold the program.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::openat(CWD, path, flags, Mode::empty()).map_err(|why| fail(&why))?);
    let metadata = file.metadata().map_err(|why| fail(&why))?;
    if !metadata.is_file() {
        return Err(fail(&"this is no ordinary file"));
    }
    if metadata.len() > most {
        return Err(fail(&format!("it has {} MB; more than {} MB are not taken", metadata.len() >> 20, most >> 20)));
    }
    let mut content = Vec::new();
    file.take(most).read_to_end(&mut content).map_err(|why| fail(&why))?;
    Ok(content)
}

/// The attachments of a message, to be sent on: content unchanged, names made harmless. A message or a multipart within one goes as
/// plain bytes, for RFC 2046 §5.2.1 lets it have no transfer encoding.
///
/// # Errors
/// What `content`, which reads what a part holds, says.
pub(crate) fn carried(
    attachments: &[AttachmentInfo],
    content: &dyn Fn(usize) -> io::Result<Vec<u8>>,
) -> io::Result<Vec<Attachment>> {
    let file = |info: &AttachmentInfo| {
        let nested = info.media_type.starts_with("message/") || info.media_type.starts_with("multipart/");
        let media_type = if nested { "application/octet-stream" } else { info.media_type.as_str() };
        let name = safe::file_name(&info.name).to_string();
        Ok(Attachment { name, media_type: media_type.to_owned(), content: content(info.part)? })
    };
    attachments.iter().map(file).collect()
}

/// The media type by the name's extension: what a recipient's client goes by.
pub(crate) fn media_type(name: &str, content: &[u8]) -> &'static str {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default();
    match extension.as_str() {
        "pdf" => "application/pdf",
        "doc" => "application/msword",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xls" => "application/vnd.ms-excel",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "odt" => "application/vnd.oasis.opendocument.text",
        "rtf" => "application/rtf",
        "csv" => "text/csv",
        "txt" | "md" | "log" if std::str::from_utf8(content).is_ok() => "text/plain",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "tif" | "tiff" => "image/tiff",
        "zip" => "application/zip",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "mp4" => "video/mp4",
        "asc" => "application/pgp-keys",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::{carried, save};
    use crate::mail::display;
    use crate::mail::message::Message;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_passed_on_has_its_content_and_a_harmless_name() {
        let raw = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSee both.\r\n--b\r\n\
                   Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"../../MG5.pdf\"\r\n\
                   Content-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n--b\r\nContent-Type: message/rfc822\r\n\
                   Content-Disposition: attachment; filename=old.eml\r\n\r\nSubject: x\r\n\r\ny\r\n--b--\r\n";
        let message = Message::parse(raw.as_bytes().to_vec());
        let content = |place: usize| Ok(message.content(&message.parts()[place]));
        let files = carried(&display::body(&message).attachments, &content).unwrap();
        let told: Vec<_> =
            files.iter().map(|one| (one.name.as_str(), one.media_type.as_str(), one.content.as_slice())).collect();
        assert_eq!(told.first(), Some(&("MG5.pdf", "application/pdf", &b"%PDF"[..])), "{told:?}");
        assert_eq!(told.get(1).map(|one| (one.0, one.1)), Some(("old.eml", "application/octet-stream")), "{told:?}");
    }

    #[test]
    fn nothing_is_overwritten_or_followed_and_nothing_leaves_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let first = save(dir.path(), "MG5.pdf", b"one").unwrap();
        assert_eq!(std::fs::metadata(&first.path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(save(dir.path(), "MG5.pdf", b"one").unwrap().already);
        let second = save(dir.path(), "MG5.pdf", b"two").unwrap();
        assert_eq!(second.path.file_name().unwrap(), "MG5-2.pdf");
        assert_eq!(std::fs::read(&first.path).unwrap(), b"one");
        let target = dir.path().join("target");
        std::os::unix::fs::symlink(&target, dir.path().join("link.pdf")).unwrap();
        save(dir.path(), "link.pdf", b"three").unwrap();
        assert!(!target.exists());
        for name in ["../../escape.pdf", "/etc/escape", "..", ".", "", "a/b\0c"] {
            let saved = save(dir.path(), name, name.as_bytes()).unwrap();
            assert_eq!(saved.path.parent().unwrap(), dir.path(), "{name:?}");
        }
    }
}
