//! The fold: what the server last said, with the waiting changes on top, is what is shown. Pure.

use crate::store::change::Act;
use crate::store::flags::Flags;

/// What the waiting changes make of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Over {
    /// Flags that are set.
    pub(crate) set: Flags,
    /// Flags that are cleared.
    pub(crate) clear: Flags,
    /// The mailbox that it is moved to.
    pub(crate) to: Option<String>,
    /// It is removed for ever.
    pub(crate) gone: bool,
}

impl Over {
    /// The same with one change more on top.
    pub(crate) fn then(&mut self, act: &Act) {
        match act {
            Act::Flags { set, clear } => {
                self.set = self.set.without(clear).with(set);
                self.clear = self.clear.without(set).with(clear);
            }
            Act::Move { to } => self.to = Some(to.clone()),
            Act::Expunge => self.gone = true,
            Act::Create { .. } | Act::Append { .. } => {}
        }
    }

    /// The flags that are shown. A message that is removed is hidden as one marked `\Deleted` is.
    pub(crate) fn shown(&self, said: &Flags) -> Flags {
        let mut flags = said.without(&self.clear).with(&self.set);
        if self.gone {
            flags.set(Flags::DELETED, true);
        }
        flags
    }
}

/// What to do about a message that somebody else changed while a change of its flags waited (RFC 7162 §3.1.3, MODIFIED).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// The other change was of other flags: ours is made on top of it.
    Apply,
    /// The other change already did what ours is to do.
    Agreed,
    /// The other change was of the very flag, and the contrary of what the user wants: theirs stays, and the user is told.
    Theirs,
}

/// Decides by what we believed, what the server has now, and what all waiting changes together want.
///
/// A flag that has on the server the value that we believed it to have was not changed by others, or changed back: the user's
/// wish stands. Where it differs, others did what the user wants too, or (the user set it and took it back while it waited, and
/// others meanwhile set it) the contrary: then the later word of theirs is kept, because nothing of the user's is lost by it.
pub(crate) fn resolve(believed: &Flags, now: &Flags, wanted: &Over, act: &Act) -> Resolution {
    let Act::Flags { set, clear } = act else { return Resolution::Apply };
    let ours = set.with(clear);
    let changed = believed.without(now).with(&now.without(believed)).and(&ours);
    if !changed.is_empty() {
        let wish = wanted.shown(now);
        let differs = wish.without(now).with(&now.without(&wish)).and(&changed);
        let alone = believed.without(&wish).with(&wish.without(believed)).and(&changed);
        // What differs from what they made of it although the user, all in all, wanted no change of it.
        if !differs.is_empty() && alone.is_empty() {
            return Resolution::Theirs;
        }
    }
    if set.without(now).is_empty() && clear.and(now).is_empty() { Resolution::Agreed } else { Resolution::Apply }
}

#[cfg(test)]
mod tests {
    use super::{Over, Resolution, resolve};
    use crate::store::change::Act;
    use crate::store::flags::Flags;

    fn flags(text: &str) -> Flags {
        Flags::from_names(text.split_whitespace())
    }

    fn act(set: &str, clear: &str) -> Act {
        Act::Flags { set: flags(set), clear: flags(clear) }
    }

    #[test]
    fn the_last_change_of_a_flag_counts_and_others_stay() {
        let mut over = Over::default();
        over.then(&act("\\Flagged $Junk", ""));
        over.then(&act("\\Seen", "\\Flagged"));
        over.then(&Act::Move { to: "A".into() });
        over.then(&Act::Move { to: "B".into() });
        assert_eq!(over.shown(&flags("\\Answered \\Flagged")), flags("\\Answered \\Seen $Junk"));
        assert_eq!(over.to.as_deref(), Some("B"));
        over.then(&Act::Expunge);
        assert!(over.shown(&flags("")).deleted());
    }

    #[track_caller]
    fn check(believed: &str, now: &str, waiting: &[Act], expected: Resolution) {
        let mut wanted = Over::default();
        waiting.iter().for_each(|act| wanted.then(act));
        assert_eq!(resolve(&flags(believed), &flags(now), &wanted, &waiting[0]), expected);
    }

    #[test]
    fn whose_word_counts() {
        use Resolution::{Agreed, Apply, Theirs};
        let flag = || act("\\Flagged", "");
        // Another flag was changed.
        check("", "\\Seen", &[flag()], Apply);
        check("\\Flagged", "\\Flagged \\Seen", &[act("", "\\Flagged")], Apply);
        // Changed and changed back.
        check("", "", &[flag()], Apply);
        // The same was done by others.
        check("", "\\Flagged", &[flag()], Agreed);
        check("\\Flagged $a", "$a", &[act("", "\\Flagged")], Agreed);
        // The user set it and thought better of it, others set it.
        check("", "\\Flagged", &[flag(), act("", "\\Flagged")], Theirs);
        check("$a", "", &[act("", "$a"), act("$a", "")], Theirs);
        check("$a", "$a \\Seen", &[act("", "$a"), act("$a", "")], Apply);
    }
}
