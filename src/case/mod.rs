//! Identifiers of cases, carriage of addresses, filing of a message to a case. Pure.
