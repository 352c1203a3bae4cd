//! What the screen does with keys: each in a blocking task, answered by a sentence.

use std::path::PathBuf;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::{Keys, Soon, hearings, shown, soon};
use crate::app::effect::{ComposerId, KeyDeed, KeySource};
use crate::app::event::Event;
use crate::app::view::Tone;
use crate::engine::announce::sentence;
use crate::engine::core::{Core, EngineError, Open};
use crate::engine::files;
use crate::mail::draft::Attachment;
use crate::mail::safe::SafeText;
use crate::pgp::certificate::CertInfo;
use crate::pgp::error::PgpError;
use crate::pgp::lifecycle::Reason;
use crate::pgp::report::Acceptance;
use crate::pgp::words::short;

/// What became of a deed.
enum Done {
    Told(String),
    /// A key in it is locked: its passphrase is to be asked for.
    Locked(KeySource),
    Attached(ComposerId, Attachment),
}

/// Largest file that keys are taken from.
const KEYS_BYTES_MAX: u64 = 64 << 20;

impl Core {
    /// Sends the keys to the screen.
    pub(crate) fn send_keys(&self, open: &Open) {
        let now = self.now();
        let listed = super::listed(self, open).and_then(|keys| Ok((keys, open.register.with(|loaded| loaded.book())?)));
        match listed {
            Ok((keys, book)) => {
                let ends = soon(&keys, &hearings(&book, now), now);
                self.announcer.send(Event::KeysEnding(ending(&ends)));
                self.announcer.send(Event::Keys(shown::rows(&keys, &ends, now)));
            }
            Err(error) => self.complain(&error),
        }
    }

    /// Tells the screen which keys end, beside the core: after an unlock, and when keys or hearings change.
    pub(crate) fn tell_key_ends(&self, open: &Open) {
        let (keyring, stores, register) = (open.keyring.clone(), Arc::clone(&open.stores), open.register.clone());
        let (settings, announcer, now) = (Arc::clone(&self.settings), self.announcer.clone(), self.now());
        self.runtime.spawn_blocking(move || {
            let keyring_now = keyring.now();
            let infos = keyring_now.certs(now);
            let Ok(book) = register.with(|loaded| loaded.book()) else { return };
            let cases = super::parties(&book, &settings.classes, &infos);
            let Ok(keys) = super::joined(&stores, &infos, cases, now) else { return };
            // Locked, or another change of keys: that one tells.
            if keyring.is(&keyring_now) {
                announcer.send(Event::KeysEnding(ending(&soon(&keys, &hearings(&book, now), now))));
            }
        });
    }

    /// Sends what is known of the keys of recipients, beside the core: messages are read for it.
    pub(crate) fn send_assistance(&self, addresses: Vec<String>) {
        let (keys, announcer) = (self.keys(), self.announcer.clone());
        self.runtime.spawn_blocking(move || {
            announcer.send(match keys.assist(&addresses) {
                Ok(rows) => Event::Assistance(rows),
                Err(error) => Event::Notice(sentence(Tone::Alarm, &error.to_string())),
            });
        });
    }

    /// Does something with keys, beside the core.
    pub(crate) fn perform_key(&self, deed: KeyDeed) {
        let (keys, announcer, core) = (self.keys(), self.announcer.clone(), self.handle.clone());
        let waiting = match &deed {
            KeyDeed::Attach(to, _) | KeyDeed::AttachOwn(to) => Some(*to),
            _ => None,
        };
        self.runtime.spawn_blocking(move || {
            let event = match keys.perform(deed) {
                Ok(Done::Told(words)) => Event::Notice(sentence(Tone::Good, &words)),
                Ok(Done::Locked(source)) => Event::KeyLocked(source),
                Ok(Done::Attached(to, file)) => Event::Attached(to, vec![Ok(file.into())]),
                Err(error) => {
                    let why = sentence(Tone::Alarm, &error.to_string());
                    match waiting {
                        Some(to) => Event::Attached(to, vec![Err(why)]),
                        None => Event::Notice(why),
                    }
                }
            };
            announcer.send(event);
            core.front(Core::mark_changed);
        });
    }
}

/// Keys that end, in few words.
fn ending(ends: &[Soon]) -> Option<SafeText> {
    match ends {
        [] => None,
        [one] => Some(SafeText::line(&one.short)),
        [first, rest @ ..] => Some(SafeText::line(&format!("{} (and {} more)", first.short, rest.len()))),
    }
}

impl Keys {
    fn perform(&self, deed: KeyDeed) -> Result<Done, EngineError> {
        let owner = |info: &CertInfo| SafeText::line(info.holder()).truncate(40).to_string();
        Ok(Done::Told(match deed {
            KeyDeed::Decide { fingerprint, acceptance, how } => {
                let info = self.decide(&fingerprint, acceptance, &how)?;
                let what = match acceptance {
                    Acceptance::Rejected => "is rejected: nothing is sealed to it, nothing believed from it",
                    Acceptance::Undecided => "is not used until you decide again",
                    Acceptance::Verified => "is accepted, its fingerprint verified with its owner",
                    Acceptance::Accepted | Acceptance::Own => "is accepted, its fingerprint not compared",
                };
                format!("The key of {} {what}.", owner(&info))
            }
            KeyDeed::Forget(fingerprint) => {
                self.forget(&fingerprint)?;
                "The key is forgotten.".to_owned()
            }
            KeyDeed::Import(source, passphrase) => {
                return self.take_from(source, passphrase.as_ref().map(|p| p.0.as_str()));
            }
            KeyDeed::Export { fingerprint, directory } => {
                let armored = self.export(&fingerprint)?;
                write(&directory, &format!("{}.asc", name(&fingerprint)), armored.as_bytes())?
            }
            KeyDeed::Generate { name: person, address, directory } => {
                let (info, revocation) = self.generate(&person, &address)?;
                made(&info, &revocation, &directory)?
            }
            KeyDeed::Rotate { fingerprint, directory } => {
                let (info, revocation) = self.rotate(&fingerprint)?;
                made(&info, &revocation, &directory)?
            }
            KeyDeed::Extend(fingerprint) => {
                let info = self.extend(&fingerprint, 3 * 365)?;
                let until = info.expires.map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default();
                format!("Your key lasts until {until}. Send the certificate to those who write to you.")
            }
            KeyDeed::Revoke { fingerprint, reason, because } => {
                let reason = match reason.to_ascii_lowercase().as_str() {
                    "compromised" => Reason::Compromised,
                    "superseded" => Reason::Superseded,
                    "retired" => Reason::Retired,
                    _ => {
                        let words = "Nothing was revoked: begin the reason with compromised, superseded or retired";
                        return Err(EngineError::Refused(words.to_owned()));
                    }
                };
                self.revoke(&fingerprint, reason, &because)?;
                "The key is revoked. Send the certificate to those who write to you; what was written to it can still be read."
                    .to_owned()
            }
            KeyDeed::Backup { fingerprint, directory, passphrase } => {
                let backup = self.backup(&fingerprint, &passphrase.0)?;
                let file = format!("backup-{}.txt", name(&fingerprint));
                let told = write(&directory, &file, backup.sheet.as_bytes())?;
                format!("{told} Print it, then put the file out of the world; keep its passphrase somewhere else.")
            }
            KeyDeed::Unlock { fingerprint, passphrase, keep } => {
                let info = self.unlock(&fingerprint, &passphrase.0, keep)?;
                let until =
                    if keep { "opens with the profile from now on" } else { "is open until the profile is locked" };
                format!("The key of {} {until}.", owner(&info))
            }
            KeyDeed::Attach(to, fingerprint) => {
                return Ok(Done::Attached(to, attachment(&fingerprint, self.export(&fingerprint)?)));
            }
            KeyDeed::AttachOwn(to) => {
                let address = self.person();
                let armored = self.export(&address)?;
                return Ok(Done::Attached(to, attachment(&address, armored)));
            }
        }))
    }

    fn take_from(&self, source: KeySource, passphrase: Option<&str>) -> Result<Done, EngineError> {
        let undecided = Acceptance::Undecided;
        let taken = match &source {
            KeySource::Text(text) => self.import(text.0.as_bytes(), passphrase, undecided, "pasted", false),
            KeySource::File(path) => {
                let bytes = files::read_whole(&PathBuf::from(path), KEYS_BYTES_MAX).map(Zeroizing::new);
                self.import(&bytes.map_err(EngineError::BadData)?, passphrase, undecided, "file", false)
            }
            KeySource::Message(message) => self.import_offered(message),
            KeySource::Directory(address) => self.look_up(address).map(|(_, taken)| taken),
        };
        let taken = match taken {
            Err(EngineError::Pgp(PgpError::PassphraseNeeded(_))) if passphrase.is_none() => {
                return Ok(Done::Locked(source));
            }
            other => other?,
        };
        let mut told: Vec<String> = Vec::new();
        if let [one] = taken.as_slice() {
            let owner = SafeText::line(one.info.holder()).truncate(40).to_string();
            told.push(match (one.info.acceptance, one.is_new) {
                (Acceptance::Own, _) => format!("{owner}: this is a key of your own now."),
                (acceptance, false) => format!("The key of {owner} was here already ({}).", acceptance.in_words()),
                (_, true) => {
                    format!(
                        "The key of {owner} ({}) is here: compare its fingerprint, then decide.",
                        short(&one.info.fingerprint)
                    )
                }
            });
        } else {
            let new = taken.iter().filter(|one| one.is_new).count();
            told.push(format!("{} keys were read, {new} of them new.", taken.len()));
        }
        told.extend(taken.into_iter().flat_map(|one| one.told));
        Ok(Done::Told(told.join(" ")))
    }
}

fn name(fingerprint: &str) -> String {
    short(fingerprint).replace(' ', "")
}

fn write(directory: &str, name: &str, content: &[u8]) -> Result<String, EngineError> {
    let saved = files::save(&PathBuf::from(directory), name, content).map_err(EngineError::Refused)?;
    Ok(format!("Saved: {}.", saved.path.display()))
}

fn made(info: &CertInfo, revocation: &str, directory: &str) -> Result<String, EngineError> {
    let file = format!("revocation-{}.asc", name(&info.fingerprint));
    match files::save(&PathBuf::from(directory), &file, revocation.as_bytes()) {
        Ok(saved) => Ok(format!(
            "Your key {} is made. Move {} away from this machine: whoever has it can make the key invalid.",
            short(&info.fingerprint),
            saved.path.display()
        )),
        Err(why) => Err(EngineError::Refused(format!(
            "Your key {} is made, but its revocation certificate could not be written: {why}",
            short(&info.fingerprint)
        ))),
    }
}

fn attachment(of: &str, armored: String) -> Attachment {
    Attachment {
        name: format!("openpgp-{}.asc", if of.contains('@') { of.to_owned() } else { name(of) }),
        media_type: "application/pgp-keys".to_owned(),
        content: armored.into_bytes(),
    }
}
