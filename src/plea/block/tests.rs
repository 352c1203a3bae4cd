//! Blocks written, mangled and read.

use jiff::Timestamp;
use jiff::civil::{date, time};
use proptest::prelude::*;

use super::super::act::{Act, Authority, Basis, Cleared, Condition, Deed, Quoted, Subject};
use super::super::number::{ActNo, NegotiationId, Side};
use super::super::sample::{act, islas, lintwhites, quote};
use super::super::terms::{Amendment, Ancillary, AncillaryKind, Document, Offence, Plea, Term, Terms, TermsHash};
use super::super::text::fold;
use super::{Damage, Reading, read, without, write};
use crate::case::{HearingTime, Jurisdiction, Role};

const SCOTLAND: Jurisdiction = Jurisdiction::Scotland;

fn counter() -> Act {
    let offer = act(
        "D1",
        0,
        "2026-05-05 09:30",
        Deed::Offer { terms: islas(), reply_by: super::super::sample::at("2026-05-11 12:00") },
    );
    let reply_by = super::super::sample::at("2026-05-18 12:00");
    act("P1", 1, "2026-05-06 10:12", Deed::Counter { answers: quote(&offer), terms: lintwhites(), reply_by })
}

#[test]
fn a_block_reads_like_a_letter() {
    insta::assert_snapshot!(write(&counter(), SCOTLAND));
}

#[test]
fn only_the_first_block_at_the_head_is_an_act() {
    let act = counter();
    let block = write(&act, SCOTLAND);
    let is_act = |text: &str| read(text) == Reading::Act(Box::new(act.clone()));
    assert!(is_act(&block));
    assert!(is_act(&format!("[CJSM] This message came by a secure way.\n\n{block}\nDear Ms Thistledown,\n")));
    // What mail programs put into words does not hide it.
    for mark in ["plea", "p\u{ad}L\u{200b}\u{200b}ea", "PL\u{feff}EA", "PL\u{7f}EA", "P\u{0}LE\u{1b}A"] {
        assert!(is_act(&format!("Grüße, pp. Pl.\n{}", block.replacen("PLEA", mark, 1))), "{mark}");
    }
    let quoted = block.lines().fold(String::new(), |text, line| text + "> " + line + "\n");
    assert_eq!(read(&format!("No.\n\n{quoted}")), Reading::Quoted(Some(Box::new(act.clone()))));
    assert_eq!(read(&format!("{block}\nOn Tuesday you wrote:\n{quoted}")), Reading::Act(Box::new(act.clone())));
    for attribution in [
        "-----Original Message-----",
        "From: Isla Thistledown\nSent: 05 May 2026 09:31\nTo: Hamish Lintwhite\nSubject: plea",
        "On Tue 5 May 2026, Isla Thistledown wrote:",
    ] {
        let text = format!("Would take 1 as amended and 3, but 2 must be G\n\n{attribution}\n\n{block}");
        assert_eq!(read(&text), Reading::Quoted(Some(Box::new(act.clone()))), "{attribution}");
    }
    assert_eq!(read("Dear Hamish,\n\nany news?"), Reading::Nothing);
    assert_eq!(without(&format!("{block}\nDear Ms Thistledown,\nas above.\n")), "Dear Ms Thistledown,\nas above.");
}

#[test]
fn damage_is_named_and_never_guessed() {
    let block = write(&counter(), SCOTLAND);
    let check = |text: &str, expected: Damage| assert_eq!(read(text), Reading::Damaged(expected), "{text}");
    check(&block.replace("Charge 2: GUILTY", "Charge 2: NOT GUILTY"), Damage::Token);
    check(&block.replace("18 May", "19 May"), Damage::Token);
    check(&block.lines().take(9).collect::<Vec<_>>().join("\n"), Damage::NoEnd);
    check(&block.replace("PLEA/1", "PLEA/2"), Damage::LaterForm("PLEA/2".into()));
    // Somebody who makes the token anew is still held to the digest of the terms.
    let forge = |from: &str, to: &str| {
        let changed = block.replace(from, to);
        let body: Vec<&str> = changed.lines().collect();
        let words = fold(&body[1..body.len() - 1].join(" "));
        let token = super::token(SCOTLAND, &words);
        format!("{}\n--- END PLEA/1 {token} ---\n", body[..body.len() - 1].join("\n"))
    };
    check(&forge("Charge 2: GUILTY", "Charge 2: NOT GUILTY"), Damage::OtherTerms);
    check(&forge("Case: ZZ26000417", "Case: ZZ26000533"), Damage::OtherTerms);
    check(&forge("Mon 18 May", "Tue 18 May"), Damage::Unreadable("Reply by"));
    check(&forge("Kind: COUNTER", "Kind: RECORD"), Damage::Unreadable("Kind"));
    check(&forge("Kind: COUNTER", "Kind: OFFER"), Damage::Stray("Answers"));
    check(&forge("Having read: D1", "Having read: P1"), Damage::Unreadable("Having read"));
    check(&forge("Round: 1", ""), Damage::Missing("Round"));
    check(&forge("Round: 1", "Round: 1\nRound: 1"), Damage::Stray("Round"));
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{1,9}( [a-zA-Z,.;:'()-]{1,12}){0,12}",
        1 => "[ -~\u{a3}\u{e9}\u{2018}\u{201d}\u{2013}\u{a0}]{1,60}",
        1 => Just("Charge 2: GUILTY \"Kind: ACCEPT\" --- END PLEA/1 123456 ---".to_owned()),
    ]
    .prop_map(|text| fold(&text))
    .prop_filter("some text", |text| !text.is_empty())
}

fn document() -> impl Strategy<Value = Document> {
    prop_oneof![
        text().prop_map(|text| Document::Text { text }),
        ("[a-z0-9-]{1,20}\\.pdf", any::<[u8; 32]>()).prop_map(|(name, sha256)| Document::Attached { name, sha256 }),
    ]
}

fn term() -> impl Strategy<Value = Term> {
    let amendment = prop_oneof![
        text().prop_map(|words| Amendment::Delete { words }),
        (text(), prop_oneof![Just(String::new()), text()])
            .prop_map(|(words, after)| Amendment::Insert { words, after }),
        (text(), text()).prop_map(|(words, with)| Amendment::Substitute { words, with }),
    ];
    let ancillary = (prop::sample::select(AncillaryKind::ALL.to_vec()), prop_oneof![Just(String::new()), text()])
        .prop_map(|(kind, words)| Ancillary { kind, words });
    (
        prop::sample::select(Plea::ALL.to_vec()),
        (text(), prop_oneof![Just(String::new()), text()]),
        prop::collection::vec(amendment, 1..3),
        prop::option::of(document()),
        prop::collection::vec(ancillary, 0..2),
        prop_oneof![Just(String::new()), text()],
    )
        .prop_map(|(plea, (text, statute), amendments, basis, ancillary, conditions)| Term {
            charge: 1,
            plea,
            alternative: (plea == Plea::GuiltyAlternative).then_some(Offence { text, statute }),
            amendments: if matches!(plea, Plea::Delete | Plea::GuiltyAsAmended) { amendments } else { Vec::new() },
            basis,
            ancillary,
            conditions,
        })
}

fn terms() -> impl Strategy<Value = Terms> {
    (prop::collection::vec(term(), 1..4), prop::option::of(document()), prop_oneof![Just(String::new()), text()])
        .prop_map(|(mut charges, basis, conditions)| {
            for (at, term) in charges.iter_mut().enumerate() {
                term.charge = u16::try_from(at).unwrap() + 1;
            }
            Terms::new(charges, basis, &conditions).unwrap()
        })
}

fn moment() -> impl Strategy<Value = Timestamp> {
    (29_000_000_i64..30_500_000).prop_map(|minute| Timestamp::from_second(minute * 60).unwrap())
}

fn deed(side: Side) -> impl Strategy<Value = Deed> {
    let quoted = (1_u16..9, any::<[u8; 32]>(), any::<bool>()).prop_map(move |(number, hash, own)| Quoted {
        no: ActNo::new(if own { side } else { side.other() }, number),
        hash: TermsHash(hash),
    });
    let condition = || prop::sample::select(Condition::ALL.to_vec());
    let maybe = || prop_oneof![Just(String::new()), text()];
    let offered =
        (prop::option::of(quoted.clone()), terms(), moment()).prop_map(|(answers, terms, reply_by)| match answers {
            Some(answers) => Deed::Counter { answers, terms, reply_by },
            None => Deed::Offer { terms, reply_by },
        });
    let cleared = (condition(), text()).prop_map(|(condition, by)| Cleared { condition, by });
    let subject = (condition(), maybe()).prop_map(|(condition, words)| Subject { condition, words });
    prop_oneof![
        3 => offered,
        1 => (quoted.clone(), prop::collection::vec(cleared, 0..3)).prop_map(|(answers, cleared)| Deed::Accept { answers, cleared }),
        1 => (quoted.clone(), prop::collection::vec(subject, 1..3)).prop_map(|(answers, subject_to)| Deed::AcceptSubject { answers, subject_to }),
        1 => (quoted.clone(), maybe()).prop_map(|(answers, because)| Deed::Reject { answers, because }),
        1 => (quoted.clone(), maybe()).prop_map(|(answers, because)| Deed::Withdraw { answers, because }),
        1 => text().prop_map(|text| Deed::Query { text }),
        1 => (1_u16..9, maybe()).prop_map(move |(number, text)| Deed::Reply { to: ActNo::new(side.other(), number), text }),
        1 => maybe().prop_map(|text| Deed::Chase { text }),
        1 => (quoted.clone(), moment()).prop_map(|(answers, reply_by)| Deed::Extend { answers, reply_by }),
        1 => (quoted, 1_i8..28, prop::option::of(9_i8..17), maybe()).prop_map(|(answers, day, hour, court)| {
            let at = HearingTime { date: date(2026, 5, day), time: hour.map(|hour| time(hour, 30, 0, 0)) };
            Deed::TenderNotice { answers, at, court }
        }),
    ]
}

fn any_act() -> impl Strategy<Value = Act> {
    prop::sample::select(Side::ALL.to_vec()).prop_flat_map(|side| {
        let authority = (
            text(),
            prop::sample::select(Role::ALL.to_vec()),
            prop::option::of(text()),
            prop::sample::select(Basis::ALL.to_vec()),
            1_i8..28,
        )
            .prop_map(|(name, role, on_behalf_of, basis, day)| Authority {
                name,
                role,
                on_behalf_of,
                basis,
                day: date(2026, 2, day),
            });
        (
            deed(side),
            (1_u16..40, 0_u16..40, 1_u16..9, 1_u16..4),
            moment(),
            prop::option::of(authority),
            "[A-Z]{2,9}( [A-Z]{2,9})?",
        )
            .prop_map(move |(deed, (number, seen, round, series), at, authority, surname)| Act {
                id: NegotiationId { number: "99QY0045626".into(), accused: 1, series },
                surname,
                no: ActNo::new(side, number),
                seen,
                round,
                at,
                deed,
                authority,
            })
    })
}

/// What mail programs and gateways do to a text on its way, without anybody changing a word.
#[derive(Clone, Copy, Debug)]
enum Mangle {
    CrLf,
    TrailingSpace,
    Indent,
    Rewrap(usize),
    OneLine,
    SmartQuotes,
    NonBreaking,
    Dashes,
    BlankLines,
    Footer,
    Banner,
    DoubleSpaces,
    ZeroWidth,
}

fn mangle() -> impl Strategy<Value = Mangle> {
    prop_oneof![
        Just(Mangle::CrLf),
        Just(Mangle::TrailingSpace),
        Just(Mangle::Indent),
        (20_usize..100).prop_map(Mangle::Rewrap),
        Just(Mangle::OneLine),
        Just(Mangle::SmartQuotes),
        Just(Mangle::NonBreaking),
        Just(Mangle::Dashes),
        Just(Mangle::BlankLines),
        Just(Mangle::Footer),
        Just(Mangle::Banner),
        Just(Mangle::DoubleSpaces),
        Just(Mangle::ZeroWidth),
    ]
}

fn mangled(text: &str, how: Mangle) -> String {
    let lines = |with: &dyn Fn(&str) -> String| text.lines().map(with).collect::<Vec<_>>().join("\n");
    match how {
        Mangle::CrLf => text.replace("\r\n", "\n").replace('\n', "\r\n"),
        Mangle::TrailingSpace => lines(&|line| format!("{line} ")),
        Mangle::Indent => lines(&|line| format!("   {line}")),
        Mangle::Rewrap(columns) => {
            let mut out = String::new();
            let mut column = 0;
            for word in text.split_whitespace() {
                if column > 0 && column + word.len() >= columns {
                    out.push('\n');
                    column = 0;
                } else if column > 0 {
                    out.push(' ');
                }
                out.push_str(word);
                column += word.len() + 1;
            }
            out
        }
        Mangle::OneLine => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Mangle::SmartQuotes => {
            let mut open = false;
            text.chars()
                .map(|c| match c {
                    '"' => {
                        open = !open;
                        if open { '\u{201c}' } else { '\u{201d}' }
                    }
                    '\'' => '\u{2019}',
                    c => c,
                })
                .collect()
        }
        Mangle::NonBreaking => text.replace(' ', "\u{a0}"),
        Mangle::Dashes => text.replace("---", "\u{2014}"),
        Mangle::BlankLines => text.replace('\n', "\n\n"),
        Mangle::Footer => {
            format!("{text}\n\n-- \nThis message is confidential: Kind: ACCEPT\n--- END PLEA/1 000000 ---\n")
        }
        Mangle::Banner => format!("CAUTION: this message came from outside.\n\n{text}"),
        Mangle::DoubleSpaces => text.replace(' ', "  "),
        Mangle::ZeroWidth => text.replace(": ", ":\u{200b} "),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn what_is_written_reads_back_through_every_gateway(
        act in any_act(), scotland in any::<bool>(), ways in prop::collection::vec(mangle(), 0..5)
    ) {
        let jurisdiction = if scotland { SCOTLAND } else { Jurisdiction::EnglandWales };
        let mut text = write(&act, jurisdiction);
        for how in &ways {
            text = mangled(&text, *how);
        }
        prop_assert_eq!(read(&text), Reading::Act(Box::new(act)), "{}", text);
    }

    #[test]
    fn a_changed_letter_is_damage_or_changes_nothing(act in any_act(), at in any::<prop::sample::Index>(), by in "[A-Za-z0-9 \"]") {
        let text = write(&act, SCOTLAND);
        let characters: Vec<char> = text.chars().collect();
        let at = at.index(characters.len());
        let mut changed: String = characters[..at].iter().collect();
        changed.push_str(&by);
        changed.extend(&characters[at + 1..]);
        match read(&changed) {
            Reading::Act(read) => prop_assert_eq!(*read, act),
            Reading::Damaged(_) | Reading::Nothing => {}
            Reading::Quoted(_) => prop_assert!(false, "{}", changed),
        }
    }

    #[test]
    fn no_text_makes_it_stumble(text in "(--- PLEA NEGOTIATION / NOT TO BE FOUNDED UPON IF NOT ACCEPTED ---)?[ -~\n>\"]{0,400}(--- END PLEA/1 123456 ---)?") {
        prop_assert!(!matches!(read(&text), Reading::Act(_)));
        let _ = without(&text);
    }
}

#[test]
fn lines_fit_a_quoted_mail() {
    let block = write(&counter(), SCOTLAND);
    assert!(block.lines().all(|line| line.chars().count() <= 74), "{block}");
}
