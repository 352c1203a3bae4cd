//! What Outlook packs into a `winmail.dat`: listed, looked at and written out with proof, and out of reach with its package. The real program, Dovecot
//! behind it.

use casemail::register::Digest;
use serde_json::Value;

use crate::export::{World, files, forwarding, has, idpc, path, pdf, ran};
use crate::inner::{look_from_the_list, quarantine_from_the_list};
use crate::support::winmail::{file, message, package};

fn digest(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}

#[test]
fn the_files_in_a_winmail_are_listed_and_exported_with_the_digests_of_both() {
    let Some(world) = World::new() else { return };
    let (charges, statement) = (pdf("theft of a garden gnome"), pdf("the gnome stood by the pond"));
    let inner = package("statements", "See it.", &[file("MG11.PDF", "MG11 P BADGER.pdf", &statement)]);
    let hostile = file("X", "../../SDC\u{202e}fdp.exe", b"MZ");
    let whole = package(
        "IDPC",
        "Attached.",
        &[file("MG4~1.PDF", "MG4 Charges.pdf", &charges), message("Fwd", &inner), hostile],
    );
    world.deliver(&idpc(
        "packed",
        "[CJSM] R v FERRET 99ZX0012326 - IDPC",
        &[("winmail.dat", "application/ms-tnef", whole.clone())],
    ));
    world.home.done(&["sync"], b"");
    let listed = world.home.json(&["attachment", "list", "packed@cps.gov.example"]);
    let listed = listed["attachments"].as_array().unwrap();
    let paths: Vec<&str> = listed.iter().map(|one| one["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["2", "2/1", "2/2", "2/2.1", "2/3"], "{listed:#?}");
    assert_eq!((&listed[1]["name"], &listed[1]["kind"]), (&"MG4 Charges.pdf".into(), &"MG4".into()));
    assert_eq!((&listed[1]["sha256"], &listed[1]["bytes"]), (&digest(&charges).into(), &charges.len().into()));
    assert_eq!(listed[3]["inside"]["sha256"], digest(&whole));
    let look = |part: &str| world.home.done(&["attachment", "look", "packed@cps.gov.example", "--part", part], b"");
    let told = look("2");
    assert!(told.contains("Attached.") && told.contains("MG4 Charges.pdf") && told.contains("2.1"), "{told}");
    assert!(look("2/2.1").contains("by the pond"));

    // The list of the case has what an export has, each with its own digest.
    let of_case = world.home.json(&["attachment", "list", "--case", "FERRET"]);
    let of_case = of_case["attachments"].as_array().unwrap().clone();
    let paths: Vec<&str> = of_case.iter().map(|one| one["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["2", "2/1", "2/2", "2/2.1", "2/3"], "{of_case:#?}");
    for (one, other) in of_case.iter().zip(listed) {
        assert_eq!((&one["sha256"], &one["bytes"]), (&other["sha256"], &other["bytes"]), "{one}");
        assert_eq!((&one["kind"], &one["inside"]), (&other["kind"], &other["inside"]), "{one}");
    }
    assert_eq!(of_case[4]["name"], "SDC[U+202E]fdp.exe");
    // One PDF of them has what is in the package, and lists the package itself.
    let bundle = world.dir.path().join("bundle.pdf");
    let made = world.home.json(&["case", "bundle", "FERRET", "--to", path(&bundle)]);
    let names: Vec<&str> =
        made["documents"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"MG4 Charges.pdf") && names.contains(&"MG11 P BADGER.pdf"), "{made:#}");

    let done = world.export(&[]);
    assert_eq!((&done["written"], &done["left_out"]), (&5.into(), &Value::Array(Vec::new())), "{done}");
    let case = world.out().join("FERRET_99ZX0012326");
    let manifest: Value = serde_json::from_slice(&std::fs::read(case.join("manifest.json")).unwrap()).unwrap();
    let entry = |part: &str| {
        let all = manifest["files"].as_array().unwrap();
        all.iter().find(|one| one["part"] == part).unwrap_or_else(|| panic!("{part}: {manifest:#}")).clone()
    };
    for (part, content) in [("2/1", &charges), ("2/2", &inner), ("2/2.1", &statement), ("2/3", &b"MZ".to_vec())] {
        let entry = entry(part);
        assert_eq!(entry["sha256"], digest(content), "{entry}");
        assert_eq!(std::fs::read(case.join(entry["path"].as_str().unwrap())).unwrap(), *content, "{entry}");
        let inside = &entry["inside"];
        assert_eq!((&inside["name"], &inside["part"]), (&"winmail.dat".into(), &"2".into()), "{entry}");
        assert_eq!(inside["sha256"], digest(&whole), "{entry}");
    }
    let outer = entry("2");
    assert_eq!((&outer["sha256"], &outer["inside"]), (&digest(&whole).into(), &Value::Null));
    assert!(entry("2/1")["path"].as_str().unwrap().ends_with("_in_MG4_MG4 Charges.pdf"), "{}", entry("2/1"));
    let index = std::fs::read_to_string(case.join("INDEX.csv")).unwrap();
    assert_eq!(index.matches(&format!("winmail.dat (part 2, SHA-256 {})", digest(&whole))).count(), 4, "{index}");
    // Nothing leads out by its name, and everything is proved.
    assert_eq!(std::fs::read_dir(world.out()).unwrap().count(), 1);
    if has("sha256sum") {
        let (good, words) = ran("sha256sum", &["-c", "--strict", "--quiet", "MANIFEST.sha256"], &case);
        assert!(good, "{words}");
    }
    assert_eq!(world.home.run(&["export", "verify", path(&case)], b"").code, 0);
    let before = files(&case);
    let again = world.export(&[]);
    assert_eq!((&again["written"], &again["already"], files(&case)), (&0.into(), &5.into(), before), "{again}");

    // One of them alone, and one that is not there.
    let one = |part: &str| {
        let out = world.dir.path().join(part.replace('/', "-"));
        let ran =
            world.home.run(&["message", "export", "packed@cps.gov.example", "--part", part, "--to", path(&out)], b"");
        (ran.code, if out.exists() { files(&out).into_iter().filter(|name| name.ends_with(".pdf")).count() } else { 0 })
    };
    assert_eq!((one("2/2.1"), one("2/7").1), ((0, 1), 0));
    assert_ne!(one("2/7").0, 0);
    let saved = world.dir.path().join("saved");
    world.home.done(&["attachment", "export", "packed@cps.gov.example", "--part", "2/1", "--to", path(&saved)], b"");
    assert_eq!(files(&saved), ["MG4 Charges.pdf"]);
}

#[test]
fn a_schedule_in_a_winmail_shuts_its_package() {
    let Some(world) = World::new() else { return };
    let secret = b"the names of those who told";
    let inner = package("x", "", &[file("A", "MG6D Ferret.txt", secret)]);
    let whole = package("schedules", "", &[file("B", "MG6C Ferret.txt", b"one gnome"), message("Fwd", &inner)]);
    let id = "packed@cps.gov.example";
    let mail = idpc("packed", "R v FERRET 99ZX0012326", &[("winmail.dat", "application/ms-tnef", whole)]);
    world.deliver(&mail);
    world.home.done(&["sync"], b"");
    let told = world.home.done(&["message", "show", id], b"");
    assert!(told.starts_with("Possible mis-service: MG6D Ferret.txt in winmail.dat"), "{told}");
    let out = world.dir.path().join("saved");
    let export = || world.home.run(&["attachment", "export", id, "--to", path(&out)], b"");
    let looked = || world.home.run(&["attachment", "look", id, "--part", "2/2.1"], b"");
    assert!(export().err.contains("4 may not be meant for you"), "{:?}", export());
    assert!(!out.exists() && looked().code == 1 && !looked().out.contains("told"), "{:?}", looked());
    let left = |why: &str| {
        let done = world.home.run(&["--json", "case", "export", "FERRET", "--to", path(&world.out())], b"");
        assert!(done.out.contains(why) && !done.out.contains("MG6D"), "{done:?}");
        assert!(!world.out().exists() || !files(&world.out()).iter().any(|name| name.contains("MG6")), "{done:?}");
    };
    left("may not be meant for you");
    world.home.done(&["attachment", "quarantine", id, "--because", "possible mis-service"], b"");
    left("in quarantine");
    for list in [&["attachment", "list", id][..], &["attachment", "list", "--case", "FERRET"]] {
        let told = world.home.json(list);
        let all = told["attachments"].as_array().unwrap();
        assert_eq!(all.len(), 4, "{told:#}");
        let is_bare = |one: &Value| one["name"] == "(in quarantine)" && one["kind"] == "SHUT";
        assert!(all.iter().all(|one| is_bare(one) && one["media_type"] == "application/octet-stream"), "{told:#}");
    }
    // Who takes the package back takes back what is in it.
    world.home.done(&["attachment", "quarantine", id, "--release", "--because", "the CPS agreed"], b"");
    assert!(export().code == 0 && looked().out.contains("those who told"), "{:?}", looked());
    let told = world.home.json(&["attachment", "list", "--case", "FERRET"]);
    let state = |name: &str| {
        let all = told["attachments"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}: {told:#}"))["state"].clone()
    };
    assert_eq!((state("MG6D Ferret.txt"), state("winmail.dat")), ("open".into(), "open".into()));
    world.export(&[]);
    assert!(files(&world.out()).iter().any(|name| name.ends_with("MG6D Ferret.txt")));
}

#[test]
fn a_file_in_a_winmail_is_looked_at_put_out_of_reach_and_taken_back_from_the_list_of_its_case() {
    let Some(world) = World::new() else { return };
    let whole = package("x", "", &[file("A", "MG11 Badger.txt", b"by the pond"), file("B", "MG5.txt", b"a gnome")]);
    let id = "packed@cps.gov.example";
    world.deliver(&idpc("packed", "R v FERRET 99ZX0012326", &[("winmail.dat", "application/ms-tnef", whole)]));
    let Some(screen) = world.home.screen((100, 30)) else { return };
    look_from_the_list(&screen, "winmail.dat");
    quarantine_from_the_list(&screen, "winmail");
    let ran = world.home.run(&["attachment", "look", id, "--part", "2/2"], b"");
    assert!(ran.code == 1 && !ran.out.contains("gnome"), "{ran:?}");
    // Without its parts named, all of it comes back.
    world.home.done(&["attachment", "quarantine", id, "--release", "--because", "it was meant for us"], b"");
    let ran = world.home.run(&["attachment", "look", id, "--part", "2/1"], b"");
    assert!(ran.code == 0 && ran.out.contains("by the pond"), "{ran:?}");
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);
}

#[test]
fn a_schedule_in_a_message_that_is_attached_shuts_it() {
    let Some(world) = World::new() else { return };
    let inner = idpc("inner", "schedules", &[("MG6D Ferret.txt", "text/x-schedule", b"those who told".to_vec())]);
    let id = "outer@cps.gov.example";
    world.deliver(&forwarding("outer", "R v FERRET 99ZX0012326", "", inner));
    world.home.done(&["sync"], b"");
    let told = world.home.done(&["message", "show", id], b"");
    assert!(told.starts_with("Possible mis-service: MG6D Ferret.txt in fwd.eml"), "{told}");
    let ran = world.home.run(&["attachment", "look", id, "--part", "2"], b"");
    assert!(ran.code == 1 && !ran.out.contains("MG6D"), "{ran:?}");
    let done = world.home.run(&["--json", "case", "export", "FERRET", "--to", path(&world.out())], b"");
    assert!(done.out.contains("may not be meant for you"), "{done:?}");
    assert!(!world.out().exists() || !files(&world.out()).iter().any(|name| name.ends_with(".eml")), "{done:?}");
    // With a reason it is opened all the same.
    let because = ["--release", "--because", "the CPS agreed"];
    world.home.done(&[&["attachment", "quarantine", id, "--part", "2"][..], &because].concat(), b"");
    let ran = world.home.run(&["attachment", "look", id, "--part", "2"], b"");
    assert!(ran.code == 0 && ran.out.contains("MG6D Ferret.txt"), "{ran:?}");
}
