//! One message over an open connection: MAIL, RCPT for each recipient, DATA and the text (RFC 5321 §3.3), with SIZE (RFC 1870), 8BITMIME
//! (RFC 6152), SMTPUTF8 (RFC 6531) and DSN (RFC 3461) where the server offers them.
//!
//! A recipient who is refused by name costs the others nothing: the message goes to those whom the server takes. It ends the message
//! only where nobody is left. The final dot is the point of no return: whoever wants to know about it is called before.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{MailBodyParameter, MailParameter, RcptParameter};
use tokio::time::timeout;

use super::envelope::{Paths, check_offer};
use super::outcome::{Outcome, Phase, Refusal, Submission};
use super::reply::{Parsed, Reply, ReplyClass, contradiction, parse};
use super::submit::{Dialogue, refusal, unexpected, words};

/// The text leaves in pieces of this size, so that a stalled connection is seen.
const PIECE_BYTES: usize = 64 * 1024;
/// The longest name of an envelope (RFC 3461 §4.4).
const ENVID_MAX: usize = 100;

/// Of what a server shall send reports (RFC 3461).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// `FAILURE,DELAY` and the like, or `NEVER`.
    pub events: String,
    /// What the report will name the message by. Left out where it is longer than 100 characters or not ASCII.
    pub envelope_id: String,
}

impl Dialogue {
    /// Hands one message over.
    pub(super) async fn send(
        &mut self,
        paths: &Paths,
        raw: &[u8],
        notify: Option<&Notify>,
        before_dot: &(dyn Fn(&[Refusal]) + Send + Sync),
    ) -> Submission {
        let mut refused = Vec::new();
        let outcome = match self.transaction(paths, raw, notify, before_dot, &mut refused).await {
            Ok(reply) => Outcome::Accepted { reply },
            Err(outcome) => outcome,
        };
        Submission { outcome, refused }
    }

    async fn transaction(
        &mut self,
        paths: &Paths,
        raw: &[u8],
        notify: Option<&Notify>,
        before_dot: &(dyn Fn(&[Refusal]) + Send + Sync),
        refused: &mut Vec<Refusal>,
    ) -> Result<Reply, Outcome> {
        check_offer(&self.offer, paths, raw).map_err(Outcome::Unsendable)?;
        let notify = notify.filter(|_| self.offer.dsn);
        let parameters = self.mail_parameters(paths, raw, notify);
        self.command(Phase::Sender, Mail::new(Some(paths.from.clone()), parameters), ReplyClass::Done).await?;
        self.recipients(paths, notify, refused).await?;
        self.command(Phase::Data, Data, ReplyClass::Continue).await?;
        self.text(raw, &|| before_dot(refused)).await
    }

    fn mail_parameters(&self, paths: &Paths, raw: &[u8], notify: Option<&Notify>) -> Vec<MailParameter> {
        let mut parameters = Vec::new();
        if self.offer.size.is_some() {
            parameters.push(MailParameter::Size(raw.len()));
        }
        if !raw.is_ascii() {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let utf8 = std::iter::once(&paths.from).chain(&paths.to).any(|address| {
            let text: &str = address.as_ref();
            !text.is_ascii()
        });
        if utf8 {
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if let Some(notify) = notify {
            // The header is enough to know the message by; its text need not travel again.
            let other = |keyword: &str, value: &str| MailParameter::Other {
                keyword: keyword.to_owned(),
                value: Some(value.to_owned()),
            };
            parameters.push(other("RET", "HDRS"));
            let id = notify.envelope_id.as_str();
            if !id.is_empty() && id.len() <= ENVID_MAX && id.bytes().all(|b| b.is_ascii_graphic()) {
                parameters.push(other("ENVID", id));
            }
        }
        parameters
    }

    /// Asks for every recipient, to be able to name all that are refused; ends the message where nobody is left.
    async fn recipients(
        &mut self,
        paths: &Paths,
        notify: Option<&Notify>,
        refused: &mut Vec<Refusal>,
    ) -> Result<(), Outcome> {
        for address in &paths.to {
            let name = address.to_string();
            let mut parameters = Vec::new();
            if let Some(notify) = notify {
                let other = |keyword: &str, value: String| RcptParameter::Other {
                    keyword: keyword.to_owned(),
                    value: Some(value),
                };
                parameters.push(other("NOTIFY", notify.events.clone()));
                if name.is_ascii() {
                    parameters.push(other("ORCPT", format!("rfc822;{name}")));
                }
            }
            match self.command(Phase::Recipient, Rcpt::new(address.clone(), parameters), ReplyClass::Done).await {
                Ok(_) => {}
                // 421: the server closes the whole dialogue (RFC 5321 §3.8), it says nothing of this recipient.
                Err(Outcome::Transient { reply, .. } | Outcome::Permanent { reply, .. }) if reply.code != 421 => {
                    refused.push(Refusal { address: name, reply });
                }
                Err(outcome) => return Err(outcome),
            }
        }
        if refused.len() < paths.to.len() {
            Ok(())
        } else {
            Err(Outcome::RecipientsRefused { refused: refused.clone() })
        }
    }

    /// The text, the final dot and the reply to it. Until the final dot has been handed over, a failure means "not sent"; from then on
    /// only a reply can tell.
    async fn text(&mut self, raw: &[u8], before_dot: &(dyn Fn() + Send + Sync)) -> Result<Reply, Outcome> {
        // lettre always writes CRLF before the dot: the text's own last CRLF has to serve, or every message grows by one empty line.
        let raw = raw.strip_suffix(b"\r\n").unwrap_or(raw);
        let pieces_taken = AtomicU64::new(0);
        let all_taken = AtomicBool::new(false);
        let mut pieces = raw.chunks(PIECE_BYTES);
        let source = std::iter::from_fn(|| {
            let piece = pieces.next();
            if piece.is_none() {
                before_dot();
            }
            pieces_taken.fetch_add(1, Ordering::Relaxed);
            all_taken.store(piece.is_none(), Ordering::Relaxed);
            piece
        });
        let sending = self.connection.message_iter(source);
        tokio::pin!(sending);
        let mut seen = 0;
        let result = loop {
            let ended = all_taken.load(Ordering::Relaxed);
            let patience = if ended { self.timeouts.confirmation } else { self.timeouts.piece };
            match timeout(patience, &mut sending).await {
                Ok(result) => break Some(result),
                Err(_) if pieces_taken.load(Ordering::Relaxed) != seen => seen = pieces_taken.load(Ordering::Relaxed),
                Err(_) => break None,
            }
        };
        if !all_taken.load(Ordering::Relaxed) {
            let because = match result {
                Some(Err(error)) => words(&error),
                _ => format!("nothing was taken for {} seconds", self.timeouts.piece.as_secs()),
            };
            return Err(Outcome::NotConnected { phase: Phase::Data, because });
        }
        let heard = self.heard.bytes();
        // One answer for each recipient, as over LMTP (RFC 2033 §4.2), does not say who has it: nobody was asked for that.
        if let (Some(_), Parsed::Trailing(reply), Some(other)) = (&result, parse(&heard), contradiction(&heard)) {
            return Err(Outcome::Divided { answers: format!("{reply}; {other}") });
        }
        match (result, parse(&heard)) {
            // A reply with more behind it is still the reply to the dot: nothing else was asked.
            (Some(_), Parsed::Whole(reply) | Parsed::Trailing(reply)) => match reply.class() {
                ReplyClass::Done => Ok(reply),
                ReplyClass::Continue => Err(Outcome::Uncertain { because: format!("the server answered {reply}") }),
                ReplyClass::Transient | ReplyClass::Permanent => Err(refusal(Phase::Confirmation, reply)),
            },
            (Some(Err(error)), _) => Err(Outcome::Uncertain { because: words(&error) }),
            (Some(Ok(_)), other) => Err(Outcome::Uncertain { because: unexpected(&other) }),
            (None, _) => Err(Outcome::Uncertain {
                because: format!("no answer within {} seconds", self.timeouts.confirmation.as_secs()),
            }),
        }
    }
}
