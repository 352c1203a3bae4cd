//! Writing a block.

use super::super::act::{Act, Deed};
use super::super::terms::{Amendment, Document, Plea, Term, Terms};
use super::super::text::fold;
use super::{FORM, bare, header, instant, token};
use crate::case::Jurisdiction;

/// Characters in a line: with two quote marks before it, it still fits where lines have 76.
const COLUMNS: usize = 72;

/// Writes the block of an act: lines of at most 72 characters (longer only where one word is), ended by `\n`.
#[must_use]
pub fn write(act: &Act, jurisdiction: Jurisdiction) -> String {
    let mut lines = Lines(Vec::new());
    lines.add("Case", &bare(&act.id.number));
    lines.add("Accused", &format!("{} ({})", bare(&act.surname), act.id.accused));
    lines.add("Thread", &act.id.name());
    lines.add("Round", &act.round.to_string());
    lines.add("Kind", act.kind().words());
    lines.add("Act", &act.no.to_string());
    let read =
        if act.seen == 0 { "nothing".to_owned() } else { format!("{}{}", act.no.side.other().letter(), act.seen) };
    lines.add("Having read", &read);
    lines.add("Written", &instant(act.at));
    if let Some(quoted) = act.deed.answers() {
        lines.add("Answers", &quoted.no.to_string());
        lines.add("Its terms", &groups(&quoted.hash.0));
    }
    if let Some(reply_by) = act.deed.reply_by() {
        lines.add("Reply by", &instant(reply_by));
    }
    if let Some(terms) = act.deed.terms() {
        of_terms(terms, jurisdiction, &mut lines);
        lines.add("Terms", &groups(&terms.hash(&act.id).0));
    }
    of_deed(&act.deed, &mut lines);
    if let Some(authority) = &act.authority {
        lines.add("By", &format!("{} as {}", quoted(&authority.name), authority.role.words()));
        if let Some(holder) = &authority.on_behalf_of {
            lines.add("On behalf of", &quoted(holder));
        }
        lines.add("Authority", &format!("{}, {}", authority.basis.words(), authority.day.strftime("%-d %b %Y")));
    }
    let words = fold(&lines.0.join(" "));
    let mut block = format!("--- {} ---\n", header(jurisdiction));
    for line in &lines.0 {
        wrap(line, &mut block);
    }
    block.push_str(&format!("--- END {FORM} {} ---\n", token(jurisdiction, &words)));
    block
}

struct Lines(Vec<String>);

impl Lines {
    fn add(&mut self, label: &str, value: &str) {
        self.0.push(format!("{label}: {value}"));
    }
}

/// A text between quotation marks; those in it are doubled.
fn quoted(text: &str) -> String {
    format!("\"{}\"", fold(text).replace('"', "\"\""))
}

/// A digest in four groups, so that a line can be broken in it.
fn groups(digest: &[u8; 32]) -> String {
    digest.chunks(8).map(hex::encode).collect::<Vec<_>>().join(" ")
}

fn of_terms(terms: &Terms, jurisdiction: Jurisdiction, lines: &mut Lines) {
    for term in terms.charges() {
        lines.add(&format!("Charge {}", term.charge), &of_term(term));
    }
    if let Some(document) = terms.basis() {
        let label = match jurisdiction {
            Jurisdiction::EnglandWales => "Basis",
            Jurisdiction::Scotland => "Narrative",
        };
        lines.add(label, &of_document(document));
    }
    if !terms.conditions().is_empty() {
        lines.add("Conditions", &quoted(terms.conditions()));
    }
}

fn of_term(term: &Term) -> String {
    let mut parts = vec![term.plea.words().to_owned()];
    if let (Plea::GuiltyAlternative, Some(offence)) = (term.plea, &term.alternative) {
        let statute =
            if offence.statute.is_empty() { String::new() } else { format!(" under {}", quoted(&offence.statute)) };
        parts.push(format!("namely {}{statute}", quoted(&offence.text)));
    }
    parts.extend(term.amendments.iter().map(|amendment| match amendment {
        Amendment::Delete { words } => format!("delete {}", quoted(words)),
        Amendment::Insert { words, after } if after.is_empty() => format!("insert {} at the end", quoted(words)),
        Amendment::Insert { words, after } => format!("insert {} after {}", quoted(words), quoted(after)),
        Amendment::Substitute { words, with } => format!("for {} substitute {}", quoted(words), quoted(with)),
    }));
    parts.extend(term.basis.as_ref().map(|document| format!("basis {}", of_document(document))));
    parts.extend(term.ancillary.iter().map(|one| {
        let words = if one.words.is_empty() { String::new() } else { format!(" {}", quoted(&one.words)) };
        format!("with {}{words}", one.kind.words())
    }));
    if !term.conditions.is_empty() {
        parts.push(format!("if {}", quoted(&term.conditions)));
    }
    parts.join("; ")
}

fn of_document(document: &Document) -> String {
    match document {
        Document::Text { text } => format!("text {}", quoted(text)),
        Document::Attached { name, sha256 } => format!("file {} sha256 {}", quoted(name), groups(sha256)),
    }
}

fn of_deed(deed: &Deed, lines: &mut Lines) {
    let mut text = |label: &str, text: &str| {
        if !text.is_empty() {
            lines.add(label, &quoted(text));
        }
    };
    match deed {
        Deed::Accept { cleared, .. } if !cleared.is_empty() => {
            let met: Vec<String> =
                cleared.iter().map(|one| format!("{} by {}", one.condition.words(), quoted(&one.by))).collect();
            lines.add("Cleared", &met.join("; "));
        }
        Deed::AcceptSubject { subject_to, .. } => {
            let named = subject_to.iter().map(|one| {
                let more = if one.words.is_empty() { String::new() } else { format!(" {}", quoted(&one.words)) };
                format!("{}{more}", one.condition.words())
            });
            let named: Vec<String> = named.collect();
            lines.add("Subject to", &named.join("; "));
        }
        Deed::Reject { because, .. } | Deed::Withdraw { because, .. } => text("Because", because),
        Deed::Query { text: asked } => text("Asks", asked),
        Deed::Reply { to, text: said } => {
            lines.add("Replies to", &to.to_string());
            if !said.is_empty() {
                lines.add("Says", &quoted(said));
            }
        }
        Deed::Chase { text: said } => text("Says", said),
        Deed::TenderNotice { at, court, .. } => {
            lines.add("Hearing", &at.to_string());
            if !court.is_empty() {
                lines.add("Court", &quoted(court));
            }
        }
        Deed::Offer { .. } | Deed::Counter { .. } | Deed::Accept { .. } | Deed::Extend { .. } => {}
    }
}

fn wrap(line: &str, block: &mut String) {
    let mut column = 0_usize;
    for word in line.split(' ') {
        let width = word.chars().count();
        if column > 0 && column.saturating_add(width) >= COLUMNS {
            block.push('\n');
            column = 0;
        }
        if column > 0 {
            block.push(' ');
            column = column.saturating_add(1);
        }
        block.push_str(word);
        column = column.saturating_add(width);
    }
    block.push('\n');
}
