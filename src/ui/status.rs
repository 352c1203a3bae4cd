//! What every screen has: the title row, the status row, and the row of notices and hints.

use super::canvas::{Canvas, cells};
use super::date;
use crate::action::{Action, Context};
use crate::app::Model;
use crate::app::popup::Popup;
use crate::app::screen::Screen;
use crate::app::screen::composer::Field;
use crate::app::screen::threads::Threads;
use crate::app::view::Link;
use crate::mail::safe::SafeText;
use crate::theme::Scope;

/// Said of an open profile; a locked one has a screen of its own.
const UNLOCKED: &str = "unlocked";
/// The longest name on the way here.
const CRUMB: u16 = 28;

/// Draws title, status and foot.
pub(super) fn draw(model: &Model, canvas: &mut Canvas<'_>) {
    title(model, canvas);
    status(model, canvas);
    foot(model, canvas);
}

fn title(model: &Model, canvas: &mut Canvas<'_>) {
    let row = model.parts().title;
    let between = canvas.pick(" › ", " > ");
    let names: Vec<SafeText> = model.screens.iter().map(name).collect();
    let (muted, strong) = (canvas.style(Scope::TextMuted), canvas.style(Scope::Title));
    let last = names.len().saturating_sub(1);
    let wide = |name: &SafeText| cells(name.as_str());
    let (gap, room) = (cells(between), row.width.saturating_sub(2));
    // The way here may be shortened, from its beginning on; the name of where one is only when nothing else is left.
    let mut first = 0;
    let width_from = |first: usize| {
        let crumbs = names.get(first..last).unwrap_or_default();
        crumbs.iter().map(|name| wide(name).min(CRUMB) + gap).sum::<u16>() + names.last().map_or(0, wide)
    };
    while first < last && width_from(first) > room {
        first += 1;
    }
    let mut x = row.x + 1;
    let mut end = row.x + row.width - 1;
    if let Some(words) = super::screen::exporting::short(model).filter(|_| model.popups.is_empty()) {
        let width = cells(&words).min(end.saturating_sub(x));
        end -= width;
        canvas.put(end, row.y, width, &words, canvas.style(Scope::StatusPending));
        end = end.saturating_sub(2);
    }
    for (at, name) in names.iter().enumerate().skip(first) {
        let share = if at == last { end.saturating_sub(x) } else { end.saturating_sub(x).min(CRUMB) };
        x += canvas.put(x, row.y, share, name.as_str(), if at == last { strong } else { muted });
        if at < last {
            x += canvas.put(x, row.y, end.saturating_sub(x), between, muted);
        }
    }
}

fn name(screen: &Screen) -> SafeText {
    match screen {
        Screen::Cases(_) => SafeText::from("Cases"),
        Screen::Threads(threads) => threads.title.clone(),
        Screen::Thread(thread) if thread.subject.is_empty() => SafeText::from("(no subject)"),
        Screen::Thread(thread) => thread.subject.clone(),
        Screen::Composer(composer) if composer.subject().is_empty() => SafeText::from("New message"),
        Screen::Composer(composer) => SafeText::line(composer.subject()),
        Screen::Review(_) => SafeText::from("Review before sending"),
        Screen::Outbox(_) => SafeText::from("Outbox"),
        Screen::Changes(_) => SafeText::from("Not yet on the servers"),
        Screen::Drafts(_) => SafeText::from("Drafts"),
        Screen::Connections(_) => SafeText::from("Connections"),
        Screen::Keys(_) => SafeText::from("Keys"),
        Screen::Assistant(_) => SafeText::from("Why can’t I encrypt to …?"),
        Screen::Case(_) => SafeText::from("The case"),
        Screen::Triage(_) => SafeText::from("To be filed"),
        Screen::Awaiting(_) => SafeText::from("Awaited answers"),
        Screen::Pleas(_) => SafeText::from("Plea negotiations"),
        Screen::Plea(_) => SafeText::from("Negotiation"),
        Screen::Chronology(_) => SafeText::from("Chronology"),
        Screen::Documents(documents) => SafeText::fill("Documents: {}", &[&documents.title]),
        Screen::Look(look) => look.name(),
        Screen::Help(_) => SafeText::from("Help"),
    }
}

fn status(model: &Model, canvas: &mut Canvas<'_>) {
    let row = model.parts().status;
    let base = canvas.style(Scope::Status);
    canvas.fill(row, " ", base);
    let position = position(model);
    let right = cells(&position).min(row.width / 2);
    canvas.put_right(row.x, row.y, row.width.saturating_sub(1), &position, canvas.style(Scope::StatusPosition));
    let mut x = row.x + 1;
    let whole = (row.x + row.width).saturating_sub(right + 3);
    let gap = canvas.pick(" │ ", " | ");
    // However much there is to say of the connection: whether the profile lies open is never cut off, nor, where it fits, that a key ends.
    let ending = model.keys_ending.as_ref().map_or(0, |words| cells(gap) + cells(words.as_str()).min(row.width / 3));
    let end = whole.saturating_sub(cells(gap) + cells(UNLOCKED) + ending);
    if model.accounts.is_empty() {
        x += canvas.put(x, row.y, end.saturating_sub(x), "no connection yet", canvas.style(Scope::StatusOffline));
        x += canvas.put(x, row.y, whole.saturating_sub(x), gap, base);
    }
    let states: Vec<(String, Scope)> = model.accounts.iter().map(|account| link(model, &account.link)).collect();
    // Accounts that are in the same state say so together: what else the line has to tell then finds room.
    let alike = states.first().filter(|first| states.len() > 1 && states.iter().all(|state| state == *first));
    if let Some((words, scope)) = alike {
        let words = format!("{} accounts: {words}", states.len());
        x += canvas.put(x, row.y, end.saturating_sub(x), &words, canvas.style(*scope));
        x += canvas.put(x, row.y, end.saturating_sub(x), gap, base);
    }
    for account in model.accounts.iter().filter(|_| alike.is_none()) {
        let (words, scope) = link(model, &account.link);
        // Several share the row: why one of them fails stands among the connections.
        let words = if model.accounts.len() > 1 { in_short(model, &account.link).unwrap_or(words) } else { words };
        let words = format!("{}: {words}", SafeText::line(&account.account));
        x += canvas.put(x, row.y, end.saturating_sub(x), &words, canvas.style(scope));
        x += canvas.put(x, row.y, whole.saturating_sub(x), gap, base);
    }
    x += canvas.put(x, row.y, whole.saturating_sub(x), UNLOCKED, base);
    if let Some(words) = &model.keys_ending {
        x += canvas.put(x, row.y, whole.saturating_sub(x), gap, base);
        let words = words.truncate(usize::from(whole.saturating_sub(x)));
        canvas.put(x, row.y, whole.saturating_sub(x), words.as_str(), canvas.style(Scope::ToneWarning));
    }
}

fn link(model: &Model, link: &Link) -> (String, Scope) {
    let zone = &model.settings.zone;
    match link {
        Link::Connecting => ("connecting".to_owned(), Scope::StatusSyncing),
        Link::Syncing { mailbox, done, total, others, .. } => {
            let mut words = format!("syncing {}", mailbox.truncate(20));
            if *total > 0 {
                words.push_str(&format!(" {done} of {total}"));
            }
            if *others > 0 {
                words.push_str(&format!(", {others} more"));
            }
            (words, Scope::StatusSyncing)
        }
        Link::Watching { live: true } => ("up to date, watching".to_owned(), Scope::StatusOnline),
        Link::Watching { live: false } => ("up to date".to_owned(), Scope::StatusOnline),
        Link::Offline { since, because, retry } => {
            let mut words = "offline".to_owned();
            if let Some(since) = since {
                words.push_str(&format!(" since {}", date::clock(*since, model.now, zone)));
            }
            if !because.is_empty() {
                words.push_str(&format!(": {because}"));
            }
            if let Some(retry) = retry {
                words.push_str(&format!("; next try {}", date::clock(*retry, model.now, zone)));
            }
            (words, Scope::StatusOffline)
        }
    }
}

/// The state of one account among several.
fn in_short(model: &Model, link: &Link) -> Option<String> {
    match link {
        Link::Watching { .. } => Some("up to date".to_owned()),
        Link::Offline { retry: Some(retry), .. } => {
            Some(format!("offline, next try {}", date::clock(*retry, model.now, &model.settings.zone)))
        }
        Link::Offline { .. } => Some("offline".to_owned()),
        Link::Connecting | Link::Syncing { .. } => None,
    }
}

fn position(model: &Model) -> String {
    let rows = |at: usize, shown: usize, total: usize, filter: &str| match (shown, filter.is_empty()) {
        (0, true) => String::new(),
        (0, false) => format!("no row of {total} holds “{}”", SafeText::line(filter).truncate(12)),
        (_, true) => format!("{} of {shown}", at + 1),
        (_, false) => format!("{} of {shown} with “{}”, {total} in all", at + 1, SafeText::line(filter).truncate(12)),
    };
    match model.screens.last() {
        Some(Screen::Cases(s)) => rows(s.list.at(), s.list.len(), s.list.total(), s.list.filter()),
        Some(Screen::Threads(s)) if s.list.all().behind() > 0 => first_rows(s),
        Some(Screen::Threads(s)) => rows(s.list.at(), s.list.len(), s.list.total(), s.list.filter()),
        Some(Screen::Outbox(s)) => rows(s.list.at(), s.list.len(), s.list.total(), s.list.filter()),
        Some(Screen::Changes(s)) => rows(s.list.at(), s.list.len(), s.list.total(), s.list.filter()),
        Some(Screen::Drafts(s)) => rows(s.list.at(), s.list.len(), s.list.total(), s.list.filter()),
        Some(Screen::Connections(s)) => rows(s.list.at(), s.list.len(), s.list.total(), s.list.filter()),
        Some(Screen::Keys(s)) => rows(s.list.at(), s.list.len(), s.list.total(), s.list.filter()),
        Some(Screen::Assistant(s)) => rows(s.list.at(), s.list.len(), s.list.total(), s.list.filter()),
        Some(Screen::Case(s)) => rows(s.list.at(), s.list.len(), s.list.total(), s.list.filter()),
        Some(Screen::Triage(s)) => rows(s.list.at(), s.list.len(), s.list.total(), s.list.filter()),
        Some(Screen::Awaiting(s)) => rows(s.list.at(), s.list.len(), s.list.total(), s.list.filter()),
        Some(Screen::Look(s)) => match s.body.percent() {
            100 if s.body.at_start() => "all".to_owned(),
            percent => format!("{percent} %"),
        },
        Some(Screen::Documents(s)) => rows(s.list.at(), s.list.len(), s.list.total(), s.list.filter()),
        Some(Screen::Pleas(s)) => rows(s.list.at(), s.list.len(), s.list.total(), s.list.filter()),
        Some(Screen::Plea(s)) => rows(s.list.at(), s.list.len(), s.list.total(), s.list.filter()),
        Some(Screen::Chronology(s)) => rows(s.list.at(), s.list.len(), s.list.total(), s.list.filter()),
        Some(Screen::Help(s)) => rows(s.list.at(), s.list.len(), s.list.total(), s.list.filter()),
        Some(Screen::Thread(thread)) => {
            let percent = thread.shown.as_ref().map(|shown| match shown.body.percent() {
                100 if shown.body.at_start() => "all".to_owned(),
                100 => "end".to_owned(),
                percent => format!("{percent} %"),
            });
            let message = format!("message {} of {}", thread.tree.at() + 1, thread.tree.len().max(1));
            percent.map_or(message.clone(), |percent| format!("{message}, {percent}"))
        }
        Some(Screen::Review(review)) if review.at_end() => "end".to_owned(),
        Some(Screen::Review(_)) => "more below".to_owned(),
        Some(Screen::Composer(composer)) if composer.changed => "not kept yet".to_owned(),
        Some(Screen::Composer(composer)) if composer.touched => "kept".to_owned(),
        Some(Screen::Composer(_)) | None => String::new(),
    }
}

/// The place in a list of which only the first rows are here yet.
fn first_rows(threads: &Threads) -> String {
    let (list, here) = (&threads.list, threads.list.total());
    let filter = SafeText::line(list.filter()).truncate(12);
    match (list.len(), list.filter().is_empty()) {
        (0, true) => String::new(),
        (0, false) => format!("no row of the first {here} holds “{filter}”"),
        (_, true) => format!("{} of {}, the first {here} are here", list.at() + 1, here + list.all().behind()),
        (shown, false) => format!("{} of {shown} with “{filter}” among the first {here}", list.at() + 1),
    }
}

fn foot(model: &Model, canvas: &mut Canvas<'_>) {
    let row = model.parts().foot;
    let inner = row.width.saturating_sub(2);
    match model.popups.last() {
        Some(Popup::Prompt(prompt)) => {
            let asked =
                canvas.put(row.x + 1, row.y, inner / 2, prompt.question.as_str(), canvas.style(Scope::FieldName));
            let x = row.x + 2 + asked;
            let keys = |action| model.settings.keymap.hint(Context::Prompt, action).unwrap_or_default();
            let hint = format!("{} ok  {} cancel", keys(Action::PromptAccept), keys(Action::PromptCancel));
            let hint_width = if inner >= 72 { cells(&hint) + 2 } else { 0 };
            canvas.put_right(
                row.x + 1,
                row.y,
                inner.min(hint_width.saturating_mul(64)),
                &hint,
                canvas.style(Scope::KeyDoc),
            );
            super::screen::field(
                canvas,
                x,
                row.y,
                (row.x + row.width).saturating_sub(x + 1 + hint_width),
                &prompt.line,
                Scope::FieldFocused,
            );
            return;
        }
        Some(Popup::Ask(ask)) => {
            let yes = model.settings.keymap.hint(Context::Confirm, Action::ConfirmYes).unwrap_or("y");
            let no = model.settings.keymap.hint(Context::Confirm, Action::ConfirmNo).unwrap_or("n");
            let answer = format!(" {yes} yes, {no} no");
            let room = inner.saturating_sub(cells(&answer));
            let asked = canvas.put(row.x + 1, row.y, room, ask.question.as_str(), canvas.style(Scope::ToneWarning));
            canvas.put(row.x + 1 + asked, row.y, inner - asked, &answer, canvas.style(Scope::KeyHint));
            canvas.cursor = Some((row.x + 1 + asked + cells(&answer), row.y));
            return;
        }
        Some(Popup::Secret(secret)) => {
            let question = format!("{}:", secret.question);
            let asked = canvas.put(row.x + 1, row.y, inner, &question, canvas.style(Scope::FieldName));
            let x = row.x + 2 + asked;
            let state = if secret.entry.is_empty() { "" } else { "(typed, not shown)" };
            canvas.put(x, row.y, (row.x + row.width).saturating_sub(x), state, canvas.style(Scope::TextMuted));
            canvas.cursor = Some((x, row.y));
            return;
        }
        Some(_) | None => {}
    }
    if !model.pending.is_empty() {
        let keys: Vec<String> = model.pending.iter().map(ToString::to_string).collect();
        let text = format!("{} {}", keys.join(" "), canvas.pick("…", "..."));
        canvas.put(row.x + 1, row.y, inner, &text, canvas.style(Scope::StatusPending));
    } else if let Some(notice) = &model.notice {
        let style = canvas.tone(notice.sentence.tone);
        let sign = canvas.sign(notice.sentence.tone);
        canvas.put(row.x + 1, row.y, 1, sign, style);
        canvas.put(row.x + 3, row.y, inner.saturating_sub(2), notice.sentence.text.as_str(), style);
    } else {
        hints(model, canvas);
    }
}

/// The list of files has the keys.
fn is_among_files(model: &Model) -> bool {
    matches!(model.screens.last(), Some(Screen::Composer(composer)) if composer.focus == Field::Files)
}

/// What is reviewed is too large for one message.
fn is_large(model: &Model) -> bool {
    matches!(model.screens.last(), Some(Screen::Review(review)) if review.review.is_large)
}

/// What is reviewed goes to somebody only after their address was typed.
fn asks_for_an_address(model: &Model) -> bool {
    matches!(model.screens.last(), Some(Screen::Review(review)) if !review.review.to_name.is_empty())
}

/// Only what can be done with the row at the cursor.
/// What fits the key: one's own is sent and kept alive, those of others are decided about; without any, one is made or taken in.
fn key_hints(model: &Model) -> &'static [(Action, &'static str)] {
    let selected = match model.screens.last() {
        Some(Screen::Keys(keys)) => keys.list.selected().map(|row| (row.is_own(), row.asked)),
        _ => None,
    };
    match selected {
        None => &[
            (Action::KeyGenerate, "make your own"),
            (Action::KeyImport, "import"),
            (Action::Back, "back"),
            (Action::Help, "help"),
        ],
        Some((true, true)) => &[
            (Action::KeyUnlock, "open"),
            (Action::KeyKeep, "open, keep passphrase"),
            (Action::KeySend, "send"),
            (Action::KeyExtend, "extend"),
            (Action::KeyBackup, "back up"),
            (Action::ListOpen, "all of it"),
            (Action::Back, "back"),
            (Action::Help, "help"),
        ],
        Some((true, false)) => &[
            (Action::KeySend, "send"),
            (Action::KeyExtend, "extend"),
            (Action::KeyBackup, "back up"),
            (Action::KeyExport, "export"),
            (Action::KeyImport, "import"),
            (Action::ListOpen, "all of it"),
            (Action::Back, "back"),
            (Action::Help, "help"),
        ],
        Some((false, _)) => &[
            (Action::KeyVerify, "verified"),
            (Action::KeyAccept, "accept"),
            (Action::KeyReject, "reject"),
            (Action::KeyImport, "import"),
            (Action::KeyExport, "export"),
            (Action::ListOpen, "all of it"),
            (Action::Back, "back"),
            (Action::Help, "help"),
        ],
    }
}

fn outbox_hints(model: &Model) -> &'static [(Action, &'static str)] {
    let row = match model.screens.last() {
        Some(Screen::Outbox(outbox)) => outbox.list.selected(),
        _ => None,
    };
    const BACK: (Action, &str) = (Action::Back, "back");
    const HELP: (Action, &str) = (Action::Help, "help");
    const RETRY: (Action, &str) = (Action::OutboxRetry, "try again now");
    const CANCEL: (Action, &str) = (Action::OutboxCancel, "back to draft");
    match row {
        Some(row) if row.state == "uncertain" => &[
            (Action::OutboxArrived, "it was sent"),
            (Action::OutboxSendAgain, "send again"),
            CANCEL,
            (Action::OutboxRetry, "look again"),
            BACK,
            HELP,
        ],
        Some(row) if row.retryable && row.cancellable => &[RETRY, CANCEL, BACK, HELP],
        Some(row) if row.cancellable => &[CANCEL, BACK, HELP],
        Some(row) if row.retryable => &[RETRY, BACK, HELP],
        Some(row) if row.state == "sent-not-filed" => &[(Action::OutboxRetry, "file the copy now"), BACK, HELP],
        _ => &[BACK, HELP],
    }
}

/// The keys that matter most here, as they are bound now.
/// Whether an act waits for the user's yes, and it is plain which.
fn waits_for_yes(model: &Model) -> bool {
    matches!(model.screens.last(), Some(Screen::Plea(shown)) if shown.unconfirmed().is_some())
}

fn hints(model: &Model, canvas: &mut Canvas<'_>) {
    let context = model.screen_context();
    let row = model.parts().foot;
    let wanted: &[(Action, &str)] = match context {
        Context::Cases => &[
            (Action::ListOpen, "open"),
            (Action::ListNextUnread, "next unread"),
            (Action::CaseFind, "find case"),
            (Action::GoTriage, "to be filed"),
            (Action::CaseShow, "case"),
            (Action::Compose, "write"),
            (Action::GoOutbox, "outbox"),
            (Action::Palette, "command"),
            (Action::Help, "help"),
            (Action::Quit, "quit"),
        ],
        Context::Threads => &[
            (Action::ListOpen, "open"),
            (Action::ListNextUnread, "next unread"),
            (Action::MessageReply, "reply"),
            (Action::ThreadToggleSeen, "read/unread"),
            (Action::ThreadToggleFlagged, "flag"),
            (Action::ListFilter, "filter"),
            (Action::Back, "back"),
            (Action::Help, "help"),
        ],
        Context::Thread => &[
            (Action::ViewPageDown, "read on"),
            (Action::ListNext, "next"),
            (Action::MessageReply, "reply"),
            (Action::MessageReplyAll, "reply all"),
            (Action::AttachmentSave, "save file"),
            (Action::ListOpen, "enlarge"),
            (Action::Back, "back"),
            (Action::Help, "help"),
        ],
        Context::Message => &[
            (Action::ViewPageDown, "read on"),
            (Action::MessageReply, "reply"),
            (Action::MessageReplyAll, "reply all"),
            (Action::MessageForward, "forward"),
            (Action::AttachmentSave, "save file"),
            (Action::MessageToggleDetails, "details"),
            (Action::Back, "back"),
            (Action::Help, "help"),
        ],
        Context::Composer if is_among_files(model) => &[
            (Action::ComposerFileName, "name"),
            (Action::ComposerFileUp, "up"),
            (Action::ComposerFileDown, "down"),
            (Action::ComposerDetach, "take off"),
            (Action::ComposerAttach, "attach"),
            (Action::ComposerSplit, "split"),
            (Action::ComposerReview, "review and send"),
        ],
        Context::Composer => &[
            (Action::ComposerReview, "review and send"),
            (Action::ComposerNextField, "next field"),
            (Action::ComposerEdit, "editor"),
            (Action::ComposerAttach, "attach"),
            (Action::ComposerProtection, "OpenPGP"),
            (Action::ComposerKeep, "keep"),
            (Action::ComposerDiscard, "discard"),
        ],
        Context::Review if asks_for_an_address(model) => &[
            (Action::ReviewDisclose, "TYPE THE ADDRESS"),
            (Action::ReviewEdit, "back to writing"),
            (Action::ComposerProtection, "OpenPGP"),
            (Action::ViewPageDown, "read on"),
            (Action::Help, "help"),
        ],
        Context::Review if is_large(model) => &[
            (Action::ReviewSend, "SEND"),
            (Action::ComposerSplit, "split, or not"),
            (Action::ReviewEdit, "back to writing"),
            (Action::ViewPageDown, "read on"),
            (Action::Help, "help"),
        ],
        Context::Review => &[
            (Action::ReviewSend, "SEND"),
            (Action::ReviewEdit, "back to writing"),
            (Action::ComposerProtection, "OpenPGP"),
            (Action::KeyAssist, "keys"),
            (Action::ViewPageDown, "read on"),
            (Action::Help, "help"),
        ],
        Context::Outbox => outbox_hints(model),
        Context::Drafts => &[
            (Action::ListOpen, "go on with it"),
            (Action::DraftDiscard, "throw away"),
            (Action::Back, "back"),
            (Action::Help, "help"),
        ],
        Context::Keys => key_hints(model),
        Context::Assistant => &[
            (Action::KeyVerify, "verified"),
            (Action::KeyAccept, "accept"),
            (Action::KeyTake, "take in"),
            (Action::KeyLookup, "look up"),
            (Action::KeyAsk, "ask by mail"),
            (Action::Back, "back"),
            (Action::Help, "help"),
        ],
        Context::Connections => &[
            (Action::ConnectionRetry, "try now"),
            (Action::ConnectionToggle, "account on/offline"),
            (Action::SyncToggle, "all on/offline"),
            (Action::Back, "back"),
            (Action::Help, "help"),
        ],
        Context::Case => &[
            (Action::CaseEdit, "change"),
            (Action::CaseAdd, "add"),
            (Action::CaseRemove, "take out"),
            (Action::CaseNote, "note"),
            (Action::CaseState, "close, hold"),
            (Action::CaseMail, "mail"),
            (Action::CaseChronology, "chronology"),
            (Action::Back, "back"),
            (Action::Help, "help"),
        ],
        Context::Documents => &[
            (Action::DocumentLook, "look"),
            (Action::ListMark, "mark"),
            (Action::DocumentSort, "sort"),
            (Action::DocumentSave, "save"),
            (Action::MailExport, "export"),
            (Action::MailBundle, "bundle"),
            (Action::DocumentQuarantine, "quarantine"),
            (Action::Back, "back"),
            (Action::Help, "help"),
        ],
        Context::Look => &[
            (Action::ViewPageDown, "page down"),
            (Action::DocumentSave, "save"),
            (Action::DocumentHearing, "take hearing"),
            (Action::Back, "back"),
            (Action::Help, "help"),
        ],
        Context::Triage => &[
            (Action::TriageAccept, "accept"),
            (Action::TriageAcceptAlike, "all alike"),
            (Action::TriageAcceptAll, "all sure ones"),
            (Action::TriageNotACase, "not a case"),
            (Action::TriageUndo, "take back"),
            (Action::TriagePick, "pick"),
            (Action::TriageNewCase, "new case"),
            (Action::TriageRead, "read"),
            (Action::Back, "back"),
            (Action::Help, "help"),
        ],
        Context::Awaiting => &[
            (Action::ListOpen, "mail of the case"),
            (Action::AwaitingChase, "chase"),
            (Action::CaseShow, "case"),
            (Action::CaseChronology, "chronology"),
            (Action::Back, "back"),
            (Action::Help, "help"),
        ],
        Context::Pleas => &[
            (Action::ListOpen, "open"),
            (Action::PleaSort, "sort"),
            (Action::PleaFilter, "whose turn"),
            (Action::CaseShow, "case"),
            (Action::CaseChronology, "chronology"),
            (Action::Back, "back"),
            (Action::Help, "help"),
        ],
        Context::Plea if waits_for_yes(model) => &[
            (Action::PleaAdmit, "it is theirs"),
            (Action::PleaUnmark, "it is not"),
            (Action::PleaCounter, "counter"),
            (Action::PleaAccept, "accept"),
            (Action::PleaReject, "reject"),
            (Action::PleaQuery, "ask"),
            (Action::PleaReply, "reply"),
            (Action::Back, "back"),
            (Action::Help, "help"),
        ],
        Context::Plea => &[
            (Action::PleaOffer, "offer"),
            (Action::PleaCounter, "counter"),
            (Action::PleaAccept, "accept"),
            (Action::PleaReject, "reject"),
            (Action::PleaQuery, "ask"),
            (Action::PleaReply, "reply"),
            (Action::PleaExtend, "extend"),
            (Action::PleaRecord, "record"),
            (Action::Back, "back"),
            (Action::Help, "help"),
        ],
        _ => &[(Action::ListFilter, "filter"), (Action::ViewPageDown, "page down"), (Action::Back, "back")],
    };
    let (key_style, doc_style) = (canvas.style(Scope::KeyHint), canvas.style(Scope::KeyDoc));
    let mut x = row.x + 1;
    let end = row.x + row.width;
    let key_of = |action| model.settings.keymap.hint(context, action);
    // The way to all the other keys is the last to go.
    let help = wanted.iter().find(|(action, _)| *action == Action::Help);
    let mut kept = help.and_then(|(action, label)| Some(cells(key_of(*action)?) + 3 + cells(label))).unwrap_or(0);
    for (action, label) in wanted {
        let Some(key) = key_of(*action) else { continue };
        let room = cells(key) + 1 + cells(label);
        if *action == Action::Help {
            kept = 0;
        }
        if x + room + kept >= end {
            continue;
        }
        x += canvas.put(x, row.y, end - x, key, key_style) + 1;
        x += canvas.put(x, row.y, end - x, label, doc_style) + 2;
    }
}
