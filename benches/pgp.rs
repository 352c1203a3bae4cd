//! How long it takes to open 500 encrypted and signed messages, with a keyring of 200 certificates, on one core.
//!
//! Figures, not a test: `cargo bench --bench pgp`. The message is parsed, decrypted, verified, judged and its inner form parsed again.

#![expect(clippy::expect_used, reason = "a benchmark stops at the first trouble")]

use std::hint::black_box;

use casemail::mail::message::Message;
use casemail::pgp::generate::generate;
use casemail::pgp::keyring::Keyring;
use casemail::pgp::open::{Decrypt, open};
use casemail::pgp::report::{Acceptance, SignatureState};
use casemail::pgp::seal::{seal, sign};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;

/// As many as a long thread list has.
const MESSAGES: usize = 500;

/// Our keyring, 500 sealed messages from 20 senders, and one that is only signed.
fn world(now: Timestamp) -> (Keyring, Vec<Vec<u8>>, Vec<u8>) {
    let us = generate("Isla Thistledown", "i.thistledown@tg-law.example", now).expect("a key");
    let mut ours = Keyring::new();
    ours.add_secret(&us.secret, None).expect("our key");
    for filler in 0..180 {
        let filler = generate("", &format!("agent{filler}@firm.example"), now).expect("a key");
        ours.add_cert(&filler.cert, Acceptance::Undecided).expect("a certificate");
    }
    let entity = format!(
        "Content-Type: text/plain; charset=us-ascii\r\n\r\n{}",
        "The Crown would accept the plea as amended.\r\n".repeat(60)
    );
    let date = now.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    let mut messages = Vec::new();
    let mut signed = Vec::new();
    for sender in 0..20 {
        let address = format!("depute{sender}@copfs.gov.example");
        let key = generate("Hamish Lintwhite", &address, now).expect("a key");
        ours.add_cert(&key.cert, Acceptance::Accepted).expect("a certificate");
        let mut theirs = Keyring::new();
        theirs.add_secret(&key.secret, None).expect("a key");
        theirs.add_cert(&us.cert, Acceptance::Accepted).expect("a certificate");
        let fields: Vec<(String, String)> = [
            ("Date", date.as_str()),
            ("From", &address),
            ("To", "i.thistledown@tg-law.example"),
            ("Subject", "PF ZZ26000417"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        let to = std::slice::from_ref(&us.info.fingerprint);
        for _ in 0..MESSAGES / 20 {
            let sealed = seal(entity.as_bytes(), &fields, to, &theirs, &key.info.fingerprint, now).expect("sealed");
            messages.push(sealed.assemble());
        }
        signed = sign(entity.as_bytes(), &fields, &theirs, &key.info.fingerprint, now).expect("signed").assemble();
    }
    (ours, messages, signed)
}

fn opening(criterion: &mut Criterion) {
    let now: Timestamp = "2026-05-05T10:00:00Z".parse().expect("a time");
    let (keyring, messages, signed) = world(now);
    let mut group = criterion.benchmark_group("pgp");
    group.sample_size(10);
    group.throughput(Throughput::Elements(MESSAGES as u64));
    group.bench_function("decrypt and verify 500", |bencher| {
        bencher.iter(|| {
            for raw in &messages {
                let opened = open(&Message::parse(raw.as_slice()), &keyring, now, Decrypt::NotRsa);
                assert_eq!(opened.report.signature.state, SignatureState::Good);
                black_box(opened);
            }
        });
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("verify 1", |bencher| {
        bencher.iter(|| {
            let opened = open(&Message::parse(signed.as_slice()), &keyring, now, Decrypt::NotRsa);
            assert_eq!(opened.report.signature.state, SignatureState::Good);
            black_box(opened);
        });
    });
    group.bench_function("clear 1", |bencher| {
        let raw: Vec<u8> = signed.iter().copied().skip_while(|byte| *byte != b'\n').collect();
        let clear = Message::parse(raw.as_slice());
        bencher.iter(|| black_box(open(&clear, &keyring, now, Decrypt::NotRsa)));
    });
    group.finish();
}

criterion_group!(benches, opening);
criterion_main!(benches);
