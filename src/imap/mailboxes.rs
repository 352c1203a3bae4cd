//! Which mailboxes there are: what is subscribed, INBOX always, and the one for sent mail (RFC 9051 §6.3.9, RFC 5258, RFC 6154).
//!
//! With LIST-STATUS (RFC 5819) the same round trip says of each how many messages it has and how far its UIDs and modification sequences
//! have come, which is enough to leave alone those in which nothing changed, and to know whose lists come first. Without it the same is asked
//! by STATUS, all at once. A server at which sessions end by either of them is not asked for it ([`Extra`]). Without CONDSTORE each is opened all the same: flags change without a trace there.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::begin;
use super::command::Command;
use super::error::Error;
use super::name;
use super::session::{Session, Use, Wire};
use super::sink::{Known, MailboxInfo};
use super::suspects::{Extra, Suspects};
use super::untagged::{Listed, Status, Unread, Untagged};
use crate::store::mailbox::SpecialUse;

/// More than any person has; a server that lists more is broken or hostile.
const MAILBOXES_MAX: usize = 20_000;

/// STATUS commands on their way at once.
const ASKED_AT_ONCE: usize = 50;

const DOING: &str = "to list the mailboxes";

/// A mailbox with what the server said of it, where it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub info: MailboxInfo,
    pub status: Option<Status>,
}

/// The mailboxes of an account, by decoded names.
#[derive(Clone, Debug, Default)]
pub(super) struct List {
    /// Those to sync, INBOX first, then the one for sent mail, then by name.
    pub chosen: Vec<Found>,
    /// Those that could be.
    pub others: Vec<Found>,
    /// Names that hold no messages: `\Noselect`, `\NonExistent`.
    pub hollow: HashSet<String>,
    /// Mailboxes were named in a way that nobody can read: what is missing may be there.
    pub unread: bool,
}

/// What is asked of each mailbox.
fn status_items<S: Wire>(session: &Session<S>) -> String {
    let mut items = "MESSAGES UIDNEXT UIDVALIDITY".to_owned();
    if session.capabilities.has("CONDSTORE") || session.capabilities.has("QRESYNC") {
        items.push_str(" HIGHESTMODSEQ");
    }
    // Cyrus (3.6, told by a capability of its own) answers this with bytes of freed memory: LIST then cannot be read at all.
    if session.capabilities.has("OBJECTID") && !session.capabilities.has("X-REPLICATION") {
        items.push_str(" MAILBOXID");
    }
    items
}

/// Lists the mailboxes. Of what is held, those stay among the ones to sync that never were subscribed: a subscription that somebody makes of
/// another one says nothing about them.
pub(super) async fn list<S: Wire>(
    session: &mut Session<S>,
    sent_mailbox: Option<&str>,
    skip: &[String],
    known: &[Known],
    suspects: &mut Suspects,
) -> Result<List, Error> {
    let begun = begin::start(session).await?;
    let (caps, items) = (&session.capabilities, status_items(session));
    // RFC 5819 is for servers that have RFC 5258, whether they say so or not.
    let with_status = caps.has("LIST-STATUS") && suspects.done_without(Extra::ListStatus).is_none();
    let extended = caps.has("LIST-EXTENDED") || caps.has("LIST-STATUS");
    let mut options = Vec::new();
    if extended {
        options.push("SUBSCRIBED".to_owned());
        if caps.has("SPECIAL-USE") {
            options.push("SPECIAL-USE".to_owned());
        }
    }
    if with_status {
        options.push(format!("STATUS ({items})"));
    }
    // STATUS of the mailbox that is open may be out of date (RFC 9051 §6.3.11): it is closed first where that changes nothing in it.
    let mut unselect = None;
    if session.selected.is_some() && caps.has("UNSELECT") {
        unselect = Some(session.start("to close a mailbox", &Command::plain("UNSELECT")).await?);
        session.selected = None;
    }
    let all = session.start(DOING, &Command::list(&options)).await?;
    let lsub = if extended { None } else { Some(session.start(DOING, &Command::plain("LSUB \"\" \"*\"")).await?) };
    let before = async {
        begin::finish(session, begun).await?;
        match unselect {
            Some(pending) => session.finish(pending, |_| Use::Unasked).await.map(drop),
            None => Ok(()),
        }
    };
    let before = before.await;
    if before.is_err() && with_status && Extra::ListStatus.is_of(&before, session.unread) {
        // All of it was on its way together: what cannot be read shows at whichever answer comes first.
        suspects.came_of(Extra::ListStatus, &before);
    }
    before?;
    let mut heard = Listing::default();
    let listed = session.finish_own(all, |own| heard.take(own)).await;
    if with_status && Extra::ListStatus.is_of(&listed, session.unread) {
        suspects.came_of(Extra::ListStatus, &listed);
    }
    if extended && matches!(listed, Err(Error::Bad { .. })) {
        // It does not understand what it offers: asked plainly, for as long as this session lasts.
        session.capabilities.forget(&["LIST-EXTENDED", "LIST-STATUS", "SPECIAL-USE"]);
        return Box::pin(list(session, sent_mailbox, skip, known, suspects)).await;
    }
    listed?;
    if let Some(pending) = lsub {
        let mut subscribed = Listing::default();
        session.finish_own(pending, |own| subscribed.take(own)).await?;
        heard.subscribed(&subscribed)?;
    }
    let Sorted { found, mut statuses, hollow, unread } = heard.sort(session)?;
    // Where a name could not be read, it may be that of one that is subscribed.
    let kept = known.iter().filter(|known| unread || !known.subscribed).map(|known| known.name.as_str());
    let kept: HashSet<&str> = kept.collect();
    let (chosen, others) = choose(found, sent_mailbox, skip, &kept);
    let mut with = |infos: Vec<MailboxInfo>| -> Vec<Found> {
        infos.into_iter().map(|info| Found { status: statuses.remove(&info.name), info }).collect()
    };
    let mut list = List { chosen: with(chosen), others: with(others), hollow, unread };
    if !with_status {
        let condstore = session.capabilities.has("CONDSTORE") || session.capabilities.has("QRESYNC");
        let names: Vec<String> = list.chosen.iter().map(|found| found.info.name.clone()).collect();
        // Without modification sequences it says only what comes first, and one alone is first.
        if condstore || names.len() > 1 {
            let mut answers = ask(session, &names, suspects).await?;
            for found in &mut list.chosen {
                let answer = answers.remove(&found.info.name);
                found.status = answer.and_then(Result::ok).filter(|status| status.messages.is_some());
            }
        }
    }
    for found in list.chosen.iter_mut().chain(&mut list.others) {
        if session.selected.as_deref() == Some(&found.info.name) {
            found.status = None;
        }
        found.info.mailbox_id = found.status.as_ref().and_then(|status| status.mailbox_id.clone());
    }
    Ok(list)
}

/// All names that can be opened (decoded), asked for once more in the plainest way; none where some of them cannot be read.
pub(super) async fn names<S: Wire>(session: &mut Session<S>) -> Result<HashSet<String>, Error> {
    let mut heard = Listing::default();
    session.run_own(DOING, &Command::list(&[]), |own| heard.take(own)).await?;
    if heard.unread {
        return Ok(HashSet::new());
    }
    Ok(heard.sort(session)?.found.into_keys().collect())
}

/// What the server says of mailboxes, by decoded names, or how it refuses.
type Answers = HashMap<String, Result<Status, Error>>;

/// STATUS of mailboxes (decoded names), all at once: what the server says of each, or how it refuses. A mailbox that it takes the question
/// for and says nothing of has an empty answer.
pub(super) async fn ask<S: Wire>(
    session: &mut Session<S>,
    mailboxes: &[String],
    suspects: &mut Suspects,
) -> Result<Answers, Error> {
    if mailboxes.is_empty() {
        return Ok(Answers::new());
    }
    if let Some(why) = suspects.done_without(Extra::Status) {
        return Ok(mailboxes.iter().map(|name| (name.clone(), Err(why.clone()))).collect());
    }
    let answers = ask_each(session, mailboxes).await;
    if Extra::Status.is_of(&answers, session.unread) {
        suspects.came_of(Extra::Status, &answers);
    }
    answers
}

async fn ask_each<S: Wire>(session: &mut Session<S>, mailboxes: &[String]) -> Result<Answers, Error> {
    let items = status_items(session);
    let mut answers = HashMap::new();
    for names in mailboxes.chunks(ASKED_AT_ONCE) {
        let (mut pending, mut told) = (Vec::new(), HashMap::new());
        for name in names {
            match Command::status(&session.wire(name), &items) {
                Ok(command) => {
                    let doing = format!("for the state of {name}");
                    pending.push((name, session.start(&doing, &command).await?));
                }
                Err(e) => drop(answers.insert(name.clone(), Err(e))),
            }
        }
        for (name, pending) in pending {
            // By its name: a server may say what the next one is about before it calls this one done (RFC 9051 §5.5).
            let asked = session.finish_own(pending, |own| {
                let Untagged::Status(status) = own else { return Use::Unasked };
                if told.len() >= ASKED_AT_ONCE {
                    return Use::Unasked;
                }
                told.insert(name::decode(&status.name), status.clone());
                Use::Taken
            });
            match asked.await {
                Ok(_) => drop(answers.insert(name.clone(), Ok(Status::default()))),
                Err(e) if e.session_lives() => drop(answers.insert(name.clone(), Err(e))),
                Err(e) => return Err(e),
            }
        }
        for (name, status) in told {
            if let Some(Ok(answer)) = answers.get_mut(&name) {
                *answer = status;
            }
        }
    }
    Ok(answers)
}

/// What there is, and what was said of each, by decoded names.
struct Sorted {
    found: BTreeMap<String, MailboxInfo>,
    statuses: HashMap<String, Status>,
    hollow: HashSet<String>,
    /// A name could not be read, or came twice with something else said of it.
    unread: bool,
}

/// What a LIST or LSUB brought, by names as on the wire.
#[derive(Default)]
struct Listing {
    listed: Vec<Listed>,
    statuses: Vec<Status>,
    too_many: bool,
    /// A name could not be read.
    unread: bool,
    /// Lines that could not be read.
    lost: usize,
}

impl Listing {
    fn take(&mut self, own: &Untagged) -> Use {
        let full = match own {
            Untagged::List(_) => self.listed.len() >= MAILBOXES_MAX,
            Untagged::Status(_) => self.statuses.len() >= MAILBOXES_MAX,
            Untagged::Unread(Unread::Status | Unread::List) => self.lost >= MAILBOXES_MAX,
            _ => return Use::Unasked,
        };
        match own {
            _ if full => {
                self.too_many = true;
                return Use::Unasked;
            }
            Untagged::List(listed) => self.listed.push(listed.clone()),
            Untagged::Status(status) => self.statuses.push(status.clone()),
            Untagged::Unread(unread) => {
                self.lost = self.lost.saturating_add(1);
                // Of a mailbox of which the state could not be read, it is opened to see what is in it.
                self.unread |= *unread == Unread::List;
            }
            _ => {}
        }
        Use::Taken
    }

    fn checked(&self) -> Result<(), Error> {
        if !self.too_many {
            return Ok(());
        }
        Err(Error::Nonsense { doing: DOING.to_owned(), words: format!("it lists more than {MAILBOXES_MAX} mailboxes") })
    }

    /// Marks those that LSUB names.
    fn subscribed(&mut self, lsub: &Self) -> Result<(), Error> {
        lsub.checked()?;
        self.unread |= lsub.unread;
        let names: HashSet<&str> = lsub.listed.iter().map(|listed| listed.name.as_str()).collect();
        for listed in &mut self.listed {
            if names.contains(listed.name.as_str()) {
                listed.attributes.push("\\subscribed".to_owned());
            }
        }
        Ok(())
    }

    /// By decoded names.
    fn sort<S: Wire>(self, session: &mut Session<S>) -> Result<Sorted, Error> {
        self.checked()?;
        let mut unread = self.unread;
        let (mut found, mut hollow) = (BTreeMap::<String, MailboxInfo>::new(), HashSet::new());
        for listed in self.listed {
            if let Some(mut info) = info(&listed) {
                info.name = session.learn_name(&listed.name);
                if info.name == "INBOX" {
                    info.special_use = Some(SpecialUse::Inbox);
                }
                if let Some(before) = found.insert(info.name.clone(), info.clone()).filter(|before| *before != info) {
                    // One of the two is another's, and was cut short.
                    unread = true;
                    if before.subscribed {
                        found.insert(before.name.clone(), before);
                    }
                }
            } else {
                hollow.insert(session.learn_name(&listed.name));
            }
        }
        let statuses = self.statuses.into_iter().map(|status| (session.learn_name(&status.name), status)).collect();
        Ok(Sorted { found, statuses, hollow, unread })
    }
}

/// `None` for a name that cannot be selected.
fn info(listed: &Listed) -> Option<MailboxInfo> {
    let has = |name: &str| listed.attributes.iter().any(|attribute| attribute == name);
    if has("\\noselect") || has("\\nonexistent") || listed.name.is_empty() {
        return None;
    }
    Some(MailboxInfo {
        name: String::new(),
        delimiter: listed.delimiter,
        special_use: listed.attributes.iter().find_map(|attribute| special_use(attribute)),
        subscribed: has("\\subscribed"),
        mailbox_id: None,
    })
}

/// What a mailbox is for, by its attribute in lower case (RFC 6154 §2).
fn special_use(attribute: &str) -> Option<SpecialUse> {
    Some(match attribute {
        "\\all" => SpecialUse::All,
        "\\archive" => SpecialUse::Archive,
        "\\drafts" => SpecialUse::Drafts,
        "\\flagged" => SpecialUse::Flagged,
        "\\junk" => SpecialUse::Junk,
        "\\sent" => SpecialUse::Sent,
        "\\trash" => SpecialUse::Trash,
        _ => return None,
    })
}

/// What of all that is listed is synced, and what is not. Where nothing is subscribed, nobody ever cared to: everything is taken then, and
/// what was taken so (`kept`) stays when somebody does.
fn choose(
    mut found: BTreeMap<String, MailboxInfo>,
    sent_mailbox: Option<&str>,
    skip: &[String],
    kept: &HashSet<&str>,
) -> (Vec<MailboxInfo>, Vec<MailboxInfo>) {
    if sent_mailbox.is_none() {
        mark_sent_by_name(&mut found);
    }
    let any_subscribed = found.values().any(|info| info.subscribed && info.name != "INBOX");
    let is_sent = |info: &MailboxInfo| match sent_mailbox {
        Some(name) => info.name == name,
        None => info.special_use == Some(SpecialUse::Sent),
    };
    let inbox = found.get("INBOX").cloned().unwrap_or(MailboxInfo {
        name: "INBOX".to_owned(),
        delimiter: None,
        special_use: Some(SpecialUse::Inbox),
        subscribed: false,
        mailbox_id: None,
    });
    let is_wanted = |info: &MailboxInfo| {
        let by_itself = !any_subscribed || kept.contains(info.name.as_str());
        !skip.contains(&info.name) && (info.subscribed || by_itself || is_sent(info))
    };
    let (mut chosen, others): (Vec<MailboxInfo>, Vec<MailboxInfo>) =
        found.into_values().filter(|info| info.name != "INBOX").partition(is_wanted);
    chosen.sort_by_key(|info| !is_sent(info));
    chosen.insert(0, inbox);
    (chosen, others)
}

/// Where the server names no mailbox for sent mail (SPECIAL-USE is an extension, RFC 6154), the customary names do: Dovecot's and
/// Cyrus' "Sent", Exchange's "Sent Items", Apple's "Sent Messages", at the top or below INBOX as Courier has it.
fn mark_sent_by_name(found: &mut BTreeMap<String, MailboxInfo>) {
    const NAMES: [&str; 4] = ["Sent", "Sent Items", "Sent Messages", "Sent Mail"];
    if found.values().any(|info| info.special_use == Some(SpecialUse::Sent)) {
        return;
    }
    let is_named = |info: &MailboxInfo, name: &str| {
        let below_inbox = info.delimiter.and_then(|delimiter| info.name.strip_prefix("INBOX")?.strip_prefix(delimiter));
        below_inbox.unwrap_or(&info.name).eq_ignore_ascii_case(name)
    };
    for name in NAMES {
        if let Some(info) = found.values_mut().find(|info| info.special_use.is_none() && is_named(info, name)) {
            info.special_use = Some(SpecialUse::Sent);
            return;
        }
    }
}

/// The name of the mailbox for sent mail.
pub(super) fn sent(list: &[Found], sent_mailbox: Option<&str>) -> Option<String> {
    match sent_mailbox {
        Some(name) => Some(name.to_owned()),
        None => list
            .iter()
            .find(|found| found.info.special_use == Some(SpecialUse::Sent))
            .map(|found| found.info.name.clone()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use super::{MailboxInfo, SpecialUse, choose, info};

    fn mailbox(name: &str, special_use: Option<SpecialUse>, subscribed: bool) -> (String, MailboxInfo) {
        let delimiter = Some('/');
        (name.to_owned(), MailboxInfo { name: name.to_owned(), delimiter, special_use, subscribed, mailbox_id: None })
    }

    #[track_caller]
    fn check(found: &[(&str, Option<SpecialUse>, bool)], sent: Option<&str>, skip: &[&str], expected: &[&str]) {
        let found: BTreeMap<_, _> =
            found.iter().map(|&(name, use_, subscribed)| mailbox(name, use_, subscribed)).collect();
        let skip: Vec<String> = skip.iter().map(|&name| name.to_owned()).collect();
        let total = found.len();
        let (chosen, others) = choose(found, sent, &skip, &HashSet::from(["Kept"]));
        let names: Vec<String> = chosen.into_iter().map(|info| info.name).collect();
        assert_eq!(names, expected);
        assert!(names.len() + others.len() >= total && others.iter().all(|info| !names.contains(&info.name)));
    }

    #[test]
    fn which_are_synced() {
        let sent = Some(SpecialUse::Sent);
        check(&[], None, &[], &["INBOX"]);
        check(&[("A", None, false), ("INBOX", None, true), ("Z", None, true)], None, &[], &["INBOX", "Z"]);
        check(&[("A", None, true), ("Sent", sent, false), ("X", None, false)], None, &[], &["INBOX", "Sent", "A"]);
        check(&[("A", None, true), ("Out", None, false)], Some("Out"), &[], &["INBOX", "Out", "A"]);
        check(&[("A", None, false), ("B", None, false), ("INBOX", None, false)], None, &["B"], &["INBOX", "A"]);
        // It was taken when nobody cared to subscribe, and stays when somebody does.
        check(&[("A", None, true), ("B", None, false), ("Kept", None, false)], None, &[], &["INBOX", "A", "Kept"]);
        check(&[("A", None, true), ("Kept", None, false)], None, &["Kept"], &["INBOX", "A"]);
    }

    #[test]
    fn sent_mail_is_known_by_its_customary_name_where_the_server_says_nothing() {
        let first_after_inbox = |found: &[(&str, Option<SpecialUse>, bool)]| {
            let found = found.iter().map(|&(name, use_, subscribed)| mailbox(name, use_, subscribed)).collect();
            choose(found, None, &[], &HashSet::new()).0.into_iter().nth(1).map(|info| (info.name, info.special_use))
        };
        let sent = |name: &str| Some((name.to_owned(), Some(SpecialUse::Sent)));
        assert_eq!(first_after_inbox(&[("A", None, true), ("INBOX/Sent", None, false)]), sent("INBOX/Sent"));
        assert_eq!(first_after_inbox(&[("Archive", None, true), ("Sent Items", None, false)]), sent("Sent Items"));
        let named = [("Sent", None, true), ("Gesendet", Some(SpecialUse::Sent), true)];
        assert_eq!(first_after_inbox(&named), sent("Gesendet"));
        assert_eq!(first_after_inbox(&[("Presents", None, true)]), Some(("Presents".to_owned(), None)));
    }

    #[test]
    fn what_cannot_be_selected_is_left_out() {
        let parse = |text: &str| match crate::imap::untagged::read(text.as_bytes()) {
            Some(crate::imap::untagged::Untagged::List(listed)) => info(&listed),
            _ => None,
        };
        assert!(parse("* LIST (\\Noselect) \"/\" a\r\n").is_none());
        assert!(parse("* LIST (\\nonexistent \\Subscribed) \"/\" a\r\n").is_none());
        let sent = parse("* LIST (\\Subscribed \\Sent) \"/\" \"Sent\"\r\n").unwrap();
        assert!(sent.subscribed && sent.special_use == Some(SpecialUse::Sent) && sent.delimiter == Some('/'));
        assert_eq!(parse("* LIST () NIL a\r\n").unwrap().delimiter, None);
    }
}
