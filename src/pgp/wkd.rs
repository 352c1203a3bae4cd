//! Where the key of an address is published: the Web Key Directory (draft-koch-openpgp-webkey-service §3.1). Pure: nothing is asked here.

use openpgp::types::HashAlgorithm;
use sequoia_openpgp as openpgp;

use super::error::PgpError;

/// z-base-32 (RFC 6189 §5.1.6).
const ALPHABET: &[u8; 32] = b"ybndrfg8ejkmcpqxot1uwisza345h769";

/// A place to ask at, by HTTPS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The host that learns of the question.
    pub host: String,
    /// What is asked for.
    pub path: String,
}

/// The places for an address, in the order in which they are asked: the advanced method, then the direct one, which is for domains without the host
/// of the advanced one alone.
///
/// # Errors
/// The address cannot be looked up: no domain, or one that is not in letters of a host name.
pub fn locations(address: &str) -> Result<[Location; 2], PgpError> {
    let bad = || PgpError::BadUserId(address.to_owned());
    let (local, domain) = address.rsplit_once('@').ok_or_else(bad)?;
    let domain = domain.to_ascii_lowercase();
    let is_host = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if local.is_empty() || domain.is_empty() || !domain.chars().all(is_host) || domain.starts_with('.') {
        return Err(bad());
    }
    // Only ASCII letters are mapped (§3.1).
    let hash = zbase32(&sha1(local.to_ascii_lowercase().as_bytes())?);
    let l = escaped(local);
    Ok([
        Location {
            host: format!("openpgpkey.{domain}"),
            path: format!("/.well-known/openpgpkey/{domain}/hu/{hash}?l={l}"),
        },
        Location { path: format!("/.well-known/openpgpkey/hu/{hash}?l={l}"), host: domain },
    ])
}

fn sha1(bytes: &[u8]) -> Result<Vec<u8>, PgpError> {
    let mut context = HashAlgorithm::SHA1.context()?.for_digest();
    context.update(bytes);
    Ok(context.into_digest()?)
}

fn zbase32(bytes: &[u8]) -> String {
    let mut text = String::new();
    for five in bytes.chunks(5) {
        let mut word = [0_u8; 8];
        word.iter_mut().skip(3).zip(five).for_each(|(to, from)| *to = *from);
        let bits = u64::from_be_bytes(word);
        for place in 0..(five.len() * 8).div_ceil(5) {
            let index = usize::try_from(bits >> (35 - 5 * place) & 31).unwrap_or_default();
            text.extend(ALPHABET.get(index).map(|letter| char::from(*letter)));
        }
    }
    text
}

/// RFC 3986 §2.1.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_draft_is_found() {
        let [advanced, direct] = locations("Joe.Doe@Example.ORG").unwrap();
        assert_eq!(advanced.host, "openpgpkey.example.org");
        assert_eq!(advanced.path, "/.well-known/openpgpkey/example.org/hu/iy9q119eutrkn8s1mk4r39qejnbu3n5q?l=Joe.Doe");
        assert_eq!(direct.host, "example.org");
        assert_eq!(direct.path, "/.well-known/openpgpkey/hu/iy9q119eutrkn8s1mk4r39qejnbu3n5q?l=Joe.Doe");
        assert!(locations("a b&c=d@example.org").unwrap()[1].path.ends_with("?l=a%20b%26c%3Dd"));
    }

    #[test]
    fn what_is_no_host_is_not_asked() {
        for bad in ["joe", "@example.org", "joe@", "joe@a/b", "joe@a b", "joe@[127.0.0.1]", "joe@a\r\nb", "joe@.x"] {
            assert!(locations(bad).is_err(), "{bad:?}");
        }
    }
}
