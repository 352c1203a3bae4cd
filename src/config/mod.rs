//! The configuration: parse, check, explain.
