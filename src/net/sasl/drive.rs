//! A machine's answers over a protocol that carries them in base64, line by line: IMAP's AUTHENTICATE (RFC 9051 §6.2.2) and SMTP's AUTH
//! (RFC 4954) differ in their frames only, which are the [`Wire`]'s.
//!
//! The first message goes with the command where the protocol allows it (RFC 4959, RFC 4954 §4). A fault of the server ends the dialogue
//! with `*`, and the connection is not to be used again.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::choose::Offer;
use super::{Answer, Channel, Credentials, Fault, Machine, Mechanism, Start, Way, machine};
use crate::net::secret::Secret;

/// No mechanism has as many.
const CHALLENGES_MAX: usize = 8;

/// What a server says within the dialogue; its refusal is the wire's error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// More is wanted; in base64 as it came.
    Challenge(String),
    /// We are in.
    Done,
}

/// The frames of a protocol.
pub trait Wire: Send {
    /// Its errors, a refusal among them.
    type Error: Send;

    /// Begins, with the first message where it can go with the command (base64, `=` for an empty one).
    fn begin(
        &mut self,
        mechanism: &'static str,
        first: Option<&str>,
    ) -> impl Future<Output = Result<Reply, Self::Error>> + Send;

    /// Says a line: a message in base64.
    fn say(&mut self, line: &str) -> impl Future<Output = Result<Reply, Self::Error>> + Send;

    /// Breaks off by `*` (RFC 9051 §6.2.2, RFC 4954 §4), without waiting for what the server makes of it.
    fn break_off(&mut self) -> impl Future<Output = ()> + Send;
}

/// A login that did not come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop<E> {
    /// The protocol's own: a refusal, a lost connection.
    Wire {
        /// Which.
        error: E,
        /// What the server said of it by way of the mechanism, in words.
        told: Option<String>,
    },
    /// We broke off.
    Fault(Fault),
}

impl<E> From<Fault> for Stop<E> {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// One login: a mechanism with everything that it needs.
pub struct Exchange(Box<dyn Machine>, Mechanism);

impl Exchange {
    /// Prepares a login. `secret`: the password or the token; `nonce`: printable ASCII without a comma, never the same twice.
    ///
    /// # Errors
    /// What of the user's cannot be sent by this mechanism.
    pub fn new(
        way: Way,
        credentials: &Credentials,
        secret: &Secret,
        channel: Option<&Channel>,
        offer: &Offer,
        nonce: &str,
    ) -> Result<Self, Fault> {
        let start = Start {
            mechanism: way.mechanism,
            user: &credentials.user,
            secret,
            authzid: &credentials.authzid,
            channel,
            plus_offered: offer.has_plus(),
        };
        Ok(Self(machine(&start, nonce)?, way.mechanism))
    }
}

/// Carries a login to its end. `first_allowed`: the first message may go with the command.
///
/// # Errors
/// [`Stop`]; after it the connection is not to be used again, unless the wire's error says so.
pub async fn authenticate<W: Wire>(
    wire: &mut W,
    exchange: Exchange,
    first_allowed: bool,
) -> Result<(), Stop<W::Error>> {
    let Exchange(mut machine, mechanism) = exchange;
    let mut first = machine.begin()?;
    let refused = |error, told: Option<String>| Stop::Wire { error, told };
    let with_command = if first_allowed { first.take() } else { None };
    let encoded = with_command.as_ref().map(encoded_first);
    let begun = wire.begin(mechanism.name(), encoded.as_deref().map(String::as_str)).await;
    let mut reply = begun.map_err(|error| refused(error, None))?;
    for _ in 0..CHALLENGES_MAX {
        let challenge = match reply {
            Reply::Done => return Ok(machine.may_succeed()?),
            Reply::Challenge(challenge) => challenge,
        };
        let answer = match first.take() {
            // The server's empty challenge only lets us begin; what else stands in it means nothing (RFC 4422 §3.3).
            Some(first) => Ok(first),
            None => match STANDARD.decode(challenge.trim()) {
                Ok(challenge) => {
                    let (back, answer) = answered(machine, challenge).await;
                    machine = back;
                    answer
                }
                Err(_) => Err(Fault::Malformed { mechanism, what: "what it says is not base64" }),
            },
        };
        let answer = match answer {
            Ok(answer) => Zeroizing::new(STANDARD.encode(answer.as_slice())),
            Err(fault) => {
                wire.break_off().await;
                return Err(fault.into());
            }
        };
        let said = wire.say(&answer).await;
        reply = said.map_err(|error| refused(error, machine.refusal().map(str::to_owned)))?;
    }
    wire.break_off().await;
    Err(Fault::Malformed { mechanism, what: "it goes on and on" }.into())
}

/// An empty first message is `=` with the command (RFC 4959 §3, RFC 4954 §4).
fn encoded_first(first: &Answer) -> Zeroizing<String> {
    Zeroizing::new(if first.is_empty() { "=".to_owned() } else { STANDARD.encode(first.as_slice()) })
}

/// Heavy answers are computed where they hold nobody up.
async fn answered(mut machine: Box<dyn Machine>, challenge: Vec<u8>) -> (Box<dyn Machine>, Result<Answer, Fault>) {
    if !machine.is_heavy() {
        let answer = machine.answer(&challenge);
        return (machine, answer);
    }
    let work = tokio::task::spawn_blocking(move || {
        let answer = machine.answer(&challenge);
        (machine, answer)
    });
    match work.await {
        Ok(done) => done,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is being shut down, and this task with it.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Offer, Secret, choose};
    use super::{Credentials, Exchange, Fault, Reply, Stop, Wire, authenticate};

    /// A server made of what it answers; keeps what it hears.
    struct Script {
        says: Vec<Result<Reply, &'static str>>,
        heard: Vec<String>,
    }

    impl Script {
        fn next(&mut self) -> Result<Reply, &'static str> {
            if self.says.is_empty() { Err("hung up") } else { self.says.remove(0) }
        }
    }

    impl Wire for Script {
        type Error = &'static str;

        async fn begin(&mut self, mechanism: &'static str, first: Option<&str>) -> Result<Reply, &'static str> {
            self.heard.push(format!("{mechanism} {}", first.unwrap_or("-")));
            self.next()
        }

        async fn say(&mut self, line: &str) -> Result<Reply, &'static str> {
            self.heard.push(line.to_owned());
            self.next()
        }

        async fn break_off(&mut self) {
            self.heard.push("*".to_owned());
        }
    }

    async fn play(
        offered: &str,
        first_allowed: bool,
        says: &[Result<&str, &'static str>],
    ) -> (Result<(), Stop<&'static str>>, Vec<String>) {
        let says = says
            .iter()
            .map(|one| one.map(|text| if text == "OK" { Reply::Done } else { Reply::Challenge(text.to_owned()) }));
        let mut script = Script { says: says.collect(), heard: Vec::new() };
        let credentials = Credentials::password("user", Secret::new("pencil".to_owned()));
        let offer = Offer { mechanisms: vec![offered.to_owned()], login_command: false };
        let way = choose(&credentials, &offer, None).unwrap();
        let secret = Secret::new("pencil".to_owned());
        let exchange = Exchange::new(way, &credentials, &secret, None, &offer, "rOprNGfwEbeRWgbNEkqO").unwrap();
        let result = authenticate(&mut script, exchange, first_allowed).await;
        (result, script.heard)
    }

    #[tokio::test]
    async fn the_first_message_with_the_command_or_after_it() {
        let (result, heard) = play("PLAIN", true, &[Ok("OK")]).await;
        assert_eq!((result, heard), (Ok(()), vec!["PLAIN AHVzZXIAcGVuY2ls".to_owned()]));
        let (result, heard) = play("PLAIN", false, &[Ok(""), Ok("OK")]).await;
        assert_eq!((result, heard), (Ok(()), vec!["PLAIN -".to_owned(), "AHVzZXIAcGVuY2ls".to_owned()]));
        // LOGIN speaks after prompts even where a first message is allowed.
        let (result, heard) = play("LOGIN", true, &[Ok("VXNlcm5hbWU6"), Ok("UGFzc3dvcmQ6"), Ok("OK")]).await;
        assert_eq!((result, heard), (Ok(()), vec!["LOGIN -".to_owned(), "dXNlcg==".to_owned(), "cGVuY2ls".to_owned()]));
    }

    #[tokio::test]
    async fn a_server_that_breaks_the_rules_is_broken_off() {
        const FIRST: &str = "cj1yT3ByTkdmd0ViZVJXZ2JORWtxTyVodllEcFdVYTJSYVRDQWZ1eEZJbGopaE5sRiRrMCxzPVcyMlphSjBTTlk3c29Fc1VFamI2Z1E9PSxpPTQwOTY=";
        let check = async |says: &[Result<&str, &'static str>], broken_off: bool| {
            let (result, heard) = play("SCRAM-SHA-256", true, says).await;
            let Err(Stop::Fault(fault)) = result else { panic!("{result:?}") };
            assert_eq!(heard.last().unwrap() == "*", broken_off, "{heard:?}");
            fault
        };
        // OK at once, OK before the signature, a wrong one: never in.
        assert_eq!(check(&[Ok("OK")], false).await, Fault::Impostor);
        assert_eq!(check(&[Ok(FIRST), Ok("OK")], false).await, Fault::Impostor);
        assert_eq!(check(&[Ok(FIRST), Ok("dj1BQUFB"), Ok("OK")], true).await, Fault::Impostor);
        assert!(matches!(check(&[Ok("%%%"), Ok("OK")], true).await, Fault::Malformed { .. }));
        // The signature of RFC 7677 §3 for this login.
        let last = "dj02cnJpVFJCaTIzV3BSUi93dHVwK21NaFVaVW4vZEI1bkxUSlJzamw5NUc0PQ==";
        let (result, heard) = play("SCRAM-SHA-256", false, &[Ok(""), Ok(FIRST), Ok(last), Ok("OK")]).await;
        assert_eq!((result, heard.len(), heard[3].as_str()), (Ok(()), 4, ""));
        assert!(matches!(check(&[Ok(FIRST), Ok(last), Ok(last), Ok("OK")], true).await, Fault::Malformed { .. }));
    }

    #[tokio::test]
    async fn what_the_server_says_of_its_refusal_is_kept() {
        const FIRST: &str = "cj1yT3ByTkdmd0ViZVJXZ2JORWtxTyVodllEcFdVYTJSYVRDQWZ1eEZJbGopaE5sRiRrMCxzPVcyMlphSjBTTlk3c29Fc1VFamI2Z1E9PSxpPTQwOTY=";
        // base64("e=invalid-proof")
        let (result, _) = play("SCRAM-SHA-256", true, &[Ok(FIRST), Ok("ZT1pbnZhbGlkLXByb29m"), Err("NO")]).await;
        assert_eq!(result, Err(Stop::Wire { error: "NO", told: Some("the password is wrong".to_owned()) }));
    }
}
