//! What a session says first after the login: ENABLE (RFC 5161), ID (RFC 2971), NAMESPACE (RFC 2342), each only where it is offered.
//!
//! They are sent together with whatever command comes first, so that they cost no round trip of their own, and none of them can fail the
//! session. ID tells the program's name and nothing else: no version, no system, no user. Where NAMESPACE is missing, mailboxes are made
//! without prefix, as RFC 2342 expects it of such servers.

use imap_proto::{Capability, Response};

use super::capability::Capabilities;
use super::command::Command;
use super::error::Error;
use super::session::{Pending, Session, Use, Wire};
use super::untagged::Untagged;

/// What was said and is not answered yet.
#[derive(Debug, Default)]
pub(super) struct Begun {
    enable: Option<Pending>,
    id: Option<Pending>,
    namespace: Option<Pending>,
}

/// Says it, once in a session.
pub(super) async fn start<S: Wire>(session: &mut Session<S>) -> Result<Begun, Error> {
    let mut begun = Begun::default();
    if std::mem::replace(&mut session.begun, true) {
        return Ok(begun);
    }
    if session.capabilities.has("QRESYNC") && session.capabilities.has("ENABLE") {
        begun.enable = Some(session.start("to enable QRESYNC", &Command::plain("ENABLE QRESYNC")).await?);
    }
    if session.capabilities.has("ID") {
        begun.id = Some(session.start("what it is", &Command::plain("ID (\"name\" \"casemail\")")).await?);
    }
    if session.capabilities.has("NAMESPACE") {
        begun.namespace = Some(session.start("for its namespaces", &Command::plain("NAMESPACE")).await?);
    }
    Ok(begun)
}

/// Reads the answers. A refusal of any of them is no failure.
pub(super) async fn finish<S: Wire>(session: &mut Session<S>, begun: Begun) -> Result<(), Error> {
    if let Some(pending) = begun.enable {
        // The codec gives ENABLED (RFC 5161 §3.2) the shape that a CAPABILITY has. What it does not name is not enabled, whatever the OK.
        let mut named = false;
        let said = session.finish(pending, |response| {
            if let Response::Capabilities(list) = response
                && !list.contains(&Capability::Imap4rev1)
            {
                named |= Capabilities::of(list).has("QRESYNC");
            }
            Use::Taken
        });
        session.qresync = lives(said.await)? && named;
    }
    if let Some(pending) = begun.id {
        let mut found = None;
        let said = session.finish_own(pending, |own| {
            let Untagged::Id(pairs) = own else { return Use::Unasked };
            found = Some(pairs.clone());
            Use::Taken
        });
        lives(said.await)?;
        session.server_id = found.unwrap_or_default();
    }
    if let Some(pending) = begun.namespace {
        let mut found = None;
        let said = session.finish_own(pending, |own| {
            let Untagged::Namespace(namespace) = own else { return Use::Unasked };
            found = Some(namespace.clone());
            Use::Taken
        });
        lives(said.await)?;
        session.namespace = found.unwrap_or_default();
    }
    Ok(())
}

/// Whether the server took it; an error only where the session cannot go on.
fn lives<T>(result: Result<T, Error>) -> Result<bool, Error> {
    match result {
        Ok(_) => Ok(true),
        Err(e) if e.session_lives() => Ok(false),
        Err(e) => Err(e),
    }
}
