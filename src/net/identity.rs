//! A TLS client certificate with its key, from two PEM files (RFC 7468).
//!
//! The key's file must be its owner's alone. A key under a passphrase is refused with the way out: there is nobody to ask at each connection,
//! and a passphrase kept beside the key protects nothing. Nothing is kept in memory beyond the TLS configuration.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::error::Error;

/// Where they lie.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientCertificate {
    /// The certificate, with those that lead to its authority behind it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl ClientCertificate {
    /// Whether both files can be used together; what [`super::tls::client_config_as`] would refuse.
    ///
    /// # Errors
    /// What is wrong, where, and what to do.
    pub fn check(&self) -> Result<(), Error> {
        super::tls::client_config_as(None, Some(self)).map(drop)
    }

    pub(super) fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Error> {
        let fault = |why: String| identity(&self.certificate, why);
        let chain =
            CertificateDer::pem_file_iter(&self.certificate)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|e| fault(format!("the client certificate cannot be read ({e}); check client_certificate")))?;
        if chain.is_empty() {
            return Err(fault("the file holds no certificate; it must be PEM (BEGIN CERTIFICATE)".to_owned()));
        }
        Ok((chain, self.read_key()?))
    }

    fn read_key(&self) -> Result<PrivateKeyDer<'static>, Error> {
        let fault = |why: String| identity(&self.key, why);
        let unreadable = |e: std::io::Error| {
            fault(format!("the key of the client certificate cannot be read ({e}); check client_certificate"))
        };
        let about = fs::metadata(&self.key).map_err(unreadable)?;
        if about.mode() & 0o077 != 0 {
            let why = format!(
                "others on this machine may read this key (its mode is {:o}); run `chmod 600` on it, and have it replaced if somebody did",
                about.mode() & 0o777
            );
            return Err(fault(why));
        }
        let text = Zeroizing::new(fs::read(&self.key).map_err(unreadable)?);
        let is_locked = ["BEGIN ENCRYPTED PRIVATE KEY", "Proc-Type: 4,ENCRYPTED"]
            .iter()
            .any(|mark| memchr::memmem::find(&text, mark.as_bytes()).is_some());
        if is_locked {
            let why = "this key is locked by a passphrase, and there is nobody to ask at each connection; write one without by \
                       `(umask 077; openssl pkey -in KEY -out KEY.open)` on a disk that is encrypted, and name that";
            return Err(fault(why.to_owned()));
        }
        PrivateKeyDer::from_pem_slice(&text)
            .map_err(|e| fault(format!("this is no private key in PEM ({e}); it must be PKCS#8, PKCS#1 or SEC 1")))
    }

    /// What TLS says of the pair.
    pub(super) fn unusable(&self, error: &rustls::Error) -> Error {
        let why = match error {
            rustls::Error::InconsistentKeys(_) => {
                format!("this key does not belong to {}", self.certificate.display())
            }
            other => format!("this key and {} cannot be used together ({other})", self.certificate.display()),
        };
        identity(&self.key, why)
    }
}

fn identity(place: &Path, why: String) -> Error {
    Error::Identity { place: place.display().to_string(), why }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::ClientCertificate;

    fn write(path: &Path, text: &str, mode: u32) {
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_cannot_be_used_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let own = ClientCertificate { certificate: dir.path().join("own.pem"), key: dir.path().join("own.key") };
        let check = |expected: &str| match own.check() {
            Ok(()) => assert_eq!(expected, ""),
            Err(error) => {
                let words = error.to_string();
                assert!(!expected.is_empty() && words.contains(expected), "{words}");
            }
        };
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["anna".to_owned()]).unwrap().self_signed(&key).unwrap();
        check("own.pem: the client certificate cannot be read");
        write(&own.certificate, "nothing\n", 0o644);
        check("own.pem: the file holds no certificate");
        write(&own.certificate, &certificate.pem(), 0o644);
        check("own.key: the key of the client certificate cannot be read");
        write(&own.key, &key.serialize_pem(), 0o640);
        check("its mode is 640");
        write(&own.key, &key.serialize_pem(), 0o600);
        check("");
        write(&own.key, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMA==\n-----END ENCRYPTED PRIVATE KEY-----\n", 0o600);
        check("locked by a passphrase");
        write(&own.key, "nothing", 0o600);
        check("no private key in PEM");
        write(&own.key, &rcgen::KeyPair::generate().unwrap().serialize_pem(), 0o600);
        check("does not belong to");
    }
}
