//! Where negotiations stand, for the screens and for commands.

use std::sync::Arc;

use jiff::Timestamp;

use crate::app::event::Event;
use crate::app::plea_view::{Loose, Meant, NegotiationView};
use crate::app::view::Tone;
use crate::case::{Case, MessageName, Party, Role};
use crate::config::Account;
use crate::engine::core::{Core, EngineError, Open};
use crate::engine::quarantine::Shutter;
use crate::engine::reading::Look;
use crate::engine::register::Recorder;
use crate::engine::streamed::Streamed;
use crate::mail::address::Address;
use crate::mail::id::{CaseId, MessageKey};
use crate::mail::safe::SafeText;
use crate::pgp::open::Decrypt;
use crate::plea::compose::Actor;
use crate::plea::{Entry, Heard, Negotiation, NegotiationId, Side, State, block, board, credit, gather, table};
use crate::register;
use crate::register::record::Digest;
use crate::store::mailbox::SpecialUse;

/// Messages of the other side that are offered to be marked.
const LOOSE_MAX: usize = 20;
/// Mail that came so long before the first act is not offered to be marked.
const BEFORE: jiff::SignedDuration = jiff::SignedDuration::from_hours(14 * 24);
/// Characters of a message that are shown beside it.
const WORDS_MAX: usize = 400;

/// The words for a number of people.
fn refused(words: impl Into<String>) -> EngineError {
    EngineError::Refused(words.into())
}

impl Core {
    /// One's own addresses, of every account.
    fn own_addresses(&self) -> Vec<String> {
        let accounts = self.settings.config.accounts.iter();
        accounts
            .flat_map(|account| std::iter::once(&account.address).chain(&account.also))
            .map(|address| address.addr.clone())
            .collect()
    }

    /// The party of a case that one is, and the address that makes one so: an act counts only where it comes from that.
    pub(super) fn own_party<'c>(&self, case: &'c Case) -> Option<(&Account, &Address, &'c Party)> {
        self.settings.config.accounts.iter().find_map(|account| {
            std::iter::once(&account.address).chain(&account.also).find_map(|address| {
                let party = case.party(&address.addr, &self.settings.classes)?;
                Some((account, address, party))
            })
        })
    }

    /// As whom one acts in a case: the party of one's own address, else the role that the configuration claims.
    ///
    /// # Errors
    /// Why that is not known, in words.
    pub(super) fn plea_actor(&self, case: &Case) -> Result<Actor, String> {
        let config = &self.settings.config;
        let named = Some(config.register.on_behalf_of.trim()).filter(|name| !name.is_empty()).map(str::to_owned);
        let full_name = config.accounts.first().map(|account| account.full_name.clone()).unwrap_or_default();
        let party = self.own_party(case).map(|(_, _, party)| party);
        let (name, role) = match (party, Role::parse(&config.register.role)) {
            (Some(party), _) if party.name.trim().is_empty() => (full_name, party.role),
            (Some(party), _) => (party.name.clone(), party.role),
            (None, Some(role)) => (full_name, role),
            (None, None) => {
                return Err(format!(
                    "You are no party of {}: enter yourself as one with your role, so that it is known for whom you speak.",
                    case.title
                ));
            }
        };
        Ok(Actor { name, role, on_behalf_of: named })
    }

    /// On which side one is in a case.
    fn plea_side(&self, case: &Case) -> Side {
        let by_role = || self.plea_actor(case).ok().and_then(|actor| Side::of(actor.role));
        gather::side_of(case, &self.own_addresses(), &self.settings.classes).or_else(by_role).unwrap_or(Side::Defence)
    }

    /// The case of an id, whole.
    ///
    /// # Errors
    /// There is none; the register cannot be read.
    pub(super) fn plea_case(&self, open: &mut Open, id: &CaseId) -> Result<Case, EngineError> {
        let view = self.case_view(open, id)?.ok_or_else(|| refused(format!("there is no case {id}")))?;
        Ok(view.case)
    }

    /// All negotiations of a case.
    pub(super) fn negotiations_of(&self, open: &Open, case: &Case) -> Result<Vec<Negotiation>, EngineError> {
        let pleas = open.register.pleas()?;
        let entries = self.plea_entries(open, &pleas, &case.id);
        Ok(gather::of_case(case, &self.settings.classes, self.plea_side(case), &entries))
    }

    /// The negotiation of this name; one in which nothing has happened yet where there is none.
    pub(super) fn negotiation(&self, open: &Open, case: &Case, id: &NegotiationId) -> Result<Negotiation, EngineError> {
        let known = self.negotiations_of(open, case)?.into_iter().find(|one| one.setting.id == *id);
        Ok(known.unwrap_or_else(|| Negotiation::new(gather::setting(case, id.clone(), self.plea_side(case)))))
    }

    /// The last negotiation about an accused, or the first where there is none; without a number, about the one for whom one acts, else the first.
    ///
    /// # Errors
    /// The case has no number that the other side knows, or no such accused.
    pub(super) fn negotiation_about(
        &self,
        open: &Open,
        case: &Case,
        accused: Option<u16>,
    ) -> Result<NegotiationId, EngineError> {
        let own = self.own_addresses();
        let acts_for = || {
            let party = own.iter().find_map(|address| case.party(address, &self.settings.classes))?;
            party.acts_for.first().copied()
        };
        let first = || case.accused.first().map(|one| one.number);
        let accused = accused.or_else(acts_for).or_else(first).unwrap_or(1);
        if case.accused(accused).is_none() {
            return Err(refused(format!("{} has no accused {accused}: enter the accused first", case.title)));
        }
        let mut id = NegotiationId::of(case, accused).ok_or_else(|| {
            refused(format!(
                "{} has no number that the other side knows: add its URN or PF reference first",
                case.title
            ))
        })?;
        for one in self.negotiations_of(open, case)? {
            if one.setting.id.accused == accused && one.setting.id.number == id.number {
                id = one.setting.id;
            }
        }
        Ok(id)
    }

    /// Every negotiation in which something has happened, as rows of the board, in no order.
    pub(crate) fn board_rows(&self, open: &mut Open) -> Result<Vec<board::Row>, EngineError> {
        let pleas = open.register.pleas()?;
        let now = self.now();
        let mut rows = Vec::new();
        open.library.rebuild();
        for id in self.plea_cases(open, &pleas) {
            let Some(view) = self.case_view(open, &id)? else { continue };
            for one in self.negotiations_of(open, &view.case)? {
                if one.setting.id.is_of(&view.case) && has_happened(&one) {
                    let known = one.view(now);
                    let mut row = board::row(&view.case, &known);
                    row.trouble |=
                        self.transits(open, &view.case, &known.steps).iter().any(|one| one.tone >= Tone::Warning);
                    rows.push(row);
                }
            }
        }
        Ok(rows)
    }

    /// A negotiation, whole. What came since mail was last written down is not in it: see [`Recorder`].
    ///
    /// # Errors
    /// There is no such case, or the register cannot be read.
    pub(crate) fn negotiation_view(
        &self,
        open: &mut Open,
        case: &CaseId,
        id: &NegotiationId,
    ) -> Result<NegotiationView, EngineError> {
        open.library.rebuild();
        let case = self.plea_case(open, case)?;
        let negotiation = self.negotiation(open, &case, id)?;
        let view = negotiation.view(self.now());
        let actor = self.plea_actor(&case);
        let role = actor.as_ref().ok().map(|actor| actor.role);
        let safe = |text: String| SafeText::line(&text);
        let possible = table::possible(&view, view.setting.us, role)
            .into_iter()
            .map(|(kind, answer)| (kind, answer.map_err(|refusal| safe(refusal.to_string()))))
            .collect();
        let loose = self.loose(open, &case, view.setting.us);
        let to = self.addressee(&case, &view).map(|address| safe(address.to_string()));
        let today = self.now().to_zoned(self.settings.zone.clone()).date();
        let credit = credit::hint(&case, today).into_iter().map(|(words, from)| (safe(words), safe(from))).collect();
        let threads = view.steps.iter().filter_map(|step| {
            let message = &step.heard.message;
            let places = self.keys_of(open, message).into_iter();
            let mut places = places.filter_map(|key| Some((open.library.thread_of(key)?, open.library.name(key)?)));
            let (thread, name) = places.next()?;
            Some((message.clone(), thread, name))
        });
        let threads = threads.collect();
        let (transits, files) = (self.transits(open, &case, &view.steps), self.plea_files(open, &view));
        Ok(NegotiationView {
            threads,
            transits,
            files,
            local: negotiation.entries,
            actor: actor.map_err(safe),
            possible,
            loose,
            to,
            credit,
            view,
            case,
        })
    }

    /// Where a message is: whoever copies a Message-ID does not stand in its place, where its bytes are here.
    #[expect(clippy::unused_self, reason = "whoever asks holds the core")]
    pub(super) fn keys_of(&self, open: &Open, message: &MessageName) -> Vec<MessageKey> {
        let mut keys = open.library.with_message_id(&message.message_id);
        if keys.len() > 1 {
            let is_it = |key: &MessageKey| {
                let raw = open.stores.cache.raw(*key).ok().flatten();
                raw.is_some_and(|raw| Digest::of(&raw).0 == message.digest)
            };
            // The very one first.
            keys.sort_by_cached_key(|key| !is_it(key));
        }
        keys
    }

    /// Messages of the other side in which no act is known.
    fn loose(&self, open: &Open, case: &Case, us: Side) -> Vec<Loose> {
        let Ok(pleas) = open.register.pleas() else { return Vec::new() };
        let mut known: std::collections::BTreeMap<&str, bool> = std::collections::BTreeMap::new();
        let entries = self.plea_entries(open, &pleas, &case.id);
        for entry in &entries {
            match entry {
                Entry::Came { message, .. } | Entry::Mark { message, .. } => {
                    known.insert(message.message_id.as_str(), true);
                }
                Entry::Unmark { message, .. } => drop(known.insert(message.message_id.as_str(), false)),
                _ => {}
            }
        }
        let library = &open.library;
        let acts = entries.iter().filter_map(|entry| match entry {
            Entry::Sent { at, .. } | Entry::Came { at, .. } | Entry::Mark { came: at, .. } => Some(*at),
            _ => None,
        });
        // What was written long before the first act is of something else.
        let since = acts.min().and_then(|first| first.checked_sub(BEFORE).ok()).unwrap_or(Timestamp::MIN);
        let mut seen = std::collections::BTreeSet::new();
        let mut found = Vec::new();
        for key in library.keys_by_date() {
            if found.len() >= LOOSE_MAX {
                break;
            }
            let is_here = library.cases_of(key).iter().any(|(one, _)| *one == case.id);
            let is_copy = library.mailbox(key.mailbox).is_some_and(|m| m.state.special_use == Some(SpecialUse::Sent));
            if !is_here || is_copy {
                continue;
            }
            if library.received(key).is_some_and(|at| at < since.as_second()) {
                break;
            }
            let Ok(Some(summary)) = open.stores.cache.summary(key) else { continue };
            let [author] = summary.from.as_slice() else { continue };
            let party = case.party(&author.addr, &self.settings.classes);
            let theirs = party.is_some_and(|party| Side::of(party.role) == Some(us.other()));
            let is_known = known.get(summary.message_id.as_str()).copied().unwrap_or(false);
            if !theirs || is_known || summary.message_id.is_empty() || !seen.insert(summary.message_id.clone()) {
                continue;
            }
            let Some(message) = library.name(key) else { continue };
            let (words, damage) = self.first_words(open, key);
            found.push(Loose {
                message,
                thread: library.thread_of(key),
                from: SafeText::line(if author.name.is_empty() { &author.addr } else { &author.name }),
                subject: SafeText::line(&summary.subject),
                words,
                at: Timestamp::from_second(summary.received).unwrap_or_default(),
                damage,
            });
        }
        found
    }

    /// The first words of a message, without what is quoted; and why a block in it cannot be read.
    fn first_words(&self, open: &Open, key: MessageKey) -> (SafeText, Option<SafeText>) {
        let (keyring, terms) = (open.keyring.now(), self.settings.terms(Decrypt::NotRsa));
        let look = Look { keyring: &keyring, terms: &terms, beside: false };
        let reading = Streamed::in_cache(&open.stores, key, &look).and_then(|streamed| streamed.reading);
        let Some(mut reading) = reading else { return (SafeText::default(), None) };
        Shutter::of(self, open, key).shut(&mut reading);
        let report = &reading.opened.report;
        if report.encrypted && !report.decrypted {
            // An RSA key is not used unless somebody asks: the time that it takes would tell a sender something.
            let words = "encrypted, and not opened yet: open it, and an act in it is entered";
            return (SafeText::from(words), None);
        }
        let text = reading.body.text();
        let damage = match block::read(&text) {
            block::Reading::Damaged(damage) => Some(SafeText::line(&damage.to_string())),
            _ => None,
        };
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('>'));
        let words: String = lines.collect::<Vec<_>>().join(" ").chars().take(WORDS_MAX).collect();
        (SafeText::line(&words), damage)
    }

    /// Writes down that offers have lapsed, each once: a fact of this place, which the other side is not told.
    pub(crate) fn note_lapses(&mut self, open: &mut Open) -> Result<(), EngineError> {
        self.note_undelivered(open)?;
        let pleas = open.register.pleas()?;
        let now = self.now();
        let mut events = Vec::new();
        for id in self.plea_cases(open, &pleas) {
            let Some(view) = self.case_view(open, &id)? else { continue };
            for one in self.negotiations_of(open, &view.case)? {
                let view = one.view(now);
                let Some(offer) = view.standing().filter(|_| view.state == State::Expired) else { continue };
                let told = |entry: &Entry| matches!(entry, Entry::Expire { offer: known, reply_by, .. } if *known == offer.no && *reply_by == offer.reply_by);
                if pleas.of(&id).iter().any(|entry| entry.id() == Some(&one.setting.id) && told(entry)) {
                    continue;
                }
                let entry =
                    Entry::Expire { id: one.setting.id.clone(), offer: offer.no, reply_by: offer.reply_by, at: now };
                events.extend(plea_event(&id, &entry)?);
            }
        }
        if events.is_empty() { Ok(()) } else { self.record(open, &events) }
    }

    /// Writes down what came, then has the board sent; what is known already is sent before that.
    pub(crate) fn send_board(&mut self, open: &mut Open) {
        self.tell_board(open);
        self.after_recording(open, None, Self::tell_board);
    }

    fn tell_board(&mut self, open: &mut Open) {
        if let Err(error) = self.note_lapses(open) {
            self.complain(&error);
        }
        match self.board_rows(open) {
            Ok(rows) => self.announcer.send(Event::Pleas(rows.into())),
            Err(error) => self.complain(&error),
        }
    }

    /// Sends a negotiation: at once as it is known, and again when what came since is written down.
    pub(crate) fn send_negotiation(&mut self, open: &mut Open, case: &CaseId, id: Option<NegotiationId>) {
        self.tell_negotiation(open, case, id.as_ref());
        let asked = case.clone();
        self.after_recording(open, Some(case), move |core, open| {
            let noted = core.note_lapses(open);
            if let Err(error) = noted {
                core.complain(&error);
            }
            core.tell_negotiation(open, &asked, id.as_ref());
        });
    }

    pub(super) fn tell_negotiation(&self, open: &mut Open, case: &CaseId, id: Option<&NegotiationId>) {
        let found = match id {
            Some(id) => Ok(id.clone()),
            None => self.plea_case(open, case).and_then(|whole| self.negotiation_about(open, &whole, None)),
        };
        let view = found.and_then(|id| self.negotiation_view(open, case, &id));
        let answer = view.map(Arc::new).map_err(|error| SafeText::line(&error.to_string()));
        self.announcer.send(Event::Plea(case.clone(), answer));
    }

    /// Has mail written down beside everything else, then goes on; at once where there is nothing to be written.
    fn after_recording(
        &mut self,
        open: &mut Open,
        only: Option<&CaseId>,
        then: impl FnOnce(&mut Self, &mut Open) + Send + 'static,
    ) {
        let Some(recorder) = Recorder::of(self, open, only, false) else { return };
        let (core, number) = (self.handle.clone(), open.number);
        self.runtime.spawn_blocking(move || {
            let written = recorder.write();
            core.front_of(number, move |core, open| match written {
                Ok(0) => {}
                Ok(_) => then(core, open),
                Err(error) => core.complain(&error),
            });
        });
    }
}

/// Whether anything was done in a negotiation, be it that it reached nobody.
fn has_happened(negotiation: &Negotiation) -> bool {
    let failed = |entry: &Entry| matches!(entry, Entry::Undelivered { .. });
    !negotiation.heard.is_empty() || negotiation.entries.iter().any(failed)
}

/// An entry as the event that keeps it.
pub(super) fn plea_event(case: &CaseId, entry: &Entry) -> Result<Option<register::Event>, EngineError> {
    let act = entry.to_json().map_err(|error| EngineError::BadData(error.to_string()))?;
    Ok(Some(register::Event::Plea { case: case.clone(), act }))
}

/// The act that is meant. Where several messages say that they are it, the number alone names none of them.
pub(super) fn meant<'a>(negotiation: &'a Negotiation, meant: &Meant) -> Result<&'a Heard, EngineError> {
    let no = meant.no;
    let mut found = negotiation.heard.iter().filter(|heard| heard.act.no == no && meant.is_in(&heard.message));
    let Some(first) = found.next() else {
        let of = if meant.message.is_some() { " of that message" } else { "" };
        return Err(EngineError::Refused(format!("there is no act {no}{of} here")));
    };
    let others: Vec<String> = found.map(|heard| digits(&heard.message)).collect();
    if others.is_empty() {
        return Ok(first);
    }
    let all = [&[digits(&first.message)], others.as_slice()].concat().join(", ");
    Err(EngineError::Refused(format!("several messages say that they are {no}: say which with --message ({all})")))
}

fn digits(message: &MessageName) -> String {
    hex::encode(message.digest).chars().take(16).collect()
}
