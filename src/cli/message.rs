//! `message list | show | raw`.

use serde::Serialize;

use super::args;
use super::call::Call;
use super::change;
use super::exit::{Exit, Failure, Outcome};
use super::listed::{self, Row};
use super::source::Source;
use crate::case::Classes;
use crate::engine::company::Company;
use crate::engine::document::{self, AddressDocument, Context, MessageDocument};
use crate::engine::export::{Chosen, Subject};
use crate::engine::query::Filter;
use crate::mail::size::size;

#[derive(Serialize)]
struct Messages<'a> {
    schema: &'static str,
    messages: Vec<Row<'a>>,
    total: usize,
}

pub(super) fn run(call: &mut Call<'_>, command: &args::Message) -> Outcome {
    match command {
        args::Message::List { scope, mailbox, thread, unread, message_id } => {
            let filter = Filter {
                account: call.account.clone(),
                mailbox: mailbox.clone(),
                scope: listed::scope(call, scope)?,
                thread: thread.as_deref().map(listed::thread_id).transpose()?,
                unread: *unread,
                message_id: message_id.as_deref().map(|id| id.trim_matches(['<', '>']).to_owned()),
            };
            list(call, &filter, scope.limit)
        }
        args::Message::Show { message } => show(call, &Source::of(message, &call.cwd)?),
        args::Message::Export { messages, parts, to } => {
            let engine = call.engine()?;
            let find = |text: &String| Source::of(text, &call.cwd)?.find(engine);
            let names = messages.iter().map(find).collect::<Result<Vec<_>, _>>()?;
            let subject = match (names.as_slice(), parts.as_slice()) {
                (_, []) => Subject::Messages(names),
                ([only], _) => {
                    let parts = parts.iter().map(|path| (only.clone(), path.clone())).collect();
                    Subject::Documents(Chosen { parts, ..Chosen::default() })
                }
                _ => return Err(Failure::new(Exit::Usage, "--part is of one message")),
            };
            super::export::run(call, subject, to)
        }
        args::Message::Raw { message } => {
            let source = Source::of(message, &call.cwd)?;
            if source.is_bare() {
                let raw = source.read(&call.cwd, call.stdin)?;
                call.output.bytes(&raw)?;
                return Ok(Exit::Done);
            }
            let engine = call.engine()?;
            let Some(kept) = engine.handed_out(&source.find(engine)?)? else {
                return Err(Failure::no("part of this message is in quarantine: its bytes are not handed out"));
            };
            call.output.stream(|to| kept.write(to))?;
            Ok(Exit::Done)
        }
        args::Message::Flag { messages, set, clear } => change::flag(call, messages, set, clear),
        args::Message::Move { messages, to, create } => change::move_to(call, messages, to, *create),
        args::Message::Archive { messages, create } => change::archive(call, messages, *create),
        args::Message::Delete { messages, for_ever } => change::delete(call, messages, *for_ever),
        args::Message::Append { file, to, seen, create } => change::append(call, file, to, *seen, *create),
    }
}

fn list(call: &mut Call<'_>, filter: &Filter, limit: Option<usize>) -> Outcome {
    let listing = call.engine()?.messages(filter)?;
    let shown = listed::cut(&listing.messages, limit, &mut call.output);
    if call.output.json() {
        let messages = shown.iter().map(Row::of).collect();
        call.output.document(&Messages { schema: "casemail.messages/1", messages, total: listing.total })?;
    } else {
        let entries: Vec<_> = shown.iter().map(|listed| listed::entry(listed, 0)).collect();
        call.output.entries(&entries)?;
        if shown.is_empty() {
            call.output.say("no messages here; `casemail sync` fetches what the servers have");
        }
    }
    Ok(Exit::Done)
}

fn show(call: &mut Call<'_>, source: &Source) -> Outcome {
    let document = match (source.is_bare(), call.engine()) {
        (false, engine) => {
            let engine = engine?;
            engine.document(&source.find(engine)?)?
        }
        (true, Ok(engine)) => engine.document_of(&source.read(&call.cwd, call.stdin)?)?,
        (true, Err(_)) => {
            let (keyring, classes, now) = (call.keyring()?, Classes::default(), call.now());
            let company = Company::default();
            let context = Context {
                keyring: &keyring,
                classes: &classes,
                now,
                id: None,
                received: None,
                case: None,
                company: &company,
            };
            document::message(source.read(&call.cwd, call.stdin)?, &context)
        }
    };
    if call.output.json() {
        call.output.document(&document)?;
    } else {
        print(call, &document)?;
    }
    Ok(Exit::Done)
}

/// For people: our own sentences first, then a rule, then what the message says. No line of the message can pass for one of ours,
/// because all of its lines come after the rule, and all of ours before it.
fn print(call: &mut Call<'_>, message: &MessageDocument) -> Result<(), Failure> {
    let people = |list: &[AddressDocument]| {
        let one = |person: &AddressDocument| match person.name.as_str() {
            "" => format!("{} ({})", person.address, person.class),
            name => format!("{name} <{}> ({})", person.address, person.class),
        };
        list.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    for words in &message.sentences {
        call.output.line(words)?;
    }
    if !message.from.is_empty() {
        let words = match (message.carried.class, message.carried.proof) {
            ("open", _) => "Carried over the open internet, going by the sender's address.".to_owned(),
            (class, "claimed") => format!("The sender's address claims to be carried by {class}; not proven."),
            (class, _) => format!("Carried by {class}."),
        };
        call.output.line(&words)?;
    }
    if let Some(case) = &message.case {
        call.output.line(&format!("Case {}: {} ({} of 100)", case.id, case.because, case.score))?;
    }
    call.output.line(&"-".repeat(72))?;
    for (name, value) in [
        ("From", people(&message.from)),
        ("To", people(&message.to)),
        ("Cc", people(&message.cc)),
        ("Subject", message.subject.clone()),
        ("Date", message.sent_date.clone().unwrap_or_default()),
        ("Received", message.received_date.clone().unwrap_or_default()),
    ] {
        if !value.is_empty() {
            call.output.line(&format!("{name}: {value}"))?;
        }
    }
    for part in message.parts.iter().filter(|part| part.disposition == "attachment" || part.name.is_some()) {
        let name = part.name.as_deref().unwrap_or("(no name)");
        call.output.line(&format!(
            "Attachment {}: {name} ({}, {}, {})",
            part.path,
            part.media_type,
            size(part.bytes),
            if part.inside == "sealed" { "was encrypted" } else { "was not encrypted" }
        ))?;
    }
    call.output.line("")?;
    if message.text.is_empty() {
        return call.output.line("(no text)");
    }
    call.output.block(&message.text)
}
