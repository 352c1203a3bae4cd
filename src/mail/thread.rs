//! Threads by the REFERENCES algorithm of RFC 5256 §3. Pure, linear but for sorting, never recursive.
//!
//! Two departures, neither of which honest mail can see. Messages are taken in the order of their dates and not of their arrival, so that the
//! same mail makes the same threads in every mailbox and after every sync. And what a message says of its own parent (step 1.B) is
//! settled before what others say of it (step 1.A), instead of being cut and mended: then no link is ever cut, and whether a link
//! would close a loop is known at once from a union of trees, instead of by a climb that a hostile chain of 100,000 makes quadratic.

use std::collections::HashMap;

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
    /// [`subject_hash`] of its base subject. 0: its thread is not joined with others of the same subject.
    pub subject: u64,
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

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }
}

/// Digest of a Message-ID (without angle brackets).
#[must_use]
pub fn id_hash(message_id: &str) -> u64 {
    let digest = Sha256::digest(message_id.as_bytes());
    digest.iter().take(8).fold(0, |hash, &byte| hash << 8 | u64::from(byte))
}

/// Digest of a base subject ([`super::subject::BaseSubject::text`]); never that of a Message-ID. 0 where it is empty.
#[must_use]
pub fn subject_hash(base_subject: &str) -> u64 {
    if base_subject.is_empty() { 0 } else { (!id_hash(base_subject)).max(1) }
}

/// Threads messages.
#[must_use]
pub fn thread(items: &[Item<'_>]) -> Forest {
    let mut order: Vec<usize> = (0..items.len()).collect();
    let key = |&place: &usize| {
        items.get(place).map(|item| (item.date, item.id, item.references, item.subject, item.is_reply))
    };
    order.sort_by(|a, b| key(a).cmp(&key(b)));
    let mut links = Links::with_capacity(items.len());
    links.link_all(items, &order);
    let trees = links.prune(items);
    trees.gather(items).flatten(items)
}

/// A message, or a message that is only referred to.
#[derive(Clone, Copy, Debug, Default)]
struct Link {
    item: Option<usize>,
    parent: Option<usize>,
    /// Union of trees: a link nearer to the root of the tree.
    towards_root: usize,
}

/// Step 1: parents and children.
struct Links {
    all: Vec<Link>,
    by_id: HashMap<u64, usize>,
}

impl Links {
    fn with_capacity(capacity: usize) -> Self {
        Self { all: Vec::with_capacity(capacity), by_id: HashMap::with_capacity(capacity) }
    }

    fn add(&mut self, item: Option<usize>) -> usize {
        let place = self.all.len();
        self.all.push(Link { item, parent: None, towards_root: place });
        place
    }

    fn of_id(&mut self, id: u64) -> usize {
        if let Some(&place) = self.by_id.get(&id) {
            return place;
        }
        let place = self.add(None);
        self.by_id.insert(id, place);
        place
    }

    fn link_all(&mut self, items: &[Item<'_>], order: &[usize]) {
        let mut of_item = vec![0; items.len()];
        for &place in order {
            // "If a message does not contain a Message-ID ... assign a unique one"; of two messages with the same one, the second
            // is given a unique one too (§3 step 1).
            let link = match items.get(place).and_then(|item| item.id) {
                Some(id) if !self.by_id.contains_key(&id) => {
                    let link = self.add(Some(place));
                    self.by_id.insert(id, link);
                    link
                }
                _ => self.add(Some(place)),
            };
            if let Some(slot) = of_item.get_mut(place) {
                *slot = link;
            }
        }
        // Step 1.B: the last reference is the parent.
        for &place in order {
            let parent = items.get(place).and_then(|item| item.references.last()).copied();
            if let (Some(parent), Some(&child)) = (parent, of_item.get(place)) {
                let parent = self.of_id(parent);
                self.link(parent, child);
            }
        }
        // Step 1.A: references are parents of each other, where nothing is known yet and no loop arises.
        for &place in order {
            for pair in items.get(place).map(|item| item.references).unwrap_or_default().windows(2) {
                if let [parent, child] = pair {
                    let (parent, child) = (self.of_id(*parent), self.of_id(*child));
                    self.link(parent, child);
                }
            }
        }
    }

    /// Links a parent and a child that has none, unless that closes a loop. As the child has no parent, it is the root of its tree: a loop
    /// arises only if the parent is in that tree.
    fn link(&mut self, parent: usize, child: usize) {
        if self.all.get(child).is_none_or(|link| link.parent.is_some()) || self.root(parent) == child {
            return;
        }
        let root = self.root(parent);
        if let Some(link) = self.all.get_mut(child) {
            link.parent = Some(parent);
            link.towards_root = root;
        }
    }

    /// The root of a tree; the way to it is halved for the next time.
    fn root(&mut self, place: usize) -> usize {
        let next = |links: &Self, place: usize| links.all.get(place).map_or(place, |link| link.towards_root);
        let mut place = place;
        loop {
            let up = next(self, place);
            if up == place {
                return place;
            }
            let further = next(self, up);
            if let Some(link) = self.all.get_mut(place) {
                link.towards_root = further;
            }
            place = up;
        }
    }

    /// Steps 2 and 3: messages that are only referred to go, and their children come up; at the root only a single child does.
    fn prune(&self, items: &[Item<'_>]) -> Trees {
        // A link's place below which its messages hang: itself for a message, else the nearest message above, else the root of its tree.
        let mut holder: Vec<Option<usize>> = vec![None; self.all.len()];
        let mut climbed = Vec::new();
        for start in 0..self.all.len() {
            let mut place = start;
            let found = loop {
                if let Some(Some(known)) = holder.get(place) {
                    break *known;
                }
                climbed.push(place);
                match self.all.get(place) {
                    Some(Link { item: None, parent: Some(parent), .. }) => place = *parent,
                    _ => break place,
                }
            };
            for place in climbed.drain(..) {
                if let Some(slot) = holder.get_mut(place) {
                    *slot = Some(found);
                }
            }
        }
        let mut trees = Trees::new(self.all.iter().map(|link| link.item));
        for (place, link) in self.all.iter().enumerate() {
            let parent = link.parent.and_then(|parent| holder.get(parent).copied().flatten());
            match parent {
                Some(parent) if link.item.is_some() => trees.adopt(parent, place),
                None if link.item.is_some() => trees.roots.push(place),
                _ => {}
            }
        }
        // Ghosts at the root: none without children, and only a single child is promoted to the root.
        for (place, link) in self.all.iter().enumerate() {
            if link.item.is_none() && link.parent.is_none() {
                match trees.children(place) {
                    [] => {}
                    [only] => {
                        let only = *only;
                        trees.roots.push(only);
                    }
                    _ => trees.roots.push(place),
                }
            }
        }
        trees.date_all(items);
        trees
    }
}

/// Trees of messages, and of ghosts that stand at their roots.
struct Trees {
    nodes: Vec<Tree>,
    roots: Vec<usize>,
}

#[derive(Clone, Debug, Default)]
struct Tree {
    item: Option<usize>,
    children: Vec<usize>,
    /// For sorting (step 4): the date, then where it stands among equals. A ghost has those of its first child.
    key: (i64, usize),
}

impl Trees {
    fn new(items: impl Iterator<Item = Option<usize>>) -> Self {
        Self { nodes: items.map(|item| Tree { item, ..Tree::default() }).collect(), roots: Vec::new() }
    }

    fn children(&self, place: usize) -> &[usize] {
        self.nodes.get(place).map(|tree| tree.children.as_slice()).unwrap_or_default()
    }

    fn adopt(&mut self, parent: usize, child: usize) {
        if let Some(tree) = self.nodes.get_mut(parent) {
            tree.children.push(child);
        }
    }

    fn key(&self, place: usize) -> (i64, usize) {
        self.nodes.get(place).map_or((0, place), |tree| tree.key)
    }

    fn item(&self, place: usize) -> Option<usize> {
        self.nodes.get(place).and_then(|tree| tree.item)
    }

    /// Places are in the order of dates, so that a place stands for the order among equals.
    fn date_all(&mut self, items: &[Item<'_>]) {
        for (place, tree) in self.nodes.iter_mut().enumerate() {
            tree.key = (tree.item.and_then(|item| items.get(item)).map_or(i64::MAX, |item| item.date), place);
        }
        for place in 0..self.nodes.len() {
            if self.item(place).is_none() {
                self.date_ghost(place);
            }
        }
    }

    fn date_ghost(&mut self, place: usize) {
        let first = self.children(place).iter().map(|&child| self.key(child)).min();
        if let (Some(tree), Some(first)) = (self.nodes.get_mut(place), first) {
            tree.key = first;
        }
    }

    fn sort_roots(&mut self) {
        let mut roots = std::mem::take(&mut self.roots);
        roots.sort_by_key(|&root| (self.key(root), root));
        self.roots = roots;
    }

    /// The subject of a thread (step 5.B.i): its root's, or its first child's where the root is a ghost.
    fn subject(&self, root: usize, items: &[Item<'_>]) -> (u64, bool) {
        let first =
            || self.children(root).iter().min_by_key(|&&child| self.key(child)).and_then(|&child| self.item(child));
        let item = self.item(root).or_else(first).and_then(|item| items.get(item));
        item.map_or((0, false), |item| (item.subject, item.is_reply))
    }

    /// Steps 4 and 5: threads at the root with the same base subject come together.
    fn gather(mut self, items: &[Item<'_>]) -> Self {
        // Step 4.
        self.sort_roots();
        // Steps 5.A and 5.B: the table of subjects. A ghost goes before a message, a message before an answer.
        let mut table: HashMap<u64, usize> = HashMap::new();
        for &root in &self.roots {
            let (subject, is_reply) = self.subject(root, items);
            if subject == 0 {
                continue;
            }
            let held = *table.entry(subject).or_insert(root);
            let held_item = self.item(held).is_some();
            let better = (held_item && self.item(root).is_none())
                || (held_item && self.item(root).is_some() && self.subject(held, items).1 && !is_reply);
            if better {
                table.insert(subject, root);
            }
        }
        // Step 5.C.
        let mut kept = Vec::with_capacity(self.roots.len());
        let first_new = self.nodes.len();
        for root in std::mem::take(&mut self.roots) {
            let (subject, is_reply) = self.subject(root, items);
            let held = match table.get(&subject) {
                Some(&held) if held != root => held,
                _ => {
                    kept.push(root);
                    continue;
                }
            };
            match (self.item(held).is_some(), self.item(root).is_some()) {
                // 5.C.iii: both are ghosts: the children come together.
                (false, false) => {
                    let children =
                        self.nodes.get_mut(root).map(|tree| std::mem::take(&mut tree.children)).unwrap_or_default();
                    children.into_iter().for_each(|child| self.adopt(held, child));
                }
                // 5.C.iv: the one held is a ghost: another child of it.
                (false, true) => self.adopt(held, root),
                // 5.C.v: an answer below the message that it seems to answer.
                (true, true) if is_reply && !self.subject(held, items).1 => self.adopt(held, root),
                // 5.C.vi: otherwise both below a new ghost, which takes the place in the table.
                _ => {
                    let ghost = self.nodes.len();
                    self.nodes.push(Tree {
                        item: None,
                        children: vec![held, root],
                        key: self.key(held).min(self.key(root)),
                    });
                    kept.push(ghost);
                    table.insert(subject, ghost);
                }
            }
        }
        // What has become a child of a new ghost is a root no longer.
        let mut below = vec![false; self.nodes.len()];
        for tree in self.nodes.iter().skip(first_new) {
            for &child in &tree.children {
                if let Some(slot) = below.get_mut(child) {
                    *slot = true;
                }
            }
        }
        let gathered = |root: &usize| !below.get(*root).copied().unwrap_or(false);
        self.roots = kept.into_iter().filter(gathered).collect();
        for place in 0..self.nodes.len() {
            if self.item(place).is_none() {
                self.date_ghost(place);
            }
        }
        self.sort_roots();
        self
    }

    /// Step 6: every set of siblings in the order of dates; then each thread in pre-order.
    fn flatten(mut self, items: &[Item<'_>]) -> Forest {
        let keys: Vec<_> = self.nodes.iter().map(|tree| tree.key).collect();
        for tree in self.nodes.iter_mut().filter(|tree| tree.children.len() > 1) {
            tree.children.sort_by_key(|&child| (keys.get(child).copied(), child));
        }
        let mut forest =
            Forest { nodes: Vec::with_capacity(items.len()), starts: Vec::with_capacity(self.roots.len()) };
        let mut stack = Vec::new();
        for &root in &self.roots {
            forest.starts.push(forest.nodes.len());
            stack.push((root, 0));
            while let Some((place, depth)) = stack.pop() {
                forest.nodes.push(Node { item: self.item(place), depth });
                stack.extend(self.children(place).iter().rev().map(|&child| (child, depth + 1)));
            }
        }
        forest
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, prop_assert_eq, proptest};

    use super::{Forest, Item, subject_hash, thread};

    /// A message: id, references, subject (`Re: ` marks an answer). The date is its place.
    type Mail<'a> = (u64, &'a [u64], &'a str);

    fn items<'a>(mails: &'a [Mail<'a>]) -> Vec<Item<'a>> {
        let item = |(place, &(id, references, subject)): (usize, &Mail<'a>)| Item {
            id: (id != 0).then_some(id),
            references,
            date: i64::try_from(place).unwrap(),
            subject: subject_hash(subject.trim_start_matches("Re: ")),
            is_reply: subject.starts_with("Re: "),
        };
        mails.iter().enumerate().map(item).collect()
    }

    /// Threads as `(1 (2) (3))`, ghosts as `-`.
    fn shown(forest: &Forest, name: impl Fn(usize) -> u64) -> String {
        let mut threads = Vec::new();
        for nodes in forest.threads() {
            let mut text = String::new();
            for (at, node) in nodes.iter().enumerate() {
                let name = node.item.map_or("-".to_owned(), |item| name(item).to_string());
                let next = nodes.get(at + 1).map_or(0, |next| next.depth);
                let closing =
                    if at + 1 == nodes.len() { node.depth + 1 } else { (node.depth + 1).saturating_sub(next) };
                text += &format!("{}({name}{}", if at > 0 { " " } else { "" }, ")".repeat(closing));
            }
            threads.push(text);
        }
        threads.join(" ")
    }

    fn check(mails: &[Mail<'_>], expected: &str) {
        let items = items(mails);
        assert_eq!(shown(&thread(&items), |item| mails[item].0), expected, "{mails:?}");
    }

    #[test]
    fn references_make_threads() {
        check(&[], "");
        check(&[(1, &[], "")], "(1)");
        check(&[(1, &[], ""), (2, &[1], ""), (3, &[1, 2], ""), (4, &[1], "")], "(1 (2 (3)) (4))");
        // The answer is there before the message.
        check(&[(2, &[1], ""), (1, &[], "")], "(1 (2))");
        // Truncated references: what the message itself says goes first (step 1.B).
        check(&[(1, &[], ""), (2, &[1], ""), (4, &[1, 3], ""), (3, &[1, 2], "")], "(1 (2 (3 (4))))");
        check(&[(1, &[], ""), (0, &[1], ""), (0, &[1], "")], "(1 (0) (0))");
    }

    #[test]
    fn ghosts_are_pruned() {
        // Only referred to, with two children: it stays at the root.
        check(&[(2, &[1], ""), (3, &[1], "")], "(- (2) (3))");
        // With one child, the child comes up.
        check(&[(2, &[1], "")], "(2)");
        check(&[(5, &[1, 2, 3, 4], "")], "(5)");
        // Below the root its children come up.
        check(&[(1, &[], ""), (3, &[1, 2], ""), (4, &[1, 2], "")], "(1 (3) (4))");
        // A ghost below a ghost with two children.
        check(&[(3, &[1, 2], ""), (4, &[1, 2], "")], "(- (3) (4))");
        check(&[(3, &[1, 2], ""), (4, &[1], "")], "(- (3) (4))");
    }

    #[test]
    fn loops_and_copies_do_no_harm() {
        check(&[(1, &[1], "")], "(1)");
        check(&[(1, &[2], ""), (2, &[1], "")], "(2 (1))");
        check(&[(1, &[3], ""), (2, &[1], ""), (3, &[2], "")], "(3 (1 (2)))");
        check(&[(1, &[2, 3, 2, 3, 2], ""), (2, &[3], ""), (3, &[2], "")], "(3 (2 (1)))");
        // A second message with the same Message-ID is kept, and takes nothing from the first.
        check(&[(1, &[], "a"), (1, &[], "b"), (2, &[1], "c")], "(1 (2)) (1)");
    }

    #[test]
    fn subjects_gather() {
        check(&[(1, &[], "x"), (2, &[], "Re: x")], "(1 (2))");
        // An answer before its message (step 5.B: the message goes first).
        check(&[(2, &[], "Re: x"), (1, &[], "x")], "(1 (2))");
        // Two messages, or two answers: below a ghost.
        check(&[(1, &[], "x"), (2, &[], "x")], "(- (1) (2))");
        check(&[(1, &[], "x"), (2, &[], "x"), (3, &[], "x")], "(- (1) (2) (3))");
        check(&[(1, &[], "Re: x"), (2, &[], "Re: x")], "(- (1) (2))");
        // A ghost and a message; two ghosts.
        check(&[(2, &[1], "x"), (3, &[1], "x"), (4, &[], "Re: x")], "(- (2) (3) (4))");
        check(&[(2, &[1], "x"), (3, &[1], "x"), (5, &[4], "x"), (6, &[4], "x")], "(- (2) (3) (5) (6))");
        check(&[(1, &[], "x"), (2, &[], "y"), (3, &[], "")], "(1) (2) (3)");
        check(&[(1, &[], ""), (2, &[], "")], "(1) (2)");
    }

    #[test]
    fn siblings_and_threads_are_sorted_by_date() {
        let item = |id, references, date| Item { id: Some(id), references, date, subject: 0, is_reply: false };
        let all = [
            item(1, &[], 50),
            item(2, &[1], 40),
            item(3, &[1], 30),
            item(4, &[9], 20),
            item(5, &[9], 10),
            item(6, &[], 15),
        ];
        assert_eq!(shown(&thread(&all), |at| all[at].id.unwrap()), "(- (5) (4)) (6) (1 (3) (2))");
    }

    /// A chain of 100,000 in the worst order, and one whose every message refers to all before it within the limit.
    #[test]
    fn hostile_chains_cost_little() {
        for up in [true, false] {
            let references: Vec<[u64; 1]> = (0..100_000).map(|at| [at]).collect();
            let chain: Vec<Item<'_>> = references
                .iter()
                .map(|reference| Item {
                    id: Some(reference[0] + 1),
                    references: reference,
                    date: i64::try_from(reference[0]).unwrap() * if up { 1 } else { -1 },
                    subject: 0,
                    is_reply: false,
                })
                .collect();
            let forest = thread(&chain);
            assert_eq!((forest.len(), forest.threads().next().unwrap().len()), (1, 100_000));
        }
    }

    /// Message-ID, references, date, base subject, whether it is a reply.
    type AnyMail = (Option<u64>, Vec<u64>, i64, &'static str, bool);

    fn any_mail() -> impl Strategy<Value = Vec<AnyMail>> {
        let subject = proptest::sample::select(vec!["", "x", "y"]);
        let references = proptest::collection::vec(1_u64..14, 0..5);
        proptest::collection::vec(
            (proptest::option::weighted(0.9, 1_u64..12), references, 0_i64..6, subject, proptest::bool::ANY),
            0..14,
        )
    }

    proptest! {
        #[test]
        fn every_message_is_in_one_thread_once(mails in any_mail()) {
            let items = as_items(&mails);
            let forest = thread(&items);
            let mut seen: Vec<usize> = forest.threads().flatten().filter_map(|node| node.item).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..mails.len()).collect::<Vec<_>>());
            for nodes in forest.threads() {
                prop_assert_eq!(nodes[0].depth, 0);
                for pair in nodes.windows(2) {
                    proptest::prop_assert!(pair[1].depth >= 1 && pair[1].depth <= pair[0].depth + 1);
                }
            }
        }

        #[test]
        fn the_order_of_arrival_does_not_matter((mails, shuffled) in any_mail().prop_flat_map(|mails| (Just(mails.clone()), Just(mails).prop_shuffle()))) {
            // Messages are told apart by what threading knows of them.
            let shape = |mails: &[AnyMail]| {
                let forest = thread(&as_items(mails));
                forest.threads().flatten().map(|node| (node.depth, node.item.map(|item| mails[item].clone()))).collect::<Vec<_>>()
            };
            prop_assert_eq!(shape(&mails), shape(&shuffled));
        }
    }

    fn as_items(mails: &[AnyMail]) -> Vec<Item<'_>> {
        mails
            .iter()
            .map(|(id, references, date, subject, is_reply)| Item {
                id: *id,
                references,
                date: *date,
                subject: subject_hash(subject),
                is_reply: *is_reply,
            })
            .collect()
    }
}
