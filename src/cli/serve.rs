//! Commands of a second process, done by the one that has the profile.

use std::io::Cursor;
use std::sync::{Arc, Weak};

use clap::Parser;

use super::args::Cli;
use super::call::{self, Call};
use super::exit::Exit;
use super::output::Output;
use crate::engine::Engine;
use crate::engine::socket::{Handler, Replies, Request};

/// Serves commands on an engine, as long as it lives. Weak: the screen ends when it ends, whoever is being served.
pub(super) fn handler(engine: &Arc<Engine>) -> Handler {
    let engine: Weak<Engine> = Arc::downgrade(engine);
    Arc::new(move |request: Request, replies: &mut Replies<'_>| {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let exit = match engine.upgrade() {
            Some(engine) => perform(&engine, request, &mut out, &mut err),
            None => Exit::Unavailable,
        };
        // A client that went away has nobody left to tell.
        let _ = replies.stdout(&out).and_then(|()| replies.stderr(&err));
        exit.code()
    })
}

fn perform(engine: &Engine, request: Request, out: &mut Vec<u8>, err: &mut Vec<u8>) -> Exit {
    let words = std::iter::once("casemail".to_owned()).chain(request.args);
    let Ok(cli) = Cli::try_parse_from(words) else { return Exit::Usage };
    let Some(command) = cli.command else { return Exit::Usage };
    let mut stdin = Cursor::new(request.stdin);
    let mut call = Call::new(request.cwd, &mut stdin, Output::new(out, err, cli.global.json), Some(engine));
    call.account = cli.global.account;
    call.key_passphrase = request.secret.map(|mut secret| std::mem::take(&mut secret.0).into());
    call::finish(&mut call, &command)
}
