//! Keymaps: what keys mean, what files may say, and what is told of mistakes.

use super::key::{Key, typed};
use super::{Keymap, Resolution, SHIPPED};
use crate::action::{Action, Context};
use crate::settings::layers::Source;

fn own(text: &str) -> Result<(Keymap, Vec<String>), Vec<String>> {
    let words = |findings: Vec<crate::settings::Finding>| findings.iter().map(ToString::to_string).collect();
    let source = Source { file: "mine.toml".to_owned(), text: text.to_owned() };
    Keymap::load("mine", &|name| (name == "mine").then(|| source.clone()))
        .map(|(keymap, findings)| (keymap, words(findings)))
        .map_err(words)
}

/// The findings for a file that stands over the default keymap.
fn told(text: &str) -> Vec<String> {
    match own(&format!("inherits = \"default\"\n{text}")) {
        Ok((_, findings)) | Err(findings) => findings,
    }
}

/// Types keys and writes down what each does, the way the model drives a keymap.
fn play(keymap: &Keymap, context: Context, keys: &str) -> String {
    let mut pending: Vec<Key> = Vec::new();
    let mut out: Vec<String> = Vec::new();
    let say = |actions: Vec<Action>, count: Option<u32>| {
        let names: Vec<&str> = actions.iter().map(|action| action.name()).collect();
        format!("{}{}", count.map(|n| format!("{n}×")).unwrap_or_default(), names.join("+"))
    };
    let mut queue: std::collections::VecDeque<Key> = typed(keys).into();
    while let Some(key) = queue.pop_front() {
        match keymap.resolve(context, &pending, key) {
            Resolution::Matched(actions, count) => {
                out.push(say(actions, count));
                pending.clear();
            }
            Resolution::Pending(_) => pending.push(key),
            Resolution::Earlier(actions, count) => {
                out.push(say(actions, count));
                pending.clear();
                queue.push_front(key);
            }
            Resolution::Abandoned => {
                out.push("abandoned".to_owned());
                pending.clear();
            }
            Resolution::Unbound => out.push(format!("'{key}'")),
        }
    }
    if !pending.is_empty() {
        out.push(match keymap.expire(context, &pending) {
            Resolution::Matched(actions, count) => format!("then {}", say(actions, count)),
            _ => "then nothing".to_owned(),
        });
    }
    out.join(" ")
}

#[test]
fn shipped_keymaps_have_nothing_to_tell() {
    for (name, _) in SHIPPED {
        let (_, findings) = Keymap::load(name, &|_| None).unwrap();
        assert!(findings.is_empty(), "{findings:#?}");
    }
}

#[test]
fn every_action_has_a_key_or_is_one_that_needs_none() {
    let keymap = Keymap::builtin();
    let without: Vec<&str> = Action::ALL
        .iter()
        .filter(|action| !Context::ALL.into_iter().any(|context| keymap.hint(context, **action).is_some()))
        .map(|action| action.name())
        .collect();
    // `sync.toggle` does both, `thread.toggle-flagged` has its key in the list of threads: the palette takes the rest.
    assert_eq!(without, ["sync.offline", "sync.online", "thread.expunge", "message.expunge"]);
}

#[test]
fn keys_mean_what_the_files_say() {
    let check = |name: &str, context: Context, keys: &str, expected: &str| {
        let (keymap, _) = Keymap::load(name, &|_| None).unwrap();
        assert_eq!(play(&keymap, context, keys), expected, "{name} {context:?} {keys}");
    };
    check("default", Context::Cases, "jk<CR>", "list.next list.previous list.open");
    check("default", Context::Threads, "gor", "go.outbox message.reply");
    check("default", Context::Threads, "gx", "abandoned");
    check("default", Context::Threads, "g", "then nothing");
    check("default", Context::Cases, "5", "'5'");
    check("vim", Context::Cases, "5jgg12G", "5×list.next list.first 12×list.last");
    check("vim", Context::Cases, "0j", "'0' list.next");
    check("vim", Context::Cases, "10j", "10×list.next");
    check("vim", Context::Cases, "5", "then nothing");
    check("vim", Context::Cases, "99999999999999j", "1000000×list.next");
    check("vim", Context::Threads, "dd", "thread.delete");
    check("vim", Context::Message, "3<C-e>", "3×view.down");
    check("vim", Context::Cases, "5<Esc>", "5×app.back");
}

#[test]
fn what_is_typed_is_never_a_command() {
    let (vim, _) = Keymap::load("vim", &|_| None).unwrap();
    assert_eq!(play(&vim, Context::Composer, "q?5G:<C-s>"), "'q' '?' '5' 'G' ':' composer.review");
    assert_eq!(play(&vim, Context::Prompt, "ZZ<CR>"), "'Z' 'Z' prompt.accept");
    // Nor does a stray letter answer a question with something else than yes or no.
    assert_eq!(play(&vim, Context::Confirm, "cLy"), "'c' 'L' confirm.yes");
}

#[test]
fn a_bound_prefix_waits_and_then_fires() {
    let (keymap, findings) = own("inherits = 'default'\n[list]\n'Y' = 'list.next'\n'Y Y Y' = 'list.last'\n").unwrap();
    assert_eq!(
        findings,
        ["mine.toml:3:1: warning: `Y` waits for the timeout, because `Y Y Y` begins with it (mine.toml:4:1); \
          unbind one of them: `\"Y Y Y\" = false`"]
    );
    assert_eq!(play(&keymap, Context::Cases, "YYY"), "list.last");
    assert_eq!(play(&keymap, Context::Cases, "Y"), "then list.next");
    assert_eq!(play(&keymap, Context::Cases, "Yk"), "list.next list.previous");
    assert_eq!(play(&keymap, Context::Cases, "YYk"), "abandoned");
}

#[test]
fn the_keys_that_may_follow_are_told() {
    let Resolution::Pending(hints) = Keymap::builtin().resolve(Context::Cases, &[], Key::char('g')) else { panic!() };
    let told: Vec<String> = hints.iter().map(|hint| format!("{} {}", hint.key, hint.actions[0].name())).collect();
    assert_eq!(
        told,
        [
            "a go.all",
            "c go.cases",
            "d go.drafts",
            "e go.awaiting",
            "i go.inbox",
            "k go.keys",
            "m go.mailbox",
            "n go.connections",
            "o go.outbox",
            "p go.pleas",
            "s sync.now",
            "t go.triage",
            "u go.unfiled",
            "w go.changes"
        ]
    );
}

#[test]
fn hints_name_the_keys_in_force() {
    let keymap = Keymap::builtin();
    assert_eq!(keymap.hint(Context::Threads, Action::MessageReply), Some("r"));
    assert_eq!(keymap.hint(Context::Composer, Action::ComposerReview), Some("ctrl-s"));
    assert_eq!(keymap.hint(Context::Composer, Action::Help), Some("F1"));
    assert_eq!(keymap.hint(Context::Cases, Action::Help), Some("?"));
    assert_eq!(keymap.hint(Context::Cases, Action::ReviewSend), None);
    let (keymap, _) = own("inherits = 'default'\n[threads]\n'r' = false\n'A' = 'message.reply'\n").unwrap();
    assert_eq!(keymap.hint(Context::Threads, Action::MessageReply), Some("A"));
}

#[test]
fn lists_of_actions_and_unbinding() {
    let (keymap, findings) =
        own("inherits = 'default'\n[list]\n'%' = ['list.next', 'list.open']\n[cases]\n'j' = false\n").unwrap();
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!(play(&keymap, Context::Cases, "%j"), "list.next+list.open 'j'");
    assert_eq!(play(&keymap, Context::Outbox, "j"), "list.next");
}

#[test]
fn a_file_of_a_shipped_name_lies_over_it() {
    let source =
        Source { file: "keymaps/vim.toml".to_owned(), text: "[list]\n'G' = false\n'$' = 'list.last'\n".to_owned() };
    let (keymap, findings) = Keymap::load("vim", &|name| (name == "vim").then(|| source.clone())).unwrap();
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!(play(&keymap, Context::Cases, "ggG$"), "list.first 'G' list.last");
}

#[test]
fn mistakes_are_told_with_their_line_and_a_cure() {
    let check = |text: &str, expected: &str| assert_eq!(told(text), [expected], "{text}");
    check(
        "[list]\n'x' = 'list.nxet'",
        "mine.toml:3:7: error: there is no action `list.nxet`; did you mean `list.next`?",
    );
    check("[lsit]\n'x' = 'list.next'", "mine.toml:2:2: error: unknown key `lsit`; did you mean `list`?");
    check(
        "[list]\n'gg' = 'list.first'",
        "mine.toml:3:1: error: `gg` is no key; a sequence has spaces between its keys: `g g`",
    );
    check(
        "[list]\n'z' = 'list.first'\n'<z>' = 'list.last'",
        "mine.toml:4:1: error: `z` is bound twice in [list]: also on line 3; keep one of the two",
    );
    check(
        "[list]\n'z' = 3",
        "mine.toml:3:7: error: `z` is bound to a number; write an action, a list of actions, or false to unbind it",
    );
    check(
        "[list]\n'z' = []",
        "mine.toml:3:7: error: `z` is bound to a list; write an action, a list of actions, or false to unbind it",
    );
    check(
        "[composer]\n'z' = 'composer.review'",
        "mine.toml:3:1: error: `z` would make it impossible to type that character in [composer]; \
         begin the sequence with ctrl, alt or a function key",
    );
    check(
        "[outbox]\n'z' = 'review.send'",
        "mine.toml:3:7: warning: `review.send` does nothing in [outbox]; bind it in [review]",
    );
    check(
        "[cases]\n'ctrl-i' = 'list.next'",
        "mine.toml:3:1: warning: terminals send the same for `ctrl-i` and for Tab; write `tab`, so that nobody is surprised",
    );
    check(
        "[cases]\n'ctrl-,' = 'list.next'",
        "mine.toml:3:1: warning: terminals send nothing of its own for `ctrl-,`; \
         take a letter with ctrl, a function key or a sequence",
    );
    check(
        "[cases]\n'Y' = false",
        "mine.toml:3:1: warning: `Y` is unbound here, but nothing bound it; take the line out",
    );
    check(
        "sequence_timeout_ms = 0",
        "mine.toml:2:23: error: `sequence_timeout_ms = 0` is out of range; \
         write a number from 50 to 10000; without it, 800 is taken",
    );
    check("[confirm]\n'y' = false", "mine: warning: no key does `confirm.yes` in [confirm]; bind one: it will yes");
}

#[test]
fn what_every_context_within_overrides_is_never_reached() {
    let text = "inherits = 'default'\n[list]\n'z' = 'list.next'\n[cases]\n'z' = 'list.last'\n[threads]\n'z' = 'list.last'\n[thread]\n'z' = 'list.last'\n[outbox]\n'z' = 'list.last'\n[changes]\n'z' = 'list.last'\n[drafts]\n'z' = 'list.last'\n[connections]\n'z' = 'list.last'\n[keys]\n'z' = 'list.last'\n[assistant]\n'z' = 'list.last'\n[case]\n'z' = 'list.last'\n[triage]\n'z' = 'list.last'\n[awaiting]\n'z' = 'list.last'\n[chronology]\n'z' = 'list.last'\n[documents]\n'z' = 'list.last'\n[pleas]\n'z' = 'list.last'\n[plea]\n'z' = 'list.last'\n";
    let (_, findings) = own(text).unwrap();
    assert_eq!(
        findings,
        [
            "mine.toml:3:1: warning: `z` in [list] is never reached; every context within binds or unbinds it; take the line out"
        ]
    );
}

#[test]
fn a_keymap_that_does_not_exist_is_told_with_those_that_do() {
    let findings = Keymap::load("vmi", &|_| None).unwrap_err();
    assert_eq!(findings[0].to_string(), "vmi: error: there is no `vmi`; did you mean `vim`?");
}
