//! crossterm's events to ours.

use crossterm::event::{Event as From, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::app::event::Event;
use crate::keymap::key::{Code, Key};

/// What an event of the terminal means to the model; nothing for those that mean nothing (mouse, focus, key releases).
pub(super) fn event(from: From) -> Option<Event> {
    match from {
        From::Key(key) => key_of(key).map(Event::Key),
        From::Paste(text) => Some(Event::Paste(text)),
        From::Resize(columns, rows) => Some(Event::Resize(columns, rows)),
        _ => None,
    }
}

fn key_of(from: KeyEvent) -> Option<Key> {
    if from.kind == KeyEventKind::Release {
        return None;
    }
    let code = match from.code {
        KeyCode::Char(c) => Code::Char(c),
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
        KeyCode::Tab => Code::Tab,
        KeyCode::BackTab => Code::BackTab,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Delete => Code::Delete,
        KeyCode::Insert => Code::Insert,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        KeyCode::F(number) => Code::F(number),
        _ => return None,
    };
    let held = |modifier| from.modifiers.contains(modifier);
    let shift = held(KeyModifiers::SHIFT);
    let key = Key {
        code,
        ctrl: held(KeyModifiers::CONTROL),
        // Terminals that tell Meta from Alt are few; people who press it mean Alt.
        alt: held(KeyModifiers::ALT) || held(KeyModifiers::META),
        shift: shift && !matches!(code, Code::Char(_)),
    };
    Some(key.normal())
}

#[cfg(test)]
mod tests {
    use crossterm::event::{Event as From, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

    use super::event;
    use crate::app::event::Event;

    #[test]
    fn keys_become_what_keymaps_are_written_in() {
        let check = |code: KeyCode, modifiers: KeyModifiers, expected: &str| {
            let told = match event(From::Key(KeyEvent::new(code, modifiers))) {
                Some(Event::Key(key)) => key.to_string(),
                other => format!("{other:?}"),
            };
            assert_eq!(told, expected);
        };
        check(KeyCode::Char('G'), KeyModifiers::SHIFT, "G");
        check(KeyCode::Char('é'), KeyModifiers::NONE, "é");
        check(KeyCode::Char('r'), KeyModifiers::CONTROL, "ctrl-r");
        check(KeyCode::Char(' '), KeyModifiers::CONTROL, "ctrl-space");
        check(KeyCode::Char('7'), KeyModifiers::CONTROL, "ctrl-_");
        check(KeyCode::BackTab, KeyModifiers::SHIFT, "shift-tab");
        check(KeyCode::Up, KeyModifiers::CONTROL | KeyModifiers::SHIFT, "ctrl-shift-up");
        check(KeyCode::Backspace, KeyModifiers::ALT, "alt-backspace");
        check(KeyCode::F(5), KeyModifiers::NONE, "F5");
        check(KeyCode::CapsLock, KeyModifiers::NONE, "None");
        let release = KeyEvent { kind: KeyEventKind::Release, ..KeyEvent::new(KeyCode::Char('a'), KeyModifiers::NONE) };
        assert!(event(From::Key(release)).is_none());
    }
}
