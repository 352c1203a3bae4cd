//! Exchanges of letters: initial details, first hearings, plea talk, listing, clients, disclosure, legal aid, counsel.

use super::{Exchange, Law, Role, Step};

const ENGLAND: Option<Law> = Some(Law::England);
const SCOTLAND: Option<Law> = Some(Law::Scotland);

/// A reply to the letter before.
const fn reply(by: Role, to: Role, after: i64, text: &'static str) -> Step {
    Step { by, to, subject: "", text, files: &[], after }
}

/// Those that fit any case of their law, the plainest first.
pub(in crate::demo) const EVERYDAY: &[Exchange] = &[
    Exchange {
        law: ENGLAND,
        sealed: false,
        steps: &[
            Step {
                by: Role::Team,
                to: Role::Office,
                subject: "{title} - {number} - {court} {hearing} - IDPC request",
                text: "Dear Sirs,\n\nWe act for {client}. Please serve the initial details of the prosecution case for the hearing at {court} on {hearing}.\n\nOffence: {charge}.\n\nYours faithfully,\nQuill & Pounce LLP",
                files: &[],
                after: 0,
            },
            Step {
                by: Role::Office,
                to: Role::Team,
                subject: "[CJSM] {title} {number} {court} {hearing} - IDPC",
                text: "Please find attached the initial details of the prosecution case.\n\nThis mailbox is monitored from 08:30 to 16:30. Please quote the URN in all correspondence.\n\nCPS Mudshire",
                files: &["MG4 Charges.pdf", "MG5 {SURNAME}.pdf", "MG11 P BADGER.pdf"],
                after: 26,
            },
            reply(
                Role::Us,
                Role::Team,
                3,
                "Thanks. Received and on the file. Tess, please open the conference slot and get him in before {hearing}: he should see the MG5 before he says anything to anybody about {charge}.\n\n{by}",
            ),
        ],
    },
    Exchange {
        law: ENGLAND,
        sealed: false,
        steps: &[
            Step {
                by: Role::Us,
                to: Role::Crown,
                subject: "{title} - {numbers} - basis of plea",
                text: "Dear {to},\n\nI have now seen {client} with the papers. There may be room to shorten this: would the Crown consider a plea to {other} on a written basis, {charge} to lie on the file?\n\nNothing in this letter is an admission.\n\nKind regards,\n{by}",
                files: &[],
                after: 0,
            },
            reply(
                Role::Crown,
                Role::Us,
                22,
                "Dear {to},\n\nThank you. I will need to see the basis before I can put it to the reviewing lawyer. The complainant's views are being sought.\n\nRegards,\n{by}\nSenior Crown Prosecutor",
            ),
            Step {
                by: Role::Us,
                to: Role::Crown,
                subject: "",
                text: "Dear {to},\n\nThe signed basis is attached. You will see that paragraph 3 deals with the value. I am in the office until four.\n\nKind regards,\n{by}",
                files: &["Basis of plea {SURNAME}.pdf"],
                after: 27,
            },
            reply(
                Role::Crown,
                Role::Us,
                46,
                "Dear {to},\n\nParagraph 3 cannot be agreed as drafted: the receipts show a higher figure. If it read \"the value stated in the MG5\" I would be content.\n\nRegards,\n{by}",
            ),
        ],
    },
    Exchange {
        law: ENGLAND,
        sealed: false,
        steps: &[
            Step {
                by: Role::Court,
                to: Role::Team,
                subject: "Listing: {title} {second} - PTPH {hearing}",
                text: "The above case is listed for plea and trial preparation on {hearing} at 10:30 in court 2.\n\nAdvocates are reminded that the form is to be lodged seven days before.\n\nListing Officer, Ambleford Crown Court",
                files: &["Notice of listing.txt"],
                after: 0,
            },
            reply(
                Role::Us,
                Role::Court,
                5,
                "Thank you. Counsel is Mr Vellum of Foxglove Row Chambers, who has a part-heard trial that week: may this be listed not before 11:30?\n\n{by}",
            ),
            reply(Role::Court, Role::Us, 19, "Not before 11:30 has been noted. No promises.\n\nListing"),
        ],
    },
    Exchange {
        law: None,
        sealed: false,
        steps: &[
            Step {
                by: Role::Client,
                to: Role::Us,
                subject: "my court date",
                text: "hi its {client}, sorry to bother you again. is it definately {hearing}? my sister says it is moved. also do i need to bring the letter\n\nsent from my phone",
                files: &[],
                after: 0,
            },
            reply(
                Role::Us,
                Role::Client,
                4,
                "Dear {client},\n\nYes: {hearing} at {court}. Please be there by 9:30 and bring the letter. Do not write about the facts by e-mail; telephone the office instead.\n\nOur reference is {number}.\n\n{by}",
            ),
            reply(
                Role::Client,
                Role::Us,
                2,
                "ok thank you. will do. it was not me who {charge} by the way but i will say on the phone",
            ),
        ],
    },
    Exchange {
        law: ENGLAND,
        sealed: false,
        steps: &[
            Step {
                by: Role::Office,
                to: Role::Us,
                subject: "[CJSM] {number} {SURNAME} - initial disclosure",
                text: "Please find attached the schedule of unused material (MG6C). Nothing on it falls to be disclosed at this stage.\n\nA defence statement is awaited.\n\nCPS Mudshire, Disclosure",
                files: &["MG6C {SURNAME}.pdf"],
                after: 0,
            },
            Step {
                by: Role::Us,
                to: Role::Crown,
                subject: "{title} - {number} - unused material, items 4 and 9",
                text: "Dear {to},\n\nItems 4 (the shop's CCTV index) and 9 (the first note of the call) both go to identification. Would you review them again and say by Friday?\n\nKind regards,\n{by}",
                files: &["Defence statement {SURNAME}.pdf"],
                after: 44,
            },
            reply(
                Role::Crown,
                Role::Us,
                70,
                "Dear {to},\n\nItem 9 is attached. Item 4 does not exist in the form described: the officer has been asked again.\n\nRegards,\n{by}",
            ),
            reply(
                Role::Us,
                Role::Crown,
                120,
                "Dear {to},\n\nAny word from the officer on item 4? I have to advise before {hearing}.\n\n{by}",
            ),
        ],
    },
    Exchange {
        law: None,
        sealed: true,
        steps: &[
            Step {
                by: Role::Us,
                to: Role::Counsel,
                subject: "{title} - {number} - instructions to counsel",
                text: "Dear {to},\n\nInstructions attached. The short point is whether {charge} can stand at all on the second statement; I think it cannot, and would like you to say so first.\n\nHe has told me where he was. I would rather not put that in writing: please ring.\n\n{by}",
                files: &["Instructions {SURNAME}.pdf", "Chronology {SURNAME}.txt"],
                after: 0,
            },
            reply(
                Role::Counsel,
                Role::Us,
                20,
                "Dear {to},\n\nRead. I agree about the second statement, and it is worse for them than you say: look at the times in paragraph 7. I would hold the point back until their opening note.\n\nConference Thursday at four?\n\n{by}",
            ),
            reply(
                Role::Us,
                Role::Counsel,
                3,
                "Thursday at four is good. He will come by train, so he will be late.\n\n{by}",
            ),
        ],
    },
    Exchange {
        law: ENGLAND,
        sealed: false,
        steps: &[
            Step {
                by: Role::Police,
                to: Role::Us,
                subject: "{number} - {SURNAME} - bail variation",
                text: "Following the enquiry from your office: no objection from the police to the curfew moving to 21:00-06:00.\n\nSgt Marlow, Mudshire Police",
                files: &[],
                after: 0,
            },
            reply(
                Role::Us,
                Role::Police,
                2,
                "Thank you, Sergeant. I will lodge it with the court today and tell him not to celebrate until it is granted.\n\n{by}",
            ),
        ],
    },
    Exchange {
        law: ENGLAND,
        sealed: false,
        steps: &[Step {
            by: Role::LegalAid,
            to: Role::Team,
            subject: "Decision: {title} - {number}",
            text: "A representation order has been granted for the above applicant. Please quote the MAAT reference on your claim.\n\nThis is an automatic message.",
            files: &["Representation order.txt"],
            after: 0,
        }],
    },
    Exchange {
        law: SCOTLAND,
        sealed: true,
        steps: &[
            Step {
                by: Role::Us,
                to: Role::Crown,
                subject: "PF REF {number} - {SURNAME} - plea",
                text: "Dear {to},\n\nWould the Crown accept a plea to {charge} under deletion of the last line of the narrative, with a plea of not guilty to {other}? I have instructions to say that it would be tendered at the intermediate diet.\n\nIf it is not accepted it is, as always, not to be founded upon.\n\n{by}",
                files: &[],
                after: 0,
            },
            reply(
                Role::Crown,
                Role::Us,
                21,
                "Dear {to},\n\nI could take {charge} as libelled but not under that deletion: the complainer is clear about the words used. I have to consult the marking depute on {other}.\n\n{by}\nProcurator Fiscal Depute",
            ),
            reply(
                Role::Us,
                Role::Crown,
                25,
                "Dear {to},\n\nUnderstood. Might the deletion be confined to the second sentence? The CCTV has no sound, so the words rest on her alone.\n\n{by}",
            ),
            reply(
                Role::Crown,
                Role::Us,
                30,
                "Dear {to},\n\nThat is a fair point about the sound. On that footing, and only if {other} is pled to as libelled, yes.\n\n{by}",
            ),
        ],
    },
    Exchange {
        law: SCOTLAND,
        sealed: false,
        steps: &[
            Step {
                by: Role::Office,
                to: Role::Us,
                subject: "PF v {SURNAME} {number} - summary of evidence and disclosure",
                text: "The disclosable summary and witness list are available to you. The materials themselves are shared through the usual service and not by this mail.\n\nPF Kirkmirkle, Summary Case Management",
                files: &["Summary {SURNAME}.pdf", "Witness list.txt"],
                after: 0,
            },
            reply(
                Role::Us,
                Role::Crown,
                30,
                "Dear {to},\n\nThe summary speaks of two locus witnesses and the list has one. Who is the other?\n\n{by}",
            ),
            reply(
                Role::Crown,
                Role::Us,
                18,
                "Dear {to},\n\nAn error at our end: there is only the one. The summary will be corrected.\n\n{by}",
            ),
        ],
    },
    Exchange {
        law: SCOTLAND,
        sealed: false,
        steps: &[
            Step {
                by: Role::Court,
                to: Role::Us,
                subject: "{number} PF v {SURNAME} - diet moved",
                text: "The intermediate diet has been moved on the court's own motion to {hearing} at 10:00.\n\nSheriff Clerk's Office, Kirkmirkle",
                files: &[],
                after: 0,
            },
            reply(Role::Us, Role::Court, 2, "Noted, with thanks. {client} will be told today.\n\n{by}"),
        ],
    },
];

/// R v FERRET: initial details that come after the cut-off, and what follows.
pub(in crate::demo) const FERRET: &[Exchange] = &[
    Exchange {
        law: ENGLAND,
        sealed: false,
        steps: &[
            Step {
                by: Role::Office,
                to: Role::Team,
                subject: "[CJSM] R v FERRET 99ZX0012326 Ambleford MC 05/03/2026 - IDPC",
                text: "Please find attached the initial details of the prosecution case: charges, MG5, statement of P BADGER, PNC print.\n\nPlease quote the URN in all correspondence.\n\nCPS Mudshire",
                files: &[
                    "MG4 Charges.pdf",
                    "MG5.pdf",
                    "MG11 P BADGER.pdf",
                    "PNC FERRET.pdf",
                    "../../SDC\u{202e}fdp.exe",
                ],
                after: 0,
            },
            reply(
                Role::Us,
                Role::Team,
                1,
                "Tess, this came at 14:52, so it counts as served tomorrow. The last attachment has a strange name: leave it alone, I will ask.\n\n{by}",
            ),
            Step {
                by: Role::Us,
                to: Role::Office,
                subject: "R v FERRET - 99ZX0012326 - Ambleford MC 05/03/2026 - IDPC, one file",
                text: "Dear Sirs,\n\nThank you for the initial details. One attachment has a name that looks like a PDF and is a program. Was it meant to be sent? It has not been opened.\n\nYours faithfully,\n{by}\nQuill & Pounce LLP",
                files: &[],
                after: 2,
            },
            reply(
                Role::Office,
                Role::Us,
                18,
                "It was not sent by us. Please delete it. The matter has been passed to our security team.\n\nCPS Mudshire",
            ),
            Step {
                by: Role::Us,
                to: Role::Crown,
                subject: "R v FERRET - 99ZX0012326 - the gnome",
                text: "Dear {to},\n\nThe MG5 puts the gnome at 40 pounds and the statement at 400. Which is it? It matters for venue.\n\nKind regards,\n{by}",
                files: &[],
                after: 1,
            },
            reply(
                Role::Crown,
                Role::Us,
                3,
                "Dear {to},\n\nForty. A nought went astray in the statement; a corrected one follows.\n\nRegards,\n{by}",
            ),
        ],
    },
    Exchange {
        law: ENGLAND,
        sealed: false,
        steps: &[Step {
            by: Role::Office,
            to: Role::Us,
            subject: "[CJSM] R v FERRET 99ZX0012326 - corrected statement",
            text: "Please find attached the corrected statement of P BADGER. The value is now forty pounds throughout.\n\nCPS Mudshire",
            files: &["MG11 P BADGER corrected.pdf"],
            after: 0,
        }],
    },
];

/// R v OTTERBOURNE: counsel, in confidence, and plea talk that crosses.
pub(in crate::demo) const OTTERBOURNE: &[Exchange] = &[
    Exchange {
        law: ENGLAND,
        sealed: true,
        steps: &[
            Step {
                by: Role::Us,
                to: Role::Counsel,
                subject: "R v OTTERBOURNE - 99QY0045626 / T20269001 - conference",
                text: "Dear {to},\n\nShe accepts that the lawnmower was in her garage and says that her cousin put it there. That is handling at most, if she knew; she says that she wondered.\n\nWould you draft a basis for count 2 that says \"wondered\" without saying \"knew\"?\n\n{by}",
                files: &["Proof of evidence OTTERBOURNE.pdf"],
                after: 0,
            },
            Step {
                by: Role::Counsel,
                to: Role::Us,
                subject: "",
                text: "Dear {to},\n\nThere is no such basis: wondering is belief or it is nothing. But there is a decent argument on count 1, because nobody saw her at the shed, and the Crown may be glad of count 2.\n\nDraft attached. Show it to nobody yet.\n\n{by}",
                files: &["Draft basis OTTERBOURNE.txt"],
                after: 23,
            },
            reply(
                Role::Us,
                Role::Counsel,
                2,
                "That is what I hoped you would say. I will take her through it on Friday and write to Petra after that.\n\n{by}",
            ),
        ],
    },
    Exchange {
        law: ENGLAND,
        sealed: false,
        steps: &[
            Step {
                by: Role::Us,
                to: Role::Crown,
                subject: "R v OTTERBOURNE - T20269001 - Ambleford CC 02/04/2026 - plea",
                text: "Dear {to},\n\nShe would plead to count 2 on a written basis if the Crown were to offer no evidence on count 1. May I have your answer by Friday 13 March at 16:00?\n\nKind regards,\n{by}",
                files: &[],
                after: 0,
            },
            Step {
                by: Role::Crown,
                to: Role::Us,
                subject: "T20269001 OTTERBOURNE - proposal",
                text: "Dear {to},\n\nThis may cross with something of yours. If she were to plead to the burglary the Crown would not resist full credit.\n\nRegards,\n{by}",
                files: &[],
                after: 0,
            },
            reply(
                Role::Us,
                Role::Crown,
                1,
                "Dear {to},\n\nOur letters have crossed. Mine was sent at 11:03 and stands; yours I cannot recommend.\n\nKind regards,\n{by}",
            ),
            reply(Role::Crown, Role::Us, 167, "Dear {to},\n\nAgreed re handling.\n\nRegards,\n{by}"),
        ],
    },
    Exchange {
        law: ENGLAND,
        sealed: true,
        steps: &[Step {
            by: Role::Counsel,
            to: Role::Us,
            subject: "R v OTTERBOURNE - T20269001 - note for sentence",
            text: "Dear {to},\n\nA note for Friday. The point about the cousin should come from her and not from us.\n\n{by}",
            files: &["Note for sentence OTTERBOURNE.pdf"],
            after: 0,
        }],
    },
];

/// PF v PUDDOCK: plea by e-mail, under seal.
pub(in crate::demo) const PUDDOCK: &[Exchange] = &[
    Exchange {
        law: SCOTLAND,
        sealed: true,
        steps: &[
            Step {
                by: Role::Us,
                to: Role::Crown,
                subject: "PF REF ZZ26000417 - Puddock - plea",
                text: "Dear {to},\n\nI am instructed to offer the following in PF v Morag Puddock:\n\n  charge 1: guilty as amended, under deletion of \"and did threaten him with violence\";\n  charge 2: plea of not guilty to be accepted;\n  charge 3: guilty.\n\nMay I hear by Monday 11 May at noon? If it is not accepted it is not to be founded upon.\n\n{by}",
                files: &[],
                after: 0,
            },
            reply(Role::Crown, Role::Us, 23, "Dear {to},\n\nWould take 1 as amended and 3, but 2 must be G.\n\n{by}"),
            reply(
                Role::Us,
                Role::Crown,
                24,
                "Dear {to},\n\nBefore I take that to her: what does the CCTV show between 22:14 and 22:16? She says that she was holding the umbrella in that hand.\n\n{by}",
            ),
            Step {
                by: Role::Crown,
                to: Role::Us,
                subject: "",
                text: "Dear {to},\n\nIt shows a hand and an umbrella, and then the same umbrella on the pavement. The stills are attached. I would not call it strong, but I would call it enough.\n\n{by}",
                files: &["Stills 22-14 to 22-16.pdf"],
                after: 22,
            },
            reply(
                Role::Us,
                Role::Crown,
                24,
                "Dear {to},\n\nI have seen her this morning. She accepts your terms: 1 as amended, 2 and 3 guilty. Narration to be agreed before the 27th, please.\n\n{by}",
            ),
        ],
    },
    Exchange {
        law: SCOTLAND,
        sealed: true,
        steps: &[Step {
            by: Role::Crown,
            to: Role::Us,
            subject: "PF REF ZZ26000417 - Puddock - narration",
            text: "Dear {to},\n\nAs she was sentenced yesterday: thank you for the agreed narration. It saved two witnesses a day.\n\nThe umbrella can be collected from the productions keeper.\n\n{by}",
            files: &[],
            after: 0,
        }],
    },
];

/// HMA v GANNET & STOAT: a section 76 letter, and a co-accused with another agent.
pub(in crate::demo) const GANNET: &[Exchange] = &[
    Exchange {
        law: SCOTLAND,
        sealed: true,
        steps: &[
            Step {
                by: Role::Us,
                to: Role::Crown,
                subject: "HMA v Gannet - ZZ26000533 - s76 letter",
                text: "Dear {to},\n\nI enclose a letter under section 76 for Mr Gannet: guilty to charges 1, 2 and 4; not guilty to 3 and 5, which are Ms Stoat's alone.\n\nThe co-accused's agent has not seen it and is not to.\n\n{by}",
                files: &["s76 letter GANNET.pdf"],
                after: 0,
            },
            reply(
                Role::Crown,
                Role::Us,
                44,
                "Dear {to},\n\nReceived. Crown Counsel will have to see it. I note what you say about the co-accused.\n\n{by}",
            ),
        ],
    },
    Exchange {
        law: SCOTLAND,
        sealed: true,
        steps: &[Step {
            by: Role::Counsel,
            to: Role::Us,
            subject: "HMA v Gannet & Stoat - ZZ26000533 - advice",
            text: "Dear {to},\n\nMy advice on separation of trials: apply, and early. If Ms Stoat lodges a special defence that blames your client you will want the dates in your favour.\n\n{by}",
            files: &["Advice GANNET.pdf"],
            after: 0,
        }],
    },
    Exchange {
        law: SCOTLAND,
        sealed: true,
        steps: &[Step {
            by: Role::Crown,
            to: Role::Us,
            subject: "HMA v Gannet - ZZ26000533 - s76 letter",
            text: "Dear {to},\n\nCrown Counsel would accept 1, 2 and 4 on condition that the narration deals with the van. May I have your draft by Wednesday?\n\n{by}",
            files: &[],
            after: 0,
        }],
    },
];

/// R v WEASEL: a near miss of a number, and a telephone number.
pub(in crate::demo) const WEASEL: &[Exchange] = &[
    Exchange {
        law: ENGLAND,
        sealed: false,
        steps: &[
            Step {
                by: Role::Client,
                to: Role::Us,
                subject: "Weasel 99ZX0012327 - call me 07700 900123",
                text: "hello mr quill its about the greenhouse. can you ring me, 07700 900123, not before 11\n\nsilas",
                files: &[],
                after: 0,
            },
            reply(
                Role::Us,
                Role::Client,
                3,
                "Dear {client},\n\nI will ring at noon. Please say nothing about the greenhouse to anybody, and in particular not to its owner.\n\n{by}",
            ),
            Step {
                by: Role::Office,
                to: Role::Team,
                subject: "R v WEASEL - 99ZX0012327 - Ambleford MC 06/03/2026 - IDPC",
                text: "Please find attached the initial details. See also 99ZX0012326, in which the same officer is a witness.\n\nCPS Mudshire",
                files: &["MG4 Charges.pdf", "MG5 WEASEL.pdf"],
                after: 21,
            },
        ],
    },
    Exchange {
        law: ENGLAND,
        sealed: false,
        steps: &[Step {
            by: Role::Client,
            to: Role::Us,
            subject: "Weasel 99ZX0012327 greenhouse",
            text: "hello again. the owner came round and i said nothing like you said. he says he has a letter from the court?? is it bad\n\nsilas",
            files: &[],
            after: 0,
        }],
    },
];
