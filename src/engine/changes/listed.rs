//! What waits and which mailboxes there are, as lists for people and scripts.

use std::collections::BTreeSet;

use super::deed::{Done, NotDone};
use super::undo;
use crate::app::effect::{Deed, Target};
use crate::app::event::Event;
use crate::app::view::{Link, MailboxRow, WaitingRow};
use crate::engine::core::{Core, EngineError, Open};
use crate::engine::query::{Changed, WaitingListed};
use crate::engine::{Engine, account};
use crate::imap;
use crate::mail::id::MessageRef;
use crate::mail::safe::SafeText;
use crate::store::change::{Act, Held};
use crate::store::flags::Flags;
use crate::store::mailbox::SpecialUse;

fn waiting(open: &Open) -> Vec<WaitingListed> {
    let offline = |account: &str| match open.accounts.get(account).map(|account| &account.status.link) {
        Some(Link::Offline { because, .. }) => because.to_string(),
        _ => String::new(),
    };
    open.changes
        .queue
        .waiting()
        .map(|(row, telling)| WaitingListed {
            seq: row.seq,
            step: row.step,
            account: row.account.clone(),
            words: row.words.clone(),
            messages: row.waiting.iter().map(|group| group.uids.len()).sum::<usize>() + usize::from(row.open),
            at: row.at,
            keeps: matches!(row.act, Act::Append { .. }),
            state: if let Some(held) = row.held {
                match held {
                    Held::Refused => "failed",
                    Held::Doubtful => "uncertain",
                }
            } else if telling {
                "telling"
            } else if row.tries > 0 || row.begun.is_some() {
                "stuck"
            } else {
                "waiting"
            },
            why: match (row.why.as_str(), &row.begun) {
                ("", Some(_)) => "the connection was lost before the answer came; it is looked for first".to_owned(),
                ("", None) => offline(&row.account),
                (why, _) => why.to_owned(),
            },
        })
        .collect()
}

fn role(role: Option<SpecialUse>) -> &'static str {
    match role {
        Some(SpecialUse::Inbox) => "inbox",
        Some(SpecialUse::Archive) => "archive",
        Some(SpecialUse::Trash) => "trash",
        Some(SpecialUse::Junk) => "junk",
        Some(SpecialUse::Sent) => "sent",
        Some(SpecialUse::Drafts) => "drafts",
        Some(SpecialUse::All | SpecialUse::Flagged) | None => "",
    }
}

impl Core {
    /// Sends what waits.
    pub(crate) fn send_waiting(&self, open: &Open) {
        let rows: Vec<WaitingRow> = waiting(open)
            .into_iter()
            .map(|row| WaitingRow {
                seq: row.seq,
                step: row.step,
                account: SafeText::line(&row.account),
                words: SafeText::line(&row.words),
                messages: row.messages,
                at: row.at,
                state: row.state,
                why: SafeText::line(&row.why),
                keeps: row.keeps,
            })
            .collect();
        self.announcer.send(Event::Waiting(rows.into()));
    }

    /// Sends the mailboxes to choose from.
    pub(crate) fn send_mailboxes(&self, open: &Open, target: Option<&Target>) {
        let library = &open.library;
        let accounts: Option<BTreeSet<String>> = target.map(|target| match target {
            Target::Messages(names) => names.iter().map(|name| name.account.clone()).collect(),
            Target::Threads(threads) => {
                let keys = threads.iter().flat_map(|id| library.thread_keys(*id));
                keys.filter_map(|key| library.mailbox(key.mailbox).map(|m| m.account.clone())).collect()
            }
        });
        let several = accounts.as_ref().map_or(open.accounts.len(), BTreeSet::len) > 1;
        let mut rows: Vec<MailboxRow> = library
            .mailboxes()
            .filter(|m| accounts.as_ref().is_none_or(|wanted| wanted.contains(&m.account)))
            .map(|m| MailboxRow {
                account: m.account.clone(),
                name: m.name.clone(),
                shown: if several {
                    SafeText::line(&format!("{} ({})", m.name, m.account))
                } else {
                    SafeText::line(&m.name)
                },
                role: role(library.role(m)),
                last_used: open.changes.used.get(&(m.account.clone(), m.name.clone())).copied(),
            })
            .collect();
        rows.sort_by(|a, b| {
            b.last_used.cmp(&a.last_used).then_with(|| (&a.account, &a.name).cmp(&(&b.account, &b.name)))
        });
        self.announcer.send(Event::Mailboxes(rows.into()));
    }
}

fn changed(done: Done) -> Changed {
    Changed {
        step: done.step,
        words: done.words,
        messages: done.messages,
        accounts: done.accounts.into_iter().collect(),
    }
}

fn nothing_waits(step: u64) -> EngineError {
    EngineError::Refused(format!("nothing of step {step} waits: `casemail change list` shows what does"))
}

fn refused(why: NotDone) -> EngineError {
    match why {
        NotDone::Nothing(words) => EngineError::Refused(words),
        NotDone::SoAlready => EngineError::SoAlready,
        NotDone::NoMailbox { account, mailbox } => EngineError::NoMailbox { account, mailbox },
    }
}

impl Engine {
    /// The changes that the servers were not told yet, in order, with the reason where one is stuck.
    ///
    /// # Errors
    /// [`EngineError::Locked`].
    pub fn waiting_changes(&self) -> Result<Vec<WaitingListed>, EngineError> {
        self.core.ask_stores(|_, open| waiting(open))
    }

    /// Does something to messages: at once here, durably queued, on the server as soon as it can be reached.
    ///
    /// # Errors
    /// A message or a mailbox that is not there: then nothing is done.
    pub fn change(&self, names: &[MessageRef], deed: &Deed) -> Result<Changed, EngineError> {
        let (names, deed) = (names.to_vec(), deed.clone());
        self.core.ask_open(move |core, open| {
            if let Some(absent) = names.iter().find(|name| open.library.key(name).is_none()) {
                return Err(EngineError::NoMessage(absent.to_string()));
            }
            core.do_to(open, &Target::Messages(names), &deed, true).map(changed).map_err(refused)
        })?
    }

    /// Appends a message to a mailbox.
    ///
    /// # Errors
    /// No such account or mailbox.
    pub fn append(
        &self,
        account: Option<&str>,
        mailbox: &str,
        raw: Vec<u8>,
        flags: Flags,
        create: bool,
    ) -> Result<Changed, EngineError> {
        let missing = || EngineError::NoAccount(account.unwrap_or_default().to_owned());
        let account = self.settings.config.account(account).ok_or_else(missing)?.name.clone();
        let mailbox = mailbox.to_owned();
        self.core.ask_open(move |core, open| {
            core.append(open, &account, &mailbox, raw.into(), flags, create).map(changed).map_err(refused)
        })?
    }

    /// Takes a step back, the newest where none is named; says what, and gives the accounts concerned.
    ///
    /// # Errors
    /// Nothing to take back.
    pub fn undo(&self, step: Option<u64>) -> Result<Changed, EngineError> {
        self.core.ask_open(move |core, open| {
            let undone = core.undo(open, step);
            let nothing = || EngineError::Refused("there is nothing to take back".to_owned());
            let undone = undone.ok_or_else(nothing)?;
            Ok(Changed {
                step: undone.step,
                words: undo::words(&undone),
                messages: undone.touched.iter().map(|(_, uids)| uids.len()).sum(),
                accounts: undone.accounts.into_iter().collect(),
            })
        })?
    }

    /// Tells the server of a step again, now: what it refused, what nobody knows about, what was put off.
    ///
    /// # Errors
    /// Nothing of that step waits.
    pub fn retry_change(&self, step: u64) -> Result<Changed, EngineError> {
        self.core.ask_open(move |core, open| {
            let accounts = core.retry_step(open, step).ok_or_else(|| nothing_waits(step))?;
            let words = "told again".to_owned();
            Ok(Changed { step, words, messages: 1, accounts: accounts.into_iter().collect() })
        })?
    }

    /// The message that a step appends and that is kept here until the server has it.
    ///
    /// # Errors
    /// Nothing of that step waits, or it cannot be read.
    pub fn kept_message(&self, step: u64) -> Result<Vec<u8>, EngineError> {
        let found = self.core.ask_stores(move |_, open| {
            let row = waiting(open).into_iter().find(|row| row.step == step && row.keeps);
            (row.map(|row| row.seq), std::sync::Arc::clone(&open.stores))
        })?;
        let (seq, stores) = found;
        Ok(stores.state.change_raw(seq.ok_or_else(|| nothing_waits(step))?)?)
    }

    /// Tells the servers of these accounts what waits, connecting where nobody is connected. Gives what still waits then.
    ///
    /// # Errors
    /// [`EngineError::Locked`]. That a server cannot be reached is no error: what waits says why.
    pub fn tell_changes(&self, accounts: &[String]) -> Result<Vec<WaitingListed>, EngineError> {
        let mut trouble = std::collections::BTreeMap::new();
        for name in accounts {
            // What was decided is on the disk before it is told.
            self.core.ask_stores(|_, open| open.scribe.flushed())?.recv().map_err(|_| EngineError::Ended)?;
            let wanted = name.clone();
            let means = self.core.ask_stores(move |core, open| {
                let handle = open.accounts.get(&wanted).and_then(|account| account.handle.clone());
                (open.number, std::sync::Arc::clone(&open.stores), handle, core.sink(open, &wanted))
            })?;
            let (number, stores, handle, sink) = means;
            if handle.is_some() {
                self.wait_told(name)?;
                continue;
            }
            let Some(configured) = self.settings.config.account(Some(name)).cloned() else { continue };
            let (settings, core) = (std::sync::Arc::clone(&self.settings), self.core.clone());
            let told = self.block_on(async move {
                let proof = settings.secrets.proof_now(&configured).await?;
                let setup = account::setup(&configured, &settings.config, proof)?;
                let handle = imap::spawn(setup, std::sync::Arc::new(sink));
                super::replay(&stores, &core, number, &configured.name, &handle).await;
                handle.end();
                Ok::<(), String>(())
            })?;
            if let Err(words) = told {
                trouble.insert(name.clone(), words);
            }
        }
        let mut rows = self.waiting_changes()?;
        rows.retain(|row| accounts.contains(&row.account));
        for row in &mut rows {
            if let Some(words) = trouble.get(&row.account) {
                row.why.clone_from(words);
            }
        }
        Ok(rows)
    }

    /// The steps that a server has refused since the profile was opened, or a part of them, or to take them back.
    ///
    /// # Errors
    /// [`EngineError::Locked`].
    pub fn refused_changes(&self) -> Result<Vec<u64>, EngineError> {
        self.core.ask_stores(|_, open| open.changes.queue.refused())
    }

    /// Waits until a connected account's server was told, or cannot be.
    fn wait_told(&self, account: &str) -> Result<(), EngineError> {
        let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
        loop {
            let wanted = account.to_owned();
            let busy = self.core.ask_stores(move |_, open| {
                let offline = |link: &Link| matches!(link, Link::Offline { .. });
                let known = open.accounts.get(&wanted);
                open.changes.waits_for(&wanted) && known.is_some_and(|account| !offline(&account.status.link))
            })?;
            if !busy || std::time::Instant::now() > until {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}
