//! A look around: which mailboxes there are, which of them are called otherwise now, and what became of those that are held and not listed.
//!
//! What is decided is decided in [`plan`] and [`renames`]; here it is asked and told.

use std::collections::{HashMap, HashSet};

use super::account::AccountSetup;
use super::command::{Command, Items, Opening};
use super::error::Error;
use super::item::{Item, item};
use super::mailboxes::{self, Found, List};
use super::order::{self, Outlook};
use super::plan::{self, Again, Fate, Missing, Place, Said};
use super::renames;
use super::select::select;
use super::session::{Session, Use, Wire};
use super::sink::{Known, MailboxInfo, Sample, Sink};
use super::suspects::Suspects;
use super::sync::take;
use super::uid_set::UidSet;
use super::untagged::Status;

/// Messages that are looked at to know a mailbox again.
const SAMPLES: usize = 8;

/// Mailboxes that are asked for their state only because one of them may be the new name of another.
const ASKED_MAX: usize = 500;

/// Lists the mailboxes, recognises those that were renamed, lets go of those that are gone, tells of all, and gives them, with what is to be
/// expected of those in which something may have changed.
pub(super) async fn look<S: Sink, W: Wire>(
    setup: &AccountSetup,
    sink: &S,
    session: &mut Session<W>,
    suspects: &mut Suspects,
) -> Result<(Vec<Found>, Vec<Outlook>), Error> {
    let mut known = sink.known().await?;
    let mut list = mailboxes::list(session, setup.sent_mailbox.as_deref(), &setup.skip, &known, suspects).await?;
    if list.unread {
        sink.noted("the server names a mailbox in a way that cannot be read: it is left out");
    }
    let is_missing = |known: &Known, list: &List| !list.chosen.iter().any(|found| found.info.name == known.name);
    let mut unlisted = Vec::new();
    let mut missing: Vec<String> =
        known.iter().filter(|known| is_missing(known, &list)).map(|known| known.name.clone()).collect();
    if !missing.is_empty() {
        missing.sort_unstable();
        let renamed = renamed(sink, session, &setup.skip, &list, &known, suspects).await?;
        for (from, to) in &renamed {
            known.iter_mut().filter(|known| known.name == *from).for_each(|known| known.name.clone_from(to));
        }
        unlisted = settle(setup, sink, session, &mut list, missing, &renamed, suspects).await?;
    }
    sink.mailboxes(list.chosen.iter().map(|found| found.info.clone()).collect()).await?;
    let mut found = list.chosen;
    found.append(&mut unlisted);
    let changed = found
        .iter()
        .filter_map(|found| {
            let known = known.iter().find(|known| known.name == found.info.name);
            let idle = matches!((known, &found.status), (Some(known), Some(status)) if plan::unchanged(known, status));
            (!idle).then(|| order::outlook(&found.info.name, known, found.status.as_ref()))
        })
        .collect();
    Ok((found, changed))
}

/// Which mailboxes are called otherwise now: new names by former ones.
async fn renamed<S: Sink, W: Wire>(
    sink: &S,
    session: &mut Session<W>,
    skip: &[String],
    list: &List,
    known: &[Known],
    suspects: &mut Suspects,
) -> Result<HashMap<String, String>, Error> {
    let is_known = |name: &str| known.iter().any(|known| known.name == name);
    let listed = || list.chosen.iter().chain(&list.others);
    // A server without LIST-STATUS has said nothing of them yet.
    let silent: Vec<String> = listed()
        .filter(|found| found.status.is_none() && !is_known(&found.info.name) && !skip.contains(&found.info.name))
        .map(|found| found.info.name.clone())
        .take(ASKED_MAX)
        .collect();
    let asked = mailboxes::ask(session, &silent, suspects).await?;
    let told = |found: &Found| {
        let asked = || asked.get(&found.info.name).and_then(|answer| answer.as_ref().ok());
        found.status.as_ref().or_else(asked).cloned()
    };
    let states: Vec<(String, Option<Status>)> = listed()
        .filter(|found| !skip.contains(&found.info.name))
        .map(|found| (found.info.name.clone(), told(found)))
        .collect();
    let states: Vec<(&str, Option<&Status>)> =
        states.iter().map(|(name, status)| (name.as_str(), status.as_ref())).collect();
    let mut found = renames::by_id(known, &states);
    let mut same = Vec::new();
    for (from, to) in renames::possible(known, &states) {
        let settled = found.iter().any(|(a, b)| *a == from || *b == to);
        if !settled && is_same(sink, session, &from, &to).await? {
            same.push((from, to));
        }
    }
    found.append(&mut renames::unambiguous(same));
    Ok(found.into_iter().collect())
}

/// Whether what is held of one mailbox is what the server has in another.
async fn is_same<S: Sink, W: Wire>(sink: &S, session: &mut Session<W>, from: &str, to: &str) -> Result<bool, Error> {
    let held = sink.samples(from, SAMPLES).await?;
    if held.is_empty() {
        return Ok(false);
    }
    match select(session, to, Opening::Plain).await {
        Ok(_) => {}
        Err(e) if e.session_lives() => return Ok(false),
        Err(e) => return Err(e),
    }
    let uids: UidSet = held.iter().map(|sample| sample.uid).collect();
    let mut items: HashMap<u32, Item> = HashMap::new();
    let doing = format!("whether {to} was called {from}");
    let asked = session
        .run(&doing, &Command::uid_fetch(&uids, Items::Dated), |response| match item(response) {
            Some(item) if uids.contains(item.uid) => take(&mut items, SAMPLES, response),
            _ => Use::Unasked,
        })
        .await;
    match asked {
        Ok(_) => {}
        Err(e) if e.session_lives() => return Ok(false),
        Err(e) => return Err(e),
    }
    let found: Vec<Sample> = items
        .into_values()
        .filter_map(|item| Some(Sample { uid: item.uid, bytes: item.bytes?, internal_date: item.internal_date }))
        .collect();
    Ok(renames::is_same(&held, &found))
}

/// Finds out what became of mailboxes that are held and not to be synced, and tells it. Gives those that answer all the same.
async fn settle<S: Sink, W: Wire>(
    setup: &AccountSetup,
    sink: &S,
    session: &mut Session<W>,
    list: &mut List,
    missing: Vec<String>,
    renamed: &HashMap<String, String>,
    suspects: &mut Suspects,
) -> Result<Vec<Found>, Error> {
    let place = |list: &List, name: &String| {
        if list.others.iter().any(|found| found.info.name == *name) {
            Place::Unsubscribed
        } else if list.hollow.contains(name) {
            Place::Hollow
        } else {
            Place::Nowhere
        }
    };
    let (mut answers, mut again) = (HashMap::new(), None::<HashSet<String>>);
    let mut unlisted = Vec::new();
    let mut open = missing;
    // Each round asks what the one before was in want of: by name, then for a second list.
    while !open.is_empty() {
        let (mut to_ask, mut list_again) = (Vec::new(), false);
        for name in std::mem::take(&mut open) {
            let what = Missing {
                skipped: setup.skip.contains(&name),
                renamed: renamed.get(&name).map(String::as_str),
                place: place(list, &name),
                answer: answers.get(&name),
                again: again.as_ref().map(|names| match (names.contains(&name), names.contains("INBOX")) {
                    _ if list.unread => Again::Worthless,
                    (true, _) => Again::Listed,
                    (false, true) => Again::Without,
                    (false, false) => Again::Worthless,
                }),
            };
            match plan::plan(None, &Said::Missing(&what), None).fate {
                Fate::Ask => to_ask.push(name),
                Fate::ListAgain => {
                    list_again = true;
                    open.push(name);
                }
                Fate::Leaves(why) => sink.gone(&name, why).await?,
                Fate::Unlisted => {
                    sink.unlisted(&name, "though it answers for it").await?;
                    let status = answers.remove(&name).and_then(Result::ok).filter(|status| status.messages.is_some());
                    unlisted.push(Found { info: MailboxInfo { name, ..MailboxInfo::default() }, status });
                }
                Fate::Kept(why) => sink.unlisted(&name, &format!("and {why}")).await?,
                Fate::Renamed(to) => {
                    sink.renamed(&name, &to).await?;
                    // Where its subscription stayed with its old name, it is synced under the new one all the same.
                    if let Some(at) = list.others.iter().position(|found| found.info.name == to) {
                        list.chosen.push(list.others.swap_remove(at));
                    }
                }
                Fate::There | Fate::OpenAgain => {}
            }
        }
        if !to_ask.is_empty() {
            answers.extend(mailboxes::ask(session, &to_ask, suspects).await?);
            open.append(&mut to_ask);
        }
        if list_again {
            again = Some(mailboxes::names(session).await?);
        }
    }
    Ok(unlisted)
}
