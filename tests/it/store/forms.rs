//! Which forms the files of a profile are in, read from the files themselves.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use casemail::store::vault::{Cost, Vault};
use redb::ReadableDatabase as _;

use super::values::PASSPHRASE;

/// What has a form, and which it is in: the header, the state store, the cache, its pages, its files.
pub(super) type Forms = BTreeSet<(&'static str, u32)>;

/// The forms of what is below a directory. Opens the stores without casemail, so nothing is brought up to date; work on a copy.
pub(super) fn of(dir: &Path) -> Forms {
    let mut forms = Forms::new();
    let header = fs::read(dir.join("vault")).unwrap();
    assert_eq!(&header[..8], b"CASEMAIL");
    forms.insert(("vault header", u16::from_le_bytes([header[8], header[9]]).into()));
    let vault = Vault::open_with(&dir.join("vault"), PASSPHRASE, Cost::TEST).unwrap();
    forms.insert(("state schema", state_schema(&dir.join("state.redb"))));
    let cache = dir.join("cache");
    rows(&cache.join("mail"), &vault, &mut forms);
    for files in ["packs", "blobs"] {
        for file in fs::read_dir(cache.join(files)).into_iter().flatten() {
            let content = fs::read(file.unwrap().path()).unwrap();
            let what = match (files, &content[..7]) {
                ("packs", b"CMPACK\0") => "segment",
                ("blobs", b"CMBLOB\0") => "large message",
                ("blobs", b"CMPART\0") => "large message in pieces",
                (files, magic) => panic!("in {files}: {magic:?}"),
            };
            forms.insert((what, content[7].into()));
        }
    }
    if let Ok(list) = fs::read(cache.join("list")) {
        assert_eq!(&list[..13], b"casemail list");
        forms.insert(("kept list", list[13].into()));
    }
    forms
}

fn state_schema(file: &Path) -> u32 {
    let meta: redb::TableDefinition<'_, &str, &[u8]> = redb::TableDefinition::new("meta");
    let database = redb::Database::open(file).unwrap();
    let table = database.begin_read().unwrap().open_table(meta).unwrap();
    let schema = table.get("schema").unwrap().unwrap();
    u32::from_le_bytes(schema.value().try_into().unwrap())
}

fn rows(dir: &Path, vault: &Vault, forms: &mut Forms) {
    let db = sled::Config::new().path(dir).mode(sled::Mode::LowSpace).open().unwrap();
    let number = |name: &str| db.get(name).unwrap().map(|value| u32::from_be_bytes((*value).try_into().unwrap()));
    forms.insert(("cache schema", number("schema").unwrap()));
    let (id, epoch) = (db.get("id").unwrap().unwrap(), number("epoch").unwrap_or_default());
    for (what, name) in [("page of summaries", "page"), ("page of flags", "flags"), ("page of places", "place")] {
        let sealer = vault.sealer_at(epoch, &format!("cache/{name}"), &id).unwrap();
        for row in db.open_tree(name).unwrap().iter() {
            let (key, value) = row.unwrap();
            let page = sealer.open(&[b"cache/1/", name.as_bytes(), b"/", &key].concat(), &value).unwrap();
            forms.insert((what, page[0].into()));
        }
    }
}
