//! OAUTHBEARER (RFC 7628): a token (RFC 6750) under SASL.
//!
//! Host and port, which are optional, are left out: they mean the server as the client named it, and behind a proxy that is not the name that
//! the token's service knows. A refusal comes as a challenge that holds JSON (§3.2.2), answered with a single %x01 (§3.2.3), after
//! which the server says its NO.

use super::{Answer, Fault, Machine, Mechanism, Secret, is_token, refusal};

pub(super) struct OAuthBearer {
    first: Option<Answer>,
    refusal: Option<String>,
}

impl OAuthBearer {
    pub(super) fn new(user: &str, token: &Secret) -> Result<Self, Fault> {
        let mechanism = Mechanism::OAuthBearer;
        is_token(mechanism, token)?;
        if user.bytes().any(|b| b < b' ') {
            return Err(Fault::Unsendable { what: "the user name", why: "holds a control character", mechanism });
        }
        // saslname (RFC 5801 §4): comma and equals sign are written out.
        let name = user.replace('=', "=3D").replace(',', "=2C");
        let mut first =
            Answer::new(Vec::with_capacity(name.len().saturating_add(token.expose().len()).saturating_add(32)));
        for piece in ["n,a=", &name, ",\u{1}auth=Bearer ", token.expose(), "\u{1}\u{1}"] {
            first.extend_from_slice(piece.as_bytes());
        }
        Ok(Self { first: Some(first), refusal: None })
    }
}

impl Machine for OAuthBearer {
    fn begin(&mut self) -> Result<Option<Answer>, Fault> {
        Ok(self.first.take())
    }

    fn answer(&mut self, challenge: &[u8]) -> Result<Answer, Fault> {
        self.refusal = Some(refusal::words(challenge));
        Ok(Answer::new(vec![1]))
    }

    fn may_succeed(&self) -> Result<(), Fault> {
        let contradiction =
            Fault::Malformed { mechanism: Mechanism::OAuthBearer, what: "it refuses the token and takes it" };
        self.refusal.as_ref().map_or(Ok(()), |_| Err(contradiction))
    }

    fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::super::{Machine, Secret};
    use super::OAuthBearer;

    #[test]
    fn the_form_of_the_standard() {
        let token = Secret::new("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==".to_owned());
        let mut machine = OAuthBearer::new("user@example.com", &token).unwrap();
        // RFC 7628 §4.1 without host and port.
        let example = "n,a=user@example.com,\u{1}auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\u{1}\u{1}";
        assert_eq!(machine.begin().unwrap().unwrap().as_slice(), example.as_bytes());
        // RFC 7628 §4.3.
        let challenge = STANDARD
            .decode("eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJleGFtcGxlX3Njb3BlIiwib3BlbmlkLWNvbmZpZ3VyYXRpb24iOiJodHRwczovL2V4YW1wbGUuY29tLy53ZWxsLWtub3duL29wZW5pZC1jb25maWd1cmF0aW9uIn0=")
            .unwrap();
        assert_eq!(STANDARD.encode(machine.answer(&challenge).unwrap().as_slice()), "AQ==");
        let words = machine.refusal().unwrap();
        assert!(words.contains("invalid_token") && words.contains("example_scope"), "{words}");
        assert!(machine.may_succeed().is_err());
    }

    #[test]
    fn names_are_written_out_and_fields_cannot_end() {
        let mut machine = OAuthBearer::new("a=b,c", &Secret::new("t".to_owned())).unwrap();
        assert!(machine.begin().unwrap().unwrap().starts_with(b"n,a=a=3Db=2Cc,\x01auth=Bearer t"));
        assert!(OAuthBearer::new("a", &Secret::new("b\u{1}c".to_owned())).is_err());
        assert!(OAuthBearer::new("a\u{1}", &Secret::new("b".to_owned())).is_err());
    }
}
