//! What the environment says about the terminal and the editor, read once and handed on as values.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::colours::{colours, utf8};
use super::editor::Editor;
use crate::config::Pictures;
use crate::theme::Colours;

/// Values of the environment; nothing in it is a secret.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `TERM`.
    pub term: Option<String>,
    /// `COLORTERM`.
    pub colorterm: Option<String>,
    /// `NO_COLOR`.
    pub no_color: Option<String>,
    /// `LC_ALL`, `LC_CTYPE`, `LANG`.
    pub locale: [Option<String>; 3],
    /// `VISUAL`.
    pub visual: Option<String>,
    /// `EDITOR`.
    pub editor: Option<String>,
    /// `PATH`.
    pub path: Option<OsString>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime: Option<PathBuf>,
    /// `TERM_PROGRAM`.
    pub program: Option<String>,
    /// `KITTY_WINDOW_ID` is set.
    pub is_kitty: bool,
    /// `TMUX` or `STY` is set: what lies between takes pictures out.
    pub is_within: bool,
    /// `HOME`.
    pub home: Option<String>,
    /// `SSH_CONNECTION` is set: the machine is somebody else's too.
    pub is_remote: bool,
}

impl Environment {
    /// Reads it.
    #[must_use]
    pub fn read() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the environment is read here, once, and handed on as values")]
        let text = |name: &str| std::env::var(name).ok();
        Self {
            term: text("TERM"),
            colorterm: text("COLORTERM"),
            no_color: text("NO_COLOR"),
            locale: [text("LC_ALL"), text("LC_CTYPE"), text("LANG")],
            visual: text("VISUAL"),
            editor: text("EDITOR"),
            path: std::env::var_os("PATH"),
            runtime: std::env::var_os("XDG_RUNTIME_DIR").filter(|path| !path.is_empty()).map(PathBuf::from),
            program: text("TERM_PROGRAM"),
            is_kitty: text("KITTY_WINDOW_ID").is_some_and(|value| !value.is_empty()),
            is_within: text("TMUX").is_some_and(|value| !value.is_empty()) || text("STY").is_some(),
            home: text("HOME"),
            is_remote: std::env::var_os("SSH_CONNECTION").is_some_and(|value| !value.is_empty()),
        }
    }

    /// How many colours to use: what [`crate::theme::Theme::adapt`] is to be given.
    #[must_use]
    pub fn colours(&self) -> Colours {
        colours(self.no_color.as_deref(), self.colorterm.as_deref(), self.term.as_deref())
    }

    /// How the terminal shows pictures: as configured, else by what its environment says of it.
    #[must_use]
    pub fn pictures(&self, configured: Pictures) -> Pictures {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        super::pictures::way(configured, &text(&self.term), &text(&self.program), self.is_kitty, self.is_within)
    }

    /// Whether the terminal shows UTF-8; without it, the screen is drawn with ASCII alone.
    #[must_use]
    pub fn utf8(&self) -> bool {
        let [all, ctype, lang] = &self.locale;
        utf8(all.as_deref(), ctype.as_deref(), lang.as_deref())
    }

    /// The outside editor: the configured one, or the environment's. `state` is a directory of ours.
    #[must_use]
    pub fn editor(&self, configured: Option<Vec<String>>, state: &Path) -> Editor {
        Editor {
            configured,
            visual: self.visual.clone(),
            editor: self.editor.clone(),
            path: self.path.clone(),
            runtime: self.runtime.clone(),
            state: state.to_owned(),
        }
    }
}
