//! Opening mail, beside gpg and sq on the same messages in the same run.
//!
//! Figures, not a test: `cargo bench --bench pgp`. First, in processor seconds, 500 encrypted and signed messages with a keyring of 200
//! certificates: parsed, decrypted, verified, judged and their inner form parsed again by the library on one thread; then one process of
//! gpg and one of sq for each, as other programs do it (gpg's agent counts: it does the decryption). Rounds are paired; the ratio is
//! printed. Then the most memory that a message with a 25 MB encrypted attachment takes, in a process of its own. At last, criterion's
//! figures for single messages.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark stops at the first trouble, and prints")]

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use casemail::case::Classes;
use casemail::engine::company::Company;
use casemail::engine::document::{self, Context};
use casemail::mail::message::Message;
use casemail::pgp::generate::generate;
use casemail::pgp::keyring::Keyring;
use casemail::pgp::open::{Decrypt, open};
use casemail::pgp::report::{Acceptance, SignatureState};
use casemail::pgp::seal::{seal, sign};
use criterion::{Criterion, Throughput};
use jiff::Timestamp;

/// As many as a long thread list has.
const MESSAGES: usize = 500;

/// Messages that are given to a process each; their figure is scaled to [`MESSAGES`].
const BY_PROCESS: usize = 100;

/// Bytes of the large attachment.
const LARGE: usize = 25_000_000;

/// The argument with which this program opens one file and tells its memory.
const ALONE: &str = "--open-alone";

/// Our keyring and key, 500 sealed messages from 20 senders, their certificates, and a message that is only signed.
struct World {
    keyring: Keyring,
    secret: Vec<u8>,
    certs: Vec<Vec<u8>>,
    messages: Vec<Vec<u8>>,
    signed: Vec<u8>,
    large: Vec<u8>,
}

fn world(now: Timestamp) -> World {
    let us = generate("Isla Thistledown", "i.thistledown@tg-law.example", now).expect("a key");
    let mut keyring = Keyring::new();
    keyring.add_secret(&us.secret, None).expect("our key");
    for filler in 0..180 {
        let filler = generate("", &format!("agent{filler}@firm.example"), now).expect("a key");
        keyring.add_cert(&filler.cert, Acceptance::Undecided).expect("a certificate");
    }
    let entity = format!(
        "Content-Type: text/plain; charset=us-ascii\r\n\r\n{}",
        "The Crown would accept the plea as amended.\r\n".repeat(60)
    );
    // What does not compress, in base64 with line breaks, as an attachment of LARGE bytes has it.
    let mut noise = 0x2545_f491_4f6c_dd1d_u64;
    let mut large = String::with_capacity(LARGE / 3 * 4 + LARGE / 20);
    large.push_str(
        "Content-Type: multipart/mixed; boundary=\"m\"\r\n\r\n--m\r\n\r\nThe recording.\r\n--m\r\nContent-Type: audio/x-wav\r\n\
         Content-Disposition: attachment; filename=\"interview.wav\"\r\nContent-Transfer-Encoding: base64\r\n\r\n",
    );
    for letter in 0..LARGE.div_ceil(3) * 4 {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        large.push(char::from(*letters.get(usize::try_from(noise % 64).expect("small")).expect("a letter")));
        if letter % 76 == 75 {
            large.push_str("\r\n");
        }
    }
    large.push_str("\r\n--m--\r\n");
    let date = now.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    let (mut messages, mut certs) = (Vec::new(), Vec::new());
    let (mut signed, mut sealed_large) = (Vec::new(), Vec::new());
    for sender in 0..20 {
        let address = format!("depute{sender}@copfs.gov.example");
        let key = generate("Hamish Lintwhite", &address, now).expect("a key");
        keyring.add_cert(&key.cert, Acceptance::Accepted).expect("a certificate");
        let mut theirs = Keyring::new();
        theirs.add_secret(&key.secret, None).expect("a key");
        theirs.add_cert(&us.cert, Acceptance::Accepted).expect("a certificate");
        let fields = [
            ("Date", date.as_str()),
            ("From", &address),
            ("To", "i.thistledown@tg-law.example"),
            ("Subject", "PF ZZ26000417"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let to = std::slice::from_ref(&us.info.fingerprint);
        let made = |entity: &str| {
            seal(entity.as_bytes(), &fields, to, &theirs, &key.info.fingerprint, now).expect("sealed").assemble()
        };
        messages.extend((0..MESSAGES / 20).map(|_| made(&entity)));
        if sender == 0 {
            sealed_large = made(&large);
        }
        signed = sign(entity.as_bytes(), &fields, &theirs, &key.info.fingerprint, now).expect("signed").assemble();
        certs.push(key.cert.clone());
    }
    World { keyring, secret: us.secret.to_vec(), certs, messages, signed, large: sealed_large }
}

fn open_all(messages: &[Vec<u8>], keyring: &Keyring, now: Timestamp) {
    for raw in messages {
        let opened = open(&Message::parse(raw.as_slice()), keyring, now, Decrypt::NotRsa);
        assert_eq!(opened.report.signature.state, SignatureState::Good);
        black_box(opened);
    }
}

/// Processor time in the fields of `/proc/PID/stat` from the given one on: own (14) or of children that were waited for (16).
fn ticks(stat: &str, field: usize) -> f64 {
    let text = std::fs::read_to_string(stat).unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let at =
        |field: usize| fields.get(field.saturating_sub(3)).and_then(|value| value.parse::<f64>().ok()).unwrap_or(0.0);
    // USER_HZ is 100 on every Linux that this runs on.
    (at(field) + at(field + 1)) / 100.0
}

/// Processor seconds that this thread has had, to the nanosecond.
fn own_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|value| value.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

/// Runs a program over the ciphertexts, one process each; processor and wall seconds for [`MESSAGES`]. Nothing where it is not installed.
fn by_process(
    program: &str,
    files: &[std::path::PathBuf],
    agent: impl Fn() -> f64,
    command: impl Fn(&mut Command, &Path),
) -> Option<(f64, f64)> {
    Command::new(program).arg("--version").output().ok()?;
    let (before, agent_before, start) = (ticks("/proc/self/stat", 16), agent(), Instant::now());
    for file in files {
        let mut run = Command::new(program);
        command(&mut run, file);
        let status = run.stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
        assert!(status.success(), "{program} does not open {}", file.display());
    }
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let scale = MESSAGES as f64 / files.len() as f64;
    let processor = ticks("/proc/self/stat", 16) - before + agent() - agent_before;
    Some((processor * scale, start.elapsed().as_secs_f64() * scale))
}

fn compare(world: &World, now: Timestamp) {
    let dir = tempfile::Builder::new().prefix("casemail-bench").tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name);
    let home = at("gnupg");
    std::fs::create_dir(&home).expect("a directory");
    std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("0700");
    std::fs::write(at("us.key"), &world.secret).expect("written");
    std::fs::write(at("them.cert"), world.certs.concat()).expect("written");
    let files: Vec<_> = (0..BY_PROCESS)
        .map(|number| {
            let raw = world.messages.get(number * (MESSAGES / BY_PROCESS)).expect("a message");
            let text = String::from_utf8_lossy(raw);
            let begin = text.find("-----BEGIN PGP MESSAGE-----").expect("armor");
            let path = at(&format!("{number}.asc"));
            std::fs::write(&path, text.get(begin..).expect("armor")).expect("written");
            path
        })
        .collect();
    let gpg = |run: &mut Command, arguments: &[&str], last: &Path| {
        run.env("GNUPGHOME", &home).args(["--batch", "--quiet", "--trust-model", "always"]).args(arguments).arg(last);
    };
    for name in ["us.key", "them.cert"] {
        let mut import = Command::new("gpg");
        gpg(&mut import, &["--import"], &at(name));
        let _not_installed = import.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
    let agent = || {
        let id = Command::new("gpg-connect-agent").env("GNUPGHOME", &home).args(["getinfo pid", "/bye"]).output();
        let id = id.ok().and_then(|output| {
            String::from_utf8_lossy(&output.stdout).lines().find_map(|line| Some(line.strip_prefix("D ")?.to_owned()))
        });
        id.map_or(0.0, |id| ticks(&format!("/proc/{id}/stat"), 14))
    };
    open_all(&world.messages, &world.keyring, now);
    println!("decrypt and verify {MESSAGES}, processor seconds (processes: {BY_PROCESS} run, scaled)");
    for round in 1..=3 {
        let before = own_seconds();
        open_all(&world.messages, &world.keyring, now);
        let ours = own_seconds() - before;
        println!("round {round}: casemail {ours:.3}");
        let ratio = |name: &str, found: Option<(f64, f64)>| match found {
            Some((processor, wall)) => {
                println!(
                    "round {round}: {name} {processor:.2} ({wall:.2} on the clock), {:.0} times casemail",
                    processor / ours
                );
            }
            None => println!("round {round}: {name} is not installed"),
        };
        ratio("gpg", by_process("gpg", &files, agent, |run, file| gpg(run, &["--decrypt"], file)));
        let sq = |run: &mut Command, file: &Path| {
            run.env("SEQUOIA_HOME", at("sequoia")).arg("decrypt").arg("--recipient-key").arg(at("us.key"));
            run.arg("--signer-cert").arg(at("them.cert")).arg(file);
        };
        ratio("sq", by_process("sq", &files, || 0.0, sq));
    }
    let _agent_gone = Command::new("gpgconf").env("GNUPGHOME", &home).args(["--kill", "all"]).output();

    std::fs::write(at("large.eml"), &world.large).expect("written");
    let sender = world.certs.first().expect("a sender");
    std::fs::write(at("sender.cert"), sender).expect("written");
    for name in ["none", "large.eml"] {
        let program = std::env::current_exe().expect("this program");
        let output = Command::new(program)
            .arg(ALONE)
            .args([at(name), at("us.key"), at("sender.cert")])
            .arg(now.to_string())
            .output()
            .expect("it runs");
        println!(
            "{name}, {} bytes: {}",
            std::fs::metadata(at(name)).map_or(0, |file| file.len()),
            String::from_utf8_lossy(&output.stdout).trim()
        );
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Opens one file as the command line does, and prints what it took.
fn alone(arguments: &[String]) {
    let [file, secret, cert, now] = arguments else { return };
    let now: Timestamp = now.parse().expect("a time");
    let mut keyring = Keyring::new();
    keyring.add_secret(&std::fs::read(secret).expect("a key"), None).expect("a key");
    keyring.add_cert(&std::fs::read(cert).expect("a certificate"), Acceptance::Accepted).expect("a certificate");
    let (start, before) = (Instant::now(), own_seconds());
    let mut said = "nothing opened".to_owned();
    if let Ok(raw) = std::fs::read(file) {
        let classes = Classes::default();
        let (id, received, case) = (None, None, None);
        let context =
            Context { keyring: &keyring, classes: &classes, now, id, received, case, company: &Company::default() };
        let document = document::message(raw, &context);
        said = format!("signature {:?}, {} parts", document.openpgp.signature.state, document.parts.len());
        assert_eq!(document.openpgp.signature.state, SignatureState::Good);
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map_or("?", str::trim);
    println!("{said}; {:.2} s, {:.2} processor s, peak {peak}", start.elapsed().as_secs_f64(), own_seconds() - before);
}

fn single(criterion: &mut Criterion, world: &World, now: Timestamp) {
    let mut group = criterion.benchmark_group("pgp");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    group.throughput(Throughput::Elements(MESSAGES as u64));
    group.bench_function("decrypt and verify 500", |bencher| {
        bencher.iter(|| open_all(&world.messages, &world.keyring, now));
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("verify 1", |bencher| {
        bencher.iter(|| open_all(std::slice::from_ref(&world.signed), &world.keyring, now));
    });
    group.bench_function("clear 1", |bencher| {
        let raw: Vec<u8> = world.signed.iter().copied().skip_while(|byte| *byte != b'\n').collect();
        let clear = Message::parse(raw.as_slice());
        bencher.iter(|| black_box(open(&clear, &world.keyring, now, Decrypt::NotRsa)));
    });
    group.finish();
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|argument| argument == ALONE) {
        alone(arguments.get(1..).unwrap_or_default());
        return;
    }
    let now: Timestamp = "2026-05-05T10:00:00Z".parse().expect("a time");
    let world = world(now);
    compare(&world, now);
    let mut criterion = Criterion::default().configure_from_args();
    single(&mut criterion, &world, now);
    criterion.final_summary();
}
