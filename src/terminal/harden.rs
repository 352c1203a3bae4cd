//! The process closed to onlookers: no core dump, no debugger or `/proc/PID/mem` for others of the same user, files for the owner alone;
//! and panics that say where, never what.

use std::io::Write as _;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, setrlimit};

use super::tty;
use crate::store::calm;

/// Closes the process; the first thing of `main`. What the system refuses is left as it is: there is nothing better to do.
pub fn harden() {
    // Nothing for group and others, whatever the person's own habit.
    rustix::process::umask(Mode::from_raw_mode(0o077));
    // A core would hold every key and text. A core pattern that pipes to a program ignores the limit, but honours the flag below.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Makes panics give the terminal back and say where they happened. A panic's words may hold text of a message ("byte 3 is not a char
/// boundary of `…`"), so they are never printed. Worker threads that catch their own panics leave the screen in peace, and
/// what is awaited is told by whoever awaits it.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        if calm::is_awaited() {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            tracing::warn!(place, "a library gave up over what it read");
            return;
        }
        let on_screen = tty::is_ours();
        if on_screen && !tty::owned_here() {
            return;
        }
        tty::restore();
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(
            std::io::stderr(),
            "casemail: an internal error at {place}. The outbox and the kept draft are on the disk; please report this line."
        );
    }));
}

#[cfg(test)]
mod tests {
    /// In a process of its own, so that the other tests keep their rights.
    #[test]
    fn a_hardened_process_dumps_no_core_and_shows_nothing() {
        if std::env::var_os("CASEMAIL_TEST_HARDEN").is_some() {
            super::harden();
            let limit = rustix::process::getrlimit(rustix::process::Resource::Core);
            assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
            #[cfg(target_os = "linux")]
            assert_eq!(rustix::process::dumpable_behavior().unwrap(), rustix::process::DumpableBehavior::NotDumpable);
            let file = tempfile::tempdir().unwrap().keep().join("f");
            std::fs::write(&file, "x").unwrap();
            let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap());
            std::fs::remove_dir_all(file.parent().unwrap()).unwrap();
            assert_eq!(mode & 0o777, 0o600);
            return;
        }
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "terminal::harden::tests::a_hardened_process_dumps_no_core_and_shows_nothing"])
            .env("CASEMAIL_TEST_HARDEN", "1")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && told.contains("1 passed"), "{told}");
    }
}
