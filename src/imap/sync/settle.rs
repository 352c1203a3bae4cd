//! What becomes of messages that could not be had: nothing is said of any while no other message can be had either.

use std::collections::{HashMap, VecDeque};

use super::super::command::{Command, Items};
use super::super::error::Error;
use super::super::item::{Item, item};
use super::super::session::{Use, Wire};
use super::super::sink::{Body, Fetched, Sink};
use super::super::suspects::GivenUp;
use super::super::uid_set::UidSet;
use super::{MailboxSync, Progress, Want, fetched, take};

impl<S: Wire, K: Sink> MailboxSync<'_, S, K> {
    /// Settles those of a mailbox.
    pub(super) async fn settle(&mut self, p: &mut Progress) -> Result<(), Error> {
        let (ripe, unripe): (Vec<GivenUp>, Vec<GivenUp>) =
            self.suspects.take_given_up(&p.at).into_iter().partition(|one| one.ripe);
        if let Some(one) = unripe.first() {
            p.refusal = Some(Error::No {
                doing: format!("{} of the messages of {}", unripe.len(), p.at.name),
                code: None,
                text: one.words.clone(),
            });
            p.unsettled.extend(unripe.iter().map(|one| one.uid));
            self.suspects.once_more(&p.at, unripe.iter().map(|one| one.uid));
        }
        let Some(one) = ripe.first() else { return Ok(()) };
        let (mailbox, words) = (p.at.name.to_string(), one.words.clone());
        let well = p.well
            || match self.others_come(&ripe, p).await {
                Ok(well) => well,
                Err(e) => {
                    self.suspects.give_back(&p.at, ripe);
                    return Err(e);
                }
            };
        if !well {
            p.unsettled.extend(ripe.iter().map(|one| one.uid));
            p.refusal = Some(Error::PassedOver { mailbox, words });
            return Ok(());
        }
        self.tried_again(ripe, p).await
    }

    /// Asks for each of them once more, on a session over which others come. What was lost with the line comes now; what ends this session as well is proved by
    /// it, and what is proved is stored as a message that cannot be had.
    async fn tried_again(&mut self, given_up: Vec<GivenUp>, p: &mut Progress) -> Result<(), Error> {
        let (mut came, mut lost): (Vec<Fetched>, Vec<GivenUp>) = (Vec::new(), Vec::new());
        let (mut left, mut end) = (VecDeque::from(given_up), None);
        while let Some(one) = left.pop_front() {
            if self.suspects.prove(&p.at, one.uid) {
                lost.push(one);
                continue;
            }
            match self.alone(&one, p).await {
                Ok(Some(message)) => came.push(message),
                Ok(None) => lost.push(one),
                Err(e) => {
                    left.push_front(one);
                    end = Some(e);
                    break;
                }
            }
        }
        if end.is_some() {
            self.suspects.teach();
        }
        // What was not asked for any more waits on.
        self.suspects.give_back(&p.at, left.into());
        let mut written_off = UidSet::new();
        if end.is_some() {
            self.suspects.give_back(&p.at, lost);
        } else if !lost.is_empty() {
            written_off.extend(lost.iter().map(|one| one.uid));
            came.extend(self.without_content(lost, p, &mut end).await);
            self.suspects.write_off(&p.at, &written_off);
        }
        let wants: Vec<Want> =
            came.iter().map(|message| Want { uid: message.uid, bytes: message.bytes, new: false }).collect();
        p.took(&came, &wants, self.limits.message_bytes_max);
        p.lacking = p.lacking.without(&written_off);
        self.sink_batch(came, p).await?;
        end.map_or(Ok(()), Err)
    }

    /// Rows of messages that cannot be had, with what the server says of them all the same. `end`: the session ended by that.
    async fn without_content(&mut self, lost: Vec<GivenUp>, p: &Progress, end: &mut Option<Error>) -> Vec<Fetched> {
        let mut items: HashMap<u32, Item> = HashMap::new();
        let uids: UidSet = lost.iter().map(|one| one.uid).collect();
        let (doing, most) = (format!("to list messages of {}", p.at.name), lost.len().saturating_add(100));
        let command = Command::uid_fetch(&uids, Items::Sizes);
        let listed = self.session.run(&doing, &command, |response| take(&mut items, most, response)).await;
        *end = listed.err().filter(|e| !e.session_lives());
        let row = |one: GivenUp| Fetched {
            uid: one.uid,
            flags: items.remove(&one.uid).and_then(|item| item.flags).unwrap_or_default(),
            internal_date: None,
            bytes: one.bytes,
            body: Body::Unfetchable(one.words),
        };
        lost.into_iter().map(row).collect()
    }

    /// Asks for one message, as much of it as is fetched at once; `None` where the server does not give it and goes on.
    async fn alone(&mut self, one: &GivenUp, p: &Progress) -> Result<Option<Fetched>, Error> {
        let doing = format!("to fetch a message of {}", p.at.name);
        let header = p.headers_only || one.bytes > self.limits.message_bytes_max;
        let items = if header { Items::Header } else { Items::Whole };
        let command = Command::uid_fetch(&std::iter::once(one.uid).collect(), items);
        let mut came = HashMap::new();
        match self.session.run(&doing, &command, |response| take(&mut came, 100, response)).await {
            Ok(_) => Ok(came.remove(&one.uid).and_then(|item| fetched(item, !header))),
            Err(e) if e.session_lives() => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Whether the beginning of another message can be had. Where there is no other one, it is this one's matter.
    async fn others_come(&mut self, given_up: &[GivenUp], p: &Progress) -> Result<bool, Error> {
        let uids: UidSet = given_up.iter().map(|one| one.uid).collect();
        let known = p.held.without(&p.lacking).without(&self.suspects.written_off(&p.at));
        let Some(other) = known.without(&uids).last() else {
            return Ok(given_up.len() == 1 && p.unsettled.is_empty() && p.held.without(&uids).is_empty());
        };
        let doing = format!("whether messages of {} come", p.at.name);
        let mut came = false;
        let wholly = self.session.wholly || self.suspects.is_part_unreadable(&p.at, other);
        let command = if wholly {
            Command::uid_fetch(&std::iter::once(other).collect(), Items::WholeDateless)
        } else {
            Command::uid_fetch_part(other, 0, 64)
        };
        let asked = self
            .session
            .run(&doing, &command, |response| match item(response) {
                Some(item) if item.uid == other => {
                    came |= item.body.is_some_and(|body| !body.is_empty());
                    Use::Taken
                }
                _ => Use::Unasked,
            })
            .await;
        match asked {
            Ok(_) => Ok(came),
            Err(e) if e.session_lives() => Ok(false),
            Err(e) => {
                self.suspects.ended_at_part(&p.at, other, wholly, &e);
                Err(e)
            }
        }
    }
}
