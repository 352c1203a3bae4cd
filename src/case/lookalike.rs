//! Addresses that are made, or mistyped, to look like another: the classic way of a message to the wrong person. Pure.
//!
//! Letters are compared by what they look like (Unicode Technical Standard #39 calls that a skeleton; here is the part of it that fits
//! into domains), words by the number of slips of the hand between them. What resembles nothing known is simply unknown: that is for the guard.

mod punycode;

use super::carriage::{Class, Classes, is_public};

/// How an address resembles another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resemblance {
    /// The address or suffix that it resembles.
    pub known: String,
    /// The domain is another one; otherwise only the name before the `@` differs.
    pub domain: bool,
}

/// Letters that look like an ASCII one, each group behind the letter that it looks like.
const LOOKS: &[(char, &str)] = &[
    ('a', "аαáàâäãåāăąɑǎạảấầậ"),
    ('b', "ьвƅḃḅ"),
    ('c', "сϲçćĉċčƈ"),
    ('d', "ԁďđḋḍɗ"),
    ('e', "еёéèêëēĕėęěҽẹẽếềệ"),
    ('f', "ƒḟ"),
    ('g', "ɡցĝğġģǵɠ"),
    ('h', "һĥħḣḥհ"),
    ('j', "јĵʝ"),
    ('k', "кκķḱƙ"),
    ('l', "1i|іıιӏíìîïĩīĭįǐịłĺļľḷǀƚ"),
    ('m', "мṁṃ"),
    ('n', "ոпñńņňŉṅṇŋ"),
    ('o', "0οоօöóòôõøōŏőơǒọσөɵ"),
    ('p', "рρṕṗƥ"),
    ('q', "ԛզ"),
    ('r', "гŕŗřṙṛ"),
    ('s', "5ѕśŝşšșṡṣʂ"),
    ('t', "тτţťŧțṫṭ"),
    ('u', "υսüúùûũūŭůűųưǔụʋ"),
    ('v', "ѵνṽṿ"),
    ('w', "ԝŵẁẃẅẇω"),
    ('x', "хχẋẍ"),
    ('y', "уүýÿŷỳỵɣ"),
    ('z', "źżžẑẓƶ"),
];

/// Letters as they look. Names of the IDNA form are read first: what a browser shows is what deceives.
fn skeleton(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in punycode::readable(text).chars().flat_map(char::to_lowercase) {
        match c {
            '-' | '_' | '.' | '\'' | '\u{2010}'..='\u{2015}' | '\u{b7}' => {}
            'a'..='h' | 'j'..='z' => folded.push(c),
            other => {
                folded.push(LOOKS.iter().find(|(_, group)| group.contains(other)).map_or(other, |(plain, _)| *plain))
            }
        }
    }
    folded.replace("rn", "m").replace("vv", "w").replace("cl", "d")
}

/// Whether few slips of the hand lie between two texts: one in a short word, two in a long one.
fn is_slip(a: &str, b: &str) -> bool {
    let length = a.chars().count().min(b.chars().count());
    let most = match length {
        0..=3 => return false,
        4..=11 => 1,
        _ => 2,
    };
    a.chars().count().abs_diff(b.chars().count()) <= most && strsim::osa_distance(a, b) <= most
}

fn parts(address: &str) -> Option<(&str, &str)> {
    address.rsplit_once('@').filter(|(local, domain)| !local.is_empty() && !domain.is_empty())
}

/// Whether a domain wears another one without being of it: `gov.example.attacker.example`, `evilgov.example`, `cps-gov.example`, `c0pfs.gov.example`.
fn wears(domain: &str, known: &str) -> bool {
    let is_under = domain.strip_suffix(known).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if is_under || known.is_empty() {
        return false;
    }
    let inside = format!(".{domain}.").contains(&format!(".{known}."));
    // Of one or two letters: the end of many an honest name.
    let tiny = known.split('.').next().unwrap_or_default().chars().count() < 3;
    let glued = domain.ends_with(known) && !tiny;
    let (looks, real) = (skeleton(domain), skeleton(known));
    // A short suffix is found in many a word; what ends in it by its looks must begin a label there.
    let by_looks =
        looks == real || (!tiny && real.chars().count() >= 5 && (looks.ends_with(&real) || looks.starts_with(&real)));
    let labels = known.split('.').count();
    let mut tail: Vec<&str> = domain.rsplit('.').take(labels).collect();
    tail.reverse();
    let tail = tail.join(".");
    let slip = tail != known && (skeleton(&tail) == real || is_slip(&tail, known)) && known.chars().count() >= 6;
    inside || glued || by_looks || slip
}

/// The suffix of secure carriage that an open address wears.
#[must_use]
pub fn mimics(address: &str, classes: &Classes) -> Option<Resemblance> {
    if classes.class(address) != Class::Open {
        return None;
    }
    let lower = address.trim().to_lowercase();
    let (_, domain) = parts(lower.trim_end_matches('.'))?;
    let known = classes.secure_suffixes().find(|suffix| wears(domain, suffix))?;
    Some(Resemblance { known: known.to_owned(), domain: true })
}

/// The suffix of secure carriage whose own name an open address bears under another roof: `firm.cjsm.co.uk`, `secure-hmcts.example`. Weaker
/// than [`mimics`]: somebody whom one knows may be called so.
#[must_use]
pub fn borrows(address: &str, classes: &Classes) -> Option<Resemblance> {
    if classes.class(address) != Class::Open {
        return None;
    }
    let lower = address.trim().to_lowercase();
    let (_, domain) = parts(lower.trim_end_matches('.'))?;
    let bears = |name: &str| {
        let name = skeleton(name);
        name.len() >= 4 && domain.split(['.', '-']).any(|word| skeleton(word) == name)
    };
    let known = classes.secure_suffixes().find(|suffix| suffix.contains('.') && bears(first_label(suffix)))?;
    Some(Resemblance { known: known.to_owned(), domain: true })
}

fn first_label(domain: &str) -> &str {
    domain.split('.').next().unwrap_or_default()
}

/// Whether a name before the `@` is one person's, and no office's: it has several parts.
fn is_a_persons(local: &str) -> bool {
    let mut parts = local.split(['.', '_', '-']).filter(|part| !part.is_empty());
    local.len() >= 5 && parts.next().is_some() && parts.next().is_some()
}

/// The known address that an unknown one resembles; nothing for one that is known itself. All addresses in canonical form.
#[must_use]
pub fn resembles<'k>(
    address: &str,
    known: impl IntoIterator<Item = &'k str>,
    classes: &Classes,
) -> Option<Resemblance> {
    let canonical = classes.canonical(address);
    let (local, domain) = parts(&canonical)?;
    let open = classes.class(address) == Class::Open;
    let (mut of_domain, mut name_only) = (None, None);
    // The least of several in the alphabet, so that the same is said every time.
    let keep = |place: &mut Option<&'k str>, other: &'k str| {
        if place.is_none_or(|known| other < known) {
            *place = Some(other);
        }
    };
    for other in known {
        if other == canonical {
            return None;
        }
        let Some((other_local, other_domain)) = parts(other) else { continue };
        if domain == other_domain {
            if is_slip(local, other_local) || skeleton(local) == skeleton(other_local) {
                keep(&mut name_only, other);
            }
            continue;
        }
        // Nobody registers a name below a domain of the government or of CJSM in order to deceive.
        let slip = is_slip(domain, other_domain) && (open || local == other_local);
        let looks = skeleton(domain) == skeleton(other_domain);
        let (first, other_first) = (first_label(domain), first_label(other_domain));
        let moved = local == other_local && first == other_first && first.len() > 3;
        let private = open && !is_public(domain) && !is_public(other_domain);
        // The same firm under another roof, or with a word more: `foxglove.test`, `foxglove-law.example`.
        let renamed = private
            && other_first.len() >= 6
            && first.strip_prefix(other_first).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        let worn = open && other_domain.contains('.') && wears(domain, other_domain);
        if slip || looks || moved || renamed || worn {
            keep(&mut of_domain, other);
        } else if local == other_local && is_a_persons(local) {
            keep(&mut name_only, other);
        }
    }
    let found = |known: &str, domain| Resemblance { known: known.to_owned(), domain };
    of_domain.map(|known| found(known, true)).or_else(|| name_only.map(|known| found(known, false)))
}

#[cfg(test)]
mod tests {
    use super::{borrows, mimics, resembles};
    use crate::case::Classes;

    fn classes() -> Classes {
        Classes::default().with(&[], &["gov.example".into(), "police.example".into()], &["quillpounce.example".into()])
    }

    #[test]
    fn what_wears_a_secure_suffix_is_seen() {
        let check = |addr: &str, expected: Option<&str>| {
            assert_eq!(mimics(addr, &classes()).map(|found| found.known).as_deref(), expected, "{addr}");
        };
        check("x@evilgov.example", Some("gov.example"));
        check("y@gov.example.attacker.example", Some("gov.example"));
        check("y@cjsm.net.attacker.example", Some("cjsm.net"));
        check("y@notcjsm.net", Some("cjsm.net"));
        check("y@quillpounce.example.cjsrn.net", Some("cjsm.net"));
        check("y@firm.example.cjsm.met", Some("cjsm.net"));
        check("y@cps-gov.example", Some("gov.example"));
        check("y@cps.g0v.example", Some("gov.example"));
        check("y@quillpounce.examp1e", Some("quillpounce.example"));
        check("z@cps.gov.example", None);
        check("barnaby.ferret@mailbox.example", None);
        check("", None);
        // Written in letters that only look so, and as servers write such names.
        check("y@cps.gоv.example", Some("gov.example"));
        check("y@xn--gv-fmc.example", Some("gov.example"));
        check("y@firm.example.ćjsm.net", Some("cjsm.net"));
        check("y@firm.example.cjsm.nét", Some("cjsm.net"));
        check("y@cjsm.net.", None);
        check("y@firm.example.csjm.net", Some("cjsm.net"));
        check("y@firm.example.cjm.net", Some("cjsm.net"));
        check("y@firm.example.cjssm.net", Some("cjsm.net"));
    }

    #[test]
    fn the_name_of_a_secure_service_under_another_roof_is_seen() {
        let check = |addr: &str, expected: Option<&str>| {
            assert_eq!(borrows(addr, &classes()).map(|found| found.known).as_deref(), expected, "{addr}");
        };
        check("y@firm.cjsm.co.test", Some("cjsm.net"));
        check("y@secure-cjsm.example", Some("cjsm.net"));
        check("y@cjsm.org", Some("cjsm.net"));
        check("y@firm.example.cjsm-net.example", Some("cjsm.net"));
        check("y@hmcts.example", Some("hmcts.net"));
        check("y@hrncts.example", Some("hmcts.net"));
        check("y@quillpounce-law.example", Some("quillpounce.example"));
        check("y@quillpounce.test", Some("quillpounce.example"));
        check("y@firm.example.cjsm.net", None);
        check("y@governess.example", None);
        check("y@mailbox.example", None);
    }

    #[test]
    fn what_resembles_somebody_known_is_seen() {
        let known = ["p.windlestraw@cps.gov.example", "r.vellum@foxglove.example", "barnaby.ferret@mailbox.example"];
        let check = |addr: &str, expected: Option<(&str, bool)>| {
            let found = resembles(addr, known, &classes());
            assert_eq!(found.as_ref().map(|found| (found.known.as_str(), found.domain)), expected, "{addr}");
        };
        check("p.windelstraw@cps.gov.example", Some((known[0], false)));
        check("r.vellum@foxg1ove.example", Some((known[1], true)));
        check("r.vellum@foxglove.example.attacker.example", Some((known[1], true)));
        check("r.vellum@foxglove.test", Some((known[1], true)));
        check("bamaby.ferret@mailbox.example", Some((known[2], false)));
        check("r.vellum@foxglove.example.cjsm.net", None);
        check("h.lintwhite@copfs.gov.example", None);
        check("somebody@else.example", None);
        check("r.vellum@xn--fxglove-9ig.example", Some((known[1], true)));
        check("r.vellum@foxglove-law.example", Some((known[1], true)));
        check("somebody@foxglove.test", Some((known[1], true)));
        check("r.vellum@fox-glove.example", Some((known[1], true)));
        check("r.vellum@foxgloves.example", Some((known[1], true)));
        // The same name somewhere else is another person until somebody says so.
        check("p.windlestraw@northshire.gov.example", Some((known[0], false)));
        check("barnaby.ferret@letterbox.test", Some((known[2], false)));
        check("info@else.example", None);
        // Who is known is known, in whatever order and whoever else looks like them.
        let twins = ["p.otter@cps.gov.example", "b.otter@cps.gov.example", "p.otter@cp5.gov.example"];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            assert_eq!(resembles(twins[0], order.map(|at| twins[at]), &classes()), None, "{order:?}");
            let found = resembles("d.otter@cps.gov.example", order.map(|at| twins[at]), &classes()).unwrap();
            assert_eq!((found.known.as_str(), found.domain), (twins[2], true), "{order:?}");
        }
        let short = resembles("barnaby.ferret@mailbox.example", ["j@x.example"], &classes());
        assert_eq!(short, None, "it ends in x.example, as it happens");
        assert!(resembles("j@x.example.attacker.example", ["j@x.example"], &classes()).is_some());
    }
}
