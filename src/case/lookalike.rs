//! Addresses that are made, or mistyped, to look like another: the classic way of a message to the wrong person. Pure.
//!
//! Letters are compared by what they look like (Unicode Technical Standard #39 calls that a skeleton; here is the part of it that fits
//! into domains), words by the number of slips of the hand between them. What resembles nothing known is simply unknown: that is for the guard.

use super::carriage::{Class, Classes};

/// How an address resembles another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resemblance {
    /// The address or suffix that it resembles.
    pub known: String,
    /// The domain is another one; otherwise only the name before the `@` differs.
    pub domain: bool,
}

/// Letters as they look.
fn skeleton(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            '-' | '_' | '.' | '\'' => {}
            '0' | 'ο' | 'о' | 'օ' => folded.push('o'),
            '1' | 'i' | '|' | 'і' | 'ı' | 'ι' | 'ӏ' | 'í' | 'ì' => folded.push('l'),
            '5' | 'ѕ' => folded.push('s'),
            'а' | 'α' | 'á' | 'à' | 'ä' | 'ɑ' => folded.push('a'),
            'с' | 'ϲ' => folded.push('c'),
            'е' | 'ё' | 'é' | 'è' => folded.push('e'),
            'р' | 'ρ' => folded.push('p'),
            'х' => folded.push('x'),
            'у' | 'ү' => folded.push('y'),
            'ԁ' => folded.push('d'),
            'ɡ' | 'ց' => folded.push('g'),
            'һ' => folded.push('h'),
            'ј' => folded.push('j'),
            'ո' => folded.push('n'),
            'ѵ' | 'ν' => folded.push('v'),
            'ԝ' => folded.push('w'),
            'ö' | 'ó' | 'ò' => folded.push('o'),
            'ü' | 'ú' => folded.push('u'),
            other => folded.push(other),
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

/// The known address that an unknown one resembles. All addresses in canonical form.
#[must_use]
pub fn resembles<'k>(
    address: &str,
    known: impl IntoIterator<Item = &'k str>,
    classes: &Classes,
) -> Option<Resemblance> {
    let canonical = classes.canonical(address);
    let (local, domain) = parts(&canonical)?;
    let open = classes.class(address) == Class::Open;
    let mut name_only = None;
    for other in known {
        if other == canonical {
            return None;
        }
        let Some((other_local, other_domain)) = parts(other) else { continue };
        if domain == other_domain {
            if name_only.is_none() && (is_slip(local, other_local) || skeleton(local) == skeleton(other_local)) {
                name_only = Some(Resemblance { known: other.to_owned(), domain: false });
            }
            continue;
        }
        // Nobody registers a name below a domain of the government or of CJSM in order to deceive.
        let slip = is_slip(domain, other_domain) && (open || local == other_local);
        let looks = skeleton(domain) == skeleton(other_domain);
        let first = |domain: &str| domain.split('.').next().unwrap_or_default().to_owned();
        let moved = local == other_local && first(domain) == first(other_domain) && first(domain).len() > 3;
        let worn = open && other_domain.contains('.') && wears(domain, other_domain);
        if slip || looks || moved || worn {
            return Some(Resemblance { known: other.to_owned(), domain: true });
        }
    }
    name_only
}

#[cfg(test)]
mod tests {
    use super::{mimics, resembles};
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
        let short = resembles("barnaby.ferret@mailbox.example", ["j@x.example"], &classes());
        assert_eq!(short, None, "it ends in x.example, as it happens");
        assert!(resembles("j@x.example.attacker.example", ["j@x.example"], &classes()).is_some());
    }
}
