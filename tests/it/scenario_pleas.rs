//! Plea negotiations from end to end: the real program in a real terminal and by command, Dovecot behind it, the other side writing by hand with
//! another program, or with a home of its own.

use casemail::app::effect::Said;
use casemail::app::plea_view::{MarkWish, Wish};
use casemail::engine::clock::Clock;
use casemail::engine::{Engine, Opening};
use casemail::mail::id::OutboxId;
use casemail::net::Endpoint;
use casemail::plea::State;
use casemail::plea::compose::Proposal;
use casemail::plea::mark::Meaning;
use casemail::store::profile::Profile;
use casemail::store::vault::Vault;
use serde_json::Value;

use crate::support::home::{Home, PASSPHRASE, Ran, Screen};
use crate::walkthrough::{LINTWHITE, World, eventually, go_to, show};

pub(crate) const CASE: &str = "ZZ26000417";
const WORDS: &str = "and did threaten him with violence";

/// The clock of the courts, some hours from now, as it is typed.
pub(crate) fn in_hours(hours: i64) -> String {
    let at = jiff::Zoned::now() + jiff::SignedDuration::from_hours(hours);
    at.in_tz("Europe/London").unwrap().strftime("%d/%m/%Y %H:%M").to_string()
}

pub(crate) fn day_in_hours(hours: i64) -> String {
    in_hours(hours).split(' ').next().unwrap().to_owned()
}

/// A mail of the other side, by another program: free text.
pub(crate) fn by_hand(from: &str, id: &str, answers: Option<&str>, subject: &str, text: &str) -> Vec<u8> {
    let answers = answers.map(|id| format!("In-Reply-To: <{id}>\r\nReferences: <{id}>\r\n")).unwrap_or_default();
    format!(
        "From: {from}\r\nTo: Beatrice Quill <quill@quillpounce.example>\r\nMessage-ID: <{id}@gov.example>\r\n{answers}\
         Date: {}\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n",
        jiff::Zoned::now().strftime("%a, %d %b %Y %H:%M:%S %z")
    )
    .into_bytes()
}

/// The case of the scenarios, in the register of a home.
pub(crate) fn open_puddock(home: &Home) {
    open_puddock_against(home, &format!("name=Hamish Lintwhite; role=fiscal-depute; addresses={LINTWHITE}"));
}

/// The same, with this party for the Crown.
pub(crate) fn open_puddock_against(home: &Home, crown: &str) {
    let open = ["case", "open", "--title", "PF v PUDDOCK", "--number", CASE, "--client", "Morag PUDDOCK"];
    home.done(&open, b"");
    let charge = format!("accused=1; number=1; charge=did shout and swear {WORDS}; statute=2010 asp 13 s.38");
    let diet =
        format!("kind=intermediate-diet; court=Kirkmirkle Sheriff Court; date={}; time=10:00", day_in_hours(400));
    let edit = [
        "case",
        "edit",
        CASE,
        "--charge",
        &charge,
        "--charge",
        "accused=1; number=2; charge=did assault B; statute=",
        "--charge",
        "accused=1; number=3; charge=did breach bail; statute=1995 c.46 s.27",
        "--party",
        crown,
        "--party",
        "name=Beatrice Quill; role=defence-solicitor; acts for=1; addresses=quill@quillpounce.example",
        "--hearing",
        &diet,
    ];
    home.done(&edit, b"");
}

pub(crate) fn shown(home: &Home) -> Value {
    home.json(&["plea", "show", CASE])
}

pub(crate) fn refused(ran: &Ran, words: &str) {
    assert_eq!((ran.code, ran.err.contains(words)), (1, true), "{words:?}: {ran:?}");
}

/// Types text into fields, one below the other; an empty one is passed over.
fn fill(screen: &Screen, fields: &[&str]) {
    for text in fields {
        if !text.is_empty() {
            screen.send_keys(&["C-u"]);
            screen.type_text(text);
        }
        screen.send_keys(&["Down"]);
    }
}

/// The board with the row of a case: its name alone stands on the screens before, too.
pub(crate) fn wait_for_row(screen: &Screen, title: &str) -> String {
    let is_row = |line: &str| line.contains(title) && (line.contains(" left") || line.contains("overdue"));
    screen.wait_until("the board", |seen| seen.contains("f whose turn") && seen.lines().any(is_row))
}

/// The home of the other side, on the same server.
pub(crate) fn depute(world: &World) -> Home {
    let home = Home::new();
    let (imap, smtp): (Endpoint, Endpoint) = (world.dovecot.starttls(), world.submission.tls());
    let config = home.config(&imap, &smtp, &world.dovecot.ca_file(), "");
    let config = config.replace("user = \"quill\"", "user = \"lintwhite\"");
    home.configure(
        &config.replace("quill@quillpounce.example", LINTWHITE).replace("Beatrice Quill", "Hamish Lintwhite"),
    );
    home
}

#[test]
fn a_scottish_plea_by_mail_is_countered_by_hand_and_agreed() {
    let Some(world) = World::start() else { return };
    let crown = format!("Hamish Lintwhite <{LINTWHITE}>");
    let first = by_hand(&crown, "0", None, &format!("PF v PUDDOCK {CASE} disclosure"), "The bundle.");
    world.dovecot.deliver("quill", "INBOX", &first);
    open_puddock(&world.home);
    let Some(screen) = world.home.screen((80, 24)) else { return };
    screen.wait_for("up to date, watching");

    // Nothing has been offered; the form sends nothing while a charge is not addressed.
    screen.send_keys(&["'"]);
    screen.type_text("puddock");
    screen.wait_for("PF v PUDDOCK");
    screen.send_keys(&["Enter"]);
    screen.wait_for("disclosure");
    screen.send_keys(&["P"]);
    show("begun", &screen.wait_for("nothing has been offered"));
    screen.send_keys(&["o"]);
    screen.wait_for("OFFER: offer terms");
    let delete = format!("delete {WORDS}");
    let until = in_hours(120);
    fill(&screen, &["guilty-as-amended", &delete, "not-guilty-accepted", "", "", "", "", "", "", &until, "", "", ""]);
    screen.send_keys(&["Up"]);
    screen.type_text("letter 1 May");
    screen.send_keys(&["C-s"]);
    let seen = screen.wait_for("charge 3 not addressed");
    show("charge 3 not addressed", &seen);
    assert!(world.submission.taken().is_empty());
    screen.type_text("guilty");
    screen.send_keys(&["C-s"]);
    let seen = screen.wait_for("Review before sending");
    show("review of the offer", &seen);
    screen.send_keys(&["y"]);
    let sent = eventually(|| world.submission.taken().into_iter().next());
    assert_eq!(sent.to, [LINTWHITE]);
    let raw = String::from_utf8(sent.raw).unwrap();
    let text = raw.split("\r\n\r\n").nth(1).unwrap();
    show("the offer on the wire", &raw);
    assert!(text.starts_with("--- PLEA NEGOTIATION / NOT TO BE FOUNDED UPON IF NOT ACCEPTED ---"), "{raw}");
    assert!(!raw.contains("letter 1 May"), "the evidence is privileged: {raw}");
    let id = raw.lines().find_map(|line| line.strip_prefix("Message-ID: <")?.strip_suffix('>')).unwrap().to_owned();
    show("offered", &screen.wait_for("D1 OFFER by you"));

    // The other side's casemail reads the same: it is their turn.
    let depute = depute(&world);
    depute.done(&["sync"], b"");
    open_puddock(&depute);
    let theirs = eventually(|| Some(shown(&depute)).filter(|shown| shown["acts"][0]["wants_yes"] == true));
    // Nobody signed it: it is a claim of the address, and changes nothing until the depute says that it is hers.
    assert_eq!((&theirs["acts"][0]["trust"], &theirs["acts"][0]["counts"]), (&"claimed".into(), &false.into()));
    assert_eq!((&theirs["us"], &theirs["state"]), (&"prosecution".into(), &"none".into()), "{theirs}");
    assert_eq!(depute.json(&["plea", "list"])["negotiations"][0]["unconfirmed"], 1);
    depute.done(&["plea", "admit", CASE, "D1"], b"");
    let theirs = shown(&depute);
    assert_eq!((&theirs["turn"], &theirs["state"]), (&"prosecution".into(), &"open".into()), "{theirs}");
    assert_eq!(
        (&theirs["acts"][0]["admitted_by"], &theirs["acts"][0]["counts"]),
        (&"Hamish Lintwhite".into(), &true.into())
    );
    let ours = shown(&world.home);
    assert_eq!(ours["acts"][0]["terms_hash"], theirs["acts"][0]["terms_hash"]);
    assert_eq!(ours["turn"], "prosecution");

    // A counter by hand: one key says what it is, the form takes the terms.
    let counter = by_hand(
        &crown,
        "1",
        Some(&id),
        "Re: PF v PUDDOCK ZZ26000417",
        "Would take 1 as amended and 3, but 2 must be G",
    );
    world.dovecot.deliver("quill", "INBOX", &counter);
    screen.wait_until("the counter", |seen| seen.contains("Would take 1") || seen.contains("[1/"));
    go_to(&screen, "Would take 1");
    screen.send_keys(&["c"]);
    screen.wait_for("Take the message for COUNTER");
    fill(&screen, &["", "", "guilty", "", "", "", "", "", ""]);
    screen.type_text(&in_hours(160));
    screen.send_keys(&["C-s"]);
    let seen = screen.wait_for("P1 COUNTER");
    show("countered", &seen);
    let after = shown(&world.home);
    assert_eq!(
        (&after["state"], &after["turn"], &after["round"]),
        (&"open".into(), &"defence".into(), &2.into()),
        "{after}"
    );
    assert_eq!(after["acts"][1]["trust"], "marked");

    // A question, and its answer by hand.
    screen.send_keys(&["u"]);
    screen.wait_for("QUERY: ask something");
    screen.type_text("Is there CCTV?");
    screen.send_keys(&["C-s"]);
    screen.wait_for("Review before sending");
    screen.send_keys(&["y"]);
    eventually(|| (world.submission.taken().len() == 2).then_some(()));
    let answer = by_hand(&crown, "2", None, "Re: PF v PUDDOCK ZZ26000417", "There is none.");
    world.dovecot.deliver("quill", "INBOX", &answer);
    world.home.done(&["sync"], b"");
    let unmarked = eventually(|| {
        let message = shown(&world.home)["unmarked"][0].as_str()?.to_owned();
        Some(message)
    });
    world.home.done(&["plea", "mark", CASE, &unmarked, "--as", "reply", "--text", "There is none."], b"");

    // No acceptance without the client's instructions; then from the board to the sent answer in four keys and the text.
    refused(&world.home.run(&["plea", "accept", CASE], b""), "needs the client's instructions");
    screen.send_keys(&["g", "p"]);
    // The row, not the screen before: a key on a board that has not come yet opens nothing.
    let seen = wait_for_row(&screen, "PF v PUDDOCK");
    show("board", &seen);
    assert!(seen.contains(" left") && seen.contains("you"), "{seen}");
    screen.send_keys(&["Enter"]);
    screen.wait_for("your turn");
    screen.send_keys(&["a"]);
    screen.wait_for("ACCEPT: accept the terms that stand");
    screen.type_text("instructions by phone 9 May, attendance note");
    screen.send_keys(&["C-s"]);
    screen.wait_for("Review before sending");
    screen.send_keys(&["y"]);
    let seen = screen.wait_for("agreed between the parties, not yet in court");
    show("agreed", &seen);
    assert!(!seen.to_lowercase().contains("settled"), "{seen}");
    let agreed = shown(&world.home);
    assert_eq!(agreed["state"], "agreed");
    let accept = agreed["acts"].as_array().unwrap().last().unwrap();
    assert_eq!((&accept["kind"], &accept["answers"]), (&"accept".into(), &"P1".into()), "{agreed}");
    screen.leave();
    assert_eq!(screen.wait_for_end(), 0);

    // In court.
    world.home.done(
        &[
            "plea",
            "record",
            CASE,
            "--outcome",
            "as-agreed",
            "--hearing",
            &day_in_hours(400),
            "--known-from",
            "own note",
        ],
        b"",
    );
    assert_eq!(shown(&world.home)["state"], "closed-recorded");
    in_order(&world.home);
}

/// The chronology has the acts in order, verifies, and names a record in which one byte was changed.
fn in_order(home: &Home) {
    let chronology = home.done(&["case", "chronology", CASE], b"");
    show("chronology", &chronology);
    let mut from = 0;
    for wanted in [
        "charge 3 not addressed",
        "OFFER D1 in ZZ26000417 PN-1",
        "COUNTER P1",
        "QUERY D2",
        "REPLY P2",
        "ACCEPT in ZZ26000417 PN-1 was not sent",
        "ACCEPT D3",
        "RECORD in ZZ26000417 PN-1: the plea was recorded as agreed",
    ] {
        let at =
            chronology[from..].find(wanted).unwrap_or_else(|| panic!("{wanted:?} is not in its place:\n{chronology}"));
        from += at;
    }
    assert!(chronology.contains("as free text, marked by Beatrice Quill"), "{chronology}");
    assert_eq!(home.json(&["register", "verify"])["ok"], true);
    let text = home.done(&["register", "show", "--raw"], b"");
    home.write("register.txt", &text.replacen("CCTV?", "CCTW?", 1));
    let spoilt = home.run(&["--json", "register", "verify", home.beside("register.txt").to_str().unwrap()], b"");
    assert_eq!(spoilt.code, 1, "{spoilt:?}");
    let spoilt: Value = serde_json::from_str(&spoilt.out).unwrap();
    let records = home.json(&["register", "show"])["records"].clone();
    let asked = records.as_array().unwrap().iter().find(|one| one["words"].as_str().unwrap().contains("QUERY D2"));
    assert_eq!(spoilt["first_broken"]["record"], asked.unwrap()["seq"], "{spoilt}");
}

const OTTERBOURNE: &str = "99QY0045626";
const PETRA: &str = "Petra Windlestraw <p.windlestraw@cps.gov.example>";

fn open_otterbourne(home: &Home) {
    home.done(
        &["case", "open", "--title", "R v OTTERBOURNE", "--number", OTTERBOURNE, "--client", "Dilys OTTERBOURNE"],
        b"",
    );
    home.done(
        &[
            "case",
            "edit",
            OTTERBOURNE,
            "--charge",
            "accused=1; number=1; charge=burglary of a shed",
            "--charge",
            "accused=1; number=2; charge=handling stolen goods",
            "--party",
            "name=Petra Windlestraw; role=cps-lawyer; addresses=p.windlestraw@cps.gov.example",
            "--party",
            "name=Beatrice Quill; role=defence-solicitor; acts for=1; addresses=quill@quillpounce.example",
        ],
        b"",
    );
}

fn state(home: &Home, case: &str) -> String {
    home.json(&["plea", "show", case])["state"].as_str().unwrap().to_owned()
}

fn mark_latest(home: &Home, case: &str, more: &[&str]) -> Ran {
    home.done(&["sync"], b"");
    let message = eventually(|| {
        let shown = home.json(&["plea", "show", case]);
        shown["unmarked"][0].as_str().map(str::to_owned)
    });
    home.run(&[&["plea", "mark", case, &message], more].concat(), b"")
}

#[test]
fn crossed_offers_have_no_winner_and_a_lapsed_one_is_not_accepted() {
    let Some(world) = World::start() else { return };
    let home = &world.home;
    open_otterbourne(home);
    let soon = in_hours(24);
    let offer = [
        "plea",
        "offer",
        OTTERBOURNE,
        "--charge",
        "1: no-evidence",
        "--charge",
        "2: guilty",
        "--basis",
        "She held it for one day.",
        "--reply-by",
        &soon,
        "--shown-by",
        "attendance note",
    ];
    home.done(&offer, b"");
    let sent = eventually(|| world.submission.taken().into_iter().next());
    let raw = String::from_utf8(sent.raw).unwrap();
    assert!(raw.contains("WITHOUT PREJUDICE TO NOT GUILTY PLEA(S)"), "{raw}");

    // Hers was written before she had read ours: neither wins.
    let subject = format!("R v OTTERBOURNE {OTTERBOURNE}");
    world.dovecot.deliver("quill", "INBOX", &by_hand(PETRA, "1", None, &subject, "Burglary, with her credit kept."));
    let until = in_hours(100);
    let hers = ["--as", "offer", "--charge", "1: guilty", "--charge", "2: withdrawn-by-crown", "--reply-by", &until];
    let marked = mark_latest(home, OTTERBOURNE, &hers);
    assert_eq!(marked.code, 0, "{marked:?}");
    let crossed = home.json(&["plea", "show", OTTERBOURNE]);
    assert_eq!(crossed["state"], "crossed", "{crossed}");
    assert!(crossed["notices"][0].as_str().unwrap().contains("Neither wins by itself"), "{crossed}");
    // A paralegal may not accept, on nobody's behalf.
    let staff = "name=Iris Inkwell; role=defence-staff; acts for=1; addresses=inkwell@quillpounce.example";
    home.done(&["case", "edit", OTTERBOURNE, "--party", staff], b"");
    let config = home.roots().config_file();
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("quill@quillpounce.example", "inkwell@quillpounce.example")).unwrap();
    let accept = home.run(&["plea", "accept", OTTERBOURNE, "--shown-by", "attendance note"], b"");
    refused(&accept, "ACCEPT refused");
    assert!(accept.err.contains("The holder of the case has to"), "{accept:?}");
    std::fs::write(&config, text).unwrap();

    let Some(screen) = home.screen((80, 24)) else { return };
    screen.send_keys(&["g", "p"]);
    screen.wait_for("both");
    screen.send_keys(&["Enter"]);
    show("crossed", &screen.wait_for("D1 and P1 crossed"));
    screen.send_keys(&["="]);
    screen.wait_for("Which of the crossed offers stands here");
    screen.type_text("D1");
    screen.send_keys(&["C-s"]);
    screen.wait_for("D1 stands here");
    screen.leave();
    assert_eq!(screen.wait_for_end(), 0);
    assert_eq!(state(home, OTTERBOURNE), "open");

    // Time passes: a fact of this place, and no mail.
    let later = ahead(home, 30);
    let view = |engine: &Engine| {
        let case = engine.cases().unwrap().into_iter().find(|one| one.title == "R v OTTERBOURNE").unwrap().id;
        engine.negotiation(&case, None, None).unwrap()
    };
    assert_eq!(view(&later).view.state, State::Expired);
    assert_eq!(world.submission.taken().len(), 1);
    world.dovecot.deliver("quill", "INBOX", &by_hand(PETRA, "2", None, &subject, "agreed re handling"));
    later.sync_once(None, &[]).unwrap();
    let lapsed = view(&later);
    let (case, id) = (lapsed.case.id.clone(), lapsed.view.setting.id.clone());
    let message = lapsed.loose.first().unwrap().message.clone();
    let late =
        MarkWish { case: case.clone(), id: id.clone(), message, meaning: Meaning::Accept(Vec::new()), about: None };
    let late = later.plea_mark(late).unwrap().unwrap_err().join(" ");
    assert!(late.contains("lapsed") && late.contains("EXTEND") && late.contains("new OFFER"), "{late}");
    assert_eq!(view(&later).view.state, State::Expired);
    let reply_by = later.now() + jiff::SignedDuration::from_hours(50);
    let extend = Wish {
        case,
        id,
        proposal: Proposal::Extend { reply_by },
        claim: None,
        about: None,
        text: String::new(),
        files: Vec::new(),
    };
    let (_, report) = later.plea(extend, Vec::new(), Said::Nothing, false).unwrap().unwrap();
    let queued: Vec<OutboxId> = report.queued.iter().copied().map(OutboxId).collect();
    later.settle(&queued, std::time::Duration::from_secs(30)).unwrap();
    assert_eq!(view(&later).view.state, State::Open);
    drop(later);
    let chronology = home.done(&["case", "chronology", OTTERBOURNE], b"");
    assert!(chronology.contains("EXPIRE in 99QY0045626 PN-1: D1 lapsed"), "{chronology}");
}

/// The profile of a home, opened as if it were so many hours later.
pub(crate) fn ahead(home: &Home, hours: i64) -> Engine {
    let (config, _) = casemail::config::files::load(&home.roots().config, None).unwrap();
    let profile = Profile::open(home.roots()).unwrap();
    let vault = Vault::open(&profile.roots().vault_file(), PASSPHRASE.as_bytes()).unwrap();
    let clock = Clock::from_fn(move || jiff::Timestamp::now() + jiff::SignedDuration::from_hours(hours));
    Engine::open(Opening { clock, ..Opening::new(profile, config, Some(vault)) }).unwrap()
}

const GANNET: &str = "ZZ26000533";

#[test]
fn the_agent_of_a_co_accused_gets_nothing_of_a_negotiation() {
    let Some(world) = World::start() else { return };
    let home = &world.home;
    home.done(&["case", "open", "--title", "HMA v GANNET", "--number", GANNET, "--client", "Gideon GANNET"], b"");
    let fiscal = format!("name=Hamish Lintwhite; role=fiscal-depute; addresses={LINTWHITE}");
    home.done(
        &[
            "case",
            "edit",
            GANNET,
            "--accused",
            "name=Fenella STOAT",
            "--charge",
            "accused=1; number=1; charge=housebreaking at the mill",
            "--charge",
            "accused=1; number=2; charge=housebreaking at the weir",
            "--party",
            &fiscal,
            "--party",
            "name=Beatrice Quill; role=defence-solicitor; acts for=1; addresses=quill@quillpounce.example",
            "--party",
            "name=Wren & Co; role=defence-solicitor; acts for=2; addresses=agent@wrenandco.example.cjsm.net",
        ],
        b"",
    );
    let until = in_hours(90);
    let letter = home.beside("s76.pdf");
    std::fs::write(&letter, b"%PDF-1.4 signed").unwrap();
    let offer = [
        "plea",
        "offer",
        GANNET,
        "--charge",
        "1: guilty",
        "--charge",
        "2: not-guilty-accepted",
        "--reply-by",
        &until,
        "--shown-by",
        "signed letter",
        "--attach",
        letter.to_str().unwrap(),
        "--cc",
        "agent@wrenandco.example.cjsm.net",
    ];
    let stopped = home.run(&offer, b"");
    refused(&stopped, "acts for co-accused STOAT");
    assert!(world.submission.taken().is_empty());
    // A reply goes to the sender, and to nobody else.
    home.done(&offer[..offer.len() - 2], b"");
    let sent = eventually(|| world.submission.taken().into_iter().next());
    assert_eq!(sent.to, [LINTWHITE]);
    let raw = String::from_utf8(sent.raw).unwrap();
    let id = raw.lines().find_map(|line| line.strip_prefix("Message-ID: <")?.strip_suffix('>')).unwrap();
    let asked = by_hand(
        &format!("Hamish Lintwhite <{LINTWHITE}>"),
        "1",
        Some(id),
        &format!("Re: HMA v GANNET {GANNET}"),
        "Is the letter signed?",
    );
    let asked = String::from_utf8(asked)
        .unwrap()
        .replace("\r\nMessage-ID", "\r\nCc: agent@wrenandco.example.cjsm.net\r\nMessage-ID");
    world.dovecot.deliver("quill", "INBOX", asked.as_bytes());
    assert_eq!(mark_latest(home, GANNET, &["--as", "query", "--text", "Is the letter signed?"]).code, 0);
    home.done(&["plea", "reply", GANNET, "--text", "It is."], b"");
    let sent = eventually(|| world.submission.taken().into_iter().nth(1));
    assert_eq!(sent.to, [LINTWHITE]);
    let raw = String::from_utf8(sent.raw).unwrap();
    assert!(!raw.contains("wrenandco") && !raw.contains("> "), "nobody else, and nothing quoted: {raw}");

    // The holder may, with a reason; both are kept.
    let chase =
        ["plea", "chase", GANNET, "--cc", "agent@wrenandco.example.cjsm.net", "--override", "agreed with both agents"];
    home.done(&chase, b"");
    eventually(|| (world.submission.taken().len() == 3).then_some(()));
    let chronology = home.done(&["case", "chronology", GANNET], b"");
    assert!(chronology.contains("sending refused: co-accused"), "{chronology}");
    assert!(chronology.contains("agreed with both agents"), "{chronology}");
    // Somebody who helps may not, whatever the reason.
    let config = home.roots().config_file();
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("quill@quillpounce.example", "inkwell@quillpounce.example")).unwrap();
    let staff = "name=Iris Inkwell; role=defence-staff; acts for=1; addresses=inkwell@quillpounce.example";
    home.done(&["case", "edit", GANNET, "--party", staff], b"");
    refused(&home.run(&chase, b""), "");
    assert_eq!(world.submission.taken().len(), 3);
}

#[test]
fn an_act_goes_out_from_the_address_that_is_a_party() {
    const OTHER: &str = "beatrice@quillpounce.example";
    let Some(world) = World::start() else { return };
    let home = &world.home;
    let config = home.roots().config_file();
    let text = std::fs::read_to_string(&config).unwrap();
    let name = "full_name = \"Beatrice Quill\"";
    assert!(text.contains(name), "{text}");
    std::fs::write(&config, text.replace(name, &format!("{name}\nalso = [\"{OTHER}\"]"))).unwrap();
    home.done(&["case", "open", "--title", "PF v PUDDOCK", "--number", CASE, "--client", "Morag PUDDOCK"], b"");
    let fiscal = format!("name=Hamish Lintwhite; role=fiscal-depute; addresses={LINTWHITE}");
    let agent = format!("name=Beatrice Quill; role=defence-solicitor; acts for=1; addresses={OTHER}");
    let charge = "accused=1; number=1; charge=did breach bail; statute=";
    home.done(&["case", "edit", CASE, "--charge", charge, "--party", &fiscal, "--party", &agent], b"");
    let until = in_hours(50);
    let offer = ["plea", "offer", CASE, "--charge", "1: guilty", "--reply-by", &until, "--shown-by", "a letter"];
    home.done(&offer, b"");
    let sent = eventually(|| world.submission.taken().into_iter().next());
    let raw = String::from_utf8(sent.raw).unwrap();
    let from = raw.lines().find(|line| line.starts_with("From: ")).unwrap();
    assert_eq!((from.contains(OTHER), sent.from.as_str()), (true, OTHER), "{raw}");
}
