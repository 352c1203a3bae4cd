//! Who signed a message, in the case that it is filed in: through the program, with a register, a server and GnuPG.

use serde_json::Value;

use crate::support::home::Home;
use crate::walkthrough::{Gpg, LINTWHITE, World, exchange_keys};

/// The document of the message whose subject begins with a number.
fn shown(home: &Home, number: &str) -> Value {
    let listed = home.json(&["message", "list"]);
    let of = |row: &&Value| row["subject"].as_str().is_some_and(|subject| subject.starts_with(number));
    let id = listed["messages"].as_array().unwrap().iter().find(of).unwrap()["id"].as_str().unwrap().to_owned();
    home.json(&["message", "show", &id])
}

/// What is said of its signer: state, party, stranger, and whether that is warned of.
fn signer(document: &Value) -> (&str, Option<&str>, bool, bool) {
    let signature = &document["openpgp"]["signature"];
    let warned = document["warnings"].as_array().unwrap().iter().any(|code| code == "signer-not-party");
    let signer = &signature["signer"];
    (signature["state"].as_str().unwrap(), signer["party"].as_str(), signer["stranger"] == true, warned)
}

#[test]
fn the_signer_is_named_by_what_he_is_in_the_case_or_as_a_stranger_to_it() {
    let Some(gpg) = Gpg::new() else { return };
    let Some(world) = World::start() else { return };
    exchange_keys(&world, &gpg);
    for (number, id) in [("99ZX0012326", "1"), ("77XY0045626", "2")] {
        let subject = format!("{number} plea");
        let sealed = gpg.seal("quill@quillpounce.example", id, &subject, "Guilty as amended.");
        world.dovecot.deliver("quill", "INBOX", &sealed);
    }
    let home = &world.home;
    home.done(&["sync"], b"");
    let open = |number: &str, title: &str, client: &str| {
        home.done(&["case", "open", "--title", title, "--number", number, "--client", client], b"");
    };
    open("99ZX0012326", "R v FERRET", "Barnaby FERRET");
    open("77XY0045626", "R v WEASEL", "Wanda WEASEL");
    let good = |document: &Value| signer(document) == ("good", None, false, false);
    assert!(good(&shown(home, "99ZX0012326")), "nobody is recorded yet: {}", shown(home, "99ZX0012326"));

    let party = |number: &str, fields: &str| home.done(&["case", "edit", number, "--party", fields], b"");
    party("99ZX0012326", &format!("name=Harriet Lintwhite; role=fiscal-depute; addresses={LINTWHITE}"));
    party("77XY0045626", "name=Rufus Vellum; role=counsel; addresses=r.vellum@foxglove.example");
    let document = shown(home, "99ZX0012326");
    assert_eq!(signer(&document), ("good", Some("procurator fiscal"), false, false), "{document}");
    let document = shown(home, "77XY0045626");
    assert_eq!(signer(&document), ("good", None, true, true), "{document}");

    // And in words.
    let words = |number: &str| home.done(&["message", "show", shown(home, number)["id"].as_str().unwrap()], b"");
    assert!(words("99ZX0012326").contains("(procurator fiscal in this case), whose key you compared"));
    assert!(words("77XY0045626").contains("Whoever signed it is no party of the case that it is filed in."));
}
