//! Submission against a real server, and against servers that do what a good one never does.

use std::path::Path;
use std::time::Duration;

use casemail::net::connect::Times;
use casemail::net::{Endpoint, Secret, Security, tls};
use casemail::smtp::{Credentials, Disposition, Outcome, Phase, SmtpEnvelope, Timeouts, Unsendable, submit};

use crate::support::submission::{Answer, PASSWORD, Script, Scripted, Submission, USER};

const SENDER: &str = "b.quill@quillpounce.example";
const DEPUTE: &str = "h.lintwhite@copfs.gov.example";

fn message(body: &str) -> Vec<u8> {
    format!("From: {SENDER}\r\nTo: {DEPUTE}\r\nSubject: PF v PUDDOCK\r\n\r\n{body}").into_bytes()
}

fn envelope(to: &[&str]) -> SmtpEnvelope {
    SmtpEnvelope { reverse_path: SENDER.into(), forward_paths: to.iter().map(|&to| to.to_owned()).collect() }
}

fn credentials(password: &str) -> Credentials {
    Credentials::password(USER, Secret::new(password.into()))
}

/// Short, for servers that never answer.
fn impatient() -> Timeouts {
    let short = Duration::from_millis(300);
    Timeouts { connect: Times::default(), greeting: short, command: short, piece: short, confirmation: short }
}

async fn send(endpoint: &Endpoint, ca: &Path, to: &[&str], raw: &[u8]) -> Outcome {
    let config = tls::client_config(Some(ca)).unwrap();
    submit(endpoint, &config, &credentials(PASSWORD), &envelope(to), raw, &impatient()).await.outcome
}

#[tokio::test]
async fn bytes_arrive_exactly_by_both_ways_into_tls() {
    let Some(server) = Submission::start(None) else { return };
    let long_line = "x".repeat(998);
    let bodies = [
        "plain\r\n",
        ".\r\n..\r\n.dot\r\n\r\n.\r\n",
        "\r\n\r\n",
        "",
        "no line end",
        "caf\u{e9} \u{20ac}\r\n",
        long_line.as_str(),
        // Over the size of a piece, with dots where pieces meet.
        &"..............................................................\r\n".repeat(4000),
    ];
    let config = tls::client_config(Some(&server.ca_file())).unwrap();
    let mut sent = 0;
    for endpoint in [server.tls(), server.starttls()] {
        for body in bodies {
            let raw = message(body);
            let outcome =
                submit(&endpoint, &config, &credentials(PASSWORD), &envelope(&[DEPUTE]), &raw, &Timeouts::default())
                    .await
                    .outcome;
            assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome}");
            sent += 1;
            let taken = server.wait_for(sent).pop().unwrap();
            let mut expected = raw;
            if !expected.ends_with(b"\r\n") {
                expected.extend_from_slice(b"\r\n");
            }
            assert_eq!(taken.raw, expected, "{:?}", body.get(..40));
            assert_eq!((taken.from.as_str(), taken.to.as_slice()), (SENDER, &[DEPUTE.to_owned()][..]));
            assert_eq!(taken.hello, "[127.0.0.1]", "the host name stays at home");
            assert!(taken.options.iter().any(|option| option.starts_with("SIZE=")), "{:?}", taken.options);
        }
    }
}

#[tokio::test]
async fn a_refused_recipient_costs_the_others_nothing() {
    let Some(server) = Submission::start(None) else { return };
    let config = tls::client_config(Some(&server.ca_file())).unwrap();
    let send = async |to: &[&str]| {
        submit(&server.tls(), &config, &credentials(PASSWORD), &envelope(to), &message("x\r\n"), &impatient()).await
    };
    let submission = send(&[DEPUTE, "reject@copfs.gov.example", "defer@copfs.gov.example"]).await;
    assert!(matches!(submission.outcome, Outcome::Accepted { .. }), "{}", submission.outcome);
    let told: Vec<_> = submission.refused.iter().map(|r| (r.address.as_str(), r.reply.code, r.reply.words())).collect();
    let expected = [
        ("reject@copfs.gov.example", 550, "no such user".to_owned()),
        ("defer@copfs.gov.example", 451, "try later".to_owned()),
    ];
    assert_eq!(told, expected);
    assert_eq!(server.taken().remove(0).to, [DEPUTE]);
    let nobody = send(&["defer@copfs.gov.example"]).await;
    assert!(matches!(nobody.outcome, Outcome::RecipientsRefused { .. }), "{}", nobody.outcome);
    assert_eq!(nobody.outcome.disposition(), Disposition::Retry);
    assert_eq!(send(&["reject@copfs.gov.example"]).await.outcome.disposition(), Disposition::Failed);
    assert_eq!(server.taken().len(), 1, "nothing was sent to nobody");
}

#[tokio::test]
async fn wrong_passwords_and_large_messages_are_refused_in_words() {
    let Some(server) = Submission::start(None) else { return };
    let config = tls::client_config(Some(&server.ca_file())).unwrap();
    let raw = message("x\r\n");
    let outcome =
        submit(&server.tls(), &config, &credentials("wrong"), &envelope(&[DEPUTE]), &raw, &Timeouts::default())
            .await
            .outcome;
    assert!(matches!(&outcome, Outcome::LoginRefused { reply } if reply.code == 535), "{outcome}");
    let large = message(&"0123456789\r\n".repeat(100_000));
    let outcome = send(&server.tls(), &server.ca_file(), &[DEPUTE], &large).await;
    assert!(matches!(outcome, Outcome::Unsendable(Unsendable::TooLarge { limit: 1_000_000, .. })), "{outcome}");
    assert!(server.taken().is_empty());
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_that_is_not_the_one_meant() {
    let Some(server) = Submission::start(None) else { return };
    let raw = message("x\r\n");
    let other_ca = Scripted::start(Script::default()).await;
    let outcome = send(&server.tls(), other_ca.ca.path(), &[DEPUTE], &raw).await;
    assert!(matches!(outcome, Outcome::Unreachable(_)), "{outcome}");
    assert_eq!(outcome.disposition(), Disposition::Retry);
    let absent = Endpoint { host: "localhost".into(), port: 1, security: Security::Tls };
    let outcome = send(&absent, &server.ca_file(), &[DEPUTE], &raw).await;
    assert!(outcome.to_string().starts_with("Not sent yet: no connection to localhost:1"), "{outcome}");
    assert!(server.taken().is_empty());
}

/// Runs a script and gives the outcome and what the client said.
async fn play(script: Script, raw: &[u8]) -> (Outcome, String) {
    let server = Scripted::start(script).await;
    let outcome = send(&server.endpoint, server.ca.path(), &[DEPUTE, "pip.marlow@mudshire.police.example"], raw).await;
    (outcome, server.heard())
}

#[tokio::test]
async fn a_lost_answer_to_the_final_dot_is_uncertain() {
    for dot in [
        Answer::Drop,
        Answer::Silence,
        Answer::Say("hello\r\n"),
        Answer::Say("354 more?\r\n"),
        Answer::Say("25"),
        // One for each recipient: nobody can tell which.
        Answer::Say("250 2.1.5 taken\r\n550 5.1.1 no such user\r\n"),
        Answer::Say("550 5.1.1 no such user\r\n250 2.1.5 taken\r\n"),
    ] {
        let words = format!("{dot:?}");
        let (outcome, heard) = play(Script { dot, ..Script::default() }, &message("x\r\n")).await;
        assert_eq!(outcome.disposition(), Disposition::Uncertain, "{words}: {outcome}");
        assert!(heard.contains("\r\nx\r\n.\r\n"), "{words}: {heard}");
    }
}

#[tokio::test]
async fn a_definite_answer_to_the_final_dot_is_definite() {
    let check = async |dot: &'static str, disposition| {
        let (outcome, _) = play(Script { dot: Answer::Say(dot), ..Script::default() }, &message("x\r\n")).await;
        assert_eq!(outcome.disposition(), disposition, "{dot}: {outcome}");
        outcome.to_string()
    };
    check("250 2.0.0 queued\r\n", Disposition::Sent).await;
    check("250\r\n", Disposition::Sent).await;
    // Latin-1, a second digit of no RFC, an answer to the coming QUIT on top: all of them are still answers.
    check("250 gr\u{fc}n\r\n", Disposition::Sent).await;
    check("571 looks like spam\r\n", Disposition::Failed).await;
    check("250 ok\r\n221 bye\r\n", Disposition::Sent).await;
    let words = check("451-4.3.0 disk\r\n451 4.3.0 full\r\n", Disposition::Retry).await;
    assert_eq!(words, "Not sent yet. The server asked to try later, after the text: 451 4.3.0 disk full");
    check("554 5.7.1 no\r\n", Disposition::Failed).await;
}

#[tokio::test]
async fn a_connection_that_dies_before_the_final_dot_sent_nothing() {
    // More than the sockets' buffers hold: what has left may be lost, what has not left cannot have been sent.
    let long = message(&"0123456789012345678901234567890123456789\r\n".repeat(400_000));
    let ehlo = Answer::Say("250-localhost\r\n250 AUTH PLAIN\r\n");
    let (outcome, heard) = play(Script { ehlo, text_bytes: Some(100_000), ..Script::default() }, &long).await;
    assert!(matches!(outcome, Outcome::NotConnected { phase: Phase::Data, .. }), "{outcome}");
    assert!(!heard.contains("\r\n.\r\n"));
    assert_eq!(outcome.disposition(), Disposition::Retry);
}

#[tokio::test]
async fn each_phase_tells_where_it_failed() {
    let check = async |script: Script, expected: Phase, disposition| {
        let (outcome, heard) = play(script, &message("secret text\r\n")).await;
        let phase = match &outcome {
            Outcome::NotConnected { phase, .. }
            | Outcome::Transient { phase, .. }
            | Outcome::Permanent { phase, .. } => *phase,
            other => panic!("{other}"),
        };
        assert_eq!((phase, outcome.disposition()), (expected, disposition), "{outcome}");
        assert!(!heard.contains("secret text"), "{outcome}");
    };
    let ok = Script::default;
    let (retry, failed) = (Disposition::Retry, Disposition::Failed);
    check(Script { greeting: Answer::Silence, ..ok() }, Phase::Connect, retry).await;
    check(Script { greeting: Answer::Drop, ..ok() }, Phase::Connect, retry).await;
    check(Script { greeting: Answer::Say("* OK IMAP4rev1\r\n"), ..ok() }, Phase::Connect, retry).await;
    check(Script { greeting: Answer::Say("421 4.3.2 busy\r\n"), ..ok() }, Phase::Connect, retry).await;
    check(Script { greeting: Answer::Say("554 5.3.2 no\r\n"), ..ok() }, Phase::Connect, failed).await;
    check(Script { auth: vec![Answer::Drop], ..ok() }, Phase::Login, retry).await;
    check(Script { mail: Answer::Say("550 5.1.8 bad sender\r\n"), ..ok() }, Phase::Sender, failed).await;
    check(Script { mail: Answer::Silence, ..ok() }, Phase::Sender, retry).await;
    check(Script { rcpt: vec![Answer::Say("421 4.3.2 closing\r\n")], ..ok() }, Phase::Recipient, retry).await;
    check(Script { data: Answer::Say("451 4.3.0 later\r\n"), ..ok() }, Phase::Data, retry).await;
    check(Script { data: Answer::Say("250 what\r\n"), ..ok() }, Phase::Data, retry).await;
    // An answer ahead of its question: every later one would be read a step too early.
    check(Script { mail: Answer::Say("250 ok\r\n250 and the next\r\n"), ..ok() }, Phase::Sender, retry).await;
}

#[tokio::test]
async fn login_by_what_the_server_offers() {
    let login = Script {
        ehlo: Answer::Say("250-localhost\r\n250 auth login\r\n"),
        auth: vec![
            Answer::Say("334 VXNlcm5hbWU6\r\n"),
            Answer::Say("334 UGFzc3dvcmQ6\r\n"),
            Answer::Say("235 welcome\r\n"),
        ],
        ..Script::default()
    };
    let (outcome, heard) = play(login, &message("x\r\n")).await;
    assert_eq!(outcome.disposition(), Disposition::Sent, "{outcome}");
    assert!(heard.contains("AUTH LOGIN\r\ncXVpbGw=\r\n"), "{heard}");
    assert!(!heard.contains("SIZE="), "only where it is offered");
    let none = Script { ehlo: Answer::Say("250-localhost\r\n250 AUTH GSSAPI\r\n"), ..Script::default() };
    let (outcome, heard) = play(none, &message("x\r\n")).await;
    assert!(
        matches!(&outcome, Outcome::Unsendable(Unsendable::NoMechanism(why)) if why.offered == "GSSAPI"),
        "{outcome}"
    );
    assert!(!heard.contains("AUTH"), "{heard}");
    // 8-bit text to a server that takes only 7 bits.
    let seven = Script { ehlo: Answer::Say("250-localhost\r\n250 AUTH PLAIN\r\n"), ..Script::default() };
    let (outcome, heard) = play(seven, &message("caf\u{e9}\r\n")).await;
    assert_eq!(outcome, Outcome::Unsendable(Unsendable::EightBit));
    assert!(!heard.contains("MAIL"), "{heard}");
}

#[tokio::test]
async fn answers_that_never_end_are_cut_and_nothing_was_sent() {
    let flood: &'static str = Box::leak("250-more and more\r\n".repeat(60_000).into_boxed_str());
    let line: &'static str = Box::leak(format!("250 {}", "x".repeat(1_000_000)).into_boxed_str());
    // Twenty thousand lines that are a short answer by their octets.
    let short: &'static str = Box::leak("250-\n".repeat(20_000).into_boxed_str());
    for endless in [flood, line, short] {
        for script in [
            Script { greeting: Answer::Say(endless), ..Script::default() },
            Script { ehlo: Answer::Say(endless), ..Script::default() },
            Script { mail: Answer::Say(endless), ..Script::default() },
            Script { data: Answer::Say(endless), ..Script::default() },
        ] {
            let (outcome, heard) = play(script, &message("secret text\r\n")).await;
            assert_eq!(outcome.disposition(), Disposition::Retry, "{outcome}");
            assert!(!heard.contains("secret text"), "{outcome}");
        }
        let (outcome, _) = play(Script { dot: Answer::Say(endless), ..Script::default() }, &message("x\r\n")).await;
        assert_eq!(outcome.disposition(), Disposition::Uncertain, "{outcome}");
    }
}

#[tokio::test]
async fn reports_are_asked_for_where_they_are_offered() {
    use casemail::smtp::{Connection, Notify};
    let ehlo = Answer::Say("250-localhost\r\n250-DSN\r\n250 AUTH PLAIN\r\n");
    for (ehlo, offered) in [(ehlo, true), (Script::default().ehlo, false)] {
        let server = Scripted::start(Script { ehlo, ..Script::default() }).await;
        let config = tls::client_config(Some(server.ca.path())).unwrap();
        let credentials = credentials(PASSWORD);
        let mut connection =
            Connection::open(&server.endpoint, &config, Some(&credentials), &impatient()).await.unwrap();
        let notify = Notify { events: "FAILURE,DELAY".into(), envelope_id: "a+b=1@quillpounce.example".into() };
        // Twice over the same connection: one login.
        for _ in 0..2 {
            let to = envelope(&["h+x@copfs.gov.example"]);
            let submission = connection.submit(&to, &message("x\r\n"), Some(&notify), &|_| ()).await;
            assert_eq!(submission.outcome.disposition(), Disposition::Sent, "{}", submission.outcome);
            assert!(connection.is_usable());
        }
        connection.close().await;
        let heard = server.heard();
        assert_eq!((heard.matches("AUTH PLAIN").count(), heard.matches("DATA\r\n").count()), (1, 2), "{heard}");
        let mail = heard.contains(" RET=HDRS ENVID=a+2Bb+3D1@quillpounce.example\r\n");
        let rcpt = heard.contains("> NOTIFY=FAILURE,DELAY ORCPT=rfc822;h+2Bx@copfs.gov.example\r\n");
        assert_eq!((mail, rcpt), (offered, offered), "{heard}");
    }
}
