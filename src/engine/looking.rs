//! A document looked into, saved or opened outside, for whoever asks: its bytes are found in its message or among what was taken in by hand, unless
//! it is out of reach.

use std::path::PathBuf;
use std::sync::Arc;

use super::announce::sentence;
use super::core::{Core, Open};
use super::streamed::{InnerContent, Streamed};
use super::{documents, files, sandbox};
use crate::app::document_view::{Look, Offered, Picture};
use crate::app::event::Event;
use crate::app::view::{Sentence, Tone};
use crate::case::HearingTime;
use crate::case::document::{Document, Reach};
use crate::look::{Asked, Found};
use crate::mail::safe::SafeText;

/// Lines of a document that are shown.
const LINES_MAX: usize = 200_000;

/// What the sandbox found, as the screen shows it.
fn view(document: &Document, found: Found) -> Look {
    let picture = found.picture.and_then(|points| {
        let octets = hex::decode(&points.points).ok()?;
        let is_whole = octets.len() == usize::from(points.width) * usize::from(points.height) * 3;
        is_whole.then_some(Picture { width: points.width, height: points.height, points: octets })
    });
    let offered = found.invited.and_then(|invited| {
        let at = invited.start.parse::<jiff::civil::DateTime>();
        let at = at.map(|at| HearingTime { date: at.date(), time: Some(at.time()) });
        let at = at.or_else(|_| invited.start.parse().map(|date| HearingTime { date, time: None })).ok()?;
        let line = |text: &str| SafeText::line(text).to_string();
        Some(Offered { at, court: line(&invited.place), summary: line(&invited.summary) })
    });
    let mut said = vec![sentence(Tone::Plain, &format!("{}: {}.", document.kind.words, found.format))];
    said.extend(found.notes.iter().map(|note| sentence(Tone::Plain, note)));
    let lines: Vec<SafeText> = SafeText::block(&found.text).into_iter().take(LINES_MAX).collect();
    Look { title: SafeText::line(&document.name), said, lines: lines.into(), picture, offered }
}

/// A document that was found.
pub(super) enum Content {
    /// Its bytes.
    Held(Vec<u8>),
    /// A part of a message, which is read from there, and its digest.
    Part(Box<Streamed>, usize, String),
}

impl Content {
    /// Its bytes, no more than `most` of them.
    pub(super) fn read(self, most: usize) -> Result<Vec<u8>, Sentence> {
        match self {
            Self::Held(bytes) => Ok(bytes),
            Self::Part(message, place, _) => message
                .content(place, most)
                .map_err(|error| sentence(Tone::Alarm, &format!("The document could not be read: {error}"))),
        }
    }

    /// Saves it in a directory, as [`files::save`] does.
    fn save(&self, dir: &std::path::Path, name: &str) -> Result<files::Saved, String> {
        match self {
            Self::Held(bytes) => files::save(dir, name, bytes),
            Self::Part(message, place, sha256) => {
                files::save_from(dir, name, sha256, &|to| message.write_content(&message.tape(), *place, to))
            }
        }
    }
}

impl Core {
    /// Finds the bytes of a document and hands them on, on a thread that may block.
    pub(super) fn with_document(
        &mut self,
        open: &mut Open,
        document: &Document,
        then: impl FnOnce(Result<Content, Sentence>) + Send + 'static,
    ) {
        if document.reach == Reach::Quarantined {
            then(Err(sentence(Tone::Warning, "This document is in quarantine.")));
            return;
        }
        match document.message.clone() {
            Some(message) => {
                let wanted = document.clone();
                self.with_message(open, message, move |read| {
                    then(read.and_then(|(streamed, _)| {
                        let gone = "The message does not hold this document any more.";
                        let gone = || sentence(Tone::Warning, gone);
                        let reading = streamed.reading.as_ref().ok_or_else(gone)?;
                        let info = documents::attachment_of(reading, &wanted);
                        let info = info.map_err(|words| sentence(Tone::Warning, &words))?;
                        let mut place = info.part;
                        let mut sha256 = info.sha256.clone();
                        if wanted.inside.is_some() {
                            match streamed.inner(info, &wanted.path, &wanted.sha256).ok().flatten().ok_or_else(gone)? {
                                InnerContent::Held(bytes) => return Ok(Content::Held(bytes)),
                                InnerContent::Part(part) => (place, sha256) = (part, wanted.sha256.clone()),
                            }
                        }
                        Ok(Content::Part(Box::new(streamed), place, sha256))
                    }));
                });
            }
            None => {
                if document.reach != Reach::Open {
                    then(Err(sentence(Tone::Warning, "This document may not be meant for you: it is not opened.")));
                    return;
                }
                let (register, stores, sha256) =
                    (open.register.clone(), Arc::clone(&open.stores), document.sha256.clone());
                self.runtime.spawn_blocking(move || {
                    let read = documents::imported(&register, &stores, &sha256);
                    then(read.map(Content::Held).map_err(|error| sentence(Tone::Warning, &error.to_string())));
                });
            }
        }
    }

    /// Looks into a document, in the sandbox.
    pub(super) fn look(&mut self, open: &mut Open, document: Document) {
        let (announcer, runtime) = (self.announcer.clone(), self.runtime.clone());
        let asked = document.clone();
        self.with_document(open, &document, move |found| {
            // What is too large to be looked into is not read to its end.
            let bytes = found.and_then(|found| found.read(crate::look::BYTES_MAX.saturating_add(1)));
            runtime.spawn(async move {
                let id = asked.sha256.clone();
                let found = match bytes {
                    Err(words) => Err(words),
                    Ok(bytes) => {
                        let name = Asked { name: asked.name.clone(), media_type: asked.media_type.clone() };
                        let looked = sandbox::look_inside(&name, &bytes).await;
                        let why = |words| {
                            sentence(Tone::Warning, &format!("\u{201c}{}\u{201d} is not shown: {words}.", asked.name))
                        };
                        looked.map(|found| Arc::new(view(&asked, found))).map_err(why)
                    }
                };
                announcer.send(Event::Looked(id, found));
            });
        });
    }

    /// Saves documents to a directory, each under a name that is not taken.
    pub(super) fn save_documents(&mut self, open: &mut Open, chosen: Vec<Document>, dir: String) {
        for document in chosen {
            let (announcer, dir, name) = (self.announcer.clone(), PathBuf::from(&dir), document.name.clone());
            self.with_document(open, &document, move |found| {
                let told = match found
                    .and_then(|found| found.save(&dir, &name).map_err(|words| sentence(Tone::Alarm, &words)))
                {
                    Ok(saved) if saved.already => {
                        sentence(Tone::Plain, &format!("It was saved already: {}", saved.path.display()))
                    }
                    Ok(saved) => sentence(Tone::Good, &format!("Saved: {}", saved.path.display())),
                    Err(words) => words,
                };
                announcer.send(Event::Notice(told));
            });
        }
    }

    /// Opens a document in the outside program of the configuration, from a private directory that is wiped when the program ends.
    pub(super) fn open_outside(&mut self, open: &mut Open, document: Document) {
        let (announcer, runtime) = (self.announcer.clone(), self.runtime.clone());
        let command = self.settings.config.viewer.clone();
        let state = self.settings.roots.state.clone();
        let Some((program, arguments)) = command.split_first().map(|(first, rest)| (first.clone(), rest.to_vec()))
        else {
            let words = "No outside program is configured: write for instance `viewer = [\"zathura\"]`, one that stays until you close it.";
            self.announcer.send(Event::Notice(sentence(Tone::Warning, words)));
            return;
        };
        let name = document.name.clone();
        self.with_document(open, &document, move |found| {
            runtime.spawn(async move {
                let told = match found {
                    Err(words) => words,
                    Ok(found) => match outside(&state, &name, found, &program, &arguments).await {
                        Ok(()) => sentence(Tone::Plain, "The outside program has ended; the copy was wiped."),
                        Err(words) => sentence(Tone::Alarm, &words),
                    },
                };
                announcer.send(Event::Notice(told));
            });
        });
    }
}

/// How directories of copies for outside programs are named.
const OUTSIDE: &str = "outside-";

/// Wipes copies that a former run could not: it was killed while an outside program had them open. Whoever has the profile has it alone.
pub(super) fn sweep(state: &std::path::Path) {
    for entry in std::fs::read_dir(state).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(OUTSIDE));
        if !is_ours || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        for copy in std::fs::read_dir(entry.path()).into_iter().flatten().flatten() {
            wipe(&copy.path());
        }
        let _ = std::fs::remove_dir_all(entry.path());
    }
}

/// Overwrites a file; what the file system does with that is its own affair.
fn wipe(path: &std::path::Path) {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default();
    if let Ok(mut file) = std::fs::OpenOptions::new().write(true).custom_flags(flags).open(path)
        && let Ok(metadata) = file.metadata()
        && metadata.is_file()
    {
        let _ = std::io::copy(&mut std::io::Read::take(std::io::repeat(0), metadata.len()), &mut file);
        let _ = file.sync_all();
    }
}

/// Runs the program on a private copy and wipes it.
async fn outside(
    state: &std::path::Path,
    name: &str,
    content: Content,
    program: &str,
    arguments: &[String],
) -> Result<(), String> {
    use std::os::unix::fs::DirBuilderExt;
    let fail = |error: std::io::Error| format!("{program}: {error}");
    let dir = state.join(format!("{OUTSIDE}{}", hex::encode(crate::store::vault::random::<8>())));
    std::fs::DirBuilder::new().mode(0o700).create(&dir).map_err(fail)?;
    let done = async {
        let (place, name) = (dir.clone(), name.to_owned());
        let saved = tokio::task::spawn_blocking(move || content.save(&place, &name));
        let saved = saved.await.unwrap_or_else(|_| Err("the copy could not be written".to_owned()))?;
        let status = tokio::process::Command::new(program)
            .args(arguments)
            .arg(&saved.path)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .kill_on_drop(true)
            .status()
            .await
            .map_err(fail)?;
        // Overwritten before it is removed; however it was changed outside.
        wipe(&saved.path);
        if status.success() { Ok(()) } else { Err(format!("{program} ended with an error; the copy was wiped")) }
    };
    let done = done.await;
    std::fs::remove_dir_all(&dir).map_err(|error| format!("{}: cannot be wiped: {error}", dir.display()))?;
    done
}

#[cfg(test)]
mod tests {
    use super::{Content, OUTSIDE, outside, sweep};

    /// A program that keeps a copy of what it was given, and of where that lay.
    fn viewer(kept: &std::path::Path) -> Vec<String> {
        let script =
            format!("cat \"$1\" > {0}/seen; stat -c %a \"$1\" \"$(dirname \"$1\")\" > {0}/modes", kept.display());
        vec!["-c".into(), script, "viewer".into()]
    }

    #[test]
    fn a_copy_for_an_outside_program_is_private_and_wiped() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (state, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let run = |program: &str, arguments: &[String]| {
            runtime.block_on(outside(
                state.path(),
                "../MG5.pdf",
                Content::Held(b"the gnome".to_vec()),
                program,
                arguments,
            ))
        };
        run("sh", &viewer(kept.path())).unwrap();
        assert_eq!(std::fs::read(kept.path().join("seen")).unwrap(), b"the gnome");
        assert_eq!(std::fs::read_to_string(kept.path().join("modes")).unwrap(), "600\n700\n");
        // A program that fails, and one that is not there.
        assert!(run("false", &[]).unwrap_err().contains("was wiped"));
        assert!(run("no-such-viewer", &[]).is_err());
        assert_eq!(std::fs::read_dir(state.path()).unwrap().count(), 0, "nothing is left");
    }

    #[test]
    fn what_a_killed_run_left_is_wiped_at_the_next_and_nothing_else() {
        let state = tempfile::tempdir().unwrap();
        let left = state.path().join(format!("{OUTSIDE}0011"));
        std::fs::create_dir(&left).unwrap();
        std::fs::write(left.join("MG5.pdf"), "the gnome").unwrap();
        let elsewhere = state.path().join("kept.txt");
        std::fs::write(&elsewhere, "kept").unwrap();
        std::os::unix::fs::symlink(&elsewhere, left.join("link")).unwrap();
        std::fs::write(state.path().join("outside-file"), "kept").unwrap();
        sweep(state.path());
        assert!(!left.exists());
        assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), "kept", "a link was followed");
        assert!(state.path().join("outside-file").exists());
    }
}
