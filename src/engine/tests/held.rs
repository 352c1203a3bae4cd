//! The undo window of a message over several runs of the program, whatever the clock says.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Clock, Network, PATIENCE, Running, World, config, core_now};
use crate::engine::outbox::start;
use crate::engine::query::OutboxListed;
use crate::store::outbox::{OutboxEntry, OutboxState, SmtpEnvelope, Uptime};

/// The undo window of these tests' configuration, in seconds.
const WINDOW: i64 = 3_600;

fn after(hours: i64, seconds: i64) -> Timestamp {
    core_now() + SignedDuration::from_secs(hours * 3_600 + seconds)
}

impl Running {
    /// Begins to work on the outbox; its row, once it is as wanted.
    fn row_as(&self, wanted: impl Fn(&OutboxListed) -> bool) -> OutboxListed {
        self.engine.core.ask_open(|core, open| start(core, open)).unwrap();
        let until = std::time::Instant::now() + PATIENCE;
        loop {
            let row = self.engine.outbox().unwrap().remove(0);
            if wanted(&row) {
                return row;
            }
            let left = until.saturating_duration_since(std::time::Instant::now());
            assert!(self.events.recv_timeout(left).is_ok(), "it did not come about: {row:?}");
        }
    }
}

#[test]
fn the_window_is_as_long_as_it_was_promised_to_be() {
    let world = World::new();
    // The time of day in hours from that of these tests; how long the machine has run, in seconds, and since which start.
    // `ran`: how long the process has run, in seconds.
    let open_in = |hours, boot, seconds: u64, ran, network| {
        let clock = Clock::from_fns(move || after(hours, 0), move || Duration::from_secs(ran));
        let clock = clock.with_uptime(move || Some(Uptime { boot, millis: seconds * 1_000 }));
        world.open_by(config(), clock, network)
    };
    let open = |hours, boot, seconds, network| open_in(hours, boot, seconds, 0, network);
    let first = open(0, 1, 100, Network::WhenAsked);
    let queued = first.engine.core.ask_open(|_, open| {
        let envelope = SmtpEnvelope {
            reverse_path: "b.quill@quillpounce.example".into(),
            forward_paths: vec!["h.lintwhite@copfs.gov.example".into()],
        };
        let mut row = OutboxEntry::new("work", "1@quillpounce.example", envelope, core_now());
        (row.state, row.next_attempt) = (OutboxState::Held, Some(after(0, WINDOW)));
        row.held_since = Some(Uptime { boot: 1, millis: 100_000 });
        open.stores.state.queue(row, b"Subject: x\r\n\r\nx\r\n").unwrap()
    });
    queued.unwrap();
    first.engine.close();
    let is_held_in = |hours, boot, seconds, ran, network, until: i64| {
        let running = open_in(hours, boot, seconds, ran, network);
        let until = Some(after(hours, until));
        assert_eq!(
            running.row_as(|row| row.state != "held" || row.next_attempt == until).state,
            "held",
            "{hours} {boot}"
        );
        running.engine.close();
    };
    let is_held = |hours, boot, seconds, network, until| is_held_in(hours, boot, seconds, 0, network, until);
    // A command behind which the clock was set a day ahead, and one behind which it was set two days back.
    is_held(24, 1, 110, Network::WhenAsked, WINDOW - 10);
    is_held(-24, 1, 120, Network::WhenAsked, WINDOW - 20);
    // The machine was started anew: how long it stood still is not known.
    is_held(-24, 2, 5, Network::WhenAsked, WINDOW);
    // Runs that are shorter than the window add up.
    is_held(-24, 2, 1_005, Network::WhenAsked, WINDOW - 1_000);
    // On the screen somebody may want to take it back: the whole of it, from now on.
    is_held(24, 2, 2_000, Network::Watch, WINDOW);
    // Behind a lock it goes on: the process is the one in which it began.
    is_held_in(24, 2, 2_005, 300, Network::Watch, WINDOW - 5);
    is_held(24, 2, 2_010, Network::WhenAsked, WINDOW - 10);
    let last = open(24, 2, 2_000 + 3_601, Network::WhenAsked);
    // Nobody listens there: it was tried, and is put off.
    last.row_as(|row| row.state == "deferred");
}
