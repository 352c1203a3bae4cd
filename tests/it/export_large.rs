//! Exports that are large, hostile or watched: by the real program, Dovecot behind it.

use std::path::Path;
use std::process::Command;

use unicode_normalization::UnicodeNormalization as _;

use crate::export::{World, files, has, idpc, path, pdf, ran};
use crate::scenario_practice::open_case;
use crate::support::home::Screen;
use crate::walkthrough::show;

/// Bytes that do not compress.
pub(crate) fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    };
    (0..count).map(|_| next()).collect()
}

/// Runs a command of the program; its exit code, what it said, and the peak of its memory in kB.
pub(crate) fn weighed(world: &World, args: &[&str]) -> (i32, String, u64) {
    let script = "import resource, subprocess, sys\n\
        done = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)\n\
        sys.stderr.buffer.write(done.stderr)\n\
        print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n";
    let command = world.home.command(args);
    let mut python = Command::new("/usr/bin/python3");
    python.args(["-c", script]).arg(command.get_program()).args(command.get_args());
    let done = python.output().unwrap();
    let told = String::from_utf8(done.stdout).unwrap();
    let mut numbers = told.split_whitespace().map(|number| number.parse::<i64>().unwrap());
    let code = i32::try_from(numbers.next().unwrap()).unwrap();
    (code, String::from_utf8_lossy(&done.stderr).into_owned(), u64::try_from(numbers.next().unwrap()).unwrap())
}

#[test]
fn a_large_attachment_is_listed_exported_and_verified_without_being_held() {
    let Some(world) = World::new() else { return };
    let out = world.out();
    let export = ["case", "export", "FERRET", "--to", path(&out), "--progress"];
    world.deliver(&idpc("small", "R v FERRET 99ZX0012326 - IDPC", &[("MG5.pdf", "application/pdf", pdf("gnome"))]));
    world.home.done(&["sync"], b"");
    let (code, said, small) = weighed(&world, &export);
    assert_eq!(code, 0, "{said}");
    let film = noise(7, 40 << 20);
    world.deliver(&idpc("large", "R v FERRET 99ZX0012326 - film", &[("EX PB1.mp4", "video/mp4", film.clone())]));
    world.home.done(&["sync"], b"");
    // 54 MB on the wire; held as a whole it would take that twice and the film once more.
    let room = 30_000;
    // Its text is not here yet: it is fetched into the cache as it is exported.
    let (code, said, peak) = weighed(&world, &export);
    assert!(code == 0 && said.contains("1 written") && said.contains('%'), "{said}");
    assert!(peak < small + room, "fetched and exported: {peak} kB, {small} kB without it");
    let (code, said, peak) = weighed(&world, &["attachment", "list", "--case", "FERRET"]);
    assert!(code == 0 && peak < small + room, "listed: {peak} kB: {said}");
    let listed = world.home.json(&["attachment", "list", "--case", "FERRET"]);
    let listed = listed["attachments"].as_array().unwrap().iter().find(|one| one["name"] == "EX PB1.mp4").unwrap();
    let digest = casemail::register::Digest::of(&film).to_string();
    assert_eq!((&listed["sha256"], &listed["bytes"]), (&digest.clone().into(), &film.len().into()));
    assert!(listed["first_seen_date"].as_str().is_some() && listed["exported"].as_str().is_some(), "{listed}");
    let (code, said, peak) = weighed(&world, &export);
    assert!(code == 0 && said.contains("0 written; 2 already exported"), "{said}");
    assert!(peak < small + room, "again: {peak} kB, {small} kB without it");
    let (code, said, peak) = weighed(&world, &["export", "verify", path(&out)]);
    assert!(code == 0 && peak < small + room, "verified: {peak} kB: {said}");
    for form in ["mbox", "maildir"] {
        let (code, said, peak) = weighed(&world, &["case", "export", "FERRET", "--to", path(&out), "--format", form]);
        assert!(code == 0 && peak < small + room, "{form}: {peak} kB, {small} kB without it: {said}");
    }
    let case = out.join("FERRET_99ZX0012326");
    let (good, words) = ran("sha256sum", &["-c", "--strict", "--quiet", "MANIFEST.sha256"], &case);
    assert!(good, "{words}");
    let name = files(&case).into_iter().find(|name| name.ends_with("EX PB1.mp4")).unwrap();
    assert!(std::fs::read(case.join(name)).unwrap() == film, "byte for byte");
    let script = "import mailbox, sys, hashlib\n\
        parts = [p for m in mailbox.mbox(sys.argv[1]) for p in m.walk() if p.get_filename() == 'EX PB1.mp4']\n\
        assert [hashlib.sha256(p.get_payload(decode=True)).hexdigest() for p in parts] == [sys.argv[2]]\n";
    let (good, words) = ran("/usr/bin/python3", &["-c", script, path(&case.join("messages.mbox")), &digest], &case);
    assert!(good, "{words}");
}

#[test]
fn a_large_message_that_nobody_has_named_stays_in_the_case_that_it_was_filed_to() {
    let Some(world) = World::new() else { return };
    let mail = idpc("film", "the film", &[("EX PB1.mp4", "video/mp4", noise(7, 1 << 20))]);
    let nameless = String::from_utf8(mail).unwrap().replace("Message-ID: <film@cps.gov.example>\r\n", "");
    // Its text comes with the sync, so that it is known by that.
    let config = std::fs::read_to_string(world.home.roots().config_file()).unwrap();
    world.home.configure(&format!("sync = {{ bodies_up_to_bytes = 8000000 }}\n{config}"));
    world.deliver(nameless.as_bytes());
    world.home.done(&["sync"], b"");
    let listed = world.home.json(&["message", "list"]);
    world.home.done(&["case", "file", listed["messages"][0]["id"].as_str().unwrap(), "--case", "99ZX0012326"], b"");
    let in_case = || world.home.json(&["message", "list", "--case", "99ZX0012326"])["total"].clone();
    assert_eq!(in_case(), 1);
    assert_eq!(world.home.json(&["store", "purge", "--older-than", "0"])["messages"], 1);
    // Its text is fetched again as it is exported: what it is known by is known still.
    assert!(world.export(&[])["written"].as_u64().unwrap() > 0);
    assert_eq!(in_case(), 1);
}

#[test]
fn hostile_names_stay_inside_and_nothing_is_lost() {
    let Some(world) = World::new() else { return };
    let long = format!("{}.pdf", "ö".repeat(300));
    // 255 octets, the most that a file system takes, of four each.
    let wide = format!("{}.x", "🐿".repeat(63));
    let names = [
        "CON",
        "nul.txt",
        "COM1.pdf",
        "a.",
        "a ",
        "A.PDF",
        "a.pdf",
        "..",
        ".",
        "/etc/passwd",
        "..\\..\\x.pdf",
        ".hidden",
        "a/../../b.pdf",
        "x\u{0}y.pdf",
        "MG5\u{202e}fdp.exe",
        "\u{1b}[2Jz.pdf",
        "a:b.pdf",
        "-rf",
        &long,
        &wide,
        "caf\u{e9}.pdf",
        "cafe\u{301}.pdf",
        "CAFE\u{301}.pdf",
        "COM¹.pdf",
        "AUX.tar.gz",
        "trailing. . .",
        "\u{feff}MG5.pdf",
        "\n",
        "MANIFEST.sha256",
        "INDEX.csv",
    ];
    let files_of: Vec<(&str, &str, Vec<u8>)> =
        names.iter().enumerate().map(|(at, name)| (*name, "application/pdf", vec![b'x'; at + 1])).collect();
    world.deliver(&idpc("h", "R v FERRET 99ZX0012326 ../../../../tmp/IDPC\u{202e}", &files_of));
    world.home.done(&["sync"], b"");
    let done = world.export(&[]);
    assert_eq!(done["written"], names.len(), "{done}");
    let case = world.out().join("FERRET_99ZX0012326");
    assert_eq!(std::fs::read_dir(world.dir.path()).unwrap().count(), 2, "nothing beside the key and the export");
    assert_eq!(std::fs::read_dir(world.out()).unwrap().count(), 1);
    let found = files(&case);
    assert_eq!(found.len(), names.len() + 1 + 5, "{found:#?}");
    let mut folded: Vec<String> = found.iter().map(|name| name.nfc().collect::<String>().to_lowercase()).collect();
    folded.sort();
    folded.dedup();
    assert_eq!(folded.len(), found.len(), "no two are one where capitals or accents are not told apart: {found:#?}");
    for name in &found {
        let last = name.rsplit('/').next().unwrap();
        let stem = last.split('.').next().unwrap().to_uppercase();
        assert!(last.len() <= 120 && !last.starts_with('.') && !last.ends_with(['.', ' ']), "{name:?}");
        assert!(!["CON", "NUL", "COM1", "COM¹", "AUX"].contains(&stem.as_str()), "{name:?}");
        assert!(!last.contains([':', '\\', '\u{202e}']) && !last.chars().any(char::is_control), "{name:?}");
    }
    assert!(ran("sha256sum", &["-c", "--strict", "--quiet", "MANIFEST.sha256"], &case).0);
    assert_eq!(world.export(&[])["written"], 0, "the same names again");
}

#[test]
fn the_list_of_a_case_has_every_file_of_its_mail() {
    let Some(world) = World::new() else { return };
    let files_of: Vec<(String, Vec<u8>)> =
        (0..3_000).map(|at| (format!("{at} {}.txt", "statement ".repeat(11)), at.to_string().into_bytes())).collect();
    let many: Vec<(&str, &str, Vec<u8>)> =
        files_of.iter().map(|(name, content)| (name.as_str(), "text/x-statement", content.clone())).collect();
    world.deliver(&idpc("many", "R v FERRET 99ZX0012326 - unused", &many));
    // Another message under the Message-ID of one that is there: both are mail, and so is what came with them.
    world.deliver(&idpc("twin", "R v FERRET 99ZX0012326 - IDPC", &[("MG5.pdf", "application/pdf", pdf("gnome"))]));
    world.home.done(&["sync"], b"");
    let list = || {
        let listed = world.home.json(&["attachment", "list", "--case", "FERRET"]);
        listed["attachments"].as_array().unwrap().clone()
    };
    assert_eq!(list().len(), 3_001);
    let other = [("MG11.pdf", "application/pdf", pdf("by the pond"))];
    world.deliver(&idpc("twin", "R v FERRET 99ZX0012326 - IDPC, again", &other));
    world.home.done(&["sync"], b"");
    for _ in 0..2 {
        let listed = list();
        assert_eq!(listed.len(), 3_002);
        let of = |name: &str| listed.iter().find(|one| one["name"] == name).unwrap()["message"].clone();
        assert_ne!(of("MG5.pdf"), of("MG11.pdf"));
    }
}

#[test]
fn where_nothing_should_be_written_nothing_is() {
    let Some(world) = World::new() else { return };
    world.deliver(&idpc("1", "R v FERRET 99ZX0012326 - IDPC", &[("MG5.pdf", "application/pdf", pdf("gnome"))]));
    world.home.done(&["sync"], b"");
    let (real, link) = (world.dir.path().join("real"), world.dir.path().join("link"));
    std::fs::create_dir(&real).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let own = world.home.roots().state;
    for (to, why) in [(&link, "name the directory itself"), (&own, "its own data")] {
        for what in ["export", "bundle"] {
            let refused = world.home.run(&["case", what, "FERRET", "--to", path(to)], b"");
            assert_eq!((refused.code, refused.err.contains(why)), (73, true), "{what}: {refused:?}");
        }
    }
    assert_eq!(std::fs::read_dir(&real).unwrap().count(), 0);
    // Where nobody says where to, the configuration does.
    let refused = world.home.run(&["case", "export", "FERRET"], b"");
    assert!(refused.code == 2 && refused.err.contains("[export]"), "{refused:?}");
    let config = std::fs::read_to_string(world.home.roots().config.join("config.toml")).unwrap();
    let more = format!("\n[export]\ndirectory = {:?}\n", path(&real));
    world.home.configure(&format!("{config}{more}"));
    world.home.done(&["case", "export", "FERRET"], b"");
    world.home.done(&["case", "bundle", "FERRET"], b"");
    assert!(real.join("FERRET_99ZX0012326/INDEX.csv").exists() && real.join("FERRET_99ZX0012326_bundle.pdf").exists());
}

#[test]
fn what_was_taken_in_by_hand_and_when_it_was_first_seen_stand_in_the_export() {
    let Some(world) = World::new() else { return };
    world.deliver(&idpc("1", "R v FERRET 99ZX0012326 - IDPC", &[("MG5.pdf", "application/pdf", pdf("gnome"))]));
    world.home.done(&["sync"], b"");
    world.home.write("MG11 P BADGER.txt", "I saw the gnome.");
    let by_hand = world.home.beside("MG11 P BADGER.txt");
    world.home.done(&["case", "import", "FERRET", path(&by_hand), "--source", "Common Platform"], b"");
    let done = world.export(&[]);
    assert_eq!(done["written"], 2, "{done}");
    let case = world.out().join("FERRET_99ZX0012326");
    let name = files(&case).into_iter().find(|name| name.starts_with("00_By-hand/")).unwrap();
    assert!(name.ends_with("_hand_MG11_MG11 P BADGER.txt"), "{name}");
    assert_eq!(std::fs::read_to_string(case.join(&name)).unwrap(), "I saw the gnome.");
    let index = std::fs::read_to_string(case.join("INDEX.csv")).unwrap();
    assert!(index.contains("\"by-hand\",\"Common Platform\""), "{index}");
    let script = "import csv, sys\n\
        rows = list(csv.DictReader(open(sys.argv[1], newline='')))\n\
        assert len(rows) == 2 and all(row['first seen'] for row in rows), rows\n";
    let (good, words) = ran("/usr/bin/python3", &["-c", script, path(&case.join("INDEX.csv"))], &case);
    assert!(good, "{words}");
    assert_eq!(world.export(&[])["written"], 0);
}

/// A picture of one colour.
fn png() -> Vec<u8> {
    let script = "import struct, sys, zlib\n\
        chunk = lambda kind, data: struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))\n\
        rows = b''.join(b'\\0' + b'\\x30\\x90\\x30\\x80' * 80 for _ in range(60))\n\
        sys.stdout.buffer.write(b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 80, 60, 8, 6, 0, 0, 0))\n\
        + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))\n";
    let done = Command::new("/usr/bin/python3").args(["-c", script]).output().unwrap();
    assert!(done.status.success());
    done.stdout
}

#[test]
fn a_bundle_holds_pictures_and_mail_and_lists_the_rest() {
    let Some(world) = World::new() else { return };
    world.deliver(&idpc(
        "1",
        "R v FERRET 99ZX0012326 - IDPC",
        &[
            ("MG5.pdf", "application/pdf", pdf("the gnome stood by the pond")),
            ("EX PB1.png", "image/png", png()),
            (
                "Advice.docx",
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                b"PK\x03\x04\0".to_vec(),
            ),
            ("note.html", "text/html", b"<p>A <b>note</b> on the weir</p>".to_vec()),
        ],
    ));
    world.home.done(&["sync"], b"");
    let file = world.dir.path().join("bundle.pdf");
    let done = world.home.json(&["case", "bundle", "FERRET", "--mail", "--to", path(&file)]);
    let of = |name: &str| {
        let found = done["documents"].as_array().unwrap().iter().find(|one| one["name"] == name);
        found.unwrap_or_else(|| panic!("{name}: {done}")).clone()
    };
    assert!(of("Advice.docx")["because"].as_str().unwrap().contains("office document"), "{done}");
    for name in ["R v FERRET 99ZX0012326 - IDPC", "MG5.pdf", "EX PB1.png", "note.html"] {
        assert!(of(name)["because"].is_null() && of(name)["first"].as_u64().unwrap() > 1, "{name}: {done}");
    }
    if has("qpdf") {
        let (good, words) = ran("qpdf", &["--check", path(&file)], world.dir.path());
        assert!(good && !words.contains("WARNING"), "{words}");
    }
    if Command::new("pdftotext").arg("-v").output().is_ok() {
        let (_, text) = ran("pdftotext", &["-layout", path(&file), "-"], world.dir.path());
        let text: String = text.split_whitespace().collect();
        for said in [
            "From:ambleford.mags@cps.gov.example",
            "Pleasefindattached.",
            "Anoteontheweir",
            "NOTINCLUDED:itisanofficedocument",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
        let page = of("EX PB1.png")["first"].to_string();
        let (good, words) = ran("pdfimages", &["-list", "-f", &page, "-l", &page, path(&file)], world.dir.path());
        assert!(good && words.contains("80") && words.contains("60"), "{words}");
    }
    // What is in it counts as written out.
    let listed = world.home.json(&["attachment", "list", "--case", "FERRET"]);
    let exported = |name: &str| {
        let all = listed["attachments"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).unwrap()["exported"].clone()
    };
    assert!(!exported("MG5.pdf").is_null() && exported("Advice.docx").is_null(), "{listed}");
}

/// Marks two of the three documents, by name.
fn mark_two(screen: &Screen) {
    screen.send_keys(&["/"]);
    screen.type_text("MG4");
    screen.send_keys(&["Enter", "x", "/", "C-u"]);
    screen.type_text("BADGER");
    screen.send_keys(&["Enter", "x", "/", "C-u", "Enter"]);
    screen.wait_for("MG4 Charges.pdf");
}

#[test]
fn chosen_documents_are_exported_and_bundled_from_the_list() {
    let Some(world) = World::new() else { return };
    let files_of = |names: &[&str]| -> Vec<(String, Vec<u8>)> {
        names.iter().map(|name| ((*name).to_owned(), pdf(&format!("about {name}")))).collect()
    };
    for (id, names) in [("1", &["MG4 Charges.pdf", "MG5.pdf"][..]), ("2", &["MG11 P BADGER.pdf"][..])] {
        let made = files_of(names);
        let made: Vec<(&str, &str, Vec<u8>)> =
            made.iter().map(|(name, content)| (name.as_str(), "application/pdf", content.clone())).collect();
        world.deliver(&idpc(id, "R v FERRET 99ZX0012326 - IDPC", &made));
    }
    for size in [(80, 24), (200, 50)] {
        let out = world.dir.path().join(format!("out-{}", size.0));
        let Some(screen) = world.home.screen(size) else { return };
        screen.wait_for("up to date, watching");
        open_case(&screen, "ferret", "R v FERRET");
        screen.wait_for("CPS Mudshire");
        screen.send_keys(&["b"]);
        screen.wait_for("MG11 P BADGER.pdf");
        mark_two(&screen);
        screen.send_keys(&["X"]);
        screen.wait_for("Export 2 documents to directory");
        screen.send_keys(&["C-u"]);
        // A directory that is there is completed.
        std::fs::create_dir(&out).unwrap();
        let (begun, _) = path(&out).split_at(path(&out).len() - 2);
        screen.type_text(begun);
        screen.wait_for("free");
        screen.wait_for(&format!("out-{}/", size.0));
        screen.send_keys(&["Tab"]);
        // In the line; what could follow stands further in, and changes with it.
        let whole = format!("\u{2502} {}/", path(&out));
        show("target", &screen.wait_until("completed", |screen| screen.contains(&whole)));
        screen.send_keys(&["Enter"]);
        show("exported", &screen.wait_for("2 written, verified"));
        let case = out.join("FERRET_99ZX0012326");
        assert!(case.is_dir(), "{:#?}", files(world.dir.path()));
        let found = files(&case);
        let documents: Vec<&String> = found.iter().filter(|name| name.ends_with(".pdf")).collect();
        assert_eq!(documents.len(), 2, "{found:#?}");
        assert!(ran("sha256sum", &["-c", "--strict", "--quiet", "MANIFEST.sha256"], &case).0);
        // The marks went with the export.
        mark_two(&screen);
        screen.send_keys(&["B"]);
        screen.wait_for("One PDF of 2 documents");
        screen.send_keys(&["Enter"]);
        show("bundled", &screen.wait_for("2 documents, on "));
        // What was written is read again; a strange file is named.
        std::fs::write(case.join("extra.pdf"), "x").unwrap();
        for told in ["extra.pdf was not written by this export", "files as they were written; signed by"] {
            screen.send_keys(&["g", "x"]);
            screen.wait_for("Read the export in directory again");
            screen.send_keys(&["C-u"]);
            screen.type_text(path(&case));
            screen.send_keys(&["Enter"]);
            show("verified", &screen.wait_for(told));
            let _ = std::fs::remove_file(case.join("extra.pdf"));
        }
        let bundle = out.join("FERRET_99ZX0012326_bundle.pdf");
        if has("qpdf") {
            assert!(ran("qpdf", &["--check", path(&bundle)], &out).0);
        }
        screen.send_keys(&["C-q"]);
        assert_eq!(screen.wait_for_end(), 0);
    }
}

/// Whether any file below a directory is still being written.
fn is_passing(dir: &Path) -> bool {
    dir.exists() && files(dir).iter().any(|name| name.contains(".casemail-passing-"))
}

#[test]
fn an_export_is_stopped_by_a_key_and_goes_on_by_the_same() {
    const FILMS: usize = 16;
    let Some(world) = World::new() else { return };
    for number in 0..FILMS as u64 {
        let name = format!("EX PB{number}.mp4");
        let subject = "R v FERRET 99ZX0012326 - film";
        world.deliver(&idpc(&number.to_string(), subject, &[(&name, "video/mp4", noise(number, 1 << 20))]));
    }
    world.home.done(&["sync"], b"");
    let Some(screen) = world.home.screen((80, 24)) else { return };
    screen.wait_for("up to date, watching");
    open_case(&screen, "ferret", "R v FERRET");
    screen.wait_for("CPS Mudshire");
    screen.send_keys(&["i"]);
    screen.wait_for("Numbers");
    screen.send_keys(&["x"]);
    screen.wait_for("Export the case to directory");
    screen.send_keys(&["C-u"]);
    screen.type_text(path(&world.out()));
    screen.send_keys(&["Enter"]);
    // As soon as some of the films are there, with others to come.
    show("at work", &screen.wait_for("stops it"));
    let some = |seen: &str| (1..FILMS).any(|films| seen.contains(&format!(" messages, {films} document")));
    screen.wait_until("some films", some);
    screen.send_keys(&["Escape"]);
    show("stopped", &screen.wait_for("ended early: stopped"));
    let case = world.out().join("FERRET_99ZX0012326");
    let there = files(&case).iter().filter(|name| name.ends_with(".mp4")).count();
    assert!((1..FILMS).contains(&there) && !is_passing(&case), "{there} films");
    screen.send_keys(&["x"]);
    screen.wait_for("Export the case to directory");
    screen.send_keys(&["Enter"]);
    let told = screen.wait_for("written, verified");
    assert!(told.contains(&format!("{} written, verified; {there} there already", FILMS - there)), "{told}");
    assert!(ran("sha256sum", &["-c", "--strict", "--quiet", "MANIFEST.sha256"], &case).0);
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);
}

#[test]
fn hostile_mail_is_exported_as_it_is_and_costs_nothing_else() {
    let Some(world) = World::new() else { return };
    let head = |id: &str, more: &str| {
        format!(
            "From: \"CPS <ambleford.mags@cps.gov.example>\" <x@attacker.example>\r\nTo: quill@quillpounce.example\r\n\
             Message-ID: <{id}@attacker.example>\r\nDate: Mon, 2 Mar 2026 14:52:00 +0000\r\nMIME-Version: 1.0\r\n\
             Subject: R v FERRET 99ZX0012326 \u{1b}]0;x\u{7} {id}\r\n{more}\r\n"
        )
    };
    let parts: String = (0..10_000).map(|at| format!("--b\r\n\r\n{at}\r\n")).collect();
    let line = "x".repeat(5 << 20);
    let mails = [
        head("parts", "Content-Type: multipart/mixed; boundary=b\r\n") + &parts + "--b--\r\n",
        head("boundary", "Content-Type: multipart/mixed; boundary=never\r\n") + "text\r\n",
        head("line", "Content-Type: text/plain\r\n") + &line + "\r\n",
        head("charset", "Content-Type: text/plain; charset=utf-16\r\nContent-Transfer-Encoding: base64\r\n")
            + "!!!!\r\n",
    ];
    for mail in &mails {
        world.deliver(mail.as_bytes());
    }
    world.deliver(&idpc("good", "R v FERRET 99ZX0012326 - IDPC", &[("MG5.pdf", "application/pdf", pdf("gnome"))]));
    world.home.done(&["sync"], b"");
    let done = world.export(&[]);
    let case = world.out().join("FERRET_99ZX0012326");
    let found = files(&case);
    assert_eq!(found.iter().filter(|name| name.ends_with(".eml")).count(), 5, "{done}");
    assert!(found.iter().any(|name| name.ends_with("MG5_MG5.pdf")), "{found:#?}");
    assert!(found.iter().all(|name| !name.chars().any(char::is_control)), "{found:#?}");
    for mail in &mails {
        let has =
            |name: &&String| std::fs::read(case.join(name)).unwrap().ends_with(&mail.as_bytes()[mail.len() - 40..]);
        assert!(found.iter().any(|name| has(&name)), "byte for byte");
    }
    let index = std::fs::read(case.join("MESSAGES.csv")).unwrap();
    assert!(!index.contains(&0x1b) && String::from_utf8(index).unwrap().contains("x@attacker.example"));
    assert!(ran("sha256sum", &["-c", "--strict", "--quiet", "MANIFEST.sha256"], &case).0);
    let bundle = world.dir.path().join("bundle.pdf");
    world.home.done(&["case", "bundle", "FERRET", "--mail", "--to", path(&bundle)], b"");
    if has("qpdf") {
        assert!(ran("qpdf", &["--check", path(&bundle)], world.dir.path()).0);
    }
}

#[test]
fn what_nobody_has_decided_about_is_left_out_of_everything_that_is_written() {
    let Some(world) = World::new() else { return };
    let secret = b"%PDF the names of those who told".to_vec();
    world.deliver(&idpc(
        "1",
        "R v FERRET 99ZX0012326 - schedules",
        &[("MG6C Ferret.pdf", "application/pdf", pdf("one gnome")), ("MG6D Ferret.pdf", "application/pdf", secret)],
    ));
    world.home.done(&["sync"], b"");
    let done = world.export(&[]);
    let left = done["left_out"].as_array().unwrap();
    assert!(
        left.len() == 2 && left.iter().all(|one| one["because"].as_str().unwrap().contains("quarantine it")),
        "{done}"
    );
    let case = world.out().join("FERRET_99ZX0012326");
    let found = files(&case);
    assert!(!found.iter().any(|name| name.contains("MG6D") || name.ends_with(".eml")), "{found:#?}");
    let bundle = world.home.json(&["case", "bundle", "FERRET", "--to", path(&world.dir.path().join("b.pdf"))]);
    assert!(bundle["documents"].to_string().contains("may not be meant for you"), "{bundle}");
    // A person has decided: it is served after all.
    let id =
        world.home.json(&["message", "list", "--case", "FERRET"])["messages"][0]["id"].as_str().unwrap().to_owned();
    for more in [&["--because", "mis-served"][..], &["--release", "--because", "the CPS agreed"]] {
        world.home.done(&[&["attachment", "quarantine", &id, "--part", "3"], more].concat(), b"");
    }
    let done = world.export(&[]);
    assert_eq!((&done["written"], done["left_out"].as_array().unwrap().len()), (&1.into(), 0), "{done}");
    assert!(files(&case).iter().any(|name| name.ends_with(".eml")));
}

#[test]
fn single_documents_are_chosen_by_name_or_digest() {
    let Some(world) = World::new() else { return };
    let files_of: Vec<(&str, &str, Vec<u8>)> =
        ["MG4 Charges.pdf", "MG5.pdf", "MG11 P BADGER.pdf"].map(|name| (name, "application/pdf", pdf(name))).to_vec();
    world.deliver(&idpc("1", "R v FERRET 99ZX0012326 - IDPC", &files_of));
    world.home.done(&["sync"], b"");
    let digest = casemail::register::Digest::of(&files_of[2].2).to_string();
    let done = world.export(&["--document", "MG5.pdf", "--document", &digest[..12]]);
    let found = files(&world.out().join("FERRET_99ZX0012326"));
    assert_eq!(done["written"], 2, "{done}");
    assert_eq!(found.iter().filter(|name| name.ends_with(".pdf")).count(), 2, "{found:#?}");
    let none = world.home.run(&["case", "export", "FERRET", "--to", path(&world.out()), "--document", "no such"], b"");
    assert!(none.code == 1 && none.err.contains("no such document"), "{none:?}");
}
