//! Which messages a mailbox has, in a few bytes: UID SEARCH with RETURN (RFC 4731) answers with ranges, where a list of flags takes some
//! seventy bytes for each message.
//!
//! It is asked where CONDSTORE has told of every changed flag and the number of messages still differs from what is held (RFC 7162 §6): some
//! were removed, and a server without QRESYNC does not say which. It is believed only where it is whole: as many as it counts itself, and as
//! many as the mailbox is said to have.

use super::command::Command;
use super::error::Error;
use super::session::{Session, Use, Wire};
use super::uid_set::UidSet;
use super::untagged::{Esearch, Untagged};

/// All UIDs of the mailbox that is open; `None` where the server cannot say it so, or says something that does not fit.
pub(super) async fn uids<S: Wire>(session: &mut Session<S>, mailbox: &str) -> Result<Option<UidSet>, Error> {
    if !session.capabilities.has("ESEARCH") {
        return Ok(None);
    }
    let mut answer: Option<Esearch> = None;
    let doing = format!("which messages are in {mailbox}");
    let asked = session
        .run_own(&doing, &Command::plain("UID SEARCH RETURN (COUNT ALL) ALL"), |own| match own {
            Untagged::Esearch(found) if found.uid && answer.is_none() => {
                answer = Some(found.clone());
                Use::Taken
            }
            _ => Use::Unasked,
        })
        .await;
    match asked {
        Ok(_) => Ok(answer.and_then(|answer| whole(answer, session.exists))),
        Err(e) if e.session_lives() => Ok(None),
        Err(e) => Err(e),
    }
}

/// What an answer says, if it is whole.
fn whole(answer: Esearch, exists: u32) -> Option<UidSet> {
    let fits = !answer.cut && answer.count == Some(exists) && answer.all.len() == u64::from(exists);
    fits.then_some(answer.all)
}

#[cfg(test)]
mod tests {
    use super::{Esearch, UidSet, whole};

    #[test]
    fn half_an_answer_is_none() {
        let answer = |count, cut| Esearch { uid: true, all: UidSet::from(3..=5), count, cut, ..Esearch::default() };
        assert_eq!(whole(answer(Some(3), false), 3), Some(UidSet::from(3..=5)));
        assert_eq!(whole(answer(Some(3), true), 3), None, "cut");
        assert_eq!(whole(answer(Some(4), false), 3), None, "it counts another number");
        assert_eq!(whole(answer(None, false), 3), None, "it counts none");
        assert_eq!(whole(answer(Some(3), false), 4), None, "the mailbox has more");
        assert_eq!(whole(Esearch { all: UidSet::new(), ..answer(Some(3), false) }, 3), None, "it names none");
    }
}
