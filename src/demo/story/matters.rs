//! The five cases that the demo is about, and the forty that fill the shelves.

use super::super::chance::Chance;
use super::{Law, Matter};

fn matter(law: Law, client: &str, number: &str, court: &'static str, hearing: &str) -> Matter {
    let surname = client.rsplit(' ').next().unwrap_or(client).to_uppercase();
    let head = if law == Law::England { "R" } else { "PF" };
    Matter {
        law,
        title: format!("{head} v {surname}"),
        client: client.to_owned(),
        client_addr: format!("{}@mailbox.example", client.to_lowercase().replace(' ', ".")),
        surname,
        number: number.to_owned(),
        second: None,
        court,
        hearing: hearing.to_owned(),
        charges: Vec::new(),
    }
}

/// R v FERRET.
pub(in crate::demo) fn ferret() -> Matter {
    let charges = vec!["theft of a garden gnome", "assault by beating"];
    Matter { charges, ..matter(Law::England, "Barnaby Ferret", "99ZX0012326", "Ambleford MC", "05/03/2026") }
}

/// R v OTTERBOURNE.
pub(in crate::demo) fn otterbourne() -> Matter {
    let charges = vec!["burglary of a shed", "handling stolen goods"];
    let second = Some("T20269001".to_owned());
    Matter { charges, second, ..matter(Law::England, "Dilys Otterbourne", "99QY0045626", "Ambleford CC", "02/04/2026") }
}

/// PF v PUDDOCK.
pub(in crate::demo) fn puddock() -> Matter {
    let charges = vec!["threatening or abusive behaviour (s.38)", "assault", "breach of bail"];
    Matter { charges, ..matter(Law::Scotland, "Morag Puddock", "ZZ26000417", "Kirkmirkle Sheriff Court", "27/05/2026") }
}

/// HMA v GANNET & STOAT.
pub(in crate::demo) fn gannet() -> Matter {
    let charges = vec!["housebreaking at the boathouse", "housebreaking at the pavilion"];
    let title = "HMA v GANNET & STOAT".to_owned();
    Matter {
        charges,
        title,
        ..matter(Law::Scotland, "Gideon Gannet", "ZZ26000533", "Kirkmirkle Sheriff Court", "no date yet")
    }
}

/// R v WEASEL, one digit off R v FERRET.
pub(in crate::demo) fn weasel() -> Matter {
    let charges = vec!["criminal damage to a greenhouse"];
    Matter { charges, ..matter(Law::England, "Silas Weasel", "99ZX0012327", "Ambleford MC", "06/03/2026") }
}

const SURNAMES: [&str; 40] = [
    "Badger",
    "Bracken",
    "Bunting",
    "Burdock",
    "Campion",
    "Capercaillie",
    "Coltsfoot",
    "Curlew",
    "Dabchick",
    "Dunnock",
    "Fieldfare",
    "Fritillary",
    "Goldcrest",
    "Goosander",
    "Hawfinch",
    "Hedgehog",
    "Heron",
    "Hogweed",
    "Jackdaw",
    "Kestrel",
    "Knapweed",
    "Lapwing",
    "Linnet",
    "Mallard",
    "Marten",
    "Mugwort",
    "Natterjack",
    "Newt",
    "Nuthatch",
    "Osprey",
    "Pipistrelle",
    "Plover",
    "Ragwort",
    "Redshank",
    "Sandpiper",
    "Shrew",
    "Siskin",
    "Teasel",
    "Vole",
    "Wagtail",
];

const FORENAMES: [&str; 12] =
    ["Ada", "Bertram", "Clover", "Dougal", "Effie", "Fergus", "Greta", "Hector", "Ina", "Jock", "Kirsty", "Lorna"];

const CHARGES: [&str; 12] = [
    "theft of a wheelbarrow",
    "criminal damage to a scarecrow",
    "threatening behaviour at a bowls match",
    "theft of two sacks of potatoes",
    "driving without insurance",
    "assault by throwing a scone",
    "careless driving of a tractor",
    "handling a stolen bicycle",
    "obstructing a constable",
    "burglary of a beehive",
    "drunk and disorderly at the flower show",
    "breach of bail",
];

/// The n-th of the forty.
pub(in crate::demo) fn filler(n: usize, chance: &mut Chance) -> Option<Matter> {
    let surname = SURNAMES.get(n)?;
    let forename = chance.pick(&FORENAMES)?;
    let client = format!("{forename} {surname}");
    let law = if n % 3 == 2 { Law::Scotland } else { Law::England };
    let day = chance.below(27) + 1;
    let month = chance.below(4) + 3;
    let hearing = format!("{day:02}/{month:02}/2026");
    let mut made = if law == Law::England {
        // Older Crown Court cases go by their own number, all others by the URN.
        if chance.percent(25) {
            matter(law, &client, &format!("T20269{:03}", 100 + n), "Ambleford CC", &hearing)
        } else {
            matter(law, &client, &format!("99QX{:05}26", 20_000 + n * 37), "Ambleford MC", &hearing)
        }
    } else {
        matter(law, &client, &format!("ZZ26{:06}", 1000 + n * 13), "Kirkmirkle Sheriff Court", &hearing)
    };
    let first = chance.pick(&CHARGES)?;
    made.charges = vec![first];
    if let Some(second) = chance.pick(&CHARGES).filter(|second| *second != first && chance.percent(60)) {
        made.charges.push(second);
    }
    Some(made)
}
