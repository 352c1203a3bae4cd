//! Taking back what the user did: what waits is not told, what was told is told in reverse.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::queue::Undone;
use crate::app::event::Event;
use crate::app::view::Tone;
use crate::engine::core::{Core, Open};
use crate::engine::files;

impl Core {
    /// Takes a step back, the newest where none is named. Gives what was taken back.
    pub(crate) fn undo(&mut self, open: &mut Open, step: Option<u64>) -> Option<Undone> {
        let step = step.or_else(|| open.changes.queue.newest_step().map(|(step, _)| step))?;
        let undone = open.changes.queue.undo(step, self.now())?;
        self.write_rows(open, undone.edits.clone(), None);
        let named: super::Named = undone
            .edits
            .put
            .iter()
            .flat_map(|row| {
                row.waiting.iter().map(|group| {
                    let place = super::Place {
                        account: row.account.clone(),
                        mailbox: group.mailbox.clone(),
                        uid_validity: group.uid_validity,
                    };
                    (place, group.uids.clone())
                })
            })
            .chain(undone.touched.iter().cloned())
            .collect();
        self.refold(open, &named);
        Some(undone)
    }

    /// As [`Self::undo`], for the screen, in words.
    pub(crate) fn perform_undo(&mut self, open: &mut Open, step: Option<u64>) {
        match self.undo(open, step) {
            None => self.announcer.notice(Tone::Plain, "There is nothing to take back."),
            Some(undone) => {
                self.announcer.send(Event::Undone);
                let tone = if undone.lost { Tone::Warning } else { Tone::Plain };
                self.announcer.notice(tone, &words(&undone));
            }
        }
    }

    /// Tells the servers of a step again, now. Gives their accounts; `None`: nothing of it waits.
    pub(crate) fn retry_step(&mut self, open: &mut Open, step: u64) -> Option<BTreeSet<String>> {
        let (edits, accounts) = open.changes.queue.retry(step);
        if edits.is_empty() {
            return None;
        }
        for account in &accounts {
            if !self.lacks_password(open, account)
                && let Some(handle) = open.accounts.get(account).and_then(|account| account.handle.as_ref())
            {
                handle.sync_now();
            }
        }
        self.rewrite_rows(open, edits);
        Some(accounts)
    }

    /// As [`Self::retry_step`], for the screen.
    pub(crate) fn perform_retry(&mut self, open: &mut Open, step: u64) {
        match self.retry_step(open, step) {
            Some(_) => self.announcer.notice(Tone::Plain, "The server is told again."),
            None => self.announcer.notice(Tone::Plain, "The server is being told already, or knows of it."),
        }
    }

    /// Saves the message that a change appends.
    pub(crate) fn save_change(&mut self, open: &mut Open, seq: u64, dir: PathBuf) {
        let announcer = self.announcer.clone();
        open.scribe.write(move |stores| {
            let raw = stores.state.change_raw(seq).map_err(|error| error.to_string());
            match raw.and_then(|raw| files::save(&dir, "message.eml", &raw)) {
                Ok(saved) => announcer.notice(Tone::Good, &format!("Saved: {}", saved.path.display())),
                Err(words) => announcer.notice(Tone::Alarm, &words),
            }
        });
    }

    /// Takes the newest step back if it was a deletion.
    pub(crate) fn perform_undo_deletion(&mut self, open: &mut Open) {
        let newest = open.changes.queue.newest_step().map(|(step, words)| (step, words.to_owned()));
        match newest {
            Some((step, words)) if words.starts_with("deleted ") || words.ends_with(" deleted") => {
                self.perform_undo(open, Some(step));
            }
            Some((_, words)) => {
                let words = format!("What you did last was no deletion: {words}.");
                self.announcer.notice(Tone::Plain, &words);
            }
            None => self.announcer.notice(Tone::Plain, "Nothing was deleted that can be taken back."),
        }
    }
}

/// What was taken back, for people.
pub(crate) fn words(undone: &Undone) -> String {
    if undone.given_up {
        return format!("Given up: {}. It is no longer kept here; what the server may have of it stays.", undone.words);
    }
    let how = match (undone.lost, undone.told) {
        (true, _) => " What was removed for ever cannot be brought back: the server no longer has it.",
        (false, true) => " The server had been told already and is told again.",
        (false, false) => "",
    };
    format!("Taken back: {}.{how}", undone.words)
}
