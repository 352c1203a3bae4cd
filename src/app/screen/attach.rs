//! The path of a file to send along, completed while one types: `~`, spaces and quotes as they come.

use std::sync::Arc;

use crate::app::line::Line;
use crate::app::view::PathRow;
use crate::enclose::paths;

/// A path being typed.
#[derive(Clone, Debug, Default)]
pub struct Attach {
    /// What was typed.
    pub line: Line,
    /// What could complete it.
    pub rows: Arc<[PathRow]>,
    /// The marked one; `None`: what was typed counts.
    pub at: Option<usize>,
    /// They have come.
    pub loaded: bool,
    /// It is to be completed as soon as they come.
    pub hurried: bool,
    home: String,
}

impl Attach {
    /// A prompt that begins at a directory.
    #[must_use]
    pub fn new(directory: &str, home: &str) -> Self {
        let end = if directory.is_empty() || directory.ends_with('/') { "" } else { "/" };
        let line = Line::new(&paths::shown(&format!("{directory}{end}")));
        Self { line, home: home.to_owned(), ..Self::default() }
    }

    /// The path as it is looked for.
    #[must_use]
    pub fn path(&self) -> String {
        paths::at_home(&paths::typed(paths::begun_anew(self.line.text())), &self.home)
    }

    /// Every way in which what was typed may be meant, the likeliest first.
    #[must_use]
    pub fn readings(&self) -> Vec<Vec<String>> {
        let mut all = vec![vec![self.path().trim_end().to_owned()]];
        all.extend(paths::readings(paths::begun_anew(self.line.text())));
        all.iter_mut().flatten().for_each(|path| *path = paths::at_home(path, &self.home));
        all.dedup();
        all
    }

    /// Something was typed: what was offered is not what could complete it now.
    pub fn typed(&mut self) {
        (self.rows, self.at, self.loaded, self.hurried) = (Arc::from([]), None, false, false);
    }

    /// Takes what could complete a path, if it is still the one that is typed.
    pub fn offer(&mut self, typed: &str, rows: Arc<[PathRow]>) {
        if self.path() == typed {
            (self.rows, self.at, self.loaded) = (rows, None, true);
        }
    }

    /// Marks another, or none.
    pub fn step(&mut self, by: isize) {
        let Some(last) = self.rows.len().checked_sub(1) else { return };
        self.at = match self.at {
            None => Some(if by < 0 { last } else { 0 }),
            Some(0) if by < 0 => None,
            Some(at) if at == last && by > 0 => None,
            Some(at) => Some(at.saturating_add_signed(by).min(last)),
        };
    }

    /// The marked one.
    #[must_use]
    pub fn chosen(&self) -> Option<&PathRow> {
        self.rows.get(self.at?)
    }

    /// Goes on as far as there is one way only: to the marked one, or to what all have in common. Tells whether the path is another now; where
    /// not, the first is marked.
    pub fn complete(&mut self) -> bool {
        let path = match self.chosen() {
            Some(row) => row.path.clone(),
            None => {
                let all: Vec<&str> = self.rows.iter().map(|row| row.path.as_str()).collect();
                let common = paths::common(&all);
                all.first().and_then(|first| first.get(..common)).unwrap_or_default().to_owned()
            }
        };
        if path.len() <= self.path().len() && self.chosen().is_none() {
            self.step(1);
            return false;
        }
        self.put(&path);
        true
    }

    /// Puts a path in place of what was typed.
    pub fn put(&mut self, path: &str) {
        let home = self.home.trim_end_matches('/');
        let short = path.strip_prefix(home).filter(|rest| !home.is_empty() && rest.starts_with('/'));
        let short = short.map_or_else(|| path.to_owned(), |rest| format!("~{rest}"));
        self.line = Line::new(&paths::shown(&short));
        self.typed();
    }
}

#[cfg(test)]
mod tests {
    use super::{Attach, Line, PathRow};
    use crate::mail::safe::SafeText;

    fn row(path: &str) -> PathRow {
        PathRow { path: path.into(), name: SafeText::line(path), is_directory: path.ends_with('/'), bytes: 1 }
    }

    #[test]
    fn tab_goes_as_far_as_there_is_one_way() {
        let mut attach = Attach::new("~", "/home/b");
        assert_eq!((attach.line.text(), attach.path().as_str()), ("~/", "/home/b/"));
        for (text, path) in [
            ("~//tmp/x", "/tmp/x"),
            ("~/~/x", "/home/b/x"),
            ("~/file:///tmp/a%20b", "/tmp/a b"),
            ("~/x/y", "/home/b/x/y"),
        ] {
            attach.line = Line::new(text);
            assert_eq!(attach.path(), path);
            assert_eq!(attach.readings().last().unwrap(), &[path.to_owned()]);
        }
        attach.line = Line::new("~/");
        attach.offer("/home/b/", vec![row("/home/b/My papers/"), row("/home/b/My pictures/")].into());
        assert!(attach.complete());
        assert_eq!(attach.line.text(), "~/My p");
        attach.offer("/home/b/", vec![row("/stale")].into());
        assert!(attach.rows.is_empty(), "the answer to what was typed before");
        attach.offer("/home/b/My p", vec![row("/home/b/My papers/"), row("/home/b/My pictures/")].into());
        assert!(!attach.complete(), "two ways: the first is marked");
        assert!(attach.complete());
        assert_eq!(attach.line.text(), "~/My papers/");
        attach.step(1);
        assert_eq!(attach.at, None, "nothing is offered yet");
    }

    #[test]
    fn what_is_typed_may_be_meant_in_several_ways() {
        let mut attach = Attach::new("", "/home/b");
        attach.line.insert("'~/a b.pdf' /c.pdf");
        let readings = attach.readings();
        assert!(readings.contains(&vec!["/home/b/a b.pdf".into(), "/c.pdf".into()]), "{readings:?}");
        let mut attach = Attach::new("/tmp", "");
        attach.line.insert("MG5 Ferret.pdf ");
        assert_eq!(attach.readings()[0], ["/tmp/MG5 Ferret.pdf"]);
    }
}
