//! Cases as the law knows them: identifiers, who takes part, charges, hearings; carriage of addresses; filing of a message to a case. Pure.
//!
//! Nothing in here infers a case from a surname alone, rejects a number because of its check letter, or takes a telephone number for
//! a case.

pub mod awaiting;
pub mod calendar;
pub mod carriage;
pub mod charge;
pub mod chase;
pub mod document;
pub mod filing;
pub mod guard;
pub mod hearing;
pub mod identifiers;
pub mod jurisdiction;
pub mod lookalike;
pub mod party;
pub mod portal;
pub mod proof;
pub mod record;
pub mod retention;
pub mod rules;
pub mod service;
pub mod template;
pub mod title;

pub use awaiting::{Awaiting, AwaitingId, MessageName};
pub use calendar::Calendar;
pub use carriage::{CJSM, Class, Classes, GOV};
pub use charge::{Accused, Charge, ChargeState};
pub use filing::{ConfiguredCase, Decided, Filed, Filer, Filing, Flag, Item, Reason};
pub use hearing::{Hearing, HearingId, HearingKind, HearingTime};
pub use identifiers::{Identifier, Kind, Pattern, Patterns};
pub use jurisdiction::{Jurisdiction, Style};
pub use party::{Party, PartyId, Role, Side};
pub use proof::Proof;
pub use record::{Case, Conflict, Note, Rival, State};
