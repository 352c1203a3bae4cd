//! One pass over the mailboxes of all accounts, for commands: every account at the same time, each with its own trouble. An account that does
//! not answer costs the others nothing but the wait for its own end.

use std::sync::Arc;
use std::time::Instant;

use futures::future::join_all;

use super::account::{self, AccountSink};
use super::ask::server;
use super::core::{CoreHandle, EngineError, Settings, Stores};
use super::query::{AccountStats, MailboxStats, SyncReport};
use super::refused::Remembered;
use super::{Engine, changes, loading};
use crate::config::Account;
use crate::imap::{self, Pass, Synced};

/// What one pass needs of the opening.
struct Means {
    number: u64,
    stores: Arc<Stores>,
    sink: Arc<AccountSink>,
    /// Changes of flags that wait, where nobody else is connected to tell them.
    teller: Option<AccountSink>,
}

impl Engine {
    /// One pass over the mailboxes of all accounts, or of one; over all mailboxes, or those named. What was synced is kept, whatever happened to
    /// other accounts.
    ///
    /// # Errors
    /// No such account, or the profile is locked; an account's own trouble stands in the report.
    pub fn sync(&self, only: Option<&str>, mailboxes: &[String]) -> Result<SyncReport, EngineError> {
        let config = &self.settings.config;
        let accounts: Vec<_> =
            config.accounts.iter().filter(|account| only.is_none_or(|name| account.name == name)).cloned().collect();
        if let Some(name) = only.filter(|_| accounts.is_empty()) {
            return Err(EngineError::NoAccount(name.to_owned()));
        }
        let before = self.pages()?;
        let mut passes = Vec::new();
        for account in accounts {
            let name = account.name.clone();
            let means = self.core.ask_stores(move |core, open| Means {
                number: open.number,
                stores: Arc::clone(&open.stores),
                sink: Arc::new(core.sink(open, &name).counting()),
                teller: (open.changes.waits_for(&name) && open.accounts.get(&name).is_none_or(|a| a.handle.is_none()))
                    .then(|| core.sink(open, &name)),
            })?;
            let (settings, core, mailboxes) = (Arc::clone(&self.settings), self.core.clone(), mailboxes.to_vec());
            passes.push(async move {
                let began = Instant::now();
                let sink = Arc::clone(&means.sink);
                let done = pass(account.clone(), means, settings, core, mailboxes).await;
                (account.name, began.elapsed().as_secs_f64(), done, sink)
            });
        }
        let done = self.block_on(join_all(passes))?;
        // What the last batch reported is in the index before the answer is, where there is one.
        self.core.flush_back();
        let mut report = SyncReport::default();
        for (account, seconds, done, sink) in done {
            let (synced, trouble) = match done {
                Ok(synced) => (synced, None),
                // What came to its end before is here, and is told.
                Err(error) => (as_far_as(sink.take_passes()), Some(error)),
            };
            let Synced { passes, bytes_in, bytes_out, round_trips } = synced;
            report.mailboxes.extend(passes.into_iter().map(|pass| MailboxStats {
                account: account.clone(),
                name: pass.mailbox,
                new: pass.new,
                changed: pass.changed,
                vanished: pass.vanished,
                withheld: pass.withheld,
                bytes_in: pass.bytes_in,
                bytes_out: pass.bytes_out,
                round_trips: pass.round_trips,
                seconds: pass.seconds,
            }));
            let error = trouble.as_ref().map(ToString::to_string);
            let alerts = sink.take_alerts();
            report.accounts.push(AccountStats {
                name: account,
                bytes_in,
                bytes_out,
                round_trips,
                seconds,
                error,
                alerts,
            });
            report.trouble.extend(trouble);
        }
        // What came is in the lists that a screen shows when it is opened next; without anything, they are as they were kept.
        if self.pages().is_ok_and(|after| after != before) {
            // What was synced is told in any case, also where the profile is being locked.
            let _ = self.wait_loaded();
        }
        Ok(report)
    }

    /// A digest of what the mailboxes are and what their pages say.
    fn pages(&self) -> Result<Option<u64>, EngineError> {
        let stores = self.core.ask_stores(|_, open| Arc::clone(&open.stores))?;
        Ok(loading::today(&stores.cache))
    }

    /// As [`Self::sync`], where any account's trouble is the answer.
    ///
    /// # Errors
    /// As there; or the first account's trouble. What was synced is kept.
    pub fn sync_once(&self, only: Option<&str>, mailboxes: &[String]) -> Result<Vec<MailboxStats>, EngineError> {
        let report = self.sync(only, mailboxes)?;
        report.trouble.into_iter().next().map_or(Ok(report.mailboxes), Err)
    }
}

/// What an account did before it failed.
fn as_far_as(passes: Vec<Pass>) -> Synced {
    Synced {
        bytes_in: passes.iter().map(|pass| pass.bytes_in).sum(),
        bytes_out: passes.iter().map(|pass| pass.bytes_out).sum(),
        round_trips: passes.iter().map(|pass| pass.round_trips).sum(),
        passes,
    }
}

async fn pass(
    account: Account,
    means: Means,
    settings: Arc<Settings>,
    core: CoreHandle,
    mailboxes: Vec<String>,
) -> Result<Synced, EngineError> {
    let name = account.name.clone();
    let failed = |because: String| EngineError::Server { account: name.clone(), because };
    let Means { number, stores, sink, teller } = means;
    let proof = settings.secrets.proof_now(&account).await;
    let proof = proof.map_err(|because| EngineError::Credentials { account: name.clone(), because })?;
    let setup = account::setup(&account, &settings.config, proof).map_err(failed)?;
    let setup = imap::AccountSetup { refusals: Some(Remembered::of(&stores, &settings, &account, true)), ..setup };
    if let Some(teller) = teller {
        let handle = imap::spawn(setup.clone(), Arc::new(teller));
        changes::replay(&stores, &core, number, &account.name, &handle).await;
        handle.end();
        // What it was refused with is not sent a second time.
        let (tell, told) = tokio::sync::oneshot::channel();
        let asked = account.name.clone();
        core.front_of(number, move |_, open| {
            let why = open.accounts.get(&asked).and_then(account::Account::why_refused);
            let _ = tell.send(why);
        });
        if let Some(because) = told.await.unwrap_or_default() {
            return Err(EngineError::Credentials { account: name, because });
        }
    }
    // On a task of its own, where the stack is deep.
    let pass = tokio::spawn(async move { imap::sync_counted(&setup, &*sink, &mailboxes).await });
    let pass = pass.await.map_err(|_| failed("the pass failed inside casemail".to_owned()))?;
    pass.map_err(|error| server(&name, &error))
}
