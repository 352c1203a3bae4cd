//! Which mailboxes there are: what is subscribed, INBOX always, and the one for sent mail (RFC 9051 §6.3.9, RFC 5258, RFC 6154).
//!
//! With LIST-STATUS (RFC 5819) the same round trip says of each how many messages it has and how far its UIDs and modification sequences
//! have come, which is enough to leave alone those in which nothing changed. Without it but with CONDSTORE the same is asked by STATUS, all
//! at once. Without CONDSTORE nothing could be concluded from it, and nothing is asked.

use std::collections::{BTreeMap, HashMap};

use super::begin;
use super::command::Command;
use super::error::Error;
use super::session::{Session, Use, Wire};
use super::sink::MailboxInfo;
use super::untagged::{Listed, Status, Untagged};
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

/// Lists the mailboxes to sync, INBOX first, then the one for sent mail, then by name.
pub(super) async fn list<S: Wire>(
    session: &mut Session<S>,
    sent_mailbox: Option<&str>,
    skip: &[String],
) -> Result<Vec<Found>, Error> {
    let begun = begin::start(session).await?;
    let (caps, items) = (&session.capabilities, status_items(session));
    // RFC 5819 is for servers that have RFC 5258, whether they say so or not.
    let with_status = caps.has("LIST-STATUS");
    let extended = caps.has("LIST-EXTENDED") || with_status;
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
    begin::finish(session, begun).await?;
    if let Some(pending) = unselect {
        session.finish(pending, |_| Use::Unasked).await?;
    }
    let mut heard = Listing::default();
    session.finish_own(all, |own| heard.take(own)).await?;
    if let Some(pending) = lsub {
        let mut subscribed = Listing::default();
        session.finish_own(pending, |own| subscribed.take(own)).await?;
        heard.subscribed(&subscribed)?;
    }
    let (found, mut statuses) = heard.sort(session)?;
    let mut chosen: Vec<Found> = choose(found, sent_mailbox, skip)
        .into_iter()
        .map(|info| Found { status: statuses.remove(&info.name), info })
        .collect();
    if !with_status && (session.capabilities.has("CONDSTORE") || session.capabilities.has("QRESYNC")) {
        let names: Vec<String> = chosen.iter().map(|found| found.info.name.clone()).collect();
        let mut statuses = ask(session, &names).await?;
        for found in &mut chosen {
            found.status = statuses.remove(&found.info.name);
        }
    }
    for found in &mut chosen {
        if session.selected.as_deref() == Some(&found.info.name) {
            found.status = None;
        }
        found.info.mailbox_id = found.status.as_ref().and_then(|status| status.mailbox_id.clone());
    }
    Ok(chosen)
}

/// STATUS of mailboxes (decoded names), all at once; those that the server refuses are left out.
pub(super) async fn ask<S: Wire>(
    session: &mut Session<S>,
    mailboxes: &[String],
) -> Result<HashMap<String, Status>, Error> {
    let items = status_items(session);
    let mut statuses = HashMap::new();
    for names in mailboxes.chunks(ASKED_AT_ONCE) {
        let mut pending = Vec::new();
        for name in names {
            let command = Command::status(&session.wire(name), &items);
            // A name that cannot be sent says itself what it is when the mailbox is opened.
            if let Ok(command) = command {
                pending.push((name, session.start("for the state of a mailbox", &command).await?));
            }
        }
        for (name, pending) in pending {
            let mut found = None;
            let asked = session.finish_own(pending, |own| {
                let Untagged::Status(status) = own else { return Use::Unasked };
                found = Some(status.clone());
                Use::Taken
            });
            match asked.await {
                Ok(_) => drop(found.map(|status| statuses.insert(name.clone(), status))),
                Err(e) if e.session_lives() => {}
                Err(e) => return Err(e),
            }
        }
    }
    Ok(statuses)
}

/// What there is, and what was said of each, by decoded names.
type Sorted = (BTreeMap<String, MailboxInfo>, HashMap<String, Status>);

/// What a LIST or LSUB brought, by names as on the wire.
#[derive(Default)]
struct Listing {
    listed: Vec<Listed>,
    statuses: Vec<Status>,
    too_many: bool,
}

impl Listing {
    fn take(&mut self, own: &Untagged) -> Use {
        let full = match own {
            Untagged::List(_) => self.listed.len() >= MAILBOXES_MAX,
            Untagged::Status(_) => self.statuses.len() >= MAILBOXES_MAX,
            _ => return Use::Unasked,
        };
        match own {
            _ if full => {
                self.too_many = true;
                return Use::Unasked;
            }
            Untagged::List(listed) => self.listed.push(listed.clone()),
            Untagged::Status(status) => self.statuses.push(status.clone()),
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
        let names: std::collections::HashSet<&str> = lsub.listed.iter().map(|listed| listed.name.as_str()).collect();
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
        let mut found = BTreeMap::new();
        for listed in self.listed {
            if let Some(mut info) = info(&listed) {
                info.name = session.learn_name(&listed.name);
                if info.name == "INBOX" {
                    info.special_use = Some(SpecialUse::Inbox);
                }
                found.insert(info.name.clone(), info);
            }
        }
        let statuses = self.statuses.into_iter().map(|status| (session.learn_name(&status.name), status)).collect();
        Ok((found, statuses))
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

/// What of all that is listed is synced. Where nothing is subscribed, nobody ever cared to: everything is taken then.
fn choose(mut found: BTreeMap<String, MailboxInfo>, sent_mailbox: Option<&str>, skip: &[String]) -> Vec<MailboxInfo> {
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
    let mut chosen: Vec<MailboxInfo> = found
        .into_values()
        .filter(|info| info.name != "INBOX" && !skip.contains(&info.name))
        .filter(|info| info.subscribed || !any_subscribed || is_sent(info))
        .collect();
    chosen.sort_by_key(|info| !is_sent(info));
    chosen.insert(0, inbox);
    chosen
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
    use std::collections::BTreeMap;

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
        let names: Vec<String> = choose(found, sent, &skip).into_iter().map(|info| info.name).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn which_are_synced() {
        let sent = Some(SpecialUse::Sent);
        check(&[], None, &[], &["INBOX"]);
        check(&[("A", None, false), ("INBOX", None, true), ("Z", None, true)], None, &[], &["INBOX", "Z"]);
        check(&[("A", None, true), ("Sent", sent, false), ("X", None, false)], None, &[], &["INBOX", "Sent", "A"]);
        check(&[("A", None, true), ("Out", None, false)], Some("Out"), &[], &["INBOX", "Out", "A"]);
        check(&[("A", None, false), ("B", None, false), ("INBOX", None, false)], None, &["B"], &["INBOX", "A"]);
    }

    #[test]
    fn sent_mail_is_known_by_its_customary_name_where_the_server_says_nothing() {
        let first_after_inbox = |found: &[(&str, Option<SpecialUse>, bool)]| {
            let found = found.iter().map(|&(name, use_, subscribed)| mailbox(name, use_, subscribed)).collect();
            choose(found, None, &[]).into_iter().nth(1).map(|info| (info.name, info.special_use))
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
