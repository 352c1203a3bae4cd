//! How the screen is divided, in cells: one place for it, so that paging in `app` and drawing in `ui` cannot disagree.

/// A rectangle of cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Area {
    /// Left edge.
    pub x: u16,
    /// Upper edge.
    pub y: u16,
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

/// Below this nothing useful can be shown; a sentence says so.
pub const LEAST: (u16, u16) = (40, 8);

/// From this width on, the thread's tree stands beside the message.
const BESIDE: u16 = 120;

/// Text lines longer than this tire the eye; the rest of the width stays empty.
const MEASURE: u16 = 100;

/// The parts of every screen: title row, body, status row, row of messages and hints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// What is on screen.
    pub title: Area,
    /// The screen itself.
    pub body: Area,
    /// Connection, lock, position.
    pub status: Area,
    /// Notices, prompts, hints.
    pub foot: Area,
}

impl Parts {
    /// Divides a screen of this size.
    #[must_use]
    pub fn of(size: (u16, u16)) -> Self {
        let (width, height) = size;
        let row = |y, height| Area { x: 0, y, width, height };
        Self {
            title: row(0, 1.min(height)),
            body: row(1, height.saturating_sub(3)),
            status: row(height.saturating_sub(2), 1.min(height)),
            foot: row(height.saturating_sub(1), 1.min(height)),
        }
    }
}

/// The parts of an open thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadParts {
    /// The tree; no rows where the thread is a single message.
    pub tree: Area,
    /// The rule between tree and message.
    pub rule: Area,
    /// Head and text of the message.
    pub pane: Area,
}

impl ThreadParts {
    /// Divides a body for a thread of so many messages.
    #[must_use]
    pub fn of(body: Area, messages: usize) -> Self {
        let rows = u16::try_from(messages).unwrap_or(u16::MAX);
        if messages <= 1 {
            return Self { pane: inset(body), ..Self::default() };
        }
        if body.width >= BESIDE {
            let width = (body.width * 2 / 5).min(72);
            return Self {
                tree: Area { width, ..body },
                rule: Area { x: body.x + width, width: 1, ..body },
                pane: inset(Area { x: body.x + width + 1, width: body.width - width - 1, ..body }),
            };
        }
        let height = rows.min((body.height / 4).max(2)).min(body.height);
        let rule = 1.min(body.height - height);
        Self {
            tree: Area { height, ..body },
            rule: Area { y: body.y + height, height: rule, ..body },
            pane: inset(Area { y: body.y + height + rule, height: body.height - height - rule, ..body }),
        }
    }
}

/// A column of air on both sides, where there is room for it.
#[must_use]
pub fn inset(area: Area) -> Area {
    if area.width < 20 { area } else { Area { x: area.x + 1, width: area.width - 2, ..area } }
}

/// The width that running text gets in an area.
#[must_use]
pub fn measure(area: Area) -> usize {
    usize::from(area.width.min(MEASURE))
}

#[cfg(test)]
mod tests {
    use super::{Parts, ThreadParts};

    #[test]
    fn no_part_leaves_the_screen() {
        for width in 0..220 {
            for height in 0..60 {
                let parts = Parts::of((width, height));
                for messages in [0, 1, 2, 7, 1_000] {
                    let thread = ThreadParts::of(parts.body, messages);
                    for area in [parts.title, parts.status, parts.foot, thread.tree, thread.rule, thread.pane] {
                        assert!(area.x + area.width <= width, "{width}×{height} {area:?}");
                        assert!(area.y + area.height <= height.max(1), "{width}×{height} {area:?}");
                    }
                }
            }
        }
    }
}
