//! Exports into a directory that has a past: what others did there meanwhile, what was left out before, what was broken off.

use std::path::Path;

use serde_json::Value;

use crate::export::{World, files, idpc, path, pdf};

fn world() -> Option<World> {
    let world = World::new()?;
    let files = [
        ("MG5.pdf", "application/pdf", pdf("the gnome stood by the pond")),
        ("MG10.pdf", "application/pdf", pdf("when the witnesses are away")),
        ("PNC FERRET.pdf", "application/pdf", pdf("nothing recorded")),
    ];
    world.deliver(&idpc("one", "R v FERRET 99ZX0012326 - IDPC", &files));
    world.home.done(&["sync"], b"");
    Some(world)
}

fn manifest(case: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(case.join("manifest.json")).unwrap()).unwrap()
}

#[test]
fn what_somebody_wrote_into_our_index_is_kept_beside_it() {
    let Some(world) = world() else { return };
    let case = world.out().join("FERRET_99ZX0012326");
    let at = |name: &str| case.join(name);
    std::fs::create_dir_all(&case).unwrap();
    std::fs::write(at("INDEX.csv"), "my own index").unwrap();
    std::os::unix::fs::symlink("elsewhere", at("MESSAGES.csv")).unwrap();
    let done = world.export(&[]);
    let aside = serde_json::json!([["INDEX.csv", "INDEX-2.csv"], ["MESSAGES.csv", "MESSAGES-2.csv"]]);
    assert_eq!((&done["written"], &done["aside"]), (&2.into(), &aside), "{done}");
    let read = |name: &str| std::fs::read_to_string(at(name)).unwrap();
    assert_eq!(read("INDEX-2.csv"), "my own index");
    assert_eq!(std::fs::read_link(at("MESSAGES-2.csv")).unwrap(), Path::new("elsewhere"));
    let ours = read("INDEX.csv");
    assert!(ours.contains("MG5.pdf"), "{ours}");
    // A note in ours, and mail that came since: ours is made anew, the note is kept.
    std::fs::write(at("INDEX.csv"), format!("{ours}\"see counsel\"\r\n")).unwrap();
    assert_eq!(world.export(&[])["aside"], serde_json::json!([["INDEX.csv", "INDEX-3.csv"]]));
    assert!(read("INDEX-3.csv").ends_with("\"see counsel\"\r\n") && read("INDEX.csv") == ours);
    world.deliver(&idpc("two", "R v FERRET 99ZX0012326 - more", &[("MG4.pdf", "application/pdf", pdf("theft"))]));
    world.home.done(&["sync"], b"");
    let done = world.export(&[]);
    assert_eq!((&done["written"], &done["aside"]), (&1.into(), &Value::Null), "ours is replaced: {done}");
    let csv: Vec<String> = files(&case).into_iter().filter(|name| name.ends_with(".csv")).collect();
    assert_eq!(csv, ["INDEX-2.csv", "INDEX-3.csv", "INDEX.csv", "MESSAGES-2.csv", "MESSAGES.csv"]);
}

#[test]
fn what_was_left_out_of_the_whole_is_not_forgotten_for_a_part() {
    let Some(world) = world() else { return };
    let case = world.out().join("FERRET_99ZX0012326");
    assert_eq!(world.export(&[])["written"], 2);
    let whole = std::fs::read(case.join("MANIFEST.sha256")).unwrap();
    assert_eq!(manifest(&case)["left_out"].as_array().unwrap().len(), 2);
    let done = world.export(&["--document", "MG5.pdf"]);
    assert_eq!((&done["written"], &done["already"]), (&0.into(), &1.into()), "{done}");
    assert_eq!(manifest(&case)["left_out"].as_array().unwrap().len(), 2, "{}", manifest(&case)["left_out"]);
    assert!(std::fs::read(case.join("MANIFEST.sha256")).unwrap() == whole, "nothing is written");
    // Somebody decides that it may be read: then it is no longer left out.
    let listed = world.home.json(&["attachment", "list", "--case", "FERRET"]);
    let all = listed["attachments"].as_array().unwrap();
    let shut = all.iter().find(|one| one["name"] == "MG10.pdf").unwrap();

    let message = shut["message"].as_str().unwrap();
    world.home.done(&["attachment", "quarantine", message, "--because", "possible mis-service"], b"");
    world.home.done(&["attachment", "quarantine", message, "--release", "--because", "served on purpose"], b"");
    assert_eq!(world.export(&[])["written"], 1);
    assert_eq!(manifest(&case)["left_out"], serde_json::json!([]));
}

/// Copies a directory.
fn copy(from: &Path, to: &Path) {
    let (good, words) = crate::export::ran("cp", &["-a", path(from), path(to)], Path::new("/"));
    assert!(good, "{words}");
}

#[test]
fn the_register_is_told_of_an_export_that_was_broken_off_before_it_was() {
    let Some(world) = world() else { return };
    let exported = || {
        let listed = world.home.json(&["attachment", "list", "--case", "FERRET"]);
        let listed = listed["attachments"].as_array().unwrap().clone();
        listed.iter().filter(|one| one["exported"].is_string()).count()
    };
    assert_eq!(exported(), 0);
    // The profile as it is before the register is told is the one that a kill leaves.
    let (home, kept) = (world.home.path(), world.dir.path().join("kept"));
    copy(&home, &kept);
    assert_eq!(world.export(&[])["written"], 2);
    assert_eq!(exported(), 2);
    std::fs::remove_dir_all(&home).unwrap();
    copy(&kept, &home);
    assert_eq!(exported(), 0);
    let list = std::fs::read(world.out().join("FERRET_99ZX0012326/MANIFEST.sha256")).unwrap();
    assert_eq!(world.export(&[])["already"], 2);
    assert_eq!(exported(), 2);
    let times = || {
        let chronology = world.home.json(&["case", "chronology", "FERRET"]).to_string();
        chronology.matches(&casemail::register::Digest::of(&list).to_string()).count()
    };
    let once = times();
    assert!(once > 0, "the chronology names the list");
    assert_eq!(world.export(&[])["already"], 2);
    assert_eq!(times(), once, "and is told once");
}

#[test]
fn an_export_says_when_a_message_was_first_seen_and_the_register_has_it_first() {
    let Some(world) = world() else { return };
    assert_eq!(world.export(&[])["written"], 2);
    let manifest = manifest(&world.out().join("FERRET_99ZX0012326"));
    assert!(manifest["messages"][0]["first_seen"].is_string(), "{}", manifest["messages"]);
    let chronology = world.home.done(&["case", "chronology", "FERRET"], b"").to_lowercase();
    let at = |word: &str| chronology.find(word).unwrap_or_else(|| panic!("{word}: {chronology}"));
    assert!(at("received") < at("exported"), "{chronology}");
}

#[test]
fn a_list_or_a_signature_that_was_taken_away_is_missed() {
    let Some(world) = world() else { return };
    let (out, case) = (world.out(), world.out().join("FERRET_99ZX0012326"));
    assert_eq!(world.export(&[])["written"], 2);
    let verify = || {
        let ran = world.home.run(&["export", "verify", path(&out)], b"");
        (ran.code == 0, ran.out)
    };
    let aside = world.dir.path().join("aside");
    for name in ["MANIFEST.sha256", "MANIFEST.sha256.sig"] {
        assert!(verify().0);
        std::fs::rename(case.join(name), &aside).unwrap();
        let (good, said) = verify();
        assert!(!good && said.contains(&format!("FERRET_99ZX0012326/{name}: is missing")), "{said}");
        std::fs::rename(&aside, case.join(name)).unwrap();
    }
    // Beside another export, which is whole.
    copy(&case, &out.join("OTHER"));
    assert!(verify().0);
    std::fs::remove_file(out.join("OTHER/MANIFEST.sha256")).unwrap();
    let (good, said) = verify();
    assert!(!good && said.contains("OTHER/MANIFEST.sha256: is missing"), "{said}");
}
