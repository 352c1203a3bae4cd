//! The integration tests, one binary: against real servers, real OpenPGP programs and the real program in a real terminal.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test may fail loudly, reads the environment and says what it leaves out; not every test uses all of a support file"
)]

mod alerts;
mod bad_line;
mod bounds;
mod changes;
mod cli;
mod connections;
mod corpus;
mod demo;
mod disk_full;
mod enclosing;
mod engine;
mod engine_order;
mod exchange;
mod export;
mod export_again;
mod export_large;
mod filing;
mod fuzzed;
mod guard;
mod imap;
mod imap_hostile;
mod imap_lanes;
mod imap_midway;
mod imap_missing;
mod imap_order;
mod imap_stuck;
mod imap_tls;
mod inner;
mod keys;
mod kill9;
mod life_of_a_key;
mod login;
mod logs;
mod moved_midway;
mod no_answer;
mod outbox;
mod passwords;
mod pgp_corpus;
mod pgp_deltachat;
mod pgp_files;
mod pgp_interop;
mod pgp_large;
mod pgp_layers;
mod pgp_neomutt;
mod pgp_peers;
mod pgp_rfc;
mod pgp_write;
mod pleas;
mod quarantine;
mod register;
mod resume;
mod scenario_cases;
mod scenario_documents;
mod scenario_pleas;
mod scenario_practice;
mod scenario_triage;
mod sending;
mod servers;
mod servers_whole;
mod smtp;
mod store;
mod strange;
mod support;
mod terminal;
mod tidy;
mod verdict;
mod walkthrough;
mod walkthrough_crash;
mod walkthrough_refusals;
mod winmail;
