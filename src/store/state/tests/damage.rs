//! A file that is not what was written: gone, empty, cut short, with zeroed pages and turned bytes.

use std::fs;
use std::time::Duration;

use super::{World, entry, now};
use crate::mail::draft::Draft;
use crate::store::profile::Roots;
use crate::store::state::{State, StateError, begin_anew};

const ROWS: usize = 40;

/// A store with rows on many pages, closed in order, and its bytes.
fn written(world: &World) -> Vec<u8> {
    let state = world.open();
    for number in 0..ROWS {
        state.queue(entry(number), &vec![7; 300 * (number % 40)]).unwrap();
    }
    state.keep_draft(&Draft { subject: "planted".into(), ..Draft::default() }, super::now()).unwrap();
    drop(state);
    fs::read(world.file()).unwrap()
}

/// Opens a file with `bytes` in it and reads everything that is in it. Ok: it is all there.
fn read(world: &World, bytes: &[u8]) -> Result<(), StateError> {
    fs::write(world.file(), bytes).unwrap();
    let state = State::open(&world.file(), &world.vault)?;
    let (rows, damage) = state.outbox()?;
    if let Some(damage) = damage.into_iter().next() {
        return Err(damage);
    }
    assert_eq!(rows.len(), ROWS, "rows are missing, and nobody says so");
    for row in rows {
        assert_eq!(state.outbox_raw(row.id)?.len() as u64, row.bytes);
    }
    assert_eq!(state.kept_draft()?.map(|draft| draft.subject).as_deref(), Some("planted"));
    // What is written on top of it is there afterwards, too.
    state.put("planted-name", b"value")?;
    Ok(())
}

/// Either everything is there, or it is said which file is damaged.
fn is_right_or_told(world: &World, bytes: &[u8], what: &str) -> bool {
    match read(world, bytes) {
        Ok(()) => true,
        Err(error) => {
            assert!(error.is_of_the_file(), "{what}: {error}");
            let words = error.to_string();
            let named = words.contains("state.redb") || words.contains("in the state store does not open");
            assert!(named, "{what}: {words}");
            assert!(!error.may_pass(), "{what}: {error}");
            false
        }
    }
}

#[test]
fn a_zeroed_page_is_told_whichever_it_is() {
    let world = World::new();
    let bytes = written(&world);
    let mut told = 0;
    for page in 0..bytes.len() / 4096 {
        let mut damaged = bytes.clone();
        damaged[page * 4096..(page + 1) * 4096].fill(0);
        told += usize::from(!is_right_or_told(&world, &damaged, &format!("page {page}")));
    }
    assert!(told > 20, "{told}");
    assert!(is_right_or_told(&world, &bytes, "as it was"), "the file itself is whole");
}

#[test]
fn turned_bytes_are_told_or_do_no_harm() {
    let world = World::new();
    let bytes = written(&world);
    let mut seed = 7_u64;
    let mut told = 0;
    for round in 0..300 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Half of them in the head of a page, where its structure is.
        let span = if round % 2 == 0 { 64 } else { 4096 };
        let page = (seed >> 40) as usize % (bytes.len() / 4096);
        let at = page * 4096 + (seed >> 20) as usize % span;
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (seed % 8);
        told += usize::from(!is_right_or_told(&world, &damaged, &format!("byte {at}")));
    }
    assert!(told > 50, "{told}");
}

#[test]
fn the_header_of_the_file_is_looked_at_byte_by_byte() {
    let world = World::new();
    let bytes = written(&world);
    for at in 0..320 {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0xff;
        is_right_or_told(&world, &damaged, &format!("byte {at} of the header"));
    }
}

#[test]
fn a_file_that_was_cut_is_told() {
    let world = World::new();
    let bytes = written(&world);
    for length in [0, 1, 8, 9, 100, 320, 4095, 4096, 8192, bytes.len() / 2, bytes.len() - 4096, bytes.len() - 1] {
        assert!(!is_right_or_told(&world, &bytes[..length], &format!("cut at {length}")), "{length}");
        let left = fs::read(world.file()).unwrap();
        assert!(left.len() <= length.max(1), "{length}: a new store was written over it");
    }
}

#[test]
fn an_empty_file_is_no_beginning() {
    let world = World::new();
    fs::write(world.file(), "").unwrap();
    let error = State::open(&world.file(), &world.vault).unwrap_err();
    assert!(matches!(error, StateError::Empty { .. }), "{error}");
    assert!(error.to_string().contains("state.redb has 0 bytes"), "{error}");
    assert_eq!(fs::metadata(world.file()).unwrap().len(), 0);
}

#[test]
fn another_database_is_none_of_ours() {
    let world = World::new();
    drop(redb::Database::create(world.file()).unwrap());
    let error = State::open(&world.file(), &world.vault).unwrap_err();
    assert!(matches!(error, StateError::Broken { .. }), "{error}");
}

#[test]
fn a_store_that_is_gone_is_missed() {
    let world = World::new();
    written(&world);
    fs::remove_file(world.file()).unwrap();
    let error = State::open(&world.file(), &world.vault).unwrap_err();
    assert!(matches!(error, StateError::Missing { .. }), "{error}");
    assert!(!world.file().exists());
}

#[test]
fn a_store_that_goes_while_it_is_open_is_not_made_anew() {
    let world = World::new();
    written(&world);
    let state = world.open();
    fs::remove_file(world.file()).unwrap();
    state.failed.store(true, std::sync::atomic::Ordering::SeqCst);
    let error = state.outbox().unwrap_err();
    assert!(matches!(error, StateError::Missing { .. }), "{error}");
    assert!(!world.file().exists());
}

#[test]
fn what_goes_bad_while_the_store_is_open_is_told_and_ends_nothing() {
    let world = World::new();
    let bytes = written(&world);
    let mut told = 0;
    for page in 1..bytes.len() / 4096 {
        fs::write(world.file(), &bytes).unwrap();
        let state = world.open();
        let open = fs::read(world.file()).unwrap();
        let mut damaged = open.clone();
        damaged[page * 4096..(page + 1) * 4096].fill(0);
        // In place: the store has this file open.
        write_in_place(&world, &damaged);
        let read = (0..ROWS as u64).try_for_each(|row| state.outbox_raw(crate::mail::id::OutboxId(row + 1)).map(drop));
        let wrote = state.queue(entry(99), &[1; 9000]);
        for error in [read.err(), wrote.err()].into_iter().flatten() {
            told += 1;
            assert!(error.is_of_the_file() || error.may_pass(), "page {page}: {error}");
        }
        drop(state);
    }
    assert!(told > 10, "{told}");
}

fn write_in_place(world: &World, bytes: &[u8]) {
    use std::io::Write;
    let mut file = fs::OpenOptions::new().write(true).open(world.file()).unwrap();
    file.write_all(bytes).unwrap();
}

fn roots_of(world: &World) -> Roots {
    let roots = Roots { state: world.dir.path().to_owned(), ..Roots::below(world.dir.path()) };
    assert_eq!(roots.state_file(), world.file());
    roots
}

/// A profile of an earlier casemail has no file that says that there has been a store, but it has a cache.
#[test]
fn a_cache_says_that_there_has_been_a_store() {
    let world = World::new();
    let roots = roots_of(&world);
    let rows = roots.cache.join("mail");
    fs::create_dir_all(&rows).unwrap();
    let row = fs::File::create(rows.join("db")).unwrap();
    let made = fs::metadata(roots.vault_file()).unwrap().modified().unwrap();
    row.set_modified(made + Duration::from_secs(9)).unwrap();
    let error = State::open_of(&roots, &world.vault).unwrap_err();
    assert!(matches!(error, StateError::Missing { .. }), "{error}");
    // A cache that is older than the header is of a profile that was there before.
    row.set_modified(made - Duration::from_secs(9)).unwrap();
    State::open_of(&roots, &world.vault).unwrap();
}

#[test]
fn beginning_anew_keeps_what_was_there() {
    let world = World::new();
    let mut bytes = written(&world);
    let roots = roots_of(&world);
    bytes[4096..].fill(0);
    fs::write(world.file(), &bytes).unwrap();
    State::open_of(&roots, &world.vault).unwrap_err();
    let aside = begin_anew(&roots, &world.vault, now()).unwrap().unwrap();
    assert_eq!(fs::read(aside).unwrap(), bytes);
    assert!(State::open_of(&roots, &world.vault).unwrap().outbox().unwrap().0.is_empty());
    fs::remove_file(world.file()).unwrap();
    assert_eq!(begin_anew(&roots, &world.vault, now()).unwrap(), None);
    State::open_of(&roots, &world.vault).unwrap();
}
