//! The program in a real terminal.

use crate::support::tmux::Tmux;

#[test]
fn a_program_is_driven_by_keys_and_seen() {
    let Some(tmux) =
        Tmux::start((80, 24), &["sh", "-c", "printf 'ready\\n'; read -r line; echo \"got $line\"; exit 3"], &[])
    else {
        return;
    };
    tmux.wait_for("ready");
    tmux.type_text("it's typed");
    tmux.send_keys(&["Enter"]);
    tmux.wait_for("got it's typed");
    assert_eq!(tmux.wait_for_end(), 3);
}
