//! What the environment says about the terminal. The values are handed in: nothing here reads the environment.

use crate::theme::Colours;

/// How many colours to use, from the values of `NO_COLOR`, `COLORTERM` and `TERM`.
#[must_use]
pub fn colours(no_color: Option<&str>, colorterm: Option<&str>, term: Option<&str>) -> Colours {
    let term = term.unwrap_or_default();
    if no_color.is_some_and(|value| !value.is_empty()) || matches!(term, "" | "dumb") || is_monochrome(term) {
        return Colours::None;
    }
    let full = ["-direct", "truecolor", "kitty", "alacritty", "wezterm", "foot", "ghostty", "contour"];
    if matches!(colorterm, Some("truecolor" | "24bit")) || full.iter().any(|name| term.contains(name)) {
        Colours::True
    } else if term.contains("256color") {
        Colours::Indexed
    } else {
        Colours::Sixteen
    }
}

/// Glass terminals of the VT line, and entries that say so.
fn is_monochrome(term: &str) -> bool {
    term.ends_with("-m") || term.ends_with("-mono") || ["vt100", "vt102", "vt220", "vt320"].contains(&term)
}

/// Whether the terminal is told to show UTF-8, from the values of `LC_ALL`, `LC_CTYPE` and `LANG`: the first that is set decides
/// (POSIX.1-2024, Base Definitions 8.2).
#[must_use]
pub fn utf8(lc_all: Option<&str>, lc_ctype: Option<&str>, lang: Option<&str>) -> bool {
    let value = [lc_all, lc_ctype, lang].into_iter().flatten().find(|value| !value.is_empty()).unwrap_or_default();
    let value = value.to_lowercase();
    value.contains("utf-8") || value.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::{Colours, colours, utf8};

    #[test]
    fn colours_follow_the_environment() {
        let check = |no_color, colorterm, term, expected| {
            assert_eq!(colours(no_color, colorterm, term), expected, "{no_color:?} {colorterm:?} {term:?}");
        };
        check(None, Some("truecolor"), Some("xterm-256color"), Colours::True);
        check(Some("1"), Some("truecolor"), Some("xterm-256color"), Colours::None);
        check(Some(""), None, Some("xterm-256color"), Colours::Indexed);
        check(None, None, Some("tmux-256color"), Colours::Indexed);
        check(None, None, Some("xterm-kitty"), Colours::True);
        check(None, None, Some("xterm"), Colours::Sixteen);
        check(None, None, Some("linux"), Colours::Sixteen);
        check(None, None, Some("vt220"), Colours::None);
        check(None, Some("truecolor"), Some("dumb"), Colours::None);
        check(None, None, None, Colours::None);
    }

    #[test]
    fn the_first_locale_that_is_set_decides() {
        assert!(utf8(None, None, Some("en_GB.UTF-8")));
        assert!(utf8(Some("C.utf8"), None, Some("C")));
        assert!(!utf8(Some("C"), None, Some("en_GB.UTF-8")));
        assert!(utf8(Some(""), None, Some("en_GB.UTF-8")));
        assert!(!utf8(None, None, None));
    }
}
