//! The messages of `tests/data/pgp`: each read as `casemail message show --json` reads it. None is good for its victim, none gives away the
//! secret word, each has its own words (the snapshot).

use std::fmt::Write as _;
use std::path::Path;

use casemail::case::Classes;
use casemail::engine::company::Company;
use casemail::engine::document::{self, Context};
use casemail::pgp::keyring::Keyring;
use casemail::pgp::report::Acceptance;
use jiff::Timestamp;
use serde_json::Value;

const DIR: &str = "tests/data/pgp";
const VICTIM: &str = "h.lintwhite@copfs.gov.example";
const CANARY: &str = "gnomeward-plea";

fn now() -> Timestamp {
    "2026-05-05T10:00:00Z".parse().unwrap()
}

fn keyring() -> Keyring {
    let read = |name: &str| std::fs::read(Path::new(DIR).join(format!("{name}.key"))).unwrap();
    let mut keyring = Keyring::new();
    keyring.add_secret(&read("us.secret"), None).unwrap();
    keyring.add_cert(&read("victim.verified"), Acceptance::Verified).unwrap();
    keyring.add_cert(&read("attacker.accepted"), Acceptance::Accepted).unwrap();
    keyring.add_cert(&read("undecided.undecided"), Acceptance::Undecided).unwrap();
    keyring.add_cert(&read("rejected.rejected"), Acceptance::Rejected).unwrap();
    keyring
}

/// Rows of the table of messages: file, whether it holds the secret.
fn rows() -> Vec<(String, bool)> {
    let readme = std::fs::read_to_string(Path::new(DIR).join("README.md")).unwrap();
    let (_, table) = readme.split_once("| class | file |").unwrap();
    let rows = table.lines().skip(2).filter_map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        Some(((*cells.get(2)?).to_owned(), *cells.get(4)? == "yes"))
    });
    rows.collect()
}

#[test]
fn none_is_good_for_its_victim_and_none_gives_away_its_secret() {
    let mut told = String::new();
    let rows = rows();
    assert!(rows.len() > 80, "{}", rows.len());
    for (name, secret) in rows {
        let path = Path::new(DIR).join(format!("{name}.eml"));
        let raw = std::fs::read(&path).unwrap();
        let mut keyring = keyring();
        if let Ok(cert) = std::fs::read(path.with_extension("pgp")) {
            keyring.add_cert(&cert, Acceptance::Verified).unwrap();
        }
        let classes = Classes::default();
        let (id, received, case) = (None, None, None);
        let context = Context {
            keyring: &keyring,
            classes: &classes,
            now: now(),
            id,
            received,
            case,
            company: &Company::default(),
        };
        let document = document::message(raw, &context);
        let json = serde_json::to_value(&document).unwrap();
        let signature = &json["openpgp"]["signature"];
        let good = signature["state"] == "good" && signature["bound_to"] == VICTIM && signature["covers"] == "whole";
        let honest = name.starts_with("control-") || name.starts_with("S8-");
        assert_eq!(good, honest, "{name}: {signature}");
        assert!(signature["state"] != "good" || json["openpgp"]["integrity"] != "failed", "{name}");
        if name.starts_with("S8-") {
            let unsigned: Vec<&str> =
                json["headers"]["unsigned"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            assert!(["Cc", "In-Reply-To", "References"].iter().all(|field| unsigned.contains(field)), "{unsigned:?}");
        }
        if secret {
            assert!(!json.to_string().contains(CANARY), "{name}: the secret is in the document");
            assert!(!document.sentences.join(" ").contains(CANARY), "{name}");
        }
        let openpgp = &json["openpgp"];
        let _ = writeln!(
            told,
            "{name}\n  signature {} covers {} bound {}; encrypted {} decrypted {} integrity {}; headers {}; unsigned {}; warnings {}",
            signature["state"],
            signature["covers"],
            signature["bound_to"],
            openpgp["encrypted"],
            openpgp["decrypted"],
            openpgp["integrity"],
            openpgp["header_protection"],
            json["headers"]["unsigned"],
            json["warnings"],
        );
        for sentence in &document.sentences {
            assert!(!sentence.chars().any(char::is_control), "{name}: {sentence:?}");
            let _ = writeln!(told, "    {sentence}");
        }
    }
    insta::assert_snapshot!(told);
}
