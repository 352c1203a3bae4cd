//! Keys as a person has them: taken in from gpg, decided about, extended, succeeded, revoked, written down and put back, by the program itself.

use std::path::Path;
use std::process::Command;

use sequoia_openpgp as openpgp;

use openpgp::cert::CertParser;
use openpgp::crypto::Password;
use openpgp::parse::Parse as _;

use super::pgp_interop::installed;
use super::support::home::{CASEMAIL, Home, Ran};

/// What must stand in no file and in no process's place in the system.
const CANARY: &str = "canary-weir-7319-lantern";

/// A profile with an account that needs no server.
fn home() -> Home {
    let home = Home::new();
    let unlock = home.beside("passphrase");
    home.configure(&format!(
        "unlock_command = [\"cat\", {unlock:?}]\n[[account]]\nname = \"work\"\nfull_name = \"Beatrice Quill\"\naddress = \"quill@quillpounce.example\"\n\
         imap = {{ host = \"127.0.0.1\", port = 1, security = \"tls\", user = \"quill\" }}\nsmtp = {{ host = \"127.0.0.1\", port = 1, security = \"tls\", user = \"quill\" }}\n\
         password = {{ command = [\"true\"] }}\n"
    ));
    home
}

/// Runs a command with a secret in file descriptor 3.
fn with_secret(home: &Home, args: &[&str], secret: &str) -> Ran {
    home.write("secret", secret);
    let output = Command::new("sh")
        .args(["-c", "file=$1; shift; exec \"$@\" 3<\"$file\"", "sh"])
        .arg(home.beside("secret"))
        .arg(CASEMAIL)
        .arg("--home")
        .arg(home.path())
        .args(args)
        .args(["--key-passphrase-fd", "3"])
        .output()
        .unwrap();
    std::fs::remove_file(home.beside("secret")).unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// A private gpg home.
struct Gpg(tempfile::TempDir);

impl Gpg {
    fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("cm-gpg-").tempdir_in("/tmp").unwrap();
        std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        Self(dir)
    }

    fn run(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        use std::io::Write as _;
        let mut child = Command::new("gpg")
            .env("GNUPGHOME", self.0.path())
            .args(["--batch", "--yes", "--pinentry-mode", "loopback", "--trust-model", "always"])
            .args(args)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Makes a key with an encryption subkey.
    fn key(&self, user_id: &str, passphrase: &str) {
        self.run(
            &["--passphrase", passphrase, "--quick-generate-key", user_id, "future-default", "default", "1y"],
            b"",
        );
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").env("GNUPGHOME", self.0.path()).args(["--kill", "all"]).output();
    }
}

/// Every file below a directory.
fn files(dir: &Path, each: &mut dyn FnMut(&Path, &[u8])) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let place = entry.unwrap().path();
        if place.is_dir() {
            files(&place, each);
        } else if let Ok(bytes) = std::fs::read(&place) {
            each(&place, &bytes);
        }
    }
}

fn holds(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

#[test]
fn a_secret_key_from_gpg_lies_readable_nowhere() {
    if !installed("gpg") {
        return;
    }
    let (gpg, home) = (Gpg::new(), home());
    gpg.key("Beatrice Quill <quill@quillpounce.example>", CANARY);
    let exported = gpg.run(&["--passphrase", CANARY, "--export-secret-keys"], b"");
    // Beside the profile: what is searched is the profile alone.
    let file = home.beside("from-gpg");
    std::fs::write(&file, &exported).unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(home.run(&["key", "import", file], b"").code, 77, "nobody to ask");
    let wrong = with_secret(&home, &["key", "import", file], "wrong");
    assert_eq!((wrong.code, wrong.err.contains("does not open")), (77, true), "{wrong:?}");
    assert!(home.json(&["key", "list"])["keys"].as_array().unwrap().is_empty(), "nothing was taken in");
    let taken = with_secret(&home, &["key", "import", file], CANARY);
    assert_eq!(taken.code, 0, "{taken:?}");
    assert!(!taken.out.contains(CANARY) && !taken.err.contains(CANARY));
    // It opens with the profile: no passphrase of its own is asked for.
    let key = &home.json(&["key", "list"])["keys"][0];
    assert_eq!(
        (&key["has_secret"], &key["acceptance"], &key["secret"]),
        (&true.into(), &"own".into(), &"profile".into())
    );

    // The secret scalars themselves, and what they are locked with.
    let cert = CertParser::from_bytes(&exported).unwrap().next().unwrap().unwrap();
    let mut words: Vec<Vec<u8>> = vec![CANARY.as_bytes().to_vec()];
    for key in cert.keys().secret() {
        let open = key.key().clone().decrypt_secret(&Password::from(CANARY)).unwrap();
        let openpgp::packet::key::SecretKeyMaterial::Unencrypted(secret) = open.secret() else { panic!("locked") };
        secret.map(|mpis| match mpis {
            openpgp::crypto::mpi::SecretKeyMaterial::EdDSA { scalar } => words.push(scalar.value().to_vec()),
            openpgp::crypto::mpi::SecretKeyMaterial::ECDH { scalar } => words.push(scalar.value().to_vec()),
            other => panic!("{other:?}"),
        });
        let openpgp::packet::key::SecretKeyMaterial::Encrypted(locked) = key.key().secret() else { panic!("open") };
        words.push(locked.ciphertext().unwrap().to_vec());
    }
    assert_eq!(words.len(), 5);
    let mut searched = 0;
    files(&home.path(), &mut |place, bytes| {
        searched += 1;
        for word in &words {
            assert!(!holds(bytes, word), "{}", place.display());
            let reversed: Vec<u8> = word.iter().rev().copied().collect();
            assert!(!holds(bytes, &reversed), "{}", place.display());
        }
    });
    assert!(searched >= 2);

    // With `--ask-passphrase` the passphrase is not kept: the key does not open by itself.
    let other = self::home();
    let taken = with_secret(&other, &["key", "import", "--ask-passphrase", file], CANARY);
    assert_eq!(taken.code, 0, "{taken:?}");
    let key = &other.json(&["key", "list"])["keys"][0];
    assert_eq!((&key["has_secret"], &key["secret"]), (&false.into(), &"asked".into()));
}

#[test]
fn a_keyring_of_gpg_is_taken_in_whole_and_decided_one_by_one() {
    if !installed("gpg") {
        return;
    }
    let (gpg, home) = (Gpg::new(), home());
    for user_id in ["Rufus Vellum <r.vellum@foxglove.example>", "Perdita Sage <p.sage@crown.example>", "No Address"] {
        gpg.key(user_id, "");
    }
    home.done(&["key", "generate"], b"");
    let armored = gpg.run(&["--armor", "--export"], b"");
    let taken = home.run(&["--json", "key", "import", "-"], &armored);
    let taken: serde_json::Value = serde_json::from_str(&taken.out).unwrap();
    let keys = taken["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| key["acceptance"] == "undecided" && key["decisions"].as_array().unwrap().is_empty()));
    let vellum = keys.iter().find(|key| key["addresses"][0] == "r.vellum@foxglove.example").unwrap();
    let fingerprint = vellum["fingerprint"].as_str().unwrap();
    assert_eq!(vellum["words"].as_array().unwrap().len(), 5);
    assert_eq!(vellum["groups"].as_str().unwrap().len(), 49);

    home.done(&["key", "accept", fingerprint, "--compared", "read over the telephone"], b"");
    home.done(&["key", "undecide", fingerprint, "--because", "the number was wrong"], b"");
    home.done(&["key", "reject", fingerprint, "--because", "not his"], b"");
    let shown = &home.json(&["key", "show", "r.vellum@foxglove.example"])["keys"][0];
    assert_eq!(shown["acceptance"], "rejected");
    let history: Vec<(&str, &str, &str)> = shown["decisions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["acceptance"].as_str().unwrap(), one["by"].as_str().unwrap(), one["how"].as_str().unwrap()))
        .collect();
    let by = "quill@quillpounce.example";
    assert_eq!(
        history,
        [
            ("verified", by, "read over the telephone"),
            ("undecided", by, "the number was wrong"),
            ("rejected", by, "not his")
        ]
    );
    // Taken in again, even with --accept: the rejection stands.
    home.run(&["key", "import", "-", "--accept"], &gpg.run(&["--export"], b""));
    assert_eq!(home.json(&["key", "show", fingerprint])["keys"][0]["acceptance"], "rejected");
    assert_eq!(home.json(&["key", "show", "p.sage@crown.example"])["keys"][0]["acceptance"], "accepted");
    let words = home.done(&["key", "show", fingerprint], b"");
    for part in
        ["rejected on ", "by quill@quillpounce.example: not his", "verified with its owner on", "came from: file"]
    {
        assert!(words.contains(part), "{part}: {words}");
    }
    home.done(&["key", "forget", fingerprint], b"");
    assert_eq!(home.run(&["key", "show", fingerprint], b"").code, 1);
}

#[test]
fn an_own_key_through_its_years_as_gpg_sees_it() {
    if !installed("gpg") {
        return;
    }
    let (gpg, home) = (Gpg::new(), home());
    home.done(&["key", "generate"], b"");
    let first = home.json(&["key", "list"])["keys"][0]["fingerprint"].as_str().unwrap().to_owned();
    gpg.run(&["--import"], home.done(&["key", "export"], b"").as_bytes());
    let seen = |fingerprint: &str| -> String {
        let listed = String::from_utf8(gpg.run(&["--with-colons", "--list-keys", fingerprint], b"")).unwrap();
        listed.lines().find(|line| line.starts_with("pub:")).unwrap().to_owned()
    };
    let expires = |fingerprint: &str| seen(fingerprint).split(':').nth(6).unwrap().parse::<i64>().unwrap();

    let before = expires(&first);
    home.done(&["key", "extend", "--days", "2000"], b"");
    gpg.run(&["--import"], home.done(&["key", "export"], b"").as_bytes());
    assert!(expires(&first) > before + 800 * 86_400);
    assert_eq!(home.run(&["key", "extend", "--days", "9999"], b"").code, 65);

    // The successor: gpg sees the old key's certification.
    home.done(&["key", "rotate"], b"");
    let keys = home.json(&["key", "list"]);
    let keys = keys["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    let second = keys.iter().map(|key| key["fingerprint"].as_str().unwrap()).find(|key| *key != first).unwrap();
    gpg.run(&["--import"], home.done(&["key", "export", second], b"").as_bytes());
    let sigs = String::from_utf8(gpg.run(&["--with-colons", "--check-sigs", second], b"")).unwrap();
    let vouched = sigs.lines().any(|line| line.starts_with("sig:!") && line.contains(&first[24..]));
    assert!(vouched, "{sigs}");

    // The old one revoked: by whoever has it, with its reason.
    home.done(&["key", "revoke", &first, "--reason", "superseded", "--because", "see my new key"], b"");
    gpg.run(&["--import"], home.done(&["key", "export", &first], b"").as_bytes());
    assert!(seen(&first).starts_with("pub:r:"), "{}", seen(&first));
    assert_eq!(home.json(&["key", "show", &first])["keys"][0]["revoked"], true);
}

#[test]
fn a_backup_sheet_brings_the_key_back_here_and_in_gpg() {
    if !installed("gpg") {
        return;
    }
    let (gpg, home, other) = (Gpg::new(), home(), home());
    home.done(&["key", "generate"], b"");
    let fingerprint = home.json(&["key", "list"])["keys"][0]["fingerprint"].as_str().unwrap().to_owned();
    assert_eq!(home.run(&["key", "backup"], b"").code, 77, "nobody to ask for a passphrase");
    assert_ne!(with_secret(&home, &["key", "backup"], "\n").code, 0, "never without a passphrase");
    let sheet = home.beside("sheet.txt");
    let written = with_secret(&home, &["key", "backup", "--to", sheet.to_str().unwrap()], CANARY);
    assert_eq!(written.code, 0, "{written:?}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&sheet).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(&sheet).unwrap();
    assert!(text.is_ascii() && text.lines().all(|line| line.len() <= 120), "for paper");
    assert!(!text.contains(CANARY) && text.contains("casemail key restore FILE"));
    let again = with_secret(&home, &["key", "backup", "--to", sheet.to_str().unwrap()], CANARY);
    assert_eq!(again.code, 73, "nothing is written over");

    let sheet = sheet.to_str().unwrap();
    assert_ne!(with_secret(&other, &["key", "restore", sheet], "wrong").code, 0);
    let restored = with_secret(&other, &["key", "restore", sheet], CANARY);
    assert_eq!(restored.code, 0, "{restored:?}");
    let key = &other.json(&["key", "list"])["keys"][0];
    assert_eq!((key["fingerprint"].as_str().unwrap(), &key["has_secret"]), (fingerprint.as_str(), &true.into()));
    gpg.run(&["--passphrase", CANARY, "--import"], text.as_bytes());
    assert!(String::from_utf8(gpg.run(&["--with-colons", "--list-secret-keys"], b"")).unwrap().contains(&fingerprint));
}
