//! XOAUTH2 (developers.google.com/gmail/imap/xoauth2-protocol; learn.microsoft.com, "Authenticate an IMAP, POP or SMTP connection using
//! OAuth"): a token in the form that was there before RFC 7628. Exchange Online knows no other.
//!
//! A refusal may come as a challenge that holds JSON; it is answered with an empty message, after which the server says its NO. Exchange
//! Online leaves the challenge out and says NO at once, in IMAP and SMTP alike.

use super::{Answer, Fault, Machine, Mechanism, Secret, is_token, refusal};

pub(super) struct XOAuth2 {
    first: Option<Answer>,
    refusal: Option<String>,
}

impl XOAuth2 {
    pub(super) fn new(user: &str, token: &Secret) -> Result<Self, Fault> {
        is_token(Mechanism::XOAuth2, token)?;
        if user.bytes().any(|b| b < b' ') {
            let why = "holds a control character";
            return Err(Fault::Unsendable { what: "the user name", why, mechanism: Mechanism::XOAuth2 });
        }
        let mut first =
            Answer::new(Vec::with_capacity(user.len().saturating_add(token.expose().len()).saturating_add(32)));
        for piece in ["user=", user, "\u{1}auth=Bearer ", token.expose(), "\u{1}\u{1}"] {
            first.extend_from_slice(piece.as_bytes());
        }
        Ok(Self { first: Some(first), refusal: None })
    }
}

impl Machine for XOAuth2 {
    fn begin(&mut self) -> Result<Option<Answer>, Fault> {
        Ok(self.first.take())
    }

    fn answer(&mut self, challenge: &[u8]) -> Result<Answer, Fault> {
        self.refusal = Some(refusal::words(challenge));
        Ok(Answer::default())
    }

    fn may_succeed(&self) -> Result<(), Fault> {
        match self.refusal {
            None => Ok(()),
            Some(_) => {
                Err(Fault::Malformed { mechanism: Mechanism::XOAuth2, what: "it refuses the token and takes it" })
            }
        }
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
    use super::XOAuth2;

    #[test]
    fn the_example_of_its_makers() {
        let token = Secret::new("ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg".to_owned());
        let mut machine = XOAuth2::new("someuser@example.com", &token).unwrap();
        let first = STANDARD.encode(machine.begin().unwrap().unwrap().as_slice());
        assert_eq!(
            first,
            "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ=="
        );
        let challenge = STANDARD
            .decode(
                "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIG1hYyIsInNjb3BlIjoiaHR0cHM6Ly9tYWlsLmdvb2dsZS5jb20vIn0K",
            )
            .unwrap();
        assert_eq!(machine.answer(&challenge).unwrap().as_slice(), b"");
        let words = machine.refusal().unwrap();
        assert!(words.contains("401") && words.contains("https://mail.google.com/"), "{words}");
        assert!(machine.may_succeed().is_err());
    }

    #[test]
    fn no_field_can_end_another() {
        for (user, token) in [("a\u{1}b", "c"), ("a", "b\u{1}auth=Bearer c"), ("a", "b c"), ("a", ""), ("a\r\n", "b")] {
            assert!(XOAuth2::new(user, &Secret::new(token.to_owned())).is_err(), "{user:?} {token:?}");
        }
    }
}
