//! One's own certificate handed to others: in the Autocrypt field of a message (Autocrypt 1.1 §2.1), or attached to one.
//!
//! Only what a correspondent needs to write back: the primary key, the user id of the address, one key to encrypt to, and what binds
//! them. Nobody else's signatures, no other addresses.

use base64::Engine as _;
use jiff::Timestamp;
use openpgp::packet::Packet;
use openpgp::serialize::MarshalInto as _;
use sequoia_openpgp as openpgp;

use super::certificate::{address_of, export_cert, policy_at, system_time};
use super::error::PgpError;
use super::keyring::Keyring;

/// Octets of base64 in a line.
const LINE: usize = 76;

/// The least of a certificate that can be written back to under an address, binary.
///
/// # Errors
/// If the certificate is unknown or not valid at the given time.
pub fn minimal(keyring: &Keyring, fingerprint: &str, address: &str, now: Timestamp) -> Result<Vec<u8>, PgpError> {
    let cert = keyring.openpgp_cert(fingerprint)?;
    let policy = policy_at(now);
    let unfit =
        |error: openpgp::anyhow::Error| PgpError::Unfit { fingerprint: fingerprint.to_owned(), why: error.to_string() };
    let valid = cert.with_policy(&policy, system_time(now)).map_err(unfit)?;
    let mut packets: Vec<Packet> = vec![valid.primary_key().key().clone().into()];
    if let Ok(direct) = valid.direct_key_signature() {
        packets.push(direct.clone().into());
    }
    for user_id in valid.userids() {
        if address_of(user_id.userid()).is_some_and(|one| one.eq_ignore_ascii_case(address)) {
            packets.push(user_id.userid().clone().into());
            packets.push(user_id.binding_signature().clone().into());
            break;
        }
    }
    let usable = || valid.keys().subkeys().supported().alive().revoked(false);
    if let Some(subkey) = usable().for_transport_encryption().for_storage_encryption().last() {
        packets.push(subkey.key().clone().into());
        packets.push(subkey.binding_signature().clone().into());
    }
    let mut bytes = Vec::new();
    for packet in packets {
        bytes.extend(packet.to_vec()?);
    }
    Ok(bytes)
}

/// The value of an Autocrypt field, folded with CRLF.
///
/// # Errors
/// As for [`minimal`]; if the address cannot stand in the field.
pub fn autocrypt(keyring: &Keyring, fingerprint: &str, address: &str, now: Timestamp) -> Result<String, PgpError> {
    if !address.is_ascii() || address.bytes().any(|byte| byte == b';' || byte.is_ascii_control() || byte == b' ') {
        return Err(PgpError::BadEntity(format!("the address {address:?} cannot stand in an Autocrypt field")));
    }
    let key = base64::engine::general_purpose::STANDARD.encode(minimal(keyring, fingerprint, address, now)?);
    let lines: Vec<&str> = key.as_bytes().chunks(LINE).filter_map(|chunk| std::str::from_utf8(chunk).ok()).collect();
    Ok(format!("addr={address}; prefer-encrypt=mutual; keydata=\r\n {}", lines.join("\r\n ")))
}

/// A certificate to attach, armored, with the name of the file: of one's own, without what belongs to nobody else.
///
/// # Errors
/// If the certificate is unknown.
pub fn attachable(keyring: &Keyring, fingerprint: &str) -> Result<(String, String), PgpError> {
    let tail = fingerprint.len().saturating_sub(16);
    let name = format!("OpenPGP_0x{}.asc", fingerprint.get(tail..).unwrap_or(fingerprint));
    Ok((name, export_cert(&keyring.cert_bytes(fingerprint)?)?))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::{attachable, autocrypt};
    use crate::pgp::certificate::read_certs;
    use crate::pgp::generate::generate;
    use crate::pgp::keyring::Keyring;

    #[test]
    fn what_is_announced_can_be_written_back_to() {
        let now = "2026-05-05T10:00:00Z".parse().unwrap();
        let key = generate("Isla Thistledown", "i.thistledown@tg-law.example", now).unwrap();
        let mut keyring = Keyring::new();
        keyring.add_secret(&key.secret, None).unwrap();
        let field = autocrypt(&keyring, &key.info.fingerprint, "i.thistledown@tg-law.example", now).unwrap();
        assert!(field.split("\r\n").all(|line| line.len() <= 78), "{field}");
        let (head, data) = field.split_once("keydata=").unwrap();
        assert_eq!(head, "addr=i.thistledown@tg-law.example; prefer-encrypt=mutual; ");
        let data: String = data.split_whitespace().collect();
        let bytes = base64::engine::general_purpose::STANDARD.decode(data).unwrap();
        let read = read_certs(&bytes, now).unwrap().remove(0);
        assert!(read.secret.is_none() && read.info.can_encrypt && read.info.can_sign, "{:?}", read.info);
        assert_eq!(read.info.fingerprint, key.info.fingerprint);
        assert_eq!(read.info.addresses, ["i.thistledown@tg-law.example"]);
        assert!(autocrypt(&keyring, &key.info.fingerprint, "x; y@z", now).is_err());
        let (name, armored) = attachable(&keyring, &key.info.fingerprint).unwrap();
        assert!(name.starts_with("OpenPGP_0x") && name.len() == 30 && armored.contains("PUBLIC KEY BLOCK"), "{name}");
    }
}
