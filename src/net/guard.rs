//! The byte guard (being written).
