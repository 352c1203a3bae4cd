//! Messages taken out for good: their bytes go, their rows stay, empty, so that they are not fetched again.

use std::collections::{BTreeMap, BTreeSet};

use super::shred::tombstone;
use crate::engine::core::{CoreHandle, EngineError, Stores};
use crate::engine::library::record::Record as IndexRecord;
use crate::mail::id::{CaseId, MailboxId, MessageKey};
use crate::register::record::Digest;
use crate::store::cache::Thrift;
use crate::store::summary::Summary;

/// Takes messages out of the cache and of the lists. Blocks; never to be called on the core's thread.
pub(super) fn bury(core: &CoreHandle, stores: &Stores, keys: &[MessageKey]) -> Result<(), EngineError> {
    let mut by_mailbox: BTreeMap<MailboxId, Vec<Summary>> = BTreeMap::new();
    for key in keys {
        if let Some(summary) = stores.cache.summary(*key)? {
            let row = tombstone(key.uid, summary.received, summary.bytes);
            by_mailbox.entry(key.mailbox).or_default().push(row);
        }
    }
    for (mailbox, rows) in by_mailbox {
        let uids: Vec<u32> = rows.iter().map(|row| row.uid).collect();
        stores.cache.let_go(mailbox, &uids)?;
        stores.cache.update_summaries(mailbox, rows.clone())?;
        let records: Vec<IndexRecord> = rows.into_iter().map(IndexRecord::from).collect();
        core.ask_stores(move |core, open| {
            for uid in uids {
                open.library.remove(MessageKey { mailbox, uid });
            }
            for record in &records {
                open.library.insert(mailbox, record);
            }
            core.mark_changed();
        })?;
    }
    stores.cache.tidy(Thrift::Much, &mut |_| true)?;
    stores.cache.forget_former()?;
    stores.cache.flush()?;
    Ok(())
}

/// Takes out what is here of cases that another device has destroyed: the messages that its certificates name, unless they are of another case
/// too. Gives how many.
pub(super) fn follow(
    core: &CoreHandle,
    stores: &Stores,
    destroyed: Vec<(CaseId, BTreeSet<Digest>)>,
) -> Result<usize, EngineError> {
    if destroyed.is_empty() {
        return Ok(0);
    }
    let ids: Vec<CaseId> = destroyed.iter().map(|(case, _)| case.clone()).collect();
    let found = core.ask_stores(move |_, open| {
        let only = |key: &MessageKey| match open.library.cases_of(*key).as_slice() {
            [(case, _)] => ids.iter().position(|id| id == case),
            _ => None,
        };
        let keys = open.library.keys_by_date().into_iter();
        keys.filter_map(|key| Some((key, only(&key)?))).collect::<Vec<_>>()
    })?;
    let mut keys = Vec::new();
    for (key, at) in found {
        let Some((_, named)) = destroyed.get(at) else { continue };
        if stores.raw(key)?.is_some_and(|raw| named.contains(&Digest::of(&raw))) {
            stores.drop_sealed(key)?;
            keys.push(key);
        }
    }
    if !keys.is_empty() {
        bury(core, stores, &keys)?;
    }
    Ok(keys.len())
}
