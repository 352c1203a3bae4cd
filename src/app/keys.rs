//! What is done with keys: decisions about those of others, the life of one's own, and the way from “it cannot be sealed” to a key that can be used.

use std::sync::Arc;

use super::effect::{Effect, KeyDeed, KeySource, Passphrase};
use super::line::Line;
use super::model::Model;
use super::popup::{Ask, Decision, Popup, Prompt, Purpose, Secret, SecretUse};
use super::screen::Screen;
use super::screen::assistant::Assistant;
use super::screen::keys::Keys;
use super::screen::lock::Lock;
use super::view::{AssistRow, KeyRow, Tone};
use crate::action::Action;
use crate::keymap::Resolution;
use crate::keymap::key::Key;
use crate::mail::address::Address;
use crate::mail::draft::{Draft, Protection};
use crate::mail::safe::SafeText;
use crate::pgp::report::Acceptance;

/// What a comparison is usually.
const COMPARED: &str = "read over the telephone";

impl Model {
    /// Shows the keys, at one of them where it is named.
    pub(crate) fn show_keys(&mut self, wanted: Option<String>, out: &mut Vec<Effect>) {
        self.popups.clear();
        let whole = wanted.is_some();
        match self.screens.last_mut() {
            Some(Screen::Keys(_)) => {}
            _ => self.push(Screen::Keys(Keys { wanted, whole, ..Keys::default() })),
        }
        self.refresh(out);
    }

    /// The list of keys has come.
    pub(crate) fn keys_listed(&mut self, rows: &Arc<[KeyRow]>, out: &mut Vec<Effect>) {
        for screen in &mut self.screens {
            if let Screen::Keys(keys) = screen {
                keys.list.set_rows(Arc::clone(rows));
                if let Some(wanted) = keys.wanted.take() {
                    keys.list.select(&wanted);
                }
                if keys.fresh.answered() {
                    out.push(Effect::ListKeys);
                }
            }
        }
    }

    pub(crate) fn act_in_keys(&mut self, action: Action, out: &mut Vec<Effect>) {
        let Some(Screen::Keys(keys)) = self.screens.last_mut() else { return };
        match action {
            Action::ListOpen if !keys.list.is_empty() => {
                keys.whole = !keys.whole;
                self.arrange();
                return;
            }
            Action::KeyImport => {
                let question = SafeText::from("Take in the keys of file:");
                self.popups.push(Popup::Prompt(Prompt {
                    purpose: Purpose::KeyImport,
                    question,
                    line: Line::default(),
                }));
                return;
            }
            Action::KeyGenerate => {
                let me = self.settings.identities.first().cloned().unwrap_or_default();
                let deed = KeyDeed::Generate {
                    name: me.address.name.clone(),
                    address: me.address.addr.clone(),
                    directory: self.save_directory(),
                };
                self.ask_key(&format!("Make a key for {}?", me.address), deed);
                return;
            }
            _ => {}
        }
        let Some(row) = keys.list.selected().cloned() else { return };
        self.act_on_key(action, &row, out);
    }

    fn save_directory(&self) -> String {
        self.directory.clone().unwrap_or_else(|| self.settings.save_directory.clone())
    }

    fn ask_key(&mut self, question: &str, deed: KeyDeed) {
        let question = SafeText::line(question);
        self.popups.push(Popup::Ask(Ask { question, decision: Decision::Key(Box::new(deed)) }));
    }

    fn prompt_key(&mut self, purpose: Purpose, question: &str, answer: &str) {
        let question = SafeText::line(question);
        self.popups.push(Popup::Prompt(Prompt { purpose, question, line: Line::new(answer) }));
    }

    fn ask_secret(&mut self, question: &str, then: SecretUse) {
        let question = SafeText::line(question);
        self.popups.push(Popup::Secret(Secret { question, entry: Lock::default(), first: None, then }));
    }

    fn act_on_key(&mut self, action: Action, row: &KeyRow, out: &mut Vec<Effect>) {
        let fingerprint = row.fingerprint.clone();
        let owner = row.owner().truncate(40);
        let for_own = matches!(
            action,
            Action::KeyExtend
                | Action::KeyRotate
                | Action::KeyRevoke
                | Action::KeyBackup
                | Action::KeyUnlock
                | Action::KeyKeep
                | Action::KeySend
        );
        let for_others = matches!(
            action,
            Action::KeyVerify | Action::KeyAccept | Action::KeyReject | Action::KeyUndecide | Action::KeyForget
        );
        if for_own && !row.is_own() {
            self.say(Tone::Plain, "This is not your own key.");
            return;
        }
        if for_others && row.is_own() {
            self.say(Tone::Plain, "This is your own key: nothing has to be decided about it.");
            return;
        }
        match action {
            Action::KeyVerify => {
                self.prompt_key(Purpose::KeyVerify(fingerprint), "How was its fingerprint compared?", COMPARED);
            }
            Action::KeyAccept => {
                let how = "not compared".to_owned();
                let deed = KeyDeed::Decide { fingerprint, acceptance: Acceptance::Accepted, how };
                self.ask_key(&format!("Accept the key of {owner} though its fingerprint was not compared?"), deed);
            }
            Action::KeyReject => self.prompt_key(Purpose::KeyReject(fingerprint), "Why is it rejected?", ""),
            Action::KeyUndecide => {
                let how = "taken back".to_owned();
                out.push(Effect::Key(KeyDeed::Decide { fingerprint, acceptance: Acceptance::Undecided, how }));
            }
            Action::KeyForget => {
                self.ask_key(
                    &format!("Forget the key of {owner}, and what was decided?"),
                    KeyDeed::Forget(fingerprint),
                );
            }
            Action::KeyExport => {
                let directory = self.save_directory();
                self.prompt_key(Purpose::KeyExport(fingerprint), "Write the certificate to directory:", &directory);
            }
            Action::KeyExtend => {
                self.ask_key("Let your key last three years from today?", KeyDeed::Extend(fingerprint));
            }
            Action::KeyRotate => {
                let directory = self.save_directory();
                let question = "Make a new key that the old one vouches for? The old one is kept for reading.";
                self.ask_key(question, KeyDeed::Rotate { fingerprint, directory });
            }
            Action::KeyRevoke => self.prompt_key(
                Purpose::KeyRevoke(fingerprint),
                "Revoke for good. Why? Begin with compromised, superseded or retired:",
                "",
            ),
            Action::KeyBackup => {
                let directory = self.save_directory();
                self.prompt_key(Purpose::KeyBackup(fingerprint), "Write the backup sheet to directory:", &directory);
            }
            Action::KeyUnlock if row.unlocked => self.say(Tone::Plain, "This key is open already."),
            Action::KeyUnlock => {
                self.ask_secret("Passphrase of the key", SecretUse::Unlock { fingerprint, keep: false });
            }
            Action::KeyKeep if !row.asked => {
                self.say(Tone::Plain, "No passphrase of this key is asked for here: there is none to be kept.");
            }
            Action::KeyKeep => {
                let question = "Passphrase of the key, to be kept with the profile";
                self.ask_secret(question, SecretUse::Unlock { fingerprint, keep: true });
            }
            Action::KeySend => {
                let body = format!(
                    "My OpenPGP key is attached. Please compare its fingerprint with me over the telephone before you use it:\n\n    {}\n",
                    row.groups
                );
                let draft = Draft { subject: "My OpenPGP key".to_owned(), body, ..self.blank() };
                self.leave_composer(out);
                self.begin(draft, None, out);
                if let Some((composer, _)) = self.composer_mut() {
                    out.push(Effect::Key(KeyDeed::Attach(composer.awaits(1), fingerprint)));
                }
            }
            _ => {}
        }
    }

    /// A draft of the preferred account.
    fn blank(&self) -> Draft {
        let me = self.settings.identities.first().cloned().unwrap_or_default();
        Draft { account: me.account, from: me.address, ..Draft::default() }
    }

    /// The answer to a question about a key; whether it was one.
    pub(crate) fn answer_about_key(&mut self, purpose: &Purpose, text: &str, out: &mut Vec<Effect>) -> bool {
        let deed = match purpose {
            Purpose::KeyReject(fingerprint) => KeyDeed::Decide {
                fingerprint: fingerprint.clone(),
                acceptance: Acceptance::Rejected,
                how: text.to_owned(),
            },
            Purpose::KeyVerify(_)
            | Purpose::KeyImport
            | Purpose::KeyExport(_)
            | Purpose::KeyRevoke(_)
            | Purpose::KeyBackup(_)
                if text.is_empty() =>
            {
                return true;
            }
            Purpose::KeyVerify(fingerprint) => KeyDeed::Decide {
                fingerprint: fingerprint.clone(),
                acceptance: Acceptance::Verified,
                how: text.to_owned(),
            },
            Purpose::KeyImport => KeyDeed::Import(KeySource::File(text.to_owned()), None),
            Purpose::KeyExport(fingerprint) => {
                self.directory = Some(text.to_owned());
                KeyDeed::Export { fingerprint: fingerprint.clone(), directory: text.to_owned() }
            }
            Purpose::KeyRevoke(fingerprint) => {
                let (reason, because) = text.split_once([' ', ':', ',']).unwrap_or((text, ""));
                KeyDeed::Revoke {
                    fingerprint: fingerprint.clone(),
                    reason: reason.to_owned(),
                    because: because.trim_start_matches([' ', ':', ',']).to_owned(),
                }
            }
            Purpose::KeyBackup(fingerprint) => {
                self.directory = Some(text.to_owned());
                let then = SecretUse::Backup { fingerprint: fingerprint.clone(), directory: text.to_owned() };
                self.ask_secret("A passphrase for the sheet", then);
                return true;
            }
            Purpose::Filter
            | Purpose::SaveDocuments(_)
            | Purpose::Quarantine { .. }
            | Purpose::Save(..)
            | Purpose::SaveChange(_)
            | Purpose::Fact(_)
            | Purpose::AttachmentName(_)
            | Purpose::Decrypt(..)
            | Purpose::Disclose(..) => return false,
        };
        out.push(Effect::Key(deed));
        true
    }

    /// A key in what was to be taken in is locked.
    pub(crate) fn key_is_locked(&mut self, source: KeySource) {
        self.ask_secret("Passphrase of the key that is taken in", SecretUse::Import(source));
    }

    /// An account has no password that its server takes.
    pub(crate) fn ask_password(&mut self, account: String) {
        let is_asked = |popup: &Popup| matches!(popup, Popup::Secret(secret) if matches!(&secret.then, SecretUse::Account(asked) if *asked == account));
        if !self.popups.iter().any(is_asked) {
            self.ask_secret(&format!("Password of {account}"), SecretUse::Account(account));
        }
    }

    /// Takes a key press for a passphrase that is being typed; whether one is.
    pub(crate) fn secret_key(&mut self, key: Key, out: &mut Vec<Effect>) -> bool {
        if !matches!(self.popups.last(), Some(Popup::Secret(_))) {
            return false;
        }
        let resolved = self.settings.keymap.resolve(self.context(), &[], key);
        if let Resolution::Matched(actions, _) = &resolved
            && actions.contains(&Action::PromptCancel)
        {
            self.popups.pop();
            return true;
        }
        let Some(Popup::Secret(secret)) = self.popups.last_mut() else { return true };
        let Some(typed) = secret.entry.key(key) else { return true };
        secret.entry = Lock::default();
        if matches!(secret.then, SecretUse::Backup { .. }) && secret.first.is_none() {
            secret.first = Some(typed);
            secret.question = SafeText::from("The same passphrase again");
            return true;
        }
        let Some(Popup::Secret(secret)) = self.popups.pop() else { return true };
        if secret.first.as_ref().is_some_and(|first| first.0 != typed.0) {
            self.say(Tone::Warning, "The two were not the same; nothing was written.");
            return true;
        }
        let deed = match secret.then {
            SecretUse::Account(_) if typed.0.is_empty() => return true,
            SecretUse::Account(account) => {
                out.push(Effect::Password(account, typed));
                return true;
            }
            SecretUse::Unlock { fingerprint, keep } => KeyDeed::Unlock { fingerprint, passphrase: typed, keep },
            SecretUse::Backup { fingerprint, directory } => {
                KeyDeed::Backup { fingerprint, directory, passphrase: typed }
            }
            SecretUse::Import(source) => KeyDeed::Import(source, Some(typed)),
        };
        out.push(Effect::Key(deed));
        true
    }

    /// Pasted text: a passphrase, or a key where the keys are shown. Whether it was one.
    pub(crate) fn paste_key(&mut self, text: &str, out: &mut Vec<Effect>) -> bool {
        if let Some(Popup::Secret(secret)) = self.popups.last_mut() {
            secret.entry.paste(text);
            return true;
        }
        let shows = self.popups.is_empty() && matches!(self.screens.last(), Some(Screen::Keys(_)));
        if !shows {
            return false;
        }
        if text.contains("-----BEGIN PGP") {
            out.push(Effect::Key(KeyDeed::Import(KeySource::Text(Passphrase(text.to_owned())), None)));
        } else {
            self.say(Tone::Plain, "That is no OpenPGP key: one begins with -----BEGIN PGP PUBLIC KEY BLOCK-----.");
        }
        true
    }

    /// Shows why mail to these cannot be sealed, and what can be done about it.
    pub(crate) fn assist(&mut self, out: &mut Vec<Effect>) {
        let addresses = match self.screens.last_mut() {
            Some(Screen::Review(review)) => {
                let recipients = review.review.recipients.iter();
                recipients.map(|recipient| recipient.address.address.addr.clone()).collect()
            }
            Some(Screen::Composer(composer)) => match composer.draft(true) {
                Some(draft) => draft.to.iter().chain(&draft.cc).chain(&draft.bcc).map(|one| one.addr.clone()).collect(),
                None => {
                    let wrong = composer.wrong(composer.focus).map(|why| why.as_str().to_owned());
                    self.say(Tone::Warning, wrong.unwrap_or_default());
                    return;
                }
            },
            _ => Vec::new(),
        };
        if addresses.is_empty() {
            self.say(Tone::Plain, "It goes to nobody yet.");
            return;
        }
        self.push(Screen::Assistant(Assistant::new(addresses)));
        self.refresh(out);
    }

    pub(crate) fn assisted(&mut self, rows: &Arc<[AssistRow]>, out: &mut Vec<Effect>) {
        for screen in &mut self.screens {
            if let Screen::Assistant(assistant) = screen {
                assistant.list.set_rows(Arc::clone(rows));
                if assistant.fresh.answered() {
                    out.push(Effect::Assist(assistant.addresses.clone()));
                }
            }
        }
    }

    pub(crate) fn act_in_assistant(&mut self, action: Action, out: &mut Vec<Effect>) {
        let Some(Screen::Assistant(assistant)) = self.screens.last() else { return };
        let Some(row) = assistant.list.selected().cloned() else { return };
        match (action, row.key) {
            (Action::KeyVerify | Action::KeyAccept | Action::KeyUndecide, Some(key)) => {
                self.act_on_key(action, &key, out);
            }
            (Action::ListOpen, Some(key)) => self.show_keys(Some(key.fingerprint), out),
            (Action::KeyVerify | Action::KeyAccept | Action::KeyUndecide | Action::ListOpen, None) => {
                self.say(Tone::Plain, "There is no key for this address here.");
            }
            (Action::KeyTake, _) => match row.offer {
                Some((message, _)) => out.push(Effect::Key(KeyDeed::Import(KeySource::Message(message), None))),
                None => self.say(Tone::Plain, "No message from this address brings a key."),
            },
            (Action::KeyLookup, _) => match row.lookup {
                Some(hosts) => {
                    let deed = KeyDeed::Import(KeySource::Directory(row.raw), None);
                    self.ask_key(&format!("Ask {hosts} for the key? It learns whom you write to."), deed);
                }
                None => self.say(
                    Tone::Plain,
                    "Keys are not looked up on the internet: `key_lookup = true` in config.toml allows it.",
                ),
            },
            (Action::KeyAsk, _) => {
                let to = vec![Address { name: String::new(), addr: row.raw }];
                let draft = Draft {
                    to,
                    subject: "Your OpenPGP key, please".to_owned(),
                    body: "I would like to write to you encrypted. Please send me your OpenPGP key (the public one, as an attachment), and tell me when I may telephone you to compare its fingerprint. Mine is attached.\n".to_owned(),
                    protection: Protection::None,
                    ..self.blank()
                };
                self.leave_composer(out);
                self.begin(draft, None, out);
                if let Some((composer, _)) = self.composer_mut() {
                    out.push(Effect::Key(KeyDeed::AttachOwn(composer.awaits(1))));
                }
            }
            _ => {}
        }
    }

    /// Back from the keys to the message: what was reviewed before they were decided about is reviewed anew.
    pub(crate) fn leave_assistant(&mut self, out: &mut Vec<Effect>) {
        self.pop(out);
        if matches!(self.screens.last(), Some(Screen::Review(review)) if !review.sending) {
            self.pop(out);
            self.ask_review(out);
        }
    }
}
