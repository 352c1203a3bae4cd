//! Blocks in whole messages, as real programs and gateways make them: from the block to the bytes of a mail, and back by what a person would be shown.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::act::{Act, Deed};
use super::super::sample::{act, at, islas, lintwhites, quote};
use super::super::terms::{Amendment, Document, Plea, Term, Terms};
use super::{Reading, read, write};
use crate::case::Jurisdiction;
use crate::mail::display;
use crate::mail::message::Message;

/// An act with everything that suffers on the way: quotation marks, a pound sign, angle brackets, a long basis.
fn rich() -> Act {
    let basis = Document::Text {
        text: super::fold(
            "She said \"enough\" & left at 5 < 6 o'clock; the damage was £40 – not £400 – as the owner's own letter says, and nobody was hurt.",
        ),
    };
    let delete = Amendment::Delete { words: "and did threaten him with violence".into() };
    let one = Term { amendments: vec![delete], ..Term { charge: 1, plea: Plea::GuiltyAsAmended, ..Term::default() } };
    let two = Term { charge: 2, plea: Plea::NotGuiltyAccepted, ..Term::default() };
    let three = Term { charge: 3, plea: Plea::Guilty, ..Term::default() };
    let terms = Terms::new(vec![one, two, three], Some(basis), "if he pays £40 by May").unwrap();
    act("D1", 0, "2026-05-05 09:30", Deed::Offer { terms, reply_by: at("2026-05-11 12:00") })
}

fn counter() -> Act {
    let offer = act("D1", 0, "2026-05-05 09:30", Deed::Offer { terms: islas(), reply_by: at("2026-05-11 12:00") });
    let reply_by = at("2026-05-18 12:00");
    act("P1", 1, "2026-05-06 10:12", Deed::Counter { answers: quote(&offer), terms: lintwhites(), reply_by })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Quotation marks as a word processor sets them.
fn set(text: &str) -> String {
    let mut open = false;
    let mut turn = |letter: char| {
        open = !open;
        if letter == '"' && open { '\u{201c}' } else { '\u{201d}' }
    };
    text.chars()
        .map(|letter| if letter == '"' { turn(letter) } else { letter })
        .collect::<String>()
        .replace('\'', "\u{2019}")
}

fn html(body: &str) -> Vec<u8> {
    let part = STANDARD
        .encode(format!("<html><head><style>p.MsoNormal {{ margin: 0 }}</style></head><body>{body}</body></html>"));
    let lines: Vec<&str> = part.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    mail("text/html; charset=utf-8", "base64", &lines.join("\r\n"))
}

fn mail(media_type: &str, encoding: &str, body: &str) -> Vec<u8> {
    format!(
        "From: Hamish Lintwhite <h.lintwhite@copfs.gov.example>\r\nTo: i.thistledown@tg-law.example.cjsm.net\r\n\
         Subject: [CJSM] [EXTERNAL] RE: PF v PUDDOCK - plea\r\nMIME-Version: 1.0\r\nContent-Type: {media_type}\r\n\
         Content-Transfer-Encoding: {encoding}\r\n\r\n{body}\r\n"
    )
    .into_bytes()
}

/// RFC 2045 §6.7, every line cut early.
fn quoted_printable(bytes: &[u8]) -> String {
    let mut out = String::new();
    let mut column = 0;
    for byte in bytes {
        if *byte == b'\n' {
            out.push_str("\r\n");
            column = 0;
            continue;
        }
        let one = match byte {
            b'=' | b'\r' | 0x7f.. => format!("={byte:02X}"),
            _ => char::from(*byte).to_string(),
        };
        if column + one.len() > 60 {
            out.push_str("=\r\n");
            column = 0;
        }
        column += one.len();
        out.push_str(&one);
    }
    out
}

/// RFC 3676: each line ends with a space where it goes on.
fn flowed(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let lines: Vec<String> = words.chunks(5).map(|words| words.join(" ")).collect();
        out.push_str(&lines.join(" \r\n"));
        out.push_str("\r\n");
    }
    out
}

const FOOTER: &str = "\n\n_____________________________________\nThis email is from the Crown Office. If it is not for you, delete it.\nPrivate: --- END PLEA/1 000000 ---\n";
const BANNER: &str = "CAUTION: This email originated from outside of the organisation. Do not click links.\n\n";

#[test]
fn every_gateway_lets_it_through() {
    for act in [counter(), rich()] {
        let block = write(&act, Jurisdiction::Scotland);
        let words = format!("{block}\nDear Ms Thistledown,\n\nas above.\n\nHamish\n");
        let paragraphs: String = words
            .lines()
            .map(|line| {
                format!("<p class=MsoNormal><span lang=EN-GB>{}<o:p></o:p></span></p>\r\n", escaped(&set(line)))
            })
            .collect();
        let breaks = escaped(&words).replace('\n', "<br>\n");
        let spaced: String =
            words.lines().map(|line| format!("<div>{}</div>", escaped(line).replace(' ', "&nbsp;"))).collect();
        let (western, ..) = encoding_rs::WINDOWS_1252.encode(&words);
        let in_western = set(&words);
        let (smart, ..) = encoding_rs::WINDOWS_1252.encode(&in_western);
        let banner = format!("{BANNER}{words}{FOOTER}");
        let ways: Vec<(&str, Vec<u8>)> = vec![
            ("as it was", mail("text/plain; charset=utf-8", "8bit", &words.replace('\n', "\r\n"))),
            ("paragraphs of a word processor, HTML only", html(&paragraphs)),
            ("lines with breaks, HTML only", html(&format!("<div dir=\"ltr\">{breaks}</div>"))),
            ("no-break spaces, HTML only", html(&spaced)),
            (
                "in a table under a banner, HTML only",
                html(&format!(
                    "<table><tr><td>{BANNER}</td></tr></table><table><tr><td>{breaks}</td></tr></table><hr><p>{FOOTER}</p>"
                )),
            ),
            ("preformatted, HTML only", html(&format!("<pre>{}</pre>", escaped(&words)))),
            (
                "quoted-printable, Windows-1252",
                mail("text/plain; charset=windows-1252", "quoted-printable", &quoted_printable(&western)),
            ),
            (
                "typographic quotes, Windows-1252",
                mail("text/plain; charset=windows-1252", "quoted-printable", &quoted_printable(&smart)),
            ),
            ("base64", mail("text/plain; charset=utf-8", "base64", &STANDARD.encode(&words))),
            ("flowed", mail("text/plain; charset=utf-8; format=flowed", "8bit", &flowed(&words))),
            ("banner and footer", mail("text/plain; charset=utf-8", "8bit", &banner.replace('\n', "\r\n"))),
            (
                "plain and HTML, with a disclaimer as a third part",
                mail(
                    "multipart/mixed; boundary=b",
                    "7bit",
                    &format!(
                        "--b\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{}\r\n--a\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>see the plain text</p>\r\n--a--\r\n--b\r\nContent-Type: text/plain\r\n\r\n{FOOTER}\r\n--b--\r\n",
                        words.replace('\n', "\r\n")
                    ),
                ),
            ),
        ];
        for (what, raw) in ways {
            let message = Message::parse(raw);
            let text = display::body(&message).text();
            assert_eq!(read(&text), Reading::Act(Box::new(act.clone())), "{what}:\n{text}");
        }
    }
}

#[test]
fn an_answer_by_a_program_that_quotes_is_no_act() {
    let block = write(&counter(), Jurisdiction::Scotland);
    let quoted: String = escaped(&block).lines().map(|line| format!("<p class=MsoNormal>{line}</p>")).collect();
    let outlook = html(&format!(
        "<p class=MsoNormal>Agreed.</p><div style='border:none;border-top:solid #E1E1E1 1.0pt'><p class=MsoNormal><b>From:</b> Isla Thistledown<br><b>Sent:</b> 05 May 2026 09:31<br><b>To:</b> Hamish Lintwhite<br><b>Subject:</b> plea</p></div>{quoted}"
    ));
    let cited = html(&format!("<p>Agreed.</p><blockquote type=\"cite\">{quoted}</blockquote>"));
    let plain = format!(
        "Agreed.\r\n\r\nOn 5 May 2026, Isla wrote:\r\n{}",
        block.lines().map(|line| format!("> {line}\r\n")).collect::<String>()
    );
    let plain = mail("text/plain; charset=utf-8", "8bit", &plain);
    for (what, raw) in [("Outlook", outlook), ("a citation", cited), ("quote marks", plain)] {
        let text = display::body(&Message::parse(raw)).text();
        assert!(matches!(read(&text), Reading::Quoted(_)), "{what}: {:?}\n{text}", read(&text));
    }
}
