//! Cases written out by the real program, Dovecot behind it, and everything that is on the disk then judged by other people's programs:
//! sha256sum, GnuPG, unzip, Python's `mailbox`, qpdf.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use casemail::pgp::generate::generate;
use jiff::Timestamp;
use serde_json::Value;

use crate::scenario_practice::open_case;
use crate::support::dovecot::Dovecot;
use crate::support::home::Home;

const QUILL: &str = "quill@quillpounce.example";

pub(crate) struct World {
    server: Dovecot,
    pub(crate) home: Home,
    pub(crate) dir: tempfile::TempDir,
}

pub(crate) fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

impl World {
    pub(crate) fn new() -> Option<Self> {
        let server = Dovecot::start()?;
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("key.pgp");
        std::fs::write(&key, &*generate("Beatrice Quill", QUILL, Timestamp::now()).unwrap().secret).unwrap();
        let home = Home::new();
        let cases = "[classes]\ngov = [\"gov.example\"]\n\n[[case]]\nid = \"FERRET\"\ntitle = \"R v FERRET\"\nidentifiers = [\"99ZX0012326\"]\n\n";
        home.configure(&home.config(&server.tls(), &server.tls(), &server.ca_file(), cases));
        home.done(&["key", "import", path(&key)], b"");
        Some(Self { server, home, dir })
    }

    pub(crate) fn deliver(&self, raw: &[u8]) {
        self.server.deliver("quill", "INBOX", raw);
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    pub(crate) fn export(&self, more: &[&str]) -> Value {
        let out = self.out();
        let mut args = vec!["case", "export", "FERRET", "--to", path(&out)];
        args.extend(more);
        self.home.json(&args)
    }
}

/// A message of the prosecution with files: name, media type, content.
pub(crate) fn idpc(id: &str, subject: &str, files: &[(&str, &str, Vec<u8>)]) -> Vec<u8> {
    use base64::Engine as _;
    let mut raw = format!(
        "From: CPS Mudshire <ambleford.mags@cps.gov.example>\r\nTo: Beatrice Quill <{QUILL}>\r\nMessage-ID: <{id}@cps.gov.example>\r\n\
         Date: Mon, 2 Mar 2026 14:52:00 +0000\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=weir\r\n\r\n--weir\r\nContent-Type: text/plain\r\n\r\nPlease find attached.\r\nFrom here on all is served.\r\n"
    );
    for (name, media_type, content) in files {
        let encoded = base64::engine::general_purpose::STANDARD.encode(content);
        let lines: Vec<&str> = encoded.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let name: String =
            name.bytes()
                .map(|b| {
                    if b.is_ascii_alphanumeric() || b == b'.' { char::from(b).to_string() } else { format!("%{b:02X}") }
                })
                .collect();
        raw.push_str(&format!(
            "--weir\r\nContent-Type: {media_type}\r\nContent-Disposition: attachment; filename*=UTF-8''{name}\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{}\r\n",
            lines.join("\r\n")
        ));
    }
    raw.push_str("--weir--\r\n");
    raw.into_bytes()
}

/// A message as [`idpc`] makes it, attached to another one as `fwd.eml`. Of several within each other, each has a mark of its own in its boundary; what
/// is encoded stays as it is, whatever letters it has.
pub(crate) fn forwarding(id: &str, subject: &str, mark: &str, inner: Vec<u8>) -> Vec<u8> {
    let inner = String::from_utf8(inner).unwrap();
    let inner = inner.replace("--weir", &format!("--brook{mark}"));
    let inner = inner.replace("boundary=weir", &format!("boundary=brook{mark}"));
    let part = "Content-Type: message/rfc822\r\nContent-Disposition: attachment; filename=fwd.eml";
    let outer = String::from_utf8(idpc(id, subject, &[])).unwrap();
    outer.replace("--weir--", &format!("--weir\r\n{part}\r\n\r\n{inner}\r\n--weir--")).into_bytes()
}

/// A PDF of one page that says something.
pub(crate) fn pdf(words: &str) -> Vec<u8> {
    use casemail::export::bundle::{Item, Matter, make};
    let item = Item { name: "x".into(), about: String::new(), matter: Matter::Text(words.into()) };
    make("x", vec![item]).unwrap().0
}

fn ferret(id: &str) -> Vec<u8> {
    idpc(
        id,
        "[CJSM] R v FERRET 99ZX0012326 Ambleford MC 05/03/2026 - IDPC",
        &[
            ("MG4 Charges.pdf", "application/pdf", pdf("theft of a garden gnome")),
            ("MG5.pdf", "application/pdf", pdf("the gnome stood by the pond")),
            ("MG11 P BADGER.pdf", "application/pdf", b"%PDF-1.4 broken".to_vec()),
            ("PNC FERRET.pdf", "application/pdf", pdf("nothing recorded")),
            ("../../SDC\u{202e}fdp.exe", "application/octet-stream", b"MZ".to_vec()),
        ],
    )
}

pub(crate) fn ran(program: &str, args: &[&str], dir: &Path) -> (bool, String) {
    let done = Command::new(program).args(args).current_dir(dir).output();
    let done = done.unwrap_or_else(|why| panic!("{program}: {why}"));
    (
        done.status.success(),
        format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr)),
    )
}

pub(crate) fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    assert!(found || std::env::var("CASEMAIL_TESTS").as_deref() != Ok("all"), "{program} is not installed");
    found
}

/// Every file below a directory, sorted.
pub(crate) fn files(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![dir.to_owned()];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(next).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                left.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(dir).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn initial_details_are_exported_once_and_proved_by_others() {
    let Some(world) = World::new() else { return };
    let raw = ferret("1");
    world.deliver(&raw);
    world.home.done(&["sync"], b"");
    let done = world.export(&[]);
    assert_eq!((&done["written"], &done["already"]), (&5.into(), &0.into()), "{done}");
    let case = world.out().join("FERRET_99ZX0012326");
    assert_eq!(done["directory"], path(&case));
    let found = files(&case);
    assert_eq!(found.len(), 5 + 1 + 5, "{found:#?}");
    let names: Vec<&str> = found.iter().filter_map(|name| name.strip_prefix("01_IDPC/")?.get(14..)).collect();
    for name in ["in_MG4_MG4 Charges.pdf", "in_MG5_MG5.pdf", "in_MG11_MG11 P BADGER.pdf", "in_PNC_PNC FERRET.pdf"] {
        assert!(names.contains(&name), "{names:?}");
    }
    // Nothing of the hostile name is left but what it looked like, and the index says so.
    assert!(names.iter().any(|name| name.ends_with("_SDC[U+202E]fdp.exe")), "{names:?}");
    let index = std::fs::read_to_string(case.join("INDEX.csv")).unwrap();
    assert_eq!(index.lines().count(), 1 + 5, "{index}");
    assert!(
        index.contains("\"renamed deceptive-name program\"") && index.contains("deemed served Tue 3 Mar 2026"),
        "{index}"
    );
    for name in &found {
        assert_eq!(std::fs::metadata(case.join(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    assert_eq!(std::fs::read_dir(world.out()).unwrap().count(), 1, "nothing beside the case");
    let original = found.iter().find(|name| name.ends_with(".eml")).unwrap();
    let stored = world.home.run(&["message", "raw", "1@cps.gov.example"], b"");
    assert_eq!(std::fs::read(case.join(original)).unwrap(), stored.out.as_bytes(), "byte for byte");

    // Other people's programs.
    let (good, words) = ran("sha256sum", &["-c", "--strict", "--quiet", "MANIFEST.sha256"], &case);
    assert!(good, "{words}");
    if has("gpg") {
        let keys = world.dir.path().join("keys");
        std::fs::create_dir(&keys).unwrap();
        std::fs::set_permissions(&keys, std::fs::Permissions::from_mode(0o700)).unwrap();
        std::fs::write(keys.join("quill.asc"), world.home.done(&["key", "export"], b"")).unwrap();
        let gpg =
            |args: &[&str]| ran("gpg", &[&["--homedir", path(&keys), "--batch", "--quiet"], args].concat(), &case);
        assert!(gpg(&["--import", path(&keys.join("quill.asc"))]).0);
        let (good, words) = gpg(&["--verify", "MANIFEST.sha256.sig", "MANIFEST.sha256"]);
        assert!(good, "{words}");
    }

    // The register has it, by the digest of the list.
    let list = std::fs::read(case.join("MANIFEST.sha256")).unwrap();
    let digest = casemail::register::Digest::of(&list).to_string();
    assert_eq!(done["manifest"], *digest);
    let told = world.home.done(&["register", "show", "--raw"], b"");
    assert!(told.contains(&digest), "the register names the list");

    // The same again writes nothing.
    let before: Vec<_> =
        found.iter().map(|name| std::fs::metadata(case.join(name)).unwrap().modified().unwrap()).collect();
    let again = world.home.run(&["case", "export", "99ZX0012326", "--to", path(&world.out())], b"");
    assert!(again.err.contains("0 written; 5 already exported, identical"), "{again:?}");
    let after: Vec<_> =
        found.iter().map(|name| std::fs::metadata(case.join(name)).unwrap().modified().unwrap()).collect();
    assert_eq!((files(&case), before), (found.clone(), after));

    // What was tampered with is found, each by its name.
    let verify = || {
        let done = world.home.run(&["--json", "export", "verify", path(&world.out())], b"");
        (done.code, serde_json::from_str::<Value>(&done.out).unwrap())
    };
    let (code, good) = verify();
    assert_eq!((code, &good["ok"], &good["checked"]), (0, &true.into(), &9.into()), "{good}");
    assert!(good["signed"][0].as_str().unwrap().contains(QUILL), "{good}");
    let victim = case.join(found.iter().find(|name| name.ends_with("MG5_MG5.pdf")).unwrap());
    let mut bytes = std::fs::read(&victim).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&victim, &bytes).unwrap();
    std::fs::write(case.join("01_IDPC/extra.pdf"), "x").unwrap();
    std::fs::remove_file(case.join(original)).unwrap();
    let (code, bad) = verify();
    let what = bad["findings"].to_string();
    assert_eq!(code, 1);
    assert!(
        what.contains("was changed") && what.contains("is missing") && what.contains("not written by this export"),
        "{what}"
    );
    assert_eq!(bad["findings"].as_array().unwrap().len(), 3, "{what}");
    // What is missing is written again; what was changed is never overwritten.
    let done = world.export(&[]);
    assert_eq!(std::fs::read(&victim).unwrap(), bytes);
    assert_eq!(done["written"], 1, "{done}");
    // What was signed stays in the list, and is told of.
    let what = verify().1["findings"].to_string();
    assert!(what.contains("MG5_MG5.pdf") && what.contains("was changed"), "{what}");
    assert!(case.join(original).exists() && path(&victim).replace(".pdf", "-2.pdf").as_str().len() > 1);
    std::fs::write(case.join("MANIFEST.sha256"), [list, b"# \n".to_vec()].concat()).unwrap();
    assert!(verify().1["findings"].to_string().contains("does not hold"), "the signature");
}

#[test]
fn mailboxes_and_archives_are_read_by_others() {
    let Some(world) = World::new() else { return };
    world.deliver(&ferret("1"));
    world.deliver(&idpc("2", "R v FERRET 99ZX0012326 - bail", &[]));
    world.home.done(&["sync"], b"");
    world.export(&["--format", "mbox"]);
    world.export(&["--format", "maildir"]);
    let zipped = world.export(&["--format", "zip"]);
    let case = world.out().join("FERRET_99ZX0012326");
    let script = "import mailbox, sys\n\
        box = mailbox.mbox(sys.argv[1]); dir = mailbox.Maildir(sys.argv[2], create=False)\n\
        ids = lambda all: sorted(m['Message-ID'] for m in all)\n\
        parts = lambda all: sorted((p.get_filename() or '', len(p.get_payload(decode=True))) for m in all for p in m.walk() if p.get_filename())\n\
        assert ids(box) == ids(dir) == ['<1@cps.gov.example>', '<2@cps.gov.example>'], (ids(box), ids(dir))\n\
        assert parts(box) == parts(dir) and len(parts(box)) == 5\n";
    let (mbox, maildir) = (case.join("messages.mbox"), case.join("Maildir"));
    let (good, words) = ran("/usr/bin/python3", &["-c", script, path(&mbox), path(&maildir)], &case);
    assert!(good, "{words}");
    let archive = zipped["archive"].as_str().unwrap().to_owned();
    if has("unzip") {
        let (good, words) = ran("unzip", &["-t", &archive], world.dir.path());
        assert!(good && words.contains("No errors"), "{words}");
        let (good, _) = ran("unzip", &["-q", &archive, "-d", "unzipped"], world.dir.path());
        assert!(good);
        let there = world.dir.path().join("unzipped/FERRET_99ZX0012326");
        assert_eq!(files(&there), files(&case));
        assert!(ran("sha256sum", &["-c", "--quiet", "MANIFEST.sha256"], &there).0);
    }
    let verified = world.home.run(&["export", "verify", path(&case)], b"");
    assert_eq!(verified.code, 0, "{verified:?}");
}

#[test]
fn links_and_foreign_lists_stop_an_export_before_anything_is_touched() {
    let Some(world) = World::new() else { return };
    world.deliver(&ferret("1"));
    world.home.done(&["sync"], b"");
    let (outside, case) = (world.dir.path().join("outside"), world.out().join("FERRET_99ZX0012326"));
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::create_dir_all(&case).unwrap();
    std::os::unix::fs::symlink(&outside, case.join("01_IDPC")).unwrap();
    let run = || world.home.run(&["case", "export", "FERRET", "--to", path(&world.out())], b"");
    let refused = run();
    assert_eq!((refused.code, refused.err.contains("not followed")), (73, true), "{refused:?}");
    std::fs::remove_file(case.join("01_IDPC")).unwrap();
    std::fs::write(case.join("MANIFEST.sha256"), "mine\n").unwrap();
    let refused = run();
    assert_eq!((refused.code, refused.err.contains("casemail did not write")), (73, true), "{refused:?}");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    assert_eq!(std::fs::read_to_string(case.join("MANIFEST.sha256")).unwrap(), "mine\n");
}

#[test]
fn an_export_that_was_killed_or_had_no_room_is_completed_by_the_next() {
    let Some(world) = World::new() else { return };
    let noise = |seed: u64, count: usize| {
        let mut state = seed;
        (0..count)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                state.to_be_bytes()[0]
            })
            .collect::<Vec<u8>>()
    };
    for number in 0..12 {
        let name = format!("MG11 witness {number}.pdf");
        world.deliver(&idpc(
            &number.to_string(),
            "R v FERRET 99ZX0012326 - IDPC",
            &[(&name, "application/pdf", noise(number, 600_000))],
        ));
    }
    world.home.done(&["sync"], b"");
    let (out, case) = (world.out(), world.out().join("FERRET_99ZX0012326"));
    // No file may be larger than 256 KB: as on a full disk, the write comes back short.
    let command = world.home.command(&["case", "export", "FERRET", "--to", path(&out)]);
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 512; exec \"$@\"", "sh"])
        .arg(command.get_program())
        .args(command.get_args());
    command.get_envs().for_each(|(name, value)| match value {
        Some(value) => drop(limited.env(name, value)),
        None => drop(limited.env_remove(name)),
    });
    let full = limited.stdin(std::process::Stdio::null()).output().unwrap();
    assert_ne!(full.status.code(), Some(0), "{}", String::from_utf8_lossy(&full.stderr));
    let half = |names: &[String]| {
        names
            .iter()
            .filter(|name| name.ends_with(".pdf"))
            .any(|name| std::fs::metadata(case.join(name)).unwrap().len() < 600_000)
    };
    assert!(!case.exists() || !half(&files(&case)), "half a file under a name");

    for most in [1, 4, 9] {
        let mut child = world.home.start(&["case", "export", "FERRET", "--to", path(&out)]);
        // As soon as some are there: in the middle of the next one.
        let end = std::time::Instant::now() + Duration::from_secs(60);
        while child.try_wait().unwrap().is_none()
            && std::time::Instant::now() < end
            && (!case.exists() || files(&case).iter().filter(|name| name.ends_with(".pdf")).count() < most)
        {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!case.exists() || !half(&files(&case)), "half a file under a name");
    }
    let done = world.export(&[]);
    let count = |key: &str| done[key].as_u64().unwrap();
    assert_eq!(count("written") + count("already"), 12, "{done}");
    assert!(ran("sha256sum", &["-c", "--quiet", "MANIFEST.sha256"], &case).0);
    let verified = world.home.run(&["export", "verify", path(&out)], b"");
    assert_eq!(verified.code, 0, "{verified:?}");
}

#[test]
fn a_bundle_is_one_sound_pdf_that_drops_nothing() {
    let Some(world) = World::new() else { return };
    world.deliver(&ferret("1"));
    world.home.done(&["sync"], b"");
    let file = world.dir.path().join("bundle.pdf");
    let done = world.home.json(&["case", "bundle", "FERRET", "--to", path(&file)]);
    let documents = done["documents"].as_array().unwrap();
    assert_eq!(documents.len(), 5, "{done}");
    let left: Vec<&str> =
        documents.iter().filter(|one| !one["because"].is_null()).map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(left.len(), 2, "the broken one and the program: {left:?}");
    if has("qpdf") {
        let (good, words) = ran("qpdf", &["--check", path(&file)], world.dir.path());
        assert!(good && !words.contains("WARNING"), "{words}");
    }
    if Command::new("pdftotext").arg("-v").output().is_ok() {
        let (_, words) = ran("pdfinfo", &[path(&file)], world.dir.path());
        assert!(words.contains(&format!("Pages:           {}", done["pages"])), "{words}");
        let (_, text) = ran("pdftotext", &["-layout", path(&file), "-"], world.dir.path());
        let text: String = text.split_whitespace().collect();
        for said in ["RvFERRET", "NOTINCLUDED", "thegnomestoodbythepond", "MG5.pdf", "1/7"] {
            assert!(text.contains(said), "{said}: {text}");
        }
    }
    let again = world.home.json(&["case", "bundle", "FERRET", "--to", path(&file), "--document", "MG5.pdf"]);
    assert_eq!(again["path"], path(&world.dir.path().join("bundle-2.pdf")), "nothing is replaced: {again}");
}

#[test]
fn a_case_is_exported_by_a_key_and_again_by_the_same() {
    let Some(world) = World::new() else { return };
    world.deliver(&ferret("1"));
    let Some(screen) = world.home.screen((80, 24)) else { return };
    screen.wait_for("up to date, watching");
    open_case(&screen, "ferret", "R v FERRET");
    screen.wait_for("CPS Mudshire");
    screen.send_keys(&["i"]);
    screen.wait_for("Numbers");
    for told in ["5 written, verified; 0 there already", "5 already exported, identical"] {
        screen.send_keys(&["x"]);
        screen.wait_for("Export the case to directory");
        screen.send_keys(&["C-u"]);
        screen.type_text(path(&world.out()));
        screen.send_keys(&["Enter"]);
        crate::walkthrough::show("exported", &screen.wait_for(told));
    }
    let case = world.out().join("FERRET_99ZX0012326");
    let (good, words) = ran("sha256sum", &["-c", "--strict", "--quiet", "MANIFEST.sha256"], &case);
    assert!(good, "{words}");
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);
}
