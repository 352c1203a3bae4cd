//! Those of the cast who answer: a letter that one of the demo's accounts sends to them is answered within seconds, signed, and
//! encrypted where the writer has a key. They quote nothing and promise nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use tokio::sync::mpsc;

use super::cast::{self, Key, Person};
use super::chance::Chance;
use super::depute::{self, Done};
use super::post::PostOffice;
use super::smtp::Letter;
use crate::mail::address::Address;
use crate::mail::build::{Stamp, build, message_id};
use crate::mail::display;
use crate::mail::draft::Draft;
use crate::mail::message::Message;
use crate::pgp::open::{Decrypt, open};
use crate::pgp::seal::{seal, sign};

/// Long enough to see the letter leave, short enough to wait for the answer.
const THINKING: Duration = Duration::from_millis(1500);

/// Who answers, for which mailbox of the office beside their own, and what they say in turn.
const ANSWERS: &[(Person, Option<Person>, &[&str])] = &[
    (
        cast::LINTWHITE,
        Some(cast::PF),
        &[
            "Thank you for this, which I have read. I will put it to the marking depute this afternoon and write again before the diet.",
            "Received. I see the force of it, but I cannot say more until I have spoken to the reporting officer.",
            "Noted. If your client is prepared to say that at the intermediate diet, I expect that we can shorten matters.",
        ],
    ),
    (
        cast::VELLUM,
        None,
        &[
            "Thanks. I have it, and will look at it tonight with the papers beside me.",
            "Understood. Let us speak before you send anything to the other side.",
        ],
    ),
];

/// Answers letters until there are no more.
pub(super) async fn answer(mut letters: mpsc::Receiver<Letter>, office: Arc<PostOffice>, keys: Arc<Vec<Key>>) {
    let mut turn = 0;
    let done = Arc::new(Mutex::new(Done::new()));
    while let Some(letter) = letters.recv().await {
        let Some(account) = office.reached_by(&letter.from) else { continue };
        for (person, office_mailbox, answers) in ANSWERS {
            let reads = |address: &String| {
                let mut read = std::iter::once(person).chain(office_mailbox);
                read.any(|one| plain(address) == plain(one.addr))
            };
            let addressed = letter.to.iter().any(reads);
            let Some(words) = answers.get(turn % answers.len()).filter(|_| addressed) else { continue };
            turn += 1;
            let (keys, raw, from) = (Arc::clone(&keys), Arc::clone(&letter.raw), letter.from.clone());
            let (person, words, done) = (*person, *words, Arc::clone(&done));
            let written = tokio::task::spawn_blocking(move || write(person, words, (&from, &raw), &keys, &done)).await;
            tokio::time::sleep(THINKING).await;
            // A letter that cannot be answered stays unanswered, as in life.
            if let Ok(Ok(raw)) = written {
                office.deliver(account, &raw, Timestamp::now());
            }
        }
    }
}

/// Both forms of an address are one person.
fn plain(address: &str) -> String {
    let lower = address.to_lowercase();
    lower.strip_suffix(".cjsm.net").unwrap_or(&lower).to_owned()
}

fn write(
    person: Person,
    words: &str,
    (from, raw): (&str, &Arc<[u8]>),
    keys: &[Key],
    done: &Mutex<Done>,
) -> Result<Vec<u8>, String> {
    let now = Timestamp::now();
    let ring = cast::keyring_of(person, keys)?;
    let opened = open(&Message::parse(Arc::clone(raw)), &ring, now, Decrypt::Any);
    let headers = opened.shown.headers();
    let subject = headers.subject();
    let id = headers.message_id();
    let mut references = headers.references();
    references.extend(id.clone());
    let writer =
        headers.from().into_iter().next().unwrap_or_else(|| Address { name: String::new(), addr: from.to_owned() });
    let first_name = writer.name.split(' ').next().filter(|name| !name.is_empty()).unwrap_or("colleague");
    let plea = if person.addr == cast::LINTWHITE.addr {
        let letter = display::body(&opened.shown).text();
        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
        depute::answer(person, &letter, &mut done, now)
    } else {
        None
    };
    let letter = || format!("Dear {first_name},\n\n{words}\n\n{}", person.name);
    let draft = Draft {
        from: person.address(),
        to: vec![writer.clone()],
        subject: if subject.to_lowercase().starts_with("re:") { subject } else { format!("Re: {subject}") },
        body: plea.unwrap_or_else(letter),
        in_reply_to: id.into_iter().collect(),
        references,
        ..Draft::default()
    };
    let mut chance = Chance::new(u64::try_from(now.as_nanosecond()).unwrap_or_default());
    let date = Zoned::new(now, TimeZone::get("Europe/London").map_err(|error| error.to_string())?);
    let stamp = Stamp { message_id: message_id(chance.bytes(), &draft.from), date };
    let built = build(&draft, &stamp).map_err(|error| error.to_string())?;
    let signer = cast::fingerprint(person, keys).unwrap_or_default();
    let to: Vec<String> = keys
        .iter()
        .filter(|key| plain(key.person.addr) == plain(&writer.addr))
        .map(|key| key.made.info.fingerprint.clone())
        .collect();
    let sealed = if to.is_empty() {
        sign(&built.entity, &built.fields, &ring, &signer, now)
    } else {
        seal(&built.entity, &built.fields, &to, &ring, &signer, now)
    };
    sealed.map(|sealed| sealed.assemble()).map_err(|error| error.to_string())
}
