//! Whether the sender's domain is proven: by what the firm's own server wrote down when it took the message in. Pure.
//!
//! `Authentication-Results` (RFC 8601) can be written by anybody. A field counts only where its authserv-id is one that the configuration
//! names as the firm's own (RFC 8601 §2.5, §5), and only where nothing stands above it that another system added: every `Received` above it must be by a
//! host of that name or below its domain. A tag in the subject, such as `[CJSM]`, proves nothing and is not looked at.

use super::carriage::Classes;

/// What is known about the domain that a message claims to come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// No server of the firm's own has said anything.
    Claimed,
    /// A server of the firm's own has tested it: in words, for instance `DKIM of cps.gov.example`.
    Proven(String),
    /// A server of the firm's own has tested it, and it failed: in words.
    Failed(String),
}

impl Proof {
    /// The name that scripts read, given whether the address claims anything.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Proven(_) => "authentication-results",
            Self::Failed(_) => "none",
        }
    }
}

/// One test of a field (RFC 8601 §2.2, resinfo).
#[derive(Debug, PartialEq, Eq)]
struct Test {
    method: String,
    result: String,
    /// `ptype.property`, value.
    properties: Vec<(String, String)>,
}

impl Test {
    /// The domain of a property; of an address, what stands behind its `@`.
    fn domain(&self, property: &str) -> Option<String> {
        let (_, value) = self.properties.iter().find(|(name, _)| name == property)?;
        let domain = value.rsplit_once('@').map_or(value.as_str(), |(_, domain)| domain);
        Some(domain.trim_end_matches('.').to_lowercase()).filter(|domain| domain.contains('.'))
    }
}

/// A field without its comments (RFC 5322 §3.2.2), nested ones included; quoted strings are kept, without their quotes.
fn without_comments(value: &str) -> Vec<(char, bool)> {
    let (mut kept, mut depth, mut quoted, mut escaped) = (Vec::new(), 0_u32, false, false);
    for c in value.chars() {
        match c {
            _ if escaped => {
                escaped = false;
                if depth == 0 {
                    kept.push((c, true));
                }
            }
            '\\' if quoted || depth > 0 => escaped = true,
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => depth = depth.saturating_add(1),
            ')' if !quoted && depth > 0 => {
                depth -= 1;
                kept.push((' ', false));
            }
            _ if depth > 0 => {}
            c => kept.push((c, quoted)),
        }
    }
    kept
}

/// authserv-id and tests of a field.
fn read(value: &str) -> Option<(String, Vec<Test>)> {
    let kept = without_comments(value);
    let mut pieces = kept.split(|(c, quoted)| *c == ';' && !quoted);
    let words = |piece: &[(char, bool)]| -> Vec<String> {
        piece
            .split(|(c, quoted)| c.is_whitespace() && !quoted)
            .map(|word| word.iter().map(|(c, _)| *c).collect::<String>())
            .filter(|word| !word.is_empty())
            .collect()
    };
    let id = words(pieces.next()?).into_iter().next()?.to_lowercase();
    let mut tests = Vec::new();
    for piece in pieces {
        // White space around `=` is allowed.
        let joined = words(piece).join(" ").replace(" = ", "=").replace("= ", "=").replace(" =", "=");
        let mut words = joined.split(' ');
        let Some((method, result)) = words.next().and_then(|first| first.split_once('=')) else { continue };
        let method = method.split('/').next().unwrap_or_default().to_lowercase();
        let properties = words
            .filter_map(|word| word.split_once('='))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        tests.push(Test { method, result: result.to_lowercase(), properties });
    }
    Some((id, tests))
}

/// The host that a `Received` field says it was written by.
fn received_by(value: &str) -> Option<String> {
    let text: String = without_comments(value).into_iter().map(|(c, _)| c).collect();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        if word.eq_ignore_ascii_case("by") {
            return words.next().map(|host| host.trim_end_matches([';', '.']).to_lowercase());
        }
    }
    None
}

/// Whether a host is one of ours: named itself, or below the domain of a name of ours with more than two labels.
fn is_ours(host: &str, trusted: &[String]) -> bool {
    trusted.iter().any(|id| {
        let id = id.trim().trim_end_matches('.').to_lowercase();
        let parent = id.split_once('.').map(|(_, parent)| parent).filter(|parent| parent.contains('.'));
        let under = |suffix: &str| host.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        under(&id) || parent.is_some_and(under)
    })
}

/// Whether a domain speaks for another: the same one, or one that it lies below of, itself below a suffix.
fn aligned(tested: &str, from: &str, classes: &Classes) -> bool {
    let under = |domain: &str, suffix: &str| {
        domain.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    // `gov.uk` does not speak for all that lies below it, nor does a whole country.
    let is_suffix = classes.secure_suffixes().any(|suffix| suffix == tested) || !tested.contains('.');
    tested == from || (under(from, tested) && !is_suffix)
}

/// What the trusted field of a message says of the domain of its author. `fields` are the message's header fields from the top, name and
/// unfolded value; `from` is the author's one address.
#[must_use]
pub fn proof<'f>(
    fields: impl IntoIterator<Item = (&'f str, &'f str)>,
    from: &str,
    trusted: &[String],
    classes: &Classes,
) -> Proof {
    let Some((_, domain)) = from.trim().rsplit_once('@') else { return Proof::Claimed };
    let domain = domain.trim_end_matches('.').to_lowercase();
    if trusted.is_empty() || domain.is_empty() {
        return Proof::Claimed;
    }
    for (name, value) in fields {
        if name.eq_ignore_ascii_case("Received") {
            if !received_by(value).is_some_and(|host| is_ours(&host, trusted)) {
                return Proof::Claimed;
            }
        } else if name.eq_ignore_ascii_case("Authentication-Results") {
            let Some((id, tests)) = read(value) else { continue };
            if trusted.iter().any(|known| known.trim().trim_end_matches('.').eq_ignore_ascii_case(&id)) {
                return judge(&tests, &domain, classes);
            }
        }
    }
    Proof::Claimed
}

fn judge(tests: &[Test], domain: &str, classes: &Classes) -> Proof {
    let of = |method: &'static str| tests.iter().filter(move |test| test.method == method);
    // The author's domain asks receivers to refuse what fails this; nothing weaker makes good for it.
    if of("dmarc").any(|test| test.result == "fail") {
        return Proof::Failed(format!("the server found that it is not from {domain} (DMARC)"));
    }
    let passes = |test: &&Test| test.result == "pass";
    let dmarc = of("dmarc").filter(passes).find(|test| test.domain("header.from").as_deref() == Some(domain));
    if dmarc.is_some() {
        return Proof::Proven(format!("DMARC of {domain}"));
    }
    let dkim = of("dkim")
        .filter(passes)
        .filter_map(|test| test.domain("header.d").or_else(|| test.domain("header.i")))
        .find(|tested| aligned(tested, domain, classes));
    if let Some(tested) = dkim {
        return Proof::Proven(format!("DKIM of {tested}"));
    }
    let spf = of("spf")
        .filter(passes)
        .filter_map(|test| test.domain("smtp.mailfrom"))
        .find(|tested| aligned(tested, domain, classes));
    if let Some(tested) = spf {
        return Proof::Proven(format!("SPF of {tested}"));
    }
    let failed = of("dkim").chain(of("spf")).any(|test| test.result == "fail");
    if failed {
        Proof::Failed(format!("the server could not confirm that it is from {domain}"))
    } else {
        Proof::Claimed
    }
}

#[cfg(test)]
mod tests {
    use super::{Proof, proof, received_by};
    use crate::case::Classes;

    const OURS: &str = "mx.quillpounce.example";

    fn of(fields: &[(&str, &str)], from: &str) -> Proof {
        let classes = Classes::default().with(&[], &["gov.example".into()], &[]);
        proof(fields.iter().copied(), from, &[OURS.into()], &classes)
    }

    const CPS: &str = "ambleford.mags@cps.gov.example";

    #[test]
    fn only_the_firms_own_server_is_believed() {
        let results = |id: &str| format!("{id}; dkim=pass (2048-bit key) header.d=cps.gov.example; spf=none");
        let own = results(OURS);
        let field = [("Authentication-Results", own.as_str())];
        assert_eq!(of(&field, CPS), Proof::Proven("DKIM of cps.gov.example".into()));
        for id in ["mx.attacker.example", "mx.quillpounce.example.attacker.example", "xmx.quillpounce.example"] {
            let foreign = results(id);
            assert_eq!(of(&[("Authentication-Results", &foreign)], CPS), Proof::Claimed, "{id}");
        }
        let nobody: [String; 0] = [];
        assert_eq!(proof(field, CPS, &nobody, &Classes::default()), Proof::Claimed);
    }

    #[test]
    fn a_field_that_came_with_the_message_is_not_believed() {
        let own = format!("{OURS}; dmarc=pass header.from=cps.gov.example");
        let results = ("Authentication-Results", own.as_str());
        let ours = (
            "Received",
            "from mail.cps.gov.example (1.2.3.4) by mx.quillpounce.example with ESMTPS; Mon, 2 Mar 2026 14:53:07 +0000",
        );
        let store = ("Received", "by store.quillpounce.example (Dovecot) with LMTP");
        let foreign = ("Received", "from x by relay.attacker.example with SMTP");
        assert!(matches!(of(&[store, results, ours], CPS), Proof::Proven(_)));
        assert!(matches!(of(&[ours, results, foreign], CPS), Proof::Proven(_)));
        assert_eq!(of(&[ours, foreign, results], CPS), Proof::Claimed, "the sender may have written it");
        assert_eq!(of(&[("Received", "with no host at all"), results], CPS), Proof::Claimed);
        assert_eq!(received_by(foreign.1).as_deref(), Some("relay.attacker.example"));
        assert_eq!(received_by("from (by trap.example) x by y.example; date").as_deref(), Some("y.example"));
    }

    #[test]
    fn what_is_proven_must_be_the_authors_domain() {
        let check = |tests: &str, from: &str, expected: Proof| {
            let value = format!("{OURS} 1;\r\n {tests}");
            assert_eq!(of(&[("authentication-results", &value)], from), expected, "{tests}");
        };
        let proven = |words: &str| Proof::Proven(words.into());
        check("dkim=pass header.d=attacker.example", CPS, Proof::Claimed);
        check("spf=pass smtp.mailfrom=bounce@attacker.example", CPS, Proof::Claimed);
        check("spf=pass smtp.mailfrom=\"x@cps.gov.example\"", CPS, proven("SPF of cps.gov.example"));
        check(
            "dkim=fail header.d=x.example; dkim=pass header.d=cps.gov.example",
            CPS,
            proven("DKIM of cps.gov.example"),
        );
        check("dkim=pass header.d=cps.gov.example", "x@mags.cps.gov.example", proven("DKIM of cps.gov.example"));
        check("dkim=pass header.d=gov.example", CPS, Proof::Claimed);
        check("dkim=pass header.d=example", CPS, Proof::Claimed);
        check("dkim=pass header.d=s.gov.example", CPS, Proof::Claimed);
        check("dmarc=pass header.from=attacker.example", CPS, Proof::Claimed);
        check("dmarc=pass (p=reject; dis=none) header.from=cps.gov.example", CPS, proven("DMARC of cps.gov.example"));
        assert!(matches!(
            of(
                &[(
                    "Authentication-Results",
                    &format!("{OURS}; dmarc=fail header.from=cps.gov.example; dkim=pass header.d=cps.gov.example")
                )],
                CPS
            ),
            Proof::Failed(_)
        ));
        check("none", CPS, Proof::Claimed);
        check("dkim = pass  header.d = cps.gov.example", CPS, proven("DKIM of cps.gov.example"));
        check("x=\"a; dkim=pass header.d=cps.gov.example\"", CPS, Proof::Claimed);
        check("(dkim=pass header.d=cps.gov.example)", CPS, Proof::Claimed);
    }

    #[test]
    fn a_tag_in_the_subject_proves_nothing() {
        assert_eq!(of(&[("Subject", "[CJSM] R v FERRET"), ("X-CJSM", "yes")], CPS), Proof::Claimed);
    }
}
