//! Passwords and tokens that a server refused, remembered beyond the process: a command that is run again and again, as by cron, sends none of them each
//! time, because servers lock accounts for that. Kept is a keyed digest, never what was refused.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Engine;
use super::core::{EngineError, Settings, Stores};
use crate::config::{Account, Endpoint};
use crate::imap::Refusals;
use crate::net::Secret;
use crate::net::backoff::Backoff;

/// The same is sent again after this time; each further one is twice as long,
const FIRST: Duration = Duration::from_secs(60 * 60);
/// up to this.
const CEILING: Duration = Duration::from_secs(24 * 60 * 60);

/// What was refused last. The order of the fields is the form on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    mark: [u8; 16],
    at: Timestamp,
    times: u32,
    words: String,
}

impl Kept {
    /// It was refused, perhaps not for the first time.
    fn after(before: Option<Self>, mark: [u8; 16], at: Timestamp, words: &str) -> Self {
        let times = before.filter(|before| before.mark == mark).map_or(0, |before| before.times);
        Self { mark, at, times: times.saturating_add(1), words: words.to_owned() }
    }

    /// Why what has this mark is not sent now; `None`: it is another one, its time has come, or the clock was set back behind the refusal.
    fn why(&self, mark: [u8; 16], now: Timestamp, zone: &TimeZone) -> Option<String> {
        let pause = Backoff::new(FIRST, CEILING).after(self.times.saturating_sub(1)).next(999);
        let until = self.at.checked_add(SignedDuration::try_from(pause).ok()?).ok()?;
        let shown = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
        (self.mark == mark && (self.at..until).contains(&now)).then(|| {
            format!(
                "{}; that was {}, and the same is not sent again before {}: another one is sent at once, and this one by `casemail sync --force`",
                self.words,
                shown(self.at),
                shown(until)
            )
        })
    }
}

/// What of an account was refused, in the state store. On the screen somebody looks on, who may want it tried: there it is forgotten when one is taken, and no
/// more.
pub(crate) struct Remembered {
    stores: Arc<Stores>,
    settings: Arc<Settings>,
    account: String,
    whose: String,
    /// What was refused is not sent, and what is refused is noted.
    heeds: bool,
}

/// Whose login it is, at which server: another one is another question.
fn whose(account: &Account) -> String {
    let Endpoint { host, port, user, .. } = &account.imap;
    format!("{}\0{host}\0{port}\0{user}\0", account.name)
}

fn name(account: &str) -> String {
    format!("refused/{account}")
}

impl Remembered {
    pub(crate) fn of(
        stores: &Arc<Stores>,
        settings: &Arc<Settings>,
        account: &Account,
        heeds: bool,
    ) -> Arc<dyn Refusals> {
        let (name, whose) = (account.name.clone(), whose(account));
        Arc::new(Self { stores: Arc::clone(stores), settings: Arc::clone(settings), account: name, whose, heeds })
    }

    fn mark(&self, secret: &Secret) -> [u8; 16] {
        let whole = [self.whose.as_bytes(), secret.expose().as_bytes()].concat();
        self.stores.state.mark(&Zeroizing::new(whole))
    }

    /// What cannot be read is as good as nothing: it is sent, and noted anew.
    fn kept(&self) -> Option<Kept> {
        postcard::from_bytes(&self.stores.state.value(&name(&self.account)).ok()??).ok()
    }
}

impl Refusals for Remembered {
    fn why(&self, secret: &Secret) -> Option<String> {
        if !self.heeds {
            return None;
        }
        self.kept()?.why(self.mark(secret), self.settings.clock.now(), &self.settings.zone)
    }

    fn note(&self, secret: &Secret, words: &str) {
        if !self.heeds {
            return;
        }
        let kept = Kept::after(self.kept(), self.mark(secret), self.settings.clock.now(), words);
        let written = postcard::to_allocvec(&kept).map(|kept| self.stores.state.put(&name(&self.account), &kept));
        if !matches!(written, Ok(Ok(()))) {
            tracing::warn!("that a password was refused could not be written down");
        }
    }

    fn forget(&self) {
        if self.kept().is_some() && self.stores.state.write(|write| write.remove_value(&name(&self.account))).is_err() {
            tracing::warn!("that a password was refused could not be forgotten");
        }
    }
}

impl Engine {
    /// What was refused before is sent again: of one account, or of all.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the state store cannot be written.
    pub fn forget_refusals(&self, only: Option<&str>) -> Result<(), EngineError> {
        let all = self.settings.config.accounts.iter().map(|account| account.name.clone());
        let names: Vec<String> = all.filter(|account| only.is_none_or(|only| only == account)).collect();
        self.core.ask_stores(move |_, open| {
            open.stores.state.write(|write| names.iter().try_for_each(|account| write.remove_value(&name(account))))
        })??;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use jiff::{SignedDuration, Timestamp};

    use super::{Account, Endpoint, Kept, whose};

    #[test]
    fn another_login_is_another_question() {
        let account = crate::engine::tests::config().accounts.remove(0);
        let here = &account.imap;
        let others = [
            Endpoint { user: "wrong".to_owned(), ..here.clone() },
            Endpoint { host: "wrong.example".to_owned(), ..here.clone() },
            Endpoint { port: here.port + 1, ..here.clone() },
        ];
        for other in others {
            assert_ne!(whose(&Account { imap: other, ..account.clone() }), whose(&account));
        }
    }

    #[test]
    fn the_same_is_sent_less_and_less_often_and_another_at_once() {
        let start: Timestamp = "2026-05-11T09:00:00Z".parse().unwrap();
        let (one, other) = ([1; 16], [2; 16]);
        let mut kept = Kept::after(None, one, start, "Invalid credentials");
        let said = kept.why(one, start, &TimeZone::UTC).unwrap();
        assert!(said.starts_with("Invalid credentials; that was 2026-05-11 09:00,"), "{said}");
        assert!(said.contains("before 2026-05-11 10:00") && said.contains("casemail sync --force"), "{said}");
        let mut now = start;
        for hours in [1, 2, 4, 8, 16, 24, 24] {
            let why = |minutes: i64| kept.why(one, now + SignedDuration::from_mins(minutes), &TimeZone::UTC).is_some();
            assert!(why(0) && why(hours * 60 - 1) && !why(hours * 60), "{hours}");
            assert!(!why(-1), "the clock was set back");
            assert_eq!(kept.why(other, now, &TimeZone::UTC), None);
            now += SignedDuration::from_hours(hours);
            kept = Kept::after(Some(kept), one, now, "Invalid credentials");
        }
        assert_eq!(Kept::after(Some(kept), other, now, "x").times, 1);
    }
}
