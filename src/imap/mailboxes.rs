//! Which mailboxes there are: what is subscribed, INBOX always, and the one for sent mail (RFC 9051 §6.3.9, RFC 5258, RFC 6154).

use std::collections::BTreeMap;

use imap_proto::{MailboxDatum, MailboxListData, NameAttribute, Response};

use super::command::{Command, special_use};
use super::error::Error;
use super::session::{Session, Use, Wire};
use super::sink::MailboxInfo;
use crate::store::mailbox::SpecialUse;

/// More than any person has; a server that lists more is broken or hostile.
const MAILBOXES_MAX: usize = 20_000;

/// Lists the mailboxes to sync, INBOX first, then the one for sent mail, then by name.
pub(super) async fn list<S: Wire>(
    session: &mut Session<S>,
    sent_mailbox: Option<&str>,
    skip: &[String],
) -> Result<Vec<MailboxInfo>, Error> {
    let extended = session.capabilities.has("LIST-EXTENDED");
    let special = session.capabilities.has("SPECIAL-USE");
    let everything = if extended && special {
        Command::plain("LIST \"\" \"*\" RETURN (SUBSCRIBED SPECIAL-USE)")
    } else if extended {
        Command::plain("LIST \"\" \"*\" RETURN (SUBSCRIBED)")
    } else {
        Command::plain("LIST \"\" \"*\"")
    };
    let mut found = BTreeMap::new();
    collect(session, &everything, |info| {
        found.insert(info.name.clone(), info);
    })
    .await?;
    if !extended {
        let mut subscribed = Vec::new();
        collect(session, &Command::plain("LSUB \"\" \"*\""), |info| subscribed.push(info.name)).await?;
        for name in subscribed {
            if let Some(info) = found.get_mut(&name) {
                info.subscribed = true;
            }
        }
    }
    Ok(choose(found, sent_mailbox, skip))
}

async fn collect<S: Wire>(
    session: &mut Session<S>,
    command: &Command,
    mut take: impl FnMut(MailboxInfo),
) -> Result<(), Error> {
    const DOING: &str = "to list the mailboxes";
    let mut listed = Vec::new();
    let mut too_many = false;
    session
        .run(DOING, command, |response| {
            let Response::MailboxData(MailboxDatum::List(data)) = response else { return Use::Unasked };
            if listed.len() >= MAILBOXES_MAX {
                too_many = true;
                return Use::Unasked;
            }
            listed.push((data.name.to_string(), info(data)));
            Use::Taken
        })
        .await?;
    if too_many {
        return Err(Error::Nonsense {
            doing: DOING.to_owned(),
            words: format!("it lists more than {MAILBOXES_MAX} mailboxes"),
        });
    }
    for (wire, info) in listed {
        if let Some(mut info) = info {
            info.name = session.learn_name(&wire);
            if info.name == "INBOX" {
                info.special_use = Some(SpecialUse::Inbox);
            }
            take(info);
        }
    }
    Ok(())
}

/// `None` for a name that cannot be selected.
fn info(data: &MailboxListData<'_>) -> Option<MailboxInfo> {
    let is = |attribute: &NameAttribute<'_>, name: &str| matches!(attribute, NameAttribute::Extension(text) if text.eq_ignore_ascii_case(name));
    let attributes = &data.name_attributes;
    if attributes.iter().any(|a| matches!(a, NameAttribute::NoSelect) || is(a, "\\NonExistent")) || data.name.is_empty()
    {
        return None;
    }
    Some(MailboxInfo {
        name: String::new(),
        delimiter: data.delimiter.as_deref().and_then(|text| text.chars().next()),
        special_use: attributes.iter().find_map(special_use),
        subscribed: attributes.iter().any(|a| is(a, "\\Subscribed")),
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
pub(super) fn sent(list: &[MailboxInfo], sent_mailbox: Option<&str>) -> Option<String> {
    match sent_mailbox {
        Some(name) => Some(name.to_owned()),
        None => list.iter().find(|info| info.special_use == Some(SpecialUse::Sent)).map(|info| info.name.clone()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{MailboxInfo, SpecialUse, choose, info};

    fn mailbox(name: &str, special_use: Option<SpecialUse>, subscribed: bool) -> (String, MailboxInfo) {
        (name.to_owned(), MailboxInfo { name: name.to_owned(), delimiter: Some('/'), special_use, subscribed })
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
        let parse = |text: &'static str| match imap_proto::Response::parse(text.as_bytes()).unwrap().1 {
            imap_proto::Response::MailboxData(imap_proto::MailboxDatum::List(data)) => info(&data),
            _ => None,
        };
        assert!(parse("* LIST (\\Noselect) \"/\" a\r\n").is_none());
        assert!(parse("* LIST (\\nonexistent \\Subscribed) \"/\" a\r\n").is_none());
        let sent = parse("* LIST (\\Subscribed \\Sent) \"/\" \"Sent\"\r\n").unwrap();
        assert!(sent.subscribed && sent.special_use == Some(SpecialUse::Sent) && sent.delimiter == Some('/'));
        assert_eq!(parse("* LIST () NIL a\r\n").unwrap().delimiter, None);
    }
}
