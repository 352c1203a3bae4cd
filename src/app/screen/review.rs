//! What is about to be sent: the last look. What is confirmed here by its token is, byte for byte, what goes out.

use std::sync::Arc;

use super::thread::{HeadRow, sentence_rows};
use crate::app::view::{Review, Sentence, Tone};
use crate::app::wrap::Wrapped;
use crate::mail::safe::SafeText;

/// A row of the review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReviewRow {
    /// A field.
    Field(&'static str, SafeText),
    /// A recipient, by its place.
    Recipient(usize),
    /// A row of a sentence of ours.
    Sentence(Tone, bool, SafeText),
    /// A row of a sentence of ours that belongs to the recipient above.
    Key(Tone, bool, SafeText),
    /// An attachment, by its place.
    Attachment(usize),
    /// A heading.
    Heading(&'static str),
    /// Nothing.
    Blank,
    /// A row of the text.
    Text(usize),
}

/// The review.
#[derive(Debug)]
pub struct ReviewScreen {
    /// What is reviewed.
    pub review: Arc<Review>,
    /// Its rows.
    pub rows: Vec<ReviewRow>,
    /// The text in rows.
    pub text: Vec<(SafeText, usize)>,
    /// The first row on screen.
    pub top: usize,
    /// It was confirmed and is on its way to the outbox.
    pub sending: bool,
    height: usize,
    width: usize,
}

impl ReviewScreen {
    /// Lays a review out.
    #[must_use]
    pub fn new(review: Arc<Review>, width: usize, height: usize) -> Self {
        let mut screen =
            Self { review, rows: Vec::new(), text: Vec::new(), top: 0, sending: false, height: 1, width: 0 };
        screen.arrange(width, height);
        screen
    }

    /// What forbids sending, if anything does.
    pub fn forbidden(&self) -> Option<&SafeText> {
        let review = &self.review;
        let protection = Some(&review.protection).filter(|sentence| sentence.tone == Tone::Alarm);
        review.forbidden.as_ref().or_else(|| protection.map(|sentence| &sentence.text))
    }

    /// Takes a size.
    pub fn arrange(&mut self, width: usize, height: usize) {
        self.height = height.max(1);
        if width != self.width {
            self.width = width;
            self.lay_out();
        }
        self.scroll(0);
    }

    /// Scrolls.
    pub fn scroll(&mut self, by: isize) {
        self.top = self.top.saturating_add_signed(by).min(self.rows.len().saturating_sub(self.height));
    }

    /// Scrolls by half pages.
    pub fn page(&mut self, halves: isize) {
        let half = isize::try_from((self.height / 2).max(1)).unwrap_or(1);
        self.scroll(half.saturating_mul(halves));
    }

    /// The rows on screen.
    pub fn visible(&self) -> impl Iterator<Item = &ReviewRow> {
        self.rows.iter().skip(self.top).take(self.height)
    }

    /// Whether the last row is on screen.
    #[must_use]
    pub fn at_end(&self) -> bool {
        self.top + self.height >= self.rows.len()
    }

    fn lay_out(&mut self) {
        let review = Arc::clone(&self.review);
        let width = self.width;
        let sentence = |sentence: &Sentence| {
            sentence_rows(sentence, width).into_iter().filter_map(|row| match row {
                HeadRow::Sentence(tone, first, text) => Some((tone, first, text)),
                _ => None,
            })
        };
        let plain = |(tone, first, text)| ReviewRow::Sentence(tone, first, text);
        let mut rows = Vec::new();
        // What forbids or warns comes first: it must not need scrolling.
        let mut findings: Vec<&Sentence> = review.findings.iter().collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.tone));
        rows.extend(findings.into_iter().flat_map(sentence).map(plain));
        rows.extend(sentence(&review.protection).map(plain));
        rows.push(ReviewRow::Blank);
        rows.push(ReviewRow::Field("From", review.from.clone()));
        rows.push(ReviewRow::Field("Subject", review.subject.clone()));
        for (at, part) in review.parts.iter().enumerate() {
            rows.push(ReviewRow::Field(if at == 0 { "Messages" } else { "" }, part.clone()));
        }
        if let Some(outside) = &review.outside {
            rows.push(ReviewRow::Field(
                "Outside",
                SafeText::line(&format!("{outside} is the subject that servers and gateways see")),
            ));
        }
        for (at, recipient) in review.recipients.iter().enumerate() {
            rows.push(ReviewRow::Recipient(at));
            let (tone, how) = carriage_in_words(recipient.address.class);
            rows.push(ReviewRow::Key(tone, true, SafeText::from(how)));
            if let Some(route) = &recipient.route {
                rows.push(ReviewRow::Key(Tone::Plain, true, route.clone()));
            }
            rows.extend(sentence_rows(&recipient.key, width.saturating_sub(9)).into_iter().filter_map(
                |row| match row {
                    HeadRow::Sentence(tone, first, text) => Some(ReviewRow::Key(tone, first, text)),
                    _ => None,
                },
            ));
        }
        rows.extend((0..review.attachments.len()).map(ReviewRow::Attachment));
        rows.push(ReviewRow::Heading("Text"));
        let mut wrapped = Wrapped::new(Arc::clone(&review.text), width.saturating_sub(2), usize::MAX / 2);
        wrapped.first();
        self.text = wrapped
            .visible()
            .map(|(piece, lead, text)| (SafeText::line(&format!("{lead}{text}")), piece.quoted))
            .collect();
        rows.extend((0..self.text.len()).map(ReviewRow::Text));
        self.rows = rows;
    }
}

/// How mail to an address is carried, in words; the open internet is worth a look.
fn carriage_in_words(class: &str) -> (Tone, &'static str) {
    match class {
        "cjsm" => (Tone::Plain, "Carried by CJSM."),
        "gov" => (Tone::Plain, "Carried by a government domain."),
        "firm" => (Tone::Plain, "Carried within the firm."),
        _ => (Tone::Warning, "Carried over the open internet."),
    }
}
