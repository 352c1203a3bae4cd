//! casemail: a keyboard-driven terminal mail client for criminal-justice practitioners.
//!
//! It connects to IMAP and SMTP over TLS only, shows mail as threads per criminal case, opens and seals OpenPGP mail in place, and works
//! from a sealed local cache when the network is down. This text is the architecture: what is where, what never happens, how things
//! flow, and where to add something.
//!
//! # The floors
//!
//! Imports point down only; `tests/it/tidy.rs` fails on one that does not, and on a foreign type outside its room.
//!
//! | floor | rooms | |
//! |---|---|---|
//! | 5 | [`cli`] · [`terminal`] · [`demo`] | wiring: headless front end; tty and run loop; embedded servers with fictional cases |
//! | 4 | [`engine`] · [`ui`] | the engine performs effects, is the sole writer of the stores and holds the secrets; `ui` draws `&Model` |
//! | 3 | [`app`] · [`imap`] · [`smtp`] · [`export`] | the pure update; the protocols' connections; files of cases written out, with their manifest |
//! | 2 | [`keymap`] · [`config`] · [`store`] · [`net`] · [`register`] | keys to actions; the configuration; sealed stores; TCP, STARTTLS, TLS, the byte guard; what happened in each case, as chained streams, and the case book as their fold |
//! | 1 | [`action`] · [`case`] · [`plea`] · [`look`] · [`enclose`] · [`pgp`] · [`theme`] | every user intent; identifiers, carriage and filing; plea negotiations (it may import `case`); what is in a document, as text; files that go out: what is in them, how large they are; OpenPGP and its verdict; meanings to styles |
//! | 0 | [`mail`] · [`settings`] | messages as values; files that a person edits, as values with places |
//!
//! Pure, that is without a clock, a file, a socket, an environment or a thread: `mail`, `settings`, `theme`, `action`, `case`, `plea`, `enclose`, `register`, `pgp` (the time and
//! the keys are arguments), `app` and `ui`. Of the foreign types, mail-parser's and html2text's stop in `mail`, sequoia's in `pgp`,
//! sled's, redb's and the cipher's in `store`, async-imap's in `imap`, lettre's in `mail` and `smtp`, rustls' in `net`, ratatui's in `ui`,
//! `theme` and `terminal`, crossterm's in `terminal`, clap's in `cli`, toml's in `settings`,
//! lopdf's in `plea` and `export`, zip's in `look`, `enclose` and `export`, those that read pictures, PDF and XML in `look`, the sandbox's in `engine`.
//!
//! # The loop
//!
//! [`app`]'s `update(&mut Model, Event) -> Vec<Effect>` runs on the main thread and decides everything; it does nothing. The effects go to
//! the [`engine`], which answers with events through one bounded channel. `Event` and `Effect` are closed enums. The engine commits to the
//! stores first and then says that something changed; the screen asks for what it shows. Key presses come from an input thread, and a
//! frame is drawn when the model changed, at most 60 times a second.
//!
//! # Where the truth is
//!
//! | data | truth | here |
//! |---|---|---|
//! | messages and their flags | the IMAP server | the cache (lists in sled, whole messages in segments beside it): may be deleted at any time, a sync brings it back |
//! | outgoing mail, the kept draft, certificates with every decision about them, own keys, changes not yet on the server and how to take them back | the state store (redb) | the same: durable, each commit on the disk before it is believed |
//! | cases: what they are, where mail was filed, what was received, sent, exported, overridden | the register: a stream of records for each device, chained and signed, in the state store; on the server as encrypted messages | the case book, a fold over the streams, in memory only |
//!
//! Both are sealed: every value is encrypted under keys that one passphrase opens, and bound to its place, so that a value moved elsewhere
//! does not open. Keys of rows are numbers. sled is the cache only, because a store that may fail to open after a crash may hold nothing
//! that cannot be fetched again.
//!
//! # How things flow
//!
//! *Key to screen.* input thread → `Event::Key` → the keymap → an action → the screen's update → effects, not waited for → draw.
//!
//! *A message in.* IDLE → the plan (pure: what we hold, what SELECT said) → `UID FETCH` in bounded batches through the byte guard → ingest:
//! parse → OpenPGP → protected headers win (RFC 9788), the outer ones are kept → summary → one transaction with the sync position → threads
//! (RFC 5256 REFERENCES, across mailboxes; only those that it touches) → cases → "changed". A message that fails is stored as undisplayable and costs its own row only.
//!
//! *A message out.* draft → built whole → recipients and their keys checked → signed and sealed → the guard ([`case`]'s rules, the engine's facts)
//! → shown for review → a yes or a reason where the guard asks → the very bytes that were reviewed go to the outbox, durably, before any connection → the guard once more → SMTP → a copy is appended to `\Sent`. A connection lost behind DATA leaves the
//! row *uncertain*: the server is searched for the Message-ID; it is never blindly sent again.
//!
//! *A plea offer out.* form → `Offer` (a value that cannot be invalid) → [`plea`]'s table and guards → a draft with the block at its head → the guard and the review
//! like any message → asked once more → outbox row and register event in one transaction. *In:* when a message of a case is written down in the register, a block in it is
//! entered beside it with what its signature is worth; where the negotiation stands is a fold over these entries, made at each look.
//!
//! *A change made here.* act → rows of a durable queue → shown at once, folded over what the server last said → told in order, equal ones joined,
//! conditional where the server can (RFC 7162) → the answer, a refusal or a taken-back step is folded anew. What must not be done twice is noted
//! before it is told, and looked for before it is repeated.
//!
//! # What never happens
//!
//! * No connection without verified TLS, and no option that would allow one. No byte from before a handshake is believed after it.
//! * Nothing that a message says is fetched, followed or run.
//! * No foreign text reaches the terminal but through [`mail::safe`]; no message text can reach the lines where our own verdicts stand.
//! * No plaintext of a ciphertext whose integrity is not known is shown, stored or searched; nothing deciphered shares a document with
//!   foreign parts.
//! * No secret in arguments, environment, configuration, logs, events or the model.
//! * No sequence number leaves [`imap`]; a message is (mailbox, UIDVALIDITY, UID) everywhere else.
//! * No key press waits for the network, the disk or a lock.
//!
//! # Words
//!
//! A *mailbox* is IMAP's; RFC 5322's mailbox is an *address*. A *thread* is of mail; concurrency is a *task* or *worker*. A *session* is IMAP's.
//! A *message* is mail; the loop's inputs are *events*, its outputs *effects*, a user's intents *actions*.
//!
//! # Where to add
//!
//! An action: `action` (name, doc, contexts), its case in the screen's update, its key in `keymaps/default.toml`; help, hints and palette follow by
//! themselves. A screen: a file of the same name in `app/screen` and `ui/screen`. A theme scope: the enum in `theme`, a line in both themes. An
//! IMAP extension: `imap/capability` and a branch of the plan with its row in the plan's table of tests. A record: a new version in `store` with
//! its migration and a fixture under `tests/data`.

pub mod action;
pub mod app;
pub mod case;
pub mod cli;
pub mod config;
pub mod demo;
pub mod enclose;
pub mod engine;
pub mod export;
pub mod imap;
pub mod keymap;
pub mod look;
pub mod mail;
pub mod net;
pub mod pgp;
pub mod plea;
pub mod register;
pub mod settings;
pub mod smtp;
pub mod store;
pub mod terminal;
pub mod theme;
pub mod ui;

#[cfg(not(any(feature = "pgp-rust", feature = "pgp-openssl")))]
compile_error!("choose an OpenPGP backend: the feature pgp-rust (default) or pgp-openssl");
#[cfg(all(feature = "pgp-rust", feature = "pgp-openssl"))]
compile_error!("choose one OpenPGP backend only: --no-default-features --features pgp-openssl");
