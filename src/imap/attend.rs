//! The second connection of an account: it stands in IDLE on INBOX (RFC 2177) and serves requests at once, whatever the first is doing.
//!
//! IDLE by hand: the codec's own panics on one answer, waits for ever on another and calls a lost connection an interruption. It is
//! renewed every few minutes, because address translation forgets silent connections long before the standard's half hour.

use std::sync::Arc;
use std::time::Duration;

use imap_proto::Response;
use tokio::time::{Instant, sleep_until, timeout};

use super::account::AccountSetup;
use super::auth;
use super::begin;
use super::command::{Command, Opening};
use super::error::Error;
use super::plan::Server;
use super::select::select;
use super::serve::{Open, serve};
use super::session::{Pending, Session, Use, Wire};
use super::suspects::Extra;
use super::worker::Shared;

/// Without IDLE the server is asked this often.
const ASK: Duration = Duration::from_secs(30);

const DOING: &str = "to wait for new mail";

/// RFC 5465 §6. Of the selected mailbox as without it.
const NOTIFY: &str = "NOTIFY SET (SELECTED (MessageNew MessageExpunge FlagChange)) \
     (PERSONAL (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange))";

/// Connects, then waits and serves until the session ends.
pub(super) async fn attend(setup: &AccountSetup, shared: &Arc<Shared>) -> Result<(), Error> {
    let mut session = auth::open(setup, &shared.credentials()).await?;
    let begun = begin::start(&mut session).await?;
    begin::finish(&mut session, begun).await?;
    // Where the server tells of other mailboxes, new mail in them is seen at once, without a connection for each. What it does not
    // know of this (BADEVENT, or all of it) is found by the next look around.
    if session.capabilities.has("NOTIFY") && shared.uses(Extra::Notify) {
        session.notified = true;
        let told = session.run("to tell of other mailboxes", &Command::plain(NOTIFY), |_| Use::Unasked).await;
        shared.came_of(Extra::Notify, &told);
        match told {
            Ok(_) => {}
            Err(e) if e.session_lives() => session.notified = false,
            Err(e) => return Err(e),
        }
    }
    let _present = Presence::new(shared);
    let mut inbox: Option<Server> = None;
    let mut open: Open = None;
    loop {
        let mut has_served = false;
        while let Some((request, last_try)) = shared.take() {
            has_served = true;
            if let Err(end) = serve(&mut session, &mut open, shared, request, last_try).await {
                let (e, again) = *end;
                if let Some(request) = again {
                    shared.put_back(request);
                }
                return Err(e);
            }
        }
        if has_served && timeout(setup.times.linger, shared.requested()).await.is_ok() {
            continue;
        }
        if session.selected.as_deref() != Some("INBOX") {
            let selected = select(&mut session, "INBOX", Opening::Plain).await?;
            // While it was not open here, INBOX was not watched.
            match inbox {
                None => shared.inbox_opened(&selected.server),
                Some(before) if before != selected.server => shared.changed("INBOX"),
                Some(_) => {}
            }
            inbox = Some(selected.server);
            open = Some(selected);
        }
        if session.capabilities.has("IDLE") {
            idle(&mut session, shared, setup.times.idle).await?;
        } else {
            ask(&mut session, shared, setup.times.idle).await?;
        }
        pass_on(&mut session, shared);
        if std::mem::take(&mut session.news) {
            shared.changed("INBOX");
            // What SELECT said is out of date; it is compared again only after another mailbox was open.
            if let Some(server) = inbox.as_mut() {
                server.exists = session.exists;
            }
        }
    }
}

/// What the server told of other mailboxes goes to the syncing task.
fn pass_on<S: Wire>(session: &mut Session<S>, shared: &Shared) {
    for name in std::mem::take(&mut session.told) {
        shared.changed(&name);
    }
    if std::mem::take(&mut session.told_all) {
        shared.look_around();
    }
}

/// Without IDLE: waits for a while, or until a request comes, and asks what there is.
async fn ask<S: Wire>(session: &mut Session<S>, shared: &Shared, renew: Duration) -> Result<(), Error> {
    let _ = timeout(ASK.min(renew), shared.requested()).await;
    let pending = session.start(DOING, &Command::plain("NOOP")).await?;
    run_watching(session, pending).await
}

/// One IDLE: until a request comes or it is time to renew it.
async fn idle<S: Wire>(session: &mut Session<S>, shared: &Shared, renew: Duration) -> Result<(), Error> {
    let pending = session.start(DOING, &Command::plain("IDLE")).await?;
    match session.continuation(&pending).await {
        Ok(()) => {}
        // A server that offers IDLE and refuses it now: wait as if it had none.
        Err(e) if e.session_lives() => return ask(session, shared, renew).await,
        Err(e) => return Err(e),
    }
    let until = Instant::now() + renew;
    loop {
        if std::mem::take(&mut session.news) {
            shared.changed("INBOX");
        }
        pass_on(session, shared);
        tokio::select! {
            answer = session.read(DOING) => {
                let answer = answer?;
                match answer.codec() {
                    Some(Response::Done { .. } | Response::Continue(_)) => {
                        return Err(Error::Nonsense {
                            doing: DOING.to_owned(),
                            words: "it ends the waiting that only we may end".to_owned(),
                        });
                    }
                    // A flag that was set elsewhere.
                    Some(Response::Fetch(..)) => session.news = true,
                    _ => session.note(&answer),
                }
            }
            () = shared.requested() => break,
            () = sleep_until(until) => break,
        }
    }
    session.write(DOING, b"DONE\r\n").await?;
    run_watching(session, pending).await
}

/// Ends a command in whose answer servers tell what happened meanwhile: flags that were set elsewhere are news.
async fn run_watching<S: Wire>(session: &mut Session<S>, pending: Pending) -> Result<(), Error> {
    let mut flags = false;
    let done = session
        .finish(pending, |response| {
            let is_flags = matches!(response, Response::Fetch(..));
            flags |= is_flags;
            if is_flags { Use::Taken } else { Use::Unasked }
        })
        .await;
    session.news |= flags;
    done.map(drop)
}

/// While it lives, requests are served here and INBOX is watched.
struct Presence<'a>(&'a Shared);

impl<'a> Presence<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.set_attended(true);
        Self(shared)
    }
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        self.0.set_attended(false);
    }
}
