//! The outbox against real servers: refusals by recipient, routes, what is taken back, delivery reports, answers that never end.

use casemail::app::effect::Effect;
use casemail::app::event::Event;
use casemail::config::{self, Route, RouteLogin};
use casemail::demo::authority::Authority;
use casemail::engine::query::OutboxListed;
use casemail::mail::draft::Draft;
use casemail::mail::message::Message;

use crate::engine::{LINTWHITE, QUILL, World, address, draft, endpoint, eventually};
use crate::support::submission::Submission;
use crate::walkthrough;

const GATEWAY: &str = "r.vellum@foxglove.example.cjsm.net";

fn deliveries(row: &OutboxListed) -> Vec<(&str, &str)> {
    row.recipients.iter().map(|one| (one.address.split('@').next().unwrap(), one.delivery)).collect()
}

#[test]
fn one_refused_and_one_put_off_cost_the_third_nothing() {
    let Some(world) = World::start() else { return };
    let screen = world.screen();
    screen.watching();
    let to = [LINTWHITE, "reject@copfs.gov.example", "defer@copfs.gov.example"].map(address).to_vec();
    screen.send(Draft { to, ..draft("in parts") });
    let row = screen.row("deferred");
    assert_eq!(deliveries(&row), [("lintwhite", "sent"), ("reject", "refused"), ("defer", "waiting")]);
    assert!(row.reply.contains("Sent to 1 of 3") && row.reply.contains("there is no such address"), "{}", row.reply);
    assert!(row.next_attempt.is_some());
    // The copy is filed although one still waits, and once.
    eventually(|| (world.count("Sent") == 1).then_some(()));
    // Another try is for the one that waits alone.
    screen.engine.retry(row.id).unwrap();
    eventually(|| (screen.row("deferred").attempts == 2).then_some(()));
    let taken = world.submission.taken();
    assert_eq!(taken.iter().map(|taken| taken.to.clone()).collect::<Vec<_>>(), [vec![LINTWHITE.to_owned()]]);
    // Taken back: a draft to those who have not got it; the row stays as sent as far as it went.
    let back = screen.engine.cancel(row.id).unwrap();
    assert!(back.words.contains(LINTWHITE), "{}", back.words);
    let draft = screen.event(|event| match event {
        Event::TakenBack(_, draft, _) => Some(draft),
        _ => None,
    });
    let left: Vec<&str> = draft.to.iter().map(|one| one.addr.as_str()).collect();
    assert_eq!(left, ["reject@copfs.gov.example", "defer@copfs.gov.example"]);
    let row = screen.row("sent");
    assert_eq!(deliveries(&row), [("lintwhite", "sent"), ("reject", "taken-back"), ("defer", "taken-back")]);
    assert_eq!(world.count("Sent"), 1);
}

/// A world with a gateway for `cjsm.net`.
fn with_gateway() -> Option<(World, Submission)> {
    let mut world = World::start()?;
    let authority = Authority::new("gateway tests").unwrap();
    let gateway = Submission::start_with(&authority, &[("quill", "gnome under the hedge")], None)?;
    let route = Route {
        name: "gateway".into(),
        domains: vec!["cjsm.net".into()],
        smtp: config::Endpoint { user: String::new(), ..endpoint(&gateway.tls(), "") },
        login: RouteLogin::Own(config::PasswordSource::Command(vec![
            "printf".into(),
            "%s".into(),
            "gnome under the hedge".into(),
        ])),
        ca_file: Some(gateway.ca_file()),
        from: vec![QUILL.into()],
        accounts: Vec::new(),
    };
    world.config.routes = vec![route];
    Some((world, gateway))
}

#[test]
fn a_message_to_both_routes_goes_by_both_and_is_filed_once() {
    let Some((world, gateway)) = with_gateway() else { return };
    let screen = world.screen();
    screen.watching();
    let both = || Draft { to: [LINTWHITE, GATEWAY].map(address).to_vec(), ..draft("by both") };
    // The review says which way.
    screen.engine.submit(Effect::Review(Box::new(both())));
    let review = screen.event(|event| match event {
        Event::Reviewed(review) => Some(review.unwrap()),
        _ => None,
    });
    let ways: Vec<String> = review.recipients.iter().map(|one| one.route.as_ref().unwrap().to_string()).collect();
    assert_eq!(ways, ["By localhost.", "By gateway (localhost)."]);
    screen.send(both());
    let rows = eventually(|| {
        let rows = screen.engine.outbox().unwrap();
        (rows.len() == 2 && rows.iter().all(|row| row.state == "sent")).then_some(rows)
    });
    assert_eq!(rows[0].message_id, rows[1].message_id);
    assert_eq!(rows.iter().filter_map(|row| row.route.as_deref()).collect::<Vec<_>>(), ["gateway"]);
    let (own, theirs) = (world.submission.taken(), gateway.taken());
    assert_eq!((own.len(), theirs.len()), (1, 1));
    assert_eq!(
        (own[0].to.as_slice(), theirs[0].to.as_slice()),
        (&[LINTWHITE.to_owned()][..], &[GATEWAY.to_owned()][..])
    );
    assert_eq!(own[0].raw, theirs[0].raw, "the same bytes");
    assert_eq!(world.count("Sent"), 1);
}

#[test]
fn a_gateway_that_is_down_keeps_its_own_mail_waiting_and_nothing_else() {
    let Some((world, gateway)) = with_gateway() else { return };
    drop(gateway);
    let screen = world.screen();
    screen.watching();
    screen.send(Draft { to: [LINTWHITE, GATEWAY].map(address).to_vec(), ..draft("gateway down") });
    let rows = eventually(|| {
        let rows = screen.engine.outbox().unwrap();
        let of = |route: Option<&str>| rows.iter().find(|row| row.route.as_deref() == route).cloned();
        let (own, waiting) = (of(None)?, of(Some("gateway"))?);
        (own.state == "sent" && waiting.state == "deferred").then_some((own, waiting))
    });
    assert!(rows.1.reply.starts_with("Not sent yet"), "{}", rows.1.reply);
    // Never the other way instead.
    let taken = world.submission.taken();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].to, [LINTWHITE]);
    // A sender whom the route does not take is refused in the review, and a changed configuration sends nothing another way.
    screen.engine.close();
    let mut changed = world;
    changed.config.routes.clear();
    let screen = changed.screen();
    screen.watching();
    screen.engine.retry(rows.1.id).unwrap();
    let row = eventually(|| {
        let row = screen.engine.outbox().unwrap().into_iter().find(|row| row.id == rows.1.id)?;
        (row.state == "failed").then_some(row)
    });
    assert!(row.reply.contains("no longer in the configuration"), "{}", row.reply);
    assert_eq!(changed.submission.taken().len(), 1);
}

#[test]
fn several_go_over_one_connection_and_a_server_that_hangs_holds_up_its_own_route_only() {
    let Some((world, gateway)) = with_gateway() else { return };
    let screen = world.screen();
    screen.watching();
    gateway.pause();
    screen.send(Draft { to: vec![address(GATEWAY)], ..draft("stuck") });
    for n in 0..6 {
        screen.send(draft(&format!("number {n}")));
    }
    let rows = eventually(|| {
        let rows = screen.engine.outbox().unwrap();
        (rows.iter().filter(|row| row.state == "sent").count() == 6).then_some(rows)
    });
    let stuck = rows.iter().find(|row| row.route.is_some()).unwrap();
    assert!(["sending", "queued", "deferred"].contains(&stuck.state), "{}", stuck.state);
    gateway.resume();
    eventually(|| screen.engine.outbox().unwrap().iter().all(|row| row.state == "sent").then_some(()));
    assert_eq!((world.submission.taken().len(), gateway.taken().len()), (6, 1));
    let mut subjects: Vec<String> =
        world.submission.taken().into_iter().map(|taken| Message::parse(taken.raw).headers().subject()).collect();
    subjects.sort();
    assert_eq!(subjects, (0..6).map(|n| format!("number {n}")).collect::<Vec<_>>());
}

#[test]
fn taken_back_in_its_window_the_whole_message_is_a_draft() {
    let Some((mut world, gateway)) = with_gateway() else { return };
    world.config.undo_send_seconds = 3_600;
    let screen = world.screen();
    screen.watching();
    let blind = Draft { bcc: vec![address("clerk@quillpounce.example")], ..draft("held") };
    screen.send(Draft { to: [LINTWHITE, GATEWAY].map(address).to_vec(), ..blind });
    let rows = screen.engine.outbox().unwrap();
    assert_eq!(rows.iter().map(|row| row.state).collect::<Vec<_>>(), ["held", "held"]);
    screen.engine.submit(Effect::CancelOutbox(rows[0].id));
    let (id, back) = screen.event(|event| match event {
        Event::TakenBack(id, draft, _) => Some((id, draft)),
        _ => None,
    });
    assert!(screen.engine.outbox().unwrap().is_empty(), "one message is one decision");
    assert_eq!((back.to.len(), back.bcc.len(), back.subject.as_str()), (2, 1, "held"));
    assert!(!back.body.is_empty());
    // It outlives the process, and is the draft at hand once it is taken up.
    screen.engine.close();
    let screen = world.screen();
    screen.engine.submit(Effect::TakeUpDraft(id));
    let again = screen.event(|event| match event {
        Event::DraftTaken(draft) => Some(draft.unwrap()),
        _ => None,
    });
    assert!(again.key.is_some() && back.key.is_none(), "it is a draft of its own");
    assert_eq!(Draft { key: None, ..*again }, *back);
    assert!(world.submission.taken().is_empty() && gateway.taken().is_empty());
}

#[test]
fn a_delivery_report_is_shown_at_the_recipient_it_is_about() {
    let Some(world) = World::start() else { return };
    let screen = world.screen();
    screen.watching();
    screen.send(draft("reported"));
    let row = screen.row("sent");
    let report = format!(
        "From: MAILER-DAEMON@quillpounce.example\r\nTo: {QUILL}\r\nMessage-ID: <r@quillpounce.example>\r\nSubject: Undelivered\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nno\r\n\
         --b\r\nContent-Type: message/delivery-status\r\n\r\nOriginal-Envelope-Id: {}\r\n\r\nFinal-Recipient: rfc822; {LINTWHITE}\r\n\
         Action: failed\r\nStatus: 5.2.2\r\nDiagnostic-Code: smtp; 552 5.2.2 full\r\n\r\n--b--\r\n",
        row.message_id
    );
    world.dovecot.deliver("quill", "INBOX", report.as_bytes());
    let row = eventually(|| {
        let row = screen.engine.outbox().unwrap().remove(0);
        row.recipients[0].reported.is_some().then_some(row)
    });
    assert_eq!((row.state, row.recipients[0].delivery), ("sent", "sent"), "a report changes no state");
    assert_eq!(row.recipients[0].reported.as_deref(), Some("failed"));
}

#[test]
fn a_copy_that_could_not_be_filed_is_filed_by_the_next_sync() {
    let Some(mut world) = walkthrough::World::start() else { return };
    world.dovecot.stop();
    let draft = b"To: h.lintwhite@copfs.gov.example\r\nSubject: the gnome\r\n\r\nUnder the hedge.\r\n";
    let ran = world.home.run(&["send", "--override", "no case of that name", "-"], draft);
    assert_eq!(ran.code, 0, "{ran:?}");
    let state = || {
        let told: serde_json::Value =
            serde_json::from_str(&world.home.done(&["--json", "outbox", "list"], b"")).unwrap();
        told["entries"][0]["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state(), "sent-not-filed");
    world.dovecot.start_again();
    let told = world.home.run(&["sync"], b"");
    assert!(told.code == 0 && told.err.contains("its copy is filed"), "{told:?}");
    assert_eq!(state(), "sent");
    let filed = world.dovecot.doveadm(&["search", "-u", "quill", "mailbox", "Sent", "all"], b"");
    assert_eq!((filed.lines().count(), world.submission.taken().len()), (1, 1));
    // Once only, and not told again.
    let told = world.home.run(&["sync"], b"");
    assert!(!told.err.contains("filed"), "{told:?}");
    let filed = world.dovecot.doveadm(&["search", "-u", "quill", "mailbox", "Sent", "all"], b"");
    assert_eq!(filed.lines().count(), 1);
}
