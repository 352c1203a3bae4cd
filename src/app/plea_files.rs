//! Files in the forms of a negotiation: a narrative or basis that goes along as a file, and papers that are written out. Which file is meant is typed, with
//! completion; it is read beside the screen, and what was read is what the offer names and what is sent.

use std::sync::Arc;

use super::effect::Effect;
use super::form::{Field, Form};
use super::forms::Subject;
use super::model::Model;
use super::plea_forms::PleaForm;
use super::plea_terms;
use super::plea_view::NegotiationView;
use super::popup::Popup;
use super::screen::Screen;
use super::view::Tone;
use crate::mail::draft::Attachment;
use crate::mail::safe::{SafeText, file_name};
use crate::plea::negotiation::OfferView;
use crate::plea::record::Paper;
use crate::plea::{Document, text};

/// The label of the field for a file.
pub(super) const FILE: &str = "File";
/// Names that are shown where several complete what was typed.
const SHOWN_MAX: usize = 6;

/// The field for a basis or narrative that is a file; filled where the offer before rests on one, which goes along again.
pub(super) fn basis_field(before: Option<&OfferView>) -> Field {
    let value = before.and_then(|offer| match offer.terms.basis() {
        Some(Document::Attached { name, .. }) => Some(format!("{}:{name}", offer.no)),
        _ => None,
    });
    Field::file(
        FILE,
        &value.unwrap_or_default(),
        "instead of words: a path (tab completes), or case:NAME; may be empty",
    )
}

/// The fields for a paper that is to be written.
pub(super) fn paper_fields(view: &NegotiationView) -> Vec<Field> {
    let setting = &view.view.setting;
    let name = format!("{} {} {}.pdf", setting.surname, setting.id.number, setting.id.name()).replace([' ', '/'], "_");
    let paper = Field::choice("What", Paper::Page.name(), Paper::ALL.into_iter().map(Paper::name));
    let file = Field::file(FILE, &file_name(&name), "page: .pdf .txt; chronology: .txt .json; nothing is overwritten");
    vec![paper, file]
}

/// The file that stands in the form's field, where there is one.
fn typed(form: &Form<Subject>) -> Option<(usize, String)> {
    let at = form.fields.iter().position(|field| field.is_file)?;
    let text = form.value(at);
    (!text.is_empty()).then(|| (at, text.to_owned()))
}

/// Every file that the form names and that is not read yet: the field, what was typed of it.
fn unread(form: &Form<Subject>, plea: &PleaForm) -> Option<(usize, String)> {
    let in_details = form.fields.iter().enumerate().filter(|(_, field)| field.ends_in_file);
    let in_details =
        in_details.flat_map(|(at, field)| plea_terms::files(field.value()).map(move |text| (at, text.to_owned())));
    let mut named = typed(form).into_iter().chain(in_details);
    named.find(|(_, text)| plea.files.iter().all(|(known, _)| known != text))
}

/// The files that the form names, each once.
pub(super) fn all(form: &Form<Subject>, plea: &PleaForm) -> Vec<Attachment> {
    let in_details = form.fields.iter().filter(|field| field.ends_in_file);
    let in_details = in_details.flat_map(|field| plea_terms::files(field.value()).map(str::to_owned));
    let mut files: Vec<Attachment> = Vec::new();
    for text in typed(form).map(|(_, text)| text).into_iter().chain(in_details) {
        let read = plea.files.iter().find(|(known, _)| *known == text).map(|(_, file)| file);
        files.extend(read.filter(|file| !files.contains(file)).cloned());
    }
    files
}

/// The file that was read for what stands in the field.
pub(super) fn chosen<'a>(form: &Form<Subject>, plea: &'a PleaForm) -> Option<&'a Attachment> {
    let (_, text) = typed(form)?;
    plea.files.iter().find(|(known, _)| *known == text).map(|(_, file)| file)
}

/// The longest beginning that all have.
fn common(found: &[String]) -> String {
    let Some((first, rest)) = found.split_first() else { return String::new() };
    let shared = |other: &String| first.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
    let length = rest.iter().map(shared).min().unwrap_or_else(|| first.chars().count());
    first.chars().take(length).collect()
}

impl Model {
    /// Asks for completions of the file at the cursor.
    pub(super) fn complete_plea_file(&mut self, out: &mut Vec<Effect>) {
        let Some(Popup::Form(form)) = self.popups.last() else { return };
        let Subject::Plea(plea) = &form.subject else { return };
        let value = form.value(form.at);
        let asked = match form.fields.get(form.at) {
            Some(field) if field.ends_in_file => plea_terms::file_at_end(value).map(|(_, file)| file),
            _ => Some(value),
        };
        out.extend(asked.map(|asked| Effect::CompleteFile(plea.view.case.id.clone(), asked.to_owned())));
    }

    /// Takes completions: what all of them begin with is typed, and a few of them are shown.
    pub(super) fn plea_files(&mut self, asked: &str, found: &[String]) {
        let Some(Popup::Form(form)) = self.popups.last_mut() else { return };
        let at = form.at;
        let Some(field) = form.fields.get_mut(at) else { return };
        let before = match plea_terms::file_at_end(field.value()) {
            Some((before, file)) if field.ends_in_file && file == asked => before.to_owned(),
            _ if field.is_file && field.value() == asked => String::new(),
            _ => return,
        };
        let begun = common(found);
        if begun.len() > asked.len() {
            field.line = super::line::Line::new(&format!("{before}{begun}"));
        }
        let names: Vec<SafeText> = found.iter().take(SHOWN_MAX).map(|name| SafeText::line(name)).collect();
        let names = names.iter().map(SafeText::as_str).collect::<Vec<_>>().join("  ");
        field.hint = match found.len() {
            0 => "no file begins so".into(),
            1 => "it is read when the form is taken".into(),
            count if count > SHOWN_MAX => format!("{names}  and {} more", count - SHOWN_MAX).into(),
            _ => names.into(),
        };
    }

    /// Whether the form on top needs a file that has not been read yet; it is asked for then.
    pub(super) fn wants_plea_file(&mut self, out: &mut Vec<Effect>) -> bool {
        let Some(Popup::Form(form)) = self.popups.last_mut() else { return false };
        let Subject::Plea(plea) = &form.subject else { return false };
        let Some((_, text)) = unread(form, plea).filter(|_| plea.what.has_terms()) else {
            return false;
        };
        out.push(Effect::PleaFile(plea.view.case.id.clone(), text));
        self.say(Tone::Plain, "The file is being read.");
        true
    }

    /// Takes a file that was read, and goes on with the form that asked for it.
    pub(super) fn plea_file(&mut self, asked: &str, answer: Result<Box<Attachment>, SafeText>, out: &mut Vec<Effect>) {
        let Some(Popup::Form(form)) = self.popups.last_mut() else { return };
        let Subject::Plea(plea) = &form.subject else { return };
        let Some((at, _)) = unread(form, plea).filter(|(_, text)| text == asked) else { return };
        match answer {
            Ok(mut file) => {
                // As the block will say it.
                file.name = text::fold(&file_name(&file.name));
                if let Subject::Plea(plea) = &mut form.subject {
                    plea.files.push((asked.to_owned(), *file));
                }
                self.take_plea_form(out);
            }
            Err(words) => form.refuse(at, words.as_str()),
        }
    }

    /// The outbox has changed: what is shown of own acts may be another.
    pub(super) fn pleas_stale(&mut self, out: &mut Vec<Effect>) {
        let last = self.screens.len().saturating_sub(1);
        for (at, screen) in self.screens.iter_mut().enumerate() {
            let Screen::Plea(shown) = screen else { continue };
            if at < last {
                shown.fresh.spoil();
            } else if shown.fresh.loaded && shown.fresh.ask() {
                out.push(Effect::ShowPlea(shown.case.clone(), shown.id.clone()));
            }
        }
    }
}

/// What a form of a negotiation says of files: nothing read yet.
#[must_use]
pub(super) fn form_of(view: Arc<NegotiationView>, what: super::plea_forms::What) -> PleaForm {
    PleaForm { view, what, files: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::common;

    #[test]
    fn what_all_begin_with_is_typed() {
        let check = |found: &[&str], expected: &str| {
            let found: Vec<String> = found.iter().map(|one| (*one).to_owned()).collect();
            assert_eq!(common(&found), expected, "{found:?}");
        };
        check(&[], "");
        check(&["case:one.pdf"], "case:one.pdf");
        check(&["a/narrative.pdf", "a/narrative-2.pdf"], "a/narrative");
        check(&["é.pdf", "è.pdf"], "");
    }
}
