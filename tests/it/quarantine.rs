//! What was put out of reach stays so, whichever way it comes back and whoever asks: the real program, Dovecot behind it.

use std::path::Path;

use serde_json::Value;

use crate::export::{World, files, idpc, path};
use crate::export_large::noise;
use crate::pgp_interop::installed;
use crate::pgp_large::Gpg;
use crate::scenario_practice::open_case;
use crate::support::home::Home;
use crate::support::winmail::{file, package};

/// Bytes of whole messages in a cache: all but its lists.
fn held(cache: &Path) -> u64 {
    let names = files(cache).into_iter().filter(|name| !name.starts_with("mail/") && name != "list");
    names.map(|name| std::fs::metadata(cache.join(name)).unwrap().len()).sum()
}

/// A small message and one that is fetched in pieces, both beyond what a sync fetches, on a device that knows by the register alone that they are in
/// quarantine. What is in them does not compress.
#[test]
fn what_is_fetched_when_it_is_wanted_goes_under_a_key_of_its_own() {
    let Some(world) = World::new() else { return };
    let one = &world.home;
    let config = std::fs::read_to_string(one.roots().config_file()).unwrap();
    let config = format!("sync = {{ bodies_up_to_bytes = 10000 }}\n{config}");
    one.configure(&config);
    let mails = [("small", 300_000), ("large", 3 << 20)];
    for (at, (id, bytes)) in mails.into_iter().enumerate() {
        let schedule = noise(at as u64 + 1, bytes);
        let name = format!("MG6D {id}.pdf");
        world.deliver(&idpc(id, "R v FERRET 99ZX0012326 schedules", &[(&name, "application/pdf", schedule)]));
    }
    one.done(&["sync"], b"");
    for (id, _) in mails {
        let id = format!("{id}@cps.gov.example");
        one.done(&["attachment", "quarantine", &id, "--because", "possible mis-service"], b"");
    }
    one.done(&["register", "replicate"], b"");

    let two = Home::new();
    two.configure(&config);
    two.done(&["key", "import", path(&world.dir.path().join("key.pgp"))], b"");
    two.done(&["sync"], b"");
    two.done(&["register", "replicate"], b"");
    let cache = two.roots().cache;
    let show = |id: &str, bytes: usize| {
        let shown = two.json(&["message", "show", &format!("{id}@cps.gov.example")]);
        let parts = shown["parts"].as_array().unwrap();
        let shut: Vec<&Value> = parts.iter().filter(|part| part["name"] == "(in quarantine)").collect();
        assert_eq!((shut.len(), &shut[0]["bytes"]), (1, &bytes.into()), "{shown}");
        assert!(held(&cache) < 100_000, "{} bytes in the cache: {:#?}", held(&cache), files(&cache));
    };
    show("small", 300_000);
    // The large one is fetched for an export, which leaves it out.
    let ran = two.run(&["--json", "case", "export", "FERRET", "--to", path(&world.out())], b"");
    let done: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, done["left_out"].as_array().unwrap().len()), (1, 4), "{ran:?}");
    show("large", 3 << 20);
    // Back in reach, it is in the cache like any other, and its bytes are what they were.
    let large = "large@cps.gov.example";
    two.done(&["attachment", "quarantine", large, "--release", "--because", "the CPS agreed"], b"");
    assert!(held(&cache) > 3 << 20, "{:#?}", files(&cache));
    let out = world.out();
    two.done(&["attachment", "export", large, "--to", path(&out)], b"");
    assert!(std::fs::read(out.join("MG6D large.pdf")).unwrap() == noise(2, 3 << 20), "byte for byte");
}

/// What a file is can be told when it has been decrypted, and not before.
#[test]
fn what_came_encrypted_is_out_of_reach_when_it_is_decrypted() {
    if !installed("gpg") {
        return;
    }
    let Some(world) = World::new() else { return };
    let gpg = Gpg::new(&world);
    let names = b"the names of those who told".to_vec();
    let subject = "R v FERRET 99ZX0012326 schedules";
    world.deliver(&idpc("plain", subject, &[("Ferret list.txt", "text/plain", names.clone())]));
    let sealed = |name, content: &[u8]| (name, "application/octet-stream", gpg.sealed(content));
    let packed = package("schedules", "", &[file("LIST.TXT", "Ferret list.txt", &names)]);
    let files_in = [
        sealed("winmail.dat.pgp", &packed),
        sealed("Ferret list.txt.pgp", &names),
        sealed("MG6D Ferret.txt.pgp", b"a sensitive schedule"),
        sealed("Ferret.txt.pgp", b"one gnome"),
    ];
    world.deliver(&idpc("sealed", subject, &files_in));
    world.home.done(&["sync"], b"");
    world.home.done(
        &["attachment", "quarantine", "plain@cps.gov.example", "--part", "2", "--because", "possible mis-service"],
        b"",
    );
    let out = world.dir.path().join("files");
    let args = ["attachment", "export", "sealed@cps.gov.example", "--decrypt", "--to", path(&out)];
    let ran = world.home.run(&args, b"");
    // The package, what is in it, and the same alone.
    assert!(ran.code == 0 && ran.err.contains("3 in quarantine") && ran.err.contains("1 may not be meant"), "{ran:?}");
    assert_eq!(files(&out), ["Ferret.txt"], "{ran:?}");
    let out = world.out();
    let ran = world.home.run(&["case", "export", "FERRET", "--decrypt", "--to", path(&out)], b"");
    assert!(
        ["/2 part 2: it is in quarantine", "/2 part 3: it is in quarantine", "/2 part 4: its name says"]
            .iter()
            .all(|words| ran.err.contains(words)),
        "{ran:?}"
    );
    let written: Vec<String> = files(&out).into_iter().filter(|name| name.ends_with(".txt")).collect();
    assert!(written.iter().any(|name| name.ends_with("Ferret.txt")), "{written:#?}");
    for name in files(&out) {
        let bytes = std::fs::read(out.join(&name)).unwrap();
        let holds = |words: &[u8]| bytes.windows(words.len()).any(|window| window == words);
        assert!(!holds(&names) && !holds(b"a sensitive schedule"), "{name}");
    }
}

/// The register has what a person decided about: the ciphertext. What is in that can be told by who has it open only.
#[test]
fn what_came_encrypted_comes_back_within_reach_with_what_it_came_as() {
    if !installed("gpg") {
        return;
    }
    let Some(world) = World::new() else { return };
    let gpg = Gpg::new(&world);
    let schedule = b"a sensitive schedule".to_vec();
    let mail = |name, content: &[u8]| idpc("inner", "x", &[(name, "text/x-papers", content.to_vec())]);
    let sealed = |name, content: &[u8]| (name, "application/octet-stream", gpg.sealed(content));
    let files_in = [
        sealed("MG6D Ferret.txt.pgp", &schedule),
        sealed("papers.eml.pgp", &mail("MG6D list.txt", b"who told")),
        sealed("open.eml.pgp", &mail("MG5.txt", b"one gnome")),
    ];
    let subject = "R v FERRET 99ZX0012326 schedules";
    world.deliver(&idpc("sealed", subject, &files_in));
    world.home.done(&["sync"], b"");
    let id = "sealed@cps.gov.example";
    let exported = |to: &str| {
        let out = world.dir.path().join(to);
        let ran = world.home.run(&["attachment", "export", id, "--decrypt", "--to", path(&out)], b"");
        let of_case = world.dir.path().join(format!("case {to}"));
        world.home.run(&["case", "export", "FERRET", "--decrypt", "--to", path(&of_case)], b"");
        let schedules = files(&of_case).into_iter().filter(|name| name.ends_with("MG6D Ferret.txt")).count();
        (files(&out), schedules, ran.err)
    };
    let (names, schedules, words) = exported("before");
    // What is called a message when it is decrypted is one, and the files in it are its own.
    assert_eq!((names, schedules), (vec!["MG5.txt".to_owned(), "open.eml".to_owned()], 0), "{words}");
    assert!(words.contains("3 may not be meant for you"), "{words}");
    let release = ["attachment", "quarantine", id, "--part", "2", "--part", "3", "--release", "--because"];
    world.home.done(&[&release[..], &["the CPS agreed"]].concat(), b"");
    let (names, schedules, words) = exported("after");
    let all = ["MG5.txt", "MG6D Ferret.txt", "MG6D list.txt", "open.eml", "papers.eml"];
    assert_eq!((names, schedules), (all.map(str::to_owned).to_vec(), 1), "{words}");
    // What was put out of reach by itself stays there, whatever it came in.
    world.deliver(&idpc("plain", subject, &[("list.txt", "text/x-list", schedule)]));
    world.home.done(&["sync"], b"");
    let plain = "plain@cps.gov.example";
    world.home.done(&["attachment", "quarantine", plain, "--part", "2", "--because", "possible mis-service"], b"");
    let (names, schedules, words) = exported("again");
    assert!(words.contains("1 in quarantine") && !names.contains(&"MG6D Ferret.txt".to_owned()), "{names:?} {words}");
    assert_eq!(schedules, 0);
}

/// Nobody can put one out of reach or take it back: what is in quarantine is kept back, and nothing else, in the clear and in a ciphertext.
#[test]
fn a_bare_file_is_judged_once_whoever_asks() {
    if !installed("gpg") {
        return;
    }
    let Some(world) = World::new() else { return };
    let gpg = Gpg::new(&world);
    let (names, schedule) = (b"the names of those who told".to_vec(), b"a sensitive schedule".to_vec());
    world.deliver(&idpc("plain", "R v FERRET 99ZX0012326", &[("Ferret list.txt", "text/x-list", names.clone())]));
    world.home.done(&["sync"], b"");
    let file = world.dir.path().join("bare.eml");
    let files_in = [
        ("told.txt", "text/x-told", names.clone()),
        ("told.txt.pgp", "application/octet-stream", gpg.sealed(&names)),
        ("MG6D one.txt", "text/x-schedule", schedule.clone()),
        ("MG6D two.txt.pgp", "application/octet-stream", gpg.sealed(&schedule)),
    ];
    std::fs::write(&file, idpc("bare", "x", &files_in)).unwrap();
    let look = |part: &str| world.home.run(&["attachment", "look", path(&file), "--part", part], b"");
    let list = || world.home.done(&["attachment", "list", path(&file)], b"");
    let export = |to: &str| {
        let out = world.dir.path().join(to);
        let ran = world.home.run(&["attachment", "export", path(&file), "--decrypt", "--to", path(&out)], b"");
        (files(&out), ran)
    };
    assert!(look("2").out.contains("those who told") && list().contains("told.txt"), "{:?}", look("2"));
    let (written, ran) = export("before");
    assert_eq!(written, ["MG6D one.txt", "MG6D two.txt", "told.txt"], "{ran:?}");
    let plain = "plain@cps.gov.example";
    world.home.done(&["attachment", "quarantine", plain, "--part", "2", "--because", "possible mis-service"], b"");
    let ran = look("2");
    assert!(ran.code == 1 && ran.out.is_empty() && ran.err.contains("in quarantine"), "{ran:?}");
    assert!(look("4").out.contains("a sensitive schedule"), "{:?}", look("4"));
    assert!(
        list().contains("(in quarantine)") && !list().contains("told.txt\n") && !list().contains("x-told"),
        "{}",
        list()
    );
    let (written, ran) = export("after");
    assert_eq!(written, ["MG6D one.txt", "MG6D two.txt"], "{ran:?}");
    assert!(ran.err.contains("2 in quarantine") && !ran.err.contains("may not be meant"), "{ran:?}");
}

#[test]
fn nothing_that_shows_a_message_names_what_is_in_quarantine() {
    let Some(world) = World::new() else { return };
    let open = ("MG6C Ferret.txt", "text/plain", b"one gnome".to_vec());
    let shut = ("MG6D Ferret.txt", "text/plain", b"the names of those who told".to_vec());
    world.deliver(&idpc("both", "R v FERRET 99ZX0012326 schedules", &[open, shut]));
    world.home.done(&["sync"], b"");
    let id = "both@cps.gov.example";
    let listed = || world.home.done(&["attachment", "list", id], b"");
    assert!(listed().contains("MG6D Ferret.txt"), "{}", listed());
    world.home.done(&["attachment", "quarantine", id, "--because", "possible mis-service"], b"");
    for told in [listed(), world.home.done(&["message", "show", id], b"")] {
        assert!(!told.contains("MG6D Ferret") && told.contains("(in quarantine)") && told.contains("MG6C"), "{told}");
    }
    let refused = world.home.run(&["message", "raw", id], b"");
    assert!(refused.code == 1 && refused.out.is_empty(), "{refused:?}");

    let Some(screen) = world.home.screen((200, 50)) else { return };
    screen.wait_for("up to date, watching");
    open_case(&screen, "ferret", "R v FERRET");
    screen.wait_for("99ZX0012326 sched");
    screen.send_keys(&["Enter"]);
    let seen = screen.wait_for("In quarantine: part 3");
    crate::walkthrough::show("message", &seen);
    assert!(!seen.contains("MG6D"), "{seen}");
    screen.send_keys(&["v"]);
    let seen = screen.wait_for("Parts:");
    crate::walkthrough::show("source", &seen);
    assert!(!seen.contains("MG6D") && seen.contains("(in quarantine)") && seen.contains("MG6C Ferret.txt"), "{seen}");
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);
}
