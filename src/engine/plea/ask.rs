//! Questions of commands about negotiations. Not to be called from an async task.

use crate::app::effect::Said;
use crate::app::plea_view::{Local, MarkWish, NegotiationView, Wish};
use crate::engine::Engine;
use crate::engine::core::EngineError;
use crate::engine::query::SendReport;
use crate::mail::address::Address;
use crate::mail::id::CaseId;
use crate::plea::{NegotiationId, board};

impl Engine {
    /// Every negotiation in which something has happened, in no order. What came since somebody last looked is written down first.
    ///
    /// # Errors
    /// [`EngineError::Locked`], or the register cannot be read.
    pub fn negotiations(&self) -> Result<Vec<board::Row>, EngineError> {
        self.record_mail(None)?;
        self.core.ask_open(|core, open| {
            core.note_lapses(open)?;
            core.board_rows(open)
        })?
    }

    /// A negotiation of a case: the named one, else the one about this accused that goes on.
    ///
    /// # Errors
    /// There is no such case or accused, or the register cannot be read.
    pub fn negotiation(
        &self,
        case: &CaseId,
        id: Option<&NegotiationId>,
        accused: Option<u16>,
    ) -> Result<NegotiationView, EngineError> {
        self.record_mail(Some(case))?;
        let (case, id) = (case.clone(), id.cloned());
        self.core.ask_open(move |core, open| {
            core.note_lapses(open)?;
            let id = match id {
                Some(id) => id,
                None => {
                    let whole = core.plea_case(open, &case)?;
                    core.negotiation_about(open, &whole, accused)?
                }
            };
            core.negotiation_view(open, &case, &id)
        })?
    }

    /// Makes an act and queues its message; with `dry_run` it is only made and checked. The sentences that stand against it are no error.
    ///
    /// # Errors
    /// The register or the state store cannot be read or written.
    pub fn plea(
        &self,
        wish: Wish,
        cc: Vec<Address>,
        said: Said,
        dry_run: bool,
    ) -> Result<Result<(String, SendReport), Vec<String>>, EngineError> {
        self.core.ask_open(move |core, open| {
            let mut draft = match core.plea_draft(open, wish)? {
                Ok(draft) => draft,
                Err(because) => return Ok(Err(because)),
            };
            draft.cc = cc;
            let text = draft.body.clone();
            Ok(Ok((text, core.send_draft(open, draft, said, dry_run)?)))
        })?
    }

    /// Takes free text of a message for an act; tells what it comes to, or why it does not count.
    ///
    /// # Errors
    /// There is no such message, or the register cannot be written.
    pub fn plea_mark(&self, wish: MarkWish) -> Result<Result<String, Vec<String>>, EngineError> {
        self.core.ask_open(move |core, open| core.plea_mark(open, wish))?
    }

    /// Enters something that is never sent.
    ///
    /// # Errors
    /// It may not be done as things stand, or the register cannot be written.
    pub fn plea_local(&self, case: &CaseId, id: &NegotiationId, local: Local) -> Result<String, EngineError> {
        let (case, id) = (case.clone(), id.clone());
        self.core.ask_open(move |core, open| core.plea_local(open, &case, &id, local))?
    }
}
