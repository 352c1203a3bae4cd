//! Certificates with every decision about them, and own secret keys, in the state store.

use redb::{ReadableTable, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Keys, Named, State, StateError, Write};
use crate::store::cert::{CertRecord, CertRecordV3, SecretRecord, SecretRecordV3};

pub(super) const CERTS: Named = TableDefinition::new("certs");
pub(super) const SECRETS: Named = TableDefinition::new("secrets");

impl State {
    /// Adds or replaces a certificate. The caller has merged it with what was there.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn put_cert(&self, cert: &CertRecord) -> Result<(), StateError> {
        self.write(|write| write.put_cert(cert))
    }

    /// All certificates.
    ///
    /// # Errors
    /// [`StateError`]; a damaged one is an error, because a lost rejection would not be noticed.
    pub fn certs(&self) -> Result<Vec<CertRecord>, StateError> {
        self.read_all(CERTS, "certs")
    }

    /// One certificate.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn cert(&self, fingerprint: &str) -> Result<Option<CertRecord>, StateError> {
        self.read_named(CERTS, "certs", fingerprint)
    }

    /// Forgets a certificate, and the decision about it.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn remove_cert(&self, fingerprint: &str) -> Result<(), StateError> {
        self.write(|write| write.remove(CERTS, fingerprint))
    }

    /// Adds or replaces an own secret key.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn put_secret(&self, secret: &SecretRecord) -> Result<(), StateError> {
        self.write(|write| write.put_secret(secret))
    }

    /// All own secret keys.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn secrets(&self) -> Result<Vec<SecretRecord>, StateError> {
        self.read_all(SECRETS, "secrets")
    }

    /// Forgets an own secret key.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn remove_secret(&self, fingerprint: &str) -> Result<(), StateError> {
        self.write(|write| write.remove(SECRETS, fingerprint))
    }
}

impl Write<'_> {
    /// As [`State::put_cert`].
    ///
    /// # Errors
    /// [`StateError`].
    pub fn put_cert(&self, cert: &CertRecord) -> Result<(), StateError> {
        self.put_named(CERTS, "certs", &cert.fingerprint, cert)
    }

    /// As [`State::put_secret`].
    ///
    /// # Errors
    /// [`StateError`].
    pub fn put_secret(&self, secret: &SecretRecord) -> Result<(), StateError> {
        self.put_named(SECRETS, "secrets", &secret.fingerprint, secret)
    }
}

/// Schema 3 kept the last decision about a certificate, and own keys that open with the profile.
pub(super) fn migrate(transaction: &WriteTransaction, keys: &Keys) -> Result<(), StateError> {
    migrate_rows::<CertRecordV3, CertRecord>(transaction, keys, CERTS, "certs")?;
    migrate_rows::<SecretRecordV3, SecretRecord>(transaction, keys, SECRETS, "secrets")
}

fn migrate_rows<Old, New>(
    transaction: &WriteTransaction,
    keys: &Keys,
    table: Named,
    label: &str,
) -> Result<(), StateError>
where
    Old: DeserializeOwned,
    New: Serialize + From<Old>,
{
    let mut table = transaction.open_table(table)?;
    let mut rows: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for row in table.iter()? {
        let (key, value) = row?;
        let key = key.value();
        // A damaged row stays as it is, to be named when it is read: a lost rejection must not go unnoticed.
        if let Ok(old) = keys.open::<Old>(label, key, value.value()) {
            rows.push((key.to_vec(), keys.seal(label, key, &New::from(old))?));
        }
    }
    for (key, value) in rows {
        table.insert(key.as_slice(), value.as_slice())?;
    }
    Ok(())
}
