//! What a server wants shown to the person (RFC 9051 §7.1, ALERT) is shown, as the server's words, once.

use crate::support::home::Home;
use crate::support::scripted_imap::{Act, GREETING, Inbox, ScriptedImap};

const WORDS: &str = "The store is moved on Sunday";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_is_told_by_sync_as_the_servers_words() {
    let server = ScriptedImap::start(GREETING, Inbox::of(3), None, |asked| {
        let says = asked.command.contains("LIST") || asked.command.contains("SELECT");
        says.then(|| Act::Say(format!("* OK [ALERT] {WORDS}\r\n{}", asked.good).into_bytes()))
    })
    .await;
    let home = Home::new();
    home.configure(&home.config(&server.endpoint(), &server.endpoint(), server.ca_file(), ""));
    let (plain, document) = tokio::task::spawn_blocking(move || {
        let plain = home.run(&["sync"], b"");
        (plain, home.json(&["sync"]))
    })
    .await
    .unwrap();
    assert_eq!(plain.code, 0, "{plain:?}");
    let told = format!("work: the server says: {WORDS}");
    assert_eq!(plain.err.matches(&told).count(), 1, "{plain:?}");
    assert_eq!(document["accounts"][0]["alerts"], serde_json::json!([WORDS]), "{document}");
}
