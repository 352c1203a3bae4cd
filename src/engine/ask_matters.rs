//! Questions about cases that wait for their answer, and writing into the register from commands. Not to be called from an async task.

use super::Engine;
use super::core::EngineError;
use crate::app::case_view::{AwaitingRow, CaseView, TriageRow};
use crate::app::forms::Opening;
use crate::mail::id::{CaseId, MessageRef};
use crate::register::CaseChange;

impl Engine {
    /// Everything that is known of a case; nothing where no message, no configuration and no register knows of it.
    ///
    /// # Errors
    /// [`EngineError::Locked`], and what keeps the register from being read.
    pub fn case(&self, id: &CaseId) -> Result<Option<CaseView>, EngineError> {
        let id = id.clone();
        self.core.ask_open(move |core, open| core.case_view(open, &id))?
    }

    /// What is in no case and what could be in several, as the triage list has it.
    ///
    /// # Errors
    /// [`EngineError::Locked`].
    pub fn triage(&self) -> Result<Vec<TriageRow>, EngineError> {
        self.core.ask_open(|_, open| open.library.triage_rows())
    }

    /// Answers that are waited for, the earliest due first.
    ///
    /// # Errors
    /// [`EngineError::Locked`].
    pub fn awaiting(&self) -> Result<Vec<AwaitingRow>, EngineError> {
        self.core.ask_open(|core, open| core.awaiting_rows(open))?
    }

    /// Opens a case in the register, and files messages to it.
    ///
    /// # Errors
    /// A number belongs to another case, a message is not here, or the state store cannot be written.
    pub fn open_case(&self, opening: Opening) -> Result<CaseId, EngineError> {
        self.core.ask_open(move |core, open| core.open_case(open, opening))?
    }

    /// Writes changes of a case into the register, opening it there first where it is not.
    ///
    /// # Errors
    /// The state store cannot be written.
    pub fn change_case(&self, id: &CaseId, changes: Vec<CaseChange>) -> Result<String, EngineError> {
        let id = id.clone();
        self.core.ask_open(move |core, open| core.change_case(open, &id, changes))?
    }

    /// Adds a number to a case, read by the grammars; says what is odd about it.
    ///
    /// # Errors
    /// The state store cannot be written.
    pub fn add_number(&self, id: &CaseId, number: &str) -> Result<String, EngineError> {
        let (id, number) = (id.clone(), number.to_owned());
        self.core.ask_open(move |core, open| core.add_number(open, &id, &number))?
    }

    /// Writes into the register where messages belong; to no case: that they are not one. Gives how many there were.
    ///
    /// # Errors
    /// A message is not here, or the state store cannot be written.
    pub fn file(&self, messages: &[MessageRef], cases: &[CaseId]) -> Result<usize, EngineError> {
        let (messages, cases) = (messages.to_vec(), cases.to_vec());
        self.core.ask_open(move |core, open| core.file_messages(open, &messages, &cases))?
    }

    /// Takes back what was decided about messages; gives of how many something was.
    ///
    /// # Errors
    /// A message is not here, or the state store cannot be written.
    pub fn take_back(&self, messages: &[MessageRef]) -> Result<usize, EngineError> {
        let messages = messages.to_vec();
        self.core.ask_open(move |core, open| core.take_back(open, &messages))?
    }
}
