//! One process per profile: an advisory lock on a file that names its holder.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags, flock};

/// How long a profile's lock is waited for: a second program that is started by mistake is told soon.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long is waited between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// Takes what somebody may just be letting go of, trying again for as long as `patience` says. A lock on a file outlives its holder a little: the
/// kernel is slow to end who was killed (spacejam/sled sees `EAGAIN` then), and a process that is being started has its parent's files until it runs
/// its own program.
///
/// # Errors
/// Those of `take`, once nobody holds it or patience is over.
pub(super) fn patiently<T, E>(
    patience: Duration,
    mut take: impl FnMut() -> Result<T, E>,
    is_held: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let mut waited = Duration::ZERO;
    loop {
        match take() {
            Err(error) if waited < patience && is_held(&error) => {
                std::thread::sleep(PAUSE);
                waited = waited.saturating_add(PAUSE);
            }
            done => return done,
        }
    }
}

/// The lock, held as long as this lives.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why there is no lock.
#[derive(Debug)]
pub enum LockError {
    /// Another process has it; its pid where it is known.
    Held(Option<u32>),
    /// The system refused.
    Io(io::Error),
}

impl Lock {
    /// Takes the lock, waiting half a second for a holder that is just ending.
    ///
    /// # Errors
    /// [`LockError`].
    pub fn take(place: &Path) -> Result<Self, LockError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(place)
            .map_err(LockError::Io)?;
        let lock = || flock(&file, FlockOperation::NonBlockingLockExclusive);
        match patiently(PATIENCE, lock, |error| *error == rustix::io::Errno::WOULDBLOCK) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut text = String::new();
                let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Err(LockError::Held(pid));
            }
            Err(error) => return Err(LockError::Io(error.into())),
        }
        let write = |file: &mut File| -> io::Result<()> {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write(&mut file).map_err(LockError::Io)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::{Lock, LockError, PAUSE, patiently};

    #[test]
    fn the_second_is_told_who_holds_it_and_the_third_gets_it() {
        let tmp = tempfile::tempdir().unwrap();
        let place = tmp.path().join("lock");
        let first = Lock::take(&place).unwrap();
        match Lock::take(&place) {
            Err(LockError::Held(pid)) => assert_eq!(pid, Some(std::process::id())),
            other => panic!("{other:?}"),
        }
        drop(first);
        Lock::take(&place).unwrap();
    }

    #[test]
    fn what_is_held_is_tried_again_and_what_is_refused_is_not() {
        let mut tries = 0;
        let mut until = |turn: u32, last: Result<(), &'static str>| {
            tries = 0;
            let take = || {
                tries += 1;
                if tries < turn { Err("held") } else { last }
            };
            (patiently(PAUSE * 3, take, |error| *error == "held"), tries)
        };
        assert_eq!(until(3, Ok(())), (Ok(()), 3));
        assert_eq!(until(2, Err("refused")), (Err("refused"), 2));
        assert_eq!(until(100, Ok(())), (Err("held"), 4));
    }
}
