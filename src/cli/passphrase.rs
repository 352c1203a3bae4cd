//! Where passphrases come from: a file descriptor, a program that the configuration names, or a person at a terminal. Never an argument
//! or the environment; never shown, and wiped after use.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::exit::{Exit, Failure};

/// A passphrase, wiped when dropped.
pub(super) type Secret = Zeroizing<Vec<u8>>;
/// Longer ones were not typed by a person.
const BYTES_MAX: u64 = 4096;

/// The first line of a file descriptor, as given by `--passphrase-fd`.
///
/// # Errors
/// Where it cannot be read.
pub(super) fn from_fd(number: i32) -> Result<Secret, Failure> {
    let file = File::open(format!("/dev/fd/{number}")).map_err(|error| {
        Failure::new(
            Exit::NotPermitted,
            format!("the passphrase cannot be read from file descriptor {number}: {error}"),
        )
    })?;
    first_line(file)
        .map_err(|error| Failure::new(Exit::NotPermitted, format!("the passphrase cannot be read: {error}")))
}

/// The first line that a program prints; run without a shell. `key`: what the configuration calls it.
///
/// # Errors
/// Where the program fails or prints nothing.
pub(super) fn from_command(key: &str, command: &[String]) -> Result<Secret, Failure> {
    let fail = |why: String| Failure::new(Exit::NotPermitted, format!("{key}: {why}"));
    let (program, arguments) = command.split_first().ok_or_else(|| fail("names no program".to_owned()))?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| fail(format!("{program} cannot be run: {error}")))?;
    let line = child.stdout.take().map(first_line);
    let status = child.wait().map_err(|error| fail(error.to_string()))?;
    match line {
        _ if !status.success() => Err(fail(format!("{program} failed ({status})"))),
        Some(Ok(line)) if !line.is_empty() => Ok(line),
        Some(Err(error)) => Err(fail(error.to_string())),
        _ => Err(fail(format!("{program} printed nothing"))),
    }
}

/// Byte by byte as given: only the line's end is taken off.
fn first_line(from: impl Read) -> io::Result<Secret> {
    let mut line = Zeroizing::new(Vec::with_capacity(256));
    BufReader::new(from.take(BYTES_MAX)).read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
    Ok(line)
}

/// The terminal, silent until this is dropped.
struct Silent {
    terminal: File,
    before: Termios,
}

impl Silent {
    fn new(terminal: File) -> io::Result<Self> {
        let before = tcgetattr(&terminal)?;
        let mut silent = before.clone();
        // Ctrl-C is read as a byte: a signal would leave the terminal silent.
        silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        silent.special_codes[SpecialCodeIndex::VMIN] = 1;
        silent.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Flush, &self.before);
    }
}

/// Asks a person at the terminal. `None`: they gave up.
///
/// # Errors
/// Where there is no terminal.
pub(super) fn ask(question: &str) -> Result<Option<Secret>, Failure> {
    let fail = |error: io::Error| Failure::new(Exit::NotPermitted, format!("nobody can be asked: {error}"));
    let terminal = File::options().read(true).write(true).open(Path::new("/dev/tty")).map_err(fail)?;
    let mut silent = Silent::new(terminal).map_err(fail)?;
    write!(silent.terminal, "{question}: ").and_then(|()| silent.terminal.flush()).map_err(fail)?;
    let answer = read_line(&mut silent.terminal).map_err(fail)?;
    writeln!(silent.terminal).map_err(fail)?;
    Ok(answer)
}

/// Reads keys until the end of the line, with the two corrections that people expect.
fn read_line(from: &mut impl Read) -> io::Result<Option<Secret>> {
    let mut line = Zeroizing::new(Vec::with_capacity(256));
    let mut byte = [0_u8; 1];
    loop {
        if from.read(&mut byte)? == 0 {
            return Ok(None);
        }
        match byte {
            [b'\n' | b'\r'] => return Ok(Some(line)),
            // Ctrl-C, ctrl-D.
            [3 | 4] => return Ok(None),
            // Backspace: a whole character of UTF-8.
            [8 | 127] => while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            // Ctrl-U.
            [21] => line.clear(),
            [byte] if (line.len() as u64) < BYTES_MAX => line.push(byte),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{first_line, from_command, read_line};

    #[test]
    fn lines_are_taken_byte_by_byte() {
        for (text, expected) in
            [("otter weir\nmore", "otter weir"), (" a \r\n", " a "), ("no end", "no end"), ("\n", "")]
        {
            assert_eq!(first_line(text.as_bytes()).unwrap().as_slice(), expected.as_bytes());
        }
    }

    #[test]
    fn typing_can_be_corrected_and_given_up() {
        let typed = |bytes: &str| {
            read_line(&mut bytes.as_bytes()).unwrap().map(|line| String::from_utf8(line.to_vec()).unwrap())
        };
        assert_eq!(typed("otterx\u{7f}\r").as_deref(), Some("otter"));
        assert_eq!(typed("oé\u{8}\u{8}\u{8}tter\n").as_deref(), Some("tter"));
        assert_eq!(typed("wrong\u{15}right\n").as_deref(), Some("right"));
        assert_eq!(typed("otter\u{3}"), None);
        assert_eq!(typed("otter"), None);
    }

    #[test]
    fn commands_are_run_without_a_shell() {
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(from_command("unlock_command", &words(&["printf", "%s\\n", "$HOME"])).unwrap().as_slice(), b"$HOME");
        for (command, part) in [
            (words(&["false"]), "failed"),
            (words(&["true"]), "printed nothing"),
            (words(&["/nowhere/at-all"]), "cannot be run"),
            (words(&[]), "names no program"),
        ] {
            let failure = from_command("unlock_command", &command).unwrap_err();
            assert!(failure.words.contains(part), "{}", failure.words);
        }
    }
}
