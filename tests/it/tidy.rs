//! The shape of the house, held by a test: imports point down only, foreign types stay in their rooms, no file is forgotten.
//! The floors are those of the architecture text at the head of `src/lib.rs`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Room, floor.
const FLOORS: &[(&str, u8)] = &[
    ("mail", 0),
    ("settings", 0),
    ("action", 1),
    ("case", 1),
    ("pgp", 1),
    ("theme", 1),
    ("look", 1),
    ("enclose", 1),
    ("plea", 1),
    ("keymap", 2),
    ("config", 2),
    ("store", 2),
    ("net", 2),
    ("register", 2),
    ("app", 3),
    ("imap", 3),
    ("smtp", 3),
    ("export", 3),
    ("engine", 4),
    ("ui", 4),
    ("cli", 5),
    ("terminal", 5),
    ("demo", 5),
];

/// Rooms that stand on a neighbour of their own floor: the first may import the second.
const BESIDE: &[(&str, &str)] = &[("plea", "case")];

/// Crate, the rooms that may name it.
const FOREIGN: &[(&str, &[&str])] = &[
    ("mail_parser", &["mail"]),
    ("html2text", &["mail"]),
    ("lettre", &["mail", "smtp"]),
    ("sequoia_openpgp", &["pgp"]),
    ("sled", &["store"]),
    ("redb", &["store"]),
    ("chacha20poly1305", &["store"]),
    ("argon2", &["store"]),
    ("async_imap", &["imap"]),
    ("imap_proto", &["imap"]),
    ("rustls", &["net", "demo"]),
    ("tokio_rustls", &["net", "imap", "smtp", "demo"]),
    ("imap_codec", &["demo"]),
    ("smtp_proto", &["demo"]),
    ("rcgen", &["demo"]),
    ("crossterm", &["terminal"]),
    ("ratatui", &["theme", "ui", "terminal"]),
    ("nucleo_matcher", &["app"]),
    ("ratatui_textarea", &["app", "ui"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("toml", &["settings"]),
    ("image", &["look"]),
    ("pdf_extract", &["look"]),
    ("quick_xml", &["look"]),
    ("zip", &["look", "enclose", "export"]),
    ("seccompiler", &["engine"]),
    ("lopdf", &["export", "look", "plea"]),
];

/// No file, no socket, no environment, no process, no clock.
const NOTHING_OUTSIDE: &[&str] = &[
    "tokio",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
];

/// Rooms that are pure: what they may not name, with the reason.
const PURE: &[(&str, &[&str])] = &[
    ("mail", &["tokio", "std::fs", "std::net", "std::env", "std::process"]),
    ("settings", &["tokio", "std::fs", "std::net", "std::env", "std::process"]),
    ("theme", &["tokio", "std::fs", "std::net", "std::env", "std::process"]),
    ("action", &["tokio", "std::fs", "std::net", "std::env", "std::process"]),
    ("case", &["tokio", "std::fs", "std::net", "std::env", "std::process"]),
    ("look", &["tokio", "std::fs", "std::net", "std::env", "std::process", "SystemTime::now", "Timestamp::now"]),
    ("pgp", &["tokio", "std::fs", "std::net", "std::env", "std::process", "SystemTime::now", "Timestamp::now"]),
    ("register", NOTHING_OUTSIDE),
    ("enclose", NOTHING_OUTSIDE),
    ("plea", NOTHING_OUTSIDE),
    ("keymap", &["tokio", "std::net", "std::env", "std::process"]),
    ("app", NOTHING_OUTSIDE),
    ("ui", NOTHING_OUTSIDE),
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The code of a file without its comments and without its unit tests, which may reach further.
fn code(path: &Path) -> String {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if stem == "tests" || stem.ends_with("_tests") {
        return String::new();
    }
    let text = fs::read_to_string(path).unwrap();
    let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
    shipped.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The names that follow `prefix` in a text, as whole words: `crate::mail::…` gives `mail` for the prefix `crate::`.
fn names_after<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(prefix).flat_map(move |(at, _)| {
        let rest = &text[at + prefix.len()..];
        let word = |rest: &'a str| {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            &rest[..end]
        };
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 1;
            let end = group
                .find(|c| {
                    depth += match c {
                        '{' => 1,
                        '}' => -1,
                        _ => 0,
                    };
                    depth == 0
                })
                .unwrap_or(group.len());
            let mut level = 0;
            group[..end]
                .split(|c| {
                    match c {
                        '{' => level += 1,
                        '}' => level -= 1,
                        _ => {}
                    }
                    c == ',' && level == 0
                })
                .map(|item| word(item.trim()))
                .collect::<Vec<_>>()
        } else {
            vec![word(rest)]
        }
    })
}

fn is_word(text: &str, at: usize, word: &str) -> bool {
    let edge = |c: Option<char>| !c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    edge(text[..at].chars().next_back()) && edge(text[at + word.len()..].chars().next())
}

#[test]
fn imports_point_down_only() {
    let floors: BTreeMap<_, _> = FLOORS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (room, floor) in FLOORS {
        let mut files = Vec::new();
        rust_files(&source().join(room), &mut files);
        assert!(!files.is_empty(), "no such room: {room}");
        for file in files {
            let code = code(&file);
            for name in names_after(&code, "crate::") {
                let Some(other) = floors.get(name) else { continue };
                let wiring = *floor == 5 && *other == 5;
                let beside = BESIDE.contains(&(*room, name));
                if name != *room && other >= floor && !wiring && !beside {
                    wrong.push(format!("{}: {room} (floor {floor}) imports {name} (floor {other})", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_is_on_a_floor() {
    for entry in fs::read_dir(source()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            assert!(FLOORS.iter().any(|(room, _)| *room == name), "{name} is on no floor");
        }
    }
}

#[test]
fn foreign_types_stay_in_their_rooms() {
    let mut files = Vec::new();
    rust_files(&source(), &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let relative = file.strip_prefix(source()).unwrap();
        let room = relative.components().next().unwrap().as_os_str().to_str().unwrap().to_owned();
        let code = code(&file);
        for (name, rooms) in FOREIGN {
            let path = format!("{name}::");
            let named =
                code.match_indices(&path).any(|(at, _)| is_word(&code, at, name) && !code[..at].ends_with("::"));
            if named && !rooms.contains(&room.as_str()) {
                wrong.push(format!("{}: names {name}, which belongs to {rooms:?}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_rooms_touch_nothing() {
    let mut wrong = Vec::new();
    for (room, banned) in PURE {
        let mut files = Vec::new();
        rust_files(&source().join(room), &mut files);
        for file in files {
            let code = code(&file);
            for word in *banned {
                if code.match_indices(word).any(|(at, _)| is_word(&code, at, word)) {
                    wrong.push(format!("{}: names {word}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    let mut files = Vec::new();
    rust_files(&source(), &mut files);
    rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), &mut files);
    let silent: Vec<_> = files
        .iter()
        .filter(|file| !fs::read_to_string(file).unwrap().starts_with("//!"))
        .map(|file| file.display().to_string())
        .collect();
    assert!(silent.is_empty(), "without a head: {silent:?}");
}

#[test]
fn no_test_file_is_forgotten() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    for (dir, list) in [(tests.clone(), tests.join("main.rs")), (tests.join("support"), tests.join("support/mod.rs"))] {
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        let named = fs::read_to_string(&list).unwrap();
        for entry in entries {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap();
            let is_module =
                path.extension().is_some_and(|extension| extension == "rs") && stem != "main" && stem != "mod";
            assert!(!is_module || named.contains(&format!("mod {stem};")), "{} is in no binary", path.display());
        }
    }
}

#[test]
fn a_rule_that_is_broken_is_seen() {
    assert_eq!(
        names_after("use crate::mail::safe; use crate::{app::x, store};", "crate::").collect::<Vec<_>>(),
        ["mail", "app", "store"]
    );
    assert!(is_word("a tokio::x", 2, "tokio") && !is_word("a_tokio::x", 2, "tokio"));
}
