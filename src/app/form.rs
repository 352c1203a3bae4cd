//! A form over a screen: named fields of one line each. Pure; what a form means is in [`super::forms`].

use std::borrow::Cow;

use super::line::Line;
use crate::action::Action;
use crate::mail::safe::SafeText;

/// A field of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What is asked.
    pub label: Cow<'static, str>,
    /// What was typed.
    pub line: Line,
    /// The words that may stand here; none: any text.
    pub choices: Vec<&'static str>,
    /// The name of a file stands here.
    pub is_file: bool,
    /// What is typed at its end may be the name of a file.
    pub ends_in_file: bool,
    /// How to write it.
    pub hint: Cow<'static, str>,
}

impl Field {
    /// A field for any text.
    #[must_use]
    pub fn text(label: impl Into<Cow<'static, str>>, value: &str, hint: impl Into<Cow<'static, str>>) -> Self {
        let hint = hint.into();
        Self {
            label: label.into(),
            line: Line::new(value),
            choices: Vec::new(),
            is_file: false,
            ends_in_file: false,
            hint,
        }
    }

    /// A field for the name of a file.
    #[must_use]
    pub fn file(label: impl Into<Cow<'static, str>>, value: &str, hint: impl Into<Cow<'static, str>>) -> Self {
        Self { is_file: true, ..Self::text(label, value, hint) }
    }

    /// A field for one of some words.
    #[must_use]
    pub fn choice(
        label: impl Into<Cow<'static, str>>,
        value: &str,
        choices: impl IntoIterator<Item = &'static str>,
    ) -> Self {
        let choices = choices.into_iter().collect();
        Self { choices, ..Self::text(label, value, "tab shows the next choice") }
    }

    /// What was typed, without spaces around it.
    #[must_use]
    pub fn value(&self) -> &str {
        self.line.text().trim()
    }

    /// The choice that was typed, whole or its beginning where no other begins so.
    #[must_use]
    pub fn chosen(&self) -> Option<&'static str> {
        let typed = self.value().to_lowercase();
        if let Some(exact) = self.choices.iter().find(|choice| **choice == typed) {
            return Some(exact);
        }
        let mut begin = self.choices.iter().filter(|choice| choice.starts_with(&typed));
        match (begin.next(), begin.next()) {
            (Some(only), None) if !typed.is_empty() => Some(only),
            _ => None,
        }
    }

    /// The next choice: of those that begin as typed, or after the one that stands there.
    fn next_choice(&mut self) {
        let typed = self.value().to_lowercase();
        let after = self.choices.iter().position(|choice| *choice == typed).map(|at| (at + 1) % self.choices.len());
        let next = match after {
            Some(at) => self.choices.get(at),
            None => self.choices.iter().find(|choice| choice.starts_with(&typed)).or(self.choices.first()),
        };
        if let Some(next) = next {
            self.line = Line::new(next);
        }
    }
}

/// What a key did to a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Did {
    /// It is to be taken.
    Submit,
    /// Something in it changed, or the cursor moved.
    Moved,
    /// The name of a file is to be completed.
    Complete,
    /// Nothing: the key means nothing here.
    Nothing,
}

/// A form.
#[derive(Clone, Debug)]
pub struct Form<S> {
    /// What it is about.
    pub subject: S,
    /// What stands over it.
    pub title: SafeText,
    /// Its fields; never none.
    pub fields: Vec<Field>,
    /// The field that is typed into.
    pub at: usize,
    /// Why it was not taken.
    pub wrong: Option<SafeText>,
}

impl<S> Form<S> {
    /// A form with the cursor in its first field.
    #[must_use]
    pub fn new(subject: S, title: &str, fields: Vec<Field>) -> Self {
        Self { subject, title: SafeText::line(title), fields, at: 0, wrong: None }
    }

    /// What stands in a field.
    #[must_use]
    pub fn value(&self, at: usize) -> &str {
        self.fields.get(at).map(Field::value).unwrap_or_default()
    }

    /// Types text into the field at the cursor.
    pub fn insert(&mut self, text: &str) {
        self.wrong = None;
        if let Some(field) = self.fields.get_mut(self.at) {
            field.line.insert(text);
        }
    }

    /// Takes an intent. `enter` goes to the next field, and from the last one it takes the form.
    pub fn act(&mut self, action: Action) -> Did {
        let last = self.fields.len().saturating_sub(1);
        match action {
            Action::FormTake => return Did::Submit,
            Action::PromptAccept if self.at >= last => return Did::Submit,
            Action::PromptAccept | Action::PromptNext => self.at = (self.at + 1).min(last),
            Action::PromptPrevious => self.at = self.at.saturating_sub(1),
            Action::PromptComplete => match self.fields.get_mut(self.at) {
                Some(field) if !field.choices.is_empty() => field.next_choice(),
                Some(field) if field.is_file || field.ends_in_file => return Did::Complete,
                _ => self.at = (self.at + 1) % (last + 1),
            },
            _ => {
                let typed = self.fields.get_mut(self.at).is_some_and(|field| field.line.act(action));
                if !typed {
                    return Did::Nothing;
                }
                self.wrong = None;
            }
        }
        Did::Moved
    }

    /// Says what is wrong with a field, and goes to it.
    pub fn refuse(&mut self, at: usize, words: &str) {
        self.at = at;
        self.wrong = Some(SafeText::line(words));
    }
}

#[cfg(test)]
mod tests {
    use super::{Did, Field, Form};
    use crate::action::Action;

    fn form() -> Form<()> {
        let fields = vec![Field::text("Name", "", ""), Field::choice("Role", "", ["counsel", "court", "police"])];
        Form::new((), "Party", fields)
    }

    #[test]
    fn enter_goes_on_and_takes_the_form_from_its_last_field() {
        let mut form = form();
        form.insert("Rufus");
        assert_eq!(form.act(Action::PromptAccept), Did::Moved);
        form.insert("pol");
        assert_eq!(form.act(Action::PromptAccept), Did::Submit);
        assert_eq!((form.value(0), form.fields[1].chosen()), ("Rufus", Some("police")));
    }

    #[test]
    fn a_choice_is_found_by_its_beginning_only_where_it_is_the_only_one() {
        let mut form = form();
        form.at = 1;
        form.insert("co");
        assert_eq!(form.fields[1].chosen(), None);
        form.act(Action::PromptComplete);
        assert_eq!(form.fields[1].chosen(), Some("counsel"));
        form.act(Action::PromptComplete);
        form.act(Action::PromptComplete);
        form.act(Action::PromptComplete);
        assert_eq!(form.fields[1].chosen(), Some("counsel"), "it comes round");
    }

    #[test]
    fn a_refusal_goes_to_the_field_and_is_forgotten_when_one_types() {
        let mut form = form();
        form.refuse(1, "no such role");
        assert_eq!(form.at, 1);
        assert!(form.wrong.is_some());
        form.insert("x");
        assert!(form.wrong.is_none());
    }
}
