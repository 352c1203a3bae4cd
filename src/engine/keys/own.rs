//! One's own keys: made, unlocked, extended, succeeded, revoked, written down.

use jiff::{Timestamp, ToSpan as _};
use zeroize::Zeroizing;

use super::{Keys, digits};
use crate::engine::core::EngineError;
use crate::pgp::certificate::{self, CertInfo};
use crate::pgp::generate::{self, Generated};
use crate::pgp::lifecycle::{self, Changed, Reason};
use crate::pgp::report::Acceptance;
use crate::pgp::words;
use crate::store::cert::{CertRecord, KeyDecision, SecretHome, SecretRecord};

/// An own key written down.
pub struct Backup {
    /// The sheet: what it is, how it is put back, and the key, locked with the passphrase for it.
    pub sheet: Zeroizing<String>,
    /// The key.
    pub info: CertInfo,
}

impl Keys {
    /// Makes a key for a person at an address and keeps it as one's own; the second value is its revocation certificate, armored, to be kept apart.
    ///
    /// # Errors
    /// Name or address that cannot stand in a key, or the state store cannot be written.
    pub fn generate(&self, name: &str, address: &str) -> Result<(CertInfo, String), EngineError> {
        let made = generate::generate(name, address, self.now())?;
        let told = (made.info.clone(), made.revocation.clone());
        self.keep_new(made, "made here")?;
        Ok(told)
    }

    fn keep_new(&self, made: Generated, how: &str) -> Result<(), EngineError> {
        let (now, by, how) = (self.now(), self.person(), how.to_owned());
        self.core.ask_open(move |core, open| {
            let mut record = CertRecord {
                fingerprint: made.info.fingerprint.clone(),
                cert: made.cert.clone(),
                acceptance: Acceptance::Own,
                decisions: Vec::new(),
                added_at: now,
                source: how.clone(),
            };
            let addresses = made.info.addresses.clone();
            record.decide(KeyDecision { acceptance: Acceptance::Own, at: now, by, how, addresses });
            let secret = SecretRecord {
                fingerprint: made.info.fingerprint.clone(),
                key: made.secret.to_vec(),
                passphrase: None,
                home: SecretHome::Profile,
            };
            open.stores.state.write(|write| {
                write.put_cert(&record)?;
                write.put_secret(&secret)
            })?;
            core.reload_keyring(open)
        })?
    }

    /// Tries the passphrase of a key that gpg-agent holds, by a signature over nothing.
    fn try_agent(&self, secret: &SecretRecord, passphrase: &str) -> Result<(), EngineError> {
        let wanted = secret.fingerprint.clone();
        let cert = self.core.ask_stores(move |_, open| open.keyring.now().cert_bytes(&wanted))??;
        let mut trial = crate::pgp::keyring::Keyring::new();
        trial.add_cert(&cert, Acceptance::Own)?;
        super::agent::hold(&mut trial, secret, Some(Zeroizing::new(passphrase.to_owned())));
        crate::pgp::seal::sign(b"\r\n", &[], &trial, &secret.fingerprint, self.now())?;
        Ok(())
    }

    /// The own key of a fingerprint, with the passphrase that opens it.
    fn own(&self, fingerprint: &str) -> Result<(SecretRecord, Option<Zeroizing<String>>), EngineError> {
        self.own_anywhere(fingerprint, false)
    }

    fn own_anywhere(
        &self,
        fingerprint: &str,
        may_be_away: bool,
    ) -> Result<(SecretRecord, Option<Zeroizing<String>>), EngineError> {
        let wanted = digits(fingerprint);
        self.core.ask_stores(move |_, open| {
            let secrets = open.stores.state.secrets()?;
            let secret = secrets.into_iter().find(|secret| secret.fingerprint == wanted).ok_or_else(|| {
                EngineError::Refused(format!("{} is no key of your own", words::short(&wanted)))
            })?;
            if secret.home == SecretHome::Agent && !may_be_away {
                let words = "gpg-agent holds the secret part of this key; change it with `gpg --edit-key`, then import it again";
                return Err(EngineError::Refused(words.to_owned()));
            }
            let kept = secret.passphrase.clone().map(Zeroizing::new);
            let passphrase = kept.or_else(|| open.asked.get(&wanted).cloned());
            Ok((secret, passphrase))
        })?
    }

    /// Keeps an own key as it is after a change.
    fn keep_changed(&self, changed: Changed, how: &str) -> Result<CertInfo, EngineError> {
        let (now, by, how) = (self.now(), self.person(), how.to_owned());
        self.core.ask_open(move |core, open| {
            let fingerprint = changed.info.fingerprint.clone();
            let gone =
                || EngineError::Refused(format!("{} is no key of your own any more", words::short(&fingerprint)));
            let mut record = open.stores.state.cert(&fingerprint)?.ok_or_else(gone)?;
            let mut secret =
                open.stores.state.secrets()?.into_iter().find(|s| s.fingerprint == fingerprint).ok_or_else(gone)?;
            record.cert = certificate::merge(&record.cert, &changed.cert)?;
            let addresses = changed.info.addresses.clone();
            record.decide(KeyDecision { acceptance: Acceptance::Own, at: now, by, how, addresses });
            secret.key = changed.secret.to_vec();
            open.stores.state.write(|write| {
                write.put_cert(&record)?;
                write.put_secret(&secret)
            })?;
            core.reload_keyring(open)?;
            open.keyring.now().cert(&fingerprint, now).ok_or_else(gone)
        })?
    }

    /// Lets an own key last for some days from now.
    ///
    /// # Errors
    /// Not one's own, locked, a span that no key lasts, or the state store cannot be written.
    pub fn extend(&self, fingerprint: &str, days: u32) -> Result<CertInfo, EngineError> {
        let (secret, passphrase) = self.own(fingerprint)?;
        let now = self.now();
        let until = now.checked_add((i64::from(days) * 24).hours()).unwrap_or(Timestamp::MAX);
        let changed = lifecycle::extend(&secret.key, phrase(passphrase.as_ref()), until, now)?;
        self.keep_changed(changed, &format!("extended until {}", until.strftime("%Y-%m-%d")))
    }

    /// Revokes an own key for good. What was written to it can still be read.
    ///
    /// # Errors
    /// Not one's own, locked, or the state store cannot be written.
    pub fn revoke(&self, fingerprint: &str, reason: Reason, because: &str) -> Result<CertInfo, EngineError> {
        let (secret, passphrase) = self.own(fingerprint)?;
        let changed = lifecycle::revoke_own(&secret.key, phrase(passphrase.as_ref()), reason, because, self.now())?;
        self.keep_changed(changed, &format!("revoked: {because}"))
    }

    /// Makes the successor of an own key: for the same person, vouched for by the old one, which is kept for reading. The second value is the new key's
    /// revocation certificate.
    ///
    /// # Errors
    /// Not one's own, locked, or the state store cannot be written.
    pub fn rotate(&self, fingerprint: &str) -> Result<(CertInfo, String), EngineError> {
        let (secret, passphrase) = self.own(fingerprint)?;
        let made = lifecycle::succeed(&secret.key, phrase(passphrase.as_ref()), self.now())?;
        let told = (made.info.clone(), made.revocation.clone());
        self.keep_new(made, &format!("made here to succeed {}", words::short(&secret.fingerprint)))?;
        Ok(told)
    }

    /// An own key written down, locked with a passphrase of its own.
    ///
    /// # Errors
    /// Not one's own, locked, or an empty passphrase.
    pub fn backup(&self, fingerprint: &str, sheet_passphrase: &str) -> Result<Backup, EngineError> {
        if sheet_passphrase.trim().is_empty() {
            let words = "a backup needs a passphrase: whoever finds the sheet could read everything without one";
            return Err(EngineError::Refused(words.to_owned()));
        }
        let (secret, passphrase) = self.own(fingerprint)?;
        let locked = lifecycle::relock(&secret.key, phrase(passphrase.as_ref()), Some(sheet_passphrase))?;
        let armored = certificate::export_secret(&locked, None)?;
        let read = certificate::read_certs(&locked, self.now())?;
        let info = read.into_iter().next().map(|read| read.info).ok_or(crate::pgp::error::PgpError::NoSecretKey)?;
        Ok(Backup { sheet: sheet(&info, &armored, self.now()), info })
    }

    /// Opens an own key that is locked with a passphrase of its own, until the profile is locked.
    ///
    /// # Errors
    /// Not one's own, or the passphrase is wrong.
    pub fn unlock(&self, fingerprint: &str, passphrase: &str, keep: bool) -> Result<CertInfo, EngineError> {
        let (mut secret, _) = self.own_anywhere(fingerprint, true)?;
        match secret.home {
            SecretHome::Agent => self.try_agent(&secret, passphrase)?,
            _ => drop(crate::pgp::keyring::Keyring::new().add_secret(&secret.key, Some(passphrase))?),
        }
        let (now, wanted) = (self.now(), secret.fingerprint.clone());
        let passphrase = Zeroizing::new(passphrase.to_owned());
        let kept = match (keep, secret.home) {
            (false, _) | (true, SecretHome::Profile) => None,
            (true, SecretHome::Agent) => {
                let words = "the key is with gpg-agent, which keeps its passphrase by itself (see `default-cache-ttl` in gpg-agent.conf)";
                return Err(EngineError::Refused(words.to_owned()));
            }
            (true, SecretHome::Asked) => {
                secret.home = SecretHome::Profile;
                secret.passphrase = Some((*passphrase).clone());
                Some(secret)
            }
        };
        self.core.ask_open(move |core, open| {
            if let Some(secret) = &kept {
                open.stores.state.write(|write| write.put_secret(secret))?;
            }
            open.asked.insert(wanted.clone(), passphrase);
            core.reload_keyring(open)?;
            let unknown = || crate::pgp::error::PgpError::UnknownCertificate(wanted.clone());
            open.keyring.now().cert(&wanted, now).ok_or_else(|| unknown().into())
        })?
    }
}

fn phrase(passphrase: Option<&Zeroizing<String>>) -> Option<&str> {
    passphrase.map(|text| text.as_str())
}

/// The sheet of a backup, to be printed.
fn sheet(info: &CertInfo, armored: &str, now: Timestamp) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(armored.len() + 4_096));
    let owner = info.user_ids.first().map_or("", String::as_str);
    let owner = crate::mail::safe::SafeText::line(owner);
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    let expires = info.expires.map_or_else(|| "never".to_owned(), day);
    text.push_str("OPENPGP SECRET KEY: BACKUP SHEET\n\n");
    text.push_str(&format!("Owner        {owner}\nWritten      {}\nMade         {}\n", day(now), day(info.created)));
    text.push_str(&format!("Expires      {expires}\nFingerprint  {}\n", words::groups(&info.fingerprint)));
    text.push_str("In words     ");
    text.push_str(&words::words(&info.fingerprint).join("\n             "));
    text.push_str("\n\nKeep this sheet where paper is safe, and the passphrase for it somewhere else. Whoever has both can read\n");
    text.push_str("your mail and sign as you. Without the passphrase the sheet is of no use to anybody.\n\n");
    text.push_str("To put the key back: scan or type everything from BEGIN to END into a file, then\n");
    text.push_str("    casemail key restore FILE\n");
    text.push_str(
        "and give the passphrase of the sheet. Compare the fingerprint with the one above. Any other OpenPGP program\n",
    );
    text.push_str(
        "reads it too: gpg --import FILE. A mistyped line is noticed: the last line before END is a checksum.\n\n",
    );
    text.push_str(armored);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
