//! Plea negotiations of the demo, in every state that one can be in. Times are told from the moment at which the demo starts, so that something is always
//! about to lapse. All invented.

use crate::case::HearingKind;
use crate::plea::{Condition, Side};

/// What is done by a line.
#[derive(Clone, Copy, Debug)]
pub(in crate::demo) enum Move {
    /// Terms, as they are typed.
    Offer(&'static [&'static str]),
    /// Other terms in answer to what stands.
    Counter(&'static [&'static str]),
    /// What stands is accepted; or the condition of before is met, by somebody.
    Accept(Option<(Condition, &'static str)>),
    /// It is, under a condition.
    AcceptSubject(Condition),
    /// It is refused.
    Reject(&'static str),
    /// It is taken back, or departed from.
    Withdraw(&'static str),
    /// Something is asked.
    Query(&'static str),
    /// What was asked is answered.
    Reply(&'static str),
    /// A reminder.
    Chase(&'static str),
    /// The plea will be tendered at the case's hearing.
    Tender,
}

/// Until when an answer is wanted.
#[derive(Clone, Copy, Debug)]
pub(in crate::demo) enum Open {
    /// Hours from the start of the demo.
    Hours(i64),
    /// Days from then, at four in the afternoon of a working day; negative: it is over.
    Days(i64),
}

/// One letter.
#[derive(Clone, Copy, Debug)]
pub(in crate::demo) struct Line {
    pub(in crate::demo) by: Side,
    /// Hours before the demo starts; brought to working hours.
    pub(in crate::demo) ago: i64,
    pub(in crate::demo) does: Move,
    /// Of an offer or a counter.
    pub(in crate::demo) open: Open,
    /// What stands below the block.
    pub(in crate::demo) words: &'static str,
    /// The basis or narrative of an offer: words, or the name of a file that goes along.
    pub(in crate::demo) basis: &'static str,
    /// Its author had not read the other side's last letter.
    pub(in crate::demo) crosses: bool,
    /// Written with another program, without a block: what it is has been marked.
    pub(in crate::demo) by_hand: bool,
}

/// What was entered in the end.
#[derive(Clone, Copy, Debug)]
pub(in crate::demo) enum End {
    /// It goes on.
    Open,
    /// The plea was recorded as agreed, so many hours ago.
    AsAgreed(i64),
    /// The court ordered a hearing of the facts.
    FactsHearing(i64, &'static str),
    /// Closed without a plea.
    NoPlea(i64, &'static str),
}

/// Whom it is about.
#[derive(Clone, Copy, Debug)]
pub(in crate::demo) enum About {
    /// One of the five cases, by surname.
    Known(&'static str),
    /// One of the others, by number.
    Filler(usize),
}

/// A negotiation.
#[derive(Clone, Copy, Debug)]
pub(in crate::demo) struct Talk {
    pub(in crate::demo) about: About,
    /// What is charged; empty: as the case has it.
    pub(in crate::demo) charges: &'static [&'static str],
    /// The next hearing, in days from the start of the demo.
    pub(in crate::demo) hearing: Option<(HearingKind, i64)>,
    pub(in crate::demo) lines: &'static [Line],
    pub(in crate::demo) note: &'static str,
    pub(in crate::demo) end: End,
}

const US: Side = Side::Defence;
const THEM: Side = Side::Prosecution;

const fn line(by: Side, ago: i64, does: Move, words: &'static str) -> Line {
    Line { by, ago, does, open: Open::Days(7), words, basis: "", crosses: false, by_hand: false }
}

const fn offer(by: Side, ago: i64, terms: &'static [&'static str], open: Open, words: &'static str) -> Line {
    Line { open, ..line(by, ago, Move::Offer(terms), words) }
}

const fn talk(about: About, charges: &'static [&'static str], lines: &'static [Line]) -> Talk {
    Talk { about, charges, hearing: None, lines, note: "", end: End::Open }
}

/// All of them.
pub(in crate::demo) const TALKS: &[Talk] = &[
    // Your turn, in two days.
    Talk {
        hearing: Some((HearingKind::IntermediateDiet, 12)),
        note: "She would rather lose the umbrella than charge 2. See her before the answer goes.",
        ..talk(
            About::Known("PUDDOCK"),
            &[
                "did behave in a threatening or abusive manner, did shout and swear and did threaten him with violence (2010 asp 13 s.38)",
                "assault",
                "breach of bail",
            ],
            &[
                offer(
                    US,
                    98,
                    &[
                        "1: guilty-as-amended; delete and did threaten him with violence",
                        "2: not-guilty-accepted",
                        "3: guilty",
                    ],
                    Open::Days(2),
                    "May I have your answer before the diet?",
                ),
                Line {
                    open: Open::Days(2),
                    ..line(
                        THEM,
                        73,
                        Move::Counter(&[
                            "1: guilty-as-amended; delete and did threaten him with violence",
                            "2: guilty",
                            "3: guilty",
                        ]),
                        "The deletion I can live with. The assault I cannot let go: the complainer was bruised.",
                    )
                },
                line(US, 50, Move::Query("What does the CCTV show between 22:14 and 22:16?"), ""),
                line(
                    THEM,
                    26,
                    Move::Reply("A hand and an umbrella, and then the same umbrella on the pavement."),
                    "I would not call it strong, but I would call it enough.",
                ),
            ],
        )
    },
    // The Crown accepts, subject to Crown Counsel; the letter under section 76 goes along as a file.
    talk(
        About::Known("GANNET"),
        &[],
        &[
            Line {
                basis: "s76 letter GANNET.pdf",
                ..offer(
                    US,
                    170,
                    &["1: guilty", "2: not-guilty-accepted"],
                    Open::Days(9),
                    "The co-accused's agent has not seen it and is not to.",
                )
            },
            line(THEM, 96, Move::AcceptSubject(Condition::CrownCounsel), "It has gone to Crown Counsel today."),
            line(US, 25, Move::Chase("The client asks every day."), ""),
        ],
    ),
    // Both sides wrote at once.
    Talk {
        hearing: Some((HearingKind::Ptph, 9)),
        ..talk(
            About::Known("OTTERBOURNE"),
            &[],
            &[
                Line {
                    basis: "She held the lawnmower for one day and believed it to be stolen.",
                    ..offer(US, 31, &["1: no-evidence", "2: guilty"], Open::Days(4), "On the written basis above.")
                },
                Line {
                    crosses: true,
                    ..offer(
                        THEM,
                        30,
                        &["1: guilty", "2: lie-on-file"],
                        Open::Days(4),
                        "This may cross with something of yours. Her credit would be preserved.",
                    )
                },
            ],
        )
    },
    // Nobody answered.
    talk(
        About::Known("FERRET"),
        &[],
        &[
            offer(
                US,
                190,
                &["1: guilty", "2: no-evidence"],
                Open::Days(-1),
                "He would plead to the gnome at the first hearing.",
            ),
            line(US, 80, Move::Chase("The time runs out tomorrow."), ""),
        ],
    ),
    // Your turn, within hours: their offer came as free text; and something is asked.
    talk(
        About::Known("WEASEL"),
        &[],
        &[
            Line {
                by_hand: true,
                basis: "One pane of glass only.",
                ..offer(
                    THEM,
                    27,
                    &["1: guilty"],
                    Open::Hours(5),
                    "A plea on the basis of one pane would end this. I am in court tomorrow and need to know this evening.",
                )
            },
            line(THEM, 4, Move::Query("Has he paid for the glass yet?"), ""),
        ],
    ),
    // Theirs, for some days.
    talk(
        About::Filler(6),
        &["theft of two sacks of potatoes", "handling a stolen bicycle"],
        &[offer(
            US,
            7,
            &["1: guilty", "2: no-evidence"],
            Open::Days(3),
            "The bicycle was his own, as the receipt shows.",
        )],
    ),
    talk(
        About::Filler(2),
        &["threatening behaviour at a bowls match", "breach of bail"],
        &[
            offer(US, 150, &["1: not-guilty-accepted", "2: guilty"], Open::Days(3), "For the avoidance of a trial."),
            line(THEM, 120, Move::Reject("not in the public interest"), "The bowls club would like to be heard."),
        ],
    ),
    Talk {
        hearing: Some((HearingKind::IntermediateDiet, 6)),
        ..talk(
            About::Filler(5),
            &["assault by throwing a scone", "did shout, swear and brandish a jam spoon"],
            &[
                offer(US, 240, &["1: not-guilty-accepted", "2: guilty"], Open::Days(4), "The scone was fresh."),
                line(
                    THEM,
                    200,
                    Move::Counter(&["1: guilty", "2: guilty-as-amended; delete and brandish a jam spoon"]),
                    "The scone was not fresh. The spoon can go.",
                ),
                line(US, 170, Move::Accept(None), "He is content."),
            ],
        )
    },
    Talk {
        hearing: Some((HearingKind::Trial, 3)),
        ..talk(
            About::Filler(8),
            &["careless driving of a tractor"],
            &[
                offer(THEM, 300, &["1: guilty; compensation: £50 for the hedge"], Open::Days(5), "As discussed."),
                line(US, 260, Move::Accept(None), "She accepts that."),
                line(US, 230, Move::Tender, "It will be tendered at the trial diet."),
            ],
        )
    },
    talk(
        About::Filler(11),
        &["criminal damage to a scarecrow", "breach of bail"],
        &[
            offer(
                US,
                400,
                &["1: guilty", "2: not-guilty-accepted"],
                Open::Days(2),
                "The scarecrow has been restuffed.",
            ),
            line(THEM, 380, Move::Accept(None), "Accepted."),
            line(
                THEM,
                60,
                Move::Withdraw("a second scarecrow has been found, and the first charge will be amended"),
                "I am sorry to go back on it.",
            ),
        ],
    ),
    talk(
        About::Filler(0),
        &["burglary of a beehive", "obstructing a constable"],
        &[
            offer(US, 120, &["1: no-evidence", "2: guilty"], Open::Days(5), "He maintains that the bees were his."),
            line(US, 90, Move::Withdraw("fresh instructions"), "I have fresh instructions."),
        ],
    ),
    Talk {
        hearing: Some((HearingKind::First, -8)),
        end: End::AsAgreed(190),
        ..talk(
            About::Filler(1),
            &["driving without insurance", "careless driving of a tractor"],
            &[
                offer(US, 500, &["1: guilty", "2: no-evidence"], Open::Days(-10), "The insurance had lapsed by a day."),
                line(THEM, 470, Move::Accept(None), "Agreed."),
            ],
        )
    },
    Talk {
        hearing: Some((HearingKind::First, -5)),
        end: End::FactsHearing(118, "the judge wants to hear how many wheelbarrows there were"),
        ..talk(
            About::Filler(3),
            &["theft of a wheelbarrow"],
            &[
                Line {
                    basis: "One wheelbarrow, without its wheel.",
                    ..offer(US, 600, &["1: guilty"], Open::Days(-12), "On the basis above.")
                },
                line(
                    THEM,
                    570,
                    Move::AcceptSubject(Condition::VictimConsultation),
                    "The owner has to be asked about the wheel.",
                ),
                line(
                    THEM,
                    540,
                    Move::Accept(Some((Condition::VictimConsultation, "the owner, by telephone"))),
                    "He has no objection.",
                ),
            ],
        )
    },
    Talk {
        hearing: Some((HearingKind::Trial, -6)),
        end: End::NoPlea(150, "the trial began"),
        ..talk(
            About::Filler(4),
            &["drunk and disorderly at the flower show"],
            &[
                offer(
                    US,
                    700,
                    &["1: guilty; basis: disorderly only"],
                    Open::Days(-20),
                    "He was disorderly, but sober.",
                ),
                line(US, 620, Move::Chase(""), ""),
            ],
        )
    },
];
