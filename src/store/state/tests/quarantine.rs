//! Messages under keys of their own.

use super::World;
use crate::store::vault::{DataKey, random};

const ID: &str = "shut@cps.gov.example";

#[test]
fn two_messages_under_one_message_id_are_two() {
    let world = World::new();
    {
        let state = world.open();
        state.put_quarantined(ID, &[1; 32], b"planted-one").unwrap();
        state.put_quarantined(ID, &[2; 32], b"planted-other").unwrap();
        state.put_quarantined_at("work/INBOX/7/1", &[1; 32]).unwrap();
        state.put_quarantined_at("work/INBOX/7/2", &[2; 32]).unwrap();
    }
    let state = world.open();
    let at = |place: &str| {
        let digest = state.quarantined_at(place).unwrap()?;
        state.quarantined(ID, &digest).unwrap()
    };
    assert_eq!(at("work/INBOX/7/1").unwrap(), b"planted-one");
    assert_eq!(at("work/INBOX/7/2").unwrap(), b"planted-other");
    assert_eq!(at("work/INBOX/7/3"), None);
    // What is there stays, and what goes takes nothing along.
    state.put_quarantined(ID, &[1; 32], b"exchanged").unwrap();
    assert_eq!(at("work/INBOX/7/1").unwrap(), b"planted-one");
    state.drop_quarantined(ID, &[1; 32]).unwrap();
    assert_eq!(at("work/INBOX/7/1"), None);
    assert!(!state.is_quarantined(ID, &[1; 32]).unwrap() && state.is_quarantined(ID, &[2; 32]).unwrap());
    assert_eq!(at("work/INBOX/7/2").unwrap(), b"planted-other");
    assert_eq!(state.quarantined("another@cps.gov.example", &[2; 32]).unwrap(), None);
}

/// As earlier versions wrote it: by the Message-ID alone.
#[test]
fn what_an_earlier_version_kept_is_read_and_goes() {
    let world = World::new();
    let state = world.open();
    let key: [u8; 32] = random();
    let sealed = DataKey::from_kept(key).sealer("quarantine").seal(ID.as_bytes(), b"planted-former");
    state
        .write(|write| {
            write.put_value(&format!("quarantine/key/{ID}"), &key.as_slice())?;
            write.put_value(&format!("quarantine/message/{ID}"), &sealed.as_slice())
        })
        .unwrap();
    assert_eq!(state.formerly_quarantined(ID).unwrap().unwrap(), b"planted-former");
    assert_eq!(state.formerly_quarantined("another@cps.gov.example").unwrap(), None);
    state.drop_formerly_quarantined(ID).unwrap();
    assert_eq!(state.formerly_quarantined(ID).unwrap(), None);
}
