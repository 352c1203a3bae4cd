//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677): the password never leaves this machine, and the server proves that it knows it.
//!
//! What is checked, in this order: the nonce begins with ours; no extension that we do not know is mandatory; the rounds are neither too few
//! to protect a recorded login nor too many to be honest; the server's signature, without which nothing that it says is believed
//! ([`Machine::may_succeed`]). The channel's state is told in the GS2 header: `p=` binds, `y` tells a server that did offer binding
//! that somebody took the offer away (RFC 5802 §6), `n` is for channels that have no name.
//!
//! Never asks, never caches: the salted password lives as long as the login does.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Answer, Fault, Machine, Mechanism, Start};

/// RFC 7677 §4.
pub(super) const ROUNDS_MIN: u32 = 4_096;
/// Half a second of one core; the highest in use (OWASP's for PBKDF2) is 600,000.
pub(super) const ROUNDS_MAX: u32 = 1_000_000;
/// More than any salt or nonce of a real server.
const FIELD_MAX: usize = 1_024;

type Key = Zeroizing<[u8; 32]>;

pub(super) struct Scram {
    mechanism: Mechanism,
    password: Zeroizing<String>,
    /// With the channel's bytes behind it: what `c=` carries.
    gs2_and_channel: Vec<u8>,
    gs2: String,
    first_bare: String,
    nonce: String,
    state: State,
    refusal: Option<String>,
}

enum State {
    New,
    FirstSent,
    /// What the server has to prove.
    FinalSent {
        server_signature: Zeroizing<Vec<u8>>,
    },
    Proved,
    Refused,
}

impl Scram {
    /// `nonce`: printable ASCII without a comma, never the same twice.
    pub(super) fn new(start: &Start<'_>, nonce: &str) -> Result<Self, Fault> {
        let mechanism = start.mechanism;
        let prepared = |what: &'static str, text: &str| {
            let prepared = stringprep::saslprep(text).map(|text| Zeroizing::new(text.into_owned()));
            let fault = |why| Fault::Unsendable { what, why, mechanism };
            match prepared {
                Err(_) => Err(fault("holds a character that RFC 4013 forbids")),
                Ok(text) if text.is_empty() => Err(fault("is empty once prepared by RFC 4013")),
                Ok(text) => Ok(text),
            }
        };
        let user = prepared("the user name", start.user)?;
        let password = prepared("the password", start.secret.expose())?;
        let (gs2, channel) = match (mechanism, start.channel) {
            (Mechanism::ScramSha256Plus, Some(channel)) => {
                (format!("p={},,", channel.binding.name()), channel.data.as_slice())
            }
            (_, Some(_)) if !start.plus_offered => ("y,,".to_owned(), &[][..]),
            _ => ("n,,".to_owned(), &[][..]),
        };
        let mut gs2_and_channel = gs2.clone().into_bytes();
        gs2_and_channel.extend_from_slice(channel);
        let name = user.replace('=', "=3D").replace(',', "=2C");
        Ok(Self {
            mechanism,
            password,
            gs2_and_channel,
            gs2,
            first_bare: format!("n={name},r={nonce}"),
            nonce: nonce.to_owned(),
            state: State::New,
            refusal: None,
        })
    }

    fn malformed(&self, what: &'static str) -> Fault {
        Fault::Malformed { mechanism: self.mechanism, what }
    }

    /// From the server's first message to our last.
    fn prove(&mut self, challenge: &[u8]) -> Result<Answer, Fault> {
        let text = std::str::from_utf8(challenge).map_err(|_| self.malformed("its first message is not UTF-8"))?;
        let first = ServerFirst::parse(text).map_err(|what| self.malformed(what))?;
        if !first.nonce.starts_with(&self.nonce) || first.nonce.len() <= self.nonce.len() {
            return Err(Fault::Replayed);
        }
        if first.rounds > u64::from(ROUNDS_MAX) {
            return Err(Fault::ManyRounds(first.rounds));
        }
        let rounds = u32::try_from(first.rounds).unwrap_or(ROUNDS_MAX);
        if rounds < ROUNDS_MIN {
            return Err(Fault::FewRounds(rounds));
        }
        let bare = format!("c={},r={}", STANDARD.encode(&self.gs2_and_channel), first.nonce);
        let signed = format!("{},{text},{bare}", self.first_bare);
        let salted = salted(self.password.as_bytes(), &first.salt, rounds);
        let client_key = hmac(salted.as_slice(), b"Client Key");
        let stored_key = Sha256::digest(client_key.as_slice());
        let client_signature = hmac(stored_key.as_slice(), signed.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(client_signature.iter()).map(|(key, sign)| key ^ sign).collect();
        let server_key = hmac(salted.as_slice(), b"Server Key");
        let server_signature = Zeroizing::new(hmac(server_key.as_slice(), signed.as_bytes()).to_vec());
        self.state = State::FinalSent { server_signature };
        Ok(Answer::new(format!("{bare},p={}", STANDARD.encode(proof)).into_bytes()))
    }

    /// The server's last message: `v=` and its signature, or `e=` and why not.
    fn verify(&mut self, challenge: &[u8], expected: &[u8]) -> Result<Answer, Fault> {
        let text = std::str::from_utf8(challenge).map_err(|_| self.malformed("its last message is not UTF-8"))?;
        if let Some(error) = text.strip_prefix("e=") {
            self.refusal = Some(words(error));
            self.state = State::Refused;
            return Ok(Answer::default());
        }
        let signature = text.strip_prefix("v=").map(|rest| rest.split(',').next().unwrap_or_default());
        let signature = signature.and_then(|signature| STANDARD.decode(signature).ok()).ok_or(Fault::Impostor)?;
        if !is_same(&signature, expected) {
            return Err(Fault::Impostor);
        }
        self.state = State::Proved;
        Ok(Answer::default())
    }
}

impl Machine for Scram {
    fn begin(&mut self) -> Result<Option<Answer>, Fault> {
        self.state = State::FirstSent;
        Ok(Some(Answer::new(format!("{}{}", self.gs2, self.first_bare).into_bytes())))
    }

    fn answer(&mut self, challenge: &[u8]) -> Result<Answer, Fault> {
        match std::mem::replace(&mut self.state, State::Refused) {
            State::FirstSent => self.prove(challenge),
            State::FinalSent { server_signature } => self.verify(challenge, &server_signature),
            State::New | State::Proved | State::Refused => Err(self.malformed("it goes on after its last message")),
        }
    }

    fn may_succeed(&self) -> Result<(), Fault> {
        if matches!(self.state, State::Proved) { Ok(()) } else { Err(Fault::Impostor) }
    }

    fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    fn is_heavy(&self) -> bool {
        matches!(self.state, State::FirstSent)
    }
}

/// `r=…,s=…,i=…` and extensions (RFC 5802 §7 `server-first-message`).
struct ServerFirst<'a> {
    nonce: &'a str,
    salt: Vec<u8>,
    rounds: u64,
}

impl<'a> ServerFirst<'a> {
    fn parse(text: &'a str) -> Result<Self, &'static str> {
        let mut fields = text.split(',');
        let mut field = |name: &str| fields.next().and_then(|field| field.strip_prefix(name));
        if text.starts_with("m=") {
            return Err("it demands an extension that this program does not have");
        }
        let nonce = field("r=").filter(|nonce| nonce.len() <= FIELD_MAX).ok_or("its first message has no nonce")?;
        if !nonce.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("its nonce is not printable");
        }
        let salt = field("s=").and_then(|salt| STANDARD.decode(salt).ok());
        let salt = salt.filter(|salt| (1..=FIELD_MAX).contains(&salt.len())).ok_or("its first message has no salt")?;
        let rounds = field("i=").filter(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
        let rounds = rounds.ok_or("its first message has no number of rounds")?;
        Ok(Self { nonce, salt, rounds: rounds.parse().unwrap_or(u64::MAX) })
    }
}

/// `server-error-value` (RFC 5802 §7) in words; the rest is foreign text and shortened.
fn words(error: &str) -> String {
    let code: String =
        error.split(',').next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(80).collect();
    match code.as_str() {
        "invalid-proof" => "the password is wrong".to_owned(),
        "unknown-user" => "the user name is not known".to_owned(),
        "channel-bindings-dont-match" => {
            "the server sees another TLS channel than we do: somebody stands between, a proxy or an attacker".to_owned()
        }
        "server-does-support-channel-binding" => {
            "the server offers channel binding, and somebody took the offer away on its way to us".to_owned()
        }
        "channel-binding-not-supported" | "unsupported-channel-binding-type" => {
            format!("the server cannot bind to this channel ({code})")
        }
        _ => code,
    }
}

fn keyed(key: &[u8]) -> Option<Hmac<Sha256>> {
    Hmac::<Sha256>::new_from_slice(key).ok()
}

fn hmac(key: &[u8], text: &[u8]) -> Key {
    // A key of any length is taken; the empty answer cannot be.
    Zeroizing::new(keyed(key).map(|mac| mac.chain_update(text).finalize().into_bytes().into()).unwrap_or_default())
}

/// Compares in constant time: HMACs of both, which nobody can steer.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    keyed(b"casemail").is_some_and(|mac| mac.chain_update(a).verify_slice(hmac(b"casemail", b).as_slice()).is_ok())
}

/// `Hi` (RFC 5802 §2.2), which is PBKDF2 with HMAC-SHA-256 and one block.
fn salted(password: &[u8], salt: &[u8], rounds: u32) -> Key {
    let Some(mac) = keyed(password) else { return Key::default() };
    let first: [u8; 32] =
        mac.clone().chain_update(salt).chain_update(1_u32.to_be_bytes()).finalize().into_bytes().into();
    let mut last = Zeroizing::new(first);
    let mut sum = last.clone();
    for _ in 1..rounds {
        *last = mac.clone().chain_update(last.as_slice()).finalize().into_bytes().into();
        for (sum, last) in sum.iter_mut().zip(last.iter()) {
            *sum ^= last;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::super::{Binding, Channel, Fault, Machine, Mechanism, Secret, Start};
    use super::{Scram, salted};

    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const LAST: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    fn scram(
        mechanism: Mechanism,
        channel: Option<&Channel>,
        plus_offered: bool,
        password: &str,
    ) -> Result<Scram, Fault> {
        let secret = Secret::new(password.to_owned());
        Scram::new(&Start { mechanism, user: "user", secret: &secret, authzid: "", channel, plus_offered }, NONCE)
    }

    /// The login of RFC 7677 §3, up to what the client says last.
    fn ready() -> Scram {
        let mut scram = scram(Mechanism::ScramSha256, None, false, "pencil").unwrap();
        assert_eq!(scram.begin().unwrap().unwrap().as_slice(), b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        scram
    }

    fn text(answer: &[u8]) -> &str {
        std::str::from_utf8(answer).unwrap()
    }

    #[test]
    fn the_login_of_the_standard() {
        let mut scram = ready();
        assert!(scram.is_heavy() && scram.may_succeed().is_err());
        assert_eq!(
            text(&scram.answer(FIRST.as_bytes()).unwrap()),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert!(scram.may_succeed().is_err(), "nothing is believed before the signature");
        assert_eq!(text(&scram.answer(LAST.as_bytes()).unwrap()), "");
        assert_eq!(scram.may_succeed(), Ok(()));
        assert!(scram.answer(b"").is_err());
    }

    #[test]
    fn a_server_that_proves_nothing_is_not_believed() {
        for last in [
            "v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95A==",
            "v=",
            "v=%%%",
            "",
            "x=1",
        ] {
            let mut scram = ready();
            scram.answer(FIRST.as_bytes()).unwrap();
            assert_eq!(scram.answer(last.as_bytes()), Err(Fault::Impostor), "{last}");
            assert_eq!(scram.may_succeed(), Err(Fault::Impostor));
        }
        let mut scram = ready();
        scram.answer(FIRST.as_bytes()).unwrap();
        assert_eq!(scram.answer(b"e=invalid-proof").unwrap().as_slice(), b"");
        assert_eq!(scram.refusal(), Some("the password is wrong"));
        assert!(scram.may_succeed().is_err());
    }

    #[test]
    fn first_messages_that_are_refused() {
        let check = |first: &str, expected: &dyn Fn(&Fault) -> bool| {
            let mut scram = ready();
            let fault = scram.answer(first.as_bytes()).unwrap_err();
            assert!(expected(&fault), "{first}: {fault}");
            assert!(scram.may_succeed().is_err() && scram.answer(LAST.as_bytes()).is_err());
        };
        let replayed = |fault: &Fault| *fault == Fault::Replayed;
        let malformed = |fault: &Fault| matches!(fault, Fault::Malformed { .. });
        // Another login's nonce, ours with nothing added, a part of ours.
        check("r=anotherNonceOfAnotherDay,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", &replayed);
        check("r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", &replayed);
        check("r=rOprNGfwEbeRWgbNE,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", &replayed);
        check("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095", &|fault| *fault == Fault::FewRounds(4_095));
        check("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0", &|fault| *fault == Fault::FewRounds(0));
        for rounds in ["1000001", "4294967296", "99999999999999999999999999"] {
            let first = format!("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i={rounds}");
            check(&first, &|fault| matches!(fault, Fault::ManyRounds(_)));
        }
        check("m=x,r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", &malformed);
        check("r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096", &malformed);
        check("r=rOprNGfwEbeRWgbNEkqOx,s=%%,i=4096", &malformed);
        check("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=-4096", &malformed);
        check("r=rOprNGfwEbeRWgbNEkqO x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", &malformed);
        // Cut off anywhere, it is never taken for whole; only digits of the rounds may be missing, which are too few then.
        for cut in 0..FIRST.len() {
            let mut scram = ready();
            assert!(scram.answer(&FIRST.as_bytes()[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn the_channel_is_told() {
        let channel = Channel { binding: Binding::Exporter, data: vec![0xff; 32] };
        let first = |mut scram: Scram| text(&scram.begin().unwrap().unwrap()).split(',').next().unwrap().to_owned();
        let plain = Mechanism::ScramSha256;
        assert_eq!(first(scram(plain, None, true, "pencil").unwrap()), "n");
        assert_eq!(
            first(scram(plain, Some(&channel), false, "pencil").unwrap()),
            "y",
            "an attacker may have taken it away"
        );
        let mut plus = scram(Mechanism::ScramSha256Plus, Some(&channel), true, "pencil").unwrap();
        assert!(text(&plus.begin().unwrap().unwrap()).starts_with("p=tls-exporter,,n=user,"));
        let last = plus.answer(FIRST.as_bytes()).unwrap();
        // base64("p=tls-exporter,," and 32 bytes of the channel)
        let carried = format!("c=cD10bHMtZXhwb3J0ZXIsLP{},r=", "/".repeat(42));
        assert!(text(&last).starts_with(&carried), "{}", text(&last));
    }

    #[test]
    fn passwords_and_names_are_prepared() {
        // RFC 4013 §3: a soft hyphen vanishes, a ligature opens, a control character is refused.
        let proof = |password: &str| {
            let mut scram = scram(Mechanism::ScramSha256, None, false, password).unwrap();
            scram.begin().unwrap();
            text(&scram.answer(FIRST.as_bytes()).unwrap()).to_owned()
        };
        assert_eq!(proof("pen\u{ad}cil"), proof("pencil"));
        assert_eq!(proof("\u{fb01}n"), proof("fin"));
        assert!(matches!(scram(Mechanism::ScramSha256, None, false, "a\u{7}b"), Err(Fault::Unsendable { .. })));
        assert!(matches!(scram(Mechanism::ScramSha256, None, false, ""), Err(Fault::Unsendable { .. })));
        let secret = Secret::new("x".to_owned());
        let start = Start {
            mechanism: Mechanism::ScramSha256,
            user: "a=b,c",
            secret: &secret,
            authzid: "",
            channel: None,
            plus_offered: false,
        };
        let mut named = Scram::new(&start, NONCE).unwrap();
        assert!(text(&named.begin().unwrap().unwrap()).starts_with("n,,n=a=3Db=2Cc,r="));
    }

    #[test]
    fn hi_is_pbkdf2() {
        // RFC 7914 §11: PBKDF2-HMAC-SHA-256 of "passwd" and "salt", one round, first block.
        assert_eq!(
            hex::encode(salted(b"passwd", b"salt", 1).as_slice()),
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
        );
    }
}
