//! Enhanced status codes in words (RFC 3463 §3, with the additions of RFC 5248's registry that people meet). Pure.
//!
//! The words say what a person can do about it; the server's own words stand beside them, never instead.

/// What a code such as `5.1.1` means, for a person; `None` for one that says nothing more than its reply.
#[must_use]
pub fn in_words(status: &str) -> Option<&'static str> {
    let (_, detail) = status.split_once('.')?;
    Some(match detail {
        "1.1" | "1.0" | "1.6" => "there is no such address",
        "1.2" => "there is no such mail domain, or it cannot be found",
        "1.3" => "the address is not well-formed",
        "1.4" => "the address is ambiguous",
        "1.7" | "1.8" => "your own address is not accepted as the sender's",
        "1.10" => "that domain takes no mail at all",
        "2.0" | "2.1" => "the mailbox does not take mail now",
        "2.2" => "the mailbox is full",
        "2.3" => "the message is too large for that mailbox",
        "2.4" => "the mailing list could not be reached",
        "3.1" => "the server's disk is full",
        "3.2" => "the server takes no mail now",
        "3.4" => "the message is too large for the server",
        "4.1" => "the recipient's server did not answer",
        "4.2" => "the connection to the recipient's server broke",
        "4.3" => "a directory or name server failed on the way",
        "4.4" => "no way to the recipient's server was found",
        "4.5" => "the server is overloaded",
        "4.6" => "the mail went round in a circle",
        "4.7" => "it could not be delivered in time and was given up",
        "5.3" => "too many recipients at once",
        "6.1" | "6.3" => "the kind of content is not accepted",
        "7.0" => "refused for a reason of security or policy",
        "7.1" => "refused: you may not send to this address, or not as this sender",
        "7.2" => "you may not write to that mailing list",
        "7.8" => "user name or password is wrong",
        "7.9" | "7.11" => "this way of logging in is not accepted",
        "7.13" => "the account is disabled",
        "7.20" | "7.21" | "7.22" | "7.23" | "7.24" | "7.26" => "the checks of the sender's domain (SPF, DKIM) failed",
        "7.25" => "the sending server has no name of its own",
        "7.27" => "the sender's domain takes no mail itself",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn codes_that_people_meet_have_words() {
        for (code, word) in
            [("5.1.1", "no such address"), ("4.2.2", "full"), ("5.7.1", "may not send"), ("5.3.4", "large")]
        {
            assert!(in_words(code).is_some_and(|words| words.contains(word)), "{code}");
        }
        for code in ["", "5", "5.99.99", "2.0", "x.y.z"] {
            assert_eq!(in_words(code), None, "{code:?}");
        }
    }
}
