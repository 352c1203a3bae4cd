//! Another client of the same account: plain commands, plain lines, whatever the server thinks of them.

use std::path::Path;

use casemail::net::{Endpoint, Stream, connect_imap, tls};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

use super::dovecot::PASSWORD;

/// A connection of its own, logged in as quill.
pub(crate) struct OtherClient {
    stream: BufReader<Stream>,
    number: usize,
}

impl OtherClient {
    /// Connects and logs in.
    pub(crate) async fn start(endpoint: &Endpoint, ca_file: &Path) -> Self {
        let config = tls::client_config(Some(ca_file)).unwrap();
        let stream = connect_imap(endpoint, &config, casemail::net::connect::Times::default()).await.unwrap();
        let mut client = Self { stream: BufReader::new(stream), number: 0 };
        client.run(&format!("LOGIN quill \"{PASSWORD}\"")).await;
        client
    }

    /// Runs a command that must succeed: the lines before its end, literals in place.
    pub(crate) async fn run(&mut self, command: &str) -> Vec<String> {
        self.send(command).await;
        self.answer(command).await
    }

    /// Appends a message to a mailbox (as named on the wire).
    pub(crate) async fn append(&mut self, mailbox: &str, raw: &[u8]) {
        let command = format!("APPEND \"{mailbox}\" {{{}}}", raw.len());
        self.send(&command).await;
        while !self.line().await.starts_with('+') {}
        self.stream.write_all(raw).await.unwrap();
        self.stream.write_all(b"\r\n").await.unwrap();
        self.stream.flush().await.unwrap();
        self.answer(&command).await;
    }

    async fn send(&mut self, command: &str) {
        self.number += 1;
        self.stream.write_all(format!("o{} {command}\r\n", self.number).as_bytes()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    async fn answer(&mut self, command: &str) -> Vec<String> {
        let tag = format!("o{} ", self.number);
        let mut lines = Vec::new();
        loop {
            let line = self.line().await;
            if let Some(end) = line.strip_prefix(&tag) {
                assert!(end.to_ascii_uppercase().starts_with("OK"), "{command}: {line}; {lines:?}");
                return lines;
            }
            lines.push(line);
        }
    }

    async fn line(&mut self) -> String {
        let mut whole = Vec::new();
        loop {
            let from = whole.len();
            let read = self.stream.read_until(b'\n', &mut whole).await.unwrap();
            assert!(read > 0, "the server hung up on the other client");
            let text = String::from_utf8_lossy(&whole[from..]).trim_end().to_owned();
            let literal = text.strip_suffix('}').and_then(|text| text.rsplit_once('{')?.1.parse::<usize>().ok());
            let Some(bytes) = literal else { return String::from_utf8_lossy(&whole).trim_end().to_owned() };
            let from = whole.len();
            whole.resize(from + bytes, 0);
            self.stream.read_exact(&mut whole[from..]).await.unwrap();
        }
    }
}
