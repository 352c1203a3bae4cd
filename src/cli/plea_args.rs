//! The arguments of `casemail plea`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Which negotiation.
#[derive(Args, Clone, Debug)]
pub(super) struct About {
    /// The case, by its id or one of its identifiers
    pub(super) case: String,
    /// The accused, by number (else the one you act for)
    #[arg(long, value_name = "N")]
    pub(super) accused: Option<u16>,
    /// The negotiation by its name, for instance PN-1.2 (else the one that goes on)
    #[arg(long, value_name = "NAME")]
    pub(super) negotiation: Option<String>,
}

/// How an act goes out.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct Going {
    /// Words below the block
    #[arg(long, value_name = "TEXT")]
    pub(super) below: Option<String>,
    /// A further recipient: asked about by the guard
    #[arg(long, value_name = "ADDRESS")]
    pub(super) cc: Vec<String>,
    /// A file to send along
    #[arg(long = "attach", value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// About which offer, where two crossed: D1, P1
    #[arg(long, value_name = "ACT")]
    pub(super) about: Option<String>,
    /// Only make and check it
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Say yes to what wants one; what is blocked stays blocked
    #[arg(long)]
    pub(super) confirm: bool,
    /// Send it though it is blocked: why, in 10 characters or more; the reason is recorded
    #[arg(long = "override", value_name = "REASON")]
    pub(super) because: Option<String>,
}

/// By what authority.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct Authority {
    /// client-instructions, instructed-counsel; own-decision, lead-prosecutor, crown-counsel
    #[arg(long, value_name = "NAME")]
    pub(super) authority: Option<String>,
    /// The day it was given, for instance 01/05/2026 (else today)
    #[arg(long, value_name = "DAY")]
    pub(super) since: Option<String>,
    /// What shows it: an attendance note, a letter; it stays here, privileged
    #[arg(long, value_name = "TEXT")]
    pub(super) shown_by: Option<String>,
}

/// What is offered.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct TermsOf {
    /// A charge: "1: guilty-as-amended; delete WORDS", "2: not-guilty-accepted" (one for each live charge)
    #[arg(long = "charge", value_name = "TERM")]
    pub(super) charges: Vec<String>,
    /// Basis of plea, or agreed narrative
    #[arg(long, value_name = "TEXT")]
    pub(super) basis: Option<String>,
    /// The same as a file, attached and named by its digest: a path, or case:NAME for a document of the case
    #[arg(long, value_name = "FILE", conflicts_with = "basis")]
    pub(super) basis_file: Option<String>,
    /// On what else all of it depends
    #[arg(long, value_name = "TEXT")]
    pub(super) conditions: Option<String>,
    /// Until when: 11/05/2026 12:00, by the clock of the court
    #[arg(long, value_name = "WHEN")]
    pub(super) reply_by: Option<String>,
}

/// See [`super::args::Command::Plea`].
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Plea {
    /// All negotiations that go on: state, whose turn, until when
    List {
        /// The closed ones, too
        #[arg(long)]
        all: bool,
        /// urgency, case, state or hearing
        #[arg(long, value_name = "NAME", default_value = "urgency")]
        sort: String,
        /// Only the first N
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// One negotiation: every act, what it changed, and what may be done now
    Show {
        /// Which
        #[command(flatten)]
        about: About,
    },
    /// Offer terms
    Offer {
        /// Which
        #[command(flatten)]
        about: About,
        /// What
        #[command(flatten)]
        terms: TermsOf,
        /// By what authority
        #[command(flatten)]
        authority: Authority,
        /// How
        #[command(flatten)]
        going: Going,
    },
    /// Answer with other terms
    Counter {
        /// Which
        #[command(flatten)]
        about: About,
        /// What; charges that are not named stay as they were offered
        #[command(flatten)]
        terms: TermsOf,
        /// By what authority
        #[command(flatten)]
        authority: Authority,
        /// How
        #[command(flatten)]
        going: Going,
    },
    /// Accept the terms that stand
    Accept {
        /// Which
        #[command(flatten)]
        about: About,
        /// Only subject to a condition: client-approval, crown-counsel, senior-prosecutor, victim-consultation, basis-wording, other[=WORDS]
        #[arg(long = "subject-to", value_name = "CONDITION")]
        subject_to: Vec<String>,
        /// A condition of an earlier acceptance is met: CONDITION=WHO
        #[arg(long, value_name = "CONDITION=WHO")]
        cleared: Vec<String>,
        /// By what authority
        #[command(flatten)]
        authority: Authority,
        /// How
        #[command(flatten)]
        going: Going,
    },
    /// Refuse them
    Reject {
        /// Which
        #[command(flatten)]
        about: About,
        /// Why
        #[arg(long = "reason", value_name = "TEXT", default_value = "")]
        reason: String,
        /// How
        #[command(flatten)]
        going: Going,
    },
    /// Take back an offer, or depart from an agreement
    Withdraw {
        /// Which
        #[command(flatten)]
        about: About,
        /// Why; needed after an agreement
        #[arg(long = "reason", value_name = "TEXT", default_value = "")]
        reason: String,
        /// How
        #[command(flatten)]
        going: Going,
    },
    /// Ask something
    Query {
        /// Which
        #[command(flatten)]
        about: About,
        /// What
        #[arg(long, value_name = "TEXT")]
        text: String,
        /// How
        #[command(flatten)]
        going: Going,
    },
    /// Answer what was asked
    Reply {
        /// Which
        #[command(flatten)]
        about: About,
        /// The answer
        #[arg(long, value_name = "TEXT")]
        text: String,
        /// The question, by its number (else the oldest open one)
        #[arg(long, value_name = "ACT")]
        to: Option<String>,
        /// How
        #[command(flatten)]
        going: Going,
    },
    /// Remind the other side
    Chase {
        /// Which
        #[command(flatten)]
        about: About,
        /// More of it
        #[arg(long, value_name = "TEXT", default_value = "")]
        text: String,
        /// How
        #[command(flatten)]
        going: Going,
    },
    /// Leave your offer open for longer
    Extend {
        /// Which
        #[command(flatten)]
        about: About,
        /// Until when: 11/05/2026 12:00
        #[arg(long, value_name = "WHEN")]
        reply_by: String,
        /// How
        #[command(flatten)]
        going: Going,
    },
    /// Say at which hearing the plea will be tendered
    Tender {
        /// Which
        #[command(flatten)]
        about: About,
        /// The day: 27/05/2026
        #[arg(long, value_name = "DAY")]
        date: String,
        /// The time: 10:00
        #[arg(long, value_name = "TIME")]
        time: Option<String>,
        /// Where
        #[arg(long, value_name = "TEXT", default_value = "")]
        court: String,
        /// How
        #[command(flatten)]
        going: Going,
    },
    /// Take free text of the other side for an act: it is your own word, and recorded as such
    Mark {
        /// Which
        #[command(flatten)]
        about: About,
        /// The message: account/mailbox/uidvalidity/uid
        #[arg(value_name = "MESSAGE")]
        message: String,
        /// offer, counter, accept, accept-subject, reject, withdraw, query, reply, chase or extend
        #[arg(long = "as", value_name = "KIND")]
        kind: String,
        /// What it offers
        #[command(flatten)]
        terms: TermsOf,
        /// What it asks, answers or says
        #[arg(long, value_name = "TEXT", default_value = "")]
        text: String,
        /// Under which condition it accepts
        #[arg(long = "subject-to", value_name = "CONDITION")]
        subject_to: Vec<String>,
        /// Which offer it means, where two crossed
        #[arg(long = "offer", value_name = "ACT")]
        offer: Option<String>,
    },
    /// Take a mark back, or let an act no longer count that was let in
    Unmark {
        /// Which
        #[command(flatten)]
        about: About,
        /// The act: P2
        #[arg(value_name = "ACT")]
        act: String,
        /// The message that carries it, where several say that they are it: its Message-ID, or the first digits of its SHA-256
        #[arg(long, value_name = "ID")]
        message: Option<String>,
        /// Why
        #[arg(long = "reason", value_name = "TEXT")]
        reason: String,
    },
    /// Let an act count that nobody signed, or in spite of what else was found about it
    Admit {
        /// Which
        #[command(flatten)]
        about: About,
        /// The act: P2
        #[arg(value_name = "ACT")]
        act: String,
        /// The message that carries it, where several say that they are it: its Message-ID, or the first digits of its SHA-256
        #[arg(long, value_name = "ID")]
        message: Option<String>,
        /// Why; needed where more was found than that nobody signed it
        #[arg(long = "reason", value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Say which of two crossed offers stands here
    Choose {
        /// Which
        #[command(flatten)]
        about: About,
        /// The offer: P1
        #[arg(value_name = "ACT")]
        act: String,
    },
    /// Record what became of it in court
    Record {
        /// Which
        #[command(flatten)]
        about: About,
        /// as-agreed, different, not-tendered, basis-declined, facts-hearing or no-plea
        #[arg(long, value_name = "NAME")]
        outcome: String,
        /// Why; where it differed: "1: what; 2: what"
        #[arg(long = "reason", value_name = "TEXT", default_value = "")]
        reason: String,
        /// At which hearing, by its name in the case or its day
        #[arg(long, value_name = "NAME")]
        hearing: Option<String>,
        /// From whom it is known
        #[arg(long, value_name = "TEXT")]
        known_from: String,
    },
    /// The one page to hand up, to read or in a new file: nothing private is on it
    Sheet {
        /// Which
        #[command(flatten)]
        about: About,
        /// Write it to this file: .pdf or .txt; nothing is overwritten
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// All that happened in it, to read or in a new file: for your own file, with notes and what was not sent
    Chronology {
        /// Which
        #[command(flatten)]
        about: About,
        /// Write it to this file: .txt or .json; nothing is overwritten
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// Write a note that is never sent
    Note {
        /// Which
        #[command(flatten)]
        about: About,
        /// Its text
        #[arg(long, value_name = "TEXT")]
        text: String,
    },
}

impl Plea {
    /// Whether something is to be sent by it.
    pub(super) const fn sends(&self) -> bool {
        match self {
            Self::Offer { going, .. }
            | Self::Counter { going, .. }
            | Self::Accept { going, .. }
            | Self::Reject { going, .. }
            | Self::Withdraw { going, .. }
            | Self::Query { going, .. }
            | Self::Reply { going, .. }
            | Self::Chase { going, .. }
            | Self::Extend { going, .. }
            | Self::Tender { going, .. } => !going.dry_run,
            _ => false,
        }
    }
}
