//! Submission: connection, reply classes.
