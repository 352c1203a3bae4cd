//! What was put out of reach stays so, whichever way it comes back and whoever asks: the real program, Dovecot behind it.

use std::path::Path;

use serde_json::Value;

use crate::export::{World, files, idpc, path};
use crate::export_large::noise;

/// Bytes of whole messages in a cache: all but its lists.
fn held(cache: &Path) -> u64 {
    let names = files(cache).into_iter().filter(|name| !name.starts_with("mail/") && name != "list");
    names.map(|name| std::fs::metadata(cache.join(name)).unwrap().len()).sum()
}

/// A small message and one that is fetched in pieces, both beyond what a sync fetches; what is in them does not compress.
#[test]
fn what_is_fetched_again_when_it_is_wanted_stays_under_a_key_of_its_own() {
    let Some(world) = World::new() else { return };
    let config = std::fs::read_to_string(world.home.roots().config_file()).unwrap();
    world.home.configure(&format!("sync = {{ bodies_up_to_bytes = 10000 }}\n{config}"));
    let mails = [("small", 300_000), ("large", 3 << 20)];
    for (at, (id, bytes)) in mails.into_iter().enumerate() {
        let schedule = noise(at as u64 + 1, bytes);
        let name = format!("MG6D {id}.pdf");
        world.deliver(&idpc(id, "R v FERRET 99ZX0012326 schedules", &[(&name, "application/pdf", schedule)]));
    }
    world.home.done(&["sync"], b"");
    for (id, _) in mails {
        let id = format!("{id}@cps.gov.example");
        world.home.done(&["attachment", "quarantine", &id, "--because", "possible mis-service"], b"");
    }
    // The cache is made anew: what comes back comes from the server, and nobody but the register knows what it is.
    world.home.done(&["store", "rebuild"], b"");
    world.home.done(&["sync"], b"");
    let cache = world.home.roots().cache;
    let show = |id: &str| world.home.json(&["message", "show", &format!("{id}@cps.gov.example")]);
    for (id, bytes) in mails {
        for _ in 0..2 {
            let shown = show(id);
            let shut: Vec<&Value> =
                shown["parts"].as_array().unwrap().iter().filter(|part| part["name"] == "(in quarantine)").collect();
            assert_eq!((shut.len(), &shut[0]["bytes"]), (1, &bytes.into()), "{shown}");
        }
    }
    assert!(held(&cache) < 100_000, "{} bytes in the cache: {:#?}", held(&cache), files(&cache));
    // Fetched for an export, which leaves it out.
    world.home.done(&["store", "rebuild"], b"");
    world.home.done(&["sync"], b"");
    let ran = world.home.run(&["--json", "case", "export", "FERRET", "--to", path(&world.out())], b"");
    let done: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, done["left_out"].as_array().unwrap().len()), (1, 4), "{ran:?}");
    assert!(held(&cache) < 100_000, "{} bytes in the cache: {:#?}", held(&cache), files(&cache));
    // Back in reach, it is in the cache like any other, and its bytes are what they were.
    let large = "large@cps.gov.example";
    world.home.done(&["attachment", "quarantine", large, "--release", "--because", "the CPS agreed"], b"");
    assert!(held(&cache) > 3 << 20, "{:#?}", files(&cache));
    let out = world.out();
    world.home.done(&["attachment", "export", large, "--to", path(&out)], b"");
    assert!(std::fs::read(out.join("MG6D large.pdf")).unwrap() == noise(2, 3 << 20), "byte for byte");
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
    screen.send_keys(&["'"]);
    screen.type_text("ferret");
    screen.wait_for("R v FERRET");
    screen.send_keys(&["Enter"]);
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
