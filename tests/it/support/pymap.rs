//! A private pymap (PyPI), an IMAP server in Python: no CONDSTORE, no SPECIAL-USE, flags of its own choice; STARTTLS only.

use std::process::Command;

use casemail::net::Security;

use super::dovecot::PASSWORD;
use super::host::{Host, directory, free_port, local, unpacked};

const RUN: &str = "import sys; from pymap.main import main; sys.argv[0] = 'pymap'; sys.exit(main())";
const HASH: &str = "import sys; from pysasl.hashing import BuiltinHash; print(BuiltinHash(rounds=1).hash(sys.argv[1]))";

/// Starts one, or says that the test is left out.
pub(crate) fn start() -> Option<Host> {
    let python = unpacked("pymap")?.join("bin/python");
    let dir = directory("pymap");
    let file = |name: &str| dir.path().join(name);
    let output = Command::new(&python).args(["-c", HASH, PASSWORD]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let hash = String::from_utf8(output.stdout).unwrap();
    std::fs::create_dir(file("mail")).unwrap();
    std::fs::write(file("mail/pymap-etc-passwd"), "quill:x::::quill:\n").unwrap();
    std::fs::write(file("mail/pymap-etc-shadow"), format!("quill:{}:::::::\n", hash.trim())).unwrap();
    let port = free_port();
    let mut serve = Command::new(python);
    serve.args(["-c", RUN, "--host", "127.0.0.1", "--port", &port.to_string()]);
    serve.arg("--cert").arg(file("server.pem")).arg("--key").arg(file("server.key"));
    serve.arg("maildir").arg(file("mail"));
    let mut host = Host::start("pymap", dir, vec![local(port, Security::StartTls)], ("", '/'), serve);
    // Python's mailbox module writes a maildir so.
    host.bare_newlines = true;
    Some(host)
}
