//! What names the TLS channel we speak over (RFC 5056), so that a login can be bound to it: `tls-exporter` (RFC 9266) under TLS 1.3,
//! `tls-server-end-point` (RFC 5929 §4) under TLS 1.2.
//!
//! `tls-unique` is never used: RFC 9266 §1 names its attacks, and TLS 1.3 has none.

use std::fmt;

/// How a login is bound to its channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Keying material that both ends derive: another channel cannot have it.
    Exporter,
    /// The hash of the server's certificate: somebody between would need the certificate's key.
    ServerEndPoint,
}

impl Binding {
    /// Its registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exporter => "tls-exporter",
            Self::ServerEndPoint => "tls-server-end-point",
        }
    }
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name of one channel.
#[derive(Clone, PartialEq, Eq)]
pub struct Channel {
    /// Which kind.
    pub binding: Binding,
    /// The bytes that both ends know.
    pub data: Vec<u8>,
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Channel({})", self.binding)
    }
}

/// The hash of RFC 5929 §4.1 for a certificate, by the algorithm it was signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// Signature algorithms by their DER object identifiers. MD5 and SHA-1 are replaced by SHA-256; algorithms that hash in their own way
/// (Ed25519, RSASSA-PSS with its parameters) have no hash that both ends would agree on, and give no binding.
const SIGNED_BY: &[(&[u8], Hash)] = &[
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04], Hash::Sha256), // md5WithRSAEncryption
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05], Hash::Sha256), // sha1WithRSAEncryption
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b], Hash::Sha256), // sha256WithRSAEncryption
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c], Hash::Sha384), // sha384WithRSAEncryption
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d], Hash::Sha512), // sha512WithRSAEncryption
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01], Hash::Sha256),             // ecdsa-with-SHA1
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02], Hash::Sha256),       // ecdsa-with-SHA256
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03], Hash::Sha384),       // ecdsa-with-SHA384
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04], Hash::Sha512),       // ecdsa-with-SHA512
];

impl Channel {
    /// `tls-server-end-point` for a server's certificate (DER); `None` where the standard defines none.
    #[must_use]
    pub fn server_end_point(certificate: &[u8]) -> Option<Self> {
        use sha2::Digest;
        let algorithm = signature_algorithm(certificate)?;
        let (_, hash) = SIGNED_BY.iter().find(|(oid, _)| *oid == algorithm)?;
        let data = match hash {
            Hash::Sha256 => sha2::Sha256::digest(certificate).to_vec(),
            Hash::Sha384 => sha2::Sha384::digest(certificate).to_vec(),
            Hash::Sha512 => sha2::Sha512::digest(certificate).to_vec(),
        };
        Some(Self { binding: Binding::ServerEndPoint, data })
    }
}

/// The object identifier of `Certificate.signatureAlgorithm` (RFC 5280 §4.1.1.2).
fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const OBJECT_IDENTIFIER: u8 = 0x06;
    let (fields, _) = element(certificate, SEQUENCE)?;
    let (_, after) = element(fields, SEQUENCE)?;
    let (algorithm, _) = element(after, SEQUENCE)?;
    Some(element(algorithm, OBJECT_IDENTIFIER)?.0)
}

/// One DER element of this tag: its content and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.split_first()?;
    let (&short, rest) = rest.split_first()?;
    if first != tag {
        return None;
    }
    let (length, rest) = if short < 0x80 {
        (usize::from(short), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
        if digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0_usize, |sum, &digit| sum << 8 | usize::from(digit)), rest)
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::{Binding, Channel, signature_algorithm};

    #[test]
    fn the_end_point_of_a_real_certificate() {
        use sha2::Digest;
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["mail.example".to_owned()]).unwrap().self_signed(&key).unwrap();
        let channel = Channel::server_end_point(certificate.der()).unwrap();
        assert_eq!(channel.binding, Binding::ServerEndPoint);
        assert_eq!(channel.data, sha2::Sha256::digest(certificate.der()).to_vec());
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["mail.example".to_owned()]).unwrap().self_signed(&key).unwrap();
        assert_eq!(Channel::server_end_point(certificate.der()), None, "Ed25519 names no hash");
    }

    #[test]
    fn whatever_is_no_certificate_gives_none() {
        let whole = [0x30, 0x09, 0x30, 0x00, 0x30, 0x05, 0x06, 0x03, 1, 2, 3];
        assert_eq!(signature_algorithm(&whole), Some(&[1, 2, 3][..]));
        for cut in 0..whole.len() {
            assert_eq!(signature_algorithm(&whole[..cut]), None);
        }
        assert_eq!(signature_algorithm(&[0x30, 0x85, 1, 1, 1, 1, 1]), None);
        assert_eq!(signature_algorithm(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
