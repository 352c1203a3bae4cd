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
    /// The domain is another one; otherwise only the name before the `@` differs, or that alone is the same.
    pub domain: bool,
    /// It is hardly chance. Otherwise a word of the domain is the same and no more: an honest firm may be called so.
    pub strong: bool,
}

/// First labels of secure suffixes that many an honest domain has.
const GENERIC: &[&str] = &[
    "council",
    "court",
    "courts",
    "email",
    "government",
    "health",
    "judiciary",
    "justice",
    "legal",
    "mail",
    "office",
    "parliament",
    "police",
    "prison",
    "prisons",
    "probation",
    "secure",
];

/// Words of offices and machines before the `@`: they are at many a domain.
const ROLES: &[&str] = &[
    "accounts",
    "admin",
    "administration",
    "aid",
    "alerts",
    "appeals",
    "bail",
    "billing",
    "bookings",
    "bureau",
    "care",
    "case",
    "cases",
    "chambers",
    "clerk",
    "clerks",
    "contact",
    "court",
    "courts",
    "crime",
    "criminal",
    "crown",
    "custody",
    "department",
    "desk",
    "disclosure",
    "donotreply",
    "duty",
    "email",
    "enquiries",
    "fees",
    "general",
    "hearing",
    "hearings",
    "help",
    "helpdesk",
    "info",
    "legal",
    "legalaid",
    "list",
    "listing",
    "listings",
    "mags",
    "magistrates",
    "mail",
    "mailbox",
    "manager",
    "news",
    "newsletter",
    "no",
    "noreply",
    "not",
    "notifications",
    "office",
    "officer",
    "police",
    "post",
    "postmaster",
    "practice",
    "press",
    "prison",
    "probation",
    "progression",
    "prosecution",
    "reception",
    "reply",
    "scm",
    "secretary",
    "secure",
    "security",
    "service",
    "services",
    "sheriff",
    "shared",
    "staff",
    "support",
    "team",
    "trial",
    "unit",
    "victim",
    "video",
    "webmaster",
    "witness",
    "witnesses",
];

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
    Some(Resemblance { known: known.to_owned(), domain: true, strong: true })
}

/// The suffix of secure carriage whose own name an open address bears under another roof: `firm.cjsm.co.uk`, `secure-hmcts.example`. Weaker
/// than [`mimics`]: somebody may be called so, unless what stands behind the name looks like what stands there in truth. The firm's own name
/// is no service, and words like `police` are many people's: they count as a whole label of the same country (`northshire.police.co.uk`).
#[must_use]
pub fn borrows(address: &str, classes: &Classes) -> Option<Resemblance> {
    if classes.class(address) != Class::Open {
        return None;
    }
    let lower = address.trim().to_lowercase();
    let (_, domain) = parts(lower.trim_end_matches('.'))?;
    let bears = |suffix: &str| -> Option<Resemblance> {
        let (first, rest) = suffix.split_once('.')?;
        let (name, behind) = (skeleton(first), skeleton(rest));
        let is_own = classes.class(&format!("x@{suffix}")) == Class::Firm;
        if name.len() < 4 || is_own {
            return None;
        }
        if GENERIC.contains(&first) {
            let land = rest.rsplit('.').next().unwrap_or_default();
            let labels: Vec<&str> = domain.split('.').collect();
            let bears = labels.last() == Some(&land) && labels.contains(&first);
            return bears.then(|| Resemblance { known: suffix.to_owned(), domain: true, strong: false });
        }
        let mut at = 0_usize;
        let mut strong = None;
        for word in domain.split(['.', '-']) {
            at = at.saturating_add(word.len()).saturating_add(1);
            if skeleton(word) == name {
                let follows = domain.get(at..).unwrap_or_default();
                let alike = skeleton(follows).starts_with(&behind) || is_slip(follows, rest);
                strong = Some(alike || strong == Some(true));
            }
        }
        strong.map(|strong| Resemblance { known: suffix.to_owned(), domain: true, strong })
    };
    let found: Vec<Resemblance> = classes.secure_suffixes().filter_map(bears).collect();
    found.iter().find(|one| one.strong).or(found.first()).cloned()
}

fn first_label(domain: &str) -> &str {
    domain.split('.').next().unwrap_or_default()
}

/// Whether a name before the `@` is one person's, and no office's: it has several parts, and most of them are no office's words (`sarah.case` is a
/// person).
fn is_a_persons(local: &str) -> bool {
    let parts: Vec<&str> = local.split(['.', '_', '-']).filter(|part| !part.is_empty()).collect();
    let has_initial = parts.iter().any(|part| part.chars().count() == 1);
    let is_office = |part: &&str| ROLES.contains(&part.trim_end_matches(|c: char| c.is_ascii_digit()));
    let offices = parts.iter().filter(|part| is_office(part)).count();
    local.len() >= 5 && parts.len() >= 2 && (has_initial || offices.saturating_mul(2) <= parts.len())
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
    let (mut of_domain, mut of_word, mut name_only) = (None, None, None);
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
        let same_person = local == other_local && is_a_persons(local);
        if slip || looks || moved || worn || (renamed && same_person) {
            keep(&mut of_domain, other);
        } else if renamed {
            keep(&mut of_word, other);
        } else if same_person {
            keep(&mut name_only, other);
        }
    }
    let found = |known: &str, domain, strong| Resemblance { known: known.to_owned(), domain, strong };
    of_domain
        .map(|known| found(known, true, true))
        .or_else(|| of_word.map(|known| found(known, true, false)))
        .or_else(|| name_only.map(|known| found(known, false, false)))
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
        let check = |addr: &str, expected: Option<(&str, bool)>| {
            let found = borrows(addr, &classes());
            assert_eq!(found.as_ref().map(|found| (found.known.as_str(), found.strong)), expected, "{addr}");
        };
        check("y@firm.cjsm.co.test", Some(("cjsm.net", false)));
        check("y@secure-cjsm.example", Some(("cjsm.net", false)));
        check("y@cjsm.org", Some(("cjsm.net", false)));
        check("y@firm.example.cjsm-net.example", Some(("cjsm.net", true)));
        check("y@hmcts.example", Some(("hmcts.net", false)));
        check("y@hrncts.example", Some(("hmcts.net", false)));
        check("y@hmcts.net-mail.example", Some(("hmcts.net", true)));
        // The firm's own name and words of many.
        check("y@quillpounce-law.example", None);
        check("y@quillpounce.test", None);
        check("y@police.test", None);
        check("y@military-police.test", None);
        check("y@northshire.police.org.example", Some(("police.example", false)));
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
        // An office's name is at many a domain.
        let offices = ["no-reply@cps.gov.example", "witness.care@cps.gov.example", "case-progression2@cps.gov.example"];
        for office in offices {
            let (local, _) = office.split_once('@').unwrap();
            assert_eq!(resembles(&format!("{local}@else.example"), offices, &classes()), None, "{office}");
        }
        // A word of the domain alone is chance, unless the same person is named.
        let strong = |addr: &str, known: &str| resembles(addr, [known], &classes()).map(|found| found.strong);
        assert_eq!(strong("clerk@chambers-of-otter.example", "clerk@chambers.example"), Some(false));
        assert_eq!(strong("a.weir@office.lantern.example", "b.otter@office.gnome.example"), Some(false));
        assert_eq!(strong("somebody@foxglove.test", known[1]), Some(false));
        assert_eq!(strong("r.vellum@foxglove-law.example", known[1]), Some(true));
        assert_eq!(strong("r.vellum@foxgl0ve.example", known[1]), Some(true));
        assert_eq!(strong("sarah.case@foxglove-law.test", "sarah.case@foxglove.example"), Some(true));
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
