//! What becomes of a mailbox that is held and not listed: it leaves, or stays and says since when; and what it is known again by.

use jiff::Timestamp;

use super::account::stop;
use super::core::{CoreHandle, Stores};
use crate::app::view::Tone;
use crate::imap::{Left, Sample, Stop};
use crate::mail::id::MessageKey;
use crate::mail::safe::SafeText;
use crate::store::mailbox::{Mailbox, MailboxState};

/// What is held under a name; more than one where UIDVALIDITY changed just now.
fn of(stores: &Stores, account: &str, name: &str) -> Result<Vec<Mailbox>, Stop> {
    let mut all = stores.cache.mailboxes().map_err(|e| stop(&e))?;
    all.retain(|mailbox| mailbox.account == account && mailbox.name == name);
    Ok(all)
}

/// Lets go of a mailbox and all that is held of it, and says so where it was on screen.
pub(super) fn gone(
    stores: &Stores,
    core: &CoreHandle,
    number: u64,
    account: &str,
    name: &str,
    why: Left,
) -> Result<(), Stop> {
    let what = match why {
        Left::Removed => "was removed on the server",
        Left::Unsubscribed => "was unsubscribed on the server",
        Left::Skipped => "is left alone now, as `skip` in the configuration says",
    };
    let words = format!("{account}: the mailbox {name} {what}; its messages have left the lists.");
    for mailbox in of(stores, account, name)? {
        let (id, was_shown, words) = (mailbox.id, mailbox.state.last_sync.is_some(), words.clone());
        stores.cache.drop_mailbox(id).map_err(|e| stop(&e))?;
        core.back_of(number, move |core, open| {
            open.library.drop_mailbox(id);
            if was_shown {
                core.announcer.notice(Tone::Warning, &words);
            }
            core.mark_changed();
        });
    }
    Ok(())
}

/// Keeps a mailbox, notes since when it is not listed, and says so the first time. `why` follows "the server does not list it".
pub(super) fn kept(
    stores: &Stores,
    core: &CoreHandle,
    number: u64,
    (account, name): (&str, &str),
    why: &str,
    now: Timestamp,
) -> Result<(), Stop> {
    for mailbox in of(stores, account, name)? {
        let first = mailbox.state.also.unlisted_since.is_none();
        let note = |state: &mut MailboxState| state.also.unlisted_since = state.also.unlisted_since.or(Some(now));
        let Some(mailbox) = stores.cache.change_mailbox(mailbox.id, note).map_err(|e| stop(&e))? else { continue };
        let words =
            format!("{account}: the server does not list the mailbox {name}, {why}; what is held of it is kept.");
        let why = SafeText::line(why);
        core.back_of(number, move |core, open| {
            if let Some(account) = open.accounts.get_mut(&mailbox.account) {
                account.figures.unlisted.insert(mailbox.name.clone(), why);
            }
            if first {
                open.library.set_mailbox(mailbox);
                core.announcer.notice(Tone::Warning, &words);
                core.mark_changed();
            }
        });
    }
    Ok(())
}

/// Messages from all over a mailbox, with what they are known again by.
pub(super) fn samples(stores: &Stores, account: &str, name: &str, most: usize) -> Result<Vec<Sample>, Stop> {
    let Some(mailbox) = of(stores, account, name)?.into_iter().max_by_key(|mailbox| mailbox.id) else {
        return Ok(Vec::new());
    };
    let rows = stores.cache.held(mailbox.id).map_err(|e| stop(&e))?;
    let mut samples = Vec::new();
    // The oldest and the newest are among them.
    let step = rows.len().saturating_sub(1).div_ceil(most.saturating_sub(1).max(1)).max(1);
    for row in rows.iter().step_by(step).chain(rows.last()).take(most) {
        let key = MessageKey { mailbox: mailbox.id, uid: row.uid };
        let summary = stores.cache.summary(key).map_err(|e| stop(&e))?;
        // What could not be read has no size and date that are worth anything.
        let good = summary.filter(|summary| !summary.undisplayable && summary.bytes > 0);
        samples.extend(good.map(|summary| Sample {
            uid: summary.uid,
            bytes: summary.bytes,
            internal_date: Some(summary.received),
        }));
    }
    samples.dedup_by_key(|sample| sample.uid);
    Ok(samples)
}
