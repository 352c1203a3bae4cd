//! A connection beside the one that leads: it takes turns of the same agenda for as long as that is worth it, so that a mailbox at which the server is slow
//! or hangs holds up none of the others.
//!
//! It helps, and that is all: none of its failures is the account's. A mailbox at which one of its passes fails goes back, and is the leading connection's
//! for the round; what is said of it then is said there. A server that gives no further connection is not asked again in the same round, one that ends it
//! after growing waits, and a refused password is not sent again before there is another one or the leading connection came in with it.

use std::sync::Arc;

use tokio::time::{Instant, sleep, sleep_until};

use super::account::AccountSetup;
use super::auth;
use super::begin;
use super::error::Error;
use super::lanes::Lane;
use super::order::End;
use super::sink::Sink;
use super::worker::{Present, Shared, chance, sync_mailbox};
use crate::net::Culprit;
use crate::net::backoff::Backoff;

/// How a connection beside came to its end.
enum Ended {
    /// Nothing is left to do for it.
    Over,
    /// There is none.
    NotOpened(Error),
    /// It was lost, or the leading one was.
    Lost,
}

/// Connects whenever it is worth it, until the worker ends.
pub(super) async fn beside<S: Sink>(lane: Lane, setup: Arc<AccountSetup>, sink: Arc<S>, shared: Arc<Shared>) {
    let mut backoff = Backoff::new(setup.times.retry_first, setup.times.retry_ceiling);
    while !shared.has_ended() {
        let present = tokio::select! {
            present = shared.worth_it(lane, setup.times.patience) => present,
            () = shared.ended() => return,
        };
        let round = shared.round();
        let mut is_useful = false;
        let ended = tokio::select! {
            ended = help(lane, &setup, &*sink, &shared, &present, &mut is_useful) => ended,
            () = shared.unwanted() => {
                drop(present);
                tokio::select! {
                    () = shared.wanted() => continue,
                    () = shared.ended() => return,
                }
            }
        };
        drop(present);
        if is_useful {
            backoff.reset();
        }
        let is_opened = match ended {
            Ended::Over => continue,
            Ended::Lost => true,
            Ended::NotOpened(e) if e.culprit() == Culprit::Credentials => {
                shared.set_refused(true);
                continue;
            }
            Ended::NotOpened(_) => false,
        };
        let pause = async {
            sleep(backoff.next(chance())).await;
            if !is_opened {
                shared.another_round(round).await;
            }
        };
        tokio::select! {
            () = pause => {}
            () = shared.ended() => return,
        }
    }
}

/// One connection: connects, takes turns, and takes its leave.
async fn help<S: Sink>(
    lane: Lane,
    setup: &AccountSetup,
    sink: &S,
    shared: &Shared,
    present: &Present<'_>,
    is_useful: &mut bool,
) -> Ended {
    let opened = async {
        let mut session = auth::open(setup, &shared.credentials()).await?;
        let begun = begin::start(&mut session).await?;
        begin::finish(&mut session, begun).await?;
        Ok(session)
    };
    let mut session = match opened.await {
        Ok(session) => session,
        Err(e) => return Ended::NotOpened(e),
    };
    present.opened();
    // What goes wrong here is not closed in on here.
    let mut suspects = shared.suspects_beside();
    let mut stirred = shared.stirred();
    let mut idle_since = Instant::now();
    loop {
        session.alerts.drain(..).for_each(|text| sink.alert(&text));
        stirred.mark_unchanged();
        let Some(hand) = shared.take_turn(sink, lane) else {
            if shared.is_over() {
                session.logout().await;
                return Ended::Over;
            }
            tokio::select! {
                _ = stirred.changed() => continue,
                // Servers end what is silent for half an hour.
                () = sleep_until(idle_since + setup.times.idle) => {
                    session.logout().await;
                    return Ended::Over;
                }
                () = shared.down() => {
                    session.logout().await;
                    return Ended::Lost;
                }
            }
        };
        let urgent = || shared.is_urgent(lane, &hand.turn);
        let made = tokio::select! {
            made = sync_mailbox(setup, sink, &mut session, &mut suspects, &hand.turn, &urgent, shared) => made,
            () = shared.cut_off(setup.times.patience) => return Ended::Lost,
        };
        idle_since = Instant::now();
        match made {
            Ok(end) => {
                *is_useful |= end != End::Interrupted;
                hand.ended(end);
            }
            Err(e) => {
                hand.give_back();
                if !e.session_lives() {
                    return Ended::Lost;
                }
            }
        }
    }
}
