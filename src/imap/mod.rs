//! One account's IMAP connection: capabilities, sync plan, IDLE, worker.
