//! A text that speaks of an attachment.

/// Words before one that make it none: `no attachment`, `have not attached`, `any attachments are confidential`, `your attachment`.
const AGAINST: &[&str] = &["no", "not", "never", "without", "any", "your", "cannot"];
/// How many words before it are looked at.
const BEFORE: usize = 2;
/// Where a sentence ends, among the words.
const END: &str = ".";

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

/// The words of a text in small letters, and where its sentences end.
fn words(text: &str) -> Vec<String> {
    let text = text.to_lowercase().replace('\u{2019}', "'");
    let mut found = Vec::new();
    for sentence in text.split(['.', '!', '?', ';', ':']) {
        let all = sentence.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty());
        found.extend(all.map(str::to_owned));
        found.push(END.to_owned());
    }
    found
}

/// Whether what stands before a word says that there is none.
fn is_denied(before: &[String]) -> bool {
    let near = before.iter().rev().take(BEFORE).take_while(|word| *word != END);
    near.into_iter().any(|word| AGAINST.contains(&word.as_str()) || word.ends_with("n't"))
}

/// The first word of the author's own text that speaks of one; what is quoted, what stands below a signature mark and what says that there is none do
/// not count.
#[must_use]
pub fn mention(body: &str, list: &[String]) -> Option<String> {
    let spoken = words(&own(body).join(" "));
    let mut found: Option<(usize, String)> = None;
    for word in list {
        let mut wanted = words(word);
        wanted.pop();
        if wanted.is_empty() {
            continue;
        }
        let is_it = |at: &usize| {
            spoken.get(*at..).is_some_and(|rest| rest.starts_with(&wanted))
                && !is_denied(spoken.get(..*at).unwrap_or_default())
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
