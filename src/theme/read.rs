//! Theme files to styles, one layer over another.

use std::collections::{BTreeMap, BTreeSet};

use ratatui::style::{Color, Modifier, Style};

use super::Scope;
use super::colours::{CONTRAST_MIN, contrast, rgb};
use crate::settings::finding::{Place, suggestion};
use crate::settings::{Document, Fields, Finding, Node, Value};

/// Names of the 16 colours, which the person's terminal defines, and of its own foreground and background.
const NAMED: &[(&str, Color)] = &[
    ("default", Color::Reset),
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("white", Color::Gray),
    ("bright-black", Color::DarkGray),
    ("bright-red", Color::LightRed),
    ("bright-green", Color::LightGreen),
    ("bright-yellow", Color::LightYellow),
    ("bright-blue", Color::LightBlue),
    ("bright-magenta", Color::LightMagenta),
    ("bright-cyan", Color::LightCyan),
    ("bright-white", Color::White),
];

/// No blinking: it is a nuisance, and hides text half of the time.
const MODIFIERS: &[(&str, Modifier)] = &[
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underlined", Modifier::UNDERLINED),
    ("crossed-out", Modifier::CROSSED_OUT),
];

/// What a scope says for itself. Colours stay as written: the palette of the last layer decides what they are.
#[derive(Clone, Debug, Default)]
struct Spec {
    fg: Option<Node>,
    bg: Option<Node>,
    modifiers: Option<Modifier>,
    reversed: Option<bool>,
    place: Option<Place>,
}

/// All layers read: a style for each of [`Scope::ALL`], in its order.
pub(super) fn read(documents: &[Document]) -> (Vec<Style>, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut palette: BTreeMap<String, Node> = BTreeMap::new();
    let mut specs: BTreeMap<Scope, Spec> = BTreeMap::new();
    for document in documents {
        let mut fields = Fields::new(&document.root, Place::file(&document.file));
        fields.entry("inherits");
        for (name, told) in [("palette", true), ("scope", false)] {
            let Some(entry) = fields.entry(if told { "palette" } else { "scope" }) else { continue };
            let Value::Table(table) = &entry.node.value else {
                fields.mistyped(name, &entry.node, &format!("a section: `[{name}]`"));
                continue;
            };
            for entry in &table.entries {
                if told {
                    palette.insert(entry.key.clone(), entry.node.clone());
                } else if let Some(scope) = Scope::from_name(&entry.key) {
                    let spec = specs.entry(scope).or_default();
                    read_spec(spec, &entry.key, &entry.node, &mut findings);
                    spec.place = Some(entry.place.clone());
                } else {
                    findings.push(Finding::error(
                        entry.place.clone(),
                        format!("there is no scope `{}`", entry.key),
                        suggestion(&entry.key, Scope::ALL.iter().map(|scope| scope.name())),
                    ));
                }
            }
        }
        findings.extend(fields.end());
    }
    // A palette entry is a colour, never another entry: no circles. Each is read once, so that a mistake in it is told once.
    let mixed: BTreeMap<String, Option<Color>> =
        palette.iter().map(|(name, node)| (name.clone(), colour(node, &BTreeMap::new(), &mut findings))).collect();
    let mut colours: BTreeMap<(Scope, bool), Option<Color>> = BTreeMap::new();
    let mut used = BTreeSet::new();
    for (scope, spec) in &specs {
        for (is_fg, node) in [(true, &spec.fg), (false, &spec.bg)] {
            let Some(node) = node else { continue };
            if let Value::Text(name) = &node.value {
                used.insert(name.as_str());
            }
            colours.insert((*scope, is_fg), colour(node, &mixed, &mut findings));
        }
    }
    for (name, node) in palette.iter().filter(|(name, _)| !used.contains(name.as_str())) {
        let what = format!("the colour `{name}` is not used by any scope");
        findings.push(Finding::warning(node.place.clone(), what, suggestion(name, used.iter().copied())));
    }
    let styles: Vec<Style> = Scope::ALL.iter().map(|scope| style(*scope, &specs, &colours)).collect();
    for (scope, style) in Scope::ALL.iter().zip(&styles) {
        // What shows through from another scope was told there.
        let below = scope.fallback().and_then(|fallback| styles.get(fallback as usize));
        if below.is_some_and(|below| (below.fg, below.bg) == (style.fg, style.bg)) {
            continue;
        }
        findings.extend(faint(*scope, *style, &specs, documents));
    }
    (styles, findings)
}

fn style(scope: Scope, specs: &BTreeMap<Scope, Spec>, colours: &BTreeMap<(Scope, bool), Option<Color>>) -> Style {
    let said = |scope: Scope, is_fg: bool| colours.get(&(scope, is_fg)).copied().flatten();
    let spec = |scope: &Scope| specs.get(scope);
    let mut modifiers = scope.chain().find_map(|scope| spec(&scope)?.modifiers).unwrap_or_default();
    if scope.chain().find_map(|scope| spec(&scope)?.reversed).unwrap_or_default() {
        modifiers |= Modifier::REVERSED;
    }
    Style {
        fg: scope.chain().find_map(|scope| said(scope, true)),
        bg: scope.chain().find_map(|scope| said(scope, false)),
        ..Style::default().add_modifier(modifiers)
    }
}

fn read_spec(spec: &mut Spec, name: &str, node: &Node, findings: &mut Vec<Finding>) {
    match &node.value {
        // The short form: a text is the foreground.
        Value::Text(_) => spec.fg = Some(node.clone()),
        Value::Table(table) => {
            let mut fields = Fields::new(table, node.place.clone());
            if let Some(entry) = fields.entry("fg") {
                spec.fg = Some(entry.node.clone());
            }
            if let Some(entry) = fields.entry("bg") {
                spec.bg = Some(entry.node.clone());
            }
            if let Some(names) = fields.texts("modifiers") {
                let mut modifiers = Modifier::empty();
                for (place, name) in names {
                    match MODIFIERS.iter().find(|(known, _)| *known == name) {
                        Some((_, modifier)) => modifiers |= *modifier,
                        None => findings.push(Finding::error(
                            place,
                            format!("there is no modifier `{name}`"),
                            suggestion(&name, MODIFIERS.iter().map(|(name, _)| *name)),
                        )),
                    }
                }
                spec.modifiers = Some(modifiers);
            }
            if table.get("reversed").is_some() {
                spec.reversed = Some(fields.boolean("reversed", false));
            } else {
                fields.entry("reversed");
            }
            findings.extend(fields.end());
        }
        other => findings.push(Finding::error(
            node.place.clone(),
            format!("`{name}` is {other}"),
            "write for instance `{ fg = \"ink\", bg = \"page\", modifiers = [\"bold\"], reversed = false }`",
        )),
    }
}

fn colour(node: &Node, mixed: &BTreeMap<String, Option<Color>>, findings: &mut Vec<Finding>) -> Option<Color> {
    let (what, cure) = match &node.value {
        Value::Integer(number) => match u8::try_from(*number) {
            Ok(index) => return Some(Color::Indexed(index)),
            Err(_) => (format!("{number} is no colour"), "write a number from 0 to 255".to_owned()),
        },
        Value::Text(text) => {
            if let Some(colour) = mixed.get(text) {
                return *colour;
            }
            if let Some((_, colour)) = NAMED.iter().find(|(name, _)| name == text) {
                return Some(*colour);
            }
            if let Some(colour) = text.strip_prefix('#').and_then(hexadecimal) {
                return Some(colour);
            }
            let cure = if text.starts_with('#') {
                "write six hexadecimal digits: \"#rrggbb\"".to_owned()
            } else {
                suggestion(text, mixed.keys().map(String::as_str).chain(NAMED.iter().map(|(name, _)| *name)))
            };
            (format!("there is no colour `{text}`"), cure)
        }
        other => (format!("a colour is not {other}"), "write \"#rrggbb\" or a name".to_owned()),
    };
    findings.push(Finding::error(node.place.clone(), what, cure));
    None
}

fn hexadecimal(digits: &str) -> Option<Color> {
    if !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let number = u32::from_str_radix(digits, 16).ok()?;
    match digits.len() {
        6 => Some(Color::from_u32(number)),
        3 => {
            let channel = |shift: u32| u8::try_from((number >> shift & 0xf) * 17).unwrap_or_default();
            Some(Color::Rgb(channel(8), channel(4), channel(0)))
        }
        _ => None,
    }
}

/// A finding where a scope's text can hardly be read. Colours that the terminal defines cannot be judged.
fn faint(scope: Scope, style: Style, specs: &BTreeMap<Scope, Spec>, documents: &[Document]) -> Option<Finding> {
    let ratio = contrast(rgb(style.fg?)?, rgb(style.bg?)?);
    if !scope.is_text() || ratio >= CONTRAST_MIN {
        return None;
    }
    let place = scope
        .chain()
        .find_map(|scope| specs.get(&scope)?.place.clone())
        .unwrap_or_else(|| Place::file(documents.last().map_or("", |document| &document.file)));
    Some(Finding::warning(
        place,
        format!("`{}` can hardly be read: its contrast is {ratio:.1}", scope.name()),
        format!("make text and background differ more: {CONTRAST_MIN} is the least"),
    ))
}
