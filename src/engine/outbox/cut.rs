//! A submission cut at every byte position, in both directions: whatever the line does, the row says what the server knows.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};

use super::settle::{Attempt, note_doubt, settle};
use crate::net::Secret;
use crate::net::connect::Times;
use crate::net::sasl::{Credentials, Proof, Wanted};
use crate::smtp::{Connection, Greeting, Notify, SmtpEnvelope, Submission, Timeouts};
use crate::store::outbox::{Delivery, Next, OutboxEntry, OutboxState};

const RAW: &[u8] = b"From: b.quill@quillpounce.example\r\nSubject: PF v PUDDOCK\r\n\r\n.dot\r\n..\r\nOn Monday.\r\n";
const PEOPLE: [&str; 3] = ["a@copfs.gov.example", "reject@copfs.gov.example", "defer@copfs.gov.example"];

/// Where the line is cut: after so many bytes that the server said, or that it heard.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Said(usize),
    Heard(usize),
}

/// A server of a few lines that closes where it is told to. Tells how often it took the message, and for whom.
async fn serve(
    stream: DuplexStream,
    cut: Cut,
    taken: Arc<Mutex<Vec<Vec<String>>>>,
    traffic: Arc<[AtomicUsize; 2]>,
) -> Option<()> {
    let (reading, mut writing) = tokio::io::split(stream);
    let (said_max, heard_max) = match cut {
        Cut::Said(bytes) => (bytes, usize::MAX),
        Cut::Heard(bytes) => (usize::MAX, bytes),
    };
    let mut reading = BufReader::new(reading.take(heard_max as u64));
    let mut said = 0;
    let mut say = async |text: &str| {
        let room = text.len().min(said_max.saturating_sub(said));
        writing.write_all(&text.as_bytes()[..room]).await.ok()?;
        said += room;
        traffic[0].store(said, Ordering::SeqCst);
        (room == text.len()).then_some(())
    };
    say("220 localhost ESMTP\r\n").await?;
    let mut people = Vec::new();
    let mut heard = 0;
    let mut in_text = false;
    loop {
        let mut line = String::new();
        let count = reading.read_line(&mut line).await.ok()?;
        heard += count;
        traffic[1].store(heard, Ordering::SeqCst);
        if count == 0 || !line.ends_with("\r\n") {
            return None;
        }
        if in_text {
            if line == ".\r\n" {
                in_text = false;
                // Taken before the answer leaves: what the client does not hear of happened all the same.
                taken.lock().unwrap().push(std::mem::take(&mut people));
                say("250 2.0.0 queued\r\n").await?;
            }
            continue;
        }
        let verb = line.split([' ', '\r']).next().unwrap().to_uppercase();
        let reply = match verb.as_str() {
            "EHLO" => "250-localhost\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n250-DSN\r\n250 AUTH PLAIN\r\n",
            "AUTH" => "235 2.7.0 welcome\r\n",
            "RCPT" if line.contains("reject") => "550 5.1.1 no such user\r\n",
            "RCPT" if line.contains("defer") => "451 4.2.1 try later\r\n",
            "RCPT" => {
                people.push(line.split(['<', '>']).nth(1).unwrap().to_owned());
                "250 2.1.5 ok\r\n"
            }
            "DATA" => {
                in_text = true;
                "354 go on\r\n"
            }
            "QUIT" => {
                let _ = say("221 bye\r\n").await;
                return None;
            }
            _ => "250 ok\r\n",
        };
        say(reply).await?;
    }
}

/// One try over a line that is cut there; the row as it is then, how often the server took it, and the bytes that went each way.
async fn play(cut: Cut) -> (OutboxEntry, Vec<Vec<String>>, [usize; 2]) {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let taken = Arc::new(Mutex::new(Vec::new()));
    let traffic = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let server = tokio::spawn(serve(theirs, cut, Arc::clone(&taken), Arc::clone(&traffic)));
    let envelope = SmtpEnvelope {
        reverse_path: "b.quill@quillpounce.example".into(),
        forward_paths: PEOPLE.map(str::to_owned).to_vec(),
    };
    let of_store = crate::store::outbox::SmtpEnvelope {
        reverse_path: envelope.reverse_path.clone(),
        forward_paths: envelope.forward_paths.clone(),
    };
    let mut row = OutboxEntry::new("work", "1@quillpounce.example", of_store, Timestamp::UNIX_EPOCH);
    (row.state, row.attempts) = (OutboxState::Sending, 1);
    // What is on the disk: the note is written there, whatever comes after.
    let disk = Arc::new(Mutex::new(row));
    let patience = Duration::from_secs(20);
    let timeouts = Timeouts {
        connect: Times::default(),
        greeting: patience,
        command: patience,
        piece: patience,
        confirmation: patience,
    };
    let credentials = Credentials {
        user: "quill".into(),
        wanted: Wanted::Auto,
        proof: Proof::Password(Secret::new("gnome".into())),
        authzid: String::new(),
    };
    let notify = Notify { events: "FAILURE,DELAY".into(), envelope_id: "1@quillpounce.example".into() };
    let submission = match Connection::over(ours, Greeting::Awaited, Some(&credentials), &timeouts).await {
        Ok(mut connection) => {
            let noted = Arc::clone(&disk);
            let note = move |refused: &[_]| note_doubt(&mut noted.lock().unwrap(), refused);
            let submission = connection.submit(&envelope, RAW, Some(&notify), &note).await;
            drop(connection);
            submission
        }
        Err(outcome) => Submission::of(*outcome),
    };
    let _ = server.await;
    let mut row = disk.lock().unwrap().clone();
    let step = settle(&mut row, &Attempt::Made(submission), Timestamp::UNIX_EPOCH, 0);
    let Some(Next::State(state)) = OutboxState::Sending.after(step) else { panic!("{cut:?}: {step:?}") };
    row.state = state;
    assert!(row.agrees(), "{cut:?}: {row:?}");
    let taken = taken.lock().unwrap().clone();
    (row, taken, [traffic[0].load(Ordering::SeqCst), traffic[1].load(Ordering::SeqCst)])
}

fn check(cut: Cut, row: &OutboxEntry, taken: &[Vec<String>]) {
    let of = |address: &str| row.recipients.iter().find(|one| one.address == address).unwrap().delivery;
    let first = of(PEOPLE[0]);
    match taken {
        // Never lost: whoever has it counts as having it, or as in doubt.
        [people] => {
            assert_eq!(people.as_slice(), [PEOPLE[0]], "{cut:?}");
            assert!(matches!(first, Delivery::Sent | Delivery::InDoubt), "{cut:?}: {row:?}");
        }
        // Never claimed: who has it not is tried again, or is in doubt.
        [] => assert!(matches!(first, Delivery::Waiting | Delivery::InDoubt), "{cut:?}: {row:?}"),
        more => panic!("{cut:?}: taken {} times", more.len()),
    }
    assert_eq!(first == Delivery::InDoubt, row.state == OutboxState::Uncertain, "{cut:?}");
    // What the server said of the others is believed as soon as it was said, and they are never in doubt.
    assert!(matches!(of(PEOPLE[1]), Delivery::Waiting | Delivery::Refused), "{cut:?}: {row:?}");
    assert_eq!(of(PEOPLE[2]), Delivery::Waiting, "{cut:?}: {row:?}");
    if matches!(first, Delivery::Sent | Delivery::InDoubt) {
        assert_eq!(of(PEOPLE[1]), Delivery::Refused, "{cut:?}: {row:?}");
    }
}

#[tokio::test]
async fn at_every_byte_position_nothing_is_lost_and_nothing_doubled() {
    let (row, taken, [said, heard]) = play(Cut::Said(usize::MAX)).await;
    assert_eq!((taken.len(), row.count(Delivery::Sent), row.count(Delivery::Refused)), (1, 1, 1), "{row:?}");
    let mut uncertain = 0;
    for cut in (0..=said).map(Cut::Said).chain((0..=heard).map(Cut::Heard)) {
        let (row, taken, _) = play(cut).await;
        check(cut, &row, &taken);
        uncertain += usize::from(row.state == OutboxState::Uncertain);
    }
    // Only the reply to the dot and the dot itself can leave a doubt.
    assert!((1..120).contains(&uncertain), "{uncertain} of {} positions are uncertain", said + heard);
    eprintln!("{} positions, {uncertain} of them uncertain", said + heard + 2);
}
