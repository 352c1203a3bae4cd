//! Themes: what files may say, what is told of mistakes, and what is left on terminals with fewer colours.

use ratatui::style::{Color, Modifier};

use super::{Colours, SHIPPED, Scope, Theme};
use crate::settings::layers::Source;

fn own(text: &str) -> Result<(Theme, Vec<String>), Vec<String>> {
    let words = |findings: Vec<crate::settings::Finding>| findings.iter().map(ToString::to_string).collect();
    let source = Source { file: "mine.toml".to_owned(), text: text.to_owned() };
    Theme::load("mine", &|name| (name == "mine").then(|| source.clone()))
        .map(|(theme, findings)| (theme, words(findings)))
        .map_err(words)
}

fn told(text: &str) -> Vec<String> {
    match own(&format!("inherits = \"dark\"\n{text}")) {
        Ok((_, findings)) | Err(findings) => findings,
    }
}

#[test]
fn shipped_themes_have_nothing_to_tell_and_colour_every_scope() {
    for (name, _) in SHIPPED {
        let (theme, findings) = Theme::load(name, &|_| None).unwrap();
        assert!(findings.is_empty(), "{findings:#?}");
        for scope in Scope::ALL {
            let style = theme.style(*scope);
            assert!(style.fg.is_some() && style.bg.is_some(), "{name} {}", scope.name());
        }
    }
}

#[test]
fn what_a_scope_does_not_say_shows_through() {
    let (theme, findings) =
        own("[scope]\n'text' = { fg = '#fff', bg = 0 }\n'text.strong' = { modifiers = ['bold'] }\n'tone.alarm' = 'bright-red'\n").unwrap();
    assert!(findings.is_empty(), "{findings:?}");
    let alarm = theme.style(Scope::SignatureBad);
    assert_eq!((alarm.fg, alarm.bg), (Some(Color::LightRed), Some(Color::Indexed(0))));
    assert!(alarm.add_modifier.contains(Modifier::BOLD));
    assert_eq!(theme.style(Scope::ListRow).fg, Some(Color::Rgb(255, 255, 255)));
}

#[test]
fn a_file_lies_over_what_it_inherits_field_by_field() {
    let (theme, findings) =
        own("inherits = 'dark'\n[palette]\nalarm = '#ffaaaa'\n[scope]\n'list.selected' = { reversed = true }\n")
            .unwrap();
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!(theme.style(Scope::ToneAlarm).fg, Some(Color::Rgb(0xff, 0xaa, 0xaa)));
    let (dark, selected) = (Theme::builtin().style(Scope::ListSelected), theme.style(Scope::ListSelected));
    assert_eq!((selected.fg, selected.bg), (dark.fg, dark.bg));
    assert!(selected.add_modifier.contains(Modifier::REVERSED));
}

#[test]
fn mistakes_are_told_with_their_line_and_a_cure() {
    let check = |text: &str, expected: &str| assert_eq!(told(text), [expected], "{text}");
    check(
        "[scope]\n'list.selectd' = 'ink'",
        "mine.toml:3:1: error: there is no scope `list.selectd`; did you mean `list.selected`?",
    );
    check("[scope]\n'text' = 'inc'", "mine.toml:3:10: error: there is no colour `inc`; did you mean `ink`?");
    check(
        "[scope]\n'text' = '#12345'",
        "mine.toml:3:10: error: there is no colour `#12345`; write six hexadecimal digits: \"#rrggbb\"",
    );
    check("[scope]\n'text' = { fg = 256 }", "mine.toml:3:17: error: 256 is no colour; write a number from 0 to 255");
    check(
        "[scope]\n'text' = { modifiers = ['blod'] }",
        "mine.toml:3:25: error: there is no modifier `blod`; did you mean `bold`?",
    );
    check(
        "[scope]\n'text' = { foreground = 'ink' }",
        "mine.toml:3:12: error: unknown key `foreground`; known here: fg, bg, modifiers, reversed",
    );
    check("[palete]\n", "mine.toml:2:2: error: unknown key `palete`; did you mean `palette`?");
    check(
        "[palette]\nallarm = '#ff0000'",
        "mine.toml:3:10: warning: the colour `allarm` is not used by any scope; did you mean `alarm`?",
    );
    check(
        "[palette]\nink = 'inc'",
        "mine.toml:3:7: error: there is no colour `inc`; known here: default, black, red, green, yellow, blue, magenta, cyan, white, bright-black, bright-red, bright-green, bright-yellow, bright-blue, bright-magenta, bright-cyan, bright-white",
    );
    check(
        "[scope]\n'tone.good' = { fg = '#303030' }",
        "mine.toml:3:1: warning: `tone.good` can hardly be read: its contrast is 1.3; \
         make text and background differ more: 4.5 is the least",
    );
}

#[test]
fn without_colours_the_marks_remain() {
    let plain = Theme::plain();
    for scope in Scope::ALL {
        let style = plain.style(*scope);
        assert!(style.fg.is_none() && style.bg.is_none(), "{}", scope.name());
    }
    assert!(plain.style(Scope::ListSelected).add_modifier.contains(Modifier::REVERSED));
    assert!(plain.style(Scope::ListUnread).add_modifier.contains(Modifier::BOLD));
    assert!(plain.style(Scope::SignatureBad).add_modifier.contains(Modifier::REVERSED | Modifier::BOLD));
}

#[test]
fn sixteen_colours_keep_the_hue_and_the_terminals_page() {
    for (name, alarm) in [("dark", Color::LightRed), ("light", Color::Red)] {
        let (theme, _) = Theme::load(name, &|_| None).unwrap();
        let theme = theme.adapt(Colours::Sixteen);
        assert_eq!(theme.style(Scope::ToneAlarm).fg, Some(alarm), "{name}");
        for scope in Scope::ALL {
            let style = theme.style(*scope);
            assert!(
                style.bg.is_none() && !matches!(style.fg, Some(Color::Rgb(..) | Color::Indexed(_))),
                "{}",
                scope.name()
            );
        }
        assert!(theme.style(Scope::ListSelected).add_modifier.contains(Modifier::REVERSED));
        assert!(theme.style(Scope::TextMuted).add_modifier.contains(Modifier::DIM), "{name}");
        assert!(!theme.style(Scope::Text).add_modifier.contains(Modifier::DIM), "{name}");
    }
}

#[test]
fn two_hundred_and_fifty_six_colours_are_indexed() {
    let theme = Theme::builtin().adapt(Colours::Indexed);
    for scope in Scope::ALL {
        assert!(matches!(theme.style(*scope).fg, Some(Color::Indexed(16..))), "{}", scope.name());
    }
}
