//! Cases as the law numbers them: identifiers, carriage of addresses, filing of a message to a case. Pure.
//!
//! Nothing in here infers a case from a surname alone, rejects a number because of its check letter, or takes a telephone number for
//! a case.

pub mod carriage;
pub mod filing;
pub mod identifiers;
pub mod title;

pub use carriage::{CJSM, Class, Classes, GOV};
pub use filing::{ConfiguredCase, Filed, Filer, Filing, Flag, Item, Reason};
pub use identifiers::{Identifier, Kind, Pattern, Patterns};
