//! A spool: sealed, in order, gone with its holder.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::{CHUNK, OVERHEAD, Spool, Writer};
use crate::store::vault::DataKey;

const SEALED: usize = CHUNK + OVERHEAD;

fn spool(dir: &Path, content: &[u8]) -> Spool {
    let mut writer = Writer::create(dir, 0).unwrap();
    content.chunks(7_777).for_each(|piece| writer.write_all(piece).unwrap());
    writer.finish().unwrap()
}

fn counted(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

fn read(spool: &Spool, at: u64) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    spool.open(at)?.read_to_end(&mut content)?;
    Ok(content)
}

/// What lies in the file.
fn sealed(spool: &Spool) -> Vec<u8> {
    let mut there = vec![0; usize::try_from(spool.file.metadata().unwrap().len()).unwrap()];
    spool.file.read_exact_at(&mut there, 0).unwrap();
    there
}

#[test]
fn any_place_is_read_in_order_and_nothing_lies_in_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 77] {
        let content = counted(length);
        let spool = spool(dir.path(), &content);
        for at in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, length, length + 1] {
            let found = read(&spool, at as u64).unwrap();
            assert!(found == content.get(at..).unwrap_or_default(), "{length} from {at}");
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "it has no name");
    }
    // Two readers at once: each has its own place.
    let content = counted(2 * CHUNK);
    let spool = spool(dir.path(), &content);
    let (mut one, mut other) = (spool.open(0).unwrap(), spool.open(CHUNK as u64).unwrap());
    let (mut first, mut second) = ([0; 9], [0; 9]);
    one.read_exact(&mut first).unwrap();
    other.read_exact(&mut second).unwrap();
    one.read_exact(&mut first).unwrap();
    assert_eq!((&first[..], &second[..]), (&content[9..18], &content[CHUNK..CHUNK + 9]));
}

#[test]
fn what_lies_there_is_sealed_and_every_change_is_met() {
    let dir = tempfile::tempdir().unwrap();
    let content = b"the gnome stood by the pond ".repeat(9_000);
    let spool = spool(dir.path(), &content);
    let there = sealed(&spool);
    assert!(memchr::memmem::find(&there, b"gnome").is_none());
    assert!(read(&spool, 0).unwrap() == content);
    let broken = |what: &str, change: &dyn Fn()| {
        change();
        let error = read(&spool, 0).unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::InvalidData, "a sealed spool is damaged"),
            "{what}"
        );
        spool.file.set_len(0).unwrap();
        spool.file.write_all_at(&there, 0).unwrap();
    };
    broken("two chunks changed places", &|| {
        spool.file.write_all_at(&there[SEALED..2 * SEALED], 0).unwrap();
        spool.file.write_all_at(&there[..SEALED], SEALED as u64).unwrap();
    });
    broken("one chunk twice", &|| spool.file.write_all_at(&there[..SEALED], SEALED as u64).unwrap());
    broken("one bit", &|| spool.file.write_all_at(&[there[SEALED + 99] ^ 1], SEALED as u64 + 99).unwrap());
    broken("cut within a chunk", &|| spool.file.set_len(there.len() as u64 - 1).unwrap());
    // The end is known to the holder alone: whole chunks that are gone are missed, too.
    broken("cut between chunks", &|| spool.file.set_len(2 * SEALED as u64).unwrap());
    broken("all of it gone", &|| spool.file.set_len(0).unwrap());
    assert!(read(&spool, 0).unwrap() == content);
}

#[test]
fn a_spool_opens_under_its_own_key_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (one, mut other) = (spool(dir.path(), &counted(100)), spool(dir.path(), &counted(100)));
    assert_ne!(sealed(&one), sealed(&other), "the same content, under two keys");
    one.file.write_all_at(&sealed(&other), 0).unwrap();
    assert_eq!(read(&one, 0).unwrap_err().kind(), ErrorKind::InvalidData);
    assert!(read(&other, 0).is_ok());
    other.sealer = DataKey::random().sealer("spool");
    assert_eq!(read(&other, 0).unwrap_err().kind(), ErrorKind::InvalidData);
}

#[test]
fn a_full_disk_is_told_before_it_is_full() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(dir.path(), u64::MAX / 2).unwrap();
    let refused = std::iter::repeat_n([7; 4096], 40).find_map(|piece| writer.write_all(&piece).err()).unwrap();
    assert_eq!(refused.kind(), ErrorKind::StorageFull);
    assert!(refused.to_string().contains("free some space"), "{refused}");
    assert_eq!(writer.file.metadata().unwrap().len(), 0);
    // A small one meets it at its end.
    let mut writer = Writer::create(dir.path(), u64::MAX / 2).unwrap();
    writer.write_all(b"x").unwrap();
    assert_eq!(writer.finish().unwrap_err().kind(), ErrorKind::StorageFull);
}

#[test]
fn it_is_gone_with_its_holder() {
    let dir = tempfile::tempdir().unwrap();
    let spool = spool(dir.path(), &counted(3 * CHUNK));
    let twin = spool.file.try_clone().unwrap();
    assert_eq!(
        rustix::fs::fstat(&twin).unwrap().st_nlink,
        0,
        "no name leads to it: the system gives its room back with its last holder"
    );
    drop(spool);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
