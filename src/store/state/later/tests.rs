//! What the disk sees of a store that is opened, early or late.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use redb::backends::InMemoryBackend;
use redb::{Database, StorageBackend, TableDefinition};

use super::{Act, InUse, Later};

const TABLE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("weir");

/// A disk that keeps a book.
#[derive(Clone, Debug, Default)]
struct Disk {
    content: Arc<InMemoryBackend>,
    book: Arc<Mutex<Vec<Act>>>,
    fails: Arc<AtomicBool>,
    /// The next that is brought to it is lost, and it says so once.
    loses: Arc<AtomicBool>,
}

impl Disk {
    fn check(&self) -> io::Result<()> {
        if self.fails.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn book(&self) -> Vec<String> {
        let mut book = self.book.lock().unwrap();
        book.drain(..).map(|act| format!("{act:?}")).collect()
    }

    /// Another one with the same bytes.
    fn copy(&self) -> Self {
        let mut bytes = vec![0; usize::try_from(self.content.len().unwrap()).unwrap()];
        self.content.read(0, &mut bytes).unwrap();
        let copy = Self::default();
        copy.content.set_len(bytes.len() as u64).unwrap();
        copy.content.write(0, &bytes).unwrap();
        copy
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.content.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.content.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.content.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check()?;
        if self.loses.swap(false, Ordering::SeqCst) {
            return Err(io::Error::other("an error of the disk"));
        }
        self.book.lock().unwrap().push(Act::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check()?;
        self.book.lock().unwrap().push(Act::Write(offset, data.to_vec()));
        self.content.write(offset, data)
    }
}

fn open(backend: impl StorageBackend) -> Database {
    let mut builder = Database::builder();
    builder.set_check_integrity_on_open(true);
    builder.create_with_backend(backend).unwrap()
}

fn write(database: &Database, number: u64) {
    let mut transaction = database.begin_write().unwrap();
    transaction.set_two_phase_commit(true);
    transaction.open_table(TABLE).unwrap().insert(number, [7; 3_000].as_slice()).unwrap();
    transaction.commit().unwrap();
}

/// A store that was closed in order, or whose process was killed.
fn store(killed: bool) -> Disk {
    let disk = Disk::default();
    let database = open(disk.clone());
    (0..40).for_each(|number| write(&database, number));
    let open = disk.copy();
    drop(database);
    if killed { open } else { disk.copy() }
}

#[test]
fn the_disk_sees_the_same_and_later() {
    for killed in [false, true] {
        let disk = store(killed);
        let early = disk.copy();
        let at_once = open(early.clone());
        let expected = early.book();
        assert!(expected.iter().filter(|act| *act == "Sync").count() >= 3, "{}", expected.len());

        for follows in [true, false] {
            let late = disk.copy();
            let later = Later::new(late.clone());
            let database = open(InUse(Arc::clone(&later)));
            later.opened();
            assert!(late.book().is_empty(), "killed: {killed}");
            if follows {
                later.follow().unwrap();
                assert!(late.book() == expected, "killed: {killed}");
                later.follow().unwrap();
                assert!(late.book().is_empty(), "it is written once");
            }
            write(&database, 99);
            let seen = late.book();
            assert_eq!(seen.starts_with(&expected), !follows, "what was put off comes before everything else");
            assert!(seen.len() > if follows { 0 } else { expected.len() });
            drop(database);
            // What was written is there, whenever the rest followed.
            let again = open(late.copy());
            let view = redb::ReadableDatabase::begin_read(&again).unwrap();
            assert!(view.open_table(TABLE).unwrap().get(99).unwrap().is_some());
        }
        drop(at_once);
    }
}

#[test]
fn what_the_disk_refuses_is_tried_again_before_anything_else() {
    let disk = store(false);
    let later = Later::new(disk.clone());
    let database = open(InUse(Arc::clone(&later)));
    later.opened();
    disk.fails.store(true, Ordering::SeqCst);
    assert!(later.follow().is_err());
    let transaction = database.begin_write().unwrap();
    transaction.open_table(TABLE).unwrap().insert(99, [1].as_slice()).unwrap();
    assert!(transaction.commit().is_err());
    drop(database);
    assert!(disk.book().is_empty());
    disk.fails.store(false, Ordering::SeqCst);
    // The store is as it was.
    let again = open(disk.copy());
    assert!(redb::ReadableDatabase::begin_read(&again).unwrap().open_table(TABLE).unwrap().get(99).unwrap().is_none());
}

/// A disk that has lost something says so once, and then that all is well.
#[test]
fn what_the_disk_has_lost_is_not_asked_for_once_more() {
    let disk = store(false);
    let later = Later::new(disk.clone());
    let database = open(InUse(Arc::clone(&later)));
    later.opened();
    disk.loses.store(true, Ordering::SeqCst);
    assert!(later.follow().is_err() && later.follow().is_err());
    let seen = disk.book().len();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(TABLE).unwrap().insert(99, [1].as_slice()).unwrap();
    assert!(transaction.commit().is_err());
    drop(database);
    assert_eq!((seen > 0, disk.book()), (true, Vec::new()), "nothing is written after it");
    // Opened anew it is as it was, and takes what comes.
    let again = open(disk.copy());
    write(&again, 100);
}

#[test]
fn what_could_not_be_opened_is_left_as_it_is() {
    let disk = store(false);
    let length = disk.content.len().unwrap();
    disk.content.write(4096, &vec![0; usize::try_from(length - 4096).unwrap()]).unwrap();
    let later = Later::new(disk.clone());
    let opened = Database::builder().set_check_integrity_on_open(true).create_with_backend(InUse(later));
    assert!(opened.is_err());
    assert!(disk.book().is_empty());
}
