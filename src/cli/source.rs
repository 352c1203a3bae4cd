//! A message named on the command line: one of the profile's, or a file that needs no profile.

use std::io::Read;
use std::path::Path;

use super::exit::{Exit, Failure};
use crate::engine::Engine;
use crate::engine::query::{Filter, RawMessage};
use crate::mail::id::MessageRef;

/// A file larger than this is no mail that any server takes.
const FILE_BYTES_MAX: u64 = 512 << 20;

/// What an argument names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Standard input.
    Stdin,
    /// A file.
    File(String),
    /// A message of the profile.
    Stored(MessageRef),
    /// A message of the profile, by its Message-ID.
    MessageId(String),
}

impl Source {
    /// Reads an argument. A file of that name is meant where there is one.
    ///
    /// # Errors
    /// Where it can be none of these.
    pub(super) fn of(text: &str, cwd: &Path) -> Result<Self, Failure> {
        if text == "-" {
            return Ok(Self::Stdin);
        }
        if cwd.join(text).is_file() {
            return Ok(Self::File(text.to_owned()));
        }
        if let Ok(id) = text.parse() {
            return Ok(Self::Stored(id));
        }
        let bare = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).unwrap_or(text);
        if bare.contains('@') && !bare.contains('/') {
            return Ok(Self::MessageId(bare.to_owned()));
        }
        let words = format!("there is no file {text:?}, and a message is named account/mailbox/uidvalidity/uid");
        Err(Failure::no(words))
    }

    /// Whether it is read without a profile.
    #[must_use]
    pub(super) fn is_bare(&self) -> bool {
        matches!(self, Self::Stdin | Self::File(_))
    }

    /// The bytes of a bare one.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub(super) fn read(&self, cwd: &Path, stdin: &mut dyn Read) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let outcome = match self {
            Self::File(name) => std::fs::File::open(cwd.join(name))
                .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)),
            _ => stdin.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes),
        };
        let name = if let Self::File(name) = self { name } else { "standard input" };
        match outcome {
            Err(error) => Err(Failure::new(Exit::BadData, format!("{name}: cannot be read: {error}"))),
            Ok(_) if bytes.len() as u64 > FILE_BYTES_MAX => {
                Err(Failure::new(Exit::BadData, format!("{name}: is larger than 512 MiB")))
            }
            Ok(_) if bytes.is_empty() => Err(Failure::new(Exit::BadData, format!("{name}: is empty"))),
            Ok(_) => Ok(bytes),
        }
    }

    /// A message of the profile.
    ///
    /// # Errors
    /// Where there is none, or it cannot be fetched.
    pub(super) fn fetch(&self, engine: &Engine) -> Result<RawMessage, Failure> {
        Ok(engine.raw(&self.find(engine)?, true)?)
    }

    /// The name of a message of the profile.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) fn find(&self, engine: &Engine) -> Result<MessageRef, Failure> {
        match self {
            Self::Stored(id) => Ok(id.clone()),
            Self::MessageId(id) => {
                let filter = Filter { message_id: Some(id.clone()), ..Filter::default() };
                let first = engine.messages(&filter)?.messages.into_iter().next();
                first.map(|listed| listed.id).ok_or_else(|| Failure::no(format!("there is no message <{id}>")))
            }
            Self::Stdin | Self::File(_) => {
                Err(Failure::new(Exit::Usage, "this takes a message of the profile, not a file"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn files_come_first_then_names() {
        let tmp = tempfile::tempdir().unwrap();
        std::fs::write(tmp.path().join("a.eml"), "x").unwrap();
        let of = |text: &str| Source::of(text, tmp.path());
        assert_eq!(of("-").unwrap(), Source::Stdin);
        assert_eq!(of("a.eml").unwrap(), Source::File("a.eml".into()));
        assert_eq!(of("work/INBOX/1/2").unwrap(), Source::Stored("work/INBOX/1/2".parse().unwrap()));
        assert_eq!(of("<1@a.example>").unwrap(), Source::MessageId("1@a.example".into()));
        assert!(of("b.eml").unwrap_err().words.contains("no file"));
        assert!(of("a.eml").unwrap().is_bare() && !of("work/INBOX/1/2").unwrap().is_bare());
    }
}
