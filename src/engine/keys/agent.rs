//! Own keys whose secret part is with gpg-agent, or on a card behind it: found by their public keys, used through its socket.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::{Imported, Keys, digits};
use crate::engine::core::EngineError;
use crate::net::assuan::GpgAgent;
use crate::pgp::agent::Agent;
use crate::pgp::keyring::{AgentGrips, Keyring};
use crate::pgp::report::Acceptance;
use crate::pgp::words::short;
use crate::store::cert::{KeyDecision, SecretHome, SecretRecord};

impl Agent for GpgAgent {
    fn sign(&self, keygrip: &str, hash: u8, digest: &[u8]) -> Result<Vec<u8>, String> {
        Self::sign(self, keygrip, hash, digest)
    }

    fn decrypt(&self, keygrip: &str, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, String> {
        Self::decrypt(self, keygrip, ciphertext)
    }
}

/// What is kept of a key with an agent, in the place of the key: the socket, then a line for each (sub)key with its keygrip.
fn write(socket: &Path, grips: &AgentGrips) -> Vec<u8> {
    let mut text = format!("{}\n", socket.display());
    for (fingerprint, grip) in grips {
        text.push_str(&format!("{fingerprint} {grip}\n"));
    }
    text.into_bytes()
}

fn read(kept: &[u8]) -> Option<(PathBuf, AgentGrips)> {
    let mut lines = std::str::from_utf8(kept).ok()?.lines();
    let socket = PathBuf::from(lines.next()?);
    let pairs = lines.filter_map(|line| line.split_once(' ')).map(|(a, b)| (a.to_owned(), b.to_owned()));
    Some((socket, pairs.collect()))
}

/// Takes a key with an agent into a keyring. The agent itself is not asked.
pub(crate) fn hold(keyring: &mut Keyring, record: &SecretRecord, passphrase: Option<Zeroizing<String>>) -> bool {
    let Some((socket, grips)) = read(&record.key) else { return false };
    keyring.add_agent(&record.fingerprint, &grips, &(Arc::new(GpgAgent::new(&socket, passphrase)) as Arc<dyn Agent>))
}

impl Keys {
    /// Makes those certificates one's own whose secret part gpg-agent has; its secrets stay with it. `fingerprint`: this one alone.
    ///
    /// # Errors
    /// No agent answers, it has none of them, or the state store cannot be written.
    pub fn use_agent(&self, socket: Option<&Path>, fingerprint: Option<&str>) -> Result<Vec<Imported>, EngineError> {
        let refused = EngineError::Refused;
        let socket = match socket {
            Some(socket) => socket.to_owned(),
            None => GpgAgent::find().map_err(refused)?,
        };
        let theirs = GpgAgent::new(&socket, None).keys().map_err(refused)?;
        let theirs: Vec<(String, Vec<u8>)> = theirs.into_iter().map(|key| (key.keygrip, key.public)).collect();
        let (now, by) = (self.now(), self.person());
        let wanted = fingerprint.map(digits);
        self.core.ask_open(move |core, open| {
            let held: Vec<String> = open.stores.state.secrets()?.iter().map(|own| own.fingerprint.clone()).collect();
            let mut taken = Vec::new();
            for mut record in open.stores.state.certs()? {
                let is_wanted = wanted.as_ref().is_none_or(|wanted| *wanted == record.fingerprint);
                if !is_wanted || held.contains(&record.fingerprint) {
                    continue;
                }
                let grips = open.keyring.now().grips(&record.fingerprint, &theirs);
                if grips.is_empty() {
                    continue;
                }
                let secret = SecretRecord {
                    fingerprint: record.fingerprint.clone(),
                    key: write(&socket, &grips),
                    passphrase: None,
                    home: SecretHome::Agent,
                };
                let addresses = open.keyring.now().cert(&record.fingerprint, now).map(|info| info.addresses);
                record.decide(KeyDecision {
                    acceptance: Acceptance::Own,
                    at: now,
                    by: by.clone(),
                    how: "its secret part is with gpg-agent".to_owned(),
                    addresses: addresses.unwrap_or_default(),
                });
                open.stores.state.write(|write| {
                    write.put_cert(&record)?;
                    write.put_secret(&secret)
                })?;
                taken.push(record.fingerprint);
            }
            if taken.is_empty() {
                let words = match &wanted {
                    Some(wanted) => format!("gpg-agent does not have the secret part of {}", short(wanted)),
                    None => "gpg-agent has no secret part of a key that is here; import the certificate first: `gpg --export ADDRESS | casemail key import -`".to_owned(),
                };
                return Err(EngineError::Refused(words));
            }
            core.reload_keyring(open)?;
            let keyring = open.keyring.now();
            let listed = taken.iter().filter_map(|fingerprint| keyring.cert(fingerprint, now));
            Ok(listed.map(|info| Imported { info, is_new: false, told: Vec::new() }).collect())
        })?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again() {
        let grips = vec![("AB".repeat(20), "CD".repeat(20)), ("EF".repeat(20), "01".repeat(20))];
        let (socket, read_again) = read(&write(Path::new("/run/user/1000/gnupg/S.gpg-agent"), &grips)).unwrap();
        assert_eq!((socket, read_again), (PathBuf::from("/run/user/1000/gnupg/S.gpg-agent"), grips));
        assert!(read(b"").is_none());
    }
}
