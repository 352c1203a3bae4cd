//! Large encrypted mail, made by the real GnuPG, read and written out by the real program without being held, Dovecot behind it.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::export::{World, files, idpc, path, ran};
use crate::export_large::{noise, weighed};
use crate::pgp_interop::{installed, run};

/// Encrypts to the key of the profile, as bytes.
fn encrypted(world: &World, gpg: &Path, plain: &[u8]) -> Vec<u8> {
    let cert = world.home.done(&["key", "export"], b"");
    let command = |args: &[&str]| {
        let mut command = Command::new("gpg");
        command.args(["--homedir", path(gpg), "--batch", "--no-tty", "--trust-model", "always"]).args(args);
        command
    };
    run(&mut command(&["--import"]), cert.as_bytes());
    let made = run(&mut command(&["--encrypt", "--compress-algo", "none", "-r", "quill@quillpounce.example"]), plain).0;
    let _agent_gone = Command::new("gpgconf").args(["--homedir", path(gpg), "--kill", "all"]).output();
    made
}

/// In the frame of RFC 3156.
fn framed(id: &str, ciphertext: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(ciphertext);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!(
        "From: CPS Mudshire <ambleford.mags@cps.gov.example>\r\nTo: Beatrice Quill <quill@quillpounce.example>\r\nMessage-ID: <{id}@cps.gov.example>\r\n\
         Date: Mon, 2 Mar 2026 14:52:00 +0000\r\nSubject: ...\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=\"p\"\r\n\r\n\
         --p\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--p\r\nContent-Type: application/octet-stream\r\n\r\n\
         -----BEGIN PGP MESSAGE-----\r\n\r\n{}\r\n-----END PGP MESSAGE-----\r\n\r\n--p--\r\n",
        lines.join("\r\n")
    )
    .into_bytes()
}

fn only(world: &World) -> String {
    let listed = world.home.json(&["message", "list"]);
    let id = listed["messages"].as_array().unwrap().iter().find(|one| one["message_id"] == "large@cps.gov.example");
    id.unwrap_or_else(|| panic!("{listed}"))["id"].as_str().unwrap().to_owned()
}

/// Whether any file below a directory holds these bytes.
fn lies_below(dir: &Path, bytes: &[u8]) -> bool {
    let entries = std::fs::read_dir(dir).unwrap().flatten();
    entries.into_iter().any(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => lies_below(&entry.path(), bytes),
        Ok(kind) if kind.is_file() => memchr::memmem::find(&std::fs::read(entry.path()).unwrap(), bytes).is_some(),
        _ => false,
    })
}

#[test]
fn a_large_encrypted_message_is_shown_and_its_film_exported_without_being_held() {
    if !installed("gpg") {
        return;
    }
    let Some(world) = World::new() else { return };
    let gpg = tempfile::Builder::new().prefix("gpg").tempdir().unwrap();
    world.deliver(&idpc("small", "R v FERRET 99ZX0012326", &[("MG5.pdf", "application/pdf", b"%PDF".to_vec())]));
    world.home.done(&["sync"], b"");
    let small_id = world.home.json(&["message", "list"])["messages"][0]["id"].as_str().unwrap().to_owned();
    let (_, _, small) = weighed(&world, &["message", "show", &small_id]);
    let film = noise(11, 32 << 20);
    let plain = idpc("inner", "R v FERRET 99ZX0012326 - film", &[("EX PB1.mp4", "video/mp4", film.clone())]);
    let marker = plain[plain.len() / 2..plain.len() / 2 + 60].to_vec();
    world.deliver(&framed("large", &encrypted(&world, gpg.path(), &plain)));
    world.home.done(&["sync"], b"");
    let id = only(&world);
    let room = 40_000;
    // 60 MB as it travels; held, it would take several times that.
    let (code, said, peak) = weighed(&world, &["message", "show", &id]);
    assert!(code == 0 && peak < small + room, "shown: {peak} kB, {small} kB without it: {said}");
    let shown = world.home.json(&["message", "show", &id]);
    assert_eq!(
        (&shown["openpgp"]["decrypted"], &shown["openpgp"]["integrity"]),
        (&true.into(), &"ok".into()),
        "{shown}"
    );
    assert!(shown["text"].as_str().unwrap().contains("Please find attached."), "{shown}");
    let digest = casemail::register::Digest::of(&film).to_string();
    let part = shown["parts"].as_array().unwrap().iter().find(|part| part["name"] == "EX PB1.mp4").unwrap();
    assert_eq!((&part["sha256"], &part["inside"]), (&Value::from(digest.clone()), &"sealed".into()), "{shown}");
    let out = world.out();
    let (code, said, peak) = weighed(&world, &["message", "export", &id, "--to", path(&out)]);
    assert!(code == 0 && peak < small + room, "exported: {peak} kB, {small} kB without it: {said}");
    let found = files(&out);
    let film_at = found.iter().find(|name| name.ends_with("EX PB1.mp4")).unwrap();
    assert!(std::fs::read(out.join(film_at)).unwrap() == film, "byte for byte");
    let eml = found.iter().find(|name| name.contains("_decrypted_")).unwrap();
    let script = "import email, sys, hashlib\n\
        message = email.message_from_binary_file(open(sys.argv[1], 'rb'))\n\
        parts = [p for p in message.walk() if p.get_filename() == 'EX PB1.mp4']\n\
        assert [hashlib.sha256(p.get_payload(decode=True)).hexdigest() for p in parts] == [sys.argv[2]]\n";
    let (good, words) = ran("/usr/bin/python3", &["-c", script, path(&out.join(eml)), &digest], &out);
    assert!(good, "{words}");
    assert!(!lies_below(world.home.roots().cache.as_path(), &marker), "nothing of it is readable in the cache");
}

#[test]
fn of_a_large_message_that_was_altered_nothing_comes_out() {
    if !installed("gpg") {
        return;
    }
    let Some(world) = World::new() else { return };
    let gpg = tempfile::Builder::new().prefix("gpg").tempdir().unwrap();
    let plain = idpc("inner", "R v FERRET", &[("EX PB1.mp4", "video/mp4", noise(12, 4 << 20))]);
    let mut ciphertext = encrypted(&world, gpg.path(), &plain);
    // In the last hundredth: all that is before it decrypts.
    let at = ciphertext.len() - ciphertext.len() / 100;
    ciphertext[at] ^= 1;
    world.deliver(&framed("large", &ciphertext));
    world.home.done(&["sync"], b"");
    let id = only(&world);
    let shown = world.home.json(&["message", "show", &id]);
    assert_eq!(
        (&shown["openpgp"]["decrypted"], &shown["openpgp"]["integrity"]),
        (&false.into(), &"failed".into()),
        "{shown}"
    );
    assert!(!shown.to_string().contains("EX PB1") && !shown.to_string().contains("Please find"), "{shown}");
    let out = world.out();
    world.home.json(&["message", "export", &id, "--to", path(&out)]);
    let found = files(&out);
    assert!(!found.iter().any(|name| name.contains("EX PB1") || name.contains("_decrypted_")), "{found:#?}");
    assert!(!lies_below(&out, &plain[plain.len() / 2..plain.len() / 2 + 60]));
}
