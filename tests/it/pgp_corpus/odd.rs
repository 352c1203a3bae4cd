//! What is odd rather than an attack of its own name: packets that are put together in other ways, keys that may not sign, fields twice, and lies about
//! what stands where. Each with what has to be said of it.

use openpgp::packet::key::{Key4, PrimaryRole, SecretParts, SubordinateRole};
use openpgp::packet::signature::subpacket::{NotationDataFlags, Subpacket, SubpacketTag, SubpacketValue};
use openpgp::packet::{Key, Signature};
use openpgp::serialize::Serialize as _;
use openpgp::types::{Curve, KeyFlags, ReasonForRevocation};

use super::*;

/// What has to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Must {
    /// Good, for the victim.
    Good,
    /// In this state, and not good.
    Be(SignatureState),
    /// Opened, unsigned.
    Open,
    /// Closed, and nothing of it shown.
    Shut,
}

use Must::{Be, Good, Open, Shut};

struct Case {
    name: &'static str,
    raw: Vec<u8>,
    must: Must,
    certs: Vec<(Vec<u8>, Acceptance)>,
}

fn case(name: &'static str, must: Must, raw: Vec<u8>) -> Case {
    Case { name, raw, must, certs: Vec::new() }
}

impl Case {
    fn with(mut self, cert: &Cert) -> Self {
        let cert = cert.clone().strip_secret_key_material().to_vec().expect("bytes");
        self.certs.push((cert, Acceptance::Verified));
        self
    }
}

/// The words for each; every one that is told otherwise than it must be is named at the end.
fn told_all(cases: Vec<Case>) -> String {
    let (mut all, mut wrong) = (String::new(), Vec::new());
    for Case { name, raw, must, certs } in cases {
        let mut keyring = keyring();
        for (cert, acceptance) in certs {
            keyring.add_cert(&cert, acceptance).expect("a certificate");
        }
        let opened = open(&Message::parse(raw.as_slice()), &keyring, now(), Decrypt::Any);
        let report = &opened.report;
        let signature = &report.signature;
        let leaks = shown(&opened).contains(CANARY);
        let right = match must {
            Good => {
                signature.state == SignatureState::Good
                    && signature.covers == Covers::Whole
                    && signature.bound_to.as_deref() == Some(VICTIM)
                    && leaks
            }
            Be(state) => signature.state == state,
            Open => report.decrypted && signature.state == SignatureState::None && leaks,
            Shut => !report.decrypted && !leaks,
        };
        if !right {
            wrong.push(format!("{name}: must {must:?}: {}", told(&opened)));
        }
        let _ = writeln!(all, "{name}\n  {}", told(&opened));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    all
}

/// A signature by hand over content as it stands.
fn signature_of(
    pair: &mut KeyPair,
    content: &[u8],
    change: impl FnOnce(SignatureBuilder) -> SignatureBuilder,
) -> Signature {
    signature_as(pair, content, SignatureType::Binary, HashAlgorithm::SHA256, change)
}

fn signature_as(
    pair: &mut KeyPair,
    content: &[u8],
    kind: SignatureType,
    hash: HashAlgorithm,
    change: impl FnOnce(SignatureBuilder) -> SignatureBuilder,
) -> Signature {
    let builder = SignatureBuilder::new(kind).set_signature_creation_time(system(now())).expect("a time");
    let builder = change(builder);
    let mut context = hash.context().expect("a hash").for_signature(pair.public().version());
    context.update(content);
    builder.sign_hash(pair, context).expect("signed")
}

fn same(builder: SignatureBuilder) -> SignatureBuilder {
    builder
}

fn victim_pair() -> KeyPair {
    signing_pair(&cert(&CAST.victim))
}

/// Content without its last line break, as it is signed.
fn content() -> Vec<u8> {
    body().trim_ascii_end().to_vec()
}

/// A frame of RFC 3156 around content and any packets as the signature.
fn signed_frame(content: &[u8], signature: &[u8], parameters: &str) -> Vec<u8> {
    use base64::Engine as _;
    let coded = base64::engine::general_purpose::STANDARD.encode(signature);
    let lines: Vec<&str> = coded.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    let mut entity =
        format!("Content-Type: multipart/signed; {parameters}boundary=\"hand\"\r\n\r\n--hand\r\n").into_bytes();
    entity.extend_from_slice(content);
    entity.extend_from_slice(
        format!(
            "\r\n--hand\r\nContent-Type: application/pgp-signature\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--hand--\r\n",
            lines.join("\r\n")
        )
        .as_bytes(),
    );
    entity
}

const PGP: &str = "protocol=\"application/pgp-signature\"; micalg=pgp-sha256; ";

fn packet_of(signature: Signature) -> Vec<u8> {
    Packet::from(signature).to_vec().expect("a packet")
}

/// From the victim, with this signature over the usual content.
fn with_signature(signature: &[u8]) -> Vec<u8> {
    mail(VICTIM, &signed_frame(&content(), signature, PGP), &[])
}

fn raw_packet(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![0xc0 | tag, 255];
    packet.extend_from_slice(&u32::try_from(body.len()).expect("short").to_be_bytes());
    packet.extend_from_slice(body);
    packet
}

fn born() -> SystemTime {
    system(now() - SignedDuration::from_hours(24 * 100))
}

/// A certificate for the victim's address, built by hand.
fn victim_cert(build: impl FnOnce(CertBuilder<'static>) -> CertBuilder<'static>) -> Cert {
    let builder = CertBuilder::new()
        .add_userid(format!("Hamish Lintwhite <{VICTIM}>"))
        .set_creation_time(born())
        .set_cipher_suite(CipherSuite::Cv25519);
    build(builder).generate().expect("a key").0
}

fn subkey_pair(cert: &Cert, nth: usize) -> KeyPair {
    let key = cert.keys().subkeys().nth(nth).expect("a subkey").key().clone();
    key.parts_into_secret().expect("secret").into_keypair().expect("unlocked")
}

fn new_subkey() -> Key<SecretParts, SubordinateRole> {
    let mut key: Key<SecretParts, SubordinateRole> =
        Key4::generate_ecc(true, Curve::Ed25519).map(Key::from).expect("a key");
    key.set_creation_time(born()).expect("a time");
    key
}

/// A certificate with a subkey that it binds, with or without that key's own word.
fn adopting(cert: Cert, subkey: Key<SecretParts, SubordinateRole>, back: bool) -> Cert {
    let mut primary = signing_pair(&cert);
    let mut builder = SignatureBuilder::new(SignatureType::SubkeyBinding)
        .set_signature_creation_time(born())
        .expect("a time")
        .set_key_flags(KeyFlags::empty().set_signing())
        .expect("flags");
    if back {
        let mut own = subkey.clone().into_keypair().expect("unlocked");
        let word = SignatureBuilder::new(SignatureType::PrimaryKeyBinding)
            .set_signature_creation_time(born())
            .expect("a time")
            .sign_primary_key_binding(&mut own, cert.primary_key().key(), &subkey)
            .expect("signed");
        builder = builder.set_embedded_signature(word).expect("embedded");
    }
    let binding = builder.sign_subkey_binding(&mut primary, cert.primary_key().key(), &subkey).expect("bound");
    cert.insert_packets([Packet::from(subkey), Packet::from(binding)]).expect("put in").0
}

/// The certificate with a revocation of its own.
fn revoked_for(cert: &Cert, reason: ReasonForRevocation, at: Timestamp) -> Cert {
    let mut pair = signing_pair(cert);
    let signature = openpgp::cert::CertRevocationBuilder::new()
        .set_signature_creation_time(system(at))
        .expect("a time")
        .set_reason_for_revocation(reason, b"")
        .expect("a reason")
        .build(&mut pair, cert, HashAlgorithm::SHA256)
        .expect("revoked");
    cert.clone().insert_packets(signature).expect("put in").0
}

/// A certificate of a primary key alone, its user ID bound with this hash.
fn bound(mut key: Key<SecretParts, PrimaryRole>, hash: HashAlgorithm) -> Cert {
    key.set_creation_time(born()).expect("a time");
    let mut pair = key.clone().into_keypair().expect("unlocked");
    let user_id = UserID::from(format!("Hamish Lintwhite <{VICTIM}>"));
    let alone = Cert::try_from(Packet::from(key)).expect("a certificate");
    let binding = SignatureBuilder::new(SignatureType::PositiveCertification)
        .set_hash_algo(hash)
        .set_signature_creation_time(born())
        .expect("a time")
        .set_key_flags(KeyFlags::empty().set_certification().set_signing())
        .expect("flags")
        .sign_userid_binding(&mut pair, alone.primary_key().key(), &user_id)
        .expect("bound");
    alone.insert_packets([Packet::from(user_id), Packet::from(binding)]).expect("put in").0
}

/// Keys that stand for nobody, or not for this.
#[test]
fn a_key_signs_only_what_it_may() {
    let sign_with = |pair: &mut KeyPair| with_signature(&packet_of(signature_of(pair, &content(), same)));
    let subkeys = victim_cert(|builder| builder.add_signing_subkey().add_transport_encryption_subkey());
    let expiring = victim_cert(|builder| {
        builder.add_subkey(KeyFlags::empty().set_signing(), std::time::Duration::from_secs(24 * 3600), None)
    });
    let no_signing = victim_cert(|builder| {
        builder.set_primary_key_flags(KeyFlags::empty().set_certification()).add_signing_subkey()
    });
    let authentication = victim_cert(CertBuilder::add_authentication_subkey);
    let adopted = new_subkey();
    let adopted_pair = || adopted.clone().into_keypair().expect("unlocked");
    let bare = adopting(victim_cert(|builder| builder), adopted.clone(), false);
    let vouched = adopting(victim_cert(|builder| builder), adopted.clone(), true);
    // The attacker claims the victim's signing key as a subkey of his own.
    let victims = subkeys.keys().subkeys().next().expect("one").key().clone().parts_into_secret().expect("secret");
    let stolen = adopting(cert(&CAST.attacker), victims, false);
    let later = now() + SignedDuration::from_mins(20);
    let before = now() - SignedDuration::from_hours(24);
    let plain =
        victim_cert(|builder| builder.set_primary_key_flags(KeyFlags::empty().set_certification().set_signing()));
    let by_plain = || sign_with(&mut signing_pair(&plain));
    let expired_pair = subkey_pair(&expiring, 0);
    let user_id_revoked = {
        let user_id = plain.userids().next().expect("one").userid().clone();
        let signature = openpgp::cert::UserIDRevocationBuilder::new()
            .set_signature_creation_time(system(before))
            .expect("a time")
            .set_reason_for_revocation(ReasonForRevocation::UIDRetired, b"")
            .expect("a reason")
            .build(&mut signing_pair(&plain), &plain, &user_id, HashAlgorithm::SHA256)
            .expect("revoked");
        plain.clone().insert_packets([Packet::from(user_id), Packet::from(signature)]).expect("put in").0
    };
    let sha1_bound =
        bound(Key4::generate_ecc(true, Curve::Ed25519).map(Key::from).expect("a key"), HashAlgorithm::SHA1);
    let small = bound(Key4::generate_rsa(1024).map(Key::from).expect("a key"), HashAlgorithm::SHA256);
    let told =
        told_all(vec![
            case("signed by a signing subkey", Good, sign_with(&mut subkey_pair(&subkeys, 0))).with(&subkeys),
            case("signed by a subkey that its owner vouches for", Good, sign_with(&mut adopted_pair())).with(&vouched),
            case("subkey without a back-signature", Be(SignatureState::UnknownKey), sign_with(&mut adopted_pair()))
                .with(&bare),
            case("subkey of the victim claimed by the attacker", Be(SignatureState::UnknownKey), {
                let signature = packet_of(signature_of(&mut subkey_pair(&subkeys, 0), &content(), same));
                mail(ATTACKER, &signed_frame(&content(), &signature, PGP), &[])
            })
            .with(&stolen),
            case("subkey that had expired", Be(SignatureState::Expired), sign_with(&mut expired_pair.clone()))
                .with(&expiring),
            case("primary key that may not sign", Be(SignatureState::Bad), sign_with(&mut signing_pair(&no_signing)))
                .with(&no_signing),
            case("subkey for authentication", Be(SignatureState::Bad), sign_with(&mut subkey_pair(&authentication, 0)))
                .with(&authentication),
            case("user id revoked", Be(SignatureState::Mismatch), by_plain()).with(&user_id_revoked),
            case("superseded after it signed", Good, by_plain()).with(&revoked_for(
                &plain,
                ReasonForRevocation::KeySuperseded,
                later,
            )),
            case("superseded before it signed", Be(SignatureState::Revoked), by_plain()).with(&revoked_for(
                &plain,
                ReasonForRevocation::KeySuperseded,
                before,
            )),
            case("retired before it signed", Be(SignatureState::Revoked), by_plain()).with(&revoked_for(
                &plain,
                ReasonForRevocation::KeyRetired,
                before,
            )),
            case("compromised, said after it signed", Be(SignatureState::Revoked), by_plain()).with(&revoked_for(
                &plain,
                ReasonForRevocation::KeyCompromised,
                later,
            )),
            case("revoked without a reason after it signed", Be(SignatureState::Revoked), by_plain())
                .with(&revoked_for(&plain, ReasonForRevocation::Unspecified, later)),
            case("certificate bound with SHA-1", Be(SignatureState::Weak), sign_with(&mut signing_pair(&sha1_bound)))
                .with(&sha1_bound),
            case("RSA of 1024 bits", Be(SignatureState::Weak), sign_with(&mut signing_pair(&small))).with(&small),
            case("signed before the key was made", Be(SignatureState::Expired), {
                let at = system(now() - SignedDuration::from_hours(24 * 200));
                let signature = signature_of(&mut signing_pair(&plain), &content(), |builder| {
                    builder.set_signature_creation_time(at).expect("a time")
                });
                mail(
                    VICTIM,
                    &signed_frame(&content(), &packet_of(signature), PGP),
                    &[("Date", &rfc5322(now() - SignedDuration::from_hours(24 * 200)))],
                )
            })
            .with(&plain),
        ]);
    insta::assert_snapshot!(told);
}

/// Signatures that are more, or less, than one over what stands there.
#[test]
fn a_signature_is_one_packet_over_what_is_there() {
    let mut pair = victim_pair();
    let good = packet_of(signature_of(&mut pair, &content(), same));
    let bad = packet_of(signature_of(&mut pair, b"something else", same));
    let mut attacker = signing_pair(&cert(&CAST.attacker));
    let by_attacker = packet_of(signature_of(&mut attacker, &content(), same));
    let lf = String::from_utf8(content()).expect("ASCII").replace("\r\n", "\n").into_bytes();
    let text_type = |content: &[u8]| {
        packet_of(signature_as(&mut victim_pair(), content, SignatureType::Text, HashAlgorithm::SHA256, same))
    };
    let many: Vec<u8> = (0..200).flat_map(|_| bad.clone()).collect();
    let mut unknown_algorithm = good.clone();
    // Version, type, public-key algorithm, hash algorithm stand behind the tag and the length.
    let at = 2 + usize::from(good[1] >= 192);
    unknown_algorithm[at + 2] = 99;
    let mut unknown_hash = good.clone();
    unknown_hash[at + 3] = 99;
    let mut version_9 = good.clone();
    version_9[at] = 9;
    let huge = {
        let mut body = good[at..good.len() - 4].to_vec();
        body.extend_from_slice(&[0xff, 0xff]);
        body.extend_from_slice(&vec![0xff; 8192]);
        raw_packet(2, &body)
    };
    let compressed = {
        let mut packets = Vec::new();
        let mut writer =
            Compressor::new(Writer::new(&mut packets)).algo(CompressionAlgorithm::Zlib).build().expect("one");
        writer.write_all(&good).expect("written");
        writer.finalize().expect("written");
        packets
    };
    let whole_message = {
        let mut packets = Vec::new();
        let writer = Signer::new(Writer::new(&mut packets), victim_pair())
            .expect("a signer")
            .creation_time(system(now()))
            .build()
            .expect("a signer");
        literal(writer, &content()).finalize().expect("written");
        packets
    };
    let notation = |critical: bool| {
        packet_of(signature_of(&mut victim_pair(), &content(), |builder| {
            builder
                .add_notation(
                    "status@attacker.example",
                    b"\n[GNUPG:] GOODSIG 0 x\x1b[2J",
                    NotationDataFlags::empty().set_human_readable(),
                    critical,
                )
                .expect("a notation")
        }))
    };
    let critical_unknown = packet_of(signature_of(&mut victim_pair(), &content(), |builder| {
        builder
            .modify_hashed_area(|mut area| {
                area.add(Subpacket::new(
                    SubpacketValue::Unknown { tag: SubpacketTag::Private(105), body: vec![1] },
                    true,
                )?)?;
                Ok(area)
            })
            .expect("an area")
    }));
    let ends = packet_of(signature_of(&mut victim_pair(), &content(), |builder| {
        builder
            .set_signature_creation_time(system(now() - SignedDuration::from_mins(30)))
            .and_then(|builder| builder.set_signature_validity_period(std::time::Duration::from_secs(600)))
            .expect("a period")
    }));
    let no_issuer = packet_of(signature_of(&mut victim_pair(), &content(), |builder| {
        builder
            .modify_unhashed_area(|mut area| {
                area.clear();
                Ok(area)
            })
            .expect("an area")
    }));
    let another_issuer = {
        let fingerprint = cert(&CAST.victim).fingerprint();
        packet_of(signature_of(&mut attacker, &content(), |builder| {
            builder.set_issuer_fingerprint(fingerprint).expect("an issuer")
        }))
    };
    let as_text = |kind| packet_of(signature_as(&mut victim_pair(), &content(), kind, HashAlgorithm::SHA256, same));
    let frame = |content: &[u8], signature: &[u8]| mail(VICTIM, &signed_frame(content, signature, PGP), &[]);
    // The first paragraph becomes a header that nobody is shown.
    let letter = format!("We shall not do what follows\r\n\r\nWe accept the {CANARY}.");
    let field = format!("We shall not: do what follows\r\n\r\nWe accept the {CANARY}.");
    let told = told_all(vec![
        case("the control", Good, with_signature(&good)),
        case("good and bad", Good, with_signature(&[bad.clone(), good.clone()].concat())),
        case("good and the attacker's", Good, with_signature(&[by_attacker.clone(), good.clone()].concat())),
        case("the attacker's and a bad one of the victim", Be(SignatureState::Mismatch), {
            with_signature(&[by_attacker.clone(), bad.clone()].concat())
        }),
        case("two hundred bad ones, then a good one", Be(SignatureState::Bad), {
            with_signature(&[many, good.clone()].concat())
        }),
        case("over LF, binary", Be(SignatureState::Bad), {
            with_signature(&packet_of(signature_of(&mut victim_pair(), &lf, same)))
        }),
        case("over the text", Good, with_signature(&text_type(&content()))),
        case("unknown public-key algorithm", Be(SignatureState::Bad), with_signature(&unknown_algorithm)),
        case("unknown hash algorithm", Be(SignatureState::Bad), with_signature(&unknown_hash)),
        case("version 9", Be(SignatureState::Bad), with_signature(&version_9)),
        case("a huge number", Be(SignatureState::Bad), with_signature(&huge)),
        case("compressed", Be(SignatureState::Bad), with_signature(&compressed)),
        case("a whole signed message for a signature", Be(SignatureState::Bad), with_signature(&whole_message)),
        case("behind a literal packet", Be(SignatureState::Bad), {
            with_signature(&[whole_message.clone(), good.clone()].concat())
        }),
        case("a notation with status lines", Good, with_signature(&notation(false))),
        case("a critical notation", Be(SignatureState::Bad), with_signature(&notation(true))),
        case("a critical unknown subpacket", Be(SignatureState::Bad), with_signature(&critical_unknown)),
        case("a signature that ended", Be(SignatureState::Expired), with_signature(&ends)),
        case("without an issuer", Good, with_signature(&no_issuer)),
        case("names another issuer", Be(SignatureState::Bad), with_signature(&another_issuer)),
        case("a certification", Be(SignatureState::Bad), with_signature(&as_text(SignatureType::GenericCertification))),
        case("a timestamp", Be(SignatureState::Bad), with_signature(&as_text(SignatureType::Timestamp))),
        case("a confirmation", Be(SignatureState::Bad), with_signature(&as_text(SignatureType::Confirmation))),
        case("RIPEMD-160", Be(SignatureState::Weak), {
            with_signature(&packet_of(signature_as(
                &mut victim_pair(),
                &content(),
                SignatureType::Binary,
                HashAlgorithm::RipeMD,
                same,
            )))
        }),
        case("wrong micalg", Good, mail(VICTIM, &signed_frame(&content(), &good, &PGP.replace("sha256", "md5")), &[])),
        case("no protocol", Good, mail(VICTIM, &signed_frame(&content(), &good, ""), &[])),
        case("protocol of S/MIME", Be(SignatureState::None), {
            mail(VICTIM, &signed_frame(&content(), &good, "protocol=\"application/pkcs7-signature\"; "), &[])
        }),
        case("a letter that becomes a header", Good, frame(letter.as_bytes(), &text_type(letter.as_bytes()))),
        case("a letter that becomes a field", Good, frame(field.as_bytes(), &text_type(field.as_bytes()))),
        case("signed twice, nested, by both", Good, {
            let inner = signed_frame(&content(), &good, PGP);
            let inner = inner.trim_ascii_end();
            let outer = packet_of(signature_of(&mut signing_pair(&cert(&CAST.attacker)), inner, same));
            let frame = String::from_utf8_lossy(&signed_frame(b"CONTENT", &outer, PGP)).replace("hand", "around");
            let (head, tail) = frame.split_once("CONTENT").expect("content");
            mail(VICTIM, &[head.as_bytes(), inner, tail.as_bytes()].concat(), &[])
        }),
    ]);
    insta::assert_snapshot!(told);
}

/// Ciphertext put together in other ways.
#[test]
fn a_ciphertext_is_one_message() {
    let honest = encrypted_packets(false, |writer| literal(writer, &body()));
    let foreign = {
        let mut packets = Vec::new();
        literal(Writer::new(&mut packets), &text("We withdraw.")).finalize().expect("written");
        packets
    };
    let sealed_mail = |packets: &[u8]| mail(VICTIM, &framed(packets), &[]);
    let inside = |content: &[u8]| sealed_mail(&encrypted_packets(false, |writer| literal(writer, content)));
    let mut two_literals = Vec::new();
    literal(Writer::new(&mut two_literals), &text("One.")).finalize().expect("written");
    let arbitrary = |tag: Tag, packets: Vec<u8>| {
        encrypted_packets(false, move |writer| {
            let mut writer = openpgp::serialize::stream::ArbitraryWriter::new(writer, tag).expect("a packet");
            writer.write_all(&packets).expect("written");
            writer
        })
    };
    let nest = |times: usize| {
        encrypted_packets(false, |mut writer| {
            for _ in 0..times {
                writer = Compressor::new(writer).algo(CompressionAlgorithm::Zlib).build().expect("one");
            }
            literal(writer, &body())
        })
    };
    let many_keys = {
        let (head, container): (Vec<Packet>, Vec<Packet>) = openpgp::PacketPile::from_bytes(&honest)
            .expect("packets")
            .into_children()
            .partition(|packet| packet.tag() == Tag::PKESK);
        let bytes =
            |packets: &[Packet]| packets.iter().flat_map(|one| one.to_vec().expect("bytes")).collect::<Vec<u8>>();
        let other = raw_packet(1, &[&[3], [7_u8; 8].as_slice(), &[1, 0xff, 0xff, 0x7f], &vec![0xff; 8191]].concat());
        let others: Vec<u8> = (0..300).flat_map(|_| other.clone()).collect();
        [bytes(&head), others, bytes(&container)].concat()
    };
    let hidden = {
        let policy = StandardPolicy::new();
        let us = cert(&CAST.us);
        let mut packets = Vec::new();
        let recipients = us
            .keys()
            .with_policy(&policy, system(now()))
            .for_transport_encryption()
            .map(|key| Recipient::new(Features::empty().set_seipdv1(), None::<openpgp::KeyHandle>, key.key()));
        let writer = Encryptor::for_recipients(Writer::new(&mut packets), recipients).build().expect("an encryptor");
        literal(writer, &body()).finalize().expect("written");
        packets
    };
    let passphrase = {
        let mut packets = Vec::new();
        let writer = Encryptor::with_passwords(Writer::new(&mut packets), ["guess"]).build().expect("an encryptor");
        literal(writer, &body()).finalize().expect("written");
        packets
    };
    let nested_encryption = |from: &str| {
        let inner = sealed().entity;
        mail(from, &framed(&encrypted_packets(false, |writer| literal(writer, &inner))), &[])
    };
    let armored = String::from_utf8(sealed().entity).expect("7-bit");
    let block = armored_block(armored.as_bytes());
    let told = told_all(vec![
        case("the control, unsigned", Open, sealed_mail(&honest)),
        case("a literal before", Shut, sealed_mail(&[foreign.clone(), honest.clone()].concat())),
        case("a literal behind", Shut, sealed_mail(&[honest.clone(), foreign.clone()].concat())),
        case("two ciphertexts", Shut, sealed_mail(&[honest.clone(), honest.clone()].concat())),
        case("a marker before", Open, sealed_mail(&[raw_packet(10, b"PGP"), honest.clone()].concat())),
        case("an unknown packet before", Shut, sealed_mail(&[raw_packet(35, b"xyz"), honest.clone()].concat())),
        case("a user id packet inside", Shut, sealed_mail(&arbitrary(Tag::UserID, body()))),
        case("an unknown packet inside", Shut, sealed_mail(&arbitrary(Tag::Unknown(38), body()))),
        case("compressed ten times", Open, sealed_mail(&nest(10))),
        case("compressed sixty times", Shut, sealed_mail(&nest(60))),
        case("many session keys with huge numbers", Open, sealed_mail(&many_keys)),
        case("for a hidden recipient", Open, sealed_mail(&hidden)),
        case("with a passphrase alone", Shut, sealed_mail(&passphrase)),
        case("encrypted twice, from the author", Good, nested_encryption(VICTIM)),
        case("encrypted twice, from the attacker", Be(SignatureState::Mismatch), nested_encryption(ATTACKER)),
        case("ciphertext among others inside", Be(SignatureState::None), {
            inside(&multipart("mixed", &[&text("See below."), &sealed().entity]))
        }),
        case("ciphertext attached inside", Be(SignatureState::None), {
            inside(&multipart("mixed", &[&text("See below."), &attached(&sealed().assemble())]))
        }),
        case("inline ciphertext inside", Be(SignatureState::None), inside(&plain_text(&block))),
        case("text behind the armor", Be(SignatureState::Good), {
            let with = armored.replacen("-----END PGP MESSAGE-----", "-----END PGP MESSAGE-----\r\nWe withdraw.", 1);
            mail(VICTIM, with.as_bytes(), &[])
        }),
        case("text before the armor", Be(SignatureState::Good), {
            let with =
                armored.replacen("-----BEGIN PGP MESSAGE-----", "We withdraw.\r\n-----BEGIN PGP MESSAGE-----", 1);
            mail(VICTIM, with.as_bytes(), &[])
        }),
        case("text in the armor's header", Be(SignatureState::Good), {
            let with = armored.replacen(
                "-----BEGIN PGP MESSAGE-----",
                "-----BEGIN PGP MESSAGE-----\r\nComment: We withdraw.",
                1,
            );
            mail(VICTIM, with.as_bytes(), &[])
        }),
        case("more in the control part", Shut, {
            mail(VICTIM, armored.replacen("Version: 1", "Version: 1\r\n\r\nWe withdraw.", 1).as_bytes(), &[])
        }),
        case("HTML before and behind the parts", Be(SignatureState::Good), {
            let (head, parts) = armored.split_once("\r\n\r\n").expect("a header");
            let with = format!("{head}\r\n\r\n<img src=\"http://attacker.example/\r\n{parts}\r\n\">\r\n");
            mail(VICTIM, with.as_bytes(), &[])
        }),
    ]);
    insta::assert_snapshot!(told);
}

/// Header fields twice, missing, or lied about.
#[test]
fn fields_are_what_the_author_said() {
    let signed = |inner: &str| {
        let content = inner.replace('\n', "\r\n");
        signed_frame(content.as_bytes(), &packet_of(signature_of(&mut victim_pair(), content.as_bytes(), same)), PGP)
    };
    let sealed_by = |inner: &str| {
        let inner = inner.replace('\n', "\r\n").into_bytes();
        framed(&encrypted_packets(false, |writer| {
            let signer = Signer::new(writer, victim_pair())
                .expect("a signer")
                .creation_time(system(now()))
                .build()
                .expect("a signer");
            literal(signer, &inner)
        }))
    };
    let date = rfc5322(now());
    let head = format!("From: {VICTIM}\nTo: {US}\nDate: {date}\nSubject: PF ZZ26000417\nMessage-ID: <1@x>\n");
    let clear = format!("{head}Content-Type: text/plain; hp=\"clear\"\n\nWe accept the {CANARY}.");
    let cipher =
        |outer: &str| format!("{head}{outer}Content-Type: text/plain; hp=\"cipher\"\n\nWe accept the {CANARY}.\n");
    let told_outer = format!(
        "HP-Outer: From: {VICTIM}\nHP-Outer: To: {US}\nHP-Outer: Date: {date}\nHP-Outer: Subject: [...]\nHP-Outer: Message-ID: <1@x>\n"
    );
    let from = |from: &str| {
        mail(from, &signed_frame(&content(), &packet_of(signature_of(&mut victim_pair(), &content(), same)), PGP), &[])
    };
    let told = told_all(vec![
        case("protected in clear", Good, mail(VICTIM, &signed(&clear), &[])),
        case("protected and hidden", Good, mail(VICTIM, &sealed_by(&cipher(&told_outer)), &[("Subject", "[...]")])),
        case("another subject outside than told", Good, {
            mail(VICTIM, &sealed_by(&cipher(&told_outer)), &[("Subject", "R v FERRET")])
        }),
        case("told that the sender outside is another", Be(SignatureState::Mismatch), {
            let outer = told_outer.replace(&format!("From: {VICTIM}"), &format!("From: {ATTACKER}"));
            mail(ATTACKER, &sealed_by(&cipher(&outer)), &[("Subject", "[...]")])
        }),
        case("told twice, both ways", Good, {
            let outer = format!("{told_outer}HP-Outer: Subject: PF ZZ26000417\n");
            mail(VICTIM, &sealed_by(&cipher(&outer)), &[("Subject", "[...]")])
        }),
        case("told as a whole message", Good, {
            let outer = format!("{told_outer}HP-Outer: Subject [...]\nHP-Outer:\n");
            mail(VICTIM, &sealed_by(&cipher(&outer)), &[("Subject", "[...]")])
        }),
        case("hidden form in a clear message", Good, {
            mail(VICTIM, &signed(cipher(&told_outer).trim_end()), &[("Subject", "[...]")])
        }),
        case("clear form in a hidden message", Good, mail(VICTIM, &sealed_by(&clear), &[])),
        case("two senders inside", Be(SignatureState::Mismatch), {
            mail(VICTIM, &signed(&format!("From: {ATTACKER}\n{clear}")), &[])
        }),
        case("the same sender twice inside", Be(SignatureState::Mismatch), {
            mail(VICTIM, &signed(&format!("From: {VICTIM}\n{clear}")), &[])
        }),
        case("no sender inside", Be(SignatureState::Mismatch), {
            mail(VICTIM, &signed(&clear.replace(&format!("From: {VICTIM}\n"), "")), &[])
        }),
        case("two subjects inside", Good, mail(VICTIM, &signed(&format!("Subject: R v WEASEL\n{clear}")), &[])),
        case("two subjects outside", Good, {
            mail(VICTIM, &signed(&clear), &[("Subject", "R v WEASEL"), ("Subject", "PF ZZ26000417")])
        }),
        case("two dates outside", Good, {
            mail(VICTIM, &signed(&clear), &[("Date", "Mon, 4 May 2026 10:00:00 +0000"), ("Date", &date)])
        }),
        case("an old date inside, a new one outside", Be(SignatureState::Mismatch), {
            mail(VICTIM, &signed(&clear.replace(&date, "Mon, 4 May 2026 10:00:00 +0000")), &[])
        }),
        case("an unknown scheme", Good, mail(VICTIM, &signed(&clear.replace("hp=\"clear\"", "hp=\"maybe\"")), &[])),
        case("both schemes", Good, {
            mail(VICTIM, &signed(&clear.replace("hp=\"clear\"", "hp=\"clear\"; protected-headers=\"v1\"")), &[])
        }),
        case("content type inside protected as another", Good, {
            mail(VICTIM, &signed(&clear.replace("Message-ID", "Content-Description: We withdraw\nMessage-ID")), &[])
        }),
        case("no date", Be(SignatureState::Mismatch), {
            let mut raw = String::from_utf8(from(VICTIM)).expect("7-bit");
            raw = raw.replacen(&format!("Date: {date}\r\n"), "", 1);
            raw.into_bytes()
        }),
        case("date with a comment and an old zone", Good, {
            let signature = packet_of(signature_of(&mut victim_pair(), &content(), same));
            let frame = signed_frame(&content(), &signature, PGP);
            mail(VICTIM, &frame, &[("Date", "5 May 26 03:00 PDT (at last)")])
        }),
        case("date in two places, the first cannot be read", Be(SignatureState::Mismatch), {
            let signature = packet_of(signature_of(&mut victim_pair(), &content(), same));
            let frame = signed_frame(&content(), &signature, PGP);
            mail(VICTIM, &frame, &[("Date", "never"), ("Date", &date)])
        }),
        case(
            "from a route",
            Be(SignatureState::Mismatch),
            from(&format!("<@attacker.example:{ATTACKER}>, <{VICTIM}>")),
        ),
        case("from with two angle brackets", Be(SignatureState::Mismatch), from(&format!("<{VICTIM}> <{ATTACKER}>"))),
        case("from with two angle brackets, turned", Be(SignatureState::Mismatch), {
            from(&format!("<{ATTACKER}> <{VICTIM}>"))
        }),
        case("from in a display name alone", Be(SignatureState::Mismatch), from(&format!("\"{VICTIM}\""))),
        case("from followed by an address", Be(SignatureState::Mismatch), from(&format!("{VICTIM} {ATTACKER}"))),
        case(
            "from with a quoted local part",
            Be(SignatureState::Mismatch),
            from("\"h.lintwhite x\"@copfs.gov.example"),
        ),
        case("from with a trailing dot", Be(SignatureState::Mismatch), from(&format!("{VICTIM}."))),
        case("from with a NUL", Be(SignatureState::Mismatch), from(&format!("{VICTIM}\0@attacker.example"))),
        case("from with a semicolon", Be(SignatureState::Mismatch), from(&format!("{ATTACKER}; {VICTIM}"))),
    ]);
    insta::assert_snapshot!(told);
}

/// Cleartext signatures with tricks in them.
#[test]
fn a_cleartext_signature_is_over_its_lines() {
    let block = cleartext(&CAST.victim, &format!("We accept the {CANARY}.\n- of course\n-----\nHamish\n"));
    let inline = |content: &str| mail(VICTIM, &plain_text(content), &[]);
    let quoting = cleartext(
        &CAST.victim,
        &format!("We accept the {CANARY}.\n-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\nno more\n"),
    );
    let binary = {
        let text = format!("We accept the {CANARY}.");
        let signature = signature_of(&mut victim_pair(), text.as_bytes(), same);
        let mut armored = Vec::new();
        let mut writer = openpgp::armor::Writer::new(&mut armored, openpgp::armor::Kind::Signature).expect("a writer");
        Packet::from(signature).serialize(&mut writer).expect("written");
        writer.finalize().expect("written");
        let armored = String::from_utf8(armored).expect("ASCII");
        format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{text}\n{armored}")
    };
    let told = told_all(vec![
        case("the control, cleartext", Good, inline(&block)),
        case("dash escapes left out", Be(SignatureState::Bad), inline(&block.replace("- - of", "- of"))),
        case("a line escaped that need not be", Good, inline(&block.replace("We accept", "- We accept"))),
        case("a quoted signature in it", Good, inline(&quoting)),
        case("a quoted signature that is not escaped", Be(SignatureState::Bad), {
            inline(&quoting.replace("- -----BEGIN", "-----BEGIN").replace("- -----END", "-----END"))
        }),
        case("spaces at the ends of lines", Good, inline(&block.replace("Hamish\n", "Hamish   \t\n"))),
        case("a form feed at the end of a line", Be(SignatureState::Bad), {
            inline(&block.replace("Hamish\n", "Hamish\u{c}\n"))
        }),
        case(
            "a bare CR in a line",
            Be(SignatureState::Bad),
            inline(&block.replace("Hamish\n", "Hamish\rWe withdraw.\n")),
        ),
        case("CR LF throughout", Good, inline(&block.replace('\n', "\r\n"))),
        case(
            "the hash header twice",
            Good,
            inline(&block.replacen("Hash: SHA512\n", "Hash: SHA512\nHash: SHA256\n", 1)),
        ),
        case("a wrong hash header", Good, inline(&block.replacen("Hash: SHA512", "Hash: MD5", 1))),
        case("a charset header", Be(SignatureState::Partial), {
            inline(&block.replacen("Hash: ", "Charset: utf-8\nHash: ", 1))
        }),
        case("white space after the hash", Be(SignatureState::Bad), {
            inline(&block.replacen("Hash: SHA512\n\n", "Hash: SHA512\n \t\nWe withdraw.\n\n", 1))
        }),
        case("a binary signature", Be(SignatureState::Bad), inline(&binary)),
        case("a charset that would say something else", Good, {
            let text = [b"Content-Type: text/plain; charset=utf-7\r\n\r\n".as_slice(), block.as_bytes()].concat();
            mail(VICTIM, &text, &[])
        }),
        case("in HTML", Be(SignatureState::None), mail(VICTIM, &html(&format!("<pre>{block}</pre>")), &[])),
        case("comment in the signature's armor", Good, {
            inline(&block.replacen("BEGIN PGP SIGNATURE-----\n", "BEGIN PGP SIGNATURE-----\nComment: We withdraw\n", 1))
        }),
        case("text in the signature's armor", Be(SignatureState::Bad), {
            inline(&block.replacen("-----END PGP SIG", "We withdraw from all of it.\n-----END PGP SIG", 1))
        }),
    ]);
    insta::assert_snapshot!(told);
}
