//! A yes to what cannot be taken back: typed at a terminal, or given with `--yes`.

use super::exit::{Exit, Failure};
use super::setup;

/// Has a person type a word before something is done; `else_`: what is true where they do not.
///
/// # Errors
/// Another word was typed, or there is nobody to ask.
pub(super) fn agreed(is_interactive: bool, yes: bool, word: &str, else_: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !is_interactive {
        let words =
            format!("this cannot be taken back, and there is nobody to ask: {else_}; say --yes where it is meant");
        return Err(Failure::no(words));
    }
    let typed = setup::ask(&format!("This cannot be taken back. Type \u{201c}{word}\u{201d} to do it"), Some("no"));
    match typed {
        Ok(typed) if typed == word => Ok(()),
        Ok(_) => Err(Failure::no(else_)),
        Err(failure) => Err(Failure::new(Exit::No, format!("{else_}: {}", failure.words))),
    }
}
