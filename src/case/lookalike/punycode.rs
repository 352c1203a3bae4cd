//! Domain names in the form of IDNA, `xn--…`, as they are shown to people: Punycode (RFC 3492) read, for looking only.

/// A domain with each label that is in the form of IDNA read; one that is none stays as it is.
pub(super) fn readable(domain: &str) -> String {
    let labels = domain.split('.').map(|label| {
        let coded = label.get(..4).filter(|head| head.eq_ignore_ascii_case("xn--")).and_then(|_| label.get(4..));
        coded.and_then(decode).unwrap_or_else(|| label.to_owned())
    });
    labels.collect::<Vec<_>>().join(".")
}

/// RFC 3492 §6.2; `None` where it is none, or too long for a label.
fn decode(label: &str) -> Option<String> {
    const BASE: u32 = 36;
    const T_MIN: u32 = 1;
    const T_MAX: u32 = 26;
    if label.len() > 63 || !label.is_ascii() {
        return None;
    }
    let (basic, coded) = label.rsplit_once('-').unwrap_or(("", label));
    let mut read: Vec<char> = basic.chars().collect();
    let (mut n, mut at, mut bias) = (128_u32, 0_u32, 72_u32);
    let mut digits = coded.bytes().peekable();
    while digits.peek().is_some() {
        let (before, mut weight, mut step) = (at, 1_u32, BASE);
        loop {
            let byte = digits.next()?.to_ascii_lowercase();
            let digit = match byte {
                b'a'..=b'z' => u32::from(byte - b'a'),
                b'0'..=b'9' => u32::from(byte - b'0') + 26,
                _ => return None,
            };
            at = at.checked_add(digit.checked_mul(weight)?)?;
            let threshold = step.saturating_sub(bias).clamp(T_MIN, T_MAX);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(BASE - threshold)?;
            step = step.checked_add(BASE)?;
        }
        let length = u32::try_from(read.len()).ok()?.checked_add(1)?;
        bias = adapted(at - before, length, before == 0);
        n = n.checked_add(at / length)?;
        at %= length;
        read.insert(usize::try_from(at).ok()?, char::from_u32(n)?);
        at = at.checked_add(1)?;
    }
    Some(read.into_iter().collect())
}

/// RFC 3492 §6.1.
fn adapted(delta: u32, length: u32, first: bool) -> u32 {
    let mut delta = if first { delta / 700 } else { delta / 2 };
    delta += delta / length;
    let mut step = 0;
    while delta > 455 {
        delta /= 35;
        step += 36;
    }
    step + 36 * delta / (delta + 38)
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn names_of_idna_are_read_and_others_left_alone() {
        let check = |domain: &str, expected: &str| assert_eq!(readable(domain), expected, "{domain}");
        check("xn--bcher-kva.example", "bücher.example");
        check("XN--BCHER-KVA.example", "BüCHER.example");
        check("www.xn--fiqs8s", "www.中国");
        check("cps.gov.example", "cps.gov.example");
        check("xn--", "");
        check("xn--!!.example", "xn--!!.example");
        check("xn--99999999999.example", "xn--99999999999.example");
        check("é.example", "é.example");
    }
}
