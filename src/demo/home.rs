//! The throw-away home: a profile like any other, that unlocks by a command of its own.
//!
//! Everything in it is made for this one run, readable to its owner only, and removed with it.

use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::cast::Key;
use super::story::matters;
use super::{Ports, Resident};
use crate::config;
use crate::engine::{Engine, Opening};
use crate::pgp::report::Acceptance;
use crate::register::Event;
use crate::settings::Finding;
use crate::store::cert::{CertRecord, KeyDecision, SecretHome, SecretRecord};
use crate::store::profile::{Profile, Roots};
use crate::store::state::State;
use crate::store::vault::{Cost, Vault};

/// The passphrase of the demo: told on its locked screen, for all that it guards is invented.
pub const PASSPHRASE: &str = "garden gnome";

/// A directory that is removed when dropped.
#[derive(Debug)]
pub(super) struct Home {
    path: PathBuf,
}

impl Drop for Home {
    fn drop(&mut self) {
        // Nothing can be done about a failure, and nothing in it opens without what was in memory.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

impl Home {
    /// Makes an empty one, mode 0700, under a name that cannot be guessed.
    pub(super) fn new(parent: &Path) -> io::Result<Self> {
        let name: [u8; 8] = random()?;
        let path = parent.join(format!("casemail-demo-{}", hex::encode(name)));
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn ca_file(&self) -> PathBuf {
        self.path.join("config").join("demo-ca.pem")
    }

    pub(super) fn password_file(&self, resident: &Resident) -> PathBuf {
        self.path.join("config").join(format!("{}.password", resident.name))
    }

    /// Fills it: configuration, passwords, certificates, keys.
    pub(super) fn fill(
        &self,
        ca_pem: &str,
        ports: Ports,
        residents: &[Resident],
        keys: &[Key],
        events: Vec<Event>,
    ) -> Result<(), String> {
        let words = |error: io::Error| error.to_string();
        let roots = Roots::below(&self.path);
        let config_file = roots.config_file();
        let profile = Profile::open(roots).map_err(|error| error.to_string())?;
        let passphrase = PASSPHRASE;
        let passphrase_file = self.path.join("config").join("demo.passphrase");
        write(&passphrase_file, passphrase.as_bytes()).map_err(words)?;
        write(&self.ca_file(), ca_pem.as_bytes()).map_err(words)?;
        for resident in residents {
            write(&self.password_file(resident), resident.password.as_bytes()).map_err(words)?;
        }
        write(&config_file, self.config(&passphrase_file, ports, residents).as_bytes()).map_err(words)?;
        // The least that is allowed: this profile guards nothing, and a demo should start at once.
        let vault = Vault::create_with(&profile.roots().vault_file(), passphrase.as_bytes(), Cost::FLOOR)
            .map_err(|error| error.to_string())?;
        let state = State::open(&profile.roots().state_file(), &vault).map_err(|error| error.to_string())?;
        for key in keys {
            keep(&state, key)?;
        }
        drop(state);
        open_cases(profile, vault, events)
    }

    fn config(&self, passphrase_file: &Path, ports: Ports, residents: &[Resident]) -> String {
        let cat = |file: &Path| format!("[\"cat\", {}]", quoted(&file.display().to_string()));
        let mut text = format!(
            "# The demo's configuration: fictional people, servers on this machine only, gone when the demo ends.\n\
             undo_send_seconds = 3\nidle_lock_minutes = 0\nunlock_command = {}\n\n\
             [classes]\ngov = [\"gov.example\", \"police.example\", \"gov.uk\", \"gov.scot\", \"gov.wales\", \"llyw.cymru\", \
             \"police.uk\", \"nhs.net\", \"mod.uk\", \"parliament.uk\", \"hmcts.net\", \"judiciary.uk\"]\n\
             firm = [\"quillpounce.example\", \"tg-law.example\"]\n",
            cat(passphrase_file)
        );
        for resident in residents {
            let also: Vec<String> = resident.also.iter().map(|address| quoted(address)).collect();
            text.push_str(&format!(
                "\n[[account]]\nname = {name}\nfull_name = {full}\naddress = {address}\nalso = [{also}]\n\
                 imap = {{ host = \"localhost\", port = {imap}, security = \"tls\", user = {name} }}\n\
                 smtp = {{ host = \"localhost\", port = {smtp}, security = \"tls\", user = {name} }}\n\
                 ca_file = {ca}\npassword = {{ command = {password} }}\n",
                name = quoted(resident.name),
                full = quoted(resident.person.name),
                address = quoted(resident.person.addr),
                also = also.join(", "),
                imap = ports.imap,
                smtp = ports.smtp,
                ca = quoted(&self.ca_file().display().to_string()),
                password = cat(&self.password_file(resident)),
            ));
        }
        let cases = [
            (matters::ferret(), vec!["26/99ZX/01/48151N", "MAAT 9000001", "250226/001"]),
            (matters::otterbourne(), vec!["T20269001"]),
            (matters::puddock(), vec![]),
            (matters::gannet(), vec![]),
            (matters::weasel(), vec![]),
        ];
        for (matter, more) in cases {
            let numbers: Vec<String> = [matter.number.as_str()].into_iter().chain(more).map(quoted).collect();
            text.push_str(&format!(
                "\n[[case]]\nid = {}\ntitle = {}\nidentifiers = [{}]\n",
                quoted(&matter.surname),
                quoted(&matter.title),
                numbers.join(", ")
            ));
        }
        text
    }
}

/// Writes the cases and what was negotiated in them into the register of the new profile.
fn open_cases(profile: Profile, vault: Vault, events: Vec<Event>) -> Result<(), String> {
    let told = |findings: Vec<Finding>| findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let (config, _) = config::files::load(&profile.roots().config, None).map_err(told)?;
    let cache = profile.roots().cache.clone();
    let engine = Engine::open(Opening::new(profile, config, Some(vault))).map_err(|error| error.to_string())?;
    engine.record(events).map_err(|error| error.to_string())?;
    drop(engine);
    // Whoever opens the home makes the cache, with the modes of a hardened process.
    std::fs::remove_dir_all(cache).map_err(|error| error.to_string())
}

fn keep(state: &State, key: &Key) -> Result<(), String> {
    let now = Timestamp::now();
    let fingerprint = key.made.info.fingerprint.clone();
    let own = key.acceptance == Acceptance::Own;
    let decided = key.acceptance != Acceptance::Undecided;
    let how = match key.acceptance {
        Acceptance::Own => "made here",
        Acceptance::Verified => "fingerprint read over the telephone",
        Acceptance::Accepted => "on a visiting card",
        Acceptance::Undecided | Acceptance::Rejected => "",
    };
    let decision = KeyDecision {
        acceptance: key.acceptance,
        at: now,
        by: "demo".to_owned(),
        how: how.to_owned(),
        addresses: key.made.info.addresses.clone(),
    };
    let cert = CertRecord {
        fingerprint: fingerprint.clone(),
        cert: key.made.cert.clone(),
        acceptance: key.acceptance,
        decisions: if decided { vec![decision] } else { Vec::new() },
        added_at: now,
        source: "demo".to_owned(),
    };
    state.put_cert(&cert).map_err(|error| error.to_string())?;
    if own {
        let secret =
            SecretRecord { fingerprint, key: key.made.secret.to_vec(), passphrase: None, home: SecretHome::Profile };
        state.put_secret(&secret).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn write(place: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(place)?;
    file.write_all(bytes)
}

/// A password that nobody has to remember.
pub(super) fn secret() -> io::Result<String> {
    random::<16>().map(hex::encode)
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    use std::io::Read as _;
    let mut bytes = [0; N];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}
