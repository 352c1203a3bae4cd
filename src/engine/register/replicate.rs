//! Streams carried between devices: as OpenPGP messages, sealed to their owner, in a mailbox of an IMAP server.
//!
//! Each message carries a piece of one stream, signed by its device; the message is signed by the person. What comes in is believed only
//! where both signatures hold and the piece goes on where the stream ends here. Everything else is refused and named, and costs nothing
//! else: a damaged message, one of a stranger, a piece of which the beginning is missing, a stream that was written twice.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::sync::Arc;

use base64::Engine as _;
use serde::{Deserialize, Serialize};

use super::graves;
use super::handed::{Handed, highest};
use super::verify::OpenPgp;
use super::{Hand, Known, Loaded, Register, sign};
use crate::config::RegisterKnobs;
use crate::engine::core::{CoreHandle, EngineError, Settings, Stores};
use crate::engine::quarantine;
use crate::engine::reading::read_guarded;
use crate::engine::{Engine, ask};
use crate::imap;
use crate::mail::address::Address;
use crate::mail::build;
use crate::mail::id::MessageKey;
use crate::pgp::keyring::Keyring;
use crate::pgp::open::Decrypt;
use crate::pgp::report::{Acceptance, SignatureState};
use crate::pgp::seal;
use crate::register::bundle::{self, Bundle};
use crate::register::canonical;
use crate::register::chain::{self, Fault, Tip};
use crate::register::event::Payload;
use crate::register::head::Head;
use crate::register::record::{DeviceId, Digest, Record, Written};
use crate::store::flags::Flags;
use crate::store::mailbox::Mailbox;
use crate::store::state::{RegisterRow, StateError};

/// Records in one message at most.
const PIECE: usize = 2_000;
/// Bytes of a text at most, before it is compressed and after.
const TEXT_BYTES_MAX: u64 = 64 << 20;
/// What of the mailbox has been read, by this name among the values of the state store.
const READ: &str = "register/read";
/// The media type of what is carried.
const MEDIA_TYPE: &str = "application/vnd.casemail.register+zstd";

/// What of the mailbox has been read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct ReadSoFar {
    mailbox: String,
    uid_validity: u32,
    /// Everything up to here needs not be read again.
    uid: u32,
    /// Messages with pieces of the own stream: UID, first and last record.
    own: Vec<(u32, u64, u64)>,
    /// What was handed over and not seen there yet.
    handed: Handed,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replicated {
    /// The account.
    pub account: String,
    /// The mailbox, as the server calls it.
    pub mailbox: String,
    /// Records that came.
    pub received: u64,
    /// Records that were handed over.
    pub sent: u64,
    /// What was refused: the message's UID, and why.
    pub refused: Vec<(u32, String)>,
    /// What is missing, in words.
    pub missing: Vec<String>,
}

/// A piece that came, with the message that carried it.
struct Piece {
    uid: u32,
    bundle: Bundle,
    first: u64,
}

/// Everything that it takes.
pub(super) struct Carrier {
    pub(super) register: Register,
    pub(super) stores: Arc<Stores>,
    pub(super) settings: Arc<Settings>,
    pub(super) keyring: Arc<Keyring>,
    pub(super) author: Address,
    pub(super) signer: String,
    pub(super) core: CoreHandle,
}

/// The same name, whatever the server puts between its levels.
pub(crate) fn is_mailbox(knobs: &RegisterKnobs, name: &str) -> bool {
    let plain = |name: &str| name.replace(['.', '\\'], "/");
    plain(name) == plain(knobs.mailbox())
}

impl Carrier {
    fn hand(&self) -> Hand<'_> {
        Hand { stores: &self.stores, settings: &self.settings, keyring: &self.keyring }
    }

    fn kept(&self) -> Result<Option<ReadSoFar>, EngineError> {
        let known = self.stores.state.value(READ)?;
        Ok(known.and_then(|bytes| postcard::from_bytes(&bytes).ok()))
    }

    fn read_so_far(&self, mailbox: &Mailbox) -> Result<ReadSoFar, EngineError> {
        let known = self.kept()?;
        let fresh =
            || ReadSoFar { mailbox: mailbox.name.clone(), uid_validity: mailbox.uid_validity, ..ReadSoFar::default() };
        Ok(known
            .filter(|known| known.mailbox == mailbox.name && known.uid_validity == mailbox.uid_validity)
            .unwrap_or_else(fresh))
    }

    fn keep(&self, read: &ReadSoFar) -> Result<(), EngineError> {
        let bytes = postcard::to_allocvec(read).map_err(|error| EngineError::BadData(error.to_string()))?;
        Ok(self.stores.state.put(READ, &bytes)?)
    }

    /// Takes in what the mailbox holds. Blocks, and reads foreign bytes.
    fn take_in(&self, mailbox: &Mailbox, report: &mut Replicated) -> Result<ReadSoFar, EngineError> {
        let mut read = self.read_so_far(mailbox)?;
        let mut uids: Vec<u32> = self.stores.cache.held(mailbox.id)?.iter().map(|row| row.uid).collect();
        uids.sort_unstable();
        // Pieces of the own stream that somebody has removed are handed over again.
        read.own.retain(|(uid, ..)| uids.binary_search(uid).is_ok());
        let own = self.register.with(|loaded| loaded.own.as_ref().map(|own| own.device.clone()))?;
        let mut pieces: Vec<Piece> = Vec::new();
        let mut unread = u32::MAX;
        for uid in uids.iter().copied().filter(|uid| *uid > read.uid) {
            match self.open(MessageKey { mailbox: mailbox.id, uid }) {
                Ok(Some(bundles)) => {
                    for bundle in bundles {
                        let first = bundle.head.seq.saturating_sub(bundle.rows.len() as u64).saturating_add(1);
                        if own.as_ref() == Some(&bundle.head.device) {
                            read.own.push((uid, first, bundle.head.seq));
                        }
                        pieces.push(Piece { uid, bundle, first });
                    }
                }
                // Not here yet: the sync brings it.
                Ok(None) => unread = unread.min(uid),
                Err(words) => report.refused.push((uid, words)),
            }
        }
        pieces.sort_by(|a, b| (&a.bundle.head.device, a.first, a.uid).cmp(&(&b.bundle.head.device, b.first, b.uid)));
        for piece in &pieces {
            match self.register.with(|loaded| loaded.admit(&self.hand(), piece))? {
                Ok(records) => report.received = report.received.saturating_add(records),
                Err(Refusal::Gap { after }) => {
                    unread = unread.min(piece.uid);
                    let words = format!(
                        "records {} to {} of the device {} are not in the mailbox",
                        after.saturating_add(1),
                        piece.first.saturating_sub(1),
                        piece.bundle.head.device
                    );
                    if !report.missing.contains(&words) {
                        report.missing.push(words);
                    }
                }
                Err(Refusal::Wrong(words)) => report.refused.push((piece.uid, words)),
                Err(Refusal::Failed(error)) => return Err(*error),
            }
        }
        if let Some(last) = uids.last() {
            read.uid = (*last).min(unread.saturating_sub(1)).max(read.uid);
        }
        read.own.sort_unstable();
        read.own.dedup();
        read.handed.look(&uids, mailbox.state.uid_next, &read.own);
        self.keep(&read)?;
        self.destroy_elsewhere()?;
        Ok(read)
    }

    /// The pieces in a message; `None` where its bytes are not here.
    fn open(&self, key: MessageKey) -> Result<Option<Vec<Bundle>>, String> {
        let raw = self.stores.cache.raw(key).map_err(|error| error.to_string())?;
        let Some(raw) = raw else { return Ok(None) };
        let terms = self.settings.terms(Decrypt::Any);
        let reading = read_guarded(&raw.into(), &self.keyring, &terms).ok_or("it cannot be read")?;
        let report = &reading.opened.report;
        if !(report.encrypted && report.decrypted) {
            return Err("it is not sealed to a key of this profile".to_owned());
        }
        let signature = &report.signature;
        let team = &self.settings.config.register.team;
        let is_trusted = signature.state == SignatureState::Good
            && signature.signer.as_ref().is_some_and(|signer| {
                signer.acceptance == Acceptance::Own
                    || (signer.acceptance.is_accepted() && team.contains(&signer.fingerprint))
            });
        if !is_trusted {
            let who = signature.signer.as_ref().map_or("nobody who is known here", |signer| signer.user_id.as_str());
            return Err(format!("it is not signed by you or by somebody of your team, but by {who}"));
        }
        let shown = &reading.opened.shown;
        let part = shown.parts().iter().find(|part| part.media_type == MEDIA_TYPE).ok_or("it carries no register")?;
        let packed = shown.content(part);
        let mut text = Vec::new();
        let unpacked = zstd::Decoder::new(packed.as_slice())
            .and_then(|decoder| decoder.take(TEXT_BYTES_MAX.saturating_add(1)).read_to_end(&mut text));
        if unpacked.is_err() || text.len() as u64 > TEXT_BYTES_MAX {
            return Err("what it carries is damaged".to_owned());
        }
        bundle::read(&text).map(Some).map_err(|error| format!("what it carries is no register: {error}"))
    }

    /// Takes in what is in the mailbox, as far as it is held here; gives what is to be handed over. Blocks, where the stack is deep.
    pub(super) fn take_in_and_hand_over(
        &self,
        held: Option<&Mailbox>,
        report: &mut Replicated,
    ) -> Result<Vec<(Vec<u8>, u64, u64)>, EngineError> {
        let read = match held {
            Some(held) => self.take_in(held, report)?,
            // It was made just now, and no sync has seen it yet.
            None => self.kept()?.filter(|kept| kept.mailbox == report.mailbox).unwrap_or_default(),
        };
        self.outgoing(&read)
    }

    /// Puts a message into the mailbox.
    pub(super) async fn append(
        handle: &imap::Handle,
        mailbox: &str,
        message: Vec<u8>,
    ) -> Result<Option<(u32, u32)>, imap::Error> {
        let flags = Flags::new(Flags::SEEN, Vec::new());
        handle.append(mailbox.to_owned(), message.into(), flags, None).await.map(|appended| appended.uid)
    }

    /// Notes that records of the own stream were handed over. `uid`: the message's UIDVALIDITY and UID, where the server said them; `next`: UIDNEXT of
    /// the last sync before.
    pub(super) fn note_handed(
        &self,
        mailbox: &str,
        uid: Option<(u32, u32)>,
        next: Option<u32>,
        (first, last): (u64, u64),
    ) -> Result<(), EngineError> {
        let validity = uid.map(|(validity, _)| validity);
        let is_same =
            |kept: &ReadSoFar| kept.mailbox == mailbox && validity.is_none_or(|validity| validity == kept.uid_validity);
        let mut read = self.kept()?.filter(is_same).unwrap_or_else(|| ReadSoFar {
            mailbox: mailbox.to_owned(),
            uid_validity: validity.unwrap_or(0),
            ..ReadSoFar::default()
        });
        let after = highest(&[read.uid], next);
        read.handed.note(uid.map(|(_, uid)| uid), after, first, last);
        self.keep(&read)
    }

    /// What another device has destroyed is destroyed here, too, unless the case is on hold here: the messages, then the texts.
    fn destroy_elsewhere(&self) -> Result<(), EngineError> {
        let (destroyed, book) = self.register.with(|loaded| (loaded.destroyed_cases(), loaded.book()))?;
        // What another device has put out of reach leaves the cache here, too.
        quarantine::follow(&self.core, &self.stores, &book)?;
        graves::follow(&self.core, &self.stores, destroyed)?;
        self.register.with(|loaded| loaded.redact_destroyed(&self.stores))?
    }

    /// The own records that the mailbox lacks, as messages; with each the last record.
    fn outgoing(&self, read: &ReadSoFar) -> Result<Vec<(Vec<u8>, u64, u64)>, EngineError> {
        let Some((number, tip)) = self.register.with(|loaded| {
            let own = loaded.own.as_ref()?;
            loaded.streams.get(&own.device).map(|known| (known.number, known.tip.clone()))
        })?
        else {
            return Ok(Vec::new());
        };
        let covered = read.handed.covered(&read.own);
        if covered >= tip.seq {
            return Ok(Vec::new());
        }
        let mut rows: Vec<Written> = Vec::new();
        let mut damaged = None;
        self.stores.state.register_rows(number, covered.saturating_add(1), &mut |_, row| match row {
            Ok(row) => {
                rows.push(Written { record: row.record, payload: row.payload });
                true
            }
            Err(error) => {
                damaged = Some(error);
                false
            }
        })?;
        let mut messages = Vec::new();
        let mut first = covered.saturating_add(1);
        for some in rows.chunks(PIECE) {
            let last = first.saturating_add(some.len() as u64).saturating_sub(1);
            messages.push((self.message(&tip.device, some, last)?, first, last));
            first = last.saturating_add(1);
        }
        match damaged {
            Some(error) if messages.is_empty() => Err(error.into()),
            _ => Ok(messages),
        }
    }

    /// A message with a piece of the own stream.
    fn message(&self, device: &DeviceId, rows: &[Written], last: u64) -> Result<Vec<u8>, EngineError> {
        let bad = |error: canonical::CanonicalError| EngineError::BadData(error.to_string());
        let now = self.settings.clock.now();
        let hash = rows.last().map_or(Digest::NOTHING, |row| Digest::of(&row.record));
        let end = Tip { device: device.clone(), seq: last, hash, order: 0 };
        let head = self.register.with(|loaded| {
            let own = loaded.own.as_ref().ok_or(EngineError::Ended)?;
            sign(&end, &own.secret, now)
        })??;
        let head: Head = serde_json::from_slice(&head).map_err(|error| EngineError::BadData(error.to_string()))?;
        let mut text = format!("{}\n", bundle::HEADER).into_bytes();
        text.extend(bundle::write(&Bundle { rows: rows.to_vec(), head }).map_err(bad)?);
        let packed = zstd::encode_all(text.as_slice(), 6)?;
        let mut entity = format!(
            "Content-Type: {MEDIA_TYPE}; name=\"register.zst\"\r\nContent-Disposition: attachment; filename=\"register.zst\"\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n"
        )
        .into_bytes();
        for line in base64::engine::general_purpose::STANDARD.encode(packed).as_bytes().chunks(76) {
            entity.extend_from_slice(line);
            entity.extend_from_slice(b"\r\n");
        }
        let date = jiff::fmt::rfc2822::to_string(&now.to_zoned(self.settings.zone.clone()))
            .map_err(|error| EngineError::BadData(error.to_string()))?;
        let address = format!("<{}>", self.author.addr);
        // The same piece goes by the same name, however often it is handed over.
        let first = last.saturating_sub(rows.len() as u64).saturating_add(1);
        let name = Digest::of(format!("{device} {first} {last} {hash}").as_bytes());
        let mut id = [0; 16];
        id.iter_mut().zip(name.0).for_each(|(to, from)| *to = from);
        let fields: Vec<(String, String)> = [
            ("From", address.clone()),
            ("To", address),
            ("Date", date),
            ("Subject", format!("casemail register {} to {last}", device.short())),
            ("Message-ID", format!("<{}>", build::message_id(id, &self.author))),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        let team = &self.settings.config.register.team;
        Ok(seal::seal(&entity, &fields, team, &self.keyring, &self.signer, now)?.assemble())
    }
}

/// Why a piece is not taken in.
enum Refusal {
    /// Its beginning is missing: the stream ends here after this record.
    Gap { after: u64 },
    /// In words.
    Wrong(String),
    /// The store.
    Failed(Box<EngineError>),
}

impl From<StateError> for Refusal {
    fn from(error: StateError) -> Self {
        Self::Failed(Box::new(error.into()))
    }
}

impl Loaded {
    /// Takes in a piece of a stream; gives how many of its records were new.
    fn admit(&mut self, hand: &Hand<'_>, piece: &Piece) -> Result<u64, Refusal> {
        let Bundle { rows, head } = &piece.bundle;
        let known = self.streams.get(&head.device).cloned();
        let mut tip = known.as_ref().map_or_else(|| Tip::start(head.device.clone()), |known| known.tip.clone());
        let wrong =
            |seq: u64, fault: &Fault| Refusal::Wrong(format!("record {seq} of the device {}: {fault}", head.device));
        let twice = |seq: u64| {
            Refusal::Wrong(format!(
                "the device {} has written record {seq} twice, differently: its profile was copied, or put back from a backup; \
                 what is here was kept",
                head.device
            ))
        };
        if piece.first > tip.seq.saturating_add(1) {
            return Err(Refusal::Gap { after: tip.seq });
        }
        if rows.is_empty() || piece.first == 0 {
            return Err(Refusal::Wrong("it carries no record".to_owned()));
        }
        let mut fresh: Vec<(Record, &Written)> = Vec::new();
        for (seq, row) in (piece.first..).zip(rows) {
            if seq <= tip.seq && fresh.is_empty() {
                // Known already: it has to be the very same, or somebody has written the stream twice.
                let here = known.as_ref().map(|known| hand.stores.state.register_row(known.number, seq)).transpose()?;
                if here.flatten().is_some_and(|here| here.record != row.record) {
                    return Err(twice(seq));
                }
                continue;
            }
            let record = tip.step(&row.record).map_err(|fault| match fault {
                Fault::Unchained if fresh.is_empty() && seq > 1 => twice(seq.saturating_sub(1)),
                fault => wrong(seq, &fault),
            })?;
            chain::check_payload(&record, row.payload.as_deref()).map_err(|fault| wrong(seq, &fault))?;
            fresh.push((record, row));
        }
        if fresh.is_empty() {
            return Ok(0);
        }
        let signatures = OpenPgp { now: hand.settings.clock.now() };
        let certificate = match fresh.first() {
            Some((first, row)) if first.seq == 1 => {
                chain::certificate(first, row.payload.as_deref(), &signatures).map_err(|fault| wrong(1, &fault))?
            }
            _ => self.book.devices().get(&head.device).map(|device| device.certificate.clone()).unwrap_or_default(),
        };
        if head.seq != tip.seq || head.hash != tip.hash || !head.is_signed_by(&certificate, &signatures) {
            return Err(wrong(tip.seq, &Fault::Signature));
        }
        let signed = canonical::write(head).map_err(|error| Refusal::Wrong(error.to_string()))?;
        let kept: Vec<RegisterRow> = fresh
            .iter()
            .map(|(_, row)| RegisterRow { record: row.record.clone(), payload: row.payload.clone() })
            .collect();
        let first = fresh.first().map_or(1, |(record, _)| record.seq);
        let number = hand.stores.state.write(|write| {
            let number = match &known {
                Some(known) => known.number,
                None => write.add_register_stream(&head.device.0)?,
            };
            write.append_register(number, first, &kept, &signed)?;
            Ok(number)
        })?;
        self.streams.insert(head.device.clone(), Known { number, tip });
        let count = fresh.len() as u64;
        for (record, row) in fresh {
            let event = row.payload.as_deref().and_then(|bytes| Payload::read(bytes).ok()).map(|payload| payload.event);
            self.take_in(number, &record, Digest::of(&row.record), event.as_ref());
        }
        Ok(count)
    }

    /// Cases that were destroyed and are not on hold here, each with the messages that went.
    pub(super) fn destroyed_cases(&self) -> Vec<(crate::mail::id::CaseId, BTreeSet<Digest>)> {
        let destructions = self.book.destructions().filter(|(case, _)| !self.book.is_held(case));
        destructions.map(|(case, certificate)| (case.clone(), certificate.digests.iter().copied().collect())).collect()
    }

    /// The number of the last own record; 0: there is none.
    pub(super) fn own_end(&self) -> u64 {
        let own = self.own.as_ref().and_then(|own| self.streams.get(&own.device));
        own.map_or(0, |known| known.tip.seq)
    }

    /// Takes out the texts that certificates of destruction name, of cases that are not on hold here.
    pub(super) fn redact_destroyed(&mut self, stores: &Stores) -> Result<(), EngineError> {
        let mut named: BTreeSet<Digest> = BTreeSet::new();
        let mut places: Vec<(u32, u64)> = Vec::new();
        for (case, certificate) in self.book.destructions() {
            if !self.book.is_held(case) {
                named.extend(certificate.texts.iter().copied());
                places.extend(self.history.of_case(case));
            }
        }
        let mut redact = Vec::new();
        for (stream, seq) in places {
            let Some(row) = stores.state.register_row(stream, seq)? else { continue };
            if row.payload.as_deref().is_some_and(|payload| named.contains(&Digest::of(payload))) {
                redact.push((stream, seq));
            }
        }
        if redact.is_empty() {
            return Ok(());
        }
        stores.state.write(|write| {
            redact.iter().try_for_each(|(stream, seq)| write.redact_register(*stream, *seq).map(drop))
        })?;
        Ok(())
    }
}

impl Engine {
    /// Takes in what other devices have handed over, and hands over what they lack. Makes the mailbox where there is none yet.
    ///
    /// # Errors
    /// [`EngineError::Locked`], no own OpenPGP key, or the server: what was taken in until then stays.
    pub fn replicate(&self) -> Result<Replicated, EngineError> {
        let (register, stores, keyring) = self.register_parts()?;
        let knobs = &self.settings.config.register;
        let wanted = Some(knobs.account.as_str()).filter(|name| !name.is_empty());
        let account = self.settings.config.account(wanted);
        let account =
            account.ok_or_else(|| EngineError::NoAccount(wanted.unwrap_or("(the first)").to_owned()))?.clone();
        let signer = keyring.signer_for(&account.address.addr, self.now()).ok_or_else(|| {
            EngineError::Refused(format!(
                "the register travels sealed to your own OpenPGP key, and there is none for {}; make one with `casemail key generate`, \
                 or take the one of your other device with `casemail key import`",
                account.address.addr
            ))
        })?;
        let carrier = Arc::new(Carrier {
            register,
            stores,
            settings: Arc::clone(&self.settings),
            keyring,
            author: account.address.clone(),
            signer,
            core: self.core.clone(),
        });
        let handle = self.connect_account(&account.name)?;
        let say = |error: imap::Error| ask::server(&account.name, &error);
        let mailbox = knobs.mailbox().to_owned();
        let mailbox = self.block_on(async { handle.create_mailbox(mailbox, None).await })?.map_err(say)?;
        self.sync_once(Some(&account.name), std::slice::from_ref(&mailbox))?;
        let mut report =
            Replicated { account: account.name.clone(), mailbox: mailbox.clone(), ..Replicated::default() };
        let mailboxes = carrier.stores.cache.mailboxes()?;
        let held =
            mailboxes.into_iter().filter(|m| m.account == account.name && m.name == mailbox).max_by_key(|m| m.id);
        let next = held.as_ref().and_then(|held| held.state.uid_next);
        let reader = Arc::clone(&carrier);
        let runtime = self.runtime.as_ref().ok_or(EngineError::Ended)?;
        // Where the stack is deep.
        let task = runtime.spawn_blocking(move || {
            let messages = reader.take_in_and_hand_over(held.as_ref(), &mut report)?;
            Ok::<_, EngineError>((messages, report))
        });
        let (messages, mut report) = self.block_on(task)?.map_err(|_| EngineError::Ended)??;
        for (message, first, last) in messages {
            let (handle, mailbox) = (handle.clone(), mailbox.clone());
            let to = mailbox.clone();
            let uid = self.block_on(async move { Carrier::append(&handle, &to, message).await })?.map_err(say)?;
            carrier.note_handed(&mailbox, uid, next, (first, last))?;
            report.sent = report.sent.saturating_add(last.saturating_sub(first).saturating_add(1));
        }
        self.core.front(crate::engine::core::Core::mark_changed);
        Ok(report)
    }
}
