//! What the user does to messages, made into rows: which mailbox "archive" means, which messages it concerns, what it is called.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::overlay::Over;
use super::queue::Edits;
use crate::app::effect::{Deed, FlagChange, Target};
use crate::app::event::Event;
use crate::app::view::Tone;
use crate::engine::core::{Core, Open};
use crate::engine::library::Library;
use crate::imap::MailboxAt;
use crate::mail::headers::Headers;
use crate::mail::id::{MessageKey, MessageRef};
use crate::mail::safe::SafeText;
use crate::store::change::{Act, Change, Group};
use crate::store::flags::Flags;
use crate::store::mailbox::SpecialUse;

/// Keywords that say what is junk (draft-ietf-mailmaint-imap-keywords and long custom).
const JUNK: &str = "$Junk";
const NOT_JUNK: &str = "$NotJunk";

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotDone {
    /// There is no such mailbox.
    NoMailbox { account: String, mailbox: String },
    /// In words.
    Nothing(String),
    /// All of it was so already.
    SoAlready,
}

/// What is said where all of it was so already.
pub(crate) const SO_ALREADY: &str = "Nothing had to be changed.";

/// The name of a message's mailbox, if that may only be read.
fn read_only(library: &Library, key: MessageKey) -> Option<String> {
    library.mailbox(key.mailbox).filter(|mailbox| mailbox.state.also.read_only).map(|mailbox| mailbox.name.clone())
}

/// Whether these flags are those that go along with a move to junk or from it, and no others.
pub(super) fn is_of_junk(flags: &Flags) -> bool {
    flags.without(&keyword(JUNK).with(&keyword(NOT_JUNK))).is_empty()
}

/// What a message's mailbox does not keep of a change of flags, and the name of that mailbox.
fn not_kept(open: &Open, key: MessageKey, set: &Flags, clear: &Flags) -> Option<(String, Flags)> {
    let here = open.library.mailbox(key.mailbox)?;
    let at = MailboxAt { name: here.name.as_str().into(), uid_validity: here.uid_validity };
    let lacking = open.accounts.get(&here.account)?.keeps.get(&at)?.lacking_of(set, clear);
    (!lacking.is_empty()).then(|| (here.name.clone(), lacking))
}

/// What was done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Done {
    pub(crate) step: u64,
    /// In words: "moved 3 messages to Archive".
    pub(crate) words: String,
    pub(crate) messages: usize,
    pub(crate) accounts: BTreeSet<String>,
}

/// Acts with the messages they are done to, in order, by account.
#[derive(Default)]
struct Plan {
    acts: Vec<(String, Act, Vec<MessageKey>)>,
}

impl Plan {
    fn add(&mut self, account: &str, act: Act, key: Option<MessageKey>) {
        match self.acts.iter_mut().find(|(name, known, _)| name == account && *known == act) {
            Some((_, _, keys)) => keys.extend(key),
            None => self.acts.push((account.to_owned(), act, key.into_iter().collect())),
        }
    }
}

fn flags(bits: u8) -> Flags {
    Flags::new(bits, Vec::new())
}

fn keyword(word: &str) -> Flags {
    Flags::new(0, vec![word.to_owned()])
}

/// The messages of a target. Of threads: those that stand in lists, with their copies where `copies` is set, else the ones received only,
/// so that archiving a thread does not carry away what was sent.
fn messages(library: &Library, target: &Target, deed: &Deed) -> Vec<MessageKey> {
    let everywhere = matches!(deed, Deed::Flag(_) | Deed::Keyword(..) | Deed::Delete | Deed::Undelete);
    let shown: Vec<MessageKey> = match target {
        Target::Messages(names) => names.iter().filter_map(|name| library.key(name)).collect(),
        Target::Threads(threads) => {
            let back = matches!(deed, Deed::Undelete | Deed::Expunge);
            let own = |key: &MessageKey| {
                matches!(library.role_shown(*key), Some(SpecialUse::Sent | SpecialUse::Drafts)) && !everywhere
            };
            let hidden = |key: &MessageKey| {
                matches!(library.role_shown(*key), Some(SpecialUse::Trash | SpecialUse::Junk)) && !back
            };
            let all = threads.iter().flat_map(|id| library.thread_keys(*id));
            all.filter(|key| !own(key) && (!hidden(key) || matches!(deed, Deed::Flag(_)))).collect()
        }
    };
    let mut seen = BTreeSet::new();
    let with_copies = shown.into_iter().flat_map(|key| if everywhere { library.with_copies(key) } else { vec![key] });
    with_copies.filter(|key| seen.insert(*key)).collect()
}

/// The name of a mailbox that is to be made, where the server keeps all below INBOX (Courier, Cyrus).
fn new_name(library: &Library, account: &str, name: &str) -> String {
    let mut others = library.mailboxes().filter(|m| m.account == account && m.name != "INBOX").peekable();
    let separator = others.peek().and_then(|m| m.name.strip_prefix("INBOX")).and_then(|rest| rest.chars().next());
    match separator.filter(|c| matches!(c, '.' | '/')) {
        Some(c) if others.all(|m| m.name.starts_with(&format!("INBOX{c}"))) => format!("INBOX{c}{name}"),
        _ => name.to_owned(),
    }
}

/// Makes a plan of a deed.
fn plan(library: &Library, keys: &[MessageKey], deed: &Deed) -> Result<Plan, NotDone> {
    let mut plan = Plan::default();
    for &key in keys {
        let (Some(here), Some(bits)) = (library.mailbox(key.mailbox), library.flags(key)) else { continue };
        let account = here.account.as_str();
        let role = library.role_shown(key);
        match deed {
            Deed::Flag(change) => {
                let (bit, on) = bit(*change);
                if (bits & bit != 0) != on {
                    let (set, clear) = if on { (bit, 0) } else { (0, bit) };
                    plan.add(account, Act::Flags { set: flags(set), clear: flags(clear) }, Some(key));
                }
            }
            Deed::Keyword(word, on) => {
                let (set, clear) =
                    if *on { (keyword(word), Flags::default()) } else { (Flags::default(), keyword(word)) };
                plan.add(account, Act::Flags { set, clear }, Some(key));
            }
            Deed::Delete => {
                let trash = library.mailbox_for(account, SpecialUse::Trash).map(|m| m.name.clone());
                match trash.filter(|_| role != Some(SpecialUse::Trash)) {
                    Some(to) => plan.add(account, Act::Move { to }, Some(key)),
                    None if bits & Flags::DELETED == 0 => {
                        let act = Act::Flags { set: flags(Flags::DELETED), clear: Flags::default() };
                        plan.add(account, act, Some(key));
                    }
                    None => {}
                }
            }
            Deed::Undelete => {
                if bits & Flags::DELETED != 0 {
                    let act = Act::Flags { set: Flags::default(), clear: flags(Flags::DELETED) };
                    plan.add(account, act, Some(key));
                }
                if role == Some(SpecialUse::Junk) {
                    let act = Act::Flags { set: keyword(NOT_JUNK), clear: keyword(JUNK) };
                    plan.add(account, act, Some(key));
                }
                if matches!(role, Some(SpecialUse::Trash | SpecialUse::Junk)) {
                    plan.add(account, Act::Move { to: "INBOX".to_owned() }, Some(key));
                }
            }
            Deed::Expunge => plan.add(account, Act::Expunge, Some(key)),
            Deed::Junk => {
                let Some(junk) = library.mailbox_for(account, SpecialUse::Junk) else {
                    let words = format!("{account} has no mailbox for junk; move it to one of its mailboxes instead");
                    return Err(NotDone::Nothing(words));
                };
                if role != Some(SpecialUse::Junk) {
                    let act = Act::Flags { set: keyword(JUNK), clear: keyword(NOT_JUNK) };
                    plan.add(account, act, Some(key));
                    plan.add(account, Act::Move { to: junk.name.clone() }, Some(key));
                }
            }
            Deed::Archive { create } => {
                let to = library.mailbox_for(account, SpecialUse::Archive).map(|m| m.name.clone());
                let to = match (to, create) {
                    (Some(to), _) => to,
                    (None, true) => {
                        let mailbox = new_name(library, account, "Archive");
                        let special_use = Some(SpecialUse::Archive);
                        plan.add(account, Act::Create { mailbox: mailbox.clone(), special_use }, None);
                        mailbox
                    }
                    (None, false) => {
                        let mailbox = new_name(library, account, "Archive");
                        return Err(NotDone::NoMailbox { account: account.to_owned(), mailbox });
                    }
                };
                move_to(library, &mut plan, key, account, to);
            }
            Deed::Move { account: only, mailbox, create } => {
                if only.as_ref().is_some_and(|only| only != account) {
                    continue;
                }
                if library.mailbox_named(account, mailbox).is_none() {
                    if !create {
                        return Err(NotDone::NoMailbox { account: account.to_owned(), mailbox: mailbox.clone() });
                    }
                    plan.add(account, Act::Create { mailbox: mailbox.clone(), special_use: None }, None);
                }
                move_to(library, &mut plan, key, account, mailbox.clone());
            }
        }
    }
    Ok(plan)
}

fn move_to(library: &Library, plan: &mut Plan, key: MessageKey, account: &str, to: String) {
    if library.shown_in(key) != Some(&to) {
        plan.add(account, Act::Move { to }, Some(key));
    }
}

fn bit(change: FlagChange) -> (u8, bool) {
    match change {
        FlagChange::Seen(on) => (Flags::SEEN, on),
        FlagChange::Flagged(on) => (Flags::FLAGGED, on),
        FlagChange::Deleted(on) => (Flags::DELETED, on),
        FlagChange::Answered(on) => (Flags::ANSWERED, on),
    }
}

/// "moved 3 messages to Archive".
fn words(deed: &Deed, plan: &Plan, messages: usize) -> String {
    let many = if messages == 1 { "1 message".to_owned() } else { format!("{messages} messages") };
    let target = || {
        plan.acts.iter().find_map(|(_, act, _)| match act {
            Act::Move { to } => Some(SafeText::line(to)),
            _ => None,
        })
    };
    match deed {
        Deed::Flag(FlagChange::Seen(true)) => format!("marked {many} read"),
        Deed::Flag(FlagChange::Seen(false)) => format!("marked {many} unread"),
        Deed::Flag(FlagChange::Flagged(true)) => format!("flagged {many}"),
        Deed::Flag(FlagChange::Flagged(false)) => format!("took the flag off {many}"),
        Deed::Flag(FlagChange::Deleted(true)) => format!("marked {many} deleted"),
        Deed::Flag(FlagChange::Deleted(false)) => format!("took the deletion mark off {many}"),
        Deed::Flag(FlagChange::Answered(_)) => format!("marked {many} answered"),
        Deed::Keyword(word, true) => format!("marked {many} {}", SafeText::line(word)),
        Deed::Keyword(word, false) => format!("took the mark {} off {many}", SafeText::line(word)),
        Deed::Archive { .. } => format!("archived {many}"),
        Deed::Junk => format!("moved {many} to junk"),
        Deed::Delete => format!("deleted {many}"),
        Deed::Undelete => format!("brought back {many}"),
        Deed::Move { mailbox, .. } => {
            format!("moved {many} to {}", target().unwrap_or_else(|| SafeText::line(mailbox)))
        }
        Deed::Expunge => format!("removed {many} for ever"),
    }
}

/// Whether lists change so that the user is told what happened, and by which key it is taken back.
fn is_told(deed: &Deed) -> bool {
    !matches!(deed, Deed::Delete | Deed::Flag(FlagChange::Seen(_) | FlagChange::Flagged(_)))
}

impl Core {
    /// Does something to messages of the screen, and says what was done.
    pub(crate) fn perform_deed(&mut self, open: &mut Open, target: Target, deed: Deed) {
        match self.do_to(open, &target, &deed, true) {
            Ok(done) => {
                if is_told(&deed) {
                    self.announcer.send(Event::Done(SafeText::line(&done.words)));
                }
            }
            Err(NotDone::Nothing(words)) => self.nothing_done(&words),
            Err(NotDone::SoAlready) => self.nothing_done(SO_ALREADY),
            Err(NotDone::NoMailbox { account, mailbox }) => {
                let again = match deed {
                    Deed::Move { account, mailbox, .. } => Deed::Move { account, mailbox, create: true },
                    Deed::Archive { .. } => Deed::Archive { create: true },
                    other => other,
                };
                self.announcer.send(Event::NoMailbox { account, mailbox, again: Box::new((target, again)) });
            }
        }
    }

    fn nothing_done(&self, words: &str) {
        self.announcer.send(Event::Undone);
        self.announcer.notice(Tone::Plain, words);
    }

    /// A message was read.
    pub(crate) fn mark_read(&mut self, open: &mut Open, name: MessageRef) {
        let target = Target::Messages(vec![name]);
        let _ = self.do_to(open, &target, &Deed::Flag(FlagChange::Seen(true)), false);
    }

    /// A message was answered.
    pub(crate) fn mark_answered(&mut self, open: &mut Open, key: MessageKey) {
        let names: Vec<MessageRef> =
            open.library.with_copies(key).into_iter().filter_map(|key| open.library.name(key)).collect();
        let _ = self.do_to(open, &Target::Messages(names), &Deed::Flag(FlagChange::Answered(true)), false);
    }

    /// Does something to messages: in the index now, durably next, on the server as soon as it can be reached. `step`: the user did it, and
    /// may take it back.
    pub(crate) fn do_to(&mut self, open: &mut Open, target: &Target, deed: &Deed, step: bool) -> Result<Done, NotDone> {
        let keys = messages(&open.library, target, deed);
        if keys.is_empty() {
            return Err(NotDone::Nothing(
                "No message is there to do this to: they were moved or deleted elsewhere.".into(),
            ));
        }
        // A mailbox that may only be read (EXAMINE, [READ-ONLY], RFC 9051 §7.1) takes nothing: said now, not queued and refused later.
        let (closed, keys): (Vec<MessageKey>, Vec<MessageKey>) =
            keys.into_iter().partition(|key| read_only(&open.library, *key).is_some());
        if let (Some(key), true) = (closed.first(), keys.is_empty()) {
            let name = read_only(&open.library, *key).unwrap_or_default();
            return Err(NotDone::Nothing(format!("{name} may only be read: the server takes no changes there.")));
        }
        let mut plan = plan(&open.library, &keys, deed)?;
        let names: BTreeSet<String> = closed.iter().filter_map(|key| read_only(&open.library, *key)).collect();
        // The same of flags that a mailbox does not keep; what goes along with a move is left out.
        let mut lacking = None;
        for (_, act, keys) in &mut plan.acts {
            if let Act::Flags { set, clear } = act {
                keys.retain(|key| {
                    let here = not_kept(open, *key, set, clear);
                    let is_kept = here.is_none();
                    lacking = lacking.take().or(here);
                    is_kept
                });
            }
        }
        plan.acts.retain(|(_, act, keys)| !(matches!(act, Act::Flags { .. }) && keys.is_empty()));
        let concerned: BTreeSet<MessageKey> = plan.acts.iter().flat_map(|(_, _, keys)| keys.iter().copied()).collect();
        let lacking = lacking.map(|(name, flags)| {
            let names = flags.names().collect::<Vec<_>>().join(" ");
            (format!("{name} keeps no such mark ({names})"), is_of_junk(&flags))
        });
        match (lacking, concerned.is_empty()) {
            (Some((words, _)), true) => return Err(NotDone::Nothing(format!("{words}: the server would forget it."))),
            (None, true) => return Err(NotDone::SoAlready),
            // What goes along with a move is left out without a word.
            (Some((words, false)), false) => {
                self.announcer.notice(Tone::Warning, &format!("{words}: its messages were left as they are."));
            }
            _ => {}
        }
        for name in names.into_iter().filter(|_| step) {
            let words = format!("{} may only be read: its messages were left as they are.", SafeText::line(&name));
            self.announcer.notice(Tone::Warning, &words);
        }
        let words = words(deed, &plan, concerned.len());
        let at = self.now();
        let step = if step { open.changes.queue.new_step() } else { 0 };
        let mut done = Done { step, words: words.clone(), messages: concerned.len(), ..Done::default() };
        let mut edits = Edits::default();
        for (account, act, keys) in plan.acts {
            if let Act::Move { to } = &act {
                open.changes.used.insert((account.clone(), to.clone()), at);
            }
            let waiting = groups(&open.library, &keys);
            for key in keys {
                show_now(&mut open.library, key, &act);
            }
            done.accounts.insert(account.clone());
            let open_act = matches!(act, Act::Create { .. });
            edits.put.push(open.changes.queue.push(Change {
                seq: 0,
                step,
                undoes: None,
                words: words.clone(),
                at,
                account,
                act,
                waiting,
                open: open_act,
                begun: None,
                done: Vec::new(),
                taken_back: false,
                tries: 0,
                why: String::new(),
                held: None,
            }));
        }
        self.write_rows(open, edits, None);
        self.mark_changed();
        Ok(done)
    }

    /// Appends a message to a mailbox, made where it is missing and `create` is set.
    pub(crate) fn append(
        &mut self,
        open: &mut Open,
        account: &str,
        mailbox: &str,
        raw: Arc<[u8]>,
        flags: Flags,
        create: bool,
    ) -> Result<Done, NotDone> {
        let known = open.library.mailbox_named(account, mailbox).is_some();
        if !known && !create {
            return Err(NotDone::NoMailbox { account: account.to_owned(), mailbox: mailbox.to_owned() });
        }
        let words = format!("added 1 message to {}", SafeText::line(mailbox));
        let (step, at) = (open.changes.queue.new_step(), self.now());
        let message_id = Headers::parse(Arc::clone(&raw)).message_id().unwrap_or_default();
        let row = |act| Change {
            seq: 0,
            step,
            undoes: None,
            words: words.clone(),
            at,
            account: account.to_owned(),
            act,
            waiting: Vec::new(),
            open: true,
            begun: None,
            done: Vec::new(),
            taken_back: false,
            tries: 0,
            why: String::new(),
            held: None,
        };
        let mut edits = Edits::default();
        if !known {
            let act = Act::Create { mailbox: mailbox.to_owned(), special_use: None };
            edits.put.push(open.changes.queue.push(row(act)));
        }
        let act = Act::Append { mailbox: mailbox.to_owned(), flags, date: Some(at.as_second()), message_id };
        let appended = open.changes.queue.push(row(act));
        let seq = appended.seq;
        edits.put.push(appended);
        self.write_rows(open, edits, Some((seq, raw)));
        Ok(Done { step, words, messages: 1, accounts: BTreeSet::from([account.to_owned()]) })
    }
}

/// Messages by their mailboxes.
fn groups(library: &Library, keys: &[MessageKey]) -> Vec<Group> {
    let mut by_mailbox: BTreeMap<_, Vec<u32>> = BTreeMap::new();
    for key in keys {
        by_mailbox.entry(key.mailbox).or_default().push(key.uid);
    }
    by_mailbox
        .into_iter()
        .filter_map(|(id, uids)| library.mailbox(id).map(|m| Group::new(&m.name, m.uid_validity, uids)))
        .collect()
}

/// What the index shows at once, before anything was written.
fn show_now(library: &mut Library, key: MessageKey, act: &Act) {
    let Some(bits) = library.flags(key) else { return };
    let mut over = Over::default();
    over.then(act);
    library.set_flags(key, over.shown(&flags(bits)).bits(), true);
    if let Some(to) = over.to {
        let home = library.mailbox(key.mailbox).is_some_and(|here| here.name == to);
        library.set_elsewhere(key, Some(to.as_str()).filter(|_| !home));
    }
}
