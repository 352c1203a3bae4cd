//! Large encrypted mail, made by the real GnuPG and sq: read, written out, refused by the real program, Dovecot behind it. It is never held, and
//! nothing of what is inside lies in clear on the disk, whatever happens.
//!
//! `CASEMAIL_LARGE_MB=200` sets how large the recording of the first test is.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use casemail::register::Digest;
use serde_json::Value;

use crate::export::{World, files, idpc, path, ran};
use crate::export_large::{noise, weighed};
use crate::pgp_interop::{installed, run};
use crate::walkthrough::show;

const CPS: &str = "CPS Mudshire <ambleford.mags@cps.gov.example>";

/// The other side, with GnuPG: its key is accepted.
pub(crate) struct Gpg(tempfile::TempDir);

impl Gpg {
    pub(crate) fn new(world: &World) -> Self {
        let gpg = Self(tempfile::Builder::new().prefix("gpg").tempdir().unwrap());
        std::fs::set_permissions(gpg.0.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        run(&mut gpg.command(&["--quick-gen-key", CPS, "default"]), b"");
        run(&mut gpg.command(&["--import"]), world.home.done(&["key", "export"], b"").as_bytes());
        let cert = run(&mut gpg.command(&["--armor", "--export", CPS]), b"").0;
        world.home.done(&["key", "import", "-", "--accept"], &cert);
        gpg
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("gpg");
        command.args(["--homedir", path(self.0.path()), "--batch", "--no-tty", "--trust-model", "always"]);
        command.args(["--pinentry-mode", "loopback", "--passphrase", ""]).args(args);
        command
    }

    /// Signed and encrypted to the profile's key.
    pub(crate) fn sealed(&self, plain: &[u8]) -> Vec<u8> {
        let args = ["--armor", "--sign", "--encrypt", "--compress-algo", "none", "-r", "quill@quillpounce.example"];
        run(&mut self.command(&args), plain).0
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _agent_gone = Command::new("gpgconf").args(["--homedir", path(self.0.path()), "--kill", "all"]).output();
    }
}

/// A recording; what it says is the same again after each megabyte.
fn film(megabytes: usize) -> Vec<u8> {
    noise(11, 1 << 20).repeat(megabytes)
}

/// The message with it that is inside.
fn inside(film: &[u8]) -> Vec<u8> {
    idpc("inner", "R v FERRET 99ZX0012326 - film", &[("EX PB1.mp4", "video/mp4", film.to_vec())])
}

/// In the frame of RFC 3156, sent now.
fn framed(armored: &[u8]) -> Vec<u8> {
    let now = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S +0000");
    let head = format!(
        "From: {CPS}\r\nTo: Beatrice Quill <quill@quillpounce.example>\r\nMessage-ID: <large@cps.gov.example>\r\nDate: {now}\r\nSubject: ...\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=\"p\"\r\n\r\n\
         --p\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--p\r\nContent-Type: application/octet-stream\r\n\r\n"
    );
    let mut raw = head.into_bytes();
    for line in armored.split(|byte| *byte == b'\n') {
        raw.extend_from_slice(line);
        raw.extend_from_slice(b"\r\n");
    }
    raw.extend_from_slice(b"--p--\r\n");
    raw
}

/// Delivers it; its name.
fn delivered(world: &World, raw: &[u8]) -> String {
    world.deliver(raw);
    world.home.done(&["sync"], b"");
    let listed = world.home.json(&["message", "list"]);
    let id = listed["messages"].as_array().unwrap().iter().find(|one| one["message_id"] == "large@cps.gov.example");
    id.unwrap_or_else(|| panic!("{listed}"))["id"].as_str().unwrap().to_owned()
}

/// Files below a directory that hold these bytes.
fn holding(dir: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let finder = memchr::memmem::Finder::new(bytes);
    let all = files(dir).into_iter().map(|name| dir.join(name));
    all.filter(|file| std::fs::read(file).is_ok_and(|content| finder.find(&content).is_some())).collect()
}

/// A line of the middle of a plaintext, which no ciphertext and no other plaintext holds.
fn marker(plain: &[u8]) -> Vec<u8> {
    plain[plain.len() / 2..plain.len() / 2 + 60].to_vec()
}

/// How much a process has in files that no name leads to.
fn nameless(process: u32) -> u64 {
    let open = std::fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let spooled = open.filter(|one| {
        let to = std::fs::read_link(one.path()).unwrap_or_default();
        to.to_string_lossy().contains("/blobs/") && to.to_string_lossy().ends_with("(deleted)")
    });
    spooled.filter_map(|one| Some(std::fs::metadata(one.path()).ok()?.len())).sum()
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    // What is large takes a build without optimisation its time, on a busy machine a multiple of that.
    let end = Instant::now() + Duration::from_secs(300);
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn good(shown: &Value) {
    let openpgp = &shown["openpgp"];
    assert_eq!((&openpgp["decrypted"], &openpgp["integrity"]), (&true.into(), &"ok".into()), "{shown}");
    let signature = &openpgp["signature"];
    assert_eq!((&signature["state"], &signature["covers"]), (&"good".into(), &"whole".into()), "{shown}");
    assert_eq!(signature["bound_to"], "ambleford.mags@cps.gov.example", "{shown}");
    assert!(shown["text"].as_str().unwrap().contains("Please find attached."), "{shown}");
}

#[test]
fn a_large_message_by_gnupg_is_shown_and_its_film_exported_without_being_held() {
    if !installed("gpg") {
        return;
    }
    let Some(world) = World::new() else { return };
    let gpg = Gpg::new(&world);
    world.deliver(&idpc("small", "R v FERRET 99ZX0012326", &[("MG5.pdf", "application/pdf", b"%PDF".to_vec())]));
    world.home.done(&["sync"], b"");
    let small_id = world.home.json(&["message", "list"])["messages"][0]["id"].as_str().unwrap().to_owned();
    let (_, _, small) = weighed(&world, &["message", "show", &small_id]);
    #[expect(clippy::disallowed_methods, reason = "a switch of the tests")]
    let megabytes = std::env::var("CASEMAIL_LARGE_MB").ok().and_then(|set| set.parse().ok()).unwrap_or(16);
    let (film, digest, plain) = {
        let film = film(megabytes);
        (film.len(), Digest::of(&film).to_string(), inside(&film))
    };
    let marker = marker(&plain);
    let raw = framed(&gpg.sealed(&plain));
    drop(plain);
    let id = delivered(&world, &raw);
    let as_sent = Digest::of(&raw);
    drop(raw);
    // Held, it would take three times the message and more.
    let room = 40_000;
    let weigh = |args: &[&str]| {
        let began = Instant::now();
        let (code, said, peak) = weighed(&world, args);
        show(args[1], &format!("{peak} kB, {small} kB without it, {:.1} s", began.elapsed().as_secs_f64()));
        assert!(
            code == 0 && peak < small + room && peak < 120_000,
            "{args:?}: {peak} kB, {small} kB without it: {said}"
        );
    };
    // Its text is not here yet: it is fetched, decrypted, verified.
    weigh(&["message", "show", &id]);
    let shown = world.home.json(&["message", "show", &id]);
    good(&shown);
    let part = shown["parts"].as_array().unwrap().iter().find(|part| part["name"] == "EX PB1.mp4").unwrap();
    assert_eq!((&part["sha256"], &part["inside"]), (&Value::from(digest.clone()), &"sealed".into()), "{shown}");
    assert_eq!(part["bytes"], film, "{shown}");
    weigh(&["message", "raw", &id]);
    assert_eq!(Digest::of(world.home.done(&["message", "raw", &id], b"").as_bytes()), as_sent, "byte for byte");
    let (one, all) = (world.dir.path().join("one"), world.out());
    weigh(&["attachment", "export", &id, "--to", path(&one)]);
    weigh(&["message", "export", &id, "--to", path(&all)]);
    let of_file = |file: &Path| Digest::of(&std::fs::read(file).unwrap()).to_string();
    assert_eq!(of_file(&one.join("EX PB1.mp4")), digest, "byte for byte");
    let found = files(&all);
    let film_at = found.iter().find(|name| name.ends_with("EX PB1.mp4")).unwrap();
    assert_eq!(of_file(&all.join(film_at)), digest, "byte for byte");
    let eml = found.iter().find(|name| name.contains("_decrypted_")).unwrap();
    let script = "import email, sys, hashlib\n\
        message = email.message_from_binary_file(open(sys.argv[1], 'rb'))\n\
        parts = [p for p in message.walk() if p.get_filename() == 'EX PB1.mp4']\n\
        assert [hashlib.sha256(p.get_payload(decode=True)).hexdigest() for p in parts] == [sys.argv[2]]\n";
    let (is_good, words) = ran("/usr/bin/python3", &["-c", script, path(&all.join(eml)), &digest], &all);
    assert!(is_good, "{words}");
    assert_eq!(holding(&world.home.path(), &marker), Vec::<PathBuf>::new(), "nothing of it lies there in clear");
    assert_eq!(holding(&all, &marker).len(), 1, "the marker is one: it stands in what was decrypted at one's word");
}

#[test]
fn a_large_message_by_sq_is_shown_and_exported() {
    if !installed("sq") {
        return;
    }
    let Some(world) = World::new() else { return };
    let home = tempfile::tempdir().unwrap();
    let sq = |args: &[&str]| {
        let mut command = Command::new("sq");
        command.env("HOME", home.path()).env("XDG_DATA_HOME", home.path()).args(args);
        command
    };
    let at = |name: &str| home.path().join(name);
    let (key, own) = (at("key.pgp"), at("own.pgp"));
    run(&mut sq(&["key", "generate", "--userid", CPS, "--export", path(&key)]), b"");
    let cert = run(&mut sq(&["key", "extract-cert", path(&key)]), b"").0;
    world.home.done(&["key", "import", "-", "--accept"], &cert);
    std::fs::write(&own, world.home.done(&["key", "export"], b"")).unwrap();
    let film = film(4);
    let digest = Digest::of(&film).to_string();
    // sq compresses.
    let sealed =
        run(&mut sq(&["encrypt", "--recipient-cert", path(&own), "--signer-key", path(&key)]), &inside(&film)).0;
    let id = delivered(&world, &framed(&sealed));
    let shown = world.home.json(&["message", "show", &id]);
    good(&shown);
    let out = world.out();
    world.home.done(&["message", "export", &id, "--to", path(&out)], b"");
    let film_at = files(&out).into_iter().find(|name| name.ends_with("EX PB1.mp4")).unwrap();
    assert_eq!(Digest::of(&std::fs::read(out.join(film_at)).unwrap()).to_string(), digest);
}

#[test]
fn of_a_large_message_that_was_altered_nothing_comes_out() {
    if !installed("gpg") {
        return;
    }
    let Some(world) = World::new() else { return };
    let gpg = Gpg::new(&world);
    let plain = inside(&film(4));
    let (marker, sealed) = (marker(&plain), gpg.sealed(&plain));
    // In the last hundredth: all that is before it decrypts.
    let mut altered = sealed.clone();
    let at = (sealed.len() - sealed.len() / 100..).find(|at| sealed[*at].is_ascii_lowercase()).unwrap();
    altered[at] = if sealed[at] == b'a' { b'b' } else { b'a' };
    let half = sealed.len() / 2;
    let end = memchr::memmem::rfind(&sealed, b"\n-----END PGP MESSAGE").unwrap();
    let truncated = [&sealed[..half], &sealed[end..]].concat();
    let broken_off = sealed[..half].to_vec();
    for (what, sealed) in [("altered", altered), ("truncated", truncated), ("broken off", broken_off)] {
        let id = delivered(&world, &framed(&sealed));
        let shown = world.home.json(&["message", "show", &id]);
        let openpgp = &shown["openpgp"];
        assert_eq!(
            (&openpgp["encrypted"], &openpgp["decrypted"], &openpgp["integrity"], &openpgp["signature"]["state"]),
            (&true.into(), &false.into(), &"failed".into(), &"none".into()),
            "{what}: {shown}"
        );
        let said = world.home.done(&["message", "show", &id], b"");
        assert!(said.contains("the ciphertext was altered"), "{what}: {said}");
        assert!(!shown.to_string().contains("EX PB1") && !shown.to_string().contains("Please find"), "{what}: {shown}");
        let out = world.dir.path().join(what);
        world.home.json(&["message", "export", &id, "--to", path(&out)]);
        let found = files(&out);
        assert!(!found.iter().any(|name| name.contains("EX PB1") || name.contains("_decrypted_")), "{found:#?}");
        let refused = world.home.run(&["attachment", "export", &id, "--to", path(&out.join("one"))], b"");
        assert!(!out.join("one").join("EX PB1.mp4").exists(), "{refused:?}");
        for place in [out, world.home.path()] {
            assert_eq!(holding(&place, &marker), Vec::<PathBuf>::new(), "{what}");
        }
        world.home.done(&["message", "delete", &id, "--for-ever"], b"");
        world.home.done(&["sync"], b"");
    }
}

#[test]
fn a_large_message_is_read_and_saved_on_screen_and_leaves_nothing_behind_when_it_is_locked() {
    if !installed("gpg") {
        return;
    }
    let Some(world) = World::new() else { return };
    let gpg = Gpg::new(&world);
    let film = film(6);
    let plain = inside(&film);
    let (marker, digest) = (marker(&plain), Digest::of(&film).to_string());
    delivered(&world, &framed(&gpg.sealed(&plain)));
    let Some(screen) = world.home.screen((100, 40)) else { return };
    screen.wait_for("up to date, watching");
    let process = process_of(&world.home.path());
    screen.send_keys(&["g", "i"]);
    screen.wait_for("CPS Mudshire");
    screen.send_keys(&["Enter"]);
    until("it is shown", || screen.capture().contains("Please find attached."));
    let seen = screen.wait_for("EX PB1.mp4");
    assert!(seen.contains("Signed on") && seen.contains("ambleford.mags@cps.gov.example"), "{seen}");
    until("what was decrypted to be read is gone again", || nameless(process) == 0);
    let out = world.dir.path().join("saved");
    std::fs::create_dir(&out).unwrap();
    screen.send_keys(&["Tab", "w"]);
    screen.wait_for("Save");
    screen.send_keys(&["C-u"]);
    screen.type_text(path(&out));
    screen.send_keys(&["Enter"]);
    until("it is saved", || screen.capture().contains("Saved:"));
    assert_eq!(Digest::of(&std::fs::read(out.join("EX PB1.mp4")).unwrap()).to_string(), digest);
    // Locked while it is being decrypted once more: that ends, and no part of it is saved.
    std::fs::remove_file(out.join("EX PB1.mp4")).unwrap();
    screen.send_keys(&["w"]);
    screen.wait_for("Save");
    screen.send_keys(&["Enter"]);
    until("it is decrypted", || nameless(process) > 1 << 20);
    screen.send_keys(&["F12"]);
    screen.wait_for("Passphrase");
    until("nothing is left of it", || nameless(process) == 0);
    assert_eq!(files(&out), Vec::<String>::new());
    assert_eq!(holding(&world.home.path(), &marker), Vec::<PathBuf>::new());
    screen.send_keys(&["C-q"]);
    screen.wait_for_end();
}

/// The program that runs with a home.
fn process_of(home: &Path) -> u32 {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let mut found = all.filter_map(|one| {
        let process: u32 = one.file_name().to_str()?.parse().ok()?;
        let line = std::fs::read(one.path().join("cmdline")).ok()?;
        let mut words = line.split(|byte| *byte == 0);
        let is_ours = words.next().is_some_and(|program| program.ends_with(b"casemail"));
        (is_ours && words.any(|word| word == path(home).as_bytes())).then_some(process)
    });
    found.next().unwrap()
}

#[test]
fn killed_while_it_decrypts_it_leaves_nothing() {
    if !installed("gpg") {
        return;
    }
    let Some(world) = World::new() else { return };
    let gpg = Gpg::new(&world);
    let plain = inside(&film(4));
    let marker = marker(&plain);
    let id = delivered(&world, &framed(&gpg.sealed(&plain)));
    world.home.done(&["message", "show", &id], b"");
    let before = files(&world.home.roots().cache);
    for least in [1 << 20, 4 << 20] {
        let mut child = world.home.start(&["message", "show", &id]);
        until("it is decrypted", || nameless(child.id()) > least);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(nameless(child.id()), 0);
        let blobs = |all: &[String]| all.iter().filter(|name| name.contains("blobs/")).cloned().collect::<Vec<_>>();
        assert_eq!(blobs(&files(&world.home.roots().cache)), blobs(&before), "no file but the message itself");
        assert_eq!(holding(&world.home.path(), &marker), Vec::<PathBuf>::new());
    }
    good(&world.home.json(&["message", "show", &id]));
}

#[test]
fn where_there_is_no_room_for_it_it_stays_closed_and_says_so() {
    let may_mount = Command::new("unshare").args(["-r", "-m", "true"]).stderr(Stdio::null()).status();
    if !installed("gpg") || !may_mount.is_ok_and(|status| status.success()) {
        eprintln!("left out: this machine lets nobody mount a file system of their own");
        return;
    }
    let Some(world) = World::new() else { return };
    let gpg = Gpg::new(&world);
    let id = delivered(&world, &framed(&gpg.sealed(&inside(&film(4)))));
    world.home.done(&["message", "show", &id], b"");
    let (cache, out) = (world.home.roots().cache, world.out());
    let used = files(&cache).iter().map(|name| std::fs::metadata(cache.join(name)).unwrap().len()).sum::<u64>() >> 20;
    for args in [vec!["message", "show", &id], vec!["attachment", "export", &id, "--to", path(&out)]] {
        // Room for a part of it, beside what is always left free.
        let megabytes = used + 256 + 6;
        let script = format!(
            "set -e; mkdir '{aside}'; cp -a '{cache}/.' '{aside}'; mount -t tmpfs -o size={megabytes}m,mode=700 none '{cache}'\n\
             cp -a '{aside}/.' '{cache}'; rm -r '{aside}'; exec \"$@\"",
            aside = world.dir.path().join("aside").display(),
            cache = cache.display()
        );
        let command = world.home.command(&args);
        let mut full = Command::new("unshare");
        full.args(["-r", "-m", "sh", "-c", &script, "sh"]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            full.env(name, value.unwrap());
        }
        let done = full.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        show(args[1], &said);
        assert_eq!(done.status.code(), Some(73), "{said}");
        assert!(said.contains("could not be opened") && said.contains("free some space"), "{said}");
        assert!(done.stdout.is_empty() && !out.join("EX PB1.mp4").exists(), "{said}");
    }
    good(&world.home.json(&["message", "show", &id]));
}
