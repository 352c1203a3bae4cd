//! OpenPGP in mail: RFC 3156, RFC 9580 and RFC 9788. Pure: the time and the keys are arguments. sequoia's types stop here.

pub mod report;
