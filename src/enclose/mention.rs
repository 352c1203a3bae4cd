//! A text that speaks of an attachment.

/// The first word of the author's own text that speaks of one; quoted lines and what stands below a signature mark do not count.
#[must_use]
pub fn mention(body: &str, words: &[String]) -> Option<String> {
    let own: Vec<&str> = body.lines().take_while(|line| *line != "-- ").filter(|line| !line.starts_with('>')).collect();
    let own = own.join(" ").to_lowercase();
    let spoken: Vec<&str> = own.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|w| !w.is_empty()).collect();
    let wanted = |word: &String| word.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let mut found: Option<(usize, String)> = None;
    for word in words {
        let wanted = wanted(word);
        if wanted.is_empty() {
            continue;
        }
        let at = spoken.windows(wanted.len()).position(|window| window == wanted.as_slice());
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
        assert_eq!(mention("Find it here with this.", &["here with".into()]).as_deref(), Some("here with"));
        assert_eq!(mention("Attached.", &[String::new()]), None);
    }
}
