//! What the screen of connections shows: each account and its mailboxes, from the index, the queues and what the workers told.

use std::collections::{BTreeMap, HashMap};

use jiff::tz::TimeZone;

use super::account::{Account, UnderWay};
use super::core::{Core, Open};
use crate::app::effect::Passphrase;
use crate::app::event::Event;
use crate::app::view::{ConnectionRow, Doing, Link, Tone, Traffic};
use crate::config::PasswordSource;
use crate::imap::{self, Pass};
use crate::mail::safe::SafeText;
use crate::net::Secret;
use crate::store::mailbox::Mailbox;
use crate::store::outbox::OutboxState;
use crate::store::vault::Vault;

/// What the mailboxes of an account cost since the start, and why some are left out.
#[derive(Default)]
pub(crate) struct Figures {
    /// By mailbox.
    traffic: HashMap<String, Traffic>,
    /// By mailbox: the server's refusal.
    pub(crate) refusals: HashMap<String, SafeText>,
    /// By mailbox that is not listed and kept: why.
    pub(crate) unlisted: HashMap<String, SafeText>,
}

impl Figures {
    /// A pass is done.
    pub(crate) fn add(&mut self, mailbox: &str, pass: &Pass) {
        let known = self.traffic.entry(mailbox.to_owned()).or_default();
        *known =
            sum(*known, Traffic { bytes_in: pass.bytes_in, bytes_out: pass.bytes_out, round_trips: pass.round_trips });
    }

    fn of(&self, mailbox: &str) -> Traffic {
        self.traffic.get(mailbox).copied().unwrap_or_default()
    }
}

fn sum(a: Traffic, b: Traffic) -> Traffic {
    Traffic {
        bytes_in: a.bytes_in.saturating_add(b.bytes_in),
        bytes_out: a.bytes_out.saturating_add(b.bytes_out),
        round_trips: a.round_trips.saturating_add(b.round_trips),
    }
}

impl Core {
    /// Sends the connections.
    pub(crate) fn send_connections(&self, open: &Open) {
        let mut outgoing: BTreeMap<&str, usize> = BTreeMap::new();
        let (rows, _damage) = open.outbox.rows().unwrap_or_default();
        for row in rows.iter().filter(|row| row.state != OutboxState::Sent) {
            let waiting = outgoing.entry(&row.account).or_default();
            *waiting = waiting.saturating_add(1);
        }
        let mut shown = Vec::new();
        for (name, account) in &open.accounts {
            let mut mailboxes: Vec<&Mailbox> =
                open.library.mailboxes().filter(|mailbox| mailbox.account == *name).collect();
            let chosen_offline = self.offline.has(name);
            mailboxes.sort_by_key(|mailbox| (mailbox.name != "INBOX", mailbox.name.to_lowercase()));
            let below: Vec<ConnectionRow> = mailboxes
                .into_iter()
                .map(|mailbox| of_mailbox(open, account, mailbox, chosen_offline, &self.settings.zone))
                .collect();
            shown.push(ConnectionRow {
                account: SafeText::line(name),
                mailbox: None,
                doing: Doing::Link(account.status.link.clone()),
                chosen_offline,
                messages: below.iter().map(|row| row.messages).sum(),
                changes: below.iter().map(|row| row.changes).sum(),
                outgoing: outgoing.get(name.as_str()).copied().unwrap_or_default(),
                last_success: account.since,
                traffic: below.iter().fold(Traffic::default(), |all, row| sum(all, row.traffic)),
            });
            shown.extend(below);
        }
        self.announcer.send(Event::Connections(shown.into()));
    }

    /// Tries an account again now, whatever was wrong with it.
    pub(crate) fn retry_account(&mut self, open: &mut Open, name: &str) {
        if self.offline.has(name) {
            self.set_account_online(open, name, true);
            return;
        }
        if self.lacks_password(open, name) {
            self.announcer.send(Event::AskPassword { account: name.to_owned() });
            return;
        }
        if let Some(handle) = open.accounts.get(name).and_then(|account| account.handle.as_ref()) {
            handle.try_again();
        }
        self.connect(open);
    }

    /// Syncs all accounts now. Of those whose password has to be typed, one is asked for.
    pub(crate) fn sync_all(&mut self, open: &mut Open) {
        let names: Vec<String> = open.accounts.keys().cloned().collect();
        let (lack, ready): (Vec<String>, Vec<String>) =
            names.into_iter().partition(|name| self.lacks_password(open, name));
        for account in ready.iter().filter_map(|name| open.accounts.get(name)) {
            account.handle.iter().for_each(imap::Handle::sync_now);
        }
        self.connect(open);
        let wanted = lack.into_iter().find(|name| !self.offline.has(name));
        if let Some(account) = wanted {
            self.announcer.send(Event::AskPassword { account });
        }
    }

    /// Whether somebody has to type the password of an account: none is at hand, or the server has refused it. That one is not sent again,
    /// because servers lock accounts for it.
    pub(crate) fn lacks_password(&self, open: &Open, name: &str) -> bool {
        let asks = self.settings.config.account(Some(name)).is_some_and(|one| one.password == PasswordSource::Prompt);
        asks && (!self.settings.secrets.is_typed(name) || open.accounts.get(name).is_some_and(|known| known.refused))
    }

    /// A password was typed: the account connects with it.
    pub(crate) fn take_password(&mut self, open: &Open, name: String, typed: Passphrase) {
        let (settings, core, number) = (std::sync::Arc::clone(&self.settings), self.handle.clone(), open.number);
        self.runtime.spawn_blocking(move || {
            // No server may learn what opens the profile.
            let opened = Vault::open_with(&settings.roots.vault_file(), typed.0.as_bytes(), settings.vault_floor);
            let is_ours = opened.is_ok();
            core.front_of(number, move |core, open| {
                if is_ours {
                    let words =
                        format!("That is the passphrase of your profile. It was not sent to the server of {name}.");
                    return core.announcer.notice(Tone::Warning, &words);
                }
                let password = Secret::new(typed.0.clone());
                core.settings.secrets.typed(&name, password.clone());
                let Some(known) = open.accounts.get_mut(&name) else { return };
                known.refused = false;
                core.offline.set_online(&name, true);
                open.outbox.wake();
                match &known.handle {
                    Some(handle) => {
                        // Before it is woken, or the refused one goes out once more.
                        handle.set_password(password);
                        handle.set_online(true);
                    }
                    None => core.start_account(open, &name),
                }
            });
        });
    }

    /// Takes an account offline, or connects it again.
    pub(crate) fn set_account_online(&mut self, open: &mut Open, name: &str, online: bool) {
        self.set_one_online(open, name, online);
        if online {
            self.connect(open);
        }
        self.send_connections(open);
    }

    fn set_one_online(&self, open: &Open, name: &str, online: bool) {
        if !open.accounts.contains_key(name) {
            return;
        }
        self.offline.set_online(name, online);
        if online && self.lacks_password(open, name) {
            self.announcer.send(Event::AskPassword { account: name.to_owned() });
        } else if let Some(handle) = open.accounts.get(name).and_then(|account| account.handle.as_ref()) {
            handle.set_online(online);
        }
        open.outbox.wake();
    }

    /// The same for all accounts.
    pub(crate) fn set_online(&mut self, open: &mut Open, online: bool) {
        for name in open.accounts.keys().cloned().collect::<Vec<_>>() {
            self.set_one_online(open, &name, online);
        }
        if online {
            self.connect(open);
        }
    }
}

fn of_mailbox(
    open: &Open,
    account: &Account,
    mailbox: &Mailbox,
    chosen_offline: bool,
    zone: &TimeZone,
) -> ConnectionRow {
    let refusal = account.figures.refusals.get(&mailbox.name);
    let unlisted = mailbox.state.also.unlisted_since.map(|since| {
        let since = since.to_zoned(zone.clone()).strftime("%-d %B %Y").to_string();
        let why = account.figures.unlisted.get(&mailbox.name).or(refusal);
        SafeText::line(&format!("since {since}{}", why.map(|why| format!(", {why}")).unwrap_or_default()))
    });
    let under_way = account.under_way.iter().find(|pass| pass.mailbox == mailbox.name);
    let doing = match (&account.status.link, refusal) {
        (Link::Syncing { .. }, _) if under_way.is_some() => {
            let UnderWay { done, total, bytes_done, bytes_known, .. } = under_way.cloned().unwrap_or_default();
            Doing::Fetching { done, total, bytes_done, bytes_known }
        }
        _ if unlisted.is_some() => Doing::Unlisted(unlisted.unwrap_or_default()),
        (_, Some(because)) => Doing::Refused(because.clone()),
        (Link::Watching { .. }, None) => Doing::UpToDate,
        _ => Doing::Waiting,
    };
    ConnectionRow {
        account: SafeText::line(&mailbox.account),
        mailbox: Some(SafeText::line(&mailbox.name)),
        doing,
        chosen_offline,
        messages: usize::try_from(mailbox.state.exists).unwrap_or(usize::MAX),
        changes: open.changes.waiting_in(&mailbox.account, &mailbox.name),
        outgoing: 0,
        last_success: mailbox.state.last_sync,
        traffic: account.figures.of(&mailbox.name),
    }
}
