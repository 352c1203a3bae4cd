//! HTML to text. Nothing is fetched, no script is run, no style believed; where a link leads is printed beside it.
//!
//! html2text does the work within limits: its time grows with the square of the nesting, and it gives up on narrow columns. What is larger,
//! deeper or refused goes through a tag stripper of our own, which is linear and cannot fail.

use html2text::config;
use html2text::render::TextDecorator;

/// Bytes of a document that html2text is given.
const BYTES_MAX: usize = 512 * 1024;
/// Open elements within each other.
const DEPTH_MAX: usize = 100;
/// Tags in a document, and tags times depth: an element left open is opened anew in each paragraph.
const TAGS_MAX: usize = 20_000;
const WORK_MAX: usize = 400_000;
/// Bytes of a link's target that are printed.
const TARGET_MAX: usize = 300;
/// Columns of a paragraph: so many that paragraphs stay whole for whoever wraps them to a screen.
const PARAGRAPH: usize = 100_000;

/// Turns an HTML document into plain text. Paragraphs are single lines, whatever the width, which is only that of rules. Foreign text: not yet safe for
/// a terminal.
#[must_use]
pub fn to_text(html: &str, width: usize) -> String {
    let text = if is_modest(html) { render(html) } else { None };
    tidy(&text.unwrap_or_else(|| strip(html)), width)
}

/// Small and flat enough for html2text.
fn is_modest(html: &str) -> bool {
    if html.len() > BYTES_MAX {
        return false;
    }
    let (mut depth, mut deepest, mut tags) = (0_usize, 0, 0);
    let bytes = html.as_bytes();
    for at in memchr::memchr_iter(b'<', bytes) {
        let rest = bytes.get(at + 1..).unwrap_or_default();
        match rest.first() {
            Some(b'/') => depth = depth.saturating_sub(1),
            Some(first) if first.is_ascii_alphabetic() => {
                let name: Vec<u8> =
                    rest.iter().take(9).take_while(|b| b.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect();
                // Elements without content, and those that are commonly left open and end by themselves.
                let light: &[&[u8]] = &[
                    b"br", b"img", b"hr", b"meta", b"link", b"input", b"wbr", b"area", b"base", b"col", b"source",
                    b"p", b"li", b"dd", b"dt", b"option",
                ];
                depth += usize::from(!light.contains(&name.as_slice()));
            }
            _ => continue,
        }
        tags += 1;
        deepest = deepest.max(depth);
    }
    deepest <= DEPTH_MAX && tags <= TAGS_MAX && deepest * tags <= WORK_MAX
}

fn render(html: &str) -> Option<String> {
    config::with_decorator(Decorator::default())
        .raw_mode(true)
        .no_link_wrapping()
        .allow_width_overflow()
        .unicode_strikeout(false)
        .string_from_read(html.as_bytes(), PARAGRAPH)
        .ok()
}

/// Blank lines in a row, trailing spaces and rules as wide as a paragraph are cut down.
fn tidy(text: &str, width: usize) -> String {
    let mut tidied = String::with_capacity(text.len().min(1 << 20));
    let mut blanks = 1;
    for line in text.lines() {
        let line = line.trim_end();
        blanks = if line.is_empty() { blanks + 1 } else { 0 };
        if blanks > 1 {
            continue;
        }
        if line.len() > 1000 && line.chars().all(|c| matches!(c, '─' | '-' | '=' | '_')) {
            tidied.extend(std::iter::repeat_n('-', width.clamp(3, 72)));
        } else {
            tidied.push_str(line);
        }
        tidied.push('\n');
    }
    tidied.truncate(tidied.trim_end_matches('\n').len());
    if !tidied.is_empty() {
        tidied.push('\n');
    }
    tidied
}

/// Where a link leads, in brackets behind its text. What a program would run instead of open is named but not given.
fn target(url: &str) -> String {
    let url: String = url.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
    let scheme = url.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        _ if url.is_empty() || url.starts_with('#') => String::new(),
        Some(scheme @ ("javascript" | "vbscript" | "data" | "file" | "blob")) => format!(" [{scheme} link, left out]"),
        _ if url.len() > TARGET_MAX => {
            let cut: String = url.chars().take(TARGET_MAX).collect();
            format!(" <{cut}…>")
        }
        _ => format!(" <{url}>"),
    }
}

fn image(alt: &str) -> String {
    let alt = alt.trim();
    if alt.is_empty() { String::new() } else { format!("[image: {alt}]") }
}

/// Plain text: no marks of emphasis that would look like the sender's own.
#[derive(Clone, Debug, Default)]
struct Decorator {
    /// Targets of the links being read.
    targets: Vec<String>,
}

type Marked = (String, ());

fn unmarked() -> Marked {
    (String::new(), ())
}

impl TextDecorator for Decorator {
    type Annotation = ();

    fn decorate_link_start(&mut self, url: &str) -> Marked {
        self.targets.push(target(url));
        unmarked()
    }

    fn decorate_link_end(&mut self) -> String {
        self.targets.pop().unwrap_or_default()
    }

    fn decorate_em_start(&self) -> Marked {
        unmarked()
    }

    fn decorate_em_end(&self) -> String {
        String::new()
    }

    fn decorate_strong_start(&self) -> Marked {
        unmarked()
    }

    fn decorate_strong_end(&self) -> String {
        String::new()
    }

    fn decorate_strikeout_start(&self) -> Marked {
        ("[struck out: ".to_owned(), ())
    }

    fn decorate_strikeout_end(&self) -> String {
        "]".to_owned()
    }

    fn decorate_code_start(&self) -> Marked {
        unmarked()
    }

    fn decorate_code_end(&self) -> String {
        String::new()
    }

    fn decorate_preformat_first(&self) {}

    fn decorate_preformat_cont(&self) {}

    fn decorate_image(&mut self, _src: &str, title: &str) -> Marked {
        (image(title), ())
    }

    fn header_prefix(&self, _level: usize) -> String {
        String::new()
    }

    fn quote_prefix(&self) -> String {
        "> ".to_owned()
    }

    fn unordered_item_prefix(&self) -> String {
        "* ".to_owned()
    }

    fn ordered_item_prefix(&self, number: i64) -> String {
        format!("{number}. ")
    }

    fn make_subblock_decorator(&self) -> Self {
        Self::default()
    }

    fn finalise(&mut self, _urls: Vec<String>) -> Vec<html2text::render::TaggedLine<()>> {
        Vec::new()
    }
}

/// Takes the tags out of a document, whatever it is.
fn strip(html: &str) -> String {
    let mut stripper = Stripper::default();
    let mut rest = html;
    while let Some((text, tag)) = rest.split_once('<') {
        stripper.text(text);
        rest = stripper.tag(tag);
    }
    stripper.text(rest);
    stripper.out
}

#[derive(Default)]
struct Stripper {
    out: String,
    targets: Vec<String>,
    /// What is known not to end in the rest of the document, so that it is not looked for again and again.
    unended: Vec<String>,
}

impl Stripper {
    fn text(&mut self, text: &str) {
        let text = unescape(text);
        for (at, word) in text.split(|c: char| c.is_ascii_whitespace()).enumerate() {
            if at > 0 && !self.out.ends_with([' ', '\n']) && !self.out.is_empty() {
                self.out.push(' ');
            }
            self.out.push_str(word);
        }
    }

    fn line(&mut self) {
        self.out.truncate(self.out.trim_end_matches(' ').len());
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// Reads a tag whose `<` has been read; gives what stands behind it.
    fn tag<'a>(&mut self, tag: &'a str) -> &'a str {
        if let Some(comment) = tag.strip_prefix("!--") {
            // A comment without end hides the rest from a browser, but not from us: it may be the only text there is.
            if self.unended.iter().any(|name| name == "--") {
                return comment;
            }
            return comment.split_once("-->").map(|(_, rest)| rest).unwrap_or_else(|| {
                self.unended.push("--".to_owned());
                comment
            });
        }
        if !tag.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            self.out.push('<');
            return tag;
        }
        let end = tag_end(tag);
        let (inside, rest) = (tag.get(..end).unwrap_or(tag), tag.get(end + 1..).unwrap_or_default());
        let name_end = inside.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(inside.len());
        let name = inside.get(..name_end).unwrap_or_default().trim_end_matches('/').to_ascii_lowercase();
        match name.as_str() {
            "script" | "style" | "title" | "template" if !self.unended.contains(&name) => {
                return skip_element(rest, &name).unwrap_or_else(|| {
                    self.unended.push(name);
                    rest
                });
            }
            "br" | "p" | "/p" | "div" | "/div" | "tr" | "/tr" | "table" | "/table" | "ul" | "/ul" | "ol" | "/ol"
            | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "/h1" | "/h2" | "/h3" | "/h4" | "/h5" | "/h6"
            | "blockquote" | "/blockquote" | "pre" | "/pre" | "hr" => self.line(),
            "li" => {
                self.line();
                self.out.push_str("* ");
            }
            "td" | "th" => self.text(" "),
            "a" => self.targets.push(attribute(inside, "href").map(|url| target(&url)).unwrap_or_default()),
            "/a" => {
                let target = self.targets.pop().unwrap_or_default();
                self.out.push_str(&target);
            }
            "img" => {
                let alt = image(&attribute(inside, "alt").unwrap_or_default());
                self.out.push_str(&alt);
            }
            _ => {}
        }
        rest
    }
}

/// Where a tag ends: at the first `>` outside of quotes; where those are never closed, at the first `>` at all.
fn tag_end(tag: &str) -> usize {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate().take(64 * 1024) {
        match (quote, byte) {
            (None, b'>') => return at,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    memchr::memchr(b'>', tag.as_bytes()).unwrap_or(tag.len())
}

/// Passes over an element whose content is no text. One that is never closed is text after all.
fn skip_element<'a>(rest: &'a str, name: &str) -> Option<&'a str> {
    let mut at = 0;
    while let Some(found) = rest.get(at..).and_then(|rest| rest.find("</")) {
        let inner = at + found + 2;
        let candidate = rest.get(inner..inner + name.len());
        if candidate.is_some_and(|candidate| candidate.eq_ignore_ascii_case(name)) {
            let close = rest.get(inner..).unwrap_or_default();
            return Some(close.split_once('>').map_or("", |(_, rest)| rest));
        }
        at = inner;
    }
    None
}

/// The value of an attribute.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let lower = tag.to_ascii_lowercase();
    let mut from = 0;
    loop {
        let at = from + lower.get(from..)?.find(name)?;
        from = at + name.len();
        let starts = lower.get(..at)?.ends_with(|c: char| c.is_ascii_whitespace() || matches!(c, '"' | '\'' | '/'));
        let Some(value) = tag.get(from..)?.trim_start().strip_prefix('=').filter(|_| starts) else { continue };
        let value = value.trim_start();
        let quoted = |quote: char| value.strip_prefix(quote).map(|rest| rest.split(quote).next().unwrap_or(rest));
        let value = quoted('"')
            .or_else(|| quoted('\''))
            .unwrap_or_else(|| value.split([' ', '\t', '\r', '\n', '>']).next().unwrap_or(value));
        return Some(unescape(value));
    }
}

/// The character references that mail uses.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let end = after.bytes().take(10).position(|byte| byte == b';');
        let character = end.and_then(|end| after.get(..end)).and_then(reference);
        match (character, end) {
            (Some(character), Some(end)) => {
                plain.push(character);
                rest = after.get(end + 1..).unwrap_or_default();
            }
            _ => {
                plain.push('&');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn reference(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "pound" => '£',
        "euro" => '€',
        "sect" => '§',
        "copy" => '©',
        "ndash" => '–',
        "mdash" => '—',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "hellip" => '…',
        "bull" => '•',
        "middot" => '·',
        "zwnj" => '\u{200c}',
        "shy" => '\u{ad}',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::{strip, tidy, to_text};

    fn check(html: &str, rendered: &str, stripped: &str) {
        assert_eq!(to_text(html, 72), rendered, "{html}");
        assert_eq!(tidy(&strip(html), 72), stripped, "{html}");
    }

    #[test]
    fn both_ways_give_the_text() {
        check("<p>One</p><p>Two</p>", "One\n\nTwo\n", "One\n\nTwo\n");
        check("plain", "plain\n", "plain\n");
        check("", "", "");
        check("a<br>b", "a\nb\n", "a\nb\n");
        check("<b>bold</b> <i>it</i> <code>c</code>", "bold it c\n", "bold it c\n");
        check("&pound;5 &amp; &lt;b&gt; &#8364; &#x20ac;", "£5 & <b> € €\n", "£5 & <b> € €\n");
        check("<ul><li>one<li>two</ul>", "* one\n* two\n", "* one\n* two\n");
        check("<style>x{}</style><script>y()</script><title>t</title>z", "z\n", "z\n");
        check("a <!-- hidden --> b", "a b\n", "a b\n");
        check("<blockquote>said</blockquote>done", "> said\n\ndone\n", "said\ndone\n");
        check("<table><tr><td>a</td><td>b</td></tr></table>", "a\nb\n", "a b\n");
    }

    #[test]
    fn targets_stand_beside_links_and_nothing_is_fetched() {
        check(
            "<a href=\"https://evil.example/x\">www.bank.example</a>.",
            "www.bank.example <https://evil.example/x>.\n",
            "www.bank.example <https://evil.example/x>.\n",
        );
        check(
            "<a href='javascript:x()'>go</a>",
            "go [javascript link, left out]\n",
            "go [javascript link, left out]\n",
        );
        check(
            "<a href=\" JaVaScRiPt\n:x()\">go</a>",
            "go [javascript link, left out]\n",
            "go [javascript link, left out]\n",
        );
        check("<a href=\"data:text/html,x\">go</a>", "go [data link, left out]\n", "go [data link, left out]\n");
        check("<a href='#top'>up</a>", "up\n", "up\n");
        check("<img src='https://track.example/1.gif' alt='Crest'> x", "[image: Crest] x\n", "[image: Crest] x\n");
        check("<img src='https://track.example/1.gif'>x", "x\n", "x\n");
    }

    #[test]
    fn hostile_documents_are_bounded() {
        for html in [
            "<div>".repeat(100_000),
            "<blockquote>".repeat(1_000) + "deep",
            "<table><tr><td>".repeat(5_000) + "deep",
            "<b><p>".repeat(100_000),
            "<a href='x'>".repeat(100_000),
            "<font size=1><i>".repeat(50_000),
            "<".repeat(1_000_000),
            "<!--".repeat(250_000),
            "<script>".repeat(100_000),
            "<script>".to_owned() + &"</".repeat(500_000),
            "&".repeat(1_000_000),
            "<a \"".repeat(100_000),
            "<a href href href href ".repeat(50_000),
            "<p>word</p>".repeat(200_000),
            "<style>".to_owned() + &"x".repeat(1_000_000),
            "<ul><li>".repeat(40) + &"<p>x".repeat(20_000),
            "<p><b title=1>".repeat(90) + &"<p>x".repeat(15_000),
        ] {
            let _ = to_text(&html, 72);
        }
    }

    #[test]
    fn deep_text_is_still_there() {
        let html = format!("{}deep{}", "<div>".repeat(5_000), "</div>".repeat(5_000));
        assert_eq!(to_text(&html, 72), "deep\n");
        assert_eq!(to_text(&format!("{}deep", "<blockquote>".repeat(1_000)), 72), "deep\n");
    }

    proptest! {
        #[test]
        fn nothing_makes_a_panic(pieces in proptest::collection::vec("(<[a-z/!]{1,3}[ a-z=\"'>]{0,6}|</?(p|div|table|tr|td|a href=x|ul|ol start=9|li|pre|sup|s|img alt=é|blockquote|b|hr|h1)>|&[a-z#0-9]{0,5};|[a-zé庭 \n]{0,9})", 0..60)) {
            let html = pieces.concat();
            let _ = to_text(&html, 72);
            prop_assert!(strip(&html).len() <= html.len() * 8 + 100);
        }
    }
}
