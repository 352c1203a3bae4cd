//! Text in the one form that survives mail programs: what these change in passing is changed beforehand, so that a digest stays the same.

/// Characters of a text in terms at most. What is longer is attached as a file and named by its digest.
pub const CHARS_MAX: usize = 4000;

/// The one form of a text: one line; typographic quotes, dashes, dots and spaces as on a typewriter; white space single; what is invisible
/// left out. Doing it twice changes nothing.
#[must_use]
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars() {
        match plain(character) {
            // Some programs make one dash of two or three hyphens.
            Plain::Text("-") if folded.ends_with('-') => {}
            Plain::Same => folded.push(character),
            Plain::Text(text) => folded.push_str(text),
            Plain::Space if folded.is_empty() || folded.ends_with(' ') => {}
            Plain::Space => folded.push(' '),
            Plain::Nothing => {}
        }
    }
    if folded.ends_with(' ') {
        folded.pop();
    }
    folded
}

enum Plain {
    Same,
    Text(&'static str),
    Space,
    Nothing,
}

fn plain(character: char) -> Plain {
    match character {
        '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}' | '\u{2032}' | '\u{ff07}' => Plain::Text("'"),
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{201f}' | '\u{2033}' | '\u{ff02}' | '\u{ab}' | '\u{bb}' => {
            Plain::Text("\"")
        }
        '\u{2010}'..='\u{2015}' | '-' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' => Plain::Text("-"),
        '\u{2026}' => Plain::Text("..."),
        // At the beginning of a line it would be a quote mark, in HTML a tag.
        '<' => Plain::Text("\u{2039}"),
        '>' => Plain::Text("\u{203a}"),
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => {
            Plain::Nothing
        }
        _ if character.is_whitespace() => Plain::Space,
        _ if character.is_control() => Plain::Nothing,
        _ => Plain::Same,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::fold;

    #[test]
    fn what_mail_programs_change_is_one_text() {
        let expected = "did say \"come 'ere\" - twice...";
        for text in [
            "did say \"come 'ere\" - twice...",
            "did say \u{201c}come \u{2018}ere\u{201d} \u{2013} twice\u{2026}",
            " did\u{a0}say \"come\r\n'ere\" -\ttwice... ",
            "did s\u{ad}ay \"come\u{200b} 'ere\" - twice...",
        ] {
            assert_eq!(fold(text), expected);
        }
    }

    proptest! {
        #[test]
        fn twice_is_once(text in ".*") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }
    }
}
