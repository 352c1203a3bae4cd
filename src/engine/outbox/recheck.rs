//! The guard, asked again at the moment of sending: parties, cases and lists of domains may have changed since the review.
//!
//! What was said yes to then counts still; what was not known of then does not. Where the guard cannot be asked, nothing is sent.

use super::settle::Attempt;
use super::worker::Worker;
use crate::case::guard::standing;
use crate::mail::address::Address;
use crate::mail::draft::Draft;
use crate::store::outbox::OutboxEntry;

impl Worker {
    /// Whether a row may still go.
    pub(super) async fn guarded(&self, row: &OutboxEntry) -> Result<(), Attempt> {
        let batch = row.batch;
        let kept =
            self.blocking(move |stores| Ok((stores.state.outbox_draft(batch)?, stores.state.outbox_passed(batch)?)));
        let (draft, passed) = kept.await.map_err(Attempt::Not)?;
        let draft = draft.unwrap_or_else(|| as_far_as_known(row));
        let passed = passed.unwrap_or_default();
        self.index_is_whole().await?;
        let (answer, answered) = tokio::sync::oneshot::channel();
        let classes = std::sync::Arc::clone(&self.settings.classes);
        self.core.front_of(self.number, move |core, open| {
            let findings = core.facts(open, &draft).check(&draft, &passed.sealed, &classes);
            let first = standing(&findings, &passed.accepted).first().map(|finding| finding.because.clone());
            let _ = answer.send(first);
        });
        match answered.await {
            Ok(None) => Ok(()),
            Ok(Some(because)) => Err(Attempt::Never(format!(
                "Something stands against it that did not when it was reviewed: {because} Take it back and review it again."
            ))),
            Err(_) => Err(cannot_ask()),
        }
    }

    /// Waits until everything that is in the cache is in the index.
    async fn index_is_whole(&self) -> Result<(), Attempt> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        self.core.front_of(self.number, move |core, open| {
            let _ = answer.send(core.when_loaded(open));
        });
        let loaded = answered.await.map_err(|_| cannot_ask())?;
        let waited = tokio::task::spawn_blocking(move || loaded.recv()).await;
        if matches!(waited, Ok(Ok(()))) { Ok(()) } else { Err(cannot_ask()) }
    }
}

fn cannot_ask() -> Attempt {
    Attempt::Not("It could not be checked once more before sending, because the profile was being locked.".to_owned())
}

/// A draft of what a row tells, where what it was made of is not known.
fn as_far_as_known(row: &OutboxEntry) -> Draft {
    let known = |addr: &str| row.to.iter().any(|one| one.addr.eq_ignore_ascii_case(addr));
    let bare = |addr: &str| Address { name: String::new(), addr: addr.to_owned() };
    let (to, bcc) = row.recipients.iter().map(|one| bare(&one.address)).partition(|one| known(&one.addr));
    Draft {
        account: row.account.clone(),
        from: bare(&row.reverse_path),
        to,
        bcc,
        subject: row.subject.clone(),
        case: row.case.clone(),
        answers: row.answers.clone(),
        ..Draft::default()
    }
}
