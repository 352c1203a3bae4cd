//! Draws the model. Pure: the same model gives the same cells. Only rows on screen are looked at.

mod canvas;
mod date;
mod form;
mod marks;
#[cfg(test)]
mod play;
mod popup;
mod screen;
mod status;

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Position;

use crate::app::Model;
use crate::app::document_view::Look;
use crate::app::screen::Screen;
use crate::app::size::{Area, LEAST};
use crate::theme::{Scope, Theme};
use canvas::Canvas;

/// Draws the whole screen.
pub fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
    let area = frame.area();
    let mut canvas = Canvas::new(frame.buffer_mut(), theme, model.settings.ascii);
    if area.width < LEAST.0 || area.height < LEAST.1 {
        too_small(&mut canvas, area.width, area.height);
    } else if let Some(lock) = &model.lock {
        screen::lock::draw(model, lock, &mut canvas);
    } else {
        // The model may be a size behind for one frame: draw what it holds, within the frame there is.
        match model.screens.last() {
            Some(Screen::Cases(cases)) => screen::cases::draw(model, cases, &mut canvas),
            Some(Screen::Threads(threads)) => screen::threads::draw(model, threads, &mut canvas),
            Some(Screen::Thread(thread)) => screen::thread::draw(model, thread, &mut canvas),
            Some(Screen::Composer(composer)) => screen::composer::draw(model, composer, &mut canvas),
            Some(Screen::Review(review)) => screen::review::draw(model, review, &mut canvas),
            Some(Screen::Outbox(outbox)) => screen::outbox::draw(model, outbox, &mut canvas),
            Some(Screen::Changes(changes)) => screen::changes::draw(model, changes, &mut canvas),
            Some(Screen::Drafts(drafts)) => screen::drafts::draw(model, drafts, &mut canvas),
            Some(Screen::Connections(connections)) => screen::connections::draw(model, connections, &mut canvas),
            Some(Screen::Keys(keys)) => screen::keys::draw(model, keys, &mut canvas),
            Some(Screen::Assistant(assistant)) => screen::assistant::draw(model, assistant, &mut canvas),
            Some(Screen::Case(case)) => screen::case::draw(model, case, &mut canvas),
            Some(Screen::Triage(triage)) => screen::triage::draw(model, triage, &mut canvas),
            Some(Screen::Awaiting(awaiting)) => screen::awaiting::draw(model, awaiting, &mut canvas),
            Some(Screen::Documents(documents)) => screen::documents::draw(model, documents, &mut canvas),
            Some(Screen::Look(look)) => screen::look::draw(model, look, &mut canvas),
            Some(Screen::Pleas(pleas)) => screen::pleas::draw(model, pleas, &mut canvas),
            Some(Screen::Plea(shown)) => screen::negotiation::draw(model, shown, &mut canvas),
            Some(Screen::Chronology(chronology)) => screen::chronology::draw(model, chronology, &mut canvas),
            Some(Screen::Help(help)) => screen::help::draw(model, help, &mut canvas),
            None => {}
        }
        status::draw(model, &mut canvas);
        popup::draw(model, &mut canvas);
    }
    if model.settings.ascii {
        canvas.flatten();
    }
    if let Some((x, y)) = canvas.cursor
        && x < area.width
        && y < area.height
    {
        frame.set_cursor_position(Position { x, y });
    }
}

/// A picture, and the cells that were left free for it.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Where.
    pub area: Area,
    /// What holds it.
    pub look: Arc<Look>,
}

impl PartialEq for Placed {
    fn eq(&self, other: &Self) -> bool {
        self.area == other.area && Arc::ptr_eq(&self.look, &other.look)
    }
}

/// The picture that the terminal is to show over the cells, where it shows pictures itself: none while anything else lies there.
#[must_use]
pub fn picture(model: &Model) -> Option<Placed> {
    let free = model.settings.own_pictures && model.lock.is_none() && model.popups.is_empty() && model.hints.is_empty();
    match model.screens.last() {
        Some(Screen::Look(look)) if free => screen::look::placed(model, look),
        _ => None,
    }
}

fn too_small(canvas: &mut Canvas<'_>, width: u16, height: u16) {
    let style = canvas.style(Scope::Text);
    let text =
        format!("casemail needs a terminal of {}x{} cells or more; this one has {width}x{height}.", LEAST.0, LEAST.1);
    let lines = crate::app::wrap::Wrapped::new(
        std::sync::Arc::from(vec![crate::mail::safe::SafeText::line(&text)]),
        usize::from(width),
        usize::from(height),
    );
    for (y, (_, _, line)) in (0..height).zip(lines.visible()) {
        canvas.put(0, y, width, line, style);
    }
}
