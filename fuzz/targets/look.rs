//! Any bytes as RTF, as Outlook's package and as an invitation: readers of our own, which end, and give no more than they were given leave for.
#![no_main]

use casemail::look::{TEXT_MAX, calendar, rtf, tnef};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (text, _) = rtf::read(bytes);
    assert!(text.len() <= TEXT_MAX + 4);
    let mut packed = tnef::read(bytes);
    if packed.is_none() {
        packed = tnef::read(&[&[0x78, 0x9f, 0x3e, 0x22, 1, 0][..], bytes].concat());
    }
    let packed = packed.unwrap();
    assert!(packed.files.iter().all(|(_, size)| *size <= bytes.len() as u64));
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = calendar::read(text);
    }
});
