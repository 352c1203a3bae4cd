//! The kept list in a fixture: read for ever, or, once it has another form, left for the summaries.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{FORM, Library};
use crate::app::view::Scope;
use crate::case::{Classes, ConfiguredCase, Patterns};
use crate::engine::library::filing::Book;
use crate::engine::library::head::{Head, Outside, Signs, pages_digest};
use crate::mail::id::MessageKey;
use crate::store::cache::{Cache, CacheOptions};
use crate::store::space::SpaceLimits;
use crate::store::vault::{Cost, Vault};

const PASSPHRASE: &[u8] = b"otter weir lantern";
const OPTIONS: CacheOptions =
    CacheOptions { memory_bytes: 4 << 20, space: SpaceLimits { open_bytes: 0, batch_bytes: 0 } };

fn book() -> Book {
    let case =
        ConfiguredCase { id: "ferret".into(), title: "R v FERRET".into(), identifiers: vec!["99ZX0012326".into()] };
    Book::new(Patterns::new(&[]).unwrap(), Classes::default(), &[case], ["kestrel@chambers.example".to_owned()])
}

fn cache(dir: &Path) -> Cache {
    let vault = Vault::open_with(&dir.join("vault"), PASSPHRASE, Cost::TEST).unwrap();
    let now = "2026-03-02T09:00:00Z".parse().unwrap();
    let (cache, sentences) = Cache::open(&dir.join("cache"), &vault, now, &OPTIONS).unwrap();
    assert_eq!(sentences, Vec::<String>::new());
    cache
}

/// The index from the summaries, as a start without a kept list makes it.
fn from_summaries(cache: &Cache) -> Library {
    let mut library = Library::new(book());
    for mailbox in cache.mailboxes().unwrap() {
        library.set_mailbox(mailbox.clone());
        for (page, generation) in cache.generations(mailbox.id).unwrap() {
            library.set_generation(mailbox.id, page, generation);
        }
        for summary in cache.summaries(mailbox.id).unwrap() {
            library.insert(mailbox.id, &summary.unwrap().into());
        }
    }
    library.settle();
    library
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    std::fs::set_permissions(to, PermissionsExt::from_mode(0o700)).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
            std::fs::set_permissions(&target, PermissionsExt::from_mode(0o600)).unwrap();
        }
    }
}

/// The newest fixture that has a kept list, copied.
fn fixture() -> tempfile::TempDir {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let versions = (1..).map(|version| data.join(format!("store-v{version}"))).take_while(|dir| dir.exists());
    let newest = versions.filter(|dir| dir.join("cache/list").exists()).last().unwrap();
    let tmp = tempfile::tempdir().unwrap();
    copy(&newest, tmp.path());
    tmp
}

#[test]
fn the_kept_list_of_todays_form_has_a_fixture_and_says_what_the_summaries_say() {
    let tmp = fixture();
    let cache = cache(tmp.path());
    let list = cache.kept_list().unwrap();
    let mut kept = Library::from_kept(book(), &list).unwrap_or_else(|| panic!("no fixture of form {FORM}"));
    kept.settle();
    let pages = cache.mailboxes().unwrap().into_iter().flat_map(|mailbox| {
        let pages = cache.generations(mailbox.id).unwrap().into_iter();
        pages.map(move |(page, generation)| (mailbox.id, page, generation))
    });
    let signs = Signs {
        pages: pages_digest(cache.mailboxes().unwrap().iter(), pages),
        outside: Outside { waiting: 0, register: 1 },
    };
    assert!(Head::read(&book(), &list, || None, signs).is_none(), "it was kept before there were heads");
    let rows = kept.thread_list(&Scope::All).to_rows();
    assert_eq!(rows, from_summaries(&cache).thread_list(&Scope::All).to_rows());
    // All of the fixture's messages answer one that is not here, and are of one case.
    let [thread] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((thread.subject.as_str(), thread.messages), ("R v FERRET 99ZX0012326", 6));
    let inbox = cache.mailboxes().unwrap().into_iter().find(|mailbox| mailbox.name == "INBOX").unwrap();
    assert_eq!(kept.pages(inbox.id).len(), 2);
    for (page, generation) in cache.generations(inbox.id).unwrap() {
        assert_eq!(kept.generation(inbox.id, page), generation);
    }
    for uid in [1, 2, 300] {
        assert!(kept.entry_of(MessageKey { mailbox: inbox.id, uid }).is_some(), "{uid}");
    }
}

#[test]
#[ignore = "writes the kept list of a fixture: see the head of tests/it/store.rs"]
#[expect(clippy::disallowed_methods, reason = "it is told by the environment where to write")]
fn write_the_fixture() {
    // In a copy: opening a cache writes in it.
    let dir = std::env::var("CASEMAIL_WRITE_FIXTURE").unwrap();
    let tmp = tempfile::tempdir().unwrap();
    copy(Path::new(&dir), tmp.path());
    let cache = cache(tmp.path());
    let library = from_summaries(&cache);
    let mut list = cache.keep_list().unwrap();
    for at in 0..library.kept_parts() {
        list.add(&library.kept_part(at, Outside { waiting: 0, register: 0 }).unwrap()).unwrap();
    }
    list.finish().unwrap();
    std::fs::copy(tmp.path().join("cache/list"), Path::new(&dir).join("cache/list")).unwrap();
}
