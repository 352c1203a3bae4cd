//! Keys as a person has them: taken in from gpg, decided about, extended, succeeded, revoked, written down and put back, by the program itself.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use casemail::app::effect::{Effect, Passphrase, Said};
use casemail::config::files;
use casemail::demo::authority::Authority;
use casemail::engine::{Engine, EngineError, Opening};
use casemail::mail::id::OutboxId;
use casemail::net::tls::client_config;
use casemail::net::{Endpoint, Security};
use casemail::pgp::generate::generate;
use casemail::pgp::report::Acceptance;
use casemail::store::profile::Profile;
use casemail::store::state::State;
use casemail::store::vault::Vault;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

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

    /// Of the only key that it has.
    fn fingerprint(&self) -> String {
        let listed = String::from_utf8(self.run(&["--with-colons", "--list-keys"], b"")).unwrap();
        listed.lines().find(|line| line.starts_with("fpr:")).unwrap().split(':').nth(9).unwrap().to_owned()
    }

    /// Gives its secret to a profile, as it exports it.
    fn hand_over(&self, home: &Home, export: &str, more: &[&str]) -> Ran {
        let file = home.beside("from-gpg");
        std::fs::write(&file, self.run(&["--passphrase", CANARY, export], b"")).unwrap();
        let taken = with_secret(home, &[&["key", "import"], more, &[file.to_str().unwrap()]].concat(), CANARY);
        assert_eq!(taken.code, 0, "{taken:?}");
        taken
    }
}

/// A message to our key, in a file beside the profile.
fn sealed_beside(gpg: &Gpg, home: &Home) -> PathBuf {
    let file = home.beside("sealed.eml");
    std::fs::write(&file, sealed(gpg, "quill@quillpounce.example", "the heron stands")).unwrap();
    file
}

/// Whether a profile opens it.
fn reads(home: &Home, sealed: &Path) -> bool {
    home.json(&["message", "show", sealed.to_str().unwrap()])["openpgp"]["decrypted"] == true
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").env("GNUPGHOME", self.0.path()).args(["--kill", "all"]).output();
    }
}

/// Every file below a directory.
fn files_below(dir: &Path, each: &mut dyn FnMut(&Path, &[u8])) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let place = entry.unwrap().path();
        if place.is_dir() {
            files_below(&place, each);
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
    files_below(&home.path(), &mut |place, bytes| {
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
    years(None);
}

#[test]
fn an_own_ed25519_key_of_gpg_through_its_years() {
    years(Some("future-default"));
}

#[test]
fn an_own_rsa_key_of_gpg_through_its_years() {
    years(Some("rsa2048"));
}

/// Made here, or brought from gpg with a passphrase of its own.
fn years(brought: Option<&str>) {
    if !installed("gpg") {
        return;
    }
    let (gpg, home) = (Gpg::new(), home());
    match brought {
        None => drop(home.done(&["key", "generate"], b"")),
        Some(algorithm) => {
            let user_id = "Beatrice Quill <quill@quillpounce.example>";
            gpg.run(&["--passphrase", CANARY, "--quick-generate-key", user_id, algorithm, "default", "1y"], b"");
            if algorithm != "future-default" {
                gpg.run(&["--passphrase", CANARY, "--quick-add-key", &gpg.fingerprint(), algorithm, "encr", "1y"], b"");
            }
            gpg.hand_over(&home, "--export-secret-keys", &[]);
        }
    }
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
    // What is written to it after the first end is read, by its subkey that was extended with it.
    let sealed = sealed_beside(&gpg, &home);
    assert!(reads(&home, &sealed));
    // Its sheet brings it back elsewhere, under the passphrase of the sheet and no other.
    let other = self::home();
    let sheet = home.beside("sheet.txt");
    let written = with_secret(&home, &["key", "backup", "--to", sheet.to_str().unwrap()], "sheet");
    assert_eq!(written.code, 0, "{written:?}");
    let restored = with_secret(&other, &["key", "restore", sheet.to_str().unwrap()], "sheet");
    assert_eq!(restored.code, 0, "{restored:?}");
    assert!(reads(&other, &sealed));

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

/// The profile of a home, open in this process.
fn open(home: &Home, more: &str) -> Engine {
    let text = std::fs::read_to_string(home.roots().config_file()).unwrap();
    home.configure(&format!("{more}\n{text}"));
    let (config, _) = files::load(&home.roots().config, None).unwrap();
    let profile = Profile::open(home.roots()).unwrap();
    let vault =
        Vault::open(&home.roots().vault_file(), std::fs::read_to_string(home.beside("passphrase")).unwrap().as_bytes());
    Engine::open(Opening::new(profile, config, Some(vault.unwrap()))).unwrap()
}

/// A message encrypted by gpg to a key, in RFC 3156's frame.
fn sealed(gpg: &Gpg, to: &str, word: &str) -> Vec<u8> {
    let body = format!("Content-Type: text/plain; charset=utf-8\r\n\r\n{word}\r\n");
    let armored = gpg.run(&["--armor", "--encrypt", "--recipient", to], body.as_bytes());
    format!(
        "From: a@b.example\r\nTo: {to}\r\nSubject: ...\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=\"b\"\r\n\r\n\
         --b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\n{}\r\n--b--\r\n",
        String::from_utf8_lossy(&armored)
    )
    .into_bytes()
}

/// Waits for the profile to be open again.
fn unlock(engine: &Engine, home: &Home) {
    let passphrase = std::fs::read_to_string(home.beside("passphrase")).unwrap();
    engine.submit(Effect::Unlock(Passphrase(passphrase)));
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while engine.keys().infos().is_err() {
        assert!(std::time::Instant::now() < until, "it does not open");
        std::thread::yield_now();
    }
}

#[test]
fn a_lock_takes_the_keys_along_and_a_passphrase_of_its_own_is_asked_for_again() {
    if !installed("gpg") {
        return;
    }
    let (gpg, home) = (Gpg::new(), home());
    gpg.key("Beatrice Quill <quill@quillpounce.example>", CANARY);
    let exported = gpg.run(&["--passphrase", CANARY, "--export-secret-keys"], b"");
    let mail = sealed(&gpg, "quill@quillpounce.example", "the heron stands");
    let engine = open(&home, "");
    let reads = |engine: &Engine| engine.document_of(&mail).map(|document| document.openpgp.decrypted);
    let taken = engine.keys().import(&exported, Some(CANARY), Acceptance::Undecided, "file", true).unwrap();
    let fingerprint = taken[0].info.fingerprint.clone();
    assert!(reads(&engine).unwrap(), "it was just typed");
    engine.submit(Effect::Lock);
    assert!(matches!(reads(&engine), Err(EngineError::Locked)), "locked: nothing is deciphered");
    unlock(&engine, &home);
    assert!(!reads(&engine).unwrap(), "the profile is open, the key is not");
    assert!(engine.keys().unlock(&fingerprint, "wrong", false).is_err());
    assert!(!reads(&engine).unwrap());
    assert!(engine.keys().unlock(&fingerprint, CANARY, false).unwrap().has_secret);
    assert!(reads(&engine).unwrap());
    // Where the passphrase is kept with it, the profile's alone opens both.
    engine.keys().import(&exported, Some(CANARY), Acceptance::Undecided, "file", false).unwrap();
    engine.submit(Effect::Lock);
    unlock(&engine, &home);
    assert!(reads(&engine).unwrap());
}

#[test]
fn gpg_agent_signs_and_opens_and_keeps_its_secret() {
    if !installed("gpg") {
        return;
    }
    for algorithm in ["future-default", "rsa2048"] {
        check_agent(algorithm);
    }
}

fn check_agent(algorithm: &str) {
    let (gpg, home) = (Gpg::new(), home());
    let user_id = "Beatrice Quill <quill@quillpounce.example>";
    let usage = if algorithm == "future-default" { "default" } else { "sign" };
    gpg.run(&["--passphrase", CANARY, "--quick-generate-key", user_id, algorithm, usage, "1y"], b"");
    if usage == "sign" {
        gpg.run(&["--passphrase", CANARY, "--quick-add-key", &gpg.fingerprint(), algorithm, "encrypt", "1y"], b"");
    }
    let mail = sealed(&gpg, "quill@quillpounce.example", "the heron stands");
    let engine = open(&home, "");
    let taken = engine.keys().import(&gpg.run(&["--export"], b""), None, Acceptance::Undecided, "file", false).unwrap();
    let fingerprint = taken[0].info.fingerprint.clone();
    let told = Command::new("gpgconf").env("GNUPGHOME", gpg.0.path()).args(["--list-dirs", "agent-socket"]).output();
    let socket = PathBuf::from(String::from_utf8(told.unwrap().stdout).unwrap().trim_end());
    assert!(engine.keys().use_agent(Some(Path::new("/nowhere/S.gpg-agent")), None).is_err());
    let own = engine.keys().use_agent(Some(&socket), Some(&fingerprint)).unwrap();
    assert_eq!((own[0].info.acceptance, own[0].info.has_secret), (Acceptance::Own, true));
    assert!(engine.keys().extend(&fingerprint, 30).is_err(), "gpg changes what gpg keeps");

    // The agent forgets what it was told: nothing is opened without the passphrase, and the refusal says what to do.
    let forget = || {
        let done =
            Command::new("gpg-connect-agent").env("GNUPGHOME", gpg.0.path()).args(["reloadagent", "/bye"]).output();
        assert!(done.unwrap().status.success());
    };
    forget();
    let reads = || engine.document_of(&mail).unwrap().openpgp.decrypted;
    assert!(!reads());
    let draft = b"To: quill@quillpounce.example\r\nSubject: to myself\r\n\r\nThe otter.\r\n";
    let report = engine.send_raw(draft, None, Said::Nothing, true).unwrap();
    assert!(report.findings.iter().any(|finding| finding.because.contains("unlock it")), "{:?}", report.findings);
    assert!(engine.keys().unlock(&fingerprint, "wrong", false).is_err());
    engine.keys().unlock(&fingerprint, CANARY, false).unwrap();
    forget();
    assert!(reads(), "{algorithm}");
    forget();
    let report = engine.send_raw(draft, None, Said::Nothing, true).unwrap();
    assert!(!report.refused, "{:?}", report.findings);
    let document = engine.document_of(&mail).unwrap();
    assert!(document.text.contains("the heron stands"));
    engine.submit(Effect::Lock);
    unlock(&engine, &home);
    forget();
    assert!(!reads(), "a lock forgets the passphrase of the agent's key too");
    drop(engine);
    files_below(&home.path(), &mut |place, bytes| assert!(!holds(bytes, CANARY.as_bytes()), "{}", place.display()));
}

/// A web server that has one answer, and what it was asked.
async fn web_server(answer: Vec<u8>) -> (Authority, u16, Arc<Mutex<Vec<String>>>) {
    let authority = Authority::new("casemail tests").unwrap();
    let config = authority.server_config().unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(tcp).await else { continue };
            let mut request = vec![0; 4_096];
            let read = stream.read(&mut request).await.unwrap_or(0);
            let line = String::from_utf8_lossy(&request[..read]).lines().next().unwrap_or_default().to_owned();
            heard.lock().unwrap().push(line);
            let _ = stream.write_all(&answer).await;
            let _ = stream.shutdown().await;
        }
    });
    (authority, port, asked)
}

#[test]
fn a_key_is_looked_up_where_it_is_allowed_and_only_over_verified_tls() {
    let now = jiff::Timestamp::now();
    let key = generate("Rufus Vellum", "r.vellum@foxglove.example", now).unwrap();
    let other = generate("Perdita Sage", "p.sage@crown.example", now).unwrap();
    let with =
        |key: &[u8]| [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", key.len()).as_bytes(), key].concat();
    let cut = {
        let whole = with(&key.cert);
        whole[..whole.len() - 9].to_vec()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let path = "GET /.well-known/openpgpkey/foxglove.example/hu/";
    for (answer, trusted, expected) in [
        (with(&key.cert), true, Ok(1)),
        (with(&[key.cert.clone(), other.cert.clone()].concat()), true, Ok(1)),
        (with(&other.cert), true, Err("none that carries R.Vellum@foxglove.example")),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(), true, Err("has no key")),
        (b"HTTP/1.1 301 Moved\r\nLocation: https://elsewhere.example/\r\n\r\n".to_vec(), true, Err("(301)")),
        (cut, true, Err("cut")),
        (b"HTTP/1.1 200 OK\r\n\r\nno length".to_vec(), true, Err("does not say how long")),
        (with(&key.cert), false, Err("issued by nobody this machine trusts")),
    ] {
        let home = home();
        let engine = open(&home, "key_lookup = true");
        let (authority, port, asked) = runtime.block_on(web_server(answer));
        home.write("ca.pem", &authority.ca_pem);
        let ca_file = home.beside("ca.pem");
        let config = client_config(trusted.then_some(ca_file.as_path()));
        let config = match (config, trusted) {
            (Ok(config), _) => config,
            // A machine without any authority trusts nobody: the same answer.
            (Err(_), false) => continue,
            (Err(error), true) => panic!("{error}"),
        };
        let server = |_: &str| Endpoint { host: "localhost".into(), port, security: Security::Tls };
        match (engine.keys().look_up_by("R.Vellum@foxglove.example", &config, &server), expected) {
            (Ok((host, taken)), Ok(count)) => {
                assert_eq!((host.as_str(), taken.len()), ("openpgpkey.foxglove.example", count));
                assert_eq!(taken[0].info.acceptance, Acceptance::Undecided);
                assert_eq!(taken[0].info.fingerprint, key.info.fingerprint);
                assert!(engine.keys().list().unwrap()[0].source.contains("looked up at openpgpkey.foxglove.example"));
            }
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{part}: {error}");
                assert!(engine.keys().infos().unwrap().is_empty());
            }
            (got, expected) => panic!("{expected:?}: {got:?}"),
        }
        let asked = asked.lock().unwrap().clone();
        assert!(
            asked.len() <= 1 && asked.iter().all(|line| line.starts_with(path)),
            "one host, one question: {asked:?}"
        );
        assert_eq!(asked.len(), usize::from(trusted), "nothing is asked of a server that is not verified");
    }
    // Off unless somebody wrote that it may be done.
    let home = home();
    let ran = home.run(&["key", "lookup", "r.vellum@foxglove.example"], b"");
    assert_eq!((ran.code, ran.err.contains("key_lookup = true")), (1, true), "{ran:?}");
}

/// The life of a key with its own passphrase on screen: what was typed is in no file, no argument, no environment of the process.
#[test]
fn a_passphrase_typed_on_screen_is_seen_nowhere() {
    if !installed("gpg") {
        return;
    }
    let (gpg, home) = (Gpg::new(), home());
    gpg.key("Beatrice Quill <quill@quillpounce.example>", CANARY);
    let file = home.beside("from-gpg");
    std::fs::write(&file, gpg.run(&["--passphrase", CANARY, "--export-secret-keys"], b"")).unwrap();
    let Some(screen) = home.screen((100, 30)) else { return };
    screen.wait_for("Cases");
    screen.send_keys(&["g", "k"]);
    screen.wait_for("There is no key yet");
    screen.send_keys(&["i"]);
    screen.wait_for("Take in the keys of file");
    screen.type_text(file.to_str().unwrap());
    screen.send_keys(&["Enter"]);
    screen.wait_for("Passphrase of the key");
    screen.type_text(CANARY);
    let typed = screen.wait_for("typed, not shown");
    assert!(!typed.contains(CANARY), "{typed}");
    screen.send_keys(&["Enter"]);
    let shown = screen.wait_for("Beatrice Quill");
    assert!(shown.contains("your own"), "{shown}");
    let pid = screen.pid();
    for name in ["cmdline", "environ"] {
        let bytes = std::fs::read(format!("/proc/{pid}/{name}")).unwrap();
        assert!(!holds(&bytes, CANARY.as_bytes()), "{name}");
    }
    files_below(&home.path(), &mut |place, bytes| assert!(!holds(bytes, CANARY.as_bytes()), "{}", place.display()));
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);
}

/// A key with a passphrase of its own is opened in the running program by a second process; kept with the profile, it is asked for no more.
#[test]
fn a_second_process_opens_a_key_of_the_running_one() {
    if !installed("gpg") {
        return;
    }
    let (gpg, home) = (Gpg::new(), home());
    gpg.key("Beatrice Quill <quill@quillpounce.example>", CANARY);
    gpg.hand_over(&home, "--export-secret-keys", &["--ask-passphrase"]);
    let sealed = sealed_beside(&gpg, &home);
    let reads = || reads(&home, &sealed);
    assert!(!reads(), "nobody typed it");
    // Alone, it would be open for the length of the command.
    let alone = with_secret(&home, &["key", "unlock"], CANARY);
    assert_eq!((alone.code, alone.err.contains("--keep")), (77, true), "{alone:?}");

    let Some(screen) = home.screen((100, 30)) else { return };
    screen.wait_for("Cases");
    assert!(!reads());
    let wrong = with_secret(&home, &["key", "unlock"], "wrong");
    assert_eq!((wrong.code, wrong.err.contains("does not open")), (77, true), "{wrong:?}");
    assert!(!reads());
    let opened = with_secret(&home, &["key", "unlock"], CANARY);
    assert_eq!((opened.code, opened.err.contains("until the profile is locked")), (0, true), "{opened:?}");
    assert!(reads(), "open in the running program");
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);
    assert!(!reads(), "it left with the program");

    let kept = with_secret(&home, &["key", "unlock", "--keep"], CANARY);
    assert_eq!((kept.code, kept.err.contains("opens with the profile")), (0, true), "{kept:?}");
    assert!(reads(), "one passphrase opens both");
    files_below(&home.path(), &mut |place, bytes| assert!(!holds(bytes, CANARY.as_bytes()), "{}", place.display()));
}

/// On the screen, too, a passphrase that is asked for each time can be kept: from then on one opens the profile and the key.
#[test]
fn a_passphrase_is_kept_by_a_press_of_a_key() {
    if !installed("gpg") {
        return;
    }
    let (gpg, home) = (Gpg::new(), home());
    gpg.key("Beatrice Quill <quill@quillpounce.example>", CANARY);
    gpg.hand_over(&home, "--export-secret-keys", &["--ask-passphrase"]);
    let sealed = sealed_beside(&gpg, &home);
    let reads = || reads(&home, &sealed);
    let Some(screen) = home.screen((100, 30)) else { return };
    screen.wait_for("Cases");
    assert!(!reads());
    screen.send_keys(&["g", "k"]);
    screen.wait_for("opens with its own passphrase");
    for (typed, answer) in [("wrong", "does not open"), (CANARY, "opens with the profile from now on")] {
        screen.send_keys(&["O"]);
        screen.wait_for("to be kept with the profile");
        screen.type_text(typed);
        screen.wait_for("typed, not shown");
        screen.send_keys(&["Enter"]);
        screen.wait_for(answer);
        assert_eq!(reads(), typed == CANARY);
    }
    screen.wait_for("kept here, opens with the profile");
    screen.send_keys(&["C-q"]);
    assert_eq!(screen.wait_for_end(), 0);
    assert!(reads(), "one passphrase opens both");
    files_below(&home.path(), &mut |place, bytes| assert!(!holds(bytes, CANARY.as_bytes()), "{}", place.display()));
}

/// Of a key whose primary part is kept elsewhere, the subkeys read and sign; what only the primary key can do is refused in words.
#[test]
fn subkeys_of_gpg_without_their_primary_key_are_of_use() {
    if !installed("gpg") {
        return;
    }
    let (gpg, home) = (Gpg::new(), home());
    gpg.key("Beatrice Quill <quill@quillpounce.example>", CANARY);
    let fingerprint = gpg.fingerprint();
    gpg.run(&["--passphrase", CANARY, "--quick-add-key", &fingerprint, "ed25519", "sign", "1y"], b"");
    gpg.hand_over(&home, "--export-secret-subkeys", &[]);
    let sealed = sealed_beside(&gpg, &home);
    assert!(reads(&home, &sealed));
    let draft = b"From: quill@quillpounce.example\r\nTo: r.vellum@foxglove.example\r\nX-Casemail-Protection: sign\r\nSubject: x\r\n\r\nx\r\n";
    // It waits for its server, signed by the subkey.
    assert_eq!(home.run(&["send", "-"], draft).code, 75);
    let vault =
        Vault::open(&home.roots().vault_file(), std::fs::read_to_string(home.beside("passphrase")).unwrap().as_bytes());
    let state = State::open(&home.roots().state_file(), &vault.unwrap()).unwrap();
    let queued = home.beside("queued.eml");
    std::fs::write(&queued, &*state.outbox_raw(OutboxId(1)).unwrap()).unwrap();
    drop(state);
    let signature = home.json(&["message", "show", queued.to_str().unwrap()])["openpgp"]["signature"].clone();
    assert_eq!(
        (signature["state"].as_str(), signature["covers"].as_str()),
        (Some("good"), Some("whole")),
        "{signature}"
    );
    for deed in
        [&["key", "extend"] as &[&str], &["key", "rotate"], &["key", "revoke", &fingerprint, "--reason", "retired"]]
    {
        let refused = home.run(deed, b"");
        assert!(refused.code != 0 && refused.err.contains("primary key is not here"), "{deed:?}: {refused:?}");
    }
    // The whole takes its place; the part does not take the place of the whole.
    gpg.hand_over(&home, "--export-secret-keys", &[]);
    home.done(&["key", "extend"], b"");
    let again = gpg.hand_over(&home, "--export-secret-subkeys", &[]);
    assert!(again.err.contains("is kept") || again.out.contains("is kept"), "{again:?}");
    home.done(&["key", "extend", "--days", "1500"], b"");
    // Nor does one that holds as many: one subkey more in the place of the primary key.
    gpg.run(&["--passphrase", CANARY, "--quick-add-key", &fingerprint, "cv25519", "encr", "1y"], b"");
    gpg.hand_over(&home, "--export-secret-subkeys", &[]);
    home.done(&["key", "extend", "--days", "1600"], b"");
}
