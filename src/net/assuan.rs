//! The dialogue with gpg-agent over its Unix socket (the Assuan protocol, and “Agent's Assuan Protocol” of the GnuPG manual).
//!
//! A question for a passphrase is answered here (loopback) with what was typed into casemail, or refused: a pinentry of the terminal would write
//! over the screen. Nothing here knows OpenPGP; keys are keygrips, values are S-expressions.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use zeroize::Zeroizing;

/// How long an answer may take: a person may have to touch a card.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest line (libassuan's own limit is 1000 octets).
const LINE_BYTES_MAX: u64 = 4_096;
/// The most that one answer may have.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Octets of data in one line.
const DATA_BYTES: usize = 300;

/// A gpg-agent, by its socket.
pub struct GpgAgent {
    socket: PathBuf,
    passphrase: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for GpgAgent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GpgAgent").field("socket", &self.socket).finish_non_exhaustive()
    }
}

/// A key that an agent knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// 40 hexadecimal digits.
    pub keygrip: String,
    /// It is on a card.
    pub on_card: bool,
    /// Its `public-key` expression.
    pub public: Vec<u8>,
}

impl GpgAgent {
    /// The agent at a socket; the passphrase answers its questions.
    #[must_use]
    pub fn new(socket: &Path, passphrase: Option<Zeroizing<String>>) -> Self {
        Self { socket: socket.to_owned(), passphrase }
    }

    /// Where the agent of this user listens, as `gpgconf` says; it is started where it is not running.
    ///
    /// # Errors
    /// In words: GnuPG is not installed.
    pub fn find() -> Result<PathBuf, String> {
        let ask = |arguments: &[&str]| {
            Command::new("gpgconf")
                .args(arguments)
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .output()
                .map_err(|why| format!("gpgconf cannot be run ({why}); is GnuPG installed?"))
        };
        ask(&["--launch", "gpg-agent"])?;
        let told = ask(&["--list-dirs", "agent-socket"])?.stdout;
        let text = String::from_utf8(told).unwrap_or_default();
        match text.trim_end_matches('\n') {
            "" => Err("gpgconf does not say where gpg-agent listens".to_owned()),
            path => Ok(PathBuf::from(path)),
        }
    }

    /// The keys that it knows.
    ///
    /// # Errors
    /// In words.
    pub fn keys(&self) -> Result<Vec<KnownKey>, String> {
        let mut line = self.connect()?;
        let told = line.ask("KEYINFO --list", &[])?;
        let mut keys = Vec::new();
        for status in &told.status {
            let mut words = status.split(' ');
            let (Some("KEYINFO"), Some(keygrip), Some(kind)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            // A key that was deleted meanwhile is none.
            if let Ok(read) = line.ask(&format!("READKEY {keygrip}"), &[]) {
                let (keygrip, on_card) = (keygrip.to_owned(), kind == "T");
                keys.push(KnownKey { keygrip, on_card, public: read.data.to_vec() });
            }
        }
        Ok(keys)
    }

    /// Signs a digest.
    ///
    /// # Errors
    /// In words.
    pub fn sign(&self, keygrip: &str, hash: u8, digest: &[u8]) -> Result<Vec<u8>, String> {
        let mut line = self.connect()?;
        line.ask(&format!("SIGKEY {keygrip}"), &[])?;
        line.ask(&format!("SETHASH {hash} {}", hex::encode_upper(digest)), &[])?;
        Ok(line.ask("PKSIGN", &self.answers(&[]))?.data.to_vec())
    }

    /// Opens a ciphertext.
    ///
    /// # Errors
    /// In words.
    pub fn decrypt(&self, keygrip: &str, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, String> {
        let mut line = self.connect()?;
        line.ask(&format!("SETKEY {keygrip}"), &[])?;
        Ok(line.ask("PKDECRYPT", &self.answers(&[("CIPHERTEXT", ciphertext)]))?.data)
    }

    fn answers<'a>(&'a self, others: &[(&'a str, &'a [u8])]) -> Vec<(&'a str, &'a [u8])> {
        let passphrase = self.passphrase.as_ref().map(|text| ("PASSPHRASE", text.as_bytes()));
        others.iter().copied().chain(passphrase).collect()
    }

    fn connect(&self) -> Result<Line, String> {
        let fail = |why: std::io::Error| {
            format!(
                "gpg-agent does not answer at {} ({why}); `gpgconf --launch gpg-agent` starts it",
                self.socket.display()
            )
        };
        let stream = UnixStream::connect(&self.socket).map_err(fail)?;
        stream
            .set_read_timeout(Some(PATIENCE))
            .and_then(|()| stream.set_write_timeout(Some(PATIENCE)))
            .map_err(fail)?;
        let reader = BufReader::new(stream.try_clone().map_err(fail)?);
        let mut line = Line { stream, reader };
        line.answer(&[])?;
        // Where its owner forbids that, it asks by its own pinentry, or refuses.
        let _ = line.ask("OPTION pinentry-mode=loopback", &[]);
        Ok(line)
    }
}

/// One connection.
struct Line {
    stream: UnixStream,
    reader: BufReader<UnixStream>,
}

/// What was answered to a command.
struct Told {
    data: Zeroizing<Vec<u8>>,
    status: Vec<String>,
}

impl Line {
    /// Sends a command and reads the answer; its questions are answered by name.
    fn ask(&mut self, command: &str, answers: &[(&str, &[u8])]) -> Result<Told, String> {
        self.send(command.as_bytes())?;
        self.answer(answers)
    }

    fn send(&mut self, line: &[u8]) -> Result<(), String> {
        let line = Zeroizing::new([line, b"\n"].concat());
        self.stream.write_all(&line).map_err(|why| format!("gpg-agent went away ({why})"))
    }

    fn answer(&mut self, answers: &[(&str, &[u8])]) -> Result<Told, String> {
        let mut told = Told { data: Zeroizing::new(Vec::with_capacity(4_096)), status: Vec::new() };
        loop {
            let line = self.line()?;
            if line.as_slice() == b"OK" || line.starts_with(b"OK ") {
                return Ok(told);
            } else if let Some(words) = line.strip_prefix(b"ERR ") {
                return Err(in_words(&String::from_utf8_lossy(words)));
            } else if let Some(data) = line.strip_prefix(b"D ") {
                unescape(data, &mut told.data);
                if told.data.len() > ANSWER_BYTES_MAX {
                    return Err("gpg-agent answers without end".to_owned());
                }
            } else if let Some(status) = line.strip_prefix(b"S ") {
                told.status.push(String::from_utf8_lossy(status).into_owned());
                if told.status.len() > 10_000 {
                    return Err("gpg-agent answers without end".to_owned());
                }
            } else if let Some(question) = line.strip_prefix(b"INQUIRE ") {
                let question = String::from_utf8_lossy(question).into_owned();
                let name = question.split(' ').next().unwrap_or_default();
                match answers.iter().find(|(known, _)| *known == name) {
                    Some((_, data)) => {
                        for piece in data.chunks(DATA_BYTES) {
                            self.send(&Zeroizing::new([b"D ".as_slice(), &escape(piece)].concat()))?;
                        }
                        self.send(b"END")?;
                    }
                    None => self.send(b"CAN")?,
                }
            }
            // Comments (`#`) say nothing.
        }
    }

    fn line(&mut self) -> Result<Zeroizing<Vec<u8>>, String> {
        let mut line = Zeroizing::new(Vec::with_capacity(1_024));
        let read = (&mut self.reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        read.map_err(|why| format!("gpg-agent did not answer ({why})"))?;
        match line.pop() {
            Some(b'\n') => Ok(line),
            Some(_) => Err("gpg-agent sent a line that is too long".to_owned()),
            None => Err("gpg-agent closed the connection".to_owned()),
        }
    }
}

/// The errors that people can do something about (libgpg-error's numbers, without the source in the upper bits).
fn in_words(error: &str) -> String {
    let (number, words) = error.split_once(' ').unwrap_or((error, ""));
    match number.parse::<u32>().map(|number| number & 0xffff) {
        Ok(11) => "gpg-agent does not accept that passphrase".to_owned(),
        Ok(17) => "gpg-agent does not have this key any more".to_owned(),
        Ok(99 | 177 | 85 | 277) => {
            "gpg-agent needs the passphrase (or PIN) of the key: unlock it in the list of keys, or use it once with gpg"
                .to_owned()
        }
        Ok(108 | 112) => "the card with this key is not in its reader".to_owned(),
        _ => format!("gpg-agent refuses: {words}"),
    }
}

fn escape(data: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(data.len() * 3));
    for byte in data {
        match byte {
            b'%' | b'\r' | b'\n' => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            _ => out.push(*byte),
        }
    }
    out
}

fn unescape(data: &[u8], out: &mut Vec<u8>) {
    let mut rest = data;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let byte = (*first == b'%').then(|| std::str::from_utf8(after.get(..2)?).ok()).flatten();
        match byte.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => out.push(*first),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_comes_through_as_it_is() {
        let all: Vec<u8> = (0..=255).collect();
        let escaped = escape(&all);
        assert!(!escaped.contains(&b'\n') && !escaped.contains(&b'\r'));
        let mut back = Vec::new();
        unescape(&escaped, &mut back);
        assert_eq!(back, all);
        let mut cut = Vec::new();
        unescape(b"a%4", &mut cut);
        assert_eq!(cut, b"a%4");
    }

    #[test]
    fn errors_say_what_to_do() {
        for (error, part) in [
            ("67108875 Bad passphrase <GPG Agent>", "does not accept"),
            ("67108881 No secret key <GPG Agent>", "not have this key"),
            ("67108963 Operation cancelled <Pinentry>", "unlock it"),
            ("67109141 IPC call has been cancelled <GPG Agent>", "unlock it"),
            ("67109147 Whatever <GPG Agent>", "refuses: Whatever"),
        ] {
            assert!(in_words(error).contains(part), "{}", in_words(error));
        }
    }
}
