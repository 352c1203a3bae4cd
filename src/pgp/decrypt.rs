//! Ciphertext opened (RFC 9580 §5.13, §10.3): read to its end as it comes, handed over only once all of it has been checked.
//!
//! What went wrong with a ciphertext that was made for us is never told in detail, and not one byte of it is handed over (EFAIL's
//! gadgets, RFC 9580 §13.7): missing or wrong MDC, a damaged AEAD chunk, a cut end are all the same *failed*.

use std::io::{self, Read};

use jiff::Timestamp;
use openpgp::cert::prelude::Cert;
use openpgp::crypto::SessionKey;
use openpgp::packet::{PKESK, Packet, SKESK, Tag};
use openpgp::parse::stream::{DecryptionHelper, DecryptorBuilder, MessageStructure, VerificationHelper};
use openpgp::parse::{PacketParser, PacketParserResult, Parse as _};
use openpgp::policy::StandardPolicy;
use openpgp::types::SymmetricAlgorithm;
use openpgp::{KeyHandle, KeyID};
use sequoia_openpgp as openpgp;
use zeroize::Zeroizing;

use super::certificate::policy_at;
use super::keyring::{Keyring, is_rsa};
use super::large::{Trouble, Watched};
use super::open::Decrypt;
use super::verdict::Checked;
use super::verify::{Observer, skewed};
use super::warning::Warning;

/// No plaintext larger than this is opened in memory.
const PLAINTEXT_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Nor one larger than this anywhere.
const SPOOLED_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// A plaintext may always be this large, however small its ciphertext is.
const PLAINTEXT_BYTES_FREE: u64 = 16 * 1024 * 1024;

/// Beyond that it may be this many times its ciphertext: 43 KB that become 4 GiB are not mail.
const EXPANSION_MAX: u64 = 64;

/// What the library works on at a time. It need not hold the whole: what it has not checked yet is kept here and wiped if it fails.
const BUFFER_BYTES: usize = 64 * 1024;

/// How many session keys are tried: each costs a public-key operation.
const SESSION_KEYS_MAX: usize = 64;

/// What came of it.
pub(super) enum Decrypted {
    /// The plaintext, whole and checked; empty where it went elsewhere as it came.
    Plain(Zeroizing<Vec<u8>>),
    /// There is no ciphertext in it: it is only compressed or literal, and anyone could read it. Its content.
    NotEncrypted(Vec<u8>),
    /// No key that may be used fits.
    NoKey,
    /// An RSA key would fit, and may not be used now.
    RsaNotNow,
    /// Only a passphrase would open it.
    PassphraseOnly,
    /// GnuPG's own OCB packet.
    GnupgOcb,
    /// It was altered, or its integrity is not protected.
    Failed,
    /// Too large.
    TooLarge,
    /// No OpenPGP at all.
    Malformed,
}

impl Decrypted {
    /// What to tell about it; nothing where it is open, or failed, which has a state of its own.
    pub(super) fn warning(&self) -> Option<Warning> {
        match self {
            Self::Plain(_) | Self::Failed => None,
            Self::NotEncrypted(_) => Some(Warning::NotEncrypted),
            Self::NoKey => Some(Warning::NoSecretKey),
            Self::RsaNotNow => Some(Warning::RsaNotOpened),
            Self::PassphraseOnly => Some(Warning::PassphraseOnly),
            Self::GnupgOcb => Some(Warning::GnupgOcb),
            Self::TooLarge => Some(Warning::TooLarge),
            Self::Malformed => Some(Warning::MalformedStructure),
        }
    }
}

/// Whether the bytes are ciphertext of whatever kind, binary or armored. Opens nothing.
pub(super) fn is_ciphertext(bytes: &[u8]) -> bool {
    matches!(
        Head::of(PacketParser::from_bytes(bytes).ok()).container,
        Container::Protected | Container::Unprotected | Container::GnupgOcb
    )
}

/// What is learned on the way.
struct Opening<'k> {
    observer: Observer<'k>,
    may_decrypt: Decrypt,
    recipients: Vec<String>,
    key_fits: bool,
    rsa_left_out: bool,
}

/// A ciphertext opened: what came of it, the key ids it was made for, and the signatures inside.
pub(super) struct Outcome {
    pub(super) decrypted: Decrypted,
    pub(super) recipients: Vec<String>,
    pub(super) signatures: Vec<Checked>,
}

/// Opens an OpenPGP message, binary or armored.
pub(super) fn decrypt(ciphertext: &[u8], keyring: &Keyring, now: Timestamp, may_decrypt: Decrypt) -> Outcome {
    let mut opening = Opening::new(keyring, now, may_decrypt);
    let mut plain = Zeroizing::new(Vec::with_capacity(ciphertext.len()));
    let size = u64::try_from(ciphertext.len()).unwrap_or(u64::MAX);
    let mut take = |piece: &[u8]| {
        plain.extend_from_slice(piece);
        Ok(())
    };
    let result = DecryptorBuilder::from_bytes(ciphertext)
        .and_then(|builder| read(builder, cap(size, PLAINTEXT_BYTES_MAX), &mut opening, now, &mut take));
    opening.outcome(result, plain, || Head::of(PacketParser::from_bytes(ciphertext).ok()))
}

/// As [`decrypt`], of a stream of about `size` bytes that `open` begins, for a plaintext that is not held: `take` gets it as it comes, and must
/// keep it from everybody until this says that it is whole and checked.
///
/// # Errors
/// The stream cannot be read, or `take` fails.
pub(super) fn decrypt_stream<'s>(
    open: &dyn Fn() -> io::Result<Box<dyn Read + Send + 's>>,
    size: u64,
    take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    keyring: &Keyring,
    now: Timestamp,
    may_decrypt: Decrypt,
) -> io::Result<Outcome> {
    let trouble = Trouble::default();
    let mut opening = Opening::new(keyring, now, may_decrypt);
    let ciphertext = Watched::new(open()?, &trouble);
    let mut take = |piece: &[u8]| take(piece).map_err(|error| trouble.note(error));
    let result = DecryptorBuilder::from_reader(ciphertext)
        .and_then(|builder| read(builder, cap(size, SPOOLED_BYTES_MAX), &mut opening, now, &mut take));
    trouble.check()?;
    let again = Watched::new(open()?, &trouble);
    let outcome = opening.outcome(result, Zeroizing::default(), || Head::of(PacketParser::from_reader(again).ok()));
    trouble.check()?;
    Ok(outcome)
}

/// How large a plaintext may be.
fn cap(size: u64, most: u64) -> u64 {
    size.saturating_mul(EXPANSION_MAX).clamp(PLAINTEXT_BYTES_FREE, most)
}

impl<'k> Opening<'k> {
    fn new(keyring: &'k Keyring, now: Timestamp, may_decrypt: Decrypt) -> Self {
        Self {
            observer: Observer::new(keyring, now),
            may_decrypt,
            recipients: Vec::new(),
            key_fits: false,
            rsa_left_out: false,
        }
    }

    /// What came of it. `whole`: whether the plaintext was read to its end, or was too large.
    fn outcome(self, whole: openpgp::Result<bool>, plain: Zeroizing<Vec<u8>>, head: impl FnOnce() -> Head) -> Outcome {
        let Opening { observer, mut recipients, key_fits, rsa_left_out, .. } = self;
        let decrypted = match whole {
            Ok(true) if observer.encrypted => Decrypted::Plain(plain),
            Ok(true) => Decrypted::NotEncrypted(plain.to_vec()),
            // Too large to look at; what kind of packet it is can still be told.
            Ok(false) => match head().container {
                Container::Clear => Decrypted::NotEncrypted(Vec::new()),
                _ => Decrypted::TooLarge,
            },
            Err(_) => {
                let head = head();
                recipients = head.recipients;
                // Packets that do not fit together are not even tried; made for us they were nevertheless.
                let named = !rsa_left_out && recipients.iter().any(|id| observer.keyring.unlocks(id));
                match head.container {
                    Container::None | Container::Clear => Decrypted::Malformed,
                    Container::GnupgOcb => Decrypted::GnupgOcb,
                    // No integrity protection at all: never opened, whoever it was made for.
                    Container::Unprotected => Decrypted::Failed,
                    Container::Protected if key_fits || named => Decrypted::Failed,
                    Container::Protected if rsa_left_out => Decrypted::RsaNotNow,
                    Container::Protected if head.passphrase && recipients.is_empty() => Decrypted::PassphraseOnly,
                    Container::Protected => Decrypted::NoKey,
                }
            }
        };
        let signatures = match decrypted {
            Decrypted::Plain(_) | Decrypted::NotEncrypted(_) => observer.signatures,
            _ => Vec::new(),
        };
        Outcome { decrypted, recipients, signatures }
    }
}

/// Reads the plaintext to its end; `false` if it is too large. The end is where the library has checked all of it (MDC, the last AEAD
/// tag, the signatures): what was read before is given to nobody until then, and wiped where the end is never reached.
fn read(
    builder: DecryptorBuilder<'_>,
    cap: u64,
    opening: &mut Opening<'_>,
    now: Timestamp,
    take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> openpgp::Result<bool> {
    let policy = reading_policy(now);
    let mut decryptor = builder.buffer_size(BUFFER_BYTES).with_policy(&policy, skewed(now), opening)?;
    // No larger than the library's own buffer: asked for more at once, it takes the end of its buffer for the end of the message, and
    // reads all that is left into memory beside ours.
    let mut piece = Zeroizing::new(vec![0_u8; BUFFER_BYTES / 2]);
    let mut bytes = 0_u64;
    loop {
        let count = decryptor.read(&mut piece)?;
        if count == 0 {
            return Ok(true);
        }
        take(piece.get(..count).unwrap_or_default())?;
        bytes = bytes.saturating_add(count as u64);
        if bytes > cap {
            return Ok(false);
        }
    }
}

/// Old mail is old: these ciphers are no reason to withhold it, as long as its integrity is protected.
fn reading_policy(now: Timestamp) -> StandardPolicy<'static> {
    let mut policy = policy_at(now);
    #[expect(deprecated, reason = "read only, never written")]
    let old = [SymmetricAlgorithm::TripleDES, SymmetricAlgorithm::CAST5, SymmetricAlgorithm::Blowfish];
    for cipher in old {
        policy.accept_symmetric_algo(cipher);
    }
    policy
}

impl VerificationHelper for &mut Opening<'_> {
    fn get_certs(&mut self, ids: &[KeyHandle]) -> openpgp::Result<Vec<Cert>> {
        (&mut self.observer).get_certs(ids)
    }

    fn check(&mut self, structure: MessageStructure<'_>) -> openpgp::Result<()> {
        self.observer.observe(structure);
        Ok(())
    }
}

impl DecryptionHelper for &mut Opening<'_> {
    fn decrypt(
        &mut self,
        pkesks: &[PKESK],
        _skesks: &[SKESK],
        cipher: Option<SymmetricAlgorithm>,
        decrypt: &mut dyn FnMut(Option<SymmetricAlgorithm>, &SessionKey) -> bool,
    ) -> openpgp::Result<Option<Cert>> {
        self.recipients = pkesks.iter().map(recipient_id).collect();
        let keyring = self.observer.keyring;
        // Named recipients first, then hidden ones, for which every key of ours is tried.
        let (named, hidden): (Vec<&PKESK>, Vec<&PKESK>) = pkesks.iter().partition(|pkesk| pkesk.recipient().is_some());
        let mut tries = 0_usize;
        for pkesk in named.into_iter().chain(hidden) {
            let recipient = pkesk.recipient();
            for (pair, _) in keyring.decryptors(recipient.as_ref()) {
                let algorithm = pair.public().pk_algo();
                if algorithm != pkesk.pk_algo() {
                    continue;
                }
                if self.may_decrypt == Decrypt::NotRsa && (is_rsa(algorithm) || pair.is_with_agent()) {
                    self.rsa_left_out = true;
                    continue;
                }
                tries = tries.saturating_add(1);
                if tries > SESSION_KEYS_MAX {
                    return Err(openpgp::Error::MissingSessionKey("too many session keys".to_owned()).into());
                }
                // A hidden recipient may be someone else: only a key that opened something is known to fit.
                self.key_fits |= recipient.is_some();
                let mut pair = pair.clone();
                if pkesk.decrypt(&mut pair, cipher).is_some_and(|(cipher, key)| decrypt(cipher, &key)) {
                    self.key_fits = true;
                    return Ok(None);
                }
            }
        }
        Err(openpgp::Error::MissingSessionKey("no key of ours".to_owned()).into())
    }
}

/// The key id that a session key was encrypted to.
fn recipient_id(pkesk: &PKESK) -> String {
    pkesk.recipient().map_or_else(|| "0".repeat(16), |handle| KeyID::from(handle).to_hex())
}

/// What the packets before and of the ciphertext say, without opening it.
struct Head {
    recipients: Vec<String>,
    passphrase: bool,
    container: Container,
}

/// What kind of packet holds the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Container {
    /// Encrypted with integrity protection (tag 18).
    Protected,
    /// Encrypted without (tag 9).
    Unprotected,
    /// Tag 20, which GnuPG 2.3 and later write and RFC 9580 reserves.
    GnupgOcb,
    /// Literal, compressed or signed.
    Clear,
    /// None was found.
    None,
}

impl Head {
    /// Reads up to the container.
    fn of(first: Option<PacketParserResult<'_>>) -> Self {
        let mut head = Self { recipients: Vec::new(), passphrase: false, container: Container::None };
        let mut next = first;
        let mut packets = 0_usize;
        while let Some(PacketParserResult::Some(parser)) = next {
            match (&parser.packet, parser.packet.tag()) {
                (Packet::PKESK(pkesk), _) => head.recipients.push(recipient_id(pkesk)),
                (Packet::SKESK(_), _) => head.passphrase = true,
                (_, Tag::SEIP) => head.container = Container::Protected,
                (_, Tag::SED) => head.container = Container::Unprotected,
                (_, Tag::AED) => head.container = Container::GnupgOcb,
                (_, Tag::Literal | Tag::CompressedData | Tag::OnePassSig | Tag::Signature) => {
                    head.container = Container::Clear;
                }
                _ => {}
            }
            packets = packets.saturating_add(1);
            if head.container != Container::None || packets > 1_000 {
                break;
            }
            next = parser.next().ok().map(|(_, next)| next);
        }
        head
    }
}
