//! The one page to hand up: what was agreed, between whom, by what steps. Nothing private is on it: no notes, no evidence of authority, nothing
//! that was refused.

use lopdf::content::{Content, Operation};
use lopdf::{Document, Object, Stream, dictionary};

use super::act::Act;
use super::diff;
use super::negotiation::View;
use super::number::Side;
use super::record;
use super::state::State;
use super::table::moment;
use crate::mail::wrap::wrap;

/// Characters in a line.
const COLUMNS: usize = 88;
/// Lines on the page.
const LINES: usize = 66;
/// A4, in points.
const PAGE: (i64, i64) = (595, 842);
/// Margin at the left and at the top, in points.
const MARGIN: i64 = 56;
/// Size of the letters and distance of the lines, in points.
const LETTER: (i64, i64) = (9, 11);

/// What is said at the foot of each.
const FOOT: &str = "Made from what the parties wrote to each other. Nothing on this page is a plea: only what is recorded in open court binds.";

/// The page as text: lines of at most [`COLUMNS`] characters, ended by `\n`; [`LINES`] of them, unless the terms alone are longer: these are never cut.
#[must_use]
pub fn text(view: &View, title: &str) -> String {
    let setting = &view.setting;
    let law = setting.jurisdiction;
    let mut lines: Vec<String> = Vec::new();
    let mut add = |text: &str| lines.extend(wrap(text, COLUMNS));
    add(super::guard::mark(law));
    add("");
    add("RECORD OF A PLEA NEGOTIATION");
    add(&format!("{title}    {}", setting.id));
    let named = law.accused();
    add(&format!("{}: {} ({})    {}", capital(named), setting.surname, setting.id.accused, law.words()));
    add(&format!("As of {}: {}", moment(view.now), view.state.words()));
    if let Some(outcome) = &view.outcome {
        add(&format!("In court: {}", outcome.words()));
    }
    add("");
    if let Some(crossing) = &view.crossing {
        add(&crossing.to_string());
        add("");
    }
    if let Some(offer) = view.standing() {
        let agreed =
            matches!(view.state, State::Agreed | State::Listed | State::ClosedRecorded | State::ClosedDiverged);
        let heading = if agreed && view.accepted_by.is_some() { "TERMS AGREED" } else { "TERMS LAST OFFERED" };
        add(&format!("{heading} ({} {}, round {})", offer.kind.words(), offer.no, offer.round));
        for term in offer.terms.charges() {
            let charge = setting.charges.iter().find(|charge| charge.number == term.charge);
            let libel = charge.map(|charge| match diff::libel(&charge.text, &term.amendments) {
                Ok(pieces) => diff::libel_words(&pieces),
                Err(_) => charge.text.clone(),
            });
            add(&format!("{}. {}", term.charge, libel.unwrap_or_default()));
            add(&format!("   {}", diff::words(term)));
        }
        if let Some(basis) = offer.terms.basis() {
            add(&capital(&super::block::document_words(basis)));
        }
        if !offer.terms.conditions().is_empty() {
            add(&format!("Conditions: {}", offer.terms.conditions()));
        }
        add(&format!("SHA-256 of the terms: {}", offer.hash));
        add("");
    }
    if let Some(tender) = &view.tender {
        add(&format!("To be tendered: {} {}", tender.at, tender.court));
        add("");
    }
    add("STEPS");
    steps(view, &mut lines);
    let mut page = lines.join("\n");
    page.push_str("\n\n");
    page.push_str(&wrap(FOOT, COLUMNS).join("\n"));
    page.push('\n');
    page
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default() + letters.as_str()
}

/// The steps that count, as far as the page reaches: the first, and as many of the last as there is room for.
fn steps(view: &View, lines: &mut Vec<String>) {
    let told: Vec<Vec<String>> = view
        .steps
        .iter()
        .filter(|step| step.verdict.counts())
        .map(|step| wrap(&of_step(&step.heard.act, &step.heard.speaker.name), COLUMNS))
        .collect();
    let room = LINES.saturating_sub(lines.len().saturating_add(5));
    let all: usize = told.iter().map(Vec::len).sum();
    if all <= room {
        lines.extend(told.into_iter().flatten());
        return;
    }
    let mut last: Vec<&Vec<String>> = Vec::new();
    let mut used = 1_usize;
    for step in told.iter().rev() {
        used = used.saturating_add(step.len());
        if used > room {
            break;
        }
        last.push(step);
    }
    let left = told.len().saturating_sub(last.len());
    lines.push(format!("({left} earlier steps are in the chronology.)"));
    lines.extend(last.into_iter().rev().flatten().cloned());
}

fn of_step(act: &Act, name: &str) -> String {
    let side = match act.no.side {
        Side::Defence => "defence",
        Side::Prosecution => "Crown",
    };
    let behalf = act.authority.as_ref().and_then(|one| one.on_behalf_of.as_ref());
    let behalf = behalf.map(|holder| format!(" for {holder}")).unwrap_or_default();
    let mut what = record::what(act);
    if act.kind().has_terms() {
        let hash = act.terms_hash().map(|hash| hash.short()).unwrap_or_default();
        what = format!("terms {hash}, {} charges", act.deed.terms().map_or(0, |terms| terms.charges().len()));
    }
    format!("{}  {} {} ({side}: {name}{behalf}): {what}", moment(act.at), act.no, act.kind().words())
}

/// The page as PDF: A4, a fixed-width letter that every reader has.
///
/// # Errors
/// Where the file cannot be written.
pub fn pdf(view: &View, title: &str) -> Result<Vec<u8>, lopdf::Error> {
    let page = text(view, title);
    let mut document = Document::with_version("1.5");
    let pages = document.new_object_id();
    let font = document.add_object(dictionary! {
        "Type" => "Font",
        "Subtype" => "Type1",
        "BaseFont" => "Courier",
        "Encoding" => "WinAnsiEncoding",
    });
    let resources = document.add_object(dictionary! { "Font" => dictionary! { "F1" => font } });
    let mut sheets: Vec<Object> = Vec::new();
    let lines: Vec<&str> = page.lines().collect();
    for lines in lines.chunks(LINES) {
        let mut operations = vec![
            Operation::new("BT", vec![]),
            Operation::new("Tf", vec!["F1".into(), LETTER.0.into()]),
            Operation::new("TL", vec![LETTER.1.into()]),
            Operation::new("Td", vec![MARGIN.into(), (PAGE.1 - MARGIN).into()]),
        ];
        for line in lines {
            let (bytes, ..) = encoding_rs::WINDOWS_1252.encode(line);
            operations.push(Operation::new("Tj", vec![Object::string_literal(bytes.into_owned())]));
            operations.push(Operation::new("T*", vec![]));
        }
        operations.push(Operation::new("ET", vec![]));
        let content = document.add_object(Stream::new(dictionary! {}, Content { operations }.encode()?));
        let sheet = document.add_object(dictionary! {
            "Type" => "Page",
            "Parent" => pages,
            "Contents" => content,
            "Resources" => resources,
            "MediaBox" => vec![0.into(), 0.into(), PAGE.0.into(), PAGE.1.into()],
        });
        sheets.push(sheet.into());
    }
    let count = i64::try_from(sheets.len()).unwrap_or(i64::MAX);
    let tree = dictionary! { "Type" => "Pages", "Kids" => sheets, "Count" => count };
    document.objects.insert(pages, Object::Dictionary(tree));
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => pages });
    document.trailer.set("Root", catalog);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes)?;
    Ok(bytes)
}
