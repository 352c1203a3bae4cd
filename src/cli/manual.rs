//! `completions` and `man`, made from the grammar.

use clap::CommandFactory;

use super::args::Cli;
use super::exit::{Exit, Outcome};
use super::output::Output;
use crate::action::Action;

pub(super) fn completions(output: &mut Output<'_>, shell: clap_complete::Shell) -> Outcome {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "casemail", &mut text);
    output.bytes(&text)?;
    Ok(Exit::Done)
}

/// One page: the program, then every command with its options, then what keys can be bound to.
pub(super) fn man(output: &mut Output<'_>) -> Outcome {
    let mut page = Vec::new();
    let command = Cli::command();
    let manual = clap_mangen::Man::new(command.clone());
    manual.render_title(&mut page)?;
    manual.render_name_section(&mut page)?;
    manual.render_synopsis_section(&mut page)?;
    manual.render_description_section(&mut page)?;
    manual.render_options_section(&mut page)?;
    let mut built = command;
    built.build();
    page.extend_from_slice(b".SH COMMANDS\n");
    commands(&built, "casemail", &mut page)?;
    page.extend_from_slice(
        b".SH ACTIONS\nNames for keymap files and for the command line of the terminal interface.\n",
    );
    for action in Action::ALL {
        page.extend_from_slice(
            format!(".TP\n\\fB{}\\fR\n{}\n", escape(action.name()), escape(action.doc())).as_bytes(),
        );
    }
    manual.render_extra_section(&mut page)?;
    output.bytes(&page)?;
    Ok(Exit::Done)
}

fn commands(command: &clap::Command, path: &str, page: &mut Vec<u8>) -> std::io::Result<()> {
    for sub in command.get_subcommands() {
        let path = format!("{path} {}", sub.get_name());
        if sub.has_subcommands() {
            commands(sub, &path, page)?;
            continue;
        }
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        page.extend_from_slice(format!(".SS \"{}\"\n{}\n", escape(&path), escape(&about)).as_bytes());
        for argument in sub.get_arguments().filter(|argument| !argument.is_global_set() && argument.get_id() != "help")
        {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            page.extend_from_slice(
                format!(".TP\n\\fB{}\\fR\n{}\n", escape(&argument.to_string()), escape(&help)).as_bytes(),
            );
        }
    }
    Ok(())
}

/// Text as roff takes it literally.
fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::{Output, completions, man};

    #[test]
    fn every_command_is_in_the_manual() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        man(&mut Output::new(&mut out, &mut err, false)).unwrap();
        let page = String::from_utf8(out).unwrap();
        for what in [
            "casemail message show",
            "casemail outbox resolve",
            "\\-\\-dry\\-run",
            "\\-\\-passphrase\\-fd",
            "Exit codes",
        ] {
            assert!(page.contains(what), "{what} in {page}");
        }
    }

    #[test]
    fn every_shell_is_completed() {
        for shell in [clap_complete::Shell::Bash, clap_complete::Shell::Zsh, clap_complete::Shell::Fish] {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            completions(&mut Output::new(&mut out, &mut err, false), shell).unwrap();
            assert!(String::from_utf8(out).unwrap().contains("outbox"), "{shell}");
        }
    }
}
