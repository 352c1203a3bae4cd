//! One process per profile: an advisory lock on a file that names its holder.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags, flock};

/// How often a busy lock is tried again, and how long is waited between: a killed holder's lock can outlive it a little
/// (spacejam/sled sees `EAGAIN` right after a kill, too).
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(50);

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
        for attempt in 0.. {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(rustix::io::Errno::WOULDBLOCK) if attempt + 1 < TRIES => std::thread::sleep(PAUSE),
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    let mut text = String::new();
                    let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                    return Err(LockError::Held(pid));
                }
                Err(error) => return Err(LockError::Io(error.into())),
            }
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
    use super::{Lock, LockError};

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
}
