//! Files in messages that are attached: documents of their own, listed, looked at and written out with proof, and out of reach together with what holds
//! them. And the names in a zip. The real program, Dovecot behind it.

use std::io::{Cursor, Write as _};

use casemail::register::Digest;
use serde_json::Value;
use zip::write::SimpleFileOptions;

use crate::export::{World, files, forwarding, has, idpc, path, pdf, ran};
use crate::export_large::{noise, weighed};
use crate::scenario_practice::open_case;
use crate::support::home::Screen;
use crate::support::winmail::{file, package};

const SUBJECT: &str = "R v FERRET 99ZX0012326";

fn digest(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}

/// A message of the case that has another one with it.
fn fwd(id: &str, mark: &str, inner: Vec<u8>) -> Vec<u8> {
    forwarding(id, SUBJECT, mark, inner)
}

/// Finds a statement in a package of this name in the list of its case, and looks at it.
pub(crate) fn look_from_the_list(screen: &Screen, package: &str) {
    screen.wait_for("up to date, watching");
    open_case(screen, "ferret", "R v FERRET");
    screen.wait_for("99ZX0012326");
    screen.send_keys(&["b"]);
    screen.wait_for("MG11 Badger.txt");
    screen.send_keys(&["/"]);
    screen.type_text("MG11");
    screen.send_keys(&["Enter"]);
    let seen = screen.wait_for(&format!("MG11 Badger.txt in {package}"));
    assert!(!seen.contains("MG5.txt"), "{seen}");
    screen.send_keys(&["Enter"]);
    screen.wait_for("by the pond");
    screen.send_keys(&["q"]);
    screen.wait_until("the list", |now| !now.contains("by the pond"));
}

/// Puts the second document of the list out of reach: the two others go along, because they are of one package.
pub(crate) fn quarantine_from_the_list(screen: &Screen, package: &str) {
    screen.send_keys(&["Escape"]);
    screen.wait_for("MG5.txt");
    // One of them is enough.
    screen.send_keys(&["Down", "x", "q"]);
    screen.wait_for("Quarantine");
    screen.send_keys(&["Enter"]);
    screen.wait_for("in quarantine; the register has the time");
    let seen = screen.wait_until("all of the package", |now| now.matches("(in quarantine)").count() == 3);
    assert!(!seen.contains("MG") && !seen.contains(package), "{seen}");
}

fn zip(names: &[&str], content: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for name in names {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn rows(told: &Value) -> Vec<Value> {
    told["attachments"].as_array().unwrap().clone()
}

fn paths(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|one| one["path"].as_str().unwrap()).collect()
}

/// The same of a message that is a part (`message/rfc822`), and of one that is a file of no type.
#[test]
fn the_files_in_an_attached_message_are_listed_and_exported_with_the_digests_of_both() {
    for as_file in [false, true] {
        let Some(world) = World::new() else { return };
        let (charges, statement) = (pdf("theft of a garden gnome"), pdf("the gnome stood by the pond"));
        let packed = package("x", "", &[file("A", "MG5.txt", b"a gnome")]);
        let deepest = idpc("deepest", "statements", &[("MG11 P BADGER.pdf", "application/pdf", statement.clone())]);
        let inner = idpc(
            "inner",
            "IDPC",
            &[
                ("MG4 Charges.pdf", "application/pdf", charges.clone()),
                ("winmail.dat", "application/ms-tnef", packed.clone()),
                ("deepest.eml", "application/octet-stream", deepest.clone()),
                ("../../SDC\u{202e}fdp.exe", "application/octet-stream", b"MZ".to_vec()),
            ],
        );
        let same = ("MG4 Charges.pdf", "application/pdf", charges.clone());
        let outer = if as_file {
            idpc("outer", SUBJECT, &[("fwd.eml", "application/octet-stream", inner.clone()), same])
        } else {
            let raw = String::from_utf8(fwd("outer", "", inner.clone())).unwrap();
            let more = String::from_utf8(idpc("x", "x", &[same])).unwrap();
            let more = more.split("--weir\r\n").nth(2).unwrap().to_owned();
            raw.replace("--weir--", &format!("--weir\r\n{more}")).into_bytes()
        };
        let inner =
            if as_file { inner } else { String::from_utf8(inner).unwrap().replace("weir", "brook").into_bytes() };
        world.deliver(&outer);
        world.home.done(&["sync"], b"");
        let id = "outer@cps.gov.example";
        let listed = rows(&world.home.json(&["attachment", "list", id]));
        let expected = ["2", "2/2", "2/3", "2/3/1", "2/4", "2/4/2", "2/5", "3"];
        assert_eq!(paths(&listed), expected, "{listed:#?}");
        let at = |path: &str| listed.iter().find(|one| one["path"] == path).unwrap();
        assert_eq!((&at("2/2")["kind"], &at("2/4/2")["kind"]), (&"MG4".into(), &"MG11".into()));
        let inner_digest = digest(inner.strip_suffix(b"\r\n").unwrap_or(&inner));
        assert!(
            [digest(&inner), inner_digest].contains(&at("2")["sha256"].as_str().unwrap().to_owned()),
            "{listed:#?}"
        );
        let whole = at("2")["sha256"].as_str().unwrap().to_owned();
        let of = [("2/2", &charges), ("2/3", &packed), ("2/3/1", &b"a gnome".to_vec()), ("2/4", &deepest)];
        for (place, content) in of.into_iter().chain([("2/4/2", &statement), ("2/5", &b"MZ".to_vec()), ("3", &charges)])
        {
            assert_eq!(at(place)["sha256"], digest(content), "{place}");
            if place != "3" {
                assert_eq!(
                    (&at(place)["inside"]["path"], &at(place)["inside"]["sha256"]),
                    (&"2".into(), &whole.as_str().into())
                );
            }
        }
        let look = |part: &str| world.home.done(&["attachment", "look", id, "--part", part], b"");
        assert!(look("2").contains("MG4 Charges.pdf") && look("2/2").contains("garden gnome"), "{}", look("2"));
        assert!(look("2/4/2").contains("by the pond") && look("2/3/1").contains("a gnome"));

        // The list of the case has the same.
        let of_case = rows(&world.home.json(&["attachment", "list", "--case", "FERRET"]));
        assert_eq!(paths(&of_case), expected, "{of_case:#?}");
        for (one, other) in of_case.iter().zip(&listed) {
            assert_eq!(
                (&one["sha256"], &one["bytes"], &one["state"]),
                (&other["sha256"], &other["bytes"], &"open".into())
            );
            assert_eq!((&one["kind"], &one["inside"]), (&other["kind"], &other["inside"]), "{one}");
        }
        let bundle = world.dir.path().join("bundle.pdf");
        let made = world.home.json(&["case", "bundle", "FERRET", "--to", path(&bundle)]);
        let in_it = |name: &str| made["documents"].as_array().unwrap().iter().filter(|one| one["name"] == name).count();
        assert_eq!((in_it("MG4 Charges.pdf"), in_it("MG11 P BADGER.pdf"), in_it("MG5.txt")), (1, 1, 1), "{made:#}");

        world.export(&[]);
        let case = world.out().join("FERRET_99ZX0012326");
        let manifest: Value = serde_json::from_slice(&std::fs::read(case.join("manifest.json")).unwrap()).unwrap();
        for place in &expected[1..7] {
            let all = manifest["files"].as_array().unwrap();
            let entry = all.iter().find(|one| one["part"] == *place).unwrap_or_else(|| panic!("{place}: {manifest:#}"));
            let written = std::fs::read(case.join(entry["path"].as_str().unwrap())).unwrap();
            assert_eq!(
                (&entry["sha256"], digest(&written)),
                (&at(place)["sha256"], at(place)["sha256"].as_str().unwrap().to_owned())
            );
            let inside = &entry["inside"];
            assert_eq!(
                (&inside["name"], &inside["part"], &inside["sha256"]),
                (&"fwd.eml".into(), &"2".into(), &whole.as_str().into())
            );
        }
        let index = std::fs::read_to_string(case.join("INDEX.csv")).unwrap();
        assert_eq!(index.matches(&format!("fwd.eml (part 2, SHA-256 {whole})")).count(), 6, "{index}");
        assert_eq!(std::fs::read_dir(world.out()).unwrap().count(), 1, "nothing leads out by its name");
        if has("sha256sum") {
            let (good, words) = ran("sha256sum", &["-c", "--strict", "--quiet", "MANIFEST.sha256"], &case);
            assert!(good, "{words}");
        }
        assert_eq!(world.home.run(&["export", "verify", path(&case)], b"").code, 0);
        let before = files(&case);
        let again = world.export(&[]);
        assert_eq!((&again["written"], files(&case)), (&0.into(), before), "{again}");

        // One alone, a message with what is in it, and one that is not there.
        let count = |part: &str| {
            let to = world.dir.path().join(format!("{as_file}-{}", part.replace('/', "-")));
            let ran = world.home.run(&["message", "export", id, "--part", part, "--to", path(&to)], b"");
            let saved = world.dir.path().join(format!("saved-{as_file}-{}", part.replace('/', "-")));
            let other = world.home.run(&["attachment", "export", id, "--part", part, "--to", path(&saved)], b"");
            let written = if to.exists() { files(&to).iter().filter(|name| name.contains("_in_")).count() } else { 0 };
            let saved = if saved.exists() { files(&saved).len() } else { 0 };
            (ran.code, other.code, written.saturating_sub(1), saved)
        };
        assert_eq!((count("2/4/2"), count("2/4"), count("2/3/1")), ((0, 0, 1, 1), (0, 0, 2, 2), (0, 0, 1, 1)));
        assert_ne!((count("2/7").0, count("2/7").1), (0, 0));
    }
}

#[test]
fn a_schedule_deep_in_an_attached_message_shuts_all_of_it_in_the_list_and_everywhere_else() {
    let Some(world) = World::new() else { return };
    let secret = b"the names of those who told".to_vec();
    let deep = fwd("deep", "1", idpc("schedules", "x", &[("MG6D Ferret.txt", "text/x-schedule", secret.clone())]));
    world.deliver(&fwd("outer", "2", deep));
    // The same schedule comes on its own, under another name, and in a message of somebody else.
    world.deliver(&idpc("loose", SUBJECT, &[("list.txt", "text/x-list", secret.clone())]));
    let other = idpc(
        "inner2",
        "x",
        &[("other.txt", "text/x-list", secret.clone()), ("MG5.txt", "text/x-case", b"gnome".to_vec())],
    );
    world.deliver(&fwd("other", "3", other));
    world.home.done(&["sync"], b"");
    let id = "outer@cps.gov.example";
    let told = world.home.done(&["message", "show", id], b"");
    assert!(told.starts_with("Possible mis-service: MG6D Ferret.txt in fwd.eml"), "{told}");
    let of_case = || rows(&world.home.json(&["attachment", "list", "--case", "FERRET"]));
    let states = |message: &str| {
        let message = rows(&world.home.json(&["attachment", "list", message]))[0]["message"].clone();
        let found = of_case().into_iter().filter(|one| one["message"] == message);
        found
            .map(|one| format!("{} {}", one["path"].as_str().unwrap(), one["state"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(states(id), ["2 watched", "2/2 watched", "2/2/2 watched"]);
    assert_eq!(of_case().iter().find(|one| one["path"] == "2/2/2").unwrap()["because"], "MG6D Ferret.txt");
    let out = world.dir.path().join("saved");
    // Whatever hands out bytes.
    let holds = |dir: &std::path::Path| {
        let all = if dir.exists() { files(dir) } else { Vec::new() };
        all.iter().any(|name| {
            let bytes = std::fs::read(dir.join(name)).unwrap();
            let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &secret);
            [&secret[..], encoded.as_bytes()].iter().any(|one| bytes.windows(one.len()).any(|window| window == *one))
        })
    };
    let nothing_leaves = |id: &str, parts: &[&str]| {
        for part in parts {
            for command in [
                &["attachment", "look", id, "--part", part][..],
                &["attachment", "export", id, "--part", part, "--to", path(&out)],
            ] {
                let ran = world.home.run(command, b"");
                assert!(!ran.out.contains("those who told") && !holds(&out), "{command:?}: {ran:?}");
            }
            let ran = world.home.run(&["message", "export", id, "--part", part, "--to", path(&world.out())], b"");
            assert!(!holds(&world.out()), "{part}: {ran:?}");
        }
    };
    nothing_leaves(id, &["2", "2/2", "2/2/2"]);
    let ran = world.home.run(&["--json", "case", "export", "FERRET", "--to", path(&world.out())], b"");
    let done: Value = serde_json::from_str(&ran.out).unwrap();
    let left: Vec<&str> =
        done["left_out"].as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap()).collect();
    // Its attachment, and the message itself.
    assert!(ran.code == 0 && left.len() == 2 && left.iter().all(|what| what.contains("/1")), "{left:?}: {ran:?}");
    let written = files(&world.out());
    let is_written = |name: &str| written.iter().any(|one| one.ends_with(name));
    assert!(is_written("_list.txt") && is_written("_other.txt") && is_written("_MG5.txt"), "{written:#?}");
    for name in &written {
        let bytes = std::fs::read(world.out().join(name)).unwrap();
        let names =
            |word: &str| name.contains(word) || bytes.windows(word.len()).any(|window| window == word.as_bytes());
        assert!(!names("MG6D") && !names("deep@cps") && !names("schedules@cps"), "{name}");
    }

    // Out of reach by the innermost: all that holds it goes along, wherever it came.
    world.home.done(&["attachment", "quarantine", id, "--part", "2/2/2", "--because", "possible mis-service"], b"");
    assert_eq!(states(id), ["2 quarantined", "2/2 quarantined", "2/2/2 quarantined"]);
    assert_eq!(states("loose@cps.gov.example"), ["2 quarantined"]);
    assert_eq!(states("other@cps.gov.example"), ["2 quarantined", "2/2 quarantined", "2/3 quarantined"]);
    std::fs::remove_dir_all(world.out()).unwrap();
    for (id, parts) in [
        (id, &["2", "2/2", "2/2/2"][..]),
        ("loose@cps.gov.example", &["2"]),
        ("other@cps.gov.example", &["2", "2/2", "2/3"]),
    ] {
        nothing_leaves(id, parts);
        let raw = world.home.run(&["message", "raw", id], b"");
        assert!(raw.code == 1 && raw.out.is_empty(), "{raw:?}");
        let told =
            world.home.done(&["message", "show", id], b"") + &world.home.json(&["message", "show", id]).to_string();
        assert!(!told.contains("MG6D") && !told.contains("other.txt"), "{told}");
    }
    for form in ["files", "zip", "mbox", "maildir"] {
        let ran =
            world.home.run(&["--json", "case", "export", "FERRET", "--format", form, "--to", path(&world.out())], b"");
        assert!(
            ran.out.contains("in quarantine") && !ran.out.contains("MG6D") && !holds(&world.out()),
            "{form}: {ran:?}"
        );
    }
    let bundle = world.dir.path().join("bundle.pdf");
    let ran = world.home.run(&["--json", "case", "bundle", "FERRET", "--mail", "--to", path(&bundle)], b"");
    assert!(!ran.out.contains("MG6D") && !ran.out.contains("MG5.txt"), "{ran:?}");
    // What happened is told, and of what is out of reach that it is there.
    for command in [
        &["case", "chronology", "FERRET", "--format", "jsonl"][..],
        &["case", "chronology", "FERRET", "--format", "csv"],
        &["--json", "register", "show"],
    ] {
        let told = world.home.done(command, b"");
        assert!(told.contains("(in quarantine)") && told.contains(&digest(&secret)), "{told}");
        for name in ["MG6D", "fwd.eml", "list.txt", "other.txt", "MG5.txt", "text/x-schedule"] {
            assert!(!told.contains(name), "{name}: {told}");
        }
    }

    // Back again, by the outermost.
    world.home.done(&["attachment", "quarantine", id, "--release", "--because", "the CPS agreed"], b"");
    assert_eq!(states(id), ["2 open", "2/2 open", "2/2/2 open"]);
    assert!(world.home.done(&["attachment", "look", id, "--part", "2/2/2"], b"").contains("those who told"));
    world.export(&[]);
    assert!(files(&world.out()).iter().any(|name| name.ends_with("MG6D Ferret.txt")));
}

/// Its copy in a package that is shut came first.
#[test]
fn what_was_served_openly_is_chosen_by_its_name_though_it_lies_in_a_package_that_is_shut_too() {
    let Some(world) = World::new() else { return };
    let summary = ("MG5.txt", "text/x-case", b"a gnome".to_vec());
    let schedule = ("MG6D Ferret.txt", "text/x-schedule", b"who told".to_vec());
    world.deliver(&fwd("outer", "1", idpc("in", "x", &[schedule, summary.clone()])));
    world.deliver(&idpc("loose", SUBJECT, &[summary]));
    world.home.done(&["sync"], b"");
    let done = world.export(&["--document", "MG5.txt"]);
    assert_eq!((&done["written"], &done["left_out"]), (&1.into(), &Value::Array(Vec::new())), "{done}");
    let bundle = world.dir.path().join("bundle.pdf");
    let made = world.home.json(&["case", "bundle", "FERRET", "--document", "MG5.txt", "--to", path(&bundle)]);
    assert_eq!(made["documents"][0]["name"], "MG5.txt", "{made:#}");
}

#[test]
fn a_name_in_a_zip_counts_whether_it_is_locked_or_in_a_message() {
    let Some(world) = World::new() else { return };
    let mut locked = zip(&["MG5.txt", "served/MG6D Ferret.txt"], b"gnome");
    for at in memchr::memmem::find_iter(&locked.clone(), b"PK\x01\x02") {
        locked[at + 8] |= 1;
    }
    let plain = zip(&["MG5.txt", "photos/1.jpg"], b"gnome");
    let nested = zip(&["papers.zip"], &zip(&["MG6D.txt"], b"gnome"));
    let zips = [
        ("papers.zip", "application/zip", locked),
        ("photos.zip", "application/zip", plain),
        ("nested.zip", "application/x-zip-compressed", nested),
    ];
    world.deliver(&idpc("zips", SUBJECT, &zips));
    let inner = idpc("in", "x", &[("all.zip", "application/octet-stream", zip(&["MG3 Ferret.pdf"], b"why"))]);
    world.deliver(&fwd("outer", "1", inner));
    world.home.done(&["sync"], b"");
    let show = |id: &str| world.home.done(&["message", "show", id], b"");
    let told = show("zips@cps.gov.example");
    assert!(told.starts_with("Possible mis-service: MG6D Ferret.txt in papers.zip"), "{told}");
    assert_eq!(told.matches("Possible mis-service").count(), 1, "{told}");
    let told = show("outer@cps.gov.example");
    assert!(told.starts_with("Possible mis-service: MG3 Ferret.pdf in all.zip in fwd.eml"), "{told}");
    let of_case = rows(&world.home.json(&["attachment", "list", "--case", "FERRET"]));
    let state = |name: &str| {
        let one = of_case.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}: {of_case:#?}"));
        (one["state"].as_str().unwrap(), one["because"].as_str().unwrap_or_default())
    };
    assert_eq!(state("papers.zip"), ("watched", "MG6D Ferret.txt"));
    assert_eq!((state("photos.zip"), state("nested.zip")), (("open", ""), ("open", "")));
    assert_eq!((state("all.zip").0, state("fwd.eml")), ("watched", ("watched", "MG3 Ferret.pdf in all.zip")));
    let ran = world.home.run(&["attachment", "export", "zips@cps.gov.example", "--to", path(&world.out())], b"");
    assert!(ran.err.contains("1 may not be meant for you"), "{ran:?}");
    assert_eq!(files(&world.out()), ["nested.zip", "photos.zip"]);
    // With a reason it is opened all the same.
    let because = ["--release", "--because", "the CPS agreed"];
    world
        .home
        .done(&[&["attachment", "quarantine", "zips@cps.gov.example", "--part", "2"][..], &because].concat(), b"");
    assert!(world.home.done(&["attachment", "look", "zips@cps.gov.example", "--part", "2"], b"").contains("(locked)"));
}

#[test]
fn what_is_deeper_than_is_looked_into_is_told_and_shut_until_somebody_says_why_not() {
    let Some(world) = World::new() else { return };
    let nested = |name: &str, levels: usize, as_files: bool| {
        let mut mail = idpc("bottom", "x", &[("MG6D Ferret.txt", "text/x-schedule", b"those who told".to_vec())]);
        for level in 1..levels {
            let id = format!("{name}{level}");
            mail = if as_files {
                idpc(&id, SUBJECT, &[("fwd.eml", "application/octet-stream", mail)])
            } else {
                fwd(&id, &level.to_string(), mail)
            };
        }
        mail
    };
    for (name, as_files) in [("parts", false), ("files", true)] {
        world.deliver(&nested(name, 10, as_files));
        world.home.done(&["sync"], b"");
        let id = format!("{name}9@cps.gov.example");
        let told = world.home.done(&["message", "show", &id], b"");
        assert!(told.starts_with("Not looked through: fwd.eml in fwd.eml: messages lie within each other"), "{told}");
        let listed = rows(&world.home.json(&["attachment", "list", &id]));
        let last = listed.last().unwrap();
        assert_eq!(
            (listed.len(), &last["path"], &last["unseen"]),
            (9, &"2/2/2/2/2/2/2/2/2".into(), &"deep".into()),
            "{listed:#?}"
        );
        let of_case = rows(&world.home.json(&["attachment", "list", "--case", "FERRET"]));
        let of_it: Vec<&Value> = of_case.iter().filter(|one| one["message"] == last["message"]).collect();
        assert!(of_it.len() == 9 && of_it.iter().all(|one| one["state"] == "watched"), "{of_it:#?}");
        let look = || world.home.run(&["attachment", "look", &id, "--part", "2/2"], b"");
        assert!(look().code == 1 && look().out.is_empty(), "{:?}", look());
        world.home.done(
            &["attachment", "quarantine", &id, "--part", "2", "--release", "--because", "looked at by counsel"],
            b"",
        );
        assert_eq!(look().code, 0, "{:?}", look());
    }
    // Eight are looked into.
    world.deliver(&nested("eight", 9, false));
    world.home.done(&["sync"], b"");
    let told = world.home.done(&["message", "show", "eight8@cps.gov.example"], b"");
    assert!(told.starts_with("Possible mis-service: MG6D Ferret.txt in fwd.eml"), "{told}");
}

/// What is in it nobody knows; but of whom it is, it says itself.
#[test]
fn an_encrypted_message_within_stays_closed_and_its_row_says_so() {
    let Some(world) = World::new() else { return };
    let sealed = |id: &str| {
        format!(
            "From: a@cps.gov.example\r\nMessage-ID: <{id}@cps.gov.example>\r\nSubject: x\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=weir\r\n\r\n\
             --weir\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--weir\r\n\
             Content-Type: application/octet-stream; name=encrypted.asc\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nx\r\n--weir--\r\n"
        )
        .into_bytes()
    };
    world.deliver(&fwd("outer", "1", sealed("secret")));
    world.deliver(&idpc("secret", SUBJECT, &[("MG6D Ferret.txt", "text/x-schedule", b"those who told".to_vec())]));
    world.home.done(&["sync"], b"");
    let state = || {
        let of_case = rows(&world.home.json(&["attachment", "list", "--case", "FERRET"]));
        let one = of_case
            .iter()
            .find(|one| one["path"] == "2" && one["unseen"] == "encrypted" || one["state"] == "quarantined");
        one.unwrap_or_else(|| panic!("{of_case:#?}"))["state"].clone()
    };
    assert_eq!(state(), "open");
    let listed = rows(&world.home.json(&["attachment", "list", "outer@cps.gov.example"]));
    assert_eq!(listed[0]["unseen"], "encrypted", "{listed:#?}");
    // The message that it is is out of reach where it lies on its own: so is the ciphertext of it.
    world.home.done(&["attachment", "quarantine", "secret@cps.gov.example", "--because", "possible mis-service"], b"");
    let ran = world.home.run(&["attachment", "export", "outer@cps.gov.example", "--to", path(&world.out())], b"");
    assert!(ran.err.contains("in quarantine") && !world.out().exists(), "{ran:?}");
    let of_case = rows(&world.home.json(&["attachment", "list", "--case", "FERRET"]));
    assert!(of_case.iter().all(|one| one["state"] == "quarantined"), "{of_case:#?}");
}

#[test]
fn thousands_of_files_in_a_message_are_listed_and_written_and_more_are_told() {
    let Some(world) = World::new() else { return };
    let many = |count: usize| {
        let named: Vec<String> = (0..count).map(|number| format!("MG11 {number}.txt")).collect();
        let all: Vec<(&str, &str, Vec<u8>)> =
            named.iter().map(|name| (name.as_str(), "text/x-statement", name.as_bytes().to_vec())).collect();
        idpc("many", "x", &all)
    };
    world.deliver(&fwd("outer", "1", many(3_000)));
    world.deliver(&fwd("more", "2", many(6_000)));
    world.home.done(&["sync"], b"");
    let listed = rows(&world.home.json(&["attachment", "list", "--case", "FERRET"]));
    let state = |state: &str| listed.iter().filter(|one| one["state"] == state).count();
    assert_eq!((state("open"), state("watched")), (3_001, 5_001));
    let out = world.out();
    let args = ["attachment", "export", "outer@cps.gov.example", "--to", path(&out)];
    world.home.done(&args, b"");
    assert_eq!(files(&out).len(), 3_001);
    let told = world.home.done(&["message", "show", "more@cps.gov.example"], b"");
    assert!(told.starts_with("Not looked through: fwd.eml: there is more in it"), "{told}");
}

/// What is in it is told from where it lies.
#[test]
fn a_large_attached_message_is_not_held_and_what_it_holds_is_known() {
    let Some(world) = World::new() else { return };
    world.deliver(&fwd("small", "1", idpc("in", "x", &[("MG5.txt", "text/x-case", b"gnome".to_vec())])));
    world.home.done(&["sync"], b"");
    let (list, out) = (["attachment", "list", "--case", "FERRET"], world.out());
    let export = ["case", "export", "FERRET", "--to", path(&out)];
    let (_, _, small) = weighed(&world, &export);
    let film = noise(3, 30 << 20);
    let papers = zip(&["MG6D Ferret.txt"], &noise(4, 16 << 20));
    world.deliver(&fwd("open", "2", idpc("film", "x", &[("EX PB1.mp4", "video/mp4", film.clone())])));
    world.deliver(&fwd("shut", "3", idpc("zip", "x", &[("papers.zip", "application/zip", papers)])));
    world.home.done(&["sync"], b"");
    // All of it is fetched, and then passed over. Held as a whole, it would take 40 MB twice.
    let (_, said, peak) = weighed(&world, &export);
    assert!(
        said.contains("may not be meant for you") && peak < small + 35_000,
        "{peak} kB, {small} kB without it: {said}"
    );
    let (code, said, peak) = weighed(&world, &list);
    assert!(code == 0 && peak < small + 35_000, "listed: {peak} kB, {small} kB without it: {said}");
    let listed = rows(&world.home.json(&list));
    let state = |name: &str| {
        let one = listed.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}: {listed:#?}"));
        (one["state"].clone(), one["sha256"].clone())
    };
    assert_eq!(state("EX PB1.mp4"), ("open".into(), digest(&film).into()));
    assert_eq!(state("papers.zip").0, "watched");
    let name = files(&out).into_iter().find(|name| name.ends_with("EX PB1.mp4")).unwrap();
    assert!(std::fs::read(out.join(name)).unwrap() == film, "byte for byte");
    std::fs::remove_dir_all(&out).unwrap();
    let one = ["attachment", "export", "open@cps.gov.example", "--part", "2/2", "--to", path(&out)];
    let (code, said, peak) = weighed(&world, &one);
    assert!(code == 0 && peak < small + 35_000, "exported: {peak} kB, {small} kB without it: {said}");
    assert!(std::fs::read(out.join("EX PB1.mp4")).unwrap() == film, "byte for byte");
}

#[test]
fn a_file_in_an_attached_message_is_looked_at_attached_and_put_out_of_reach_from_the_list_of_its_case() {
    for size in [(80, 24), (200, 50)] {
        let Some(world) = World::new() else { return };
        let two = [
            ("MG11 Badger.txt", "text/x-statement", b"by the pond".to_vec()),
            ("MG5.txt", "text/x-case", b"a gnome".to_vec()),
        ];
        world.deliver(&fwd("outer", "1", idpc("in", "x", &two)));
        let Some(screen) = world.home.screen(size) else { return };
        look_from_the_list(&screen, "fwd.eml");
        // Saved with its very bytes.
        std::fs::create_dir(world.dir.path().join("saved")).unwrap();
        screen.send_keys(&["w"]);
        screen.wait_for("to directory");
        screen.send_keys(&["C-u"]);
        screen.type_text(path(&world.dir.path().join("saved")));
        screen.send_keys(&["Enter"]);
        screen.wait_for("Saved:");
        assert_eq!(std::fs::read(world.dir.path().join("saved/MG11 Badger.txt")).unwrap(), b"by the pond");
        quarantine_from_the_list(&screen, "fwd");
        screen.send_keys(&["C-q"]);
        assert_eq!(screen.wait_for_end(), 0);
        let ran = world.home.run(&["attachment", "look", "outer@cps.gov.example", "--part", "2/2"], b"");
        assert!(ran.code == 1 && !ran.out.contains("pond"), "{ran:?}");
    }
}
