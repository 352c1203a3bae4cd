//! A text that speaks of an attachment.

/// Words before one that say that there is none: `no attachment`, `have not attached`, `nothing was enclosed`.
const AGAINST: &[&str] = &["no", "not", "never", "nothing", "none", "without", "cannot"];
/// Words before the name of one that make it none that is sent: `any attachments are confidential`, `your two attachments`.
const OF_OTHERS: &[&str] = &["any", "your"];
/// How many words before it are looked at.
const BEFORE: usize = 2;
/// Names of attachments, of which there may be several.
const NAMES: &[&str] = &["attachment", "attachement", "enclosure", "encl"];
/// Whoever attaches something else than the author does: `he attached the plates`, `the letter you attached`.
const SOMEBODY: &[&str] = &["he", "she", "they", "who", "which", "you"];
/// Words before one that say that something is sent, whatever else stands there: `please find your attached statement`.
const SENDING: &[&str] = &["please", "find", "see", "send", "sending", "sent", "forward", "forwarding", "herewith"];
/// Words behind one that make it something else: `attach weight to it`, `the enclosed yard`.
const OTHERWISE: &[&str] = &[
    "importance",
    "significance",
    "weight",
    "value",
    "blame",
    "yard",
    "garden",
    "gardens",
    "courtyard",
    "porch",
    "space",
    "spaces",
    "area",
    "areas",
    "premises",
    "garage",
    "garages",
    "house",
    "building",
];
/// What may stand before a thing: `the house to house log`.
const ARTICLES: &[&str] =
    &["a", "an", "the", "my", "our", "his", "her", "their", "its", "your", "this", "that", "these"];
/// What one is attached to where it is sent: `attached to this e-mail`.
const CARRIER: &[&str] =
    &["this", "be", "the email", "the e mail", "the message", "my email", "my e mail", "our email"];
/// Where a sentence ends, and a part of it, among the words.
const END: &str = ".";
const PAUSE: &str = ",";

/// What somebody wrote, without what was quoted or stands below a signature mark. Outlook quotes without signs: below a line that says so, or below
/// the head of the message that is answered.
fn own(body: &str) -> Vec<&str> {
    let lines: Vec<&str> = body.lines().collect();
    let starts = |at: usize, heads: &[&str]| {
        lines.get(at).is_some_and(|line| heads.iter().any(|head| line.trim_start_matches('*').starts_with(head)))
    };
    let is_quoted_from = |at: usize| {
        let Some(line) = lines.get(at).map(|line| line.trim()) else { return false };
        let says_so = line.starts_with("-----Original Message")
            || line.starts_with("---------- Forwarded message")
            || line.starts_with("-------- Original Message")
            || line.starts_with("________________________________")
            || (line.starts_with("On ") && line.ends_with(" wrote:"));
        let is_head = starts(at, &["From:"])
            && (at + 1..at + 4).any(|near| starts(near, &["Sent:", "Date:"]))
            && (at + 1..at + 6).any(|near| starts(near, &["Subject:"]));
        says_so || is_head
    };
    let end =
        (0..lines.len()).find(|at| lines.get(*at).is_some_and(|line| line.trim_end() == "--") || is_quoted_from(*at));
    lines.into_iter().take(end.unwrap_or(usize::MAX)).filter(|line| !line.starts_with('>')).collect()
}

/// The words of a text in small letters, and where its sentences and their parts end.
fn words(text: &str) -> Vec<String> {
    let text = text.to_lowercase().replace('\u{2019}', "'");
    let mut found = Vec::new();
    for sentence in text.split(['.', '!', '?', ';', ':']) {
        for part in sentence.split([',', '(', ')', '\u{2013}', '\u{2014}']) {
            let all = part.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty());
            found.extend(all.map(str::to_owned));
            found.push(PAUSE.to_owned());
        }
        found.pop();
        found.push(END.to_owned());
    }
    found
}

/// Whether what stands around a word says that there is none, or that it is no attachment that is spoken of.
fn is_denied(before: &[String], word: &[String], behind: &[String]) -> bool {
    let is_word = |word: &&String| *word != END && *word != PAUSE;
    let near = || before.iter().rev().take(BEFORE).take_while(is_word);
    let is_in = |list: &[&str], word: &String| list.contains(&word.as_str());
    if near().any(|word| is_in(AGAINST, word) || word.ends_with("n't")) {
        return true;
    }
    let mut behind = behind.iter().take_while(is_word);
    let (next, second) = (behind.next(), behind.next());
    let is_name = word.first().is_some_and(|word| NAMES.contains(&word.trim_end_matches('s')));
    if is_name {
        // Of earnings, to pay what a court ordered.
        let is_of_court =
            next.is_some_and(|word| word.starts_with("order")) || second.is_some_and(|word| word == "earnings");
        return is_of_court || near().any(|word| is_in(OF_OTHERS, word));
    }
    if before.iter().rev().take_while(|word| *word != END).any(|word| is_in(SENDING, word)) {
        return false;
    }
    // With an article between them, the word behind belongs to what is attached.
    let second_word = second.filter(|_| !next.is_some_and(|word| is_in(ARTICLES, word)));
    if next.into_iter().chain(second_word).any(|word| is_in(OTHERWISE, word)) {
        return true;
    }
    if near().next().is_some_and(|word| is_in(OF_OTHERS, word) || is_in(SOMEBODY, word)) {
        return true;
    }
    // A thing to a thing, or a person to a post.
    let is_bound = word.first().is_some_and(|word| word.starts_with("attach")) && next.is_some_and(|word| word == "to");
    let to = [second, behind.next(), behind.next()].map(|word| word.map_or("", String::as_str)).join(" ");
    is_bound && !CARRIER.iter().any(|carrier| to == *carrier || to.starts_with(&format!("{carrier} ")))
}

/// The first word of the author's own text that speaks of one; what is quoted, what stands below a signature mark and what says that there is none do
/// not count.
#[must_use]
pub fn mention(body: &str, list: &[String]) -> Option<String> {
    // A line without anything ends what stands before it.
    let own: Vec<&str> = own(body).into_iter().map(|line| if line.trim().is_empty() { END } else { line }).collect();
    let spoken = words(&own.join(" "));
    let mut found: Option<(usize, String)> = None;
    for word in list {
        let mut wanted = words(word);
        wanted.pop();
        if wanted.is_empty() {
            continue;
        }
        let is_it = |at: &usize| {
            spoken.get(*at..).is_some_and(|rest| rest.starts_with(&wanted))
                && !is_denied(
                    spoken.get(..*at).unwrap_or_default(),
                    &wanted,
                    spoken.get(*at + wanted.len()..).unwrap_or_default(),
                )
        };
        let at = (0..spoken.len()).find(is_it);
        if let Some(at) = at.filter(|at| found.as_ref().is_none_or(|(first, _)| at < first)) {
            found = Some((at, word.clone()));
        }
    }
    found.map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::mention;
    use crate::enclose::Policy;

    #[test]
    fn only_whole_words_of_ones_own_count() {
        let check = |body: &str, expected: Option<&str>| {
            assert_eq!(mention(body, &Policy::default().words).as_deref(), expected, "{body:?}");
        };
        check("Please find ATTACHED the MG5.", Some("attached"));
        check("I enclose the letter; the attachment follows.", Some("enclose"));
        check("> Please find attached\nThank you.", None);
        check("Thank you.\n-- \nAttachments are virus-checked.", None);
        check("Gweler y ddogfen ynghlwm.", Some("ynghlwm"));
        check("He is unattached, by the attache's account.", None);
        check("", None);
        for (body, word) in [
            ("PFA the MG5.", "pfa"),
            ("Please see attachement.", "attachement"),
            ("The schedule is appended.", "appended"),
            ("I send the statement with this e-mail.", "with this e-mail"),
            ("Encl: statement", "encl"),
            ("No. Attached is the MG5.", "attached"),
            ("There is no attachment to his letter; I attach mine.", "attach"),
        ] {
            check(body, Some(word));
        }
        for body in [
            "No attachment is needed.",
            "I have not attached anything.",
            "I haven\u{2019}t attached it.",
            "Thank you for your attachment.",
            "This message and any attachments are confidential.",
        ] {
            check(body, None);
        }
    }

    #[test]
    fn what_is_enclosed_is_told_from_what_hangs_together_otherwise() {
        let check = |body: &str, expected: bool| {
            assert_eq!(mention(body, &Policy::default().words).is_some(), expected, "{body:?}");
        };
        for body in [
            "Please find your statement attached.",
            "Please find your attached statement.",
            "Please find the statement enclosed.",
            "Find your copy enclosed.",
            "You will find your MG5 attached.",
            "I attach the draft.",
            "I attach the house to house log.",
            "I enclose the building warrant.",
            "I've attached the MG5.",
            "We are attaching your bundle.",
            "Your statement is attached.",
            "I send you attached the draft.",
            "I am sending any statements attached.",
            "Thank you for your e-mail, attached is the draft.",
            "Thank you for your e-mail\n\nAttached is the draft",
            "There is no rush, the draft is attached.",
            "Attached to this e-mail is the MG5.",
            "I attach to this message the MG5.",
            "The MG5 is attached hereto.",
            "Attached to be signed: the MG5.",
            "Please find attached to assist you the MG5.",
            "The schedule in the attached is wrong.",
            "The trailer was attached to the car. I attach the photograph.",
            "Attached order of the court.",
            "Please find attached area plans.",
        ] {
            check(body, true);
        }
        for body in [
            "The trailer was attached to the car.",
            "He is attached to the road policing unit.",
            "She was very attached to the gnome.",
            "The court attached weight to it.",
            "We attach great importance to this.",
            "He attached the plates.",
            "The letter you attached was blank.",
            "An attachment of earnings order was made.",
            "The attachment order stands.",
            "Entry was through the enclosed yard.",
            "It is a house with an attached garage.",
            "I attach great importance to it.",
            "Thank you for your two attachments.",
            "I have read your attached letter.",
            "Any attached files are confidential.",
            "I cannot attach it.",
            "Nothing was enclosed.",
            "On Mon, 4 May 2026 P Windlestraw wrote:\n> Please find your statement attached.",
            "> Please find your statement attached.",
        ] {
            check(body, false);
        }
    }

    #[test]
    fn what_outlook_quotes_is_quoted() {
        let check = |body: &str| assert_eq!(mention(body, &Policy::default().words), None, "{body:?}");
        check("Thanks.\n\n-----Original Message-----\nPlease find attached.");
        check("Thanks.\n\nFrom: P Windlestraw\nSent: 1 May 2026\nTo: me\nSubject: x\n\nPlease find attached.");
        check("Thanks.\n\n*From:* A\n*Date:* Mon\n*Subject:* x\n\nPlease find attached.");
        check("Thanks.\n\nOn Mon, 4 May 2026 P Windlestraw wrote:\nPlease find attached.");
        check("Thanks.\n--\nAttachments are checked.");
        let own = "From: the station\nhe went home. Statement attached.";
        assert_eq!(mention(own, &Policy::default().words).as_deref(), Some("attached"));
        assert_eq!(mention("Find it here with this.", &["here with".into()]).as_deref(), Some("here with"));
        assert_eq!(mention("Attached.", &[String::new()]), None);
    }
}
