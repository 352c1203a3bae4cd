//! One connection: commands in, responses out, the selected mailbox's sequence numbers.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imap_codec::CommandCodec;
use imap_codec::decode::{CommandDecodeError, Decoder};
use imap_codec::imap_types::command::{Command, CommandBody, SelectParameter, StoreModifier};
use imap_codec::imap_types::core::LiteralMode;
use imap_codec::imap_types::extensions::binary::LiteralOrLiteral8;
use imap_codec::imap_types::extensions::enable::CapabilityEnable;
use imap_codec::imap_types::flag::{Flag, StoreResponse, StoreType};
use imap_codec::imap_types::mailbox::{ListMailbox, Mailbox as Name};
use imap_codec::imap_types::sequence::SequenceSet;
use imap_codec::imap_types::status::StatusDataItemName;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::super::post::{Account, Held, Mailbox, PostOffice, UID_VALIDITY};
use super::{fetch, holds, search};

/// The largest command: a message to append, and a little.
const COMMAND_BYTES_MAX: usize = 64 * 1024 * 1024;

const BEFORE_LOGIN: &str = "IMAP4rev1 LITERAL+ SASL-IR ID AUTH=PLAIN";
const AFTER_LOGIN: &str =
    "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE NAMESPACE UIDPLUS UNSELECT MOVE SPECIAL-USE CONDSTORE";

/// Serves one connection to its end.
pub(in crate::demo) async fn serve<S>(stream: S, office: Arc<PostOffice>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut session = Session { stream, office, buffer: Vec::new(), account: None, selected: None, condstore: false };
    session.write(&format!("* OK [CAPABILITY {BEFORE_LOGIN}] casemail demo ready\r\n")).await?;
    while let Some(command) = session.next_command().await? {
        let reply = match command {
            Ok(command) => {
                let tag = command.tag.as_ref().to_owned();
                let ends = matches!(command.body, CommandBody::Logout);
                let done = session.perform(&tag, command.body).await?;
                session.write(&format!("{tag} {done}\r\n")).await?;
                if ends {
                    break;
                }
                continue;
            }
            Err(tag) => format!("{tag} BAD not understood\r\n"),
        };
        session.write(&reply).await?;
    }
    session.stream.shutdown().await
}

/// The selected mailbox as this connection has been told of it.
struct Selected {
    mailbox: usize,
    read_only: bool,
    /// The UID of each sequence number.
    view: Vec<u32>,
    /// Changes up to this one have been told.
    told: u64,
}

struct Session<S> {
    stream: S,
    office: Arc<PostOffice>,
    buffer: Vec<u8>,
    account: Option<usize>,
    selected: Option<Selected>,
    /// The client has said that it knows modification sequences (RFC 7162 §3.1).
    condstore: bool,
}

/// A tagged answer without its tag.
type Done = String;

fn ok(words: &str) -> Done {
    format!("OK {words}")
}

fn no(words: &str) -> Done {
    format!("NO {words}")
}

fn bad(words: &str) -> Done {
    format!("BAD {words}")
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    async fn write(&mut self, text: &str) -> io::Result<()> {
        self.write_bytes(text.as_bytes()).await
    }

    async fn write_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Reads more; `false` at the end of the connection.
    async fn read(&mut self) -> io::Result<bool> {
        if self.buffer.len() > COMMAND_BYTES_MAX {
            return Err(io::Error::other("a command without end"));
        }
        Ok(self.stream.read_buf(&mut self.buffer).await? > 0)
    }

    /// The next command; the tag of one that cannot be understood; `None` at the end.
    async fn next_command(&mut self) -> io::Result<Option<Result<Command<'static>, String>>> {
        loop {
            match CommandCodec::default().decode_static(&self.buffer) {
                Ok((rest, command)) => {
                    let used = self.buffer.len() - rest.len();
                    self.buffer.drain(..used);
                    return Ok(Some(Ok(command)));
                }
                Err(CommandDecodeError::LiteralFound { mode: LiteralMode::Sync, .. }) => {
                    self.write("+ go on\r\n").await?;
                }
                Err(CommandDecodeError::LiteralFound { .. } | CommandDecodeError::Incomplete) => {}
                Err(CommandDecodeError::Failed) => {
                    let line = self.take_line().await?.unwrap_or_default();
                    let tag = line.split(' ').next().filter(|tag| !tag.is_empty()).unwrap_or("*");
                    return Ok(Some(Err(tag.to_owned())));
                }
            }
            if !self.read().await? {
                return Ok(None);
            }
        }
    }

    async fn take_line(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|&b| b == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()));
            }
            if !self.read().await? {
                return Ok(None);
            }
        }
    }

    async fn perform(&mut self, tag: &str, body: CommandBody<'static>) -> io::Result<Done> {
        match body {
            CommandBody::Capability => {
                let list = if self.account.is_some() { AFTER_LOGIN } else { BEFORE_LOGIN };
                self.write(&format!("* CAPABILITY {list}\r\n")).await?;
                Ok(ok("done"))
            }
            CommandBody::Id { .. } => {
                self.write("* ID (\"name\" \"casemail demo\")\r\n").await?;
                Ok(ok("done"))
            }
            CommandBody::Logout => {
                self.write("* BYE until next time\r\n").await?;
                Ok(ok("done"))
            }
            CommandBody::Login { username, password } => {
                Ok(self.login(username.as_ref(), password.declassify().as_ref()))
            }
            CommandBody::Authenticate { mechanism, initial_response } => {
                if mechanism.as_ref() != "PLAIN" {
                    return Ok(no("only PLAIN is offered"));
                }
                let token = match initial_response {
                    Some(response) => response.declassify().to_vec(),
                    None => {
                        self.write("+ \r\n").await?;
                        let line = self.take_line().await?.unwrap_or_default();
                        STANDARD.decode(line.as_bytes()).unwrap_or_default()
                    }
                };
                let mut fields = token.splitn(3, |&b| b == 0).skip(1);
                Ok(self.login(fields.next().unwrap_or_default(), fields.next().unwrap_or_default()))
            }
            CommandBody::Noop | CommandBody::Check if self.account.is_none() => Ok(ok("done")),
            body => match self.account {
                None => Ok(no("log in first")),
                Some(account) => self.perform_as(tag, account, body).await,
            },
        }
    }

    fn login(&mut self, user: &[u8], password: &[u8]) -> Done {
        match self.office.login(user, password) {
            Some(account) if self.account.is_none() => {
                self.account = Some(account);
                ok(&format!("[CAPABILITY {AFTER_LOGIN}] welcome"))
            }
            Some(_) => bad("logged in already"),
            None => no("[AUTHENTICATIONFAILED] user name or password is wrong"),
        }
    }

    async fn perform_as(&mut self, tag: &str, account: usize, body: CommandBody<'static>) -> io::Result<Done> {
        match body {
            CommandBody::Namespace => {
                self.write("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n").await?;
                Ok(ok("done"))
            }
            CommandBody::Enable { capabilities } => {
                let condstore = capabilities.as_ref().iter().any(|c| matches!(c, CapabilityEnable::CondStore));
                self.condstore |= condstore;
                self.write(if condstore { "* ENABLED CONDSTORE\r\n" } else { "* ENABLED\r\n" }).await?;
                Ok(ok("done"))
            }
            CommandBody::List { reference, mailbox_wildcard } => {
                let out = self.list(account, &reference, &mailbox_wildcard, false);
                self.write(&out).await?;
                Ok(ok("done"))
            }
            CommandBody::Lsub { reference, mailbox_wildcard } => {
                let out = self.list(account, &reference, &mailbox_wildcard, true);
                self.write(&out).await?;
                Ok(ok("done"))
            }
            CommandBody::Status { mailbox, item_names } => {
                let out = self.on(account, &mailbox, |mailbox| status(mailbox, &item_names));
                match out {
                    Some(out) => {
                        self.write(&out).await?;
                        Ok(ok("done"))
                    }
                    None => Ok(no("[NONEXISTENT] there is no such mailbox")),
                }
            }
            CommandBody::Subscribe { mailbox } => Ok(self.subscribe(account, &mailbox, true)),
            CommandBody::Unsubscribe { mailbox } => Ok(self.subscribe(account, &mailbox, false)),
            CommandBody::Create { mailbox } => Ok(self.create(account, &mailbox)),
            CommandBody::Delete { mailbox } => Ok(self.delete(account, &mailbox)),
            CommandBody::Rename { .. } => Ok(no("mailboxes of the demo keep their names")),
            CommandBody::Select { mailbox, parameters } => self.select(account, &mailbox, &parameters, false).await,
            CommandBody::Examine { mailbox, parameters } => self.select(account, &mailbox, &parameters, true).await,
            CommandBody::Append { mailbox, flags, date, message } => {
                let received = date.and_then(|date| Timestamp::from_second(date.as_ref().timestamp()).ok());
                let done = self.append(account, &mailbox, &flags, received, &message);
                self.tell_changes(account, true, &HashSet::new()).await?;
                Ok(done)
            }
            CommandBody::Noop | CommandBody::Check => {
                self.tell_changes(account, true, &HashSet::new()).await?;
                Ok(ok("done"))
            }
            CommandBody::Idle => self.idle(account).await,
            body => match self.selected.take() {
                None => Ok(bad("select a mailbox first")),
                Some(selected) => self.perform_selected(tag, account, selected, body).await,
            },
        }
    }

    async fn perform_selected(
        &mut self,
        _tag: &str,
        account: usize,
        selected: Selected,
        body: CommandBody<'static>,
    ) -> io::Result<Done> {
        let read_only = selected.read_only;
        let mailbox = selected.mailbox;
        let view = selected.view.clone();
        self.selected = Some(selected);
        // Until these commands are over no sequence number may change (RFC 9051 §7.5.1).
        let mut may_expunge = true;
        let mut quiet = HashSet::new();
        let done = match body {
            CommandBody::Close => {
                if !read_only {
                    self.expunge(account, mailbox, |held| held.has("\\Deleted"));
                }
                self.selected = None;
                return Ok(ok("closed"));
            }
            CommandBody::Unselect => {
                self.selected = None;
                return Ok(ok("closed"));
            }
            CommandBody::Fetch { sequence_set, macro_or_item_names, uid, modifiers } => {
                may_expunge = uid;
                let wanted = uids(&view, &sequence_set, uid);
                let plan = fetch::Plan::new(&macro_or_item_names, uid, &modifiers);
                self.condstore |= plan.is_about_modseq();
                self.fetch(account, mailbox, &view, &wanted, &plan).await?
            }
            CommandBody::Search { criteria, uid, .. } => {
                may_expunge = uid;
                let found = self.office.with(account, |account| {
                    account.mailboxes.get(mailbox).map(|mailbox| search::search(mailbox, &view, &criteria, uid))
                });
                match found.flatten() {
                    Some(Some(numbers)) => {
                        let list: String = numbers.iter().map(|number| format!(" {number}")).collect();
                        self.write(&format!("* SEARCH{list}\r\n")).await?;
                        ok("done")
                    }
                    _ => no("[CANNOT] not a search that the demo knows"),
                }
            }
            _ if read_only => no("[READ-ONLY] the mailbox was opened read-only"),
            CommandBody::Store { sequence_set, kind, response, flags, uid, modifiers } => {
                may_expunge = uid;
                let wanted = uids(&view, &sequence_set, uid);
                let silent = response == StoreResponse::Silent;
                let unchanged_since = modifiers.iter().map(|StoreModifier::UnchangedSince(modseq)| *modseq).next();
                self.condstore |= unchanged_since.is_some();
                let (changed, conflicts) = self.store(account, mailbox, &wanted, kind, &flags, unchanged_since);
                if silent && !self.condstore {
                    quiet.extend(changed);
                }
                if conflicts.is_empty() {
                    ok("done")
                } else {
                    let list = conflicts.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
                    ok(&format!("[MODIFIED {list}] some had changed"))
                }
            }
            CommandBody::Copy { sequence_set, mailbox: to, uid } => {
                self.copy(account, mailbox, &uids(&view, &sequence_set, uid), &to)
            }
            CommandBody::Move { sequence_set, mailbox: to, uid } => {
                let wanted = uids(&view, &sequence_set, uid);
                let done = self.copy(account, mailbox, &wanted, &to);
                if done.starts_with("OK") {
                    self.expunge(account, mailbox, |held| wanted.contains(&held.uid));
                }
                done
            }
            CommandBody::Expunge => {
                self.expunge(account, mailbox, |held| held.has("\\Deleted"));
                ok("done")
            }
            CommandBody::ExpungeUid { sequence_set } => {
                let wanted = uids(&view, &sequence_set, true);
                self.expunge(account, mailbox, |held| held.has("\\Deleted") && wanted.contains(&held.uid));
                ok("done")
            }
            _ => bad("not a command of the demo"),
        };
        self.tell_changes(account, may_expunge, &quiet).await?;
        Ok(done)
    }

    fn on<R>(&self, account: usize, name: &Name<'_>, work: impl FnOnce(&mut Mailbox) -> R) -> Option<R> {
        let name = text(name);
        self.office.with(account, |account| {
            let at = account.find(&name)?;
            account.mailboxes.get_mut(at).map(work)
        })?
    }

    fn subscribe(&self, account: usize, name: &Name<'_>, subscribed: bool) -> Done {
        match self.on(account, name, |mailbox| mailbox.subscribed = subscribed) {
            Some(()) => ok("done"),
            None => no("[NONEXISTENT] there is no such mailbox"),
        }
    }

    fn create(&self, account: usize, name: &Name<'_>) -> Done {
        let name = text(name);
        let name = name.trim_end_matches('/');
        let made = self.office.with(account, |account| {
            if account.find(name).is_some() || name.is_empty() {
                return false;
            }
            let mut mailbox = Mailbox::new(name, None);
            mailbox.subscribed = false;
            account.mailboxes.push(mailbox);
            true
        });
        if made == Some(true) { ok("created") } else { no("[ALREADYEXISTS] it exists already") }
    }

    /// Mailboxes are addressed by index while they are selected elsewhere: a deleted one is emptied and loses its name.
    fn delete(&self, account: usize, name: &Name<'_>) -> Done {
        let deleted = self.on(account, name, |mailbox| {
            if mailbox.special_use.is_some() || mailbox.name == "INBOX" {
                return false;
            }
            mailbox.messages.clear();
            mailbox.name.clear();
            true
        });
        if deleted == Some(true) { ok("deleted") } else { no("[CANNOT] it cannot be deleted") }
    }

    fn list(&self, account: usize, reference: &Name<'_>, pattern: &ListMailbox<'_>, lsub: bool) -> String {
        let pattern = match pattern {
            ListMailbox::Token(token) => String::from_utf8_lossy(token.as_ref()).into_owned(),
            ListMailbox::String(string) => String::from_utf8_lossy(string.as_ref()).into_owned(),
        };
        let word = if lsub { "LSUB" } else { "LIST" };
        if pattern.is_empty() && !lsub {
            return "* LIST (\\Noselect) \"/\" \"\"\r\n".to_owned();
        }
        let pattern = format!("{}{pattern}", text(reference));
        let listed = |account: &mut Account| -> String {
            let mut out = String::new();
            for mailbox in account.mailboxes.iter().filter(|mailbox| !mailbox.name.is_empty()) {
                if (lsub && !mailbox.subscribed) || !matches(&pattern, &mailbox.name) {
                    continue;
                }
                let attributes = format!("\\HasNoChildren {}", mailbox.special_use.unwrap_or_default());
                out.push_str(&format!("* {word} ({}) \"/\" {}\r\n", attributes.trim_end(), quoted(&mailbox.name)));
            }
            out
        };
        self.office.with(account, listed).unwrap_or_default()
    }

    async fn select(
        &mut self,
        account: usize,
        name: &Name<'_>,
        parameters: &[SelectParameter],
        read_only: bool,
    ) -> io::Result<Done> {
        self.selected = None;
        self.condstore |= !parameters.is_empty();
        let name = text(name);
        let opened = self.office.with(account, |account| {
            let at = account.find(&name)?;
            let mailbox = account.mailboxes.get(at)?;
            let view: Vec<u32> = mailbox.messages.iter().map(|held| held.uid).collect();
            let mut out = format!(
                "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Forwarded)\r\n* OK [PERMANENTFLAGS (\\Answered \
                 \\Flagged \\Deleted \\Seen \\Draft \\*)] kept\r\n* {} EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY \
                 {UID_VALIDITY}] valid\r\n* OK [UIDNEXT {}] next\r\n* OK [HIGHESTMODSEQ {}] highest\r\n",
                view.len(),
                mailbox.uid_next,
                mailbox.modseq,
            );
            if let Some(first) = mailbox.messages.iter().position(|held| !held.has("\\Seen")) {
                out.push_str(&format!("* OK [UNSEEN {}] first unseen\r\n", first + 1));
            }
            Some((out, Selected { mailbox: at, read_only, view, told: mailbox.modseq }))
        });
        match opened.flatten() {
            Some((out, selected)) => {
                self.selected = Some(selected);
                self.write(&out).await?;
                Ok(ok(if read_only { "[READ-ONLY] opened" } else { "[READ-WRITE] opened" }))
            }
            None => Ok(no("[NONEXISTENT] there is no such mailbox")),
        }
    }

    fn append(
        &self,
        account: usize,
        name: &Name<'_>,
        flags: &[Flag<'_>],
        received: Option<Timestamp>,
        message: &LiteralOrLiteral8<'_>,
    ) -> Done {
        let raw: &[u8] = match message {
            LiteralOrLiteral8::Literal(literal) => literal.as_ref(),
            LiteralOrLiteral8::Literal8(literal) => &literal.data,
        };
        let flags = flags.iter().map(ToString::to_string).collect();
        let received = received.unwrap_or_else(Timestamp::now);
        match self.on(account, name, |mailbox| mailbox.add(raw.into(), flags, received)) {
            Some(uid) => {
                self.office.tell();
                ok(&format!("[APPENDUID {UID_VALIDITY} {uid}] kept"))
            }
            None => no("[TRYCREATE] there is no such mailbox"),
        }
    }

    async fn fetch(
        &mut self,
        account: usize,
        mailbox: usize,
        view: &[u32],
        wanted: &[u32],
        plan: &fetch::Plan,
    ) -> io::Result<Done> {
        if let Some(item) = plan.unknown() {
            return Ok(no(&format!("[CANNOT] the demo does not know {item}")));
        }
        // A few at a time, so that neither the lock nor the memory is held for a whole mailbox.
        for some in wanted.chunks(50) {
            let out = self.office.with(account, |account| {
                let Some(mailbox) = account.mailboxes.get_mut(mailbox) else { return Vec::new() };
                let mut out = Vec::new();
                for uid in some {
                    if plan.marks_seen() {
                        mailbox.change(*uid, |flags| set(flags, "\\Seen"));
                    }
                    let Some(held) = mailbox.message(*uid) else { continue };
                    let Ok(at) = view.binary_search(uid) else { continue };
                    plan.write(&mut out, at + 1, held);
                }
                out
            });
            self.write_bytes(&out.unwrap_or_default()).await?;
        }
        Ok(ok("done"))
    }

    /// Gives the UIDs changed, and those left alone because they had changed since.
    fn store(
        &self,
        account: usize,
        mailbox: usize,
        wanted: &[u32],
        kind: StoreType,
        flags: &[Flag<'_>],
        unchanged_since: Option<u64>,
    ) -> (Vec<u32>, Vec<u32>) {
        let named: Vec<String> = flags.iter().map(ToString::to_string).collect();
        let result = self.office.with(account, |account| {
            let (mut changed, mut conflicts) = (Vec::new(), Vec::new());
            let Some(mailbox) = account.mailboxes.get_mut(mailbox) else { return (changed, conflicts) };
            for uid in wanted {
                let Some(held) = mailbox.message(*uid) else { continue };
                if unchanged_since.is_some_and(|since| held.modseq > since) {
                    conflicts.push(*uid);
                    continue;
                }
                mailbox.change(*uid, |own| match kind {
                    StoreType::Replace => own.clone_from(&named),
                    StoreType::Add => named.iter().for_each(|flag| set(own, flag)),
                    StoreType::Remove => own.retain(|flag| !named.iter().any(|n| n.eq_ignore_ascii_case(flag))),
                });
                changed.push(*uid);
            }
            (changed, conflicts)
        });
        self.office.tell();
        result.unwrap_or_default()
    }

    fn copy(&self, account: usize, from: usize, wanted: &[u32], to: &Name<'_>) -> Done {
        let to = text(to);
        let copied = self.office.with(account, |account| {
            let to = account.find(&to)?;
            let messages: Vec<Held> = {
                let source = account.mailboxes.get(from)?;
                wanted.iter().filter_map(|uid| source.message(*uid)).cloned().collect()
            };
            let target = account.mailboxes.get_mut(to)?;
            let new: Vec<u32> =
                messages.iter().map(|held| target.add(held.raw.clone(), held.flags.clone(), held.received)).collect();
            Some((messages.iter().map(|held| held.uid).collect::<Vec<_>>(), new))
        });
        self.office.tell();
        let list = |uids: &[u32]| uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        match copied.flatten() {
            Some((old, _)) if old.is_empty() => ok("nothing to copy"),
            Some((old, new)) => ok(&format!("[COPYUID {UID_VALIDITY} {} {}] copied", list(&old), list(&new))),
            None => no("[TRYCREATE] there is no such mailbox"),
        }
    }

    fn expunge(&self, account: usize, mailbox: usize, gone: impl Fn(&Held) -> bool) {
        self.office.with(account, |account| {
            if let Some(mailbox) = account.mailboxes.get_mut(mailbox) {
                let before = mailbox.messages.len();
                mailbox.messages.retain(|held| !gone(held));
                if mailbox.messages.len() != before {
                    mailbox.modseq += 1;
                }
            }
        });
        self.office.tell();
    }

    /// Tells what has changed in the selected mailbox since it was last told (RFC 9051 §7).
    async fn tell_changes(&mut self, account: usize, may_expunge: bool, quiet: &HashSet<u32>) -> io::Result<()> {
        let Some(selected) = &mut self.selected else { return Ok(()) };
        let condstore = self.condstore;
        let out = self.office.with(account, |account| {
            let Some(mailbox) = account.mailboxes.get(selected.mailbox) else { return String::new() };
            let mut out = String::new();
            for held in mailbox.messages.iter().filter(|held| held.modseq > selected.told && !quiet.contains(&held.uid))
            {
                if let Ok(at) = selected.view.binary_search(&held.uid) {
                    out.push_str(&fetch::flags_response(at + 1, held, condstore));
                }
            }
            if may_expunge {
                for at in (0..selected.view.len()).rev() {
                    if selected.view.get(at).is_some_and(|uid| mailbox.message(*uid).is_none()) {
                        selected.view.remove(at);
                        out.push_str(&format!("* {} EXPUNGE\r\n", at + 1));
                    }
                }
            }
            let last = selected.view.last().copied().unwrap_or_default();
            let before = selected.view.len();
            selected.view.extend(mailbox.messages.iter().map(|held| held.uid).filter(|uid| *uid > last));
            if selected.view.len() != before {
                out.push_str(&format!("* {} EXISTS\r\n", selected.view.len()));
            }
            selected.told = mailbox.modseq;
            out
        });
        match out {
            Some(out) if !out.is_empty() => self.write(&out).await,
            _ => Ok(()),
        }
    }

    /// RFC 2177.
    async fn idle(&mut self, account: usize) -> io::Result<Done> {
        self.write("+ idling\r\n").await?;
        let mut changes = self.office.listen();
        loop {
            self.tell_changes(account, true, &HashSet::new()).await?;
            if let Some(end) = self.buffer.iter().position(|&b| b == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let done = line.trim_ascii().eq_ignore_ascii_case(b"DONE");
                return Ok(if done { ok("idle no more") } else { bad("DONE ends IDLE") });
            }
            tokio::select! {
                changed = changes.changed() => {
                    if changed.is_err() {
                        return Ok(ok("the server ends"));
                    }
                }
                read = self.stream.read_buf(&mut self.buffer) => {
                    if read? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
            }
        }
    }
}

fn set(flags: &mut Vec<String>, flag: &str) {
    if !flags.iter().any(|own| own.eq_ignore_ascii_case(flag)) {
        flags.push(flag.to_owned());
    }
}

/// The UIDs that a set of UIDs or of sequence numbers means.
fn uids(view: &[u32], set: &SequenceSet, uid: bool) -> Vec<u32> {
    let last_uid = view.last().copied().unwrap_or_default();
    let count = u32::try_from(view.len()).unwrap_or(u32::MAX);
    (1_u32..)
        .zip(view)
        .filter(|(number, own)| if uid { holds(set, **own, last_uid) } else { holds(set, *number, count) })
        .map(|(_, own)| *own)
        .collect()
}

fn status(mailbox: &Mailbox, items: &[StatusDataItemName]) -> String {
    let unseen = mailbox.messages.iter().filter(|held| !held.has("\\Seen")).count();
    let deleted = mailbox.messages.iter().filter(|held| held.has("\\Deleted")).count();
    let list: Vec<String> = items
        .iter()
        .filter_map(|item| {
            Some(match item {
                StatusDataItemName::Messages => format!("MESSAGES {}", mailbox.messages.len()),
                StatusDataItemName::Recent => "RECENT 0".to_owned(),
                StatusDataItemName::UidNext => format!("UIDNEXT {}", mailbox.uid_next),
                StatusDataItemName::UidValidity => format!("UIDVALIDITY {UID_VALIDITY}"),
                StatusDataItemName::Unseen => format!("UNSEEN {unseen}"),
                StatusDataItemName::Deleted => format!("DELETED {deleted}"),
                StatusDataItemName::HighestModSeq => format!("HIGHESTMODSEQ {}", mailbox.modseq),
                _ => return None,
            })
        })
        .collect();
    format!("* STATUS {} ({})\r\n", quoted(&mailbox.name), list.join(" "))
}

fn text(name: &Name<'_>) -> String {
    match name {
        Name::Inbox => "INBOX".to_owned(),
        Name::Other(other) => String::from_utf8_lossy(other.inner().as_ref()).into_owned(),
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

/// RFC 9051 §6.3.9: `*` is anything, `%` anything but the hierarchy's delimiter.
fn matches(pattern: &str, name: &str) -> bool {
    let Some(first) = pattern.chars().next() else { return name.is_empty() };
    let rest = pattern.get(first.len_utf8()..).unwrap_or_default();
    let ends = || name.char_indices().map(|(at, _)| at).chain([name.len()]);
    let tail = |at: usize| name.get(at..).unwrap_or_default();
    match first {
        '*' => ends().any(|at| matches(rest, tail(at))),
        '%' => ends().any(|at| !name.get(..at).unwrap_or_default().contains('/') && matches(rest, tail(at))),
        _ => name.chars().next().is_some_and(|c| c.eq_ignore_ascii_case(&first) && matches(rest, tail(c.len_utf8()))),
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn list_patterns() {
        for (pattern, name, expected) in [
            ("*", "INBOX", true),
            ("*", "Cases/2026", true),
            ("%", "Cases/2026", false),
            ("%", "Cases", true),
            ("Cases/%", "Cases/2026", true),
            ("inbox", "INBOX", true),
            ("Sen*t", "Sent", true),
            ("Sent", "Sent2", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
