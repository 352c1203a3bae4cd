//! Implementations that share no code with ours as the other end of OpenPGP, both ways: RNP (Botan) and OpenPGP.js. The table of what is tried
//! is in `docs/openpgp.md`.

use std::path::{Path, PathBuf};
use std::process::Command;

use casemail::mail::message::Message;
use casemail::pgp::generate::{Generated, generate};
use casemail::pgp::open::{Decrypt, open};
use casemail::pgp::report::{HeaderProtection, Integrity};
use casemail::pgp::seal::{encrypt, seal, sign};

use super::pgp_interop::{
    OURS, THEIRS, assert_good, ciphertext, entity, fields, frame_encrypted, frame_signed, installed, now, our_keyring,
    run, signed_parts,
};
use super::support::host::unpacked;

/// The other end.
trait Peer {
    /// Its certificate.
    fn cert(&self) -> Vec<u8>;
    /// Encrypts to us, and signs where wanted; armored.
    fn encrypt(&self, plain: &[u8], signed: bool) -> Vec<u8>;
    /// A detached signature, armored.
    fn sign(&self, data: &[u8]) -> Vec<u8>;
    /// Opens what we encrypted; where it is signed, our signature must be good.
    fn decrypt(&self, armored: &[u8], signed: bool) -> Vec<u8>;
    /// Our detached signature must be good.
    fn verify(&self, data: &[u8], signature: &[u8]);
}

/// Everything, both ways.
fn check(ours: &Generated, peer: &dyn Peer) {
    let (keyring, theirs) = our_keyring(ours, &peer.cert());
    let (to, us) = (std::slice::from_ref(&theirs), ours.info.fingerprint.as_str());
    let fields = || fields(OURS, THEIRS, now());

    // Out: with an attachment and a subject that is not ASCII.
    let sealed = seal(&entity(), &fields(), to, &keyring, us, now()).expect("sealed");
    let plain = String::from_utf8(peer.decrypt(&ciphertext(&sealed), true)).expect("7-bit");
    assert!(
        plain.contains("Subject: =?utf-8?q?R_v_F=C3=A9rret_99ZX0012326?=") && plain.contains("JVBERi0xLjQgb2ZmZXI=")
    );
    let only = encrypt(&entity(), &fields(), to, &keyring, us, now()).expect("encrypted");
    assert!(String::from_utf8_lossy(&peer.decrypt(&ciphertext(&only), false)).contains("JVBERi0xLjQgb2ZmZXI="));
    let signed = sign(&entity(), &fields(), &keyring, us, now()).expect("signed");
    let (content, signature, _) = signed_parts(&signed);
    peer.verify(&content, &signature);

    // In.
    let body = String::from_utf8(entity()).expect("7-bit");
    let opened =
        |armored: &[u8]| open(&Message::parse(frame_encrypted(armored, THEIRS)), &keyring, now(), Decrypt::Any);
    let both = opened(&peer.encrypt(body.as_bytes(), true));
    assert_good(&both, true);
    assert_eq!(both.report.integrity, Integrity::Ok);
    assert!(both.shown.parts().iter().any(|part| part.name.as_deref() == Some("offer.pdf")), "{:?}", both.shown);
    let only = opened(&peer.encrypt(body.as_bytes(), false));
    assert_eq!((only.report.decrypted, only.report.integrity), (true, Integrity::Ok), "{:?}", only.warnings);
    // A mailed part has no trailing line break of its own: the one before the delimiter belongs to the delimiter.
    let content = body.trim_end();
    let raw = frame_signed(content, &peer.sign(content.as_bytes()), THEIRS);
    assert_good(&open(&Message::parse(raw), &keyring, now(), Decrypt::Any), false);

    // Header fields that it protects as we do, it protects for us too.
    let protected = format!(
        "Content-Type: text/plain; charset=utf-8; hp=\"cipher\"\r\nSubject: =?utf-8?q?R_v_F=C3=A9rret?=\r\nFrom: {THEIRS}\r\nTo: {OURS}\r\n\
         Date: {}\r\nHP-Outer: Subject: ...\r\n\r\nx\r\n",
        now().strftime("%a, %d %b %Y %H:%M:%S +0000")
    );
    let opened = opened(&peer.encrypt(protected.as_bytes(), true));
    assert_good(&opened, true);
    assert_eq!(opened.report.header_protection, HeaderProtection::Encrypted);
    assert_eq!(opened.shown.headers().subject(), "R v Férret");
}

/// A directory of a peer.
fn directory() -> tempfile::TempDir {
    let dir = tempfile::Builder::new().prefix("cm-peer-").tempdir_in("/tmp").expect("a directory");
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("0700");
    dir
}

/// RNP.
struct Rnp(tempfile::TempDir);

impl Rnp {
    /// With a key of its own; `curve`: Ed25519, else RSA.
    fn new(ours: &Generated, curve: bool) -> Self {
        let rnp = Self(directory());
        let user_id = format!("Hämish Lintwhite <{THEIRS}>");
        let mut make = rnp.command("rnpkeys", &["--userid", &user_id, "--generate-key"]);
        // The question for the algorithm: 22 is EdDSA.
        run(if curve { make.arg("--expert") } else { &mut make }, b"22\n");
        let cert = rnp.file("ours", &ours.cert);
        run(rnp.command("rnpkeys", &["--import-keys"]).arg(cert), b"");
        rnp
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.arg("--homedir").arg(self.0.path()).args(["--password", ""]).args(arguments);
        command
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).expect("written");
        path
    }
}

impl Peer for Rnp {
    fn cert(&self) -> Vec<u8> {
        run(&mut self.command("rnpkeys", &["--export-key", THEIRS]), b"").0
    }

    fn encrypt(&self, plain: &[u8], signed: bool) -> Vec<u8> {
        let mut command = self.command("rnp", &["--encrypt", "--armor", "--output", "-", "-r", OURS]);
        run(
            if signed { command.args(["--sign", "-u", THEIRS]) } else { &mut command }.arg(self.file("plain", plain)),
            b"",
        )
        .0
    }

    fn sign(&self, data: &[u8]) -> Vec<u8> {
        let sign = ["--sign", "--detach", "--armor", "--output", "-", "-u", THEIRS];
        run(self.command("rnp", &sign).arg(self.file("data", data)), b"").0
    }

    fn decrypt(&self, armored: &[u8], signed: bool) -> Vec<u8> {
        let (plain, words) =
            run(self.command("rnp", &["--decrypt", "--output", "-"]).arg(self.file("sealed", armored)), b"");
        assert_eq!(words.contains("Good signature made"), signed, "{words}");
        plain
    }

    fn verify(&self, data: &[u8], signature: &[u8]) {
        self.file("signed", data);
        let (out, words) = run(self.command("rnp", &["--verify"]).arg(self.file("signed.asc", signature)), b"");
        let words = words + &String::from_utf8_lossy(&out);
        assert!(words.contains("Good signature made"), "{words}");
    }
}

/// OpenPGP.js, one process for each act.
struct OpenPgpJs {
    dir: tempfile::TempDir,
    node: PathBuf,
    library: PathBuf,
    cert: Vec<u8>,
}

impl OpenPgpJs {
    /// Where `tests/servers` put it; `None` with a word where it is not there.
    fn new(ours: &Generated, kind: &str) -> Option<Self> {
        let place = unpacked("openpgpjs")?;
        let (node, library) = (place.join("node"), place.join("node_modules/openpgp/dist/node/openpgp.mjs"));
        let mut js = Self { dir: directory(), node, library, cert: Vec::new() };
        let user_id = format!("Hämish Lintwhite <{THEIRS}>");
        js.cert = js.run(&["generate", kind, &user_id], b"");
        js.run(&["know"], &ours.cert);
        Some(js)
    }

    fn run(&self, what: &[&str], input: &[u8]) -> Vec<u8> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/openpgpjs.mjs");
        let mut command = Command::new(&self.node);
        command.arg(script).arg(&self.library).arg(self.dir.path()).args(what);
        run(&mut command, input).0
    }
}

impl Peer for OpenPgpJs {
    fn cert(&self) -> Vec<u8> {
        self.cert.clone()
    }

    fn encrypt(&self, plain: &[u8], signed: bool) -> Vec<u8> {
        self.run(&[if signed { "seal" } else { "encrypt" }], plain)
    }

    fn sign(&self, data: &[u8]) -> Vec<u8> {
        self.run(&["sign"], data)
    }

    fn decrypt(&self, armored: &[u8], signed: bool) -> Vec<u8> {
        self.run(&[if signed { "open" } else { "decrypt" }], armored)
    }

    fn verify(&self, data: &[u8], signature: &[u8]) {
        let file = self.dir.path().join("signature");
        std::fs::write(&file, signature).expect("written");
        self.run(&["verify", file.to_str().expect("UTF-8")], data);
    }
}

fn ours() -> Generated {
    generate("Isla Thistledown", OURS, now()).expect("a key")
}

#[test]
fn rnp_rsa_both_ways() {
    if installed("rnp") {
        let ours = ours();
        check(&ours, &Rnp::new(&ours, false));
    }
}

#[test]
fn rnp_ed25519_both_ways() {
    if installed("rnp") {
        let ours = ours();
        check(&ours, &Rnp::new(&ours, true));
    }
}

#[test]
fn openpgpjs_both_ways() {
    for kind in ["curve25519", "rsa2048", "curve25519-v6"] {
        let ours = ours();
        let Some(js) = OpenPgpJs::new(&ours, kind) else { return };
        eprintln!("{kind}");
        check(&ours, &js);
    }
}
