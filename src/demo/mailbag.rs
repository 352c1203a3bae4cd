//! The demo's mail: letters of the exchanges, dated, threaded, built and sealed as real clients do it.
//!
//! The same seed gives the same letters; session keys and OpenPGP keys are new each time.

use jiff::civil::{DateTime, Weekday, date, datetime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use super::cast::{self, Key};
use super::chance::Chance;
use super::hostile;
use super::paper;
use super::story::exchanges::{EVERYDAY, FERRET, GANNET, OTTERBOURNE, PUDDOCK, WEASEL};
use super::story::talks::{About, TALKS, Talk};
use super::story::{Exchange, Law, Matter, Role, Step, fill, matters, record};
use super::talk::{self, Said};
use crate::case::{HearingId, Jurisdiction, MessageName};
use crate::mail::address::Address;
use crate::mail::build::{Stamp, build, message_id};
use crate::mail::draft::{Attachment, Draft};
use crate::mail::id::CaseId;
use crate::pgp::keyring::Keyring;
use crate::pgp::seal::{seal, sign};
use crate::plea::{Entry, Evidence, NegotiationId, Side, block};
use crate::register::Event;
use crate::register::record::Digest;

/// A message for a mailbox.
#[derive(Clone, Debug)]
pub(super) struct Post {
    /// Index of the account.
    pub(super) account: usize,
    /// `INBOX` or `Sent`.
    pub(super) mailbox: &'static str,
    pub(super) raw: Vec<u8>,
    pub(super) flags: Vec<String>,
    pub(super) received: Timestamp,
}

/// Mail that came before this has been read.
const READ_UP_TO: &str = "2026-05-18T08:00:00Z";
/// What the other side wrote so many hours before the demo starts, or longer, has been asked about.
const CONFIRMED: i64 = 6;

/// Everything, in the order of its dates, and what the register knows before the demo begins. The negotiations are told from `now`.
///
/// # Errors
/// In the words of the room that builds or seals.
pub(super) fn fill_bag(
    messages: usize,
    seed: u64,
    keys: &[Key],
    now: Timestamp,
) -> Result<(Vec<Post>, Vec<Event>), String> {
    let mut bag = Bag::new(messages, seed, keys)?;
    let known: [(Matter, &[Exchange], usize, &[DateTime]); 5] = [
        (matters::ferret(), FERRET, 0, &[datetime(2026, 3, 2, 14, 52, 0, 0), datetime(2026, 5, 28, 16, 40, 0, 0)]),
        (
            matters::otterbourne(),
            OTTERBOURNE,
            0,
            &[
                datetime(2026, 3, 4, 10, 15, 0, 0),
                datetime(2026, 3, 9, 11, 3, 0, 0),
                datetime(2026, 5, 29, 8, 55, 0, 0),
            ],
        ),
        (matters::puddock(), PUDDOCK, 1, &[datetime(2026, 5, 5, 9, 40, 0, 0), datetime(2026, 5, 28, 9, 20, 0, 0)]),
        (
            matters::gannet(),
            GANNET,
            1,
            &[
                datetime(2026, 4, 20, 16, 5, 0, 0),
                datetime(2026, 4, 28, 13, 30, 0, 0),
                datetime(2026, 5, 29, 11, 35, 0, 0),
            ],
        ),
        (matters::weasel(), WEASEL, 0, &[datetime(2026, 3, 3, 8, 50, 0, 0), datetime(2026, 5, 29, 7, 15, 0, 0)]),
    ];
    for (matter, exchanges, account, starts) in &known {
        for (exchange, start) in exchanges.iter().zip(*starts) {
            bag.play(matter, exchange, *account, *start)?;
        }
    }
    bag.add_hostile()?;
    let mut fillers: Vec<Matter> = (0..40).filter_map(|n| matters::filler(n, &mut bag.chance)).collect();
    let certificate = cast::fingerprint(cast::LINTWHITE, keys).unwrap_or_default();
    let mut events = record::events(&certificate)?;
    for talk in TALKS {
        let (matter, account, is_known) = match talk.about {
            About::Known(surname) => {
                let found = known.iter().find(|(matter, ..)| matter.surname == surname);
                let Some((matter, _, account, _)) = found else { continue };
                (matter.clone(), *account, true)
            }
            About::Filler(at) => {
                let Some(matter) = fillers.get_mut(at) else { continue };
                matter.charges = talk.charges.to_vec();
                (matter.clone(), usize::from(matter.law == Law::Scotland), false)
            }
        };
        let negotiated = bag.negotiate(talk, &matter, account, now)?;
        if !negotiated.is_empty() && !is_known {
            events.extend(record::opened(&matter, &certificate)?);
        }
        events.extend(negotiated);
    }
    let shelf: Vec<Matter> = known.into_iter().map(|(matter, ..)| matter).chain(fillers).collect();
    let mut round = 0;
    while bag.posts.len() < messages {
        for (n, matter) in shelf.iter().enumerate() {
            let fitting: Vec<&Exchange> =
                EVERYDAY.iter().filter(|exchange| exchange.law.is_none_or(|law| law == matter.law)).collect();
            // The cases that the demo is about have their own letters; a few more make them fuller.
            let own = n < 5 && round % 4 != 1;
            let Some(exchange) = fitting.get((n + round) % fitting.len().max(1)).filter(|_| !own) else { continue };
            let account = usize::from(matter.law == Law::Scotland);
            let start = bag.some_morning();
            bag.play(matter, exchange, account, start)?;
        }
        round += 1;
    }
    let mut posts = bag.posts;
    posts.truncate(messages);
    posts.sort_by_key(|post| post.received);
    Ok((posts, events))
}

struct Bag<'k> {
    messages: usize,
    chance: Chance,
    keys: &'k [Key],
    rings: Vec<(cast::Person, Keyring)>,
    posts: Vec<Post>,
    /// Message-ID of the first letter of R v FERRET, for whoever would forge an answer to it.
    first_id: String,
}

/// A letter that the next one may answer.
struct Sent {
    id: String,
    references: Vec<String>,
    subject: String,
}

impl<'k> Bag<'k> {
    fn new(messages: usize, seed: u64, keys: &'k [Key]) -> Result<Self, String> {
        let rings = keys
            .iter()
            .map(|key| Ok((key.person, cast::keyring_of(key.person, keys)?)))
            .collect::<Result<Vec<_>, String>>()?;
        Ok(Self { messages, chance: Chance::new(seed), keys, rings, posts: Vec::new(), first_id: String::new() })
    }

    /// A day between January and May, early enough that the exchange is over when the five cases have their last letters.
    fn some_morning(&mut self) -> DateTime {
        let day = i64::try_from(self.chance.below(125)).unwrap_or_default();
        let minute = i64::try_from(self.chance.below(540)).unwrap_or_default();
        let start = date(2026, 1, 6).at(8, 30, 0, 0);
        let plus = SignedDuration::from_hours(24 * day) + SignedDuration::from_mins(minute);
        office_hours(start.checked_add(plus).unwrap_or(start))
    }

    /// Writes the letters of an exchange.
    fn play(&mut self, matter: &Matter, exchange: &Exchange, account: usize, start: DateTime) -> Result<(), String> {
        let mut last: Option<Sent> = None;
        let mut at = start;
        for (n, step) in exchange.steps.iter().enumerate() {
            if self.posts.len() >= self.messages {
                return Ok(());
            }
            if n > 0 {
                let minutes = i64::try_from(self.chance.below(40)).unwrap_or_default();
                let pause = SignedDuration::from_hours(step.after) + SignedDuration::from_mins(minutes);
                at = office_hours(at.checked_add(pause).map_err(|error| error.to_string())?);
            }
            let sent = self.write(matter, exchange, step, account, at, last.as_ref())?;
            last = Some(sent);
        }
        Ok(())
    }

    fn write(
        &mut self,
        matter: &Matter,
        exchange: &Exchange,
        step: &Step,
        account: usize,
        at: DateTime,
        last: Option<&Sent>,
    ) -> Result<Sent, String> {
        let words = |error: jiff::Error| error.to_string();
        let zone = TimeZone::get("Europe/London").map_err(words)?;
        let date: Zoned = at.to_zoned(zone).map_err(words)?;
        let (from, to) = (by(step.by, account, matter), to(step.to, account, matter, step.by));
        let answers = last.filter(|_| step.subject.is_empty());
        let subject = match answers {
            Some(last) => format!("Re: {}", last.subject.trim_start_matches("Re: ")),
            None => fill(step.subject, matter, &from, &to),
        };
        let mut references = answers.map(|last| last.references.clone()).unwrap_or_default();
        references.extend(answers.map(|last| last.id.clone()));
        let draft = Draft {
            from: from.clone(),
            to: vec![to.clone()],
            cc: if step.by == Role::Team { vec![cast::QUILL.address()] } else { Vec::new() },
            subject: subject.clone(),
            body: fill(step.text, matter, &from, &to),
            attachments: step.files.iter().map(|name| attachment(&fill(name, matter, &from, &to), matter)).collect(),
            in_reply_to: answers.map(|last| vec![last.id.clone()]).unwrap_or_default(),
            references: references.clone(),
            ..Draft::default()
        };
        let stamp = Stamp { message_id: message_id(self.chance.bytes(), &from), date: date.clone() };
        let raw = self.build(&draft, &stamp, exchange.sealed, &from, &to)?;
        if self.first_id.is_empty() {
            self.first_id.clone_from(&stamp.message_id);
        }
        let sent = date.timestamp();
        let delay = i64::try_from(self.chance.below(60)).unwrap_or_default();
        let received = sent.checked_add(SignedDuration::from_secs(5 + delay)).map_err(words)?;
        let ours = step.by == Role::Us;
        let old = READ_UP_TO.parse::<Timestamp>().is_ok_and(|up_to| received < up_to);
        let lucky = self.chance.percent(40);
        let read = ours || old || (lucky && at.date() < date_unread());
        let mut flags = Vec::new();
        if read {
            flags.push("\\Seen".to_owned());
        }
        if !ours && self.chance.percent(4) {
            flags.push("\\Flagged".to_owned());
        }
        self.posts.push(Post { account, mailbox: if ours { "Sent" } else { "INBOX" }, raw, flags, received });
        Ok(Sent { id: stamp.message_id, references, subject })
    }

    fn build(
        &mut self,
        draft: &Draft,
        stamp: &Stamp,
        sealed: bool,
        from: &Address,
        to: &Address,
    ) -> Result<Vec<u8>, String> {
        let built = build(draft, stamp).map_err(|error| error.to_string())?;
        let now = stamp.date.timestamp();
        let key_of = |address: &Address| self.keys.iter().find(|key| key.person.addr == address.addr);
        let ring_of = |address: &Address| self.rings.iter().find(|(person, _)| person.addr == address.addr);
        let signs = sealed || (self.chance.percent(30) && from.addr == cast::WINDLESTRAW.addr);
        let (Some(signer), Some((_, ring))) = (key_of(from), ring_of(from)) else { return Ok(built.assemble()) };
        let signer = &signer.made.info.fingerprint;
        let done = match key_of(to).filter(|_| sealed) {
            Some(key) => {
                let to = [key.made.info.fingerprint.clone()];
                seal(&built.entity, &built.fields, &to, ring, signer, now)
            }
            None if signs => sign(&built.entity, &built.fields, ring, signer, now),
            None => return Ok(built.assemble()),
        };
        done.map(|sealed| sealed.assemble()).map_err(|error| error.to_string())
    }

    /// Writes the letters of a negotiation; gives what the register knows of it. Where there is no room for all of them, there is none of it.
    fn negotiate(
        &mut self,
        talk: &Talk,
        matter: &Matter,
        account: usize,
        now: Timestamp,
    ) -> Result<Vec<Event>, String> {
        if self.posts.len() + talk.lines.len() > self.messages {
            return Ok(Vec::new());
        }
        let (us, them) = (person(Role::Us, account, matter), person(Role::Crown, account, matter));
        let paper = |name: &str| attachment(name, matter);
        let said = talk::play(talk, matter, (&us.name, &them.name), now, &paper)?;
        let kind = talk.hearing.map(|(kind, _)| kind);
        let hearing = kind.zip(talk::hearing(talk, now)?);
        let mut events = record::libelled(matter, talk.charges, hearing);
        let case = CaseId(matter.surname.clone());
        let mut entries: Vec<Entry> = Vec::new();
        let mut last: Option<Sent> = None;
        for one in &said {
            let ours = one.act.no.side == Side::Defence;
            let (from, to) = if ours { (&us, &them) } else { (&them, &us) };
            let (raw, sent) = self.letter(one, matter, from, to, last.as_ref())?;
            let received = one.act.at + SignedDuration::from_secs(20);
            let message = MessageName { message_id: sent.id.clone(), digest: Digest::of(&raw).0 };
            let by = us.name.clone();
            if ours {
                let evidence = Evidence { words: "attendance note".to_owned(), message: None };
                let evidence = if one.act.kind().commits() { evidence } else { Evidence::default() };
                entries.push(Entry::Sent { act: one.act.clone(), message, at: one.act.at, by, evidence });
            } else if one.line.by_hand {
                let from = from.addr.clone();
                let at = (received + SignedDuration::from_mins(30)).min(now);
                entries.push(Entry::Mark { act: one.act.clone(), message, came: received, from, by, at });
            } else if matter.law != Law::Scotland && one.line.ago > CONFIRMED {
                // The Crown signs nothing here: what it writes was asked about, but for what has just come.
                let because = "confirmed by telephone".to_owned();
                let at = (received + SignedDuration::from_mins(30)).min(now);
                entries.push(Entry::Admit { id: one.act.id.clone(), message, because, by, at });
            }
            let flags = if ours || one.line.ago > 40 { vec!["\\Seen".to_owned()] } else { Vec::new() };
            let mailbox = if ours { "Sent" } else { "INBOX" };
            self.posts.push(Post { account, mailbox, raw, flags, received });
            last = Some(sent);
        }
        let id = NegotiationId::first(matter.number.as_str(), 1);
        let written = said.last().map_or(now, |one| one.act.at);
        if !talk.note.is_empty() {
            let (text, by, at) =
                (talk.note.to_owned(), us.name.clone(), (written + SignedDuration::from_mins(2)).min(now));
            entries.push(Entry::Note { id: id.clone(), text, by, at });
        }
        if let Some((outcome, at)) = talk::end(talk, now)? {
            let hearing = hearing.map(|(kind, at)| HearingId(format!("{}-{}", kind.name(), at.date)));
            let (source, by) = ("own note of the hearing".to_owned(), us.name.clone());
            entries.push(Entry::Record { id, outcome, hearing, source, by, at });
        }
        for entry in entries {
            let act = entry.to_json().map_err(|error| error.to_string())?;
            events.push(Event::Plea { case: case.clone(), act });
        }
        Ok(events)
    }

    /// The letter of an act.
    fn letter(
        &mut self,
        said: &Said,
        matter: &Matter,
        from: &Address,
        to: &Address,
        last: Option<&Sent>,
    ) -> Result<(Vec<u8>, Sent), String> {
        let scots = matter.law == Law::Scotland;
        let law = if scots { Jurisdiction::Scotland } else { Jurisdiction::EnglandWales };
        let subject = format!("{} - {} - plea discussion PN-1", matter.title, matter.number);
        let subject = if last.is_some() { format!("Re: {subject}") } else { subject };
        let mut body = if said.line.by_hand { String::new() } else { block::write(&said.act, law) };
        if !said.line.words.is_empty() {
            body.push_str(if body.is_empty() { "" } else { "\n" });
            body.push_str(said.line.words);
            body.push_str(&format!("\n\n{}\n", from.name));
        }
        let mut references = last.map(|last| last.references.clone()).unwrap_or_default();
        references.extend(last.map(|last| last.id.clone()));
        let draft = Draft {
            from: from.clone(),
            to: vec![to.clone()],
            subject: subject.clone(),
            body,
            attachments: said.file.clone().into_iter().collect(),
            in_reply_to: last.map(|last| vec![last.id.clone()]).unwrap_or_default(),
            references: references.clone(),
            ..Draft::default()
        };
        let zone = TimeZone::get("Europe/London").map_err(|error| error.to_string())?;
        let stamp = Stamp { message_id: message_id(self.chance.bytes(), from), date: said.act.at.to_zoned(zone) };
        let raw = self.build(&draft, &stamp, scots, from, to)?;
        Ok((raw, Sent { id: stamp.message_id, references, subject }))
    }

    /// What an attacker or a broken program sends.
    fn add_hostile(&mut self) -> Result<(), String> {
        let first_id = self.first_id.clone();
        let signed = self.signed_then_altered()?;
        for (account, raw, received) in hostile::letters(&first_id).into_iter().chain([signed]) {
            if self.posts.len() < self.messages {
                let received = received.parse().map_err(|error: jiff::Error| error.to_string())?;
                self.posts.push(Post { account, mailbox: "INBOX", raw, flags: Vec::new(), received });
            }
        }
        Ok(())
    }

    /// A letter of counsel's that somebody has changed on the way.
    fn signed_then_altered(&mut self) -> Result<(usize, Vec<u8>, &'static str), String> {
        let (counsel, us) = (cast::VELLUM, cast::QUILL);
        let draft = Draft {
            from: counsel.address(),
            to: vec![us.address()],
            subject: "R v OTTERBOURNE - T20269001 - fee note".to_owned(),
            body:
                "Dear Barnaby,\n\nMy fee for the conference is 90 pounds. The account is the usual one.\n\nRufus Vellum"
                    .to_owned(),
            ..Draft::default()
        };
        let zone = TimeZone::get("Europe/London").map_err(|error| error.to_string())?;
        let at = datetime(2026, 3, 16, 11, 20, 0, 0).to_zoned(zone).map_err(|error| error.to_string())?;
        let stamp = Stamp { message_id: message_id(self.chance.bytes(), &draft.from), date: at };
        let built = build(&draft, &stamp).map_err(|error| error.to_string())?;
        let ring = cast::keyring_of(counsel, self.keys)?;
        let signer = cast::fingerprint(counsel, self.keys).unwrap_or_default();
        let signed = sign(&built.entity, &built.fields, &ring, &signer, stamp.date.timestamp())
            .map_err(|error| error.to_string())?
            .assemble();
        let altered = String::from_utf8_lossy(&signed).replace("90 pounds", "900 pounds");
        Ok((0, altered.into_bytes(), "2026-03-16T11:20:30Z"))
    }
}

/// From this day on nobody has read anything.
fn date_unread() -> jiff::civil::Date {
    date(2026, 5, 28)
}

/// Nobody writes at night or on Sundays.
fn office_hours(at: DateTime) -> DateTime {
    let mut at = at;
    if at.hour() >= 18 {
        at = at.date().tomorrow().map_or(at, |day| day.at(9, at.minute(), 0, 0));
    } else if at.hour() < 8 {
        at = at.date().at(8, at.minute(), 0, 0);
    }
    while matches!(at.date().weekday(), Weekday::Saturday | Weekday::Sunday) {
        let Ok(day) = at.date().tomorrow() else { break };
        at = day.at(at.hour(), at.minute(), 0, 0);
    }
    at
}

fn person(role: Role, account: usize, matter: &Matter) -> Address {
    let england = matter.law == Law::England;
    match role {
        Role::Us if account == 0 => cast::QUILL.address(),
        Role::Us => cast::THISTLEDOWN.address(),
        Role::Crown if england => cast::WINDLESTRAW.address(),
        Role::Crown => cast::LINTWHITE.address(),
        Role::Office if england => cast::CPS.address(),
        Role::Office => cast::PF.address(),
        Role::Counsel => cast::VELLUM.address(),
        Role::Client => Address { name: matter.client.clone(), addr: matter.client_addr.clone() },
        Role::Court if england => cast::AMBLEFORD.address(),
        Role::Court => cast::KIRKMIRKLE.address(),
        Role::Police => cast::MARLOW.address(),
        Role::Team => cast::TEAM.address(),
        Role::LegalAid => cast::LEGAL_AID.address(),
    }
}

fn by(role: Role, account: usize, matter: &Matter) -> Address {
    if role == Role::Team { cast::INKWELL.address() } else { person(role, account, matter) }
}

fn to(role: Role, account: usize, matter: &Matter, by: Role) -> Address {
    // Inside the firm one writes to the paralegal, from outside to the team's mailbox.
    if role == Role::Team && by == Role::Us { cast::INKWELL.address() } else { person(role, account, matter) }
}

fn attachment(name: &str, matter: &Matter) -> Attachment {
    let title = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let charges: Vec<String> = matter.charges.iter().enumerate().map(|(n, c)| format!("{}. {c}", n + 1)).collect();
    let mut lines = vec![matter.title.clone(), matter.number.clone(), String::new()];
    lines.extend(charges);
    lines.push(String::new());
    lines.push("This page is part of a demonstration. Nothing on it is real.".to_owned());
    let (media_type, content) = if name.ends_with(".pdf") {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        ("application/pdf", paper::pdf(title, &lines))
    } else if name.ends_with(".txt") {
        ("text/plain", format!("{title}\r\n\r\n{}\r\n", lines.join("\r\n")).into_bytes())
    } else {
        ("application/octet-stream", b"This is no program. Its name only looks like one.\r\n".to_vec())
    };
    Attachment { name: name.to_owned(), media_type: media_type.to_owned(), content }
}
