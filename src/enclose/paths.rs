//! Paths as people type them, and as terminals paste what is dropped on them.
//!
//! There is no standard for that: some put each path between single quotes, some put a backslash before what a shell would take for something
//! else, some write `file://` URIs (RFC 8089), a line or a word for each, some write the bare path with its spaces. A text has therefore several
//! *readings*; the one all of whose files are there is meant.

/// What a text may mean, the likeliest first: each a list of paths. Empty where nothing of it looks like a path that begins somewhere.
#[must_use]
pub fn readings(text: &str) -> Vec<Vec<String>> {
    let text = text.trim_matches(['\r', '\n', ' ', '\t', '\0']);
    if text.is_empty() || text.len() > 64 * 1024 {
        return Vec::new();
    }
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let uri = |line: &&str| file_uri(line);
    let mut all: Vec<Vec<String>> = Vec::new();
    let mut add = |reading: Option<Vec<String>>| {
        let reading = reading.filter(|paths| !paths.is_empty() && paths.iter().all(|path| begins_somewhere(path)));
        if let Some(reading) = reading.filter(|reading| !all.contains(reading)) {
            all.push(reading);
        }
    };
    add(lines.iter().map(uri).collect());
    add(shell_words(text)
        .map(|words| words.iter().map(|word| file_uri(word).unwrap_or_else(|| word.clone())).collect()));
    add(Some(lines.iter().map(|line| (*line).to_owned()).collect()));
    all
}

/// Whether a path begins at the root or at somebody's home.
fn begins_somewhere(path: &str) -> bool {
    path.starts_with('/') || path == "~" || path.starts_with("~/")
}

/// The path of a `file:` URI of this machine.
fn file_uri(text: &str) -> Option<String> {
    let rest = text.strip_prefix("file:")?;
    let path = match rest.strip_prefix("//") {
        Some(with_host) => {
            let slash = with_host.find('/')?;
            let (host, path) = with_host.split_at(slash);
            // The file of another machine is not here.
            (host.is_empty() || host.eq_ignore_ascii_case("localhost")).then_some(path)?
        }
        None => rest,
    };
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let value = digit(rest.next())? * 16 + digit(rest.next())?;
            bytes.push(u8::try_from(value).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    let path = String::from_utf8(bytes).ok()?;
    (path.starts_with('/') && !path.contains('\0')).then_some(path)
}

/// Words as a POSIX shell takes them apart (quotes and backslashes only: nothing is expanded); `None` where a quote is not closed.
fn shell_words(text: &str) -> Option<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(chars.next()?),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => match chars.next()? {
                            c @ ('"' | '\\' | '$' | '`') => word.push(c),
                            c => word.extend(['\\', c]),
                        },
                        c => word.push(c),
                    }
                }
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

/// What was typed or dropped behind a directory that stood there, where it begins somewhere by itself: `~//tmp/x` is `/tmp/x`.
#[must_use]
pub fn begun_anew(text: &str) -> &str {
    let rest = text.strip_prefix("~/").unwrap_or_default().trim_start();
    if begins_somewhere(rest) || rest.starts_with("file:/") { rest } else { text }
}

/// The one path that a person is typing: quotes need not be closed yet, spaces need no quotes.
#[must_use]
pub fn typed(text: &str) -> String {
    let text = text.trim_start();
    if let Some(path) = file_uri(text.trim_end()) {
        return path;
    }
    for quote in ['\'', '"'] {
        if let Some(rest) = text.strip_prefix(quote) {
            let rest = rest.trim_end_matches(' ');
            return rest.strip_suffix(quote).unwrap_or(rest).to_owned();
        }
    }
    let mut path = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.peek() {
            Some(next) if c == '\\' && !next.is_alphanumeric() => path.extend(chars.next()),
            _ => path.push(c),
        }
    }
    path
}

/// A path as it stands in a line, so that [`typed`] reads it back.
#[must_use]
pub fn shown(path: &str) -> String {
    if path.contains('\\') || path.starts_with(['\'', '"', ' ']) || path.starts_with("file:") {
        let quote = if path.contains('\'') { '"' } else { '\'' };
        return format!("{quote}{path}{quote}");
    }
    path.to_owned()
}

/// A path at somebody's home, where it begins so.
#[must_use]
pub fn at_home(path: &str, home: &str) -> String {
    match path.strip_prefix('~') {
        Some(rest) if !home.is_empty() && (rest.is_empty() || rest.starts_with('/')) => format!("{home}{rest}"),
        _ => path.to_owned(),
    }
}

/// The directory that a path being typed lies in, with its final `/`, and the beginning of a name in it.
#[must_use]
pub fn split(path: &str) -> (&str, &str) {
    path.rfind('/').map_or(("", path), |at| path.split_at(at + 1))
}

/// How many bytes all texts have in common at their beginning, whole characters only.
#[must_use]
pub fn common(texts: &[&str]) -> usize {
    let Some((first, others)) = texts.split_first() else { return 0 };
    let same = |other: &&str| {
        let ends = first.char_indices().zip(other.chars()).find(|((_, a), b)| a != b);
        ends.map_or(first.len().min(other.len()), |((at, _), _)| at)
    };
    others.iter().map(same).min().unwrap_or(first.len())
}

#[cfg(test)]
mod tests {
    use super::{at_home, common, readings, shell_words, shown, split, typed};

    #[test]
    fn what_terminals_paste_is_read() {
        let check = |text: &str, expected: &[&[&str]]| assert_eq!(readings(text), expected, "{text:?}");
        // VTE and Konsole: between single quotes, a space behind each.
        check("'/home/b/MG5 Ferret.pdf' '/home/b/it'\\''s.pdf' ", &[&["/home/b/MG5 Ferret.pdf", "/home/b/it's.pdf"]]);
        // kitty, iTerm and macOS: backslashes.
        check(
            "/home/b/MG5\\ Ferret\\ \\(1\\).pdf /tmp/b.pdf",
            &[&["/home/b/MG5 Ferret (1).pdf", "/tmp/b.pdf"], &["/home/b/MG5\\ Ferret\\ \\(1\\).pdf /tmp/b.pdf"]],
        );
        // URIs: a line or a word for each.
        check(
            "file:///home/b/MG5%20Ferret.pdf\r\nfile://localhost/tmp/%C3%A9.pdf\r\n",
            &[&["/home/b/MG5 Ferret.pdf", "/tmp/é.pdf"]],
        );
        check("file:///a%20b file:/c", &[&["/a b file:/c"], &["/a b", "/c"]]);
        // A bare path with its spaces: two readings, of which the one that is there counts.
        check("/home/b/MG5 /x.pdf", &[&["/home/b/MG5", "/x.pdf"], &["/home/b/MG5 /x.pdf"]]);
        check("/home/b/MG5 Ferret.pdf", &[&["/home/b/MG5 Ferret.pdf"]]);
        check("\"/home/b/a b.pdf\"", &[&["/home/b/a b.pdf"]]);
        check("~/MG5.pdf", &[&["~/MG5.pdf"]]);
    }

    #[test]
    fn text_is_no_path() {
        for text in [
            "",
            "Dear Ms Windlestraw,\nthank you.",
            "see /etc/passwd",
            "file://elsewhere.example/tmp/x",
            "file:///a%zz",
            "'/not closed",
            "and/or",
        ] {
            let read = readings(text);
            assert!(read.iter().all(|paths| paths.iter().all(|path| path.starts_with("'/"))), "{text:?} {read:?}");
        }
        assert_eq!(readings("'/not closed"), Vec::<Vec<String>>::new());
        assert_eq!(shell_words("a\\"), None);
    }

    #[test]
    fn what_is_being_typed_needs_no_quotes_and_may_have_them() {
        let check = |text: &str, path: &str| assert_eq!(typed(text), path, "{text:?}");
        check("~/My papers/MG5", "~/My papers/MG5");
        check("'~/My papers/MG", "~/My papers/MG");
        check("\"/a b/c.pdf\"", "/a b/c.pdf");
        check("/a\\ b/c", "/a b/c");
        check("file:///a%20b", "/a b");
        for path in ["/a b/c", "/a\\b", "'quoted'/x", "/it's", "/it's\\x", "file:/x", " x"] {
            assert_eq!(typed(&shown(path)), path);
        }
        assert_eq!(at_home("~/x", "/home/b"), "/home/b/x");
        assert_eq!((at_home("~", "/home/b"), at_home("~else/x", "/home/b")), ("/home/b".into(), "~else/x".into()));
        assert_eq!((split("~/a/b"), split("b"), split("/")), (("~/a/", "b"), ("", "b"), ("/", "")));
        assert_eq!((common(&["MG5 a", "MG5 b"]), common(&["é1", "è1"]), common(&["one"]), common(&[])), (4, 0, 3, 0));
    }
}
