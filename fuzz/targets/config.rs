//! Any text as a configuration: refused with findings or accepted, and what is accepted can be written and read again.
#![no_main]

use casemail::config::Config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok((config, _)) = Config::parse(text, "config.toml") {
        assert!(Config::parse(&config.render(), "config.toml").is_ok());
    }
});
